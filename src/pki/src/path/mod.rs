//! Certification path building and validation (RFC 5280 §6), with verdicts in the terms of EN 319 102-1.
//!
//! Responsible for: is there a path from this certificate to a trust anchor that held at a given time, for a given
//! purpose, and was nothing on it revoked? Not for fetching anything, nor for proofs of existence: the caller passes
//! the time at which the signature is known to have existed. Work is bounded by a signature budget, because path
//! building is exponential in what an attacker may hand over (CVE-2018-16875, webpki's `Budget`).

mod anchors;
mod build;
mod canonical;
mod check;
mod crls;
mod failure;
mod names;
mod peer;
mod policies;
mod prospect;
mod purpose;
mod responses;
mod revocation;
mod trust;

pub use der::asn1::ObjectIdentifier;

pub use anchors::{Anchor, Constraints, TrustAnchors};
pub(crate) use build::Budget;
pub(crate) use canonical::CanonicalName;
pub use failure::PathFailure;
pub use peer::{PeerName, PeerNameError};
pub use policies::PolicyInputs;
pub(crate) use prospect::{Prospect, prospects};
pub use purpose::Purpose;
pub use revocation::Evidence;
pub(crate) use revocation::{Admit, By, Source, Status};
pub use trust::TrustError;

use crate::{
    certificate::Certificate,
    crl::Crl,
    indication::{Indication, SubIndication},
    ocsp::BasicResponse,
};

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
    /// Whether evidence issued after `at` may show that a certificate was good then, as for a signature whose time is
    /// proven (EN 319 102-1 §5.2.5). Without it the certificate is judged by what was published at `at`, as RFC 5280
    /// §6.3.3 has it: a list of that time revokes whatever date its entry bears. That a certificate was revoked by then,
    /// or became so only later, later evidence shows in any case.
    pub later_evidence: bool,
    /// Signature verifications allowed, certificates, CRLs and OCSP responses together.
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
            later_evidence: true,
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
    /// OCSP responses that may help.
    pub ocsp: &'a [BasicResponse],
    /// What is trusted.
    pub anchors: &'a TrustAnchors,
    /// The time in question, Unix seconds.
    pub at: i64,
    /// What the certificate was used for.
    pub purpose: Purpose,
    /// Whom the certificate must name.
    pub name: Option<&'a PeerName>,
    /// Which certificate policies are acceptable.
    pub policies: PolicyInputs<'a>,
    /// How strict to be.
    pub policy: Policy,
}

impl<'a> Request<'a> {
    /// Any purpose, name and certificate policy, no further material, revocation looked at where something is known.
    #[must_use]
    pub fn new(leaf: &'a Certificate, anchors: &'a TrustAnchors, at: i64) -> Self {
        Self {
            leaf,
            untrusted: &[],
            crls: &[],
            ocsp: &[],
            anchors,
            at,
            purpose: Purpose::Any,
            name: None,
            policies: PolicyInputs::default(),
            policy: Policy::new(RevocationPolicy::IfAvailable),
        }
    }
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
    policies: Vec<ObjectIdentifier>,
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

    /// The certificate policies the path is valid for, in the anchor's own terms (user-constrained-policy-set);
    /// any-policy stands for all.
    #[must_use]
    pub fn policies(&self) -> &[ObjectIdentifier] {
        &self.policies
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

/// Looks for a path that holds.
#[must_use]
pub fn validate(request: &Request<'_>) -> PathVerdict {
    examine(request).verdict
}

/// A verdict, and the path it is about.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The verdict.
    pub verdict: PathVerdict,
    /// The certificates of the path that held or got furthest, end certificate first.
    pub path: Vec<Certificate>,
}

/// As [`validate`]; also says which path the failure is about.
#[must_use]
pub fn examine(request: &Request<'_>) -> Examination {
    let mut budget = Budget::new(request.policy.signature_budget);
    examine_within(request, &mut budget)
}

/// The same with what is left of a budget.
pub(crate) fn examine_within(request: &Request<'_>, budget: &mut Budget) -> Examination {
    match build::search_within(request, budget, &[]) {
        Ok(found) => Examination { path: found.certificates.clone(), verdict: PathVerdict::Trusted(found) },
        Err((failure, path)) if failure.is_final() => {
            Examination { verdict: PathVerdict::Rejected(failure), path }
        }
        Err((failure, path)) => Examination { verdict: PathVerdict::Undecided(failure), path },
    }
}

/// Whether every name of a certificate lies within an issuer's name constraints (RFC 5280 §6.1.3 (b), (c)); `issue`
/// asks before it has one signed.
pub(crate) fn names_lie_within(
    constraints: &crate::extensions::NameConstraints,
    certificate: &Certificate,
) -> Result<(), &'static str> {
    names::check(constraints, certificate, &mut names::Work::new())
}
