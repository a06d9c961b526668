//! Revocation for each certificate of a path below its anchor, from whatever evidence is at hand.
//!
//! That a certificate was revoked outweighs that nothing is known about another one: every certificate of the path is asked
//! for before the verdict. The evidence itself is judged by `crls` and `responses`.

use super::{Anchor, PathFailure, Request, RevocationPolicy, TrustAnchors, build::Budget, crls, responses};
use crate::{
    certificate::Certificate,
    crl::{Reason, Revoked},
};

/// What is known about one certificate's revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A current list from its issuer does not list it (or only from a later time on).
    Good {
        /// The list's thisUpdate.
        this_update: i64,
    },
    /// A current OCSP response says so.
    Answered {
        /// The answer's thisUpdate.
        this_update: i64,
    },
    /// It says itself that none exists (RFC 9608, RFC 6960 §4.2.2.2.1).
    NotApplicable,
    /// Nothing usable, and the policy lets it pass.
    None {
        /// What was lacking.
        why: &'static str,
    },
    /// The policy does not ask.
    Waived,
}

/// One certificate's status.
pub(super) enum Status {
    Good { this_update: i64 },
    Revoked(Revoked),
    Unknown(&'static str),
}

/// What evidence is judged with.
pub(super) struct Context<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) budget: &'a mut Budget,
    /// The path, end certificate first, and its anchor.
    pub(super) path: &'a [Certificate],
    pub(super) anchor: &'a Anchor,
    /// Signers of evidence whose own status is being asked for: what they sign about themselves counts.
    pub(super) asked: &'a [Certificate],
}

pub(super) fn check(
    path: &[Certificate],
    anchor: &Anchor,
    request: &Request<'_>,
    budget: &mut Budget,
    asked: &[Certificate],
) -> Result<Vec<Evidence>, PathFailure> {
    let mut evidence = Vec::with_capacity(path.len());
    let mut missing = None;
    // From the anchor down, since a revoked CA makes its own lists worthless.
    for (index, (certificate, issuer)) in path.iter().zip(path.iter().skip(1)).enumerate().rev() {
        let policy = if index == 0 { request.policy.revocation } else { request.policy.ca_revocation };
        let subject = || certificate.subject().to_string();
        if policy == RevocationPolicy::Waived {
            evidence.push(Evidence::Waived);
            continue;
        }
        if certificate.has_no_rev_avail() && !certificate.is_ca() {
            evidence.push(Evidence::NotApplicable);
            continue;
        }
        let mut context = Context { request, budget: &mut *budget, path, anchor, asked };
        let answered = responses::status(certificate, issuer, &mut context);
        let listed = match answered {
            Some(Status::Revoked(_)) => Status::Unknown(""),
            _ => crls::status(certificate, issuer, &mut context),
        };
        let status = match (answered, listed) {
            (Some(Status::Revoked(revoked)), _) => Status::Revoked(revoked),
            // A hold may have been released since the list was made.
            (Some(Status::Good { this_update }), listed) if !is_final(&listed) => {
                evidence.push(Evidence::Answered { this_update });
                continue;
            }
            (Some(Status::Unknown(why)), Status::Unknown(_)) => Status::Unknown(why),
            (_, listed) => listed,
        };
        match status {
            Status::Good { this_update } => evidence.push(Evidence::Good { this_update }),
            Status::Revoked(Revoked { time, reason }) => {
                return Err(PathFailure::Revoked { subject: subject(), ca: index > 0, time, reason });
            }
            // What was not looked at for want of budget might have revoked it: no policy lets that pass.
            Status::Unknown(_) if budget.exhausted => {
                return Err(PathFailure::Budget { budget: request.policy.signature_budget });
            }
            Status::Unknown(why) => {
                if policy == RevocationPolicy::Required && missing.is_none() {
                    missing = Some(PathFailure::NoRevocationEvidence { subject: subject(), why });
                }
                evidence.push(Evidence::None { why });
            }
        }
    }
    evidence.reverse();
    missing.map_or(Ok(evidence), Err)
}

fn is_final(listed: &Status) -> bool {
    matches!(listed, Status::Revoked(revoked) if revoked.reason != Some(Reason::CertificateHold))
}

impl Context<'_> {
    /// Whether a signer of evidence may be believed: it is on the path itself, or has a path of its own to the same anchor
    /// (RFC 5280 §6.3.3 (f)).
    pub(super) fn trusts(&mut self, signer: &Certificate) -> bool {
        if self.path.contains(signer) || self.asked.contains(signer) {
            return true;
        }
        if self.asked.len() >= MAX_NESTING {
            return false;
        }
        if let Some(known) = self.budget.signers.get(signer.sha256_fingerprint()) {
            return *known;
        }
        let anchors = TrustAnchors::constrained(vec![self.anchor.clone()]);
        let policy = super::Policy { revocation: self.request.policy.ca_revocation, ..self.request.policy };
        let request = Request {
            untrusted: self.request.untrusted,
            crls: self.request.crls,
            ocsp: self.request.ocsp,
            policy,
            ..Request::new(signer, &anchors, self.request.at)
        };
        let asked = [self.asked, std::slice::from_ref(signer)].concat();
        let holds = super::build::search_within(&request, self.budget, &asked).is_ok();
        self.budget.signers.insert(*signer.sha256_fingerprint(), holds);
        holds
    }
}

/// A CRL's signer whose own CRL has another signer, whose own …: nobody goes further.
const MAX_NESTING: usize = 3;
