//! Routes of documents: `POST /v1/documents/seal`, `POST /v1/documents/verify`, `GET /v1/seal-uses/{id}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::intake::Incoming;
use super::model::SealUse;
use super::order::{Countersealing, Order};
use super::parameters::SealQuery;
use super::records;
use super::replay::ReplayKey;
use super::sealing::Task;
use super::service::{self, DocumentError, Sealed, Tools, Wanted};
use super::two_phase;
use super::{batch, files};
use crate::app::{App, Unsealed};
use crate::identity::IdentifyError;
use crate::journal::CommitError;
use crate::policy::{Permit, ReadSeal, Resource, SealDocument};
use crate::problem::{Kind, Problem, Result};
use crate::seals::ReadySeal;
use crate::server::Session;
use crate::server::spill::Spooled;

/// Header that names the leaf of the log.
pub const LEAF: &str = "cinnabar-leaf";

/// Header that names the records of all seals that were set.
pub const RECORDS: &str = "cinnabar-records";

/// Header that names the leaves of all of them.
pub const LEAVES: &str = "cinnabar-leaves";

/// The parts of a multipart request, in this order.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read part by part")]
struct SealForm {
    /// What is asked for.
    request: SealOrder,
    /// The PDF.
    #[schema(format = Binary, content_media_type = "application/pdf")]
    document: Vec<u8>,
}

/// One seal, or several.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the JSON, which is told apart by hand for the sake of clear errors")]
pub(super) enum SealOrder {
    One(Box<SealQuery>),
    Several(Countersealing),
}

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(seal))
        .routes(routes!(batch::seal_batch))
        .routes(routes!(two_phase::terms))
        .routes(routes!(two_phase::prepare))
        .routes(routes!(two_phase::embed))
        .routes(routes!(two_phase::sign_digest))
        .routes(routes!(files::sign_file))
        .merge(super::verification::http::routes())
        .routes(routes!(seal_use))
        .merge(super::levels::http::routes())
}

