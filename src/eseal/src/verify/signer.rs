//! The signer's part: signature value, content, certificate, and that the seal lists it.

use crypto::{DigestAlgorithm, SchemeError, VerifyError};
use pki::{
    Certificate, Indication, SubIndication,
    cms::{Fault, Integrity, TimeStampToken, Unverifiable, Verification},
    validation::{Poes, Stamp, Subject, Validation, Validator},
};

use super::{
    Content, Found, Trust, is_listed,
    report::{StepName, Steps},
    time::Timed,
    words,
};
use crate::signature::Signature;

/// Signature value and content, before anybody asks whom to trust.
pub(super) fn examine(
    signature: &Signature,
    content_digest: &dyn Fn(DigestAlgorithm) -> Option<Vec<u8>>,
    steps: &mut Steps,
) -> Found {
    let step = StepName::SignatureValue;
    let certificate = signature.signer().map(Certificate::from_der);
    let mut verification =
        Verification { integrity: Integrity::Intact, signer: None, digest: None, scheme: None };
    let mut faults = Vec::new();
    let mut unknown = None;
    match &certificate {
        None => {
            unknown = Some(Unverifiable::NoSignerCertificate);
            let (zh, en) = ("签章数据中没有签章人证书", "the signer's certificate is not there");
            steps.undecided(step, Some(SubIndication::NoSigningCertificateFound), zh, en);
        }
        Some(Err(error)) => {
            unknown = Some(Unverifiable::NoSignerCertificate);
            let en = format!("the signer's certificate cannot be read: {error}");
            let sub = Some(SubIndication::NoSigningCertificateFound);
            steps.undecided(step, sub, "签章人证书无法解读", en);
        }
        Some(Ok(certificate)) => {
            let scheme = signature.scheme(certificate.spki());
            verification.signer = Some(certificate.clone());
            verification.scheme = scheme.as_ref().ok().copied();
            verification.digest = verification.scheme.map(crypto::SignatureScheme::cms_digest);
            let octets = signature.signed_octets();
            let outcome = scheme.map_err(Wrong::Scheme).and_then(|scheme| {
                crypto::verify(certificate.spki(), scheme, octets, signature.value_in_der())
                    .map_err(Wrong::Value)
            });
            match outcome {
                Ok(()) => steps.passed(step, "签名值验证通过", "the signature value holds over toSign"),
                Err(wrong) => wrong.tell(step, steps, &mut faults, &mut unknown),
            }
        }
    }
    let digest = verification.digest.and_then(content_digest);
    let content = match digest {
        None => Content::Absent,
        Some(digest) if digest == signature.data_hash() => Content::Same,
        Some(_) => Content::Other,
    };
    if content == Content::Other {
        faults.push(Fault::MessageDigestMismatch);
    }
    verification.integrity = match (faults.is_empty(), unknown) {
        (false, _) => Integrity::Broken(faults),
        (true, Some(reason)) => Integrity::Unknown(reason),
        (true, None) => Integrity::Intact,
    };
    let digest = verification.digest;
    Found { certificate: certificate.and_then(Result::ok), digest, verification, content }
}

/// Why a signature value cannot be accepted.
pub(super) enum Wrong {
    Scheme(SchemeError),
    Value(VerifyError),
}

impl Wrong {
    fn tell(
        self,
        step: StepName,
        steps: &mut Steps,
        faults: &mut Vec<Fault>,
        unknown: &mut Option<Unverifiable>,
    ) {
        match &self {
            Self::Value(VerifyError::BadSignature) => faults.push(Fault::BadSignature),
            Self::Value(VerifyError::KeySize { bits }) if *bits < 2048 => {
                *unknown = Some(Unverifiable::RefusedAlgorithm { name: "RSA with less than 2048 bits" });
            }
            Self::Value(error) => faults.push(Fault::Key(error.clone())),
            Self::Scheme(SchemeError::Unsupported { oid }) => {
                *unknown = Some(Unverifiable::UnsupportedAlgorithm { oid: *oid });
            }
            Self::Scheme(SchemeError::UnsupportedParameters) => {
                *unknown = Some(Unverifiable::UnsupportedParameters);
            }
            Self::Scheme(SchemeError::Refused { name }) => {
                *unknown = Some(Unverifiable::RefusedAlgorithm { name });
            }
            Self::Scheme(_) => faults.push(Fault::AlgorithmContradiction),
        }
        self.report(step, steps);
    }

    /// As a step: what is broken failed, what cannot be judged is undecided.
    pub(super) fn report(&self, step: StepName, steps: &mut Steps) {
        let en = match self {
            Self::Scheme(error) => error.to_string(),
            Self::Value(error) => error.to_string(),
        };
        match self {
            Self::Value(VerifyError::KeySize { bits }) if *bits < 2048 => {
                let sub = Some(SubIndication::CryptoConstraintsFailureNoPoe);
                steps.undecided(step, sub, "密钥强度不足，无法据以判断", en);
            }
            Self::Scheme(SchemeError::Refused { name }) => {
                let sub = Some(SubIndication::CryptoConstraintsFailureNoPoe);
                steps.undecided(step, sub, format!("算法 {name} 已不安全，无法据以判断"), en);
            }
            Self::Scheme(SchemeError::Unsupported { .. } | SchemeError::UnsupportedParameters) => {
                steps.undecided(step, None, "不支持的签名算法", en);
            }
            Self::Value(VerifyError::BadSignature) => {
                let sub = SubIndication::SigCryptoFailure;
                steps.failed(step, sub, "签名值验证失败，数据已被改动或签名系伪造", en);
            }
            Self::Scheme(_) | Self::Value(_) => {
                steps.failed(step, SubIndication::SigCryptoFailure, "签名算法与公钥不符", en);
            }
        }
    }
}

