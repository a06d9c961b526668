//! Reading and writing tag-length-value encodings without losing a byte of the original.
//!
//! The typed decoders of the `der` family re-encode what they read (a SET OF is silently re-sorted), so a signature
//! checked over their output is checked over something nobody signed. This reader only ever hands out slices of the
//! input. [`Rules::Der`] is strict; [`Rules::Ber`] additionally takes indefinite lengths and long length forms, which
//! real CMS producers write. No recursion: the only depth that exists is the caller's own.
//!
//! Used by every module of this crate; not for callers outside it.

use der::asn1::ObjectIdentifier;
use thiserror::Error;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0A;
pub(crate) const UTF8_STRING: u8 = 0x0C;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Which encoding rules the input must obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// X.690 §10-11: one encoding only.
    Der,
    /// X.690 §8: indefinite and padded lengths too.
    Ber,
}

/// Where and why an encoding cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Asn1Error {
    /// The input ends inside an element.
    #[error("truncated at offset {offset}")]
    Truncated {
        /// Offset of the element.
        offset: usize,
    },
    /// Bytes follow where the element must end.
    #[error("trailing data at offset {offset}")]
    TrailingData {
        /// Offset of the first such byte.
        offset: usize,
    },
    /// Another element was required here.
    #[error("expected tag {expected:#04x} at offset {offset}")]
    UnexpectedTag {
        /// The tag that should stand here.
        expected: u8,
        /// Offset of the element.
        offset: usize,
    },
    /// A tag or length in a form the rules forbid.
    #[error("invalid tag or length at offset {offset}")]
    InvalidHeader {
        /// Offset of the element.
        offset: usize,
    },
    /// The element's content is not what its type allows.
    #[error("invalid {what} at offset {offset}")]
    InvalidValue {
        /// The type's name.
        what: &'static str,
        /// Offset of the element.
        offset: usize,
    },
    /// More nesting or more elements than any honest input has.
    #[error("too many or too deeply nested elements at offset {offset}")]
    TooComplex {
        /// Offset of the element.
        offset: usize,
    },
}

/// One element: its tag, its whole encoding and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tlv<'a> {
    pub tag: u8,
    pub raw: &'a [u8],
    pub content: &'a [u8],
    /// Offset of `raw` in the outermost input.
    pub offset: usize,
    rules: Rules,
    content_offset: usize,
}

