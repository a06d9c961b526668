//! Rows of the table `seal_uses`.

use super::model::SealUse;
use super::parameters::{Level, SealRequest};
use crate::seals::ReadySeal;
pub use crate::store::tables::SEAL_USES;
use crate::store::{Db, Record, Row, StoreError, Value};

/// What a use of a seal did, for its row.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// Identifier of the record.
    pub id: &'a str,
    /// Registration of the caller.
    pub caller: &'a str,
    /// Microseconds since the Unix epoch.
    pub time: i64,
    /// SHA-256 of the document as it came, hexadecimal.
    pub original_digest: &'a str,
    /// Its length.
    pub original_length: u64,
    /// SHA-256 of the sealed document, hexadecimal; empty where the document stayed with the caller.
    pub result_digest: &'a str,
    /// Its length; 0 where the document stayed with the caller.
    pub result_length: u64,
    /// The level asked for.
    pub level: Level,
    /// The digest that was signed where the document stayed with the caller, hexadecimal.
    pub signed_digest: Option<&'a str>,
}

/// The row of a new use.
#[must_use]
pub fn row(used: Use<'_>, seal: &ReadySeal, request: &SealRequest) -> Row {
    let level = (used.level > Level::BB).then(|| used.level.as_str());
    let length = |octets: u64| Value::from(i64::try_from(octets).unwrap_or(i64::MAX));
    let mut placement = serde_json::to_value(&request.place).unwrap_or_default();
    if let (Some(members), Some(paging)) = (placement.as_object_mut(), &request.paging) {
        members.insert("paging".into(), serde_json::to_value(paging).unwrap_or_default());
    }
    let placement = placement.to_string();
    Row::new(
        &SEAL_USES,
        vec![
            used.id.into(),
            1.into(),
            seal.summary.id.as_str().into(),
            used.caller.into(),
            used.time.into(),
            Value::Null, // the leaf, which the journal fills in
            used.original_digest.into(),
            used.result_digest.into(),
            length(used.original_length),
            length(used.result_length),
            request.case_number.clone().into(),
            request.item.clone().into(),
            placement.into(),
            used.signed_digest.map(|_| TWO_PHASE).into(),
            level.into(),
            used.signed_digest.into(),
        ],
    )
}

/// Reads one record with the leaf that proves it and the organisation of its seal.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, id: &str) -> Result<Option<Found>, StoreError> {
    let sql = "SELECT u.id, u.seal, u.caller, u.time, u.leaf, u.original_digest, u.result_digest, \
               u.original_length, u.result_length, u.case_number, u.item, u.placement, u.kind, u.level, \
               u.signed_digest, s.organisation \
               FROM seal_uses u JOIN seals s ON s.id = u.seal WHERE u.id = $1";
    db.fetch_optional(sql, &[id.into()]).await?.as_ref().map(found).transpose()
}

/// A record as it is read.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record.
    pub used: SealUse,
    /// Its leaf.
    pub leaf: u64,
    /// The organisation of the seal.
    pub organisation: String,
}

fn found(record: &Record) -> Result<Found, StoreError> {
    let text = |name: &str| record.text(name).map(str::to_owned);
    let time = jiff::Timestamp::from_microsecond(record.int("time")?).map(|t| t.to_string());
    let leaf = u64::try_from(record.int("leaf")?).unwrap_or(u64::MAX);
    Ok(Found {
        leaf,
        organisation: text("organisation")?,
        used: SealUse {
            id: text("id")?,
            seal: text("seal")?,
            caller: text("caller")?,
            time: time.unwrap_or_default(),
            leaf,
            original_digest: text("original_digest")?,
            original_length: record.int("original_length")?,
            result_digest: Some(text("result_digest")?).filter(|digest| !digest.is_empty()),
            result_length: record.int("result_length")?,
            case_number: record.opt_text("case_number")?.map(str::to_owned),
            item: record.opt_text("item")?.map(str::to_owned),
            placement: serde_json::from_str(record.text("placement")?).unwrap_or_default(),
            kind: record.opt_text("kind")?.map(str::to_owned),
            level: record.opt_text("level")?.map(str::to_owned),
            signed_digest: record.opt_text("signed_digest")?.map(str::to_owned),
        },
    })
}

/// The kind of a use for which the document stayed with the caller.
pub const TWO_PHASE: &str = "two-phase";
