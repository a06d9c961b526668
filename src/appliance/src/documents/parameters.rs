//! What a caller says about one seal on a document, checked into a [`SealRequest`] that cannot be wrong.
//!
//! The same parameters stand in the query of a request, or in the `request` part of a multipart one, where several
//! seals may be asked for (`order`). Nothing here looks at a document.

use pdf::sign::{DocMdp, FieldLock};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use super::format::{Format, Level};
use super::looks::{EdgeKind, Language, LineKind, LinesWish, PagingWish, SheetKind, SideKind};
use super::model::{BadParameter, is_identifier, is_shown_text};
use super::wishes::locked;

/// Parameters of one seal on a document. The seal shows at a place (`page`, `x_mm`, `y_mm`), on a text (`keyword`), in
/// an existing field (`place=field`) or over the edges of all pages (`paging`); with none of them the signature is
/// invisible.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SealQuery {
    /// Identifier of the seal.
    pub seal: String,
    /// What the signature is: `cms` (PAdES; when left out) or `ses` (SES_Signature of GB/T 38540).
    pub format: Option<Format>,
    /// How much the sealed document proves by itself; where several seals are asked for it stands beside `seals`.
    pub level: Option<Level>,
    /// How the place is given; told from the other parameters when left out.
    pub place: Option<PlaceKind>,
    /// Page to show the seal on, from 1; negative numbers count from the last page.
    pub page: Option<i32>,
    /// Left edge of the seal, in millimetres from the left of the page as a reader sees it.
    pub x_mm: Option<f64>,
    /// Upper edge of the seal, in millimetres from the top of the page as a reader sees it.
    pub y_mm: Option<f64>,
    /// Text on which the seal is centred.
    pub keyword: Option<String>,
    /// Which occurrence of the text, from 1.
    pub occurrence: Option<u32>,
    /// Name of the signature field: an existing empty one is signed, any other name is given to a new one.
    pub field: Option<String>,
    /// Certifies the document: afterwards nothing (1), forms and signatures (2), or also annotations (3) may change.
    #[param(minimum = 1, maximum = 3)]
    #[schema(minimum = 1, maximum = 3)]
    pub certify: Option<u8>,
    /// Splits the seal over this edge of the pages (骑缝章), alone or besides its place, in the same signature.
    pub paging: Option<EdgeKind>,
    /// Millimetres along the edge (from the top, or the left) to the split seal; in the middle when left out.
    pub paging_along_mm: Option<f64>,
    /// The first page that shows a slice, from 1.
    pub paging_first_page: Option<u32>,
    /// The last page that shows one; the document's last when left out.
    pub paging_last_page: Option<u32>,
    /// Which of these pages show slices.
    pub paging_sheets: Option<SheetKind>,
    /// How many pages one seal is split over at most; more pages take more seals.
    pub paging_pages_per_seal: Option<u32>,
    /// Lines of text beside the seal, from top to bottom; in a query separated by commas.
    #[serde(default, deserialize_with = "lines")]
    #[param(style = Form, explode = false)]
    pub lines: Option<Vec<LineKind>>,
    /// Their language.
    pub lines_language: Option<Language>,
    /// On which side of the seal they stand; on the right when left out.
    pub lines_side: Option<SideKind>,
    /// Shows a QR symbol of the link under which the document can be verified.
    pub qr: Option<bool>,
    /// On which side of the seal it stands; below when left out.
    pub qr_side: Option<SideKind>,
    /// Which form fields the signature locks.
    pub lock: Option<LockKind>,
    /// The fields meant by `lock=include` and `lock=exclude`; in a query separated by commas.
    #[serde(default, deserialize_with = "list")]
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false)]
    #[schema(value_type = Option<Vec<String>>)]
    pub lock_fields: Option<Vec<String>>,
    /// Reason shown by viewers.
    pub reason: Option<String>,
    /// Place shown by viewers.
    pub location: Option<String>,
    /// Case number for the record.
    pub case_number: Option<String>,
    /// Code of the service item for the record.
    pub item: Option<String>,
    /// Kind of the document for the record, as rules of use name it.
    pub document_kind: Option<String>,
    /// What it is sealed for; kept where it can be erased.
    pub purpose: Option<String>,
    /// Who works on the case at the caller's; kept where it can be erased.
    pub operator: Option<String>,
}

/// How the place of a seal is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlaceKind {
    /// By page and point.
    Page,
    /// By a text.
    Keyword,
    /// By the existing field that is signed.
    Field,
    /// Over the edges of pages alone.
    Paging,
    /// Nowhere.
    Invisible,
}

/// Which form fields a signature locks (ISO 32000-2 table 236).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LockKind {
    /// All of them.
    All,
    /// Those named.
    Include,
    /// All but those named.
    Exclude,
}

