//! What a validation says: verdict, steps, and everything it rested on, for reports (TS 119 102-2 among them).
//!
//! Words are stable: reports and tests lean on them. Only describes; decides nothing.

use serde::{Serialize, Serializer};

use super::{
    cryptography::Reliability,
    evidence::Origin,
    proofs::{Poe, ProofSource},
};
use crate::indication::{Indication, SubIndication};

/// Which of the three validation processes decided (EN 319 102-1 §5.3, §5.5, §5.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Process {
    /// Validation of basic signatures (§5.3), or of a time-stamp at the time of validation (§5.4).
    Basic,
    /// Validation of signatures with time and with long-term validation material (§5.5).
    WithTime,
    /// Validation of signatures providing long-term availability and integrity of validation material (§5.6.3).
    Archival,
}

impl Process {
    /// The identifier of the process in a validation report (TS 119 102-2 §4.2.5).
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Basic => "urn:etsi:019102:validationprocess:Basic",
            Self::WithTime => "urn:etsi:019102:validationprocess:LTVM",
            Self::Archival => "urn:etsi:019102:validationprocess:LTA",
        }
    }
}

/// A building block or a part of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Block {
    /// §5.2.2
    FormatChecking,
    /// §5.2.3
    SigningCertificate,
    /// §5.2.4
    ValidationContext,
    /// §5.2.5
    RevocationFreshness,
    /// §5.2.6
    CertificateValidation,
    /// §5.2.7
    CryptographicVerification,
    /// §5.2.8
    SignatureAcceptance,
    /// §5.4, of a time-stamp of the signature
    TimeStamp,
    /// §5.5.4, step 4
    ComparingTimes,
    /// §5.5.4, step 5, and §5.6.3.4, step 8
    TimeStampDelay,
    /// §5.5.4, step 10
    CryptographicConstraints,
    /// §5.6.2.1
    PastCertificateValidation,
    /// §5.6.2.2
    TimeSliding,
    /// §5.6.2.3
    ProofExtraction,
    /// §5.6.2.4
    PastSignatureValidation,
}

impl Block {
    /// The section of EN 319 102-1 v1.4.1.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::FormatChecking => "5.2.2",
            Self::SigningCertificate => "5.2.3",
            Self::ValidationContext => "5.2.4",
            Self::RevocationFreshness => "5.2.5",
            Self::CertificateValidation => "5.2.6",
            Self::CryptographicVerification => "5.2.7",
            Self::SignatureAcceptance => "5.2.8",
            Self::TimeStamp => "5.4",
            Self::ComparingTimes | Self::TimeStampDelay | Self::CryptographicConstraints => "5.5",
            Self::PastCertificateValidation => "5.6.2.1",
            Self::TimeSliding => "5.6.2.2",
            Self::ProofExtraction => "5.6.2.3",
            Self::PastSignatureValidation => "5.6.2.4",
        }
    }
}

/// How one constraint came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It does not, and the policy lets that pass.
    Warned,
    /// The policy does not ask.
    Ignored,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Constraint {
    /// What, in stable words of lower case with hyphens.
    pub name: &'static str,
    /// How it came out.
    pub status: Status,
    /// For people: what was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// One building block's run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which.
    pub block: Block,
    /// What it was about: the signature's or the time-stamp's name.
    pub subject: String,
    /// How it ended; TOTAL-PASSED stands for the building blocks' PASSED, TOTAL-FAILED for FAILED.
    pub indication: Indication,
    /// Why not PASSED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_indication: Option<SubIndication>,
    /// What it looked at, in order.
    pub constraints: Vec<Constraint>,
}

/// The outcome of validating one signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// The process that decided.
    pub process: Process,
    /// The main indication.
    pub indication: Indication,
    /// Why not TOTAL-PASSED; absent also for an INDETERMINATE that the standard has no word for (an algorithm that is not
    /// supported here).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_indication: Option<SubIndication>,
    /// For people: what stood in the way.
    pub reasons: Vec<String>,
    /// The time of validation, Unix seconds.
    pub at: i64,
    /// The earliest time at which the signature is proven to have existed, Unix seconds; [`Self::at`] without a proof.
    pub best_signature_time: i64,
    /// What proves it; absent without a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_signature_time_source: Option<ProofSource>,
    /// The policy's name.
    pub policy: String,
    /// SHA-256 of the policy's text.
    #[serde(serialize_with = "hex")]
    pub policy_digest: [u8; 32],
    /// When the certificate that stood in the way was revoked or suspended, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// For TRY_LATER: when newer revocation evidence is due, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub try_again_at: Option<i64>,
    /// What the verdict rests on.
    #[serde(flatten)]
    pub material: Material,
    /// The signature's time-stamps, in the order they were given, content time-stamps first.
    pub timestamps: Vec<TimestampValidation>,
    /// The building blocks that ran, in order.
    pub steps: Vec<Step>,
}

