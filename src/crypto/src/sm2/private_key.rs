//! SM2 private keys as PKCS#8 carries them.
//!
//! ECPrivateKey ::= SEQUENCE { version INTEGER { ecPrivkeyVer1(1) }, privateKey OCTET STRING,
//! parameters [0] ECParameters OPTIONAL, publicKey [1] BIT STRING OPTIONAL } (RFC 5915 §3)

use der::{
    Decode, Sequence,
    asn1::{BitStringRef, ObjectIdentifier, OctetStringRef},
};
use zeroize::Zeroizing;

use crate::KeyError;

#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

/// What such a key says, unchecked.
pub(super) struct Stated {
    /// The secret number, big-endian.
    pub(super) secret: Zeroizing<[u8; 32]>,
    /// The public half, when it is there: an uncompressed point.
    pub(super) point: Option<[u8; 65]>,
}

/// Reads an ECPrivateKey.
pub(super) fn read(der: &[u8]) -> Result<Stated, KeyError> {
    let key = EcPrivateKey::from_der(der).map_err(|_| KeyError::Malformed)?;
    if key.version != 1 || key.parameters.is_some_and(|curve| curve != super::CURVE) {
        return Err(KeyError::Malformed);
    }
    let stated = <&[u8; 32]>::try_from(key.private_key.as_bytes()).map_err(|_| KeyError::Malformed)?;
    // Written where it stays: a copy of the number on the stack would be wiped by nobody.
    let mut secret = Zeroizing::new([0; 32]);
    secret.copy_from_slice(stated);
    let point = match key.public_key {
        None => None,
        Some(bits) => {
            let point = bits.as_bytes().and_then(|point| point.try_into().ok());
            Some(point.ok_or(KeyError::Malformed)?)
        }
    };
    Ok(Stated { secret, point })
}

/// The whole PKCS#8 document, in the one shape ring and OpenSSL give keys of this size.
pub(super) fn write(secret: &[u8; 32], point: &[u8; 65]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(138));
    for part in [BEFORE_SECRET, secret, BEFORE_POINT, point] {
        out.extend_from_slice(part);
    }
    out
}

/// PrivateKeyInfo { 0, { id-ecPublicKey, SM2 }, OCTET STRING around ECPrivateKey { 1, OCTET STRING of 32 octets
const BEFORE_SECRET: &[u8] = &[
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
    0x06, 0x08, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D, 0x04, 0x6D, 0x30, 0x6B, 0x02, 0x01, 0x01,
    0x04, 0x20,
];
/// [1] BIT STRING of 65 octets.
const BEFORE_POINT: &[u8] = &[0xA1, 0x44, 0x03, 0x42, 0x00];
