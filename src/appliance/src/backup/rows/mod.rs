//! All rows of a database as lines of JSON, and back: out of one consistent snapshot, into an empty database.
//!
//! Works from the database's own catalogue, so that a table added by a later migration cannot be forgotten. A
//! line is the array of a row's values in the order of [`TableShape::columns`]; octets are base64. The rows of
//! either database fit the other. Called by [`super::take`] and `super::restore`; nothing else writes to the
//! database beside the journal, and the restore writes only into one that it found empty.

mod catalogue;
mod lines;
mod load;
mod snapshot;

use std::collections::BTreeSet;
use std::io;
use std::str::FromStr as _;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

pub use load::Target;
pub use snapshot::Snapshot;

use crate::store::DatabaseUrl;

/// A table as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableShape {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<ColumnShape>,
    /// Rows in the backup.
    pub rows: u64,
    /// Tables its rows refer to; only known of a database, not of a backup.
    #[serde(skip)]
    pub references: BTreeSet<String>,
}

/// A column as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// A 64-bit integer.
    Int,
    /// Text.
    Text,
    /// Octets.
    Bytes,
}

/// Why rows could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The lines could not be read or written.
    #[error("cannot move the rows of `{table}`: {source}")]
    Lines {
        /// The table.
        table: String,
        /// What the system said.
        source: io::Error,
    },
    /// A column of a type that no row of ours has.
    #[error("column `{column}` of `{table}` has type `{kind}`, which a backup cannot hold")]
    Type {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        kind: String,
    },
    /// The database holds no log.
    #[error("the database holds no log; was it set up by `cinnabar init`?")]
    NoLog,
    /// A line that is no row of its table.
    #[error("line {line} of table `{table}` is no row of it: {reason}")]
    Line {
        /// The table.
        table: String,
        /// From 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Backup and schema name different tables or columns.
    #[error("table `{table}` of the backup does not fit schema {schema}")]
    Shape {
        /// The table.
        table: String,
        /// The schema's number.
        schema: i64,
    },
    /// Tables whose references go in a circle.
    #[error("the tables refer to each other in a circle: {0}")]
    Circle(String),
}

enum Connection {
    Lite(SqliteConnection),
    Pg(PgConnection),
}

impl Connection {
    async fn close(self) -> Result<(), RowsError> {
        match self {
            Self::Lite(c) => c.close().await?,
            Self::Pg(c) => c.close().await?,
        }
        Ok(())
    }
}

/// Whether a database holds no table at all.
///
/// # Errors
/// When it cannot be reached.
pub async fn is_empty(url: &DatabaseUrl) -> Result<bool, RowsError> {
    if let DatabaseUrl::Lite(path) = url {
        return Ok(!path.exists());
    }
    let mut connection = connect(url, true).await?;
    let names = catalogue::table_names(&mut connection).await?;
    connection.close().await?;
    Ok(names.is_empty())
}

async fn connect(url: &DatabaseUrl, reading: bool) -> Result<Connection, RowsError> {
    Ok(match url {
        DatabaseUrl::Lite(path) => {
            let options = SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(false)
                .foreign_keys(true)
                .busy_timeout(std::time::Duration::from_secs(10))
                .pragma("query_only", if reading { "ON" } else { "OFF" });
            Connection::Lite(SqliteConnection::connect_with(&options).await?)
        }
        DatabaseUrl::Postgres(url) => {
            let options = PgConnectOptions::from_str(url)?.application_name("cinnabar-backup");
            Connection::Pg(PgConnection::connect_with(&options).await?)
        }
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
