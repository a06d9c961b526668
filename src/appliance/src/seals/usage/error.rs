//! Why a seal is not used: which condition of which rule was not met, and how to mend it.

use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why a use was not admitted, or could not be decided.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// No rule admits it.
    #[error("no rule of seal `{seal}` admits the use: {}", told(.failures))]
    Refused {
        /// The seal.
        seal: String,
        /// Place among several claims of one act, from 0.
        index: usize,
        /// What each active rule said; empty when there is none.
        failures: Vec<Failure>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No key is open.
    #[error("the keystore is sealed")]
    Sealed,
    /// The clock is not trusted.
    #[error("the clock is not trusted: {0}")]
    Clock(String),
    /// What is kept does not read.
    #[error("a kept rule does not read: {0}")]
    Damaged(String),
    /// Others used it at the same moment, again and again.
    #[error("seal `{0}` is used by too many at the same moment")]
    Contended(String),
}

/// What one rule said of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule.
    pub rule: String,
    /// What it is called.
    pub name: String,
    /// Which condition was not met.
    pub condition: Condition,
}

/// The first condition of a rule that a claim does not meet. Later ones are nearer to admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The caller is not among those named, or lacks role or organisation.
    Who,
    /// The service item is not among those of the rule.
    Item {
        /// Whether the claim said one.
        given: bool,
    },
    /// The document's kind is not among those of the rule.
    DocumentKind {
        /// Whether the claim said one.
        given: bool,
    },
    /// The rule is not in force yet.
    Early {
        /// From when, RFC 3339.
        from: String,
    },
    /// The rule is not in force any more.
    Late {
        /// Until when, RFC 3339.
        to: String,
    },
    /// The rule binds the document, and the claim shows none.
    Blind,
    /// Used as often as the rule allows at all.
    Count {
        /// How often.
        most: u32,
    },
    /// Used as often as the rule allows in this while.
    Rate {
        /// How often.
        most: u32,
        /// Seconds until it may be used again.
        wait: u64,
    },
    /// There is no approval for this document by enough officers.
    Approval {
        /// How many must approve.
        needed: u8,
        /// How many count now.
        given: usize,
        /// The request that comes nearest, if there is one.
        request: Option<String>,
        /// What is wrong.
        lack: Lack,
    },
}

/// Why approvals do not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Nobody asked for this document by this caller.
    NotAsked,
    /// Too few approved, or some of them may no longer.
    TooFew,
    /// The request has expired.
    Expired,
    /// Refused by an officer.
    Refused,
    /// Taken back.
    Withdrawn,
    /// Approvals serve once.
    Used,
    /// Asked for another item, case number or kind of document.
    Other,
}

impl Condition {
    /// Its name in problems.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Who => "who",
            Self::Item { .. } => "item",
            Self::DocumentKind { .. } => "document-kind",
            Self::Early { .. } | Self::Late { .. } => "time",
            Self::Blind => "blind",
            Self::Count { .. } => "count",
            Self::Rate { .. } => "rate",
            Self::Approval { .. } => "approval",
        }
    }

    /// How near to admission the claim came.
    const fn rank(&self) -> u8 {
        match self {
            Self::Who => 0,
            Self::Item { .. } => 1,
            Self::DocumentKind { .. } => 2,
            Self::Early { .. } | Self::Late { .. } => 3,
            Self::Blind => 4,
            Self::Count { .. } => 5,
            Self::Rate { .. } => 6,
            Self::Approval { .. } => 7,
        }
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Blind => Kind::UseBlind,
            Self::Count { .. } | Self::Rate { .. } => Kind::UseLimitReached,
            Self::Approval { .. } => Kind::UseUnapproved,
            _ => Kind::UseNotAdmitted,
        }
    }

    /// What is wrong and how to mend it, in English and Chinese.
    #[must_use]
    pub fn told(&self) -> (String, String) {
        let pair = |en: &str, zh: &str| (en.to_owned(), zh.to_owned());
        match self {
            Self::Who => pair(
                "the rule names other callers, roles or organisations; have a security officer add the caller to it",
                "规则未授权该调用方；请由安全管理员在规则中增加该调用方、角色或机构",
            ),
            Self::Item { given: false } => {
                pair("send the code of the service item as `item`", "请在 `item` 中填写事项编码")
            }
            Self::Item { given: true } => pair(
                "the rule is for other service items; send the right `item`",
                "事项不在规则范围内；请填写正确的事项编码",
            ),
            Self::DocumentKind { given: false } => pair(
                "send the kind of the document as `document_kind`",
                "请在 `document_kind` 中填写文书类型",
            ),
            Self::DocumentKind { given: true } => pair(
                "the rule is for other kinds of documents; send the right `document_kind`",
                "文书类型不在规则范围内；请填写正确的文书类型",
            ),
            Self::Early { from } => {
                (format!("the rule is in force from {from}"), format!("规则自 {from} 起生效"))
            }
            Self::Late { to } => (
                format!("the rule was in force until {to}; have a security officer prolong it"),
                format!("规则已于 {to} 失效；请由安全管理员延长有效期"),
            ),
            Self::Blind => pair(
                "approvals are bound to the document, so send the document itself and not a digest of what is signed",
                "审批与文件内容绑定，不允许盲签；请提交文件本身",
            ),
            Self::Count { most } => (
                format!("the rule allows {most} uses in all, and they are used up"),
                format!("规则允许的 {most} 次用印已用完"),
            ),
            Self::Rate { most, wait } => (
                format!("the rule allows {most} uses in this while; try again in {wait} s"),
                format!("本时段内允许的 {most} 次用印已用完；请在 {wait} 秒后重试"),
            ),
            Self::Approval { needed, given, lack, .. } => lack.told(*needed, *given),
        }
    }
}

