//! Who looked: one row for each licence and each look, written in the unit of the look itself.

use licence::life::State;
use serde_json::json;

use super::model::{LicenceUse, LicenceUses, OfHolder};
use super::parts;
use crate::app::App;
use crate::callers::records::time;
use crate::identity::Caller;
use crate::journal::Unit;
use crate::licences::library::{Licence, holder, records};
use crate::policy::{Permit, ReadLicenceUses, ReadOwnUses};
use crate::problem::Result;
use crate::store::tables::LICENCE_USES;
use crate::store::{Row, StoreError, Value};

/// What kind of look it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// By a holder's code.
    Show,
    /// By a department's query.
    Query,
    /// The sealed document, by a query.
    Document,
    /// An annotated copy was made.
    Copy,
    /// Fields beyond the verdict were told in a verification.
    Verification,
}

impl Look {
    /// The word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Query => "query",
            Self::Document => "document",
            Self::Copy => "copy",
            Self::Verification => "verification",
        }
    }
}

/// One look at one licence.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Identifier of the record, a UUID of version 7.
    pub id: &'a str,
    /// The licence.
    pub licence: &'a Licence,
    /// What kind of look.
    pub look: Look,
    /// Who looked.
    pub viewer: &'a Caller,
    /// Hash of the code.
    pub code: Option<&'a str>,
    /// The delegation under which the code was made.
    pub delegation: Option<&'a str>,
    /// The query.
    pub query: Option<&'a str>,
    /// Code of the service item.
    pub item: Option<&'a str>,
    /// Case number.
    pub case_number: Option<&'a str>,
    /// A word of the type's rules.
    pub purpose: Option<&'a str>,
    /// What may name somebody, encrypted under the licence's key for this record.
    pub words: Option<Vec<u8>>,
    /// Which fields.
    pub fields: &'a [String],
    /// Where the licence stood.
    pub state: State,
    /// When, microseconds.
    pub time: i64,
}

/// The row of a look; part of the look's unit.
#[must_use]
pub fn row(seen: Seen<'_>) -> Row {
    let values = vec![
        seen.id.into(),
        1.into(),
        seen.licence.id().into(),
        seen.licence.identifier().into(),
        seen.licence.organisation().into(),
        seen.look.as_str().into(),
        seen.viewer.id.as_str().into(),
        seen.viewer.organisation.as_str().into(),
        seen.code.into(),
        seen.delegation.into(),
        seen.query.into(),
        seen.item.into(),
        seen.case_number.into(),
        seen.purpose.into(),
        seen.words.into(),
        parts::list(seen.fields).into(),
        records::word(seen.state).into(),
        seen.time.into(),
        Value::Null,
    ];
    Row::new(&LICENCE_USES, values)
}

/// Who looked at one licence, newest first. The answer is itself an entry before it leaves.
///
/// # Errors
/// A problem.
pub async fn of_licence(
    app: &App,
    permit: &Permit<ReadLicenceUses>,
    licence: &Licence,
    before: &str,
    limit: u32,
) -> Result<LicenceUses> {
    let unsealed = app.unsealed()?;
    let page = page(app, Some(licence.id()), &[], before, limit).await?;
    let unit = Unit::new(permit.act()).facts(json!({ "licence": licence.id(), "records": page.items.len() }));
    unsealed.journal.commit(unit).await?;
    Ok(page)
}

/// Who looked at the licences of a holder, newest first. The answer is itself an entry before it leaves.
///
/// # Errors
/// A problem.
pub async fn of_holder(
    app: &App,
    permit: &Permit<ReadOwnUses>,
    asked: &OfHolder,
    limit: u32,
) -> Result<LicenceUses> {
    let unsealed = app.unsealed()?;
    let party = asked.party()?;
    let hashes = holder::hash(app, &party.kind, &party.number).await?;
    let licence = asked.licence.as_deref().map(crate::licences::library::licence_id);
    // What is no licence's name finds nothing, as what is somebody else's.
    let licence = licence.map(Option::unwrap_or_default);
    let before = asked.after.as_deref().unwrap_or_default();
    let page = page(app, licence.as_deref(), &hashes, before, limit).await?;
    let unit = Unit::new(permit.act())
        .facts(json!({ "records": page.items.len() }))
        .detail(json!({ "holder": { "kind": party.kind, "number": party.number } }));
    unsealed.journal.commit(unit).await?;
    Ok(page)
}

/// One page: of a licence, of what these hashes find, or of what is both.
async fn page(
    app: &App,
    licence: Option<&str>,
    hashes: &[(String, String)],
    before: &str,
    limit: u32,
) -> Result<LicenceUses> {
    let mut sql = String::from(SELECT);
    let mut parameters: Vec<Value> = Vec::new();
    let mut place = |value: Value| {
        parameters.push(value);
        format!("${}", parameters.len())
    };
    let mut wanted = Vec::new();
    if let Some(licence) = licence {
        wanted.push(format!("u.licence = {}", place(licence.into())));
    }
    if !hashes.is_empty() {
        let all: Vec<String> = hashes.iter().map(|(_, hash)| place(hash.as_str().into())).collect();
        let all = all.join(", ");
        wanted.push(format!("u.licence IN (SELECT licence FROM licence_holders WHERE hash IN ({all}))"));
    }
    if !before.is_empty() {
        wanted.push(format!("u.id < {}", place(before.into())));
    }
    let most = place(i64::from(limit + 1).into());
    sql.push_str(&wanted.join(" AND "));
    sql.push_str(&format!(" ORDER BY u.id DESC LIMIT {most}"));
    let records = app.db.fetch_built(sql, &parameters).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items = Vec::with_capacity(records.len().min(limit));
    for record in records.iter().take(limit) {
        let name = record.opt_text("organisation_name")?.map(ToOwned::to_owned);
        items.push(read(&record.to_row(&LICENCE_USES)?, name));
    }
    let next = items.last().filter(|_| records.len() > limit).map(|last: &LicenceUse| last.id.clone());
    Ok(LicenceUses { items, next })
}

fn read(row: &Row, organisation_name: Option<String>) -> LicenceUse {
    let owned = |column: &str| row.value(column).as_text().map(ToOwned::to_owned);
    let text = |column: &str| owned(column).unwrap_or_default();
    LicenceUse {
        id: row.id().to_owned(),
        licence: text("licence"),
        identifier: text("identifier"),
        kind: text("kind"),
        viewer: text("viewer"),
        organisation: text("viewer_organisation"),
        organisation_name,
        delegation: owned("delegation"),
        query: owned("query"),
        item: owned("item"),
        case_number: owned("case_number"),
        purpose: owned("purpose"),
        fields: parts::unlist(&text("fields")),
        state: text("state"),
        time: time(row, "time").unwrap_or_default(),
        leaf: row.value("leaf").as_int(),
    }
}

/// Whether a query took this licence, by a row of its own.
pub(super) async fn taken(app: &App, query: &str, licence: &str) -> std::result::Result<bool, StoreError> {
    let sql = "SELECT id FROM licence_uses WHERE licence = $1 AND query = $2 AND kind = 'query' LIMIT 1";
    Ok(app.db.fetch_optional(sql, &[licence.into(), query.into()]).await?.is_some())
}

const SELECT: &str = "SELECT u.id, u.version, u.licence, u.identifier, u.organisation, u.kind, u.viewer, \
                      u.viewer_organisation, u.code, u.delegation, u.query, u.item, u.case_number, u.purpose, \
                      u.words, u.fields, u.state, u.time, u.leaf, o.name AS organisation_name FROM licence_uses u \
                      LEFT JOIN organisations o ON o.id = u.viewer_organisation WHERE ";
