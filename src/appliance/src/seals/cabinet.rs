//! Seals ready for use: record, picture, key and certificate brought together once and kept.
//!
//! A ready seal may be a moment old; that is safe, because the unit of work that uses it guards the
//! versions of the seal and of its certificate, and a use of an outdated one is not recorded and hence not
//! answered. Whoever meets such a conflict calls [`Cabinet::forget`] and asks again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crypto::{DigestAlgorithm, Signer, Suite, UnknownSuite};
use custody::{Custody, CustodyError};
use eseal::Sealer;
use pdf::appearance::{ImageError, SealImage};
use pdf::sign::CmsSigner;
use pki::cms::sign::{CmsSignError, CmsSigner as ChainSigner};
use pki::{Certificate, CertificateError};

use super::model::{SealState, SealSummary};
use super::records::{self, text};
use super::sealer::{Maker, Ses};
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
    /// Its suite.
    pub suite: &'static Suite,
    /// Whether rules of use bind it.
    pub governed: bool,
    /// Its key.
    pub signer: Arc<dyn Signer>,
    /// The key's name in custody.
    pub key_label: String,
    cms: ChainSigner,
    ses: Ses,
}

impl std::fmt::Debug for ReadySeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReadySeal({} version {})", self.summary.id, self.summary.version)
    }
}

impl CmsSigner for ReadySeal {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.cms.digest_algorithm()
    }

    fn size_hint(&self) -> usize {
        self.cms.max_len()
    }

    fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.cms.sign(content_digest)?)
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
    /// It was made in a suite that this program does not have.
    #[error(transparent)]
    Suite(#[from] UnknownSuite),
    /// Key and certificate do not fit.
    #[error(transparent)]
    Cms(#[from] CmsSignError),
    /// Nothing may be signed with its SESeal.
    #[error("seal `{id}` cannot sign by GB/T 38540: {error}")]
    Ses {
        /// The seal.
        id: String,
        /// The step that did not pass.
        error: eseal::signature::SignError,
    },
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
            SealState::Suspended => return Err(unusable("it is suspended; an officer resumes it")),
            SealState::Expired => return Err(unusable("its time is over; apply for it to be renewed")),
            SealState::Cancelled => return Err(unusable("it is cancelled")),
        }
        let row = db.row(&CERTIFICATES, &record.summary.certificate).await?;
        let row = row.ok_or_else(|| unusable("its certificate is not on record"))?;
        match text(&row, "state") {
            "good" => {}
            "held" => return Err(unusable("its certificate is on hold")),
            _ => return Err(unusable("its certificate is revoked")),
        }
        let certificate = Certificate::from_der(row.value("der").as_bytes().unwrap_or_default())?;
        let above = |one: &&Certificate| one.subject_key_id() == certificate.authority_key_id();
        let chain: Vec<Certificate> = chain.iter().filter(above).cloned().collect();
        let suite = Suite::by_name(record.summary.suite())?;
        let signer = custody.signer(&record.key_label)?;
        let cms = ChainSigner::new(signer.clone(), &certificate, &chain)?;
        let ses = Ses::of(db, &record.summary, &certificate).await?;
        let seal = Arc::new(ReadySeal {
            image: Arc::new(super::picture::read(&record.picture)?),
            governed: record.summary.governed,
            key_label: record.key_label,
            summary: record.summary,
            certificate_version: row.version(),
            certificate,
            suite,
            signer,
            cms,
            ses,
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
    /// What signs SES_Signatures with it, and the maker's certificate that this rests on.
    ///
    /// # Errors
    /// [`SealError`]: it has no SESeal, or nothing may be signed with it.
    pub fn sealer(&self) -> Result<(&Sealer, &Maker), SealError> {
        let id = || self.summary.id.clone();
        match &self.ses {
            Ses::Ready(sealer, maker) => Ok((sealer, maker)),
            Ses::Absent => Err(SealError::NotUsable {
                id: id(),
                reason: "it has no SESeal (GB/T 38540); have it renewed, or ask for `format=cms`",
            }),
            Ses::Refused(error) => Err(SealError::Ses { id: id(), error: error.clone() }),
        }
    }

    /// Its picture with its size on paper.
    #[must_use]
    pub fn picture(&self) -> Picture {
        let (width_mm, height_mm) = (self.summary.width_mm, self.summary.height_mm);
        Picture { image: self.image.clone(), width_mm, height_mm }
    }

    /// Whether it and its certificate are valid at `now` (Unix seconds); a seal is not used outside of that.
    ///
    /// # Errors
    /// [`SealError::NotUsable`].
    pub fn usable_at(&self, now: i64) -> Result<(), SealError> {
        let not = |reason| Err(SealError::NotUsable { id: self.summary.id.clone(), reason });
        if self.summary.valid_to.is_some_and(|end| end.as_second() < now) {
            return not("its time is over; apply for it to be renewed");
        }
        if self.summary.valid_from.is_some_and(|begin| begin.as_second() > now) {
            return not("its time has not begun");
        }
        if !self.certificate.is_valid_at(now) {
            return not("its certificate is outside of its validity");
        }
        Ok(())
    }
}
