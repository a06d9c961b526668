//! Section `[recognition]`: what this platform says of itself to others, and whose trust lists it reads.

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
    /// Who else than this platform may sign trust lists that are brought in: the URIs of their certificates, which need a path
    /// to an anchor of `policies.trust`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<String>,
    /// Longest that another region's status list is kept, in seconds, whatever the list allows.
    pub status_seconds: u64,
}

impl Default for Recognition {
    fn default() -> Self {
        Self {
            region: None,
            name: String::new(),
            name_en: String::new(),
            divisions: Vec::new(),
            publishers: Vec::new(),
            status_seconds: 60,
        }
    }
}

impl Recognition {
    /// A value that cannot be meant: key, value, and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
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