/// Where the seal shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Place {
    /// At a point of a page: upper left corner of the seal.
    Page {
        /// From 1; negative from the end.
        page: i32,
        /// Millimetres from the left as seen.
        x_mm: f64,
        /// Millimetres from the top as seen.
        y_mm: f64,
    },
    /// Centred on a text.
    Keyword {
        /// The text.
        text: String,
        /// Which occurrence, from 1.
        occurrence: u32,
    },
    /// In the rectangle of the existing field that is signed.
    Field,
    /// Over the edges of pages alone.
    Paging,
    /// Nowhere: the signature has no appearance.
    Invisible,
    /// In a document that stays with the caller.
    Elsewhere,
}

/// A checked request for one seal on a document.
#[derive(Debug, Clone, PartialEq)]
pub struct SealRequest {
    /// Identifier of the seal.
    pub seal: String,
    /// What the signature is.
    pub format: Format,
    /// Where it shows.
    pub place: Place,
    /// The same seal over the edges of pages.
    pub paging: Option<PagingWish>,
    /// Text beside it.
    pub lines: Option<LinesWish>,
    /// A QR symbol beside it, on this side.
    pub qr: Option<SideKind>,
    /// The signature field.
    pub field: Option<String>,
    /// Whether the document is certified.
    pub certify: Option<DocMdp>,
    /// Which fields are locked.
    pub lock: Option<FieldLock>,
    /// Reason shown by viewers.
    pub reason: Option<String>,
    /// Place shown by viewers.
    pub location: Option<String>,
    /// Case number for the record.
    pub case_number: Option<String>,
    /// Code of the service item for the record.
    pub item: Option<String>,
    /// Kind of the document for the record, as rules of use name it.
    pub document_kind: Option<String>,
    /// What it is sealed for; kept where it can be erased.
    pub purpose: Option<String>,
    /// Who works on the case at the caller's; kept where it can be erased.
    pub operator: Option<String>,
}

impl SealRequest {
    /// A request for this seal at this place, and nothing else.
    #[must_use]
    pub fn new(seal: String, place: Place) -> Self {
        Self {
            seal,
            format: Format::Cms,
            place,
            paging: None,
            lines: None,
            qr: None,
            field: None,
            certify: None,
            lock: None,
            reason: None,
            location: None,
            case_number: None,
            item: None,
            document_kind: None,
            purpose: None,
            operator: None,
        }
    }
}

