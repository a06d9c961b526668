//! Expiry, revocation and the end of an algorithm, each without and with a proof of existence from before it: a
//! signature time-stamp, a document time-stamp, and an archive renewed across the end of an authority's certificate.

use pki::SubIndication as Sub;
use pki::validation::Process::{Archival, Basic, WithTime};

use super::cases::{Case, PASSED, policy, undecided};
use super::cast::{DAY, END, Kept, SIGNED, YEAR, cast, clean_lists};
use super::forge::Cms;
use super::paper::Paper;
use super::strong::{ENDED, strong};
use super::words::sound;

/// Two years after the seal's certificate ended, and its short-lived time-stamp authority's.
const LATER: i64 = END + 2 * YEAR;

pub fn cases() -> Vec<Case> {
    let mut cases = expiry();
    cases.extend(revocation());
    cases.extend(algorithm());
    cases.extend(renewal());
    cases.extend(coverage());
    cases
}

/// Signed with a signature time-stamp, then a store with everything, then a document time-stamp.
fn archived(cms: &Cms<'_>) -> Paper {
    let cast = cast();
    let signed = Paper::new().sign(SIGNED, &Cms { stamps: vec![(&cast.tsa, SIGNED)], ..cms.clone() });
    Kept::at(SIGNED, 5).added_to(signed).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca])
}

impl Case {
    /// With what is known after the seal's certificate ended: of the authorities and of the time-stamp unit, and no
    /// longer of the seal.
    fn later(self) -> Self {
        let cast = cast();
        let window = [LATER - DAY, LATER + DAY];
        let good = |whom| cast.responder.ocsp(&cast.ca, whom, window, None);
        let mut case = self.knowing([cast.root.crl(window, &[])]);
        case.ocsps = vec![good(&cast.tsa)];
        case
    }
}

fn expiry() -> Vec<Case> {
    let cast = cast();
    let bare = Paper::new().sign(SIGNED, &sound());
    let only_document =
        Kept::at(SIGNED, 5).added_to(bare.clone()).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]);
    vec![
        Case::new("expired, no proof", bare, LATER, Basic, undecided(Sub::OutOfBoundsNoPoe)).later(),
        Case::new("expired, document time-stamp before", only_document, LATER, Archival, PASSED).later(),
        Case::new("expired, both time-stamps before", archived(&sound()), LATER, Archival, PASSED).later(),
    ]
}

fn revocation() -> Vec<Case> {
    let cast = cast();
    let at = SIGNED + 60 * DAY;
    let window = [at - DAY, at + 30 * DAY];
    let lists = || [cast.root.crl(window, &[]), cast.ca.crl(window, &[(&cast.seal, SIGNED + 30 * DAY, 1)])];
    let bare = Paper::new().sign(SIGNED, &sound());
    let stamped = |time| Paper::new().sign(SIGNED, &Cms { stamps: vec![(&cast.tsa, time)], ..sound() });
    let document = |time| {
        let signed = Paper::new().sign(SIGNED, &sound());
        Kept::at(SIGNED, 5).added_to(signed).stamp(&cast.tsa, time, &[&cast.ca])
    };
    let case =
        |name, paper, process, expected| Case::new(name, paper, at, process, expected).knowing(lists());
    vec![
        case("revoked, no proof", bare, Basic, undecided(Sub::RevokedNoPoe)),
        case("revoked, signature time-stamp before", stamped(SIGNED), WithTime, PASSED),
        case(
            "revoked, signature time-stamp after",
            stamped(SIGNED + 40 * DAY),
            WithTime,
            undecided(Sub::RevokedNoPoe),
        ),
        case("revoked, document time-stamp before", document(SIGNED + DAY), Archival, PASSED),
        case(
            "revoked, document time-stamp after",
            document(SIGNED + 40 * DAY),
            Archival,
            undecided(Sub::RevokedNoPoe),
        ),
        case("revoked, both time-stamps before", archived(&sound()), Archival, PASSED),
    ]
}

