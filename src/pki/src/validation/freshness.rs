//! Revocation freshness (EN 319 102-1 §5.2.5): was this evidence new enough for that time?

use crate::path::Source;

/// Whether evidence is fresh for a time. With a longest age, it must have been made after the time less that age; without
/// one the interval from thisUpdate to nextUpdate is the longest age, so it is fresh until nextUpdate, and evidence that
/// does not say when newer is due is never fresh.
pub(super) fn is_fresh(source: &Source, at: i64, longest: Option<i64>) -> bool {
    match longest {
        Some(longest) => source.this_update >= at.saturating_sub(longest),
        None => source.next_update.is_some_and(|next| next >= at),
    }
}

/// The last second for which it is fresh.
pub(super) fn fresh_until(source: &Source, longest: Option<i64>) -> i64 {
    match longest {
        Some(longest) => source.this_update.saturating_add(longest),
        None => source.next_update.unwrap_or(source.this_update),
    }
}
