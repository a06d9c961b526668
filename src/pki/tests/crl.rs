//! CRLs of ours judged by OpenSSL, OpenSSL's by us.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use cinnabar_pki::{
    Crl, CrlBuilder, Reason, Revoked,
    crl::{CrlError, CrlIssueError, Entry, Only},
};
use common::*;

fn builder(revoked: Vec<(Vec<u8>, Revoked)>) -> CrlBuilder {
    CrlBuilder {
        number: 7,
        this_update: NOW,
        next_update: NOW + DAY,
        distribution_point: Some(CRL_URI.into()),
        revoked: revoked.into_iter().map(Into::into).collect(),
        ..CrlBuilder::default()
    }
}

fn entry(serial: &[u8], reason: Option<Reason>) -> (Vec<u8>, Revoked) {
    (serial.to_vec(), Revoked { time: NOW - 60, reason })
}

#[test]
fn openssl_finds_the_revoked_certificate_on_our_list_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let Hierarchy { root, ca, seal } = hierarchy();
    let other = entity(Some(&ca), common::Profile::Seal, "other");
    let list =
        builder(vec![entry(seal.certificate.serial(), Some(Reason::KeyCompromise)), entry(&[0x80], None)]);
    let crl = Crl::from_der(&list.build(&ca.certificate, &*ca.key).unwrap()).unwrap();
    for (name, pem) in [
        ("root", root.certificate.to_pem()),
        ("ca", ca.certificate.to_pem()),
        ("seal", seal.certificate.to_pem()),
        ("other", other.certificate.to_pem()),
        ("crl", crl.to_pem()),
    ] {
        write(dir, name, pem);
    }
    let text = openssl(dir, "crl -in crl -noout -text -nameopt utf8");
    for wanted in [
        "Key Compromise",
        "X509v3 Issuing Distribution Point: critical",
        CRL_URI,
        "印章签发 CA",
        "Serial Number: 80",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let verify = |leaf: &str| {
        openssl_output(
            dir,
            &format!("verify -crl_check -attime {} -CAfile root -untrusted ca -CRLfile crl {leaf}", NOW + 1),
        )
    };
    assert!(verify("other").status.success());
    let refused = verify("seal");
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("certificate revoked")
    );
}

#[test]
fn a_list_reads_back_as_it_was_built() {
    let Hierarchy { root, ca, seal } = hierarchy();
    let list = builder(vec![
        entry(seal.certificate.serial(), Some(Reason::CertificateHold)),
        entry(&[0, 0, 5], Some(Reason::Unspecified)),
    ]);
    let der = list.build(&ca.certificate, &*ca.key).unwrap();
    let crl = Crl::from_der(&der).unwrap();
    assert_eq!(crl.der(), der);
    assert_eq!(crl.lookup(seal.certificate.serial()).unwrap().reason, Some(Reason::CertificateHold));
    assert_eq!(crl.lookup(&[5]), Some(Revoked { time: NOW - 60, reason: None }));
    assert_eq!(crl.lookup(&[6]), None);
    assert_eq!((crl.this_update(), crl.next_update(), crl.number()), (NOW, Some(NOW + DAY), Some(&[7][..])));
    assert_eq!(crl.scope().distribution_points, Some(vec![CRL_URI.to_owned()]));
    assert_eq!(crl.issuer(), ca.certificate.subject());
    assert_eq!(crl.verify_signature(ca.certificate.spki()), Ok(()));
    assert!(crl.verify_signature(root.certificate.spki()).is_err());
    assert_eq!(Crl::from_pem_or_der(crl.to_pem().as_bytes()).unwrap()[0].der(), der);
}

#[test]
fn a_list_that_cannot_be_right_is_not_signed() {
    let Hierarchy { root, ca, .. } = hierarchy();
    let twice = builder(vec![entry(&[1], None), entry(&[0, 1], None)]);
    assert_eq!(twice.build(&ca.certificate, &*ca.key), Err(CrlIssueError::Duplicate));
    assert_eq!(builder(vec![]).build(&ca.certificate, &*root.key), Err(CrlIssueError::WrongKey));
    let backwards = CrlBuilder { next_update: NOW, ..builder(vec![]) };
    assert_eq!(backwards.build(&ca.certificate, &*ca.key), Err(CrlIssueError::Time));
}

#[test]
fn truncated_altered_and_oversized_lists_are_errors_not_panics() {
    let Hierarchy { ca, .. } = hierarchy();
    let der = builder(vec![entry(&[1], Some(Reason::Superseded))]).build(&ca.certificate, &*ca.key).unwrap();
    for length in 0..der.len() {
        assert!(Crl::from_der(&der[..length]).is_err());
    }
    for at in 0..der.len() {
        for flip in [1, 0x55, 0x80] {
            let mut altered = der.clone();
            altered[at] ^= flip;
            if let Ok(crl) = Crl::from_der(&altered) {
                assert!(crl.verify_signature(ca.certificate.spki()).is_err(), "byte {at}");
            }
        }
    }
    assert!(matches!(Crl::from_der(&vec![0x30; 65 * 1024 * 1024]), Err(CrlError::TooLarge { .. })));
}

