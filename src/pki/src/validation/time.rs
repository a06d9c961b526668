//! The validation process for signatures with time (EN 319 102-1 §5.5): what the basic validation left open, decided at the
//! earliest time at which the signature is proven to have existed.
//!
//! In PAdES a document time-stamp proves that time as a signature time-stamp does (EN 319 142-1 §5.4.3): both count as
//! best-signature-time. Where the standard goes on with a path that it did not judge, it is judged here, at that time: its
//! revocation status and its freshness must hold then. A revoked authority is left to the past (§5.6), which asks for proofs of
//! what it signed: §5.5.4, step 4 a would take its word for the time before, and whoever holds its key could give it.

use super::{
    basic::Basic,
    blocks,
    chain::{self, Judged},
    materials::{Examiner, Weakness},
    report::{Block, Status, TimestampValidation},
    run::{Run, not_yet_valid},
    steps::Conclusion,
    subject::{Stamp, Subject},
};
use crate::{cms::TstInfo, indication::SubIndication};

/// Time-stamps and what their validation came to.
pub(super) struct Stamps<'a> {
    /// Of what is signed.
    pub content: &'a [(&'a Stamp<'a>, &'a TimestampValidation)],
    /// Of the signature.
    pub own: &'a [(&'a Stamp<'a>, &'a TimestampValidation)],
}

/// Steps 4 to 10, after the basic validation and the validation of the signature time-stamps. Answers also with what was not
/// reliable, if that is in the way.
pub(super) fn validate(
    run: &mut Run<'_>,
    subject: &Subject<'_>,
    basic: &Basic,
    best: i64,
    not_before: Option<i64>,
    stamps: &Stamps<'_>,
) -> (Conclusion, Vec<Weakness>) {
    let further = basic.conclusion.is_passed() || FURTHER.into_iter().any(|sub| basic.conclusion.is(sub));
    if !further || !basic.verified {
        return (basic.conclusion.clone(), basic.concerned().to_vec());
    }
    // Step 4, and 6 and 7, which ask the same of the path.
    let mut judged = None;
    let compared = compare(run, basic, best, &mut judged);
    let mut step = run.trace.begin(Block::ComparingTimes);
    step.check("best-signature-time", compared.is_passed(), || compared.reason.clone());
    let ordered = if run.policy.time_stamp_order() { in_order(stamps, best) } else { Ok(()) };
    step.note(
        "time-stamp-order",
        match (run.policy.time_stamp_order(), &ordered) {
            (false, _) => Status::Ignored,
            (true, Ok(())) => Status::Passed,
            (true, Err(_)) => Status::Failed,
        },
        ordered.as_ref().err().cloned(),
    );
    let conclusion = match (compared.is_passed(), ordered) {
        (true, Err(reason)) => Conclusion::indeterminate(SubIndication::TimestampOrderFailure, reason),
        _ => compared,
    };
    step.end(&conclusion);
    if !conclusion.is_passed() {
        return (conclusion, basic.concerned().to_vec());
    }
    // Step 5.
    let stamped = !subject.signature_stamps.is_empty() || best < run.at;
    let delayed = delay(run, subject.claimed_time, best, stamped);
    if !delayed.is_passed() || basic.conclusion.is_passed() {
        // Steps 8 to 10 would ask now what the basic validation asked already.
        return (delayed, Vec::new());
    }
    // Steps 8 and 9.
    let demands = run.policy.signature();
    let accepted = blocks::acceptance(run, subject.attributes, Some(demands), best, not_before);
    if !accepted.0.is_passed() {
        return accepted;
    }
    // Step 10: the certificates and what is known about them are asked about now.
    let judged = judged.as_ref().or(basic.judged.as_ref());
    let Some(judged) = judged else { return (Conclusion::passed(), Vec::new()) };
    let (conclusion, weaknesses) = reliable_now(run, judged);
    if conclusion.is_passed() {
        chain::keep(run, judged);
    }
    (conclusion, weaknesses)
}

/// What §5.5.4, step 2 goes on with, a revoked authority apart.
const FURTHER: [SubIndication; 5] = [
    SubIndication::CryptoConstraintsFailureNoPoe,
    SubIndication::RevokedNoPoe,
    SubIndication::TryLater,
    SubIndication::OutOfBoundsNoPoe,
    SubIndication::OutOfBoundsNotRevoked,
];

