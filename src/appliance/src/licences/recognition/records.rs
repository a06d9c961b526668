//! Rows of trust lists, and what is told of them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::tables::TRUST_LISTS;
use crate::store::{Db, Row, StoreError, Value};

/// A trust list on record.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrustListRecord {
    /// Its identifier here.
    pub id: String,
    /// Name of the list.
    pub list: String,
    /// Its number.
    pub number: i64,
    /// `review`, `active`, `superseded`, `withdrawn` or `refused`.
    pub state: String,
    /// URI of who issued it.
    pub issuer: String,
    /// SHA-256 of the certificate that signed it, hexadecimal: to be compared with what the publisher says by another way.
    pub signer: String,
    /// SHA-256 of the signed list, hexadecimal.
    pub digest: String,
    /// Where it was fetched; absent where it was sent.
    pub source: Option<String>,
    /// How many regions it names.
    pub regions: i64,
    /// Until when it is taken (RFC 3339).
    pub next_update: String,
    /// Who brought it in.
    pub importer: String,
    /// Who decided.
    pub reviewer: Option<String>,
    /// Why it was refused or withdrawn.
    pub reason: Option<String>,
    /// When it was brought in (RFC 3339).
    pub created: String,
    /// When it was decided.
    pub decided: Option<String>,
    /// When it went out of force.
    pub ended: Option<String>,
}

impl From<&Row> for TrustListRecord {
    fn from(row: &Row) -> Self {
        let owned = |name| text(row, name).to_owned();
        Self {
            id: row.id().to_owned(),
            list: owned("list"),
            number: int(row, "number").unwrap_or_default(),
            state: owned("state"),
            issuer: owned("issuer"),
            signer: owned("signer"),
            digest: owned("digest"),
            source: optional(row, "source"),
            regions: int(row, "regions").unwrap_or_default(),
            next_update: int(row, "next_update").map(instant).unwrap_or_default(),
            importer: owned("importer"),
            reviewer: optional(row, "reviewer"),
            reason: optional(row, "reason"),
            created: int(row, "created").map(moment).unwrap_or_default(),
            decided: int(row, "decided").map(moment),
            ended: int(row, "ended").map(moment),
        }
    }
}

/// Text of a column; empty when there is none.
pub(super) fn text<'r>(row: &'r Row, column: &str) -> &'r str {
    row.value(column).as_text().unwrap_or_default()
}

pub(super) fn optional(row: &Row, column: &str) -> Option<String> {
    row.value(column).as_text().map(ToOwned::to_owned)
}

pub(super) fn int(row: &Row, column: &str) -> Option<i64> {
    row.value(column).as_int()
}

/// Seconds as RFC 3339.
pub(super) fn instant(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

fn moment(micros: i64) -> String {
    instant(micros.div_euclid(1_000_000))
}

/// The list of this identifier.
pub(super) async fn find(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&TRUST_LISTS, id).await
}

/// Those in force, in the order they came into force.
pub(super) async fn active(db: &Db) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id FROM trust_lists WHERE state = 'active' ORDER BY decided, id LIMIT 100";
    rows(db, sql, &[]).await
}

/// Those that wait or are in force.
pub(super) async fn open(db: &Db) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id FROM trust_lists WHERE state IN ('review', 'active') ORDER BY id DESC LIMIT 200";
    rows(db, sql, &[]).await
}

/// The newest first, at most a hundred.
pub(super) async fn newest(db: &Db) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id FROM trust_lists ORDER BY id DESC LIMIT 100";
    rows(db, sql, &[]).await
}

/// One with this digest that waits or is in force.
pub(super) async fn standing(db: &Db, digest: &str) -> Result<Option<Row>, StoreError> {
    let sql =
        "SELECT id FROM trust_lists WHERE digest = $1 AND state IN ('review', 'active') ORDER BY id LIMIT 1";
    Ok(rows(db, sql, &[digest.into()]).await?.into_iter().next())
}

/// The highest number of a list that was ever in force, and whose it was.
pub(super) async fn highest(db: &Db, list: &str) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id FROM trust_lists WHERE list = $1 AND state IN ('active', 'superseded', 'withdrawn') \
               ORDER BY number DESC, id DESC LIMIT 1";
    Ok(rows(db, sql, &[list.into()]).await?.into_iter().next())
}

async fn rows(db: &Db, sql: &'static str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for record in db.fetch_all(sql, parameters).await? {
        rows.extend(db.row(&TRUST_LISTS, record.text("id")?).await?);
    }
    Ok(rows)
}
