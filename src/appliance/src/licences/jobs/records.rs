//! Rows of jobs and of their lines, and how they are told.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::licences::library::model::micros;
use crate::licences::library::records::{int, text};
use crate::licences::life::import::Warning;
use crate::store::tables::{LICENCE_JOB_ROWS, LICENCE_JOBS};
use crate::store::{Db, Row, StoreError, Value};

/// Batch work, as it is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JobView {
    /// Identifier.
    pub id: String,
    /// Version of the record.
    pub version: i64,
    /// What is done: `issue`, `import`.
    pub kind: String,
    /// Code of the type.
    #[serde(rename = "type")]
    pub type_code: String,
    /// The organisation it is done for.
    pub organisation: String,
    /// Who asked.
    pub caller: String,
    /// `waiting`, `running`, `done`, `stopped`.
    pub state: String,
    /// How many lines it has.
    pub total: i64,
    /// How many of them are done.
    pub done: i64,
    /// How many of those that are done have warnings.
    pub warned: i64,
    /// How many could not be done.
    pub failed: i64,
    /// How many wait.
    pub waiting: i64,
    /// When it was asked for, RFC 3339.
    pub created: String,
    /// When it ended.
    pub ended: Option<String>,
}

/// How many lines are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Done.
    pub done: i64,
    /// Done, with warnings.
    pub warned: i64,
    /// Failed.
    pub failed: i64,
    /// Waiting.
    pub waiting: i64,
}

impl JobView {
    /// A job with its progress.
    #[must_use]
    pub fn of(row: &Row, counts: Counts) -> Self {
        Self {
            id: row.id().to_owned(),
            version: row.version(),
            kind: text(row, "kind").to_owned(),
            type_code: text(row, "type").to_owned(),
            organisation: text(row, "organisation").to_owned(),
            caller: text(row, "caller").to_owned(),
            state: text(row, "state").to_owned(),
            total: int(row, "total").unwrap_or_default(),
            done: counts.done,
            warned: counts.warned,
            failed: counts.failed,
            waiting: counts.waiting,
            created: micros(int(row, "created").unwrap_or_default()),
            ended: int(row, "ended").map(micros),
        }
    }
}

/// What became of a line.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineView {
    /// Its number in the file, from 1.
    pub line: i64,
    /// `waiting`, `done`, `failed`.
    pub state: String,
    /// The licence's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// What is odd about the licence that was taken over, in both languages; `repeated`: it had been taken over before, with
    /// the same content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Why it failed: problem details (RFC 9457), in both languages where there are words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub problem: Option<Json>,
}

impl LineView {
    /// A line as it stands.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let some = |column| row.value(column).as_text().map(ToOwned::to_owned);
        Self {
            line: int(row, "line").unwrap_or_default(),
            state: text(row, "state").to_owned(),
            identifier: some("identifier"),
            warnings: some("warnings").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            problem: some("problem").and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}

/// Identifier of a line.
pub(super) fn line_id(job: &str, line: u64) -> String {
    format!("{job}:{line:06}")
}

/// A job.
pub(super) async fn job(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&LICENCE_JOBS, id).await
}

/// The job made under an idempotency key.
pub(super) async fn by_key(db: &Db, key: &str) -> Result<Option<Row>, StoreError> {
    let found =
        db.fetch_optional("SELECT id FROM licence_jobs WHERE request_key = $1", &[key.into()]).await?;
    match found {
        Some(record) => job(db, record.text("id")?).await,
        None => Ok(None),
    }
}

/// Jobs with something left to do that nobody has in hand, the oldest first.
pub(super) async fn open(db: &Db, now: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM licence_jobs WHERE state IN ('waiting', 'running') AND (due IS NULL OR due < $1) \
               ORDER BY id LIMIT 16";
    let records = db.fetch_all(sql, &[now.into()]).await?;
    records.iter().map(|record| record.text("id").map(ToOwned::to_owned)).collect()
}

/// Jobs of an organisation, the newest first.
pub(super) async fn list(
    db: &Db,
    organisation: &str,
    before: &str,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, kind, type, organisation, caller, state, total, options, data_key, wrapped_by, \
               request_key, request_digest, created, due, ended FROM licence_jobs WHERE organisation = $1 \
               AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3";
    let parameters = [Value::from(organisation), before.into(), i64::from(limit).into()];
    let records = db.fetch_all(sql, &parameters).await?;
    records.iter().map(|record| record.to_row(&LICENCE_JOBS)).collect()
}

/// Lines that wait, with what they ask for, after a line.
pub(super) async fn waiting(db: &Db, job: &str, after: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, job, line, state, sealed, identifier, problem, warnings FROM licence_job_rows \
               WHERE job = $1 AND state = 'waiting' AND line > $2 ORDER BY line LIMIT $3";
    let records = db.fetch_all(sql, &[job.into(), after.into(), i64::from(limit).into()]).await?;
    records.iter().map(|record| record.to_row(&LICENCE_JOB_ROWS)).collect()
}

/// Lines in a state (any where it is empty; `warned`: done, with warnings), after a line.
pub(super) async fn lines(
    db: &Db,
    job: &str,
    state: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, job, line, state, NULL AS sealed, identifier, problem, warnings FROM licence_job_rows \
               WHERE job = $1 AND ($2 = '' OR state = $2 OR ($2 = 'warned' AND warnings IS NOT NULL)) AND line > $3 \
               ORDER BY line LIMIT $4";
    let parameters = [Value::from(job), state.into(), after.into(), i64::from(limit).into()];
    let records = db.fetch_all(sql, &parameters).await?;
    records.iter().map(|record| record.to_row(&LICENCE_JOB_ROWS)).collect()
}

/// How many lines of a job are in which state.
pub(super) async fn counts(db: &Db, job: &str) -> Result<Counts, StoreError> {
    let sql = "SELECT state, COUNT(*) AS n, COUNT(warnings) AS warned FROM licence_job_rows WHERE job = $1 GROUP BY state";
    let mut counts = Counts::default();
    for record in db.fetch_all(sql, &[job.into()]).await? {
        let count = record.int("n")?;
        match record.text("state")? {
            "done" => (counts.done, counts.warned) = (count, record.int("warned")?),
            "failed" => counts.failed = count,
            _ => counts.waiting = count,
        }
    }
    Ok(counts)
}
