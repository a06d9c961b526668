//! What may be wrong when licences are read, and how a caller is told.

use custody::CustodyError;

use super::erased::Erased;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why something of a licence cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The keystore is sealed.
    #[error("the keystore is sealed")]
    Sealed,
    /// There is no such licence, version or artefact.
    #[error("there is no {what} `{id}`")]
    Unknown {
        /// What was looked for: `licence`, `document`.
        what: &'static str,
        /// Its name.
        id: String,
    },
    /// Its data key was destroyed; what it protected is gone for good.
    #[error("what was personal of licence `{0}` was erased")]
    Erased(String),
    /// The same, where it is on record when and why.
    #[error("{0}")]
    ErasedThen(Box<Erased>),
    /// Encrypted data that is not what was written.
    #[error("what is kept of `{id}` was altered: its {kind} does not open")]
    Altered {
        /// The row.
        id: String,
        /// What it is.
        kind: &'static str,
    },
    /// Decrypted, but not of the form that this program writes.
    #[error("what is kept of `{id}` cannot be read: {fault}")]
    Damaged {
        /// The row.
        id: String,
        /// What is wrong.
        fault: String,
    },
    /// No randomness.
    #[error("the system's random source failed")]
    Random,
    /// Others changed the keys at the same time.
    #[error("the keys are being rotated by somebody else; try again")]
    Busy,
    /// A key does not serve.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LibraryError> for Problem {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Sealed => {
                Self::new(Kind::Sealed, "An operator must unseal the appliance with `cinnabar unseal`.")
                    .retry_after(30)
            }
            LibraryError::Unknown { .. } => {
                Self::new(Kind::NotFound, error.to_string()).with("zh", "没有找到")
            }
            LibraryError::Erased(_) => {
                Self::new(Kind::Erased, error.to_string()).with("zh", "该证照的个人信息已删除")
            }
            LibraryError::ErasedThen(erased) => (*erased).into(),
            LibraryError::Busy => {
                Self::new(Kind::Conflict, error.to_string()).with("zh", "密钥正在轮换, 请稍后再试")
            }
            LibraryError::Custody(error) => error.into(),
            LibraryError::Store(error) => error.into(),
            LibraryError::Altered { .. } | LibraryError::Damaged { .. } | LibraryError::Random => {
                Self::internal(error)
            }
        }
    }
}
