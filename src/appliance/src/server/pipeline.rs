//! What every request of the platform API goes through, before and after its handler.
//!
//! Before: request id, identity, rate, origin, sealed state, deadline. After: one shape for every refusal,
//! the refusal's entry in the journal, headers, metrics, one log line. Nothing here knows any capability.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, header};

use super::connection::Connection;
use super::limits::{Full, Place};
use super::metrics;
use super::request::{HEADER, RequestId, Session};
use crate::app::App;
use crate::identity::{Caller, IdentifyError};
use crate::journal::{Actor, Refusal};
use crate::problem::{Kind, Problem, Result};

/// The middleware around all routes of the platform API.
pub async fn platform(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let Some(connection) = request.extensions().get::<Arc<Connection>>().cloned() else {
        return Problem::internal("no connection at the platform pipeline").render(Some(asked.id.as_str()));
    };
    let (caller, response) = identified(&app, &connection, &asked.id, request, next).await;
    let actor = || Some(actor(&app, caller.as_deref(), &connection));
    asked.answered(&app, response, caller.as_deref(), actor).await
}

/// What is known of a request before anything else is: kept for its log line, its metrics and its entry.
pub(super) struct Asked {
    started: Instant,
    pub(super) id: RequestId,
    method: Method,
    route: String,
}

impl Asked {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            started: Instant::now(),
            id: RequestId::of(request.headers()),
            method: request.method().clone(),
            route: route(request),
        }
    }

    /// Gives the answer its shape, enters the refusal that it may be (in the name of `actor`, or counted when there
    /// is nobody to name), and tells metrics and log.
    pub(super) async fn answered(
        self,
        app: &Arc<App>,
        response: Response,
        caller: Option<&Caller>,
        actor: impl FnOnce() -> Option<Actor>,
    ) -> Response {
        let Self { started, id, method, route } = self;
        let (mut response, problem) = shape(response, &id);
        if let Some(problem) = &problem {
            let known = problem.refused_actor().cloned();
            match known.or_else(|| if problem.kind().recorded() { actor() } else { None }) {
                Some(actor) if problem.kind().recorded() => {
                    let refusal = refusal(actor, problem, &method, &route, &id);
                    if let Err(fault) = app.refused(refusal).await {
                        // Fail closed: a refusal that cannot be entered is still a refusal, but the operator must know.
                        tracing::error!(request_id = id.as_str(), %fault, "a refusal could not be entered");
                    }
                }
                None if caller.is_none() && problem.kind().status().is_client_error() => {
                    app.anonymous_failure(problem.kind().name());
                }
                _ => {}
            }
        }
        // Answers are for one caller; only what says otherwise may be kept on the way.
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let status = response.status();
        let elapsed = started.elapsed();
        metrics::request(&method, &route, status, elapsed);
        tracing::info!(
            request_id = id.as_str(),
            method = method.as_str(),
            route,
            status = status.as_u16(),
            caller = caller.map(|caller| caller.id.as_str()),
            micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            problem = problem.as_ref().map(|problem| problem.kind().name()),
            cause = problem.as_ref().and_then(Problem::log_message),
            "request"
        );
        response
    }
}

/// A request on a connection that a certificate was shown on: identified, admitted and answered, or refused.
pub(super) async fn identified(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    id: &RequestId,
    mut request: Request,
    next: Next,
) -> (Option<Arc<Caller>>, Response) {
    match identify(app, connection) {
        Ok(caller) => {
            let response = match admit(app, &caller, &request) {
                Ok(body) => {
                    let session =
                        Session::new(app.clone(), caller.clone(), connection.clone(), id.clone(), body);
                    request.extensions_mut().insert(session);
                    answer(app, request, next).await
                }
                Err(problem) => problem.render(None),
            };
            (Some(caller), response)
        }
        Err(error) => {
            // Nothing else is served on this connection (decision 13).
            connection.close_after_answer();
            (None, Problem::from(error).render(None))
        }
    }
}

fn identify(app: &App, connection: &Connection) -> std::result::Result<Arc<Caller>, IdentifyError> {
    connection.caller(&app.identity, unix_now())
}

fn admit(app: &App, caller: &Caller, request: &Request) -> Result<Option<Place<String>>> {
    app.rates.count(&caller.id).map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        Problem::new(Kind::TooManyRequests, "The caller has sent its share; wait as `Retry-After` says.")
            .retry_after(seconds)
    })?;
    own_origin(request.method(), request.headers(), request.uri().authority().map(|host| host.as_str()))?;
    if request.uri().path() != "/v1/openapi.json" {
        app.require_unsealed()?;
    }
    if request.body().is_end_stream() { Ok(None) } else { place(app, caller).map(Some) }
}

/// A place for the body, before its first octet is read: a caller with many streams on many connections would
/// else have as much memory and disk as it likes.
fn place(app: &App, caller: &Caller) -> Result<Place<String>> {
    app.bodies.take_for(caller.id.clone()).map_err(|full| match full {
        Full::Peer => Problem::new(
            Kind::TooManyRequests,
            "The caller has its share of bodies under way; wait until some are answered.",
        )
        .retry_after(1),
        Full::Total => {
            Problem::new(Kind::Overloaded, "Too many bodies are under way; try again shortly.").retry_after(1)
        }
    })
}

