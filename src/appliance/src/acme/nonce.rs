//! Anti-replay nonces (RFC 8555 §6.5) that every node accepts and nobody stores until they are used.
//!
//! A nonce is its own time and 128 random bits, sealed by custody: no other key makes one, and each node with the
//! keystore opens it. A used one is remembered twice: here, in memory, for all requests, and, for those that change
//! something, as a row of the very unit that changes it, so that of two nodes given the same request one
//! loses.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custody::{Custody, CustodyError};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::store::{Row, tables};

/// The nonces used on this node. Those of accounts and those of bare keys, which anybody can make, are remembered
/// apart: neither pushes the other out. One nonce in a request of each kind is no replay, and where both change
/// something, the row decides.
#[derive(Debug, Default)]
pub struct Nonces {
    accounts: Mutex<Memory>,
    keys: Mutex<Memory>,
}

/// In whose request a nonce stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// An account's.
    Account,
    /// One that names its key itself.
    Key,
}

/// Used nonces, in two halves. When one is full, the elder is forgotten, and no nonce that is as old as one forgotten
/// is taken any more: whatever is sent, none is taken twice, and nobody has to search.
#[derive(Debug)]
struct Memory {
    young: Half,
    old: Half,
    /// Nonces made until then are refused, microseconds since the epoch.
    forgotten: i64,
}

#[derive(Debug)]
struct Half {
    used: HashSet<[u8; 32]>,
    /// When the newest of them was made.
    newest: i64,
}

impl Default for Half {
    fn default() -> Self {
        Self { used: HashSet::new(), newest: i64::MIN }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { young: Half::default(), old: Half::default(), forgotten: i64::MIN }
    }
}

impl Memory {
    /// Whether a nonce made then is used for the first time; it is remembered, among `most` in a half.
    fn first(&mut self, hash: [u8; 32], made: i64, most: usize) -> bool {
        if made <= self.forgotten || self.old.used.contains(&hash) || !self.young.used.insert(hash) {
            return false;
        }
        self.young.newest = self.young.newest.max(made);
        if self.young.used.len() >= most {
            let elder = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.forgotten = self.forgotten.max(elder.newest);
        }
        true
    }
}

/// Why a nonce was not made or not taken.
#[derive(Debug, thiserror::Error)]
pub enum NonceError {
    /// Not one of ours, too old, or used before.
    #[error("the nonce is not one of ours, too old or used")]
    Bad,
    /// The key.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// No randomness.
    #[error("the system's random source failed")]
    Random,
}

/// A nonce that was taken: nobody else on this node has it.
#[derive(Debug)]
pub struct Taken {
    hash: [u8; 32],
    expires: i64,
}

/// A new nonce. `now` in microseconds.
///
/// # Errors
/// [`NonceError`] when the key or the random source does not serve.
pub fn make(custody: &dyn Custody, label: &str, now: i64) -> Result<String, NonceError> {
    let mut plain = [0; 24];
    let (time, random) = plain.split_at_mut(8);
    time.copy_from_slice(&now.to_be_bytes());
    SystemRandom::new().fill(random).map_err(|_| NonceError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(custody.seal(label, &plain, CONTEXT)?))
}

impl Nonces {
    /// Takes a nonce, once.
    ///
    /// # Errors
    /// [`NonceError::Bad`] for what is not ours, too old, from the future or used on this node.
    pub fn take(
        &self,
        of: Of,
        custody: &dyn Custody,
        label: &str,
        nonce: &str,
        now: i64,
    ) -> Result<Taken, NonceError> {
        if nonce.len() > 256 {
            return Err(NonceError::Bad);
        }
        let sealed = URL_SAFE_NO_PAD.decode(nonce).map_err(|_| NonceError::Bad)?;
        let plain = match custody.open(label, &sealed, CONTEXT) {
            Err(CustodyError::Unauthentic) => return Err(NonceError::Bad),
            other => other?,
        };
        let time = plain.first_chunk().map_or(0, |time| i64::from_be_bytes(*time));
        // Clocks of two nodes differ by a little.
        if time > now.saturating_add(60_000_000) || time.saturating_add(LIFE) < now {
            return Err(NonceError::Bad);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &sealed).as_ref());
        let expires = time.saturating_add(LIFE);
        let (memory, most) = match of {
            Of::Account => (&self.accounts, ACCOUNTS),
            Of::Key => (&self.keys, KEYS),
        };
        match memory.lock().unwrap_or_else(PoisonError::into_inner).first(hash, time, most) {
            true => Ok(Taken { hash, expires }),
            false => Err(NonceError::Bad),
        }
    }
}

impl Taken {
    /// The row that makes the unit it stands in the only one with this nonce.
    #[must_use]
    pub fn row(&self) -> Row {
        Row::new(&tables::ACME_NONCES, vec![hex::encode(self.hash).into(), 1.into(), self.expires.into()])
    }
}

