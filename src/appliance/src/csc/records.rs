//! Rows of the table `csc_authorizations`: signature activation data that was given out, by its hash.

pub use crate::store::tables::CSC_AUTHORIZATIONS;
use crate::store::{Db, Row, StoreError};

/// What activation data is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Registration of the caller.
    pub caller: String,
    /// Fingerprint of the certificate shown, hexadecimal.
    pub certificate: String,
    /// The seal.
    pub seal: String,
    /// Digest over the hashes in their order, hexadecimal.
    pub hashes: String,
    /// How many they are.
    pub count: i64,
}

/// The row of new activation data; times in microseconds.
#[must_use]
pub fn new(id: &str, binding: &Binding, created: i64, expires: i64) -> Row {
    let values = vec![
        id.into(),
        1.into(),
        binding.caller.as_str().into(),
        binding.certificate.as_str().into(),
        binding.seal.as_str().into(),
        binding.hashes.as_str().into(),
        binding.count.into(),
        created.into(),
        expires.into(),
        OPEN.into(),
    ];
    Row::new(&CSC_AUTHORIZATIONS, values)
}

/// Activation data that is still open at `now` (microseconds) and bound to just this.
///
/// # Errors
/// [`StoreError`].
pub async fn open(db: &Db, id: &str, binding: &Binding, now: i64) -> Result<Option<Row>, StoreError> {
    let Some(row) = db.row(&CSC_AUTHORIZATIONS, id).await? else { return Ok(None) };
    let text = |column: &str| row.value(column).as_text().unwrap_or_default().to_owned();
    let int = |column: &str| row.value(column).as_int().unwrap_or_default();
    let bound = Binding {
        caller: text("caller"),
        certificate: text("certificate"),
        seal: text("seal"),
        hashes: text("hashes"),
        count: int("count"),
    };
    let good = bound == *binding && text("state") == OPEN && now < int("expires");
    Ok(good.then_some(row))
}

/// The row of activation data that is used up.
#[must_use]
pub fn used(row: Row) -> Row {
    row.next_version().with("state", "used")
}

const OPEN: &str = "open";
