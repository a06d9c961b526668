//! Verifying signatures made by anyone: the closed set of schemes, keys checked before use.

use der::{Decode, asn1::UintRef};
use p256::ecdsa::{VerifyingKey, signature::hazmat::PrehashVerifier};
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};
use spki::SubjectPublicKeyInfoRef;
use thiserror::Error;

use crate::{DigestAlgorithm, SchemeError, SignatureScheme, scheme::KeyFamily, sm2};

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The SubjectPublicKeyInfo cannot be read.
    #[error("malformed public key")]
    MalformedKey,
    /// The key belongs to another scheme than the one asked for.
    #[error("public key does not fit the signature scheme")]
    KeyMismatch,
    /// An RSA key outside 2048-8192 bits (TS 119 312 §6.2; the upper bound limits the work an attacker can ask for).
    #[error("RSA key of {bits} bits is refused")]
    KeySize {
        /// Modulus length in bits.
        bits: usize,
    },
    /// The signature does not verify.
    #[error("signature does not verify")]
    BadSignature,
}

/// Verifies `signature` over `message` with a DER SubjectPublicKeyInfo.
///
/// # Errors
/// [`VerifyError`]; only [`VerifyError::BadSignature`] speaks about the signature itself.
pub fn verify(
    spki_der: &[u8],
    algorithm: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    use SignatureScheme as S;
    let family = KeyFamily::of(spki_der).map_err(|error| match error {
        SchemeError::MalformedKey => VerifyError::MalformedKey,
        _ => VerifyError::KeyMismatch,
    })?;
    let spki = SubjectPublicKeyInfoRef::from_der(spki_der).map_err(|_| VerifyError::MalformedKey)?;
    let key = spki.subject_public_key.as_bytes().ok_or(VerifyError::MalformedKey)?;
    let fits = match algorithm {
        S::EcdsaP256Sha256 | S::EcdsaP256Sha384 | S::EcdsaP256Sha512 => family == KeyFamily::P256,
        S::EcdsaP384Sha256 | S::EcdsaP384Sha384 | S::EcdsaP384Sha512 => family == KeyFamily::P384,
        S::RsaPkcs1Sha256 | S::RsaPkcs1Sha384 | S::RsaPkcs1Sha512 => family == KeyFamily::Rsa,
        S::RsaPssSha256 | S::RsaPssSha384 | S::RsaPssSha512 | S::RsaPssSalted { .. } => {
            matches!(family, KeyFamily::Rsa | KeyFamily::RsaPssOnly)
        }
        S::Ed25519 => family == KeyFamily::Ed25519,
        S::Sm2Sm3 => family == KeyFamily::Sm2,
    };
    if !fits {
        return Err(VerifyError::KeyMismatch);
    }
    if matches!(family, KeyFamily::Rsa | KeyFamily::RsaPssOnly) {
        check_rsa_size(key)?;
    }
    let ring: &'static dyn VerificationAlgorithm = match algorithm {
        S::EcdsaP256Sha256 => &ring_signature::ECDSA_P256_SHA256_ASN1,
        S::EcdsaP256Sha384 => &ring_signature::ECDSA_P256_SHA384_ASN1,
        S::EcdsaP384Sha256 => &ring_signature::ECDSA_P384_SHA256_ASN1,
        S::EcdsaP384Sha384 => &ring_signature::ECDSA_P384_SHA384_ASN1,
        S::RsaPkcs1Sha256 => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
        S::RsaPkcs1Sha384 => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
        S::RsaPkcs1Sha512 => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
        S::RsaPssSha256 => &ring_signature::RSA_PSS_2048_8192_SHA256,
        S::RsaPssSha384 => &ring_signature::RSA_PSS_2048_8192_SHA384,
        S::RsaPssSha512 => &ring_signature::RSA_PSS_2048_8192_SHA512,
        S::Ed25519 => &ring_signature::ED25519,
        S::EcdsaP256Sha512 => return verify_p256_sha512(key, message, signature),
        S::EcdsaP384Sha512 => return verify_p384_sha512(key, message, signature),
        S::Sm2Sm3 => return sm2::verify(key, message, signature),
        S::RsaPssSalted { digest, salt } => return verify_pss(key, digest, salt, message, signature),
    };
    UnparsedPublicKey::new(ring, key).verify(message, signature).map_err(|_| VerifyError::BadSignature)
}

