//! Why a licence is suspended or ended: the grounds that the law knows, as words that are no personal data.

use serde::{Deserialize, Serialize};

use super::Operation;

/// A ground. Which operation takes which: [`Self::fits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// 行政处罚: a penalty (行政处罚法 art. 9); suspension and revocation.
    Penalty,
    /// 立案调查: under investigation; suspension.
    Investigation,
    /// 限期整改: to be put in order within a time; suspension.
    Rectification,
    /// 未按期年检: the annual check is overdue; suspension.
    CheckOverdue,
    /// 期满未延续: expired and not renewed (行政许可法 art. 70 (1)); cancellation.
    NotRenewed,
    /// 死亡或者丧失行为能力: of the person it was given to (art. 70 (2)); cancellation.
    Incapacity,
    /// 依法终止: the legal person has come to its end (art. 70 (3)); cancellation.
    Dissolution,
    /// 许可撤回: the permission was taken back for the public good (art. 70 (4), art. 8); cancellation.
    PermissionRecalled,
    /// 不可抗力: force majeure (art. 70 (5)); cancellation.
    ForceMajeure,
    /// 持证人申请: the holder asks for it; cancellation and transfer.
    HoldersRequest,
    /// 滥用职权、玩忽职守: given by abuse or neglect of office (art. 69 (1)); withdrawal.
    AbuseOfOffice,
    /// 超越法定职权: beyond the body's powers (art. 69 (2)); withdrawal.
    BeyondPowers,
    /// 违反法定程序: against the procedure (art. 69 (3)); withdrawal.
    AgainstProcedure,
    /// 不具备申请资格: to somebody who did not qualify (art. 69 (4)); withdrawal.
    NotQualified,
    /// 欺骗、贿赂: got by deceit or bribery (art. 69, second paragraph); withdrawal.
    Deceit,
    /// 管辖变更: another body is responsible now; transfer.
    Jurisdiction,
    /// 其他: the reason says which.
    Other,
}

impl Ground {
    /// Every ground.
    pub const ALL: [Self; 17] = [
        Self::Penalty,
        Self::Investigation,
        Self::Rectification,
        Self::CheckOverdue,
        Self::NotRenewed,
        Self::Incapacity,
        Self::Dissolution,
        Self::PermissionRecalled,
        Self::ForceMajeure,
        Self::HoldersRequest,
        Self::AbuseOfOffice,
        Self::BeyondPowers,
        Self::AgainstProcedure,
        Self::NotQualified,
        Self::Deceit,
        Self::Jurisdiction,
        Self::Other,
    ];

    /// The word in records and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Penalty => "penalty",
            Self::Investigation => "investigation",
            Self::Rectification => "rectification",
            Self::CheckOverdue => "check-overdue",
            Self::NotRenewed => "not-renewed",
            Self::Incapacity => "incapacity",
            Self::Dissolution => "dissolution",
            Self::PermissionRecalled => "permission-recalled",
            Self::ForceMajeure => "force-majeure",
            Self::HoldersRequest => "holders-request",
            Self::AbuseOfOffice => "abuse-of-office",
            Self::BeyondPowers => "beyond-powers",
            Self::AgainstProcedure => "against-procedure",
            Self::NotQualified => "not-qualified",
            Self::Deceit => "deceit",
            Self::Jurisdiction => "jurisdiction",
            Self::Other => "other",
        }
    }

    /// Reads the word of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.as_str() == word)
    }

    /// In Chinese.
    #[must_use]
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::Penalty => "行政处罚",
            Self::Investigation => "立案调查",
            Self::Rectification => "限期整改",
            Self::CheckOverdue => "未按期年检",
            Self::NotRenewed => "有效期届满未延续",
            Self::Incapacity => "持证人死亡或者丧失行为能力",
            Self::Dissolution => "法人或者其他组织依法终止",
            Self::PermissionRecalled => "许可依法撤回",
            Self::ForceMajeure => "不可抗力",
            Self::HoldersRequest => "持证人申请",
            Self::AbuseOfOffice => "滥用职权、玩忽职守作出许可",
            Self::BeyondPowers => "超越法定职权作出许可",
            Self::AgainstProcedure => "违反法定程序作出许可",
            Self::NotQualified => "申请人不具备资格或者不符合法定条件",
            Self::Deceit => "以欺骗、贿赂等不正当手段取得",
            Self::Jurisdiction => "管辖变更",
            Self::Other => "其他",
        }
    }

    /// In English.
    #[must_use]
    pub const fn word_en(self) -> &'static str {
        match self {
            Self::Penalty => "a penalty",
            Self::Investigation => "under investigation",
            Self::Rectification => "to be put in order",
            Self::CheckOverdue => "annual check overdue",
            Self::NotRenewed => "expired and not renewed",
            Self::Incapacity => "the holder died or lost legal capacity",
            Self::Dissolution => "the legal person was dissolved",
            Self::PermissionRecalled => "the permission was taken back",
            Self::ForceMajeure => "force majeure",
            Self::HoldersRequest => "at the holder's request",
            Self::AbuseOfOffice => "given by abuse or neglect of office",
            Self::BeyondPowers => "given beyond the body's powers",
            Self::AgainstProcedure => "given against the procedure",
            Self::NotQualified => "the applicant did not qualify",
            Self::Deceit => "obtained by deceit or bribery",
            Self::Jurisdiction => "another body is responsible",
            Self::Other => "other",
        }
    }

    /// Whether an operation may have this ground.
    #[must_use]
    pub const fn fits(self, operation: Operation) -> bool {
        match operation {
            Operation::Suspend => {
                matches!(
                    self,
                    Self::Penalty
                        | Self::Investigation
                        | Self::Rectification
                        | Self::CheckOverdue
                        | Self::Other
                )
            }
            Operation::Cancel => matches!(
                self,
                Self::NotRenewed
                    | Self::Incapacity
                    | Self::Dissolution
                    | Self::PermissionRecalled
                    | Self::ForceMajeure
                    | Self::HoldersRequest
                    | Self::Other
            ),
            Operation::Revoke => matches!(self, Self::Penalty | Self::Other),
            Operation::Withdraw => matches!(
                self,
                Self::AbuseOfOffice
                    | Self::BeyondPowers
                    | Self::AgainstProcedure
                    | Self::NotQualified
                    | Self::Deceit
                    | Self::Other
            ),
            Operation::Transfer => matches!(self, Self::HoldersRequest | Self::Jurisdiction | Self::Other),
            _ => false,
        }
    }

    /// The grounds that an operation may have, in the order of the law.
    pub fn of(operation: Operation) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |ground| ground.fits(operation))
    }
}