impl<'a> Tlv<'a> {
    /// Reads the content as a list of elements.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader { rest: self.content, offset: self.content_offset, rules: self.rules }
    }

    pub(crate) fn invalid(&self, what: &'static str) -> Asn1Error {
        Asn1Error::InvalidValue { what, offset: self.offset }
    }

    pub(crate) fn oid(&self) -> Result<ObjectIdentifier, Asn1Error> {
        ObjectIdentifier::from_bytes(self.content).map_err(|_| self.invalid("OBJECT IDENTIFIER"))
    }

    /// DER allows only 0x00 and 0xFF (X.690 §11.1).
    pub(crate) fn boolean(&self) -> Result<bool, Asn1Error> {
        match (self.content, self.rules) {
            ([0xFF], _) => Ok(true),
            ([0x00], _) => Ok(false),
            ([_], Rules::Ber) => Ok(true),
            _ => Err(self.invalid("BOOLEAN")),
        }
    }

    /// A minimally encoded INTEGER's content octets (X.690 §8.3.2), sign included.
    pub(crate) fn integer(&self) -> Result<&'a [u8], Asn1Error> {
        match self.content {
            [] => Err(self.invalid("INTEGER")),
            [0x00, second, ..] if *second < 0x80 => Err(self.invalid("INTEGER")),
            [0xFF, second, ..] if *second >= 0x80 => Err(self.invalid("INTEGER")),
            content => Ok(content),
        }
    }

    /// A small non-negative INTEGER.
    pub(crate) fn small(&self) -> Result<u32, Asn1Error> {
        let content = self.integer()?;
        if content.len() > 5 || content.first().is_some_and(|first| *first >= 0x80) {
            return Err(self.invalid("INTEGER"));
        }
        let value = content.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        u32::try_from(value).map_err(|_| self.invalid("INTEGER"))
    }

    /// A BIT STRING's octets, for the many that are octet-aligned.
    pub(crate) fn aligned_bits(&self) -> Result<&'a [u8], Asn1Error> {
        match self.content.split_first() {
            Some((0, bits)) => Ok(bits),
            _ => Err(self.invalid("BIT STRING")),
        }
    }

    /// A signature's octets. No scheme makes one that is not octet-aligned: such a value reads as the empty signature,
    /// which never verifies.
    pub(crate) fn signature_bits(&self) -> Result<&'a [u8], Asn1Error> {
        match self.content.split_first() {
            Some((0, bits)) => Ok(bits),
            Some((1..=7, [.., _])) => Ok(&[]),
            _ => Err(self.invalid("BIT STRING")),
        }
    }

    /// A named-bit BIT STRING as a mask: bit n of the ASN.1 is bit n of the result.
    pub(crate) fn named_bits(&self) -> Result<u16, Asn1Error> {
        let (unused, bits) = self.content.split_first().ok_or_else(|| self.invalid("BIT STRING"))?;
        if *unused > 7 || bits.len() > 2 || (bits.is_empty() && *unused != 0) {
            return Err(self.invalid("BIT STRING"));
        }
        let mut mask = 0_u16;
        for (index, byte) in bits.iter().enumerate() {
            for bit in 0..8_usize {
                if byte & (0x80 >> bit) != 0 {
                    mask |= 1 << (index * 8 + bit);
                }
            }
        }
        Ok(mask)
    }

    /// UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 has them, in seconds since the Unix epoch.
    pub(crate) fn time(&self) -> Result<i64, Asn1Error> {
        crate::time::parse(self.tag, self.content).ok_or_else(|| self.invalid("time"))
    }
}

/// A cursor over a list of elements.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    rules: Rules,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8], rules: Rules) -> Self {
        Self { rest: input, offset: 0, rules }
    }

    /// The single element that `input` must be, with nothing after it.
    pub(crate) fn only(input: &'a [u8], rules: Rules, tag: u8) -> Result<Tlv<'a>, Asn1Error> {
        let mut reader = Self::new(input, rules);
        let tlv = reader.expect(tag)?;
        reader.finish()?;
        Ok(tlv)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn finish(&self) -> Result<(), Asn1Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Asn1Error::TrailingData { offset: self.offset }) }
    }

    /// The next element, whatever it is.
    pub(crate) fn next(&mut self) -> Result<Tlv<'a>, Asn1Error> {
        let offset = self.offset;
        let header = Header::read(self.rest, self.rules, offset)?;
        let (total, content_end) = match header.length {
            Some(length) => {
                let end = header.len.checked_add(length).ok_or(Asn1Error::Truncated { offset })?;
                (end, end)
            }
            None => {
                let end = indefinite_end(self.rest, header.len, offset)?;
                (end, end - 2)
            }
        };
        let raw = self.rest.get(..total).ok_or(Asn1Error::Truncated { offset })?;
        let content = raw.get(header.len..content_end).ok_or(Asn1Error::Truncated { offset })?;
        self.rest = self.rest.get(total..).unwrap_or_default();
        self.offset += total;
        Ok(Tlv {
            tag: header.tag,
            raw,
            content,
            offset,
            rules: self.rules,
            content_offset: offset + header.len,
        })
    }

    pub(crate) fn expect(&mut self, tag: u8) -> Result<Tlv<'a>, Asn1Error> {
        match self.peek() {
            Some(found) if found == tag => self.next(),
            Some(_) => Err(Asn1Error::UnexpectedTag { expected: tag, offset: self.offset }),
            None => Err(Asn1Error::Truncated { offset: self.offset }),
        }
    }

    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, Asn1Error> {
        if self.peek() == Some(tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// All remaining elements, at most `limit`.
    pub(crate) fn all(mut self, limit: usize) -> Result<Vec<Tlv<'a>>, Asn1Error> {
        let mut items = Vec::new();
        while !self.is_empty() {
            if items.len() == limit {
                return Err(Asn1Error::TooComplex { offset: self.offset });
            }
            items.push(self.next()?);
        }
        Ok(items)
    }
}

