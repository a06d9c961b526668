//! §5.5 and §5.4: what a proven time makes of revocation, expiry, freshness and the end of an algorithm, before and after.

use cinnabar_pki::{
    SubIndication as S,
    path::RevocationPolicy,
    validation::{Poes, Process, ProofSource},
};
use crypto::KeyKind;

use crate::world::*;

#[test]
fn revoked_after_the_proven_time_still_valid_and_before_it_not() {
    let world = world();
    let with = |revoked: &[(u8, &str, u8)], stamped: &str| {
        world.case().crls(world.lists(["20261121", "20261130"], revoked)).stamped(stamped)
    };
    let outcome = with(&[(SIGNER, "20261110", 1)], "20261109").passes();
    assert_eq!(outcome.process, Process::WithTime);
    assert_eq!(outcome.best_signature_time, day("20261109"));
    assert_eq!(outcome.best_signature_time_source, Some(ProofSource::SignatureTimestamp));
    assert!(outcome.timestamps[0].proves && outcome.timestamps[0].authority.as_deref() == Some("CN=unit"));
    assert_eq!(outcome.timestamps[0].generated_at, day("20261109"));
    with(&[(SIGNER, "20261110", 1)], "20261110").is_open(S::RevokedNoPoe);
    with(&[(SIGNER, "20261110", 1)], "20261111").is_open(S::RevokedNoPoe);
    // Whoever holds the authority's key can make lists and certificates of any date: proofs of those decide (§5.6).
    with(&[(AUTHORITY, "20261110", 2)], "20261109").is_open(S::RevokedCaNoPoe);
    with(&[(AUTHORITY, "20261110", 2)], "20261111").is_open(S::RevokedCaNoPoe);
    with(&[(SIGNER, "20261110", HOLD)], "20261109").passes();
    with(&[(SIGNER, "20261110", HOLD)], "20261111").is_open(S::TryLater);
}

#[test]
fn expired_after_the_proven_time_still_valid_and_before_it_not() {
    let until = Differently { signer: Some(["20260801000000Z", "20261110000000Z"]), ..Default::default() };
    let world = World::of(&until);
    let fresh = world.lists(["20261121", "20261130"], &[]);
    let old = world.lists(["20261025", "20261108"], &[]);
    let lists = vec![fresh[0].clone(), old[1].clone()];
    let stamped = |date: &str| world.case().crls(lists.clone()).stamped(date);
    let outcome = stamped("20261101").passes();
    assert_eq!(outcome.process, Process::WithTime);
    assert!(outcome.steps.iter().any(|step| step.block.section() == "5.5"));
    stamped("20261112").is_open(S::OutOfBoundsNotRevoked);
    stamped("20260701").fails(S::NotYetValid);
    // The list was not there yet, nor fresh any more, at the proven time.
    stamped("20261109").is_open(S::TryLater);
    // Without a proof of the time nothing is final.
    let mut early = stamped("20260701");
    early.stamps.clear();
    early.is_open(S::OutOfBoundsNotRevoked);
}

#[test]
fn evidence_that_was_fresh_at_the_proven_time_counts() {
    let world = world();
    let (fresh, old) =
        (world.lists(["20261121", "20261130"], &[]), world.lists(["20261001", "20261110"], &[]));
    let lists = vec![fresh[0].clone(), old[1].clone()];
    let case = || world.case().crls(lists.clone());
    case().is_open(S::TryLater);
    case().stamped("20261109").passes();
    case().stamped("20261111").is_open(S::TryLater);
    // Fresh by the policy's own count: made at most a day before the proven time.
    let within = ("slide-to", "freshness = 86400\nslide-to");
    case().policy(within.0, within.1).stamped("20261002").passes();
    case().policy(within.0, within.1).stamped("20261004").is_open(S::TryLater);
}

#[test]
fn the_end_of_an_algorithm_before_and_after_the_proven_time() {
    let world = World::of(&Differently { signer_key: Some(KeyKind::Ed25519), ..Default::default() });
    let ended = || {
        world.case().policy(
            "eddsa = [{ bits = 255, until = \"open\" }]",
            "eddsa = [{ bits = 255, until = 2026-11-10 }]",
        )
    };
    world.case().passes();
    ended().is_open(S::CryptoConstraintsFailureNoPoe);
    let outcome = ended().stamped("20261109").passes();
    assert_eq!(outcome.process, Process::WithTime);
    ended().stamped("20261110").is_open(S::CryptoConstraintsFailureNoPoe);
    // Proven to have been made after the end: no later proof can help.
    ended().content_stamped("20261111").is_open(S::CryptoConstraintsFailure);
    ended().content_stamped("20261109").is_open(S::CryptoConstraintsFailureNoPoe);
}

