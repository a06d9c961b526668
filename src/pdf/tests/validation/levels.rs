//! Levels B-B to B-LTA, each with the reason why it is not the next, and the times that a report names.

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Kind, Level, Options, Report, SignatureReport, TimeSource, Verdict, verify};
use pki::crl::Crl;

use super::cast::{DAY, END, Kept, SIGNED, YEAR, cast, clean_lists};
use super::forge::{Cms, Party, Wish, archival, attribute, oid, seq, tlv};
use super::paper::Paper;
use super::words::sound;

const NEXT_WEEK: i64 = SIGNED + 7 * DAY;

/// Judged with fresh lists from outside.
fn judged(paper: &Paper, at: i64) -> Report {
    let lists: Vec<Crl> = clean_lists(at - DAY / 2).iter().map(|der| Crl::from_der(der).unwrap()).collect();
    let options = Options { crls: &lists, ..Options::new(&cast().anchors, at) };
    verify(&paper.bytes, &options, &Limits::default()).unwrap()
}

fn only_signature(report: &Report) -> &SignatureReport {
    let mut signatures = report.signatures.iter().filter(|signature| signature.kind == Kind::Signature);
    let signature = signatures.next().unwrap();
    assert!(signatures.next().is_none());
    signature
}

/// The level, and a word of the reason why it is not higher.
fn assert_level(paper: &Paper, level: Level, why: &str) {
    let report = judged(paper, NEXT_WEEK);
    let signature = only_signature(&report);
    assert_eq!(signature.level, level, "{:?}", signature.level_reason);
    match why {
        "" => assert_eq!(signature.level_reason, None),
        _ => assert!(
            signature.level_reason.as_deref().is_some_and(|reason| reason.contains(why)),
            "{:?}",
            signature.level_reason
        ),
    }
    let expected = if level == Level::None { report.verdict } else { Verdict::Valid };
    assert_eq!(report.verdict, expected, "{:?}", signature.reasons);
}

fn stamped() -> Cms<'static> {
    Cms { stamps: vec![(&cast().tsa, SIGNED)], ..sound() }
}

fn signed(cms: &Cms<'_>) -> Paper {
    Paper::new().sign(SIGNED, cms)
}

/// What a store needs for the seal and the time-stamp unit; valid for three weeks.
fn kept() -> Kept {
    Kept::at(SIGNED, 21)
}

#[test]
fn each_level_is_reached_by_what_it_asks_for() {
    let cast = cast();
    assert_level(&signed(&sound()), Level::BB, "no time-stamp that holds");
    assert_level(&signed(&stamped()), Level::BT, "what the document holds does not suffice");
    let long = kept().added_to(signed(&stamped()));
    assert_level(&long, Level::BLT, "no document time-stamp that holds follows");
    assert_level(&long.stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]), Level::BLTA, "");
}

#[test]
fn a_document_time_stamp_proves_the_time_too() {
    let cast = cast();
    let timed = signed(&sound()).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]);
    assert_level(&timed, Level::BT, "what the document holds does not suffice");
    let report = judged(&timed, NEXT_WEEK);
    assert_eq!(only_signature(&report).time_source, TimeSource::DocumentTimestamp);
    // Material that came later is not protected by the time-stamp before it; the next one does that.
    let long = kept().added_to(timed);
    assert_level(&long, Level::BLT, "covers all the validation material");
    assert_level(&long.stamp(&cast.tsa, SIGNED + 2 * DAY, &[&cast.ca]), Level::BLTA, "");
}

#[test]
fn a_store_without_the_time_stamps_own_material_is_no_long_term() {
    let cast = cast();
    let window = [SIGNED, SIGNED + 21 * DAY];
    let seal = cast.responder.ocsp(&cast.ca, &cast.seal, window, None);
    let root = cast.root.crl(window, &[]);
    let paper = signed(&stamped()).store(&[&cast.ca], &[&root], &[&seal]);
    assert_level(&paper, Level::BT, "Time-Stamp Unit");
}

