//! Whether a signature dictionary signs what it claims to: the byte range, over the raw file.
//!
//! ISO 32000-2 §12.8.1 with the rules of EN 319 142-1 §4.3. Universal forgery, wrapping and collision
//! attacks (CVE-2018-18688 ff.) all live in the freedom readers leave here; this module leaves none: four
//! integers, from 0, the gap exactly the `/Contents` string of *this* dictionary at its place in the file,
//! the end exactly a revision's end.

use std::ops::Range;

use crate::revisions::Revisions;
use crate::syntax::indirect::Located;
use crate::syntax::{Dictionary, Object, ObjectId, ReadError, View};

/// A signature dictionary whose structure holds; only the cryptography is left to check.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    /// What precedes the gap.
    pub(crate) first: Range<u64>,
    /// What follows the gap.
    pub(crate) second: Range<u64>,
    /// The signature container, without padding.
    pub(crate) container: Vec<u8>,
    /// The revision it covers.
    pub(crate) revision: usize,
}

/// What is known of a signature dictionary, whole or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Examined {
    pub(crate) dictionary: Dictionary,
    /// The container bytes as far as they can be read at all, for reporting the signer of a broken one.
    pub(crate) contents: Vec<u8>,
    /// Ranges of the file the byte range leaves out, when it makes sense at all.
    pub(crate) byte_range: Option<[u64; 4]>,
    /// Where its object starts.
    pub(crate) offset: Option<u64>,
    pub(crate) extent: Option<Range<u64>>,
    pub(crate) signed: Option<Signed>,
    /// Why `signed` is missing.
    pub(crate) reasons: Vec<&'static str>,
    /// The byte range is well-formed but ends where no revision ends.
    pub(crate) partial: bool,
}

/// Examines the signature dictionary `id` as it stands in `view`.
pub(crate) fn examine(
    view: View<'_, '_>,
    revisions: &Revisions,
    id: ObjectId,
) -> Result<Examined, ReadError> {
    let mut examined = Examined::default();
    let found = match view.located(id) {
        Ok(Some(located)) => Ok(located),
        Ok(None) => Err(view.object(id)?),
        Err(ReadError::Malformed { .. } | ReadError::Unsupported { .. }) => {
            examined.reasons.push("the signature dictionary cannot be read");
            return Ok(examined);
        }
        Err(error) => return Err(error),
    };
    let located = match found {
        Ok(located) => located,
        Err(object) => {
            examined.dictionary = object.as_dictionary().cloned().unwrap_or_default();
            examined.reasons.push(match object {
                Object::Null => "the signature value leads to no object",
                _ => "the signature dictionary is inside an object stream",
            });
            return Ok(examined);
        }
    };
    let Object::Dictionary(dictionary) = &located.object else {
        examined.reasons.push("the signature value is not a dictionary");
        return Ok(examined);
    };
    examined.dictionary = dictionary.clone();
    examined.offset = Some(located.extent.start);
    examined.extent = Some(located.extent.clone());
    match check(view, revisions, &located, dictionary, &mut examined) {
        Ok(signed) => examined.signed = Some(signed),
        Err(reason) => examined.reasons.push(reason),
    }
    Ok(examined)
}

