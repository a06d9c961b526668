//! Routes of batch work: beginning it, seeing how far it is, stopping it and having it go on.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::kind::JobKind;
use super::records::{self, JobView, LineView};
use super::start::start;
use super::table::{self, TableError};
use super::{MOST_LINES, MOST_OCTETS};
use crate::app::App;
use crate::documents::http::LEAF;
use crate::documents::replay;
use crate::journal::Unit;
use crate::licences::catalogue::{self, Published};
use crate::licences::issue::resource;
use crate::licences::library::LibraryError;
use crate::licences::library::records::text;
use crate::policy::{
    ImportLicence, ListLicences, Permit, ReadLicenceJob, Resource, StartLicenceJob, SteerLicenceJob,
};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(begin))
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(lines))
        .routes(routes!(stop))
        .routes(routes!(resume))
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        Self::new(Kind::MalformedRequest, error.to_string()).with("zh", "文件无法读取")
    }
}

/// What a job is about.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct BeginQuery {
    /// Code of the type.
    #[serde(rename = "type")]
    type_code: String,
    /// What is done with the lines; `issue` when left out.
    #[serde(default)]
    #[param(inline)]
    kind: JobKind,
}

/// Issue many licences from one file, or take many over
///
/// The body is CSV (`text/csv`; UTF-8 or GB 18030; columns are fields of the type by name or title, and `item` 事项编码,
/// `case_number` 办件编号, `serial` 流水号, `valid_from` 生效日期, `basis` 依据) or one order a line (`application/x-ndjson`), at
/// most 10,000 lines. The licences are issued in the background as if the caller had asked for each; what becomes of each line
/// stands in the job.
///
/// With `kind=import` the lines are licences that exist already (入库), as `POST /v1/licences/import` takes one: columns beside
/// the fields are `identifier` 证照标识, `valid_from` 有效期起, `valid_to` 有效期止 (`长期`: no end), `long_term` 长期有效, `state`
/// 证照状态, `ground` 状态原因, `checked_to` 年检有效期止, `item`, `case_number`, `basis`, `source` 来源. What is odd about one stands
/// with its line as a warning; one that was taken over before with the same content is told so and not doubled.
#[utoipa::path(post, path = "/v1/licence-jobs", tag = "licences", params(BeginQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find the first one's job")),
    request_body(content((Vec<u8> = "text/csv"), (Vec<u8> = "application/x-ndjson"))),
    responses((status = 201, description = "The job", body = JobView),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn begin(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<BeginQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    app.require_unsealed()?;
    let Query(query) = query?;
    let key = replay::given(&headers)?;
    let kind = catalogue::in_force(&app, &query.type_code).await?;
    // Nothing is taken in from those who may not.
    may(&session, query.kind, &kind)?;
    let json_lines = match headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        Some(given) if given.contains("csv") => false,
        Some(given) if given.contains("ndjson") || given.contains("jsonl") => true,
        _ => {
            let text = "Send the file as `text/csv` or `application/x-ndjson`.";
            return Err(Problem::new(Kind::UnsupportedMediaType, text));
        }
    };
    let octets = axum::body::to_bytes(body, MOST_OCTETS).await.map_err(|_| {
        let text = format!("A file has at most {MOST_OCTETS} octets; divide it.");
        Problem::new(Kind::BodyTooLarge, text).with("limit", MOST_OCTETS)
    })?;
    let session = session.renewed()?;
    let permit = may(&session, query.kind, &kind)?;
    let request = key.map(|key| {
        let scope = replay::digest(&[session.caller().id.as_bytes(), b"licence-jobs", key.as_bytes()]);
        (scope, replay::digest(&[query.kind.as_str().as_bytes(), query.type_code.as_bytes(), &octets]))
    });
    let reading = kind.clone();
    let lines = app
        .desk
        .work(move || {
            let read = if json_lines { table::json_lines } else { table::csv };
            read(&octets, query.kind, &reading.compiled, MOST_LINES)
        })
        .await??;
    let started = start(&app, &permit, query.kind, &kind, lines, request).await?;
    let counts = records::counts(&app.db, started.row.id()).await?;
    let leaf = started.committed.map(|committed| committed.leaf);
    let mut response = answer(StatusCode::CREATED, &started.row, counts, leaf)?;
    let location = HeaderValue::try_from(format!("/v1/licence-jobs/{}", started.row.id()));
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

/// That the caller may have such work begun. Whether they may do what its lines ask for is judged for each of them; that they
/// may not take over anything at all is told at once.
fn may(session: &Session, job: JobKind, kind: &Published) -> Result<Permit<StartLicenceJob>> {
    if job == JobKind::Import {
        session.permit::<ImportLicence>(resource(kind))?;
    }
    session.permit(resource(kind))
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
struct JobPage {
    /// The jobs, the newest first.
    jobs: Vec<JobView>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    /// In this state; lines alone have one: `waiting`, `done`, `failed`, and `warned` for those done with warnings.
    state: Option<String>,
    /// Cursor of an earlier page.
    after: Option<String>,
    /// Most records in a page, 1 to 1,000.
    limit: Option<u32>,
}

/// List batch work
///
/// That of the caller's own organisation, the newest first.
#[utoipa::path(get, path = "/v1/licence-jobs", tag = "licences", params(PageQuery),
    responses((status = 200, description = "One page", body = JobPage)))]
