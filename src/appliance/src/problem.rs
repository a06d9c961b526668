//! Problem details (RFC 9457): the one table of error types, and the one place that renders them.
//!
//! A [`Problem`] carries two messages: `detail` is for the caller and says how to mend it, `log` is for the
//! operator and never leaves the house. Domain modules know no HTTP; their errors become problems in
//! `impl From<…> for Problem`, beside this table. The server's pipeline adds the request id, and enters
//! refusals of identified callers in the journal where the table says so.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// Media type of problem details (RFC 9457 §3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// RFC 7617 §2.1; a 401 answer must say how to authenticate (RFC 9110 §15.5.2).
const CHALLENGE: &str = "Basic realm=\"cinnabar enrolment\", charset=\"UTF-8\"";

const URN: &str = "urn:cinnabar:problem:";

macro_rules! table {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal, $title:literal, $recorded:literal;)+) => {
        /// Stable problem types. Names, once released, never change their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)+ }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Last part of the type URN; also the refusal's reason in the journal and the metrics label.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)+ } }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match match self { $(Self::$variant => StatusCode::from_u16($status),)+ } {
                    Ok(status) => status,
                    Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
                }
            }

            /// The short, constant summary.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title,)+ } }

            /// Whether a refusal of an identified caller with this problem is entered in the journal.
            #[must_use]
            pub const fn recorded(self) -> bool { match self { $(Self::$variant => $recorded,)+ } }
        }
    };
}

