//! What became of certificates that are not, or were not, good: by issuer and serial number, in memory.
//!
//! Read whole when the process starts and by differences afterwards: a row's `changed` says when its state changed
//! last. Two nodes' acts may become visible in another order than their times, so each reading goes back by
//! [`OVERLAP`] over what was read before. Lists, OCSP and the listener's identities all rest on it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use pki::crl::{Entry, Reason, Revoked};
use pki::ocsp;

use crate::store::{Record, StoreError};

/// What became of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// SHA-256 fingerprint.
    pub fingerprint: [u8; 32],
    /// Its state.
    pub state: State,
    /// Since when, Unix seconds.
    pub since: i64,
    /// Why.
    pub reason: Option<Reason>,
    /// Since when the key is thought to have been misused, Unix seconds.
    pub invalid_from: Option<i64>,
    /// End of its validity, Unix seconds.
    pub not_after: i64,
    /// When its state changed last, Unix microseconds; 0 in old rows.
    pub changed: i64,
}

/// States that differ from one that was always good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// For good.
    Revoked,
    /// Until released.
    Held,
    /// Good again after a hold.
    Released,
}

/// One issuer's shard.
pub type Shard = (String, i64);

/// A reference to one changed certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Label of its issuer.
    pub issuer: String,
    /// Serial number without leading zeros.
    pub serial: Vec<u8>,
    /// Fingerprint.
    pub fingerprint: [u8; 32],
    /// Its state now.
    pub state: State,
}

/// By serial number without leading zeros: the shard, and what became of the certificate.
type Fates = HashMap<Vec<u8>, (i64, Fate)>;

/// The index.
#[derive(Debug, Default)]
pub struct Index(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_issuer: HashMap<String, Fates>,
    /// The generation at which a shard is known to hold all that was seen of it.
    touched: HashMap<Shard, i64>,
    latest: i64,
}

impl Index {
    /// From when on changes must be read again, Unix microseconds.
    pub fn since(&self) -> i64 {
        self.read().latest.saturating_sub(OVERLAP)
    }

    /// Takes what was read, and says what is new. `generation` was read after the rows were.
    ///
    /// # Errors
    /// [`StoreError`] for a row that cannot be understood.
    pub fn take(&self, records: &[Record], generation: i64) -> Result<Vec<Changed>, StoreError> {
        let mut read = Vec::with_capacity(records.len());
        for record in records {
            read.push((record.text("issuer")?.to_owned(), serial(record.text("serial")?), fate(record)?));
        }
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        for (issuer, serial, (shard, fate)) in read {
            inner.latest = inner.latest.max(fate.changed);
            let known = inner.by_issuer.entry(issuer.clone()).or_default();
            if known.get(serial.as_slice()).is_some_and(|(_, known)| *known == fate) {
                continue;
            }
            let (fingerprint, state) = (fate.fingerprint, fate.state);
            known.insert(serial.clone(), (shard, fate));
            inner.touched.insert((issuer.clone(), shard), generation);
            changes.push(Changed { issuer, serial, fingerprint, state });
        }
        Ok(changes)
    }

    /// What became of a certificate; `None` if it was always good or is not on record. `serial` is big-endian, in any
    /// form.
    pub fn fate(&self, issuer: &str, serial: &[u8]) -> Option<Fate> {
        let inner = self.read();
        inner.by_issuer.get(issuer)?.get(significant(serial)).map(|(_, fate)| fate.clone())
    }

    /// The generation a shard's list must reach at least.
    pub fn touched(&self, shard: &Shard) -> i64 {
        self.read().touched.get(shard).copied().unwrap_or_default()
    }

    /// Shards of an issuer in which something happened.
    pub fn shards(&self, issuer: &str) -> Vec<i64> {
        let inner = self.read();
        inner.touched.keys().filter(|(of, _)| of == issuer).map(|(_, shard)| *shard).collect()
    }

    /// The entries of a full list: revoked and held ones that had not run out before `since`.
    pub fn entries(&self, (issuer, shard): &Shard, since: i64) -> Vec<Entry> {
        self.collect(issuer, *shard, |fate| fate.state != State::Released && fate.not_after >= since)
    }

    /// The entries of a delta: what changed from `from` on (Unix seconds), released ones as removeFromCRL. That an
    /// entry stands on the base list already does no harm (RFC 5280 §5.2.4).
    pub fn delta(&self, (issuer, shard): &Shard, from: i64) -> Vec<Entry> {
        let from = from.saturating_mul(1_000_000).saturating_sub(OVERLAP);
        self.collect(issuer, *shard, |fate| fate.changed >= from)
    }

