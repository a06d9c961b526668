//! The write statements of the journal: one connection, whole batches per statement.
//!
//! Every sqlx call on SQLite is a hop to the connection's thread (33 to 175 µs), so the statements of a batch go over
//! in one text; PostgreSQL gets one statement per table with arrays, so that its text never changes and stays
//! prepared. Called by the journal's writer task only.

use futures_util::StreamExt as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Either, Executor as _, PgConnection, SqliteConnection,
};

use super::error::StoreError;
use super::record::{self, Record};
use super::value::{Column, Kind, Row, Table, Value};
use super::{Db, lite_arguments, pg_arguments};

/// Rows for one table.
#[derive(Debug)]
pub(crate) struct Insert {
    /// Its name.
    pub table: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// The rows' values.
    pub rows: Vec<Vec<Value>>,
}

/// One write with the number of rows it must touch.
#[derive(Debug)]
pub(crate) enum Operation {
    /// New rows.
    Insert(Insert),
    /// Whole new rows in the place of those one version lower.
    Update(&'static Table, Vec<Row>),
    /// Removal of rows of exactly these versions.
    Delete(&'static Table, Vec<(String, i64)>),
    /// Rows that must exist with exactly these versions; the keys are distinct.
    Guard(&'static Table, Vec<(String, i64)>),
    /// Anything else, touching as many rows as said; `None` for any number.
    Sql(&'static str, Vec<Value>, Option<u64>),
}

impl Operation {
    /// How many rows it must touch; `None` for any number.
    pub(crate) fn expected(&self) -> Option<u64> {
        let count = match self {
            Self::Insert(insert) => insert.rows.len(),
            Self::Update(_, rows) => rows.len(),
            Self::Delete(_, keys) | Self::Guard(_, keys) => keys.len(),
            Self::Sql(_, _, expected) => return *expected,
        };
        u64::try_from(count).ok()
    }
}

/// The one connection that writes.
#[derive(Debug)]
pub(crate) enum Writer {
    /// SQLite.
    Lite(SqliteConnection),
    /// PostgreSQL.
    Pg(PgConnection),
}

impl Writer {
    /// Connects.
    pub(crate) async fn connect(db: &Db) -> Result<Self, StoreError> {
        Ok(match db {
            Db::Lite { write, .. } => Self::Lite(SqliteConnection::connect_with(write).await?),
            Db::Pg { write, .. } => Self::Pg(PgConnection::connect_with(write).await?),
        })
    }

    /// Begins a transaction, takes the lock of the head row and returns it. With PostgreSQL the versions that later
    /// statements check are read after the lock, as READ COMMITTED takes a snapshot per statement (decision 7).
    pub(crate) async fn begin(&mut self) -> Result<Option<Record>, StoreError> {
        let records = match self {
            Self::Lite(_) => self.fetch("BEGIN IMMEDIATE; SELECT * FROM head", &[]).await?,
            Self::Pg(connection) => {
                let rows =
                    sqlx::raw_sql("BEGIN; SELECT * FROM head FOR UPDATE").fetch_all(connection).await?;
                let mut names = record::Names::default();
                rows.iter().map(|row| record::from_pg(row, &mut names)).collect::<Result<_, _>>()?
            }
        };
        Ok(records.into_iter().next())
    }

    /// COMMIT, ROLLBACK, SAVEPOINT and their like.
    pub(crate) async fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Lite(connection) => connection.execute(sqlx::raw_sql(sql)).await.map(drop)?,
            Self::Pg(connection) => connection.execute(sqlx::raw_sql(sql)).await.map(drop)?,
        }
        Ok(())
    }

    /// Reads inside the transaction.
    pub(crate) async fn fetch(
        &mut self,
        sql: &'static str,
        parameters: &[Value],
    ) -> Result<Vec<Record>, StoreError> {
        let mut names = record::Names::default();
        match self {
            Self::Lite(connection) => {
                let query = sqlx::query_with(sql, lite_arguments(parameters)?);
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(|row| record::from_lite(row, &mut names)).collect()
            }
            Self::Pg(connection) => {
                let query = sqlx::query_with(sql, pg_arguments(parameters)?);
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(|row| record::from_pg(row, &mut names)).collect()
            }
        }
    }

    /// Runs operations in order and returns how many rows each touched. Stops at the first that fails.
    pub(crate) async fn run(&mut self, operations: Vec<Operation>) -> Result<Vec<u64>, StoreError> {
        match self {
            Self::Lite(connection) => run_lite(connection, operations).await,
            Self::Pg(connection) => {
                let mut counts = Vec::with_capacity(operations.len());
                for operation in operations {
                    counts.push(run_pg(connection, operation).await?);
                }
                Ok(counts)
            }
        }
    }
}

// --- SQLite: one text with `?` parameters for everything -------------------------------------------------------------

/// SQLite's SQLITE_MAX_VARIABLE_NUMBER, of one statement.
const LITE_VARIABLES: usize = 32_766;
/// Texts with more rows than this come in too many lengths to be worth keeping prepared.
const PREPARED_ROWS: usize = 8;

struct LiteBatch {
    text: String,
    arguments: SqliteArguments,
    // For each statement, the operation it belongs to and whether its rows are counted instead of its changes.
    owners: Vec<(usize, bool)>,
    rows: usize,
}

impl LiteBatch {
    fn add(&mut self, value: Value) -> Result<(), StoreError> {
        match value {
            Value::Null => self.arguments.add(None::<String>),
            Value::Int(int) => self.arguments.add(int),
            Value::Text(text) => self.arguments.add(text),
            Value::Bytes(bytes) => self.arguments.add(bytes),
        }
        .map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))
    }

