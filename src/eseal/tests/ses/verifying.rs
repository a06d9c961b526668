//! The verifying order: what is judged at the time of signing, and in whose words.

use cinnabar_eseal::{
    Makers, NewSeal, Seal, Signature, Signers, Trust, Version,
    seal::Extension,
    verify::{Outcome, Report, StepName, TimeSource, Verdict},
};
use crypto::DigestAlgorithm;
use pki::{
    Indication, SubIndication,
    path::{Purpose, RevocationPolicy},
    validation::{Evidence, Origin, ProofSource, SignaturePolicy},
};

use crate::{parts::*, world::*};

fn outcome(report: &Report, name: StepName) -> Outcome {
    report.step(name).unwrap().outcome
}

const SUPERSEDED: u8 = 4;
const COMPROMISE: u8 = 1;
const UNSPECIFIED: u8 = 0;

#[test]
fn the_steps_come_in_the_order_of_the_standard_with_words_in_both_languages() {
    let world = World::new(SUITES[1]);
    let report = world.verify(&world.signature());
    let names: Vec<_> = report.steps.iter().map(|step| step.name).collect();
    use StepName as S;
    assert_eq!(
        names,
        [
            S::Structure,
            S::SignatureValue,
            S::SigningTime,
            S::SignerCertificate,
            S::ContentDigest,
            S::MakerSignature,
            S::MakerCertificate,
            S::SignerListed,
            S::SealValidity,
        ]
    );
    for step in &report.steps {
        assert!(!step.zh.is_empty() && !step.en.is_empty() && step.en.is_ascii(), "{step:?}");
        assert!(!step.name.zh().is_empty() && !step.name.en().is_empty());
    }
    let json = serde_json::to_value(&report.steps[1]).unwrap();
    assert_eq!(json["name"], "signature-value");
    assert_eq!(json["outcome"], "passed");
}

#[test]
fn another_content_fails_by_its_digest() {
    for suite in SUITES {
        let world = World::new(suite);
        let signature = Signature::parse(&world.signature()).unwrap();
        let other = |algorithm: DigestAlgorithm| Some(algorithm.digest(b"another document"));
        let report = world.with_trust(|trust| cinnabar_eseal::verify(&signature, &other, trust, NOW));
        assert_eq!((report.verdict, report.indication), (Verdict::Invalid, Indication::TotalFailed));
        assert_eq!(report.sub_indication, Some(SubIndication::HashFailure));
        assert_eq!(outcome(&report, StepName::SignatureValue), Outcome::Passed);
        let report = world.with_trust(|trust| cinnabar_eseal::verify(&signature, &|_| None, trust, NOW));
        assert_eq!((report.verdict, report.indication), (Verdict::Undecided, Indication::Indeterminate));
        assert_eq!(report.sub_indication, Some(SubIndication::SignedDataNotFound));
    }
}

#[test]
fn revoked_after_signing_goes_on_and_before_is_invalid() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let signature = world.signature();
        // Signed on the 20th.
        world.revoke(&[(SIGNER, "20261121", COMPROMISE)]);
        let report = world.verify(&signature);
        assert_eq!(report.verdict, Verdict::Valid, "{:?}", report.steps);
        assert_eq!(outcome(&report, StepName::SignerCertificate), Outcome::Warned);
        // The claim proves nothing to EN 319 102-1.
        assert_eq!(report.indication, Indication::Indeterminate);
        assert_eq!(report.sub_indication, Some(SubIndication::RevokedNoPoe));
        world.revoke(&[(SIGNER, "20261119", COMPROMISE)]);
        let report = world.verify(&signature);
        assert_eq!(report.verdict, Verdict::Invalid);
        assert_eq!(
            (report.indication, report.sub_indication),
            (Indication::TotalFailed, Some(SubIndication::Revoked))
        );
        assert!(report.reasons().any(|(zh, en)| zh.contains("吊销") && en.contains("revoked")));
    }
}

