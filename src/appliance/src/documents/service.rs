//! Sealing a document, from permit to receipt.

use std::sync::Arc;

use bytes::Bytes;
use custody::Custody;
use pdf::appearance::Font;
use pdf::syntax::{Limits, Source};
use pki::Certificate;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use super::error::DocumentError;
use super::parameters::{Level, Place};
use super::records::{self, Use};
use super::replay::{Answer, Kept, ReplayError, ReplayKey};
use super::sealing::{self, Means, Offer, Revision, Task};
use super::{levels, signers};
use crate::app::{App, StartError};
use crate::ceremony::Kind;
use crate::config::Documents;
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Journal, Unit};
use crate::policy::{Permit, SealDocument};
use crate::seals::Cabinet;
use crate::seals::usage::{self, Admission, Claim};
use crate::server::limits::Places;
use crate::server::spill::Spooled;
use crate::store::Db;
use crate::store::tables::CERTIFICATES;

/// Documents up to this length are worked on where the request is, as long as that costs little; others, and
/// those that turn out to cost more than [`modest`], on a thread of their own.
const INLINE: u64 = 256 * 1024;

/// Batches under way at the same time, and of one caller. Each holds up to 16 MiB, 64 KiB more for each document, and one
/// open file for each longer one: with 200 documents 4 x 28.5 MiB and 800 descriptors of the 16,384 that the service
/// unit allows.
const BATCHES: usize = 4;
const BATCHES_PER_CALLER: usize = 2;

/// Signatures embedded at the same time: two parts of up to 16 MiB, what is read from them and what comes of it, about
/// 80 MiB each at worst.
const EMBEDDINGS: usize = 2;

/// What a document may cost where the request is: a few octets can inflate to hundreds of megabytes, which
/// would hold up every other caller of the thread.
fn modest() -> Limits {
    Limits {
        object_bytes: 1 << 20,
        nodes: 1 << 16,
        objects: 20_000,
        scanned_bytes: 16 << 20,
        xref_entries: 50_000,
        sections: 64,
        stream_bytes: 4 << 20,
        inflated_total: 8 << 20,
        fields: 1_024,
        ..Limits::default()
    }
}

/// What sealing works with.
#[derive(Debug)]
pub struct Desk {
    /// Seals ready for use.
    pub seals: Cabinet,
    /// What may stand beside them.
    pub offer: Offer,
    /// Turns of uses that are counted or approved.
    pub turns: crate::seals::usage::Turns,
    /// Batches under way.
    pub batches: Arc<Places<String>>,
    large: Arc<Semaphore>,
    /// Turns that may be spent waiting for somebody else.
    waiting: Arc<Semaphore>,
    embeddings: Arc<Semaphore>,
}

impl Desk {
    /// A desk at which `at_once` large documents are worked on at the same time, with what the configuration lets
    /// stand beside seals.
    ///
    /// # Errors
    /// [`StartError::Font`], when the font cannot be used.
    pub fn new(at_once: usize, terms: &Documents) -> Result<Self, StartError> {
        let font = terms.font.as_ref().map(|path| {
            let octets = std::fs::read(path)
                .map_err(|source| StartError::Unreadable { path: path.clone(), source })?;
            let font = Font::parse(octets.into(), terms.font_index)
                .map_err(|source| StartError::Font { path: path.clone(), source })?;
            Ok::<_, StartError>(Arc::new(font))
        });
        let offer = Offer { font: font.transpose()?, verification_url: terms.verification_url.clone() };
        let waiting = Arc::new(Semaphore::new((at_once / 2).max(1)));
        Ok(Self {
            seals: Cabinet::default(),
            offer,
            turns: crate::seals::usage::Turns::default(),
            batches: Places::new(BATCHES, BATCHES_PER_CALLER),
            large: Arc::new(Semaphore::new(at_once)),
            waiting,
            embeddings: Arc::new(Semaphore::new(EMBEDDINGS)),
        })
    }