fn compare(run: &mut Run<'_>, basic: &Basic, best: i64, again: &mut Option<Judged>) -> Conclusion {
    let Some(leaf) = run.candidate.verification.signer.as_ref() else { return basic.conclusion.clone() };
    let (from, until) = (leaf.not_before(), leaf.not_after());
    let is = |sub| basic.conclusion.is(sub);
    if basic.conclusion.is_passed() {
        return if best < from { not_yet_valid() } else { Conclusion::passed() };
    }
    let Some(judged) = &basic.judged else { return basic.conclusion.clone() };
    if is(SubIndication::CryptoConstraintsFailureNoPoe) {
        // Step 4 c: only for the signature itself; what was wrong with the path can be right only by proofs (§5.6).
        let own = !basic.weaknesses.is_empty();
        let reliable = basic.weaknesses.iter().all(|weakness| weakness.reliable.holds_at(best));
        return if own && reliable { Conclusion::passed() } else { basic.conclusion.clone() };
    }
    // The clock of whoever validates proves nothing about the signature: only a proof makes it final.
    if best < from && best < run.at {
        return not_yet_valid();
    }
    if is(SubIndication::OutOfBoundsNoPoe) {
        return basic.conclusion.clone();
    }
    let revoked = is(SubIndication::RevokedNoPoe) || judged.suspended;
    if revoked && judged.revoked_at.is_none_or(|revoked| best >= revoked) {
        return basic.conclusion.clone();
    }
    if best > until {
        let reason = "certificate expired before the time at which the signature is proven to have existed";
        return Conclusion::indeterminate(SubIndication::OutOfBoundsNotRevoked, reason);
    }
    if best >= run.at {
        return basic.conclusion.clone();
    }
    let mut then = chain::validate(run, best);
    // What the path's algorithms were worth then says nothing: step 10 asks now.
    if then.conclusion.is(SubIndication::CryptoConstraintsFailureNoPoe) {
        then.conclusion = Conclusion::passed();
    }
    let conclusion = then.conclusion.clone();
    *again = Some(then);
    conclusion
}

/// Step 4 e: no signature time-stamp, nor another proof of the signature's existence, may be older than a time-stamp of what is
/// signed.
fn in_order(stamps: &Stamps<'_>, best: i64) -> Result<(), String> {
    for (content, of_content) in stamps.content.iter().filter(|(_, outcome)| outcome.proves) {
        for (stamp, outcome) in stamps.own.iter().filter(|(_, outcome)| outcome.proves) {
            if is_before(stamp.token.info(), content.token.info(), have_one_author(outcome, of_content)) {
                return Err(format!(
                    "time-stamp `{}` is older than a time-stamp of what is signed",
                    stamp.name
                ));
            }
        }
        // The proof may come from elsewhere, and says nothing of its accuracy.
        let from = content.token.info();
        if stamps.own.is_empty() && micros(best, 0) + UNSTATED + accuracy(from) < generated(from) {
            return Err("the signature is proven to exist before a time-stamp of what is signed".into());
        }
    }
    Ok(())
}

/// Whether a token was certainly made before another. RFC 3161 §2.4.2 orders tokens by genTime alone only where their common
/// authority says so (`ordering`); otherwise "only when the difference between the genTime of the first and the second is
/// greater than the sum of the accuracies". Below a second nothing is certain: genTime may be in whole seconds.
fn is_before(first: &TstInfo, second: &TstInfo, one_author: bool) -> bool {
    let between = generated(second) - generated(first);
    if one_author && first.ordering && second.ordering {
        return between > 0;
    }
    between > (accuracy(first) + accuracy(second)).max(SECOND)
}

/// Whether the same unit signed both: its name could be anybody's.
fn have_one_author(left: &TimestampValidation, right: &TimestampValidation) -> bool {
    let author = |outcome: &TimestampValidation| outcome.material.chain.first().map(|leaf| leaf.sha256);
    author(left).is_some() && author(left) == author(right)
}

fn generated(info: &TstInfo) -> i128 {
    micros(info.gen_time, info.gen_time_micros)
}

fn micros(seconds: i64, more: u32) -> i128 {
    i128::from(seconds) * SECOND + i128::from(more)
}

