//! Erasing what is personal of a licence.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::LifeError;
use super::super::erase::{self, Erasing};
use super::answer::{Standing, matching};
use super::operations::{again, read, seconds};
use super::{found, unknown};
use crate::app::App;
use crate::documents::replay::ReplayKey;
use crate::journal::CommitError;
use crate::policy::EraseLicence;
use crate::problem::Result;
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(erase_licence))
}

/// Erase what is personal of a licence (删除个人信息)
///
/// For ever, by a security officer, and only of a licence that leads nowhere any more: no operation that its type has is allowed
/// in its state. Its key is destroyed, its fields, documents and the hashes by which persons were found are removed. Where it
/// stands is told as before, reading it is answered `erased` (410), the status list stays. Backups made before are outside.
#[utoipa::path(post, path = "/v1/licences/{id}/erase", tag = "licences", request_body = Erasing,
    params(("id" = String, Path, description = "Identifier of the licence or of any of its versions"),
        ("If-Match" = String, Header, description = "The `ETag` of the licence as it was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find what the first one did")),
    responses((status = 200, description = "Erased", body = Standing),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn erase_licence(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    app.require_unsealed()?;
    let (resource, licence) = found(&app, &id).await?;
    let permit = session.permit::<EraseLicence>(resource)?;
    let licence = licence.ok_or_else(unknown)?;
    let parts = [licence.id().as_bytes(), body.as_ref()];
    let replay = ReplayKey::of(&headers, &session.caller().id, permit.action(), &parts)?;
    if let Some(answer) = again(&app, replay.as_ref(), StatusCode::OK).await? {
        return Ok(answer);
    }
    let order: Erasing = if body.is_empty() { Erasing::default() } else { read(&body)? };
    matching(&headers, licence.version())?;
    match erase::erase(&app, &permit, &licence, order, replay.as_ref()).await {
        Ok(done) => {
            let standing = Standing::of(&done.row, seconds());
            let standing = Standing { event: Some(done.event.id().to_owned()), ..standing };
            Ok(standing.answer(StatusCode::OK, Some(done.committed.leaf)))
        }
        // The same request at the same time on another connection: its answer is this one's.
        Err(LifeError::Lost | LifeError::Commit(CommitError::Exists { .. })) => {
            again(&app, replay.as_ref(), StatusCode::OK).await?.ok_or_else(|| LifeError::Lost.into())
        }
        Err(error) => Err(error.into()),
    }
}
