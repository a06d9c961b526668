//! Backups are taken from and restored onto real databases of both kinds, also across.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use appliance::audit::{self, Fault};
use appliance::backup::rows::Snapshot;
use appliance::backup::{Progress, RestoreError, TakeError, prepare, take};
use appliance::ceremony::{self, Plan, UnlockPlan};
use appliance::config::Config;
use appliance::journal::last_released;
use appliance::store::{DatabaseUrl, Db, SCHEMA};
use support::{Place, places, raw};

fn quiet(_: Progress<'_>) {}

fn url_text(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Lite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    }
}

/// The files of an appliance around the place's database. Contents do not matter to a backup.
fn appliance(place: &Place) -> (PathBuf, Config) {
    let folder = place.folder.path();
    for (name, content) in [
        ("state/checkpoint", "demo.example/log\n2\n"),
        ("keystore/keystore.toml", "method = \"passphrase\""),
        ("keystore/root.toml", "sealed"),
        ("certificates/root.pem", "root"),
        ("policies/authorization/documents.cedar", "permit"),
        ("policies/certificates/machine.toml", "version = 1"),
        ("tls/server.crt", "crt"),
        ("tls/server.key", "key"),
        ("hierarchy.toml", "version = 1"),
        ("log.key", "demo.example/log+0"),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    for empty in ["trust", "rules"] {
        fs::create_dir_all(folder.join(empty)).unwrap();
    }
    let text = format!(
        r#"# a remark
[appliance]
organisation = "示范市政务服务数据管理局"
uri_base = "urn:cinnabar:demo"
public_url = "http://localhost:8080"
state = "state"
certificates = "certificates"
[database]
url = "{}"
[keystore]
directory = "keystore"
hierarchy = "hierarchy.toml"
[log]
origin = "demo.example/log"
verifier_key = "log.key"
[listeners.platform]
addresses = ["127.0.0.1:8443"]
certificate = "tls/server.crt"
key = "{}/tls/server.key"
[listeners.admin]
socket = "state/admin.sock"
[policies]
authorization = "policies/authorization"
trust = "trust"
signature_validation = "rules"
"#,
        url_text(&place.url),
        folder.display()
    );
    let path = folder.join("cinnabar.toml");
    fs::write(&path, text).unwrap();
    let config = Config::load(&path).unwrap();
    (path, config)
}

/// Rows in every kind of column, with references among them, more than one INSERT takes.
async fn fill(place: &Place) {
    let octets = |hex: &str| match place.url {
        DatabaseUrl::Lite(_) => format!("x'{hex}'"),
        DatabaseUrl::Postgres(_) => format!("'\\x{hex}'::bytea"),
    };
    let mut sql = String::from(
        "INSERT INTO organisations VALUES ('bureau', 1, '局 \u{1F512} ''quoted''', 'bureau', 'active');
         INSERT INTO callers VALUES ('c1', 2, 'machine', 'urn:x:c1', 'bureau', NULL, '[\"sealer\"]', 'active', -1);
         INSERT INTO generations VALUES ('callers', 9223372036854775807);",
    );
    sql += &format!(
        "INSERT INTO certificates (id, version, issuer, serial, subject, profile, caller, not_before, not_after, der, state)
             VALUES ('f', 1, 'seals-ca', '01', 'CN=x', 'seal', 'c1', 0, 1, {}, 'good');
         INSERT INTO seals (id, version, name, organisation, owner, picture, width_um, height_um, certificate, key_label, \
             state) VALUES ('s', 1, 'n', 'bureau', 'c1', {}, 1, 1, 'f', 'k', 'active');",
        octets("00ff10"),
        octets(""),
    );
    for leaf in 0..450 {
        sql +=
            &format!("INSERT INTO entries (leaf, body) VALUES ({leaf}, {});", octets(&format!("{leaf:08x}")));
    }
    sql += &format!(
        "INSERT INTO head (id, origin, size, compact_range, time, checkpoint)
         VALUES (1, 'demo.example/log', 450, {}, 7, 'text');",
        octets("00")
    );
    raw(place, &sql).await;
}

/// Every row of every table.
async fn dump(url: &DatabaseUrl) -> Vec<(String, String)> {
    let mut snapshot = Snapshot::open(url).await.unwrap();
    let mut tables = snapshot.tables().await.unwrap();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    let mut all = Vec::new();
    for table in tables {
        let mut lines = Vec::new();
        snapshot.dump(&table, &mut lines, &mut |_| ()).await.unwrap();
        all.push((table.name, String::from_utf8(lines).unwrap()));
    }
    snapshot.close().await.unwrap();
    all
}

#[tokio::test]
async fn a_backup_restores_onto_either_database_row_by_row() {
    for place in places() {
        Db::upgrade(&place.url).await.unwrap().close().await;
        fill(&place).await;
        let (path, config) = appliance(&place);
        let out = place.folder.path().join("backup.tar");
        let taken = take(&path, &config, &out, false, &mut quiet).await.unwrap();
        assert_eq!(taken.manifest.log.size, 450);
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(take(&path, &config, &out, false, &mut quiet).await, Err(TakeError::Exists(_))));
        take(&path, &config, &out, true, &mut quiet).await.unwrap();
        let before = dump(&place.url).await;
        assert!(before.iter().any(|(name, rows)| name == "entries" && rows.lines().count() == 450));

        for other in places() {
            let folder = other.folder.path().join("restored");
            let database = match &other.url {
                DatabaseUrl::Lite(_) => None,
                DatabaseUrl::Postgres(url) => Some(url.as_str()),
            };
            let restoring = prepare(&out, &folder, database, &mut quiet).await.unwrap();
            assert_eq!(dump(restoring.url()).await, before, "{} onto {}", place.kind, other.kind);
            assert!(!folder.exists(), "the name appears last");
            let restored = restoring.finish().unwrap();
            let config = Config::load(&restored.config).unwrap();
            assert_eq!(config.appliance.organisation, "示范市政务服务数据管理局");
            for (file, content) in [
                (&config.listeners.platform.key, "key"),
                (&config.keystore.directory.join("root.toml"), "sealed"),
                (&config.appliance.state.join("checkpoint"), "demo.example/log\n2\n"),
                (&config.appliance.certificates.join("root.pem"), "root"),
                (&config.policies.authorization.join("documents.cedar"), "permit"),
                (&config.policies.certificates.join("machine.toml"), "version = 1"),
                (&config.log.verifier_key, "demo.example/log+0"),
            ] {
                assert!(file.starts_with(folder.canonicalize().unwrap()), "{}", file.display());
                assert_eq!(fs::read_to_string(file).unwrap(), content);
                assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o077, 0);
            }
            for empty in [&config.policies.trust, &config.policies.signature_validation] {
                let folder = empty.as_ref().unwrap();
                assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "empty folders are there, too");
            }
            let url: DatabaseUrl = config.database.url.parse().unwrap();
            assert_eq!(dump(&url).await, before);

            // Neither the folder nor the database is taken a second time.
            let again = prepare(&out, &folder, None, &mut quiet).await;
            assert!(matches!(again, Err(RestoreError::NotEmpty(_))));
            let elsewhere = other.folder.path().join("elsewhere");
            let text = url_text(&url);
            let again = prepare(&out, &elsewhere, Some(&text), &mut quiet).await;
            assert!(matches!(again, Err(RestoreError::DatabaseNotEmpty)));
            assert!(!elsewhere.exists() && !other.folder.path().join("elsewhere.restoring").exists());
        }
    }
}

