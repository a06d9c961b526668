//! Revocation for each certificate of a path below its anchor, from whatever evidence is at hand.
//!
//! That a certificate was revoked outweighs that nothing is known about another one: every certificate of the path is asked
//! for before the verdict. The evidence itself is judged by `crls` and `responses`.

use super::{Anchor, PathFailure, Request, RevocationPolicy, TrustAnchors, build::Budget, crls, responses};
use crate::{
    certificate::Certificate,
    crl::{Crl, Reason, Revoked},
    ocsp::BasicResponse,
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
pub(crate) enum Status {
    /// Evidence of that time says that it was not revoked.
    Good(Source),
    /// It was, or it was on hold.
    Revoked(Revoked, Source),
    /// Nothing usable.
    Unknown {
        /// What was lacking.
        why: &'static str,
        /// Authentic evidence that does not say it was revoked and is only too old.
        stale: Option<Source>,
    },
}

impl Status {
    pub(super) const fn unknown(why: &'static str) -> Self {
        Self::Unknown { why, stale: None }
    }
}

/// The evidence a status comes from; its signature held.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) by: By,
    /// thisUpdate of what it says.
    pub(crate) this_update: i64,
    /// nextUpdate, or until when an answer without one counts.
    pub(crate) next_update: Option<i64>,
    /// Whoever signed it.
    pub(crate) signer: Certificate,
}

/// A piece of evidence.
#[derive(Clone)]
pub(crate) enum By {
    Crl(Crl),
    Ocsp(BasicResponse),
}

/// Which evidence may be looked at; `None` leaves nothing out.
pub(crate) type Admit<'a> = Option<&'a dyn Fn(&By) -> bool>;

/// What evidence is judged with.
pub(super) struct Context<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) budget: &'a mut Budget,
    /// The path, end certificate first, and its anchor.
    pub(super) path: &'a [Certificate],
    pub(super) anchor: &'a Anchor,
    /// Signers of evidence whose own status is being asked for: what they sign about themselves counts.
    pub(super) asked: &'a [Certificate],
    pub(super) admit: Admit<'a>,
    /// Whether signers of evidence need only have been valid when they made it (EN 319 102-1 §5.6.2.2.4, step 2 a).
    pub(super) past: bool,
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
        if is_exempt(certificate) {
            evidence.push(Evidence::NotApplicable);
            continue;
        }
        let mut context =
            Context { request, budget: &mut *budget, path, anchor, asked, admit: None, past: false };
        match status(certificate, issuer, &mut context) {
            Status::Good(Source { by: By::Crl(_), this_update, .. }) => {
                evidence.push(Evidence::Good { this_update });
            }
            Status::Good(Source { by: By::Ocsp(_), this_update, .. }) => {
                evidence.push(Evidence::Answered { this_update });
            }
            Status::Revoked(Revoked { time, reason }, _) => {
                return Err(PathFailure::Revoked { subject: subject(), ca: index > 0, time, reason });
            }
            // What was not looked at for want of budget might have revoked it: no policy lets that pass.
            Status::Unknown { .. } if budget.exhausted => {
                return Err(PathFailure::Budget { budget: request.policy.signature_budget });
            }
            Status::Unknown { why, .. } => {
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

/// Whether it says itself that no evidence exists.
pub(super) fn is_exempt(certificate: &Certificate) -> bool {
    certificate.has_no_rev_avail() && !certificate.is_ca()
}

/// What answers and lists together say.
pub(super) fn status(certificate: &Certificate, issuer: &Certificate, context: &mut Context<'_>) -> Status {
    let answered = responses::status(certificate, issuer, context);
    match answered {
        Some(revoked) if is_final(&revoked) => revoked,
        Some(answered) => together(answered, crls::status(certificate, issuer, context)),
        None => crls::status(certificate, issuer, context),
    }
}

/// A hold may be released (RFC 5280 §5.3.1), which only what was said later can tell: whoever signs while on hold would
/// otherwise bring along a response of before. Revocation proper is for good.
fn together(answered: Status, listed: Status) -> Status {
    match (answered, listed) {
        (_, listed) if is_final(&listed) => listed,
        (Status::Revoked(hold, from), Status::Good(good))
        | (Status::Good(good), Status::Revoked(hold, from)) => {
            if good.this_update > from.this_update {
                Status::Good(good)
            } else {
                Status::Revoked(hold, from)
            }
        }
        (_, held @ Status::Revoked(..)) | (held @ Status::Revoked(..), _) => held,
        (good @ Status::Good(_), _) | (_, good @ Status::Good(_)) => good,
        (unknown @ Status::Unknown { stale: Some(_), .. }, Status::Unknown { stale: None, .. }) => unknown,
        (Status::Unknown { why, .. }, Status::Unknown { stale, .. }) => Status::Unknown { why, stale },
    }
}

/// Revoked, and not on hold.
pub(super) fn is_final(status: &Status) -> bool {
    matches!(status, Status::Revoked(revoked, _) if revoked.reason != Some(Reason::CertificateHold))
}

impl Context<'_> {
    pub(super) fn admits(&self, by: impl FnOnce() -> By) -> bool {
        self.admit.is_none_or(|admit| admit(&by()))
    }

    /// Whether a signer of evidence that was made at a time may be believed: it is on the path itself, or has a path of its
    /// own to the same anchor (RFC 5280 §6.3.3 (f)).
    pub(super) fn trusts(&mut self, signer: &Certificate, made_at: i64) -> bool {
        if self.path.contains(signer) || self.asked.contains(signer) {
            return true;
        }
        if self.asked.len() >= MAX_NESTING {
            return false;
        }
        let at = if self.past { made_at } else { self.request.at };
        let key = (*signer.sha256_fingerprint(), *self.anchor.certificate().sha256_fingerprint(), at);
        if let Some(known) = self.budget.signers.get(&key) {
            return *known;
        }
        let anchors = TrustAnchors::constrained(vec![self.anchor.clone()]);
        let policy = super::Policy { revocation: self.request.policy.ca_revocation, ..self.request.policy };
        let request = Request {
            untrusted: self.request.untrusted,
            crls: self.request.crls,
            ocsp: self.request.ocsp,
            policy,
            ..Request::new(signer, &anchors, at)
        };
        let asked = [self.asked, std::slice::from_ref(signer)].concat();
        let holds = super::build::search_within(&request, self.budget, &asked).is_ok();
        self.budget.signers.insert(key, holds);
        holds
    }
}

/// A CRL's signer whose own CRL has another signer, whose own …: nobody goes further.
const MAX_NESTING: usize = 3;
