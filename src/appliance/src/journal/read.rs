//! Reading the log: checkpoint, tiles, proofs, receipts, entries. What is public here (decision 5): checkpoint, tiles
//! and consistency proofs. Receipts are for their caller and auditors, entries for auditors: whoever serves them asks
//! the policy first, and records a sensitive read before its bytes leave (decision 10).

use std::sync::Arc;

use serde_json::Value as Json;
use tlog::nodes::Plan;
use tlog::{Hash, Receipt, SignedCheckpoint, Tile, canonical};

use super::Journal;
use super::batch::int;
use super::detail;
use super::error::JournalError;
use super::head::{Head, full_tile, tile_set};
use crate::store::Record;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place.
    pub leaf: u64,
    /// The leaf's bytes, canonical JSON.
    pub body: Vec<u8>,
    /// The same, parsed.
    pub json: Json,
}

/// The personal detail of an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// The entry has none.
    None,
    /// It was erased.
    Erased,
    /// Opened, and checked against the leaf's commitment.
    Open(Json),
}

impl Journal {
    /// The newest released checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> SignedCheckpoint {
        self.head().checkpoint.clone()
    }

    /// Number of entries that the newest released checkpoint covers.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.head().size()
    }

    /// The hashes of a tile, concatenated (C2SP tlog-tiles). A partial tile is answered as long as the log has it,
    /// full or not.
    ///
    /// # Errors
    /// When the log does not reach that far, or the store fails.
    pub async fn tile(&self, tile: Tile) -> Result<Vec<u8>, JournalError> {
        let none = || JournalError::NotFound(tile.to_string());
        let head = self.head();
        let there = Tile::in_tree(tile.level(), tile.index(), head.size()).ok_or_else(none)?;
        if there.width() < tile.width() {
            return Err(none());
        }
        let hashes = if there.is_partial() {
            let found = head.edge.partial_tiles().find(|(partial, _)| *partial == there);
            found.map(|(_, hashes)| hashes.to_vec())
        } else {
            full_tile(self.db(), there).await?
        };
        let hashes = hashes.ok_or_else(|| JournalError::Damaged(format!("{there} is missing")))?;
        Ok(hashes.get(..usize::from(tile.width())).ok_or_else(none)?.concat())
    }

    /// Consistency proof between two sizes of the tree (RFC 9162 §2.1.4); `to` defaults to the newest checkpoint's.
    ///
    /// # Errors
    /// When the log does not have these sizes, or the store fails.
    pub async fn consistency(&self, from: u64, to: Option<u64>) -> Result<Vec<Hash>, JournalError> {
        let head = self.head();
        let to = to.unwrap_or_else(|| head.size());
        if to > head.size() {
            return Err(JournalError::NotFound(format!("tree of {to} entries")));
        }
        let plan = Plan::consistency(from, to).map_err(|error| JournalError::NotFound(error.to_string()))?;
        self.hashes(&head, &plan).await
    }

    /// The receipt of a leaf, under the newest checkpoint.
    ///
    /// # Errors
    /// When there is no such leaf, or the store fails.
    pub async fn receipt(&self, leaf: u64) -> Result<Receipt, JournalError> {
        let head = self.head();
        let entry = self.entry_under(&head, leaf).await?;
        let plan = Plan::inclusion(leaf, head.size()).map_err(|_| no_leaf(leaf))?;
        let proof = self.hashes(&head, &plan).await?;
        Receipt::new(entry.body, leaf, proof, head.checkpoint.clone())
            .map_err(|error| JournalError::Damaged(error.to_string()))
    }

    /// One entry, without its personal detail.
    ///
    /// # Errors
    /// When there is no such leaf, or the store fails.
    pub async fn entry(&self, leaf: u64) -> Result<Entry, JournalError> {
        self.entry_under(&self.head(), leaf).await
    }

    /// Entries from `from` on, at most `limit` (and never more than 1,000), without personal detail.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn entries(&self, from: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        let to = self.size().min(from.saturating_add(limit.min(MOST_ENTRIES).into()));
        if from >= to {
            return Ok(Vec::new());
        }
        let sql = "SELECT leaf, body FROM entries WHERE leaf >= $1 AND leaf < $2 ORDER BY leaf";
        self.db().fetch_all(sql, &[int(from), int(to)]).await?.iter().map(entry).collect()
    }

    /// The personal detail of an entry. A sensitive read: commit an entry about it before it leaves the process.
    ///
    /// # Errors
    /// When there is no such leaf, the store or the key fails, or the record is not the one the leaf commits to.
    pub async fn detail(&self, leaf: u64) -> Result<Detail, JournalError> {
        let entry = self.entry(leaf).await?;
        let commitment = entry.json.get("detail").and_then(|detail| detail.get("commitment")?.as_str());
        let Some(commitment) = commitment else {
            return Ok(Detail::None);
        };
        let damaged = |fault: String| JournalError::Damaged(format!("detail of entry {leaf}: {fault}"));
        let mut hash: Hash = [0; 32];
        hex::decode_to_slice(commitment, &mut hash).map_err(|error| damaged(error.to_string()))?;
        let nonce = entry.json.get("nonce").and_then(Json::as_str).unwrap_or_default();
        let sql = "SELECT wrapped_key, sealed FROM details WHERE leaf = $1";
        let record = self.db().fetch_optional(sql, &[int(leaf)]).await?;
        let record = record.ok_or_else(|| damaged("there is no side record".to_owned()))?;
        match (record.opt_bytes("wrapped_key")?, record.opt_bytes("sealed")?) {
            (Some(key), Some(sealed)) => detail::open(key, sealed, nonce, &hash, self.vault())
                .map(Detail::Open)
                .map_err(|error| damaged(error.to_string())),
            _ => Ok(Detail::Erased),
        }
    }

    async fn entry_under(&self, head: &Arc<Head>, leaf: u64) -> Result<Entry, JournalError> {
        if leaf >= head.size() {
            return Err(no_leaf(leaf));
        }
        let sql = "SELECT leaf, body FROM entries WHERE leaf = $1";
        let record = self.db().fetch_optional(sql, &[int(leaf)]).await?;
        entry(&record.ok_or_else(|| JournalError::Damaged(format!("entry {leaf} is missing")))?)
    }

    async fn hashes(&self, head: &Arc<Head>, plan: &Plan) -> Result<Vec<Hash>, JournalError> {
        let tiles = tile_set(self.db(), &head.edge, &plan.tiles()).await?;
        plan.hashes(&tiles).map_err(|error| JournalError::Damaged(error.to_string()))
    }
}

fn entry(record: &Record) -> Result<Entry, JournalError> {
    let leaf = u64::try_from(record.int("leaf")?).unwrap_or_default();
    let body = record.bytes("body")?.to_vec();
    let json = canonical::parse(&body)
        .map_err(|error| JournalError::Damaged(format!("entry {leaf} is not canonical: {error}")))?;
    Ok(Entry { leaf, body, json })
}

fn no_leaf(leaf: u64) -> JournalError {
    JournalError::NotFound(format!("leaf {leaf}"))
}

const MOST_ENTRIES: u32 = 1000;
