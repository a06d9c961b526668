//! What anyone may ask over plain HTTP: revocation lists (RFC 2585) and OCSP (RFC 6960 appendix A, RFC 9919).
//!
//! Both are signed, so transport needs no secrecy, and both are made for HTTP caches: entity tags, Last-Modified,
//! and a freshness that never outlasts nextUpdate.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pki::ocsp::{ErrorStatus, error_response};

use super::ocsp::{self, Answer};
use crate::app::App;
use crate::problem::{Kind, Problem, Result};
use crate::server::visit::Arrival;

/// The routes of the public listener.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/crl/{*path}", get(list))
        .route("/ocsp", post(ask))
        .route("/ocsp/{label}", post(ask_authority).get(ask_in_address))
        .route("/ocsp/{label}/{*request}", get(ask_in_address_of_authority))
        .layer(DefaultBodyLimit::max(LARGEST))
}

/// An authority's revocation list, DER (RFC 2585 §4.2).
async fn list(State(app): State<Arc<App>>, Path(path): Path<String>, headers: HeaderMap) -> Result<Response> {
    let Some(list) = app.status.lists.at(&path) else {
        let label = path.strip_suffix(".crl").map(|name| name.split('/').next().unwrap_or_default());
        return Err(if label.is_some_and(|label| app.is_authority(label) && app.unsealed().is_err()) {
            let detail = "No revocation list has been signed since the appliance was set up.";
            Problem::new(Kind::NotReady, detail).retry_after(30)
        } else {
            Problem::new(Kind::NotFound, "There is no such revocation list.")
        });
    };
    let times = Times { since: list.this_update, until: list.next_update };
    Ok(answered(&app, &headers, &list.etag, &times, "application/pkix-crl", list.der.clone()))
}

/// Who asks, where the listener says so.
type Origin = Option<Extension<Arrival>>;

fn address(from: Origin) -> Option<IpAddr> {
    from.map(|Extension(arrival)| arrival.remote.ip())
}

async fn ask(State(app): State<Arc<App>>, from: Origin, body: Bytes) -> Response {
    posted(&app, None, &body, from).await
}

async fn ask_authority(
    State(app): State<Arc<App>>,
    Path(label): Path<String>,
    from: Origin,
    body: Bytes,
) -> Response {
    posted(&app, Some(&label), &body, from).await
}

/// RFC 6960 appendix A.1: caches do not keep what was answered to a POST.
async fn posted(app: &App, label: Option<&str>, request: &[u8], from: Origin) -> Response {
    match ocsp::answer(app, label, request, address(from), super::now()).await {
        Answer::Stored(stored) => unkept(stored.der.clone()),
        Answer::Fresh(der) => unkept(der),
        Answer::Error(status) => unkept(error_response(status).into()),
    }
}

async fn ask_in_address(
    State(app): State<Arc<App>>,
    Path(request): Path<String>,
    from: Origin,
    headers: HeaderMap,
) -> Response {
    got(&app, None, &request, from, &headers).await
}

async fn ask_in_address_of_authority(
    State(app): State<Arc<App>>,
    Path((label, request)): Path<(String, String)>,
    from: Origin,
    headers: HeaderMap,
) -> Response {
    // Base64 has slashes: without an authority in the address, its first part is no label.
    if app.is_authority(&label) {
        got(&app, Some(&label), &request, from, &headers).await
    } else {
        got(&app, None, &format!("{label}/{request}"), from, &headers).await
    }
}

async fn got(app: &App, label: Option<&str>, request: &str, from: Origin, headers: &HeaderMap) -> Response {
    let Ok(request) = BASE64.decode(request) else {
        return unkept(error_response(ErrorStatus::MalformedRequest).into());
    };
    match ocsp::answer(app, label, &request, address(from), super::now()).await {
        Answer::Stored(stored) => {
            let times = Times { since: stored.this_update, until: stored.next_update };
            answered(app, headers, &stored.etag, &times, OCSP, stored.der.clone())
        }
        Answer::Fresh(der) => unkept(der),
        Answer::Error(status) => unkept(error_response(status).into()),
    }
}

fn unkept(der: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(OCSP)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, der).into_response()
}

/// thisUpdate and nextUpdate, Unix seconds.
struct Times {
    since: i64,
    until: i64,
}

/// The object, or that the reader has it already (RFC 9110 §13.1.2 and §13.1.3).
fn answered(
    app: &App,
    asked: &HeaderMap,
    etag: &HeaderValue,
    times: &Times,
    kind: &'static str,
    der: Bytes,
) -> Response {
    let now = super::now();
    let age = i64::try_from(app.config.status.max_age_seconds).unwrap_or(i64::MAX);
    let fresh = age.min(times.until - now).max(0);
    let modified = date(times.since);
    let known = match asked.get(header::IF_NONE_MATCH) {
        Some(tags) => tags.to_str().is_ok_and(|tags| {
            let own = etag.to_str().unwrap_or_default();
            tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == own || tag == "*")
        }),
        None => asked.get(header::IF_MODIFIED_SINCE).is_some_and(|since| Some(since) == modified.as_ref()),
    };
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], der).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag.clone());
    if let Ok(value) =
        HeaderValue::from_str(&format!("public, max-age={fresh}, no-transform, must-revalidate"))
    {
        headers.insert(header::CACHE_CONTROL, value);
    }
    for (name, value) in [(header::LAST_MODIFIED, modified), (header::EXPIRES, date(now + fresh))] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    response
}

/// An HTTP date (RFC 9110 §5.6.7).
fn date(seconds: i64) -> Option<HeaderValue> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?;
    HeaderValue::from_str(&text).ok()
}

const OCSP: &str = "application/ocsp-response";

/// Clients differ in whether they pad (RFC 6960 appendix A.1 says base64 and no more).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `pki::ocsp` reads no longer request.
const LARGEST: usize = 32 * 1024;
