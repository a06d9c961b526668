//! Having one line done, as the caller who asked for the job, by whoever does it for one licence alone.

use std::sync::Arc;

use licence::identifier::IdentifierError;
use serde_json::json;

use super::kind::{JobKind, Task};
use super::run::entry;
use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::journal::{CommitError, Unit};
use crate::licences::catalogue::{self, Published};
use crate::licences::issue::service::Prepared;
use crate::licences::issue::{self, IssueError, Order};
use crate::licences::library::keys::kinds;
use crate::licences::library::records::{int, text};
use crate::licences::library::{DataKey, LibraryError};
use crate::licences::life::import::{self, Import, ImportError, Warning};
use crate::policy::{Facts, ImportLicence, IssueLicence};
use crate::problem::{Kind, Problem};
use crate::store::Row;

/// Why a line was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another node was faster, or the job was stopped and begun again.
    Overtaken,
    /// It could not be recorded, which may pass or come back every time: the line waits, so many times.
    Unrecorded(Problem),
    /// What may pass: the line waits.
    Passing(Problem),
    /// What stands in the way of every line until somebody mends it: they wait, and the job stops.
    All(Problem),
    /// The line's own.
    Own(Problem),
}

impl From<IssueError> for Fault {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Commit(CommitError::Conflict { table: "licence_job_rows", .. }) => Self::Overtaken,
            error @ IssueError::Commit(_) if error.may_pass() => Self::Unrecorded(error.into()),
            error if error.may_pass() => Self::Passing(error.into()),
            error if error.concerns_all() => Self::All(error.into()),
            error => Self::Own(error.into()),
        }
    }
}

impl From<ImportError> for Fault {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Commit(CommitError::Conflict { table: "licence_job_rows", .. }) => Self::Overtaken,
            // What is told of a line stands in clear, and in a column that was shifted an identifier is anything.
            ImportError::Identifier(fault) => Self::Own(unreadable(&fault)),
            error @ ImportError::Commit(_) if error.may_pass() => Self::Unrecorded(error.into()),
            error if error.may_pass() => Self::Passing(error.into()),
            error if error.concerns_all() => Self::All(error.into()),
            error => Self::Own(error.into()),
        }
    }
}

/// Does what a line asks for. `job` and `kind` are of the line; `key` opens it.
///
/// # Errors
/// [`Fault`].
pub(super) async fn done(
    app: &Arc<App>,
    unsealed: &Arc<Unsealed>,
    kind: JobKind,
    job: &Row,
    key: &DataKey,
    line: &Row,
) -> Result<(), Fault> {
    match opened(kind, key, line).map_err(IssueError::Library)? {
        Task::Issue(order) => Ok(issued(app, job, &order, line).await?),
        Task::Import(order) => Ok(imported(app, unsealed, job, &order, line).await?),
    }
}

fn opened(kind: JobKind, key: &DataKey, line: &Row) -> Result<Task, LibraryError> {
    let sealed = line.value("sealed").as_bytes().unwrap_or_default();
    let plain = key.open(line.id(), kinds::LINE, sealed)?;
    let task = match kind {
        JobKind::Issue => serde_json::from_slice(&plain).map(Task::Issue),
        JobKind::Import => serde_json::from_slice(&plain).map(Task::Import),
    };
    // What does not read may be somebody's number: it is not repeated.
    task.map_err(|_| LibraryError::Damaged { id: line.id().to_owned(), fault: "it is no order".to_owned() })
}

async fn issued(app: &Arc<App>, job: &Row, order: &Order, line: &Row) -> Result<(), IssueError> {
    let (caller, kind) = now(app, job).await?;
    let permit = app
        .policy
        .decide::<IssueLicence>(&caller, issue::resource(&kind), facts(job))
        .map_err(Problem::from)?;
    let more = |prepared: &Prepared, unit: Unit| unit.update(moved_on(line, prepared.identifier(), None));
    issue::issue(app, &permit, &kind, order, more).await.map(drop)
}

