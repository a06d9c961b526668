//! Setting, changing and retiring rules. A seal's first rule makes it governed: from then on it is used by rules only,
//! until an officer lifts that when the last rule is retired.

use serde_json::json;

use super::model::{NewRule, RuleChange, Terms};
use super::records::{self, Rule};
use crate::app::{App, Unsealed};
use crate::callers::records::{self as register, kind_of, text};
use crate::identity::CallerKind;
use crate::journal::{CommitError, Committed, Unit, generations};
use crate::policy::{AddSealRule, ChangeSealRule, LiftSealRules, Permit, RetireSealRule};
use crate::problem::{Kind, Problem, Result};
use crate::store::Row;
use crate::store::tables::{CALLERS, SEALS};

/// Sets a rule on a seal.
///
/// # Errors
/// A problem.
pub(super) async fn add(
    app: &App,
    permit: &Permit<AddSealRule>,
    new: &NewRule,
    seal: Row,
) -> Result<(Row, Committed)> {
    let unsealed = app.unsealed()?;
    if text(&seal, "state") == "cancelled" {
        return Err(Problem::new(Kind::SealNotUsable, "The seal is cancelled; it is not used any more."));
    }
    let now = now(&unsealed)?;
    if records::active_rules(&app.db, seal.id()).await?.len() >= MOST_RULES {
        let detail = format!("A seal has at most {MOST_RULES} rules in force; retire some, or join them.");
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let id = uuid::Uuid::now_v7().to_string();
    let row = records::rule_row(&id, seal.id(), &new.name, &new.terms, &permit.caller().id, now);
    let unit = Unit::new(permit.act())
        .facts(json!({ "rule": id, "seal": seal.id(), "terms": new.terms }))
        .insert(row.clone());
    let unit = named(app, &new.terms, unit).await?;
    let governed = seal.value("governed").as_int() == Some(1);
    let unit = match governed {
        true => unit.guard(&SEALS, seal.id(), seal.version()),
        false => govern(unit, seal.clone(), true, now),
    };
    let committed = unsealed.journal.commit(unit).await?;
    app.desk.seals.forget(seal.id());
    Ok((row, committed))
}

/// Changes a rule. What was counted goes on; approvals given before are counted by the new terms.
///
/// # Errors
/// A problem.
pub(super) async fn change(
    app: &App,
    permit: &Permit<ChangeSealRule>,
    rule: Rule,
    change: &RuleChange,
) -> Result<(Row, Committed)> {
    let unsealed = app.unsealed()?;
    open(&rule)?;
    let row = rule
        .row
        .next_version()
        .with("name", change.name.as_str())
        .with("terms", json!(change.terms).to_string())
        .with("officer", permit.caller().id.as_str())
        .with("changed", now(&unsealed)?);
    let facts = json!({ "rule": row.id(), "seal": text(&row, "seal"), "terms": change.terms });
    let unit = Unit::new(permit.act()).facts(facts).update(row.clone());
    let unit = named(app, &change.terms, unit).await?;
    let committed = unsealed.journal.commit(unit).await?;
    Ok((row, committed))
}

/// Retires a rule: it admits nothing from now on, nor what was approved under it.
///
/// # Errors
/// A problem.
pub(super) async fn retire(
    app: &App,
    permit: &Permit<RetireSealRule>,
    rule: Rule,
) -> Result<(Row, Committed)> {
    let unsealed = app.unsealed()?;
    open(&rule)?;
    let row = rule
        .row
        .next_version()
        .with("state", "retired")
        .with("officer", permit.caller().id.as_str())
        .with("changed", now(&unsealed)?);
    let facts = json!({ "rule": row.id(), "seal": text(&row, "seal") });
    let committed = unsealed.journal.commit(Unit::new(permit.act()).facts(facts).update(row.clone())).await?;
    Ok((row, committed))
}

/// Lets a seal without rules in force be used by the policies alone again.
///
/// # Errors
/// A problem.
pub(super) async fn lift(app: &App, permit: &Permit<LiftSealRules>, seal: Row) -> Result<Committed> {
    let unsealed = app.unsealed()?;
    if seal.value("governed").as_int() != Some(1) {
        return Err(Problem::new(Kind::Conflict, "No rules govern the seal."));
    }
    if !records::active_rules(&app.db, seal.id()).await?.is_empty() {
        return Err(Problem::new(Kind::Conflict, "Rules are in force; retire them first."));
    }
    // A rule set at the same moment guards or changes the seal's row: one of the two fails.
    let unit = Unit::new(permit.act()).facts(json!({ "seal": seal.id() }));
    let unit = govern(unit, seal.clone(), false, now(&unsealed)?);
    let committed = unsealed.journal.commit(unit).await?;
    app.desk.seals.forget(seal.id());
    Ok(committed)
}

/// The seal's row a version on, so that whoever has it ready meets a conflict and reads it again.
fn govern(unit: Unit, seal: Row, governed: bool, now: i64) -> Unit {
    let row = seal.next_version().with("governed", governed).with("updated", now);
    unit.update(row).bump(generations::SEALS)
}

fn open(rule: &Rule) -> Result<()> {
    match rule.is_active() {
        true => Ok(()),
        false => Err(Problem::new(Kind::Conflict, "The rule is retired; set a new one.")),
    }
}

/// Named officers are registered officers, and enough different persons for the approvals that are needed.
async fn named(app: &App, terms: &Terms, mut unit: Unit) -> Result<Unit> {
    let approvers = terms.approval.as_ref().map(|approval| approval.officers.as_slice()).unwrap_or_default();
    let mut persons = std::collections::BTreeSet::new();
    for (member, id) in
        terms.officers.iter().map(|id| ("officers", id)).chain(approvers.iter().map(|id| ("approval", id)))
    {
        let row = register::caller(&app.db, id).await?;
        let officer = row.filter(|row| kind_of(row) == CallerKind::Officer && text(row, "state") == "active");
        let Some(row) = officer else {
            let detail =
                format!("`{id}` is no active registered officer; name officers by their registration.");
            return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", member));
        };
        if member == "approval" {
            persons.insert(text(&row, "person").to_owned());
            unit = unit.guard(&CALLERS, row.id(), row.version());
        }
    }
    if terms.approval.as_ref().is_some_and(|approval| persons.len() < usize::from(approval.needed)) {
        let detail = "The officers are fewer persons than must approve; name more.";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "approval"));
    }
    Ok(unit)
}

pub(super) fn now(unsealed: &Unsealed) -> Result<i64> {
    Ok(unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?)
}

/// Rules of one seal in force at the same time.
const MOST_RULES: usize = 100;
