//! Past certificate validation with validation time sliding (EN 319 102-1 §5.6.2.1, §5.6.2.2): the latest time at which a
//! path is known to have been good, from what is proven to have existed.
//!
//! From the anchor down, each certificate moves the control time back to when it was revoked, to when what is known about it
//! was last fresh (or was made, as the policy says), and to when its algorithms were last reliable. Only evidence that is
//! proven to have existed at the control time counts, and only for certificates that are.
//!
//! Stricter than the standard: whatever was signed with a key must be proven to have existed before the signing
//! certificate ran out, and before its algorithms ended. The control time alone does not say so, because a certificate
//! without revocation evidence does not move it, and a moved one is not held against what moved it: an old key that is
//! found or broken later could speak for the past.

use super::{
    chain::{self, Standing},
    cryptography::Reliability,
    freshness::fresh_until,
    materials::{Examiner, Weakness, reliable_until},
    policy::{SignaturePolicy, SlideTo},
    proofs::Poes,
    report::{Block, Material, ObjectKind},
    run::{Run, name},
    steps::Conclusion,
};
use crate::{
    certificate::Certificate,
    indication::SubIndication,
    path::{Budget, By, Prospect, RevocationPolicy, Source, prospects},
};

/// A path that was good until the control time.
pub(super) struct Past {
    pub control: i64,
    /// End certificate first, anchor last.
    pub path: Vec<Certificate>,
    /// For each certificate below the anchor.
    pub standings: Vec<Standing>,
    material: Material,
}

/// Past certificate validation of the signer: the path and its control time, or why there is none.
pub(super) fn past_certificate_validation(run: &mut Run<'_>) -> Result<Past, Conclusion> {
    let lost =
        || Conclusion::indeterminate(SubIndication::NoCertificateChainFound, "no path to a trust anchor");
    let request = run.request(run.at).ok_or_else(lost)?;
    let (policy, poes, at, demands) = (run.policy, run.poes, run.at, run.candidate.demands);
    let mut found = None;
    let mut failure = None;
    let outcome = prospects(&request, run.budget, &mut |prospect, budget| {
        let context = Sliding { policy, poes, at, demands };
        match context.slide(prospect, budget) {
            Ok(past) => {
                found = Some(past);
                true
            }
            Err(conclusion) => {
                failure.get_or_insert(conclusion);
                false
            }
        }
    });
    let result = found.ok_or_else(|| {
        failure.unwrap_or_else(|| match outcome {
            Err(Some((failure, _))) => {
                let (indication, sub) = failure.indication();
                Conclusion { indication, sub: Some(sub), reason: failure.to_string() }
            }
            _ => lost(),
        })
    });
    note(run, &result);
    result
}

/// The two steps and what the report keeps.
fn note(run: &mut Run<'_>, result: &Result<Past, Conclusion>) {
    let conclusion = result.as_ref().err().cloned().unwrap_or_else(Conclusion::passed);
    let mut step = run.trace.begin(Block::TimeSliding);
    match result {
        Ok(past) => step.note("control-time", super::report::Status::Passed, Some(past.control.to_string())),
        Err(conclusion) => {
            step.note("control-time", super::report::Status::Failed, Some(conclusion.reason.clone()));
        }
    }
    step.end(&conclusion);
    let mut step = run.trace.begin(Block::PastCertificateValidation);
    step.check("past-certificate-validation", conclusion.is_passed(), || conclusion.reason.clone());
    step.end(&conclusion);
    let Ok(past) = result else { return };
    run.keep_path(&past.path);
    for (certificate, standing) in past.path.iter().zip(&past.standings) {
        run.known(ObjectKind::Certificate, certificate.sha256_fingerprint());
        let (source, revoked) = match standing {
            Standing::Good(source) | Standing::Stale(source) => (source, None),
            Standing::Revoked(revoked, source) => (source, Some(*revoked)),
            _ => continue,
        };
        run.keep_evidence(certificate, source, revoked);
        let (kind, object) = name(&source.by);
        run.known(kind, &object);
    }
    for used in &past.material.algorithms {
        if !run.material.algorithms.contains(used) {
            run.material.algorithms.push(used.clone());
        }
    }
}

struct Sliding<'s> {
    policy: &'s SignaturePolicy,
    poes: &'s Poes,
    at: i64,
    demands: [RevocationPolicy; 2],
}

