//! Elements of ASN.1 encodings: read as they come, written in DER alone.
//!
//! The reader hands out slices of the input and never re-encodes, since what is signed are the octets as they came. It
//! takes BER lengths (X.690 §8.1.3) and says so; which deviations matter is [`crate::read`]'s business. No recursion: the
//! only depth that exists is the structures' own, and that of indefinite lengths is bounded. Called inside this crate.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0A;
pub(crate) const UTF8_STRING: u8 = 0x0C;
pub(crate) const NUMERIC_STRING: u8 = 0x12;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const T61_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const VISIBLE_STRING: u8 = 0x1A;
pub(crate) const GENERAL_STRING: u8 = 0x1B;
pub(crate) const UNIVERSAL_STRING: u8 = 0x1C;
pub(crate) const BMP_STRING: u8 = 0x1E;
pub(crate) const CONSTRUCTED_OCTETS: u8 = 0x24;
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed: explicit, or implicit of a SEQUENCE.
pub(crate) const CONTEXT_0: u8 = 0xA0;
/// `[0]`, primitive: implicit of a string.
pub(crate) const CONTEXT_0_PRIMITIVE: u8 = 0x80;

/// How an element's length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As DER wants it (X.690 §10.1).
    Der,
    /// With more octets than needed.
    Padded,
    /// Open, up to end-of-contents octets.
    Indefinite,
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub tag: u8,
    /// The whole encoding.
    pub raw: &'a [u8],
    pub content: &'a [u8],
    /// Offset of `raw` in the outermost input.
    pub offset: usize,
    pub form: Form,
}

impl<'a> Tlv<'a> {
    /// The content as a list of elements.
    pub(crate) fn elements(&self) -> Elements<'a> {
        let before = match self.form {
            // End-of-contents octets stand behind the content.
            Form::Indefinite => self.raw.len().saturating_sub(self.content.len() + 2),
            Form::Der | Form::Padded => self.raw.len() - self.content.len(),
        };
        Elements { rest: self.content, offset: self.offset + before }
    }
}

/// Why no element could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The input ends before the element does.
    Truncated,
    /// A tag or length that no rules allow.
    Header,
    /// Open lengths inside one another without end.
    TooDeep,
}

/// A cursor over elements.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Elements<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self { rest: input, offset: 0 }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// How many elements there are, up to a limit.
    pub(crate) fn count(&self, limit: usize) -> Result<usize, Fault> {
        let (mut copy, mut count) = (self.clone(), 0);
        while !copy.is_empty() && count < limit {
            copy.take()?;
            count += 1;
        }
        Ok(count)
    }

    pub(crate) fn take(&mut self) -> Result<Tlv<'a>, Fault> {
        let header = Header::read(self.rest)?;
        let (total, end) = match header.length {
            Some(length) => {
                let end = header.len.checked_add(length).ok_or(Fault::Truncated)?;
                (end, end)
            }
            None => {
                let total = indefinite_end(self.rest, header.len)?;
                (total, total.saturating_sub(2))
            }
        };
        let raw = self.rest.get(..total).ok_or(Fault::Truncated)?;
        let content = raw.get(header.len..end).ok_or(Fault::Truncated)?;
        let tlv = Tlv { tag: header.tag, raw, content, offset: self.offset, form: header.form };
        self.rest = self.rest.get(total..).unwrap_or_default();
        self.offset += total;
        Ok(tlv)
    }
}

/// The first element of some octets, whatever follows.
pub(crate) fn first(input: &[u8]) -> Option<Tlv<'_>> {
    Elements::new(input).take().ok()
}

struct Header {
    tag: u8,
    len: usize,
    /// `None`: indefinite.
    length: Option<usize>,
    form: Form,
}

impl Header {
    fn read(input: &[u8]) -> Result<Self, Fault> {
        let tag = *input.first().ok_or(Fault::Truncated)?;
        // High tag numbers occur in none of the structures.
        if tag & 0x1F == 0x1F {
            return Err(Fault::Header);
        }
        let first = *input.get(1).ok_or(Fault::Truncated)?;
        if first < 0x80 {
            return Ok(Self { tag, len: 2, length: Some(usize::from(first)), form: Form::Der });
        }
        if first == 0x80 {
            // X.690 §8.1.3.2: only constructed encodings may be open.
            return match tag & 0x20 {
                0 => Err(Fault::Header),
                _ => Ok(Self { tag, len: 2, length: None, form: Form::Indefinite }),
            };
        }
        let count = usize::from(first & 0x7F);
        if count > 8 {
            return Err(Fault::Header);
        }
        let octets = input.get(2..2 + count).ok_or(Fault::Truncated)?;
        let value = octets.iter().fold(0_u64, |value, octet| (value << 8) | u64::from(*octet));
        let length = usize::try_from(value).map_err(|_| Fault::Truncated)?;
        let padded = octets.first() == Some(&0) || length < 0x80;
        let form = if padded { Form::Padded } else { Form::Der };
        Ok(Self { tag, len: 2 + count, length: Some(length), form })
    }
}

