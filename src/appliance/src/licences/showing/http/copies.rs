//! Routes of annotated copies.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::copies::{self, Made, kept};
use super::super::model::{LicenceCopyLine, NewLicenceCopy};
use super::{Page, Result2, answer, document, limit, named, read};
use crate::app::App;
use crate::documents::model::BadParameter;
use crate::documents::replay::ReplayKey;
use crate::policy::{AnnotateLicence, ReadLicenceCopies};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(annotate_licence, list_annotated_copies))
        .routes(routes!(read_annotated_copy))
        .routes(routes!(fetch_annotated_copy))
}

/// Have an annotated copy made
///
/// The licence's pages with purpose, recipient, number and end on each (加注件), sealed by the seal of its type. For the
/// holder through their platform (`holder`), for a department by a query whose rule allows the document (`query`), and for
/// who issued the licence.
#[utoipa::path(post, path = "/v1/licences/{id}/annotated-copies", params(("id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find the first one's copy")),
    tag = "licence-use", request_body = NewLicenceCopy, responses((status = 201, content_type = "application/pdf", body = Vec<u8>)))]
async fn annotate_licence(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let new: NewLicenceCopy = read(&body)?;
    let (resource, licence) = named(&app, &id).await?;
    let permit = session.permit::<AnnotateLicence>(resource)?;
    new.check()?;
    let parts = [id.as_bytes(), body.as_ref()];
    let replay = ReplayKey::of(&headers, &session.caller().id, "annotated-copies", &parts)?;
    let made = copies::annotate(&app, &permit, &id, licence, &new, replay.as_ref()).await?;
    let (licence, number) = made.row.id().rsplit_once(':').unwrap_or_default();
    let location = format!("/v1/licences/{licence}/annotated-copies/{number}");
    let mut response = file(StatusCode::CREATED, &made)?;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn file(status: StatusCode, made: &Made) -> Result<Response> {
    let name = made.row.id().replace(':', "-");
    document(status, &made.artefact, &name, made.committed.leaf)
}

/// One page of annotated copies, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct LicenceCopies {
    /// The copies.
    items: Vec<LicenceCopyLine>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// List the annotated copies of a licence
///
/// Those that the caller had made; officers see those of their organisation, and of whoever issued the licence all. What they
/// were for is not told here. The look is entered.
#[utoipa::path(get, path = "/v1/licences/{id}/annotated-copies", params(("id" = String, Path), Page), tag = "licence-use",
    responses((status = 200, body = LicenceCopies)))]
async fn list_annotated_copies(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    page: Result2<Query<Page>, QueryRejection>,
) -> Result<Response> {
    let Query(page) = page?;
    let (resource, licence) = named(&app, &id).await?;
    let permit = session.permit::<ReadLicenceCopies>(resource)?;
    let limit = limit(page.limit)?;
    let before = match page.after.as_deref() {
        None => i64::MAX,
        Some(after) => after
            .parse()
            .map_err(|_| BadParameter { name: "after", reason: "send `next` of the page before" })?,
    };
    let licence = licence.ok_or_else(none)?;
    let (mut items, leaf) = kept::list(&app, &permit, &licence, before, limit).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > most;
    items.truncate(most);
    let next = items.last().filter(|_| more).map(|last| last.number.to_string());
    Ok(answer(StatusCode::OK, Some(leaf), &LicenceCopies { items, next }))
}

/// Fetch the file of an annotated copy again
///
/// For the registration that had it made, officers of its organisation, and officers of who issued the licence. A copy whose
/// time is over is told as such (`licence-copy-over`, 410). Each look is entered before the first octet leaves.
#[utoipa::path(get, path = "/v1/licences/{id}/annotated-copies/{number}/document", tag = "licence-use",
    params(("id" = String, Path), ("number" = i64, Path)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>)))]
async fn fetch_annotated_copy(
    State(app): State<Arc<App>>,
    session: Session,
    Path((id, number)): Path<(String, i64)>,
) -> Result<Response> {
    let (resource, licence) = named(&app, &id).await?;
    let permit = session.permit::<ReadLicenceCopies>(resource)?;
    let licence = licence.ok_or_else(none)?;
    let row = kept::own(&app, permit.caller(), &licence, number).await?;
    file(StatusCode::OK, &kept::fetch(&app, &permit, row).await?)
}

fn none() -> Problem {
    Problem::new(Kind::NotFound, "There is no such copy of yours.")
}

/// Read the metadata of an annotated copy
///
/// By the keys of GB/T 36903, for the organisation that had it made and for the one that issued the licence.
#[utoipa::path(get, path = "/v1/licences/{id}/annotated-copies/{number}", tag = "licence-use",
    params(("id" = String, Path), ("number" = i64, Path)), responses((status = 200, body = Object)))]
async fn read_annotated_copy(
    State(app): State<Arc<App>>,
    session: Session,
    Path((id, number)): Path<(String, i64)>,
) -> Result<Response> {
    let (resource, licence) = named(&app, &id).await?;
    let permit = session.permit::<AnnotateLicence>(resource)?;
    let licence = licence.ok_or_else(none)?;
    let row = kept::copy(&app, licence.id(), number).await?.ok_or_else(none)?;
    Ok(answer(StatusCode::OK, None, &kept::metadata(&app, &permit, &licence, &row).await?))
}
