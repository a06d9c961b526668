//! Rows of licences, their versions and artefacts, as they are read.
//!
//! What is written is made by `issue::version` and `life`; here is only what reading takes. Nothing here decrypts.

use licence::life::State;

use crate::app::App;
use crate::store::tables::{LICENCE_ARTEFACTS, LICENCE_EVENTS, LICENCE_HOLDERS, LICENCE_VERSIONS, LICENCES};
use crate::store::{Db, Row, StoreError, Value};

/// A licence through all its versions.
#[derive(Debug, Clone)]
pub struct Licence {
    /// Its row.
    pub row: Row,
}

/// One version of a licence.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its row.
    pub row: Row,
}

impl Licence {
    /// `TYPE.ISSUER.SERIAL`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.row.id()
    }

    /// Version of the row, also the `ETag`.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.row.version()
    }

    /// Code of its type.
    #[must_use]
    pub fn type_code(&self) -> &str {
        text(&self.row, "type")
    }

    /// By which version of the type it was made.
    #[must_use]
    pub fn type_number(&self) -> i64 {
        int(&self.row, "type_number").unwrap_or_default()
    }

    /// The organisation that issued it.
    #[must_use]
    pub fn organisation(&self) -> &str {
        text(&self.row, "organisation")
    }

    /// Code of the issuing body, as the identifier has it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        text(&self.row, "issuer")
    }

    /// Number of its present version, from 1.
    #[must_use]
    pub fn number(&self) -> i64 {
        int(&self.row, "number").unwrap_or_default()
    }

    /// Identifier (GB/T 36904) of its present version, without the OID.
    #[must_use]
    pub fn identifier(&self) -> &str {
        text(&self.row, "identifier")
    }

    /// The state as stored; [`State::Expired`] never is.
    #[must_use]
    pub fn stored_state(&self) -> State {
        state(text(&self.row, "state"))
    }

    /// The state at a time, Unix seconds: one in force whose time is over has expired.
    #[must_use]
    pub fn state_at(&self, now: i64) -> State {
        match self.stored_state() {
            State::Active | State::Suspended | State::Lost
                if self.valid_to().is_some_and(|end| end < now) =>
            {
                State::Expired
            }
            stored => stored,
        }
    }

    /// From when it holds, Unix seconds.
    #[must_use]
    pub fn valid_from(&self) -> i64 {
        int(&self.row, "valid_from").unwrap_or_default()
    }

    /// Until when, Unix seconds, inclusive; `None` has no end.
    #[must_use]
    pub fn valid_to(&self) -> Option<i64> {
        int(&self.row, "valid_to")
    }

    /// Its place in the status lists: list and index.
    #[must_use]
    pub fn status(&self) -> Option<(i64, i64)> {
        int(&self.row, "status_list").zip(int(&self.row, "status_index"))
    }

    /// Whether what is personal of it was erased: its key was destroyed.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.row.value("data_key").as_bytes().is_some_and(<[u8]>::is_empty)
    }

    /// A text of its row.
    #[must_use]
    pub fn text(&self, column: &str) -> &str {
        text(&self.row, column)
    }
}

impl Version {
    /// Its identifier (GB/T 36904), without the OID.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.row.id()
    }

    /// The licence it is of.
    #[must_use]
    pub fn licence(&self) -> &str {
        text(&self.row, "licence")
    }

    /// From 1.
    #[must_use]
    pub fn number(&self) -> i64 {
        int(&self.row, "number").unwrap_or_default()
    }

    /// The version of the type that it was made by.
    #[must_use]
    pub fn type_number(&self) -> i64 {
        int(&self.row, "type_number").unwrap_or_default()
    }

    /// The fields that no tag protects.
    #[must_use]
    pub fn open_fields(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_str(text(&self.row, "fields")).unwrap_or_default()
    }

    /// The keyed hash of a field that a verifier may know, and the label of its key.
    #[must_use]
    pub fn known(&self, field: &str) -> Option<(String, String)> {
        let known: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(self.row.value("known").as_text()?).ok()?;
        Some((text(&self.row, "known_by").to_owned(), known.get(field)?.as_str()?.to_owned()))
    }
}

/// The licence with this id, `TYPE.ISSUER.SERIAL`.
///
/// # Errors
/// [`StoreError`].
pub async fn licence(db: &Db, id: &str) -> Result<Option<Licence>, StoreError> {
    Ok(db.row(&LICENCES, id).await?.map(|row| Licence { row }))
}

/// The version with this identifier.
///
/// # Errors
/// [`StoreError`].
pub async fn version(db: &Db, identifier: &str) -> Result<Option<Version>, StoreError> {
    Ok(db.row(&LICENCE_VERSIONS, identifier).await?.map(|row| Version { row }))
}

/// All versions of a licence, the first one first; what is encrypted stays where it is.
///
/// # Errors
/// [`StoreError`].
pub async fn versions(db: &Db, licence: &str) -> Result<Vec<Version>, StoreError> {
    let sql = "SELECT id, version, licence, number, type_number, state, fields, NULL AS sealed, known, known_by, \
               valid_from, valid_to, seal, document, operation, basis, item, case_number, caller, issued, ended \
               FROM licence_versions WHERE licence = $1 ORDER BY number";
    let records = db.fetch_all(sql, &[licence.into()]).await?;
    records.iter().map(|record| Ok(Version { row: record.to_row(&LICENCE_VERSIONS)? })).collect()
}

