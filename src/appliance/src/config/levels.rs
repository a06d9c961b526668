//! Section `[documents.levels]`: time-stamps and evidence for documents above PAdES B-B.

use serde::{Deserialize, Serialize};

use super::Oid;

/// Where time-stamps on documents come from, and how much foreign evidence is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Levels {
    /// Address of a foreign time-stamping authority (RFC 3161 over HTTP) to stamp documents; `fetch` must allow it, and
    /// `policies.trust` hold its anchor. Without it the appliance's own authority (`[timestamps]`) stamps them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_stamp_url: Option<String>,
    /// Policy that the foreign authority must stamp under, as dotted numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_stamp_policy: Option<Oid>,
    /// Certificates, lists and responses of foreign authorities kept until their nextUpdate.
    pub cache_items: usize,
    /// Octets of them together.
    pub cache_bytes: usize,
    /// Largest list, response or certificate fetched, in octets; `fetch.bytes` bounds it, too.
    pub largest: u64,
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            time_stamp_url: None,
            time_stamp_policy: None,
            cache_items: 512,
            cache_bytes: 64 << 20,
            largest: 16 << 20,
        }
    }
}

impl Levels {
    /// A value that cannot be meant: key, value, and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        let url = self.time_stamp_url.as_deref().unwrap_or("http://");
        let fits = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
        (!fits).then(|| {
            ("documents.levels.time_stamp_url", url.to_owned(), "write `http://HOST/…` or `https://HOST/…`")
        })
    }
}