#[test]
fn material_inside_the_cms_counts_for_long_term() {
    let cast = cast();
    let [root, ca] = clean_lists(SIGNED);
    let own = Cms { attributes: vec![archival(&[root, ca], &[])], ..stamped() };
    assert_level(&signed(&own), Level::BLT, "no document time-stamp that holds follows");
    assert_level(&signed(&own).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]), Level::BLTA, "");
}

#[test]
fn what_breaks_the_baseline_says_so() {
    let signing_time = attribute("1.2.840.113549.1.9.5", tlv(0x17, "200131000000Z"));
    for (cms, why) in [
        (Cms { unbound: true, ..sound() }, "signing-certificate-v2"),
        (Cms { attributes: vec![signing_time], ..sound() }, "signing time"),
    ] {
        assert_level(&signed(&cms), Level::None, why);
    }
    let mut altered = signed(&sound());
    let at = memchr::memmem::find(&altered.bytes, b"(hello)").unwrap();
    altered.bytes[at + 1] = b'j';
    assert_level(&altered, Level::None, "does not hold");
}

#[test]
fn a_reason_is_given_once() {
    let commitment = attribute("1.2.840.113549.1.9.16.2.16", seq(&[oid("1.2.840.113549.1.9.16.6.1")]));
    let committed = Cms { attributes: vec![commitment], ..sound() };
    let with_reason = || Paper::saying("/Reason (approved)");
    assert_level(&with_reason().sign(SIGNED, &sound()), Level::BB, "no time-stamp");
    assert_level(&signed(&committed), Level::BB, "no time-stamp");
    assert_level(&with_reason().sign(SIGNED, &committed), Level::None, "commitment type");
    let certified = Paper::saying("/Cert <00>");
    assert_level(&certified.sign(SIGNED, &sound()), Level::None, "/Cert");
}

#[test]
fn what_bears_a_later_time_was_not_there_yet() {
    let cast = cast();
    let late = SIGNED + 100 * DAY;
    let inside = signed(&Cms { stamps: vec![(&cast.tsa, late)], ..sound() });
    let beside = signed(&sound()).stamp(&cast.tsa, late, &[&cast.ca]);
    for paper in [&inside, &beside] {
        let report = judged(paper, NEXT_WEEK);
        let signature = only_signature(&report);
        assert_eq!((signature.level, signature.time_source), (Level::BB, TimeSource::ValidationTime));
        assert_eq!(signature.best_signature_time.as_deref(), Some("2020-02-07T00:00:00Z"));
        let report = judged(paper, late + DAY);
        assert_eq!(only_signature(&report).level, Level::BT);
    }
}

#[test]
fn newer_material_beside_the_archive_does_not_lower_the_level() {
    let cast = cast();
    let archived = kept().added_to(signed(&stamped())).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]);
    let more = Kept::at(SIGNED + 5 * DAY, 21).added_to(archived);
    assert_level(&more, Level::BLTA, "");
    let options = Options::new(&cast.anchors, NEXT_WEEK);
    let report = verify(&more.bytes, &options, &Limits::default()).unwrap();
    assert_eq!((report.verdict, only_signature(&report).level), (Verdict::Valid, Level::BLTA));
}

#[test]
fn an_embedded_time_stamp_that_fails_lowers_the_level_with_a_reason() {
    let cast = cast();
    let stranger = Party::root(Wish::new("Stranger", SIGNED - YEAR, END, super::cast::stamper()));
    let of_something_else = cast.tsa.token(b"another signature", SIGNED, &[&cast.ca]);
    for (cms, why) in [
        (Cms { stamps: vec![(&stranger, SIGNED)], ..sound() }, "no path"),
        (Cms { tokens: vec![of_something_else], ..sound() }, "message digest"),
        (Cms { tokens: vec![tlv(0x30, [1, 2])], ..sound() }, "cannot be read"),
    ] {
        let report = judged(&signed(&cms), NEXT_WEEK);
        let signature = only_signature(&report);
        assert_eq!((report.verdict, signature.level), (Verdict::Valid, Level::BB), "{:?}", signature.reasons);
        assert_eq!(signature.time_source, TimeSource::ValidationTime);
        let said =
            signature.reasons.iter().any(|reason| reason.contains("time-stamp") && reason.contains(why));
        assert!(said, "{:?}", signature.reasons);
    }
}

