//! A signature's field: an existing one or a new one, its widget, and what else shows on pages.

use super::PrepareError;
use super::form::Field;
use super::marks::{Marks, PRINT_AND_LOCKED, annotation};
use super::prepare::Signing;
use super::tags::{self, Tagged};
use super::{archival, place};
use crate::appearance::{Paper, SealAppearance};
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, text_string};

impl Signing<'_, '_, '_> {
    /// Makes the signature the value of an existing field.
    pub(super) fn sign_field(
        &mut self,
        field: &Field,
        appearance: Option<&SealAppearance>,
        signature: ObjectId,
    ) -> Result<(), PrepareError> {
        let (id, widget, dictionary) = match (field.id, field.widgets.as_slice()) {
            (Some(id), [(widget, dictionary)]) => (id, widget, dictionary),
            // Some makers of templates leave the widget out, without which readers find no signature. It
            // becomes an invisible one, as a new field is; after a signature that would be a change too many.
            (Some(id), []) if appearance.is_none() && !self.signed_before() => {
                let (page, _) = place::new_field(self.changes.document, None)?;
                let field = self.changes.dictionary(id)?;
                for (key, value) in annotation("Widget", None, page, PRINT_AND_LOCKED).iter() {
                    field.set(key, value.clone());
                }
                field.set(b"V", Object::Reference(signature));
                self.changes.append(page, b"Annots", Object::Reference(id))?;
                return self.set_flags();
            }
            (_, widgets) => {
                return Err(PrepareError::FieldWidgets { name: field.name.clone(), widgets: widgets.len() });
            }
        };
        let places = place::existing_field(self.changes.document, field, (*widget, dictionary), appearance)?;
        if self.signed_before() && !places.further.is_empty() {
            return Err(PrepareError::PagingNeedsNewField { name: field.name.clone() });
        }
        let mut marks = Marks::new(appearance, self.paper()?);
        self.changes.dictionary(id)?.set(b"V", Object::Reference(signature));
        if let Some(mark) = &places.field {
            let shown = marks.shown(&mut self.changes, mark)?;
            self.changes.dictionary(*widget)?.set(b"AP", shown);
        }
        for mark in &places.further {
            marks.stamp(&mut self.changes, mark, &field.name)?;
        }
        self.tag(marks)?;
        self.set_flags()
    }

    /// Adds a new field to the form and the page, merged with its only widget unless slices of the seal
    /// are its widgets, too.
    pub(crate) fn add_field(
        &mut self,
        field_name: &str,
        appearance: Option<&SealAppearance>,
        signature: ObjectId,
        lock: Option<Dictionary>,
    ) -> Result<(), PrepareError> {
        let (page, places) = place::new_field(self.changes.document, appearance)?;
        let paper = self.paper()?;
        let mut marks = Marks::new(appearance, paper);
        let kids = self.signed_before() && !places.further.is_empty();
        let mut field = if kids {
            Dictionary::new()
        } else {
            let stand = places.field.as_ref().map(|mark| &mark.stand);
            annotation("Widget", stand, page, PRINT_AND_LOCKED)
        };
        field.set(b"FT", Object::Name(b"Sig".to_vec()));
        field.set(b"T", text_string(field_name));
        field.set(b"V", Object::Reference(signature));
        if let Some(lock) = lock {
            // An indirect reference, says table 235.
            let lock = self.changes.add(Body::Value(Object::Dictionary(lock)));
            field.set(b"Lock", Object::Reference(lock));
        }
        if kids {
            let id = self.changes.update.allocate();
            let mut widgets = Vec::with_capacity(places.further.len() + 1);
            for mark in places.field.iter().chain(&places.further) {
                widgets.push(Object::Reference(marks.widget(&mut self.changes, mark, (id, signature))?));
            }
            field.set(b"Kids", Object::Array(widgets));
            self.changes.update.put(id, Body::Value(Object::Dictionary(field)));
            return self.add_to_form(Object::Reference(id));
        }
        if let Some(mark) = &places.field {
            let shown = marks.shown(&mut self.changes, mark)?;
            field.set(b"AP", shown);
        } else if paper.cid_set {
            // ISO 19005-1 §6.9 asks it of every field, also of one that takes up no room.
            field.set(b"AP", marks.nothing(&mut self.changes));
        }
        let id = self.changes.add(Body::Value(Object::Dictionary(field)));
        self.changes.append(page, b"Annots", Object::Reference(id))?;
        marks.listed.push(Tagged { annotation: id, page, widget: true, alternative: field_name.to_owned() });
        for mark in &places.further {
            marks.stamp(&mut self.changes, mark, field_name)?;
        }
        self.tag(marks)?;
        self.add_to_form(Object::Reference(id))
    }

    fn signed_before(&self) -> bool {
        self.form.signatures().next().is_some()
    }

    /// What the document lets an appearance use.
    fn paper(&self) -> Result<Paper, PrepareError> {
        let document = self.changes.document;
        Ok(match document.object(self.root)? {
            Object::Dictionary(catalog) => archival::paper(document, &catalog),
            _ => Paper::PLAIN,
        })
    }

    /// Enters what was added into the structure of a document that nobody signed.
    fn tag(&mut self, marks: Marks<'_>) -> Result<(), PrepareError> {
        if self.signed_before() {
            return Ok(());
        }
        tags::add(&mut self.changes, self.root, &marks.listed)
    }
}
