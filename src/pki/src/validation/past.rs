//! The past signature validation building block (EN 319 102-1 §5.6.2.4): whether proofs of existence make up for what was
//! found wrong at the time of validation.

use super::{
    basic::Basic,
    chain::{Judged, Standing},
    freshness::is_fresh,
    materials::Weakness,
    report::{Block, ObjectKind},
    run::{Run, not_yet_valid},
    sliding::{Past, past_certificate_validation},
    steps::Conclusion,
};
use crate::{indication::SubIndication, path::Source};

/// `current` is what validation at the time of validation said, `basic` how it came to that, `concerned` what was not reliable
/// if that was in the way.
pub(super) fn validate(
    run: &mut Run<'_>,
    current: &Conclusion,
    basic: &Basic,
    concerned: &[Weakness],
) -> Conclusion {
    let past = past_certificate_validation(run);
    let conclusion = match past {
        // Step 2. Where everything is good now and the policy wants proofs, the lack of one speaks.
        Err(failure) if current.is_passed() => failure,
        Err(_) => current.clone(),
        Ok(past) => match decide(run, current, basic, concerned, &past) {
            Decision::Settled(conclusion) => conclusion,
            // Step 7.
            Decision::Proven => match revoked_before(run, basic, &past) {
                Some(revoked) => revoked,
                None => evidence_in_time(run, &past),
            },
        },
    };
    let mut step = run.trace.begin(Block::PastSignatureValidation);
    step.check("proofs-of-existence", conclusion.is_passed(), || conclusion.reason.clone());
    step.end(&conclusion);
    conclusion
}

enum Decision {
    Settled(Conclusion),
    Proven,
}

/// Steps 3 to 6.
fn decide(
    run: &mut Run<'_>,
    current: &Conclusion,
    basic: &Basic,
    concerned: &[Weakness],
    past: &Past,
) -> Decision {
    use SubIndication as S;
    let best = run.best_time();
    let unchanged = Decision::Settled(current.clone());
    let Some((from, until)) = past.path.first().map(|leaf| (leaf.not_before(), leaf.not_after())) else {
        return unchanged;
    };
    // A certificate that ran out before the signature is known to have existed.
    let within = |otherwise: Conclusion| match best {
        best if best < from => Decision::Settled(not_yet_valid()),
        best if best <= until => Decision::Proven,
        _ => Decision::Settled(otherwise),
    };
    let expired = || {
        let reason = "certificate expired before the time at which the signature is proven to have existed";
        Conclusion::indeterminate(S::OutOfBoundsNotRevoked, reason)
    };
    let is_suspended = basic.judged.as_ref().is_some_and(|judged| judged.suspended);
    if best <= past.control {
        if current.is_passed() {
            return Decision::Proven;
        }
        if current.is(S::NoCertificateChainFoundNoPoe) {
            return within(Conclusion::indeterminate(S::OutOfBoundsNoPoe, expired().reason));
        }
        let suspended = current.is(S::TryLater) && is_suspended;
        if current.is(S::RevokedNoPoe) || current.is(S::RevocationOutOfBoundsNoPoe) || suspended {
            return within(expired());
        }
        if current.is(S::RevokedCaNoPoe) {
            return match basic.judged.as_ref().is_some_and(|judged| known_before(run, judged, past)) {
                true => within(expired()),
                false => unchanged,
            };
        }
        if current.is(S::OutOfBoundsNoPoe) || current.is(S::OutOfBoundsNotRevoked) {
            return within(current.clone());
        }
    }
    if current.is(S::CryptoConstraintsFailureNoPoe) {
        // Step 4.
        let proven = concerned.iter().all(|one| one.reliable.holds_at(run.known(one.kind, &one.object)));
        return if proven && !concerned.is_empty() { Decision::Proven } else { unchanged };
    }
    if current.is(S::TryLater) && !is_suspended {
        // Step 5: fresh at the time at which the signature is known to have existed.
        let longest = run.policy.revocation().freshness;
        let fresh = past.standings.iter().filter_map(source).all(|source| is_fresh(source, best, longest));
        return if fresh && best <= past.control { Decision::Proven } else { unchanged };
    }
    // Step 6. Everything holds now, and no proof reaches back to when the path was good.
    if current.is_passed() {
        let reason = "no proof that the signature existed while its path is proven to have been good";
        return Decision::Settled(Conclusion::indeterminate(S::NoPoe, reason));
    }
    unchanged
}

/// What is known now to have been revoked by the time at which the signature is known to have existed. Time sliding leaves out
/// evidence that was made after the control time; what such evidence says of the time before is true all the same.
fn revoked_before(run: &mut Run<'_>, basic: &Basic, past: &Past) -> Option<Conclusion> {
    let best = run.best_time();
    let judged = basic.judged.as_ref()?;
    for (index, (certificate, standing)) in judged.path.iter().zip(&judged.standings).enumerate() {
        if let Standing::Revoked(revoked, _) = standing
            && revoked.time <= best
            && past.path.contains(certificate)
        {
            let sub = match index {
                0 => SubIndication::RevokedNoPoe,
                _ => SubIndication::RevokedCaNoPoe,
            };
            let reason = format!("certificate of `{}` is revoked", certificate.subject());
            return Some(Conclusion::indeterminate(sub, reason));
        }
    }
    None
}

/// Step 3, REVOKED_CA_NO_POE: what is known about the signer's certificate existed before its authority was revoked.
fn known_before(run: &mut Run<'_>, judged: &Judged, past: &Past) -> bool {
    let Some(revoked) = judged.revoked_at else { return false };
    match past.standings.first() {
        Some(Standing::Good(source) | Standing::Stale(source)) => {
            let (kind, object) = super::run::name(&source.by);
            run.known(kind, &object) <= revoked
        }
        Some(Standing::Exempt | Standing::Waived) => true,
        _ => false,
    }
}

/// Steps 1 and 7: what is known about the signer's certificate comes from somebody whose certificate is proven to have
/// existed while it was valid. The evidence itself must be, too, which the standard leaves to the control time: else a list
/// that turns up when its maker's key protects nobody any more would speak for the past.
fn evidence_in_time(run: &mut Run<'_>, past: &Past) -> Conclusion {
    let Some(source) = past.standings.first().and_then(source) else { return Conclusion::passed() };
    let signer = &source.signer;
    let (kind, object) = super::run::name(&source.by);
    let of_evidence = run.known(kind, &object);
    let mut of_signer = run.known(ObjectKind::Certificate, signer.sha256_fingerprint());
    if kind == ObjectKind::Ocsp {
        // A responder's certificate stands inside its response.
        of_signer = of_signer.min(of_evidence);
    }
    if signer.is_valid_at(of_signer) && of_evidence <= signer.not_after() {
        return Conclusion::passed();
    }
    Conclusion::indeterminate(
        SubIndication::RevocationOutOfBoundsNoPoe,
        format!(
            "no proof that `{}`, who signed the revocation information, was valid then",
            signer.subject()
        ),
    )
}

const fn source(standing: &Standing) -> Option<&Source> {
    match standing {
        Standing::Good(source) | Standing::Stale(source) | Standing::Revoked(_, source) => Some(source),
        Standing::Exempt | Standing::Waived | Standing::Absent(_) => None,
    }
}
