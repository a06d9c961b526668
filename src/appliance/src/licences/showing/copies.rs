//! 加注件: copies of a licence that say on every page whom they are for, what for and until when.
//!
//! A copy is the licence's pages drawn anew with the annotation, sealed by the seal of its type, kept encrypted beside the
//! other artefacts of the version, numbered per licence, and entered with the use of the seal and the look in one unit. It is
//! verified as every file of a licence is; [`standing`] says when its time is over. Who may have one made: the holder through
//! their platform, a department by a query whose rule allows the document, and the organisation that issued the licence.

pub mod kept;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use licence::identifier::Identifier;
use licence::template::{Computed, Limits, PageData, Rendered, Variant};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use super::model::NewLicenceCopy;
use super::parts;
use super::uses::{self, Look, Seen};
use super::{bounds, query};
use crate::app::{App, Unsealed};
use crate::documents::made::{self, Draft, Terms};
use crate::documents::model::BadParameter;
use crate::documents::parameters::Level;
use crate::documents::replay::ReplayKey;
use crate::identity::{Caller, Role};
use crate::journal::{CommitError, Committed, Unit};
use crate::licences::catalogue::{self, Published};
use crate::licences::issue::{IssueError, pages, version};
use crate::licences::library::{self, Artefact, LibraryError, Licence, Version, keys::kinds, records};
use crate::licences::templates;
use crate::policy::{AnnotateLicence, Permit};
use crate::problem::{Kind, Problem, Result};
use crate::store::tables::{LICENCE_ARTEFACTS, LICENCE_COPIES, LICENCE_QUERIES, LICENCES};
use crate::store::{Row, StoreError, Value};

/// A copy that was made.
#[derive(Debug)]
pub struct Made {
    /// Its row.
    pub row: Row,
    /// The sealed PDF.
    pub artefact: Artefact,
    /// What records it.
    pub committed: Committed,
}

/// Has a copy made.
///
/// # Errors
/// A problem.
pub async fn annotate(
    app: &Arc<App>,
    permit: &Permit<AnnotateLicence>,
    asked: &str,
    licence: Option<Licence>,
    new: &NewLicenceCopy,
    replay: Option<&ReplayKey>,
) -> Result<Made> {
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    let (licence, query) = entitled(app, permit.caller(), asked, licence, new, now).await?;
    if let Some(known) = before(app, permit, replay).await? {
        return Ok(known);
    }
    parts::in_force(&licence, now)?;
    let until = new.until.as_microsecond();
    let end = licence.valid_to().map_or(i64::MAX, |end| end.saturating_add(1).saturating_mul(bounds::SECOND));
    if until <= now || until > now.saturating_add(bounds::ANNOTATED) || until > end {
        let reason = "name an end between now and two years from now, not after the licence's own";
        return Err(BadParameter { name: "until", reason }.into());
    }
    let mut tried = 0;
    loop {
        tried += 1;
        match attempt(app, &unsealed, permit, &licence, new, query.as_ref(), replay).await {
            // Another copy took the number, what it rests on has changed, or the same request was faster: made anew.
            Err(Fault::Again) if tried < TRIES => {
                if let Some(known) = before(app, permit, replay).await? {
                    return Ok(known);
                }
            }
            Err(Fault::Again) => {
                let detail = "Others change the licence or have it copied; try again shortly.";
                return Err(Problem::new(Kind::Overloaded, detail).retry_after(1));
            }
            Err(Fault::Over(problem)) => return Err(problem),
            Ok(made) => return Ok(made),
        }
    }
}

/// The copy that the same request had made, fetched once more.
async fn before(
    app: &App,
    permit: &Permit<AnnotateLicence>,
    replay: Option<&ReplayKey>,
) -> Result<Option<Made>> {
    let Some(kept) = parts::repeated(app, replay).await? else { return Ok(None) };
    let missing = || Problem::internal(format!("copy `{kept}` of an answered request is not there"));
    let row = app.db.row(&LICENCE_COPIES, &kept).await?.ok_or_else(missing)?;
    kept::fetch(app, permit, row).await.map(Some)
}

