//! What existing signatures and the document forbid (ISO 32000-2 §12.8.2, §12.8.6).
//!
//! A signature that would break another, or that its own field forbids, is refused here, with the reason.

use super::PrepareError;
use super::form::{Field, Form};
use crate::syntax::{Dictionary, Document, Object};

/// Refuses what the document as a whole forbids.
pub(super) fn check_document(
    document: &Document<'_>,
    catalog: &Dictionary,
    form: &Form,
) -> Result<(), PrepareError> {
    if !matches!(document.entry(&form.dictionary, b"XFA")?, Object::Null) {
        return Err(PrepareError::Xfa);
    }
    if let Object::Dictionary(permissions) = document.entry(catalog, b"Perms")? {
        for key in [b"UR".as_slice(), b"UR3"] {
            if !matches!(document.entry(&permissions, key)?, Object::Null) {
                return Err(PrepareError::UsageRights);
            }
        }
        if let Object::Dictionary(signature) = document.entry(&permissions, b"DocMDP")? {
            check_certification(document, &signature, "")?;
        }
    }
    for (field, signature) in form.signatures() {
        check_certification(document, signature, &field.name)?;
    }
    Ok(())
}

/// Refuses to sign field `name` where a signature made earlier locks it.
pub(super) fn check_locks(document: &Document<'_>, form: &Form, name: &str) -> Result<(), PrepareError> {
    for (field, signature) in form.signatures() {
        for parameters in transforms(document, signature, b"FieldMDP")? {
            if locks(document, &parameters, name)? {
                return Err(PrepareError::FieldLocked { name: name.to_owned(), by: field.name.clone() });
            }
        }
    }
    Ok(())
}

/// Refuses constraints that the author of an empty field demands and we do not evaluate
/// (ISO 32000-2 §12.7.5.5, /SV with /Ff); those not demanded are hints.
pub(super) fn check_seed(document: &Document<'_>, field: &Field) -> Result<(), PrepareError> {
    if let Object::Dictionary(seed) = document.entry(&field.dictionary, b"SV")?
        && document.entry(&seed, b"Ff")?.as_integer().unwrap_or(0) != 0
    {
        return Err(PrepareError::SeedValue { name: field.name.clone() });
    }
    Ok(())
}

fn check_certification(
    document: &Document<'_>,
    signature: &Dictionary,
    field: &str,
) -> Result<(), PrepareError> {
    for parameters in transforms(document, signature, b"DocMDP")? {
        // /P is 2 where it is left out.
        let level = document.entry(&parameters, b"P")?.as_integer().unwrap_or(2);
        if level <= 1 {
            return Err(PrepareError::Certified { field: field.to_owned() });
        }
    }
    Ok(())
}

/// The parameters of a signature's transforms of one kind.
fn transforms(
    document: &Document<'_>,
    signature: &Dictionary,
    method: &[u8],
) -> Result<Vec<Dictionary>, PrepareError> {
    let mut out = Vec::new();
    let Object::Array(references) = document.entry(signature, b"Reference")? else { return Ok(out) };
    for reference in references.iter().take(MAX_REFERENCES) {
        let Object::Dictionary(reference) = document.resolve(reference)? else { continue };
        if document.entry(&reference, b"TransformMethod")?.as_name() != Some(method) {
            continue;
        }
        out.push(match document.entry(&reference, b"TransformParams")? {
            Object::Dictionary(parameters) => parameters,
            _ => Dictionary::new(),
        });
    }
    Ok(out)
}

/// Whether FieldMDP parameters lock the field `name`; what is not understood locks.
fn locks(document: &Document<'_>, parameters: &Dictionary, name: &str) -> Result<bool, PrepareError> {
    let named = match document.entry(parameters, b"Fields")? {
        Object::Array(fields) => fields
            .iter()
            .filter_map(Object::as_string)
            .map(crate::write::decode_text)
            // A name stands for everything below it, too.
            .any(|field| {
                name.strip_prefix(field.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }),
        _ => false,
    };
    Ok(match document.entry(parameters, b"Action")?.as_name() {
        Some(b"Include") => named,
        Some(b"Exclude") => !named,
        _ => true,
    })
}

/// Signature references looked at in one signature; one of each kind is usual.
const MAX_REFERENCES: usize = 64;
