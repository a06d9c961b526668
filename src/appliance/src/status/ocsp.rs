//! Answering OCSP requests (RFC 6960, RFC 9654, RFC 9919).
//!
//! One certificate without a nonce, which is nearly every question, is answered from memory: the response was signed
//! before and holds for hours. A change of the certificate's state removes it at once and produces the next; another
//! node learns of the change within a second. Questions with a nonce, several questions and unknown serial numbers are
//! signed for themselves, within a rate.
//!
//! What is said rests on the certificates' rows: a serial number that is not on record is `unknown`. So is one whose
//! intent was abandoned: its certificate, if a signature was ever made, never left the process, and to call it revoked
//! would say that it had been issued (RFC 6960 §2.2 has `revoked` for such serial numbers only with a notice that the
//! responder means it so).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::HeaderValue;
use pki::crl::{Reason, Revoked};
use pki::ocsp::{CertId, ErrorStatus, Request, Single, Status, respond};

use super::index::{self, Changed, State};
use super::recent::Recent;
use super::records;
use super::responder::Desk;
use crate::app::App;
use crate::config::{self, NoncePolicy};
use crate::identity::PATIENCE;

/// What the responder keeps.
#[derive(Debug)]
pub struct Ocsp {
    desks: ArcSwap<Vec<Arc<Desk>>>,
    known: Recent<Vec<u8>, [u8; 32]>,
    stored: Recent<Vec<u8>, Arc<Vec<Arc<Stored>>>>,
    /// Counts changes of certificates: what was signed before a change must not be stored after it.
    epoch: AtomicU64,
    rate: DefaultDirectRateLimiter,
}

/// A signed response about one certificate, ready to be sent.
#[derive(Debug)]
pub struct Stored {
    /// OCSPResponse, DER.
    pub der: Bytes,
    /// thisUpdate, Unix seconds.
    pub this_update: i64,
    /// nextUpdate, Unix seconds.
    pub next_update: i64,
    /// Entity tag.
    pub etag: HeaderValue,
    id: CertId,
    desk: Arc<str>,
    asked: AtomicBool,
}

/// An answer to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// May be kept by HTTP caches until it is not fresh any more.
    Stored(Arc<Stored>),
    /// For this request alone.
    Fresh(Bytes),
    /// None, and why.
    Error(ErrorStatus),
}

impl Ocsp {
    /// Begins with nothing.
    #[must_use]
    pub fn new(settings: &config::Status) -> Self {
        let rate = NonZeroU32::new(settings.fresh_per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            desks: ArcSwap::default(),
            known: Recent::new(settings.known),
            stored: Recent::new(settings.responses),
            epoch: AtomicU64::new(0),
            rate: RateLimiter::direct(Quota::per_second(rate)),
        }
    }

    /// Puts other authorities or responders in force; what the former ones signed is forgotten when one of them is
    /// not the same any more.
    pub fn seat(&self, desks: Vec<Arc<Desk>>) {
        let before = self.desks.swap(Arc::new(desks));
        let own = |desk: &Desk| desk.signer.as_ref().map(|(own, _)| *own.certificate().sha256_fingerprint());
        let changed = self.desks.load().iter().any(|desk| {
            let former =
                before.iter().find(|former| former.label == desk.label).and_then(|former| own(former));
            // Sealing and unsealing change nothing about what was signed.
            own(desk).zip(former).is_some_and(|(now, then)| now != then)
        });
        if changed {
            self.epoch.fetch_add(1, Ordering::AcqRel);
            self.stored.clear();
        }
    }

    /// Forgets what was said about these certificates. Answers what had been asked about, to be produced again.
    pub fn forget(&self, changes: &[Changed]) -> Vec<Arc<Stored>> {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        let all = changes
            .iter()
            .filter_map(|change| self.stored.remove(key(&change.issuer, &change.serial).as_slice()));
        all.flat_map(|forms| forms.iter().cloned().collect::<Vec<_>>()).collect()
    }
}

