//! Licences that end soon: listed by their end, told once for each version, by an index on both databases.

use appliance::certificates::expiry::Counts;
use appliance::licences::expiry::{self, COUNTED, UNTOLD};
use appliance::licences::library::ending::{OF_ALL, OF_ONE};
use appliance::store::DatabaseUrl;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::verification::{DAY, Put, World, identifier, licence, worlds};
use crate::house::{Client, Credential, now};
use crate::seals::audited;

/// Puts a licence on record that began `began` days from now and ends a minute before so many days are over.
async fn put(world: &World, serial: &str, state: &str, began: i64, ends: Option<i64>) {
    let (from, to) = (now() + began * DAY, ends.map(|days| now() + days * DAY - 60));
    world.put(&Put { state, from, to, ..Put::active(serial) }).await;
}

/// All pages of a list: serials.
async fn listed(client: &mut Client, query: &str) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    for _ in 0..50 {
        let page = client.get(&format!("/v1/licences?{query}{after}")).await;
        assert_eq!(page.status, 200, "{query}: {:?}", page.body);
        let page = page.json();
        let licences = page["licences"].as_array().unwrap();
        let serial = |one: &Value| one["id"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        all.extend(licences.iter().map(serial));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
    panic!("the pages never end: {all:?}");
}

async fn licensor(world: &World) -> Credential {
    world.house.machine("licensing", &["licensor"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_within_some_days_is_listed_by_its_end_page_by_page() {
    for world in worlds().await {
        for (serial, state, ends) in [
            ("E000000010", "active", Some(10)),
            ("E000000029", "active", Some(29)),
            ("E000000001", "active", Some(1)),
            ("E000000031", "active", Some(31)),
            ("E000000005", "suspended", Some(5)),
            ("E000000006", "lost", Some(6)),
            ("E000000003", "cancelled", Some(3)),
            ("E000000000", "active", Some(-1)),
            ("E999999999", "active", None),
        ] {
            put(&world, serial, state, -100, ends).await;
        }
        let mut client = world.house.connect(&licensor(&world).await).await;
        let soon = ["E000000001", "E000000005", "E000000006", "E000000010", "E000000029"];
        for limit in [1, 2, 5, 200] {
            let query = format!("ends_within=30&limit={limit}");
            assert_eq!(listed(&mut client, &query).await, soon, "{} {query}", world.kind);
        }
        assert_eq!(listed(&mut client, "ends_within=31").await.len(), 6);
        assert_eq!(listed(&mut client, "ends_within=5").await, ["E000000001", "E000000005"]);
        assert_eq!(listed(&mut client, "ends_within=30&state=suspended&limit=1").await, ["E000000005"]);
        assert_eq!(listed(&mut client, "ends_within=30&type=11990000MB0F00012G001").await, soon);
        assert_eq!(listed(&mut client, "ends_within=30&type=11990000MB0F00012G002").await, [""; 0]);
        let officer = world.house.officer(8);
        assert_eq!(listed(&mut world.house.connect(&officer).await, "ends_within=30&limit=2").await, soon);
        for (query, parameter) in [
            ("ends_within=30&after=nonsense", "after"),
            ("ends_within=30&after=x:y", "after"),
            ("ends_within=4000", "ends_within"),
        ] {
            let refused = client.get(&format!("/v1/licences?{query}")).await;
            assert_eq!(
                (refused.problem().as_str(), &refused.json()["parameter"]),
                ("invalid-parameter", &json!(parameter))
            );
        }
        // A licensor sees its own organisation's, whoever only verifies none.
        let foreign = client.get("/v1/licences?ends_within=30&organisation=other").await;
        assert_eq!(foreign.problem(), "forbidden");
        let mut verifier = world.house.connect(&world.verifier).await;
        assert_eq!(verifier.get("/v1/licences?ends_within=30").await.problem(), "forbidden");
    }
}

/// Entries of the keeper: identifier and organisation.
async fn told(world: &World) -> Vec<Value> {
    let mut all = world.house.entries().await;
    all.retain(|entry| entry["action"] == "licence.expiring");
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_runs_out_is_told_once_and_a_new_one_again() {
    for world in worlds().await {
        // A year ahead, where no keeper looks that runs beside the test.
        let ahead = 400;
        put(&world, "W000000010", "active", -100, Some(ahead + 10)).await;
        put(&world, "W000000029", "suspended", -100, Some(ahead + 29)).await;
        put(&world, "W000000031", "active", -100, Some(ahead + 31)).await;
        put(&world, "W000000003", "cancelled", -100, Some(ahead + 3)).await;
        // One that lives three weeks would be warned of at its birth.
        put(&world, "W000000011", "active", ahead - 10, Some(ahead + 11)).await;
        put(&world, "W999999999", "active", -100, None).await;
        let (app, at) = (&world.house.app, (now() + ahead * DAY) * 1_000_000);
        let unsealed = app.unsealed().unwrap();
        let (mut seen, mut other) = (Counts::new(), Counts::new());
        let (one, two) = tokio::join!(
            expiry::round(app, &unsealed, at, &mut seen),
            expiry::round(app, &unsealed, at, &mut other)
        );
        assert_eq!(one.unwrap() + two.unwrap(), 2, "{}", world.kind);
        let entries = told(&world).await;
        let mut resources: Vec<_> = entries.iter().map(|entry| entry["resource"].as_str().unwrap()).collect();
        resources.sort_unstable();
        let expected = ["W000000010", "W000000029"].map(|serial| format!("licence:{}", licence(serial)));
        assert_eq!(resources, expected, "{}", world.kind);
        for entry in &entries {
            assert_eq!(entry["actor"]["id"], "system:licences");
            assert_eq!(entry["facts"]["organisation"], "bureau");
            assert_eq!(entry["facts"]["within_days"], 30);
            assert!(entry["facts"]["valid_to"].is_string(), "{entry}");
        }
        let of = |days| seen.iter().filter(|((_, within), _)| *within == days).map(|(_, n)| n).sum::<i64>();
        assert_eq!((of(1), of(7), of(30)), (0, 0, 3), "what lives short is counted, {}", world.kind);
        assert_eq!(expiry::round(app, &unsealed, at + 1, &mut seen).await.unwrap(), 0, "told once");
        // A new version is told of, under its own identifier; a day later the next one comes of age.
        let put = Put { number: 2, ..Put::active("W000000010") };
        world.replace(&put).await;
        assert_eq!(expiry::round(app, &unsealed, at, &mut seen).await.unwrap(), 1, "{}", world.kind);
        let again = told(&world).await;
        assert_eq!(again.last().unwrap()["facts"]["identifier"], identifier("W000000010", 2));
        let later = at + 2 * DAY * 1_000_000;
        assert_eq!(expiry::round(app, &unsealed, later, &mut seen).await.unwrap(), 1, "{}", world.kind);
        // What has run out is history.
        let over = at + 60 * DAY * 1_000_000;
        assert_eq!(expiry::round(app, &unsealed, over, &mut seen).await.unwrap(), 0);
        assert_eq!(seen.values().sum::<i64>(), 0);
        audited(&world.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_chunk_is_told_in_one_round() {
    let world = super::verification::world().await;
    for number in 0..205 {
        put(&world, &format!("M{number:09}"), "active", -100, Some(410 + number % 3)).await;
    }
    let (app, at) = (&world.house.app, (now() + 400 * DAY) * 1_000_000);
    let unsealed = app.unsealed().unwrap();
    let mut seen = Counts::new();
    assert_eq!(expiry::round(app, &unsealed, at, &mut seen).await.unwrap(), 205);
    assert_eq!(expiry::round(app, &unsealed, at, &mut seen).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_is_found_by_an_index_on_both_databases() {
    for world in worlds().await {
        for (name, statement, organisation) in [
            ("all", OF_ALL, false),
            ("of one", OF_ONE, true),
            ("untold", UNTOLD, false),
            ("counted", COUNTED, false),
        ] {
            let plan = plan(&world.place.url, statement, organisation).await;
            let lite = matches!(world.place.url, DatabaseUrl::Lite(_));
            let index = if organisation && lite {
                "licences_ending_of (organisation=? AND"
            } else {
                "licences_ending"
            };
            assert!(plan.iter().any(|line| line.contains(index)), "{} {name}: {plan:#?}", world.kind);
            let sorted = |line: &&String| line.contains("ORDER BY") || line.contains("Sort");
            assert!(
                name == "counted" || plan.iter().find(sorted).is_none(),
                "{} {name}: {plan:#?}",
                world.kind
            );
        }
    }
}

async fn plan(url: &DatabaseUrl, statement: &str, organisation: bool) -> Vec<String> {
    match url {
        DatabaseUrl::Lite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get("detail")).collect()
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            // Of small tables a scan is cheap; whether it has another way is asked.
            for way in ["seqscan", "bitmapscan", "sort"] {
                connection.execute(AssertSqlSafe(format!("SET enable_{way} = off"))).await.unwrap();
            }
            let sql = AssertSqlSafe(format!("EXPLAIN {statement}"));
            let rows = match (statement, organisation) {
                (COUNTED, _) => sqlx::query(sql).bind(1_i64).bind(2_i64),
                (UNTOLD, _) => sqlx::query(sql).bind(9_i64).bind(1_i64).bind(1_i64).bind(""),
                (_, false) => sqlx::query(sql).bind(9_i64).bind(1_i64).bind("").bind(50_i64),
                (_, true) => sqlx::query(sql).bind(9_i64).bind(1_i64).bind("").bind(50_i64).bind("bureau"),
            };
            let rows = rows.fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }
}
