//! The only way to change anything: a unit of work becomes rows and log entries, durable together, answered with
//! a receipt.
//!
//! Responsible for order (one tree, one writer), group commit, checkpoints and their release, erasable detail,
//! refusals and trusted time. Not for what an act means: capabilities build [`Unit`]s from their permits. Called by
//! every service, by the ceremony and by the public log endpoints.

mod act;
mod assembly;
mod batch;
mod clock;
mod detail;
mod error;
mod generation;
mod head;
mod pending;
mod prepare;
mod read;
mod refusals;
mod release;
mod released;
mod replay;
mod unit;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use crypto::Signer;
use ring::rand::SystemRandom;
use tlog::note::SigningKey;
use tlog::{Checkpoint, CompactRange, Receipt, VerifierKey};
use tokio::sync::{mpsc, oneshot};

pub use act::{Act, Actor, Refusal};
pub use assembly::{keys, open, settings, vault};
pub(crate) use batch::LEAF;
pub use clock::{Clock, Judgement, SystemClock, TrustedClock};
pub(crate) use detail::open as open_detail;
pub use detail::{CustodyVault, Vault, VaultError};
pub use error::{CommitError, JournalError};
pub use generation::{Generations, Stale, names as generations};
pub use pending::{Pending, PendingError};
pub use read::{Detail, Entry};
pub use released::last_released;
pub use unit::Unit;

use head::Head;
use prepare::Prepared;
use refusals::Refusals;
use release::{Landed, Releaser, Shared};
use released::Released;
use writer::{Message, Queued, Task};

use crate::store::{Db, Operation, Value, Writer};

/// What a journal works with.
#[derive(Clone)]
pub struct Settings {
    /// The log's origin: its name, and that of its key.
    pub origin: String,
    /// Folder of the node's own state, where the last released checkpoint stands.
    pub state: PathBuf,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// This node has released nothing yet and takes the database's log as it finds it: a further node of a cluster, or
    /// a machine restored on purpose. Otherwise a missing released checkpoint is refused.
    pub adopt: bool,
}

/// The keys of a journal.
#[derive(Clone)]
pub struct Keys {
    /// The log's Ed25519 key.
    pub log: Arc<dyn Signer>,
    /// Wraps the data keys of personal detail.
    pub vault: Arc<dyn Vault>,
}

/// What an act is answered with: it is durable, and this proves it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Place of the principal entry.
    pub leaf: u64,
    /// Its receipt.
    pub receipt: Receipt,
    /// Its time, microseconds since the Unix epoch.
    pub time: i64,
}

/// The journal; clones share it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    db: Db,
    queue: mpsc::Sender<Message>,
    shared: Arc<Shared>,
    clock: Arc<TrustedClock>,
    vault: Arc<dyn Vault>,
    random: SystemRandom,
    refusals: Refusals,
    key: VerifierKey,
}

impl Journal {
    /// Starts a new log in a database that has none: writes its head, of no entries. For the ceremony.
    ///
    /// # Errors
    /// When there is a log already, the store fails, or the key does not sign for the origin.
    pub async fn create(db: &Db, origin: &str, log: &Arc<dyn Signer>) -> Result<(), JournalError> {
        let key = verifier_key(origin, log)?;
        let signing = SigningKey::new(key, |text: &[u8]| log.sign(text));
        let range = CompactRange::empty();
        let checkpoint = Checkpoint::new(origin, 0, range.root())
            .sign(&signing)
            .map_err(|error| JournalError::Key(error.to_string()))?;
        let head = Operation::Sql(
            "INSERT INTO head (id, origin, size, compact_range, time, checkpoint) VALUES (1, $1, 0, $2, 0, $3)",
            vec![Value::from(origin), Value::Bytes(range.to_bytes()), Value::from(checkpoint.note())],
            Some(1),
        );
        Writer::connect(db).await?.run(vec![head]).await?;
        Ok(())
    }

