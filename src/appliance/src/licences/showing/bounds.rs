//! How far showing goes at most, whatever is asked for.

use std::ops::RangeInclusive;

/// Seconds that a show-code holds.
pub const SECONDS: RangeInclusive<u32> = 10..=300;
/// The same where nothing is said: time to hand over a phone.
pub const DEFAULT_SECONDS: u32 = 90;
/// How often a code shows.
pub const USES: RangeInclusive<u32> = 1..=5;
/// How often a licence is shown under one delegation.
pub const COUNT: RangeInclusive<u32> = 1..=1000;
/// Fields that one request names.
pub const FIELDS: usize = 200;
/// Items that one delegation names.
pub const ITEMS: usize = 50;
/// Delegations of one licence that are in force at once.
pub const DELEGATIONS: usize = 50;
/// Codes of one licence that are open at once.
pub const OPEN: i64 = 20;
/// Licences in one answer to a department.
pub const LICENCES: u32 = 50;
/// How long a document can be had by a query, microseconds.
pub const DOCUMENT: i64 = 600 * SECOND;
/// The latest end of a delegation, microseconds from now.
pub const DELEGATED: i64 = 366 * 86_400 * SECOND;
/// The latest end of an annotated copy, microseconds from now.
pub const ANNOTATED: i64 = 731 * 86_400 * SECOND;
/// Microseconds.
pub const SECOND: i64 = 1_000_000;
