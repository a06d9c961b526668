//! What several acts of showing share: whose a licence is, where it stands, which fields its type has, and how an act that
//! others came in between is tried again.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use licence::catalogue::{FieldTags, Sensitivity, TypeDefinition};
use licence::life::State;
use serde_json::{Map, Value as Json};

use super::model::{Party, ShownLicenceField};
use crate::app::{App, Unsealed};
use crate::documents::replay::ReplayKey;
use crate::journal::CommitError;
use crate::licences::library::{DataKey, LibraryError, Licence, Version, holder, keys::kinds, records};
use crate::problem::{Kind, Problem, Result};
use crate::store::tables::LICENCE_TYPE_VERSIONS;
use crate::store::{Row, StoreError};

/// The time of the log, microseconds.
pub(super) fn now(unsealed: &Unsealed) -> Result<i64> {
    Ok(unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?)
}

/// Microseconds as RFC 3339.
pub(super) fn moment(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

/// Seconds as RFC 3339.
pub(super) fn instant(seconds: i64) -> String {
    moment(seconds.saturating_mul(1_000_000))
}

/// As whose a licence is found by this number: the holder's, or that of another whom its type names by a role.
async fn role(app: &App, licence: Option<&Licence>, party: &Party) -> Result<Option<String>> {
    // Computed for unknown licences too: the time an answer takes tells nothing.
    let hashes = holder::hash(app, &party.kind, &party.number).await?;
    let id = licence.map_or("", Licence::id);
    let rows = records::holders(&app.db, id).await?;
    let found = rows.iter().find(|row| {
        let (key, hash) = (records::text(row, "key"), records::text(row, "hash"));
        hashes.iter().any(|(label, code)| label == key && code == hash)
    });
    Ok(found.map(|row| records::text(row, "role").to_owned()))
}

/// That a caller has not named too many numbers that are not the licence's holder's; counts one more when `wrong`.
pub(super) fn struck(app: &App, who: &str, wrong: bool) -> Result<()> {
    let strikes = &app.licences.showing.strikes;
    if wrong {
        strikes.wrong(who, Instant::now());
        return Ok(());
    }
    strikes.may_try(who, Instant::now()).map_err(|wait| {
        let detail = "Too many tries that did not fit; wait a minute.";
        Problem::new(Kind::TooManyRequests, detail).retry_after(wait.as_secs() + 1)
    })
}

/// As whom a caller's tries at a licence count: by the licence as it was asked for, whether there is one or not, so that being
/// made to wait tells nothing of that.
pub(super) fn tries(what: &str, caller: &str, asked: &str) -> String {
    let asked = asked.trim();
    let licence = licence::identifier::Identifier::parse(asked)
        .map_or_else(|_| asked.to_ascii_uppercase(), |parsed| parsed.identifier.licence_id());
    let hash = crypto::DigestAlgorithm::Sha256.digest(licence.as_bytes());
    format!("{what}:{caller}:{}", hex::encode(hash))
}

/// The licence, `asked` for by identifier or id, if the party is its holder or another by whom it is found, and the party's role
/// in it: entries name that and not the number, which stands with the licence and goes with it. One answer whether it does not
/// exist or is somebody else's; ten wrong numbers for a licence within a minute, and the caller waits.
pub(in crate::licences) async fn held(
    app: &App,
    caller: &str,
    asked: &str,
    licence: Option<Licence>,
    party: &Party,
) -> Result<(Licence, String)> {
    let who = tries("holder", caller, asked);
    struck(app, &who, false)?;
    let role = role(app, licence.as_ref(), party).await?;
    match licence.zip(role) {
        Some(held) => Ok(held),
        None => {
            struck(app, &who, true)?;
            Err(not_theirs())
        }
    }
}

/// There is no such licence of that holder.
pub(super) fn not_theirs() -> Problem {
    Problem::new(
        Kind::LicenceNotOfHolder,
        "Name a licence of this holder, and the number as the licence has it.",
    )
    .with("zh", "该持证主体名下没有这一证照")
}

/// Where a licence stands, and whether it is in force; `now` in microseconds.
pub(super) fn standing(licence: &Licence, now: i64) -> (State, bool) {
    let seconds = now.div_euclid(1_000_000);
    let state = licence.state_at(seconds);
    (state, state == State::Active && licence.valid_from() <= seconds)
}

/// That a licence is in force.
pub(super) fn in_force(licence: &Licence, now: i64) -> Result<State> {
    match standing(licence, now) {
        (state, true) => Ok(state),
        (state, false) => {
            Err(Problem::new(Kind::LicenceNotInForce, "Only a licence in force is shown or copied.")
                .with("state", records::word(state))
                .with("zh", format!("证照当前状态为“{}”，不能使用", state.word_zh())))
        }
    }
}

/// The definition of a type in one of its versions; versions never change once licences are made by them.
pub(super) async fn definition(app: &App, code: &str, number: i64) -> Result<Arc<TypeDefinition>> {
    let id = format!("{code}.{number}");
    let known = &app.licences.showing.definitions;
    if let Some(definition) = known.get(&id) {
        return Ok(definition);
    }
    let row = app.db.row(&LICENCE_TYPE_VERSIONS, &id).await?;
    let row =
        row.ok_or_else(|| Problem::internal(format!("there is no version `{id}` of a licence type")))?;
    let definition: TypeDefinition = serde_json::from_str(records::text(&row, "definition"))
        .map_err(|error| Problem::internal(format!("definition `{id}`: {error}")))?;
    let definition = Arc::new(definition);
    known.insert(id, definition.clone());
    Ok(definition)
}

/// The fields of a type with their tags, in the order of its schema.
pub(super) fn fields(definition: &TypeDefinition) -> Vec<(&str, FieldTags)> {
    let properties = definition.schema.get("properties").and_then(Json::as_object);
    let tags = |schema: &Json| serde_json::from_value(schema.clone()).unwrap_or_default();
    properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), tags(schema))).collect()
}