    /// The authorities that seals' certificates are from, the root left to the verifier; [`Cabinet::ready`] takes
    /// the one that a seal needs.
    ///
    /// # Errors
    /// When an issuer's certificate cannot be read.
    pub fn chain(&self, app: &App) -> Result<Vec<Certificate>, StartError> {
        let issues = |slot: &str| app.hierarchy.key(slot).is_some_and(|key| key.issues.contains(&Kind::Seal));
        let labels = app.authority_labels().into_iter().filter(|label| issues(&app.slot_of(label)));
        labels.map(|label| app.authority(&label).map(|authority| authority.certificate)).collect()
    }

    /// Runs computation on a document on a thread of its own, not too much at the same time. The turn ends
    /// with the work, not with the request: who breaks off and asks again does not get a second turn.
    ///
    /// # Errors
    /// [`DocumentError::Overloaded`] when the work was cut off.
    pub async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DocumentError> {
        self.work_waiting(false, job).await
    }

    /// [`Desk::work`]; with `waits` for work that may wait for somebody outside, a time-stamp service that is slow for one.
    /// It gets half of the turns at most, so that all other work goes on however long they take.
    ///
    /// # Errors
    /// [`DocumentError::Overloaded`] when the work was cut off.
    pub async fn work_waiting<T: Send + 'static>(
        &self,
        waits: bool,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DocumentError> {
        let one_of = async |turns: &Arc<Semaphore>| {
            turns.clone().acquire_owned().await.map_err(|_| DocumentError::Overloaded)
        };
        // Before the turn: who waits for leave to wait holds nothing up.
        let waiting = if waits { Some(one_of(&self.waiting).await?) } else { None };
        let turn = one_of(&self.large).await?;
        let job = move || {
            let _turn = (turn, waiting);
            job()
        };
        tokio::task::spawn_blocking(job).await.map_err(|_| DocumentError::Overloaded)
    }

    /// Runs the embedding of a CMS as [`Self::work`], few at a time: all of the signature is in memory, several times
    /// over. The turn that comes with the result lasts until it is out of the way.
    ///
    /// # Errors
    /// [`DocumentError::Overloaded`] when the work was cut off.
    pub async fn embedded<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(OwnedSemaphorePermit, T), DocumentError> {
        let turn = self.embeddings.clone().acquire_owned().await.map_err(|_| DocumentError::Overloaded)?;
        self.work(move || {
            let done = job();
            (turn, done)
        })
        .await
    }
}

/// The open process's parts that sealing needs.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Reading.
    pub db: &'a Db,
    /// Recording.
    pub journal: &'a Journal,
    /// Keys.
    pub custody: &'a Arc<dyn Custody>,
    /// Label of the key that protects replay copies.
    pub replay_key: &'a str,
}

/// A sealed document: what to append, and where it is recorded.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What to append to the document.
    pub tail: Bytes,
    /// The seal-use records in the order of the seals, each with its leaf; never empty.
    pub records: Vec<(String, u64)>,
    /// SHA-256 of the sealed document, hexadecimal.
    pub result_digest: String,
}

/// One seal of an order: what policies permit, and what is to be done.
#[derive(Debug)]
pub struct Wanted {
    /// That the caller may.
    pub permit: Permit<SealDocument>,
    /// The work.
    pub task: Task,
}

