//! What a report says of an electronic seal (GB/T 38540, GM/T 0031).
//!
//! Data for reports and nothing else: this crate knows no seal structure. A container verifier outside of it fills this in
//! ([`Judgement::seal`](super::Judgement::seal)), and whoever keeps a register of seals adds the states and the code it
//! has on record.

use serde::Serialize;

use super::report::DocumentDigest;

/// A seal, as a report tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealReport {
    /// Its identifier (esID).
    pub id: String,
    /// Its code, 6 digits of the division and 8 of the seal, where a register or its certificate says it.
    pub code: Option<String>,
    /// Its name.
    pub name: String,
    /// What kind of seal it is.
    pub kind: SealKind,
    /// The version of its structure: 1 (GM/T 0031-2014), 4 (GB/T 38540-2020) or 5 (GM/T 0031-2025); absent where the
    /// register knows a seal that has none.
    pub version: Option<i64>,
    /// SHA-256 of the SESeal as it came.
    pub digest: Option<DocumentDigest>,
    /// When it was made (RFC 3339).
    pub created: Option<String>,
    /// When its period of validity begins (RFC 3339).
    pub valid_from: Option<String>,
    /// When it ends (RFC 3339).
    pub valid_to: Option<String>,
    /// Its picture.
    pub picture: Option<PictureReport>,
    /// The subject of its maker's certificate.
    pub maker: Option<String>,
    /// SHA-256 of the maker's certificate, in hexadecimal.
    pub maker_fingerprint: Option<String>,
    /// What stands in its list of signers: how many certificates or digests of certificates.
    pub listed: usize,
    /// What it was asked in, in the standard's order.
    pub steps: Vec<SealStep>,
    /// Where it, or the signature made with it, departs from the standard and was read all the same.
    pub deviations: Vec<Deviation>,
    /// Its state when the signature was made, as far as that time is known.
    pub then: Option<SealState>,
    /// Its state at the time of validation.
    pub now: Option<SealState>,
    /// What else deserves a word, in both languages.
    pub remarks: Vec<Deviation>,
}

/// A kind of seal by its number and its word (national platform; standards name 1 and 2 in version 1 only).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealKind {
    /// As the seal says.
    pub number: i64,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// A seal's picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PictureReport {
    /// What the seal says it is, in lower case: `png`, `svg`, `ofd`, …
    pub format: String,
    /// In millimetres, as the seal says.
    pub width_mm: i64,
    /// In millimetres, as the seal says.
    pub height_mm: i64,
    /// SHA-256 of its octets, in hexadecimal.
    pub sha256: String,
    /// Whether it is what the page shows, at a glance; absent where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<bool>,
    /// Its octets, to be compared with what the page shows.
    #[serde(skip)]
    pub octets: Vec<u8>,
}

/// How one step came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// Nobody can tell.
    Undecided,
    /// It holds, and something is worth knowing.
    Warned,
}

/// One step of the standard's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealStep {
    /// Which, in stable words of lower case with hyphens.
    pub name: String,
    /// How it came out.
    pub outcome: Outcome,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// A departure from the standard, or a remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// Which, in stable words of lower case with hyphens.
    pub name: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// A seal's state at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealState {
    /// Which.
    pub word: StateWord,
    /// The time it is asked for (RFC 3339).
    pub at: String,
    /// Since when it is so (RFC 3339), where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Who says so.
    pub told_by: ToldBy,
    /// Whether it had been replaced by a newer version by then; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded: Option<bool>,
}

/// A state of a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateWord {
    /// In force.
    Active,
    /// Its period of validity had not begun.
    NotYetValid,
    /// Its period of validity had ended.
    Expired,
    /// Out of use for the time being.
    Suspended,
    /// Replaced by a newer version.
    Superseded,
    /// Out of use for good.
    Cancelled,
    /// Not known.
    Unknown,
}

/// Who tells a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToldBy {
    /// The register of whoever keeps the seal.
    Registry,
    /// The seal itself: its period of validity, and no more.
    Seal,
}

impl StateWord {
    /// As in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}
