//! Writing cache tables outside of the journal: what is derived from logged state and shared between nodes, such as
//! the newest revocation lists. Tables of state refuse: the journal alone writes those.

use super::write::{Insert, Operation, Writer};
use super::{Db, Row, Rule, StoreError};

impl Db {
    /// Puts rows of cache tables in the place of those one version lower (version 1: where there is none), all or
    /// none. `false` when another node was first: read again and see whether anything is left to do.
    ///
    /// # Errors
    /// [`StoreError::NotCache`] for a table of state; when the database fails.
    pub async fn cache_swap(&self, rows: Vec<Row>) -> Result<bool, StoreError> {
        if let Some(row) = rows.iter().find(|row| !row.table.cache) {
            return Err(StoreError::NotCache { table: row.table.name });
        }
        let operations: Vec<Operation> = rows
            .into_iter()
            .map(|row| match row.version() {
                1 => Operation::Insert(Insert {
                    table: row.table.name,
                    columns: row.table.columns,
                    rows: vec![row.values],
                }),
                _ => Operation::Update(row.table, vec![row]),
            })
            .collect();
        let expected: Vec<_> = operations.iter().filter_map(Operation::expected).collect();
        let mut writer = Writer::connect(self).await?;
        writer
            .control(match self {
                Self::Lite { .. } => "BEGIN IMMEDIATE",
                Self::Pg { .. } => "BEGIN",
            })
            .await?;
        let swapped = match writer.run(operations).await {
            Ok(counts) => counts == expected,
            Err(StoreError::Rule { rule: Rule::Unique, .. }) => false,
            Err(error) => return Err(error),
        };
        writer.control(if swapped { "COMMIT" } else { "ROLLBACK" }).await?;
        Ok(swapped)
    }
}
