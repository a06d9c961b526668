//! One batch of new leaves on top of a tree: the new edge, the new root, an inclusion proof for each new leaf and
//! the hashes that tiles gain. Computed from the old compact range and the new leaves alone, so the journal's
//! writer reads nothing from the store while it holds the head lock (decision 2).

use crate::compact::{CompactRange, RangeError};
use crate::tile::{TILE_HEIGHT, TileRun};
use crate::tree::{Hash, node_hash};

/// A tree before and after some leaves were appended together.
#[derive(Clone, Debug)]
pub struct Batch {
    first: u64,
    range: CompactRange,
    root: Hash,
    levels: Vec<Level>,
    // tails[h]: root of the leaves right of the last complete subtree of height h, if there are any.
    tails: Vec<Option<Hash>>,
}

/// Complete nodes of one height that the batch touches.
#[derive(Clone, Debug)]
struct Level {
    // INVARIANT: base is even, so that a node's sibling on the left is always here: when the old tree had an odd
    // number of nodes of this height, the first hash is the old compact range's.
    base: u64,
    // Index of the first node that the old tree did not have: base or base + 1.
    fresh: u64,
    hashes: Vec<Hash>,
}

impl Level {
    fn get(&self, index: u64) -> Option<&Hash> {
        self.hashes.get(usize::try_from(index.checked_sub(self.base)?).ok()?)
    }
}

impl Batch {
    /// Appends leaves, given by their hashes ([`leaf_hash`](crate::leaf_hash)), to `old`.
    ///
    /// # Errors
    /// When the tree would pass 2^64 − 1 leaves.
    pub fn append(old: &CompactRange, leaves: Vec<Hash>) -> Result<Self, RangeError> {
        let first = old.size();
        let added = u64::try_from(leaves.len()).map_err(|_| RangeError::Full)?;
        let size = first.checked_add(added).ok_or(RangeError::Full)?;
        let mut old_hashes: [Option<Hash>; 64] = [None; 64];
        for (height, hash) in old.ascending() {
            if let Some(slot) = old_hashes.get_mut(height as usize) {
                *slot = Some(*hash);
            }
        }
        let mut levels: Vec<Level> = Vec::new();
        let mut fresh = leaves;
        for (height, kept) in old_hashes.into_iter().enumerate() {
            if size >> height == 0 {
                break;
            }
            let fresh_index = first >> height;
            let base = fresh_index & !1;
            let hashes = match kept {
                None => fresh,
                Some(hash) => {
                    let mut hashes = Vec::with_capacity(fresh.len() + 1);
                    hashes.push(hash);
                    hashes.append(&mut fresh);
                    hashes
                }
            };
            fresh = hashes.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
            levels.push(Level { base, fresh: fresh_index, hashes });
        }

        let mut tails = Vec::with_capacity(levels.len());
        let mut tail: Option<Hash> = None;
        let mut edge = Vec::with_capacity(size.count_ones() as usize);
        for (height, level) in levels.iter().enumerate() {
            tails.push(tail);
            if size >> height & 1 == 1
                && let Some(node) = level.hashes.last()
            {
                edge.push(*node);
                tail = Some(tail.map_or(*node, |right| node_hash(node, &right)));
            }
        }
        edge.reverse();
        let range = CompactRange::new(size, edge)?;
        let root = tail.unwrap_or_else(|| range.root());
        Ok(Self { first, range, root, levels, tails })
    }

    /// Index of the first new leaf: the old tree's size.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Leaves of the new tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.range.size()
    }

    /// The new tree's right edge, to be kept for the next batch.
    #[must_use]
    pub const fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The new tree's root.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// Inclusion proof (RFC 9162 §2.1.3) of the new leaf `index` in the new tree; `None` when `index` is not one
    /// of the new leaves.
    #[must_use]
    pub fn inclusion_proof(&self, index: u64) -> Option<Vec<Hash>> {
        let size = self.size();
        if index < self.first || index >= size {
            return None;
        }
        let mut proof = Vec::with_capacity(self.levels.len());
        for (height, (level, tail)) in self.levels.iter().zip(&self.tails).enumerate() {
            if (size - 1) >> height == 0 {
                break;
            }
            let sibling = (index >> height) ^ 1;
            if let Some(hash) = level.get(sibling) {
                proof.push(*hash);
            } else if sibling == size >> height
                && let Some(hash) = tail
            {
                // The sibling is the ragged right edge.
                proof.push(*hash);
            }
        }
        Some(proof)
    }

    /// The hashes that the tiles of each level gain, level 0 (leaf hashes) first.
    #[must_use]
    pub fn tile_runs(&self) -> Vec<TileRun> {
        self.levels
            .iter()
            .step_by(TILE_HEIGHT as usize)
            .zip(0_u8..)
            .map(|(level, number)| {
                let kept = usize::from(level.fresh != level.base);
                TileRun {
                    level: number,
                    start: level.fresh,
                    hashes: level.hashes.get(kept..).unwrap_or_default().to_vec(),
                }
            })
            .filter(|run| !run.hashes.is_empty())
            .collect()
    }
}
