//! The life of a licence: states, operations, and which operation leads from which state to which.
//!
//! States are the ministry's: 有效, 暂扣, 注销, 吊销, 撤销, 转出; 失效 (expired) is computed from the validity, never stored.
//! Reporting a loss suspends the paper's standing without a fault of the holder, and has a state of its own.
//!
//! Responsible for the rules alone, as tables that can be read and tested exhaustively. Not responsible for who may do what
//! (policies), nor for rows, documents and status lists (the appliance's `licences::life`, which asks [`Life::apply`] before
//! each act). Times are Unix seconds; a licence holds to the end of the second `valid_to`.

mod erasure;
mod ground;
mod operation;
mod step;

pub use erasure::ErasureGround;
pub use ground::Ground;
pub use operation::{OPERATIONS, Operation, OperationRule};
pub use step::{Life, MAX_NUMBER, Refusal, Renewed};

use serde::{Deserialize, Serialize};

/// Where a licence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// 有效: in force.
    Active,
    /// 暂扣: suspended by the issuing body, may be resumed.
    Suspended,
    /// 挂失: reported lost, until the holder has it again or it is issued anew.
    Lost,
    /// 注销: ended at the holder's wish or because its ground has gone.
    Cancelled,
    /// 吊销: ended as a punishment.
    Revoked,
    /// 撤销: withdrawn, because it should not have been issued.
    Withdrawn,
    /// 转出: transferred to another issuing body.
    Transferred,
    /// 失效: its time is over. Computed, never stored.
    Expired,
}

/// What the verification interface answers about a licence's standing (GB/T 36906, verify-info); the further codes 4 to 6 are
/// about the request and not about the licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8")]
#[repr(u8)]
pub enum ResultCode {
    /// 0: correct and valid.
    Valid = 0,
    /// 1: not yet active.
    NotYetActive = 1,
    /// 2: suspended.
    Suspended = 2,
    /// 3: void.
    Void = 3,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Active,
        Self::Suspended,
        Self::Lost,
        Self::Cancelled,
        Self::Revoked,
        Self::Withdrawn,
        Self::Transferred,
        Self::Expired,
    ];

    /// The word in records and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
            Self::Transferred => "transferred",
            Self::Expired => "expired",
        }
    }

    /// Reads the word of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The ministry's word.
    #[must_use]
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::Active => "有效",
            Self::Suspended => "暂扣",
            Self::Lost => "挂失",
            Self::Cancelled => "注销",
            Self::Revoked => "吊销",
            Self::Withdrawn => "撤销",
            Self::Transferred => "转出",
            Self::Expired => "失效",
        }
    }

    /// What an English page says.
    #[must_use]
    pub const fn word_en(self) -> &'static str {
        match self {
            Self::Active => "valid",
            Self::Suspended => "suspended",
            Self::Lost => "reported lost",
            Self::Cancelled => "cancelled",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
            Self::Transferred => "transferred to another issuing body",
            Self::Expired => "expired",
        }
    }

    /// The stored state as it is at `now`. Only what is active expires: of what is suspended or lost that word says more, and
    /// [`Self::result_code`] calls it void all the same once its time is over.
    #[must_use]
    pub fn at(self, valid_to: Option<i64>, now: i64) -> Self {
        match self {
            Self::Active if valid_to.is_some_and(|end| end < now) => Self::Expired,
            state => state,
        }
    }

    /// The state after an operation; `None` where it is not allowed in this one. [`Self::Expired`] is asked about as it is
    /// seen, and the answer is what to store.
    #[must_use]
    pub fn after(self, operation: Operation) -> Option<Self> {
        let rule = operation.rule();
        rule.from.contains(&self).then_some(rule.to)
    }

    /// Whether it has ended for ever: no operation leads on.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Cancelled | Self::Revoked | Self::Withdrawn | Self::Transferred)
    }

    /// Whether it may stand in a row.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        !matches!(self, Self::Expired)
    }

    /// What GB/T 36906 answers about a licence in this stored state.
    #[must_use]
    pub fn result_code(self, valid_from: i64, valid_to: Option<i64>, now: i64) -> ResultCode {
        match self {
            Self::Cancelled | Self::Revoked | Self::Withdrawn | Self::Transferred | Self::Expired => {
                ResultCode::Void
            }
            _ if valid_to.is_some_and(|end| end < now) => ResultCode::Void,
            Self::Suspended | Self::Lost => ResultCode::Suspended,
            Self::Active if now < valid_from => ResultCode::NotYetActive,
            Self::Active => ResultCode::Valid,
        }
    }

    /// The value of the licence's entry in a Token Status List: 0 valid, 1 invalid, 2 suspended. Expiry is no status: the
    /// credential itself says when it ends.
    #[must_use]
    pub const fn status_value(self) -> u8 {
        match self {
            Self::Active | Self::Expired => 0,
            Self::Cancelled | Self::Revoked | Self::Withdrawn | Self::Transferred => 1,
            Self::Suspended | Self::Lost => 2,
        }
    }
}

impl ResultCode {
    /// Every answer about a standing.
    pub const ALL: [Self; 4] = [Self::Valid, Self::NotYetActive, Self::Suspended, Self::Void];

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// In Chinese.
    #[must_use]
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::Valid => "正确且有效",
            Self::NotYetActive => "未生效",
            Self::Suspended => "暂停使用",
            Self::Void => "已失效",
        }
    }

    /// In English.
    #[must_use]
    pub const fn word_en(self) -> &'static str {
        match self {
            Self::Valid => "correct and valid",
            Self::NotYetActive => "not yet active",
            Self::Suspended => "suspended",
            Self::Void => "void",
        }
    }
}

impl From<ResultCode> for u8 {
    fn from(code: ResultCode) -> Self {
        code.number()
    }
}