/// The licence, if the caller may have it copied, and the query by which a department took it.
async fn entitled(
    app: &App,
    caller: &Caller,
    asked: &str,
    licence: Option<Licence>,
    new: &NewLicenceCopy,
    now: i64,
) -> Result<(Licence, Option<Row>)> {
    let has = |role: Role| caller.roles.contains(&role);
    match (&new.holder, &new.query) {
        (Some(holder), None) if has(Role::HolderPlatform) => {
            // By what was asked for, whether there is such a licence or not: being made to wait tells nothing of that.
            let (licence, _) = parts::held(app, &caller.id, asked, licence, holder).await?;
            Ok((licence, None))
        }
        (None, Some(id)) if has(Role::Verifier) => {
            let row = app.db.row(&LICENCE_QUERIES, id).await?.ok_or_else(query::no_query)?;
            let licence = licence.ok_or_else(query::no_query)?;
            query::taken(app, caller, &row, &licence, now).await?;
            Ok((licence, Some(row)))
        }
        (None, None) if has(Role::Licensor) => match licence {
            Some(licence) if licence.organisation() == caller.organisation => Ok((licence, None)),
            _ => Err(Problem::new(Kind::NotFound, "Your organisation has issued no such licence.")),
        },
        _ => {
            let reason = "the platform of holders names `holder`, a department `query`, who issued the licence neither";
            Err(BadParameter { name: "holder", reason }.into())
        }
    }
}

enum Fault {
    Again,
    Over(Problem),
}

impl<E: Into<Problem>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Over(error.into())
    }
}

