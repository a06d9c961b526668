//! Judging the containers of one file in the order that proofs of existence ask for.
//!
//! Document time-stamps are judged from the newest to the oldest before the signatures, because each one that holds
//! proves that everything before it existed by then: for the older time-stamps, whose authorities may have ended, and
//! for the signatures (EN 319 102-1 §5.6.3, EN 319 142-1 §5.5).

use pki::validation::{Imprint, Material, Poes, ProofSource, SignaturePolicy, Stamp, StampKind};
use pki::{Certificate, Indication};

use super::archive::{Archive, Proof};
use super::container::{Context, Judgement, OpenContainer};
use super::engine::{Engine, Shared};
use super::evidence::Evidence;
use super::inspect::{Findings, Found};
use super::judge::is_timestamp;
use super::level::{self, Facts, Reached};
use super::report::{Integrity, Level, TimeSource, TimestampReport};
use super::{Options, Unreadable, date};
use crate::syntax::{Dictionary, Object};

/// A container, or the judgement on what none could be opened from.
pub(crate) type Opened = Result<Box<dyn OpenContainer>, Box<Judgement>>;

/// All judgements of a file, in the order of its signatures.
pub(crate) struct Judgements {
    judged: Vec<Option<Judged>>,
}

/// One container's judgement and what the whole file adds to it.
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    /// The best signature time and where it comes from.
    pub(crate) best: (i64, TimeSource),
    pub(crate) reached: Reached,
    pub(crate) timestamps: Vec<TimestampReport>,
}

impl Judgements {
    pub(crate) fn of(
        findings: &Findings,
        opened: &[Opened],
        digests: &[Option<Vec<u8>>],
        evidence: &Evidence,
        options: &Options<'_>,
    ) -> Result<Self, Unreadable> {
        let material = evidence.certificates.len() + evidence.crls.len() + evidence.ocsp.len();
        if material.saturating_mul(findings.signatures.len()) > MAX_MATERIAL {
            return Err(Unreadable::TooComplex { budget: "signatures times objects of the security store" });
        }
        let policy = options.effective_policy();
        let engine = Shared::new(&policy, options.at);
        let mut court = Court::new(findings, opened, digests, evidence, options, &engine);
        court.judge_all()?;
        let levels = court.levels();
        let levels = court.without_newer(levels, &policy)?;
        Ok(Self { judged: court.finish(levels) })
    }

    pub(crate) fn take(&mut self, index: usize) -> Judged {
        let judged = self.judged.get_mut(index).and_then(Option::take);
        judged.unwrap_or_else(|| Judged {
            judgement: Judgement::unknown("not examined"),
            best: (0, TimeSource::ValidationTime),
            reached: Reached { level: Level::None, why_not_more: None },
            timestamps: Vec::new(),
        })
    }
}

struct Court<'j> {
    findings: &'j Findings,
    opened: &'j [Opened],
    digests: &'j [Option<Vec<u8>>],
    evidence: &'j Evidence,
    options: &'j Options<'j>,
    engine: &'j dyn Engine,
    /// What is proven is known before.
    given: bool,
    /// See [`Self::fill`].
    filled: bool,
    archive: Archive,
    certificates: Vec<Certificate>,
    poes: Poes,
    /// Newest first.
    proofs: Vec<Proof>,
    judgements: Vec<Option<Judgement>>,
}

impl<'j> Court<'j> {
    fn new(
        findings: &'j Findings,
        opened: &'j [Opened],
        digests: &'j [Option<Vec<u8>>],
        evidence: &'j Evidence,
        options: &'j Options<'j>,
        engine: &'j dyn Engine,
    ) -> Self {
        let mut court = Self {
            findings,
            opened,
            digests,
            evidence,
            options,
            engine,
            given: false,
            filled: false,
            archive: Archive::default(),
            certificates: Vec::new(),
            poes: Poes::new(),
            proofs: Vec::new(),
            judgements: findings.signatures.iter().map(|_| None).collect(),
        };
        if findings.signatures.iter().any(|found| is_timestamp(&found.examined.dictionary)) {
            court.fill();
        }
        court
    }

    /// Notes where everything stands; only where a time-stamp makes use of it.
    fn fill(&mut self) {
        if std::mem::replace(&mut self.filled, true) {
            return;
        }
        self.certificates.clone_from(&self.evidence.certificates);
        self.archive.add_store(&self.evidence.places);
        for (found, container) in self.findings.signatures.iter().zip(self.opened) {
            if let (Some(end), Ok(container)) = (end_of(self.findings, found), container) {
                self.archive.add_container(container.objects(), end);
                self.certificates.extend(container.certificates());
            }
        }
    }

    fn judge_all(&mut self) -> Result<(), Unreadable> {
        let findings = self.findings;
        for timestamps in [true, false] {
            for (index, found) in findings.signatures.iter().enumerate().rev() {
                if is_timestamp(&found.examined.dictionary) == timestamps {
                    self.judge(index, found)?;
                }
            }
        }
        Ok(())
    }

