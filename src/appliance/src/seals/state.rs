//! The life of a seal as data: states, operations, who does what, and the only transitions there are.
//!
//! Nothing here reads or writes: the service asks it before each act, `cinnabar seal-record states` prints it, and the
//! property test walks it beside a real appliance. Who is permitted is the policies' to say
//! (`policies/authorization/seals.cedar`); [`Hand`] says what the shipped ones hold to.
//!
//! Two machines run beside each other: an application's (applied, approved, carried out) and its seal's. Whatever makes a
//! seal, makes it anew or ends it, is carried out for an approved application, and while an application is open no
//! other about the same seal can be. What must be immediate (suspending, stopping) is an officer's act alone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a seal may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SealState {
    /// 正常: may be used.
    Active,
    /// 停用: may not be used until it is resumed or made anew.
    Suspended,
    /// 过期: its time is over; renewing it makes it active again. Computed, never stored.
    Expired,
    /// 注销: never again.
    Cancelled,
}

/// How far the key and the certificate of a seal can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Nothing is known against them.
    Sound,
    /// The certificate is on hold: whoever put it there releases it, or has the seal made anew.
    Held,
    /// The key may be in other hands, or the certificate is revoked: nothing may lead on from them.
    Lost,
}

/// What an application is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// 制作: a new seal.
    Make,
    /// 变更: another name, picture, size or holder; a new version.
    Change,
    /// 延续: new key and certificate for a further term; a new version.
    Renew,
    /// 补制: new key and certificate after loss or compromise of the key; the former certificate is revoked.
    Remake,
    /// 注销: the end, the certificate revoked with it.
    Cancel,
}

/// What one officer does to a seal without an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Intervention {
    /// 停用.
    Suspend,
    /// 启用.
    Resume,
    /// 紧急停用: whatever state was looked at, on suspicion.
    Stop,
}

/// How far an application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationState {
    /// 已申请.
    Applied,
    /// 已批准: may be carried out.
    Approved,
    /// 不予批准.
    Refused,
    /// 已撤回.
    Withdrawn,
    /// 已办结: carried out.
    Done,
    /// 未能办理: it can never be carried out.
    Failed,
}

/// What moves an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Another person than the applicant finds it in order.
    Approve,
    /// Another person than the applicant does not.
    Refuse,
    /// The applicant, or an officer, takes it back.
    Withdraw,
    /// A third person carries it out.
    CarryOut,
    /// Carrying it out met what cannot change: the organisation is retired.
    Fail,
}

/// Whose hand an act takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hand {
    /// A machine that may seal for the organisation, or an officer.
    Applicant,
    /// A security officer other than the applicant.
    Approver,
    /// A security officer other than the applicant and the approver.
    Maker,
    /// One security officer.
    Officer,
    /// The appliance, in the course of another act.
    Appliance,
}

/// One line of the table of an application's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepRule {
    /// What is done.
    pub step: Step,
    /// By whom.
    pub hand: Hand,
    /// In which state.
    pub from: &'static [ApplicationState],
    /// What comes of it.
    pub to: ApplicationState,
}

/// One line of the table of what may be applied for, and what carrying it out makes of the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationRule {
    /// What is applied for.
    pub operation: Operation,
    /// In which states of the seal; `None` is a seal that is not there yet.
    pub from: &'static [Option<SealState>],
    /// Only while key and certificate are sound. A making that is no [`Operation::Remake`] leaves the former certificate as it
    /// is: one that is to be revoked would stay good (RFC 5280 §5.3.1), one on hold would stay on hold for ever.
    pub sound: bool,
    /// The stored state afterwards; `None` leaves it as it is.
    pub to: Option<SealState>,
}

/// One line of the table of an officer's acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterventionRule {
    /// What is done.
    pub intervention: Intervention,
    /// In which states of the seal.
    pub from: &'static [SealState],
    /// The stored state afterwards.
    pub to: SealState,
    /// Only while the certificate is not revoked.
    pub certificate: bool,
}

/// All steps of applications.
pub const STEPS: [StepRule; 5] = {
    use ApplicationState::{Applied, Approved, Done, Failed, Refused, Withdrawn};
    [
        StepRule { step: Step::Approve, hand: Hand::Approver, from: &[Applied], to: Approved },
        StepRule { step: Step::Refuse, hand: Hand::Approver, from: &[Applied, Approved], to: Refused },
        StepRule { step: Step::Withdraw, hand: Hand::Applicant, from: &[Applied, Approved], to: Withdrawn },
        StepRule { step: Step::CarryOut, hand: Hand::Maker, from: &[Approved], to: Done },
        StepRule { step: Step::Fail, hand: Hand::Appliance, from: &[Approved], to: Failed },
    ]
};

