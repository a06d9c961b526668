//! Whether a field is nothing but a field.
//!
//! Rules look at an object as a field when the form names it. A page, a node of the page tree or of a name
//! tree, an optional-content configuration can carry a field's entries too: /Kids then orders pages, /AS
//! switches layers. Who refers to it, and with which entry, tells (ISO 32000-2 §7.7.3, §7.9.6, §8.11.4).

use std::collections::BTreeSet;

use super::super::fields::{Field, Form};
use super::Analysis;
use crate::revisions::By;
use crate::syntax::{Object, ObjectId, ReadError};

impl Analysis<'_, '_, '_> {
    /// Whether a changed field and the fields above it are widgets or plain nodes of the form and nothing
    /// else refers to them than form, pages, structure and actions.
    ///
    /// What is found at fault is found at fault once: `asked` holds what was looked at.
    pub(super) fn only_a_field(&self, id: ObjectId, asked: &mut BTreeSet<u32>) -> bool {
        let mut waiting = vec![id.number];
        while let Some(number) = waiting.pop() {
            if !asked.insert(number) {
                continue;
            }
            let kind = node(self.old_form, number).and_then(|field| field.dictionary.get(b"Type"));
            if kind.is_some_and(|kind| *kind != Object::Null && kind.as_name() != Some(b"Annot")) {
                return false;
            }
            for (from, by) in self.references.roles(number) {
                match by {
                    By::Fields | By::Annots | By::Aside => {}
                    By::Kids if node(self.old_form, from).is_some() => waiting.push(from),
                    By::Bare => waiting.push(from), // a list of fields, if its own referrers say so
                    By::Kids | By::Resources | By::Other => return false,
                }
            }
        }
        true
    }

    /// /Kids keep what they held in its order; what they gain came into use with this revision.
    pub(super) fn kids_only_grow(&self, old: &Field, new: &Field) -> Result<bool, ReadError> {
        let before = self.old.entry(&old.dictionary, b"Kids")?;
        let now = self.new.entry(&new.dictionary, b"Kids")?;
        let (Some(before), Some(now)) = (list(&before), list(&now)) else { return Ok(before == now) };
        let added = |kid: &&Object| kid.as_reference().is_some_and(|id| self.is_new(id.number));
        Ok(now.iter().filter(|kid| !added(kid)).eq(before))
    }

    /// Whether everything that refers to `number` is `holder`, and takes it for the same thing.
    pub(super) fn only_as(&self, number: u32, holder: u32, by: By) -> bool {
        self.only_from(number, &[holder]) && self.references.roles(number).all(|(_, role)| role == by)
    }
}

fn list(value: &Object) -> Option<&[Object]> {
    match value {
        Object::Null => Some(&[]),
        value => value.as_array(),
    }
}

fn node(form: &Form, number: u32) -> Option<&Field> {
    let first = ObjectId { number, generation: 0 };
    form.nodes.range(first..).next().filter(|(id, _)| id.number == number).map(|(_, field)| field)
}
