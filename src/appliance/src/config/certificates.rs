//! Section `[certificates]`: how this appliance issues.

use serde::{Deserialize, Serialize};

/// Bounds and habits of issuing; every node of a cluster has the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// Revocation lists that an authority's certificates are spread over, 1 to 255. A certificate names its list for
    /// ever, so raising this leaves older certificates where they are.
    pub crl_shards: u32,
    /// Seconds after which a certificate that was about to be signed and is not on record counts as abandoned.
    pub abandon_seconds: u64,
    /// Days that a request waits for its approvals.
    pub request_days: u32,
}

impl Default for Certificates {
    fn default() -> Self {
        Self { crl_shards: 1, abandon_seconds: 600, request_days: 14 }
    }
}

impl Certificates {
    /// The first value that cannot be meant: key, value, reason.
    pub(super) fn wrong(&self) -> Option<(&'static str, u64, &'static str)> {
        if !(1..=255).contains(&self.crl_shards) {
            return Some(("certificates.crl_shards", self.crl_shards.into(), "write 1 to 255"));
        }
        // A signature under way should not be taken for one that was given up; if it is, its certificate does not leave.
        if !(5..=86_400).contains(&self.abandon_seconds) {
            return Some(("certificates.abandon_seconds", self.abandon_seconds, "write 5 to 86400"));
        }
        if !(1..=365).contains(&self.request_days) {
            return Some(("certificates.request_days", self.request_days.into(), "write 1 to 365"));
        }
        None
    }
}