fn accuracy(info: &TstInfo) -> i128 {
    info.accuracy_micros.map_or(UNSTATED, i128::from)
}

/// Step 5, and §5.6.3.4, step 8.
pub(super) fn delay(run: &mut Run<'_>, claimed: Option<i64>, best: i64, stamped: bool) -> Conclusion {
    let Some(longest) = run.policy.time_stamp_delay().filter(|_| stamped) else {
        return Conclusion::passed();
    };
    let fails = |reason: &str| Conclusion::indeterminate(SubIndication::SigConstraintsFailure, reason);
    let conclusion = match claimed {
        None => {
            fails("the signature claims no signing time, and the policy limits the delay of its time-stamp")
        }
        Some(claimed) if claimed.saturating_add(longest) < best => {
            fails("the signature was time-stamped later after its claimed time than the policy takes")
        }
        Some(_) => Conclusion::passed(),
    };
    let mut step = run.trace.begin(Block::TimeStampDelay);
    step.check("time-stamp-delay", conclusion.is_passed(), || conclusion.reason.clone());
    step.end(&conclusion);
    conclusion
}

fn reliable_now(run: &mut Run<'_>, judged: &Judged) -> (Conclusion, Vec<Weakness>) {
    let at = run.at;
    let mut examiner = Examiner::new(run.policy.cryptography(), &mut run.material);
    let weaknesses = chain::examine(&mut examiner, &judged.path, &judged.standings, at);
    let conclusion = match weaknesses.first() {
        None => Conclusion::passed(),
        Some(first) => Conclusion::indeterminate(chain::sub_indication(&weaknesses), first.describe()),
    };
    let mut step = run.trace.begin(Block::CryptographicConstraints);
    step.check("cryptographic-constraints", weaknesses.is_empty(), || conclusion.reason.clone());
    step.end(&conclusion);
    (conclusion, weaknesses)
}

/// In microseconds.
const SECOND: i128 = 1_000_000;

/// What genTime is taken to be off by where the token does not say: "the accuracy may be available through other means"
/// (RFC 3161 §2.4.2), which are not at hand.
const UNSTATED: i128 = SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    /// At so many milliseconds, accurate to so many.
    fn token(at: i64, accuracy: Option<u64>, ordering: bool) -> TstInfo {
        TstInfo {
            policy: "1.2.3.4".parse().unwrap(),
            imprint_algorithm: "2.16.840.1.101.3.4.2.1".parse().unwrap(),
            imprint: Vec::new(),
            serial: vec![1],
            gen_time: at.div_euclid(1000),
            gen_time_micros: u32::try_from(at.rem_euclid(1000) * 1000).unwrap(),
            accuracy_micros: accuracy.map(|millis| millis * 1000),
            ordering,
            nonce: None,
            extensions: Vec::new(),
        }
    }

    #[test]
    fn tokens_are_ordered_where_both_accuracies_or_their_authority_allow() {
        for (first, second, before_as_strangers, before_as_one) in [
            // Both accuracies count.
            (token(10_000, Some(700), true), token(11_300, Some(600), true), false, true),
            (token(10_000, Some(700), true), token(11_301, Some(600), true), true, true),
            (token(10_000, Some(0), false), token(13_000, Some(3000), false), false, false),
            (token(10_000, Some(0), false), token(13_001, Some(3000), false), true, true),
            // None stated: a second each.
            (token(10_000, None, false), token(12_000, None, false), false, false),
            (token(10_000, None, false), token(12_001, None, false), true, true),
            // Nothing is certain within a second, unless the common authority orders.
            (token(10_000, Some(1), false), token(10_900, Some(1), false), false, false),
            (token(10_000, Some(1), true), token(10_900, Some(1), true), false, true),
            (token(10_000, Some(1), true), token(10_900, Some(1), false), false, false),
            (token(10_000, None, true), token(10_000, None, true), false, false),
            (token(11_000, Some(1), true), token(10_000, Some(1), true), false, false),
        ] {
            assert_eq!(is_before(&first, &second, false), before_as_strangers, "{first:?} {second:?}");
            assert_eq!(is_before(&first, &second, true), before_as_one, "{first:?} {second:?}");
        }
    }
}