#[test]
fn a_time_stamp_of_what_is_signed_makes_lateness_final() {
    let world = world();
    let revoked = || world.case().crls(world.lists(["20261121", "20261130"], &[(SIGNER, "20261110", 1)]));
    revoked().content_stamped("20261111").fails(S::Revoked);
    revoked().content_stamped("20261109").is_open(S::RevokedNoPoe);
    let until = Differently { signer: Some(["20260101000000Z", "20261110000000Z"]), ..Default::default() };
    let world = World::of(&until);
    world.case().content_stamped("20261111").fails(S::Expired);
    world.case().content_stamped("20261109").is_open(S::OutOfBoundsNoPoe);
}

#[test]
fn time_stamps_must_not_contradict_each_other() {
    let world = world();
    let case = || world.case().content_stamped("20261110");
    case().stamped("20261111").passes();
    case().stamped("20261109").is_open(S::TimestampOrderFailure);
    case().policy("order = true", "order = false").stamped("20261109").passes();
    // Within the accuracy of both tokens nothing is contradicted.
    let within = |early: i64, [millis, of_content]: [u32; 2]| {
        let mut case = world.case();
        case.content_stamps.push(world.token_within(CONTENT, day("20261110"), of_content));
        let value = case.data.signature_value();
        case.stamps.push(world.token_within(value, day("20261110") - early, millis));
        case
    };
    within(1, [999, 1000]).passes();
    within(2, [999, 1000]).is_open(S::TimestampOrderFailure);
    within(3, [500, 2500]).passes();
    within(3, [2500, 500]).passes();
    within(3, [500, 2499]).is_open(S::TimestampOrderFailure);
    // genTime may be in whole seconds, whatever the accuracy.
    within(1, [1, 1]).passes();
    let mut early = case();
    early.poes.add(
        &Poes::digest(early.data.signature_value()),
        day("20261109"),
        ProofSource::DocumentTimestamp,
    );
    early.is_open(S::TimestampOrderFailure);
}

#[test]
fn the_delay_of_a_time_stamp_is_bounded_where_the_policy_says_so() {
    let world = world();
    let limited = || world.case().policy("\norder = true", "\norder = true\ndelay = 86400");
    limited().passes();
    limited().stamped("20261110").is_open(S::SigConstraintsFailure);
    let claimed = |date| {
        let mut case = limited().stamped("20261110");
        case.claimed = Some(day(date));
        case
    };
    claimed("20261109").passes();
    claimed("20261108").is_open(S::SigConstraintsFailure);
}

#[test]
fn a_policy_may_ask_for_a_proven_time() {
    let world = world();
    let asked = || world.case().policy("proven-time = false", "proven-time = true");
    asked().is_open(S::SigConstraintsFailure);
    asked().stamped("20261110").passes();
    asked().archived("20261110").passes();
}

#[test]
fn a_time_stamp_that_does_not_hold_proves_nothing() {
    let world = world();
    let revoked = [(SIGNER, "20261110", 1)];
    let lists = world.lists(["20261121", "20261130"], &revoked);
    let proves = |case: &Case<'_>| case.is_open(S::RevokedNoPoe).timestamps[0].clone();
    let case = || world.case().crls(lists.clone());
    // Over something else.
    let mut other = case();
    other.stamps.push(world.token(b"other", day("20261109")));
    let stamp = proves(&other);
    assert!(!stamp.proves && stamp.sub_indication == Some(S::HashFailure), "{stamp:#?}");
    // Its unit revoked, expired, unknown; its algorithms ended.
    let both = [(SIGNER, "20261110", 1), (UNIT, "20261105", 1)];
    let stamp = proves(&world.case().crls(world.lists(["20261121", "20261130"], &both)).stamped("20261109"));
    assert_eq!(stamp.sub_indication, Some(S::RevokedNoPoe));
    let mut unknown = case().stamped("20261109");
    unknown.crls.remove(0);
    unknown.policy =
        unknown.policy.with_revocation(RevocationPolicy::Required, RevocationPolicy::IfAvailable);
    assert_eq!(proves(&unknown).sub_indication, Some(S::TryLater));
    let ended = "{ bits = 256, until = 2026-11-22 }";
    let weak = case().policy("{ bits = 256, until = \"open\" }", ended).stamped("20261109").run();
    assert!(!weak.timestamps[0].proves);
    let expired = Differently { unit: Some(["20200101000000Z", "20261110000000Z"]), ..Default::default() };
    let world = World::of(&expired);
    let case = world.case().crls(world.lists(["20261121", "20261130"], &revoked)).stamped("20261109");
    assert_eq!(proves(&case).sub_indication, Some(S::OutOfBoundsNoPoe));
}
