//! Why something was not done to a licence, and how that reaches whoever asked.

use licence::life::{Operation, Refusal, State};

use crate::documents::model::BadParameter;
use crate::documents::replay::ReplayError;
use crate::journal::CommitError;
use crate::licences::catalogue::CatalogueError;
use crate::licences::issue::IssueError;
use crate::licences::library::LibraryError;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why something was not done to a licence.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// A parameter cannot be meant.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// The state of the licence or its type does not allow it.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// What is personal of it is needed yet: something may still become of the licence.
    #[error(
        "a licence is erased when nothing can become of it any more, and this one, which is {}, may still be {}; have it cancelled first",
        state.word_en(),
        operation.word_en()
    )]
    LeadsOn {
        /// Where it stands.
        state: State,
        /// What may still be done to it.
        operation: Operation,
    },
    /// What was to change is as it was.
    #[error("nothing would change: name the fields that differ")]
    Nothing,
    /// The licence would become somebody else's.
    #[error(
        "a licence stays its holder's: neither kind nor number of the holder changes; cancel or withdraw it and issue a new one"
    )]
    OtherHolder,
    /// The identifier is of another body than the one that would seal the version.
    #[error(
        "the identifier names the issuing body `{found}`, the seal in use is of `{expected}`; cancel the licence and issue a \
         new one"
    )]
    OtherIssuer {
        /// What stands in the identifier.
        found: String,
        /// Code of the seal's holder.
        expected: String,
    },
    /// The annual check would not reach further.
    #[error("the licence is checked to that day or a later one; name a later day")]
    CheckedAlready,
    /// The check would cover what is over or beyond the licence's end.
    #[error(
        "the check would cover days that have passed, or days after the licence's end; name a day in between"
    )]
    CheckBeyond,
    /// A renewal that begins later would leave the holder without a licence until then.
    #[error("a renewed term counts from a day that has come; name today or an earlier day")]
    Later,
    /// The type cannot be used.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The type changed since it was read.
    #[error("the licence's type was changed at the same time; try again")]
    TypeChanged,
    /// Something else was done to the licence at the same time.
    #[error("something else was done to the licence at the same time; read it again")]
    Lost,
    /// What is kept of the licence cannot be used.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The answer to a repeated request.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The new version could not be made.
    #[error(transparent)]
    Issue(Box<IssueError>),
    /// A rule of another capability forbids it.
    #[error("{}", .0.detail())]
    Elsewhere(Problem),
}

impl From<IssueError> for LifeError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Commit(CommitError::Conflict { table: table @ ("seals" | "certificates"), id }) => {
                Self::Issue(Box::new(IssueError::Commit(CommitError::Conflict { table, id })))
            }
            // Somebody else made a version of that number.
            IssueError::Commit(CommitError::Exists {
                table: "licence_versions" | "licence_artefacts",
                ..
            }) => Self::Lost,
            IssueError::Commit(error) => error.into(),
            other => Self::Issue(Box::new(other)),
        }
    }
}

impl From<CommitError> for LifeError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { table: "licence_types", .. } => Self::TypeChanged,
            CommitError::Conflict { .. } => Self::Lost,
            other => Self::Commit(other),
        }
    }
}

impl From<Problem> for LifeError {
    fn from(problem: Problem) -> Self {
        Self::Elsewhere(problem)
    }
}

impl From<LifeError> for Problem {
    fn from(error: LifeError) -> Self {
        let text = error.to_string();
        let parameter = |name: &str, zh: &str| {
            Self::new(Kind::InvalidParameter, text.clone()).with("parameter", name).with("zh", zh)
        };
        match error {
            LifeError::Parameter(error) => error.into(),
            LifeError::Refused(Refusal::State { state, .. }) => Self::new(Kind::LicenceStateForbids, text)
                .with("state", state.as_str())
                .with("zh", forbidden(state)),
            LifeError::LeadsOn { state, operation } => Self::new(Kind::LicenceStateForbids, text)
                .with("state", state.as_str())
                .with("operation", operation.as_str())
                .with(
                    "zh",
                    format!(
                        "证照当前状态为“{}”，尚可办理“{}”，请先注销",
                        state.word_zh(),
                        operation.word_zh()
                    ),
                ),
            LifeError::Refused(Refusal::NotOfType(operation)) => Self::new(Kind::LicenceTypeForbids, text)
                .with("operation", operation.as_str())
                .with("zh", format!("该类证照不办理“{}”", operation.word_zh())),
            LifeError::Refused(Refusal::NoNumberLeft) => {
                Self::new(Kind::Conflict, text).with("zh", "该证照的版本号已用完，请重新签发")
            }
            LifeError::Refused(Refusal::NotLater) => parameter("valid_from", "延续后的有效期必须更晚"),
            LifeError::Refused(Refusal::Over) => parameter("valid_from", "延续后的有效期已届满"),
            LifeError::Nothing => parameter("fields", "没有要变更的内容"),
            LifeError::OtherHolder => parameter("fields", "持证主体不得变更，请注销后重新签发"),
            LifeError::OtherIssuer { .. } => Self::new(Kind::LicenceTypeUnusable, text)
                .with("zh", "证照标识中的颁发机构与现用印章不一致，请重新签发"),
            LifeError::CheckedAlready => parameter("checked_to", "年检已覆盖该日期"),
            LifeError::CheckBeyond => parameter("checked_to", "年检日期应在今天与有效期截止日之间"),
            LifeError::Later => parameter("valid_from", "延续的起算日不得晚于今天"),
            LifeError::TypeChanged => Self::new(Kind::Conflict, text).with("zh", "证照类型刚刚变更，请重试"),
            LifeError::Lost => Self::new(Kind::Conflict, text).with("zh", "证照同时被他人办理，请重新读取"),
            LifeError::Catalogue(error) => error.into(),
            LifeError::Library(error) => error.into(),
            LifeError::Replay(error) => error.into(),
            LifeError::Commit(error) => error.into(),
            LifeError::Store(error) => error.into(),
            LifeError::Issue(error) => (*error).into(),
            LifeError::Elsewhere(problem) => problem,
        }
    }
}

fn forbidden(state: State) -> String {
    format!("证照当前状态为“{}”，不能办理此事项", state.word_zh())
}
