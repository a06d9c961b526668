//! Certificates of the hierarchy's keys, of the server and of the first people: computation alone.
//!
//! What each certificate is, its profile says (those that come with the program: the ceremony writes them out). Names,
//! validity and addresses come from the hierarchy and the plan, time and serials are handed in.

use std::net::IpAddr;

use crypto::Signer;
use pki::issue::{IssueError, IssuerRef, Places, Wish, prepare, serial_from_random};
use pki::profile::builtin;
use pki::{Certificate, GeneralName, Subject};
use ring::rand::SecureRandom;

use super::hierarchy::{Key, Role};

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
    /// There is no such profile.
    #[error("certificate for `{name}`: there is no profile `{profile}`")]
    Profile {
        /// Whose.
        name: String,
        /// Its name.
        profile: &'static str,
    },
    /// The system gives no random octets.
    #[error("the system's random source failed")]
    Random,
}

/// What tells one certificate from another within [`Terms`].
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Name of its profile.
    pub profile: &'static str,
    /// Common name, 64 characters at most (RFC 5280 appendix A, ub-common-name).
    pub name: String,
    /// Further names.
    pub alternative_names: Vec<GeneralName>,
    /// Days of validity; the profile's when absent. No certificate outlives its issuer.
    pub days: Option<u32>,
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
    let refused = |source| CertifyError::Issue { name: wanted.name.clone(), source };
    let unknown = || CertifyError::Profile { name: wanted.name.clone(), profile: wanted.profile };
    let profile = builtin().get(wanted.profile).ok_or_else(unknown)?;
    let mut serial = [0; 20];
    random.fill(&mut serial).map_err(|_| CertifyError::Random)?;
    let begin = terms.now - profile.validity().backdate;
    let place = |path: &str, end: &str| {
        authority.map(|authority| format!("{}/{path}/{}{end}", terms.public_url, authority.label))
    };
    let places =
        Places { crl: place("crl", ".crl"), ocsp: place("ocsp", ""), ca_issuers: place("ca", ".cer") };
    let wish = Wish {
        subject: Subject::default().organization(&terms.organisation).named(&wanted.name),
        names: wanted.alternative_names.clone(),
        public_key: subject_key.to_vec(),
        not_before: None,
        not_after: wanted.days.map(|days| begin + i64::from(days) * 86_400 - 1),
    };
    let (issuer, signer) = match authority {
        Some(authority) => (IssuerRef::Ca(authority.certificate), authority.signer),
        None => (IssuerRef::SelfSigned, own),
    };
    let linted =
        prepare(profile, &wish, issuer, &places, serial_from_random(serial), terms.now, signer.scheme())
            .map_err(refused)?;
    linted.sign(signer).map_err(refused)
}

/// What the hierarchy asks of a key's certificate, where `public_url` is the appliance's address; nothing for keys that have
/// none.
#[must_use]
pub fn wanted(key: &Key, organisation: &str, public_url: &str) -> Option<Wanted> {
    let profile = match key.role {
        Role::RootCa => "root",
        Role::IssuingCa => "issuing-ca",
        Role::Ocsp => "ocsp",
        Role::TimeStamp => "time-stamp",
        Role::SealMaker => "seal-maker",
        Role::CredentialSigner => "credential-signer",
        Role::Publisher => "publisher",
        Role::LogCheckpoint | Role::Data => return None,
    };
    let name = key.name.replace("{organisation}", organisation);
    Some(Wanted { profile, name, alternative_names: key.role.names(public_url), days: Some(key.days) })
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