/// Answers one request. `label` is the authority in the address, if one stands there.
pub async fn answer(app: &App, label: Option<&str>, request: &[u8], now: i64) -> Answer {
    // A responder that cannot know what was revoked says nothing (decision 14).
    if app.identity.silent_for() > PATIENCE {
        return Answer::Error(ErrorStatus::TryLater);
    }
    let ocsp = &app.status.ocsp;
    let Ok(request) = Request::from_der(request) else { return Answer::Error(ErrorStatus::MalformedRequest) };
    let desks = ocsp.desks.load();
    let Some(desk) = request.ids().first().and_then(|id| desks.iter().find(|desk| desk.issued(id))) else {
        return Answer::Error(ErrorStatus::Unauthorized);
    };
    if label.is_some_and(|label| label != &*desk.label) || !request.ids().iter().all(|id| desk.issued(id)) {
        return Answer::Error(ErrorStatus::Unauthorized);
    }
    let nonce = request.nonce().filter(|_| app.config.status.nonce == NoncePolicy::Fresh);
    let nonce = nonce.filter(|_| desk.signer.is_some() && ocsp.rate.check().is_ok());
    if let ([id], None) = (request.ids(), nonce) {
        return match stored(app, desk, id, now) {
            Some(stored) => Answer::Stored(stored),
            None => one(app, desk, id, now).await,
        };
    }
    // The permission to sign was taken with the nonce.
    if nonce.is_none() && ocsp.rate.check().is_err() {
        return Answer::Error(ErrorStatus::TryLater);
    }
    let mut found = Vec::with_capacity(request.ids().len());
    for id in request.ids() {
        match lookup(app, desk, id).await {
            Ok(status) => found.push(status),
            Err(status) => return Answer::Error(status),
        }
    }
    let asked: Vec<_> = request.ids().iter().zip(found).collect();
    match sign(app, desk, &asked, nonce, now) {
        Ok((der, _)) => Answer::Fresh(der),
        Err(status) => Answer::Error(status),
    }
}

/// The stored response, while more than half of its time is left; while nobody can sign, as long as it holds.
fn stored(app: &App, desk: &Desk, id: &CertId, now: i64) -> Option<Arc<Stored>> {
    let forms = app.status.ocsp.stored.get(key(&desk.label, id.serial()).as_slice())?;
    let stored = forms.iter().find(|stored| stored.id == *id)?;
    let left = stored.next_update - now;
    let least = if desk.signer.is_some() { (stored.next_update - stored.this_update) / 2 } else { 0 };
    if left <= least {
        return None;
    }
    stored.asked.store(true, Ordering::Relaxed);
    Some(stored.clone())
}

/// Signs a response about one certificate, and stores it unless the serial number is a stranger's.
async fn one(app: &App, desk: &Arc<Desk>, id: &CertId, now: i64) -> Answer {
    let ocsp = &app.status.ocsp;
    let epoch = ocsp.epoch.load(Ordering::Acquire);
    let (status, hash) = match lookup(app, desk, id).await {
        Ok(found) => found,
        Err(status) => return Answer::Error(status),
    };
    if status == Status::Unknown && ocsp.rate.check().is_err() {
        return Answer::Error(ErrorStatus::TryLater);
    }
    let (der, next_update) = match sign(app, desk, &[(id, (status, hash))], None, now) {
        Ok(signed) => signed,
        Err(status) => return Answer::Error(status),
    };
    if status == Status::Unknown {
        // Strangers' questions must not push out what is asked for; and the serial number may be issued any time.
        return Answer::Fresh(der);
    }
    let hash = crypto::DigestAlgorithm::Sha256.digest(&der);
    let tag = format!("\"{}\"", hex::encode(hash.get(..16).unwrap_or_default()));
    let stored = Arc::new(Stored {
        der,
        this_update: now,
        next_update,
        etag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
        id: id.clone(),
        desk: desk.label.clone(),
        asked: AtomicBool::new(false),
    });
    let key = key(&desk.label, id.serial());
    let mut forms = ocsp.stored.get(key.as_slice()).map(|forms| forms.to_vec()).unwrap_or_default();
    forms.retain(|form| form.id != *id);
    // Two hashes, each with and without parameters, are all the forms there are.
    forms.truncate(FORMS - 1);
    forms.push(stored.clone());
    ocsp.stored.put_if(key, Arc::new(forms), || ocsp.epoch.load(Ordering::Acquire) == epoch);
    Answer::Stored(stored)
}

type Found = (Status, Option<[u8; 32]>);

