//! Cryptographic suites, digests, keys and the [`Signer`] trait.
//!
//! Responsible for: which algorithms exist, their object identifiers and `AlgorithmIdentifier` encodings, hashing,
//! signing with keys held in memory, and verifying signatures made by anyone. Not responsible for: certificates
//! (`pki`), where private keys live (`custody`), or any input and output. Called by every crate above it.
//!
//! Signers sign **messages, never ready-made digests**, because some schemes (SM2, Ed25519) are defined over messages only;
//! the one exception, [`PrehashedSigner`], is a trait apart.
//! A new suite adds variants here; nothing outside this crate branches on an algorithm.

pub mod device;
mod digest;
mod key;
mod prehashed;
mod scheme;
mod sm2;
mod suite;
mod symmetric;
mod throwaway;
mod verify;

pub use device::{der_signature_to_raw, raw_signature_to_der};
pub use digest::{DigestAlgorithm, DigestError, Hasher, sha1_identifier};
pub use key::{KeyError, KeyKind, SignError, Signer, SoftwareKey};
pub use prehashed::{PrehashedKey, PrehashedSigner, prehash};
pub use scheme::{SchemeError, SignatureScheme};
pub use suite::{Suite, UnknownSuite};
pub use symmetric::{MacKey, SealingKey, Symmetric, Unauthentic};
pub use throwaway::throw_away;
pub use verify::{VerifyError, verify};
