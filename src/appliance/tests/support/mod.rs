//! Support of the appliance's integration tests: databases of both kinds.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod log;
pub mod postgres;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use appliance::store::DatabaseUrl;
pub use postgres::Postgres;

/// A place for one test: a folder for the node's files, and a database of one kind.
pub struct Place {
    /// The folder.
    pub folder: tempfile::TempDir,
    /// The database; it does not exist yet, or is empty.
    pub url: DatabaseUrl,
    /// What to call it in messages.
    pub kind: &'static str,
    /// The PostgreSQL server, if it is one.
    pub server: Option<Arc<Postgres>>,
}

/// One place for each kind of database at hand: always SQLite, PostgreSQL when it is installed.
pub fn places() -> Vec<Place> {
    let mut places = vec![lite()];
    if let Some(server) = postgres() {
        let folder = tempfile::tempdir().unwrap();
        let url = server.database().parse().unwrap();
        places.push(Place { folder, url, kind: "postgres", server: Some(server) });
    }
    places
}

/// A place with SQLite.
pub fn lite() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Lite(folder.path().join("cinnabar.db"));
    Place { folder, url, kind: "sqlite", server: None }
}

/// The one server that the tests of a process share; it stops with the last place that uses it.
fn postgres() -> Option<Arc<Postgres>> {
    static SERVER: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = server.upgrade() {
        return Some(running);
    }
    let started = Arc::new(Postgres::start()?);
    *server = Arc::downgrade(&started);
    Some(started)
}

/// Runs SQL past the journal, as someone with the database's password would; the number of rows touched.
pub async fn raw(place: &Place, sql: &str) -> u64 {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
    let sql = sqlx::raw_sql(AssertSqlSafe(sql));
    match &place.url {
        DatabaseUrl::Lite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).foreign_keys(false);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let done = connection.execute(sql).await.unwrap();
            connection.close().await.unwrap();
            done.rows_affected()
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            // As with SQLite: a tamperer switches the foreign keys off.
            connection.execute("SET session_replication_role = replica").await.unwrap();
            let done = connection.execute(sql).await.unwrap();
            connection.close().await.unwrap();
            done.rows_affected()
        }
    }
}
