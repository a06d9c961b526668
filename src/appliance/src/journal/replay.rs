//! One unit at a time, when the merged statements of a batch did not go together: each under a savepoint of its own,
//! so that the one that fails is answered with its own error and leaves nothing behind.

use super::batch;
use super::error::CommitError;
use super::release::Answer;
use super::writer::{Queued, unavailable};
use crate::store::{Rule, StoreError, Writer};

/// Writes the state of each unit; those that fail are taken out into `refused`. They are answered when the batch has
/// ended: what stood in the way may be a neighbour's that nobody can read before. On an error of the database `units`
/// holds all that still wait.
pub(super) async fn replay(
    connection: &mut Writer,
    units: &mut Vec<Queued>,
    refused: &mut Vec<(Answer, CommitError)>,
    first: u64,
) -> Result<(), CommitError> {
    let mut leaf = first;
    let mut survivors = Vec::with_capacity(units.len());
    let mut waiting = std::mem::take(units).into_iter();
    while let Some(queued) = waiting.next() {
        match try_unit(connection, &queued, leaf).await {
            Ok(None) => {
                leaf += queued.unit.leaves.len() as u64;
                survivors.push(queued);
            }
            Ok(Some(error)) => refused.push((queued.answer, error)),
            Err(error) => {
                survivors.push(queued);
                survivors.extend(waiting);
                *units = survivors;
                return Err(unavailable(&error));
            }
        }
    }
    *units = survivors;
    Ok(())
}

/// Writes one unit's state; why it cannot be, if it cannot.
async fn try_unit(
    connection: &mut Writer,
    queued: &Queued,
    leaf: u64,
) -> Result<Option<CommitError>, StoreError> {
    connection.control("SAVEPOINT unit").await?;
    let operations = batch::state(std::iter::once((&queued.unit, leaf)));
    for (operation, table, id) in operations.into_iter().flat_map(batch::singles) {
        let expected = operation.expected();
        let error = match connection.run(vec![operation]).await {
            Ok(counts) if expected.is_none_or(|expected| counts == [expected]) => continue,
            Ok(_) => CommitError::Conflict { table, id },
            Err(StoreError::Rule { rule: Rule::Unique, .. }) => CommitError::Exists { table, id },
            Err(StoreError::Rule { rule: Rule::Reference, .. }) => CommitError::Reference { table, id },
            Err(StoreError::Rule { rule: Rule::Value, source }) => {
                tracing::warn!(table, error = %source, "a row was refused by the schema");
                CommitError::Row { table, id, fault: "a value is missing or out of range".to_owned() }
            }
            Err(error) => return Err(error),
        };
        connection.control("ROLLBACK TO SAVEPOINT unit").await?;
        connection.control("RELEASE SAVEPOINT unit").await?;
        return Ok(Some(error));
    }
    connection.control("RELEASE SAVEPOINT unit").await?;
    Ok(None)
}
