//! What is refused while the keystore is sealed, failed unseals included (decision 17): nothing can be signed yet, so
//! it goes to a bounded file, each record on the disk before the refusal is answered, chained by hashes so that
//! taking one out shows. After unsealing the records become the first leaves.
//!
//! A crash between entering and emptying enters records twice; each carries its chain value, so that a reader sees it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::digest::{Context, SHA256};
use serde_json::{Value, json};
use tlog::canonical;

use super::act::{Act, Actor, Refusal};
use super::error::CommitError;
use super::prepare::time_text;
use super::unit::Unit;
use super::{Clock, Journal};

/// The pending file of one node.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    chain: String,
    records: usize,
    octets: usize,
    dropped: u64,
}

/// Why a pending record was not kept or entered.
#[derive(Debug, thiserror::Error)]
pub enum PendingError {
    /// The file cannot be used.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A record cannot be written in canonical form.
    #[error("the record has no canonical form: {0}")]
    Canonical(String),
    /// The log did not take the records.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Pending {
    /// Opens the file in the state folder, or makes it.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(state: &Path) -> Result<Self, PendingError> {
        let path = state.join(NAME);
        let unusable = |source| PendingError::File { path: path.clone(), source };
        std::fs::create_dir_all(state).map_err(unusable)?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        File::open(state).and_then(|folder| folder.sync_all()).map_err(unusable)?;
        let text = std::fs::read(&path).map_err(unusable)?;
        let (records, _) = read(&text);
        let chain = records.last().map_or_else(|| START.to_owned(), |record| record.chain.clone());
        let state = State { file, chain, records: records.len(), octets: text.len(), dropped: 0 };
        if !text.is_empty() && !text.ends_with(b"\n") {
            // A write that a crash tore: closed, so that the next record has a line of its own.
            (&state.file).write_all(b"\n").and_then(|()| state.file.sync_data()).map_err(unusable)?;
        }
        Ok(Self { path, state: Mutex::new(state) })
    }

    /// Keeps a refusal. On the disk when this returns `true`; `false` when the file is full and it was only counted.
    /// Blocks for an fsync.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn refused(&self, refusal: &Refusal, clock: &dyn Clock) -> Result<bool, PendingError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.records >= MOST_RECORDS || state.octets >= MOST_OCTETS {
            state.dropped += 1;
            return Ok(false);
        }
        let time = time_text(clock.wall()).unwrap_or_default();
        let record = json!({
            "action": refusal.action, "actor": refusal.actor.to_json(), "policies": refusal.policies,
            "reason": refusal.reason, "request": refusal.request, "resource": refusal.resource, "time": time,
        });
        let text = canonical::to_vec(&record).map_err(|error| PendingError::Canonical(error.to_string()))?;
        let chain = link(&state.chain, &text);
        let line = [chain.as_bytes(), b" ", &text, b"\n"].concat();
        let written = state.file.write_all(&line).and_then(|()| state.file.sync_data());
        written.map_err(|source| PendingError::File { path: self.path.clone(), source })?;
        state.chain = chain;
        state.records += 1;
        state.octets += line.len();
        Ok(true)
    }

    /// Number of records that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).records
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Enters what waits, also what is refused meanwhile, and empties the table.
    pub(super) async fn drain(&self, journal: &Journal) -> Result<usize, PendingError> {
        let unusable = |source| PendingError::File { path: self.path.clone(), source };
        let mut entered = 0;
        loop {
            let text = std::fs::read(&self.path).map_err(unusable)?;
            let (records, whole) = read(&text);
            let count = records.len();
            let mut unit: Option<Unit> = None;
            let mut joined = 0;
            for record in records.into_iter().skip(entered) {
                unit = Some(joint(unit, record.unit()));
                joined += 1;
                if joined == MOST_JOINED {
                    joined = 0;
                    if let Some(unit) = unit.take() {
                        journal.commit(unit).await?;
                    }
                }
            }
            let dropped = self.state.lock().unwrap_or_else(PoisonError::into_inner).dropped;
            if entered == 0 && (!whole || dropped > 0) {
                let facts = json!({ "chain_whole": whole, "not_kept": dropped });
                let incomplete = Unit::new(Act::system("pending", "pending.incomplete", "")).facts(facts);
                unit = Some(joint(unit, incomplete));
            }
            if let Some(unit) = unit {
                journal.commit(unit).await?;
            }
            entered = count;
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.records > count {
                // Refused while the others were being entered: it stands behind them in the file.
                continue;
            }
            state.file.set_len(0).and_then(|()| state.file.sync_all()).map_err(unusable)?;
            state.chain = START.to_owned();
            (state.records, state.octets, state.dropped) = (0, 0, 0);
            return Ok(entered);
        }
    }
}