impl SealQuery {
    /// Checks the parameters against each other.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(self) -> Result<SealRequest, BadParameter> {
        if !is_identifier(&self.seal) {
            return bad("seal", "write the seal's identifier: letters, digits, `-`, `_` and `.`, at most 64");
        }
        for (name, text) in [
            ("keyword", &self.keyword),
            ("field", &self.field),
            ("reason", &self.reason),
            ("location", &self.location),
            ("case_number", &self.case_number),
            ("item", &self.item),
            ("document_kind", &self.document_kind),
            ("purpose", &self.purpose),
            ("operator", &self.operator),
        ] {
            let Some(text) = text else { continue };
            if !is_shown_text(text, MAX_TEXT) {
                return bad(name, "write 1 to 256 visible characters, or leave it out");
            }
        }
        let place = self.where_to()?;
        let paging = self.split()?;
        let (lines, qr) = self.beside(&place)?;
        let certify = match self.certify {
            None => None,
            Some(1) => Some(DocMdp::NoChanges),
            Some(2) => Some(DocMdp::FormsAndSignatures),
            Some(3) => Some(DocMdp::Annotations),
            Some(_) => {
                return bad(
                    "certify",
                    "write 1 (no change), 2 (forms and signatures) or 3 (annotations too)",
                );
            }
        };
        let lock = locked(self.lock, self.lock_fields)?;
        Ok(SealRequest {
            seal: self.seal,
            format: self.format.unwrap_or_default(),
            place,
            paging,
            lines,
            qr,
            field: self.field,
            certify,
            lock,
            reason: self.reason,
            location: self.location,
            case_number: self.case_number,
            item: self.item,
            document_kind: self.document_kind,
            purpose: self.purpose,
            operator: self.operator,
        })
    }

    fn where_to(&self) -> Result<Place, BadParameter> {
        let point = (self.page, self.x_mm, self.y_mm);
        let kind = match (self.place, point, &self.keyword) {
            (Some(kind), ..) => kind,
            (None, (None, None, None), None) if self.paging.is_some() => PlaceKind::Paging,
            (None, (None, None, None), None) => PlaceKind::Invisible,
            (None, (None, None, None), Some(_)) => PlaceKind::Keyword,
            (None, _, None) => PlaceKind::Page,
            (None, _, Some(_)) => {
                return bad("keyword", "give either a keyword or page, x_mm and y_mm, not both");
            }
        };
        if kind != PlaceKind::Page && point != (None, None, None) {
            return bad("place", "page, x_mm and y_mm belong to `place=page` alone");
        }
        if kind != PlaceKind::Keyword && (self.keyword.is_some() || self.occurrence.is_some()) {
            let name = if self.keyword.is_some() { "keyword" } else { "occurrence" };
            return bad(name, "a keyword and its occurrence belong to `place=keyword` alone");
        }
        match kind {
            PlaceKind::Invisible if self.paging.is_some() => {
                bad("place", "`place=invisible` and `paging` exclude each other; leave one of them out")
            }
            PlaceKind::Invisible => Ok(Place::Invisible),
            PlaceKind::Paging if self.paging.is_none() => {
                bad("paging", "name the edge that the seal is split over")
            }
            PlaceKind::Paging => Ok(Place::Paging),
            PlaceKind::Field if self.field.is_none() => {
                bad("field", "`place=field` shows the seal in an existing field; name it with `field`")
            }
            PlaceKind::Field => Ok(Place::Field),
            PlaceKind::Keyword => {
                let Some(text) = self.keyword.clone() else {
                    return bad("keyword", "`place=keyword` needs the keyword");
                };
                let occurrence = self.occurrence.unwrap_or(1);
                if occurrence == 0 || occurrence > 10_000 {
                    return bad("occurrence", "occurrences count from 1 to 10000");
                }
                Ok(Place::Keyword { text, occurrence })
            }
            PlaceKind::Page => self.at_point(),
        }
    }

    fn at_point(&self) -> Result<Place, BadParameter> {
        let (Some(page), Some(x_mm), Some(y_mm)) = (self.page, self.x_mm, self.y_mm) else {
            return bad("page", "page, x_mm and y_mm belong together; give all three");
        };
        if page == 0 {
            return bad("page", "pages count from 1, or from -1 backwards");
        }
        for (name, value) in [("x_mm", x_mm), ("y_mm", y_mm)] {
            if !value.is_finite() || value.abs() > MAX_MM {
                return bad(name, "write millimetres as a number within ±10000");
            }
        }
        Ok(Place::Page { page, x_mm, y_mm })
    }
}

pub(super) fn bad<T>(name: &'static str, reason: &'static str) -> Result<T, BadParameter> {
    Err(BadParameter { name, reason })
}

/// A list in JSON, or words separated by commas as queries have them.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Words(String),
        List(Vec<String>),
    }
    Ok(Option::<Either>::deserialize(deserializer)?.map(|either| match either {
        Either::Words(words) => words.split(',').map(|word| word.trim().to_owned()).collect(),
        Either::List(list) => list,
    }))
}

fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<LineKind>>, D::Error> {
    use serde::de::IntoDeserializer;
    let Some(words) = list(deserializer)? else { return Ok(None) };
    let one = |word: String| LineKind::deserialize(word.into_deserializer());
    words.into_iter().map(one).collect::<Result<_, _>>().map(Some)
}

/// Longest text parameter in characters: more does not fit a viewer's panel.
pub(super) const MAX_TEXT: usize = 256;

