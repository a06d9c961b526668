//! What was fetched from elsewhere, each once: kept until its nextUpdate, bounded in number and octets, and asked for by
//! one at a time while the others wait for the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Fetched objects by what they were asked for.
#[derive(Debug)]
pub(super) struct Cache {
    slots: Mutex<Slots>,
    items: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Slots {
    all: HashMap<String, Arc<Slot>>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Slot {
    /// Held while somebody fetches.
    kept: tokio::sync::Mutex<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    /// What came, or why nothing did.
    answer: Result<Arc<[u8]>, Arc<str>>,
    /// Unix seconds.
    until: i64,
}

impl Cache {
    pub(super) fn new(items: usize, bytes: usize) -> Self {
        Self { slots: Mutex::default(), items, bytes }
    }

    /// What is kept under `key` at `now`, or else what `fetch` brings: an object and until when it holds. A failure is
    /// told to all who ask within [`PATIENCE`], so that nobody hammers an authority that is away.
    pub(super) async fn get<F>(&self, key: &str, now: i64, fetch: F) -> Result<Arc<[u8]>, Arc<str>>
    where
        F: Future<Output = Result<(Vec<u8>, i64), String>>,
    {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            if slots.all.len() >= self.items && !slots.all.contains_key(key) {
                slots.make_room(now);
            }
            slots.all.entry(key.to_owned()).or_default().clone()
        };
        let mut kept = slot.kept.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| known.until > now) {
            return known.answer.clone();
        }
        let fetched = match fetch.await {
            Ok((octets, until)) => Kept { answer: Ok(octets.into()), until },
            Err(reason) => Kept { answer: Err(reason.into()), until: now.saturating_add(PATIENCE) },
        };
        let answer = fetched.answer.clone();
        let length = |kept: &Kept| kept.answer.as_ref().map_or(0, |octets| octets.len());
        let (before, after) = (kept.as_ref().map_or(0, length), length(&fetched));
        *kept = Some(fetched);
        drop(kept);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.bytes = (slots.bytes + after).saturating_sub(before);
        if slots.bytes > self.bytes {
            slots.make_room(now);
        }
        if slots.bytes > self.bytes {
            // One object may be larger than all there is room for: it serves its asker and is gone.
            *slots = Slots::default();
        }
        answer
    }

    /// Drops what is kept under `key`: it was of no use, and the next who asks is to ask anew.
    pub(super) fn forget(&self, key: &str) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.all.remove(key) {
            slots.bytes = slots.bytes.saturating_sub(slot.len());
        }
    }
}

impl Slot {
    /// Octets kept; 0 while somebody fetches.
    fn len(&self) -> usize {
        let kept = self.kept.try_lock().ok();
        kept.and_then(|kept| kept.as_ref()?.answer.as_ref().ok().map(|octets| octets.len())).unwrap_or(0)
    }
}

impl Slots {
    /// Drops what does not hold any more; if that is not much, everything: it can be had again.
    fn make_room(&mut self, now: i64) {
        let before = self.all.len();
        self.all.retain(|_, slot| {
            slot.kept.try_lock().is_ok_and(|kept| kept.as_ref().is_some_and(|kept| kept.until > now))
        });
        if self.all.len() * 4 > before * 3 {
            self.all.clear();
        }
        self.bytes = self.all.values().map(|slot| slot.len()).sum();
    }
}

/// How long a failure is remembered, in seconds.
const PATIENCE: i64 = 10;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn each_is_fetched_once_until_it_runs_out_and_by_one_at_a_time() {
        let (cache, fetched) = (Cache::new(4, 1_000), AtomicUsize::new(0));
        let fetch = || async {
            fetched.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok((vec![7; 10], 100))
        };
        let (a, b) = tokio::join!(cache.get("a", 0, fetch()), cache.get("a", 0, fetch()));
        assert_eq!((a.unwrap().len(), b.unwrap().len()), (10, 10));
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
        cache.get("a", 100, fetch()).await.unwrap();
        assert_eq!(fetched.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_failure_is_told_for_a_while_and_then_asked_again() {
        let cache = Cache::new(4, 1_000);
        assert!(cache.get("a", 0, async { Err("away".to_owned()) }).await.is_err());
        assert!(cache.get("a", PATIENCE - 1, async { Ok((vec![1], 99)) }).await.is_err());
        assert!(cache.get("a", PATIENCE, async { Ok((vec![1], 99)) }).await.is_ok());
    }

    #[tokio::test]
    async fn what_was_of_no_use_is_asked_for_anew() {
        let cache = Cache::new(4, 1_000);
        cache.get("a", 0, async { Ok((vec![1; 10], 99)) }).await.unwrap();
        cache.forget("a");
        assert_eq!(cache.slots.lock().unwrap().bytes, 0);
        assert_eq!(cache.get("a", 0, async { Ok((vec![2], 99)) }).await.unwrap().as_ref(), [2]);
    }

    #[tokio::test]
    async fn number_and_octets_stay_bounded() {
        let cache = Cache::new(8, 1_000);
        for i in 0..100 {
            cache.get(&i.to_string(), 0, async { Ok((vec![0; 100], 1_000)) }).await.unwrap();
            let slots = cache.slots.lock().unwrap();
            assert!(slots.all.len() <= 8 && slots.bytes <= 1_000, "{} {}", slots.all.len(), slots.bytes);
        }
        cache.get("large", 0, async { Ok((vec![0; 5_000], 1_000)) }).await.unwrap();
        assert_eq!(cache.slots.lock().unwrap().bytes, 0);
    }
}
