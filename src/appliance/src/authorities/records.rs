//! Rows of generations.

use pki::Certificate;

use super::register::{Generation, Standing};
use crate::ceremony::Role;
use crate::store::tables::AUTHORITIES;
use crate::store::{Db, Record, Row, StoreError, Value};

/// Every generation with its certificate. One whose role this version does not know is left out.
pub(super) async fn all(db: &Db) -> Result<Vec<Generation>, StoreError> {
    let sql = "SELECT a.id, a.version, a.slot, a.role, a.key_label, a.certificate, a.request, a.crosses, a.state, \
               a.proposer, a.person, a.created, a.changed, c.der, c.issuer \
               FROM authorities a LEFT JOIN certificates c ON c.id = a.certificate ORDER BY a.id";
    let records = db.fetch_all(sql, &[]).await?;
    let mut all = Vec::with_capacity(records.len());
    for record in &records {
        all.extend(generation(record)?);
    }
    Ok(all)
}

fn generation(record: &Record) -> Result<Option<Generation>, StoreError> {
    let row = record.to_row(&AUTHORITIES)?;
    let text = |column: &str| row.value(column).as_text().map(ToOwned::to_owned);
    let Some(role) = text("role").and_then(|role| Role::parse(&role)) else { return Ok(None) };
    // What is on record was read when it was entered; a row altered since is the audit's to find.
    let certificate = record.opt_bytes("der")?.and_then(|der| Certificate::from_der(der).ok());
    Ok(Some(Generation {
        id: row.id().to_owned(),
        slot: text("slot").unwrap_or_default(),
        role,
        certificate,
        issuer: record.opt_text("issuer")?.map(ToOwned::to_owned),
        crosses: text("crosses"),
        standing: Standing::parse(row.value("state").as_text().unwrap_or_default()),
        row,
    }))
}

/// What a new row says.
#[derive(Debug, Clone)]
pub(super) struct New<'a> {
    pub id: &'a str,
    pub slot: &'a str,
    pub role: Role,
    pub key_label: &'a str,
    /// Fingerprint.
    pub certificate: Option<&'a str>,
    /// DER of the certification request.
    pub request: Option<Vec<u8>>,
    pub crosses: Option<&'a str>,
    pub standing: Standing,
    /// Registration and person of the proposer.
    pub proposer: Option<(&'a str, &'a str)>,
    pub created: i64,
}

pub(super) fn row(new: New<'_>) -> Row {
    let values = vec![
        new.id.into(),
        1.into(),
        new.slot.into(),
        new.role.as_str().into(),
        new.key_label.into(),
        new.certificate.into(),
        new.request.map_or(Value::Null, Value::Bytes),
        new.crosses.into(),
        new.standing.as_str().into(),
        new.proposer.map(|(proposer, _)| proposer).into(),
        new.proposer.map(|(_, person)| person).into(),
        new.created.into(),
        Value::Null,
    ];
    Row::new(&AUTHORITIES, values)
}
