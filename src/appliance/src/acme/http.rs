//! The routes of ACME, on the enrolment listener: addresses in, objects out, headers (RFC 8555 §6 and §7).

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{MatchedPath, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::accounts;
use super::certificates::{self, Asker};
use super::challenges;
use super::error::{AcmeError, ErrorKind, Result};
use super::finalize;
use super::jws::Payload;
use super::orders;
use super::request::{Naming, Signed, Signer, verify};
use super::service::Context;
use super::state::{AuthorizationState, ChallengeState, OrderState};
use crate::app::App;
use crate::journal::Refusal;
use crate::server::Visit;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    let mut router = Router::new()
        .route("/acme/directory", get(directory))
        .route("/acme/new-nonce", get(new_nonce).head(new_nonce))
        .route("/acme/renewal-info/{certificate}", get(renewal_info));
    for path in SIGNED {
        router = router.route(path, post(signed));
    }
    router.route("/acme/{*rest}", any(nothing))
}

const SIGNED: [&str; 11] = [
    "/acme/new-account",
    "/acme/new-order",
    "/acme/key-change",
    "/acme/revoke-cert",
    "/acme/account/{id}",
    "/acme/account/{id}/orders",
    "/acme/order/{id}",
    "/acme/order/{id}/finalize",
    "/acme/authorization/{id}",
    "/acme/challenge/{id}/{kind}",
    "/acme/certificate/{id}",
];

/// What a handler answers with, before the headers that every answer has.
struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Body,
}

enum Body {
    None,
    Json(Value),
    Pem(String),
}

impl Answer {
    fn json(body: Value) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Body::Json(body) }
    }

    fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Clients poll as often as this says.
    fn soon(self, unfinished: bool, seconds: u64) -> Self {
        if unfinished { self.with(header::RETRY_AFTER, seconds.to_string()) } else { self }
    }
}

/// The directory (RFC 8555 §7.1.1). No `newAuthz`: pre-authorisation is not offered.
async fn directory(State(app): State<Arc<App>>, visit: Visit) -> Response {
    let answer = Context::new(&app, visit.request_id()).and_then(|context| {
        let config = context.config()?;
        let mut meta = json!({ "externalAccountRequired": config.external_account_required });
        if let Some(members) = meta.as_object_mut() {
            for (name, value) in [("termsOfService", &config.terms_of_service), ("website", &config.website)]
            {
                members.extend(value.as_ref().map(|value| (name.to_owned(), value.as_str().into())));
            }
        }
        Ok(Answer::json(json!({
            "newNonce": context.url("/new-nonce"),
            "newAccount": context.url("/new-account"),
            "newOrder": context.url("/new-order"),
            "revokeCert": context.url("/revoke-cert"),
            "keyChange": context.url("/key-change"),
            "renewalInfo": context.url("/renewal-info"),
            "meta": meta,
        })))
    });
    finish(Context::new(&app, visit.request_id()).ok().as_ref(), answer)
}

/// newNonce (RFC 8555 §7.2): 200 to HEAD, 204 to GET.
async fn new_nonce(State(app): State<Arc<App>>, visit: Visit, method: Method) -> Response {
    let context = Context::new(&app, visit.request_id());
    let status = if method == Method::HEAD { StatusCode::OK } else { StatusCode::NO_CONTENT };
    let answer = match &context {
        Ok(_) => Ok(Answer { status, headers: Vec::new(), body: Body::None }),
        Err(error) => Err(error.clone()),
    };
    finish(context.ok().as_ref(), answer)
}

/// RFC 9773 §4.2: open to anybody, cacheable for a while.
async fn renewal_info(
    State(app): State<Arc<App>>,
    visit: Visit,
    axum::extract::Path(certificate): axum::extract::Path<String>,
) -> Response {
    let context = match Context::new(&app, visit.request_id()) {
        Ok(context) => context,
        Err(error) => return error.into_response(),
    };
    let answer = certificates::renewal(&context, &certificate).await;
    let answer = answer.map(|body| Answer::json(body).with(header::RETRY_AFTER, RENEWAL_POLL.to_string()));
    finish(Some(&context), answer)
}

async fn nothing() -> Response {
    AcmeError::malformed("There is nothing at this path; the paths stand in `/acme/directory`.")
        .status(404)
        .into_response()
}

