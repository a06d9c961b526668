//! Rows of licence types and their versions.

use crate::store::tables::{LICENCE_TYPE_VERSIONS, LICENCE_TYPES};
use crate::store::{Db, Row, StoreError, Value};

/// Which types to list; every member given must fit.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// Kept by this organisation.
    pub organisation: Option<String>,
    /// In this state.
    pub state: Option<&'static str>,
    /// With this in name or code.
    pub part: Option<String>,
    /// Types that were never published: of this organisation alone, of all where it is `*`.
    pub drafts_of: String,
}

/// The row of a type.
pub(super) async fn licence_type(db: &Db, code: &str) -> Result<Option<Row>, StoreError> {
    db.row(&LICENCE_TYPES, code).await
}

/// The row of a version of a type.
pub(super) async fn version(db: &Db, code: &str, number: i64) -> Result<Option<Row>, StoreError> {
    db.row(&LICENCE_TYPE_VERSIONS, &version_id(code, number)).await
}

/// The version that was drafted under an idempotency key.
pub(super) async fn version_by_key(db: &Db, key: &str) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id FROM licence_type_versions WHERE request_key = $1";
    let Some(record) = db.fetch_optional(sql, &[key.into()]).await? else { return Ok(None) };
    db.row(&LICENCE_TYPE_VERSIONS, record.text("id")?).await
}

/// The number of the newest version of a type; 0 where there is none.
pub(super) async fn newest(db: &Db, code: &str) -> Result<i64, StoreError> {
    let sql = "SELECT number FROM licence_type_versions WHERE type = $1 ORDER BY number DESC LIMIT 1";
    let record = db.fetch_optional(sql, &[code.into()]).await?;
    record.map_or(Ok(0), |record| record.int("number"))
}

/// Whether anything of a type is drafted, under review or was ever published; of others the code is free again.
pub(super) async fn stands(db: &Db, row: &Row) -> Result<bool, StoreError> {
    if int(row, "published").is_some() || text(row, "state") != "draft" {
        return Ok(true);
    }
    let sql = "SELECT id FROM licence_type_versions WHERE type = $1 AND state NOT IN ('withdrawn', 'refused') LIMIT 1";
    Ok(db.fetch_optional(sql, &[row.id().into()]).await?.is_some())
}

/// The versions of a type, the newest first, without definitions and templates.
pub(super) async fn versions(db: &Db, code: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, type, number, state, '' AS definition, '' AS templates, digest, author, author_person, \
               submitter, submitter_person, reviewer, reviewer_person, reason, created, submitted, decided, \
               NULL AS request_key, NULL AS request_digest \
               FROM licence_type_versions WHERE type = $1 ORDER BY number DESC LIMIT 200";
    let records = db.fetch_all(sql, &[code.into()]).await?;
    records.iter().map(|record| record.to_row(&LICENCE_TYPE_VERSIONS)).collect()
}

/// Types in the order of their codes after `after`.
pub(super) async fn list(db: &Db, filter: &Filter, after: &str, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, name, organisation, published, state, updated FROM licence_types \
               WHERE id > $1 AND ($2 = '' OR organisation = $2) AND ($3 = '' OR state = $3) \
               AND ($4 = '' OR name LIKE $4 ESCAPE '!' OR id LIKE $4 ESCAPE '!') \
               AND (state <> 'draft' OR $5 = '*' OR organisation = $5) ORDER BY id LIMIT $6";
    let parameters: [Value; 6] = [
        after.into(),
        filter.organisation.clone().unwrap_or_default().into(),
        filter.state.unwrap_or_default().into(),
        filter.part.as_deref().map(containing).unwrap_or_default().into(),
        filter.drafts_of.as_str().into(),
        i64::from(limit).into(),
    ];
    let records = db.fetch_all(sql, &parameters).await?;
    records.iter().map(|record| record.to_row(&LICENCE_TYPES)).collect()
}

/// The identifier of a version.
pub(super) fn version_id(code: &str, number: i64) -> String {
    format!("{code}.{number}")
}

pub(super) fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.value(column).as_text().unwrap_or_default()
}

pub(super) fn int(row: &Row, column: &str) -> Option<i64> {
    row.value(column).as_int()
}

/// A LIKE pattern for texts with `part` in them.
fn containing(part: &str) -> String {
    let escaped = part.chars().flat_map(|letter| {
        let escape = matches!(letter, '%' | '_' | '!').then_some('!');
        escape.into_iter().chain([letter])
    });
    format!("%{}%", escaped.collect::<String>())
}
