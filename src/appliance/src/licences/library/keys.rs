//! The keys of the library: one data key for each licence, wrapped by a key in custody, and the key of the hashes by which
//! licences are found.
//!
//! A data key protects the licence's fields, its artefacts and what is said of its events: AES-256-GCM, or SM4-GCM where the
//! keystore is of the ShangMi suite (decision 30). It is wrapped under the hierarchy's data key of purpose `licences`; the
//! hash key is `licence-holders`. Later generations of either, `…-2` and so on, are made by a rotation. Which are in use
//! stands in rows of `licence_numbers`: every node learns of a rotation within `FRESH`.
//!
//! Hierarchies from before there were licences have no key of that purpose: the label `licences` is then made in the keystore
//! when the first licence needs it, as the hash keys are.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crypto::{SealingKey, Suite, Symmetric};
use custody::{Algorithm, Custody, CustodyError, Usage};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::LibraryError;
use crate::app::{App, Unsealed};
use crate::store::StoreError;
use crate::store::tables::LICENCE_NUMBERS;

/// Which generations of the keys are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generations {
    /// The wrapping key that new data keys are wrapped under.
    pub wrapping: i64,
    /// The hash key that new entries of the index are made under.
    pub hashing: i64,
    /// The oldest hash key that entries may still be under.
    pub oldest: i64,
}

impl Generations {
    /// The first of each.
    const FIRST: Self = Self { wrapping: 1, hashing: 1, oldest: 1 };
}

/// What a node remembers of the keys.
#[derive(Debug, Default)]
pub struct Known {
    generations: RwLock<Option<(Instant, Generations)>>,
    /// Rows that do not open and were told.
    damaged: Mutex<BTreeSet<String>>,
    /// How many rows the last whole round of each kind passed over.
    passed: [AtomicI64; 2],
}

