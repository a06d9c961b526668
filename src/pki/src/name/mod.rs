//! Distinguished names: kept as the bytes they were, shown as text, and made for our own certificates.

pub(crate) mod attributes;
pub(crate) mod syntax;

use der::asn1::ObjectIdentifier;

pub use attributes::ValueFault;

use crate::{
    asn1::{self, Asn1Error, PRINTABLE_STRING, Reader, Rules, SEQUENCE, SET, UTF8_STRING},
    oids,
};

/// A distinguished name as it stands in a certificate: compared byte for byte, which RFC 5280 §7.1 allows and every
/// CA of ours guarantees by copying the issuer's bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    der: Vec<u8>,
}

impl Name {
    /// Reads a DER Name, checking its structure.
    ///
    /// # Errors
    /// [`Asn1Error`] when it is not a SEQUENCE OF SET OF AttributeTypeAndValue.
    pub fn from_der(der: &[u8]) -> Result<Self, Asn1Error> {
        let name = Reader::only(der, Rules::Der, SEQUENCE)?;
        for rdn in name.reader().all(MAX_ATTRIBUTES)? {
            if rdn.tag != SET || rdn.content.is_empty() {
                return Err(rdn.invalid("RelativeDistinguishedName"));
            }
            for attribute in rdn.reader().all(MAX_ATTRIBUTES)? {
                let mut fields = attribute.reader();
                fields.expect(asn1::OID)?.oid()?;
                fields.next()?;
                fields.finish()?;
            }
        }
        Ok(Self { der: der.to_vec() })
    }

    /// The exact encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// An empty name, as a certificate with only a subjectAltName has it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.der == [SEQUENCE, 0]
    }

    /// The attributes in encoded order.
    #[must_use]
    pub fn attributes(&self) -> Vec<(ObjectIdentifier, String)> {
        self.relative_names().into_iter().flatten().collect()
    }

    /// The first value of an attribute type.
    #[must_use]
    pub fn attribute(&self, kind: ObjectIdentifier) -> Option<String> {
        self.attributes().into_iter().find(|(oid, _)| *oid == kind).map(|(_, value)| value)
    }

    /// The common name.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        self.attribute(oids::CN)
    }

    /// The organization name.
    #[must_use]
    pub fn organization(&self) -> Option<String> {
        self.attribute(oids::O)
    }

    /// The organization identifier (X.520; for us the unified social credit code).
    #[must_use]
    pub fn organization_identifier(&self) -> Option<String> {
        self.attribute(oids::ORGANIZATION_IDENTIFIER)
    }

    fn relative_names(&self) -> Vec<Vec<(ObjectIdentifier, String)>> {
        let read = || -> Result<_, Asn1Error> {
            let mut names = Vec::new();
            for rdn in Reader::only(&self.der, Rules::Der, SEQUENCE)?.reader().all(MAX_ATTRIBUTES)? {
                let mut attributes = Vec::new();
                for attribute in rdn.reader().all(MAX_ATTRIBUTES)? {
                    let mut fields = attribute.reader();
                    let kind = fields.expect(asn1::OID)?.oid()?;
                    let value = fields.next()?;
                    attributes.push((kind, text(value.tag, value.content)));
                }
                names.push(attributes);
            }
            Ok(names)
        };
        read().unwrap_or_default()
    }
}

/// RFC 4514 order and escaping (last attribute first).
impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, rdn) in self.relative_names().iter().rev().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, (kind, value)) in rdn.iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                match SHORT_NAMES.iter().find(|(oid, _)| oid == kind) {
                    Some((_, short)) => write!(f, "{short}={}", escape(value))?,
                    None => write!(f, "{kind}={}", escape(value))?,
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Name({self})")
    }
}

/// A subject for a certificate of ours, in the order the attributes were added. Text is UTF8String (RFC 5280
/// §4.1.2.4), so Chinese names are themselves; country and serial number are PrintableString, as X.520 demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    attributes: Vec<(ObjectIdentifier, String)>,
    copied: Option<Name>,
}

impl Subject {
    /// A subject with a common name alone.
    #[must_use]
    pub fn common_name(name: impl Into<String>) -> Self {
        Self::default().with(oids::CN, name)
    }

    /// Adds countryName, two letters. Conventionally first.
    #[must_use]
    pub fn country(self, code: impl Into<String>) -> Self {
        self.with(oids::C, code)
    }

    /// Adds organizationName.
    #[must_use]
    pub fn organization(self, name: impl Into<String>) -> Self {
        self.with(oids::O, name)
    }

    /// Adds organizationalUnitName.
    #[must_use]
    pub fn organizational_unit(self, name: impl Into<String>) -> Self {
        self.with(oids::OU, name)
    }

    /// Adds organizationIdentifier (X.520; for us the unified social credit code).
    #[must_use]
    pub fn organization_identifier(self, code: impl Into<String>) -> Self {
        self.with(oids::ORGANIZATION_IDENTIFIER, code)
    }

