//! RFC 5280's rules one by one, on certificates made for each: what must pass, and each way to fail. Public suites hold
//! the like (x509-limbo, BetterTLS); here every case is its own, with the section it comes from.
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
    Certificate, Crl, GeneralName, NameConstraints,
    path::{
        Anchor, Constraints, ObjectIdentifier, PathVerdict, PeerName, PolicyInputs, Purpose, Request,
        TrustAnchors, validate,
    },
};
use forge::*;

/// 2026-11-22.
const AT: i64 = 1_795_305_600;

/// Validates `leaf`; what stood in the way, if anything.
fn outcome(leaf: &Certificate, untrusted: &[Certificate], anchor: &Certificate) -> Result<(), String> {
    asked(leaf, untrusted, anchor, Purpose::Any, "")
}

fn asked(
    leaf: &Certificate,
    untrusted: &[Certificate],
    anchor: &Certificate,
    purpose: Purpose,
    name: &str,
) -> Result<(), String> {
    let anchors = TrustAnchors::new(vec![anchor.clone()]);
    let name: Option<PeerName> = name.parse().ok();
    let request = Request { untrusted, purpose, name: name.as_ref(), ..Request::new(leaf, &anchors, AT) };
    match validate(&request) {
        PathVerdict::Trusted(_) => Ok(()),
        PathVerdict::Undecided(failure) | PathVerdict::Rejected(failure) => Err(failure.to_string()),
    }
}

#[track_caller]
fn check(case: &str, found: Result<(), String>, expected: &str) {
    match found {
        Ok(()) => assert_eq!(expected, "valid", "{case} is taken for valid"),
        Err(why) => assert!(why.contains(expected), "{case}: {why}"),
    }
}

/// Root and leaf.
fn below_root(root: &[Vec<u8>], leaf: &[Vec<u8>]) -> Result<(), String> {
    let (issuer, holder) = (Party::new("root"), Party::new("leaf"));
    outcome(&issuer.certify(&holder, leaf), &[], &issuer.certify(&issuer, root))
}

/// Root, one authority and leaf.
fn below_authority(authority: &[Vec<u8>], leaf: &[Vec<u8>]) -> Result<(), String> {
    let (root, middle, holder) = (Party::new("root"), Party::new("authority"), Party::new("leaf"));
    let anchor = root.certify(&root, &[ca(None)]);
    outcome(&middle.certify(&holder, leaf), &[root.certify(&middle, authority)], &anchor)
}

#[test]
fn basic_constraints_and_key_usage_make_a_ca() {
    let cases: &[(&str, Vec<Vec<u8>>, &str)] = &[
        ("a CA", vec![ca(None)], "valid"),
        ("with key usage", vec![ca(None), usage(6)], "valid"),
        ("not critical", vec![ext("2.5.29.19", false, seq(&[tlv(1, [0xFF])]))], "valid"),
        ("without basicConstraints", vec![usage(6)], "not a CA"),
        ("without any extension", vec![], "not a CA"),
        ("cA false", vec![ext("2.5.29.19", true, seq(&[]))], "not a CA"),
        ("without keyCertSign", vec![ca(None), usage(2)], "may not sign certificates"),
        ("unknown critical extension", vec![ca(None), ext("1.2.3.4", true, tlv(5, []))], "unknown critical"),
        ("unknown extension", vec![ca(None), ext("1.2.3.4", false, tlv(5, []))], "valid"),
        (
            "critical key identifier",
            vec![ca(None), ext("2.5.29.14", true, tlv(4, [1]))],
            "critical that must not",
        ),
        ("empty name constraints", vec![ca(None), limits(&[], &[])], "without a name"),
        ("for other purposes", vec![ca(None), purposes(&["1.3.6.1.5.5.7.3.4"])], "valid"),
    ];
    for (case, authority, expected) in cases {
        check(case, below_authority(authority, &[]), expected);
    }
    for (case, root, expected) in cases.iter().filter(|(case, ..)| *case != "without any extension") {
        check(case, below_root(root, &[]), expected);
    }
}

