//! Signature fields: made, signed, shown.
//!
//! A new field is new in every part, and what it shows is looked at: a signature that covers the page, or a
//! frame with a picture that nobody signed, is an annotation by another name (the sneaky-signature attack).

use super::super::fields::{Field, Form, Role};
use super::coverage::Placed;
use super::{Analysis, Class};
use crate::revisions::By;
use crate::syntax::content::Tokens;
use crate::syntax::{Dictionary, Object, ObjectId, ReadError};

impl Analysis<'_, '_, '_> {
    pub(super) fn new_signature_field(
        &mut self,
        id: ObjectId,
        field: &Field,
        form: &Form,
    ) -> Result<(), ReadError> {
        if !self.is_new(id.number) {
            self.other(format!("an older object became signature field `{}`", field.name));
            return Ok(());
        }
        self.role = Class::Signature;
        self.explain(id.number);
        for (key, value) in field.dictionary.iter() {
            match key {
                b"V" | b"P" | b"Parent" => {}
                b"Kids" => self.field_list(id.number, None, Some(value), By::Kids),
                key if SIGNATURE_FIELD_KEYS.contains(&key) => self.explain_tree(value),
                _ => {
                    let key = String::from_utf8_lossy(key).into_owned();
                    self.other(format!("new signature field `{}` has an entry /{key}", field.name));
                }
            }
        }
        let shows = is_visible(&field.dictionary);
        if shows {
            let (name, widget) = (field.name.clone(), field.dictionary.clone());
            self.placed.push(Placed { id, name, widget });
        }
        if field.role == Role::Widget {
            // Its field judges the value; here only what shows counts, and that other readers, which look
            // for value and name in the widget, see no other signature.
            let owner = form.nodes.get(&field.field);
            let repeated = |value: &Object| owner.is_some_and(|o| o.dictionary.get(b"V") == Some(value));
            if field.dictionary.get(b"V").is_some_and(|value| !repeated(value)) {
                self.other(format!("a widget of signature field `{}` has another value", field.name));
            }
            let parent = field.dictionary.get(b"Parent").and_then(Object::as_reference);
            if parent.is_some_and(|parent| parent != field.field) {
                self.other(format!("a widget of signature field `{}` has another parent", field.name));
            }
            self.step.visible_signature |= shows;
            return Ok(());
        }
        let value = field.dictionary.get(b"V");
        if value.is_some() {
            self.signed(field, value, form)?;
        } else if self.any_paints(form, id, false)? {
            // A frame nobody signs is a picture laid over the page; whether somebody does, later revisions tell.
            self.step.frames.push((id, field.name.clone()));
        } else {
            self.step.classes.insert(Class::Signature);
        }
        self.step.visible_signature |= shows;
        Ok(())
    }

    /// A signature field got its value: it must be a new object, and the class follows from its kind.
    pub(super) fn signed(
        &mut self,
        field: &Field,
        value: Option<&Object>,
        form: &Form,
    ) -> Result<(), ReadError> {
        let Some(reference @ Object::Reference(id)) = value else {
            self.other(format!("the value of signature field `{}` is not a reference", field.name));
            return Ok(());
        };
        if !self.is_new(id.number) {
            self.other(format!("signature field `{}` was pointed to an older object", field.name));
            return Ok(());
        }
        let Object::Dictionary(signature) = self.new.object(*id)? else {
            self.other(format!("the value of signature field `{}` is not a dictionary", field.name));
            return Ok(());
        };
        let shows = form.widgets(field.field).any(is_visible);
        let timestamp = signature.get(b"SubFilter").and_then(Object::as_name) == Some(b"ETSI.RFC3161")
            && signature.get(b"Type").is_none_or(|kind| kind.as_name() == Some(b"DocTimeStamp"));
        let made_now = !self.old_form.nodes.contains_key(&field.field);
        if timestamp && shows && (made_now || self.any_paints(form, field.field, false)?) {
            // Anybody gets a time-stamp, and it says nothing of who answers for the picture.
            self.step.classes.insert(Class::Annotation);
            self.remark(format!("the time-stamp in signature field `{}` shows on a page", field.name));
        } else if timestamp && !shows && !self.any_paints(form, field.field, true)? {
            self.role = Class::Ltv;
            self.step.classes.insert(Class::Ltv);
        } else {
            self.step.classes.insert(Class::Signature);
            self.step.fields.insert(field.name.clone());
            if !timestamp {
                self.step.signed.insert(field.field);
            }
        }
        self.explain_tree(reference);
        Ok(())
    }

    /// Whether a widget of an unsigned field draws something: a place to sign, as signing software makes it,
    /// is an empty frame. A widget without an area is looked at too if `hidden`.
    fn any_paints(&self, form: &Form, field: ObjectId, hidden: bool) -> Result<bool, ReadError> {
        for widget in form.widgets(field).filter(|widget| hidden || is_visible(widget)) {
            let characteristics = self.new.entry(widget, b"MK")?;
            let coloured =
                |key: &[u8]| characteristics.as_dictionary().is_some_and(|mk| mk.get(key).is_some());
            if [b"BG".as_slice(), b"BC", b"I", b"RI", b"IX", b"CA"].into_iter().any(coloured) {
                return Ok(true);
            }
            let Object::Dictionary(appearance) = self.new.entry(widget, b"AP")? else { continue };
            for (_, look) in appearance.iter() {
                let Object::Stream(stream) = self.new.resolve(look)? else { return Ok(true) };
                let data = match self.new.stream_data(&stream, MAX_EMPTY) {
                    Ok(data) => data,
                    Err(error @ ReadError::Io(_)) => return Err(error),
                    Err(_) => return Ok(true),
                };
                if Tokens::new(&data).any(|operation| PAINTING.contains(&operation.operator.as_slice())) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// A widget with an area.
fn is_visible(widget: &Dictionary) -> bool {
    let Some(corners) = widget.get(b"Rect").and_then(Object::as_array) else {
        return widget.get(b"Rect").is_some(); // not a plain array: assume the worst
    };
    let [x0, y0, x1, y1] = corners else { return true };
    let differ = |a: &Object, b: &Object| match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => (a - b).abs() > 0.0,
        _ => true,
    };
    differ(x0, x1) && differ(y0, y1)
}

/// Operators that leave something on the page (§8.5.3, §8.6, §8.8, §9.4.3).
const PAINTING: [&[u8]; 17] = [
    b"S", b"s", b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*", b"sh", b"Do", b"EI", b"Tj", b"TJ", b"'", b"\"",
    b"d1",
];
/// An appearance that draws nothing is short.
const MAX_EMPTY: usize = 1 << 16;
/// What a new signature field or its widget may consist of; actions are not among them.
const SIGNATURE_FIELD_KEYS: [&[u8]; 21] = [
    b"Type", b"Subtype", b"FT", b"T", b"TU", b"TM", b"Ff", b"F", b"Rect", b"AP", b"AS", b"MK", b"BS",
    b"Border", b"DA", b"Q", b"M", b"NM", b"Lock", b"SV", b"H",
];