/// What is on record. What is not good is in memory; that a certificate exists at all is remembered, or asked of the
/// database by its index.
async fn lookup(app: &App, desk: &Desk, id: &CertId) -> Result<Found, ErrorStatus> {
    let Some(serial) = plain(id.serial()) else { return Ok((Status::Unknown, None)) };
    if let Some(fate) = app.status.index.fate(&desk.label, serial) {
        return Ok((fate.status(), Some(fate.fingerprint)));
    }
    let key = key(&desk.label, serial);
    if let Some(fingerprint) = app.status.ocsp.known.get(key.as_slice()) {
        return Ok((Status::Good, Some(fingerprint)));
    }
    let asked = records::by_serial(&app.db, &desk.label, &hex::encode(serial)).await;
    let record = asked.map_err(|error| {
        tracing::error!(%error, "the database does not answer an OCSP question");
        ErrorStatus::TryLater
    })?;
    let Some(record) = record else { return Ok((Status::Unknown, None)) };
    let read = || {
        let mut fingerprint = [0; 32];
        hex::decode_to_slice(record.text("id").ok()?, &mut fingerprint).ok()?;
        let status = match record.text("state").ok()? {
            "good" => Status::Good,
            // Revoked this very moment: the index learns of it within a second.
            _ => {
                let time = record.opt_int("revoked_at").ok()?.unwrap_or_default().div_euclid(1_000_000);
                let reason = record.opt_text("reason").ok()?.and_then(Reason::from_name);
                Status::Revoked(Revoked { time, reason })
            }
        };
        Some((status, fingerprint))
    };
    let (status, fingerprint) = read().ok_or(ErrorStatus::InternalError)?;
    app.status.ocsp.known.put_if(key, fingerprint, || true);
    Ok((status, Some(fingerprint)))
}

fn sign(
    app: &App,
    desk: &Desk,
    asked: &[(&CertId, Found)],
    nonce: Option<&[u8]>,
    now: i64,
) -> Result<(Bytes, i64), ErrorStatus> {
    let Some((responder, signer)) = &desk.signer else {
        // Nobody is delegated, or the keys are sealed.
        let status = if app.unsealed().is_ok() { ErrorStatus::Unauthorized } else { ErrorStatus::TryLater };
        return Err(status);
    };
    let lasts = i64::try_from(app.config.status.ocsp_seconds).unwrap_or(i64::MAX / 2);
    // A response cannot be relied on after its signer's certificate.
    let next_update = now.saturating_add(lasts).min(responder.certificate().not_after());
    if next_update <= now {
        tracing::error!(authority = &*desk.label, "the OCSP responder's certificate has run out");
        return Err(ErrorStatus::TryLater);
    }
    let singles: Vec<Single<'_>> = asked
        .iter()
        .map(|&(id, (status, cert_hash))| Single {
            id,
            status,
            this_update: now,
            next_update: Some(next_update),
            cert_hash,
            archive_cutoff: (status != Status::Unknown).then_some(desk.since),
        })
        .collect();
    let der = respond(responder, signer.as_ref(), now, &singles, nonce).map_err(|error| {
        tracing::error!(authority = &*desk.label, %error, "an OCSP response was not signed");
        ErrorStatus::InternalError
    })?;
    Ok((der.into(), next_update))
}

/// Produces responses again: those whose certificate has changed, at once.
pub async fn produce(app: &App, again: Vec<Arc<Stored>>, now: i64) {
    let desks = app.status.ocsp.desks.load_full();
    for stored in again.into_iter().take(AT_ONCE) {
        if let Some(desk) = desks.iter().find(|desk| desk.label == stored.desk && desk.signer.is_some()) {
            let _ = one(app, desk, &stored.id, now).await;
        }
    }
}

/// Responses that have been asked for and are past the half of their time, to be produced before anybody waits.
pub fn due(app: &App, now: i64) -> Vec<Arc<Stored>> {
    let due = |stored: &Arc<Stored>| {
        let half = (stored.next_update - stored.this_update) / 2;
        // A little before the half, at which a reader would have to wait.
        stored.asked.load(Ordering::Relaxed) && stored.next_update - now <= half + half / 8
    };
    let picked = app.status.ocsp.stored.pick(AT_ONCE, |forms| forms.iter().any(due));
    picked.iter().flat_map(|(_, forms)| forms.iter().filter(|stored| due(stored)).cloned()).collect()
}

/// Certificates that fell become unknown to the memory of good ones; nothing else depends on it.
pub fn learn(ocsp: &Ocsp, changes: &[Changed]) {
    for change in changes.iter().filter(|change| change.state == State::Released) {
        ocsp.known.put_if(key(&change.issuer, &change.serial), change.fingerprint, || true);
    }
}

/// A positive serial number without its sign octet; a negative one names no certificate.
fn plain(serial: &[u8]) -> Option<&[u8]> {
    match serial.first() {
        Some(first) if *first < 0x80 => Some(index::significant(serial)),
        _ => None,
    }
}

fn key(label: &str, serial: &[u8]) -> Vec<u8> {
    [label.as_bytes(), &[0], index::significant(serial)].concat()
}

const FORMS: usize = 4;

/// Responses produced in one go, so that the watch is never held up.
const AT_ONCE: usize = 1000;
