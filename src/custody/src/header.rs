//! `keystore.toml`: which keystore this is, how it is unlocked, and its key-encryption key wrapped under the unlock
//! key. Changing shares or method rewrites this one file; the keys' own files stay as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::{MacKey, Suite};
use serde::{Deserialize, Serialize};

use crate::aead::{self, Key};
use crate::api::CustodyError;

/// The file's name.
pub(crate) const FILE: &str = "keystore.toml";
const FORMAT: &str = "cinnabar-keystore-1";
const CHECK: &[u8] = b"cinnabar keystore check v1";

/// How a keystore is unlocked, with what may be known about it while it is sealed. One method per keystore
/// (decision 18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Method {
    /// k-of-n Shamir shares over GF(2^8).
    Shares {
        /// Set id, 8 hexadecimal digits: shares of an earlier sharing carry another.
        set: String,
        /// Shares needed.
        threshold: u8,
        /// Shares made.
        count: u8,
    },
    /// A passphrase through Argon2id (RFC 9106).
    Passphrase {
        /// Salt, hexadecimal.
        salt: String,
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes.
        iterations: u32,
        /// Lanes.
        parallelism: u32,
    },
    /// A credential file of 32 bytes.
    Credential {
        /// Its name in systemd's credentials directory, or its path.
        name: String,
    },
}

impl Method {
    /// The method's name in files and messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Shares { .. } => "shares",
            Self::Passphrase { .. } => "passphrase",
            Self::Credential { .. } => "credential",
        }
    }
}

/// The file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    format: String,
    pub(crate) id: String,
    // Counts the re-wrappings, so that an operator can tell an old copy.
    pub(crate) generation: u64,
    // Whose algorithms seal the keys. Absent for the international one, as in all files written before there were two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suite: Option<String>,
    // HMAC of the id with the unlock key: tells a wrong secret from an altered file, and commits to one key, which
    // GCM alone does not.
    check: String,
    wrapped: String,
    pub(crate) unlock: Method,
}

/// Why a header gives no key.
pub(crate) enum Refused {
    /// Another unlock key.
    WrongSecret,
    /// The right unlock key, but the header was changed.
    Altered,
}

impl Header {
    pub(crate) fn wrap(
        rng: &ring::rand::SystemRandom,
        id: String,
        generation: u64,
        suite: &Suite,
        unlock: Method,
        unlock_key: &Key,
        kek: &Key,
    ) -> Result<Self, CustodyError> {
        let key = MacKey::new(suite.symmetric, unlock_key);
        let check = hex::encode(key.mac(&[CHECK, id.as_bytes()]));
        let mut header = Self {
            format: FORMAT.to_owned(),
            id,
            generation,
            suite: (*suite != Suite::INTERNATIONAL).then(|| suite.name.to_owned()),
            check,
            wrapped: String::new(),
            unlock,
        };
        header.wrapped = STANDARD.encode(aead::seal(rng, &key, kek.as_slice(), &header.aad())?);
        Ok(header)
    }

    /// `None` unless the content has exactly the form [`to_text`](Self::to_text) writes.
    pub(crate) fn parse(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let header: Self = toml::from_str(text).ok()?;
        let known = header.suite.as_deref().is_none_or(|name| Suite::by_name(name).is_ok());
        (known && header.format == FORMAT && header.to_text().as_deref() == Some(text)).then_some(header)
    }

    pub(crate) fn to_text(&self) -> Option<String> {
        toml::to_string(self).ok()
    }

    /// Whose algorithms seal the keys.
    pub(crate) fn suite(&self) -> &'static Suite {
        // INVARIANT: `parse` and `wrap` let no unknown name in.
        self.suite.as_deref().and_then(|name| Suite::by_name(name).ok()).unwrap_or(&Suite::INTERNATIONAL)
    }

    /// The key-encryption key.
    pub(crate) fn unwrap_with(&self, unlock_key: &Key) -> Result<Key, Refused> {
        let key = MacKey::new(self.suite().symmetric, unlock_key);
        let check = hex::decode(&self.check).map_err(|_| Refused::Altered)?;
        let message = [CHECK, self.id.as_bytes()].concat();
        if !key.verifies(&message, &check) {
            return Err(Refused::WrongSecret);
        }
        let wrapped = STANDARD.decode(&self.wrapped).map_err(|_| Refused::Altered)?;
        let kek = aead::open(&key, &wrapped, &self.aad()).map_err(|_| Refused::Altered)?;
        let mut own = Key::default();
        if kek.len() != own.len() {
            return Err(Refused::Altered);
        }
        own.copy_from_slice(&kek);
        Ok(own)
    }

    fn aad(&self) -> Vec<u8> {
        let bare = Self { wrapped: String::new(), ..self.clone() };
        bare.to_text().unwrap_or_default().into_bytes()
    }
}
