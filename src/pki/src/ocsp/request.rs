//! OCSPRequest (RFC 6960 §4.1): read by the responder, made by clients.

use thiserror::Error;

use super::{CertId, MAX_NONCE, MAX_SINGLE, NONCE, read_nonce};
use crate::{
    asn1::{self, Asn1Error, BIT_STRING, INTEGER, OCTET_STRING, Reader, Rules, SEQUENCE},
    extensions::{GeneralName, RawExtension},
    issue::extension,
};

/// A request as read.
///
/// ```asn1
/// OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest, optionalSignature [0] EXPLICIT Signature OPTIONAL }
/// TBSRequest ::= SEQUENCE { version [0] EXPLICIT Version DEFAULT v1, requestorName [1] EXPLICIT GeneralName OPTIONAL,
///   requestList SEQUENCE OF Request, requestExtensions [2] EXPLICIT Extensions OPTIONAL }
/// Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    ids: Vec<CertId>,
    nonce: Option<Vec<u8>>,
    is_signed: bool,
}

/// Why bytes are no request that can be answered: each is `malformedRequest` to the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not DER of the right shape; also a nonce outside 1-128 octets (RFC 9654 §2.1).
    #[error("malformed OCSP request: {0}")]
    Malformed(#[from] Asn1Error),
    /// Larger than an honest request.
    #[error("OCSP request of {len} octets is too large")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// A version other than v1.
    #[error("OCSP version is not supported")]
    Version,
    /// Asks about no certificate.
    #[error("OCSP request names no certificate")]
    Empty,
    /// A critical extension that is not understood (RFC 6960 §4.4: it must not be ignored).
    #[error("critical OCSP extension {id} is not supported")]
    Critical {
        /// The extension.
        id: der::asn1::ObjectIdentifier,
    },
}

impl Request {
    /// Reads one DER request with nothing after it. A signature is tolerated and not looked at: the answer is the same
    /// for everybody.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MAX_LEN {
            return Err(RequestError::TooLarge { len: der.len() });
        }
        let mut outer = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let mut fields = outer.expect(SEQUENCE)?.reader();
        let signature = outer.optional(0xA0)?;
        outer.finish()?;
        if let Some(signature) = &signature {
            let mut parts = Reader::only(signature.content, Rules::Der, SEQUENCE)?.reader();
            parts.expect(SEQUENCE)?;
            parts.expect(BIT_STRING)?;
            parts.optional(0xA0)?;
            parts.finish()?;
        }
        // A spelled-out DEFAULT is not DER, but some clients send it.
        if let Some(version) = fields.optional(0xA0)?
            && Reader::only(version.content, Rules::Der, INTEGER)?.small()? != 0
        {
            return Err(RequestError::Version);
        }
        if let Some(name) = fields.optional(0xA1)? {
            let mut name = name.reader();
            GeneralName::read(&name.next()?)?;
            name.finish()?;
        }
        let mut ids = Vec::with_capacity(1);
        for single in fields.expect(SEQUENCE)?.reader().all(MAX_SINGLE)? {
            if single.tag != SEQUENCE {
                return Err(single.invalid("Request").into());
            }
            let mut parts = single.reader();
            ids.push(CertId::read(&parts.next()?)?);
            if let Some(explicit) = parts.optional(0xA0)? {
                extensions(explicit.content)?;
            }
            parts.finish()?;
        }
        if ids.is_empty() {
            return Err(RequestError::Empty);
        }
        let nonce = match fields.optional(0xA2)? {
            Some(explicit) => extensions(explicit.content)?,
            None => None,
        };
        fields.finish()?;
        Ok(Self { ids, nonce, is_signed: signature.is_some() })
    }

    /// Which certificates are asked about: at least one, at most 64.
    #[must_use]
    pub fn ids(&self) -> &[CertId] {
        &self.ids
    }

    /// The nonce to repeat, 1 to 128 octets.
    #[must_use]
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// Whether the client signed it.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }
}

/// A request to be made.
#[derive(Clone, Debug, Default)]
pub struct RequestBuilder {
    /// Which certificates; see [`super::IssuerId::id`].
    pub ids: Vec<CertId>,
    /// RFC 9654 §2.1 asks clients for 32 random octets.
    pub nonce: Option<Vec<u8>>,
}

impl RequestBuilder {
    /// The request's DER. `None` when it names nothing or too many, or the nonce has not 1 to 128 octets.
    #[must_use]
    pub fn to_der(&self) -> Option<Vec<u8>> {
        let nonce_fits = self.nonce.as_ref().is_none_or(|nonce| (1..=MAX_NONCE).contains(&nonce.len()));
        if self.ids.is_empty() || self.ids.len() > MAX_SINGLE || !nonce_fits {
            return None;
        }
        let list: Vec<_> = self.ids.iter().map(|id| asn1::tlv(SEQUENCE, id.der())).collect();
        let extensions = match &self.nonce {
            Some(nonce) => {
                let value = extension(NONCE, false, &asn1::tlv(OCTET_STRING, nonce));
                asn1::tlv(0xA2, &asn1::tlv(SEQUENCE, &value))
            }
            None => Vec::new(),
        };
        let tbs = asn1::join(SEQUENCE, &[asn1::join(SEQUENCE, &list), extensions]);
        Some(asn1::tlv(SEQUENCE, &tbs))
    }
}

/// Reads a list of extensions and finds the nonce; what is not understood is ignored unless critical.
fn extensions(der: &[u8]) -> Result<Option<Vec<u8>>, RequestError> {
    let mut nonce = None;
    for extension in RawExtension::read_all(&Reader::only(der, Rules::Der, SEQUENCE)?)? {
        if extension.id == NONCE {
            nonce = Some(read_nonce(extension.value)?);
        } else if extension.critical {
            return Err(RequestError::Critical { id: extension.id });
        }
    }
    Ok(nonce)
}

/// Room for 64 CertIDs by SHA-512 and a signature with its certificates.
const MAX_LEN: usize = 32 * 1024;
