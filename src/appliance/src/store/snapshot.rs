//! Many reads of one state: what the audit walks over while others write.

use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr, Sqlite, Transaction};

use super::error::StoreError;
use super::record::{self, Record};
use super::value::{Row, Table, Value};
use super::{Db, lite_arguments, pg_arguments};

/// One state of the whole database, as long as it lives. Keeps SQLite from shortening its WAL meanwhile.
#[derive(Debug)]
pub struct Snapshot(Kind);

#[derive(Debug)]
enum Kind {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Db {
    /// The state as of now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot(match self {
            // SQLite's snapshot begins with the first read; the caller's first read is early enough.
            Self::Lite { read, .. } => Kind::Lite(read.begin().await?),
            Self::Pg { read, .. } => {
                Kind::Pg(read.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        }))
    }
}

impl Snapshot {
    /// As [`Db::fetch_all`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fetch_all(
        &mut self,
        sql: &'static str,
        parameters: &[Value],
    ) -> Result<Vec<Record>, StoreError> {
        self.fetch(sql, parameters).await
    }

    /// As [`Db::fetch_optional`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fetch_optional(
        &mut self,
        sql: &'static str,
        parameters: &[Value],
    ) -> Result<Option<Record>, StoreError> {
        Ok(self.fetch(sql, parameters).await?.into_iter().next())
    }

    /// As [`Db::rows_after`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rows_after(
        &mut self,
        table: &'static Table,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let columns = table.column_list();
        let sql = format!("SELECT {columns} FROM {} WHERE id > $1 ORDER BY id LIMIT $2", table.name);
        let records = self.fetch(AssertSqlSafe(sql), &[Value::from(after), Value::Int(limit.into())]).await?;
        records.iter().map(|record| record.to_row(table)).collect()
    }

    /// Number of rows of a table.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count(&mut self, table: &'static str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) AS n FROM {table}");
        let records = self.fetch(AssertSqlSafe(sql), &[]).await?;
        let count = records.first().map(|record| record.int("n")).transpose()?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    async fn fetch(&mut self, sql: impl SqlSafeStr, parameters: &[Value]) -> Result<Vec<Record>, StoreError> {
        let mut names = record::Names::default();
        match &mut self.0 {
            Kind::Lite(transaction) => {
                let query = sqlx::query_with(sql, lite_arguments(parameters)?);
                let rows = query.fetch_all(&mut **transaction).await?;
                rows.iter().map(|row| record::from_lite(row, &mut names)).collect()
            }
            Kind::Pg(transaction) => {
                let query = sqlx::query_with(sql, pg_arguments(parameters)?);
                let rows = query.fetch_all(&mut **transaction).await?;
                rows.iter().map(|row| record::from_pg(row, &mut names)).collect()
            }
        }
    }
}
