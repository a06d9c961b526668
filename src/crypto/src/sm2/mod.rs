//! SM2 signatures with SM3 (GB/T 32918.2): keys, the signer's identity, signing and verifying.
//!
//! Responsible for everything about SM2 that `key` and `verify` hand on. Not responsible for identifiers (`scheme`) or
//! for what a signature means. Every signature binds the signer's identity: what is signed is
//! `e = SM3(ZA ‖ M)` with `ZA` over an identifier, the curve and the public key, and the identifier is the one that
//! certificates use (GB/T 35276 §10), `1234567812345678`.
//!
//! Numbers modulo the group's order are the `sm2` crate's. The curve itself is computed here (`field`, `point`,
//! `multiply`), because a table of the base point's multiples and one chain of doublings for two products make it several
//! times as fast; what it computes is compared with that crate's results in `tests`.

mod encoding;
mod field;
mod identity;
mod multiply;
mod point;
mod private_key;
#[cfg(test)]
mod tests;

use ::sm2::elliptic_curve::{PrimeField as _, ops::Reduce as _};
use ::sm2::{FieldBytes, Scalar};
use der::asn1::ObjectIdentifier;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{KeyError, SignError, VerifyError};
use encoding::{signature_der, signature_scalars};
use field::Element;
use identity::{DEFAULT_ID, digest, za};
use point::Affine;

/// A private key, ready to sign.
pub(crate) struct SecretKey {
    /// (1 + d)^-1 of the secret number d: all of it that signing needs.
    inverse: Zeroizing<Scalar>,
    point: [u8; 65],
    za: [u8; 32],
}

impl SecretKey {
    /// Makes a key from `random`, as PKCS#8 DER.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        for _ in 0..ATTEMPTS {
            let mut candidate = Zeroizing::new([0; 32]);
            random.fill(candidate.as_mut_slice()).map_err(|_| KeyError::Random)?;
            if let Some(key) = Self::of(&candidate) {
                return Ok(private_key::write(&candidate, &key.point));
            }
        }
        Err(KeyError::Random)
    }

    /// Opens an ECPrivateKey whose curve was seen to be SM2's; a public half in it must be the key's.
    pub(crate) fn from_ec_private_key(der: &[u8]) -> Result<Self, KeyError> {
        let stated = private_key::read(der)?;
        let key = Self::of(&stated.secret).ok_or(KeyError::Malformed)?;
        match stated.point {
            Some(point) if point != key.point => Err(KeyError::Malformed),
            _ => Ok(key),
        }
    }

    /// `None` unless the secret is in [1, n-2] (GB/T 32918.1 §6.1): with n-1 there is no inverse.
    fn of(secret: &[u8; 32]) -> Option<Self> {
        let mut number = scalar(secret)?;
        let inverse = (number + Scalar::ONE).invert().into_option().map(Zeroizing::new);
        number.zeroize();
        let point = multiply::base_secret(secret)?.to_bytes();
        Some(Self { inverse: inverse?, point, za: za(DEFAULT_ID, &point) })
    }

    /// The public key: the uncompressed point.
    pub(crate) const fn point(&self) -> &[u8; 65] {
        &self.point
    }

    /// Signs a message under the default identifier; DER.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_digest(&digest(&self.za, message))
    }

    /// Signs `e = SM3(ZA ‖ M)`; DER (GB/T 32918.2 §6.1, steps A3 to A7).
    pub(crate) fn sign_digest(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        for _ in 0..ATTEMPTS {
            let mut k = Zeroizing::new([0; 32]);
            random.fill(k.as_mut_slice()).map_err(|_| SignError::Failed)?;
            if let Some((r, s)) = self.attempt(digest, &k) {
                return Ok(signature_der(&r, &s));
            }
        }
        Err(SignError::Failed)
    }

    /// One attempt with the random number k; `None` when it must be made with another.
    fn attempt(&self, digest: &[u8; 32], k: &[u8; 32]) -> Option<([u8; 32], [u8; 32])> {
        let mut number = scalar(k)?;
        let x = multiply::base_secret(k)?.x.to_bytes();
        let r = reduced(digest) + reduced(&x);
        // s = (1 + d)^-1 (k - r d) = (1 + d)^-1 (k + r) - r. With k + r = 0 it is -r, which the standard refuses.
        let mut sum = number + r;
        let s = *self.inverse * sum - r;
        let refused = r.is_zero() | sum.is_zero() | s.is_zero();
        number.zeroize();
        sum.zeroize();
        (!bool::from(refused)).then(|| (r.to_bytes().into(), s.to_bytes().into()))
    }
}

