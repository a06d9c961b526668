//! The page itself: a template with words, and an answer where the form was sent without a script.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::assets;
use super::shown::{Fact, Shown, Tone};
use super::verify::{Question, answer};
use super::words::{Both, Tongue, of_problem, word};
use crate::app::App;
use crate::problem::{Kind, Problem, Result};
use crate::server::Visit;

const TEMPLATE: &str = include_str!("assets/page.html");

/// The page's query.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    lang: Option<String>,
}

/// What the form sends.
#[derive(Debug, Default)]
struct Sent {
    lang: Option<String>,
    identifier: Option<String>,
    value: Option<String>,
}

impl Sent {
    /// From `application/x-www-form-urlencoded`; each name once at most, no other.
    fn read(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        if kind.split(';').next()?.trim() != "application/x-www-form-urlencoded" {
            return None;
        }
        let mut sent = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let place = match name.as_ref() {
                "lang" => &mut sent.lang,
                "identifier" => &mut sent.identifier,
                "value" => &mut sent.value,
                _ => return None,
            };
            if place.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        Some(sent)
    }
}

/// `GET /`: the page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    query: std::result::Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let tongue = Tongue::of(asked.lang.as_deref(), &headers);
    page(&app, tongue, "", &Answer::None)
}

/// `POST /`: the page with an answer, for browsers without scripts.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let sent = Sent::read(&headers, &body).unwrap_or_default();
    let tongue = Tongue::of(sent.lang.as_deref(), &headers);
    let (Some(identifier), Some(value)) = (sent.identifier, sent.value) else {
        let problem = Problem::new(Kind::MalformedRequest, "Send the form of this page.");
        return refused(&app, tongue, "", &problem);
    };
    match asked(&app, &visit, Question::number(&identifier, &value)).await {
        Ok(shown) => page(&app, tongue, &identifier, &Answer::Shown(&shown)),
        Err(problem) => refused(&app, tongue, &identifier, &problem),
    }
}

async fn asked(app: &Arc<App>, visit: &Visit, question: Question) -> Result<Shown> {
    app.portal.count_verification(&visit.peer())?;
    answer(app, visit, question).await?.ok_or_else(|| {
        Problem::new(Kind::InvalidParameter, "Enter the identifier and one entry of the licence.")
    })
}

fn refused(app: &App, tongue: Tongue, identifier: &str, problem: &Problem) -> Response {
    let mut response = page(app, tongue, identifier, &Answer::Refused(&of_problem(problem)));
    *response.status_mut() = problem.kind().status();
    response
}

/// What the page answers, if anything was asked.
enum Answer<'a> {
    None,
    Shown(&'a Shown),
    Refused(&'a Both),
}

fn page(app: &App, tongue: Tongue, identifier: &str, answer: &Answer<'_>) -> Response {
    let largest = app.config.listeners.portal.as_ref().map_or(0, |listener| listener.body);
    let organisation = app.config.appliance.organisation.as_str();
    let said = |name: &str| -> String {
        let other = |of: Tongue| if of == tongue { " aria-current=\"true\"" } else { "" };
        match name {
            "lang" => tongue.tag().to_owned(),
            "lang2" => tongue.name().to_owned(),
            "current:zh" => other(Tongue::Zh).to_owned(),
            "current:en" => other(Tongue::En).to_owned(),
            "organisation" => escaped(organisation),
            "identifier" => escaped(identifier),
            "largest" => largest.to_string(),
            "answer-tone" => tone(answer).map_or("", Tone::name).to_owned(),
            "answer-hidden" => if tone(answer).is_none() { " hidden" } else { "" }.to_owned(),
            "answer" => told(answer, tongue),
            _ => name.strip_prefix("asset:").map(assets::path).unwrap_or_default(),
        }
    };
    let text = filled(TEMPLATE, |name| match name.strip_prefix('=') {
        Some(name) => said(name),
        None => escaped(&word(name, tongue).replace("{size}", &(largest / 1_048_576).to_string())),
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Language"),
        (header::CONTENT_LANGUAGE, tongue.tag()),
    ];
    (StatusCode::OK, headers, text).into_response()
}

/// Puts something in the place of every `{{NAME}}`.
fn filled(template: &str, with: impl Fn(&str) -> String) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        text.push_str(&with(name));
        rest = after;
    }
    text.push_str(rest);
    text
}

fn tone(answer: &Answer<'_>) -> Option<Tone> {
    match answer {
        Answer::None => None,
        Answer::Shown(shown) => Some(shown.tone),
        Answer::Refused(_) => Some(Tone::Unknown),
    }
}

