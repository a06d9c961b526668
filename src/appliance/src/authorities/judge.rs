//! Judging the certificate that a root elsewhere made for an authority of ours.

use pki::issue::{Finding, IssuerRef, Lint, lint};
use pki::profile::Profile;
use pki::request::CertificationRequest;
use pki::{Certificate, CertificateError, SignatureError};

/// Why it is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Not a certificate.
    #[error("it does not read as a certificate: {0}")]
    Malformed(#[from] CertificateError),
    /// Nothing in the file is for the requested key.
    #[error("it is for another key than the one requested")]
    Key,
    /// The name of another issuer.
    #[error("its issuer is `{0}`, not the root")]
    Issuer(String),
    /// Another key's signature.
    #[error("the root's key did not sign it: {0}")]
    Signature(#[from] SignatureError),
    /// Another name than requested.
    #[error("its subject is `{0}`, not the one requested")]
    Subject(String),
    /// Outside of its validity, or of the root's.
    #[error("it is not valid now, or outlives its root")]
    Validity,
    /// Against the profile.
    #[error("its profile refuses it: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Profile(Vec<Finding>),
    /// No self-signed authority.
    #[error("it is no root: not self-signed, or not an authority")]
    Root,
}

/// The one certificate among those in `pem` that is for the requested key and name, by the root, and as the profile
/// of authorities wants it. `now` is Unix time.
///
/// # Errors
/// [`Unfit`], with what is wrong.
pub fn judged(
    profile: &Profile,
    pem: &[u8],
    request: &CertificationRequest,
    root: &Certificate,
    now: i64,
) -> Result<Certificate, Unfit> {
    let all = Certificate::from_pem_or_der(pem)?;
    let certificate = all.into_iter().find(|one| one.spki() == request.spki()).ok_or(Unfit::Key)?;
    if certificate.issuer().der() != root.subject().der() {
        return Err(Unfit::Issuer(certificate.issuer().to_string()));
    }
    certificate.verify_signature(root.spki())?;
    if certificate.subject().der() != request.subject().der() {
        return Err(Unfit::Subject(certificate.subject().to_string()));
    }
    if !certificate.is_valid_at(now) || certificate.not_after() > root.not_after() {
        return Err(Unfit::Validity);
    }
    let mut findings = lint(&certificate, profile, IssuerRef::Ca(root));
    // How a key identifier is derived is its maker's choice (RFC 5280 §4.2.1.2); what we issue below copies it.
    findings.retain(|finding| finding.lint != Lint::SubjectKeyIdentifier);
    if findings.is_empty() { Ok(certificate) } else { Err(Unfit::Profile(findings)) }
}

/// The root in `pem`: the first certificate, self-signed, an authority, valid now.
///
/// # Errors
/// [`Unfit`].
pub fn root(pem: &[u8], now: i64) -> Result<Certificate, Unfit> {
    let root = Certificate::from_pem_or_der(pem)?.into_iter().next().ok_or(Unfit::Root)?;
    if !root.is_ca() || !root.is_self_issued() || root.verify_signature(root.spki()).is_err() {
        return Err(Unfit::Root);
    }
    if root.is_valid_at(now) { Ok(root) } else { Err(Unfit::Validity) }
}
