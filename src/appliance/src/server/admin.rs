//! The local admin socket: health, metrics, unsealing, reloading.
//!
//! Who may open the socket is the file system's decision; who did is asked of the kernel and entered. No
//! secret that arrives here is kept longer than it takes, printed or logged.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use custody::{CredentialSource, Method, Secret, Share};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::listener::Handshakes;
use super::request::RequestId;
use super::{metrics, pipeline, reload};
use crate::app::{App, Phase, UnsealError};
use crate::journal::{Actor, Judgement, Refusal};
use crate::problem::{Kind, Problem, Result};

#[derive(Clone)]
struct Admin {
    app: Arc<App>,
    handshakes: Handshakes,
    /// Shares handed in so far; zeroized when dropped.
    shares: Arc<Mutex<Vec<Share>>>,
}

/// The routes of the admin socket.
pub(super) fn router(app: &Arc<App>, handshakes: Handshakes) -> Router {
    let admin = Admin { app: app.clone(), handshakes, shares: Arc::default() };
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(figures))
        .route("/status", get(status))
        .route("/unseal", post(unseal))
        .route("/pin", post(pin))
        .route("/reload", post(read_again))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(axum::middleware::from_fn(|request: axum::extract::Request, next: Next| async move {
            let id = RequestId::of(request.headers());
            pipeline::shape(next.run(request).await, &id).0
        }))
        .with_state(admin)
}

/// The health report.
#[derive(Debug, Serialize)]
pub struct Health {
    /// `sealed`, `unsealing`, `ready` or `degraded`.
    pub status: &'static str,
    /// Why it is not simply ready.
    pub reasons: Vec<String>,
}

/// How the process is.
#[must_use]
pub fn judge(app: &App) -> Health {
    let mut reasons = Vec::new();
    let silent = app.identity.silent_for();
    if silent > crate::identity::PATIENCE {
        reasons.push(format!("the database has not answered for {} s", silent.as_secs()));
    }
    match app.phase() {
        Phase::Sealed => {
            reasons.insert(0, "the keystore is sealed; unseal it with `cinnabar unseal`".to_owned());
            return Health { status: "sealed", reasons };
        }
        Phase::Unsealing => return Health { status: "unsealing", reasons },
        Phase::Ready => {}
    }
    reasons.extend(app.expiring.load().iter().cloned());
    reasons.extend(crate::keepers::troubles(&app.devices.load()));
    if let Ok(unsealed) = app.unsealed() {
        reasons.extend(unsealed.journal.trouble().map(|trouble| format!("the log: {trouble}")));
        match unsealed.journal.clock().judgement() {
            Judgement::Synchronised => {}
            Judgement::Assumed => {
                reasons.push("nobody vouches for the clock (`time.source = \"assumed\"`)".to_owned())
            }
            Judgement::Untrusted(reason) => reasons.push(format!("the clock is not trusted: {reason}")),
        }
    }
    Health { status: if reasons.is_empty() { "ready" } else { "degraded" }, reasons }
}

async fn health(State(admin): State<Admin>) -> Response {
    let health = judge(&admin.app);
    let status = match health.status {
        "ready" | "degraded" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health)).into_response()
}

async fn figures() -> Result<Response> {
    let handle = metrics::install().map_err(Problem::internal)?;
    handle.run_upkeep();
    let kind = [(http::header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, handle.render()).into_response())
}

async fn status(State(admin): State<Admin>) -> Json<serde_json::Value> {
    let app = &admin.app;
    let Health { status, reasons } = judge(app);
    let given = admin.shares.lock().unwrap_or_else(PoisonError::into_inner).len();
    let (method, needed) = match app.keystore().method() {
        Method::Shares { threshold, .. } => ("shares", Some(*threshold)),
        Method::Passphrase { .. } => ("passphrase", None),
        Method::Credential { .. } => ("credential", None),
        _ => ("unknown", None),
    };
    let log = app
        .unsealed()
        .ok()
        .map(|unsealed| json!({ "origin": app.config.log.origin, "size": unsealed.journal.size() }));
    Json(json!({
        "status": status,
        "sealed": app.phase() != Phase::Ready,
        "ready": matches!(status, "ready" | "degraded"),
        "reasons": reasons,
        "version": env!("CARGO_PKG_VERSION"),
        "keystore": app.keystore().id(),
        "unlock": { "method": method, "shares_needed": needed, "shares_given": given },
        "log": log,
        "devices": app.devices.load().iter().map(device).collect::<Vec<_>>(),
        "policies": app.policy.current().digest(),
    }))
}

fn device(health: &custody::Health) -> serde_json::Value {
    let since = health.since.and_then(|since| jiff::Timestamp::try_from(since).ok());
    json!({
        "device": health.keeper,
        "available": health.available,
        "detail": health.detail,
        "away_since": since.map(|since| format!("{since:.0}")),
    })
}

/// What opens the keystore: exactly one member, and the key token's PIN where that is not in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unseal {
    #[serde(default, deserialize_with = "secret")]
    share: Option<Zeroizing<String>>,
    #[serde(default, deserialize_with = "secret")]
    passphrase: Option<Zeroizing<String>>,
    #[serde(default)]
    credential: bool,
    #[serde(default, deserialize_with = "secret")]
    pin: Option<Zeroizing<String>>,
}

/// The key token's PIN, for a process that is unsealed already.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnterPin {
    #[serde(deserialize_with = "secret")]
    pin: Option<Zeroizing<String>>,
}

fn secret<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Zeroizing<String>>, D::Error> {
    Option::<String>::deserialize(from).map(|text| text.map(Zeroizing::new))
}

