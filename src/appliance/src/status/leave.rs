//! How much of the responder's work strangers may cause: lookups in the database, signatures for one request alone.
//!
//! Answers from memory need no leave. `ocsp` takes it before the work, so that nobody's invented serial numbers keep
//! the database or a key busy.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use pki::ocsp::ErrorStatus;

use crate::server::limits::{Rates, network};

/// What there is to give, per second: to each network, and to all.
#[derive(Debug)]
pub struct Shares {
    all: DefaultDirectRateLimiter,
    networks: Rates,
}

/// Leave for one request: of its network, then of all.
#[derive(Debug)]
pub struct Leave {
    /// Whose share it comes from: an IPv4 address or IPv6 /64; `None` for what the responder does by itself.
    network: Option<String>,
    taken: bool,
}

impl Shares {
    /// Shares in requests per second.
    #[must_use]
    pub fn new(all: u32, each: u32) -> Self {
        let all = RateLimiter::direct(Quota::per_second(NonZeroU32::new(all).unwrap_or(NonZeroU32::MIN)));
        Self { all, networks: Rates::new(each, each) }
    }

    /// Forgets networks that have been quiet.
    pub fn forget_quiet(&self) {
        self.networks.forget_quiet();
    }
}

impl Leave {
    /// For a request from there.
    #[must_use]
    pub fn of(from: Option<IpAddr>) -> Self {
        Self {
            network: Some(from.map(|address| network(address).to_string()).unwrap_or_default()),
            taken: false,
        }
    }

    /// For the responder's own work, which needs none.
    #[must_use]
    pub const fn own() -> Self {
        Self { network: None, taken: true }
    }

    /// Takes it, once: a network that has spent its share takes nothing from the others.
    ///
    /// # Errors
    /// tryLater, when a share is spent.
    pub fn take(&mut self, shares: &Shares) -> Result<(), ErrorStatus> {
        if !self.taken {
            let network = self.network.as_ref();
            let refused = network.is_some_and(|network| shares.networks.count(network).is_err())
                || shares.all.check().is_err();
            if refused {
                return Err(ErrorStatus::TryLater);
            }
            self.taken = true;
        }
        Ok(())
    }

    /// What is done next needs leave of its own.
    pub const fn spend(&mut self) {
        self.taken = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(shares: &Shares, from: &str) -> bool {
        Leave::of(Some(from.parse().unwrap())).take(shares).is_ok()
    }

    #[test]
    fn a_network_that_has_spent_its_share_takes_nothing_from_others() {
        let shares = Shares::new(10_000, 2);
        assert!(ask(&shares, "2001:db8::1") && ask(&shares, "2001:db8::2"));
        assert!((0..20_000).all(|_| !ask(&shares, "2001:db8::3")));
        assert!(ask(&shares, "2001:db8:0:1::1") && ask(&shares, "192.0.2.1"));
        shares.forget_quiet();
    }

    #[test]
    fn all_networks_together_have_a_share_and_the_responder_itself_needs_none() {
        let shares = Shares::new(1, 1000);
        assert!(ask(&shares, "192.0.2.1"));
        assert!(!ask(&shares, "192.0.2.2"));
        assert!(Leave::own().take(&shares).is_ok());
    }

    #[test]
    fn leave_is_taken_once_for_lookup_and_signature() {
        let shares = Shares::new(1, 1);
        let mut leave = Leave::of(None);
        assert!((0..3).all(|_| leave.take(&shares).is_ok()));
        assert_eq!(Leave::of(None).take(&shares), Err(ErrorStatus::TryLater));
    }
}
