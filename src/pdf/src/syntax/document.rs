//! The document: its chain of cross-reference sections, and objects looked up through it.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::indirect::{self, Located};
use super::input::Input;
use super::parser::Parser;
use super::xref::{self, Entry, Section, XrefKind};
use super::{
    Dictionary, Limits, Object, ObjectId, Oddity, OpenError, Page, Pages, ReadError, Source, Stream, filter,
    pages,
};

/// An opened PDF document.
///
/// Opening reads header, `startxref` and every cross-reference section; objects are parsed when asked for
/// and not kept. All methods look at the newest state; [`Document::view`] looks at an older one.
pub struct Document<'a> {
    input: Input<'a>,
    header_offset: u64,
    version: (u8, u8),
    /// Newest first; never empty.
    sections: Vec<Section>,
    /// Decoded object streams by the offset of their object.
    packed: RefCell<HashMap<u64, Arc<Packed>>>,
    oddities: RefCell<BTreeSet<Oddity>>,
    /// For long chains, the sections that mention each number, newest first.
    mentions: OnceCell<HashMap<u32, Vec<usize>>>,
    /// Numbers looked up while somebody listens; see [`Document::traced`].
    trace: RefCell<Option<HashSet<u32>>>,
}

/// The document as some of its sections, the oldest ones, describe it.
#[derive(Clone, Copy)]
pub struct View<'d, 'a> {
    document: &'d Document<'a>,
    first: usize,
}

/// A key and its value's octets.
pub(crate) type Spelled = (Vec<u8>, Vec<u8>);

/// A decoded object stream (ISO 32000-2 §7.5.7).
struct Packed {
    data: Vec<u8>,
    /// Object number and offset in `data`.
    index: Vec<(u32, usize)>,
}

impl<'a> Document<'a> {
    /// Reads the header and all cross-reference sections.
    ///
    /// # Errors
    /// [`OpenError`] when this is no PDF, is encrypted, breaks the syntax or costs more than `limits`.
    pub fn open(source: &'a dyn Source, limits: &Limits) -> Result<Self, OpenError> {
        let input = Input::new(source, limits.clone());
        let start = input.read(0, HEADER_SEARCH)?;
        let at = memchr::memmem::find(&start, b"%PDF-").ok_or(OpenError::NotPdf)?;
        let version = match start.get(at + 5..at + 8) {
            Some([major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9']) => (major - b'0', minor - b'0'),
            _ => return Err(OpenError::Malformed { what: "header without a version", offset: at as u64 }),
        };
        let header_offset = at as u64;
        let mut oddities = Vec::new();
        if header_offset > 0 {
            oddities.push(Oddity::JunkBeforeHeader);
        }
        let newest = last_startxref(&input)?;
        let sections = chain(&input, header_offset, newest, &mut oddities)?;
        let encrypted =
            |section: &Section| !matches!(section.trailer.get(b"Encrypt"), None | Some(Object::Null));
        if sections.iter().any(encrypted) {
            return Err(OpenError::Encrypted);
        }
        let document = Self {
            input,
            header_offset,
            version,
            sections,
            packed: RefCell::default(),
            oddities: RefCell::new(oddities.into_iter().collect()),
            mentions: OnceCell::new(),
            trace: RefCell::default(),
        };
        if i64::from(document.highest()) >= document.declared_size() {
            document.note(Oddity::EntryBeyondSize);
        }
        Ok(document)
    }

    /// The source it reads from.
    #[must_use]
    pub fn source(&self) -> &'a dyn Source {
        self.input.source
    }

    /// What reading it may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.input.limits
    }

    /// The newest trailer.
    #[must_use]
    pub fn trailer(&self) -> &Dictionary {
        self.newest().map_or(const { &Dictionary::EMPTY }, |section| &section.trailer)
    }

    /// Where the newest section starts, as a `/Prev` entry has to say it: counted from the header.
    #[must_use]
    pub fn startxref(&self) -> u64 {
        self.newest().map_or(0, |section| section.offset.saturating_sub(self.header_offset))
    }

    /// How the newest section is written.
    #[must_use]
    pub fn xref_kind(&self) -> XrefKind {
        self.newest().map_or(XrefKind::Table, |section| section.kind)
    }

    /// The lowest object number no section uses and `/Size` does not cover.
    #[must_use]
    pub fn next_object_number(&self) -> u32 {
        let size = u32::try_from(self.declared_size()).unwrap_or(0);
        size.max(self.highest().saturating_add(1))
    }

