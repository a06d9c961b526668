//! What a handler knows of its request: the id, the caller, and how to ask for a permit.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::connection::Connection;
use super::limits::Place;
use super::pipeline::{self, unix_now};
use crate::app::App;
use crate::identity::Caller;
use crate::journal::Refusal;
use crate::policy::{Action, Facts, Permit, Resource};
use crate::problem::{Problem, Result};

/// Identifier of one request, in answers, logs and entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

/// Header in which it travels.
pub const HEADER: &str = "x-request-id";

impl RequestId {
    /// The caller's own, if it is sane; a fresh UUIDv7 otherwise.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| Self::is_sane(id));
        Self(given.map_or_else(|| uuid::Uuid::now_v7().to_string().into(), Into::into))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Nothing that could break out of a log line or an entry, nor tell whom it is about.
    fn is_sane(id: &str) -> bool {
        (8..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    }
}

/// An admitted request of an identified caller; handlers take it as an argument.
#[derive(Debug, Clone)]
pub struct Session {
    app: Arc<App>,
    caller: Arc<Caller>,
    connection: Arc<Connection>,
    request: RequestId,
    body: Option<Arc<Place<String>>>,
}

impl Session {
    pub(super) fn new(
        app: Arc<App>,
        caller: Arc<Caller>,
        connection: Arc<Connection>,
        request: RequestId,
        body: Option<Place<String>>,
    ) -> Self {
        Self { app, caller, connection, request, body: body.map(Arc::new) }
    }

    /// The place that the request's body takes; whoever keeps the body longer than the request keeps it too.
    #[must_use]
    pub fn body_place(&self) -> Option<Arc<Place<String>>> {
        self.body.clone()
    }

    /// The same request once more identified. A body may take its sender minutes; whoever was revoked, retired
    /// or given other roles meanwhile is not who asked at its beginning.
    ///
    /// # Errors
    /// The problem that the caller's next request would meet.
    pub fn renewed(&self) -> Result<Self> {
        let caller = self.connection.caller(&self.app.identity, unix_now()).inspect_err(|_| {
            self.connection.close_after_answer();
        })?;
        Ok(Self { caller, ..self.clone() })
    }

    /// Where the request comes from, and its identifier.
    pub(super) fn origin(&self) -> (std::net::SocketAddr, RequestId) {
        (self.connection.remote, self.request.clone())
    }

    /// The certificate that the caller showed.
    #[must_use]
    pub fn peer(&self) -> &crate::identity::Peer {
        &self.connection.peer
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request.as_str()
    }

    /// What is entered of a refusal that stands inside an answer, where the pipeline does not see it; none for
    /// problems that are not entered.
    #[must_use]
    pub fn refusal(&self, problem: &Problem, route: &str) -> Option<Refusal> {
        let refusal = || pipeline::refusal(self.caller.actor(), problem, &Method::POST, route, &self.request);
        problem.kind().recorded().then(refusal)
    }

    /// Asks the policies for the act `A` on `resource`.
    ///
    /// # Errors
    /// The `forbidden` problem; the pipeline enters the refusal.
    pub fn permit<A: Action>(&self, resource: Resource) -> Result<Permit<A>> {
        self.permit_with(resource, |_| {})
    }

    /// As [`Session::permit`], with further facts for the policies.
    ///
    /// # Errors
    /// The `forbidden` problem; the pipeline enters the refusal.
    pub fn permit_with<A: Action>(
        &self,
        resource: Resource,
        add: impl FnOnce(&mut Facts),
    ) -> Result<Permit<A>> {
        let mut facts = Facts::of_request(self.request.as_str());
        add(&mut facts);
        Ok(self.app.policy.decide(&self.caller, resource, facts)?)
    }
}

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Problem::internal("a handler of the platform API was reached without its pipeline")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, given.parse().unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_sane_request_id_is_kept_and_any_other_replaced() {
        assert_eq!(id_of("approval-2026.11_22"), "approval-2026.11_22");
        for strange in ["short", "with space here", "quote\"quote\"", &"x".repeat(65)] {
            let id = id_of(strange);
            assert_ne!(id, strange);
            assert_eq!(id.len(), 36);
        }
    }
}
