//! What a revision changed, as classes a signature's permissions speak of.
//!
//! Reject by default: every object a revision adds, changes or frees must be *explained* by a rule that
//! knows it to be harmless in its class; what is left is [`Class::Other`], and so is every byte that no
//! cross-reference section accounts for. The rules follow ISO 32000-2 §12.8.2.2 (table 257) and pyHanko's
//! strict policy; they are stricter where shadow attacks need it: an object that changes in place may have
//! the one role its rule knows it in (what else refers to it, and as what, is asked of every field, field
//! list, resource, appearance, annotation list and store), and a number that something referred to before it
//! came into use is never new.

mod annotations;
mod appearances;
mod bytes;
mod catalog;
mod coverage;
mod form;
mod places;
mod roles;
mod shown;
mod signature_fields;
mod total;
mod trailer;

pub use total::ChangedObject;
pub(crate) use total::{after, steps};

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::fields::Form;
use crate::revisions::{Change, References, Revision, TRAILER, changes};
use crate::syntax::{Dictionary, Object, ObjectId, ReadError, View};

/// A class of changes after signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Validation data and document time-stamps; nothing a reader of the document sees.
    Ltv,
    /// A further signature.
    Signature,
    /// Form fields filled in.
    Form,
    /// Annotations added, changed or removed.
    Annotation,
    /// Anything else.
    Other,
    /// Bytes after the last end-of-file marker that are more than white space.
    TrailingData,
}

/// What one revision changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    pub(crate) classes: BTreeSet<Class>,
    /// Why something was called [`Class::Other`], or what else deserves a word.
    pub(crate) reasons: Vec<String>,
    /// Names of fields filled in or signed.
    pub(crate) fields: BTreeSet<String>,
    /// A signature field was made that shows on a page.
    pub(crate) visible_signature: bool,
    /// Unsigned signature fields that were made and draw something, with their names.
    pub(crate) frames: Vec<(ObjectId, String)>,
    /// Signature fields that were signed.
    pub(crate) signed: BTreeSet<ObjectId>,
    /// The share of each page that new signature fields cover.
    pub(crate) covered: BTreeMap<u32, f64>,
    /// The objects changed, with the class of the rule that knows each.
    pub(crate) objects: Vec<(u32, Class)>,
    /// Of the first signed revision: objects that begin in its octets and end behind them.
    pub(crate) unfinished: Vec<u32>,
}

/// Compares `revision` with the view before it; `signed` is the first view that was signed, `references`
/// describes the one before and is brought forward.
pub(crate) fn step(
    revision: &Revision,
    (old, old_form): (View<'_, '_>, &Form),
    (new, new_form): (View<'_, '_>, &Form),
    signed: View<'_, '_>,
    references: &mut References,
) -> Result<Step, ReadError> {
    let changed = changes(revision, old, new)?;
    let mut analysis = Analysis {
        old,
        new,
        signed,
        places: None,
        revision,
        old_form,
        new_form,
        changed,
        explained: BTreeMap::new(),
        references,
        quiet: false,
        role: Class::Ltv,
        drawn: BTreeSet::new(),
        asked: BTreeSet::new(),
        placed: Vec::new(),
        step: Step::default(),
    };
    analysis.bytes()?;
    analysis.duplicates();
    analysis.trailer()?;
    analysis.streams()?;
    analysis.catalog()?;
    analysis.form()?;
    analysis.coverage()?;
    analysis.role = Class::Annotation;
    analysis.pages()?;
    analysis.annotations();
    analysis.role = Class::Form;
    analysis.appearances_in_place();
    analysis.shown()?;
    analysis.leftovers();
    let Analysis { changed, mut step, quiet, explained, .. } = analysis;
    if quiet && step.classes.is_empty() && step.frames.is_empty() {
        step.classes.insert(Class::Ltv);
    }
    let class = |number: &u32| explained.get(number).copied().unwrap_or(Class::Other);
    step.objects = changed.keys().map(|number| (*number, class(number))).collect();
    for (number, change) in &changed {
        if let Some(object) = &change.new {
            references.object(*number, object);
        }
    }
    references.object(TRAILER, &Object::Dictionary(new.trailer().clone()));
    Ok(step)
}

pub(crate) struct Analysis<'s, 'd, 'a> {
    old: View<'d, 'a>,
    new: View<'d, 'a>,
    /// The state that was signed first: whoever made what came later is unknown.
    signed: View<'d, 'a>,
    places: Option<places::Places>,
    revision: &'s Revision,
    old_form: &'s Form,
    new_form: &'s Form,
    changed: BTreeMap<u32, Change>,
    /// Objects that a rule knows, and what it calls them.
    explained: BTreeMap<u32, Class>,
    references: &'s References,
    /// Something changed that has no class of its own, such as the document information.
    quiet: bool,
    /// What the rule at work calls the objects it explains.
    role: Class,
    /// Fields whose looks or value changed, for [`Analysis::shown`].
    drawn: BTreeSet<ObjectId>,
    /// Changed fields and what is above them, once it is known that they are nothing else.
    asked: BTreeSet<u32>,
    /// New widgets of signature fields, for [`Analysis::coverage`].
    placed: Vec<coverage::Placed>,
    step: Step,
}

