//! By whom, when and with which seal a document of a licence was sealed, as GB/T 36903 names it: 证照签章人, 签章时间, 签章名称.

use jiff::Timestamp;

use super::Version;
use super::records::{int, text};
use crate::store::{Db, StoreError};

/// One sealing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// 证照签章人: the organisation whose seal it is.
    pub by: String,
    /// 签章时间, RFC 3339.
    pub time: String,
    /// 签章名称: the name on the seal as it was then.
    pub seal: String,
}

impl Sealing {
    /// As metadata has it: by whom, when, with which seal.
    #[must_use]
    pub fn facts(&self) -> (&str, &str, &str) {
        (&self.by, &self.time, &self.seal)
    }
}

/// How a version was sealed; `None` of one that was taken over, whose seal is not of this register.
///
/// # Errors
/// [`StoreError`].
pub async fn of_version(db: &Db, version: &Version) -> Result<Option<Sealing>, StoreError> {
    match (text(&version.row, "seal"), int(&version.row, "issued")) {
        ("", _) | (_, None) => Ok(None),
        (seal, Some(issued)) => of_seal(db, seal, issued).await,
    }
}

/// A sealing with a seal of the register at a moment (microseconds).
///
/// # Errors
/// [`StoreError`].
pub async fn of_seal(db: &Db, seal: &str, at: i64) -> Result<Option<Sealing>, StoreError> {
    let Some(record) = db.fetch_optional(SQL, &[seal.into(), at.into()]).await? else { return Ok(None) };
    let time = Timestamp::from_second(at.div_euclid(1_000_000)).unwrap_or_default().to_string();
    Ok(Some(Sealing {
        by: record.text("organisation")?.to_owned(),
        time,
        seal: record.text("seal")?.to_owned(),
    }))
}

// A seal may have been changed since: its name is that of the version in force at that time; the oldest seals have no versions.
const SQL: &str = "SELECT o.name AS organisation, COALESCE((SELECT v.name FROM seal_versions v WHERE v.seal = s.id \
                   AND v.made_at <= $2 ORDER BY v.number DESC LIMIT 1), s.name) AS seal \
                   FROM seals s JOIN organisations o ON o.id = s.organisation WHERE s.id = $1";
