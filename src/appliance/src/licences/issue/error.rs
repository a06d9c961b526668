//! Why a licence was not issued, and how a caller is told.

use licence::catalogue::FieldFault;
use serde_json::json;

use crate::documents::DocumentError;
use crate::documents::replay::ReplayError;
use crate::journal::CommitError;
use crate::licences::library::LibraryError;
use crate::licences::status::StatusError;
use crate::problem::{Kind, Problem};
use crate::seals::SealError;
use crate::seals::usage::{RecordError, UsageError};
use crate::store::StoreError;

/// Why a licence, or a version of one, was not made. Nothing of it is on record then, [`CommitError::OutcomeUnknown`]
/// excepted; numbers and status entries that were taken stay unused.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The keystore is sealed.
    #[error("the keystore is sealed")]
    Sealed,
    /// The organisation does not issue licences of the type.
    #[error(
        "organisation `{organisation}` does not issue licences of type `{code}`; its definition lists who does"
    )]
    NotIssuer {
        /// The type.
        code: String,
        /// The organisation.
        organisation: String,
    },
    /// Fields that do not fit the type.
    #[error("the licence does not fit its type: {} of its fields are wrong", .0.len())]
    Fields(Vec<FieldFault>),
    /// The type's definition names no seal for the organisation.
    #[error("type `{code}` names no seal for organisation `{organisation}`; publish a version that does")]
    NoSeal {
        /// The type.
        code: String,
        /// The organisation.
        organisation: String,
    },
    /// The seal is somebody else's.
    #[error(
        "seal `{seal}` is not of organisation `{organisation}`; a licence is sealed by the body that issues it"
    )]
    ForeignSeal {
        /// The seal.
        seal: String,
        /// The organisation.
        organisation: String,
    },
    /// The seal does not say whose it is.
    #[error(
        "seal `{0}` names no credit code of its holder, which identifiers of licences need; have it changed"
    )]
    NoIssuerCode(String),
    /// What was asked for as serial, date or key cannot be taken.
    #[error("`{parameter}`: {reason}")]
    Parameter {
        /// Its name.
        parameter: &'static str,
        /// What is wrong, and how to mend it.
        reason: String,
    },
    /// The serial is taken.
    #[error("there is a licence `{0}` already; leave `serial` out to have the next free one")]
    Taken(String),
    /// The template does not render these fields.
    #[error("the page cannot be made: {0}")]
    Page(String),
    /// The credential or the QR symbol cannot be made.
    #[error("the credential cannot be made: {0}")]
    Credential(String),
    /// Too many numbers are taken at the same time.
    #[error("too many licences are numbered at the same time; try again")]
    Busy,
    /// Refused by another part, in words for the caller.
    #[error("refused: {0:?}")]
    Refused(Problem),
    /// The library.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A place in the status lists.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The seal.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Sealing.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The seal's rules of use.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The idempotency key.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IssueError {
    /// What of the seal has changed since it was made ready: to be read again, once.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(
            self,
            Self::Commit(
                CommitError::Conflict { table: "seals" | "certificates", .. }
                    | CommitError::Exists { table: "licence_statuses", .. }
            )
        )
    }

    /// Whether it stands in the way of every licence that is asked for alike, until somebody mends it: the caller's permit,
    /// the type, the seal and its rules of use. Nothing is wrong with the order itself.
    #[must_use]
    pub fn concerns_all(&self) -> bool {
        match self {
            Self::NotIssuer { .. }
            | Self::NoSeal { .. }
            | Self::ForeignSeal { .. }
            | Self::NoIssuerCode(_)
            | Self::Seal(_)
            | Self::Usage(_) => true,
            Self::Refused(problem) => problem.kind().status().is_client_error(),
            _ => false,
        }
    }

    /// Whether trying the same again may help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            // An entry that no leaf holds or that has no form, a row that no table takes: they never will.
            Self::Commit(
                CommitError::TooLarge { .. }
                | CommitError::Canonical(_)
                | CommitError::Row { .. }
                | CommitError::Reference { .. },
            ) => false,
            Self::Sealed | Self::Busy | Self::Commit(_) | Self::Store(_) | Self::Status(_) => true,
            other => !Problem::from(other.told()).kind().status().is_client_error(),
        }
    }

    /// The same without what it was caused by, for those who only ask how it would be told.
    fn told(&self) -> Told {
        match self {
            Self::Library(LibraryError::Store(_) | LibraryError::Custody(_) | LibraryError::Sealed)
            | Self::Seal(SealError::Store(_) | SealError::Custody(_))
            | Self::Document(DocumentError::Overloaded | DocumentError::Store(_) | DocumentError::Level(_)) => {
                Told(Kind::Overloaded)
            }
            Self::Refused(problem) => Told(problem.kind()),
            _ => Told(Kind::InvalidParameter),
        }
    }
}

struct Told(Kind);

impl From<Told> for Problem {
    fn from(told: Told) -> Self {
        Self::new(told.0, "")
    }
}

impl From<RecordError> for IssueError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Usage(error) => error.into(),
            RecordError::Commit(error) => error.into(),
        }
    }
}

impl From<Problem> for IssueError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let text = error.to_string();
        match error {
            IssueError::Sealed => {
                Self::new(Kind::Sealed, "An operator must unseal the appliance with `cinnabar unseal`.")
                    .retry_after(30)
            }
            IssueError::NotIssuer { .. } => {
                Self::new(Kind::LicenceTypeUnusable, text).with("zh", "本机构不是该证照类型的颁发机构")
            }
            IssueError::Fields(faults) => {
                let each =
                    faults.iter().map(|one| json!({ "pointer": one.pointer, "zh": one.zh, "en": one.en }));
                Self::new(Kind::LicenceUnsound, text)
                    .with("errors", each.collect::<Vec<_>>())
                    .with("zh", "证照内容不符合该类型的要求")
            }
            IssueError::NoSeal { .. } | IssueError::ForeignSeal { .. } | IssueError::NoIssuerCode(_) => {
                Self::new(Kind::LicenceTypeUnusable, text).with("zh", "该证照类型没有可用的本机构印章")
            }
            IssueError::Parameter { parameter, .. } => {
                Self::new(Kind::InvalidParameter, text).with("parameter", parameter)
            }
            IssueError::Taken(id) => {
                Self::new(Kind::Conflict, text).with("licence", id).with("zh", "该流水号已被使用")
            }
            IssueError::Page(_) => Self::new(Kind::LicenceUnsound, text).with("zh", "证照版面无法生成"),
            IssueError::Credential(_) => {
                Self::new(Kind::LicenceUnsound, text).with("zh", "证照的电子凭证无法生成")
            }
            IssueError::Busy => Self::new(Kind::Overloaded, text).retry_after(1),
            IssueError::Refused(problem) => problem,
            IssueError::Library(error) => error.into(),
            IssueError::Status(error) => error.into(),
            IssueError::Seal(error) => error.into(),
            IssueError::Document(error) => error.into(),
            IssueError::Usage(error) => error.into(),
            IssueError::Replay(error) => error.into(),
            IssueError::Commit(error) => error.into(),
            IssueError::Store(error) => error.into(),
        }
    }
}
