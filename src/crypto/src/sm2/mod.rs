//! SM2 signatures with SM3 (GB/T 32918.2): keys, the signer's identity, signing and verifying.
//!
//! Responsible for everything about SM2 that `key` and `verify` hand on. Not responsible for identifiers (`scheme`) or
//! for what a signature means. Every signature binds the signer's identity: what is signed is
//! `e = SM3(ZA ‖ M)` with `ZA` over an identifier, the curve and the public key, and the identifier is the one that
//! certificates use (GB/T 35276 §10), `1234567812345678`.

mod encoding;
mod identity;
mod private_key;

use ::sm2::dsa::signature::{Signer as _, hazmat::PrehashVerifier as _};
use ::sm2::dsa::{Signature, SigningKey, VerifyingKey};
use der::asn1::ObjectIdentifier;
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use crate::{KeyError, SignError, VerifyError};

use encoding::{signature_der, signature_scalars};
use identity::DEFAULT_ID;

/// A private key, ready to sign.
pub(crate) struct SecretKey {
    key: SigningKey,
    point: [u8; 65],
}

impl SecretKey {
    /// Makes a key from `random`, as PKCS#8 DER.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        // A candidate is out of range less than once in 2^32 times.
        for _ in 0..8 {
            let mut candidate = Zeroizing::new([0; 32]);
            random.fill(candidate.as_mut_slice()).map_err(|_| KeyError::Random)?;
            if let Some(key) = Self::of(&candidate) {
                return Ok(private_key::write(&candidate, &key.point));
            }
        }
        Err(KeyError::Random)
    }

    /// Opens a PKCS#8 DER private key whose algorithm was seen to be SM2; a public half in it must be the key's.
    pub(crate) fn from_pkcs8(private_key: &[u8]) -> Result<Self, KeyError> {
        let stated = private_key::read(private_key)?;
        let key = Self::of(&stated.secret).ok_or(KeyError::Malformed)?;
        match stated.point {
            Some(point) if point != key.point => Err(KeyError::Malformed),
            _ => Ok(key),
        }
    }

    /// `None` unless the secret is in [1, n-2] (GB/T 32918.1 §6.1): with n-1 no signature exists.
    fn of(secret: &[u8; 32]) -> Option<Self> {
        if secret >= &LARGEST_SECRET_PLUS_ONE {
            return None;
        }
        let key = SigningKey::from_slice(DEFAULT_ID, secret).ok()?;
        let point = key.verifying_key().to_sec1_bytes().as_ref().try_into().ok()?;
        Some(Self { key, point })
    }

    /// The public key: the uncompressed point.
    pub(crate) const fn point(&self) -> &[u8; 65] {
        &self.point
    }

    /// Signs a message under the default identifier; DER.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: Signature = self.key.try_sign(message).map_err(|_| SignError::Failed)?;
        let (r, s) = (signature.r_bytes(), signature.s_bytes());
        Ok(signature_der(&r.into(), &s.into()))
    }
}

/// Verifies a DER signature over a message under the default identifier.
pub(crate) fn verify(point: &[u8], message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let point = <&[u8; 65]>::try_from(point).map_err(|_| VerifyError::MalformedKey)?;
    // The first octet tells the form; only the uncompressed one is used in certificates (GB/T 35276 §7.1).
    if point.first() != Some(&0x04) {
        return Err(VerifyError::MalformedKey);
    }
    let key = VerifyingKey::from_sec1_bytes(DEFAULT_ID, point).map_err(|_| VerifyError::MalformedKey)?;
    let (r, s) = signature_scalars(signature).ok_or(VerifyError::BadSignature)?;
    let signature = Signature::from_scalars(r, s).map_err(|_| VerifyError::BadSignature)?;
    let digest = identity::digest(DEFAULT_ID, point, message);
    key.verify_prehash(&digest, &signature).map_err(|_| VerifyError::BadSignature)
}

/// The DER form of the bare `r ‖ s`; `None` when either is out of range.
pub(crate) fn raw_signature_der(raw: &[u8; 64]) -> Option<Vec<u8>> {
    let signature = Signature::from_slice(raw).ok()?;
    Some(signature_der(&signature.r_bytes().into(), &signature.s_bytes().into()))
}

/// The recommended curve (GB/T 33560).
pub(crate) const CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// n - 1, big-endian: the first number that is no private key.
const LARGEST_SECRET_PLUS_ONE: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x72,
    0x03, 0xDF, 0x6B, 0x21, 0xC6, 0x05, 0x2B, 0x53, 0xBB, 0xF4, 0x09, 0x39, 0xD5, 0x41, 0x22,
];
