//! Tagged documents stay tagged: new annotations get their place in the structure (ISO 32000-2 §14.7.5.3).
//!
//! Only in documents that nobody signed. After a signature the structure is what was signed, and a change
//! of it would count as a change of the document (§12.8.2.2): there the new widget stays outside.

use super::PrepareError;
use super::changes::Changes;
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, text_string};

/// An annotation that was added.
pub(super) struct Tagged {
    pub(super) annotation: ObjectId,
    pub(super) page: ObjectId,
    /// A form field's widget.
    pub(super) widget: bool,
    /// What assistive software reads.
    pub(super) alternative: String,
}

/// Gives each annotation a structure element, if the document is tagged in a way that can be gone on
/// with; if not, nothing is changed.
pub(super) fn add(
    changes: &mut Changes<'_, '_>,
    root: ObjectId,
    annotations: &[Tagged],
) -> Result<(), PrepareError> {
    if annotations.is_empty() {
        return Ok(());
    }
    let Some(tree) = Tree::read(changes, root)? else { return Ok(()) };
    let mut leaf = Vec::with_capacity(annotations.len() * 2);
    let mut elements = Vec::with_capacity(annotations.len());
    let mut key = tree.next_key;
    for tagged in annotations {
        let mut object = Dictionary::new();
        object.set(b"Type", name("OBJR"));
        object.set(b"Obj", Object::Reference(tagged.annotation));
        object.set(b"Pg", Object::Reference(tagged.page));
        let mut element = Dictionary::new();
        element.set(b"Type", name("StructElem"));
        element.set(b"S", name(if tagged.widget { "Form" } else { "Annot" }));
        element.set(b"P", Object::Reference(tree.parent));
        element.set(b"Pg", Object::Reference(tagged.page));
        element.set(b"Alt", text_string(&tagged.alternative));
        element.set(b"K", Object::Dictionary(object));
        let element = Object::Reference(changes.add(Body::Value(Object::Dictionary(element))));
        let annotation = changes.dictionary(tagged.annotation)?;
        annotation.set(b"StructParent", Object::Integer(key));
        if tagged.widget && annotation.get(b"TU").is_none() {
            annotation.set(b"TU", text_string(&tagged.alternative));
        }
        leaf.extend([Object::Integer(key), element.clone()]);
        elements.push(element);
        key += 1;
        // Tabs through a page follow the structure (ISO 14289-1 §7.18.3).
        let page = changes.dictionary(tagged.page)?;
        if page.get(b"Tabs").is_none() {
            page.set(b"Tabs", name("S"));
        }
    }
    add_children(changes, tree.parent, elements)?;
    tree.enter(changes, leaf, key)
}

struct Tree {
    /// The structure tree root.
    id: ObjectId,
    /// What the new elements stand below.
    parent: ObjectId,
    /// The root of the parent tree.
    parents: ObjectId,
    next_key: i64,
}

impl Tree {
    /// The document's structure, if it is tagged and all of what is changed are objects of their own.
    fn read(changes: &Changes<'_, '_>, root: ObjectId) -> Result<Option<Self>, PrepareError> {
        let document = changes.document;
        let Object::Dictionary(catalog) = document.object(root)? else { return Ok(None) };
        let Object::Dictionary(mark) = document.entry(&catalog, b"MarkInfo")? else { return Ok(None) };
        if !matches!(document.entry(&mark, b"Marked")?, Object::Boolean(true)) {
            return Ok(None);
        }
        let (Some(id), Object::Dictionary(tree)) = (
            catalog.get(b"StructTreeRoot").and_then(Object::as_reference),
            document.entry(&catalog, b"StructTreeRoot")?,
        ) else {
            return Ok(None);
        };
        let (Some(parents), Object::Dictionary(numbers)) =
            (tree.get(b"ParentTree").and_then(Object::as_reference), document.entry(&tree, b"ParentTree")?)
        else {
            return Ok(None);
        };
        let Some(last) = last_key(changes, &numbers)? else { return Ok(None) };
        let stated = document.entry(&tree, b"ParentTreeNextKey")?.as_integer().unwrap_or(0);
        let next_key = stated.max(last.saturating_add(1));
        if !(0..MAX_KEY).contains(&next_key) {
            return Ok(None);
        }
        // The element for the whole document, if there is one, holds everything else.
        let top = match document.entry(&tree, b"K")? {
            Object::Array(kids) if kids.len() == 1 => kids.first().and_then(Object::as_reference),
            Object::Dictionary(_) => tree.get(b"K").and_then(Object::as_reference),
            _ => None,
        };
        let parent = match top {
            Some(top) => match document.object(top)? {
                Object::Dictionary(element)
                    if document.entry(&element, b"S")?.as_name() == Some(b"Document") =>
                {
                    top
                }
                _ => id,
            },
            None => id,
        };
        Ok(Some(Self { id, parent, parents, next_key }))
    }

