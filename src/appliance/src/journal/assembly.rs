//! How configuration, hierarchy and custody make a journal.

use std::sync::Arc;

use custody::Custody;
use zeroize::Zeroizing;

use super::{Journal, JournalError, Keys, Settings, SystemClock, Vault, VaultError};
use crate::ceremony::{Hierarchy, Role};
use crate::config::Config;
use crate::store::Db;

/// Data keys of personal detail, wrapped by the hierarchy's `side-records` key.
struct CustodyVault {
    custody: Arc<dyn Custody>,
    label: String,
}

impl Vault for CustodyVault {
    fn wrap(&self, key: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.custody.seal(&self.label, key, context).map_err(|error| VaultError(error.to_string()))
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.custody.open(&self.label, wrapped, context).map_err(|error| VaultError(error.to_string()))
    }
}

/// The vault for personal detail under this custody.
///
/// # Errors
/// When the hierarchy has no key for it.
pub fn vault(hierarchy: &Hierarchy, custody: Arc<dyn Custody>) -> Result<Arc<dyn Vault>, JournalError> {
    let key = hierarchy.data_key("side-records");
    let key = key.ok_or_else(|| JournalError::Key("the hierarchy has no `side-records` key".into()))?;
    Ok(Arc::new(CustodyVault { custody, label: key.label.clone() }))
}

/// The journal's keys under this custody.
///
/// # Errors
/// When a key is missing in hierarchy or custody.
pub fn keys(hierarchy: &Hierarchy, custody: Arc<dyn Custody>) -> Result<Keys, JournalError> {
    let log = hierarchy.with_role(Role::LogCheckpoint);
    let log = log.ok_or_else(|| JournalError::Key("the hierarchy has no log key".into()))?;
    let log = custody.signer(&log.label).map_err(|error| JournalError::Key(error.to_string()))?;
    Ok(Keys { log, vault: vault(hierarchy, custody)? })
}

/// What a node works with, by its configuration. `adopt` is for a node that has released nothing yet.
#[must_use]
pub fn settings(config: &Config, adopt: bool) -> Settings {
    Settings {
        origin: config.log.origin.clone(),
        state: config.appliance.state.clone(),
        clock: Arc::new(SystemClock::new(config.time.source)),
        adopt,
    }
}

/// Opens the journal of this node.
///
/// # Errors
/// [`JournalError`]: rolled back, forked, another log, or a key that does not serve.
pub async fn open(
    config: &Config,
    hierarchy: &Hierarchy,
    db: &Db,
    custody: Arc<dyn Custody>,
) -> Result<Journal, JournalError> {
    Journal::open(db.clone(), settings(config, false), keys(hierarchy, custody)?).await
}
