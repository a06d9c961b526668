//! CMS signatures (PAdES, and PKCS #7 detached) and RFC 3161 document time-stamps as containers.
//!
//! Here their octets are verified and what they bring is gathered; the verdict is `pki::validation`'s.

use std::convert::Infallible;

use crypto::DigestAlgorithm;
use pki::cms::{
    CmsError, Integrity as CmsIntegrity, Limits, SignedAttributes, SignedData, TimeStampToken, Verification,
};
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::validation::{Evidence, Imprint, Origin, Poes, Stamp, StampKind, Subject, Validation};
use pki::{Asn1Error, Certificate, Indication, SubIndication};

use super::container::{ContainerError, Context, Judgement, OpenContainer, SignatureContainer};
use super::engine;
use super::report::{Integrity, Kind, Trust};

/// `ETSI.CAdES.detached` and `adbe.pkcs7.detached`, and the names that ShangMi products write over CMS; by its octets, under
/// each of them.
pub(crate) struct CmsContainer;

/// `ETSI.RFC3161`.
pub(crate) struct TimeStampContainer;

impl SignatureContainer for CmsContainer {
    fn handles(&self, sub_filter: &[u8]) -> bool {
        matches!(
            sub_filter,
            b"ETSI.CAdES.detached" | b"adbe.pkcs7.detached" | b"GM.SM2" | b"GM.sm2cms.detached"
        )
    }

    fn recognises(&self, octets: &[u8]) -> bool {
        super::plain::is_signed_data(octets)
    }

    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, ContainerError> {
        Ok(Box::new(Cms::of(SignedData::parse(container, &Limits::default())?)?))
    }
}

impl SignatureContainer for TimeStampContainer {
    fn handles(&self, sub_filter: &[u8]) -> bool {
        sub_filter == b"ETSI.RFC3161"
    }

    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, ContainerError> {
        let token = TimeStampToken::parse(container, &Limits::default())?;
        Ok(Box::new(Token { token, digest: Poes::digest(container) }))
    }
}

impl From<CmsError> for ContainerError {
    fn from(error: CmsError) -> Self {
        match error {
            CmsError::TooLarge { .. } => Self::TooComplex { budget: "octets of a CMS" },
            CmsError::Malformed(Asn1Error::TooComplex { .. }) => {
                Self::TooComplex { budget: "elements of a CMS" }
            }
            error => Self::Malformed(error.to_string()),
        }
    }
}

/// The signer of a CMS that was read already.
pub(crate) fn of(data: SignedData) -> Result<Box<dyn OpenContainer>, ContainerError> {
    Ok(Box::new(Cms::of(data)?))
}

/// A time-stamp that was read already, with SHA-256 of its octets.
pub(crate) fn of_token(token: TimeStampToken, digest: [u8; 32]) -> Box<dyn OpenContainer> {
    Box::new(Token { token, digest })
}

/// A signature with its time-stamps.
struct Cms {
    data: SignedData,
    /// Tokens over the signature value, and over the content.
    signature_stamps: Vec<Embedded>,
    content_stamps: Vec<Embedded>,
    /// Why further time-stamps cannot be read.
    unreadable: Vec<String>,
}

struct Embedded {
    token: TimeStampToken,
    digest: [u8; 32],
}

impl Cms {
    fn of(data: SignedData) -> Result<Self, ContainerError> {
        let mut unreadable = Vec::new();
        let mut read = |octets: &[u8]| match TimeStampToken::parse(octets, &Limits::default()) {
            Ok(token) => Ok(Some(Embedded { token, digest: Poes::digest(octets) })),
            Err(error) => match error.into() {
                ContainerError::Malformed(reason) => {
                    unreadable.push(format!("a time-stamp of the signature cannot be read: {reason}"));
                    Ok(None)
                }
                spent @ ContainerError::TooComplex { .. } => Err(spent),
            },
        };
        let mut signature_stamps = Vec::new();
        for octets in data.signature_time_stamps() {
            signature_stamps.extend(read(octets)?);
        }
        let mut content_stamps = Vec::new();
        for octets in data.signed_attributes().map(SignedAttributes::content_time_stamps).unwrap_or_default()
        {
            content_stamps.extend(read(octets)?);
        }
        if signature_stamps.len() + content_stamps.len() > MAX_STAMPS {
            return Err(ContainerError::TooComplex { budget: "time-stamps of a signature" });
        }
        Ok(Self { data, signature_stamps, content_stamps, unreadable })
    }

