//! What revocation lists and OCSP responses prove at a time, past or present (RFC 5280 §6.3.3, RFC 6960 §3.2).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod forge;

use cinnabar_pki::{
    Certificate, Crl, Reason, Revoked,
    ocsp::{BasicResponse, CertId, IssuerId, Responder, Single, Status, respond},
    path::{Evidence, PathVerdict, Policy, Request, RevocationPolicy, TrustAnchors, validate},
};
use forge::*;

/// 2026-11-22, and one day.
const AT: i64 = 1_795_305_600;
const DAY: i64 = 86_400;

struct World {
    root: Party,
    anchor: Certificate,
    leaf: Certificate,
}

fn world() -> World {
    let (root, holder) = (Party::new("root"), Party::new("leaf"));
    let anchor = root.certify(&root, &[ca(None), usage(6)]);
    let leaf = root.certify_with(&holder, &[7], &[]);
    World { root, anchor, leaf }
}

impl World {
    /// `valid`, or what stood in the way; judged by what was there at `at` unless `later` evidence counts.
    fn ask(&self, at: i64, later: bool, crls: &[Crl], ocsp: &[BasicResponse]) -> String {
        let anchors = TrustAnchors::new(vec![self.anchor.clone()]);
        let mut policy = Policy::new(RevocationPolicy::Required);
        policy.later_evidence = later;
        let request = Request { crls, ocsp, policy, ..Request::new(&self.leaf, &anchors, at) };
        match validate(&request) {
            PathVerdict::Trusted(path) => {
                assert!(matches!(path.evidence(), [Evidence::Good { .. } | Evidence::Answered { .. }]));
                "valid".into()
            }
            other => other.failure().unwrap().to_string(),
        }
    }

    fn list(&self, number: u8, days: [&str; 2], revoked: &[(&[u8], &str, u8)], more: &[Vec<u8>]) -> Crl {
        let number = ext("2.5.29.20", false, tlv(2, [number]));
        self.root.list(days, revoked, &[&[number], more].concat())
    }

    fn delta(&self, base: u8, number: u8, revoked: &[(&[u8], &str, u8)]) -> Crl {
        self.list(number, NOW, revoked, &[ext("2.5.29.27", true, tlv(2, [base]))])
    }
}

/// From the day before [`AT`] on.
const NOW: [&str; 2] = ["20261121", "20261130"];
const BEFORE: [&str; 2] = ["20261101", "20261115"];
const LATER: [&str; 2] = ["20261201", "20261231"];
const HOLD: u8 = 6;
const REMOVE: u8 = 8;

#[track_caller]
fn check(found: String, expected: &str) {
    assert!(found.contains(expected), "expected `{expected}`: {found}");
}

#[test]
fn a_list_speaks_for_its_own_time() {
    let world = world();
    let ask = |later, lists: &[Crl]| world.ask(AT, later, lists, &[]);
    let leaf = |date| [(&[7_u8][..], date, 1)];
    let list = |days, revoked: &[(&[u8], &str, u8)]| [world.list(1, days, revoked, &[])];
    for later in [false, true] {
        check(ask(later, &[]), "no CRL of its issuer");
        check(ask(later, &list(NOW, &[])), "valid");
        check(ask(later, &list(NOW, &[(&[8], "20261101", 1)])), "valid");
        check(ask(later, &list(NOW, &leaf("20261101"))), "is revoked (keyCompromise)");
        check(ask(later, &list(BEFORE, &[])), "out of date");
        check(ask(later, &list(BEFORE, &leaf("20261101"))), "is revoked");
        // Later lists tell of before, in either way of asking.
        check(ask(later, &list(LATER, &leaf("20261101"))), "is revoked");
        check(ask(later, &list(LATER, &leaf("20261123"))), "valid");
        let both = [list(NOW, &[]), list(LATER, &leaf("20261101"))].concat();
        check(ask(later, &both), "is revoked");
    }
    check(ask(true, &list(LATER, &[])), "valid");
    check(ask(false, &list(LATER, &[])), "issued after the time in question");
    // Listed now with a date to come: revoked, unless a signature's proven time is asked about.
    check(ask(false, &list(NOW, &leaf("20261123"))), "is revoked");
    check(ask(true, &list(NOW, &leaf("20261123"))), "valid");
}

#[test]
fn a_hold_ends_with_a_newer_list_and_what_is_listed_twice_proves_nothing() {
    let world = world();
    let held = world.list(1, ["20261110", "20261130"], &[(&[7], "20261109", HOLD)], &[]);
    check(world.ask(AT, false, std::slice::from_ref(&held), &[]), "is revoked (certificateHold)");
    let released = world.list(2, NOW, &[], &[]);
    check(world.ask(AT, false, &[held, released], &[]), "valid");
    let twice = world.list(1, NOW, &[(&[8], "20261101", 1), (&[8], "20261101", 1)], &[]);
    check(world.ask(AT, false, &[twice], &[]), "lists a certificate twice");
}

