//! The writer: takes waiting units, gives them their places in the log, and commits them together.
//!
//! One batch is one transaction: lock the head, merge all units into a few multi-row statements, update the head
//! with its signed checkpoint, COMMIT once (decisions 1, 2, 7). When the merged statements fail, the batch is rolled
//! back and its units are tried one by one under savepoints, so that a failing unit fails alone. Whatever else
//! happens (disk full, lost connection) the whole batch is refused, and the next one starts from the head as it
//! stands in the database.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crypto::Signer;
use tlog::note::SigningKey;
use tlog::{Batch, Checkpoint, VerifierKey, leaf_hash};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::batch;
use super::clock::TrustedClock;
use super::error::{CommitError, JournalError};
use super::head::Head;
use super::prepare::{Prepared, Touched, time_text};
use super::release::{Answer, Landed, Release, Releaser, Shared};
use super::replay::replay;
use crate::store::{Db, Operation, StoreError, Value, Writer};

/// A unit and whom to answer.
pub(super) struct Queued {
    pub unit: Prepared,
    pub touched: Touched,
    pub answer: Answer,
}

/// What the writer is asked for.
pub(super) enum Message {
    /// Write this.
    Unit(Box<Queued>),
    /// Write what was sent before, then end.
    Stop(oneshot::Sender<()>),
}

/// The writer's own things.
pub(super) struct Task {
    pub db: Db,
    pub signer: Arc<dyn Signer>,
    pub key: VerifierKey,
    pub clock: Arc<TrustedClock>,
    pub head: Head,
    pub shared: Arc<Shared>,
    pub releaser: Releaser,
    pub connection: Option<Writer>,
    pub backlog: VecDeque<Queued>,
    pub tidied: i64,
}

/// A batch that is ready to be committed.
struct Staged {
    next: Head,
    batch: Arc<Batch>,
    id: String,
    operations: Vec<Operation>,
}

/// Why a batch, or a unit of it, was not written.
enum Fault {
    /// The statements of the units do not go together with the state: try them one by one.
    Units,
    /// Refuse all of them.
    All(CommitError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rule { .. } => Self::Units,
            error => Self::All(unavailable(&error)),
        }
    }
}

