//! Signing keys that nobody trusts, for looking at a finished certificate before the real key signs it.
//!
//! A certificate to be issued is put together whole, signature included, and examined in that form. Were the issuer's
//! own key used, a certificate that fails the examination would exist, signed. One key per scheme and process is made on
//! first use and never leaves memory; its public half is in no trust list, so what it signs is worth nothing.

use std::sync::OnceLock;

use ring::rand::SystemRandom;

use crate::{KeyError, KeyKind, SignatureScheme, Signer, SoftwareKey};

/// The process's throw-away key for a scheme; `None` for schemes that no key of ours signs with.
///
/// # Errors
/// [`KeyError`] when the system gives no randomness for it.
pub fn throw_away(scheme: SignatureScheme) -> Result<Option<&'static dyn Signer>, KeyError> {
    let Some((_, kind, slot)) = KEYS.iter().find(|(own, ..)| *own == scheme) else { return Ok(None) };
    if let Some(key) = slot.get() {
        return Ok(Some(key));
    }
    let made = SoftwareKey::from_pkcs8(&SoftwareKey::generate(*kind, &SystemRandom::new())?)?;
    // Two threads may both have made one; the first stays.
    Ok(Some(slot.get_or_init(|| made)))
}

static KEYS: [(SignatureScheme, KeyKind, OnceLock<SoftwareKey>); 4] = [
    (SignatureScheme::EcdsaP256Sha256, KeyKind::P256, OnceLock::new()),
    (SignatureScheme::EcdsaP384Sha384, KeyKind::P384, OnceLock::new()),
    (SignatureScheme::Ed25519, KeyKind::Ed25519, OnceLock::new()),
    (SignatureScheme::Sm2Sm3, KeyKind::Sm2, OnceLock::new()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_of_ours_has_one_key_that_signs_by_it() {
        for (scheme, ..) in &KEYS {
            let key = throw_away(*scheme).unwrap().unwrap();
            let signature = key.sign(b"message").unwrap();
            assert_eq!(key.scheme(), *scheme);
            assert_eq!(crate::verify(key.public_key(), *scheme, b"message", &signature), Ok(()));
            assert_eq!(throw_away(*scheme).unwrap().unwrap().public_key(), key.public_key());
        }
        assert!(throw_away(SignatureScheme::RsaPkcs1Sha256).unwrap().is_none());
    }
}
