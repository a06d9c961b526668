//! Path building: depth first from the certificate towards the anchors, under one signature budget.

use std::collections::HashMap;

use super::{PathFailure, Request, VerifiedPath, check, revocation};
use crate::certificate::{Certificate, SignatureError};

/// Signature verifications still allowed, and the outcomes already known.
pub(super) struct Budget {
    left: u32,
    known: HashMap<([u8; 32], [u8; 32]), bool>,
    pub(super) exhausted: bool,
}

impl Budget {
    /// Runs one verification, if one is left.
    pub(super) fn spend(&mut self, verify: impl FnOnce() -> Result<(), SignatureError>) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                verify().is_ok()
            }
            None => {
                self.exhausted = true;
                false
            }
        }
    }

    fn signed_by(&mut self, child: &Certificate, issuer: &Certificate) -> bool {
        let pair = (*child.sha256_fingerprint(), *issuer.sha256_fingerprint());
        if let Some(known) = self.known.get(&pair) {
            return *known;
        }
        let holds = self.spend(|| child.verify_signature(issuer.spki()));
        if !self.exhausted {
            self.known.insert(pair, holds);
        }
        holds
    }
}

pub(super) fn search(request: &Request<'_>) -> Result<VerifiedPath, PathFailure> {
    let budget = Budget { left: request.policy.signature_budget, known: HashMap::new(), exhausted: false };
    let mut search = Search { request, budget, best: None, steps: 0 };
    let mut path = vec![request.leaf.clone()];
    if let Some(found) = search.extend(&mut path) {
        return Ok(found);
    }
    let none = PathFailure::NoPath { subject: request.leaf.subject().to_string() };
    let failure = search.best.unwrap_or(none);
    // An exhausted budget hides what else there may be, except behind a failure that got further.
    if search.budget.exhausted && failure.rank() < 2 {
        return Err(PathFailure::Budget { budget: request.policy.signature_budget });
    }
    Err(failure)
}

struct Search<'a> {
    request: &'a Request<'a>,
    budget: Budget,
    best: Option<PathFailure>,
    /// Partial paths looked at: remembered signatures cost no budget, so these are bounded too.
    steps: u32,
}

impl Search<'_> {
    /// Tries to complete `path` to an anchor. The depth is bounded by `max_path`.
    fn extend(&mut self, path: &mut Vec<Certificate>) -> Option<VerifiedPath> {
        let request = self.request;
        self.steps += 1;
        if self.steps > MAX_STEPS {
            self.budget.exhausted = true;
            return None;
        }
        let current = path.last()?.clone();
        if request.anchors.certificates.contains(&current) {
            return self.complete(path);
        }
        if path.len() >= request.policy.max_path {
            return None;
        }
        let candidates = request.anchors.certificates.iter().chain(request.untrusted);
        let mut candidates: Vec<_> = candidates
            .filter(|candidate| candidate.subject() == current.issuer() && !path.contains(candidate))
            .collect();
        // A key identifier is a hint only (RFC 5280 §4.2.1.1): fitting ones first, contradicting ones last.
        candidates.sort_by_key(|candidate| match (current.authority_key_id(), candidate.subject_key_id()) {
            (Some(wanted), Some(found)) if wanted == found => 0,
            (Some(_), Some(_)) => 2,
            _ => 1,
        });
        candidates.truncate(MAX_CANDIDATES);
        let mut refused = false;
        for candidate in candidates {
            if self.budget.exhausted {
                return None;
            }
            if !self.budget.signed_by(&current, candidate) {
                refused = true;
                continue;
            }
            path.push(candidate.clone());
            let found = self.extend(path);
            path.pop();
            if found.is_some() {
                return found;
            }
        }
        if refused && !self.budget.exhausted {
            self.note(PathFailure::BadSignature { subject: current.subject().to_string() });
        }
        None
    }

    fn complete(&mut self, path: &[Certificate]) -> Option<VerifiedPath> {
        let outcome = check::check(path, self.request)
            .and_then(|()| revocation::check(path, self.request, &mut self.budget));
        match outcome {
            Ok(evidence) => Some(VerifiedPath { certificates: path.to_vec(), evidence }),
            Err(failure) => {
                self.note(failure);
                None
            }
        }
    }

    fn note(&mut self, failure: PathFailure) {
        if self.best.as_ref().is_none_or(|best| failure.rank() > best.rank()) {
            self.best = Some(failure);
        }
    }
}

/// Issuers tried per certificate; a few dozen cross-certificates exist in the worst real PKIs.
const MAX_CANDIDATES: usize = 32;

/// Real searches take fewer than ten.
const MAX_STEPS: u32 = 2048;
