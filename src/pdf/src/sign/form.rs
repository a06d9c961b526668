//! The interactive form (ISO 32000-2 §12.7): which fields there are, and the one to be signed.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::PrepareError;
use crate::syntax::{Dictionary, Document, Object, ObjectId};
use crate::write::decode_text;

/// The document's interactive form as it is.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// Where its dictionary stands.
    pub(super) place: FormPlace,
    /// Its dictionary, empty if there is none.
    pub(crate) dictionary: Dictionary,
    /// All fields that have a name.
    pub(super) fields: Vec<Field>,
}

/// Where the form dictionary stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormPlace {
    /// Nowhere.
    #[default]
    Absent,
    /// In the catalog itself.
    Catalog,
    /// In an object of its own.
    Object(ObjectId),
}

/// A field with what it inherits.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// Its object; fields must be indirect, broken files have others.
    pub(super) id: Option<ObjectId>,
    /// Its fully qualified name.
    pub(super) name: String,
    /// Whether it is a signature field.
    pub(super) is_signature: bool,
    /// Its own dictionary.
    pub(super) dictionary: Dictionary,
    /// Its value, own or inherited, references followed; null if it has none. Shared: fields may name one object.
    pub(super) value: Rc<Object>,
    /// Its widgets: itself where merged, else those of its kids that are no fields.
    pub(super) widgets: Vec<(ObjectId, Dictionary)>,
}

/// A node still to be visited.
struct Node {
    object: Object,
    prefix: Rc<str>,
    kind: Option<Vec<u8>>,
    value: Option<Rc<Object>>,
    depth: usize,
}

impl Form {
    /// Reads the form and all its fields, within the document's budget for fields.
    pub(crate) fn read(document: &Document<'_>, catalog: &Dictionary) -> Result<Self, PrepareError> {
        let entry = catalog.get(b"AcroForm");
        let (place, dictionary) = match (entry, document.entry(catalog, b"AcroForm")?) {
            (Some(Object::Reference(id)), Object::Dictionary(form)) => (FormPlace::Object(*id), form),
            (_, Object::Dictionary(form)) => (FormPlace::Catalog, form),
            (_, Object::Null) => (FormPlace::Absent, Dictionary::new()),
            _ => return Err(PrepareError::Malformed { what: "the interactive form is no dictionary" }),
        };
        let mut form = Self { place, dictionary, fields: Vec::new() };
        form.walk(document)?;
        Ok(form)
    }

    /// The field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Fields that hold a signature or a document time-stamp.
    pub(super) fn signatures(&self) -> impl Iterator<Item = (&Field, &Dictionary)> {
        self.fields
            .iter()
            .filter(|field| field.is_signature)
            .filter_map(|field| Some((field, field.value.as_dictionary()?)))
    }

    /// A name that no field has: `prefix` with the lowest number that is free.
    pub(crate) fn free_name(&self, prefix: &str) -> String {
        let names: HashSet<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let mut number = 1u32;
        loop {
            let name = format!("{prefix}{number}");
            if !names.contains(name.as_str()) {
                return name;
            }
            number += 1;
        }
    }

    fn walk(&mut self, document: &Document<'_>) -> Result<(), PrepareError> {
        let limits = document.limits();
        let Object::Array(roots) = document.entry(&self.dictionary, b"Fields")? else { return Ok(()) };
        let node =
            |object| Node { object, prefix: Rc::from(""), kind: None, value: None, depth: limits.depth };
        let mut values = HashMap::new();
        let mut names = MAX_NAMES;
        let mut stack: Vec<Node> = roots.into_iter().rev().map(node).collect();
        let mut seen = HashSet::new();
        let mut visited = 0;
        while let Some(node) = stack.pop() {
            visited += 1;
            if visited > limits.fields {
                return Err(PrepareError::TooManyFields { limit: limits.fields });
            }
            let id = node.object.as_reference();
            if id.is_some_and(|id| !seen.insert(id)) {
                continue; // a cycle, or a field listed twice
            }
            let Object::Dictionary(dictionary) = document.resolve(&node.object)? else { continue };
            let depth =
                node.depth.checked_sub(1).ok_or(PrepareError::TooManyFields { limit: limits.depth })?;
            let name = name(document, &dictionary, &node.prefix)?;
            // A long name above many fields would be held once for each of them.
            names =
                names.checked_sub(name.len()).ok_or(PrepareError::TooManyFields { limit: limits.fields })?;
            let value = value(document, &dictionary, &mut values)?.or(node.value.clone());
            self.visit(document, Node { depth, value, ..node }, (id, name), dictionary, &mut stack)?;
        }
        Ok(())
    }

    fn visit(
        &mut self,
        document: &Document<'_>,
        node: Node,
        (id, name): (Option<ObjectId>, String),
        dictionary: Dictionary,
        stack: &mut Vec<Node>,
    ) -> Result<(), PrepareError> {
        let kind = document.entry(&dictionary, b"FT")?.as_name().map(<[u8]>::to_vec).or(node.kind);
        let (value, depth) = (node.value, node.depth);
        let prefix: Rc<str> = Rc::from(name.as_str());
        let mut widgets = Vec::new();
        if dictionary.get(b"Subtype").and_then(Object::as_name) == Some(b"Widget") {
            widgets.extend(id.map(|id| (id, dictionary.clone())));
        }
        if let Object::Array(kids) = document.entry(&dictionary, b"Kids")? {
            for kid in kids.into_iter().rev() {
                let Object::Dictionary(below) = document.resolve(&kid)? else { continue };
                if below.get(b"T").is_some() || below.get(b"Kids").is_some() {
                    let (prefix, kind, value) = (Rc::clone(&prefix), kind.clone(), value.clone());
                    stack.push(Node { object: kid, prefix, kind, value, depth });
                } else if let Some(id) = kid.as_reference() {
                    widgets.push((id, below));
                }
            }
        }
        let is_signature = kind.as_deref() == Some(b"Sig");
        let value = value.unwrap_or_else(|| Rc::new(Object::Null));
        self.fields.push(Field { id, name, is_signature, dictionary, value, widgets });
        Ok(())
    }
}

/// The fully qualified name of a field below `prefix` (ISO 32000-2 §12.7.4.2).
fn name(document: &Document<'_>, dictionary: &Dictionary, prefix: &str) -> Result<String, PrepareError> {
    let partial = document.entry(dictionary, b"T")?;
    Ok(match (partial.as_string(), prefix.is_empty()) {
        (Some(partial), true) => decode_text(partial),
        (Some(partial), false) => format!("{prefix}.{}", decode_text(partial)),
        (None, _) => prefix.to_owned(),
    })
}

/// A field's own value, read once for all fields that refer to it; `None` if it has none.
fn value(
    document: &Document<'_>,
    dictionary: &Dictionary,
    known: &mut HashMap<ObjectId, Rc<Object>>,
) -> Result<Option<Rc<Object>>, PrepareError> {
    let entry = dictionary.get(b"V");
    let value = match entry {
        None | Some(Object::Null) => return Ok(None),
        Some(Object::Reference(id)) => match known.get(id) {
            Some(value) => Rc::clone(value),
            None => {
                let value = Rc::new(document.resolve(&Object::Reference(*id))?);
                known.insert(*id, Rc::clone(&value));
                value
            }
        },
        Some(direct) => Rc::new(direct.clone()),
    };
    Ok((*value != Object::Null).then_some(value))
}

/// Octets of all fields' names together.
const MAX_NAMES: usize = 32 << 20;