/// The handler's answer, unless it takes too long or breaks.
pub(super) async fn answer(app: &App, request: Request, next: Next) -> Response {
    let deadline = Duration::from_secs(app.config.limits.request_seconds);
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(deadline, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Problem::internal(format!("a handler panicked: {message}")).render(None)
        }
        Err(_) => Problem::new(
            Kind::Timeout,
            "The request was not done in time; send it again with the same `Idempotency-Key`.",
        )
        .render(None),
    }
}

/// Every refusal leaves as problem details with the request id, also those made by the framework.
pub(super) fn shape(mut response: Response, id: &RequestId) -> (Response, Option<Problem>) {
    let status = response.status();
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| {
        let refused = status.is_client_error() || status.is_server_error();
        // The framework answers in plain text or not at all; what a handler put into JSON stays.
        let shaped = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
            // A page tells its refusal itself.
            ["application/", "text/html"].iter().any(|own| kind.as_bytes().starts_with(own.as_bytes()))
        });
        (refused && !shaped).then(|| {
            let kind = Kind::of_status(status);
            let detail = match kind {
                Kind::NotFound => "There is nothing at this path; the paths stand in `/v1/openapi.json`.",
                Kind::MethodNotAllowed => "Use one of the methods in `Allow`.",
                _ => kind.title(),
            };
            Problem::new(kind, detail).allow(response.headers().get(header::ALLOW).cloned())
        })
    });
    let mut response = match &problem {
        Some(problem) => problem.clone().render(Some(id.as_str())),
        None => response,
    };
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    (response, problem)
}

/// Browsers present client certificates by themselves, so a page elsewhere could act in an officer's name:
/// state-changing requests that say they come from another origin are refused (decision 15).
pub(super) fn own_origin(method: &Method, headers: &HeaderMap, authority: Option<&str>) -> Result<()> {
    if method.is_safe() {
        return Ok(());
    }
    let foreign =
        || Problem::new(Kind::ForeignOrigin, "Send state-changing requests from the service itself.");
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
        && site != "none"
    {
        return Err(foreign());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = authority.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let same =
        origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://")).is_some_and(|origin| {
            host.is_some_and(|host| {
                origin.trim_end_matches(":443").eq_ignore_ascii_case(host.trim_end_matches(":443"))
            })
        });
    if same { Ok(()) } else { Err(foreign()) }
}

/// Whom the refusal's entry names: the caller, or whom the refused certificate claims to be.
pub(super) fn actor(app: &App, caller: Option<&Caller>, connection: &Connection) -> Actor {
    if let Some(caller) = caller {
        return caller.actor();
    }
    let snapshot = app.identity.snapshot().ok();
    let claimed = snapshot.as_ref().and_then(|snapshot| snapshot.claimed(&connection.peer));
    Actor {
        id: claimed.map_or_else(|| "unregistered".to_owned(), |claimed| claimed.id.clone()),
        kind: claimed.map_or("unregistered", |claimed| claimed.kind.as_str()).to_owned(),
        organisation: claimed.map(|claimed| claimed.organisation.clone()).unwrap_or_default(),
        fingerprint: connection.peer.fingerprint.clone(),
    }
}

pub(super) fn refusal(
    actor: Actor,
    problem: &Problem,
    method: &Method,
    route: &str,
    id: &RequestId,
) -> Refusal {
    let (action, resource, policies) = problem.about().cloned().map_or_else(
        || (format!("{method} {route}"), String::new(), Vec::new()),
        |about| (about.action, about.resource, about.policies),
    );
    let reason = problem.kind().name().to_owned();
    Refusal { actor, action, resource, reason, policies, request: id.as_str().to_owned() }
}

/// The route's pattern, never the path itself: paths carry identifiers, and labels must be few.
pub(super) fn route(request: &Request) -> String {
    request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned()
}

pub(super) fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(method: &str, given: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", "cinnabar.example:8443".parse().unwrap());
        for (name, value) in given {
            headers.insert(*name, value.parse().unwrap());
        }
        own_origin(&method.parse().unwrap(), &headers, None).is_ok()
    }

    #[test]
    fn state_changing_requests_from_foreign_pages_are_refused() {
        assert!(judged("POST", &[]), "programs send neither header");
        assert!(judged(
            "POST",
            &[("origin", "https://cinnabar.example:8443"), ("sec-fetch-site", "same-origin")]
        ));
        assert!(!judged("POST", &[("origin", "https://evil.example")]));
        assert!(!judged("POST", &[("origin", "null")]));
        assert!(!judged("POST", &[("origin", "http://cinnabar.example:8443")]));
        assert!(!judged("DELETE", &[("sec-fetch-site", "cross-site")]));
        assert!(!judged("PUT", &[("sec-fetch-site", "same-site")]));
        assert!(judged("GET", &[("origin", "https://evil.example")]));
    }
}
