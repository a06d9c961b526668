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
        let stamped = self.document_time_stamps(&mut wanted);
        let mut unproven = false;
        for mark in self.marks.iter().filter(|mark| mark.kind != Kind::DocumentTimestamp) {
            let later = stamped.after(mark.revision);
            let until = later.unwrap_or(terms.at);
            let mut proven = later;
            for (authority, time) in &mark.stamps {
                // A time-stamp whose authority is not trusted proves nothing; another may.
                if wanted.path(authority, until, Purpose::TimeStamping).is_ok_and(Leads::to_an_anchor) {
                    proven = proven.into_iter().chain([*time]).min();
                }
            }
            unproven |= proven.is_none();
            if let Err(failure) =
                wanted.path(&mark.signer, proven.unwrap_or(terms.at), Purpose::DocumentSigning)
            {
                // Where a time-stamp fell that would have proven it in time, that is what is to be told.
                let fallen = stamped.fallen.iter().find(|(revision, _)| *revision > mark.revision);
                let signer = Refusal::Signer { field: mark.field.clone(), failure };
                return Err(fallen.map_or(signer, |(_, refusal)| refusal.clone()));
            }
        }
        if terms.level == Level::BT {
            return wanted.proof_of_existence(unproven);
        }
        let complete = wanted.lacking.is_empty() && wanted.material.clone().without(&self.stored).is_empty();
        let archived = complete && self.covered(&stamped) && !terms.renew;
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

    /// Which document time-stamps prove something: those whose authority leads to what is trusted. Anyone can make one that
    /// holds and says any time; only its authority's path makes it a proof (EN 319 102-1 §5.6.2.3). The newest first, since
    /// each is validated at the time that the trusted ones after it prove (§5.6.3.3).
    fn document_time_stamps(&self, wanted: &mut Wanted<'_>) -> Stamped {
        let mut stamped = Stamped { proofs: Vec::new(), fallen: Vec::new() };
        let terms = wanted.terms;
        for mark in self.marks.iter().rev() {
            let (Kind::DocumentTimestamp, Some(time)) = (mark.kind, mark.time) else { continue };
            let later = stamped.after(mark.revision);
            let until = later.unwrap_or(terms.at);
            // What validates the newest is gathered when it is renewed, and may not be there before.
            let judged = if later.is_some() || terms.renew || terms.level == Level::BLT {
                wanted.path(&mark.signer, until, Purpose::TimeStamping)
            } else {
                wanted.issuers(&mark.signer, until, Purpose::TimeStamping)
            };
            match judged {
                Ok(Leads::Whole) => stamped.proofs.push((mark.revision, time)),
                Ok(Leads::Astray) => {}
                Err(failure) => {
                    let refusal = Refusal::TimeStamp { field: mark.field.clone(), failure };
                    stamped.fallen.push((mark.revision, refusal));
                }
            }
        }
        stamped
    }

    /// Whether the newest document time-stamp covers the whole document, its store included, and proves so.
    fn covered(&self, stamped: &Stamped) -> bool {
        let last = self.marks.last().filter(|mark| mark.kind == Kind::DocumentTimestamp);
        last.is_some_and(|mark| mark.revision + 1 == self.revisions && stamped.proves(mark.revision))
    }
}

/// What document time-stamps prove.
struct Stamped {
    /// Revision and time of each whose authority is trusted.
    proofs: Vec<(usize, i64)>,
    /// Revision of each whose authority cannot be, and why.
    fallen: Vec<(usize, Refusal)>,
}

impl Stamped {
    /// The time that what stands in `revision` is proven to have existed at.
    fn after(&self, revision: usize) -> Option<i64> {
        self.proofs.iter().filter(|(other, _)| *other > revision).map(|(_, time)| *time).min()
    }

    fn proves(&self, revision: usize) -> bool {
        self.proofs.iter().any(|(other, _)| *other == revision)
    }
}

/// How far a path leads with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leads {
    /// To an anchor.
    Whole,
    /// Nobody knows yet: an issuer's certificate is lacking.
    Astray,
}

impl Leads {
    fn to_an_anchor(self) -> bool {
        self == Self::Whole
    }
}

struct Wanted<'t> {
    known: &'t Known,
    terms: Terms<'t>,
    material: Material,
    lacking: Vec<Lack>,
}

impl Wanted<'_> {
    /// Wants all that validates `leaf`.
    fn path(&mut self, leaf: &Certificate, at: i64, purpose: Purpose) -> Result<Leads, PathFailure> {
        let (material, lacking) = self.known.material_of(leaf, self.terms.anchors, at, purpose)?;
        self.material.merge(material);
        let leads = leads(&lacking);
        self.lack(lacking);
        Ok(leads)
    }

    /// Wants no more than to know whether `leaf` leads to an anchor.
    fn issuers(&mut self, leaf: &Certificate, at: i64, purpose: Purpose) -> Result<Leads, PathFailure> {
        let (_, mut lacking) = self.known.material_of(leaf, self.terms.anchors, at, purpose)?;
        lacking.retain(is_issuer);
        let leads = leads(&lacking);
        self.lack(lacking);
        Ok(leads)
    }

    fn lack(&mut self, lacking: Vec<Lack>) {
        for lack in lacking {
            if !self.lacking.contains(&lack) {
                self.lacking.push(lack);
            }
        }
    }

    /// B-T: a time-stamp where something is unproven, and no evidence for anything (EN 319 142-1 §6.3). Whose issuer is
    /// not known is not looked for: it proves nothing then, and a new time-stamp does.
    fn proof_of_existence(mut self, unproven: bool) -> Result<Next, Refusal> {
        if !unproven {
            return Ok(Next::Reached);
        }
        self.lacking.clear();
        if let Some(authority) = self.terms.authority {
            self.issuers(authority, self.terms.at, Purpose::TimeStamping).map_err(Refusal::Service)?;
        }
        if !self.lacking.is_empty() {
            return Ok(Next::Lacking(self.lacking));
        }
        Ok(Next::Append { material: Material::default(), stamp: true })
    }
}

fn leads(lacking: &[Lack]) -> Leads {
    if lacking.iter().any(is_issuer) { Leads::Astray } else { Leads::Whole }
}

fn is_issuer(lack: &Lack) -> bool {
    matches!(lack, Lack::Issuer { .. })
}
