//! The time of signing against seal, certificate and revocation: what the signer says, and what a time-stamp proves.

use pdf::verify::{StateWord, TimeSource, Verdict};

use super::*;
use crate::world::SUITES;

/// A seal of this world for this period.
fn seal_for(world: &World, from: &str, to: &str) -> Seal {
    let new = eseal::NewSeal {
        created: time(from),
        valid_from: time(from),
        valid_to: time(to),
        ..world.new_seal()
    };
    world.made(&new)
}

#[test]
fn a_seal_signed_with_outside_its_validity_by_the_signers_own_word_is_invalid() {
    for suite in SUITES {
        let world = World::new(suite);
        let over = seal_for(&world, "20260601000000", "20261101000000");
        let report = Judge::of(&world).pdf(&sealed(&Forged::honest(&world, &over)));
        assert_eq!((report.exit_code(), said(one(&report)).1), (3, Some(SubIndication::Expired)));
        assert_eq!(seal_of(one(&report)).then.as_ref().unwrap().word, StateWord::Expired);
        let early = seal_for(&world, "20261121000000", "20291101000000");
        let report = Judge::of(&world).pdf(&sealed(&Forged::honest(&world, &early)));
        assert_eq!((report.exit_code(), said(one(&report)).1), (3, Some(SubIndication::NotYetValid)));
        assert_eq!(outcome(one(&report), "seal-validity"), Outcome::Failed);
    }
}

#[test]
fn a_claim_inside_the_validity_is_not_believed_against_a_time_stamp_outside() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = seal_for(&world, "20260601000000", "20261101000000");
        let honest = Forged { at: "20261001000000", ..Forged::honest(&world, &seal) };
        let late = Forged { stamped: Some("20261115000000"), ..honest };
        let report = Judge::of(&world).pdf(&sealed(&late));
        assert_eq!(report.exit_code(), 4, "{:?}", one(&report).reasons);
        assert_eq!(outcome(one(&report), "seal-validity"), Outcome::Failed);
        assert_eq!(one(&report).time_source, TimeSource::SignatureTimestamp);
        // Before the seal began: it cannot have been made with it.
        let seal = seal_for(&world, "20260901000000", "20271101000000");
        let early =
            Forged { at: "20261001000000", stamped: Some("20260815000000"), ..Forged::honest(&world, &seal) };
        let report = Judge::of(&world).pdf(&sealed(&early));
        assert_eq!(report.exit_code(), 3, "{:?}", one(&report).reasons);
        // In time, the seal over since: good.
        let seal = seal_for(&world, "20260601000000", "20261101000000");
        let timely =
            Forged { at: "20261001000000", stamped: Some("20261001000100"), ..Forged::honest(&world, &seal) };
        let report = Judge::of(&world).pdf(&sealed(&timely));
        assert_eq!(report.verdict, Verdict::Valid, "{:?}", one(&report).reasons);
        let told = seal_of(one(&report));
        assert_eq!(told.then.as_ref().unwrap().word, StateWord::Active);
        assert_eq!(told.now.as_ref().unwrap().word, StateWord::Expired);
    }
}

#[test]
fn a_claim_after_now_is_no_time() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    let report =
        Judge::of(&world).pdf(&sealed(&Forged { at: "20270601000000", ..Forged::honest(&world, &seal) }));
    assert_ne!(report.verdict, Verdict::Valid);
    assert_eq!(outcome(one(&report), "signing-time"), Outcome::Undecided);
}

#[test]
fn a_signer_revoked_before_signing_is_invalid_and_after_it_good_with_a_proof_alone() {
    for suite in SUITES {
        let mut world = World::new(suite);
        world.revoke(&[(crate::world::SIGNER, "20261110", 1)]);
        let seal = world.seal();
        let signed = |at, stamped| {
            let forged = Forged { at, stamped, ..Forged::honest(&world, &seal) };
            Judge::of(&world).pdf(&sealed(&forged))
        };
        let before = signed("20261115000000", None);
        assert_eq!(
            before.exit_code(),
            3,
            "revoked before signing, by his own word: {:?}",
            one(&before).reasons
        );
        let claimed = signed("20261101000000", None);
        assert_eq!(claimed.exit_code(), 4, "claimed before, proven by nothing: {:?}", one(&claimed).reasons);
        let proven = signed("20261101000000", Some("20261101000100"));
        assert_eq!(proven.verdict, Verdict::Valid, "{:?}", one(&proven).reasons);
        let late = signed("20261101000000", Some("20261112000000"));
        assert_ne!(late.verdict, Verdict::Valid, "stamped after the revocation");
    }
}

#[test]
fn a_maker_revoked_for_compromise_takes_its_seals_along_and_one_out_of_business_does_not() {
    let mut world = World::new(SUITES[1]);
    let seal = world.seal();
    let file = sealed(&Forged::honest(&world, &seal));
    world.revoke(&[(crate::world::MAKER, "20261101", 1)]);
    let report = Judge::of(&world).pdf(&file);
    assert_ne!(report.verdict, Verdict::Valid, "key compromise");
    assert_ne!(outcome(one(&report), "maker-certificate"), Outcome::Passed);
    world.revoke(&[(crate::world::MAKER, "20261101", 5)]);
    let report = Judge::of(&world).pdf(&file);
    assert_eq!(report.verdict, Verdict::Valid, "{:?}", one(&report).reasons);
    assert_eq!(outcome(one(&report), "maker-certificate"), Outcome::Warned);
    // Gone before the seal was made.
    world.revoke(&[(crate::world::MAKER, "20260101", 5)]);
    let report = Judge::of(&world).pdf(&file);
    assert_ne!(report.verdict, Verdict::Valid, "{:?}", one(&report).reasons);
}
