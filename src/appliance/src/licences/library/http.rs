//! Reading licences: `GET /v1/licences`, one of them, and what was made of it.
//!
//! What anyone may see (open fields, states, digests) is read by who may list; everything else is an entry, `licence.read`,
//! committed before the first octet leaves (decision 10).

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use licence::life::State as LicenceState;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ending::Ending;
use super::model::LicenceView;
use super::records::{self, Filter};
use super::rotate::{self, KeysView, Which};
use super::{Artefact, LibraryError, Licence, Version};
use crate::app::App;
use crate::documents::http::LEAF;
use crate::identity::CallerKind;
use crate::journal::{CommitError, Unit};
use crate::policy::{ListLicences, Permit, ReadLicence, Resource, RotateLicenceKeys};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::tables::LICENCES;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(document))
        .routes(routes!(versions))
        .routes(routes!(keys))
        .routes(routes!(rotate))
}

/// Which licences to list; every member given must fit.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Of this type.
    #[serde(rename = "type")]
    type_code: Option<String>,
    /// Issued by this organisation. Left out: officers who may see all see all, everybody else their own organisation's.
    organisation: Option<String>,
    /// In this state: `active`, `suspended`, `lost`, `cancelled`, `revoked`, `withdrawn`, `transferred`, `expired`.
    state: Option<String>,
    /// Not over yet, nor ended otherwise, but over within so many days, 0 to 3,660; listed by when they end.
    ends_within: Option<u16>,
    /// Cursor of an earlier page.
    after: Option<String>,
    /// Most records in a page, 1 to 200.
    limit: Option<u32>,
}

