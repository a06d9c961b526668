//! Objects looked up in one state of a document: through its cross-references, out of object streams.

use std::collections::HashMap;
use std::sync::Arc;

use super::document::Document;
use super::indirect::{self, Located};
use super::parser::Parser;
use super::xref::{Entry, Section};
use super::{Dictionary, Object, ObjectId, Oddity, ReadError, Stream, filter, security};

/// The document as some of its sections, the oldest ones, describe it.
#[derive(Clone, Copy)]
pub struct View<'d, 'a> {
    document: &'d Document<'a>,
    first: usize,
}

/// A key and its value's octets.
pub(crate) type Spelled = (Vec<u8>, Vec<u8>);

/// A decoded object stream (ISO 32000-2 §7.5.7).
pub(super) struct Packed {
    data: Vec<u8>,
    /// Object number and offset in `data`.
    index: Vec<(u32, usize)>,
}

/// Decoded object streams by the offset of their object.
#[derive(Default)]
pub(super) struct Held {
    streams: HashMap<u64, Arc<Packed>>,
    octets: usize,
}

impl Held {
    /// What does not fit is decoded again, out of the same budgets, when it is asked for again.
    fn keep(&mut self, offset: u64, packed: &Arc<Packed>) {
        let octets = packed.data.len() + packed.index.len() * size_of::<(u32, usize)>();
        if self.octets.saturating_add(octets) > MAX_HELD {
            *self = Self::default();
        }
        self.octets = self.octets.saturating_add(octets);
        self.streams.insert(offset, Arc::clone(packed));
    }
}

