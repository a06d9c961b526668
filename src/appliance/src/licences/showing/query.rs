//! 免证办, 依职能查验: a department takes licences by their holder, for an item and a case.
//!
//! The rules of the type decide which fields for which purpose, item and organisation: minimum necessary. The policies say only
//! who may ask at all. Each answer is one entry, durable before the first octet leaves, with the holder in its detail and one
//! record for each licence in the holder's list of who looked. A purpose that no rule knows, and a type that there is not, are
//! one refusal, which is entered too; what other licences the holder has, no answer tells.

use licence::catalogue::{QueryRule, TypeDefinition};
use serde_json::{Map, json};

use super::bounds;
use super::model::{LicenceQueryAnswer, NewLicenceQuery, TakenLicence};
use super::parts::{self, Attempt};
use super::uses::{self, Look, Seen};
use crate::app::App;
use crate::identity::Caller;
use crate::journal::{Committed, Unit};
use crate::licences::library::{self, Artefact, Licence, holder, records};
use crate::policy::{Permit, QueryLicences};
use crate::problem::{About, Kind, Problem, Result};
use crate::store::tables::{LICENCE_QUERIES, LICENCE_TYPES, LICENCES};
use crate::store::{Row, Value};

/// Answers a department's query.
///
/// # Errors
/// A problem.
pub async fn query(
    app: &App,
    permit: &Permit<QueryLicences>,
    asked: &NewLicenceQuery,
) -> Result<LicenceQueryAnswer> {
    parts::bounded(|| attempt(app, permit, asked)).await
}

async fn attempt(
    app: &App,
    permit: &Permit<QueryLicences>,
    asked: &NewLicenceQuery,
) -> std::result::Result<LicenceQueryAnswer, Attempt> {
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    let caller = permit.caller();
    let in_force = app.db.row(&LICENCE_TYPES, &asked.type_code).await?;
    let in_force = in_force.filter(|row| row.value("published").as_int().is_some());
    let ruling = in_force.ok_or_else(|| refused(permit))?;
    let number = records::int(&ruling, "published").unwrap_or_default();
    let definition = parts::definition(app, &asked.type_code, number).await?;
    let rule = rule(&definition, &asked.purpose, &asked.item, caller).ok_or_else(|| refused(permit))?;
    let (licences, next) = found(app, asked).await?;
    let query = uuid::Uuid::now_v7().to_string();
    let expires = now.saturating_add(bounds::DOCUMENT);
    let mut unit = Unit::new(permit.act())
        .facts(json!({
            "query": query,
            "type": asked.type_code,
            "purpose": asked.purpose,
            "item": asked.item,
            "case_number": asked.case_number,
            "fields": rule.fields,
            "licences": licences.iter().map(Licence::id).collect::<Vec<_>>(),
        }))
        .detail(json!({
            "holder": { "kind": asked.holder.kind, "number": asked.holder.number },
            "operator": asked.operator,
        }))
        .guard(&LICENCE_TYPES, ruling.id(), ruling.version())
        .insert(row(&query, caller, asked, number, rule, licences.len(), now, expires));
    let mut taken = Vec::with_capacity(licences.len());
    for licence in &licences {
        let (state, in_force) = parts::standing(licence, now);
        // Of a licence that is not in force the state is told, and no field: it serves nobody.
        let names: &[String] = if in_force { &rule.fields } else { &[] };
        let mut fields = Map::new();
        if !names.is_empty() {
            let version = library::version(app, licence, licence.identifier()).await?;
            let by = parts::definition(app, licence.type_code(), version.type_number()).await?;
            fields = parts::values(app, licence, &version, &by, names)?;
        }
        let names: Vec<String> = fields.keys().cloned().collect();
        let id = uuid::Uuid::now_v7().to_string();
        let words = json!({ "operator": asked.operator });
        let words = parts::words(&library::data_key(&unsealed, licence)?, &id, &words)?;
        let look = uses::row(Seen {
            id: &id,
            licence,
            look: Look::Query,
            viewer: caller,
            code: None,
            delegation: None,
            query: Some(&query),
            item: Some(&asked.item),
            case_number: Some(&asked.case_number),
            purpose: Some(&asked.purpose),
            words,
            fields: &names,
            state,
            time: now,
        });
        unit = unit.insert(look).guard(&LICENCES, licence.id(), licence.version());
        let path = format!("/v1/licence-queries/{query}/documents/{}", licence.identifier());
        taken.push(TakenLicence {
            identifier: licence.identifier().to_owned(),
            state: records::word(state).to_owned(),
            state_zh: state.word_zh().to_owned(),
            state_en: state.word_en().to_owned(),
            valid_from: parts::instant(licence.valid_from()),
            valid_to: licence.valid_to().map(parts::instant),
            fields,
            document: (rule.document && in_force).then_some(path),
        });
    }
    let committed = unsealed.journal.commit(unit).await?;
    Ok(LicenceQueryAnswer {
        query,
        licences: taken,
        next,
        time: parts::moment(committed.time),
        leaf: committed.leaf,
    })
}

/// The rule of a type that fits: purpose, item and the caller's organisation.
pub(super) fn rule<'a>(
    definition: &'a TypeDefinition,
    purpose: &str,
    item: &str,
    caller: &Caller,
) -> Option<&'a QueryRule> {
    let any = |all: &[String], one: &str| all.iter().any(|known| known == "*" || known == one);
    definition.queries.iter().find(|rule| {
        rule.purpose == purpose && any(&rule.items, item) && any(&rule.organisations, &caller.organisation)
    })
}

