//! Rows of organisations, callers, proposals and certificates.

use jiff::Timestamp;
use serde_json::json;

use super::model::{CallerRecord, NewCaller, NewOrganisation, Organisation, Proposal};
use crate::identity::{CallerKind, Role};
pub use crate::store::tables::{CALLERS, CERTIFICATES, ORGANISATIONS, PROPOSALS};
use crate::store::{Db, Row, StoreError, Value};

/// One organisation's row.
///
/// # Errors
/// [`StoreError`]; likewise for the other readers here.
pub async fn organisation(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&ORGANISATIONS, id).await
}

/// One caller's row.
///
/// # Errors
/// [`StoreError`].
pub async fn caller(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&CALLERS, id).await
}

/// One proposal's row.
///
/// # Errors
/// [`StoreError`].
pub async fn proposal(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&PROPOSALS, id).await
}

/// One certificate's row, by fingerprint.
///
/// # Errors
/// [`StoreError`].
pub async fn certificate(db: &Db, fingerprint: &str) -> Result<Option<Row>, StoreError> {
    db.row(&CERTIFICATES, fingerprint).await
}

/// Certificates of one caller that are good or on hold and not past their end at `now` (microseconds), at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn standing_certificates(
    db: &Db,
    caller: &str,
    now: i64,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, issuer, serial, subject, profile, caller, not_before, not_after, der, state, \
               revoked_at, reason, organisation, requester, key, shard, invalid_from, changed, replaces, leaf \
               FROM certificates WHERE caller = $1 AND state <> 'revoked' AND not_after >= $2 \
               ORDER BY not_after, id LIMIT $3";
    let records = db.fetch_all(sql, &[caller.into(), now.into(), i64::from(limit).into()]).await?;
    records.iter().map(|record| record.to_row(&CERTIFICATES)).collect()
}

/// Whether a person proposed a caller, or any of its roles.
///
/// # Errors
/// [`StoreError`].
pub async fn proposed_by(db: &Db, caller: &str, person: &str) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM proposals WHERE caller = $1 AND person = $2";
    Ok(!db.fetch_all(sql, &[caller.into(), person.into()]).await?.is_empty())
}

/// The key that two officers have agreed on for a new person: hexadecimal SHA-256 of its SubjectPublicKeyInfo.
///
/// # Errors
/// [`StoreError`].
pub async fn approved_key(db: &Db, caller: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT key FROM proposals WHERE caller = $1 AND state = 'approved' AND key IS NOT NULL";
    let record = db.fetch_optional(sql, &[caller.into()]).await?;
    record.map(|record| record.text("key").map(ToOwned::to_owned)).transpose()
}

/// The row of a new organisation.
#[must_use]
pub fn new_organisation(new: &NewOrganisation) -> Row {
    let values = vec![
        new.id.as_str().into(),
        1.into(),
        new.name.as_str().into(),
        new.kind.as_str().into(),
        "active".into(),
    ];
    Row::new(&ORGANISATIONS, values)
}

/// The row of a new caller, named by `uri`, in `state`.
#[must_use]
pub fn new_caller(new: &NewCaller, uri: &str, state: &str, now: i64) -> Row {
    let values = vec![
        new.id.as_str().into(),
        1.into(),
        new.kind.as_str().into(),
        uri.into(),
        new.organisation.as_str().into(),
        new.person.as_deref().into(),
        roles_text(&new.roles).into(),
        state.into(),
        now.into(),
    ];
    Row::new(&CALLERS, values)
}

/// What is proposed for `caller`, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct NewProposal<'a> {
    /// The caller it is about.
    pub caller: &'a str,
    /// Registration of the proposer.
    pub proposer: &'a str,
    /// Registered person of the proposer.
    pub person: &'a str,
    /// All roles that the caller is to have.
    pub roles: &'a [Role],
    /// The key of a new person.
    pub key: Option<&'a str>,
}

/// The row of a new proposal.
#[must_use]
pub fn new_proposal(id: &str, new: NewProposal<'_>, now: i64) -> Row {
    let values = vec![
        id.into(),
        1.into(),
        new.caller.into(),
        new.proposer.into(),
        new.person.into(),
        roles_text(new.roles).into(),
        "open".into(),
        now.into(),
        Value::Null,
        new.key.into(),
    ];
    Row::new(&PROPOSALS, values)
}

/// Roles as the store keeps them.
#[must_use]
pub fn roles_text(roles: &[Role]) -> String {
    let mut words: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    json!(words).to_string()
}

/// Roles as the store keeps them, read; an unknown word entitles to nothing.
#[must_use]
pub fn roles_of(row: &Row) -> Vec<Role> {
    let words: Vec<String> = serde_json::from_str(text(row, "roles")).unwrap_or_default();
    words.iter().filter_map(|word| Role::parse(word)).collect()
}

/// A text column; empty for NULL.
#[must_use]
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.value(column).as_text().unwrap_or_default()
}

/// A column with microseconds, as RFC 3339 in UTC.
#[must_use]
pub fn time(row: &Row, column: &str) -> Option<String> {
    let micros = row.value(column).as_int()?;
    Timestamp::from_microsecond(micros).ok().map(|time| time.to_string())
}

impl From<&Row> for Organisation {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id().to_owned(),
            name: text(row, "name").to_owned(),
            kind: text(row, "kind").to_owned(),
            state: text(row, "state").to_owned(),
            version: row.version(),
        }
    }
}

impl From<&Row> for CallerRecord {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id().to_owned(),
            kind: kind_of(row),
            uri: text(row, "uri").to_owned(),
            organisation: text(row, "organisation").to_owned(),
            person: row.value("person").as_text().map(ToOwned::to_owned),
            roles: roles_of(row),
            state: text(row, "state").to_owned(),
            created: time(row, "created").unwrap_or_default(),
            version: row.version(),
        }
    }
}

/// The kind of a caller's row.
#[must_use]
pub fn kind_of(row: &Row) -> CallerKind {
    CallerKind::parse(text(row, "kind")).unwrap_or(CallerKind::Machine)
}

impl From<&Row> for Proposal {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id().to_owned(),
            caller: text(row, "caller").to_owned(),
            proposer: text(row, "proposer").to_owned(),
            roles: roles_of(row),
            key: row.value("key").as_text().map(ToOwned::to_owned),
            state: text(row, "state").to_owned(),
            created: time(row, "created").unwrap_or_default(),
            version: row.version(),
        }
    }
}