table! {
    /// The keystore is sealed.
    Sealed = "sealed", 503, "The appliance is sealed", true;
    /// The secret does not open the keystore.
    UnsealFailed = "unseal-failed", 403, "The keystore stays sealed", false;
    /// Unsealed, but not ready to act (head not verified, stale state).
    NotReady = "not-ready", 503, "The appliance is not ready", false;
    /// The store or the journal cannot take the act.
    StoreUnavailable = "store-unavailable", 503, "The record cannot be written", false;
    /// The device that holds the key is away.
    CustodyUnavailable = "custody-unavailable", 503, "The key device is not available", true;
    /// Time cannot be trusted.
    ClockUntrusted = "clock-untrusted", 503, "The clock is not trusted", false;
    /// A bound on work under way was reached.
    Overloaded = "overloaded", 503, "Too much work under way", false;
    /// The client certificate is past its validity.
    CertificateExpired = "certificate-expired", 403, "The client certificate has expired", true;
    /// The client certificate's validity has not begun.
    CertificateNotYetValid = "certificate-not-yet-valid", 403, "The client certificate is not valid yet", true;
    /// The client certificate is revoked.
    CertificateRevoked = "certificate-revoked", 403, "The client certificate is revoked", true;
    /// The client certificate is on hold.
    CertificateHeld = "certificate-held", 403, "The client certificate is on hold", true;
    /// The client certificate cannot name a caller.
    CertificateUnfit = "certificate-unfit", 403, "The client certificate does not name a caller", true;
    /// Nobody is registered under the certificate's name.
    CallerUnknown = "caller-unknown", 403, "The caller is not registered", true;
    /// The registration is proposed or retired.
    CallerInactive = "caller-inactive", 403, "The caller's registration is not active", true;
    /// The policies do not permit the act.
    Forbidden = "forbidden", 403, "The policies do not permit this act", true;
    /// A state-changing request sent by a foreign web page.
    ForeignOrigin = "foreign-origin", 403, "The request comes from a foreign origin", true;
    /// The caller sends more than its share.
    TooManyRequests = "too-many-requests", 429, "Too many requests", true;
    /// Neither a client certificate nor a credential that fits.
    CredentialsRequired = "credentials-required", 401, "Credentials are required", false;
    /// No such thing, or not for this caller to know.
    NotFound = "not-found", 404, "Not found", false;
    /// The resource knows other methods.
    MethodNotAllowed = "method-not-allowed", 405, "Method not allowed", false;
    /// The resource cannot be had in the media types asked for.
    NotAcceptable = "not-acceptable", 406, "Not acceptable", false;
    /// The request did not arrive, or was not done, in time.
    Timeout = "timeout", 408, "The request took too long", true;
    /// Something of that name or state stands in the way.
    Conflict = "conflict", 409, "Conflict with the present state", true;
    /// A request with the same idempotency key is under way.
    IdempotencyInProgress = "idempotency-in-progress", 409, "The same request is under way", false;
    /// `If-Match` names another version.
    PreconditionFailed = "precondition-failed", 412, "The resource has changed", true;
    /// A change without `If-Match`.
    PreconditionRequired = "precondition-required", 428, "A change needs If-Match", false;
    /// The body is over the limit.
    BodyTooLarge = "body-too-large", 413, "The body is too large", true;
    /// The body has a media type the resource does not take.
    UnsupportedMediaType = "unsupported-media-type", 415, "Unsupported media type", true;
    /// The request head is over the limit.
    HeadersTooLarge = "headers-too-large", 431, "The request headers are too large", true;
    /// The request cannot be read.
    MalformedRequest = "malformed-request", 400, "The request cannot be read", true;
    /// A parameter or member has a value that cannot be taken.
    InvalidParameter = "invalid-parameter", 422, "A parameter has an unusable value", true;
    /// The idempotency key was used with another request.
    IdempotencyKeyReused = "idempotency-key-reused", 422, "The idempotency key was used with another request", true;
    /// The certification request is not sound or not signed by its key.
    RequestUnsound = "certification-request-unsound", 422, "The certification request is not sound", true;
    /// The certification request is not signed by the key it names.
    RequestUnproven = "certification-request-unproven", 422, "The certification request is not signed by its key", true;
    /// The key of the certification request is weak, or of an algorithm that is not taken.
    RequestKey = "certification-request-key", 422, "The key of the certification request cannot be used", true;
    /// Subject or alternative names that the profile does not allow.
    RequestNames = "certification-request-names", 422, "The certification request asks for names it cannot have", true;
    /// There is no such certificate profile, or it does not give what is asked for.
    ProfileForbids = "certificate-profile-forbids", 422, "The certificate profile does not give this", true;
    /// The certificate cannot be renewed in its present state.
    NotRenewable = "certificate-not-renewable", 409, "The certificate cannot be renewed", true;
    /// The request for a certificate is not open any more.
    RequestClosed = "certificate-request-closed", 409, "The request for a certificate is not open", true;
    /// The certificate that was brought does not belong here.
    CertificateUnusable = "certificate-unusable", 422, "The certificate cannot be used", true;
    /// The seal is not in a state in which this can be done with it.
    SealStateForbids = "seal-state-forbids", 409, "The seal's state does not allow this", true;
    /// The application for a seal is not in the state that the step takes.
    SealApplicationClosed = "seal-application-closed", 409, "The application does not allow this step", true;
    /// Another application about the seal is open.
    SealApplicationOpen = "seal-application-open", 409, "Another application about the seal is open", true;
    /// The licence's state does not allow the operation.
    LicenceStateForbids = "licence-state-forbids", 409, "The licence's state does not allow this", true;
    /// What was personal of the licence was erased.
    Erased = "erased", 410, "What was personal of the licence was erased", true;
    /// The annotated copy's time is over.
    LicenceCopyOver = "licence-copy-over", 410, "The copy's time is over", true;
    /// The licence's type does not have the operation.
    LicenceTypeForbids = "licence-type-forbids", 409, "The licence's type does not allow this", true;
    /// Fields that do not fit the licence's type, or do not fit its pages.
    LicenceUnsound = "licence-unsound", 422, "The licence does not fit its type", true;
    /// The type is not this organisation's to issue, or names no seal for it.
    LicenceTypeUnusable = "licence-type-unusable", 422, "The licence type cannot be used for this", true;
    /// The document is not a PDF or damaged beyond reading.
    PdfUnreadable = "pdf-unreadable", 422, "The document cannot be read as PDF", true;
    /// The document ends before its end.
    PdfTruncated = "pdf-truncated", 422, "The PDF is truncated", true;
    /// The document is encrypted.
    PdfEncrypted = "pdf-encrypted", 422, "The PDF is encrypted", true;
    /// The document is over a budget.
    PdfTooComplex = "pdf-too-complex", 422, "The PDF is over a processing budget", true;
    /// The document does not permit what was asked.
    PdfForbids = "pdf-forbids", 422, "The PDF does not permit this", true;
    /// There is no time-stamp service, so no level above B-B.
    LevelUnavailable = "level-unavailable", 422, "Levels above B-B are not available here", true;
    /// A signature cannot be raised: it does not hold, is not trusted, or its time has passed.
    LevelUnreachable = "level-unreachable", 422, "The signatures cannot be raised to this level", true;
    /// Evidence about a certificate cannot be had.
    EvidenceUnavailable = "evidence-unavailable", 503, "Evidence about a certificate cannot be had", true;
    /// The time-stamp service does not stamp.
    TimeStampUnavailable = "time-stamp-unavailable", 503, "The time-stamp service is not available", true;
    /// The place for the appearance does not exist.
    PlacementInvalid = "placement-invalid", 422, "The place for the seal does not exist", true;
    /// The space reserved in a prepared document is too small for the signature.
    ReserveTooSmall = "reserve-too-small", 422, "The space reserved for the signature is too small", true;
    /// A CMS is no sound signature over what was prepared.
    SignatureUnsound = "signature-unsound", 422, "The signature is not sound", true;
    /// No font or no address is configured for what is to stand beside the seal.
    LooksUnavailable = "looks-unavailable", 422, "Text or links beside a seal are not available here", true;
    /// The seal cannot be used in its present state.
    SealNotUsable = "seal-not-usable", 409, "The seal cannot be used", true;
    /// No rule of use admits the use of the seal.
    UseNotAdmitted = "seal-use-not-admitted", 403, "No rule admits this use of the seal", true;
    /// A rule of use wants approvals for this very document.
    UseUnapproved = "seal-use-unapproved", 403, "The use of the seal is not approved", true;
    /// A rule of use binds the document, and only a digest of what is signed came.
    UseBlind = "seal-use-blind", 403, "The seal is used on shown documents only", true;
    /// A rule of use was used as often as it may be.
    UseLimitReached = "seal-use-limit-reached", 429, "The seal was used as often as its rule allows", true;
    /// The request for approval of a use is not open any more.
    UseRequestClosed = "seal-use-request-closed", 409, "The request for approval is not open", true;
    /// There is no such licence type, or none of its versions is published.
    LicenceTypeUnknown = "licence-type-unknown", 404, "There is no such licence type", true;
    /// The licence type is retired.
    LicenceTypeRetired = "licence-type-retired", 409, "The licence type is retired", true;
    /// The definition of a licence type, or its templates, have faults.
    LicenceTypeFaulty = "licence-type-faulty", 422, "The definition of the licence type has faults", true;
    /// The version of the licence type is not in the state that the step takes.
    LicenceTypeStep = "licence-type-step", 409, "The licence type's state does not allow this step", true;
    /// There is no such licence, or it is somebody else's.
    LicenceNotOfHolder = "licence-not-of-holder", 404, "The holder has no such licence", true;
    /// The licence is not in force.
    LicenceNotInForce = "licence-not-in-force", 409, "The licence is not in force", true;
    /// A show-code that shows nothing (any more).
    ShowCodeUnusable = "show-code-unusable", 404, "The code shows nothing", true;
    /// More than the holder lets the agent do.
    DelegationForbids = "licence-delegation-forbids", 403, "The delegation does not allow this", true;
    /// No rule of the licence type gives this to this organisation for this purpose.
    QueryNotAllowed = "licence-query-not-allowed", 403, "The licence type does not give this", true;
    /// A trust list is not signed by somebody who may, not newer, or does not hold together.
    TrustListRefused = "trust-list-refused", 422, "The trust list is refused", true;
    /// Our own fault.
    Internal = "internal", 500, "Internal error", false;
}