    /// Everything there is to validate with, the signature's own first.
    fn evidence<'c>(&self, context: &Context<'c>) -> Evidence<'c> {
        let mut evidence = Evidence::new(context.options.anchors);
        gather(&mut evidence, &self.data);
        for stamp in self.content_stamps.iter().chain(&self.signature_stamps) {
            gather(&mut evidence, stamp.token.signed_data());
        }
        if let Some(before) = context.before {
            gather(&mut evidence, before.token.signed_data());
        }
        complete(&mut evidence, context);
        evidence
    }

    /// The verifications of the content time-stamps, which are over the octets the signature is over.
    fn content_verifications(&self, digest: &[u8], further: &[Certificate]) -> Vec<Verification> {
        let own = self.digest_algorithm();
        let verify = |stamp: &Embedded| {
            let Ok(verification) = stamp.token.verify(further, |algorithm| {
                // A digest by another algorithm is not at hand, and an empty one never matches.
                Ok::<_, Infallible>(if Some(algorithm) == own { digest.to_vec() } else { Vec::new() })
            });
            verification
        };
        self.content_stamps.iter().map(verify).collect()
    }

    /// What PAdES B-B asks of the CMS and is not there (EN 319 142-1 §6.3, table 1).
    fn baseline_faults(&self, signer: Option<&Certificate>, reason_given: bool) -> Vec<&'static str> {
        let Some(attributes) = self.data.signed_attributes() else { return vec!["no signed attributes"] };
        let mut faults = Vec::new();
        if !attributes.has_signing_certificate() {
            faults.push("the signer did not sign which certificate is meant (signing-certificate-v2)");
        }
        if attributes.signing_time().is_some() {
            faults.push("the CMS carries a signing time, which belongs into /M");
        }
        if reason_given && (attributes.commitment_type().is_some() || attributes.signature_policy().is_some())
        {
            faults.push("/Reason stands beside a commitment type or a signature policy");
        }
        if signer.is_none_or(|signer| !self.data.certificates().contains(signer)) {
            faults.push("the CMS does not carry the signer's certificate");
        }
        faults
    }
}

impl OpenContainer for Cms {
    fn kind(&self) -> Kind {
        Kind::Signature
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::from_oid(&self.data.digest_oid()).ok()
    }

    fn judge(&self, digest: Option<&[u8]>, context: &Context<'_>) -> Judgement {
        let further = further(context);
        let digest = digest.unwrap_or_default();
        let Ok(verification) = self.data.verify(&further, |_| Ok::<_, Infallible>(digest.to_vec()));
        let mut judgement = from_verification(&verification);
        judgement.baseline_faults = self.baseline_faults(verification.signer.as_ref(), context.reason_given);
        judgement.baseline = judgement.baseline_faults.is_empty();

        let contents = self.content_verifications(digest, &further);
        let mut content_stamps: Vec<Stamp<'_>> = Vec::new();
        for (index, (stamp, verification)) in self.content_stamps.iter().zip(&contents).enumerate() {
            let imprint = Imprint::Verified(verification);
            content_stamps.push(stamp.named("content time-stamp", index, StampKind::Content, imprint));
        }
        content_stamps.extend(context.before.cloned());
        let imprint = Imprint::Octets(self.data.signature_value());
        let mut signature_stamps: Vec<Stamp<'_>> = Vec::new();
        for (index, stamp) in self.signature_stamps.iter().enumerate() {
            signature_stamps.push(stamp.named("signature time-stamp", index, StampKind::Signature, imprint));
        }

        let mut subject = Subject::of_cms(context.name, &self.data, &verification);
        subject.claimed_time = context.claimed.or(subject.claimed_time);
        subject.content_stamps = &content_stamps;
        subject.signature_stamps = &signature_stamps;
        let mut poes = context.poes.clone();
        let evidence = self.evidence(context);
        let (validation, spent) =
            engine::of(context, |engine| engine.signature(&subject, &evidence, &mut poes));
        judgement.too_complex = spent;
        judgement.apply(validation, &self.unreadable, context.options.at);
        judgement
    }

