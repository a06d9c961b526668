//! Revocation by CRL (RFC 5280 §6.3.3) for each certificate of a path below its anchor.
//!
//! A list is evidence only when it comes from the certificate's issuer, is signed by that very key, covers the
//! certificate by its scope, and was current. A revocation entry counts even from a stale list; its absence does not.

use super::{PathFailure, Request, RevocationPolicy, build::Budget};
use crate::{
    certificate::Certificate,
    crl::{Crl, Reason, Revoked},
    extensions::KeyUsage,
};

/// What is known about one certificate's revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A current list from its issuer does not list it (or only from a later time on).
    Good {
        /// The list's thisUpdate.
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

pub(super) fn check(
    path: &[Certificate],
    request: &Request<'_>,
    budget: &mut Budget,
) -> Result<Vec<Evidence>, PathFailure> {
    let mut evidence = Vec::with_capacity(path.len());
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
        match status(certificate, issuer, request, budget) {
            Status::Good { this_update } => evidence.push(Evidence::Good { this_update }),
            Status::Revoked(Revoked { time, reason }) => {
                return Err(PathFailure::Revoked { subject: subject(), ca: index > 0, time, reason });
            }
            Status::Unknown(why) if policy == RevocationPolicy::Required => {
                return Err(PathFailure::NoRevocationEvidence { subject: subject(), why });
            }
            Status::Unknown(why) => evidence.push(Evidence::None { why }),
        }
    }
    evidence.reverse();
    Ok(evidence)
}

enum Status {
    Good { this_update: i64 },
    Revoked(Revoked),
    Unknown(&'static str),
}

fn status(
    certificate: &Certificate,
    issuer: &Certificate,
    request: &Request<'_>,
    budget: &mut Budget,
) -> Status {
    let mut good: Option<i64> = None;
    let mut why = "no CRL of its issuer";
    if issuer.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::CRL_SIGN)) {
        return Status::Unknown("its issuer may not sign CRLs");
    }
    for crl in request.crls.iter().filter(|crl| crl.issuer() == certificate.issuer()) {
        if let Err(reason) = covers(crl, certificate) {
            why = reason;
            continue;
        }
        if !budget.spend(|| crl.verify_signature(issuer.spki())) {
            why = if budget.exhausted { "signature budget spent" } else { "CRL signature does not verify" };
            continue;
        }
        match crl.lookup(certificate.serial()) {
            Some(revoked) if revoked.reason == Some(Reason::RemoveFromCrl) => {}
            Some(revoked) if revoked.time <= request.at => return Status::Revoked(revoked),
            _ => {}
        }
        if crl.next_update().is_none_or(|next| next < request.at) {
            why = "CRL is out of date";
        } else if crl.scope().some_reasons {
            why = "CRL covers only some reasons";
        } else if crl.this_update() > certificate.not_after() {
            // Expired certificates may have left the list (RFC 5280 §3.3).
            why = "CRL was issued after the certificate expired";
        } else if good.is_none_or(|best| crl.this_update() > best) {
            good = Some(crl.this_update());
        }
    }
    good.map_or(Status::Unknown(why), |this_update| Status::Good { this_update })
}

/// RFC 5280 §6.3.3 (b): whether the list speaks of this certificate at all.
fn covers(crl: &Crl, certificate: &Certificate) -> Result<(), &'static str> {
    let scope = crl.scope();
    if crl.is_delta() {
        return Err("only a delta CRL");
    }
    if !crl.unprocessed_critical_extensions().is_empty() {
        return Err("CRL has an unknown critical extension");
    }
    if scope.indirect || scope.only_attribute {
        return Err("CRL is of an unsupported kind");
    }
    if (scope.only_user && certificate.is_ca()) || (scope.only_ca && !certificate.is_ca()) {
        return Err("CRL does not cover this kind of certificate");
    }
    if let Some(points) = &scope.distribution_points
        && !certificate.crl_distribution_points().iter().any(|point| points.contains(point))
    {
        return Err("CRL is for another distribution point");
    }
    Ok(())
}