impl Kind {
    /// The `type` member: `urn:cinnabar:problem:NAME`.
    #[must_use]
    pub fn urn(self) -> String {
        format!("{URN}{}", self.name())
    }

    /// The kind that stands for a bare HTTP status (answers made by the framework).
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 => Self::NotAcceptable,
            408 => Self::Timeout,
            409 => Self::Conflict,
            412 => Self::PreconditionFailed,
            413 => Self::BodyTooLarge,
            415 => Self::UnsupportedMediaType,
            422 => Self::InvalidParameter,
            428 => Self::PreconditionRequired,
            429 => Self::TooManyRequests,
            431 => Self::HeadersTooLarge,
            503 => Self::Overloaded,
            status if status < 500 => Self::MalformedRequest,
            _ => Self::Internal,
        }
    }
}

/// One answer that is not what was asked for.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: Kind,
    detail: Cow<'static, str>,
    log: Option<String>,
    retry_after: Option<u64>,
    members: Map<String, Value>,
    allow: Option<HeaderValue>,
    about: Option<Box<About>>,
    by: Option<Box<crate::journal::Actor>>,
    csc: Option<&'static str>,
}

/// What a refusal's entry says of the act that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The act, as the policies name it.
    pub action: String,
    /// The resource, `kind:id`.
    pub resource: String,
    /// The policies that forbade it.
    pub policies: Vec<String>,
}

