//! The contract of the journal, the same on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use appliance::journal::{
    Actor, CommitError, Detail, Generations, Journal, JournalError, Pending, Refusal, SystemClock, Unit,
    generations,
};
use appliance::store::{DatabaseUrl, Db, tables};
use serde_json::json;
use support::log::{
    MovedClock, ORIGIN, act, cached, caller, create, furnish, furnish_first_schema, keys, organisation,
    reopen, seal_use, settings,
};
use support::{places, raw};
use tlog::verify::{verify_consistency, verify_inclusion};
use tlog::{Receipt, Tile, leaf_hash};

#[tokio::test]
async fn an_act_is_answered_with_a_receipt_that_verifies_offline() {
    for place in places() {
        let keys = keys();
        let (db, journal) = create(&place, &keys).await;
        let committed = journal.commit(furnish()).await.unwrap();
        let receipt = Receipt::from_text(committed.receipt.to_text().as_bytes()).unwrap();
        let proven = receipt.verify(&[journal.verifier_key().clone()]).unwrap();
        assert_eq!((proven.index, proven.origin), (0, ORIGIN));
        assert!(String::from_utf8_lossy(proven.leaf).contains("organisation.add"));
        assert_eq!(journal.size(), 4);
        // The row knows its own leaf, and the rows are there.
        let used = db.row(&tables::SEAL_USES, "u").await.unwrap().unwrap();
        assert_eq!(used.value("leaf").as_int(), Some(3));
        for leaf in 0..4 {
            journal.receipt(leaf).await.unwrap().verify(&[journal.verifier_key().clone()]).unwrap();
        }
        assert!(matches!(journal.receipt(4).await, Err(JournalError::NotFound(_))));
        journal.close().await;
    }
}