/// The length of an open element, end-of-contents octets included. Counts open elements instead of recursing.
fn indefinite_end(input: &[u8], start: usize) -> Result<usize, Fault> {
    let (mut open, mut at) = (1_usize, start);
    loop {
        let rest = input.get(at..).ok_or(Fault::Truncated)?;
        if rest.starts_with(&[0, 0]) {
            at += 2;
            open -= 1;
            if open == 0 {
                return Ok(at);
            }
            continue;
        }
        let header = Header::read(rest)?;
        at = at.checked_add(header.len).ok_or(Fault::Truncated)?;
        match header.length {
            Some(length) => at = at.checked_add(length).ok_or(Fault::Truncated)?,
            None if open < MAX_OPEN => open += 1,
            None => return Err(Fault::TooDeep),
        }
    }
}

/// Open lengths inside one another; the structures are less deep.
const MAX_OPEN: usize = 24;

/// An element in DER.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    join(tag, &[content])
}

/// An element in DER whose content is the concatenation of `parts`.
pub(crate) fn join(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(encoded_len(length));
    push_header(&mut out, tag, length);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// An element's tag and length in DER.
pub(crate) fn push_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let skip = octets.iter().take_while(|octet| **octet == 0).count();
            out.push(0x80 | u8::try_from(octets.len() - skip).unwrap_or(8));
            out.extend(octets.iter().skip(skip));
        }
    }
}

/// How long an element with that much content is in DER.
pub(crate) const fn encoded_len(content: usize) -> usize {
    let mut header = 2;
    if content >= 0x80 {
        let mut rest = content;
        while rest > 0 {
            rest >>= 8;
            header += 1;
        }
    }
    header + content
}

/// A BIT STRING of whole octets.
pub(crate) fn bits(octets: &[u8]) -> Vec<u8> {
    join(BIT_STRING, &[&[0], octets])
}

/// A non-negative INTEGER.
pub(crate) fn unsigned(value: u64) -> Vec<u8> {
    let octets = value.to_be_bytes();
    let skip = octets.iter().take_while(|octet| **octet == 0).count().min(7);
    let octets = octets.get(skip..).unwrap_or_default();
    match octets.first() {
        Some(0x80..) => join(INTEGER, &[&[0], octets]),
        _ => tlv(INTEGER, octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal_and_foretold() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
            let element = tlv(OCTET_STRING, &vec![7; length]);
            assert_eq!(element.len(), encoded_len(length));
            let read = first(&element).unwrap();
            assert_eq!((read.form, read.content.len(), read.raw.len()), (Form::Der, length, element.len()));
        }
    }

    #[test]
    fn integers_are_minimal() {
        let content = |value| unsigned(value)[2..].to_vec();
        assert_eq!(content(0), [0]);
        assert_eq!(content(127), [127]);
        assert_eq!(content(128), [0, 128]);
        assert_eq!(content(99), [99]);
        assert_eq!(content(u64::MAX), [[0].as_slice(), &[0xFF; 8]].concat());
    }

    #[test]
    fn open_lengths_end_where_they_should() {
        let inner = [0x30, 0x80, 0x02, 0x01, 0x05, 0, 0];
        let outer = [&[0x30, 0x80][..], &inner, &[0, 0, 9]].concat();
        let read = first(&outer).unwrap();
        assert_eq!((read.form, read.content), (Form::Indefinite, &inner[..]));
        let within = read.elements().take().unwrap();
        assert_eq!((within.offset, within.raw), (2, &inner[..]));
        let deep = [0x30, 0x80].repeat(MAX_OPEN + 1);
        assert_eq!(Elements::new(&deep).take().err(), Some(Fault::TooDeep));
        assert_eq!(Elements::new(&[0x30, 0x80, 0]).take().err(), Some(Fault::Truncated));
        assert_eq!(Elements::new(&[0x04, 0x80, 0, 0]).take().err(), Some(Fault::Header));
        assert_eq!(Elements::new(&[0x30, 0x89]).take().err(), Some(Fault::Header));
    }
}
