//! SQLite (the default, embedded) and PostgreSQL 15 or newer behind one interface.
//!
//! Responsible for connections, the schema and its versions, reading, and the write statements that the journal
//! needs. Not for what is written: **all writes go through [`crate::journal`]**, and the connections handed out for
//! reading refuse to write. Called by every capability's `records.rs` (reads), by the journal and by the audit.
//!
//! One SQL text with `$n` parameters runs on both; times are microseconds in a BIGINT, booleans 0 or 1, JSON is
//! text, so that no driver's idea of types comes between (sqlx's `Any` driver fails on several).

mod cache;
mod error;
mod exempt;
mod record;
mod schema;
mod snapshot;
pub mod tables;
mod value;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, PgPool, SqlSafeStr, SqlitePool};

pub use error::{Rule, StoreError};
pub use exempt::Rewrapped;
pub use record::Record;
pub use schema::SCHEMA;
pub use snapshot::Snapshot;
pub use value::{Column, Kind, Row, Table, Value};
pub(crate) use write::{Insert, Operation, Writer};

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:FILE`.
    Lite(PathBuf),
    /// `postgres://…`; `?host=/run/postgresql` for a Unix socket.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", file)) if !file.is_empty() => {
                Ok(Self::Lite(PathBuf::from(file.strip_prefix("//").unwrap_or(file))))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                PgConnectOptions::from_str(url).map_err(|error| StoreError::Url(error.to_string()))?;
                Ok(Self::Postgres(url.to_owned()))
            }
            // Only the scheme is repeated: the rest may hold a password.
            Some((scheme, _)) => Err(StoreError::Url(format!("`{scheme}:`"))),
            None => Err(StoreError::Url("no scheme".to_owned())),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres:…"),
        }
    }
}

/// An open database.
#[derive(Clone)]
pub enum Db {
    /// SQLite: readers, and how to connect the one writer.
    Lite {
        /// Connections with `query_only` set.
        read: SqlitePool,
        /// Options of the journal's own connection.
        write: Box<SqliteConnectOptions>,
    },
    /// PostgreSQL: read-only sessions, and how to connect the writer.
    Pg {
        /// Sessions with `default_transaction_read_only` set.
        read: PgPool,
        /// Options of the journal's own connection.
        write: Box<PgConnectOptions>,
    },
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold the password.
        f.write_str(match self {
            Self::Lite { .. } => "Db::Lite",
            Self::Pg { .. } => "Db::Pg",
        })
    }
}

