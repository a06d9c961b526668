//! Validation as a whole: signatures providing long-term availability (EN 319 102-1 §5.6.3), around the processes with time
//! (§5.5) and for basic signatures (§5.3).

use std::collections::HashMap;

use super::{
    basic::{self, Asked, Basic},
    blocks,
    evidence::Evidence,
    past,
    policy::SignaturePolicy,
    proofs::{Poes, ProofSource},
    report::{Material, ObjectKind, Process, TimestampValidation, Validation},
    run::{Candidate, Run},
    stamps,
    steps::{Conclusion, Trace},
    subject::{Stamp, Subject},
    time::{self, Stamps},
};
use crate::{
    cms::{Integrity, SignedAttributes},
    indication::SubIndication,
    oids,
    path::{Budget, Examination, Request, examine_within},
};

/// Validates everything of one document under one policy and at one time: one budget of signature verifications, and
/// nothing is verified twice.
///
/// Document time-stamps come first, from the newest to the oldest: each is handed to [`Self::time_stamp`], and what it covers
/// is added to the proofs with [`Poes::extract`], for the next one and for the signatures.
pub struct Validator<'v> {
    policy: &'v SignaturePolicy,
    at: i64,
    budget: Budget,
    /// Time-stamps that passed, by their tokens.
    stamps: HashMap<[u8; 32], TimestampValidation>,
}

impl std::fmt::Debug for Validator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validator")
            .field("policy", &self.policy.name())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Validates one signature: with archival data (§5.6.3), which contains the processes with time (§5.5) and for basic
/// signatures (§5.3). `poes` gains what the signature's own time-stamps prove; `at` is the time of validation, Unix seconds.
///
/// Several signatures of one document share their work in a [`Validator`].
#[must_use]
pub fn validate(
    subject: &Subject<'_>,
    evidence: &Evidence<'_>,
    poes: &mut Poes,
    policy: &SignaturePolicy,
    at: i64,
) -> Validation {
    Validator::new(policy, at).signature(subject, evidence, poes)
}

/// Validates one time-stamp token at the time of validation (§5.4) or by proofs of existence (§5.6.2.4). What it covers is
/// added to the proofs by whoever knows that: [`Poes::extract`].
#[must_use]
pub fn validate_timestamp(
    stamp: &Stamp<'_>,
    evidence: &Evidence<'_>,
    poes: &Poes,
    policy: &SignaturePolicy,
    at: i64,
) -> TimestampValidation {
    Validator::new(policy, at).time_stamp(stamp, evidence, poes)
}

impl<'v> Validator<'v> {
    /// Under that policy, at that time, Unix seconds.
    #[must_use]
    pub fn new(policy: &'v SignaturePolicy, at: i64) -> Self {
        Self { policy, at, budget: Budget::new(policy.limits().signatures), stamps: HashMap::new() }
    }

    /// Whether something was not looked at for want of budget: what did not pass may have passed otherwise.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.budget.was_exhausted()
    }

    /// As [`examine`](crate::path::examine), with what is left of this budget: for whoever stands beside the signer in what is
    /// validated (the maker of an electronic seal).
    pub fn path(&mut self, request: &Request<'_>) -> Examination {
        self.budget.start();
        examine_within(request, &mut self.budget)
    }

    /// As [`validate_timestamp`]. A token that passed once is not validated again.
    pub fn time_stamp(
        &mut self,
        stamp: &Stamp<'_>,
        evidence: &Evidence<'_>,
        poes: &Poes,
    ) -> TimestampValidation {
        // The same token beside another signature proves nothing about that one.
        if let Some(known) = self.stamps.get(&stamp.digest).filter(|_| stamp.imprint_holds()) {
            return TimestampValidation { subject: stamp.name.clone(), kind: stamp.kind, ..known.clone() };
        }
        self.budget.start();
        let outcome = stamps::validate(stamp, evidence, poes, self.policy, self.at, &mut self.budget);
        if outcome.proves {
            self.stamps.insert(stamp.digest, outcome.clone());
        }
        outcome
    }

    /// As [`validate`].
    pub fn signature(
        &mut self,
        subject: &Subject<'_>,
        evidence: &Evidence<'_>,
        poes: &mut Poes,
    ) -> Validation {
        let object = Poes::digest(subject.signature);
        // Time-stamps cannot mend what is broken, and are not looked at then.
        let broken = matches!(subject.verification.integrity, Integrity::Broken(_));
        let [content, own] = [subject.content_stamps, subject.signature_stamps]
            .map(|stamps| if broken { &[] } else { stamps })
            .map(|stamps| self.all(stamps, evidence, poes));
        // §5.5.4, step 3: each proves when the signature existed, and when the certificate it names did (§5.6.2.3).
        for stamp in &own {
            poes.extract(stamp, ProofSource::SignatureTimestamp, [&object]);
            if let Some(signer) = &subject.verification.signer
                && subject.attributes.is_some_and(names_its_certificate)
            {
                poes.extract(stamp, ProofSource::SignatureTimestamp, [signer.sha256_fingerprint()]);
            }
        }
        self.budget.start();
        let demands = self.policy.revocation();
        let mut run = Run {
            policy: self.policy,
            at: self.at,
            evidence,
            poes,
            budget: &mut self.budget,
            candidate: Candidate {
                kind: ObjectKind::Signature,
                object,
                verification: subject.verification,
                purpose: self.policy.signature().purpose,
                demands: [demands.signer, demands.authorities],
            },
            trace: Trace::new(&subject.name),
            material: Material::default(),
        };
        // The latest proof that the signature was not there yet.
        let not_before = content.iter().filter(|stamp| stamp.proves).map(|stamp| stamp.generated_at).max();
        let asked = Asked {
            format: &subject.format,
            signed_data: subject.signed_data,
            attributes: subject.attributes,
            demands: Some(self.policy.signature()),
            not_before,
        };
        let basic = basic::validate(&mut run, &asked);
        let best = run.best_time();
        let [of_content, of_signature]: [Vec<_>; 2] = [
            subject.content_stamps.iter().zip(&content).collect(),
            subject.signature_stamps.iter().zip(&own).collect(),
        ];
        let stamps = Stamps { content: &of_content, own: &of_signature };
        let (process, conclusion) = decide(&mut run, subject, &basic, best, not_before, &stamps);
        let judged = basic.judged.as_ref();
        let open = !conclusion.is_passed();
        Validation {
            process,
            indication: conclusion.indication,
            sub_indication: conclusion.sub,
            reasons: Some(conclusion.reason).filter(|reason| !reason.is_empty()).into_iter().collect(),
            at: self.at,
            best_signature_time: best,
            best_signature_time_source: run
                .poes
                .earliest(&object)
                .filter(|poe| poe.time <= self.at)
                .map(|poe| poe.source),
            policy: self.policy.name().to_owned(),
            policy_digest: *self.policy.digest(),
            revoked_at: judged.and_then(|judged| judged.revoked_at).filter(|_| open),
            try_again_at: judged.and_then(|judged| judged.try_again_at).filter(|_| open),
            material: run.material,
            steps: run.trace.steps,
            timestamps: content.into_iter().chain(own).collect(),
        }
    }

    fn all(
        &mut self,
        stamps: &[Stamp<'_>],
        evidence: &Evidence<'_>,
        poes: &Poes,
    ) -> Vec<TimestampValidation> {
        stamps.iter().map(|stamp| self.time_stamp(stamp, evidence, poes)).collect()
    }
}

