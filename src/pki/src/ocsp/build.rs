//! Making OCSP responses.

use crypto::{DigestAlgorithm, SignError, Signer};
use thiserror::Error;

use super::{ARCHIVE_CUTOFF, BASIC, CERT_HASH, CertId, ErrorStatus, IssuerId, NONCE, Status};
use crate::{
    asn1::{self, ENUMERATED, OCTET_STRING, SEQUENCE},
    certificate::Certificate,
    crl::Reason,
    issue::{assemble, extension},
    oids, time,
};

/// Who signs responses for one issuer, encoded once and used for each response.
#[derive(Clone, Debug)]
pub struct Responder {
    certificate: Certificate,
    /// ResponderID byKey, `[2]`.
    id: Vec<u8>,
    /// `certs [0]`, empty when the issuer itself signs.
    embedded: Vec<u8>,
}

/// Why no response was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The key is not the responder's.
    #[error("the signing key does not belong to the OCSP responder")]
    WrongKey,
    /// A responder that the issuer has not delegated (RFC 6960 §4.2.2.2).
    #[error("the certificate is not a delegated responder of that issuer")]
    NotDelegated,
    /// A time outside years 0-9999, or nextUpdate before thisUpdate.
    #[error("OCSP times cannot be expressed")]
    Time,
    /// No certificate to speak of.
    #[error("an OCSP response speaks of at least one certificate")]
    Empty,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// The positive statement that a certificate is on the issuer's record: SHA-256 over its whole encoding (CertHash,
/// Common PKI 2.0 part 4 §3.1.2). A relying party that compares it cannot be deceived by a certificate with a known
/// serial number that the issuer never recorded.
pub type CertHash = [u8; 32];

/// What a response says of one certificate.
#[derive(Clone, Debug)]
pub struct Single<'a> {
    /// As the request named it.
    pub id: &'a CertId,
    /// What is known.
    pub status: Status,
    /// When that was known to be right, Unix seconds.
    pub this_update: i64,
    /// When newer information is there at the latest, Unix seconds.
    pub next_update: Option<i64>,
    /// The certificate's hash; never for [`Status::Unknown`].
    pub cert_hash: Option<CertHash>,
    /// Until when, into the past, the responder keeps what it knows of certificates that ran out (RFC 6960 §4.4.4).
    pub archive_cutoff: Option<i64>,
}

