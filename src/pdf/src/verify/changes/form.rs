//! The interactive form: fields filled in, signature fields signed or made.
//!
//! Fields are matched by object identity and by name; a field that vanishes, changes its name or its kind
//! is never harmless.

use std::collections::{BTreeSet, HashSet};

use super::super::fields::{Field, Form, Role};
use super::{Analysis, Class, differing, is_type};
use crate::revisions::By;
use crate::syntax::{Dictionary, Object, ObjectId, ReadError};

impl Analysis<'_, '_, '_> {
    pub(super) fn form(&mut self) -> Result<(), ReadError> {
        let (old, new) = (self.old_form, self.new_form);
        if std::ptr::eq(old, new) {
            return Ok(()); // nothing the form was read from changed
        }
        let known: HashSet<&String> = old.warnings.iter().collect();
        for warning in new.warnings.iter().filter(|warning| !known.contains(warning)) {
            self.other(warning.clone());
        }
        self.role = Class::Form;
        self.form_dictionary(old, new)?;
        for (id, before) in &old.nodes {
            match new.nodes.get(id) {
                None => self.other(format!("form field `{}` was removed", before.name)),
                Some(now) => self.known_field(*id, before, now, old, new)?,
            }
        }
        let names: BTreeSet<&str> = old.nodes.values().map(|field| field.name.as_str()).collect();
        for (id, field) in new.nodes.iter().filter(|(id, _)| !old.nodes.contains_key(id)) {
            let owner_is_new = !old.nodes.contains_key(&field.field);
            if owner_is_new && field.kind.as_deref() == Some(b"Sig") && field.role != Role::Group {
                if field.role == Role::Terminal && names.contains(field.name.as_str()) {
                    self.other(format!("a second form field named `{}` was added", field.name));
                }
                self.new_signature_field(*id, field, new)?;
            } else {
                self.other(format!("form field `{}` was added", field.name));
            }
        }
        Ok(())
    }

    fn form_dictionary(&mut self, old: &Form, new: &Form) -> Result<(), ReadError> {
        let Some((id, now)) = &new.dictionary else {
            if old.dictionary.is_some() {
                self.other("the form was removed");
            }
            return Ok(());
        };
        let empty = Dictionary::new();
        let (old_id, before) = old.dictionary.as_ref().map_or((None, &empty), |(id, d)| (*id, d));
        let catalog = self.new.catalog()?.0.number;
        let mut holder = catalog;
        if let Some(id) = id {
            holder = id.number;
            if self.is_new(holder) || (old_id == Some(*id) && self.only_from(holder, &[catalog])) {
                self.explain(holder);
            }
        }
        if old.needs_appearances() != new.needs_appearances() {
            // What viewers show changes from the appearances to the values or back.
            self.drawn.extend(old.nodes.values().map(|node| node.field));
        }
        for key in differing(before, now) {
            match key {
                b"Fields" | b"DR" => {} // judged below
                b"SigFlags" => {
                    let flags = |d: &Dictionary| d.get(b"SigFlags").and_then(Object::as_integer).unwrap_or(0);
                    if flags(before) & !flags(now) != 0 {
                        self.other("the form's signature flags were cleared");
                    }
                }
                b"NeedAppearances" => {
                    self.step.classes.insert(Class::Form);
                }
                b"DA" if before.get(b"DA").is_none() => {}
                _ => self.other(format!("the form's /{} changed", String::from_utf8_lossy(key))),
            }
        }
        self.field_list(holder, before.get(b"Fields"), now.get(b"Fields"), By::Fields);
        self.default_resources(holder, before, now)
    }

    /// A list of fields may only grow; what it grows by is judged field by field.
    pub(super) fn field_list(&mut self, holder: u32, old: Option<&Object>, new: Option<&Object>, by: By) {
        if let Some(Object::Reference(id)) = new {
            let sole = old == new && self.only_as(id.number, holder, by);
            let arrays = self
                .in_place(id.number)
                .is_some_and(|(a, b)| a.as_array().is_some() && b.as_array().is_some());
            if self.is_new(id.number) || (sole && arrays) {
                self.explain(id.number);
            }
        }
    }

    /// `/DR` may gain resources; none that was there may change.
    fn default_resources(
        &mut self,
        holder: u32,
        old: &Dictionary,
        new: &Dictionary,
    ) -> Result<(), ReadError> {
        let (old_raw, new_raw) = (old.get(b"DR"), new.get(b"DR"));
        let Some(raw) = new_raw else {
            if old_raw.is_some() {
                self.other("the form's default resources were removed");
            }
            return Ok(());
        };
        let touched = |analysis: &Self, value: &Object| match value {
            Object::Reference(id) => analysis.changed.contains_key(&id.number),
            _ => false,
        };
        let resources = self.new.resolve(raw)?;
        let Object::Dictionary(resources) = &resources else {
            self.other("the form's default resources are not a dictionary");
            return Ok(());
        };
        if old_raw == new_raw && !touched(self, raw) && !resources.iter().any(|(_, v)| touched(self, v)) {
            return Ok(());
        }
        let before = old_raw.map(|raw| self.old.resolve(raw)).transpose()?;
        let before = before.as_ref().and_then(Object::as_dictionary).unwrap_or(const { &Dictionary::EMPTY });
        // Fields that viewers draw themselves take their fonts from here.
        let kinds = self.old_form.nodes.values().map(|node| node.kind.as_deref());
        if kinds.into_iter().any(|kind| matches!(kind, Some(b"Tx" | b"Ch"))) {
            self.step.classes.insert(Class::Form);
        } else {
            self.quiet = true;
        }
        let holder = self.grown(holder, old_raw, raw);
        for (key, value) in before.iter() {
            let Some(now) = resources.get(key) else {
                self.other("the form's default resources lost an entry");
                continue;
            };
            let (a, b) = (self.old.resolve(value)?, self.new.resolve(now)?);
            match (&a, &b) {
                (Object::Dictionary(a), Object::Dictionary(b)) => {
                    if a.iter().any(|(key, value)| b.get(key) != Some(value)) {
                        self.other("the form's default resources changed");
                    }
                    self.grown(holder, Some(value), now);
                }
                (a, b) if crate::revisions::same_value(a, b) => {}
                _ => self.other("the form's default resources changed"),
            }
        }
        self.explain_tree(&Object::Dictionary(resources.clone()));
        for (_, category) in resources.iter() {
            let category = self.new.resolve(category)?;
            self.explain_tree(&category);
        }
        Ok(())
    }

    fn grown(&mut self, holder: u32, old: Option<&Object>, new: &Object) -> u32 {
        let Object::Reference(id) = new else { return holder };
        if self.is_new(id.number) || (old == Some(new) && self.only_as(id.number, holder, By::Resources)) {
            self.explain(id.number);
        }
        id.number
    }

    fn known_field(
        &mut self,
        id: ObjectId,
        old: &Field,
        new: &Field,
        old_form: &Form,
        form: &Form,
    ) -> Result<(), ReadError> {
        if (&old.name, &old.kind, old.role, old.field) != (&new.name, &new.kind, new.role, new.field) {
            self.other(format!("form field `{}` became another field", old.name));
            return Ok(());
        }
        if !self.changed.contains_key(&id.number) {
            return Ok(());
        }
        let mut asked = std::mem::take(&mut self.asked);
        if !self.only_a_field(id, &mut asked) {
            self.other(format!("form field `{}` is something else as well", old.name));
        }
        self.asked = asked;
        let signature = new.kind.as_deref() == Some(b"Sig");
        self.role = if signature { Class::Signature } else { Class::Form };
        self.explain(id.number);
        let value_before = |form: &Form| form.nodes.get(&old.field).and_then(|f| f.value.clone());
        let signing = signature && value_before(old_form).is_none() && value_before(form).is_some();
        let mut filled = false;
        for key in differing(&old.dictionary, &new.dictionary) {
            let (before, now) = (old.dictionary.get(key), new.dictionary.get(key));
            let allowed = match key {
                b"V" if new.role == Role::Widget => false,
                b"V" if new.role == Role::Group => self.inherited(id, now),
                b"V" if signature => {
                    if signing {
                        self.signed(new, now, form)?;
                    }
                    signing
                }
                b"V" | b"RV" | b"I" | b"AP" | b"AS" if !signature => {
                    filled = true;
                    self.value(now)
                }
                b"AP" | b"AS" if signing => true,
                b"M" => now.is_some_and(|now| now.as_string().is_some()),
                b"F" if !signature || signing => only_adds(before, now, ANNOTATION_FLAGS),
                b"Ff" => only_adds(before, now, READ_ONLY),
                b"Kids" => true, // below, and new kids as new fields
                b"Type" => before.is_none() && is_type(&new.dictionary, b"Annot"),
                _ => false,
            };
            if !allowed {
                let key = String::from_utf8_lossy(key).into_owned();
                self.other(format!("/{key} of form field `{}` changed", old.name));
            }
        }
        if new.role != Role::Group
            && let Some(appearance) = new.dictionary.get(b"AP")
            && (signing || !signature)
        {
            self.explain_tree(appearance);
        }
        if !self.kids_only_grow(old, new)? {
            self.other(format!("the kids of form field `{}` were exchanged", old.name));
        }
        self.field_list(id.number, old.dictionary.get(b"Kids"), new.dictionary.get(b"Kids"), By::Kids);
        if filled {
            self.step.classes.insert(Class::Form);
            self.step.fields.insert(new.name.clone());
            self.drawn.insert(new.field);
        } else {
            self.quiet = true; // flags and dates alone
        }
        Ok(())
    }

    /// The value of a group is that of every field below it without one of its own (§12.7.4.1): those were
    /// filled in, and what locks or shows them goes by their names.
    fn inherited(&mut self, group: ObjectId, value: Option<&Object>) -> bool {
        let (old, form) = (self.old_form, self.new_form);
        let mut below = vec![group];
        while let Some(id) = below.pop() {
            for (id, field) in form.below(id).iter().filter_map(|id| Some((*id, form.nodes.get(id)?))) {
                let had_own = old.nodes.get(&id).is_none_or(|old| old.dictionary.get(b"V").is_some());
                if had_own && field.dictionary.get(b"V").is_some() {
                    continue;
                }
                if field.kind.as_deref() == Some(b"Sig") {
                    self.other(format!("signature field `{}` was given a value by its group", field.name));
                } else if field.role == Role::Terminal {
                    self.step.fields.insert(field.name.clone());
                    self.drawn.insert(id);
                }
                below.push(id);
            }
        }
        self.step.classes.insert(Class::Form);
        self.value(value)
    }

    /// A field's value: anything but a reference to what was there before.
    fn value(&mut self, value: Option<&Object>) -> bool {
        let Some(value) = value else { return true };
        if let Object::Reference(id) = value
            && !self.is_new(id.number)
        {
            return false;
        }
        if let Object::Dictionary(_) | Object::Reference(_) | Object::Array(_) = value {
            self.explain_tree(value);
        }
        true
    }
}

/// Whether flags differ only by bits of `mask` that are now set.
fn only_adds(old: Option<&Object>, new: Option<&Object>, mask: i64) -> bool {
    let flags = |value: Option<&Object>| value.map_or(Some(0), Object::as_integer);
    let (Some(old), Some(new)) = (flags(old), flags(new)) else { return false };
    old & !new == 0 && (new & !old) & !mask == 0
}

/// Print, Locked, LockedContents (§12.5.3): flags that signing software sets; none of them hides anything.
const ANNOTATION_FLAGS: i64 = 4 | 128 | 512;
/// Field flag ReadOnly (§12.7.4.1).
const READ_ONLY: i64 = 1;