/// Every request that is signed.
async fn signed(
    State(app): State<Arc<App>>,
    visit: Visit,
    matched: MatchedPath,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: std::result::Result<Bytes, BytesRejection>,
) -> Response {
    let context = match Context::new(&app, visit.request_id()) {
        Ok(context) => context,
        Err(error) => return error.into_response(),
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let status = rejection.status().as_u16();
            let error = AcmeError::malformed("The request is too large or was broken off.").status(status);
            return finish(Some(&context), Err(error));
        }
    };
    let route = matched.as_str().strip_prefix("/acme").unwrap_or_default();
    let path = uri.path().strip_prefix("/acme").unwrap_or_default();
    let whole = query.as_ref().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let naming = match route {
        "/new-account" => Naming::Jwk,
        "/revoke-cert" => Naming::Either,
        _ => Naming::Kid,
    };
    let mut who = None;
    let answer = match verify(&context, &whole, &headers, &body, naming).await {
        Ok(request) => {
            if let Signer::Account(account) = &request.by {
                who = Some(account.actor());
            }
            dispatch(&context, route, path, query.as_deref().unwrap_or_default(), request).await
        }
        Err(error) => {
            if error.kind() == ErrorKind::Unauthorized {
                app.anonymous_failure("acme");
            }
            Err(error)
        }
    };
    if let Err(error) = &answer {
        tracing::info!(
            request_id = visit.request_id(),
            route,
            problem = error.kind().name(),
            detail = error.detail(),
            cause = error.log_message(),
            "ACME request refused"
        );
        if let (Some(actor), true) = (who, recorded(error.kind())) {
            let refusal = Refusal {
                actor,
                action: format!("acme {route}"),
                resource: String::new(),
                reason: error.kind().name().to_owned(),
                policies: Vec::new(),
                request: visit.request_id().to_owned(),
            };
            if let Err(fault) = app.refused(refusal).await {
                tracing::error!(request_id = visit.request_id(), %fault, "a refusal could not be entered");
            }
        }
    }
    finish(Some(&context), answer)
}

async fn dispatch(
    context: &Context,
    route: &str,
    path: &str,
    query: &str,
    request: Signed,
) -> Result<Answer> {
    let mut segments = path.trim_start_matches('/').split('/').skip(1);
    let id = segments.next().unwrap_or_default();
    match route {
        "/new-account" => {
            let Signer::Key(key) = &request.by else {
                return Err(AcmeError::internal("newAccount without jwk"));
            };
            let payload = request.payload.object()?;
            let shown = accounts::create(context, key, &payload, &request.nonce).await?;
            let status = if shown.new { StatusCode::CREATED } else { StatusCode::OK };
            let at = context.url(&accounts::path(&shown.id));
            Ok(Answer::json(shown.body).status(status).with(header::LOCATION, at))
        }
        "/revoke-cert" => {
            let payload = request.payload.object()?;
            let asker = match request.by {
                Signer::Account(account) => Asker::Account(account),
                Signer::Key(key) => Asker::Key(key),
            };
            certificates::revoke(context, asker, &payload, &request.nonce).await?;
            Ok(Answer { status: StatusCode::OK, headers: Vec::new(), body: Body::None })
        }
        _ => of_account(context, route, id, (segments.next().unwrap_or_default(), query), request).await,
    }
}

