//! Taking one licence by its identifier, and writing what was found under the keys of GB/T 36903.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use licence::catalogue::{DAY_OFFSET, MetadataFacts, QueryRule};
use licence::life::{ResultCode, State};
use serde_json::{Map, Value, json};

use super::model::{ByIdentifier, SharedAnswer};
use crate::app::App;
use crate::journal::{CommitError, Unit};
use crate::licences::catalogue::{self, CatalogueError, Published};
use crate::licences::library::sealing::{self, Sealing};
use crate::licences::library::{self, Artefact, Licence, Version, records};
use crate::licences::showing::model::{LicenceQueryAnswer, NewLicenceQuery};
use crate::licences::showing::parts;
use crate::licences::showing::uses::{self, Look, Seen};
use crate::policy::{Permit, QueryLicences};
use crate::problem::{About, Kind, Problem, Result};
use crate::store::tables::{LICENCES, ORGANISATIONS};

/// What is taken of a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Where it stands.
    Standing,
    /// The fields of the rule.
    Metadata,
    /// The sealed document.
    Document,
}

impl Take {
    const fn word(self) -> &'static str {
        match self {
            Self::Standing => "standing",
            Self::Metadata => "metadata",
            Self::Document => "document",
        }
    }
}

/// Takes a licence; recorded before the answer is made.
pub(super) async fn take(
    app: &Arc<App>,
    permit: &Permit<QueryLicences>,
    asked: &ByIdentifier,
    take: Take,
) -> Result<SharedAnswer> {
    for tried in 1.. {
        match attempt(app, permit, asked, take).await {
            // The licence or its type was changed in between: looked at once more.
            Err(Attempt::Commit(CommitError::Conflict { .. })) if tried < TRIES => catalogue::forget(app),
            Err(Attempt::Commit(error)) => return Err(error.into()),
            Err(Attempt::Refused(problem)) => return Err(problem),
            Ok(answer) => return Ok(answer),
        }
    }
    Err(Problem::internal("a bounded loop had no end"))
}

enum Attempt {
    Commit(CommitError),
    Refused(Problem),
}

