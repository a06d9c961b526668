//! Keys and signatures in the bare form that devices speak (PKCS#11: points and `r ‖ s`), turned into what X.509 and
//! CMS carry. Called by `custody` for tokens; knows no device itself.

use p256::ecdsa::Signature;
use p256::elliptic_curve::sec1::FromSec1Point;

use crate::key::{ED25519_SPKI_PREFIX, P256_SPKI_PREFIX};
use crate::{KeyError, SignatureScheme, sm2};

/// DER `SubjectPublicKeyInfo` of a P-256 key given as its 65-octet uncompressed point (RFC 5480 §2).
///
/// # Errors
/// [`KeyError::Malformed`] when that is no point of the curve.
pub fn p256_public_key(point: &[u8]) -> Result<Vec<u8>, KeyError> {
    let uncompressed = point.len() == 65 && point.first() == Some(&0x04);
    match p256::Sec1Point::from_bytes(point).map(|point| p256::PublicKey::from_sec1_point(&point)) {
        Ok(key) if uncompressed && bool::from(key.is_some()) => Ok([P256_SPKI_PREFIX, point].concat()),
        _ => Err(KeyError::Malformed),
    }
}

/// DER `SubjectPublicKeyInfo` of an Ed25519 key given as its 32 octets (RFC 8410 §4).
///
/// # Errors
/// [`KeyError::Malformed`] for another length.
pub fn ed25519_public_key(key: &[u8]) -> Result<Vec<u8>, KeyError> {
    if key.len() == 32 { Ok([ED25519_SPKI_PREFIX, key].concat()) } else { Err(KeyError::Malformed) }
}

/// DER `Ecdsa-Sig-Value` of the 64 octets `r ‖ s` (RFC 5480 §2.2.3); `None` when they are no signature.
#[must_use]
pub fn ecdsa_p256_signature(raw: &[u8]) -> Option<Vec<u8>> {
    Signature::from_slice(raw).ok().map(|signature| signature.to_der().as_bytes().to_vec())
}

/// The DER form of a signature given as the bare 64 octets `r ‖ s`, as devices answer and as some seals carry it;
/// `None` for schemes without such a form and for numbers that are no signature. Whoever reads signatures asks for
/// this expressly: [`verify`](fn@crate::verify) takes DER alone.
#[must_use]
pub fn raw_signature_to_der(scheme: SignatureScheme, raw: &[u8; 64]) -> Option<Vec<u8>> {
    match scheme {
        SignatureScheme::EcdsaP256Sha256
        | SignatureScheme::EcdsaP256Sha384
        | SignatureScheme::EcdsaP256Sha512 => ecdsa_p256_signature(raw),
        SignatureScheme::Sm2Sm3 => sm2::raw_signature_der(raw),
        _ => None,
    }
}

/// The 64 octets `r ‖ s` of a DER `Ecdsa-Sig-Value` on P-256, as JOSE (RFC 7518 §3.4) and COSE (RFC 9053 §2.1) carry it; `None`
/// when it is none.
#[must_use]
pub fn der_signature_to_raw(der: &[u8]) -> Option<[u8; 64]> {
    Signature::from_der(der).ok().map(|signature| signature.to_bytes().into())
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer as _;

    use super::*;
    use crate::verify;

    #[test]
    fn bare_keys_and_signatures_become_what_verifies() {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let spki = p256_public_key(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
        let raw: Signature = key.sign(b"message");
        let signature = ecdsa_p256_signature(&raw.to_bytes()).unwrap();
        assert_eq!(der_signature_to_raw(&signature).unwrap()[..], raw.to_bytes()[..]);
        assert_eq!(der_signature_to_raw(&signature[1..]), None);
        verify(&spki, SignatureScheme::EcdsaP256Sha256, b"message", &signature).unwrap();
        assert_eq!(ed25519_public_key(&[1; 32]).unwrap().len(), 44);
    }

    #[test]
    fn what_is_no_key_or_signature_is_refused() {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let compressed = key.verifying_key().to_sec1_point(true);
        let mut off_curve = point.as_bytes().to_vec();
        off_curve[40] ^= 1;
        for wrong in [&[][..], &point.as_bytes()[1..], &off_curve, compressed.as_bytes()] {
            assert_eq!(p256_public_key(wrong), Err(KeyError::Malformed));
        }
        assert_eq!(ed25519_public_key(&[1; 31]), Err(KeyError::Malformed));
        for wrong in [&[0; 64][..], &[1; 63], &[0xff; 64]] {
            assert!(ecdsa_p256_signature(wrong).is_none());
        }
        for scheme in [SignatureScheme::EcdsaP256Sha256, SignatureScheme::Sm2Sm3] {
            assert!(raw_signature_to_der(scheme, &[1; 64]).is_some());
            for wrong in [[0; 64], [0xff; 64]] {
                assert!(raw_signature_to_der(scheme, &wrong).is_none());
            }
        }
        assert!(raw_signature_to_der(SignatureScheme::Ed25519, &[1; 64]).is_none());
    }
}