    fn signature_value(&self) -> Option<&[u8]> {
        Some(self.data.signature_value())
    }

    fn certificates(&self) -> Vec<Certificate> {
        let stamps = self.content_stamps.iter().chain(&self.signature_stamps);
        let theirs = stamps.flat_map(|stamp| stamp.token.signed_data().certificates());
        self.data.certificates().iter().chain(theirs).cloned().collect()
    }

    fn objects(&self) -> Vec<[u8; 32]> {
        let mut objects = vec![Poes::digest(self.data.signature_value())];
        bring(&mut objects, &self.data);
        for stamp in self.content_stamps.iter().chain(&self.signature_stamps) {
            objects.extend([stamp.digest, Poes::digest(stamp.token.signed_data().signature_value())]);
            bring(&mut objects, stamp.token.signed_data());
        }
        objects
    }
}

impl Embedded {
    fn named<'s>(&'s self, what: &str, index: usize, kind: StampKind, imprint: Imprint<'s>) -> Stamp<'s> {
        let name = format!("{what} {}", index + 1);
        Stamp { name, kind, token: &self.token, digest: self.digest, imprint }
    }
}

/// A document time-stamp.
struct Token {
    token: TimeStampToken,
    digest: [u8; 32],
}

impl OpenContainer for Token {
    fn kind(&self) -> Kind {
        Kind::DocumentTimestamp
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::from_oid(&self.token.info().imprint_algorithm).ok()
    }

    fn judge(&self, digest: Option<&[u8]>, context: &Context<'_>) -> Judgement {
        let Ok(verification) = self
            .token
            .verify(&further(context), |_| Ok::<_, Infallible>(digest.unwrap_or_default().to_vec()));
        let mut judgement = from_verification(&verification);
        let mut evidence = Evidence::new(context.options.anchors);
        gather(&mut evidence, self.token.signed_data());
        complete(&mut evidence, context);
        let stamp = Stamp {
            name: context.name.to_owned(),
            kind: StampKind::Document,
            token: &self.token,
            digest: self.digest,
            imprint: Imprint::Verified(&verification),
        };
        let (outcome, spent) =
            engine::of(context, |engine| engine.time_stamp(&stamp, &evidence, context.poes));
        judgement.too_complex = spent;
        if judgement.integrity == Integrity::Intact && outcome.generated_at <= context.options.at {
            judgement.timestamp = Some(outcome.generated_at);
        }
        judgement.indication = outcome.indication;
        judgement.sub_indication = outcome.sub_indication;
        judgement.trust = trust(outcome.indication, outcome.sub_indication);
        judgement.reasons.clone_from(&outcome.reasons);
        judgement.timestamp_validation = Some(Box::new(outcome));
        judgement.verification = Some(Box::new(verification));
        judgement
    }

    fn signature_value(&self) -> Option<&[u8]> {
        Some(self.token.signed_data().signature_value())
    }

    fn token(&self) -> Option<&TimeStampToken> {
        Some(&self.token)
    }

    fn certificates(&self) -> Vec<Certificate> {
        self.token.signed_data().certificates().to_vec()
    }

    fn objects(&self) -> Vec<[u8; 32]> {
        let data = self.token.signed_data();
        let mut objects = vec![self.digest, Poes::digest(data.signature_value())];
        bring(&mut objects, data);
        objects
    }
}

