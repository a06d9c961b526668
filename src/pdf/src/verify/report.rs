//! The outcome of verification, as data and as JSON whose words are stable.

use crypto::DigestAlgorithm;
use pki::validation::{DigestName, StampKind, TimestampValidation, Validation};
use pki::{Indication, SubIndication};
use serde::Serialize;

use super::seal::SealReport;
use super::{ChangedObject, Class, Format};

/// What can be said about a whole file.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The one word that sums it up.
    pub verdict: Verdict,
    /// Every signature and document time-stamp, in the order they were made.
    pub signatures: Vec<SignatureReport>,
    /// Facts about the file.
    pub file: FileFacts,
    /// What deserves a word without changing the verdict.
    pub warnings: Vec<String>,
}

/// The verdict on a file; each has one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every signature is intact, trusted and followed by nothing its signer did not allow.
    Valid,
    /// A signature is broken, removed, does not cover what it should, or was followed by more than allowed.
    Invalid,
    /// Nothing speaks against a signature, but something needed to trust it is missing.
    Undecided,
    /// There is no signature.
    NoSignature,
    /// There are only document time-stamps, all intact.
    TimestampOnly,
}

impl Verdict {
    /// The exit code of `cinnabar verify`; 6 (unreadable) comes from [`Unreadable`](super::Unreadable).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 3,
            Self::Undecided => 4,
            Self::NoSignature | Self::TimestampOnly => 5,
        }
    }
}

impl Report {
    /// The exit code of `cinnabar verify`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }
}

/// What can be said about one signature or document time-stamp.
#[derive(Debug, Clone, Serialize)]
pub struct SignatureReport {
    /// What it is.
    pub kind: Kind,
    /// The fully qualified name of its field, if it has one.
    pub field: Option<String>,
    /// Whether it holds over the octets it names.
    pub integrity: Integrity,
    /// How much of the file it covers.
    pub coverage: Coverage,
    /// Octet ranges `[from, to)` of the file it does not cover, its own `/Contents` left out.
    pub not_covered: Vec<[u64; 2]>,
    /// `/ByteRange` as written, if it is one.
    pub byte_range: Option<[u64; 4]>,
    /// The revision it covers, counted from 1.
    pub revision: Option<usize>,
    /// Classes of changes made after it.
    pub changes: Vec<Class>,
    /// Whether its signer allowed all of them.
    pub changes_allowed: bool,
    /// The objects that later revisions added, changed or freed, with the class of the rule that knows each;
    /// the first thousand.
    pub changed_objects: Vec<ChangedObject>,
    /// Whether its certificate leads to a trust anchor, and nothing is known against it.
    pub trust: Trust,
    /// The PAdES baseline level it reaches.
    pub level: Level,
    /// Why it is not the next level; absent at the highest one.
    pub level_reason: Option<String>,
    /// `/SubFilter` as written.
    pub sub_filter: Option<String>,
    /// EN 319 102-1 main indication.
    pub indication: Indication,
    /// EN 319 102-1 sub-indication.
    pub sub_indication: Option<SubIndication>,
    /// Why it is judged so, and what else deserves a word.
    pub reasons: Vec<String>,
    /// The subject of the signer's certificate.
    pub signer: Option<String>,
    /// SHA-256 of the signer's certificate, in hexadecimal.
    pub signer_fingerprint: Option<String>,
    /// When the signer claims to have signed (RFC 3339).
    pub signing_time: Option<String>,
    /// The earliest time at which the signature is proven to have existed, or the time of validation.
    pub best_signature_time: Option<String>,
    /// Where `best_signature_time` comes from.
    pub time_source: TimeSource,
    /// The digest of what was signed, as computed here.
    pub document_digest: Option<DocumentDigest>,
    /// The signature value, in hexadecimal.
    pub signature_value: Option<String>,
    /// Its time-stamps: those inside it, and the document time-stamps after it that hold.
    pub timestamps: Vec<TimestampReport>,
    /// How a signature was validated, step by step (EN 319 102-1).
    pub validation: Option<Validation>,
    /// How a document time-stamp was validated, step by step (EN 319 102-1 §5.4, §5.6.2).
    pub timestamp_validation: Option<TimestampValidation>,
    /// The electronic seal: what it says of itself, how it was verified, its state then and now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealReport>,
}

