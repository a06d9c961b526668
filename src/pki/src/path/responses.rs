//! What OCSP responses say of a certificate (RFC 6960 §3.2), at a time that may be past.
//!
//! Who may sign a response is `ocsp`'s to judge; a delegated signer without id-pkix-ocsp-nocheck is itself looked up in
//! the CRLs at hand, and believed unless one of them revokes it (RFC 6960 §4.2.2.2.1 leaves that to local policy).

use super::{
    build::{Budget, Outcome},
    crls,
    revocation::{By, Context, Source, Status, is_final},
};
use crate::{
    certificate::{Certificate, SignatureError},
    ocsp::{self, BasicResponse, SingleResponse, VerifiedBy, VerifyError},
};

/// `None`: no response speaks of this certificate.
pub(super) fn status(
    certificate: &Certificate,
    issuer: &Certificate,
    context: &mut Context<'_>,
) -> Option<Status> {
    let request = context.request;
    let mut said: Option<Status> = None;
    for response in request.ocsp {
        let Some(single) = response.about(certificate, issuer) else { continue };
        if !context.admits(|| By::Ocsp(response.clone())) {
            continue;
        }
        let status = match authentic(response, issuer, context) {
            Ok(signer) => judge(single, response, certificate, context, signer),
            Err(why) => Status::unknown(why),
        };
        if is_final(&status) {
            return Some(status);
        }
        if said.as_ref().is_none_or(|said| outweighs(&status, said)) {
            said = Some(status);
        }
    }
    said
}

/// Whether what one response says counts rather than what another says, neither being that it was revoked for good. What was
/// said last tells whether a certificate is still on hold (RFC 5280 §5.3.1); of two at one time, that it is.
fn outweighs(status: &Status, other: &Status) -> bool {
    match (status, other) {
        (Status::Revoked(_, hold), Status::Good(good)) => hold.this_update >= good.this_update,
        (Status::Good(source), Status::Good(best) | Status::Revoked(_, best))
        | (Status::Revoked(_, source), Status::Revoked(_, best)) => source.this_update > best.this_update,
        (Status::Good(_) | Status::Revoked(..), Status::Unknown { .. }) => true,
        (Status::Unknown { stale: Some(source), .. }, Status::Unknown { stale, .. }) => {
            stale.as_ref().is_none_or(|best| source.this_update > best.this_update)
        }
        (Status::Unknown { .. }, _) => false,
    }
}

/// Answers with whoever signed it.
fn authentic(
    response: &BasicResponse,
    issuer: &Certificate,
    context: &mut Context<'_>,
) -> Result<Certificate, &'static str> {
    let produced = response.produced_at();
    let at = if context.past { produced } else { context.request.at.max(produced) };
    let verified = context
        .budget
        .response_signed_for(response, issuer, at, |budget| verify(response, issuer, at, budget))?;
    match verified {
        VerifiedBy::Issuer => Ok(issuer.clone()),
        VerifiedBy::Delegate(responder) if responder.has_no_rev_avail() => Ok(responder),
        VerifiedBy::Delegate(responder) => match crls::status(&responder, issuer, context) {
            Status::Revoked(..) => Err("the OCSP responder is revoked"),
            _ => Ok(responder),
        },
    }
}

fn verify(
    response: &BasicResponse,
    issuer: &Certificate,
    at: i64,
    budget: &mut Budget,
) -> Result<VerifiedBy, &'static str> {
    let mut verified = Err(VerifyError::NoResponder);
    let outcome = budget.spend(|| {
        verified = response.verify(issuer, at);
        match &verified {
            Err(VerifyError::Signature(error)) => Err(error.clone()),
            Ok(_) | Err(_) => Ok::<(), SignatureError>(()),
        }
    });
    match (outcome, verified) {
        (Outcome::Spent, _) => Err("signature budget spent"),
        (_, Ok(by)) => Ok(by),
        (_, Err(VerifyError::NoResponder)) => Err("the OCSP responder's certificate is not there"),
        (_, Err(VerifyError::NotAuthorised { reason })) => Err(reason),
        (_, Err(VerifyError::Critical { .. })) => Err("OCSP response has an unknown critical extension"),
        (_, Err(VerifyError::Signature(_))) => Err("OCSP signature does not verify"),
    }
}

fn judge(
    single: &SingleResponse,
    response: &BasicResponse,
    certificate: &Certificate,
    context: &Context<'_>,
    signer: Certificate,
) -> Status {
    let request = context.request;
    let strict = !request.policy.later_evidence;
    let is_of_that_time = single.this_update <= request.at;
    let until = single.next_update.unwrap_or(response.produced_at().saturating_add(UNDATED));
    let source = Source {
        by: By::Ocsp(response.clone()),
        this_update: single.this_update,
        next_update: Some(until),
        signer,
    };
    match single.status {
        ocsp::Status::Unknown => Status::unknown("the OCSP responder does not know the certificate"),
        ocsp::Status::Revoked(revoked) if revoked.time <= request.at || (strict && is_of_that_time) => {
            Status::Revoked(revoked, source)
        }
        // Revoked later: good until then.
        ocsp::Status::Revoked(_) => Status::Good(source),
        ocsp::Status::Good => {
            let cutoff = single.archive_cutoff.unwrap_or(i64::MAX);
            if single.this_update > certificate.not_after() && cutoff > certificate.not_after() {
                Status::unknown("OCSP response was issued after the certificate expired")
            } else if until < request.at {
                Status::Unknown { why: "OCSP response is out of date", stale: Some(source) }
            } else if !is_of_that_time && strict {
                Status::unknown("OCSP response was issued after the time in question")
            } else {
                Status::Good(source)
            }
        }
    }
}

/// A response without nextUpdate says that newer information is always there (RFC 6960 §2.4): it counts for a day.
const UNDATED: i64 = 86_400;
