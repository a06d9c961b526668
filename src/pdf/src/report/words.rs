//! Text in both languages, and what of a foreign text may be shown.

/// Which languages a report speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// 简体中文.
    Chinese,
    /// English.
    English,
    /// Chinese first, English below.
    #[default]
    Both,
}

impl Language {
    /// `zh`, `en` or `both`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            "both" => Some(Self::Both),
            _ => None,
        }
    }
}

/// The same in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// 简体中文.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    pub(super) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// A name or a number: the same in every language.
    pub(super) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { zh: text.clone(), en: text }
    }

    /// In one language or both; one line each, one alone when they are the same.
    #[must_use]
    pub fn lines(&self, language: Language) -> Vec<&str> {
        match language {
            Language::Chinese => vec![&self.zh],
            Language::English => vec![&self.en],
            Language::Both if self.zh == self.en => vec![&self.zh],
            Language::Both => vec![&self.zh, &self.en],
        }
    }
}

/// Text from outside as it may stand in a report: what hides or reorders is replaced, and what is longer than a line or two
/// is cut.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => visible(text.get(..end).unwrap_or_default()) + "…",
        None => visible(text),
    }
}

/// The whole of a text from outside, with what reorders or hides its neighbours (Unicode TR 36 §2.5), what a terminal obeys
/// and what XML cannot hold replaced.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Whether [`visible`] replaces it: line breaks and tabs among others.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
}

/// What people call the subject of a certificate: organisation and name of an RFC 4514 text, most telling first.
pub(super) fn called(subject: &str) -> String {
    let mut parts: Vec<(String, String)> = Vec::new();
    let (mut part, mut escaped) = (String::new(), false);
    let mut flush = |part: &mut String| {
        if let Some((kind, value)) = part.split_once('=') {
            parts.push((kind.trim().to_ascii_uppercase(), value.trim().to_owned()));
        }
        part.clear();
    };
    for c in subject.chars() {
        match c {
            _ if escaped => {
                part.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            ',' | '+' => flush(&mut part),
            _ => part.push(c),
        }
    }
    flush(&mut part);
    let find = |kind: &str| parts.iter().find(|(found, _)| found == kind).map(|(_, value)| shown(value));
    match (find("CN"), find("O")) {
        (Some(name), Some(body)) if name != body => format!("{name} ({body})"),
        (Some(name), _) => name,
        (None, Some(body)) => body,
        (None, None) => shown(subject),
    }
}

/// Characters of one text from outside.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_called_by_its_name_and_its_body() {
        assert_eq!(called("CN=审批专用章,O=示例局,C=CN"), "审批专用章 (示例局)");
        assert_eq!(called("O=A\\, B + CN=x\\+y"), "x+y (A, B)");
        assert_eq!(called("CN=same,O=same"), "same");
        assert_eq!(called("2.5.4.97=12"), "2.5.4.97=12");
        assert_eq!(called(""), "");
    }

    #[test]
    fn what_hides_or_reorders_is_not_shown() {
        assert_eq!(shown("a\u{202E}b\nc"), "a\u{FFFD}b\u{FFFD}c");
        assert_eq!(shown(&"x".repeat(300)).chars().count(), 257);
    }
}
