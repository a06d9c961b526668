//! TimeStampReq: what a requester wants stamped.

use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::Failure;
use crate::asn1::{self, Asn1Error, BOOLEAN, INTEGER, NULL, OCTET_STRING, Reader, Rules, SEQUENCE};

/// The digest of what is to be stamped, as it stands in requests and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint {
    algorithm: DigestAlgorithm,
    // INVARIANT: as long as the algorithm's output.
    digest: Vec<u8>,
    /// MessageImprint as it was encoded: a token repeats it octet for octet (RFC 3161 §2.4.2).
    der: Vec<u8>,
}

/// TimeStampReq ::= SEQUENCE { version INTEGER { v1(1) }, messageImprint MessageImprint, reqPolicy TSAPolicyId OPTIONAL,
/// nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE, extensions \[0\] IMPLICIT Extensions OPTIONAL } (RFC 3161 §2.4.1)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampReq {
    /// What is to be stamped.
    pub imprint: Imprint,
    /// The policy asked for.
    pub policy: Option<ObjectIdentifier>,
    /// A number to be repeated in the token, content octets of the INTEGER.
    pub nonce: Option<Vec<u8>>,
    /// Whether the authority's certificate is wanted in the token.
    pub certificates: bool,
}

/// Why a request is not answered with a token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// It is no TimeStampReq.
    #[error("malformed time-stamp request: {0}")]
    Malformed(#[from] Asn1Error),
    /// Longer than any honest request.
    #[error("request of {length} octets, at most {} are read", TimeStampReq::LARGEST)]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Of another version than 1.
    #[error("request version {0}, only 1 is defined")]
    Version(u32),
    /// A digest algorithm that is unknown, broken or carries parameters.
    #[error("digest algorithm {0} is not accepted")]
    Algorithm(ObjectIdentifier),
    /// The digest has not the length of its algorithm.
    #[error("{} digest of {length} octets, {} expected", algorithm.name(), algorithm.output_len())]
    ImprintLength {
        /// The algorithm named.
        algorithm: DigestAlgorithm,
        /// The digest's length.
        length: usize,
    },
    /// A nonce longer than [`TimeStampReq::LARGEST_NONCE`] octets.
    #[error("nonce of {0} octets")]
    Nonce(usize),
    /// An extension; none is defined, and an unknown one must not be passed over, critical or not (RFC 3161 §2.4.1).
    #[error("extension {0} is not supported")]
    Extension(ObjectIdentifier),
}

impl RequestError {
    /// What the requester is told.
    #[must_use]
    pub const fn failure(&self) -> Failure {
        match self {
            Self::Malformed(_) | Self::TooLong { .. } | Self::ImprintLength { .. } => Failure::BadDataFormat,
            Self::Version(_) | Self::Nonce(_) => Failure::BadRequest,
            Self::Algorithm(_) => Failure::BadAlgorithm,
            Self::Extension(_) => Failure::UnacceptedExtension,
        }
    }
}

impl Imprint {
    /// The imprint of data with this digest.
    ///
    /// # Errors
    /// [`RequestError::ImprintLength`] when the digest is not the algorithm's.
    pub fn new(algorithm: DigestAlgorithm, digest: &[u8]) -> Result<Self, RequestError> {
        if digest.len() != algorithm.output_len() {
            return Err(RequestError::ImprintLength { algorithm, length: digest.len() });
        }
        // With NULL: what every authority understands, although RFC 5754 §2 prefers absence.
        let identifier = asn1::join(SEQUENCE, &[asn1::oid(algorithm.oid()), asn1::tlv(NULL, &[])]);
        let der = asn1::join(SEQUENCE, &[identifier, asn1::tlv(OCTET_STRING, digest)]);
        Ok(Self { algorithm, digest: digest.to_vec(), der })
    }

    /// The digest algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// MessageImprint ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING }
    fn read(imprint: &asn1::Tlv<'_>) -> Result<Self, RequestError> {
        let mut fields = imprint.reader();
        let mut identifier = fields.expect(SEQUENCE)?.reader();
        let oid = identifier.expect(asn1::OID)?.oid()?;
        let parameters = identifier.optional(NULL)?;
        let digest = fields.expect(OCTET_STRING)?.content;
        fields.finish()?;
        let plain = identifier.is_empty() && parameters.is_none_or(|null| null.content.is_empty());
        let algorithm = DigestAlgorithm::from_oid(&oid).ok().filter(|_| plain);
        let algorithm = algorithm.ok_or(RequestError::Algorithm(oid))?;
        if digest.len() != algorithm.output_len() {
            return Err(RequestError::ImprintLength { algorithm, length: digest.len() });
        }
        Ok(Self { algorithm, digest: digest.to_vec(), der: imprint.raw.to_vec() })
    }
}

impl TimeStampReq {
    /// Longest request that is read, in octets; an honest one has about 80.
    pub const LARGEST: usize = 4096;
    /// Longest nonce that is repeated, in octets; 8 are usual.
    pub const LARGEST_NONCE: usize = 64;

    /// Reads a DER request.
    ///
    /// # Errors
    /// [`RequestError`], which names the failure to answer with.
    pub fn parse(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > Self::LARGEST {
            return Err(RequestError::TooLong { length: der.len() });
        }
        let mut fields = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let version = fields.expect(INTEGER)?.small()?;
        if version != 1 {
            return Err(RequestError::Version(version));
        }
        let imprint = fields.expect(SEQUENCE)?;
        let policy = fields.optional(asn1::OID)?.map(|policy| policy.oid()).transpose()?;
        let nonce = fields.optional(INTEGER)?.map(|nonce| nonce.integer().map(<[u8]>::to_vec)).transpose()?;
        let certificates = fields.optional(BOOLEAN)?.map(|wanted| wanted.boolean()).transpose()?;
        let extensions = fields.optional(0xA0)?;
        fields.finish()?;
        if let Some(extensions) = extensions {
            let first = extensions.reader().expect(SEQUENCE)?;
            return Err(RequestError::Extension(first.reader().expect(asn1::OID)?.oid()?));
        }
        if let Some(nonce) = nonce.as_ref().filter(|nonce| nonce.len() > Self::LARGEST_NONCE) {
            return Err(RequestError::Nonce(nonce.len()));
        }
        let certificates = certificates.unwrap_or(false);
        Ok(Self { imprint: Imprint::read(&imprint)?, policy, nonce, certificates })
    }

    /// A request with a nonce from these random octets and the certificates asked for.
    #[must_use]
    pub fn new(imprint: Imprint, policy: Option<ObjectIdentifier>, random: [u8; 8]) -> Self {
        let encoded = asn1::unsigned(&random);
        // Tag and length are one octet each.
        let nonce = encoded.get(2..).map(<[u8]>::to_vec);
        Self { imprint, policy, nonce, certificates: true }
    }

    /// The request as DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let mut fields = vec![asn1::unsigned(&[1]), self.imprint.der.clone()];
        fields.extend(self.policy.map(asn1::oid));
        fields.extend(self.nonce.as_ref().map(|nonce| asn1::tlv(INTEGER, nonce)));
        fields.extend(self.certificates.then(|| asn1::tlv(BOOLEAN, &[0xFF])));
        asn1::join(SEQUENCE, &fields)
    }
}