    fn collect(&self, issuer: &str, shard: i64, wanted: impl Fn(&Fate) -> bool) -> Vec<Entry> {
        let inner = self.read();
        let Some(all) = inner.by_issuer.get(issuer) else { return Vec::new() };
        let entry = |(serial, (of, fate)): (&Vec<u8>, &(i64, Fate))| {
            (*of == shard && wanted(fate)).then(|| Entry {
                serial: serial.clone(),
                time: fate.since,
                reason: if fate.state == State::Released { Some(Reason::RemoveFromCrl) } else { fate.reason },
                invalid_from: fate.invalid_from,
            })
        };
        all.iter().filter_map(entry).collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fate {
    /// As OCSP says it.
    #[must_use]
    pub fn status(&self) -> ocsp::Status {
        match self.state {
            State::Released => ocsp::Status::Good,
            State::Revoked | State::Held => {
                ocsp::Status::Revoked(Revoked { time: self.since, reason: self.reason })
            }
        }
    }
}

fn fate(record: &Record) -> Result<(i64, Fate), StoreError> {
    let seconds = |micros: Option<i64>| micros.map(|micros| micros.div_euclid(1_000_000));
    let state = match record.text("state")? {
        "good" => State::Released,
        "held" => State::Held,
        // A word that this version does not know is no reason to trust.
        _ => State::Revoked,
    };
    let mut fingerprint = [0; 32];
    if hex::decode_to_slice(record.text("id")?, &mut fingerprint).is_err() {
        return Err(StoreError::Column { column: "id".into(), expected: "a fingerprint", found: "text" });
    }
    let reason = match state {
        State::Held => Some(Reason::CertificateHold),
        State::Revoked => record.opt_text("reason")?.and_then(Reason::from_name),
        State::Released => None,
    };
    let changed = record.opt_int("changed")?.unwrap_or_default();
    let fate = Fate {
        fingerprint,
        state,
        since: seconds(record.opt_int("revoked_at")?).or(seconds(Some(changed))).unwrap_or_default(),
        reason,
        invalid_from: seconds(record.opt_int("invalid_from")?),
        not_after: seconds(Some(record.int("not_after")?)).unwrap_or_default(),
        changed,
    };
    Ok((record.opt_int("shard")?.unwrap_or_default(), fate))
}

/// A stored serial number as octets. One that is no hexadecimal names no certificate.
fn serial(hexadecimal: &str) -> Vec<u8> {
    significant(&hex::decode(hexadecimal).unwrap_or_default()).to_vec()
}

/// Without leading zeros.
pub(super) fn significant(serial: &[u8]) -> &[u8] {
    let skip = serial.iter().take_while(|octet| **octet == 0).count();
    serial.get(skip..).unwrap_or_default()
}

/// An act is on record at the latest so long after the time it carries, microseconds: longer than a request may take
/// and than a writer may wait.
const OVERLAP: i64 = 150_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(state: State, changed: i64) -> Fate {
        let reason = (state == State::Revoked).then_some(Reason::Superseded);
        Fate {
            fingerprint: [u8::try_from(changed % 251).unwrap(); 32],
            state,
            since: changed / 1_000_000,
            reason,
            invalid_from: None,
            not_after: 2_000,
            changed,
        }
    }

    fn index(fates: &[(u8, i64, Fate)]) -> Index {
        let index = Index::default();
        for (serial, shard, fate) in fates {
            let mut inner = index.0.write().unwrap();
            inner.latest = inner.latest.max(fate.changed);
            let all = inner.by_issuer.entry("ca".into()).or_default();
            all.insert(vec![*serial], (*shard, fate.clone()));
        }
        index
    }

    #[test]
    fn full_lists_have_what_is_not_good_and_deltas_what_changed_since_their_base() {
        let second = 1_000_000;
        let index = index(&[
            (1, 0, fate(State::Revoked, 100 * second)),
            (2, 0, fate(State::Released, 1_000 * second)),
            (3, 0, fate(State::Held, 1_000 * second)),
            (4, 2, fate(State::Revoked, 1_000 * second)),
        ]);
        let serials = |entries: Vec<Entry>| {
            let mut all: Vec<u8> = entries.iter().map(|entry| entry.serial[0]).collect();
            all.sort_unstable();
            all
        };
        let shard = |number| ("ca".to_owned(), number);
        assert_eq!(serials(index.entries(&shard(0), 0)), [1, 3]);
        assert_eq!(serials(index.entries(&shard(2), 0)), [4]);
        assert!(index.entries(&shard(0), 3_000).is_empty(), "they ran out before");
        assert_eq!(serials(index.delta(&shard(0), 900)), [2, 3]);
        let released = index.delta(&shard(0), 900).into_iter().find(|entry| entry.serial == [2]).unwrap();
        assert_eq!(released.reason, Some(Reason::RemoveFromCrl));
        // An act may become visible later than the time it carries.
        assert_eq!(serials(index.delta(&shard(0), 1_100)), [2, 3]);
        assert_eq!(index.since(), 1_000 * second - OVERLAP);
    }

    #[test]
    fn serial_numbers_are_found_in_every_form_and_belong_to_their_issuer() {
        let index = index(&[(0x80, 0, fate(State::Held, 1))]);
        for form in [&[0x80][..], &[0, 0x80], &[0, 0, 0x80]] {
            assert!(matches!(index.fate("ca", form).unwrap().status(), ocsp::Status::Revoked(_)));
        }
        assert_eq!(index.fate("other", &[0x80]), None);
        assert_eq!(index.fate("ca", &[0x81]), None);
        assert_eq!(fate(State::Released, 1).status(), ocsp::Status::Good);
    }
}
