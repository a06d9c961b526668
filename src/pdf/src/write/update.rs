//! One incremental update (ISO 32000-2 §7.5.6): objects, cross-reference section, trailer.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::layout::{Place, Writer};
use super::object::WriteError;
use crate::syntax::security::Security;
use crate::syntax::{Dictionary, Object, ObjectId, Spelled};

/// What the update is appended to.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// Length of the original in octets.
    pub(crate) length: u64,
    /// Whether the original's last octet ends a line; if not, the tail begins with one.
    pub(crate) ends_line: bool,
    /// What to subtract from a place in the file to get the offset to write: the length of the junk
    /// before the header where the original counts from the header, else 0.
    pub(crate) origin: u64,
    /// Kind of cross-reference section to write.
    pub(crate) section: Section,
    /// The original's newest `startxref` value, as it will stand in /Prev.
    pub(crate) previous: u64,
    /// The original's newest trailer (or cross-reference stream dictionary).
    pub(crate) trailer: Dictionary,
    /// What everything written is encrypted with, where the original is.
    pub(crate) security: Option<Arc<Security>>,
}

/// Kind of a cross-reference section. A hybrid file's newest section is a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `xref` … `trailer` (ISO 32000-2 §7.5.4).
    Table,
    /// A cross-reference stream (ISO 32000-2 §7.5.8).
    Stream,
}

/// New and changed objects, by identity.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    bodies: BTreeMap<ObjectId, Body>,
    next: u32,
}

/// What an indirect object of the update holds.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Anything but a stream.
    Value(Object),
    /// A changed object; entries that did not change are written as they were spelled, since readers
    /// that compare revisions compare spellings (of numbers, at least).
    Changed {
        /// As it shall be.
        object: Object,
        /// Keys with their values as they were, as objects and as spelled.
        before: Vec<(Vec<u8>, Object, Vec<u8>)>,
    },
    /// A stream with its data as they stand in the file; /Length is added.
    Stream {
        /// Its dictionary without /Length.
        dictionary: Dictionary,
        /// The encoded data; shared, since a seal's picture is used over and over.
        data: Arc<[u8]>,
    },
    /// The signature dictionary, with room for what is known last.
    Signature(Signature),
}

/// A signature dictionary without /ByteRange and /Contents, which the layout adds.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    /// Its other entries.
    pub(crate) dictionary: Dictionary,
}

/// A laid-out update.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Everything to append to the original.
    pub(crate) tail: Vec<u8>,
    /// Place of the /Contents string in the tail, `<` and `>` included: the gap of the ByteRange.
    pub(crate) hole: Option<Range<usize>>,
}

/// Why an update cannot be laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    #[error(transparent)]
    /// An object cannot be written.
    Write(#[from] WriteError),
    /// Ten digits is what a cross-reference table and our ByteRange have room for.
    #[error("the file would reach {length} octets, offsets end at {MAX_LENGTH}")]
    TooLong {
        /// The length it would reach.
        length: u64,
    },
    /// Readers stop at 2^23 - 1 objects (ISO 32000-1 annex C), some at the number itself.
    #[error("object numbers are used up: the next would be {next}")]
    TooManyObjects {
        /// The number that cannot be given.
        next: u32,
    },
}

impl Body {
    /// An object to be changed, with its spelling; `verbatim` says whether its strings may be written as they
    /// were spelled: not those of an object stream once the object stands by itself and is encrypted by itself.
    pub(crate) fn changed(object: Object, spelled: Vec<Spelled>, verbatim: bool) -> Self {
        let mut before = Vec::with_capacity(spelled.len());
        if let Object::Dictionary(dictionary) = &object {
            for ((key, value), (spelled_key, spelling)) in dictionary.iter().zip(spelled) {
                if key == spelled_key && (verbatim || !has_string(value)) {
                    before.push((spelled_key, value.clone(), spelling));
                }
            }
        }
        Self::Changed { object, before }
    }
}

/// Whether a string stands anywhere in it.
fn has_string(object: &Object) -> bool {
    match object {
        Object::String(_) => true,
        Object::Array(items) => items.iter().any(has_string),
        Object::Dictionary(dictionary) => dictionary.iter().any(|(_, value)| has_string(value)),
        _ => false,
    }
}

impl Update {
    /// An empty update whose new objects are numbered from `next` on.
    pub(crate) fn new(next: u32) -> Self {
        Self { bodies: BTreeMap::new(), next: next.max(1) }
    }

    /// A fresh object number.
    pub(crate) fn allocate(&mut self) -> ObjectId {
        let id = ObjectId { number: self.next, generation: 0 };
        self.next = self.next.saturating_add(1);
        id
    }

    /// Sets the body of `id`.
    pub(crate) fn put(&mut self, id: ObjectId, body: Body) {
        self.bodies.insert(id, body);
    }

    /// The value already set for `id`, if any.
    pub(crate) fn value_mut(&mut self, id: ObjectId) -> Option<&mut Object> {
        match self.bodies.get_mut(&id) {
            Some(Body::Value(object) | Body::Changed { object, .. }) => Some(object),
            _ => None,
        }
    }

