//! Signature validation policies: what a validation demands, as text (`policies/signature-validation/NAME.toml`).
//!
//! `read` turns the text into this; here is what a policy is. A policy that exists holds together: what contradicts itself
//! was refused. Which policy is used is the caller's choice.

mod read;

pub use read::PolicyError;

use std::{collections::BTreeMap, sync::LazyLock};

use der::asn1::ObjectIdentifier;

use super::{cryptography::Cryptography, proofs::Poes};
use crate::path::{Purpose, RevocationPolicy};

/// A signature validation policy (EN 319 102-1 §4.1.4: constraints on certificates, cryptography and signature elements).
// INVARIANT: made by `parse`, and changed by `with_*` alone.
#[derive(Clone, Debug)]
pub struct SignaturePolicy {
    name: String,
    description: String,
    digest: [u8; 32],
    revocation: Demands,
    signature: SignatureDemands,
    /// Longest delay of the proven after the claimed time, in seconds.
    delay: Option<i64>,
    order: bool,
    archive: bool,
    limits: Limits,
    cryptography: Cryptography,
}

/// What must be known about revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demands {
    /// For signers' certificates.
    pub signer: RevocationPolicy,
    /// For the authorities above them, the anchor apart.
    pub authorities: RevocationPolicy,
    /// For the certificates of time-stamping units.
    pub time_stamps: RevocationPolicy,
    /// For the authorities above those.
    pub time_stamp_authorities: RevocationPolicy,
    /// Oldest evidence that is fresh, in seconds before the time in question; `None`: until its nextUpdate (§5.2.5).
    pub freshness: Option<i64>,
    /// How far back validation slides for evidence that is no longer fresh.
    pub slide_to: SlideTo,
}

/// Where the control time goes for evidence that is not fresh (§5.6.2.2, step 2 c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlideTo {
    /// When the evidence was made: the letter of the standard.
    ThisUpdate,
    /// When newer was due: the last time at which the evidence was fresh.
    NextUpdate,
}

/// What is asked of the signature's own elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureDemands {
    /// What the certificate must be for.
    pub purpose: Purpose,
    /// Whether the signer must have signed which certificate is meant (RFC 5035).
    pub signing_certificate: bool,
    /// Whether a time-stamp must prove the signature's time.
    pub proven_time: bool,
    /// Signed attributes that must be there.
    pub attributes: Vec<ObjectIdentifier>,
    /// Certificate policies one of which must hold; empty: any.
    pub certificate_policies: Vec<ObjectIdentifier>,
    /// Signature policies that are known, with the SHA-256 of their documents; `None`: signature policies are ignored.
    pub signature_policies: Option<BTreeMap<ObjectIdentifier, [u8; 32]>>,
}

/// What a validation may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Signature verifications for everything together.
    pub signatures: u32,
    /// Certificates on a path, anchor included.
    pub path: usize,
}

impl SignaturePolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`]: unknown keys and contradictions refuse.
    pub fn parse(toml: &str) -> Result<Self, PolicyError> {
        read::parse(toml)
    }

    /// The policy `default`, which comes with the program.
    #[must_use]
    #[expect(clippy::expect_used, reason = "compiled in, and read by a test")]
    pub fn default_policy() -> &'static Self {
        Self::builtin("default").expect("the policy `default` can be read")
    }

    /// A policy that comes with the program: `default`, `strict` or `archive`.
    #[must_use]
    pub fn builtin(name: &str) -> Option<&'static Self> {
        static BUILTIN: LazyLock<Vec<SignaturePolicy>> = LazyLock::new(|| {
            // A test reads each of them.
            TEXTS.iter().filter_map(|(_, text)| SignaturePolicy::parse(text).ok()).collect()
        });
        BUILTIN.iter().find(|policy| policy.name == name)
    }

    /// The names and texts of the policies that come with the program.
    #[must_use]
    pub const fn builtin_texts() -> &'static [(&'static str, &'static str)] {
        TEXTS
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// SHA-256 of the text it was read from.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// What must be known about revocation.
    #[must_use]
    pub const fn revocation(&self) -> &Demands {
        &self.revocation
    }

    /// What is asked of the signature itself.
    #[must_use]
    pub const fn signature(&self) -> &SignatureDemands {
        &self.signature
    }

    /// Longest time from the claimed to the proven signing time, in seconds.
    #[must_use]
    pub const fn time_stamp_delay(&self) -> Option<i64> {
        self.delay
    }

    /// Whether time-stamps in contradictory order fail.
    #[must_use]
    pub const fn time_stamp_order(&self) -> bool {
        self.order
    }

    /// Whether the signature must hold by proofs of existence alone.
    #[must_use]
    pub const fn archive_required(&self) -> bool {
        self.archive
    }

    /// What a validation may cost.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Until when algorithms are reliable.
    #[must_use]
    pub const fn cryptography(&self) -> &Cryptography {
        &self.cryptography
    }

    /// The same with other demands on revocation, for callers that are told so (`--revocation`).
    #[must_use]
    pub fn with_revocation(&self, signer: RevocationPolicy, authorities: RevocationPolicy) -> Self {
        let revocation = Demands {
            signer,
            authorities,
            time_stamps: signer,
            time_stamp_authorities: authorities,
            ..self.revocation
        };
        Self { revocation, ..self.clone() }
    }

    /// The same for formats that say in what is signed which certificate is meant, without the attribute of RFC 5035: an
    /// electronic seal's signature contains the seal, which lists it.
    #[must_use]
    pub fn with_certificate_named_by_format(&self) -> Self {
        let signature = SignatureDemands { signing_certificate: false, ..self.signature.clone() };
        Self { signature, ..self.clone() }
    }
}

const TEXTS: &[(&str, &str)] = &[
    ("default", include_str!("../../../../../policies/signature-validation/default.toml")),
    ("strict", include_str!("../../../../../policies/signature-validation/strict.toml")),
    ("archive", include_str!("../../../../../policies/signature-validation/archive.toml")),
];

fn digest(text: &str) -> [u8; 32] {
    Poes::digest(text.as_bytes())
}
