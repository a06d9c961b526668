//! X.509 certificate validation (EN 319 102-1 §5.2.6) over the prospective paths of `pki::path`.
//!
//! Every path is judged at the time asked about, and the one that got furthest speaks. §5.2.6.4 leaves the signer's own
//! validity to the last: a certificate that has run out is asked about while it was valid, so that "expired and known not
//! to be revoked" (OUT_OF_BOUNDS_NOT_REVOKED) and "expired, nothing known" (OUT_OF_BOUNDS_NO_POE) are told apart. An
//! authority that has run out is OUT_OF_BOUNDS_NO_POE as well: proofs of existence can make up for both.

use super::{
    freshness::{fresh_until, is_fresh},
    materials::{Examiner, Weakness},
    report::{Block, Material, Status as Outcome},
    run::Run,
    steps::Conclusion,
};
use crate::{
    certificate::Certificate,
    crl::{Reason, Revoked},
    indication::SubIndication,
    path::{Admit, Budget, Prospect, RevocationPolicy, Source, Status, prospects},
};

/// What is known about one certificate's revocation.
pub(super) enum Standing {
    /// It says itself that nothing can be known.
    Exempt,
    /// The policy does not ask.
    Waived,
    /// Not revoked, by evidence that is fresh.
    Good(Source),
    /// Revoked, or on hold.
    Revoked(Revoked, Source),
    /// Not revoked, by evidence that is not fresh.
    Stale(Source),
    /// Nothing usable.
    Absent(&'static str),
}

/// A path as it was judged.
pub(super) struct Judged {
    pub conclusion: Conclusion,
    /// End certificate first, anchor last.
    pub path: Vec<Certificate>,
    /// For each certificate below the anchor.
    pub standings: Vec<Standing>,
    /// When the certificate that stood in the way was revoked or put on hold.
    pub revoked_at: Option<i64>,
    /// Whether it was only on hold.
    pub suspended: bool,
    /// For evidence that is not fresh: when newer was due.
    pub try_again_at: Option<i64>,
    /// What was not reliable, when that stood in the way.
    pub weaknesses: Vec<Weakness>,
    rank: u8,
    material: Material,
}

/// Judges the signer's certificate at a time: the path that holds, or the one that got furthest.
pub(super) fn validate(run: &mut Run<'_>, at: i64) -> Judged {
    let Some(request) = run.request(at) else {
        return Judged::without(Conclusion::indeterminate(
            SubIndication::NoSigningCertificateFound,
            "the signer's certificate is not there",
        ));
    };
    let (policy, demands) = (run.policy, run.candidate.demands);
    let mut best: Option<Judged> = None;
    let outcome = prospects(&request, run.budget, &mut |prospect, budget| {
        let judged = judge(prospect, at, demands, policy, budget);
        let passed = judged.conclusion.is_passed();
        if best.as_ref().is_none_or(|best| judged.rank > best.rank) {
            best = Some(judged);
        }
        passed
    });
    let mut judged = match (best, outcome) {
        (Some(best), _) => best,
        (None, Err(Some((failure, path)))) => {
            let (indication, sub) = failure.indication();
            let conclusion = Conclusion { indication, sub: Some(sub), reason: failure.to_string() };
            Judged { path, ..Judged::without(conclusion) }
        }
        (None, _) => Judged::without(Conclusion::indeterminate(
            SubIndication::NoCertificateChainFound,
            "no path to a trust anchor",
        )),
    };
    if run.budget.is_exhausted() && !judged.conclusion.is_passed() && judged.rank < REVOKED {
        let reason = format!("the budget of {} signature verifications is spent", policy.limits().signatures);
        judged.conclusion = Conclusion::indeterminate(SubIndication::CertificateChainGeneralFailure, reason);
    }
    judged
}

/// The block itself: judged now, with its step, and everything kept for the report.
pub(super) fn certificate_validation(run: &mut Run<'_>) -> Judged {
    let judged = validate(run, run.at);
    keep(run, &judged);
    let mut step = run.trace.begin(Block::CertificateValidation);
    let complete = judged.path.len() > judged.standings.len() && !judged.standings.is_empty()
        || judged.conclusion.is_passed();
    step.check("prospective-chain", complete, || judged.conclusion.reason.clone());
    for (certificate, standing) in judged.path.iter().zip(&judged.standings) {
        let (status, detail) = match standing {
            Standing::Good(_) => (Outcome::Passed, None),
            Standing::Exempt => (Outcome::Ignored, Some("no evidence exists, as the certificate says")),
            Standing::Waived => (Outcome::Ignored, Some("the policy does not ask")),
            Standing::Revoked(..) => (Outcome::Failed, Some("revoked")),
            Standing::Stale(_) => (Outcome::Failed, Some("the evidence is not fresh")),
            Standing::Absent(why) => (Outcome::Warned, Some(*why)),
        };
        let detail = detail.map(|words| format!("{}: {words}", certificate.subject()));
        step.note("revocation", status, detail);
    }
    if !judged.conclusion.is_passed() && complete {
        step.note("certificate-validation", Outcome::Failed, Some(judged.conclusion.reason.clone()));
    }
    step.end(&judged.conclusion);
    judged
}

/// Keeps path, evidence and algorithms for the report.
pub(super) fn keep(run: &mut Run<'_>, judged: &Judged) {
    run.keep_path(&judged.path);
    for (certificate, standing) in judged.path.iter().zip(&judged.standings) {
        match standing {
            Standing::Good(source) | Standing::Stale(source) => run.keep_evidence(certificate, source, None),
            Standing::Revoked(revoked, source) => run.keep_evidence(certificate, source, Some(*revoked)),
            _ => {}
        }
    }
    for used in &judged.material.algorithms {
        if !run.material.algorithms.contains(used) {
            run.material.algorithms.push(used.clone());
        }
    }
}

impl Judged {
    fn without(conclusion: Conclusion) -> Self {
        Self {
            conclusion,
            path: Vec::new(),
            standings: Vec::new(),
            revoked_at: None,
            suspended: false,
            try_again_at: None,
            weaknesses: Vec::new(),
            rank: 0,
            material: Material::default(),
        }
    }

