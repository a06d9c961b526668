//! Trust lists: which other regions' licences and seals are taken here, and for what each of them may speak.
//!
//! A region's [`Entry`] names its roots, seal makers, signers of credentials and publications, where its catalogue, status lists
//! and verification are, and within which bounds it is believed: administrative divisions of issuing bodies, and licence types.
//! A [`List`] is a numbered collection of entries with one publisher. Both are documents of `credential::signed`; this module
//! reads and writes what stands in them and judges whether it holds together. It fetches nothing and trusts nobody: whose
//! signature a list may bear, and that another officer reviews it, is the appliance's `licences::recognition`.
//!
//! Reading is strict: unknown members, doubled regions, a certificate in two regions' hands or two regions with one division
//! are refused, for a list that can be read in two ways is worse than none.

mod entry;
mod error;
mod list;

pub use entry::{Entry, Scope};
pub use error::TrustListError;
pub use list::{List, apart};

/// `typ` of a signed list.
pub const LIST: &str = "cinnabar-trust-list+jwt";
/// `typ` of a region's own entry, as it publishes it for whoever makes lists.
pub const ENTRY: &str = "cinnabar-trust-entry+jwt";
/// The longest document that is read, octets.
pub const LONGEST: usize = 2 * 1024 * 1024;

/// Regions of one list; China has 34 divisions of the first level.
const REGIONS: usize = 64;
/// Certificates of one kind in an entry.
const CERTIFICATES: usize = 32;
/// Licence types of an entry.
const TYPES: usize = 4096;
/// Divisions, and addresses of status lists, of an entry.
const SOME: usize = 64;
