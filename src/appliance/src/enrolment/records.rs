//! Rows of one-time enrolment secrets.

use super::model::SecretRecord;
use crate::callers::records::{text, time};
pub use crate::store::tables::ENROLMENT_SECRETS;
use crate::store::{Db, Row, StoreError, Value};

/// The newest secrets of a caller, the newest last, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn secrets(db: &Db, caller: &str, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, hash, caller, profile, issued, created, expires, used_at, state \
               FROM enrolment_secrets WHERE caller = $1 ORDER BY id DESC LIMIT $2";
    rows(db, sql, &[caller.into(), i64::from(limit).into()]).await
}

/// The secrets of a caller that can be used at `now` (microseconds).
///
/// # Errors
/// [`StoreError`].
pub async fn usable(db: &Db, caller: &str, now: i64) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, hash, caller, profile, issued, created, expires, used_at, state \
               FROM enrolment_secrets WHERE caller = $1 AND state = 'open' AND expires > $2 ORDER BY id DESC LIMIT 100";
    rows(db, sql, &[caller.into(), now.into()]).await
}

/// The secrets of a caller that can be used at `now` (microseconds), or were and still fetch what they asked for.
///
/// # Errors
/// [`StoreError`].
pub async fn telling(db: &Db, caller: &str, now: i64) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, hash, caller, profile, issued, created, expires, used_at, state \
               FROM enrolment_secrets WHERE caller = $1 AND state IN ('open', 'used') AND expires > $2 \
               ORDER BY id DESC LIMIT 100";
    rows(db, sql, &[caller.into(), now.into()]).await
}

async fn rows(db: &Db, sql: &'static str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
    let records = db.fetch_all(sql, parameters).await?;
    let rows: Result<Vec<_>, _> = records.iter().map(|record| record.to_row(&ENROLMENT_SECRETS)).collect();
    let mut rows = rows?;
    rows.reverse();
    Ok(rows)
}

/// Microseconds as RFC 3339 in UTC.
#[must_use]
pub fn shown(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

/// What a new secret's row says.
#[derive(Debug, Clone, Copy)]
pub struct NewRow<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// Its hash.
    pub hash: &'a str,
    /// The caller it authenticates.
    pub caller: &'a str,
    /// The profile it enrols for.
    pub profile: &'a str,
    /// Who had it made.
    pub issued: &'a str,
    /// Now, in microseconds.
    pub created: i64,
    /// Its end, in microseconds.
    pub expires: i64,
}

/// The row of a new secret.
#[must_use]
pub fn new(new: NewRow<'_>) -> Row {
    let values = vec![
        new.id.into(),
        1.into(),
        new.hash.into(),
        new.caller.into(),
        new.profile.into(),
        new.issued.into(),
        new.created.into(),
        new.expires.into(),
        Value::Null,
        "open".into(),
    ];
    Row::new(&ENROLMENT_SECRETS, values)
}

impl From<&Row> for SecretRecord {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id().to_owned(),
            caller: text(row, "caller").to_owned(),
            profile: text(row, "profile").to_owned(),
            issued: text(row, "issued").to_owned(),
            created: time(row, "created").unwrap_or_default(),
            expires: time(row, "expires").unwrap_or_default(),
            used_at: time(row, "used_at"),
            state: text(row, "state").to_owned(),
        }
    }
}
