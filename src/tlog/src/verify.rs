//! Checking proofs: RFC 9162 §2.1.3.2 (inclusion) and §2.1.4.2 (consistency). Needs nothing but hashes; this is
//! what runs in a verifier who trusts neither the log nor its store.

use crate::tree::{Hash, empty_root, node_hash};

/// Checks that the leaf with hash `leaf` is number `index` of the tree of `size` leaves with root `root`.
///
/// # Errors
/// When it is not, or when the proof has not exactly the length it must have.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::Leaf { index, size });
    }
    let (mut number, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(VerifyError::Length(proof.len()));
        }
        if number & 1 == 1 || number == last {
            hash = node_hash(sibling, &hash);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        number >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(VerifyError::Length(proof.len()));
    }
    if hash == *root { Ok(()) } else { Err(VerifyError::Root) }
}

/// Checks that the tree (`size`, `root`) continues the tree (`old_size`, `old_root`).
///
/// # Errors
/// When it does not, or when the proof has not exactly the length it must have.
pub fn verify_consistency(
    old_size: u64,
    size: u64,
    proof: &[Hash],
    old_root: &Hash,
    root: &Hash,
) -> Result<(), VerifyError> {
    if old_size > size {
        return Err(VerifyError::Sizes { old: old_size, size });
    }
    if old_size == size || old_size == 0 {
        // RFC 9162 asks for an empty proof between equal trees and defines none from the empty tree, which every
        // tree continues: the root is checked all the same.
        if !proof.is_empty() {
            return Err(VerifyError::Length(proof.len()));
        }
        let same = old_size == 0 || old_root == root;
        let rooted = old_size != 0 || (*old_root == empty_root() && (size != 0 || root == old_root));
        return if same && rooted { Ok(()) } else { Err(VerifyError::Root) };
    }
    let mut hashes = proof.iter();
    let first = if old_size.is_power_of_two() {
        old_root
    } else {
        hashes.next().ok_or(VerifyError::Length(proof.len()))?
    };
    let (mut number, mut last) = (old_size - 1, size - 1);
    while number & 1 == 1 {
        number >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut hash) = (*first, *first);
    for sibling in hashes {
        if last == 0 {
            return Err(VerifyError::Length(proof.len()));
        }
        if number & 1 == 1 || number == last {
            old_hash = node_hash(sibling, &old_hash);
            hash = node_hash(sibling, &hash);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        number >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(VerifyError::Length(proof.len()));
    }
    if old_hash == *old_root && hash == *root { Ok(()) } else { Err(VerifyError::Root) }
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyError {
    /// The tree is smaller.
    #[error("a tree of {size} leaves has no leaf {index}")]
    Leaf {
        /// Leaf claimed.
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
    /// Too short or too long.
    #[error("{0} hashes are not the proof's length")]
    Length(usize),
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    Root,
}
