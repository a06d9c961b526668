//! The rules of RFC 5280 §6.1.3 to §6.1.5 for one complete path, revocation apart.
//!
//! Beyond §6.1, certificates that contradict themselves are refused (§4.1 and §4.2 say what no CA may issue): name
//! constraints in an end entity's certificate, a CA without a name, a key that may sign certificates and is no CA's, an
//! identifier extension marked critical, an empty subject without a critical alternative name. Not refused is what §4.2 asks
//! of authorities, §6 not of readers, and honest authorities lack: key identifiers, basicConstraints and the constraints
//! being critical, serial numbers above zero.

use der::asn1::ObjectIdentifier;

use super::{
    Anchor, PathFailure, Request,
    names::{self, Work},
    policies,
};
use crate::{
    certificate::Certificate,
    extensions::KeyUsage,
    key::{KeyFault, PublicKey},
    oids,
};

/// Checks a path, end certificate first, that ends at `anchor`. Answers the policies it is valid for.
pub(super) fn check(
    path: &[Certificate],
    anchor: &Anchor,
    request: &Request<'_>,
    work: &mut Work,
) -> Result<Vec<ObjectIdentifier>, PathFailure> {
    let valid_policies = rules(path, anchor, request, work)?;
    anchor.is_trusted_at(request.at).map_err(|rule| constraint(anchor.certificate(), rule))?;
    for (index, certificate) in path.iter().enumerate() {
        validity(certificate, index == 0, request)?;
    }
    if let (Some(name), Some(leaf)) = (request.name, path.first())
        && !name.is_named_by(leaf)
    {
        return Err(PathFailure::Name { subject: leaf.subject().to_string(), wanted: name.to_string() });
    }
    Ok(valid_policies)
}

/// What holds or not whatever the time.
pub(super) fn rules(
    path: &[Certificate],
    anchor: &Anchor,
    request: &Request<'_>,
    work: &mut Work,
) -> Result<Vec<ObjectIdentifier>, PathFailure> {
    let Some((leaf, issuers)) = path.split_first() else { return Ok(Vec::new()) };
    for certificate in path {
        // The anchor's critical extensions too: what it asks for and we do not do is not to be relied on.
        if !certificate.unprocessed_critical_extensions().is_empty() {
            return Err(constraint(certificate, "unknown critical extension"));
        }
        if !issuers.is_empty() {
            consistent(certificate).map_err(|rule| constraint(certificate, rule))?;
            strong(certificate)?;
        }
    }
    // pathLenConstraint counts the non-self-issued certificates between a CA and the end certificate.
    let mut between = 0_u32;
    for (index, issuer) in issuers.iter().enumerate() {
        let is_anchor = index + 1 == issuers.len();
        issuer_rules(issuer, is_anchor, between).map_err(|rule| constraint(issuer, rule))?;
        if !is_anchor && !request.purpose.is_allowed_by(issuer.extended_key_usages()) {
            return Err(constraint(issuer, "issuer is limited to other purposes"));
        }
        let imposed = if is_anchor { anchor.constraints().names.as_ref() } else { None };
        for constraints in issuer.name_constraints().into_iter().chain(imposed) {
            for (below, certificate) in path.iter().take(index + 1).enumerate() {
                // RFC 5280 §6.1.3 (b), (c): self-issued certificates are exempt unless last.
                if below > 0 && certificate.is_self_issued() {
                    continue;
                }
                names::check(constraints, certificate, work).map_err(|rule| constraint(certificate, rule))?;
            }
        }
        if !issuer.is_self_issued() {
            between += 1;
        }
    }
    let listed = |certificate: &Certificate| {
        let extensions = certificate.extensions();
        extensions.policies.len() + extensions.policy_mappings.len()
    };
    let policies = path.iter().map(listed).sum::<usize>().saturating_mul(2);
    work.spend(policies).map_err(|rule| constraint(leaf, rule))?;
    let valid_policies = policy_rules(path, anchor, request)?;
    let refuse = |rule| PathFailure::Purpose { subject: leaf.subject().to_string(), rule };
    request.purpose.check(leaf).map_err(refuse)?;
    anchor.serves(request.purpose).map_err(|rule| constraint(anchor.certificate(), rule))?;
    Ok(valid_policies)
}

