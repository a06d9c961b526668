//! Routes of one-time enrolment secrets, on the platform API.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{MadeSecret, NewSecret, SecretRecord, Secrets};
use super::{records, service};
use crate::app::App;
use crate::callers::records::{caller, kind_of, text};
use crate::identity::CallerKind;
use crate::journal::Committed;
use crate::policy::{PermitEnrolment, ReadEnrolment, Resource, WithdrawEnrolment};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_secrets, make_secret)).routes(routes!(withdraw_secret))
}

/// Make a one-time enrolment secret
///
/// The answer shows the secret once. Its bearer enrols with it by EST (RFC 7030 §3.2.3): the caller's id is the user
/// name, the secret the password.
#[utoipa::path(post, path = "/v1/callers/{id}/enrolment-secrets", params(("id" = String, Path)), tag = "enrolment",
    request_body = NewSecret, responses((status = 201, body = MadeSecret)))]
async fn make_secret(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: std::result::Result<Json<NewSecret>, JsonRejection>,
) -> Result<Response> {
    let Json(new) = body?;
    let (resource, row) = the_caller(&app, &id).await?;
    let permit = session.permit::<PermitEnrolment>(resource)?;
    let made = service::make(&app, &permit, &found(row)?, &new).await?;
    let body = MadeSecret { secret: made.secret.shown().to_string(), record: SecretRecord::from(&made.row) };
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    let at = format!("/v1/callers/{id}/enrolment-secrets/{}", made.row.id());
    if let Ok(at) = HeaderValue::from_str(&at) {
        response.headers_mut().insert(header::LOCATION, at);
    }
    marked(&mut response, &made.committed);
    Ok(response)
}

/// List a caller's one-time enrolment secrets
///
/// The newest 100, without the secrets themselves.
#[utoipa::path(get, path = "/v1/callers/{id}/enrolment-secrets", params(("id" = String, Path)), tag = "enrolment",
    responses((status = 200, body = Secrets)))]
async fn list_secrets(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Json<Secrets>> {
    let (resource, row) = the_caller(&app, &id).await?;
    session.permit::<ReadEnrolment>(resource)?;
    found(row)?;
    let rows = records::secrets(&app.db, &id, 100).await?;
    Ok(Json(Secrets { items: rows.iter().map(SecretRecord::from).collect() }))
}

/// Withdraw a one-time enrolment secret
#[utoipa::path(post, path = "/v1/callers/{id}/enrolment-secrets/{secret}/withdraw",
    params(("id" = String, Path), ("secret" = String, Path, description = "Its identifier, not the secret itself")),
    tag = "enrolment", responses((status = 200, body = SecretRecord)))]
async fn withdraw_secret(
    State(app): State<Arc<App>>,
    session: Session,
    Path((id, secret)): Path<(String, String)>,
) -> Result<Response> {
    let (resource, _) = the_caller(&app, &id).await?;
    let permit = session.permit::<WithdrawEnrolment>(resource)?;
    let row = service::find(&app, &id, &secret).await?;
    let (row, committed) = service::withdraw(&app, &permit, row).await?;
    let mut response = Json(SecretRecord::from(&row)).into_response();
    marked(&mut response, &committed);
    Ok(response)
}

async fn the_caller(app: &App, id: &str) -> Result<(Resource, Option<Row>)> {
    let row = caller(&app.db, id).await?;
    let resource = match &row {
        Some(row) => Resource::caller(id, kind_of(row), text(row, "organisation")).at_version(row.version()),
        None => Resource::caller(id, CallerKind::Machine, ""),
    };
    Ok((resource, row))
}

fn found(row: Option<Row>) -> Result<Row> {
    row.ok_or_else(|| Problem::new(Kind::NotFound, "Nobody of that name is registered."))
}

/// Which leaf proves the act; its receipt is at `/v1/receipts/{leaf}`.
fn marked(response: &mut Response, committed: &Committed) {
    let leaf = HeaderName::from_static("cinnabar-leaf");
    response.headers_mut().insert(leaf, HeaderValue::from(committed.leaf));
}
