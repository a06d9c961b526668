//! Routes: `GET /v1/authorities`, `GET /v1/authorities/{label}`, `GET /v1/authorities/{label}/request`,
//! `POST /v1/authorities/{label}/rollover`, `…/approve`, `…/import`, `…/crl`, `POST /v1/keys/{slot}/rotate`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::register::{Generation, Register, Standing};
use super::rollover::{self, proposer_of, request_of};
use super::rotate::{self, Replaced};
use crate::app::App;
use crate::documents::http::LEAF;
use crate::journal::{Committed, Unit};
use crate::policy::{
    ApproveAuthority, ImportAuthority, ProposeAuthority, ReadAuthority, Resource, RotateKey,
};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::status;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(request))
        .routes(routes!(propose))
        .routes(routes!(approve))
        .routes(routes!(import))
        .routes(routes!(import_crl))
        .routes(routes!(rotate_key))
}

/// Everything that ever served a place of the hierarchy.
#[derive(Debug, Serialize, ToSchema)]
struct Authorities {
    /// By place, oldest first.
    authorities: Vec<AuthorityRecord>,
}

/// A key and its certificate in one place of the hierarchy.
#[derive(Debug, Serialize, ToSchema)]
struct AuthorityRecord {
    /// Its name, in addresses of revocation lists and certificates, too.
    label: String,
    /// The place in the key hierarchy.
    slot: String,
    /// `root-ca`, `issuing-ca`, `ocsp`, `time-stamp`, `seal-maker`, `credential-signer`, `publisher`, or `cross` for a cross-certificate.
    role: String,
    /// `pending` (awaits approval or its certificate), `active`, `retiring` (answers for what it issued) or `retired`.
    state: String,
    /// Label of the authority that signed its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Fingerprint of its certificate, hexadecimal SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    /// End of the certificate's validity, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    /// Registration of whoever proposed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposer: Option<String>,
    /// When it was entered, RFC 3339.
    created: String,
    /// When its state changed last, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
}

impl From<&Generation> for AuthorityRecord {
    fn from(one: &Generation) -> Self {
        let text = |column: &str| one.row.value(column).as_text().map(ToOwned::to_owned);
        let time = |column: &str| {
            let micros = one.row.value(column).as_int()?;
            jiff::Timestamp::from_microsecond(micros).ok().map(|time| time.to_string())
        };
        let ends = one.certificate.as_ref().map(pki::Certificate::not_after);
        Self {
            label: one.id.clone(),
            slot: one.slot.clone(),
            role: if one.crosses.is_some() { "cross" } else { one.role.as_str() }.to_owned(),
            state: one.standing.as_str().to_owned(),
            issuer: one.issuer.clone(),
            certificate: text("certificate"),
            not_after: ends.and_then(|at| jiff::Timestamp::from_second(at).ok()).map(|at| at.to_string()),
            proposer: text("proposer"),
            created: time("created").unwrap_or_default(),
            changed: time("changed"),
        }
    }
}

/// List authorities and delegated signers, present and former
#[utoipa::path(get, path = "/v1/authorities", tag = "authorities",
    responses((status = 200, body = Authorities)))]
async fn list(State(app): State<Arc<App>>, session: Session) -> Result<Json<Authorities>> {
    session.permit::<ReadAuthority>(Resource::authority("*"))?;
    let register = app.register_of_authorities();
    Ok(Json(Authorities { authorities: register.iter().map(AuthorityRecord::from).collect() }))
}

/// Read an authority's record
#[utoipa::path(get, path = "/v1/authorities/{label}", params(("label" = String, Path)), tag = "authorities",
    responses((status = 200, body = AuthorityRecord)))]
async fn one(
    State(app): State<Arc<App>>,
    session: Session,
    Path(label): Path<String>,
) -> Result<Json<AuthorityRecord>> {
    session.permit::<ReadAuthority>(Resource::authority(&label))?;
    Ok(Json(AuthorityRecord::from(found(&app.register_of_authorities(), &label)?)))
}

/// Fetch the certification request of an authority that awaits its certificate (PKCS#10, PEM)
#[utoipa::path(get, path = "/v1/authorities/{label}/request", params(("label" = String, Path)), tag = "authorities",
    responses((status = 200, content_type = "application/x-pem-file", body = String)))]
async fn request(
    State(app): State<Arc<App>>,
    session: Session,
    Path(label): Path<String>,
) -> Result<Response> {
    session.permit::<ReadAuthority>(Resource::authority(&label))?;
    let register = app.register_of_authorities();
    let request = request_of(found(&register, &label)?)?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], request.to_pem()).into_response())
}

/// Propose that an authority be replaced
///
/// Its new key is made; another officer approves, or imports the certificate that a root elsewhere made for the request.
#[utoipa::path(post, path = "/v1/authorities/{label}/rollover", params(("label" = String, Path)), tag = "authorities",
    responses((status = 202, body = AuthorityRecord)))]
async fn propose(
    State(app): State<Arc<App>>,
    session: Session,
    Path(label): Path<String>,
) -> Result<Response> {
    let permit = session.permit::<ProposeAuthority>(Resource::authority(&label))?;
    let proposed = rollover::propose(&app, &permit).await?;
    answer(&app, StatusCode::ACCEPTED, proposed.row.id(), &proposed.committed)
}

