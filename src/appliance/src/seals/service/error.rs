//! Why a step of a seal's life was not taken, and how that reaches whoever asked.

use custody::CustodyError;
use pdf::appearance::ImageError;

use super::super::state::{ApplicationState, Intervention, Operation, SealState, Trust};
use crate::app::StartError;
use crate::certificates::CertificateError;
use crate::documents::model::BadParameter;
use crate::journal::CommitError;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why a step of a seal's life was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// A parameter cannot be meant.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// The picture is not fit for a seal.
    #[error("the picture cannot be used: {0}")]
    Picture(#[from] ImageError),
    /// A new seal is to have a name that is taken; names are never reused.
    #[error("there is a seal `{0}` already; choose another identifier, or apply for a change")]
    Taken(String),
    /// There is no such seal.
    #[error("there is no seal `{0}`; apply for it to be made")]
    Unknown(String),
    /// The organisation is not registered or not active.
    #[error("organisation `{0}` is not registered, or not active")]
    Organisation(String),
    /// The seal's state does not allow what is applied for.
    #[error("seal `{seal}` is {}; `{}` is not possible", state.as_str(), operation.as_str())]
    Operation {
        /// The seal.
        seal: String,
        /// Its state.
        state: SealState,
        /// What was applied for.
        operation: Operation,
    },
    /// What is known against the seal's key or certificate does not allow what is applied for.
    #[error("{}; `{}` is not possible: {}", trust_text(seal, *trust), operation.as_str(), way_text(*trust))]
    Untrusted {
        /// The seal.
        seal: String,
        /// What was applied for.
        operation: Operation,
        /// What is known.
        trust: Trust,
    },
    /// The seal's state does not allow what the officer wants.
    #[error("seal `{seal}` is {}; `{}` is not possible{}", state.as_str(), act.as_str(), revoked_text(*.revoked))]
    Intervention {
        /// The seal.
        seal: String,
        /// Its state.
        state: SealState,
        /// Whether its certificate is revoked.
        revoked: bool,
        /// What was wanted.
        act: Intervention,
    },
    /// Another application about the seal is open.
    #[error(
        "application `{application}` about seal `{seal}` is open; have it carried out, refused or withdrawn first"
    )]
    Open {
        /// The seal.
        seal: String,
        /// The application.
        application: String,
    },
    /// The application is not in the state that the step takes.
    #[error("application `{application}` is {}, so this cannot be done with it", state.as_str())]
    Closed {
        /// The application.
        application: String,
        /// Its state.
        state: ApplicationState,
    },
    /// The idempotency key was used with another application.
    #[error("the idempotency key was used with another application")]
    KeyReused,
    /// All numbers of a division are given out.
    #[error("division `{0}` has no seal code left")]
    Exhausted(String),
    /// Too many others take numbers at the same time.
    #[error("no number could be had; try again")]
    Busy,
    /// The hierarchy has no authority or seal maker for the suite.
    #[error("no authority issues seals of suite `{0}`; extend the key hierarchy or apply for another suite")]
    Suite(String),
    /// The structure of the seal could not be made.
    #[error("the seal structure was not made: {0}")]
    Structure(String),
    /// The key was not made.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The certificate was not made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// An authority cannot be used.
    #[error(transparent)]
    Authority(#[from] StartError),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A rule of another capability forbids it.
    #[error("{}", .0.detail())]
    Refused(Problem),
}

fn revoked_text(revoked: bool) -> &'static str {
    if revoked { ", for its certificate is revoked: apply for it to be made anew" } else { "" }
}

fn trust_text(seal: &str, trust: Trust) -> String {
    match trust {
        Trust::Held => format!("the certificate of seal `{seal}` is on hold"),
        Trust::Sound | Trust::Lost => {
            format!("the key of seal `{seal}` may be in other hands, or its certificate is revoked")
        }
    }
}

fn way_text(trust: Trust) -> &'static str {
    match trust {
        Trust::Held => "resume the seal or release the certificate, or apply for `remake` or `cancel`",
        Trust::Sound | Trust::Lost => "apply for `remake` or `cancel`",
    }
}

impl From<Problem> for LifeError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<LifeError> for Problem {
    fn from(error: LifeError) -> Self {
        let text = error.to_string();
        match error {
            LifeError::Parameter(error) => error.into(),
            LifeError::Picture(_) => Self::new(Kind::InvalidParameter, text)
                .with("parameter", "picture")
                .with("zh", "印模图片不可用"),
            LifeError::Organisation(_) => Self::new(Kind::InvalidParameter, text)
                .with("parameter", "organisation")
                .with("zh", "单位未登记或已停用"),
            LifeError::Suite(_) => Self::new(Kind::InvalidParameter, text)
                .with("parameter", "suite")
                .with("zh", "未配置该密码套件的签发机构"),
            LifeError::Taken(_) => Self::new(Kind::Conflict, text).with("zh", "印章标识已被使用"),
            LifeError::Unknown(_) => Self::new(Kind::NotFound, text).with("zh", "没有该印章"),
            LifeError::Operation { state, .. } => Self::new(Kind::SealStateForbids, text)
                .with("state", state.as_str())
                .with("zh", format!("印章当前状态为“{}”，不能办理此事项", state.zh())),
            LifeError::Untrusted { trust: Trust::Held, .. } => Self::new(Kind::SealStateForbids, text)
                .with("zh", "印章证书处于冻结状态，请先启用印章或解除冻结；否则只能申请补制或注销"),
            LifeError::Untrusted { .. } => Self::new(Kind::SealStateForbids, text)
                .with("zh", "印章密钥可能已泄露或遗失，或证书已被撤销，只能申请补制或注销"),
            LifeError::Intervention { state, .. } => Self::new(Kind::SealStateForbids, text)
                .with("state", state.as_str())
                .with("zh", format!("印章当前状态为“{}”，不能进行此操作", state.zh())),
            LifeError::Open { application, .. } => Self::new(Kind::SealApplicationOpen, text)
                .with("application", application)
                .with("zh", "该印章有尚未办结的申请"),
            LifeError::Closed { state, .. } => Self::new(Kind::SealApplicationClosed, text)
                .with("state", state.as_str())
                .with("zh", "申请的当前状态不允许此操作"),
            LifeError::KeyReused => {
                Self::new(Kind::IdempotencyKeyReused, "Use a new key for a new request; this one is taken.")
            }
            LifeError::Exhausted(_) => {
                Self::new(Kind::Conflict, text).with("zh", "该行政区划的印章编码已用完")
            }
            LifeError::Busy => Self::new(Kind::Overloaded, text).retry_after(1),
            LifeError::Custody(error) => error.into(),
            LifeError::Certificate(error) => error.into(),
            LifeError::Commit(error) => error.into(),
            LifeError::Store(error) => error.into(),
            LifeError::Refused(problem) => problem,
            LifeError::Authority(_) | LifeError::Structure(_) => Self::internal(text),
        }
    }
}
