//! Sealing and authenticating data, with the symmetric algorithms of a suite.
//!
//! AES-256-GCM and HMAC-SHA-256 are ring's, SM4-GCM (GB/T 32907, GB/T 36624) and HMAC-SM3 (GB/T 15852.2, GB/T 32905) are
//! RustCrypto's. Formats, nonces and where keys are kept are the caller's (`custody`). A nonce used twice with one key gives
//! the key's authentication away, so callers derive a key per message.

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut as _, AesGcm, KeyInit as _};
use hmac::{Hmac, Mac as _};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sm3::Sm3;
use sm4::Sm4;
use thiserror::Error;
use zeroize::Zeroize as _;

/// The symmetric algorithms of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Symmetric {
    /// AES-256-GCM and HMAC-SHA-256.
    International,
    /// SM4-GCM and HMAC-SM3.
    ShangMi,
}

/// Sealed data that the key, nonce and associated data do not open, or data too long to be sealed (64 GiB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the data is not authentic or too long")]
pub struct Unauthentic;

/// A key that seals and opens data.
pub struct SealingKey(Sealing);

#[expect(clippy::large_enum_variant, reason = "keys live on the stack for one message")]
enum Sealing {
    Aes(LessSafeKey),
    Sm4(AesGcm<Sm4, U12>),
}

impl SealingKey {
    /// A key of 256 secret bits; SM4 takes the first 128.
    ///
    /// # Errors
    /// Does not happen: both keys take every value.
    pub fn new(algorithms: Symmetric, secret: &[u8; 32]) -> Result<Self, Unauthentic> {
        Ok(Self(match algorithms {
            Symmetric::International => {
                let key = UnboundKey::new(&AES_256_GCM, secret).map_err(|_| Unauthentic)?;
                Sealing::Aes(LessSafeKey::new(key))
            }
            Symmetric::ShangMi => {
                let (key, _) = secret.split_at(16);
                Sealing::Sm4(AesGcm::new_from_slice(key).map_err(|_| Unauthentic)?)
            }
        }))
    }

    /// Encrypts `text` in place and gives the tag over it and `aad`.
    ///
    /// # Errors
    /// [`Unauthentic`] for data beyond the mode's bound.
    pub fn seal(&self, nonce: [u8; 12], aad: &[u8], text: &mut [u8]) -> Result<[u8; 16], Unauthentic> {
        match &self.0 {
            Sealing::Aes(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag =
                    key.seal_in_place_separate_tag(nonce, Aad::from(aad), text).map_err(|_| Unauthentic)?;
                tag.as_ref().try_into().map_err(|_| Unauthentic)
            }
            Sealing::Sm4(key) => key
                .encrypt_inout_detached(&nonce.into(), aad, text.into())
                .map(Into::into)
                .map_err(|_| Unauthentic),
        }
    }

    /// Decrypts `sealed`, a text with its tag after it, in place, and gives the text.
    ///
    /// # Errors
    /// [`Unauthentic`] when any of key, nonce, `aad`, text and tag is not as it was; the place then holds nothing of use.
    pub fn open<'a>(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a [u8], Unauthentic> {
        match &self.0 {
            Sealing::Aes(key) => key
                .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), sealed)
                .map(|text| &*text)
                .map_err(|_| Unauthentic),
            Sealing::Sm4(key) => {
                let (text, tag) = sealed.split_last_chunk_mut::<16>().ok_or(Unauthentic)?;
                let tag = (*tag).into();
                key.decrypt_inout_detached(&nonce.into(), aad, (&mut *text).into(), &tag)
                    .map_err(|_| Unauthentic)?;
                Ok(text)
            }
        }
    }
}

/// A key that authenticates messages.
#[derive(Clone)]
pub struct MacKey(Authenticating);

#[derive(Clone)]
enum Authenticating {
    Sha256(ring::hmac::Key),
    Sm3(Hmac<Sm3>),
}

impl MacKey {
    /// A key of 256 secret bits.
    #[must_use]
    pub fn new(algorithms: Symmetric, secret: &[u8; 32]) -> Self {
        Self(match algorithms {
            Symmetric::International => {
                Authenticating::Sha256(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret))
            }
            Symmetric::ShangMi => {
                // A block is longer than the key, so that it is padded with zeros (RFC 2104 §2); it is the secret, and wiped.
                let mut block = hmac::digest::common::Key::<Hmac<Sm3>>::default();
                block.iter_mut().zip(secret).for_each(|(to, from)| *to = *from);
                let key = Hmac::new(&block);
                block.as_mut_slice().zeroize();
                Authenticating::Sm3(key)
            }
        })
    }

    /// The algorithms it belongs to.
    #[must_use]
    pub const fn algorithms(&self) -> Symmetric {
        match &self.0 {
            Authenticating::Sha256(_) => Symmetric::International,
            Authenticating::Sm3(_) => Symmetric::ShangMi,
        }
    }

    /// The code of a message given in parts.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        match &self.0 {
            Authenticating::Sha256(key) => {
                let mut context = ring::hmac::Context::with_key(key);
                parts.iter().for_each(|part| context.update(part));
                let mut out = [0; 32];
                // INVARIANT: HMAC-SHA-256 yields exactly 32 octets.
                out.copy_from_slice(context.sign().as_ref());
                out
            }
            Authenticating::Sm3(key) => {
                let mut context = key.clone();
                parts.iter().for_each(|part| context.update(part));
                context.finalize().into_bytes().into()
            }
        }
    }

    /// Whether `code` is the message's; takes the same time for every code of the right length.
    #[must_use]
    pub fn verifies(&self, message: &[u8], code: &[u8]) -> bool {
        match &self.0 {
            Authenticating::Sha256(key) => ring::hmac::verify(key, message, code).is_ok(),
            Authenticating::Sm3(key) => key.clone().chain_update(message).verify_slice(code).is_ok(),
        }
    }
}