/// What no CA may issue (RFC 5280 §4.1, §4.2), whoever uses it.
fn consistent(certificate: &Certificate) -> Result<(), &'static str> {
    for id in [oids::AUTHORITY_KEY_IDENTIFIER, oids::SUBJECT_KEY_IDENTIFIER, oids::AUTHORITY_INFO_ACCESS] {
        if certificate.extension_criticality(id) == Some(true) {
            return Err("an extension is critical that must not be");
        }
    }
    if certificate.issuer().is_empty() {
        return Err("issuer has no name");
    }
    if certificate.name_constraints().is_some_and(|own| own.permitted.is_empty() && own.excluded.is_empty()) {
        return Err("name constraints without a name");
    }
    if certificate.is_ca() {
        return if certificate.subject().is_empty() { Err("CA has no name") } else { Ok(()) };
    }
    if certificate.name_constraints().is_some() {
        return Err("name constraints in a certificate of no CA");
    }
    let signs = |usage: KeyUsage| usage.contains(KeyUsage::KEY_CERT_SIGN);
    if certificate.basic_constraints().is_some() && certificate.key_usage().is_some_and(signs) {
        return Err("key usage of a CA in a certificate of none");
    }
    if certificate.subject().is_empty()
        && certificate.extension_criticality(oids::SUBJECT_ALT_NAME) != Some(true)
    {
        return Err("certificate without a subject and without a critical alternative name");
    }
    Ok(())
}

/// A key that proves nothing in anybody's hands (TS 119 312 §6; NIST SP 800-57 §5.6: below 112 bits).
fn strong(certificate: &Certificate) -> Result<(), PathFailure> {
    let weak = match PublicKey::from_spki(certificate.spki()) {
        Err(KeyFault::Unsupported { oid }) if !WEAK_CURVES.contains(&oid) => return Ok(()),
        Err(fault @ (KeyFault::Unsupported { .. } | KeyFault::RsaModulusEven | KeyFault::SmallOrder)) => {
            fault
        }
        Err(fault @ KeyFault::RsaSize { bits }) if bits < 2048 => fault,
        // What is merely odd concerns whoever uses the key.
        _ => return Ok(()),
    };
    Err(PathFailure::Weak { subject: certificate.subject().to_string(), why: weak.to_string() })
}

fn issuer_rules(issuer: &Certificate, is_anchor: bool, between: u32) -> Result<(), &'static str> {
    match issuer.basic_constraints() {
        Some(constraints) if constraints.ca => {
            if constraints.path_len.is_some_and(|limit| between > limit) {
                return Err("path length constraint exceeded");
            }
        }
        // A version 1 root carries no extensions; it is trusted by decision, not by what it says.
        None if is_anchor && !issuer.has_extensions() => {}
        _ => return Err("issuer is not a CA"),
    }
    if issuer.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN)) {
        return Err("issuer may not sign certificates");
    }
    Ok(())
}

fn policy_rules(
    path: &[Certificate],
    anchor: &Anchor,
    request: &Request<'_>,
) -> Result<Vec<ObjectIdentifier>, PathFailure> {
    let below: Vec<&Certificate> = path.iter().rev().skip(1).collect();
    let mut inputs = request.policies;
    let of_anchor = &anchor.constraints().policies;
    let both: Vec<ObjectIdentifier>;
    if !of_anchor.is_empty() {
        // An anchor that is trusted for some policies only must be shown to be used under one of them.
        both = of_anchor
            .iter()
            .filter(|policy| inputs.acceptable.is_empty() || inputs.acceptable.contains(policy))
            .copied()
            .collect();
        if both.is_empty() {
            return Err(constraint(anchor.certificate(), "anchor is trusted for other policies only"));
        }
        inputs.acceptable = &both;
        inputs.require_explicit = true;
    }
    policies::process(&below, &inputs).map_err(|(index, rule)| PathFailure::Policy {
        subject: below.get(index).map(|certificate| certificate.subject().to_string()).unwrap_or_default(),
        rule,
    })
}

fn validity(certificate: &Certificate, is_leaf: bool, request: &Request<'_>) -> Result<(), PathFailure> {
    let subject = || certificate.subject().to_string();
    if request.at > certificate.not_after() {
        return Err(PathFailure::Expired { subject: subject(), not_after: certificate.not_after() });
    }
    if request.at < certificate.not_before() {
        let proven = request.policy.existence_proven && is_leaf;
        return Err(PathFailure::NotYetValid {
            subject: subject(),
            not_before: certificate.not_before(),
            proven,
        });
    }
    Ok(())
}

fn constraint(certificate: &Certificate, rule: &'static str) -> PathFailure {
    PathFailure::Constraint { subject: certificate.subject().to_string(), rule }
}

/// secp192r1, secp192k1, secp224r1, secp224k1.
const WEAK_CURVES: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.1"),
    ObjectIdentifier::new_unwrap("1.3.132.0.31"),
    ObjectIdentifier::new_unwrap("1.3.132.0.33"),
    ObjectIdentifier::new_unwrap("1.3.132.0.32"),
];
