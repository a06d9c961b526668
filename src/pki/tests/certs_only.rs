//! Certificates in a CMS that signs nothing, read by OpenSSL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use cinnabar_pki::cms::certs_only;
use common::*;

#[test]
fn openssl_finds_every_certificate_once_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let Hierarchy { root, ca, seal } = hierarchy();
    let all = [&seal, &ca, &root, &ca].map(|entity| entity.certificate.clone());
    write(dir.path(), "certs.p7", certs_only(&all));
    let shown = openssl(dir.path(), "pkcs7 -inform DER -in certs.p7 -print_certs");
    assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 3, "{shown}");
    for entity in [&root, &ca, &seal] {
        assert!(shown.replace('\n', "").contains(&entity.certificate.to_pem().replace('\n', "")), "{shown}");
    }
    let text = openssl(dir.path(), "cms -cmsout -print -noout -inform DER -in certs.p7");
    for wanted in ["eContentType: pkcs7-data", "eContent: <ABSENT>", "signerInfos:\n      <EMPTY>"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    // OpenSSL's own DER of what it read is what we wrote.
    openssl(dir.path(), "cms -cmsout -inform DER -in certs.p7 -outform DER -out again.p7");
    assert_eq!(read(dir.path(), "certs.p7"), read(dir.path(), "again.p7"));
}

#[test]
fn none_is_a_valid_answer_too() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "certs.p7", certs_only(&[]));
    let shown = openssl(dir.path(), "pkcs7 -inform DER -in certs.p7 -print_certs");
    assert!(!shown.contains("BEGIN"), "{shown}");
}