#[test]
fn an_end_certificate_must_not_contradict_itself() {
    for (case, leaf, expected) in [
        ("keyCertSign of no CA", vec![ext("2.5.29.19", true, seq(&[])), usage(0x84)], "key usage of a CA"),
        ("name constraints of no CA", vec![limits(&[dns("a.cn")], &[])], "of no CA"),
        ("unknown critical extension", vec![ext("1.2.3.4", true, tlv(5, []))], "unknown critical"),
        ("a CA as the end", vec![ca(Some(0)), usage(4)], "valid"),
    ] {
        check(case, below_root(&[ca(None)], &leaf), expected);
    }
    let (root, nobody) = (Party::new("root"), Party::named(name(&[])));
    let anchor = root.certify(&root, &[ca(None)]);
    let critical = ext("2.5.29.17", true, seq(&[dns("a.cn")]));
    check(
        "no name",
        outcome(&root.certify(&nobody, &[san(&[dns("a.cn")])]), &[], &anchor),
        "without a subject",
    );
    check("critical name", outcome(&root.certify(&nobody, &[critical]), &[], &anchor), "valid");
    let nameless = nobody.certify(&nobody, &[ca(None)]);
    let leaf = nobody.certify(&Party::new("leaf"), &[]);
    check("a CA without a name", outcome(&leaf, &[], &nameless), "no path");
}

#[test]
fn path_lengths_count_what_is_not_self_issued() {
    let chain = |lengths: &[Option<u8>], self_issued: Option<usize>| {
        let root = Party::new("root");
        let anchor = root.certify(&root, &[ca(None)]);
        let (mut issuer, mut untrusted) = (root, Vec::new());
        for (depth, length) in lengths.iter().enumerate() {
            let next = match self_issued {
                Some(at) if at == depth => Party::named(issuer.name.clone()),
                _ => Party::new(&format!("ca {depth}")),
            };
            untrusted.push(issuer.certify(&next, &[ca(*length)]));
            issuer = next;
        }
        outcome(&issuer.certify(&Party::new("leaf"), &[]), &untrusted, &anchor)
    };
    check("0", chain(&[Some(0)], None), "valid");
    check("0 and 0", chain(&[Some(0), Some(0)], None), "path length");
    check("1 and 2", chain(&[Some(1), Some(2)], None), "valid");
    check("1, 0 and 0", chain(&[Some(1), Some(0), Some(0)], None), "path length");
    check("1, itself and 0", chain(&[Some(1), Some(1), Some(0)], Some(1)), "valid");
}

#[test]
fn name_constraints_hold_for_every_form() {
    let all = |base: &[u8]| ip(&[base, &[255, 255, 255, 0]].concat());
    let odd = "malformed or of an unsupported form";
    let other = |id: &str| tlv(0xA0, [oid(id), tlv(0xA0, tlv(0x0C, "x"))].concat());
    let upn = "1.3.6.1.4.1.311.20.2.3";
    type Case = (&'static str, Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<Vec<u8>>, &'static str);
    let cases: Vec<Case> = vec![
        ("dns", vec![dns("a.cn")], vec![], vec![dns("x.a.cn")], "valid"),
        ("dns itself", vec![dns("a.cn")], vec![], vec![dns("A.CN")], "valid"),
        ("dns other", vec![dns("a.cn")], vec![], vec![dns("xa.cn")], "not permitted"),
        ("dns second", vec![dns("a.cn")], vec![], vec![dns("a.cn"), dns("b.cn")], "not permitted"),
        ("dns excluded", vec![], vec![dns("a.cn")], vec![dns("x.a.cn")], "is excluded"),
        ("dns both", vec![dns("a.cn")], vec![dns("a.cn")], vec![dns("a.cn")], "is excluded"),
        ("dns wildcard", vec![], vec![dns("x.a.cn")], vec![dns("*.a.cn")], "is excluded"),
        ("dns leading dot", vec![dns(".a.cn")], vec![], vec![dns("x.a.cn")], odd),
        ("dns wildcard base", vec![dns("*.a.cn")], vec![], vec![dns("x.a.cn")], odd),
        ("another form", vec![all(&[10, 0, 0, 0])], vec![all(&[9, 0, 0, 0])], vec![dns("a.cn")], "valid"),
        ("ip", vec![all(&[10, 0, 0, 0])], vec![], vec![ip(&[10, 0, 0, 9])], "valid"),
        ("ip other", vec![all(&[10, 0, 0, 0])], vec![], vec![ip(&[10, 0, 1, 9])], "not permitted"),
        ("ip excluded", vec![], vec![all(&[10, 0, 0, 0])], vec![ip(&[10, 0, 0, 9])], "is excluded"),
        ("ip no mask", vec![ip(&[10, 0, 0, 9])], vec![], vec![ip(&[10, 0, 0, 9])], odd),
        ("ip odd mask", vec![ip(&[10, 0, 0, 0, 255, 0, 255, 0])], vec![], vec![ip(&[10, 0, 0, 9])], odd),
        ("email host", vec![email("a.cn")], vec![], vec![email("x@a.cn")], "valid"),
        ("email below", vec![email("a.cn")], vec![], vec![email("x@b.a.cn")], "not permitted"),
        ("email malformed", vec![email("x@y@a.cn")], vec![], vec![email("x@a.cn")], odd),
        ("uri", vec![uri(".a.cn")], vec![], vec![uri("https://x.a.cn/")], "valid"),
        ("uri host", vec![uri("a.cn")], vec![], vec![uri("https://x.a.cn/")], "not permitted"),
        ("uri without host", vec![uri("a.cn")], vec![], vec![uri("urn:a")], odd),
        ("directory", vec![directory(&["leaf"])], vec![], vec![directory(&["LEAF", "x"])], "valid"),
        ("directory subject", vec![directory(&["other"])], vec![], vec![], "not permitted"),
        ("directory excluded", vec![], vec![directory(&[" leaf "])], vec![], "is excluded"),
        ("other name", vec![other(upn)], vec![], vec![other(upn)], odd),
        ("another other name", vec![other(upn)], vec![], vec![other("1.2.3")], "valid"),
        ("mailbox in UTF-8", vec![email("a.cn")], vec![], vec![other("1.3.6.1.5.5.7.8.9")], odd),
        ("registered", vec![], vec![tlv(0x88, [42, 3])], vec![tlv(0x88, [42, 3])], odd),
    ];
    for (case, permitted, excluded, names, expected) in cases {
        let leaf = if names.is_empty() { vec![] } else { vec![san(&names)] };
        let rules = [ca(None), limits(&permitted, &excluded)];
        check(case, below_authority(&rules, &leaf), expected);
        check(case, below_root(&rules, &leaf), expected);
    }
}

