//! Any one row altered, deleted or added is found and named, on both databases; so is a log that was cut.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use appliance::audit::{AuditReport, Fault, Options, verify};
use appliance::journal::{Journal, Keys, Unit, last_released};
use appliance::store::Db;
use serde_json::json;
use support::log::{ORIGIN, XorVault, act, create, furnish, keys, organisation, reopen, seal_use};
use support::{Place, places, raw};
use tlog::{SignedCheckpoint, VerifierKey};

/// A log with more than a full tile, changed and removed rows, detail, and erased detail.
async fn furnished(place: &Place, keys: &Keys) {
    let (db, journal) = create(place, keys).await;
    journal.commit(furnish()).await.unwrap();
    journal
        .commit(Unit::new(act("change")).update(organisation("o").with("name", "new").next_version()))
        .await
        .unwrap();
    journal.commit(Unit::new(act("add")).insert(organisation("removed"))).await.unwrap();
    journal
        .commit(Unit::new(act("remove")).delete(&appliance::store::tables::ORGANISATIONS, "removed", 1))
        .await
        .unwrap();
    let detailed =
        journal.commit(Unit::new(act("detail")).detail(json!({ "name": "张三" }))).await.unwrap().leaf;
    let erased =
        journal.commit(Unit::new(act("detail")).detail(json!({ "name": "李四" }))).await.unwrap().leaf;
    journal.commit(Unit::new(act("erase")).erase_detail(erased)).await.unwrap();
    assert_eq!((detailed, erased), (7, 8));
    let mut uses = Unit::new(act("uses"));
    for number in 0..300 {
        uses = uses.also(Unit::new(act("seal.use")).insert(seal_use(&format!("{number:03}"), "s", "c")));
    }
    journal.commit(uses).await.unwrap();
    journal.close().await;
    db.close().await;
}

async fn audit(
    place: &Place,
    key: &VerifierKey,
    checkpoints: &[SignedCheckpoint],
    open: bool,
) -> AuditReport {
    let db = Db::open(&place.url).await.unwrap();
    let mut seen = 0;
    let vault = XorVault;
    let options = Options {
        keys: std::slice::from_ref(key),
        checkpoints,
        vault: open.then_some(&vault as &dyn appliance::journal::Vault),
        progress: &mut |_| seen += 1,
    };
    let report = verify(&db, options).await.unwrap();
    assert!(seen > 0);
    db.close().await;
    report
}

fn key(keys: &Keys) -> VerifierKey {
    VerifierKey::from_spki(ORIGIN, keys.log.public_key()).unwrap()
}

#[tokio::test]
async fn an_untouched_log_is_sound() {
    for place in places() {
        let keys = keys();
        furnished(&place, &keys).await;
        let state = place.folder.path().join("state");
        let checkpoint = last_released(&state).unwrap().unwrap();
        let report = audit(&place, &key(&keys), std::slice::from_ref(&checkpoint), true).await;
        assert!(report.sound, "{report:#?}");
        assert_eq!((report.entries, report.rows, report.tiles), (311, 306, 1));
        assert_eq!((report.details, report.details_opened, report.details_erased), (2, 1, 1));
        assert_eq!(report.checkpoints, 1);
        assert_eq!(report.root, hex::encode(checkpoint.checkpoint().root));
    }
}