#[test]
fn a_delta_changes_the_base_it_fits() {
    let world = world();
    let ask = |lists: &[Crl]| world.ask(AT, false, lists, &[]);
    let base = |revoked: &[(&[u8], &str, u8)]| world.list(5, BEFORE, revoked, &[]);
    let revoked: [(&[u8], &str, u8); 1] = [(&[7], "20261116", 1)];
    let held: [(&[u8], &str, u8); 1] = [(&[7], "20261102", HOLD)];
    let removed: [(&[u8], &str, u8); 1] = [(&[7], "20261116", REMOVE)];
    check(ask(&[world.delta(5, 6, &[])]), "no CRL of its issuer");
    check(ask(&[base(&[]), world.delta(5, 6, &[])]), "valid");
    check(ask(&[base(&[]), world.delta(5, 6, &revoked)]), "is revoked");
    check(ask(&[base(&held), world.delta(5, 6, &[])]), "certificateHold");
    check(ask(&[base(&held), world.delta(5, 6, &removed)]), "valid");
    check(ask(&[base(&[]), world.delta(6, 7, &[])]), "out of date");
    check(ask(&[base(&held), world.delta(4, 5, &removed)]), "certificateHold");
    let stranger = Party::named(world.root.name.clone());
    let indicator = [ext("2.5.29.20", false, tlv(2, [6])), ext("2.5.29.27", true, tlv(2, [5]))];
    let forged = stranger.list(NOW, &removed, &indicator);
    check(ask(&[base(&held), forged]), "certificateHold");
}

#[test]
fn a_list_outside_its_scope_or_of_another_signer_proves_nothing() {
    let world = world();
    let ask = |lists: &[Crl]| world.ask(AT, false, lists, &[]);
    let scope = |flag: Vec<u8>| ext("2.5.29.28", true, seq(&[flag]));
    let of = |flag| [world.list(1, NOW, &[], &[scope(flag)])];
    let point = tlv(0xA0, tlv(0xA0, tlv(0x86, "http://a.cn/1.crl")));
    check(ask(&of(tlv(0x81, [0xFF]))), "valid");
    check(ask(&of(tlv(0x82, [0xFF]))), "does not cover this kind");
    check(ask(&of(tlv(0x85, [0xFF]))), "does not cover this kind");
    check(ask(&of(tlv(0x83, [1, 0x40]))), "only some reasons");
    check(ask(&of(point)), "another distribution point");
    let halves = [&[1, 0x40][..], &[7, 0x3F, 0x80]].map(|bits| of(tlv(0x83, bits)));
    check(ask(&halves.concat()), "valid");
    check(ask(&[world.list(1, NOW, &[], &[ext("1.2.3", true, tlv(5, []))])]), "unknown critical");
    check(ask(&[world.root.list(NOW, &[], &[ext("2.5.29.20", true, tlv(2, [1]))])]), "unknown critical");
    let stranger = Party::named(world.root.name.clone());
    check(ask(&[stranger.list(NOW, &[], &[])]), "signature does not verify");
}

struct Answer {
    status: Status,
    produced: i64,
    next: Option<i64>,
}

impl World {
    fn id(&self) -> CertId {
        IssuerId::of(&self.anchor).id(self.leaf.serial())
    }

    fn answer(&self, responder: &Responder, key: &Party, answer: &Answer) -> BasicResponse {
        let id = self.id();
        let single = Single {
            id: &id,
            status: answer.status,
            this_update: answer.produced,
            next_update: answer.next,
            cert_hash: None,
            archive_cutoff: None,
        };
        let der = respond(responder, &*key.key, answer.produced, &[single], None).unwrap();
        BasicResponse::from_response_der(&der).unwrap()
    }
}

#[test]
fn an_answer_counts_at_its_time_and_from_whom_it_may_come() {
    let world = world();
    let own = Responder::new(world.anchor.clone(), &world.anchor).unwrap();
    let ask = |at, answer: Answer| world.ask(at, false, &[], &[world.answer(&own, &world.root, &answer)]);
    let revoked = |time| Status::Revoked(Revoked { time, reason: Some(Reason::Superseded) });
    let good = |produced, next| Answer { status: Status::Good, produced, next };
    check(ask(AT, good(AT - DAY, Some(AT + DAY))), "valid");
    check(ask(AT, good(AT - 2 * DAY, Some(AT - DAY))), "out of date");
    check(ask(AT, good(AT - DAY, None)), "valid");
    check(ask(AT, good(AT - DAY - 1, None)), "out of date");
    check(ask(AT, good(AT + DAY, None)), "issued after the time in question");
    check(ask(AT, Answer { status: Status::Unknown, ..good(AT, Some(AT)) }), "does not know");
    check(ask(AT, Answer { status: revoked(AT - 9 * DAY), ..good(AT, Some(AT)) }), "is revoked (superseded)");
    check(ask(AT, Answer { status: revoked(AT - 9), ..good(AT + DAY, None) }), "is revoked");
    check(ask(AT, Answer { status: revoked(AT + 9), ..good(AT + DAY, None) }), "valid");
}