async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<JobPage>> {
    let Query(query) = query?;
    let organisation = &session.caller().organisation;
    session.permit::<ListLicences>(Resource::organisation(organisation))?;
    let limit = query.limit.unwrap_or(20).clamp(1, 100);
    let rows = records::list(&app.db, organisation, &query.after.unwrap_or_default(), limit).await?;
    let next = rows.last().filter(|_| rows.len() == usize::try_from(limit).unwrap_or(0));
    let next = next.map(|last| last.id().to_owned());
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        let counts = records::counts(&app.db, row.id()).await?;
        jobs.push(JobView::of(&row, counts));
    }
    Ok(Json(JobPage { jobs, next }))
}

/// See how far batch work is
#[utoipa::path(get, path = "/v1/licence-jobs/{id}", tag = "licences", params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobView),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn one(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    let row = readable(&app, &session, &id).await?;
    let counts = records::counts(&app.db, row.id()).await?;
    answer(StatusCode::OK, &row, counts, None)
}

/// Lines of a job.
#[derive(Debug, Serialize, ToSchema)]
struct LinePage {
    /// The lines, in the order of the file.
    lines: Vec<LineView>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// See what became of each line
#[utoipa::path(get, path = "/v1/licence-jobs/{id}/lines", tag = "licences",
    params(("id" = String, Path), PageQuery), responses((status = 200, description = "One page", body = LinePage)))]
async fn lines(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    query: std::result::Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<LinePage>> {
    let Query(query) = query?;
    let row = readable(&app, &session, &id).await?;
    let limit = query.limit.unwrap_or(200).clamp(1, 1000);
    let after = query.after.as_deref().unwrap_or("0").parse::<i64>().map_err(|_| {
        Problem::new(Kind::InvalidParameter, "`after` is the cursor of an earlier page.")
            .with("parameter", "after")
    })?;
    let state = query.state.unwrap_or_default();
    let rows = records::lines(&app.db, row.id(), &state, after, limit).await?;
    let lines: Vec<LineView> = rows.iter().map(LineView::of).collect();
    let full = lines.len() == usize::try_from(limit).unwrap_or(0);
    let next = lines.last().filter(|_| full).map(|last| last.line.to_string());
    Ok(Json(LinePage { lines, next }))
}

/// Stop batch work
///
/// Lines that are being worked on at this moment are finished; the others wait until it goes on.
#[utoipa::path(post, path = "/v1/licence-jobs/{id}/stop", tag = "licences", params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobView)))]
async fn stop(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    steer(&app, &session, &id, &["waiting", "running"], "stopped").await
}

/// Have batch work go on
#[utoipa::path(post, path = "/v1/licence-jobs/{id}/resume", tag = "licences", params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobView)))]
async fn resume(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    steer(&app, &session, &id, &["stopped"], "waiting").await
}

async fn steer(app: &Arc<App>, session: &Session, id: &str, from: &[&str], to: &str) -> Result<Response> {
    let row = readable(app, session, id).await?;
    let permit: Permit<SteerLicenceJob> = session.permit(of(app, &row).await?)?;
    if !from.contains(&text(&row, "state")) {
        let detail = format!(
            "The job is `{}`; only one that is {} can become `{to}`.",
            text(&row, "state"),
            from.join(" or ")
        );
        return Err(Problem::new(Kind::Conflict, detail).with("state", text(&row, "state")));
    }
    // Whoever had it in hand when it stopped need not be waited for: lines are guarded by their versions.
    let row = row.next_version().with("state", to).with("due", None::<i64>);
    let unsealed = app.unsealed()?;
    let unit = Unit::new(permit.act()).facts(json!({ "job": id, "state": to })).update(row.clone());
    let committed = unsealed.journal.commit(unit).await?;
    let counts = records::counts(&app.db, id).await?;
    answer(StatusCode::OK, &row, counts, Some(committed.leaf))
}

/// A job that the caller may see: one of its own organisation.
async fn readable(app: &App, session: &Session, id: &str) -> Result<Row> {
    let unknown = || LibraryError::Unknown { what: "job", id: id.chars().take(64).collect() };
    let row = records::job(&app.db, id).await?.ok_or_else(unknown)?;
    session.permit::<ReadLicenceJob>(of(app, &row).await?)?;
    if text(&row, "organisation") != session.caller().organisation {
        return Err(unknown().into());
    }
    Ok(row)
}

/// The type of a job as policies see it: as far as this job goes, its own organisation may issue it.
async fn of(app: &App, job: &Row) -> Result<Resource> {
    let code = text(job, "type");
    let organisation = text(job, "organisation");
    let owner = app.db.row(&crate::store::tables::LICENCE_TYPES, code).await?;
    let owner = owner.as_ref().map(|row| text(row, "organisation").to_owned()).unwrap_or_default();
    Ok(Resource::licence_type(code, owner).granted_to([organisation.to_owned()]))
}

fn answer(status: StatusCode, row: &Row, counts: records::Counts, leaf: Option<u64>) -> Result<Response> {
    let view = JobView::of(row, counts);
    let mut response = (status, Json(&view)).into_response();
    let headers = response.headers_mut();
    let tag = HeaderValue::try_from(format!("\"{}\"", view.version));
    headers.insert(header::ETAG, tag.map_err(Problem::internal)?);
    if let Some(leaf) = leaf {
        headers.insert(LEAF, HeaderValue::from(leaf));
    }
    Ok(response)
}
