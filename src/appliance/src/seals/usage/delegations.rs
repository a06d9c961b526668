//! Delegation: an officer whom a rule names lets another decide in their place until a date. Only who is named delegates,
//! so there are no chains; the word counts once, for the officer who is named; and never for the one who asked.

use serde_json::json;

use super::records::{Rule, SEAL_DELEGATIONS, SEAL_RULES};
use super::rules::now;
use super::views::NewDelegation;
use crate::app::App;
use crate::callers::records::{self as register, kind_of, text};
use crate::identity::{CallerKind, Role};
use crate::journal::{Committed, Unit};
use crate::policy::{DelegateUse, Permit};
use crate::problem::{Kind, Problem, Result};
use crate::store::tables::CALLERS;
use crate::store::{Row, Value};

/// Lets another officer decide in the caller's place.
///
/// # Errors
/// A problem.
pub(super) async fn delegate(
    app: &App,
    permit: &Permit<DelegateUse>,
    rule: &Rule,
    new: &NewDelegation,
) -> Result<(Row, Committed)> {
    let unsealed = app.unsealed()?;
    let now = now(&unsealed)?;
    let officer = permit.caller();
    let named = rule.terms.approval.as_ref().is_some_and(|approval| approval.officers.contains(&officer.id));
    let person = officer.person.as_deref().unwrap_or_default();
    if !rule.is_active() || !named || person.is_empty() {
        let detail = "Only an officer whom the rule names lets another decide; a delegate cannot pass it on.";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let until = new.until.as_microsecond();
    if until <= now || until > now.saturating_add(YEAR) {
        let detail = "Name an end between now and a year from now.";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "until"));
    }
    let unfit = |detail: &'static str| {
        Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "delegate"))
    };
    let other = register::caller(&app.db, &new.delegate).await?;
    let other = other.filter(|row| kind_of(row) == CallerKind::Officer && text(row, "state") == "active");
    let Some(other) = other else {
        return unfit("The delegate is no active registered officer; name one by the registration.");
    };
    if text(&other, "person") == person || text(&other, "person").is_empty() {
        return unfit("The delegate is the same person; name another.");
    }
    if rule
        .terms
        .approval
        .as_ref()
        .is_some_and(|approval| approval.officers.iter().any(|id| id == other.id()))
    {
        return unfit("The rule names the delegate already, and a person's word counts once; name another.");
    }
    let row = Row::new(
        &SEAL_DELEGATIONS,
        vec![
            uuid::Uuid::now_v7().to_string().into(),
            1.into(),
            rule.id().into(),
            officer.id.as_str().into(),
            person.into(),
            other.id().into(),
            text(&other, "person").into(),
            until.into(),
            "active".into(),
            now.into(),
            Value::Null,
        ],
    );
    let facts = json!({
        "delegation": row.id(),
        "rule": rule.id(),
        "seal": rule.seal(),
        "delegate": other.id(),
        "until": new.until.to_string(),
    });
    let unit = Unit::new(permit.act())
        .facts(facts)
        .insert(row.clone())
        .guard(&SEAL_RULES, rule.id(), rule.row.version())
        .guard(&CALLERS, other.id(), other.version());
    let committed = unsealed.journal.commit(unit).await?;
    Ok((row, committed))
}

/// Takes a delegation back; words already given under it do not count any more.
///
/// # Errors
/// A problem.
pub(super) async fn revoke(app: &App, permit: &Permit<DelegateUse>, row: Row) -> Result<(Row, Committed)> {
    let caller = permit.caller();
    let own = caller.person.as_deref().is_some_and(|person| person == text(&row, "person"));
    if !own && !caller.roles.contains(&Role::SecurityOfficer) {
        let detail = "Whoever gave the delegation, or a security officer, takes it back.";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    if text(&row, "state") != "active" {
        return Err(Problem::new(Kind::Conflict, "It was taken back already."));
    }
    let row = row.next_version().with("state", "revoked");
    let facts = json!({ "delegation": row.id(), "rule": text(&row, "rule"), "revoked": true });
    let unit = Unit::new(permit.act()).facts(facts).update(row.clone());
    let committed = app.unsealed()?.journal.commit(unit).await?;
    Ok((row, committed))
}

/// Microseconds.
const YEAR: i64 = 366 * 86_400_000_000;