#[test]
fn a_time_stamp_before_the_revocation_proves_it_to_both_standards() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let signature = Signature::parse(&world.signature()).unwrap().value;
        let stamped = |at| {
            let token = world.token(signature.value(), time(at));
            signature.with_time_stamp(&token).unwrap()
        };
        let (before, after) = (stamped("20261120120000"), stamped("20261121120000"));
        world.revoke(&[(SIGNER, "20261121", COMPROMISE)]);
        let report = world.verify(&before);
        assert_eq!(
            (report.verdict, report.indication),
            (Verdict::Valid, Indication::TotalPassed),
            "{:?}",
            report.steps
        );
        // Stamped after the revocation: the claim of an earlier time does not help.
        let report = world.verify(&after);
        assert_eq!((report.verdict, report.indication), (Verdict::Invalid, Indication::Indeterminate));
        assert_eq!(report.sub_indication, Some(SubIndication::RevokedNoPoe));
        assert_eq!(report.time_source, TimeSource::SignatureTimestamp);
    }
}

#[test]
fn a_certificate_that_has_run_out_since_goes_on_and_one_that_had_is_invalid() {
    for suite in SUITES {
        let world =
            World::of(suite, ["20260101000000Z", "20261121000000Z"], ["20240101000000Z", "20331231235959Z"]);
        let report = world.verify(&world.signature());
        assert_eq!(report.verdict, Verdict::Valid, "{:?}", report.steps);
        assert_eq!(report.indication, Indication::Indeterminate);
        let parts = |at: &str| {
            let mut parts = SignatureParts::new(&world, world.seal().der().to_vec());
            parts.time = generalized(at);
            parts.signed(&world)
        };
        let report = world.verify(&parts("20261121120000Z"));
        assert_eq!((report.verdict, report.indication), (Verdict::Invalid, Indication::TotalFailed));
        assert_eq!(report.sub_indication, Some(SubIndication::Expired));
    }
}

#[test]
fn the_time_of_signing_must_lie_inside_the_seals_validity() {
    for suite in SUITES {
        let world = World::new(suite);
        let short = NewSeal { valid_to: time("20261119000000"), ..world.new_seal() };
        let at = |new: &NewSeal, at: &str| {
            let mut parts = SignatureParts::new(&world, world.made(new).der().to_vec());
            parts.time = generalized(at);
            world.verify(&parts.signed(&world))
        };
        let report = at(&short, "20261119000000Z");
        assert_eq!(report.verdict, Verdict::Valid, "the last second belongs to it: {:?}", report.steps);
        let report = at(&short, "20261119000001Z");
        assert_eq!((report.verdict, report.indication), (Verdict::Invalid, Indication::TotalFailed));
        assert_eq!(report.sub_indication, Some(SubIndication::Expired));
        let report = at(&short, "20260531235959Z");
        assert_eq!(report.sub_indication, Some(SubIndication::NotYetValid));
        // A seal that ran out after it was signed with goes on, by the signer's word to GB/T 38540 and by proof to both.
        let signature = world.signed_at(&world.made(&short), time("20261118000000"));
        let report = world.verify(&signature);
        assert_eq!(
            (report.verdict, outcome(&report, StepName::SealValidity)),
            (Verdict::Valid, Outcome::Warned)
        );
        assert_eq!(
            (report.indication, report.sub_indication),
            (Indication::Indeterminate, Some(SubIndication::OutOfBoundsNoPoe))
        );
        assert!(!report.is_valid() && report.reasons().any(|(_, en)| en.contains("the seal is over")));
        assert!(world.verify_at(&signature, time("20261119000000")).is_valid(), "not over yet");
        let signature = Signature::parse(&signature).unwrap().value;
        let token = world.token(signature.value(), time("20261118120000"));
        let report = world.verify(&signature.with_time_stamp(&token).unwrap());
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(world.verify_seal(world.made(&short).der(), NOW).verdict, Verdict::Invalid);
    }
}

