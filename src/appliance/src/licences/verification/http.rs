//! `POST /v1/licence-verifications`: a question or a file in, a verdict out.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::file::by_file;
use super::question::{LONGEST, Question};
use super::verdict::{Audience, Verdict};
use crate::app::App;
use crate::documents::intake::take;
use crate::policy::{Resource, VerifyLicence};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The route.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// Verify a licence
///
/// By its identifier and one field that stands on it, by a show-code, by the text of its QR symbol, by an SD-JWT presentation
/// (all as JSON), or by a file: a licence as PDF, or the picture of a QR symbol as PNG. That a licence is void, not found or
/// does not match is a verdict and no error.
#[utoipa::path(
    post,
    path = "/v1/licence-verifications",
    request_body(content(
        (Question = "application/json"),
        (Vec<u8> = "application/pdf"),
        (Vec<u8> = "image/png"),
    )),
    responses(
        (status = 200, description = "The verdict, with the result codes of GB/T 36906", body = Verdict),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "licences"
)]
async fn verify(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Verdict>> {
    app.require_unsealed()?;
    let json = is_json(&headers)?;
    let permit = session.permit::<VerifyLicence>(Resource::appliance())?;
    let sent = take(&app, &session, &headers, body).await?;
    let audience = Audience::Verifier(&permit);
    if !json {
        return by_file(&app, &audience, sent).await.map(Json);
    }
    if pdf::syntax::Source::len(sent.as_ref()) > LONGEST as u64 {
        return Err(Problem::new(Kind::BodyTooLarge, format!("A question has at most {LONGEST} octets.")));
    }
    let question = Question::read(&sent.octets().map_err(Problem::internal)?)?;
    question.answer(&app, &audience).await.map(Json)
}

/// Whether the body is a question rather than a file.
fn is_json(headers: &HeaderMap) -> Result<bool> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(true),
        "application/pdf" | "image/png" | "application/octet-stream" => Ok(false),
        _ => {
            let text =
                "Send a question as `application/json`, or a file as `application/pdf` or `image/png`.";
            Err(Problem::new(Kind::UnsupportedMediaType, text))
        }
    }
}
