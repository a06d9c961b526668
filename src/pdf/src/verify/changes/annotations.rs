//! Pages and their annotation lists: the only entry of a page that may change after signing.

use std::collections::HashSet;
use std::rc::Rc;

use super::{Analysis, Class, differing, is_type};
use crate::syntax::{Dictionary, Object, ObjectId, ReadError};

impl Analysis<'_, '_, '_> {
    /// Pages whose `/Annots` changed, directly or through the array it refers to.
    pub(super) fn pages(&mut self) -> Result<(), ReadError> {
        let numbers: Vec<u32> = self.changed.keys().copied().collect();
        for number in numbers {
            if self.explained.contains_key(&number) {
                continue;
            }
            let Some((old, new)) = self.in_place(number).map(|(a, b)| (a.clone(), b.clone())) else {
                continue;
            };
            match (&old, &new) {
                (Object::Dictionary(old), Object::Dictionary(new))
                    if is_type(old, b"Page") && is_type(new, b"Page") =>
                {
                    self.page(number, old, new)?;
                }
                (Object::Array(old), Object::Array(new)) if self.is_annotation_list(number)? => {
                    self.explain(number);
                    self.annotation_list(old, new)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn page(&mut self, number: u32, old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        self.explain(number);
        if new.has_duplicates() {
            self.other(format!("page object {number} has a duplicated key"));
        }
        for key in differing(old, new) {
            if key != b"Annots" {
                let key = String::from_utf8_lossy(key).into_owned();
                self.other(format!("/{key} of page object {number} changed"));
                continue;
            }
            let list = |view: crate::syntax::View<'_, '_>, page: &Dictionary| -> Result<_, ReadError> {
                Ok(match view.entry(page, b"Annots")? {
                    Object::Array(items) => Some(items),
                    Object::Null => Some(Vec::new()),
                    _ => None,
                })
            };
            let (before, now) = (list(self.old, old)?, list(self.new, new)?);
            let (Some(before), Some(now)) = (before, now) else {
                self.other(format!("/Annots of page object {number} is not an array"));
                continue;
            };
            if let Some(Object::Reference(id)) = new.get(b"Annots")
                && self.is_new(id.number)
            {
                self.explain(id.number);
            }
            self.annotation_list(&before, &now)?;
        }
        Ok(())
    }

    /// Referred to once, as the `/Annots` of a page.
    fn is_annotation_list(&self, number: u32) -> Result<bool, ReadError> {
        let [page] = self.references.to(number) else { return Ok(false) };
        let Some(entry) = self.old.locate(*page) else { return Ok(false) };
        let page = self.old.object(crate::revisions::identity(*page, entry))?;
        Ok(matches!(&page, Object::Dictionary(page) if is_type(page, b"Page")
            && page.get(b"Annots").and_then(Object::as_reference).is_some_and(|id| id.number == number)))
    }

    /// Every list may be as long as a file is large, so entries are looked up and not searched for.
    fn annotation_list(&mut self, old: &[Object], new: &[Object]) -> Result<(), ReadError> {
        let (before, now) = (Entries::of(old), Entries::of(new));
        for gone in before.missing_from(&now) {
            if is_plain_annotation(&self.old.resolve(gone)?) {
                self.step.classes.insert(Class::Annotation);
                if let Object::Reference(id) = gone
                    && self.changed.get(&id.number).is_some_and(|change| change.new.is_none())
                {
                    self.explain(id.number);
                }
            } else {
                self.other("a form field was taken off its page");
            }
        }
        if !before.common(&now).eq(now.common(&before)) {
            self.other("annotations were put into another order");
        }
        for added in now.missing_from(&before) {
            self.added_annotation(added)?;
        }
        Ok(())
    }

    fn added_annotation(&mut self, item: &Object) -> Result<(), ReadError> {
        let Object::Reference(id) = item else {
            self.other("an annotation was added that is not an indirect object");
            return Ok(());
        };
        if let Some(field) = self.new_form.nodes.get(id) {
            // The form's rules have judged the new signature field this is a widget of.
            if self.old_form.nodes.contains_key(id) || field.kind.as_deref() != Some(b"Sig") {
                self.other(format!("form field `{}` was put on a page", field.name.clone()));
            }
            return Ok(());
        }
        let annotation = self.new.object(*id)?;
        if !self.is_new(id.number) || !is_plain_annotation(&annotation) {
            self.other("an annotation was added that is no markup");
            return Ok(());
        }
        self.explain_tree(item);
        self.step.classes.insert(Class::Annotation);
        Ok(())
    }

    /// Annotations changed in place; their keys are their own, so a second role would show.
    pub(super) fn annotations(&mut self) {
        let numbers: Vec<u32> = self.changed.keys().copied().collect();
        for number in numbers {
            if self.explained.contains_key(&number) {
                continue;
            }
            let Some((old, new)) = self.in_place(number).map(|(a, b)| (a.clone(), b.clone())) else {
                continue;
            };
            let (Object::Dictionary(before), Object::Dictionary(now)) = (&old, &new) else { continue };
            if !is_plain_annotation(&old)
                || before.get(b"Subtype") != now.get(b"Subtype")
                || !differing(before, now).iter().all(|key| ANNOTATION_KEYS.contains(key))
                || now.get(b"Contents").is_some_and(|contents| contents.as_string().is_none())
            {
                continue;
            }
            self.explain(number);
            self.explain_tree(&new);
            self.step.classes.insert(Class::Annotation);
        }
    }
}

/// The entries of a list with what tells them apart.
struct Entries<'l> {
    list: Vec<(Entry, &'l Object)>,
    set: HashSet<Entry>,
}

/// Honest entries are references; others are told apart by how they would be printed.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Entry {
    Reference(ObjectId),
    Direct(Rc<str>),
}

impl<'l> Entries<'l> {
    fn of(list: &'l [Object]) -> Self {
        let entry = |item: &Object| match item {
            Object::Reference(id) => Entry::Reference(*id),
            direct => Entry::Direct(format!("{direct:?}").into()),
        };
        let list: Vec<_> = list.iter().map(|item| (entry(item), item)).collect();
        let set = list.iter().map(|(entry, _)| entry.clone()).collect();
        Self { list, set }
    }

    /// Each once, however often it stands there.
    fn missing_from(&self, other: &Self) -> Vec<&'l Object> {
        let mut seen = HashSet::new();
        let missing = self.list.iter().filter(|(e, _)| !other.set.contains(e) && seen.insert(e));
        missing.map(|(_, item)| *item).collect()
    }

    /// What stands in both, in this one's order and as often as here.
    fn common<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = &'s Entry> {
        self.list.iter().map(|(entry, _)| entry).filter(|entry| other.set.contains(entry))
    }
}

