//! Whether who signed something may: by a path to an anchor, or because the certificate is known as such.
//!
//! In either way the certificate names by its one URI what calls itself the issuer, and is for signing documents: another
//! certificate of the same authorities, a seal's or a machine's, does not issue licences.

use pki::Certificate;
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::path::{PathFailure, Policy, Purpose, Request, RevocationPolicy, TrustAnchors, validate};
use thiserror::Error;

/// Who is trusted to have signed.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// What certificate paths end at.
    pub anchors: &'a TrustAnchors,
    /// Certificates known to be issuers' and not revoked: own signers on record, those that a trust list names. What one of them
    /// signed within its validity holds for as long as it says, without a path.
    pub known: &'a [Certificate],
    /// Revocation lists that may help.
    pub crls: &'a [Crl],
    /// OCSP responses that may help.
    pub ocsp: &'a [BasicResponse],
    /// What must be known about revocation.
    pub revocation: RevocationPolicy,
}

/// Why a signer is not trusted.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Untrusted {
    /// The certificate is for something else.
    #[error("the certificate of `{subject}` is not for signing documents")]
    Purpose {
        /// Whose it is.
        subject: String,
    },
    /// The certificate names somebody else.
    #[error("the certificate of `{subject}` does not name the issuer `{issuer}`")]
    Name {
        /// Whose it is.
        subject: String,
        /// Who is said to have issued.
        issuer: String,
    },
    /// A known certificate was not valid when it is said to have signed.
    #[error("the certificate of `{subject}` was not valid at the time of the signature")]
    Validity {
        /// Whose it is.
        subject: String,
    },
    /// No path to an anchor.
    #[error("no path from the signer's certificate to a trust anchor: {0}")]
    Path(PathFailure),
    /// Neither a certificate in what was signed nor a known one that fits.
    #[error("no known certificate of the issuer fits what was signed")]
    Unknown,
}

impl<'a> Trust<'a> {
    /// These anchors; revocation counts where something is known.
    #[must_use]
    pub const fn new(anchors: &'a TrustAnchors) -> Self {
        Self { anchors, known: &[], crls: &[], ocsp: &[], revocation: RevocationPolicy::IfAvailable }
    }

    /// The same with known certificates.
    #[must_use]
    pub const fn knowing(self, known: &'a [Certificate]) -> Self {
        Self { known, ..self }
    }

    /// That the first of `chain` may sign as `issuer`: known and valid at `signed`, or with a path valid at `at`; Unix seconds.
    ///
    /// # Errors
    /// [`Untrusted`].
    pub fn check(&self, chain: &[Certificate], issuer: &str, signed: i64, at: i64) -> Result<(), Untrusted> {
        let (leaf, above) = chain.split_first().ok_or(Untrusted::Unknown)?;
        let subject = || leaf.subject().to_string();
        let documents = Purpose::from_name("documentSigning").unwrap_or(Purpose::DocumentSigning);
        // Explicitly: a path's check would let a certificate without the extension pass.
        let Purpose::Extended(wanted) = documents else {
            return Err(Untrusted::Purpose { subject: subject() });
        };
        if leaf.is_ca() || !leaf.extended_key_usages().is_some_and(|uses| uses.contains(&wanted)) {
            return Err(Untrusted::Purpose { subject: subject() });
        }
        let mut names = leaf.uri_sans();
        if names.next() != Some(issuer) || names.next().is_some() {
            return Err(Untrusted::Name { subject: subject(), issuer: issuer.to_owned() });
        }
        if self.known.contains(leaf) {
            let valid = signed <= at && leaf.is_valid_at(signed);
            return if valid { Ok(()) } else { Err(Untrusted::Validity { subject: subject() }) };
        }
        let request = Request {
            untrusted: above,
            crls: self.crls,
            ocsp: self.ocsp,
            purpose: documents,
            policy: Policy::new(self.revocation),
            ..Request::new(leaf, self.anchors, at)
        };
        match validate(&request).failure() {
            None => Ok(()),
            Some(failure) => Err(Untrusted::Path(failure.clone())),
        }
    }
}
