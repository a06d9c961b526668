//! A row as a line of JSON, and back.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Postgres, Row as _, Sqlite};

use super::{ColumnKind, RowsError, TableShape};

/// One value of a row, of its column's kind.
pub(super) enum Cell {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Cell {
    pub(super) fn bind_lite<'q>(
        query: Query<'q, Sqlite, SqliteArguments>,
        cell: &'q Self,
    ) -> Query<'q, Sqlite, SqliteArguments> {
        match cell {
            Self::Int(value) => query.bind(value),
            Self::Text(value) => query.bind(value),
            Self::Bytes(value) => query.bind(value),
        }
    }

    pub(super) fn bind_pg<'q>(
        query: Query<'q, Postgres, PgArguments>,
        cell: &'q Self,
    ) -> Query<'q, Postgres, PgArguments> {
        match cell {
            Self::Int(value) => query.bind(value),
            Self::Text(value) => query.bind(value),
            Self::Bytes(value) => query.bind(value),
        }
    }
}

pub(super) fn lite_values(row: &SqliteRow, table: &TableShape) -> Result<Vec<serde_json::Value>, RowsError> {
    let cells = table.columns.iter().enumerate().map(|(index, column)| {
        Ok(match column.kind {
            ColumnKind::Int => row.try_get::<Option<i64>, _>(index)?.into(),
            ColumnKind::Text => row.try_get::<Option<String>, _>(index)?.into(),
            ColumnKind::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.map(|b| STANDARD.encode(b)).into(),
        })
    });
    cells.collect()
}

pub(super) fn pg_values(row: &PgRow, table: &TableShape) -> Result<Vec<serde_json::Value>, RowsError> {
    let cells = table.columns.iter().enumerate().map(|(index, column)| {
        Ok(match column.kind {
            ColumnKind::Int => row.try_get::<Option<i64>, _>(index)?.into(),
            ColumnKind::Text => row.try_get::<Option<String>, _>(index)?.into(),
            ColumnKind::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.map(|b| STANDARD.encode(b)).into(),
        })
    });
    cells.collect()
}

pub(super) fn write_line(out: &mut impl Write, values: &[serde_json::Value]) -> io::Result<()> {
    serde_json::to_writer(&mut *out, values)?;
    out.write_all(b"\n")
}

pub(super) fn parse_line(line: &[u8], table: &TableShape) -> Result<Vec<Cell>, String> {
    let line = line.strip_suffix(b"\n").ok_or("it does not end")?;
    let values: Vec<serde_json::Value> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    if values.len() != table.columns.len() {
        return Err(format!("{} values for {} columns", values.len(), table.columns.len()));
    }
    let cells = values.into_iter().zip(&table.columns).map(|(value, column)| {
        let wrong = || format!("column `{}` holds another kind of value", column.name);
        Ok(match (column.kind, value) {
            (ColumnKind::Int, serde_json::Value::Null) => Cell::Int(None),
            (ColumnKind::Text, serde_json::Value::Null) => Cell::Text(None),
            (ColumnKind::Bytes, serde_json::Value::Null) => Cell::Bytes(None),
            (ColumnKind::Int, serde_json::Value::Number(number)) => {
                Cell::Int(Some(number.as_i64().ok_or_else(wrong)?))
            }
            (ColumnKind::Text, serde_json::Value::String(text)) => Cell::Text(Some(text)),
            (ColumnKind::Bytes, serde_json::Value::String(text)) => {
                Cell::Bytes(Some(STANDARD.decode(text).map_err(|_| wrong())?))
            }
            _ => return Err(wrong()),
        })
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::super::ColumnShape;
    use super::*;

    fn shape(name: &str, references: &[&str]) -> TableShape {
        TableShape {
            name: name.into(),
            columns: vec![
                ColumnShape { name: "a".into(), kind: ColumnKind::Int },
                ColumnShape { name: "b".into(), kind: ColumnKind::Bytes },
            ],
            rows: 0,
            references: references.iter().map(|r| (*r).to_owned()).collect(),
        }
    }

    #[test]
    fn lines_that_are_no_rows_are_told() {
        let table = shape("t", &[]);
        assert!(parse_line(b"[1,\"eA==\"]\n", &table).is_ok());
        assert!(parse_line(b"[null,null]\n", &table).is_ok());
        for line in [
            "[1,\"eA==\"]",
            "[1]\n",
            "[1,\"eA==\",2]\n",
            "[\"1\",\"eA==\"]\n",
            "[1.5,null]\n",
            "[9223372036854775808,null]\n",
            "[1,\"!\"]\n",
            "{}\n",
            "\n",
        ] {
            assert!(parse_line(line.as_bytes(), &table).is_err(), "{line}");
        }
    }
}