impl Analysis<'_, '_, '_> {
    fn other(&mut self, reason: impl Into<String>) {
        self.step.classes.insert(Class::Other);
        self.remark(reason);
    }

    fn remark(&mut self, reason: impl Into<String>) {
        if self.step.reasons.len() < MAX_REASONS {
            self.step.reasons.push(reason.into());
        }
    }

    fn explain(&mut self, number: u32) {
        self.explained.entry(number).or_insert(self.role);
    }

    /// Of two values for one key readers take one or the other, so a rule that looks at one of them proves
    /// nothing about what is shown.
    fn duplicates(&mut self) {
        let twice: Vec<u32> = self
            .changed
            .iter()
            .filter(|(_, change)| change.new.as_ref().is_some_and(has_duplicates))
            .map(|(number, _)| *number)
            .collect();
        for number in twice {
            self.other(format!("object {number} has a duplicated key"));
        }
    }

    /// A number that came into use with this revision and that nothing referred to before: to fill a
    /// number that signed objects already point to is a way of changing them.
    fn is_new(&self, number: u32) -> bool {
        self.changed.get(&number).is_some_and(|change| change.old.is_none() && change.new.is_some())
            && self.references.to(number).is_empty()
    }

    /// Changed in place: in use before and after, with another value.
    fn in_place(&self, number: u32) -> Option<(&Object, &Object)> {
        let change = self.changed.get(&number)?;
        change.old.as_ref().zip(change.new.as_ref())
    }

    /// Whether everything that referred to `number` is in `allowed`, and something did.
    fn only_from(&self, number: u32, allowed: &[u32]) -> bool {
        let referrers = self.references.to(number);
        !referrers.is_empty() && referrers.iter().all(|from| allowed.contains(from))
    }

    /// Explains every new object reachable from `value`; objects that were there before are not entered.
    ///
    /// Actions are never harmless: a tree that holds one is `other`.
    fn explain_tree(&mut self, value: &Object) {
        let mut stack = vec![value.clone()];
        while let Some(value) = stack.pop() {
            match value {
                Object::Reference(id)
                    if self.is_new(id.number) && !self.explained.contains_key(&id.number) =>
                {
                    self.explain(id.number);
                    stack.extend(self.changed.get(&id.number).and_then(|change| change.new.clone()));
                }
                Object::Array(items) => stack.extend(items),
                Object::Dictionary(dictionary) => self.explain_entries(&dictionary, &mut stack),
                Object::Stream(stream) => {
                    // A file of its own, a page of another file, a print server's picture: what is shown is
                    // decided outside the document (§7.3.8.2, §8.10.4, §14.11.7).
                    let outside = |key: &[u8]| stream.dictionary.get(key).is_some_and(|v| *v != Object::Null);
                    if [b"F".as_slice(), b"Ref", b"OPI"].into_iter().any(outside) {
                        self.other("a stream was added whose content stands outside the document");
                    }
                    self.explain_entries(&stream.dictionary, &mut stack);
                }
                _ => {}
            }
        }
    }

    fn explain_entries(&mut self, dictionary: &Dictionary, stack: &mut Vec<Object>) {
        for (key, value) in dictionary.iter() {
            if ACTIONS.contains(&key) {
                self.other("an action was added after signing");
            }
            // Upward links lead to pages and fields, which are judged on their own.
            if !matches!(key, b"P" | b"Parent") {
                stack.push(value.clone());
            }
        }
    }

    fn leftovers(&mut self) {
        let left: Vec<u32> =
            self.changed.keys().copied().filter(|number| !self.explained.contains_key(number)).collect();
        for number in left {
            let Some(change) = self.changed.get(&number) else { continue };
            let what = match (&change.old, &change.new) {
                (_, None) => "was freed",
                (None, _) if !self.references.to(number).is_empty() => "fills a reference that led nowhere",
                (None, _) => "was added",
                _ => "was changed",
            };
            self.other(format!("object {number} {what} without a permitted purpose"));
        }
    }
}

/// The keys in which two dictionaries differ.
fn differing<'k>(old: &'k Dictionary, new: &'k Dictionary) -> BTreeSet<&'k [u8]> {
    let keys = old.iter().chain(new.iter()).map(|(key, _)| key);
    keys.filter(|key| match (old.get(key), new.get(key)) {
        (Some(a), Some(b)) => !crate::revisions::same_value(a, b),
        _ => true,
    })
    .collect()
}

/// Whether a dictionary in `value` has a key twice.
fn has_duplicates(value: &Object) -> bool {
    match value {
        Object::Array(items) => items.iter().any(has_duplicates),
        Object::Dictionary(dictionary) => twice(dictionary),
        Object::Stream(stream) => twice(&stream.dictionary),
        _ => false,
    }
}

fn twice(dictionary: &Dictionary) -> bool {
    dictionary.has_duplicates() || dictionary.iter().any(|(_, value)| has_duplicates(value))
}

/// Whether a value holds no reference at all.
fn is_direct(value: &Object) -> bool {
    match value {
        Object::Reference(_) => false,
        Object::Array(items) => items.iter().all(is_direct),
        Object::Dictionary(dictionary) => dictionary.iter().all(|(_, value)| is_direct(value)),
        Object::Stream(stream) => stream.dictionary.iter().all(|(_, value)| is_direct(value)),
        _ => true,
    }
}

fn is_type(dictionary: &Dictionary, kind: &[u8]) -> bool {
    dictionary.get(b"Type").and_then(Object::as_name) == Some(kind)
}

/// Keys that make a viewer do something (§12.6).
const ACTIONS: [&[u8]; 4] = [b"A", b"AA", b"JS", b"OpenAction"];
/// A report names the first few; more would only hide them.
const MAX_REASONS: usize = 16;
