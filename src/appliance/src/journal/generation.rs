//! Generations: counters in the database that units bump and every node polls once a second, so that a revocation, a
//! retired caller or a new policy reaches every cache of every node within seconds. Who has had no answer for five
//! seconds is told so, and refuses (decision 14).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::store::{Db, StoreError};

/// What is cached somewhere: names for [`Unit::bump`](super::Unit::bump).
pub mod names {
    /// Callers, organisations, roles.
    pub const IDENTITY: &str = "identity";
    /// Certificates and their revocation.
    pub const CERTIFICATES: &str = "certificates";
    /// Authorities and delegated signers.
    pub const AUTHORITIES: &str = "authorities";
    /// Authorization policies.
    pub const POLICY: &str = "policy";
    /// Seals.
    pub const SEALS: &str = "seals";
    /// The catalogue of licence types.
    pub const LICENCE_TYPES: &str = "licence-types";
    /// Licences: their states and status lists.
    pub const LICENCES: &str = "licences";
    /// Trust lists of other regions.
    pub const RECOGNITION: &str = "recognition";
}

/// The counters as of the last poll.
#[derive(Clone, Debug)]
pub struct Generations {
    state: Arc<State>,
    changes: watch::Receiver<u64>,
}

#[derive(Debug)]
struct State {
    values: Mutex<HashMap<String, i64>>,
    answered: Mutex<Instant>,
}

/// No answer from the database for too long: what is cached may be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database has not answered for {} s, so revocations may be unknown here", .0.as_secs())]
pub struct Stale(pub Duration);

impl Generations {
    /// Reads the counters and goes on polling until every clone is dropped.
    ///
    /// # Errors
    /// When the first reading fails.
    pub async fn watch(db: Db) -> Result<Self, StoreError> {
        let values = read(&db).await?;
        let state = Arc::new(State { values: Mutex::new(values), answered: Mutex::new(Instant::now()) });
        let (sender, changes) = watch::channel(0);
        let watched = Arc::downgrade(&state);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(POLL);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let asked = Instant::now();
                let answer = tokio::time::timeout(LIMIT, read(&db)).await;
                let Some(state) = watched.upgrade() else { return };
                let Ok(Ok(values)) = answer else {
                    tracing::warn!("the generations were not read");
                    continue;
                };
                // What was read may be as old as the question.
                *state.answered.lock().unwrap_or_else(PoisonError::into_inner) = asked;
                let mut known = state.values.lock().unwrap_or_else(PoisonError::into_inner);
                if *known != values {
                    *known = values;
                    sender.send_modify(|count| *count += 1);
                }
            }
        });
        Ok(Self { state, changes })
    }

    /// The value of a counter, 0 for one never bumped.
    #[must_use]
    pub fn get(&self, name: &str) -> i64 {
        let values = self.state.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(name).copied().unwrap_or(0)
    }

    /// Whether caches may be relied on.
    ///
    /// # Errors
    /// When the database has not answered for more than five seconds.
    pub fn fresh(&self) -> Result<(), Stale> {
        let age = self.state.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        if age > LIMIT { Err(Stale(age)) } else { Ok(()) }
    }

    /// Waits until any counter changes.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn read(db: &Db) -> Result<HashMap<String, i64>, StoreError> {
    let records = db.fetch_all("SELECT name, value FROM generations", &[]).await?;
    records.iter().map(|record| Ok((record.text("name")?.to_owned(), record.int("value")?))).collect()
}

const POLL: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(5);
