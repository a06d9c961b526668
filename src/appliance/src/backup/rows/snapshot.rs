//! Rows out of a database: one read transaction.

use std::io::Write;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Executor as _};

use super::lines::{lite_values, pg_values, write_line};
use super::{ColumnKind, Connection, RowsError, TableShape, catalogue, connect, quoted};
use crate::backup::archive::LogState;
use crate::store::DatabaseUrl;

/// A read transaction: everything in it is of one moment, whatever the service does meanwhile.
pub struct Snapshot(Connection);

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Snapshot").field(&self.engine()).finish()
    }
}

impl Snapshot {
    /// Begins the transaction. SQLite: a reader of the WAL; PostgreSQL: REPEATABLE READ, which is one snapshot
    /// for all statements.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, RowsError> {
        let mut connection = connect(url, true).await?;
        match &mut connection {
            // The first read takes the snapshot, not BEGIN: hence the second statement.
            Connection::Lite(c) => c.execute("BEGIN; SELECT count(*) FROM sqlite_schema").await.map(drop)?,
            Connection::Pg(c) => c
                .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT count(*) FROM pg_class")
                .await
                .map(drop)?,
        }
        Ok(Self(connection))
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub const fn engine(&self) -> &'static str {
        match self.0 {
            Connection::Lite(_) => "sqlite",
            Connection::Pg(_) => "postgres",
        }
    }

    /// Number of the newest migration.
    ///
    /// # Errors
    /// When the database fails or was never migrated.
    pub async fn schema(&mut self) -> Result<i64, RowsError> {
        let sql = "SELECT max(version) FROM schema_migrations";
        Ok(match &mut self.0 {
            Connection::Lite(c) => sqlx::query_scalar(sql).fetch_one(c).await?,
            Connection::Pg(c) => sqlx::query_scalar(sql).fetch_one(c).await?,
        })
    }

    /// Origin and size of the log.
    ///
    /// # Errors
    /// When the database fails or holds no log.
    pub async fn log(&mut self) -> Result<LogState, RowsError> {
        let sql = "SELECT origin, size FROM head WHERE id = 1";
        let found: Option<(String, i64)> = match &mut self.0 {
            Connection::Lite(c) => sqlx::query_as(sql).fetch_optional(c).await?,
            Connection::Pg(c) => sqlx::query_as(sql).fetch_optional(c).await?,
        };
        found.map(|(origin, size)| LogState { origin, size }).ok_or(RowsError::NoLog)
    }

    /// Every table with its columns, referenced ones first, and how many rows it has.
    ///
    /// # Errors
    /// When the database fails, or a column's type is none of ours.
    pub async fn tables(&mut self) -> Result<Vec<TableShape>, RowsError> {
        let mut tables = catalogue::tables(&mut self.0).await?;
        for table in &mut tables {
            let sql = AssertSqlSafe(format!("SELECT count(*) FROM {}", quoted(&table.name)));
            let rows: i64 = match &mut self.0 {
                Connection::Lite(c) => sqlx::query_scalar(sql).fetch_one(c).await?,
                Connection::Pg(c) => sqlx::query_scalar(sql).fetch_one(c).await?,
            };
            table.rows = rows.unsigned_abs();
        }
        Ok(tables)
    }

    /// Writes every row of a table as a line.
    ///
    /// # Errors
    /// When the database fails or the lines cannot be written.
    pub async fn dump(
        &mut self,
        table: &TableShape,
        out: &mut impl Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), RowsError> {
        let columns: Vec<String> = table.columns.iter().map(|c| quoted(&c.name)).collect();
        let cast = |name: &String, kind: ColumnKind| match kind {
            ColumnKind::Int => format!("{name}::bigint"),
            ColumnKind::Text => format!("{name}::text"),
            ColumnKind::Bytes => name.clone(),
        };
        let failed = |source| RowsError::Lines { table: table.name.clone(), source };
        match &mut self.0 {
            Connection::Lite(c) => {
                let sql = format!("SELECT {} FROM {} ORDER BY 1", columns.join(", "), quoted(&table.name));
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(c);
                while let Some(row) = rows.try_next().await? {
                    write_line(out, &lite_values(&row, table)?).map_err(failed)?;
                    progress(1);
                }
            }
            Connection::Pg(c) => {
                let columns: Vec<String> =
                    columns.iter().zip(&table.columns).map(|(name, c)| cast(name, c.kind)).collect();
                let sql = format!("SELECT {} FROM {} ORDER BY 1", columns.join(", "), quoted(&table.name));
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(c);
                while let Some(row) = rows.try_next().await? {
                    write_line(out, &pg_values(&row, table)?).map_err(failed)?;
                    progress(1);
                }
            }
        }
        Ok(())
    }

    /// Ends the transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close(self) -> Result<(), RowsError> {
        self.0.close().await
    }
}
