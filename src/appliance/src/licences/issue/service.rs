//! Issuing one licence, from order to receipt.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use licence::identifier::Identifier;
use licence::life::{Operation, State};
use serde_json::json;

use super::order::Order;
use super::version::{self, Issuer, Made, Parts};
use super::{IssueError, numbers};
use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Committed, Unit};
use crate::licences::catalogue::Published;
use crate::licences::library::{DataKey, Licence};
use crate::licences::status;
use crate::policy::{IssueLicence, Permit};
use crate::store::tables::{LICENCE_EVENTS, LICENCES};
use crate::store::{Row, Value};

/// An issued licence.
#[derive(Debug)]
pub struct Issued {
    /// Its row.
    pub licence: Licence,
    /// Its version's row.
    pub version: Row,
    /// What was made of it: rows, encrypted.
    pub artefacts: Vec<Row>,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// A licence with everything made of it, not on record yet.
#[derive(Debug)]
pub struct Prepared {
    /// Its row.
    pub row: Row,
    event: Row,
    status: Option<Row>,
    made: Made,
}

/// Issues a licence. `more` adds what else belongs to the act: the row that answers a repeated request, a line of batch work.
///
/// # Errors
/// [`IssueError`]; nothing of it is then on record, [`CommitError::OutcomeUnknown`] excepted.
pub async fn issue(
    app: &Arc<App>,
    permit: &Permit<IssueLicence>,
    kind: &Arc<Published>,
    order: &Order,
    more: impl Fn(&Prepared, Unit) -> Unit,
) -> Result<Issued, IssueError> {
    let unsealed = app.unsealed().map_err(|_| IssueError::Sealed)?;
    let (caller, act) = (permit.caller().clone(), permit.act());
    let mut tried = 0;
    loop {
        tried += 1;
        let prepared = prepare(app, &unsealed, &caller, &act, kind, order).await?;
        match commit(app, &unsealed, &caller, &act, prepared, &more).await {
            // The seal was changed since it was made ready, on another node perhaps: it is looked at once more.
            Err(error) if error.is_stale() && tried < TRIES => {}
            // Somebody asked for this serial by name before it was its turn.
            Err(IssueError::Taken(_)) if order.serial.is_none() && tried < TRIES => {}
            done => return done,
        }
    }
}

/// Makes everything that a licence takes. The number and the status entry are taken for good; nothing else is recorded.
///
/// # Errors
/// [`IssueError`].
pub async fn prepare(
    app: &Arc<App>,
    unsealed: &Unsealed,
    caller: &Arc<Caller>,
    act: &Act,
    kind: &Arc<Published>,
    order: &Order,
) -> Result<Prepared, IssueError> {
    order.check()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let (fields, holder) = version::checked(kind, order.fields.clone())?;
    let issuer = version::issuer(app, unsealed, kind, &caller.organisation).await?;
    let today = day(now);
    let from = order.valid_from.unwrap_or(today);
    let validity = kind.compiled.validity(from, &fields).map_err(|fault| IssueError::Fields(vec![fault]))?;
    if validity.1.is_some_and(|end| end < now.div_euclid(1_000_000)) {
        let reason = "the licence would be over already; give a later day".to_owned();
        return Err(IssueError::Parameter { parameter: "valid_from", reason });
    }
    let identifier = identifier(app, unsealed, act, kind, &issuer, order, today.year()).await?;
    let licence = identifier.licence_id();
    let entry = status::allocate(app, unsealed).await?;
    let key = DataKey::fresh(app)?;
    let wrapped = key.wrap(app, unsealed, &licence).await?;
    let place = (entry.list, entry.index);
    let parts = Parts {
        kind,
        identifier: &identifier,
        issuer: &issuer,
        fields: &fields,
        validity,
        status: Some(place),
        key: &key,
        holder_key: order.holder_key.as_ref(),
        operation: Operation::Issue,
        basis: order.basis.as_deref(),
        item: order.item.as_deref(),
        case_number: order.case_number.as_deref(),
        indexed: Vec::new(),
        now,
    };
    let made = version::make(app, unsealed, caller, parts).await?;
    let row = Row::new(&LICENCES, vec![Value::Null; LICENCES.columns.len()])
        .with("id", licence.as_str())
        .with("version", 1)
        .with("type", kind.compiled.definition().code.as_str())
        .with("type_number", kind.number)
        .with("organisation", issuer.organisation.as_str())
        .with("issuer", issuer.code.as_str())
        .with("number", 1)
        .with("identifier", made.identifier())
        .with("holder_kind", holder.kind)
        .with("state", State::Active.as_str())
        .with("valid_from", validity.0)
        .with("valid_to", validity.1)
        .with("status_list", place.0)
        .with("status_index", place.1)
        .with("data_key", wrapped.key)
        .with("wrapped_by", wrapped.by)
        .with("issued", now)
        .with("updated", now);
    let event = Row::new(&LICENCE_EVENTS, vec![Value::Null; LICENCE_EVENTS.columns.len()])
        .with("id", uuid::Uuid::now_v7().to_string())
        .with("version", 1)
        .with("licence", licence.as_str())
        .with("identifier", made.identifier())
        .with("operation", Operation::Issue.as_str())
        .with("after", State::Active.as_str())
        .with("basis", order.basis.clone())
        .with("item", order.item.clone())
        .with("case_number", order.case_number.clone())
        .with("caller", caller.id.as_str())
        .with("time", now);
    let status = status::row(&entry, &licence, State::Active.status_value(), now);
    Ok(Prepared { row, event, status: Some(status), made })
}

/// Enters a prepared licence, with `more` in the same unit.
///
/// # Errors
/// [`IssueError`].
pub async fn commit(
    app: &Arc<App>,
    unsealed: &Unsealed,
    caller: &Caller,
    act: &Act,
    prepared: Prepared,
    more: impl Fn(&Prepared, Unit) -> Unit,
) -> Result<Issued, IssueError> {
    let principal = || prepared.rows(Unit::new(act.clone()).facts(prepared.facts()));
    let more = |unit| more(&prepared, unit);
    let committed = prepared.made.commit(app, unsealed, caller, act, principal, more).await;
    let committed = committed.map_err(|error| match error {
        IssueError::Commit(CommitError::Exists { table: "licences" | "licence_versions", .. }) => {
            IssueError::Taken(prepared.row.id().to_owned())
        }
        other => other,
    })?;
    let Prepared { row, made, .. } = prepared;
    let Made { version, artefacts, .. } = made;
    let row = row.with("leaf", i64::try_from(committed.leaf).unwrap_or(i64::MAX));
    Ok(Issued { licence: Licence { row }, version, artefacts, committed })
}

impl Prepared {
    /// Its identifier.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.made.identifier()
    }

