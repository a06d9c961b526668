//! Reading OCSP responses, and who may sign them (RFC 6960 §4.2.2.2).

use std::sync::Arc;

use crypto::{DigestAlgorithm, SignatureScheme};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::{
    ARCHIVE_CUTOFF, BASIC, CERT_HASH, CertId, ErrorStatus, IssuerId, MAX_SINGLE, NONCE, Status, read_nonce,
};
use crate::{
    asn1::{
        Asn1Error, BIT_STRING, ENUMERATED, GENERALIZED_TIME, INTEGER, NULL, OCTET_STRING, OID, Reader, Rules,
        SEQUENCE, Tlv,
    },
    certificate::{Certificate, CertificateError, SignatureError},
    crl::{Reason, Revoked},
    extensions::{KeyUsage, RawExtension},
    name::Name,
    oids,
};

/// A BasicOCSPResponse, parsed and kept byte for byte. Its signature is not verified yet. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct BasicResponse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fingerprint: [u8; 32],
    tbs: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    responder: ResponderId,
    produced_at: i64,
    singles: Vec<SingleResponse>,
    nonce: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    unprocessed_critical: Vec<ObjectIdentifier>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ResponderId {
    Name(Name),
    /// SHA-1 over the public key's bits.
    Key(Vec<u8>),
}

/// What a response says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleResponse {
    /// Which certificate.
    pub id: CertId,
    /// What is known of it.
    pub status: Status,
    /// thisUpdate, Unix seconds.
    pub this_update: i64,
    /// nextUpdate, Unix seconds.
    pub next_update: Option<i64>,
    /// SHA-256 of the certificate meant, when the responder states it by that algorithm.
    pub cert_hash: Option<[u8; 32]>,
    /// archiveCutoff, Unix seconds.
    pub archive_cutoff: Option<i64>,
}

/// Why bytes are no usable response.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResponseError {
    /// Not DER of the right shape.
    #[error("malformed OCSP response: {0}")]
    Malformed(#[from] Asn1Error),
    /// Over 1 MiB.
    #[error("OCSP response of {len} octets is too large")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// The responder did not answer the question.
    #[error("OCSP responder answered {0:?}")]
    NotSuccessful(ErrorStatus),
    /// Another response type or version than basic v1.
    #[error("OCSP response type or version is not supported")]
    Unsupported,
    /// A certificate inside cannot be read.
    #[error("certificate in the OCSP response: {0}")]
    Certificate(#[from] CertificateError),
}

/// Who signed a verified response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifiedBy {
    /// The issuer of the certificates itself.
    Issuer,
    /// A responder the issuer has delegated. Unless it carries id-pkix-ocsp-nocheck, its own revocation is a question
    /// for the caller (RFC 6960 §4.2.2.2.1).
    Delegate(Certificate),
}

/// Why a response proves nothing about the issuer's certificates.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Neither the issuer nor a certificate inside is who the response says signed it.
    #[error("the OCSP responder's certificate is not there")]
    NoResponder,
    /// The responder's certificate was not issued by the issuer, or not for signing OCSP responses.
    #[error("the OCSP responder is not authorised by the issuer: {reason}")]
    NotAuthorised {
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A critical extension that is not understood.
    #[error("critical OCSP extension {id} is not supported")]
    Critical {
        /// The extension.
        id: ObjectIdentifier,
    },
}

impl BasicResponse {
    /// Reads an OCSPResponse that is `successful`, with nothing after it.
    ///
    /// # Errors
    /// [`ResponseError`].
    pub fn from_response_der(der: &[u8]) -> Result<Self, ResponseError> {
        if der.len() > MAX_LEN {
            return Err(ResponseError::TooLarge { len: der.len() });
        }
        let mut fields = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let status = fields.expect(ENUMERATED)?;
        match status.content {
            [0] => {}
            [code] => {
                let status =
                    ErrorStatus::from_code(*code).ok_or_else(|| status.invalid("OCSPResponseStatus"))?;
                return Err(ResponseError::NotSuccessful(status));
            }
            _ => return Err(status.invalid("OCSPResponseStatus").into()),
        }
        let explicit = fields.expect(0xA0)?;
        fields.finish()?;
        let mut bytes = Reader::only(explicit.content, Rules::Der, SEQUENCE)?.reader();
        if bytes.expect(OID)?.oid()? != BASIC {
            return Err(ResponseError::Unsupported);
        }
        let basic = bytes.expect(OCTET_STRING)?.content;
        bytes.finish()?;
        Self::from_der(basic)
    }

    /// Reads an OCSPResponse or a BasicOCSPResponse: CMS and PDF security stores carry either.
    ///
    /// # Errors
    /// [`ResponseError`].
    pub fn from_any_der(der: &[u8]) -> Result<Self, ResponseError> {
        // OCSPResponse begins with an ENUMERATED, BasicOCSPResponse with ResponseData, a SEQUENCE.
        let outer = Reader::only(der, Rules::Der, SEQUENCE)?;
        match outer.content.first() {
            Some(&ENUMERATED) => Self::from_response_der(der),
            _ => Self::from_der(der),
        }
    }

