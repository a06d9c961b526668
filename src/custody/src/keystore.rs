//! The file keystore: one directory with `keystore.toml` and one file per key. [`Sealed`] is what can be known without
//! its secret; [`Keystore`] is the opened one, and the only way to it is through [`Sealed::unseal`] or
//! [`Keystore::create`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crypto::{KeyKind, MacKey, PrehashedKey, PrehashedSigner, Signer, SoftwareKey, Suite};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use crate::aead::{self, Key};
use crate::api::{Algorithm, BlindPermit, Custody, CustodyError, KeyInfo, Usage};
use crate::envelope::{Envelope, SUFFIX};
use crate::files::{Directory, FileError};
use crate::header::{FILE, Header, Method, Refused};
use crate::label::Label;
use crate::share::Share;
use crate::unlock::{Secret, Unlock, UnlockError, check_share};

/// A keystore whose secret is not known.
#[derive(Debug)]
pub struct Sealed {
    path: PathBuf,
    directory: Directory,
    header: Header,
}

/// A new keystore, with the shares to hand out when its method is shares.
#[derive(Debug)]
pub struct Created {
    /// The opened keystore.
    pub keystore: Keystore,
    /// Shares, empty for other methods. They are nowhere else.
    pub shares: Vec<Share>,
}

/// An opened keystore.
pub struct Keystore {
    path: PathBuf,
    directory: Directory,
    id: String,
    // Kept to be wrapped anew; its HMAC form seals and opens envelopes.
    kek: Key,
    envelope_key: MacKey,
    suite: &'static Suite,
    rng: SystemRandom,
    opened: RwLock<BTreeMap<Label, Arc<Opened>>>,
}

struct Opened {
    info: KeyInfo,
    material: Material,
}

enum Material {
    Sign(Arc<SoftwareKey>),
    SignPrehashed { messages: Arc<SoftwareKey>, digests: Arc<PrehashedKey> },
    Seal(MacKey),
    Mac(MacKey),
}

impl Sealed {
    /// The keystore's id, 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.header.id
    }

    /// How it is unlocked.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.header.unlock
    }

    /// Whose algorithms seal the keys in it.
    #[must_use]
    pub fn suite(&self) -> &'static Suite {
        self.header.suite()
    }

    /// How often it was re-wrapped.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.header.generation
    }

    /// What its files say about the keys, unauthenticated.
    ///
    /// # Errors
    /// The file system's, and a file that is no key file.
    pub fn keys(&self) -> Result<Vec<KeyInfo>, CustodyError> {
        let mut keys = Vec::new();
        for label in labels(&self.directory)? {
            keys.push(read(&self.directory, self.id(), &label)?.1);
        }
        Ok(keys)
    }

    /// Whether a share belongs to this keystore's current sharing, so that its holder learns of a mix-up at once.
    ///
    /// # Errors
    /// When it does not, or the method is another.
    pub fn check_share(&self, share: &Share) -> Result<(), UnlockError> {
        check_share(share, &self.header.unlock)
    }

    /// Opens the keystore: rebuilds the unlock key, checks it, unwraps the key-encryption key and opens every key.
    ///
    /// # Errors
    /// When the secret is not this keystore's, or any file was altered.
    pub fn unseal(&self, secret: &Secret) -> Result<Keystore, KeystoreError> {
        let unlock_key = secret.recover(&self.header.unlock)?;
        let kek = self.header.unwrap_with(&unlock_key).map_err(|refused| match refused {
            Refused::WrongSecret => KeystoreError::WrongSecret { method: self.header.unlock.name() },
            Refused::Altered => KeystoreError::Altered { path: self.directory.path(FILE) },
        })?;
        let directory = Directory::open(&self.path)?;
        let keystore = Keystore::new(self.path.clone(), directory, self.header.id.clone(), kek, self.suite());
        keystore.keys()?;
        Ok(keystore)
    }
}

