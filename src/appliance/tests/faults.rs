//! Faults on purpose: killed processes, full disks, failing writes, a database server that dies. Afterwards: what
//! was acknowledged is in the log, the log re-derives, and what was refused did not happen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use appliance::audit::{Options, verify};
use appliance::journal::{CommitError, Journal, Unit, last_released};
use appliance::store::{DatabaseUrl, Db};
use serde_json::json;
use support::log::{ORIGIN, act, cached, create, furnish, keys, keys_from, pkcs8, seal_use, settings};
use support::{Place, Postgres};
use tlog::{Hash, leaf_hash};

/// A unit with state, cache and detail, as an act of the service has them.
fn unit(id: &str) -> Unit {
    Unit::new(act("document.seal"))
        .insert(seal_use(id, "s", "c"))
        .cache_insert(cached(id))
        .detail(json!({ "case": id, "padding": "x".repeat(500) }))
}

/// Every acknowledged act is in the log as its receipt said, and the whole database is sound.
async fn check(db: &Db, journal: &Journal, acknowledged: &[(u64, Hash)]) {
    for (leaf, hash) in acknowledged {
        let entry = journal.entry(*leaf).await.unwrap();
        assert_eq!(&leaf_hash(&entry.body), hash, "leaf {leaf}");
    }
    let options = Options {
        keys: &[journal.verifier_key().clone()],
        checkpoints: &[journal.checkpoint()],
        vault: None,
        progress: &mut |_| {},
    };
    let report = verify(db, options).await.unwrap();
    assert!(report.sound, "{report:#?}");
    assert_eq!(report.entries, journal.size());
}

// --- kill -9 ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let place = support::lite();
    let key = pkcs8();
    let key_file = place.folder.path().join("key");
    std::fs::write(&key_file, &key).unwrap();
    let keys = keys_from(&key);
    let (db, journal) = create(&place, &keys).await;
    journal.commit(furnish()).await.unwrap();
    journal.close().await;
    db.close().await;
    let mut acknowledged = Vec::new();
    for round in 0..5_u64 {
        let mut child = child("writer", place.folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // At different places of a batch: counted, not timed.
        let wanted = 40 + round * 37;
        let mut seen = 0;
        while seen < wanted {
            let line = lines.next().unwrap().unwrap();
            seen += u64::from(acknowledgement(&line).map(|ack| acknowledged.push(ack)).is_some());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What was still in the pipe has reached its caller, too.
        acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| acknowledgement(&line)));
        let db = Db::open(&place.url).await.unwrap();
        let journal = Journal::open(db.clone(), settings(&state(&place)), keys.clone()).await.unwrap();
        check(&db, &journal, &acknowledged).await;
        journal.close().await;
        db.close().await;
    }
    assert!(acknowledged.len() > 300);
}

fn acknowledgement(line: &str) -> Option<(u64, Hash)> {
    let (leaf, hash) = line.rsplit_once("ack ")?.1.split_once(' ')?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(hash, &mut bytes).ok()?;
    Some((leaf.parse().ok()?, bytes))
}

/// The child: eight callers who say what was acknowledged, until killed.
async fn writer(folder: PathBuf) {
    let keys = keys_from(&std::fs::read(folder.join("key")).unwrap());
    let db = Db::open(&DatabaseUrl::Lite(folder.join("cinnabar.db"))).await.unwrap();
    let journal = Journal::open(db, settings(&folder.join("state")), keys).await.unwrap();
    let run = std::process::id();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let journal = journal.clone();
            tokio::spawn(async move {
                for number in 0_u64.. {
                    let committed = journal.commit(unit(&format!("{run}-{task}-{number}"))).await.unwrap();
                    let hash = hex::encode(leaf_hash(&committed.receipt.leaf));
                    let line = format!("ack {} {hash}\n", committed.leaf);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        drop(task.await);
    }
}

// --- a disk that takes no more ---------------------------------------------------------------------------------------

#[test]
fn a_failing_write_refuses_the_act_and_the_journal_recovers() {
    // Beyond the limit every write fails with EFBIG, which SQLite reports as an I/O error.
    let folder = tempfile::tempdir().unwrap();
    let child = child("limited", folder.path());
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -S -f 6000; exec \"$0\" \"$@\""]).arg(child.get_program());
    limited.args(child.get_args()).envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(limited.status().unwrap().success());
}

#[test]
fn a_full_disk_refuses_the_act_and_the_journal_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let child = child("full", folder.path());
    let mut mounted = Command::new("unshare");
    mounted
        .args([
            "-m",
            "sh",
            "-c",
            "mount -t tmpfs -o size=6m none \"$CINNABAR_FOLDER\" || exit 77; exec \"$0\" \"$@\"",
        ])
        .arg(child.get_program())
        .args(child.get_args())
        .envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    match mounted.status().map(|status| status.code()) {
        Ok(Some(0)) => {}
        // Not root, or in a container: the limited file above is the same fault.
        Ok(Some(1 | 77)) | Err(_) => eprintln!("no tmpfs can be mounted here: not tested"),
        other => panic!("{other:?}"),
    }
}

