//! Signature schemes and their `AlgorithmIdentifier` encodings.
//!
//! One variant names everything a verifier must know: key family, curve or padding, digest. An ECDSA identifier
//! (`ecdsa-with-SHA256`) does not name the curve and `rsaEncryption` does not name the digest, so reading one also
//! takes the public key and, for CMS, the digest algorithm.

use der::{
    Decode, Encode,
    asn1::{AnyRef, ContextSpecific, ObjectIdentifier},
};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use thiserror::Error;

use crate::{DigestAlgorithm, DigestError, KeyKind, sm2};

/// A complete signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variants' names are the schemes' names")]
pub enum SignatureScheme {
    EcdsaP256Sha256,
    EcdsaP256Sha384,
    EcdsaP256Sha512,
    EcdsaP384Sha256,
    EcdsaP384Sha384,
    EcdsaP384Sha512,
    RsaPkcs1Sha256,
    RsaPkcs1Sha384,
    RsaPkcs1Sha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
    /// RSASSA-PSS with a salt of another length than the digest's, as OpenSSL made them by default before 3.1.
    RsaPssSalted {
        digest: DigestAlgorithm,
        salt: u16,
    },
    Ed25519,
    /// SM2 with SM3 (GB/T 32918.2) and the default signer identifier.
    Sm2Sm3,
}

/// Why an `AlgorithmIdentifier` does not name a usable scheme.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemeError {
    /// The encoding is not what the algorithm's definition allows.
    #[error("malformed signature algorithm identifier")]
    Malformed,
    /// The public key's encoding cannot be read.
    #[error("malformed public key")]
    MalformedKey,
    /// An algorithm or key kind this build cannot verify; says nothing about the signature.
    #[error("unsupported signature algorithm {oid}")]
    Unsupported {
        /// What is not supported: the algorithm, the curve or the key type.
        oid: ObjectIdentifier,
    },
    /// RSASSA-PSS parameters outside the usual profile (MGF1 with the same digest), or a salt of another length than the
    /// digest's with a key of unusual size or exponent.
    #[error("unsupported RSASSA-PSS parameters")]
    UnsupportedParameters,
    /// A broken digest inside the scheme.
    #[error("signature algorithm uses {name}, which is broken and refused")]
    Refused {
        /// The digest's name.
        name: &'static str,
    },
    /// The algorithm names another key family than the key belongs to, or another digest than the CMS names.
    #[error("signature algorithm contradicts the key or the digest algorithm")]
    Contradiction,
}

