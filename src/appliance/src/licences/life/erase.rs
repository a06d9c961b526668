//! Erasing what is personal of a licence that leads nowhere any more (个人信息保护法 art. 47).
//!
//! In one unit of work: the key of all that is encrypted of it is destroyed; its fields, the hashes by which holders, agents and
//! verifiers were found, and the octets of everything that was made of it are removed; the side records of entries that name
//! who looked and what copies were for lose their keys. What stays says where the licence stands: its row, its versions'
//! identifiers and digests, its place in the status list, the steps of its life. Every proof keeps verifying, because leaves and
//! row digests hold nothing personal.
//!
//! Not here: backups that were made before, which hold what they held until they are destroyed themselves, and entries that
//! were about a person and not about a licence (a department's search by number), for which there is `audit.erase`.

use std::sync::Arc;

use licence::life::ErasureGround;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::LifeError;
use super::rules::rules;
use super::service::{Done, kept, life};
use crate::app::{App, Unsealed};
use crate::documents::model::{BadParameter, is_shown_text};
use crate::documents::replay::ReplayKey;
use crate::journal::{CommitError, Unit, generations};
use crate::licences::catalogue;
use crate::licences::library::{Licence, erased, records};
use crate::policy::{EraseLicence, Permit};
use crate::store::tables::{
    LICENCE_ARTEFACTS, LICENCE_DELEGATIONS, LICENCE_EVENTS, LICENCE_HOLDERS, LICENCE_TYPES,
};
use crate::store::{Row, StoreError, Value};

/// Why what is personal of a licence is to be erased.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Erasing {
    /// Why, in words; kept in the side record of the entry, where it can be erased.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// The provision it rests on, as it is cited; told to whoever asks for the licence. Names nobody.
    #[schema(required = true)]
    pub basis: Option<String>,
    /// Which case of the Personal Information Protection Law, art. 47: `purpose-achieved`, `retention-over`,
    /// `consent-withdrawn`, `unlawful`, `other`.
    #[schema(value_type = String, example = "retention-over", required = true)]
    pub ground: Option<ErasureGround>,
}

/// The same, complete.
struct Checked {
    reason: String,
    basis: String,
    ground: ErasureGround,
}

impl Erasing {
    fn check(self) -> Result<Checked, BadParameter> {
        let text = |text: Option<String>, name, most| match text {
            Some(text) if is_shown_text(&text, most) => Ok(text),
            Some(_) => Err(BadParameter { name, reason: "write visible characters, not too many" }),
            None => Err(BadParameter { name, reason: "say why, in words, and by which provision" }),
        };
        let none = BadParameter { name: "ground", reason: "name one of the grounds that the law knows" };
        Ok(Checked {
            reason: text(self.reason, "reason", 1000)?,
            basis: text(self.basis, "basis", 300)?,
            ground: self.ground.ok_or(none)?,
        })
    }
}

/// Erases what is personal of a licence. `replay` keeps the answer for a repeated request.
///
/// # Errors
/// [`LifeError`]; nothing was then done, [`CommitError::OutcomeUnknown`] excepted.
pub async fn erase(
    app: &Arc<App>,
    permit: &Permit<EraseLicence>,
    licence: &Licence,
    order: Erasing,
    replay: Option<&ReplayKey>,
) -> Result<Done, LifeError> {
    let checked = order.check()?;
    match attempt(app, permit, licence, &checked, replay).await {
        // The type changed since this node read it.
        Err(LifeError::TypeChanged) => {
            catalogue::forget(app);
            attempt(app, permit, licence, &checked, replay).await
        }
        done => done,
    }
}

async fn attempt(
    app: &Arc<App>,
    permit: &Permit<EraseLicence>,
    licence: &Licence,
    order: &Checked,
    replay: Option<&ReplayKey>,
) -> Result<Done, LifeError> {
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    erased::intact(app, licence).await?;
    let rules = rules(app, licence).await?;
    let life = life(licence);
    let state = life.state.at(life.valid_to, now.div_euclid(1_000_000));
    if let Some(operation) = state.leads_on(&rules.operations) {
        return Err(LifeError::LeadsOn { state, operation });
    }
    let row = licence
        .row
        .clone()
        .next_version()
        .with("data_key", Vec::new())
        .with("wrapped_by", "")
        .with("updated", now);
    let event = event(licence, order, &permit.caller().id, now);
    let (writes, details) = (writes(app, licence, now).await?, details(app, licence).await?);
    let facts = json!({
        "licence": licence.id(),
        "identifier": licence.identifier(),
        "state": state.as_str(),
        "ground": order.ground.as_str(),
        "rows": writes.len(),
        "details": details.len(),
    });
    let mut unit = Unit::new(permit.act())
        .facts(facts)
        .detail(json!({ "reason": order.reason }))
        .update(row.clone())
        .insert(event.clone())
        .guard(&LICENCE_TYPES, licence.type_code(), rules.type_version)
        .bump(generations::LICENCES);
    if let Some(key) = replay {
        unit = unit.cache_insert(kept(app, &unsealed, key, &event, now)?);
    }
    let unit = whole(unit, permit, licence, writes, &details);
    commit(&unsealed, unit, row, event).await
}

