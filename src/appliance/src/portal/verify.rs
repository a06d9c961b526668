//! `POST /api/verify`: a number, a code, or a file in; what is to be told out.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use licence::credential::qr;
use pdf::verify::Verdict as Verdicts;
use serde::Deserialize;
use serde_json::json;

use super::picture::PictureError;
use super::shown::Shown;
use super::words::{Both, of_problem};
use crate::app::App;
use crate::licences::verification::{self, Audience, SealsOf};
use crate::problem::{Kind, Problem, Result};
use crate::server::Visit;
use crate::server::spill::{Spooled, SpooledBody, Terms};

/// What is asked, as JSON: one of the ways.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    /// The licence's identifier, with `value`.
    identifier: Option<String>,
    /// Which entry `value` is; any that may be known when absent.
    field: Option<String>,
    /// One entry of the licence.
    value: Option<String>,
    /// A show-code.
    code: Option<String>,
    /// The text of an offline QR symbol.
    qr: Option<String>,
    /// An SD-JWT presentation.
    presentation: Option<String>,
    /// The text of a symbol of any kind.
    text: Option<String>,
}

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// An identifier and one entry of the licence.
    Number { identifier: String, field: Option<String>, value: String },
    /// An identifier alone: the entry is still wanted.
    Half(String),
    /// A show-code.
    Code(String),
    /// An offline QR symbol.
    Symbol(String),
    /// An SD-JWT presentation.
    Presentation(String),
}

impl Question {
    /// What the form asks.
    pub(super) fn number(identifier: &str, value: &str) -> Self {
        let (identifier, value) = (identifier.trim().to_owned(), value.trim().to_owned());
        Self::Number { identifier, field: None, value }
    }

    /// What the text of a symbol asks: an offline credential, an address with a show-code, a presentation, an identifier.
    fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > LONGEST {
            return None;
        }
        if text.starts_with(qr::PREFIX) {
            return Some(Self::Symbol(text.to_owned()));
        }
        if let Some((_, code)) = text.split_once("#s=") {
            return is_code(code).then(|| Self::Code(code.to_owned()));
        }
        if text.contains('~') && text.matches('.').count() >= 2 {
            return Some(Self::Presentation(text.to_owned()));
        }
        let dots = text.matches('.').count();
        let like = text.len() <= 160 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        (like && dots >= 4).then(|| Self::Half(text.to_owned()))
    }

    fn of(sent: Sent) -> Option<Self> {
        match sent {
            Sent {
                identifier: Some(identifier),
                field,
                value: Some(value),
                code: None,
                qr: None,
                presentation: None,
                text: None,
            } => {
                let Self::Number { identifier, value, .. } = Self::number(&identifier, &value) else {
                    return None;
                };
                Some(Self::Number { identifier, field, value })
            }
            Sent { identifier: None, field: None, value: None, code, qr, presentation, text } => {
                match (code, qr, presentation, text) {
                    (Some(code), None, None, None) => is_code(&code).then_some(Self::Code(code)),
                    (None, Some(qr), None, None) => Some(Self::Symbol(qr)),
                    (None, None, Some(presentation), None) => Some(Self::Presentation(presentation)),
                    (None, None, None, Some(text)) => Self::of_text(&text),
                    _ => None,
                }
            }
            Sent { .. } => None,
        }
    }

    /// The way, for the counters.
    const fn way(&self) -> &'static str {
        match self {
            Self::Number { .. } => "number",
            Self::Half(_) => "half",
            Self::Code(_) => "code",
            Self::Symbol(_) => "symbol",
            Self::Presentation(_) => "presentation",
        }
    }
}

