//! ACME's own problem documents (RFC 8555 §6.7): types `urn:ietf:params:acme:error:…`, with subproblems for
//! identifiers, and the headers that some of them carry.
//!
//! Clients act on these types, so the table of [`crate::problem`] does not serve them; its problems (sealed, store,
//! clock) become `serverInternal` with their own status here. Detail texts are for the client's operator; what the
//! appliance's operator must know besides goes to the log.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::identifier::{Identifier, IdentifierError};
use super::jwk::{Algorithm, JwkError};
use super::jws::JwsError;
use crate::problem::{MEDIA_TYPE, Problem};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal;)+) => {
        /// Error types of RFC 8555 §6.7 and RFC 9773 §7.4, with the status they are answered with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorKind { $($(#[$doc])* $variant,)+ }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The last part of the type's URN.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)+ } }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status,)+ } }
        }
    };
}

kinds! {
    /// The account that `onlyReturnExisting` or `kid` names does not exist.
    AccountDoesNotExist = "accountDoesNotExist", 400;
    /// The certificate was replaced by another order already.
    AlreadyReplaced = "alreadyReplaced", 409;
    /// The certificate is revoked already.
    AlreadyRevoked = "alreadyRevoked", 400;
    /// The CSR is not acceptable.
    BadCsr = "badCSR", 400;
    /// The anti-replay nonce is not, or no longer, acceptable.
    BadNonce = "badNonce", 400;
    /// The key is not acceptable.
    BadPublicKey = "badPublicKey", 400;
    /// The revocation reason is not acceptable.
    BadRevocationReason = "badRevocationReason", 400;
    /// The algorithm is not acceptable.
    BadSignatureAlgorithm = "badSignatureAlgorithm", 400;
    /// Several of the subproblems' kinds.
    Compound = "compound", 400;
    /// The server could not connect to what was to be validated.
    Connection = "connection", 400;
    /// A DNS query failed.
    Dns = "dns", 400;
    /// An external account binding is needed.
    ExternalAccountRequired = "externalAccountRequired", 403;
    /// The response to a challenge was not what it should be.
    IncorrectResponse = "incorrectResponse", 403;
    /// A contact is not a usable address.
    InvalidContact = "invalidContact", 400;
    /// The request cannot be read.
    Malformed = "malformed", 400;
    /// The order is not ready.
    OrderNotReady = "orderNotReady", 403;
    /// Too many requests.
    RateLimited = "rateLimited", 429;
    /// The identifier may not be ordered.
    RejectedIdentifier = "rejectedIdentifier", 400;
    /// Our own fault.
    ServerInternal = "serverInternal", 500;
    /// A TLS connection to what was to be validated failed.
    Tls = "tls", 400;
    /// Whoever asks may not.
    Unauthorized = "unauthorized", 403;
    /// A contact of a kind that is not supported.
    UnsupportedContact = "unsupportedContact", 400;
    /// An identifier of a type that is not supported.
    UnsupportedIdentifier = "unsupportedIdentifier", 400;
    /// The terms of service must be agreed to.
    UserActionRequired = "userActionRequired", 403;
}

impl ErrorKind {
    /// The type: `urn:ietf:params:acme:error:NAME`.
    #[must_use]
    pub fn urn(self) -> String {
        format!("urn:ietf:params:acme:error:{}", self.name())
    }
}

/// One answer that is not what was asked for, or why a challenge or an order failed.
#[derive(Clone, Debug)]
pub struct AcmeError(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    kind: ErrorKind,
    status: u16,
    detail: Cow<'static, str>,
    log: Option<String>,
    members: Map<String, Value>,
    subproblems: Vec<Value>,
    headers: Vec<(HeaderName, String)>,
}

/// What `?` carries out of ACME's handlers.
pub type Result<T> = std::result::Result<T, AcmeError>;