async fn attempt(
    app: &Arc<App>,
    unsealed: &Unsealed,
    permit: &Permit<AnnotateLicence>,
    licence: &Licence,
    new: &NewLicenceCopy,
    query: Option<&Row>,
    replay: Option<&ReplayKey>,
) -> std::result::Result<Made, Fault> {
    let now = parts::now(unsealed)?;
    let licence = records::licence(&app.db, licence.id()).await?.ok_or_else(parts::not_theirs)?;
    let state = parts::in_force(&licence, now)?;
    let version = library::version(app, &licence, licence.identifier()).await?;
    let kind = catalogue::at(app, licence.type_code(), version.type_number()).await?;
    let issuer = version::issuer(app, unsealed, &kind, licence.organisation()).await?;
    let key = library::data_key(unsealed, &licence)?;
    let fields = library::opened_content(&key, &version)?.fields;
    let number = next(app, licence.id()).await?;
    let qr = qr(app, &licence).await?;
    let computed = computed(&licence, &version, &kind, &issuer.name, &fields, qr, new);
    let note = note(new, number);
    let draft = rendered(app, &kind, fields, computed, note, &issuer, now).await?;
    let caller = permit.caller();
    let terms = Terms {
        level: level(&kind),
        item: query.and_then(|row| row.value("item").as_text()).map(ToOwned::to_owned),
        case_number: query.and_then(|row| row.value("case_number").as_text()).map(ToOwned::to_owned),
        document_kind: Some(licence.type_code().to_owned()),
    };
    let documents = made::seal(app, caller, &issuer.seal, vec![draft], &terms, now).await?;
    let octets = documents.octets().first().cloned().unwrap_or_default();
    let sha256 = hex::encode(digest(&SHA256, &octets));
    let word = format!("annotated-{number}");
    let artefact_id = records::artefact_id(licence.identifier(), &word);
    let artefact = Row::new(
        &LICENCE_ARTEFACTS,
        vec![
            artefact_id.as_str().into(),
            1.into(),
            licence.id().into(),
            licence.identifier().into(),
            word.as_str().into(),
            PDF.into(),
            i64::try_from(octets.len()).unwrap_or(i64::MAX).into(),
            sha256.as_str().into(),
            key.seal(&artefact_id, kinds::ARTEFACT, &octets)?.into(),
            now.into(),
        ],
    );
    let id = format!("{}:{number}", licence.id());
    let words = json!({ "purpose": new.purpose, "recipient": new.recipient });
    let words = parts::words(&key, &id, &words)?.unwrap_or_default();
    let until = new.until.as_microsecond();
    let row = Row::new(
        &LICENCE_COPIES,
        vec![
            id.as_str().into(),
            1.into(),
            licence.id().into(),
            licence.identifier().into(),
            number.into(),
            artefact_id.as_str().into(),
            sha256.as_str().into(),
            words.into(),
            issuer.seal.summary.id.as_str().into(),
            query.map(Row::id).into(),
            caller.id.as_str().into(),
            caller.organisation.as_str().into(),
            now.into(),
            until.into(),
            Value::Null,
        ],
    );
    let record = uuid::Uuid::now_v7().to_string();
    let names: Vec<String> =
        parts::fields(kind.compiled.definition()).iter().map(|(name, _)| (*name).to_owned()).collect();
    let column = |name: &str| query.and_then(|row| row.value(name).as_text());
    let look = uses::row(Seen {
        id: &record,
        licence: &licence,
        look: Look::Copy,
        viewer: caller,
        code: None,
        delegation: None,
        query: query.map(Row::id),
        item: column("item"),
        case_number: column("case_number"),
        purpose: column("purpose"),
        words: None,
        fields: &names,
        state,
        time: now,
    });
    let facts = json!({
        "licence": licence.id(),
        "identifier": licence.identifier(),
        "copy": number,
        "document": sha256,
        "until": parts::moment(until),
        "query": query.map(Row::id),
    });
    let detail = json!({ "purpose": new.purpose, "recipient": new.recipient });
    let act = permit.act();
    let repeatable = parts::repeatable(app, unsealed, replay, &id, now)?;
    let principal = || {
        let unit = Unit::new(act.clone()).facts(facts.clone()).detail(detail.clone());
        let unit = repeatable.iter().cloned().fold(unit, Unit::cache_insert);
        let unit = unit.insert(artefact.clone()).insert(row.clone()).insert(look.clone());
        kind.guard(unit.guard(&LICENCES, licence.id(), licence.version()))
    };
    let committed = documents.commit(app, &unsealed.journal, caller, &act, principal).await;
    let committed = match committed.map_err(IssueError::from) {
        Ok(committed) => committed,
        Err(error) if error.is_stale() => {
            app.desk.seals.forget(&issuer.seal.summary.id);
            catalogue::forget(app);
            return Err(Fault::Again);
        }
        Err(IssueError::Commit(CommitError::Conflict { .. } | CommitError::Exists { .. })) => {
            return Err(Fault::Again);
        }
        Err(error) => return Err(error.into()),
    };
    let artefact =
        Artefact { kind: word, media_type: PDF.to_owned(), sha256, octets: Zeroizing::new(octets) };
    Ok(Made { row, artefact, committed })
}

/// What stands on every page: the mark, and below it whom, what for and until when.
fn note(new: &NewLicenceCopy, number: i64) -> String {
    format!(
        "加注件\n本加注件仅供 {} 用于 {} 使用，有效期至 {}，第 {number} 份，挪作他用或逾期无效。\nAnnotated copy No. {number}, \
         for the recipient and purpose named above only, until {}.",
        new.recipient,
        new.purpose,
        day(new.until.as_microsecond()).strftime("%Y年%m月%d日"),
        day(new.until.as_microsecond()),
    )
}

fn computed(
    licence: &Licence,
    version: &Version,
    kind: &Published,
    issuer: &str,
    fields: &Map<String, Json>,
    qr: Option<String>,
    new: &NewLicenceCopy,
) -> Computed {
    let identifier = Identifier::parse(licence.identifier()).ok().map(|parsed| parsed.identifier);
    let serial = || identifier.as_ref().map(|identifier| identifier.serial().to_owned());
    Computed {
        identifier: format!("{}{}", library::OID, licence.identifier()),
        number: kind.compiled.number(fields).or_else(serial).unwrap_or_default(),
        issuer: issuer.to_owned(),
        issued: records::int(&version.row, "issued").map(day),
        valid_from: Some(day(licence.valid_from().saturating_mul(bounds::SECOND))),
        valid_to: licence.valid_to().map(|end| day(end.saturating_mul(bounds::SECOND))),
        version: u16::try_from(version.number()).unwrap_or(u16::MAX),
        qr,
        purpose: Some(new.purpose.clone()),
        annotated_until: Some(day(new.until.as_microsecond())),
    }
}

