//! The structure of a file as it stands in its octets: every revision, every cross-reference section, every
//! object with its place, and what no section accounts for.
//!
//! For whoever wants to know *what* an attack or an odd program did; [`verify`](crate::verify) decides
//! whether it matters. Nothing is repaired and nothing is judged by a signature here. Called by
//! `cinnabar pdf inspect`. Bounded by [`Limits`] and by [`Bounds`]; what is left out is said.

mod octets;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::revisions::{Revision, Revisions, identity, in_use};
use crate::syntax::parser::{Parser, is_space};
use crate::syntax::{
    Document, Entry, Limits, Object, ObjectId, Oddity, ReadError, Section, Source, XrefKind, indirect,
};
use crate::verify::Unreadable;

/// How much of a structure is told.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Objects listed; all are counted.
    pub objects: usize,
    /// Octets searched for objects that no section mentions.
    pub searched: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { objects: 10_000, searched: 64 << 20 }
    }
}

/// What a file consists of.
#[derive(Debug, Clone, Serialize)]
pub struct Structure {
    /// Its length in octets.
    pub length: u64,
    /// The version its header names.
    pub version: String,
    /// Octets before the header.
    pub header_offset: u64,
    /// Whether its first revision is linearised.
    pub linearized: bool,
    /// Whether sections stand in the file in the order their `/Prev` entries claim.
    pub ordered: bool,
    /// Its revisions, oldest first.
    pub revisions: Vec<RevisionStructure>,
    /// Objects by where they stand, as far as [`Bounds::objects`] goes.
    pub objects: Vec<ObjectStructure>,
    /// How many objects there are of each status, listed or not.
    pub counts: BTreeMap<Status, usize>,
    /// Octet ranges `[from, to)` that belong to no object, section, header or end of a revision and are more
    /// than white space and comments.
    pub outside: Vec<[u64; 2]>,
    /// What was accepted although the standard says otherwise.
    pub oddities: Vec<&'static str>,
    /// Whether something was left out of `objects` or not searched.
    pub truncated: bool,
}

/// One revision.
#[derive(Debug, Clone, Serialize)]
pub struct RevisionStructure {
    /// Counted from 1.
    pub number: usize,
    /// Where its octets start.
    pub start: u64,
    /// Where its end-of-file marker ends.
    pub eof: u64,
    /// Where the white space after that ends.
    pub end: u64,
    /// Where its `startxref` keyword stands.
    pub startxref: Option<u64>,
    /// Why another reader may see another document in it.
    pub ambiguous: Option<&'static str>,
    /// Its cross-reference sections, newest first.
    pub sections: Vec<SectionStructure>,
}

/// One cross-reference section.
#[derive(Debug, Clone, Serialize)]
pub struct SectionStructure {
    /// How it is written.
    pub kind: Kind,
    /// Where it starts.
    pub offset: u64,
    /// Where its trailer, or its stream object, ends.
    pub end: u64,
    /// Where `/Prev` says the section before it starts, counted from the header.
    pub prev: Option<i64>,
    /// How many objects it mentions.
    pub entries: usize,
    /// How many more the stream of a hybrid section mentions.
    pub hybrid_entries: usize,
}

/// How a section is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A table.
    Table,
    /// A cross-reference stream.
    Stream,
    /// A table with a stream beside it.
    Hybrid,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// What the document consists of now.
    Current,
    /// Replaced by a later revision.
    Superseded,
    /// Freed by this revision.
    Freed,
    /// Mentioned, but another entry of the same revision counts.
    Shadowed,
    /// In the file, and mentioned by no section.
    Hidden,
    /// Mentioned, and not there.
    Unreadable,
}

/// One object, or an entry that leads to none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectStructure {
    /// Its number.
    pub object: u32,
    /// Its generation.
    pub generation: u16,
    /// What became of it.
    pub status: Status,
    /// The revision that mentions it, or whose octets hold it; counted from 1.
    pub revision: Option<usize>,
    /// Where it stands; absent in an object stream.
    pub offset: Option<u64>,
    /// Where it ends.
    pub end: Option<u64>,
    /// The object stream that holds it.
    pub stream: Option<u32>,
    /// Its `/Type`, or what kind of object it is.
    pub kind: String,
    /// Why it cannot be read.
    pub error: Option<String>,
}

impl Structure {
    /// Whether there is something a reader of the document is not shown, or might be shown instead of it:
    /// hidden, shadowed or unreadable objects, octets outside, revisions that can be read in two ways.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        !self.outside.is_empty()
            || !self.ordered
            || self.revisions.iter().any(|revision| revision.ambiguous.is_some())
            || [Status::Shadowed, Status::Hidden, Status::Unreadable]
                .iter()
                .any(|status| self.counts.contains_key(status))
    }
}

