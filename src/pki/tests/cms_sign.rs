//! CMS made here, judged by OpenSSL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use cinnabar_pki::cms::sign::{CmsSignError, CmsSigner};
use common::*;
use crypto::DigestAlgorithm;

fn signer(seal: &Entity, ca: &Entity) -> CmsSigner {
    CmsSigner::new(seal.key.clone(), &seal.certificate, std::slice::from_ref(&ca.certificate)).unwrap()
}

#[test]
fn openssl_verifies_the_detached_signature_and_refuses_other_content() {
    let dir = tempfile::tempdir().unwrap();
    let Hierarchy { root, ca, seal } = hierarchy();
    let cms = signer(&seal, &ca).sign(&DigestAlgorithm::Sha256.digest(b"the byte range")).unwrap();
    write(dir.path(), "root.pem", root.certificate.to_pem());
    write(dir.path(), "cms.der", &cms);
    write(dir.path(), "content", "the byte range");
    write(dir.path(), "other", "the byte rang3");
    let verify = format!(
        "cms -verify -binary -inform DER -in cms.der -purpose any -attime {NOW} -CAfile root.pem -cades -out out -content "
    );
    openssl(dir.path(), &format!("{verify}content"));
    assert!(!openssl_output(dir.path(), &format!("{verify}other")).status.success());
}

#[test]
fn openssl_reads_the_structure_as_pades_wants_it() {
    let dir = tempfile::tempdir().unwrap();
    let Hierarchy { ca, seal, .. } = hierarchy();
    write(dir.path(), "cms.der", signer(&seal, &ca).sign(&[7; 32]).unwrap());
    let text = openssl(dir.path(), "cms -cmsout -print -noout -inform DER -in cms.der");
    let (_, attributes) = text.split_once("signedAttrs:").unwrap();
    assert_eq!(attributes.matches("object: ").count(), 3, "{text}");
    for wanted in [
        "contentType (1.2.840.113549.1.9.3)",
        "messageDigest",
        "id-smime-aa-signingCertificateV2",
        "eContent: <ABSENT>",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("signingTime"));
    // OpenSSL's own DER of what it read is what we wrote.
    openssl(dir.path(), "cms -cmsout -inform DER -in cms.der -outform DER -out again.der");
    assert_eq!(read(dir.path(), "cms.der"), read(dir.path(), "again.der"));
}

#[test]
fn the_reserved_length_is_never_exceeded_and_never_far_off() {
    let Hierarchy { ca, seal, .. } = hierarchy();
    let signer = signer(&seal, &ca);
    for round in 0..200_u8 {
        let length = signer.sign(&[round; 32]).unwrap().len();
        assert!(
            length <= signer.max_len() && signer.max_len() - length < 16,
            "{length} {}",
            signer.max_len()
        );
    }
}

#[test]
fn a_wrong_digest_length_or_certificate_is_refused() {
    let Hierarchy { ca, seal, .. } = hierarchy();
    assert_eq!(signer(&seal, &ca).sign(&[0; 20]), Err(CmsSignError::DigestLength { len: 20, expected: 32 }));
    let other = CmsSigner::new(seal.key.clone(), &ca.certificate, &[]).unwrap_err();
    assert_eq!(other, CmsSignError::WrongCertificate);
}
