//! Taking a licence over, as JSON or as a form with the document behind it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::import::{self, Import, ImportError};
use super::super::service::kept;
use super::answer::Standing;
use super::operations::{again, read, seconds};
use crate::app::App;
use crate::documents::intake::{Form, named};
use crate::documents::replay::ReplayKey;
use crate::journal::{CommitError, Unit};
use crate::licences::catalogue::Published;
use crate::policy::{ImportLicence, Resource};
use crate::problem::{Problem, Result};
use crate::server::Session;
use crate::store::Row;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(take_over))
}

/// A licence with its document.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a multipart body, which is read part by part")]
struct ImportForm {
    /// The licence; comes first.
    request: Import,
    /// The PDF that was issued then; kept as it is.
    #[schema(value_type = Option<String>, format = Binary)]
    document: Option<Vec<u8>>,
}

/// Take a licence over (入库)
///
/// One that was issued elsewhere or before, with the identifier it has. What is odd about it stays on its record as a warning: a
/// check character that does not fit, fields that the type's schema would not take. A PDF that comes along is kept encrypted, as
/// it is; it gets no seal of this appliance.
#[utoipa::path(post, path = "/v1/licences/import", tag = "licences",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find the first one's licence")),
    request_body(content((Import = "application/json"), (ImportForm = "multipart/form-data"))),
    responses((status = 201, description = "The licence; `warnings` says what is odd about it", body = Standing),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn take_over(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    app.require_unsealed()?;
    let (request, form) = Form::request(&app, &headers, body, REQUEST, "licence").await?;
    let order: Import = read(&request)?;
    let kind = import::type_of(&app, &order.identifier).await?;
    // Nothing more is taken in from those who may not.
    session.permit::<ImportLicence>(resource(&kind))?;
    let document = match form {
        None => None,
        Some(mut form) => {
            let document = match form.next().await? {
                None => None,
                Some(field) => {
                    named(&field, "document")?;
                    Some(form.small(field, DOCUMENT).await?)
                }
            };
            form.end().await?;
            document
        }
    };
    // A body may take its sender minutes; whoever was retired meanwhile is not who asked.
    let session = session.renewed()?;
    let permit = session.permit::<ImportLicence>(resource(&kind))?;
    let parts = [request.as_slice(), document.as_deref().unwrap_or_default()];
    let replay = ReplayKey::of(&headers, &session.caller().id, permit.action(), &parts)?;
    if let Some(answer) = again(&app, replay.as_ref(), StatusCode::CREATED).await? {
        return Ok(answer);
    }
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let more = |unit: Unit, _: &Row, event: &Row| match &replay {
        Some(key) => Ok(unit.cache_insert(kept(&app, &unsealed, key, event, now)?)),
        None => Ok(unit),
    };
    let done = import::import(
        &app,
        &unsealed,
        &permit.act(),
        permit.caller(),
        &kind,
        &order,
        document.as_deref(),
        more,
    )
    .await;
    match done {
        Ok(done) => {
            let standing = Standing::of(&done.row, seconds());
            let standing = Standing { event: Some(done.event.id().to_owned()), ..standing };
            let location = format!("/v1/licences/{}", standing.id);
            let mut response = standing.answer(StatusCode::CREATED, Some(done.committed.leaf));
            let location = HeaderValue::try_from(location).map_err(Problem::internal)?;
            response.headers_mut().insert(header::LOCATION, location);
            Ok(response)
        }
        // The same request at the same time on another connection: its answer is this one's.
        Err(error @ (ImportError::Taken(_) | ImportError::Commit(CommitError::Exists { .. }))) => {
            again(&app, replay.as_ref(), StatusCode::CREATED).await?.ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The type of a licence that is brought, as policies are asked about it.
fn resource(kind: &Published) -> Resource {
    let issuers = kind.compiled.definition().issuers.clone();
    Resource::licence_type(kind.code(), kind.organisation.as_str()).granted_to(issuers)
}

/// Octets that the licence itself may have.
const REQUEST: usize = 128 * 1024;
/// Octets that its document may have.
const DOCUMENT: usize = 16 * 1024 * 1024;
