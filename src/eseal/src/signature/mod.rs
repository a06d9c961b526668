//! SES_Signature: a signature made with a seal.
//!
//! [`Signature::parse`] reads what others wrote, [`sign`] and [`Sealer`] write ours. What a signature proves is
//! [`mod@crate::verify`]'s question.

mod read;
mod sign;

use std::ops::Range;

use crypto::{DigestAlgorithm, SignatureScheme};
use der::asn1::ObjectIdentifier;

pub use sign::{Approval, Refusal, Sealer, SignError, max_len, sign};

use crate::{
    read::{Notes, Read, SignatureValue, StructureError},
    seal::{Extension, Seal, Version},
};

/// A signature made with a seal, as it came.
///
/// ```asn1
/// SES_Signature ::= SEQUENCE { toSign TBS_Sign, cert OCTET STRING, signatureAlgID OBJECT IDENTIFIER, signature BIT STRING,
///                              timeStamp [0] EXPLICIT BIT STRING OPTIONAL }
/// SES_Signature ::= SEQUENCE { toSign TBS_Sign, signature BIT STRING }   -- V1, certificate and algorithm within toSign
/// ```
// INVARIANT: made by `Signature::parse` alone; `to_sign` lies within `der`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    der: Vec<u8>,
    version: Version,
    seal: Seal,
    time: TimeInfo,
    data_hash: Vec<u8>,
    property_info: String,
    extensions: Vec<Extension>,
    signer: Option<Vec<u8>>,
    algorithm: ObjectIdentifier,
    value: SignatureValue,
    to_sign: Range<usize>,
    time_stamp: Option<Vec<u8>>,
}

/// What the signer says about the time of signing (timeInfo).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeInfo {
    /// A time, Unix seconds.
    Claimed(i64),
    /// A time-stamp token (V1), made before the signature: no proof of when that was made.
    Token(Vec<u8>),
    /// Something else.
    Unreadable,
}

impl Signature {
    /// Reads a signature of any version.
    ///
    /// # Errors
    /// [`StructureError`] where it cannot be understood.
    pub fn parse(octets: &[u8]) -> Result<Read<Self>, StructureError> {
        let mut notes = Notes::default();
        let outer = notes.outermost(octets)?;
        let value = read::signature(&outer, &mut notes)?;
        Ok(Read { value, deviations: notes.into_deviations() })
    }

    /// The octets as they came, without what stood behind them.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The edition, by the form of the structure and the inner seal's.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The seal inside.
    #[must_use]
    pub const fn seal(&self) -> &Seal {
        &self.seal
    }

    /// What the signer says about the time.
    #[must_use]
    pub const fn time_info(&self) -> &TimeInfo {
        &self.time
    }

    /// The digest of what was signed (dataHash).
    #[must_use]
    pub fn data_hash(&self) -> &[u8] {
        &self.data_hash
    }

    /// What was signed (propertyInfo); in OFD the path of Signature.xml.
    #[must_use]
    pub fn property_info(&self) -> &str {
        &self.property_info
    }

    /// Extensions of what is signed.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The signer's certificate; `None` when it is missing.
    #[must_use]
    pub fn signer(&self) -> Option<&[u8]> {
        self.signer.as_deref()
    }

    /// How it was signed, as written.
    #[must_use]
    pub const fn algorithm(&self) -> ObjectIdentifier {
        self.algorithm
    }

    /// The octets of the signature value as they came: what a time-stamp covers.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.value.octets()
    }

    /// The signature value in DER, whatever form it came in: what verifies.
    #[must_use]
    pub fn value_in_der(&self) -> &[u8] {
        self.value.der()
    }

    /// The octets of toSign as they came: what the signer signed.
    #[must_use]
    pub fn signed_octets(&self) -> &[u8] {
        self.der.get(self.to_sign.clone()).unwrap_or_default()
    }

    /// The time-stamp token of the signature value.
    #[must_use]
    pub fn time_stamp(&self) -> Option<&[u8]> {
        self.time_stamp.as_deref()
    }

    /// With what the content has to be digested: the digest of the signature's scheme. `None` when the signer's certificate
    /// is missing or unreadable, or the algorithm is not known here.
    #[must_use]
    pub fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        let certificate = pki::Certificate::from_der(self.signer()?).ok()?;
        self.scheme(certificate.spki()).ok().map(SignatureScheme::cms_digest)
    }

    pub(crate) fn scheme(&self, spki: &[u8]) -> Result<SignatureScheme, crypto::SchemeError> {
        scheme(self.algorithm, spki)
    }
}

/// The scheme that an algorithm's identifier names, with a key.
pub(crate) fn scheme(
    algorithm: ObjectIdentifier,
    spki: &[u8],
) -> Result<SignatureScheme, crypto::SchemeError> {
    SignatureScheme::from_oid(algorithm, spki)
}