    /// Octets before `%PDF-`; offsets inside the file are counted from there.
    #[must_use]
    pub fn header_offset(&self) -> u64 {
        self.header_offset
    }

    /// The version in the header, as (major, minor).
    #[must_use]
    pub fn version(&self) -> (u8, u8) {
        self.version
    }

    /// All sections, newest first.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// What was accepted although the standard says otherwise, so far.
    #[must_use]
    pub fn oddities(&self) -> Vec<Oddity> {
        self.oddities.borrow().iter().copied().collect()
    }

    /// The document in its newest state.
    #[must_use]
    pub fn view(&self) -> View<'_, 'a> {
        View { document: self, first: 0 }
    }

    /// The document as `sections()[first..]` describe it.
    #[must_use]
    pub fn view_from(&self, first: usize) -> View<'_, 'a> {
        View { document: self, first }
    }

    /// An object in the newest state; see [`View::object`].
    ///
    /// # Errors
    /// [`ReadError`] when the object cannot be read.
    pub fn object(&self, id: ObjectId) -> Result<Object, ReadError> {
        self.view().object(id)
    }

    /// Follows references; see [`View::resolve`].
    ///
    /// # Errors
    /// [`ReadError`] when an object on the way cannot be read.
    pub fn resolve(&self, object: &Object) -> Result<Object, ReadError> {
        self.view().resolve(object)
    }

    /// A dictionary entry with references followed; see [`View::entry`].
    ///
    /// # Errors
    /// [`ReadError`] when an object on the way cannot be read.
    pub fn entry(&self, dictionary: &Dictionary, key: &[u8]) -> Result<Object, ReadError> {
        self.view().entry(dictionary, key)
    }

    /// Whether the object is stored in an object stream in the newest state.
    #[must_use]
    pub fn is_in_object_stream(&self, id: ObjectId) -> bool {
        matches!(self.view().locate(id.number), Some(Entry::Packed { .. }))
    }

    /// The decoded data of a stream; see [`View::stream_data`].
    ///
    /// # Errors
    /// [`ReadError`] when the data cannot be decoded within `max` octets.
    pub fn stream_data(&self, stream: &Stream, max: usize) -> Result<Vec<u8>, ReadError> {
        self.view().stream_data(stream, max)
    }

    /// The catalog and its identity; see [`View::catalog`].
    ///
    /// # Errors
    /// [`ReadError`] when there is none.
    pub fn catalog(&self) -> Result<(ObjectId, Dictionary), ReadError> {
        self.view().catalog()
    }

    /// How many pages the page tree's root claims.
    ///
    /// # Errors
    /// [`ReadError`] when the page tree has no usable root.
    pub fn page_count(&self) -> Result<u32, ReadError> {
        pages::count(self.view())
    }

    /// The page at `index`, counted from 0, with inherited attributes.
    ///
    /// # Errors
    /// [`ReadError`] when there is no such page or the tree is broken on the way to it.
    pub fn page(&self, index: u32) -> Result<Page, ReadError> {
        pages::page(self.view(), index)
    }

    /// All pages in order, or from the last to the first; for whoever looks at many of them.
    ///
    /// # Errors
    /// [`ReadError`] when the page tree has no usable root; the iterator ends after its first error.
    pub fn pages(&self, reverse: bool) -> Result<Pages<'_, 'a>, ReadError> {
        pages::pages(self.view(), reverse)
    }

    pub(crate) fn input(&self) -> &Input<'a> {
        &self.input
    }

    pub(crate) fn note(&self, oddity: Oddity) {
        self.oddities.borrow_mut().insert(oddity);
    }

    /// Runs `read` and answers the numbers of all objects and object streams it looked at, found or not.
    pub(crate) fn traced<T>(&self, read: impl FnOnce() -> T) -> (T, HashSet<u32>) {
        let outer = self.trace.replace(Some(HashSet::new()));
        let result = read();
        (result, self.trace.replace(outer).unwrap_or_default())
    }

    fn trace(&self, number: u32) {
        if let Some(trace) = self.trace.borrow_mut().as_mut() {
            trace.insert(number);
        }
    }

    /// The sections that mention `number`, newest first, from section `first` on.
    fn mentioning(&self, number: u32, first: usize) -> impl Iterator<Item = &Section> {
        let long = self.sections.len() > LONG_CHAIN;
        let listed = long.then(|| {
            let mentions = self.mentions.get_or_init(|| {
                let mut mentions: HashMap<u32, Vec<usize>> = HashMap::new();
                for (at, section) in self.sections.iter().enumerate() {
                    section.numbers().for_each(|number| mentions.entry(number).or_default().push(at));
                }
                mentions
            });
            let all = mentions.get(&number).map_or(&[][..], Vec::as_slice);
            all.get(all.partition_point(|at| *at < first)..).unwrap_or_default()
        });
        let listed = listed.into_iter().flatten().filter_map(|at| self.sections.get(*at));
        let rest = if long { &[] } else { self.sections.get(first..).unwrap_or_default() };
        listed.chain(rest)
    }

    fn newest(&self) -> Option<&Section> {
        self.sections.first()
    }

    fn highest(&self) -> u32 {
        self.sections.iter().map(Section::highest).max().unwrap_or(0)
    }

    fn declared_size(&self) -> i64 {
        let sizes = self.sections.iter().filter_map(|section| section.trailer.get(b"Size")?.as_integer());
        sizes.max().unwrap_or(0)
    }
}

