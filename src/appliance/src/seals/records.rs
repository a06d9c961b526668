//! Rows of seals, their versions and applications for them.

use jiff::Timestamp;
use serde_json::json;

use super::kinds::{Ground, HolderKind, Level, SealKind};
use super::model::{Application, SealSummary, SealVersion, to_mm};
use super::order::Order;
use super::state::{ApplicationState, Operation, SealState};
pub use crate::store::tables::{SEAL_APPLICATIONS, SEAL_NUMBERS, SEAL_VERSIONS, SEALS};
use crate::store::{Db, Row, StoreError, Value};

/// A whole seal record.
#[derive(Debug, Clone)]
pub struct SealRecord {
    /// What is told about it.
    pub summary: SealSummary,
    /// Its picture, PNG or SVG.
    pub picture: Vec<u8>,
    /// Its key in custody.
    pub key_label: String,
}

/// Which seals to list; every member given must fit.
#[derive(Debug, Clone, Default)]
pub struct SealFilter {
    /// Of this organisation.
    pub organisation: Option<String>,
    /// With this code.
    pub code: Option<String>,
    /// With this in their name.
    pub name: Option<String>,
    /// In this stored state.
    pub state: Option<SealState>,
    /// Of this kind.
    pub kind: Option<SealKind>,
    /// Active ones whose time ends before this, microseconds.
    pub ends_before: Option<i64>,
}

/// Reads one seal with its picture.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, id: &str) -> Result<Option<SealRecord>, StoreError> {
    let row = db.row(&SEALS, id).await?;
    Ok(row.map(|row| SealRecord {
        summary: summary(&row),
        picture: bytes(&row, "picture").unwrap_or_default(),
        key_label: text(&row, "key_label").to_owned(),
    }))
}

/// Seals that fit, in the order of their ids after `after`; their pictures are left out.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    db: &Db,
    filter: &SealFilter,
    after: &str,
    limit: u32,
) -> Result<Vec<SealSummary>, StoreError> {
    // `picture` and `holder_sealed` are not for lists; empty octets stand in their columns.
    let sql = "SELECT id, version, name, organisation, owner, NULL AS picture, width_um, height_um, certificate, \
               key_label, state, code, kind, level, holder_kind, holder_number, holder_number_hash, \
               NULL AS holder_sealed, suite, number, filing, valid_from, valid_to, governed, updated, ground \
               FROM seals WHERE id > $1 AND ($2 = '' OR organisation = $2) AND ($3 = '' OR code = $3) \
               AND ($4 = '' OR state = $4) AND ($5 < 0 OR kind = $5) AND ($6 = '' OR name LIKE $6 ESCAPE '!') \
               AND ($7 < 0 OR (valid_to < $7 AND state = 'active')) ORDER BY id LIMIT $8";
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let parameters: [Value; 8] = [
        after.into(),
        text(&filter.organisation).into(),
        text(&filter.code).into(),
        filter.state.map_or("", SealState::as_str).into(),
        filter.kind.map_or(-1, |kind| i64::from(kind.number())).into(),
        filter.name.as_deref().map(containing).unwrap_or_default().into(),
        filter.ends_before.unwrap_or(-1).into(),
        i64::from(limit).into(),
    ];
    let records = db.fetch_all(sql, &parameters).await?;
    records.iter().map(|record| record.to_row(&SEALS).map(|row| summary(&row))).collect()
}

/// All versions of a seal, the first one first.
///
/// # Errors
/// [`StoreError`].
pub async fn versions(db: &Db, seal: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, seal, number, name, picture, picture_type, png, width_um, height_um, \
               certificate, key_label, suite, eseal, eseal_digest, valid_from, valid_to, filing, application, \
               state, made_at, ended_at FROM seal_versions WHERE seal = $1 ORDER BY number";
    let records = db.fetch_all(sql, &[seal.into()]).await?;
    records.iter().map(|record| record.to_row(&SEAL_VERSIONS)).collect()
}

/// The version of a seal with this number.
///
/// # Errors
/// [`StoreError`].
pub async fn version(db: &Db, seal: &str, number: i64) -> Result<Option<Row>, StoreError> {
    db.row(&SEAL_VERSIONS, &version_id(seal, number)).await
}

/// The identifier of a version.
#[must_use]
pub fn version_id(seal: &str, number: i64) -> String {
    format!("{seal}.{number}")
}

/// One application.
///
/// # Errors
/// [`StoreError`].
pub async fn application(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&SEAL_APPLICATIONS, id).await
}

/// The application made under an idempotency key.
///
/// # Errors
/// [`StoreError`].
pub async fn application_by_key(db: &Db, key: &str) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id, version, operation, seal, organisation, state, wanted, picture, holder_number_hash, \
               holder_sealed, applicant, applicant_person, approver, approver_person, maker, maker_person, reason, \
               created, decided, carried_out, made, request_key, request_digest FROM seal_applications WHERE \
               request_key = $1";
    let found = db.fetch_optional(sql, &[key.into()]).await?;
    found.map(|record| record.to_row(&SEAL_APPLICATIONS)).transpose()
}