    /// Lays the update out behind `base`; `reserve` octets are kept for a signature's contents.
    pub(crate) fn layout(&self, base: &Base, reserve: usize) -> Result<Layout, LayoutError> {
        let mut writer = Writer::new(base, self.size_hint(reserve));
        let mut places: Vec<Place> = Vec::with_capacity(self.bodies.len() + 1);
        // The signature comes last, so that nearly all of the tail is digested once: before the hole.
        let (last, first): (Vec<_>, Vec<_>) =
            self.bodies.iter().partition(|(_, body)| matches!(body, Body::Signature(_)));
        for (&id, body) in first.into_iter().chain(last) {
            places.push(writer.place(id)?);
            writer.object(id, body, reserve)?;
        }
        places.sort_by_key(|place| place.id);
        if self.next > MAX_OBJECTS {
            return Err(LayoutError::TooManyObjects { next: self.next });
        }
        writer.section(&mut places, self.next)?;
        writer.finish()
    }

    fn size_hint(&self, reserve: usize) -> usize {
        let bodies: usize = self
            .bodies
            .values()
            .map(|body| match body {
                Body::Value(_) | Body::Changed { .. } => 1_024,
                Body::Stream { data, .. } => data.len() + 256,
                Body::Signature(_) => reserve * 2 + 512,
            })
            .sum();
        bodies + 1_024
    }
}

/// The largest offset with ten digits.
pub(super) const MAX_LENGTH: u64 = 9_999_999_999;
/// mupdf and others refuse object numbers from 2^23 on.
const MAX_OBJECTS: u32 = 8_388_607;

#[cfg(test)]
mod tests {
    use super::*;

    fn base(section: Section) -> Base {
        let mut trailer = Dictionary::new();
        trailer.set(b"Root", Object::Reference(ObjectId { number: 1, generation: 0 }));
        trailer.set(b"XRefStm", Object::Integer(5));
        trailer.set(b"Prev", Object::Integer(9));
        Base { length: 1_000, ends_line: false, origin: 0, section, previous: 900, trailer, security: None }
    }

    fn update() -> Update {
        let mut update = Update::new(10);
        update.put(ObjectId { number: 1, generation: 3 }, Body::Value(Object::Null));
        let new = update.allocate();
        let mut dictionary = Dictionary::new();
        dictionary.set(b"Type", Object::Name(b"Sig".to_vec()));
        update.put(new, Body::Signature(Signature { dictionary }));
        let stream = update.allocate();
        update.put(stream, Body::Stream { dictionary: Dictionary::new(), data: Arc::from(&b"abc"[..]) });
        update
    }

    #[test]
    fn table_entries_point_at_their_objects() {
        let layout = update().layout(&base(Section::Table), 4).unwrap();
        let text = String::from_utf8(layout.tail.clone()).unwrap();
        assert!(text.starts_with("\n1 3 obj\nnull\nendobj\n11 0 obj\n<</Length 3>>"));
        assert!(text.contains("endobj\n10 0 obj\n<</Type/Sig/ByteRange[0 "));
        assert!(text.contains("xref\n1 1\n0000001001 00003 n \n10 2\n"));
        assert!(!text.contains("XRefStm"));
        assert!(text.contains("/Size 12/Prev 900/ID[<"));
        let xref: usize =
            text.split("startxref\n").nth(1).unwrap().split('\n').next().unwrap().parse().unwrap();
        assert!(text[xref - 1_000..].starts_with("xref\n"));
        let hole = layout.hole.unwrap();
        assert_eq!(&text[hole.clone()], "<00000000>");
        let range = text.split("/ByteRange[").nth(1).unwrap().split(']').next().unwrap();
        let numbers: Vec<usize> = range.split_whitespace().map(|n| n.parse().unwrap()).collect();
        assert_eq!(numbers, [0, 1_000 + hole.start, 1_000 + hole.end, text.len() - hole.end]);
    }

    #[test]
    fn stream_section_lists_itself() {
        let layout = update().layout(&base(Section::Stream), 4).unwrap();
        let text: String = layout.tail.iter().map(|&b| char::from(b)).collect();
        assert!(text.contains("/Size 13/"), "{text}");
        assert!(text.contains("/Type/XRef/W[1 2 2]/Index[1 1 10 3]/Length 20>>"), "{text}");
    }

    #[test]
    fn same_update_gives_same_bytes_and_another_gives_another_id() {
        let a = update().layout(&base(Section::Table), 4).unwrap().tail;
        assert_eq!(a, update().layout(&base(Section::Table), 4).unwrap().tail);
        let mut longer = base(Section::Table);
        longer.previous = 901;
        let b = update().layout(&longer, 4).unwrap().tail;
        let id = |tail: &[u8]| String::from_utf8_lossy(tail).split("/ID[<").nth(1).unwrap()[..32].to_owned();
        assert_ne!(id(&a), id(&b));
    }

    #[test]
    fn offsets_count_from_the_header_where_the_original_does() {
        let mut shifted = base(Section::Table);
        shifted.origin = 100;
        let text = String::from_utf8(update().layout(&shifted, 4).unwrap().tail).unwrap();
        assert!(text.contains("0000000901 00003 n"));
    }

    #[test]
    fn eleven_digits_are_refused() {
        let mut long = base(Section::Table);
        long.length = MAX_LENGTH;
        assert!(matches!(update().layout(&long, 4), Err(LayoutError::TooLong { .. })));
    }

    #[test]
    fn object_numbers_end_where_readers_end() {
        let mut update = Update::new(MAX_OBJECTS);
        let id = update.allocate();
        update.put(id, Body::Value(Object::Null));
        assert!(matches!(update.layout(&base(Section::Table), 0), Err(LayoutError::TooManyObjects { .. })));
    }
}