/// The validation by EN 319 102-1, time-stamp included.
pub(super) fn validate(
    signature: &Signature,
    name: &str,
    found: &Found,
    trust: &Trust<'_>,
    validator: &mut Validator<'_>,
    proofs: &mut Poes,
) -> Validation {
    let token = signature
        .time_stamp()
        .and_then(|octets| Some((octets, TimeStampToken::parse(octets, &pki::cms::Limits::default()).ok()?)));
    let stamps: Vec<_> = token
        .iter()
        .map(|(octets, token)| Stamp::of_signature("time-stamp", token, octets, signature.value()))
        .collect();
    let subject = Subject {
        name: name.to_owned(),
        format: pki::validation::Format::Conforms,
        // Without a digest algorithm the content is not what is lacking.
        signed_data: found.content != Content::Absent || found.digest.is_none(),
        verification: &found.verification,
        signature: signature.value(),
        attributes: None,
        claimed_time: super::time::claimed(signature),
        content_stamps: &[],
        signature_stamps: &stamps,
    };
    validator.signature(&subject, trust.evidence, proofs)
}

/// The signer's certificate at the time of signing: expired or revoked since does not matter, before does.
pub(super) fn certificate(
    found: &Found,
    validation: &Validation,
    timed: &Timed,
    trust: &Trust<'_>,
    validator: &mut Validator<'_>,
    at: i64,
    steps: &mut Steps,
) {
    let step = StepName::SignerCertificate;
    let Some(certificate) = &found.certificate else {
        let sub = Some(SubIndication::NoSigningCertificateFound);
        steps.undecided(step, sub, "没有可用的签章人证书", "there is no certificate of the signer to judge");
        return;
    };
    let time = timed.time.unwrap_or(at);
    let chain = &validation.material.chain;
    let holds_now = validation.indication == Indication::TotalPassed && !chain.is_empty();
    if holds_now && chain.iter().all(|link| (link.not_before..=link.not_after).contains(&time)) {
        steps.passed(
            step,
            "证书链、有效期、吊销状态和密钥用法均验证通过",
            "chain, validity, revocation and key usage hold",
        );
        return;
    }
    let purpose = trust.policy.signature().purpose;
    let examination = trust.path(validator, certificate, purpose, time, timed.is_proven());
    let Some(failure) = examination.verdict.failure() else {
        match validation.sub_indication {
            _ if holds_now => steps.passed(
                step,
                "签章时证书链、有效期、吊销状态和密钥用法均有效",
                "chain, validity, revocation and key usage held at the time of signing",
            ),
            // What the steps said of value or content already is not the certificate's fault.
            _ if !found.verification.integrity.is_intact() || found.content == Content::Absent => {
                steps.passed(step, "签章时证书有效", "the certificate held at the time of signing");
            }
            _ => {
                let now = validation.reasons.join("; ");
                steps.warned(
                    step,
                    "签章时证书有效；此后状态已有变化（过期或吊销），不影响此前的签章",
                    format!("the certificate held at the time of signing; now: {now}"),
                );
            }
        }
        return;
    };
    let (zh, en) = words::failure(failure);
    let meaning = match timed.is_proven() {
        true => failure.indication(),
        // The signer says himself that he signed when he must not have.
        false => failure.of_certificate(),
    };
    let meaning = (meaning.0, Some(meaning.1));
    match failure.is_definite() {
        true => {
            steps.failed_as(step, meaning, (format!("签章时{zh}"), format!("at the time of signing: {en}")))
        }
        false => steps.undecided(step, meaning.1, zh, en),
    }
}

/// Whether the content is what was signed.
pub(super) fn content(found: &Found, steps: &mut Steps) {
    let step = StepName::ContentDigest;
    match (found.content, found.digest) {
        (Content::Same, Some(digest)) => steps.passed(
            step,
            format!("原文杂凑值（{}）一致", digest.name()),
            format!("the content's {} is the signed one", digest.name()),
        ),
        (Content::Other, _) => steps.failed(
            step,
            SubIndication::HashFailure,
            "原文杂凑值不一致，原文已被改动或不是所签原文",
            "the content's digest is not the signed one",
        ),
        (_, None) => steps.undecided(
            step,
            None,
            "无法确定原文的杂凑算法",
            "the digest algorithm of the content is not known",
        ),
        (Content::Absent, _) => steps.undecided(
            step,
            Some(SubIndication::SignedDataNotFound),
            "未提供原文",
            "the content is not at hand",
        ),
    }
}

/// Whether the seal lists the signer's certificate.
pub(super) fn listed(signature: &Signature, steps: &mut Steps) {
    let step = StepName::SignerListed;
    match signature.signer() {
        Some(certificate) if is_listed(signature.seal(), certificate) => {
            steps.passed(step, "签章人证书在印章的证书列表中", "the seal lists the signer's certificate")
        }
        Some(_) => steps.failed(
            step,
            SubIndication::FormatFailure,
            "签章人证书不在印章的证书列表中，无权使用该印章",
            "the seal does not list the signer's certificate: it is not his to use",
        ),
        None => steps.undecided(
            step,
            Some(SubIndication::NoSigningCertificateFound),
            "没有签章人证书，无法核对",
            "without the signer's certificate there is nothing to look for",
        ),
    }
}
