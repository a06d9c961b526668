//! Asking `pki::validation`, with one memory of verified signatures for the whole document.
//!
//! The budget of signature verifications is the policy's for each signature: what others cost before is forgiven by
//! starting afresh, so that a document with hundreds of honest signatures is not too complex. It is forgiven a number of
//! times, so that a document with hundreds of dishonest ones is.

use std::cell::{Cell, RefCell};

use pki::validation::{
    Evidence, Poes, SignaturePolicy, Stamp, Subject, TimestampValidation, Validation, Validator,
};
use pki::{Indication, SubIndication};

use super::container::Context;

/// The budget that was spent before a verdict was reached.
pub(crate) type Spent = Option<&'static str>;

/// Whoever validates signatures and time-stamps.
pub(crate) trait Engine {
    /// As [`pki::validation::validate`].
    fn signature(
        &self,
        subject: &Subject<'_>,
        evidence: &Evidence<'_>,
        poes: &mut Poes,
    ) -> (Validation, Spent);

    /// As [`pki::validation::validate_timestamp`].
    fn time_stamp(
        &self,
        stamp: &Stamp<'_>,
        evidence: &Evidence<'_>,
        poes: &Poes,
    ) -> (TimestampValidation, Spent);

    /// Lends the validator to `judge`, which answers whether more budget could change what came of it.
    fn lend(&self, judge: &mut dyn FnMut(&mut Validator<'_>) -> bool) -> Spent;
}

/// One validator for a document.
pub(crate) struct Shared<'p> {
    policy: &'p SignaturePolicy,
    at: i64,
    validator: RefCell<Validator<'p>>,
    fresh_starts: Cell<u32>,
}

impl<'p> Shared<'p> {
    pub(crate) fn new(policy: &'p SignaturePolicy, at: i64) -> Self {
        Self { policy, at, validator: RefCell::new(Validator::new(policy, at)), fresh_starts: Cell::new(0) }
    }

    fn run<T>(
        &self,
        may_change: impl Fn(&T) -> bool,
        mut judge: impl FnMut(&mut Validator<'p>) -> T,
    ) -> (T, Spent) {
        let mut validator = self.validator.borrow_mut();
        let outcome = judge(&mut validator);
        if !validator.is_exhausted() || !may_change(&outcome) {
            return (outcome, None);
        }
        let starts = self.fresh_starts.replace(self.fresh_starts.get().saturating_add(1));
        if starts >= MAX_FRESH_STARTS {
            return (outcome, Some("signatures and what they lean on"));
        }
        *validator = Validator::new(self.policy, self.at);
        let outcome = judge(&mut validator);
        let spent = (validator.is_exhausted() && may_change(&outcome)).then_some("certification paths");
        (outcome, spent)
    }
}

/// Whether what was not looked at for want of budget could change the outcome: what is proven stays so.
pub(crate) fn may_change(indication: Indication, sub_indication: Option<SubIndication>) -> bool {
    use SubIndication as S;
    indication == Indication::Indeterminate
        && matches!(
            sub_indication,
            None | Some(
                S::CertificateChainGeneralFailure
                    | S::ChainConstraintsFailure
                    | S::NoCertificateChainFound
                    | S::TryLater
            )
        )
}

impl Engine for Shared<'_> {
    fn signature(
        &self,
        subject: &Subject<'_>,
        evidence: &Evidence<'_>,
        poes: &mut Poes,
    ) -> (Validation, Spent) {
        let open = |outcome: &Validation| may_change(outcome.indication, outcome.sub_indication);
        self.run(open, |validator| validator.signature(subject, evidence, poes))
    }

    fn time_stamp(
        &self,
        stamp: &Stamp<'_>,
        evidence: &Evidence<'_>,
        poes: &Poes,
    ) -> (TimestampValidation, Spent) {
        let open = |outcome: &TimestampValidation| may_change(outcome.indication, outcome.sub_indication);
        self.run(open, |validator| validator.time_stamp(stamp, evidence, poes))
    }

    fn lend(&self, judge: &mut dyn FnMut(&mut Validator<'_>) -> bool) -> Spent {
        self.run(|open: &bool| *open, |validator| judge(validator)).1
    }
}

/// Asks the document's engine, or one of the container's own.
pub(crate) fn of<T>(context: &Context<'_>, ask: impl FnOnce(&dyn Engine) -> T) -> T {
    match context.engine {
        Some(engine) => ask(engine),
        None => ask(&Shared::new(&context.options.effective_policy(), context.options.at)),
    }
}

/// With the budget of the policy `default` enough for a thousand signers, and half a second of signature verifications.
const MAX_FRESH_STARTS: u32 = 32;