/// All that may be applied for.
pub const OPERATIONS: [OperationRule; 5] = {
    use SealState::{Active, Cancelled, Expired, Suspended};
    const STANDING: &[Option<SealState>] = &[Some(Active), Some(Suspended), Some(Expired)];
    [
        OperationRule { operation: Operation::Make, from: &[None], sound: false, to: Some(Active) },
        OperationRule { operation: Operation::Change, from: STANDING, sound: true, to: None },
        OperationRule { operation: Operation::Renew, from: STANDING, sound: true, to: None },
        OperationRule { operation: Operation::Remake, from: STANDING, sound: false, to: Some(Active) },
        OperationRule { operation: Operation::Cancel, from: STANDING, sound: false, to: Some(Cancelled) },
    ]
};

/// All acts of one officer alone.
pub const INTERVENTIONS: [InterventionRule; 3] = {
    use Intervention::{Resume, Stop, Suspend};
    use SealState::{Active, Expired, Suspended};
    [
        InterventionRule {
            intervention: Suspend,
            from: &[Active, Expired],
            to: Suspended,
            certificate: false,
        },
        InterventionRule { intervention: Resume, from: &[Suspended], to: Active, certificate: true },
        InterventionRule {
            intervention: Stop,
            from: &[Active, Suspended, Expired],
            to: Suspended,
            certificate: false,
        },
    ]
};

impl SealState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Active, Self::Suspended, Self::Expired, Self::Cancelled];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The word that Chinese platforms show.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Active => "正常",
            Self::Suspended => "停用",
            Self::Expired => "过期",
            Self::Cancelled => "注销",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The stored state as it is at `now`, the seal's last second being that of `valid_to` (both in microseconds).
    #[must_use]
    pub fn at(self, valid_to: Option<i64>, now: i64) -> Self {
        let second = |micros: i64| micros.div_euclid(1_000_000);
        match self {
            Self::Active if valid_to.is_some_and(|end| second(end) < second(now)) => Self::Expired,
            state => state,
        }
    }
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 5] = [Self::Make, Self::Change, Self::Renew, Self::Remake, Self::Cancel];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Change => "change",
            Self::Renew => "renew",
            Self::Remake => "remake",
            Self::Cancel => "cancel",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == word)
    }

    fn rule(self) -> Option<&'static OperationRule> {
        OPERATIONS.iter().find(|rule| rule.operation == self)
    }

    /// Whether it may be applied for, and carried out, with the seal in this state; `None`: there is no such seal.
    #[must_use]
    pub fn fits(self, seal: Option<SealState>) -> bool {
        self.rule().is_some_and(|rule| rule.from.contains(&seal))
    }

    /// Whether it may be applied for, and carried out, with key and certificate relied on so far.
    #[must_use]
    pub fn trusts(self, trust: Trust) -> bool {
        self.rule().is_some_and(|rule| !rule.sound || trust == Trust::Sound)
    }

    /// The stored state of the seal after it is carried out on a seal in this stored state.
    #[must_use]
    pub fn result(self, stored: Option<SealState>) -> Option<SealState> {
        self.rule().and_then(|rule| rule.to.or(stored))
    }

    /// Whether it makes a version of the seal.
    #[must_use]
    pub const fn makes(self) -> bool {
        !matches!(self, Self::Cancel)
    }
}

impl Intervention {
    /// Every act.
    pub const ALL: [Self; 3] = [Self::Suspend, Self::Resume, Self::Stop];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Stop => "stop",
        }
    }

    /// The stored state after it, if it may be done: the seal being in this state, its certificate revoked or not.
    #[must_use]
    pub fn result(self, seal: SealState, revoked: bool) -> Option<SealState> {
        let rule = INTERVENTIONS.iter().find(|rule| rule.intervention == self)?;
        (rule.from.contains(&seal) && !(rule.certificate && revoked)).then_some(rule.to)
    }
}

impl ApplicationState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Applied, Self::Approved, Self::Refused, Self::Withdrawn, Self::Done, Self::Failed];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether something can still come of it.
    #[must_use]
    pub fn is_open(self) -> bool {
        STEPS.iter().any(|rule| rule.from.contains(&self))
    }

    /// The state after a step, if it may be taken.
    #[must_use]
    pub fn after(self, step: Step) -> Option<Self> {
        STEPS.iter().find(|rule| rule.step == step && rule.from.contains(&self)).map(|rule| rule.to)
    }
}

impl Step {
    /// The word, also in the addresses of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Refuse => "refuse",
            Self::Withdraw => "withdraw",
            Self::CarryOut => "carry-out",
            Self::Fail => "fail",
        }
    }
}

impl Hand {
    /// Who it is.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applicant => "a sealer of the organisation, or an officer",
            Self::Approver => "a security officer, not the applicant",
            Self::Maker => "a security officer, neither applicant nor approver",
            Self::Officer => "a security officer",
            Self::Appliance => "the appliance",
        }
    }
}