impl Known {
    /// Reads again when asked next.
    pub fn forget(&self) {
        *self.generations.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// That a round found nothing more to do but what does not open: so many rows.
    pub(super) fn passed(&self, round: Round, rows: usize) {
        if let Some(known) = self.passed.get(round as usize) {
            known.store(i64::try_from(rows).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }

    /// How many rows the last whole round passed over.
    pub(super) fn unreadable(&self, round: Round) -> i64 {
        self.passed.get(round as usize).map_or(0, |known| known.load(Ordering::Relaxed))
    }

    /// Tells, once, that a rotation passes a row over.
    pub(super) fn damaged(&self, row: &str, error: &dyn std::fmt::Display) {
        let mut known = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_DAMAGED && known.insert(row.to_owned()) {
            tracing::error!(row, %error, "passed over while keys are rotated: restore it from a backup");
        }
    }
}

/// What a rotation goes round for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// Data keys.
    Wrapping = 0,
    /// The index of holders.
    Holders = 1,
}

/// Rows that do not open of which each is told; more than that are one fault.
const MOST_DAMAGED: usize = 1000;

/// The generations in use, at most `FRESH` old.
///
/// # Errors
/// [`StoreError`].
pub async fn generations(app: &App) -> Result<Generations, StoreError> {
    let known = &app.licences.keys.generations;
    let remembered = *known.read().unwrap_or_else(PoisonError::into_inner);
    if let Some((read, generations)) = remembered
        && read.elapsed() < FRESH
    {
        return Ok(generations);
    }
    let asked = Instant::now();
    let mut found = Generations::FIRST;
    for (id, slot) in
        [(WRAPPING, &mut found.wrapping), (HASHING, &mut found.hashing), (OLDEST, &mut found.oldest)]
    {
        if let Some(row) = app.db.row(&LICENCE_NUMBERS, id).await? {
            *slot = row.value("next").as_int().unwrap_or(1);
        }
    }
    *known.write().unwrap_or_else(PoisonError::into_inner) = Some((asked, found));
    Ok(found)
}

/// Label of a generation of the wrapping key.
#[must_use]
pub fn wrapping_label(app: &App, generation: i64) -> String {
    let first = app.hierarchy.data_key(PURPOSE).map_or(PURPOSE, |key| key.label.as_str());
    generation_of(first, generation)
}

/// Label of a generation of the hash key.
#[must_use]
pub fn hashing_label(generation: i64) -> String {
    generation_of(HOLDERS, generation)
}

fn generation_of(first: &str, generation: i64) -> String {
    if generation <= 1 { first.to_owned() } else { format!("{first}-{generation}") }
}

/// Makes the key if it is not there yet.
///
/// # Errors
/// [`CustodyError`].
pub(super) fn ensure(
    custody: &dyn Custody,
    suite: &Suite,
    label: &str,
    usage: Usage,
) -> Result<(), CustodyError> {
    if custody.key(label).is_ok() {
        return Ok(());
    }
    let algorithm = match usage {
        Usage::Mac => Algorithm::mac_in(suite),
        _ => Algorithm::sealing_in(suite),
    };
    match custody.generate(label, algorithm, usage) {
        Ok(_) | Err(CustodyError::Exists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The code of a message under a hash key, which is made when it is needed first.
///
/// # Errors
/// [`CustodyError`].
pub(super) fn mac(
    custody: &dyn Custody,
    suite: &Suite,
    label: &str,
    message: &[u8],
) -> Result<String, CustodyError> {
    match custody.mac(label, message) {
        Ok(code) => Ok(hex::encode(code)),
        Err(CustodyError::NoSuchKey { .. }) => {
            ensure(custody, suite, label, Usage::Mac)?;
            custody.mac(label, message).map(hex::encode)
        }
        Err(error) => Err(error),
    }
}

/// The data key of one licence, or of one job.
pub struct DataKey {
    secret: Zeroizing<[u8; 32]>,
    symmetric: Symmetric,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey")
    }
}

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The key, wrapped.
    pub key: Vec<u8>,
    /// Label of the key in custody that it is wrapped under.
    pub by: String,
}

impl DataKey {
    /// A fresh key, in the suite of the keystore.
    ///
    /// # Errors
    /// [`LibraryError::Random`].
    pub fn fresh(app: &App) -> Result<Self, LibraryError> {
        Self::of(app.keystore().suite().symmetric)
    }

    fn of(symmetric: Symmetric) -> Result<Self, LibraryError> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        SystemRandom::new().fill(secret.as_mut()).map_err(|_| LibraryError::Random)?;
        Ok(Self { secret, symmetric })
    }

    /// The key as it is stored with the row `owner`: the wrapping is bound to that.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub async fn wrap(&self, app: &App, unsealed: &Unsealed, owner: &str) -> Result<Wrapped, LibraryError> {
        let by = wrapping_label(app, generations(app).await?.wrapping);
        self.wrap_under(unsealed.custody.as_ref(), app.keystore().suite(), by, owner)
    }

    pub(super) fn wrap_under(
        &self,
        custody: &dyn Custody,
        suite: &Suite,
        by: String,
        owner: &str,
    ) -> Result<Wrapped, LibraryError> {
        let context = wrapping_context(owner);
        let mut plain = Zeroizing::new(Vec::with_capacity(33));
        plain.push(tag(self.symmetric));
        plain.extend_from_slice(self.secret.as_ref());
        let key = match custody.seal(&by, &plain, &context) {
            Err(CustodyError::NoSuchKey { .. }) => {
                ensure(custody, suite, &by, Usage::Seal)?;
                custody.seal(&by, &plain, &context)?
            }
            sealed => sealed?,
        };
        Ok(Wrapped { key, by })
    }

    /// The key that is stored with the row `owner`.
    ///
    /// # Errors
    /// [`LibraryError::Erased`] when it was destroyed.
    pub fn unwrap(custody: &dyn Custody, owner: &str, key: &[u8], by: &str) -> Result<Self, LibraryError> {
        if key.is_empty() {
            return Err(LibraryError::Erased(owner.to_owned()));
        }
        let altered = || LibraryError::Altered { id: owner.to_owned(), kind: "data key" };
        let plain = match custody.open(by, key, &wrapping_context(owner)) {
            Err(CustodyError::Unauthentic) => return Err(altered()),
            opened => opened?,
        };
        let (tag, secret) = plain.split_first().ok_or_else(altered)?;
        let secret = <&[u8; 32]>::try_from(secret).map_err(|_| altered())?;
        let symmetric = symmetric(*tag).ok_or_else(altered)?;
        Ok(Self { secret: Zeroizing::new(*secret), symmetric })
    }

    /// Encrypts what a row keeps. What is written is bound to the row and to what it is: `kind` is one of [`kinds`].
    /// Octet 0 names the algorithm, 12 octets are the nonce, 16 at the end the tag.
    ///
    /// # Errors
    /// [`LibraryError::Random`].
    pub fn seal(&self, row: &str, kind: &'static str, plain: &[u8]) -> Result<Vec<u8>, LibraryError> {
        let mut nonce = [0_u8; NONCE];
        SystemRandom::new().fill(&mut nonce).map_err(|_| LibraryError::Random)?;
        let mut sealed = Vec::with_capacity(1 + NONCE + plain.len() + 16);
        sealed.push(tag(self.symmetric));
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let failed =
            |_| LibraryError::Damaged { id: row.to_owned(), fault: "too long to be encrypted".into() };
        let text = sealed.get_mut(1 + NONCE..).unwrap_or_default();
        let mac = self.cipher().and_then(|cipher| cipher.seal(nonce, &context(row, kind), text));
        sealed.extend_from_slice(&mac.map_err(failed)?);
        Ok(sealed)
    }

    /// Decrypts what a row keeps.
    ///
    /// # Errors
    /// [`LibraryError::Altered`] for what was not sealed by this key for that row and kind; [`LibraryError::Erased`] where it
    /// was removed.
    pub fn open(
        &self,
        row: &str,
        kind: &'static str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
        let altered = || LibraryError::Altered { id: row.to_owned(), kind };
        if sealed.is_empty() {
            // Nothing is ever sealed to that: it was taken away after the key was read.
            return Err(LibraryError::Erased(row.to_owned()));
        }
        let (algorithm, rest) = sealed.split_first().ok_or_else(altered)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(altered)?;
        if symmetric(*algorithm) != Some(self.symmetric) {
            return Err(altered());
        }
        let mut text = Zeroizing::new(sealed.to_vec());
        let cipher = self.cipher().map_err(|_| altered())?;
        let length = cipher.open(*nonce, &context(row, kind), &mut text).map_err(|_| altered())?.len();
        text.truncate(length);
        Ok(text)
    }

    fn cipher(&self) -> Result<SealingKey, crypto::Unauthentic> {
        SealingKey::new(self.symmetric, &self.secret)
    }
}

/// What is kept encrypted in a row; part of what the encryption is bound to.
pub mod kinds {
    /// All fields of a version and its holder: `licence_versions.sealed`.
    pub const FIELDS: &str = "fields";
    /// What was made of a version: `licence_artefacts.sealed`.
    pub const ARTEFACT: &str = "artefact";
    /// Words on an event: `licence_events.words`.
    pub const WORDS: &str = "words";
    /// A line of batch work: `licence_job_rows.sealed`.
    pub const LINE: &str = "line";
}

/// That the keys of these rows are what this process works with.
pub(super) fn symmetric(tag: u8) -> Option<Symmetric> {
    match tag {
        1 => Some(Symmetric::International),
        2 => Some(Symmetric::ShangMi),
        _ => None,
    }
}

const fn tag(symmetric: Symmetric) -> u8 {
    match symmetric {
        Symmetric::ShangMi => 2,
        _ => 1,
    }
}

fn context(row: &str, kind: &str) -> Vec<u8> {
    [b"cinnabar licence v1\x1f", kind.as_bytes(), b"\x1f", row.as_bytes()].concat()
}

fn wrapping_context(owner: &str) -> Vec<u8> {
    [b"cinnabar licence data key v1\x1f", owner.as_bytes()].concat()
}

/// Custody of an open process, or that it is sealed.
pub(super) fn opened(app: &App) -> Result<Arc<Unsealed>, LibraryError> {
    app.unsealed().map_err(|_| LibraryError::Sealed)
}

/// Counter of generations of the wrapping key, in `licence_numbers`.
pub(super) const WRAPPING: &str = "key:wrapping";
/// That of the hash key.
pub(super) const HASHING: &str = "key:hashing";
/// The oldest hash key in use.
pub(super) const OLDEST: &str = "key:hashing-oldest";
/// What the data key of the hierarchy is for.
const PURPOSE: &str = "licences";
/// Label of the first hash key.
const HOLDERS: &str = "licence-holders";
/// How old the generations may be that a node works with.
pub(super) const FRESH: Duration = Duration::from_secs(1);
const NONCE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_row_as_what_it_is_and_nowhere_else() {
        for symmetric in [Symmetric::International, Symmetric::ShangMi] {
            let (key, other) = (DataKey::of(symmetric).unwrap(), DataKey::of(symmetric).unwrap());
            let plain = "身份证 110105199001012345".as_bytes();
            let sealed = key.seal("row", kinds::FIELDS, plain).unwrap();
            assert_eq!(sealed.len(), plain.len() + 29);
            assert_eq!(key.open("row", kinds::FIELDS, &sealed).unwrap().as_slice(), plain);
            assert_ne!(sealed, key.seal("row", kinds::FIELDS, plain).unwrap(), "a nonce each time");
            assert!(matches!(key.open("row2", kinds::FIELDS, &sealed), Err(LibraryError::Altered { .. })));
            assert!(key.open("row", kinds::ARTEFACT, &sealed).is_err());
            assert!(other.open("row", kinds::FIELDS, &sealed).is_err());
            for place in 0..sealed.len() {
                let mut damaged = sealed.clone();
                damaged[place] ^= 0x40;
                assert!(key.open("row", kinds::FIELDS, &damaged).is_err(), "{place}");
            }
            for length in 0..29 {
                assert!(key.open("row", kinds::FIELDS, &sealed[..length]).is_err());
            }
            assert!(matches!(key.open("row", kinds::FIELDS, &[]), Err(LibraryError::Erased(_))));
        }
    }

    #[test]
    fn generations_have_labels_of_their_own() {
        assert_eq!(
            [1, 2, 10].map(hashing_label),
            ["licence-holders", "licence-holders-2", "licence-holders-10"]
        );
    }
}
