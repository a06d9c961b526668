//! Routes of delegations.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{LicenceDelegation, NewLicenceDelegation, OfHolder, Party};
use super::super::{delegation, parts};
use super::{Result2, answer, is_record, matching, named, read};
use crate::app::App;
use crate::documents::replay::ReplayKey;
use crate::licences::library::records;
use crate::policy::{DelegateLicence, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;
use crate::store::tables::LICENCE_DELEGATIONS;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(delegate_licence))
        .routes(routes!(list_delegations))
        .routes(routes!(revoke_delegation))
}

/// One page of delegations, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct LicenceDelegations {
    /// The delegations.
    items: Vec<LicenceDelegation>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// Who takes a delegation back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ByHolder {
    /// The holder of the licence.
    holder: Party,
}

/// Let an agent show a licence
///
/// By the platform that holders use. The agent's number is kept encrypted and as a keyed hash.
#[utoipa::path(post, path = "/v1/licence-delegations", tag = "licence-use", request_body = NewLicenceDelegation,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find the first one's delegation")),
    responses((status = 201, body = LicenceDelegation)))]
async fn delegate_licence(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let new: NewLicenceDelegation = read(&body)?;
    let (resource, licence) = named(&app, &new.licence).await?;
    let permit = session.permit::<DelegateLicence>(resource)?;
    new.check()?;
    let replay = ReplayKey::of(&headers, &session.caller().id, "licence-delegations", &[&body])?;
    let (row, leaf) = match delegation::before(&app, replay.as_ref()).await? {
        Some(known) => known,
        None => delegation::delegate(&app, &permit, licence, &new, replay.as_ref()).await?,
    };
    shown(&app, StatusCode::CREATED, &row, leaf)
}

/// List delegations
///
/// Of a holder's licences, or those that an agent was given. Who asks for whom is entered.
#[utoipa::path(post, path = "/v1/licence-delegations/of-holder", tag = "licence-use", request_body = OfHolder,
    responses((status = 200, body = LicenceDelegations)))]
async fn list_delegations(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<OfHolder>, JsonRejection>,
) -> Result<Response> {
    let Json(asked) = body?;
    let permit = session.permit::<DelegateLicence>(Resource::licence("of-holder", ""))?;
    let limit = asked.limit()?;
    let now = parts::now(&*app.unsealed()?)?;
    let rows = delegation::list(&app, &permit, &asked, limit).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let items: Vec<_> = rows.iter().take(most).map(|row| delegation::record(row, now)).collect();
    let next = items.last().filter(|_| rows.len() > most).map(|last| last.id.clone());
    Ok(answer(StatusCode::OK, None, &LicenceDelegations { items, next }))
}

/// Take a delegation back
///
/// The holder is named; codes made under it show nothing from then on.
#[utoipa::path(post, path = "/v1/licence-delegations/{id}/revoke", params(("id" = String, Path)), tag = "licence-use",
    request_body = ByHolder, responses((status = 200, body = LicenceDelegation)))]
async fn revoke_delegation(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result2<Json<ByHolder>, JsonRejection>,
) -> Result<Response> {
    let Json(by) = body?;
    let row = if is_record(&id) { app.db.row(&LICENCE_DELEGATIONS, &id).await? } else { None };
    let name = row.as_ref().map(|row| records::text(row, "licence").to_owned()).unwrap_or_default();
    let (resource, _) = named(&app, &name).await?;
    let permit = session.permit::<DelegateLicence>(resource)?;
    by.holder.check("holder")?;
    let row = row.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such delegation."))?;
    matching(&headers, &row)?;
    let (row, committed) = delegation::revoke(&app, &permit, row, &by.holder).await?;
    shown(&app, StatusCode::OK, &row, committed.leaf)
}

fn shown(app: &App, status: StatusCode, row: &Row, leaf: u64) -> Result<Response> {
    let now = parts::now(&*app.unsealed()?)?;
    let mut response = answer(status, Some(leaf), &delegation::record(row, now));
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", row.version())) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}
