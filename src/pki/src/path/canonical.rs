//! Comparing names (RFC 5280 §7.1, RFC 4518): by what they say, not by how a CA encoded it.
//!
//! Two names are the same when their RDNs agree in order, each RDN's attributes in any order, strings whatever their type
//! after case folding, NFKC and compression of white space. Equal encodings are equal without any of that.

use unicode_normalization::UnicodeNormalization as _;

use crate::{
    asn1::{self, IA5_STRING, PRINTABLE_STRING, Reader, Rules, SEQUENCE, Tlv, UTF8_STRING},
    name::Name,
};

/// A name in a form in which equal names have equal octets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CanonicalName(Vec<Vec<u8>>);

impl CanonicalName {
    pub(crate) fn new(name: &Name) -> Self {
        let rdns =
            Reader::only(name.der(), Rules::Der, SEQUENCE).and_then(|name| name.reader().all(MAX_RDNS));
        Self(rdns.unwrap_or_default().iter().map(rdn).collect())
    }

    /// Whether `self` is `base` or lies below it (RFC 5280 §4.2.1.10, directoryName).
    pub(crate) fn is_within(&self, base: &Self) -> bool {
        self.0.starts_with(&base.0)
    }
}

/// A `Name` was checked when it was read, so whatever cannot be read here is not there.
fn rdn(rdn: &Tlv<'_>) -> Vec<u8> {
    let attributes = rdn.reader().all(MAX_RDNS).unwrap_or_default();
    let mut parts: Vec<_> = attributes
        .iter()
        .filter_map(|attribute| {
            let mut fields = attribute.reader();
            let kind = fields.next().ok()?;
            let value = fields.next().ok()?;
            let value = match string(&value) {
                Some(text) => asn1::tlv(UTF8_STRING, prepare(&text).as_bytes()),
                None => value.raw.to_vec(),
            };
            Some([kind.raw, &value].concat())
        })
        .collect();
    parts.sort_unstable();
    parts.concat()
}

/// The text of a string type; `None` for every other type, which is compared as it is.
fn string(value: &Tlv<'_>) -> Option<String> {
    let content = value.content;
    match value.tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING | NUMERIC_STRING | VISIBLE_STRING => {
            std::str::from_utf8(content).ok().map(ToOwned::to_owned)
        }
        // As Latin-1, as everyone reads it.
        TELETEX_STRING => Some(content.iter().copied().map(char::from).collect()),
        BMP_STRING if content.len().is_multiple_of(2) => {
            let units = content
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0_u16, |unit, byte| unit << 8 | u16::from(*byte)));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        UNIVERSAL_STRING if content.len().is_multiple_of(4) => content
            .chunks_exact(4)
            .map(|four| char::from_u32(four.iter().fold(0, |unit, byte| unit << 8 | u32::from(*byte))))
            .collect(),
        _ => None,
    }
}

/// RFC 4518 §2: map (case folded), normalise, and take insignificant space away.
fn prepare(text: &str) -> String {
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        let mapped = text.chars().filter(|character| !is_mapped_to_nothing(*character));
        mapped.flat_map(char::to_lowercase).nfkc().flat_map(char::to_lowercase).nfkc().collect()
    };
    let mut out = String::with_capacity(folded.len());
    for word in folded.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// RFC 4518 §2.2: soft hyphen, joiners, variation selectors, the object replacement character.
const fn is_mapped_to_nothing(character: char) -> bool {
    matches!(character, '\u{AD}' | '\u{34F}' | '\u{1806}' | '\u{180B}'..='\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFFC}')
}

const NUMERIC_STRING: u8 = 0x12;
const TELETEX_STRING: u8 = 0x14;
const VISIBLE_STRING: u8 = 0x1A;
const UNIVERSAL_STRING: u8 = 0x1C;
const BMP_STRING: u8 = 0x1E;

/// As [`Name`] bounds them.
const MAX_RDNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: u8, text: &[u8]) -> CanonicalName {
        let cn = asn1::oid(crate::oids::CN);
        let attribute = asn1::join(SEQUENCE, &[cn, asn1::tlv(tag, text)]);
        let name = asn1::tlv(SEQUENCE, &asn1::tlv(asn1::SET, &attribute));
        CanonicalName::new(&Name::from_der(&name).unwrap())
    }

    #[test]
    fn case_white_space_and_string_type_do_not_matter() {
        let plain = of(PRINTABLE_STRING, b"Good CA");
        for (tag, text) in [
            (UTF8_STRING, &b"good  ca"[..]),
            (PRINTABLE_STRING, b"  GOOD CA "),
            (IA5_STRING, b"Good CA"),
            (BMP_STRING, b"\0G\0o\0o\0d\0 \0C\0A"),
        ] {
            assert_eq!(of(tag, text), plain);
        }
        assert_ne!(of(UTF8_STRING, b"GoodCA"), plain);
        assert_eq!(of(UTF8_STRING, "ÉTAT ﬁ".as_bytes()), of(UTF8_STRING, "état fi".as_bytes()));
        assert_eq!(of(UTF8_STRING, "部门".as_bytes()), of(BMP_STRING, b"\x90\xe8\x95\xe8"));
    }

    #[test]
    fn what_is_no_string_is_compared_as_it_is() {
        assert_ne!(of(0x04, b"a"), of(0x04, b"A"));
        assert_ne!(of(0x04, b"a"), of(UTF8_STRING, b"a"));
    }
}