#[test]
fn ten_thousand_entries_are_built_and_found() {
    let Hierarchy { ca, .. } = hierarchy();
    let revoked =
        (1..=10_000_u32).map(|serial| entry(&serial.to_be_bytes(), Some(Reason::Superseded))).collect();
    let crl = Crl::from_der(&builder(revoked).build(&ca.certificate, &*ca.key).unwrap()).unwrap();
    assert_eq!(crl.len(), 10_000);
    assert!(crl.lookup(&[0x27, 0x10]).is_some() && crl.lookup(&[0x27, 0x11]).is_none());
}

const DELTA_URI: &str = "http://pki.example/seals-delta.crl";

/// A full list of number 7 that names its delta, and a delta of number `number` on top of it.
fn full_and_delta(ca: &Entity, full: Vec<Entry>, number: u64, delta: Vec<Entry>) -> (Crl, Crl) {
    let full = CrlBuilder { freshest: Some(DELTA_URI.into()), revoked: full, ..builder(vec![]) };
    let delta = CrlBuilder { number, base: Some(7), revoked: delta, ..builder(vec![]) };
    let read = |list: &CrlBuilder| Crl::from_der(&list.build(&ca.certificate, &*ca.key).unwrap()).unwrap();
    (read(&full), read(&delta))
}

#[test]
fn openssl_takes_a_delta_into_account_for_new_and_for_released_entries() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let Hierarchy { root, ca, seal: released } = hierarchy();
    let added = entity(Some(&ca), common::Profile::Seal, "added");
    let on = |entity: &Entity, reason| Entry {
        serial: entity.certificate.serial().to_vec(),
        time: NOW - 60,
        reason: Some(reason),
        invalid_from: Some(NOW - 10 * DAY),
    };
    let (full, delta) = full_and_delta(
        &ca,
        vec![on(&released, Reason::CertificateHold)],
        8,
        vec![on(&released, Reason::RemoveFromCrl), on(&added, Reason::KeyCompromise)],
    );
    assert!(delta.is_delta() && !full.is_delta());
    for (name, pem) in [
        ("root", root.certificate.to_pem()),
        ("ca", ca.certificate.to_pem()),
        ("released", released.certificate.to_pem()),
        ("added", added.certificate.to_pem()),
        ("full", full.to_pem()),
        ("both", full.to_pem() + &delta.to_pem()),
    ] {
        write(dir, name, pem);
    }
    let text = openssl(dir, "crl -in full -noout -text");
    assert!(text.contains("X509v3 Freshest CRL") && text.contains("Invalidity Date"), "{text}");
    write(dir, "delta", delta.to_pem());
    let text = openssl(dir, "crl -in delta -noout -text");
    assert!(
        text.contains("X509v3 Delta CRL Indicator: critical") && text.contains("Remove From CRL"),
        "{text}"
    );
    let accepts = |crls: &str, flags: &str, leaf: &str| {
        let at = NOW + 1;
        let args = format!(
            "verify -crl_check{flags} -attime {at} -CAfile root -untrusted ca -CRLfile {crls} {leaf}"
        );
        openssl_output(dir, &args).status.success()
    };
    assert!(!accepts("full", "", "released") && accepts("full", "", "added"));
    assert!(accepts("both", " -use_deltas", "released") && !accepts("both", " -use_deltas", "added"));
}

#[test]
fn full_and_delta_features_do_not_mix() {
    let Hierarchy { ca, .. } = hierarchy();
    let refused = |list: CrlBuilder| list.build(&ca.certificate, &*ca.key).unwrap_err();
    let remove = entry(&[1], Some(Reason::RemoveFromCrl));
    assert_eq!(refused(builder(vec![remove])), CrlIssueError::Mixed);
    assert_eq!(refused(CrlBuilder { base: Some(7), ..builder(vec![]) }), CrlIssueError::Mixed);
    let freshest = Some(DELTA_URI.to_owned());
    assert_eq!(refused(CrlBuilder { base: Some(1), freshest, ..builder(vec![]) }), CrlIssueError::Mixed);
}

#[test]
fn a_list_may_speak_of_end_entities_or_of_authorities_alone() {
    let Hierarchy { ca, .. } = hierarchy();
    for (only, user, authority) in
        [(Only::Every, false, false), (Only::User, true, false), (Only::Ca, false, true)]
    {
        let number = u64::MAX - 1;
        let list = CrlBuilder { only, number, expired_since: Some(NOW), ..builder(vec![]) };
        let crl = Crl::from_der(&list.build(&ca.certificate, &*ca.key).unwrap()).unwrap();
        assert_eq!((crl.scope().only_user, crl.scope().only_ca), (user, authority));
        assert_eq!(crl.number(), Some(&[0, 255, 255, 255, 255, 255, 255, 255, 254][..]));
    }
}
