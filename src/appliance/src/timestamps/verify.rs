//! Judging a token with trust: structure and signature by `pki::tsp`, the authority by `pki::path`.

use crypto::{DigestAlgorithm, DigestError};
use pki::Certificate;
use pki::cms::TimeStampToken;
use pki::crl::Crl;
use pki::path::{PathVerdict, Policy, Purpose, Request, RevocationPolicy, TrustAnchors, validate};
use pki::tsp::{Imprint, check_token};

/// What a judgement leans on.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// What is trusted.
    pub anchors: &'a TrustAnchors,
    /// Further certificates: the authority's, when the token carries none, and those above it.
    pub untrusted: &'a [Certificate],
    /// Revocation lists.
    pub crls: &'a [Crl],
    /// The time of validation, Unix seconds.
    pub at: i64,
}

/// What a token is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It proves that the data existed at its time.
    Valid,
    /// It proves nothing, for this reason.
    Invalid(String),
    /// Not enough is known.
    Undecided(String),
}

/// The digest algorithm to hash the stamped data with.
///
/// # Errors
/// A verdict: nothing can be said about an unknown or broken one.
pub fn algorithm(token: &TimeStampToken) -> Result<DigestAlgorithm, Verdict> {
    DigestAlgorithm::from_oid(&token.info().imprint_algorithm)
        .map_err(|error: DigestError| Verdict::Undecided(error.to_string()))
}

/// Judges a token for data with this digest; the signer's certificate is answered when it was found.
#[must_use]
pub fn judge(
    token: &TimeStampToken,
    algorithm: DigestAlgorithm,
    digest: &[u8],
    terms: Terms<'_>,
) -> (Verdict, Option<Certificate>) {
    let imprint = match Imprint::new(algorithm, digest) {
        Ok(imprint) => imprint,
        Err(error) => return (Verdict::Invalid(error.to_string()), None),
    };
    let signer = match check_token(token, &imprint, terms.untrusted) {
        Ok(signer) => signer,
        Err(fault) if fault.is_undecided() => return (Verdict::Undecided(fault.to_string()), None),
        Err(fault) => return (Verdict::Invalid(fault.to_string()), None),
    };
    let time = token.info().gen_time;
    if !signer.is_valid_at(time) {
        let reason = "the token's time is outside of its authority's certificate".to_owned();
        return (Verdict::Invalid(reason), Some(signer));
    }
    let accuracy = token.info().accuracy_micros.unwrap_or(0).div_ceil(1_000_000);
    if time > terms.at.saturating_add_unsigned(accuracy) {
        let reason = "the token is from after the time of validation".to_owned();
        return (Verdict::Undecided(reason), Some(signer));
    }
    let untrusted = [token.signed_data().certificates(), terms.untrusted].concat();
    let mut policy = Policy::new(RevocationPolicy::Required);
    policy.ca_revocation = RevocationPolicy::IfAvailable;
    let verdict = validate(&Request {
        untrusted: &untrusted,
        crls: terms.crls,
        purpose: Purpose::TimeStamping,
        policy,
        ..Request::new(&signer, terms.anchors, terms.at)
    });
    let verdict = match verdict {
        PathVerdict::Trusted(_) => Verdict::Valid,
        PathVerdict::Undecided(failure) => Verdict::Undecided(failure.to_string()),
        PathVerdict::Rejected(failure) => Verdict::Invalid(failure.to_string()),
    };
    (verdict, Some(signer))
}
