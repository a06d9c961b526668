//! Judging a SignedData: does the signature hold, over exactly this content, by exactly this certificate?
//!
//! Whether the certificate can be trusted is `path`'s question. The outcome is a report, never an error: a caller shows
//! *why* a signature is broken, and tells broken from unsupported.

use crypto::{DigestAlgorithm, DigestError, SchemeError, SignatureScheme, VerifyError};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::{
    attributes::{self, CertificateClaim},
    parse::{SignedData, SignerIdentifier, is_data},
};
use crate::{
    certificate::Certificate,
    indication::{Indication, SubIndication},
};

/// A proof that the signature is not valid for this content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// An attribute that may occur once occurs again.
    #[error("signed attribute {oid} occurs twice")]
    DuplicateAttribute {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// An attribute with one value by definition has none or several.
    #[error("signed attribute {oid} has {count} values")]
    AttributeValues {
        /// Which.
        oid: ObjectIdentifier,
        /// How many.
        count: usize,
    },
    /// RFC 5652 §5.3 demands it.
    #[error("signed attribute {name} is missing or unreadable")]
    MissingAttribute {
        /// The attribute's name.
        name: &'static str,
    },
    /// The content type, as signed or as encoded, is not that of the content.
    #[error("content type is {found}, not the content's")]
    ContentTypeMismatch {
        /// As found.
        found: ObjectIdentifier,
    },
    /// The content is not what was signed.
    #[error("message digest does not match the content")]
    MessageDigestMismatch,
    /// The signed certificate reference names another certificate: substitution (RFC 5035 §1).
    #[error("signing-certificate attribute names another certificate")]
    SigningCertificateMismatch,
    /// The signed certificate reference cannot be read.
    #[error("signing-certificate attribute is malformed")]
    SigningCertificateMalformed,
    /// RFC 6211: the algorithms were exchanged.
    #[error("algorithm-protection attribute contradicts the signature's algorithms")]
    AlgorithmProtection,
    /// The signature algorithm contradicts the key or the digest algorithm.
    #[error("signature algorithm is malformed or contradicts the key or the digest algorithm")]
    AlgorithmContradiction,
    /// The certificate's key cannot be used.
    #[error("public key cannot be used: {0}")]
    Key(VerifyError),
    /// The signature value does not verify.
    #[error("signature does not verify")]
    BadSignature,
    /// Content inside, where the signature must be detached.
    #[error("signature carries its own content instead of signing the document")]
    EncapsulatedContent,
    /// Content that is itself a set of signed attributes: a signature over attributes, passed off as one over content.
    #[error("the signed content is a set of signed attributes taken from another signature")]
    AttributesAsContent,
    /// No content inside, where it must be.
    #[error("signature carries no content")]
    NoContent,
}

/// Why nothing can be said about the signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unverifiable {
    /// An algorithm this build does not know.
    #[error("unsupported algorithm {oid}")]
    UnsupportedAlgorithm {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// Parameters this build does not know.
    #[error("unsupported signature algorithm parameters")]
    UnsupportedParameters,
    /// SHA-1, MD5 or a short RSA key: whatever verifies proves nothing (TS 119 312).
    #[error("{name} is broken and refused")]
    RefusedAlgorithm {
        /// Its name.
        name: &'static str,
    },
    /// The signer's certificate is not there.
    #[error("the signer's certificate is not embedded")]
    NoSignerCertificate,
    /// The signature is over the content itself; [`SignedData::verify_message`] can judge it.
    #[error("signature has no signed attributes")]
    NoSignedAttributes,
}

/// Whether the signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Digest, attributes and signature all hold.
    Intact,
    /// At least one proof to the contrary.
    Broken(Vec<Fault>),
    /// Neither.
    Unknown(Unverifiable),
}

/// The outcome of verifying one SignedData.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Whether the signature holds.
    pub integrity: Integrity,
    /// The signer's certificate, when found among the candidates.
    pub signer: Option<Certificate>,
    /// The digest algorithm, when supported.
    pub digest: Option<DigestAlgorithm>,
    /// The signature scheme, when supported.
    pub scheme: Option<SignatureScheme>,
}

impl Integrity {
    /// Whether it is [`Integrity::Intact`].
    #[must_use]
    pub fn is_intact(&self) -> bool {
        *self == Self::Intact
    }