impl Sliding<'_> {
    fn slide(&self, prospect: &Prospect<'_>, budget: &mut Budget) -> Result<Past, Conclusion> {
        let general =
            |reason: &str| Conclusion::indeterminate(SubIndication::CertificateChainGeneralFailure, reason);
        // §5.6.2.1.4, step 2: there must be a time at which every certificate was valid (shell model).
        let below = prospect.path.len().saturating_sub(1);
        let certificates = || prospect.path.iter().take(below);
        let from = certificates().map(Certificate::not_before).max();
        let until = certificates().map(Certificate::not_after).min();
        if from > until {
            return Err(general("the certificates of the path were never valid at the same time"));
        }
        // §5.6.2.2.4, step 1: the anchor's sunset.
        let limits = prospect.anchor.constraints();
        let mut control = limits.not_after.map_or(self.at, |sunset| self.at.min(sunset));
        let mut standings = Vec::with_capacity(below);
        let mut material = Material::default();
        for index in (0..below).rev() {
            let Some(certificate) = prospect.path.get(index) else { continue };
            let (standing, slid) = self.certificate(prospect, index, certificate, control, budget)?;
            control = slid;
            let mut weaknesses = Vec::new();
            let mut examiner = Examiner::new(self.policy.cryptography(), &mut material);
            if let Some(issuer) = prospect.path.get(index + 1) {
                weaknesses.extend(examiner.certificate(certificate, issuer, control));
            }
            if let Standing::Good(source) | Standing::Stale(source) | Standing::Revoked(_, source) = &standing
            {
                weaknesses.extend(examiner.evidence(source, control));
            }
            control = control.min(self.reliable(&weaknesses, control)?);
            // The signer's own evidence is asked about last, by §5.6.2.4.
            if index > 0 && demand(self.demands, index) == RevocationPolicy::Required {
                self.made_in_time(certificate, &standing)?;
            }
            standings.push(standing);
        }
        if budget.is_exhausted() {
            return Err(general("the budget of signature verifications is spent"));
        }
        if limits.not_before.is_some_and(|from| control < from) {
            return Err(Conclusion::indeterminate(
                SubIndication::NoCertificateChainFoundNoPoe,
                "the trust anchor was not trusted yet at the control time",
            ));
        }
        // The path was good no longer than its authorities were valid.
        let authorities = prospect.path.iter().skip(1).map(Certificate::not_after).min();
        control = control.min(authorities.unwrap_or(control));
        standings.reverse();
        Ok(Past { control, path: prospect.path.to_vec(), standings, material })
    }

    /// Steps a to c for one certificate.
    fn certificate(
        &self,
        prospect: &Prospect<'_>,
        index: usize,
        certificate: &Certificate,
        control: i64,
        budget: &mut Budget,
    ) -> Result<(Standing, i64), Conclusion> {
        let demand = demand(self.demands, index);
        let no_poe = |why: &str| Err(no_poe(certificate, why));
        let known = self.poes.known(certificate.sha256_fingerprint(), self.at);
        if known > control {
            return no_poe("no proof that it existed at the control time");
        }
        if prospect.path.get(index + 1).is_none_or(|issuer| known > issuer.not_after()) {
            return no_poe("no proof that it existed before its issuer's certificate ran out");
        }
        let existed = |by: &By| {
            let issued = match by {
                By::Crl(crl) => crl.this_update(),
                By::Ocsp(response) => response.produced_at(),
            };
            issued <= control && self.poes.known(&name(by).1, self.at) <= control
        };
        let longest = self.policy.revocation().freshness;
        let standing =
            chain::standing(prospect, index, control, false, demand, longest, Some(&existed), budget);
        let Some(standing) = standing else { return no_poe("it has no issuer on the path") };
        let slid = match &standing {
            Standing::Exempt | Standing::Waived | Standing::Good(_) => control,
            // The standard says the revocation time itself, at which `pki::path` and §5.5.4 take it for revoked already.
            Standing::Revoked(revoked, _) => control.min(revoked.time.saturating_sub(1)),
            // What is not asked for does not count when it is old, as it does not when it is absent.
            Standing::Stale(_) | Standing::Absent(_) if demand != RevocationPolicy::Required => control,
            Standing::Stale(source) => control.min(self.back_to(source, longest)),
            Standing::Absent(why) => {
                return no_poe(&format!(
                    "nothing about its revocation is proven to have existed in time ({why})"
                ));
            }
        };
        Ok((standing, slid))
    }

    fn back_to(&self, source: &Source, longest: Option<i64>) -> i64 {
        match self.policy.revocation().slide_to {
            SlideTo::ThisUpdate => source.this_update,
            SlideTo::NextUpdate => fresh_until(source, longest),
        }
    }

    /// What is known about an authority comes from somebody whose certificate had not run out.
    fn made_in_time(&self, certificate: &Certificate, standing: &Standing) -> Result<(), Conclusion> {
        let (Standing::Good(source) | Standing::Stale(source)) = standing else { return Ok(()) };
        if self.poes.known(&name(&source.by).1, self.at) <= source.signer.not_after() {
            return Ok(());
        }
        Err(no_poe(certificate, "no proof that its revocation information existed before its signer ran out"))
    }

    /// Step d.
    fn reliable(&self, weaknesses: &[Weakness], control: i64) -> Result<i64, Conclusion> {
        let late = |one: &&Weakness| !one.reliable.holds_at(self.poes.known(&one.object, self.at));
        if let Some(late) = weaknesses.iter().find(late)
            && late.reliable != Reliability::Never
        {
            let reason = format!("{}, and no proof is older", late.describe());
            return Err(Conclusion::indeterminate(SubIndication::NoPoe, reason));
        }
        let Some(first) = weaknesses.first() else { return Ok(control) };
        reliable_until(weaknesses).ok_or_else(|| {
            Conclusion::indeterminate(SubIndication::CryptoConstraintsFailure, first.describe())
        })
    }
}

const fn demand([leaf, authority]: [RevocationPolicy; 2], index: usize) -> RevocationPolicy {
    if index == 0 { leaf } else { authority }
}

fn no_poe(certificate: &Certificate, why: &str) -> Conclusion {
    let reason = format!("certificate of `{}`: {why}", certificate.subject());
    Conclusion::indeterminate(SubIndication::NoPoe, reason)
}
