//! `POST /v1/documents/verify`: a PDF, a CMS, a time-stamp, a seal or what was signed with one in, a report out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pdf::report::{About, Language, Simple, etsi};
use pdf::syntax::Source;
use pdf::verify::{Format, Report, SignatureContainer};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Evidence, Wanted, register};
use crate::app::App;
use crate::documents::intake::{Form, named, take};
use crate::documents::model::{BadParameter, is_shown_text};
use crate::journal::CommitError;
use crate::policy::{Resource, VerifyDocument};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::spill::Spooled;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// Parameters of `POST /v1/documents/verify`.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VerifyQuery {
    /// `detailed` (JSON), `simple` (text), `html` (a page that prints on A4) or `etsi` (TS 119 102-2, XML). Without it
    /// the header Accept decides, and then JSON.
    pub report: Option<String>,
    /// Language of the reports `simple` and `html`: `zh`, `en` or `both`.
    pub lang: Option<String>,
    /// Name of the policy to verify under: `default`, `strict`, `archive`, or one that the operator added. Without it
    /// every certificate needs revocation information.
    pub policy: Option<String>,
}

/// Verify the signatures of a PDF, a CMS, a time-stamp, a seal or what was signed with one.
///
/// Against this appliance's authorities, trust anchors and revocation lists, and its register of seals. The body is a PDF, a
/// CMS signature, a time-stamp, an SES_Signature or a SESeal (GB/T 38540, GM/T 0031), which of them its octets say; or
/// `multipart/form-data` with the part `document` and behind it, when what was signed is not inside, the part `content`. Each
/// signer of a CMS is judged. Of a seal on record the report tells how things stood then and how they stand now. A bad
/// signature is a report, not an error.
#[utoipa::path(
    post,
    path = "/v1/documents/verify",
    params(VerifyQuery),
    request_body(content(
        (Vec<u8> = "application/pdf"),
        (Vec<u8> = "application/pkcs7-signature"),
        (Vec<u8> = "application/timestamp-reply"),
        (Vec<u8> = "application/octet-stream"),
        (Vec<u8> = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The report; a bad signature is a report, not an error", content(
            (serde_json::Value = "application/json"),
            (String = "text/plain"),
            (String = "text/html"),
            (String = "application/xml"),
        )),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
async fn verify(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<VerifyQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let Query(query) = query?;
    let report = wanted_report(query.report.as_deref(), &headers)?;
    let language = language(query.lang.as_deref())?;
    if let Some(name) = &query.policy
        && app.signature_policies.named(name).is_none()
    {
        let reason =
            "there is no policy of that name; `default`, `strict` and `archive` come with the program";
        return Err(BadParameter { name: "policy", reason }.into());
    }
    let form = sent(&headers)?;
    let _permit = session.permit::<VerifyDocument>(Resource::document())?;
    let subject = match form {
        Sent::Form => parts(&app, &session, &headers, body).await?,
        Sent::Whole(plain) => {
            let document = take(&app, &session, &headers, body).await?;
            Subject { document, content: None, plain, name: None }
        }
    };
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?.div_euclid(1_000_000);
    let evidence = Evidence::of(&app).map_err(Problem::internal)?;
    let name = subject.name.clone().unwrap_or_else(|| "document".to_owned());
    let policy = query.policy.clone();
    let named = policy.clone().unwrap_or_else(|| "default".to_owned());
    let policies = app.clone();
    let document = subject.document.clone();
    let job = move || {
        let wanted = Wanted {
            at: now,
            policy: policy.as_deref().and_then(|name| policies.signature_policies.named(name)),
            plain: subject.plain,
        };
        let content = subject.content.as_deref().map(|content| content as &dyn Source);
        evidence.verify(subject.document.as_ref(), content, wanted)
    };
    let mut found = app.desk.work(job).await??;
    register::consult(&app, &mut found, &document, now).await?;
    answer(
        &found,
        report,
        language,
        About { name: &name, at: now, offset_minutes: offset(now), policy: &named },
    )
}

/// What was sent.
struct Subject {
    document: Arc<Spooled>,
    content: Option<Arc<Spooled>>,
    /// Whether it is no PDF; asked of its octets when nobody says.
    plain: Option<bool>,
    name: Option<String>,
}

/// How it was sent.
enum Sent {
    Form,
    Whole(Option<bool>),
}

fn sent(headers: &HeaderMap) -> Result<Sent> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "multipart/form-data" {
        return Ok(Sent::Form);
    }
    if essence == "application/octet-stream" {
        return Ok(Sent::Whole(None));
    }
    is_plain(&essence).map(|plain| Sent::Whole(Some(plain))).ok_or_else(|| {
        let text = "Send the file as `application/pdf`, `application/pkcs7-signature`, `application/timestamp-reply` or, for \
                    its octets to say what it is, `application/octet-stream`; or as `multipart/form-data` with the parts \
                    `document` and `content`.";
        Problem::new(Kind::UnsupportedMediaType, text)
    })
}

/// Whether a media type is that of a CMS or a time-stamp; `None` when it says nothing.
fn is_plain(essence: &str) -> Option<bool> {
    match essence {
        "application/pdf" => Some(false),
        "application/pkcs7-signature"
        | "application/x-pkcs7-signature"
        | "application/pkcs7-mime"
        | "application/cms"
        | "application/timestamp-reply" => Some(true),
        _ => None,
    }
}

