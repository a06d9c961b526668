//! Ending a seal: record, version and certificate in one unit of work.

use std::sync::Arc;

use serde_json::json;

use super::super::kinds::Ground;
use super::super::records::{self, application_state, int, stored_state, text};
use super::super::state::{Operation, Step};
use super::decide::closed;
use super::error::LifeError;
use super::parts::{Certified, destroy, forget};
use super::{Done, person_of};
use crate::app::App;
use crate::journal::{CommitError, Unit, generations};
use crate::policy::{CancelSeal, Permit};
use crate::store::Row;
use crate::store::tables::SEALS;

/// Cancels the seal that an approved application is about. Its certificate is revoked with it, and its key destroyed.
///
/// # Errors
/// [`LifeError`].
pub async fn cancel(
    app: &Arc<App>,
    permit: &Permit<CancelSeal>,
    application: Row,
) -> Result<Done, LifeError> {
    let done = application_state(&application).after(Step::CarryOut).ok_or_else(|| closed(&application))?;
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let id = text(&application, "seal");
    let seal = app.db.row(&SEALS, id).await?.ok_or_else(|| LifeError::Unknown(id.to_owned()))?;
    let stored = stored_state(&seal);
    let state = stored.at(int(&seal, "valid_to"), now);
    let operation = Operation::Cancel;
    let after = operation.result(Some(stored)).filter(|_| operation.fits(Some(state)));
    let after = after.ok_or_else(|| LifeError::Operation { seal: id.to_owned(), state, operation })?;
    let ground = records::order(&application)?.ground.unwrap_or(Ground::Closure);
    let certified = Certified::of(app, text(&seal, "certificate")).await?;
    let revoked = certified.revoked(ground.revocation(), now)?;
    let by = permit.caller();
    let application = application
        .next_version()
        .with("state", done.as_str())
        .with("maker", by.id.as_str())
        .with("maker_person", person_of(by))
        .with("carried_out", now);
    let key_label = text(&seal, "key_label").to_owned();
    let seal = seal
        .next_version()
        .with("state", after.as_str())
        .with("ground", ground.as_str())
        .with("updated", now);
    let facts = json!({
        "application": application.id(),
        "operation": operation.as_str(),
        "seal": seal.id(),
        "state": after.as_str(),
        "ground": ground.as_str(),
        "certificate": certified.row().id(),
    });
    let mut unit = Unit::new(permit.act())
        .facts(facts)
        .update(application.clone())
        .update(seal.clone())
        .bump(generations::SEALS);
    if let Some(number) = int(&seal, "number")
        && let Some(version) = records::version(&app.db, seal.id(), number).await?
    {
        unit = unit.update(version.next_version().with("state", "cancelled").with("ended_at", now));
    }
    let touched = revoked.is_some();
    if let Some(row) = revoked {
        unit = unit.update(row).bump(generations::CERTIFICATES);
    }
    let committed = unsealed.journal.commit(unit).await?;
    forget(app, seal.id(), touched).await;
    destroy(&unsealed, &key_label);
    Ok(Done { row: application, committed })
}