    fn judge(&mut self, index: usize, found: &Found) -> Result<(), Unreadable> {
        let name = found.field.as_ref().map_or("signature", |(_, name)| name.as_str());
        let revision = revision(found);
        let before = self.before(revision);
        let judgement = match self.opened.get(index) {
            Some(Ok(container)) => {
                let context = self.context(found, name, before.as_ref(), self.options);
                container.judge(self.digest(index), &context)
            }
            Some(Err(judgement)) => (**judgement).clone(),
            None => Judgement::unknown("not examined"),
        };
        if let Some(budget) = judgement.too_complex {
            return Err(Unreadable::TooComplex { budget });
        }
        if let (Some(revision), Some(end), Some(stamp)) =
            (revision, end_of(self.findings, found), judgement.timestamp_validation.as_deref())
            && judgement.integrity == Integrity::Intact
            && !found.removed
            && !self.given
            && stamp.generated_at <= self.options.at
            && let Some(signed) = &found.examined.signed
            && let covered = self.archive.covered(end, signed.first.end..signed.second.start)
            && self.poes.extract(stamp, ProofSource::DocumentTimestamp, covered)
        {
            self.proofs.push(Proof { revision, end, time: stamp.generated_at, index });
        }
        if let Some(slot) = self.judgements.get_mut(index) {
            *slot = Some(judgement);
        }
        Ok(())
    }

