//! Places for the validations under way on this node: so many in all, and so few for one account that no account can
//! have them all.
//!
//! Who has no place does not wait here: the authorization stays due, and the [`super::keeper`] of any node takes it up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The places of a node.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<HashMap<String, usize>>>);

/// One place, free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    account: String,
}

impl Places {
    /// A place for a validation of this account, if there is one.
    #[must_use]
    pub fn take(&self, account: &str) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= IN_ALL || taken.get(account).is_some_and(|own| *own >= OF_ONE) {
            return None;
        }
        *taken.entry(account.to_owned()).or_default() += 1;
        Some(Place { places: self.clone(), account: account.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.account) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.account);
            }
        }
    }
}

/// Validations under way at the same time on one node.
const IN_ALL: usize = 64;
/// Of these, for one account.
pub(super) const OF_ONE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_has_all_places_and_a_place_is_free_again() {
        let places = Places::default();
        let mut first: Vec<Place> = (0..OF_ONE).filter_map(|_| places.take("a")).collect();
        assert_eq!(first.len(), OF_ONE);
        assert!(places.take("a").is_none(), "its share is used up");
        drop(first.pop());
        first.extend(places.take("a"));
        assert_eq!(first.len(), OF_ONE);
        let others: Vec<Place> = (0..IN_ALL).filter_map(|n| places.take(&n.to_string())).collect();
        assert_eq!(others.len(), IN_ALL - OF_ONE, "so many in all");
        assert!(places.take("b").is_none());
        drop((first, others));
        assert!(places.take("b").is_some());
        assert!(places.0.lock().unwrap().is_empty(), "nothing is kept of who has no place");
    }
}
