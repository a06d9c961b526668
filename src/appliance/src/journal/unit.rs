//! A unit of work: what is to be written together, as data (decision 1).
//!
//! Services build units and hand them up; only the outermost caller commits, so that several of them can be one act.
//! Nothing happens before [`Journal::commit`](super::Journal::commit).

use serde_json::Value as Json;

use super::act::Act;
use crate::store::{Row, Table};

/// Rows, guards and 1..n log entries that become durable together or not at all.
#[derive(Clone, Debug)]
pub struct Unit {
    // INVARIANT: not empty; the first is the principal one, whose receipt is answered.
    pub(super) parts: Vec<Part>,
}

/// One entry with the rows it answers for.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub act: Act,
    pub changes: Vec<Change>,
    pub cache: Vec<Row>,
    pub bumps: Vec<&'static str>,
    pub erase: Vec<u64>,
    pub detail: Option<Json>,
    pub facts: Option<Json>,
}

/// One guarded write.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Insert(Row),
    Update(Row),
    Delete { table: &'static Table, id: String, version: i64 },
    Guard { table: &'static Table, id: String, version: i64 },
}

impl Unit {
    /// A unit whose principal entry records `act`.
    #[must_use]
    pub fn new(act: Act) -> Self {
        let part = Part {
            act,
            changes: Vec::new(),
            cache: Vec::new(),
            bumps: Vec::new(),
            erase: Vec::new(),
            detail: None,
            facts: None,
        };
        Self { parts: vec![part] }
    }

    /// A new row, of version 1. Fails with `Exists` when the id or another unique value is taken.
    #[must_use]
    pub fn insert(self, row: Row) -> Self {
        self.change(Change::Insert(row))
    }

    /// A whole new row in the place of the one whose version is one lower ([`Row::next_version`]).
    #[must_use]
    pub fn update(self, row: Row) -> Self {
        self.change(Change::Update(row))
    }

    /// Removes a row that has exactly this version.
    #[must_use]
    pub fn delete(self, table: &'static Table, id: impl Into<String>, version: i64) -> Self {
        self.change(Change::Delete { table, id: id.into(), version })
    }

    /// Commits only if that row still has this version: what a decision was based on. Guards see the state before
    /// the unit's own writes.
    #[must_use]
    pub fn guard(self, table: &'static Table, id: impl Into<String>, version: i64) -> Self {
        self.change(Change::Guard { table, id: id.into(), version })
    }

    /// Counts a generation up: whoever caches what it stands for reads it again within a second.
    #[must_use]
    pub fn bump(mut self, generation: &'static str) -> Self {
        self.last(|part| part.bumps.push(generation));
        self
    }

    /// A new row of a cache table, which no entry and no audit knows. Fails with `Exists` like any other.
    #[must_use]
    pub fn cache_insert(mut self, row: Row) -> Self {
        self.last(|part| part.cache.push(row));
        self
    }

    /// Personal detail of the entry: sealed under a key of its own, the leaf holds a salted commitment only.
    #[must_use]
    pub fn detail(mut self, detail: Json) -> Self {
        self.last(|part| part.detail = Some(detail));
        self
    }

    /// What else the leaf says openly. No personal data: a leaf is for ever.
    #[must_use]
    pub fn facts(mut self, facts: Json) -> Self {
        self.last(|part| part.facts = Some(facts));
        self
    }

    /// One more fact of the leaf, beside those of [`facts`](Self::facts).
    #[must_use]
    pub fn fact(mut self, name: &str, value: Json) -> Self {
        self.last(|part| match &mut part.facts {
            Some(Json::Object(members)) => drop(members.insert(name.to_owned(), value)),
            facts => *facts = Some(serde_json::json!({ name: value })),
        });
        self
    }

    /// Destroys the key of the personal detail of an earlier entry. This entry says so.
    #[must_use]
    pub fn erase_detail(mut self, leaf: u64) -> Self {
        self.last(|part| part.erase.push(leaf));
        self
    }

    /// Joins another unit: its entries follow this one's, its writes are of the same act.
    #[must_use]
    pub fn also(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    fn change(mut self, change: Change) -> Self {
        self.last(|part| part.changes.push(change));
        self
    }

    fn last(&mut self, put: impl FnOnce(&mut Part)) {
        if let Some(part) = self.parts.last_mut() {
            put(part);
        }
    }
}
