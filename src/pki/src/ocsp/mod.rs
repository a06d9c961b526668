//! OCSP (RFC 6960, RFC 9654, RFC 9919): requests read, responses made and read.
//!
//! Responsible for the structures and for what a response proves by itself: who signed it, under which issuer, about
//! which certificate. Which certificates are good is the responder's knowledge (`status` in the appliance); what a
//! response means for a path is `path`'s question. Times and keys are parameters.
//!
//! Signatures are verified over the original bytes. Every count and length is bounded before anything is kept.

mod build;
mod id;
mod read;
mod request;

pub use build::{BuildError, CertHash, Responder, Single, error_response, respond};
pub use id::{CertId, IssuerId};
pub use read::{BasicResponse, ResponseError, SingleResponse, VerifiedBy, VerifyError};
pub use request::{Request, RequestBuilder, RequestError};

use der::asn1::ObjectIdentifier;

use crate::crl::Revoked;

/// CertStatus (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Known and not revoked.
    Good,
    /// Revoked, or on hold.
    Revoked(Revoked),
    /// Not known to this responder.
    Unknown,
}

/// OCSPResponseStatus other than `successful` (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants' names are the standard's")]
pub enum ErrorStatus {
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

impl ErrorStatus {
    fn from_code(code: u8) -> Option<Self> {
        [Self::MalformedRequest, Self::InternalError, Self::TryLater, Self::SigRequired, Self::Unauthorized]
            .into_iter()
            .find(|status| *status as u8 == code)
    }
}

/// A nonce has 1 to 128 octets (RFC 9654 §2.1); anything else makes its message malformed.
pub const MAX_NONCE: usize = 128;

const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
const ARCHIVE_CUTOFF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.6");
/// id-commonpki-at-certHash (Common PKI 2.0, part 4, §3.1.2).
const CERT_HASH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.36.8.3.13");

/// Far above honest use; a response costs one signature however many certificates it speaks of.
const MAX_SINGLE: usize = 64;

/// The nonce inside its extension's value: `Nonce ::= OCTET STRING (SIZE (1..128))`.
fn read_nonce(value: &[u8]) -> Result<Vec<u8>, crate::asn1::Asn1Error> {
    use crate::asn1::{OCTET_STRING, Reader, Rules};
    let nonce = Reader::only(value, Rules::Der, OCTET_STRING)?;
    if nonce.content.is_empty() || nonce.content.len() > MAX_NONCE {
        return Err(nonce.invalid("Nonce"));
    }
    Ok(nonce.content.to_vec())
}
