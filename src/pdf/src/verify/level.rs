//! Which PAdES baseline level a signature reaches, and why not the next (EN 319 142-1 §6).
//!
//! Decided from what the validated path used: B-LT is reached when everything below the anchors stands in the document,
//! for the signature and for the time-stamps before the newest, B-LTA when a document time-stamp that holds covers it.
//! A time-stamp that does not hold lowers the level.

use pki::Certificate;
use pki::validation::{Material, StampKind, Validation};

use super::archive::{Archive, Proof};
use super::container::Judgement;
use super::report::Level;

/// A level, and why it is not the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) level: Level,
    pub(crate) why_not_more: Option<String>,
}

impl Reached {
    fn no_more_than(level: Level, why: impl Into<String>) -> Self {
        Self { level, why_not_more: Some(why.into()) }
    }
}

/// What a level is decided from.
pub(crate) struct Facts<'f> {
    pub(crate) judgement: &'f Judgement,
    pub(crate) intact: bool,
    /// What the signature dictionary lacks for PAdES (EN 319 142-1 §6.3).
    pub(crate) dictionary_faults: Vec<&'static str>,
    pub(crate) archive: &'f Archive,
    /// Certificates the document holds, in containers and in the store.
    pub(crate) certificates: &'f [Certificate],
    /// Document time-stamps after the signature that hold, newest first, and what each rests on.
    pub(crate) proofs: Vec<(&'f Proof, Option<&'f Material>)>,
}

/// The level of one signature.
pub(crate) fn reached(facts: &Facts<'_>) -> Reached {
    if !facts.intact {
        return Reached::no_more_than(Level::None, "the signature does not hold");
    }
    if let Some(fault) = facts.dictionary_faults.iter().chain(&facts.judgement.baseline_faults).next() {
        return Reached::no_more_than(Level::None, *fault);
    }
    let Some(validation) = &facts.judgement.validation else {
        return Reached::no_more_than(Level::None, "the signature was not validated");
    };
    if facts.judgement.timestamp.is_none() && facts.proofs.is_empty() {
        return Reached::no_more_than(
            Level::BB,
            "no time-stamp that holds proves when the signature existed",
        );
    }
    let needed = match long_term(facts, validation) {
        Ok(needed) => needed,
        Err(why) => return Reached::no_more_than(Level::BT, why),
    };
    let covers = |proof: &Proof| needed.iter().all(|end| *end < proof.end);
    match facts.proofs.iter().any(|(proof, _)| covers(proof)) {
        true => Reached { level: Level::BLTA, why_not_more: None },
        false if facts.proofs.is_empty() => {
            Reached::no_more_than(Level::BLT, "no document time-stamp that holds follows the signature")
        }
        false => Reached::no_more_than(
            Level::BLT,
            "no document time-stamp that holds covers all the validation material",
        ),
    }
}

/// Where everything ends that a later validation needs and the document holds.
fn long_term(facts: &Facts<'_>, validation: &Validation) -> Result<Vec<u64>, String> {
    let mut ends = inside(facts, &validation.material)?;
    for stamp in &validation.timestamps {
        // One that does not hold proves nothing, and needs nothing.
        if stamp.proves && stamp.kind == StampKind::Signature {
            ends.extend(inside(facts, &stamp.material)?);
        }
    }
    // The newest document time-stamp is validated by what is known today; a renewal brings its material along.
    for material in facts.proofs.iter().skip(1).filter_map(|(_, material)| *material) {
        ends.extend(inside(facts, material)?);
    }
    Ok(ends)
}

/// Where the certificates and the revocation information of one path end, all of which the document must hold.
fn inside(facts: &Facts<'_>, material: &Material) -> Result<Vec<u64>, String> {
    if material.chain.is_empty() || !material.chain.iter().any(|certificate| certificate.anchor) {
        return Err("no path to a trust anchor is known".to_owned());
    }
    let mut ends = Vec::new();
    for certificate in material.chain.iter().filter(|certificate| !certificate.anchor) {
        let subject = &certificate.subject;
        let end = facts.archive.end_of(&certificate.sha256);
        ends.push(end.ok_or_else(|| format!("the document does not hold the certificate of `{subject}`"))?);
        let own = facts.certificates.iter().find(|own| *own.sha256_fingerprint() == certificate.sha256);
        if own.is_some_and(|own| own.has_no_rev_avail() && !own.is_ca()) {
            continue;
        }
        let mut used = material.revocation.iter().filter(|used| used.certificate == certificate.sha256);
        let kept = used.find_map(|used| facts.archive.end_of(&used.sha256));
        ends.push(kept.ok_or_else(|| {
            format!("the document holds no usable revocation information for the certificate of `{subject}`")
        })?);
    }
    Ok(ends)
}
