//! Section `[seals]`: what applications for seals leave open.

use serde::{Deserialize, Serialize};

/// Defaults of new seals; every node of a cluster has the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seals {
    /// Cryptographic suite of a seal whose application names none: `international` or `shangmi`.
    pub suite: String,
    /// Administrative division (GB/T 2260) of a seal code whose application names none: 6 digits. 000000 is no division;
    /// write your own.
    pub division: String,
}

impl Default for Seals {
    fn default() -> Self {
        Self { suite: crypto::Suite::INTERNATIONAL.name.to_owned(), division: "000000".to_owned() }
    }
}

impl Seals {
    /// The first value that cannot be meant: key, value, and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        if crypto::Suite::by_name(&self.suite).is_err() {
            return Some(("seals.suite", self.suite.clone(), "write `international` or `shangmi`"));
        }
        if !crate::seals::order::is_division(&self.division) {
            return Some(("seals.division", self.division.clone(), "write 6 digits"));
        }
        None
    }
}