/// What is done to one row, and what the audit must say of it first.
const CASES: &[(&str, &str, &str, Fault)] = &[
    // State: altered, deleted, added.
    ("UPDATE organisations SET name = 'old' WHERE id = 'o'", "organisations", "o", Fault::Altered),
    ("UPDATE organisations SET version = 3 WHERE id = 'o'", "organisations", "o", Fault::Altered),
    ("DELETE FROM organisations WHERE id = 'o'", "organisations", "o", Fault::Missing),
    ("INSERT INTO organisations VALUES ('x', 1, 'x', 'x', 'x')", "organisations", "x", Fault::Added),
    (
        "INSERT INTO organisations VALUES ('removed', 1, 'x', 'x', 'x')",
        "organisations",
        "removed",
        Fault::Added,
    ),
    ("UPDATE callers SET roles = '[\"officer\"]' WHERE id = 'c'", "callers", "c", Fault::Altered),
    ("DELETE FROM callers WHERE id = 'c'", "callers", "c", Fault::Missing),
    (
        "INSERT INTO callers SELECT 'y', 1, kind, 'urn:y', organisation, person, roles, state, created FROM callers",
        "callers",
        "y",
        Fault::Added,
    ),
    ("UPDATE proposals SET state = 'approved' WHERE id = 'p'", "proposals", "p", Fault::Altered),
    ("UPDATE proposals SET key = '77' WHERE id = 'p'", "proposals", "p", Fault::Altered),
    ("DELETE FROM proposals WHERE id = 'p'", "proposals", "p", Fault::Missing),
    (
        "INSERT INTO proposals SELECT 'q', 1, caller, proposer, person, roles, state, created, approver, key FROM proposals",
        "proposals",
        "q",
        Fault::Added,
    ),
    ("UPDATE certificates SET state = 'revoked' WHERE id = 'f'", "certificates", "f", Fault::Altered),
    ("DELETE FROM certificates WHERE id = 'f'", "certificates", "f", Fault::Missing),
    (
        "INSERT INTO certificates (id, version, issuer, serial, subject, profile, caller, not_before, not_after, der, \
         state, revoked_at, reason) SELECT 'g', 1, issuer, '77', subject, profile, caller, not_before, not_after, der, \
         state, revoked_at, reason FROM certificates",
        "certificates",
        "g",
        Fault::Added,
    ),
    ("UPDATE seals SET owner = 'z' WHERE id = 's'", "seals", "s", Fault::Altered),
    (
        "UPDATE seals SET picture = (SELECT der FROM certificates) WHERE id = 's'",
        "seals",
        "s",
        Fault::Altered,
    ),
    ("DELETE FROM seals WHERE id = 's'", "seals", "s", Fault::Missing),
    (
        "INSERT INTO seals (id, version, name, organisation, owner, picture, width_um, height_um, certificate, \
         key_label, state) SELECT 't', 1, name, organisation, owner, picture, width_um, height_um, certificate, \
         key_label, state FROM seals",
        "seals",
        "t",
        Fault::Added,
    ),
    ("UPDATE seal_uses SET result_digest = '22' WHERE id = '123'", "seal_uses", "123", Fault::Altered),
    ("UPDATE seal_uses SET leaf = 5 WHERE id = '123'", "seal_uses", "123", Fault::Altered),
    ("UPDATE seal_uses SET case_number = 'A' WHERE id = '123'", "seal_uses", "123", Fault::Altered),
    ("DELETE FROM seal_uses WHERE id = '123'", "seal_uses", "123", Fault::Missing),
    (
        "INSERT INTO seal_uses SELECT '999', 1, seal, caller, time, leaf, original_digest, result_digest, \
         original_length, result_length, case_number, item, placement, kind, level, signed_digest, \
         organisation, document_digest, document_kind, page, format, rule, approval \
         FROM seal_uses WHERE id = '123'",
        "seal_uses",
        "999",
        Fault::Added,
    ),
    // The log: under a full tile, behind it, at its ends.
    (
        "UPDATE entries SET body = (SELECT body FROM entries WHERE leaf = 21) WHERE leaf = 20",
        "entries",
        "20",
        Fault::Altered,
    ),
    (
        "UPDATE entries SET body = (SELECT body FROM entries WHERE leaf = 21), \
         hash = (SELECT hash FROM entries WHERE leaf = 21) WHERE leaf = 20",
        "entries",
        "20",
        Fault::Altered,
    ),
    (
        "UPDATE entries SET hash = NULL, body = (SELECT body FROM entries WHERE leaf = 21) WHERE leaf = 20",
        "entries",
        "20",
        Fault::Altered,
    ),
    (
        "UPDATE entries SET body = (SELECT body FROM entries WHERE leaf = 299) WHERE leaf = 300",
        "entries",
        "300",
        Fault::Altered,
    ),
    ("DELETE FROM entries WHERE leaf = 0", "entries", "0", Fault::Missing),
    ("DELETE FROM entries WHERE leaf = 100", "entries", "100", Fault::Missing),
    ("DELETE FROM entries WHERE leaf = 310", "entries", "310", Fault::Missing),
    (
        "INSERT INTO entries SELECT 311, body, hash FROM entries WHERE leaf = 3",
        "entries",
        "311",
        Fault::Added,
    ),
    ("INSERT INTO entries SELECT -1, body, hash FROM entries WHERE leaf = 3", "entries", "-1", Fault::Added),
    ("UPDATE head SET size = 310", "head", "1", Fault::Altered),
    ("UPDATE head SET time = time - 1", "head", "1", Fault::Altered),
    ("UPDATE head SET checkpoint = replace(checkpoint, '311', '310')", "head", "1", Fault::Unsigned),
    (
        "UPDATE head SET compact_range = (SELECT hash FROM entries WHERE leaf = 3)",
        "head",
        "1",
        Fault::Altered,
    ),
    ("DELETE FROM head", "head", "1", Fault::Missing),
    ("DELETE FROM tiles", "tiles", "0/0", Fault::Missing),
    ("INSERT INTO tiles SELECT 0, 1, hashes FROM tiles", "tiles", "0/1", Fault::Added),
    ("INSERT INTO tiles SELECT 9, 0, hashes FROM tiles", "tiles", "9/0", Fault::Added),
    ("DELETE FROM details WHERE leaf = 7", "details", "7", Fault::Missing),
    ("UPDATE details SET wrapped_key = NULL, sealed = NULL WHERE leaf = 7", "details", "7", Fault::Missing),
    ("UPDATE details SET sealed = wrapped_key WHERE leaf = 7", "details", "7", Fault::Altered),
    (
        "INSERT INTO details SELECT 6, wrapped_key, sealed FROM details WHERE leaf = 7",
        "details",
        "6",
        Fault::Added,
    ),
    (
        "INSERT INTO details SELECT 400, wrapped_key, sealed FROM details WHERE leaf = 7",
        "details",
        "400",
        Fault::Added,
    ),
    (
        "UPDATE details SET wrapped_key = (SELECT wrapped_key FROM details WHERE leaf = 7), \
         sealed = (SELECT sealed FROM details WHERE leaf = 7) WHERE leaf = 8",
        "details",
        "8",
        Fault::Altered,
    ),
];

