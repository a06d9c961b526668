//! From one level to the next: what lacks, and when nothing does, what to append.

use pki::Certificate;
use pki::material::Lack;
use pki::path::{PathFailure, Purpose, TrustAnchors};

use super::{Known, Material, Survey};
use crate::verify::{Kind, Level};

/// What is wanted of a document.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'t> {
    /// The level every signature is to reach: [`Level::BT`], [`Level::BLT`] or [`Level::BLTA`].
    pub level: Level,
    /// What is trusted.
    pub anchors: &'t TrustAnchors,
    /// Now, Unix seconds.
    pub at: i64,
    /// Whether a document time-stamp is to be added although the level is reached: renewal, before the algorithms or the
    /// certificate of the newest one run out.
    pub renew: bool,
    /// The certificate that will sign a document time-stamp, where that is known beforehand: its path goes into the store
    /// with the rest, so that the newest time-stamp, too, can be validated without asking anyone.
    pub authority: Option<&'t Certificate>,
}

/// What to do next.
#[derive(Debug, Clone)]
pub enum Next {
    /// Find these, add them to what is known, and ask again.
    Lacking(Vec<Lack>),
    /// Append this with [`append`](super::append).
    Append {
        /// For the store.
        material: Material,
        /// Whether a document time-stamp goes with it.
        stamp: bool,
    },
    /// The level is reached.
    Reached,
}

/// Why a document cannot be raised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A signature's certificate does not lead to what is trusted, or fell before the signature is proven to have existed.
    #[error("signature `{field}` cannot be raised: {failure}")]
    Signer {
        /// Its field.
        field: String,
        /// Why.
        failure: PathFailure,
    },
    /// The same of a document time-stamp's authority.
    #[error("document time-stamp `{field}` can no longer be validated: {failure}")]
    TimeStamp {
        /// Its field.
        field: String,
        /// Why.
        failure: PathFailure,
    },
    /// The same of the authority that is to stamp.
    #[error("the time-stamp service cannot be used: {0}")]
    Service(PathFailure),
    /// A document of a level that is none to raise to.
    #[error("a document is raised to B-T, B-LT or B-LTA")]
    Level,
}

impl Survey {
    /// What raising needs next. `known` holds everything there is to pick from, [`Survey::known`] included.
    ///
    /// # Errors
    /// [`Refusal`] for what no further material can mend.
    pub fn next(&self, known: &Known, terms: Terms<'_>) -> Result<Next, Refusal> {
        if !matches!(terms.level, Level::BT | Level::BLT | Level::BLTA) {
            return Err(Refusal::Level);
        }
        let mut wanted = Wanted { known, terms, material: Material::default(), lacking: Vec::new() };
        let covering = self.covering();
        let mut unproven = false;
        for mark in &self.marks {
            let later = self.stamped_after(mark.revision);
            let until = later.unwrap_or(terms.at);
            if mark.kind == Kind::DocumentTimestamp {
                // What validates the newest is gathered when it is renewed, and may not be there before.
                if later.is_some() || terms.renew || terms.level == Level::BLT {
                    wanted
                        .path(&mark.signer, until, Purpose::TimeStamping)
                        .map_err(|failure| Refusal::TimeStamp { field: mark.field.clone(), failure })?;
                }
                continue;
            }
            let mut proven = later;
            for (authority, time) in &mark.stamps {
                // A time-stamp whose authority is not trusted proves nothing; another may.
                if wanted.path(authority, until, Purpose::TimeStamping).is_ok() {
                    proven = proven.into_iter().chain([*time]).min();
                }
            }
            unproven |= proven.is_none();
            wanted
                .path(&mark.signer, proven.unwrap_or(terms.at), Purpose::DocumentSigning)
                .map_err(|failure| Refusal::Signer { field: mark.field.clone(), failure })?;
        }
        if terms.level == Level::BT {
            let material = Material::default();
            return Ok(if unproven { Next::Append { material, stamp: true } } else { Next::Reached });
        }
        let complete = wanted.lacking.is_empty() && wanted.material.clone().without(&self.stored).is_empty();
        let archived = complete && covering && !terms.renew;
        let stamp = unproven || (terms.level == Level::BLTA && !archived);
        if let (true, Some(authority)) = (stamp, terms.authority) {
            wanted.path(authority, terms.at, Purpose::TimeStamping).map_err(Refusal::Service)?;
        }
        if !wanted.lacking.is_empty() {
            return Ok(Next::Lacking(wanted.lacking));
        }
        let material = wanted.material.without(&self.stored);
        if material.is_empty() && !stamp { Ok(Next::Reached) } else { Ok(Next::Append { material, stamp }) }
    }

    /// The time of the first document time-stamp made after `revision`.
    fn stamped_after(&self, revision: usize) -> Option<i64> {
        let later = self.marks.iter().filter(|mark| mark.revision > revision);
        later.filter_map(|mark| mark.time).min()
    }

    /// Whether the newest document time-stamp covers the whole document, its store included.
    fn covering(&self) -> bool {
        let last = self.marks.last().filter(|mark| mark.kind == Kind::DocumentTimestamp);
        last.is_some_and(|mark| mark.revision + 1 == self.revisions)
    }
}

struct Wanted<'t> {
    known: &'t Known,
    terms: Terms<'t>,
    material: Material,
    lacking: Vec<Lack>,
}

impl Wanted<'_> {
    fn path(&mut self, leaf: &Certificate, at: i64, purpose: Purpose) -> Result<(), PathFailure> {
        let (material, lacking) = self.known.material_of(leaf, self.terms.anchors, at, purpose)?;
        self.material.merge(material);
        for lack in lacking {
            if !self.lacking.contains(&lack) {
                self.lacking.push(lack);
            }
        }
        Ok(())
    }
}