/// Largest page number and coordinate that is looked at; ISO 32000-2 Annex C has no smaller bound, paper has.
pub(super) const MAX_MM: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> SealQuery {
        SealQuery { seal: "bureau".into(), ..SealQuery::default() }
    }

    #[test]
    fn a_place_is_a_page_point_or_a_keyword_or_a_field_or_nothing() {
        assert_eq!(query().check().unwrap().place, Place::Invisible);
        let at = SealQuery { page: Some(-1), x_mm: Some(10.0), y_mm: Some(20.5), ..query() };
        assert_eq!(at.check().unwrap().place, Place::Page { page: -1, x_mm: 10.0, y_mm: 20.5 });
        let on = SealQuery { keyword: Some("盖章处".into()), ..query() };
        assert_eq!(on.check().unwrap().place, Place::Keyword { text: "盖章处".into(), occurrence: 1 });
        let named = SealQuery { field: Some("Approval".into()), ..query() };
        assert_eq!(named.clone().check().unwrap().place, Place::Invisible);
        let within = SealQuery { place: Some(PlaceKind::Field), ..named };
        assert_eq!(within.check().unwrap().place, Place::Field);
    }

    #[test]
    fn certification_and_locks_are_read() {
        let query = SealQuery {
            certify: Some(2),
            lock: Some(LockKind::Include),
            lock_fields: Some(vec!["姓名".into()]),
            ..query()
        };
        let request = query.check().unwrap();
        assert_eq!(request.certify, Some(DocMdp::FormsAndSignatures));
        assert_eq!(request.lock, Some(FieldLock::Include(vec!["姓名".into()])));
    }

    #[test]
    fn lists_are_words_in_a_query_and_lists_in_json() {
        let json = r#"{"seal":"a","lock":"exclude","lock_fields":["x,y","z"]}"#;
        let read: SealQuery = serde_json::from_str(json).unwrap();
        assert_eq!(read.lock_fields, Some(vec!["x,y".to_owned(), "z".to_owned()]));
        let uri = "/?seal=a&lock=include&lock_fields=x,%20z&lines=signer,time&qr=true&paging=right";
        let uri: http::Uri = uri.parse().unwrap();
        let axum::extract::Query(read) = axum::extract::Query::<SealQuery>::try_from_uri(&uri).unwrap();
        assert_eq!(read.lock_fields, Some(vec!["x".to_owned(), "z".to_owned()]));
        assert_eq!(read.lines, Some(vec![LineKind::Signer, LineKind::Time]));
        assert_eq!((read.qr, read.paging), (Some(true), Some(EdgeKind::Right)));
        assert!(serde_json::from_str::<SealQuery>(r#"{"seal":"a","surprise":1}"#).is_err());
    }

    #[test]
    fn each_impossible_parameter_is_named() {
        let many = || (0..257).map(|n| n.to_string()).collect::<Vec<_>>();
        let cases = [
            (SealQuery { seal: "../x".into(), ..query() }, "seal"),
            (SealQuery { page: Some(1), ..query() }, "page"),
            (SealQuery { page: Some(0), x_mm: Some(1.0), y_mm: Some(1.0), ..query() }, "page"),
            (SealQuery { page: Some(1), x_mm: Some(f64::NAN), y_mm: Some(1.0), ..query() }, "x_mm"),
            (SealQuery { page: Some(1), x_mm: Some(1.0), y_mm: Some(1e9), ..query() }, "y_mm"),
            (SealQuery { page: Some(1), keyword: Some("x".into()), ..query() }, "keyword"),
            (SealQuery { occurrence: Some(1), ..query() }, "occurrence"),
            (SealQuery { keyword: Some("x".into()), occurrence: Some(0), ..query() }, "occurrence"),
            (SealQuery { place: Some(PlaceKind::Keyword), ..query() }, "keyword"),
            (SealQuery { place: Some(PlaceKind::Field), ..query() }, "field"),
            (SealQuery { place: Some(PlaceKind::Invisible), page: Some(1), ..query() }, "place"),
            (SealQuery { place: Some(PlaceKind::Paging), ..query() }, "paging"),
            (SealQuery { paging_first_page: Some(1), ..query() }, "paging"),
            (
                SealQuery { paging: Some(EdgeKind::Top), paging_last_page: Some(1), ..query() },
                "paging_last_page",
            ),
            (
                SealQuery { paging: Some(EdgeKind::Top), place: Some(PlaceKind::Invisible), ..query() },
                "place",
            ),
            (SealQuery { lines: Some(vec![LineKind::Time]), ..query() }, "lines"),
            (SealQuery { lines: Some(Vec::new()), keyword: Some("x".into()), ..query() }, "lines"),
            (
                SealQuery { lines: Some(vec![LineKind::Reason]), keyword: Some("x".into()), ..query() },
                "lines",
            ),
            (SealQuery { lines_side: Some(SideKind::Left), ..query() }, "lines"),
            (SealQuery { qr: Some(true), paging: Some(EdgeKind::Left), ..query() }, "qr"),
            (SealQuery { qr_side: Some(SideKind::Left), ..query() }, "qr_side"),
            (SealQuery { reason: Some("a\nb".into()), ..query() }, "reason"),
            (SealQuery { reason: Some("a\u{202E}b".into()), ..query() }, "reason"),
            (SealQuery { field: Some("\u{200B}".into()), ..query() }, "field"),
            (SealQuery { certify: Some(4), ..query() }, "certify"),
            (SealQuery { lock: Some(LockKind::Include), ..query() }, "lock_fields"),
            (SealQuery { lock_fields: Some(vec!["x".into()]), ..query() }, "lock_fields"),
            (
                SealQuery { lock: Some(LockKind::All), lock_fields: Some(vec!["x".into()]), ..query() },
                "lock_fields",
            ),
            (
                SealQuery { lock: Some(LockKind::Exclude), lock_fields: Some(many()), ..query() },
                "lock_fields",
            ),
        ];
        for (query, name) in cases {
            assert_eq!(query.clone().check().unwrap_err().name, name, "{query:?}");
        }
    }
}