/// Looks at the file in `source`.
///
/// # Errors
/// [`Unreadable`] when it is no PDF, its cross-references cannot be followed, or it costs more than `limits`.
pub fn inspect(source: &dyn Source, limits: &Limits, bounds: &Bounds) -> Result<Structure, Unreadable> {
    let document = Document::open(source, limits)?;
    let revisions = Revisions::of(&document)?;
    let mut survey = Survey::new(&document, &revisions, bounds);
    for (at, revision) in revisions.list.iter().enumerate() {
        survey.revision(at, revision)?;
    }
    survey.object_streams()?;
    survey.outside()?;
    let (major, minor) = document.version();
    let Survey { mut objects, counts, outside, truncated, .. } = survey;
    objects.sort_by_key(|object| (object.offset.unwrap_or(u64::MAX), object.stream, object.object));
    Ok(Structure {
        length: source.len(),
        version: format!("{major}.{minor}"),
        header_offset: document.header_offset(),
        linearized: revisions.linearized,
        ordered: revisions.ordered,
        revisions: revisions.list.iter().enumerate().map(|(at, r)| told(&document, at, r)).collect(),
        objects,
        counts,
        outside,
        oddities: document.oddities().into_iter().map(Oddity::describe).collect(),
        truncated,
    })
}

fn told(document: &Document<'_>, at: usize, revision: &Revision) -> RevisionStructure {
    let sections = document.sections().get(revision.sections.clone()).unwrap_or_default();
    RevisionStructure {
        number: at + 1,
        start: revision.start,
        eof: revision.eof,
        end: revision.end,
        startxref: revision.startxref,
        ambiguous: revision.ambiguous,
        sections: sections
            .iter()
            .map(|section| SectionStructure {
                kind: match section.kind {
                    XrefKind::Table => Kind::Table,
                    XrefKind::Stream => Kind::Stream,
                    XrefKind::Hybrid => Kind::Hybrid,
                },
                offset: section.offset,
                end: section.end,
                prev: section.trailer.get(b"Prev").and_then(Object::as_integer),
                entries: section.main.entries().count(),
                hybrid_entries: section.hidden.entries().count(),
            })
            .collect(),
    }
}

/// The work in progress.
struct Survey<'s, 'd, 'a> {
    document: &'d Document<'a>,
    revisions: &'s Revisions,
    bounds: &'s Bounds,
    objects: Vec<ObjectStructure>,
    counts: BTreeMap<Status, usize>,
    /// Ranges of the file that something accounts for.
    known: Vec<(u64, u64)>,
    /// Places already told.
    seen: BTreeSet<(u32, u64)>,
    /// Object streams with the indices that entries name, and the revision that names them.
    packed: BTreeMap<u32, BTreeSet<(u32, u32)>>,
    outside: Vec<[u64; 2]>,
    truncated: bool,
}

impl<'s, 'd, 'a> Survey<'s, 'd, 'a> {
    fn new(document: &'d Document<'a>, revisions: &'s Revisions, bounds: &'s Bounds) -> Self {
        Self {
            document,
            revisions,
            bounds,
            objects: Vec::new(),
            counts: BTreeMap::new(),
            known: Vec::new(),
            seen: BTreeSet::new(),
            packed: BTreeMap::new(),
            outside: Vec::new(),
            truncated: false,
        }
    }

    fn tell(&mut self, object: ObjectStructure) {
        *self.counts.entry(object.status).or_default() += 1;
        if self.objects.len() < self.bounds.objects {
            self.objects.push(object);
        } else {
            self.truncated = true;
        }
    }

