//! The structure of SignedData, strict about shape and tolerant of BER where real signers write it.
//!
//! Several SignerInfos, trailing data and the like are refused here; what a report should still describe (a broken
//! digest, contradictory attributes) is left to `verify`. Nothing is re-encoded.

use std::sync::Arc;

use crypto::Suite;
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::attributes::SignedAttributes;
use crate::{
    asn1::{self, Asn1Error, INTEGER, OCTET_STRING, Reader, Rules, SEQUENCE, SET, Tlv},
    certificate::{Certificate, CertificateError},
    name::Name,
    oids,
};

/// What a CMS may cost before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of the whole CMS.
    pub max_len: usize,
    /// Embedded certificates; also CRLs.
    pub max_certificates: usize,
    /// Attributes of the signer, signed and unsigned each.
    pub max_attributes: usize,
}

impl Default for Limits {
    /// 16 MiB (embedded CRLs can be large), 64 certificates and CRLs, 64 attributes.
    fn default() -> Self {
        Self { max_len: 16 * 1024 * 1024, max_certificates: 64, max_attributes: 64 }
    }
}

/// Why bytes are not a SignedData this crate will look at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CmsError {
    /// Not BER of the right shape.
    #[error("malformed CMS: {0}")]
    Malformed(#[from] Asn1Error),
    /// Over [`Limits::max_len`].
    #[error("CMS of {len} octets is too large")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// Bytes after the ContentInfo.
    #[error("trailing data after the CMS at offset {offset}")]
    TrailingData {
        /// Where it begins.
        offset: usize,
    },
    /// Another content type than signed-data.
    #[error("CMS content type {oid} is not signed data")]
    NotSignedData {
        /// As found.
        oid: ObjectIdentifier,
    },
    /// A bag of certificates, not a signature.
    #[error("CMS has no signer")]
    NoSigner,
    /// More than one SignerInfo: which of them a viewer shows is undefined (EN 319 142-1 §6.3 allows one).
    #[error("CMS has {count} signers, one is allowed")]
    SeveralSigners {
        /// How many.
        count: usize,
    },
    /// Encapsulated content that is not an RFC 3161 TSTInfo.
    #[error("malformed time-stamp token")]
    NotTimeStamp,
}

impl CmsError {
    /// Whether a budget was spent, as opposed to the bytes being broken.
    #[must_use]
    pub const fn is_too_complex(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Malformed(Asn1Error::TooComplex { .. }))
    }
}

/// How the SignerInfo names its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerIdentifier {
    /// issuerAndSerialNumber
    IssuerAndSerial {
        /// The issuer's name.
        issuer: Name,
        /// The serial number's content octets.
        serial: Vec<u8>,
    },
    /// subjectKeyIdentifier
    SubjectKeyId(Vec<u8>),
}

/// A SignedData with exactly one SignerInfo.
#[derive(Clone, Debug)]
pub struct SignedData {
    pub(super) content_type: ObjectIdentifier,
    pub(super) content: Option<Vec<u8>>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) unreadable_certificates: usize,
    pub(super) crls: Arc<[Vec<u8>]>,
    pub(super) ocsp_responses: Arc<[Vec<u8>]>,
    pub(super) signer: SignerInfo,
    /// Set for a signer of a [`Message`].
    pub(super) message: Option<Detached>,
}

/// What a signer of a [`Message`] signs: content of any type, which is not inside any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Detached {
    /// The content itself, for a signature without signed attributes.
    pub content: Option<Arc<[u8]>>,
}

/// A signed message outside of a PDF: any content type, content inside or elsewhere, any number of signers.
#[derive(Clone, Debug)]
pub struct Message {
    /// The eContentType.
    pub content_type: ObjectIdentifier,
    /// The content, when it is inside.
    pub content: Option<Vec<u8>>,
    /// Each signer as a SignedData of its own, whose content is detached: [`SignedData::verify`] takes the digest of the
    /// content, wherever it was.
    pub signers: Vec<SignedData>,
}

#[derive(Clone, Debug)]
pub(super) struct SignerInfo {
    pub identifier: SignerIdentifier,
    /// DER-shaped AlgorithmIdentifiers, as found.
    pub digest_algorithm: Vec<u8>,
    pub digest_oid: ObjectIdentifier,
    pub signature_algorithm: Vec<u8>,
    pub signature: Vec<u8>,
    pub signed_attributes: Option<SignedAttributes>,
    pub signature_time_stamps: Vec<Vec<u8>>,
    pub counter_signatures: usize,
}