fn is_code(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The handler. JSON names a way; `application/pdf` is a document, `image/png` a picture with a QR symbol.
pub(super) async fn verify(
    State(app): State<Arc<App>>,
    visit: Visit,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match told(&app, &visit, &headers, body).await {
        Ok(Told::Shown(shown)) => Json(*shown).into_response(),
        Ok(Told::Wanted(identifier)) => Json(json!({ "wanted": identifier })).into_response(),
        Err(problem) => {
            let Both { zh, en } = problem_words(&problem);
            problem.with("words", json!({ "zh": zh, "en": en })).into_response()
        }
    }
}

enum Told {
    Shown(Box<Shown>),
    Wanted(String),
}

async fn told(app: &Arc<App>, visit: &Visit, headers: &HeaderMap, body: Body) -> Result<Told> {
    app.portal.count_verification(&visit.peer())?;
    app.require_unsealed()?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let question = match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => {
            let octets = axum::body::to_bytes(body, LONGEST * 2).await;
            let octets =
                octets.map_err(|_| Problem::new(Kind::BodyTooLarge, "Send at most 32 KiB of JSON."))?;
            let sent = serde_json::from_slice(&octets).map_err(|error| {
                Problem::new(
                    Kind::MalformedRequest,
                    "Send one of `identifier` with `value`, `code`, `qr`, `presentation`, `text`.",
                )
                .log(error)
            })?;
            Question::of(sent)
        }
        "application/pdf" => return document(app, visit, body).await,
        "image/png" => {
            let _place = app.portal.place(visit.peer())?;
            let octets = taken(app, body, PICTURE).await?.octets().map_err(Problem::internal)?;
            let text = app.portal.pictures.read(octets).await?;
            Question::of_text(&text)
        }
        _ => {
            let text = "Send `application/json`, `application/pdf` or `image/png`.";
            return Err(Problem::new(Kind::UnsupportedMediaType, text));
        }
    };
    let strange =
        "This names no licence: send an identifier with one entry, a show-code, a QR text or a presentation.";
    let question = question.ok_or_else(|| Problem::new(Kind::InvalidParameter, strange))?;
    if let Question::Half(identifier) = question {
        return Ok(Told::Wanted(identifier));
    }
    let shown = answer(app, visit, question).await?;
    shown
        .map(|shown| Told::Shown(Box::new(shown)))
        .ok_or_else(|| Problem::new(Kind::InvalidParameter, strange))
}

/// Answers a question about a licence.
pub(super) async fn answer(app: &Arc<App>, visit: &Visit, question: Question) -> Result<Option<Shown>> {
    app.require_unsealed()?;
    let way = question.way();
    let audience = stranger(visit);
    let verdict = match &question {
        Question::Half(_) => return Ok(None),
        Question::Number { identifier, field, value } => {
            // People do not know what an entry is called: any that the licence's type lets be named.
            let field = field.as_deref().unwrap_or_default();
            verification::by_identifier(app, &audience, identifier, field, value).await?
        }
        Question::Code(code) => verification::by_show_code(app, &audience, code).await?,
        // Own signers are asked first there, then those of recognised regions.
        Question::Symbol(text) => verification::by_qr(app, &audience, text).await?,
        Question::Presentation(text) => verification::by_presentation(app, &audience, text, None).await?,
    };
    let shown = Shown::of_licence(&verdict, way);
    counted(way, Some(&shown));
    Ok(Some(shown))
}

/// Whoever visits.
fn stranger(visit: &Visit) -> Audience<'_> {
    Audience::Stranger { address: visit.remote().ip(), request: visit.request_id() }
}

async fn document(app: &Arc<App>, visit: &Visit, body: Body) -> Result<Told> {
    let _place = app.portal.place(visit.peer())?;
    let limit = app.config.listeners.portal.as_ref().map_or(0, |listener| listener.body);
    let document = Arc::new(taken(app, body, limit).await?);
    let verification::Judged { verdict, seals } =
        verification::judge_file(app, &stranger(visit), document).await?;
    // What is on record, here or in a recognised region, is told as a licence however badly it came out: an altered one is no
    // document that happens to be sealed.
    let nowhere = verdict.file.is_some()
        && verdict.origin.is_none()
        && verdict.reasons.iter().any(|reason| reason.name == "not-on-record");
    let shown = match seals.filter(|_| nowhere) {
        Some(seals) => sealed(seals),
        None => Shown::of_licence(&verdict, "file"),
    };
    counted("document", Some(&shown));
    Ok(Told::Shown(Box::new(shown)))
}

