//! Dated key histories: which log keys a verifier believes, and for acts of which time (decision 6). A log whose key
//! was replaced keeps its old checkpoints verifiable, and a key that leaked later proves nothing about later acts.
//!
//! The file has a key per line, optionally dated; the bounds are inclusive, `#` starts a comment:
//! ```text
//! log.example+0123abcd+AQ… notAfter=2027-03-01T00:00:00Z
//! log.example+89ef0123+AQ… notBefore=2027-03-01T00:00:00Z
//! ```

use crate::note::{NoteError, VerifierKey};

/// A key with the time of acts that it may vouch for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatedKey {
    /// The key.
    pub key: VerifierKey,
    /// Earliest time, Unix seconds, inclusive.
    pub not_before: Option<i64>,
    /// Latest time, Unix seconds, inclusive.
    pub not_after: Option<i64>,
}

/// The keys a verifier trusts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KeyHistory {
    /// In the file's order.
    pub keys: Vec<DatedKey>,
}

impl KeyHistory {
    /// Reads a key file.
    ///
    /// # Errors
    /// Names the line that cannot be read. A file without any key is refused.
    pub fn parse(file: &str) -> Result<Self, HistoryError> {
        let mut keys = Vec::new();
        for (line, number) in file.lines().zip(1..) {
            let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
            if line.is_empty() {
                continue;
            }
            let mut words = line.split_whitespace();
            let key: VerifierKey = words
                .next()
                .unwrap_or_default()
                .parse()
                .map_err(|source| HistoryError::Key { line: number, source })?;
            let mut dated = DatedKey { key, not_before: None, not_after: None };
            for word in words {
                let unknown = || HistoryError::Word { line: number, word: word.to_owned() };
                let (name, date) = word.split_once('=').ok_or_else(unknown)?;
                let slot = match name {
                    "notBefore" => &mut dated.not_before,
                    "notAfter" => &mut dated.not_after,
                    _ => return Err(unknown()),
                };
                let date: jiff::Timestamp = date.parse().map_err(|_| unknown())?;
                if slot.replace(date.as_second()).is_some() {
                    return Err(unknown());
                }
            }
            keys.push(dated);
        }
        if keys.is_empty() { Err(HistoryError::Empty) } else { Ok(Self { keys }) }
    }

    /// The keys for acts of time `at` (Unix seconds).
    #[must_use]
    pub fn keys_at(&self, at: i64) -> Vec<VerifierKey> {
        let valid = |dated: &&DatedKey| {
            dated.not_before.is_none_or(|bound| bound <= at)
                && dated.not_after.is_none_or(|bound| at <= bound)
        };
        self.keys.iter().filter(valid).map(|dated| dated.key.clone()).collect()
    }

    /// All keys, whatever their dates.
    #[must_use]
    pub fn all_keys(&self) -> Vec<VerifierKey> {
        self.keys.iter().map(|dated| dated.key.clone()).collect()
    }
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HistoryError {
    /// Not a key.
    #[error("line {line}: {source}")]
    Key {
        /// Line, from 1.
        line: usize,
        /// Why.
        source: NoteError,
    },
    /// Not a date, or given twice.
    #[error(
        "line {line}: `{word}` should be notBefore= or notAfter= with an RFC 3339 time, each at most once"
    )]
    Word {
        /// Line, from 1.
        line: usize,
        /// What stands there.
        word: String,
    },
    /// Nothing in it.
    #[error("the file holds no key")]
    Empty,
}
