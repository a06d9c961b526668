//! Rotation of the library's keys, without a pause: from the act on new licences are under the new keys, and what is under the
//! former is re-wrapped and re-hashed in small steps by [`keep`], on any node. Reads and searches go on: a row names the key it
//! is under, and who looks for a holder asks by every hash key that entries may still be under.
//!
//! Wrapped keys are exempt from row digests: re-wrapping changes no state and has one entry at its end. Hashes are state: each
//! step is an act of the appliance, through the same policies as everybody's. A former key stays in custody until an officer
//! destroys it there, because backups made before the rotation need it.

use std::sync::Arc;
use std::time::Duration;

use custody::Usage;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::holder::{self, HOLDER, Person};
use super::keys::{
    DataKey, HASHING, OLDEST, Round, WRAPPING, ensure, generations, hashing_label, opened, wrapping_label,
};
use super::records::{self, Licence, text};
use super::{LibraryError, opened_content};
use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Committed, Unit};
use crate::policy::{Denied, Facts, KeepLicences, Permit, Resource, RotateLicenceKeys};
use crate::problem::{Kind, Problem};
use crate::server::listener::Stopping;
use crate::store::tables::{LICENCE_HOLDERS, LICENCE_NUMBERS};
use crate::store::{Record, Rewrapped, Row, StoreError, Value};

/// Which keys to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The key that wraps the data keys.
    Wrapping,
    /// The key of the hashes by which holders are found.
    Holders,
    /// Both.
    All,
}

/// How the keys stand.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeysView {
    /// Label of the key that data keys are wrapped under.
    pub wrapping: String,
    /// Licences whose data key is still under a former one and will be wrapped anew.
    pub to_rewrap: i64,
    /// Licences under a former one that this node could not re-wrap, because their data key does not open: restore them from a
    /// backup, and keep the former key until then.
    pub unreadable: i64,
    /// Label of the key of the holders' hashes.
    pub holders: String,
    /// Entries of the index that are still under a former one and will be renewed.
    pub to_rehash: i64,
    /// Entries under a former one that this node could not renew, because what is kept of their licence does not open.
    pub unreadable_holders: i64,
}

/// Why keys were not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The library.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A rotation before is not done yet.
    #[error(
        "{left} entries are still under a former key of the holders' hashes; rotate again when they are renewed"
    )]
    Underway {
        /// How many.
        left: i64,
    },
    /// The policies.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<RotateError> for Problem {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Library(error) => error.into(),
            RotateError::Underway { left } => Self::new(Kind::Conflict, error.to_string())
                .with("left", left)
                .with("zh", "上一次密钥轮换尚未完成"),
            RotateError::Denied(error) => error.into(),
            RotateError::Commit(error) => error.into(),
        }
    }
}

impl From<StoreError> for RotateError {
    fn from(error: StoreError) -> Self {
        Self::Library(error.into())
    }
}

impl From<custody::CustodyError> for RotateError {
    fn from(error: custody::CustodyError) -> Self {
        Self::Library(error.into())
    }
}

/// Begins to use new keys. What is under the former ones follows by itself.
///
/// # Errors
/// [`RotateError`]; nothing was then changed.
pub async fn rotate(
    app: &App,
    permit: &Permit<RotateLicenceKeys>,
    which: Which,
) -> Result<Committed, RotateError> {
    let unsealed = opened(app)?;
    app.licences.keys.forget();
    let now = generations(app).await?;
    let suite = app.keystore().suite();
    let mut unit = Unit::new(permit.act());
    let mut facts = serde_json::Map::new();
    if which != Which::Holders {
        let label = wrapping_label(app, now.wrapping + 1);
        ensure(unsealed.custody.as_ref(), suite, &label, Usage::Seal)?;
        unit = moved(app, unit, WRAPPING, now.wrapping + 1).await?;
        facts.insert("wrapping".to_owned(), label.into());
    }
    if which != Which::Wrapping {
        // What is left when a round is through does not open: the next generation does not wait for it.
        let left = view(app).await?.to_rehash;
        if left > 0 && now.oldest < now.hashing {
            return Err(RotateError::Underway { left });
        }
        let label = hashing_label(now.hashing + 1);
        ensure(unsealed.custody.as_ref(), suite, &label, Usage::Mac)?;
        unit = moved(app, unit, HASHING, now.hashing + 1).await?;
        unit = moved(app, unit, OLDEST, now.hashing).await?;
        facts.insert("holders".to_owned(), label.into());
    }
    let committed = unsealed.journal.commit(unit.facts(facts.into())).await;
    app.licences.keys.forget();
    match committed {
        Err(CommitError::Conflict { .. } | CommitError::Exists { .. }) => Err(LibraryError::Busy.into()),
        committed => Ok(committed?),
    }
}

