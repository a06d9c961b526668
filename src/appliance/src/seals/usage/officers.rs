//! Which officers' words count: those registered and permitted now, not only when they gave their word.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Approval;
use super::records::{self, SEAL_DELEGATIONS};
use crate::app::App;
use crate::callers::records::{self as register, text};
use crate::identity::{Caller, Registration};
use crate::journal::Unit;
use crate::policy::{ApproveUse, Facts, Resource};
use crate::store::tables::{CALLERS, ORGANISATIONS};
use crate::store::{Row, StoreError, Table};

/// Rows that a decision was based on, with their versions.
#[derive(Debug, Clone, Default)]
pub(super) struct Based(BTreeMap<(&'static str, String), (&'static Table, i64)>);

impl Based {
    pub(super) fn on(&mut self, row: &Row) {
        self.0.insert((row.table.name, row.id().to_owned()), (row.table, row.version()));
    }

    pub(super) fn also(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn guard(&self, unit: Unit) -> Unit {
        let guard = |unit: Unit, ((_, id), (table, version)): (&(_, String), &(&'static Table, i64))| {
            unit.guard(table, id.as_str(), *version)
        };
        self.0.iter().fold(unit, guard)
    }
}

/// Whose approval is asked for: on what, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// The seal.
    pub seal: &'a str,
    /// Its organisation.
    pub organisation: &'a str,
    /// The person who asked; empty for a machine.
    pub proposer: &'a str,
}

impl<'a> Question<'a> {
    /// What a request asks.
    pub(super) fn of(request: &'a Row) -> Self {
        Self {
            seal: text(request, "seal"),
            organisation: text(request, "organisation"),
            proposer: text(request, "person"),
        }
    }

    /// The seal as policies see it.
    pub(super) fn resource(&self) -> Resource {
        Resource::seal(self.seal, self.organisation)
    }
}

/// The registered person of an officer who may approve now; the rows that say so are put into `based`.
pub(super) async fn standing(
    app: &App,
    id: &str,
    question: Question<'_>,
    based: &mut Based,
) -> Result<Option<String>, StoreError> {
    let Some(caller) = register::caller(&app.db, id).await? else { return Ok(None) };
    let Some(organisation) = register::organisation(&app.db, text(&caller, "organisation")).await? else {
        return Ok(None);
    };
    let active = |row: &Row| text(row, "state") == "active";
    let person = text(&caller, "person").to_owned();
    if !active(&caller) || !active(&organisation) || person.is_empty() || person == question.proposer {
        return Ok(None);
    }
    let registration = Registration {
        id: caller.id().to_owned(),
        kind: register::kind_of(&caller),
        uri: text(&caller, "uri").to_owned(),
        organisation: organisation.id().to_owned(),
        person: Some(person.clone()),
        roles: register::roles_of(&caller),
        active: true,
    };
    let facts = Facts { proposer: Some(question.proposer.to_owned()), ..Facts::default() };
    let asked = Caller::new(&registration, "", "");
    if app.policy.decide::<ApproveUse>(&asked, question.resource(), facts).is_err() {
        return Ok(None);
    }
    based.on(&caller);
    based.on(&organisation);
    Ok(Some(person))
}

/// The approvals of a request that count now.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    /// Registrations of those who gave them.
    pub officers: Vec<String>,
    /// What that is based on.
    pub based: Based,
}

/// Counts the approvals of `request` under the rule as it is now: each person once, each named officer once.
pub(super) async fn counted(app: &App, rule: &Approval, request: &Row) -> Result<Counted, StoreError> {
    let question = Question::of(request);
    let mut counted = Counted::default();
    let (mut persons, mut seats) = (BTreeSet::new(), BTreeSet::new());
    for word in records::words(&app.db, request.id()).await? {
        let seat = text(&word, "seat").to_owned();
        if text(&word, "word") != "approve" || !rule.officers.contains(&seat) {
            continue;
        }
        let mut based = Based::default();
        let officer = text(&word, "caller");
        let Some(person) = standing(app, officer, question, &mut based).await? else { continue };
        // The registration was given to somebody else since.
        if person != text(&word, "person") {
            continue;
        }
        if seat != officer && !delegated(app, &word, &seat, question, &mut based).await? {
            continue;
        }
        if persons.insert(person) && seats.insert(seat) {
            counted.officers.push(officer.to_owned());
            counted.based.also(based);
        }
    }
    Ok(counted)
}

/// Whether a word in another's place still counts: not revoked, given in time, and the other still stands.
async fn delegated(
    app: &App,
    word: &Row,
    seat: &str,
    question: Question<'_>,
    based: &mut Based,
) -> Result<bool, StoreError> {
    let Some(row) = app.db.row(&SEAL_DELEGATIONS, text(word, "delegation")).await? else { return Ok(false) };
    let given = word.value("time").as_int().unwrap_or(i64::MAX);
    let in_time = row.value("until").as_int().is_some_and(|until| given < until);
    if text(&row, "state") != "active" || !in_time || text(&row, "officer") != seat {
        return Ok(false);
    }
    let person = standing(app, seat, question, based).await?;
    based.on(&row);
    Ok(person.is_some_and(|person| person == text(&row, "person")))
}

/// For whom an officer speaks: themselves, where the rule names them, or a named officer who let them.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    /// The named officer.
    pub officer: String,
    /// The delegation, where it is another.
    pub delegation: Option<String>,
}

/// The seat of `officer` (of `person`) for a word about `request` at `now`; `taken` are spoken for already.
pub(super) async fn seat(
    app: &App,
    rule: &records::Rule,
    approval: &Approval,
    officer: &Caller,
    request: &Row,
    now: i64,
    based: &mut Based,
) -> Result<Option<Seat>, StoreError> {
    if approval.officers.contains(&officer.id) {
        return Ok(Some(Seat { officer: officer.id.clone(), delegation: None }));
    }
    let words = records::words(&app.db, request.id()).await?;
    let taken: BTreeSet<&str> = words.iter().map(|word| text(word, "seat")).collect();
    for row in records::delegations(&app.db, rule.id()).await? {
        let for_whom = text(&row, "officer");
        let serves = text(&row, "delegate") == officer.id
            && officer.person.as_deref() == Some(text(&row, "delegate_person"))
            && text(&row, "state") == "active"
            && row.value("until").as_int().is_some_and(|until| now < until)
            && approval.officers.iter().any(|named| named == for_whom)
            && !taken.contains(for_whom);
        if !serves {
            continue;
        }
        let mut here = Based::default();
        if standing(app, for_whom, Question::of(request), &mut here).await?.is_some() {
            here.on(&row);
            based.also(here);
            return Ok(Some(Seat { officer: for_whom.to_owned(), delegation: Some(row.id().to_owned()) }));
        }
    }
    Ok(None)
}

/// The tables of which a conflict says only that the decision is to be made again.
pub(super) const AGAIN: [&str; 7] = [
    "seal_rules",
    "seal_rule_counters",
    "seal_use_requests",
    "seal_use_words",
    "seal_delegations",
    CALLERS.name,
    ORGANISATIONS.name,
];