async fn commit(unsealed: &Unsealed, unit: Unit, row: Row, event: Row) -> Result<Done, LifeError> {
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Done { row, event, committed })
}

/// One write to what hangs on the licence.
enum Write {
    Update(Row),
    /// Of the index of holders.
    Delete(Row),
}

/// Puts the writes into the unit, as many to an entry as a leaf has room for.
fn whole(
    mut unit: Unit,
    permit: &Permit<EraseLicence>,
    licence: &Licence,
    writes: Vec<Write>,
    details: &[u64],
) -> Unit {
    let further = || Unit::new(permit.act()).facts(json!({ "licence": licence.id(), "further": true }));
    for (place, write) in writes.into_iter().enumerate() {
        if place > 0 && place.is_multiple_of(ROWS) {
            unit = unit.also(further());
        }
        unit = match write {
            Write::Update(row) => unit.update(row),
            Write::Delete(row) => unit.delete(&LICENCE_HOLDERS, row.id(), row.version()),
        };
    }
    for part in details.chunks(DETAILS) {
        unit = unit.also(part.iter().fold(further(), |unit, leaf| unit.erase_detail(*leaf)));
    }
    unit
}

/// What of the rows that hang on a licence is removed. Each is guarded by its version, so that nothing comes in between; what
/// is new guards the licence's own.
async fn writes(app: &App, licence: &Licence, now: i64) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for version in records::versions(&app.db, licence.id()).await? {
        let row = version.row.next_version().with("fields", "{}").with("sealed", Vec::new());
        writes.push(Write::Update(row.with("known", Value::Null).with("known_by", Value::Null)));
    }
    // Digests stay: by them a file that somebody brings is told as one of a licence that is void.
    let artefacts = "SELECT id, version, licence, identifier, kind, media_type, length, sha256, NULL AS sealed, made \
                     FROM licence_artefacts WHERE licence = $1 ORDER BY id";
    for record in app.db.fetch_all(artefacts, &[licence.id().into()]).await? {
        let row = record.to_row(&LICENCE_ARTEFACTS)?.next_version();
        writes.push(Write::Update(row.with("sealed", Vec::new())));
    }
    let delegations = "SELECT id, version, licence, agent_kind, agent_key, agent_hash, agent_sealed, fields, items, \
                       until, granted, used, state, caller, created, ended, leaf FROM licence_delegations \
                       WHERE licence = $1 ORDER BY id";
    for record in app.db.fetch_all(delegations, &[licence.id().into()]).await? {
        let row = record.to_row(&LICENCE_DELEGATIONS)?.next_version();
        let ended = records::int(&row, "ended").unwrap_or(now);
        let row = row.with("agent_key", "").with("agent_hash", "").with("agent_sealed", Vec::new());
        writes.push(Write::Update(row.with("state", "revoked").with("ended", ended)));
    }
    writes.extend(records::holders(&app.db, licence.id()).await?.into_iter().map(Write::Delete));
    Ok(writes)
}

/// The entries about this licence whose side records name somebody: who looked, whom copies were for.
async fn details(app: &App, licence: &Licence) -> Result<Vec<u64>, StoreError> {
    let sql = "SELECT leaf FROM details WHERE wrapped_key IS NOT NULL AND leaf IN \
               (SELECT leaf FROM licence_uses WHERE licence = $1 UNION SELECT leaf FROM licence_copies WHERE licence = $1) \
               ORDER BY leaf";
    let records = app.db.fetch_all(sql, &[licence.id().into()]).await?;
    let mut leaves = Vec::with_capacity(records.len());
    for record in records {
        leaves.extend(u64::try_from(record.int("leaf")?).ok());
    }
    Ok(leaves)
}

/// The row of the step: its words are in the entry's side record, for the licence has no key any more.
fn event(licence: &Licence, order: &Checked, caller: &str, now: i64) -> Row {
    Row::new(&LICENCE_EVENTS, vec![Value::Null; LICENCE_EVENTS.columns.len()])
        .with("id", uuid::Uuid::now_v7().to_string())
        .with("version", 1)
        .with("licence", licence.id())
        .with("identifier", licence.identifier())
        .with("operation", erased::STEP)
        .with("before", licence.text("state"))
        .with("after", licence.text("state"))
        .with("ground", order.ground.as_str())
        .with("basis", order.basis.as_str())
        .with("caller", caller)
        .with("time", now)
}

/// Rows that an entry answers for: each takes up to 250 octets of a leaf, which has 65,535.
const ROWS: usize = 200;
/// Side records that an entry names.
const DETAILS: usize = 2000;
