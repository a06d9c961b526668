//! Signing ready-made digests, for the one interface that hands in nothing else (CSC `signatures/signHash`, decision 16).
//!
//! Whoever signs a digest signs blind: it may be of any document, and for SM2 even of one that names another signer. So
//! this is a trait of its own that no [`Signer`](crate::Signer) turns into; `custody` opens it for keys made for that
//! usage, and nothing else makes one.

use der::{Decode, asn1::ObjectIdentifier};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use pkcs8::PrivateKeyInfoRef;

use crate::{KeyError, SignError, SignatureScheme, Signer, SoftwareKey, sm2};

/// Something that signs a digest of 32 octets with one key.
pub trait PrehashedSigner: Send + Sync {
    /// How it signs: the digest is of this scheme's algorithm.
    fn scheme(&self) -> SignatureScheme;

    /// The public key as DER SubjectPublicKeyInfo.
    fn public_key(&self) -> &[u8];

    /// Signs a digest: SHA-256 of the message for P-256, `e = SM3(ZA ‖ M)` for SM2. The value is DER, as
    /// [`Signer::sign`] gives it.
    ///
    /// # Errors
    /// [`SignError`] when the device or the key does not answer with a signature.
    fn sign_prehashed(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError>;
}

/// A private key in this process's memory that signs digests.
pub struct PrehashedKey {
    key: Key,
    scheme: SignatureScheme,
    public_key: Vec<u8>,
}

enum Key {
    // ring signs messages only.
    P256(p256::ecdsa::SigningKey),
    Sm2(sm2::SecretKey),
}

impl PrehashedKey {
    /// Opens a PKCS#8 DER private key (P-256 or SM2) as [`SoftwareKey::from_pkcs8`] does.
    ///
    /// # Errors
    /// [`KeyError::Malformed`], or [`KeyError::Unsupported`] for kinds that sign messages only.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let checked = SoftwareKey::from_pkcs8(der)?;
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| KeyError::Malformed)?;
        let inner = info.private_key.as_bytes();
        let scheme = checked.scheme();
        let key = match scheme {
            SignatureScheme::EcdsaP256Sha256 => {
                let key = p256::SecretKey::from_sec1_der(inner).map_err(|_| KeyError::Malformed)?;
                Key::P256(key.into())
            }
            SignatureScheme::Sm2Sm3 => Key::Sm2(sm2::SecretKey::from_ec_private_key(inner)?),
            _ => {
                let curve =
                    info.algorithm.parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
                return Err(KeyError::Unsupported { oid: curve.unwrap_or(info.algorithm.oid) });
            }
        };
        Ok(Self { key, scheme, public_key: checked.public_key().to_vec() })
    }
}

impl PrehashedSigner for PrehashedKey {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign_prehashed(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        match &self.key {
            Key::P256(key) => {
                let signature: p256::ecdsa::DerSignature =
                    key.sign_prehash(digest).map_err(|_| SignError::Failed)?;
                Ok(signature.as_bytes().to_vec())
            }
            Key::Sm2(key) => key.sign_digest(digest),
        }
    }
}

/// Shows the scheme only: never key material.
impl std::fmt::Debug for PrehashedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrehashedKey").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// `e = SM3(ZA ‖ M)`, what a caller of [`PrehashedSigner::sign_prehashed`] sends for an SM2 key, and for ECDSA the digest of
/// the message; `None` for schemes that no digest is signed with, or another kind of key than the scheme's.
#[must_use]
pub fn prehash(spki_der: &[u8], scheme: SignatureScheme, message: &[u8]) -> Option<[u8; 32]> {
    match scheme {
        SignatureScheme::EcdsaP256Sha256 => scheme.digest()?.digest(message).try_into().ok(),
        SignatureScheme::Sm2Sm3 => {
            let spki = spki::SubjectPublicKeyInfoRef::from_der(spki_der).ok()?;
            sm2::prehash(spki.subject_public_key.as_bytes()?, message)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;
    use crate::{KeyKind, verify};

    #[test]
    fn a_signed_digest_is_a_signature_of_its_message() {
        for kind in [KeyKind::P256, KeyKind::Sm2] {
            let document = SoftwareKey::generate(kind, &SystemRandom::new()).unwrap();
            let key = PrehashedKey::from_pkcs8(&document).unwrap();
            let signer = SoftwareKey::from_pkcs8(&document).unwrap();
            assert_eq!((key.scheme(), key.public_key()), (signer.scheme(), signer.public_key()));
            let digest = prehash(key.public_key(), key.scheme(), b"message").unwrap();
            let signature = key.sign_prehashed(&digest).unwrap();
            assert_eq!(verify(key.public_key(), key.scheme(), b"message", &signature), Ok(()));
            assert!(verify(key.public_key(), key.scheme(), b"massage", &signature).is_err());
        }
    }

    #[test]
    fn kinds_that_sign_messages_only_are_refused() {
        for kind in [KeyKind::Ed25519, KeyKind::P384] {
            let document = SoftwareKey::generate(kind, &SystemRandom::new()).unwrap();
            let refused = PrehashedKey::from_pkcs8(&document).unwrap_err();
            assert!(matches!(refused, KeyError::Unsupported { .. }), "{kind:?}");
            let key = SoftwareKey::from_pkcs8(&document).unwrap();
            assert_eq!(prehash(key.public_key(), key.scheme(), b"m"), None);
        }
        assert!(PrehashedKey::from_pkcs8(b"").is_err());
    }

    #[test]
    fn debug_output_holds_no_key_material() {
        let document = SoftwareKey::generate(KeyKind::Sm2, &SystemRandom::new()).unwrap();
        let key = PrehashedKey::from_pkcs8(&document).unwrap();
        assert_eq!(format!("{key:?}"), "PrehashedKey { scheme: Sm2Sm3, .. }");
    }
}