impl SignedData {
    /// Reads a ContentInfo holding SignedData with one signer and nothing after it.
    ///
    /// # Errors
    /// [`CmsError`].
    pub fn parse(der: &[u8], limits: &Limits) -> Result<Self, CmsError> {
        if der.len() > limits.max_len {
            return Err(CmsError::TooLarge { len: der.len() });
        }
        Self::read(&content_of(der)?, limits)
    }

    fn read(signed_data: &Tlv<'_>, limits: &Limits) -> Result<Self, CmsError> {
        let parts = Parts::read(signed_data, limits)?;
        let signer = match parts.signers.as_slice() {
            [] => return Err(CmsError::NoSigner),
            [signer] => SignerInfo::read(signer, limits)?,
            several => return Err(CmsError::SeveralSigners { count: several.len() }),
        };
        let (mut crls, mut ocsp_responses) = (parts.crls, parts.ocsp_responses);
        if let Some(attributes) = &signer.signed_attributes {
            crls.extend(attributes.archived(0xA0, limits.max_certificates));
            ocsp_responses.extend(attributes.archived(0xA1, limits.max_certificates));
        }
        Ok(Self {
            content_type: parts.content_type,
            content: parts.content,
            certificates: parts.certificates,
            unreadable_certificates: parts.unreadable_certificates,
            crls: crls.into(),
            ocsp_responses: ocsp_responses.into(),
            signer,
            message: None,
        })
    }

    /// The eContentType.
    #[must_use]
    pub fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// The encapsulated content, if there is any: a PDF signature must have none.
    #[must_use]
    pub fn encapsulated_content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The embedded certificates that could be read, in order, duplicates removed.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// How many embedded certificates could not be read.
    #[must_use]
    pub fn unreadable_certificates(&self) -> usize {
        self.unreadable_certificates
    }

    /// Embedded CRLs as DER, those of Adobe's revocation-archival attribute included.
    #[must_use]
    pub fn crls(&self) -> &[Vec<u8>] {
        &self.crls
    }

    /// Embedded OCSP responses as DER, each an OCSPResponse or a BasicOCSPResponse: from `crls` (RFC 5940 §2.1) and from
    /// Adobe's revocation-archival attribute. [`BasicResponse::from_any_der`](crate::ocsp::BasicResponse::from_any_der)
    /// reads both.
    #[must_use]
    pub fn ocsp_responses(&self) -> &[Vec<u8>] {
        &self.ocsp_responses
    }

    /// How the signer names its certificate.
    #[must_use]
    pub fn signer_identifier(&self) -> &SignerIdentifier {
        &self.signer.identifier
    }

    /// The signer's digest algorithm as found.
    #[must_use]
    pub fn digest_oid(&self) -> ObjectIdentifier {
        self.signer.digest_oid
    }

    /// The signed attributes; `None` when the signature is over the content itself.
    #[must_use]
    pub fn signed_attributes(&self) -> Option<&SignedAttributes> {
        self.signer.signed_attributes.as_ref()
    }

    /// The signature value, which a signature time-stamp covers.
    #[must_use]
    pub fn signature_value(&self) -> &[u8] {
        &self.signer.signature
    }

    /// RFC 3161 tokens of the unsigned signature-time-stamp attributes, as found.
    #[must_use]
    pub fn signature_time_stamps(&self) -> &[Vec<u8>] {
        &self.signer.signature_time_stamps
    }

    /// Hands a signer of a [`Message`] the content itself, which a signature without signed attributes is over.
    #[must_use]
    pub fn over(mut self, content: Arc<[u8]>) -> Self {
        if let Some(message) = &mut self.message {
            message.content = Some(content);
        }
        self
    }

    /// How many counter-signatures the unsigned attributes hold (not verified).
    #[must_use]
    pub fn counter_signatures(&self) -> usize {
        self.signer.counter_signatures
    }
}

/// other [1] IMPLICIT OtherRevocationInfoFormat ::= SEQUENCE { otherRevInfoFormat OBJECT IDENTIFIER, otherRevInfo ANY }
/// (RFC 5652 §10.2.1), where it is an OCSP response (RFC 5940 §2.1).
fn other_revocation_info(choice: &Tlv<'_>) -> Option<Vec<u8>> {
    let mut fields = (choice.tag == 0xA1).then(|| choice.reader())?;
    let format = fields.expect(asn1::OID).ok()?.oid().ok()?;
    let info = fields.next().ok()?;
    fields.finish().ok()?;
    matches!(format, oids::RI_OCSP_RESPONSE | oids::OCSP_BASIC).then(|| info.raw.to_vec())
}