impl Task {
    /// Works until told to stop, or until every sender is gone.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut follow = tokio::time::interval(Duration::from_secs(1));
        follow.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping = None;
        loop {
            if self.backlog.is_empty() {
                if stopping.is_some() {
                    break;
                }
                tokio::select! {
                    biased;
                    message = queue.recv() => match message {
                        Some(Message::Unit(queued)) => self.backlog.push_back(*queued),
                        Some(Message::Stop(told)) => { stopping = Some(told); continue }
                        None => break,
                    },
                    _ = follow.tick() => { self.follow().await; continue }
                }
            }
            while self.backlog.len() < 2 * MOST_UNITS {
                match queue.try_recv() {
                    Ok(Message::Unit(queued)) => self.backlog.push_back(*queued),
                    Ok(Message::Stop(told)) => stopping = Some(told),
                    Err(_) => break,
                }
            }
            let units = self.gather();
            self.write(units).await;
        }
        queue.close();
        let releaser = self.releaser;
        // Joins a thread that may be at an fsync.
        drop(tokio::task::spawn_blocking(move || releaser.stop()).await);
        if let Some(told) = stopping {
            let _ = told.send(());
        }
    }

    /// Takes the units of the next batch from the backlog, oldest first. A unit that touches a row which another of
    /// the batch writes, or writes one which another touches, waits for the next batch.
    ///
    /// INVARIANT: so the units of a batch can be merged in any order.
    fn gather(&mut self) -> Vec<Queued> {
        let mut taken: Vec<Queued> = Vec::with_capacity(self.backlog.len().min(MOST_UNITS));
        let mut touched = Touched::new();
        let mut weight = 0;
        let mut left = VecDeque::new();
        while let Some(queued) = self.backlog.pop_front() {
            let collides = queued
                .touched
                .iter()
                .any(|(row, writes)| touched.get(row).is_some_and(|written| *writes || *written));
            let full =
                taken.len() >= MOST_UNITS || (!taken.is_empty() && weight + queued.unit.weight > MOST_OCTETS);
            // What waits is touched as well, so that it is not overtaken on its own rows.
            for (row, writes) in &queued.touched {
                *touched.entry(row.clone()).or_default() |= *writes;
            }
            if collides || full {
                left.push_back(queued);
            } else {
                weight += queued.unit.weight;
                taken.push(queued);
            }
        }
        self.backlog = left;
        taken
    }

    async fn write(&mut self, mut units: Vec<Queued>) {
        let started = std::time::Instant::now();
        let entries: usize = units.iter().map(|queued| queued.unit.leaves.len()).sum();
        let mut refused = Vec::new();
        match self.attempt(&mut units, &mut refused).await {
            Ok(()) => {
                metrics::counter!("cinnabar_journal_entries_total").increment(entries as u64);
                metrics::histogram!("cinnabar_journal_batch_units").record(entries as f64);
                metrics::histogram!("cinnabar_journal_batch_seconds").record(started.elapsed().as_secs_f64());
            }
            Err(error) => {
                metrics::counter!("cinnabar_journal_failed_batches_total").increment(1);
                tracing::error!(%error, units = units.len(), "a batch was refused");
                if !matches!(error, CommitError::ClockUntrusted(_)) {
                    self.shared.trouble.store(Some(Arc::new(error.to_string())));
                    // Its transaction, if any is left, ends with it.
                    self.connection = None;
                } else if let Some(connection) = &mut self.connection
                    && connection.control("ROLLBACK").await.is_err()
                {
                    self.connection = None;
                }
                let waiting = units.into_iter().map(|queued| queued.answer);
                for answer in waiting.chain(refused.into_iter().map(|(answer, _)| answer)) {
                    drop(answer.send(Err(error.clone())));
                }
            }
        }
    }

    /// Writes a batch. On success every unit has been handed to the releaser; on failure `units` and `refused` hold
    /// those that still wait.
    async fn attempt(
        &mut self,
        units: &mut Vec<Queued>,
        refused: &mut Vec<(Answer, CommitError)>,
    ) -> Result<(), CommitError> {
        self.ready().await?;
        let now = self.begin().await?;
        let time = now.max(self.head.time);
        let staged = self.stage(units, time, true)?;
        let staged = match self.execute(staged).await {
            Ok(staged) => staged,
            Err(Fault::All(error)) => return Err(error),
            Err(Fault::Units) => {
                self.connection()?.control("ROLLBACK").await.map_err(|error| unavailable(&error))?;
                self.begin().await?;
                let first = self.head.size();
                replay(self.connection()?, units, refused, first).await?;
                if units.is_empty() {
                    let rolled_back = self.connection()?.control("ROLLBACK").await;
                    rolled_back.map_err(|error| unavailable(&error))?;
                    // What stood in their way is committed; when the release before has gone by, it is readable too.
                    let (head, refused) = (self.head.clone(), std::mem::take(refused));
                    self.releaser.send(Release { head, answers: Vec::new(), refused, done: None });
                    return Ok(());
                }
                let staged = self.stage(units, time.max(self.head.time), false)?;
                match self.execute(staged).await {
                    Ok(staged) => staged,
                    Err(Fault::Units) => return Err(unavailable("the entries were not taken")),
                    Err(Fault::All(error)) => return Err(error),
                }
            }
        };
        if let Err(error) = self.connection()?.control("COMMIT").await {
            tracing::error!(%error, "COMMIT failed");
            self.resolve(&staged.id, &error).await?;
        }
        self.release(staged, std::mem::take(units), std::mem::take(refused));
        Ok(())
    }

    /// Refuses while something is wrong that no batch can mend.
    async fn ready(&mut self) -> Result<(), CommitError> {
        if let Some(fault) = self.shared.fault.load_full() {
            return Err(unavailable(&*fault));
        }
        if self.shared.trouble.load().is_some() && self.shared.published.load().size() < self.head.size() {
            // Committed, never released: nothing may follow before that has been mended.
            let (done, told) = oneshot::channel();
            self.releaser.send(Release {
                head: self.head.clone(),
                answers: Vec::new(),
                refused: Vec::new(),
                done: Some(done),
            });
            if !told.await.unwrap_or(false) {
                let trouble = self.shared.trouble.load_full();
                return Err(unavailable(trouble.as_deref().map_or("the release failed", String::as_str)));
            }
        }
        Ok(())
    }

    /// Takes the head lock; the time, if it is trusted. The head in memory is the one in the database afterwards.
    async fn begin(&mut self) -> Result<i64, CommitError> {
        let now = self.clock.now().map_err(CommitError::ClockUntrusted)?;
        let mut record = match &mut self.connection {
            Some(connection) => connection.begin().await.ok(),
            None => None,
        };
        if record.is_none() {
            // A connection may have died while it was idle: once more with a new one.
            self.connection = None;
            let mut connection = Writer::connect(&self.db).await.map_err(|error| unavailable(&error))?;
            record = Some(connection.begin().await.map_err(|error| unavailable(&error))?);
            self.connection = Some(connection);
        }
        let Some(Some(record)) = record else { return Err(unavailable("there is no head row")) };
        if !self.head.is(&record) {
            let origin = self.key.name().to_owned();
            let loaded = match Head::load(&self.db, &record, &origin, &self.key).await {
                Ok(head) => head.extends(&self.db, &self.head.checkpoint).await.map(|()| head),
                Err(error) => Err(error),
            };
            self.head = loaded.map_err(|error| self.judge(&error))?;
        }
        if now < self.head.time - BEHIND {
            return Err(CommitError::ClockUntrusted("it is behind the newest entry of the log".to_owned()));
        }
        Ok(now)
    }

    /// A log that is not the one this node has signed stops the journal for good; anything else is trouble.
    fn judge(&self, error: &JournalError) -> CommitError {
        if !matches!(error, JournalError::Store(_)) {
            tracing::error!(%error, "the journal stops");
            self.shared.fault.store(Some(Arc::new(error.to_string())));
        }
        unavailable(error)
    }

    /// Gives each unit its leaves, computes the new head and signs it.
    fn stage(&mut self, units: &mut [Queued], time: i64, with_state: bool) -> Result<Staged, CommitError> {
        let stamp =
            time_text(time).ok_or_else(|| CommitError::ClockUntrusted("it is out of range".to_owned()))?;
        let mut hashes = Vec::with_capacity(units.len());
        for leaf in units.iter_mut().flat_map(|queued| &mut queued.unit.leaves) {
            leaf.stamp(&stamp);
            hashes.push(leaf_hash(&leaf.body));
        }
        let first = self.head.size();
        let damaged = |error: &dyn std::fmt::Display| unavailable(error);
        let tree = Batch::append(&self.head.range, hashes).map_err(|error| damaged(&error))?;
        let (edge, completed) = self.head.edge.extended(&tree).map_err(|error| damaged(&error))?;
        let signing = SigningKey::new(self.key.clone(), |text: &[u8]| self.signer.sign(text));
        let checkpoint = Checkpoint::new(self.key.name(), tree.size(), tree.root())
            .sign(&signing)
            .map_err(|error| CommitError::Key(error.to_string()))?;
        let mut operations = if with_state { batch::state(numbered(units, first)) } else { Vec::new() };
        operations.extend(batch::entries(units.iter().flat_map(|queued| &queued.unit.leaves), first));
        operations.extend(batch::tiles(completed));
        let id = Uuid::now_v7().to_string();
        operations.push(Operation::Sql(
            "UPDATE head SET size = $1, compact_range = $2, time = $3, checkpoint = $4 WHERE id = 1 AND size = $5",
            vec![
                batch::int(tree.size()),
                Value::Bytes(tree.range().to_bytes()),
                Value::Int(time),
                Value::from(checkpoint.note()),
                batch::int(first),
            ],
            Some(1),
        ));
        operations.push(Operation::Sql(
            "INSERT INTO batches (id, size, time) VALUES ($1, $2, $3)",
            vec![Value::from(id.as_str()), batch::int(tree.size()), Value::Int(time)],
            Some(1),
        ));
        if time - self.tidied > TIDY_EVERY {
            self.tidied = time;
            operations.extend(tidy(time));
        }
        let next = Head { range: tree.range().clone(), time, edge: Arc::new(edge), checkpoint };
        Ok(Staged { next, batch: Arc::new(tree), id, operations })
    }

    async fn execute(&mut self, mut staged: Staged) -> Result<Staged, Fault> {
        let operations = std::mem::take(&mut staged.operations);
        let expected: Vec<_> = operations.iter().map(Operation::expected).collect();
        let connection = self.connection().map_err(Fault::All)?;
        let counts = connection.run(operations).await?;
        let as_expected =
            expected.iter().zip(&counts).all(|(expected, count)| expected.is_none_or(|e| e == *count));
        if as_expected && counts.len() == expected.len() { Ok(staged) } else { Err(Fault::Units) }
    }

    /// After a COMMIT whose outcome is not known: looks the batch up under the head lock, which the broken
    /// transaction has left by then, one way or the other (decision 7).
    async fn resolve(&mut self, id: &str, cause: &StoreError) -> Result<(), CommitError> {
        if let Some(mut connection) = self.connection.take() {
            drop(connection.control("ROLLBACK").await);
        }
        let mut wait = Duration::from_millis(50);
        for _ in 0..RESOLVE_TRIES {
            match find_batch(&self.db, id).await {
                Ok((true, connection)) => {
                    self.connection = Some(connection);
                    return Ok(());
                }
                Ok((false, _)) => return Err(unavailable(cause)),
                Err(error) => tracing::warn!(%error, "looking for the batch again"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
        Err(CommitError::OutcomeUnknown(cause.to_string().into()))
    }

    fn release(&mut self, staged: Staged, units: Vec<Queued>, refused: Vec<(Answer, CommitError)>) {
        let checkpoint = Arc::new(staged.next.checkpoint.clone());
        let mut leaf = self.head.size();
        let mut answers = Vec::with_capacity(units.len());
        for queued in units {
            let count = queued.unit.leaves.len() as u64;
            let body = queued.unit.leaves.into_iter().next().map(|leaf| leaf.body).unwrap_or_default();
            let landed = Landed {
                batch: staged.batch.clone(),
                checkpoint: checkpoint.clone(),
                leaf,
                body,
                time: staged.next.time,
            };
            answers.push((queued.answer, landed));
            leaf += count;
        }
        self.head = staged.next;
        self.releaser.send(Release { head: self.head.clone(), answers, refused, done: None });
    }

    /// With PostgreSQL other nodes write too: keeps what this node shows up to date, and looks whether the database
    /// went back under it.
    async fn follow(&mut self) {
        if matches!(self.db, Db::Lite { .. }) || self.shared.fault.load().is_some() {
            return;
        }
        let Ok(record) = Head::fetch(&self.db).await else { return };
        if self.head.is(&record) {
            return;
        }
        let origin = self.key.name().to_owned();
        let loaded = match Head::load(&self.db, &record, &origin, &self.key).await {
            Ok(head) => head.extends(&self.db, &self.head.checkpoint).await.map(|()| head),
            Err(error) => Err(error),
        };
        match loaded {
            Ok(head) => {
                self.head = head.clone();
                self.releaser.send(Release { head, answers: Vec::new(), refused: Vec::new(), done: None });
            }
            // Read while another node was writing: looked at again under the lock, or in a second.
            Err(JournalError::Damaged(_) | JournalError::Store(_)) => {}
            Err(error) => drop(self.judge(&error)),
        }
    }

    fn connection(&mut self) -> Result<&mut Writer, CommitError> {
        self.connection.as_mut().ok_or_else(|| unavailable("not connected"))
    }
}

/// Units with the number of their first leaf.
fn numbered(units: &[Queued], first: u64) -> impl Iterator<Item = (&Prepared, u64)> {
    units.iter().scan(first, |leaf, queued| {
        let at = *leaf;
        *leaf += queued.unit.leaves.len() as u64;
        Some((&queued.unit, at))
    })
}

async fn find_batch(db: &Db, id: &str) -> Result<(bool, Writer), StoreError> {
    let mut connection = Writer::connect(db).await?;
    connection.begin().await?;
    let found = connection.fetch("SELECT id FROM batches WHERE id = $1", &[Value::from(id)]).await?;
    connection.control("ROLLBACK").await?;
    Ok((!found.is_empty(), connection))
}

/// Caches that nobody needs any more.
fn tidy(time: i64) -> [Operation; 3] {
    // Batch ids are UUIDs of version 7, in the order of their time.
    let old = time / 1_000_000 - BATCHES_KEPT;
    let bound = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, u64::try_from(old).unwrap_or(0), 0));
    [
        Operation::Sql("DELETE FROM idempotency WHERE expires < $1", vec![Value::Int(time)], None),
        Operation::Sql("DELETE FROM acme_nonces WHERE expires < $1", vec![Value::Int(time)], None),
        Operation::Sql("DELETE FROM batches WHERE id < $1", vec![Value::from(bound.to_string())], None),
    ]
}

pub(super) fn unavailable<E: std::fmt::Display + ?Sized>(error: &E) -> CommitError {
    CommitError::Unavailable(error.to_string().into())
}

/// A batch of this many units amortises the commit well; more only keeps its first callers waiting.
const MOST_UNITS: usize = 512;
/// Pictures are large: a batch of this many octets is enough.
const MOST_OCTETS: usize = 8 * 1024 * 1024;
/// Microseconds that the clock may be behind the newest entry (decision 9).
const BEHIND: i64 = 2_000_000;
/// Microseconds between two rounds of tidying.
const TIDY_EVERY: i64 = 60_000_000;
/// Seconds after which nobody asks for a batch's outcome any more.
const BATCHES_KEPT: i64 = 3600;
/// About a minute.
const RESOLVE_TRIES: u32 = 35;
