//! Sealing as this crate does it, for envelopes and for data, in either suite's algorithms.
//!
//! Format: version octet, 24 random octets, ciphertext, 16-octet tag. Version 0x01 is AES-256-GCM, 0x02 SM4-GCM. The first
//! 12 random octets derive the message's own key (HMAC of the key over a label and those octets), the other 12 are its
//! nonce. A bare random 96-bit nonce would limit a key to 2^32 messages (NIST SP 800-38D §8.3), which a busy log reaches;
//! so derived, collisions stop mattering (the construction of C2SP XAES-256-GCM, with HMAC as the derivation).

use crypto::{MacKey, SealingKey, Symmetric};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, Zeroizing};

use crate::api::CustodyError;

/// A 256-bit secret of ours.
pub(crate) type Key = Zeroizing<[u8; 32]>;

const DERIVATION: &[u8] = b"cinnabar custody message key v1";
const OVERHEAD: usize = 1 + 24 + 16;

/// Fresh random bytes.
pub(crate) fn random<const N: usize>(rng: &SystemRandom) -> Result<Zeroizing<[u8; N]>, CustodyError> {
    let mut bytes = Zeroizing::new([0; N]);
    rng.fill(bytes.as_mut_slice()).map_err(|_| CustodyError::Random)?;
    Ok(bytes)
}

pub(crate) fn seal(
    rng: &SystemRandom,
    key: &MacKey,
    plaintext: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, CustodyError> {
    let salt = random::<12>(rng)?;
    let nonce = random::<12>(rng)?;
    // Exact capacity: the plaintext's copy is encrypted in place and never moved.
    let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
    sealed.push(version(key)?);
    sealed.extend_from_slice(salt.as_slice());
    sealed.extend_from_slice(nonce.as_slice());
    let start = sealed.len();
    sealed.extend_from_slice(plaintext);
    let text = sealed.get_mut(start..).ok_or(CustodyError::Unauthentic)?;
    let tag = message_key(key, &salt)?.seal(*nonce, aad, text).map_err(|_| CustodyError::Unauthentic)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

pub(crate) fn open(key: &MacKey, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let (first, rest) = sealed.split_first().ok_or(CustodyError::Unauthentic)?;
    let (salt, rest) = rest.split_first_chunk::<12>().ok_or(CustodyError::Unauthentic)?;
    let (nonce, text) = rest.split_first_chunk::<12>().ok_or(CustodyError::Unauthentic)?;
    if *first != version(key)? {
        return Err(CustodyError::Unauthentic);
    }
    let mut plaintext = Zeroizing::new(text.to_vec());
    let length = message_key(key, salt)?
        .open(*nonce, aad, &mut plaintext)
        .map_err(|_| CustodyError::Unauthentic)?
        .len();
    plaintext.truncate(length);
    Ok(plaintext)
}

fn message_key(key: &MacKey, salt: &[u8; 12]) -> Result<SealingKey, CustodyError> {
    let mut secret = key.mac(&[DERIVATION, salt]);
    let derived = SealingKey::new(key.algorithms(), &secret).map_err(|_| CustodyError::Unauthentic);
    secret.zeroize();
    derived
}

/// The version that data sealed with the key's algorithms bears.
fn version(key: &MacKey) -> Result<u8, CustodyError> {
    match key.algorithms() {
        Symmetric::International => Ok(1),
        Symmetric::ShangMi => Ok(2),
        // Algorithms that this format has no number for.
        _ => Err(CustodyError::Unauthentic),
    }
}
