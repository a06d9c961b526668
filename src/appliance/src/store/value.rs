//! The shapes that rows have in both databases: three kinds of value, tables as data, and the canonical bytes of
//! a row, whose SHA-256 stands in the entry that wrote it (decision 3).
//!
//! Tables are declared in [`super::tables`]; rows are made by the capabilities' `records.rs` and written by the
//! journal only.

use ring::digest::{SHA256, digest};

/// One value. Times are `Int`: microseconds since the Unix epoch; booleans are `Int` 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// UTF-8 text without NUL (PostgreSQL has no room for one).
    Text(String),
    /// Octets.
    Bytes(Vec<u8>),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The octets, if they are some.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// BIGINT, INTEGER in SQLite.
    Int,
    /// TEXT.
    Text,
    /// BYTEA, BLOB in SQLite.
    Bytes,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Not in the row digest: caches and re-wrapped keys, which may change without an entry.
    pub exempt: bool,
}

impl Column {
    /// A text column.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text, exempt: false }
    }

    /// An integer column.
    #[must_use]
    pub const fn int(name: &'static str) -> Self {
        Self { name, kind: Kind::Int, exempt: false }
    }

    /// An octets column.
    #[must_use]
    pub const fn bytes(name: &'static str) -> Self {
        Self { name, kind: Kind::Bytes, exempt: false }
    }

    /// The same, left out of the row digest.
    #[must_use]
    pub const fn exempt(self) -> Self {
        Self { exempt: true, ..self }
    }
}

/// A table of state. `columns[0]` is `id` TEXT, the primary key; `columns[1]` is `version`, 1 for a new row and
/// one more with each change.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order of [`Row::values`].
    pub columns: &'static [Column],
    /// A cache: written in units, but no entry refers to its rows and the audit does not look at it.
    pub cache: bool,
}

impl Table {
    /// A table of state, under audit.
    #[must_use]
    pub const fn new(name: &'static str, columns: &'static [Column]) -> Self {
        Self { name, columns, cache: false }
    }

    /// A table outside of the audit.
    #[must_use]
    pub const fn cache(name: &'static str, columns: &'static [Column]) -> Self {
        Self { name, columns, cache: true }
    }

    /// Position of a column.
    #[must_use]
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }

    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }
}

/// One whole row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its table.
    pub table: &'static Table,
    /// Its values, one for each column of the table.
    pub values: Vec<Value>,
}

impl Row {
    /// A row by its values, in the table's order.
    #[must_use]
    pub const fn new(table: &'static Table, values: Vec<Value>) -> Self {
        Self { table, values }
    }

    /// The primary key; empty when the row has none (the journal refuses such a row).
    #[must_use]
    pub fn id(&self) -> &str {
        self.values.first().and_then(Value::as_text).unwrap_or_default()
    }

    /// The version; 0 when the row has none (the journal refuses such a row).
    #[must_use]
    pub fn version(&self) -> i64 {
        self.values.get(1).and_then(Value::as_int).unwrap_or_default()
    }

    /// The value of a column; `Null` for a name the table does not have.
    #[must_use]
    pub fn value(&self, column: &str) -> &Value {
        self.table.position(column).and_then(|position| self.values.get(position)).unwrap_or(&Value::Null)
    }

