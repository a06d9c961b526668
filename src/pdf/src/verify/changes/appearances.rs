//! Appearances of form fields that were rewritten under their old numbers.

use std::collections::{BTreeSet, HashMap};

use super::super::fields::Role;
use super::{Analysis, Class, is_type};
use crate::syntax::{Object, ObjectId};

impl Analysis<'_, '_, '_> {
    /// Appearance streams rewritten under their old number: harmless only if nothing but form fields of a
    /// kind that may change its looks draws them.
    pub(super) fn appearances_in_place(&mut self) {
        let open: Vec<u32> = self
            .changed
            .keys()
            .copied()
            .filter(|number| {
                !self.explained.contains_key(number)
                    && self.in_place(*number).is_some_and(|pair| match pair {
                        // Not a container of other objects, such as an object stream.
                        (Object::Stream(a), Object::Stream(b)) => [a, b].iter().all(|s| {
                            s.dictionary.get(b"Type").is_none() || is_type(&s.dictionary, b"XObject")
                        }),
                        (Object::Dictionary(_), Object::Dictionary(_)) => true,
                        _ => false,
                    })
            })
            .collect();
        // Fields by the appearance dictionaries that lead to them, so that one that many fields share is
        // looked through once.
        let mut known = HashMap::new();
        let mut names = BTreeSet::new();
        for number in open {
            if self.drawn_by_fields_only(number, 3, &mut names, &mut known)
                && let Some((_, new)) = self.in_place(number)
            {
                let new = new.clone();
                self.explain(number);
                self.explain_tree(&new);
                self.step.classes.insert(Class::Form);
                while let Some((field, name)) = names.pop_first() {
                    self.step.fields.insert(name);
                    self.drawn.insert(field);
                }
            }
        }
    }

    /// Every way to `number` starts at a field that is no signature, within `depth` steps, through
    /// dictionaries that can only be appearance dictionaries.
    fn drawn_by_fields_only(
        &self,
        number: u32,
        depth: usize,
        names: &mut BTreeSet<(ObjectId, String)>,
        known: &mut HashMap<(u32, usize), bool>,
    ) -> bool {
        if let Some(known) = known.get(&(number, depth)) {
            return *known;
        }
        let referrers = self.references.to(number);
        let only = !referrers.is_empty()
            && referrers.iter().all(|from| {
                if let Some(field) = self.old_form.numbered(*from) {
                    names.insert((field.field, field.name.clone()));
                    let appearance = field.dictionary.get(b"AP");
                    return field.kind.as_deref().is_some_and(|kind| kind != b"Sig")
                        && field.role != Role::Group
                        && appearance.is_some_and(|ap| self.appearance_leads_to(ap, number, 3));
                }
                depth > 1
                    && self.is_appearance_dictionary(*from)
                    && self.drawn_by_fields_only(*from, depth - 1, names, known)
            });
        known.insert((number, depth), only);
        only
    }

    fn is_appearance_dictionary(&self, number: u32) -> bool {
        let object = self
            .old
            .locate(number)
            .and_then(|entry| self.old.object(crate::revisions::identity(number, entry)).ok());
        // A dictionary of states or of N, R, D: nothing but references and dictionaries of references.
        matches!(object, Some(Object::Dictionary(d)) if d.get(b"Type").is_none() && d.iter().all(|(_, value)| {
            matches!(value, Object::Reference(_) | Object::Null)
                || value.as_dictionary().is_some_and(|d| d.iter().all(|(_, v)| v.as_reference().is_some()))
        }))
    }

    fn appearance_leads_to(&self, value: &Object, number: u32, depth: usize) -> bool {
        match value {
            Object::Reference(id) if id.number == number => true,
            Object::Reference(id) => {
                depth > 0
                    && matches!(self.old.object(*id), Ok(Object::Dictionary(d)) if
                        d.iter().any(|(_, value)| self.appearance_leads_to(value, number, depth - 1)))
            }
            Object::Dictionary(d) => {
                depth > 0 && d.iter().any(|(_, value)| self.appearance_leads_to(value, number, depth - 1))
            }
            _ => false,
        }
    }
}
