//! What no section accounts for: octets between objects, and objects among them.

use super::{ObjectStructure, Status, Survey, kind};
use crate::syntax::ReadError;
use crate::syntax::parser::{Parser, is_space};

impl Survey<'_, '_, '_> {
    /// Goes through the file from the header to its end and looks at every gap.
    pub(super) fn outside(&mut self) -> Result<(), ReadError> {
        let mut known = std::mem::take(&mut self.known);
        known.sort_unstable();
        let (header, length) = (self.document.header_offset(), self.document.source().len());
        if header > 0 {
            self.outside.push([0, header]);
        }
        let mut at = header + "%PDF-1.7".len() as u64;
        let mut left = self.bounds.searched;
        for (start, end) in known.into_iter().chain([(length, length)]) {
            if start > at {
                self.gap(at, start, &mut left)?;
            }
            at = at.max(end);
        }
        Ok(())
    }

    /// Objects in `from..to`, and what is left of it.
    fn gap(&mut self, from: u64, to: u64, left: &mut u64) -> Result<(), ReadError> {
        let mut at = from;
        let mut rest = from;
        while at < to {
            let length = (to - at).min(BLOCK).min(*left);
            *left -= length;
            if length == 0 {
                self.truncated = true;
                break;
            }
            let block = self.document.input().read(at, usize::try_from(length).unwrap_or(usize::MAX))?;
            let mut next = at + length;
            let Some(offset) = first_object(&block) else {
                // A head of an object may lie across the seam.
                at = if next < to { next.saturating_sub(HEAD as u64).max(at + 1) } else { next };
                continue;
            };
            let offset = at + offset as u64;
            if let Some(end) = self.hidden(offset)?.filter(|end| *end <= to) {
                self.leftover(rest, offset)?;
                rest = end;
                next = end;
            } else {
                next = offset + 1;
            }
            at = next;
        }
        self.leftover(rest, to)
    }

    /// Tells the object at `offset`, if there is a whole one.
    fn hidden(&mut self, offset: u64) -> Result<Option<u64>, ReadError> {
        let (id, end, object) = match self.at(offset, self.document.view()) {
            Ok(found) => found,
            Err(error @ (ReadError::TooComplex { .. } | ReadError::Io(_))) => return Err(error),
            Err(_) => return Ok(None),
        };
        self.tell(ObjectStructure {
            object: id.number,
            generation: id.generation,
            status: Status::Hidden,
            revision: self.revisions.holding(offset).map(|at| at + 1),
            offset: Some(offset),
            end: Some(end),
            stream: None,
            kind: kind(&object),
            error: None,
        });
        Ok(Some(end))
    }

    /// Notes `from..to` unless it is white space and comments.
    fn leftover(&mut self, from: u64, to: u64) -> Result<(), ReadError> {
        if from >= to || self.is_blank(from, to)? {
            return Ok(());
        }
        if self.outside.len() < MAX_OUTSIDE {
            self.outside.push([from, to]);
        } else {
            self.truncated = true;
        }
        Ok(())
    }

    fn is_blank(&self, from: u64, to: u64) -> Result<bool, ReadError> {
        let mut at = from;
        while at < to {
            let length = usize::try_from((to - at).min(BLOCK)).unwrap_or(usize::MAX);
            let block = self.document.input().read(at, length)?;
            // Spaces may be many; a comment is short.
            if !block.iter().all(|byte| is_space(*byte)) {
                let mut parser = Parser::new(&block, 0, 1, 1);
                parser.skip_space();
                return Ok(parser.position() >= block.len() && at + length as u64 >= to);
            }
            at += length as u64;
        }
        Ok(true)
    }
}

/// Where the first `N G obj` begins.
fn first_object(block: &[u8]) -> Option<usize> {
    for at in memchr::memmem::find_iter(block, b"obj") {
        let before = block.get(..at).unwrap_or_default();
        if before.ends_with(b"end") {
            continue;
        }
        let mut start = at;
        let mut skip = |wanted: fn(&u8) -> bool| {
            let from = start;
            while start.checked_sub(1).and_then(|i| block.get(i)).is_some_and(wanted) {
                start -= 1;
            }
            from - start
        };
        let space: fn(&u8) -> bool = |byte| is_space(*byte);
        skip(space);
        let generation = skip(u8::is_ascii_digit);
        let between = skip(space);
        let number = skip(u8::is_ascii_digit);
        if generation > 0 && between > 0 && number > 0 {
            return Some(start);
        }
    }
    None
}

/// Octets looked at together.
const BLOCK: u64 = 1 << 20;
/// The head of an object with its longest numbers.
const HEAD: usize = 32;
/// Ranges told.
const MAX_OUTSIDE: usize = 1_000;
