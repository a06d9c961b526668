//! What the caller brings: anchors, further material, the time, and the policy to judge by.

use std::borrow::Cow;

use pki::Certificate;
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::path::{RevocationPolicy, TrustAnchors};
use pki::validation::SignaturePolicy;

use super::container::SignatureContainer;

/// What a verification leans on; all of it comes from the caller.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// The time of validation, in seconds since the Unix epoch.
    pub at: i64,
    /// What is trusted.
    pub anchors: &'o TrustAnchors,
    /// Further certificates that may be on a path.
    pub untrusted: &'o [Certificate],
    /// Revocation lists from outside the document.
    pub crls: &'o [Crl],
    /// OCSP responses from outside the document.
    pub ocsp: &'o [BasicResponse],
    /// What is demanded of signatures and time-stamps (EN 319 102-1 §4.1.4).
    pub policy: &'o SignaturePolicy,
    /// What must be known about the revocation of signers' certificates, whatever the policy says.
    pub revocation: RevocationPolicy,
    /// What must be known about the revocation of CA certificates, whatever the policy says.
    pub ca_revocation: RevocationPolicy,
    /// Verifiers for further `/SubFilter` values; they are asked before the built-in ones.
    pub containers: &'o [&'o dyn SignatureContainer],
}

impl<'o> Options<'o> {
    /// Trusts `anchors` at a time, wants revocation evidence for every certificate, brings nothing else; the policy
    /// `default` for the rest.
    #[must_use]
    pub fn new(anchors: &'o TrustAnchors, at: i64) -> Self {
        Self {
            revocation: RevocationPolicy::Required,
            ca_revocation: RevocationPolicy::Required,
            ..Self::under(SignaturePolicy::default_policy(), anchors, at)
        }
    }

    /// Trusts `anchors` at a time, demands what `policy` demands, brings nothing else.
    #[must_use]
    pub fn under(policy: &'o SignaturePolicy, anchors: &'o TrustAnchors, at: i64) -> Self {
        Self {
            at,
            anchors,
            untrusted: &[],
            crls: &[],
            ocsp: &[],
            policy,
            revocation: policy.revocation().signer,
            ca_revocation: policy.revocation().authorities,
            containers: &[],
        }
    }

    /// The policy with the demands on revocation that stand here.
    #[must_use]
    pub fn effective_policy(&self) -> Cow<'o, SignaturePolicy> {
        let demands = self.policy.revocation();
        if (demands.signer, demands.authorities) == (self.revocation, self.ca_revocation) {
            Cow::Borrowed(self.policy)
        } else {
            Cow::Owned(self.policy.with_revocation(self.revocation, self.ca_revocation))
        }
    }
}
