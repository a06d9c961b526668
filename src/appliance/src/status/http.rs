//! Routes of the platform API: revoking, holding and releasing certificates.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{ManyRevocation, ManyRevoked, Revocation, StatusRecord};
use super::service::{self, Done};
use super::{bulk, records};
use crate::app::App;
use crate::policy::{HoldCertificate, ReleaseCertificate, Resource, RevokeCertificate};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(revoke_certificate))
        .routes(routes!(hold_certificate))
        .routes(routes!(release_certificate))
        .routes(routes!(revoke_certificates))
}

/// Revoke a certificate
///
/// Its holder is cut off on every node within five seconds, open connections included.
#[utoipa::path(post, path = "/v1/certificates/{fingerprint}/revoke", params(("fingerprint" = String, Path)),
    tag = "certificates", request_body = Revocation, responses((status = 200, body = StatusRecord)))]
async fn revoke_certificate(
    State(app): State<Arc<App>>,
    session: Session,
    Path(fingerprint): Path<String>,
    body: std::result::Result<Json<Revocation>, JsonRejection>,
) -> Result<Response> {
    let Json(revocation) = body?;
    let (resource, row) = known(&app, &fingerprint).await?;
    let permit = session.permit::<RevokeCertificate>(resource)?;
    Ok(made(&service::revoke(&app, &permit, found(row)?, &revocation).await?))
}

/// Put a certificate on hold
///
/// As if it were revoked, until it is released or revoked for good.
#[utoipa::path(post, path = "/v1/certificates/{fingerprint}/hold", params(("fingerprint" = String, Path)),
    tag = "certificates", responses((status = 200, body = StatusRecord)))]
async fn hold_certificate(
    State(app): State<Arc<App>>,
    session: Session,
    Path(fingerprint): Path<String>,
) -> Result<Response> {
    let (resource, row) = known(&app, &fingerprint).await?;
    let permit = session.permit::<HoldCertificate>(resource)?;
    Ok(made(&service::hold(&app, &permit, found(row)?).await?))
}

/// Release a certificate from hold
#[utoipa::path(post, path = "/v1/certificates/{fingerprint}/release", params(("fingerprint" = String, Path)),
    tag = "certificates", responses((status = 200, body = StatusRecord)))]
async fn release_certificate(
    State(app): State<Arc<App>>,
    session: Session,
    Path(fingerprint): Path<String>,
) -> Result<Response> {
    let (resource, row) = known(&app, &fingerprint).await?;
    let permit = session.permit::<ReleaseCertificate>(resource)?;
    Ok(made(&service::release(&app, &permit, found(row)?).await?))
}

/// Revoke every certificate that fits a filter
///
/// First with `dry_run`, which counts; then with that count as `expected`. While the answer's `remaining` is not 0, the
/// same request goes on where it stopped.
#[utoipa::path(post, path = "/v1/certificates/revoke", tag = "certificates", request_body = ManyRevocation,
    responses((status = 200, body = ManyRevoked), (status = 409, description = "More fit than were expected")))]
async fn revoke_certificates(
    State(app): State<Arc<App>>,
    session: Session,
    body: std::result::Result<Json<ManyRevocation>, JsonRejection>,
) -> Result<Json<ManyRevoked>> {
    let Json(given) = body?;
    let permit = session.permit::<RevokeCertificate>(Resource::certificate("*"))?;
    Ok(Json(bulk::revoke_many(&app, &permit, &given).await?))
}

/// The resource at the version that was read.
async fn known(app: &App, fingerprint: &str) -> Result<(Resource, Option<Row>)> {
    let row = records::certificate(&app.db, fingerprint).await?;
    let resource = Resource::certificate(fingerprint);
    Ok(match row {
        Some(row) => (resource.at_version(row.version()), Some(row)),
        None => (resource, None),
    })
}

fn found(row: Option<Row>) -> Result<Row> {
    row.ok_or_else(|| Problem::new(Kind::NotFound, "No certificate of that fingerprint is on record."))
}

fn made(done: &Done) -> Response {
    let mut response = Json(StatusRecord::from(&done.row)).into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", done.row.version())) {
        headers.insert(header::ETAG, value);
    }
    headers.insert(HeaderName::from_static("cinnabar-leaf"), HeaderValue::from(done.committed.leaf));
    response
}