#[test]
fn a_late_time_stamp_proves_no_earlier_time() {
    for suite in SUITES {
        let world = World::new(suite);
        let short = world.made(&NewSeal { valid_to: time("20261119000000"), ..world.new_seal() });
        let signature = Signature::parse(&world.signed_at(&short, time("20261118000000"))).unwrap().value;
        let token = world.token(signature.value(), time("20261120000000"));
        let report = world.verify(&signature.with_time_stamp(&token).unwrap());
        assert_eq!(report.verdict, Verdict::Invalid);
        assert_eq!(
            (report.indication, report.sub_indication),
            (Indication::Indeterminate, Some(SubIndication::OutOfBoundsNoPoe))
        );
    }
}

#[test]
fn a_time_that_is_yet_to_come_is_believed_by_nobody() {
    let world = World::new(SUITES[1]);
    let signature = world.signed_at(&world.seal(), time("20270101000000"));
    let report = world.verify(&signature);
    assert_eq!((report.verdict, report.indication), (Verdict::Undecided, Indication::Indeterminate));
    assert_eq!(outcome(&report, StepName::SigningTime), Outcome::Undecided);
}

#[test]
fn a_time_stamp_of_something_else_or_of_nobody_known_is_told_and_does_not_count() {
    for suite in SUITES {
        let world = World::new(suite);
        let signature = Signature::parse(&world.signature()).unwrap().value;
        let stranger = World::new(suite);
        let tokens = [
            world.token(b"something else", time("20261120120000")),
            stranger.token(signature.value(), time("20261120120000")),
            b"no token at all".to_vec(),
        ];
        for token in tokens {
            let report = world.verify(&signature.with_time_stamp(&token).unwrap());
            assert_eq!(report.time_source, TimeSource::Claimed);
            assert_eq!(outcome(&report, StepName::SigningTime), Outcome::Warned);
            assert_eq!(report.verdict, Verdict::Valid);
        }
    }
}

#[test]
fn what_is_told_of_its_existence_counts_for_a_signature_without_a_time() {
    let world = World::new(SUITES[1]);
    let mut parts = SignatureParts::old(&world, SealParts::old(&world).signed(&world));
    parts.time = bits(b"yesterday");
    let signature = Signature::parse(&parts.signed(&world)).unwrap();
    let mut proofs = pki::validation::Poes::new();
    let object = pki::validation::Poes::digest(signature.value.value());
    proofs.add(&object, time("20261120000000"), ProofSource::Told);
    let report = world.with_trust(|trust| {
        cinnabar_eseal::verify(&signature, &content, &Trust { proofs: &proofs, ..*trust }, NOW)
    });
    assert_eq!(
        (report.verdict, report.time_source),
        (Verdict::Valid, TimeSource::Proof),
        "{:?}",
        report.steps
    );
    assert_eq!(report.signing_time, Some(time("20261120000000")));
}

#[test]
fn a_seal_outlives_its_makers_certificate_but_not_the_compromise_of_its_key() {
    for suite in SUITES {
        // Ran out since the seal was made.
        let world =
            World::of(suite, ["20260101000000Z", "20281231235959Z"], ["20240101000000Z", "20261001000000Z"]);
        let report = world.verify(&world.signature());
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(outcome(&report, StepName::MakerCertificate), Outcome::Warned);
        // Had run out before.
        let world =
            World::of(suite, ["20260101000000Z", "20281231235959Z"], ["20240101000000Z", "20260501000000Z"]);
        let report = world.verify(&SignatureParts::new(&world, world.seal().der().to_vec()).signed(&world));
        assert_eq!(
            (report.verdict, outcome(&report, StepName::MakerCertificate)),
            (Verdict::Invalid, Outcome::Failed)
        );
        // Replaced since, compromised since, and before.
        let mut world = World::new(suite);
        let signature = world.signature();
        for (day, reason, expected) in [
            ("20261101", SUPERSEDED, Outcome::Warned),
            ("20260501", SUPERSEDED, Outcome::Failed),
            ("20261101", COMPROMISE, Outcome::Failed),
            // After the claimed time, which whoever has the key writes.
            ("20261121", COMPROMISE, Outcome::Failed),
            ("20261121", UNSPECIFIED, Outcome::Failed),
            ("20261121", SUPERSEDED, Outcome::Warned),
        ] {
            world.revoke(&[(MAKER, day, reason)]);
            let report = world.verify(&signature);
            assert_eq!(outcome(&report, StepName::MakerCertificate), expected, "{day} {reason}");
            if expected == Outcome::Failed && reason != SUPERSEDED {
                assert_eq!(
                    (report.indication, report.sub_indication),
                    (Indication::Indeterminate, Some(SubIndication::RevokedNoPoe)),
                    "{day} {reason}"
                );
            }
        }
    }
}

