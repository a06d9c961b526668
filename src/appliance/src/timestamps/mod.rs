//! The time-stamping authority (RFC 3161, RFC 5816, EN 319 422) and the client of foreign ones.
//!
//! `office` holds what stamping takes and answers requests, `batch` has tokens recorded together, `http` is the two
//! doors: the public listener for anybody, the platform API for registered callers. `client` asks foreign authorities,
//! `verify` judges tokens.
//! The protocol's structures are `pki::tsp`'s, trusted time is the journal's.
//!
//! **What leaves is recorded** (decision 10). Signing costs 22 µs and an entry of its own would cost a hundred times
//! that, so tokens are recorded in batches: while one batch becomes durable the next one gathers, and each token waits
//! for the entry of its batch. The entry `timestamp.issue` holds in its facts `tokens`, their number, and `root`: the
//! Merkle tree hash (RFC 9162 §2.1.1, SHA-256) over the tokens' TSTInfo in DER, in the order of the batch. TSTInfo and
//! not the whole token, because certificates and unsigned attributes may be added to a token or taken off it while it
//! stays the same token. `callers` counts the tokens of each registered caller, `anonymous` those of nobody in particular.
//!
//! **How an auditor checks a token**: every answer names the leaf (`Cinnabar-Leaf`) and carries the token's inclusion
//! proof in its batch (`Cinnabar-Batch-Proof`, a dictionary of RFC 9651: `index`, `size`, `path`). Hash the TSTInfo (the
//! eContent of the token, `openssl cms -verify -noverify`) as a leaf, follow the path with RFC 9162 §2.1.3.2, compare
//! with `root` in the entry, and verify the entry's receipt. A token signed by a stolen key has no such entry.
//!
//! **Serial numbers** are 159 random bits from the operating system: no counter could be kept by several nodes without
//! a round trip for each token, and none survives the restore of a backup without repeating. The chance that two of
//! 2^40 tokens collide is below 2^-79; RFC 3161 §2.4.2 asks that requesters take up to 160 bits.

mod batch;
pub mod client;
pub mod http;
mod office;
pub mod verify;

pub use batch::Proof;
pub use office::{Asker, Issued, Office, Refusal, stamp, stamp_signer};