    /// SHA-256 over the BasicOCSPResponse: what tells one response from another.
    #[must_use]
    pub fn sha256_fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }

    /// Reads a BasicOCSPResponse with nothing after it, as CMS and PDF security stores also carry it.
    ///
    /// # Errors
    /// [`ResponseError`].
    pub fn from_der(der: &[u8]) -> Result<Self, ResponseError> {
        if der.len() > MAX_LEN {
            return Err(ResponseError::TooLarge { len: der.len() });
        }
        let mut outer = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let tbs = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?.raw.to_vec();
        let signature = outer.expect(BIT_STRING)?.aligned_bits()?.to_vec();
        let mut certificates = Vec::new();
        if let Some(explicit) = outer.optional(0xA0)? {
            for certificate in
                Reader::only(explicit.content, Rules::Der, SEQUENCE)?.reader().all(MAX_CERTS)?
            {
                certificates.push(Certificate::from_der(certificate.raw)?);
            }
        }
        outer.finish()?;

        let mut fields = tbs.reader();
        if let Some(version) = fields.optional(0xA0)?
            && Reader::only(version.content, Rules::Der, INTEGER)?.small()? != 0
        {
            return Err(ResponseError::Unsupported);
        }
        let id = fields.next()?;
        let responder = match id.tag {
            0xA1 => ResponderId::Name(Name::from_der(id.content)?),
            0xA2 => ResponderId::Key(Reader::only(id.content, Rules::Der, OCTET_STRING)?.content.to_vec()),
            _ => return Err(id.invalid("ResponderID").into()),
        };
        let produced_at = fields.expect(GENERALIZED_TIME)?.time()?;
        let mut unprocessed_critical = Vec::new();
        let mut singles = Vec::new();
        for single in fields.expect(SEQUENCE)?.reader().all(MAX_SINGLE)? {
            singles.push(SingleResponse::read(&single, &mut unprocessed_critical)?);
        }
        let mut nonce = None;
        if let Some(explicit) = fields.optional(0xA1)? {
            for extension in RawExtension::read_all(&Reader::only(explicit.content, Rules::Der, SEQUENCE)?)? {
                if extension.id == NONCE {
                    nonce = Some(read_nonce(extension.value)?);
                } else if extension.critical {
                    unprocessed_critical.push(extension.id);
                }
            }
        }
        fields.finish()?;
        let mut fingerprint = [0; 32];
        for (to, from) in fingerprint.iter_mut().zip(DigestAlgorithm::Sha256.digest(der)) {
            *to = from;
        }
        Ok(Self(Arc::new(Inner {
            fingerprint,
            tbs: tbs.raw.to_vec(),
            algorithm,
            signature,
            responder,
            produced_at,
            singles,
            nonce,
            certificates,
            unprocessed_critical,
        })))
    }

    /// The AlgorithmIdentifier it is signed with, as DER.
    #[must_use]
    pub fn signature_algorithm(&self) -> &[u8] {
        &self.0.algorithm
    }

    /// producedAt, Unix seconds.
    #[must_use]
    pub fn produced_at(&self) -> i64 {
        self.0.produced_at
    }

    /// The nonce, for comparing with the request's.
    #[must_use]
    pub fn nonce(&self) -> Option<&[u8]> {
        self.0.nonce.as_deref()
    }

    /// What it says, in its order.
    #[must_use]
    pub fn singles(&self) -> &[SingleResponse] {
        &self.0.singles
    }

    /// Certificates the responder sent along.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.0.certificates
    }

    /// What it says of a certificate of that issuer. Answers with a CertHash of another certificate are left out.
    #[must_use]
    pub fn about(&self, certificate: &Certificate, issuer: &Certificate) -> Option<&SingleResponse> {
        if certificate.issuer() != issuer.subject() {
            return None;
        }
        let issuer = IssuerId::of(issuer);
        self.0.singles.iter().find(|single| {
            single.id.serial() == certificate.serial()
                && issuer.issued(&single.id)
                && single.cert_hash.is_none_or(|hash| hash == *certificate.sha256_fingerprint())
        })
    }

    /// Verifies that the issuer, or a responder it has delegated, signed this. Costs at most two signature
    /// verifications. `at` is when the delegated certificate must be valid, Unix seconds: the time of validation, or
    /// [`Self::produced_at`] when judging the past.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, issuer: &Certificate, at: i64) -> Result<VerifiedBy, VerifyError> {
        if let Some(id) = self.0.unprocessed_critical.first() {
            return Err(VerifyError::Critical { id: *id });
        }
        if self.0.responder.is(issuer) {
            self.verify_signature(issuer.spki())?;
            return Ok(VerifiedBy::Issuer);
        }
        let responder = self
            .0
            .certificates
            .iter()
            .find(|one| self.0.responder.is(one))
            .ok_or(VerifyError::NoResponder)?;
        let refuse = |reason| Err(VerifyError::NotAuthorised { reason });
        // RFC 6960 §4.2.2.2: issued directly by the CA that is identified in the request.
        if responder.issuer() != issuer.subject() {
            return refuse("issued by another authority");
        }
        // anyExtendedKeyUsage does not delegate: the CA says OCSPSigning or nothing.
        if !responder.extended_key_usages().is_some_and(|usages| usages.contains(&oids::OCSP_SIGNING)) {
            return refuse("no OCSPSigning purpose");
        }
        if responder.key_usage().is_some_and(|usage| {
            !usage.intersects(KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::NON_REPUDIATION))
        }) {
            return refuse("key usage without digitalSignature");
        }
        if !responder.unprocessed_critical_extensions().is_empty() {
            return refuse("critical extension not supported");
        }
        if !responder.is_valid_at(at) {
            return refuse("outside its validity");
        }
        responder.verify_signature(issuer.spki())?;
        self.verify_signature(responder.spki())?;
        Ok(VerifiedBy::Delegate(responder.clone()))
    }

    fn verify_signature(&self, spki: &[u8]) -> Result<(), SignatureError> {
        let scheme = SignatureScheme::from_algorithm(&self.0.algorithm, spki)?;
        Ok(crypto::verify(spki, scheme, &self.0.tbs, &self.0.signature)?)
    }
}

