//! Routes of seals that are there: reading them, stopping them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::kinds::SealKind;
use super::super::model::{SealState, SealSummary, SealVersion};
use super::super::records::{self, SealFilter, text};
use super::super::service::{self, Done, Pause};
use super::answer::{answer, cut, listed, matching};
use crate::app::App;
use crate::documents::model::{BadParameter, is_shown_text};
use crate::policy::{ReadSeal, Resource, ResumeSeal, StopSeal, SuspendSeal};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;
use crate::store::tables::SEALS;

type Result2<T, E> = std::result::Result<T, E>;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(picture))
        .routes(routes!(eseal))
        .routes(routes!(versions))
        .routes(routes!(version_eseal))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(stop))
}

/// Which seals to list; every member given must fit.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Seals of this organisation. Left out: security officers and auditors see all, everybody else their own
    /// organisation's.
    organisation: Option<String>,
    /// With this seal code.
    code: Option<String>,
    /// With this in their name.
    name: Option<String>,
    /// In this state.
    #[param(inline)]
    state: Option<SealState>,
    /// Of this kind: 0 to 6, or 99.
    kind: Option<u8>,
    /// Active ones whose time ends within so many days.
    ends_within_days: Option<u32>,
    /// Cursor of an earlier page.
    after: Option<String>,
    /// Most records in a page, 1 to 200.
    limit: Option<u32>,
}

/// One page of seals.
#[derive(Debug, Serialize, ToSchema)]
struct SealPage {
    /// The seals, by identifier.
    seals: Vec<SealSummary>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// All versions of a seal.
#[derive(Debug, Serialize, ToSchema)]
struct SealVersions {
    /// The versions, the first one first.
    versions: Vec<SealVersion>,
}

/// List seals.
#[utoipa::path(
    get,
    path = "/v1/seals",
    params(ListQuery),
    responses(
        (status = 200, description = "One page", body = SealPage),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<ListQuery>, QueryRejection>,
) -> Result<Json<SealPage>> {
    let Query(query) = query?;
    let organisation = listed(&session, query.organisation)?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let unknown = BadParameter { name: "kind", reason: "write 0 to 6, or 99" };
    let kind = query.kind.map(|number| SealKind::of_number(number.into()).ok_or(unknown)).transpose()?;
    let now = now();
    let ends_before = match (query.state, query.ends_within_days) {
        (Some(SealState::Expired), _) => Some(now),
        (_, days) => days.map(|days| now.saturating_add(i64::from(days) * 86_400_000_000)),
    };
    let filter = SealFilter {
        organisation,
        code: query.code,
        name: query.name,
        state: query.state.filter(|state| *state != SealState::Expired),
        kind,
        ends_before,
    };
    let mut seals = records::list(&app.db, &filter, &query.after.unwrap_or_default(), limit + 1).await?;
    let next = cut(&mut seals, limit, |seal| seal.id.clone());
    let seals = seals.into_iter().map(|seal| seal.at(now)).collect();
    Ok(Json(SealPage { seals, next }))
}

/// Read one seal's record.
#[utoipa::path(
    get,
    path = "/v1/seals/{id}",
    params(("id" = String, Path, description = "Identifier of the seal")),
    responses(
        (status = 200, description = "The seal", body = SealSummary),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn one(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    let row = readable(&app, &session, &id).await?;
    Ok(answer(StatusCode::OK, &records::summary(&row).at(now()), row.version(), None))
}

/// Read one seal's picture.
#[utoipa::path(
    get,
    path = "/v1/seals/{id}/picture",
    params(("id" = String, Path, description = "Identifier of the seal")),
    responses(
        (status = 200, description = "The picture, as it was sent: PNG or SVG", content_type = "image/png"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn picture(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    let row = readable(&app, &session, &id).await?;
    Ok(super::answer::picture(records::bytes(&row, "picture").unwrap_or_default()))
}

/// Read one seal's structure
///
/// The SESeal of its present version (GB/T 38540), DER.
#[utoipa::path(get, path = "/v1/seals/{id}/eseal", params(("id" = String, Path)), tag = "seals",
    responses((status = 200, description = "The SESeal, DER", content_type = "application/octet-stream"),
        (status = 404, description = "No such seal, or it was made before seals had a structure: have it renewed")))]
async fn eseal(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    let row = readable(&app, &session, &id).await?;
    structure(&app, &row, records::int(&row, "number").unwrap_or_default()).await
}

/// Read a seal's versions
#[utoipa::path(get, path = "/v1/seals/{id}/versions", params(("id" = String, Path)), tag = "seals",
    responses((status = 200, description = "All versions", body = SealVersions)))]
