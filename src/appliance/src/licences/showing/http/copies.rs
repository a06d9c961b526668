//! Routes of annotated copies.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::copies;
use super::super::model::NewLicenceCopy;
use super::{Result2, answer, document, named};
use crate::app::App;
use crate::policy::AnnotateLicence;
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(annotate_licence)).routes(routes!(read_annotated_copy))
}

/// Have an annotated copy made
///
/// The licence's pages with purpose, recipient, number and end on each (加注件), sealed by the seal of its type. For the
/// holder through their platform (`holder`), for a department by a query whose rule allows the document (`query`), and for
/// who issued the licence.
#[utoipa::path(post, path = "/v1/licences/{id}/annotated-copies", params(("id" = String, Path)), tag = "licence-use",
    request_body = NewLicenceCopy, responses((status = 201, content_type = "application/pdf", body = Vec<u8>)))]
async fn annotate_licence(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: Result2<Json<NewLicenceCopy>, JsonRejection>,
) -> Result<Response> {
    let Json(new) = body?;
    let (resource, licence) = named(&app, &id).await?;
    let permit = session.permit::<AnnotateLicence>(resource)?;
    new.check()?;
    let made = copies::annotate(&app, &permit, licence, &new).await?;
    let (licence, number) = made.row.id().rsplit_once(':').unwrap_or_default();
    let mut response =
        document(StatusCode::CREATED, &made.artefact, &format!("{licence}-{number}"), made.committed.leaf)?;
    let location = format!("/v1/licences/{licence}/annotated-copies/{number}");
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
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
    let none = || Problem::new(Kind::NotFound, "There is no such copy of yours.");
    let licence = licence.ok_or_else(none)?;
    let row = copies::copy(&app, licence.id(), number).await?.ok_or_else(none)?;
    Ok(answer(StatusCode::OK, None, &copies::metadata(&app, &permit, &licence, &row).await?))
}