/// Verifies a DER signature over a message under the default identifier.
pub(crate) fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let (bytes, point) = public_key(key)?;
    let digest = digest(&za(DEFAULT_ID, bytes), message);
    if is_signature(&point, &digest, signature) { Ok(()) } else { Err(VerifyError::BadSignature) }
}

/// A public key as certificates carry it: an uncompressed point of the curve (GB/T 35276 §7.1). Every such point has the
/// group's order, which is prime.
fn public_key(key: &[u8]) -> Result<(&[u8; 65], Affine), VerifyError> {
    let bytes = <&[u8; 65]>::try_from(key).map_err(|_| VerifyError::MalformedKey)?;
    Ok((bytes, Affine::from_bytes(bytes).ok_or(VerifyError::MalformedKey)?))
}

/// GB/T 32918.2 §7.1, steps B1, B2 and B5 to B7; everything here is public.
fn is_signature(key: &Affine, digest: &[u8; 32], signature: &[u8]) -> bool {
    let Some((r, s)) = signature_scalars(signature) else { return false };
    let (Some(r), Some(s)) = (scalar(&r), scalar(&s)) else { return false };
    let t = r + s;
    if bool::from(r.is_zero() | s.is_zero() | t.is_zero()) {
        return false;
    }
    let sum = multiply::joint(&s.to_bytes().into(), &t.to_bytes().into(), key);
    // r = e + x1 mod n: x1 is r - e, or n more where that is still below p.
    let wanted = (r - reduced(digest)).to_bytes().into();
    let Some(x) = Element::from_bytes(&wanted) else { return false };
    sum.has_x(&x) || (wanted < P_LESS_N && sum.has_x(&x.add(&N)))
}

/// `e = SM3(ZA ‖ M)` under the default identifier; `None` for what is no public key.
pub(crate) fn prehash(key: &[u8], message: &[u8]) -> Option<[u8; 32]> {
    let (bytes, _) = public_key(key).ok()?;
    Some(digest(&za(DEFAULT_ID, bytes), message))
}

/// The DER form of the bare `r ‖ s`; `None` when either is out of range.
pub(crate) fn raw_signature_der(raw: &[u8; 64]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_first_chunk::<32>()?;
    let s = s.try_into().ok()?;
    let zero = scalar(r)?.is_zero() | scalar(s)?.is_zero();
    (!bool::from(zero)).then(|| signature_der(r, s))
}

/// `None` for n and above.
fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    Scalar::from_repr(FieldBytes::from(*bytes)).into_option()
}

/// Any 256 bits modulo n.
fn reduced(bytes: &[u8; 32]) -> Scalar {
    Scalar::reduce(&FieldBytes::from(*bytes))
}

/// The recommended curve (GB/T 33560).
pub(crate) const CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// A random number is refused less than once in 2^31 times.
const ATTEMPTS: usize = 8;

/// The group's order n as an element of the field.
const N: Element = Element::from_limbs([
    0xE785_D89F_215B_19C3,
    0xABD9_208F_726E_CAD2,
    0x21C6_052A_53BB_F408,
    0x215B_19C2_7203_DF6C,
]);
/// p - n, big-endian.
const P_LESS_N: [u8; 32] = [
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x8D,
    0xFC, 0x20, 0x93, 0xDE, 0x39, 0xFA, 0xD5, 0xAC, 0x44, 0x0B, 0xF6, 0xC6, 0x2A, 0xBE, 0xDC,
];
