//! Status lists over plain HTTP: signed, cacheable, and the same for everybody, so that asking tells nothing about whom.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::lists::{self, Published};
use crate::app::App;
use crate::problem::{Kind, Problem, Result};

/// The routes of the public listener.
pub fn public_routes() -> Router<Arc<App>> {
    Router::new().route("/licences/status/{number}", get(list))
}

/// A token status list, as a JWT or, for who accepts that alone or first, as a CWT.
async fn list(
    State(app): State<Arc<App>>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let unknown = || Problem::new(Kind::NotFound, "There is no such status list.");
    // One spelling for each list: caches and subjects are compared as texts.
    let read: i64 = number.parse().map_err(|_| unknown())?;
    if read.to_string() != number {
        return Err(unknown());
    }
    let published = lists::published(&app, read).await?.ok_or_else(unknown)?;
    Ok(answered(&app, &headers, &published))
}

fn answered(app: &App, asked: &HeaderMap, published: &Published) -> Response {
    let (form, kind) = if wants_cwt(asked) { (&published.cwt, CWT) } else { (&published.jwt, JWT) };
    let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).is_some_and(|tags| {
        let own = form.etag.to_str().unwrap_or_default();
        tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == own || tag == "*")
    });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], form.body.clone()).into_response()
    };
    let now = jiff::Timestamp::now().as_second();
    let age = i64::try_from(app.config.status.max_age_seconds).unwrap_or(i64::MAX);
    let fresh = age.min(published.expires - now).max(0);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, form.etag.clone());
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    // Token Status List §8: wallets in browsers read it.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Ok(value) =
        HeaderValue::from_str(&format!("public, max-age={fresh}, no-transform, must-revalidate"))
    {
        headers.insert(header::CACHE_CONTROL, value);
    }
    response
}

/// Whether CWT is accepted, and JWT not at least as gladly. Weights are looked at, the finer rules of RFC 9110 §12.5.1 are not:
/// both forms say the same.
fn wants_cwt(headers: &HeaderMap) -> bool {
    let weight = |wanted: &str| {
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = accepted.flat_map(|value| value.split(','));
        let weights = ranges.filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            named.then(|| weight.and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0))
        });
        weights.fold(0.0, f32::max)
    };
    weight(CWT) > weight(JWT)
}

const JWT: &str = "application/statuslist+jwt";
const CWT: &str = "application/statuslist+cwt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cwt_is_for_who_wants_one() {
        for (accept, cwt) in [
            ("", false),
            ("*/*", false),
            (JWT, false),
            (CWT, true),
            ("application/statuslist+jwt, application/statuslist+cwt", false),
            ("application/statuslist+jwt;q=0.5, application/statuslist+cwt", true),
            ("Application/StatusList+CWT;q=0.1", true),
            ("application/statuslist+cwt;q=0", false),
            ("application/statuslist+cwt;q=x, text/html", true),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_cwt(&headers), cwt, "{accept}");
        }
    }
}
