//! What existing signatures and the document forbid (ISO 32000-2 §12.8.2, §12.8.6).
//!
//! A signature that would break another is refused here, with the reason; what its own field demands is
//! `seed`'s.

use super::PrepareError;
use super::form::Form;
use super::lock::is_under;
use super::request::SignatureRequest;
use crate::syntax::{Dictionary, Document, Object};
use crate::write::decode_text;

/// A certification in force: whose, and what it allows.
#[derive(Debug, Clone)]
pub(super) struct Certification {
    field: String,
    level: i64,
}

/// Refuses what the document as a whole forbids; answers the certification in force, the strictest of them.
pub(super) fn check_document(
    document: &Document<'_>,
    catalog: &Dictionary,
    form: &Form,
) -> Result<Option<Certification>, PrepareError> {
    if !matches!(document.entry(&form.dictionary, b"XFA")?, Object::Null) {
        return Err(PrepareError::Xfa);
    }
    if document.is_encrypted() && document.trailer().get(b"AuthCode").is_some() {
        return Err(PrepareError::AuthenticationCode);
    }
    let mut certified: Option<Certification> = None;
    let mut found = |level: Option<i64>, field: &str| {
        let level = level.filter(|level| certified.as_ref().is_none_or(|known| *level <= known.level));
        certified = level.map(|level| Certification { field: field.to_owned(), level }).or(certified.take());
    };
    if let Object::Dictionary(permissions) = document.entry(catalog, b"Perms")? {
        for key in [b"UR".as_slice(), b"UR3"] {
            if !matches!(document.entry(&permissions, key)?, Object::Null) {
                return Err(PrepareError::UsageRights);
            }
        }
        if let Object::Dictionary(signature) = document.entry(&permissions, b"DocMDP")? {
            // What the catalog names certifies, with the default level where it does not say so itself.
            found(certification(document, &signature)?.or(Some(2)), "");
        }
    }
    for (field, signature) in form.signatures() {
        found(certification(document, signature)?, &field.name);
        // A lock may narrow what the document allows without certifying it (table 236, /P).
        if let Object::Dictionary(lock) = document.entry(&field.dictionary, b"Lock")?
            && document.entry(&lock, b"P")?.as_integer() == Some(1)
        {
            found(Some(1), &field.name);
        }
    }
    match certified {
        Some(Certification { field, level }) if level <= 1 => Err(PrepareError::Certified { field }),
        certified => Ok(certified),
    }
}

/// Refuses a new field that is seen where a certification allows forms and signatures, but no annotations:
/// what it shows can cover what was certified, and verifiers take it for that attack.
pub(super) fn check_new_field(
    certified: Option<&Certification>,
    request: &SignatureRequest,
) -> Result<(), PrepareError> {
    match certified {
        Some(Certification { field, level: ..3 }) if request.appearance.is_some() => {
            Err(PrepareError::CertifiedPicture { field: field.clone() })
        }
        _ => Ok(()),
    }
}

/// Refuses to sign field `name` where a signature made earlier locks it.
pub(super) fn check_locks(document: &Document<'_>, form: &Form, name: &str) -> Result<(), PrepareError> {
    for (field, signature) in form.signatures() {
        let mut all = transforms(document, signature, b"FieldMDP")?;
        if let Object::Dictionary(lock) = document.entry(&field.dictionary, b"Lock")? {
            all.push(lock);
        }
        for parameters in all {
            if locks(document, &parameters, name)? {
                return Err(PrepareError::FieldLocked { name: name.to_owned(), by: field.name.clone() });
            }
        }
    }
    Ok(())
}

/// The level of a signature's DocMDP transform, if it has one; what is no level is the strictest.
fn certification(document: &Document<'_>, signature: &Dictionary) -> Result<Option<i64>, PrepareError> {
    let mut strictest = None;
    for parameters in transforms(document, signature, b"DocMDP")? {
        let level = match document.entry(&parameters, b"P")? {
            // /P is 2 where it is left out.
            Object::Null => 2,
            Object::Integer(level @ 1..=3) => level,
            _ => 1,
        };
        strictest = strictest.min(Some(level)).or(Some(level));
    }
    Ok(strictest)
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
        Object::Array(fields) => {
            let mut named = false;
            for field in &fields {
                let field = document.resolve(field)?;
                named |= field.as_string().is_some_and(|field| is_under(name, &decode_text(field)));
            }
            named
        }
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