/// The licences of that type by which the holder is found, and the cursor of what follows.
async fn found(app: &App, asked: &NewLicenceQuery) -> Result<(Vec<Licence>, Option<String>)> {
    let hashes = holder::hash(app, &asked.holder.kind, &asked.holder.number).await?;
    let after = asked.after.as_deref().unwrap_or_default();
    let mut parameters: Vec<Value> =
        vec![asked.type_code.as_str().into(), after.into(), i64::from(bounds::LICENCES + 1).into()];
    let mut all = Vec::new();
    for (_, hash) in &hashes {
        parameters.push(hash.as_str().into());
        all.push(format!("${}", parameters.len()));
    }
    // The index by hash leads; a holder has few licences.
    let sql = format!(
        "SELECT DISTINCT h.licence FROM licence_holders h JOIN licences l ON l.id = h.licence \
         WHERE h.hash IN ({}) AND l.type = $1 AND h.licence > $2 ORDER BY h.licence LIMIT $3",
        all.join(", ")
    );
    let records = app.db.fetch_built(sql, &parameters).await?;
    let most = usize::try_from(bounds::LICENCES).unwrap_or(usize::MAX);
    let mut licences = Vec::new();
    for record in records.iter().take(most) {
        licences.extend(records::licence(&app.db, record.text("licence")?).await?);
    }
    let next = licences.last().filter(|_| records.len() > most).map(|last| last.id().to_owned());
    Ok((licences, next))
}

/// The sealed document of a licence that a query took, where its rule allows it; durable before it leaves.
///
/// # Errors
/// A problem.
pub async fn document(
    app: &App,
    permit: &Permit<QueryLicences>,
    query: &Row,
    licence: &Licence,
) -> Result<(Artefact, Committed)> {
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    taken(app, permit.caller(), query, licence, now).await?;
    let state = parts::in_force(licence, now)?;
    let artefact = library::document(app, licence, licence.identifier(), "original").await?;
    let id = uuid::Uuid::now_v7().to_string();
    // The document shows every field of the version, whatever the rule's fields are.
    let version = library::version(app, licence, licence.identifier()).await?;
    let by = parts::definition(app, licence.type_code(), version.type_number()).await?;
    let names: Vec<String> = parts::fields(&by).iter().map(|(name, _)| (*name).to_owned()).collect();
    let look = uses::row(Seen {
        id: &id,
        licence,
        look: Look::Document,
        viewer: permit.caller(),
        code: None,
        delegation: None,
        query: Some(query.id()),
        item: query.value("item").as_text(),
        case_number: query.value("case_number").as_text(),
        purpose: query.value("purpose").as_text(),
        words: None,
        fields: &names,
        state,
        time: now,
    });
    let unit = Unit::new(permit.act())
        .facts(json!({
            "query": query.id(),
            "licence": licence.id(),
            "identifier": licence.identifier(),
            "document": artefact.sha256,
        }))
        .insert(look)
        .guard(&LICENCES, licence.id(), licence.version());
    let committed = unsealed.journal.commit(unit).await?;
    Ok((artefact, committed))
}

/// That the caller took the licence by that query, that its rule allows the document, and not too long ago.
pub(super) async fn taken(
    app: &App,
    caller: &Caller,
    query: &Row,
    licence: &Licence,
    now: i64,
) -> Result<()> {
    let own = records::text(query, "caller") == caller.id;
    if !own || !uses::taken(app, query.id(), licence.id()).await? {
        return Err(no_query());
    }
    if records::int(query, "document") != Some(1) {
        let detail = "The type's rule for this purpose gives fields, not the document.";
        return Err(Problem::new(Kind::QueryNotAllowed, detail).with("zh", "该用途不允许获取证照文件"));
    }
    if records::int(query, "expires").is_none_or(|end| end <= now) {
        let detail = "The document is had within ten minutes after the query; ask again.";
        return Err(Problem::new(Kind::QueryNotAllowed, detail).with("zh", "查询已超过十分钟，请重新查询"));
    }
    Ok(())
}

/// There is no such query of this caller that took the licence.
pub(super) fn no_query() -> Problem {
    Problem::new(Kind::NotFound, "There is no such query of yours that took this licence.")
}

/// One answer for a type that there is not, and a purpose, item or organisation that no rule of it knows.
fn refused(permit: &Permit<QueryLicences>) -> Problem {
    let about = About {
        action: permit.action().to_owned(),
        resource: permit.resource().name(),
        policies: permit.policies().to_vec(),
    };
    let detail = "No rule of this licence type lets your organisation take it for this purpose and item.";
    Problem::new(Kind::QueryNotAllowed, detail)
        .with("zh", "目录未授权本单位以该用途和事项查询此类证照")
        .act(about)
}

#[expect(clippy::too_many_arguments, reason = "one for each group of columns")]
fn row(
    id: &str,
    caller: &Caller,
    asked: &NewLicenceQuery,
    number: i64,
    rule: &QueryRule,
    found: usize,
    now: i64,
    expires: i64,
) -> Row {
    let values = vec![
        id.into(),
        1.into(),
        asked.type_code.as_str().into(),
        number.into(),
        caller.id.as_str().into(),
        caller.organisation.as_str().into(),
        asked.item.as_str().into(),
        asked.case_number.as_str().into(),
        asked.purpose.as_str().into(),
        parts::list(&rule.fields).into(),
        rule.document.into(),
        i64::try_from(found).unwrap_or(i64::MAX).into(),
        now.into(),
        expires.into(),
        Value::Null,
    ];
    Row::new(&LICENCE_QUERIES, values)
}
