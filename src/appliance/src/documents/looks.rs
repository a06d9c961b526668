//! What stands beside a seal and over the edges of pages: wishes as callers write them, and what they come to.
//!
//! Lines of text (who, when, why, under which number; Chinese, English or both), a QR symbol of the verification link,
//! and 骑缝章, the seal split over the edges of all pages. Drawn by `pdf::appearance`.

use std::sync::Arc;

use pdf::appearance::{Edge, Font, Lines, Paging, Qr, QrError, Sheets, Side};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A line of text beside the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LineKind {
    /// Whose seal it is.
    Signer,
    /// When it was set.
    Time,
    /// The reason given.
    Reason,
    /// Number of the record of this use.
    Record,
}

/// The language of the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
    /// Both, side by side.
    Both,
}

/// A side of the seal as the page is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SideKind {
    /// To its right.
    Right,
    /// To its left.
    Left,
    /// Above it.
    Above,
    /// Below it.
    Below,
}

/// An edge of the pages as they are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EdgeKind {
    /// The right one, where sheets bound on the left are fanned out.
    Right,
    /// The left one.
    Left,
    /// The upper one.
    Top,
    /// The lower one.
    Bottom,
}

/// Which pages show a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SheetKind {
    /// Every page: sheets printed on one side.
    Every,
    /// Odd pages: the front sides of sheets printed on both.
    Odd,
    /// Even pages.
    Even,
}

/// Lines asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct LinesWish {
    /// From top to bottom.
    pub kinds: Vec<LineKind>,
    /// In which language.
    pub language: Language,
    /// On which side of the seal.
    pub side: SideKind,
}

/// A seal split over the edges of pages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PagingWish {
    /// Which edge.
    pub edge: EdgeKind,
    /// Millimetres along the edge to the seal; in the middle if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub along_mm: Option<f64>,
    /// The first page that shows a slice, from 1.
    pub first_page: u32,
    /// The last one; the document's last if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_page: Option<u32>,
    /// Which of them.
    pub sheets: SheetKind,
    /// How many pages one seal is split over at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages_per_seal: Option<u32>,
}

/// What lines say of one seal.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// Whose seal it is.
    pub signer: Option<&'a str>,
    /// When, Unix seconds.
    pub time: i64,
    /// Why.
    pub reason: Option<&'a str>,
    /// Number of the record.
    pub record: Option<&'a str>,
}

impl LinesWish {
    /// The lines; the first kind for which there is nothing to say, otherwise.
    ///
    /// # Errors
    /// The kind.
    pub fn lines(&self, said: Said<'_>, font: Arc<Font>) -> Result<Lines, LineKind> {
        let text = self.kinds.iter().map(|kind| self.line(*kind, said).ok_or(*kind));
        let text = text.collect::<Result<Vec<_>, _>>()?;
        Ok(Lines { side: self.side.into(), ..Lines::new(text, font) })
    }

    fn line(&self, kind: LineKind, said: Said<'_>) -> Option<String> {
        let (zh, en, value) = match kind {
            LineKind::Signer => ("签章单位", "Signed by", said.signer?.to_owned()),
            LineKind::Time => return time(self.language, said.time),
            LineKind::Reason => ("事由", "Reason", said.reason?.to_owned()),
            LineKind::Record => ("记录编号", "Record", said.record?.to_owned()),
        };
        Some(match self.language {
            Language::Zh => format!("{zh}：{value}"),
            Language::En => format!("{en}: {value}"),
            Language::Both => format!("{zh} {en}: {value}"),
        })
    }
}

/// Always in China Standard Time, as the claimed time of the signature is.
fn time(language: Language, unix_seconds: i64) -> Option<String> {
    let offset = jiff::tz::Offset::constant(8);
    let local = offset.to_datetime(jiff::Timestamp::from_second(unix_seconds).ok()?);
    let zh = local.strftime("%Y年%m月%d日 %H:%M:%S").to_string();
    let en = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
    Some(match language {
        Language::Zh => format!("签章时间：{zh}"),
        Language::En => format!("Time: {en} +08:00"),
        Language::Both => format!("签章时间 Time: {en} +08:00"),
    })
}

/// A QR symbol of `link`, as small as paper allows but no smaller than is looked for.
///
/// # Errors
/// [`QrError`]: the link is too long.
pub fn qr(link: &str, side: SideKind) -> Result<Qr, QrError> {
    let size_mm = Qr::smallest_mm(link)?.max(SMALLEST_QR_MM);
    Qr::new(link, size_mm, side.into())
}

impl PagingWish {
    /// What is drawn of a seal of this size.
    #[must_use]
    pub fn paging(&self, width_mm: f64, height_mm: f64) -> Paging {
        Paging {
            edge: match self.edge {
                EdgeKind::Right => Edge::Right,
                EdgeKind::Left => Edge::Left,
                EdgeKind::Top => Edge::Top,
                EdgeKind::Bottom => Edge::Bottom,
            },
            along_mm: self.along_mm,
            first_page: self.first_page,
            last_page: self.last_page,
            sheets: match self.sheets {
                SheetKind::Every => Sheets::Every,
                SheetKind::Odd => Sheets::Odd,
                SheetKind::Even => Sheets::Even,
            },
            pages_per_seal: self.pages_per_seal,
            ..Paging::new(width_mm, height_mm)
        }
    }
}

impl From<SideKind> for Side {
    fn from(side: SideKind) -> Self {
        match side {
            SideKind::Right => Self::Right,
            SideKind::Left => Self::Left,
            SideKind::Above => Self::Above,
            SideKind::Below => Self::Below,
        }
    }
}

/// A symbol that is found on paper by who was not told to look for it.
const SMALLEST_QR_MM: f64 = 18.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: LineKind, language: Language) -> Option<String> {
        let said = Said {
            signer: Some("示范市行政审批局"),
            time: 1_795_341_933,
            reason: Some("准予"),
            record: None,
        };
        LinesWish { kinds: vec![kind], language, side: SideKind::Right }.line(kind, said)
    }

    #[test]
    fn lines_are_chinese_english_or_both() {
        let of = |kind, language| line(kind, language).unwrap();
        assert_eq!(of(LineKind::Signer, Language::Zh), "签章单位：示范市行政审批局");
        assert_eq!(of(LineKind::Signer, Language::En), "Signed by: 示范市行政审批局");
        assert_eq!(of(LineKind::Reason, Language::Both), "事由 Reason: 准予");
        assert_eq!(of(LineKind::Time, Language::Zh), "签章时间：2026年11月22日 18:05:33");
        assert_eq!(of(LineKind::Time, Language::En), "Time: 2026-11-22 18:05:33 +08:00");
        assert_eq!(line(LineKind::Record, Language::Zh), None, "nothing is made up");
    }

    #[test]
    fn a_link_fits_a_symbol_that_is_found_and_a_novel_does_not() {
        assert!(qr("https://verify.example/r/01a202ab-7fcd-73fa-a18e-9ee9aac8aca5", SideKind::Below).is_ok());
        assert!(matches!(qr(&"x".repeat(4_000), SideKind::Below), Err(QrError::TooLong { .. })));
    }
}