    /// Opens the log: checks it against its own rows and against the last checkpoint this node released, and starts
    /// to write.
    ///
    /// # Errors
    /// When anything does not fit; the error says what to do.
    pub async fn open(db: Db, settings: Settings, keys: Keys) -> Result<Self, JournalError> {
        let key = verifier_key(&settings.origin, &keys.log)?;
        let (released, last) = Released::open(&settings.state)?;
        let record = Head::fetch(&db).await?;
        let head = Head::load(&db, &record, &settings.origin, &key).await?;
        match &last {
            Some(last) => {
                last.verify(std::slice::from_ref(&key)).map_err(|error| JournalError::Released {
                    path: released.path().to_owned(),
                    fault: error.to_string(),
                })?;
                head.extends(&db, last).await?;
            }
            None if head.size() > 0 && !settings.adopt => {
                return Err(JournalError::Released {
                    path: released.path().to_owned(),
                    fault: "it is empty, but the log has entries".to_owned(),
                });
            }
            None => {}
        }
        let shared = Arc::new(Shared {
            published: ArcSwap::from_pointee(head.clone()),
            fault: ArcSwapOption::empty(),
            trouble: ArcSwapOption::empty(),
        });
        let path = released.path().to_owned();
        let releaser = Releaser::start(released, shared.clone())
            .map_err(|source| JournalError::File { path, source })?;
        let clock = Arc::new(TrustedClock::new(settings.clock));
        let (queue, waiting) = mpsc::channel(QUEUE);
        let task = Task {
            db: db.clone(),
            signer: keys.log,
            key: key.clone(),
            clock: clock.clone(),
            head,
            shared: shared.clone(),
            releaser,
            connection: None,
            backlog: std::collections::VecDeque::new(),
            tidied: 0,
        };
        tokio::spawn(task.run(waiting));
        let inner = Arc::new(Inner {
            db,
            queue,
            shared,
            clock,
            vault: keys.vault,
            random: SystemRandom::new(),
            refusals: Refusals::default(),
            key,
        });
        tokio::spawn(housekeeping(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// Makes a unit durable. When this returns `Ok`, its rows and entries are on the disk and the checkpoint of the
    /// receipt is the newest or older; when the future is dropped, the unit may still be written.
    ///
    /// # Errors
    /// [`CommitError`]; its documentation says in which case nothing was recorded.
    pub async fn commit(&self, unit: Unit) -> Result<Committed, CommitError> {
        let inner = &self.0;
        if let Some(fault) = inner.shared.fault.load().as_deref() {
            return Err(CommitError::Unavailable(fault.as_str().into()));
        }
        let unit = Prepared::new(unit, inner.vault.as_ref(), &inner.random)?;
        let touched = unit.touched();
        let (answer, answered) = oneshot::channel();
        let stopped = || CommitError::Unavailable("the journal has stopped".into());
        let message = Message::Unit(Box::new(Queued { unit, touched, answer }));
        inner.queue.send(message).await.map_err(|_| stopped())?;
        committed(answered.await.map_err(|_| stopped())??)
    }

    /// Enters units together or, where rows of one are there already because another node came first, one by one without
    /// those. How many were entered.
    ///
    /// # Errors
    /// [`CommitError`]; what was entered before stays.
    pub async fn commit_once(&self, units: Vec<Unit>) -> Result<usize, CommitError> {
        let Some(all) = units.iter().cloned().reduce(Unit::also) else { return Ok(0) };
        match self.commit(all).await {
            Ok(_) => return Ok(units.len()),
            Err(CommitError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut entered = 0;
        for unit in units {
            match self.commit(unit).await {
                Ok(_) => entered += 1,
                Err(CommitError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entered)
    }

    /// Records that an identified caller was refused: the first ten of a caller, action and minute as entries, whose
    /// leaf is returned, the rest in aggregate.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn refused(&self, refusal: Refusal) -> Result<Option<u64>, CommitError> {
        metrics::counter!("cinnabar_refusals_total", "reason" => refusal.reason.clone()).increment(1);
        if !self.0.refusals.admit(&refusal, self.wall()) {
            return Ok(None);
        }
        Ok(Some(self.commit(refusals::unit(refusal)).await?.leaf))
    }

    /// Counts a failure of nobody in particular (no certificate, unknown authority, not TLS …); entered once a
    /// minute. `kind` is one of a few fixed words.
    pub fn anonymous(&self, kind: &'static str) {
        metrics::counter!("cinnabar_anonymous_failures_total", "kind" => kind).increment(1);
        self.0.refusals.anonymous(kind);
    }

    /// Enters what was refused while the keystore was sealed, oldest first, and empties the pending file. Returns how
    /// many records there were. Called before anything else is committed after unsealing (decision 17).
    ///
    /// # Errors
    /// When the file does not read or an entry is not taken; what was not entered stays pending.
    pub async fn drain(&self, pending: &Pending) -> Result<usize, PendingError> {
        pending.drain(self).await
    }

    /// Why acts are refused now, if they are: the log itself, its file, or the last batch.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let shared = &self.0.shared;
        let first = shared.fault.load_full().or_else(|| shared.trouble.load_full());
        first.map(|text| text.as_str().to_owned())
    }

    /// The clock as the journal judges it.
    #[must_use]
    pub fn clock(&self) -> &TrustedClock {
        &self.0.clock
    }

    /// The log's public key.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.0.key
    }

    /// Enters what is still counted, writes what is queued, ends the writer and lets go of the state folder.
    pub async fn close(&self) {
        for unit in self.0.refusals.aggregates(self.wall(), true) {
            if let Err(error) = self.commit(unit).await {
                tracing::error!(%error, "refusals could not be entered");
            }
        }
        let (told, stopped) = oneshot::channel();
        if self.0.queue.send(Message::Stop(told)).await.is_ok() {
            drop(stopped.await);
        }
    }

    fn wall(&self) -> i64 {
        self.0.clock.wall()
    }

    fn head(&self) -> Arc<Head> {
        self.0.shared.published.load_full()
    }

    fn db(&self) -> &Db {
        &self.0.db
    }

    fn vault(&self) -> &dyn Vault {
        self.0.vault.as_ref()
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("key", &self.0.key)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// The receipt, put together on the caller's task.
fn committed(landed: Landed) -> Result<Committed, CommitError> {
    let Landed { batch, checkpoint, leaf, body, time } = landed;
    let unproven = || CommitError::OutcomeUnknown("recorded, but the receipt could not be made".into());
    let proof = batch.inclusion_proof(leaf).ok_or_else(unproven)?;
    let receipt = Receipt::new(body, leaf, proof, checkpoint.as_ref().clone()).map_err(|_| unproven())?;
    Ok(Committed { leaf, receipt, time })
}

fn verifier_key(origin: &str, log: &Arc<dyn Signer>) -> Result<VerifierKey, JournalError> {
    VerifierKey::from_spki(origin, log.public_key()).map_err(|error| JournalError::Key(error.to_string()))
}

/// Once in ten seconds asks the source of time, once a minute enters what was counted; ends with the journal.
async fn housekeeping(inner: Weak<Inner>) {
    let mut tick = tokio::time::interval(Duration::from_secs(10));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut entered = 0;
    loop {
        tick.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let journal = Journal(inner);
        let clock = journal.0.clock.clone();
        if journal.0.queue.is_closed() {
            return;
        }
        drop(tokio::task::spawn_blocking(move || clock.refresh()).await);
        let minute = journal.wall() / refusals::MINUTE;
        if minute == entered {
            continue;
        }
        entered = minute;
        for unit in journal.0.refusals.aggregates(journal.wall(), false) {
            if let Err(error) = journal.commit(unit).await {
                tracing::error!(%error, "refusals could not be entered");
            }
        }
    }
}

/// Units that wait for the writer before callers wait to get in.
const QUEUE: usize = 1024;