fn joint(unit: Option<Unit>, next: Unit) -> Unit {
    match unit {
        Some(unit) => unit.also(next),
        None => next,
    }
}

struct Record {
    chain: String,
    value: Value,
}

impl Record {
    /// Its entry: the refusal as any other, with when it happened.
    fn unit(self) -> Unit {
        let text = |name: &str| self.value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let actor = |name: &str| {
            let actor = self.value.get("actor").and_then(|actor| actor.get(name));
            actor.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let policies = self.value.get("policies").and_then(Value::as_array).into_iter().flatten();
        let act = Act {
            actor: Actor {
                id: actor("id"),
                kind: actor("kind"),
                organisation: actor("organisation"),
                fingerprint: actor("certificate"),
            },
            action: "refusal".to_owned(),
            resource: text("resource"),
            policies: policies.filter_map(Value::as_str).map(str::to_owned).collect(),
            request: text("request"),
        };
        let facts = json!({
            "attempted": text("action"), "reason": text("reason"),
            "pending": { "chain": self.chain, "time": text("time") },
        });
        Unit::new(act).facts(facts)
    }
}

/// The records that read, and whether they are one whole chain from the start.
fn read(text: &[u8]) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    let mut chain = START.to_owned();
    let mut whole = true;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let parsed = line.split_at_checked(64).and_then(|(link, rest)| {
            let record = rest.strip_prefix(b" ")?;
            Some((std::str::from_utf8(link).ok()?.to_owned(), record, canonical::parse(record).ok()?))
        });
        let Some((link_found, record, value)) = parsed else {
            whole = false;
            continue;
        };
        whole &= link(&chain, record) == link_found;
        chain.clone_from(&link_found);
        records.push(Record { chain: link_found, value });
    }
    (records, whole)
}

fn link(before: &str, record: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(before.as_bytes());
    context.update(record);
    hex::encode(context.finish())
}

const NAME: &str = "pending-refusals";
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const MOST_RECORDS: usize = 10_000;
const MOST_OCTETS: usize = 4 * 1024 * 1024;
/// Records that one unit enters.
const MOST_JOINED: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TimeSource;
    use crate::journal::SystemClock;

    fn refusal(reason: &str) -> Refusal {
        Refusal {
            actor: Actor::system("unseal"),
            action: "keystore.unseal".to_owned(),
            resource: String::new(),
            reason: reason.to_owned(),
            policies: vec!["p".to_owned()],
            request: "r".to_owned(),
        }
    }

    #[test]
    fn records_survive_and_a_missing_one_shows() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SystemClock::new(TimeSource::Assumed);
        let pending = Pending::open(folder.path()).unwrap();
        for reason in ["a", "b"] {
            assert!(pending.refused(&refusal(reason), &clock).unwrap());
        }
        drop(pending);
        let pending = Pending::open(folder.path()).unwrap();
        assert!(pending.refused(&refusal("c"), &clock).unwrap());
        assert_eq!(pending.len(), 3);
        let text = std::fs::read(folder.path().join(NAME)).unwrap();
        let (records, whole) = read(&text);
        assert!(whole);
        assert_eq!(records.iter().map(|r| r.value["reason"].as_str().unwrap()).collect::<String>(), "abc");
        let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
        assert!(!read(&[lines[0], lines[2]].concat()).1, "one taken out");
        assert!(!read(&[lines[1], lines[0], lines[2]].concat()).1, "order changed");
        let altered = String::from_utf8(text).unwrap().replace("\"b\"", "\"x\"");
        assert!(!read(altered.as_bytes()).1, "altered");
    }

    #[test]
    fn a_torn_line_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SystemClock::new(TimeSource::Assumed);
        Pending::open(folder.path()).unwrap().refused(&refusal("a"), &clock).unwrap();
        let path = folder.path().join(NAME);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"0000 half");
        std::fs::write(&path, text).unwrap();
        let pending = Pending::open(folder.path()).unwrap();
        pending.refused(&refusal("b"), &clock).unwrap();
        let (records, whole) = read(&std::fs::read(&path).unwrap());
        assert_eq!((records.len(), whole), (2, false));
    }

    #[test]
    fn the_file_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SystemClock::new(TimeSource::Assumed);
        let pending = Pending::open(folder.path()).unwrap();
        pending.state.lock().unwrap().records = MOST_RECORDS;
        assert!(!pending.refused(&refusal("a"), &clock).unwrap());
    }
}
