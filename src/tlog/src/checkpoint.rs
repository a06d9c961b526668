//! Checkpoints, C2SP tlog-checkpoint: the signed statement "the log `origin` has `size` leaves and this root".
//! A key speaks for the origin that equals its key name, for no other; witnesses' lines ride along unread.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::note::{self, Note, NoteError, NoteSigner, SignNoteError, VerifierKey};
use crate::tree::Hash;

/// What a checkpoint states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, by convention a URL without scheme.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash at that size.
    pub root: Hash,
    /// Opaque extension lines; we write none.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    #[must_use]
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// The note text that gets signed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads a note text.
    ///
    /// # Errors
    /// When it is not of the specified form; there is one spelling only.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Form)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Form);
        };
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Form);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size).ok_or(CheckpointError::Size)?,
            root: hash_from_base64(root).ok_or(CheckpointError::Root)?,
            extensions,
        })
    }

    /// Signs. The key's name must be the origin.
    ///
    /// # Errors
    /// When key and origin differ, the origin is none, or signing fails.
    pub fn sign<S: NoteSigner>(&self, signer: &S) -> Result<SignedCheckpoint, SignCheckpointError<S::Error>> {
        if signer.key().name() != self.origin {
            return Err(CheckpointError::Origin {
                origin: self.origin.clone(),
                key: signer.key().name().to_owned(),
            }
            .into());
        }
        let text = self.text();
        // A line break inside origin or extension would make other lines than these.
        if Self::from_text(&text).as_ref() != Ok(self) {
            return Err(CheckpointError::Form.into());
        }
        Ok(SignedCheckpoint { checkpoint: self.clone(), note: note::sign(&text, signer)? })
    }
}

/// A checkpoint with the note it came in, byte for byte. Having one says nothing about its signatures: see
/// [`SignedCheckpoint::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    /// Reads a signed note; verifies nothing.
    ///
    /// # Errors
    /// When it is no signed note or its text no checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::from_text(Note::parse(bytes)?.text())?;
        let note = String::from_utf8(bytes.to_vec()).map_err(|_| CheckpointError::Form)?;
        Ok(Self { checkpoint, note })
    }

    /// What it states.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The whole signed note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Checks the signatures and returns the log's key that signed.
    ///
    /// # Errors
    /// When a known key's signature is wrong, or none of the keys named like the origin signed.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<&'k VerifierKey, CheckpointError> {
        let log_keys = keys.iter().filter(|key| key.name() == self.checkpoint.origin);
        if log_keys.clone().next().is_none() {
            return Err(CheckpointError::UnknownLog(self.checkpoint.origin.clone()));
        }
        let signers = Note::parse(self.note.as_bytes())?.verify(log_keys)?;
        signers.first().copied().ok_or(CheckpointError::Note(NoteError::NoKnownSignature))
    }
}

/// ASCII digits without leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

pub(crate) fn hash_from_base64(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Why something is no acceptable checkpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// The note is not acceptable.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Missing or empty lines.
    #[error("not a checkpoint: origin, tree size and root hash are expected on a line each")]
    Form,
    /// Second line.
    #[error("the checkpoint's tree size is not a decimal number")]
    Size,
    /// Third line.
    #[error("the checkpoint's root is not the base64 of 32 bytes")]
    Root,
    /// A key for another log.
    #[error("key `{key}` does not sign for log `{origin}`")]
    Origin {
        /// The checkpoint's origin.
        origin: String,
        /// The key's name.
        key: String,
    },
    /// No key for this log is at hand.
    #[error("no key is known for log `{0}`")]
    UnknownLog(String),
}

/// Why a checkpoint could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignCheckpointError<E> {
    /// It is none, or not this key's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The note could not be signed.
    #[error(transparent)]
    Note(#[from] SignNoteError<E>),
}