#[test]
fn a_time_stamp_of_the_seal_proves_it_older_than_the_compromise() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let seal = world.made(&NewSeal { version: Version::V5, ..world.new_seal() });
        let token = world.token(seal.signature(), time("20260601000100"));
        let stamped = Seal::parse(&seal.with_time_stamp(&token).unwrap()).unwrap().value;
        let [plain, stamped] = [&seal, &stamped].map(|seal| world.signed(seal));
        world.revoke(&[(MAKER, "20261101", COMPROMISE)]);
        assert_eq!(world.verify(&plain).verdict, Verdict::Invalid);
        let report = world.verify(&stamped);
        assert_eq!(report.verdict, Verdict::Valid, "{:?}", report.steps);
        assert_eq!(outcome(&report, StepName::MakerCertificate), Outcome::Warned);
    }
}

#[test]
fn a_compromise_counts_against_claims_after_the_makers_certificate_has_run_out() {
    for suite in SUITES {
        let mut world =
            World::of(suite, ["20260101000000Z", "20281231235959Z"], ["20240101000000Z", "20261101000000Z"]);
        let signature = world.signature();
        for (day, reason, expected) in
            [("20261001", COMPROMISE, Outcome::Failed), ("20261001", SUPERSEDED, Outcome::Warned)]
        {
            world.revoke(&[(MAKER, day, reason)]);
            // The claim of a time at which it was neither revoked nor expired.
            let mut parts = SignatureParts::new(&world, world.seal().der().to_vec());
            parts.time = generalized("20260901000000Z");
            for signature in [&signature, &parts.signed(&world)] {
                let report = world.verify(signature);
                assert_eq!(outcome(&report, StepName::MakerCertificate), expected, "{reason}");
            }
        }
    }
}

#[test]
fn a_time_stamp_of_the_signature_proves_the_seal_older_than_the_compromise_too() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let signature = Signature::parse(&world.signature()).unwrap().value;
        let stamped = |at| {
            let token = world.token(signature.value(), time(at));
            signature.with_time_stamp(&token).unwrap()
        };
        let (before, after) = (stamped("20261120120000"), stamped("20261121120000"));
        world.revoke(&[(MAKER, "20261121", COMPROMISE)]);
        let report = world.verify(&before);
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(outcome(&report, StepName::MakerCertificate), Outcome::Warned);
        let report = world.verify(&after);
        assert_eq!((report.verdict, report.indication), (Verdict::Invalid, Indication::Indeterminate));
        // So does what else is known of it, with only a claim beside.
        let mut proofs = pki::validation::Poes::new();
        let object = pki::validation::Poes::digest(signature.value());
        proofs.add(&object, time("20261120120000"), ProofSource::Told);
        let plain = Signature::parse(signature.der()).unwrap();
        let report = world.with_trust(|trust| {
            cinnabar_eseal::verify(&plain, &content, &Trust { proofs: &proofs, ..*trust }, NOW)
        });
        assert!(report.is_valid(), "{:?}", report.steps);
    }
}

