//! The document: its chain of cross-reference sections, and objects looked up through it.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::input::Input;
use super::parser::Parser;
use super::security::Security;
use super::view::Held;
use super::xref::{self, Entry, Section, XrefKind};
use super::{
    Dictionary, Limits, Object, ObjectId, Oddity, OpenError, Page, Pages, ReadError, Source, Stream, View,
    pages,
};

/// An opened PDF document.
///
/// Opening reads header, `startxref` and every cross-reference section; objects are parsed when asked for
/// and not kept. All methods look at the newest state; [`Document::view`] looks at an older one.
pub struct Document<'a> {
    pub(super) input: Input<'a>,
    header_offset: u64,
    version: (u8, u8),
    /// Newest first; never empty.
    pub(super) sections: Vec<Section>,
    pub(super) packed: RefCell<Held>,
    oddities: RefCell<BTreeSet<Oddity>>,
    /// For long chains, the sections that mention each number, newest first.
    mentions: OnceCell<HashMap<u32, Vec<usize>>>,
    /// Numbers looked up while somebody listens; see [`Document::traced`].
    trace: RefCell<Option<HashSet<u32>>>,
    /// The key of an encrypted document.
    security: Option<Arc<Security>>,
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
        let encryption = encryption(&sections)?;
        let mut document = Self {
            input,
            header_offset,
            version,
            sections,
            packed: RefCell::default(),
            oddities: RefCell::new(oddities.into_iter().collect()),
            mentions: OnceCell::new(),
            trace: RefCell::default(),
            security: None,
        };
        if let Some(entry) = encryption {
            document.same_encryption(&entry)?;
            let identifier = identifier(&document.sections);
            document.security = Some(Arc::new(Security::open(&document, &entry, &identifier)?));
            document.packed.take();
        }
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
        View::new(self, 0)
    }

    /// The document as `sections()[first..]` describe it.
    #[must_use]
    pub fn view_from(&self, first: usize) -> View<'_, 'a> {
        View::new(self, first)
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

    /// Whether the document is encrypted; it opened with the empty user password, as anybody opens it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.security.is_some()
    }

    pub(crate) fn security(&self) -> Option<&Arc<Security>> {
        self.security.as_ref()
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

    pub(super) fn trace(&self, number: u32) {
        if let Some(trace) = self.trace.borrow_mut().as_mut() {
            trace.insert(number);
        }
    }

    /// The sections that mention `number`, newest first, from section `first` on.
    pub(super) fn mentioning(&self, number: u32, first: usize) -> impl Iterator<Item = &Section> {
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

    /// Whether what /Encrypt leads to had one value all along: [`encryption`] compares what the trailers say,
    /// and a dictionary rewritten under the same number would decrypt every older revision differently.
    fn same_encryption(&self, entry: &Object) -> Result<(), OpenError> {
        let named = |section: &Section| section.trailer.get(b"Encrypt").is_some_and(|e| *e != Object::Null);
        let mut seen = HashSet::new();
        let mut waiting = Vec::new();
        each_number(entry, &mut waiting);
        while let Some(number) = waiting.pop() {
            if !seen.insert(number) {
                continue;
            }
            if seen.len() > MAX_ENCRYPTION {
                return Err(OpenError::TooComplex { budget: "objects of the encryption dictionary" });
            }
            let mut newest: Option<(Option<Entry>, Object)> = None;
            for (first, section) in self.sections.iter().enumerate().filter(|(_, section)| named(section)) {
                let view = self.view_from(first);
                let at = view.locate(number);
                // An object stream may be another one under the same number, so its objects are read again.
                let moved = !matches!(at, Some(Entry::Offset { .. }));
                if !moved && newest.as_ref().is_some_and(|(place, _)| *place == at) {
                    continue;
                }
                let found = match at {
                    Some(place) => view.object(crate::revisions::identity(number, place))?,
                    None => Object::Null,
                };
                match &newest {
                    None => {
                        each_number(&found, &mut waiting);
                        newest = Some((at, found));
                    }
                    Some((_, value)) if crate::revisions::same_value(value, &found) => {}
                    Some(_) => {
                        let what = "an update changes the encryption";
                        return Err(OpenError::Malformed { what, offset: section.offset });
                    }
                }
            }
        }
        Ok(())
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

/// The /Encrypt entry, on which all sections agree: every revision's strings and streams are read with one key, so
/// that an update that adds, changes or drops it would change what everything before it says. Only the main
/// section of a linearised file, which stands behind its successor, may leave it out (annex F.3.4). That the
/// objects it leads to have one value too is [`Document::same_encryption`]'s part.
fn encryption(sections: &[Section]) -> Result<Option<Object>, OpenError> {
    let entry = |section: &Section| match section.trailer.get(b"Encrypt") {
        None | Some(Object::Null) => None,
        Some(entry) => Some(entry.clone()),
    };
    let newest = sections.first().and_then(entry);
    let mut successor = 0;
    for section in sections {
        let found = entry(section);
        if found != newest && !(found.is_none() && section.offset > successor) {
            let what = "an update changes the encryption";
            return Err(OpenError::Malformed { what, offset: section.offset });
        }
        successor = section.offset;
    }
    Ok(newest)
}

/// The numbers a value refers to.
fn each_number(value: &Object, found: &mut Vec<u32>) {
    match value {
        Object::Reference(id) => found.push(id.number),
        Object::Array(items) => items.iter().for_each(|item| each_number(item, found)),
        Object::Dictionary(dictionary) => dictionary.iter().for_each(|(_, value)| each_number(value, found)),
        _ => {}
    }
}

/// The first element of the newest /ID.
fn identifier(sections: &[Section]) -> Vec<u8> {
    let first =
        |section: &Section| Some(section.trailer.get(b"ID")?.as_array()?.first()?.as_string()?.to_vec());
    sections.iter().find_map(first).unwrap_or_default()
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
    let mut budget = input.entries();
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
/// An encryption dictionary consists of its crypt filters at most.
const MAX_ENCRYPTION: usize = 64;
