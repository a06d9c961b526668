//! The life of a version of a licence type: drafted, handed in, published or refused, replaced, retired.
//!
//! The policies have compared the persons before anything here is called. A published version is replaced in the unit that
//! publishes the next one; both write the type's row, so that of two officers who publish at once one meets a conflict.

use std::sync::Arc;

use licence::catalogue::TypeDefinition;
use serde_json::json;

use super::error::CatalogueError;
use super::model::TypeState;
use super::records::{self, int, text, version_id};
use super::{checks, forget};
use crate::app::{App, Unsealed};
use crate::documents::replay::digest;
use crate::identity::Caller;
use crate::journal::{CommitError, Committed, Unit, generations};
use crate::policy::{
    DraftLicenceType, Permit, PublishLicenceType, RefuseLicenceType, RetireLicenceType, SubmitLicenceType,
    WithdrawLicenceType,
};
use crate::seals::service::person_of;
use crate::store::tables::{LICENCE_TYPE_VERSIONS, LICENCE_TYPES, ORGANISATIONS};
use crate::store::{Row, Value};

/// A draft whose definition compiles.
#[derive(Debug)]
pub(super) struct Draft {
    /// The organisation that keeps the type.
    pub organisation: String,
    /// The definition.
    pub definition: TypeDefinition,
    /// Files of templates, JSON.
    pub templates: String,
    /// Idempotency key and digest of the request.
    pub request: Option<(String, String)>,
}

/// A changed record and the act that changed it; none where the same request was answered before.
#[derive(Debug)]
pub(super) struct Done {
    /// The row as it is now.
    pub row: Row,
    /// The act.
    pub committed: Option<Committed>,
}