async fn versions(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Json<SealVersions>> {
    let row = readable(&app, &session, &id).await?;
    let versions = records::versions(&app.db, row.id()).await?;
    Ok(Json(SealVersions { versions: versions.iter().map(SealVersion::from).collect() }))
}

/// Read the structure of a version of a seal
#[utoipa::path(get, path = "/v1/seals/{id}/versions/{number}/eseal",
    params(("id" = String, Path), ("number" = i64, Path)), tag = "seals",
    responses((status = 200, description = "The SESeal, DER", content_type = "application/octet-stream")))]
async fn version_eseal(
    State(app): State<Arc<App>>,
    session: Session,
    Path((id, number)): Path<(String, i64)>,
) -> Result<Response> {
    let row = readable(&app, &session, &id).await?;
    structure(&app, &row, number).await
}

/// Suspend a seal
#[utoipa::path(post, path = "/v1/seals/{id}/suspend", params(("id" = String, Path), ("If-Match" = String, Header)),
    tag = "seals", request_body = Pause, responses((status = 200, description = "Suspended", body = SealSummary)))]
async fn suspend(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result2<Json<Pause>, JsonRejection>,
) -> Result<Response> {
    let Json(pause) = body?;
    let (resource, row) = find(&app, &id).await?;
    let permit = session.permit::<SuspendSeal>(resource)?;
    let row = row.ok_or_else(unknown)?;
    matching(&headers, row.version())?;
    changed(service::suspend(&app, &permit, row, &checked(pause)?).await?)
}

/// Resume a suspended seal
#[utoipa::path(post, path = "/v1/seals/{id}/resume", params(("id" = String, Path), ("If-Match" = String, Header)),
    tag = "seals", responses((status = 200, description = "Resumed", body = SealSummary)))]
async fn resume(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, row) = find(&app, &id).await?;
    let permit = session.permit::<ResumeSeal>(resource)?;
    let row = row.ok_or_else(unknown)?;
    matching(&headers, row.version())?;
    changed(service::resume(&app, &permit, row).await?)
}

/// Stop a seal at once
///
/// On suspicion: needs no `If-Match`, whatever changes at the same time. No use of the seal is recorded on any node from
/// then on.
#[utoipa::path(post, path = "/v1/seals/{id}/stop", params(("id" = String, Path)), tag = "seals", request_body = Pause,
    responses((status = 200, description = "Stopped", body = SealSummary)))]
async fn stop(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: Result2<Json<Pause>, JsonRejection>,
) -> Result<Response> {
    let Json(pause) = body?;
    let (resource, row) = find(&app, &id).await?;
    let permit = session.permit::<StopSeal>(resource)?;
    let row = row.ok_or_else(unknown)?;
    changed(service::stop(&app, &permit, row, &checked(pause)?).await?)
}

async fn structure(app: &App, seal: &Row, number: i64) -> Result<Response> {
    let version = records::version(&app.db, seal.id(), number).await?;
    let octets = version.and_then(|row| records::bytes(&row, "eseal"));
    let text = "This version of the seal has no structure; apply for the seal to be renewed.";
    let octets = octets.ok_or_else(|| Problem::new(Kind::NotFound, text))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], octets).into_response())
}

async fn readable(app: &App, session: &Session, id: &str) -> Result<Row> {
    let (resource, row) = find(app, id).await?;
    let row = row.ok_or_else(unknown)?;
    session.permit::<ReadSeal>(resource)?;
    Ok(row)
}

/// The seal, and what policies are asked about, which is known even when there is none.
async fn find(app: &App, id: &str) -> Result<(Resource, Option<Row>)> {
    let row = app.db.row(&SEALS, id).await?;
    let resource = match &row {
        Some(row) => Resource::seal(id, text(row, "organisation")).at_version(row.version()),
        None => Resource::seal(id, ""),
    };
    Ok((resource, row))
}

fn checked(pause: Pause) -> Result<Pause> {
    if pause.reason.as_deref().is_some_and(|reason| !is_shown_text(reason, 500)) {
        return Err(BadParameter { name: "reason", reason: "write 1 to 500 visible characters" }.into());
    }
    Ok(pause)
}

fn changed(done: Done) -> Result<Response> {
    let row = &done.row;
    Ok(answer(StatusCode::OK, &records::summary(row).at(now()), row.version(), Some(done.committed.leaf)))
}

/// For what is shown; acts take the journal's clock.
fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

fn unknown() -> Problem {
    Problem::new(Kind::NotFound, "There is no such seal.").with("zh", "没有该印章")
}
