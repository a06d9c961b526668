//! Routes of queries by departments.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{LicenceQueryAnswer, NewLicenceQuery};
use super::super::query;
use super::{Result2, answer, document, is_record};
use crate::app::App;
use crate::licences::library::{self, records};
use crate::policy::{QueryLicences, Resource};
use crate::problem::Result;
use crate::server::Session;
use crate::store::tables::{LICENCE_QUERIES, LICENCE_TYPES};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(query_licences)).routes(routes!(fetch_document))
}

/// What policies are asked about: a type, known or not.
async fn type_resource(app: &App, code: &str) -> Result<Resource> {
    let row = if code.contains('\0') { None } else { app.db.row(&LICENCE_TYPES, code).await? };
    Ok(match row {
        Some(row) => {
            Resource::licence_type(row.id(), records::text(&row, "organisation")).at_version(row.version())
        }
        None => Resource::licence_type("unknown", ""),
    })
}

/// Take licences by their holder
///
/// By a department, for an item and a case (免证办, 依职能查验). The rules of the type say which fields for which purpose;
/// where they allow the sealed document, it is had by the path in the answer for ten minutes. Each answer is an entry of the
/// log, and the holder sees who looked.
#[utoipa::path(post, path = "/v1/licence-queries", tag = "licence-use", request_body = NewLicenceQuery,
    responses((status = 200, body = LicenceQueryAnswer)))]
async fn query_licences(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<NewLicenceQuery>, JsonRejection>,
) -> Result<Response> {
    let Json(asked) = body?;
    let resource = type_resource(&app, &asked.type_code).await?;
    let permit = session.permit::<QueryLicences>(resource)?;
    asked.check()?;
    let answered = query::query(&app, &permit, &asked).await?;
    Ok(answer(StatusCode::OK, Some(answered.leaf), &answered))
}

/// Fetch the sealed document of a licence that a query took
#[utoipa::path(get, path = "/v1/licence-queries/{id}/documents/{identifier}", tag = "licence-use",
    params(("id" = String, Path), ("identifier" = String, Path)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>)))]
async fn fetch_document(
    State(app): State<Arc<App>>,
    session: Session,
    Path((id, identifier)): Path<(String, String)>,
) -> Result<Response> {
    let row = if is_record(&id) { app.db.row(&LICENCE_QUERIES, &id).await? } else { None };
    let code = row.as_ref().map(|row| records::text(row, "type").to_owned()).unwrap_or_default();
    let permit = session.permit::<QueryLicences>(type_resource(&app, &code).await?)?;
    let row = row.ok_or_else(query::no_query)?;
    let licence = library::find(&app, &identifier).await?.ok_or_else(query::no_query)?;
    let (artefact, committed) = query::document(&app, &permit, &row, &licence).await?;
    document(StatusCode::OK, &artefact, licence.identifier(), committed.leaf)
}
