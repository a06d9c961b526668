//! SES_Signature (GB/T 38540-2020) by a seal of this appliance, and what is checked of one that was made elsewhere.
//!
//! `eseal` performs the standard's order of signing; a [`ReadySeal`] has passed its first three steps when it was made
//! ready. Here is what a document adds: what is said of its content, the claimed time, and a time-stamp over the
//! signature value where the level wants it. Called by `signers` and `preparation`.

use crypto::{DigestAlgorithm, SignatureScheme};
use eseal::{Sealer, Signature};
use pdf::ltv::TimeStampSource;
use pdf::sign::CmsSigner;
use pki::Certificate;

use super::levels::Raising;
use super::signers::{Manner, byte_range};
use crate::seals::{ReadySeal, SealError};

/// Signs with a seal.
pub struct SesSigner<'a> {
    seal: &'a ReadySeal,
    sealer: &'a Sealer,
    manner: Manner<'a>,
    /// Stamps the signature value.
    stamps: Option<&'a Raising>,
}

impl<'a> SesSigner<'a> {
    /// The signer of `seal`; with `raising` from B-T on time-stamped, which waits.
    ///
    /// # Errors
    /// [`SealError::NotUsable`]: the seal has no SESeal.
    pub fn new(
        seal: &'a ReadySeal,
        manner: Manner<'a>,
        raising: Option<&'a Raising>,
    ) -> Result<Self, SealError> {
        let stamps = raising.filter(|raising| raising.level() >= pdf::verify::Level::BT);
        Ok(Self { seal, sealer: seal.sealer()?.0, manner, stamps })
    }

    fn scheme(&self) -> SignatureScheme {
        self.seal.signer.scheme()
    }

    fn signed(&self, digest: &[u8], property: &str) -> Result<Vec<u8>, Failure> {
        let (signer, time) = (&*self.seal.signer, self.manner.time);
        let signed = self.sealer.sign(signer, self.digest_algorithm(), digest, property, time)?;
        let Some(stamps) = self.stamps else { return Ok(signed) };
        let signature = Signature::parse(&signed)?.value;
        let imprint = stamps.imprint(self.digest_algorithm());
        let token = stamps.token(imprint, &imprint.digest(signature.value()))?;
        Ok(signature.with_time_stamp(&token)?)
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl CmsSigner for SesSigner<'_> {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.scheme().cms_digest()
    }

    fn size_hint(&self) -> usize {
        // The longest range takes as many digits as its numbers can have.
        let longest = byte_range([u64::MAX; 4]);
        let property = self.manner.property.unwrap_or(&longest);
        self.sealer.max_len(self.scheme(), property, self.stamps.map(TimeStampSource::size_hint))
    }

    fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, Failure> {
        self.signed(content_digest, self.manner.property.unwrap_or_default())
    }

    fn sign_range(&self, content_digest: &[u8], range: [u64; 4]) -> Result<Vec<u8>, Failure> {
        self.signed(content_digest, &byte_range(range))
    }
}

/// That `octets` are an SES_Signature whose value holds over that digest. Nothing is said of whom to trust.
///
/// # Errors
/// What is wrong with it.
pub fn check(octets: &[u8], algorithm: DigestAlgorithm, digest: &[u8]) -> Result<(), String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("it is no SES_Signature: {error}");
    let signature = Signature::parse(octets).map_err(|error| unreadable(&error))?.value;
    if signature.der() != octets {
        return Err("octets follow the SES_Signature".to_owned());
    }
    let certificate = signature.signer().ok_or("the signer's certificate is not in it")?;
    let certificate = Certificate::from_der(certificate).map_err(|error| unreadable(&error))?;
    let scheme = SignatureScheme::from_oid(signature.algorithm(), certificate.spki())
        .map_err(|error| format!("its algorithm does not count: {error}"))?;
    if scheme.cms_digest() != algorithm {
        return Err(format!("it is over another digest algorithm than {}", algorithm.name()));
    }
    if signature.data_hash() != digest {
        return Err("its dataHash is another digest".to_owned());
    }
    crypto::verify(certificate.spki(), scheme, signature.signed_octets(), signature.value_in_der())
        .map_err(|error| format!("its signature value does not hold: {error}"))
}
