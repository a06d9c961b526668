//! The ciphers of ISO 32000-2 §7.6.3: RC4 and AES-CBC, with the keys that each object gets.

use aes::{Aes128, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use md5::{Digest, Md5};
use rc4::{KeyInit, Rc4, StreamCipher};

use crate::syntax::ObjectId;

/// How strings or streams are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Not at all.
    Identity,
    /// RC4 with a key of the object's own.
    Rc4,
    /// AES-128 in CBC mode with a key of the object's own.
    Aes128,
    /// AES-256 in CBC mode with the file's key.
    Aes256,
}

impl Method {
    /// By the name of a crypt filter's method (table 25); `None` for one that is not known.
    pub(super) fn of(name: Option<&[u8]>, version: i64) -> Option<Self> {
        match (name, version) {
            (Some(b"V2"), 4) => Some(Self::Rc4),
            (Some(b"AESV2"), 4) => Some(Self::Aes128),
            (Some(b"AESV3"), 5) => Some(Self::Aes256),
            // /None means that the application decrypts by itself; nothing else is of the standard.
            _ => None,
        }
    }

    /// The plaintext; `None` where it is none of this method.
    pub(super) fn decrypt(self, key: &[u8], id: ObjectId, data: &[u8]) -> Option<Vec<u8>> {
        if self == Self::Rc4 {
            return rc4(&self.object_key(key, id), data);
        }
        if self == Self::Identity || data.is_empty() {
            return Some(data.to_vec());
        }
        let (vector, body) = data.split_at_checked(16)?;
        let mut out = body.to_vec();
        let key = self.object_key(key, id);
        let length = if self == Self::Aes256 {
            let cipher = Decryptor::<Aes256>::new_from_slices(&key, vector).ok()?;
            cipher.decrypt_padded::<Pkcs7>(&mut out).ok()?.len()
        } else {
            let cipher = Decryptor::<Aes128>::new_from_slices(&key, vector).ok()?;
            cipher.decrypt_padded::<Pkcs7>(&mut out).ok()?.len()
        };
        out.truncate(length);
        Some(out)
    }

    /// The ciphertext, behind its vector where the method has one.
    pub(super) fn encrypt(self, key: &[u8], id: ObjectId, vector: [u8; 16], data: &[u8]) -> Vec<u8> {
        let key = self.object_key(key, id);
        let padded = || {
            let mut buffer = Vec::with_capacity(data.len() + 16);
            buffer.extend_from_slice(data);
            buffer.resize(data.len() + 16, 0);
            buffer
        };
        let encrypted = match self {
            Self::Identity => return data.to_vec(),
            Self::Rc4 => return rc4(&key, data).unwrap_or_default(),
            Self::Aes128 => Encryptor::<Aes128>::new_from_slices(&key, &vector).ok().and_then(|cipher| {
                Some(cipher.encrypt_padded::<Pkcs7>(&mut padded(), data.len()).ok()?.to_vec())
            }),
            Self::Aes256 => Encryptor::<Aes256>::new_from_slices(&key, &vector).ok().and_then(|cipher| {
                Some(cipher.encrypt_padded::<Pkcs7>(&mut padded(), data.len()).ok()?.to_vec())
            }),
        };
        // Both have keys of the right length and room for the padding: there is always a ciphertext.
        [&vector[..], &encrypted.unwrap_or_default()].concat()
    }

    /// Algorithm 1 (§7.6.3.2): the key of one object; AES-256 has one for all (algorithm 1.A).
    fn object_key(self, key: &[u8], id: ObjectId) -> Vec<u8> {
        if self == Self::Aes256 {
            return key.to_vec();
        }
        let mut hasher = Md5::new();
        hasher.update(key);
        hasher.update(id.number.to_le_bytes().get(..3).unwrap_or_default());
        hasher.update(id.generation.to_le_bytes());
        if self == Self::Aes128 {
            hasher.update(b"sAlT");
        }
        let mut own = hasher.finalize().to_vec();
        own.truncate((key.len() + 5).min(16));
        own
    }
}

/// RC4; `None` for a key that is none.
pub(super) fn rc4(key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut out = data.to_vec();
    Rc4::new_from_slice(key).ok()?.apply_keystream(&mut out);
    Some(out)
}
