//! `POST /v1/seal-applications`: as JSON, or as a form with the picture behind it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use eseal::picture::upload::Limits;

use super::super::attachments::{Attachment, DocumentKind, MOST_OCTETS, key as key_of_details};
use super::super::drawing::Drawing;
use super::super::model::Application;
use super::super::order::{Checked, NewApplication};
use super::super::preview::drawn;
use super::super::service::{self, LifeError, Subject};
use super::answer::answer;
use crate::app::App;
use crate::documents::intake::Form;
use crate::documents::replay;
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
    /// A letter of authorisation: PDF, PNG or JPEG, with a file name. Further documents are the parts `registration`,
    /// `identity`, `decision` and `other`.
    #[schema(value_type = Option<Vec<Vec<u8>>>, format = Binary)]
    authorisation: Vec<Vec<u8>>,
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
    let key = replay::given(&headers)?;
    let (request, form) = Form::request(&app, &headers, body, REQUEST, "application").await?;
    let wanted: NewApplication = serde_json::from_slice(&request).map_err(|error| {
        Problem::new(Kind::MalformedRequest, format!("The application cannot be read: {error}."))
    })?;
    let mut checked = wanted.check()?;
    let subject = Subject::find(&app, &checked, &session.caller().organisation).await?;
    // Nothing more is taken in from those who may not.
    session.permit::<ApplyForSeal>(Resource::organisation(&subject.organisation))?;
    let (mut picture, mut attached) = (None, Vec::new());
    if let Some(mut form) = form {
        while let Some(field) = form.next().await? {
            match field.name() {
                Some("picture") if picture.is_none() => picture = Some(form.small(field, PICTURE).await?),
                name => {
                    let name = name.unwrap_or_default().to_owned();
                    let Some(kind) = DocumentKind::parse(&name) else {
                        let text =
                            format!("A part `{name}` is not expected: send `request`, `picture`, documents.");
                        return Err(Problem::new(Kind::MalformedRequest, text));
                    };
                    let file = field.file_name().unwrap_or_default().to_owned();
                    let octets = form.small(field, MOST_OCTETS).await?;
                    attached.push(Attachment::new(kind, &file, octets)?);
                    Attachment::fit(&attached)?;
                }
            }
        }
    }
    // A body may take its sender minutes; whoever was retired meanwhile is not who asked.
    let session = session.renewed()?;
    let permit = session.permit::<ApplyForSeal>(Resource::organisation(&subject.organisation))?;
    let request = key.map(|key| {
        let scope = replay::digest(&[session.caller().id.as_bytes(), key.as_bytes()]);
        let mut parts = vec![request.as_slice(), picture.as_deref().unwrap_or_default()];
        parts.extend(attached.iter().map(Attachment::octets));
        (scope, replay::digest(&parts))
    });
    let picture = seen(&app, &mut checked, picture, &subject).await?;
    let unsealed = app.unsealed()?;
    let label = key_of_details(&app);
    let documents = |id: &str, now: i64| {
        let label = label.as_deref().unwrap_or_default();
        let row = |one: &Attachment| one.row(unsealed.custody.as_ref(), label, id, &session.caller().id, now);
        attached.iter().map(row).collect::<std::result::Result<Vec<_>, _>>().map_err(LifeError::from)
    };
    let applied = service::apply(&app, &permit, subject, checked, picture, documents, request).await?;
    let leaf = applied.committed.map(|committed| committed.leaf);
    let shown = Application::try_from(&applied.row)?;
    let mut response = answer(StatusCode::CREATED, &shown, shown.version, leaf);
    let location = HeaderValue::try_from(format!("/v1/seal-applications/{}", shown.id));
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

/// The picture that was sent, checked for its size; or the one that is to be drawn. The size and the name that the application
/// does not say are those of the seal that there is.
async fn seen(
    app: &Arc<App>,
    checked: &mut Checked,
    sent: Option<Vec<u8>>,
    subject: &Subject,
) -> Result<Option<Vec<u8>>> {
    let drawing = checked.draw.take().filter(|_| sent.is_none() && checked.operation.makes());
    let size = checked.order.size_mm().or_else(|| subject.size_mm());
    if let (Some(picture), Some((width, height))) = (&sent, size) {
        let limits = Limits::default();
        eseal::picture::upload::check(picture, width, height, &limits).map_err(|error| {
            Problem::new(Kind::InvalidParameter, format!("The picture cannot be used: {error}."))
                .with("parameter", "picture")
                .with("zh", "印模图片不可用")
        })?;
    }
    let Some(drawing) = drawing else { return Ok(sent) };
    let size = checked.order.size_mm();
    let level = drawing.level.or(checked.order.level);
    let drawing = Drawing {
        level,
        width_mm: drawing.width_mm.or(size.map(|(width, _)| width)),
        height_mm: drawing.height_mm.or(size.map(|(_, height)| height)),
        ..drawing
    };
    let drawn = drawn(app, drawing, checked.order.name.clone().or_else(|| subject.name())).await?;
    checked.order.width_um = Some(micrometres(drawn.width_mm()));
    checked.order.height_um = Some(micrometres(drawn.height_mm()));
    Ok(Some(drawn.svg().as_bytes().to_vec()))
}

#[expect(clippy::cast_possible_truncation, reason = "5 to 100 mm")]
fn micrometres(mm: f64) -> i64 {
    (mm * 1000.0).round() as i64
}

/// Octets that the application itself may have.
const REQUEST: usize = 64 * 1024;
/// Octets that a picture may have.
const PICTURE: usize = 4 * 1024 * 1024;