async fn of_account(
    context: &Context,
    route: &str,
    id: &str,
    (last, query): (&str, &str),
    request: Signed,
) -> Result<Answer> {
    let (account, payload, nonce, url) = request.account()?;
    if route.starts_with("/account/") && id != account.id() {
        return Err(AcmeError::unauthorized("The request is about another account than its own."));
    }
    match route {
        "/new-order" => {
            let (id, body) = orders::create(context, &account, &payload.object()?, &nonce).await?;
            let at = context.url(&orders::path(&id));
            Ok(Answer::json(body).status(StatusCode::CREATED).with(header::LOCATION, at))
        }
        "/key-change" => {
            let at = context.url(&accounts::path(account.id()));
            let body = accounts::change_key(context, account, &payload.object()?, &url, &nonce).await?;
            Ok(Answer::json(body).with(header::LOCATION, at))
        }
        "/account/{id}" => {
            let at = context.url(&accounts::path(account.id()));
            let body = match payload {
                Payload::Empty => accounts::shown(context, &account.row)?,
                Payload::Object(payload) => accounts::change(context, account, &payload, &nonce).await?,
            };
            Ok(Answer::json(body).with(header::LOCATION, at))
        }
        "/account/{id}/orders" => {
            payload.nothing()?;
            let before = query.strip_prefix("before=").unwrap_or_default();
            let (body, next) = orders::list(context, &account, before).await?;
            let answer = Answer::json(body);
            Ok(match next {
                Some(next) => answer.with(header::LINK, format!("<{next}>;rel=\"next\"")),
                None => answer,
            })
        }
        "/order/{id}" | "/order/{id}/finalize" => {
            let mut row = orders::find(context, &account, id).await?;
            if last == "finalize" {
                row = finalize::finalize(context, &account, row, &payload.object()?, &nonce).await?;
            } else {
                payload.nothing()?;
            }
            let (state, body) = orders::shown(context, &row, context.now).await?;
            let at = context.url(&orders::path(id));
            let unfinished = state == OrderState::Processing;
            Ok(Answer::json(body).with(header::LOCATION, at).soon(unfinished, ORDER_POLL))
        }
        "/authorization/{id}" => {
            let row = orders::find_authorization(context, &account, id).await?;
            let pending = orders::authorization_state(&row, context.now) == AuthorizationState::Pending;
            let body = match payload {
                Payload::Empty => orders::shown_authorization(context, &row, context.now),
                Payload::Object(payload) => {
                    orders::deactivate_authorization(context, &account, row, &payload, &nonce).await?
                }
            };
            Ok(Answer::json(body).soon(pending, CHALLENGE_POLL))
        }
        "/challenge/{id}/{kind}" => {
            let mut found = challenges::find(context, &account, id, last).await?;
            if let Payload::Object(_) = payload {
                found = challenges::respond(context, &account, found, &nonce).await?;
            }
            let challenge = found.challenge()?;
            let unfinished = challenge.state == ChallengeState::Processing;
            let up = format!("<{}>;rel=\"up\"", context.url(&format!("/authorization/{id}")));
            let body = orders::shown_challenge(context, id, challenge);
            Ok(Answer::json(body).with(header::LINK, up).soon(unfinished, CHALLENGE_POLL))
        }
        "/certificate/{id}" => {
            payload.nothing()?;
            let pem = certificates::download(context, &account, id).await?;
            Ok(Answer { status: StatusCode::OK, headers: Vec::new(), body: Body::Pem(pem) })
        }
        _ => Err(AcmeError::not_found()),
    }
}

/// Refusals of an account that are entered; the others are clients' habits.
const fn recorded(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unauthorized
            | ErrorKind::RejectedIdentifier
            | ErrorKind::BadCsr
            | ErrorKind::AlreadyReplaced
            | ErrorKind::RateLimited
    )
}

/// The headers that every answer has: a fresh nonce, a link to the directory, no caching.
fn finish(context: Option<&Context>, answer: Result<Answer>) -> Response {
    let mut response = match answer {
        Ok(Answer { status, headers, body }) => {
            let mut response = match body {
                Body::None => status.into_response(),
                Body::Json(body) => (status, axum::Json(body)).into_response(),
                Body::Pem(text) => {
                    let kind = (header::CONTENT_TYPE, "application/pem-certificate-chain");
                    (status, [kind], text).into_response()
                }
            };
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().append(name, value);
                }
            }
            response
        }
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Some(context) = context else { return response };
    let link = format!("<{}>;rel=\"index\"", context.url("/directory"));
    if let Ok(link) = HeaderValue::from_str(&link) {
        headers.append(header::LINK, link);
    }
    match context.new_nonce().map(|nonce| HeaderValue::from_str(&nonce)) {
        Ok(Ok(nonce)) => {
            headers.insert(HeaderName::from_static("replay-nonce"), nonce);
        }
        Ok(Err(_)) => {}
        Err(error) => tracing::error!(cause = error.log_message(), "no nonce could be made"),
    }
    response
}

/// Seconds after which a client asks again: for renewal information (RFC 9773 §4.3), a challenge, an order.
const RENEWAL_POLL: u64 = 6 * 3600;
const CHALLENGE_POLL: u64 = 2;
const ORDER_POLL: u64 = 3;