/// What the offline QR symbol of the version says, if it has one.
async fn qr(app: &App, licence: &Licence) -> Result<Option<String>> {
    match library::document(app, licence, licence.identifier(), version::QR).await {
        Ok(artefact) => Ok(Some(String::from_utf8_lossy(&artefact.octets).into_owned())),
        Err(LibraryError::Unknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The pages with the annotation, on a thread of their own, and where the seal goes.
async fn rendered(
    app: &Arc<App>,
    kind: &Arc<Published>,
    fields: Map<String, Json>,
    computed: Computed,
    note: String,
    issuer: &version::Issuer,
    now: i64,
) -> Result<Draft> {
    let (at, kind) = (app.clone(), kind.clone());
    let job = move || {
        let fonts = templates::fonts(&at).map_err(Problem::internal)?;
        let all = at.licences.pages.of(&kind)?;
        let name = &kind.compiled.definition().templates.original;
        let missing = || Problem::internal(format!("the type has no template `{name}`"));
        let template = all.get(name).ok_or_else(missing)?;
        let data = PageData {
            values: &fields,
            computed: &computed,
            variant: Variant::Original,
            watermark: Some(&note),
            made: Timestamp::from_microsecond(now).unwrap_or_default(),
        };
        let made = licence::template::render(template, &data, &fonts, &Limits::default());
        made.map_err(|error| Problem::from(IssueError::Page(error.to_string())))
    };
    let Rendered { pdf, seal, .. } = app.desk.work(job).await??;
    let at = seal.ok_or_else(|| IssueError::Page("the original has no place for the seal".to_owned()))?;
    let place = pages::placed(&issuer.seal, at.page, [at.x_mm, at.y_mm, at.width_mm, at.height_mm]);
    Ok(Draft { pdf, place })
}

fn level(kind: &Published) -> Level {
    match kind.compiled.definition().level.as_str() {
        "b-t" => Level::BT,
        "b-lt" => Level::BLt,
        "b-lta" => Level::BLta,
        _ => Level::BB,
    }
}

/// The number of the next copy of a licence.
async fn next(app: &App, licence: &str) -> std::result::Result<i64, StoreError> {
    let sql = "SELECT max(number) AS n FROM licence_copies WHERE licence = $1";
    let found = app.db.fetch_optional(sql, &[licence.into()]).await?;
    Ok(found.map_or(Ok(None), |record| record.opt_int("n"))?.unwrap_or_default() + 1)
}

/// Until when a copy serves, told by the SHA-256 of its file (hexadecimal).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyStanding {
    /// Which copy of the licence.
    pub number: i64,
    /// Until when it serves, microseconds.
    pub until: i64,
    /// Whether that is over at the time that was asked about.
    pub over: bool,
}

/// The standing of the annotated copy whose file this is; `None` for what is no annotated copy. `now` in microseconds.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(
    app: &App,
    sha256: &str,
    now: i64,
) -> std::result::Result<Option<CopyStanding>, StoreError> {
    let sql = "SELECT number, until FROM licence_copies WHERE sha256 = $1 LIMIT 1";
    let Some(record) = app.db.fetch_optional(sql, &[sha256.into()]).await? else { return Ok(None) };
    let until = record.int("until")?;
    Ok(Some(CopyStanding { number: record.int("number")?, until, over: until <= now }))
}

/// The day of a moment (microseconds), in China time.
fn day(micros: i64) -> jiff::civil::Date {
    let moment = Timestamp::from_microsecond(micros).unwrap_or_default();
    moment.to_zoned(TimeZone::fixed(Offset::constant(8))).date()
}

const PDF: &str = "application/pdf";
/// How often a copy is made anew where something it rests on has changed.
const TRIES: u32 = 5;