impl SignatureScheme {
    /// The digest inside the scheme; `None` for Ed25519, which hashes as part of its own definition.
    #[must_use]
    pub const fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::EcdsaP256Sha256 | Self::EcdsaP384Sha256 | Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => {
                Some(DigestAlgorithm::Sha256)
            }
            Self::EcdsaP256Sha384 | Self::EcdsaP384Sha384 | Self::RsaPkcs1Sha384 | Self::RsaPssSha384 => {
                Some(DigestAlgorithm::Sha384)
            }
            Self::EcdsaP256Sha512 | Self::EcdsaP384Sha512 | Self::RsaPkcs1Sha512 | Self::RsaPssSha512 => {
                Some(DigestAlgorithm::Sha512)
            }
            Self::RsaPssSalted { digest, .. } => Some(digest),
            Self::Sm2Sm3 => Some(DigestAlgorithm::Sm3),
            Self::Ed25519 => None,
        }
    }

    /// The digest a CMS signature made with this scheme names in `digestAlgorithm` (RFC 8419 §3 asks for SHA-512
    /// with Ed25519).
    #[must_use]
    pub const fn cms_digest(self) -> DigestAlgorithm {
        match self.digest() {
            Some(digest) => digest,
            None => DigestAlgorithm::Sha512,
        }
    }

    /// The longest signature value the scheme can produce, in octets (for RSA: with the largest key accepted).
    #[must_use]
    pub const fn max_signature_len(self) -> usize {
        match self {
            // SEQUENCE of two INTEGERs of curve size plus one sign octet each.
            Self::EcdsaP256Sha256 | Self::EcdsaP256Sha384 | Self::EcdsaP256Sha512 | Self::Sm2Sm3 => 72,
            Self::EcdsaP384Sha256 | Self::EcdsaP384Sha384 | Self::EcdsaP384Sha512 => 104,
            Self::Ed25519 => 64,
            _ => 1024,
        }
    }

    /// The DER `AlgorithmIdentifier` as certificates, CRLs and requests carry it (RFC 5758 §3.2, RFC 4055 §3 and §5,
    /// RFC 8410 §3, GB/T 20518 §5.2.3.2).
    #[must_use]
    pub fn algorithm_identifier(self) -> Vec<u8> {
        let plain = |oid: ObjectIdentifier| tlv(0x30, &oid_tlv(oid));
        let with_null = |oid: ObjectIdentifier| tlv(0x30, &[&oid_tlv(oid)[..], &[0x05, 0x00]].concat());
        match self {
            Self::EcdsaP256Sha256 | Self::EcdsaP384Sha256 => plain(ECDSA_SHA256),
            Self::EcdsaP256Sha384 | Self::EcdsaP384Sha384 => plain(ECDSA_SHA384),
            Self::EcdsaP256Sha512 | Self::EcdsaP384Sha512 => plain(ECDSA_SHA512),
            Self::RsaPkcs1Sha256 => with_null(RSA_SHA256),
            Self::RsaPkcs1Sha384 => with_null(RSA_SHA384),
            Self::RsaPkcs1Sha512 => with_null(RSA_SHA512),
            Self::Ed25519 => plain(ED25519),
            Self::Sm2Sm3 => plain(SM2_SM3),
            Self::RsaPssSha256 | Self::RsaPssSha384 | Self::RsaPssSha512 | Self::RsaPssSalted { .. } => {
                let digest = self.cms_digest();
                let hash = with_null(digest.oid());
                let mgf = tlv(0x30, &[oid_tlv(MGF1), hash.clone()].concat());
                let salt = match self {
                    Self::RsaPssSalted { salt, .. } => salt,
                    _ => u16::try_from(digest.output_len()).unwrap_or(32),
                };
                // A minimal INTEGER (X.690 §8.3.2).
                let salt = match salt.to_be_bytes() {
                    [0, low @ 0..0x80] => vec![low],
                    [high @ 0..0x80, low] => vec![high, low],
                    [high, low] => vec![0, high, low],
                };
                let salt = tlv(0xA2, &tlv(0x02, &salt));
                let parameters = [tlv(0xA0, &hash), tlv(0xA1, &mgf), salt].concat();
                tlv(0x30, &[oid_tlv(RSA_PSS), tlv(0x30, &parameters)].concat())
            }
        }
    }

    /// The DER `AlgorithmIdentifier` as a CMS SignerInfo carries it in `signatureAlgorithm`: that of certificates, but
    /// for SM2, where GM/T 0010 names the signature alone and leaves the digest to `digestAlgorithm`.
    #[must_use]
    pub fn cms_algorithm_identifier(self) -> Vec<u8> {
        match self {
            Self::Sm2Sm3 => tlv(0x30, &oid_tlv(SM2_SIGN)),
            other => other.algorithm_identifier(),
        }
    }

    /// The object identifier alone, for structures that have no room for parameters (`signAlgID`, `signatureAlgID` of
    /// GB/T 38540); `None` for RSASSA-PSS, which says nothing without them.
    #[must_use]
    pub const fn signature_oid(self) -> Option<ObjectIdentifier> {
        match self {
            Self::EcdsaP256Sha256 | Self::EcdsaP384Sha256 => Some(ECDSA_SHA256),
            Self::EcdsaP256Sha384 | Self::EcdsaP384Sha384 => Some(ECDSA_SHA384),
            Self::EcdsaP256Sha512 | Self::EcdsaP384Sha512 => Some(ECDSA_SHA512),
            Self::RsaPkcs1Sha256 => Some(RSA_SHA256),
            Self::RsaPkcs1Sha384 => Some(RSA_SHA384),
            Self::RsaPkcs1Sha512 => Some(RSA_SHA512),
            Self::RsaPssSha256 | Self::RsaPssSha384 | Self::RsaPssSha512 | Self::RsaPssSalted { .. } => None,
            Self::Ed25519 => Some(ED25519),
            Self::Sm2Sm3 => Some(SM2_SM3),
        }
    }

    /// The scheme that a bare object identifier names together with the signer's key.
    ///
    /// # Errors
    /// As [`Self::from_algorithm`].
    pub fn from_oid(oid: ObjectIdentifier, spki_der: &[u8]) -> Result<Self, SchemeError> {
        Self::read(&tlv(0x30, &oid_tlv(oid)), None, spki_der)
    }

    /// Reads an `AlgorithmIdentifier` as certificates, CRLs and requests carry it.
    ///
    /// # Errors
    /// [`SchemeError::Unsupported`] and [`SchemeError::UnsupportedParameters`] mean "cannot be judged here"; every other
    /// variant means that the signature can never be valid.
    pub fn from_algorithm(algorithm_der: &[u8], spki_der: &[u8]) -> Result<Self, SchemeError> {
        Self::read(algorithm_der, None, spki_der)
    }

    /// Reads a CMS `signatureAlgorithm`, where a bare key algorithm (`rsaEncryption`) takes its digest from the
    /// SignerInfo's `digestAlgorithm` (RFC 3370 §3.2).
    ///
    /// # Errors
    /// As [`Self::from_algorithm`]; also [`SchemeError::Contradiction`] when the two digests differ.
    pub fn from_cms(
        algorithm_der: &[u8],
        digest: DigestAlgorithm,
        spki_der: &[u8],
    ) -> Result<Self, SchemeError> {
        let scheme = Self::read(algorithm_der, Some(digest), spki_der)?;
        match scheme.digest() {
            Some(own) if own != digest => Err(SchemeError::Contradiction),
            _ => Ok(scheme),
        }
    }

    fn read(
        algorithm_der: &[u8],
        cms_digest: Option<DigestAlgorithm>,
        spki_der: &[u8],
    ) -> Result<Self, SchemeError> {
        let algorithm =
            AlgorithmIdentifierRef::from_der(algorithm_der).map_err(|_| SchemeError::Malformed)?;
        let family = KeyFamily::of(spki_der)?;
        let no_parameters = || match algorithm.parameters {
            None => Ok(()),
            Some(_) => Err(SchemeError::Malformed),
        };
        // RFC 4055 §5: parameters MUST be NULL; absence is accepted as widely seen.
        let null_parameters = || match algorithm.parameters {
            None => Ok(()),
            Some(any) if any == AnyRef::NULL => Ok(()),
            Some(_) => Err(SchemeError::Malformed),
        };
        let digest = match algorithm.oid {
            ECDSA_SHA256 | RSA_SHA256 => Some(DigestAlgorithm::Sha256),
            ECDSA_SHA384 | RSA_SHA384 => Some(DigestAlgorithm::Sha384),
            ECDSA_SHA512 | RSA_SHA512 => Some(DigestAlgorithm::Sha512),
            ECDSA_SHA1 | RSA_SHA1 => return Err(SchemeError::Refused { name: "SHA-1" }),
            RSA_MD5 => return Err(SchemeError::Refused { name: "MD5" }),
            RSA_ENCRYPTION => cms_digest,
            _ => None,
        };
        match (algorithm.oid, digest) {
            (ECDSA_SHA256 | ECDSA_SHA384 | ECDSA_SHA512, Some(digest)) => {
                no_parameters()?;
                match (family, digest) {
                    (KeyFamily::P256, DigestAlgorithm::Sha256) => Ok(Self::EcdsaP256Sha256),
                    (KeyFamily::P256, DigestAlgorithm::Sha384) => Ok(Self::EcdsaP256Sha384),
                    (KeyFamily::P256, DigestAlgorithm::Sha512) => Ok(Self::EcdsaP256Sha512),
                    (KeyFamily::P384, DigestAlgorithm::Sha256) => Ok(Self::EcdsaP384Sha256),
                    (KeyFamily::P384, DigestAlgorithm::Sha384) => Ok(Self::EcdsaP384Sha384),
                    (KeyFamily::P384, DigestAlgorithm::Sha512) => Ok(Self::EcdsaP384Sha512),
                    // ECDSA can be done on that curve; nobody does.
                    (KeyFamily::Sm2, _) => Err(SchemeError::Unsupported { oid: sm2::CURVE }),
                    (KeyFamily::Other(oid), _) => Err(SchemeError::Unsupported { oid }),
                    _ => Err(SchemeError::Contradiction),
                }
            }
            (RSA_SHA256 | RSA_SHA384 | RSA_SHA512 | RSA_ENCRYPTION, Some(digest)) => {
                null_parameters()?;
                match (family, digest) {
                    (KeyFamily::Rsa, DigestAlgorithm::Sha256) => Ok(Self::RsaPkcs1Sha256),
                    (KeyFamily::Rsa, DigestAlgorithm::Sha384) => Ok(Self::RsaPkcs1Sha384),
                    (KeyFamily::Rsa, DigestAlgorithm::Sha512) => Ok(Self::RsaPkcs1Sha512),
                    (KeyFamily::Other(oid), _) => Err(SchemeError::Unsupported { oid }),
                    _ => Err(SchemeError::Contradiction),
                }
            }
            (RSA_PSS, _) => {
                let (digest, salt) = pss_parameters(algorithm.parameters)?;
                let usual = usize::from(salt) == digest.output_len();
                match (family, digest) {
                    (KeyFamily::Rsa | KeyFamily::RsaPssOnly, _) if !usual => {
                        if !crate::verify::takes_any_salt(spki_der) {
                            return Err(SchemeError::UnsupportedParameters);
                        }
                        Ok(Self::RsaPssSalted { digest, salt })
                    }
                    (KeyFamily::Rsa | KeyFamily::RsaPssOnly, DigestAlgorithm::Sha256) => {
                        Ok(Self::RsaPssSha256)
                    }
                    (KeyFamily::Rsa | KeyFamily::RsaPssOnly, DigestAlgorithm::Sha384) => {
                        Ok(Self::RsaPssSha384)
                    }
                    (KeyFamily::Rsa | KeyFamily::RsaPssOnly, DigestAlgorithm::Sha512) => {
                        Ok(Self::RsaPssSha512)
                    }
                    (KeyFamily::Other(oid), _) => Err(SchemeError::Unsupported { oid }),
                    _ => Err(SchemeError::Contradiction),
                }
            }
            (ED25519, _) => {
                no_parameters()?;
                match family {
                    KeyFamily::Ed25519 => Ok(Self::Ed25519),
                    KeyFamily::Other(oid) => Err(SchemeError::Unsupported { oid }),
                    _ => Err(SchemeError::Contradiction),
                }
            }
            (SM2_SM3 | SM2_SIGN, _) => {
                null_parameters()?;
                match (family, cms_digest) {
                    // Without SM3 the message's digest is not what SM2 is defined with.
                    (KeyFamily::Sm2, Some(digest)) if digest != DigestAlgorithm::Sm3 => {
                        Err(SchemeError::Contradiction)
                    }
                    (KeyFamily::Sm2, _) => Ok(Self::Sm2Sm3),
                    (KeyFamily::Other(oid), _) => Err(SchemeError::Unsupported { oid }),
                    _ => Err(SchemeError::Contradiction),
                }
            }
            (oid, _) => Err(SchemeError::Unsupported { oid }),
        }
    }
}