const CONTEXT: &[u8] = b"cinnabar acme nonce v1";
/// Microseconds for which a nonce can be used. Clients fetch another when one is too old.
const LIFE: i64 = 15 * 60 * 1_000_000;
/// Nonces of accounts in one half: 32 MiB at most in both.
const ACCOUNTS: usize = 250_000;
/// Nonces of bare keys in one half: 4 MiB at most in both.
const KEYS: usize = 30_000;

#[cfg(test)]
mod tests {
    use custody::{Algorithm, KeyInfo, Usage};
    use std::sync::Arc;
    use zeroize::Zeroizing;

    use super::*;

    /// Seals with a checksum of key and context: enough to tell what was made with another.
    struct Paper(u8);

    impl Paper {
        fn tag(&self, plain: &[u8], aad: &[u8]) -> Vec<u8> {
            digest(&SHA256, &[&[self.0], plain, aad].concat()).as_ref().to_vec()
        }
    }

    impl Custody for Paper {
        fn generate(&self, _: &str, _: Algorithm, _: Usage) -> Result<KeyInfo, CustodyError> {
            Err(CustodyError::Random)
        }
        fn keys(&self) -> Result<Vec<KeyInfo>, CustodyError> {
            Ok(Vec::new())
        }
        fn key(&self, _: &str) -> Result<KeyInfo, CustodyError> {
            Err(CustodyError::Random)
        }
        fn signer(&self, _: &str) -> Result<Arc<dyn crypto::Signer>, CustodyError> {
            Err(CustodyError::Random)
        }
        fn seal(&self, _: &str, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, CustodyError> {
            Ok([plain, &self.tag(plain, aad)].concat())
        }
        fn open(&self, _: &str, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
            let (plain, tag) = sealed.split_at_checked(24).ok_or(CustodyError::Unauthentic)?;
            if tag == self.tag(plain, aad) {
                Ok(plain.to_vec().into())
            } else {
                Err(CustodyError::Unauthentic)
            }
        }
        fn mac(&self, _: &str, _: &[u8]) -> Result<[u8; 32], CustodyError> {
            Err(CustodyError::Random)
        }
        fn destroy(&self, _: &str) -> Result<(), CustodyError> {
            Err(CustodyError::Random)
        }
    }

    #[test]
    fn a_nonce_is_taken_once_on_any_node_with_the_key_and_for_its_time() {
        let (nonces, elsewhere) = (Nonces::default(), Nonces::default());
        let nonce = make(&Paper(1), "k", 1_000).unwrap();
        assert_ne!(nonce, make(&Paper(1), "k", 1_000).unwrap());
        let taken = nonces.take(Of::Account, &Paper(1), "k", &nonce, 2_000).unwrap();
        assert!(matches!(nonces.take(Of::Account, &Paper(1), "k", &nonce, 2_000), Err(NonceError::Bad)));
        // Another node takes it too: there the row decides, and it is the same row.
        let second = elsewhere.take(Of::Account, &Paper(1), "k", &nonce, 2_000).unwrap();
        assert_eq!(taken.row(), second.row());
        assert!(taken.row().fault().is_none());
        let again = Nonces::default();
        assert!(again.take(Of::Account, &Paper(2), "k", &nonce, 2_000).is_err(), "another key");
        assert!(again.take(Of::Account, &Paper(1), "k", &nonce, 1_001 + LIFE).is_err(), "too old");
        let future = make(&Paper(1), "k", 200_000_000).unwrap();
        assert!(again.take(Of::Account, &Paper(1), "k", &future, 0).is_err(), "from the future");
        for wrong in ["", "!", "AAAA", &"A".repeat(300)] {
            assert!(again.take(Of::Account, &Paper(1), "k", wrong, 0).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bare_keys_use_up_no_memory_of_accounts_and_nothing_forgotten_is_taken_again() {
        let mut memory = Memory::default();
        let hash = |n: u8| [n; 32];
        for n in 0..4 {
            assert!(memory.first(hash(n), i64::from(n), 2), "{n}");
            assert!(!memory.first(hash(n), i64::from(n), 2), "{n} again");
        }
        // The half with 0 and 1 is forgotten; what was made then is refused, what was made later is not.
        assert_eq!((memory.old.used.len(), memory.young.used.len(), memory.forgotten), (2, 0, 1));
        for n in 0..4 {
            assert!(!memory.first(hash(n), i64::from(n), 2), "{n} later");
        }
        assert!(!memory.first(hash(9), 1, 2), "as old as one forgotten");
        assert!(memory.first(hash(9), 2, 2));
        let nonces = Nonces::default();
        let nonce = make(&Paper(1), "k", 1_000).unwrap();
        nonces.take(Of::Key, &Paper(1), "k", &nonce, 2_000).unwrap();
        assert!(nonces.take(Of::Key, &Paper(1), "k", &nonce, 2_000).is_err());
        assert!(nonces.accounts.lock().unwrap().young.used.is_empty());
    }
}
