//! Certificates that run out: counted for the operator's figures, entered in the log once each, and said in the health
//! report where they are the appliance's own.
//!
//! A background task of every node. Which warnings were given is a table, so that a cluster gives each of them once: the
//! row's id names certificate and threshold, and whoever comes second finds it taken. What has a successor on record
//! (`replaces`) is not warned of, nor is a threshold that a short-lived certificate would pass at its birth.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pki::Certificate;
use serde_json::json;

use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::journal::{CommitError, Unit};
use crate::licences::expiry;
use crate::policy::{Denied, Facts, Resource, WarnOfExpiry};
use crate::server::listener::Stopping;
use crate::store::tables::EXPIRY_WARNINGS;
use crate::store::{Record, Row, StoreError};

/// Days before the end at which a warning is given, the latest first.
pub const THRESHOLDS: [i64; 3] = [1, 7, 30];

/// Why a round was not finished; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum ExpiryError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The policies do not let the appliance warn.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A warning could not be entered.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Looks every minute at the appliance's own certificates and every hour at the inventory and at the licences of the library,
/// until told to stop.
pub async fn watch(app: Arc<App>, mut stop: Stopping) {
    let mut tick = tokio::time::interval(MINUTE);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut seen, mut licences) = (BTreeMap::new(), BTreeMap::new());
    let mut minutes = 0_u32;
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = tick.tick() => {
                let now = jiff::Timestamp::now().as_microsecond();
                let near = near_their_end(&app, now);
                app.expiring.store(Arc::new(near));
                let Ok(unsealed) = app.unsealed() else { continue };
                if minutes.is_multiple_of(60) {
                    if let Err(error) = round(&app, &unsealed, now, &mut seen).await {
                        tracing::error!(%error, "certificates that run out could not all be told");
                    }
                    if let Err(error) = expiry::round(&app, &unsealed, now, &mut licences).await {
                        tracing::error!(%error, "licences that run out could not all be told");
                    }
                }
                minutes = minutes.wrapping_add(1);
            }
        }
    }
}

/// Counts by profile (or type of licences) and threshold. Kept between rounds, so that what is no more is set to nought.
pub type Counts = BTreeMap<(String, i64), i64>;

/// One look at the inventory at `now` (microseconds): sets the figures and enters what was not entered yet. Returns how
/// many warnings this node entered.
///
/// # Errors
/// [`ExpiryError`].
pub async fn round(
    app: &App,
    unsealed: &Unsealed,
    now: i64,
    seen: &mut Counts,
) -> Result<usize, ExpiryError> {
    count(app, now, seen).await?;
    let mut entered = 0;
    let mut from = now;
    for days in THRESHOLDS {
        let to = now.saturating_add(days * DAY);
        for _ in 0..MOST_CHUNKS {
            let suffix = format!(":{days}");
            let parameters = [from.into(), to.into(), (2 * days * DAY).into(), suffix.as_str().into()];
            let found = app.db.fetch_all(UNTOLD, &parameters).await?;
            entered += enter(app, unsealed, &found, days, now).await?;
            if found.len() < CHUNK {
                break;
            }
        }
        from = to;
    }
    Ok(entered)
}

async fn count(app: &App, now: i64, seen: &mut Counts) -> Result<(), ExpiryError> {
    seen.values_mut().for_each(|count| *count = 0);
    for days in THRESHOLDS {
        let sql = "SELECT profile, COUNT(*) AS count FROM certificates \
                   WHERE not_after > $1 AND not_after <= $2 AND state = 'good' GROUP BY profile";
        for record in app.db.fetch_all(sql, &[now.into(), now.saturating_add(days * DAY).into()]).await? {
            seen.insert((record.text("profile")?.to_owned(), days), record.int("count")?);
        }
    }
    for ((profile, days), count) in &*seen {
        let within = format!("{days}d");
        let gauge = metrics::gauge!("cinnabar_certificates_expiring", "profile" => profile.clone(), "within" => within);
        #[expect(clippy::cast_precision_loss, reason = "exact to 2^53 certificates")]
        gauge.set(*count as f64);
    }
    Ok(())
}

/// Enters warnings together; when another node was first with one of them, one by one.
async fn enter(
    app: &App,
    unsealed: &Unsealed,
    found: &[Record],
    days: i64,
    now: i64,
) -> Result<usize, ExpiryError> {
    let units: Vec<Unit> =
        found.iter().map(|record| warning(app, record, days, now)).collect::<Result<_, _>>()?;
    let entered = unsealed.journal.commit_once(units).await?;
    if entered > 0 && entered == found.len() {
        tracing::warn!(certificates = found.len(), days, "certificates run out");
    }
    Ok(entered)
}

