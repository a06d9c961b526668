//! Routes of documents: `POST /v1/documents/seal`, `POST /v1/documents/verify`, `GET /v1/seal-uses/{id}`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pdf::syntax::Source;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{SealQuery, SealUse};
use super::records;
use super::replay::ReplayKey;
use super::service::{self, DocumentError, Tools};
use super::verification::Evidence;
use crate::app::App;
use crate::identity::IdentifyError;
use crate::journal::CommitError;
use crate::policy::{ReadSeal, Resource, SealDocument, VerifyDocument};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::spill::{Spooled, SpooledBody, Terms};

/// Header that names the leaf of the log.
pub const LEAF: &str = "cinnabar-leaf";

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(seal)).routes(routes!(verify)).routes(routes!(seal_use))
}

/// Seal a PDF.
///
/// The answer is the document with one incremental update appended (PAdES B-B); no octet of the original is
/// changed. It leaves only after its record is durable.
#[utoipa::path(
    post,
    path = "/v1/documents/seal",
    params(SealQuery, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    request_body(content = Vec<u8>, content_type = "application/pdf"),
    responses(
        (status = 201, description = "The sealed PDF", content_type = "application/pdf",
         headers(("Location" = String, description = "The seal-use record"),
                 ("Cinnabar-Leaf" = u64, description = "Leaf of the log; its receipt is at /v1/receipts/{leaf}"),
                 ("Content-Digest" = String, description = "RFC 9530"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
async fn seal(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<SealQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let text = query.as_ref().map(|Query(q)| format!("{q:?}")).unwrap_or_default();
    let request = query?.0.check()?;
    expect_pdf(&headers)?;
    let chain = app.desk.chain(&app).map_err(Problem::internal)?;
    let ready = app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, &request.seal).await?;
    let resource = Resource::seal(&ready.summary.id, &ready.summary.organisation);
    let resource = resource.at_version(ready.summary.version);
    // Nothing is taken in from those who may not, and nothing is sealed for those who may no longer.
    let mut permit = session.permit::<SealDocument>(resource.clone())?;
    let document = take(&app, &session, &headers, body).await?;
    let renewed = session.renewed()?;
    if !Arc::ptr_eq(renewed.caller(), session.caller()) {
        permit = renewed.permit::<SealDocument>(resource)?;
    }
    let caller = &session.caller().id;
    let replay = ReplayKey::of(&headers, caller, "documents/seal", &[text.as_bytes(), &document.sha256()])?;
    let tools = Tools {
        db: &app.db,
        journal: &unsealed.journal,
        custody: &unsealed.custody,
        replay_key: replay_key(&app)?,
    };
    let id = request.seal.clone();
    let sealed = match service::seal(&app.desk, tools, permit, &ready, request, &document, replay).await {
        Ok(sealed) => sealed,
        Err(DocumentError::Commit(CommitError::Conflict { table: "certificates", id }))
            if id == session.caller().fingerprint =>
        {
            return Err(IdentifyError::Revoked.into());
        }
        Err(error @ DocumentError::Commit(CommitError::Conflict { .. })) => {
            // The seal or its certificate changed meanwhile: why it cannot be used says more than that.
            app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, &id).await?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = Response::new(document.into_body(sealed.tail));
    *response.status_mut() = StatusCode::CREATED;
    let digest = hex::decode(&sealed.result_digest).unwrap_or_default();
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    set.insert(LEAF, HeaderValue::from(sealed.leaf));
    for (name, value) in [
        (header::LOCATION.as_str(), format!("/v1/seal-uses/{}", sealed.record)),
        ("content-digest", format!("sha-256=:{}:", STANDARD.encode(digest))),
    ] {
        set.insert(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
    }
    Ok(response)
}

/// Verify the signatures of a PDF against this appliance's authorities.
#[utoipa::path(
    post,
    path = "/v1/documents/verify",
    request_body(content = Vec<u8>, content_type = "application/pdf"),
    responses(
        (status = 200, description = "The report; a bad signature is a report, not an error", content_type = "application/json"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
async fn verify(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<serde_json::Value>> {
    let unsealed = app.unsealed()?;
    expect_pdf(&headers)?;
    let _permit = session.permit::<VerifyDocument>(Resource::document())?;
    let document = take(&app, &session, &headers, body).await?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let evidence = Evidence::of(&app).map_err(Problem::internal)?;
    let job = move || evidence.verify(document.as_ref(), now.div_euclid(1_000_000));
    let report = app.desk.work(job).await??;
    Ok(Json(serde_json::to_value(report).map_err(Problem::internal)?))
}

/// Read the record of one use of a seal.
#[utoipa::path(
    get,
    path = "/v1/seal-uses/{id}",
    params(("id" = String, Path, description = "Identifier of the record")),
    responses(
        (status = 200, description = "The record", body = SealUse),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
async fn seal_use(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    let found = records::find(&app.db, &id).await?;
    let found = found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such record."))?;
    let _permit = session.permit::<ReadSeal>(Resource::seal(&found.used.seal, &found.organisation))?;
    let mut response = Json(&found.used).into_response();
    response.headers_mut().insert(LEAF, HeaderValue::from(found.leaf));
    Ok(response)
}

/// Label of the key that protects replay copies.
fn replay_key(app: &App) -> Result<&str> {
    let key = app.hierarchy.data_key("replay");
    key.map(|key| key.label.as_str()).ok_or_else(|| Problem::internal("the hierarchy has no `replay` key"))
}

fn expect_pdf(headers: &HeaderMap) -> Result<()> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/pdf") {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, "Send the document as `Content-Type: application/pdf`."))
}

/// Takes in the document and holds it against the digest the caller sent, if any (RFC 9530).
async fn take(app: &App, session: &Session, headers: &HeaderMap, body: Body) -> Result<Arc<Spooled>> {
    let limits = &app.config.limits;
    let terms = Terms {
        limit: limits.body,
        threshold: limits.spill_threshold,
        folder: &app.config.appliance.state,
        pause: Duration::from_secs(limits.body_chunk_seconds),
    };
    let document = SpooledBody::collect(body, terms).await?.keeping(session.body_place());
    if document.is_empty() {
        return Err(Problem::new(Kind::MalformedRequest, "The body is empty; send the document in it."));
    }
    if let Some(claimed) = claimed_digest(headers)
        && claimed != document.sha256()
    {
        let text = "The body does not have the digest in `Content-Digest`; send it again.";
        return Err(Problem::new(Kind::MalformedRequest, text));
    }
    Ok(Arc::new(document))
}

/// The SHA-256 in `Content-Digest`; other algorithms are ignored (RFC 9530 §2).
fn claimed_digest(headers: &HeaderMap) -> Option<Vec<u8>> {
    let text = headers.get("content-digest")?.to_str().ok()?;
    let member = text.split(',').map(str::trim).find_map(|m| m.strip_prefix("sha-256="))?;
    let inner = member.strip_prefix(':')?.split(':').next()?;
    STANDARD.decode(inner).ok().or(Some(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn only_pdf_bodies_are_taken() {
        assert!(expect_pdf(&headers("content-type", "Application/PDF; q=1")).is_ok());
        for other in ["text/plain", "application/pdfx", "", "multipart/form-data"] {
            assert!(expect_pdf(&headers("content-type", other)).is_err(), "{other}");
        }
        assert!(expect_pdf(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_claimed_digest_that_does_not_read_matches_nothing() {
        let of = |v| claimed_digest(&headers("content-digest", v));
        assert_eq!(of("sha-512=:AA==:, sha-256=:AQID:"), Some(vec![1, 2, 3]));
        assert_eq!(of("sha-512=:AA==:"), None);
        assert_eq!(of("sha-256=:%%:"), Some(Vec::new()));
    }
}
