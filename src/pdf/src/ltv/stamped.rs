//! The signature time-stamp of a signature that is being made: inside its CMS, before it is embedded.

use crypto::DigestAlgorithm;
use pki::cms::{Limits, SignedData, signature_time_stamp_len, with_signature_time_stamp};

use crate::sign::CmsSigner;

/// Where time-stamp tokens come from while a thread may wait for them.
pub trait TimeStampSource {
    /// Octets of the largest token seen from it; 0 while none was: the first one then measures it and costs a second.
    fn size_hint(&self) -> usize;

    /// The algorithm of imprints for signatures over `digest`: one of the same suite where the service takes it.
    fn imprint(&self, digest: DigestAlgorithm) -> DigestAlgorithm {
        let _ = digest;
        DigestAlgorithm::Sha256
    }

    /// A token (DER ContentInfo) over a digest by that algorithm, checked against it.
    ///
    /// # Errors
    /// Whatever keeps it from stamping.
    fn token(
        &self,
        algorithm: DigestAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
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
        let imprint = self.source.imprint(self.digest_algorithm());
        let token = self.source.token(imprint, &imprint.digest(value.signature_value()))?;
        Ok(with_signature_time_stamp(&cms, &token)?)
    }
}
