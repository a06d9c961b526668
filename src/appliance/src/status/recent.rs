//! A bounded map of what was used lately.
//!
//! Two generations: when the young one is full, it becomes the old one and the old one is forgotten; what is used
//! moves to the young one. So nothing used within the last half of the bound is lost, each step costs the same, and
//! strangers' questions cannot make it grow.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The map; values are cheap to clone.
#[derive(Debug)]
pub struct Recent<K, V> {
    parts: Vec<Mutex<Part<K, V>>>,
    hasher: RandomState,
    bound: usize,
}

#[derive(Debug)]
struct Part<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    /// For at most about `bound` items.
    pub fn new(bound: usize) -> Self {
        let part = || Mutex::new(Part { young: HashMap::new(), old: HashMap::new() });
        Self {
            parts: (0..PARTS).map(|_| part()).collect(),
            hasher: RandomState::new(),
            bound: (bound / PARTS / 2).max(1),
        }
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut part = self.part(key)?;
        if let Some(value) = part.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = part.old.remove_entry(key)?;
        part.put(key, value.clone(), self.bound);
        Some(value)
    }

    /// Puts a value, if `still` says so while nobody else can change the key's part.
    pub fn put_if(&self, key: K, value: V, still: impl FnOnce() -> bool) {
        if let Some(mut part) = self.part(&key)
            && still()
        {
            part.old.remove(&key);
            part.put(key, value, self.bound);
        }
    }

    /// Forgets a key and says what it had.
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut part = self.part(key)?;
        let (young, old) = (part.young.remove(key), part.old.remove(key));
        young.or(old)
    }

    /// Every item that `wanted` picks, at most `limit`.
    pub fn pick(&self, limit: usize, wanted: impl Fn(&V) -> bool) -> Vec<(K, V)> {
        let mut out = Vec::new();
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let items = part.young.iter().chain(&part.old);
            let picked =
                items.filter(|(_, value)| wanted(value)).map(|(key, value)| (key.clone(), value.clone()));
            out.extend(picked.take(limit - out.len()));
        }
        out
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.young.clear();
            part.old.clear();
        }
    }

    fn part<Q: Hash + ?Sized>(&self, key: &Q) -> Option<MutexGuard<'_, Part<K, V>>> {
        let at = usize::try_from(self.hasher.hash_one(key) >> 56).unwrap_or_default() % PARTS;
        self.parts.get(at).map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Hash + Eq, V> Part<K, V> {
    fn put(&mut self, key: K, value: V, bound: usize) {
        if self.young.len() >= bound {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// Locks apart, so that cores seldom wait for each other.
const PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_grows_past_its_bound_and_keeps_what_is_used() {
        let recent: Recent<Vec<u8>, u32> = Recent::new(1600);
        recent.put_if(b"kept".to_vec(), 7, || true);
        for number in 0..20_000_u32 {
            recent.put_if(number.to_be_bytes().to_vec(), number, || true);
            if number % 20 == 0 {
                assert_eq!(recent.get(&b"kept"[..]), Some(7), "after {number}");
            }
        }
        let all = recent.pick(usize::MAX, |_| true).len();
        assert!(all <= 1600 + PARTS, "{all}");
        assert_eq!(recent.get(&0_u32.to_be_bytes()[..]), None);
    }

    #[test]
    fn what_is_removed_or_refused_is_not_there() {
        let recent: Recent<Vec<u8>, u32> = Recent::new(100);
        recent.put_if(vec![1], 1, || false);
        assert_eq!(recent.get(&[1][..]), None);
        recent.put_if(vec![2], 2, || true);
        assert_eq!(recent.remove(&[2][..]), Some(2));
        assert_eq!(recent.get(&[2][..]), None);
    }
}
