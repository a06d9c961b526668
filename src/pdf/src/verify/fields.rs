//! The form fields of one state of a document (ISO 32000-2 §12.7), with inherited attributes.
//!
//! Bounded by [`Limits::fields`](crate::syntax::Limits::fields) and `depth`; a node reached twice is
//! taken once and said. Called for every revision: a signature removed later must not go unseen.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use crate::syntax::{Dictionary, Object, ObjectId, ReadError, View};

/// A node of the field tree.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// Its own dictionary.
    pub(crate) dictionary: Dictionary,
    /// Fully qualified name (§12.7.4.2).
    pub(crate) name: String,
    /// `/FT`, own or inherited.
    pub(crate) kind: Option<Vec<u8>>,
    /// `/V` as written (own or inherited), unresolved.
    pub(crate) value: Option<Rc<Object>>,
    /// `/Ff`, own or inherited.
    pub(crate) flags: i64,
    /// `/Lock`, resolved.
    pub(crate) lock: Option<Dictionary>,
    pub(crate) role: Role,
    /// The field a pure widget belongs to; for fields, themselves.
    pub(crate) field: ObjectId,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Has fields below it.
    Group,
    /// A field, perhaps its own widget.
    Terminal,
    /// Only a widget of the field above.
    Widget,
}

/// The interactive form of one view.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    /// Every node by identity.
    pub(crate) nodes: BTreeMap<ObjectId, Field>,
    /// `/AcroForm`: its identity, if indirect, and value.
    pub(crate) dictionary: Option<(Option<ObjectId>, Dictionary)>,
    /// `/Fields` as written.
    pub(crate) roots: Vec<Object>,
    /// What is wrong with the tree but does not keep it from being read.
    pub(crate) warnings: Vec<String>,
    /// The nodes below each node; to look for them among all nodes would cost every field all fields.
    below: BTreeMap<ObjectId, Vec<ObjectId>>,
}

impl Form {
    pub(crate) fn read(view: View<'_, '_>) -> Result<Self, ReadError> {
        let (_, catalog) = view.catalog()?;
        let mut form = Self::default();
        let raw = catalog.get(b"AcroForm");
        let Some(Object::Dictionary(dictionary)) = raw.map(|raw| view.resolve(raw)).transpose()? else {
            return Ok(form);
        };
        if dictionary.has_duplicates() {
            form.warnings.push("the form dictionary has a duplicated key".into());
        }
        if let Object::Array(roots) = view.entry(&dictionary, b"Fields")? {
            form.roots = roots;
        }
        form.dictionary = Some((raw.and_then(Object::as_reference), dictionary));
        form.walk(view)?;
        Ok(form)
    }

