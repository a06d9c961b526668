//! Rows of the table `seals`.

use super::model::{SealState, SealSummary, to_mm};
pub use crate::store::tables::SEALS;
use crate::store::{Db, Record, Row, StoreError, Value};

/// A whole seal record.
#[derive(Debug, Clone)]
pub struct SealRecord {
    /// What is told about it.
    pub summary: SealSummary,
    /// Its picture, PNG.
    pub picture: Vec<u8>,
    /// Its key in custody.
    pub key_label: String,
}

/// Reads one seal with its picture.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, id: &str) -> Result<Option<SealRecord>, StoreError> {
    let sql = "SELECT id, version, name, organisation, picture, width_um, height_um, certificate, key_label, state \
               FROM seals WHERE id = $1";
    let Some(record) = db.fetch_optional(sql, &[id.into()]).await? else { return Ok(None) };
    Ok(Some(SealRecord {
        summary: summary(&record)?,
        picture: record.bytes("picture")?.to_vec(),
        key_label: record.text("key_label")?.to_owned(),
    }))
}

/// Seals of one organisation, or of all, in the order of their ids after `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    db: &Db,
    organisation: Option<&str>,
    after: &str,
    limit: u32,
) -> Result<Vec<SealSummary>, StoreError> {
    let sql = "SELECT id, version, name, organisation, width_um, height_um, certificate, state FROM seals \
               WHERE id > $1 AND ($2 = '' OR organisation = $2) ORDER BY id LIMIT $3";
    let parameters: [Value; 3] =
        [after.into(), organisation.unwrap_or_default().into(), i64::from(limit).into()];
    db.fetch_all(sql, &parameters).await?.iter().map(summary).collect()
}

/// The row of a new seal.
#[must_use]
pub fn row(
    new: &super::model::NewSeal,
    picture: &[u8],
    owner: &str,
    certificate: &str,
    key_label: &str,
) -> Row {
    Row::new(
        &SEALS,
        vec![
            new.id.as_str().into(),
            1.into(),
            new.name.as_str().into(),
            new.organisation.as_str().into(),
            owner.into(),
            picture.to_vec().into(),
            new.width_um.into(),
            new.height_um.into(),
            certificate.into(),
            key_label.into(),
            SealState::Active.as_str().into(),
        ],
    )
}

fn summary(record: &Record) -> Result<SealSummary, StoreError> {
    // A word this program does not know stops the seal rather than guessing that it may be used.
    let state = SealState::parse(record.text("state")?).unwrap_or(SealState::Suspended);
    Ok(SealSummary {
        id: record.text("id")?.to_owned(),
        version: record.int("version")?,
        name: record.text("name")?.to_owned(),
        organisation: record.text("organisation")?.to_owned(),
        width_mm: to_mm(record.int("width_um")?),
        height_mm: to_mm(record.int("height_um")?),
        certificate: record.text("certificate")?.to_owned(),
        state,
    })
}
