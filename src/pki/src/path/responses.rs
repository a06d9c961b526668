//! What OCSP responses say of a certificate (RFC 6960 §3.2), at a time that may be past.
//!
//! Who may sign a response is `ocsp`'s to judge; a delegated signer without id-pkix-ocsp-nocheck is itself looked up in
//! the CRLs at hand, and believed unless one of them revokes it (RFC 6960 §4.2.2.2.1 leaves that to local policy).

use super::{
    build::Outcome,
    crls,
    revocation::{Context, Status},
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
        let status = match authentic(response, issuer, context) {
            Ok(()) => judge(single, response, certificate, context),
            Err(why) => Status::Unknown(why),
        };
        match (&status, &said) {
            (Status::Revoked(_), _) => return Some(status),
            (Status::Good { this_update }, Some(Status::Good { this_update: best }))
                if this_update <= best => {}
            (Status::Good { .. }, _) | (_, None) => said = Some(status),
            _ => {}
        }
    }
    said
}

fn authentic(
    response: &BasicResponse,
    issuer: &Certificate,
    context: &mut Context<'_>,
) -> Result<(), &'static str> {
    let at = context.request.at.max(response.produced_at());
    let mut verified = Err(VerifyError::NoResponder);
    let outcome = context.budget.spend(|| {
        verified = response.verify(issuer, at);
        match &verified {
            Err(VerifyError::Signature(error)) => Err(error.clone()),
            Ok(_) | Err(_) => Ok::<(), SignatureError>(()),
        }
    });
    match (outcome, verified) {
        (Outcome::Spent, _) => Err("signature budget spent"),
        (_, Err(VerifyError::NoResponder)) => Err("the OCSP responder's certificate is not there"),
        (_, Err(VerifyError::NotAuthorised { reason })) => Err(reason),
        (_, Err(VerifyError::Critical { .. })) => Err("OCSP response has an unknown critical extension"),
        (_, Err(VerifyError::Signature(_))) => Err("OCSP signature does not verify"),
        (_, Ok(VerifiedBy::Issuer)) => Ok(()),
        (_, Ok(VerifiedBy::Delegate(responder))) => {
            if responder.has_no_rev_avail() {
                return Ok(());
            }
            match crls::status(&responder, issuer, context) {
                Status::Revoked(_) => Err("the OCSP responder is revoked"),
                _ => Ok(()),
            }
        }
    }
}

fn judge(
    single: &SingleResponse,
    response: &BasicResponse,
    certificate: &Certificate,
    context: &Context<'_>,
) -> Status {
    let request = context.request;
    let strict = !request.policy.later_evidence;
    let is_of_that_time = single.this_update <= request.at;
    let good = Status::Good { this_update: single.this_update };
    match single.status {
        ocsp::Status::Unknown => Status::Unknown("the OCSP responder does not know the certificate"),
        ocsp::Status::Revoked(revoked) if revoked.time <= request.at || (strict && is_of_that_time) => {
            Status::Revoked(revoked)
        }
        // Revoked later: good until then.
        ocsp::Status::Revoked(_) => good,
        ocsp::Status::Good => {
            let until = single.next_update.unwrap_or(response.produced_at().saturating_add(UNDATED));
            let cutoff = single.archive_cutoff.unwrap_or(i64::MAX);
            if until < request.at {
                Status::Unknown("OCSP response is out of date")
            } else if !is_of_that_time && strict {
                Status::Unknown("OCSP response was issued after the time in question")
            } else if single.this_update > certificate.not_after() && cutoff > certificate.not_after() {
                Status::Unknown("OCSP response was issued after the certificate expired")
            } else {
                good
            }
        }
    }
}

/// A response without nextUpdate says that newer information is always there (RFC 6960 §2.4): it counts for a day.
const UNDATED: i64 = 86_400;
