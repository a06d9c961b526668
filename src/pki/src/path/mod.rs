//! Certification path building and validation (RFC 5280 §6), with verdicts in the terms of EN 319 102-1.
//!
//! Responsible for: is there a path from this certificate to a trust anchor that held at a given time, for a given
//! purpose, and was nothing on it revoked? Not for fetching anything, nor for proofs of existence: the caller passes
//! the time at which the signature is known to have existed. Work is bounded by a signature budget, because path building is exponential in
//! what an attacker may hand over (CVE-2018-16875, webpki's `Budget`).

mod build;
mod check;
mod names;
mod revocation;

use thiserror::Error;

pub use check::Purpose;
pub use revocation::Evidence;

use crate::{
    certificate::Certificate,
    crl::{Crl, Reason},
    indication::{Indication, SubIndication},
};

/// The certificates trusted as such.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    certificates: Vec<Certificate>,
}

impl TrustAnchors {
    /// Trusts exactly these.
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Self {
        Self { certificates }
    }

    /// The trusted certificates.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

/// What must be known about revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// No verdict without fresh evidence for each certificate (noRevAvail ones excepted).
    Required,
    /// Evidence that is there counts, its absence does not.
    IfAvailable,
    /// Not looked at.
    Waived,
}

/// How to validate.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// For the end certificate.
    pub revocation: RevocationPolicy,
    /// For CA certificates below the anchor.
    pub ca_revocation: RevocationPolicy,
    /// Whether `at` is proven by a trusted time-stamp to be a time at which the signature existed.
    pub existence_proven: bool,
    /// Signature verifications allowed, certificates and CRLs together.
    pub signature_budget: u32,
    /// Certificates on a path, anchor included.
    pub max_path: usize,
}

impl Policy {
    /// That revocation policy for every certificate, 64 signatures, 8 certificates.
    #[must_use]
    pub const fn new(revocation: RevocationPolicy) -> Self {
        Self {
            revocation,
            ca_revocation: revocation,
            existence_proven: false,
            signature_budget: 64,
            max_path: 8,
        }
    }
}

/// What is to be validated with what.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The certificate in question.
    pub leaf: &'a Certificate,
    /// Certificates that may help to build a path.
    pub untrusted: &'a [Certificate],
    /// Revocation lists that may help.
    pub crls: &'a [Crl],
    /// What is trusted.
    pub anchors: &'a TrustAnchors,
    /// The time in question, Unix seconds.
    pub at: i64,
    /// What the certificate was used for.
    pub purpose: Purpose,
    /// How strict to be.
    pub policy: Policy,
}

/// The outcome.
#[derive(Clone, Debug)]
pub enum PathVerdict {
    /// A path held.
    Trusted(VerifiedPath),
    /// None held, none is proven impossible: more material or a proof of existence could change it.
    Undecided(PathFailure),
    /// The certificate or its chain breaks a rule.
    Rejected(PathFailure),
}

/// A path that passed every check at one time.
#[derive(Clone, Debug)]
pub struct VerifiedPath {
    // INVARIANT: made only by `build`, after `check` and `revocation` passed.
    certificates: Vec<Certificate>,
    evidence: Vec<Evidence>,
}

impl VerifiedPath {
    /// The certificates, end certificate first, anchor last.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// What is known about the revocation of each certificate below the anchor, in the same order.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }
}

