//! Which certificates do not stand: a set by fingerprint, kept current by `status` and asked for every request.
//!
//! It is changed in place and by differences, so that a hundred thousand revoked certificates cost nothing when one
//! more is revoked.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Why a certificate does not stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallen {
    /// For good.
    Revoked,
    /// Until it is released.
    Held,
}

/// The certificates that do not stand, by SHA-256 fingerprint (lower-case hex is asked for, octets are kept).
#[derive(Debug, Default)]
pub struct Standing(RwLock<HashMap<[u8; 32], Fallen>>);

impl Standing {
    /// Records what became of certificates; `None`: it stands (again).
    pub fn record(&self, changes: impl IntoIterator<Item = ([u8; 32], Option<Fallen>)>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (fingerprint, fallen) in changes {
            match fallen {
                Some(fallen) => all.insert(fingerprint, fallen),
                None => all.remove(&fingerprint),
            };
        }
    }

    /// Why the certificate of this fingerprint does not stand, if so.
    #[must_use]
    pub fn fallen(&self, fingerprint: &str) -> Option<Fallen> {
        let mut octets = [0; 32];
        hex::decode_to_slice(fingerprint, &mut octets).ok()?;
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&octets).copied()
    }
}
