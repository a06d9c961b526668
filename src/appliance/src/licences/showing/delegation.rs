//! 委托: a holder lets an agent show a licence in their place, within limits.
//!
//! The agent's number is kept encrypted under the licence's key and as a keyed hash, by which the agent's own platform finds
//! what was given to them. What is given out under a delegation is counted in the unit that gives it out. Taking it back ends
//! the codes made under it at once.

use serde_json::json;
use zeroize::Zeroizing;

use super::bounds;
use super::model::{LicenceDelegation, NewLicenceDelegation, NewShowCode, OfHolder};
use super::parts::{self, Attempt};
use crate::app::App;
use crate::callers::records::time;
use crate::documents::model::BadParameter;
use crate::documents::replay::ReplayKey;
use crate::journal::{Committed, Unit};
use crate::licences::library::{self, DataKey, LibraryError, Licence, holder, keys::kinds, records};
use crate::policy::{DelegateLicence, Permit};
use crate::problem::{Kind, Problem, Result};
use crate::store::tables::{LICENCE_DELEGATIONS, LICENCES};
use crate::store::{Row, Value};

/// Lets an agent show a licence in its holder's place.
///
/// # Errors
/// A problem.
pub async fn delegate(
    app: &App,
    permit: &Permit<DelegateLicence>,
    licence: Option<Licence>,
    new: &NewLicenceDelegation,
    replay: Option<&ReplayKey>,
) -> Result<(Row, u64)> {
    let (licence, role) = parts::held(app, &permit.caller().id, &new.licence, licence, &new.holder).await?;
    let unfit = |name, reason| Err(Problem::from(BadParameter { name, reason }));
    if holder::normalised(&new.agent.number) == holder::normalised(&new.holder.number) {
        return unfit("agent", "the agent is the holder, who needs no delegation");
    }
    let definition = parts::definition(app, licence.type_code(), licence.type_number()).await?;
    let all = parts::fields(&definition);
    let mut named = new.fields.iter().flatten();
    if named.any(|name| !all.iter().any(|(known, _)| known == name)) {
        return unfit("fields", "licences of this type do not have all of these fields");
    }
    let id = licence.id().to_owned();
    match parts::bounded(|| attempt(app, permit, &id, &role, new, replay)).await {
        // The same request was faster, or its outcome was not known: what is on record is the answer.
        Err(problem) => before(app, replay).await?.ok_or(problem),
        done => done,
    }
}

/// What the same request brought about before: the delegation as it is now, and the leaf of the newest entry about it.
///
/// # Errors
/// A problem.
pub async fn before(app: &App, replay: Option<&ReplayKey>) -> Result<Option<(Row, u64)>> {
    let Some(kept) = parts::repeated(app, replay).await? else { return Ok(None) };
    let missing = || Problem::internal(format!("delegation `{kept}` of an answered request is not there"));
    let row = app.db.row(&LICENCE_DELEGATIONS, &kept).await?.ok_or_else(missing)?;
    let leaf = records::int(&row, "leaf").and_then(|leaf| u64::try_from(leaf).ok()).unwrap_or_default();
    Ok(Some((row, leaf)))
}

async fn attempt(
    app: &App,
    permit: &Permit<DelegateLicence>,
    licence: &str,
    role: &str,
    new: &NewLicenceDelegation,
    replay: Option<&ReplayKey>,
) -> std::result::Result<(Row, u64), Attempt> {
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    let licence = records::licence(&app.db, licence).await?.ok_or_else(parts::not_theirs)?;
    parts::in_force(&licence, now)?;
    let until = new.until.as_microsecond();
    if until <= now || until > now.saturating_add(bounds::DELEGATED) {
        let bad = BadParameter { name: "until", reason: "name an end between now and a year from now" };
        return Err(Problem::from(bad).into());
    }
    if in_force(app, licence.id(), now).await? >= bounds::DELEGATIONS {
        let detail = "Too many delegations of this licence are in force; take one back first.";
        return Err(Problem::new(Kind::Conflict, detail).into());
    }
    let id = uuid::Uuid::now_v7().to_string();
    let key = library::data_key(&unsealed, &licence)?;
    let number = holder::normalised(&new.agent.number);
    let sealed = key.seal(&id, kinds::WORDS, number.as_bytes())?;
    let hashes = holder::hash(app, &new.agent.kind, &new.agent.number).await?;
    let (label, hash) = hashes.into_iter().next().unwrap_or_default();
    let row = Row::new(
        &LICENCE_DELEGATIONS,
        vec![
            id.as_str().into(),
            1.into(),
            licence.id().into(),
            new.agent.kind.as_str().into(),
            label.into(),
            hash.into(),
            sealed.into(),
            new.fields.as_deref().map(parts::list).into(),
            new.items.as_deref().map(parts::list).into(),
            until.into(),
            i64::from(new.count).into(),
            0.into(),
            "active".into(),
            permit.caller().id.as_str().into(),
            now.into(),
            Value::Null,
            Value::Null,
        ],
    );
    let facts = json!({
        "delegation": id,
        "licence": licence.id(),
        "by": role,
        "fields": new.fields,
        "items": new.items,
        "until": parts::moment(until),
        "count": new.count,
    });
    // The agent's number is in the row, under the licence's key: it goes where the licence is erased.
    let mut unit = Unit::new(permit.act()).facts(facts).insert(row.clone()).guard(
        &LICENCES,
        licence.id(),
        licence.version(),
    );
    if let Some(kept) = parts::repeatable(app, &unsealed, replay, &id, now)? {
        unit = unit.cache_insert(kept);
    }
    let committed = unsealed.journal.commit(unit).await?;
    Ok((row, committed.leaf))
}

