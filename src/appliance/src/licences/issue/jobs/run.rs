//! Carrying jobs on: one at a time on each node, a few lines of it at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;

use super::super::order::Order;
use super::super::service::{self, Prepared};
use super::super::{IssueError, http};
use super::records;
use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Unit};
use crate::licences::catalogue;
use crate::licences::library::keys::{DataKey, kinds};
use crate::licences::library::records::{int, text};
use crate::licences::library::rotate;
use crate::policy::{Facts, IssueLicence};
use crate::problem::{Kind, Problem};
use crate::server::listener::Stopping;
use crate::store::Row;

/// Watches for jobs until told to stop.
pub(crate) async fn watch(app: Arc<App>, mut stop: Stopping) {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = tick.tick() => {}
        }
        if app.unsealed().is_err() {
            continue;
        }
        if let Err(problem) = round(&app, &stop).await {
            tracing::warn!(
                problem = problem.kind().name(),
                cause = problem.log_message(),
                "batch work waits"
            );
        }
    }
}

/// Takes every job in hand that nobody has, one after the other.
async fn round(app: &Arc<App>, stop: &Stopping) -> Result<(), Problem> {
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    for id in records::open(&app.db, now).await? {
        if stop.is_stopping() {
            break;
        }
        carry_on(app, &unsealed, &id, stop).await?;
    }
    Ok(())
}

/// Whether this node has a job in hand, and until when.
struct Hand<'a> {
    app: &'a App,
    unsealed: &'a Unsealed,
    job: &'a str,
    until: Option<i64>,
}

impl Hand<'_> {
    /// Takes it, or holds on to it; `false` when another node has it.
    async fn hold(&mut self) -> Result<bool, Problem> {
        let now = self.unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
        let until = now + LEASE;
        let taken = self.app.db.take_licence_job(self.job, self.until, now, until).await?;
        self.until = taken.then_some(until);
        Ok(taken)
    }
}

async fn carry_on(
    app: &Arc<App>,
    unsealed: &Arc<Unsealed>,
    id: &str,
    stop: &Stopping,
) -> Result<(), Problem> {
    let mut hand = Hand { app, unsealed, job: id, until: None };
    if !hand.hold().await? {
        return Ok(());
    }
    let Some(job) = begun(app, unsealed, id).await? else { return Ok(()) };
    let key = DataKey::unwrap(
        unsealed.custody.as_ref(),
        id,
        job.value("data_key").as_bytes().unwrap_or_default(),
        text(&job, "wrapped_by"),
    )?;
    let mut after = 0;
    let mut passing = None;
    let mut standing = None;
    loop {
        if stop.is_stopping() || !hand.hold().await? {
            return Ok(());
        }
        let lines = records::waiting(&app.db, id, after, CHUNK).await?;
        let Some(last) = lines.last() else { break };
        after = int(last, "line").unwrap_or(i64::MAX);
        // Stopped or ended meanwhile.
        let Some(job) = records::job(&app.db, id).await?.filter(|job| text(job, "state") == "running") else {
            return Ok(());
        };
        let work = lines.into_iter().map(|line| one(app, unsealed, &job, &key, line));
        let mut work = futures_util::stream::iter(work).buffer_unordered(AT_ONCE);
        while let Some(done) = work.next().await {
            match done {
                Ok(None) => {}
                Ok(Some(problem)) => standing = Some(problem),
                Err(problem) => passing = Some(problem),
            }
        }
        if let Some(problem) = standing {
            return halt(app, unsealed, id, &problem).await;
        }
        if let Some(problem) = passing.take_if(|problem| problem.kind() == Kind::Sealed) {
            return Err(problem);
        }
    }
    match passing {
        // Lines are left that may pass later: the job is taken in hand again when its time is over.
        Some(problem) => Err(problem),
        None => end(app, unsealed, id).await,
    }
}