/// The parts of a SignedData, its signers not read yet.
struct Parts<'a> {
    content_type: ObjectIdentifier,
    content: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    unreadable_certificates: usize,
    crls: Vec<Vec<u8>>,
    ocsp_responses: Vec<Vec<u8>>,
    signers: Vec<Tlv<'a>>,
}

impl<'a> Parts<'a> {
    /// SignedData ::= SEQUENCE { version, digestAlgorithms SET, encapContentInfo, certificates [0] OPTIONAL,
    /// crls [1] OPTIONAL, signerInfos SET } (RFC 5652 §5.1).
    fn read(signed_data: &Tlv<'a>, limits: &Limits) -> Result<Self, CmsError> {
        let mut fields = signed_data.reader();
        fields.expect(INTEGER)?.small()?;
        fields.expect(SET)?.reader().all(limits.max_attributes)?;
        let mut encapsulated = fields.expect(SEQUENCE)?.reader();
        let content_type = encapsulated.expect(asn1::OID)?.oid()?;
        let content = match encapsulated.optional(0xA0)? {
            Some(explicit) => {
                let mut inner = explicit.reader();
                let octets = octet_string(&inner.next()?)?;
                inner.finish()?;
                Some(octets)
            }
            None => None,
        };
        encapsulated.finish()?;

        let mut certificates: Vec<Certificate> = Vec::new();
        let mut unreadable_certificates = 0;
        if let Some(set) = fields.optional(0xA0)? {
            // Other choices (attribute certificates, tagged) are not for us.
            for choice in set.reader().all(limits.max_certificates)?.iter().filter(|tlv| tlv.tag == SEQUENCE)
            {
                match Certificate::from_der(choice.raw) {
                    Ok(certificate) if certificates.contains(&certificate) => {}
                    Ok(certificate) => certificates.push(certificate),
                    // Over budget is not merely unreadable: nobody knows what it would have said.
                    Err(CertificateError::TooLarge { len }) => return Err(CmsError::TooLarge { len }),
                    Err(CertificateError::Malformed(spent @ Asn1Error::TooComplex { .. })) => {
                        return Err(spent.into());
                    }
                    Err(_) => unreadable_certificates += 1,
                }
            }
        }
        let (mut crls, mut ocsp_responses) = (Vec::new(), Vec::new());
        if let Some(set) = fields.optional(0xA1)? {
            let choices = set.reader().all(limits.max_certificates)?;
            crls.extend(choices.iter().filter(|tlv| tlv.tag == SEQUENCE).map(|tlv| tlv.raw.to_vec()));
            ocsp_responses.extend(choices.iter().filter_map(other_revocation_info));
        }
        let signers = fields.expect(SET)?.reader().all(limits.max_attributes)?;
        fields.finish()?;
        Ok(Self {
            content_type,
            content,
            certificates,
            unreadable_certificates,
            crls,
            ocsp_responses,
            signers,
        })
    }
}

/// Whether a content type is plain data: that of RFC 5652 §4 or of GM/T 0010, which a suite's documents may have.
pub(super) fn is_data(content_type: ObjectIdentifier) -> bool {
    Suite::ALL.iter().any(|suite| suite.cms_data == content_type)
}

/// The SignedData of a ContentInfo with nothing after it.
fn content_of(der: &[u8]) -> Result<Tlv<'_>, CmsError> {
    let mut outer = Reader::new(der, Rules::Ber);
    let content_info = outer.expect(SEQUENCE)?;
    if !outer.is_empty() {
        return Err(CmsError::TrailingData { offset: outer.offset() });
    }
    let mut fields = content_info.reader();
    let oid = fields.expect(asn1::OID)?.oid()?;
    if !Suite::ALL.iter().any(|suite| suite.cms_signed_data == oid) {
        return Err(CmsError::NotSignedData { oid });
    }
    let explicit = fields.expect(0xA0)?;
    fields.finish()?;
    let mut inner = explicit.reader();
    let signed_data = inner.expect(SEQUENCE)?;
    inner.finish()?;
    Ok(signed_data)
}