/// How the keys stand.
///
/// # Errors
/// [`LibraryError::Store`].
pub async fn view(app: &App) -> Result<KeysView, LibraryError> {
    let now = generations(app).await?;
    let (wrapping, holders) = (wrapping_label(app, now.wrapping), hashing_label(now.hashing));
    let count = async |sql: &'static str, label: &str| {
        let found = app.db.fetch_optional(sql, &[label.into()]).await?;
        found.map_or(Ok(0), |record| record.int("n"))
    };
    let rewrap =
        "SELECT COUNT(*) AS n FROM licences WHERE (wrapped_by < $1 OR wrapped_by > $1) AND wrapped_by <> ''";
    let rehash = "SELECT COUNT(*) AS n FROM licence_holders WHERE key < $1 OR key > $1";
    let (rewrap, rehash) = (count(rewrap, &wrapping).await?, count(rehash, &holders).await?);
    let unreadable = |round, all: i64| app.licences.keys.unreadable(round).min(all);
    let (damaged, damaged_holders) =
        (unreadable(Round::Wrapping, rewrap), unreadable(Round::Holders, rehash));
    Ok(KeysView {
        to_rewrap: rewrap - damaged,
        unreadable: damaged,
        to_rehash: rehash - damaged_holders,
        unreadable_holders: damaged_holders,
        wrapping,
        holders,
    })
}

async fn moved(app: &App, unit: Unit, id: &str, number: i64) -> Result<Unit, StoreError> {
    Ok(match app.db.row(&LICENCE_NUMBERS, id).await? {
        Some(row) => unit.update(row.next_version().with("next", number)),
        None => unit.insert(Row::new(&LICENCE_NUMBERS, vec![id.into(), Value::Int(1), number.into()])),
    })
}

/// Carries rotations on until told to stop.
pub(crate) async fn watch(app: Arc<App>, mut stop: Stopping) {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = tick.tick() => {}
        }
        let mut more = app.unsealed().is_ok();
        while more && !stop.is_stopping() {
            more = match keep(&app).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::error!(%error, "licences could not be brought under the new keys");
                    false
                }
            };
        }
    }
}

/// One step: a few data keys wrapped anew, a few holders hashed anew. `true` while there is more to do.
///
/// # Errors
/// [`RotateError`]; what was done until then is done.
pub async fn keep(app: &App) -> Result<bool, RotateError> {
    let unsealed = opened(app)?;
    let now = generations(app).await?;
    let wrapping = wrapping_label(app, now.wrapping);
    let rewrapped = rewrap(app, &unsealed, &wrapping).await?;
    let rehashed = rehash(app, &unsealed, &hashing_label(now.hashing)).await?;
    if now.oldest < now.hashing && rehashed == 0 {
        finish(app, &unsealed, now.hashing).await?;
    }
    Ok(rewrapped + rehashed > 0)
}

