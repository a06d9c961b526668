//! What several steps of a seal's life need: the certificate's row in its states, and what follows a commit.

use std::sync::Arc;

use super::super::kinds::Ground;
use super::super::records::{stored_state, text};
use super::super::state::{Operation, SealState, Trust};
use super::error::LifeError;
use crate::app::{App, Unsealed};
use crate::status::service::{Grounds, revoked};
use crate::store::Row;
use crate::store::tables::CERTIFICATES;

/// The certificate of a seal, as it stands.
#[derive(Debug, Clone)]
pub(super) struct Certified(Row);

impl Certified {
    /// Reads it.
    ///
    /// # Errors
    /// [`LifeError`], when it is not on record.
    pub async fn of(app: &App, fingerprint: &str) -> Result<Self, LifeError> {
        let row = app.db.row(&CERTIFICATES, fingerprint).await?;
        row.map(Self).ok_or_else(|| LifeError::Structure("its certificate is not on record".to_owned()))
    }

    /// Its row.
    pub fn row(&self) -> &Row {
        &self.0
    }

    /// Whether it is revoked.
    pub fn is_revoked(&self) -> bool {
        self.state() == "revoked"
    }

    /// How far it and its key can be relied on, the seal's row being `seal`.
    pub fn trust(&self, seal: &Row) -> Trust {
        let ground = Ground::parse(text(seal, "ground")).filter(|ground| ground.loses_key());
        if self.is_revoked() || (ground.is_some() && stored_state(seal) == SealState::Suspended) {
            Trust::Lost
        } else if self.state() == "held" {
            Trust::Held
        } else {
            Trust::Sound
        }
    }

    /// That an operation fits how far it and its key can be relied on.
    ///
    /// # Errors
    /// [`LifeError::Untrusted`].
    pub fn fits(&self, operation: Operation, seal: &Row) -> Result<(), LifeError> {
        let trust = self.trust(seal);
        if operation.trusts(trust) {
            return Ok(());
        }
        Err(LifeError::Untrusted { seal: seal.id().to_owned(), operation, trust })
    }

    /// Whether it is good, and valid at `now` (microseconds).
    pub fn is_usable(&self, now: i64) -> bool {
        self.state() == "good" && self.0.value("not_after").as_int().is_some_and(|end| end > now)
    }

    /// The row of it revoked; none where it is revoked already.
    ///
    /// # Errors
    /// [`LifeError`], when it cannot be.
    pub fn revoked(&self, reason: &str, now: i64) -> Result<Option<Row>, LifeError> {
        if self.is_revoked() {
            return Ok(None);
        }
        Ok(Some(revoked(self.0.clone(), &Grounds::because(reason), now)?))
    }

    /// The row of it on hold; none where it is not good.
    pub fn held(&self, now: i64) -> Option<Row> {
        (self.state() == "good").then(|| {
            let row = self.0.clone().next_version().with("state", "held").with("revoked_at", now);
            row.with("reason", "certificateHold").with("changed", now)
        })
    }

    /// The row of it released; none where it is not on hold.
    pub fn released(&self, now: i64) -> Option<Row> {
        (self.state() == "held").then(|| {
            let row = self.0.clone().next_version().with("state", "good").with("changed", now);
            row.with("revoked_at", None::<i64>).with("reason", None::<String>)
        })
    }

    fn state(&self) -> &str {
        self.0.value("state").as_text().unwrap_or_default()
    }
}

/// What follows the commit of a change: this node uses nothing old any more, lists follow what was revoked.
pub(super) async fn forget(app: &Arc<App>, seal: &str, certificates: bool) {
    app.desk.seals.forget(seal);
    if certificates {
        crate::status::renew_now(app).await;
    }
}

/// Destroys a key that must not sign again. The record says so already; a keeper that fails leaves a key that no record
/// leads to.
pub(super) fn destroy(unsealed: &Unsealed, label: &str) {
    if let Err(error) = unsealed.custody.destroy(label) {
        tracing::warn!(%error, key = label, "the key of a former seal was not destroyed");
    }
}
