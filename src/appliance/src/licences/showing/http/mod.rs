//! Routes of showing and taking licences.

mod codes;
mod copies;
mod delegations;
mod queries;
mod uses;

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use super::model::OfHolder;
use crate::app::App;
use crate::documents::http::LEAF;
use crate::licences::library::{self, Artefact, Licence};
use crate::policy::Resource;
use crate::problem::{Kind, Problem, Result};
use crate::server::conditional;
use crate::store::Row;

type Result2<T, E> = std::result::Result<T, E>;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    codes::routes()
        .merge(copies::routes())
        .merge(delegations::routes())
        .merge(queries::routes())
        .merge(uses::routes())
}

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// Most in a page, 1 to 200; 50 when left out.
    pub limit: Option<u32>,
}

/// Whether a text can be a cursor or the identifier of a record.
pub(super) fn is_record(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

fn limit(asked: Option<u32>) -> Result<u32> {
    match asked.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(Problem::new(Kind::InvalidParameter, "`limit` is 1 to 200.").with("parameter", "limit")),
    }
}

impl OfHolder {
    fn limit(&self) -> Result<u32> {
        limit(self.limit)
    }
}

/// A licence by name, and what policies are asked about, which is known even when there is none.
async fn named(app: &App, name: &str) -> Result<(Resource, Option<Licence>)> {
    // No database takes a text with NUL.
    let licence = if name.contains('\0') { None } else { library::find(app, name).await? };
    let resource = match &licence {
        Some(licence) => {
            Resource::licence(licence.id(), licence.organisation()).at_version(licence.version())
        }
        // Not what was written: an entry holds no text of a stranger's choice.
        None => Resource::licence("unknown", ""),
    };
    Ok((resource, licence))
}

/// Reads a body whose octets tell a repeated request.
fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("The body cannot be read: {error}.")))
}

/// That `If-Match` names the row's version.
fn matching(headers: &HeaderMap, row: &Row) -> Result<()> {
    conditional::matching(headers, row.version(), "change")
}

/// An answer that no cache keeps, with the leaf that records it.
fn answer<T: Serialize>(status: StatusCode, leaf: Option<u64>, body: &T) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(leaf) = leaf {
        headers.insert(LEAF, HeaderValue::from(leaf));
    }
    response
}

/// A document as it is, with its digest (RFC 9530) and the leaf that records its leaving.
fn document(status: StatusCode, artefact: &Artefact, name: &str, leaf: u64) -> Result<Response> {
    let mut response = (status, artefact.octets.to_vec()).into_response();
    let headers = response.headers_mut();
    let digest = hex::decode(&artefact.sha256).unwrap_or_default();
    let digest = format!("sha-256=:{}:", STANDARD.encode(digest));
    let media_type = HeaderValue::try_from(&artefact.media_type).map_err(Problem::internal)?;
    let disposition = format!("attachment; filename=\"{name}.pdf\"");
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert("content-digest", HeaderValue::try_from(digest).map_err(Problem::internal)?);
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition).map_err(Problem::internal)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LEAF, HeaderValue::from(leaf));
    Ok(response)
}
