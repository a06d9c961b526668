//! The operations: one address each, one form for all.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::service::replay_label;
use super::super::{LifeError, Operates, Order, operate};
use super::answer::{Standing, matching};
use super::{found, unknown};
use crate::app::App;
use crate::documents::replay::ReplayKey;
use crate::journal::CommitError;
use crate::licences::library;
use crate::policy::{
    CancelLicence, ChangeLicence, CheckLicence, CorrectLicence, ReissueLicence, RenewLicence,
    ReportLicenceLost, ResumeLicence, RevokeLicence, SuspendLicence, TransferLicence, WithdrawLicence,
};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::tables::LICENCE_EVENTS;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(change))
        .routes(routes!(renew))
        .routes(routes!(correct))
        .routes(routes!(check))
        .routes(routes!(report_loss))
        .routes(routes!(reissue))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(revoke))
        .routes(routes!(withdraw))
        .routes(routes!(transfer))
}

macro_rules! operation {
    ($(#[$doc:meta])* $name:ident, $path:literal, $action:ty) => {
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "licences", request_body = Order,
            params(("id" = String, Path, description = "Identifier of the licence or of any of its versions"),
                ("If-Match" = String, Header, description = "The `ETag` of the licence as it was read"),
                ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find what the first one did")),
            responses((status = 200, description = "Done", body = Standing),
                (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
        async fn $name(
            State(app): State<Arc<App>>,
            session: Session,
            Path(id): Path<String>,
            headers: HeaderMap,
            body: Bytes,
        ) -> Result<Response> {
            perform::<$action>(&app, &session, &id, &headers, &body).await
        }
    };
}

operation! {
    /// Change a licence (变更)
    ///
    /// Makes a new version with other fields; the old one is kept and marked superseded.
    change, "/v1/licences/{id}/change", ChangeLicence
}
operation! {
    /// Renew a licence (延续)
    ///
    /// Makes a new version with a later end. What has expired may be renewed.
    renew, "/v1/licences/{id}/renew", RenewLicence
}
operation! {
    /// Mend a mistake in a licence (纠错)
    ///
    /// Makes a new version.
    correct, "/v1/licences/{id}/correct", CorrectLicence
}
operation! {
    /// Enter the annual check of a licence (年检)
    check, "/v1/licences/{id}/check", CheckLicence
}
operation! {
    /// Enter that a licence is reported lost (挂失)
    report_loss, "/v1/licences/{id}/report-loss", ReportLicenceLost
}
operation! {
    /// Issue a lost or damaged licence anew (补发)
    ///
    /// Makes a new version with the same fields; what was lost is worth nothing any more.
    reissue, "/v1/licences/{id}/reissue", ReissueLicence
}
operation! {
    /// Suspend a licence (暂扣)
    suspend, "/v1/licences/{id}/suspend", SuspendLicence
}
operation! {
    /// Lift a suspension or a report of loss
    resume, "/v1/licences/{id}/resume", ResumeLicence
}
operation! {
    /// Cancel a licence (注销)
    ///
    /// For ever.
    cancel, "/v1/licences/{id}/cancel", CancelLicence
}
operation! {
    /// Revoke a licence (吊销)
    ///
    /// For ever; takes an officer.
    revoke, "/v1/licences/{id}/revoke", RevokeLicence
}
operation! {
    /// Withdraw a licence (撤销)
    ///
    /// For ever; takes an officer.
    withdraw, "/v1/licences/{id}/withdraw", WithdrawLicence
}
operation! {
    /// Transfer a licence to another issuing body (转出)
    ///
    /// For ever.
    transfer, "/v1/licences/{id}/transfer", TransferLicence
}

async fn perform<A: Operates>(
    app: &Arc<App>,
    session: &Session,
    id: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response> {
    app.require_unsealed()?;
    let (resource, licence) = found(app, id).await?;
    let permit = session.permit::<A>(resource)?;
    let licence = licence.ok_or_else(unknown)?;
    let parts = [licence.id().as_bytes(), body];
    let replay = ReplayKey::of(headers, &session.caller().id, A::NAME, &parts)?;
    if let Some(answer) = again(app, replay.as_ref(), StatusCode::OK).await? {
        return Ok(answer);
    }
    let order: Order = if body.is_empty() { Order::default() } else { read(body)? };
    matching(headers, licence.version())?;
    match operate(app, &permit, licence, order, replay.as_ref()).await {
        Ok(done) => {
            let standing = Standing::of(&done.row, seconds());
            let standing = Standing { event: Some(done.event.id().to_owned()), ..standing };
            Ok(standing.answer(StatusCode::OK, Some(done.committed.leaf)))
        }
        // The same request at the same time on another connection: its answer is this one's.
        Err(LifeError::Lost | LifeError::Commit(CommitError::Exists { .. })) => {
            again(app, replay.as_ref(), StatusCode::OK).await?.ok_or_else(|| LifeError::Lost.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The answer of the first time to a request that is repeated.
pub(super) async fn again(
    app: &App,
    replay: Option<&ReplayKey>,
    status: StatusCode,
) -> Result<Option<Response>> {
    let Some(replay) = replay else { return Ok(None) };
    let unsealed = app.unsealed()?;
    let Some(kept) = replay.open(&app.db, &unsealed.custody, replay_label(app)?).await? else {
        return Ok(None);
    };
    let id = String::from_utf8_lossy(&kept).into_owned();
    let missing = || Problem::internal(format!("event `{id}` of an answered request is not there"));
    let event = app.db.row(&LICENCE_EVENTS, &id).await?.ok_or_else(missing)?;
    let licence = library::found(app, library::records::text(&event, "licence")).await?;
    let leaf = library::records::int(&event, "leaf").and_then(|leaf| u64::try_from(leaf).ok());
    let standing = Standing { event: Some(id.clone()), ..Standing::of(&licence.row, seconds()) };
    Ok(Some(standing.answer(status, leaf)))
}

pub(super) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("The order cannot be read: {error}.")))
}

/// For what is shown; acts take the journal's clock.
pub(super) fn seconds() -> i64 {
    Timestamp::now().as_second()
}
