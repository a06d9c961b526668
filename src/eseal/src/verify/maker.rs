//! The maker's part: the signature over the seal, and the certificate of whoever made it.

use pki::{
    Certificate, Indication, Reason, SubIndication,
    cms::TimeStampToken,
    path::{PathFailure, Purpose},
    validation::{Poes, Stamp, Validator},
};

use super::{
    Makers, Trust,
    list::is_listed,
    report::{StepName, Steps},
    signer::Wrong,
    time::Timed,
    words,
};
use crate::{seal::Seal, signature::scheme};

/// Verifies the maker's signature over the seal's own octets.
pub(crate) fn maker_signature(seal: &Seal) -> Result<Certificate, String> {
    let octets = seal.maker().ok_or("the maker's certificate is missing")?;
    let certificate = Certificate::from_der(octets).map_err(|error| error.to_string())?;
    holds(seal, &certificate).map_err(|wrong| match wrong {
        Wrong::Scheme(error) => error.to_string(),
        Wrong::Value(error) => error.to_string(),
    })?;
    Ok(certificate)
}

fn holds(seal: &Seal, maker: &Certificate) -> Result<(), Wrong> {
    let scheme = scheme(seal.algorithm(), maker.spki()).map_err(Wrong::Scheme)?;
    crypto::verify(maker.spki(), scheme, &seal.signed_octets(), seal.signature_in_der()).map_err(Wrong::Value)
}

/// Both steps; answers the maker's certificate. `timed` is the time of signing, `at` that of validation.
pub(super) fn examine(
    seal: &Seal,
    trust: &Trust<'_>,
    timed: &Timed,
    at: i64,
    validator: &mut Validator<'_>,
    proofs: &mut Poes,
    steps: &mut Steps,
) -> Option<Certificate> {
    let maker = match seal.maker().map(Certificate::from_der) {
        Some(Ok(maker)) => maker,
        Some(Err(error)) => {
            let en = format!("the maker's certificate cannot be read: {error}");
            absent(steps, "制章人证书无法解读", &en);
            return None;
        }
        None => {
            absent(steps, "印章中没有制章人证书", "the maker's certificate is not there");
            return None;
        }
    };
    match holds(seal, &maker) {
        Ok(()) => steps.passed(
            StepName::MakerSignature,
            "制章人签名验证通过，印章未被改动",
            "the maker's signature holds over the seal",
        ),
        Err(wrong) => wrong.report(StepName::MakerSignature, steps),
    }
    // Whatever proves the signature proves the seal inside.
    let proven = stamped(seal, trust, validator, proofs).into_iter().chain(timed.proven).min();
    let times = Times { created: seal.created(), signed: timed.time.unwrap_or(at), proven, at };
    let step = StepName::MakerCertificate;
    let itself = matches!(trust.makers, Makers::Anyone) && is_listed(seal, maker.der());
    let judgement = match itself {
        true => Judgement::NotMaker,
        false => judge(&maker, trust, validator, times),
    };
    match judgement {
        Judgement::Good { since: None } => steps.passed(
            step,
            "制章人证书的证书链、有效期和吊销状态验证通过",
            "the maker's certificate: chain, validity and revocation hold",
        ),
        Judgement::Good { since: Some(now) } => {
            let (zh, en) = words::failure(&now);
            steps.warned(
                step,
                format!("制章时制章人证书有效；此后{zh}"),
                format!("the maker's certificate held when the seal was made; since then: {en}"),
            );
        }
        Judgement::NotMaker => steps.failed_as(
            step,
            (Indication::Indeterminate, Some(SubIndication::ChainConstraintsFailure)),
            (
                "该证书的持有者不是已知的制章人".to_owned(),
                "the holder of this certificate is not known to make seals".to_owned(),
            ),
        ),
        Judgement::Bad(failure) => {
            let (indication, sub) = failure.indication();
            let (zh, en) = words::failure(&failure);
            match failure.is_definite() {
                true => steps.failed_as(step, (indication, Some(sub)), (zh, en)),
                false => steps.undecided(step, Some(sub), zh, en),
            }
        }
    }
    Some(maker)
}

fn absent(steps: &mut Steps, zh: &str, en: &str) {
    for step in [StepName::MakerSignature, StepName::MakerCertificate] {
        steps.undecided(step, Some(SubIndication::NoSigningCertificateFound), zh, en);
    }
}

/// When a time-stamp proves the maker's signature to have existed (V5), Unix seconds.
fn stamped(seal: &Seal, trust: &Trust<'_>, validator: &mut Validator<'_>, proofs: &mut Poes) -> Option<i64> {
    let object = Poes::digest(seal.signature());
    if let Some(octets) = seal.time_stamp()
        && let Ok(token) = TimeStampToken::parse(octets, &pki::cms::Limits::default())
    {
        let stamp = Stamp::of_signature("time-stamp of the seal", &token, octets, seal.signature());
        let outcome = validator.time_stamp(&stamp, trust.evidence, proofs);
        proofs.extract(&outcome, pki::validation::ProofSource::SignatureTimestamp, [&object]);
    }
    proofs.earliest(&object).map(|proof| proof.time)
}