#[test]
fn name_constraints_spare_the_self_issued_unless_last_and_bound_their_work() {
    let rules = limits(&[dns("a.cn")], &[]);
    let (root, again, leaf) = (Party::new("root"), Party::new("root"), Party::new("leaf"));
    let anchor = root.certify(&root, &[ca(None), rules]);
    let middle = root.certify(&again, &[ca(None), san(&[dns("b.cn")])]);
    let below = again.certify(&leaf, &[san(&[dns("a.cn")])]);
    check("self-issued between", outcome(&below, std::slice::from_ref(&middle), &anchor), "valid");
    check("self-issued last", outcome(&middle, &[], &anchor), "not permitted");

    let many: Vec<_> = (0..2000).map(|n| dns(&format!("x{n}.cn"))).collect();
    let work = below_root(&[ca(None), limits(&[], &many)], &[san(&many)]);
    check("two thousand squared", work, "too many names, name constraints");
}

#[test]
fn names_chain_whatever_their_encoding_and_in_their_order() {
    let upper = |text: &str, tag| tlv(0x30, tlv(0x31, seq(&[oid("2.5.4.3"), tlv(tag, text)])));
    let root = Party::named(upper("Good  CA", 0x13));
    let anchor = root.certify(&root, &[ca(None)]);
    for (name, expected) in [
        (upper("good ca", 0x0C), "valid"),
        (upper("goodca", 0x0C), "no path"),
        (name(&["Good CA", "Good CA"]), "no path"),
    ] {
        let same_key = Party { name, key: root.key.clone(), ..Party::new("x") };
        check("name", outcome(&same_key.certify(&Party::new("leaf"), &[]), &[], &anchor), expected);
    }
}

