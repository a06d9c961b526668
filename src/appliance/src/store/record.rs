//! One row of an answer, the same for both databases.

use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use super::error::StoreError;
use super::value::{Row, Table, Value};

/// One row of an answer: values by column name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Record {
    /// The value of a column.
    ///
    /// # Errors
    /// When the answer has no such column.
    pub fn value(&self, column: &str) -> Result<&Value, StoreError> {
        let position = self.columns.iter().position(|name| name == column);
        position.and_then(|position| self.values.get(position)).ok_or_else(|| StoreError::Column {
            column: column.to_owned(),
            expected: "in the answer",
            found: "absent",
        })
    }

    /// A text.
    ///
    /// # Errors
    /// When the column is absent, NULL or of another kind. Likewise for the other readers.
    pub fn text(&self, column: &str) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| null(column, "a text"))
    }

    /// A text or NULL.
    ///
    /// # Errors
    /// As [`text`](Self::text), but NULL is `None`.
    pub fn opt_text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(kind(column, "a text", other)),
        }
    }

    /// An integer.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| null(column, "an integer"))
    }

    /// An integer or NULL.
    ///
    /// # Errors
    /// As [`opt_text`](Self::opt_text).
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(int) => Ok(Some(*int)),
            other => Err(kind(column, "an integer", other)),
        }
    }

    /// Octets.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn bytes(&self, column: &str) -> Result<&[u8], StoreError> {
        self.opt_bytes(column)?.ok_or_else(|| null(column, "octets"))
    }

    /// Octets or NULL.
    ///
    /// # Errors
    /// As [`opt_text`](Self::opt_text).
    pub fn opt_bytes(&self, column: &str) -> Result<Option<&[u8]>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            other => Err(kind(column, "octets", other)),
        }
    }

    /// The record as a whole row of `table`.
    ///
    /// # Errors
    /// When a column is absent.
    pub fn to_row(&self, table: &'static Table) -> Result<Row, StoreError> {
        let values = table.columns.iter().map(|column| self.value(column.name).cloned());
        Ok(Row::new(table, values.collect::<Result<_, _>>()?))
    }
}

fn null(column: &str, expected: &'static str) -> StoreError {
    StoreError::Column { column: column.to_owned(), expected, found: "NULL" }
}

fn kind(column: &str, expected: &'static str, found: &Value) -> StoreError {
    let found = match found {
        Value::Null => "NULL",
        Value::Int(_) => "an integer",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "octets",
    };
    StoreError::Column { column: column.to_owned(), expected, found }
}

/// Column names, shared by the records of one answer.
#[derive(Default)]
pub(super) struct Names(Option<Arc<[String]>>);

impl Names {
    fn of<R: sqlx::Row>(&mut self, row: &R) -> Arc<[String]> {
        self.0
            .get_or_insert_with(|| row.columns().iter().map(|column| column.name().to_owned()).collect())
            .clone()
    }
}

pub(super) fn from_lite(row: &SqliteRow, names: &mut Names) -> Result<Record, StoreError> {
    let values = (0..row.len()).map(|index| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        // The value's own type: a computed column has no declared one.
        let kind = raw.type_info().into_owned();
        Ok(match kind.name() {
            "TEXT" => Value::Text(row.try_get_unchecked(index)?),
            "BLOB" => Value::Bytes(row.try_get_unchecked(index)?),
            _ => Value::Int(row.try_get_unchecked(index)?),
        })
    });
    Ok(Record { columns: names.of(row), values: values.collect::<Result<_, sqlx::Error>>()? })
}

pub(super) fn from_pg(row: &PgRow, names: &mut Names) -> Result<Record, StoreError> {
    let values = (0..row.len()).map(|index| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let kind = raw.type_info().into_owned();
        Ok(match kind.name() {
            "INT8" => Value::Int(row.try_get(index)?),
            "INT4" => Value::Int(row.try_get::<i32, _>(index)?.into()),
            "INT2" => Value::Int(row.try_get::<i16, _>(index)?.into()),
            "BOOL" => Value::Int(row.try_get::<bool, _>(index)?.into()),
            "BYTEA" => Value::Bytes(row.try_get(index)?),
            _ => Value::Text(row.try_get(index)?),
        })
    });
    Ok(Record { columns: names.of(row), values: values.collect::<Result<_, sqlx::Error>>()? })
}