/// The whole table, one line each: act, by whom, from which states, to which.
#[must_use]
pub fn table() -> Vec<[String; 4]> {
    let states = |from: &[Option<SealState>]| {
        let words = from.iter().map(|state| state.map_or("none", SealState::as_str));
        words.collect::<Vec<_>>().join("|")
    };
    let steps = STEPS.iter().map(|rule| {
        let from = rule.from.iter().map(|state| state.as_str()).collect::<Vec<_>>().join("|");
        let act = format!("application {}", rule.step.as_str());
        [act, rule.hand.as_str().to_owned(), from, rule.to.as_str().to_owned()]
    });
    let operations = OPERATIONS.iter().map(|rule| {
        let to = rule.to.map_or("unchanged", SealState::as_str).to_owned();
        let sound = if rule.sound { ", its key trusted" } else { "" };
        let from = states(rule.from) + sound;
        [format!("seal {}", rule.operation.as_str()), Hand::Maker.as_str().to_owned(), from, to]
    });
    let interventions = INTERVENTIONS.iter().map(|rule| {
        let from = rule.from.iter().map(|state| state.as_str()).collect::<Vec<_>>().join("|");
        let act = format!("seal {}", rule.intervention.as_str());
        [act, Hand::Officer.as_str().to_owned(), from, rule.to.as_str().to_owned()]
    });
    steps.chain(operations).chain(interventions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cancelled_stays_cancelled() {
        for operation in Operation::ALL {
            assert!(!operation.fits(Some(SealState::Cancelled)), "{operation:?}");
        }
        for act in Intervention::ALL {
            assert_eq!(act.result(SealState::Cancelled, false), None, "{act:?}");
        }
    }

    #[test]
    fn a_seal_comes_to_be_by_making_alone() {
        for operation in Operation::ALL {
            assert_eq!(operation.fits(None), operation == Operation::Make, "{operation:?}");
        }
        for state in SealState::ALL {
            assert!(!Operation::Make.fits(Some(state)));
        }
    }

    #[test]
    fn nothing_is_carried_out_that_was_not_approved_and_nothing_comes_of_what_has_ended() {
        for state in ApplicationState::ALL {
            let carried = state.after(Step::CarryOut).is_some();
            assert_eq!(carried, state == ApplicationState::Approved, "{state:?}");
            let ended = !matches!(state, ApplicationState::Applied | ApplicationState::Approved);
            assert_eq!(state.is_open(), !ended, "{state:?}");
        }
    }

    #[test]
    fn a_seal_whose_certificate_is_revoked_is_not_resumed_but_remade() {
        assert_eq!(Intervention::Resume.result(SealState::Suspended, true), None);
        assert_eq!(Intervention::Resume.result(SealState::Suspended, false), Some(SealState::Active));
        assert_eq!(Operation::Remake.result(Some(SealState::Suspended)), Some(SealState::Active));
        assert_eq!(Operation::Change.result(Some(SealState::Suspended)), Some(SealState::Suspended));
    }

    #[test]
    fn nothing_leads_on_from_a_key_that_is_not_trusted_but_making_anew_and_ending() {
        for trust in [Trust::Held, Trust::Lost] {
            let fit: Vec<_> = Operation::ALL.into_iter().filter(|one| one.trusts(trust)).collect();
            assert_eq!(fit, [Operation::Make, Operation::Remake, Operation::Cancel], "{trust:?}");
        }
        assert!(Operation::ALL.into_iter().all(|one| one.trusts(Trust::Sound)));
    }

    #[test]
    fn only_an_active_seal_expires() {
        let (end, last, after) = (Some(9_000_000), 9_999_999, 10_000_000);
        assert_eq!(SealState::Active.at(end, after), SealState::Expired);
        assert_eq!(SealState::Active.at(end, last), SealState::Active, "to the end of the second");
        assert_eq!(SealState::Active.at(None, after), SealState::Active);
        assert_eq!(SealState::Suspended.at(end, after), SealState::Suspended);
        assert_eq!(SealState::Cancelled.at(end, after), SealState::Cancelled);
    }

    #[test]
    fn words_are_read_as_they_are_written_and_the_table_has_every_act() {
        assert!(SealState::ALL.iter().all(|s| SealState::parse(s.as_str()) == Some(*s)));
        assert!(Operation::ALL.iter().all(|o| Operation::parse(o.as_str()) == Some(*o)));
        assert!(ApplicationState::ALL.iter().all(|s| ApplicationState::parse(s.as_str()) == Some(*s)));
        let table = table();
        assert_eq!(table.len(), 13);
        assert!(table.iter().any(|line| line[0] == "seal stop" && line[2] == "active|suspended|expired"));
    }
}
