//! Section `[status]`: how long statements about revocation hold, and how much is kept ready. Times in seconds.

use serde::{Deserialize, Serialize};

/// Revocation lists and OCSP.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Status {
    /// From thisUpdate to nextUpdate of a full list; signed again at half of it.
    pub crl_seconds: u64,
    /// The same for a delta list.
    pub delta_seconds: u64,
    /// A list of up to so many entries is published whole at each revocation; a longer one as a delta at once, and
    /// whole every `full_seconds`.
    pub full_at_once: usize,
    /// How often a long list with changes is published whole.
    pub full_seconds: u64,
    /// Certificates that ran out stay on the lists (expiredCertsOnCRL), so that signatures of the past can be judged.
    pub keep_expired: bool,
    /// From thisUpdate to nextUpdate of an OCSP response; produced again at half of it.
    pub ocsp_seconds: u64,
    /// How long an HTTP cache may keep a list or a response. "Within five seconds" binds this service; caches between
    /// it and a reader may lag by so much.
    pub max_age_seconds: u64,
    /// What a request with a nonce is answered with.
    pub nonce: NoncePolicy,
    /// Responses signed for one request alone (with a nonce, several questions, unknown serials) per second; above
    /// it, nonces are left out and other questions told to try later.
    pub fresh_per_second: u32,
    /// The same for one network (an IPv4 address, an IPv6 /64), which lookups of serial numbers not in memory count
    /// with.
    pub fresh_per_network: u32,
    /// Certificates whose existence and hash are remembered.
    pub known: usize,
    /// Signed OCSP responses kept ready.
    pub responses: usize,
}

/// What a request with a nonce is answered with (RFC 9654 §2.1 leaves it to the responder).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoncePolicy {
    /// A response signed for it, with the nonce.
    Fresh,
    /// The stored response, without a nonce.
    Ignore,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            crl_seconds: 24 * 3600,
            delta_seconds: 6 * 3600,
            full_at_once: 2000,
            full_seconds: 3600,
            keep_expired: true,
            ocsp_seconds: 4 * 3600,
            max_age_seconds: 60,
            nonce: NoncePolicy::Fresh,
            fresh_per_second: 20_000,
            fresh_per_network: 1000,
            known: 1_000_000,
            responses: 50_000,
        }
    }
}