/// One page of licences.
#[derive(Debug, Serialize, ToSchema)]
struct LicencePage {
    /// The licences, by identifier, or by their end; without their fields and documents.
    licences: Vec<LicenceLine>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// A licence in a list.
#[derive(Debug, Serialize, ToSchema)]
struct LicenceLine {
    /// `TYPE.ISSUER.SERIAL`.
    id: String,
    /// Version of the record.
    version: i64,
    /// Identifier of the present version, with the OID.
    identifier: String,
    /// Code of the type.
    #[serde(rename = "type")]
    type_code: String,
    /// The organisation that issued it.
    organisation: String,
    /// Where it stands.
    state: &'static str,
    /// The same in Chinese.
    state_zh: &'static str,
    /// From when it holds, RFC 3339.
    valid_from: String,
    /// Until when; `null` has no end.
    valid_to: Option<String>,
    /// When it was issued.
    issued: String,
    /// What was personal of it was erased: it is not read any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

/// List licences
#[utoipa::path(get, path = "/v1/licences", params(ListQuery), tag = "licences",
    responses((status = 200, description = "One page", body = LicencePage),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<LicencePage>> {
    let Query(query) = query?;
    let organisation = listed(&session, query.organisation)?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let state = query.state.as_deref().map(|word| {
        LicenceState::parse(word).ok_or_else(|| {
            let text =
                format!("There is no state `{word}`; write `active`, `suspended`, `lost` and the like.");
            Problem::new(Kind::InvalidParameter, text).with("parameter", "state")
        })
    });
    let state = state.transpose()?;
    let now = now();
    if let Some(days) = query.ends_within {
        let ending = Ending {
            type_code: query.type_code,
            organisation,
            state,
            from: now.div_euclid(1_000_000),
            days: i64::from(days),
        };
        let (found, next) = ending.page(&app.db, query.after.as_deref(), limit).await?;
        return Ok(Json(LicencePage { licences: found.iter().map(|one| line(one, now)).collect(), next }));
    }
    let expired = state == Some(LicenceState::Expired);
    let filter = Filter {
        type_code: query.type_code,
        organisation,
        state: state.filter(|_| !expired),
        over_at: expired.then(|| now.div_euclid(1_000_000)),
    };
    let mut found = records::list(&app.db, &filter, &query.after.unwrap_or_default(), limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|last| last.id().to_owned());
    Ok(Json(LicencePage { licences: found.iter().map(|one| line(one, now)).collect(), next }))
}

fn line(licence: &Licence, now: i64) -> LicenceLine {
    let state = licence.state_at(now.div_euclid(1_000_000));
    LicenceLine {
        id: licence.id().to_owned(),
        version: licence.version(),
        identifier: format!("{}{}", super::OID, licence.identifier()),
        type_code: licence.type_code().to_owned(),
        organisation: licence.organisation().to_owned(),
        state: state.as_str(),
        state_zh: state.word_zh(),
        valid_from: super::model::seconds(licence.valid_from()),
        valid_to: licence.valid_to().map(super::model::seconds),
        issued: super::model::micros(records::int(&licence.row, "issued").unwrap_or_default()),
        erased: licence.is_erased(),
    }
}

/// Whose licences a list is of; what is asked of the policies is what is read.
fn listed(session: &Session, named: Option<String>) -> Result<Option<String>> {
    let caller = session.caller();
    let everyone = || session.permit::<ListLicences>(Resource::organisation("*")).is_ok();
    if named.is_none() && caller.kind != CallerKind::Machine && everyone() {
        return Ok(None);
    }
    let organisation = named.unwrap_or_else(|| caller.organisation.clone());
    session.permit::<ListLicences>(Resource::organisation(&organisation))?;
    Ok(Some(organisation))
}

/// How much of a licence to read.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ReadQuery {
    /// `all`: with the fields that are personal, too, which is entered. Left out: those that anyone may see.
    fields: Option<String>,
}

/// Read a licence
///
/// By its id, or by the identifier of any of its versions, with or without the OID.
#[utoipa::path(get, path = "/v1/licences/{identifier}", tag = "licences",
    params(("identifier" = String, Path, description = "Identifier (GB/T 36904), or TYPE.ISSUER.SERIAL"), ReadQuery),
    responses((status = 200, description = "The licence", body = LicenceView),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn one(
    State(app): State<Arc<App>>,
    session: Session,
    Path(name): Path<String>,
    query: std::result::Result<Query<ReadQuery>, QueryRejection>,
) -> Result<Response> {
    let Query(query) = query?;
    let all = match query.fields.as_deref() {
        None | Some("open") => false,
        Some("all") => true,
        Some(_) => {
            let text = "`fields` is `all` or `open`.";
            return Err(Problem::new(Kind::InvalidParameter, text).with("parameter", "fields"));
        }
    };
    let (view, leaf) = bounded(|| view_of(&app, &session, &name, all)).await?;
    let mut response = (StatusCode::OK, Json(&view)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ETAG,
        HeaderValue::try_from(format!("\"{}\"", view.version)).map_err(Problem::internal)?,
    );
    if let Some(leaf) = leaf {
        headers.insert(LEAF, HeaderValue::from(leaf));
    }
    Ok(response)
}

/// All versions of a licence.
#[derive(Debug, Serialize, ToSchema)]
struct LicenceVersions {
    /// The versions, the first one first, with the fields that anyone may see.
    versions: Vec<LicenceView>,
}

/// Read a licence's versions
#[utoipa::path(get, path = "/v1/licences/{identifier}/versions", tag = "licences",
    params(("identifier" = String, Path)),
    responses((status = 200, description = "All versions", body = LicenceVersions)))]
async fn versions(
    State(app): State<Arc<App>>,
    session: Session,
    Path(name): Path<String>,
) -> Result<Json<LicenceVersions>> {
    let (licence, _permit) = readable(&app, &session, &name).await?;
    let all = records::versions(&app.db, licence.id()).await?;
    let now = now();
    Ok(Json(LicenceVersions {
        versions: all.iter().map(|version| LicenceView::of(&licence, version, &[], now)).collect(),
    }))
}

/// Download what was made of a licence
///
/// `original`, `duplicate`, `overprint` (PDF), `credential` (SD-JWT), `qr` (the text of the QR symbol). Each download is
/// entered before its first octet leaves.
#[utoipa::path(get, path = "/v1/licences/{identifier}/documents/{kind}", tag = "licences",
    params(("identifier" = String, Path), ("kind" = String, Path)),
    responses((status = 200, description = "The document", content_type = "application/pdf"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn document(
    State(app): State<Arc<App>>,
    session: Session,
    Path((name, kind)): Path<(String, String)>,
) -> Result<Response> {
    let (version, artefact, leaf) = bounded(|| made_of(&app, &session, &name, &kind)).await?;
    let mut response = artefact.octets.to_vec().into_response();
    let headers = response.headers_mut();
    let digest = hex::decode(&artefact.sha256).unwrap_or_default();
    let name = format!("{}-{}.{}", version.identifier(), artefact.kind, ending(&artefact.media_type));
    for (header, value) in [
        (header::CONTENT_TYPE.as_str(), artefact.media_type.clone()),
        (header::CONTENT_DISPOSITION.as_str(), format!("attachment; filename=\"{name}\"")),
        ("content-digest", {
            use base64::Engine as _;
            format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(digest))
        }),
    ] {
        headers.insert(
            http::HeaderName::try_from(header).map_err(Problem::internal)?,
            HeaderValue::try_from(value).map_err(Problem::internal)?,
        );
    }
    headers.insert(LEAF, HeaderValue::from(leaf));
    Ok(response)
}

fn ending(media_type: &str) -> &'static str {
    match media_type {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "jwt",
    }
}

/// See how the keys of the library stand
///
/// Which are in use, and how much is still under former ones.
#[utoipa::path(get, path = "/v1/licence-keys", tag = "licences",
    responses((status = 200, description = "The keys", body = KeysView)))]
