//! The validation process for time-stamps (EN 319 102-1 §5.4), and by proofs of existence where that leaves it open (§5.6.3.4,
//! step 5).

use super::{
    basic::{self, Asked},
    evidence::Evidence,
    past,
    policy::SignaturePolicy,
    proofs::Poes,
    report::{Block, Material, ObjectKind, Process, TimestampValidation},
    run::{Candidate, Run},
    steps::{Conclusion, Trace},
    subject::{Format, Stamp},
};
use crate::{
    cms::SignedAttributes,
    indication::SubIndication,
    path::{Budget, Purpose},
};

/// Sub-indications that proofs of existence can make up for (§5.6.3.4, step 5 c).
const FURTHER: [SubIndication; 8] = [
    SubIndication::RevokedNoPoe,
    SubIndication::RevokedCaNoPoe,
    SubIndication::OutOfBoundsNoPoe,
    SubIndication::OutOfBoundsNotRevoked,
    SubIndication::CryptoConstraintsFailureNoPoe,
    SubIndication::RevocationOutOfBoundsNoPoe,
    SubIndication::NoCertificateChainFoundNoPoe,
    SubIndication::TryLater,
];

pub(super) fn validate(
    stamp: &Stamp<'_>,
    evidence: &Evidence<'_>,
    poes: &Poes,
    policy: &SignaturePolicy,
    at: i64,
    budget: &mut Budget,
) -> TimestampValidation {
    let info = stamp.token.info();
    let mut outcome = TimestampValidation {
        subject: stamp.name.clone(),
        kind: stamp.kind,
        process: Process::Basic,
        indication: crate::Indication::Indeterminate,
        sub_indication: None,
        reasons: Vec::new(),
        generated_at: info.gen_time,
        accuracy_micros: info.accuracy_micros,
        authority: None,
        token: stamp.digest,
        proves: false,
        material: Material::default(),
        steps: Vec::new(),
    };
    if !budget.take() {
        outcome.sub_indication = Some(SubIndication::CertificateChainGeneralFailure);
        outcome.reasons.push("the budget of signature verifications is spent".into());
        return outcome;
    }
    let verification = stamp.verification(evidence.certificates().items());
    let demands = policy.revocation();
    let mut run = Run {
        policy,
        at,
        evidence,
        poes,
        budget,
        candidate: Candidate {
            kind: ObjectKind::TimeStamp,
            object: stamp.digest,
            verification: &verification,
            purpose: Purpose::TimeStamping,
            demands: [demands.time_stamps, demands.time_stamp_authorities],
        },
        trace: Trace::new(&stamp.name),
        material: Material::default(),
    };
    let asked = Asked {
        format: &Format::Conforms,
        signed_data: true,
        attributes: stamp.token.signed_data().signed_attributes(),
        demands: None,
        not_before: None,
    };
    let basic = basic::validate(&mut run, &asked);
    let mut conclusion = basic.conclusion.clone();
    let mut relied = at;
    if !conclusion.is_passed() && !poes.is_empty() && FURTHER.into_iter().any(|sub| conclusion.is(sub)) {
        conclusion = past::validate(&mut run, &conclusion, &basic, basic.concerned());
        outcome.process = Process::Archival;
        relied = run.best_time();
        if conclusion.is_passed() {
            conclusion = acceptable_then(&mut run, asked.attributes, relied);
        }
    }
    // §5.6.3.4, steps 5 b and c: the imprint's algorithm must have been reliable for as long as the token was relied on.
    let imprint = crypto::DigestAlgorithm::from_oid(&info.imprint_algorithm).ok();
    let weak = imprint.is_none_or(|digest| !policy.cryptography().digest(digest.into()).holds_at(relied));
    outcome.proves = conclusion.is_passed() && !weak;
    let mut step = run.trace.begin(Block::ProofExtraction);
    step.check("imprint-algorithm", !weak, || info.imprint_algorithm.to_string());
    let proves = outcome.proves;
    step.check("proves-existence", proves, || "the time-stamp is not valid".into());
    step.end(&if proves { Conclusion::passed() } else { conclusion.clone() });
    outcome.indication = conclusion.indication;
    outcome.sub_indication = conclusion.sub;
    outcome.reasons.extend(Some(conclusion.reason).filter(|reason| !reason.is_empty()));
    outcome.authority = verification.signer.as_ref().map(|signer| signer.subject().to_string());
    outcome.material = run.material;
    outcome.steps = run.trace.steps;
    outcome
}

/// The token's own algorithms at the time at which it is known to have existed.
fn acceptable_then(run: &mut Run<'_>, attributes: Option<&SignedAttributes>, best: i64) -> Conclusion {
    super::blocks::acceptance(run, attributes, None, best, None).0
}