/// The fields that anyone may see.
pub(super) fn open_fields(definition: &TypeDefinition) -> BTreeSet<&str> {
    let open = |(name, tags): (_, FieldTags)| (tags.sensitivity == Sensitivity::Open).then_some(name);
    fields(definition).into_iter().filter_map(open).collect()
}

/// The named fields of a licence with their titles, in the order of the schema; those it does not have are left out.
pub(super) fn shown(
    definition: &TypeDefinition,
    values: &Map<String, Json>,
    names: &[String],
) -> Vec<ShownLicenceField> {
    let properties = definition.schema.get("properties");
    let titled = |(name, tags): (&str, FieldTags)| {
        let value = values.get(name).filter(|_| names.iter().any(|wanted| wanted == name))?;
        let title = properties.and_then(|all| all.get(name)?.get("title")).and_then(Json::as_str);
        let en = if tags.title_en.is_empty() { name } else { &tags.title_en };
        Some(ShownLicenceField {
            name: name.to_owned(),
            zh: title.unwrap_or(name).to_owned(),
            en: en.to_owned(),
            value: value.clone(),
        })
    };
    fields(definition).into_iter().filter_map(titled).collect()
}

/// The values of the named fields; decrypted only where a named one is kept encrypted.
pub(super) fn values(
    app: &App,
    licence: &Licence,
    version: &Version,
    definition: &TypeDefinition,
    names: &[String],
) -> Result<Map<String, Json>> {
    let open = open_fields(definition);
    let mut values = version.open_fields();
    if names.iter().any(|name| !open.contains(name.as_str())) {
        values = crate::licences::library::content_of(app, licence, version)?.fields;
    }
    values.retain(|name, _| names.contains(name));
    Ok(values)
}

/// What may name somebody, encrypted under the licence's key for a row.
pub(super) fn words(key: &DataKey, row: &str, words: &Json) -> Result<Option<Vec<u8>>> {
    let empty = words.as_object().is_none_or(|members| members.values().all(Json::is_null));
    if empty {
        return Ok(None);
    }
    Ok(Some(key.seal(row, kinds::WORDS, words.to_string().as_bytes())?))
}

/// A list of texts as rows keep it.
pub(super) fn list(texts: &[String]) -> String {
    Json::from(texts).to_string()
}

/// Reads such a list.
pub(super) fn unlist(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

/// What the same request brought about before: the identifier of the record that its act made.
pub(super) async fn repeated(app: &App, replay: Option<&ReplayKey>) -> Result<Option<String>> {
    let Some(replay) = replay else { return Ok(None) };
    let unsealed = app.unsealed()?;
    let kept = replay.open(&app.db, &unsealed.custody, replay_label(app)?).await?;
    Ok(kept.map(|kept| String::from_utf8_lossy(&kept).into_owned()))
}

/// The row by which the same request finds the record that it made.
pub(super) fn repeatable(
    app: &App,
    unsealed: &Unsealed,
    replay: Option<&ReplayKey>,
    record: &str,
    now: i64,
) -> Result<Option<Row>> {
    let Some(replay) = replay else { return Ok(None) };
    Ok(Some(replay.seal(record.as_bytes(), now, &unsealed.custody, replay_label(app)?)?))
}

/// The key that protects what answers repeated requests.
pub(super) fn replay_label(app: &App) -> Result<&str> {
    let label = app.hierarchy.data_key("replay").map(|key| key.label.as_str());
    label.ok_or_else(|| Problem::internal("the hierarchy has no `replay` key"))
}

/// How one attempt at an act ended without success.
pub(super) enum Attempt {
    /// Others came in between: read again, judge again.
    Again,
    /// For good.
    Over(Problem),
}

impl From<CommitError> for Attempt {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Self::Again,
            other => Self::Over(other.into()),
        }
    }
}

impl From<Problem> for Attempt {
    fn from(problem: Problem) -> Self {
        Self::Over(problem)
    }
}

impl From<LibraryError> for Attempt {
    fn from(error: LibraryError) -> Self {
        Self::Over(error.into())
    }
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        Self::Over(error.into())
    }
}

/// Tries an act again while others come in between, a bounded number of times.
pub(super) async fn bounded<T, A>(attempt: impl Fn() -> A) -> Result<T>
where
    A: Future<Output = std::result::Result<T, Attempt>>,
{
    for tried in 0..ATTEMPTS {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(Attempt::Over(problem)) => return Err(problem),
            Err(Attempt::Again) => {
                // Who met once does not meet again: a different while for each.
                let jitter = u64::from(uuid::Uuid::new_v4().as_bytes().first().copied().unwrap_or(0));
                tokio::time::sleep(Duration::from_millis(u64::from(tried.min(8)) * 2 + jitter / 16)).await;
            }
        }
    }
    Err(Problem::new(Kind::Overloaded, "Too many act on it at the same time; try again shortly.")
        .retry_after(1))
}

/// How often an act is tried.
const ATTEMPTS: u32 = 40;
