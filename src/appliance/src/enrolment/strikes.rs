//! How many wrong secrets one peer address may try.
//!
//! A secret cannot be guessed; the bound keeps a broken or hostile peer from making the store look secrets up for ever.
//! Right ones do not count, so that many machines behind one address can enrol at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tries by peer.
#[derive(Debug)]
pub struct Strikes {
    by_peer: Mutex<HashMap<String, (Instant, u32)>>,
    tries: u32,
    window: Duration,
    most: usize,
}

impl Default for Strikes {
    fn default() -> Self {
        Self::new(TRIES, WINDOW, MOST_PEERS)
    }
}

impl Strikes {
    /// `tries` wrong ones in a window, of at most so many peers at a time.
    #[must_use]
    pub fn new(tries: u32, window: Duration, most: usize) -> Self {
        Self { by_peer: Mutex::default(), tries, window, most }
    }

    /// That a peer may try.
    ///
    /// # Errors
    /// How long it must wait.
    pub fn may_try(&self, peer: &str, now: Instant) -> Result<(), Duration> {
        let by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        match by_peer.get(peer) {
            Some((since, count)) if *count >= self.tries => {
                let left = self.window.saturating_sub(now.saturating_duration_since(*since));
                if left.is_zero() { Ok(()) } else { Err(left) }
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong try.
    pub fn wrong(&self, peer: &str, now: Instant) {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if by_peer.len() >= self.most && !by_peer.contains_key(peer) {
            // So many different peers at once: whoever began longest ago is forgotten, and nobody else is refused for it.
            let oldest = by_peer.iter().min_by_key(|(_, (since, _))| *since).map(|(peer, _)| peer.clone());
            oldest.and_then(|oldest| by_peer.remove(&oldest));
        }
        let (since, count) = by_peer.entry(peer.to_owned()).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= self.window {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }

    /// Forgets peers whose window has passed.
    pub fn forget_quiet(&self, now: Instant) {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        by_peer.retain(|_, (since, _)| now.saturating_duration_since(*since) < self.window);
    }
}

/// Wrong tries within a window.
const TRIES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
const MOST_PEERS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_tries_then_a_minute_of_rest_and_others_go_on() {
        let strikes = Strikes::default();
        let start = Instant::now();
        for _ in 0..TRIES {
            assert!(strikes.may_try("a", start).is_ok());
            strikes.wrong("a", start);
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(strikes.may_try("a", later), Err(Duration::from_secs(40)));
        assert!(strikes.may_try("b", later).is_ok());
        assert!(strikes.may_try("a", start + WINDOW).is_ok());
        strikes.wrong("a", start + WINDOW);
        assert!(strikes.may_try("a", start + WINDOW).is_ok(), "the count begins anew");
    }

    #[test]
    fn memory_is_bounded() {
        let strikes = Strikes::default();
        let start = Instant::now();
        let minute_less = start + Duration::from_secs(59);
        (0..TRIES).for_each(|_| strikes.wrong("oldest", start));
        (1..MOST_PEERS).for_each(|peer| strikes.wrong(&peer.to_string(), minute_less));
        assert!(strikes.may_try("another", minute_less).is_ok(), "nobody is refused for others");
        assert!(strikes.may_try("oldest", minute_less).is_err());
        strikes.wrong("1", minute_less);
        assert!(strikes.may_try("oldest", minute_less).is_err(), "who is counted already needs no room");
        strikes.wrong("another", minute_less);
        assert_eq!(strikes.by_peer.lock().unwrap().len(), MOST_PEERS);
        assert!(strikes.may_try("oldest", minute_less).is_ok(), "the oldest made room");
        strikes.forget_quiet(minute_less + WINDOW);
        assert!(strikes.by_peer.lock().unwrap().is_empty());
    }
}
