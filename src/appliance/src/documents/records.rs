//! Rows of the table `seal_uses`.

use super::model::SealUse;
use super::parameters::{Level, Place, SealRequest};
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
    /// [`TWO_PHASE`] or [`FILE`] where it was no sealing of a PDF that came.
    pub kind: Option<&'a str>,
    /// The digest that was signed where that is so, hexadecimal.
    pub signed_digest: Option<&'a str>,
    /// SHA-256 of the document as it came, hexadecimal, where that is not `original_digest`.
    pub document_digest: Option<&'a str>,
    /// What the signature is, where it is no CMS in a PDF.
    pub format: Option<&'a str>,
    /// The rule of use that admits it.
    pub rule: Option<&'a str>,
    /// The request whose approvals it consumes.
    pub approval: Option<&'a str>,
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
    let page = match &request.place {
        Place::Page { page, .. } => Some(i64::from(*page)),
        _ => None,
    };
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
            used.kind.into(),
            level.into(),
            used.signed_digest.into(),
            seal.summary.organisation.as_str().into(),
            used.document_digest.into(),
            request.document_kind.clone().into(),
            page.into(),
            used.format.into(),
            used.rule.into(),
            used.approval.into(),
        ],
    )
}

/// What a request says that may name people: it goes into the side record of the entry, where it can be erased.
#[must_use]
pub fn personal(request: &SealRequest) -> Option<serde_json::Value> {
    let members = [
        ("reason", &request.reason),
        ("location", &request.location),
        ("purpose", &request.purpose),
        ("operator", &request.operator),
    ];
    let said: serde_json::Map<_, _> = members
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?.into())))
        .collect();
    (!said.is_empty()).then_some(serde_json::Value::Object(said))
}

/// Reads one record with the leaf that proves it and the organisation of its seal.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, id: &str) -> Result<Option<Found>, StoreError> {
    let record = db.fetch_built(format!("{USED} WHERE u.id = $1"), &[id.into()]).await?;
    record.first().map(found).transpose()
}

/// Columns of a record and of its seal, ready for conditions on `u` and `s`.
pub(crate) const USED: &str = "SELECT u.id, u.seal, u.caller, u.time, u.leaf, u.original_digest, u.result_digest, u.original_length, \
     u.result_length, u.case_number, u.item, u.placement, u.kind, u.level, u.signed_digest, u.document_digest, \
     u.document_kind, u.page, u.format, u.rule, u.approval, u.organisation AS used_of, s.organisation AS organisation \
     FROM seal_uses u JOIN seals s ON s.id = u.seal";

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
    let leaf = u64::try_from(record.int("leaf")?).unwrap_or(u64::MAX);
    Ok(Found { leaf, organisation: record.text("organisation")?.to_owned(), used: used(record)? })
}

/// A record from the columns of [`USED`].
pub(crate) fn used(record: &Record) -> Result<SealUse, StoreError> {
    let text = |name: &str| record.text(name).map(str::to_owned);
    let some = |name: &str| Ok::<_, StoreError>(record.opt_text(name)?.map(str::to_owned));
    let time = jiff::Timestamp::from_microsecond(record.int("time")?).map(|t| t.to_string());
    Ok(SealUse {
        id: text("id")?,
        seal: text("seal")?,
        caller: text("caller")?,
        time: time.unwrap_or_default(),
        leaf: u64::try_from(record.int("leaf")?).unwrap_or(u64::MAX),
        original_digest: text("original_digest")?,
        original_length: record.int("original_length")?,
        result_digest: Some(text("result_digest")?).filter(|digest| !digest.is_empty()),
        result_length: record.int("result_length")?,
        case_number: some("case_number")?,
        item: some("item")?,
        document_kind: some("document_kind")?,
        organisation: some("used_of")?,
        document_digest: some("document_digest")?,
        page: record.opt_int("page")?,
        format: some("format")?,
        rule: some("rule")?,
        approval: some("approval")?,
        placement: serde_json::from_str(record.text("placement")?).unwrap_or_default(),
        kind: some("kind")?,
        level: some("level")?,
        signed_digest: some("signed_digest")?,
    })
}

/// The kind of a use for which the document stayed with the caller.
pub const TWO_PHASE: &str = "two-phase";

/// The kind of a use that signed a file, whatever it is, with a signature that stands beside it.
pub const FILE: &str = "file";

/// The kind of a use that signed a hash as it is: nobody here knows of what.
pub const HASH: &str = "hash";