/// What a SubjectPublicKeyInfo holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFamily {
    P256,
    P384,
    Rsa,
    RsaPssOnly,
    Ed25519,
    Sm2,
    Other(ObjectIdentifier),
}

impl From<KeyKind> for KeyFamily {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::P256 => Self::P256,
            KeyKind::P384 => Self::P384,
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::Sm2 => Self::Sm2,
        }
    }
}

impl KeyFamily {
    pub(crate) fn of(spki_der: &[u8]) -> Result<Self, SchemeError> {
        let spki = SubjectPublicKeyInfoRef::from_der(spki_der).map_err(|_| SchemeError::MalformedKey)?;
        Ok(match spki.algorithm.oid {
            EC_PUBLIC_KEY => {
                let curve = spki.algorithm.parameters.ok_or(SchemeError::MalformedKey)?;
                match curve.decode_as::<ObjectIdentifier>() {
                    Ok(P256) => Self::P256,
                    Ok(P384) => Self::P384,
                    Ok(sm2::CURVE) => Self::Sm2,
                    Ok(oid) => Self::Other(oid),
                    // Explicit curve parameters: forbidden by RFC 5480 §2.1.1 and a known attack (CVE-2020-0601).
                    Err(_) => return Err(SchemeError::MalformedKey),
                }
            }
            RSA_ENCRYPTION => Self::Rsa,
            RSA_PSS => Self::RsaPssOnly,
            ED25519 => Self::Ed25519,
            // Seen: the curve where the key's algorithm belongs.
            sm2::CURVE if spki.algorithm.parameters.is_none_or(|any| any == AnyRef::NULL) => Self::Sm2,
            oid => Self::Other(oid),
        })
    }
}

/// RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0], maskGenAlgorithm [1], saltLength [2], trailerField [3] }
/// (RFC 4055 §3.1); every default means SHA-1.
fn pss_parameters(parameters: Option<AnyRef<'_>>) -> Result<(DigestAlgorithm, u16), SchemeError> {
    let parameters = parameters.ok_or(SchemeError::Malformed)?;
    let malformed = |_| SchemeError::Malformed;
    let body = parameters.to_der().map_err(malformed)?;
    let fields = Vec::<AnyRef<'_>>::from_der(&body).map_err(malformed)?;
    let mut hash = None;
    let mut mask = None;
    let mut salt = 20_u32;
    for field in fields {
        let tag = field.to_der().map_err(malformed)?;
        match tag.first() {
            Some(0xA0) => {
                hash = Some(
                    ContextSpecific::<AlgorithmIdentifierRef<'_>>::from_der(&tag)
                        .map_err(malformed)?
                        .value
                        .oid,
                );
            }
            Some(0xA1) => {
                let mgf =
                    ContextSpecific::<AlgorithmIdentifierRef<'_>>::from_der(&tag).map_err(malformed)?.value;
                if mgf.oid != MGF1 {
                    return Err(SchemeError::UnsupportedParameters);
                }
                let inner = mgf.parameters.ok_or(SchemeError::Malformed)?;
                mask = Some(inner.decode_as::<AlgorithmIdentifierRef<'_>>().map_err(malformed)?.oid);
            }
            Some(0xA2) => salt = ContextSpecific::<u32>::from_der(&tag).map_err(malformed)?.value,
            Some(0xA3) => {
                if ContextSpecific::<u32>::from_der(&tag).map_err(malformed)?.value != 1 {
                    return Err(SchemeError::UnsupportedParameters);
                }
            }
            _ => return Err(SchemeError::Malformed),
        }
    }
    let hash = hash.ok_or(SchemeError::Refused { name: "SHA-1" })?;
    let digest = DigestAlgorithm::from_oid(&hash).map_err(|error| match error {
        DigestError::Refused { name } => SchemeError::Refused { name },
        DigestError::Unknown { oid } => SchemeError::Unsupported { oid },
    })?;
    if digest == DigestAlgorithm::Sm3 {
        return Err(SchemeError::UnsupportedParameters);
    }
    match u16::try_from(salt) {
        Ok(salt) if mask == Some(hash) => Ok((digest, salt)),
        _ => Err(SchemeError::UnsupportedParameters),
    }
}

fn oid_tlv(oid: ObjectIdentifier) -> Vec<u8> {
    tlv(0x06, oid.as_bytes())
}

/// Content here is always shorter than 128 octets, so the short length form is exact.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 2);
    out.push(tag);
    out.push(u8::try_from(content.len() & 0x7F).unwrap_or(0));
    out.extend_from_slice(content);
    out
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_MD5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");
const RSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// SM2-with-SM3, and the SM2 signature algorithm (GB/T 33560 §5).
const SM2_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
const SM2_SIGN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301.1");