/// Sets every seal on `document`, in one act: all of them are recorded, or none is. What is returned is durable; what
/// is not recorded does not leave.
///
/// # Errors
/// [`DocumentError`]; nothing was then recorded or sealed, [`CommitError::OutcomeUnknown`] excepted.
pub async fn seal(
    app: &Arc<App>,
    tools: Tools<'_>,
    wanted: Vec<Wanted>,
    level: Level,
    document: &Arc<Spooled>,
    replay: Option<ReplayKey>,
) -> Result<Sealed, DocumentError> {
    if let Some(known) = known(tools, replay.as_ref()).await? {
        return Ok(known);
    }
    let time = tools.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let now = time.div_euclid(1_000_000);
    let (permits, tasks): (Vec<_>, Vec<_>) = wanted.into_iter().map(|one| (one.permit, one.task)).unzip();
    for task in &tasks {
        task.seal.usable_at(now)?;
    }
    let tasks: Arc<[Task]> = tasks.into();
    let as_it_came = document.sha256();
    let claims: Vec<Claim<'_>> = tasks.iter().map(|task| claim(task, as_it_came)).collect();
    let Some(caller) = permits.first().map(|permit| permit.caller().clone()) else {
        return Err(DocumentError::NoSeal);
    };
    let early = match usage::admit_all(app, &caller, &claims).await {
        Ok(early) => early,
        // Consumed by the same request a moment ago.
        Err(error) => return known(tools, replay.as_ref()).await?.ok_or_else(|| error.into()),
    };
    let sealed = sealed(app, &tasks, level, document, now).await?;
    let result_digest =
        sealed.revisions.last().map(|last| hex::encode(&last.result_sha256)).unwrap_or_default();
    let ids: Vec<String> = tasks.iter().map(|task| task.record.clone()).collect();
    let kept =
        Kept { answer: Answer::of(ids.clone(), result_digest.clone()), tail: Bytes::from(sealed.tail) };
    let cached =
        replay.as_ref().map(|key| key.row(&kept, time, tools.custody, tools.replay_key)).transpose()?;
    let as_it_came = hex::encode(as_it_came);
    let common = Common { ids: &ids, level, time, document: &as_it_came };
    let build = |admissions: Vec<Option<Admission>>| {
        let each = permits.iter().zip(&*tasks).zip(&sealed.revisions).zip(admissions).enumerate();
        let mut parts = each.map(|(place, (((permit, task), revision), admission))| {
            unit(permit.act(), permit.caller(), task, revision, place, common, admission)
        });
        // INVARIANT: there is a first permit, or nothing was worked on.
        let first = parts.next().unwrap_or_else(|| Unit::new(Act::system("documents", "document.seal", "")));
        let first = cached.iter().cloned().fold(first, Unit::cache_insert);
        parts.fold(first, Unit::also)
    };
    match usage::record(app, tools.journal, &caller, &claims, early, build).await {
        // The entries of one unit stand beside each other.
        Ok(committed) => Ok(Sealed {
            tail: kept.tail,
            records: ids.into_iter().zip(committed.leaf..).collect(),
            result_digest,
        }),
        Err(error) => {
            if error.is_conflict() {
                tasks.iter().for_each(|task| app.desk.seals.forget(&task.seal.summary.id));
            }
            // The loser of a race gets the winner's answer.
            match known(tools, replay.as_ref()).await? {
                Some(known) if error.is_unsettled() => Ok(known),
                _ => Err(error.into()),
            }
        }
    }
}

/// The computation, where the request is as long as that costs little and nothing has to be waited for.
async fn sealed(
    app: &Arc<App>,
    tasks: &Arc<[Task]>,
    level: Level,
    document: &Arc<Spooled>,
    now: i64,
) -> Result<sealing::Sealed, DocumentError> {
    let mut means = Means { offer: app.desk.offer.clone(), raising: None };
    if level > Level::BB {
        let mut certificates = Vec::with_capacity(tasks.len());
        for task in tasks.iter() {
            certificates.extend(signers::certificates(&task.seal, task.request.format)?);
        }
        means.raising = Some(levels::prepare(app, &certificates, level.into()).await?);
    }
    // Looking for a text, and splitting a seal over every page, take in the whole document.
    let cheap =
        |task: &Task| !matches!(task.request.place, Place::Keyword { .. }) && task.request.paging.is_none();
    let quick = document.len() <= INLINE && tasks.len() == 1 && tasks.iter().all(cheap) && level == Level::BB;
    if quick && let Ok(sealed) = sealing::seal_all(document.as_ref(), tasks, &means, now, &modest()) {
        return Ok(sealed);
    }
    let waits = means.raising.as_ref().is_some_and(levels::Raising::waits);
    let (document, work) = (document.clone(), tasks.clone());
    let job = move || sealing::seal_all(document.as_ref(), &work, &means, now, &Limits::default());
    app.desk.work_waiting(waits, job).await?.map_err(|failed| DocumentError::Sealing {
        seal: tasks.get(failed.index).map(|task| task.seal.summary.id.clone()).unwrap_or_default(),
        of: tasks.len(),
        failed: Box::new(failed),
    })
}

