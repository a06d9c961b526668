//! A key's file: what the key is, in clear, and its secret, sealed under the key-encryption key with everything said in
//! clear as associated data. There is one spelling of a file, so any changed byte is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::aead;
use crate::api::{Algorithm, CustodyError, KeyInfo, Usage};
use crate::label::Label;

const FORMAT: &str = "cinnabar-key-1";
/// What a key file's name ends in.
pub(crate) const SUFFIX: &str = ".key";

/// The content of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envelope {
    format: String,
    keystore: String,
    label: String,
    algorithm: Algorithm,
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    sealed: String,
}

impl Envelope {
    /// Seals a key's secret.
    pub(crate) fn seal(
        rng: &ring::rand::SystemRandom,
        kek: &crypto::MacKey,
        keystore: &str,
        info: &KeyInfo,
        secret: &[u8],
    ) -> Result<Self, CustodyError> {
        let mut envelope = Self {
            format: FORMAT.to_owned(),
            keystore: keystore.to_owned(),
            label: info.label.clone(),
            algorithm: info.algorithm,
            usage: info.usage,
            public_key: info.public_key.as_ref().map(|key| STANDARD.encode(key)),
            sealed: String::new(),
        };
        envelope.sealed = STANDARD.encode(aead::seal(rng, kek, secret, &envelope.aad())?);
        Ok(envelope)
    }

    /// Reads a file's content; `None` unless it has exactly the form [`to_text`](Self::to_text) writes and belongs
    /// to this keystore and label.
    pub(crate) fn parse(content: &[u8], keystore: &str, label: &Label) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let envelope: Self = toml::from_str(text).ok()?;
        let ours = envelope.format == FORMAT
            && envelope.keystore == keystore
            && envelope.label == label.as_str()
            && envelope.algorithm.allows(envelope.usage);
        (ours && envelope.to_text().as_deref() == Some(text)).then_some(envelope)
    }

    /// The file's content.
    pub(crate) fn to_text(&self) -> Option<String> {
        toml::to_string(self).ok()
    }

    /// What the file says of the key in clear; believe it only of an envelope that opened.
    pub(crate) fn info(&self) -> Option<KeyInfo> {
        let public_key = self.public_key.as_ref().map(|key| STANDARD.decode(key)).transpose().ok()?;
        Some(KeyInfo { label: self.label.clone(), algorithm: self.algorithm, usage: self.usage, public_key })
    }

    /// The secret.
    pub(crate) fn open(&self, kek: &crypto::MacKey) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| CustodyError::Unauthentic)?;
        aead::open(kek, &sealed, &self.aad())
    }

    /// Every field but the sealed one, each with its length before it.
    fn aad(&self) -> Vec<u8> {
        let public_key = self.public_key.as_deref().unwrap_or_default();
        let fields = [
            self.format.as_str(),
            &self.keystore,
            &self.label,
            self.algorithm.name(),
            self.usage.name(),
            public_key,
        ];
        let mut aad = Vec::with_capacity(256);
        for field in fields {
            aad.extend_from_slice(&(field.len() as u64).to_be_bytes());
            aad.extend_from_slice(field.as_bytes());
        }
        aad
    }
}
