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
    GeneralName, Subject,
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
    openssl(dir, "req -new -key k -subj /O=o/CN=c -addext subjectAltName=URI:urn:x -out csr");
    let request = CertificationRequest::from_pem_or_der(&read(dir, "csr")).unwrap();
    assert_eq!(request.subject().to_string(), "CN=c,O=o");
    assert_eq!(request.subject_alt_names(), [GeneralName::Uri("urn:x".into())]);
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
