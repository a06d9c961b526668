//! Routes of the record: `GET /v1/receipts/{leaf}`, `GET /v1/audit/entries`, `GET /v1/audit/entries/{leaf}`,
//! `POST /v1/audit/entries/{leaf}/erase`.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::documents::http::LEAF;
use crate::journal::{Detail, Entry, Unit};
use crate::policy::{Action, EraseDetail, IssueTimestamp, ReadAudit, ReadReceipt, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(receipt))
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(erase))
}

/// The receipt of an act: proves offline that the log holds it.
///
/// Text is C2SP tlog-proof with the leaf in its `extra` line; `cinnabar receipt verify` reads it.
#[utoipa::path(
    get,
    path = "/v1/receipts/{leaf}",
    params(("leaf" = u64, Path, description = "Leaf of the log, as in `Cinnabar-Leaf`")),
    responses(
        (status = 200, description = "The receipt; JSON when asked for", content_type = "text/plain"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "audit"
)]
async fn receipt(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    Path(leaf): Path<u64>,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let entry = unsealed.journal.entry(leaf).await?;
    let own = session.caller().id.as_str();
    // Time-stamps are recorded in batches by the appliance itself; whoever has one in the batch may prove it.
    let is_stamps = entry.json.get("action").and_then(Value::as_str) == Some(IssueTimestamp::NAME);
    let callers = entry.json.pointer("/facts/callers").filter(|_| is_stamps);
    let in_batch = callers.is_some_and(|callers| callers.get(own).is_some());
    let actor = entry.json.pointer("/actor/id").and_then(Value::as_str).unwrap_or_default();
    let caller = if in_batch { own } else { actor };
    session.permit::<ReadReceipt>(Resource::receipt(leaf, caller))?;
    let receipt = unsealed.journal.receipt(leaf).await?;
    let wants_json = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    if wants_json {
        return Ok(Json(receipt).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], receipt.to_text()).into_response())
}

/// Which entries to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct EntryQuery {
    /// First leaf; 0 when left out.
    from: Option<u64>,
    /// Most entries in a page, 1 to 200.
    limit: Option<u32>,
}

/// One entry.
#[derive(Debug, Serialize, ToSchema)]
struct EntryView {
    /// Its leaf.
    leaf: u64,
    /// What it says.
    entry: Value,
    /// Personal detail: absent in lists; `null` when there is none; `"erased"` when it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Value>,
}

/// One page of entries.
#[derive(Debug, Serialize, ToSchema)]
struct EntryPage {
    /// The entries, oldest first, without personal detail.
    entries: Vec<EntryView>,
    /// `from` of the next page, if there is one.
    next: Option<u64>,
}

/// List entries of the log, for auditors.
#[utoipa::path(
    get,
    path = "/v1/audit/entries",
    params(EntryQuery),
    responses(
        (status = 200, description = "One page", body = EntryPage),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "audit"
)]
async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<EntryQuery>, QueryRejection>,
) -> Result<Json<EntryPage>> {
    let unsealed = app.unsealed()?;
    let Query(query) = query?;
    session.permit::<ReadAudit>(Resource::log())?;
    let from = query.from.unwrap_or(0);
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let size = unsealed.journal.size();
    let found = if from < size { unsealed.journal.entries(from, limit).await? } else { Vec::new() };
    let next = found.last().map(|entry| entry.leaf + 1).filter(|next| *next < size);
    let entries = found.into_iter().map(|entry| view(entry, None)).collect();
    Ok(Json(EntryPage { entries, next }))
}

/// Read one entry with its personal detail. The read is an entry itself, durable before this answer leaves.
#[utoipa::path(
    get,
    path = "/v1/audit/entries/{leaf}",
    params(("leaf" = u64, Path, description = "Leaf of the log")),
    responses(
        (status = 200, description = "The entry", body = EntryView),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "audit"
)]
async fn one(State(app): State<Arc<App>>, session: Session, Path(leaf): Path<u64>) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let permit = session.permit::<ReadAudit>(Resource::log())?;
    let entry = unsealed.journal.entry(leaf).await?;
    let detail = match unsealed.journal.detail(leaf).await? {
        Detail::None => Value::Null,
        Detail::Erased => json!("erased"),
        Detail::Open(detail) => detail,
    };
    let unit = Unit::new(permit.act()).facts(json!({ "leaf": leaf }));
    let recorded = unsealed.journal.commit(unit).await?;
    let mut response = Json(view(entry, Some(detail))).into_response();
    response.headers_mut().insert(LEAF, HeaderValue::from(recorded.leaf));
    Ok(response)
}

/// Erase the personal detail of an entry: its key is destroyed, every proof keeps verifying.
#[utoipa::path(
    post,
    path = "/v1/audit/entries/{leaf}/erase",
    params(("leaf" = u64, Path, description = "Leaf of the log")),
    responses(
        (status = 204, description = "Erased; the erasure is an entry",
         headers(("Cinnabar-Leaf" = u64, description = "Leaf of the erasure"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "audit"
)]
async fn erase(State(app): State<Arc<App>>, session: Session, Path(leaf): Path<u64>) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let permit = session.permit::<EraseDetail>(Resource::log())?;
    match unsealed.journal.detail(leaf).await? {
        Detail::Open(_) => {}
        Detail::None => return Err(Problem::new(Kind::NotFound, "The entry has no personal detail.")),
        Detail::Erased => return Err(Problem::new(Kind::Conflict, "The detail was erased already.")),
    }
    let committed = unsealed.journal.commit(Unit::new(permit.act()).erase_detail(leaf)).await?;
    let mut response = http::StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(LEAF, HeaderValue::from(committed.leaf));
    Ok(response)
}

fn view(entry: Entry, detail: Option<Value>) -> EntryView {
    EntryView { leaf: entry.leaf, entry: entry.json, detail }
}
