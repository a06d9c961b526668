//! Who refers to whom: the reverse of the object graph, for judging changes made in place.
//!
//! An object that plays two roles (an annotation list that is also a page's content, an appearance that is
//! also drawn on a page) lets a harmless-looking change of one role alter the other. So can a reference
//! that leads nowhere until somebody fills the number. Both are seen here and nowhere else.

use std::collections::{HashMap, HashSet};

use super::compare::identity;
use super::in_use;
use crate::syntax::{Dictionary, Object, ReadError, View};

/// Referring object numbers by referred-to number, one entry per occurrence; the trailer counts as 0.
#[derive(Debug, Default)]
pub struct References {
    referrers: HashMap<u32, Vec<u32>>,
}

impl References {
    /// Reads every object that can be reached from the trailer of `view`.
    ///
    /// # Errors
    /// [`ReadError`] when one of them cannot be read: then nothing can be said about its references.
    pub fn of(view: View<'_, '_>) -> Result<Self, ReadError> {
        let mut references = Self::default();
        references.dictionary(0, view.trailer());
        let mut waiting: Vec<u32> = references.referrers.keys().copied().collect();
        let mut seen: HashSet<u32> = waiting.iter().copied().collect();
        while let Some(number) = waiting.pop() {
            let Some(entry) = view.locate(number).filter(|entry| in_use(Some(*entry))) else { continue };
            let object = view.object(identity(number, entry))?;
            references.object(number, &object);
            each_reference(&object, &mut |to| {
                if seen.insert(to) {
                    waiting.push(to);
                }
            });
        }
        Ok(references)
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
