//! Routes of show-codes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{NewShowCode, Redeeming, ShowCode, ShownLicence};
use super::super::redeem::{self, Viewer};
use super::super::show::{self, Repeatable};
use super::{Result2, answer, named};
use crate::app::App;
use crate::documents::replay::{HEADER, ReplayKey};
use crate::policy::ShowLicence;
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(make_show_code)).routes(routes!(redeem_show_code))
}

/// Have a show-code given out
///
/// By the platform that holders use, for the holder whom it has identified, or for an agent under a delegation. The code
/// shows the named fields of one licence as often and as long as is said; it is told once and kept as a hash only.
#[utoipa::path(post, path = "/v1/show-codes", tag = "licence-use", request_body = NewShowCode,
    responses((status = 201, body = ShowCode)))]
async fn make_show_code(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let new: NewShowCode = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(Kind::MalformedRequest, format!("The body is no request for a show-code: {error}."))
    })?;
    let (resource, licence) = named(&app, &new.licence).await?;
    let permit = session.permit::<ShowLicence>(resource)?;
    new.check()?;
    let caller = &session.caller().id;
    let key = ReplayKey::of(&headers, caller, "show-codes", &[&body])?;
    let repeatable = key.map(|key| Repeatable { key, message: message(&headers, caller, &body) });
    let (code, leaf) = show::show(&app, &permit, licence, &new, repeatable.as_ref()).await?;
    Ok(answer(StatusCode::CREATED, leaf, &code))
}

/// Caller, key and request, each behind its length.
fn message(headers: &HeaderMap, caller: &str, body: &[u8]) -> Vec<u8> {
    let key = headers.get(HEADER).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let mut message = Vec::with_capacity(64 + body.len());
    for part in [caller.as_bytes(), key, body] {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

/// Redeem a show-code
///
/// What the holder shows: the fields and where the licence stands. Each time counts; the holder sees who looked. A code that
/// is unknown, over or used up is one problem. Ten of these within a minute, and the caller waits.
#[utoipa::path(post, path = "/v1/show-codes/redeem", tag = "licence-use", request_body = Redeeming,
    responses((status = 200, body = ShownLicence)))]
async fn redeem_show_code(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<Redeeming>, JsonRejection>,
) -> Result<Response> {
    let Json(asked) = body?;
    let shown = redeem::redeem(&app, &Viewer::of(&session), &asked).await?;
    Ok(answer(StatusCode::OK, Some(shown.leaf), &shown))
}
