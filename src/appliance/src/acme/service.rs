//! What every act of ACME goes through: the settings, the nonces, who acts and in whose name, and the commit.
//!
//! Holds no rule of any one resource; those are in [`super::accounts`], [`super::orders`], [`super::challenges`],
//! [`super::finalize`] and [`super::certificates`].

use std::sync::Arc;

use custody::Custody;
use ring::rand::{SecureRandom, SystemRandom};

use super::error::{AcmeError, ErrorKind, Result};
use super::identifier::Allowed;
use super::nonce::{self, NonceError, Nonces, Taken};
use super::places::Places;
use crate::app::{App, Unsealed};
use crate::config::Acme;
use crate::identity::Caller;
use crate::journal::{Act, Actor, CommitError, Committed, Unit};
use crate::policy::{Action, Facts, Permit, Resource};
use crate::problem::Problem;

/// What the process keeps for ACME besides rows; part of the [`App`].
#[derive(Debug)]
pub struct Service {
    allowed: Option<Allowed>,
    nonces: Nonces,
    /// Validations under way on this node.
    pub(super) validations: Places,
}

impl Service {
    /// For this configuration.
    #[must_use]
    pub fn new(config: Option<&Acme>) -> Self {
        let names = config.map(|config| config.names.as_slice()).unwrap_or_default();
        let allowed = Allowed::parse(names.iter().map(String::as_str)).ok().filter(|_| !names.is_empty());
        Self { allowed, nonces: Nonces::default(), validations: Places::default() }
    }

    /// What the operator lets be ordered at all; `None` when that is left to the bindings.
    #[must_use]
    pub fn allowed(&self) -> Option<&Allowed> {
        self.allowed.as_ref()
    }
}

/// One request on its way: what its handlers need.
pub struct Context {
    /// The process.
    pub app: Arc<App>,
    /// Journal and custody.
    pub unsealed: Arc<Unsealed>,
    /// The request's id.
    pub request: String,
    /// Trusted time, microseconds since the epoch.
    pub now: i64,
}

impl Context {
    /// For a request, or for work of the appliance's own (`request` empty).
    ///
    /// # Errors
    /// Sealed, off, or the clock is not trusted.
    pub fn new(app: &Arc<App>, request: &str) -> Result<Self> {
        if app.config.acme.is_none() {
            return Err(AcmeError::malformed("ACME is not offered here.").status(404));
        }
        let unsealed = app.unsealed()?;
        let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted);
        let now = now.map_err(Problem::from)?;
        Ok(Self { app: app.clone(), unsealed, request: request.to_owned(), now })
    }

    /// The settings.
    ///
    /// # Errors
    /// When ACME is off.
    pub fn config(&self) -> Result<&Acme> {
        self.app.config.acme.as_ref().ok_or_else(AcmeError::not_found)
    }

    /// An address below the service: `path` begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let base = self.app.config.acme.as_ref().map_or("", |config| config.url.as_str());
        format!("{base}/acme{path}")
    }

    /// The opened keys.
    #[must_use]
    pub fn custody(&self) -> &dyn Custody {
        self.unsealed.custody.as_ref()
    }

    /// Label of the key that seals nonces, binding keys and contacts: the data key `acme`, or in a hierarchy
    /// without one that of the side records.
    ///
    /// # Errors
    /// When the hierarchy has neither.
    pub fn key(&self) -> Result<&str> {
        sealing_key(&self.app).map_err(AcmeError::internal)
    }

    /// A new nonce.
    ///
    /// # Errors
    /// When the key does not serve.
    pub fn new_nonce(&self) -> Result<String> {
        nonce::make(self.custody(), self.key()?, self.now).map_err(AcmeError::internal)
    }

    /// Takes a request's nonce.
    ///
    /// # Errors
    /// `badNonce`.
    pub fn take_nonce(&self, of: nonce::Of, nonce: &str) -> Result<Taken> {
        self.app.acme.nonces.take(of, self.custody(), self.key()?, nonce, self.now).map_err(|error| {
            match error {
                NonceError::Bad => bad_nonce(),
                other => AcmeError::internal(other),
            }
        })
    }

    /// Asks the policies for the act `A` in the name of the ACME service. Which account asked, and whether it may,
    /// is decided before: accounts are no registered callers.
    ///
    /// # Errors
    /// When the operator's policies do not let ACME do it.
    pub fn permit<A: Action>(&self, resource: Resource) -> Result<Permit<A>> {
        let facts = Facts::of_request(self.request.as_str());
        let decided = self.app.policy.decide::<A>(&Caller::system("acme"), resource, facts);
        decided.map_err(|denied| {
            AcmeError::unauthorized("The policies of this service do not permit it.").log(denied)
        })
    }

    /// The head of an entry about `resource`. With an account, that is who acts.
    #[must_use]
    pub fn act<A: Action>(&self, permit: &Permit<A>, resource: String, by: Option<Actor>) -> Act {
        let act = permit.act();
        Act { resource, actor: by.unwrap_or_else(|| act.actor.clone()), ..act }
    }

    /// Makes a unit durable. A nonce that the request used makes it the only one with it, on all nodes.
    ///
    /// # Errors
    /// `badNonce`, a conflict, or the journal's refusal.
    pub async fn commit(&self, unit: Unit, nonce: Option<&Taken>) -> Result<Committed> {
        let unit = match nonce {
            Some(nonce) => unit.cache_insert(nonce.row()),
            None => unit,
        };
        self.unsealed.journal.commit(unit).await.map_err(from_commit)
    }
}

/// Label of the key that seals what ACME keeps secret.
///
/// # Errors
/// When the hierarchy has no such key.
pub(super) fn sealing_key(app: &App) -> std::result::Result<&str, &'static str> {
    let key = app.hierarchy.data_key("acme").or_else(|| app.hierarchy.data_key("side-records"));
    key.map(|key| key.label.as_str()).ok_or("the hierarchy has no data key for `acme` or `side-records`")
}

/// An account as entries name it.
#[must_use]
pub fn actor(account: &str, organisation: &str) -> Actor {
    Actor {
        id: format!("acme:{account}"),
        kind: "acme".to_owned(),
        organisation: organisation.to_owned(),
        fingerprint: String::new(),
    }
}

/// `badNonce`; the answer brings a fresh one (RFC 8555 §6.5).
pub(super) fn bad_nonce() -> AcmeError {
    AcmeError::new(
        ErrorKind::BadNonce,
        "The nonce is not one of ours, too old or used; use that of this answer.",
    )
}

/// What the journal said, to a client.
pub(super) fn from_commit(error: CommitError) -> AcmeError {
    match &error {
        CommitError::Exists { table: "acme_nonces", .. } => bad_nonce(),
        CommitError::Conflict { .. } => {
            AcmeError::malformed("It was changed meanwhile; read it again and repeat the request.")
                .status(409)
                .log(error)
                .retry_after(1)
        }
        _ => Problem::from(error).into(),
    }
}

/// So many random octets, base64url.
///
/// # Errors
/// When the system has none.
pub(super) fn random_text<const N: usize>() -> Result<String> {
    use base64::Engine as _;
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).map_err(|_| AcmeError::internal("no randomness"))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets))
}
