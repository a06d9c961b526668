//! Backups: everything an appliance needs, in one file, and back onto an empty machine.
//!
//! Responsible for the file's format ([`archive`]), the rows ([`rows`]), taking a backup while the service
//! runs ([`take`]) and restoring one (`restore`). A backup holds the configuration, the key hierarchy,
//! policies, certificates, the *sealed* keystore, the TLS server's key, the log's public key, the node's last
//! released checkpoint and every row. It does not hold what opens the keystore (shares, passphrase, credential),
//! nor the credential folders of callers: whoever steals a backup gets the TLS server's key and public records,
//! but no signing key and no personal detail. Called by the command line only.

pub mod archive;
mod restore;
pub mod rows;
mod take;

pub use restore::{Layout, RestoreError, Restored, Restoring, prepare};
pub use take::{TakeError, Taken, take};

/// How far long work has come.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A part begins, of so many steps.
    Begin(&'a str, u64),
    /// So many steps more.
    Step(u64),
}

/// Whoever shows progress.
pub type Reporter<'a> = &'a mut dyn FnMut(Progress<'_>);
