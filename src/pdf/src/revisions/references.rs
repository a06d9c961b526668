//! Who refers to whom: the reverse of the object graph, for judging changes made in place.
//!
//! An object that plays two roles (an annotation list that is also a page's content, an appearance that is
//! also drawn on a page) lets a harmless-looking change of one role alter the other. So can a reference
//! that leads nowhere until somebody fills the number. Both are seen here and nowhere else.

use std::collections::{HashMap, HashSet};

use super::compare::identity;
use super::in_use;
use crate::syntax::{Dictionary, Object, ReadError, View};

/// Referring object numbers by referred-to number, one entry per occurrence; the trailer counts as
/// [`TRAILER`].
#[derive(Debug, Default)]
pub struct References {
    referrers: HashMap<u32, Vec<u32>>,
    /// Objects that begin in the octets looked at and end behind them.
    beyond: Vec<u32>,
}

/// Stands for the trailer among object numbers; no cross-reference can list it (subsections end below it),
/// while 0 is a number that a malicious file may use.
pub const TRAILER: u32 = u32::MAX;

impl References {
    /// Reads every object that can be reached from the trailer of `view`, whose octets end at `end`.
    ///
    /// # Errors
    /// [`ReadError`] when one of them cannot be read: then nothing can be said about its references.
    pub fn of(view: View<'_, '_>, end: u64) -> Result<Self, ReadError> {
        let mut references = Self::default();
        references.dictionary(TRAILER, view.trailer());
        let mut waiting: Vec<u32> = references.referrers.keys().copied().collect();
        let mut seen: HashSet<u32> = waiting.iter().copied().collect();
        while let Some(number) = waiting.pop() {
            let Some(entry) = view.locate(number).filter(|entry| in_use(Some(*entry))) else { continue };
            let id = identity(number, entry);
            let object = match view.located(id)? {
                Some(located) => {
                    if located.extent.end > end {
                        references.beyond.push(number);
                    }
                    located.object
                }
                None => view.object(id)?,
            };
            references.object(number, &object);
            each_reference(&object, &mut |to| {
                if seen.insert(to) {
                    waiting.push(to);
                }
            });
        }
        Ok(references)
    }

    /// Objects that begin before the end given to [`Self::of`] and end behind it: signed in part only.
    #[must_use]
    pub fn beyond(&self) -> &[u32] {
        &self.beyond
    }

    /// The numbers of the objects that refer to `number`, one per occurrence.
    #[must_use]
    pub fn to(&self, number: u32) -> &[u32] {
        self.referrers.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Adds what a changed object refers to; what it referred to before stays counted.
    pub fn object(&mut self, from: u32, object: &Object) {
        each_reference(object, &mut |to| self.referrers.entry(to).or_default().push(from));
    }

    fn dictionary(&mut self, from: u32, dictionary: &Dictionary) {
        dictionary.iter().for_each(|(_, value)| self.object(from, value));
    }
}

fn each_reference(object: &Object, found: &mut dyn FnMut(u32)) {
    match object {
        Object::Reference(id) => found(id.number),
        Object::Array(items) => items.iter().for_each(|item| each_reference(item, found)),
        Object::Dictionary(dictionary) => {
            dictionary.iter().for_each(|(_, value)| each_reference(value, found))
        }
        Object::Stream(stream) => {
            stream.dictionary.iter().for_each(|(_, value)| each_reference(value, found))
        }
        _ => {}
    }
}
