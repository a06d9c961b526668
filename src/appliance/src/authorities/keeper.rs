//! What happens by itself: signers are replaced before their certificates end, authorities that came new get their
//! responders, and what has served its time is retired.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::error::AuthorityError;
use super::register::{Generation, Standing};
use super::rotate::{rotate, standing};
use crate::app::App;
use crate::ceremony::Role;
use crate::identity::Caller;
use crate::journal::{CommitError, Unit, generations};
use crate::policy::{Facts, Permit, Resource, RetireAuthority, RotateKey};
use crate::problem::Problem;
use crate::server::listener::Stopping;

/// Looks every minute until told to stop.
pub(crate) async fn watch(app: Arc<App>, mut stop: Stopping) {
    // Not at once: whoever just started has other things to do first.
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = tick.tick() => {
                if app.unsealed().is_ok()
                    && let Err(error) = keep(&app).await
                {
                    tracing::error!(%error, "authorities are not kept: looked at again in a minute");
                }
            }
        }
    }
}

/// Does what is due now.
///
/// # Errors
/// [`AuthorityError`] of the first thing that did not succeed.
pub async fn keep(app: &Arc<App>) -> Result<(), AuthorityError> {
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    for (slot, issuer) in due(app, now.div_euclid(1_000_000)) {
        let permit = app.policy.decide::<RotateKey>(
            &Caller::system(KEEPER),
            Resource::authority(slot),
            Facts::default(),
        );
        rotate(app, &permit.map_err(Problem::from)?, Some(&issuer)).await?;
    }
    retire(app, now).await
}

/// Places and the authorities for which their signers want replacing: near the end of their certificate, or absent.
fn due(app: &App, now: i64) -> Vec<(String, String)> {
    let register = app.register_of_authorities();
    let mut due = Vec::new();
    for key in app.hierarchy.keys().iter().filter(|key| key.role.is_delegate()) {
        let authority = key.issuer.as_deref().unwrap_or_default();
        for issuer in register.of_slot(authority).filter(|one| one.certificate.is_some()) {
            // A responder is needed as long as its authority answers; other signers only under the one in use.
            let needed = match key.role {
                Role::Ocsp => issuer.standing.serves(),
                _ => issuer.standing == Standing::Active,
            };
            let of_place =
                |one: &Generation| one.slot == key.label && one.issuer.as_ref() == Some(&issuer.id);
            let signer = register.newest(key.role, of_place);
            if needed && signer.is_none_or(|signer| is_due(signer, issuer, now)) {
                due.push((key.label.clone(), issuer.id.clone()));
            }
        }
    }
    due
}

/// Less than a third of its validity left, unless its authority ends as soon.
fn is_due(signer: &Generation, issuer: &Generation, now: i64) -> bool {
    let (Some(certificate), Some(above)) = (&signer.certificate, &issuer.certificate) else { return true };
    let whole = certificate.not_after() - certificate.not_before();
    let left = certificate.not_after() - now;
    left < whole / 3 && certificate.not_after() < above.not_after()
}

/// Retires signers whose overlap is over, and authorities all of whose certificates have ended.
async fn retire(app: &Arc<App>, now: i64) -> Result<(), AuthorityError> {
    let register = app.register_of_authorities();
    for one in register.iter().filter(|one| one.standing == Standing::Retiring) {
        let since = one.row.value("changed").as_int().unwrap_or(now);
        let over = if one.crosses.is_none() && one.role.is_authority() {
            last_certificate(app, &one.id).await?.is_none_or(|ends| ends < now)
        } else {
            now - since > overlap(app, one.role)
        };
        if over {
            let permit = app.policy.decide::<RetireAuthority>(
                &Caller::system(KEEPER),
                Resource::authority(&one.id),
                Facts::default(),
            );
            take_out(app, &permit.map_err(Problem::from)?, one, now).await?;
        }
    }
    Ok(())
}

/// How long a replaced signer's key is kept, microseconds: one whose successor waits until others know of it signs meanwhile.
fn overlap(app: &App, role: Role) -> i64 {
    match role {
        Role::CredentialSigner | Role::Publisher => {
            app.config.recognition.lead().saturating_mul(1_000_000).saturating_add(OVERLAP)
        }
        _ => OVERLAP,
    }
}

/// Retires one, and destroys the key of a signer. An authority's key is kept: whether it may go is for people to say.
async fn take_out(
    app: &Arc<App>,
    permit: &Permit<RetireAuthority>,
    one: &Generation,
    now: i64,
) -> Result<(), AuthorityError> {
    let unsealed = app.unsealed()?;
    let destroys = one.role.is_delegate();
    let unit = Unit::new(permit.act())
        .facts(json!({ "key_destroyed": destroys }))
        .update(standing(one, Standing::Retired, now))
        .bump(generations::AUTHORITIES);
    unsealed.journal.commit(unit).await?;
    app.read_authorities().await?;
    if destroys {
        let (custody, label) = (unsealed.custody.clone(), one.key_label().to_owned());
        let destroyed = tokio::task::spawn_blocking(move || custody.destroy(&label)).await;
        destroyed.map_err(Problem::internal)??;
    }
    tracing::info!(id = one.id, "retired");
    Ok(())
}

/// When the last certificate of an authority ends, microseconds.
async fn last_certificate(app: &App, label: &str) -> Result<Option<i64>, AuthorityError> {
    let sql = "SELECT MAX(not_after) AS ends FROM certificates WHERE issuer = $1";
    let record = app.db.fetch_optional(sql, &[label.into()]).await?;
    Ok(record.map(|record| record.opt_int("ends")).transpose()?.flatten())
}

/// Under which name it acts.
const KEEPER: &str = "authority-keeper";
const PERIOD: Duration = Duration::from_secs(60);
/// How long a replaced signer's key is kept, in microseconds: requests under way and other nodes have long moved on.
const OVERLAP: i64 = 24 * 3600 * 1_000_000;
