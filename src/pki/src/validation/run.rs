//! One subject's validation while it runs: what is asked, with what, and what has been found so far.

use super::{
    evidence::{Evidence, Origin},
    policy::SignaturePolicy,
    proofs::{self, Poes},
    report::{ChainCertificate, Material, ObjectKind, RevocationUsed},
    steps::{Conclusion, Trace},
};
use crate::{
    certificate::Certificate,
    cms::Verification,
    crl::Revoked,
    indication::SubIndication,
    path::{Budget, By, Policy, PolicyInputs, Purpose, Request, RevocationPolicy, Source},
};

/// What is validated: a signature or a time-stamp token, as far as the building blocks tell them apart.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub kind: ObjectKind,
    /// SHA-256 of the signature value's or the token's octets, by which its proofs of existence go.
    pub object: [u8; 32],
    pub verification: &'a Verification,
    pub purpose: Purpose,
    /// What must be known about its certificate's revocation, and about the authorities'.
    pub demands: [RevocationPolicy; 2],
}

/// One subject's validation.
pub(super) struct Run<'r> {
    pub policy: &'r SignaturePolicy,
    /// The time of validation.
    pub at: i64,
    pub evidence: &'r Evidence<'r>,
    pub poes: &'r Poes,
    pub budget: &'r mut Budget,
    pub candidate: Candidate<'r>,
    pub trace: Trace,
    pub material: Material,
}

impl<'r> Run<'r> {
    /// What to ask the path machinery about the signer at a time; `None` without a signer.
    pub(super) fn request(&self, at: i64) -> Option<Request<'r>> {
        let signature = self.policy.signature();
        let mut policy = Policy::new(RevocationPolicy::Required);
        let [_, authorities] = self.candidate.demands;
        policy.ca_revocation = authorities;
        policy.max_path = self.policy.limits().path;
        policy.signature_budget = self.policy.limits().signatures;
        let policies = PolicyInputs {
            acceptable: &signature.certificate_policies,
            require_explicit: !signature.certificate_policies.is_empty(),
            ..PolicyInputs::default()
        };
        // A time-stamping unit answers to its own policies, not to those of the signers.
        let is_stamp = self.candidate.kind == ObjectKind::TimeStamp;
        Some(Request {
            untrusted: self.evidence.certificates().items(),
            crls: self.evidence.crls().items(),
            ocsp: self.evidence.ocsp().items(),
            purpose: self.candidate.purpose,
            policies: if is_stamp { PolicyInputs::default() } else { policies },
            policy,
            ..Request::new(self.candidate.verification.signer.as_ref()?, self.evidence.anchors(), at)
        })
    }

    /// When something is known to have existed; what counted is kept for the report.
    pub(super) fn known(&mut self, kind: ObjectKind, object: &[u8; 32]) -> i64 {
        proofs::note(&mut self.material.proofs, self.poes, kind, object);
        self.poes.known(object, self.at)
    }

    /// The earliest time at which the candidate is known to have existed.
    pub(super) fn best_time(&mut self) -> i64 {
        let Candidate { kind, object, .. } = self.candidate;
        self.known(kind, &object)
    }

    /// Keeps the path for the report.
    pub(super) fn keep_path(&mut self, path: &[Certificate]) {
        let anchors = self.evidence.anchors().certificates();
        let entry = |certificate: &Certificate| ChainCertificate {
            subject: certificate.subject().to_string(),
            sha256: *certificate.sha256_fingerprint(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            anchor: anchors.contains(certificate),
        };
        self.material.chain = path.iter().map(entry).collect();
    }

    /// Keeps evidence about a certificate for the report.
    pub(super) fn keep_evidence(
        &mut self,
        certificate: &Certificate,
        source: &Source,
        revoked: Option<Revoked>,
    ) {
        let (kind, sha256) = name(&source.by);
        let used = RevocationUsed {
            kind,
            sha256,
            certificate: *certificate.sha256_fingerprint(),
            this_update: source.this_update,
            next_update: source.next_update,
            revoked_at: revoked.map(|revoked| revoked.time),
            reason: revoked.and_then(|revoked| revoked.reason).map(crate::crl::Reason::name),
            origin: self.origin(&source.by),
        };
        if !self.material.revocation.contains(&used) {
            self.material.revocation.push(used);
        }
    }

    fn origin(&self, by: &By) -> Origin {
        let index = match by {
            By::Crl(crl) => {
                let crls = self.evidence.crls();
                crls.items().iter().position(|one| one.address() == crl.address()).map(|at| crls.origin(at))
            }
            By::Ocsp(response) => {
                let ocsp = self.evidence.ocsp();
                let same = |one: &crate::ocsp::BasicResponse| {
                    one.sha256_fingerprint() == response.sha256_fingerprint()
                };
                ocsp.items().iter().position(same).map(|at| ocsp.origin(at))
            }
        };
        index.unwrap_or(Origin::Outside)
    }
}

/// How evidence is called in reports and by proofs of existence.
pub(super) fn name(by: &By) -> (ObjectKind, [u8; 32]) {
    match by {
        By::Crl(crl) => (ObjectKind::Crl, *crl.sha256_fingerprint()),
        By::Ocsp(response) => (ObjectKind::Ocsp, *response.sha256_fingerprint()),
    }
}

/// The signer's certificate began after the signature existed: for good.
pub(super) fn not_yet_valid() -> Conclusion {
    Conclusion::failed(
        SubIndication::NotYetValid,
        "the signature is proven to have existed before its certificate was valid",
    )
}