impl<'d, 'a> View<'d, 'a> {
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
        let raw = self.raw_stream(stream)?;
        filter::decode(&self.document.input, &direct, raw, max)
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
        let located = indirect::read(&self.document.input, offset, &mut |id| self.length(id, depth))?;
        if located.id != id {
            return Err(ReadError::Malformed {
                what: "another object than the cross-reference says",
                offset,
            });
        }
        for oddity in &located.oddities {
            self.document.note(*oddity);
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
        let object = parser.object().map_err(|error| super::input::located(error, 0))?;
        Ok(object)
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
        if let Some(packed) = self.document.packed.borrow().get(&offset) {
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
        let data = filter::decode_direct(&self.document.input, dictionary, self.raw_stream(&stream)?)?;
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
        self.document.packed.borrow_mut().insert(offset, Arc::clone(&packed));
        Ok(packed)
    }
}

/// The offset that the last `startxref` of the file gives (§7.5.5).
fn last_startxref(input: &Input<'_>) -> Result<u64, OpenError> {
    let missing = OpenError::Malformed { what: "no startxref", offset: input.len() };
    for reach in [1024_u64, TRAILER_SEARCH] {
        let from = input.len().saturating_sub(reach);
        let tail = input.read(from, usize::try_from(reach).unwrap_or(usize::MAX))?;
        let Some(at) = memchr::memmem::rfind(&tail, b"startxref") else { continue };
        let mut parser = Parser::new(&tail, at + 9, 1, 1);
        parser.skip_space();
        return parser
            .unsigned()
            .ok_or(OpenError::Malformed { what: "startxref without an offset", offset: from + at as u64 });
    }
    Err(missing)
}

/// Follows `/Prev` from the newest section.
fn chain(
    input: &Input<'_>,
    header: u64,
    newest: u64,
    oddities: &mut Vec<Oddity>,
) -> Result<Vec<Section>, OpenError> {
    let mut sections: Vec<Section> = Vec::new();
    let mut seen = HashSet::new();
    let mut budget = input.limits.xref_entries;
    let mut next = Some(newest);
    while let Some(offset) = next {
        let fail = |what| OpenError::Malformed { what, offset };
        let absolute = offset.checked_add(header).filter(|at| *at < input.len());
        let absolute = absolute.ok_or(fail("cross-reference section beyond the file"))?;
        if sections.len() >= input.limits.sections {
            return Err(OpenError::TooComplex { budget: "cross-reference sections" });
        }
        let section = xref::section(input, header, absolute, &mut budget, oddities)?;
        if !seen.insert(section.offset) {
            return Err(fail("cross-reference sections form a cycle"));
        }
        next = match section.trailer.get(b"Prev") {
            None | Some(Object::Null) => None,
            Some(Object::Integer(0)) => {
                oddities.push(Oddity::PrevZero);
                None
            }
            Some(Object::Integer(at)) => {
                Some(u64::try_from(*at).map_err(|_| fail("previous section before the file"))?)
            }
            Some(_) => return Err(fail("/Prev is not an integer")),
        };
        sections.push(section);
    }
    Ok(sections)
}

/// How far into the file the header may stand: Acrobat's habit, followed by all (ISO 32000-1 annex H.3.4.1).
const HEADER_SEARCH: usize = 1024;
/// How far from the end `startxref` is looked for, so that some trailing data is reported rather than fatal.
const TRAILER_SEARCH: u64 = 1 << 16;
/// Chains longer than this are indexed by object number; nobody updates a document that often by hand.
const LONG_CHAIN: usize = 16;