fn warning(app: &App, record: &Record, days: i64, now: i64) -> Result<Unit, ExpiryError> {
    let fingerprint = record.text("id")?;
    let permit = app.policy.decide::<WarnOfExpiry>(
        &Caller::system("expiry"),
        Resource::certificate(fingerprint),
        Facts::default(),
    )?;
    let not_after = record.int("not_after")?;
    let facts = json!({
        "profile": record.text("profile")?,
        "organisation": record.opt_text("organisation")?,
        "caller": record.opt_text("caller")?,
        "not_after": jiff::Timestamp::from_microsecond(not_after).map(|time| time.to_string()).ok(),
        "within_days": days,
    });
    let row = Row::new(
        &EXPIRY_WARNINGS,
        vec![format!("{fingerprint}:{days}").into(), 1.into(), fingerprint.into(), days.into(), now.into()],
    );
    Ok(Unit::new(permit.act()).facts(facts).insert(row))
}

/// Sentences about the appliance's own certificates that run out at `now` (microseconds), and a figure for each of all.
#[must_use]
pub fn near_their_end(app: &App, now: i64) -> Vec<String> {
    let seconds = now.div_euclid(1_000_000);
    let mut told = Vec::new();
    for (name, certificate) in own(app) {
        let (from, until) = (certificate.not_before(), certificate.not_after());
        #[expect(clippy::cast_precision_loss, reason = "exact to 2^53 seconds")]
        metrics::gauge!("cinnabar_own_certificate_expires_seconds", "name" => name.clone()).set(until as f64);
        // A month before the end, or in the last third of what lives shorter.
        let patience = (until.saturating_sub(from) / 3).min(30 * DAY / 1_000_000);
        let left = until.saturating_sub(seconds);
        if left <= 0 {
            told.push(format!("the certificate of `{name}` has run out"));
        } else if left <= patience {
            let days = left / 86_400;
            told.push(format!("the certificate of `{name}` runs out in {days} days; renew it"));
        }
    }
    told
}

/// The certificates that the appliance itself shows: its servers', and those of the keys of the hierarchy in use.
fn own(app: &App) -> Vec<(String, Certificate)> {
    let listeners = &app.config.listeners;
    let mut all = Vec::new();
    let mut file = |name: &str, path: &Path| {
        let read = std::fs::read(path).ok().and_then(|pem| Certificate::from_pem(&pem).ok());
        all.extend(read.and_then(|chain| chain.into_iter().next()).map(|leaf| (name.to_owned(), leaf)));
    };
    file("tls", &listeners.platform.certificate);
    if let Some(enrolment) = &listeners.enrolment {
        let (certificate, _) = enrolment.files(&listeners.platform);
        if certificate != listeners.platform.certificate {
            file("enrolment-tls", certificate);
        }
    }
    let register = app.register_of_authorities();
    if register.is_empty() {
        for key in app.hierarchy.keys() {
            all.extend(app.authority(&key.label).ok().map(|known| (key.label.clone(), known.certificate)));
        }
    }
    for generation in register.iter().filter(|one| one.standing.serves() && one.crosses.is_none()) {
        all.extend(generation.certificate.clone().map(|certificate| (generation.id.clone(), certificate)));
    }
    all
}

/// Certificates between two times that live at least as long as $3 and were not warned of at this threshold.
const UNTOLD: &str = "SELECT c.id, c.profile, c.organisation, c.caller, c.not_after FROM certificates c \
     WHERE c.not_after > $1 AND c.not_after <= $2 AND c.state = 'good' AND c.not_after - c.not_before >= $3 \
     AND NOT EXISTS (SELECT 1 FROM certificates s WHERE s.replaces = c.id) \
     AND NOT EXISTS (SELECT 1 FROM expiry_warnings w WHERE w.id = c.id || $4) \
     ORDER BY c.not_after, c.id LIMIT 100";
/// What UNTOLD brings at most.
const CHUNK: usize = 100;
/// Chunks of one round and threshold; the rest is for the next round.
const MOST_CHUNKS: usize = 1000;
/// In microseconds.
const DAY: i64 = 86_400_000_000;
const MINUTE: Duration = Duration::from_secs(60);
