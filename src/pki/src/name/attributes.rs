//! Attribute types that subjects of ours are made of: their names, bounds and string types.

use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::syntax;
use crate::{
    asn1::{IA5_STRING, PRINTABLE_STRING, UTF8_STRING},
    oids,
};

/// An attribute type that certificates of ours may carry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AttributeType {
    pub oid: ObjectIdentifier,
    /// As X.520 and RFC 4519 name it.
    pub name: &'static str,
    /// Upper bound in characters (RFC 5280 appendix A.1; 256 where X.520 has none).
    pub bound: usize,
    /// The string type its value has.
    pub string: u8,
}

/// Why a text is not the value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ValueFault {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Longer than the upper bound.
    #[error("it has {found} characters, at most {bound} are allowed")]
    TooLong {
        /// Its length.
        found: usize,
        /// The bound (RFC 5280 appendix A.1).
        bound: usize,
    },
    /// CR, LF, NUL and other controls, characters that turn the direction of writing, and ones without a meaning.
    #[error("it holds the character U+{code:04X}, which is a control, invisible or unassigned")]
    Character {
        /// The code point.
        code: u32,
    },
    /// Outside the characters its string type has.
    #[error("it holds characters that its string type does not have")]
    StringType,
    /// countryName is two capital letters (ISO 3166-1).
    #[error("a country is two capital letters")]
    Country,
    /// White space at the ends or twice in a row: names that look alike differ.
    #[error("it begins or ends with white space, or has two in a row")]
    Space,
}

impl AttributeType {
    /// Whether `value` can stand in a certificate.
    pub(crate) fn check(&self, value: &str) -> Result<(), ValueFault> {
        let found = value.chars().count();
        if found == 0 {
            return Err(ValueFault::Empty);
        }
        if self.oid == oids::C {
            let country = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase());
            return if country { Ok(()) } else { Err(ValueFault::Country) };
        }
        if found > self.bound {
            return Err(ValueFault::TooLong { found, bound: self.bound });
        }
        if let Some(character) = value.chars().find(|character| syntax::is_treacherous(*character)) {
            return Err(ValueFault::Character { code: u32::from(character) });
        }
        let fits = match self.string {
            PRINTABLE_STRING => syntax::is_printable(value),
            IA5_STRING => value.is_ascii(),
            _ => true,
        };
        if !fits {
            return Err(ValueFault::StringType);
        }
        let mut before = ' ';
        for character in value.chars() {
            if character.is_whitespace() && before.is_whitespace() {
                return Err(ValueFault::Space);
            }
            before = character;
        }
        if before.is_whitespace() { Err(ValueFault::Space) } else { Ok(()) }
    }
}

/// The type of that name.
pub(crate) fn by_name(name: &str) -> Option<&'static AttributeType> {
    TYPES.iter().find(|known| known.name == name)
}

/// The type with that identifier.
pub(crate) fn by_oid(oid: ObjectIdentifier) -> Option<&'static AttributeType> {
    TYPES.iter().find(|known| known.oid == oid)
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|known| known.name)
}

const fn attribute(oid: ObjectIdentifier, name: &'static str, bound: usize, string: u8) -> AttributeType {
    AttributeType { oid, name, bound, string }
}

const TYPES: &[AttributeType] = &[
    attribute(oids::C, "C", 2, PRINTABLE_STRING),
    attribute(oids::ST, "ST", 128, UTF8_STRING),
    attribute(oids::L, "L", 128, UTF8_STRING),
    attribute(oids::STREET, "STREET", 256, UTF8_STRING),
    attribute(oids::O, "O", 64, UTF8_STRING),
    attribute(oids::ORGANIZATION_IDENTIFIER, "organizationIdentifier", 256, UTF8_STRING),
    attribute(oids::OU, "OU", 64, UTF8_STRING),
    attribute(oids::TITLE, "title", 64, UTF8_STRING),
    attribute(oids::GN, "GN", 256, UTF8_STRING),
    attribute(oids::SN, "SN", 256, UTF8_STRING),
    attribute(oids::CN, "CN", 64, UTF8_STRING),
    attribute(oids::SERIAL_NUMBER, "serialNumber", 64, PRINTABLE_STRING),
    attribute(oids::UID, "UID", 256, UTF8_STRING),
    attribute(oids::DC, "DC", 63, IA5_STRING),
    attribute(oids::EMAIL_ADDRESS, "emailAddress", 255, IA5_STRING),
];
