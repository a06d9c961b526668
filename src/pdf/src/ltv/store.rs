//! The document security store (ISO 32000-2 §12.8.4.3, table 261): read by digest, merged, never rewritten.
//!
//! Whatever shape another producer chose (direct or indirect dictionary and arrays) is kept and only added to; /VRI is
//! left as it is and none is written, since it is for nothing that the lists do not serve (EN 319 142-1 §5.4.2.3 makes it
//! optional). An item that is there already, in whatever encoding, is not written again.

use std::collections::HashSet;
use std::sync::Arc;

use crypto::DigestAlgorithm;

use super::Material;
use super::append::{self, AppendError, Step};
use crate::sign::Signed;
use crate::sign::changes::Changes;
use crate::syntax::{Dictionary, Document, Object, ObjectId, ReadError};
use crate::write::Body;

/// Adds `material` to the store of `document`: what to append, or `None` if everything is there already.
///
/// # Errors
/// [`AppendError`], if the document does not allow it or breaks the syntax where the store stands.
pub fn add_store(document: &Document<'_>, material: &Material) -> Result<Option<Signed>, AppendError> {
    match append::append(document, material, None)? {
        Step::Tail(signed) => Ok(Some(signed)),
        Step::Nothing | Step::Stamp(_) => Ok(None),
    }
}

/// Where the store stands.
enum Place {
    Nowhere,
    Catalog(Dictionary),
    Object(ObjectId, Dictionary),
}

/// Adds what is new of `material` to the update; whether there was anything.
pub(super) fn merge(
    changes: &mut Changes<'_, '_>,
    (root, catalog): (ObjectId, &Dictionary),
    material: &Material,
) -> Result<bool, AppendError> {
    let document = changes.document;
    let place = match (catalog.get(b"DSS"), document.entry(catalog, b"DSS")?) {
        (Some(Object::Reference(id)), Object::Dictionary(store)) => Place::Object(*id, store),
        (_, Object::Dictionary(store)) => Place::Catalog(store),
        (_, Object::Null) => Place::Nowhere,
        _ => return Err(AppendError::Malformed { what: "the security store is no dictionary" }),
    };
    let existing = match &place {
        Place::Nowhere => &Dictionary::EMPTY,
        Place::Catalog(store) | Place::Object(_, store) => store,
    };
    let lists: [(&[u8], &[Vec<u8>]); 3] =
        [(b"Certs", &material.certificates), (b"OCSPs", &material.ocsp), (b"CRLs", &material.crls)];
    let mut added: Vec<(&[u8], Vec<Object>)> = Vec::new();
    for (key, items) in lists {
        let mut seen = digests(document, existing, key)?;
        let mut references = Vec::new();
        for item in items {
            if seen.insert(DigestAlgorithm::Sha256.digest(item)) {
                let data = Arc::from(item.as_slice());
                let id = changes.add(Body::Stream { dictionary: Dictionary::new(), data });
                references.push(Object::Reference(id));
            }
        }
        if !references.is_empty() {
            added.push((key, references));
        }
    }
    if added.is_empty() {
        return Ok(false);
    }
    match place {
        Place::Nowhere => {
            let mut store = Dictionary::new();
            store.set(b"Type", Object::Name(b"DSS".to_vec()));
            for (key, references) in added {
                store.set(key, Object::Array(references));
            }
            let id = changes.add(Body::Value(Object::Dictionary(store)));
            changes.dictionary(root)?.set(b"DSS", Object::Reference(id));
        }
        Place::Object(id, _) => {
            for (key, references) in added {
                for reference in references {
                    changes.append(id, key, reference)?;
                }
            }
        }
        Place::Catalog(mut store) => {
            for (key, references) in added {
                for reference in references {
                    let mut new = None;
                    let entry = store.get(key).cloned();
                    changes.append_to(entry, reference, |_, array| {
                        new = Some(array);
                        Ok(())
                    })?;
                    if let Some(array) = new {
                        store.set(key, array);
                    }
                }
            }
            changes.dictionary(root)?.set(b"DSS", Object::Dictionary(store));
        }
    }
    Ok(true)
}

/// Everything the store holds, as it decodes.
pub(super) fn read(document: &Document<'_>) -> Result<Material, ReadError> {
    let (_, catalog) = document.catalog()?;
    let Object::Dictionary(store) = document.entry(&catalog, b"DSS")? else { return Ok(Material::default()) };
    Ok(Material {
        certificates: items(document, &store, b"Certs")?,
        crls: items(document, &store, b"CRLs")?,
        ocsp: items(document, &store, b"OCSPs")?,
    })
}

/// SHA-256 of what a list of the store holds.
fn digests(document: &Document<'_>, store: &Dictionary, key: &[u8]) -> Result<HashSet<Vec<u8>>, ReadError> {
    let items = items(document, store, key)?;
    Ok(items.iter().map(|item| DigestAlgorithm::Sha256.digest(item)).collect())
}

/// What a list of the store holds. An entry that cannot be decoded counts as absent.
fn items(document: &Document<'_>, store: &Dictionary, key: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut found = Vec::new();
    let list = document.entry(store, key)?;
    for item in list.as_array().unwrap_or_default().iter().take(MAX_ITEMS) {
        let decoded = match document.resolve(item) {
            Ok(Object::Stream(stream)) => document.stream_data(&stream, MAX_ITEM),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        match decoded {
            Ok(data) => found.push(data),
            Err(error @ (ReadError::Io(_) | ReadError::TooComplex { .. })) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Entries looked at per list, as when verifying.
const MAX_ITEMS: usize = 4_096;
/// Largest single certificate or CRL, as when verifying.
const MAX_ITEM: usize = 64 << 20;