async fn in_force(app: &App, licence: &str, now: i64) -> Result<usize> {
    let sql = "SELECT count(*) AS n FROM licence_delegations WHERE licence = $1 AND state = 'active' AND until > $2 \
               AND used < granted";
    let found = app.db.fetch_optional(sql, &[licence.into(), now.into()]).await?;
    let many = found.map_or(Ok(0), |record| record.int("n"))?;
    Ok(usize::try_from(many).unwrap_or(usize::MAX))
}

/// Takes a delegation back, for the holder who is named; codes made under it show nothing any more.
///
/// # Errors
/// A problem.
pub async fn revoke(
    app: &App,
    permit: &Permit<DelegateLicence>,
    row: Row,
    holder: &super::model::Party,
) -> Result<(Row, Committed)> {
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    let licence = records::licence(&app.db, records::text(&row, "licence")).await?;
    let asked = records::text(&row, "licence");
    let (_, role) = parts::held(app, &permit.caller().id, asked, licence, holder).await?;
    if records::text(&row, "state") != "active" {
        return Err(Problem::new(Kind::Conflict, "It was taken back already.").with("zh", "该委托已撤回"));
    }
    let row = row.next_version().with("state", "revoked").with("ended", now);
    let facts = json!({
        "delegation": row.id(),
        "licence": records::text(&row, "licence"),
        "by": role,
        "revoked": true,
    });
    let unit = Unit::new(permit.act()).facts(facts).update(row.clone());
    let committed = unsealed.journal.commit(unit).await?;
    Ok((row, committed))
}

/// Delegations of a holder's licences, or those given to an agent, newest first; one more than `limit`. The answer is an
/// entry before it leaves.
///
/// # Errors
/// A problem.
pub async fn list(
    app: &App,
    permit: &Permit<DelegateLicence>,
    asked: &OfHolder,
    limit: u32,
) -> Result<Vec<Row>> {
    let unsealed = app.unsealed()?;
    let party = asked.party()?;
    let hashes = holder::hash(app, &party.kind, &party.number).await?;
    let mut parameters: Vec<Value> = Vec::new();
    let mut place = |value: Value| {
        parameters.push(value);
        format!("${}", parameters.len())
    };
    let all: Vec<String> = hashes.iter().map(|(_, hash)| place(hash.as_str().into())).collect();
    let all = all.join(", ");
    let mut sql = match asked.agent {
        Some(_) => format!("{SELECT} WHERE agent_hash IN ({all})"),
        None => {
            format!("{SELECT} WHERE licence IN (SELECT licence FROM licence_holders WHERE hash IN ({all}))")
        }
    };
    if let Some(licence) = &asked.licence {
        let id = library::licence_id(licence).unwrap_or_default();
        sql.push_str(&format!(" AND licence = {}", place(id.into())));
    }
    if let Some(before) = &asked.after {
        sql.push_str(&format!(" AND id < {}", place(before.as_str().into())));
    }
    sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", place(i64::from(limit + 1).into())));
    let records = app.db.fetch_built(sql, &parameters).await?;
    let rows: std::result::Result<Vec<Row>, _> =
        records.iter().map(|record| record.to_row(&LICENCE_DELEGATIONS)).collect();
    let rows = rows?;
    let of = if asked.agent.is_some() { "agent" } else { "holder" };
    let unit = Unit::new(permit.act())
        .facts(json!({ "listed": rows.len(), "of": of }))
        .detail(json!({ of: { "kind": party.kind, "number": party.number } }));
    unsealed.journal.commit(unit).await?;
    Ok(rows)
}

