//! Path building: depth first from the certificate towards the anchors, under one signature budget.
//!
//! RFC 4158's hints order the candidates (key identifiers, validity, being an anchor) and never exclude one. No path visits
//! the same name and key twice.

use std::collections::HashMap;

use super::{
    PathFailure, Request, VerifiedPath, anchors::Anchor, check, failure::BUDGET_RANK, names::Work, revocation,
};
use crate::{
    certificate::{Certificate, SignatureError},
    crl::Crl,
    ocsp::{BasicResponse, VerifiedBy},
};

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

/// Who signed a response, or why it proves nothing.
type Signed = Result<VerifiedBy, &'static str>;

/// Signature verifications still allowed, and the outcomes already known. One may serve many searches: what was verified
/// once is not verified again.
pub(crate) struct Budget {
    left: u32,
    known: HashMap<([u8; 32], [u8; 32]), Outcome>,
    /// By the list's place in memory, which its own clone beside the outcome keeps from being used again.
    lists: HashMap<(usize, [u8; 32]), (Crl, Outcome)>,
    /// By response, issuer and the time at which its responder must be valid.
    responses: HashMap<([u8; 32], [u8; 32], i64), Signed>,
    /// Partial paths looked at: remembered signatures cost no budget, so these are bounded too.
    steps: u32,
    pub(super) work: Work,
    pub(super) exhausted: bool,
    was_exhausted: bool,
    /// Signers of revocation evidence whose own path, to that anchor and at that time, is known to hold or not.
    pub(super) signers: HashMap<([u8; 32], [u8; 32], i64), bool>,
}

impl Budget {
    /// That many signature verifications.
    pub(crate) fn new(signatures: u32) -> Self {
        Self {
            left: signatures,
            known: HashMap::new(),
            lists: HashMap::new(),
            responses: HashMap::new(),
            steps: MAX_STEPS,
            work: Work::new(),
            exhausted: false,
            was_exhausted: false,
            signers: HashMap::new(),
        }
    }

    /// For the next of several subjects: some more steps and comparisons, the same signature verifications. Whom to believe
    /// depends on the evidence at hand, and is asked anew.
    pub(crate) fn start(&mut self) {
        self.steps = MAX_STEPS.min(self.steps.saturating_add(STEPS_EACH));
        self.work.renew();
        self.signers.clear();
        self.was_exhausted |= self.exhausted;
        self.exhausted = false;
    }

    /// Whether something was not looked at for want of budget, for this subject or one before.
    pub(crate) const fn was_exhausted(&self) -> bool {
        self.was_exhausted || self.exhausted || self.work.is_spent()
    }

    /// Takes one verification that is done elsewhere, if one is left.
    pub(crate) fn take(&mut self) -> bool {
        self.spend(|| Ok(())) == Outcome::Holds
    }

    /// Whether something was not looked at for want of budget.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

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

    pub(super) fn list_signed_by(&mut self, list: &Crl, signer: &Certificate) -> Outcome {
        let key = (list.address(), *signer.sha256_fingerprint());
        if let Some((_, known)) = self.lists.get(&key) {
            return known.clone();
        }
        let outcome = self.spend(|| list.verify_signature(signer.spki()));
        if outcome != Outcome::Spent {
            self.lists.insert(key, (list.clone(), outcome.clone()));
        }
        outcome
    }

    pub(super) fn response_signed_for(
        &mut self,
        response: &BasicResponse,
        issuer: &Certificate,
        at: i64,
        verify: impl FnOnce(&mut Self) -> Signed,
    ) -> Signed {
        let key = (*response.sha256_fingerprint(), *issuer.sha256_fingerprint(), at);
        if let Some(known) = self.responses.get(&key) {
            return known.clone();
        }
        let outcome = verify(self);
        if !self.exhausted {
            self.responses.insert(key, outcome.clone());
        }
        outcome
    }
}

/// What is done with a path that reached an anchor: an error goes on searching.
pub(super) type Complete<'c> =
    dyn FnMut(&[Certificate], &Anchor, &mut Budget) -> Result<(), PathFailure> + 'c;

/// The path, or the failure that says most with the path it is about: with what is left of a budget, below the certificates
/// whose status is already being asked for.
pub(super) fn search_within(
    request: &Request<'_>,
    budget: &mut Budget,
    asked: &[Certificate],
) -> Result<VerifiedPath, (PathFailure, Vec<Certificate>)> {
    let mut found = None;
    let mut complete = |path: &[Certificate], anchor: &Anchor, budget: &mut Budget| {
        let policies = check::check(path, anchor, request, &mut budget.work)?;
        let evidence = revocation::check(path, anchor, request, budget, asked)?;
        found = Some(VerifiedPath { certificates: path.to_vec(), evidence, policies });
        Ok(())
    };
    search_each(request, budget, &mut complete)?;
    found.ok_or_else(|| nothing(request))
}

/// Hands each path that ends at an anchor to `complete` until one is taken.
pub(super) fn search_each(
    request: &Request<'_>,
    budget: &mut Budget,
    complete: &mut Complete<'_>,
) -> Result<(), (PathFailure, Vec<Certificate>)> {
    let mut search = Search { request, budget, complete, best: None };
    if search.extend(&mut vec![request.leaf.clone()]) {
        return Ok(());
    }
    let failure = search.best.take().unwrap_or_else(|| nothing(request));
    if search.budget.exhausted && failure.0.rank() < BUDGET_RANK {
        return Err((PathFailure::Budget { budget: request.policy.signature_budget }, failure.1));
    }
    Err(failure)
}

fn nothing(request: &Request<'_>) -> (PathFailure, Vec<Certificate>) {
    (PathFailure::NoPath { subject: request.leaf.subject().to_string() }, vec![request.leaf.clone()])
}

struct Search<'a, 'c> {
    request: &'a Request<'a>,
    budget: &'a mut Budget,
    complete: &'a mut Complete<'c>,
    best: Option<(PathFailure, Vec<Certificate>)>,
}

impl Search<'_, '_> {
    /// Tries to complete `path` to an anchor. The depth is bounded by `max_path`.
    fn extend(&mut self, path: &mut Vec<Certificate>) -> bool {
        let request = self.request;
        let (Some(steps), Some(current)) = (self.budget.steps.checked_sub(1), path.last().cloned()) else {
            self.budget.exhausted = true;
            return false;
        };
        self.budget.steps = steps;
        if let Some(anchor) = request.anchors.find(&current) {
            return match (self.complete)(path, anchor, self.budget) {
                Ok(()) => true,
                Err(failure) => {
                    self.note(failure, path);
                    false
                }
            };
        }
        if path.len() >= request.policy.max_path {
            return false;
        }
        for candidate in candidates(request, &current, path) {
            let failure = match self.budget.signed_by(&current, candidate) {
                Outcome::Holds => {
                    path.push(candidate.clone());
                    let found = self.extend(path);
                    path.pop();
                    if found {
                        return true;
                    }
                    continue;
                }
                Outcome::Spent => return false,
                Outcome::Fails => PathFailure::BadSignature { subject: current.subject().to_string() },
                Outcome::Weak(why) => PathFailure::Weak { subject: current.subject().to_string(), why },
                Outcome::Unsupported(why) => {
                    PathFailure::Unsupported { subject: current.subject().to_string(), why }
                }
            };
            self.note(failure, path);
        }
        false
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

/// What each further subject adds: it is searched for at most three times.
const STEPS_EACH: u32 = 64;
