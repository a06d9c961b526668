//! What travels: certificates, requests for them, profiles.

use pki::profile::{NameKind, Profile};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::order::way_name;
use super::request::digest;
use crate::callers::records::{text, time};
use crate::store::Row;

/// An issued certificate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CertificateRecord {
    /// SHA-256 fingerprint, hexadecimal.
    pub fingerprint: String,
    /// Label of the authority that issued it.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Subject, RFC 4514.
    pub subject: String,
    /// Its profile.
    pub profile: String,
    /// The caller it names or is for, if any.
    pub caller: Option<String>,
    /// The organisation it is for, if it is known.
    pub organisation: Option<String>,
    /// Who asked for it, if it was asked for.
    pub requester: Option<String>,
    /// First moment of validity, RFC 3339.
    pub not_before: String,
    /// Last second of validity, RFC 3339.
    pub not_after: String,
    /// `good`, `held` or `revoked`; whether it has expired is told by `not_after`.
    pub state: String,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
    /// Why it was revoked, as RFC 5280 §5.3.1 names it.
    pub reason: Option<String>,
    /// Fingerprint of the certificate it renews.
    pub replaces: Option<String>,
    /// Leaf of the newest entry about it, if it is known; its receipt is at `/v1/receipts/{leaf}`.
    pub leaf: Option<i64>,
    /// Version, also the `ETag`.
    pub version: i64,
}

impl From<&Row> for CertificateRecord {
    fn from(row: &Row) -> Self {
        let optional = |column: &str| row.value(column).as_text().map(ToOwned::to_owned);
        Self {
            fingerprint: row.id().to_owned(),
            issuer: text(row, "issuer").to_owned(),
            serial: text(row, "serial").to_owned(),
            subject: text(row, "subject").to_owned(),
            profile: text(row, "profile").to_owned(),
            caller: optional("caller"),
            organisation: optional("organisation"),
            requester: optional("requester"),
            not_before: time(row, "not_before").unwrap_or_default(),
            not_after: time(row, "not_after").unwrap_or_default(),
            state: text(row, "state").to_owned(),
            revoked_at: time(row, "revoked_at"),
            reason: optional("reason"),
            replaces: optional("replaces"),
            leaf: row.value("leaf").as_int(),
            version: row.version(),
        }
    }
}

/// A certificate just issued.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssuedCertificate {
    /// Its record.
    pub certificate: CertificateRecord,
    /// The certificate, PEM.
    pub pem: String,
    /// The authorities above it, PEM, the issuer first, the root left out.
    pub chain: Vec<String>,
    /// Leaf of its entry.
    pub leaf: u64,
    /// The receipt of its entry, C2SP tlog-proof.
    pub receipt: String,
}

/// One page of certificates.
#[derive(Debug, Serialize, ToSchema)]
pub struct Certificates {
    /// The certificates.
    pub items: Vec<CertificateRecord>,
    /// What to send as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// Parameters of a new certificate; the body is the PKCS#10 request.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NewCertificate {
    /// Profile, as `/v1/certificate-profiles` lists them.
    pub profile: String,
    /// The registered caller that it names (profiles `machine`, `officer`) or is for.
    pub caller: Option<String>,
    /// The organisation it is for; the caller's when a caller is named, the requester's when neither is.
    pub organisation: Option<String>,
    /// Days of validity; the profile's when absent.
    pub days: Option<u32>,
}

/// Parameters of a renewal; the body is the PKCS#10 request of the new key.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Renewal {
    /// Days of validity; the profile's when absent.
    pub days: Option<u32>,
}

/// A request for a certificate that awaits approvals.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestRecord {
    /// Identifier.
    pub id: String,
    /// The profile.
    pub profile: String,
    /// The certification request, PEM.
    pub csr: String,
    /// SHA-256 of the certification request, hexadecimal: what an approval names.
    pub csr_digest: String,
    /// What is asked for besides the key.
    pub wish: serde_json::Value,
    /// The caller it is for, if any.
    pub caller: Option<String>,
    /// The organisation it is for, if any.
    pub organisation: Option<String>,
    /// Who asked.
    pub requester: String,
    /// Approvals needed, by persons other than the requester.
    pub needed: i64,
    /// What officers said.
    pub decisions: Vec<Decision>,
    /// `pending`, `approved` (being issued), `issued`, `refused`, `cancelled` or `expired`.
    pub state: String,
    /// Why it was refused.
    pub reason: Option<String>,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Until when it can be approved, RFC 3339.
    pub expires: String,
    /// Fingerprint of the certificate, once issued; it is at `/v1/certificates/{fingerprint}`.
    pub certificate: Option<String>,
    /// Version, also the `ETag`.
    pub version: i64,
}

