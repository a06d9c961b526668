//! The interface every keeper of keys offers: file keystore and PKCS#11 token.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crypto::{KeyKind, PrehashedSigner, Signer, Suite, Symmetric};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::files::FileError;
use crate::label::LabelError;

/// A keeper of keys. Keys have a label, an algorithm and one usage, all fixed when they are made; private halves
/// never leave.
///
/// Signing takes messages, never digests (decision 16). Digests are signed by keys made for [`Usage::SignPrehashed`] only,
/// and for callers who show the permit of an act that does so.
pub trait Custody: Send + Sync {
    /// Makes a key.
    ///
    /// # Errors
    /// When the label is taken or malformed, algorithm and usage do not go together, or the keeper fails.
    fn generate(&self, label: &str, algorithm: Algorithm, usage: Usage) -> Result<KeyInfo, CustodyError>;

    /// The keys there are, ordered by label.
    ///
    /// # Errors
    /// When the keeper fails.
    fn keys(&self) -> Result<Vec<KeyInfo>, CustodyError>;

    /// One key's description.
    ///
    /// # Errors
    /// When there is no such key, or the keeper fails.
    fn key(&self, label: &str) -> Result<KeyInfo, CustodyError>;

    /// The signer for a key with usage [`Usage::Sign`].
    ///
    /// # Errors
    /// When there is no such key, it is for another usage, or the keeper fails.
    fn signer(&self, label: &str) -> Result<Arc<dyn Signer>, CustodyError>;

    /// The signer of digests for a key with usage [`Usage::SignPrehashed`]. The permit is not looked at: whoever has one was
    /// permitted the act whose permit it is. A keeper that does not say otherwise signs none.
    ///
    /// # Errors
    /// When there is no such key, it is for another usage, or the keeper fails.
    fn prehashed_signer(
        &self,
        label: &str,
        permit: &dyn BlindPermit,
    ) -> Result<Arc<dyn PrehashedSigner>, CustodyError> {
        let _ = permit;
        let usage = self.key(label)?.usage;
        Err(CustodyError::Usage { label: label.to_owned(), usage, wanted: Usage::SignPrehashed })
    }

    /// Encrypts and authenticates `plaintext` and authenticates `aad`, with a key with usage [`Usage::Seal`]. The
    /// result is the keeper's own format; only the same key opens it.
    ///
    /// # Errors
    /// When there is no such key, it is for another usage, or the keeper fails.
    fn seal(&self, label: &str, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, CustodyError>;

    /// Opens what [`seal`](Self::seal) made with the same key and `aad`.
    ///
    /// # Errors
    /// [`CustodyError::Unauthentic`] when it was not, else as [`seal`](Self::seal).
    fn open(&self, label: &str, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CustodyError>;

    /// HMAC (SHA-256 or SM3, as the key's algorithm says) of a message with a key with usage [`Usage::Mac`].
    ///
    /// # Errors
    /// When there is no such key, it is for another usage, or the keeper fails.
    fn mac(&self, label: &str, message: &[u8]) -> Result<[u8; 32], CustodyError>;

    /// Destroys a key for good. What was sealed or maced with it can never be opened or recomputed.
    ///
    /// # Errors
    /// When there is no such key, or the keeper fails.
    fn destroy(&self, label: &str) -> Result<(), CustodyError>;

    /// Asks the devices behind the keeper whether they answer; empty for a keeper without any. May take as long as
    /// connecting to a device.
    fn health(&self) -> Vec<Health> {
        Vec::new()
    }
}

/// What permits the signing of digests, whose documents nobody here has seen. Implemented by the permits of the acts that
/// do just that (CSC `signHash`, decision 16) and by nothing else.
pub trait BlindPermit {}

/// Whether a device answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Which: `pkcs11:` and the token's label or serial number.
    pub keeper: String,
    /// Whether its keys can be used now.
    pub available: bool,
    /// For people: which device answered, or why none did.
    pub detail: String,
    /// Since when it is away.
    pub since: Option<SystemTime>,
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "p256")]
    P256,
    /// Ed25519, RFC 8032.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// SM2 with SM3 (GB/T 32918.2).
    #[serde(rename = "sm2")]
    Sm2,
    /// AES with 256-bit key in GCM.
    #[serde(rename = "aes256-gcm")]
    Aes256,
    /// HMAC with SHA-256 and 256-bit key.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// SM4 in GCM, with keys derived from 256 bits.
    #[serde(rename = "sm4-gcm")]
    Sm4,
    /// HMAC with SM3 and 256-bit key.
    #[serde(rename = "hmac-sm3")]
    HmacSm3,
}

/// The one thing a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Usage {
    /// Signing messages.
    Sign,
    /// Signing messages, and digests too.
    #[serde(rename = "sign-prehashed")]
    SignPrehashed,
    /// Sealing and opening data.
    Seal,
    /// Authenticating messages.
    Mac,
}