/// Whether the signature is over a digest of the certificate that it was checked against. The older reference is by SHA-1,
/// which proves nothing.
fn names_its_certificate(attributes: &SignedAttributes) -> bool {
    attributes.value(oids::SIGNING_CERTIFICATE_V2).is_some()
}

/// What §5.6.3.4, step 3 goes on with.
const FURTHER: [SubIndication; 9] = [
    SubIndication::RevokedNoPoe,
    SubIndication::RevokedCaNoPoe,
    SubIndication::OutOfBoundsNoPoe,
    SubIndication::OutOfBoundsNotRevoked,
    SubIndication::CryptoConstraintsFailureNoPoe,
    SubIndication::RevocationOutOfBoundsNoPoe,
    SubIndication::NoCertificateChainFoundNoPoe,
    SubIndication::SigConstraintsFailure,
    SubIndication::TryLater,
];

/// §5.5 and §5.6.3 after the basic validation.
fn decide(
    run: &mut Run<'_>,
    subject: &Subject<'_>,
    basic: &Basic,
    best: i64,
    not_before: Option<i64>,
    stamps: &Stamps<'_>,
) -> (Process, Conclusion) {
    let proven = best < run.at;
    let asked = if proven || !stamps.own.is_empty() || not_before.is_some() {
        Process::WithTime
    } else {
        Process::Basic
    };
    let (timed, concerned) = time::validate(run, subject, basic, best, not_before, stamps);
    let process = if basic.conclusion == timed && !timed.is_passed() { Process::Basic } else { asked };
    let archive = run.policy.archive_required();
    let further = match timed.is_passed() {
        true => archive,
        // Without a proof of existence the past says what the present said.
        false => FURTHER.into_iter().any(|sub| timed.is(sub)) && (archive || !run.poes.is_empty()),
    };
    let further = further && basic.verified;
    let (process, mut conclusion) = if further {
        let past = past::validate(run, &timed, basic, &concerned);
        (Process::Archival, archival(run, subject, past, best, not_before))
    } else {
        (process, timed)
    };
    if conclusion.is_passed() && run.policy.signature().proven_time && !proven {
        let reason = "no time-stamp proves when the signature existed, and the policy asks for one";
        conclusion = Conclusion::indeterminate(SubIndication::SigConstraintsFailure, reason);
    }
    (process, conclusion)
}

/// §5.6.3.4, steps 8 and 9, after what step 7 said.
fn archival(
    run: &mut Run<'_>,
    subject: &Subject<'_>,
    past: Conclusion,
    best: i64,
    not_before: Option<i64>,
) -> Conclusion {
    if !past.is_passed() {
        return past;
    }
    let stamped = !subject.signature_stamps.is_empty() || best < run.at;
    let delayed = time::delay(run, subject.claimed_time, best, stamped);
    if !delayed.is_passed() {
        return delayed;
    }
    let demands = run.policy.signature();
    blocks::acceptance(run, subject.attributes, Some(demands), best, not_before).0
}