impl ResponderId {
    fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Name(name) => name == certificate.subject(),
            Self::Key(hash) => hash.as_slice() == IssuerId::of(certificate).key_hash(),
        }
    }
}

impl SingleResponse {
    fn read(tlv: &Tlv<'_>, unprocessed: &mut Vec<ObjectIdentifier>) -> Result<Self, ResponseError> {
        if tlv.tag != SEQUENCE {
            return Err(tlv.invalid("SingleResponse").into());
        }
        let mut fields = tlv.reader();
        let id = CertId::read(&fields.next()?)?;
        let status = fields.next()?;
        let status = match (status.tag, status.content) {
            (0x80, []) => Status::Good,
            (0x82, []) => Status::Unknown,
            (0xA1, _) => Status::Revoked(revoked(&status)?),
            _ => return Err(status.invalid("CertStatus").into()),
        };
        let this_update = fields.expect(GENERALIZED_TIME)?.time()?;
        let next_update = match fields.optional(0xA0)? {
            Some(next) => Some(Reader::only(next.content, Rules::Der, GENERALIZED_TIME)?.time()?),
            None => None,
        };
        let mut out = Self { id, status, this_update, next_update, cert_hash: None, archive_cutoff: None };
        if let Some(explicit) = fields.optional(0xA1)? {
            for extension in RawExtension::read_all(&Reader::only(explicit.content, Rules::Der, SEQUENCE)?)? {
                match extension.id {
                    ARCHIVE_CUTOFF => {
                        let cutoff = Reader::only(extension.value, Rules::Der, GENERALIZED_TIME)?;
                        out.archive_cutoff = Some(cutoff.time()?);
                    }
                    CERT_HASH => out.cert_hash = cert_hash(extension.value)?,
                    id if extension.critical => unprocessed.push(id),
                    _ => {}
                }
            }
        }
        fields.finish()?;
        Ok(out)
    }
}

fn revoked(tlv: &Tlv<'_>) -> Result<Revoked, ResponseError> {
    let mut fields = tlv.reader();
    let time = fields.expect(GENERALIZED_TIME)?.time()?;
    let reason = match fields.optional(0xA0)? {
        Some(explicit) => {
            let code = Reader::only(explicit.content, Rules::Der, ENUMERATED)?;
            match code.content {
                [byte] => Some(Reason::from_code(*byte).ok_or_else(|| code.invalid("CRLReason"))?),
                _ => return Err(code.invalid("CRLReason").into()),
            }
        }
        None => None,
    };
    fields.finish()?;
    Ok(Revoked { time, reason })
}

/// `None` for a hash by another algorithm than SHA-256, which is neither compared nor relied on.
fn cert_hash(value: &[u8]) -> Result<Option<[u8; 32]>, Asn1Error> {
    let mut fields = Reader::only(value, Rules::Der, SEQUENCE)?.reader();
    let mut algorithm = fields.expect(SEQUENCE)?.reader();
    let id = algorithm.expect(OID)?.oid()?;
    algorithm.optional(NULL)?;
    algorithm.finish()?;
    let hash = fields.expect(OCTET_STRING)?;
    fields.finish()?;
    if id != crypto::DigestAlgorithm::Sha256.oid() {
        return Ok(None);
    }
    <[u8; 32]>::try_from(hash.content).map(Some).map_err(|_| hash.invalid("CertHash"))
}

/// The largest honest ones carry a few certificates of post-quantum size.
const MAX_LEN: usize = 1024 * 1024;

/// A responder sends its own certificate, rarely a chain.
const MAX_CERTS: usize = 16;