/// The answer to an earlier request with the same key.
///
/// # Errors
/// [`DocumentError`].
pub(super) async fn known(
    tools: Tools<'_>,
    replay: Option<&ReplayKey>,
) -> Result<Option<Sealed>, DocumentError> {
    let Some(key) = replay else { return Ok(None) };
    let Some(kept) = key.find(tools.db, tools.custody, tools.replay_key).await? else { return Ok(None) };
    let mut known = Vec::new();
    for record in kept.answer.records() {
        let found = records::find(tools.db, record).await?;
        let leaf = found.ok_or_else(|| ReplayError::Damaged("its record is missing".into()))?.leaf;
        known.push((record.clone(), leaf));
    }
    Ok(Some(Sealed { tail: kept.tail, records: known, result_digest: kept.answer.result_digest }))
}

/// What rules of use are asked about.
fn claim(task: &Task, document: [u8; 32]) -> Claim<'_> {
    Claim {
        seal: &task.seal,
        document,
        blind: false,
        item: task.request.item.as_deref(),
        case_number: task.request.case_number.as_deref(),
        document_kind: task.request.document_kind.as_deref(),
    }
}

/// What the parts of one act have in common.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub ids: &'a [String],
    pub level: Level,
    pub time: i64,
    /// SHA-256 of the document as it came.
    pub document: &'a str,
}

/// The entry of one use of a seal, with its record.
pub(super) fn unit(
    act: Act,
    caller: &Caller,
    task: &Task,
    revision: &Revision,
    place: usize,
    common: Common<'_>,
    admission: Option<Admission>,
) -> Unit {
    let Common { ids, level, time, document } = common;
    let Task { request, seal, record } = task;
    let shown = caller.fingerprint.clone();
    let original_digest = hex::encode(&revision.original_sha256);
    let result_digest = hex::encode(&revision.result_sha256);
    let certificate = hex::encode(seal.certificate.sha256_fingerprint());
    let used = Use {
        id: record,
        caller: &caller.id,
        time,
        original_digest: &original_digest,
        original_length: revision.original_length,
        result_digest: &result_digest,
        result_length: revision.result_length,
        level,
        kind: None,
        signed_digest: None,
        document_digest: Some(document).filter(|came| *came != original_digest),
        format: (!request.format.is_usual()).then(|| request.format.as_str()),
        rule: admission.as_ref().map(Admission::rule),
        approval: admission.as_ref().and_then(Admission::approval),
    };
    let row = records::row(used, seal, request);
    let mut facts = json!({
        "record": record,
        "seal": seal.summary.id,
        "certificate": certificate,
        "original": { "sha256": original_digest, "octets": revision.original_length },
        "result": { "sha256": result_digest, "octets": revision.result_length },
    });
    if let Some(facts) = facts.as_object_mut() {
        if ids.len() > 1 {
            let sequence = json!({ "place": place + 1, "of": ids.len(), "first": ids.first() });
            facts.insert("sequence".into(), sequence);
        }
        if level > Level::BB {
            facts.insert("level".into(), json!(level));
        }
        if !request.format.is_usual() {
            facts.insert("format".into(), json!(request.format));
        }
    }
    let unit = signers::guarded(Unit::new(act).facts(facts).insert(row), seal, request.format);
    // Whoever is revoked while the document is worked on is refused at its end, on every node: revocation
    // is the one change of a certificate's row, so a good one is at its first version. Batch work shows none.
    let unit = if shown.is_empty() { unit } else { unit.guard(&CERTIFICATES, shown, 1) };
    let unit = match admission {
        Some(admission) => admission.into_unit(unit, record),
        None => unit,
    };
    // Free text may name people: it goes where it can be erased.
    records::personal(request).into_iter().fold(unit, Unit::detail)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn work_that_waits_for_others_leaves_turns_to_work_that_does_not() {
        let desk = Arc::new(Desk::new(2, &Documents::default()).unwrap());
        let (mut waiting, mut hold) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let (release, held) = channel::<()>();
            let at = desk.clone();
            waiting
                .push(tokio::spawn(async move { at.work_waiting(true, move || held.recv().is_ok()).await }));
            hold.push(release);
        }
        tokio::task::yield_now().await;
        let other = desk.work(|| 7);
        let other = tokio::time::timeout(std::time::Duration::from_secs(10), other).await;
        assert_eq!(other.unwrap().unwrap(), 7);
        hold.iter().for_each(|release| release.send(()).unwrap());
        for done in waiting {
            assert!(done.await.unwrap().unwrap());
        }
    }
}
