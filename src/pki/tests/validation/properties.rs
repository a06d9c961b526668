//! What must hold whatever is brought along.

use std::convert::Infallible;

use cinnabar_pki::{
    Crl, Indication, SubIndication as S,
    validation::{Evidence, Origin, Poes, ProofSource, Stamp, Subject, Validator},
};
use proptest::prelude::*;

use crate::world::*;

/// What may be brought along: lists of either time, time-stamps, proofs, from a few bits each.
fn bring<'w>(world: &'w World, mut case: Case<'w>, bits: u16, when: i64) -> Case<'w> {
    let has = |bit: u16| bits & (1 << bit) != 0;
    let mut crls: Vec<Crl> = Vec::new();
    for (bit, days) in
        [(0, ["20261121", "20261130"]), (1, ["20261001", "20261110"]), (2, ["20261201", "20261231"])]
    {
        if has(bit) {
            crls.extend(world.lists(days, &[]));
        }
    }
    if has(3) {
        crls.extend(world.lists(["20261121", "20261130"], &[(SIGNER, "20261110", 1)]));
    }
    case.crls = crls;
    if has(4) {
        case.ocsp.push(world.answer(day("20261121"), None));
    }
    if has(5) {
        case = case.stamped("20261109");
    }
    if has(6) {
        case = case.content_stamped("20261112");
    }
    if has(7) {
        case = case.archived("20261105");
    }
    if has(8) {
        case.poes.add(&Poes::digest(case.data.signature_value()), when, ProofSource::Told);
    }
    case
}

/// Two signatures of one document share a validator, not what their time-stamps are over.
#[test]
fn a_time_stamp_beside_another_signature_proves_nothing_about_that_one() {
    let world = world();
    let lists = world.lists(["20261121", "20261130"], &[(SIGNER, "20261110", 1)]);
    let (first, second) = (world.case().crls(lists.clone()), world.case().crls(lists));
    assert_ne!(first.data.signature_value(), second.data.signature_value());
    let token = world.token(first.data.signature_value(), day("20261109"));
    let mut validator = Validator::new(&first.policy, first.at);
    let mut proofs = Poes::new();
    let mut ask = |case: &Case<'_>| {
        let content = |algorithm: crypto::DigestAlgorithm| Ok::<_, Infallible>(algorithm.digest(CONTENT));
        let verification = case.data.verify(&[], content).unwrap();
        let mut evidence = Evidence::new(&case.anchors);
        evidence.add_certificates(&case.certificates, Origin::Store);
        evidence.add_crls(&case.crls, Origin::Store);
        let value = case.data.signature_value();
        let stamps = [Stamp::of_signature("stamp", &token.token, &token.octets, value)];
        let subject =
            Subject { signature_stamps: &stamps, ..Subject::of_cms("one", &case.data, &verification) };
        validator.signature(&subject, &evidence, &mut proofs)
    };
    assert_eq!(ask(&first).indication, Indication::TotalPassed);
    let outcome = ask(&second);
    assert_eq!(outcome.sub_indication, Some(S::RevokedNoPoe));
    assert_eq!(outcome.timestamps[0].sub_indication, Some(S::HashFailure));
    // Asked again, the first says the same.
    assert_eq!(ask(&first), ask(&first));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_brought_along_mends_a_broken_signature(bits in 0_u16..512, when in 0_i64..2_000_000_000) {
        let world = world();
        let mut case = bring(&world, world.case(), bits, when);
        case.content = b"another content".to_vec();
        let outcome = case.run();
        prop_assert_eq!(outcome.indication, Indication::TotalFailed);
        prop_assert_eq!(outcome.sub_indication, Some(S::HashFailure));
    }

    #[test]
    fn without_an_anchor_nothing_passes(bits in 0_u16..512, when in 0_i64..2_000_000_000) {
        let world = world();
        let mut case = bring(&world, world.case(), bits, when);
        case.anchors = cinnabar_pki::path::TrustAnchors::default();
        let outcome = case.run();
        prop_assert_eq!(outcome.indication, Indication::Indeterminate);
        prop_assert_eq!(outcome.sub_indication, Some(S::NoCertificateChainFound));
        prop_assert!(outcome.timestamps.iter().all(|stamp| !stamp.proves));
    }

    #[test]
    fn a_proof_of_an_earlier_time_never_makes_a_verdict_worse_while_the_certificate_was_valid(
        bits in 0_u16..64, earlier in 0_i64..40,
    ) {
        let world = world();
        // Freshness apart: every list here speaks for all of the time in question.
        let case = || {
            let mut case = bring(&world, world.case(), bits & !0b10_0111, 0);
            case.crls.extend(world.lists(["20261001", "20261130"], &[]));
            case
        };
        let rank = |indication| match indication {
            Indication::TotalPassed => 2,
            Indication::Indeterminate => 1,
            Indication::TotalFailed => 0,
        };
        let before = case().run();
        let mut more = case();
        let when = day("20261120") - earlier * DAY;
        more.poes.add(&Poes::digest(more.data.signature_value()), when, ProofSource::Told);
        let after = more.run();
        prop_assert!(rank(after.indication) >= rank(before.indication), "{:?} {:?}", before.sub_indication, after);
    }
}