/// What was made of a version: kind, media type, length, digest; the octets stay where they are.
///
/// # Errors
/// [`StoreError`].
pub async fn artefacts(db: &Db, identifier: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, licence, identifier, kind, media_type, length, sha256, NULL AS sealed, made \
               FROM licence_artefacts WHERE identifier = $1 ORDER BY id";
    let records = db.fetch_all(sql, &[identifier.into()]).await?;
    records.iter().map(|record| record.to_row(&LICENCE_ARTEFACTS)).collect()
}

/// The artefact of that kind, with its encrypted octets.
///
/// # Errors
/// [`StoreError`].
pub async fn artefact(db: &Db, identifier: &str, kind: &str) -> Result<Option<Row>, StoreError> {
    db.row(&LICENCE_ARTEFACTS, &artefact_id(identifier, kind)).await
}

/// Identifier of an artefact.
#[must_use]
pub fn artefact_id(identifier: &str, kind: &str) -> String {
    format!("{identifier}:{kind}")
}

/// The licences that carry one of these keyed hashes (the present key's, and the former one's during a rotation), by id after
/// `after`. One statement: an entry that is hashed anew in between would else be missed by both.
///
/// # Errors
/// [`StoreError`].
pub async fn by_holder(
    app: &App,
    hashes: &[(String, String)],
    after: &str,
    limit: u32,
) -> Result<Vec<Licence>, StoreError> {
    let sql = "SELECT DISTINCT licence FROM licence_holders WHERE hash IN ($1, $2) AND licence > $3 \
               ORDER BY licence LIMIT $4";
    let hash = |place: usize| Value::from(hashes.get(place).map_or("", |(_, hash)| hash.as_str()));
    let parameters = [hash(0), hash(1), after.into(), i64::from(limit).into()];
    let mut found = Vec::new();
    for record in app.db.fetch_all(sql, &parameters).await? {
        found.extend(licence(&app.db, record.text("licence")?).await?);
    }
    Ok(found)
}

/// The entries of the index that lead to a licence.
///
/// # Errors
/// [`StoreError`].
pub async fn holders(db: &Db, licence: &str) -> Result<Vec<Row>, StoreError> {
    let sql =
        "SELECT id, version, licence, role, key, hash FROM licence_holders WHERE licence = $1 ORDER BY id";
    let records = db.fetch_all(sql, &[licence.into()]).await?;
    records.iter().map(|record| record.to_row(&LICENCE_HOLDERS)).collect()
}

/// What befell a licence, in order.
///
/// # Errors
/// [`StoreError`].
pub async fn events(db: &Db, licence: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, licence, identifier, operation, before, after, ground, basis, item, case_number, \
               words, caller, time, leaf FROM licence_events WHERE licence = $1 ORDER BY id";
    let records = db.fetch_all(sql, &[licence.into()]).await?;
    records.iter().map(|record| record.to_row(&LICENCE_EVENTS)).collect()
}

/// Which licences to list; every member given must fit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this type.
    pub type_code: Option<String>,
    /// Issued by this organisation.
    pub organisation: Option<String>,
    /// In this stored state.
    pub state: Option<State>,
    /// In force, but over at this time, Unix seconds.
    pub over_at: Option<i64>,
}

/// Licences that fit, by id after `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(db: &Db, filter: &Filter, after: &str, limit: u32) -> Result<Vec<Licence>, StoreError> {
    let sql = "SELECT id, version, type, type_number, organisation, issuer, number, identifier, holder_kind, state, \
               ground, valid_from, valid_to, status_list, status_index, imported, warnings, data_key, wrapped_by, \
               issued, updated, checked_to, leaf FROM licences WHERE id > $1 AND ($2 = '' OR type = $2) \
               AND ($3 = '' OR organisation = $3) AND ($4 = '' OR state = $4) \
               AND ($5 < 0 OR (valid_to < $5 AND state = 'active')) ORDER BY id LIMIT $6";
    let text = |value: &Option<String>| Value::from(value.clone().unwrap_or_default());
    let parameters = [
        after.into(),
        text(&filter.type_code),
        text(&filter.organisation),
        filter.state.map(word).unwrap_or_default().into(),
        filter.over_at.unwrap_or(-1).into(),
        i64::from(limit).into(),
    ];
    let records = db.fetch_all(sql, &parameters).await?;
    records.iter().map(|record| Ok(Licence { row: record.to_row(&LICENCES)? })).collect()
}

/// The word of a state in rows.
#[must_use]
pub const fn word(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Suspended => "suspended",
        State::Lost => "lost",
        State::Cancelled => "cancelled",
        State::Revoked => "revoked",
        State::Withdrawn => "withdrawn",
        State::Transferred => "transferred",
        State::Expired => "expired",
    }
}

/// Reads the word; what no program of ours wrote counts as withdrawn, which permits nothing.
#[must_use]
pub fn state(word: &str) -> State {
    match word {
        "active" => State::Active,
        "suspended" => State::Suspended,
        "lost" => State::Lost,
        "cancelled" => State::Cancelled,
        "revoked" => State::Revoked,
        "transferred" => State::Transferred,
        "expired" => State::Expired,
        _ => State::Withdrawn,
    }
}

/// A text of a row, empty where there is none.
#[must_use]
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.value(column).as_text().unwrap_or_default()
}

/// An integer of a row.
#[must_use]
pub fn int(row: &Row, column: &str) -> Option<i64> {
    row.value(column).as_int()
}