#[test]
fn purposes_and_peer_names_are_asked_of_the_end_certificate() {
    let server = "1.3.6.1.5.5.7.3.1";
    let ask = |leaf: &[Vec<u8>], purpose: Purpose, name: &str| {
        let (root, holder) = (Party::new("root"), Party::new("a.cn"));
        let anchor = root.certify(&root, &[ca(None)]);
        asked(&root.certify(&holder, leaf), &[], &anchor, purpose, name)
    };
    let named = san(&[dns("*.a.cn"), ip(&[10, 0, 0, 1]), email("Me@a.cn")]);
    for (leaf, purpose, name, expected) in [
        (vec![purposes(&[server])], Purpose::ServerAuth, "", "valid"),
        (vec![purposes(&[server]), usage(0x20)], Purpose::ServerAuth, "", "valid"),
        (vec![purposes(&[server]), usage(0x02)], Purpose::ServerAuth, "", "key usage does not allow"),
        (vec![purposes(&["2.5.29.37.0"])], Purpose::ServerAuth, "", "valid"),
        (vec![], Purpose::ServerAuth, "", "valid"),
        (vec![purposes(&[server])], Purpose::ClientAuth, "", "does not allow it"),
        (vec![], Purpose::OcspSigning, "", "must include OCSP signing"),
        (vec![purposes(&["1.2.3"])], Purpose::from_name("1.2.3").unwrap(), "", "valid"),
        (vec![named.clone()], Purpose::Any, "x.a.cn", "valid"),
        (vec![named.clone()], Purpose::Any, "a.cn", "does not name"),
        (vec![named.clone()], Purpose::Any, "x.y.a.cn", "does not name"),
        (vec![named.clone()], Purpose::Any, "10.0.0.1", "valid"),
        (vec![named.clone()], Purpose::Any, "10.0.0.2", "does not name"),
        (vec![named.clone()], Purpose::Any, "Me@A.cn", "valid"),
        (vec![named], Purpose::Any, "me@a.cn", "does not name"),
        (vec![], Purpose::Any, "a.cn", "does not name"),
    ] {
        check(&format!("{purpose:?} {name}"), ask(&leaf, purpose, name), expected);
    }
    let (root, middle) = (Party::new("root"), Party::new("ca"));
    let anchor = root.certify(&root, &[ca(None), purposes(&["1.2.3"])]);
    let limited = root.certify(&middle, &[ca(None), purposes(&["1.3.6.1.5.5.7.3.4"])]);
    let leaf = middle.certify(&Party::new("leaf"), &[purposes(&[server])]);
    let found = asked(&leaf, &[limited], &anchor, Purpose::ServerAuth, "");
    check("an authority for mail", found, "limited to other purposes");
}

