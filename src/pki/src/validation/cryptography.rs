//! Cryptographic constraints (EN 319 102-1 §4.1.4.3): until when which algorithm with which key proves something.
//!
//! Knows names, sizes and dates. Whether a signature verifies is `crypto`'s question; what follows from an end that has
//! passed is decided where it is asked.

use crypto::{DigestAlgorithm, SignatureScheme};
use serde::Serialize;

use crate::asn1::{BIT_STRING, INTEGER, Reader, Rules, SEQUENCE};

/// Until when something is reliable. Ordered: what is reliable for longer is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "reliability", rename_all = "kebab-case")]
pub enum Reliability {
    /// It never was.
    Never,
    /// Before this time, Unix seconds.
    Until {
        /// The first second at which it is no longer reliable.
        until: i64,
    },
    /// No end is known.
    Open,
}

impl Reliability {
    /// Whether it was reliable at that time, Unix seconds.
    #[must_use]
    pub const fn holds_at(self, at: i64) -> bool {
        match self {
            Self::Never => false,
            Self::Until { until } => at < until,
            Self::Open => true,
        }
    }
}

/// Digest algorithms that a policy can speak of, whether or not they can be computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants' names are the algorithms'")]
pub enum DigestName {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sm3,
}

impl DigestName {
    const ALL: [(&'static str, Self); 7] = [
        ("md5", Self::Md5),
        ("sha1", Self::Sha1),
        ("sha224", Self::Sha224),
        ("sha256", Self::Sha256),
        ("sha384", Self::Sha384),
        ("sha512", Self::Sha512),
        ("sm3", Self::Sm3),
    ];

    /// Its name in policies and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, digest)| *digest)
    }

    pub(super) fn known() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }
}

impl From<DigestAlgorithm> for DigestName {
    fn from(digest: DigestAlgorithm) -> Self {
        match digest {
            DigestAlgorithm::Sha384 => Self::Sha384,
            DigestAlgorithm::Sha512 => Self::Sha512,
            DigestAlgorithm::Sm3 => Self::Sm3,
            _ => Self::Sha256,
        }
    }
}

/// Kinds of signature keys and what they are used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants' names are the algorithms'")]
pub enum KeyFamily {
    RsaPkcs1,
    RsaPss,
    Ecdsa,
    Eddsa,
    Sm2,
}

impl KeyFamily {
    const ALL: [(&'static str, Self); 5] = [
        ("rsa-pkcs1", Self::RsaPkcs1),
        ("rsa-pss", Self::RsaPss),
        ("ecdsa", Self::Ecdsa),
        ("eddsa", Self::Eddsa),
        ("sm2", Self::Sm2),
    ];

    /// Its name in policies and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, family)| *family)
    }

    pub(super) fn known() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }

    /// What a scheme's keys are.
    #[must_use]
    pub const fn of(scheme: SignatureScheme) -> Self {
        use SignatureScheme as S;
        match scheme {
            S::RsaPkcs1Sha256 | S::RsaPkcs1Sha384 | S::RsaPkcs1Sha512 => Self::RsaPkcs1,
            S::RsaPssSha256 | S::RsaPssSha384 | S::RsaPssSha512 | S::RsaPssSalted { .. } => Self::RsaPss,
            S::Ed25519 => Self::Eddsa,
            S::Sm2Sm3 => Self::Sm2,
            _ => Self::Ecdsa,
        }
    }
}

/// From how many bits on a key is reliable until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub bits: u32,
    pub reliable: Reliability,
}

/// The cryptographic constraints of a policy.
#[derive(Clone, Debug)]
pub struct Cryptography {
    digests: Vec<(DigestName, Reliability)>,
    // INVARIANT: steps grow in bits and never end earlier than the one before.
    keys: Vec<(KeyFamily, Vec<Step>)>,
}

impl Cryptography {
    pub(super) const fn new(
        digests: Vec<(DigestName, Reliability)>,
        keys: Vec<(KeyFamily, Vec<Step>)>,
    ) -> Self {
        Self { digests, keys }
    }

    /// Until when a digest algorithm is reliable.
    #[must_use]
    pub fn digest(&self, name: DigestName) -> Reliability {
        self.digests.iter().find(|(known, _)| *known == name).map_or(Reliability::Never, |(_, until)| *until)
    }

    /// Until when signatures by a key of that kind and size are reliable, the digest apart.
    #[must_use]
    pub fn key(&self, family: KeyFamily, bits: u32) -> Reliability {
        let steps = self.keys.iter().find(|(known, _)| *known == family).map(|(_, steps)| steps.as_slice());
        let fitting = steps.unwrap_or_default().iter().rev().find(|step| step.bits <= bits);
        fitting.map_or(Reliability::Never, |step| step.reliable)
    }

    /// Until when signatures of a scheme by the key in `spki` are reliable: the parts, the weakest last decides.
    pub(super) fn scheme(&self, scheme: SignatureScheme, spki: &[u8]) -> [Option<Algorithm>; 2] {
        let bits = key_bits(scheme, spki);
        let family = KeyFamily::of(scheme);
        let key = Algorithm { name: family.name(), bits: Some(bits), reliable: self.key(family, bits) };
        let digest = scheme.digest().map(|digest| {
            let digest = DigestName::from(digest);
            Algorithm { name: digest.name(), bits: None, reliable: self.digest(digest) }
        });
        [Some(key), digest]
    }
}

/// An algorithm as a policy judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Algorithm {
    pub name: &'static str,
    pub bits: Option<u32>,
    pub reliable: Reliability,
}

/// The key's size as TS 119 312 counts it; zero for one that cannot be read, which no policy takes.
fn key_bits(scheme: SignatureScheme, spki: &[u8]) -> u32 {
    use SignatureScheme as S;
    match scheme {
        S::EcdsaP256Sha256 | S::EcdsaP256Sha384 | S::EcdsaP256Sha512 | S::Sm2Sm3 => 256,
        S::EcdsaP384Sha256 | S::EcdsaP384Sha384 | S::EcdsaP384Sha512 => 384,
        S::Ed25519 => 255,
        _ => modulus_bits(spki).unwrap_or(0),
    }
}

/// SubjectPublicKeyInfo of an RSA key, for whatever padding → modulus bits.
fn modulus_bits(spki: &[u8]) -> Option<u32> {
    let mut fields = Reader::only(spki, Rules::Der, SEQUENCE).ok()?.reader();
    fields.expect(SEQUENCE).ok()?;
    let key = fields.expect(BIT_STRING).ok()?.aligned_bits().ok()?;
    let modulus = Reader::only(key, Rules::Der, SEQUENCE).ok()?.reader().expect(INTEGER).ok()?.content;
    let start = modulus.iter().position(|octet| *octet != 0)?;
    let digits = modulus.get(start..)?;
    let bits = digits.len() * 8 - digits.first()?.leading_zeros() as usize;
    u32::try_from(bits).ok()
}
