//! Tokens recorded together: while one batch is committed, the next one gathers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tlog::{Batch, CompactRange, Hash};
use tokio::sync::oneshot;

use super::office::Refusal;
use crate::app::App;
use crate::identity::Caller;
use crate::journal::Unit;
use crate::policy::{Facts, IssueTimestamp, Resource};
use crate::store::tables::CERTIFICATES;

/// Tokens that wait for their entry.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    running: bool,
}

/// One token that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Hash of its TSTInfo as a leaf.
    pub hash: Hash,
    /// The registered caller; nobody in particular otherwise.
    pub caller: Option<String>,
    /// Row of the certificate it is signed under, and the version that was looked at.
    pub certificate: (Arc<str>, i64),
    /// Whom to tell.
    pub answer: oneshot::Sender<Result<Recorded, Refusal>>,
}

/// Where a token is recorded.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub leaf: u64,
    pub index: u64,
    tree: Arc<Batch>,
}

/// That a token is one of its batch: an inclusion proof (RFC 9162 §2.1.3) in the tree whose root the entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Its place in the batch.
    pub index: u64,
    /// Tokens of the batch.
    pub size: u64,
    /// Hashes from the leaf's sibling to below the root.
    pub path: Vec<Hash>,
}

impl Recorded {
    pub(super) fn proof(&self) -> Proof {
        let path = self.tree.inclusion_proof(self.index).unwrap_or_default();
        Proof { index: self.index, size: self.tree.size(), path }
    }
}

impl std::fmt::Display for Proof {
    /// As it travels in `Cinnabar-Batch-Proof` (RFC 9651): `index=1, size=3, path=(:…=: :…=:)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path: Vec<String> = self.path.iter().map(|hash| format!(":{}:", STANDARD.encode(hash))).collect();
        write!(f, "index={}, size={}, path=({})", self.index, self.size, path.join(" "))
    }
}

impl std::str::FromStr for Proof {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let member = |name: &str| {
            text.split(',').map(str::trim).find_map(|member| member.strip_prefix(name)?.strip_prefix('='))
        };
        let number = |name| member(name).and_then(|number| number.parse().ok()).ok_or(());
        let path = member("path").and_then(|path| path.strip_prefix('(')?.strip_suffix(')')).ok_or(())?;
        let hash = |text: &str| {
            let inner = text.strip_prefix(':')?.strip_suffix(':')?;
            Hash::try_from(STANDARD.decode(inner).ok()?).ok()
        };
        let path = path.split_whitespace().map(|text| hash(text).ok_or(())).collect::<Result<_, ()>>()?;
        Ok(Self { index: number("index")?, size: number("size")?, path })
    }
}

impl Queue {
    /// Has a token recorded with others.
    pub(super) fn enter(&self, app: &Arc<App>, waiting: Waiting) -> Result<(), Refusal> {
        let start = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.waiting.len() >= MOST_WAITING {
                return Err(Refusal::Overloaded);
            }
            state.waiting.push(waiting);
            !std::mem::replace(&mut state.running, true)
        };
        if start {
            tokio::spawn(run(app.clone()));
        }
        Ok(())
    }

    /// The next batch; nothing, and the run ends, when nobody waits.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.waiting.is_empty() {
            state.running = false;
            return None;
        }
        let count = state.waiting.len().min(MOST_TOKENS);
        Some(state.waiting.drain(..count).collect())
    }
}

/// Commits batch after batch until nobody waits. A task of its own: whoever asked may hang up.
async fn run(app: Arc<App>) {
    let Some(office) = &app.timestamps else { return };
    let bound = Duration::from_secs(app.config.limits.request_seconds);
    while let Some(batch) = office.queue.next() {
        metrics::histogram!("cinnabar_timestamps_batch_tokens")
            .record(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        // On a task of its own again, so that a fault within costs one batch and not the office.
        let of_batch = app.clone();
        let recorded =
            tokio::spawn(tokio::time::timeout(bound, async move { record(&of_batch, batch).await }));
        match recorded.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("a batch of time-stamps was not recorded in time"),
            Err(error) => tracing::error!(%error, "a batch of time-stamps was not recorded"),
        }
    }
}

/// Commits one batch and answers whoever waits for it.
async fn record(app: &App, batch: Vec<Waiting>) {
    match commit(app, &batch).await {
        Ok((leaf, tree)) => {
            for (waiting, index) in batch.into_iter().zip(0..) {
                let _ = waiting.answer.send(Ok(Recorded { leaf, index, tree: tree.clone() }));
            }
        }
        Err(refusal) => {
            for waiting in batch {
                let _ = waiting.answer.send(Err(refusal.clone()));
            }
        }
    }
}

async fn commit(app: &App, batch: &[Waiting]) -> Result<(u64, Arc<Batch>), Refusal> {
    let unsealed = app.unsealed().map_err(|_| Refusal::Sealed)?;
    let permit = app
        .policy
        .decide::<IssueTimestamp>(&Caller::system("timestamps"), Resource::appliance(), Facts::default())
        .map_err(|denied| Refusal::Denied(denied.to_string()))?;
    let hashes = batch.iter().map(|waiting| waiting.hash).collect();
    let tree =
        Batch::append(&CompactRange::empty(), hashes).map_err(|error| Refusal::Signer(error.to_string()))?;
    let mut callers: BTreeMap<&str, u64> = BTreeMap::new();
    let mut certificates: BTreeMap<&str, i64> = BTreeMap::new();
    for waiting in batch {
        if let Some(caller) = &waiting.caller {
            *callers.entry(caller).or_default() += 1;
        }
        certificates.insert(&waiting.certificate.0, waiting.certificate.1);
    }
    let anonymous = batch.len() as u64 - callers.values().sum::<u64>();
    let mut unit = Unit::new(permit.act()).facts(json!({
        "tokens": batch.len(),
        "root": hex::encode(tree.root()),
        "certificates": certificates.keys().collect::<Vec<_>>(),
        "callers": callers,
        "anonymous": anonymous,
    }));
    for (fingerprint, version) in &certificates {
        // A certificate revoked meanwhile, on whatever node, stamps nothing any more.
        unit = unit.guard(&CERTIFICATES, *fingerprint, *version);
    }
    let committed = unsealed.journal.commit(unit).await.map_err(Refusal::Commit)?;
    Ok((committed.leaf, Arc::new(tree)))
}

/// Tokens of one batch: an entry's list of callers stays far below a leaf's limit.
const MOST_TOKENS: usize = 512;
/// Tokens that wait before others are turned away.
const MOST_WAITING: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_reads_as_it_was_written() {
        for path in [vec![], vec![[1; 32]], vec![[0xFF; 32], [7; 32]]] {
            let proof = Proof { index: 3, size: 17, path };
            assert_eq!(proof.to_string().parse(), Ok(proof));
        }
        for wrong in ["", "index=1, size=2", "index=x, size=2, path=()", "index=1, size=2, path=(:AA==:)"] {
            assert_eq!(wrong.parse::<Proof>(), Err(()), "{wrong}");
        }
    }
}