/// The job as one that runs; none where it has ended or was stopped.
async fn begun(app: &App, unsealed: &Unsealed, id: &str) -> Result<Option<Row>, Problem> {
    let Some(job) = records::job(&app.db, id).await? else { return Ok(None) };
    match text(&job, "state") {
        "running" => Ok(Some(job)),
        "waiting" => {
            let row = job.next_version().with("state", "running");
            match unsealed.journal.commit(entry(app, id, "licence-job.run")?.update(row.clone())).await {
                Ok(_) => Ok(Some(row)),
                Err(CommitError::Conflict { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        _ => Ok(None),
    }
}

/// Stops the job where something stands in the way of all its lines: they wait, with what they ask for, until it is mended
/// and the job is begun again.
async fn halt(app: &App, unsealed: &Unsealed, id: &str, problem: &Problem) -> Result<(), Problem> {
    let Some(job) = records::job(&app.db, id).await?.filter(|job| text(job, "state") == "running") else {
        return Ok(());
    };
    let facts = json!({ "job": id, "problem": problem.kind().name() });
    let row = job.next_version().with("state", "stopped");
    match unsealed.journal.commit(entry(app, id, "licence-job.halt")?.facts(facts).update(row)).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Enters that no line waits any more. The key of the lines goes with the last of them.
async fn end(app: &App, unsealed: &Unsealed, id: &str) -> Result<(), Problem> {
    let Some(job) = records::job(&app.db, id).await?.filter(|job| text(job, "state") == "running") else {
        return Ok(());
    };
    let counts = records::counts(&app.db, id).await?;
    if counts.waiting > 0 {
        return Ok(());
    }
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let row = job.next_version().with("state", "done").with("ended", now).with("data_key", Vec::new());
    let facts = json!({ "job": id, "done": counts.done, "failed": counts.failed });
    match unsealed.journal.commit(entry(app, id, "licence-job.end")?.facts(facts).update(row)).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// One line. `Err` is what may pass, `Some` what stands in the way of all lines; anything else is the line's own problem.
async fn one(
    app: &Arc<App>,
    unsealed: &Arc<Unsealed>,
    job: &Row,
    key: &DataKey,
    line: Row,
) -> Result<Option<Problem>, Problem> {
    let (all, error) = match issued(app, job, key, &line).await {
        Ok(()) => return Ok(None),
        // Another node was faster, or the job was stopped and begun again.
        Err(IssueError::Commit(CommitError::Conflict { table: "licence_job_rows", .. })) => return Ok(None),
        Err(error) if error.may_pass() => return Err(error.into()),
        Err(error) => (error.concerns_all(), error),
    };
    let problem = Problem::from(error);
    let row = line.next_version().with("problem", problem.document(None).to_string());
    // A line that waits keeps what it asks for, and says why it waits.
    let row = if all { row } else { row.with("state", "failed").with("sealed", None::<Vec<u8>>) };
    let facts = json!({ "job": job.id(), "line": int(&row, "line"), "problem": problem.kind().name() });
    match unsealed.journal.commit(entry(app, job.id(), "licence-job.line")?.facts(facts).update(row)).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(all.then_some(problem)),
        Err(error) => Err(error.into()),
    }
}

/// Issues what a line asks for, as the caller who asked for the job: whether they still may is judged now.
async fn issued(app: &Arc<App>, job: &Row, key: &DataKey, line: &Row) -> Result<(), IssueError> {
    let sealed = line.value("sealed").as_bytes().unwrap_or_default();
    let plain = key.open(line.id(), kinds::LINE, sealed)?;
    let order: Order = serde_json::from_slice(&plain).map_err(Problem::internal)?;
    let caller = caller(app, text(job, "caller"))?;
    let kind = catalogue::in_force(app, &order.type_code).await.map_err(Problem::from)?;
    let facts = Facts::of_request(format!("job-{}", job.id()));
    let permit =
        app.policy.decide::<IssueLicence>(&caller, http::resource(&kind), facts).map_err(Problem::from)?;
    let more = |prepared: &Prepared, unit: Unit| {
        let row = line
            .clone()
            .next_version()
            .with("state", "done")
            .with("identifier", prepared.identifier())
            .with("problem", None::<&str>)
            .with("sealed", None::<Vec<u8>>);
        unit.update(row)
    };
    service::issue(app, &permit, &kind, &order, more).await.map(drop)
}

/// The caller as registered now.
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

/// An entry of the keeper's.
fn entry(app: &App, job: &str, action: &str) -> Result<Unit, Problem> {
    let permit = rotate::permit(app)?;
    let head = Act { action: action.to_owned(), resource: format!("licence-job:{job}"), ..permit.act() };
    Ok(Unit::new(head).facts(json!({ "job": job })))
}

/// How often it is looked for jobs.
const PERIOD: Duration = Duration::from_millis(500);
/// How long a job stays in hand without a word, microseconds: after a kill another node goes on then.
const LEASE: i64 = 15_000_000;
/// Lines that are looked at together.
const CHUNK: u32 = 32;
/// Lines that are worked on at once.
const AT_ONCE: usize = 4;