impl Lack {
    fn told(self, needed: u8, given: usize) -> (String, String) {
        let pair = |en: &str, zh: &str| (en.to_owned(), zh.to_owned());
        let again = "ask again: POST /v1/seal-uses/requests with its SHA-256";
        match self {
            Self::NotAsked => (
                format!("{needed} officers must approve this very document; {again}"),
                format!("该文件须经 {needed} 名审批人批准；请以文件 SHA-256 提交用印申请"),
            ),
            Self::TooFew => (
                format!("{given} of {needed} approvals count now; wait for the others"),
                format!("需要 {needed} 名审批人批准，目前有效 {given} 名；请等待其余审批"),
            ),
            Self::Expired => {
                (format!("the approvals have expired; {again}"), "审批已过期；请重新申请".to_owned())
            }
            Self::Refused => (
                format!("an officer refused it; read the request, and {again}"),
                "审批人已拒绝；请查看理由后重新申请".to_owned(),
            ),
            Self::Withdrawn => {
                (format!("the request was taken back; {again}"), "申请已撤回；请重新申请".to_owned())
            }
            Self::Used => (
                format!("its approvals are used up, for they serve once; {again}"),
                "该次审批已使用，不得重复使用；请重新申请".to_owned(),
            ),
            Self::Other => pair(
                "it was approved for another item, case number or kind of document; send those of the request",
                "审批对应的事项、办件编号或文书类型不同；请填写与申请一致的内容",
            ),
        }
    }
}

fn told(failures: &[Failure]) -> String {
    if failures.is_empty() {
        return "there is no active rule".to_owned();
    }
    let one = |failure: &Failure| format!("`{}`: {}", failure.name, failure.condition.told().0);
    failures.iter().take(LISTED).map(one).collect::<Vec<_>>().join("; ")
}

/// Rules that a problem names, at most.
const LISTED: usize = 16;

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        match &error {
            UsageError::Refused { seal, index, failures } => refused(seal, *index, failures).log(&error),
            UsageError::Store(_) => {
                Self::new(Kind::StoreUnavailable, "The store does not answer; try again later.")
                    .log(error)
                    .retry_after(5)
            }
            UsageError::Sealed => {
                Self::new(Kind::Sealed, "An operator must unseal the appliance.").retry_after(10)
            }
            UsageError::Clock(_) => {
                Self::new(Kind::ClockUntrusted, "The operator must mend the clock; try again later.")
                    .log(error)
                    .retry_after(30)
            }
            UsageError::Damaged(_) => Self::internal(error),
            UsageError::Contended(_) => {
                Self::new(Kind::Overloaded, "Many use this seal at the same moment; try again shortly.")
                    .log(error)
                    .retry_after(2)
            }
        }
    }
}

/// The problem names the rule that came nearest to admitting the use, and what the others said.
fn refused(seal: &str, index: usize, failures: &[Failure]) -> Problem {
    let Some(nearest) = failures.iter().max_by_key(|failure| failure.condition.rank()) else {
        let detail = "The seal is used by rules only and has none in force; have a security officer set one.";
        return Problem::new(Kind::UseNotAdmitted, detail)
            .with("detail_zh", "该印章须按规则用印，但没有生效的规则；请由安全管理员设置规则。")
            .with("condition", "no-rule")
            .with("seal", seal)
            .with("index", index);
    };
    let (detail, detail_zh) = nearest.condition.told();
    let each = failures.iter().take(LISTED).map(|failure| {
        let (told, told_zh) = failure.condition.told();
        serde_json::json!({
            "rule": failure.rule,
            "name": failure.name,
            "condition": failure.condition.name(),
            "detail": told,
            "detail_zh": told_zh,
        })
    });
    let mut problem = Problem::new(nearest.condition.kind(), format!("Rule `{}`: {detail}.", nearest.name))
        .with("detail_zh", format!("规则“{}”：{detail_zh}。", nearest.name))
        .with("condition", nearest.condition.name())
        .with("rule", nearest.rule.as_str())
        .with("rules", each.collect::<Vec<_>>())
        .with("seal", seal)
        .with("index", index);
    match &nearest.condition {
        Condition::Rate { wait, .. } => problem = problem.retry_after(*wait),
        Condition::Approval { needed, given, request, .. } => {
            problem = problem.with("needed", *needed).with("given", *given);
            if let Some(request) = request {
                problem = problem.with("request", request.as_str());
            }
        }
        _ => {}
    }
    problem
}
