//! The log itself: entries, tree, tiles, head, side records.

use std::collections::BTreeSet;

use ring::digest::{SHA256, digest};
use serde_json::Value as Json;
use tlog::{CompactRange, Hash, SignedCheckpoint, VerifierKey, canonical, leaf_hash};

use super::report::{AuditReport, Fault, Progress};
use super::rows::References;
use crate::journal::{Vault, open_detail};
use crate::store::{Record, Snapshot, StoreError, Value};

/// What the head row says, as far as it reads.
#[derive(Default)]
pub(super) struct HeadRow {
    size: u64,
    time: i64,
    range: Option<CompactRange>,
}

/// Reads the head row and checks its signature.
pub(super) async fn head(
    snapshot: &mut Snapshot,
    keys: &[VerifierKey],
    report: &mut AuditReport,
) -> Result<HeadRow, StoreError> {
    let Some(record) = snapshot.fetch_optional("SELECT * FROM head", &[]).await? else {
        report.add("head", 1, Fault::Missing, "there is no head row");
        return Ok(HeadRow::default());
    };
    record.text("origin")?.clone_into(&mut report.origin);
    let size = u64::try_from(record.int("size")?).unwrap_or(0);
    let range = CompactRange::from_bytes(record.bytes("compact_range")?).ok();
    let stated = SignedCheckpoint::parse(record.text("checkpoint")?.as_bytes()).ok();
    match &stated {
        None => report.add("head", 1, Fault::Altered, "its checkpoint does not read"),
        Some(checkpoint) => {
            if let Err(error) = checkpoint.verify(keys) {
                report.add("head", 1, Fault::Unsigned, format!("its checkpoint: {error}"));
            }
            let checkpoint = checkpoint.checkpoint();
            let fits =
                range.as_ref().is_some_and(|range| range.size() == size && range.root() == checkpoint.root);
            if !fits || checkpoint.size != size || checkpoint.origin != report.origin {
                report.add(
                    "head",
                    1,
                    Fault::Altered,
                    "size, compact range and checkpoint do not fit each other",
                );
            }
        }
    }
    // The signed size counts: a head row whose size alone was lowered must not hide the tail.
    let size = stated.as_ref().map_or(size, |checkpoint| checkpoint.checkpoint().size.max(size));
    Ok(HeadRow { size, time: record.int("time")?, range })
}

/// The tree as far as it has been re-derived.
struct Tree<'a> {
    range: CompactRange,
    whole: bool,
    // Hashes of the tile being filled, level by level.
    levels: Vec<Vec<Hash>>,
    full: Vec<u64>,
    checkpoints: Vec<&'a SignedCheckpoint>,
    last_time: i64,
    erased: BTreeSet<u64>,
    empty: BTreeSet<u64>,
    suspects: Vec<Suspect>,
}

/// A stored tile that is not what the entries make: one of the two was altered.
struct Suspect {
    level: usize,
    position: u64,
    // The first hash that differs: of an entry, or of a tile below.
    below: u64,
}

/// The head row, earlier checkpoints and the vault: what the tree is checked against.
pub(super) type Against<'a> = (&'a HeadRow, &'a [SignedCheckpoint], Option<&'a dyn Vault>);

