//! What the document's own time-stamps prove: everything that stands before one existed at its time.
//!
//! A document time-stamp signs all octets up to its revision's end but its own container (ISO 32000-2 §12.8.5), so it is
//! a proof of existence for every object of the revisions it covers: signature values, tokens, certificates and
//! revocation information, in containers and in the security store (EN 319 102-1 §5.6.2.3, EN 319 142-1 §5.5). Which
//! time-stamps hold is not decided here.

use std::collections::HashMap;
use std::ops::Range;

use super::evidence::Place;

/// The objects of a document that a validation may rest on, by SHA-256, and where the first copy of each ends.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    ends: HashMap<[u8; 32], u64>,
}

/// A document time-stamp that holds.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    /// The revision it closes.
    pub(crate) revision: usize,
    /// Where that revision ends.
    pub(crate) end: u64,
    /// Its genTime.
    pub(crate) time: i64,
    /// Its place among the signatures.
    pub(crate) index: usize,
}

impl Archive {
    /// The store's objects, each where it stands.
    pub(crate) fn add_store(&mut self, places: &[Place]) {
        for place in places {
            self.add(place.digest, place.end);
        }
    }

    /// A container's objects. Nothing covers them before the end of the container's own revision: its own signature
    /// leaves its container out.
    pub(crate) fn add_container(&mut self, objects: Vec<[u8; 32]>, end: u64) {
        for object in objects {
            self.add(object, end);
        }
    }

    fn add(&mut self, object: [u8; 32], end: u64) {
        let known = self.ends.entry(object).or_insert(end);
        *known = end.min(*known);
    }

    /// What a time-stamp covers whose revision ends at `end` and whose signature leaves out `gap`: an object of the store
    /// ends before the cross-reference section of its revision, so strictly less leaves out the time-stamp's own
    /// container alone.
    pub(crate) fn covered(&self, end: u64, gap: Range<u64>) -> impl Iterator<Item = &[u8; 32]> {
        let signed = move |at: u64| at < end && (at <= gap.start || at > gap.end);
        self.ends.iter().filter(move |(_, at)| signed(**at)).map(|(object, _)| object)
    }

    /// Where the first copy of an object ends; `None` for what the document does not hold.
    pub(crate) fn end_of(&self, object: &[u8; 32]) -> Option<u64> {
        self.ends.get(object).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_stamp_covers_what_ends_before_it_and_not_what_stands_in_its_gap() {
        let mut archive = Archive::default();
        let places = [([1; 32], 100), ([2; 32], 250), ([3; 32], 300), ([4; 32], 450), ([5; 32], 600)];
        archive.add_store(&places.map(|(digest, end)| Place { digest, end }));
        // Its own container, and a copy that stands further back than the original.
        archive.add_container(vec![[6; 32], [1; 32]], 500);
        let mut covered: Vec<u8> =
            archive.covered(500, 200..300).filter_map(|object| object.first().copied()).collect();
        covered.sort_unstable();
        assert_eq!(covered, [1, 4]);
        assert_eq!(archive.end_of(&[1; 32]), Some(100));
    }
}
