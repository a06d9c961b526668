//! The rules: who is registered how, and what needs a second officer. Who gets a certificate is `certificates`'.
//!
//! Every act takes its permit and becomes one unit of work; the generation moves with it, so that every node
//! knows within a second (decision 14).

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::keys::keyed;
use super::model::{CallerChange, NewCaller, NewOrganisation, OrganisationChange};
use super::records::{self, text};
use crate::app::App;
use crate::identity::{CallerKind, Role};
use crate::journal::{CommitError, Committed, Unit, generations};
use crate::policy::{
    AddCaller, AddOrganisation, ApproveCaller, ChangeCaller, ChangeOrganisation, Permit, ProposeCaller,
    RetireCaller, RetireOrganisation,
};
use crate::problem::{Kind, Problem, Result};
use crate::status::service::{Grounds, revoked};
use crate::store::Row;

/// A changed row and the act that changed it.
#[derive(Debug)]
pub struct Done {
    /// The row as it is now.
    pub row: Row,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// Registers an organisation.
///
/// # Errors
/// A problem: an unusable name, or one that was used before.
pub async fn add_organisation(
    app: &App,
    permit: &Permit<AddOrganisation>,
    new: &NewOrganisation,
) -> Result<Done> {
    identifier(&new.id)?;
    named("name", &new.name, 200)?;
    named("kind", &new.kind, 63)?;
    let row = records::new_organisation(new);
    let unit = Unit::new(permit.act()).insert(row.clone()).bump(generations::IDENTITY);
    done(app, row, unit).await
}

/// Changes an organisation that was read at the permit's version.
///
/// # Errors
/// A problem: an unusable value, or changed meanwhile.
pub async fn change_organisation(
    app: &App,
    permit: &Permit<ChangeOrganisation>,
    row: Row,
    change: &OrganisationChange,
) -> Result<Done> {
    let mut row = active(row)?.next_version();
    if let Some(name) = &change.name {
        named("name", name, 200)?;
        row = row.with("name", name.as_str());
    }
    if let Some(kind) = &change.kind {
        named("kind", kind, 63)?;
        row = row.with("kind", kind.as_str());
    }
    let unit = Unit::new(permit.act()).update(row.clone()).bump(generations::IDENTITY);
    done(app, row, unit).await
}

/// Retires an organisation: none of its callers is served from then on.
///
/// # Errors
/// A problem: retired already, or changed meanwhile.
pub async fn retire_organisation(app: &App, permit: &Permit<RetireOrganisation>, row: Row) -> Result<Done> {
    let row = active(row)?.next_version().with("state", "retired");
    let unit = Unit::new(permit.act()).update(row.clone()).bump(generations::IDENTITY);
    done(app, row, unit).await
}

/// Registers a machine; one officer's word is enough.
///
/// # Errors
/// A problem: an unusable value, an unknown organisation, or a name that was used before.
pub async fn add_machine(app: &App, permit: &Permit<AddCaller>, new: &NewCaller) -> Result<Done> {
    check_new(app, new).await?;
    let row = records::new_caller(new, &uri(app, new), "active", now(app)?);
    let unit = Unit::new(permit.act()).insert(row.clone()).bump(generations::IDENTITY).facts(facts(&row));
    done(app, row, unit).await
}

/// Proposes an officer or operator; a second officer's approval makes it active (decision 12).
///
/// # Errors
/// As [`add_machine`].
pub async fn propose_person(
    app: &App,
    permit: &Permit<ProposeCaller>,
    new: &NewCaller,
) -> Result<(Done, Row)> {
    check_new(app, new).await?;
    let row = records::new_caller(new, &uri(app, new), "proposed", now(app)?);
    let proposal = proposal(app, permit, &row, &new.roles, new.key.as_deref())?;
    let facts = keyed_facts(&row, new.key.as_deref());
    let unit = Unit::new(permit.act()).insert(row.clone()).insert(proposal.clone()).facts(facts);
    Ok((done(app, row, unit).await?, proposal))
}

/// Proposes further roles for a caller.
///
/// # Errors
/// A problem: roles that its kind does not take.
pub async fn propose_roles(
    app: &App,
    permit: &Permit<ProposeCaller>,
    row: Row,
    roles: &[Role],
) -> Result<Done> {
    let row = active(row)?;
    fitting(records::kind_of(&row), roles)?;
    let proposal = proposal(app, permit, &row, roles, None)?;
    let unit = Unit::new(permit.act())
        .guard(&records::CALLERS, row.id(), row.version())
        .insert(proposal.clone())
        .facts(json!({ "roles": roles }));
    done(app, proposal, unit).await
}

/// Whether a change adds a role, and so needs a second officer.
#[must_use]
pub fn adds_role(row: &Row, change: &CallerChange) -> bool {
    let held = records::roles_of(row);
    change.roles.as_ref().is_some_and(|roles| roles.iter().any(|role| !held.contains(role)))
}

/// Takes roles from a caller.
///
/// # Errors
/// A problem: changed meanwhile.
pub async fn change_caller(
    app: &App,
    permit: &Permit<ChangeCaller>,
    row: Row,
    change: &CallerChange,
) -> Result<Done> {
    if adds_role(&row, change) {
        return Err(Problem::internal("a further role reached the change that takes roles away"));
    }
    let mut row = active(row)?.next_version();
    if let Some(roles) = &change.roles {
        row = row.with("roles", records::roles_text(roles));
    }
    let unit = Unit::new(permit.act()).update(row.clone()).bump(generations::IDENTITY).facts(facts(&row));
    done(app, row, unit).await
}

/// Carries out what another person proposed. The policies have compared the persons.
///
/// # Errors
/// A problem: approved already, or the caller changed meanwhile.
pub async fn approve(app: &App, permit: &Permit<ApproveCaller>, proposal: Row, caller: Row) -> Result<Done> {
    if text(&proposal, "state") != "open" {
        return Err(Problem::new(Kind::Conflict, "The proposal is not open any more."));
    }
    if text(&caller, "state") == "retired" {
        return Err(Problem::new(Kind::Conflict, "The caller has been retired."));
    }
    // Four eyes compare registered persons; the store keeps whose eyes the first were.
    if permit.caller().person.as_deref().is_none_or(|person| person == text(&proposal, "person")) {
        return Err(Problem::new(Kind::Forbidden, "Another person than the proposer must approve."));
    }
    let roles = text(&proposal, "roles").to_owned();
    let key = proposal.value("key").as_text().map(ToOwned::to_owned);
    let caller = caller.next_version().with("roles", roles).with("state", "active");
    let approved =
        proposal.next_version().with("state", "approved").with("approver", permit.caller().id.as_str());
    let unit = Unit::new(permit.act())
        .update(caller.clone())
        .update(approved)
        .bump(generations::IDENTITY)
        .facts(keyed_facts(&caller, key.as_deref()));
    done(app, caller, unit).await
}

/// Retires a caller and revokes its certificates: first the registration, which every issuance guards, so that nothing
/// is issued to it afterwards; then what it holds, in parts of `PART`. A caller that is retired already has what is
/// left of its certificates revoked.
///
/// # Errors
/// A problem: retired already with nothing left to be revoked, changed meanwhile, or more certificates than one request
/// revokes; what was done until then is done, and the same request carries on.
pub async fn retire_caller(app: &Arc<App>, permit: &Permit<RetireCaller>, row: Row) -> Result<Done> {
    let retired = text(&row, "state") == "retired";
    let mut last = None;
    let row = if retired {
        row
    } else {
        let row = row.next_version().with("state", "retired");
        let unit = Unit::new(permit.act()).update(row.clone()).bump(generations::IDENTITY);
        last = Some(done(app, row.clone(), unit).await?.committed);
        row
    };
    // What was entered stands, so the lists follow it even when a later part fails.
    let revoked = revoke_all(app, permit, row.id()).await;
    crate::status::renew_now(app).await;
    // Retiring is the principal act; its leaf is answered when it is of this request.
    match last.or(revoked?) {
        Some(committed) => Ok(Done { row, committed }),
        None => Err(Problem::new(Kind::Conflict, "It is retired already.")),
    }
}

/// Revokes what a retired caller holds, part by part; the last part's place in the log, if there was one.
async fn revoke_all(app: &App, permit: &Permit<RetireCaller>, caller: &str) -> Result<Option<Committed>> {
    let unsealed = app.unsealed()?;
    let (grounds, began) = (Grounds::cessation(), Instant::now());
    let (mut last, mut missed) = (None, 0);
    loop {
        let now = now(app)?;
        let rows = records::standing_certificates(&app.db, caller, now, PART).await?;
        if rows.is_empty() {
            return Ok(last);
        }
        if began.elapsed() >= AT_ONCE || missed >= MISSES {
            let detail = "The caller is retired, but certificates of it still stand: retire it again.";
            return Err(Problem::new(Kind::Overloaded, detail).retry_after(1));
        }
        let facts = json!({ "reason": "cessationOfOperation", "certificates": rows.len() });
        let mut unit = Unit::new(permit.act()).bump(generations::CERTIFICATES).facts(facts);
        for row in rows {
            unit = unit.update(revoked(row, &grounds, now)?);
        }
        match unsealed.journal.commit(unit).await {
            Ok(committed) => last = Some(committed),
            // One of them was changed meanwhile: the part is read again.
            Err(CommitError::Conflict { .. }) => missed += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn done(app: &App, row: Row, unit: Unit) -> Result<Done> {
    let committed = app.unsealed()?.journal.commit(unit).await?;
    // The answer says it is so; on this node it is so from now on, on others within a second.
    if let Err(error) = app.identity.read_again(&app.db).await {
        tracing::warn!(%error, "the register is read again by the watcher");
    }
    Ok(Done { row, committed })
}

fn now(app: &App) -> Result<i64> {
    app.unsealed()?.journal.clock().now().map_err(|reason| {
        Problem::new(Kind::ClockUntrusted, "The operator must mend the clock; try again later.").log(reason)
    })
}

async fn check_new(app: &App, new: &NewCaller) -> Result<()> {
    identifier(&new.id)?;
    fitting(new.kind, &new.roles)?;
    keyed(new.kind, new.key.as_deref())?;
    match (new.kind, &new.person) {
        (CallerKind::Machine, None) => {}
        (CallerKind::Machine, Some(_)) => {
            return Err(Problem::new(Kind::InvalidParameter, "A machine has no `person`."));
        }
        (_, Some(person)) => named("person", person, 63)?,
        (_, None) => {
            return Err(Problem::new(Kind::InvalidParameter, "Name the registered `person` behind it."));
        }
    }
    match records::organisation(&app.db, &new.organisation).await? {
        Some(row) if text(&row, "state") == "active" => Ok(()),
        _ => Err(Problem::new(Kind::InvalidParameter, "Register the `organisation` first.")),
    }
}

fn proposal(
    app: &App,
    permit: &Permit<ProposeCaller>,
    caller: &Row,
    roles: &[Role],
    key: Option<&str>,
) -> Result<Row> {
    let person = permit.caller().person.clone();
    let person = person.ok_or_else(|| Problem::new(Kind::Forbidden, "Only a registered person proposes."))?;
    let new = records::NewProposal {
        caller: caller.id(),
        proposer: &permit.caller().id,
        person: &person,
        roles,
        key,
    };
    Ok(records::new_proposal(&uuid::Uuid::now_v7().to_string(), new, now(app)?))
}

/// Roles that a kind of caller takes: machines seal, issue, show and verify, people do the rest. Officers who decide on uses of seals, and
/// may use them, but keep no register and no keys, are sealers.
fn fitting(kind: CallerKind, roles: &[Role]) -> Result<()> {
    let fits = |role: &Role| match kind {
        CallerKind::Machine => {
            matches!(role, Role::Sealer | Role::Licensor | Role::HolderPlatform | Role::Verifier)
        }
        CallerKind::Officer => {
            matches!(
                role,
                Role::SecurityOfficer | Role::Auditor | Role::Sealer | Role::Licensor | Role::Verifier
            )
        }
        CallerKind::Operator => matches!(role, Role::Operator | Role::Verifier),
        CallerKind::System => false,
    };
    match roles.iter().find(|role| !fits(role)) {
        None if kind != CallerKind::System => Ok(()),
        None => Err(Problem::new(Kind::InvalidParameter, "System callers are not registered.")),
        Some(role) => {
            let detail =
                format!("A caller of kind `{}` does not take the role `{}`.", kind.as_str(), role.as_str());
            Err(Problem::new(Kind::InvalidParameter, detail))
        }
    }
}

fn active(row: Row) -> Result<Row> {
    match text(&row, "state") {
        "active" => Ok(row),
        state => Err(Problem::new(Kind::Conflict, format!("It is {state}, not active."))),
    }
}

/// Identifiers stand in URNs, addresses and entries, so their alphabet is narrow.
fn identifier(id: &str) -> Result<()> {
    let begins = id.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let allowed = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if begins && allowed && id.len() <= 63 {
        return Ok(());
    }
    let detail = "`id` takes 1 to 63 of a-z, 0-9 and `-`, and begins with a letter or digit.";
    Err(Problem::new(Kind::InvalidParameter, detail))
}

fn named(member: &str, value: &str, most: usize) -> Result<()> {
    if !crate::documents::model::is_shown_text(value, most) {
        let detail = format!("`{member}` takes 1 to {most} printable characters.");
        return Err(Problem::new(Kind::InvalidParameter, detail));
    }
    Ok(())
}

fn uri(app: &App, new: &NewCaller) -> String {
    format!("{}:{}:{}", app.config.appliance.uri_base, new.kind.as_str(), new.id)
}

fn facts(caller: &Row) -> serde_json::Value {
    json!({
        "kind": text(caller, "kind"),
        "organisation": text(caller, "organisation"),
        "roles": records::roles_of(caller),
        "state": text(caller, "state"),
    })
}

/// The facts, with the key that is proposed or approved.
fn keyed_facts(caller: &Row, key: Option<&str>) -> serde_json::Value {
    let mut facts = facts(caller);
    if let (Some(members), Some(key)) = (facts.as_object_mut(), key) {
        members.insert("key".to_owned(), key.into());
    }
    facts
}

/// Certificates of one unit: their rows' names and digests must fit into one leaf of the log (65,535 octets).
const PART: u32 = 200;
/// Work of one request, well within its time.
const AT_ONCE: Duration = Duration::from_secs(20);
/// Parts that may find a certificate changed meanwhile before the request gives up for now.
const MISSES: u32 = 5;
