//! Route of levels: `POST /v1/documents/augment`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use pdf::verify::Level;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::augment::{self, Wish};
use crate::app::App;
use crate::documents::http::{LEAF, tools};
use crate::documents::intake::{expect_pdf, take};
use crate::documents::replay::ReplayKey;
use crate::documents::{DocumentError, model::BadParameter};
use crate::identity::IdentifyError;
use crate::journal::CommitError;
use crate::policy::{AugmentDocument, Resource};
use crate::problem::{Problem, Result};
use crate::server::Session;

/// The route.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(raise))
}

/// Parameters of `POST /v1/documents/augment`.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AugmentQuery {
    /// The PAdES level that every signature of the document is to reach: `b-t`, `b-lt` or `b-lta`.
    pub level: String,
    /// Adds a document time-stamp although the level is reached: renewal, before certificates or algorithms run out.
    #[serde(default)]
    pub renew: bool,
}

impl AugmentQuery {
    fn check(&self) -> std::result::Result<Wish, BadParameter> {
        let levels = [Level::BT, Level::BLT, Level::BLTA];
        let level = levels.into_iter().find(|level| augment::name(*level) == self.level);
        let reason = "write `b-t`, `b-lt` or `b-lta`";
        let level = level.ok_or(BadParameter { name: "level", reason })?;
        if self.renew && level != Level::BLTA {
            return Err(BadParameter { name: "renew", reason: "only `level=b-lta` is renewed" });
        }
        Ok(Wish { level, renew: self.renew })
    }
}

/// Raise the signatures of a PDF to a higher level.
///
/// Also for signatures made elsewhere, as long as they hold and lead to what is trusted here. The answer is the document
/// with revisions appended: validation material, and a document time-stamp where one is due; no octet of the original is
/// changed. A document that has reached the level comes back as it is.
#[utoipa::path(
    post,
    path = "/v1/documents/augment",
    params(AugmentQuery, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    request_body(content = Vec<u8>, content_type = "application/pdf"),
    responses(
        (status = 200, description = "The raised PDF", content_type = "application/pdf",
         headers(("Cinnabar-Leaf" = Option<u64>, description = "Leaf of the log; its receipt is at /v1/receipts/{leaf}"),
                 ("Content-Digest" = String, description = "RFC 9530"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
async fn raise(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<AugmentQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let Query(query) = query?;
    let wish = query.check()?;
    expect_pdf(&headers)?;
    let mut permit = session.permit::<AugmentDocument>(Resource::document())?;
    let document = take(&app, &session, &headers, body).await?;
    let renewed = session.renewed()?;
    if !Arc::ptr_eq(renewed.caller(), session.caller()) {
        permit = renewed.permit::<AugmentDocument>(Resource::document())?;
    }
    let text = format!("{query:?}");
    let caller = session.caller();
    let replay =
        ReplayKey::of(&headers, &caller.id, "documents/augment", &[text.as_bytes(), &document.sha256()])?;
    let tools = tools(&app, &unsealed)?;
    let raised = match augment::augment(&app, tools, permit, wish, &document, replay).await {
        Ok(raised) => raised,
        Err(DocumentError::Commit(CommitError::Conflict { table: "certificates", id }))
            if id == caller.fingerprint =>
        {
            return Err(IdentifyError::Revoked.into());
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = Response::new(document.into_body(raised.tail));
    let digest = hex::decode(&raised.result_digest).unwrap_or_default();
    let digest = format!("sha-256=:{}:", STANDARD.encode(digest));
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    set.insert("content-digest", HeaderValue::try_from(digest).map_err(Problem::internal)?);
    if let Some(leaf) = raised.leaf {
        set.insert(LEAF, HeaderValue::from(leaf));
    }
    Ok(response)
}
