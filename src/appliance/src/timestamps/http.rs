//! The authority's two doors: `POST /tsa` on the public listener, `POST /v1/timestamps` on the platform API.
//!
//! Both speak RFC 3161 §3.4: a refusal is a response with a status of its own and HTTP status 200. When the authority
//! itself cannot serve, strangers get 503 with a response that says so, registered callers the problem that every other
//! route would answer with.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, http};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use pki::tsp::{Failure, QUERY, REPLY, TimeStampReq};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::office::{self, Asker, Issued, Office, Refusal};
use crate::app::App;
use crate::documents::http::LEAF;
use crate::policy::{IssueTimestamp, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::limits::network;
use crate::server::visit::Arrival;

/// Header with a token's inclusion proof in its batch (RFC 9651): `index=1, size=3, path=(:…=: :…=:)`.
pub const BATCH_PROOF: &str = "cinnabar-batch-proof";

/// The routes of the platform API.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(issue))
}

/// The routes of the public listener.
pub fn public() -> Router<Arc<App>> {
    Router::new().route("/tsa", axum::routing::post(anybody))
}

/// Have a digest time-stamped.
///
/// RFC 3161: a TimeStampReq is answered with a TimeStampResp, a refusal with one that says so. A token leaves only after
/// its batch is durable in the log.
#[utoipa::path(
    post,
    path = "/v1/timestamps",
    request_body(content = Vec<u8>, content_type = "application/timestamp-query"),
    responses(
        (status = 200, description = "The response; read its status", content_type = "application/timestamp-reply",
         headers(("Cinnabar-Leaf" = Option<u64>, description = "Leaf of the log that records the token's batch"),
                 ("Cinnabar-Batch-Proof" = Option<String>, description = "Inclusion proof of the token's TSTInfo in the batch (RFC 9651 dictionary: index, size, path)"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "timestamps"
)]
async fn issue(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let office = app.timestamps.as_ref().ok_or_else(off)?;
    expect_query(&headers)?;
    let permit = session.permit::<IssueTimestamp>(Resource::appliance())?;
    let request = take(&app, body).await?;
    match office::stamp(&app, office, Asker::Caller(permit), &request).await {
        Err(refusal) if refusal.failure() == Failure::SystemFailure => Err(problem(refusal)),
        issued => Ok(reply(issued)),
    }
}

/// What a registered caller is told when the fault is ours.
fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Commit(error) => error.into(),
        Refusal::Overloaded => {
            Problem::new(Kind::Overloaded, "Too many time-stamps are under way; try again shortly.")
                .retry_after(1)
        }
        Refusal::Sealed => {
            Problem::new(Kind::Sealed, "An operator must unseal the appliance.").retry_after(30)
        }
        refusal => {
            let problem = Problem::new(Kind::NotReady, "The authority is not in service; tell the operator.");
            problem.log(refusal.cause().unwrap_or_default()).retry_after(30)
        }
    }
}

async fn anybody(
    State(app): State<Arc<App>>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let office: &Office = app.timestamps.as_ref().filter(|office| office.is_public()).ok_or_else(off)?;
    let Extension(arrival) = arrival.ok_or_else(|| Problem::internal("no arrival at the public listener"))?;
    office.rates.count(&network(arrival.remote.ip()).to_string()).map_err(|wait| {
        Problem::new(Kind::TooManyRequests, "Your address has sent its share; wait as `Retry-After` says.")
            .retry_after(wait.as_secs() + 1)
    })?;
    expect_query(&headers)?;
    let request = take(&app, body).await?;
    Ok(reply(office::stamp(&app, office, Asker::Anonymous, &request).await))
}

fn reply(issued: std::result::Result<Issued, Refusal>) -> Response {
    let (status, body, recorded) = match issued {
        Ok(issued) => {
            (StatusCode::OK, pki::tsp::granted(&issued.token), Some((issued.leaf, issued.proof.to_string())))
        }
        Err(refusal) => {
            let failure = refusal.failure();
            if let Some(cause) = refusal.cause() {
                tracing::warn!(failure = failure.name(), cause, "no time-stamp");
            }
            let status = match failure {
                Failure::SystemFailure => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::OK,
            };
            (status, pki::tsp::rejection(failure, &refusal.to_string()), None)
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(REPLY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    }
    if let Some((leaf, proof)) = recorded {
        headers.insert(LEAF, HeaderValue::from(leaf));
        if let Ok(proof) = HeaderValue::try_from(proof) {
            headers.insert(BATCH_PROOF, proof);
        }
    }
    response
}

fn off() -> Problem {
    Problem::new(
        Kind::NotFound,
        "There is no time-stamping authority here; an operator can add `[timestamps]`.",
    )
}

fn expect_query(headers: &HeaderMap) -> Result<()> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(QUERY) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::UnsupportedMediaType,
        "Send the request as `Content-Type: application/timestamp-query`.",
    ))
}

/// The body, bounded in length and time.
async fn take(app: &App, body: Body) -> Result<Bytes> {
    let pause = Duration::from_secs(app.config.limits.body_chunk_seconds);
    let collected = tokio::time::timeout(pause, Limited::new(body, TimeStampReq::LARGEST).collect()).await;
    let collected =
        collected.map_err(|_| Problem::new(Kind::Timeout, "Send the request without long pauses."))?;
    let body = collected.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => {
            let limit = TimeStampReq::LARGEST;
            Problem::new(Kind::BodyTooLarge, format!("Send at most {limit} octets."))
        }
        None => Problem::new(Kind::MalformedRequest, "Send the whole request.").log(error),
    })?;
    Ok(body.to_bytes())
}
