//! Routes of documents handed in with an application: `GET /v1/seal-applications/{id}/documents`, and one of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::attachments::{AttachedDocument, AttachmentError, key, of_application, opened};
use super::super::records::text;
use super::applications::readable;
use crate::app::App;
use crate::documents::http::LEAF;
use crate::journal::Unit;
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::tables::SEAL_DOCUMENTS;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// The documents of an application.
#[derive(Debug, Serialize, ToSchema)]
struct Documents {
    /// The documents, in the order in which they came.
    documents: Vec<AttachedDocument>,
}

/// List the documents handed in with an application
#[utoipa::path(get, path = "/v1/seal-applications/{id}/documents", operation_id = "application_documents",
    params(("id" = String, Path)), tag = "seals",
    responses((status = 200, description = "The documents", body = Documents)))]
async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Json<Documents>> {
    let (_, application) = readable(&app, &session, &id).await?;
    let rows = of_application(&app.db, application.id()).await?;
    Ok(Json(Documents { documents: rows.iter().map(AttachedDocument::from).collect() }))
}

/// Read a document handed in with an application
///
/// It may name persons: the reading is entered before the document leaves.
#[utoipa::path(get, path = "/v1/seal-applications/{id}/documents/{document}",
    operation_id = "application_document", params(("id" = String, Path), ("document" = String, Path)), tag = "seals",
    responses((status = 200, description = "The document", content_type = "application/pdf"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn one(
    State(app): State<Arc<App>>,
    session: Session,
    Path((id, document)): Path<(String, String)>,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let (permit, application) = readable(&app, &session, &id).await?;
    let row = app.db.row(&SEAL_DOCUMENTS, &document).await?;
    let row = row.filter(|row| text(row, "application") == application.id()).ok_or_else(|| {
        Problem::new(Kind::NotFound, "The application has no such document.").with("zh", "该申请没有此材料")
    })?;
    let label = key(&app).ok_or_else(|| Problem::internal("the hierarchy has no key for personal detail"))?;
    let octets = opened(unsealed.custody.as_ref(), &label, &row)?;
    let facts = json!({ "application": id, "document": row.id(), "sha256": text(&row, "sha256") });
    let committed = unsealed.journal.commit(Unit::new(permit.act()).facts(facts)).await?;
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::try_from(text(&row, "media_type")).map_err(Problem::internal)?;
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(LEAF, HeaderValue::from(committed.leaf));
    // A document from outside: kept from being anything but what it is, and from staying anywhere.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok((headers, octets).into_response())
}

impl From<AttachmentError> for Problem {
    fn from(error: AttachmentError) -> Self {
        let (kind, zh) = match &error {
            AttachmentError::Name => (Kind::InvalidParameter, "材料名称须为1至120个可见字符"),
            AttachmentError::Format(_) => (Kind::InvalidParameter, "材料须为PDF、PNG或JPEG"),
            AttachmentError::Size { .. } => (Kind::BodyTooLarge, "材料为空或过大"),
            AttachmentError::Many { .. } => (Kind::BodyTooLarge, "材料过多"),
        };
        Self::new(kind, error.to_string()).with("zh", zh)
    }
}
