//! Searching the inventory among 10 thousand, 100 thousand and a million certificates: p99 of a page.
//!
//! Rows are put into a throw-away SQLite database by its own program; certificates' octets are stand-ins of their usual
//! length, since no search reads them.

use std::process::Command;
use std::time::{Duration, Instant};

use appliance::certificates::{Search, inventory};
use appliance::store::Db;

use crate::Figure;

pub fn figures() -> Vec<Figure> {
    let figure = |name, count| Figure { name, unit: "ms", measure: Box::new(move || p99(count)) };
    vec![
        figure("inventory.search.10k.p99_ms", 10_000),
        figure("inventory.search.100k.p99_ms", 100_000),
        figure("inventory.search.1m.p99_ms", 1_000_000),
    ]
}

/// p99 of many searches of every kind, in milliseconds on the wall: a page is waited for.
fn p99(count: u32) -> f64 {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("inventory.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let url = format!("sqlite:{}", file.display()).parse().expect("address");
    let db = runtime.block_on(Db::upgrade(&url)).expect("database");
    seed(&file, count);
    let issuers = ["platform-ca", "servers-ca", "officers-ca", "seals-ca"].map(ToOwned::to_owned);
    let now = 1_800_000_000_000_000;
    let mut times: Vec<Duration> = Vec::new();
    runtime.block_on(async {
        for round in 0..220_u32 {
            for search in searches(round.wrapping_mul(2_654_435_761) % count) {
                let profiles: Vec<String> = search.profile.iter().cloned().collect();
                let began = Instant::now();
                inventory(&db, search, now, &issuers, &profiles).await.expect("page");
                // The first rounds fill the caches of database and statements.
                if round >= 20 {
                    times.push(began.elapsed());
                }
            }
        }
        db.close().await;
    });
    times.sort_unstable();
    times[times.len() * 99 / 100].as_secs_f64() * 1000.0
}

/// What officers ask: one of each kind, about certificate `number`.
fn searches(number: u32) -> Vec<Search> {
    let is = |text: &str| Some(text.to_owned());
    let one = |put: &dyn Fn(&mut Search)| {
        let mut search = Search::default();
        put(&mut search);
        search
    };
    vec![
        one(&|_| {}),
        one(&|s| s.subject = Some(format!("host-{number}"))),
        one(&|s| s.subject = Some(format!("host-{}*", number % 1000))),
        one(&|s| s.san = Some(format!("host-{number}.d{}.example.cn", number % 100))),
        one(&|s| s.san = Some(format!("*.d{}.example.cn", number % 100))),
        one(&|s| s.serial = Some(format!("{:032x}", number + 1))),
        one(&|s| s.profile = is("server")),
        one(&|s| (s.profile, s.state) = (is("server"), is("good"))),
        one(&|s| s.organisation = Some(format!("o{}", number % 200))),
        one(&|s| (s.organisation, s.profile) = (Some(format!("o{}", number % 200)), is("machine"))),
        one(&|s| (s.organisation, s.state) = (Some(format!("o{}", number % 200)), is("good"))),
        one(&|s| s.state = is("revoked")),
        one(&|s| (s.state, s.profile) = (is("revoked"), is("server"))),
        one(&|s| {
            (s.expires_after, s.expires_before) = (is("2027-03-01T00:00:00Z"), is("2027-03-08T00:00:00Z"))
        }),
        one(&|s| (s.issuer, s.state) = (is("servers-ca"), is("good"))),
    ]
}

/// One in ten is revoked; validity ends within two years around now; 200 organisations, 100 domains.
fn seed(file: &std::path::Path, count: u32) {
    let sql = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -400000; BEGIN; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO certificates (id, version, issuer, serial, subject, profile, caller, not_before, not_after, der, \
           state, organisation, key, shard) \
         SELECT lower(hex(randomblob(32))), 1, CASE i % 2 WHEN 0 THEN 'platform-ca' ELSE 'servers-ca' END, \
           printf('%032x', i), 'CN=host-' || i || ',O=bureau,C=CN', CASE i % 2 WHEN 0 THEN 'machine' ELSE 'server' END, \
           NULL, 1760000000000000, 1790000000000000 + abs(random()) % 60000000000000, zeroblob(700), \
           CASE WHEN i % 10 = 0 THEN 'revoked' ELSE 'good' END, 'o' || (i % 200), lower(hex(randomblob(32))), 0 FROM n; \
         INSERT INTO certificate_names SELECT id || ':0', 1, id, 'subject', lower(subject) FROM certificates; \
         INSERT INTO certificate_names SELECT id || ':1', 1, id, 'dns', substr(subject, 4, \
           instr(subject, ',') - 4) || '.d' || (rowid % 100) || '.example.cn' FROM certificates; \
         INSERT INTO certificate_names SELECT id || ':2', 1, id, 'domain', 'cn.example.d' || (rowid % 100) || '.' || \
           substr(subject, 4, instr(subject, ',') - 4) FROM certificates; \
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
    );
    let done = Command::new("sqlite3").arg("-batch").arg(file).arg(sql).output().expect("sqlite3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