/// Takes over what a line brings. What was taken over before, by the same body and with the same content, is told and not
/// doubled: files of old systems overlap, and a file is handed in once more where somebody is not sure.
async fn imported(
    app: &Arc<App>,
    unsealed: &Arc<Unsealed>,
    job: &Row,
    order: &Import,
    line: &Row,
) -> Result<(), ImportError> {
    let (caller, kind) = now(app, job).await.map_err(ImportError::Elsewhere)?;
    let permit = app
        .policy
        .decide::<ImportLicence>(&caller, issue::resource(&kind), facts(job))
        .map_err(|denied| ImportError::Elsewhere(denied.into()))?;
    let more = |unit: Unit, licence: &Row, _: &Row| {
        let warnings = licence.value("warnings").as_text().map(ToOwned::to_owned);
        Ok(unit.update(moved_on(line, text(licence, "identifier"), warnings)))
    };
    let done = import::import(app, unsealed, &permit.act(), &caller, &kind, order, None, more).await;
    let Err(ImportError::Taken(id)) = done else { return done.map(drop) };
    let Some(identifier) = import::known(app, unsealed, &caller, &kind, order).await? else {
        return Err(ImportError::Taken(id));
    };
    let warnings = json!([Warning::of_repetition()]).to_string();
    let facts = json!({ "job": job.id(), "line": int(line, "line"), "licence": id, "taken_over": "before" });
    let unit = entry(app, job.id(), "licence-job.line").map_err(ImportError::Elsewhere)?.facts(facts);
    let unit = unit.update(moved_on(line, &identifier, Some(warnings)));
    unsealed.journal.commit(unit).await.map(drop).map_err(ImportError::Commit)
}

/// A line that is done: what it asked for is forgotten.
fn moved_on(line: &Row, identifier: &str, warnings: Option<String>) -> Row {
    line.clone()
        .next_version()
        .with("state", "done")
        .with("identifier", identifier)
        .with("problem", None::<&str>)
        .with("warnings", warnings)
        .with("sealed", None::<Vec<u8>>)
}

/// Who asked, as registered now, and the type, as published now.
async fn now(app: &App, job: &Row) -> Result<(Arc<Caller>, Arc<Published>), Problem> {
    let caller = caller(app, text(job, "caller"))?;
    let kind = catalogue::in_force(app, text(job, "type")).await?;
    Ok((caller, kind))
}

fn caller(app: &App, id: &str) -> Result<Arc<Caller>, Problem> {
    let snapshot = app.identity.snapshot()?;
    let registration = snapshot.registration(id).filter(|one| one.active);
    let registration = registration.ok_or_else(|| {
        Problem::new(
            Kind::CallerInactive,
            "The registration of who asked for this work is not active any more.",
        )
        .with("zh", "提交该批量任务的用户已停用")
    })?;
    Ok(Caller::new(registration, "", ""))
}

fn facts(job: &Row) -> Facts {
    Facts::of_request(format!("job-{}", job.id()))
}

/// That an identifier cannot be read, without a word of it.
fn unreadable(fault: &IdentifierError) -> Problem {
    let part = match fault {
        IdentifierError::TooLong { .. } => "it is longer than any",
        IdentifierError::Parts { .. } => "it does not have these parts",
        IdentifierError::TypeCode { .. } => "look at the type code",
        IdentifierError::Issuer { .. } => "look at the issuing body's code",
        IdentifierError::Serial { .. } => "look at the serial",
        IdentifierError::Version { .. } => "look at the version",
        IdentifierError::Check { .. } => "look at the check character",
    };
    let detail = format!(
        "`identifier`: an identifier of a licence is TYPE.ISSUER.SERIAL.VERSION.CHECK (GB/T 36904); {part}"
    );
    Problem::new(Kind::InvalidParameter, detail)
        .with("parameter", "identifier")
        .with("zh", "证照标识不可识别")
}