    /// `VALUES (?, …), …` between `before` and `after`, in as many statements as the variables need.
    fn values(
        &mut self,
        owner: usize,
        before: &str,
        after: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        let width = rows.first().map_or(1, Vec::len).max(1);
        let mut tuple = String::from("(?");
        (1..width).for_each(|_| tuple.push_str(",?"));
        tuple.push(')');
        let most = (LITE_VARIABLES / width).max(1);
        self.rows += rows.len();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            self.text.push_str(before);
            self.text.push_str("VALUES ");
            for (number, row) in rows.by_ref().take(most).enumerate() {
                if number > 0 {
                    self.text.push(',');
                }
                self.text.push_str(&tuple);
                for value in row {
                    self.add(value)?;
                }
            }
            self.text.push_str(after);
            self.text.push(';');
            self.owners.push((owner, before.starts_with("SELECT")));
        }
        Ok(())
    }

    fn push(&mut self, owner: usize, operation: Operation) -> Result<(), StoreError> {
        match operation {
            Operation::Insert(insert) => {
                let names = names(insert.columns);
                self.values(owner, &format!("INSERT INTO {} ({names}) ", insert.table), "", insert.rows)
            }
            Operation::Update(table, rows) => {
                let assignments: Vec<_> = (1..)
                    .zip(table.columns)
                    .skip(1)
                    .map(|(n, c)| format!("{}=v.column{n}", c.name))
                    .collect();
                let before = format!("UPDATE {} AS t SET {} FROM (", table.name, assignments.join(","));
                let after = ") AS v WHERE t.id=v.column1 AND t.version=v.column2-1";
                self.values(owner, &before, after, rows.into_iter().map(|row| row.values).collect())
            }
            Operation::Delete(table, keys) => {
                let before = format!("DELETE FROM {} WHERE (id, version) IN (", table.name);
                self.values(owner, &before, ")", key_rows(keys))
            }
            Operation::Guard(table, keys) => {
                let after = format!(
                    ") AS v CROSS JOIN {} AS t ON t.id=v.column1 AND t.version=v.column2",
                    table.name
                );
                self.values(owner, "SELECT 1 FROM (", &after, key_rows(keys))
            }
            Operation::Sql(sql, parameters, _) => {
                // `$n` counts over the whole text, so it becomes `?` in the order of appearance.
                let mut rest = sql;
                while let Some((before, after)) = rest.split_once('$') {
                    let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                    let (number, after) = after.split_at(digits);
                    let parameter =
                        number.parse::<usize>().ok().and_then(|n| parameters.get(n.checked_sub(1)?));
                    self.text.push_str(before);
                    self.text.push('?');
                    self.add(parameter.cloned().unwrap_or(Value::Null))?;
                    rest = after;
                }
                self.text.push_str(rest);
                self.text.push(';');
                self.owners.push((owner, false));
                Ok(())
            }
        }
    }
}

