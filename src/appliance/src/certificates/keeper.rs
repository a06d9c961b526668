//! What is left behind is put in order: intents that never became certificates are entered as abandoned, requests whose
//! time is over as expired, approved ones are finished, and certificates from before there was an index of names get
//! their names. Runs on every node after unsealing and then every half minute, as the named system caller
//! `certificate-keeper`; nodes that meet over a row find the other's work done.

use std::sync::Arc;
use std::time::Duration;

use pki::Certificate;
use pki::issue::IssueError;
use serde_json::json;

use super::error::CertificateError;
use super::names;
use super::records;
use super::request::carry_out;
use crate::app::{App, Unsealed};
use crate::callers::records::text;
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Unit};
use crate::policy::{Denied, Facts, KeepCertificates, Permit, Resource};
use crate::problem::Problem;
use crate::server::listener::Stopping;
use crate::store::Row;

/// Watches until told to stop.
pub(crate) async fn watch(app: Arc<App>, mut stop: Stopping) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ticks = 0_u32;
    let mut filled = false;
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = tick.tick() => {}
        }
        if app.unsealed().is_err() {
            ticks = 0;
            continue;
        }
        if ticks == 0
            && let Err(error) = keep(&app).await
        {
            tracing::error!(%error, "certificates under way could not be put in order");
        }
        ticks = (ticks + 1) % PERIOD;
        if !filled {
            match fill_in(&app).await {
                Ok(done) => filled = done,
                Err(error) => tracing::error!(%error, "names of certificates could not be filled in"),
            }
        }
    }
}

/// Puts everything in order once.
///
/// # Errors
/// [`CertificateError`]; what was done until then is done.
pub async fn keep(app: &Arc<App>) -> Result<(), CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let seconds = i64::try_from(app.config.certificates.abandon_seconds).unwrap_or(i64::MAX / 2_000_000);
    let before = now.saturating_sub(seconds * 1_000_000);
    abandon(app, &unsealed, before).await?;
    expire(app, &unsealed, now).await?;
    finish(app, before).await
}