/// ring has no P-256 with SHA-512; the leftmost 256 bits of the digest are used (FIPS 186-5 §6.4).
fn verify_p256_sha512(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| VerifyError::MalformedKey)?;
    let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| VerifyError::BadSignature)?;
    key.verify_prehash(&DigestAlgorithm::Sha512.digest(message), &signature)
        .map_err(|_| VerifyError::BadSignature)
}

/// Nor P-384 with SHA-512, truncated likewise.
fn verify_p384_sha512(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(|_| VerifyError::MalformedKey)?;
    let signature = p384::ecdsa::Signature::from_der(signature).map_err(|_| VerifyError::BadSignature)?;
    key.verify_prehash(&DigestAlgorithm::Sha512.digest(message), &signature)
        .map_err(|_| VerifyError::BadSignature)
}

/// ring fixes the salt's length at the digest's; HACL*, proven correct, does not.
fn verify_pss(
    key: &[u8],
    digest: DigestAlgorithm,
    salt: u16,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let digest = match digest {
        DigestAlgorithm::Sha256 => libcrux_rsa::DigestAlgorithm::Sha2_256,
        DigestAlgorithm::Sha384 => libcrux_rsa::DigestAlgorithm::Sha2_384,
        DigestAlgorithm::Sha512 => libcrux_rsa::DigestAlgorithm::Sha2_512,
        // Reading an identifier gives no such scheme: RSASSA-PSS is not defined with it.
        DigestAlgorithm::Sm3 => return Err(VerifyError::KeyMismatch),
    };
    let modulus = usual_modulus(key).ok_or(VerifyError::MalformedKey)?;
    let key = libcrux_rsa::VarLenPublicKey::try_from(modulus).map_err(|_| VerifyError::MalformedKey)?;
    libcrux_rsa::verify(digest, &key, message, u32::from(salt), signature)
        .map_err(|_| VerifyError::BadSignature)
}

/// Whether a signature by this key can be verified whatever the length of its salt.
pub(crate) fn takes_any_salt(spki_der: &[u8]) -> bool {
    let spki = SubjectPublicKeyInfoRef::from_der(spki_der).ok();
    spki.and_then(|spki| usual_modulus(spki.subject_public_key.as_bytes()?)).is_some()
}

/// The modulus of a key of 2048, 3072, 4096, 6144 or 8192 bits with exponent 65537.
fn usual_modulus(key: &[u8]) -> Option<&[u8]> {
    let fields = Vec::<UintRef<'_>>::from_der(key).ok()?;
    let [modulus, exponent] = fields.as_slice() else { return None };
    let (modulus, exponent) = (modulus.as_bytes(), exponent.as_bytes());
    let full = modulus.first().is_some_and(|first| *first >= 0x80);
    let odd = modulus.last().is_some_and(|last| last & 1 == 1);
    (full && odd && matches!(modulus.len(), 256 | 384 | 512 | 768 | 1024) && exponent == [1, 0, 1])
        .then_some(modulus)
}

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 appendix A.1.1).
fn check_rsa_size(key: &[u8]) -> Result<(), VerifyError> {
    let fields = Vec::<UintRef<'_>>::from_der(key).map_err(|_| VerifyError::MalformedKey)?;
    let [modulus, _exponent] = fields.as_slice() else { return Err(VerifyError::MalformedKey) };
    let bytes = modulus.as_bytes();
    let leading = bytes.first().map_or(8, |first| first.leading_zeros() as usize);
    let bits = (bytes.len() * 8).saturating_sub(leading);
    if (2048..=8192).contains(&bits) { Ok(()) } else { Err(VerifyError::KeySize { bits }) }
}
