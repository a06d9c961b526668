//! What is taken of what addresses answer.

use crypto::{KeyKind, Signer, SoftwareKey};
use pki::issue::{IssuerRef, Places, Wish, prepare, serial_from_random};
use pki::profile::builtin;
use pki::{CrlBuilder, Subject};
use ring::rand::SystemRandom;

use super::*;
use crate::documents::levels::stamps::Stamping;

/// 2026-11-22T00:00:00Z.
const NOW: i64 = 1_795_305_600;

struct Person {
    key: SoftwareKey,
    certificate: Certificate,
}

fn person(issuer: Option<&Person>, profile: &str, name: &str, serial: u8) -> Person {
    let pkcs8 = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
    let key = SoftwareKey::from_pkcs8(&pkcs8).unwrap();
    let wish = Wish {
        subject: Subject::default().organization("Demo").named(name),
        names: Vec::new(),
        public_key: key.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let at = |path: &str| Some(format!("http://pki.example/{path}"));
    let places = Places { crl: at("crl"), ocsp: at("ocsp"), ca_issuers: at("ca") };
    let (by, signer) = match issuer {
        None => (IssuerRef::SelfSigned, &key),
        Some(issuer) => (IssuerRef::Ca(&issuer.certificate), &issuer.key),
    };
    let serial = serial_from_random([serial; 20]);
    let profile = builtin().get(profile).unwrap();
    let linted = prepare(profile, &wish, by, &places, serial, NOW - DAY, signer.scheme()).unwrap();
    let certificate = linted.sign(signer).unwrap();
    Person { key, certificate }
}

/// The list of `issuer`, from a day ago until `next_update`.
fn list(issuer: &Person, next_update: i64) -> Vec<u8> {
    let builder = CrlBuilder { number: 1, this_update: NOW - DAY, next_update, ..CrlBuilder::default() };
    builder.build(&issuer.certificate, &issuer.key).unwrap()
}

#[test]
fn a_list_is_taken_and_kept_only_if_the_issuer_asked_about_signed_it() {
    let root = person(None, "root", "Root", 1);
    let namesake = person(None, "root", "Root", 2);
    let other = person(None, "root", "Other", 3);
    assert_eq!(list_until(&list(&root, NOW + DAY), &root.certificate), Ok(Some(NOW + DAY)));
    assert!(list_until(&list(&namesake, NOW + DAY), &root.certificate).is_err());
    assert!(list_until(&list(&other, NOW + DAY), &root.certificate).is_err());
    assert!(list_until(root.certificate.der(), &root.certificate).is_err(), "a certificate is no list");
    assert!(response_until(&list(&root, NOW + DAY), &root.certificate).is_err(), "a list is no response");
    assert!(issued(&root.certificate, &person(Some(&root), "issuing-ca", "CA", 4).certificate));
    assert!(!issued(&namesake.certificate, &person(Some(&root), "issuing-ca", "CA", 5).certificate));
}

#[test]
fn what_is_out_of_date_or_of_another_does_not_settle_it_so_that_the_next_address_is_asked() {
    let root = person(None, "root", "Root", 1);
    let ca = person(Some(&root), "issuing-ca", "CA", 2);
    let asked = |known: &Known| settled(known, (&ca.certificate, &root.certificate), NOW);
    let mut known = Known::default();
    assert!(!asked(&known));
    known.add_crl_der(&list(&root, NOW - DAY / 2)).unwrap();
    assert!(!asked(&known), "a stale list");
    known.add_crl_der(&list(&person(None, "root", "Root", 3), NOW + DAY)).unwrap();
    assert!(!asked(&known), "a list by a namesake");
    known.add_crl_der(&list(&root, NOW + DAY)).unwrap();
    assert!(asked(&known));
}

#[test]
fn an_authority_stamps_only_if_it_leads_to_what_is_trusted_and_is_one_for_time_stamps() {
    let root = person(None, "root", "Root", 1);
    let ca = person(Some(&root), "issuing-ca", "CA", 2);
    let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
    let forged = person(None, "root", "Root", 3);
    let mut known = Known::default();
    for one in [&root, &ca, &forged] {
        known.add_certificate(one.certificate.clone()).unwrap();
    }
    let stamping = |person: Person| Stamping { certificate: person.certificate, carried: Vec::new() };
    let unit = stamping(person(Some(&ca), "time-stamp", "Unit", 4));
    assert!(unit.lacks(&anchors, &known, NOW).unwrap().is_empty());
    assert_eq!(unit.lacks(&anchors, &Known::default(), NOW).unwrap().len(), 1, "its issuer is looked for");
    for stranger in
        [person(Some(&forged), "time-stamp", "Unit", 5), person(Some(&ca), "seal-organisation", "Seal", 6)]
    {
        let refused = stamping(stranger).lacks(&anchors, &known, NOW);
        assert!(matches!(refused, Err(LevelError::Stranger(_))), "{refused:?}");
    }
    let late = unit.lacks(&anchors, &known, NOW + 20_000 * DAY);
    assert!(matches!(late, Err(LevelError::Stranger(_))), "one remembered for too long");
}

#[test]
fn nothing_is_kept_longer_than_it_holds_nor_than_a_day() {
    assert_eq!(held(1_000, None), 1_000 + MINUTE);
    assert_eq!(held(1_000, Some(900)), 900, "what has run out is not kept at all");
    assert_eq!(held(1_000, Some(1_010)), 1_010);
    assert_eq!(held(1_000, Some(i64::MAX)), 1_000 + DAY);
}
