//! Splitting a 256-bit key into Shamir shares over GF(2^8) and putting it together again, byte by byte, with vsss-rs:
//! its field arithmetic has no tables and no secret-dependent branches, and its coefficients are uniform over the
//! whole field, zero included (a rejected zero would leak). Who checks the rebuilt key is the keystore: Shamir's
//! scheme itself yields *some* key from wrong shares.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use ring::rand::{SecureRandom, SystemRandom};
use vsss_rs::{Gf256, IdentifierGf256};
use zeroize::{Zeroize, Zeroizing};

use crate::aead::Key;
use crate::share::Share;
use crate::unlock::UnlockError;

/// Splits `key` into `count` shares of which `threshold` rebuild it.
pub(crate) fn split(
    rng: &SystemRandom,
    key: &Key,
    set: [u8; 4],
    threshold: u8,
    count: u8,
) -> Result<Vec<Share>, UnlockError> {
    if threshold < 2 || threshold > count {
        return Err(UnlockError::Threshold { threshold, count });
    }
    let mut source = Source { rng, failed: false };
    let points = (1..=count).map(|index| IdentifierGf256(Gf256(index)));
    let parts = Gf256::split_bytes_with_participant_ids_iter(
        usize::from(threshold),
        usize::from(count),
        key.as_slice(),
        &mut source,
        points,
    );
    let parts = Zeroizing::new(parts.map_err(|_| UnlockError::Threshold { threshold, count })?);
    if source.failed {
        return Err(UnlockError::Random);
    }
    parts
        .iter()
        .map(|part| {
            let (index, value) = part.split_first().ok_or(UnlockError::Rebuild)?;
            let mut share = Share { set, threshold, count, index: *index, value: Zeroizing::default() };
            if value.len() != share.value.len() {
                return Err(UnlockError::Rebuild);
            }
            share.value.copy_from_slice(value);
            Ok(share)
        })
        .collect()
}

/// Rebuilds the key from shares with distinct indices.
pub(crate) fn combine(shares: &[&Share]) -> Result<Key, UnlockError> {
    let parts: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(
        shares
            .iter()
            .map(|share| {
                let mut part = Vec::with_capacity(1 + share.value.len());
                part.push(share.index);
                part.extend_from_slice(share.value.as_slice());
                part
            })
            .collect(),
    );
    let secret = Zeroizing::new(Gf256::combine_bytes(parts.as_slice()).map_err(|_| UnlockError::Rebuild)?);
    let mut key = Key::default();
    if secret.len() != key.len() {
        return Err(UnlockError::Rebuild);
    }
    key.copy_from_slice(&secret);
    Ok(key)
}

/// ring's random source under the trait that vsss-rs takes. That trait cannot report failure, so it is noted and the
/// shares are thrown away.
struct Source<'a> {
    rng: &'a SystemRandom,
    failed: bool,
}

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        let value = u32::from_le_bytes(bytes);
        bytes.zeroize();
        Ok(value)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        let value = u64::from_le_bytes(bytes);
        bytes.zeroize();
        Ok(value)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= self.rng.fill(bytes).is_err();
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_threshold_of_the_shares_rebuild_the_key_and_fewer_do_not() {
        let key = Key::new([0x5a; 32]);
        let rng = SystemRandom::new();
        for (threshold, count) in [(2, 2), (2, 3), (3, 5), (5, 5), (10, 16)] {
            let shares = split(&rng, &key, [1; 4], threshold, count).unwrap();
            assert_eq!(
                shares.iter().map(|share| share.index).collect::<Vec<_>>(),
                (1..=count).collect::<Vec<_>>()
            );
            let k = usize::from(threshold);
            for start in 0..=shares.len() - k {
                let some: Vec<&Share> = shares[start..start + k].iter().rev().collect();
                assert_eq!(combine(&some).unwrap(), key);
                if k > 2 {
                    assert_ne!(combine(&some[1..]).unwrap(), key);
                }
            }
            assert_eq!(combine(&shares.iter().collect::<Vec<_>>()).unwrap(), key);
        }
    }

    #[test]
    fn senseless_thresholds_are_refused() {
        let rng = SystemRandom::new();
        for (threshold, count) in [(0, 0), (0, 3), (1, 1), (1, 3), (4, 3)] {
            assert!(
                split(&rng, &Key::default(), [0; 4], threshold, count).is_err(),
                "{threshold} of {count}"
            );
        }
        assert_eq!(split(&rng, &Key::default(), [0; 4], 2, 255).unwrap().len(), 255);
    }

    #[test]
    fn the_same_key_is_split_differently_each_time() {
        let rng = SystemRandom::new();
        let (a, b) = (split(&rng, &Key::default(), [0; 4], 2, 2), split(&rng, &Key::default(), [0; 4], 2, 2));
        assert_ne!(a.unwrap(), b.unwrap());
    }
}
