//! pkilint finds no fault in one certificate of every profile, in each kind of key.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;
#[path = "../../../tests/support/pkilint.rs"]
mod pkilint;

use std::sync::Arc;

use cinnabar_pki::{
    CrlBuilder, GeneralName, Reason, Revoked, Subject,
    crl::{Entry, Only},
    issue::{IssuerRef, Places, Wish, prepare},
    ocsp::{IssuerId, Responder, Single, Status, respond},
    profile::{BUILTIN, IssuedBy, Profile, SubjectRules, builtin},
};
use common::*;
use crypto::{KeyKind, Signer};

#[test]
fn pkilint_finds_no_fault_in_any_profile_s_certificate() {
    let mut files = Vec::new();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519] {
        let root = make("root", None, kind, "示例根 CA");
        let ca = make("issuing-ca", Some(&root), kind, "签发 CA");
        let name = |profile: &str| format!("{kind:?}-{profile}.cer");
        for profile in builtin().iter().filter(|profile| profile.issuer() != IssuedBy::Itself) {
            let issuer = if profile.is_ca() { &root } else { &ca };
            let kind = if profile.keys().iter().any(|key| format!("{key:?}") == format!("{kind:?}")) {
                kind
            } else {
                KeyKind::P256
            };
            let made = make_by(profile, Some(issuer), kind, |profile, spki| match profile.subject() {
                SubjectRules::Copied => Wish {
                    subject: Subject::copied(ca.certificate.subject().clone()),
                    ..wish(profile, "", spki)
                },
                SubjectRules::Attributes(_) => wish(profile, "部门审批专用章", spki),
            });
            files.push((name(profile.name()), made.certificate));
        }
        files.push((name("root"), root.certificate));
        files.push((name("ca"), ca.certificate));
    }
    let batch = pkilint::assert_clean(files.iter().map(|(name, made)| (name.as_str(), made.der())));
    assert!(batch.judged > files.len(), "certificates are judged with their issuers too: {}", batch.judged);
}

/// A built-in profile with something in it replaced.
fn variant(name: &str, changes: &[(&str, &str)]) -> Profile {
    let mut text = BUILTIN.iter().find(|(known, _)| *known == name).unwrap().1.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    Profile::parse(name, &text).unwrap()
}

#[test]
fn pkilint_finds_no_fault_in_what_profiles_can_be_made_to_say() {
    let root = make("root", None, KeyKind::P256, "根");
    let constrained = variant(
        "issuing-ca",
        &[(
            "path_length = 0",
            "path_length = 3\npermitted.dns = [\"a.example\"]\npermitted.ip = [\"10.0.0.0/8\", \"fd00::/8\"]\n\
             permitted.email = [\"a.example\"]\nexcluded.uri = [\".evil.example\"]",
        )],
    );
    let ca =
        make_by(&constrained, Some(&root), KeyKind::P256, |profile, spki| wish(profile, "限制 CA", spki));
    let policies = "[[policies]]\noid = \"1.3.6.1.4.1.99999.1\"\ncps = \"https://pki.example/cps\"\n\
                    [[policies]]\noid = \"1.3.6.1.4.1.99999.2\"\n[names]";
    let server = variant("server", &[("[names]", policies), ("wildcards = false", "wildcards = true")]);
    let server = make_by(&server, Some(&ca), KeyKind::P256, |profile, spki| Wish {
        names: vec![
            GeneralName::Dns("*.a.example".into()),
            GeneralName::Dns("xn--fiqs8s.a.example".into()),
            GeneralName::ip("10.1.2.3".parse().unwrap()),
            GeneralName::ip("fd00::1".parse().unwrap()),
        ],
        ..wish(profile, "服务器", spki)
    });
    let fixed = "[[subject]]\nattribute = \"C\"\nfrom = \"fixed\"\nvalue = \"CN\"";
    let required = "required = true";
    let nameless = variant(
        "document-signer",
        &[
            (fixed, ""),
            (required, ""),
            (required, ""),
            ("[names]\n", "[names]\ncritical = true\nleast = 1\nuri = { most = 3 }\n"),
            ("crl = true\nocsp = true", "no_rev_avail = true"),
        ],
    );
    let nameless = make_by(&nameless, Some(&ca), KeyKind::P256, |profile, spki| Wish {
        subject: Subject::default(),
        names: vec![
            GeneralName::Email("seal@a.example".into()),
            GeneralName::Uri("https://a.example:8443/x?y=%20#z".into()),
        ],
        ..wish(profile, "", spki)
    });
    assert!(nameless.certificate.subject().is_empty() && nameless.certificate.has_no_rev_avail());
    let person = variant("seal-person", &[]);
    let person = make_by(&person, Some(&ca), KeyKind::P256, |profile, spki| Wish {
        subject: Subject::common_name("王小明").organization("某局").serial_number("REG-17"),
        ..wish(profile, "", spki)
    });
    // Beyond 2049 times are GeneralizedTime.
    let long = make_by(builtin().get("root").unwrap(), None, KeyKind::P256, |profile, spki| Wish {
        not_after: Some(NOW + 36_000 * DAY),
        ..wish(profile, "长", spki)
    });
    let all = [
        ("root.cer", &root),
        ("ca.cer", &ca),
        ("server.cer", &server),
        ("nameless.cer", &nameless),
        ("person.cer", &person),
        ("long.cer", &long),
    ];
    pkilint::assert_clean(all.iter().map(|(name, made)| (*name, made.certificate.der())));
}

