//! Has the record been altered? The truth re-derived from the rows alone.
//!
//! [`verify`] walks over one snapshot of the database: every entry (canonical, in its place, hashed into the tree), the
//! stored tiles, the head and its signature, the side records, and every row of every registered table against the
//! newest entry that refers to it (decision 3). What does not fit is named by table and id, the first one first.
//! An earlier checkpoint shows a log that was cut or replaced as a whole, which no look at the rows alone can show.
//!
//! Not responsible for deciding who may ask, nor for repair. Called by `cinnabar audit verify` and by tests.

mod entries;
pub mod http;
mod report;
mod rows;

use tlog::{SignedCheckpoint, VerifierKey};

pub use report::{AuditReport, Fault, Finding, Progress};

use crate::journal::Vault;
use crate::store::{Db, StoreError};

/// What the audit is given besides the rows.
pub struct Options<'a> {
    /// Keys of the log; those that signed its checkpoints.
    pub keys: &'a [VerifierKey],
    /// Earlier checkpoints that the log must extend: what a node released, what a receipt or a witness holds.
    pub checkpoints: &'a [SignedCheckpoint],
    /// Opens side records, so that their detail is checked against the commitments too.
    pub vault: Option<&'a dyn Vault>,
    /// Told how far it is, now and then.
    pub progress: &'a mut (dyn FnMut(Progress) + Send),
}

/// Audits the whole database.
///
/// # Errors
/// When the database fails. What is wrong *in* it is in the report.
pub async fn verify(db: &Db, options: Options<'_>) -> Result<AuditReport, StoreError> {
    let Options { keys, checkpoints, vault, progress } = options;
    let mut snapshot = db.snapshot().await?;
    let mut report = AuditReport::default();
    let head = entries::head(&mut snapshot, keys, &mut report).await?;
    let mut total = 0;
    for table in rows::audited() {
        total += snapshot.count(table.name).await?;
    }
    // The newest reference to each row is kept in memory; a large record is walked over several times instead.
    let passes = total / rows::MOST_ROWS + 1;
    for pass in 0..passes {
        let mut references = rows::References::new(pass, passes);
        let tree = (pass == 0).then_some((&head, checkpoints, vault));
        entries::walk(&mut snapshot, tree, &mut references, &mut report, progress).await?;
        rows::compare(&mut snapshot, references, &mut report, progress).await?;
    }
    report.finish();
    Ok(report)
}
