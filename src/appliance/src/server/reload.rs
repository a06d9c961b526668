//! Keeping up with what changes outside the process: the register, policies, certificates.
//!
//! Once a second the generations are read from the database: the register is read again when its generation
//! moved, and confirmed when not (decision 14). Files are read again on SIGHUP, on the operator's word, and
//! when their modification times change. What does not fit leaves what is in force in force.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::listener::{Handshake, Handshakes, Stopping};
use super::run::ServeError;
use super::{metrics, tls};
use crate::app::App;
use crate::identity::{Caller, records};
use crate::journal::{Unit, generations};
use crate::policy::{Facts, ReloadPolicy, Resource};
use crate::status;
use crate::store::StoreError;

/// What a handshake of the platform listener needs, read from its files.
pub(super) fn handshake(app: &App) -> Result<Handshake, ServeError> {
    let files = &app.config.listeners.platform;
    let authorities = Arc::new(app.client_authorities()?);
    let config = tls::server_config(&files.certificate, &files.key, authorities.clone())?;
    Ok(Handshake { config: Arc::new(config), authorities })
}

/// What a handshake of the enrolment listener needs, where there is one.
pub(super) fn enrolment_handshake(app: &App) -> Result<Option<Handshake>, ServeError> {
    let listeners = &app.config.listeners;
    let Some(listener) = &listeners.enrolment else { return Ok(None) };
    let (certificate, key) = listener.files(&listeners.platform);
    let authorities = Arc::new(app.client_authorities()?);
    let config = tls::enrolment_config(certificate, key, authorities.clone(), listener.tls12)?;
    Ok(Some(Handshake { config: Arc::new(config), authorities }))
}

/// What a handshake of the portal needs, where there is one.
pub(super) fn portal_handshake(app: &App) -> Result<Option<Handshake>, ServeError> {
    let listeners = &app.config.listeners;
    let Some(listener) = &listeners.portal else { return Ok(None) };
    let (certificate, key) = listener.files(&listeners.platform);
    let authorities = Arc::new(app.client_authorities()?);
    let config = tls::portal_config(certificate, key)?;
    Ok(Some(Handshake { config: Arc::new(config), authorities }))
}