impl<E: Into<Problem>> From<E> for Attempt {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

async fn attempt(
    app: &Arc<App>,
    permit: &Permit<QueryLicences>,
    asked: &ByIdentifier,
    take: Take,
) -> std::result::Result<SharedAnswer, Attempt> {
    let unsealed = app.unsealed()?;
    let context = &asked.context;
    let organisation = permit.caller().organisation.clone();
    // The rule comes first: whoever has none learns nothing, not even whether there is such a licence.
    let ruling = match catalogue::in_force(app, asked.type_code()).await {
        Ok(ruling) => ruling,
        Err(CatalogueError::Unknown(_) | CatalogueError::Retired(_)) => return Err(refused(permit).into()),
        Err(error) => return Err(Problem::from(error).into()),
    };
    let mut rules = ruling.compiled.rules(&organisation, &context.item, &context.purpose);
    let rule = rules.find(|rule| take != Take::Document || rule.document).ok_or_else(|| refused(permit))?;
    let found = library::find(app, &asked.identifier).await?;
    let licence = match parts::held(app, &permit.caller().id, &asked.identifier, found, &asked.party()).await
    {
        Ok((licence, _)) => licence,
        Err(problem) if problem.kind() == Kind::LicenceNotOfHolder => {
            return missed(app, permit, asked, take).await;
        }
        Err(problem) => return Err(problem.into()),
    };
    let Ok(version) = library::version(app, &licence, &asked.identifier).await else {
        return missed(app, permit, asked, take).await;
    };
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let (state, code) = standing(&licence, &version, now.div_euclid(1_000_000));
    let (data, names, document) = told(app, &licence, &version, rule, take, code).await?;
    let id = uuid::Uuid::now_v7().to_string();
    let look = uses::row(Seen {
        id: &id,
        licence: &licence,
        look: if take == Take::Document { Look::Document } else { Look::Query },
        viewer: permit.caller(),
        code: None,
        delegation: None,
        query: None,
        item: Some(&context.item),
        case_number: Some(&context.case_number),
        purpose: Some(&context.purpose),
        words: None,
        fields: &names,
        state,
        time: now,
    });
    let unit = Unit::new(permit.act())
        .facts(json!({
            "licence": licence.id(),
            "identifier": version.identifier(),
            "taken": take.word(),
            "purpose": context.purpose,
            "item": context.item,
            "case_number": context.case_number,
            "fields": names,
            "document": document,
        }))
        .detail(json!({ "operator": context.operator }))
        .insert(look)
        .guard(&LICENCES, licence.id(), licence.version());
    let committed = unsealed.journal.commit(ruling.guard(unit)).await.map_err(Attempt::Commit)?;
    Ok(SharedAnswer::of(code, data, committed.leaf))
}

/// That there is no such licence of that holder, entered as what was found is: who tries numbers is seen to.
async fn missed(
    app: &App,
    permit: &Permit<QueryLicences>,
    asked: &ByIdentifier,
    take: Take,
) -> std::result::Result<SharedAnswer, Attempt> {
    let context = &asked.context;
    let unit = Unit::new(permit.act())
        .facts(json!({
            "found": false,
            "taken": take.word(),
            "purpose": context.purpose,
            "item": context.item,
            "case_number": context.case_number,
        }))
        // What was asked for is a stranger's text.
        .detail(json!({
            "identifier": asked.identifier,
            "holder": { "kind": asked.holder_kind, "number": asked.holder },
            "operator": context.operator,
        }));
    let committed = app.unsealed()?.journal.commit(unit).await.map_err(Attempt::Commit)?;
    Ok(SharedAnswer::none(Some(committed.leaf)))
}

/// The data of an answer, the fields in it, the digest of the document in it.
async fn told(
    app: &App,
    licence: &Licence,
    version: &Version,
    rule: &QueryRule,
    take: Take,
    code: ResultCode,
) -> Result<(Value, Vec<String>, Option<String>)> {
    let kind = catalogue::at(app, licence.type_code(), version.type_number()).await?;
    let mut fields = Map::new();
    // Of a licence that is not in force the standing is told, and no field: it serves nobody.
    if take == Take::Metadata && code == ResultCode::Valid {
        fields = library::content_of(app, licence, version)?.fields;
        fields.retain(|name, _| rule.fields.contains(name));
    }
    let mut names: Vec<String> = fields.keys().cloned().collect();
    let mut data = metadata(app, &kind, licence, version, &fields).await?;
    let mut digest = None;
    if take == Take::Document && code == ResultCode::Valid {
        let artefact = library::document(app, licence, version.identifier(), "original").await?;
        digest = Some(artefact.sha256.clone());
        // The document shows all of them.
        names = kind.compiled.fields().iter().map(|field| field.name.clone()).collect();
        data.extend(file(&artefact, version.identifier()));
    }
    Ok((Value::Object(data), names, digest))
}

/// What a search found, under the keys of GB/T 36903.
pub(super) async fn found(
    app: &App,
    asked: &NewLicenceQuery,
    answered: LicenceQueryAnswer,
) -> Result<SharedAnswer> {
    let mut all = Vec::with_capacity(answered.licences.len());
    for taken in answered.licences {
        let Some(licence) = library::find(app, &taken.identifier).await? else { continue };
        let version = library::version(app, &licence, &taken.identifier).await?;
        let kind = catalogue::at(app, &asked.type_code, version.type_number()).await?;
        all.push(Value::Object(metadata(app, &kind, &licence, &version, &taken.fields).await?));
    }
    if all.is_empty() {
        return Ok(SharedAnswer::none(Some(answered.leaf)));
    }
    let data = json!({ "CXBS": answered.query, "ZZLB": all, "YB": answered.next });
    Ok(SharedAnswer::of(ResultCode::Valid, data, answered.leaf))
}

/// The metadata of a version of a licence, by whom it was sealed and the licence's standing (证照状态) included.
async fn metadata(
    app: &App,
    kind: &Published,
    licence: &Licence,
    version: &Version,
    fields: &Map<String, Value>,
) -> Result<Map<String, Value>> {
    let issuer = app.db.row(&ORGANISATIONS, licence.organisation()).await?;
    let issuer = issuer.and_then(|row| row.value("name").as_text().map(str::to_owned)).unwrap_or_default();
    let issued = records::int(&licence.row, "issued").unwrap_or_default().div_euclid(1_000_000);
    let (issued, from) = (day(issued), day(licence.valid_from()));
    let to = licence.valid_to().map(day);
    let with_oid = format!("{}{}", library::OID, version.identifier());
    let sealing = sealing::of_version(&app.db, version).await?;
    let facts = MetadataFacts {
        identifier: &with_oid,
        issuer: &issuer,
        issuer_code: licence.issuer(),
        issued: &issued,
        valid_from: &from,
        valid_to: to.as_deref(),
        sealed: sealing.as_ref().map(Sealing::facts),
        ..MetadataFacts::default()
    };
    let mut metadata = kind.compiled.metadata(&facts, fields);
    let now = Timestamp::now().as_second();
    let state = licence.state_at(now);
    metadata.insert("ZZZT".to_owned(), state.word_zh().into());
    metadata.insert("ZZZTDM".to_owned(), state.as_str().into());
    Ok(metadata)
}

/// 文件名称, 文件格式, 文件内容 and its digest.
fn file(artefact: &Artefact, identifier: &str) -> Map<String, Value> {
    let members = [
        ("WJMC", format!("{identifier}.pdf")),
        ("WJGS", "PDF".to_owned()),
        ("WJNR", STANDARD.encode(artefact.octets.as_slice())),
        ("WJZY", artefact.sha256.clone()),
    ];
    members.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value))).collect()
}

/// Where a version stands: one that was replaced is void.
fn standing(licence: &Licence, version: &Version, now: i64) -> (State, ResultCode) {
    let code = match version.identifier() == licence.identifier() {
        true => licence.stored_state().result_code(licence.valid_from(), licence.valid_to(), now),
        false => ResultCode::Void,
    };
    (licence.state_at(now), code)
}

/// A day in China time, `YYYY-MM-DD`.
fn day(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    DAY_OFFSET.to_datetime(time).date().to_string()
}

/// One answer for a type that there is not, and a purpose, item or organisation that no rule of it knows.
fn refused(permit: &Permit<QueryLicences>) -> Problem {
    let about = About {
        action: permit.action().to_owned(),
        resource: permit.resource().name(),
        policies: permit.policies().to_vec(),
    };
    let detail = "No rule of this licence type lets your organisation take this for this purpose and item.";
    Problem::new(Kind::QueryNotAllowed, detail)
        .with("zh", "目录未授权本单位以该用途和事项获取此类证照信息")
        .act(about)
}

/// Attempts where others come in between.
const TRIES: u32 = 4;
