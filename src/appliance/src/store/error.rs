//! Why the store did not answer.

use std::path::PathBuf;

/// What went wrong in the store, or why it refuses to open.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, read or written.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// A row broke a rule of the schema.
    #[error("the database refused a row ({rule:?}): {source}")]
    Rule {
        /// Which kind of rule.
        rule: Rule,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The URL is none of ours.
    #[error("the database URL is not `sqlite:FILE` or `postgres://…`: {0}")]
    Url(String),
    /// The file's folder or the file itself cannot be used.
    #[error("cannot use `{path}` for the database: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Written by a newer version of this program.
    #[error("the database has schema {found}, this program knows up to {known}: run the newer program")]
    SchemaNewer {
        /// The database's.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// Not upgraded yet.
    #[error(
        "the database has schema {found}, this program needs {known}: make a backup, then run `cinnabar upgrade`"
    )]
    SchemaOlder {
        /// The database's; 0 for an empty one.
        found: i64,
        /// What this program needs.
        known: i64,
    },
    /// A migration failed.
    #[error("the schema could not be brought to version {target}: {source}")]
    Migration {
        /// The version wanted.
        target: i64,
        /// What happened.
        source: sqlx::migrate::MigrateError,
    },
    /// A PostgreSQL that is too old or could lose what it has acknowledged.
    #[error("this PostgreSQL server cannot be trusted with the log: {0}")]
    Server(String),
    /// A table of state was to be written outside of the journal.
    #[error("`{table}` is no cache: the journal alone writes it")]
    NotCache {
        /// The table.
        table: &'static str,
    },
    /// A record without that column, or with another kind of value in it.
    #[error("column `{column}` is {found}, expected {expected}")]
    Column {
        /// The column asked for.
        column: String,
        /// What was asked for.
        expected: &'static str,
        /// What was found.
        found: &'static str,
    },
}

/// Rules that a schema states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A key that exists already.
    Unique,
    /// A reference to a row that does not exist, or the removal of one that is referred to.
    Reference,
    /// A value outside of its range, or a missing one.
    Value,
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        let rule = source.as_database_error().and_then(|error| {
            if error.is_unique_violation() {
                Some(Rule::Unique)
            } else if error.is_foreign_key_violation() {
                Some(Rule::Reference)
            } else if error.is_check_violation() || is_value_error(error.code().as_deref()) {
                Some(Rule::Value)
            } else {
                None
            }
        });
        match rule {
            Some(rule) => Self::Rule { rule, source },
            None => Self::Database(source),
        }
    }
}

/// Not-null violations and ill-typed values: SQLITE_CONSTRAINT_NOTNULL (1299), SQLITE_CONSTRAINT_DATATYPE (3091);
/// PostgreSQL not_null_violation and class 22, data exceptions.
fn is_value_error(code: Option<&str>) -> bool {
    code.is_some_and(|code| {
        code == "1299" || code == "3091" || code == "23502" || (code.len() == 5 && code.starts_with("22"))
    })
}