struct Header {
    tag: u8,
    len: usize,
    /// `None`: indefinite.
    length: Option<usize>,
}

impl Header {
    fn read(input: &[u8], rules: Rules, offset: usize) -> Result<Self, Asn1Error> {
        let truncated = Asn1Error::Truncated { offset };
        let invalid = Asn1Error::InvalidHeader { offset };
        let tag = *input.first().ok_or(truncated)?;
        // High tag numbers occur in none of the formats read here.
        if tag & 0x1F == 0x1F {
            return Err(invalid);
        }
        let first = *input.get(1).ok_or(truncated)?;
        if first < 0x80 {
            return Ok(Self { tag, len: 2, length: Some(usize::from(first)) });
        }
        if first == 0x80 {
            // X.690 §8.1.3.2: only constructed encodings may be indefinite.
            return if rules == Rules::Ber && tag & 0x20 != 0 {
                Ok(Self { tag, len: 2, length: None })
            } else {
                Err(invalid)
            };
        }
        let count = usize::from(first & 0x7F);
        if count > 8 || (rules == Rules::Der && count > 4) {
            return Err(invalid);
        }
        let octets = input.get(2..2 + count).ok_or(truncated)?;
        let value = octets.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        let length = usize::try_from(value).map_err(|_| invalid)?;
        if rules == Rules::Der && (octets.first() == Some(&0) || length < 0x80) {
            return Err(invalid);
        }
        Ok(Self { tag, len: 2 + count, length: Some(length) })
    }
}

/// Finds the end of an indefinite-length element (after its end-of-contents octets), counting open elements instead of
/// recursing.
fn indefinite_end(input: &[u8], start: usize, offset: usize) -> Result<usize, Asn1Error> {
    let mut open = 1_usize;
    let mut at = start;
    loop {
        let rest = input.get(at..).ok_or(Asn1Error::Truncated { offset })?;
        if rest.starts_with(&[0, 0]) {
            at += 2;
            open -= 1;
            if open == 0 {
                return Ok(at);
            }
            continue;
        }
        let header = Header::read(rest, Rules::Ber, offset + at)?;
        at = at.checked_add(header.len).ok_or(Asn1Error::Truncated { offset })?;
        match header.length {
            Some(length) => at = at.checked_add(length).ok_or(Asn1Error::Truncated { offset })?,
            None if open < MAX_DEPTH => open += 1,
            None => return Err(Asn1Error::TooComplex { offset: offset + at }),
        }
    }
}

/// An element's encoding.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    push_length(&mut out, content.len());
    out.extend_from_slice(content);
    out
}

/// An element whose content is the concatenation of `parts`.
pub(crate) fn join<P: AsRef<[u8]>>(tag: u8, parts: &[P]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    push_length(&mut out, length);
    for part in parts {
        out.extend_from_slice(part.as_ref());
    }
    out
}

/// A SET OF in DER order (X.690 §11.6).
pub(crate) fn set_of(tag: u8, mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    join(tag, &parts)
}

pub(crate) fn push_length(out: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or(0));
    } else {
        let octets = length.to_be_bytes();
        let skip = octets.iter().take_while(|byte| **byte == 0).count();
        out.push(0x80 | u8::try_from(octets.len() - skip).unwrap_or(0));
        out.extend(octets.iter().skip(skip));
    }
}

