//! Certificates of the hierarchy's keys, of the server and of the first people: computation alone.
//!
//! Names, validity and addresses come from the hierarchy and the plan, time and serials are handed in.

use std::net::IpAddr;

use crypto::Signer;
use pki::issue::{IssueError, IssuerRef, Profile, Template, issue, serial_from_random};
use pki::{Certificate, CertificateError, GeneralName, Subject};
use ring::rand::SecureRandom;

use super::hierarchy::{Key, Role};

/// Certificates begin this long before they are made, in seconds: clocks of peers may be a little behind.
pub const BACKDATE: i64 = 300;

/// What every certificate of one ceremony shares.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The organisation that runs the appliance.
    pub organisation: String,
    /// Base of CRL and CA addresses.
    pub public_url: String,
    /// Unix seconds.
    pub now: i64,
}

/// An authority that can sign.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    /// Its label in the hierarchy: names its CRL and its certificate's address.
    pub label: &'a str,
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// Its key.
    pub signer: &'a dyn Signer,
}

/// Why a certificate was not made.
#[derive(Debug, thiserror::Error)]
pub enum CertifyError {
    /// The issuer refused.
    #[error("certificate for `{name}`: {source}")]
    Issue {
        /// Whose.
        name: String,
        /// Why.
        source: IssueError,
    },
    /// What was issued does not read back.
    #[error("certificate for `{name}` does not read back: {source}")]
    Read {
        /// Whose.
        name: String,
        /// Why.
        source: CertificateError,
    },
    /// The system gives no random octets.
    #[error("the system's random source failed")]
    Random,
}

/// What tells one certificate from another within [`Terms`].
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The profile.
    pub profile: Profile,
    /// Common name, 64 characters at most (RFC 5280 appendix A, ub-common-name).
    pub name: String,
    /// Further names.
    pub alternative_names: Vec<GeneralName>,
    /// Days of validity.
    pub days: u32,
}

/// Issues one certificate under `authority`, or a self-signed one with `subject_key` when there is none.
///
/// # Errors
/// [`CertifyError`].
pub fn certify(
    wanted: &Wanted,
    subject_key: &[u8],
    authority: Option<Authority<'_>>,
    own: &dyn Signer,
    terms: &Terms,
    random: &dyn SecureRandom,
) -> Result<Certificate, CertifyError> {
    let mut serial = [0; 20];
    random.fill(&mut serial).map_err(|_| CertifyError::Random)?;
    let begin = terms.now - BACKDATE;
    let wish = begin + i64::from(wanted.days) * 86_400 - 1;
    let address = |folder: &str, extension: &str| {
        authority.map(|a| format!("{}/{folder}/{}.{extension}", terms.public_url, a.label))
    };
    let template = Template {
        profile: wanted.profile,
        subject: Subject::common_name(&wanted.name).organization(&terms.organisation).country("CN"),
        subject_alt_names: wanted.alternative_names.clone(),
        public_key: subject_key.to_vec(),
        not_before: begin,
        not_after: authority.map_or(wish, |a| wish.min(a.certificate.not_after())),
        serial: serial_from_random(serial),
        crl_distribution_point: address("crl", "crl"),
        ocsp_uri: None,
        ca_issuers_uri: address("ca", "cer"),
    };
    let issued = match authority {
        Some(a) => issue(&template, IssuerRef::Ca(a.certificate), a.signer),
        None => issue(&template, IssuerRef::SelfSigned, own),
    };
    let der = issued.map_err(|source| CertifyError::Issue { name: wanted.name.clone(), source })?;
    Certificate::from_der(&der).map_err(|source| CertifyError::Read { name: wanted.name.clone(), source })
}

/// What the hierarchy asks of a key's certificate; nothing for keys that have none.
#[must_use]
pub fn wanted(key: &Key, organisation: &str) -> Option<Wanted> {
    let profile = match key.role {
        Role::RootCa => Profile::RootCa,
        Role::IssuingCa => Profile::IssuingCa,
        Role::Ocsp => Profile::Ocsp,
        Role::TimeStamp => Profile::TimeStamp,
        Role::SealMaker => Profile::SealMaker,
        Role::LogCheckpoint | Role::Data => return None,
    };
    let name = key.name.replace("{organisation}", organisation);
    Some(Wanted { profile, name, alternative_names: Vec::new(), days: key.days })
}

/// Host names and addresses as alternative names.
#[must_use]
pub fn hosts(hosts: &[String]) -> Vec<GeneralName> {
    hosts
        .iter()
        .map(|host| match host.parse::<IpAddr>() {
            Ok(address) => GeneralName::ip(address),
            Err(_) => GeneralName::Dns(host.clone()),
        })
        .collect()
}
