//! When it was signed, how that is known, and whether the seal was valid then.

use pki::{Indication, SubIndication, cms::TimeStampToken, validation::Validation};

use super::{
    report::{StepName, Steps, TimeSource},
    words::instant,
};
use crate::{
    seal::Seal,
    signature::{Signature, TimeInfo},
};

/// The time of signing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    /// Unix seconds; `None` when nothing says when.
    pub time: Option<i64>,
    pub source: TimeSource,
    pub claimed: Option<i64>,
    /// The earliest time at which the signature is proven to have existed, Unix seconds.
    pub proven: Option<i64>,
}

impl Timed {
    /// Whether the signature is proven to have existed then.
    pub(super) fn is_proven(&self) -> bool {
        matches!(self.source, TimeSource::SignatureTimestamp | TimeSource::Proof)
    }
}

/// What the signer claims, Unix seconds.
pub(super) fn claimed(signature: &Signature) -> Option<i64> {
    match signature.time_info() {
        TimeInfo::Claimed(seconds) => Some(*seconds),
        // Made before the signature: it proves nothing about that, and says when the signer asked for it.
        TimeInfo::Token(octets) => {
            let token = TimeStampToken::parse(octets, &pki::cms::Limits::default()).ok()?;
            Some(token.info().gen_time)
        }
        TimeInfo::Unreadable => None,
    }
}

/// A time-stamp of the signature beats what the signer claims.
pub(super) fn determine(signature: &Signature, validation: &Validation, at: i64, steps: &mut Steps) -> Timed {
    let step = StepName::SigningTime;
    let claimed = claimed(signature);
    let stamp = validation.timestamps.iter().find(|stamp| stamp.proves).map(|stamp| stamp.generated_at);
    let proof = validation.best_signature_time_source.map(|_| validation.best_signature_time);
    let (time, source) = match (stamp, claimed, proof) {
        (Some(stamp), ..) => (Some(stamp), TimeSource::SignatureTimestamp),
        (None, Some(claimed), _) => (Some(claimed), TimeSource::Claimed),
        (None, None, Some(proof)) => (Some(proof), TimeSource::Proof),
        (None, None, None) => (None, TimeSource::Validation),
    };
    // Nothing can be claimed that lies after a proof, or after now.
    let latest = proof.unwrap_or(at).min(at).saturating_add(SKEW);
    let disputed = claimed.is_some_and(|claimed| claimed > latest);
    let timed = Timed { time, source, claimed, proven: stamp.into_iter().chain(proof).min() };
    let said = time.map(instant).unwrap_or_default();
    let broken = signature.time_stamp().is_some() && stamp.is_none();
    match source {
        TimeSource::SignatureTimestamp if disputed => steps.warned(
            step,
            format!("时间戳证明签章时间不晚于 {said}；签章人所称时间晚于该时间"),
            format!("a time-stamp proves it to have existed at {said}; the signer claims a later time"),
        ),
        TimeSource::SignatureTimestamp => steps.passed(
            step,
            format!("时间戳证明签章时间为 {said}"),
            format!("a time-stamp proves it to have existed at {said}"),
        ),
        TimeSource::Claimed if disputed => steps.undecided(
            step,
            Some(SubIndication::SigConstraintsFailure),
            format!("签章人所称时间 {said} 不可能属实"),
            format!("the signer claims {said}, which cannot be true"),
        ),
        TimeSource::Claimed if broken => {
            let reasons = stamp_reasons(validation);
            steps.warned(
                step,
                format!("时间戳未通过验证；签章人所称时间为 {said}"),
                format!("the time-stamp does not hold ({reasons}); the signer claims {said}"),
            );
        }
        TimeSource::Claimed => steps.passed(
            step,
            format!("签章人所称时间为 {said}，无时间戳证明"),
            format!("the signer claims {said}; no time-stamp proves it"),
        ),
        TimeSource::Proof => steps.warned(
            step,
            format!("签章时间无法解读；已证明 {said} 时签章已存在"),
            format!("the claimed time cannot be read; it is proven to have existed at {said}"),
        ),
        TimeSource::Validation => steps.undecided(
            step,
            Some(SubIndication::SigConstraintsFailure),
            "签章时间无法解读",
            "the time of signing cannot be read",
        ),
    }
    timed
}

fn stamp_reasons(validation: &Validation) -> String {
    let reasons: Vec<_> =
        validation.timestamps.iter().flat_map(|stamp| &stamp.reasons).map(String::as_str).collect();
    match reasons.is_empty() {
        true => "it cannot be read".to_owned(),
        false => reasons.join("; "),
    }
}

/// Whether the time of signing lies inside the seal's validity. A seal that is over by `at`, the time of validation, can be
/// signed with for ever by whoever claims an earlier time: without a proof the claim counts for GB/T 38540 alone.
pub(super) fn within_seal(seal: &Seal, timed: &Timed, at: i64, steps: &mut Steps) {
    let step = StepName::SealValidity;
    let (from, to) = (instant(seal.valid_from()), instant(seal.valid_to()));
    let Some(time) = timed.time else {
        steps.undecided(
            step,
            Some(SubIndication::SigConstraintsFailure),
            "签章时间未知，无法核对印章有效期",
            "the time of signing is not known, so it cannot be held against the seal's validity",
        );
        return;
    };
    if seal.is_valid_at(time) && timed.proven.unwrap_or(at) > seal.valid_to() {
        steps.warned_as(
            step,
            (Indication::Indeterminate, Some(SubIndication::OutOfBoundsNoPoe)),
            (
                format!("所称签章时间在印章有效期内（{from} 至 {to}），但印章现已过有效期，且该时间无时间戳证明"),
                format!(
                    "the claimed time lies inside the seal's validity ({from} to {to}); the seal is over by now, \
                     and nothing proves that it was signed with before"
                ),
            ),
        );
        return;
    }
    if seal.is_valid_at(time) {
        steps.passed(
            step,
            format!("签章时间在印章有效期内（{from} 至 {to}）"),
            format!("the time lies inside the seal's validity ({from} to {to})"),
        );
        return;
    }
    let early = time < seal.valid_from();
    let sub = if early { SubIndication::NotYetValid } else { SubIndication::Expired };
    // A time-stamp says that it was there by then: it may have been made earlier.
    let earlier =
        timed.is_proven() && !early && timed.claimed.is_some_and(|claimed| seal.is_valid_at(claimed));
    let meaning = match earlier {
        true => (Indication::Indeterminate, Some(SubIndication::OutOfBoundsNoPoe)),
        false => (Indication::TotalFailed, Some(sub)),
    };
    let word = if early { ("尚未生效", "not yet valid") } else { ("已过有效期", "no longer valid") };
    let words = (
        format!("签章时印章{}（有效期 {from} 至 {to}）", word.0),
        format!("the seal was {} (valid from {from} to {to})", word.1),
    );
    steps.failed_as(step, meaning, words);
}

/// How far clocks may differ, in seconds.
const SKEW: i64 = 300;
