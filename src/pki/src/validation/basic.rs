//! The validation process for basic signatures (EN 319 102-1 §5.3), which the one for time-stamps (§5.4) shares.
//!
//! The cryptographic verification is asked first when it says that the signature is broken: no path can mend that, and
//! none is looked for.

use super::{
    blocks,
    chain::{self, Judged},
    materials::Weakness,
    policy::SignatureDemands,
    run::Run,
    steps::Conclusion,
    subject::Format,
};
use crate::{
    cms::{Integrity, SignedAttributes},
    indication::SubIndication,
};

/// What the process is told beside the candidate.
pub(super) struct Asked<'a> {
    pub format: &'a Format,
    pub signed_data: bool,
    pub attributes: Option<&'a SignedAttributes>,
    /// `None` for a time-stamp: its own format demands what there is to demand (RFC 3161).
    pub demands: Option<&'a SignatureDemands>,
    /// The latest time at which the signature is proven not to have existed yet (content-time-stamps).
    pub not_before: Option<i64>,
}

/// How it ended.
pub(super) struct Basic {
    pub conclusion: Conclusion,
    /// The path, when one was asked for.
    pub judged: Option<Judged>,
    /// What of the signature itself was not reliable, when that stood in the way.
    pub weaknesses: Vec<Weakness>,
    /// Whether the signature value was verified. Without that neither time nor proofs can make it pass.
    pub verified: bool,
}

impl Basic {
    /// What was not reliable, when that stood in the way: of the path, or of the signature.
    pub(super) fn concerned(&self) -> &[Weakness] {
        match &self.judged {
            Some(judged) if !judged.weaknesses.is_empty() => &judged.weaknesses,
            _ => &self.weaknesses,
        }
    }

    const fn ended(conclusion: Conclusion) -> Self {
        Self { conclusion, judged: None, weaknesses: Vec::new(), verified: false }
    }
}

pub(super) fn validate(run: &mut Run<'_>, asked: &Asked<'_>) -> Basic {
    // Step 1.
    let format = blocks::format_checking(run, asked.format);
    if !format.is_passed() {
        return Basic::ended(format);
    }
    let broken = matches!(run.candidate.verification.integrity, Integrity::Broken(_));
    if broken && asked.signed_data {
        let verified = blocks::cryptographic_verification(run, asked.signed_data, asked.not_before);
        return Basic::ended(verified);
    }
    // Step 2.
    let identified = blocks::signing_certificate(run);
    if !identified.is_passed() {
        return Basic::ended(identified);
    }
    // Step 3.
    if let Some(demands) = asked.demands {
        let context = blocks::validation_context(run, asked.attributes, demands);
        if !context.is_passed() {
            return Basic::ended(context);
        }
    }
    // Step 4.
    let judged = chain::certificate_validation(run);
    let path = proven_late(run, &judged, asked.not_before);
    // Step 5.
    let verified = blocks::cryptographic_verification(run, asked.signed_data, asked.not_before);
    let holds = verified.is_passed();
    let first = if holds { path } else { verified };
    if !first.is_passed() {
        return Basic { conclusion: first, judged: Some(judged), weaknesses: Vec::new(), verified: holds };
    }
    // Step 6.
    let at = run.at;
    let (conclusion, weaknesses) =
        blocks::acceptance(run, asked.attributes, asked.demands, at, asked.not_before);
    Basic { conclusion, judged: Some(judged), weaknesses, verified: true }
}

/// What a time-stamp of the signed data proves: a signature that did not exist when its certificate was revoked or ran out
/// is made too late, for good (step 4).
fn proven_late(run: &Run<'_>, judged: &Judged, not_before: Option<i64>) -> Conclusion {
    let conclusion = &judged.conclusion;
    let Some(from) = not_before else { return conclusion.clone() };
    if conclusion.is(SubIndication::RevokedNoPoe) && judged.revoked_at.is_some_and(|revoked| from > revoked) {
        return Conclusion::failed(
            SubIndication::Revoked,
            "the signature is proven to have been made after its certificate was revoked",
        );
    }
    let bounds = [SubIndication::OutOfBoundsNoPoe, SubIndication::OutOfBoundsNotRevoked];
    let leaf = run.candidate.verification.signer.as_ref();
    if bounds.into_iter().any(|sub| conclusion.is(sub)) && leaf.is_some_and(|leaf| from > leaf.not_after()) {
        return Conclusion::failed(
            SubIndication::Expired,
            "the signature is proven to have been made after its certificate expired",
        );
    }
    conclusion.clone()
}
