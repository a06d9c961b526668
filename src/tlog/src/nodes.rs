//! Proofs about any leaf and any earlier size, made from stored tiles.
//!
//! A proof is first a list of places in the tree ([`Plan`]), so that a caller with an asynchronous store can ask
//! which tiles it needs, fetch them, and then finish with a [`TileSet`]; a caller with tiles at hand does both at
//! once through [`NodeReader`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use crate::compact::CompactRange;
use crate::tile::{TILE_HEIGHT, Tile};
use crate::tree::{Hash, node_hash};

/// Where stored tiles come from.
pub trait NodeReader {
    /// What goes wrong in the store.
    type Error;

    /// The hashes of `tile`; `None` when it is not stored. More hashes than `tile.width()` are welcome (the full
    /// tile in place of an old partial one): the leading ones never change.
    ///
    /// # Errors
    /// Whatever the store reports.
    fn tile(&self, tile: Tile) -> Result<Option<Cow<'_, [Hash]>>, Self::Error>;
}

/// Tiles in memory.
#[derive(Clone, Debug, Default)]
pub struct TileSet(BTreeMap<(u8, u64), Vec<Hash>>);

impl TileSet {
    /// Adds a tile's hashes; of two widths of one tile the wider stays.
    pub fn insert(&mut self, tile: Tile, hashes: Vec<Hash>) {
        let slot = self.0.entry((tile.level(), tile.index())).or_default();
        if slot.len() < hashes.len() {
            *slot = hashes;
        }
    }
}

impl NodeReader for TileSet {
    type Error = Infallible;

    fn tile(&self, tile: Tile) -> Result<Option<Cow<'_, [Hash]>>, Infallible> {
        Ok(self.0.get(&(tile.level(), tile.index())).map(|hashes| Cow::Borrowed(hashes.as_slice())))
    }
}

/// The root of the complete subtree of 2^`height` leaves that starts at leaf `index`·2^`height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    height: u32,
    index: u64,
}

/// A proof before its hashes are known: which places of the tree it consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    size: u64,
    // Each hash of the proof, as complete subtrees from left to right (one, except at the ragged right edge).
    steps: Vec<Vec<Node>>,
}

impl Plan {
    /// Inclusion of leaf `index` in the tree of `size` leaves, RFC 9162 §2.1.3.1.
    ///
    /// # Errors
    /// When that tree has no such leaf.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, PlanError> {
        if index >= size {
            return Err(PlanError::Leaf { index, size });
        }
        let mut steps = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                steps.push(subtrees(middle, end));
                end = middle;
            } else {
                steps.push(subtrees(start, middle));
                start = middle;
            }
        }
        steps.reverse();
        Ok(Self { size, steps })
    }

    /// Consistency of the tree of `old` leaves with the tree of `size` leaves, RFC 9162 §2.1.4.1. Empty when the
    /// sizes are equal or `old` is 0.
    ///
    /// # Errors
    /// When `old` is greater than `size`.
    pub fn consistency(old: u64, size: u64) -> Result<Self, PlanError> {
        if old > size {
            return Err(PlanError::Sizes { old, size });
        }
        let mut steps = Vec::new();
        if old == 0 || old == size {
            return Ok(Self { size, steps });
        }
        let (mut start, mut end, mut whole) = (0, size, true);
        while end != old {
            let middle = start + split(end - start);
            if old <= middle {
                steps.push(subtrees(middle, end));
                end = middle;
            } else {
                steps.push(subtrees(start, middle));
                start = middle;
                whole = false;
            }
        }
        if !whole {
            steps.push(subtrees(start, end));
        }
        steps.reverse();
        Ok(Self { size, steps })
    }

    /// The perfect subtrees of the tree of `size` leaves: [`Plan::hashes`] then yields a compact range's hashes.
    #[must_use]
    pub fn range(size: u64) -> Self {
        Self { size, steps: subtrees(0, size).into_iter().map(|node| vec![node]).collect() }
    }

    /// The tiles that must be at hand, each once, as they stand in the tree of the plan's size.
    #[must_use]
    pub fn tiles(&self) -> Vec<Tile> {
        let tiles: BTreeSet<Tile> =
            self.steps.iter().flatten().filter_map(|node| Some(self.place(*node)?.0)).collect();
        tiles.into_iter().collect()
    }

    /// The proof's hashes.
    ///
    /// # Errors
    /// The store's, and a tile that is missing or too narrow.
    pub fn hashes<R: NodeReader>(&self, reader: &R) -> Result<Vec<Hash>, ProofError<R::Error>> {
        self.steps
            .iter()
            .map(|nodes| {
                let mut nodes = nodes.iter().rev();
                let Some(last) = nodes.next() else { return Err(ProofError::Tree) };
                let mut hash = self.hash(*last, reader)?;
                for node in nodes {
                    hash = node_hash(&self.hash(*node, reader)?, &hash);
                }
                Ok(hash)
            })
            .collect()
    }

    /// Tile of a node, with the first and the number of the tile's hashes under it.
    fn place(&self, node: Node) -> Option<(Tile, usize, usize)> {
        let level = node.height / TILE_HEIGHT;
        let above = node.height % TILE_HEIGHT;
        let first = node.index << above;
        let tile = Tile::in_tree(u8::try_from(level).ok()?, first >> TILE_HEIGHT, self.size)?;
        Some((tile, usize::try_from(first & 0xff).ok()?, 1 << above))
    }

    fn hash<R: NodeReader>(&self, node: Node, reader: &R) -> Result<Hash, ProofError<R::Error>> {
        let (tile, first, count) = self.place(node).ok_or(ProofError::Tree)?;
        let hashes = reader.tile(tile).map_err(ProofError::Store)?.ok_or(ProofError::Missing(tile))?;
        let mut hashes = hashes
            .get(first..first + count)
            .ok_or(ProofError::Narrow { tile, found: hashes.len() })?
            .to_vec();
        while hashes.len() > 1 {
            hashes = hashes.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        hashes.first().copied().ok_or(ProofError::Tree)
    }
}

