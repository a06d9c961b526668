//! Somebody with write access to the database changes, deletes or adds one row: `audit verify` finds it and names it.

use support::appliance::STATE_TABLES;
use support::process::{Done, run};
use support::{Appliance, corpus};

use crate::{PLACE, ready, small_pdf};

/// A stopped appliance with something in every table.
fn filled() -> Appliance {
    let (mut appliance, client) = ready();
    for _ in 0..3 {
        client.seal(PLACE, small_pdf()).is(201);
    }
    client.seal(PLACE, corpus::named("garbage").read()).is(422);
    // A new officer waits for a second one: a proposal.
    let out = appliance.directory.join("credentials/wang").display().to_string();
    let officer = [
        "--kind",
        "officer",
        "--person",
        "wang",
        "--organisation",
        "bureau",
        "--role",
        "auditor",
        "--out",
        &out,
    ];
    appliance.cli_as("officer-1", &[&["caller", "add", "wang"], &officer[..]].concat());
    appliance.stop();
    appliance.audit_verify(&[]).ok();
    appliance
}

/// Runs `audit verify` on a copy of the database changed by `sql`.
fn after(appliance: &Appliance, sql: &str) -> Done {
    let (database, kept) = (appliance.database(), appliance.directory.join("kept.db"));
    if !kept.exists() {
        appliance.sql("PRAGMA wal_checkpoint(TRUNCATE)");
        std::fs::copy(&database, &kept).unwrap();
    }
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(appliance.directory.join(format!("cinnabar.db{suffix}")));
    }
    std::fs::copy(&kept, &database).unwrap();
    let done =
        run("sqlite3", ["-cmd", "PRAGMA foreign_keys = OFF", &database.display().to_string(), sql]).ok();
    assert!(done.stderr.is_empty(), "{sql}: {}", done.told());
    appliance.audit_verify(&[])
}

/// Tells when a change was not found, or was found without its table and row being named.
fn judge(missed: &mut Vec<String>, done: &Done, what: &str, names: &[&str]) {
    let told = done.told();
    if done.code == Some(0) {
        missed.push(format!("{what}: not found"));
    } else if !names.iter().all(|name| told.contains(name)) {
        missed.push(format!("{what}: {names:?} not named: {told}"));
    }
}