    fn digest(&self, index: usize) -> Option<&'j [u8]> {
        self.digests.get(index).and_then(Option::as_deref)
    }

    fn context<'c>(
        &'c self,
        found: &Found,
        name: &'c str,
        before: Option<&'c Stamp<'c>>,
        options: &'c Options<'c>,
    ) -> Context<'c> {
        let revision = revision(found);
        Context {
            options,
            engine: Some(self.engine),
            certificates: &self.evidence.certificates,
            crls: &self.evidence.crls,
            ocsp: &self.evidence.ocsp,
            name,
            claimed: claimed(&found.examined.dictionary),
            reason_given: found.examined.dictionary.get(b"Reason").is_some(),
            poes: &self.poes,
            before,
            existed_at: self.after(revision).map(|proof| proof.time).min(),
        }
    }

    /// The document time-stamps that hold and cover whatever closed `revision`, newest first.
    fn after(&self, revision: Option<usize>) -> impl Iterator<Item = &Proof> {
        self.proofs.iter().filter(move |proof| revision.is_some_and(|revision| proof.revision > revision))
    }

    /// The latest document time-stamp that holds and that whatever closed `revision` covers: it was not made before.
    fn before<'c>(&'c self, revision: Option<usize>) -> Option<Stamp<'c>>
    where
        'j: 'c,
    {
        let covered = self.proofs.iter().filter(|proof| revision.is_some_and(|own| proof.revision < own));
        let proof = covered.max_by_key(|proof| proof.time)?;
        let judgement = self.judgements.get(proof.index)?.as_ref()?;
        let token = self.opened.get(proof.index)?.as_ref().ok()?.token()?;
        let validation = judgement.timestamp_validation.as_deref()?;
        Some(Stamp {
            name: validation.subject.clone(),
            kind: StampKind::Content,
            token,
            digest: validation.token,
            imprint: Imprint::Verified(judgement.verification.as_deref()?),
        })
    }

    fn material(&self, proof: &Proof) -> Option<&Material> {
        let judgement = self.judgements.get(proof.index)?.as_ref()?;
        Some(&judgement.timestamp_validation.as_ref()?.material)
    }

    fn levels(&mut self) -> Vec<Option<Reached>> {
        if self.judgements.iter().flatten().any(|judgement| judgement.timestamp.is_some()) {
            self.fill();
        }
        let each = self.findings.signatures.iter().zip(&self.judgements);
        each.map(|(found, judgement)| Some(self.level(found, judgement.as_ref()?))).collect()
    }

    /// A path may have been validated with information that is newer than what is protected, from outside or from later
    /// revisions: would what the newest document time-stamp covers have done, or what the document holds?
    fn without_newer(
        &self,
        mut levels: Vec<Option<Reached>>,
        policy: &SignaturePolicy,
    ) -> Result<Vec<Option<Reached>>, Unreadable> {
        let covered = self.proofs.first().map(|newest| newest.end);
        let outside = !self.options.crls.is_empty() || !self.options.ocsp.is_empty();
        let uncovered = covered.is_some_and(|end| self.evidence.places.iter().any(|place| place.end >= end));
        let wanted = |levels: &[Option<Reached>], level| {
            levels.iter().flatten().any(|reached| (Level::BT..=level).contains(&reached.level))
        };
        let inside = Options { crls: &[], ocsp: &[], ..*self.options };
        if uncovered && wanted(&levels, Level::BLT) {
            let evidence = self.evidence.until(covered.unwrap_or_default());
            self.improve(&mut levels, &evidence, &inside, policy)?;
        }
        if outside && wanted(&levels, Level::BT) {
            self.improve(&mut levels, self.evidence, &inside, policy)?;
        }
        Ok(levels)
    }

    /// Judges everything with less evidence, and takes over what levels that gives.
    fn improve(
        &self,
        levels: &mut [Option<Reached>],
        evidence: &Evidence,
        options: &Options<'_>,
        policy: &SignaturePolicy,
    ) -> Result<(), Unreadable> {
        let engine = Shared::new(policy, options.at);
        let mut less = Court::new(self.findings, self.opened, self.digests, evidence, options, &engine);
        // What is proven is proven; the newest time-stamp is validated by what is known today.
        less.given = true;
        less.proofs.clone_from(&self.proofs);
        less.poes.clone_from(&self.poes);
        less.judge_all()?;
        let theirs = less.levels();
        for ((reached, other), judgement) in levels.iter_mut().zip(theirs).zip(&less.judgements) {
            let (Some(reached), Some(other), Some(judgement)) = (reached, other, judgement) else { continue };
            if judgement.indication == Indication::TotalPassed && other.level >= reached.level {
                *reached = other;
            } else if reached.level == Level::BT
                && let Some(reason) = judgement.reasons.first()
            {
                reached.why_not_more = Some(format!("what the document holds does not suffice: {reason}"));
            }
        }
        Ok(())
    }

    fn finish(mut self, levels: Vec<Option<Reached>>) -> Vec<Option<Judged>> {
        let each = self.findings.signatures.iter().zip(&self.judgements);
        let seen = each.map(|(found, judgement)| {
            let judgement = judgement.as_ref()?;
            Some((self.best(found, judgement), self.timestamps(found, judgement)))
        });
        let seen: Vec<_> = seen.collect();
        let judgements = std::mem::take(&mut self.judgements);
        let join = |((judgement, seen), reached): ((Option<Judgement>, Option<_>), Option<Reached>)| {
            let (judgement, (best, timestamps), reached) = (judgement?, seen?, reached?);
            Some(Judged { judgement, best, reached, timestamps })
        };
        judgements.into_iter().zip(seen).zip(levels).map(join).collect()
    }

    /// The earliest time at which it is proven to have existed.
    fn best(&self, found: &Found, judgement: &Judgement) -> (i64, TimeSource) {
        let later = self.after(revision(found)).map(|proof| proof.time).min();
        match (judgement.timestamp, later) {
            (Some(own), Some(later)) if later < own => (later, TimeSource::DocumentTimestamp),
            (Some(own), _) if is_timestamp(&found.examined.dictionary) => {
                (own, TimeSource::DocumentTimestamp)
            }
            (Some(own), _) => (own, TimeSource::SignatureTimestamp),
            (None, Some(later)) => (later, TimeSource::DocumentTimestamp),
            (None, None) => (self.options.at, TimeSource::ValidationTime),
        }
    }

    fn timestamps(&self, found: &Found, judgement: &Judgement) -> Vec<TimestampReport> {
        let own = judgement.validation.iter().flat_map(|validation| &validation.timestamps);
        let own = own.filter(|stamp| stamp.kind != StampKind::Document).map(TimestampReport::of);
        let later = self.after(revision(found)).filter_map(|proof| {
            let judgement = self.judgements.get(proof.index)?.as_ref()?;
            judgement.timestamp_validation.as_deref().map(TimestampReport::of)
        });
        own.chain(later).collect()
    }

    fn level(&self, found: &Found, judgement: &Judgement) -> Reached {
        if is_timestamp(&found.examined.dictionary) {
            return Reached { level: Level::None, why_not_more: None };
        }
        level::reached(&Facts {
            judgement,
            intact: judgement.integrity == Integrity::Intact && !found.removed,
            dictionary_faults: dictionary_faults(&found.examined.dictionary),
            archive: &self.archive,
            certificates: &self.certificates,
            proofs: self.after(revision(found)).map(|proof| (proof, self.material(proof))).collect(),
        })
    }
}

fn revision(found: &Found) -> Option<usize> {
    found.examined.signed.as_ref().map(|signed| signed.revision)
}

fn end_of(findings: &Findings, found: &Found) -> Option<u64> {
    findings.revisions.list.get(revision(found)?).map(|revision| revision.end)
}

fn claimed(dictionary: &Dictionary) -> Option<i64> {
    dictionary.get(b"M").and_then(Object::as_string).and_then(date::parse).map(|date| date.unix)
}

/// What EN 319 142-1 §6.3, table 1, asks of the signature dictionary and is not so.
fn dictionary_faults(dictionary: &Dictionary) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if dictionary.get(b"SubFilter").and_then(Object::as_name) != Some(b"ETSI.CAdES.detached") {
        faults.push("the signature is not of /SubFilter ETSI.CAdES.detached");
    }
    if claimed(dictionary).is_none() {
        faults.push("the signature dictionary does not say when it was made (/M)");
    }
    if dictionary.get(b"Cert").is_some() {
        faults.push("the signature dictionary carries certificates (/Cert)");
    }
    faults
}

/// Each signature looks through all of the store: a thousand of them with two thousand objects, a few seconds.
const MAX_MATERIAL: usize = 2_000_000;