/// Inclusion proof of leaf `index` in the tree of `size` leaves.
///
/// # Errors
/// As [`Plan::inclusion`] and [`Plan::hashes`].
pub fn inclusion_proof<R: NodeReader>(
    index: u64,
    size: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProofError<R::Error>> {
    Plan::inclusion(index, size)?.hashes(reader)
}

/// Consistency proof between the trees of `old` and `size` leaves.
///
/// # Errors
/// As [`Plan::consistency`] and [`Plan::hashes`].
pub fn consistency_proof<R: NodeReader>(
    old: u64,
    size: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProofError<R::Error>> {
    Plan::consistency(old, size)?.hashes(reader)
}

/// The compact range (hence the root) of the tree of `size` leaves.
///
/// # Errors
/// As [`Plan::hashes`].
pub fn compact_range<R: NodeReader>(size: u64, reader: &R) -> Result<CompactRange, ProofError<R::Error>> {
    CompactRange::new(size, Plan::range(size).hashes(reader)?).map_err(|_| ProofError::Tree)
}

/// The largest power of two smaller than `n`, for n > 1 (RFC 9162 §2.1.1's k).
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The complete subtrees of leaves `start..end`, left to right. `start` is a multiple of a power of two that is at
/// least `end - start`, as every range of the RFC's recursion is.
fn subtrees(start: u64, end: u64) -> Vec<Node> {
    let length = end - start;
    let mut nodes = Vec::with_capacity(length.count_ones() as usize);
    let mut position = start;
    for height in (0..u64::BITS).rev().filter(|height| length >> height & 1 == 1) {
        nodes.push(Node { height, index: position >> height });
        // The last subtree may end at 2^64 − 1 at most: no overflow, position stays ≤ end.
        position += 1 << height;
    }
    nodes
}

/// A proof that no tree has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// The tree is smaller.
    #[error("a tree of {size} leaves has no leaf {index}")]
    Leaf {
        /// Leaf asked for.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// A tree does not shrink.
    #[error("a tree of {size} leaves does not continue one of {old}")]
    Sizes {
        /// The size that should be earlier.
        old: u64,
        /// The size that should be later.
        size: u64,
    },
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError<E> {
    /// No such proof.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The store failed.
    #[error("the store of tiles failed: {0}")]
    Store(E),
    /// A tile that the tree of that size must have.
    #[error("{0} is missing")]
    Missing(Tile),
    /// A tile with fewer hashes than the tree of that size has.
    #[error("{tile} holds only {found} hashes")]
    Narrow {
        /// The tile as it should be.
        tile: Tile,
        /// Hashes found.
        found: usize,
    },
    /// Places outside of any tree; cannot happen for plans made here.
    #[error("the proof has a place outside of the tree")]
    Tree,
}
