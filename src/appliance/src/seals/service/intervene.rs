//! What one officer does to a seal at once: suspend, resume, stop.
//!
//! From the commit on no use of the seal is recorded on any node, for each use guards the version of the seal's row;
//! what is not recorded does not leave.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::kinds::Ground;
use super::super::records::{int, stored_state, text};
use super::super::standing;
use super::super::state::Intervention;
use super::Done;
use super::error::LifeError;
use super::parts::{Certified, forget};
use crate::app::App;
use crate::journal::{Act, CommitError, Unit, generations};
use crate::policy::{Permit, ResumeSeal, StopSeal, SuspendSeal};
use crate::store::Row;
use crate::store::tables::SEALS;

/// Why and how a seal is suspended or stopped.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    /// Why; `other` when left out.
    pub ground: Option<Ground>,
    /// In the officer's words; kept where it can be erased.
    pub reason: Option<String>,
    /// Also puts the certificate on hold, so that verifiers elsewhere learn of it.
    pub hold: bool,
    /// With `stop`: revokes the certificate with the reason that the ground gives; then only `remake` helps.
    pub revoke: bool,
}

/// Suspends a seal.
///
/// # Errors
/// [`LifeError`]: its state does not allow it, or it changed meanwhile.
pub async fn suspend(
    app: &Arc<App>,
    permit: &Permit<SuspendSeal>,
    row: Row,
    pause: &Pause,
) -> Result<Done, LifeError> {
    let pause = Pause { revoke: false, ..pause.clone() };
    intervene(app, permit.act(), Intervention::Suspend, row, &pause).await
}

/// Resumes a suspended seal, and releases its certificate where that is on hold.
///
/// # Errors
/// As [`suspend`]; also when the certificate is revoked.
pub async fn resume(app: &Arc<App>, permit: &Permit<ResumeSeal>, row: Row) -> Result<Done, LifeError> {
    intervene(app, permit.act(), Intervention::Resume, row, &Pause::default()).await
}

/// Stops a seal at once, whatever becomes of it at the same time elsewhere: where its row has changed meanwhile, the act is
/// repeated on what it is now.
///
/// # Errors
/// As [`suspend`].
pub async fn stop(
    app: &Arc<App>,
    permit: &Permit<StopSeal>,
    row: Row,
    pause: &Pause,
) -> Result<Done, LifeError> {
    let id = row.id().to_owned();
    let mut row = row;
    for _ in 0..ATTEMPTS {
        match intervene(app, permit.act(), Intervention::Stop, row, pause).await {
            Err(LifeError::Commit(CommitError::Conflict { .. })) => {
                let again = app.db.row(&SEALS, &id).await?;
                row = again.ok_or_else(|| LifeError::Unknown(id.clone()))?;
            }
            other => return other,
        }
    }
    Err(LifeError::Busy)
}

async fn intervene(
    app: &Arc<App>,
    act: Act,
    what: Intervention,
    row: Row,
    pause: &Pause,
) -> Result<Done, LifeError> {
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let certified = Certified::of(app, text(&row, "certificate")).await?;
    let stored = stored_state(&row);
    let state = stored.at(int(&row, "valid_to"), now);
    let refused = || {
        let seal = row.id().to_owned();
        LifeError::Intervention { seal, state, revoked: certified.is_revoked(), act: what }
    };
    let after = what.result(state, certified.is_revoked()).ok_or_else(refused)?;
    let ground = (what != Intervention::Resume).then(|| pause.ground.unwrap_or(Ground::Other));
    let reason = ground.map(Ground::revocation);
    let certificate = match what {
        Intervention::Resume => certified.released(now),
        _ if pause.revoke => certified.revoked(reason.unwrap_or_default(), now)?,
        _ if pause.hold => certified.held(now),
        _ => None,
    };
    let seal = row
        .next_version()
        .with("state", after.as_str())
        .with("ground", ground.map(Ground::as_str))
        .with("updated", now);
    let mut facts = json!({ "seal": seal.id(), "state": after.as_str() });
    if let Some(facts) = facts.as_object_mut() {
        if let Some(ground) = ground {
            facts.insert("ground".to_owned(), ground.as_str().into());
        }
        if let Some(certificate) = &certificate {
            let state = json!({ "certificate": certificate.id(), "state": text(certificate, "state") });
            facts.insert("certificate".to_owned(), state);
        }
    }
    let unit = Unit::new(act).facts(facts).update(seal.clone()).bump(generations::SEALS);
    let word = ground.map(Ground::as_str);
    let mut unit = standing::turned(&app.db, unit, seal.id(), (Some(stored), after), word, now).await?;
    let touched = certificate.is_some();
    if let Some(certificate) = certificate {
        unit = unit.update(certificate).bump(generations::CERTIFICATES);
    }
    if let Some(reason) = &pause.reason {
        unit = unit.detail(json!({ "reason": reason }));
    }
    let committed = unsealed.journal.commit(unit).await?;
    forget(app, seal.id(), touched).await;
    Ok(Done { row: seal, committed })
}

/// Changes of the same seal that may come between before a stop gives up for now.
const ATTEMPTS: u32 = 16;
