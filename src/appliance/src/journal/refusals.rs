//! Which refusals become entries of their own (decision 11): the first ten of a caller, action and minute; the rest
//! of the minute is one aggregate. Anonymous failures are counted by kind and entered once a minute, so that nobody
//! without a certificate can make the log grow.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::act::{Act, Actor, Refusal};
use super::unit::Unit;

/// The counters of one node.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    windows: Mutex<HashMap<(String, String), Window>>,
    anonymous: Mutex<BTreeMap<&'static str, u64>>,
}

#[derive(Debug)]
struct Window {
    actor: Actor,
    minute: i64,
    seen: u64,
    surplus: BTreeMap<String, u64>,
}

impl Refusals {
    /// Whether this refusal gets an entry of its own; counted if not.
    pub(super) fn admit(&self, refusal: &Refusal, time: i64) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = time / MINUTE;
        let mut key = (refusal.actor.id.clone(), refusal.action.clone());
        let mut actor = refusal.actor.clone();
        if windows.len() >= MOST_WINDOWS && !windows.contains_key(&key) {
            // Identified callers are few; so many at once share one window.
            key = (String::new(), String::new());
            actor = Actor::system("refusals");
        }
        let window =
            windows.entry(key).or_insert_with(|| Window { actor, minute, seen: 0, surplus: BTreeMap::new() });
        if window.minute != minute && window.surplus.is_empty() {
            window.minute = minute;
            window.seen = 0;
        }
        window.seen += 1;
        if window.seen <= FIRST && window.minute == minute {
            return true;
        }
        *window.surplus.entry(refusal.reason.clone()).or_default() += 1;
        false
    }

    /// Counts a failure of nobody in particular.
    pub(super) fn anonymous(&self, kind: &'static str) {
        *self.anonymous.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    /// The aggregates of minutes that are over (of all, when `all`), as units; the counters start anew.
    pub(super) fn aggregates(&self, time: i64, all: bool) -> Vec<Unit> {
        let minute = time / MINUTE;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let over: Vec<_> = windows.extract_if(|_, window| all || window.minute != minute).collect();
        drop(windows);
        let mut units: Vec<Unit> = Vec::new();
        let over = over.into_iter().filter(|(_, window)| !window.surplus.is_empty());
        for (number, ((_, action), window)) in over.enumerate() {
            let act = Act {
                actor: window.actor,
                action: "refusal.aggregate".to_owned(),
                resource: String::new(),
                policies: Vec::new(),
                request: String::new(),
            };
            let facts = json!({
                "attempted": action,
                "minute": window.minute,
                "more": window.surplus,
            });
            let unit = Unit::new(act).facts(facts);
            match units.pop() {
                Some(last) if number % 100 != 0 => units.push(last.also(unit)),
                last => {
                    units.extend(last);
                    units.push(unit);
                }
            }
        }
        let counts = std::mem::take(&mut *self.anonymous.lock().unwrap_or_else(PoisonError::into_inner));
        if !counts.is_empty() {
            let act = Act::system("refusals", "anonymous.aggregate", "");
            units.push(Unit::new(act).facts(json!({ "counts": counts, "minute": minute })));
        }
        units
    }
}

/// The entry of one refusal.
pub(super) fn unit(refusal: Refusal) -> Unit {
    let facts = json!({ "attempted": refusal.action, "reason": refusal.reason });
    let act = Act {
        actor: refusal.actor,
        action: "refusal".to_owned(),
        resource: refusal.resource,
        policies: refusal.policies,
        request: refusal.request,
    };
    Unit::new(act).facts(facts)
}

/// Microseconds.
pub(super) const MINUTE: i64 = 60_000_000;
const FIRST: u64 = 10;
const MOST_WINDOWS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(caller: &str, action: &str) -> Refusal {
        Refusal {
            actor: Actor::system(caller),
            action: action.to_owned(),
            resource: String::new(),
            reason: "denied".to_owned(),
            policies: Vec::new(),
            request: String::new(),
        }
    }

    #[test]
    fn ten_of_a_minute_then_one_aggregate() {
        let refusals = Refusals::default();
        let admitted = (0..25).filter(|_| refusals.admit(&refusal("a", "x"), 1)).count();
        assert_eq!(admitted, 10);
        assert!(refusals.admit(&refusal("a", "y"), 1), "another action");
        assert!(refusals.admit(&refusal("b", "x"), 1), "another caller");
        assert!(refusals.aggregates(1, false).is_empty(), "the minute is not over");
        let units = refusals.aggregates(MINUTE, false);
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].parts.len(), 1);
        assert_eq!(units[0].parts[0].facts.as_ref().unwrap()["more"]["denied"], json!(15));
        assert!(refusals.admit(&refusal("a", "x"), MINUTE), "a new minute");
    }

    #[test]
    fn a_surplus_not_entered_yet_is_never_forgotten() {
        let refusals = Refusals::default();
        let admitted = (0..12).filter(|_| refusals.admit(&refusal("a", "x"), 1)).count();
        assert_eq!(admitted, 10);
        assert!(!refusals.admit(&refusal("a", "x"), MINUTE));
        let units = refusals.aggregates(2 * MINUTE, false);
        assert_eq!(units[0].parts[0].facts.as_ref().unwrap()["more"]["denied"], json!(3));
    }

    #[test]
    fn anonymous_failures_are_one_entry_a_minute() {
        let refusals = Refusals::default();
        (0..1000).for_each(|_| refusals.anonymous("no-certificate"));
        refusals.anonymous("unknown-ca");
        let units = refusals.aggregates(1, false);
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].parts[0].facts.as_ref().unwrap()["counts"]["no-certificate"], json!(1000));
        assert!(refusals.aggregates(MINUTE, true).is_empty());
    }
}
