//! Steps of a version: hand in, publish, refuse, take back; and retiring a type.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{LicenceType, TypeVersion};
use super::super::records::text;
use super::super::{CatalogueError, service};
use super::{Result2, done, licence_type, no_version, type_done, version};
use crate::app::App;
use crate::documents::model::{BadParameter, is_shown_text};
use crate::policy::{
    Facts, PublishLicenceType, RefuseLicenceType, RetireLicenceType, SubmitLicenceType, WithdrawLicenceType,
};
use crate::problem::Result;
use crate::seals::http::answer::matching;
use crate::server::Session;
use crate::store::Row;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(submit))
        .routes(routes!(publish))
        .routes(routes!(refuse))
        .routes(routes!(withdraw))
        .routes(routes!(retire))
}

/// TypeStepReason a version is refused or taken back, or a type retired.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct TypeStepReason {
    /// For the author to read; needed for a refusal and for retiring a type.
    reason: Option<String>,
}

impl TypeStepReason {
    fn checked(self) -> Result<Option<String>> {
        if self.reason.as_deref().is_some_and(|reason| !is_shown_text(reason, 500)) {
            return Err(BadParameter { name: "reason", reason: "write 1 to 500 visible characters" }.into());
        }
        Ok(self.reason)
    }

    fn needed(self) -> Result<String> {
        let missing = BadParameter { name: "reason", reason: "say why, for the author to read" };
        Ok(self.checked()?.ok_or(missing)?)
    }
}

/// Hand a draft in for review
///
/// Only what could be published as things are: its faults are told by JSON pointer.
#[utoipa::path(post, path = "/v1/licence-types/{code}/versions/{number}/submit", tag = "licence-types",
    params(("code" = String, Path), ("number" = i64, Path), ("If-Match" = String, Header)),
    responses((status = 200, description = "Handed in", body = TypeVersion),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn submit(
    State(app): State<Arc<App>>,
    session: Session,
    Path((code, number)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, row) = version(&app, &code, number).await?;
    let permit = session.permit::<SubmitLicenceType>(resource)?;
    let row = row.ok_or_else(|| no_version(&code, number))?;
    matching(&headers, row.version())?;
    Ok(done(StatusCode::OK, &service::submit(&app, &permit, row).await?))
}

/// Publish a licence type
///
/// Another person than those who drafted it and handed it in. The version before it is superseded; licences made by that one
/// stay under it.
#[utoipa::path(post, path = "/v1/licence-types/{code}/versions/{number}/publish", tag = "licence-types",
    params(("code" = String, Path), ("number" = i64, Path), ("If-Match" = String, Header)),
    responses((status = 200, description = "In force", body = TypeVersion),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn publish(
    State(app): State<Arc<App>>,
    session: Session,
    Path((code, number)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, row) = version(&app, &code, number).await?;
    let permit = session.permit_with::<PublishLicenceType>(resource, hands(row.as_ref()))?;
    let row = row.ok_or_else(|| no_version(&code, number))?;
    matching(&headers, row.version())?;
    Ok(done(StatusCode::OK, &service::publish(&app, &permit, row).await?))
}

/// Refuse a version of a licence type
#[utoipa::path(post, path = "/v1/licence-types/{code}/versions/{number}/refuse", tag = "licence-types",
    params(("code" = String, Path), ("number" = i64, Path), ("If-Match" = String, Header)), request_body = TypeStepReason,
    responses((status = 200, description = "Refused", body = TypeVersion),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn refuse(
    State(app): State<Arc<App>>,
    session: Session,
    Path((code, number)): Path<(String, i64)>,
    headers: HeaderMap,
    body: Result2<Json<TypeStepReason>, JsonRejection>,
) -> Result<Response> {
    let Json(why) = body?;
    let (resource, row) = version(&app, &code, number).await?;
    let permit = session.permit_with::<RefuseLicenceType>(resource, hands(row.as_ref()))?;
    let row = row.ok_or_else(|| no_version(&code, number))?;
    matching(&headers, row.version())?;
    Ok(done(StatusCode::OK, &service::refuse(&app, &permit, row, &why.needed()?).await?))
}

/// Take back a version of a licence type that is not decided on
#[utoipa::path(post, path = "/v1/licence-types/{code}/versions/{number}/withdraw", tag = "licence-types",
    params(("code" = String, Path), ("number" = i64, Path), ("If-Match" = String, Header)), request_body = TypeStepReason,
    responses((status = 200, description = "Taken back", body = TypeVersion),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn withdraw(
    State(app): State<Arc<App>>,
    session: Session,
    Path((code, number)): Path<(String, i64)>,
    headers: HeaderMap,
    body: Result2<Json<TypeStepReason>, JsonRejection>,
) -> Result<Response> {
    let Json(why) = body?;
    let (resource, row) = version(&app, &code, number).await?;
    let permit = session.permit::<WithdrawLicenceType>(resource)?;
    let row = row.ok_or_else(|| no_version(&code, number))?;
    matching(&headers, row.version())?;
    let reason = why.checked()?;
    Ok(done(StatusCode::OK, &service::withdraw(&app, &permit, row, reason.as_deref()).await?))
}

/// Retire a licence type
///
/// For good: nothing is issued of it any more. Licences that there are stay what they are, can be changed in their state
/// and verified.
#[utoipa::path(post, path = "/v1/licence-types/{code}/retire", tag = "licence-types",
    params(("code" = String, Path), ("If-Match" = String, Header)), request_body = TypeStepReason,
    responses((status = 200, description = "Retired", body = LicenceType),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn retire(
    State(app): State<Arc<App>>,
    session: Session,
    Path(code): Path<String>,
    headers: HeaderMap,
    body: Result2<Json<TypeStepReason>, JsonRejection>,
) -> Result<Response> {
    let Json(why) = body?;
    let (resource, row) = licence_type(&app, &code).await?;
    let permit = session.permit::<RetireLicenceType>(resource)?;
    let row = row.ok_or_else(|| CatalogueError::Unknown(code.clone()))?;
    matching(&headers, row.version())?;
    Ok(type_done(&service::retire(&app, &permit, row, &why.needed()?).await?))
}

/// The persons whose hands a version went through, for the policies to compare.
fn hands(row: Option<&Row>) -> impl FnOnce(&mut Facts) {
    let person = |column: &str| row.map(|row| text(row, column).to_owned()).unwrap_or_default();
    let (author, submitter) = (person("author_person"), person("submitter_person"));
    move |facts| {
        facts.applicant = Some(author);
        facts.approver = Some(submitter);
    }
}
