//! What no certificate of ours may get wrong, checked on the finished encoding before anything is signed.

use thiserror::Error;

use super::{IssueError, IssuerRef, Profile, assemble};
use crate::{
    certificate::Certificate,
    extensions::{GeneralName, KeyUsage},
    oids,
};

/// A to-be-signed certificate that passed every lint.
// INVARIANT: made only by `check`.
pub(super) struct Linted(Vec<u8>);

impl Linted {
    pub(super) fn tbs(&self) -> &[u8] {
        &self.0
    }
}

/// A rule the certificate would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormerLint {
    /// RFC 5280 §4.1.2.2.
    #[error("serial number is zero")]
    ZeroSerial,
    /// RFC 5280 §4.1.2.5.
    #[error("validity ends before it begins")]
    EmptyValidity,
    /// A certificate outliving its issuer cannot be validated to its end (RFC 5280 §6.1.3).
    #[error("validity is not inside the issuer's")]
    OutlivesIssuer,
    /// RFC 5280 §4.1.2.4, §4.1.2.6.
    #[error("subject is empty")]
    EmptySubject,
    /// RFC 5280 appendix A.1 upper bounds; X.520 for countryName.
    #[error("a subject attribute is empty, too long, or holds control characters")]
    SubjectAttribute,
    /// RFC 5280 §4.2.1.9, §4.2.1.3.
    #[error("issuer may not issue this certificate")]
    IssuerNotAllowed,
    /// RFC 5280 §4.2.1.1.
    #[error("authority key identifier is missing")]
    AuthorityKeyIdentifier,
    /// Clients are named by exactly one URI and nothing else.
    #[error("a client certificate needs exactly one URI as its only alternative name")]
    ClientName,
    /// RFC 9525 §2: servers are named by dNSName or iPAddress.
    #[error("a server certificate needs DNS names or addresses as alternative names")]
    ServerName,
    /// An IA5 name with other characters, spaces, or nothing in it (RFC 5280 §4.2.1.6).
    #[error("an alternative name is empty or not printable ASCII")]
    AlternativeName,
    /// Without it nobody could learn of a revocation.
    #[error("CRL distribution point is missing")]
    NoCrlDistributionPoint,
    /// Plain http only: fetching revocation over https would itself need revocation (RFC 5280 §8).
    #[error("a CRL, OCSP or issuer URI is not an http URI")]
    Uri,
}

pub(super) fn check(
    tbs: Vec<u8>,
    algorithm: &[u8],
    profile: Profile,
    issuer: IssuerRef<'_>,
) -> Result<Linted, IssueError> {
    // The strict parser is the first lint: structure, lengths, duplicate extensions, IA5 strings.
    let certificate = Certificate::from_der(&assemble(&tbs, algorithm, &[0; 8]))?;
    let mut lints = Vec::new();
    let mut rule = |broken: bool, lint: FormerLint| {
        if broken {
            lints.push(lint);
        }
    };
    rule(certificate.serial().iter().all(|byte| *byte == 0), FormerLint::ZeroSerial);
    rule(certificate.not_before() > certificate.not_after(), FormerLint::EmptyValidity);
    rule(certificate.subject().is_empty(), FormerLint::EmptySubject);
    let attributes = certificate.subject().attributes();
    rule(!attributes.iter().all(|(kind, value)| attribute_fits(*kind, value)), FormerLint::SubjectAttribute);
    match issuer {
        IssuerRef::SelfSigned => rule(profile != Profile::RootCa, FormerLint::IssuerNotAllowed),
        IssuerRef::Ca(ca) => {
            rule(!issuer_may(ca, profile), FormerLint::IssuerNotAllowed);
            rule(certificate.authority_key_id().is_none(), FormerLint::AuthorityKeyIdentifier);
            let inside =
                certificate.not_before() >= ca.not_before() && certificate.not_after() <= ca.not_after();
            rule(!inside, FormerLint::OutlivesIssuer);
            // Delegated responders carry ocsp-nocheck instead (RFC 6960 §4.2.2.2.1).
            let pointless =
                certificate.crl_distribution_points().is_empty() && !certificate.has_no_rev_avail();
            rule(pointless, FormerLint::NoCrlDistributionPoint);
        }
    }
    let names = certificate.subject_alt_names();
    match profile {
        Profile::MachineClient | Profile::OfficerClient => {
            rule(!matches!(names, [GeneralName::Uri(_)]), FormerLint::ClientName);
        }
        Profile::TlsServer => {
            let server = |name: &GeneralName| matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_));
            rule(names.is_empty() || !names.iter().all(server), FormerLint::ServerName);
        }
        _ => {}
    }
    rule(!names.iter().all(name_fits), FormerLint::AlternativeName);
    let points = certificate.crl_distribution_points().iter();
    let mut uris = points.chain(certificate.ocsp_uris()).chain(certificate.ca_issuer_uris());
    rule(!uris.all(|uri| is_graphic(uri) && uri.starts_with("http://")), FormerLint::Uri);
    if lints.is_empty() { Ok(Linted(tbs)) } else { Err(IssueError::Former { lints }) }
}

fn issuer_may(ca: &Certificate, profile: Profile) -> bool {
    let signs = ca.key_usage().is_none_or(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    let room = match ca.basic_constraints() {
        Some(constraints) if constraints.ca => !profile.is_ca() || constraints.path_len != Some(0),
        _ => false,
    };
    signs && room && profile != Profile::RootCa
}

fn attribute_fits(kind: der::asn1::ObjectIdentifier, value: &str) -> bool {
    let length = value.chars().count();
    let bound = match kind {
        oids::C => return length == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase()),
        oids::L | oids::ST => 128,
        oids::CN | oids::O | oids::OU | oids::SERIAL_NUMBER | oids::TITLE => 64,
        _ => 256,
    };
    (1..=bound).contains(&length) && !value.chars().any(char::is_control)
}

fn name_fits(name: &GeneralName) -> bool {
    match name {
        GeneralName::Email(text) | GeneralName::Dns(text) | GeneralName::Uri(text) => is_graphic(text),
        GeneralName::Ip(octets) => matches!(octets.len(), 4 | 16),
        _ => true,
    }
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
