//! Why a trust list is not taken, and how that reaches whoever asked.

use licence::credential::signed::DocumentError;
use licence::trust_list::TrustListError;

use crate::app::StartError;
use crate::fetch::FetchError;
use crate::journal::CommitError;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why a step about trust lists was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RecognitionError {
    /// The list or entry is not signed as it should be.
    #[error("the signed document is not believed: {0}")]
    Document(#[from] DocumentError),
    /// What stands in it does not hold together, or may not follow.
    #[error(transparent)]
    List(#[from] TrustListError),
    /// Its issuer publishes no lists for this platform.
    #[error("`{0}` signs no trust lists for this platform; name it in `recognition.publishers` if it should")]
    Stranger(String),
    /// The certificates of a publisher cannot be read.
    #[error(
        "the certificates of a publisher in `{path}` do not read: {reason}; see `recognition.publishers`"
    )]
    Pinned {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A list of that name is in force from another issuer.
    #[error(
        "the list `{list}` is `{known}`'s, and this one was issued by `{found}`; withdraw the former first"
    )]
    OtherIssuer {
        /// Name of the list.
        list: String,
        /// Who issued the known one.
        known: String,
        /// Who issued this one.
        found: String,
    },
    /// A region claims what is this platform's: a key, a division, an address of status lists, its code.
    #[error("the region `{region}` claims what is this platform's own: {claim}")]
    Own {
        /// The region's code.
        region: String,
        /// What it claims.
        claim: TrustListError,
    },
    /// It cannot be fetched.
    #[error("the trust list was not fetched: {0}")]
    Fetch(#[from] FetchError),
    /// What was fetched is no text.
    #[error("what was fetched is no signed document")]
    NoText,
    /// There is no such list.
    #[error("there is no trust list `{0}`")]
    Unknown(String),
    /// It is not in a state that the step takes.
    #[error("trust list `{id}` is `{state}`, so this cannot be done with it")]
    Closed {
        /// Which.
        id: String,
        /// Its state.
        state: String,
    },
    /// The configuration does not say which region this is.
    #[error("this platform has no entry: set `recognition.region`, its names and divisions")]
    NoRegion,
    /// The hierarchy has no key for publications, or its certificate cannot be used.
    #[error("nothing can be published: {0}")]
    Publisher(String),
    /// An authority cannot be read.
    #[error(transparent)]
    Authority(#[from] StartError),
    /// The act was not entered.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything that is a problem already.
    #[error("{}", .0.detail())]
    Problem(Problem),
}

impl From<Problem> for RecognitionError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<RecognitionError> for Problem {
    fn from(error: RecognitionError) -> Self {
        let text = error.to_string();
        let of = |kind| Self::new(kind, text.clone());
        match error {
            RecognitionError::Document(_) | RecognitionError::Stranger(_) => {
                of(Kind::TrustListRefused).with("zh", "信任清单的签名不可信，未予接收")
            }
            RecognitionError::List(TrustListError::Rollback { .. } | TrustListError::Outdated(_)) => {
                of(Kind::TrustListRefused).with("zh", "信任清单编号不高于已生效的清单，或已过期")
            }
            RecognitionError::List(_)
            | RecognitionError::Own { .. }
            | RecognitionError::OtherIssuer { .. } => {
                of(Kind::TrustListRefused).with("zh", "信任清单内容有误或互相冲突")
            }
            RecognitionError::Fetch(_) | RecognitionError::NoText => of(Kind::InvalidParameter),
            RecognitionError::Unknown(_) | RecognitionError::NoRegion => of(Kind::NotFound),
            RecognitionError::Closed { .. } => of(Kind::Conflict),
            RecognitionError::Publisher(_) | RecognitionError::Pinned { .. } => of(Kind::NotReady),
            RecognitionError::Authority(error) => Self::internal(error),
            RecognitionError::Commit(error) => error.into(),
            RecognitionError::Store(error) => error.into(),
            RecognitionError::Problem(problem) => problem,
        }
    }
}