impl Responder {
    /// The issuer itself, or a responder it has delegated: issued directly by it, with the purpose OCSPSigning.
    ///
    /// # Errors
    /// [`BuildError::NotDelegated`].
    pub fn new(certificate: Certificate, issuer: &Certificate) -> Result<Self, BuildError> {
        let own = certificate == *issuer;
        let delegated = certificate.issuer() == issuer.subject()
            && certificate.extended_key_usages().is_some_and(|usages| usages.contains(&oids::OCSP_SIGNING))
            && certificate.verify_signature(issuer.spki()).is_ok();
        if !own && !delegated {
            return Err(BuildError::NotDelegated);
        }
        let key_hash = *IssuerId::of(&certificate).key_hash();
        let id = asn1::tlv(0xA2, &asn1::tlv(OCTET_STRING, &key_hash));
        let embedded =
            if own { Vec::new() } else { asn1::tlv(0xA0, &asn1::tlv(SEQUENCE, certificate.der())) };
        Ok(Self { certificate, id, embedded })
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// Signs a response and returns the DER of the whole OCSPResponse.
///
/// ```asn1
/// BasicOCSPResponse ::= SEQUENCE { tbsResponseData ResponseData, signatureAlgorithm AlgorithmIdentifier,
///   signature BIT STRING, certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
/// ResponseData ::= SEQUENCE { version [0] EXPLICIT Version DEFAULT v1, responderID ResponderID,
///   producedAt GeneralizedTime, responses SEQUENCE OF SingleResponse, responseExtensions [1] EXPLICIT Extensions OPTIONAL }
/// ```
///
/// # Errors
/// [`BuildError`].
pub fn respond(
    responder: &Responder,
    signer: &dyn Signer,
    produced_at: i64,
    singles: &[Single<'_>],
    nonce: Option<&[u8]>,
) -> Result<Vec<u8>, BuildError> {
    if responder.certificate.spki() != signer.public_key() {
        return Err(BuildError::WrongKey);
    }
    if singles.is_empty() {
        return Err(BuildError::Empty);
    }
    let responses = singles.iter().map(single).collect::<Result<Vec<_>, _>>()?;
    let extensions = match nonce {
        Some(nonce) => {
            let nonce = extension(NONCE, false, &asn1::tlv(OCTET_STRING, nonce));
            asn1::tlv(0xA1, &asn1::tlv(SEQUENCE, &nonce))
        }
        None => Vec::new(),
    };
    let produced = time::generalized(produced_at).ok_or(BuildError::Time)?;
    let tbs = asn1::join(
        SEQUENCE,
        &[responder.id.as_slice(), &produced, &asn1::join(SEQUENCE, &responses), &extensions],
    );
    let algorithm = signer.scheme().algorithm_identifier();
    let signature = signer.sign(&tbs)?;
    let basic = if responder.embedded.is_empty() {
        assemble(&tbs, &algorithm, &signature)
    } else {
        let signature = asn1::bit_string(&signature);
        asn1::join(SEQUENCE, &[tbs.as_slice(), &algorithm, &signature, &responder.embedded])
    };
    let bytes = asn1::join(SEQUENCE, &[asn1::oid(BASIC), asn1::tlv(OCTET_STRING, &basic)]);
    Ok(asn1::join(SEQUENCE, &[asn1::tlv(ENUMERATED, &[0]), asn1::tlv(0xA0, &bytes)]))
}

/// An OCSPResponse that says only why there is no answer. Not signed (RFC 6960 §2.3).
#[must_use]
pub fn error_response(status: ErrorStatus) -> Vec<u8> {
    asn1::tlv(SEQUENCE, &[ENUMERATED, 1, status as u8])
}

/// ```asn1
/// SingleResponse ::= SEQUENCE { certID CertID, certStatus CertStatus, thisUpdate GeneralizedTime,
///   nextUpdate [0] EXPLICIT GeneralizedTime OPTIONAL, singleExtensions [1] EXPLICIT Extensions OPTIONAL }
/// CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo, unknown [2] IMPLICIT NULL }
/// RevokedInfo ::= SEQUENCE { revocationTime GeneralizedTime, revocationReason [0] EXPLICIT CRLReason OPTIONAL }
/// ```
fn single(single: &Single<'_>) -> Result<Vec<u8>, BuildError> {
    let general = |seconds| time::generalized(seconds).ok_or(BuildError::Time);
    if single.next_update.is_some_and(|next| next < single.this_update) {
        return Err(BuildError::Time);
    }
    let status = match single.status {
        Status::Good => vec![0x80, 0],
        Status::Unknown => vec![0x82, 0],
        Status::Revoked(revoked) => {
            let reason = match revoked.reason {
                None | Some(Reason::Unspecified) => Vec::new(),
                Some(reason) => asn1::tlv(0xA0, &[ENUMERATED, 1, reason as u8]),
            };
            asn1::join(0xA1, &[general(revoked.time)?, reason])
        }
    };
    let next_update = match single.next_update {
        Some(next) => asn1::tlv(0xA0, &general(next)?),
        None => Vec::new(),
    };
    let mut extensions = Vec::new();
    if let Some(cutoff) = single.archive_cutoff {
        extensions.extend(extension(ARCHIVE_CUTOFF, false, &general(cutoff)?));
    }
    if let Some(hash) = single.cert_hash.filter(|_| single.status != Status::Unknown) {
        // CertHash ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, certificateHash OCTET STRING }
        let algorithm = asn1::tlv(SEQUENCE, &asn1::oid(DigestAlgorithm::Sha256.oid()));
        let value = asn1::join(SEQUENCE, &[algorithm, asn1::tlv(OCTET_STRING, &hash)]);
        extensions.extend(extension(CERT_HASH, false, &value));
    }
    let extensions =
        if extensions.is_empty() { Vec::new() } else { asn1::tlv(0xA1, &asn1::tlv(SEQUENCE, &extensions)) };
    let this_update = general(single.this_update)?;
    Ok(asn1::join(SEQUENCE, &[single.id.der(), &status, &this_update, &next_update, &extensions]))
}
