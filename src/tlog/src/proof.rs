//! C2SP tlog-proof: one text file with index, inclusion proof and checkpoint, and optionally opaque data in its
//! `extra` line. This is the container only; what a receipt puts into it is [`crate::receipt`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{CheckpointError, SignedCheckpoint, decimal, hash_from_base64};
use crate::tree::Hash;

/// The first line.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Longest proof there can be: one hash per level of a tree of 2^64 − 1 leaves.
pub const MAX_HASHES: usize = 64;
/// Most extra data read, far above a leaf's 65,535 octets.
pub const MAX_EXTRA_BYTES: usize = 1024 * 1024;

/// A proof that a leaf stands in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque and *not* authenticated by the format.
    pub extra: Option<Vec<u8>>,
    /// The leaf's index.
    pub index: u64,
    /// Sibling hashes, from the leaf's up to the root's child.
    pub hashes: Vec<Hash>,
    /// The checkpoint, verbatim.
    pub checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// The file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.hashes {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(self.checkpoint.note());
        text
    }

    /// Reads a file; verifies nothing.
    ///
    /// # Errors
    /// When it is not of the specified form; there is one spelling only.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofTextError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ProofTextError::Characters)?;
        let rest = text
            .strip_prefix(HEADER)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or(ProofTextError::Header)?;
        let (mut line, mut rest) = rest.split_once('\n').ok_or(ProofTextError::Truncated)?;
        let mut extra = None;
        if let Some(data) = line.strip_prefix("extra ") {
            if data.len() > MAX_EXTRA_BYTES / 3 * 4 {
                return Err(ProofTextError::Extra);
            }
            extra = Some(STANDARD.decode(data).map_err(|_| ProofTextError::Extra)?);
            (line, rest) = rest.split_once('\n').ok_or(ProofTextError::Truncated)?;
        }
        let index = line.strip_prefix("index ").and_then(decimal).ok_or(ProofTextError::Index)?;
        let mut hashes = Vec::new();
        loop {
            (line, rest) = rest.split_once('\n').ok_or(ProofTextError::Truncated)?;
            if line.is_empty() {
                break;
            }
            if hashes.len() == MAX_HASHES {
                return Err(ProofTextError::TooLong);
            }
            hashes.push(hash_from_base64(line).ok_or(ProofTextError::Hash(hashes.len() + 1))?);
        }
        Ok(Self { extra, index, hashes, checkpoint: SignedCheckpoint::parse(rest.as_bytes())? })
    }
}

/// Why a text is no proof.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofTextError {
    /// Not UTF-8.
    #[error("the proof is not text")]
    Characters,
    /// Another first line.
    #[error("the first line is not `{HEADER}`")]
    Header,
    /// The text ends early.
    #[error("the proof ends before its checkpoint")]
    Truncated,
    /// Not base64, or too much.
    #[error("the extra line is not base64 of at most {MAX_EXTRA_BYTES} bytes")]
    Extra,
    /// No index.
    #[error("the index line is missing or not a decimal number")]
    Index,
    /// One of the hashes.
    #[error("hash {0} of the proof is not the base64 of 32 bytes")]
    Hash(usize),
    /// More than any tree needs.
    #[error("the proof has more than {MAX_HASHES} hashes")]
    TooLong,
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