/// What is to be said of a maker's certificate.
pub(super) enum Judgement {
    /// It held; `since`: what has come over it after the seal was made.
    Good { since: Option<PathFailure> },
    /// It is nobody's who makes seals.
    NotMaker,
    /// It did not hold.
    Bad(PathFailure),
}

/// The times that count for a maker's certificate, Unix seconds.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// When the seal was made, as it says itself.
    pub created: i64,
    /// When it was signed with.
    pub signed: i64,
    /// When the seal is proven to have existed.
    pub proven: Option<i64>,
    /// The time of validation.
    pub at: i64,
}

/// Judges a maker's certificate: by what is known of it now, and then for the time at which its seal was signed with.
///
/// Seals outlive their makers' certificates: one that has run out since, or whose maker has gone out of business, goes on
/// being good. Not so when the maker's key fell into other hands: whoever has it writes any date, of the seal and of the
/// signature, so that no claim is held against a revocation and only a proof counts (EN 319 102-1 §5.2.6: REVOKED_NO_POE).
pub(super) fn judge(
    maker: &Certificate,
    trust: &Trust<'_>,
    validator: &mut Validator<'_>,
    times: Times,
) -> Judgement {
    let purpose = match trust.makers {
        Makers::Purpose(purpose) => purpose,
        Makers::Known(known) => {
            let same =
                |other: &Certificate| other.spki() == maker.spki() && other.subject() == maker.subject();
            if !known.iter().any(same) {
                return Judgement::NotMaker;
            }
            Purpose::Any
        }
        Makers::Anyone => Purpose::Any,
    };
    if let Some(usage) = maker.key_usage()
        && !usage.intersects(pki::KeyUsage::DIGITAL_SIGNATURE.and(pki::KeyUsage::NON_REPUDIATION))
    {
        let (subject, rule) = (maker.subject().to_string(), "key usage does not allow it");
        return Judgement::Bad(PathFailure::Purpose { subject, rule });
    }
    let mut path =
        |time, proven| trust.maker_path(validator, maker, purpose, time, proven).verdict.failure().cloned();
    let since = match path(times.at, false) {
        None => None,
        Some(failure) => match overtaken(failure, times.at, times, &mut path) {
            Ok((failure, _)) => Some(failure),
            // Only a revocation is a matter of what was done when: the rest is asked again of the time that is proven.
            Err(failure) if times.proven.is_some() && !is_revocation(&failure) => Some(failure),
            Err(failure) => return Judgement::Bad(failure),
        },
    };
    // What is good now may not have begun at the time of signing.
    let then = match path(times.signed, false) {
        None => return Judgement::Good { since },
        Some(failure) => overtaken(failure, times.signed, times, &mut path),
    };
    match then {
        Err(failure) => Judgement::Bad(failure),
        Ok((failure, made)) => match path(made, times.proven.is_some()) {
            None => Judgement::Good { since: since.or(Some(failure)) },
            Some(then) => Judgement::Bad(then),
        },
    }
}

/// What came over the certificate by `time`, when the seal outlives it, with the time for which the certificate has to hold
/// then.
///
/// # Errors
/// What the seal does not outlive.
fn overtaken(
    failure: PathFailure,
    time: i64,
    times: Times,
    path: &mut impl FnMut(i64, bool) -> Option<PathFailure>,
) -> Result<(PathFailure, i64), PathFailure> {
    match failure {
        PathFailure::Revoked { time: revoked, reason, .. } => {
            let harmless = matches!(
                reason,
                Some(Reason::AffiliationChanged | Reason::Superseded | Reason::CessationOfOperation)
            );
            match times.proven {
                Some(proven) if proven < revoked => Ok((failure, proven)),
                _ if harmless && times.created < revoked => Ok((failure, times.created)),
                _ => Err(failure),
            }
        }
        // It may have been revoked before it ran out, and what has run out is not asked about that.
        PathFailure::Expired { not_after, .. } => match (not_after < time).then(|| path(not_after, false)) {
            Some(Some(earlier)) if is_revocation(&earlier) || is_expiry(&earlier) => {
                overtaken(earlier, not_after, times, path)
            }
            _ => Ok((failure, times.created)),
        },
        _ => Err(failure),
    }
}

const fn is_revocation(failure: &PathFailure) -> bool {
    matches!(failure, PathFailure::Revoked { .. })
}

const fn is_expiry(failure: &PathFailure) -> bool {
    matches!(failure, PathFailure::Expired { .. })
}
