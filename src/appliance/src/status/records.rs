//! Reading certificates' states, and the shared revocation lists.

use crate::journal::generations;
use crate::store::tables::{CERTIFICATES, CRLS};
use crate::store::{Db, Record, Row, StoreError, Value};

/// The generation of certificates.
pub(super) async fn generation(db: &Db) -> Result<i64, StoreError> {
    let sql = "SELECT value FROM generations WHERE name = $1";
    let record = db.fetch_optional(sql, &[generations::CERTIFICATES.into()]).await?;
    record.map_or(Ok(0), |record| record.int("value"))
}

/// Certificates that are not good now (the partial index holds no others).
pub(super) async fn not_good(db: &Db) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT id, issuer, serial, state, revoked_at, reason, invalid_from, shard, not_after, changed \
               FROM certificates WHERE state <> 'good'";
    db.fetch_all(sql, &[]).await
}

/// Certificates whose state changed after `since`, microseconds; released ones among them.
pub(super) async fn changed(db: &Db, since: i64) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT id, issuer, serial, state, revoked_at, reason, invalid_from, shard, not_after, changed \
               FROM certificates WHERE changed > $1";
    db.fetch_all(sql, &[since.into()]).await
}

/// What is on record under a serial number: fingerprint, and the state as it is now.
pub(super) async fn by_serial(db: &Db, issuer: &str, serial: &str) -> Result<Option<Record>, StoreError> {
    let sql = "SELECT id, state, revoked_at, reason FROM certificates WHERE issuer = $1 AND serial = $2";
    db.fetch_optional(sql, &[issuer.into(), serial.into()]).await
}

/// One certificate's row, by fingerprint.
pub(super) async fn certificate(db: &Db, fingerprint: &str) -> Result<Option<Row>, StoreError> {
    db.row(&CERTIFICATES, fingerprint).await
}

/// The shared lists without their content.
pub(super) async fn list_heads(db: &Db) -> Result<Vec<Record>, StoreError> {
    db.fetch_all("SELECT id, version FROM crls", &[]).await
}

/// One shared list.
pub(super) async fn list(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&CRLS, id).await
}

/// The row of a shared list.
pub(super) fn list_row(id: &str, version: i64, list: &super::lists::List) -> Row {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let values: Vec<Value> = vec![
        id.into(),
        version.into(),
        number(list.number).into(),
        list.base.map(number).into(),
        list.this_update.into(),
        list.next_update.into(),
        list.revision.into(),
        list.der.to_vec().into(),
    ];
    Row::new(&CRLS, values)
}
