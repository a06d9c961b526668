//! Revisions: what each incremental update of a file says, and where in the file it says it.
//!
//! ISO 32000-2 §7.5.6: every update appends objects, a cross-reference section and an end-of-file marker.
//! This module tells the revisions apart and compares two of them object by object; what a change *means*
//! is [`verify`](crate::verify)'s business, which is also its only caller.

mod compare;
mod references;

use std::ops::Range;

use crate::syntax::parser::is_space;
use crate::syntax::{Document, Entry, Object, Oddity, ReadError, Section, View};

pub(crate) use compare::identity;
pub use compare::{Change, changes, same_value};
pub use references::{By, References, TRAILER};

/// One revision of a file.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Its sections in [`Document::sections`]; two in a linearised file, otherwise one.
    pub sections: Range<usize>,
    /// Where its bytes start: the end of the revision before, 0 for the first.
    pub start: u64,
    /// Where its `%%EOF` ends.
    pub eof: u64,
    /// Where the white space after its `%%EOF` ends.
    pub end: u64,
    /// Where its `startxref` keyword stands.
    pub startxref: Option<u64>,
    /// Why another reader may see another document than [`view`](Self::view) gives when the file ends here.
    pub ambiguous: Option<&'static str>,
    /// The furthest offset behind its end that its sections name all the same, where there are octets now.
    pub(crate) forward: Option<u64>,
}

impl Revision {
    /// The document as it stood when this revision was the newest.
    #[must_use]
    pub fn view<'d, 'a>(&self, document: &'d Document<'a>) -> View<'d, 'a> {
        document.view_from(self.sections.start)
    }

    /// Whether `offset` is where a file consisting of this revision and its predecessors may end.
    #[must_use]
    pub fn ends_at(&self, offset: u64) -> bool {
        (self.eof..=self.end).contains(&offset)
    }
}

/// All revisions of a file, oldest first.
#[derive(Debug, Clone)]
pub struct Revisions {
    /// Oldest first; never empty.
    pub list: Vec<Revision>,
    /// Bytes after the newest revision that are more than white space.
    pub trailing: Option<Range<u64>>,
    /// Whether the first revision is linearised.
    pub linearized: bool,
    /// Whether sections stand in the file in the order their `/Prev` entries claim.
    pub ordered: bool,
}

impl Revisions {
    /// Finds the revisions of `document`.
    ///
    /// # Errors
    /// [`ReadError`] when the source fails or a budget is spent.
    pub fn of(document: &Document<'_>) -> Result<Self, ReadError> {
        let sections = document.sections();
        let mut list = Vec::new();
        let mut ordered = true;
        let mut linearized = false;
        // Oldest first. A linearised file's first-page section stands before the section its /Prev names.
        let mut newer_end = sections.len();
        while let Some(oldest) = newer_end.checked_sub(1) {
            let mut group = oldest..newer_end;
            if list.is_empty()
                && let Some(before) = oldest.checked_sub(1)
                && let (Some(first), Some(main)) = (sections.get(before), sections.get(oldest))
                && first.offset < main.offset
            {
                linearized = is_linearized(document)?;
                if linearized {
                    group = before..newer_end;
                }
            }
            newer_end = group.start;
            let closing = sections.get(group.clone()).unwrap_or_default().iter().map(|s| s.end).max();
            let Ending { eof, end, startxref, names } = end_of_revision(document, closing.unwrap_or(0))?;
            let newest = sections.get(group.start).map_or(0, |s| s.offset);
            let mut ambiguous = inside(sections.get(group.clone()).unwrap_or_default());
            match names {
                None => ambiguous = Some("the signed revision has no startxref of its own"),
                Some(at) => {
                    let named = skip_white(document, at.saturating_add(document.header_offset()))?;
                    if named != newest {
                        document.note(Oddity::StartxrefDisagreement);
                        ambiguous =
                            Some("the signed revision's startxref names another cross-reference section");
                    }
                }
            }
            let start = list.last().map_or(0, |before: &Revision| before.end);
            if eof <= start {
                ordered = false;
                document.note(Oddity::PrevForward);
            }
            let forward = forward(sections.get(group.clone()).unwrap_or_default(), end, document);
            list.push(Revision { sections: group, start, eof, end, startxref, ambiguous, forward });
        }
        let end = list.iter().map(|revision| revision.end).max().unwrap_or(0);
        let length = document.source().len();
        let trailing = (end < length).then_some(end..length);
        Ok(Self { list, trailing, linearized, ordered })
    }

    /// The newest revision.
    #[must_use]
    pub fn newest(&self) -> Option<&Revision> {
        self.list.last()
    }

    /// The index of the revision that ends at `offset`.
    #[must_use]
    pub fn ending_at(&self, offset: u64) -> Option<usize> {
        self.list.iter().position(|revision| revision.ends_at(offset))
    }