/// What `?` carries out of handlers.
pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A problem whose `detail` tells the caller how to mend it.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self(Box::new(Parts {
            kind,
            detail,
            log: None,
            retry_after: None,
            members: Map::new(),
            allow: None,
            about: None,
            by: None,
            csc: None,
        }))
    }

    /// Our own fault: the caller learns nothing but the request id, the log everything.
    #[must_use]
    pub fn internal(log: impl std::fmt::Display) -> Self {
        Self::new(Kind::Internal, "The fault is ours; name the request id when you report it.").log(log)
    }

    /// What the operator's log says besides; never sent to the caller.
    #[must_use]
    pub fn log(mut self, message: impl std::fmt::Display) -> Self {
        self.0.log = Some(message.to_string());
        self
    }

    /// Seconds after which trying again may help (`Retry-After`, RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds.max(1));
        self
    }

    /// An extension member (RFC 9457 §3.2).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// The methods a 405 answer must list (RFC 9110 §15.5.6).
    #[must_use]
    pub fn allow(mut self, methods: Option<HeaderValue>) -> Self {
        self.0.allow = methods;
        self
    }

    /// Names the refused act for its entry; without it the entry names method and route.
    #[must_use]
    pub fn act(mut self, about: About) -> Self {
        self.0.about = Some(Box::new(about));
        self
    }

    /// Names who was refused, where it was not a client certificate that told (a one-time secret, an account key).
    #[must_use]
    pub fn by(mut self, actor: crate::journal::Actor) -> Self {
        self.0.by = Some(Box::new(actor));
        self
    }

    /// Answers in the words of the remote-signing protocol: `error` is `word`, `error_description` the detail
    /// (CSC API v2 §10.1). What is entered stays the same.
    #[must_use]
    pub fn in_words_of_csc(mut self, word: &'static str) -> Self {
        self.0.csc = Some(word);
        self
    }

    /// Who was refused, where the handler named them.
    #[must_use]
    pub fn refused_actor(&self) -> Option<&crate::journal::Actor> {
        self.0.by.as_deref()
    }

    /// The refused act, where it is known.
    #[must_use]
    pub fn about(&self) -> Option<&About> {
        self.0.about.as_deref()
    }

    /// Which problem it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The caller's message.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The operator's message.
    #[must_use]
    pub fn log_message(&self) -> Option<&str> {
        self.0.log.as_deref()
    }

    /// The problem document (RFC 9457 §3).
    #[must_use]
    pub fn document(&self, request_id: Option<&str>) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), self.0.kind.urn().into());
        body.insert("title".into(), self.0.kind.title().into());
        body.insert("status".into(), self.0.kind.status().as_u16().into());
        body.insert("detail".into(), self.0.detail.as_ref().into());
        if let Some(id) = request_id {
            body.insert("request_id".into(), id.into());
        }
        for (name, value) in &self.0.members {
            body.entry(name.as_str()).or_insert_with(|| value.clone());
        }
        Value::Object(body)
    }

    /// The answer, with the request id once it is known.
    #[must_use]
    pub fn render(self, request_id: Option<&str>) -> Response {
        let (document, media_type) = match self.0.csc {
            None => (self.document(request_id), MEDIA_TYPE),
            Some(word) => (
                json!({ "error": word, "error_description": self.detail(), "request_id": request_id }),
                "application/json",
            ),
        };
        let mut response = (self.0.kind.status(), document.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.kind == Kind::CredentialsRequired {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        if let Some(allow) = &self.0.allow {
            headers.insert(header::ALLOW, allow.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.render(None)
    }
}

impl From<axum::extract::rejection::JsonRejection> for Problem {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        let kind = Kind::of_status(rejection.status());
        match kind {
            Kind::UnsupportedMediaType => Self::new(kind, "Send the body as `application/json`."),
            _ => Self::new(kind, rejection.body_text()),
        }
    }
}

impl From<axum::extract::rejection::QueryRejection> for Problem {
    fn from(rejection: axum::extract::rejection::QueryRejection) -> Self {
        Self::new(Kind::MalformedRequest, rejection.body_text())
    }
}

impl From<axum::extract::rejection::PathRejection> for Problem {
    fn from(rejection: axum::extract::rejection::PathRejection) -> Self {
        Self::new(Kind::NotFound, rejection.body_text())
    }
}

impl From<crate::policy::Denied> for Problem {
    fn from(denied: crate::policy::Denied) -> Self {
        let log = match denied.errors.is_empty() {
            true => format!("{denied}; forbidden by {:?}", denied.policies),
            false => format!("{denied}; errors while deciding: {}", denied.errors.join("; ")),
        };
        let (action, resource, policies) = (denied.action.to_owned(), denied.resource, denied.policies);
        Self::new(Kind::Forbidden, "Ask a security officer for the role or the grant that the act needs.")
            .log(log)
            .act(About { action, resource, policies })
    }
}

impl From<crate::identity::IdentifyError> for Problem {
    fn from(error: crate::identity::IdentifyError) -> Self {
        use crate::identity::IdentifyError as Error;
        let (kind, detail) = match &error {
            Error::Stale(_) => (Kind::NotReady, "The register of callers cannot be read; try again shortly."),
            Error::Revoked => (Kind::CertificateRevoked, "Ask a security officer for a new certificate."),
            Error::Held => (Kind::CertificateHeld, "A security officer must release the certificate."),
            Error::Expired(_) => {
                (Kind::CertificateExpired, "Renew the client certificate and connect again.")
            }
            Error::NotYetValid(_) => (
                Kind::CertificateNotYetValid,
                "Use the certificate from the start of its validity on; check the clock.",
            ),
            Error::NotOneUri(_) | Error::NotForClients | Error::WrongAuthority { .. } => (
                Kind::CertificateUnfit,
                "A caller's certificate carries exactly one registered URI and client authentication, \
                 and comes from the authority for its kind of caller.",
            ),
            Error::Unregistered(_) => {
                (Kind::CallerUnknown, "Have the certificate's URI registered as a caller.")
            }
            Error::Inactive(_) => {
                (Kind::CallerInactive, "Ask a security officer about the registration and its organisation.")
            }
        };
        let problem = Self::new(kind, detail).log(&error);
        if kind == Kind::NotReady { problem.retry_after(2) } else { problem }
    }
}

impl From<crate::journal::CommitError> for Problem {
    fn from(error: crate::journal::CommitError) -> Self {
        use crate::journal::CommitError as Error;
        let problem = match &error {
            Error::Conflict { .. } => Self::new(
                Kind::PreconditionFailed,
                "It was changed meanwhile; read it again and repeat the change.",
            ),
            Error::Exists { .. } => Self::new(Kind::Conflict, "It exists already; names are never reused."),
            Error::Reference { .. } => {
                Self::new(Kind::Conflict, "It refers to something that does not exist.")
            }
            Error::Row { .. } => Self::new(Kind::InvalidParameter, "A value is outside of its range."),
            Error::TooLarge { .. } => Self::new(Kind::InvalidParameter, "Send shorter parameters."),
            Error::ClockUntrusted(_) => {
                Self::new(Kind::ClockUntrusted, "The operator must mend the clock; try again later.")
                    .retry_after(30)
            }
            Error::Unavailable(_) => {
                Self::new(Kind::StoreUnavailable, "Nothing was done; try again later.").retry_after(10)
            }
            Error::OutcomeUnknown(_) => Self::new(
                Kind::StoreUnavailable,
                "Whether it was done is not known; ask again with the same `Idempotency-Key`.",
            )
            .retry_after(10),
            Error::Canonical(_) | Error::Key(_) => return Self::internal(error),
        };
        problem.log(error)
    }
}

impl From<crate::journal::JournalError> for Problem {
    fn from(error: crate::journal::JournalError) -> Self {
        use crate::journal::JournalError as Error;
        match error {
            Error::Store(error) => error.into(),
            Error::NotFound(_) => Self::new(Kind::NotFound, "The log has no such thing (yet).").log(error),
            other => Self::internal(other),
        }
    }
}

impl From<crate::store::StoreError> for Problem {
    fn from(error: crate::store::StoreError) -> Self {
        Self::new(Kind::StoreUnavailable, "The store does not answer; try again later.")
            .log(error)
            .retry_after(5)
    }
}

impl From<crate::server::spill::SpoolError> for Problem {
    fn from(error: crate::server::spill::SpoolError) -> Self {
        use crate::server::spill::SpoolError as Error;
        let problem = match &error {
            Error::TooLarge { limit } => {
                Self::new(Kind::BodyTooLarge, format!("Send at most {limit} octets.")).with("limit", *limit)
            }
            Error::TooSlow { .. } => Self::new(Kind::Timeout, "Send the body without long pauses."),
            Error::BrokenOff { .. } => Self::new(Kind::MalformedRequest, "Send the whole body."),
            Error::Spill(_) => {
                Self::new(Kind::StoreUnavailable, "There is no room to work; try again later.")
                    .retry_after(10)
            }
        };
        problem.log(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_statuses_are_errors() {
        let mut seen = std::collections::HashSet::new();
        for kind in Kind::ALL {
            assert!(seen.insert(kind.name()), "{} stands twice", kind.name());
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
            assert!(!kind.title().is_empty());
        }
    }

    #[tokio::test]
    async fn a_problem_says_its_type_and_request_and_keeps_the_log_message_at_home() {
        let response = Problem::new(Kind::TooManyRequests, "Wait a moment.")
            .log("bucket of caller empty")
            .retry_after(0)
            .with("limit", 5)
            .render(Some("r-1"));
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["content-type"], MEDIA_TYPE);
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "urn:cinnabar:problem:too-many-requests");
        assert_eq!(body["request_id"], "r-1");
        assert_eq!(body["limit"], 5);
        assert!(!body.to_string().contains("bucket"));
    }
}
