//! Seals ready for use: record, picture, key and certificate brought together once and kept.
//!
//! A ready seal may be a moment old; that is safe, because the unit of work that uses it guards the
//! versions of the seal and of its certificate, and a use of an outdated one is not recorded and hence not
//! answered. Whoever meets such a conflict calls [`Cabinet::forget`] and asks again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crypto::DigestAlgorithm;
use custody::{Custody, CustodyError};
use pdf::appearance::{ImageError, SealImage};
use pdf::sign::CmsSigner;
use pki::cms::sign::{CmsSignError, CmsSigner as ChainSigner};
use pki::{Certificate, CertificateError};

use super::model::{SealState, SealSummary};
use super::records;
use crate::documents::Picture;
use crate::store::tables::CERTIFICATES;
use crate::store::{Db, StoreError};

/// A seal with everything that using it takes.
pub struct ReadySeal {
    /// Its record.
    pub summary: SealSummary,
    /// Its picture, encoded as it will stand in every file.
    pub image: Arc<SealImage>,
    /// Its certificate.
    pub certificate: Certificate,
    /// Version of the certificate's row.
    pub certificate_version: i64,
    signer: ChainSigner,
}

impl std::fmt::Debug for ReadySeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReadySeal({} version {})", self.summary.id, self.summary.version)
    }
}

impl CmsSigner for ReadySeal {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.signer.digest_algorithm()
    }

    fn size_hint(&self) -> usize {
        self.signer.max_len()
    }

    fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.signer.sign(content_digest)?)
    }
}

/// Why a seal is not ready.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is none of that name.
    #[error("there is no seal `{0}`")]
    Unknown(String),
    /// It may not be used.
    #[error("seal `{id}` cannot be used: {reason}")]
    NotUsable {
        /// The seal.
        id: String,
        /// Why.
        reason: &'static str,
    },
    /// The picture is not fit for a seal.
    #[error("the picture cannot be used: {0}")]
    Picture(#[from] ImageError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key cannot be had.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The stored certificate does not read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Key and certificate do not fit.
    #[error(transparent)]
    Cms(#[from] CmsSignError),
}

/// All ready seals of this node.
#[derive(Debug, Default)]
pub struct Cabinet {
    ready: RwLock<HashMap<String, Arc<ReadySeal>>>,
}

impl Cabinet {
    /// The seal with this id, made ready if it is not yet. `chain` are authorities that seals' certificates are from;
    /// the one that issued this seal's goes with its signatures.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn ready(
        &self,
        db: &Db,
        custody: &dyn Custody,
        chain: &[Certificate],
        id: &str,
    ) -> Result<Arc<ReadySeal>, SealError> {
        let known = self.ready.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(seal) = known {
            return Ok(seal);
        }
        let record = records::find(db, id).await?.ok_or_else(|| SealError::Unknown(id.to_owned()))?;
        let unusable = |reason| SealError::NotUsable { id: id.to_owned(), reason };
        match record.summary.state {
            SealState::Active => {}
            SealState::Suspended => return Err(unusable("it is suspended")),
            SealState::Cancelled => return Err(unusable("it is cancelled")),
        }
        let row = db.row(&CERTIFICATES, &record.summary.certificate).await?;
        let row = row.ok_or_else(|| unusable("its certificate is not on record"))?;
        if row.value("state").as_text() != Some("good") {
            return Err(unusable("its certificate is revoked"));
        }
        let certificate = Certificate::from_der(row.value("der").as_bytes().unwrap_or_default())?;
        let above = |one: &&Certificate| one.subject_key_id() == certificate.authority_key_id();
        let chain: Vec<Certificate> = chain.iter().filter(above).cloned().collect();
        let signer = ChainSigner::new(custody.signer(&record.key_label)?, &certificate, &chain)?;
        let seal = Arc::new(ReadySeal {
            image: Arc::new(super::picture::read(&record.picture)?),
            summary: record.summary,
            certificate_version: row.version(),
            certificate,
            signer,
        });
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        ready.insert(id.to_owned(), seal.clone());
        Ok(seal)
    }

    /// Drops a ready seal: its record or certificate has changed.
    pub fn forget(&self, id: &str) {
        self.ready.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Drops everything: the keystore was sealed again.
    pub fn clear(&self) {
        self.ready.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ReadySeal {
    /// Its picture with its size on paper.
    #[must_use]
    pub fn picture(&self) -> Picture {
        let (width_mm, height_mm) = (self.summary.width_mm, self.summary.height_mm);
        Picture { image: self.image.clone(), width_mm, height_mm }
    }

    /// Whether its certificate is valid at `now` (Unix seconds); a seal is not used outside of it.
    ///
    /// # Errors
    /// [`SealError::NotUsable`].
    pub fn usable_at(&self, now: i64) -> Result<(), SealError> {
        if self.certificate.is_valid_at(now) {
            return Ok(());
        }
        let reason = "its certificate is outside of its validity";
        Err(SealError::NotUsable { id: self.summary.id.clone(), reason })
    }
}
