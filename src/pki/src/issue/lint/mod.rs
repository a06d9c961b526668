//! What no certificate of ours may get wrong, read from the finished encoding before the issuer's key signs it.
//!
//! Nothing here knows how the certificate was put together: its octets are parsed anew, and judged by RFC 5280
//! (`rfc5280`) and by the profile (`profile`). What the strict parser refuses outright (`certificate`: serials of more
//! than 20 octets, duplicate extensions, differing algorithm identifiers, text that is not IA5) never gets here.

#[cfg(test)]
mod parts;
mod profile;
mod raw;
mod rfc5280;
#[cfg(test)]
mod tests;

use thiserror::Error;

use super::IssuerRef;
use crate::{certificate::Certificate, profile::Profile};

/// A rule that a certificate breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{lint}{}{detail}", if detail.is_empty() { "" } else { ": " })]
pub struct Finding {
    /// The rule.
    pub lint: Lint,
    /// What was found; empty when the rule says it all.
    pub detail: String,
}

/// The rules, each with the section that makes it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum Lint {
    /// RFC 5280 §4.1.2.1: extensions mean version 3.
    #[error("version is not 3")]
    Version,
    /// RFC 5280 §4.1.2.2: positive; at least 64 bits, so that a chosen prefix cannot be hoped for.
    #[error("serial number is zero or shorter than eight octets")]
    Serial,
    /// RFC 5280 §4.1.1.2: an algorithm that the issuer's key can sign by, in its one encoding.
    #[error("signature algorithm is not the issuer's key's")]
    SignatureAlgorithm,
    /// RFC 5280 §4.1.2.4: byte for byte the issuer's subject.
    #[error("issuer is not the issuing certificate's subject")]
    IssuerName,
    /// RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after, seconds, `Z`.
    #[error("validity is not in the form its years ask for")]
    ValidityEncoding,
    /// RFC 5280 §4.1.2.5.
    #[error("validity ends before it begins")]
    ValidityOrder,
    /// A certificate that outlives its issuer cannot be validated to its end (RFC 5280 §6.1.3).
    #[error("validity is not inside the issuer's")]
    OutlivesIssuer,
    /// RFC 5280 §4.1.2.6: empty only with a critical subjectAltName, and never a CA's.
    #[error("subject is empty")]
    EmptySubject,
    /// RFC 5280 §4.1.2.4, appendix A.1; X.520: type, length, string type and characters of each attribute.
    #[error("subject attribute is not fit for a certificate")]
    SubjectAttribute,
    /// RFC 5280 §4.1.2.4 allows more than one attribute in one relative name; nobody compares them alike.
    #[error("subject has a relative name of several attributes, or one attribute twice")]
    SubjectShape,
    /// RFC 5280 §4.1.2.7, with `key`'s judgement.
    #[error("subject public key is not fit for a certificate")]
    SubjectKey,
    /// RFC 5280 §4.1.2.8: unique identifiers must not be written.
    #[error("issuer or subject unique identifier is present")]
    UniqueIdentifier,
    /// RFC 5280 §4.2: which extensions are critical.
    #[error("extension is critical and must not be, or the other way round")]
    Criticality,
    /// X.690 §11.5, which RFC 5280 §4.1 asks for by DER: a default value is not written.
    #[error("a default value is written")]
    DefaultWritten,
    /// An extension that no certificate of ours has.
    #[error("extension has no place in a certificate")]
    UnknownExtension,
    /// RFC 5280 §4.2.1.1: present, by key identifier alone, the issuer's; absent or its own in a self-signed one.
    #[error("authority key identifier is not the issuer's")]
    AuthorityKeyIdentifier,
    /// RFC 5280 §4.2.1.2, RFC 7093 §2: derived from the key.
    #[error("subject key identifier is not the key's")]
    SubjectKeyIdentifier,
    /// RFC 5280 §4.2.1.3: present, at least one bit, none that the key cannot do.
    #[error("key usage does not fit")]
    KeyUsage,
    /// RFC 5280 §4.2.1.4: no policy twice, the any-policy alone, CPS pointers as web addresses.
    #[error("certificate policies do not fit")]
    Policies,
    /// RFC 5280 §4.2.1.6: not empty, each name of its form's syntax, none twice.
    #[error("subject alternative name does not fit")]
    AlternativeName,
    /// RFC 9525 §2: a server's common name, where it looks like a host, is one of its alternative names.
    #[error("common name is a host that is not among the alternative names")]
    CommonNameHost,
    /// RFC 5280 §4.2.1.9: with keyCertSign and only then; path length only for a CA.
    #[error("basic constraints do not fit")]
    BasicConstraints,
    /// RFC 5280 §4.2.1.10: only in a CA's certificate, never empty, bases of their form's syntax.
    #[error("name constraints do not fit")]
    NameConstraints,
    /// RFC 5280 §4.2.1.12, RFC 3161 §2.3: none twice, never empty, time-stamping alone and critical.
    #[error("extended key usage does not fit")]
    ExtendedKeyUsage,
    /// RFC 5280 §4.2.1.13: a full name with one http URI, neither reasons nor another issuer.
    #[error("CRL distribution point does not fit")]
    CrlDistributionPoint,
    /// RFC 5280 §4.2.1.15: where deltas are is said by the CRL, not by the certificate.
    #[error("freshest CRL is present")]
    FreshestCrl,
    /// RFC 5280 §4.2.2.1: OCSP and CA issuers by http URIs. Over https, fetching would itself need revocation (§8).
    #[error("authority information access does not fit")]
    InformationAccess,
    /// RFC 6960 §4.2.2.2.1, RFC 9608 §4: what says that nothing is to be asked stands with nothing to ask.
    #[error("revocation information and its absence contradict")]
    NoRevocation,
    /// RFC 5280 §4.2.1.9, §4.2.1.3, §6.1.4: the issuer is a CA that may issue this, here.
    #[error("issuer may not issue this certificate")]
    IssuerNotAllowed,
    /// RFC 5280 §6.1.3 (b), (c): no name would be found valid outside the issuer's name constraints.
    #[error("a name is outside the issuer's name constraints")]
    OutsideConstraints,
    /// RFC 5280 §4.2.1.4, §6.1.3 (d): under no policy that the issuer is not entitled to.
    #[error("a policy is not the issuer's")]
    OutsidePolicies,
    /// The key is one the profile takes.
    #[error("public key is not the profile's")]
    ProfileKey,
    /// Not longer than the profile gives.
    #[error("validity is longer than the profile's")]
    ProfileValidity,
    /// Attributes, their order, and the fixed ones' values.
    #[error("subject is not the profile's")]
    ProfileSubject,
    /// Kinds and numbers of alternative names.
    #[error("alternative names are not the profile's")]
    ProfileNames,
    /// Exactly the profile's bits.
    #[error("key usage is not the profile's")]
    ProfileKeyUsage,
    /// Exactly the profile's purposes.
    #[error("extended key usage is not the profile's")]
    ProfilePurposes,
    /// CA or not, path length, name constraints.
    #[error("authority is not the profile's")]
    ProfileAuthority,
    /// Exactly the profile's policies.
    #[error("certificate policies are not the profile's")]
    ProfilePolicies,
    /// Where to ask: exactly what the profile says.
    #[error("revocation and access information are not the profile's")]
    ProfileRevocation,
    /// A self-signed profile signs itself, and no other does.
    #[error("issuer is not the profile's")]
    ProfileIssuer,
}

/// Examines a finished certificate; the signature is not looked at. Nothing found: it may be signed.
#[must_use]
pub fn lint(certificate: &Certificate, profile: &Profile, issuer: IssuerRef<'_>) -> Vec<Finding> {
    let mut report = Report::default();
    match raw::Raw::read(certificate) {
        Ok(raw) => {
            rfc5280::check(certificate, &raw, issuer, profile.names().wildcards, &mut report);
            self::profile::check(certificate, &raw, profile, issuer, &mut report);
        }
        // The parser took it, so this is unreachable; were it not, nothing is signed.
        Err(error) => report.say(Lint::Version, error.to_string()),
    }
    report.findings
}

/// What was found so far.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn say(&mut self, lint: Lint, detail: impl Into<String>) {
        self.findings.push(Finding { lint, detail: detail.into() });
    }

    /// Says it unless `holds`.
    fn expect(&mut self, holds: bool, lint: Lint, detail: impl FnOnce() -> String) {
        if !holds {
            self.say(lint, detail());
        }
    }
}
