//! The trailer and the document information it names.

use super::{Analysis, differing, is_direct};
use crate::revisions::TRAILER;
use crate::syntax::{Entry, Object, ReadError};

impl Analysis<'_, '_, '_> {
    pub(super) fn trailer(&mut self) -> Result<(), ReadError> {
        let (old, new) = (self.old.trailer(), self.new.trailer());
        if new.has_duplicates() {
            self.other("the trailer has a duplicated key");
        }
        for key in differing(old, new) {
            match key {
                b"Size" | b"Prev" | b"XRefStm" | b"Info" => {}
                // Of a cross-reference stream, whose dictionary the trailer is.
                b"Type" | b"W" | b"Index" | b"Length" | b"Filter" | b"DecodeParms" => {}
                b"ID" => self.file_identifier(old.get(b"ID"), new.get(b"ID"))?,
                b"Root" => self.other("the trailer names another catalog"),
                _ => self.other(format!("the trailer's /{} changed", String::from_utf8_lossy(key))),
            }
        }
        self.information();
        Ok(())
    }

    /// §14.4: the first string is permanent, the second changes with every update.
    fn file_identifier(&mut self, old: Option<&Object>, new: Option<&Object>) -> Result<(), ReadError> {
        let first = |view: crate::syntax::View<'_, '_>, value: Option<&Object>| -> Result<_, ReadError> {
            let Some(value) = value else { return Ok(None) };
            let value = view.resolve(value)?;
            value.as_array().and_then(<[_]>::first).map(|first| view.resolve(first)).transpose()
        };
        let (before, now) = (first(self.old, old)?, first(self.new, new)?);
        if let Some(before) = before
            && now.as_ref().and_then(Object::as_string) != before.as_string()
        {
            self.other("the file identifier changed");
        }
        Ok(())
    }

    /// The information dictionary (§14.3.3) shows in no page; pyHanko lets it change at every level too.
    fn information(&mut self) {
        let Some(Object::Reference(id)) = self.new.trailer().get(b"Info") else { return };
        let number = id.number;
        let Some(Object::Dictionary(now)) = self.changed.get(&number).and_then(|change| change.new.clone())
        else {
            return;
        };
        // What is the catalog or the encryption as well, in whatever revision, shows in every page.
        let mut sections = self.new.document().sections().iter();
        if sections.any(|section| {
            section.trailer.iter().any(|(key, value)| key != b"Info" && leads_to(value, number))
        }) {
            return;
        }
        // Cross-reference streams are trailers; not so an object that took over the number of one.
        let streams = self.new.document().sections().iter().flat_map(|section| &section.streams);
        let mut trailers: Vec<u32> = streams
            .filter(|(id, extent)| {
                let now = self.old.locate(id.number);
                now == Some(Entry::Offset { offset: extent.start, generation: id.generation })
                    || (now.is_none() && self.changed.contains_key(&id.number))
            })
            .map(|(id, _)| id.number)
            .collect();
        trailers.push(TRAILER);
        let known = self.is_new(number) || self.only_from(number, &trailers);
        if known && now.iter().all(|(_, value)| is_direct(value)) {
            self.explain(number);
            self.quiet = true;
        }
    }
}

fn leads_to(value: &Object, number: u32) -> bool {
    match value {
        Object::Reference(id) => id.number == number,
        Object::Array(items) => items.iter().any(|item| leads_to(item, number)),
        Object::Dictionary(dictionary) => dictionary.iter().any(|(_, value)| leads_to(value, number)),
        _ => false,
    }
}
