//! Why a unit was not recorded, and why a journal does not open.

use std::path::PathBuf;
use std::sync::Arc;

use crate::store::StoreError;

/// Why a unit was not recorded. In every case but [`OutcomeUnknown`](Self::OutcomeUnknown) nothing of it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A row is not at the version the unit was made for.
    #[error("`{table}` `{id}` has changed meanwhile")]
    Conflict {
        /// Its table.
        table: &'static str,
        /// Its id.
        id: String,
    },
    /// The id, or another value that must be unique, is taken.
    #[error("`{table}` `{id}` exists already")]
    Exists {
        /// The table.
        table: &'static str,
        /// Id of the new row.
        id: String,
    },
    /// A row that it refers to does not exist, or one that others refer to was to be removed.
    #[error("`{table}` `{id}` has a broken reference")]
    Reference {
        /// The table.
        table: &'static str,
        /// Id of the row.
        id: String,
    },
    /// A row with a value outside of its range.
    #[error("`{table}` `{id}` cannot be written: {fault}")]
    Row {
        /// The table.
        table: &'static str,
        /// Id of the row.
        id: String,
        /// What is wrong.
        fault: String,
    },
    /// An entry above the limit of a leaf (tlog-tiles: 65,535 octets).
    #[error("the log entry would take {length} octets, more than 65,535")]
    TooLarge {
        /// Its length.
        length: usize,
    },
    /// Facts or detail that have no canonical form (a number outside of the safe integers, nesting too deep).
    #[error("the log entry has no canonical form: {0}")]
    Canonical(String),
    /// The clock jumped, or its source says that it is not synchronised (decision 9).
    #[error("the clock is not trusted: {0}")]
    ClockUntrusted(String),
    /// Personal detail could not be sealed, or the checkpoint could not be signed.
    #[error("a key did not serve: {0}")]
    Key(String),
    /// The store failed, or the journal refuses until its state is mended. Nothing was recorded.
    #[error("the log cannot be written: {0}")]
    Unavailable(Arc<str>),
    /// The connection broke during COMMIT, or the released checkpoint could not be written after it: the act may be
    /// recorded. Ask again with the same `Idempotency-Key`.
    #[error("whether the act was recorded is not known: {0}")]
    OutcomeUnknown(Arc<str>),
}

/// Why a journal does not open, or an answer about the log could not be given.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process works on the same state folder.
    #[error("`{0}` is in use by another process: stop it first")]
    Busy(PathBuf),
    /// A file of the state folder cannot be used.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database's log is another one.
    #[error("the database holds the log `{found}`, the configuration names `{expected}`")]
    Origin {
        /// Origin of the database's log.
        found: String,
        /// Origin of the configuration.
        expected: String,
    },
    /// The database is behind the last checkpoint this node released (decision 8).
    #[error(
        "the database's log has {size} entries, but this node has released a checkpoint of {released}: the database \
         was rolled back or restored from an older backup. Restore a newer one; if the entries are lost for good, \
         the officers' ceremony starts a new log"
    )]
    RolledBack {
        /// Entries in the database.
        size: u64,
        /// Entries of the released checkpoint.
        released: u64,
    },
    /// The database's log contradicts the last checkpoint this node released (decision 8).
    #[error(
        "the database's log is not the one of the checkpoint of {released} entries that this node released: it was \
         altered or replaced. Run `cinnabar audit verify` and restore the genuine database"
    )]
    Forked {
        /// Entries of the released checkpoint.
        released: u64,
    },
    /// The file with the last released checkpoint does not read.
    #[error(
        "`{path}` does not hold a released checkpoint: {fault}. Restore it from a backup of the node's state"
    )]
    Released {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// The head row, a tile or an entry does not fit the others.
    #[error("the log in the database is damaged: {0}. Run `cinnabar audit verify`")]
    Damaged(String),
    /// The log key does not sign, or is not the key of the log.
    #[error("the log key does not serve: {0}")]
    Key(String),
    /// No such leaf, tile or tree size.
    #[error("the log has no {0}")]
    NotFound(String),
}
