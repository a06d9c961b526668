//! Suites: named tables of algorithms that belong together.

use der::asn1::ObjectIdentifier;
use thiserror::Error;

use crate::{DigestAlgorithm, KeyKind, SignatureScheme, Symmetric, scheme::KeyFamily};

/// The parts a configuration chooses together by naming one suite; a verifier instead goes by algorithm identifiers.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// The name used in configuration.
    pub name: &'static str,
    /// Digest of documents, certificates and requests.
    pub digest: DigestAlgorithm,
    /// How its keys sign.
    pub signature: SignatureScheme,
    /// What kind of key to generate.
    pub key: KeyKind,
    /// How it seals and authenticates data with secret keys.
    pub symmetric: Symmetric,
    /// CMS content type of plain data.
    pub cms_data: ObjectIdentifier,
    /// CMS content type of signed data.
    pub cms_signed_data: ObjectIdentifier,
}

/// A configuration named a suite that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown suite `{name}`; known: international, shangmi")]
pub struct UnknownSuite {
    /// The name as given.
    pub name: String,
}

impl Suite {
    /// P-256 with SHA-256, RFC 5652 content types.
    pub const INTERNATIONAL: Self = Self {
        name: "international",
        digest: DigestAlgorithm::Sha256,
        signature: SignatureScheme::EcdsaP256Sha256,
        key: KeyKind::P256,
        symmetric: Symmetric::International,
        cms_data: ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1"),
        cms_signed_data: ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2"),
    };

    /// SM2 with SM3 (GB/T 32918, GB/T 32905), content types of GM/T 0010.
    pub const SHANGMI: Self = Self {
        name: "shangmi",
        digest: DigestAlgorithm::Sm3,
        signature: SignatureScheme::Sm2Sm3,
        key: KeyKind::Sm2,
        symmetric: Symmetric::ShangMi,
        cms_data: ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.1"),
        cms_signed_data: ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.2"),
    };

    /// Every suite there is.
    pub const ALL: &'static [Self] = &[Self::INTERNATIONAL, Self::SHANGMI];

    /// The suite of that name.
    ///
    /// # Errors
    /// [`UnknownSuite`] with the names that exist.
    pub fn by_name(name: &str) -> Result<&'static Self, UnknownSuite> {
        Self::ALL
            .iter()
            .find(|suite| suite.name == name)
            .ok_or_else(|| UnknownSuite { name: name.to_owned() })
    }

    /// The suite whose keys sign by that scheme; `None` for schemes that belong to no suite.
    #[must_use]
    pub fn of(scheme: SignatureScheme) -> Option<&'static Self> {
        Self::ALL.iter().find(|suite| suite.signature == scheme)
    }

    /// The suite that a public key (DER SubjectPublicKeyInfo) goes with: that whose keys are of its kind; the international
    /// one for kinds that no suite generates.
    #[must_use]
    pub fn of_key(spki_der: &[u8]) -> &'static Self {
        let family = KeyFamily::of(spki_der).ok();
        let own = Self::ALL.iter().find(|suite| family == Some(suite.key.into()));
        own.unwrap_or(&Self::INTERNATIONAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Signer, SoftwareKey};

    #[test]
    fn suites_are_found_by_name_only() {
        assert_eq!(Suite::by_name("international"), Ok(&Suite::INTERNATIONAL));
        assert_eq!(Suite::by_name("shangmi"), Ok(&Suite::SHANGMI));
        assert!(Suite::by_name("International").is_err());
        let error = Suite::by_name("x").unwrap_err().to_string();
        for suite in Suite::ALL {
            assert!(error.contains(suite.name), "{error}");
            assert_eq!(Suite::of(suite.signature), Some(suite));
        }
        assert_eq!(Suite::of(SignatureScheme::Ed25519), None);
    }

    #[test]
    fn every_key_goes_with_a_suite() {
        let random = ring::rand::SystemRandom::new();
        for (kind, suite) in [
            (KeyKind::P256, Suite::INTERNATIONAL),
            (KeyKind::P384, Suite::INTERNATIONAL),
            (KeyKind::Ed25519, Suite::INTERNATIONAL),
            (KeyKind::Sm2, Suite::SHANGMI),
        ] {
            let key = SoftwareKey::from_pkcs8(&SoftwareKey::generate(kind, &random).unwrap()).unwrap();
            assert_eq!(*Suite::of_key(key.public_key()), suite, "{kind:?}");
        }
        assert_eq!(*Suite::of_key(b"no key"), Suite::INTERNATIONAL);
    }
}
