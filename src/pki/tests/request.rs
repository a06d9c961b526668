//! PKCS#10 both ways with OpenSSL.
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
    Asn1Error, GeneralName, Subject, ValueFault,
    key::KeyFault,
    request::{CertificationRequest, RequestError},
};
use common::*;
use crypto::{KeyKind, Signer};

#[test]
fn openssl_verifies_our_request_and_shows_its_names() {
    let dir = tempfile::tempdir().unwrap();
    for kind in [KeyKind::P256, KeyKind::Ed25519] {
        let key = key(kind);
        let names = [GeneralName::Uri("urn:cinnabar:machine:a".into()), GeneralName::Dns("a.example".into())];
        let der = CertificationRequest::make(&key, &Subject::common_name("审批系统"), &names).unwrap();
        write(dir.path(), "csr", &der);
        let text = openssl(dir.path(), "req -inform DER -in csr -verify -noout -text -nameopt utf8");
        assert!(
            text.contains("审批系统") && text.contains("URI:urn:cinnabar:machine:a, DNS:a.example"),
            "{text}"
        );
        let read = CertificationRequest::from_der(&der).unwrap();
        assert_eq!(
            (read.der(), read.spki(), read.subject_alt_names()),
            (&der[..], key.public_key(), &names[..])
        );
        assert_eq!(CertificationRequest::from_pem_or_der(read.to_pem().as_bytes()).unwrap().der(), der);
    }
}

#[test]
fn openssl_s_request_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    openssl(dir, "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out k");
    openssl(dir, "req -new -key k -subj /O=o/CN=c -addext subjectAltName=URI:urn:cinnabar:x -out csr");
    let request = CertificationRequest::from_pem_or_der(&read(dir, "csr")).unwrap();
    assert_eq!(request.subject().to_string(), "CN=c,O=o");
    assert_eq!(request.subject_alt_names(), [GeneralName::Uri("urn:cinnabar:x".into())]);
}

#[test]
fn a_request_without_proof_of_possession_does_not_exist() {
    let (mine, other) = (key(KeyKind::P256), key(KeyKind::P256));
    let der = CertificationRequest::make(&mine, &Subject::common_name("x"), &[]).unwrap();
    let at = der.windows(mine.public_key().len()).position(|window| window == mine.public_key()).unwrap();
    let mut stolen = der.clone();
    stolen[at..at + other.public_key().len()].copy_from_slice(other.public_key());
    assert!(matches!(CertificationRequest::from_der(&stolen), Err(RequestError::ProofOfPossession(_))));
    for length in 0..der.len() {
        assert!(CertificationRequest::from_der(&der[..length]).is_err());
    }
}

/// OpenSSL's request with these options, in PEM.
fn openssl_request(key: &str, options: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    openssl(dir.path(), &format!("genpkey {key} -out k"));
    openssl(dir.path(), format!("req -new -key k -subj /O=o/CN=c -out csr {options}").trim_end());
    read(dir.path(), "csr")
}

#[test]
fn every_accepted_kind_of_key_is_read() {
    for (key, name) in [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "p256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "p384"),
        ("-algorithm rsa -pkeyopt rsa_keygen_bits:2048", "rsa-2048"),
        ("-algorithm ed25519", "ed25519"),
    ] {
        let request = CertificationRequest::from_pem_or_der(&openssl_request(key, "")).unwrap();
        assert_eq!(request.key_algorithm().to_string(), name);
    }
}

#[test]
fn what_is_asked_for_beside_names_is_shown_and_a_password_is_not_printed() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[req]\nprompt=no\ndistinguished_name=d\nattributes=a\nreq_extensions=e\n[d]\nCN=c\n[a]\n\
                  challengePassword=geheim-17\n[e]\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=keyCertSign\n\
                  basicConstraints=CA:TRUE\nsubjectAltName=DNS:*.a.example,IP:::1,email:a@b.example\n1.2.3.4=ASN1:NULL\n";
    write(dir.path(), "c", config);
    openssl(dir.path(), "genpkey -algorithm ed25519 -out k");
    openssl(dir.path(), "req -new -key k -config c -outform DER -out csr");
    let request = CertificationRequest::from_pem_or_der(&read(dir.path(), "csr")).unwrap();
    assert_eq!(request.challenge_password(), Some("geheim-17"));
    assert!(!format!("{request:?}").contains("geheim"));
    assert_eq!(request.extended_key_usages().len(), 2);
    assert!(request.key_usage().unwrap().contains(cinnabar_pki::KeyUsage::KEY_CERT_SIGN));
    assert_eq!(request.subject_alt_names().len(), 3);
}

#[test]
fn weak_and_foreign_keys_are_refused_by_name() {
    let refused = |key: &str| CertificationRequest::from_pem_or_der(&openssl_request(key, "")).unwrap_err();
    let rsa = "-algorithm rsa -pkeyopt rsa_keygen_bits:";
    assert_eq!(refused(&format!("{rsa}1024")), RequestError::Key(KeyFault::RsaSize { bits: 1024 }));
    let three = refused(&format!("{rsa}2048 -pkeyopt rsa_keygen_pubexp:3"));
    assert_eq!(three, RequestError::Key(KeyFault::RsaExponent));
    for key in ["-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "-algorithm ed448"] {
        assert!(matches!(refused(key), RequestError::Key(KeyFault::Unsupported { .. })), "{key}");
    }
    let explicit = refused("-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit");
    assert_eq!(explicit, RequestError::Key(KeyFault::Malformed));
}

