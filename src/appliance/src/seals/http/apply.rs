//! `POST /v1/seal-applications`: as JSON, or as a form with the picture behind it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ring::digest::{Context, SHA256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::Application;
use super::super::order::NewApplication;
use super::super::service::{self, LifeError, Subject};
use super::answer::answer;
use crate::app::App;
use crate::documents::intake::{Form, is_form, named};
use crate::policy::{ApplyForSeal, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(apply))
}

/// An application with its picture.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a multipart body, which is read part by part")]
struct ApplicationForm {
    /// What is applied for; comes first.
    request: NewApplication,
    /// The picture: PNG with transparency, or SVG whose text is paths.
    #[schema(value_type = Option<String>, format = Binary)]
    picture: Option<Vec<u8>>,
}

/// Apply for a seal
///
/// For a new seal, or for one to be changed, renewed, made anew or cancelled. Another person approves the application, a
/// third carries it out. The same request under the same `Idempotency-Key` is answered with the same application.
#[utoipa::path(post, path = "/v1/seal-applications", tag = "seals",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find the first one's application")),
    request_body(content((NewApplication = "application/json"), (ApplicationForm = "multipart/form-data"))),
    responses((status = 201, description = "The application", body = Application),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn apply(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    app.require_unsealed()?;
    let key = key(&headers)?;
    let (request, form) = if is_form(&headers) {
        let mut form = Form::open(&app, &headers, body)?;
        let Some(field) = form.next().await? else {
            return Err(Problem::new(Kind::MalformedRequest, "The `request` part is missing."));
        };
        named(&field, "request")?;
        (form.small(field, REQUEST).await?, Some(form))
    } else {
        let limited = axum::body::to_bytes(body, REQUEST).await;
        let text = "The application is too large or broke off.";
        (limited.map_err(|_| Problem::new(Kind::BodyTooLarge, text))?.to_vec(), None)
    };
    let wanted: NewApplication = serde_json::from_slice(&request).map_err(|error| {
        Problem::new(Kind::MalformedRequest, format!("The application cannot be read: {error}."))
    })?;
    let checked = wanted.check()?;
    let subject = Subject::find(&app, &checked, &session.caller().organisation).await?;
    // Nothing more is taken in from those who may not.
    session.permit::<ApplyForSeal>(Resource::organisation(&subject.organisation))?;
    let mut picture = None;
    if let Some(mut form) = form {
        while let Some(field) = form.next().await? {
            match field.name() {
                Some("picture") if picture.is_none() => picture = Some(form.small(field, PICTURE).await?),
                name => {
                    let name = name.unwrap_or_default();
                    let text = format!("A part `{name}` is not expected: send `request`, then `picture`.");
                    return Err(Problem::new(Kind::MalformedRequest, text));
                }
            }
        }
    }
    // A body may take its sender minutes; whoever was retired meanwhile is not who asked.
    let session = session.renewed()?;
    let permit = session.permit::<ApplyForSeal>(Resource::organisation(&subject.organisation))?;
    let request = key.map(|key| {
        let scope = digest(&[session.caller().id.as_bytes(), key.as_bytes()]);
        (scope, digest(&[&request, picture.as_deref().unwrap_or_default()]))
    });
    let none = |_: &str, _: i64| Ok::<_, LifeError>(Vec::new());
    let applied = service::apply(&app, &permit, subject, checked, picture, none, request).await?;
    let leaf = applied.committed.map(|committed| committed.leaf);
    let shown = Application::try_from(&applied.row)?;
    let mut response = answer(StatusCode::CREATED, &shown, shown.version, leaf);
    let location = HeaderValue::try_from(format!("/v1/seal-applications/{}", shown.id));
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

/// The idempotency key, if there is one.
fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().trim_matches('"').to_owned();
    if text.is_empty() || text.len() > 255 || headers.get_all("idempotency-key").iter().count() > 1 {
        let detail = "An idempotency key is 1 to 255 visible ASCII characters.";
        return Err(Problem::new(Kind::MalformedRequest, detail));
    }
    Ok(Some(text))
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finish())
}

/// Octets that the application itself may have.
const REQUEST: usize = 64 * 1024;
/// Octets that a picture may have.
const PICTURE: usize = 4 * 1024 * 1024;
