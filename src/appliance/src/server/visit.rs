//! The enrolment listener's requests: perhaps of an identified caller, perhaps of nobody in particular.
//!
//! Whoever shows a client certificate is identified, refused and entered exactly as on the platform listener. Whoever
//! shows none is counted and bounded by peer address, and sees only what the capabilities behind this listener give
//! to strangers: EST and ACME, which authenticate in their own ways. Nothing here knows either of them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header;
use http::request::Parts;

use super::connection::Connection;
use super::limits::{Full, Places, Rates, network};
use super::pipeline::{self, Asked};
use super::request::{RequestId, Session};
use crate::app::App;
use crate::config::EnrolmentListener;
use crate::problem::{Kind, Problem, Result};

/// A connection of the enrolment listener, as its requests see it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Where it comes from.
    pub remote: SocketAddr,
    /// The connection as the platform's pipeline knows it, when a certificate was shown.
    pub connection: Option<Arc<Connection>>,
}

/// An admitted request of whoever it may be; handlers that serve strangers take it as an argument. On the platform
/// listener it always has a session.
#[derive(Debug, Clone)]
pub struct Visit {
    session: Option<Session>,
    remote: SocketAddr,
    request: RequestId,
}

impl Visit {
    /// A request of nobody in particular.
    pub(super) fn of_stranger(remote: SocketAddr, request: RequestId) -> Self {
        Self { session: None, remote, request }
    }

    /// The identified caller's session, if a client certificate was shown.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Where the request comes from.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// What counts as one stranger: its IPv4 address, or its IPv6 /64.
    #[must_use]
    pub fn peer(&self) -> String {
        peer(self.remote)
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request.as_str()
    }
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self> {
        if let Some(visit) = parts.extensions.get::<Self>() {
            return Ok(visit.clone());
        }
        let session = parts.extensions.get::<Session>().cloned();
        let session =
            session.ok_or_else(|| Problem::internal("a handler was reached without its pipeline"))?;
        let (remote, request) = session.origin();
        Ok(Self { session: Some(session), remote, request })
    }
}

/// Bounds on those whom no certificate names, per peer address.
#[derive(Debug)]
pub struct Visitors {
    rates: Rates,
    bodies: Arc<Places<String>>,
}

impl Visitors {
    /// The bounds of this listener; of one with defaults when there is none.
    #[must_use]
    pub fn new(listener: Option<&EnrolmentListener>) -> Self {
        let default = EnrolmentListener::on(Vec::new());
        let listener = listener.unwrap_or(&default);
        Self {
            rates: Rates::new(listener.requests_per_second, listener.request_burst),
            bodies: Places::new(BODIES, BODIES_PER_PEER),
        }
    }

    /// Forgets peers that have been quiet.
    pub fn forget_quiet(&self) {
        self.rates.forget_quiet();
    }
}

/// The enrolment listener's router: what these capabilities give to strangers, behind the pipeline.
pub(super) fn router(app: &Arc<App>, capabilities: impl IntoIterator<Item = Router<Arc<App>>>) -> Router {
    let listener = app.config.listeners.enrolment.as_ref();
    let bound = listener.map_or(0, |listener| usize::try_from(listener.body).unwrap_or(usize::MAX));
    let nothing = || async {
        Problem::new(Kind::NotFound, "This listener serves enrolment: `/.well-known/est/` and `/acme/`.")
    };
    capabilities
        .into_iter()
        .fold(Router::new(), Router::merge)
        .layer(DefaultBodyLimit::max(bound))
        .fallback(nothing)
        .layer(axum::middleware::from_fn_with_state(app.clone(), pipeline))
        .with_state(app.clone())
}

/// The middleware around all routes of the enrolment listener.
async fn pipeline(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let Some(Arrival { remote, connection }) = request.extensions().get::<Arrival>().cloned() else {
        return Problem::internal("no arrival at the enrolment pipeline").render(Some(asked.id.as_str()));
    };
    if let Some(connection) = connection {
        let (caller, response) = pipeline::identified(&app, &connection, &asked.id, request, next).await;
        let actor = || Some(pipeline::actor(&app, caller.as_deref(), &connection));
        return asked.answered(&app, response, caller.as_deref(), actor).await;
    }
    let response = match admit(&app, remote, &request) {
        Ok(_place) => {
            let visit = Visit::of_stranger(remote, asked.id.clone());
            request.extensions_mut().insert(visit);
            pipeline::answer(&app, request, next).await
        }
        Err(problem) => problem.render(None),
    };
    asked.answered(&app, response, None, || None).await
}

fn admit(app: &App, remote: SocketAddr, request: &Request) -> Result<Option<super::limits::Place<String>>> {
    let peer = peer(remote);
    app.visitors.rates.count(&peer).map_err(|wait| {
        Problem::new(Kind::TooManyRequests, "Your address has sent its share; wait as `Retry-After` says.")
            .retry_after(wait.as_secs() + 1)
    })?;
    // Browsers remember Basic credentials as they do certificates (decision 15). Requests that are signed in
    // themselves, as ACME's are, carry nothing that a browser would add.
    if request.headers().contains_key(header::AUTHORIZATION) {
        let authority = request.uri().authority().map(|host| host.as_str());
        pipeline::own_origin(request.method(), request.headers(), authority)?;
    }
    app.require_unsealed()?;
    if request.body().is_end_stream() {
        return Ok(None);
    }
    app.visitors.bodies.take_for(peer).map(Some).map_err(|full| {
        let kind = if full == Full::Peer { Kind::TooManyRequests } else { Kind::Overloaded };
        Problem::new(kind, "Too many bodies are under way; try again shortly.").retry_after(1)
    })
}

fn peer(remote: SocketAddr) -> String {
    network(remote.ip()).to_string()
}

/// Bodies of strangers received or held at the same time: each takes up to the listener's `body` of memory.
const BODIES: usize = 256;
const BODIES_PER_PEER: usize = 32;