    /// The same row with one value changed and the version one higher: what [`Unit::update`] takes.
    ///
    /// [`Unit::update`]: crate::journal::Unit::update
    #[must_use]
    pub fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        if let Some(slot) = self.table.position(column).and_then(|position| self.values.get_mut(position)) {
            *slot = value.into();
        }
        self
    }

    /// The same row, its version one higher: what [`Unit::update`] takes.
    ///
    /// [`Unit::update`]: crate::journal::Unit::update
    #[must_use]
    pub fn next_version(self) -> Self {
        let version = self.version();
        self.with("version", version + 1)
    }

    /// The first thing wrong with the row's shape, if any: number and kinds of its values, key and version.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.values.len() != self.table.columns.len() {
            return Some("the number of values is not the table's number of columns");
        }
        if self.id().is_empty() {
            return Some("the id is not a text");
        }
        if self.version() < 1 {
            return Some("the version is below 1");
        }
        self.table.columns.iter().zip(&self.values).find_map(|(column, value)| match (column.kind, value) {
            (_, Value::Null) | (Kind::Int, Value::Int(_)) | (Kind::Bytes, Value::Bytes(_)) => None,
            (Kind::Text, Value::Text(text)) if !text.contains('\0') => None,
            (Kind::Text, Value::Text(_)) => Some("a text holds NUL"),
            _ => Some("a value is not of its column's kind"),
        })
    }

    /// The bytes that the row's digest covers: the table's name, then name and value of each column that is
    /// neither exempt nor NULL, everything with its length in front.
    ///
    /// INVARIANT: NULL counts as absent, so that a migration may add a nullable column and every digest in the
    /// log keeps matching.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        let mut put = |tag: u8, part: &[u8]| {
            bytes.push(tag);
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        };
        put(b'T', self.table.name.as_bytes());
        for (column, value) in self.table.columns.iter().zip(&self.values).filter(|(c, _)| !c.exempt) {
            let (tag, value): (u8, &[u8]) = match value {
                Value::Null => continue,
                Value::Int(int) => (b'i', &int.to_be_bytes()),
                Value::Text(text) => (b't', text.as_bytes()),
                Value::Bytes(octets) => (b'b', octets),
            };
            put(b'C', column.name.as_bytes());
            put(tag, value);
        }
        bytes
    }

    /// SHA-256 of [`canonical_bytes`](Self::canonical_bytes).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, &self.canonical_bytes()).as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static OLD: Table = Table::new("t", &[Column::text("id"), Column::int("version"), Column::text("a")]);
    static NEW: Table = Table::new(
        "t",
        &[
            Column::text("id"),
            Column::int("version"),
            Column::text("a"),
            Column::bytes("b"),
            Column::text("cached").exempt(),
        ],
    );

    fn row(table: &'static Table, rest: Vec<Value>) -> Row {
        let mut values = vec![Value::from("x"), Value::Int(1)];
        values.extend(rest);
        Row::new(table, values)
    }

    #[test]
    fn a_new_nullable_column_leaves_the_digest_alone() {
        let old = row(&OLD, vec!["v".into()]);
        let new = row(&NEW, vec!["v".into(), Value::Null, "anything".into()]);
        assert_eq!(old.digest(), new.digest());
    }

    #[test]
    fn every_value_counts() {
        let base = row(&NEW, vec!["v".into(), vec![1_u8].into(), Value::Null]);
        for (column, value) in [
            ("a", Value::from("w")),
            ("a", Value::Null),
            ("b", vec![2_u8].into()),
            ("version", Value::Int(2)),
        ] {
            assert_ne!(base.clone().with(column, value).digest(), base.digest(), "{column}");
        }
        // Text and octets of the same bytes are different values.
        let text = Row::new(&NEW, vec!["x".into(), 1.into(), "é".into(), Value::Null, Value::Null]);
        let bytes = Row::new(
            &NEW,
            vec!["x".into(), 1.into(), "é".as_bytes().to_vec().into(), Value::Null, Value::Null],
        );
        assert_ne!(text.digest(), bytes.digest());
    }

    #[test]
    fn rows_of_the_wrong_shape_are_told() {
        assert!(row(&OLD, vec!["v".into()]).fault().is_none());
        assert!(row(&OLD, vec![]).fault().is_some());
        assert!(row(&OLD, vec![Value::Int(1)]).fault().is_some());
        assert!(row(&OLD, vec!["a\0b".into()]).fault().is_some());
        assert!(row(&OLD, vec!["v".into()]).with("version", 0).fault().is_some());
        assert!(row(&OLD, vec!["v".into()]).with("id", Value::Null).fault().is_some());
    }
}