    /// Enters what the new keys stand for into the parent tree (a number tree, ISO 32000-2 §7.9.7).
    fn enter(&self, changes: &mut Changes<'_, '_>, leaf: Vec<Object>, next: i64) -> Result<(), PrepareError> {
        let document = changes.document;
        let numbers = changes.dictionary(self.parents)?.clone();
        if numbers.get(b"Kids").is_some() {
            let limits = [self.next_key, next - 1].map(Object::Integer);
            let mut node = Dictionary::new();
            node.set(b"Limits", Object::Array(limits.to_vec()));
            node.set(b"Nums", Object::Array(leaf));
            let node = changes.add(Body::Value(Object::Dictionary(node)));
            changes.append(self.parents, b"Kids", Object::Reference(node))?;
        } else {
            let mut all = match document.entry(&numbers, b"Nums")? {
                Object::Array(all) => all,
                _ => Vec::new(),
            };
            all.extend(leaf);
            changes.dictionary(self.parents)?.set(b"Nums", Object::Array(all));
        }
        changes.dictionary(self.id)?.set(b"ParentTreeNextKey", Object::Integer(next));
        Ok(())
    }
}

/// The largest key of a number tree, -1 if it is empty; `None` if it is none.
fn last_key(changes: &Changes<'_, '_>, numbers: &Dictionary) -> Result<Option<i64>, PrepareError> {
    let document = changes.document;
    let mut node = numbers.clone();
    for _ in 0..document.limits().depth {
        if let Object::Array(numbers) = document.entry(&node, b"Nums")? {
            let mut keys = numbers.iter().step_by(2).map(Object::as_integer);
            return Ok(keys.try_fold(-1, |last, key| Some(key?.max(last))));
        }
        let Object::Array(kids) = document.entry(&node, b"Kids")? else { return Ok(Some(-1)) };
        let Some(last) = kids.last() else { return Ok(Some(-1)) };
        let Object::Dictionary(below) = document.resolve(last)? else { return Ok(None) };
        node = below;
    }
    Ok(None)
}

/// Appends elements to what an element (or the root) holds.
fn add_children(
    changes: &mut Changes<'_, '_>,
    parent: ObjectId,
    elements: Vec<Object>,
) -> Result<(), PrepareError> {
    let entry = changes.dictionary(parent)?.get(b"K").cloned();
    let list = match &entry {
        Some(Object::Reference(id)) => matches!(changes.document.object(*id)?, Object::Array(_)),
        Some(Object::Array(_)) | None => true,
        Some(_) => false,
    };
    // A single child stands alone.
    if let (false, Some(only)) = (list, entry) {
        changes.dictionary(parent)?.set(b"K", Object::Array(vec![only]));
    }
    for element in elements {
        changes.append(parent, b"K", element)?;
    }
    Ok(())
}

fn name(name: &str) -> Object {
    Object::Name(name.as_bytes().to_vec())
}

/// Keys are integers that readers hold in 32 bits.
const MAX_KEY: i64 = 1 << 30;