#[test]
fn pkilint_objects_when_there_is_something_to_object_to() {
    let root = make("root", None, KeyKind::P256, "root");
    let mut der = root.certificate.der().to_vec();
    // Key usage keyCertSign and cRLSign becomes cRLSign alone: 03 02 01 06 becomes 03 02 01 02.
    let at = der.windows(4).position(|window| window == [0x03, 0x02, 0x01, 0x06]).unwrap();
    der[at + 3] = 0x02;
    let batch = pkilint::judge([("broken.cer", der.as_slice()), ("nothing.crl", b"nothing")]);
    let weighs = |file: &str, severity: &str| {
        batch.opinions.iter().any(|opinion| opinion.file == file && opinion.severity == severity)
    };
    assert!(weighs("broken.cer", "ERROR") && weighs("nothing.crl", "FATAL"), "{batch:?}");
}

#[test]
fn where_pkilint_is_wrong_it_still_is() {
    let root = make("root", None, KeyKind::P256, "root");
    let ca = make("issuing-ca", Some(&root), KeyKind::P256, "ca");
    let machine = make("machine", Some(&ca), KeyKind::P256, "m");
    let local = make_by(builtin().get("server").unwrap(), Some(&ca), KeyKind::P256, |profile, spki| Wish {
        names: vec![GeneralName::Dns("localhost".into())],
        ..wish(profile, "m", spki)
    });
    let wild = variant("server", &[("wildcards = false", "wildcards = true")]);
    let wild = make_by(&wild, Some(&ca), KeyKind::P256, |profile, spki| Wish {
        names: vec![GeneralName::Dns("*.a.example".into())],
        ..wish(profile, "m", spki)
    });
    let profile = builtin().get("machine").unwrap();
    let key = key(KeyKind::P256);
    let near = Places { ocsp: Some("http://localhost:8080/ocsp/ca".into()), ..places() };
    let issuer = IssuerRef::Ca(&ca.certificate);
    let wanted = wish(profile, "m", key.public_key());
    let linted = prepare(profile, &wanted, issuer, &near, serial(), NOW, ca.key.scheme()).unwrap();
    let near = Entity { key: Arc::new(key), certificate: linted.sign(&*ca.key).unwrap() };
    let files = [("machine.cer", &machine), ("local.cer", &local), ("wild.cer", &wild), ("near.cer", &near)];
    let batch = pkilint::judge(files.iter().map(|(name, made)| (*name, made.certificate.der())));
    for divergence in pkilint::divergences() {
        assert!(
            batch.opinions.iter().any(|opinion| divergence.is(opinion)),
            "{divergence:?} can be struck out"
        );
    }
}

