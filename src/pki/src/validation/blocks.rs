//! The small building blocks: format checking, identification of the signing certificate, validation context,
//! cryptographic verification, signature acceptance (EN 319 102-1 §5.2.2, §5.2.3, §5.2.4, §5.2.7, §5.2.8).

use crypto::DigestAlgorithm;

use super::{
    chain,
    cryptography::DigestName,
    materials::{Examiner, Weakness},
    policy::SignatureDemands,
    report::{Block, Status},
    run::Run,
    steps::Conclusion,
    subject::Format,
};
use crate::{
    asn1::{self, OCTET_STRING, Reader, Rules, SEQUENCE},
    cms::{Integrity, SignedAttributes, Unverifiable},
    indication::SubIndication,
    oids,
};

/// §5.2.2: the format's own reader has checked; its word is taken in.
pub(super) fn format_checking(run: &mut Run<'_>, format: &Format) -> Conclusion {
    let conclusion = match format {
        Format::Conforms => Conclusion::passed(),
        Format::Fails(reasons) => Conclusion::failed(SubIndication::FormatFailure, reasons.join("; ")),
    };
    let mut step = run.trace.begin(Block::FormatChecking);
    step.check("format", conclusion.is_passed(), || conclusion.reason.clone());
    step.end(&conclusion);
    conclusion
}

/// §5.2.3
pub(super) fn signing_certificate(run: &mut Run<'_>) -> Conclusion {
    let found = run.candidate.verification.signer.is_some();
    let conclusion = match found {
        true => Conclusion::passed(),
        false => Conclusion::indeterminate(
            SubIndication::NoSigningCertificateFound,
            "the signer's certificate is not embedded",
        ),
    };
    let mut step = run.trace.begin(Block::SigningCertificate);
    step.check("signing-certificate", found, || conclusion.reason.clone());
    step.end(&conclusion);
    conclusion
}

/// §5.2.4: whether the constraints that the signature itself asks for can be had.
pub(super) fn validation_context(
    run: &mut Run<'_>,
    attributes: Option<&SignedAttributes>,
    demands: &SignatureDemands,
) -> Conclusion {
    let claimed = attributes.and_then(|attributes| {
        let present = attributes.kinds().any(|kind| kind == oids::SIGNATURE_POLICY);
        present.then(|| attributes.value(oids::SIGNATURE_POLICY).and_then(signature_policy))
    });
    let unavailable =
        |reason: &str| Conclusion::indeterminate(SubIndication::SignaturePolicyNotAvailable, reason);
    let (status, conclusion) = match (&demands.signature_policies, claimed) {
        (_, None) => (Status::Passed, Conclusion::passed()),
        (None, Some(_)) => (Status::Ignored, Conclusion::passed()),
        (Some(_), Some(None)) => (
            Status::Failed,
            Conclusion::indeterminate(
                SubIndication::PolicyProcessingError,
                "the signature policy's identifier cannot be read",
            ),
        ),
        (Some(_), Some(Some(Claimed::Implied))) => {
            (Status::Failed, unavailable("the signature is under a policy that it does not name"))
        }
        (Some(known), Some(Some(Claimed::Named { id, hash }))) => match known.get(&id) {
            None => (Status::Failed, unavailable("the signature is under a policy that is not known here")),
            Some(digest) if hash.as_deref().is_some_and(|hash| hash == digest) => {
                (Status::Passed, Conclusion::passed())
            }
            Some(_) => (
                Status::Failed,
                Conclusion::indeterminate(
                    SubIndication::PolicyProcessingError,
                    "the signature policy's digest is not that of the policy known here",
                ),
            ),
        },
    };
    let mut step = run.trace.begin(Block::ValidationContext);
    let detail = (status != Status::Passed).then(|| match conclusion.reason.as_str() {
        "" => "the policy does not ask".to_owned(),
        reason => reason.to_owned(),
    });
    step.note("signature-policy", status, detail);
    step.end(&conclusion);
    conclusion
}

/// §5.2.7. `not_before` is a time at which the signature did not exist yet.
pub(super) fn cryptographic_verification(
    run: &mut Run<'_>,
    signed_data: bool,
    not_before: Option<i64>,
) -> Conclusion {
    let integrity = &run.candidate.verification.integrity;
    let conclusion = if !signed_data {
        Conclusion::indeterminate(SubIndication::SignedDataNotFound, "the signed data is not there")
    } else if integrity.is_intact() {
        Conclusion::passed()
    } else {
        let reason = integrity.reasons().join("; ");
        match refused(integrity) {
            // What has ended before the signature can have been made is proven weak.
            Some(name) => {
                let ended = name.is_some_and(|name| {
                    let reliable = run.policy.cryptography().digest(name);
                    not_before.is_some_and(|from| !reliable.holds_at(from))
                });
                let sub = match ended {
                    true => SubIndication::CryptoConstraintsFailure,
                    false => SubIndication::CryptoConstraintsFailureNoPoe,
                };
                Conclusion::indeterminate(sub, reason)
            }
            None => {
                let (indication, sub) = integrity.indication();
                Conclusion { indication, sub, reason }
            }
        }
    };
    let mut step = run.trace.begin(Block::CryptographicVerification);
    step.check("signature-value", conclusion.is_passed(), || conclusion.reason.clone());
    step.end(&conclusion);
    conclusion
}

