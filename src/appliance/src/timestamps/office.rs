//! What stamping takes, and the way from request to token.

use std::sync::{Arc, PoisonError, RwLock};

use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;
use pki::tsp::{Accuracy, Failure, RequestError, Stamper, TimeStampReq};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::oneshot;

use super::batch::{Proof, Queue, Waiting};
use crate::app::{App, Unsealed};
use crate::authorities::Register;
use crate::ceremony::CustodyKind;
use crate::config::Timestamps;
use crate::journal::CommitError;
use crate::policy::{IssueTimestamp, Permit};
use crate::server::limits::Rates;
use crate::store::tables::CERTIFICATES;

/// The authority of this node: its terms, its signer once it is ready, and the tokens that wait for their entry.
pub struct Office {
    pub(super) queue: Queue,
    pub(super) rates: Rates,
    terms: Timestamps,
    policies: Vec<ObjectIdentifier>,
    digests: Vec<DigestAlgorithm>,
    /// By the digest of imprints: each suite may have a unit of its own.
    ready: RwLock<Vec<(DigestAlgorithm, Arc<Ready>)>>,
    random: SystemRandom,
}

/// A signer with what its use must guard.
#[derive(Debug)]
pub struct Ready {
    /// Signs TSTInfo.
    pub stamper: Stamper,
    /// Fingerprint of its certificate, hexadecimal: the id of its row.
    pub fingerprint: Arc<str>,
    /// Version of that row.
    pub version: i64,
    /// Whether its key signs in this process; a device makes its callers wait.
    at_hand: bool,
    /// The register it was taken from.
    register: Arc<Register>,
}

/// On whose word a token is issued.
#[derive(Debug)]
pub enum Asker {
    /// Anybody's, over the public listener; the batch is recorded as the appliance's own act.
    Anonymous,
    /// A registered caller's.
    Caller(Permit<IssueTimestamp>),
}

/// A token, recorded.
#[derive(Debug, Clone)]
pub struct Issued {
    /// DER ContentInfo.
    pub token: Vec<u8>,
    /// The leaf that records its batch.
    pub leaf: u64,
    /// That it belongs to the batch.
    pub proof: Proof,
}

/// Why there is no token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The request is not one.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A digest algorithm that the operator does not list.
    #[error("{} is not accepted here", .0.name())]
    Digest(DigestAlgorithm),
    /// A policy that is not the authority's.
    #[error("policy {0} is not this authority's")]
    Policy(ObjectIdentifier),
    /// The clock is not trusted.
    #[error("the time is not available")]
    Clock(String),
    /// The keystore is sealed.
    #[error("the authority is not in service")]
    Sealed,
    /// The policies do not let the authority stamp.
    #[error("the authority is not in service")]
    Denied(String),
    /// Key or certificate cannot be used.
    #[error("the authority is not in service")]
    Signer(String),
    /// Too many tokens wait to be recorded.
    #[error("the authority has too much to do")]
    Overloaded,
    /// It could not be recorded, so it does not leave.
    #[error("the token could not be recorded")]
    Commit(CommitError),
}

impl Refusal {
    /// What the requester is told in the protocol's words.
    #[must_use]
    pub const fn failure(&self) -> Failure {
        match self {
            Self::Request(error) => error.failure(),
            Self::Digest(_) => Failure::BadAlgorithm,
            Self::Policy(_) => Failure::UnacceptedPolicy,
            Self::Clock(_) | Self::Commit(CommitError::ClockUntrusted(_)) => Failure::TimeNotAvailable,
            Self::Sealed | Self::Denied(_) | Self::Signer(_) | Self::Overloaded | Self::Commit(_) => {
                Failure::SystemFailure
            }
        }
    }

    /// What the operator is told besides, where the fault is not the requester's.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Clock(cause) | Self::Denied(cause) | Self::Signer(cause) => Some(cause.clone()),
            Self::Commit(error) => Some(error.to_string()),
            _ => None,
        }
    }
}

impl Office {
    /// An office on these terms.
    #[must_use]
    pub fn new(terms: &Timestamps) -> Self {
        Self {
            queue: Queue::default(),
            rates: Rates::new(terms.requests_per_second, terms.request_burst),
            policies: terms.policies.iter().map(|policy| policy.0).collect(),
            digests: terms.digests.iter().map(|digest| (*digest).into()).collect(),
            terms: terms.clone(),
            ready: RwLock::default(),
            random: SystemRandom::new(),
        }
    }

    /// Whether anybody may ask over the public listener.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.terms.public
    }

    /// Drops the signers: key or certificate of one have changed.
    pub fn forget(&self) {
        self.ready.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Forgets peers that have been quiet.
    pub fn forget_quiet(&self) {
        self.rates.forget_quiet();
    }

    fn policy(&self, request: &TimeStampReq) -> Result<ObjectIdentifier, Refusal> {
        let own = self.terms.policy.0;
        match request.policy {
            None => Ok(own),
            Some(asked) if asked == own || self.policies.contains(&asked) => Ok(asked),
            Some(asked) => Err(Refusal::Policy(asked)),
        }
    }

    async fn ready(
        &self,
        app: &App,
        unsealed: &Unsealed,
        digest: DigestAlgorithm,
    ) -> Result<Arc<Ready>, Refusal> {
        let known = {
            let known = self.ready.read().unwrap_or_else(PoisonError::into_inner);
            known.iter().find(|(of, _)| *of == digest).map(|(_, ready)| ready.clone())
        };
        // When the register of authorities was read again, the unit may have been rotated, on whatever node.
        let register = app.register_of_authorities();
        if let Some(ready) = known.filter(|ready| Arc::ptr_eq(&ready.register, &register)) {
            return Ok(ready);
        }
        let accuracy = Accuracy { millis: self.terms.accuracy_milliseconds };
        let ready = stamp_signer(app, unsealed, digest, accuracy, self.terms.named).await;
        let ready = Arc::new(ready.map_err(Refusal::Signer)?);
        let mut known = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, _)| *of != digest);
        known.push((digest, ready.clone()));
        Ok(ready)
    }
}

