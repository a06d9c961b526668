//! The three ways to the unlock key: shares, passphrase, credential file. What they have in common ends here: the
//! keystore sees 32 bytes.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use zeroize::{Zeroize, Zeroizing};

use crate::aead::{self, Key};
use crate::files::{FileError, Strictness, read_secret_file};
use crate::header::Method;
use crate::share::Share;
use crate::split;

/// Bytes in a credential file.
pub const CREDENTIAL_LEN: usize = 32;
/// Shortest passphrase accepted for a new keystore.
pub const MIN_PASSPHRASE_CHARS: usize = 12;
const MIN_MEMORY_KIB: u32 = 64 * 1024;
// What a header may ask for: 4 GiB, else opening an altered file would be a way to exhaust the machine.
const MAX_MEMORY_KIB: u32 = 4 * 1024 * 1024;
const MAX_ITERATIONS: u32 = 64;
const MAX_PARALLELISM: u32 = 64;

/// How a new or re-wrapped keystore shall be unlocked.
pub enum Unlock {
    /// By `threshold` of `count` shares, handed out once.
    Shares {
        /// Shares needed, at least 2.
        threshold: u8,
        /// Shares made.
        count: u8,
    },
    /// By a passphrase.
    Passphrase {
        /// At least 12 characters.
        passphrase: Zeroizing<String>,
        /// Argon2id's parameters.
        cost: PassphraseCost,
    },
    /// By a credential file that exists already.
    Credential(CredentialSource),
}

/// What unlocks a keystore.
pub enum Secret {
    /// At least as many shares as the threshold.
    Shares(Vec<Share>),
    /// The passphrase.
    Passphrase(Zeroizing<String>),
    /// The credential file.
    Credential(CredentialSource),
}

/// Where the credential file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// In `$CREDENTIALS_DIRECTORY`, as systemd's `LoadCredential=` and `LoadCredentialEncrypted=` put it.
    Systemd {
        /// The credential's name.
        name: String,
    },
    /// At this path.
    File(PathBuf),
}

impl Unlock {
    const fn method(&self) -> &'static str {
        match self {
            Self::Shares { .. } => "shares",
            Self::Passphrase { .. } => "passphrase",
            Self::Credential(_) => "credential",
        }
    }

    /// Makes or reads the unlock key, and says how it is found again.
    pub(crate) fn prepare(&self, rng: &SystemRandom) -> Result<(Key, Method, Vec<Share>), UnlockError> {
        match self {
            Self::Shares { threshold, count } => {
                let key = aead::random::<32>(rng).map_err(|_| UnlockError::Random)?;
                let set = *aead::random::<4>(rng).map_err(|_| UnlockError::Random)?;
                let shares = split::split(rng, &key, set, *threshold, *count)?;
                let method = Method::Shares { set: hex::encode(set), threshold: *threshold, count: *count };
                Ok((key, method, shares))
            }
            Self::Passphrase { passphrase, cost } => {
                if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
                    return Err(UnlockError::ShortPassphrase);
                }
                let salt = aead::random::<16>(rng).map_err(|_| UnlockError::Random)?;
                let key = cost.derive(passphrase, salt.as_slice())?;
                let PassphraseCost { memory_kib, iterations, parallelism } = *cost;
                let salt = hex::encode(salt.as_slice());
                Ok((key, Method::Passphrase { salt, memory_kib, iterations, parallelism }, Vec::new()))
            }
            Self::Credential(source) => {
                Ok((source.read()?, Method::Credential { name: source.name() }, Vec::new()))
            }
        }
    }
}

impl Secret {
    const fn method(&self) -> &'static str {
        match self {
            Self::Shares(_) => "shares",
            Self::Passphrase(_) => "passphrase",
            Self::Credential(_) => "credential",
        }
    }

    /// The unlock key, not yet checked.
    pub(crate) fn recover(&self, method: &Method) -> Result<Key, UnlockError> {
        match (self, method) {
            (Self::Shares(shares), Method::Shares { threshold, .. }) => {
                let mut indices = BTreeSet::new();
                for share in shares {
                    check_share(share, method)?;
                    if !indices.insert(share.index) {
                        return Err(UnlockError::DuplicateShare { index: share.index });
                    }
                }
                let needed = usize::from(*threshold);
                if shares.len() < needed {
                    return Err(UnlockError::TooFewShares { found: shares.len(), needed });
                }
                split::combine(&shares.iter().take(needed).collect::<Vec<_>>())
            }
            (
                Self::Passphrase(passphrase),
                Method::Passphrase { salt, memory_kib, iterations, parallelism },
            ) => {
                let cost = PassphraseCost {
                    memory_kib: *memory_kib,
                    iterations: *iterations,
                    parallelism: *parallelism,
                };
                cost.derive(passphrase, &hex::decode(salt).map_err(|_| UnlockError::Cost)?)
            }
            (Self::Credential(source), Method::Credential { .. }) => source.read(),
            _ => Err(UnlockError::Method { expected: method.name(), given: self.method() }),
        }
    }
}

/// Whether a share belongs to the keystore's current sharing; says nothing about its value.
pub(crate) fn check_share(share: &Share, method: &Method) -> Result<(), UnlockError> {
    match method {
        Method::Shares { set, threshold, count } => {
            if share.set() == *set && share.threshold == *threshold && share.count == *count {
                Ok(())
            } else {
                Err(UnlockError::ForeignShare {
                    index: share.index,
                    found: share.set(),
                    expected: set.clone(),
                })
            }
        }
        _ => Err(UnlockError::Method { expected: method.name(), given: "shares" }),
    }
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlock({})", self.method())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.method())
    }
}

/// Argon2id's parameters, RFC 9106 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassphraseCost {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

