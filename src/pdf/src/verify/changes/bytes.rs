//! Every byte of a revision must belong to an object, a section or white space.
//!
//! What stands between is invisible to us and visible to readers that rebuild a broken file by scanning;
//! the incremental-saving and shadow attacks place their second document there.

use std::ops::Range;

use super::Analysis;
use crate::revisions::in_use;
use crate::syntax::parser::Parser;
use crate::syntax::{Entry, Object, ObjectId, ReadError, Section};

impl Analysis<'_, '_, '_> {
    pub(super) fn bytes(&mut self) -> Result<(), ReadError> {
        let document = self.new.document();
        let sections = document.sections().get(self.revision.sections.clone()).unwrap_or_default();
        let (start, end) = (self.revision.start, self.revision.eof);
        let mut extents: Vec<Range<u64>> = Vec::new();
        for section in sections {
            extents.push(section.offset..section.end);
            extents.extend(section.streams.iter().map(|(_, extent)| extent.clone()));
        }
        let closing = extents.iter().map(|extent| extent.end).max().unwrap_or(end);
        extents.push(closing..end);
        for number in sections.iter().flat_map(Section::numbers) {
            let Some(Entry::Offset { offset, generation }) = self.new.locate(number) else { continue };
            if (start..end).contains(&offset) {
                let located = self.new.located(ObjectId { number, generation })?;
                if let Some(located) = located {
                    if located.extent.end > self.revision.end {
                        self.other(format!("object {number} ends behind its revision"));
                    }
                    extents.push(located.extent);
                }
            } else if self.old.locate(number) != self.new.locate(number) {
                self.other(format!("object {number} was moved to bytes outside its revision"));
            }
        }
        // A reader that does not know /XRefStm must not see another document.
        if sections.iter().flat_map(|section| section.hidden.numbers()).any(|n| in_use(self.old.locate(n))) {
            self.other("a hybrid section changes objects that older readers go on to see unchanged");
        }
        extents.sort_by_key(|extent| (extent.start, extent.end));
        extents.dedup();
        let mut at = start;
        for extent in extents {
            if extent.start < at {
                // A second object inside the first one's octets: which of them counts is the reader's choice.
                self.other(format!("octets {} to {at} belong to two objects", extent.start));
            }
            if extent.start > at && !self.is_blank(at, extent.start)? {
                self.other(format!("octets {at} to {} belong to no object", extent.start));
            }
            at = at.max(extent.end);
        }
        Ok(())
    }

    /// White space and comments only.
    fn is_blank(&self, start: u64, end: u64) -> Result<bool, ReadError> {
        let Some(length) = usize::try_from(end - start).ok().filter(|length| *length <= MAX_BLANK) else {
            return Ok(false);
        };
        let window = self.new.document().input().read(start, length)?;
        // A reader that rebuilds a broken file looks for these wherever they stand.
        let structure = |word: &&[u8]| memchr::memmem::find(&window, word).is_some();
        if [b"obj".as_slice(), b"xref", b"trailer"].iter().any(structure) {
            return Ok(false);
        }
        let mut parser = Parser::new(&window, 0, 1, 1);
        parser.skip_space();
        Ok(parser.position() >= window.len())
    }

    /// Object streams and cross-reference streams of the revision itself.
    pub(super) fn streams(&mut self) -> Result<(), ReadError> {
        let document = self.new.document();
        let sections = document.sections().get(self.revision.sections.clone()).unwrap_or_default();
        let own: Vec<u32> = sections.iter().flat_map(|s| &s.streams).map(|(id, _)| id.number).collect();
        for number in own {
            if self.is_new(number) {
                self.explain(number);
            }
        }
        let mut used: Vec<u32> = sections
            .iter()
            .flat_map(Section::numbers)
            .filter_map(|number| match self.new.locate(number) {
                Some(Entry::Packed { stream, .. }) => Some(stream),
                _ => None,
            })
            .collect();
        used.sort_unstable();
        used.dedup();
        for stream in used {
            let is_object_stream = matches!(
                self.changed.get(&stream).and_then(|change| change.new.as_ref()),
                Some(Object::Stream(s)) if super::is_type(&s.dictionary, b"ObjStm") && super::is_direct(&Object::Dictionary(s.dictionary.clone()))
            );
            if !is_object_stream || !self.is_new(stream) {
                continue; // left unexplained, if it changed
            }
            let hidden = self.new.packed_numbers(stream)?.into_iter().enumerate().find(|(index, number)| {
                let entry = self.new.locate(*number);
                in_use(entry) && entry != Some(Entry::Packed { stream, index: *index as u32 })
                    || !in_use(entry)
            });
            match hidden {
                Some((_, number)) => {
                    self.other(format!("object stream {stream} hides another object {number}"))
                }
                None => self.explain(stream),
            }
        }
        Ok(())
    }
}

/// No writer leaves this much white space between objects.
const MAX_BLANK: usize = 1 << 20;
