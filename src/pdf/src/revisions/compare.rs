//! Which objects a revision changes, by value and not by place.

use std::collections::BTreeMap;

use super::{Revision, in_use};
use crate::syntax::{Dictionary, Entry, Object, ObjectId, ReadError, View};

/// What a revision did to one object number.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its value before; `None` when the number was free or never mentioned.
    pub old: Option<Object>,
    /// Its value now; `None` when freed.
    pub new: Option<Object>,
    /// Its identity now.
    pub id: ObjectId,
    /// Where it is now.
    pub entry: Entry,
}

/// Every number that `revision` gives another value than `old` (the view before it) had.
///
/// Entries that only repeat or move an unchanged object are left out.
///
/// # Errors
/// [`ReadError`] when a changed object cannot be read.
pub fn changes(
    revision: &Revision,
    old: View<'_, '_>,
    new: View<'_, '_>,
) -> Result<BTreeMap<u32, Change>, ReadError> {
    let mut changed = BTreeMap::new();
    let sections = new.document().sections().get(revision.sections.clone()).unwrap_or_default();
    for number in sections.iter().flat_map(crate::syntax::Section::numbers) {
        let (before, now) = (old.locate(number), new.locate(number));
        let Some(entry) = now else { continue };
        if before == now || (!in_use(before) && !in_use(now)) || changed.contains_key(&number) {
            continue;
        }
        let old_value = before.map(|entry| identity(number, entry)).filter(|_| in_use(before));
        let old_value = old_value.map(|id| old.object(id).map(|object| (id, object))).transpose()?;
        let id = identity(number, entry);
        let new_value = in_use(now).then(|| new.object(id)).transpose()?;
        if let (Some((old_id, a)), Some(b)) = (&old_value, &new_value)
            && *old_id == id
            && same_object(new, a, b)?
        {
            continue;
        }
        changed
            .insert(number, Change { old: old_value.map(|(_, object)| object), new: new_value, id, entry });
    }
    Ok(changed)
}

pub(crate) fn identity(number: u32, entry: Entry) -> ObjectId {
    let generation = match entry {
        Entry::Offset { generation, .. } | Entry::Free { generation } => generation,
        Entry::Packed { .. } => 0,
    };
    ObjectId { number, generation }
}

/// Equal values, streams by dictionary and raw data.
fn same_object(view: View<'_, '_>, a: &Object, b: &Object) -> Result<bool, ReadError> {
    match (a, b) {
        (Object::Stream(a), Object::Stream(b)) => Ok(same_dictionary(&a.dictionary, &b.dictionary)
            && a.length == b.length
            && view.raw_stream(a)? == view.raw_stream(b)?),
        _ => Ok(same_value(a, b)),
    }
}

/// Whether two values are the same, however spelled; streams are the same only at the same place.
#[must_use]
pub fn same_value(a: &Object, b: &Object) -> bool {
    match (a, b) {
        (Object::Dictionary(a), Object::Dictionary(b)) => same_dictionary(a, b),
        (Object::Array(a), Object::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (Object::String(a), Object::String(b)) => a.bytes == b.bytes,
        _ => a == b,
    }
}

/// A key and its value.
type Pair<'a> = (&'a [u8], &'a Object);

/// A dictionary with a duplicated key is the same as nothing: readers disagree on its value.
pub(crate) fn same_dictionary(a: &Dictionary, b: &Dictionary) -> bool {
    if a.len() != b.len() || a.has_duplicates() || b.has_duplicates() {
        return false;
    }
    let same = |(a, b): (Pair<'_>, Pair<'_>)| a.0 == b.0 && same_value(a.1, b.1);
    // Writers keep the order; where they do not, sorting costs less than looking every key up.
    if a.iter().zip(b.iter()).all(|((key, _), (other, _))| key == other) {
        return a.iter().zip(b.iter()).all(same);
    }
    let sorted = |dictionary: &'_ Dictionary| {
        let mut order: Vec<usize> = (0..dictionary.len()).collect();
        let keys: Vec<&[u8]> = dictionary.iter().map(|(key, _)| key).collect();
        order.sort_unstable_by_key(|at| keys.get(*at).copied());
        order
    };
    let (entries_a, entries_b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
    sorted(a).into_iter().zip(sorted(b)).all(|(a, b)| match (entries_a.get(a), entries_b.get(b)) {
        (Some(a), Some(b)) => same((*a, *b)),
        _ => false,
    })
}