    /// EN 319 102-1 §5.2.7 (cryptographic verification) and §5.2.8, as far as the CMS alone decides.
    #[must_use]
    pub fn indication(&self) -> (Indication, Option<SubIndication>) {
        let sub = match self {
            Self::Intact => return (Indication::TotalPassed, None),
            Self::Unknown(reason) => {
                let sub = match reason {
                    Unverifiable::RefusedAlgorithm { .. } => {
                        Some(SubIndication::CryptoConstraintsFailureNoPoe)
                    }
                    Unverifiable::NoSignerCertificate => Some(SubIndication::NoSigningCertificateFound),
                    _ => None,
                };
                return (Indication::Indeterminate, sub);
            }
            Self::Broken(faults) if faults.contains(&Fault::MessageDigestMismatch) => {
                SubIndication::HashFailure
            }
            Self::Broken(faults)
                if faults.iter().any(|f| matches!(f, Fault::BadSignature | Fault::Key(_))) =>
            {
                SubIndication::SigCryptoFailure
            }
            Self::Broken(_) => SubIndication::FormatFailure,
        };
        (Indication::TotalFailed, Some(sub))
    }

    /// Every reason, as text for a report.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        match self {
            Self::Intact => Vec::new(),
            Self::Broken(faults) => faults.iter().map(ToString::to_string).collect(),
            Self::Unknown(reason) => vec![reason.to_string()],
        }
    }
}