fn algorithm() -> Vec<Case> {
    let strong = strong();
    let at = SIGNED + 100 * DAY;
    let plain = Cms::new(&strong.seal, &[&strong.ca]);
    let stamped =
        |time| Paper::new().sign(SIGNED, &Cms { stamps: vec![(&strong.tsa, time)], ..plain.clone() });
    let kept = strong.lists(SIGNED);
    let document = |time| {
        Paper::new().sign(SIGNED, &plain).store(&[&strong.ca], &[&kept[0], &kept[1]], &[]).stamp(
            &strong.tsa,
            time,
            &[&strong.ca],
        )
    };
    let both = stamped(SIGNED).store(&[&strong.ca], &[&kept[0], &kept[1]], &[]).stamp(
        &strong.tsa,
        SIGNED + DAY,
        &[&strong.ca],
    );
    let case = |name, paper, process, expected| {
        let mut case = Case::new(name, paper, at, process, expected)
            .knowing(strong.lists(at - DAY))
            .under(policy(&ENDED));
        case.anchors = vec![strong.root.certificate.clone()];
        case.ends = vec![("ecdsa256", super::strong::ENDS)];
        case
    };
    let no_poe = undecided(Sub::CryptoConstraintsFailureNoPoe);
    vec![
        case("algorithm ended, no proof", Paper::new().sign(SIGNED, &plain), Basic, no_poe),
        case("algorithm ended, signature time-stamp before", stamped(SIGNED), Archival, PASSED),
        case("algorithm ended, signature time-stamp after", stamped(at - DAY), WithTime, no_poe),
        case("algorithm ended, both time-stamps before", both, Archival, PASSED),
        case("algorithm ended, document time-stamp before", document(SIGNED + DAY), Archival, PASSED),
        case("algorithm ended, document time-stamp after", document(at - DAY), Archival, no_poe),
    ]
}

/// The signature and its first document time-stamp are by certificates that end together; a renewal before that end,
/// with the revocation information of both, carries the proof on.
fn renewal() -> Vec<Case> {
    let cast = cast();
    let first = || {
        let signed = Paper::new().sign(SIGNED, &Cms { stamps: vec![(&cast.short_tsa, SIGNED)], ..sound() });
        Kept::at(SIGNED, 5).added_to(signed).stamp(&cast.short_tsa, SIGNED + DAY, &[&cast.ca])
    };
    let renewed = |at, days| Kept::at(at - DAY, days).added_to(first()).stamp(&cast.tsa, at, &[&cast.ca]);
    vec![
        Case::new("archive before the authority's end", first(), END - 10 * DAY, Archival, PASSED)
            .knowing(clean_lists(END - 11 * DAY)),
        Case::new("archive not renewed", first(), LATER, Archival, undecided(Sub::OutOfBoundsNotRevoked))
            .later(),
        Case::new("archive renewed in time", renewed(END - 10 * DAY, 5), LATER, Archival, PASSED).later(),
        // Control time must not slide past the certificate's end to where the evidence was due to be renewed.
        Case::new(
            "archive renewed with evidence beyond the end",
            renewed(END - 10 * DAY, 30),
            LATER,
            Archival,
            PASSED,
        )
        .later(),
        Case::new(
            "archive renewed too late",
            renewed(END + 10 * DAY, 5),
            LATER,
            Archival,
            undecided(Sub::OutOfBoundsNotRevoked),
        )
        .later(),
    ]
}

/// The seal and its authority have ended: their list counts only if it is proven to have existed before, and a document
/// time-stamp proves that of what stands in the revisions before it, not of what came after.
fn coverage() -> Vec<Case> {
    let cast = cast();
    let at = END + 10 * DAY;
    let list = cast.short_ca.crl([SIGNED, SIGNED + 5 * DAY], &[]);
    let signed = || Paper::new().sign(SIGNED, &Cms::new(&cast.brief, &[&cast.short_ca]));
    let before = signed().store(&[], &[&list], &[]).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]);
    let after = signed().stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]).store(&[], &[&list], &[]);
    let no_poe = undecided(Sub::RevocationOutOfBoundsNoPoe);
    let case = |name, paper, expected| {
        Case::new(name, paper, at, Archival, expected).knowing(clean_lists(END - DAY))
    };
    vec![
        case("covered, evidence before the time-stamp", before, PASSED),
        case("covered, evidence after the time-stamp", after, no_poe),
    ]
}

/// A seal on hold whose holder puts a response of before into the document, and one that was released.
#[test]
fn a_hold_outlives_the_response_of_before_that_stands_in_the_document() {
    let cast = cast();
    let (at, hour) = (SIGNED + 10 * DAY, 3600);
    let lists = || {
        let window = [at - hour, at + DAY];
        [cast.root.crl(window, &[]), cast.ca.crl(window, &[(&cast.seal, at - 2 * hour, 6)])]
    };
    let with = |answered, expected| {
        let response = cast.responder.ocsp(&cast.ca, &cast.seal, [answered, at + DAY], None);
        let paper =
            Paper::new().sign(SIGNED, &sound()).store(&[&cast.ca, &cast.responder], &[], &[&response]);
        let case = Case::new("on hold", paper, at, Basic, expected).knowing(lists());
        let (outcome, reasons) = case.outcome();
        assert_eq!(outcome, expected, "{reasons:?}");
        case.report().exit_code()
    };
    assert_eq!(with(at - 20 * hour, undecided(Sub::TryLater)), 4);
    assert_eq!(with(at - hour, undecided(Sub::TryLater)), 4);
    assert_eq!(with(at - hour / 2, PASSED), 0);
}
