//! Carrying an operation out: one unit of work with the licence, its versions, its status and its event.
//!
//! The unit guards the version of every row that the decision looked at, so that of two departments that do something to one
//! licence at once one wins and the other changes nothing (decision 14).

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use licence::life::{Ground, Life, Operation, State};
use serde_json::{Value, json};

use super::events::{Step, event_row};
use super::order::Checked;
use super::rules::{Rules, rules};
use super::{LifeError, Order, version};
use crate::app::{App, Unsealed};
use crate::documents::replay::ReplayKey;
use crate::identity::{Caller, CallerKind};
use crate::journal::{Act, CommitError, Committed, Unit, generations};
use crate::licences::catalogue;
use crate::licences::library::records::int;
use crate::licences::library::{self, Licence, records};
use crate::policy::{
    Action, CancelLicence, ChangeLicence, CheckLicence, CorrectLicence, Permit, ReissueLicence, RenewLicence,
    ReportLicenceLost, ResumeLicence, RevokeLicence, SuspendLicence, TransferLicence, WithdrawLicence,
};
use crate::store::tables::{LICENCE_STATUSES, LICENCE_TYPES};
use crate::store::{Row, StoreError};

/// An act that is done to a licence: a permit for it allows that operation and no other.
pub trait Operates: Action {
    /// The operation.
    const OPERATION: Operation;
}

macro_rules! operates {
    ($($action:ident: $operation:ident,)+) => {
        $(impl Operates for $action { const OPERATION: Operation = Operation::$operation; })+
    };
}

operates! {
    ChangeLicence: Change,
    RenewLicence: Renew,
    CorrectLicence: Correct,
    CheckLicence: Check,
    ReportLicenceLost: ReportLoss,
    ReissueLicence: Reissue,
    SuspendLicence: Suspend,
    ResumeLicence: Resume,
    CancelLicence: Cancel,
    RevokeLicence: Revoke,
    WithdrawLicence: Withdraw,
    TransferLicence: Transfer,
}

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// The licence's row as it is now.
    pub row: Row,
    /// The row of the event.
    pub event: Row,
    /// The place in the log.
    pub committed: Committed,
}

/// Somebody who may do the operation at hand.
pub(super) struct Hand {
    pub act: Act,
    pub caller: Arc<Caller>,
}

/// What an operation is carried out on, looked at once: the unit guards all of it.
pub(super) struct Before {
    pub licence: Licence,
    pub life: Life,
    pub rules: Rules,
    /// Microseconds.
    pub now: i64,
}

/// Does something to a licence. `keep` makes the row that answers a repeated request, where one may be repeated.
///
/// # Errors
/// [`LifeError`]; nothing was then done, [`CommitError::OutcomeUnknown`] excepted.
pub async fn operate<A: Operates>(
    app: &Arc<App>,
    permit: &Permit<A>,
    licence: Licence,
    order: Order,
    replay: Option<&ReplayKey>,
) -> Result<Done, LifeError> {
    let checked = order.check(A::OPERATION)?;
    if permit.caller().kind == CallerKind::Machine {
        checked.by_machine()?;
    }
    let hand = Hand { act: permit.act(), caller: permit.caller().clone() };
    carry_out(app, hand, licence, checked, replay).await
}

async fn carry_out(
    app: &Arc<App>,
    hand: Hand,
    licence: Licence,
    checked: Checked,
    replay: Option<&ReplayKey>,
) -> Result<Done, LifeError> {
    let mut again = true;
    loop {
        match attempt(app, &hand, &licence, &checked, replay).await {
            // The type changed since this node read it: that is no reason why a licence could not be suspended.
            Err(LifeError::TypeChanged) if again => {
                catalogue::forget(app);
                again = false;
            }
            done => return done,
        }
    }
}

async fn attempt(
    app: &Arc<App>,
    hand: &Hand,
    licence: &Licence,
    checked: &Checked,
    replay: Option<&ReplayKey>,
) -> Result<Done, LifeError> {
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let rules = rules(app, licence).await?;
    let before = Before { life: life(licence), licence: licence.clone(), rules, now };
    if checked.operation.makes_version() {
        return version::carry_out(app, &unsealed, hand, &before, checked, replay).await;
    }
    let (unit, row, event) = plain(app, &unsealed, hand, &before, checked).await?;
    let unit = match replay {
        Some(key) => unit.cache_insert(kept(app, &unsealed, key, &event, now)?),
        None => unit,
    };
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Done { row, event, committed })
}

