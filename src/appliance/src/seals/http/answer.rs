//! What answers about seals have in common: the version that was read, the leaf of an act.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::documents::http::LEAF;
use crate::identity::CallerKind;
use crate::policy::{ListSeals, Resource};
use crate::problem::Result;
use crate::server::Session;
use crate::server::conditional;

/// A record, with its version and, after an act, the leaf that proves it.
pub(crate) fn answer<T: Serialize>(
    status: StatusCode,
    body: &T,
    version: i64,
    leaf: Option<u64>,
) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(tag(version)) {
        headers.insert(header::ETAG, value);
    }
    if let Some(leaf) = leaf {
        headers.insert(LEAF, HeaderValue::from(leaf));
    }
    response
}

/// That `If-Match` names this version.
///
/// # Errors
/// The problem to answer.
pub(crate) fn matching(headers: &HeaderMap, version: i64) -> Result<()> {
    conditional::matching(headers, version, "step")
}

/// Cuts a list that was read with one more than asked for; the cursor of the next page, if there is one.
pub(crate) fn cut<T>(items: &mut Vec<T>, limit: u32, id: impl Fn(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    items.last().filter(|_| more).map(id)
}

/// Whose records a list is of: of the organisation that was named, which then has to be permitted; else of all of them for
/// those people whom the policies let see all, and of the caller's own organisation for everybody else. What is asked of the
/// policies is what is read.
///
/// # Errors
/// The `forbidden` problem.
pub(super) fn listed(session: &Session, named: Option<String>) -> Result<Option<String>> {
    let caller = session.caller();
    let everyone = || session.permit::<ListSeals>(Resource::organisation("*")).is_ok();
    if named.is_none() && caller.kind != CallerKind::Machine && everyone() {
        return Ok(None);
    }
    let organisation = named.unwrap_or_else(|| caller.organisation.clone());
    session.permit::<ListSeals>(Resource::organisation(&organisation))?;
    Ok(Some(organisation))
}

/// A picture; an SVG is a document: whatever shows it is to run and fetch nothing.
pub(super) fn picture(octets: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, super::super::picture::media_type(&octets)),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, octets).into_response()
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}
