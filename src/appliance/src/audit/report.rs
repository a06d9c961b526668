//! What an audit found.

use serde::Serialize;

/// The result of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Nothing was found.
    pub sound: bool,
    /// The log's origin, as its head says.
    pub origin: String,
    /// Entries read.
    pub entries: u64,
    /// Root hash that the entries make, hexadecimal; empty when entries are missing.
    pub root: String,
    /// State rows compared with their entries.
    pub rows: u64,
    /// Full tiles compared.
    pub tiles: u64,
    /// Side records that were there.
    pub details: u64,
    /// Side records opened and compared with their commitments.
    pub details_opened: u64,
    /// Side records erased, as an entry says.
    pub details_erased: u64,
    /// Earlier checkpoints that the log extends.
    pub checkpoints: u64,
    /// What does not fit, in the order found: the first bad row first. At most `MOST_FINDINGS`.
    pub findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub more: u64,
}

/// One row that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its table.
    pub table: String,
    /// Its id: a leaf number for `entries` and `details`, `level/position` for `tiles`.
    pub id: String,
    /// What is wrong.
    pub fault: Fault,
    /// The same in words.
    pub explanation: String,
}

/// Ways in which a row does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It should be there.
    Missing,
    /// No entry made it.
    Added,
    /// It is not what its entry says.
    Altered,
    /// It is signed by nobody known.
    Unsigned,
    /// It should have been erased.
    NotErased,
    /// The log does not extend an earlier checkpoint.
    Forked,
}

/// How far an audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being walked over: `entries`, or a table's name.
    pub stage: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is; 0 when unknown.
    pub total: u64,
}

impl AuditReport {
    pub(super) fn add(
        &mut self,
        table: &str,
        id: impl ToString,
        fault: Fault,
        explanation: impl Into<String>,
    ) {
        if self.findings.len() >= MOST_FINDINGS {
            self.more += 1;
            return;
        }
        self.findings.push(Finding {
            table: table.to_owned(),
            id: id.to_string(),
            fault,
            explanation: explanation.into(),
        });
    }

    pub(super) fn finish(&mut self) {
        self.sound = self.findings.is_empty();
    }
}

/// Findings that are listed; a log in ruins needs no longer list.
pub const MOST_FINDINGS: usize = 100;