impl Algorithm {
    /// What the signing keys of a suite are; P-256 for suites that no custody knows keys of.
    #[must_use]
    pub const fn of_suite(suite: &Suite) -> Self {
        match suite.key {
            KeyKind::Sm2 => Self::Sm2,
            KeyKind::Ed25519 => Self::Ed25519,
            _ => Self::P256,
        }
    }

    /// The usage that keys of this kind have unless they are made for more.
    #[must_use]
    pub const fn usage(self) -> Usage {
        match self {
            Self::P256 | Self::Ed25519 | Self::Sm2 => Usage::Sign,
            Self::Aes256 | Self::Sm4 => Usage::Seal,
            Self::HmacSha256 | Self::HmacSm3 => Usage::Mac,
        }
    }

    /// Whether a key of this kind can be made for that usage.
    #[must_use]
    pub fn allows(self, usage: Usage) -> bool {
        usage == self.usage() || (usage == Usage::SignPrehashed && matches!(self, Self::P256 | Self::Sm2))
    }

    /// What seals data in a suite.
    #[must_use]
    pub const fn sealing_in(suite: &Suite) -> Self {
        match suite.symmetric {
            Symmetric::ShangMi => Self::Sm4,
            _ => Self::Aes256,
        }
    }

    /// What authenticates messages in a suite.
    #[must_use]
    pub const fn mac_in(suite: &Suite) -> Self {
        match suite.symmetric {
            Symmetric::ShangMi => Self::HmacSm3,
            _ => Self::HmacSha256,
        }
    }

    /// The symmetric algorithms that its keys are for.
    pub(crate) const fn symmetric(self) -> Symmetric {
        match self {
            Self::Sm4 | Self::HmacSm3 | Self::Sm2 => Symmetric::ShangMi,
            Self::P256 | Self::Ed25519 | Self::Aes256 | Self::HmacSha256 => Symmetric::International,
        }
    }

    /// The name used in files and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::Ed25519 => "ed25519",
            Self::Sm2 => "sm2",
            Self::Aes256 => "aes256-gcm",
            Self::HmacSha256 => "hmac-sha256",
            Self::Sm4 => "sm4-gcm",
            Self::HmacSm3 => "hmac-sm3",
        }
    }
}

impl Usage {
    /// Whether a key for this usage does what is wanted: those that sign digests sign messages too.
    #[must_use]
    pub fn serves(self, wanted: Self) -> bool {
        self == wanted || (self == Self::SignPrehashed && wanted == Self::Sign)
    }

    /// The name used in files and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::SignPrehashed => "sign-prehashed",
            Self::Seal => "seal",
            Self::Mac => "mac",
        }
    }
}

/// What may be known about a key without unlocking anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name.
    pub label: String,
    /// Its kind.
    pub algorithm: Algorithm,
    /// What it may do.
    pub usage: Usage,
    /// DER `SubjectPublicKeyInfo` of signing keys.
    pub public_key: Option<Vec<u8>>,
}

/// Why custody did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// Not a label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// No such key.
    #[error("there is no key `{label}`")]
    NoSuchKey {
        /// Its label.
        label: String,
    },
    /// The label is taken.
    #[error("a key `{label}` exists already")]
    Exists {
        /// Its label.
        label: String,
    },
    /// The key is for something else.
    #[error("key `{label}` is for {} and not for {}", usage.name(), wanted.name())]
    Usage {
        /// Its label.
        label: String,
        /// What it is for.
        usage: Usage,
        /// What was asked of it.
        wanted: Usage,
    },
    /// No key of that kind can do that.
    #[error("{} keys cannot be made for {}", algorithm.name(), usage.name())]
    Combination {
        /// The kind.
        algorithm: Algorithm,
        /// The usage.
        usage: Usage,
    },
    /// Sealed data that this key and associated data do not open: altered, or another key's.
    #[error("the sealed data was altered or belongs to another key or context")]
    Unauthentic,
    /// A key file that was altered, or put in another's place.
    #[error("key file {} was altered or is not where it belongs", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
    /// No randomness.
    #[error("the system's random source failed")]
    Random,
    /// The keys' own library.
    #[error("key `{label}`: {source}")]
    Key {
        /// Its label.
        label: String,
        /// Why.
        source: crypto::KeyError,
    },
    /// The device has no mechanism for such keys.
    #[error("the token offers no {} keys: {mechanism} is missing", algorithm.name())]
    NotOffered {
        /// The kind.
        algorithm: Algorithm,
        /// What is missing.
        mechanism: String,
    },
    /// The device cannot be reached at present, or nobody is logged in; the same call may succeed later.
    #[error("key device `{keeper}` is not available: {reason}")]
    Unavailable {
        /// Which device.
        keeper: String,
        /// Why not.
        reason: String,
    },
    /// The device behind a keeper.
    #[error("the key device refused: {reason}")]
    Device {
        /// What the device said.
        reason: String,
    },
}