async fn run_lite(
    connection: &mut SqliteConnection,
    operations: Vec<Operation>,
) -> Result<Vec<u64>, StoreError> {
    let mut counts = vec![0; operations.len()];
    let mut batch = LiteBatch {
        text: String::with_capacity(1024),
        arguments: SqliteArguments::default(),
        owners: Vec::with_capacity(operations.len()),
        rows: 0,
    };
    for (owner, operation) in operations.into_iter().enumerate() {
        batch.push(owner, operation)?;
    }
    let query =
        sqlx::query_with(AssertSqlSafe(batch.text), batch.arguments).persistent(batch.rows <= PREPARED_ROWS);
    let mut owners = batch.owners.into_iter();
    let mut selected: u64 = 0;
    let mut results = connection.fetch_many(query);
    while let Some(result) = results.next().await {
        match result? {
            Either::Right(_) => selected += 1,
            Either::Left(done) => {
                let Some((owner, selects)) = owners.next() else { continue };
                // A SELECT reports the changes of the statement before it.
                let touched = if selects { selected } else { done.rows_affected() };
                selected = 0;
                if let Some(count) = counts.get_mut(owner) {
                    *count += touched;
                }
            }
        }
    }
    Ok(counts)
}

fn key_rows(keys: Vec<(String, i64)>) -> Vec<Vec<Value>> {
    keys.into_iter().map(|(id, version)| vec![Value::Text(id), Value::Int(version)]).collect()
}

// --- PostgreSQL: arrays ----------------------------------------------------------------------------------------------

async fn run_pg(connection: &mut PgConnection, operation: Operation) -> Result<u64, StoreError> {
    let (sql, arguments, selects) = match operation {
        Operation::Insert(insert) => {
            let sql = format!(
                "INSERT INTO {} ({}) SELECT * FROM {}",
                insert.table,
                names(insert.columns),
                unnest(insert.columns)
            );
            (sql, arrays(insert.columns, insert.rows)?, false)
        }
        Operation::Update(table, rows) => {
            let assignments: Vec<_> =
                table.columns.iter().skip(1).map(|c| format!("{0}=v.{0}", c.name)).collect();
            let sql = format!(
                "UPDATE {} AS t SET {} FROM {} AS v({}) WHERE t.id=v.id AND t.version=v.version-1",
                table.name,
                assignments.join(","),
                unnest(table.columns),
                names(table.columns)
            );
            (sql, arrays(table.columns, rows.into_iter().map(|row| row.values).collect())?, false)
        }
        Operation::Delete(table, keys) => {
            let sql = format!(
                "DELETE FROM {} AS t USING {} AS v(id, version) WHERE t.id=v.id AND t.version=v.version",
                table.name,
                unnest(KEY)
            );
            (sql, arrays(KEY, key_rows(keys))?, false)
        }
        Operation::Guard(table, keys) => {
            let sql = format!(
                "SELECT 1 FROM {} AS t JOIN {} AS v(id, version) ON t.id=v.id AND t.version=v.version",
                table.name,
                unnest(KEY)
            );
            (sql, arrays(KEY, key_rows(keys))?, true)
        }
        Operation::Sql(sql, parameters, _) => (sql.to_owned(), pg_arguments(&parameters)?, false),
    };
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
    if selects {
        Ok(u64::try_from(query.fetch_all(connection).await?.len()).unwrap_or(u64::MAX))
    } else {
        Ok(query.execute(connection).await?.rows_affected())
    }
}

const KEY: &[Column] = &[Column::text("id"), Column::int("version")];

fn unnest(columns: &[Column]) -> String {
    let arrays: Vec<_> = (1..)
        .zip(columns)
        .map(|(number, column)| {
            let kind = match column.kind {
                Kind::Int => "bigint",
                Kind::Text => "text",
                Kind::Bytes => "bytea",
            };
            format!("${number}::{kind}[]")
        })
        .collect();
    format!("UNNEST({})", arrays.join(","))
}

/// Rows turned into one array per column.
fn arrays(columns: &[Column], rows: Vec<Vec<Value>>) -> Result<PgArguments, StoreError> {
    let count = rows.len();
    let mut rows: Vec<_> = rows.into_iter().map(Vec::into_iter).collect();
    let mut arguments = PgArguments::default();
    for column in columns {
        let values = rows.iter_mut().map(|row| row.next().unwrap_or(Value::Null));
        match column.kind {
            Kind::Int => {
                let mut array: Vec<Option<i64>> = Vec::with_capacity(count);
                array.extend(values.map(|value| value.as_int()));
                arguments.add(array)
            }
            Kind::Text => {
                let mut array: Vec<Option<String>> = Vec::with_capacity(count);
                array.extend(
                    values.map(|value| if let Value::Text(text) = value { Some(text) } else { None }),
                );
                arguments.add(array)
            }
            Kind::Bytes => {
                let mut array: Vec<Option<Vec<u8>>> = Vec::with_capacity(count);
                array.extend(
                    values.map(|value| if let Value::Bytes(bytes) = value { Some(bytes) } else { None }),
                );
                arguments.add(array)
            }
        }
        .map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",")
}
