//! Who refers to whom: the reverse of the object graph, for judging changes made in place.
//!
//! An object that plays two roles (an annotation list that is also a page's content, an appearance that is
//! also drawn on a page) lets a harmless-looking change of one role alter the other. So can a reference
//! that leads nowhere until somebody fills the number. Both are seen here and nowhere else.

use std::collections::HashMap;

use super::compare::identity;
use super::in_use;
use crate::syntax::{Dictionary, Object, ReadError, View};

/// Referring object numbers by referred-to number, one entry per occurrence; the trailer counts as 0.
#[derive(Debug, Default)]
pub struct References {
    referrers: HashMap<u32, Vec<u32>>,
}

impl References {
    /// Reads every object in use in `view`.
    ///
    /// # Errors
    /// [`ReadError`] when an object cannot be read: then nothing can be said about its references.
    pub fn of(view: View<'_, '_>) -> Result<Self, ReadError> {
        let mut references = Self::default();
        references.dictionary(0, view.trailer());
        let mut numbers: Vec<u32> =
            view.sections().iter().flat_map(crate::syntax::Section::numbers).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let Some(entry) = view.locate(number).filter(|entry| in_use(Some(*entry))) else { continue };
            references.object(number, &view.object(identity(number, entry))?);
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
        match object {
            Object::Reference(id) => self.referrers.entry(id.number).or_default().push(from),
            Object::Array(items) => items.iter().for_each(|item| self.object(from, item)),
            Object::Dictionary(dictionary) => self.dictionary(from, dictionary),
            Object::Stream(stream) => self.dictionary(from, &stream.dictionary),
            _ => {}
        }
    }

    fn dictionary(&mut self, from: u32, dictionary: &Dictionary) {
        dictionary.iter().for_each(|(_, value)| self.object(from, value));
    }
}
