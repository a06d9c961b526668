//! Digest algorithms, by name and by object identifier.

use der::asn1::ObjectIdentifier;
use sm3::{Digest as _, Sm3};
use thiserror::Error;

/// A digest algorithm Cinnabar accepts. SHA-1 and MD5 are recognised by identifier so that a report can name them,
/// and refused ([`DigestError::Refused`]): ETSI TS 119 312 allows neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
    /// SM3 (GB/T 32905).
    Sm3,
}

/// Why an object identifier does not name a usable digest algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DigestError {
    /// A known algorithm whose collisions make it worthless for signatures.
    #[error("digest algorithm {name} is broken and refused")]
    Refused {
        /// `SHA-1`, `MD5`, …
        name: &'static str,
    },
    /// An algorithm this build cannot compute; what was signed with it is neither valid nor broken to us.
    #[error("unknown digest algorithm {oid}")]
    Unknown {
        /// The identifier as found.
        oid: ObjectIdentifier,
    },
}

impl DigestAlgorithm {
    /// The algorithm's object identifier (NIST CSOR, RFC 5754 §2; GB/T 33560).
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => SHA256,
            Self::Sha384 => SHA384,
            Self::Sha512 => SHA512,
            Self::Sm3 => SM3,
        }
    }

    /// The algorithm an object identifier names.
    ///
    /// # Errors
    /// [`DigestError::Refused`] for broken algorithms, [`DigestError::Unknown`] for others.
    pub fn from_oid(oid: &ObjectIdentifier) -> Result<Self, DigestError> {
        match *oid {
            SHA256 => Ok(Self::Sha256),
            SHA384 => Ok(Self::Sha384),
            SHA512 => Ok(Self::Sha512),
            SM3 => Ok(Self::Sm3),
            SHA1 => Err(DigestError::Refused { name: "SHA-1" }),
            MD5 => Err(DigestError::Refused { name: "MD5" }),
            MD2 => Err(DigestError::Refused { name: "MD2" }),
            oid => Err(DigestError::Unknown { oid }),
        }
    }

    /// The usual name, as reports show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sm3 => "SM3",
        }
    }

    /// Digest length in octets.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 | Self::Sm3 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Digests `data` in one go.
    #[must_use]
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        match self.ring() {
            Some(ring) => ring::digest::digest(ring, data).as_ref().to_vec(),
            None => Sm3::digest(data).to_vec(),
        }
    }

    /// Starts an incremental digest.
    #[must_use]
    pub fn hasher(self) -> Hasher {
        let context = match self.ring() {
            Some(ring) => Context::Ring(ring::digest::Context::new(ring)),
            None => Context::Sm3(Sm3::new()),
        };
        Hasher { algorithm: self, context }
    }

    /// `None` for what ring does not compute.
    fn ring(self) -> Option<&'static ring::digest::Algorithm> {
        match self {
            Self::Sha256 => Some(&ring::digest::SHA256),
            Self::Sha384 => Some(&ring::digest::SHA384),
            Self::Sha512 => Some(&ring::digest::SHA512),
            Self::Sm3 => None,
        }
    }
}

/// An incremental digest over a message that need not be in memory at once.
#[derive(Clone)]
pub struct Hasher {
    algorithm: DigestAlgorithm,
    context: Context,
}

#[derive(Clone)]
enum Context {
    Ring(ring::digest::Context),
    Sm3(Sm3),
}

impl Hasher {
    /// The algorithm being computed.
    #[must_use]
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// Adds the next octets of the message.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.context {
            Context::Ring(context) => context.update(data),
            Context::Sm3(context) => context.update(data),
        }
    }

    /// The digest of all octets added.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.context {
            Context::Ring(context) => context.finish().as_ref().to_vec(),
            Context::Sm3(context) => context.finalize().to_vec(),
        }
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// SHA-1 as a short name for a public key or an issuer, which is how RFC 6960 §4.1.1 (CertID) and §4.2.1 (KeyHash) use
/// it. Nothing signed or trusted may rest on it: a collision here makes two names equal, and whoever looks one up
/// compares the whole issuer afterwards. That is why [`DigestAlgorithm`] has no such member.
#[must_use]
pub fn sha1_identifier(data: &[u8]) -> [u8; 20] {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, data);
    let mut out = [0; 20];
    out.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const MD5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.5");
const MD2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.2");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incremental_and_single_digests_agree_with_the_published_vector() {
        let mut hasher = DigestAlgorithm::Sha256.hasher();
        hasher.update(b"a");
        hasher.update(b"bc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(hasher.finish()), expected);
        assert_eq!(hex::encode(DigestAlgorithm::Sha256.digest(b"abc")), expected);
    }

    #[test]
    fn sm3_agrees_with_the_examples_of_its_standard() {
        // GB/T 32905 appendix A: `abc`, and 64 octets of `abcd` repeated.
        let examples: [(&[u8], &str); 2] = [
            (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
            (&b"abcd".repeat(16), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
        ];
        for (message, digest) in examples {
            assert_eq!(hex::encode(DigestAlgorithm::Sm3.digest(message)), digest);
            let mut hasher = DigestAlgorithm::Sm3.hasher();
            message.chunks(5).for_each(|chunk| hasher.update(chunk));
            assert_eq!(hasher.algorithm(), DigestAlgorithm::Sm3);
            assert_eq!(hex::encode(hasher.finish()), digest);
        }
    }

    #[test]
    fn the_identifier_hash_agrees_with_the_published_vector() {
        assert_eq!(hex::encode(sha1_identifier(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn every_algorithm_is_found_again_by_its_identifier_and_has_its_length() {
        for algorithm in
            [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512, DigestAlgorithm::Sm3]
        {
            assert_eq!(DigestAlgorithm::from_oid(&algorithm.oid()), Ok(algorithm));
            assert_eq!(algorithm.digest(b"").len(), algorithm.output_len());
        }
    }

    #[test]
    fn broken_algorithms_are_named_and_refused() {
        assert_eq!(DigestAlgorithm::from_oid(&SHA1), Err(DigestError::Refused { name: "SHA-1" }));
        assert_eq!(DigestAlgorithm::from_oid(&MD5), Err(DigestError::Refused { name: "MD5" }));
        let streebog = ObjectIdentifier::new_unwrap("1.2.643.7.1.1.2.2");
        assert_eq!(DigestAlgorithm::from_oid(&streebog), Err(DigestError::Unknown { oid: streebog }));
    }
}