/// Show the algorithms only: never key material.
impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MacKey").field("algorithms", &self.algorithms()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use sm4::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _};

    use super::*;

    const BOTH: [Symmetric; 2] = [Symmetric::International, Symmetric::ShangMi];

    fn octets(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    fn secret(first: &[u8]) -> [u8; 32] {
        let mut secret = [0; 32];
        secret[..first.len()].copy_from_slice(first);
        secret
    }

    /// GB/T 32907-2016, appendix A: one block, and a block encrypted a million times over.
    #[test]
    fn sm4_agrees_with_the_examples_of_its_standard() {
        let key = octets("0123456789abcdeffedcba9876543210");
        let cipher = Sm4::new_from_slice(&key).unwrap();
        let mut block = sm4::cipher::Block::<Sm4>::default();
        block.copy_from_slice(&key);
        cipher.encrypt_block(&mut block);
        assert_eq!(hex::encode(block), "681edf34d206965e86b3e94f536e4246");
        cipher.decrypt_block(&mut block);
        assert_eq!(block.as_slice(), key);
        for _ in 0..1_000_000 {
            cipher.encrypt_block(&mut block);
        }
        assert_eq!(hex::encode(block), "595298c7c6fd271f0402f804c33d3f66");
    }

    /// RFC 8998, appendix A.1.
    #[test]
    fn sm4_gcm_agrees_with_the_published_example() {
        let key = SealingKey::new(Symmetric::ShangMi, &secret(&octets("0123456789abcdeffedcba9876543210")))
            .unwrap();
        let nonce = octets("00001234567800000000abcd").try_into().unwrap();
        let aad = octets("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let mut text = octets(
            "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd\
             eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
        );
        let tag = key.seal(nonce, &aad, &mut text).unwrap();
        assert_eq!(
            hex::encode(&text),
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
             d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        );
        assert_eq!(hex::encode(tag), "83de3541e4c2b58177e065a9bf7b62ec");
    }

    /// GM/T 0042-2015, appendix: a key of 32 octets.
    #[test]
    fn hmac_sm3_agrees_with_the_published_example() {
        let secret = std::array::from_fn(|at| u8::try_from(at + 1).unwrap());
        let key = MacKey::new(Symmetric::ShangMi, &secret);
        let part = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let code = octets("ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a");
        assert_eq!(key.mac(&[part, part]).to_vec(), code);
        assert!(key.verifies(&part.repeat(2), &code));
        assert!(!key.verifies(part, &code) && !key.verifies(&part.repeat(2), &code[..31]));
    }

    #[test]
    fn what_took_in_a_secret_is_wiped_when_it_goes() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
        is_wiped::<Sm3>();
        // What HMAC keeps of the key.
        is_wiped::<sm3::Sm3Core>();
        is_wiped::<Sm4>();
    }

    #[test]
    fn sealed_data_opens_with_all_as_it_was_only() {
        for algorithms in BOTH {
            let key = SealingKey::new(algorithms, &[7; 32]).unwrap();
            for length in [0, 1, 16, 1000] {
                let text: Vec<u8> = (0..length).map(|at| u8::try_from(at & 0xFF).unwrap()).collect();
                let mut sealed = text.clone();
                let tag = key.seal([1; 12], b"aad", &mut sealed).unwrap();
                sealed.extend_from_slice(&tag);
                assert_eq!(key.open([1; 12], b"aad", &mut sealed.clone()), Ok(&text[..]));
                assert_eq!(key.open([2; 12], b"aad", &mut sealed.clone()), Err(Unauthentic));
                assert_eq!(key.open([1; 12], b"dad", &mut sealed.clone()), Err(Unauthentic));
                let other = SealingKey::new(algorithms, &[8; 32]).unwrap();
                assert_eq!(other.open([1; 12], b"aad", &mut sealed.clone()), Err(Unauthentic));
                for at in [0, sealed.len() / 2, sealed.len() - 1] {
                    let mut altered = sealed.clone();
                    altered[at] ^= 1;
                    assert_eq!(key.open([1; 12], b"aad", &mut altered), Err(Unauthentic));
                }
                assert_eq!(key.open([1; 12], b"aad", &mut sealed[..15]), Err(Unauthentic));
            }
        }
    }

    #[test]
    fn codes_go_by_key_message_and_algorithm() {
        for algorithms in BOTH {
            let key = MacKey::new(algorithms, &[7; 32]);
            assert_eq!(key.algorithms(), algorithms);
            let code = key.mac(&[b"a", b"bc"]);
            assert!(key.verifies(b"abc", &code));
            assert!(!key.verifies(b"abd", &code));
            assert!(!MacKey::new(algorithms, &[8; 32]).verifies(b"abc", &code));
            assert_eq!(format!("{key:?}"), format!("MacKey {{ algorithms: {algorithms:?}, .. }}"));
        }
        let [one, other] = BOTH.map(|algorithms| MacKey::new(algorithms, &[7; 32]).mac(&[b"abc"]));
        assert_ne!(one, other);
    }
}
