//! What anyone may read over plain HTTP: objects that prove themselves (decision 34).
//!
//! The log's checkpoint, hash tiles and consistency proofs; the authorities' certificates, revocation lists
//! and OCSP. Everything here is signed or hashes to something signed, so transport needs no secrecy. Entries of
//! the log are never served here (decision 5).

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

use super::pipeline::route;
use super::request::RequestId;
use super::{metrics, pipeline};
use crate::app::App;
use crate::problem::{Kind, Problem, Result};

/// The routes of the public listener.
pub fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/tile/{*path}", get(tile))
        .route("/log/consistency", get(consistency))
        .route("/ca/{file}", get(authority))
        .merge(crate::timestamps::http::public())
        .merge(crate::status::public_routes())
        .merge(crate::licences::public_routes())
        .fallback(|| async { http::StatusCode::NOT_FOUND })
        .layer(axum::middleware::from_fn(around))
        .with_state(app.clone())
}

async fn around(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let (method, route) = (request.method().clone(), route(&request));
    let (response, problem) = pipeline::shape(next.run(request).await, &id);
    metrics::request(&method, &route, response.status(), started.elapsed());
    if let Some(cause) = problem.as_ref().and_then(Problem::log_message) {
        tracing::info!(request_id = id.as_str(), route, cause, "public request refused");
    }
    response
}

/// The latest checkpoint released (C2SP tlog-checkpoint).
async fn checkpoint(State(app): State<Arc<App>>) -> Result<Response> {
    let checkpoint = app.unsealed()?.journal.checkpoint();
    Ok(answer(checkpoint.note().to_owned(), "text/plain; charset=utf-8", "no-cache"))
}

/// A hash tile (C2SP tlog-tiles). A tile never changes once it can be read.
async fn tile(State(app): State<Arc<App>>, Path(path): Path<String>) -> Result<Response> {
    let unknown = || Problem::new(Kind::NotFound, "The log has no such tile (yet).");
    let tile = tlog::Tile::from_path(&format!("tile/{path}")).map_err(|_| unknown())?;
    let tile = app.unsealed()?.journal.tile(tile).await?;
    Ok(answer(tile, "application/octet-stream", "public, max-age=31536000, immutable"))
}

#[derive(serde::Deserialize)]
struct Sizes {
    from: u64,
    to: u64,
}

/// The proof that the log of size `from` is a prefix of the one of size `to` (RFC 9162 §2.1.4): one hash a
/// line, base64, first to last.
async fn consistency(
    State(app): State<Arc<App>>,
    sizes: std::result::Result<Query<Sizes>, axum::extract::rejection::QueryRejection>,
) -> Result<Response> {
    use base64::Engine;
    let Query(Sizes { from, to }) = sizes?;
    let unsealed = app.unsealed()?;
    let size = unsealed.journal.size();
    if from == 0 || from > to || to > size {
        let detail = format!("Ask for sizes with 1 ≤ from ≤ to ≤ {size}.");
        return Err(Problem::new(Kind::InvalidParameter, detail));
    }
    let proof = unsealed.journal.consistency(from, Some(to)).await?;
    let lines: String =
        proof.iter().map(|hash| base64::engine::general_purpose::STANDARD.encode(hash) + "\n").collect();
    Ok(answer(lines, "text/plain; charset=utf-8", "public, max-age=31536000, immutable"))
}

/// An authority's certificate, DER (RFC 2585 §4.1).
async fn authority(State(app): State<Arc<App>>, Path(file): Path<String>) -> Result<Response> {
    let known = file.strip_suffix(".cer").filter(|label| app.is_authority(label));
    let label = known.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such authority."))?;
    let authority = app.authority(label).map_err(Problem::internal)?;
    Ok(answer(authority.certificate.der().to_vec(), "application/pkix-cert", "public, max-age=3600"))
}

fn answer(body: impl Into<axum::body::Body>, kind: &'static str, cache: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)];
    (headers, body.into()).into_response()
}