/// Seal a PDF.
///
/// The answer is the document with one incremental update appended for each seal (PAdES); no octet of the original is
/// changed. It leaves only after its record is durable. The body is the PDF and the query says how; or the body is
/// `multipart/form-data` with the parts `request` (JSON, the same parameters, or several seals as
/// `{"level": …, "seals": [{…}, …]}`) and `document`. Several seals are set in their order, in one act: all or none;
/// a problem then names the seal in `seal` and its place in `index`.
#[utoipa::path(
    post,
    path = "/v1/documents/seal",
    params(SealQuery, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    request_body(content(
        (Vec<u8> = "application/pdf"),
        (SealForm = "multipart/form-data"),
    )),
    responses(
        (status = 201, description = "The sealed PDF", content_type = "application/pdf",
         headers(("Location" = String, description = "The record of the (first) seal"),
                 ("Cinnabar-Leaf" = u64, description = "Its leaf of the log; the receipt is at /v1/receipts/{leaf}"),
                 ("Cinnabar-Records" = String, description = "Identifiers of the records of all seals, separated by commas"),
                 ("Cinnabar-Leaves" = String, description = "Their leaves, separated by commas"),
                 ("Content-Digest" = String, description = "RFC 9530"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
async fn seal(
    State(app): State<Arc<App>>,
    session: Session,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let (order, incoming) = Incoming::open(&app, &uri, &headers, body).await?;
    let ready = ready(&app, &unsealed, &order).await?;
    // Nothing is taken in from those who may not, and nothing is sealed for those who may no longer.
    permits(&session, &ready)?;
    let document = incoming.document(&app, &session, &headers).await?;
    let renewed = session.renewed()?;
    let text = format!("{order:?}");
    let caller = &session.caller().id;
    let replay = ReplayKey::of(&headers, caller, "documents/seal", &[text.as_bytes(), &document.sha256()])?;
    let sealed = perform(&app, &renewed, &unsealed, &order, ready, &document, replay).await?;
    let mut response = Response::new(document.into_body(sealed.tail.clone()));
    *response.status_mut() = StatusCode::CREATED;
    describe(response.headers_mut(), &sealed)?;
    Ok(response)
}

/// The seals of an order, ready for use.
pub(super) async fn ready(app: &App, unsealed: &Unsealed, order: &Order) -> Result<Vec<Arc<ReadySeal>>> {
    let chain = app.desk.chain(app).map_err(Problem::internal)?;
    let mut all = Vec::with_capacity(order.seals.len());
    for (index, request) in order.seals.iter().enumerate() {
        let found = app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, &request.seal).await;
        all.push(found.map_err(|error| about(error.into(), order, index))?);
    }
    Ok(all)
}

/// That the caller may use all of them, each use permitted for itself.
pub(super) fn permits(session: &Session, ready: &[Arc<ReadySeal>]) -> Result<Vec<Permit<SealDocument>>> {
    let one = |(index, seal): (usize, &Arc<ReadySeal>)| {
        let resource = Resource::seal(&seal.summary.id, &seal.summary.organisation);
        session.permit(resource.at_version(seal.summary.version)).map_err(|problem| match ready.len() {
            1 => problem,
            _ => problem.with("seal", seal.summary.id.as_str()).with("index", index),
        })
    };
    ready.iter().enumerate().map(one).collect()
}

/// Seals one document as ordered.
pub(super) async fn perform(
    app: &Arc<App>,
    session: &Session,
    unsealed: &Unsealed,
    order: &Order,
    ready: Vec<Arc<ReadySeal>>,
    document: &Arc<Spooled>,
    replay: Option<ReplayKey>,
) -> Result<Sealed> {
    let tools = tools(app, unsealed)?;
    let (mut ready, mut last) = (ready, false);
    loop {
        let permits = permits(session, &ready)?;
        let wanted = permits.into_iter().zip(ready).zip(&order.seals).map(|((permit, seal), request)| {
            let record = uuid::Uuid::now_v7().to_string();
            Wanted { permit, task: Task { request: request.clone(), seal, record } }
        });
        match service::seal(app, tools, wanted.collect(), order.level, document, replay.clone()).await {
            Ok(sealed) => return Ok(sealed),
            Err(DocumentError::Commit(CommitError::Conflict { table: "certificates", id }))
                if id == session.caller().fingerprint =>
            {
                return Err(IdentifyError::Revoked.into());
            }
            Err(error @ DocumentError::Commit(CommitError::Conflict { .. })) => {
                // A seal, its certificate or whether rules govern it changed since it was made ready, on another node
                // perhaps: why it cannot be used says more than that, and what still can be is, once more.
                ready = self::ready(app, unsealed, order).await?;
                if std::mem::replace(&mut last, true) {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What headers say of a sealed document.
pub(super) fn describe(headers: &mut HeaderMap, sealed: &Sealed) -> Result<()> {
    let digest = hex::decode(&sealed.result_digest).unwrap_or_default();
    let first = sealed.records.first();
    let listed = |each: &dyn Fn(&(String, u64)) -> String| {
        sealed.records.iter().map(each).collect::<Vec<_>>().join(", ")
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(LEAF, HeaderValue::from(first.map_or(0, |(_, leaf)| *leaf)));
    for (name, value) in [
        (header::LOCATION.as_str(), format!("/v1/seal-uses/{}", first.map_or("", |(record, _)| record))),
        ("content-digest", format!("sha-256=:{}:", STANDARD.encode(digest))),
        (RECORDS, listed(&|(record, _)| record.clone())),
        (LEAVES, listed(&|(_, leaf)| leaf.to_string())),
    ] {
        headers.insert(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
    }
    Ok(())
}

/// Says which of several seals a problem is about.
fn about(problem: Problem, order: &Order, index: usize) -> Problem {
    match order.seals.get(index) {
        Some(request) if order.seals.len() > 1 => {
            problem.with("seal", request.seal.as_str()).with("index", index)
        }
        _ => problem,
    }
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

/// What sealing and augmenting work with while the keystore is open.
pub(super) fn tools<'a>(app: &'a App, unsealed: &'a Unsealed) -> Result<Tools<'a>> {
    let key = app.hierarchy.data_key("replay");
    let key = key.ok_or_else(|| Problem::internal("the hierarchy has no `replay` key"))?;
    Ok(Tools { db: &app.db, journal: &unsealed.journal, custody: &unsealed.custody, replay_key: &key.label })
}