/// Why a path does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathFailure {
    /// No chain of names and signatures leads to an anchor.
    #[error("no path from `{subject}` to a trust anchor")]
    NoPath {
        /// Where the search began.
        subject: String,
    },
    /// More signature verifications than allowed.
    #[error("path building stopped after {budget} signature verifications")]
    Budget {
        /// The policy's budget.
        budget: u32,
    },
    /// A name matched, the signature did not.
    #[error("certificate of `{subject}` is not signed by the issuer it names")]
    BadSignature {
        /// Whose.
        subject: String,
    },
    /// Not valid any more.
    #[error("certificate of `{subject}` expired")]
    Expired {
        /// Whose.
        subject: String,
        /// notAfter.
        not_after: i64,
    },
    /// Not valid yet.
    #[error("certificate of `{subject}` was not yet valid")]
    NotYetValid {
        /// Whose.
        subject: String,
        /// notBefore.
        not_before: i64,
        /// Whether the time is proven, so that this is final.
        proven: bool,
    },
    /// Revoked at or before the time in question.
    #[error("certificate of `{subject}` is revoked{}", reason.map(|r| format!(" ({})", r.name())).unwrap_or_default())]
    Revoked {
        /// Whose.
        subject: String,
        /// Whether it is a CA's.
        ca: bool,
        /// When.
        time: i64,
        /// Why.
        reason: Option<Reason>,
    },
    /// The policy wants evidence and none is there.
    #[error("no usable revocation information for the certificate of `{subject}`: {why}")]
    NoRevocationEvidence {
        /// Whose.
        subject: String,
        /// What was lacking.
        why: &'static str,
    },
    /// RFC 5280 §6.1.4: something on the path may not do what it does.
    #[error("certificate of `{subject}` breaks a path rule: {rule}")]
    Constraint {
        /// Whose.
        subject: String,
        /// Which rule.
        rule: &'static str,
    },
    /// The certificate is not for this purpose.
    #[error("certificate of `{subject}` is not for this use: {rule}")]
    Purpose {
        /// Whose.
        subject: String,
        /// Which rule.
        rule: &'static str,
    },
}

impl PathFailure {
    /// EN 319 102-1 §5.2.6: which outcome this is. Almost all are INDETERMINATE there; only a certificate that provably
    /// began after the signature existed fails for good.
    #[must_use]
    pub const fn indication(&self) -> (Indication, SubIndication) {
        let sub = match self {
            Self::NotYetValid { proven: true, .. } => {
                return (Indication::TotalFailed, SubIndication::NotYetValid);
            }
            Self::NoPath { .. } => SubIndication::NoCertificateChainFound,
            Self::Budget { .. } | Self::BadSignature { .. } => SubIndication::CertificateChainGeneralFailure,
            Self::Expired { .. } | Self::NotYetValid { .. } => SubIndication::OutOfBoundsNoPoe,
            Self::Revoked { ca: false, .. } => SubIndication::RevokedNoPoe,
            Self::Revoked { ca: true, .. } => SubIndication::RevokedCaNoPoe,
            Self::NoRevocationEvidence { .. } => SubIndication::TryLater,
            Self::Constraint { .. } | Self::Purpose { .. } => SubIndication::ChainConstraintsFailure,
        };
        (Indication::Indeterminate, sub)
    }

    /// How far the path got: of several failures the furthest says most.
    const fn rank(&self) -> u8 {
        match self {
            Self::NoPath { .. } => 0,
            Self::BadSignature { .. } => 1,
            Self::Budget { .. } => 2,
            Self::Constraint { .. } => 3,
            Self::Purpose { .. } => 4,
            Self::NotYetValid { .. } | Self::Expired { .. } => 5,
            Self::NoRevocationEvidence { .. } => 6,
            Self::Revoked { .. } => 7,
        }
    }

    const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Constraint { .. }
                | Self::Purpose { .. }
                | Self::NotYetValid { proven: true, .. }
                | Self::BadSignature { .. }
        )
    }
}

impl PathVerdict {
    /// The verified path, if any.
    #[must_use]
    pub const fn path(&self) -> Option<&VerifiedPath> {
        match self {
            Self::Trusted(path) => Some(path),
            _ => None,
        }
    }

    /// What stood in the way, if anything.
    #[must_use]
    pub const fn failure(&self) -> Option<&PathFailure> {
        match self {
            Self::Trusted(_) => None,
            Self::Undecided(failure) | Self::Rejected(failure) => Some(failure),
        }
    }

    /// The verdict in EN 319 102-1's terms.
    #[must_use]
    pub const fn indication(&self) -> (Indication, Option<SubIndication>) {
        match self.failure() {
            None => (Indication::TotalPassed, None),
            Some(failure) => {
                let (indication, sub) = failure.indication();
                (indication, Some(sub))
            }
        }
    }
}

/// Looks for a path that holds. Certificate policies are taken as any-policy; a critical policy constraint or mapping is
/// an unknown critical extension and refuses the path.
#[must_use]
pub fn validate(request: &Request<'_>) -> PathVerdict {
    match build::search(request) {
        Ok(path) => PathVerdict::Trusted(path),
        Err(failure) if failure.is_final() => PathVerdict::Rejected(failure),
        Err(failure) => PathVerdict::Undecided(failure),
    }
}