#[test]
fn a_delegate_is_believed_unless_revoked_and_a_list_outweighs_a_good_answer() {
    let world = world();
    let helper = Party::new("responder");
    let uses = purposes(&["1.3.6.1.5.5.7.3.9"]);
    let delegate = world.root.certify_with(&helper, &[9], std::slice::from_ref(&uses));
    let responder = Responder::new(delegate, &world.anchor).unwrap();
    let good = Answer { status: Status::Good, produced: AT - 60, next: Some(AT + 60) };
    let answer = world.answer(&responder, &helper, &good);
    let ask = |lists: &[Crl]| world.ask(AT, false, lists, std::slice::from_ref(&answer));
    check(ask(&[]), "valid");
    check(ask(&[world.list(1, NOW, &[(&[9], "20261101", 1)], &[])]), "valid");
    check(ask(&[world.list(1, BEFORE, &[(&[9], "20261101", 1)], &[])]), "OCSP responder is revoked");
    check(ask(&[world.list(1, BEFORE, &[(&[7], "20261101", 1)], &[])]), "is revoked");
    check(ask(&[world.list(1, BEFORE, &[(&[7], "20261101", HOLD)], &[])]), "valid");
    let nocheck = ext("1.3.6.1.5.5.7.48.1.5", false, tlv(5, []));
    let delegate = world.root.certify_with(&helper, &[9], &[uses, nocheck]);
    let responder = Responder::new(delegate, &world.anchor).unwrap();
    let answer = world.answer(&responder, &helper, &good);
    let lists = [world.list(1, BEFORE, &[(&[9], "20261101", 1)], &[])];
    check(world.ask(AT, false, &lists, std::slice::from_ref(&answer)), "valid");
    // Another authority's responder, and another key.
    let stranger = Party::named(world.root.name.clone());
    let own = stranger.certify(&stranger, &[ca(None)]);
    let foreign = Responder::new(own.clone(), &own).unwrap();
    check(world.ask(AT, false, &[], &[world.answer(&foreign, &stranger, &good)]), "certificate is not there");
}

#[test]
fn a_hold_yields_only_to_what_was_said_later() {
    let world = world();
    let own = Responder::new(world.anchor.clone(), &world.anchor).unwrap();
    let answer = |status, produced| {
        world.answer(&own, &world.root, &Answer { status, produced, next: Some(AT + DAY) })
    };
    let on_hold = Status::Revoked(Revoked { time: AT - 9 * DAY, reason: Some(Reason::CertificateHold) });
    let gone = Status::Revoked(Revoked { time: AT - 9 * DAY, reason: Some(Reason::KeyCompromise) });
    let good = |produced| answer(Status::Good, produced);
    let held = |produced| answer(on_hold, produced);
    // A list of a day before.
    let listed = |entries: &[(&[u8], &str, u8)]| [world.list(1, NOW, entries, &[])];
    let on_list = listed(&[(&[7], "20261120", HOLD)]);
    let cases = [
        // The holder brings along a response of before the list that suspends it.
        (&on_list[..], vec![good(AT - DAY - 60)], "certificateHold"),
        (&on_list, vec![good(AT - DAY)], "certificateHold"),
        (&on_list, vec![good(AT - 60)], "valid"),
        (&on_list, vec![held(AT - 60)], "certificateHold"),
        (&on_list, vec![held(AT - 60), good(AT - 30)], "valid"),
        (&on_list, vec![answer(Status::Unknown, AT - 60)], "certificateHold"),
        // A responder that suspends it, and a list.
        (&listed(&[]), vec![held(AT - DAY - 60)], "valid"),
        (&listed(&[]), vec![held(AT - DAY)], "certificateHold"),
        (&listed(&[]), vec![held(AT - 60)], "certificateHold"),
        (&listed(&[(&[7], "20261120", 1)]), vec![held(AT - 60)], "keyCompromise"),
        (&listed(&[(&[7], "20261120", 1)]), vec![good(AT - 60)], "keyCompromise"),
        // Responders alone: the newest says it.
        (&[], vec![held(AT - 60)], "certificateHold"),
        (&[], vec![held(AT - 90), good(AT - 60)], "valid"),
        (&[], vec![held(AT - 60), good(AT - 60)], "certificateHold"),
        (&[], vec![held(AT - 30), good(AT - 60)], "certificateHold"),
        (&[], vec![held(AT - 30), answer(Status::Unknown, AT - 20)], "certificateHold"),
        (&[], vec![held(AT - 90), answer(gone, AT - 70), good(AT - 60)], "keyCompromise"),
    ];
    for (lists, mut answers, expected) in cases {
        check(world.ask(AT, false, lists, &answers), expected);
        answers.reverse();
        check(world.ask(AT, false, lists, &answers), expected);
    }
}
