//! The first generation of each place, entered: by the ceremony, or at the first unsealing of an installation from
//! before the table.

use std::sync::Arc;

use custody::{Custody, CustodyError};
use serde_json::json;

use super::error::AuthorityError;
use super::records;
use super::register::Standing;
use crate::app::{App, Unsealed};
use crate::ceremony::{Hierarchy, Key};
use crate::journal::{Act, CommitError, Unit, generations};
use crate::store::Row;
use crate::store::tables::CERTIFICATES;

/// Public keys of the hierarchy's certified keys, to tell whose certificate is whose.
///
/// # Errors
/// [`CustodyError`] when a keeper fails. A key that is not at hand is left out.
pub fn places<'a>(
    hierarchy: &'a Hierarchy,
    custody: &dyn Custody,
) -> Result<Vec<(Vec<u8>, &'a Key)>, CustodyError> {
    let mut places = Vec::new();
    for key in hierarchy.keys().iter().filter(|key| key.suite.is_some()) {
        match custody.key(&key.label) {
            Ok(info) => places.extend(info.public_key.map(|public_key| (public_key, key))),
            Err(CustodyError::NoSuchKey { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(places)
}

/// The row of a key that the ceremony made, with the fingerprint of its certificate.
#[must_use]
pub fn first_generation(key: &Key, certificate: &str, created: i64) -> Row {
    records::row(records::New {
        id: &key.label,
        slot: &key.label,
        role: key.role,
        key_label: &key.label,
        certificate: Some(certificate),
        request: None,
        crosses: None,
        standing: Standing::Active,
        proposer: None,
        created,
    })
}

/// Enters what the certificate files say, where nothing was entered yet. Files whose certificates are not on record
/// stay what authorities are answered from.
///
/// # Errors
/// [`AuthorityError`].
pub(crate) async fn from_files(app: &Arc<App>, unsealed: &Unsealed) -> Result<(), AuthorityError> {
    if !app.register_of_authorities().is_empty() {
        return Ok(());
    }
    let now = unsealed.journal.clock().wall();
    let mut unit = Unit::new(Act::system("start", "authority.enter", "appliance:appliance"));
    let mut labels = Vec::new();
    for key in app.hierarchy.keys().iter().filter(|key| key.suite.is_some()) {
        let Ok(certificate) = app.certificate_file(&key.label) else { continue };
        let fingerprint = hex::encode(certificate.sha256_fingerprint());
        if app.db.row(&CERTIFICATES, &fingerprint).await?.is_some() {
            unit = unit.insert(first_generation(key, &fingerprint, now));
            labels.push(key.label.as_str());
        }
    }
    if labels.is_empty() {
        return Ok(());
    }
    let unit = unit.facts(json!({ "labels": labels })).bump(generations::AUTHORITIES);
    match unsealed.journal.commit(unit).await {
        // Another node entered them at the same moment.
        Ok(_) | Err(CommitError::Exists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    app.read_authorities().await?;
    Ok(())
}