/// The licence, if the delegation is of it and the party is its agent. One answer for whatever does not fit.
pub(super) async fn agents(
    app: &App,
    caller: &str,
    asked: &str,
    licence: Option<Licence>,
    delegation: &str,
    agent: &super::model::Party,
) -> Result<Licence> {
    let who = parts::tries("agent", caller, asked);
    parts::struck(app, &who, false)?;
    let hashes = holder::hash(app, &agent.kind, &agent.number).await?;
    let row = app.db.row(&LICENCE_DELEGATIONS, delegation).await?;
    let right = row.is_some_and(|row| {
        let of = licence.as_ref().is_some_and(|licence| records::text(&row, "licence") == licence.id());
        of && hashes.iter().any(|(key, hash)| {
            records::text(&row, "agent_key") == key && records::text(&row, "agent_hash") == hash
        })
    });
    match licence {
        Some(licence) if right => Ok(licence),
        _ => {
            parts::struck(app, &who, true)?;
            Err(parts::not_theirs())
        }
    }
}

/// The delegation, if it admits a further code now.
pub(super) async fn admitting(
    app: &App,
    licence: &Licence,
    delegation: &str,
    new: &NewShowCode,
    now: i64,
) -> Result<Row> {
    let row = app.db.row(&LICENCE_DELEGATIONS, delegation).await?;
    let row =
        row.filter(|row| records::text(row, "licence") == licence.id()).ok_or_else(parts::not_theirs)?;
    let int = |column: &str| records::int(&row, column).unwrap_or_default();
    if records::text(&row, "state") != "active" {
        return Err(forbids("state", "The holder has taken the delegation back.", "委托已撤回"));
    }
    if int("until") <= now {
        return Err(forbids(
            "until",
            "The delegation is over; have the holder make a new one.",
            "委托已到期",
        ));
    }
    if int("used") + i64::from(new.uses()) > int("granted") {
        return Err(forbids(
            "count",
            "The licence was shown under it as often as the holder allowed.",
            "超出委托次数",
        ));
    }
    if let Some(items) = row.value("items").as_text() {
        let fits = new.item.as_ref().is_some_and(|item| parts::unlist(items).contains(item));
        if !fits {
            return Err(forbids(
                "items",
                "Name an item for which the holder lets the agent show it.",
                "超出委托事项范围",
            ));
        }
    }
    Ok(row)
}

/// What goes beyond a delegation.
pub(super) fn forbids(limit: &'static str, detail: &'static str, zh: &'static str) -> Problem {
    Problem::new(Kind::DelegationForbids, detail).with("beyond", limit).with("zh", zh)
}

/// Brings the hashes of a licence's agents under the key of this label, in the unit that does so for its holders.
///
/// # Errors
/// [`LibraryError`].
pub async fn renewed(
    app: &App,
    licence: &Licence,
    key: &DataKey,
    label: &str,
    mut unit: Unit,
) -> std::result::Result<Unit, LibraryError> {
    let sql = format!("{SELECT} WHERE licence = $1 AND agent_key <> $2 ORDER BY id");
    let records = app.db.fetch_built(sql, &[licence.id().into(), label.into()]).await?;
    for record in &records {
        let row = record.to_row(&LICENCE_DELEGATIONS)?;
        let sealed = row.value("agent_sealed").as_bytes().unwrap_or_default();
        let number = key.open(row.id(), kinds::WORDS, sealed)?;
        let number = Zeroizing::new(String::from_utf8_lossy(&number).into_owned());
        let hashes = holder::hash(app, records::text(&row, "agent_kind"), &number).await?;
        if let Some((_, hash)) = hashes.into_iter().find(|(known, _)| known == label) {
            unit = unit.update(row.next_version().with("agent_key", label).with("agent_hash", hash));
        }
    }
    Ok(unit)
}

/// As callers see it.
pub(super) fn record(row: &Row, now: i64) -> LicenceDelegation {
    let text = |column: &str| records::text(row, column).to_owned();
    let int = |column: &str| records::int(row, column).unwrap_or_default();
    let texts = |column: &str| row.value(column).as_text().map(parts::unlist);
    let state = match records::text(row, "state") {
        "active" if int("until") <= now => "expired",
        "active" if int("used") >= int("granted") => "used",
        state => state,
    };
    LicenceDelegation {
        id: row.id().to_owned(),
        version: row.version(),
        licence: text("licence"),
        agent_kind: text("agent_kind"),
        fields: texts("fields"),
        items: texts("items"),
        until: time(row, "until").unwrap_or_default(),
        count: int("granted"),
        used: int("used"),
        state: state.to_owned(),
        created: time(row, "created").unwrap_or_default(),
        ended: time(row, "ended"),
    }
}

const SELECT: &str = "SELECT id, version, licence, agent_kind, agent_key, agent_hash, agent_sealed, fields, items, \
                      until, granted, used, state, caller, created, ended, leaf FROM licence_delegations";
