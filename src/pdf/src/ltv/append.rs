//! One revision that raises a level: new material in the store, and behind it a document time-stamp over all of it.
//!
//! Both stand in one revision, so that raising costs one pass over the file and one cross-reference section, and the
//! time-stamp covers the store it comes with.

use super::Material;
use super::store;
use crate::sign::changes::Changes;
use crate::sign::form::Form;
use crate::sign::prepare::{Plan, Signing};
use crate::sign::{DigestError, PrepareError, Prepared, Signed};
use crate::syntax::{Dictionary, Document, Object, ReadError};
use crate::write::{Body, LayoutError, Signature};

/// What [`append`] made.
#[derive(Debug, Clone)]
pub enum Step {
    /// Everything is there already.
    Nothing,
    /// To be appended as it is.
    Tail(Signed),
    /// To be time-stamped: a token over [`Prepared::digest`] goes into [`Prepared::embed`]. When it does not fit, append
    /// is called again with the size that was needed.
    Stamp(Box<Prepared>),
}

/// Why nothing can be appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The document cannot be read where it has to be changed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It breaks the syntax there.
    #[error("malformed document: {what}")]
    Malformed {
        /// What was wrong.
        what: &'static str,
    },
    /// It does not allow a time-stamp, or the update cannot be written.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The update cannot be written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The document cannot be digested.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// Adds `material` to the store and, with `stamp` octets reserved for its token, a document time-stamp (/DocTimeStamp of
/// /SubFilter ETSI.RFC3161 in an invisible field of its own, EN 319 142-1 §5.4.3).
///
/// Allowed on a document certified with P=1 and whatever fields are locked: ISO 32000-2 table 257 excepts both from what a
/// certification forbids. Refused are usage rights, which any change breaks, and, for the time-stamp's field, XFA forms.
///
/// # Errors
/// [`AppendError`].
pub fn append(
    document: &Document<'_>,
    material: &Material,
    stamp: Option<usize>,
) -> Result<Step, AppendError> {
    let (root, catalog) = document.catalog()?;
    check(document, &catalog)?;
    let mut changes = Changes::new(document);
    let stored = store::merge(&mut changes, (root, &catalog), material)?;
    let Some(reserve) = stamp else {
        if !stored {
            return Ok(Step::Nothing);
        }
        let form = Form::default();
        let mut signing = Signing { changes, root, form: &form };
        signing.declare_extension(&catalog)?;
        return Ok(Step::Tail(Plan::of(signing.changes)?.finish()?));
    };
    let form = Form::read(document, &catalog)?;
    if !matches!(document.entry(&form.dictionary, b"XFA")?, Object::Null) {
        return Err(PrepareError::Xfa.into());
    }
    let mut signing = Signing { changes, root, form: &form };
    let mut dictionary = Dictionary::new();
    for (key, value) in [("Type", "DocTimeStamp"), ("Filter", "Adobe.PPKLite"), ("SubFilter", "ETSI.RFC3161")]
    {
        dictionary.set(key.as_bytes(), Object::Name(value.as_bytes().to_vec()));
    }
    let signature = signing.changes.add(Body::Signature(Signature { dictionary }));
    signing.add_field(&form.free_name("Timestamp"), None, signature, None)?;
    signing.declare_extension(&catalog)?;
    Ok(Step::Stamp(Box::new(Plan::of(signing.changes)?.lay_out(reserve)?)))
}

/// Usage rights sign the document as it was handed out; whatever is added breaks them (ISO 32000-2 §12.8.2.3).
fn check(document: &Document<'_>, catalog: &Dictionary) -> Result<(), AppendError> {
    let Object::Dictionary(permissions) = document.entry(catalog, b"Perms")? else { return Ok(()) };
    for key in [b"UR".as_slice(), b"UR3"] {
        if !matches!(document.entry(&permissions, key)?, Object::Null) {
            return Err(PrepareError::UsageRights.into());
        }
    }
    Ok(())
}
