//! The [`Signer`] trait, and keys held in memory.
//!
//! [`SoftwareKey`] is what `custody` opens from its sealed files and what tests make. Randomness for key generation is
//! a parameter; ECDSA nonces come from the operating system, because a caller who could choose them could leak the key.

use der::{Decode, asn1::ObjectIdentifier};
use pkcs8::PrivateKeyInfoRef;
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    },
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{SignatureScheme, sm2};

/// Something that can sign messages with one key and one scheme: a software key, an HSM session, a remote service.
pub trait Signer: Send + Sync {
    /// How it signs.
    fn scheme(&self) -> SignatureScheme;

    /// The public key as DER SubjectPublicKeyInfo.
    fn public_key(&self) -> &[u8];

    /// Signs a message (never a digest). The value is encoded as X.509 and CMS carry it: ECDSA and SM2 as DER
    /// SEQUENCE of r and s.
    ///
    /// # Errors
    /// [`SignError`] when the device or the key does not answer with a signature.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// The longest signature this key can produce, in octets.
    fn max_signature_len(&self) -> usize {
        self.scheme().max_signature_len()
    }
}

/// Why no signature was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The primitive failed; ring says nothing more.
    #[error("signing failed")]
    Failed,
    /// The key's device refused.
    #[error("signing device: {reason}")]
    Device {
        /// What the device said.
        reason: String,
    },
    /// The key's device cannot be reached at present; the same call may succeed later.
    #[error("signing device: {reason}")]
    Unavailable {
        /// Why not.
        reason: String,
    },
}

/// The kinds of key this crate can generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// NIST P-256, signing with SHA-256.
    P256,
    /// NIST P-384, signing with SHA-384.
    P384,
    /// Ed25519 (the log's own key in every suite).
    Ed25519,
    /// SM2 on its recommended curve, signing with SM3.
    Sm2,
}

/// Why a private key could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not PKCS#8, or inconsistent inside.
    #[error("malformed PKCS#8 private key")]
    Malformed,
    /// A key kind that cannot sign here.
    #[error("unsupported private key algorithm {oid}")]
    Unsupported {
        /// The key's algorithm.
        oid: ObjectIdentifier,
    },
    /// The random source failed.
    #[error("random source failed")]
    Random,
}

/// A private key in this process's memory.
pub struct SoftwareKey {
    pair: Pair,
    spki: Vec<u8>,
}

enum Pair {
    Ecdsa { pair: EcdsaKeyPair, nonces: SystemRandom, scheme: SignatureScheme },
    Ed25519(Ed25519KeyPair),
    Sm2(sm2::SecretKey),
}

impl SoftwareKey {
    /// Makes a new key and returns it as PKCS#8 DER, which the caller seals or zeroizes.
    ///
    /// # Errors
    /// [`KeyError::Random`] when `random` fails.
    pub fn generate(kind: KeyKind, random: &dyn SecureRandom) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = match kind {
            KeyKind::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, random),
            KeyKind::P384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, random),
            KeyKind::Ed25519 => Ed25519KeyPair::generate_pkcs8(random),
            KeyKind::Sm2 => return sm2::SecretKey::generate(random),
        }
        .map_err(|_| KeyError::Random)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Opens a PKCS#8 DER private key (P-256, P-384, Ed25519 or SM2). The public half is checked against the private one.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] or [`KeyError::Unsupported`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| KeyError::Malformed)?;
        let curve = info.algorithm.parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        match (info.algorithm.oid, curve) {
            (EC_PUBLIC_KEY, Some(curve @ (P256 | P384))) => {
                let (algorithm, scheme, prefix) = if curve == P256 {
                    (&ECDSA_P256_SHA256_ASN1_SIGNING, SignatureScheme::EcdsaP256Sha256, P256_SPKI_PREFIX)
                } else {
                    (&ECDSA_P384_SHA384_ASN1_SIGNING, SignatureScheme::EcdsaP384Sha384, P384_SPKI_PREFIX)
                };
                let nonces = SystemRandom::new();
                let pair =
                    EcdsaKeyPair::from_pkcs8(algorithm, der, &nonces).map_err(|_| KeyError::Malformed)?;
                let spki = [prefix, pair.public_key().as_ref()].concat();
                Ok(Self { pair: Pair::Ecdsa { pair, nonces, scheme }, spki })
            }
            (ED25519, None) => {
                let pair =
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyError::Malformed)?;
                let spki = [ED25519_SPKI_PREFIX, pair.public_key().as_ref()].concat();
                Ok(Self { pair: Pair::Ed25519(pair), spki })
            }
            (EC_PUBLIC_KEY, Some(sm2::CURVE)) => {
                let key = sm2::SecretKey::from_ec_private_key(info.private_key.as_bytes())?;
                let spki = [SM2_SPKI_PREFIX, key.point()].concat();
                Ok(Self { pair: Pair::Sm2(key), spki })
            }
            (EC_PUBLIC_KEY, Some(oid)) | (oid, _) => Err(KeyError::Unsupported { oid }),
        }
    }

    /// The public key alone: the uncompressed point (P-256, P-384, SM2) or the 32-octet key (Ed25519).
    #[must_use]
    pub fn raw_public_key(&self) -> &[u8] {
        match &self.pair {
            Pair::Ecdsa { pair, .. } => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
            Pair::Sm2(key) => key.point(),
        }
    }
}

impl Signer for SoftwareKey {
    fn scheme(&self) -> SignatureScheme {
        match self.pair {
            Pair::Ecdsa { scheme, .. } => scheme,
            Pair::Ed25519(_) => SignatureScheme::Ed25519,
            Pair::Sm2(_) => SignatureScheme::Sm2Sm3,
        }
    }

    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.pair {
            Pair::Ecdsa { pair, nonces, .. } => {
                pair.sign(nonces, message).map(|s| s.as_ref().to_vec()).map_err(|_| SignError::Failed)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Sm2(key) => key.sign(message),
        }
    }
}

/// Shows the scheme only: never key material.
impl std::fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoftwareKey").field("scheme", &self.scheme()).finish_non_exhaustive()
    }
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING (65 octets follow) } (RFC 5480 §2).
pub(crate) const P256_SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86,
    0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// SEQUENCE { SEQUENCE { id-ecPublicKey, secp384r1 }, BIT STRING (97 octets follow) } (RFC 5480 §2).
const P384_SPKI_PREFIX: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING (32 octets follow) } (RFC 8410 §4).
pub(crate) const ED25519_SPKI_PREFIX: &[u8] =
    &[0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];
/// SEQUENCE { SEQUENCE { id-ecPublicKey, SM2 }, BIT STRING (65 octets follow) } (GB/T 35276 §7.1).
const SM2_SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x81,
    0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D, 0x03, 0x42, 0x00,
];