/// A document that is no licence on record: its seals, by this platform's trust or by that of a region that is recognised.
fn sealed(seals: SealsOf) -> Shown {
    let SealsOf { report, at, region } = seals;
    match region.filter(|_| report.verdict == Verdicts::Undecided) {
        Some((region, report)) => {
            let shown = Shown::of_document(&report, at);
            let origin = Both::new(region.entry.zh.as_str(), region.entry.en.as_str());
            Shown { origin: Some(origin), ..shown }
        }
        None => Shown::of_document(&report, at),
    }
}

async fn taken(app: &App, body: Body, limit: u64) -> Result<Spooled> {
    let limits = &app.config.limits;
    let terms = Terms {
        limit,
        threshold: limits.spill_threshold,
        folder: &app.config.appliance.state,
        pause: std::time::Duration::from_secs(limits.body_chunk_seconds),
    };
    Ok(SpooledBody::collect(body, terms).await?)
}

fn counted(way: &'static str, shown: Option<&Shown>) {
    let tone = shown.map_or("none", |shown| shown.tone.name());
    metrics::counter!("cinnabar_portal_verifications_total", "way" => way, "tone" => tone).increment(1);
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        let kind = match error {
            PictureError::Unreadable => Kind::UnsupportedMediaType,
            PictureError::TooLarge => Kind::BodyTooLarge,
            PictureError::NoSymbol | PictureError::Crowded | PictureError::Late => Kind::InvalidParameter,
        };
        Self::new(kind, error.to_string()).with("picture", true)
    }
}

/// The words of a refusal; those about pictures are more helpful than those of their kind.
fn problem_words(problem: &Problem) -> Both {
    if problem.document(None).get("picture").is_none() {
        return of_problem(problem);
    }
    match problem.kind() {
        Kind::InvalidParameter => Both::new(
            "图片中没有找到可读的二维码。请拍摄清晰、完整的二维码。",
            "No QR code could be read in this picture. Take a sharp one that shows the whole code.",
        ),
        Kind::BodyTooLarge => {
            Both::new("图片太大，请缩小后再试。", "The picture is too large. Make it smaller and try again.")
        }
        _ => Both::new("无法读取这张图片。", "This picture cannot be read."),
    }
}

/// Longest text of a symbol or presentation, octets.
const LONGEST: usize = 16 * 1024;
/// Largest picture, octets.
const PICTURE: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_symbol_says_which_question_it_is() {
        let of = |text: &str| Question::of_text(text);
        assert_eq!(of("CNB1:6BF"), Some(Question::Symbol("CNB1:6BF".into())));
        let code = "Abcdefghijklmnop_-1234";
        let address = format!("https://verify.example/#s={code}");
        assert_eq!(of(&address), Some(Question::Code(code.into())));
        assert_eq!(of("https://verify.example/#s=short"), None);
        assert_eq!(of("a.b.c~d~"), Some(Question::Presentation("a.b.c~d~".into())));
        let identifier = "11100000000013338W032.11220000013544541J.2430599.001.F";
        assert_eq!(of(identifier), Some(Question::Half(identifier.into())));
        assert_eq!(of("https://elsewhere.example/"), None);
        assert_eq!(of(&"A".repeat(LONGEST + 1)), None);
    }

    #[test]
    fn one_way_at_a_time_is_asked() {
        let of = |json: serde_json::Value| serde_json::from_value::<Sent>(json).ok().and_then(Question::of);
        assert!(matches!(
            of(json!({ "identifier": " A.B ", "value": "x" })),
            Some(Question::Number { identifier, field: None, .. }) if identifier == "A.B"
        ));
        assert!(of(json!({ "identifier": "A.B" })).is_none());
        assert!(of(json!({ "code": "Abcdefghijklmnop", "qr": "CNB1:" })).is_none());
        assert!(of(json!({ "code": "Abcdefghijklmnop", "other": 1 })).is_none());
        assert!(of(json!({})).is_none());
    }
}
