//! Rows into an empty database: one transaction.

use std::collections::BTreeSet;
use std::io::{BufRead, Read as _};

use sqlx::{AssertSqlSafe, Executor as _};

use super::lines::{Cell, parse_line};
use super::{Connection, RowsError, TableShape, catalogue, connect, quoted};
use crate::store::DatabaseUrl;

/// Longest line: a replayed answer's tail in base64 fits many times over.
const MAX_LINE: u64 = 256 * 1024 * 1024;
/// Rows of one INSERT: bounds the parameters (SQLite's limit is 32,766).
const ROWS_AT_ONCE: usize = 200;
/// Octets of one INSERT.
const OCTETS_AT_ONCE: usize = 4 * 1024 * 1024;
/// An empty database that takes the rows of a backup, all in one transaction.
pub struct Target {
    connection: Connection,
    tables: Vec<TableShape>,
    schema: i64,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Target {
    /// Begins. The schema was made by the migrations up to `schema`; the rows those brought along give way.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(url: &DatabaseUrl, schema: i64) -> Result<Self, RowsError> {
        let mut connection = connect(url, false).await?;
        match &mut connection {
            Connection::Lite(c) => c.execute("BEGIN IMMEDIATE").await.map(drop)?,
            Connection::Pg(c) => c.execute("BEGIN").await.map(drop)?,
        }
        let tables = catalogue::tables(&mut connection).await?;
        for table in tables.iter().rev() {
            let sql = AssertSqlSafe(format!("DELETE FROM {}", quoted(&table.name)));
            match &mut connection {
                Connection::Lite(c) => c.execute(sql).await.map(drop)?,
                Connection::Pg(c) => c.execute(sql).await.map(drop)?,
            }
        }
        Ok(Self { connection, tables, schema })
    }

    /// Checks that the backup's tables are exactly the schema's, and puts them in an order in which referenced
    /// rows come first.
    ///
    /// # Errors
    /// [`RowsError::Shape`], naming the first table that differs.
    pub fn order(&self, backup: &[TableShape]) -> Result<Vec<TableShape>, RowsError> {
        let misfit = |table: &str| RowsError::Shape { table: table.to_owned(), schema: self.schema };
        let columns = |table: &TableShape| table.columns.iter().cloned().collect::<BTreeSet<_>>();
        if let Some(extra) = backup.iter().find(|b| !self.tables.iter().any(|t| t.name == b.name)) {
            return Err(misfit(&extra.name));
        }
        let mut ordered = Vec::with_capacity(self.tables.len());
        for table in &self.tables {
            let mut same = backup.iter().filter(|b| b.name == table.name);
            match (same.next(), same.next()) {
                (Some(one), None)
                    if columns(one) == columns(table) && one.columns.len() == table.columns.len() =>
                {
                    ordered.push(one.clone());
                }
                _ => return Err(misfit(&table.name)),
            }
        }
        Ok(ordered)
    }

    /// Inserts the rows of one table.
    ///
    /// # Errors
    /// When a line is no row of the table, there are more or fewer than said, or the database refuses one.
    pub async fn load(
        &mut self,
        table: &TableShape,
        mut lines: impl BufRead,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), RowsError> {
        let mut count: u64 = 0;
        let mut octets = 0;
        let mut waiting: Vec<Vec<Cell>> = Vec::with_capacity(ROWS_AT_ONCE);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            let read = read.map_err(|source| RowsError::Lines { table: table.name.clone(), source })?;
            if read == 0 || waiting.len() == ROWS_AT_ONCE || octets > OCTETS_AT_ONCE {
                self.insert(table, &waiting).await?;
                progress(waiting.len() as u64);
                waiting.clear();
                octets = 0;
            }
            if read == 0 {
                break;
            }
            count += 1;
            let wrong = |reason: String| RowsError::Line { table: table.name.clone(), line: count, reason };
            waiting.push(parse_line(&line, table).map_err(wrong)?);
            octets += line.len();
        }
        if count == table.rows {
            return Ok(());
        }
        let reason = format!("the manifest says {} rows, there are {count}", table.rows);
        Err(RowsError::Line { table: table.name.clone(), line: count, reason })
    }

    async fn insert(&mut self, table: &TableShape, rows: &[Vec<Cell>]) -> Result<(), RowsError> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns: Vec<String> = table.columns.iter().map(|c| quoted(&c.name)).collect();
        let width = columns.len();
        let values: Vec<String> = (0..rows.len())
            .map(|row| {
                let parameters: Vec<String> = (1..=width).map(|c| format!("${}", row * width + c)).collect();
                format!("({})", parameters.join(", "))
            })
            .collect();
        let sql = AssertSqlSafe(format!(
            "INSERT INTO {} ({}) VALUES {}",
            quoted(&table.name),
            columns.join(", "),
            values.join(", ")
        ));
        let cells = rows.iter().flatten();
        match &mut self.connection {
            Connection::Lite(c) => {
                cells.fold(sqlx::query(sql), Cell::bind_lite).execute(c).await?;
            }
            Connection::Pg(c) => {
                cells.fold(sqlx::query(sql), Cell::bind_pg).execute(c).await?;
            }
        }
        Ok(())
    }

    /// Makes the rows durable.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn commit(mut self) -> Result<(), RowsError> {
        match &mut self.connection {
            Connection::Lite(c) => c.execute("COMMIT").await.map(drop)?,
            Connection::Pg(c) => c.execute("COMMIT").await.map(drop)?,
        }
        self.connection.close().await
    }
}