    /// Signature fields, in the order of their object numbers.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = (ObjectId, &Field)> {
        self.nodes
            .iter()
            .filter(|(_, field)| field.role == Role::Terminal && field.kind.as_deref() == Some(b"Sig"))
            .map(|(id, field)| (*id, field))
    }

    /// Whether viewers make the appearances of text and choice fields anew (§12.7.3).
    pub(crate) fn needs_appearances(&self) -> bool {
        let entry = self.dictionary.as_ref().and_then(|(_, form)| form.get(b"NeedAppearances"));
        entry == Some(&Object::Boolean(true))
    }

    /// The widgets of a field: itself, if it is one, and its kids.
    pub(crate) fn widgets(&self, field: ObjectId) -> impl Iterator<Item = &Dictionary> {
        self.owned(field).map(|(_, node)| &node.dictionary)
    }

    /// A field and the widgets that are only that.
    pub(crate) fn owned(&self, field: ObjectId) -> impl Iterator<Item = (ObjectId, &Field)> {
        let nodes = std::iter::once(field).chain(self.below(field).iter().copied());
        nodes.filter_map(|id| Some((id, self.nodes.get(&id)?))).filter(move |(_, node)| node.field == field)
    }

    /// The nodes directly below one; widgets count as below their field.
    pub(crate) fn below(&self, node: ObjectId) -> &[ObjectId] {
        self.below.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The node that has this object number.
    pub(crate) fn numbered(&self, number: u32) -> Option<&Field> {
        let id = |generation| ObjectId { number, generation };
        self.nodes.range(id(0)..=id(u16::MAX)).next().map(|(_, field)| field)
    }

    fn walk(&mut self, view: View<'_, '_>) -> Result<(), ReadError> {
        let limits = view.document().limits();
        let mut seen: HashSet<ObjectId> = HashSet::new();
        let mut repeated: HashSet<ObjectId> = HashSet::new();
        let mut stack: Vec<(Object, Inherited)> =
            self.roots.iter().rev().map(|root| (root.clone(), Inherited::default())).collect();
        let mut steps = 0usize;
        let mut names = MAX_NAMES;
        while let Some((reference, above)) = stack.pop() {
            // Honest trees name each node once; one that is named over and over costs each time.
            steps += 1;
            if steps > limits.fields.saturating_mul(2)
                || self.nodes.len() >= limits.fields
                || stack.len() >= limits.fields
            {
                return Err(ReadError::TooComplex { budget: "form fields" });
            }
            if above.depth >= limits.depth {
                return Err(ReadError::TooComplex { budget: "depth of the field tree" });
            }
            let Object::Reference(id) = reference else {
                self.warnings.push("a form field is not an indirect object".into());
                continue;
            };
            // Looked at before the object is read: a node with many kids is costly to read again and again.
            if !seen.insert(id) {
                if repeated.insert(id) {
                    self.warnings
                        .push(format!("form field {} stands in the field tree more than once", id.number));
                }
                continue;
            }
            let Object::Dictionary(dictionary) = view.object(id)? else {
                self.warnings.push(format!("form field {} is not a dictionary", id.number));
                continue;
            };
            if dictionary.has_duplicates() {
                self.warnings.push(format!("form field {} has a duplicated key", id.number));
            }
            let below = above.descend(view, id, &dictionary)?;
            // A long name above many fields would be held once for each of them.
            names = names
                .checked_sub(below.name.len())
                .ok_or(ReadError::TooComplex { budget: "names of form fields" })?;
            let kids = match view.entry(&dictionary, b"Kids")? {
                Object::Array(kids) => kids,
                _ => Vec::new(),
            };
            let widget = above.parent.is_some() && dictionary.get(b"T").is_none();
            let group = !widget && has_named_kid(view, &kids)?;
            let role = match (widget, group) {
                (true, _) => Role::Widget,
                (_, true) => Role::Group,
                _ => Role::Terminal,
            };
            let owner = if widget { above.parent.unwrap_or(id) } else { id };
            for kid in kids.into_iter().rev() {
                stack.push((kid, Inherited { parent: Some(owner), ..below.clone() }));
            }
            if let Some(parent) = above.parent {
                self.below.entry(parent).or_default().push(id);
            }
            self.nodes.insert(
                id,
                Field {
                    name: below.name.to_string(),
                    kind: below.kind,
                    value: below.value,
                    flags: below.flags,
                    lock: view.entry(&dictionary, b"Lock")?.as_dictionary().cloned(),
                    dictionary,
                    role,
                    field: owner,
                },
            );
        }
        Ok(())
    }
}

fn has_named_kid(view: View<'_, '_>, kids: &[Object]) -> Result<bool, ReadError> {
    for kid in kids.iter().take(view.document().limits().fields) {
        if view.resolve(kid)?.as_dictionary().is_some_and(|kid| kid.get(b"T").is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[derive(Debug, Clone, Default)]
struct Inherited {
    name: Rc<str>,
    kind: Option<Vec<u8>>,
    value: Option<Rc<Object>>,
    flags: i64,
    parent: Option<ObjectId>,
    depth: usize,
}

impl Inherited {
    fn descend(&self, view: View<'_, '_>, _id: ObjectId, own: &Dictionary) -> Result<Self, ReadError> {
        let mut below = self.clone();
        below.depth += 1;
        if let Object::String(part) = view.entry(own, b"T")? {
            let part = text_string(&part.bytes);
            let whole = if self.name.is_empty() { part } else { format!("{}.{part}", self.name) };
            below.name = Rc::from(whole);
        }
        if let Object::Name(kind) = view.entry(own, b"FT")? {
            below.kind = Some(kind);
        }
        if let Object::Integer(flags) = view.entry(own, b"Ff")? {
            below.flags = flags;
        }
        if let Some(value) = own.get(b"V") {
            below.value = Some(Rc::new(value.clone()));
        }
        Ok(below)
    }
}

/// A text string (§7.9.2.2): UTF-16 or UTF-8 by its mark, otherwise taken as Latin.
pub(crate) fn text_string(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn utf16(bytes: &[u8], decode: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(decode(pair.try_into().ok()?)));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Octets of all fields' names together.
const MAX_NAMES: usize = 32 << 20;