    /// Takes a conclusion if it says more than what is there.
    fn take(&mut self, rank: u8, sub: SubIndication, reason: impl FnOnce() -> String) -> bool {
        if rank <= self.rank {
            return false;
        }
        self.rank = rank;
        self.conclusion = Conclusion::indeterminate(sub, reason());
        true
    }
}

fn judge(
    prospect: &Prospect<'_>,
    at: i64,
    demands: [RevocationPolicy; 2],
    policy: &super::SignaturePolicy,
    budget: &mut Budget,
) -> Judged {
    let mut judged = Judged { path: prospect.path.to_vec(), ..Judged::without(Conclusion::passed()) };
    if let Err(why) = prospect.anchor.is_trusted_at(at) {
        judged.take(UNTRUSTED, SubIndication::NoCertificateChainFoundNoPoe, || why.into());
    }
    let longest = policy.revocation().freshness;
    // From the anchor down, since a revoked authority makes its own evidence worthless.
    for (index, certificate) in prospect.path.iter().enumerate().rev() {
        let is_leaf = index == 0;
        let subject = || certificate.subject().to_string();
        if !is_leaf && !certificate.is_valid_at(at) {
            judged.take(OUT_OF_BOUNDS, SubIndication::OutOfBoundsNoPoe, || {
                format!("the certificate of `{}` is not valid at this time", subject())
            });
        }
        let [leaf, authority] = demands;
        let demand = if is_leaf { leaf } else { authority };
        let asked = if is_leaf { at.min(certificate.not_after()) } else { at };
        let Some(standing) = standing(prospect, index, asked, true, demand, longest, None, budget) else {
            continue;
        };
        match &standing {
            Standing::Revoked(Revoked { time, reason: Some(Reason::CertificateHold) }, source) => {
                let reason = || format!("the certificate of `{}` is on hold", subject());
                let taken = judged.take(SUSPENDED, SubIndication::TryLater, reason);
                if taken {
                    judged.suspended = true;
                    judged.revoked_at = Some(*time);
                    judged.try_again_at = source.next_update;
                }
            }
            Standing::Revoked(Revoked { time, reason }, _) => {
                let (rank, sub) = match is_leaf {
                    true => (REVOKED, SubIndication::RevokedNoPoe),
                    false => (REVOKED_AUTHORITY, SubIndication::RevokedCaNoPoe),
                };
                let why = reason.map(|reason| format!(" ({})", reason.name())).unwrap_or_default();
                if judged.take(rank, sub, || format!("certificate of `{}` is revoked{why}", subject())) {
                    judged.suspended = false;
                    judged.revoked_at = Some(*time);
                }
            }
            Standing::Stale(source) if demand == RevocationPolicy::Required => {
                let reason = || {
                    format!("the revocation information for the certificate of `{}` is not fresh", subject())
                };
                let taken = judged.take(NOT_FRESH, SubIndication::TryLater, reason);
                if taken {
                    judged.try_again_at = Some(fresh_until(source, longest));
                }
            }
            Standing::Absent(why) if demand == RevocationPolicy::Required => {
                judged.take(NOT_FRESH, SubIndication::TryLater, || {
                    format!("no usable revocation information for the certificate of `{}`: {why}", subject())
                });
            }
            // What was not looked at for want of budget might have revoked it: no policy lets that pass.
            Standing::Absent(_) | Standing::Stale(_) if budget.is_exhausted() => {
                judged.take(NOT_FRESH, SubIndication::CertificateChainGeneralFailure, String::new);
            }
            _ => {}
        }
        if is_leaf && !certificate.is_valid_at(at) {
            let known = !matches!(standing, Standing::Absent(_)) && at >= certificate.not_before();
            let sub = match known {
                true => SubIndication::OutOfBoundsNotRevoked,
                false => SubIndication::OutOfBoundsNoPoe,
            };
            judged.take(OUT_OF_BOUNDS, sub, || {
                let word = if at > certificate.not_after() { "expired" } else { "was not yet valid" };
                format!("certificate of `{}` {word}", subject())
            });
        }
        judged.standings.push(standing);
    }
    judged.standings.reverse();
    apply_cryptography(&mut judged, at, policy);
    judged
}

/// §5.2.6.4, last step: the cryptographic constraints on the path and on what is known about it.
fn apply_cryptography(judged: &mut Judged, at: i64, policy: &super::SignaturePolicy) {
    let mut examiner = Examiner::new(policy.cryptography(), &mut judged.material);
    let weaknesses = examine(&mut examiner, &judged.path, &judged.standings, at);
    let Some(first) = weaknesses.first() else { return };
    let reason = first.describe();
    let sub = sub_indication(&weaknesses);
    if judged.take(WEAK, sub, || reason) {
        judged.weaknesses = weaknesses;
    }
}

/// What on a path was not reliable at a time.
pub(super) fn examine(
    examiner: &mut Examiner<'_>,
    path: &[Certificate],
    standings: &[Standing],
    at: i64,
) -> Vec<Weakness> {
    let mut weaknesses = Vec::new();
    for (certificate, issuer) in path.iter().zip(path.iter().skip(1)) {
        weaknesses.extend(examiner.certificate(certificate, issuer, at));
    }
    for standing in standings {
        if let Standing::Good(source) | Standing::Stale(source) | Standing::Revoked(_, source) = standing {
            weaknesses.extend(examiner.evidence(source, at));
        }
    }
    weaknesses
}

/// Without a time up to which it was reliable, no proof of existence can help.
pub(super) fn sub_indication(weaknesses: &[Weakness]) -> SubIndication {
    if weaknesses.iter().any(|weakness| weakness.reliable == super::Reliability::Never) {
        SubIndication::CryptoConstraintsFailure
    } else {
        SubIndication::CryptoConstraintsFailureNoPoe
    }
}

/// What is known about one certificate; `None` for the anchor.
#[expect(clippy::too_many_arguments, reason = "each is a parameter of §5.2.5 or §5.2.6")]
pub(super) fn standing(
    prospect: &Prospect<'_>,
    index: usize,
    at: i64,
    later: bool,
    demand: RevocationPolicy,
    longest: Option<i64>,
    admit: Admit<'_>,
    budget: &mut Budget,
) -> Option<Standing> {
    if index + 1 >= prospect.path.len() {
        return None;
    }
    if demand == RevocationPolicy::Waived {
        return Some(Standing::Waived);
    }
    let Some(status) = prospect.status(index, at, later, admit, budget) else {
        return Some(Standing::Exempt);
    };
    Some(match status {
        Status::Good(source) if is_fresh(&source, at, longest) => Standing::Good(source),
        Status::Good(source) => Standing::Stale(source),
        Status::Revoked(revoked, source) => Standing::Revoked(revoked, source),
        // nextUpdate has passed; the policy may take it for fresh all the same.
        Status::Unknown { stale: Some(source), .. } if is_fresh(&source, at, longest) => {
            Standing::Good(source)
        }
        Status::Unknown { stale: Some(source), .. } => Standing::Stale(source),
        Status::Unknown { why, stale: None } => Standing::Absent(why),
    })
}

/// Of several obstacles the one with the highest rank speaks: what is proven before what is merely not known.
const WEAK: u8 = 1;
const NOT_FRESH: u8 = 2;
const OUT_OF_BOUNDS: u8 = 3;
const UNTRUSTED: u8 = 4;
const SUSPENDED: u8 = 5;
const REVOKED: u8 = 6;
const REVOKED_AUTHORITY: u8 = 7;
