//! Carrying jobs on: one at a time on each node, a few lines of it at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};

use super::kind::JobKind;
use super::line::{self, Fault};
use super::records;
use crate::app::{App, Unsealed};
use crate::journal::{Act, CommitError, Unit};
use crate::licences::library::keys::DataKey;
use crate::licences::library::records::{int, text};
use crate::licences::library::rotate;
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
    let Some((job, kind)) = begun(app, unsealed, id).await? else { return Ok(()) };
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
        let work = lines.into_iter().map(|line| one(app, unsealed, kind, &job, &key, line));
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

/// The job as one that runs, and what it does; none where it has ended or was stopped, or is of a kind that only a newer
/// program knows.
async fn begun(app: &App, unsealed: &Unsealed, id: &str) -> Result<Option<(Row, JobKind)>, Problem> {
    let Some(job) = records::job(&app.db, id).await? else { return Ok(None) };
    let Some(kind) = JobKind::parse(text(&job, "kind")) else { return Ok(None) };
    match text(&job, "state") {
        "running" => Ok(Some((job, kind))),
        "waiting" => {
            let row = job.next_version().with("state", "running");
            match unsealed.journal.commit(entry(app, id, "licence-job.run")?.update(row.clone())).await {
                Ok(_) => Ok(Some((row, kind))),
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
    kind: JobKind,
    job: &Row,
    key: &DataKey,
    line: Row,
) -> Result<Option<Problem>, Problem> {
    let (all, problem) = match line::done(app, unsealed, kind, job, key, &line).await {
        Ok(()) | Err(Fault::Overtaken) => return Ok(None),
        Err(Fault::Unrecorded(problem)) => return again(app, unsealed, job, line, problem).await,
        Err(Fault::Passing(problem)) => return Err(problem),
        Err(Fault::All(problem)) => (true, problem),
        Err(Fault::Own(problem)) => (false, problem),
    };
    let row = line.next_version().with("problem", problem.document(None).to_string());
    // A line that waits keeps what it asks for, and says why it waits.
    let row = if all { row } else { row.with("state", "failed").with("sealed", None::<Vec<u8>>) };
    let facts = json!({ "job": job.id(), "line": int(&row, "line"), "problem": problem.kind().name() });
    match unsealed.journal.commit(entry(app, job.id(), "licence-job.line")?.facts(facts).update(row)).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(all.then_some(problem)),
        Err(error) => Err(error.into()),
    }
}

/// Notes with a line that it could not be recorded. What comes back every time passes by no trying: after [`TRIES`] the job is
/// stopped, and the line says why. Where nothing at all can be recorded, this cannot either, and does not count.
async fn again(
    app: &App,
    unsealed: &Unsealed,
    job: &Row,
    line: Row,
    problem: Problem,
) -> Result<Option<Problem>, Problem> {
    let before = line.value("problem").as_text().and_then(|text| serde_json::from_str::<Json>(text).ok());
    let before = before.and_then(|problem| problem.get(ATTEMPTS).and_then(Json::as_u64)).unwrap_or_default();
    let attempts = before.saturating_add(1);
    let problem = problem.with(ATTEMPTS, attempts);
    let row = line.next_version().with("problem", problem.document(None).to_string());
    let facts = json!({ "job": job.id(), "line": int(&row, "line"), "problem": problem.kind().name(),
        ATTEMPTS: attempts });
    match unsealed.journal.commit(entry(app, job.id(), "licence-job.line")?.facts(facts).update(row)).await {
        Ok(_) if attempts.is_multiple_of(TRIES) => Ok(Some(problem)),
        Ok(_) => Err(problem),
        // It was recorded after all, or is in other hands.
        Err(CommitError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An entry of the keeper's.
pub(super) fn entry(app: &App, job: &str, action: &str) -> Result<Unit, Problem> {
    let permit = rotate::permit(app)?;
    let head = Act { action: action.to_owned(), resource: format!("licence-job:{job}"), ..permit.act() };
    Ok(Unit::new(head).facts(json!({ "job": job })))
}

/// How often a line is tried that cannot be recorded, each time the job is taken in hand.
const TRIES: u64 = 8;
/// Member of a line's problem: how often it was tried.
const ATTEMPTS: &str = "attempts";
/// How often it is looked for jobs.
const PERIOD: Duration = Duration::from_millis(500);
/// How long a job stays in hand without a word, microseconds: after a kill another node goes on then.
const LEASE: i64 = 15_000_000;
/// Lines that are looked at together.
const CHUNK: u32 = 32;
/// Lines that are worked on at once.
const AT_ONCE: usize = 4;