/// Wraps a few data keys anew; how many. Those that do not open are passed over, or nothing behind them would ever be wrapped.
async fn rewrap(app: &App, unsealed: &Unsealed, label: &str) -> Result<usize, RotateError> {
    const LICENCES: &str = "SELECT id, data_key, wrapped_by FROM licences WHERE (wrapped_by < $1 OR wrapped_by > $1) \
                            AND wrapped_by <> '' AND (wrapped_by > $2 OR (wrapped_by = $2 AND id > $3)) \
                            ORDER BY wrapped_by, id LIMIT 200";
    const JOBS: &str = "SELECT id, data_key, wrapped_by FROM licence_jobs WHERE wrapped_by <> $1 \
                        AND state IN ('waiting', 'running', 'stopped') \
                        AND (wrapped_by > $2 OR (wrapped_by = $2 AND id > $3)) ORDER BY wrapped_by, id LIMIT 200";
    let (licences, passed) = opening(app, unsealed, LICENCES, label).await?;
    if licences.is_empty() {
        app.licences.keys.passed(Round::Wrapping, passed);
    }
    let (jobs, _) = opening(app, unsealed, JOBS, label).await?;
    let done = licences.len() + jobs.len();
    app.db.rewrap_licences(licences).await?;
    app.db.rewrap_licence_jobs(jobs).await?;
    Ok(done)
}

/// The first page of data keys of which one opens at least, and how many were passed over until then.
async fn opening(
    app: &App,
    unsealed: &Unsealed,
    sql: &'static str,
    label: &str,
) -> Result<(Vec<Rewrapped>, usize), RotateError> {
    let (mut by, mut id) = (String::new(), String::new());
    let mut passed = 0;
    loop {
        let records = app.db.fetch_all(sql, &[label.into(), by.as_str().into(), id.as_str().into()]).await?;
        let Some(last) = records.last() else { return Ok((Vec::new(), passed)) };
        (by, id) = (last.text("wrapped_by")?.to_owned(), last.text("id")?.to_owned());
        let mut opened = Vec::with_capacity(records.len());
        for record in &records {
            match rewrapped(app, unsealed, record, label) {
                Ok(one) => opened.push(one),
                Err(error) if is_damaged(&error) => {
                    passed += 1;
                    app.licences.keys.damaged(record.text("id")?, &error);
                }
                Err(error) => return Err(error),
            }
        }
        if !opened.is_empty() {
            return Ok((opened, passed));
        }
    }
}

/// Whether the fault is that row's own. Anything else, a key that does not serve or a store that fails, may pass and is no
/// reason to pass a row over.
fn is_damaged(error: &RotateError) -> bool {
    use LibraryError::{Altered, Damaged, Erased, ErasedThen, Unknown};
    matches!(
        error,
        RotateError::Library(Altered { .. } | Damaged { .. } | Erased(_) | ErasedThen(_) | Unknown { .. })
    )
}

fn rewrapped(app: &App, unsealed: &Unsealed, record: &Record, label: &str) -> Result<Rewrapped, RotateError> {
    let (id, was) = (record.text("id")?.to_owned(), record.text("wrapped_by")?.to_owned());
    let custody = unsealed.custody.as_ref();
    let key = DataKey::unwrap(custody, &id, record.bytes("data_key")?, &was)?;
    let wrapped = key.wrap_under(custody, app.keystore().suite(), label.to_owned(), &id)?;
    Ok(Rewrapped { id, was, key: wrapped.key, by: wrapped.by })
}

