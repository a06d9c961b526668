//! Whether a seal lists a signer.

use crypto::DigestAlgorithm;

use crate::seal::{CertDigest, CertList, Seal};

/// Whether a certificate stands in the seal's list, byte for byte or by its digest. Names, keys and serial numbers do not
/// count.
pub(crate) fn is_listed(seal: &Seal, certificate: &[u8]) -> bool {
    match seal.cert_list() {
        CertList::Certificates(certificates) => {
            certificates.iter().flatten().any(|listed| listed.as_slice() == certificate)
        }
        CertList::Digests(digests) => digests.iter().any(|digest| names(digest, certificate)),
    }
}

/// Whether a digest is the certificate's. A type that names an algorithm binds it: a digest by another one does not count,
/// and neither do those that are broken. A type of the maker's own (the standard leaves it open) stands for SM3 or SHA-256,
/// the digests of 32 octets that the two suites have.
fn names(digest: &CertDigest, certificate: &[u8]) -> bool {
    match digest_named(&digest.kind) {
        Some(Named::Known(algorithm)) => algorithm.digest(certificate) == digest.value,
        Some(Named::Broken) => false,
        None => OPEN.iter().any(|algorithm| algorithm.digest(certificate) == digest.value),
    }
}

/// What a CertDigestObj's type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// An algorithm that counts.
    Known(DigestAlgorithm),
    /// One whose collisions make it worthless.
    Broken,
}

/// The algorithm that a type names: by its name in any spelling, or by its identifier.
pub(crate) fn digest_named(kind: &str) -> Option<Named> {
    let plain: String = kind
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_uppercase())
        .collect();
    if matches!(plain.as_str(), "SHA1" | "SHA" | "MD5" | "MD2" | "MD4") {
        return Some(Named::Broken);
    }
    if let Ok(id) = kind.trim().parse::<der::asn1::ObjectIdentifier>() {
        return match DigestAlgorithm::from_oid(&id) {
            Ok(algorithm) => Some(Named::Known(algorithm)),
            Err(crypto::DigestError::Refused { .. }) => Some(Named::Broken),
            Err(crypto::DigestError::Unknown { .. }) => None,
        };
    }
    let named = |algorithm: &DigestAlgorithm| {
        algorithm.name().chars().filter(char::is_ascii_alphanumeric).eq(plain.chars())
    };
    KNOWN.iter().find(|algorithm| named(algorithm)).copied().map(Named::Known)
}

const KNOWN: &[DigestAlgorithm] =
    &[DigestAlgorithm::Sm3, DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
const OPEN: &[DigestAlgorithm] = &[DigestAlgorithm::Sm3, DigestAlgorithm::Sha256];
