//! The right edge of the tree: the roots of the perfect subtrees that make up `size` leaves.
//! It is all a writer must keep to append, and all that one row of the head table holds.

use crate::tree::{Hash, empty_root, node_hash};

/// The perfect subtrees of a tree of [`size`](Self::size) leaves, largest (leftmost) first: one per set bit of the
/// size, the most significant bit first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    // INVARIANT: hashes.len() == size.count_ones()
    hashes: Vec<Hash>,
}

impl CompactRange {
    /// The empty tree.
    #[must_use]
    pub const fn empty() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// Puts a range together from its parts.
    ///
    /// # Errors
    /// When the number of hashes is not the number of perfect subtrees of `size`.
    pub fn new(size: u64, hashes: Vec<Hash>) -> Result<Self, RangeError> {
        let expected = size.count_ones();
        if u32::try_from(hashes.len()) == Ok(expected) {
            Ok(Self { size, hashes })
        } else {
            Err(RangeError::Hashes { size, expected, found: hashes.len() })
        }
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The subtrees' roots, largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The subtrees with their heights, smallest (rightmost) first.
    pub(crate) fn ascending(&self) -> impl Iterator<Item = (u32, &Hash)> {
        let size = self.size;
        (0..u64::BITS).filter(move |height| size >> height & 1 == 1).zip(self.hashes.iter().rev())
    }

    /// Appends one leaf by its hash.
    ///
    /// # Errors
    /// When the size would pass 2^64 − 1.
    pub fn append(&mut self, leaf: Hash) -> Result<(), RangeError> {
        let size = self.size.checked_add(1).ok_or(RangeError::Full)?;
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.hashes.push(node);
        self.size = size;
        Ok(())
    }

    /// The Merkle tree head, RFC 9162 §2.1.1.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut hashes = self.hashes.iter().rev();
        match hashes.next() {
            None => empty_root(),
            Some(smallest) => hashes.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }

    /// `size` as 8 bytes big-endian, then the hashes, largest subtree first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.hashes.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        self.hashes.iter().for_each(|hash| bytes.extend_from_slice(hash));
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When the length does not fit the size in the first 8 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RangeError> {
        let (size, rest) = bytes.split_first_chunk::<8>().ok_or(RangeError::Length(bytes.len()))?;
        let (hashes, excess) = rest.as_chunks::<32>();
        if !excess.is_empty() {
            return Err(RangeError::Length(bytes.len()));
        }
        Self::new(u64::from_be_bytes(*size), hashes.to_vec())
    }
}

/// A range that cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RangeError {
    /// The hashes do not fit the size.
    #[error("a tree of {size} leaves has {expected} perfect subtrees, found {found}")]
    Hashes {
        /// Leaves of the tree.
        size: u64,
        /// Hashes it takes.
        expected: u32,
        /// Hashes given.
        found: usize,
    },
    /// Not a size followed by whole hashes.
    #[error("{0} bytes are not a compact range")]
    Length(usize),
    /// 2^64 − 1 leaves.
    #[error("the tree is full")]
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;

    #[test]
    fn bytes_read_back_as_the_same_range() {
        let mut range = CompactRange::empty();
        for leaf in 0..200_u8 {
            range.append(leaf_hash(&[leaf])).unwrap();
            assert_eq!(CompactRange::from_bytes(&range.to_bytes()).unwrap(), range);
        }
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        let mut range = CompactRange::empty();
        for leaf in 0..7_u8 {
            range.append(leaf_hash(&[leaf])).unwrap();
        }
        let bytes = range.to_bytes();
        for length in 0..bytes.len() {
            assert!(CompactRange::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        assert!(CompactRange::from_bytes(&[bytes, vec![0; 32]].concat()).is_err());
    }

    #[test]
    fn a_full_tree_takes_no_leaf() {
        let mut range = CompactRange::new(u64::MAX, vec![[0; 32]; 64]).unwrap();
        assert_eq!(range.append([0; 32]), Err(RangeError::Full));
    }
}
