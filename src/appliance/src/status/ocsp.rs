//! Answering OCSP requests (RFC 6960, RFC 9654, RFC 9919).
//!
//! One certificate without a nonce, which is nearly every question, is answered from memory: the response was signed
//! before and holds for hours. A change of the certificate's state removes it at once and produces the next; another
//! node learns of the change within a second. Questions with a nonce, several questions and unknown serial numbers are
//! signed for themselves, within rates: one of the asker's network, one of all.
//!
//! What is said rests on the certificates' rows: a serial number that is not on record is `unknown`. So is one whose
//! intent was abandoned: its certificate, if a signature was ever made, never left the process, and to call it revoked
//! would say that it had been issued (RFC 6960 §2.2 has `revoked` for such serial numbers only with a notice that the
//! responder means it so).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderValue;
use pki::crl::{Reason, Revoked};
use pki::ocsp::{CertId, ErrorStatus, Request, Single, Status, respond};
use tokio::sync::{Mutex, Semaphore};

use super::index::{self, Changed, State};
use super::leave::{Leave, Shares};
use super::recent::Recent;
use super::records;
use super::responder::{Desk, Signing};
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
    shares: Shares,
    /// Signatures that devices are making.
    devices: Arc<Semaphore>,
    /// Held while responses are produced again.
    producing: Arc<Mutex<()>>,
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
        Self {
            desks: ArcSwap::default(),
            known: Recent::new(settings.known),
            stored: Recent::new(settings.responses),
            epoch: AtomicU64::new(0),
            shares: Shares::new(settings.fresh_per_second, settings.fresh_per_network),
            devices: Arc::new(Semaphore::new(DEVICE_SIGNATURES)),
            producing: Arc::default(),
        }
    }

    /// Whether a responder could not be taken up that is there.
    pub fn is_short(&self) -> bool {
        self.desks.load().iter().any(|desk| desk.short)
    }

    /// Forgets networks that have been quiet.
    pub fn forget_quiet(&self) {
        self.shares.forget_quiet();
    }

    /// Puts other authorities or responders in force; what the former ones signed is forgotten when one of them is
    /// not the same any more.
    pub fn seat(&self, desks: Vec<Arc<Desk>>) {
        let before = self.desks.swap(Arc::new(desks));
        let own =
            |desk: &Desk| desk.signer.as_ref().map(|own| *own.responder.certificate().sha256_fingerprint());
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

/// Answers one request. `label` is the authority in the address, if one stands there; `from` is who asks.
pub async fn answer(
    app: &App,
    label: Option<&str>,
    request: &[u8],
    from: Option<IpAddr>,
    now: i64,
) -> Answer {
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
    let mut leave = None;
    let nonce = nonce.filter(|_| {
        desk.signer.is_some() && leave.get_or_insert_with(|| Leave::of(from)).take(&ocsp.shares).is_ok()
    });
    if let ([id], None) = (request.ids(), nonce) {
        return match stored(app, desk, id, now) {
            Some(stored) => Answer::Stored(stored),
            None => one(app, desk, id, Leave::of(from), now).await,
        };
    }
    match several(app, desk, &request, nonce, leave.unwrap_or_else(|| Leave::of(from)), now).await {
        Ok(der) => Answer::Fresh(der),
        Err(status) => Answer::Error(status),
    }
}

/// Signs a response for this request alone.
async fn several(
    app: &App,
    desk: &Arc<Desk>,
    request: &Request,
    nonce: Option<&[u8]>,
    mut leave: Leave,
    now: i64,
) -> Result<Bytes, ErrorStatus> {
    leave.take(&app.status.ocsp.shares)?;
    let mut asked = Vec::with_capacity(request.ids().len());
    for id in request.ids() {
        asked.push((id.clone(), lookup(app, desk, id, &mut leave).await?));
        // Each further question of the database costs as much as a request of its own.
        leave.spend();
    }
    sign(app, desk, asked, nonce, now).await.map(|(der, _)| der)
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

/// Signs a response about one certificate, and stores it unless serial number or form of the question are a stranger's.
async fn one(app: &App, desk: &Arc<Desk>, id: &CertId, mut leave: Leave, now: i64) -> Answer {
    let ocsp = &app.status.ocsp;
    let epoch = ocsp.epoch.load(Ordering::Acquire);
    let (status, hash) = match lookup(app, desk, id, &mut leave).await {
        Ok(found) => found,
        Err(status) => return Answer::Error(status),
    };
    // Strangers' questions must not push out what is asked for; and an unknown serial number may be issued any time.
    let fresh = status == Status::Unknown || !id.is_usual();
    if fresh && let Err(status) = leave.take(&ocsp.shares) {
        return Answer::Error(status);
    }
    let (der, next_update) = match sign(app, desk, vec![(id.clone(), (status, hash))], None, now).await {
        Ok(signed) => signed,
        Err(status) => return Answer::Error(status),
    };
    if fresh {
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
    // Three hashes, each with and without parameters, are all the forms there are.
    forms.truncate(FORMS - 1);
    forms.push(stored.clone());
    ocsp.stored.put_if(key, Arc::new(forms), || ocsp.epoch.load(Ordering::Acquire) == epoch);
    Answer::Stored(stored)
}

type Found = (Status, Option<[u8; 32]>);

/// What is on record. What is not good is in memory; that a certificate exists at all is remembered, or asked of the
/// database by its index, which needs leave: anybody can think of serial numbers.
async fn lookup(app: &App, desk: &Desk, id: &CertId, leave: &mut Leave) -> Result<Found, ErrorStatus> {
    let Some(serial) = plain(id.serial()) else { return Ok((Status::Unknown, None)) };
    if let Some(fate) = app.status.index.fate(&desk.label, serial) {
        return Ok((fate.status(), Some(fate.fingerprint)));
    }
    let key = key(&desk.label, serial);
    if let Some(fingerprint) = app.status.ocsp.known.get(key.as_slice()) {
        return Ok((Status::Good, Some(fingerprint)));
    }
    leave.take(&app.status.ocsp.shares)?;
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

/// Signs where the key is: in this process at once, in a device off the request's thread, and only so many at a time.
async fn sign(
    app: &App,
    desk: &Arc<Desk>,
    asked: Vec<(CertId, Found)>,
    nonce: Option<&[u8]>,
    now: i64,
) -> Result<(Bytes, i64), ErrorStatus> {
    let Some(signing) = &desk.signer else {
        // Nobody is delegated, or the keys are sealed.
        let none = app.unsealed().is_ok() && !desk.short;
        let status = if none { ErrorStatus::Unauthorized } else { ErrorStatus::TryLater };
        return Err(status);
    };
    let lasts = i64::try_from(app.config.status.ocsp_seconds).unwrap_or(i64::MAX / 2);
    // A response cannot be relied on after its signer's certificate.
    let next_update = now.saturating_add(lasts).min(signing.responder.certificate().not_after());
    if next_update <= now {
        tracing::error!(authority = &*desk.label, "the OCSP responder's certificate has run out");
        return Err(ErrorStatus::TryLater);
    }
    if signing.at_hand {
        return Ok((signed(desk, signing, &asked, nonce, (now, next_update))?, next_update));
    }
    let said = asked.clone();
    let der = off_thread(&app.status.ocsp.devices, {
        let (desk, nonce) = (desk.clone(), nonce.map(<[u8]>::to_vec));
        move || {
            let signing = desk.signer.as_ref().ok_or(ErrorStatus::TryLater)?;
            // A device that is away comes back.
            signed(&desk, signing, &asked, nonce.as_deref(), (now, next_update))
                .map_err(|_| ErrorStatus::TryLater)
        }
    });
    let der = der.await?;
    // A device may take seconds, in which a certificate may fall.
    let holds = |(id, (status, _)): &(CertId, Found)| {
        let fate = plain(id.serial()).and_then(|serial| app.status.index.fate(&desk.label, serial));
        fate.is_none_or(|fate| fate.status() == *status)
    };
    if said.iter().all(holds) { Ok((der, next_update)) } else { Err(ErrorStatus::TryLater) }
}

/// Runs what may wait for a device, unless as many as can already do.
async fn off_thread<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, ErrorStatus> + Send + 'static,
) -> Result<T, ErrorStatus> {
    // The place is given back when the device has answered, not when the asker hangs up.
    let place = places.clone().try_acquire_owned().map_err(|_| ErrorStatus::TryLater)?;
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    work.await.map_err(|_| ErrorStatus::InternalError)?
}

/// Signs. `times` are thisUpdate and nextUpdate.
fn signed(
    desk: &Desk,
    signing: &Signing,
    asked: &[(CertId, Found)],
    nonce: Option<&[u8]>,
    (now, next_update): (i64, i64),
) -> Result<Bytes, ErrorStatus> {
    let singles: Vec<Single<'_>> = asked
        .iter()
        .map(|&(ref id, (status, cert_hash))| Single {
            id,
            status,
            this_update: now,
            next_update: Some(next_update),
            cert_hash,
            archive_cutoff: (status != Status::Unknown).then_some(desk.since),
        })
        .collect();
    let der =
        respond(&signing.responder, signing.signer.as_ref(), now, &singles, nonce).map_err(|error| {
            tracing::error!(authority = &*desk.label, %error, "an OCSP response was not signed");
            ErrorStatus::InternalError
        })?;
    Ok(der.into())
}

/// Produces responses again, beside whoever calls: a device may let wait. While some are being produced, others are
/// left to whoever asks for them.
pub fn produce(app: &Arc<App>, again: Vec<Arc<Stored>>, now: i64) {
    if again.is_empty() {
        return;
    }
    let Ok(turn) = app.status.ocsp.producing.clone().try_lock_owned() else { return };
    let app = app.clone();
    tokio::spawn(async move {
        let _turn = turn;
        let desks = app.status.ocsp.desks.load_full();
        let mut able: Vec<_> = desks.iter().filter(|desk| desk.signer.is_some()).collect();
        for stored in again.into_iter().take(AT_ONCE) {
            if let Some(desk) = able.iter().copied().find(|desk| desk.label == stored.desk)
                && let Answer::Error(_) = one(&app, desk, &stored.id, Leave::own(), now).await
            {
                // Its device may be away: each of its responses would wait for it.
                able.retain(|other| other.label != desk.label);
            }
        }
    });
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

const FORMS: usize = 6;

/// Signatures that devices make at a time; further askers are told to try later.
const DEVICE_SIGNATURES: usize = 16;

/// Responses produced in one go.
const AT_ONCE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_while_devices_are_busy_is_told_to_try_later_and_the_thread_stays_free() {
        let places = Arc::new(Semaphore::new(1));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let places = places.clone();
            async move { off_thread(&places, move || Ok(wait.recv().is_ok())).await }
        });
        while places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(off_thread(&places, || Ok(())).await, Err(ErrorStatus::TryLater));
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(true));
        assert_eq!(off_thread(&places, || Ok(())).await, Ok(()));
    }
}
