//! Routes of use management.

mod requests;
mod rules;
mod uses;

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::callers::records::text;
use crate::documents::http::LEAF;
use crate::identity::CallerKind;
use crate::journal::Committed;
use crate::policy::Resource;
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::conditional;
use crate::store::Row;
use crate::store::tables::SEALS;

type Result2<T, E> = std::result::Result<T, E>;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    rules::routes().merge(requests::routes()).merge(uses::routes())
}

/// The row of a seal, and what policies are asked about, which is known even when there is none.
async fn seal(app: &App, id: &str) -> Result<(Resource, Option<Row>)> {
    let row = app.db.row(&SEALS, id).await?;
    let organisation = row.as_ref().map(|row| text(row, "organisation")).unwrap_or_default();
    let resource = Resource::seal(id, organisation);
    Ok(match &row {
        Some(row) => (resource.at_version(row.version()), row.clone().into()),
        None => (resource, None),
    })
}

/// Whose records are asked for: what was named, else a machine's own organisation; people see all.
fn organisation_of(session: &Session, named: Option<String>) -> Option<String> {
    let caller = session.caller();
    named.or_else(|| (caller.kind == CallerKind::Machine).then(|| caller.organisation.clone()))
}

fn unknown(what: &'static str) -> impl FnOnce() -> Problem {
    move || Problem::new(Kind::NotFound, what)
}

fn limit(asked: Option<u32>) -> Result<u32> {
    match asked.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(Problem::new(Kind::InvalidParameter, "`limit` is 1 to 200.").with("parameter", "limit")),
    }
}

/// A page cut from one row more than it holds, and its cursor.
fn cut(mut rows: Vec<Row>, limit: u32) -> (Vec<Row>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id().to_owned());
    (rows, next)
}

/// That `If-Match` names the row's version.
fn matching(headers: &HeaderMap, row: &Row) -> Result<()> {
    conditional::matching(headers, row.version(), "change")
}

/// An answer with version, leaf and, for what is new, its place.
fn answer<T: Serialize>(
    status: StatusCode,
    row: &Row,
    committed: Option<&Committed>,
    location: Option<String>,
    body: &T,
) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", row.version())) {
        headers.insert(header::ETAG, tag);
    }
    let known = row.value("leaf").as_int().and_then(|leaf| u64::try_from(leaf).ok());
    if let Some(leaf) = committed.map(|committed| committed.leaf).or(known) {
        headers.insert(LEAF, HeaderValue::from(leaf));
    }
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    response
}
