//! The octets of an update: objects, cross-reference section, trailer, in the order they are written.

use std::borrow::Cow;
use std::ops::Range;

use crypto::{DigestAlgorithm, Hasher};

use super::object::{write_dictionary, write_name, write_object, write_unsigned, write_value};
use super::update::{Base, Body, Layout, LayoutError, MAX_LENGTH, Section, Signature};
use crate::syntax::{Dictionary, Object, ObjectId, PdfString};

/// Where an object of the update begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) id: ObjectId,
    /// Offset as the cross-reference section tells it.
    offset: u64,
}

/// The tail being written.
pub(super) struct Writer<'a> {
    tail: Vec<u8>,
    base: &'a Base,
    hole: Option<Range<usize>>,
    /// Place of the three ByteRange numbers that are filled in last.
    range: Option<Range<usize>>,
    /// Everything written but pictures and blanks: what the new file identifier is made from.
    identity: Hasher,
}

impl<'a> Writer<'a> {
    pub(super) fn new(base: &'a Base, capacity: usize) -> Self {
        let mut identity = DigestAlgorithm::Sha256.hasher();
        identity.update(&base.length.to_be_bytes());
        identity.update(&base.previous.to_be_bytes());
        let mut tail = Vec::with_capacity(capacity);
        if !base.ends_line {
            tail.push(b'\n');
        }
        Self { tail, base, hole: None, range: None, identity }
    }

    /// Takes what was written from `start` on into the identifier.
    fn identify(&mut self, start: usize) {
        if let Some(written) = self.tail.get(start..) {
            self.identity.update(written);
        }
    }

    /// The place of what is written next.
    pub(super) fn place(&self, id: ObjectId) -> Result<Place, LayoutError> {
        let length = self.base.length.saturating_add(self.tail.len() as u64);
        if length > MAX_LENGTH {
            return Err(LayoutError::TooLong { length });
        }
        Ok(Place { id, offset: length.saturating_sub(self.base.origin) })
    }

    pub(super) fn object(&mut self, id: ObjectId, body: &Body, reserve: usize) -> Result<(), LayoutError> {
        let start = self.tail.len();
        self.open(id);
        match body {
            Body::Changed { object: Object::Dictionary(dictionary), before } => {
                self.changed(id, dictionary, before)?;
                self.identify(start);
            }
            Body::Value(object) | Body::Changed { object, .. } => {
                write_object(&mut self.tail, &encrypted(self.base, id, object))?;
                self.identify(start);
            }
            Body::Stream { dictionary, data } => {
                let hidden = self.base.security.as_ref().and_then(|s| s.encrypt_stream(id, dictionary, data));
                let dictionary = encrypted_entries(self.base, id, dictionary);
                self.stream(&dictionary, hidden.as_deref().unwrap_or(data))?;
            }
            Body::Signature(signature) => self.signature(id, signature, reserve)?,
        }
        self.tail.extend_from_slice(b"\nendobj\n");
        Ok(())
    }

    fn open(&mut self, id: ObjectId) {
        write_unsigned(&mut self.tail, u64::from(id.number));
        self.tail.push(b' ');
        write_unsigned(&mut self.tail, u64::from(id.generation));
        self.tail.extend_from_slice(b" obj\n");
    }

    fn changed(
        &mut self,
        id: ObjectId,
        dictionary: &Dictionary,
        before: &[(Vec<u8>, Object, Vec<u8>)],
    ) -> Result<(), LayoutError> {
        self.tail.extend_from_slice(b"<<");
        let written = encrypted_entries(self.base, id, dictionary);
        // Both are in the same order but for what was changed: looking on from the last one found keeps a
        // catalog of a hundred thousand entries from costing their square.
        let mut rest = before;
        for ((key, value), (_, as_written)) in dictionary.iter().zip(written.iter()) {
            write_name(&mut self.tail, key);
            let found = rest.iter().position(|(old, _, _)| old == key);
            let old = found.and_then(|at| rest.get(at));
            rest = found.and_then(|at| rest.get(at + 1..)).unwrap_or(rest);
            match old.filter(|(_, old_value, _)| old_value == value) {
                Some((_, _, spelling)) => {
                    if !matches!(spelling.first(), Some(b'/' | b'(' | b'[' | b'<')) {
                        self.tail.push(b' ');
                    }
                    self.tail.extend_from_slice(spelling);
                }
                None => write_value(&mut self.tail, as_written)?,
            }
        }
        self.tail.extend_from_slice(b">>");
        Ok(())
    }

