//! Writing what no row digest covers, outside of the journal: keys wrapped anew, which node has batch work in hand, and which
//! proofs were believed.
//!
//! None changes any state: what a wrapped key opens stays the same, and whoever has work in hand enters what it does. Every
//! statement here names exempt columns alone, or those of a cache (decision 3), and leaves the version as it is.

use super::write::{Operation, Writer};
use super::{Db, StoreError, Value};

/// A wrapped key in the place of another.
#[derive(Debug, Clone)]
pub struct Rewrapped {
    /// The row.
    pub id: String,
    /// Under which key it was.
    pub was: String,
    /// The key, wrapped anew.
    pub key: Vec<u8>,
    /// Under which key.
    pub by: String,
}

impl Db {
    /// Puts data keys of licences, wrapped anew, in their places; those that were changed meanwhile are left as they are.
    ///
    /// # Errors
    /// When the database fails; then none was changed.
    pub async fn rewrap_licences(&self, keys: Vec<Rewrapped>) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE licences SET data_key = $1, wrapped_by = $2 WHERE id = $3 AND wrapped_by = $4";
        self.exempt(keys.into_iter().map(|key| operation(SQL, key)).collect()).await.map(drop)
    }

    /// The same of batch work.
    ///
    /// # Errors
    /// As [`rewrap_licences`](Self::rewrap_licences).
    pub async fn rewrap_licence_jobs(&self, keys: Vec<Rewrapped>) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE licence_jobs SET data_key = $1, wrapped_by = $2 WHERE id = $3 AND wrapped_by = $4";
        self.exempt(keys.into_iter().map(|key| operation(SQL, key)).collect()).await.map(drop)
    }

    /// Takes batch work in hand until `until` (microseconds), if nobody has it at `now`, or holds on to it: `held` is what was
    /// said when it was taken. `false` when somebody else has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_licence_job(
        &self,
        id: &str,
        held: Option<i64>,
        now: i64,
        until: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str =
            "UPDATE licence_jobs SET due = $1 WHERE id = $2 AND (due IS NULL OR due < $3 OR due = $4)";
        let parameters = vec![until.into(), id.into(), now.into(), held.unwrap_or(-1).into()];
        Ok(self.exempt(vec![Operation::Sql(SQL, parameters, None)]).await? == [1])
    }

    /// Notes at `now` that what `key` stands for happened, until `until` (microseconds); `false` when it is noted already, by
    /// whichever node. Kept with the answers for replays, and tidied away like them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_once(&self, key: &str, now: i64, until: i64) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO idempotency (id, version, request_digest, response, expires) \
                           VALUES ($1, 1, '', $2, $3) ON CONFLICT (id) DO UPDATE SET expires = excluded.expires \
                           WHERE idempotency.expires < $4";
        let parameters = vec![key.into(), Value::Bytes(Vec::new()), until.into(), now.into()];
        Ok(self.exempt(vec![Operation::Sql(SQL, parameters, None)]).await? == [1])
    }

    async fn exempt(&self, operations: Vec<Operation>) -> Result<Vec<u64>, StoreError> {
        if operations.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = Writer::connect(self).await?;
        writer
            .control(match self {
                Self::Lite { .. } => "BEGIN IMMEDIATE",
                Self::Pg { .. } => "BEGIN",
            })
            .await?;
        let counts = writer.run(operations).await?;
        writer.control("COMMIT").await?;
        Ok(counts)
    }
}

fn operation(sql: &'static str, key: Rewrapped) -> Operation {
    let Rewrapped { id, was, key, by } = key;
    Operation::Sql(sql, vec![Value::Bytes(key), by.into(), id.into(), was.into()], None)
}
