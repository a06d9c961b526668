//! The file's key from the empty user password (ISO 32000-2 §7.6.4), checked as each revision checks it.

use aes::{Aes128, Aes256};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use crypto::DigestAlgorithm;
use md5::{Digest, Md5};

use super::cipher::rc4;

/// What the encryption dictionary says.
pub(super) struct Parameters<'a> {
    pub(super) revision: i64,
    /// /O.
    pub(super) owner: Vec<u8>,
    /// /U.
    pub(super) user: Vec<u8>,
    /// /UE, of AES-256.
    pub(super) user_key: Vec<u8>,
    /// /P.
    pub(super) permissions: u32,
    /// Octets of the key, up to revision 4.
    pub(super) length: usize,
    /// /EncryptMetadata.
    pub(super) metadata: bool,
    /// First element of /ID.
    pub(super) identifier: &'a [u8],
}

impl Parameters<'_> {
    /// The key; `None` where the empty password does not open the file, or the revision is unknown.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        match self.revision {
            2..=4 => self.old_key(),
            5 | 6 => self.new_key(),
            _ => None,
        }
    }

    /// Algorithm 2, checked by algorithms 4 and 5.
    fn old_key(&self) -> Option<Vec<u8>> {
        let mut hasher = Md5::new();
        hasher.update(PADDING);
        hasher.update(self.owner.get(..32)?);
        hasher.update(self.permissions.to_le_bytes());
        hasher.update(self.identifier);
        if self.revision >= 4 && !self.metadata {
            hasher.update([0xFF; 4]);
        }
        let mut key = hasher.finalize().to_vec();
        let length = if self.revision == 2 { 5 } else { self.length };
        if self.revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(key.get(..length)?).to_vec();
            }
        }
        key.truncate(length);
        let matches = if self.revision == 2 {
            rc4(&key, &PADDING)? == self.user.get(..32)?
        } else {
            let mut hasher = Md5::new();
            hasher.update(PADDING);
            hasher.update(self.identifier);
            let mut check = hasher.finalize().to_vec();
            for round in 0..20 {
                let turned: Vec<u8> = key.iter().map(|octet| octet ^ round).collect();
                check = rc4(&turned, &check)?;
            }
            check == self.user.get(..16)?
        };
        matches.then_some(key)
    }

    /// Algorithm 2.A: the password's hash with one salt checks it, with the other it opens the key.
    fn new_key(&self) -> Option<Vec<u8>> {
        let hash = |salt: &[u8]| {
            let first = DigestAlgorithm::Sha256.digest(salt);
            if self.revision == 5 { Some(first) } else { hardened(first) }
        };
        if hash(self.user.get(32..40)?)? != self.user.get(..32)? {
            return None;
        }
        let opener = hash(self.user.get(40..48)?)?;
        let mut key = self.user_key.get(..32)?.to_vec();
        let cipher = Decryptor::<Aes256>::new_from_slices(&opener, &[0; 16]).ok()?;
        cipher.decrypt_padded::<NoPadding>(&mut key).ok()?;
        Some(key)
    }
}

/// Algorithm 2.B with an empty password. Ends: the last octet is at most 255, so no later than round 287.
fn hardened(mut key: Vec<u8>) -> Option<Vec<u8>> {
    for round in 1_u16.. {
        let mut data = key.repeat(64);
        let length = data.len();
        let cipher = Encryptor::<Aes128>::new_from_slices(key.get(..16)?, key.get(16..32)?).ok()?;
        cipher.encrypt_padded::<NoPadding>(&mut data, length).ok()?;
        // The first 16 octets as a number modulo 3: 256 is 1 modulo 3, so their sum will do.
        let sum: u16 = data.iter().take(16).map(|octet| u16::from(*octet)).sum();
        let algorithm = match sum % 3 {
            0 => DigestAlgorithm::Sha256,
            1 => DigestAlgorithm::Sha384,
            _ => DigestAlgorithm::Sha512,
        };
        key = algorithm.digest(&data);
        if round >= 64 && data.last().is_some_and(|last| u16::from(*last) + 32 <= round) {
            break;
        }
    }
    key.truncate(32);
    Some(key)
}

/// What passwords are filled up with (algorithm 2, step a): all of an empty one.
const PADDING: [u8; 32] = [
    0x28, 0xBF, 0x4E, 0x5E, 0x4E, 0x75, 0x8A, 0x41, 0x64, 0x00, 0x4E, 0x56, 0xFF, 0xFA, 0x01, 0x08, 0x2E,
    0x2E, 0x00, 0xB6, 0xD0, 0x68, 0x3E, 0x80, 0x2F, 0x0C, 0xA9, 0xFE, 0x64, 0x53, 0x69, 0x7A,
];