impl Keystore {
    /// Makes a keystore in `path`, which is made (mode 0700) or empty.
    ///
    /// # Errors
    /// When there is a keystore or anything else already, or the unlock method cannot be set up.
    pub fn create(path: &Path, unlock: &Unlock) -> Result<Created, KeystoreError> {
        Self::create_in(path, unlock, &Suite::INTERNATIONAL)
    }

    /// As [`create`](Self::create), with the keys sealed by the algorithms of a suite. (A passphrase becomes a key by
    /// Argon2id in either, and shares are over GF(2^8).)
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_in(path: &Path, unlock: &Unlock, suite: &'static Suite) -> Result<Created, KeystoreError> {
        let rng = SystemRandom::new();
        let (unlock_key, method, shares) = unlock.prepare(&rng)?;
        let directory = Directory::create(path)?;
        let kek = aead::random::<32>(&rng)?;
        let id = hex::encode(aead::random::<16>(&rng)?.as_slice());
        let header = Header::wrap(&rng, id.clone(), 1, suite, method, &unlock_key, &kek)?;
        let text = header.to_text().ok_or(KeystoreError::NotAKeystore { path: path.to_owned() })?;
        {
            let locked = directory.lock()?;
            locked.sweep()?;
            if !directory.names()?.is_empty() || !locked.create(FILE, text.as_bytes())? {
                return Err(KeystoreError::NotEmpty { path: path.to_owned() });
            }
        }
        Ok(Created { keystore: Self::new(path.to_owned(), directory, id, kek, suite), shares })
    }

    /// Reads what can be read without the secret, and checks that nobody else can read or change any of the files.
    ///
    /// # Errors
    /// When there is no keystore, a file is not as written, or permissions are too wide (the message says the chmod).
    pub fn open(path: &Path) -> Result<Sealed, KeystoreError> {
        let directory = Directory::open(path)?;
        for name in directory.names()? {
            directory.read(&name)?;
        }
        let missing = || KeystoreError::NotAKeystore { path: path.to_owned() };
        let content = directory.read(FILE)?.ok_or_else(missing)?;
        let header =
            Header::parse(&content).ok_or_else(|| KeystoreError::Altered { path: directory.path(FILE) })?;
        Ok(Sealed { path: path.to_owned(), directory, header })
    }

    fn new(path: PathBuf, directory: Directory, id: String, kek: Key, suite: &'static Suite) -> Self {
        let envelope_key = MacKey::new(suite.symmetric, &kek);
        let rng = SystemRandom::new();
        Self { path, directory, id, kek, envelope_key, suite, rng, opened: RwLock::default() }
    }

    /// The keystore's id, 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose algorithms seal the keys in it.
    #[must_use]
    pub const fn suite(&self) -> &'static Suite {
        self.suite
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes how the keystore is unlocked, or makes new shares, by wrapping the key-encryption key anew. Earlier
    /// shares, passphrase or credential no longer open it. (They still open an earlier copy of `keystore.toml`:
    /// destroy backups of it together with the old shares.)
    ///
    /// # Errors
    /// When the method cannot be set up or the file not written; the old state then stands.
    pub fn rewrap(&self, unlock: &Unlock) -> Result<Vec<Share>, KeystoreError> {
        let (unlock_key, method, shares) = unlock.prepare(&self.rng)?;
        let locked = self.directory.lock()?;
        locked.sweep()?;
        let altered = || KeystoreError::Altered { path: self.directory.path(FILE) };
        let content = self.directory.read(FILE)?.ok_or_else(altered)?;
        let current = Header::parse(&content).filter(|header| header.id == self.id).ok_or_else(altered)?;
        let generation = current.generation.saturating_add(1);
        let header =
            Header::wrap(&self.rng, self.id.clone(), generation, self.suite, method, &unlock_key, &self.kek)?;
        locked.replace(FILE, header.to_text().ok_or_else(altered)?.as_bytes())?;
        Ok(shares)
    }

