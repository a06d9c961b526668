//! A batch of units as statements: merged over all of them, or of a single one when it is replayed.

use std::collections::{BTreeSet, HashMap};

use tlog::{Tile, leaf_hash};

use super::prepare::{Leaf, Prepared};
use super::unit::Change;
use crate::store::{Column, Insert, Operation, Row, Value, tables};

/// The writes of some units besides their entries. Guards come first: they see the state before the batch, in
/// which no row is written by one unit and touched by another ([`super::writer`] sees to that).
pub(super) fn state<'u>(units: impl Iterator<Item = (&'u Prepared, u64)>) -> Vec<Operation> {
    let mut guards: HashMap<&'static str, BTreeSet<(String, i64)>> = HashMap::new();
    let mut inserts: HashMap<&'static str, Vec<Vec<Value>>> = HashMap::new();
    let mut updates: HashMap<&'static str, Vec<Row>> = HashMap::new();
    let mut deletes: HashMap<&'static str, Vec<(String, i64)>> = HashMap::new();
    let mut erased: Vec<&u64> = Vec::new();
    let mut bumps: BTreeSet<&str> = BTreeSet::new();
    for (unit, first_leaf) in units {
        for placed in &unit.changes {
            let leaf = first_leaf + placed.entry as u64;
            match &placed.change {
                Change::Guard { table, id, version } => {
                    guards.entry(table.name).or_default().insert((id.clone(), *version));
                }
                Change::Insert(row) => {
                    inserts.entry(row.table.name).or_default().push(with_leaf(row, leaf).values)
                }
                Change::Update(row) => updates.entry(row.table.name).or_default().push(with_leaf(row, leaf)),
                Change::Delete { table, id, version } => {
                    deletes.entry(table.name).or_default().push((id.clone(), *version));
                }
            }
        }
        for row in &unit.cache {
            inserts.entry(row.table.name).or_default().push(row.values.clone());
        }
        erased.extend(&unit.erase);
        bumps.extend(unit.bumps.iter().copied());
    }
    let mut operations = Vec::new();
    for table in tables::ALL {
        if let Some(keys) = guards.remove(table.name) {
            operations.push(Operation::Guard(table, keys.into_iter().collect()));
        }
    }
    for table in tables::ALL {
        if let Some(rows) = inserts.remove(table.name) {
            operations.push(Operation::Insert(Insert { table: table.name, columns: table.columns, rows }));
        }
    }
    for table in tables::ALL {
        if let Some(rows) = updates.remove(table.name) {
            operations.push(Operation::Update(table, rows));
        }
    }
    for table in tables::ALL.iter().rev() {
        if let Some(keys) = deletes.remove(table.name) {
            operations.push(Operation::Delete(table, keys));
        }
    }
    for leaf in erased {
        let sql = "UPDATE details SET wrapped_key = NULL, sealed = NULL WHERE leaf = $1";
        operations.push(Operation::Sql(sql, vec![int(*leaf)], Some(1)));
    }
    for name in bumps {
        let sql = "INSERT INTO generations (name, value) VALUES ($1, 1) \
                   ON CONFLICT (name) DO UPDATE SET value = generations.value + 1";
        operations.push(Operation::Sql(sql, vec![Value::from(name)], Some(1)));
    }
    operations
}

/// The entries and side records, from leaf `first` on.
pub(super) fn entries<'l>(leaves: impl Iterator<Item = &'l Leaf>, first: u64) -> Vec<Operation> {
    let mut bodies = Vec::new();
    let mut details = Vec::new();
    for (leaf, number) in leaves.zip(first..) {
        let hash = leaf_hash(&leaf.body).to_vec();
        bodies.push(vec![int(number), Value::Bytes(leaf.body.clone()), Value::Bytes(hash)]);
        if let Some(detail) = &leaf.detail {
            let (key, sealed) = (detail.wrapped_key.clone(), detail.sealed.clone());
            details.push(vec![int(number), Value::Bytes(key), Value::Bytes(sealed)]);
        }
    }
    let mut operations = vec![Operation::Insert(Insert { table: "entries", columns: ENTRIES, rows: bodies })];
    if !details.is_empty() {
        operations.push(Operation::Insert(Insert { table: "details", columns: DETAILS, rows: details }));
    }
    operations
}

/// The full tiles that the batch completed.
pub(super) fn tiles(completed: Vec<(Tile, Vec<tlog::Hash>)>) -> Option<Operation> {
    let rows: Vec<_> = completed
        .into_iter()
        .map(|(tile, hashes)| {
            vec![Value::Int(tile.level().into()), int(tile.index()), Value::Bytes(hashes.concat())]
        })
        .collect();
    (!rows.is_empty()).then_some(Operation::Insert(Insert { table: "tiles", columns: TILES, rows }))
}

/// A `leaf` column gets the place of the entry that refers to the row.
fn with_leaf(row: &Row, leaf: u64) -> Row {
    let takes = row.table.columns.iter().any(|column| column.name == LEAF && column.exempt);
    if takes { row.clone().with(LEAF, int(leaf)) } else { row.clone() }
}

pub(super) fn int(number: u64) -> Value {
    // No log of ours comes near 2^63 entries; the database would refuse the negative number by its key.
    Value::Int(i64::try_from(number).unwrap_or(-1))
}

/// The exempt column that the journal fills in.
pub(crate) const LEAF: &str = "leaf";
const ENTRIES: &[Column] = &[Column::int("leaf"), Column::bytes("body"), Column::bytes("hash")];
const DETAILS: &[Column] = &[Column::int("leaf"), Column::bytes("wrapped_key"), Column::bytes("sealed")];
const TILES: &[Column] = &[Column::int("level"), Column::int("position"), Column::bytes("hashes")];

/// The same operation row by row, each with the table and id to name when it fails.
pub(super) fn singles(operation: Operation) -> Vec<(Operation, &'static str, String)> {
    let text = |row: &[Value]| row.first().and_then(Value::as_text).unwrap_or_default().to_owned();
    match operation {
        Operation::Insert(insert) => {
            let Insert { table, columns, rows } = insert;
            let single = |row: Vec<Value>| {
                let id = text(&row);
                (Operation::Insert(Insert { table, columns, rows: vec![row] }), table, id)
            };
            rows.into_iter().map(single).collect()
        }
        Operation::Update(table, rows) => rows
            .into_iter()
            .map(|row| {
                let id = row.id().to_owned();
                (Operation::Update(table, vec![row]), table.name, id)
            })
            .collect(),
        Operation::Delete(table, keys) => keys
            .into_iter()
            .map(|key| (Operation::Delete(table, vec![key.clone()]), table.name, key.0))
            .collect(),
        Operation::Guard(table, keys) => keys
            .into_iter()
            .map(|key| (Operation::Guard(table, vec![key.clone()]), table.name, key.0))
            .collect(),
        Operation::Sql(sql, parameters, expected) => {
            // Erasures: the only other statement that can miss its row.
            let id = parameters.first().and_then(Value::as_int).unwrap_or_default().to_string();
            vec![(Operation::Sql(sql, parameters, expected), "details", id)]
        }
    }
}
