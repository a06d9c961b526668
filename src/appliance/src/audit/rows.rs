//! State rows against the newest entries that refer to them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value as Json;

use super::report::{AuditReport, Fault, Progress};
use crate::journal::LEAF;
use crate::store::{Snapshot, StoreError, Table, tables};

/// The newest reference to each row, of one pass.
pub(super) struct References {
    pass: u64,
    passes: u64,
    rows: HashMap<(&'static str, String), Reference>,
}

struct Reference {
    leaf: u64,
    version: i64,
    // None: removed.
    digest: Option<[u8; 32]>,
}

impl References {
    pub(super) fn new(pass: u64, passes: u64) -> Self {
        Self { pass, passes, rows: HashMap::new() }
    }

    /// Takes an entry's references in. Faults of the entries themselves are told in the first pass only.
    pub(super) fn take(&mut self, leaf: u64, entry: &Json, report: &mut AuditReport) {
        for row in entry.get("rows").and_then(Json::as_array).into_iter().flatten() {
            let text = |name: &str| row.get(name).and_then(Json::as_str);
            let table = text("table").and_then(tables::by_name);
            let (Some(table), Some(id), Some(version)) =
                (table, text("id"), row.get("version").and_then(Json::as_i64))
            else {
                if self.pass == 0 {
                    report.add("entries", leaf, Fault::Altered, "it refers to a row of no table of ours");
                }
                continue;
            };
            if !self.mine(table, id) {
                continue;
            }
            let mut digest = [0; 32];
            let digest =
                text("digest").and_then(|text| hex::decode_to_slice(text, &mut digest).ok()).map(|()| digest);
            self.rows.insert((table.name, id.to_owned()), Reference { leaf, version, digest });
        }
    }

    fn mine(&self, table: &Table, id: &str) -> bool {
        if self.passes == 1 {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        (table.name, id).hash(&mut hasher);
        hasher.finish() % self.passes == self.pass
    }
}

/// Tables under audit.
pub(super) fn audited() -> impl Iterator<Item = &'static Table> {
    tables::ALL.iter().copied().filter(|table| !table.cache)
}

/// Compares every row of this pass.
pub(super) async fn compare(
    snapshot: &mut Snapshot,
    mut references: References,
    report: &mut AuditReport,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StoreError> {
    for table in audited() {
        let mut after = String::new();
        let mut done = 0;
        loop {
            let rows = snapshot.rows_after(table, &after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            last.id().clone_into(&mut after);
            done += rows.len() as u64;
            for row in &rows {
                if !references.mine(table, row.id()) {
                    continue;
                }
                report.rows += 1;
                let reference = references.rows.remove(&(table.name, row.id().to_owned()));
                let Some(reference) = reference else {
                    report.add(table.name, row.id(), Fault::Added, "no entry of the log made this row");
                    continue;
                };
                let Reference { leaf, version, digest } = reference;
                match digest {
                    None => {
                        let text = format!("entry {leaf} removed this row");
                        report.add(table.name, row.id(), Fault::Added, text);
                    }
                    Some(digest) if version != row.version() || digest != row.digest() => {
                        let text = format!("it is not version {version} as entry {leaf} wrote it");
                        report.add(table.name, row.id(), Fault::Altered, text);
                    }
                    Some(_) => {
                        let place = table.position(LEAF).map(|_| row.value(LEAF).as_int());
                        // Certificates of before schema 4 have none.
                        let older = table == &tables::CERTIFICATES && place == Some(None);
                        let right =
                            |place: Option<i64>| place.and_then(|p| u64::try_from(p).ok()) == Some(leaf);
                        if !older && place.is_some_and(|place| !right(place)) {
                            let text = format!("its `{LEAF}` is not {leaf}, the entry that wrote it");
                            report.add(table.name, row.id(), Fault::Altered, text);
                        }
                    }
                }
            }
            progress(Progress { stage: table.name, done, total: 0 });
        }
    }
    let mut missing: Vec<_> = references.rows.into_iter().filter(|(_, row)| row.digest.is_some()).collect();
    missing.sort_unstable_by_key(|(_, row)| row.leaf);
    for ((table, id), row) in missing {
        let text = format!("entry {} wrote version {} of this row, and it is gone", row.leaf, row.version);
        report.add(table, id, Fault::Missing, text);
    }
    Ok(())
}

/// References kept in memory at once: some 300 MB.
pub(super) const MOST_ROWS: u64 = 2_000_000;
const PAGE: u32 = 1000;
