//! What parameters have in common, and the record of a use of a seal as callers read it.

use serde::Serialize;
use utoipa::ToSchema;

/// A parameter that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {reason}")]
pub struct BadParameter {
    /// Its name in the query.
    pub name: &'static str,
    /// What is wrong and how to mend it.
    pub reason: &'static str,
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
            || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
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
    /// SHA-256 of the sealed document, hexadecimal; `null` where the signature is not in it.
    pub result_digest: Option<String>,
    /// Its length in octets; 0 where the signature is not in it.
    pub result_length: i64,
    /// Case number, if the caller gave one.
    pub case_number: Option<String>,
    /// Service item, if the caller gave one.
    pub item: Option<String>,
    /// Kind of the document, if the caller gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_kind: Option<String>,
    /// The seal's organisation; of older records `null`.
    pub organisation: Option<String>,
    /// SHA-256 of the document as it came, where that is not `original_digest`: a further seal of the same act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_digest: Option<String>,
    /// The page that shows it, negative from the end; where it shows on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// What the signature is, where it is no CMS in a PDF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The rule of use that admitted it, where rules govern the seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The request whose approvals it consumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Where the seal shows.
    pub placement: serde_json::Value,
    /// `two-phase` where the document stayed with the caller; what is said of it is then the caller's word. `file` where
    /// the signature stands beside a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The level asked for, where above `b-b`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Of these kinds: the digest that was signed, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_digest: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::is_shown_text;

    #[test]
    fn what_reorders_or_hides_text_is_not_shown_text() {
        assert!(is_shown_text("结果 ١٢٣ é", 256));
        // The Bidi_Control characters (UAX 9 §2) and others that leave no mark.
        for hidden in
            ["\u{61C}", "\u{200E}", "\u{202A}", "\u{202E}", "\u{2066}", "\u{2069}", "\u{200B}", "\u{FEFF}"]
        {
            assert!(!is_shown_text(&format!("a{hidden}b"), 256), "{hidden:?}");
        }
    }
}