async fn keys(State(app): State<Arc<App>>, session: Session) -> Result<Json<KeysView>> {
    session.permit::<RotateLicenceKeys>(Resource::appliance())?;
    Ok(Json(rotate::view(&app).await?))
}

/// Which keys to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// Which.
    keys: Which,
}

/// Rotate the keys of the library
///
/// From now on licences are protected by new keys; those that there are follow in the background, and everything goes on
/// meanwhile.
#[utoipa::path(post, path = "/v1/licence-keys/rotate", tag = "licences", request_body = Rotation,
    responses((status = 200, description = "The keys", body = KeysView),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn rotate(
    State(app): State<Arc<App>>,
    session: Session,
    body: std::result::Result<Json<Rotation>, JsonRejection>,
) -> Result<Response> {
    let Json(body) = body?;
    let permit = session.permit::<RotateLicenceKeys>(Resource::appliance())?;
    let committed = rotate::rotate(&app, &permit, body.keys).await?;
    let mut response = Json(rotate::view(&app).await?).into_response();
    response.headers_mut().insert(LEAF, HeaderValue::from(committed.leaf));
    Ok(response)
}

/// The licence and the permit to read it; who may not learns no more than of one that is not there.
async fn readable(app: &App, session: &Session, name: &str) -> Result<(Licence, Permit<ReadLicence>)> {
    let licence = super::found(app, name).await?;
    let resource = Resource::licence(licence.id(), licence.organisation()).at_version(licence.version());
    let permit = session.permit::<ReadLicence>(resource)?;
    super::intact(app, &licence).await?;
    Ok((licence, permit))
}

/// Enters that somebody read what is personal of a licence; the leaf. The licence is as it was when it was read: nothing leaves
/// of one that was erased meanwhile.
async fn entered(
    app: &App,
    permit: &Permit<ReadLicence>,
    licence: &Licence,
    version: &Version,
    what: &str,
) -> std::result::Result<u64, Reading> {
    let unsealed = app.unsealed()?;
    let facts = json!({ "identifier": version.identifier(), "read": what });
    let unit = Unit::new(permit.act()).facts(facts).guard(&LICENCES, licence.id(), licence.version());
    match unsealed.journal.commit(unit).await {
        Ok(committed) => Ok(committed.leaf),
        Err(CommitError::Conflict { .. }) => Err(Reading::Changed),
        Err(error) => Err(error.into()),
    }
}

/// Why a licence was not read.
enum Reading {
    /// It changed meanwhile.
    Changed,
    /// For good.
    Over(Problem),
}

impl Reading {
    /// What was erased after the licence was looked at is looked at once more, to say when and why.
    fn of(error: LibraryError) -> Self {
        match error {
            LibraryError::Erased(_) => Self::Changed,
            error => Self::Over(error.into()),
        }
    }
}

impl<E: Into<Problem>> From<E> for Reading {
    fn from(error: E) -> Self {
        Self::Over(error.into())
    }
}

/// A version of a licence as it is told, and the leaf that records the look where all of it is told.
async fn view_of(
    app: &App,
    session: &Session,
    name: &str,
    all: bool,
) -> std::result::Result<(LicenceView, Option<u64>), Reading> {
    let (licence, permit) = readable(app, session, name).await?;
    let version = super::version(app, &licence, name).await?;
    let artefacts = records::artefacts(&app.db, version.identifier()).await?;
    let mut view = LicenceView::of(&licence, &version, &artefacts, now());
    if !all {
        return Ok((view, None));
    }
    let content = super::content_of(app, &licence, &version).map_err(Reading::of)?;
    let leaf = entered(app, &permit, &licence, &version, "fields").await?;
    (view.fields, view.complete) = (content.fields, true);
    Ok((view, Some(leaf)))
}

/// What was made of a version of a licence, and the leaf that records the look.
async fn made_of(
    app: &App,
    session: &Session,
    name: &str,
    kind: &str,
) -> std::result::Result<(Version, Artefact, u64), Reading> {
    let (licence, permit) = readable(app, session, name).await?;
    let version = super::version(app, &licence, name).await?;
    let artefact = super::document(app, &licence, version.identifier(), kind).await.map_err(Reading::of)?;
    let leaf = entered(app, &permit, &licence, &version, &artefact.kind).await?;
    Ok((version, artefact, leaf))
}

/// Reads a licence, anew where it changed meanwhile.
async fn bounded<T, A>(read: impl Fn() -> A) -> Result<T>
where
    A: Future<Output = std::result::Result<T, Reading>>,
{
    for _ in 0..TRIES {
        match read().await {
            Ok(read) => return Ok(read),
            Err(Reading::Over(problem)) => return Err(problem),
            Err(Reading::Changed) => {}
        }
    }
    Err(Problem::new(Kind::Overloaded, "The licence changes all the time; try again shortly.").retry_after(1))
}

/// How often a licence is read anew.
const TRIES: u32 = 5;

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