/// The application about a seal that is open, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn open_application(db: &Db, seal: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM seal_applications WHERE seal = $1 AND state IN ('applied', 'approved')";
    let found = db.fetch_optional(sql, &[seal.into()]).await?;
    found.map(|record| record.text("id").map(ToOwned::to_owned)).transpose()
}

/// Which applications to list; every member given must fit.
#[derive(Debug, Clone, Default)]
pub struct ApplicationFilter {
    /// Of this organisation.
    pub organisation: Option<String>,
    /// About this seal.
    pub seal: Option<String>,
    /// In this state.
    pub state: Option<ApplicationState>,
}

/// Applications that fit, in the order in which they were made, after `after`; pictures are left out.
///
/// # Errors
/// [`StoreError`].
pub async fn applications(
    db: &Db,
    filter: &ApplicationFilter,
    after: &str,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, operation, seal, organisation, state, wanted, NULL AS picture, \
               holder_number_hash, NULL AS holder_sealed, applicant, applicant_person, approver, approver_person, \
               maker, maker_person, reason, created, decided, carried_out, made, request_key, request_digest FROM \
               seal_applications WHERE id > $1 AND ($2 = '' OR organisation = $2) AND ($3 = '' OR seal = $3) AND \
               ($4 = '' OR state = $4) ORDER BY id LIMIT $5";
    let parameters: [Value; 5] = [
        after.into(),
        filter.organisation.clone().unwrap_or_default().into(),
        filter.seal.clone().unwrap_or_default().into(),
        filter.state.map_or("", ApplicationState::as_str).into(),
        i64::from(limit).into(),
    ];
    let records = db.fetch_all(sql, &parameters).await?;
    records.iter().map(|record| record.to_row(&SEAL_APPLICATIONS)).collect()
}

/// What a new application is entered with.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// Identifier.
    pub id: &'a str,
    /// What for.
    pub operation: Operation,
    /// About which seal.
    pub seal: &'a str,
    /// Whose.
    pub organisation: &'a str,
    /// What was applied for.
    pub order: &'a Order,
    /// The picture sent or drawn.
    pub picture: Option<Vec<u8>>,
    /// Keyed hash of a person's number.
    pub holder_hash: Option<String>,
    /// The number, encrypted.
    pub holder_sealed: Option<Vec<u8>>,
    /// Registration of the applicant.
    pub applicant: &'a str,
    /// The person behind it.
    pub person: &'a str,
    /// Microseconds.
    pub created: i64,
    /// Idempotency key and digest of the request.
    pub request: Option<(String, String)>,
}

/// The row of a new application.
#[must_use]
pub fn application_row(new: NewRow<'_>) -> Row {
    let (key, digest) = new.request.unzip();
    Row::new(&SEAL_APPLICATIONS, vec![Value::Null; SEAL_APPLICATIONS.columns.len()])
        .with("id", new.id)
        .with("version", 1)
        .with("operation", new.operation.as_str())
        .with("seal", new.seal)
        .with("organisation", new.organisation)
        .with("state", ApplicationState::Applied.as_str())
        .with("wanted", json!(new.order).to_string())
        .with("picture", new.picture)
        .with("holder_number_hash", new.holder_hash)
        .with("holder_sealed", new.holder_sealed)
        .with("applicant", new.applicant)
        .with("applicant_person", new.person)
        .with("created", new.created)
        .with("request_key", key)
        .with("request_digest", digest)
}

/// Whether a credit code is registered as an organisation's: as the holder of a seal of its own, present or former.
///
/// # Errors
/// [`StoreError`].
pub async fn is_code_of(db: &Db, organisation: &str, code: &str) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM seals WHERE organisation = $1 AND holder_kind = 'organisation' AND holder_number = $2 LIMIT 1";
    Ok(db.fetch_optional(sql, &[organisation.into(), code.into()]).await?.is_some())
}

/// A seal's record from its row.
#[must_use]
pub fn summary(row: &Row) -> SealSummary {
    SealSummary {
        id: row.id().to_owned(),
        version: row.version(),
        name: text(row, "name").to_owned(),
        organisation: text(row, "organisation").to_owned(),
        width_mm: to_mm(int(row, "width_um").unwrap_or_default()),
        height_mm: to_mm(int(row, "height_um").unwrap_or_default()),
        certificate: text(row, "certificate").to_owned(),
        state: stored_state(row),
        code: optional(row, "code"),
        kind: int(row, "kind").and_then(SealKind::of_number),
        level: row.value("level").as_text().and_then(Level::parse),
        holder_kind: row.value("holder_kind").as_text().and_then(HolderKind::parse),
        holder_number: optional(row, "holder_number"),
        suite: optional(row, "suite"),
        number: int(row, "number"),
        filing: optional(row, "filing"),
        valid_from: time(row, "valid_from"),
        valid_to: time(row, "valid_to"),
        governed: int(row, "governed") == Some(1),
        ground: row.value("ground").as_text().and_then(Ground::parse),
    }
}

