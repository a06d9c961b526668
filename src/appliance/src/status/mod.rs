//! What became of certificates: revoking, holding and releasing them, and saying so by lists and OCSP.
//!
//! `service` and `bulk` hold the rules, `http` and `model` the platform API; `index` keeps what is not good in memory,
//! `lists` signs and shares revocation lists, `ocsp` answers questions with `responder`'s keys, `public` serves both
//! to anybody. Issuing is `certificates`' business; what a relying party makes of it all is `pki::path`'s.
//!
//! Every node reads what changed within a second of its commit (`server::reload` calls [`refresh`] when the generation
//! of certificates moves) and tells the listeners (`identity::Standing`), the lists and the responder.

mod bulk;
mod http;
mod index;
mod leave;
pub mod lists;
pub mod model;
pub mod ocsp;
mod public;
mod recent;
mod records;
mod responder;
pub mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::app::App;
use crate::config::Config;
use crate::identity::{Fallen, Standing};
use crate::store::{Db, StoreError};
pub use http::routes;
use index::{Changed, Index, State};
pub use lists::{RenewError, renew};
pub use public::routes as public_routes;

/// What a process knows about certificates' status.
#[derive(Debug)]
pub struct Status {
    index: Index,
    /// The newest revocation lists.
    pub lists: lists::Lists,
    ocsp: ocsp::Ocsp,
    /// The generation of certificates that the index takes account of at least.
    revision: AtomicI64,
    reading: tokio::sync::Mutex<()>,
    /// Held while lists are looked at because of a second.
    looking: Arc<tokio::sync::Mutex<()>>,
    /// How often responders were to be taken up anew, and up to which of these they were.
    asked: AtomicU64,
    seated: tokio::sync::Mutex<u64>,
}

impl Status {
    /// Reads what is not good, and the lists kept on this node.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer.
    pub async fn open(config: &Config, db: &Db, standing: &Standing) -> Result<Self, StoreError> {
        let status = Self {
            index: Index::default(),
            lists: lists::Lists::open(&config.appliance.state),
            ocsp: ocsp::Ocsp::new(&config.status),
            revision: AtomicI64::new(0),
            reading: tokio::sync::Mutex::new(()),
            looking: Arc::default(),
            asked: AtomicU64::new(0),
            seated: tokio::sync::Mutex::new(0),
        };
        let revision = records::generation(db).await?;
        let mut rows = records::not_good(db).await?;
        rows.extend(records::changed(db, 0).await?);
        let generation = records::generation(db).await?;
        standing.record(fallen(&status.index.take(&rows, generation)?));
        status.revision.store(revision, Ordering::Release);
        Ok(status)
    }

    /// The generation that lists signed now take account of.
    fn revision(&self) -> i64 {
        self.revision.load(Ordering::Acquire)
    }

    /// The shards that every authority publishes lists for: the first, which certificates from before a split name,
    /// and those that new ones are spread over.
    fn shards(app: &App) -> std::ops::RangeInclusive<i64> {
        let spread = match app.config.certificates.crl_shards {
            0 | 1 => 0,
            shards => i64::from(shards),
        };
        0..=spread
    }

    async fn read_changes(&self, app: &App) -> Result<Vec<Changed>, StoreError> {
        let _one_at_a_time = self.reading.lock().await;
        let revision = records::generation(&app.db).await?;
        let rows = records::changed(&app.db, self.index.since()).await?;
        let generation = records::generation(&app.db).await?;
        let changes = self.index.take(&rows, generation)?;
        app.identity.standing().record(fallen(&changes));
        self.revision.store(revision, Ordering::Release);
        Ok(changes)
    }
}

/// Reads what changed and puts it in force on this node: callers are cut off, responses produced again.
///
/// # Errors
/// [`StoreError`] when the database does not answer; what was in force stays.
pub async fn refresh(app: &Arc<App>) -> Result<(), StoreError> {
    let changes = app.status.read_changes(app).await?;
    if !changes.is_empty() {
        ocsp::learn(&app.status.ocsp, &changes);
        let again = app.status.ocsp.forget(&changes);
        ocsp::produce(app, again, now());
    }
    Ok(())
}

/// [`refresh`] and [`renew`] after an act that is durable whatever happens here: a failure is told to the operator,
/// and the watch tries again.
pub async fn renew_now(app: &Arc<App>) {
    if let Err(error) = refresh(app).await {
        tracing::warn!(%error, "what changed is read again by the watch");
    }
    if let Err(error) = renew(app).await {
        tracing::error!(%error, "revocation lists could not be signed");
    }
}

/// Takes up authorities and their responders anew: after unsealing, and when certificates or files changed. Devices
/// that hold keys may let wait for this, so the watch does not: it spawns it.
pub async fn seat(app: &Arc<App>) {
    let status = &app.status;
    let ticket = status.asked.fetch_add(1, Ordering::AcqRel) + 1;
    let mut seated = status.seated.lock().await;
    // Who waits behind others finds that the one before has seen what it came for.
    if *seated >= ticket {
        return;
    }
    let upto = status.asked.load(Ordering::Acquire);
    let asking = app.clone();
    match tokio::task::spawn_blocking(move || responder::desks(&asking)).await {
        Ok(desks) => {
            status.ocsp.seat(desks);
            *seated = upto;
        }
        Err(error) => tracing::error!(%error, "OCSP responders were not taken up"),
    }
}

/// What is to be done once a second beside changes: lists that are behind or half over, responses before they are.
/// All of it is done beside the watch, which must not be held up by long lists or by devices that hold keys.
pub fn tick(app: &Arc<App>) {
    if !app.status.lists.is_publishing()
        && let Ok(turn) = app.status.looking.clone().try_lock_owned()
    {
        let app = app.clone();
        tokio::spawn(async move {
            let _turn = turn;
            let asking = app.clone();
            let due = tokio::task::spawn_blocking(move || lists::are_due(&asking, now())).await;
            if due.unwrap_or(false)
                && let Err(error) = renew(&app).await
            {
                tracing::error!(%error, "revocation lists could not be signed");
            }
        });
    }
    if app.status.ocsp.is_short() && now() % RETRY == 0 {
        let app = app.clone();
        tokio::spawn(async move { seat(&app).await });
    }
    ocsp::produce(app, ocsp::due(app, now()), now());
    app.status.ocsp.forget_quiet();
}

fn fallen(changes: &[Changed]) -> Vec<([u8; 32], Option<Fallen>)> {
    let one = |change: &Changed| {
        let fallen = match change.state {
            State::Revoked => Some(Fallen::Revoked),
            State::Held => Some(Fallen::Held),
            State::Released => None,
        };
        (change.fingerprint, fallen)
    };
    changes.iter().map(one).collect()
}

/// How often responders that could not be taken up are tried again, in seconds.
const RETRY: i64 = 10;

/// Unix seconds. Responses say when they were made; whether that clock can be trusted is judged where acts are made.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
