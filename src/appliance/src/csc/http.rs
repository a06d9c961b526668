//! Routes of remote signing. Version 2 stands in the OpenAPI document; version 1 differs in names alone.
//!
//! A body may take its sender minutes: whoever was revoked meanwhile, or lost a role, is asked for again behind it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use http::HeaderMap;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::authorize::{self, Asked};
use super::body::{SMALL, read};
use super::credentials::{self, InfoAsked, ListAsked, Version};
use super::error::Result;
use super::info;
use super::sign_doc::{self, DocAsked};
use super::sign_hash::{self, HashAsked};
use crate::app::App;
use crate::server::Session;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(info_v2))
        .routes(routes!(list_v2))
        .routes(routes!(credential_v2))
        .routes(routes!(authorize_v2))
        .routes(routes!(sign_hash_v2))
        .routes(routes!(sign_doc_v2))
        .route("/csc/v1/info", post(info_v1))
        .route("/csc/v1/credentials/list", post(list_v1))
        .route("/csc/v1/credentials/info", post(credential_v1))
        .route("/csc/v1/credentials/authorize", post(authorize_v2))
        .route("/csc/v1/signatures/signHash", post(sign_hash_v2))
}

/// What this service is and can.
#[utoipa::path(
    post, path = "/csc/v2/info", request_body = Object,
    responses((status = 200, description = "Information about the service (CSC API v2 §11.1)", body = Object)),
    tag = "csc"
)]
async fn info_v2(State(app): State<Arc<App>>) -> Json<Value> {
    info::info(&app, Version::Two)
}

async fn info_v1(State(app): State<Arc<App>>) -> Json<Value> {
    info::info(&app, Version::One)
}

/// Seals that the caller may use.
#[utoipa::path(
    post, path = "/csc/v2/credentials/list", request_body = ListAsked,
    responses((status = 200, description = "Identifiers of seals (CSC API v2 §11.4)", body = Object),
              (status = "4XX", description = "`error` and `error_description`", body = Object)),
    tag = "csc"
)]
async fn list_v2(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    Ok(credentials::list(&app, &session, read(&headers, body, SMALL).await?, Version::Two).await?)
}

async fn list_v1(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    Ok(credentials::list(&app, &session, read(&headers, body, SMALL).await?, Version::One).await?)
}

/// One seal: its key, its certificates, and how to have it sign.
#[utoipa::path(
    post, path = "/csc/v2/credentials/info", request_body = InfoAsked,
    responses((status = 200, description = "The credential (CSC API v2 §11.5)", body = Object),
              (status = "4XX", description = "`error` and `error_description`", body = Object)),
    tag = "csc"
)]
async fn credential_v2(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    Ok(credentials::info(&app, &session, read(&headers, body, SMALL).await?, Version::Two).await?)
}

async fn credential_v1(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    Ok(credentials::info(&app, &session, read(&headers, body, SMALL).await?, Version::One).await?)
}

/// Signature activation data for exact hashes: for this caller's certificate, this seal, once, within five minutes.
#[utoipa::path(
    post, path = "/csc/v2/credentials/authorize", request_body = Asked,
    responses((status = 200, description = "`SAD` and `expiresIn` (CSC API v2 §11.6)", body = Object),
              (status = "4XX", description = "`error` and `error_description`", body = Object)),
    tag = "csc"
)]
async fn authorize_v2(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    let asked: Asked = read(&headers, body, SMALL).await?;
    let session = session.renewed()?;
    Ok(authorize::authorize(&app, &session, asked).await?)
}

/// Have hashes signed as they are. Only seals that were made for it do so, and the record says that nobody here saw
/// what was signed.
#[utoipa::path(
    post, path = "/csc/v2/signatures/signHash", request_body = HashAsked,
    responses((status = 200, description = "`signatures` (CSC API v2 §11.10)", body = Object),
              (status = "4XX", description = "`error` and `error_description`", body = Object)),
    tag = "csc"
)]
async fn sign_hash_v2(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    let asked: HashAsked = read(&headers, body, SMALL).await?;
    let session = session.renewed()?;
    Ok(sign_hash::sign(&app, &session, asked).await?)
}

/// Have documents sealed, or digests of prepared documents: PAdES at any level the service offers.
#[utoipa::path(
    post, path = "/csc/v2/signatures/signDoc", request_body = DocAsked,
    responses((status = 200, description = "`DocumentWithSignature` or `SignatureObject` (CSC API v2 §11.11)", body = Object),
              (status = "4XX", description = "`error` and `error_description`", body = Object)),
    tag = "csc"
)]
async fn sign_doc_v2(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    // A request holds several times its length while it is worked on: as few of them as of batches.
    let _place = sign_doc::place(&app, &session)?;
    let asked: DocAsked = read(&headers, body, sign_doc::LARGEST).await?;
    let session = session.renewed()?;
    Ok(sign_doc::sign(&app, &session, asked).await?)
}