async fn parts(app: &App, session: &Session, headers: &HeaderMap, body: Body) -> Result<Subject> {
    let mut form = Form::open(app, headers, body)?;
    let missing = || Problem::new(Kind::MalformedRequest, "The `document` part is missing.");
    let field = form.next().await?.ok_or_else(missing)?;
    named(&field, "document")?;
    let plain = field.content_type().and_then(|kind| is_plain(kind.essence_str()));
    let name = field.file_name().filter(|name| is_shown_text(name, 256)).map(ToOwned::to_owned);
    let limit = app.config.limits.body;
    let (document, checked) = form.any(app, session, field, limit, u64::MAX, false).await?;
    checked?;
    let content = match form.next().await? {
        None => None,
        Some(field) => {
            named(&field, "content")?;
            // A detached signature over no octets is one (RFC 5652 §5.2).
            let (content, checked) = form.any(app, session, field, limit, 0, true).await?;
            checked?;
            form.end().await?;
            Some(Arc::new(content))
        }
    };
    Ok(Subject { document: Arc::new(document), content, plain, name })
}

/// A report, as what it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Detailed,
    Simple,
    Html,
    Etsi,
}

fn wanted_report(named: Option<&str>, headers: &HeaderMap) -> Result<Answer> {
    match named {
        Some("detailed") => Ok(Answer::Detailed),
        Some("simple") => Ok(Answer::Simple),
        Some("html") => Ok(Answer::Html),
        Some("etsi") => Ok(Answer::Etsi),
        Some(_) => {
            let reason = "write `simple`, `detailed`, `etsi` or `html`";
            Err(BadParameter { name: "report", reason }.into())
        }
        None => accepted(headers),
    }
}

/// By Accept (RFC 9110 §12.5.1): the greatest weight, among equals what is named first.
fn accepted(headers: &HeaderMap) -> Result<Answer> {
    let ranges: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let mut best: Option<(u16, Answer)> = None;
    for range in ranges.iter().flat_map(|text| text.split(',')).take(32) {
        let mut parts = range.split(';').map(str::trim);
        let answer = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "*/*" | "application/*" | "application/json" => Answer::Detailed,
            "text/html" => Answer::Html,
            "text/plain" | "text/*" => Answer::Simple,
            "application/xml" | "text/xml" => Answer::Etsi,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        let weight = thousandths(weight);
        if weight > 0 && best.is_none_or(|(known, _)| weight > known) {
            best = Some((weight, answer));
        }
    }
    match (best, ranges.is_empty()) {
        (Some((_, answer)), _) => Ok(answer),
        (None, true) => Ok(Answer::Detailed),
        (None, false) => {
            let text = "A report is `application/json`, `text/plain`, `text/html` or `application/xml`.";
            Err(Problem::new(Kind::NotAcceptable, text))
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
fn thousandths(weight: f32) -> u16 {
    (weight.clamp(0.0, 1.0) * 1000.0) as u16
}

fn language(name: Option<&str>) -> Result<Language> {
    let Some(name) = name else { return Ok(Language::default()) };
    let reason = "write `zh`, `en` or `both`";
    Language::from_name(name).ok_or_else(|| BadParameter { name: "lang", reason }.into())
}

/// Minutes east of Greenwich where this appliance stands.
fn offset(at: i64) -> i32 {
    Timestamp::from_second(at).map_or(0, |at| TimeZone::system().to_offset(at).seconds() / 60)
}

fn answer(report: &Report, wanted: Answer, language: Language, about: About<'_>) -> Result<Response> {
    let (kind, text) = match wanted {
        Answer::Detailed => {
            let value = serde_json::to_value(report).map_err(Problem::internal)?;
            return Ok(axum::Json(value).into_response());
        }
        Answer::Simple => {
            let lines = Simple::new(report, &about).lines(language);
            ("text/plain; charset=utf-8", lines.into_iter().map(|(_, line)| line + "\n").collect())
        }
        Answer::Html => ("text/html; charset=utf-8", Simple::new(report, &about).html(language)),
        Answer::Etsi => ("application/xml", etsi(report, &about)),
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    Ok(response)
}

/// Whether the document is no PDF, by what was said of it or by its octets.
pub(super) fn judged_plain(
    said: Option<bool>,
    document: &dyn Source,
    containers: &[&dyn SignatureContainer],
) -> std::io::Result<bool> {
    match said {
        Some(plain) => Ok(plain),
        None => Format::is_plain(document, containers).map_err(std::io::Error::other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(value: &'static str) -> Result<Answer> {
        accepted(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]))
    }

    #[test]
    fn the_report_is_what_is_accepted_most() {
        assert_eq!(accepted(&HeaderMap::new()).unwrap(), Answer::Detailed);
        assert_eq!(accepting("*/*").unwrap(), Answer::Detailed);
        assert_eq!(accepting("text/html,application/xhtml+xml,*/*;q=0.8").unwrap(), Answer::Html);
        assert_eq!(accepting("application/json;q=0.5, application/xml").unwrap(), Answer::Etsi);
        assert_eq!(accepting("text/plain").unwrap(), Answer::Simple);
        assert_eq!(accepting("image/png").unwrap_err().kind(), Kind::NotAcceptable);
        assert_eq!(accepting("text/html;q=0").unwrap_err().kind(), Kind::NotAcceptable);
    }

    #[test]
    fn a_body_is_taken_for_what_it_is_said_to_be() {
        let of = |kind: &'static str| {
            sent(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]))
        };
        assert!(matches!(of("Application/PDF; q=1"), Ok(Sent::Whole(Some(false)))));
        assert!(matches!(of("application/pkcs7-signature"), Ok(Sent::Whole(Some(true)))));
        assert!(matches!(of("application/timestamp-reply"), Ok(Sent::Whole(Some(true)))));
        assert!(matches!(of("application/octet-stream"), Ok(Sent::Whole(None))));
        assert!(matches!(of("multipart/form-data; boundary=b"), Ok(Sent::Form)));
        assert!(of("text/plain").is_err());
    }
}
