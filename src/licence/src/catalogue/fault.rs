//! What is wrong with a definition, or with the fields of one licence.

use serde::Serialize;

/// One fault: where, and what is wrong in both languages. Never repeats a value, which may be a person's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to what is wrong; empty for the whole.
    pub pointer: String,
    /// In Chinese.
    pub zh: String,
    /// In English: lower case, no full stop, how to mend it.
    pub en: String,
}

/// A fault of the fields of one licence.
pub type FieldFault = Fault;

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), zh: zh.into(), en: en.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{pointer}: {}", self.en)
    }
}

/// Collects faults, up to a bound: who sends a thousand of them reads the first hundred.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes one.
    pub(super) fn add(&mut self, pointer: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Fault::new(pointer, zh, en));
        }
    }

    /// Whether no more are taken.
    pub(super) const fn full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` where there are none.
    pub(super) fn none_or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// All of them.
    pub(super) fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// `text` as one token of a JSON pointer (RFC 6901 section 3).
pub(super) fn token(text: &str) -> String {
    text.chars().take(LONGEST_TOKEN).collect::<String>().replace('~', "~0").replace('/', "~1")
}

/// Faults told at once.
const MOST: usize = 100;
/// Characters of a foreign name that are repeated in a pointer.
const LONGEST_TOKEN: usize = 64;
