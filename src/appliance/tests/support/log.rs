//! A journal for tests: keys made at run time, a clock that tests set, rows of each table.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use appliance::config::TimeSource;
use appliance::journal::{
    Act, Clock, Journal, JournalError, Judgement, Keys, Settings, SystemClock, Unit, Vault, VaultError,
};
use appliance::store::{Db, Row, Value, tables};
use crypto::{KeyKind, Signer, SoftwareKey};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use super::Place;

pub const ORIGIN: &str = "test.example/log";

/// Wraps by XOR with a fixed pad and checks the context: enough to see that it is used.
pub struct XorVault;

impl Vault for XorVault {
    fn wrap(&self, key: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut wrapped: Vec<u8> = key.iter().map(|byte| byte ^ 0x5a).collect();
        wrapped.extend_from_slice(context);
        Ok(wrapped)
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = wrapped.strip_suffix(context).ok_or_else(|| VaultError("another context".to_owned()))?;
        Ok(Zeroizing::new(key.iter().map(|byte| byte ^ 0x5a).collect()))
    }
}

/// Keys of a log.
pub fn keys() -> Keys {
    keys_from(&pkcs8())
}

/// A new log key.
pub fn pkcs8() -> Vec<u8> {
    SoftwareKey::generate(KeyKind::Ed25519, &SystemRandom::new()).unwrap().to_vec()
}

/// The keys of a log, again.
pub fn keys_from(pkcs8: &[u8]) -> Keys {
    let log: Arc<dyn Signer> = Arc::new(SoftwareKey::from_pkcs8(pkcs8).unwrap());
    Keys { log, vault: Arc::new(XorVault) }
}

/// A real clock that tests can move.
#[derive(Default)]
pub struct MovedClock(pub AtomicI64);

impl Clock for MovedClock {
    fn wall(&self) -> i64 {
        SystemClock::new(TimeSource::Assumed).wall() + self.0.load(Ordering::Relaxed)
    }
    fn monotonic(&self) -> Duration {
        SystemClock::new(TimeSource::Assumed).monotonic()
    }
    fn judgement(&self) -> Judgement {
        Judgement::Assumed
    }
}

pub fn settings(state: &Path) -> Settings {
    Settings {
        origin: ORIGIN.to_owned(),
        state: state.to_owned(),
        clock: Arc::new(SystemClock::new(TimeSource::Assumed)),
        adopt: false,
    }
}

/// A new log at a place.
pub async fn create(place: &Place, keys: &Keys) -> (Db, Journal) {
    let db = Db::upgrade(&place.url).await.unwrap();
    Journal::create(&db, ORIGIN, &keys.log).await.unwrap();
    let journal = Journal::open(db.clone(), settings(&place.folder.path().join("state")), keys.clone()).await;
    (db, journal.unwrap())
}

/// The log of a place again.
pub async fn reopen(place: &Place, keys: &Keys) -> Result<(Db, Journal), JournalError> {
    let db = Db::open(&place.url).await.unwrap();
    let state = place.folder.path().join("state");
    Ok((db.clone(), Journal::open(db, settings(&state), keys.clone()).await?))
}

pub fn act(action: &str) -> Act {
    Act::system("test", action, "")
}

pub fn organisation(id: &str) -> Row {
    let values: Vec<Value> =
        vec![id.into(), 1.into(), "市政务服务局".into(), "bureau".into(), "active".into()];
    Row::new(&tables::ORGANISATIONS, values)
}

pub fn caller(id: &str, organisation: &str) -> Row {
    let values: Vec<Value> = vec![
        id.into(),
        1.into(),
        "machine".into(),
        format!("urn:test:{id}").into(),
        organisation.into(),
        Value::Null,
        "[\"sealer\"]".into(),
        "active".into(),
        7.into(),
    ];
    Row::new(&tables::CALLERS, values)
}

pub fn proposal(id: &str, caller: &str) -> Row {
    let values: Vec<Value> = vec![
        id.into(),
        1.into(),
        caller.into(),
        caller.into(),
        "person".into(),
        "[\"officer\"]".into(),
        "open".into(),
        7.into(),
        Value::Null,
        "5e".repeat(32).into(),
    ];
    Row::new(&tables::PROPOSALS, values)
}

pub fn certificate(id: &str, caller: &str) -> Row {
    let mut values: Vec<Value> = vec![
        id.into(),
        1.into(),
        "platform".into(),
        format!("5e{id}").into(),
        "CN=x".into(),
        "client".into(),
        caller.into(),
        0.into(),
        9.into(),
        vec![48_u8, 0].into(),
        "good".into(),
        Value::Null,
        Value::Null,
    ];
    // Columns of later schemas are NULL in an old row.
    values.resize(tables::CERTIFICATES.columns.len(), Value::Null);
    Row::new(&tables::CERTIFICATES, values)
}

pub fn seal(id: &str, organisation: &str, owner: &str, certificate: &str) -> Row {
    let mut values: Vec<Value> = vec![
        id.into(),
        1.into(),
        "审批专用章".into(),
        organisation.into(),
        owner.into(),
        vec![137_u8, 80, 78, 71].into(),
        42_000.into(),
        42_000.into(),
        certificate.into(),
        "seal-key".into(),
        "active".into(),
    ];
    // Columns of later schemas are NULL in an old row.
    values.resize(tables::SEALS.columns.len(), Value::Null);
    Row::new(&tables::SEALS, values)
}

pub fn seal_use(id: &str, seal: &str, caller: &str) -> Row {
    let mut values: Vec<Value> = vec![
        id.into(),
        1.into(),
        seal.into(),
        caller.into(),
        5.into(),
        Value::Null,
        "00".into(),
        "11".into(),
        10.into(),
        20.into(),
        Value::Null,
        Value::Null,
        "{}".into(),
    ];
    values.resize(tables::SEAL_USES.columns.len(), Value::Null);
    Row::new(&tables::SEAL_USES, values)
}

pub fn cached(id: &str) -> Row {
    let values: Vec<Value> = vec![id.into(), 1.into(), "d".into(), vec![1_u8].into(), i64::MAX.into()];
    Row::new(&tables::IDEMPOTENCY, values)
}

/// One unit with a row in every table, in several entries.
pub fn furnish() -> Unit {
    furnish_with(|unit| unit.insert(proposal("p", "c")))
}

/// The same without what later schemas brought.
pub fn furnish_first_schema() -> Unit {
    furnish_with(|unit| unit)
}

fn furnish_with(more: impl FnOnce(Unit) -> Unit) -> Unit {
    let people = Unit::new(act("caller.add")).insert(caller("c", "o")).insert(certificate("f", "c"));
    Unit::new(act("organisation.add"))
        .insert(organisation("o"))
        .also(more(people))
        .also(Unit::new(act("seal.add")).insert(seal("s", "o", "c", "f")))
        .also(Unit::new(act("seal.use")).insert(seal_use("u", "s", "c")))
}
