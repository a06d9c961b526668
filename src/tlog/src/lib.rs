//! The verifiable log as computation: bytes in, bytes out.
//!
//! Responsible for the RFC 9162 Merkle tree ([`tree`], [`compact`], [`batch`]), proofs and their verification
//! ([`nodes`], [`verify`]), the public formats of C2SP ([`note`], [`checkpoint`], [`tile`], [`proof`]), the
//! [`receipt`] that callers keep, and what a leaf's bytes look like ([`canonical`], [`commitment`]).
//!
//! Not responsible for storage, clocks, randomness or private keys: the appliance's journal keeps rows and tiles,
//! and signing is handed in ([`note::NoteSigner`]). Called by the journal, by the public log endpoints and by
//! every offline verifier.

pub mod batch;
pub mod canonical;
pub mod checkpoint;
pub mod commitment;
pub mod compact;
pub mod edge;
pub mod history;
pub mod nodes;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod tile;
pub mod tree;
pub mod verify;

pub use batch::Batch;
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use compact::CompactRange;
pub use note::VerifierKey;
pub use receipt::{Receipt, VerifiedReceipt};
pub use tile::Tile;
pub use tree::{Hash, leaf_hash, node_hash};