impl Message {
    /// Reads a ContentInfo holding SignedData with any number of signers, certificates alone included.
    ///
    /// # Errors
    /// [`CmsError`]; a message with more than 32 signers is [`CmsError::SeveralSigners`].
    pub fn parse(der: &[u8], limits: &Limits) -> Result<Self, CmsError> {
        if der.len() > limits.max_len {
            return Err(CmsError::TooLarge { len: der.len() });
        }
        let parts = Parts::read(&content_of(der)?, limits)?;
        if parts.signers.len() > MOST_SIGNERS {
            return Err(CmsError::SeveralSigners { count: parts.signers.len() });
        }
        let crls: Arc<[Vec<u8>]> = parts.crls.into();
        let ocsp_responses: Arc<[Vec<u8>]> = parts.ocsp_responses.into();
        let signers = parts.signers.iter().map(|signer| {
            Ok::<_, CmsError>(SignedData {
                content_type: parts.content_type,
                content: None,
                certificates: parts.certificates.clone(),
                unreadable_certificates: parts.unreadable_certificates,
                crls: crls.clone(),
                ocsp_responses: ocsp_responses.clone(),
                signer: SignerInfo::read(signer, limits)?,
                message: Some(Detached::default()),
            })
        });
        Ok(Self {
            signers: signers.collect::<Result<_, _>>()?,
            content_type: parts.content_type,
            content: parts.content,
        })
    }
}

/// Signers of one message; each costs a signature to verify and a path to build.
const MOST_SIGNERS: usize = 32;

impl SignerInfo {
    /// SignerInfo ::= SEQUENCE { version, sid, digestAlgorithm, signedAttrs [0] OPTIONAL, signatureAlgorithm, signature,
    /// unsignedAttrs [1] OPTIONAL } (RFC 5652 §5.3).
    fn read(signer: &Tlv<'_>, limits: &Limits) -> Result<Self, CmsError> {
        if signer.tag != SEQUENCE {
            return Err(signer.invalid("SignerInfo").into());
        }
        let mut fields = signer.reader();
        fields.expect(INTEGER)?.small()?;
        let sid = fields.next()?;
        let identifier = match sid.tag {
            SEQUENCE => {
                let mut parts = sid.reader();
                let issuer = Name::from_der(parts.expect(SEQUENCE)?.raw)?;
                let serial = parts.expect(INTEGER)?.integer()?.to_vec();
                parts.finish()?;
                SignerIdentifier::IssuerAndSerial { issuer, serial }
            }
            0x80 => SignerIdentifier::SubjectKeyId(sid.content.to_vec()),
            _ => return Err(sid.invalid("SignerIdentifier").into()),
        };
        let digest = fields.expect(SEQUENCE)?;
        let digest_oid = digest.reader().expect(asn1::OID)?.oid()?;
        let signed_attributes = fields
            .optional(0xA0)?
            .map(|set| SignedAttributes::read(&set, limits.max_attributes))
            .transpose()?;
        let signature_algorithm = fields.expect(SEQUENCE)?.raw.to_vec();
        let signature = octet_string(&fields.next()?)?;
        let mut signature_time_stamps = Vec::new();
        let mut counter_signatures = 0;
        if let Some(set) = fields.optional(0xA1)? {
            for attribute in set.reader().all(limits.max_attributes)? {
                let mut parts = attribute.reader();
                let kind = parts.expect(asn1::OID)?.oid()?;
                let values = parts.expect(SET)?.reader().all(limits.max_attributes)?;
                parts.finish()?;
                match kind {
                    oids::SIGNATURE_TIME_STAMP => {
                        signature_time_stamps.extend(values.iter().map(|value| value.raw.to_vec()))
                    }
                    oids::COUNTER_SIGNATURE => counter_signatures += values.len(),
                    _ => {}
                }
            }
        }
        fields.finish()?;
        Ok(Self {
            identifier,
            digest_algorithm: digest.raw.to_vec(),
            digest_oid,
            signature_algorithm,
            signature,
            signed_attributes,
            signature_time_stamps,
            counter_signatures,
        })
    }
}

/// The length of the single BER element at the start of `bytes`, whatever follows it: how a PDF reader tells a CMS from
/// the zeros that pad its place.
///
/// # Errors
/// [`Asn1Error`] when no whole element begins there.
pub fn element_len(bytes: &[u8]) -> Result<usize, Asn1Error> {
    Reader::new(bytes, Rules::Ber).next().map(|tlv| tlv.raw.len())
}

/// A primitive OCTET STRING, or BER's constructed one in segments (X.690 §8.7.3); segments of segments are refused.
fn octet_string(tlv: &Tlv<'_>) -> Result<Vec<u8>, Asn1Error> {
    match tlv.tag {
        OCTET_STRING => Ok(tlv.content.to_vec()),
        0x24 => {
            let mut reader = tlv.reader();
            let mut out = Vec::with_capacity(tlv.content.len());
            while !reader.is_empty() {
                out.extend_from_slice(reader.expect(OCTET_STRING)?.content);
            }
            Ok(out)
        }
        _ => Err(tlv.invalid("OCTET STRING")),
    }
}