#[test]
fn any_changed_deleted_or_added_row_of_state_is_named() {
    let appliance = filled();
    let mut missed = Vec::new();
    for table in STATE_TABLES {
        let columns = appliance.sql(&format!("SELECT name || '|' || type FROM pragma_table_info('{table}')"));
        let rows = appliance.sql(&format!("SELECT id FROM {table} ORDER BY id"));
        assert!(!rows.is_empty(), "{table} is empty");
        for id in [rows.first().unwrap(), rows.last().unwrap()] {
            judge(
                &mut missed,
                &after(&appliance, &format!("DELETE FROM {table} WHERE id = '{id}'")),
                &format!("{table} {id} deleted"),
                &[table, id],
            );
        }
        let id = &rows[rows.len() / 2];
        for column in &columns {
            let (column, kind) = column.split_once('|').unwrap();
            // The leaf of a use is known only when its entry has its place: it is checked against the entry, not by digest.
            if column == "id" || (table == "seal_uses" && column == "leaf") {
                continue;
            }
            let value = match kind {
                "INTEGER" => format!("coalesce({column}, 0) + 1"),
                "BLOB" => format!("CAST(coalesce({column}, x'01') || x'00' AS BLOB)"),
                // A value the table's own constraints allow, yet another one.
                _ => match (table, column) {
                    ("callers", "kind") => {
                        "CASE kind WHEN 'officer' THEN 'operator' ELSE 'officer' END".into()
                    }
                    ("proposals", "state") => "CASE state WHEN 'open' THEN 'approved' ELSE 'open' END".into(),
                    ("callers", "state") => {
                        "CASE state WHEN 'active' THEN 'retired' ELSE 'active' END".into()
                    }
                    ("certificates", "state") => {
                        "CASE state WHEN 'good' THEN 'revoked' ELSE 'good' END".into()
                    }
                    _ => format!("coalesce({column}, '') || 'x'"),
                },
            };
            let sql = format!("UPDATE {table} SET {column} = {value} WHERE id = '{id}'");
            judge(
                &mut missed,
                &after(&appliance, &sql),
                &format!("{table} {id} {column} changed"),
                &[table, id],
            );
        }
        let names: Vec<&str> = columns.iter().map(|column| column.split_once('|').unwrap().0).collect();
        let values: Vec<String> = names
            .iter()
            .map(|&name| match (table, name) {
                (_, "id") => "'added-row'".into(),
                ("callers", "uri") => "'urn:added'".into(),
                ("certificates", "serial") => "'00ff'".into(),
                ("seals", "code") => "'37030099999999'".into(),
                _ => name.to_owned(),
            })
            .collect();
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE id = '{id}'",
            names.join(","),
            values.join(",")
        );
        judge(&mut missed, &after(&appliance, &sql), &format!("{table} row added"), &[table, "added-row"]);
    }
    assert!(missed.is_empty(), "{} not found or not named:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn any_changed_deleted_or_added_row_of_the_log_is_found() {
    let appliance = filled();
    let size: u64 = appliance.sql("SELECT count(*) FROM entries")[0].parse().unwrap();
    let (middle, last) = (size / 2, size - 1);
    let mut missed = Vec::new();
    for (what, sql, names) in [
        ("first entry changed", "UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), '\"v\":1', '\"v\":2') AS BLOB) WHERE leaf = 0".to_owned(), "0".to_owned()),
        ("an entry changed", format!("UPDATE entries SET body = CAST(body || x'20' AS BLOB) WHERE leaf = {middle}"), middle.to_string()),
        ("an entry deleted", format!("DELETE FROM entries WHERE leaf = {middle}"), middle.to_string()),
        ("the last entry deleted", format!("DELETE FROM entries WHERE leaf = {last}"), last.to_string()),
        ("an entry added", format!("CREATE TEMP TABLE t AS SELECT * FROM entries WHERE leaf = {last}; UPDATE t SET leaf = {size}; INSERT INTO entries SELECT * FROM t"), size.to_string()),
        ("two entries exchanged", format!("UPDATE entries SET leaf = -1 WHERE leaf = {middle}; UPDATE entries SET leaf = {middle} WHERE leaf = {last}; UPDATE entries SET leaf = {last} WHERE leaf = -1"), "entries".to_owned()),
        ("the head's size changed", "UPDATE head SET size = size - 1".to_owned(), "head".to_owned()),
        ("the head's range changed", "UPDATE head SET compact_range = zeroblob(length(compact_range))".to_owned(), "head".to_owned()),
        ("the checkpoint changed", "UPDATE head SET checkpoint = replace(checkpoint, 'A', 'B')".to_owned(), "checkpoint".to_owned()),
        ("the head deleted", "DELETE FROM head".to_owned(), "head".to_owned()),
    ] {
        judge(&mut missed, &after(&appliance, &sql), what, &[&names]);
    }
    if appliance.sql("SELECT count(*) FROM details WHERE sealed IS NOT NULL")[0] != "0" {
        let sql = "UPDATE details SET sealed = CAST(sealed || x'00' AS BLOB) WHERE leaf = (SELECT max(leaf) FROM details)";
        judge(&mut missed, &after(&appliance, sql), "a detail changed", &["details"]);
        let sql = "DELETE FROM details WHERE leaf = (SELECT max(leaf) FROM details)";
        judge(&mut missed, &after(&appliance, sql), "a detail deleted", &["details"]);
    }
    assert!(missed.is_empty(), "{} not found or not named:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn a_deleted_tail_is_found_against_an_earlier_checkpoint() {
    let (mut appliance, client) = ready();
    client.seal(PLACE, small_pdf()).is(201);
    appliance.stop();
    let folder = corpus::scratch();
    let earlier = folder.path().join("cinnabar.db");
    appliance.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    std::fs::copy(appliance.database(), &earlier).unwrap();

    appliance.serve();
    appliance.unseal();
    client.seal(PLACE, small_pdf()).is(201);
    let checkpoint = folder.path().join("checkpoint");
    let url = format!("http://127.0.0.1:{}/log/checkpoint", appliance.public_port);
    run("curl", ["-fsS", "-o", &checkpoint.display().to_string(), &url]).ok();
    appliance.stop();
    let checkpoint = checkpoint.display().to_string();
    appliance.audit_verify(&["--checkpoint", &checkpoint]).ok();

    // The database as it was before: consistent in itself, and still a lie.
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(appliance.directory.join(format!("cinnabar.db{suffix}")));
    }
    std::fs::copy(&earlier, appliance.database()).unwrap();
    let told = appliance.audit_verify(&["--checkpoint", &checkpoint]);
    assert_eq!(told.code, Some(1), "{}", told.told());

    // The node itself remembers the last checkpoint it released, and does not serve on such a database.
    appliance.serve();
    let passphrase = appliance.passphrase().display().to_string();
    let unsealed = appliance.cli(&["unseal", "--passphrase-file", &passphrase]);
    let answer = client.seal(PLACE, small_pdf());
    assert_eq!(
        answer.status,
        503,
        "served on a rolled-back database: {} / {}",
        answer.told(),
        unsealed.told()
    );
}
