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
    referrers: HashMap<u32, Referrers>,
    /// Objects that begin in the octets looked at and end behind them.
    beyond: Vec<u32>,
}

#[derive(Debug, Default)]
struct Referrers {
    from: Vec<u32>,
    /// The entry that each of them refers with.
    by: Vec<By>,
}

/// The innermost dictionary entry a reference stands in: what the referrer takes the object for. Only entries
/// that lead to fields and their containers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// In an array that is an object of its own, or an object that is nothing but a reference.
    Bare,
    /// `/Fields`.
    Fields,
    /// `/Kids`.
    Kids,
    /// `/Annots`.
    Annots,
    /// `/DR` of the form and the categories in it (table 34).
    Resources,
    /// `/Parent`, `/Obj` (§14.7.5.3), `/CO`, `/T` (hide actions, §12.6.4.11), `/Data` (§12.8.1), `/IRT`: none
    /// of them leads from a page or a tree down to what is shown or run.
    Aside,
    /// Any other.
    Other,
}

impl By {
    fn entry(key: &[u8]) -> Self {
        match key {
            b"Fields" => Self::Fields,
            b"Kids" => Self::Kids,
            b"Annots" => Self::Annots,
            b"DR" | b"Font" | b"XObject" | b"ExtGState" | b"ColorSpace" | b"Pattern" | b"Shading"
            | b"Properties" | b"ProcSet" | b"Encoding" => Self::Resources,
            b"Parent" | b"Obj" | b"CO" | b"T" | b"Data" | b"IRT" => Self::Aside,
            _ => Self::Other,
        }
    }
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
            each_reference(&object, By::Bare, &mut |to, _| {
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
        self.referrers.get(&number).map_or(&[], |referrers| &referrers.from)
    }

    /// The same with the entry that each of them refers with.
    pub fn roles(&self, number: u32) -> impl Iterator<Item = (u32, By)> {
        let referrers = self.referrers.get(&number);
        referrers.into_iter().flat_map(|all| all.from.iter().copied().zip(all.by.iter().copied()))
    }

    /// Adds what a changed object refers to; what it referred to before stays counted.
    pub fn object(&mut self, from: u32, object: &Object) {
        each_reference(object, By::Bare, &mut |to, by| {
            let referrers = self.referrers.entry(to).or_default();
            referrers.from.push(from);
            referrers.by.push(by);
        });
    }

    fn dictionary(&mut self, from: u32, dictionary: &Dictionary) {
        self.object(from, &Object::Dictionary(dictionary.clone()));
    }
}

fn each_reference(object: &Object, by: By, found: &mut dyn FnMut(u32, By)) {
    let entries = |dictionary: &Dictionary, found: &mut dyn FnMut(u32, By)| {
        dictionary.iter().for_each(|(key, value)| each_reference(value, By::entry(key), found));
    };
    match object {
        Object::Reference(id) => found(id.number, by),
        Object::Array(items) => items.iter().for_each(|item| each_reference(item, by, found)),
        Object::Dictionary(dictionary) => entries(dictionary, found),
        Object::Stream(stream) => entries(&stream.dictionary, found),
        _ => {}
    }
}
