//! The head of the log: read from its row, checked against the rows behind it and against what this node released.

use std::sync::Arc;

use tlog::edge::Edge;
use tlog::nodes::{NodeReader as _, Plan, TileSet};
use tlog::{CompactRange, Hash, SignedCheckpoint, Tile, VerifierKey, leaf_hash};

use super::error::JournalError;
use crate::store::{Db, Record, Value};

/// The newest state of the log that is known to be durable.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub range: CompactRange,
    /// Time of the newest entry, microseconds; 0 for an empty log.
    pub time: i64,
    pub edge: Arc<Edge>,
    pub checkpoint: SignedCheckpoint,
}

impl Head {
    pub(super) const fn size(&self) -> u64 {
        self.range.size()
    }

    /// Whether the head row says the same.
    pub(super) fn is(&self, record: &Record) -> bool {
        record.text("checkpoint").is_ok_and(|note| note == self.checkpoint.note())
    }

    /// Reads the head row.
    pub(super) async fn fetch(db: &Db) -> Result<Record, JournalError> {
        db.fetch_optional("SELECT * FROM head", &[])
            .await?
            .ok_or_else(|| JournalError::Damaged("there is no head row".to_owned()))
    }

    /// Completes the head from its row, the tiles and the newest leaves, and checks that they fit each other and the
    /// signature.
    pub(super) async fn load(
        db: &Db,
        record: &Record,
        origin: &str,
        key: &VerifierKey,
    ) -> Result<Self, JournalError> {
        let damaged = |fault: &str| JournalError::Damaged(fault.to_owned());
        let found = record.text("origin")?;
        if found != origin {
            return Err(JournalError::Origin { found: found.to_owned(), expected: origin.to_owned() });
        }
        let range = CompactRange::from_bytes(record.bytes("compact_range")?)
            .map_err(|_| damaged("the head's compact range does not read"))?;
        let size = range.size();
        if i64::try_from(size) != Ok(record.int("size")?) {
            return Err(damaged("the head's size is not that of its compact range"));
        }
        let checkpoint = SignedCheckpoint::parse(record.text("checkpoint")?.as_bytes())
            .map_err(|error| JournalError::Damaged(format!("the head's checkpoint: {error}")))?;
        checkpoint
            .verify(std::slice::from_ref(key))
            .map_err(|error| JournalError::Key(format!("the head's checkpoint: {error}")))?;
        let stated = checkpoint.checkpoint();
        if stated.origin != origin || stated.size != size || stated.root != range.root() {
            return Err(damaged("the head's checkpoint is not of its compact range"));
        }
        let edge = load_edge(db, size).await?;
        let rebuilt = Plan::range(size).hashes(&edge_tiles(&edge));
        if rebuilt.ok().and_then(|hashes| CompactRange::new(size, hashes).ok()).as_ref() != Some(&range) {
            return Err(damaged("the newest entries and tiles do not make the head's tree"));
        }
        Ok(Self { range, time: record.int("time")?, edge: Arc::new(edge), checkpoint })
    }

    /// Refuses a log that does not extend a checkpoint this node has released (decision 8).
    pub(super) async fn extends(&self, db: &Db, released: &SignedCheckpoint) -> Result<(), JournalError> {
        let released = released.checkpoint();
        if released.size > self.size() {
            return Err(JournalError::RolledBack { size: self.size(), released: released.size });
        }
        let range = range_at(db, &self.edge, released.size).await?;
        if range.root() == released.root {
            Ok(())
        } else {
            Err(JournalError::Forked { released: released.size })
        }
    }
}

/// The compact range of an earlier size, from the tiles.
async fn range_at(db: &Db, edge: &Edge, size: u64) -> Result<CompactRange, JournalError> {
    let plan = Plan::range(size);
    let tiles = tile_set(db, edge, &plan.tiles()).await?;
    let hashes = plan.hashes(&tiles).map_err(|error| JournalError::Damaged(error.to_string()))?;
    CompactRange::new(size, hashes).map_err(|error| JournalError::Damaged(error.to_string()))
}

/// The tiles asked for, from the edge or the database; those that are nowhere are left out.
pub(super) async fn tile_set(db: &Db, edge: &Edge, wanted: &[Tile]) -> Result<TileSet, JournalError> {
    let mut set = edge_tiles(edge);
    for tile in wanted {
        let at_hand =
            set.tile(*tile).ok().flatten().is_some_and(|hashes| hashes.len() >= usize::from(tile.width()));
        if !at_hand && let Some(hashes) = full_tile(db, *tile).await? {
            set.insert(*tile, hashes);
        }
    }
    Ok(set)
}

fn edge_tiles(edge: &Edge) -> TileSet {
    let mut set = TileSet::default();
    for (tile, hashes) in edge.partial_tiles() {
        set.insert(tile, hashes.to_vec());
    }
    set
}

/// A full tile as stored.
pub(super) async fn full_tile(db: &Db, tile: Tile) -> Result<Option<Vec<Hash>>, JournalError> {
    let Ok(position) = i64::try_from(tile.index()) else { return Ok(None) };
    let sql = "SELECT hashes FROM tiles WHERE level = $1 AND position = $2";
    let record = db.fetch_optional(sql, &[Value::Int(tile.level().into()), Value::Int(position)]).await?;
    Ok(match record {
        Some(record) => Some(record.bytes("hashes")?.as_chunks::<32>().0.to_vec()),
        None => None,
    })
}

/// The right edge: leaf hashes behind the last full tile, and roots of the full tiles behind the last full tile of
/// the next level, and so on.
async fn load_edge(db: &Db, size: u64) -> Result<Edge, JournalError> {
    let mut set = TileSet::default();
    for tile in Edge::tiles(size) {
        let first = tile.index() * 256;
        let last = first + u64::from(tile.width());
        let range = [Value::Int(signed(first)?), Value::Int(signed(last)?)];
        let hashes = if tile.level() == 0 {
            let sql = "SELECT body FROM entries WHERE leaf >= $1 AND leaf < $2 ORDER BY leaf";
            let records = db.fetch_all(sql, &range).await?;
            let hashes = records.iter().map(|record| Ok(leaf_hash(record.bytes("body")?)));
            hashes.collect::<Result<Vec<_>, JournalError>>()?
        } else {
            let [from, to] = range;
            let sql = "SELECT hashes FROM tiles WHERE level = $3 AND position >= $1 AND position < $2 ORDER BY position";
            let records = db.fetch_all(sql, &[from, to, Value::Int(i64::from(tile.level()) - 1)]).await?;
            let hashes = records.iter().map(|record| {
                let mut range = CompactRange::empty();
                for hash in record.bytes("hashes")?.as_chunks::<32>().0 {
                    range.append(*hash).map_err(|error| JournalError::Damaged(error.to_string()))?;
                }
                Ok(range.root())
            });
            hashes.collect::<Result<Vec<_>, JournalError>>()?
        };
        set.insert(tile, hashes);
    }
    Edge::load(size, &set).map_err(|error| JournalError::Damaged(error.to_string()))
}

/// Positions as the database has them.
pub(super) fn signed(number: u64) -> Result<i64, JournalError> {
    i64::try_from(number).map_err(|_| JournalError::NotFound(format!("place {number}")))
}