/// Brings the entries of a few licences, and what verifiers may know of them, under the present key.
async fn rehash(app: &App, unsealed: &Unsealed, label: &str) -> Result<usize, RotateError> {
    const SQL: &str = "SELECT DISTINCT licence FROM licence_holders WHERE (key < $1 OR key > $1) AND licence > $2 \
                       ORDER BY licence LIMIT 16";
    let (mut unit, mut ids) = (Unit::new(head(&permit(app)?, "licence-key.rehash")), Vec::new());
    let (mut after, mut passed) = (String::new(), 0);
    while ids.is_empty() {
        let found = app.db.fetch_all(SQL, &[label.into(), after.as_str().into()]).await?;
        let Some(last) = found.last() else {
            app.licences.keys.passed(Round::Holders, passed);
            return Ok(0);
        };
        after = last.text("licence")?.to_owned();
        for record in &found {
            let id = record.text("licence")?;
            let Some(licence) = records::licence(&app.db, id).await? else { continue };
            match renewed(app, unsealed, &licence, label, unit.clone()).await {
                Ok(more) => {
                    unit = more;
                    ids.push(id.to_owned());
                }
                Err(error) if is_damaged(&error) => {
                    let entries = records::holders(&app.db, id).await?;
                    passed += entries.iter().filter(|entry| text(entry, "key") != label).count();
                    app.licences.keys.damaged(id, &error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    let done = ids.len();
    let facts = json!({ "key": label, "licences": ids });
    match unsealed.journal.commit(unit.facts(facts)).await {
        // Somebody changed one of them, or another node was faster: the next step looks again.
        Ok(_) | Err(CommitError::Conflict { .. } | CommitError::Exists { .. }) => Ok(done),
        Err(error) => Err(error.into()),
    }
}

async fn renewed(
    app: &App,
    unsealed: &Unsealed,
    licence: &Licence,
    label: &str,
    mut unit: Unit,
) -> Result<Unit, RotateError> {
    let key = super::data_key(unsealed, licence)?;
    for version in records::versions(&app.db, licence.id()).await? {
        let Some(version) = records::version(&app.db, version.identifier()).await? else { continue };
        let content = opened_content(&key, &version)?;
        if version.identifier() == licence.identifier() {
            let mut persons = vec![Person {
                role: HOLDER.to_owned(),
                kind: content.holder.kind.clone(),
                number: content.holder.number.clone(),
            }];
            persons.extend(content.others.iter().map(|(role, number)| Person {
                role: role.clone(),
                kind: "111".to_owned(),
                number: number.clone(),
            }));
            let present = records::holders(&app.db, licence.id()).await?;
            let wanted = holder::rows_under(app, unsealed, licence.id(), &persons, label)?;
            for row in wanted {
                if !present.iter().any(|known| known.id() == row.id()) {
                    unit = unit.insert(row);
                }
            }
            for known in present.iter().filter(|known| text(known, "key") != label) {
                unit = unit.delete(&LICENCE_HOLDERS, known.id(), known.version());
            }
        }
        if text(&version.row, "known_by") != label {
            let known = known(app, licence, &version, &content.fields).await?;
            let known = holder::known_under(app, unsealed, licence.id(), &known, label)?;
            unit = unit.update(version.row.next_version().with("known", known).with("known_by", label));
        }
    }
    Ok(crate::licences::showing::delegation::renewed(app, licence, &key, label, unit).await?)
}

/// What verifiers may know of a version: the fields that had a hash, with their values as the type normalises them.
async fn known(
    app: &App,
    licence: &Licence,
    version: &records::Version,
    fields: &serde_json::Map<String, serde_json::Value>,
) -> Result<Vec<(String, String)>, RotateError> {
    let kind = crate::licences::catalogue::at(app, licence.type_code(), version.type_number()).await;
    let kind = kind.map_err(|error| LibraryError::Damaged {
        id: version.identifier().to_owned(),
        fault: error.to_string(),
    })?;
    Ok(kind.compiled.known(fields).into_iter().map(|(field, value)| (field.to_owned(), value)).collect())
}

/// Enters that nothing is under the former hash key any more: from now on nobody asks by it.
async fn finish(app: &App, unsealed: &Unsealed, hashing: i64) -> Result<(), RotateError> {
    let unit = Unit::new(head(&permit(app)?, "licence-key.renewed"));
    let unit = unit.facts(json!({ "holders": hashing_label(hashing) }));
    let unit = moved(app, unit, OLDEST, hashing).await?;
    match unsealed.journal.commit(unit).await {
        Ok(_) => app.licences.keys.forget(),
        Err(CommitError::Conflict { .. } | CommitError::Exists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The keeper's permit, through the same policies as everybody's (decision 14).
pub(crate) fn permit(app: &App) -> Result<Permit<KeepLicences>, Denied> {
    app.policy.decide::<KeepLicences>(&Caller::system(KEEPER), Resource::appliance(), Facts::default())
}

fn head(permit: &Permit<KeepLicences>, action: &str) -> Act {
    Act { action: action.to_owned(), ..permit.act() }
}

const KEEPER: &str = "licence-keeper";
/// How often it is looked whether there is something to do.
const PERIOD: Duration = Duration::from_secs(2);
