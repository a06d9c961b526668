//! Bounds on connections, on bodies held, and on requests per caller.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Places for open connections or held bodies: a total, and a share per peer (an address, or a caller's id).
#[derive(Debug)]
pub struct Places<P: Eq + Hash = IpAddr> {
    total: usize,
    per_peer: usize,
    taken: Mutex<Taken<P>>,
}

#[derive(Debug)]
struct Taken<P> {
    total: usize,
    by_peer: HashMap<P, usize>,
}

/// A place taken; free again when dropped.
#[derive(Debug)]
pub struct Place<P: Eq + Hash = IpAddr> {
    places: Arc<Places<P>>,
    peer: P,
}

/// Why there was no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All places are taken.
    Total,
    /// The peer has its share.
    Peer,
}

impl<P: Eq + Hash + Clone> Places<P> {
    /// So many places in all, and per peer.
    #[must_use]
    pub fn new(total: usize, per_peer: usize) -> Arc<Self> {
        let taken = Taken { total: 0, by_peer: HashMap::new() };
        Arc::new(Self { total, per_peer, taken: Mutex::new(taken) })
    }

    /// Takes a place for exactly this peer.
    ///
    /// # Errors
    /// [`Full`] when there is none for it.
    pub fn take_for(self: &Arc<Self>, peer: P) -> Result<Place<P>, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.total {
            return Err(Full::Total);
        }
        let count = taken.by_peer.entry(peer.clone()).or_default();
        if *count >= self.per_peer {
            return Err(Full::Peer);
        }
        *count += 1;
        taken.total += 1;
        Ok(Place { places: self.clone(), peer })
    }

    /// Places taken now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Places {
    /// Takes a place for a connection from `address`.
    ///
    /// # Errors
    /// [`Full`] when there is none for it.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        self.take_for(network(address))
    }
}

impl<P: Eq + Hash> Drop for Place<P> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(count) = taken.by_peer.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_peer.remove(&self.peer);
            }
        }
    }
}

/// What counts as one peer: an IPv4 address, or an IPv6 /64, since a host has all of one (RFC 4291 §2.5.4).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

/// Requests per caller.
#[derive(Debug)]
pub struct Rates {
    limiter: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

impl Rates {
    /// `per_second` sustained, `burst` at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let one = NonZeroU32::MIN;
        let quota = Quota::per_second(NonZeroU32::new(per_second).unwrap_or(one))
            .allow_burst(NonZeroU32::new(burst).unwrap_or(one));
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// So many a minute, all of them at once if need be.
    #[must_use]
    pub fn per_minute(number: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts one request of a caller.
    ///
    /// # Errors
    /// How long to wait when it has sent its share.
    pub fn count(&self, caller: &String) -> Result<(), Duration> {
        self.limiter.check_key(caller).map_err(|wait| wait.wait_time_from(self.clock.now()))
    }

    /// Forgets callers that have been quiet long enough to have their whole burst again.
    pub fn forget_quiet(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shared_out_per_peer_and_come_back() {
        let places = Places::new(3, 2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let same_as_one: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let first = places.take(one).unwrap();
        let _second = places.take(same_as_one).unwrap();
        assert_eq!(places.take(one).unwrap_err(), Full::Peer);
        let _other = places.take("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(places.take("2001:db8::2".parse().unwrap()).unwrap_err(), Full::Total);
        drop(first);
        assert!(places.take(one).is_ok());
        assert_eq!(places.taken(), 2);
    }

    #[test]
    fn one_host_cannot_multiply_itself_within_its_network() {
        let places = Places::new(10, 1);
        let _first = places.take("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(places.take("2001:db8::ffff".parse().unwrap()).unwrap_err(), Full::Peer);
        assert!(places.take("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn a_caller_over_its_rate_is_told_how_long_to_wait_and_others_are_not_hindered() {
        let rates = Rates::new(1, 2);
        let (one, two) = ("one".to_owned(), "two".to_owned());
        assert!(rates.count(&one).is_ok() && rates.count(&one).is_ok());
        assert!(rates.count(&one).unwrap_err() > Duration::ZERO);
        assert!(rates.count(&two).is_ok());
        rates.forget_quiet();
    }
}
