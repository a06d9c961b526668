//! Why a list or an entry is refused.

/// What does not hold together, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustListError {
    /// A member is missing, of another type, too long, or unknown.
    #[error("{at}: {reason}")]
    Member {
        /// Where, for example `regions[2].roots[0]`.
        at: String,
        /// What is wrong and how it should be.
        reason: String,
    },
    /// A region stands in the list twice.
    #[error("the region `{0}` stands in the list twice; name it once")]
    Twice(String),
    /// Two regions claim the same.
    #[error(
        "the regions `{one}` and `{other}` both claim the {what} `{value}`; a list gives it to one of them"
    )]
    Shared {
        /// A region.
        one: String,
        /// The other.
        other: String,
        /// `division`, `certificate` or `status list`.
        what: &'static str,
        /// Which; of a certificate the SHA-256.
        value: String,
    },
    /// A number that is not above the one in force.
    #[error(
        "the list has number {found}, and number {known} was in force already; only a higher number may follow"
    )]
    Rollback {
        /// The list's.
        found: u64,
        /// The highest known.
        known: u64,
    },
    /// Its time for the next one is over.
    #[error(
        "the list said to be replaced until {0} (Unix seconds) and is not taken afterwards; ask its publisher for the next"
    )]
    Outdated(i64),
}