    /// The opened key, from memory or its file.
    fn opened(&self, label: &str) -> Result<Arc<Opened>, CustodyError> {
        let label = Label::new(label)?;
        if let Some(opened) = self.opened.read().unwrap_or_else(PoisonError::into_inner).get(&label) {
            return Ok(Arc::clone(opened));
        }
        let (envelope, info) = read(&self.directory, &self.id, &label)?;
        let altered = || CustodyError::Altered { path: self.directory.path(&file(&label)) };
        let secret = envelope.open(&self.envelope_key).map_err(|_| altered())?;
        let opened = Arc::new(Opened::new(info, &secret)?.ok_or_else(altered)?);
        self.opened.write().unwrap_or_else(PoisonError::into_inner).insert(label, Arc::clone(&opened));
        Ok(opened)
    }

    fn secret_of(&self, algorithm: Algorithm, label: &Label) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let kind = match algorithm {
            Algorithm::P256 => KeyKind::P256,
            Algorithm::Ed25519 => KeyKind::Ed25519,
            Algorithm::Sm2 => KeyKind::Sm2,
            Algorithm::Aes256 | Algorithm::HmacSha256 | Algorithm::Sm4 | Algorithm::HmacSm3 => {
                return Ok(Zeroizing::new(aead::random::<32>(&self.rng)?.to_vec()));
            }
        };
        SoftwareKey::generate(kind, &self.rng)
            .map_err(|source| CustodyError::Key { label: label.to_string(), source })
    }
}

impl Custody for Keystore {
    fn generate(&self, label: &str, algorithm: Algorithm, usage: Usage) -> Result<KeyInfo, CustodyError> {
        let label = Label::new(label)?;
        if !algorithm.allows(usage) {
            return Err(CustodyError::Combination { algorithm, usage });
        }
        let secret = self.secret_of(algorithm, &label)?;
        let mut info = KeyInfo { label: label.to_string(), algorithm, usage, public_key: None };
        if usage.serves(Usage::Sign) {
            let key = SoftwareKey::from_pkcs8(&secret)
                .map_err(|source| CustodyError::Key { label: label.to_string(), source })?;
            info.public_key = Some(key.public_key().to_vec());
        }
        let envelope = Envelope::seal(&self.rng, &self.envelope_key, &self.id, &info, &secret)?;
        let altered = || CustodyError::Altered { path: self.directory.path(&file(&label)) };
        let text = envelope.to_text().ok_or_else(altered)?;
        let locked = self.directory.lock()?;
        locked.sweep()?;
        if locked.create(&file(&label), text.as_bytes())? {
            Ok(info)
        } else {
            Err(CustodyError::Exists { label: label.to_string() })
        }
    }

    fn keys(&self) -> Result<Vec<KeyInfo>, CustodyError> {
        labels(&self.directory)?.iter().map(|label| self.key(label.as_str())).collect()
    }

    fn key(&self, label: &str) -> Result<KeyInfo, CustodyError> {
        Ok(self.opened(label)?.info.clone())
    }

    fn signer(&self, label: &str) -> Result<Arc<dyn Signer>, CustodyError> {
        let opened = self.opened(label)?;
        match &opened.material {
            Material::Sign(key) | Material::SignPrehashed { messages: key, .. } => {
                Ok(Arc::clone(key) as Arc<dyn Signer>)
            }
            _ => Err(opened.wrong(Usage::Sign)),
        }
    }

    fn prehashed_signer(
        &self,
        label: &str,
        _permit: &dyn BlindPermit,
    ) -> Result<Arc<dyn PrehashedSigner>, CustodyError> {
        let opened = self.opened(label)?;
        match &opened.material {
            Material::SignPrehashed { digests, .. } => Ok(Arc::clone(digests) as Arc<dyn PrehashedSigner>),
            _ => Err(opened.wrong(Usage::SignPrehashed)),
        }
    }

