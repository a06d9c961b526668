//! The partial tiles on the right edge of the tree: what turns a batch's new hashes into complete tiles.
//!
//! The journal's writer keeps one in memory, stores the tiles that a batch completes, and after a restart loads it
//! from the stored tiles and the leaf hashes behind the last complete one. Nothing of it need be stored itself.

use crate::batch::Batch;
use crate::nodes::{NodeReader, ProofError};
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, Tile};
use crate::tree::Hash;

/// A complete tile with its 256 hashes.
pub type FullTile = (Tile, Vec<Hash>);

/// Partial tiles of a tree, level 0 first; at most 255 hashes each.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    // INVARIANT: levels[l].len() == (size >> 8l) % 256
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of the empty tree.
    #[must_use]
    pub const fn empty() -> Self {
        Self { size: 0, levels: Vec::new() }
    }

    /// The tiles [`load`](Self::load) will ask for.
    #[must_use]
    pub fn tiles(size: u64) -> Vec<Tile> {
        edge_tiles(size).collect()
    }

    /// Reads the edge of the tree of `size` leaves.
    ///
    /// # Errors
    /// The store's, and a tile that is missing or too narrow.
    pub fn load<R: NodeReader>(size: u64, reader: &R) -> Result<Self, ProofError<R::Error>> {
        let mut levels = vec![Vec::new(); level_count(size)];
        for tile in edge_tiles(size) {
            let hashes = reader.tile(tile).map_err(ProofError::Store)?.ok_or(ProofError::Missing(tile))?;
            let hashes = hashes
                .get(..usize::from(tile.width()))
                .ok_or(ProofError::Narrow { tile, found: hashes.len() })?;
            if let Some(level) = levels.get_mut(usize::from(tile.level())) {
                *level = hashes.to_vec();
            }
        }
        Ok(Self { size, levels })
    }

    /// Leaves of the tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The partial tiles with their hashes.
    pub fn partial_tiles(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        edge_tiles(self.size)
            .filter_map(|tile| Some((tile, self.levels.get(usize::from(tile.level()))?.as_slice())))
    }

    /// The edge after `batch`, and the full tiles that it completes. `self` is left alone, so that a batch whose
    /// commit fails is simply forgotten.
    ///
    /// # Errors
    /// When the batch does not start where this tree ends.
    pub fn extended(&self, batch: &Batch) -> Result<(Self, Vec<FullTile>), EdgeError> {
        if batch.first() != self.size {
            return Err(EdgeError { size: self.size, first: batch.first() });
        }
        let mut levels = self.levels.clone();
        levels.resize_with(level_count(batch.size()), Vec::new);
        let mut completed = Vec::new();
        for run in batch.tile_runs() {
            let Some(level) = levels.get_mut(usize::from(run.level)) else { continue };
            let mut index = run.start >> TILE_HEIGHT;
            for hash in run.hashes {
                level.push(hash);
                if level.len() == usize::from(TILE_WIDTH) {
                    if let Ok(tile) = Tile::new(run.level, index, TILE_WIDTH) {
                        completed.push((tile, std::mem::take(level)));
                    }
                    index += 1;
                }
            }
        }
        Ok((Self { size: batch.size(), levels }, completed))
    }
}

fn level_count(size: u64) -> usize {
    (0..8_u32).take_while(|level| size >> (TILE_HEIGHT * level) > 0).count()
}

fn edge_tiles(size: u64) -> impl Iterator<Item = Tile> {
    (0..8_u8).filter_map(move |level| {
        let hashes = size >> (TILE_HEIGHT * u32::from(level));
        Tile::in_tree(level, hashes >> TILE_HEIGHT, size).filter(|_| hashes & 0xff != 0)
    })
}

/// A batch on another tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a batch starting at leaf {first} does not continue a tree of {size} leaves")]
pub struct EdgeError {
    /// Leaves of the tree.
    pub size: u64,
    /// First leaf of the batch.
    pub first: u64,
}