/// The signer of time-stamps over imprints by `digest` in force, its certificate good and on record. The one place that
/// knows which key it is.
///
/// # Errors
/// A sentence for the operator's log.
pub async fn stamp_signer(
    app: &App,
    unsealed: &Unsealed,
    digest: DigestAlgorithm,
    accuracy: Accuracy,
    named: bool,
) -> Result<Ready, String> {
    let register = app.register_of_authorities();
    let unit = app.time_stamp_unit(digest).ok_or("there is no key and certificate for time-stamps")?;
    let certificate = unit.certificate;
    let issuer = app.authority(&unit.issuer).map_err(|error| error.to_string())?;
    let chain = [issuer.certificate];
    let signer = unsealed.custody.signer(&unit.label).map_err(|error| error.to_string())?;
    let fingerprint = hex::encode(certificate.sha256_fingerprint());
    let row = app.db.row(&CERTIFICATES, &fingerprint).await.map_err(|error| error.to_string())?;
    let row = row.ok_or("the certificate for time-stamps is not on record")?;
    if row.value("state").as_text() != Some("good") {
        return Err("the certificate for time-stamps is revoked".to_owned());
    }
    let stamper = Stamper::new(signer, &certificate, &chain, accuracy, named);
    let stamper = stamper.map_err(|error| error.to_string())?;
    let slot = app.slot_of(&unit.label);
    let at_hand = app.hierarchy.key(&slot).is_none_or(|key| key.custody == CustodyKind::File);
    Ok(Ready { stamper, fingerprint: fingerprint.into(), version: row.version(), at_hand, register })
}

/// Answers a DER TimeStampReq with a token that is recorded.
///
/// # Errors
/// [`Refusal`]; nothing was then recorded that could leave.
pub async fn stamp(app: &Arc<App>, office: &Office, asker: Asker, request: &[u8]) -> Result<Issued, Refusal> {
    let issued = answer(app, office, asker, request).await;
    let result = match &issued {
        Ok(_) => "granted",
        Err(refusal) => refusal.failure().name(),
    };
    metrics::counter!("cinnabar_timestamps_total", "result" => result).increment(1);
    issued
}

async fn answer(app: &Arc<App>, office: &Office, asker: Asker, request: &[u8]) -> Result<Issued, Refusal> {
    let request = TimeStampReq::parse(request)?;
    if !office.digests.contains(&request.imprint.algorithm()) {
        return Err(Refusal::Digest(request.imprint.algorithm()));
    }
    let policy = office.policy(&request)?;
    let unsealed = app.unsealed().map_err(|_| Refusal::Sealed)?;
    let ready = office.ready(app, &unsealed, request.imprint.algorithm()).await?;
    let micros = unsealed.journal.clock().now().map_err(Refusal::Clock)?;
    let signer = |error: &dyn std::fmt::Display| Refusal::Signer(error.to_string());
    if !ready.stamper.certificate().is_valid_at(micros.div_euclid(1_000_000)) {
        office.forget();
        return Err(Refusal::Signer("the certificate for time-stamps is outside of its validity".to_owned()));
    }
    let mut serial = [0; 20];
    office.random.fill(&mut serial).map_err(|_| signer(&"the system's random source failed"))?;
    let serial = pki::issue::serial_from_random(serial);
    let stamp = ready.stamper.stamp(&request, policy, &serial, micros).map_err(|error| signer(&error))?;
    // Signed before the entry and outside of every lock (decision 2); nobody gets it before the entry is durable.
    let token = if ready.at_hand {
        ready.stamper.sign(&stamp).map_err(|error| signer(&error))?
    } else {
        // A device answers in milliseconds and must not hold up the thread's other requests.
        let (ready, stamp) = (ready.clone(), stamp.clone());
        let signed = tokio::task::spawn_blocking(move || ready.stamper.sign(&stamp)).await;
        signed.map_err(|error| signer(&error))?.map_err(|error| signer(&error))?
    };
    let (answer, answered) = oneshot::channel();
    let caller = match asker {
        Asker::Anonymous => None,
        Asker::Caller(permit) => Some(permit.caller().id.clone()),
    };
    let certificate = (ready.fingerprint.clone(), ready.version);
    let hash = tlog::leaf_hash(stamp.info());
    office.queue.enter(app, Waiting { hash, caller, certificate, answer })?;
    let cut_off = |_| Refusal::Signer("the batch was cut off".to_owned());
    match answered.await.map_err(cut_off)? {
        Ok(recorded) => Ok(Issued { token, leaf: recorded.leaf, proof: recorded.proof() }),
        Err(refusal) => {
            if let Refusal::Commit(CommitError::Conflict { .. }) = refusal {
                // The certificate's row has changed: the next request looks at it again.
                office.forget();
            }
            Err(refusal)
        }
    }
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office").field("terms", &self.terms).finish_non_exhaustive()
    }
}
