//! Long-term signatures: the document security store, document time-stamps, and the way from one PAdES baseline level to
//! the next (EN 319 142-1 §5.4, §6.3; ISO 32000-2 §12.8.4.3, §12.8.5).
//!
//! Pure, as everything here: no clock, no network, no key. What takes both is asked for as data. [`survey()`] reads what
//! signatures and time-stamps a document has; [`Survey::next`] says what lacks for a level (certificates, CRLs and OCSP
//! responses with the addresses they may be had at) and, once nothing does, what is to be appended; [`append`] lays that
//! out as one revision, with the hole for a time-stamp token where one is due. The caller fetches and stamps:
//!
//! ```text
//! survey ─► next ─► Lacking: fetch, Known::add_…, ask next again
//!                └► Append { material, stamp } ─► append ─► Tail            (nothing to stamp: append it)
//!                                                       └► Stamp(Prepared) ─► digest ─► token ─► embed
//! ```
//!
//! A new signature needs no survey: whoever signs knows its own path, has the signature time-stamp put inside the CMS by
//! [`TimeStamped`] while signing, and calls [`append`] with the material.
//!
//! What stands in a signed file cannot be changed: a signature made elsewhere gets no time-stamp inside its CMS any more
//! but a document time-stamp as its proof of existence, and no octet before the end of the file is touched. Called by the
//! appliance's `documents::levels` and by `cinnabar pdf augment`.

mod append;
mod appended;
mod known;
mod next;
mod stamped;
mod store;
mod survey;

pub use append::{AppendError, Step, append};
pub use appended::Appended;
pub use known::{Known, KnownError};
pub use next::{Next, Refusal, Terms};
pub use stamped::{TimeStampSource, TimeStamped};
pub use store::add_store;
pub use survey::{Mark, Survey, SurveyError, survey};

/// Validation material to be kept in the document security store, each item as DER.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Material {
    /// Certificates.
    pub certificates: Vec<Vec<u8>>,
    /// Certificate revocation lists.
    pub crls: Vec<Vec<u8>>,
    /// OCSPResponse (RFC 6960 §4.2.1), the whole and not only its BasicOCSPResponse.
    pub ocsp: Vec<Vec<u8>>,
}

impl Material {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.crls.is_empty() && self.ocsp.is_empty()
    }

    /// Octets of all items together.
    #[must_use]
    pub fn octets(&self) -> usize {
        let lists = [&self.certificates, &self.crls, &self.ocsp];
        lists.into_iter().flatten().map(Vec::len).sum()
    }

    /// What of it `other` has not.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        self.certificates.retain(|item| !other.certificates.contains(item));
        self.crls.retain(|item| !other.crls.contains(item));
        self.ocsp.retain(|item| !other.ocsp.contains(item));
        self
    }

    /// Takes over what another has and this has not.
    pub fn merge(&mut self, other: Self) {
        let lists = [
            (&mut self.certificates, other.certificates),
            (&mut self.crls, other.crls),
            (&mut self.ocsp, other.ocsp),
        ];
        for (own, further) in lists {
            for item in further {
                if !own.contains(&item) {
                    own.push(item);
                }
            }
        }
    }
}
