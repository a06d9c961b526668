//! Routes of bindings, on the platform API.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Binding, BindingPage, BindingWish, Bindings, NewBinding};
use super::service;
use crate::acme::records::{ACME_BINDINGS, text};
use crate::app::App;
use crate::policy::{BindAcme, ReadAcmeBinding, Resource, WithdrawAcmeBinding};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::conditional;
use crate::store::Row;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_acme_bindings, add_acme_binding))
        .routes(routes!(read_acme_binding))
        .routes(routes!(withdraw_acme_binding))
}

/// Give out an ACME binding
///
/// For one account of a platform server. The key is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/acme/bindings", tag = "acme", request_body = BindingWish,
    responses((status = 201, body = NewBinding)))]
async fn add_acme_binding(
    State(app): State<Arc<App>>,
    session: Session,
    body: std::result::Result<Json<BindingWish>, JsonRejection>,
) -> Result<Response> {
    let Json(wish) = body?;
    let holder = service::holder(&app, &wish).await;
    // Who may not bind learns nothing about who is registered.
    let organisation = holder.as_ref().map_or("*", |holder| holder.organisation());
    let permit = session.permit::<BindAcme>(Resource::organisation(organisation))?;
    let given = service::give(&app, &permit, &holder?, &wish).await?;
    let base = app.config.acme.as_ref().map_or("", |config| config.url.as_str());
    let body = NewBinding {
        binding: Binding::from(&given.row),
        key: given.key.to_string(),
        directory: format!("{base}/acme/directory"),
    };
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    marks(response.headers_mut(), &given.row, Some(given.committed.leaf));
    if let Ok(value) = HeaderValue::from_str(&format!("/v1/acme/bindings/{}", given.row.id())) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    Ok(response)
}

/// List ACME bindings
#[utoipa::path(get, path = "/v1/acme/bindings", params(BindingPage), tag = "acme",
    responses((status = 200, body = Bindings)))]
async fn list_acme_bindings(
    State(app): State<Arc<App>>,
    session: Session,
    page: std::result::Result<Query<BindingPage>, QueryRejection>,
) -> Result<Json<Bindings>> {
    let Query(page) = page?;
    if !(1..=200).contains(&page.limit) {
        return Err(Problem::new(Kind::InvalidParameter, "`limit` is 1 to 200."));
    }
    session.permit::<ReadAcmeBinding>(Resource::organisation("*"))?;
    let mut rows = app.db.rows_after(&ACME_BINDINGS, &page.after, page.limit + 1).await?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id().to_owned());
    Ok(Json(Bindings { items: rows.iter().map(Binding::from).collect(), next }))
}

/// Read an ACME binding
#[utoipa::path(get, path = "/v1/acme/bindings/{id}", params(("id" = String, Path)), tag = "acme",
    responses((status = 200, body = Binding)))]
async fn read_acme_binding(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let row = app.db.row(&ACME_BINDINGS, &id).await?;
    session.permit::<ReadAcmeBinding>(resource(row.as_ref()))?;
    let row = found(row)?;
    let mut response = Json(Binding::from(&row)).into_response();
    marks(response.headers_mut(), &row, None);
    Ok(response)
}

/// Withdraw an ACME binding
///
/// Its account stops at once. Certificates that were issued stay good until they are revoked.
#[utoipa::path(post, path = "/v1/acme/bindings/{id}/withdraw",
    params(("id" = String, Path), ("If-Match" = String, Header)), tag = "acme",
    responses((status = 200, body = Binding)))]
async fn withdraw_acme_binding(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let row = app.db.row(&ACME_BINDINGS, &id).await?;
    let permit = session.permit::<WithdrawAcmeBinding>(resource(row.as_ref()))?;
    let row = matching(&headers, found(row)?)?;
    let (row, committed) = service::withdraw(&app, &permit, row).await?;
    let mut response = Json(Binding::from(&row)).into_response();
    marks(response.headers_mut(), &row, Some(committed.leaf));
    Ok(response)
}

fn resource(row: Option<&Row>) -> Resource {
    Resource::organisation(row.map_or("*", |row| text(row, "organisation")))
}

fn found(row: Option<Row>) -> Result<Row> {
    row.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such binding."))
}

/// The row, if `If-Match` names its version.
fn matching(headers: &HeaderMap, row: Row) -> Result<Row> {
    conditional::matching(headers, row.version(), "change")?;
    Ok(row)
}

fn tag(row: &Row) -> String {
    format!("\"{}\"", row.version())
}

/// Which version, and which leaf proves the act.
fn marks(headers: &mut HeaderMap, row: &Row, leaf: Option<u64>) {
    if let Ok(value) = HeaderValue::from_str(&tag(row)) {
        headers.insert(header::ETAG, value);
    }
    if let Some(leaf) = leaf {
        headers.insert(HeaderName::from_static("cinnabar-leaf"), HeaderValue::from(leaf));
    }
}
