//! Why something was not done in the catalogue, and how that reaches whoever asked.

use licence::catalogue::Fault;
use serde_json::json;

use super::model::TypeState;
use crate::journal::CommitError;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why something was not done in the catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// There is no such type, or no version of it was published.
    #[error("there is no published licence type `{0}`; look it up in the catalogue")]
    Unknown(String),
    /// There is no such version.
    #[error("licence type `{code}` has no version {number}")]
    NoVersion {
        /// The type.
        code: String,
        /// The version asked for.
        number: i64,
    },
    /// The type is retired.
    #[error("licence type `{0}` is retired; nothing is issued or published of it any more")]
    Retired(String),
    /// The definition or its templates have faults.
    #[error("the definition has {} fault(s); the first: {}", .0.len(), first(.0))]
    Faults(Vec<Fault>),
    /// The version is not in the state that the step takes.
    #[error("version {number} of licence type `{code}` is {}, so this cannot be done with it", state.as_str())]
    Step {
        /// The type.
        code: String,
        /// The version.
        number: i64,
        /// Where it stands.
        state: TypeState,
    },
    /// A later version is in force.
    #[error("version {published} of licence type `{code}` is in force already; draft a new one from it")]
    Overtaken {
        /// The type.
        code: String,
        /// The version in force.
        published: i64,
    },
    /// Another organisation keeps the type.
    #[error("licence type `{0}` is kept by another organisation; that one drafts its versions")]
    Kept(String),
    /// The organisation is not registered or not active.
    #[error("organisation `{0}` is not registered, or not active")]
    Organisation(String),
    /// The idempotency key was used with another draft.
    #[error("the idempotency key was used with another draft")]
    KeyReused,
    /// Too many others draft the same type at the same time.
    #[error("others draft this type at the same time; try again")]
    Busy,
    /// What is stored does not read any more.
    #[error("version {number} of licence type `{code}` cannot be used: {reason}")]
    Damaged {
        /// The type.
        code: String,
        /// The version.
        number: i64,
        /// What is wrong.
        reason: String,
    },
    /// It could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that every act needs is missing.
    #[error("{}", .0.detail())]
    Refused(Problem),
}

fn first(faults: &[Fault]) -> String {
    faults.first().map(ToString::to_string).unwrap_or_default()
}

impl From<Problem> for CatalogueError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        let text = error.to_string();
        match error {
            CatalogueError::Unknown(code) => Self::new(Kind::LicenceTypeUnknown, text)
                .with("code", code)
                .with("zh", "没有该证照类型，或尚未发布"),
            CatalogueError::NoVersion { code, .. } => Self::new(Kind::LicenceTypeUnknown, text)
                .with("code", code)
                .with("zh", "该证照类型没有此版本"),
            CatalogueError::Retired(code) => {
                Self::new(Kind::LicenceTypeRetired, text).with("code", code).with("zh", "该证照类型已停用")
            }
            CatalogueError::Faults(faults) => Self::new(Kind::LicenceTypeFaulty, text)
                .with("faults", json!(faults))
                .with("zh", format!("证照类型定义有{}处错误", faults.len())),
            CatalogueError::Step { state, .. } => Self::new(Kind::LicenceTypeStep, text)
                .with("state", state.as_str())
                .with("zh", format!("该版本当前状态为“{}”，不能进行此操作", state.zh())),
            CatalogueError::Overtaken { published, .. } => Self::new(Kind::LicenceTypeStep, text)
                .with("published", published)
                .with("zh", format!("第{published}版已发布，请据此起草新版本")),
            CatalogueError::Kept(code) => Self::new(Kind::Conflict, text)
                .with("code", code)
                .with("zh", "该证照类型由其他单位维护，由其起草新版本"),
            CatalogueError::Organisation(_) => Self::new(Kind::InvalidParameter, text)
                .with("parameter", "organisation")
                .with("zh", "单位未登记或已停用"),
            CatalogueError::KeyReused => {
                Self::new(Kind::IdempotencyKeyReused, "Use a new key for a new request; this one is taken.")
            }
            CatalogueError::Busy => Self::new(Kind::Overloaded, text).retry_after(1),
            CatalogueError::Damaged { .. } => Self::internal(text),
            CatalogueError::Commit(error) => error.into(),
            CatalogueError::Store(error) => error.into(),
            CatalogueError::Refused(problem) => problem,
        }
    }
}
