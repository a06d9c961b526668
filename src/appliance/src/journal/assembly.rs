//! How configuration, hierarchy and custody make a journal.

use std::sync::Arc;

use custody::Custody;

use super::{CustodyVault, Journal, JournalError, Keys, Settings, SystemClock, Vault};
use crate::ceremony::{Hierarchy, Role};
use crate::config::Config;
use crate::store::Db;

/// The vault for personal detail under this custody.
///
/// # Errors
/// When the hierarchy has no key for it.
pub fn vault(hierarchy: &Hierarchy, custody: Arc<dyn Custody>) -> Result<Arc<dyn Vault>, JournalError> {
    let key = hierarchy.data_key("side-records");
    let key = key.ok_or_else(|| JournalError::Key("the hierarchy has no `side-records` key".into()))?;
    Ok(Arc::new(CustodyVault::new(custody, key.label.clone())))
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
