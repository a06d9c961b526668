//! Issuing with any names: what is not refused reads back as what its profile says and is found valid under its issuer.
#![no_main]

use std::sync::LazyLock;

use crypto::{KeyKind, Signer, SoftwareKey};
use libfuzzer_sys::fuzz_target;
use pki::issue::{IssuerRef, Places, Wish, lint, prepare};
use pki::profile::builtin;
use pki::{Certificate, GeneralName, Subject};
use ring::rand::SystemRandom;

const NOW: i64 = 1_795_305_600;

static ROOT: LazyLock<(Certificate, SoftwareKey)> = LazyLock::new(|| {
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).expect("a key");
    let key = SoftwareKey::from_pkcs8(&key).expect("a key");
    let wish = Wish {
        subject: Subject::default().organization("o").named("root"),
        names: Vec::new(),
        public_key: key.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let profile = builtin().get("root").expect("a profile");
    let linted = prepare(profile, &wish, IssuerRef::SelfSigned, &Places::default(), [1; 20], NOW, key.scheme());
    (linted.expect("it passes").sign(&key).expect("signed"), key)
});

fuzz_target!(|data: (String, String, String, String, Vec<u8>, bool)| {
    let (common, organisation, dns, uri, address, server) = data;
    let (root, key) = &*ROOT;
    let names = if server {
        let mut names = vec![GeneralName::Dns(dns.clone())];
        if !address.is_empty() {
            names.push(GeneralName::Ip(address));
        }
        names
    } else {
        vec![GeneralName::Uri(uri)]
    };
    let wish = Wish {
        subject: Subject::default().organization(organisation).named(common),
        names: names.clone(),
        public_key: key.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let place = || Some("http://pki.example/x".to_owned());
    let places = Places { crl: place(), ocsp: place(), ca_issuers: place() };
    let profile = builtin().get(if server { "server" } else { "machine" }).expect("a profile");
    let issuer = IssuerRef::Ca(root);
    let Ok(linted) = prepare(profile, &wish, issuer, &places, [2; 20], NOW, key.scheme()) else { return };
    let certificate = linted.sign(key).expect("signed");
    assert_eq!(certificate.subject_alt_names(), names);
    assert_eq!(lint(&certificate, profile, issuer), []);
    let shown = format!("{} {names:?}", certificate.subject());
    assert!(!shown.contains(['\r', '\n', '\0', '\u{202e}']));
});
