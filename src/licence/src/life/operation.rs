//! What is done to a licence: one table, a line for each operation.

use serde::{Deserialize, Serialize};

use super::State;

/// What is done to a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// 签发: it is issued.
    Issue,
    /// Taken over from elsewhere with its identifier.
    Import,
    /// 变更: a new version with other fields.
    Change,
    /// 延续: a new version with a later end.
    Renew,
    /// 纠错: a new version that mends a mistake.
    Correct,
    /// 年检: the annual check.
    Check,
    /// 挂失: the holder reports it lost.
    ReportLoss,
    /// 补发: a new version in the place of a lost or damaged one.
    Reissue,
    /// 暂扣: suspended.
    Suspend,
    /// Suspension or report of loss lifted.
    Resume,
    /// 注销: cancelled.
    Cancel,
    /// 吊销: revoked.
    Revoke,
    /// 撤销: withdrawn.
    Withdraw,
    /// 转出: transferred out.
    Transfer,
}

/// One line of the table of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationRule {
    /// What is done.
    pub operation: Operation,
    /// In which states, as they are at the time ([`State::at`]); empty for what brings a licence into being.
    pub from: &'static [State],
    /// The stored state afterwards.
    pub to: State,
    /// Whether it makes a version, with documents and credentials of its own.
    pub version: bool,
    /// Whether whoever does it must say why, in words.
    pub reason: bool,
    /// Whether a legal basis (a provision) must be named.
    pub basis: bool,
    /// Whether one of the grounds that the law knows must be named.
    pub ground: bool,
}

