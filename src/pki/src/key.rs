//! Public keys that a certificate may hold: read, named and judged.
//!
//! One table of algorithms; profiles, requests and lints all go by it, so a new suite is one more row. Whether a point
//! lies on its curve shows when the proof of possession is verified (`request`).

use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use crate::{
    asn1::{self, BIT_STRING, INTEGER, NULL, Reader, Rules, SEQUENCE},
    extensions::KeyUsage,
    oids,
};

/// What a profile can ask of a key; RSA by its smallest modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// NIST P-256 (RFC 5480).
    P256,
    /// NIST P-384 (RFC 5480).
    P384,
    /// SM2 on its recommended curve (GB/T 32918.5, GB/T 35276 §7.1).
    Sm2,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// RSA with at least that many bits (RFC 8017).
    Rsa {
        /// Modulus length.
        bits: usize,
    },
}

/// A public key whose encoding is sound and whose size is accepted.
// INVARIANT: made only by `from_spki`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
}

/// Why a public key is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// Not a SubjectPublicKeyInfo of its algorithm's shape.
    #[error("malformed public key")]
    Malformed,
    /// An algorithm or curve that no certificate of ours may hold.
    #[error("public keys of algorithm {oid} are not accepted")]
    Unsupported {
        /// The algorithm or the curve.
        oid: ObjectIdentifier,
    },
    /// A modulus outside 2048-8192 bits (TS 119 312 §6.2; the upper bound limits the work of everyone who verifies).
    #[error("RSA key of {bits} bits; 2048 to 8192 are accepted")]
    RsaSize {
        /// Modulus length.
        bits: usize,
    },
    /// An even modulus has the factor two.
    #[error("RSA modulus is even")]
    RsaModulusEven,
    /// NIST SP 800-56B §6.2.1.2: odd, above 2^16, below 2^256.
    #[error("RSA exponent must be odd, at least 65537 and below 2^256")]
    RsaExponent,
    /// A point at infinity, a compressed point or one of the wrong length (RFC 5480 §2.2: uncompressed is what all read).
    #[error("elliptic curve point is not in uncompressed form or has the wrong length")]
    Point,
    /// A point of small order: signatures verify for any message (RFC 8032 §8.9, "contributory" keys).
    #[error("Ed25519 key is of small order")]
    SmallOrder,
}

impl KeyAlgorithm {
    /// The algorithm of that name in profiles.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// Every name that profiles know.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// Whether a key of this algorithm is one that `wanted` asks for.
    #[must_use]
    pub fn meets(self, wanted: Self) -> bool {
        match (self, wanted) {
            (Self::Rsa { bits }, Self::Rsa { bits: least }) => bits >= least,
            (own, wanted) => own == wanted,
        }
    }

    /// The keyUsage bits a key of this algorithm can have at all (RFC 3279 §2.3, RFC 5480 §3, RFC 8410 §5).
    #[must_use]
    pub const fn usable_for(self) -> KeyUsage {
        let signs = KeyUsage::DIGITAL_SIGNATURE
            .and(KeyUsage::NON_REPUDIATION)
            .and(KeyUsage::KEY_CERT_SIGN)
            .and(KeyUsage::CRL_SIGN);
        match self {
            Self::Ed25519 => signs,
            Self::P256 | Self::P384 | Self::Sm2 => {
                signs.and(KeyUsage::KEY_AGREEMENT).and(KeyUsage::ENCIPHER_ONLY).and(KeyUsage::DECIPHER_ONLY)
            }
            Self::Rsa { .. } => signs.and(KeyUsage::KEY_ENCIPHERMENT).and(KeyUsage::DATA_ENCIPHERMENT),
        }
    }
}

impl std::fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::P256 => f.write_str("p256"),
            Self::P384 => f.write_str("p384"),
            Self::Sm2 => f.write_str("sm2"),
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Rsa { bits } => write!(f, "rsa-{bits}"),
        }
    }
}

