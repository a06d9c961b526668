//! Reading the register of callers. Which certificates do not stand is read by `status`.

use super::registry::{Registration, Snapshot};
use super::{CallerKind, Role};
use crate::store::{Db, StoreError};

/// The register as it is now.
///
/// # Errors
/// [`StoreError`] when the database does not answer or a row cannot be understood.
pub async fn snapshot(db: &Db) -> Result<Snapshot, StoreError> {
    let registrations = db
        .fetch_all(
            "SELECT c.id, c.kind, c.uri, c.organisation, c.person, c.roles, c.state, o.state AS organisation_state \
             FROM callers c JOIN organisations o ON o.id = c.organisation",
            &[],
        )
        .await?;
    let mut all = Vec::with_capacity(registrations.len());
    for record in &registrations {
        // A kind or role that this version does not know entitles to nothing.
        let Some(kind) = CallerKind::parse(record.text("kind")?) else { continue };
        let roles: Vec<String> = serde_json::from_str(record.text("roles")?).unwrap_or_default();
        all.push(Registration {
            id: record.text("id")?.to_owned(),
            kind,
            uri: record.text("uri")?.to_owned(),
            organisation: record.text("organisation")?.to_owned(),
            person: record.opt_text("person")?.map(ToOwned::to_owned),
            roles: roles.iter().filter_map(|role| Role::parse(role)).collect(),
            active: record.text("state")? == "active" && record.text("organisation_state")? == "active",
        });
    }
    Ok(Snapshot::new(all))
}

/// The generations that caches are kept by.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub async fn generations(db: &Db) -> Result<Vec<(String, i64)>, StoreError> {
    let records = db.fetch_all("SELECT name, value FROM generations ORDER BY name", &[]).await?;
    records.iter().map(|record| Ok((record.text("name")?.to_owned(), record.int("value")?))).collect()
}