    fn stream(&mut self, dictionary: &Dictionary, data: &[u8]) -> Result<(), LayoutError> {
        let mut dictionary = dictionary.clone();
        dictionary.set(b"Length", Object::Integer(i64::try_from(data.len()).unwrap_or(i64::MAX)));
        write_dictionary(&mut self.tail, &dictionary)?;
        self.tail.extend_from_slice(b"\nstream\n");
        self.tail.extend_from_slice(data);
        self.tail.extend_from_slice(b"\nendstream");
        Ok(())
    }

    /// Writes the signature dictionary with blanks where the ByteRange's numbers will stand and
    /// zeros where the signature will: both have their final width from the start.
    /// Its contents are never encrypted (ISO 32000-2 §7.6.2).
    fn signature(&mut self, id: ObjectId, signature: &Signature, reserve: usize) -> Result<(), LayoutError> {
        let start = self.tail.len();
        write_dictionary(&mut self.tail, &encrypted_entries(self.base, id, &signature.dictionary))?;
        self.identify(start);
        self.tail.truncate(self.tail.len().saturating_sub(2)); // the closing ">>" comes last
        self.tail.extend_from_slice(b"/ByteRange[0 ");
        let numbers = self.tail.len();
        self.tail.resize(numbers + BYTE_RANGE_WIDTH, b' ');
        self.range = Some(numbers..self.tail.len());
        self.tail.extend_from_slice(b"]/Contents");
        let hole = self.tail.len();
        self.tail.push(b'<');
        self.tail.resize(hole + 1 + reserve * 2, b'0');
        self.tail.push(b'>');
        self.hole = Some(hole..self.tail.len());
        self.tail.extend_from_slice(b">>");
        Ok(())
    }

    /// Writes the cross-reference section, trailer and end of file.
    pub(super) fn section(&mut self, places: &mut Vec<Place>, next: u32) -> Result<(), LayoutError> {
        let (id, size) = match self.base.section {
            Section::Table => (None, next),
            Section::Stream => (Some(ObjectId { number: next, generation: 0 }), next.saturating_add(1)),
        };
        let start = self.place(id.unwrap_or(ObjectId { number: 0, generation: 0 }))?;
        let mut trailer = self.trailer(size);
        match id {
            None => {
                self.table(places);
                self.tail.extend_from_slice(b"trailer\n");
                write_dictionary(&mut self.tail, &trailer)?;
            }
            Some(id) => {
                places.push(start);
                places.sort_by_key(|place| place.id);
                let data = stream_entries(places, start.offset, &mut trailer);
                self.open(id);
                self.stream(&trailer, &data)?;
                self.tail.extend_from_slice(b"\nendobj");
            }
        }
        self.tail.extend_from_slice(b"\nstartxref\n");
        write_unsigned(&mut self.tail, start.offset);
        self.tail.extend_from_slice(b"\n%%EOF\n");
        Ok(())
    }

    /// The original trailer's entries (ISO 32000-2 §7.5.6: all but /Prev), the second element of
    /// /ID new. It is derived from what is appended, so that the same request gives the same bytes.
    fn trailer(&self, size: u32) -> Dictionary {
        let mut trailer = Dictionary::new();
        for (key, value) in self.base.trailer.iter() {
            // The hybrid's stream belongs to the section that names it; the rest describe a
            // cross-reference stream's own data.
            let own: [&[u8]; 10] = [
                b"Prev",
                b"XRefStm",
                b"Type",
                b"W",
                b"Index",
                b"Filter",
                b"DecodeParms",
                b"Length",
                b"F",
                b"DL",
            ];
            if !own.contains(&key) {
                trailer.set(key, value.clone());
            }
        }
        trailer.set(b"Size", Object::Integer(i64::from(size)));
        trailer.set(b"Prev", Object::Integer(i64::try_from(self.base.previous).unwrap_or(i64::MAX)));
        let first = match self.base.trailer.get(b"ID").and_then(Object::as_array) {
            Some([first @ Object::String(_), ..]) => Some(first.clone()),
            _ => None,
        };
        if first.is_none() && self.base.security.is_some() {
            return trailer; // keys may depend on there being none
        }
        let mut identity = self.identity.clone();
        if let Some(Object::String(first)) = &first {
            identity.update(&first.bytes);
        }
        let mut fresh = identity.finish();
        fresh.truncate(16);
        let fresh = Object::String(PdfString { bytes: fresh, hexadecimal: true });
        trailer.set(b"ID", Object::Array(vec![first.unwrap_or_else(|| fresh.clone()), fresh]));
        trailer
    }

