//! Giving places out: unique over all nodes, never twice, in no order that tells when.
//!
//! A node takes a block of numbers by a small unit of its own, which moves the list's row on under its version; the list's
//! [`Order`] turns each number into a place. What a block has left when a process ends is never given out. A list is filled
//! to a half, so that its empty places hide who has one; then the next is begun.

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use super::order::Order;
use super::{Entry, StatusError};
use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::journal::{CommitError, Unit};
use crate::policy::{Facts, Permit, ReserveLicenceStatus, Resource};
use crate::store::tables::LICENCE_STATUS_LISTS;
use crate::store::{Row, Value};

/// What this node has in hand.
#[derive(Debug, Default)]
pub struct Blocks(tokio::sync::Mutex<Option<Block>>);

#[derive(Debug)]
struct Block {
    list: i64,
    order: Order,
    next: u32,
    end: u32,
}

/// Takes one place.
///
/// # Errors
/// [`StatusError`].
pub async fn allocate(app: &App, unsealed: &Unsealed) -> Result<Entry, StatusError> {
    let mut entries = allocate_many(app, unsealed, 1).await?;
    entries.pop().ok_or(StatusError::Busy)
}

/// Takes `count` places.
///
/// # Errors
/// [`StatusError`].
pub async fn allocate_many(app: &App, unsealed: &Unsealed, count: usize) -> Result<Vec<Entry>, StatusError> {
    let mut block = app.licences.places.0.lock().await;
    let mut entries = Vec::with_capacity(count);
    while entries.len() < count {
        match block.as_mut().filter(|block| block.next < block.end) {
            Some(block) => {
                let place = block.order.place(block.next);
                block.next += 1;
                entries.push(Entry { list: block.list, index: place.into() });
            }
            None => *block = Some(reserve(app, unsealed).await?),
        }
    }
    Ok(entries)
}

/// Moves the open list on by a block, or begins a list.
async fn reserve(app: &App, unsealed: &Unsealed) -> Result<Block, StatusError> {
    for _ in 0..ATTEMPTS {
        let (before, list) = open_list(app, unsealed).await?;
        let size = u32::try_from(list.value("size").as_int().unwrap_or_default()).unwrap_or_default();
        let taken = u32::try_from(list.value("taken").as_int().unwrap_or_default()).unwrap_or_default();
        let seed = list.value("seed").as_bytes().unwrap_or_default().to_vec();
        let number = list.id().parse().map_err(|_| StatusError::Damaged(list.id().to_owned()))?;
        let half = (size / 2).max(1);
        let end = taken.saturating_add(BLOCK).min(half);
        let state = if end == half { "full" } else { "open" };
        let row = list.with("taken", i64::from(end)).with("state", state);
        let permit: Permit<ReserveLicenceStatus> =
            app.policy.decide(&Caller::system(KEEPER), Resource::appliance(), Facts::default())?;
        let facts = json!({ "list": number, "from": taken, "to": end });
        let unit = Unit::new(permit.act()).facts(facts);
        let unit = if before { unit.update(row) } else { unit.insert(row) };
        match unsealed.journal.commit(unit).await {
            // A list that was full already says so now, and the next is begun.
            Ok(_) if taken < end => {
                return Ok(Block { list: number, order: Order::new(seed, size), next: taken, end });
            }
            Ok(_)
            | Err(
                CommitError::Conflict { table: "licence_status_lists", .. }
                | CommitError::Exists { table: "licence_status_lists", .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StatusError::Busy)
}

/// The list that places are taken from, in its next version; or a new one. Whether it was there.
async fn open_list(app: &App, unsealed: &Unsealed) -> Result<(bool, Row), StatusError> {
    // Counted before it is looked for: if another node begins a list meanwhile, it is found, or the number is taken.
    let counted = app.db.fetch_optional("SELECT count(*) AS n FROM licence_status_lists", &[]).await?;
    let sql = "SELECT id FROM licence_status_lists WHERE state = 'open' ORDER BY created LIMIT 1";
    if let Some(found) = app.db.fetch_optional(sql, &[]).await?
        && let Some(row) = app.db.row(&LICENCE_STATUS_LISTS, found.text("id")?).await?
        && row.value("state").as_text() == Some("open")
    {
        return Ok((true, row.next_version()));
    }
    let number = counted.map(|record| record.int("n")).transpose()?.unwrap_or(0) + 1;
    let mut seed = vec![0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| StatusError::Random)?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let row = Row::new(&LICENCE_STATUS_LISTS, vec![Value::Null; LICENCE_STATUS_LISTS.columns.len()])
        .with("id", number.to_string())
        .with("version", 1)
        .with("size", i64::from(SIZE))
        .with("taken", 0)
        .with("state", "open")
        .with("seed", seed)
        .with("created", now);
    Ok((false, row))
}

/// Entries of a list; at two bits, 256 KiB before compression.
const SIZE: u32 = 1 << 20;
/// Places that a node takes at once.
const BLOCK: u32 = 256;
/// Others that may come first before a caller is told to try again.
const ATTEMPTS: u32 = 64;
/// Under which name it acts.
const KEEPER: &str = "licence-status";