/// An operation that makes no version.
async fn plain(
    app: &Arc<App>,
    unsealed: &Unsealed,
    hand: &Hand,
    before: &Before,
    checked: &Checked,
) -> Result<(Unit, Row, Row), LifeError> {
    let (operation, order) = (checked.operation, &checked.order);
    let seconds = before.now.div_euclid(1_000_000);
    let life = before.life.apply(operation, &before.rules.operations, None, seconds)?;
    let mut row = before
        .licence
        .row
        .clone()
        .next_version()
        .with("state", life.state.as_str())
        .with("ground", order.ground.map(Ground::as_str))
        .with("updated", before.now);
    if let Some(day) = order.checked_to {
        row = row.with("checked_to", covered(day, before, seconds)?);
    }
    let mut unit = Unit::new(hand.act.clone())
        .facts(facts(before, checked, life, before.licence.identifier()))
        .update(row.clone())
        .guard(&LICENCE_TYPES, before.licence.text("type"), before.rules.type_version)
        .bump(generations::LICENCES);
    if let Some(status) = status(app, &before.licence, life.state.status_value(), before.now).await? {
        unit = unit.update(status);
    }
    if operation.ends()
        && let Some(version) = records::version(&app.db, before.licence.identifier()).await?
    {
        unit = unit.update(version.row.next_version().with("ended", before.now));
    }
    let event = event(unsealed, hand, before, checked, life.state, before.licence.identifier())?;
    Ok((unit.insert(event.clone()), row, event))
}

/// The row of what was done.
pub(super) fn event(
    unsealed: &Unsealed,
    hand: &Hand,
    before: &Before,
    checked: &Checked,
    after: State,
    identifier: &str,
) -> Result<Row, LifeError> {
    let order = &checked.order;
    let words = json!({ "reason": order.reason, "to": order.to });
    let words = (order.reason.is_some() || order.to.is_some()).then_some(&words);
    let key = library::data_key(unsealed, &before.licence)?;
    let step = Step {
        licence: before.licence.id(),
        identifier,
        operation: checked.operation,
        before: Some(before.life.state),
        after,
        ground: order.ground,
        basis: order.basis.as_deref(),
        item: order.item.as_deref(),
        case_number: order.case_number.as_deref(),
        words,
        caller: &hand.caller.id,
        time: before.now,
    };
    Ok(event_row(&step, &key)?)
}

/// What the leaf says: no names, no words.
pub(super) fn facts(before: &Before, checked: &Checked, life: Life, identifier: &str) -> Value {
    let mut facts = json!({
        "licence": before.licence.id(),
        "identifier": identifier,
        "operation": checked.operation.as_str(),
        "before": before.life.state.as_str(),
        "state": life.state.as_str(),
    });
    if let Some(members) = facts.as_object_mut() {
        if let Some(ground) = checked.order.ground {
            members.insert("ground".to_owned(), ground.as_str().into());
        }
        if let Some(day) = checked.order.checked_to {
            members.insert("checked_to".to_owned(), day.to_string().into());
        }
        if let Some(to) = &checked.order.to {
            members.insert("to".to_owned(), to.as_str().into());
        }
    }
    facts
}

/// The entry in the status list with another value; none where the licence has no entry, or where it has that value.
pub(super) async fn status(
    app: &App,
    licence: &Licence,
    value: u8,
    now: i64,
) -> Result<Option<Row>, StoreError> {
    let Some((list, index)) = licence.status() else { return Ok(None) };
    let row = app.db.row(&LICENCE_STATUSES, &format!("{list}:{index}")).await?;
    let differs = |row: &Row| int(row, "value") != Some(value.into());
    Ok(row.filter(differs).map(|row| row.next_version().with("value", i64::from(value)).with("updated", now)))
}

/// The licence as the rules see it.
pub(super) fn life(licence: &Licence) -> Life {
    Life {
        state: licence.stored_state(),
        number: u16::try_from(licence.number()).unwrap_or(licence::life::MAX_NUMBER),
        valid_from: licence.valid_from(),
        valid_to: licence.valid_to(),
    }
}

/// The last second that an annual check covers.
fn covered(day: Date, before: &Before, now: i64) -> Result<i64, LifeError> {
    let end = last_second(day).ok_or(LifeError::CheckBeyond)?;
    if int(&before.licence.row, "checked_to").is_some_and(|covered| covered >= end) {
        return Err(LifeError::CheckedAlready);
    }
    if end < now || before.life.valid_to.is_some_and(|last| last < end) {
        return Err(LifeError::CheckBeyond);
    }
    Ok(end)
}

/// The day in China that a second belongs to.
pub(super) fn day_of(second: i64) -> Date {
    let moment = jiff::Timestamp::from_second(second).unwrap_or_default();
    Offset::constant(8).to_datetime(moment).date()
}

/// The last second of a day in China.
fn last_second(day: Date) -> Option<i64> {
    let zone = TimeZone::fixed(Offset::constant(8));
    let next = day.tomorrow().ok()?.to_zoned(zone).ok()?;
    Some(next.timestamp().as_second() - 1)
}

/// What answers the same request when it comes again: which event it was.
pub(super) fn kept(
    app: &App,
    unsealed: &Unsealed,
    key: &ReplayKey,
    event: &Row,
    now: i64,
) -> Result<Row, LifeError> {
    let label = replay_label(app)?;
    Ok(key.seal(event.id().as_bytes(), now, &unsealed.custody, label)?)
}

/// The key that protects what answers repeated requests.
pub(super) fn replay_label(app: &App) -> Result<&str, LifeError> {
    let key = app.hierarchy.data_key("replay");
    let key = key.ok_or_else(|| crate::problem::Problem::internal("the hierarchy has no `replay` key"))?;
    Ok(&key.label)
}
