//! What can be done before the head lock is taken: shapes checked, rows digested, detail sealed, the leaf written
//! in canonical form with a gap for the time. Runs on the caller's task, so that the writer only splices and hashes.

use std::collections::HashMap;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};
use tlog::canonical;
use tlog::commitment::nonce_text;
use tlog::receipt::MAX_LEAF_BYTES;

use super::detail::{self, SealedDetail, Vault};
use super::error::CommitError;
use super::unit::{Change, Part, Unit};
use crate::store::{Row, Table, tables};

/// A unit ready for the writer.
#[derive(Debug)]
pub(super) struct Prepared {
    pub leaves: Vec<Leaf>,
    pub changes: Vec<Placed>,
    pub cache: Vec<Row>,
    pub bumps: Vec<&'static str>,
    pub erase: Vec<u64>,
    /// Octets that go to the database, roughly.
    pub weight: usize,
}

/// One leaf, complete but for its time.
#[derive(Debug)]
pub(super) struct Leaf {
    pub body: Vec<u8>,
    pub detail: Option<SealedDetail>,
}

/// A change and the entry (within the unit) that refers to it.
#[derive(Debug)]
pub(super) struct Placed {
    pub change: Change,
    pub entry: usize,
}

/// Rows that a unit touches, and whether it writes them.
pub(super) type Touched = HashMap<(&'static str, String), bool>;

/// `2026-11-22T03:21:30.123456Z`: fixed width, so that it can be spliced.
const TIME_WIDTH: usize = 27;
/// What follows the time in every leaf. INVARIANT: `time` and `v` sort behind every other member.
const TAIL: &str = "\",\"v\":1}";

impl Prepared {
    pub(super) fn new(unit: Unit, vault: &dyn Vault, random: &SystemRandom) -> Result<Self, CommitError> {
        let mut prepared = Self {
            leaves: Vec::with_capacity(unit.parts.len()),
            changes: Vec::new(),
            cache: Vec::new(),
            bumps: Vec::new(),
            erase: Vec::new(),
            weight: 0,
        };
        for (entry, part) in unit.parts.into_iter().enumerate() {
            let leaf = leaf(&part, vault, random)?;
            prepared.weight += leaf.body.len() + leaf.detail.as_ref().map_or(0, |d| d.sealed.len() + 64);
            prepared.leaves.push(leaf);
            for row in &part.cache {
                check(row, true)?;
            }
            prepared.cache.extend(part.cache);
            prepared.changes.extend(part.changes.into_iter().map(|change| Placed { change, entry }));
            prepared.bumps.extend(part.bumps);
            prepared.erase.extend(part.erase);
        }
        let rows = prepared.changes.iter().filter_map(|placed| placed.change.row()).chain(&prepared.cache);
        prepared.weight += rows.map(weight).sum::<usize>();
        Ok(prepared)
    }

    /// The rows it touches; rows of one unit only are merged without regard to their order.
    pub(super) fn touched(&self) -> Touched {
        let mut touched = Touched::new();
        for placed in &self.changes {
            let (table, id) = placed.change.key();
            let writes = !matches!(placed.change, Change::Guard { .. });
            *touched.entry((table.name, id.to_owned())).or_default() |= writes;
        }
        for row in &self.cache {
            touched.insert((row.table.name, row.id().to_owned()), true);
        }
        for leaf in &self.erase {
            touched.insert(("details", leaf.to_string()), true);
        }
        touched
    }
}

impl Leaf {
    /// Puts the time (as [`time_text`] writes it) into its gap.
    pub(super) fn stamp(&mut self, time: &str) {
        let end = self.body.len().saturating_sub(TAIL.len());
        let gap = end.saturating_sub(TIME_WIDTH)..end;
        if let Some(gap) = self.body.get_mut(gap)
            && gap.len() == time.len()
        {
            gap.copy_from_slice(time.as_bytes());
        }
    }
}

/// A time in microseconds as leaves write it.
pub(super) fn time_text(microseconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_microsecond(microseconds).ok()?;
    let text = time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    (text.len() == TIME_WIDTH).then_some(text)
}

impl Change {
    /// Table and id of the row.
    pub(super) fn key(&self) -> (&'static Table, &str) {
        match self {
            Self::Insert(row) | Self::Update(row) => (row.table, row.id()),
            Self::Delete { table, id, .. } | Self::Guard { table, id, .. } => (table, id),
        }
    }

    pub(super) const fn row(&self) -> Option<&Row> {
        match self {
            Self::Insert(row) | Self::Update(row) => Some(row),
            Self::Delete { .. } | Self::Guard { .. } => None,
        }
    }
}

fn leaf(part: &Part, vault: &dyn Vault, random: &SystemRandom) -> Result<Leaf, CommitError> {
    let mut nonce = [0; 16];
    random.fill(&mut nonce).map_err(|_| CommitError::Key("no randomness".to_owned()))?;
    let nonce = nonce_text(&nonce);
    let mut members = Map::new();
    part.act.put(&mut members);
    let mut sealed = None;
    if let Some(detail) = &part.detail {
        let (record, commitment) = detail::seal(detail, &nonce, vault, random)?;
        let stored = hex::encode(digest(&SHA256, &record.sealed));
        members
            .insert("detail".to_owned(), json!({ "commitment": hex::encode(commitment), "record": stored }));
        sealed = Some(record);
    }
    if !part.erase.is_empty() {
        members.insert("erased".to_owned(), json!(part.erase));
    }
    if let Some(facts) = &part.facts {
        members.insert("facts".to_owned(), facts.clone());
    }
    members.insert("nonce".to_owned(), Value::from(nonce));
    let mut rows = Vec::with_capacity(part.changes.len());
    for change in &part.changes {
        rows.extend(reference(change)?);
    }
    if !rows.is_empty() {
        members.insert("rows".to_owned(), Value::Array(rows));
    }
    members.insert("time".to_owned(), Value::from("0".repeat(TIME_WIDTH)));
    members.insert("v".to_owned(), Value::from(1));
    let body = canonical::to_vec(&Value::Object(members))
        .map_err(|error| CommitError::Canonical(error.to_string()))?;
    if body.len() > MAX_LEAF_BYTES {
        return Err(CommitError::TooLarge { length: body.len() });
    }
    Ok(Leaf { body, detail: sealed })
}

/// What the entry says of a row: table, key, version and digest (decision 3); a removed row has no digest.
fn reference(change: &Change) -> Result<Option<Value>, CommitError> {
    let (table, id) = change.key();
    let refuse =
        |fault: &str| Err(CommitError::Row { table: table.name, id: id.to_owned(), fault: fault.to_owned() });
    if let Some(fault) = unregistered(table) {
        return refuse(fault);
    }
    if table.cache {
        return refuse("a cache table takes rows by `cache_insert` only");
    }
    let (version, digest) = match change {
        Change::Guard { .. } => return Ok(None),
        Change::Delete { version, .. } => (*version, None),
        Change::Insert(row) | Change::Update(row) => {
            check(row, false)?;
            match (change, row.version()) {
                (Change::Insert(_), 1) => {}
                (Change::Insert(_), _) => return refuse("a new row has version 1"),
                (_, 1) => return refuse("a changed row has version 2 or more"),
                _ => {}
            }
            (row.version(), Some(hex::encode(row.digest())))
        }
    };
    let mut members = Map::new();
    if let Some(digest) = digest {
        members.insert("digest".to_owned(), Value::from(digest));
    } else {
        members.insert("deleted".to_owned(), Value::from(true));
    }
    members.insert("id".to_owned(), Value::from(id));
    members.insert("table".to_owned(), Value::from(table.name));
    members.insert("version".to_owned(), Value::from(version));
    Ok(Some(Value::Object(members)))
}

fn check(row: &Row, cache: bool) -> Result<(), CommitError> {
    let fault = if row.table.cache == cache { row.fault() } else { Some("the table is not a cache") };
    let fault = fault.or_else(|| unregistered(row.table));
    match fault {
        None => Ok(()),
        Some(fault) => {
            Err(CommitError::Row { table: row.table.name, id: row.id().to_owned(), fault: fault.to_owned() })
        }
    }
}

/// Only registered tables are merged and audited.
fn unregistered(table: &'static Table) -> Option<&'static str> {
    let known = tables::by_name(table.name).is_some_and(|known| known == table);
    (!known).then_some("the table is not registered")
}

fn weight(row: &Row) -> usize {
    let sizes = row.values.iter().map(|value| value.as_bytes().map_or(16, <[u8]>::len));
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Act, VaultError};
    use crate::store::Value as Sql;
    use zeroize::Zeroizing;

    struct Plain;

    impl Vault for Plain {
        fn wrap(&self, key: &[u8; 32], _: &[u8]) -> Result<Vec<u8>, VaultError> {
            Ok(key.to_vec())
        }
        fn unwrap(&self, wrapped: &[u8], _: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
            Ok(Zeroizing::new(wrapped.to_vec()))
        }
    }

    fn prepare(unit: Unit) -> Result<Prepared, CommitError> {
        Prepared::new(unit, &Plain, &SystemRandom::new())
    }

    fn organisation(version: i64) -> Row {
        let values = ["o", "", "市政务局", "bureau", "active"].map(Sql::from).to_vec();
        Row::new(&tables::ORGANISATIONS, values).with("version", version)
    }

    fn unit() -> Unit {
        Unit::new(Act::system("test", "organisation.add", "organisation:o")).insert(organisation(1))
    }

    #[test]
    fn a_stamped_leaf_is_canonical_and_says_everything() {
        let unit = unit().facts(json!({"zebra": 1, "Ä": [true, null]})).detail(json!({"name": "张三"}));
        let mut prepared = prepare(unit).unwrap();
        let time = time_text(1_794_000_000_123_456).unwrap();
        prepared.leaves[0].stamp(&time);
        let leaf = canonical::parse(&prepared.leaves[0].body).unwrap();
        assert_eq!(leaf["time"], json!("2026-11-06T21:20:00.123456Z"));
        assert_eq!(leaf["v"], json!(1));
        assert_eq!(leaf["rows"][0]["table"], json!("organisations"));
        assert_eq!(leaf["rows"][0]["digest"], json!(hex::encode(organisation(1).digest())));
        assert_eq!(leaf["nonce"].as_str().unwrap().len(), 32);
        assert!(!String::from_utf8_lossy(&prepared.leaves[0].body).contains("张三"));
        let detail = prepared.leaves[0].detail.clone().unwrap();
        let mut commitment = [0; 32];
        hex::decode_to_slice(leaf["detail"]["commitment"].as_str().unwrap(), &mut commitment).unwrap();
        let nonce = leaf["nonce"].as_str().unwrap();
        let opened = detail::open(&detail.wrapped_key, &detail.sealed, nonce, &commitment, &Plain).unwrap();
        assert_eq!(opened, json!({"name": "张三"}));
        // Moved to another entry, or altered, it does not open.
        assert!(detail::open(&detail.wrapped_key, &detail.sealed, "other", &commitment, &Plain).is_err());
        let mut altered = detail.sealed.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(detail::open(&detail.wrapped_key, &altered, nonce, &commitment, &Plain).is_err());
        commitment[0] ^= 1;
        assert!(detail::open(&detail.wrapped_key, &detail.sealed, nonce, &commitment, &Plain).is_err());
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_the_lock() {
        let fault = |unit: Unit| prepare(unit).unwrap_err();
        assert!(matches!(fault(unit().insert(organisation(2))), CommitError::Row { .. }));
        assert!(matches!(fault(unit().update(organisation(1))), CommitError::Row { .. }));
        assert!(matches!(fault(unit().cache_insert(organisation(1))), CommitError::Row { .. }));
        assert!(matches!(fault(unit().insert(organisation(1).with("name", 1))), CommitError::Row { .. }));
        assert!(matches!(fault(unit().facts(json!(0.5))), CommitError::Canonical(_)));
        let large = unit().facts(json!("x".repeat(70_000)));
        assert!(matches!(fault(large), CommitError::TooLarge { length } if length > 70_000));
    }

    #[test]
    fn touched_rows_tell_guards_from_writes() {
        let unit = unit().guard(&tables::CALLERS, "c", 3).guard(&tables::ORGANISATIONS, "o", 1);
        let touched = prepare(unit).unwrap().touched();
        assert!(touched[&("organisations", "o".to_owned())]);
        assert!(!touched[&("callers", "c".to_owned())]);
    }
}
