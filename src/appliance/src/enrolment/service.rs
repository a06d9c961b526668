//! The rules of one-time secrets: for whom one is made, whom it authenticates, when it is gone.
//!
//! A secret stands for a registered machine until it is used, withdrawn or expired. It is used up in the unit that
//! enters the certificate, or the request that awaits approvals, so that of two uses at once one fails, and a request that
//! comes to nothing burns none. Used up, it fetches what came of that request until it expires, and nothing else.

use std::sync::Arc;

use pki::profile::{IssuedBy, Profile, Way};
use ring::rand::SystemRandom;
use serde_json::json;

use super::model::NewSecret;
use super::records::{self, ENROLMENT_SECRETS, NewRow};
use super::secret::{EnrolmentSecret, same};
use crate::app::App;
use crate::callers::records::{CALLERS, kind_of, text};
use crate::identity::{Caller, CallerKind};
use crate::journal::{Committed, Unit};
use crate::policy::{Permit, PermitEnrolment, WithdrawEnrolment};
use crate::problem::{Kind, Problem, Result};
use crate::store::Row;

/// A secret just made.
#[derive(Debug)]
pub struct Made {
    /// The secret, shown once.
    pub secret: EnrolmentSecret,
    /// Its row.
    pub row: Row,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// Makes a secret for a registered machine.
///
/// # Errors
/// A problem: not a machine, not active, an unusable profile or period, or too many that are still open.
pub async fn make(
    app: &App,
    permit: &Permit<PermitEnrolment>,
    caller: &Row,
    new: &NewSecret,
) -> Result<Made> {
    let wrong = |detail: String| Problem::new(Kind::InvalidParameter, detail);
    match (kind_of(caller), text(caller, "state")) {
        (CallerKind::Machine, "active") => {}
        (CallerKind::Machine, state) => {
            return Err(Problem::new(Kind::Conflict, format!("It is {state}, not active.")));
        }
        // One officer alone would else come by the certificate of another person (decision 12).
        _ => return Err(wrong("Only machines enrol with a secret; a person's key is approved.".to_owned())),
    }
    if !(1..=MOST_HOURS).contains(&new.hours) {
        return Err(wrong(format!("`hours` is 1 to {MOST_HOURS}.")));
    }
    if app.profiles().get(&new.profile).is_none_or(|profile| !enrols_machines(profile)) {
        let open: Vec<_> = app
            .profiles()
            .iter()
            .filter(|one| enrols_machines(one))
            .map(|one| one.name().to_owned())
            .collect();
        return Err(wrong(format!("`profile` is one that machines enrol for: {}.", open.join(", "))));
    }
    let unsealed = app.unsealed()?;
    let now = now(app)?;
    if records::usable(&app.db, caller.id(), now).await?.len() >= MOST_OPEN {
        let detail = format!("{MOST_OPEN} secrets of this caller are open; withdraw some.");
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let secret = EnrolmentSecret::draw(&SystemRandom::new()).map_err(Problem::internal)?;
    let expires = now.saturating_add(i64::from(new.hours) * HOUR);
    let row = records::new(NewRow {
        id: &uuid::Uuid::now_v7().to_string(),
        hash: &secret.hash(caller.id()),
        caller: caller.id(),
        profile: &new.profile,
        issued: &permit.caller().id,
        created: now,
        expires,
    });
    let facts = json!({ "secret": row.id(), "profile": new.profile, "expires": records::shown(expires) });
    let unit = Unit::new(permit.act())
        .guard(&CALLERS, caller.id(), caller.version())
        .insert(row.clone())
        .facts(facts);
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Made { secret, row, committed })
}

/// Withdraws a secret that is still open.
///
/// # Errors
/// A problem: used or withdrawn already.
pub async fn withdraw(app: &App, permit: &Permit<WithdrawEnrolment>, row: Row) -> Result<(Row, Committed)> {
    if text(&row, "state") != "open" {
        let detail = format!("The secret is {} already.", text(&row, "state"));
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let row = row.next_version().with("state", "withdrawn");
    let unit = Unit::new(permit.act()).update(row.clone()).facts(json!({ "secret": row.id() }));
    let committed = app.unsealed()?.journal.commit(unit).await?;
    Ok((row, committed))
}

/// Whom a secret authenticates: the registered caller, and the secret's row, to be used up with [`used`] if it is still
/// [`is_open`].
///
/// # Errors
/// `None` for whatever does not fit, whichever way; a problem when the store or the clock fails.
pub async fn authenticate(
    app: &App,
    caller: &str,
    secret: &EnrolmentSecret,
) -> Result<Option<(Arc<Caller>, Row)>> {
    let hash = secret.hash(caller);
    let all = records::telling(&app.db, caller, now(app)?).await?;
    let Some(row) = all.into_iter().find(|row| same(text(row, "hash"), &hash)) else { return Ok(None) };
    let snapshot = app.identity.snapshot()?;
    let registration = snapshot.registration(caller).filter(|one| one.active);
    Ok(registration.map(|registration| (Caller::new(registration, "", ""), row)))
}

/// Whether a secret is not used up yet.
#[must_use]
pub fn is_open(row: &Row) -> bool {
    text(row, "state") == "open"
}

/// The unit, with the secret used up in it.
///
/// # Errors
/// A problem when the clock fails.
pub fn used(app: &App, row: &Row, unit: Unit) -> Result<Unit> {
    Ok(unit.update(row.clone().next_version().with("state", "used").with("used_at", now(app)?)))
}

/// Whether machines enrol for this profile.
#[must_use]
pub fn enrols_machines(profile: &Profile) -> bool {
    profile.may_ask(Way::Est) && profile.issuer() == IssuedBy::Machine
}

/// The secret of that id, if it is that caller's.
///
/// # Errors
/// The `not-found` problem.
pub async fn find(app: &App, caller: &str, id: &str) -> Result<Row> {
    let row = app.db.row(&ENROLMENT_SECRETS, id).await?.filter(|row| text(row, "caller") == caller);
    row.ok_or_else(|| Problem::new(Kind::NotFound, "The caller has no such secret."))
}

/// Microseconds of a clock that is trusted.
pub(super) fn now(app: &App) -> Result<i64> {
    app.unsealed()?.journal.clock().now().map_err(|reason| {
        Problem::new(Kind::ClockUntrusted, "The operator must mend the clock; try again later.").log(reason)
    })
}

/// A week: long enough for a letter, short enough to be forgotten.
const MOST_HOURS: u32 = 168;
const HOUR: i64 = 3_600_000_000;
const MOST_OPEN: usize = 10;
