//! Approving, refusing and withdrawing an application.

use serde_json::json;

use super::super::records::{application_state, text};
use super::super::state::Step;
use super::error::LifeError;
use super::{Done, person_of};
use crate::app::App;
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Unit};
use crate::policy::{ApproveSeal, Permit, RefuseSeal, WithdrawSeal};
use crate::store::Row;

/// Approves an application; the policies have compared the persons.
///
/// # Errors
/// [`LifeError`]: not open any more, or changed meanwhile.
pub async fn approve(app: &App, permit: &Permit<ApproveSeal>, row: Row) -> Result<Done, LifeError> {
    let row = stepped(row, Step::Approve, permit.caller())?;
    enter(app, permit.act(), row, None).await
}

/// Refuses an application, approved or not. `reason` is for the applicant to read.
///
/// # Errors
/// As [`approve`].
pub async fn refuse(
    app: &App,
    permit: &Permit<RefuseSeal>,
    row: Row,
    reason: &str,
) -> Result<Done, LifeError> {
    let row = stepped(row, Step::Refuse, permit.caller())?.with("reason", reason);
    enter(app, permit.act(), row, Some(reason)).await
}

/// Takes an application back.
///
/// # Errors
/// As [`approve`].
pub async fn withdraw(
    app: &App,
    permit: &Permit<WithdrawSeal>,
    row: Row,
    reason: Option<&str>,
) -> Result<Done, LifeError> {
    let state = application_state(&row);
    let after = state.after(Step::Withdraw).ok_or_else(|| closed(&row))?;
    let row = row.next_version().with("state", after.as_str()).with("reason", reason);
    enter(app, permit.act(), row, reason).await
}

/// The row after a step of somebody who decides.
fn stepped(row: Row, step: Step, by: &Caller) -> Result<Row, LifeError> {
    let after = application_state(&row).after(step).ok_or_else(|| closed(&row))?;
    Ok(row
        .next_version()
        .with("state", after.as_str())
        .with("approver", by.id.as_str())
        .with("approver_person", person_of(by)))
}

async fn enter(app: &App, act: Act, row: Row, reason: Option<&str>) -> Result<Done, LifeError> {
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let row = row.with("decided", now);
    let unit = Unit::new(act).facts(facts(&row)).update(row.clone());
    // Words of a person may name people: they go where they can be erased.
    let unit = match reason {
        Some(reason) => unit.detail(json!({ "reason": reason })),
        None => unit,
    };
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Done { row, committed })
}

/// What every entry about an application says.
pub(super) fn facts(row: &Row) -> serde_json::Value {
    json!({
        "application": row.id(),
        "operation": text(row, "operation"),
        "seal": text(row, "seal"),
        "state": text(row, "state"),
    })
}

pub(super) fn closed(row: &Row) -> LifeError {
    LifeError::Closed { application: row.id().to_owned(), state: application_state(row) }
}
