//! What a signature locks and certifies: its signature references (ISO 32000-2 §12.8.2, tables 236, 256–258).
//!
//! Built here for a signature in the making; what existing signatures forbid is judged by `permission`.

use super::PrepareError;
use super::form::{Field, Form};
use super::request::{DocMdp, FieldLock, MAX_TEXT, SignatureRequest};
use crate::syntax::{Dictionary, Document, Object, ObjectId};
use crate::write::{decode_text, text_string};

/// The signature references of a signature, and the lock dictionary its new field gets.
#[derive(Debug, Default)]
pub(super) struct Transforms {
    /// For the signature's /Reference.
    pub(super) references: Vec<Object>,
    /// For a new field's /Lock (table 235); an existing field keeps what its author wrote.
    pub(super) lock: Option<Dictionary>,
}

impl Transforms {
    /// What `request` and the author of the existing field `field` want together.
    pub(super) fn of(
        document: &Document<'_>,
        root: ObjectId,
        form: &Form,
        (name, field): (&str, Option<&Field>),
        request: &SignatureRequest,
    ) -> Result<Self, PrepareError> {
        let mut transforms = Self::default();
        if let Some(level) = request.certify {
            transforms.references.push(certification(level));
        }
        let wanted = request.lock.as_ref().map(|lock| entries(lock, form, name)).transpose()?;
        let demanded = field.map(|field| demanded(document, field)).transpose()?.flatten();
        let level = demanded.as_ref().and_then(|(_, level)| *level);
        let entries = match (wanted, demanded) {
            (Some(wanted), Some((demanded, _))) if !same(&wanted, &demanded) => {
                return Err(PrepareError::LockDemanded { name: name.to_owned() });
            }
            (_, Some((demanded, _))) => demanded,
            (Some(wanted), None) => {
                let mut lock = typed("SigFieldLock");
                wanted.iter().for_each(|(key, value)| lock.set(key, value.clone()));
                transforms.lock = Some(lock);
                wanted
            }
            (None, None) => return Ok(transforms),
        };
        let mut parameters = typed("TransformParams");
        entries.iter().for_each(|(key, value)| parameters.set(key, value.clone()));
        if let Some(level) = level.filter(|_| request.certify.is_none()) {
            // The lock's own /P takes effect where it stands (table 236). A second DocMDP transform may
            // not be in a document (§12.8.2.2.1); Acrobat and pyHanko repeat the level here.
            parameters.set(b"P", Object::Integer(level));
        }
        parameters.set(b"V", self::name("1.2"));
        transforms.references.push(reference("FieldMDP", parameters, Some(root)));
        Ok(transforms)
    }
}

/// /Action and /Fields of a lock that is asked for; every field it names must be there, or be `own`.
fn entries(lock: &FieldLock, form: &Form, own: &str) -> Result<Dictionary, PrepareError> {
    let (action, names): (_, &[String]) = match lock {
        FieldLock::All => ("All", &[]),
        FieldLock::Include(names) => ("Include", names),
        FieldLock::Exclude(names) => ("Exclude", names),
    };
    for name in names {
        if name.len() > MAX_TEXT {
            return Err(PrepareError::TextTooLong { limit: MAX_TEXT });
        }
        let there = form.fields.iter().any(|field| is_under(&field.name, name)) || is_under(own, name);
        if !there {
            return Err(PrepareError::LockedFieldMissing { name: name.clone() });
        }
    }
    let mut entries = Dictionary::new();
    entries.set(b"Action", self::name(action));
    if !matches!(lock, FieldLock::All) {
        entries.set(b"Fields", Object::Array(names.iter().map(|name| text_string(name)).collect()));
    }
    Ok(entries)
}

/// The lock that an existing field's author wants (table 236): /Action and /Fields, and the level of /P.
fn demanded(
    document: &Document<'_>,
    field: &Field,
) -> Result<Option<(Dictionary, Option<i64>)>, PrepareError> {
    let Object::Dictionary(lock) = document.entry(&field.dictionary, b"Lock")? else { return Ok(None) };
    let mut entries = Dictionary::new();
    for key in [b"Action".as_slice(), b"Fields"] {
        match document.entry(&lock, key)? {
            Object::Null => {}
            Object::Array(items) => {
                let items: Result<_, _> = items.iter().map(|item| document.resolve(item)).collect();
                entries.set(key, Object::Array(items?));
            }
            value => entries.set(key, value),
        }
    }
    Ok(Some((entries, document.entry(&lock, b"P")?.as_integer().filter(|level| (1..=3).contains(level)))))
}

/// Whether two locks cover the same fields, however their names are spelled and ordered.
fn same(a: &Dictionary, b: &Dictionary) -> bool {
    let names = |lock: &Dictionary| {
        let fields = lock.get(b"Fields").and_then(Object::as_array).unwrap_or_default();
        let mut names: Vec<_> = fields.iter().filter_map(Object::as_string).map(decode_text).collect();
        names.sort_unstable();
        names
    };
    a.get(b"Action") == b.get(b"Action") && names(a) == names(b)
}

/// Whether `field` is the field `name` or stands below it: a name stands for everything below it.
pub(super) fn is_under(field: &str, name: &str) -> bool {
    field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A signature reference dictionary (ISO 32000-2 table 256).
fn reference(method: &str, parameters: Dictionary, data: Option<ObjectId>) -> Object {
    let mut reference = typed("SigRef");
    reference.set(b"TransformMethod", name(method));
    reference.set(b"TransformParams", Object::Dictionary(parameters));
    if let Some(data) = data {
        reference.set(b"Data", Object::Reference(data));
    }
    Object::Dictionary(reference)
}

fn certification(level: DocMdp) -> Object {
    let mut parameters = typed("TransformParams");
    parameters.set(b"P", Object::Integer(level.level()));
    parameters.set(b"V", name("1.2"));
    reference("DocMDP", parameters, None)
}

fn typed(kind: &str) -> Dictionary {
    let mut dictionary = Dictionary::new();
    dictionary.set(b"Type", name(kind));
    dictionary
}

fn name(name: &str) -> Object {
    Object::Name(name.as_bytes().to_vec())
}