impl Db {
    /// Opens a database that has exactly the schema of this program.
    ///
    /// # Errors
    /// When it cannot be reached, is not there, has another schema, or is a server that could lose what it has
    /// acknowledged.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let db = Self::connect(url, false).await?;
        match db.schema_version().await? {
            SCHEMA => Ok(db),
            found if found > SCHEMA => Err(StoreError::SchemaNewer { found, known: SCHEMA }),
            found => Err(StoreError::SchemaOlder { found, known: SCHEMA }),
        }
    }

    /// Makes the database when there is none, brings an older schema up to this program's, and opens it. For
    /// `cinnabar init` and `cinnabar upgrade`.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when a migration fails (each is one transaction).
    pub async fn upgrade(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::upgrade_to(url, SCHEMA).await?;
        Self::open(url).await
    }

    /// Brings the schema up to `target` only; how an upgrade from an earlier version's data is tested.
    ///
    /// # Errors
    /// As [`upgrade`](Self::upgrade).
    pub async fn upgrade_to(url: &DatabaseUrl, target: i64) -> Result<(), StoreError> {
        let db = Self::connect(url, true).await?;
        let found = db.schema_version().await?;
        if found > SCHEMA {
            return Err(StoreError::SchemaNewer { found, known: SCHEMA });
        }
        match &db {
            Self::Lite { write, .. } => {
                let mut connection = sqlx::SqliteConnection::connect_with(write).await?;
                schema::run(&schema::lite(), target, &mut connection).await?;
                connection.close().await?;
            }
            Self::Pg { write, .. } => {
                let mut connection = sqlx::PgConnection::connect_with(write).await?;
                schema::run(&schema::postgres(), target, &mut connection).await?;
                connection.close().await?;
            }
        }
        db.close().await;
        Ok(())
    }

    async fn connect(url: &DatabaseUrl, create: bool) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Lite(path) => Self::connect_lite(path, create).await,
            DatabaseUrl::Postgres(url) => Self::connect_pg(url).await,
        }
    }

    async fn connect_lite(path: &Path, create: bool) -> Result<Self, StoreError> {
        if !create && !path.exists() {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(StoreError::File { path: path.into(), source });
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256)
            // Erased detail must not stay behind in free pages (decision 4).
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", "4000")
            .pragma("secure_delete", "ON")
            .pragma("trusted_schema", "OFF");
        // The first connection makes the file, and turns it to WAL once and for all.
        sqlx::SqliteConnection::connect_with(&options).await?.close().await?;
        if create {
            restrict(path)?;
        }
        let read = options.clone().create_if_missing(false).pragma("query_only", "ON");
        let read = SqlitePoolOptions::new()
            .max_connections(8)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE)
            .connect_with(read)
            .await?;
        Ok(Self::Lite { read, write: Box::new(options.create_if_missing(false)) })
    }

    async fn connect_pg(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("cinnabar")
            .statement_cache_capacity(256)
            .options([("client_min_messages", "warning")]);
        let write = options.clone().options([
            ("default_transaction_isolation", "read committed"),
            // Ends a writer whose node died while it held the head lock.
            ("idle_in_transaction_session_timeout", "15s"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "30s"),
        ]);
        let read = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(ACQUIRE)
            .connect_with(options.options([("default_transaction_read_only", "on")]))
            .await?;
        let db = Self::Pg { read, write: Box::new(write) };
        db.check_server().await?;
        Ok(db)
    }

    /// Refuses servers that may lose an acknowledged commit, or that are too old (decision 8).
    async fn check_server(&self) -> Result<(), StoreError> {
        let settings = self
            .fetch_all(
                "SELECT name, setting FROM pg_settings WHERE name IN \
                 ('server_version_num', 'fsync', 'full_page_writes', 'synchronous_commit', \
                  'synchronous_standby_names', 'server_encoding')",
                &[],
            )
            .await?;
        let setting = |wanted: &str| {
            let found = settings.iter().find(|record| record.text("name").ok() == Some(wanted));
            found.and_then(|record| record.text("setting").ok()).unwrap_or_default()
        };
        let fault = |text: &str| Err(StoreError::Server(text.to_owned()));
        if setting("server_version_num").parse::<u32>().unwrap_or(0) < 150_000 {
            return fault("version 15 or newer is needed");
        }
        if setting("server_encoding") != "UTF8" {
            return fault("the database's encoding must be UTF8");
        }
        if setting("fsync") != "on" || setting("full_page_writes") != "on" {
            return fault("`fsync` and `full_page_writes` must be on");
        }
        if setting("synchronous_commit") == "off" {
            return fault("`synchronous_commit` must not be off");
        }
        let standbys = self
            .fetch_all(
                "SELECT 1 AS one FROM pg_stat_replication WHERE state IS NULL OR state IN ('streaming', 'catchup')",
                &[],
            )
            .await?;
        let replicated = !standbys.is_empty();
        let waits =
            !setting("synchronous_standby_names").is_empty() && setting("synchronous_commit") != "local";
        if replicated && !waits {
            return fault(
                "it is replicated, but does not wait for a standby: set `synchronous_standby_names` and \
                 `synchronous_commit = on`, or a failover would lose acknowledged acts",
            );
        }
        Ok(())
    }

    /// The schema the database has, 0 when it is empty.
    ///
    /// # Errors
    /// When the database fails, or a migration was left half done.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        let table = match self {
            Self::Lite { .. } => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'"
            }
            Self::Pg { .. } => {
                "SELECT to_regclass('schema_migrations')::text AS name WHERE to_regclass('schema_migrations') IS NOT NULL"
            }
        };
        if self.fetch_optional(table, &[]).await?.is_none() {
            return Ok(0);
        }
        match self {
            Self::Lite { read, .. } => schema::version(&mut *read.acquire().await?).await,
            Self::Pg { read, .. } => schema::version(&mut *read.acquire().await?).await,
        }
    }

    /// All records of a query. Parameters are `$1`, `$2`, …; a `Null` parameter is sent as text.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fetch_all(
        &self,
        sql: &'static str,
        parameters: &[Value],
    ) -> Result<Vec<Record>, StoreError> {
        self.fetch(sql, parameters).await
    }

    /// As [`fetch_all`](Self::fetch_all), for SQL put together from parts of this program's own.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn fetch_built(
        &self,
        sql: String,
        parameters: &[Value],
    ) -> Result<Vec<Record>, StoreError> {
        self.fetch(AssertSqlSafe(sql), parameters).await
    }

    /// The first record of a query, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fetch_optional(
        &self,
        sql: &'static str,
        parameters: &[Value],
    ) -> Result<Option<Record>, StoreError> {
        Ok(self.fetch(sql, parameters).await?.into_iter().next())
    }

    /// The row of `table` with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn row(&self, table: &'static Table, id: &str) -> Result<Option<Row>, StoreError> {
        let sql = format!("SELECT {} FROM {} WHERE id = $1", table.column_list(), table.name);
        let records = self.fetch(AssertSqlSafe(sql), &[Value::from(id)]).await?;
        records.first().map(|record| record.to_row(table)).transpose()
    }

    /// Rows of `table` in the order of their ids, those after `after`, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rows_after(
        &self,
        table: &'static Table,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let columns = table.column_list();
        let sql = format!("SELECT {columns} FROM {} WHERE id > $1 ORDER BY id LIMIT $2", table.name);
        let records = self.fetch(AssertSqlSafe(sql), &[Value::from(after), Value::Int(limit.into())]).await?;
        records.iter().map(|record| record.to_row(table)).collect()
    }

    /// Closes the connections for reading; open answers end first.
    pub async fn close(&self) {
        match self {
            Self::Lite { read, .. } => read.close().await,
            Self::Pg { read, .. } => read.close().await,
        }
    }

    async fn fetch(&self, sql: impl SqlSafeStr, parameters: &[Value]) -> Result<Vec<Record>, StoreError> {
        let mut names = record::Names::default();
        match self {
            Self::Lite { read, .. } => {
                let rows = sqlx::query_with(sql, lite_arguments(parameters)?).fetch_all(read).await?;
                rows.iter().map(|row| record::from_lite(row, &mut names)).collect()
            }
            Self::Pg { read, .. } => {
                let rows = sqlx::query_with(sql, pg_arguments(parameters)?).fetch_all(read).await?;
                rows.iter().map(|row| record::from_pg(row, &mut names)).collect()
            }
        }
    }
}

fn lite_arguments(parameters: &[Value]) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for parameter in parameters {
        match parameter {
            Value::Null => arguments.add(None::<String>),
            Value::Int(int) => arguments.add(*int),
            Value::Text(text) => arguments.add(text.clone()),
            Value::Bytes(bytes) => arguments.add(bytes.clone()),
        }
        .map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn pg_arguments(parameters: &[Value]) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    for parameter in parameters {
        match parameter {
            Value::Null => arguments.add(None::<String>),
            Value::Int(int) => arguments.add(*int),
            Value::Text(text) => arguments.add(text.as_str()),
            Value::Bytes(bytes) => arguments.add(bytes.as_slice()),
        }
        .map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

/// The database holds sealed personal detail and pictures: its owner alone reads it.
fn restrict(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|source| StoreError::File { path: path.into(), source })
}

/// How long a reader waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);