impl Judgement {
    fn apply(&mut self, validation: Validation, unreadable: &[String], at: i64) {
        self.indication = validation.indication;
        self.sub_indication = validation.sub_indication;
        self.trust = trust(validation.indication, validation.sub_indication);
        self.reasons.clone_from(&validation.reasons);
        self.reasons.extend_from_slice(unreadable);
        for stamp in validation.timestamps.iter().filter(|stamp| !stamp.proves) {
            let why = stamp.reasons.join("; ");
            let what = match stamp.kind {
                StampKind::Signature => "the signature time-stamp does not count",
                StampKind::Content => "the content time-stamp does not count",
                StampKind::Document => continue,
            };
            self.reasons.push(format!("{what}: {why}"));
        }
        let proven = validation.timestamps.iter().filter(|stamp| stamp.proves);
        // At the time of validation, what bears a later time was not there yet.
        let signature = proven.filter(|stamp| stamp.kind == StampKind::Signature && stamp.generated_at <= at);
        self.timestamp = signature.map(|stamp| stamp.generated_at).min();
        self.validation = Some(Box::new(validation));
    }
}

/// Whether a certificate is trusted, by what validation says of the signature made with it.
fn trust(indication: Indication, sub_indication: Option<SubIndication>) -> Trust {
    use SubIndication as S;
    match (indication, sub_indication) {
        (Indication::TotalPassed, _) => Trust::Trusted,
        (Indication::TotalFailed, Some(S::Revoked | S::Expired | S::NotYetValid))
        | (
            _,
            Some(S::ChainConstraintsFailure | S::CryptoConstraintsFailure | S::CryptoConstraintsFailureNoPoe),
        ) => Trust::Untrusted,
        _ => Trust::Undecided,
    }
}

/// Certificates and revocation information inside a CMS.
fn gather(evidence: &mut Evidence<'_>, data: &SignedData) {
    evidence.add_certificates(data.certificates(), Origin::Signature);
    let crls: Vec<Crl> = data.crls().iter().filter_map(|der| Crl::from_der(der).ok()).collect();
    evidence.add_crls(&crls, Origin::Signature);
    let read = |der: &Vec<u8>| BasicResponse::from_any_der(der).ok();
    let ocsp: Vec<BasicResponse> = data.ocsp_responses().iter().filter_map(read).collect();
    evidence.add_ocsp(&ocsp, Origin::Signature);
}

/// What the document and the caller bring.
pub(super) fn complete(evidence: &mut Evidence<'_>, context: &Context<'_>) {
    evidence.add_certificates(context.certificates, Origin::Store);
    evidence.add_crls(context.crls, Origin::Store);
    evidence.add_ocsp(context.ocsp, Origin::Store);
    let options = context.options;
    evidence.add_certificates(options.untrusted, Origin::Outside);
    evidence.add_crls(options.crls, Origin::Outside);
    evidence.add_ocsp(options.ocsp, Origin::Outside);
}

/// The names of what a CMS brings, for proofs of existence.
fn bring(objects: &mut Vec<[u8; 32]>, data: &SignedData) {
    objects.extend(data.certificates().iter().map(|certificate| *certificate.sha256_fingerprint()));
    objects.extend(data.crls().iter().map(|der| Poes::digest(der)));
    for der in data.ocsp_responses() {
        objects.push(Poes::digest(der));
        if let Ok(response) = BasicResponse::from_any_der(der) {
            objects.push(*response.sha256_fingerprint());
            objects.extend(response.certificates().iter().map(|one| *one.sha256_fingerprint()));
        }
    }
}

/// Certificates from the document's store and from the caller, among which a signer's may be.
fn further(context: &Context<'_>) -> Vec<Certificate> {
    context.certificates.iter().chain(context.options.untrusted).cloned().collect()
}

fn from_verification(verification: &Verification) -> Judgement {
    let (indication, sub_indication) = verification.integrity.indication();
    Judgement {
        integrity: match verification.integrity {
            CmsIntegrity::Intact => Integrity::Intact,
            CmsIntegrity::Broken(_) => Integrity::Broken,
            CmsIntegrity::Unknown(_) => Integrity::Unknown,
        },
        indication: if verification.integrity.is_intact() { Indication::Indeterminate } else { indication },
        sub_indication,
        reasons: verification.integrity.reasons(),
        signer: verification.signer.clone(),
        ..Judgement::unknown("")
    }
}

/// Time-stamps of one signature; renewals are document time-stamps, so that a handful is many.
const MAX_STAMPS: usize = 16;
