//! Beginning batch work: the file becomes a job and its lines, in one unit.

use licence::catalogue::Compiled;
use serde_json::json;

use super::kind::{JobKind, Task};
use super::records::{by_key, line_id};
use super::table::Line;
use crate::app::App;
use crate::journal::{Act, CommitError, Committed, Unit};
use crate::licences::catalogue::Published;
use crate::licences::library::keys::{DataKey, kinds};
use crate::licences::library::{LibraryError, Wrapped};
use crate::policy::{Permit, StartLicenceJob};
use crate::problem::{Kind, Problem};
use crate::store::tables::{LICENCE_JOB_ROWS, LICENCE_JOBS, LICENCE_TYPES};
use crate::store::{Row, StoreError, Value};

/// Why a job was not begun.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keystore is sealed.
    #[error("the keystore is sealed")]
    Sealed,
    /// The idempotency key was used with another file.
    #[error("the idempotency key was used with another request")]
    Reused,
    /// The library.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Sealed => LibraryError::Sealed.into(),
            StartError::Reused => {
                Self::new(Kind::IdempotencyKeyReused, "Use a new key for a new request; this one is taken.")
            }
            StartError::Library(error) => error.into(),
            StartError::Store(error) => error.into(),
            StartError::Commit(error) => error.into(),
        }
    }
}

/// A job that was begun.
#[derive(Debug)]
pub struct Started {
    /// Its row.
    pub row: Row,
    /// The act; none where the same request had begun it before.
    pub committed: Option<Committed>,
}

/// Begins a job. `key` is the scope of its idempotency key and the digest of the request.
///
/// # Errors
/// [`StartError`]; nothing was then begun.
pub async fn start(
    app: &App,
    permit: &Permit<StartLicenceJob>,
    job: JobKind,
    kind: &Published,
    lines: Vec<Line>,
    key: Option<(String, String)>,
) -> Result<Started, StartError> {
    if let Some(known) = known(app, key.as_ref()).await? {
        return Ok(Started { row: known, committed: None });
    }
    let unsealed = app.unsealed().map_err(|_| StartError::Sealed)?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let id = uuid::Uuid::now_v7().to_string();
    let data_key = DataKey::fresh(app)?;
    let Wrapped { key: wrapped, by } = data_key.wrap(app, &unsealed, &id).await?;
    let total = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let code = kind.compiled.definition().code.as_str();
    let row = Row::new(&LICENCE_JOBS, vec![Value::Null; LICENCE_JOBS.columns.len()])
        .with("id", id.as_str())
        .with("version", 1)
        .with("kind", job.as_str())
        .with("type", code)
        .with("organisation", permit.caller().organisation.as_str())
        .with("caller", permit.caller().id.as_str())
        .with("state", "waiting")
        .with("total", total)
        .with("data_key", wrapped)
        .with("wrapped_by", by)
        .with("request_key", key.as_ref().map(|(scope, _)| scope.clone()))
        .with("request_digest", key.as_ref().map(|(_, digest)| digest.clone()))
        .with("created", now);
    let facts = json!({ "job": id, "kind": job.as_str(), "type": code, "lines": total });
    let mut unit =
        Unit::new(permit.act()).facts(facts).insert(row.clone()).guard(&LICENCE_TYPES, code, kind.version);
    // An entry names each row with its digest and has an upper bound: the lines stand in entries of their own.
    for chunk in lines.chunks(LINES_OF_AN_ENTRY) {
        let head = Act { action: "licence-job.lines".to_owned(), ..permit.act() };
        let mut part = Unit::new(head).facts(json!({ "job": id, "lines": chunk.len() }));
        for (line, task) in chunk {
            part = part.insert(line_row(&id, *line, task, &data_key, &kind.compiled)?);
        }
        unit = unit.also(part);
    }
    match unsealed.journal.commit(unit).await {
        Ok(committed) => Ok(Started { row, committed: Some(committed) }),
        Err(error) => match known(app, key.as_ref()).await? {
            Some(known) => Ok(Started { row: known, committed: None }),
            None => Err(error.into()),
        },
    }
}

async fn known(app: &App, key: Option<&(String, String)>) -> Result<Option<Row>, StartError> {
    let Some((scope, digest)) = key else { return Ok(None) };
    let Some(row) = by_key(&app.db, scope).await? else { return Ok(None) };
    if row.value("request_digest").as_text() == Some(digest) {
        Ok(Some(row))
    } else {
        Err(StartError::Reused)
    }
}

fn line_row(
    job: &str,
    line: u64,
    task: &Result<Task, String>,
    key: &DataKey,
    kind: &Compiled,
) -> Result<Row, StartError> {
    let id = line_id(job, line);
    let row = Row::new(&LICENCE_JOB_ROWS, vec![Value::Null; LICENCE_JOB_ROWS.columns.len()])
        .with("id", id.as_str())
        .with("version", 1)
        .with("job", job)
        .with("line", i64::try_from(line).unwrap_or(i64::MAX));
    Ok(match task {
        Ok(task) => {
            let plain = task
                .octets()
                .map_err(|error| LibraryError::Damaged { id: id.clone(), fault: error.to_string() })?;
            let plain = zeroize::Zeroizing::new(plain);
            row.with("state", "waiting").with("sealed", key.seal(&id, kinds::LINE, &plain)?)
        }
        Err(reason) => {
            let problem = json!({
                "type": Kind::MalformedRequest.urn(),
                "title": Kind::MalformedRequest.title(),
                "detail": reason,
                "zh": "该行无法读取",
                "licence_type": kind.definition().code,
            });
            row.with("state", "failed").with("problem", problem.to_string())
        }
    })
}

/// Lines of one entry.
const LINES_OF_AN_ENTRY: usize = 200;