    /// Why the document that ended with the revision at `index` could be read in two ways, or can be read
    /// differently since octets were put behind it.
    #[must_use]
    pub fn doubt(&self, index: usize) -> Option<&'static str> {
        let revision = self.list.get(index)?;
        let known = self.list.get(..=index).unwrap_or_default();
        let inside =
            known.iter().filter_map(|r| r.ambiguous).find(|why| *why == HYBRID || *why == LINEARISED);
        let beyond = known.iter().filter_map(|r| r.forward).any(|at| at >= revision.end);
        revision.ambiguous.or(inside).or(beyond
            .then_some("the signed cross-references lead to octets that were put behind the signed ones"))
    }

    /// The index of the revision whose bytes hold `offset`.
    #[must_use]
    pub fn holding(&self, offset: u64) -> Option<usize> {
        self.list.iter().position(|revision| (revision.start..revision.end).contains(&offset))
    }
}

/// How a revision ends.
struct Ending {
    eof: u64,
    end: u64,
    /// Where the `startxref` keyword stands.
    startxref: Option<u64>,
    /// The offset it gives.
    names: Option<u64>,
}

/// After a section: `startxref`, its offset, `%%EOF` and white space.
fn end_of_revision(document: &Document<'_>, after: u64) -> Result<Ending, ReadError> {
    let input = document.input();
    // qpdf pads the sections of linearised files with spaces.
    let from = skip_white(document, after)?;
    let window = input.read(from, 128)?;
    let mut parser = crate::syntax::parser::Parser::new(&window, 0, 1, 1);
    let white = |parser: &mut crate::syntax::parser::Parser<'_>| {
        while parser.peek().is_some_and(is_space) {
            parser.seek(parser.position() + 1);
        }
    };
    let (mut startxref, mut names) = (None, None);
    let mut eof = after;
    if parser.keyword(b"startxref") {
        startxref = Some(from);
        white(&mut parser);
        names = parser.unsigned();
        eof = from + parser.position() as u64;
        white(&mut parser);
        if window.get(parser.position()..).is_some_and(|rest| rest.starts_with(b"%%EOF")) {
            eof = from + parser.position() as u64 + 5;
        } else {
            document.note(Oddity::MissingEof);
        }
    } else {
        document.note(Oddity::MissingEof);
    }
    Ok(Ending { eof, end: skip_white(document, eof)?, startxref, names })
}

/// Whether the sections of one revision give an object two places: readers disagree on which one counts.
fn inside(sections: &[Section]) -> Option<&'static str> {
    let both = |a: Option<Entry>, b: Option<Entry>| in_use(a) && in_use(b) && a != b;
    for section in sections {
        if section.hidden.entries().any(|(number, entry)| both(section.main.get(number), Some(entry))) {
            return Some(HYBRID);
        }
    }
    let (first, rest) = sections.split_first()?;
    let twice = |other: &Section| other.numbers().any(|n| both(first.lookup(n), other.lookup(n)));
    rest.iter().any(twice).then_some(LINEARISED)
}

/// The furthest octet from `end` on that `sections` name: an object's first, or the last of a hybrid's stream.
fn forward(sections: &[Section], end: u64, document: &Document<'_>) -> Option<u64> {
    let length = document.source().len();
    if end >= length {
        return None;
    }
    let entries = sections.iter().flat_map(|section| section.main.entries().chain(section.hidden.entries()));
    let objects = entries.filter_map(|(_, entry)| match entry {
        Entry::Offset { offset, .. } => Some(offset),
        _ => None,
    });
    let streams = sections.iter().flat_map(|s| &s.streams).map(|(_, extent)| extent.end.saturating_sub(1));
    objects.chain(streams).filter(|at| (end..length).contains(at)).max()
}

const HYBRID: &str = "table and stream of a signed hybrid cross-reference section disagree";
const LINEARISED: &str = "the signed cross-reference sections of a linearised file disagree";

/// Where the white space at `from` ends; it may be long, and who pads megabytes pays from the budget.
fn skip_white(document: &Document<'_>, from: u64) -> Result<u64, ReadError> {
    let mut at = from;
    loop {
        let block = document.input().read(at, 4096)?;
        let spaces = block.iter().take_while(|byte| is_space(**byte)).count();
        at += spaces as u64;
        if spaces < block.len() || block.is_empty() {
            return Ok(at);
        }
    }
}

/// Whether the first object of the file is a linearisation dictionary (annex F).
fn is_linearized(document: &Document<'_>) -> Result<bool, ReadError> {
    let after_header = document.header_offset() + 8;
    let parsed = document.input().parse_at(after_header, |parser| {
        parser.skip_space();
        let numbered = parser.unsigned().is_some();
        parser.skip_space();
        let generation = parser.unsigned().is_some();
        parser.skip_space();
        if numbered && generation && parser.keyword(b"obj") { parser.object() } else { Ok(Object::Null) }
    });
    match parsed {
        Ok((object, _)) => Ok(object.as_dictionary().is_some_and(|d| d.get(b"Linearized").is_some())),
        Err(ReadError::Malformed { .. } | ReadError::Unsupported { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Whether the entry says that there is an object.
#[must_use]
pub fn in_use(entry: Option<Entry>) -> bool {
    matches!(entry, Some(Entry::Offset { .. } | Entry::Packed { .. }))
}