#[tokio::test]
async fn any_one_row_tampered_with_is_named() {
    for place in places() {
        let keys = keys();
        furnished(&place, &keys).await;
        for (sql, table, id, fault) in CASES {
            let restore = save(&place).await;
            assert!(raw(&place, sql).await >= 1, "{sql}");
            let report = audit(&place, &key(&keys), &[], false).await;
            let first = report.findings.first();
            let found = first.map(|first| (first.table.as_str(), first.id.as_str(), first.fault));
            assert_eq!(found, Some((*table, *id, *fault)), "{} {sql}\n{:#?}", place.kind, report.findings);
            assert!(!report.sound);
            restore.await;
        }
        let report = audit(&place, &key(&keys), &[], true).await;
        assert!(report.sound, "{report:#?}");
    }
}

/// Copies the tables aside; the answer puts them back.
async fn save(place: &Place) -> impl Future<Output = ()> {
    const TABLES: [&str; 10] = [
        "organisations",
        "callers",
        "proposals",
        "certificates",
        "seals",
        "seal_uses",
        "entries",
        "details",
        "tiles",
        "head",
    ];
    let copies: String =
        TABLES.iter().map(|t| format!("CREATE TABLE saved_{t} AS SELECT * FROM {t};")).collect();
    raw(place, &copies).await;
    async move {
        let back: String = TABLES
            .iter()
            .map(|t| {
                format!("DELETE FROM {t}; INSERT INTO {t} SELECT * FROM saved_{t}; DROP TABLE saved_{t};")
            })
            .collect();
        raw(place, &back).await;
    }
}

#[tokio::test]
async fn a_wrapped_key_that_was_swapped_is_found_with_the_vault() {
    let place = support::lite();
    let keys = keys();
    furnished(&place, &keys).await;
    raw(&place, "UPDATE details SET wrapped_key = sealed WHERE leaf = 7").await;
    assert!(audit(&place, &key(&keys), &[], false).await.sound, "re-wrapping is exempt without the key");
    let report = audit(&place, &key(&keys), &[], true).await;
    assert_eq!((report.findings[0].table.as_str(), report.findings[0].id.as_str()), ("details", "7"));
}

#[tokio::test]
async fn a_deleted_tail_is_found_against_an_earlier_checkpoint() {
    for place in places() {
        let keys = keys();
        furnished(&place, &keys).await;
        let restore = save(&place).await;
        let (db, journal) = reopen(&place, &keys).await.unwrap();
        journal.commit(Unit::new(act("inconvenient"))).await.unwrap();
        let checkpoint = journal.checkpoint();
        journal.close().await;
        db.close().await;
        // Everything as it was before: the rows alone cannot show it.
        restore.await;
        let report = audit(&place, &key(&keys), &[], false).await;
        assert!(report.sound, "{report:#?}");
        let report = audit(&place, &key(&keys), std::slice::from_ref(&checkpoint), false).await;
        let first = &report.findings[0];
        assert_eq!(
            (first.table.as_str(), first.id.as_str(), first.fault),
            ("entries", "311", Fault::Missing)
        );
        // Grown again with other entries.
        let mut settings = support::log::settings(&place.folder.path().join("other"));
        settings.adopt = true;
        let db = Db::open(&place.url).await.unwrap();
        let journal = Journal::open(db.clone(), settings, keys.clone()).await.unwrap();
        journal.commit(Unit::new(act("convenient"))).await.unwrap();
        journal.close().await;
        db.close().await;
        let report = audit(&place, &key(&keys), &[checkpoint], false).await;
        assert_eq!(report.findings[0].fault, Fault::Forked);
    }
}

#[tokio::test]
async fn a_log_signed_by_another_key_is_not_believed() {
    let place = support::lite();
    let genuine = keys();
    furnished(&place, &genuine).await;
    let report = audit(&place, &key(&keys()), &[], false).await;
    assert_eq!(report.findings[0].fault, Fault::Unsigned);
}
