//! Signatures in revisions that the newest one passes over.
//!
//! Whoever appends an update whose `/Prev` leads around a signed revision (or to nothing at all) makes the
//! signature vanish without touching it. The revision still ends with its own `startxref`, though: each one
//! that belongs to no known revision is followed as if the file ended there.

use std::collections::HashSet;

use super::inspect::{Findings, Found};
use super::structure::Examined;
use crate::syntax::parser::{Parser, is_space};
use crate::syntax::{Document, ReadError, Source};

impl Findings {
    /// Signatures that only a revision outside the chain holds; `startxrefs` is where the file has that
    /// keyword.
    pub(crate) fn lost(&self, document: &Document<'_>, startxrefs: &[u64]) -> Result<Vec<Found>, ReadError> {
        let known: HashSet<u64> = self.revisions.list.iter().filter_map(|r| r.startxref).collect();
        let mut seen: HashSet<u64> = self.signatures.iter().filter_map(|f| f.examined.offset).collect();
        let mut lost = Vec::new();
        let mut followed = 0;
        for at in startxrefs.iter().filter(|at| !known.contains(at)) {
            let Some(end) = ends_a_file(document, *at)? else { continue };
            followed += 1;
            if followed > MAX_FOLLOWED {
                return Err(ReadError::TooComplex { budget: "revisions outside the chain" });
            }
            let prefix = Prefix { source: document.source(), length: end };
            // What cannot be read is no revision: a file attached without compression, or a piece of text.
            let Ok(earlier) = Document::open(&prefix, document.limits()) else { continue };
            let findings = match Self::of(&earlier) {
                Ok(findings) => findings,
                Err(error @ (ReadError::TooComplex { .. } | ReadError::Io(_))) => return Err(error),
                Err(_) => continue,
            };
            for found in findings.signatures {
                if found.examined.offset.is_some_and(|offset| seen.insert(offset)) {
                    let reasons = vec!["the signed revision is passed over by the newest one"];
                    let examined = Examined { signed: None, reasons, ..found.examined };
                    lost.push(Found { examined, removed: true, ..found });
                }
            }
        }
        Ok(lost)
    }
}

/// Where a file that ended with the `startxref` at `at` would end, if a section of no known revision stands
/// where it points.
fn ends_a_file(document: &Document<'_>, at: u64) -> Result<Option<u64>, ReadError> {
    let window = document.input().read(at, 64)?;
    let mut parser = Parser::new(&window, b"startxref".len(), 1, 1);
    parser.skip_space();
    let Some(offset) = parser.unsigned().filter(|offset| *offset > 0) else { return Ok(None) };
    let mut end = parser.position();
    let Some(offset) = offset.checked_add(document.header_offset()).filter(|offset| *offset < at) else {
        return Ok(None);
    };
    let there = document.input().read(offset, 32)?;
    let there = there.trim_ascii_start();
    // A table, or the object number of a stream.
    if !there.starts_with(b"xref") && !there.first().is_some_and(u8::is_ascii_digit) {
        return Ok(None);
    }
    let blank = |from: u64, to: u64| -> Result<bool, ReadError> {
        let length = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        Ok(to >= from && length <= 32 && document.input().read(from, length)?.iter().all(|b| is_space(*b)))
    };
    for section in document.sections() {
        if section.offset == offset || (section.offset > offset && blank(offset, section.offset)?) {
            return Ok(None);
        }
    }
    let rest = window.get(end..).unwrap_or_default();
    let space = rest.iter().take_while(|byte| is_space(**byte)).count();
    if rest.get(space..).is_some_and(|rest| rest.starts_with(b"%%EOF")) {
        end += space + b"%%EOF".len();
    }
    Ok(Some(at + end as u64))
}

/// The file as if it ended earlier.
struct Prefix<'s> {
    source: &'s dyn Source,
    length: u64,
}

impl Source for Prefix<'_> {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        match offset.checked_add(buf.len() as u64) {
            Some(end) if end <= self.length => self.source.read_at(offset, buf),
            _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Nobody hides more than a few; each costs as much as opening the file.
const MAX_FOLLOWED: usize = 32;