    /// Adds a common name after other attributes.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.with(oids::CN, name)
    }

    /// Adds serialNumber.
    #[must_use]
    pub fn serial_number(self, value: impl Into<String>) -> Self {
        self.with(oids::SERIAL_NUMBER, value)
    }

    /// Adds any attribute.
    #[must_use]
    pub fn with(mut self, kind: ObjectIdentifier, value: impl Into<String>) -> Self {
        self.attributes.push((kind, value.into()));
        self
    }

    /// A subject that is another certificate's, byte for byte: a cross-certificate chains by it.
    #[must_use]
    pub fn copied(name: Name) -> Self {
        Self { attributes: Vec::new(), copied: Some(name) }
    }

    pub(crate) fn as_copied(&self) -> Option<&Name> {
        self.copied.as_ref()
    }

    /// The attributes in order; none of a copied subject.
    #[must_use]
    pub fn attributes(&self) -> &[(ObjectIdentifier, String)] {
        &self.attributes
    }

    /// The first value of an attribute type.
    #[must_use]
    pub fn attribute(&self, kind: ObjectIdentifier) -> Option<&str> {
        self.attributes.iter().find(|(oid, _)| *oid == kind).map(|(_, value)| value.as_str())
    }

    /// The encoded name.
    #[must_use]
    pub fn to_name(&self) -> Name {
        if let Some(name) = &self.copied {
            return name.clone();
        }
        let rdns: Vec<_> = self
            .attributes
            .iter()
            .map(|(kind, value)| {
                let value = asn1::tlv(string_type(*kind, value), value.as_bytes());
                asn1::tlv(SET, &asn1::join(SEQUENCE, &[asn1::oid(*kind), value]))
            })
            .collect();
        Name { der: asn1::join(SEQUENCE, &rdns) }
    }
}

/// The string type an attribute's definition asks for; UTF8String where the value does not fit it, which a lint then
/// finds.
fn string_type(kind: ObjectIdentifier, value: &str) -> u8 {
    match attributes::by_oid(kind).map_or(UTF8_STRING, |known| known.string) {
        PRINTABLE_STRING if syntax::is_printable(value) => PRINTABLE_STRING,
        asn1::IA5_STRING if value.is_ascii() => asn1::IA5_STRING,
        _ => UTF8_STRING,
    }
}

/// A directory string as text; unknown string types become `#hex` (RFC 4514 §2.4).
fn text(tag: u8, content: &[u8]) -> String {
    match tag {
        UTF8_STRING | PRINTABLE_STRING | asn1::IA5_STRING | 0x12 => {
            String::from_utf8_lossy(content).into_owned()
        }
        // TeletexString is read as Latin-1, as everyone does.
        0x14 => content.iter().copied().map(char::from).collect(),
        // BMPString.
        0x1E if content.len().is_multiple_of(2) => {
            let units = content
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        _ => content.iter().fold(String::from("#"), |hex, byte| format!("{hex}{byte:02x}")),
    }
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', character]),
            '#' if index == 0 => out.push_str("\\#"),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            control if control.is_control() => {
                for byte in control.to_string().bytes() {
                    out.push_str(&format!("\\{byte:02X}"));
                }
            }
            other => out.push(other),
        }
    }
    out
}

const SHORT_NAMES: &[(ObjectIdentifier, &str)] = &[
    (oids::CN, "CN"),
    (oids::SN, "SN"),
    (oids::SERIAL_NUMBER, "serialNumber"),
    (oids::C, "C"),
    (oids::L, "L"),
    (oids::ST, "ST"),
    (oids::STREET, "STREET"),
    (oids::O, "O"),
    (oids::OU, "OU"),
    (oids::TITLE, "title"),
    (oids::GN, "GN"),
    (oids::ORGANIZATION_IDENTIFIER, "organizationIdentifier"),
    (oids::DC, "DC"),
    (oids::UID, "UID"),
    (oids::EMAIL_ADDRESS, "emailAddress"),
];

/// Far above any real name; bounds the work on a hostile one.
const MAX_ATTRIBUTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_subject_survives_encoding_and_is_shown_in_rfc_4514_order() {
        let name = Subject::default()
            .country("CN")
            .organization("示例市行政审批局, 一")
            .named("部门审批专用章")
            .to_name();
        let read = Name::from_der(name.der()).unwrap();
        assert_eq!(read, name);
        assert_eq!(read.to_string(), "CN=部门审批专用章,O=示例市行政审批局\\, 一,C=CN");
        assert_eq!(read.common_name().as_deref(), Some("部门审批专用章"));
    }

    #[test]
    fn control_characters_and_edge_spaces_are_escaped() {
        let name = Subject::common_name(" #a\nb ").to_name();
        assert_eq!(name.to_string(), "CN=\\ #a\\0Ab\\ ");
        assert_eq!(Subject::common_name("#x").to_name().to_string(), "CN=\\#x");
    }

    #[test]
    fn a_name_with_an_empty_rdn_or_trailing_bytes_is_malformed() {
        assert!(Name::from_der(b"\x30\x02\x31\x00").is_err());
        assert!(Name::from_der(b"\x30\x00\x00").is_err());
        assert!(Name::from_der(b"\x30\x00").unwrap().is_empty());
    }
}
