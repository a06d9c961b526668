//! What a caller says about a document to be sealed, checked into values that cannot be wrong.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Parameters of `POST /v1/documents/seal`. The seal shows at a place (`page`, `x_mm`, `y_mm`) or on a
/// text (`keyword`); with neither the signature is invisible.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SealQuery {
    /// Identifier of the seal.
    pub seal: String,
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
    /// Reason shown by viewers.
    pub reason: Option<String>,
    /// Place shown by viewers.
    pub location: Option<String>,
    /// Case number for the record.
    pub case_number: Option<String>,
    /// Code of the service item for the record.
    pub item: Option<String>,
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
    /// Nowhere: the signature has no appearance.
    Invisible,
}

/// A checked request to seal a document.
#[derive(Debug, Clone, PartialEq)]
pub struct SealRequest {
    /// Identifier of the seal.
    pub seal: String,
    /// Where it shows.
    pub place: Place,
    /// Reason shown by viewers.
    pub reason: Option<String>,
    /// Place shown by viewers.
    pub location: Option<String>,
    /// Case number for the record.
    pub case_number: Option<String>,
    /// Code of the service item for the record.
    pub item: Option<String>,
}

/// A parameter that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {reason}")]
pub struct BadParameter {
    /// Its name in the query.
    pub name: &'static str,
    /// What is wrong and how to mend it.
    pub reason: &'static str,
}

/// Longest text parameter in characters: more does not fit a viewer's panel.
const MAX_TEXT: usize = 256;

/// Largest page number and coordinate that is looked at; ISO 32000-2 Annex C has no smaller bound, paper has.
const MAX_MM: f64 = 10_000.0;

impl SealQuery {
    /// Checks the parameters against each other.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(self) -> Result<SealRequest, BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        if !is_identifier(&self.seal) {
            return bad("seal", "write the seal's identifier: letters, digits, `-`, `_` and `.`, at most 64");
        }
        for (name, text) in [
            ("keyword", &self.keyword),
            ("reason", &self.reason),
            ("location", &self.location),
            ("case_number", &self.case_number),
            ("item", &self.item),
        ] {
            let Some(text) = text else { continue };
            if !is_shown_text(text, MAX_TEXT) {
                return bad(name, "write 1 to 256 visible characters, or leave it out");
            }
        }
        let place = match (self.page, self.x_mm, self.y_mm, self.keyword) {
            (None, None, None, None) => Place::Invisible,
            (None, None, None, Some(text)) => {
                let occurrence = self.occurrence.unwrap_or(1);
                if occurrence == 0 || occurrence > 10_000 {
                    return bad("occurrence", "occurrences count from 1 to 10000");
                }
                Place::Keyword { text, occurrence }
            }
            (Some(page), Some(x_mm), Some(y_mm), None) => {
                if page == 0 {
                    return bad("page", "pages count from 1, or from -1 backwards");
                }
                for (name, value) in [("x_mm", x_mm), ("y_mm", y_mm)] {
                    if !value.is_finite() || value.abs() > MAX_MM {
                        return bad(name, "write millimetres as a number within ±10000");
                    }
                }
                Place::Page { page, x_mm, y_mm }
            }
            (_, _, _, Some(_)) => {
                return bad("keyword", "give either a keyword or page, x_mm and y_mm, not both");
            }
            _ => return bad("page", "page, x_mm and y_mm belong together; give all three"),
        };
        if self.occurrence.is_some() && !matches!(place, Place::Keyword { .. }) {
            return bad("occurrence", "an occurrence needs a keyword");
        }
        Ok(SealRequest {
            seal: self.seal,
            place,
            reason: self.reason,
            location: self.location,
            case_number: self.case_number,
            item: self.item,
        })
    }
}

/// Whether `text` can name a thing in a path: 1 to 64 letters, digits, `-`, `_`, `.`, not starting with a dot.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Whether `text` is 1 to `most` characters that show as what they are: no control characters, nothing that
/// reorders or hides what stands beside it (Unicode TR 36 §2.5, bidirectional text spoofing).
#[must_use]
pub fn is_shown_text(text: &str, most: usize) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(hidden)
}

/// The record of one use of a seal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SealUse {
    /// Identifier.
    pub id: String,
    /// Which seal.
    pub seal: String,
    /// Who used it.
    pub caller: String,
    /// When, RFC 3339.
    pub time: String,
    /// Leaf of the log that proves it.
    pub leaf: u64,
    /// SHA-256 of the document as it came, hexadecimal.
    pub original_digest: String,
    /// Its length in octets.
    pub original_length: i64,
    /// SHA-256 of the sealed document, hexadecimal.
    pub result_digest: String,
    /// Its length in octets.
    pub result_length: i64,
    /// Case number, if the caller gave one.
    pub case_number: Option<String>,
    /// Service item, if the caller gave one.
    pub item: Option<String>,
    /// Where the seal shows.
    pub placement: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> SealQuery {
        SealQuery { seal: "bureau".into(), ..SealQuery::default() }
    }

    #[test]
    fn a_place_is_a_page_point_or_a_keyword_or_nothing() {
        assert_eq!(query().check().unwrap().place, Place::Invisible);
        let at = SealQuery { page: Some(-1), x_mm: Some(10.0), y_mm: Some(20.5), ..query() };
        assert_eq!(at.check().unwrap().place, Place::Page { page: -1, x_mm: 10.0, y_mm: 20.5 });
        let on = SealQuery { keyword: Some("盖章处".into()), ..query() };
        assert_eq!(on.check().unwrap().place, Place::Keyword { text: "盖章处".into(), occurrence: 1 });
    }

    #[test]
    fn each_impossible_parameter_is_named() {
        let cases: [(SealQuery, &str); 10] = [
            (SealQuery { seal: "../x".into(), ..query() }, "seal"),
            (SealQuery { page: Some(1), ..query() }, "page"),
            (SealQuery { page: Some(0), x_mm: Some(1.0), y_mm: Some(1.0), ..query() }, "page"),
            (SealQuery { page: Some(1), x_mm: Some(f64::NAN), y_mm: Some(1.0), ..query() }, "x_mm"),
            (SealQuery { page: Some(1), x_mm: Some(1.0), y_mm: Some(1e9), ..query() }, "y_mm"),
            (SealQuery { page: Some(1), keyword: Some("x".into()), ..query() }, "keyword"),
            (SealQuery { occurrence: Some(1), ..query() }, "occurrence"),
            (SealQuery { keyword: Some("x".into()), occurrence: Some(0), ..query() }, "occurrence"),
            (SealQuery { reason: Some("a\nb".into()), ..query() }, "reason"),
            (SealQuery { reason: Some("a\u{202E}b".into()), ..query() }, "reason"),
        ];
        for (query, name) in cases {
            assert_eq!(query.clone().check().unwrap_err().name, name, "{query:?}");
        }
    }
}
