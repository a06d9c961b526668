//! Embedded migrations, and which schema a database has.
//!
//! A database is served only with exactly the schema this program knows: an older one waits for `cinnabar upgrade`,
//! a newer one for the newer program. The numbers and texts of released migrations never change.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use super::error::StoreError;

const LITE: &[(i64, &str, &str)] = &[
    (1, "first", include_str!("../../migrations/sqlite/0001_first.sql")),
    (2, "batches", include_str!("../../migrations/sqlite/0002_batches.sql")),
    (3, "proposals", include_str!("../../migrations/sqlite/0003_proposals.sql")),
    (4, "certificates", include_str!("../../migrations/sqlite/0004_certificates.sql")),
    (5, "seal-uses", include_str!("../../migrations/sqlite/0005_seal_uses.sql")),
    (6, "seals", include_str!("../../migrations/sqlite/0006_seals.sql")),
    (7, "use", include_str!("../../migrations/sqlite/0007_use.sql")),
    (8, "csc", include_str!("../../migrations/sqlite/0008_csc.sql")),
    (9, "licences", include_str!("../../migrations/sqlite/0009_licences.sql")),
    (10, "licence-use", include_str!("../../migrations/sqlite/0010_licence_use.sql")),
    (11, "recognition", include_str!("../../migrations/sqlite/0011_recognition.sql")),
];

const POSTGRES: &[(i64, &str, &str)] = &[
    (1, "first", include_str!("../../migrations/postgres/0001_first.sql")),
    (2, "batches", include_str!("../../migrations/postgres/0002_batches.sql")),
    (3, "proposals", include_str!("../../migrations/postgres/0003_proposals.sql")),
    (4, "certificates", include_str!("../../migrations/postgres/0004_certificates.sql")),
    (5, "seal-uses", include_str!("../../migrations/postgres/0005_seal_uses.sql")),
    (6, "seals", include_str!("../../migrations/postgres/0006_seals.sql")),
    (7, "use", include_str!("../../migrations/postgres/0007_use.sql")),
    (8, "csc", include_str!("../../migrations/postgres/0008_csc.sql")),
    (9, "licences", include_str!("../../migrations/postgres/0009_licences.sql")),
    (10, "licence-use", include_str!("../../migrations/postgres/0010_licence_use.sql")),
    (11, "recognition", include_str!("../../migrations/postgres/0011_recognition.sql")),
];

/// The schema this program works with.
pub const SCHEMA: i64 = 11;

const TABLE: &str = "schema_migrations";

pub(super) fn lite() -> Migrator {
    migrator(LITE)
}

pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

/// The newest migration applied with none missing before it, 0 when there is none; one that this program does not know
/// counts as it is.
pub(super) async fn version<C: Migrate>(connection: &mut C) -> Result<i64, StoreError> {
    let failed = |source| StoreError::Migration { target: SCHEMA, source };
    if let Some(dirty) = connection.dirty_version(TABLE).await.map_err(failed)? {
        return Err(failed(MigrateError::Dirty(dirty)));
    }
    let applied = connection.list_applied_migrations(TABLE).await.map_err(failed)?;
    let mut newest = 0;
    for migration in applied {
        if migration.version == newest + 1 || migration.version > SCHEMA {
            newest = migration.version;
        }
    }
    Ok(newest)
}

pub(super) async fn run<C: Migrate>(
    migrator: &Migrator,
    target: i64,
    connection: &mut C,
) -> Result<(), StoreError> {
    migrator
        .run_direct(Some(target), connection, false)
        .await
        .map_err(|source| StoreError::Migration { target, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_versions_up_to_the_schema() {
        let versions =
            |list: &[(i64, &str, &str)]| list.iter().map(|m| (m.0, m.1.to_owned())).collect::<Vec<_>>();
        assert_eq!(versions(LITE), versions(POSTGRES));
        assert_eq!(LITE.iter().map(|m| m.0).collect::<Vec<_>>(), (1..=SCHEMA).collect::<Vec<_>>());
    }
}
