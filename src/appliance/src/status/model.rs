//! What travels about certificates' status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::Row;

/// Why a certificate is revoked.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// `keyCompromise`, `affiliationChanged`, `superseded`, `cessationOfOperation`, `privilegeWithdrawn`,
    /// `unspecified`; for an authority's certificate also `cACompromise`.
    #[serde(default = "unspecified")]
    pub reason: String,
    /// Since when the key is known or suspected to be misused, RFC 3339 (RFC 5280 §5.3.2).
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub invalid_from: Option<Timestamp>,
}

/// Which certificates to revoke together. Every member given must fit; at least one must be given.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Label of the authority.
    pub issuer: Option<String>,
    /// Name of the profile.
    pub profile: Option<String>,
    /// Id of the organisation.
    pub organisation: Option<String>,
    /// Id of the caller that they name.
    pub caller: Option<String>,
    /// They end at or after this, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_from: Option<Timestamp>,
    /// They end before this, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_before: Option<Timestamp>,
    /// Hexadecimal SHA-256 fingerprints, at most 10,000.
    pub fingerprints: Vec<String>,
    /// Hexadecimal serial numbers, at most 10,000; `issuer` must be given.
    pub serials: Vec<String>,
}

/// Revoking many certificates.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManyRevocation {
    /// Which.
    pub filter: Filter,
    /// As for one certificate.
    #[serde(default = "unspecified")]
    pub reason: String,
    /// As for one certificate.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub invalid_from: Option<Timestamp>,
    /// Only counts.
    #[serde(default)]
    pub dry_run: bool,
    /// How many are expected to be left: the count of the dry run, then `remaining` of the answer before. More than
    /// that refuses, so that a filter wider than was thought revokes nothing.
    #[serde(default)]
    pub expected: Option<u64>,
}

/// What came of it. While `remaining` is not 0, the same request (with `expected` from here) goes on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ManyRevoked {
    /// Certificates revoked by this request; 0 in a dry run.
    pub revoked: u64,
    /// Certificates that fit and are not revoked yet.
    pub remaining: u64,
    /// Log leaves of the entries, one for each part of the work.
    pub leaves: Vec<u64>,
}

/// A certificate's status.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatusRecord {
    /// SHA-256, lower-case hexadecimal.
    pub fingerprint: String,
    /// Label of the authority that issued it.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// `good`, `held` or `revoked`.
    pub state: String,
    /// Since when it is not good, RFC 3339.
    pub revoked_at: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Since when its key is thought to have been misused, RFC 3339.
    pub invalid_from: Option<String>,
    /// Version of the record.
    pub version: i64,
}

impl From<&Row> for StatusRecord {
    fn from(row: &Row) -> Self {
        let text = |column: &str| row.value(column).as_text().unwrap_or_default().to_owned();
        let time = |column: &str| {
            let micros = row.value(column).as_int()?;
            Timestamp::from_microsecond(micros).ok().map(|time| time.to_string())
        };
        Self {
            fingerprint: row.id().to_owned(),
            issuer: text("issuer"),
            serial: text("serial"),
            state: text("state"),
            revoked_at: time("revoked_at"),
            reason: row.value("reason").as_text().map(ToOwned::to_owned),
            invalid_from: time("invalid_from"),
            version: row.version(),
        }
    }
}

fn unspecified() -> String {
    "unspecified".to_owned()
}