#[test]
fn without_revocation_information_nothing_is_decided_where_it_is_demanded() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let signature = world.signature();
        world.policy =
            world.policy.with_revocation(RevocationPolicy::Required, RevocationPolicy::IfAvailable);
        let report = world.verify(&signature);
        assert_eq!((report.verdict, report.indication), (Verdict::Undecided, Indication::Indeterminate));
        assert_eq!(report.sub_indication, Some(SubIndication::TryLater));
        world.revoke(&[]);
        let report = world.verify(&signature);
        assert!(report.is_valid(), "{:?}", report.steps);
    }
}

#[test]
fn signers_by_digest_count_as_those_by_certificate() {
    for suite in SUITES {
        let world = World::new(suite);
        let certificates = vec![world.other_certificate.der().to_vec(), world.certificate.der().to_vec()];
        let signers = Signers::Digests(suite.digest, certificates);
        let seal = world.made(&NewSeal { signers, ..world.new_seal() });
        assert!(world.verify(&world.signed(&seal)).is_valid());
    }
}

#[test]
fn critical_extensions_must_be_known() {
    let world = World::new(SUITES[0]);
    let id = "1.2.3.4".parse().unwrap();
    let extension = Extension { id, critical: true, value: b"v".to_vec() };
    let seal = world.made(&NewSeal { extensions: vec![extension], ..world.new_seal() });
    let signature = world.signed(&seal);
    let report = world.verify(&signature);
    assert_eq!((report.verdict, report.indication), (Verdict::Undecided, Indication::Indeterminate));
    let signature = Signature::parse(&signature).unwrap();
    let report = world.with_trust(|trust| {
        cinnabar_eseal::verify(&signature, &content, &Trust { extensions: &[id], ..*trust }, NOW)
    });
    assert!(report.is_valid());
}

#[test]
fn a_policy_that_wants_the_certificate_named_takes_the_seals_list_for_it() {
    let world = World::new(SUITES[0]);
    let policy = SignaturePolicy::builtin("strict")
        .unwrap()
        .with_revocation(RevocationPolicy::IfAvailable, RevocationPolicy::IfAvailable);
    assert!(policy.signature().signing_certificate);
    let signature = Signature::parse(&world.signature()).unwrap().value;
    let token = world.token(signature.value(), time("20261120120000"));
    let signature = Signature::parse(&signature.with_time_stamp(&token).unwrap()).unwrap();
    let report = world.with_trust(|trust| {
        cinnabar_eseal::verify(&signature, &content, &Trust { policy: &policy, ..*trust }, NOW)
    });
    assert!(report.is_valid(), "{:?}", report.validation);
}

#[test]
fn makers_are_known_by_register_by_purpose_or_by_their_anchor() {
    let world = World::new(SUITES[1]);
    let signature = Signature::parse(&world.signature()).unwrap();
    let mut evidence = Evidence::new(&world.anchors);
    evidence.add_certificates([&world.authority_certificate], Origin::Outside);
    let signing = Purpose::from_name("1.3.6.1.5.5.7.3.36").unwrap();
    let other = Purpose::from_name("1.2.3.4").unwrap();
    for (makers, expected) in [
        (Makers::Known(&world.makers), Outcome::Passed),
        (Makers::Known(std::slice::from_ref(&world.other_certificate)), Outcome::Failed),
        (Makers::Known(&[]), Outcome::Failed),
        (Makers::Purpose(signing), Outcome::Passed),
        (Makers::Purpose(other), Outcome::Failed),
        (Makers::Anyone, Outcome::Passed),
    ] {
        let trust = Trust::new(&evidence, &world.policy, makers);
        let report = cinnabar_eseal::verify(&signature, &content, &trust, NOW);
        assert_eq!(outcome(&report, StepName::MakerCertificate), expected, "{makers:?}");
        assert_eq!(report.is_valid(), expected == Outcome::Passed);
    }
}