/// The child: writes until refused, makes room, goes on; what was acknowledged is there, what was refused is not.
async fn fill(folder: PathBuf, relieve: impl FnOnce()) {
    let place = Place { url: DatabaseUrl::Lite(folder.join("cinnabar.db")), ..support::lite() };
    let keys = keys();
    let db = Db::upgrade(&place.url).await.unwrap();
    Journal::create(&db, ORIGIN, &keys.log).await.unwrap();
    let state = folder.join("state");
    let journal = Journal::open(db.clone(), settings(&state), keys.clone()).await.unwrap();
    let mut acknowledged = Vec::new();
    let first = journal.commit(furnish()).await.unwrap();
    acknowledged.push((first.leaf, leaf_hash(&first.receipt.leaf)));
    let mut refused = Vec::new();
    for round in 0.. {
        assert!(round < 2000, "never full");
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let journal = journal.clone();
                let id = format!("{round}-{task}");
                tokio::spawn(async move { (journal.commit(unit(&id)).await, id) })
            })
            .collect();
        for task in tasks {
            match task.await.unwrap() {
                (Ok(committed), _) => acknowledged.push((committed.leaf, leaf_hash(&committed.receipt.leaf))),
                (Err(CommitError::Unavailable(_)), id) => refused.push(id),
                (Err(error), _) => panic!("{error}"),
            }
        }
        if refused.len() >= 64 {
            break;
        }
    }
    assert!(journal.trouble().is_some());
    let size = journal.size();
    assert_eq!(size, acknowledged.len() as u64 + 3, "nothing but what was acknowledged");
    assert_eq!(last_released(&state).unwrap().unwrap(), journal.checkpoint());
    relieve();
    let after = journal.commit(unit("after")).await.unwrap();
    assert_eq!(after.leaf, size);
    assert!(journal.trouble().is_none());
    for id in &refused {
        assert!(db.row(&appliance::store::tables::SEAL_USES, id).await.unwrap().is_none(), "{id}");
    }
    check(&db, &journal, &acknowledged).await;
    journal.close().await;
    db.close().await;
    let db = Db::open(&place.url).await.unwrap();
    let journal = Journal::open(db.clone(), settings(&state), keys).await.unwrap();
    check(&db, &journal, &acknowledged).await;
    journal.close().await;
}

// --- a database server that dies -------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_server_that_dies_loses_nothing() {
    let Some(server) = Postgres::start() else { return };
    let server = Arc::new(server);
    let place = Place {
        folder: tempfile::tempdir().unwrap(),
        url: server.database().parse().unwrap(),
        kind: "postgres",
        server: Some(server.clone()),
    };
    let keys = keys();
    let (db, journal) = create(&place, &keys).await;
    journal.commit(furnish()).await.unwrap();
    for crash in 0..3 {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (journal, stop) = (journal.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    let mut unknown = 0;
                    for number in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        match journal.commit(unit(&format!("{crash}-{task}-{number}"))).await {
                            Ok(committed) => {
                                acknowledged.push((committed.leaf, leaf_hash(&committed.receipt.leaf)));
                            }
                            Err(CommitError::Unavailable(_)) => {
                                tokio::time::sleep(Duration::from_millis(5)).await
                            }
                            Err(CommitError::OutcomeUnknown(_)) => unknown += 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    (acknowledged, unknown)
                })
            })
            .collect();
        let size = journal.size();
        while journal.size() < size + 50 {
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        let crashed = server.clone();
        tokio::task::spawn_blocking(move || {
            crashed.crash();
            crashed.restart();
        })
        .await
        .unwrap();
        // It goes on by itself.
        let size = journal.size();
        while journal.size() < size + 50 {
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        stop.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for task in tasks {
            let (own, unknown) = task.await.unwrap();
            assert_eq!(unknown, 0, "the outcome was looked up");
            acknowledged.extend(own);
        }
        check(&db, &journal, &acknowledged).await;
    }
    journal.close().await;
}

// --- children --------------------------------------------------------------------------------------------------------

fn state(place: &Place) -> PathBuf {
    place.folder.path().join("state")
}

/// This program again, in one of the roles below.
fn child(role: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "role_of_a_child", "--nocapture", "--test-threads=1"]);
    command.env("CINNABAR_ROLE", role).env("CINNABAR_FOLDER", folder);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_of_a_child() {
    let Ok(role) = std::env::var("CINNABAR_ROLE") else { return };
    let folder = PathBuf::from(std::env::var_os("CINNABAR_FOLDER").unwrap());
    match role.as_str() {
        "writer" => writer(folder).await,
        "limited" => {
            fill(folder, || {
                let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
                let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
                rustix::process::setrlimit(rustix::process::Resource::Fsize, raised).unwrap();
            })
            .await;
        }
        "full" => {
            let ballast = folder.join("ballast");
            std::fs::write(&ballast, vec![1_u8; 2 << 20]).unwrap();
            fill(folder, || std::fs::remove_file(ballast).unwrap()).await;
        }
        other => panic!("no role `{other}`"),
    }
}