/// All operations.
///
/// The grounds are in the Administrative Licensing Law (行政许可法) art. 50 (renewal; decided late, the right went on, so what has
/// expired meanwhile may be renewed), 69 (withdrawal, also of what has expired), 70 (cancellation: above all of what expired and
/// was not renewed), and the Administrative Penalty Law (行政处罚法) art. 9 (suspension and revocation of licences).
pub const OPERATIONS: [OperationRule; 14] = {
    use Operation as O;
    use State::{Active, Cancelled, Expired, Lost, Revoked, Suspended, Transferred, Withdrawn};
    const STANDING: &[State] = &[Active, Suspended, Lost, Expired];
    const PLAIN: OperationRule = OperationRule {
        operation: O::Issue,
        from: &[],
        to: Active,
        version: false,
        reason: false,
        basis: false,
        ground: false,
    };
    const VERSION: OperationRule = OperationRule { version: true, ..PLAIN };
    const END: OperationRule =
        OperationRule { from: STANDING, reason: true, basis: true, ground: true, ..PLAIN };
    [
        OperationRule { operation: O::Issue, ..VERSION },
        OperationRule { operation: O::Import, ..VERSION },
        OperationRule { operation: O::Change, from: &[Active], reason: true, ..VERSION },
        OperationRule { operation: O::Renew, from: &[Active, Expired], ..VERSION },
        OperationRule { operation: O::Correct, from: &[Active], reason: true, ..VERSION },
        OperationRule { operation: O::Check, from: &[Active], ..PLAIN },
        OperationRule { operation: O::ReportLoss, from: &[Active], to: Lost, reason: true, ..PLAIN },
        OperationRule { operation: O::Reissue, from: &[Active, Lost], reason: true, ..VERSION },
        OperationRule {
            operation: O::Suspend,
            from: &[Active, Lost],
            to: Suspended,
            reason: true,
            basis: true,
            ground: true,
            ..PLAIN
        },
        OperationRule { operation: O::Resume, from: &[Suspended, Lost], reason: true, ..PLAIN },
        OperationRule { operation: O::Cancel, to: Cancelled, ..END },
        OperationRule { operation: O::Revoke, to: Revoked, ..END },
        OperationRule { operation: O::Withdraw, to: Withdrawn, ..END },
        // Nobody moves a licence away from an office that is holding it back.
        OperationRule { operation: O::Transfer, from: &[Active], to: Transferred, basis: false, ..END },
    ]
};

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 14] = [
        Self::Issue,
        Self::Import,
        Self::Change,
        Self::Renew,
        Self::Correct,
        Self::Check,
        Self::ReportLoss,
        Self::Reissue,
        Self::Suspend,
        Self::Resume,
        Self::Cancel,
        Self::Revoke,
        Self::Withdraw,
        Self::Transfer,
    ];

    /// The word in records, in addresses of the API, in definitions of types.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Import => "import",
            Self::Change => "change",
            Self::Renew => "renew",
            Self::Correct => "correct",
            Self::Check => "check",
            Self::ReportLoss => "report-loss",
            Self::Reissue => "reissue",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Revoke => "revoke",
            Self::Withdraw => "withdraw",
            Self::Transfer => "transfer",
        }
    }

    /// Reads the word of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == word)
    }

    /// What Chinese platforms call it.
    #[must_use]
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::Issue => "签发",
            Self::Import => "入库",
            Self::Change => "变更",
            Self::Renew => "延续",
            Self::Correct => "纠错",
            Self::Check => "年检",
            Self::ReportLoss => "挂失",
            Self::Reissue => "补发",
            Self::Suspend => "暂扣",
            Self::Resume => "恢复",
            Self::Cancel => "注销",
            Self::Revoke => "吊销",
            Self::Withdraw => "撤销",
            Self::Transfer => "转出",
        }
    }

    /// What an English page calls it.
    #[must_use]
    pub const fn word_en(self) -> &'static str {
        match self {
            Self::Issue => "issued",
            Self::Import => "taken over",
            Self::Change => "changed",
            Self::Renew => "renewed",
            Self::Correct => "corrected",
            Self::Check => "checked",
            Self::ReportLoss => "reported lost",
            Self::Reissue => "issued anew",
            Self::Suspend => "suspended",
            Self::Resume => "resumed",
            Self::Cancel => "cancelled",
            Self::Revoke => "revoked",
            Self::Withdraw => "withdrawn",
            Self::Transfer => "transferred",
        }
    }

    /// Its line of the table.
    #[must_use]
    pub const fn rule(self) -> &'static OperationRule {
        static RULES: [OperationRule; 14] = OPERATIONS;
        let [
            issue,
            import,
            change,
            renew,
            correct,
            check,
            report_loss,
            reissue,
            suspend,
            resume,
            cancel,
            revoke,
            withdraw,
            transfer,
        ] = &RULES;
        match self {
            Self::Issue => issue,
            Self::Import => import,
            Self::Change => change,
            Self::Renew => renew,
            Self::Correct => correct,
            Self::Check => check,
            Self::ReportLoss => report_loss,
            Self::Reissue => reissue,
            Self::Suspend => suspend,
            Self::Resume => resume,
            Self::Cancel => cancel,
            Self::Revoke => revoke,
            Self::Withdraw => withdraw,
            Self::Transfer => transfer,
        }
    }

    /// Whether it brings a licence into being.
    #[must_use]
    pub const fn begins(self) -> bool {
        matches!(self, Self::Issue | Self::Import)
    }

    /// Whether it ends the licence for ever.
    #[must_use]
    pub const fn ends(self) -> bool {
        self.rule().to.has_ended()
    }

    /// Whether it makes a version.
    #[must_use]
    pub const fn makes_version(self) -> bool {
        self.rule().version
    }

    /// Whether the fields may differ afterwards.
    #[must_use]
    pub const fn takes_fields(self) -> bool {
        matches!(self, Self::Issue | Self::Import | Self::Change | Self::Correct | Self::Renew)
    }

    /// Whether a reason must be given, in words.
    #[must_use]
    pub const fn needs_reason(self) -> bool {
        self.rule().reason
    }

    /// Whether a legal basis must be named.
    #[must_use]
    pub const fn needs_basis(self) -> bool {
        self.rule().basis
    }

    /// Whether a [`super::Ground`] must be named.
    #[must_use]
    pub const fn needs_ground(self) -> bool {
        self.rule().ground
    }

    /// Whether a type whose definition lists `operations` allows it. Issuing needs no line; resuming goes with what it lifts, so
    /// that no type can hold a licence back for ever.
    #[must_use]
    pub fn allowed_by(self, operations: &[Self]) -> bool {
        match self {
            Self::Issue => true,
            Self::Resume => {
                let lifts = [Self::Resume, Self::Suspend, Self::ReportLoss];
                operations.iter().any(|listed| lifts.contains(listed))
            }
            other => operations.contains(&other),
        }
    }
}