fn check(
    view: View<'_, '_>,
    revisions: &Revisions,
    located: &Located,
    dictionary: &Dictionary,
    examined: &mut Examined,
) -> Result<Signed, &'static str> {
    let contents = match dictionary.get(b"Contents") {
        Some(Object::String(contents)) => contents,
        Some(Object::Null) | None => return Err("the signature has no /Contents"),
        Some(_) => return Err("the signature's /Contents is not a string"),
    };
    examined.contents = contents.bytes.clone();
    let range = byte_range(dictionary)?;
    examined.byte_range = Some(range);
    if dictionary.has_duplicates() {
        return Err("the signature dictionary has a duplicated key");
    }
    if !contents.hexadecimal {
        return Err("the signature's /Contents is not a hexadecimal string");
    }
    let [start, gap_start, gap_end, tail] = range;
    let end = gap_end.checked_add(tail).filter(|end| *end <= view.document().source().len());
    let end = end.ok_or("the byte range reaches beyond the file")?;
    if start != 0 {
        return Err("the byte range does not start at 0");
    }
    if gap_start == 0 || gap_end <= gap_start || tail == 0 {
        return Err("the byte range overlaps or is out of order");
    }
    let span = located.spans.iter().find(|(key, _)| key == b"Contents").map(|(_, span)| span);
    if span != Some(&(gap_start..gap_end)) {
        return Err("the gap of the byte range is not exactly the /Contents string");
    }
    // Nothing but digits: white space there would be octets that nobody signed and no rule speaks of.
    if gap_end - gap_start != contents.bytes.len() as u64 * 2 + 2 {
        return Err("the signature's /Contents holds more than hexadecimal digits");
    }
    let container = strip_padding(&contents.bytes)?.to_vec();
    let Some(revision) = revisions.ending_at(end) else {
        examined.partial = true;
        return Err("the byte range does not end where a revision ends");
    };
    if revisions.holding(located.extent.start) != Some(revision) || located.extent.end > end {
        return Err("the signature dictionary is not part of the revision it signs");
    }
    if let Some(doubt) = revisions.doubt(revision) {
        return Err(doubt);
    }
    let then = revisions.list.get(revision).map(|r| r.view(view.document()).locate(located.id.number));
    if then.flatten() != view.locate(located.id.number) {
        return Err("the revision the signature signs does not contain it");
    }
    Ok(Signed { first: 0..gap_start, second: gap_end..end, container, revision })
}

/// Exactly four non-negative integers, written directly.
fn byte_range(dictionary: &Dictionary) -> Result<[u64; 4], &'static str> {
    let array = match dictionary.get(b"ByteRange") {
        Some(Object::Array(array)) => array,
        Some(Object::Null) | None => return Err("the signature has no /ByteRange"),
        Some(_) => return Err("the signature's /ByteRange is not a direct array"),
    };
    let numbers: Option<Vec<u64>> =
        array.iter().map(|n| n.as_integer().and_then(|n| u64::try_from(n).ok())).collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or("the signature's /ByteRange is not four non-negative integers")
}

/// The first TLV of `bytes`; what follows it must be zeros (EN 319 142-1 §4.3 lets signers reserve space).
fn strip_padding(bytes: &[u8]) -> Result<&[u8], &'static str> {
    let length = encoded_length(bytes).ok_or("the signature's /Contents holds no ASN.1 value")?;
    let (value, padding) = bytes.split_at_checked(length).ok_or("the signature's /Contents is cut off")?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err("the signature's /Contents holds data after the signature");
    }
    Ok(value)
}

/// Octets of the first TLV, indefinite lengths (BER) included; iterative, so that nesting costs nothing.
fn encoded_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut open) = (0_usize, 0_usize);
    loop {
        let tag = *bytes.get(at)?;
        let mut header = 1;
        if tag & 0x1f == 0x1f {
            while *bytes.get(at + header)? & 0x80 != 0 {
                header += 1;
            }
            header += 1;
        }
        let first = *bytes.get(at + header)?;
        header += 1;
        match first {
            0 if tag == 0 && open > 0 => {
                open -= 1;
                at += header;
            }
            0x80 if tag & 0x20 != 0 => {
                open += 1;
                at += header;
            }
            0x80 | 0xff => return None,
            _ => {
                let mut length = usize::from(first);
                if first > 0x80 {
                    let octets = usize::from(first & 0x7f);
                    if octets > 4 {
                        return None;
                    }
                    let raw = bytes.get(at + header..at + header + octets)?;
                    length = raw.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
                    header += octets;
                }
                at = at.checked_add(header)?.checked_add(length)?;
            }
        }
        if open == 0 {
            return Some(at);
        }
    }
}