#[test]
fn the_best_time_is_the_earliest_that_is_proven() {
    let cast = cast();
    let text = |report: &Report| only_signature(report).best_signature_time.clone().unwrap();
    let own = signed(&stamped());
    assert_eq!(text(&judged(&own, NEXT_WEEK)), "2020-01-31T00:00:00Z");
    assert_eq!(only_signature(&judged(&own, NEXT_WEEK)).time_source, TimeSource::SignatureTimestamp);
    // A document time-stamp that is older than the one inside speaks for the signature.
    let late = Cms { stamps: vec![(&cast.tsa, SIGNED + 3 * DAY)], ..sound() };
    let both = signed(&late).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]);
    let report = judged(&both, NEXT_WEEK);
    assert_eq!(text(&report), "2020-02-01T00:00:00Z");
    assert_eq!(only_signature(&report).time_source, TimeSource::DocumentTimestamp);
    assert_eq!(only_signature(&report).timestamps.len(), 2);
    let none = judged(&signed(&sound()), NEXT_WEEK);
    assert_eq!(text(&none), "2020-02-07T00:00:00Z");
}

#[test]
fn an_archive_renewed_again_and_again_stays_one() {
    let cast = cast();
    let mut paper = kept().added_to(signed(&stamped())).stamp(&cast.tsa, SIGNED + DAY, &[&cast.ca]);
    for round in 1..6 {
        let at = SIGNED + round * 60 * DAY;
        paper = Kept::at(at, 21).added_to(paper).stamp(&cast.tsa, at + DAY, &[&cast.ca]);
        let report = judged(&paper, at + 7 * DAY);
        assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
        assert_eq!(only_signature(&report).level, Level::BLTA, "{:?}", only_signature(&report).level_reason);
        assert_eq!(report.signatures.len(), 2 + round as usize);
    }
}

#[test]
fn an_archive_renewed_in_time_outlives_its_authorities() {
    let judged = |name: &str| {
        let case = super::turns::cases().into_iter().find(|case| case.name == name).unwrap();
        case.report()
    };
    let report = judged("archive renewed in time");
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Valid, 0), "{report:#?}");
    assert_eq!(only_signature(&report).level, Level::BLTA, "{:?}", only_signature(&report).level_reason);
    assert_eq!(only_signature(&report).best_signature_time.as_deref(), Some("2020-01-31T00:00:00Z"));
    // What came too late still proves a time, of which nothing good follows.
    for (name, level) in [("archive not renewed", Level::BB), ("archive renewed too late", Level::BT)] {
        let report = judged(name);
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Undecided, 4), "{name}");
        assert_eq!(only_signature(&report).level, level, "{name}");
    }
}

#[test]
fn time_stamps_alone_sign_nothing() {
    let cast = cast();
    let paper = Paper::new().stamp(&cast.tsa, SIGNED, &[&cast.ca]);
    let report = judged(&paper, NEXT_WEEK);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::TimestampOnly, 5));
    let mut broken = paper;
    let at = memchr::memmem::find(&broken.bytes, b"(hello)").unwrap();
    broken.bytes[at + 1] = b'j';
    let report = judged(&broken, NEXT_WEEK);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3));
}

#[test]
fn a_document_time_stamp_that_does_not_hold_proves_nothing_and_is_undecided() {
    let stranger = Party::root(Wish::new("Stranger", SIGNED - YEAR, END, super::cast::stamper()));
    let paper = kept().added_to(signed(&stamped())).stamp(&stranger, SIGNED + DAY, &[]);
    let report = judged(&paper, NEXT_WEEK);
    assert_eq!(report.verdict, Verdict::Undecided);
    let signature = only_signature(&report);
    assert_eq!(signature.level, Level::BLT);
    assert_eq!(signature.indication, pki::Indication::TotalPassed);
}
