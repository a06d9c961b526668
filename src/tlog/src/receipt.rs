//! The receipt that every act is answered with: the leaf's bytes, where it stands, and the proof that a signed
//! checkpoint covers it. Verifies offline against nothing but the log's public key.
//!
//! As a file it is a C2SP tlog-proof whose `extra` line carries the leaf's bytes: the specification leaves that line
//! to the application ("additional data necessary to reconstruct the record hash"), and warns that it is not
//! authenticated by itself. Here it is, because the leaf hash is computed from it. Foreign tlog-proof tools that
//! are given the leaf verify the same file. The JSON form carries the same parts for API clients.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{CheckpointError, SignedCheckpoint, hash_from_base64};
use crate::history::KeyHistory;
use crate::note::VerifierKey;
use crate::proof::{MAX_HASHES, ProofTextError, TlogProof};
use crate::tree::{Hash, leaf_hash};
use crate::verify::{VerifyError, verify_inclusion};

/// Largest leaf, decision 4 and C2SP tlog-tiles' 16-bit length.
pub const MAX_LEAF_BYTES: usize = 65_535;

/// A leaf with its proof; not to be believed before [`Receipt::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Json", try_from = "Json")]
pub struct Receipt {
    /// The leaf's bytes, canonical JSON.
    pub leaf: Vec<u8>,
    /// The leaf's index.
    pub index: u64,
    /// Inclusion proof in the checkpoint's tree.
    pub proof: Vec<Hash>,
    /// The checkpoint, verbatim.
    pub checkpoint: SignedCheckpoint,
}

/// What a verified receipt proves: `leaf` is number `index` of the log `origin`, says the holder of `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt<'a> {
    /// The log.
    pub origin: &'a str,
    /// The key that signed.
    pub key: VerifierKey,
    /// The leaf's index.
    pub index: u64,
    /// Leaves of the checkpoint's tree.
    pub size: u64,
    /// Root of the checkpoint's tree.
    pub root: Hash,
    /// The leaf's hash.
    pub leaf_hash: Hash,
    /// The leaf's bytes.
    pub leaf: &'a [u8],
}

impl Receipt {
    /// The file form.
    #[must_use]
    pub fn to_text(&self) -> String {
        TlogProof {
            extra: Some(self.leaf.clone()),
            index: self.index,
            hashes: self.proof.clone(),
            checkpoint: self.checkpoint.clone(),
        }
        .to_text()
    }

    /// Reads the file form; verifies nothing.
    ///
    /// # Errors
    /// When it is no tlog-proof, or carries no leaf.
    pub fn from_text(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let proof = TlogProof::parse(bytes)?;
        let leaf = proof.extra.ok_or(ReceiptError::NoLeaf)?;
        Self::new(leaf, proof.index, proof.hashes, proof.checkpoint)
    }

    /// Puts a receipt together.
    ///
    /// # Errors
    /// When the leaf is larger than any leaf of ours.
    pub fn new(
        leaf: Vec<u8>,
        index: u64,
        proof: Vec<Hash>,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, ReceiptError> {
        if leaf.len() > MAX_LEAF_BYTES {
            return Err(ReceiptError::LeafSize(leaf.len()));
        }
        Ok(Self { leaf, index, proof, checkpoint })
    }

    /// Checks signature and proof against the log's keys.
    ///
    /// # Errors
    /// When the checkpoint is not signed by one of `keys` for its origin, or does not cover the leaf.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<VerifiedReceipt<'_>, ReceiptError> {
        let key = self.checkpoint.verify(keys)?;
        let checkpoint = self.checkpoint.checkpoint();
        let leaf_hash = leaf_hash(&self.leaf);
        verify_inclusion(self.index, checkpoint.size, &leaf_hash, &self.proof, &checkpoint.root)?;
        Ok(VerifiedReceipt {
            origin: &checkpoint.origin,
            key: key.clone(),
            index: self.index,
            size: checkpoint.size,
            root: checkpoint.root,
            leaf_hash,
            leaf: &self.leaf,
        })
    }

    /// Checks as [`verify`](Self::verify) with the keys that may vouch for an act of time `at` (Unix seconds),
    /// which the caller reads from the leaf.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_dated(&self, history: &KeyHistory, at: i64) -> Result<VerifiedReceipt<'_>, ReceiptError> {
        self.verify(&history.keys_at(at))
    }
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    index: u64,
    /// base64
    leaf: String,
    /// base64 each
    proof: Vec<String>,
    checkpoint: String,
}

impl From<Receipt> for Json {
    fn from(receipt: Receipt) -> Self {
        Self {
            index: receipt.index,
            leaf: STANDARD.encode(&receipt.leaf),
            proof: receipt.proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
            checkpoint: receipt.checkpoint.note().to_owned(),
        }
    }
}

impl TryFrom<Json> for Receipt {
    type Error = ReceiptError;

    fn try_from(json: Json) -> Result<Self, ReceiptError> {
        if json.proof.len() > MAX_HASHES {
            return Err(ProofTextError::TooLong.into());
        }
        let mut proof = Vec::with_capacity(json.proof.len());
        for (hash, number) in json.proof.iter().zip(1..) {
            proof.push(hash_from_base64(hash).ok_or(ProofTextError::Hash(number))?);
        }
        let leaf = STANDARD.decode(json.leaf).map_err(|_| ReceiptError::NoLeaf)?;
        let checkpoint = SignedCheckpoint::parse(json.checkpoint.as_bytes())?;
        Self::new(leaf, json.index, proof, checkpoint)
    }
}

/// Why a receipt is not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReceiptError {
    /// Not of the file's form.
    #[error(transparent)]
    Text(#[from] ProofTextError),
    /// The checkpoint is not acceptable.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The leaf is not in the checkpoint's tree.
    #[error("the checkpoint does not cover the leaf: {0}")]
    Inclusion(#[from] VerifyError),
    /// A proof without a leaf is no receipt.
    #[error("the receipt carries no leaf")]
    NoLeaf,
    /// Larger than any leaf.
    #[error("the leaf has {0} bytes, at most {MAX_LEAF_BYTES} are possible")]
    LeafSize(usize),
}
