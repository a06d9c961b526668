//! Section `[recognition]`: what this platform says of itself to others, and whose trust lists it reads.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Mutual recognition with other regions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recognition {
    /// Code of this region in trust lists: small letters, digits and hyphens. Without it no entry is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its name in Chinese.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its name in English.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name_en: String,
    /// Administrative divisions of its issuing bodies (GB/T 2260): six digits, zeros at the end stand for all below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub divisions: Vec<String>,
    /// Longest that another region's status list is kept, in seconds, whatever the list allows.
    pub status_seconds: u64,
    /// Hours for which a new signer of credentials or of publications is named in this platform's entry before it signs: others
    /// believe whom their lists name. Counts where `region` is set.
    pub successor_hours: u32,
    /// Who else than this platform may sign trust lists that are brought in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<Publisher>,
}

/// Who else may sign trust lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// The URI in its certificates.
    pub uri: String,
    /// Files (PEM) with the certificates that it signs with, or of the authorities that issue them. Nobody else's are taken,
    /// whatever name they bear and whoever is trusted otherwise.
    pub certificates: Vec<PathBuf>,
}

impl Default for Recognition {
    fn default() -> Self {
        Self {
            region: None,
            name: String::new(),
            name_en: String::new(),
            divisions: Vec::new(),
            status_seconds: 60,
            successor_hours: 168,
            publishers: Vec::new(),
        }
    }
}

impl Recognition {
    /// Seconds for which a new signer is named before it signs.
    #[must_use]
    pub fn lead(&self) -> i64 {
        if self.region.is_some() { i64::from(self.successor_hours) * 3600 } else { 0 }
    }

    /// Paths, which may be relative to the configuration.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.publishers.iter_mut().flat_map(|publisher| &mut publisher.certificates)
    }

    /// A value that cannot be meant: key, value, and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        if let Some(publisher) = self.publishers.iter().find(|publisher| publisher.certificates.is_empty()) {
            let mend = "name the files of its certificates: a name alone anybody can have certified";
            return Some(("recognition.publishers", publisher.uri.clone(), mend));
        }
        let Some(region) = &self.region else { return None };
        if self.name.trim().is_empty() || self.name_en.trim().is_empty() {
            let mend = "name the region with `name` and `name_en`, too, or leave `region` out";
            return Some(("recognition.region", region.clone(), mend));
        }
        self.divisions.is_empty().then(|| {
            let mend = "say for which divisions the region speaks: `divisions = [\"370300\"]`";
            ("recognition.divisions", "[]".to_owned(), mend)
        })
    }
}