/// Have the root sign a proposed authority, and put it in use
#[utoipa::path(post, path = "/v1/authorities/{label}/approve", params(("label" = String, Path)), tag = "authorities",
    responses((status = 200, body = AuthorityRecord)))]
async fn approve(
    State(app): State<Arc<App>>,
    session: Session,
    Path(label): Path<String>,
) -> Result<Response> {
    let register = app.register_of_authorities();
    let pending = register.get(&label);
    let proposer = Some(proposer_of(pending));
    let permit = session
        .permit_with::<ApproveAuthority>(Resource::authority(&label), |facts| facts.proposer = proposer)?;
    let replaced = rollover::approve(&app, &permit, waiting(found(&register, &label)?)?).await?;
    done(&app, &replaced)
}

/// Import the certificate that a root elsewhere made (PEM or DER), and put the authority in use
#[utoipa::path(post, path = "/v1/authorities/{label}/import", params(("label" = String, Path)), tag = "authorities",
    request_body(content = String, content_type = "application/x-pem-file"),
    responses((status = 200, body = AuthorityRecord)))]
async fn import(
    State(app): State<Arc<App>>,
    session: Session,
    Path(label): Path<String>,
    body: std::result::Result<Bytes, BytesRejection>,
) -> Result<Response> {
    let register = app.register_of_authorities();
    let proposer = Some(proposer_of(register.get(&label)));
    let permit = session
        .permit_with::<ImportAuthority>(Resource::authority(&label), |facts| facts.proposer = proposer)?;
    let body = body.map_err(|rejection| {
        Problem::new(Kind::of_status(rejection.status()), "The certificate is too large or broke off.")
    })?;
    let replaced = rollover::import(&app, &permit, waiting(found(&register, &label)?)?, &body).await?;
    done(&app, &replaced)
}

/// Import the revocation list that a root elsewhere signed (DER or PEM)
#[utoipa::path(post, path = "/v1/authorities/{label}/crl", params(("label" = String, Path)), tag = "authorities",
    request_body(content = Vec<u8>, content_type = "application/pkix-crl"),
    responses((status = 200, body = AuthorityRecord)))]
async fn import_crl(
    State(app): State<Arc<App>>,
    session: Session,
    Path(label): Path<String>,
    body: std::result::Result<Bytes, BytesRejection>,
) -> Result<Response> {
    let proposer = Some(String::new());
    let permit = session
        .permit_with::<ImportAuthority>(Resource::authority(&label), |facts| facts.proposer = proposer)?;
    let body = body.map_err(|rejection| {
        Problem::new(Kind::of_status(rejection.status()), "The list is too large or broke off.")
    })?;
    found(&app.register_of_authorities(), &label)?;
    let block = pki::pem::decode(&body, "X509 CRL").ok().and_then(|blocks| blocks.into_iter().next());
    let der = block.unwrap_or_else(|| body.to_vec());
    let unsealed = app.unsealed()?;
    let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(&der));
    // What is taken is judged by the list itself: by its authority, newer, not run out. It derives from nothing of
    // ours, so that an entry says who brought it.
    status::lists::import(&app, &label, der, jiff::Timestamp::now().as_second()).await.map_err(|error| {
        match error {
            status::RenewError::Unfit(reason) => {
                Problem::new(Kind::CertificateUnusable, format!("The list is not taken: {reason}."))
            }
            other => Problem::internal(other),
        }
    })?;
    let unit = Unit::new(permit.act()).facts(serde_json::json!({ "crl": digest }));
    let committed = unsealed.journal.commit(unit).await?;
    answer(&app, StatusCode::OK, &label, &committed)
}

/// Replace the key of a delegated signer: OCSP responder, time-stamping unit, seal maker
#[utoipa::path(post, path = "/v1/keys/{slot}/rotate", params(("slot" = String, Path)), tag = "authorities",
    responses((status = 200, body = AuthorityRecord)))]
async fn rotate_key(
    State(app): State<Arc<App>>,
    session: Session,
    Path(slot): Path<String>,
) -> Result<Response> {
    let permit = session.permit::<RotateKey>(Resource::authority(&slot))?;
    let replaced = rotate::rotate(&app, &permit, None).await?;
    done(&app, &replaced)
}

fn done(app: &App, replaced: &Replaced) -> Result<Response> {
    answer(app, StatusCode::OK, replaced.row.id(), &replaced.committed)
}

fn answer(app: &App, status: StatusCode, label: &str, committed: &Committed) -> Result<Response> {
    let register = app.register_of_authorities();
    let mut response = (status, Json(AuthorityRecord::from(found(&register, label)?))).into_response();
    response.headers_mut().insert(LEAF, HeaderValue::from(committed.leaf));
    Ok(response)
}

fn found<'a>(register: &'a Register, label: &str) -> Result<&'a Generation> {
    register.get(label).ok_or_else(|| Problem::new(Kind::NotFound, "There is no authority of that label."))
}

fn waiting(one: &Generation) -> Result<&Generation> {
    if one.standing == Standing::Pending {
        return Ok(one);
    }
    let detail = format!("It is {} already; propose with `rollover` first.", one.standing.as_str());
    Err(Problem::new(Kind::Conflict, detail))
}