fn told(answer: &Answer<'_>, tongue: Tongue) -> String {
    let mut text = String::new();
    let (tone, kicker, verdict) = match answer {
        Answer::None => return "<h2 id=\"verdict\" hidden></h2>".to_owned(),
        Answer::Shown(shown) => (shown.tone, format!("tone.{}", shown.tone.name()), &shown.verdict),
        Answer::Refused(why) => (Tone::Unknown, "error.title".to_owned(), *why),
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "<div class=\"verdict\"><svg aria-hidden=\"true\" focusable=\"false\"><use href=\"#i-{}\"/></svg><div>\
         <p class=\"word\">{}</p><h2 id=\"verdict\" tabindex=\"-1\" autofocus>{}</h2></div></div>",
        tone.name(),
        escaped(word(&kicker, tongue)),
        escaped(verdict.in_tongue(tongue))
    );
    let Answer::Shown(shown) = answer else { return text };
    text.push_str("<div class=\"told\">");
    lines(&mut text, "answer.reasons", &shown.reasons, tongue);
    rows(&mut text, Some("answer.facts"), &shown.facts, tongue);
    lines(&mut text, "answer.checked", &shown.checked, tongue);
    let about = |name: &str, said: Both| Fact { label: both(name), text: said, tone: None };
    let mut of_check = Vec::new();
    of_check.extend(shown.origin.clone().map(|origin| about("answer.origin", origin)));
    of_check.push(about("answer.at", Both::same(shown.at.as_str())));
    rows(&mut text, None, &of_check, tongue);
    text.push_str("</div>");
    text
}

fn both(name: &str) -> Both {
    Both::new(word(name, Tongue::Zh), word(name, Tongue::En))
}

fn lines(text: &mut String, title: &str, all: &[Both], tongue: Tongue) {
    if all.is_empty() {
        return;
    }
    let _ = write!(text, "<h3>{}</h3><ul>", escaped(word(title, tongue)));
    for line in all {
        let _ = write!(text, "<li>{}</li>", escaped(line.in_tongue(tongue)));
    }
    text.push_str("</ul>");
}

fn rows(text: &mut String, title: Option<&str>, facts: &[Fact], tongue: Tongue) {
    if facts.is_empty() {
        return;
    }
    match title {
        Some(title) => {
            let _ = write!(text, "<h3>{}</h3><dl>", escaped(word(title, tongue)));
        }
        None => text.push_str("<dl class=\"about\">"),
    }
    for Fact { label, text: said, tone } in facts {
        let class = tone.map(|tone| format!(" class=\"{}\"", tone.name())).unwrap_or_default();
        let (label, said) = (escaped(label.in_tongue(tongue)), escaped(said.in_tongue(tongue)));
        let _ = write!(text, "<div><dt>{label}</dt><dd{class}>{said}</dd></div>");
    }
    text.push_str("</dl>");
}

/// Text for markup and for quoted attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if pdf::report::is_hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_page_exists_in_both_languages_and_nothing_is_left_unfilled() {
        let names = std::cell::RefCell::new(Vec::new());
        let text = filled(TEMPLATE, |name| {
            names.borrow_mut().push(name.to_owned());
            String::new()
        });
        assert!(!text.contains("{{") && !text.contains("}}"));
        for name in names.into_inner().iter().filter(|name| !name.starts_with('=')) {
            assert!(!word(name, Tongue::Zh).is_empty() && !word(name, Tongue::En).is_empty(), "{name}");
        }
        for part in ["data-w=\"", "data-w-aria-label=\""] {
            for (_, rest) in TEMPLATE.match_indices(part).map(|(at, _)| TEMPLATE.split_at(at + part.len())) {
                let name = rest.split('"').next().unwrap();
                assert!(!word(name, Tongue::En).is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn what_is_said_of_a_document_cannot_become_markup() {
        let evil = Both::same("<script>alert('1')</script>\u{202e}\"");
        let shown = Shown {
            tone: Tone::Good,
            code: Some(0),
            verdict: evil.clone(),
            reasons: vec![evil.clone()],
            facts: vec![Fact { label: evil.clone(), text: evil.clone(), tone: Some(Tone::Bad) }],
            checked: vec![evil.clone()],
            origin: Some(evil),
            at: "<b>".to_owned(),
        };
        let text = told(&Answer::Shown(&shown), Tongue::En);
        assert!(!text.contains("<script") && !text.contains("<b>") && !text.contains('\u{202e}'), "{text}");
        assert!(text.contains("&lt;script&gt;alert(&#39;1&#39;)"), "{text}");
    }

    #[test]
    fn the_form_is_taken_as_it_is_sent_and_nothing_else() {
        let kind = |text: &'static str| {
            HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(text))])
        };
        let form = kind("application/x-www-form-urlencoded");
        let sent = Sent::read(&form, "lang=en&identifier=A.B+&value=%E5%BC%A0".as_bytes()).unwrap();
        assert_eq!((sent.identifier.as_deref(), sent.value.as_deref()), (Some("A.B "), Some("张")));
        assert!(Sent::read(&form, b"identifier=A&identifier=B").is_none());
        assert!(Sent::read(&form, b"other=A").is_none());
        assert!(Sent::read(&kind("text/plain"), b"identifier=A").is_none());
    }

    #[test]
    fn neither_the_page_nor_its_answer_has_inline_script_or_style() {
        for bad in ["style=", "<style", "onclick", "onload", "javascript:"] {
            assert!(!TEMPLATE.contains(bad), "{bad}");
        }
        assert_eq!(TEMPLATE.matches("<script").count(), 1);
    }
}
