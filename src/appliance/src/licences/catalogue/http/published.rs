//! The published catalogue: signed for anyone over plain HTTP, and for callers on the platform API.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::signed::{Signed, catalogue};
use crate::app::App;
use crate::problem::Result;
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(published))
}

/// The route of the public listener.
pub(super) fn public_routes() -> Router<Arc<App>> {
    Router::new().route("/licences/catalogue", get(public))
}

/// Read the published catalogue
///
/// All licence types that are or were in force, as JSON; with `Accept: application/jwt` signed, as anyone gets it at
/// `/licences/catalogue` of the public listener.
#[utoipa::path(get, path = "/v1/licence-catalogue", tag = "licence-types",
    responses((status = 200, description = "The catalogue", content((Object = "application/json"), (String = "application/jwt"))),
        (status = 304, description = "As the `If-None-Match` says")))]
async fn published(State(app): State<Arc<App>>, _: Session, headers: HeaderMap) -> Result<Response> {
    let wanted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let signed = wanted.is_some_and(|wanted| wanted.contains(JWT));
    Ok(answered(&headers, &*catalogue(&app).await?, signed))
}

async fn public(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response> {
    Ok(answered(&headers, &*catalogue(&app).await?, true))
}

fn answered(asked: &HeaderMap, edition: &Signed, signed: bool) -> Response {
    // RFC 9110 §13.1.2. Two representations, so two tags.
    let etag = if signed { edition.etag.clone() } else { edition.etag.replace('"', "") };
    let etag = if signed { etag } else { format!("\"{etag}-json\"") };
    let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).is_some_and(|tags| {
        tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
    });
    let mut response = match (known, signed) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, true) => ([(header::CONTENT_TYPE, JWT)], edition.text.clone()).into_response(),
        (false, false) => {
            ([(header::CONTENT_TYPE, "application/json")], edition.json.clone()).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60, no-transform"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// RFC 7519 §10.3.1.
const JWT: &str = "application/jwt";
