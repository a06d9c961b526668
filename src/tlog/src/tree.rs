//! The hashes of RFC 9162 §2.1.1 and nothing else: leaf, node and empty tree, always SHA-256.
//! Everything in this crate that hashes goes through here.

use ring::digest::{Context, SHA256, digest};

/// A node of the tree: 32 bytes of SHA-256.
pub type Hash = [u8; 32];

/// `HASH(0x00 || leaf)`, RFC 9162 §2.1.1.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(leaf);
    finish(context)
}

/// `HASH(0x01 || left || right)`, RFC 9162 §2.1.1.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One contiguous buffer: a 65-byte message costs the same two blocks, but one call instead of three.
    let mut message = [0; 65];
    let (prefix, rest) = message.split_at_mut(1);
    let (left_half, right_half) = rest.split_at_mut(32);
    prefix.fill(1);
    left_half.copy_from_slice(left);
    right_half.copy_from_slice(right);
    sha256(&message)
}

/// The root of the tree with no leaf: `HASH()`, RFC 9162 §2.1.1.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

pub(crate) fn sha256(message: &[u8]) -> Hash {
    to_hash(digest(&SHA256, message).as_ref())
}

pub(crate) fn finish(context: Context) -> Hash {
    to_hash(context.finish().as_ref())
}

fn to_hash(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    // INVARIANT: SHA-256 yields exactly 32 bytes.
    hash.copy_from_slice(bytes);
    hash
}
