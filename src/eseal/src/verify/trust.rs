//! Whom to believe: anchors and evidence, the policy, proofs of existence, and who makes seals.

use der::asn1::ObjectIdentifier;
use pki::{
    Certificate,
    path::{Examination, Policy, Purpose, Request, TrustAnchors},
    validation::{Evidence, Poes, SignaturePolicy, Validator},
};

use super::words;
use crate::signature::{Approval, Refusal};

/// What a verification may lean on.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'t> {
    /// Anchors, certificates, revocation lists and OCSP responses.
    pub evidence: &'t Evidence<'t>,
    /// What is demanded of signers and of what is known about their certificates.
    pub policy: &'t SignaturePolicy,
    /// What is proven to have existed.
    pub proofs: &'t Poes,
    /// Who makes seals.
    pub makers: Makers<'t>,
    /// The anchors that a maker's path has to end at, where they are fewer than those of `evidence`: whoever lets anybody
    /// make seals under some anchors ([`Makers::Anyone`]) does not mean every other one that signers and time-stamps lead to.
    pub maker_anchors: Option<&'t TrustAnchors>,
    /// Critical extensions that are understood.
    pub extensions: &'t [ObjectIdentifier],
}

/// Whose seals count. A certificate that may sign documents may not therefore make seals: else whoever has a seal could make
/// himself another one, with any name and picture. No standard says how a maker's certificate is told from a signer's; so
/// whoever asks says it.
#[derive(Clone, Copy, Debug)]
pub enum Makers<'t> {
    /// These, by their certificates or by having the same key and name (a renewed certificate): a register of makers.
    Known(&'t [Certificate]),
    /// Whoever has this extended key usage.
    Purpose(Purpose),
    /// Whoever has a path to an anchor, and is not the signer himself nor in the seal's list. For anchors under which nobody
    /// but makers and their signers are certified.
    Anyone,
}

impl<'t> Trust<'t> {
    /// With these anchors and this evidence, under that policy, by those makers; no proofs of existence.
    #[must_use]
    pub fn new(evidence: &'t Evidence<'t>, policy: &'t SignaturePolicy, makers: Makers<'t>) -> Self {
        static NONE: std::sync::LazyLock<Poes> = std::sync::LazyLock::new(Poes::new);
        Self { evidence, policy, proofs: &NONE, makers, maker_anchors: None, extensions: &[] }
    }

    /// Looks for a path of `leaf` that held at a time. `proven`: that the signature existed then.
    pub(super) fn path(
        &self,
        validator: &mut Validator<'_>,
        leaf: &Certificate,
        purpose: Purpose,
        at: i64,
        proven: bool,
    ) -> Examination {
        self.path_to(self.evidence.anchors(), validator, leaf, purpose, at, proven)
    }

    /// The same for a maker of seals.
    pub(super) fn maker_path(
        &self,
        validator: &mut Validator<'_>,
        maker: &Certificate,
        purpose: Purpose,
        at: i64,
        proven: bool,
    ) -> Examination {
        let anchors = self.maker_anchors.unwrap_or(self.evidence.anchors());
        self.path_to(anchors, validator, maker, purpose, at, proven)
    }

    fn path_to(
        &self,
        anchors: &TrustAnchors,
        validator: &mut Validator<'_>,
        leaf: &Certificate,
        purpose: Purpose,
        at: i64,
        proven: bool,
    ) -> Examination {
        let (demands, limits) = (self.policy.revocation(), self.policy.limits());
        let policy = Policy {
            ca_revocation: demands.authorities,
            existence_proven: proven,
            signature_budget: limits.signatures,
            max_path: limits.path,
            ..Policy::new(demands.signer)
        };
        validator.path(&Request {
            untrusted: self.evidence.certificates().items(),
            crls: self.evidence.crls().items(),
            ocsp: self.evidence.ocsp().items(),
            purpose,
            policy,
            ..Request::new(leaf, anchors, at)
        })
    }
}

impl Approval for Trust<'_> {
    fn signer(&self, certificate: &Certificate, now: i64) -> Result<(), Refusal> {
        let mut validator = Validator::new(self.policy, now);
        let examination = self.path(&mut validator, certificate, self.policy.signature().purpose, now, true);
        refused(&examination)
    }

    fn maker(&self, certificate: &Certificate, created: i64, now: i64) -> Result<(), Refusal> {
        let mut validator = Validator::new(self.policy, now);
        let times = super::maker::Times { created, signed: now, proven: None, at: now };
        match super::maker::judge(certificate, self, &mut validator, times) {
            super::maker::Judgement::Good { .. } => Ok(()),
            super::maker::Judgement::NotMaker => {
                Err(Refusal { reason: "its holder is not known to make seals".to_owned() })
            }
            super::maker::Judgement::Bad(failure) => Err(Refusal { reason: failure.to_string() }),
        }
    }
}

fn refused(examination: &Examination) -> Result<(), Refusal> {
    match examination.verdict.failure() {
        None => Ok(()),
        Some(failure) => Err(Refusal { reason: words::failure(failure).1 }),
    }
}