/// An annotation that only shows something; not a widget, nothing that plays or runs.
fn is_plain_annotation(object: &Object) -> bool {
    let Object::Dictionary(dictionary) = object else { return false };
    let subtype = dictionary.get(b"Subtype").and_then(Object::as_name);
    subtype.is_some_and(|subtype| MARKUP.contains(&subtype)) && dictionary.get(b"Rect").is_some()
}

/// §12.5.6.1, table 171, without widgets, media, attachments and what prepares printing.
const MARKUP: [&[u8]; 16] = [
    b"Text",
    b"Link",
    b"FreeText",
    b"Line",
    b"Square",
    b"Circle",
    b"Polygon",
    b"PolyLine",
    b"Highlight",
    b"Underline",
    b"Squiggly",
    b"StrikeOut",
    b"Stamp",
    b"Caret",
    b"Ink",
    b"Popup",
];
/// Entries of markup annotations (§12.5.2, §12.5.6).
const ANNOTATION_KEYS: [&[u8]; 30] = [
    b"Contents",
    b"Rect",
    b"NM",
    b"M",
    b"F",
    b"AP",
    b"AS",
    b"C",
    b"T",
    b"Popup",
    b"CA",
    b"ca",
    b"RC",
    b"CreationDate",
    b"IRT",
    b"Subj",
    b"RT",
    b"IT",
    b"QuadPoints",
    b"L",
    b"BS",
    b"BE",
    b"LE",
    b"IC",
    b"Vertices",
    b"InkList",
    b"Open",
    b"Name",
    b"State",
    b"StateModel",
];