impl<'d, 'a> View<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>, first: usize) -> Self {
        Self { document, first }
    }

    /// The document this is a view of.
    #[must_use]
    pub fn document(self) -> &'d Document<'a> {
        self.document
    }

    /// The sections that make up this view, newest first.
    #[must_use]
    pub fn sections(self) -> &'d [Section] {
        self.document.sections.get(self.first..).unwrap_or_default()
    }

    /// The trailer of its newest section.
    #[must_use]
    pub fn trailer(self) -> &'d Dictionary {
        self.sections().first().map_or(const { &Dictionary::EMPTY }, |section| &section.trailer)
    }

    /// Where an object number is, by the newest section that mentions it.
    #[must_use]
    pub fn locate(self, number: u32) -> Option<Entry> {
        self.document.mentioning(number, self.first).find_map(|section| section.lookup(number))
    }

    /// The object; null when free, absent or of another generation.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    pub fn object(self, id: ObjectId) -> Result<Object, ReadError> {
        self.object_at(id, self.document.input.limits.depth)
    }

    /// The object with everything that is known about where it stands; `None` when free, absent, of
    /// another generation or in an object stream.
    pub(crate) fn located(self, id: ObjectId) -> Result<Option<Located>, ReadError> {
        match self.locate(id.number) {
            Some(Entry::Offset { offset, generation }) if generation == id.generation => {
                self.read_located(offset, id, self.document.input.limits.depth).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The object a reference leads to, through references to references; other objects as they are.
    ///
    /// # Errors
    /// [`ReadError`] when an object on the way cannot be read or the chain is too long.
    pub fn resolve(self, object: &Object) -> Result<Object, ReadError> {
        let Object::Reference(id) = object else { return Ok(object.clone()) };
        let mut id = *id;
        for _ in 0..self.document.input.limits.depth {
            match self.object(id)? {
                Object::Reference(next) => id = next,
                other => return Ok(other),
            }
        }
        Err(ReadError::TooComplex { budget: "chain of references" })
    }

    /// The value of `key` with references followed; null when absent.
    ///
    /// # Errors
    /// [`ReadError`] when an object on the way cannot be read.
    pub fn entry(self, dictionary: &Dictionary, key: &[u8]) -> Result<Object, ReadError> {
        dictionary.get(key).map_or(Ok(Object::Null), |value| self.resolve(value))
    }

    /// The decoded data of a stream, at most `max` octets of it.
    ///
    /// # Errors
    /// [`ReadError::TooComplex`] beyond `max` or the document's budget, `Unsupported` for image filters,
    /// `Malformed` for broken data.
    pub fn stream_data(self, stream: &Stream, max: usize) -> Result<Vec<u8>, ReadError> {
        let mut direct = Dictionary::new();
        for key in [b"Filter".as_slice(), b"DecodeParms", b"F", b"DP"] {
            let value = match self.entry(&stream.dictionary, key)? {
                Object::Array(items) if items.len() <= 8 => {
                    Object::Array(items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?)
                }
                other => other,
            };
            direct.set(key, value);
        }
        let raw = self.plain_stream(stream, &direct)?;
        filter::decode(&self.document.input, &direct, raw, max)
    }

    /// The stream's octets without encryption, filters still on; `filters` is its dictionary with those direct.
    fn plain_stream(self, stream: &Stream, filters: &Dictionary) -> Result<Vec<u8>, ReadError> {
        let raw = self.raw_stream(stream)?;
        match self.document.security() {
            Some(security) => security.decrypt_stream(stream, filters, raw),
            None if security::crypt_filter(filters).is_some_and(|name| name != b"Identity") => {
                Err(ReadError::Unsupported { what: "crypt filter" })
            }
            None => Ok(raw),
        }
    }

    /// The stream's octets as they stand in the file.
    pub(crate) fn raw_stream(self, stream: &Stream) -> Result<Vec<u8>, ReadError> {
        let length = usize::try_from(stream.length)
            .ok()
            .filter(|length| *length <= self.document.input.limits.stream_bytes)
            .ok_or(ReadError::TooComplex { budget: "octets in one stream" })?;
        self.document.input.read(stream.offset, length)
    }

    /// The catalog and its identity.
    ///
    /// # Errors
    /// [`ReadError::Malformed`] when the trailer's `/Root` does not lead to a dictionary.
    pub fn catalog(self) -> Result<(ObjectId, Dictionary), ReadError> {
        let offset = self.sections().first().map_or(0, |section| section.offset);
        let Some(Object::Reference(id)) = self.trailer().get(b"Root") else {
            return Err(ReadError::Malformed { what: "trailer without a catalog reference", offset });
        };
        match self.object(*id)? {
            Object::Dictionary(catalog) => Ok((*id, catalog)),
            _ => Err(ReadError::Malformed { what: "catalog is not a dictionary", offset }),
        }
    }

    fn object_at(self, id: ObjectId, depth: usize) -> Result<Object, ReadError> {
        self.document.trace(id.number);
        match self.locate(id.number) {
            None | Some(Entry::Free { .. }) => Ok(Object::Null),
            Some(Entry::Offset { generation, .. }) if generation != id.generation => {
                self.document.note(Oddity::GenerationMismatch);
                Ok(Object::Null)
            }
            Some(Entry::Packed { .. }) if id.generation != 0 => {
                self.document.note(Oddity::GenerationMismatch);
                Ok(Object::Null)
            }
            Some(Entry::Offset { offset, .. }) => Ok(self.read_located(offset, id, depth)?.object),
            Some(Entry::Packed { stream, index }) => self.read_packed(id, stream, index, depth),
        }
    }

    fn read_located(self, offset: u64, id: ObjectId, depth: usize) -> Result<Located, ReadError> {
        if offset >= self.document.input.len() {
            return Err(ReadError::Malformed { what: "object beyond the file", offset });
        }
        let mut located = indirect::read(&self.document.input, offset, &mut |id| self.length(id, depth))?;
        if located.id != id {
            return Err(ReadError::Malformed {
                what: "another object than the cross-reference says",
                offset,
            });
        }
        for oddity in &located.oddities {
            self.document.note(*oddity);
        }
        if let Some(security) = self.document.security()
            && !security.decrypt_object(id, &mut located.object)
        {
            self.document.note(Oddity::StringNotEncrypted);
        }
        Ok(located)
    }

    /// An indirect `/Length`: an integer object. What it takes to read it (an object stream whose own
    /// length is indirect …) is paid from `depth`: such chains have stopped readers with a full stack.
    fn length(self, id: ObjectId, depth: usize) -> Result<u64, ReadError> {
        let depth =
            depth.checked_sub(1).ok_or(ReadError::TooComplex { budget: "chain of stream lengths" })?;
        match self.object_at(id, depth)? {
            Object::Integer(n) if n >= 0 => Ok(n.unsigned_abs()),
            _ => Err(ReadError::Malformed { what: "stream length is not an integer", offset: 0 }),
        }
    }

    fn read_packed(self, id: ObjectId, stream: u32, index: u32, depth: usize) -> Result<Object, ReadError> {
        let packed = self.packed_stream(stream, depth)?;
        let fail = |what| ReadError::Malformed { what, offset: 0 };
        let found = packed.index.get(index as usize).filter(|(number, _)| *number == id.number);
        let (_, start) = found.ok_or(fail("object stream does not hold the object at its index"))?;
        self.document.input.spend_object()?;
        let limits = &self.document.input.limits;
        let mut parser = Parser::new(&packed.data, *start, limits.depth, limits.nodes);
        let object = parser.object();
        self.document.input.spend_values(parser.values(), parser.position().saturating_sub(*start))?;
        object.map_err(|error| super::input::located(error, 0))
    }

    /// A dictionary object and its values as they are spelled, for whoever writes it again with one value
    /// changed; no spellings for what is no dictionary.
    pub(crate) fn spelled(self, id: ObjectId) -> Result<(Object, Vec<Spelled>), ReadError> {
        if let Some(Entry::Packed { stream, index }) = self.locate(id.number) {
            let depth = self.document.input.limits.depth;
            let object = self.read_packed(id, stream, index, depth)?;
            let packed = self.packed_stream(stream, depth)?;
            let start = packed.index.get(index as usize).map_or(0, |(_, start)| *start);
            let limits = &self.document.input.limits;
            let mut parser = Parser::new(&packed.data, start, limits.depth, limits.nodes).recording();
            parser.object().map_err(|error| super::input::located(error, 0))?;
            let spelled =
                |(key, span): (_, std::ops::Range<usize>)| Some((key, packed.data.get(span)?.to_vec()));
            return Ok((object, parser.into_spans().into_iter().filter_map(spelled).collect()));
        }
        let Some(located) = self.located(id)? else { return Ok((Object::Null, Vec::new())) };
        let mut spelled = Vec::with_capacity(located.spans.len());
        for (key, span) in located.spans {
            let length = usize::try_from(span.end.saturating_sub(span.start)).unwrap_or(usize::MAX);
            spelled.push((key, self.document.input.read(span.start, length)?));
        }
        Ok((located.object, spelled))
    }

    /// The numbers of the objects an object stream holds, in order.
    pub(crate) fn packed_numbers(self, stream: u32) -> Result<Vec<u32>, ReadError> {
        let packed = self.packed_stream(stream, self.document.input.limits.depth)?;
        Ok(packed.index.iter().map(|(number, _)| *number).collect())
    }

    fn packed_stream(self, number: u32, depth: usize) -> Result<Arc<Packed>, ReadError> {
        let fail = |what| ReadError::Malformed { what, offset: 0 };
        self.document.trace(number);
        let Some(Entry::Offset { offset, generation: 0 }) = self.locate(number) else {
            return Err(fail("object stream is not an object of generation 0"));
        };
        if let Some(packed) = self.document.packed.borrow().streams.get(&offset) {
            return Ok(Arc::clone(packed));
        }
        let depth =
            depth.checked_sub(1).ok_or(ReadError::TooComplex { budget: "chain of object streams" })?;
        let object = self.object_at(ObjectId { number, generation: 0 }, depth)?;
        let Object::Stream(stream) = object else { return Err(fail("object stream is not a stream")) };
        let dictionary = &stream.dictionary;
        if dictionary.get(b"Type").and_then(Object::as_name) != Some(b"ObjStm") {
            return Err(fail("stream is not an object stream"));
        }
        let raw = self.plain_stream(&stream, dictionary)?;
        let data = filter::decode_direct(&self.document.input, dictionary, raw)?;
        let integer = |key: &[u8]| dictionary.get(key)?.as_integer().and_then(|n| usize::try_from(n).ok());
        let (count, first) =
            integer(b"N").zip(integer(b"First")).ok_or(fail("object stream without /N and /First"))?;
        if count > data.len() || first > data.len() {
            return Err(fail("object stream shorter than its index"));
        }
        let limits = &self.document.input.limits;
        let mut parser = Parser::new(&data, 0, limits.depth, limits.nodes);
        let mut index = Vec::with_capacity(count);
        for _ in 0..count {
            parser.skip_space();
            let number = parser.unsigned().and_then(|n| u32::try_from(n).ok());
            parser.skip_space();
            let start = parser.unsigned().and_then(|n| usize::try_from(n).ok()?.checked_add(first));
            index.push(number.zip(start).ok_or(fail("object stream with a bad index"))?);
        }
        let packed = Arc::new(Packed { data, index });
        self.document.packed.borrow_mut().keep(offset, &packed);
        Ok(packed)
    }
}

/// Octets of decoded object streams that are held at once.
const MAX_HELD: usize = 64 << 20;