impl PublicKey {
    /// Reads and judges a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyFault> {
        let malformed = |_| KeyFault::Malformed;
        let mut fields = Reader::only(spki, Rules::Der, SEQUENCE).map_err(malformed)?.reader();
        let mut algorithm = fields.expect(SEQUENCE).map_err(malformed)?.reader();
        let bits = fields.expect(BIT_STRING).map_err(malformed)?.aligned_bits().map_err(malformed)?;
        fields.finish().map_err(malformed)?;
        let oid = algorithm.expect(asn1::OID).map_err(malformed)?.oid().map_err(malformed)?;
        let named = match oid {
            oids::EC_PUBLIC_KEY => {
                // namedCurve alone: explicit parameters are forbidden (RFC 5480 §2.1.1) and an attack (CVE-2020-0601).
                let curve = algorithm.expect(asn1::OID).map_err(malformed)?.oid().map_err(malformed)?;
                let (named, length) = CURVES
                    .iter()
                    .find(|(oid, ..)| *oid == curve)
                    .map(|(_, named, length)| (*named, *length))
                    .ok_or(KeyFault::Unsupported { oid: curve })?;
                if bits.len() != length || bits.first() != Some(&0x04) {
                    return Err(KeyFault::Point);
                }
                named
            }
            oids::ED25519 => {
                if bits.len() != 32 {
                    return Err(KeyFault::Point);
                }
                if is_small_order(bits) {
                    return Err(KeyFault::SmallOrder);
                }
                KeyAlgorithm::Ed25519
            }
            oids::RSA_ENCRYPTION => {
                // RFC 3279 §2.3.1: parameters are NULL.
                algorithm.expect(NULL).map_err(malformed)?;
                KeyAlgorithm::Rsa { bits: rsa(bits)? }
            }
            oid => return Err(KeyFault::Unsupported { oid }),
        };
        algorithm.finish().map_err(malformed)?;
        Ok(Self { algorithm: named })
    }

    /// Its algorithm, for RSA with the key's own length.
    #[must_use]
    pub const fn algorithm(self) -> KeyAlgorithm {
        self.algorithm
    }
}

/// SubjectPublicKeyInfo → key identifier: the leftmost 160 bits of SHA-256 over the key bits (RFC 7093 §2, method 1).
#[must_use]
pub fn key_identifier(spki: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Reader::only(spki, Rules::Der, SEQUENCE).ok()?.reader();
    fields.expect(SEQUENCE).ok()?;
    let bits = fields.expect(BIT_STRING).ok()?.aligned_bits().ok()?;
    let mut digest = DigestAlgorithm::Sha256.digest(bits);
    digest.truncate(20);
    Some(digest)
}

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 appendix A.1.1) → modulus bits.
fn rsa(key: &[u8]) -> Result<usize, KeyFault> {
    let malformed = |_| KeyFault::Malformed;
    let mut fields = Reader::only(key, Rules::Der, SEQUENCE).map_err(malformed)?.reader();
    let mut number = || {
        let octets = fields.expect(INTEGER).and_then(|number| number.integer()).map_err(malformed)?;
        // Minimal and positive: a leading zero octet is the sign's, and goes.
        match octets {
            [first, ..] if *first >= 0x80 => Err(KeyFault::Malformed),
            [0, rest @ ..] => Ok(rest),
            octets => Ok(octets),
        }
    };
    let (modulus, exponent) = (number()?, number()?);
    fields.finish().map_err(malformed)?;
    let bits = bit_length(modulus);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyFault::RsaSize { bits });
    }
    if is_even(modulus) {
        return Err(KeyFault::RsaModulusEven);
    }
    if is_even(exponent) || !(17..=256).contains(&bit_length(exponent)) {
        return Err(KeyFault::RsaExponent);
    }
    Ok(bits)
}

fn bit_length(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |first| first.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(leading)
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|last| last.is_multiple_of(2))
}

/// The eight points of small order have y among five values; with either sign and in non-canonical forms they are what
/// is listed here (Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs", 2020, table 6).
fn is_small_order(key: &[u8]) -> bool {
    let mut y: Vec<u8> = key.to_vec();
    if let Some(last) = y.last_mut() {
        *last &= 0x7F;
    }
    SMALL_ORDER_Y.iter().any(|small| small.as_slice() == y)
}

const NAMES: &[(&str, KeyAlgorithm)] = &[
    ("p256", KeyAlgorithm::P256),
    ("p384", KeyAlgorithm::P384),
    ("sm2", KeyAlgorithm::Sm2),
    ("ed25519", KeyAlgorithm::Ed25519),
    ("rsa-2048", KeyAlgorithm::Rsa { bits: 2048 }),
    ("rsa-3072", KeyAlgorithm::Rsa { bits: 3072 }),
    ("rsa-4096", KeyAlgorithm::Rsa { bits: 4096 }),
];

/// Curve, algorithm, octets of an uncompressed point.
const CURVES: &[(ObjectIdentifier, KeyAlgorithm, usize)] = &[
    (oids::SECP256R1, KeyAlgorithm::P256, 65),
    (oids::SECP384R1, KeyAlgorithm::P384, 97),
    (oids::SM2, KeyAlgorithm::Sm2, 65),
];

const fn little_endian(low: u8, rest: u8, high: u8) -> [u8; 32] {
    let mut out = [rest; 32];
    out[0] = low;
    out[31] = high;
    out
}

