//! `POST /v1/seals/preview`: what a seal would look like. Nothing is kept, nothing is entered.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use eseal::picture::Drawn;
use http::{HeaderMap, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::drawing::{Drawing, DrawingError, font};
use crate::app::App;
use crate::policy::{PreviewSeal, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The route.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(preview))
}

/// Draw a seal without making it.
#[utoipa::path(
    post,
    path = "/v1/seals/preview",
    request_body = Drawing,
    responses(
        (
            status = 200,
            description = "The picture: PNG at 600 dpi on a transparent ground, or `Accept: image/svg+xml`",
            content_type = "image/png"
        ),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn preview(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    drawing: std::result::Result<Json<Drawing>, JsonRejection>,
) -> Result<Response> {
    let organisation = session.caller().organisation.clone();
    session.permit::<PreviewSeal>(Resource::organisation(&organisation))?;
    let Json(drawing) = drawing?;
    let vector = wants_vector(&headers)?;
    let drawn = drawn(&app, drawing, None).await?;
    let picture = if vector {
        drawn.svg().as_bytes().to_vec()
    } else {
        let png = tokio::task::spawn_blocking(move || drawn.png()).await.map_err(Problem::internal)?;
        png.map_err(Problem::internal)?
    };
    let kind = if vector { "image/svg+xml" } else { "image/png" };
    // An SVG is a document: whatever shows it is to run and fetch nothing.
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, picture).into_response())
}

/// Draws a seal in the configuration's font, on a thread that serves nobody else.
///
/// # Errors
/// The problem to answer.
pub(super) async fn drawn(app: &Arc<App>, drawing: Drawing, name: Option<String>) -> Result<Drawn> {
    let app = app.clone();
    let drawn = tokio::task::spawn_blocking(move || {
        let terms = &app.config.documents;
        let font = font(terms.font.as_deref(), terms.font_index)?;
        drawing.draw(name.as_deref(), &[font])
    });
    Ok(drawn.await.map_err(Problem::internal)??)
}

/// Whether `Accept` (RFC 9110 §12.5.1) names the vector picture before the PNG; PNG when it names neither by itself.
fn wants_vector(headers: &HeaderMap) -> Result<bool> {
    let Some(accept) = headers.get(header::ACCEPT) else { return Ok(false) };
    for range in accept.to_str().unwrap_or_default().split(',').take(32) {
        match range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "image/svg+xml" => return Ok(true),
            "image/png" | "image/*" | "*/*" => return Ok(false),
            _ => {}
        }
    }
    Err(Problem::new(Kind::NotAcceptable, "Accept `image/png` or `image/svg+xml`."))
}

impl From<DrawingError> for Problem {
    fn from(error: DrawingError) -> Self {
        match error {
            // A font that was named and cannot be read is the operator's to mend.
            DrawingError::Unreadable { .. } => Self::internal(error),
            error => {
                Self::new(Kind::InvalidParameter, error.to_string()).with("zh", "印模无法按所给内容绘制")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_picture_that_is_named_is_sent() {
        let vector = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            wants_vector(&headers).ok()
        };
        assert_eq!(wants_vector(&HeaderMap::new()).ok(), Some(false));
        assert_eq!(vector("image/svg+xml"), Some(true));
        assert_eq!(vector("text/html, IMAGE/SVG+XML;q=0.9, */*;q=0.1"), Some(true));
        assert_eq!(vector("image/png, image/svg+xml"), Some(false));
        assert_eq!(vector("*/*"), Some(false));
        assert_eq!(vector("application/pdf"), None);
    }
}