    /// A cross-reference table: subsections of consecutive numbers, entries of exactly 20 octets.
    fn table(&mut self, places: &[Place]) {
        self.tail.extend_from_slice(b"xref\n");
        for run in runs(places) {
            let Some(first) = run.first() else { continue };
            write_unsigned(&mut self.tail, u64::from(first.id.number));
            self.tail.push(b' ');
            write_unsigned(&mut self.tail, run.len() as u64);
            self.tail.push(b'\n');
            for place in run {
                let entry = format!("{:010} {:05} n \n", place.offset, place.id.generation);
                self.tail.extend_from_slice(entry.as_bytes());
            }
        }
    }

    /// Fills in the ByteRange and hands the tail out.
    pub(super) fn finish(mut self) -> Result<Layout, LayoutError> {
        let total = self.base.length.saturating_add(self.tail.len() as u64);
        if total > MAX_LENGTH {
            return Err(LayoutError::TooLong { length: total });
        }
        if let (Some(hole), Some(range)) = (&self.hole, self.range.clone()) {
            let [a, b, c] = byte_range_numbers(self.base.length, hole, total);
            let text = format!("{a} {b} {c}");
            if let Some(blank) = self.tail.get_mut(range) {
                for (to, from) in blank.iter_mut().zip(text.bytes()) {
                    *to = from;
                }
            }
        }
        Ok(Layout { tail: self.tail, hole: self.hole })
    }
}

/// An object with its strings as they are written: this and streams' data are all that encryption touches.
fn encrypted<'o>(base: &Base, id: ObjectId, object: &'o Object) -> Cow<'o, Object> {
    match &base.security {
        Some(security) => {
            let mut object = object.clone();
            security.encrypt_object(id, &mut object);
            Cow::Owned(object)
        }
        None => Cow::Borrowed(object),
    }
}

/// As [`encrypted`], of a dictionary.
fn encrypted_entries<'o>(base: &Base, id: ObjectId, dictionary: &'o Dictionary) -> Cow<'o, Dictionary> {
    match &base.security {
        Some(security) => {
            let mut dictionary = dictionary.clone();
            security.encrypt_entries(id, &mut dictionary);
            Cow::Owned(dictionary)
        }
        None => Cow::Borrowed(dictionary),
    }
}

/// The ByteRange's second to fourth numbers: length before the hole, place behind it, length behind it.
pub(crate) fn byte_range_numbers(base: u64, hole: &Range<usize>, total: u64) -> [u64; 3] {
    let before = base.saturating_add(hole.start as u64);
    let behind = base.saturating_add(hole.end as u64);
    [before, behind, total.saturating_sub(behind)]
}

/// The rows of a cross-reference stream; sets its /Type, /W and /Index.
fn stream_entries(places: &[Place], highest: u64, trailer: &mut Dictionary) -> Vec<u8> {
    // The section itself is the last object, so its offset is the widest.
    let width = (8 - highest.leading_zeros() as usize / 8).max(1);
    let mut data = Vec::with_capacity(places.len() * (width + 3));
    for place in places {
        data.push(1);
        let offset = place.offset.to_be_bytes();
        data.extend_from_slice(offset.get(8 - width..).unwrap_or(&offset));
        data.extend_from_slice(&place.id.generation.to_be_bytes());
    }
    let index = runs(places)
        .filter_map(|run| run.first().map(|first| (first.id.number, run.len())))
        .flat_map(|(first, count)| {
            [Object::Integer(i64::from(first)), Object::Integer(i64::try_from(count).unwrap_or(i64::MAX))]
        })
        .collect();
    let widths = [1, i64::try_from(width).unwrap_or(8), 2];
    trailer.set(b"Type", Object::Name(b"XRef".to_vec()));
    trailer.set(b"W", Object::Array(widths.map(Object::Integer).to_vec()));
    trailer.set(b"Index", Object::Array(index));
    data
}

/// Runs of consecutive object numbers.
fn runs(places: &[Place]) -> impl Iterator<Item = &[Place]> {
    places.chunk_by(|a, b| a.id.number.checked_add(1) == Some(b.id.number))
}

/// Three numbers of at most ten digits and the blanks between them.
const BYTE_RANGE_WIDTH: usize = 32;
