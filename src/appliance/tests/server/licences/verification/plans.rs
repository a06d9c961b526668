//! Every statement that a verification rests on goes by an index, on both databases.

use appliance::licences::verification::STATEMENTS;
use appliance::store::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn no_verification_reads_a_whole_table_on_either_database() {
    for world in worlds().await {
        for (name, statement) in STATEMENTS {
            let plan = plan(&world.place.url, statement).await;
            let scans = |line: &&String| line.starts_with("SCAN") || line.contains("Seq Scan");
            assert_eq!(plan.iter().find(scans), None, "{} {name}: {plan:#?}", world.kind);
            assert!(!plan.is_empty());
        }
    }
}

async fn plan(url: &DatabaseUrl, statement: &str) -> Vec<String> {
    match url {
        DatabaseUrl::Lite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let rows = sqlx::query(sql).bind("x").fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get("detail")).collect()
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            // Of small tables a scan is cheap; whether it has another way is asked.
            connection.execute("SET enable_seqscan = off").await.unwrap();
            let sql = AssertSqlSafe(format!("EXPLAIN {statement}"));
            let rows = sqlx::query(sql).bind("x").fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }
}