/// A digest and its algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentDigest {
    /// `sha256`, `sha384`, `sha512` or `sm3`.
    pub algorithm: String,
    /// In hexadecimal.
    pub value: String,
}

impl DocumentDigest {
    /// As reports have it.
    #[must_use]
    pub fn new(algorithm: DigestAlgorithm, value: &[u8]) -> Self {
        Self { algorithm: DigestName::from(algorithm).name().to_owned(), value: hex::encode(value) }
    }
}

/// A time-stamp of a signature, in short.
#[derive(Debug, Clone, Serialize)]
pub struct TimestampReport {
    /// What it is over.
    pub kind: StampKind,
    /// Its genTime (RFC 3339).
    pub time: String,
    /// The subject of the authority's certificate.
    pub authority: Option<String>,
    /// EN 319 102-1 main indication.
    pub indication: Indication,
    /// EN 319 102-1 sub-indication.
    pub sub_indication: Option<SubIndication>,
    /// Whether it proves that what it is over existed at its time.
    pub proves: bool,
    /// Why it does not.
    pub reasons: Vec<String>,
}

impl TimestampReport {
    pub(crate) fn of(validation: &TimestampValidation) -> Self {
        Self {
            kind: validation.kind,
            time: super::date::rfc3339(validation.generated_at),
            authority: validation.authority.clone(),
            indication: validation.indication,
            sub_indication: validation.sub_indication,
            proves: validation.proves,
            reasons: validation.reasons.clone(),
        }
    }
}

/// What an entry of [`Report::signatures`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An approval or certification signature.
    Signature,
    /// A document time-stamp (`/DocTimeStamp`).
    DocumentTimestamp,
    /// A signer of a plain CMS, outside of a PDF.
    Cms,
    /// A time-stamp token outside of a PDF.
    Timestamp,
    /// What an electronic seal signed (GB/T 38540, GM/T 0031 SES_Signature), in a PDF or beside its content; by a container
    /// verifier outside this crate.
    SesSignature,
    /// An electronic seal itself (SESeal), which signs nothing but itself; by a container verifier outside this crate.
    Seal,
}

/// Whether a signature holds over what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// It does.
    Intact,
    /// It does not.
    Broken,
    /// Its algorithm or container is not supported.
    Unknown,
}

/// How much of a file a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// All of it.
    File,
    /// All of an earlier revision.
    Revision,
    /// Neither.
    Partial,
}

/// Whether a certificate is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// A path to a trust anchor holds and no certificate on it is revoked.
    Trusted,
    /// Something speaks against it.
    Untrusted,
    /// Not enough is known.
    Undecided,
}

/// PAdES baseline levels (EN 319 142-1 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Level {
    /// No baseline signature.
    #[serde(rename = "none")]
    None,
    /// Basic.
    #[serde(rename = "B-B")]
    BB,
    /// With a proof of time.
    #[serde(rename = "B-T")]
    BT,
    /// With the material to validate it.
    #[serde(rename = "B-LT")]
    BLT,
    /// With that material protected by a document time-stamp.
    #[serde(rename = "B-LTA")]
    BLTA,
}

/// Where a best signature time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// A signature time-stamp.
    SignatureTimestamp,
    /// A document time-stamp made after it.
    DocumentTimestamp,
    /// Nothing but the time of validation.
    ValidationTime,
}

/// Facts about a file.
#[derive(Debug, Clone, Serialize)]
pub struct FileFacts {
    /// What the file is.
    pub format: Format,
    /// Its length in octets.
    pub length: u64,
    /// The version its header names; empty for what is no PDF.
    pub version: String,
    /// How many revisions it has; 0 for what is no PDF.
    pub revisions: usize,
    /// Whether its first revision is linearised.
    pub linearized: bool,
    /// Octets before the header.
    pub header_offset: u64,
    /// Octets after the last end-of-file marker that are more than white space; after the end of what is no PDF, any.
    pub trailing: u64,
    /// What was accepted although the standard says otherwise.
    pub oddities: Vec<&'static str>,
}
