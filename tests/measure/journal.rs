//! Durable entries per second, each acknowledged only after its batch is on disk: one caller, 16, 256, on SQLite in a real
//! folder. Time on the wall: a commit is mostly waiting for the disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use appliance::config::TimeSource;
use appliance::journal::{Act, Journal, Keys, Settings, SystemClock, Unit, Vault, VaultError};
use appliance::store::{DatabaseUrl, Db};
use crypto::{KeyKind, Signer, SoftwareKey};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use crate::Figure;

const ORIGIN: &str = "measure.example/log";

pub fn figures() -> Vec<Figure> {
    [(1, "journal.append.1.per_s"), (16, "journal.append.16.per_s"), (256, "journal.append.256.per_s")]
        .map(|(callers, name)| Figure { name, unit: "1/s", measure: Box::new(move || appending(callers)) })
        .into()
}

fn appending(callers: u32) -> f64 {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let db =
            Db::upgrade(&DatabaseUrl::Lite(folder.path().join("cinnabar.db"))).await.expect("a database");
        let pkcs8 = SoftwareKey::generate(KeyKind::Ed25519, &SystemRandom::new()).expect("a key");
        let log: Arc<dyn Signer> = Arc::new(SoftwareKey::from_pkcs8(&pkcs8).expect("a key"));
        Journal::create(&db, ORIGIN, &log).await.expect("a log");
        let settings = Settings {
            origin: ORIGIN.to_owned(),
            state: folder.path().join("state"),
            clock: Arc::new(SystemClock::new(TimeSource::Assumed)),
            adopt: false,
        };
        let journal = Journal::open(db.clone(), settings, Keys { log, vault: Arc::new(NoVault) })
            .await
            .expect("a journal");
        run(&journal, callers, Duration::from_secs(1)).await; // warm
        let per_second = run(&journal, callers, Duration::from_secs(5)).await;
        journal.close().await;
        db.close().await;
        per_second
    })
}

/// Every caller appends, waits for the answer, appends again.
async fn run(journal: &Journal, callers: u32, time: Duration) -> f64 {
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let mut count = 0u32;
                while began.elapsed() < time {
                    let act = Act::system("measure", "measure.entry", "");
                    let facts = serde_json::json!({ "number": count, "digest": "00".repeat(32) });
                    journal.commit(Unit::new(act).facts(facts)).await.expect("committed");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("a caller");
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// The entries measured here carry no personal detail, so nothing is ever wrapped.
struct NoVault;

impl Vault for NoVault {
    fn wrap(&self, _: &[u8; 32], _: &[u8]) -> Result<Vec<u8>, VaultError> {
        Err(VaultError("no detail is expected".to_owned()))
    }

    fn unwrap(&self, _: &[u8], _: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        Err(VaultError("no detail is expected".to_owned()))
    }
}