#[test]
fn pkilint_finds_no_fault_in_any_revocation_list() {
    let Hierarchy { root, ca, .. } = hierarchy();
    let entry = |last: u8, reason, invalid_from| Entry {
        serial: [&[0x42; 15][..], &[last]].concat(),
        time: NOW - 60,
        reason,
        invalid_from,
    };
    let reasons = [
        Reason::KeyCompromise,
        Reason::CaCompromise,
        Reason::AffiliationChanged,
        Reason::Superseded,
        Reason::CessationOfOperation,
        Reason::CertificateHold,
        Reason::PrivilegeWithdrawn,
        Reason::AaCompromise,
    ];
    let mut revoked: Vec<_> =
        (1..).zip(reasons).map(|(last, reason)| entry(last, Some(reason), None)).collect();
    revoked.push(entry(100, None, Some(NOW - DAY)));
    let full = CrlBuilder {
        number: 1 << 40,
        this_update: NOW,
        next_update: NOW + DAY,
        distribution_point: Some(CRL_URI.into()),
        freshest: Some("http://pki.example/seals-delta.crl".into()),
        expired_since: Some(NOW - 3650 * DAY),
        revoked,
        ..CrlBuilder::default()
    };
    let plain = CrlBuilder { distribution_point: None, freshest: None, revoked: vec![], ..full.clone() };
    let users = CrlBuilder { only: Only::User, ..full.clone() };
    let authorities = CrlBuilder { only: Only::Ca, number: 2, ..full.clone() };
    let lifted = entry(6, Some(Reason::RemoveFromCrl), None);
    let delta = CrlBuilder {
        base: Some(full.number),
        number: full.number + 1,
        freshest: None,
        revoked: vec![lifted, entry(7, Some(Reason::KeyCompromise), Some(NOW - DAY))],
        ..full.clone()
    };
    let late = CrlBuilder { this_update: NOW + 9000 * DAY, next_update: NOW + 9001 * DAY, ..plain.clone() };
    let sign =
        |builder: &CrlBuilder, issuer: &Entity| builder.build(&issuer.certificate, &*issuer.key).unwrap();
    let lists = [
        ("full.crl", sign(&full, &ca)),
        ("plain.crl", sign(&plain, &ca)),
        ("users.crl", sign(&users, &ca)),
        ("authorities.arl", sign(&authorities, &root)),
        ("delta.crl", sign(&delta, &ca)),
        ("late.crl", sign(&late, &ca)),
    ];
    pkilint::assert_clean(lists.iter().map(|(name, der)| (*name, der.as_slice())));
}

#[test]
fn pkilint_finds_no_fault_in_any_ocsp_response() {
    let Hierarchy { ca, seal, .. } = hierarchy();
    let delegate = entity(Some(&ca), common::Profile::Ocsp, "OCSP signer");
    let held = Revoked { time: NOW - 3600, reason: Some(Reason::CertificateHold) };
    let statuses = [
        ("good", Status::Good),
        ("held", Status::Revoked(held)),
        ("revoked", Status::Revoked(Revoked { time: NOW - 3600, reason: None })),
        ("unknown", Status::Unknown),
    ];
    let mut files = Vec::new();
    for (name, status) in statuses {
        for (hash, id) in [
            ("sha1", IssuerId::of(&ca.certificate).sha1_id(seal.certificate.serial())),
            ("sha256", IssuerId::of(&ca.certificate).id(seal.certificate.serial())),
        ] {
            let single = Single {
                id: &id,
                status,
                this_update: NOW - 60,
                next_update: Some(NOW + DAY),
                cert_hash: Some(*seal.certificate.sha256_fingerprint()),
                archive_cutoff: Some(NOW - 3650 * DAY),
            };
            let bare = Single { next_update: None, cert_hash: None, archive_cutoff: None, ..single };
            let by_delegate = Responder::new(delegate.certificate.clone(), &ca.certificate).unwrap();
            let itself = Responder::new(ca.certificate.clone(), &ca.certificate).unwrap();
            let signed = respond(&by_delegate, &*delegate.key, NOW, &[single], Some(&[7; 32])).unwrap();
            files.push((format!("{name}-{hash}-delegate.ocsp"), signed));
            let signed = respond(&itself, &*ca.key, NOW, &[bare], None).unwrap();
            files.push((format!("{name}-{hash}-issuer.ocsp"), signed));
        }
    }
    pkilint::assert_clean(files.iter().map(|(name, der)| (name.as_str(), der.as_slice())));
}