/// Octets of an element with that much content.
pub(crate) fn encoded_len(content: usize) -> usize {
    let mut header = Vec::with_capacity(9);
    push_length(&mut header, content);
    1 + header.len() + content
}

pub(crate) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    tlv(OID, oid.as_bytes())
}

/// A non-negative INTEGER from big-endian octets.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut content = Vec::with_capacity(bytes.len() + 1);
    if bytes.get(skip).is_none_or(|first| *first >= 0x80) {
        content.push(0);
    }
    content.extend(bytes.iter().skip(skip));
    tlv(INTEGER, &content)
}

/// A named-bit BIT STRING without trailing zero bits (X.690 §11.2.2).
pub(crate) fn named_bits(mask: u16) -> Vec<u8> {
    let reversed = mask.reverse_bits().to_be_bytes();
    let used = if mask == 0 { 0 } else { 16 - mask.leading_zeros() as usize };
    let octets = used.div_ceil(8);
    let mut content = vec![u8::try_from(octets * 8 - used).unwrap_or(0)];
    content.extend(reversed.iter().take(octets));
    tlv(BIT_STRING, &content)
}

/// An octet-aligned BIT STRING.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    join(BIT_STRING, &[&[0][..], bytes])
}

const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_refuses_what_ber_allows() {
        for input in [&b"\x30\x81\x03\x02\x01\x05"[..], b"\x30\x80\x02\x01\x05\x00\x00"] {
            assert!(Reader::only(input, Rules::Der, SEQUENCE).is_err());
            let tlv = Reader::only(input, Rules::Ber, SEQUENCE).unwrap();
            assert_eq!(tlv.content, b"\x02\x01\x05");
            assert_eq!(tlv.raw, input);
            assert_eq!(tlv.reader().expect(INTEGER).unwrap().small(), Ok(5));
        }
    }

    #[test]
    fn a_nested_indefinite_length_ends_at_its_own_end_of_contents() {
        let input = b"\x30\x80\x24\x80\x04\x02\x00\x00\x00\x00\x02\x01\x07\x00\x00";
        let mut reader = Reader::only(input, Rules::Ber, SEQUENCE).unwrap().reader();
        assert_eq!(reader.next().unwrap().content, b"\x04\x02\x00\x00");
        assert_eq!(reader.expect(INTEGER).unwrap().small(), Ok(7));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_tower_of_indefinite_lengths_is_refused_not_climbed() {
        let input = b"\x30\x80".repeat(100_000);
        assert!(matches!(Reader::new(&input, Rules::Ber).next(), Err(Asn1Error::TooComplex { .. })));
    }

    #[test]
    fn a_length_past_the_input_is_truncation() {
        assert_eq!(
            Reader::only(b"\x04\x05ab", Rules::Der, OCTET_STRING),
            Err(Asn1Error::Truncated { offset: 0 })
        );
        assert!(Reader::only(b"\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff", Rules::Ber, OCTET_STRING).is_err());
    }

    #[test]
    fn named_bits_are_written_minimally_and_read_back() {
        assert_eq!(named_bits(0b11), b"\x03\x02\x06\xC0");
        assert_eq!(named_bits(1 << 8), b"\x03\x03\x07\x00\x80");
        for mask in [1_u16, 0b110_0000, 1 << 8, 0x1FF] {
            let encoded = named_bits(mask);
            assert_eq!(Reader::only(&encoded, Rules::Der, BIT_STRING).unwrap().named_bits(), Ok(mask));
        }
    }

    #[test]
    fn integers_are_minimal_and_positive() {
        assert_eq!(unsigned(&[0, 0, 0x80]), b"\x02\x02\x00\x80");
        assert_eq!(unsigned(&[]), b"\x02\x01\x00");
        assert!(Reader::only(b"\x02\x02\x00\x01", Rules::Der, INTEGER).unwrap().integer().is_err());
    }
}