    fn revision(&mut self, at: usize, revision: &Revision) -> Result<(), ReadError> {
        let sections = self.document.sections().get(revision.sections.clone()).unwrap_or_default();
        for section in sections {
            self.known.push((section.offset, section.end));
            self.known.extend(section.streams.iter().map(|(_, extent)| (extent.start, extent.end)));
            // The first section of a linearised file ends like a file (annex F.3.4).
            if let Some(ending) = ending_after(self.document, section.end)? {
                self.known.push(ending);
            }
        }
        if let Some(startxref) = revision.startxref {
            self.known.push((startxref, revision.eof));
        }
        for (number, entry) in sections.iter().flat_map(entries) {
            self.entry(at, revision, number, entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, at: usize, revision: &Revision, number: u32, entry: Entry) -> Result<(), ReadError> {
        let view = revision.view(self.document);
        let newest = self.document.view().locate(number);
        let before = self.revisions.list.get(..at).and_then(|b| b.last()).map(|b| b.view(self.document));
        let status = if !in_use(Some(entry)) {
            if !before.is_some_and(|before| in_use(before.locate(number))) {
                return Ok(());
            }
            Status::Freed
        } else if newest == Some(entry) {
            Status::Current
        } else if view.locate(number) == Some(entry) {
            Status::Superseded
        } else {
            Status::Shadowed
        };
        let place = match entry {
            Entry::Offset { offset, .. } => offset,
            Entry::Packed { stream, index } => {
                self.packed.entry(stream).or_default().insert((index, number));
                u64::from(stream) << 32 | u64::from(index)
            }
            Entry::Free { .. } => u64::MAX - at as u64,
        };
        // Updates that repeat the whole table mention every object again.
        if !self.seen.insert((number, place)) {
            return Ok(());
        }
        let id = identity(number, entry);
        let mut told = ObjectStructure {
            object: number,
            generation: id.generation,
            status,
            revision: Some(at + 1),
            offset: None,
            end: None,
            stream: None,
            kind: String::new(),
            error: None,
        };
        match entry {
            Entry::Free { .. } => "free".clone_into(&mut told.kind),
            Entry::Packed { stream, .. } => {
                told.stream = Some(stream);
                // A shadowed entry of this kind cannot be asked for by its number.
                match view.object(id) {
                    Ok(object) if status != Status::Shadowed => told.kind = kind(&object),
                    Ok(_) => {}
                    Err(error) => unreadable(&mut told, error)?,
                }
            }
            Entry::Offset { offset, .. } => {
                told.offset = Some(offset);
                match self.at(offset, view) {
                    Ok((found, _, _)) if found != id => {
                        told.status = Status::Unreadable;
                        told.error =
                            Some(format!("object {} {} stands there", found.number, found.generation));
                    }
                    Ok((_, end, object)) => {
                        told.end = Some(end);
                        told.kind = kind(&object);
                        self.known.push((offset, end));
                    }
                    Err(error) => unreadable(&mut told, error)?,
                }
            }
        }
        self.tell(told);
        Ok(())
    }

    /// The object that begins at `offset`, and where it ends.
    fn at(
        &self,
        offset: u64,
        view: crate::syntax::View<'_, '_>,
    ) -> Result<(ObjectId, u64, Object), ReadError> {
        if offset >= self.document.source().len() {
            return Err(ReadError::Malformed { what: "object beyond the file", offset });
        }
        let mut length = |id| match view.object(id)? {
            Object::Integer(n) if n >= 0 => Ok(n.unsigned_abs()),
            _ => Err(ReadError::Malformed { what: "stream length is not an integer", offset }),
        };
        let located = indirect::read(self.document.input(), offset, &mut length)?;
        Ok((located.id, located.extent.end, located.object))
    }

    /// Objects that stand in an object stream without an entry that leads to them.
    fn object_streams(&mut self) -> Result<(), ReadError> {
        for (stream, named) in std::mem::take(&mut self.packed) {
            let numbers = match self.document.view().packed_numbers(stream) {
                Ok(numbers) => numbers,
                Err(error @ (ReadError::TooComplex { .. } | ReadError::Io(_))) => return Err(error),
                Err(_) => continue, // each of its objects was told as unreadable
            };
            for (index, number) in numbers.into_iter().enumerate() {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                if !named.contains(&(index, number)) {
                    self.tell(ObjectStructure {
                        object: number,
                        generation: 0,
                        status: Status::Hidden,
                        revision: None,
                        offset: None,
                        end: None,
                        stream: Some(stream),
                        kind: "in an object stream".into(),
                        error: None,
                    });
                }
            }
        }
        Ok(())
    }
}

/// `startxref`, a number and `%%EOF` behind a section.
fn ending_after(document: &Document<'_>, at: u64) -> Result<Option<(u64, u64)>, ReadError> {
    let window = document.input().read(at, 64)?;
    let mut parser = Parser::new(&window, 0, 1, 1);
    parser.skip_space();
    let start = parser.position();
    if !parser.keyword(b"startxref") {
        return Ok(None);
    }
    parser.skip_space();
    let number = parser.unsigned();
    let mut end = parser.position();
    let rest = window.get(end..).unwrap_or_default();
    let space = rest.iter().take_while(|byte| is_space(**byte)).count();
    if rest.get(space..).is_some_and(|rest| rest.starts_with(b"%%EOF")) {
        end += space + b"%%EOF".len();
    }
    Ok(number.map(|_| (at + start as u64, at + end as u64)))
}

/// Every entry of a section; in a hybrid one object may have two.
fn entries(section: &Section) -> impl Iterator<Item = (u32, Entry)> {
    section.main.entries().chain(section.hidden.entries())
}

fn unreadable(told: &mut ObjectStructure, error: ReadError) -> Result<(), ReadError> {
    if matches!(error, ReadError::TooComplex { .. } | ReadError::Io(_)) {
        return Err(error);
    }
    told.status = Status::Unreadable;
    told.error = Some(error.to_string());
    Ok(())
}

/// `/Type` and `/Subtype`, or the kind of object.
fn kind(object: &Object) -> String {
    let plain = match object {
        Object::Dictionary(_) => "dictionary",
        Object::Stream(_) => "stream",
        Object::Array(_) => "array",
        Object::String(_) => "string",
        Object::Name(_) => "name",
        Object::Integer(_) | Object::Real(_) => "number",
        Object::Boolean(_) => "boolean",
        Object::Reference(_) => "reference",
        Object::Null => "null",
    };
    let name = |key: &[u8]| {
        object.as_dictionary()?.get(key)?.as_name().map(|name| String::from_utf8_lossy(name).into_owned())
    };
    match (name(b"Type"), name(b"Subtype")) {
        (Some(kind), Some(subtype)) => format!("{kind} {subtype}"),
        (Some(kind), None) => kind,
        (None, Some(subtype)) => format!("{plain} {subtype}"),
        (None, None) => plain.to_owned(),
    }
}
