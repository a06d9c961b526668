//! Names of keys. A label is also a file name, so its alphabet is narrow.

use std::fmt;

/// A key's name: 1 to 64 of `a-z`, `0-9`, `-`, `_`, `.`, starting with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Label(String);

impl Label {
    pub(crate) fn new(text: &str) -> Result<Self, LabelError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if starts && text.len() <= 64 && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LabelError { label: text.chars().take(80).collect() })
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a label.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{label}` is not a key label: 1 to 64 of a-z, 0-9, `-`, `_` and `.`, starting with a letter or digit"
)]
pub struct LabelError {
    /// What was given, at most 80 characters of it.
    pub label: String,
}
