//! Routes of requests that await approvals.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::marks;
use super::model::{Approval, Refusal, RequestPage, RequestRecord, Requests};
use super::records;
use super::request;
use crate::app::App;
use crate::callers::records::text;
use crate::policy::{ApproveCertificate, CancelCertificate, ReadCertificate, RefuseCertificate, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;

type Result2<T, E> = std::result::Result<T, E>;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_requests))
        .routes(routes!(read_request))
        .routes(routes!(approve_request))
        .routes(routes!(refuse_request))
        .routes(routes!(cancel_request))
}

/// List requests for certificates
#[utoipa::path(get, path = "/v1/certificate-requests", params(RequestPage), tag = "certificates",
    responses((status = 200, body = Requests)))]
async fn list_requests(
    State(app): State<Arc<App>>,
    session: Session,
    page: Result2<Query<RequestPage>, QueryRejection>,
) -> Result<Json<Requests>> {
    let Query(RequestPage { state, after, limit }) = page?;
    session.permit::<ReadCertificate>(Resource::certificate("*"))?;
    if !(1..=200).contains(&limit) {
        return Err(Problem::new(Kind::InvalidParameter, "`limit` is 1 to 200.").with("parameter", "limit"));
    }
    if !STATES.contains(&state.as_str()) {
        let detail = format!("`state` is one of {}.", STATES.join(", "));
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "state"));
    }
    let state = Some(state.as_str()).filter(|state| *state != "any");
    let mut rows = records::requests(&app.db, state, &after, limit + 1).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id().to_owned());
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(RequestRecord::of(row, &records::words(&app.db, row.id()).await?));
    }
    Ok(Json(Requests { items, next }))
}

/// Read a request for a certificate
#[utoipa::path(get, path = "/v1/certificate-requests/{id}", params(("id" = String, Path)), tag = "certificates",
    responses((status = 200, body = RequestRecord)))]
async fn read_request(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let (resource, row) = find(&app, &id).await?;
    session.permit::<ReadCertificate>(resource)?;
    let row = row.ok_or_else(unknown)?;
    shown(&app, StatusCode::OK, &row, None).await
}

/// Approve a request for a certificate
///
/// Another person than the requester approves, naming the certification request by its digest. The last approval that
/// is needed issues the certificate.
#[utoipa::path(post, path = "/v1/certificate-requests/{id}/approve", params(("id" = String, Path)),
    tag = "certificates", request_body = Approval,
    responses((status = 200, body = RequestRecord, description = "Approved; `certificate` once it is issued")))]
async fn approve_request(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: Result2<Json<Approval>, JsonRejection>,
) -> Result<Response> {
    let Json(approval) = body?;
    let (resource, row) = find(&app, &id).await?;
    let proposer = proposer(row.as_ref());
    let permit =
        session.permit_with::<ApproveCertificate>(resource, |facts| facts.proposer = Some(proposer))?;
    let row = row.ok_or_else(unknown)?;
    let approved = request::approve(&app, &permit, row, &approval.csr_digest).await?;
    shown(&app, StatusCode::OK, &approved.row, Some(approved.committed.leaf)).await
}

/// Refuse a request for a certificate
#[utoipa::path(post, path = "/v1/certificate-requests/{id}/refuse", params(("id" = String, Path)),
    tag = "certificates", request_body = Refusal, responses((status = 200, body = RequestRecord)))]
async fn refuse_request(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: Result2<Json<Refusal>, JsonRejection>,
) -> Result<Response> {
    let Json(refusal) = body?;
    let (resource, row) = find(&app, &id).await?;
    let proposer = proposer(row.as_ref());
    let permit =
        session.permit_with::<RefuseCertificate>(resource, |facts| facts.proposer = Some(proposer))?;
    let row = row.ok_or_else(unknown)?;
    if !crate::documents::model::is_shown_text(&refusal.reason, 500) {
        let detail = "`reason` takes 1 to 500 printable characters.";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "reason"));
    }
    let (row, committed) = request::refuse(&app, &permit, row, &refusal.reason).await?;
    shown(&app, StatusCode::OK, &row, Some(committed.leaf)).await
}

/// Take a request for a certificate back
#[utoipa::path(post, path = "/v1/certificate-requests/{id}/cancel", params(("id" = String, Path)),
    tag = "certificates", responses((status = 200, body = RequestRecord)))]
async fn cancel_request(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let (resource, row) = find(&app, &id).await?;
    let permit = session.permit::<CancelCertificate>(resource)?;
    let row = row.ok_or_else(unknown)?;
    let (row, committed) = request::cancel(&app, &permit, row).await?;
    shown(&app, StatusCode::OK, &row, Some(committed.leaf)).await
}

/// The request, and what policies are asked about, which is known even when there is none.
async fn find(app: &App, id: &str) -> Result<(Resource, Option<Row>)> {
    let row = records::request(&app.db, id).await?;
    let requester = row.as_ref().map(|row| text(row, "requester")).unwrap_or_default();
    let resource = Resource::certificate_request(id, requester);
    let resource = match &row {
        Some(row) => resource.at_version(row.version()),
        None => resource,
    };
    Ok((resource, row))
}

/// The person who asked; empty for a machine.
fn proposer(row: Option<&Row>) -> String {
    row.map(|row| text(row, "person").to_owned()).unwrap_or_default()
}

async fn shown(app: &App, status: StatusCode, row: &Row, leaf: Option<u64>) -> Result<Response> {
    let words = records::words(&app.db, row.id()).await?;
    let mut response = (status, Json(RequestRecord::of(row, &words))).into_response();
    marks(response.headers_mut(), row, leaf);
    Ok(response)
}

fn unknown() -> Problem {
    Problem::new(Kind::NotFound, "There is no such request for a certificate.")
}

const STATES: [&str; 7] = ["pending", "approved", "issued", "refused", "cancelled", "expired", "any"];