/// Reads certificates and policies again, whatever their times.
///
/// # Errors
/// One sentence per thing that does not fit; the others are in force.
pub(super) async fn everything(app: &Arc<App>, current: &Handshakes) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    app.timestamps.iter().for_each(crate::timestamps::Office::forget);
    let mut put = |current: &ArcSwap<Handshake>, what, fresh: Result<Handshake, ServeError>| match fresh {
        Ok(fresh) => {
            current.store(Arc::new(fresh));
            metrics::reload(what, "done");
        }
        Err(error) => {
            metrics::reload(what, "refused");
            faults.push(error.to_string());
        }
    };
    put(&current.platform, "tls", handshake(app));
    if let Some(enrolment) = &current.enrolment
        && let Some(fresh) = enrolment_handshake(app).transpose()
    {
        put(enrolment, "enrolment-tls", fresh);
    }
    if let Some(portal) = &current.portal
        && let Some(fresh) = portal_handshake(app).transpose()
    {
        put(portal, "portal-tls", fresh);
    }
    if let Err(fault) = policies(app).await {
        metrics::reload("policies", "refused");
        faults.push(fault);
    }
    if let Err(fault) = profiles(app).await {
        metrics::reload("profiles", "refused");
        faults.push(fault);
    }
    seat(app);
    if let Err(error) = app.identity.read_again(&app.db).await {
        faults.push(error.to_string());
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Puts changed policies in force. Who may do what changes with it, so it is an act: permitted by the
/// policies in force until now, and entered.
async fn policies(app: &Arc<App>) -> Result<(), String> {
    let before = app.policy.current().digest().to_owned();
    let found = crate::policy::check(app.policy.folder());
    if let Some(finding) = found.findings.first() {
        return Err(finding.to_string());
    }
    if found.digest.as_deref() == Some(before.as_str()) {
        return Ok(());
    }
    enter_change(app, "policies", json!({ "before": before, "after": found.digest })).await?;
    app.policy.reload().map_err(|error| error.to_string())?;
    metrics::reload("policies", "done");
    tracing::info!(before, "policies changed");
    Ok(())
}

/// Enters that decisions taken outside the code change, permitted by the policies in force until now.
async fn enter_change(app: &App, what: &str, facts: serde_json::Value) -> Result<(), String> {
    let caller = Caller::system("reload");
    let permit = app
        .policy
        .decide::<ReloadPolicy>(&caller, Resource::policies(), Facts { local: true, ..Facts::default() })
        .map_err(|denied| denied.to_string())?;
    let unsealed = app.unsealed().map_err(|_| {
        format!("the {what} changed, but while sealed the change cannot be entered; those in force stay")
    })?;
    let unit = Unit::new(permit.act()).facts(facts);
    unsealed.journal.commit(unit).await.map(|_| ()).map_err(|error| error.to_string())
}

/// Puts changed certificate profiles in force, an act like that of changed policies: what is certified, of whom and
/// for how long changes with it.
async fn profiles(app: &Arc<App>) -> Result<(), String> {
    let before = app.profiles.current().digest().to_owned();
    let found = crate::profiles::load(app.profiles.folder()).map_err(|error| error.to_string())?;
    if found.digest() == before {
        return Ok(());
    }
    let facts = json!({ "profiles": { "before": before, "after": found.digest() } });
    enter_change(app, "certificate profiles", facts).await?;
    app.profiles.replace(found);
    metrics::reload("profiles", "done");
    tracing::info!(before, "certificate profiles changed");
    Ok(())
}

/// Watches until told to stop.
pub(super) async fn watch(app: Arc<App>, current: Handshakes, mut stop: Stopping) {
    let mut hangup = signal(SignalKind::hangup())
        .inspect_err(
            |error| tracing::error!(%error, "no SIGHUP: changed files are seen by their times alone"),
        )
        .ok();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Empty: the first look reads everything, for it may have changed since the process was set up.
    let mut known = Vec::new();
    let mut stamps = stamps(&app);
    let mut opened = false;
    loop {
        tokio::select! {
            () = stop.wait() => return,
            () = hung_up(&mut hangup) => {
                tell(everything(&app, &current).await);
                stamps = self::stamps(&app);
            }
            _ = tick.tick() => {
                if register(&app, &mut known).await {
                    // Another authority judges clients, or one does no more.
                    tell(everything(&app, &current).await);
                }
                let now = self::stamps(&app);
                if now != stamps {
                    stamps = now;
                    tell(everything(&app, &current).await);
                }
                status::tick(&app);
                crate::licences::verification::tick(&app);
                app.rates.forget_quiet();
                app.visitors.forget_quiet();
                app.portal.forget_quiet();
                app.strikes.forget_quiet(std::time::Instant::now());
                app.timestamps.iter().for_each(crate::timestamps::Office::forget_quiet);
                if let Ok(unsealed) = app.unsealed() {
                    metrics::journal_size(unsealed.journal.size());
                    if !opened {
                        // Policies that changed while sealed could not be entered then.
                        opened = true;
                        tell(everything(&app, &current).await);
                    }
                }
            }
        }
    }
}

async fn hung_up(signal: &mut Option<Signal>) {
    let told = match signal {
        Some(signal) => signal.recv().await.is_some(),
        None => false,
    };
    if !told {
        std::future::pending().await
    }
}

fn tell(outcome: Result<(), Vec<String>>) {
    match outcome {
        Ok(()) => tracing::info!("certificates, policies and register read again"),
        Err(faults) => {
            for fault in faults {
                tracing::error!(fault, "not put in force");
            }
        }
    }
}

/// Confirms the register, or reads again what its generations say has moved (decision 14). Whether the authorities did.
async fn register(app: &Arc<App>, known: &mut Vec<(String, i64)>) -> bool {
    let first = known.is_empty();
    match read_moved(app, known).await {
        Ok(authorities) => authorities && !first,
        // `known` stays as it was, so that the next second tries again.
        Err(error) => {
            tracing::error!(%error, "what changed elsewhere cannot be read");
            false
        }
    }
}

async fn read_moved(app: &Arc<App>, known: &mut Vec<(String, i64)>) -> Result<bool, StoreError> {
    let asked = std::time::Instant::now();
    let now = records::generations(&app.db).await?;
    let of = |all: &[(String, i64)], wanted: &str| {
        all.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value)
    };
    let moved = |name| known.is_empty() || of(&now, name) != of(known, name);
    let (authorities, certificates) = (moved(generations::AUTHORITIES), moved(generations::CERTIFICATES));
    if authorities {
        app.read_authorities().await?;
    }
    if authorities || certificates {
        // Another node may have revoked.
        status::refresh(app).await?;
    }
    // Who may sign trust lists has certificates of its own.
    if (authorities || certificates || moved(generations::RECOGNITION))
        && let Err(error) = crate::licences::recognition::refresh(app).await
    {
        match error {
            crate::licences::recognition::RecognitionError::Store(error) => return Err(error),
            error => tracing::error!(%error, "trust lists cannot be read; those in force stay"),
        }
    }
    if moved(generations::IDENTITY) {
        app.identity.read_again(&app.db).await?;
    } else {
        app.identity.confirm();
    }
    if authorities || certificates {
        // Another node may have put another responder in its place.
        seat(app);
    }
    if moved(generations::SEALS) {
        // Another node may have stopped one. Its use would not be recorded anyway; now it is refused before any work.
        app.desk.seals.clear();
    }
    let licences = of(&now, generations::LICENCES).unwrap_or_default();
    app.licences.verification.confirm(licences, asked);
    if moved(generations::LICENCE_TYPES) {
        // Another node may have published or retired one.
        app.licences.types.forget();
    }
    if moved(generations::LICENCES) {
        app.licences.lists.stir();
    }
    *known = now;
    Ok(authorities)
}

/// Takes up responders beside the watch: a device that is away must not keep it from confirming the register.
fn seat(app: &Arc<App>) {
    let app = app.clone();
    tokio::spawn(async move { status::seat(&app).await });
}

/// Modification times of everything that is read from files.
fn stamps(app: &App) -> Vec<(PathBuf, SystemTime)> {
    let mut all = Vec::new();
    let mut note = |path: &Path| {
        if let Ok(time) = std::fs::metadata(path).and_then(|metadata| metadata.modified()) {
            all.push((path.to_owned(), time));
        }
    };
    let files = &app.config.listeners.platform;
    let enrolment = app.config.listeners.enrolment.as_ref().map(|listener| listener.files(files));
    let portal = app.config.listeners.portal.as_ref().map(|listener| listener.files(files));
    let platform = Some((files.certificate.as_path(), files.key.as_path()));
    for (certificate, key) in [platform, enrolment, portal].into_iter().flatten() {
        note(certificate);
        note(key);
    }
    let policies = &app.config.policies;
    for folder in [&app.config.appliance.certificates, &policies.authorization, &policies.certificates] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            note(&entry.path());
        }
    }
    all.sort();
    all
}