async fn unseal(
    State(admin): State<Admin>,
    body: std::result::Result<Json<Unseal>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<serde_json::Value>> {
    let Json(body) = body?;
    if admin.app.phase() == Phase::Ready {
        return Err(Problem::new(Kind::Conflict, "The appliance is unsealed already."));
    }
    let secret = match (body.share, body.passphrase, body.credential) {
        (Some(text), None, false) => match admin.add_share(&text).await? {
            Some(secret) => secret,
            None => return Ok(status(State(admin)).await),
        },
        (None, Some(passphrase), false) => Secret::Passphrase(passphrase),
        (None, None, true) => Secret::Credential(credential(&admin.app)),
        _ => {
            let detail = "Send exactly one of `share`, `passphrase` and `credential`.";
            return Err(Problem::new(Kind::InvalidParameter, detail));
        }
    };
    match admin.app.unseal_with(secret, body.pin).await {
        Ok(()) => {
            tracing::info!("unsealed");
            Ok(status(State(admin)).await)
        }
        Err(error) => Err(admin.failed(error).await),
    }
}

/// Takes the key token's PIN and tries it once.
async fn pin(
    State(admin): State<Admin>,
    body: std::result::Result<Json<EnterPin>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<serde_json::Value>> {
    let Json(EnterPin { pin }) = body?;
    let unsealed = admin.app.unsealed()?;
    let token = unsealed.token.clone();
    let token = token.ok_or_else(|| Problem::new(Kind::Conflict, "No key token is configured."))?;
    let pin = pin.ok_or_else(|| Problem::new(Kind::InvalidParameter, "Send `pin`."))?;
    let entered = move || {
        token.enter_pin(pin);
        custody::Custody::health(&token)
    };
    let devices = tokio::task::spawn_blocking(entered).await.map_err(Problem::internal)?;
    let trouble = crate::keepers::troubles(&devices).into_iter().next();
    admin.app.devices.store(Arc::new(devices));
    match trouble {
        None => Ok(status(State(admin)).await),
        Some(trouble) => {
            Err(Problem::new(Kind::CustodyUnavailable, format!("The PIN was taken, but {trouble}.")))
        }
    }
}

impl Admin {
    /// Takes one share; the secret once there are enough.
    async fn add_share(&self, text: &str) -> Result<Option<Secret>> {
        let share: Share = match text.parse() {
            Ok(share) => share,
            // A typing mistake opens nothing and is nobody's attempt.
            Err(error) => {
                return Err(Problem::new(Kind::InvalidParameter, format!("Type it again: {error}.")));
            }
        };
        if let Err(error) = self.app.keystore().check_share(&share) {
            return Err(self.failed(UnsealError::Keystore(error.into())).await);
        }
        let needed = usize::from(share.threshold());
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.iter().all(|known| known.index() != share.index()) {
            shares.push(share);
        }
        Ok((shares.len() >= needed).then(|| Secret::Shares(std::mem::take(&mut *shares))))
    }

    async fn failed(&self, error: UnsealError) -> Problem {
        let actor = Actor {
            id: "local:admin-socket".to_owned(),
            kind: "operator".to_owned(),
            organisation: String::new(),
            fingerprint: String::new(),
        };
        enter_failure(&self.app, actor).await;
        tracing::warn!(%error, "unsealing failed");
        match error {
            UnsealError::Already => Problem::new(Kind::Conflict, "The appliance is unsealed already."),
            UnsealError::Keystore(error) => {
                Problem::new(Kind::UnsealFailed, format!("The keystore stays sealed: {error}."))
            }
            other => Problem::new(Kind::NotReady, format!("The keystore stays sealed: {other}.")),
        }
    }
}

/// Opens the keystore at start when its credential lies ready; anything else waits for `cinnabar unseal`.
///
/// # Errors
/// [`UnsealError`]; the process stays sealed.
pub async fn unseal_by_credential(app: &Arc<App>) -> std::result::Result<bool, UnsealError> {
    if !matches!(app.keystore().method(), Method::Credential { .. }) {
        return Ok(false);
    }
    match app.unseal(Secret::Credential(credential(app))).await {
        Ok(()) => Ok(true),
        Err(error) => {
            enter_failure(app, Actor::system("start")).await;
            Err(error)
        }
    }
}

fn credential(app: &App) -> CredentialSource {
    match &app.config.keystore.credential {
        Some(path) => CredentialSource::File(path.clone()),
        None => CredentialSource::Systemd { name: CREDENTIAL.to_owned() },
    }
}

async fn enter_failure(app: &Arc<App>, actor: Actor) {
    let refusal = Refusal {
        actor,
        action: "appliance.unseal".to_owned(),
        resource: "appliance:appliance".to_owned(),
        reason: Kind::UnsealFailed.name().to_owned(),
        policies: Vec::new(),
        request: String::new(),
    };
    if let Err(fault) = app.refused(refusal).await {
        tracing::error!(%fault, "a failed unseal could not be entered");
    }
}

async fn read_again(State(admin): State<Admin>) -> Result<Json<serde_json::Value>> {
    match reload::everything(&admin.app, &admin.handshakes).await {
        Ok(()) => Ok(Json(json!({ "reloaded": true }))),
        Err(faults) => {
            Err(Problem::new(Kind::Conflict, "What fits was put in force; `faults` lists what does not.")
                .with("faults", json!(faults)))
        }
    }
}

/// The credential's name in `$CREDENTIALS_DIRECTORY`.
const CREDENTIAL: &str = "cinnabar-kek";
