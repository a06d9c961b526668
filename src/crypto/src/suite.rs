//! Suites: named tables of algorithms that belong together.

use der::asn1::ObjectIdentifier;
use thiserror::Error;

use crate::{DigestAlgorithm, KeyKind, SignatureScheme};

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
    /// CMS content type of plain data.
    pub cms_data: ObjectIdentifier,
    /// CMS content type of signed data.
    pub cms_signed_data: ObjectIdentifier,
}

/// A configuration named a suite that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown suite `{name}`; known: international")]
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
        cms_data: ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1"),
        cms_signed_data: ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2"),
    };

    /// The suite of that name.
    ///
    /// # Errors
    /// [`UnknownSuite`] with the names that exist.
    pub fn by_name(name: &str) -> Result<&'static Self, UnknownSuite> {
        const ALL: &[Suite] = &[Suite::INTERNATIONAL];
        ALL.iter().find(|suite| suite.name == name).ok_or_else(|| UnknownSuite { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_found_by_name_only() {
        assert_eq!(Suite::by_name("international"), Ok(&Suite::INTERNATIONAL));
        assert!(Suite::by_name("International").is_err());
    }
}