/// Enters a draft: the first version of a type, or its next.
///
/// # Errors
/// [`CatalogueError`].
pub(super) async fn draft(
    app: &App,
    permit: &Permit<DraftLicenceType>,
    draft: &Draft,
) -> Result<Done, CatalogueError> {
    let unsealed = app.unsealed()?;
    let code = draft.definition.code.as_str();
    let definition = serde_json::to_string(&draft.definition)
        .map_err(|error| CatalogueError::Refused(crate::problem::Problem::internal(error)))?;
    let digest = digest(&[definition.as_bytes(), draft.templates.as_bytes()]);
    for _ in 0..TRIES {
        if let Some((key, digest)) = &draft.request
            && let Some(row) = records::version_by_key(&app.db, key).await?
        {
            return match text(&row, "request_digest") == digest {
                true => Ok(Done { row, committed: None }),
                false => Err(CatalogueError::KeyReused),
            };
        }
        let now = now(&unsealed)?;
        let known = records::licence_type(&app.db, code).await?;
        if known.as_ref().is_some_and(|row| TypeState::of(row) == TypeState::Retired) {
            return Err(CatalogueError::Retired(code.to_owned()));
        }
        let former = known.as_ref().filter(|row| text(row, "organisation") != draft.organisation);
        if let Some(row) = former
            && records::stands(&app.db, row).await?
        {
            return Err(CatalogueError::Kept(code.to_owned()));
        }
        let organisation = app.db.row(&ORGANISATIONS, &draft.organisation).await?;
        let organisation = organisation
            .filter(|row| text(row, "state") == "active")
            .ok_or_else(|| CatalogueError::Organisation(draft.organisation.clone()))?;
        let number = records::newest(&app.db, code).await? + 1;
        let caller = permit.caller();
        let row = Row::new(&LICENCE_TYPE_VERSIONS, vec![Value::Null; LICENCE_TYPE_VERSIONS.columns.len()])
            .with("id", version_id(code, number))
            .with("version", 1)
            .with("type", code)
            .with("number", number)
            .with("state", TypeState::Draft.as_str())
            .with("definition", definition.as_str())
            .with("templates", draft.templates.as_str())
            .with("digest", digest.as_str())
            .with("author", caller.id.as_str())
            .with("author_person", person_of(caller))
            .with("created", now)
            .with("request_key", draft.request.as_ref().map(|(key, _)| key.clone()))
            .with("request_digest", draft.request.as_ref().map(|(_, digest)| digest.clone()));
        let mut unit = Unit::new(permit.act()).facts(facts(&row)).guard(
            &ORGANISATIONS,
            organisation.id(),
            organisation.version(),
        );
        unit = match (&known, former) {
            (None, _) => unit.fact("keeper", draft.organisation.as_str().into()).insert(type_row(draft, now)),
            // Nothing of it stands any more: whoever drafts it now keeps it.
            (Some(row), Some(_)) => unit.fact("keeper", draft.organisation.as_str().into()).update(
                row.clone()
                    .next_version()
                    .with("name", draft.definition.name.zh.as_str())
                    .with("organisation", draft.organisation.as_str())
                    .with("updated", now),
            ),
            (Some(_), None) => unit,
        };
        let unit = unit.insert(row.clone());
        match unsealed.journal.commit(unit).await {
            Ok(committed) => return Ok(Done { row, committed: Some(committed) }),
            // Another draft of the same type was entered meanwhile, or the same request on another connection.
            Err(CommitError::Exists { .. } | CommitError::Conflict { table: "licence_types", .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CatalogueError::Busy)
}

fn type_row(draft: &Draft, now: i64) -> Row {
    Row::new(&LICENCE_TYPES, vec![Value::Null; LICENCE_TYPES.columns.len()])
        .with("id", draft.definition.code.as_str())
        .with("version", 1)
        .with("name", draft.definition.name.zh.as_str())
        .with("organisation", draft.organisation.as_str())
        .with("state", TypeState::Draft.as_str())
        .with("updated", now)
}

/// Hands a draft in for review, if nothing is wrong with it.
///
/// # Errors
/// [`CatalogueError`].
pub(super) async fn submit(
    app: &Arc<App>,
    permit: &Permit<SubmitLicenceType>,
    row: Row,
) -> Result<Done, CatalogueError> {
    stands(&row, &[TypeState::Draft])?;
    sound(app, &row).await?;
    let unsealed = app.unsealed()?;
    let caller = permit.caller();
    let row = row
        .next_version()
        .with("state", TypeState::Review.as_str())
        .with("submitter", caller.id.as_str())
        .with("submitter_person", person_of(caller))
        .with("submitted", now(&unsealed)?);
    let unit = Unit::new(permit.act()).facts(facts(&row)).update(row.clone());
    done(&unsealed, unit, row).await
}

/// Publishes a version: from its commit on it is in force, and the one before it is not.
///
/// # Errors
/// [`CatalogueError`].
pub(super) async fn publish(
    app: &Arc<App>,
    permit: &Permit<PublishLicenceType>,
    row: Row,
) -> Result<Done, CatalogueError> {
    stands(&row, &[TypeState::Review])?;
    let (code, number) = (text(&row, "type").to_owned(), int(&row, "number").unwrap_or_default());
    let unknown = || CatalogueError::Unknown(code.clone());
    let of = records::licence_type(&app.db, &code).await?.ok_or_else(unknown)?;
    if TypeState::of(&of) == TypeState::Retired {
        return Err(CatalogueError::Retired(code));
    }
    let before = int(&of, "published");
    if let Some(published) = before.filter(|before| *before > number) {
        return Err(CatalogueError::Overtaken { code, published });
    }
    let compiled = sound(app, &row).await?;
    let unsealed = app.unsealed()?;
    let now = now(&unsealed)?;
    let row = decided(row, TypeState::Published, permit.caller(), now);
    let of = of
        .next_version()
        .with("name", compiled.definition().name.zh.as_str())
        .with("published", number)
        .with("state", TypeState::Published.as_str())
        .with("updated", now);
    let mut unit = Unit::new(permit.act())
        .facts(facts(&row))
        .update(row.clone())
        .update(of)
        .bump(generations::LICENCE_TYPES);
    if let Some(before) = before
        && let Some(old) = records::version(&app.db, &code, before).await?
    {
        unit = unit.update(old.next_version().with("state", TypeState::Superseded.as_str()));
    }
    let done = done(&unsealed, unit, row).await;
    forget(app);
    done
}

/// Refuses a version; its author reads why.
///
/// # Errors
/// [`CatalogueError`].
pub(super) async fn refuse(
    app: &App,
    permit: &Permit<RefuseLicenceType>,
    row: Row,
    reason: &str,
) -> Result<Done, CatalogueError> {
    stands(&row, &[TypeState::Review])?;
    let unsealed = app.unsealed()?;
    let row = decided(row, TypeState::Refused, permit.caller(), now(&unsealed)?).with("reason", reason);
    let unit = Unit::new(permit.act())
        .facts(facts(&row))
        .update(row.clone())
        // Words of a person may name people: they go where they can be erased.
        .detail(json!({ "reason": reason }));
    done(&unsealed, unit, row).await
}

/// Takes back what is not decided on yet.
///
/// # Errors
/// [`CatalogueError`].
pub(super) async fn withdraw(
    app: &App,
    permit: &Permit<WithdrawLicenceType>,
    row: Row,
    reason: Option<&str>,
) -> Result<Done, CatalogueError> {
    stands(&row, &[TypeState::Draft, TypeState::Review])?;
    let unsealed = app.unsealed()?;
    let row = row
        .next_version()
        .with("state", TypeState::Withdrawn.as_str())
        .with("reason", reason)
        .with("decided", now(&unsealed)?);
    let mut unit = Unit::new(permit.act()).facts(facts(&row)).update(row.clone());
    if let Some(reason) = reason {
        unit = unit.detail(json!({ "reason": reason }));
    }
    done(&unsealed, unit, row).await
}

/// Retires a type: nothing is issued of it any more. Licences that there are stay what they are.
///
/// # Errors
/// [`CatalogueError`].
pub(super) async fn retire(
    app: &App,
    permit: &Permit<RetireLicenceType>,
    row: Row,
    reason: &str,
) -> Result<Done, CatalogueError> {
    let code = row.id().to_owned();
    let number = match (TypeState::of(&row), int(&row, "published")) {
        (TypeState::Retired, _) => return Err(CatalogueError::Retired(code)),
        (_, Some(number)) => number,
        (_, None) => return Err(CatalogueError::Unknown(code)),
    };
    let unsealed = app.unsealed()?;
    let now = now(&unsealed)?;
    let row = row.next_version().with("state", TypeState::Retired.as_str()).with("updated", now);
    let none = || CatalogueError::NoVersion { code: code.clone(), number };
    let last = records::version(&app.db, &code, number).await?.ok_or_else(none)?;
    let unit = Unit::new(permit.act())
        .facts(json!({ "type": code, "number": number, "state": TypeState::Retired.as_str() }))
        .update(row.clone())
        .update(last.next_version().with("state", TypeState::Retired.as_str()))
        .bump(generations::LICENCE_TYPES)
        .detail(json!({ "reason": reason }));
    let done = done(&unsealed, unit, row).await;
    forget(app);
    done
}

/// That nothing keeps a version from being published.
async fn sound(app: &Arc<App>, row: &Row) -> Result<licence::catalogue::Compiled, CatalogueError> {
    let faults = checks::faults(app, row).await?;
    if !faults.is_empty() {
        return Err(CatalogueError::Faults(faults));
    }
    checks::compiled(row)
}

fn stands(row: &Row, among: &[TypeState]) -> Result<(), CatalogueError> {
    let state = TypeState::of(row);
    if among.contains(&state) {
        return Ok(());
    }
    let (code, number) = (text(row, "type").to_owned(), int(row, "number").unwrap_or_default());
    Err(CatalogueError::Step { code, number, state })
}

fn decided(row: Row, state: TypeState, by: &Caller, now: i64) -> Row {
    row.next_version()
        .with("state", state.as_str())
        .with("reviewer", by.id.as_str())
        .with("reviewer_person", person_of(by))
        .with("decided", now)
}

/// What every entry about a version says.
fn facts(row: &Row) -> serde_json::Value {
    json!({
        "type": text(row, "type"),
        "number": int(row, "number"),
        "state": text(row, "state"),
        "digest": text(row, "digest"),
    })
}

async fn done(unsealed: &Unsealed, unit: Unit, row: Row) -> Result<Done, CatalogueError> {
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Done { row, committed: Some(committed) })
}

fn now(unsealed: &Unsealed) -> Result<i64, CatalogueError> {
    Ok(unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?)
}

/// Attempts at a number that others want too.
const TRIES: usize = 5;
