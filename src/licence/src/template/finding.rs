//! What is odd about a template or a page made of it, in the office's words and in English.

use serde::Serialize;

/// Something odd about a template or a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// What it is about: a field, a box, a page.
    pub place: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Should be mended.
    Warning,
    /// A type with this template is not published.
    Error,
}

impl Finding {
    pub(super) fn new(severity: Severity, place: &str, zh: String, en: String) -> Self {
        Self { severity, place: place.to_owned(), zh, en }
    }

    pub(super) fn shrunk(place: &str, from: f32, to: f32) -> Self {
        Self::new(
            Severity::Note,
            place,
            format!("“{place}”的文字由 {from} 磅缩小为 {to} 磅"),
            format!("the text of `{place}` was shrunk from {from} pt to {to} pt"),
        )
    }

    pub(super) fn cut(place: &str, count: usize, letters: bool) -> Self {
        let (zh, en) = if letters { ("个字", "characters") } else { ("行", "rows") };
        Self::new(
            Severity::Warning,
            place,
            format!("“{place}”放不下，末尾 {count} {zh}未印出"),
            format!("the text of `{place}` does not fit: its last {count} {en} are left out"),
        )
    }
}
