//! Why an authority or signer was not entered, replaced or certified.

use custody::CustodyError;

use crate::app::StartError;
use crate::certificates::CertificateError;
use crate::journal::CommitError;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The register cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The act could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A key cannot be made or used.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// No certificate was issued.
    #[error(transparent)]
    Certificate(Box<CertificateError>),
    /// An authority's certificate cannot be read.
    #[error(transparent)]
    Start(Box<StartError>),
    /// A rule stands against it.
    #[error("{}", .0.detail())]
    Refused(Problem),
}

impl From<StartError> for AuthorityError {
    fn from(error: StartError) -> Self {
        Self::Start(Box::new(error))
    }
}

impl From<CertificateError> for AuthorityError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(Box::new(error))
    }
}

impl From<Problem> for AuthorityError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<AuthorityError> for Problem {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Store(error) => error.into(),
            AuthorityError::Commit(error) => error.into(),
            AuthorityError::Custody(error) => error.into(),
            AuthorityError::Certificate(error) => (*error).into(),
            AuthorityError::Start(error) => match *error {
                StartError::Awaited(_) => Self::new(Kind::NotReady, format!("{error}.")),
                _ => Self::internal(error),
            },
            AuthorityError::Refused(problem) => problem,
        }
    }
}