impl Default for PassphraseCost {
    /// RFC 9106's second recommendation: 64 MiB, 3 passes, 4 lanes.
    fn default() -> Self {
        Self { memory_kib: MIN_MEMORY_KIB, iterations: 3, parallelism: 4 }
    }
}

impl PassphraseCost {
    /// Tuned parameters.
    ///
    /// # Errors
    /// Less than 64 MiB, or out of the range that unlocking accepts (4 GiB, 64 passes, 64 lanes).
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, UnlockError> {
        let cost = Self { memory_kib, iterations, parallelism };
        if memory_kib < MIN_MEMORY_KIB || cost.params().is_err() { Err(UnlockError::Cost) } else { Ok(cost) }
    }

    /// Parameters below the safe minimum, for tests that make many keystores.
    #[must_use]
    pub const fn insecure_for_tests() -> Self {
        Self { memory_kib: 64, iterations: 1, parallelism: 1 }
    }

    fn params(self) -> Result<argon2::Params, UnlockError> {
        if self.memory_kib > MAX_MEMORY_KIB
            || self.iterations > MAX_ITERATIONS
            || self.parallelism > MAX_PARALLELISM
        {
            return Err(UnlockError::Cost);
        }
        argon2::Params::new(self.memory_kib, self.iterations, self.parallelism, Some(32))
            .map_err(|_| UnlockError::Cost)
    }

    fn derive(self, passphrase: &str, salt: &[u8]) -> Result<Key, UnlockError> {
        let params = self.params()?;
        let mut memory = vec![argon2::Block::default(); params.block_count()];
        let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut key = Key::default();
        let derived = argon.hash_password_into_with_memory(
            passphrase.as_bytes(),
            salt,
            key.as_mut_slice(),
            &mut memory,
        );
        memory.iter_mut().for_each(Zeroize::zeroize);
        derived.map(|()| key).map_err(|_| UnlockError::Cost)
    }
}

impl CredentialSource {
    fn name(&self) -> String {
        match self {
            Self::Systemd { name } => name.clone(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// The file and what it holds, after the check that nobody else can read it.
    pub(crate) fn content(&self) -> Result<(PathBuf, Zeroizing<Vec<u8>>), UnlockError> {
        let (path, strictness) = match self {
            Self::Systemd { name } => {
                let directory =
                    std::env::var_os("CREDENTIALS_DIRECTORY").ok_or(UnlockError::NoCredentialsDirectory)?;
                // A name, not a path: nothing may lead out of the directory.
                if Path::new(name).file_name().is_none_or(|file| file != name.as_str()) {
                    return Err(UnlockError::CredentialName { name: name.clone() });
                }
                (Path::new(&directory).join(name), Strictness::SystemdCredential)
            }
            Self::File(path) => (path.clone(), Strictness::OwnerOnly),
        };
        let content = read_secret_file(&path, strictness)?;
        Ok((path, content))
    }

    fn read(&self) -> Result<Key, UnlockError> {
        let (path, content) = self.content()?;
        let mut key = Key::default();
        if content.len() != CREDENTIAL_LEN {
            return Err(UnlockError::CredentialLength { path, found: content.len() });
        }
        key.copy_from_slice(&content);
        // A file of one repeated byte comes from `truncate` or `dd if=/dev/zero`, not from a random source.
        let first = key.first().copied().unwrap_or_default();
        if key.iter().all(|byte| *byte == first) {
            return Err(UnlockError::WeakCredential { path });
        }
        Ok(key)
    }
}

/// Why there is no unlock key.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// 2 ≤ threshold ≤ count does not hold.
    #[error(
        "{threshold} of {count} shares is not possible: at least 2 must be needed, and no more than there are"
    )]
    Threshold {
        /// Shares needed.
        threshold: u8,
        /// Shares made.
        count: u8,
    },
    /// Too easy to guess.
    #[error("the passphrase is shorter than {MIN_PASSPHRASE_CHARS} characters")]
    ShortPassphrase,
    /// Outside what is safe or possible.
    #[error("the Argon2id parameters are not within 64 MiB to 4 GiB, 1 to 64 passes and 1 to 64 lanes")]
    Cost,
    /// The keystore has another method.
    #[error("this keystore is unlocked by {expected}, not by {given}")]
    Method {
        /// The keystore's method.
        expected: &'static str,
        /// The method tried.
        given: &'static str,
    },
    /// Below the threshold.
    #[error("{found} shares are too few, {needed} are needed")]
    TooFewShares {
        /// Shares given.
        found: usize,
        /// Shares needed.
        needed: usize,
    },
    /// A share of another sharing or keystore.
    #[error("share {index} belongs to set {found}, this keystore's shares to set {expected}")]
    ForeignShare {
        /// The share's number.
        index: u8,
        /// The share's set.
        found: String,
        /// The keystore's set.
        expected: String,
    },
    /// The same share twice.
    #[error("share {index} was given twice")]
    DuplicateShare {
        /// The share's number.
        index: u8,
    },
    /// Shares that do not fit each other.
    #[error("the shares cannot be put together")]
    Rebuild,
    /// Not started by systemd with a credential.
    #[error("CREDENTIALS_DIRECTORY is not set: the unit needs LoadCredential= or LoadCredentialEncrypted=")]
    NoCredentialsDirectory,
    /// Not a plain name.
    #[error("`{name}` is not the name of a credential")]
    CredentialName {
        /// What was given.
        name: String,
    },
    /// Not 32 bytes.
    #[error("{} has {found} bytes instead of {CREDENTIAL_LEN}", path.display())]
    CredentialLength {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: usize,
    },
    /// One byte repeated.
    #[error("{} is not random", path.display())]
    WeakCredential {
        /// The file.
        path: PathBuf,
    },
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
    /// No randomness.
    #[error("the system's random source failed")]
    Random,
}