impl AcmeError {
    /// An error whose `detail` tells the client's operator how to mend it.
    #[must_use]
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            kind,
            status: kind.status(),
            detail: detail.into(),
            log: None,
            members: Map::new(),
            subproblems: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// `malformed`.
    #[must_use]
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Malformed, detail)
    }

    /// `unauthorized`.
    #[must_use]
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unauthorized, detail)
    }

    /// There is no such thing, or it is another account's: the two are not told apart.
    #[must_use]
    pub fn not_found() -> Self {
        Self::malformed("There is no such thing, or it is not this account's.").status(404)
    }

    /// Our own fault: told to the operator's log.
    #[must_use]
    pub fn internal(log: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::ServerInternal, "The fault is the server's; try again later.").log(log)
    }

    /// Another status than the kind's own.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    /// What the operator's log says besides.
    #[must_use]
    pub fn log(mut self, message: impl std::fmt::Display) -> Self {
        self.0.log = Some(message.to_string());
        self
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// Seconds after which trying again may help.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds.to_string())
    }

    /// An extension member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// What is wrong with one identifier (RFC 8555 §6.7.1).
    #[must_use]
    pub fn about(mut self, identifier: &Identifier, kind: ErrorKind, detail: &str) -> Self {
        self.0.subproblems.push(json!({
            "type": kind.urn(), "detail": detail, "identifier": identifier.to_json(),
        }));
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The client's message.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The operator's message.
    #[must_use]
    pub fn log_message(&self) -> Option<&str> {
        self.0.log.as_deref()
    }

    /// The problem document, as challenges and orders carry it too.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), self.0.kind.urn().into());
        body.insert("detail".into(), self.0.detail.as_ref().into());
        body.insert("status".into(), self.0.status.into());
        if !self.0.subproblems.is_empty() {
            body.insert("subproblems".into(), self.0.subproblems.clone().into());
        }
        for (name, value) in &self.0.members {
            body.entry(name.as_str()).or_insert_with(|| value.clone());
        }
        Value::Object(body)
    }
}

impl IntoResponse for AcmeError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        for (name, value) in &self.0.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.append(name, value);
            }
        }
        response
    }
}

impl From<JwsError> for AcmeError {
    fn from(error: JwsError) -> Self {
        match &error {
            JwsError::Algorithm(_) | JwsError::Key(JwkError::Kind(_)) => {
                // RFC 8555 §6.2: the answer lists what would be accepted.
                Self::new(ErrorKind::BadSignatureAlgorithm, sentence(&error))
                    .with("algorithms", json!(Algorithm::NAMES))
            }
            JwsError::Key(_) => Self::new(ErrorKind::BadPublicKey, sentence(&error)),
            JwsError::Signature => Self::unauthorized(sentence(&error)),
            JwsError::Json { .. } | JwsError::Shape(_) | JwsError::Base64(_) => {
                Self::malformed(sentence(&error))
            }
        }
    }
}

impl From<IdentifierError> for AcmeError {
    fn from(error: IdentifierError) -> Self {
        let kind = match &error {
            IdentifierError::Type(_) => ErrorKind::UnsupportedIdentifier,
            IdentifierError::Shape => ErrorKind::Malformed,
            IdentifierError::Name { .. } | IdentifierError::Address(_) => ErrorKind::RejectedIdentifier,
        };
        Self::new(kind, sentence(&error))
    }
}

impl From<Problem> for AcmeError {
    fn from(problem: Problem) -> Self {
        let status = problem.kind().status().as_u16();
        let log = problem.log_message().unwrap_or_default().to_owned();
        let kind = match status {
            429 => ErrorKind::RateLimited,
            401 | 403 => ErrorKind::Unauthorized,
            _ => ErrorKind::ServerInternal,
        };
        let detail = if status < 500 || status == 503 { problem.detail().to_owned() } else { String::new() };
        let error = match detail.is_empty() {
            true => Self::internal(&log),
            false => Self::new(kind, detail).status(status).log(format!("{}: {log}", problem.kind().name())),
        };
        if status == 503 { error.retry_after(10) } else { error }
    }
}

impl From<crate::store::StoreError> for AcmeError {
    fn from(error: crate::store::StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// The message of an error as a sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_names_of_their_own_and_error_statuses() {
        let mut seen = std::collections::HashSet::new();
        for kind in ErrorKind::ALL {
            assert!(seen.insert(kind.name()), "{}", kind.name());
            assert!((400..600).contains(&kind.status()));
        }
    }

    #[tokio::test]
    async fn the_document_says_what_is_wrong_with_each_identifier_and_keeps_the_log_message_at_home() {
        let name = Identifier::dns("a.example").unwrap();
        let response = AcmeError::new(ErrorKind::RejectedIdentifier, "Some names may not be ordered.")
            .about(&name, ErrorKind::RejectedIdentifier, "Not below the binding's names.")
            .log("secret")
            .retry_after(7)
            .into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "7");
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "urn:ietf:params:acme:error:rejectedIdentifier");
        assert_eq!(body["subproblems"][0]["identifier"]["value"], "a.example");
        assert!(!body.to_string().contains("secret"));
    }

    #[test]
    fn a_refused_algorithm_is_answered_with_those_that_are_accepted() {
        let error = AcmeError::from(JwsError::Algorithm("none".into()));
        assert_eq!(error.kind(), ErrorKind::BadSignatureAlgorithm);
        assert_eq!(error.to_json()["algorithms"][0], "ES256");
        assert_eq!(error.detail(), "The algorithm `none` is not accepted.");
    }
}
