//! Path building: depth first from the certificate towards the anchors, under one signature budget.
//!
//! RFC 4158's hints order the candidates (key identifiers, validity, being an anchor) and never exclude one. No path visits
//! the same name and key twice.

use std::collections::HashMap;

use super::{
    PathFailure, Request, VerifiedPath, anchors::Anchor, check, failure::BUDGET_RANK, names::Work, revocation,
};
use crate::certificate::{Certificate, SignatureError};

/// What one signature verification said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    Fails,
    /// Refused as weak, whatever it says.
    Weak(String),
    Unsupported(String),
    /// Not run: the budget is spent.
    Spent,
}

/// Signature verifications still allowed, and the outcomes already known.
pub(super) struct Budget {
    left: u32,
    known: HashMap<([u8; 32], [u8; 32]), Outcome>,
    /// Partial paths looked at: remembered signatures cost no budget, so these are bounded too.
    steps: u32,
    work: Work,
    pub(super) exhausted: bool,
    /// Signers of revocation evidence whose own path is known to hold or not.
    pub(super) signers: HashMap<[u8; 32], bool>,
}

impl Budget {
    /// Runs one verification, if one is left.
    pub(super) fn spend(&mut self, verify: impl FnOnce() -> Result<(), SignatureError>) -> Outcome {
        let Some(left) = self.left.checked_sub(1) else {
            self.exhausted = true;
            return Outcome::Spent;
        };
        self.left = left;
        match verify() {
            Ok(()) => Outcome::Holds,
            Err(error) if error.is_weak() => Outcome::Weak(error.to_string()),
            Err(error) if error.is_unsupported() => Outcome::Unsupported(error.to_string()),
            Err(_) => Outcome::Fails,
        }
    }

    pub(super) fn signed_by(&mut self, child: &Certificate, issuer: &Certificate) -> Outcome {
        let pair = (*child.sha256_fingerprint(), *issuer.sha256_fingerprint());
        if let Some(known) = self.known.get(&pair) {
            return known.clone();
        }
        let outcome = self.spend(|| child.verify_signature(issuer.spki()));
        if outcome != Outcome::Spent {
            self.known.insert(pair, outcome.clone());
        }
        outcome
    }
}

/// The path, or the failure that says most with the path it is about.
pub(super) fn search(request: &Request<'_>) -> Result<VerifiedPath, (PathFailure, Vec<Certificate>)> {
    let mut budget = Budget {
        left: request.policy.signature_budget,
        known: HashMap::new(),
        steps: MAX_STEPS,
        work: Work::new(),
        exhausted: false,
        signers: HashMap::new(),
    };
    search_within(request, &mut budget, &[])
}

/// The same with what is left of a budget, below the certificates whose status is already being asked for.
pub(super) fn search_within(
    request: &Request<'_>,
    budget: &mut Budget,
    asked: &[Certificate],
) -> Result<VerifiedPath, (PathFailure, Vec<Certificate>)> {
    let mut search = Search { request, budget, asked, best: None };
    let mut path = vec![request.leaf.clone()];
    if let Some(found) = search.extend(&mut path) {
        return Ok(found);
    }
    let none = || (PathFailure::NoPath { subject: request.leaf.subject().to_string() }, path);
    let failure = search.best.take().unwrap_or_else(none);
    if search.budget.exhausted && failure.0.rank() < BUDGET_RANK {
        return Err((PathFailure::Budget { budget: request.policy.signature_budget }, failure.1));
    }
    Err(failure)
}

struct Search<'a> {
    request: &'a Request<'a>,
    budget: &'a mut Budget,
    asked: &'a [Certificate],
    best: Option<(PathFailure, Vec<Certificate>)>,
}

impl Search<'_> {
    /// Tries to complete `path` to an anchor. The depth is bounded by `max_path`.
    fn extend(&mut self, path: &mut Vec<Certificate>) -> Option<VerifiedPath> {
        let request = self.request;
        let Some(steps) = self.budget.steps.checked_sub(1) else {
            self.budget.exhausted = true;
            return None;
        };
        self.budget.steps = steps;
        let current = path.last()?.clone();
        if let Some(anchor) = request.anchors.find(&current) {
            return self.complete(path, anchor);
        }
        if path.len() >= request.policy.max_path {
            return None;
        }
        for candidate in candidates(request, &current, path) {
            let failure = match self.budget.signed_by(&current, candidate) {
                Outcome::Holds => {
                    path.push(candidate.clone());
                    let found = self.extend(path);
                    path.pop();
                    if found.is_some() {
                        return found;
                    }
                    continue;
                }
                Outcome::Spent => return None,
                Outcome::Fails => PathFailure::BadSignature { subject: current.subject().to_string() },
                Outcome::Weak(why) => PathFailure::Weak { subject: current.subject().to_string(), why },
                Outcome::Unsupported(why) => {
                    PathFailure::Unsupported { subject: current.subject().to_string(), why }
                }
            };
            self.note(failure, path);
        }
        None
    }

    fn complete(&mut self, path: &[Certificate], anchor: &Anchor) -> Option<VerifiedPath> {
        let outcome = check::check(path, anchor, self.request, &mut self.budget.work).and_then(|policies| {
            let evidence = revocation::check(path, anchor, self.request, self.budget, self.asked)?;
            Ok(VerifiedPath { certificates: path.to_vec(), evidence, policies })
        });
        match outcome {
            Ok(found) => Some(found),
            Err(failure) => {
                self.note(failure, path);
                None
            }
        }
    }

    fn note(&mut self, failure: PathFailure, path: &[Certificate]) {
        if self.best.as_ref().is_none_or(|(best, _)| failure.rank() > best.rank()) {
            self.best = Some((failure, path.to_vec()));
        }
    }
}

/// Who may have issued `current`, the likeliest first.
fn candidates<'a>(
    request: &Request<'a>,
    current: &Certificate,
    path: &[Certificate],
) -> Vec<&'a Certificate> {
    let all = request.anchors.certificates().iter().zip(std::iter::repeat(true));
    let all = all.chain(request.untrusted.iter().zip(std::iter::repeat(false)));
    let visited = |candidate: &Certificate| {
        path.iter().any(|other| {
            other.spki() == candidate.spki() && other.canonical_subject() == candidate.canonical_subject()
        })
    };
    let mut candidates: Vec<_> = all
        .filter(|(candidate, _)| is_named(candidate, current) && !visited(candidate))
        .map(|(candidate, is_anchor)| {
            // A key identifier is a hint only (RFC 5280 §4.2.1.1): fitting ones first, contradicting ones last.
            let key = match (current.authority_key_id(), candidate.subject_key_id()) {
                (Some(wanted), Some(found)) if wanted == found => 0,
                (Some(_), Some(_)) => 2,
                _ => 1,
            };
            let usable = candidate.is_valid_at(request.at) && (is_anchor || candidate.is_ca());
            ((key, !usable, !is_anchor), candidate)
        })
        .collect();
    candidates.sort_by_key(|(order, _)| *order);
    candidates.truncate(MAX_CANDIDATES);
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Whether `candidate` bears the name that `current` gives its issuer. An empty name names nobody.
fn is_named(candidate: &Certificate, current: &Certificate) -> bool {
    !current.issuer().is_empty()
        && (candidate.subject() == current.issuer()
            || candidate.canonical_subject() == current.canonical_issuer())
}

/// Issuers tried per certificate; a few dozen cross-certificates exist in the worst real PKIs.
const MAX_CANDIDATES: usize = 32;

/// Real searches take fewer than ten.
const MAX_STEPS: u32 = 2048;