/// What the signature must be over.
enum Content<'a, E> {
    /// Outside, known by its digest.
    Detached(&'a mut dyn FnMut(DigestAlgorithm) -> Result<Vec<u8>, E>),
    /// Outside, at hand (for signatures without signed attributes).
    Message(&'a [u8]),
    /// Inside.
    Encapsulated,
}

impl SignedData {
    /// Verifies a detached signature. `digest` hashes the content with the algorithm asked for and is called at most
    /// once; `further` are certificates from elsewhere (a DSS) among which the signer's may be.
    ///
    /// # Errors
    /// Only what `digest` returns.
    pub fn verify<E>(
        &self,
        further: &[Certificate],
        mut digest: impl FnMut(DigestAlgorithm) -> Result<Vec<u8>, E>,
    ) -> Result<Verification, E> {
        self.judge(further, Content::Detached(&mut digest))
    }

    /// Verifies a detached signature over a message at hand; the only way for one without signed attributes.
    #[must_use]
    pub fn verify_message(&self, further: &[Certificate], message: &[u8]) -> Verification {
        match self.judge::<std::convert::Infallible>(further, Content::Message(message)) {
            Ok(verification) => verification,
            Err(never) => match never {},
        }
    }

    /// Verifies the signature over the encapsulated content.
    #[must_use]
    pub fn verify_encapsulated(&self, further: &[Certificate]) -> Verification {
        match self.judge::<std::convert::Infallible>(further, Content::Encapsulated) {
            Ok(verification) => verification,
            Err(never) => match never {},
        }
    }

    fn judge<E>(&self, further: &[Certificate], content: Content<'_, E>) -> Result<Verification, E> {
        let signer = self.signer_certificate(further);
        let mut verification =
            Verification { integrity: Integrity::Intact, signer, digest: None, scheme: None };
        let mut faults = Vec::new();
        let mut unknown = None;

        let digest = match DigestAlgorithm::from_oid(&self.signer.digest_oid) {
            Ok(digest) => Some(digest),
            Err(DigestError::Refused { name }) => {
                unknown = Some(Unverifiable::RefusedAlgorithm { name });
                None
            }
            Err(DigestError::Unknown { oid }) => {
                unknown = Some(Unverifiable::UnsupportedAlgorithm { oid });
                None
            }
        };
        verification.digest = digest;

        let inside = self.content.as_deref();
        match (&content, inside) {
            (Content::Encapsulated, None) => faults.push(Fault::NoContent),
            (Content::Detached(_) | Content::Message(_), Some(_)) => faults.push(Fault::EncapsulatedContent),
            _ => {}
        }
        // A detached signature over anything else (a TSTInfo, say) is not one over a document (EN 319 142-1 §6.3).
        let outside = self.message.is_some();
        if !outside && !matches!(content, Content::Encapsulated) && !is_data(self.content_type) {
            faults.push(Fault::ContentTypeMismatch { found: self.content_type });
        }
        let message;
        match &self.signer.signed_attributes {
            Some(attributes) => {
                faults.extend(attributes.faults(self.content_type));
                if !attributes.algorithm_protection_holds(
                    &self.signer.digest_algorithm,
                    &self.signer.signature_algorithm,
                ) {
                    faults.push(Fault::AlgorithmProtection);
                }
                if let (Some(digest), Some(signed)) = (digest, attributes.message_digest()) {
                    let actual = match content {
                        Content::Detached(hash) => hash(digest)?,
                        Content::Message(message) => digest.digest(message),
                        Content::Encapsulated => digest.digest(inside.unwrap_or_default()),
                    };
                    if actual != signed {
                        faults.push(Fault::MessageDigestMismatch);
                    }
                }
                message = Some(attributes.signed_bytes());
                if let Some(signer) = &verification.signer {
                    match attributes.check_signing_certificate(signer) {
                        Ok(()) => {}
                        Err(CertificateClaim::Fault(fault)) => faults.push(fault),
                        Err(CertificateClaim::Unverifiable(reason)) => unknown = unknown.or(Some(reason)),
                    }
                }
            }
            None => {
                message = match content {
                    Content::Message(content) => Some(content),
                    Content::Encapsulated => inside,
                    Content::Detached(_) => self.message.as_ref().and_then(|m| m.content.as_deref()),
                };
                if message.is_none() {
                    unknown = unknown.or(Some(Unverifiable::NoSignedAttributes));
                }
                // RFC 5652 §5.3: signedAttrs MUST be present unless the content is id-data.
                if outside && !is_data(self.content_type) {
                    faults.push(Fault::MissingAttribute { name: "content-type" });
                }
                // What was signed as attributes verifies as content too, once the attributes are left out.
                if message.is_some_and(attributes::look_like_attributes) {
                    faults.push(Fault::AttributesAsContent);
                }
            }
        }
        match (&verification.signer, digest, message) {
            (None, _, _) => unknown = unknown.or(Some(Unverifiable::NoSignerCertificate)),
            (Some(signer), Some(digest), Some(message)) => {
                match SignatureScheme::from_cms(&self.signer.signature_algorithm, digest, signer.spki()) {
                    Ok(scheme) => {
                        verification.scheme = Some(scheme);
                        match crypto::verify(signer.spki(), scheme, message, &self.signer.signature) {
                            Ok(()) => {}
                            Err(VerifyError::BadSignature) => faults.push(Fault::BadSignature),
                            // Nothing was verified: a key this short proves nothing either way (TS 119 312 §6.2).
                            Err(VerifyError::KeySize { bits }) if bits < 2048 => {
                                unknown =
                                    unknown.or(Some(Unverifiable::RefusedAlgorithm { name: SHORT_RSA }));
                            }
                            Err(error) => faults.push(Fault::Key(error)),
                        }
                    }
                    Err(SchemeError::Unsupported { oid }) => {
                        unknown = unknown.or(Some(Unverifiable::UnsupportedAlgorithm { oid }));
                    }
                    Err(SchemeError::UnsupportedParameters) => {
                        unknown = unknown.or(Some(Unverifiable::UnsupportedParameters));
                    }
                    Err(SchemeError::Refused { name }) => {
                        unknown = unknown.or(Some(Unverifiable::RefusedAlgorithm { name }));
                    }
                    Err(SchemeError::Malformed | SchemeError::MalformedKey | SchemeError::Contradiction) => {
                        faults.push(Fault::AlgorithmContradiction);
                    }
                }
            }
            _ => {}
        }
        // A proof that it is broken outweighs not knowing.
        verification.integrity = match (faults.is_empty(), unknown) {
            (false, _) => Integrity::Broken(faults),
            (true, Some(reason)) => Integrity::Unknown(reason),
            (true, None) => Integrity::Intact,
        };
        Ok(verification)
    }

    /// The certificate the SignerInfo names. When several fit, the one the signed certificate reference confirms.
    fn signer_certificate(&self, further: &[Certificate]) -> Option<Certificate> {
        let fits = |certificate: &&Certificate| match &self.signer.identifier {
            SignerIdentifier::IssuerAndSerial { issuer, serial } => {
                certificate.issuer() == issuer && certificate.serial() == serial
            }
            SignerIdentifier::SubjectKeyId(id) => certificate.subject_key_id() == Some(id),
        };
        let candidates: Vec<_> = self.certificates.iter().chain(further).filter(fits).collect();
        let confirmed = self.signer.signed_attributes.as_ref().and_then(|attributes| {
            candidates.iter().find(|candidate| attributes.check_signing_certificate(candidate).is_ok())
        });
        confirmed.or(candidates.first()).map(|certificate| (*certificate).clone())
    }
}

const SHORT_RSA: &str = "RSA with less than 2048 bits";
