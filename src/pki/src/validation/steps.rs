//! Collecting what a validation did: steps with their constraints, and how building blocks end.

use super::report::{Block, Constraint, Status, Step};
use crate::indication::{Indication, SubIndication};

/// How a building block or a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conclusion {
    pub indication: Indication,
    pub sub: Option<SubIndication>,
    /// For people; empty when it passed.
    pub reason: String,
}

impl Conclusion {
    pub(super) const fn passed() -> Self {
        Self { indication: Indication::TotalPassed, sub: None, reason: String::new() }
    }

    pub(super) fn indeterminate(sub: SubIndication, reason: impl Into<String>) -> Self {
        Self { indication: Indication::Indeterminate, sub: Some(sub), reason: reason.into() }
    }

    pub(super) fn failed(sub: SubIndication, reason: impl Into<String>) -> Self {
        Self { indication: Indication::TotalFailed, sub: Some(sub), reason: reason.into() }
    }

    pub(super) fn is_passed(&self) -> bool {
        self.indication == Indication::TotalPassed
    }

    /// INDETERMINATE with this sub-indication.
    pub(super) fn is(&self, sub: SubIndication) -> bool {
        self.indication == Indication::Indeterminate && self.sub == Some(sub)
    }
}

/// A step that is being made.
pub(super) struct Running<'t> {
    trace: &'t mut Trace,
    block: Block,
    constraints: Vec<Constraint>,
}

/// The steps of one subject.
#[derive(Debug)]
pub(super) struct Trace {
    subject: String,
    pub steps: Vec<Step>,
}

impl Trace {
    pub(super) fn new(subject: &str) -> Self {
        Self { subject: subject.to_owned(), steps: Vec::with_capacity(8) }
    }

    pub(super) fn begin(&mut self, block: Block) -> Running<'_> {
        Running { trace: self, block, constraints: Vec::new() }
    }
}

impl Running<'_> {
    pub(super) fn note(&mut self, name: &'static str, status: Status, detail: Option<String>) {
        self.constraints.push(Constraint { name, status, detail });
    }

    /// Notes whether it holds, with the detail when it does not.
    pub(super) fn check(&mut self, name: &'static str, holds: bool, detail: impl FnOnce() -> String) -> bool {
        let status = if holds { Status::Passed } else { Status::Failed };
        self.note(name, status, (!holds).then(detail));
        holds
    }

    pub(super) fn end(self, conclusion: &Conclusion) {
        self.trace.steps.push(Step {
            block: self.block,
            subject: self.trace.subject.clone(),
            indication: conclusion.indication,
            sub_indication: conclusion.sub,
            constraints: self.constraints,
        });
    }
}