/// What a time-stamp is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StampKind {
    /// The signed data, before the signature was made (content-time-stamp, or an earlier document time-stamp).
    Content,
    /// A signature value.
    Signature,
    /// A document with everything in it.
    Document,
}

/// The outcome of validating one time-stamp token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimestampValidation {
    /// What reports call it.
    pub subject: String,
    /// What it is about.
    pub kind: StampKind,
    /// [`Process::Basic`] (§5.4) or, by proofs of existence, [`Process::Archival`] (§5.6.2.4).
    pub process: Process,
    /// The main indication.
    pub indication: Indication,
    /// Why not TOTAL-PASSED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_indication: Option<SubIndication>,
    /// For people: what stood in the way.
    pub reasons: Vec<String>,
    /// genTime, Unix seconds.
    pub generated_at: i64,
    /// Accuracy in microseconds, when stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_micros: Option<u64>,
    /// The authority's certificate subject, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// SHA-256 of the token's octets.
    #[serde(serialize_with = "hex")]
    pub token: [u8; 32],
    /// Whether what it covers is proven to have existed at [`Self::generated_at`]: it passed, and its digest algorithm was
    /// reliable for as long as that needs (§5.6.3.4, steps 5 b and c).
    pub proves: bool,
    /// What the verdict rests on.
    #[serde(flatten)]
    pub material: Material,
    /// The building blocks that ran, in order.
    pub steps: Vec<Step>,
}

/// Certificates, revocation evidence, proofs and algorithms that a verdict rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Material {
    /// The path that held or got furthest, end certificate first.
    pub chain: Vec<ChainCertificate>,
    /// Revocation evidence that was relied on.
    pub revocation: Vec<RevocationUsed>,
    /// Proofs of existence before the time of validation that were relied on.
    pub proofs: Vec<ProofUsed>,
    /// Algorithms that were asked about.
    pub algorithms: Vec<AlgorithmUsed>,
}

/// A certificate of the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainCertificate {
    /// Its subject, RFC 4514.
    pub subject: String,
    /// SHA-256 of its encoding.
    #[serde(serialize_with = "hex")]
    pub sha256: [u8; 32],
    /// notBefore, Unix seconds.
    pub not_before: i64,
    /// notAfter, Unix seconds.
    pub not_after: i64,
    /// Whether it is the trust anchor.
    pub anchor: bool,
}

/// The kind of an object in a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// The signature value.
    Signature,
    /// A time-stamp token.
    TimeStamp,
    /// A certificate.
    Certificate,
    /// A certificate revocation list.
    Crl,
    /// An OCSP response.
    Ocsp,
}

/// Revocation evidence and what it says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevocationUsed {
    /// [`ObjectKind::Crl`] or [`ObjectKind::Ocsp`].
    pub kind: ObjectKind,
    /// SHA-256 of its encoding (of the BasicOCSPResponse, whatever is around it).
    #[serde(serialize_with = "hex")]
    pub sha256: [u8; 32],
    /// SHA-256 of the certificate it was asked about.
    #[serde(serialize_with = "hex")]
    pub certificate: [u8; 32],
    /// thisUpdate, Unix seconds.
    pub this_update: i64,
    /// nextUpdate, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<i64>,
    /// When the certificate was revoked, Unix seconds; absent when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// CRLReason's name, when stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Where it came from.
    pub origin: Origin,
}

/// A proof of existence that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProofUsed {
    /// What existed.
    pub kind: ObjectKind,
    /// SHA-256 of its octets.
    #[serde(serialize_with = "hex")]
    pub object: [u8; 32],
    /// When, and by what.
    #[serde(flatten)]
    pub poe: Poe,
}

/// An algorithm and until when it is reliable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlgorithmUsed {
    /// The object it was used for.
    pub kind: ObjectKind,
    /// SHA-256 of that object's octets.
    #[serde(serialize_with = "hex")]
    pub object: [u8; 32],
    /// Its name (`ecdsa`, `rsa-pkcs1`, `sha256`, …).
    pub algorithm: &'static str,
    /// The key's size in bits, for a signature algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// What the policy says of it.
    #[serde(flatten)]
    pub reliable: Reliability,
    /// Whether it was reliable at the time it was asked for.
    pub secure: bool,
}

pub(super) fn hex<S: Serializer>(octets: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(64);
    for octet in octets {
        for nibble in [octet >> 4, octet & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    serializer.serialize_str(&text)
}
