//! One certificate of every profile, judged by OpenSSL and read back; nothing is issued that the profile does not give.
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
    GeneralName, Subject,
    issue::{IssueError, IssuerRef, Places, Wish, WishError, prepare},
    profile::{IssuedBy, SubjectRules, builtin},
};
use common::*;
use crypto::{KeyKind, Signer, SoftwareKey};

#[test]
fn openssl_and_x509_parser_verify_one_of_every_profile() {
    let dir = tempfile::tempdir().unwrap();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519] {
        let root = make("root", None, kind, "示例根 CA");
        let ca = make("issuing-ca", Some(&root), kind, "签发 CA");
        write(dir.path(), "root.pem", root.certificate.to_pem());
        write(dir.path(), "ca.pem", ca.certificate.to_pem());
        for profile in builtin().iter().filter(|profile| profile.issuer() != IssuedBy::Itself) {
            let issuer = if profile.is_ca() { &root } else { &ca };
            if *profile.subject() == SubjectRules::Copied {
                continue;
            }
            let leaf = make(profile.name(), Some(issuer), KeyKind::P256, "部门审批专用章");
            write(dir.path(), "leaf.pem", leaf.certificate.to_pem());
            let args = format!(
                "verify -x509_strict -check_ss_sig -attime {NOW} -CAfile root.pem -untrusted ca.pem leaf.pem"
            );
            let verified = openssl(dir.path(), &args);
            assert!(verified.contains("leaf.pem: OK"), "{}: {verified}", profile.name());
            let (rest, parsed) = x509_parser::parse_x509_certificate(leaf.certificate.der()).unwrap();
            let (_, above) = x509_parser::parse_x509_certificate(issuer.certificate.der()).unwrap();
            assert!(rest.is_empty() && parsed.extensions_map().is_ok(), "{}", profile.name());
            parsed.verify_signature(Some(above.public_key())).unwrap();
        }
    }
}

#[test]
fn a_cross_certificate_has_the_other_authority_s_name_and_key_identifier() {
    let dir = tempfile::tempdir().unwrap();
    let old = make("root", None, KeyKind::P256, "旧根");
    let new = make("root", None, KeyKind::P384, "新根");
    let profile = builtin().get("cross-ca").unwrap();
    let wish = Wish {
        subject: Subject::copied(new.certificate.subject().clone()),
        names: Vec::new(),
        public_key: new.key.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let cross = try_prepare(profile, &wish, Some(&old)).unwrap().sign(&*old.key).unwrap();
    assert_eq!(cross.subject(), new.certificate.subject());
    assert_eq!(cross.subject_key_id(), new.certificate.subject_key_id());
    let leaf = make("issuing-ca", Some(&new), KeyKind::P256, "签发 CA");
    write(dir.path(), "old.pem", old.certificate.to_pem());
    write(dir.path(), "cross.pem", cross.to_pem());
    write(dir.path(), "leaf.pem", leaf.certificate.to_pem());
    let args = format!("verify -x509_strict -attime {NOW} -CAfile old.pem -untrusted cross.pem leaf.pem");
    openssl(dir.path(), &args);
    let made = Wish { subject: Subject::common_name("x"), ..wish };
    assert!(matches!(
        try_prepare(profile, &made, Some(&old)),
        Err(IssueError::Wish(WishError::SubjectCopied))
    ));
}

#[test]
fn only_the_issuer_s_key_signs() {
    let root = make("root", None, KeyKind::P256, "root");
    let other = key(KeyKind::P256);
    let profile = builtin().get("issuing-ca").unwrap();
    let linted = try_prepare(profile, &wish(profile, "ca", other.public_key()), Some(&root)).unwrap();
    assert!(matches!(linted.sign(&other), Err(IssueError::WrongKey)));
}

/// Signs something else than it is given.
struct Broken<'a>(&'a SoftwareKey);

impl Signer for Broken<'_> {
    fn scheme(&self) -> crypto::SignatureScheme {
        self.0.scheme()
    }
    fn public_key(&self) -> &[u8] {
        self.0.public_key()
    }
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, crypto::SignError> {
        self.0.sign(b"something else")
    }
}

#[test]
fn a_signature_that_does_not_verify_is_no_certificate() {
    let root = make("root", None, KeyKind::P256, "root");
    let profile = builtin().get("issuing-ca").unwrap();
    let linted =
        try_prepare(profile, &wish(profile, "ca", key(KeyKind::P256).public_key()), Some(&root)).unwrap();
    assert!(matches!(linted.sign(&Broken(&root.key)), Err(IssueError::Signature(_))));
}

