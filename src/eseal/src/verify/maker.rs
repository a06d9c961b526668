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
    crypto::verify(maker.spki(), scheme, &seal.signed_octets(), seal.signature()).map_err(Wrong::Value)
}

/// Both steps; answers the maker's certificate. `time` is the time of signing.
pub(super) fn examine(
    seal: &Seal,
    trust: &Trust<'_>,
    time: i64,
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
    let proven = stamped(seal, trust, validator, proofs);
    let step = StepName::MakerCertificate;
    let itself = matches!(trust.makers, Makers::Anyone) && is_listed(seal, maker.der());
    let judgement = match itself {
        true => Judgement::NotMaker,
        false => judge(&maker, trust, validator, seal.created(), time, proven),
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

/// Judges a maker's certificate for a seal made at `created` (as it says itself) and signed with at `time`; `proven` is a
/// time at which the seal is proven to have existed.
///
/// Seals outlive their makers' certificates: one that has run out since, or whose maker has gone out of business, goes on
/// being good. Not so when the maker's key fell into other hands: whoever has it writes any date, so that only a proof
/// counts then.
pub(super) fn judge(
    maker: &Certificate,
    trust: &Trust<'_>,
    validator: &mut Validator<'_>,
    created: i64,
    time: i64,
    proven: Option<i64>,
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
    let mut at =
        |time, proven| trust.path(validator, maker, purpose, time, proven).verdict.failure().cloned();
    let Some(failure) = at(time, false) else { return Judgement::Good { since: None } };
    let made = match &failure {
        PathFailure::Expired { .. } => created,
        PathFailure::Revoked { time: revoked, reason, .. } => {
            let harmless = matches!(
                reason,
                Some(Reason::AffiliationChanged | Reason::Superseded | Reason::CessationOfOperation)
            );
            match proven {
                Some(proven) if proven < *revoked => proven,
                _ if harmless && created < *revoked => created,
                _ => return Judgement::Bad(failure),
            }
        }
        _ => return Judgement::Bad(failure),
    };
    // An expired certificate may have been revoked before it ran out.
    let last = maker.not_after().min(time);
    if matches!(failure, PathFailure::Expired { .. })
        && made <= last
        && let Some(revoked @ PathFailure::Revoked { .. }) = at(last, false)
        && proven.is_none()
    {
        return Judgement::Bad(revoked);
    }
    match at(made, proven.is_some()) {
        None => Judgement::Good { since: Some(failure) },
        Some(then) => Judgement::Bad(then),
    }
}
