//! The contract of the store, the same on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use appliance::store::{DatabaseUrl, Db, SCHEMA, StoreError, Value, tables};
use support::{places, raw};

#[tokio::test]
async fn the_declared_tables_are_those_of_the_schema() {
    for place in places() {
        let db = Db::upgrade(&place.url).await.unwrap();
        for table in tables::ALL {
            assert!(db.rows_after(table, "", 10).await.unwrap().is_empty(), "{} {}", place.kind, table.name);
            let declared: Vec<_> = table.columns.iter().map(|column| column.name.to_owned()).collect();
            let sql = match &place.url {
                DatabaseUrl::Lite(_) => "SELECT name FROM pragma_table_info($1) ORDER BY cid",
                DatabaseUrl::Postgres(_) => {
                    "SELECT column_name::text AS name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position"
                }
            };
            let found = db.fetch_all(sql, &[table.name.into()]).await.unwrap();
            let found: Vec<_> = found.iter().map(|record| record.text("name").unwrap().to_owned()).collect();
            assert_eq!(found, declared, "{} {}", place.kind, table.name);
        }
        db.close().await;
    }
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    for place in places() {
        let db = Db::upgrade(&place.url).await.unwrap();
        let sql = match &place.url {
            DatabaseUrl::Lite(_) => "SELECT $1 AS i, $2 AS t, $3 AS b, $4 AS n",
            DatabaseUrl::Postgres(_) => {
                "SELECT $1::bigint AS i, $2::text AS t, $3::bytea AS b, $4::text AS n"
            }
        };
        let values = [Value::Int(i64::MIN), "章 \u{1F512}".into(), vec![0_u8, 255].into(), Value::Null];
        let record = db.fetch_optional(sql, &values).await.unwrap().unwrap();
        assert_eq!(record.int("i").unwrap(), i64::MIN);
        assert_eq!(record.text("t").unwrap(), "章 \u{1F512}");
        assert_eq!(record.bytes("b").unwrap(), [0, 255]);
        assert_eq!(record.opt_text("n").unwrap(), None);
        assert!(matches!(record.text("i"), Err(StoreError::Column { .. })));
        assert!(matches!(record.text("n"), Err(StoreError::Column { .. })));
        assert!(matches!(record.text("absent"), Err(StoreError::Column { .. })));
        db.close().await;
    }
}

#[tokio::test]
async fn connections_for_reading_do_not_write() {
    for place in places() {
        let db = Db::upgrade(&place.url).await.unwrap();
        let written = db.fetch_all("INSERT INTO generations (name, value) VALUES ('x', 1)", &[]).await;
        assert!(written.is_err(), "{}", place.kind);
        db.close().await;
    }
}

#[tokio::test]
async fn only_the_schema_of_this_program_is_served() {
    for place in places() {
        // Empty: an older schema than any.
        if place.kind == "postgres" {
            let error = Db::open(&place.url).await.unwrap_err();
            assert!(matches!(error, StoreError::SchemaOlder { found: 0, known: SCHEMA }), "{error}");
        } else {
            assert!(matches!(Db::open(&place.url).await.unwrap_err(), StoreError::File { .. }));
        }
        Db::upgrade_to(&place.url, SCHEMA - 1).await.unwrap();
        let error = Db::open(&place.url).await.unwrap_err();
        let older = |found| found == SCHEMA - 1;
        assert!(
            matches!(error, StoreError::SchemaOlder { found, .. } if older(found)),
            "{} {error}",
            place.kind
        );
        assert!(error.to_string().contains("cinnabar upgrade"));
        Db::upgrade(&place.url).await.unwrap().close().await;
        // Again: nothing to do.
        let db = Db::upgrade(&place.url).await.unwrap();
        assert_eq!(db.schema_version().await.unwrap(), SCHEMA);
        db.close().await;
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    for place in places() {
        Db::upgrade(&place.url).await.unwrap().close().await;
        raw(
            &place,
            "INSERT INTO schema_migrations (version, description, success, checksum, execution_time) \
             SELECT version + 1000, description, success, checksum, 0 FROM schema_migrations WHERE version = 1",
        )
        .await;
        for result in [Db::open(&place.url).await, Db::upgrade(&place.url).await] {
            assert!(
                matches!(result.unwrap_err(), StoreError::SchemaNewer { found: 1001, .. }),
                "{}",
                place.kind
            );
        }
    }
}

#[test]
fn a_url_never_shows_its_password() {
    let url: DatabaseUrl = "postgres://u:hunter2@localhost/d".parse().unwrap();
    assert!(!format!("{url:?}").contains("hunter2"));
    let error = "mysql://u:hunter2@localhost/d".parse::<DatabaseUrl>().unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
    let error = "postgres://u:hunter2@localhost:x/d".parse::<DatabaseUrl>().unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn of_two_nodes_one_puts_a_cache_row_and_the_other_learns_that_it_came_second() {
    use appliance::store::Row;
    let row = |id: &str, version: i64, der: u8| {
        let values = vec![
            id.into(),
            version.into(),
            Value::Int(7),
            Value::Null,
            Value::Int(1),
            Value::Int(2),
            Value::Int(3),
            vec![der].into(),
        ];
        Row::new(&tables::CRLS, values)
    };
    for place in places() {
        let db = Db::upgrade(&place.url).await.unwrap();
        let der = async |id: &str| {
            let row = db.row(&tables::CRLS, id).await.unwrap();
            row.map(|row| (row.version(), row.value("der").as_bytes().unwrap()[0]))
        };
        assert!(db.cache_swap(vec![row("a", 1, 1)]).await.unwrap());
        assert!(!db.cache_swap(vec![row("a", 1, 2)]).await.unwrap(), "{}: it is there", place.kind);
        assert!(db.cache_swap(vec![row("a", 2, 3), row("b", 1, 3)]).await.unwrap());
        // All or none: `b` is at its version, `a` is not.
        assert!(!db.cache_swap(vec![row("b", 2, 4), row("a", 2, 4)]).await.unwrap());
        assert_eq!((der("a").await, der("b").await), (Some((2, 3)), Some((1, 3))), "{}", place.kind);
        let (one, two) =
            tokio::join!(db.cache_swap(vec![row("a", 3, 5)]), db.cache_swap(vec![row("a", 3, 6)]));
        assert_ne!(one.unwrap(), two.unwrap(), "{}: exactly one of two", place.kind);
        let state = Row::new(
            &tables::ORGANISATIONS,
            vec!["o".into(), 1.into(), "n".into(), "k".into(), "active".into()],
        );
        assert!(matches!(
            db.cache_swap(vec![state]).await,
            Err(StoreError::NotCache { table: "organisations" })
        ));
        db.close().await;
    }
}