#[tokio::test]
async fn a_failing_unit_fails_alone_and_says_why() {
    for place in places() {
        let keys = keys();
        let (db, journal) = create(&place, &keys).await;
        journal.commit(furnish()).await.unwrap();
        let changed = organisation("o").with("name", "new").next_version();
        let units = vec![
            Unit::new(act("good")).insert(organisation("o2")),
            Unit::new(act("exists")).insert(organisation("o")),
            Unit::new(act("unique")).insert(caller("c2", "o").with("uri", "urn:test:c")),
            Unit::new(act("reference")).insert(caller("c3", "nowhere")),
            Unit::new(act("guard")).guard(&tables::CALLERS, "c", 2).insert(organisation("never")),
            Unit::new(act("version")).update(caller("c", "o").next_version().next_version()),
            Unit::new(act("value")).insert(caller("c4", "o").with("state", "no such state")),
            Unit::new(act("absent")).delete(&tables::SEAL_USES, "none", 1),
            Unit::new(act("erased")).erase_detail(0),
            Unit::new(act("good")).update(changed).guard(&tables::CALLERS, "c", 1),
            Unit::new(act("good")).delete(&tables::SEAL_USES, "u", 1).bump(generations::SEALS),
        ];
        let tasks: Vec<_> = units
            .into_iter()
            .map(|unit| {
                let journal = journal.clone();
                tokio::spawn(async move { journal.commit(unit).await.map(|committed| committed.leaf) })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        assert!(results[0].is_ok() && results[9].is_ok() && results[10].is_ok(), "{results:?}");
        let fault = |index: usize| results[index].clone().unwrap_err();
        assert!(matches!(fault(1), CommitError::Exists { table: "organisations", id } if id == "o"));
        assert!(matches!(fault(2), CommitError::Exists { table: "callers", id } if id == "c2"));
        assert!(matches!(fault(3), CommitError::Reference { table: "callers", id } if id == "c3"));
        assert!(matches!(fault(4), CommitError::Conflict { table: "callers", id } if id == "c"));
        assert!(matches!(fault(5), CommitError::Conflict { table: "callers", id } if id == "c"));
        assert!(matches!(fault(6), CommitError::Row { table: "callers", id, .. } if id == "c4"));
        assert!(matches!(fault(7), CommitError::Conflict { table: "seal_uses", id } if id == "none"));
        assert!(matches!(fault(8), CommitError::Conflict { table: "details", id } if id == "0"));
        assert!(db.row(&tables::ORGANISATIONS, "never").await.unwrap().is_none());
        assert!(db.row(&tables::SEAL_USES, "u").await.unwrap().is_none());
        let row = db.row(&tables::ORGANISATIONS, "o").await.unwrap().unwrap();
        assert_eq!((row.version(), row.value("name").as_text()), (2, Some("new")));
        assert_eq!(journal.size(), 7);
        journal.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_get_one_strict_order() {
    for place in places() {
        let keys = keys();
        let (db, journal) = create(&place, &keys).await;
        journal.commit(furnish()).await.unwrap();
        let before = journal.checkpoint();
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let journal = journal.clone();
                tokio::spawn(async move {
                    let mut leaves = Vec::new();
                    for round in 0..12 {
                        let unit = Unit::new(act("seal.use"))
                            .insert(seal_use(&format!("{task}-{round}"), "s", "c"))
                            .guard(&tables::SEALS, "s", 1)
                            .cache_insert(cached(&format!("{task}-{round}")))
                            .detail(json!({ "name": "张三", "round": round }));
                        let committed = journal.commit(unit).await.unwrap();
                        committed.receipt.verify(&[journal.verifier_key().clone()]).unwrap();
                        leaves.push(committed.leaf);
                    }
                    leaves
                })
            })
            .collect();
        let mut leaves = Vec::new();
        for task in tasks {
            let own = task.await.unwrap();
            assert!(own.is_sorted());
            leaves.extend(own);
        }
        leaves.sort_unstable();
        assert_eq!(leaves, (4..4 + 64 * 12).collect::<Vec<u64>>(), "{}", place.kind);
        // Consistent with what was seen before, and every full tile is stored.
        let after = journal.checkpoint();
        let (old, new) = (before.checkpoint(), after.checkpoint());
        let proof = journal.consistency(old.size, None).await.unwrap();
        verify_consistency(old.size, new.size, &proof, &old.root, &new.root).unwrap();
        let mut hashes = Vec::new();
        for index in 0..3 {
            hashes.extend(journal.tile(Tile::new(0, index, 256).unwrap()).await.unwrap());
        }
        hashes.extend(journal.tile(Tile::new(0, 3, 4).unwrap()).await.unwrap());
        assert!(matches!(journal.tile(Tile::new(0, 3, 5).unwrap()).await, Err(JournalError::NotFound(_))));
        assert_eq!(journal.tile(Tile::new(0, 1, 7).unwrap()).await.unwrap(), hashes[256 * 32..263 * 32]);
        let entries = journal.entries(0, 1000).await.unwrap();
        assert_eq!(entries.len(), 4 + 768);
        for (entry, hash) in entries.iter().zip(hashes.as_chunks::<32>().0) {
            assert_eq!(&leaf_hash(&entry.body), hash);
            let receipt = journal.receipt(entry.leaf).await.unwrap();
            verify_inclusion(entry.leaf, new.size, hash, &receipt.proof, &new.root).unwrap();
        }
        let times: Vec<_> =
            entries.iter().map(|entry| entry.json["time"].as_str().unwrap().to_owned()).collect();
        assert!(times.is_sorted());
        assert_eq!(journal.detail(10).await.unwrap(), journal.detail(10).await.unwrap());
        assert!(
            matches!(journal.detail(10).await.unwrap(), Detail::Open(detail) if detail["name"] == "张三")
        );
        assert_eq!(journal.detail(0).await.unwrap(), Detail::None);
        // Again from the disk.
        journal.close().await;
        db.close().await;
        let (_, journal) = reopen(&place, &keys).await.unwrap();
        assert_eq!(journal.checkpoint(), after);
        assert_eq!(journal.commit(Unit::new(act("again"))).await.unwrap().leaf, 772);
        journal.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_one_log() {
    let Some(place) = places().into_iter().find(|place| place.kind == "postgres") else { return };
    let keys = keys();
    let (db, one) = create(&place, &keys).await;
    one.commit(furnish()).await.unwrap();
    let mut elsewhere = settings(&place.folder.path().join("second"));
    elsewhere.adopt = true;
    let other = Db::open(&place.url).await.unwrap();
    let two = Journal::open(other, elsewhere, keys.clone()).await.unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let journal = if task % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move {
                let mut leaves = Vec::new();
                for round in 0..20 {
                    let unit =
                        Unit::new(act("seal.use")).insert(seal_use(&format!("{task}-{round}"), "s", "c"));
                    let committed = journal.commit(unit).await.unwrap();
                    committed.receipt.verify(&[journal.verifier_key().clone()]).unwrap();
                    leaves.push(committed.leaf);
                }
                leaves
            })
        })
        .collect();
    let mut leaves = Vec::new();
    for task in tasks {
        leaves.extend(task.await.unwrap());
    }
    leaves.sort_unstable();
    assert_eq!(leaves, (4..4 + 320).collect::<Vec<u64>>());
    // Both show the same log within seconds, the one that wrote last and the other.
    while one.checkpoint() != two.checkpoint() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(one.size(), 324);
    let options = appliance::audit::Options {
        keys: &[one.verifier_key().clone()],
        checkpoints: &[one.checkpoint(), two.checkpoint()],
        vault: None,
        progress: &mut |_| {},
    };
    let report = appliance::audit::verify(&db, options).await.unwrap();
    assert!(report.sound, "{report:#?}");
    // A row that one node changed is not changed again by what the other still believes.
    let changed = organisation("o").next_version();
    one.commit(Unit::new(act("change")).update(changed.clone())).await.unwrap();
    let error = two.commit(Unit::new(act("change")).update(changed)).await.unwrap_err();
    assert!(matches!(error, CommitError::Conflict { table: "organisations", .. }), "{error}");
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn erased_detail_is_gone_and_the_proof_stays() {
    for place in places() {
        let keys = keys();
        let (_, journal) = create(&place, &keys).await;
        let first = journal.commit(Unit::new(act("x")).detail(json!("secret"))).await.unwrap();
        let erased = journal.commit(Unit::new(act("detail.erase")).erase_detail(first.leaf)).await.unwrap();
        assert_eq!(journal.detail(first.leaf).await.unwrap(), Detail::Erased);
        assert_eq!(journal.entry(erased.leaf).await.unwrap().json["erased"], json!([0]));
        journal.receipt(first.leaf).await.unwrap().verify(&[journal.verifier_key().clone()]).unwrap();
        journal.close().await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_refuses_acts_until_it_is_judged() {
    let place = support::lite();
    let keys = keys();
    let (db, journal) = create(&place, &keys).await;
    journal.close().await;
    let clock = Arc::new(MovedClock::default());
    let mut settings = settings(&place.folder.path().join("state"));
    settings.clock = clock.clone();
    let journal = Journal::open(db.clone(), settings.clone(), keys.clone()).await.unwrap();
    let first = journal.commit(Unit::new(act("x"))).await.unwrap();
    clock.0.store(60_000_000, Ordering::Relaxed);
    let error = journal.commit(Unit::new(act("x"))).await.unwrap_err();
    assert!(matches!(error, CommitError::ClockUntrusted(_)), "{error}");
    journal.clock().accept();
    let second = journal.commit(Unit::new(act("x"))).await.unwrap();
    assert!(second.time >= first.time + 60_000_000);
    // Back by one second: corrected silently, but time in the log does not go back.
    clock.0.store(59_000_000, Ordering::Relaxed);
    assert_eq!(journal.commit(Unit::new(act("x"))).await.unwrap().time, second.time);
    journal.close().await;
    // Set back while the node was down.
    clock.0.store(0, Ordering::Relaxed);
    let journal = Journal::open(db, settings, keys).await.unwrap();
    let error = journal.commit(Unit::new(act("x"))).await.unwrap_err();
    assert!(matches!(error, CommitError::ClockUntrusted(_)), "{error}");
    journal.close().await;
}

#[tokio::test]
async fn a_database_that_went_back_is_refused() {
    let place = support::lite();
    let keys = keys();
    let (db, journal) = create(&place, &keys).await;
    for _ in 0..3 {
        journal.commit(Unit::new(act("x"))).await.unwrap();
    }
    journal.close().await;
    db.close().await;
    let file = place.folder.path().join("cinnabar.db");
    let_go(&file).await;
    let backup = |suffix: &str| place.folder.path().join(format!("backup{suffix}"));
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        for suffix in ["", "-wal", "-shm"] {
            let (from, to) = (format!("{}{suffix}", from.display()), format!("{}{suffix}", to.display()));
            if std::fs::copy(&from, &to).is_err() {
                drop(std::fs::remove_file(&to));
            }
        }
    };
    copy(&file, &backup(""));
    let (db, journal) = reopen(&place, &keys).await.unwrap();
    journal.commit(Unit::new(act("lost"))).await.unwrap();
    journal.close().await;
    db.close().await;
    let_go(&file).await;
    copy(&backup(""), &file);
    let error = reopen(&place, &keys).await.unwrap_err();
    assert!(matches!(error, JournalError::RolledBack { size: 3, released: 4 }), "{error}");
    assert!(error.to_string().contains("Restore"));
    // Grown again elsewhere, past the released size: a fork.
    let db = Db::open(&place.url).await.unwrap();
    let other = place.folder.path().join("other");
    let mut elsewhere = settings(&other);
    let missing = Journal::open(db.clone(), elsewhere.clone(), keys.clone()).await.unwrap_err();
    assert!(matches!(missing, JournalError::Released { .. }), "{missing}");
    elsewhere.adopt = true;
    let journal = Journal::open(db.clone(), elsewhere, keys.clone()).await.unwrap();
    for _ in 0..3 {
        journal.commit(Unit::new(act("y"))).await.unwrap();
    }
    journal.close().await;
    db.close().await;
    let error = reopen(&place, &keys).await.unwrap_err();
    assert!(matches!(error, JournalError::Forked { released: 4 }), "{error}");
}

/// Waits until this process has the file open no more: the last connection writes on while it closes.
async fn let_go(file: &std::path::Path) {
    for _ in 0..500 {
        let mut open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        if !open.any(|one| std::fs::read_link(one.path()).is_ok_and(|target| target == file)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} stays open", file.display());
}

#[tokio::test]
async fn only_the_logs_own_key_and_origin_open_it() {
    for place in places() {
        let genuine = keys();
        let (db, journal) = create(&place, &genuine).await;
        journal.commit(Unit::new(act("x"))).await.unwrap();
        let state = place.folder.path().join("state");
        let busy = Journal::open(db.clone(), settings(&state), genuine.clone()).await.unwrap_err();
        assert!(matches!(busy, JournalError::Busy(_)));
        journal.close().await;
        assert!(matches!(
            Journal::open(db.clone(), settings(&state), keys()).await.unwrap_err(),
            JournalError::Key(_)
        ));
        let mut other = settings(&state);
        other.origin = "other.example/log".to_owned();
        let error = Journal::open(db.clone(), other, genuine.clone()).await.unwrap_err();
        assert!(matches!(error, JournalError::Origin { .. }));
        assert!(Journal::create(&db, ORIGIN, &genuine.log).await.is_err());
        // A head that was moved by hand does not fit its rows.
        raw(&place, "UPDATE head SET size = 0").await;
        let error = Journal::open(db.clone(), settings(&state), genuine).await.unwrap_err();
        assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    }
}

fn refusal(reason: &str) -> Refusal {
    Refusal {
        actor: Actor::system("caller"),
        action: "document.seal".to_owned(),
        resource: "seal:s".to_owned(),
        reason: reason.to_owned(),
        policies: vec!["deny-all".to_owned()],
        request: "r1".to_owned(),
    }
}

#[tokio::test]
async fn refusals_are_entries_first_and_aggregates_then() {
    for place in places() {
        let keys = keys();
        let (db, journal) = create(&place, &keys).await;
        let mut own = 0;
        for _ in 0..30 {
            own += u64::from(journal.refused(refusal("denied")).await.unwrap().is_some());
        }
        journal.anonymous("no-certificate");
        // A minute may have turned meanwhile.
        assert!(own == 10 || own == 20, "{own}");
        journal.close().await;
        db.close().await;
        let (_, journal) = reopen(&place, &keys).await.unwrap();
        let entries = journal.entries(0, 100).await.unwrap();
        assert_eq!(entries[0].json["facts"]["attempted"], json!("document.seal"));
        assert_eq!(entries[0].json["policies"], json!(["deny-all"]));
        let last = entries.last().unwrap();
        assert_eq!(last.json["facts"]["counts"]["no-certificate"], json!(1));
        let more: u64 = entries.iter().filter_map(|e| e.json["facts"]["more"]["denied"].as_u64()).sum();
        assert_eq!(own + more, 30);
        journal.close().await;
    }
}

#[tokio::test]
async fn what_was_refused_while_sealed_becomes_the_first_leaves() {
    let place = support::lite();
    let keys = keys();
    let clock = SystemClock::new(appliance::config::TimeSource::Assumed);
    let state = place.folder.path().join("state");
    let pending = Pending::open(&state).unwrap();
    for number in 0..450 {
        assert!(pending.refused(&refusal(&format!("sealed-{number}")), &clock).unwrap());
    }
    drop(pending);
    let pending = Pending::open(&state).unwrap();
    assert_eq!(pending.len(), 450);
    let (_, journal) = create(&place, &keys).await;
    assert_eq!(journal.drain(&pending).await.unwrap(), 450);
    assert!(pending.is_empty());
    assert_eq!(journal.drain(&pending).await.unwrap(), 0);
    let entries = journal.entries(0, 1000).await.unwrap();
    assert_eq!(entries.len(), 450);
    for (number, entry) in entries.iter().enumerate() {
        assert_eq!(entry.json["facts"]["reason"], json!(format!("sealed-{number}")));
        assert_eq!(entry.json["facts"]["pending"]["chain"].as_str().unwrap().len(), 64);
    }
    journal.close().await;
}

#[tokio::test]
async fn generations_reach_the_watcher_within_seconds() {
    for place in places() {
        let keys = keys();
        let (db, journal) = create(&place, &keys).await;
        let mut watched = Generations::watch(db).await.unwrap();
        assert_eq!(watched.get(generations::IDENTITY), 0);
        journal.commit(Unit::new(act("x")).bump(generations::IDENTITY)).await.unwrap();
        watched.changed().await;
        assert_eq!(watched.get(generations::IDENTITY), 1);
        assert_eq!(watched.get(generations::POLICY), 0);
        watched.fresh().unwrap();
        journal.close().await;
    }
}

#[tokio::test]
async fn a_log_of_the_first_schema_goes_on_after_the_upgrade() {
    for place in places() {
        let keys = keys();
        let (db, journal) = create(&place, &keys).await;
        journal.commit(furnish_first_schema()).await.unwrap();
        let before = journal.checkpoint();
        journal.close().await;
        db.close().await;
        // As the first schema had it.
        raw(
            &place,
            "DROP TABLE trust_lists; DROP TABLE licence_uses; DROP TABLE licence_copies; DROP TABLE licence_queries; DROP TABLE licence_show_codes; \
             DROP TABLE licence_delegations; \
             DROP TABLE licence_job_rows; DROP TABLE licence_jobs; DROP TABLE licence_events; DROP TABLE licence_statuses; \
             DROP TABLE licence_status_lists; DROP TABLE licence_holders; DROP TABLE licence_artefacts; DROP TABLE licence_expiry_warnings; \
             DROP TABLE licence_versions; \
             DROP TABLE licences; DROP TABLE licence_numbers; DROP TABLE licence_type_versions; DROP TABLE licence_types; \
             ALTER TABLE head ADD COLUMN batch TEXT NOT NULL DEFAULT ''; \
             UPDATE head SET batch = (SELECT id FROM batches ORDER BY id DESC LIMIT 1); DROP TABLE batches; \
             ALTER TABLE entries DROP COLUMN hash; DROP INDEX certificates_serial; \
             DROP TABLE acme_authorizations; DROP TABLE acme_orders; DROP TABLE certificate_approvals; \
             DROP TABLE certificate_requests; DROP TABLE enrolment_secrets; DROP TABLE authorities; \
             DROP TABLE acme_accounts; DROP TABLE acme_bindings; DROP TABLE acme_nonces; DROP TABLE crls; DROP TABLE expiry_warnings; \
             DROP TABLE intents; DROP TABLE certificate_names; DROP INDEX certificates_profile; \
             DROP INDEX certificates_not_after; DROP INDEX certificates_state; DROP INDEX certificates_key; \
             DROP INDEX certificates_not_good; DROP INDEX certificates_organisation; \
             CREATE TABLE aside AS SELECT * FROM proposals; DROP TABLE proposals; \
             ALTER TABLE seal_uses DROP COLUMN kind; ALTER TABLE seal_uses DROP COLUMN level; \
             ALTER TABLE seal_uses DROP COLUMN signed_digest; \
             DROP TABLE csc_authorizations; DROP TABLE seal_use_words; DROP TABLE seal_use_requests; DROP TABLE seal_delegations; \
             DROP TABLE seal_rule_counters; DROP TABLE seal_rules; DROP INDEX seal_uses_seal; \
             DROP INDEX seal_uses_caller; DROP INDEX seal_uses_organisation; DROP INDEX seal_uses_item; \
             DROP INDEX seal_uses_case_number; DROP INDEX seal_uses_original; DROP INDEX seal_uses_document; \
             DROP INDEX seal_uses_result; DROP INDEX seal_uses_rule; \
             ALTER TABLE seal_uses DROP COLUMN organisation; ALTER TABLE seal_uses DROP COLUMN document_digest; \
             ALTER TABLE seal_uses DROP COLUMN document_kind; ALTER TABLE seal_uses DROP COLUMN page; \
             ALTER TABLE seal_uses DROP COLUMN format; ALTER TABLE seal_uses DROP COLUMN rule; \
             ALTER TABLE seal_uses DROP COLUMN approval; \
             DROP TABLE seal_pauses; DROP TABLE seal_documents; DROP TABLE seal_versions; \
             DROP TABLE seal_applications; DROP TABLE \
             seal_numbers; DROP INDEX seals_code; DROP INDEX seals_certificate; DROP INDEX seals_organisation; ALTER TABLE seals DROP COLUMN \
             code; ALTER TABLE seals DROP COLUMN kind; ALTER TABLE seals DROP COLUMN level; ALTER TABLE seals \
             DROP COLUMN holder_kind; ALTER TABLE seals DROP COLUMN holder_number; ALTER TABLE seals DROP COLUMN \
             holder_number_hash; ALTER TABLE seals DROP COLUMN holder_sealed; ALTER TABLE seals DROP COLUMN \
             suite; ALTER TABLE seals DROP COLUMN number; ALTER TABLE seals DROP COLUMN filing; ALTER TABLE seals \
             DROP COLUMN valid_from; ALTER TABLE seals DROP COLUMN valid_to; ALTER TABLE seals DROP COLUMN \
             governed; ALTER TABLE seals DROP COLUMN updated; ALTER TABLE seals DROP COLUMN ground; \
             DELETE FROM schema_migrations WHERE version > 1",
        )
        .await;
        // SQLite's migration makes the table anew from the columns of the first schema.
        if matches!(place.url, DatabaseUrl::Postgres(_)) {
            raw(
                &place,
                "ALTER TABLE certificates DROP COLUMN organisation, DROP COLUMN requester, DROP COLUMN key, \
                 DROP COLUMN shard, DROP COLUMN invalid_from, DROP COLUMN changed, DROP COLUMN replaces, \
                 DROP COLUMN leaf",
            )
            .await;
        }
        let error = Db::open(&place.url).await.unwrap_err();
        assert!(error.to_string().contains("cinnabar upgrade"), "{error}");
        Db::upgrade(&place.url).await.unwrap().close().await;
        // The furnished log has a proposal, which the first schema had no room for.
        raw(&place, "INSERT INTO proposals SELECT * FROM aside; DROP TABLE aside").await;
        let (db, journal) = reopen(&place, &keys).await.unwrap();
        assert_eq!(journal.checkpoint(), before);
        let kept = db.fetch_all("SELECT id, size FROM batches", &[]).await.unwrap();
        assert_eq!(kept[0].int("size").unwrap(), 4, "the newest batch is found again");
        assert_eq!(journal.commit(Unit::new(act("on"))).await.unwrap().leaf, 4);
        journal.close().await;
        let options = appliance::audit::Options {
            keys: &[journal.verifier_key().clone()],
            checkpoints: &[before],
            vault: None,
            progress: &mut |_| {},
        };
        let report = appliance::audit::verify(&db, options).await.unwrap();
        assert!(report.sound, "{report:#?}");
    }
}

#[tokio::test]
async fn what_is_refused_while_the_others_are_entered_is_not_lost() {
    let place = support::lite();
    let keys = keys();
    let state = place.folder.path().join("state");
    let pending = std::sync::Arc::new(Pending::open(&state).unwrap());
    let clock = SystemClock::new(appliance::config::TimeSource::Assumed);
    assert!(pending.refused(&refusal("first"), &clock).unwrap());
    let (_, journal) = create(&place, &keys).await;
    let refusing = {
        let pending = pending.clone();
        std::thread::spawn(move || {
            for number in 0..300 {
                assert!(pending.refused(&refusal(&format!("later-{number}")), &clock).unwrap());
            }
        })
    };
    while !refusing.is_finished() {
        journal.drain(&pending).await.unwrap();
    }
    refusing.join().unwrap();
    journal.drain(&pending).await.unwrap();
    assert_eq!(journal.entries(0, 1000).await.unwrap().len(), 301);
    journal.close().await;
}