    /// The row of its first event.
    #[must_use]
    pub fn event(&self) -> &str {
        self.event.id()
    }

    /// The version.
    #[must_use]
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// What the leaf says.
    #[must_use]
    pub fn facts(&self) -> serde_json::Value {
        let text = |column: &str| self.row.value(column).as_text().unwrap_or_default();
        let mut facts = self.made.facts();
        if let Some(members) = facts.as_object_mut() {
            members.insert("type".into(), json!(text("type")));
            members.insert("type_number".into(), json!(self.row.value("type_number").as_int()));
            members.insert("organisation".into(), json!(text("organisation")));
            members.insert("event".into(), json!(self.event.id()));
        }
        facts
    }

    /// The rows of the licence itself.
    #[must_use]
    pub fn rows(&self, unit: Unit) -> Unit {
        let unit = unit.insert(self.row.clone()).insert(self.event.clone());
        self.status.iter().cloned().fold(unit, Unit::insert)
    }
}

/// The identifier: with the serial that was asked for, or the next one.
async fn identifier(
    app: &App,
    unsealed: &Unsealed,
    act: &Act,
    kind: &Arc<Published>,
    issuer: &Issuer,
    order: &Order,
    year: i16,
) -> Result<Identifier, IssueError> {
    let code = &kind.compiled.definition().code;
    let serial = match &order.serial {
        Some(serial) => {
            let id = format!("{code}.{}.{serial}", issuer.code);
            if app.db.row(&LICENCES, &id).await?.is_some() {
                return Err(IssueError::Taken(id));
            }
            serial.clone()
        }
        None => {
            let series = format!("{code}.{}", issuer.code);
            let head = || Act { action: "licence.number".to_owned(), ..act.clone() };
            free(app, unsealed, &series, head, year).await?
        }
    };
    Identifier::new(code.as_str(), issuer.code.as_str(), serial, 1)
        .map_err(|error| IssueError::Parameter { parameter: "serial", reason: error.to_string() })
}

/// The next serial that no licence has: those that were taken over, or asked for by name, may have numbers before their turn.
/// Looked up before anything is rendered; what the commit finds taken all the same came in between.
async fn free(
    app: &App,
    unsealed: &Unsealed,
    series: &str,
    act: impl Fn() -> Act,
    year: i16,
) -> Result<String, IssueError> {
    for _ in 0..PASSED_OVER {
        let serial = numbers::serial(year, numbers::take(app, unsealed, series, &act).await?);
        if app.db.row(&LICENCES, &format!("{series}.{serial}")).await?.is_none() {
            return Ok(serial);
        }
    }
    // The series has moved on: who tries again begins behind these.
    Err(IssueError::Busy)
}

/// The day of a moment (microseconds), in China time.
pub(super) fn day(micros: i64) -> jiff::civil::Date {
    let moment = Timestamp::from_microsecond(micros).unwrap_or_default();
    moment.to_zoned(TimeZone::fixed(Offset::constant(8))).date()
}

/// Numbers that may be taken one after the other before somebody is told to try again.
const PASSED_OVER: usize = 1000;
/// How often a licence is made anew where something it rests on has changed.
const TRIES: u32 = 3;
