//! The signature time-stamp of a signature that is being made: inside its CMS, before it is embedded.

use crypto::DigestAlgorithm;
use pki::cms::{Limits, SignedData, signature_time_stamp_len, with_signature_time_stamp};

use crate::sign::CmsSigner;

/// Where time-stamp tokens come from while a thread may wait for them.
pub trait TimeStampSource {
    /// Octets of the largest token seen from it; 0 while none was: the first one then measures it and costs a second.
    fn size_hint(&self) -> usize;

    /// A token (DER ContentInfo) over a SHA-256 digest, checked against it.
    ///
    /// # Errors
    /// Whatever keeps it from stamping.
    fn token(&self, digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
}

/// A signer whose CMS carries a signature time-stamp: PAdES B-T in one pass (EN 319 142-1 §6.3).
#[derive(Clone, Copy)]
pub struct TimeStamped<'s> {
    /// Signs.
    pub signer: &'s dyn CmsSigner,
    /// Stamps the signature value.
    pub source: &'s dyn TimeStampSource,
}

impl CmsSigner for TimeStamped<'_> {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.signer.digest_algorithm()
    }

    fn size_hint(&self) -> usize {
        self.signer.size_hint() + signature_time_stamp_len(self.source.size_hint())
    }

    fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let cms = self.signer.sign(content_digest)?;
        let value = SignedData::parse(&cms, &Limits::default())?;
        let token = self.source.token(&DigestAlgorithm::Sha256.digest(value.signature_value()))?;
        Ok(with_signature_time_stamp(&cms, &token)?)
    }
}
