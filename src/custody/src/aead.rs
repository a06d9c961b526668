//! AES-256-GCM as this crate uses it, for envelopes and for sealed data.
//!
//! Format: version byte 0x01, 24 random bytes, ciphertext, 16-byte tag. The first 12 random bytes derive the
//! message's own AES key (HMAC-SHA-256 of the key over a label and those bytes), the other 12 are its GCM nonce. A
//! bare random 96-bit nonce would limit a key to 2^32 messages (NIST SP 800-38D §8.3), which a busy log reaches;
//! so derived, collisions stop mattering (the construction of C2SP XAES-256-GCM, with HMAC as the derivation).

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, Zeroizing};

use crate::api::CustodyError;

/// A 256-bit secret of ours.
pub(crate) type Key = Zeroizing<[u8; 32]>;

const VERSION: u8 = 1;
const DERIVATION: &[u8] = b"cinnabar custody message key v1";
const OVERHEAD: usize = 1 + 24 + 16;

/// Fresh random bytes.
pub(crate) fn random<const N: usize>(rng: &SystemRandom) -> Result<Zeroizing<[u8; N]>, CustodyError> {
    let mut bytes = Zeroizing::new([0; N]);
    rng.fill(bytes.as_mut_slice()).map_err(|_| CustodyError::Random)?;
    Ok(bytes)
}

/// An HMAC key made of a secret, ready to derive message keys or to authenticate.
pub(crate) fn hmac_key(secret: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

pub(crate) fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    // INVARIANT: HMAC-SHA-256 yields exactly 32 bytes.
    out.copy_from_slice(context.sign().as_ref());
    out
}

pub(crate) fn seal(
    rng: &SystemRandom,
    key: &hmac::Key,
    plaintext: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, CustodyError> {
    let salt = random::<12>(rng)?;
    let nonce = random::<12>(rng)?;
    // Exact capacity: the plaintext's copy is encrypted in place and never moved.
    let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(salt.as_slice());
    sealed.extend_from_slice(nonce.as_slice());
    let start = sealed.len();
    sealed.extend_from_slice(plaintext);
    let text = sealed.get_mut(start..).ok_or(CustodyError::Unauthentic)?;
    let tag = message_key(key, &salt)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), text)
        .map_err(|_| CustodyError::Unauthentic)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

pub(crate) fn open(key: &hmac::Key, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let (version, rest) = sealed.split_first().ok_or(CustodyError::Unauthentic)?;
    let (salt, rest) = rest.split_first_chunk::<12>().ok_or(CustodyError::Unauthentic)?;
    let (nonce, text) = rest.split_first_chunk::<12>().ok_or(CustodyError::Unauthentic)?;
    if *version != VERSION {
        return Err(CustodyError::Unauthentic);
    }
    let mut plaintext = Zeroizing::new(text.to_vec());
    let length = message_key(key, salt)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut plaintext)
        .map_err(|_| CustodyError::Unauthentic)?
        .len();
    plaintext.truncate(length);
    Ok(plaintext)
}

fn message_key(key: &hmac::Key, salt: &[u8; 12]) -> Result<LessSafeKey, CustodyError> {
    let mut secret = mac(key, &[DERIVATION, salt]);
    let derived = UnboundKey::new(&AES_256_GCM, &secret).map_err(|_| CustodyError::Unauthentic);
    secret.zeroize();
    Ok(LessSafeKey::new(derived?))
}