/// The stored state of a seal. A word this program does not know stops the seal rather than guessing that it may be used.
#[must_use]
pub fn stored_state(row: &Row) -> SealState {
    match SealState::parse(text(row, "state")) {
        Some(SealState::Expired) | None => SealState::Suspended,
        Some(state) => state,
    }
}

/// The state of an application. One that this program does not know has ended.
#[must_use]
pub fn application_state(row: &Row) -> ApplicationState {
    ApplicationState::parse(text(row, "state")).unwrap_or(ApplicationState::Failed)
}

/// What an application asks for.
///
/// # Errors
/// [`StoreError::Column`], when the row does not read.
pub fn order(row: &Row) -> Result<Order, StoreError> {
    serde_json::from_str(text(row, "wanted")).map_err(|_| unread("wanted", "an order"))
}

/// What an application is for.
///
/// # Errors
/// [`StoreError::Column`], when the word is unknown.
pub fn operation(row: &Row) -> Result<Operation, StoreError> {
    Operation::parse(text(row, "operation")).ok_or_else(|| unread("operation", "an operation"))
}

impl TryFrom<&Row> for Application {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id().to_owned(),
            version: row.version(),
            operation: operation(row)?,
            seal: text(row, "seal").to_owned(),
            organisation: text(row, "organisation").to_owned(),
            state: application_state(row),
            wanted: order(row)?,
            applicant: text(row, "applicant").to_owned(),
            approver: optional(row, "approver"),
            maker: optional(row, "maker"),
            reason: optional(row, "reason"),
            created: time(row, "created"),
            decided: time(row, "decided"),
            carried_out: time(row, "carried_out"),
            made: optional(row, "made"),
        })
    }
}

impl From<&Row> for SealVersion {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id().to_owned(),
            seal: text(row, "seal").to_owned(),
            number: int(row, "number").unwrap_or_default(),
            name: text(row, "name").to_owned(),
            picture_type: text(row, "picture_type").to_owned(),
            width_mm: to_mm(int(row, "width_um").unwrap_or_default()),
            height_mm: to_mm(int(row, "height_um").unwrap_or_default()),
            certificate: text(row, "certificate").to_owned(),
            suite: text(row, "suite").to_owned(),
            eseal_digest: optional(row, "eseal_digest"),
            valid_from: time(row, "valid_from"),
            valid_to: time(row, "valid_to"),
            filing: optional(row, "filing"),
            application: optional(row, "application"),
            state: text(row, "state").to_owned(),
            made_at: time(row, "made_at"),
            ended_at: time(row, "ended_at"),
        }
    }
}

/// A text column; empty for NULL.
#[must_use]
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.value(column).as_text().unwrap_or_default()
}

/// A text column, or nothing.
#[must_use]
pub fn optional(row: &Row, column: &str) -> Option<String> {
    row.value(column).as_text().map(ToOwned::to_owned)
}

/// An integer column, or nothing.
#[must_use]
pub fn int(row: &Row, column: &str) -> Option<i64> {
    row.value(column).as_int()
}

/// An octets column, or nothing.
#[must_use]
pub fn bytes(row: &Row, column: &str) -> Option<Vec<u8>> {
    row.value(column).as_bytes().map(<[u8]>::to_vec)
}

fn time(row: &Row, column: &str) -> Option<Timestamp> {
    int(row, column).and_then(|micros| Timestamp::from_microsecond(micros).ok())
}

fn unread(column: &str, expected: &'static str) -> StoreError {
    StoreError::Column { column: column.to_owned(), expected, found: "something else" }
}

/// A pattern for names that contain `part`.
fn containing(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_of_an_unknown_state_may_not_be_used() {
        let row = |state: &str| {
            Row::new(&SEALS, vec![Value::Null; SEALS.columns.len()])
                .with("id", "s")
                .with("version", 1)
                .with("state", state)
        };
        assert_eq!(summary(&row("active")).state, SealState::Active);
        assert_eq!(summary(&row("expired")).state, SealState::Suspended, "never stored");
        assert_eq!(summary(&row("lent")).state, SealState::Suspended);
        assert_eq!(summary(&row("active")).suite(), "international", "an older seal");
    }

    #[test]
    fn wildcards_in_a_name_stand_for_themselves() {
        assert_eq!(containing("10%_!"), "%10!%!_!!%");
    }
}
