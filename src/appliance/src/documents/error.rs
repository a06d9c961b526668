//! Why a document was not sealed, a digest or a file not signed.

use pdf::sign::SignError;

use super::replay::ReplayError;
use super::sealing::Failed;
use crate::journal::CommitError;
use crate::seals::SealError;
use crate::seals::usage::{RecordError, UsageError};
use crate::store::StoreError;

/// Why a document was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The seal cannot be used.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The document cannot be sealed as asked.
    #[error("seal `{seal}`: {failed}")]
    Sealing {
        /// The seal that could not be set.
        seal: String,
        /// How many were to be set.
        of: usize,
        /// Which of them, and why.
        failed: Box<Failed>,
    },
    /// The repeated request cannot be answered.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It could not be recorded, so it does not leave.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work was cut off.
    #[error("too many documents are worked on")]
    Overloaded,
    /// What came cannot be read again.
    #[error("what came cannot be read again: {0}")]
    Unread(std::io::Error),
    /// A digest was not signed.
    #[error(transparent)]
    Signing(SignError),
    /// What was signed is no CMS.
    #[error("what was signed does not read: {0}")]
    Cms(#[from] pki::cms::CmsError),
    /// The space reserved is too small for what would be signed.
    #[error(
        "{reserved} octets are reserved, the signature takes up to {needed}: prepare the document again with that size"
    )]
    Reserve {
        /// Octets needed.
        needed: usize,
        /// Octets reserved.
        reserved: usize,
    },
    /// The seal signs over another digest.
    #[error("the seal signs over {wanted}, not {asked}: digest the prepared document with that")]
    Algorithm {
        /// The algorithm of its signatures.
        wanted: &'static str,
        /// The one asked for.
        asked: &'static str,
    },
    /// Nothing was asked for.
    #[error("no seal was asked for")]
    NoSeal,
    /// The level cannot be reached.
    #[error(transparent)]
    Level(#[from] super::LevelError),
    /// No rule of use admits it.
    #[error(transparent)]
    Usage(#[from] UsageError),
}

impl From<RecordError> for DocumentError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Usage(error) => Self::Usage(error),
            RecordError::Commit(error) => Self::Commit(error),
        }
    }
}
