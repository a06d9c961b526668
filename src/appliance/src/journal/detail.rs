//! Side records: the personal detail of an entry, sealed under a data key of its own (decision 4).
//!
//! The leaf holds `SHA-256(salt ‖ canonical detail)`, and the SHA-256 of the sealed record, so that an audit without
//! keys finds it altered; the salt is inside the sealed record, so that who has the leaf
//! cannot try values. Destroying the wrapped data key erases the detail, and every proof keeps verifying.

use std::sync::Arc;

use custody::Custody;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;
use tlog::Hash;
use tlog::canonical;
use tlog::commitment::{self, Salt};
use zeroize::Zeroizing;

use super::error::CommitError;

/// Who wraps data keys: custody, through an adapter. `context` is bound to the wrapped key.
pub trait Vault: Send + Sync {
    /// Seals a data key.
    ///
    /// # Errors
    /// When the wrapping key cannot be used.
    fn wrap(&self, key: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, VaultError>;

    /// Opens what [`wrap`](Self::wrap) sealed with the same context.
    ///
    /// # Errors
    /// When the wrapping key cannot be used, or does not open it.
    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError>;
}

/// Why a data key was not wrapped or unwrapped.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the detail key did not serve: {0}")]
pub struct VaultError(pub String);

/// Wraps with a custody key of usage `Seal`.
#[derive(Clone)]
pub struct CustodyVault {
    custody: Arc<dyn Custody>,
    label: String,
}

impl CustodyVault {
    /// Wraps with the key of this label.
    #[must_use]
    pub fn new(custody: Arc<dyn Custody>, label: impl Into<String>) -> Self {
        Self { custody, label: label.into() }
    }
}

impl Vault for CustodyVault {
    fn wrap(&self, key: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.custody.seal(&self.label, key, context).map_err(|error| VaultError(error.to_string()))
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.custody.open(&self.label, wrapped, context).map_err(|error| VaultError(error.to_string()))
    }
}

/// A side record as it is stored.
#[derive(Clone, Debug)]
pub(super) struct SealedDetail {
    pub wrapped_key: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// Seals `detail` for the entry with this nonce; also the commitment for its leaf.
pub(super) fn seal(
    detail: &Value,
    entry_nonce: &str,
    vault: &dyn Vault,
    random: &SystemRandom,
) -> Result<(SealedDetail, Hash), CommitError> {
    let failed = |_| CommitError::Key("no randomness".to_owned());
    let mut salt: Salt = [0; 32];
    let mut key = Zeroizing::new([0_u8; 32]);
    let mut nonce = [0_u8; NONCE_LEN];
    random.fill(&mut salt).map_err(failed)?;
    random.fill(key.as_mut()).map_err(failed)?;
    random.fill(&mut nonce).map_err(failed)?;
    let text = canonical::to_vec(detail).map_err(|error| CommitError::Canonical(error.to_string()))?;
    let hash = commitment::commitment_over(&salt, &text);
    let mut sealed = Vec::with_capacity(NONCE_LEN + salt.len() + text.len() + 16);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(&text);
    let failed = |_| CommitError::Key("sealing failed".to_owned());
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).map_err(failed)?);
    let context = context(entry_nonce);
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&context), &mut sealed)
        .map_err(failed)?;
    sealed.splice(..0, nonce);
    let wrapped_key = vault.wrap(&key, &context).map_err(|error| CommitError::Key(error.to_string()))?;
    Ok((SealedDetail { wrapped_key, sealed }, hash))
}

/// Opens a side record and checks it against the leaf's commitment.
pub(crate) fn open(
    wrapped_key: &[u8],
    sealed: &[u8],
    entry_nonce: &str,
    commitment: &Hash,
    vault: &dyn Vault,
) -> Result<Value, DetailError> {
    let context = context(entry_nonce);
    let key = vault.unwrap(wrapped_key, &context)?;
    let cipher = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| DetailError::Sealed)?;
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(DetailError::Sealed)?;
    let mut sealed = sealed.to_vec();
    let opened = LessSafeKey::new(cipher)
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(&context), &mut sealed)
        .map_err(|_| DetailError::Sealed)?;
    let (salt, text) = opened.split_first_chunk::<32>().ok_or(DetailError::Sealed)?;
    if &commitment::commitment_over(salt, text) != commitment {
        return Err(DetailError::Commitment);
    }
    canonical::parse(text).map_err(|_| DetailError::Commitment)
}

/// Why a side record cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DetailError {
    /// The wrapping key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Altered, or another entry's.
    #[error("the side record does not open")]
    Sealed,
    /// Opens, but is not what the leaf commits to.
    #[error("the side record is not the one its leaf commits to")]
    Commitment,
}

/// Binds key and record to their entry: a record moved to another leaf does not open.
fn context(entry_nonce: &str) -> Vec<u8> {
    [b"cinnabar detail v1 ", entry_nonce.as_bytes()].concat()
}