#[test]
fn policies_double_nowhere() {
    // Thirteen levels at which each policy is mapped to every other one: a tree of 64^13 nodes, a graph of 64 a level.
    let ids: Vec<String> = (0..64).map(|n| format!("1.2.3.{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let pairs: Vec<_> = ids.iter().flat_map(|from| ids.iter().map(move |to| (*from, *to))).collect();
    let root = Party::new("root");
    let anchor = root.certify(&root, &[ca(None)]);
    let (mut issuer, mut untrusted) = (root, Vec::new());
    for depth in 0..13 {
        let next = Party::new(&format!("ca {depth}"));
        untrusted.push(issuer.certify(&next, &[ca(None), policies(&ids), mappings(&pairs)]));
        issuer = next;
    }
    let leaf = issuer.certify(&Party::new("leaf"), &[policies(&["1.2.3.5"])]);
    let wanted = [ObjectIdentifier::new_unwrap("1.2.3.9")];
    let ask = |acceptable: &[ObjectIdentifier]| {
        let anchors = TrustAnchors::new(vec![anchor.clone()]);
        let mut request = Request { untrusted: &untrusted, ..Request::new(&leaf, &anchors, AT) };
        request.policy.max_path = 16;
        request.policies = PolicyInputs { acceptable, require_explicit: true, ..PolicyInputs::default() };
        validate(&request).path().map(|path| path.policies().to_vec())
    };
    assert_eq!(ask(&wanted), Some(wanted.to_vec()));
    assert_eq!(ask(&[]).map(|policies| policies.len()), Some(64));
    assert_eq!(ask(&[ObjectIdentifier::new_unwrap("1.2.4")]), None);
    check("twice", below_root(&[ca(None)], &[policies(&["1.2.3", "1.2.3"])]), "listed twice");
    let to_any = [ca(None), policies(&["1.2.3"]), mappings(&[("1.2.3", "2.5.29.32.0")])];
    check("mapped to any", below_authority(&to_any, &[policies(&["1.2.3"])]), "names any-policy");
}

#[test]
fn an_anchor_is_trusted_within_its_limits() {
    let (root, holder) = (Party::new("root"), Party::new("leaf"));
    let anchor = root.certify(&root, &[ca(None)]);
    let leaf = root.certify(&holder, &[san(&[dns("x.a.cn")]), policies(&["1.2.3"])]);
    let id = ObjectIdentifier::new_unwrap;
    let names = |base: &str| {
        Some(NameConstraints { permitted: vec![GeneralName::Dns(base.into())], excluded: vec![] })
    };
    for (limits, expected) in [
        (Constraints::default(), "valid"),
        (Constraints { names: names("a.cn"), ..Constraints::default() }, "valid"),
        (Constraints { names: names("b.cn"), ..Constraints::default() }, "not permitted"),
        (Constraints { policies: vec![id("1.2.3"), id("1.2.4")], ..Constraints::default() }, "valid"),
        (Constraints { policies: vec![id("1.2.4")], ..Constraints::default() }, "no acceptable"),
        (Constraints { purposes: vec![id("1.3.6.1.5.5.7.3.1")], ..Constraints::default() }, "valid"),
        (
            Constraints { purposes: vec![id("1.2.3")], ..Constraints::default() },
            "not trusted for this purpose",
        ),
        (Constraints { not_before: Some(AT), not_after: Some(AT), ..Constraints::default() }, "valid"),
        (Constraints { not_after: Some(AT - 1), ..Constraints::default() }, "not trusted at this time"),
        (Constraints { not_before: Some(AT + 1), ..Constraints::default() }, "not trusted at this time"),
    ] {
        let anchors = TrustAnchors::constrained(vec![Anchor::new(anchor.clone(), limits.clone())]);
        let request = Request { purpose: Purpose::ServerAuth, ..Request::new(&leaf, &anchors, AT) };
        let found = match validate(&request) {
            PathVerdict::Trusted(_) => Ok(()),
            other => Err(other.failure().unwrap().to_string()),
        };
        check(&format!("{limits:?}"), found, expected);
    }
}

#[test]
fn a_path_is_found_past_every_decoy() {
    // The same authority certified by several: expired, without the right, for other names, and well.
    let (good, other, middle) = (Party::new("root"), Party::new("other root"), Party::new("ca"));
    let anchor = good.certify(&good, &[ca(None)]);
    let expired = Party {
        validity: ["20200101000000Z", "20210101000000Z"],
        name: middle.name.clone(),
        key: middle.key.clone(),
    };
    let untrusted = [
        good.certify(&expired, &[ca(None)]),
        good.certify(&middle, &[ca(None), usage(2)]),
        good.certify(&middle, &[ca(None), limits(&[dns("b.cn")], &[])]),
        other.certify(&middle, &[ca(None)]),
        other.certify(&other, &[ca(None)]),
        middle.certify(&other, &[ca(None)]),
        good.certify(&middle, &[ca(None)]),
    ];
    let leaf = middle.certify(&Party::new("leaf"), &[san(&[dns("a.cn")])]);
    for turn in 0..untrusted.len() {
        let mut turned = untrusted.to_vec();
        turned.rotate_left(turn);
        check("decoys", outcome(&leaf, &turned, &anchor), "valid");
    }
    check("decoys alone", outcome(&leaf, &untrusted[..6], &anchor), "expired");
}

#[test]
fn serial_numbers_of_careless_authorities_are_taken() {
    let (root, holder) = (Party::new("root"), Party::new("leaf"));
    let anchor = root.certify(&root, &[ca(None)]);
    for serial in [&[0][..], &[0xFF], &[0x7F; 20]] {
        check("serial", outcome(&root.certify_with(&holder, serial, &[]), &[], &anchor), "valid");
    }
}

#[test]
fn paths_that_each_cost_much_cost_no_more_together() {
    // Thirty certificates of one authority, each with as many constraints as a leaf's names allow to compare.
    let (root, middle) = (Party::new("root"), Party::new("ca"));
    let anchor = root.certify(&root, &[ca(None)]);
    let bases: Vec<_> = (0..400).map(|n| dns(&format!("x{n}.cn"))).collect();
    let names: Vec<_> = (0..400).map(|n| dns(&format!("a{n}.cn"))).chain([dns("x1.cn")]).collect();
    let untrusted: Vec<_> =
        (0..30).map(|n| root.certify_with(&middle, &[n], &[ca(None), limits(&[], &bases)])).collect();
    let leaf = middle.certify(&Party::new("leaf"), &[san(&names)]);
    let anchors = TrustAnchors::new(vec![anchor]);
    let verdict = validate(&Request { untrusted: &untrusted, ..Request::new(&leaf, &anchors, AT) });
    assert!(matches!(verdict, PathVerdict::Rejected(_)), "{verdict:?}");
    // Nor do thousands of lists that all claim to speak of one certificate; what they may hide is not let pass.
    let stranger = Party::named(root.name.clone());
    let leaf = root.certify(&Party::new("leaf"), &[]);
    for (count, expected) in [(60, "valid"), (100, "after 64 signature verifications"), (5000, "after 64")] {
        let forged = stranger.list(["20261121", "20261130"], &[], &[]);
        // Each read anew: clones of one list would be verified once.
        let lists: Vec<_> = (0..count).map(|_| Crl::from_der(forged.der()).unwrap()).collect();
        let request = Request { crls: &lists, ..Request::new(&leaf, &anchors, AT) };
        let found = validate(&request).failure().map_or(Ok(()), |failure| Err(failure.to_string()));
        check("lists", found, expected);
    }
}