#[test]
fn an_even_modulus_and_a_point_off_its_curve_are_refused() {
    let rsa = pem_body(&openssl_request("-algorithm rsa -pkeyopt rsa_keygen_bits:2048", ""));
    // The modulus ends where INTEGER 65537 begins.
    let end = rsa.windows(5).position(|window| window == [2, 3, 1, 0, 1]).unwrap();
    let mut even = rsa;
    even[end - 1] &= 0xFE;
    assert_eq!(
        CertificationRequest::from_der(&even).unwrap_err(),
        RequestError::Key(KeyFault::RsaModulusEven)
    );
    let mine = key(KeyKind::P256);
    let der = CertificationRequest::make(&mine, &Subject::common_name("x"), &[]).unwrap();
    let at = der.windows(mine.public_key().len()).position(|window| window == mine.public_key()).unwrap();
    let mut off = der;
    off[at + mine.public_key().len() - 1] ^= 1;
    assert!(matches!(CertificationRequest::from_der(&off), Err(RequestError::ProofOfPossession(_))));
}

/// The one DER block of a PEM file.
fn pem_body(text: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "pem", text);
    openssl(dir.path(), "req -in pem -outform DER -out der");
    read(dir.path(), "der")
}

#[test]
fn names_with_controls_or_of_another_syntax_are_refused_by_name() {
    let mine = key(KeyKind::P256);
    let ask = |subject: Subject, names: &[GeneralName]| {
        let der = CertificationRequest::make(&mine, &subject, names).unwrap();
        CertificationRequest::from_der(&der).unwrap_err()
    };
    for (text, code) in
        [("a\r\nb", 0x0D), ("a\nb", 0x0A), ("a\0b", 0), ("a\u{202e}b", 0x202E), ("a\u{200b}", 0x200B)]
    {
        let fault = ValueFault::Character { code };
        assert_eq!(
            ask(Subject::common_name(text), &[]),
            RequestError::Subject { attribute: "CN".into(), fault },
            "{text:?}"
        );
    }
    let plain = || Subject::common_name("x");
    for name in [
        GeneralName::Dns("a.example\0.evil.example".into()),
        GeneralName::Dns("a.example\r\nHost: b".into()),
        GeneralName::Dns("a_b.example".into()),
        GeneralName::Dns("".into()),
        GeneralName::Dns("a.*.example".into()),
        GeneralName::Uri("urn:x".into()),
        GeneralName::Uri("http://u:p@a.example/".into()),
        GeneralName::Email("a\n@b.example".into()),
        GeneralName::Ip(vec![10, 0, 0, 0, 255, 0, 0, 0]),
    ] {
        let error = ask(plain(), std::slice::from_ref(&name));
        assert!(matches!(error, RequestError::NameSyntax { .. }), "{name:?}: {error}");
        assert!(!error.to_string().contains(['\r', '\n', '\0']), "what is shown is one line");
    }
    let directory = GeneralName::Directory(plain().to_name());
    assert_eq!(ask(plain(), &[directory]), RequestError::NameForm { form: "directoryName" });
    let many = vec![GeneralName::Dns("a.example".into()); 1001];
    assert_eq!(ask(plain(), &many), RequestError::TooManyNames { found: 1001, most: 1000 });
}

#[test]
fn forms_never_certified_and_unknown_critical_extensions_are_refused_by_name() {
    let refused = |options: &str| {
        CertificationRequest::from_pem_or_der(&openssl_request("-algorithm ed25519", options)).unwrap_err()
    };
    assert_eq!(
        refused("-addext subjectAltName=otherName:1.2.3.4;UTF8:x"),
        RequestError::NameForm { form: "otherName" }
    );
    assert_eq!(refused("-addext subjectAltName=RID:1.2.3"), RequestError::NameForm { form: "registeredID" });
    let oid = "1.2.3.4".parse().unwrap();
    assert_eq!(refused("-addext 1.2.3.4=critical,ASN1:NULL"), RequestError::CriticalExtension { oid });
}

#[test]
fn huge_trailing_and_several_requests_are_refused() {
    let mine = key(KeyKind::P256);
    let der = CertificationRequest::make(&mine, &Subject::common_name("x"), &[]).unwrap();
    let trailing = [&der[..], &[0]].concat();
    assert!(matches!(
        CertificationRequest::from_der(&trailing),
        Err(RequestError::Malformed(Asn1Error::TrailingData { .. }))
    ));
    let huge = vec![0x30; 64 * 1024 + 1];
    assert_eq!(CertificationRequest::from_der(&huge).unwrap_err(), RequestError::TooLarge { len: 65_537 });
    let pem = CertificationRequest::from_der(&der).unwrap().to_pem();
    let twice = format!("{pem}{pem}");
    assert_eq!(
        CertificationRequest::from_pem_or_der(twice.as_bytes()).unwrap_err(),
        RequestError::Several { found: 2 }
    );
    let huge = format!("{}{pem}", " ".repeat(200_000));
    assert!(matches!(
        CertificationRequest::from_pem_or_der(huge.as_bytes()),
        Err(RequestError::TooLarge { .. } | RequestError::Malformed(_))
    ));
    let old = pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    assert_eq!(CertificationRequest::from_pem_or_der(old.as_bytes()).unwrap().der(), der);
}

#[test]
fn a_broken_digest_is_no_proof_of_possession() {
    let sha1 = openssl_request("-algorithm rsa -pkeyopt rsa_keygen_bits:2048", "-sha1");
    let error = CertificationRequest::from_pem_or_der(&sha1).unwrap_err();
    assert!(error.to_string().contains("SHA-1"), "{error}");
}