#[tokio::test]
async fn rows_committed_during_a_backup_are_not_in_it() {
    for place in places() {
        Db::upgrade(&place.url).await.unwrap().close().await;
        fill(&place).await;
        let mut snapshot = Snapshot::open(&place.url).await.unwrap();
        raw(&place, "INSERT INTO organisations VALUES ('late', 1, 'n', 'k', 'active')").await;
        let tables = snapshot.tables().await.unwrap();
        let table = tables.iter().find(|table| table.name == "organisations").unwrap();
        let mut lines = Vec::new();
        snapshot.dump(table, &mut lines, &mut |_| ()).await.unwrap();
        assert_eq!(table.rows, 1, "{}", place.kind);
        assert!(!String::from_utf8(lines).unwrap().contains("late"), "{}", place.kind);
        snapshot.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_of_an_earlier_schema_is_brought_up_to_this_one() {
    for place in places() {
        Db::upgrade_to(&place.url, 1).await.unwrap();
        raw(&place, "INSERT INTO organisations VALUES ('bureau', 1, 'n', 'bureau', 'active')").await;
        let range = if matches!(place.url, DatabaseUrl::Lite(_)) { "x'00'" } else { "'\\x00'::bytea" };
        raw(
            &place,
            &format!(
                "INSERT INTO head (id, origin, size, compact_range, time, batch, checkpoint)
                 VALUES (1, 'demo.example/log', 0, {range}, 7, 'batch-one', 'text')"
            ),
        )
        .await;
        let (path, config) = appliance(&place);
        let out = place.folder.path().join("backup.tar");
        let taken = take(&path, &config, &out, false, &mut quiet).await.unwrap();
        assert_eq!(taken.manifest.schema, 1);
        let restoring = prepare(&out, &place.folder.path().join("restored"), None, &mut quiet).await.unwrap();
        let db = Db::open(restoring.url()).await.unwrap();
        assert_eq!(db.schema_version().await.unwrap(), SCHEMA);
        db.close().await;
        // The migration carried the old column's value over.
        let rows = dump(restoring.url()).await;
        assert!(rows.iter().any(|(name, rows)| name == "batches" && rows.contains("batch-one")));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_backup_leaves_nothing_behind() {
    let place = support::lite();
    Db::upgrade(&place.url).await.unwrap().close().await;
    fill(&place).await;
    let (path, config) = appliance(&place);
    let out = place.folder.path().join("backup.tar");
    take(&path, &config, &out, false, &mut quiet).await.unwrap();
    let whole = fs::read(&out).unwrap();
    let folder = place.folder.path().join("restored");
    let nothing_left = |folder: &Path| !folder.exists() && !folder.with_extension("restoring").exists();

    fs::write(&out, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(prepare(&out, &folder, None, &mut quiet).await, Err(RestoreError::Archive(_))));
    assert!(nothing_left(&folder));

    let at = whole.windows(6).position(|window| window == b"sealed").unwrap();
    let mut altered = whole.clone();
    altered[at] = b'S';
    fs::write(&out, altered).unwrap();
    assert!(matches!(prepare(&out, &folder, None, &mut quiet).await, Err(RestoreError::Archive(_))));
    assert!(nothing_left(&folder));

    // A folder with something in it is refused before the backup is even opened.
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mine"), "x").unwrap();
    assert!(matches!(prepare(&out, &folder, None, &mut quiet).await, Err(RestoreError::NotEmpty(_))));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

async fn findings(url: &DatabaseUrl, key: &Path, state: &Path) -> Vec<audit::Finding> {
    let db = Db::open(url).await.unwrap();
    let keys = tlog::history::KeyHistory::parse(&fs::read_to_string(key).unwrap()).unwrap().all_keys();
    let checkpoints: Vec<_> = last_released(state).unwrap().into_iter().collect();
    assert_eq!(checkpoints.len(), 1, "the node's last released checkpoint came along");
    let mut quiet = |_| ();
    let options =
        audit::Options { keys: &keys, checkpoints: &checkpoints, vault: None, progress: &mut quiet };
    let report = audit::verify(&db, options).await.unwrap();
    db.close().await;
    report.findings
}

#[tokio::test]
async fn a_restored_appliance_has_a_log_that_verifies_and_tells_what_is_altered() {
    for place in places() {
        let directory = place.folder.path().join("a");
        let plan = Plan {
            directory: directory.clone(),
            organisation: "示范市政务服务数据管理局".into(),
            keystore_suite: &crypto::Suite::INTERNATIONAL,
            unlock: UnlockPlan::Shares { threshold: 2, shares: 3 },
            hosts: vec!["localhost".into()],
            port: 8443,
            public_port: 8080,
            portal_port: 8444,
            enrolment_port: None,
            database: matches!(place.url, DatabaseUrl::Postgres(_)).then(|| url_text(&place.url)),
            hierarchy: ceremony::DEFAULT_HIERARCHY.into(),
            pkcs11: None,
            log_origin: None,
            allow_swap: true,
            assume_clock: true,
        };
        let done = ceremony::perform(&plan, &mut |_| ()).await.unwrap();
        let config = Config::load(&done.config).unwrap();
        let out = place.folder.path().join("backup.tar");
        take(&done.config, &config, &out, false, &mut quiet).await.unwrap();
        for other in places() {
            let folder = other.folder.path().join("restored");
            let url = match &other.url {
                DatabaseUrl::Lite(_) => None,
                DatabaseUrl::Postgres(url) => Some(url.as_str()),
            };
            let restoring = prepare(&out, &folder, url, &mut quiet).await.unwrap();
            let (key, state) = (restoring.log_key(), restoring.work().join("state"));
            assert_eq!(
                findings(restoring.url(), &key, &state).await,
                [],
                "{} onto {}",
                place.kind,
                other.kind
            );
            let altered = Place {
                folder: tempfile::tempdir().unwrap(),
                url: restoring.url().clone(),
                kind: other.kind,
                server: other.server.clone(),
            };
            raw(&altered, "UPDATE callers SET state = 'retired' WHERE id = 'officer-1'").await;
            let found = findings(restoring.url(), &key, &state).await;
            assert_eq!((found[0].table.as_str(), found[0].id.as_str()), ("callers", "officer-1"));
            assert_eq!(found[0].fault, Fault::Altered);
        }
    }
}

fn cinnabar(arguments: &[&str]) -> (Option<i32>, String) {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_cinnabar")).args(arguments).output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn an_upgrade_takes_a_backup_first_and_refuses_a_newer_schema() {
    for place in places() {
        Db::upgrade_to(&place.url, 1).await.unwrap();
        let range = if matches!(place.url, DatabaseUrl::Lite(_)) { "x'00'" } else { "'\\x00'::bytea" };
        raw(
            &place,
            &format!(
                "INSERT INTO head (id, origin, size, compact_range, time, batch, checkpoint)
                 VALUES (1, 'demo.example/log', 0, {range}, 7, 'batch-one', 'text')"
            ),
        )
        .await;
        let (path, _) = appliance(&place);
        let path = path.display().to_string();
        let out = place.folder.path().join("before.tar");
        let shown = out.display().to_string();
        let (code, text) = cinnabar(&["upgrade", "--config", &path, "--backup", &shown, "--json"]);
        assert_eq!(code, Some(0), "{} {text}", place.kind);
        assert!(text.contains("\"from\": 1"), "{text}");
        let before = prepare(&out, &place.folder.path().join("before"), None, &mut quiet).await.unwrap();
        assert_eq!(before.manifest().schema, 1);
        let (code, text) = cinnabar(&["upgrade", "--config", &path]);
        assert!(code == Some(0) && text.contains("nothing to do"), "{text}");

        raw(&place, "UPDATE schema_migrations SET version = 99 WHERE version = 1").await;
        let (code, text) = cinnabar(&["upgrade", "--config", &path]);
        assert!(code == Some(1) && text.contains("newer program"), "{text}");
    }
}