    fn seal(&self, label: &str, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, CustodyError> {
        let opened = self.opened(label)?;
        match &opened.material {
            Material::Seal(key) => aead::seal(&self.rng, key, plaintext, aad),
            _ => Err(opened.wrong(Usage::Seal)),
        }
    }

    fn open(&self, label: &str, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let opened = self.opened(label)?;
        match &opened.material {
            Material::Seal(key) => aead::open(key, sealed, aad),
            _ => Err(opened.wrong(Usage::Seal)),
        }
    }

    fn mac(&self, label: &str, message: &[u8]) -> Result<[u8; 32], CustodyError> {
        let opened = self.opened(label)?;
        match &opened.material {
            Material::Mac(key) => Ok(key.mac(&[message])),
            _ => Err(opened.wrong(Usage::Mac)),
        }
    }

    fn destroy(&self, label: &str) -> Result<(), CustodyError> {
        let label = Label::new(label)?;
        let removed = self.directory.lock()?.remove(&file(&label))?;
        self.opened.write().unwrap_or_else(PoisonError::into_inner).remove(&label);
        if removed { Ok(()) } else { Err(CustodyError::NoSuchKey { label: label.to_string() }) }
    }
}

/// Shows which keystore it is, never a secret.
impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystore").field("path", &self.path).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Opened {
    /// `None` when the secret is not what the description says.
    fn new(info: KeyInfo, secret: &[u8]) -> Result<Option<Self>, CustodyError> {
        let unreadable = |source| CustodyError::Key { label: info.label.clone(), source };
        let material = match info.algorithm {
            Algorithm::P256 | Algorithm::Ed25519 | Algorithm::Sm2 => {
                let key = SoftwareKey::from_pkcs8(secret).map_err(unreadable)?;
                if info.public_key.as_deref() != Some(key.public_key()) {
                    return Ok(None);
                }
                let messages = Arc::new(key);
                if info.usage == Usage::SignPrehashed {
                    let digests = Arc::new(PrehashedKey::from_pkcs8(secret).map_err(unreadable)?);
                    Material::SignPrehashed { messages, digests }
                } else {
                    Material::Sign(messages)
                }
            }
            Algorithm::Aes256 | Algorithm::HmacSha256 | Algorithm::Sm4 | Algorithm::HmacSm3 => {
                let Ok(secret) = <&[u8; 32]>::try_from(secret) else { return Ok(None) };
                let key = MacKey::new(info.algorithm.symmetric(), secret);
                if info.usage == Usage::Seal { Material::Seal(key) } else { Material::Mac(key) }
            }
        };
        Ok(Some(Self { info, material }))
    }

    fn wrong(&self, wanted: Usage) -> CustodyError {
        CustodyError::Usage { label: self.info.label.clone(), usage: self.info.usage, wanted }
    }
}

fn file(label: &Label) -> String {
    format!("{label}{SUFFIX}")
}

fn labels(directory: &Directory) -> Result<Vec<Label>, CustodyError> {
    let mut labels = Vec::new();
    for name in directory.names()? {
        if name != FILE {
            let label = name.strip_suffix(SUFFIX).and_then(|label| Label::new(label).ok());
            labels.push(label.ok_or_else(|| CustodyError::Altered { path: directory.path(&name) })?);
        }
    }
    labels.sort();
    Ok(labels)
}

fn read(directory: &Directory, id: &str, label: &Label) -> Result<(Envelope, KeyInfo), CustodyError> {
    let name = file(label);
    let content =
        directory.read(&name)?.ok_or_else(|| CustodyError::NoSuchKey { label: label.to_string() })?;
    Envelope::parse(&content, id, label)
        .and_then(|envelope| envelope.info().map(|info| (envelope, info)))
        .ok_or_else(|| CustodyError::Altered { path: directory.path(&name) })
}

/// Why a keystore cannot be made, opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The secret could not be put together.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The rebuilt key is not the keystore's.
    #[error("wrong {method}: this keystore does not open with it")]
    WrongSecret {
        /// The keystore's method.
        method: &'static str,
    },
    /// A file that was altered.
    #[error("{} was altered", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
    /// No `keystore.toml`.
    #[error("{} holds no keystore", path.display())]
    NotAKeystore {
        /// The directory.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{} is not empty: a keystore is only made in an empty directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A key.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
}
