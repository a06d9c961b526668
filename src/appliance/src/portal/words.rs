//! The page's words in both languages: one file, for the page that is sent and for the script that changes its language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::{HeaderMap, header};
use pdf::report::Words;
use serde::{Deserialize, Serialize};

use crate::problem::{Kind, Problem};

/// The file.
pub(super) const TEXT: &str = include_str!("assets/words.json");

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Both {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// The languages of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

impl Tongue {
    /// `zh` or `en`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// As `lang` has it (BCP 47).
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The one asked for by name; else the one that Accept-Language weighs most (RFC 9110 §12.5.4); else Chinese.
    pub(super) fn of(named: Option<&str>, headers: &HeaderMap) -> Self {
        match named {
            Some("zh") => Self::Zh,
            Some("en") => Self::En,
            _ => Self::accepted(headers).unwrap_or(Self::Zh),
        }
    }

    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        let mut best: Option<(f32, Self)> = None;
        for range in text.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let tongue = match tag.split('-').next() {
                Some("zh") => Self::Zh,
                Some("en") => Self::En,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            if weight > 0.0 && best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, tongue));
            }
        }
        best.map(|(_, tongue)| tongue)
    }
}

impl Both {
    /// The two texts.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// One text for both.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { zh: text.clone(), en: text }
    }

    /// In this language.
    pub(super) fn in_tongue(&self, tongue: Tongue) -> &str {
        match tongue {
            Tongue::Zh => &self.zh,
            Tongue::En => &self.en,
        }
    }
}

impl From<Words> for Both {
    fn from(words: Words) -> Self {
        Self { zh: words.zh, en: words.en }
    }
}

static WORDS: LazyLock<BTreeMap<String, Both>> =
    LazyLock::new(|| serde_json::from_str(TEXT).unwrap_or_default());

/// The text of this name; a test sees to it that every name in use has one.
pub(super) fn word(name: &str, tongue: Tongue) -> &'static str {
    WORDS.get(name).map_or("", |both| both.in_tongue(tongue))
}

/// A refusal in plain words, in both languages.
pub(super) fn of_problem(problem: &Problem) -> Both {
    let (zh, en) = match problem.kind() {
        Kind::TooManyRequests => (
            "核验过于频繁，请稍等片刻再试。",
            "Too many checks from your network. Wait a moment and try again.",
        ),
        Kind::Sealed | Kind::NotReady | Kind::StoreUnavailable | Kind::ClockUntrusted => {
            ("核验服务暂不可用，请稍后再试。", "The service is not available at the moment. Try again later.")
        }
        Kind::Overloaded => ("核验服务繁忙，请稍后再试。", "The service is busy. Try again in a moment."),
        Kind::Timeout => ("核验用时过长，请再试一次。", "This took too long. Please try again."),
        Kind::BodyTooLarge => ("文件太大，无法核验。", "The file is too large to be checked."),
        Kind::UnsupportedMediaType => (
            "不支持这种文件。请选择 PDF 文件或二维码图片。",
            "This kind of file cannot be checked. Choose a PDF or a picture of a QR code.",
        ),
        Kind::PdfUnreadable => (
            "无法读取这个文件：已损坏、已加密或不是 PDF。请重新获取完整的原始文件。",
            "This file cannot be read: it is damaged, encrypted or no PDF. Get the whole original again.",
        ),
        Kind::NotFound => ("没有可核验的内容。", "There is nothing here that could be checked."),
        Kind::MalformedRequest | Kind::InvalidParameter => (
            "无法识别输入的内容，请核对后再试。",
            "What was entered could not be understood. Check it and try again.",
        ),
        _ => ("出现问题，请稍后再试。", "Something went wrong. Please try again later."),
    };
    Both::new(zh, en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_asked_for_or_weighed_most() {
        let with = |value: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, http::HeaderValue::from_static(value))])
        };
        assert_eq!(Tongue::of(None, &HeaderMap::new()), Tongue::Zh);
        assert_eq!(Tongue::of(None, &with("en-GB,en;q=0.9,zh;q=0.8")), Tongue::En);
        assert_eq!(Tongue::of(None, &with("de, en;q=0.3, zh-TW;q=0.5")), Tongue::Zh);
        assert_eq!(Tongue::of(None, &with("fr, en;q=0")), Tongue::Zh);
        assert_eq!(Tongue::of(Some("zh"), &with("en")), Tongue::Zh);
        assert_eq!(Tongue::of(Some("xx"), &with("en")), Tongue::En);
    }

    #[test]
    fn every_word_is_there_in_both_languages() {
        let words: BTreeMap<String, Both> = serde_json::from_str(TEXT).unwrap();
        for (name, both) in &words {
            assert!(!both.zh.is_empty() && !both.en.is_empty(), "{name}");
            assert!(!both.zh.is_ascii(), "{name}: {}", both.zh);
        }
    }
}
