//! What a seal, and a signature made with one, prove.
//!
//! Responsible for the verifying order of GB/T 38540-2020, step by step with reasons in Chinese and English, and for the
//! verdict in the words of EN 319 102-1 beside it. Not for fetching, for the clock, or for what a registry knows of the
//! seal: certificates, revocation evidence, proofs of existence and the time of validation are handed in ([`Trust`]).
//! Called by the appliance, for PDF and for files.
//!
//! The two verdicts differ where the standards do. GB/T 38540 judges a certificate that has been revoked or has expired
//! since at the time of signing, which without a time-stamp is what the signer claims; EN 319 102-1 believes no claim and
//! says INDETERMINATE. What concerns the seal alone has no words of its own in EN 319 102-1: a maker's signature that does
//! not hold is SIG_CRYPTO_FAILURE, a signer that the seal does not list is FORMAT_FAILURE (not as the base standard wants
//! it), a signing time outside the seal's validity is EXPIRED or NOT_YET_VALID, one inside that only the signer claims, of a
//! seal that is over, OUT_OF_BOUNDS_NO_POE. About the maker both believe nobody: who has a maker's key makes seals and
//! signatures of any date, so that a revocation that is not harmless counts unless the seal is proven to be older.

mod list;
mod maker;
mod report;
mod signer;
mod time;
mod trust;
mod words;

use crypto::DigestAlgorithm;
use pki::{
    Certificate, Indication, SubIndication,
    validation::{Poes, Validator},
};

pub use report::{Outcome, Report, Step, StepName, TimeSource, Verdict};
pub use trust::{Makers, Trust};

pub(crate) use list::{digest_named, is_listed};
pub(crate) use maker::maker_signature;

use crate::{
    read::Read,
    seal::{Extension, Seal},
    signature::Signature,
};
use report::Steps;

/// Verifies a signature. `content_digest` answers the digest of what was signed by an algorithm; `None` when the content is
/// not at hand. `at` is the time of validation, Unix seconds.
#[must_use]
pub fn verify(
    signature: &Read<Signature>,
    content_digest: &dyn Fn(DigestAlgorithm) -> Option<Vec<u8>>,
    trust: &Trust<'_>,
    at: i64,
) -> Report {
    let policy = trust.policy.with_certificate_named_by_format();
    let mut validator = Validator::new(&policy, at);
    let mut proofs = trust.proofs.clone();
    verify_with(signature, "signature", content_digest, trust, at, &mut validator, &mut proofs)
}

/// As [`verify`], sharing budget and proofs with the other signatures of one document. `name` is what reports call it.
/// `validator` judges by [`SignaturePolicy::with_certificate_named_by_format`](pki::validation::SignaturePolicy::with_certificate_named_by_format)
/// of the policy; proofs that are there already count.
#[must_use]
pub fn verify_with(
    signature: &Read<Signature>,
    name: &str,
    content_digest: &dyn Fn(DigestAlgorithm) -> Option<Vec<u8>>,
    trust: &Trust<'_>,
    at: i64,
    validator: &mut Validator<'_>,
    proofs: &mut Poes,
) -> Report {
    let mut steps = Steps::default();
    let (value, deviations) = (&signature.value, &signature.deviations);
    steps.structure(value.version(), deviations);
    let found = signer::examine(value, content_digest, &mut steps);
    let validation = signer::validate(value, name, &found, trust, validator, proofs);
    let timed = time::determine(value, &validation, at, &mut steps);
    signer::certificate(&found, &validation, &timed, trust, validator, at, &mut steps);
    signer::content(&found, &mut steps);
    let maker = maker::examine(value.seal(), trust, &timed, at, validator, proofs, &mut steps);
    signer::listed(value, &mut steps);
    time::within_seal(value.seal(), &timed, at, &mut steps);
    let extensions = value.extensions().iter().chain(value.seal().extensions());
    unknown_extensions(extensions, trust, &mut steps);
    let (indication, sub_indication) = steps.conclude(validation.indication, validation.sub_indication);
    Report {
        verdict: steps.verdict(),
        indication,
        sub_indication,
        version: value.version(),
        deviations: deviations.clone(),
        signer: found.certificate,
        maker,
        signing_time: timed.time,
        time_source: timed.source,
        claimed_time: timed.claimed,
        digest: found.digest,
        validation: Some(Box::new(validation)),
        steps: steps.into_inner(),
    }
}

/// Verifies a seal by itself, at a time (Unix seconds): may it be signed with then?
#[must_use]
pub fn verify_seal(seal: &Read<Seal>, trust: &Trust<'_>, at: i64) -> Report {
    let mut steps = Steps::default();
    let (value, deviations) = (&seal.value, &seal.deviations);
    steps.structure(value.version(), deviations);
    let mut validator = Validator::new(trust.policy, at);
    let mut proofs = trust.proofs.clone();
    let now = time::Timed { time: Some(at), source: TimeSource::Validation, claimed: None, proven: None };
    let maker = maker::examine(value, trust, &now, at, &mut validator, &mut proofs, &mut steps);
    time::within_seal(value, &now, at, &mut steps);
    unknown_extensions(value.extensions().iter(), trust, &mut steps);
    let (indication, sub_indication) = steps.conclude(Indication::TotalPassed, None);
    Report {
        verdict: steps.verdict(),
        indication,
        sub_indication,
        version: value.version(),
        deviations: deviations.clone(),
        signer: None,
        maker,
        signing_time: None,
        time_source: TimeSource::Validation,
        claimed_time: None,
        digest: None,
        validation: None,
        steps: steps.into_inner(),
    }
}

/// A critical extension that nobody here knows may change what everything else means.
fn unknown_extensions<'e>(
    extensions: impl Iterator<Item = &'e Extension>,
    trust: &Trust<'_>,
    steps: &mut Steps,
) {
    let unknown: Vec<_> = extensions
        .filter(|extension| extension.critical && !trust.extensions.contains(&extension.id))
        .map(|extension| extension.id.to_string())
        .collect();
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        steps.undecided(
            StepName::Extensions,
            Some(SubIndication::SigConstraintsFailure),
            format!("含有未知的关键扩展：{names}"),
            format!("critical extensions are not known here: {names}"),
        );
    }
}

/// What is known of a signature before anybody asks whom to trust.
struct Found {
    certificate: Option<Certificate>,
    digest: Option<DigestAlgorithm>,
    verification: pki::cms::Verification,
    content: Content,
}

/// Whether the digest of the content is the signed one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Same,
    Other,
    Absent,
}