/// Intents without a certificate. One that is being signed at this very moment loses: its unit wants the intent as it
/// was, so its certificate is not recorded and never leaves.
async fn abandon(app: &Arc<App>, unsealed: &Unsealed, before: i64) -> Result<(), CertificateError> {
    loop {
        let left = records::open_intents(&app.db, before, CHUNK).await?;
        let mut all: Option<Unit> = None;
        for intent in &left {
            let entry = entry(&permit(app)?, "certificate.abandon", &format!("intent:{}", intent.id()));
            let facts = json!({
                "issuer": text(intent, "issuer"),
                "serial": text(intent, "serial"),
                "profile": text(intent, "profile"),
                "tbs": text(intent, "tbs_digest"),
                "note": "no certificate with this serial left; the serial is never used again",
            });
            let unit = Unit::new(entry)
                .facts(facts)
                .update(intent.clone().next_version().with("state", "abandoned"));
            all = Some(match all {
                Some(units) => units.also(unit),
                None => unit,
            });
        }
        let Some(unit) = all else { return Ok(()) };
        metrics::counter!("cinnabar_certificates_abandoned_total").increment(left.len() as u64);
        match unsealed.journal.commit(unit).await {
            Ok(_) => {
                tracing::warn!(count = left.len(), "certificates that were never recorded are abandoned")
            }
            // Another node was faster, or the certificate came after all.
            Err(CommitError::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Requests that nobody approved in time.
async fn expire(app: &Arc<App>, unsealed: &Unsealed, now: i64) -> Result<(), CertificateError> {
    for request in records::requests_past(&app.db, now, CHUNK).await? {
        let entry =
            entry(&permit(app)?, "certificate.expire", &format!("certificate-request:{}", request.id()));
        let unit = Unit::new(entry).update(request.next_version().with("state", "expired"));
        match unsealed.journal.commit(unit).await {
            Ok(_) | Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Requests that were approved by a process that ended before it issued. One that cannot be finished now holds up no
/// other.
async fn finish(app: &Arc<App>, before: i64) -> Result<(), CertificateError> {
    let mut after = String::new();
    loop {
        let requests = records::requests(&app.db, Some("approved"), &after, CHUNK).await?;
        let Some(last) = requests.last() else { return Ok(()) };
        after = last.id().to_owned();
        for request in requests {
            let words = records::words(&app.db, request.id()).await?;
            let last = words.iter().filter_map(|word| word.value("time").as_int()).max();
            if last.is_some_and(|last| last <= before) {
                finish_one(app, request).await?;
            }
        }
    }
}

/// Finishes one, or enters why it cannot be.
async fn finish_one(app: &Arc<App>, request: Row) -> Result<(), CertificateError> {
    let permit = permit(app)?;
    let name = format!("certificate-request:{}", request.id());
    let unit = Unit::new(entry(&permit, "certificate.finish", &name));
    let act = entry(&permit, "certificate.issue", &name);
    let error = match carry_out(app, act, request.clone().next_version(), unit).await {
        Ok((_, issued)) => {
            tracing::info!(certificate = issued.row.id(), "an approved certificate is issued");
            return Ok(());
        }
        // Another node was faster.
        Err(CertificateError::Commit(CommitError::Conflict { .. })) => return Ok(()),
        Err(error) => error,
    };
    let Some(reason) = lasting(error, request.id()) else { return Ok(()) };
    // What it was approved for is not so any more: whoever asked learns why.
    let row = request.next_version().with("state", "refused").with("reason", reason);
    let unit = Unit::new(entry(&permit, "certificate.refuse", &name)).update(row);
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    match unsealed.journal.commit(unit).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Why a request will never be issued; `None` for what may pass, which is told to the operator and tried again. A rule
/// that forbids lasts (4xx); store, device, clock and our own faults may pass (5xx), and so may whatever the record said.
fn lasting(error: CertificateError, request: &str) -> Option<String> {
    let reason: String = error.to_string().chars().take(500).collect();
    let passing = matches!(
        error,
        CertificateError::Commit(_)
            | CertificateError::Store(_)
            | CertificateError::Custody(_)
            | CertificateError::Issue(IssueError::Sign(_))
    );
    if !passing && Problem::from(error).kind().status().is_client_error() {
        return Some(reason);
    }
    tracing::warn!(request, error = reason, "an approved certificate could not be issued yet");
    None
}

/// Names of certificates that were issued before there was an index of them, a chunk at a time. True when all have.
///
/// # Errors
/// [`CertificateError`].
pub async fn fill_in(app: &Arc<App>) -> Result<bool, CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    if records::names_are_filled_in(&app.db).await? {
        return Ok(true);
    }
    let mut after = String::new();
    loop {
        let until = records::nth_after(&app.db, &after, STRIDE).await?;
        let rows = records::without_names(&app.db, &after, &until).await?;
        let mut unit = None;
        for (fingerprint, der) in rows {
            let Ok(certificate) = Certificate::from_der(&der) else { continue };
            let begun = unit.take().unwrap_or_else(|| {
                Unit::new(Act::system(KEEPER, "certificate.index", "appliance:appliance"))
            });
            unit = Some(names::rows(&fingerprint, &certificate).into_iter().fold(begun, Unit::cache_insert));
        }
        let last = after == until;
        if last {
            let begun = unit.take().unwrap_or_else(|| {
                Unit::new(Act::system(KEEPER, "certificate.index", "appliance:appliance"))
            });
            unit = Some(begun.cache_insert(records::filled_in()));
        }
        if let Some(unit) = unit {
            permit(app)?;
            match unsealed.journal.commit(unit).await {
                Ok(_) => {}
                // Another node is at it.
                Err(CommitError::Exists { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        if last {
            return Ok(true);
        }
        after = until;
        tokio::task::yield_now().await;
    }
}

/// The keeper's permit, through the same policies as everybody's (decision 14).
fn permit(app: &App) -> Result<Permit<KeepCertificates>, Denied> {
    app.policy.decide::<KeepCertificates>(&Caller::system(KEEPER), Resource::appliance(), Facts::default())
}

fn entry(permit: &Permit<KeepCertificates>, action: &str, resource: &str) -> Act {
    Act { action: action.to_owned(), resource: resource.to_owned(), ..permit.act() }
}

const KEEPER: &str = "certificate-keeper";
/// How often the keeper looks whether there is something to do after unsealing.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two rounds.
const PERIOD: u32 = 30;
/// Most rows of one unit.
const CHUNK: u32 = 200;
/// Certificates looked at in one step of filling in.
const STRIDE: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Kind;

    #[test]
    fn only_what_a_rule_forbids_ends_a_request() {
        let refused = |kind| CertificateError::Refused(Problem::new(kind, "so it is"));
        for error in [
            refused(Kind::Conflict),
            refused(Kind::RequestNames),
            CertificateError::Profile("gone".into()),
            CertificateError::Issuer("seal-person".into()),
            CertificateError::Way { profile: "machine".into(), way: "est" },
        ] {
            let text = error.to_string();
            assert_eq!(lasting(error, "r"), Some(text));
        }
        for error in [
            refused(Kind::StoreUnavailable),
            refused(Kind::CustodyUnavailable),
            refused(Kind::Internal),
            CertificateError::Sealed,
            CertificateError::Random,
            CertificateError::CutOff("the runtime ended".into()),
            CertificateError::Commit(CommitError::ClockUntrusted("no time server".into())),
        ] {
            let text = error.to_string();
            assert_eq!(lasting(error, "r"), None, "{text}");
        }
    }
}
