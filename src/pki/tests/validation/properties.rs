//! What must hold whatever is brought along.

use std::{collections::BTreeMap, convert::Infallible, sync::Mutex};

use cinnabar_pki::{
    Crl, Indication, SubIndication as S,
    path::RevocationPolicy,
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

/// What really happened, in days of November 2026 (1 to 30), and what of it is brought along.
#[derive(Clone, Debug)]
struct History {
    /// When the signer's and the authority's certificates run out.
    ends: [i64; 2],
    /// When they are revoked, or put on hold.
    revoked: [Option<(i64, u8)>; 2],
    /// When lists are made; each is good for five days.
    lists: Vec<i64>,
    stamped: Option<i64>,
    archived: Option<i64>,
    at: i64,
    /// What must be known about the authority.
    authorities: RevocationPolicy,
}

fn history() -> impl Strategy<Value = History> {
    let ends = [prop::sample::select(vec![12, 20, 60]), prop::sample::select(vec![14, 22, 60])];
    let revoked = || prop::option::weighted(0.4, (1_i64..30, prop::sample::select(vec![1_u8, HOLD])));
    let lists = prop::collection::vec(1_i64..30, 0..4);
    let proof = || prop::option::weighted(0.7, 1_i64..30);
    let demand = prop::sample::select(vec![RevocationPolicy::Required, RevocationPolicy::IfAvailable]);
    (ends, [revoked(), revoked()], lists, proof(), proof(), 10_i64..40, demand).prop_map(
        |(ends, revoked, mut lists, stamped, archived, at, authorities)| {
            // Nothing is of the future.
            lists.retain(|made| *made <= at);
            History { ends, revoked, lists, stamped, archived, at, authorities }
        },
    )
}

fn november(day_of_month: i64) -> i64 {
    day("20261101") + (day_of_month - 1) * DAY
}

const DATES: [&str; 31] = [
    "", "20261101", "20261102", "20261103", "20261104", "20261105", "20261106", "20261107", "20261108",
    "20261109", "20261110", "20261111", "20261112", "20261113", "20261114", "20261115", "20261116",
    "20261117", "20261118", "20261119", "20261120", "20261121", "20261122", "20261123", "20261124",
    "20261125", "20261126", "20261127", "20261128", "20261129", "20261130",
];

/// `YYYYMMDD` of a day that may lie in December or January.
fn date(day_of_month: i64) -> String {
    match day_of_month {
        ..=30 => format!("202611{day_of_month:02}"),
        31..=61 => format!("202612{:02}", day_of_month - 30),
        _ => format!("202701{:02}", day_of_month - 61),
    }
}

/// Worlds by the ends of their certificates: keys take time.
fn world_of([signer, authority]: [i64; 2]) -> &'static World {
    static WORLDS: Mutex<BTreeMap<[i64; 2], &'static World>> = Mutex::new(BTreeMap::new());
    let until = |end: i64| -> &'static str { Box::leak(format!("{}000000Z", date(end)).into_boxed_str()) };
    WORLDS.lock().unwrap().entry([signer, authority]).or_insert_with(|| {
        Box::leak(Box::new(World::of(&Differently {
            signer: Some(["20261102000000Z", until(signer)]),
            authority: Some(["20200101000000Z", until(authority)]),
            ..Default::default()
        })))
    })
}

impl History {
    /// A list tells what had happened when it was made.
    fn known(&self, made: i64) -> Vec<(u8, &'static str, u8)> {
        let known = self.revoked.iter().zip([SIGNER, AUTHORITY]).filter_map(|(revoked, serial)| {
            let (when, reason) = revoked.filter(|(when, _)| *when <= made)?;
            Some((serial, DATES[when as usize], reason))
        });
        known.collect()
    }

    fn case(&self) -> Case<'static> {
        let world = world_of(self.ends);
        let mut case = world.case();
        case.at = november(self.at);
        case.crls.clear();
        for made in &self.lists {
            case.crls.extend(world.lists([&date(*made), &date(made + 5)], &self.known(*made)));
        }
        // The unit is not the question: a list of the root's that speaks of it is always at hand.
        let of_unit =
            world.lists([&date(self.at - 1), &date(self.at + 1)], &self.known(self.at - 1)).swap_remove(0);
        case.policy = case.policy.with_revocation(RevocationPolicy::Required, self.authorities);
        if self.stamped.is_some() {
            case.crls.push(of_unit);
        }
        if let Some(stamped) = self.stamped.filter(|stamped| *stamped <= self.at) {
            case = case.stamped(&date(stamped));
        }
        match self.archived.filter(|archived| *archived <= self.at) {
            Some(archived) => {
                // Nothing is archived before it is there.
                let later = |crl: &Crl| crl.this_update() > november(archived);
                let (later, then): (Vec<_>, Vec<_>) = case.crls.iter().cloned().partition(later);
                case.crls = then;
                let stamps = self.stamped.is_none_or(|stamped| stamped <= archived);
                let tokens = if stamps { Vec::new() } else { std::mem::take(&mut case.stamps) };
                case = case.archived(&date(archived));
                case.crls.extend(later);
                case.stamps.extend(tokens);
                case
            }
            None => case,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

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
    fn whatever_passes_was_made_while_its_certificates_were_good(history in history()) {
        let outcome = history.case().run();
        prop_assert!(outcome.best_signature_time <= outcome.at);
        if outcome.indication != Indication::TotalPassed {
            return Ok(());
        }
        let best = outcome.best_signature_time;
        let [signer_end, authority_end] = history.ends.map(november);
        prop_assert!(best >= day("20261102") && best <= signer_end && best <= authority_end, "{outcome:#?}");
        for revoked in history.revoked {
            let Some((when, _)) = revoked else { continue };
            // Somebody said so: a list that was made since then, and is believed.
            let told = history.lists.iter().any(|made| *made >= when && november(*made) <= signer_end);
            prop_assert!(!told || best < november(when), "{outcome:#?}");
        }
        // Known not to be revoked then: by a list that was fresh, or by one that says when it was later.
        let fresh = |made: &i64| best <= november(made + 5);
        let later = history.revoked[0].is_some_and(|(when, _)| best < november(when));
        prop_assert!(later || history.lists.iter().any(fresh), "{outcome:#?}");
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