/// Whether the only obstacle is an algorithm or key that is refused as weak, and which digest if it is one.
fn refused(integrity: &Integrity) -> Option<Option<DigestName>> {
    match integrity {
        Integrity::Unknown(Unverifiable::RefusedAlgorithm { name }) => Some(match *name {
            "SHA-1" => Some(DigestName::Sha1),
            "MD5" | "MD2" => Some(DigestName::Md5),
            _ => None,
        }),
        _ => None,
    }
}

/// §5.2.8: the signature's own elements, and its algorithms at `at`. With `not_before`, a time at which the signature did
/// not exist yet, what had ended by then is proven weak (§5.3.4, step 6).
pub(super) fn acceptance(
    run: &mut Run<'_>,
    attributes: Option<&SignedAttributes>,
    demands: Option<&SignatureDemands>,
    at: i64,
    not_before: Option<i64>,
) -> (Conclusion, Vec<Weakness>) {
    let mut lacking = Vec::new();
    let has = |kind| attributes.is_some_and(|attributes| attributes.kinds().any(|found| found == kind));
    if let Some(demands) = demands {
        if demands.signing_certificate && !attributes.is_some_and(SignedAttributes::has_signing_certificate) {
            lacking.push("signing-certificate".to_owned());
        }
        let missing = demands.attributes.iter().filter(|kind| !has(**kind));
        lacking.extend(missing.map(ToString::to_string));
    }
    let weaknesses = weaknesses(run, at);
    let conclusion = if !lacking.is_empty() {
        Conclusion::indeterminate(
            SubIndication::SigConstraintsFailure,
            format!("signed attributes are missing: {}", lacking.join(", ")),
        )
    } else if let Some(first) = weaknesses.first() {
        let proven =
            not_before.is_some_and(|from| weaknesses.iter().any(|weak| !weak.reliable.holds_at(from)));
        let sub = match proven {
            true => SubIndication::CryptoConstraintsFailure,
            false => chain::sub_indication(&weaknesses),
        };
        Conclusion::indeterminate(sub, first.describe())
    } else {
        Conclusion::passed()
    };
    let mut step = run.trace.begin(Block::SignatureAcceptance);
    step.check("signature-elements", lacking.is_empty(), || lacking.join(", "));
    let weak = || weaknesses.iter().map(Weakness::describe).collect::<Vec<_>>().join("; ");
    step.check("cryptographic-constraints", weaknesses.is_empty(), weak);
    step.end(&conclusion);
    (conclusion, weaknesses)
}

/// What of the signature value and of the digest of the content was not reliable at a time.
fn weaknesses(run: &mut Run<'_>, at: i64) -> Vec<Weakness> {
    let candidate = run.candidate;
    let verification = candidate.verification;
    let mut examiner = Examiner::new(run.policy.cryptography(), &mut run.material);
    let mut weaknesses = Vec::new();
    if let (Some(scheme), Some(signer)) = (verification.scheme, &verification.signer) {
        weaknesses = examiner.scheme(candidate.kind, candidate.object, scheme, signer.spki(), at);
        // The content's digest, where the scheme brings another or none (RFC 8419).
        let own = verification.digest.filter(|digest| scheme.digest() != Some(*digest));
        let digest = own.map(|digest: DigestAlgorithm| DigestName::from(digest));
        weaknesses
            .extend(digest.and_then(|name| examiner.digest(candidate.kind, candidate.object, name, at)));
    }
    weaknesses
}

enum Claimed {
    Implied,
    Named { id: der::asn1::ObjectIdentifier, hash: Option<Vec<u8>> },
}

/// SignaturePolicy ::= CHOICE { signaturePolicyId SEQUENCE { sigPolicyId OBJECT IDENTIFIER, sigPolicyHash
/// SEQUENCE { hashAlgorithm, hashValue OCTET STRING } OPTIONAL, … }, signaturePolicyImplied NULL } (EN 319 122-1 §5.2.9.1).
/// A hash by another algorithm than SHA-256 is none.
fn signature_policy(value: &[u8]) -> Option<Claimed> {
    if value == [asn1::NULL, 0] {
        return Some(Claimed::Implied);
    }
    let mut fields = Reader::only(value, Rules::Der, SEQUENCE).ok()?.reader();
    let id = fields.expect(asn1::OID).ok()?.oid().ok()?;
    let hash = match fields.optional(SEQUENCE).ok()? {
        Some(hash) => {
            let mut parts = hash.reader();
            let algorithm = parts.expect(SEQUENCE).ok()?.reader().expect(asn1::OID).ok()?.oid().ok()?;
            let digest = parts.expect(OCTET_STRING).ok()?.content.to_vec();
            (algorithm == DigestAlgorithm::Sha256.oid()).then_some(digest)
        }
        None => None,
    };
    Some(Claimed::Named { id, hash })
}
