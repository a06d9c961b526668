//! The rules of RFC 5280 §6.1.3 to §6.1.5 for one complete path, revocation apart.

use der::asn1::ObjectIdentifier;

use super::{PathFailure, Request, names};
use crate::{certificate::Certificate, extensions::KeyUsage, oids};

/// What the end certificate was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Anything: no keyUsage or extendedKeyUsage is asked for.
    Any,
    /// A TLS client.
    ClientAuth,
    /// A TLS server.
    ServerAuth,
    /// A signature or seal on a document.
    DocumentSigning,
    /// A time-stamp token (RFC 3161 §2.3).
    TimeStamping,
    /// An OCSP response.
    OcspSigning,
}

pub(super) fn check(path: &[Certificate], request: &Request<'_>) -> Result<(), PathFailure> {
    let Some((leaf, issuers)) = path.split_first() else { return Ok(()) };
    for certificate in path {
        // The anchor's critical extensions too: what it asks for and we do not do is not to be relied on.
        if !certificate.unprocessed_critical_extensions().is_empty() {
            return Err(constraint(certificate, "unknown critical extension"));
        }
    }
    // pathLenConstraint counts the non-self-issued certificates between a CA and the end certificate.
    let mut between = 0_u32;
    for (index, issuer) in issuers.iter().enumerate() {
        let is_anchor = index + 1 == issuers.len();
        match issuer.basic_constraints() {
            Some(constraints) if constraints.ca => {
                if constraints.path_len.is_some_and(|limit| between > limit) {
                    return Err(constraint(issuer, "path length constraint exceeded"));
                }
            }
            // A version 1 root carries no extensions; it is trusted by decision, not by what it says.
            None if is_anchor => {}
            _ => return Err(constraint(issuer, "issuer is not a CA")),
        }
        if issuer.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN)) {
            return Err(constraint(issuer, "issuer may not sign certificates"));
        }
        if !is_anchor && !allows(issuer.extended_key_usages(), request.purpose) {
            return Err(constraint(issuer, "issuer is limited to other purposes"));
        }
        if let Some(constraints) = issuer.name_constraints() {
            for (below, certificate) in path.iter().take(index + 1).enumerate() {
                // RFC 5280 §6.1.3 (b), (c): self-issued certificates are exempt unless last.
                if below > 0 && certificate.is_self_issued() {
                    continue;
                }
                names::check(constraints, certificate).map_err(|rule| constraint(certificate, rule))?;
            }
        }
        if !issuer.is_self_issued() {
            between += 1;
        }
    }
    purpose(leaf, request.purpose)?;
    for certificate in path {
        let subject = || certificate.subject().to_string();
        if request.at > certificate.not_after() {
            return Err(PathFailure::Expired { subject: subject(), not_after: certificate.not_after() });
        }
        if request.at < certificate.not_before() {
            let proven = request.policy.existence_proven && certificate == leaf;
            return Err(PathFailure::NotYetValid {
                subject: subject(),
                not_before: certificate.not_before(),
                proven,
            });
        }
    }
    Ok(())
}

fn constraint(certificate: &Certificate, rule: &'static str) -> PathFailure {
    PathFailure::Constraint { subject: certificate.subject().to_string(), rule }
}

fn purpose(leaf: &Certificate, purpose: Purpose) -> Result<(), PathFailure> {
    let refuse = |rule| Err(PathFailure::Purpose { subject: leaf.subject().to_string(), rule });
    let signing = match purpose {
        Purpose::Any => return Ok(()),
        Purpose::ClientAuth | Purpose::ServerAuth => KeyUsage::DIGITAL_SIGNATURE,
        _ => KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::NON_REPUDIATION),
    };
    if leaf.key_usage().is_some_and(|usage| !usage.intersects(signing)) {
        return refuse("key usage does not allow it");
    }
    match purpose {
        Purpose::TimeStamping => {
            let alone = leaf.extended_key_usages() == Some(&[oids::TIME_STAMPING]);
            let critical = leaf.extension_criticality(oids::EXTENDED_KEY_USAGE) == Some(true);
            if !alone || !critical {
                return refuse("extended key usage must be time-stamping alone, critical");
            }
        }
        Purpose::OcspSigning
            if leaf.extended_key_usages().is_none_or(|uses| !uses.contains(&oids::OCSP_SIGNING)) =>
        {
            return refuse("extended key usage must include OCSP signing");
        }
        _ if !allows(leaf.extended_key_usages(), purpose) => {
            return refuse("extended key usage does not allow it");
        }
        _ => {}
    }
    Ok(())
}

fn allows(uses: Option<&[ObjectIdentifier]>, purpose: Purpose) -> bool {
    let wanted: &[ObjectIdentifier] = match purpose {
        Purpose::Any => return true,
        Purpose::ClientAuth => &[oids::CLIENT_AUTH],
        Purpose::ServerAuth => &[oids::SERVER_AUTH],
        Purpose::DocumentSigning => &[
            oids::DOCUMENT_SIGNING,
            oids::EMAIL_PROTECTION,
            oids::ADOBE_AUTHENTIC_DOCUMENTS,
            oids::MICROSOFT_DOCUMENT_SIGNING,
        ],
        Purpose::TimeStamping => &[oids::TIME_STAMPING],
        Purpose::OcspSigning => &[oids::OCSP_SIGNING],
    };
    uses.is_none_or(|uses| {
        uses.iter().any(|found| *found == oids::ANY_EXTENDED_KEY_USAGE || wanted.contains(found))
    })
}