/// Walks over all entries: fills `references`, and checks tree, tiles and side records when `against` is given.
pub(super) async fn walk(
    snapshot: &mut Snapshot,
    against: Option<Against<'_>>,
    references: &mut References,
    report: &mut AuditReport,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StoreError> {
    let (size, mut tree) = match &against {
        Some((head, checkpoints, _)) => (head.size, Some(Tree::new(checkpoints, report))),
        None => (0, None),
    };
    let mut next: i64 = 0;
    loop {
        let sql = "SELECT leaf, body, hash FROM entries WHERE leaf >= $1 ORDER BY leaf LIMIT $2";
        let page = snapshot.fetch_all(sql, &[Value::Int(next), Value::Int(PAGE)]).await?;
        let Some(last) = page.last() else { break };
        let (from, to) = (next, last.int("leaf")?);
        for record in &page {
            let leaf = record.int("leaf")?;
            let body = record.bytes("body")?;
            let entry = canonical::parse(body);
            let number = u64::try_from(leaf).unwrap_or(0);
            if let Some(tree) = &mut tree {
                for missing in next..leaf.min(next.saturating_add(MOST_MISSING)) {
                    report.add("entries", missing, Fault::Missing, "this entry is gone");
                }
                tree.whole &= next == leaf;
                if entry.is_err() {
                    report.add("entries", leaf, Fault::Altered, "its body is not canonical JSON");
                }
                if number >= size {
                    report.add("entries", leaf, Fault::Added, "it is behind the head of the log");
                }
                tree.entry(snapshot, record, number, entry.as_ref().ok(), report).await?;
                report.entries += 1;
            }
            if let Ok(entry) = &entry {
                references.take(number, entry, report);
            }
            next = leaf.saturating_add(1);
        }
        if let (Some(tree), Some((_, _, vault))) = (&mut tree, &against) {
            tree.details(snapshot, &page, (from, to), *vault, report).await?;
        }
        progress(Progress { stage: "entries", done: u64::try_from(next).unwrap_or(0), total: size });
    }
    if let (Some(tree), Some((head, _, _))) = (tree, against) {
        tree.finish(snapshot, head, u64::try_from(next).unwrap_or(0), report).await?;
    }
    Ok(())
}

impl<'a> Tree<'a> {
    fn new(checkpoints: &'a [SignedCheckpoint], report: &mut AuditReport) -> Self {
        let mut tree = Self {
            range: CompactRange::empty(),
            whole: true,
            levels: Vec::new(),
            full: Vec::new(),
            checkpoints: checkpoints.iter().collect(),
            last_time: 0,
            erased: BTreeSet::new(),
            empty: BTreeSet::new(),
            suspects: Vec::new(),
        };
        tree.extends(report);
        tree
    }

    /// One entry into the tree.
    async fn entry(
        &mut self,
        snapshot: &mut Snapshot,
        record: &Record,
        leaf: u64,
        entry: Option<&Json>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let hash = leaf_hash(record.bytes("body")?);
        if record.opt_bytes("hash")?.is_some_and(|stored| stored != hash) {
            report.add("entries", leaf, Fault::Altered, "its body does not have the hash beside it");
        }
        if let Some(entry) = entry {
            let time = entry
                .get("time")
                .and_then(Json::as_str)
                .and_then(|time| time.parse::<jiff::Timestamp>().ok());
            self.last_time = time.map_or(self.last_time, |time| time.as_microsecond());
            let erased = entry.get("erased").and_then(Json::as_array).into_iter().flatten();
            self.erased.extend(erased.filter_map(Json::as_u64));
        }
        if !self.whole || self.range.append(hash).is_err() {
            self.whole = false;
            return Ok(());
        }
        self.extends(report);
        self.tile(snapshot, 0, hash, report).await
    }

    /// Earlier checkpoints of the size reached.
    fn extends(&mut self, report: &mut AuditReport) {
        let size = self.range.size();
        let mut reached = Vec::new();
        self.checkpoints.retain(|checkpoint| {
            let now = checkpoint.checkpoint().size == size;
            if now {
                reached.push(*checkpoint);
            }
            !now
        });
        for checkpoint in reached {
            if checkpoint.checkpoint().root == self.range.root() {
                report.checkpoints += 1;
            } else {
                let text = format!("the first {size} entries are not those of an earlier checkpoint");
                report.add("entries", size.saturating_sub(1), Fault::Forked, text);
            }
        }
    }

    /// One hash into the tile of its level; a full tile is compared and goes one level up.
    async fn tile(
        &mut self,
        snapshot: &mut Snapshot,
        level: usize,
        hash: Hash,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let (mut level, mut hash) = (level, hash);
        loop {
            if self.levels.len() <= level {
                self.levels.push(Vec::with_capacity(256));
                self.full.push(0);
            }
            let Some(hashes) = self.levels.get_mut(level) else { return Ok(()) };
            hashes.push(hash);
            if hashes.len() < 256 {
                return Ok(());
            }
            let hashes = std::mem::take(hashes);
            let position = self.full.get(level).copied().unwrap_or(0);
            if let Some(full) = self.full.get_mut(level) {
                *full += 1;
            }
            let suspect = compare_tile(snapshot, level, position, &hashes, report).await?;
            self.suspects.extend(suspect);
            let mut range = CompactRange::empty();
            if hashes.into_iter().any(|hash| range.append(hash).is_err()) {
                return Ok(());
            }
            hash = range.root();
            level += 1;
        }
    }

    /// Side records of a page of entries.
    async fn details(
        &mut self,
        snapshot: &mut Snapshot,
        page: &[Record],
        (from, to): (i64, i64),
        vault: Option<&dyn Vault>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let sql =
            "SELECT leaf, wrapped_key, sealed FROM details WHERE leaf >= $1 AND leaf <= $2 ORDER BY leaf";
        let records = snapshot.fetch_all(sql, &[Value::Int(from), Value::Int(to)]).await?;
        let mut records = records.iter().peekable();
        for entry in page {
            let leaf = entry.int("leaf")?;
            while let Some(stray) =
                records.next_if(|record| record.int("leaf").is_ok_and(|found| found < leaf))
            {
                report.add("details", stray.int("leaf")?, Fault::Added, "there is no such entry");
            }
            let record = records.next_if(|record| record.int("leaf").is_ok_and(|found| found == leaf));
            let Ok(json) = canonical::parse(entry.bytes("body")?) else { continue };
            let text = |name: &str| json.get("detail").and_then(|detail| detail.get(name)?.as_str());
            match (text("commitment"), record) {
                (None, None) => {}
                (None, Some(_)) => report.add("details", leaf, Fault::Added, "its entry has no detail"),
                (Some(_), None) => report.add("details", leaf, Fault::Missing, "its entry has detail"),
                (Some(commitment), Some(record)) => {
                    report.details += 1;
                    let (Some(key), Some(sealed)) =
                        (record.opt_bytes("wrapped_key")?, record.opt_bytes("sealed")?)
                    else {
                        // Whether an entry says so is known when all have been read.
                        self.empty.insert(u64::try_from(leaf).unwrap_or(0));
                        continue;
                    };
                    if text("record").is_none_or(|stored| stored != hex::encode(digest(&SHA256, sealed))) {
                        report.add("details", leaf, Fault::Altered, "it is not the record of its entry");
                    } else if let Some(vault) = vault {
                        let mut hash: Hash = [0; 32];
                        let nonce = json.get("nonce").and_then(Json::as_str).unwrap_or_default();
                        let decoded = hex::decode_to_slice(commitment, &mut hash).is_ok();
                        match open_detail(key, sealed, nonce, &hash, vault) {
                            Ok(_) if decoded => report.details_opened += 1,
                            Ok(_) => {
                                report.add("details", leaf, Fault::Altered, "its commitment does not read")
                            }
                            Err(error) => report.add("details", leaf, Fault::Altered, error.to_string()),
                        }
                    }
                }
            }
        }
        for stray in records {
            report.add("details", stray.int("leaf")?, Fault::Added, "there is no such entry");
        }
        Ok(())
    }

    /// What can be said only when all entries have been read.
    async fn finish(
        self,
        snapshot: &mut Snapshot,
        head: &HeadRow,
        end: u64,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        for missing in end..head.size.min(end.saturating_add(MOST_MISSING.unsigned_abs())) {
            report.add("entries", missing, Fault::Missing, "the head covers this entry, and it is gone");
        }
        for leaf in self.empty.difference(&self.erased) {
            report.add("details", leaf, Fault::Missing, "it is empty, and no entry says that it was erased");
        }
        report.details_erased = self.empty.intersection(&self.erased).count() as u64;
        for leaf in self.erased.difference(&self.empty) {
            report.add(
                "details",
                leaf,
                Fault::NotErased,
                "an entry says that it was erased, and it is there",
            );
        }
        let beyond = i64::try_from(end).unwrap_or(i64::MAX);
        let strays = snapshot
            .fetch_all(
                "SELECT leaf FROM details WHERE leaf >= $1 OR leaf < 0 ORDER BY leaf LIMIT 10",
                &[Value::Int(beyond)],
            )
            .await?;
        for stray in strays {
            report.add("details", stray.int("leaf")?, Fault::Added, "there is no such entry");
        }
        let strays = snapshot.fetch_all("SELECT leaf FROM entries WHERE leaf < 0 LIMIT 10", &[]).await?;
        for stray in strays {
            report.add("entries", stray.int("leaf")?, Fault::Added, "the log starts with entry 0");
        }
        if self.whole {
            report.root = hex::encode(self.range.root());
            self.stray_tiles(snapshot, report).await?;
            self.accuse(head, report);
            let accused =
                report.findings.iter().any(|finding| finding.table == "entries" || finding.table == "head");
            if !accused && head.range.as_ref() != Some(&self.range) {
                let text = "the entries do not make the tree of the head: one of those behind the last full tile, \
                            or the head, was altered";
                report.add("head", 1, Fault::Altered, text);
            } else if !accused && head.time != self.last_time {
                report.add("head", 1, Fault::Altered, "its time is not the newest entry's");
            }
        }
        for checkpoint in &self.checkpoints {
            let size = checkpoint.checkpoint().size;
            if size > end {
                let text = format!("an earlier checkpoint covers {size} entries: the log's tail was deleted");
                report.add("entries", end, Fault::Missing, text);
            }
        }
        Ok(())
    }

    /// Tiles and entries that contradict each other: the signed head tells which of them was altered.
    fn accuse(&self, head: &HeadRow, report: &mut AuditReport) {
        if head.range.as_ref() == Some(&self.range) {
            for Suspect { level, position, below } in &self.suspects {
                let what = if *level == 0 { "entry" } else { "tile below" };
                let text = format!("its hash of {what} {below} is not the one that the entries make");
                report.add("tiles", format!("{level}/{position}"), Fault::Altered, text);
            }
        } else if !report.findings.iter().any(|finding| finding.table == "entries") {
            for suspect in self.suspects.iter().filter(|suspect| suspect.level == 0) {
                let text = "its body is not the one that the stored tile and the signed head were made of";
                report.add("entries", suspect.below, Fault::Altered, text);
            }
        }
    }

    /// Stored tiles that the tree does not have (yet).
    async fn stray_tiles(&self, snapshot: &mut Snapshot, report: &mut AuditReport) -> Result<(), StoreError> {
        for level in 0..=self.full.len() {
            let sql = "SELECT level, position FROM tiles WHERE level = $1 AND (position >= $2 OR position < 0) LIMIT 10";
            let full = self.full.get(level).copied().unwrap_or(0);
            let parameters =
                [level as u64, full].map(|number| Value::Int(i64::try_from(number).unwrap_or(i64::MAX)));
            for stray in snapshot.fetch_all(sql, &parameters).await? {
                let id = format!("{level}/{}", stray.int("position")?);
                report.add("tiles", id, Fault::Added, "the tree has no such full tile");
            }
        }
        let sql = "SELECT level, position FROM tiles WHERE level > $1 OR level < 0 LIMIT 10";
        let most = Value::Int(i64::try_from(self.full.len()).unwrap_or(i64::MAX));
        for stray in snapshot.fetch_all(sql, &[most]).await? {
            let id = format!("{}/{}", stray.int("level")?, stray.int("position")?);
            report.add("tiles", id, Fault::Added, "the tree has no such full tile");
        }
        Ok(())
    }
}

async fn compare_tile(
    snapshot: &mut Snapshot,
    level: usize,
    position: u64,
    hashes: &[Hash],
    report: &mut AuditReport,
) -> Result<Option<Suspect>, StoreError> {
    let id = format!("{level}/{position}");
    let parameters =
        [level as u64, position].map(|number| Value::Int(i64::try_from(number).unwrap_or(i64::MAX)));
    let sql = "SELECT hashes FROM tiles WHERE level = $1 AND position = $2";
    let Some(stored) = snapshot.fetch_optional(sql, &parameters).await? else {
        report.add("tiles", id, Fault::Missing, "the tree has this full tile");
        return Ok(None);
    };
    report.tiles += 1;
    let stored = stored.bytes("hashes")?.as_chunks::<32>().0;
    let differs = hashes.iter().zip(stored).position(|(derived, stored)| derived != stored);
    Ok(differs.map(|differs| Suspect { level, position, below: (position << 8) + differs as u64 }))
}

const PAGE: i64 = 1000;
/// Missing entries that are named one by one.
const MOST_MISSING: i64 = 20;