/// One officer's word on a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Decision {
    /// Registration of the officer.
    pub officer: String,
    /// `approve` or `refuse`.
    pub decision: String,
    /// When, RFC 3339.
    pub time: String,
}

impl RequestRecord {
    /// A request's row with what officers said on it.
    #[must_use]
    pub fn of(row: &Row, words: &[Row]) -> Self {
        let optional = |column: &str| row.value(column).as_text().map(ToOwned::to_owned);
        let csr = row.value("csr").as_bytes().unwrap_or_default();
        let decision = |word: &Row| Decision {
            officer: text(word, "officer").to_owned(),
            decision: text(word, "decision").to_owned(),
            time: time(word, "time").unwrap_or_default(),
        };
        Self {
            id: row.id().to_owned(),
            profile: text(row, "profile").to_owned(),
            csr: pki::pem::encode(csr, "CERTIFICATE REQUEST"),
            csr_digest: digest(csr),
            wish: super::request::shown(text(row, "wish")),
            caller: optional("caller"),
            organisation: optional("organisation"),
            requester: text(row, "requester").to_owned(),
            needed: row.value("needed").as_int().unwrap_or_default(),
            decisions: words.iter().map(decision).collect(),
            state: text(row, "state").to_owned(),
            reason: optional("reason"),
            created: time(row, "created").unwrap_or_default(),
            expires: time(row, "expires").unwrap_or_default(),
            certificate: optional("certificate"),
            version: row.version(),
        }
    }
}

/// One page of requests, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Requests {
    /// The requests.
    pub items: Vec<RequestRecord>,
    /// What to send as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// Which requests.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestPage {
    /// Only those in this state; `pending` when left out, `any` for all.
    #[serde(default = "pending")]
    pub state: String,
    /// `next` of the page before.
    #[serde(default)]
    pub after: String,
    /// Most items, 1 to 200.
    #[serde(default = "fifty")]
    pub limit: u32,
}

/// An approval.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// `csr_digest` of the request, so that nobody approves what they have not seen.
    pub csr_digest: String,
}

/// A refusal.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Why; its requester reads it. 1 to 500 characters, nobody's personal data.
    pub reason: String,
}

/// A certificate profile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileRecord {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// By which ways it can be asked for.
    pub ask: Vec<&'static str>,
    /// Approvals needed, by officers other than the requester.
    pub approvals: u32,
    /// Keys it takes.
    pub keys: Vec<String>,
    /// Days of validity when nothing is asked for.
    pub days: u32,
    /// Days that can be asked for at most.
    pub longest_days: u32,
    /// Kinds of alternative names that it takes.
    pub names: Vec<&'static str>,
}

/// The profiles in force.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileList {
    /// The profiles, by name.
    pub items: Vec<ProfileRecord>,
    /// SHA-256 over all of them, hexadecimal: what the log names when they change.
    pub digest: String,
}

impl From<&Profile> for ProfileRecord {
    fn from(profile: &Profile) -> Self {
        let kind = |kind: NameKind| match kind {
            NameKind::Dns => "dns",
            NameKind::Ip => "ip",
            NameKind::Email => "email",
            NameKind::Uri => "uri",
        };
        Self {
            name: profile.name().to_owned(),
            description: profile.description().to_owned(),
            ask: profile.ask().iter().map(|way| way_name(*way)).collect(),
            approvals: profile.approvals(),
            keys: profile.keys().iter().map(ToString::to_string).collect(),
            days: profile.validity().days,
            longest_days: profile.validity().longest_days,
            names: profile.names().kinds.iter().map(|rule| kind(rule.kind)).collect(),
        }
    }
}

fn pending() -> String {
    "pending".to_owned()
}

fn fifty() -> u32 {
    50
}