#[test]
fn validity_is_the_profile_s_and_never_leaves_the_issuer_s() {
    let root = make("root", None, KeyKind::P256, "root");
    let ca = make("issuing-ca", Some(&root), KeyKind::P256, "ca");
    let machine = builtin().get("machine").unwrap();
    let asked = wish(machine, "m", key(KeyKind::P256).public_key());
    let usual = try_prepare(machine, &asked, Some(&ca)).unwrap();
    assert_eq!((usual.not_before(), usual.not_after()), (NOW - 300, NOW - 300 + 397 * DAY - 1));
    let shorter = Wish { not_after: Some(NOW + DAY), ..asked.clone() };
    assert_eq!(try_prepare(machine, &shorter, Some(&ca)).unwrap().not_after(), NOW + DAY);
    let refusal = |wish: Wish| match try_prepare(machine, &wish, Some(&ca)) {
        Err(IssueError::Wish(error)) => error,
        other => panic!("{other:?}"),
    };
    let longer = Wish { not_after: Some(NOW + 398 * DAY), ..asked.clone() };
    assert_eq!(refusal(longer), WishError::TooLong { longest_days: 397 });
    let earlier = Wish { not_before: Some(NOW - 301), ..asked.clone() };
    assert_eq!(refusal(earlier), WishError::Period { earliest: NOW - 300 });
    // A year before the authority ends, a certificate ends with it; after it there is none.
    let end = ca.certificate.not_after();
    let late = |now: i64| {
        let scheme = ca.key.scheme();
        prepare(machine, &asked, IssuerRef::Ca(&ca.certificate), &places(), serial(), now, scheme)
    };
    assert_eq!(late(end - 100 * DAY).unwrap().not_after(), end);
    assert!(matches!(late(end + DAY), Err(IssueError::Wish(WishError::IssuerEnded))));
}

#[test]
fn what_the_profile_does_not_give_is_refused_by_name() {
    let root = make("root", None, KeyKind::P256, "root");
    let ca = make("issuing-ca", Some(&root), KeyKind::P256, "ca");
    let spki = key(KeyKind::P256).public_key().to_vec();
    let refusal = |name: &str, change: &dyn Fn(&mut Wish)| {
        let profile = builtin().get(name).unwrap();
        let mut wish = wish(profile, "m", &spki);
        change(&mut wish);
        match try_prepare(profile, &wish, Some(&ca)) {
            Err(IssueError::Wish(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let uri = |text: &str| GeneralName::Uri(text.into());
    let dns = |text: &str| GeneralName::Dns(text.into());
    for (profile, change, expected) in [
        (
            "machine",
            &(|w: &mut Wish| w.names.clear()) as &dyn Fn(&mut Wish),
            "0 alternative names of kind `uri`",
        ),
        ("machine", &|w| w.names.push(uri("urn:cinnabar:machine:b")), "2 alternative names of kind `uri`"),
        ("machine", &|w| w.names = vec![uri("urn:a:b c")], "is not a name of kind `uri`"),
        ("machine", &|w| w.names = vec![uri("urn:机器:b")], "is not a name of kind `uri`"),
        ("machine", &|w| w.names = vec![dns("a.example")], "kind `dNSName` are not allowed"),
        ("machine", &|w| w.subject = Subject::common_name("m"), "`O` is missing"),
        ("machine", &|w| w.subject = w.subject.clone().organizational_unit("x"), "`OU` is not allowed"),
        ("machine", &|w| w.subject = w.subject.clone().named("x"), "`CN` stands twice"),
        ("machine", &|w| w.subject = w.subject.clone().country("DE"), "`C` is fixed to `CN`"),
        ("machine", &|w| w.subject = Subject::common_name("a\r\nb").organization("o"), "U+000D"),
        ("machine", &|w| w.subject = Subject::common_name("a\0b").organization("o"), "U+0000"),
        ("machine", &|w| w.subject = Subject::common_name("a\u{202e}b").organization("o"), "U+202E"),
        (
            "machine",
            &|w| w.subject = Subject::common_name("长".repeat(65)).organization("o"),
            "65 characters",
        ),
        ("server", &|w| w.names = vec![dns("*.example.cn")], "is a wildcard"),
        ("server", &|w| w.names = vec![dns("a_b.example")], "is not a name of kind `dns`"),
        ("server", &|w| w.names = vec![dns("a.example"), dns("a.example")], "stands twice"),
        ("server", &|w| w.names.clear(), "0 alternative names of kind `any`"),
        ("server", &|w| w.names = vec![GeneralName::Email("a@b.example".into())], "rfc822Name"),
        (
            "server",
            &|w| w.public_key = key(KeyKind::Ed25519).public_key().to_vec(),
            "`ed25519` is not accepted",
        ),
        ("server", &|w| w.public_key = vec![0x30, 0], "malformed public key"),
    ] {
        let error = refusal(profile, change);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let profile = builtin().get("machine").unwrap();
    let nowhere = prepare(
        profile,
        &wish(profile, "m", &spki),
        IssuerRef::Ca(&ca.certificate),
        &Places { ocsp: None, ..places() },
        serial(),
        NOW,
        ca.key.scheme(),
    );
    assert!(matches!(nowhere, Err(IssueError::Place { place: "OCSP responder", .. })));
}
