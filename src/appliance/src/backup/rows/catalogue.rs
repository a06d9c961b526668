//! Which tables a database has, with their columns and references: asked of the database itself.

use super::{ColumnKind, ColumnShape, Connection, RowsError, TableShape};

/// Made by the migrations themselves.
const MIGRATIONS: &str = "schema_migrations";

pub(super) async fn table_names(connection: &mut Connection) -> Result<Vec<String>, RowsError> {
    Ok(match connection {
        Connection::Lite(c) => {
            let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' \
                       ORDER BY name";
            sqlx::query_scalar(sql).fetch_all(c).await?
        }
        Connection::Pg(c) => {
            let sql = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') \
                       AND relnamespace = current_schema()::regnamespace ORDER BY relname";
            sqlx::query_scalar(sql).fetch_all(c).await?
        }
    })
}

/// Every table with its columns, referenced ones first.
pub(super) async fn tables(connection: &mut Connection) -> Result<Vec<TableShape>, RowsError> {
    let mut tables = Vec::new();
    for name in table_names(connection).await? {
        if name == MIGRATIONS {
            continue;
        }
        let (columns, references): (Vec<(String, String)>, Vec<String>) = match connection {
            Connection::Lite(c) => {
                let columns = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
                let references = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)";
                (
                    sqlx::query_as(columns).bind(&name).fetch_all(&mut *c).await?,
                    sqlx::query_scalar(references).bind(&name).fetch_all(&mut *c).await?,
                )
            }
            Connection::Pg(c) => {
                let columns = "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
                    WHERE attrelid = to_regclass(quote_ident($1)) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
                let references = "SELECT DISTINCT r.relname::text FROM pg_constraint k \
                    JOIN pg_class r ON r.oid = k.confrelid \
                    WHERE k.contype = 'f' AND k.conrelid = to_regclass(quote_ident($1))";
                (
                    sqlx::query_as(columns).bind(&name).fetch_all(&mut *c).await?,
                    sqlx::query_scalar(references).bind(&name).fetch_all(&mut *c).await?,
                )
            }
        };
        let columns = columns.into_iter().map(|(column, kind)| {
            let found = match kind.to_ascii_lowercase().as_str() {
                "integer" | "bigint" | "smallint" => ColumnKind::Int,
                "text" | "character varying" => ColumnKind::Text,
                "blob" | "bytea" => ColumnKind::Bytes,
                _ => return Err(RowsError::Type { table: name.clone(), column, kind }),
            };
            Ok(ColumnShape { name: column, kind: found })
        });
        let columns = columns.collect::<Result<_, _>>()?;
        let references = references.into_iter().filter(|other| *other != name).collect();
        tables.push(TableShape { name, columns, rows: 0, references });
    }
    referenced_first(tables)
}

fn referenced_first(mut pending: Vec<TableShape>) -> Result<Vec<TableShape>, RowsError> {
    let mut done: Vec<TableShape> = Vec::with_capacity(pending.len());
    while !pending.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(|table: &TableShape| {
            table.references.iter().all(|other| done.iter().any(|d| d.name == *other))
        });
        if ready.is_empty() {
            let names: Vec<String> = later.into_iter().map(|table| table.name).collect();
            return Err(RowsError::Circle(names.join(", ")));
        }
        done.extend(ready);
        pending = later;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
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
    fn referenced_tables_come_first_and_circles_are_told() {
        let order = referenced_first(vec![shape("c", &["b"]), shape("b", &["a"]), shape("a", &[])]).unwrap();
        assert_eq!(order.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(matches!(
            referenced_first(vec![shape("c", &["b"]), shape("b", &["c"])]),
            Err(RowsError::Circle(_))
        ));
    }
}
