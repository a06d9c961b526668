//! Routes of seals: `POST /v1/seals`, `GET /v1/seals`, `GET /v1/seals/{id}`, `GET /v1/seals/{id}/picture`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::SealSummary;
use super::picture::media_type;
use super::records::{self, SealFilter};
use super::service::{MakeError, NewSealQuery, make};
use crate::app::App;
use crate::documents::http::LEAF;
use crate::identity::CallerKind;
use crate::policy::{ListSeals, MakeSeal, ReadSeal, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, make_seal)).routes(routes!(one)).routes(routes!(picture))
}

/// Which seals to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Seals of this organisation. Left out: a machine sees its own organisation's, people see all.
    organisation: Option<String>,
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
    query: std::result::Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<SealPage>> {
    let Query(query) = query?;
    let caller = session.caller();
    let own = (caller.kind == CallerKind::Machine).then(|| caller.organisation.clone());
    let organisation = query.organisation.or(own);
    let asked = organisation.as_deref().unwrap_or(&caller.organisation);
    session.permit::<ListSeals>(Resource::organisation(asked))?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let after = query.after.unwrap_or_default();
    let filter = SealFilter { organisation, ..SealFilter::default() };
    let mut seals = records::list(&app.db, &filter, &after, limit + 1).await?;
    let more = seals.len() > limit as usize;
    seals.truncate(limit as usize);
    let next = seals.last().filter(|_| more).map(|seal| seal.id.clone());
    Ok(Json(SealPage { seals, next }))
}

/// Have a seal made: the picture is the body, the rest stands in the query.
#[utoipa::path(
    post,
    path = "/v1/seals",
    params(NewSealQuery),
    request_body(
        content = Vec<u8>,
        content_type = "image/png",
        description = "The picture: PNG with transparency, or SVG (`image/svg+xml`) whose text is paths"
    ),
    responses(
        (status = 201, description = "The seal", body = SealSummary),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn make_seal(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<NewSealQuery>, QueryRejection>,
    headers: HeaderMap,
    picture: std::result::Result<Bytes, BytesRejection>,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let new = query?.0.check()?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "image/png" && kind != "image/svg+xml") {
        let text = "Send the picture as `Content-Type: image/png` or `image/svg+xml`.";
        return Err(Problem::new(Kind::UnsupportedMediaType, text));
    }
    let permit = session.permit::<MakeSeal>(Resource::organisation(&new.organisation))?;
    let picture = picture.map_err(|rejection| {
        Problem::new(Kind::of_status(rejection.status()), "The picture is too large or broke off.")
    })?;
    let id = new.id.clone();
    let committed = make(&app, &unsealed, permit, new, picture.to_vec()).await?;
    let made = records::find(&app.db, &id).await?;
    let made = made.ok_or_else(|| Problem::internal("a seal just made is not on record"))?;
    let mut response = (StatusCode::CREATED, Json(&made.summary)).into_response();
    let headers = response.headers_mut();
    headers.insert(LEAF, HeaderValue::from(committed.leaf));
    let location = HeaderValue::try_from(format!("/v1/seals/{id}")).map_err(Problem::internal)?;
    headers.insert(header::LOCATION, location);
    etag(headers, made.summary.version);
    Ok(response)
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
    let found = find(&app, &session, &id).await?;
    let mut response = Json(&found.summary).into_response();
    etag(response.headers_mut(), found.summary.version);
    Ok(response)
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
    let found = find(&app, &session, &id).await?;
    // An SVG is a document: whatever shows it is to run and fetch nothing.
    let headers = [
        (header::CONTENT_TYPE, media_type(&found.picture)),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, found.picture).into_response())
}

async fn find(app: &App, session: &Session, id: &str) -> Result<records::SealRecord> {
    let found = records::find(&app.db, id).await?;
    let found = found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such seal."))?;
    let resource = Resource::seal(id, &found.summary.organisation).at_version(found.summary.version);
    session.permit::<ReadSeal>(resource)?;
    Ok(found)
}

fn etag(headers: &mut HeaderMap, version: i64) {
    if let Ok(value) = HeaderValue::try_from(format!("\"{version}\"")) {
        headers.insert(header::ETAG, value);
    }
}

impl From<MakeError> for Problem {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Picture(_) | MakeError::Organisation(_) => {
                Self::new(Kind::InvalidParameter, error.to_string())
            }
            MakeError::Taken(_) => Self::new(Kind::Conflict, format!("{error}; names are never reused")),
            MakeError::Commit(error) => error.into(),
            MakeError::Store(error) => error.into(),
            MakeError::Custody(error) => error.into(),
            MakeError::Certificate(error) => error.into(),
        }
    }
}