const SMALL_ORDER_Y: &[[u8; 32]] = &[
    // 0 and 1.
    little_endian(0, 0, 0),
    little_endian(1, 0, 0),
    // p - 1, p and p + 1 (p = 2^255 - 19).
    little_endian(0xEC, 0xFF, 0x7F),
    little_endian(0xED, 0xFF, 0x7F),
    little_endian(0xEE, 0xFF, 0x7F),
    // The two y of order eight.
    [
        0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0, 0xD5,
        0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
    ],
    [
        0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F, 0x2A,
        0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let key = asn1::join(SEQUENCE, &[asn1::unsigned(modulus), asn1::unsigned(exponent)]);
        let algorithm = asn1::join(SEQUENCE, &[asn1::oid(oids::RSA_ENCRYPTION), asn1::tlv(NULL, &[])]);
        asn1::join(SEQUENCE, &[algorithm, asn1::bit_string(&key)])
    }

    fn ec_spki(curve: ObjectIdentifier, point: &[u8]) -> Vec<u8> {
        let algorithm = asn1::join(SEQUENCE, &[asn1::oid(oids::EC_PUBLIC_KEY), asn1::oid(curve)]);
        asn1::join(SEQUENCE, &[algorithm, asn1::bit_string(point)])
    }

    fn ed25519_spki(key: &[u8]) -> Vec<u8> {
        asn1::join(SEQUENCE, &[asn1::tlv(SEQUENCE, &asn1::oid(oids::ED25519)), asn1::bit_string(key)])
    }

    #[test]
    fn rsa_keys_are_judged_by_length_parity_and_exponent() {
        let judge = |modulus: &[u8], exponent: &[u8]| PublicKey::from_spki(&rsa_spki(modulus, exponent));
        let algorithm = judge(&[0xFF; 256], &[1, 0, 1]).unwrap().algorithm();
        assert_eq!(algorithm, KeyAlgorithm::Rsa { bits: 2048 });
        assert!(algorithm.meets(KeyAlgorithm::by_name("rsa-2048").unwrap()));
        assert!(!algorithm.meets(KeyAlgorithm::by_name("rsa-3072").unwrap()));
        assert_eq!(judge(&[0x7F; 256], &[1, 0, 1]), Err(KeyFault::RsaSize { bits: 2047 }));
        assert_eq!(judge(&[0xFF; 1025], &[1, 0, 1]), Err(KeyFault::RsaSize { bits: 8200 }));
        assert_eq!(judge(&[0xFE; 256], &[1, 0, 1]), Err(KeyFault::RsaModulusEven));
        for exponent in [&[3][..], &[1, 0, 0], &[0xFF, 0xFF], &[], &[1; 33]] {
            assert_eq!(judge(&[0xFF; 256], exponent), Err(KeyFault::RsaExponent), "{exponent:?}");
        }
    }

    #[test]
    fn points_are_uncompressed_and_of_their_curve_s_length() {
        let point = |first: u8, length: usize| [&[first][..], &vec![7; length - 1]].concat();
        let judge =
            |curve, point: &[u8]| PublicKey::from_spki(&ec_spki(curve, point)).map(PublicKey::algorithm);
        assert_eq!(judge(oids::SECP256R1, &point(4, 65)), Ok(KeyAlgorithm::P256));
        assert_eq!(judge(oids::SECP384R1, &point(4, 97)), Ok(KeyAlgorithm::P384));
        assert_eq!(judge(oids::SM2, &point(4, 65)), Ok(KeyAlgorithm::Sm2));
        assert_eq!(judge(oids::SM2, &point(3, 33)), Err(KeyFault::Point));
        assert_eq!(judge(oids::SECP256R1, &point(2, 33)), Err(KeyFault::Point));
        assert_eq!(judge(oids::SECP256R1, &point(4, 97)), Err(KeyFault::Point));
        assert_eq!(judge(oids::SECP256R1, &[0]), Err(KeyFault::Point));
        let secp256k1 = ObjectIdentifier::new_unwrap("1.3.132.0.10");
        assert_eq!(judge(secp256k1, &point(4, 65)), Err(KeyFault::Unsupported { oid: secp256k1 }));
    }

    #[test]
    fn ed25519_points_of_small_order_are_refused_with_either_sign() {
        assert!(PublicKey::from_spki(&ed25519_spki(&[9; 32])).is_ok());
        for small in SMALL_ORDER_Y {
            let mut key = *small;
            assert_eq!(PublicKey::from_spki(&ed25519_spki(&key)), Err(KeyFault::SmallOrder));
            key[31] |= 0x80;
            assert_eq!(PublicKey::from_spki(&ed25519_spki(&key)), Err(KeyFault::SmallOrder));
        }
        assert_eq!(PublicKey::from_spki(&ed25519_spki(&[9; 31])), Err(KeyFault::Point));
    }

    #[test]
    fn names_and_algorithms_are_one_table() {
        for (name, algorithm) in NAMES {
            assert_eq!(algorithm.to_string(), *name);
            assert_eq!(KeyAlgorithm::by_name(name), Some(*algorithm));
        }
        assert_eq!(KeyAlgorithm::by_name("rsa-1024"), None);
    }
}
