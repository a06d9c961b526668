//! Certificates of ours, judged by OpenSSL and by our own parser.
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
    Certificate, Subject,
    issue::{IssueError, IssuerRef},
};
use common::*;
use crypto::{KeyKind, Signer};

#[test]
fn openssl_verifies_every_profile_up_to_the_root_and_shows_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let Hierarchy { root, ca, .. } = hierarchy();
    write(dir.path(), "root.pem", root.certificate.to_pem());
    write(dir.path(), "ca.pem", ca.certificate.to_pem());
    for (profile, expected) in [
        (Profile::TlsServer, "DNS:api.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"),
        (Profile::MachineClient, "URI:urn:cinnabar:machine:approvals-1"),
        (Profile::OfficerClient, "TLS Web Client Authentication"),
        (Profile::Seal, "Digital Signature, Non Repudiation"),
        (Profile::Ocsp, "OCSP No Check"),
        (Profile::TimeStamp, "X509v3 Extended Key Usage: critical\n                Time Stamping"),
        (Profile::SealMaker, "1.3.6.1.5.5.7.3.36"),
    ] {
        let leaf = entity(Some(&ca), profile, "某单位");
        write(dir.path(), "leaf.pem", leaf.certificate.to_pem());
        let verified = openssl(
            dir.path(),
            &format!(
                "verify -x509_strict -check_ss_sig -attime {NOW} -CAfile root.pem -untrusted ca.pem leaf.pem"
            ),
        );
        assert!(verified.contains("leaf.pem: OK"), "{verified}");
        let text = openssl(dir.path(), "x509 -in leaf.pem -noout -text -nameopt utf8");
        assert!(text.contains(expected), "{profile:?}: {text}");
        assert!(text.contains("某单位") && text.contains("示例市行政审批局"), "{text}");
        assert_eq!(text.contains(CRL_URI), profile != Profile::Ocsp);
    }
}

#[test]
fn openssl_accepts_the_time_stamp_and_tls_profiles_for_their_purposes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let Hierarchy { root, ca, .. } = hierarchy();
    write(dir.path(), "root.pem", root.certificate.to_pem());
    write(dir.path(), "ca.pem", ca.certificate.to_pem());
    let verify = |profile, purpose: &str| {
        write(dir.path(), "leaf.pem", entity(Some(&ca), profile, "leaf").certificate.to_pem());
        let args =
            format!("verify -purpose {purpose} -attime {NOW} -CAfile root.pem -untrusted ca.pem leaf.pem");
        openssl_output(dir.path(), &args).status.success()
    };
    assert!(verify(Profile::TimeStamp, "timestampsign") && !verify(Profile::Seal, "timestampsign"));
    assert!(verify(Profile::TlsServer, "sslserver") && !verify(Profile::MachineClient, "sslserver"));
    assert!(verify(Profile::MachineClient, "sslclient") && !verify(Profile::TlsServer, "sslclient"));
    assert!(verify(Profile::Seal, "smimesign"));
}

#[test]
fn a_certificate_reads_back_as_it_was_asked_for() {
    let Hierarchy { root, ca, seal } = hierarchy();
    let certificate = &seal.certificate;
    assert_eq!(certificate.subject().to_string(), "CN=部门审批专用章,O=示例市行政审批局,C=CN");
    assert_eq!(certificate.issuer(), ca.certificate.subject());
    assert_eq!(certificate.authority_key_id(), ca.certificate.subject_key_id());
    assert_eq!(certificate.crl_distribution_points(), [CRL_URI]);
    assert_eq!((certificate.not_before(), certificate.not_after()), (NOW - DAY, NOW + 365 * DAY));
    assert_eq!(certificate.spki(), seal.key.public_key());
    assert!(ca.certificate.is_ca() && !certificate.is_ca());
    assert_eq!(certificate.verify_signature(ca.certificate.spki()), Ok(()));
    assert!(certificate.verify_signature(root.certificate.spki()).is_err());
    assert_eq!(
        Certificate::from_pem(certificate.to_pem().as_bytes()).unwrap(),
        std::slice::from_ref(certificate)
    );
}

#[test]
fn the_log_key_s_ed25519_can_hold_a_certificate_and_sign_one() {
    let dir = tempfile::tempdir().unwrap();
    let root = entity_from(None, KeyKind::Ed25519, |_| {}, Profile::RootCa, "ed");
    let leaf = entity(Some(&root), Profile::Seal, "leaf");
    write(dir.path(), "root.pem", root.certificate.to_pem());
    write(dir.path(), "leaf.pem", leaf.certificate.to_pem());
    openssl(dir.path(), &format!("verify -x509_strict -attime {NOW} -CAfile root.pem leaf.pem"));
}

#[test]
fn another_key_than_the_issuer_s_signs_nothing() {
    let Hierarchy { root, ca, seal } = hierarchy();
    let template = template(Profile::Seal, Subject::common_name("x"), seal.key.public_key());
    assert!(matches!(
        issue(&template, IssuerRef::Ca(&ca.certificate), &*root.key),
        Err(IssueError::WrongKey)
    ));
}

#[test]
fn truncated_and_altered_certificates_are_errors_not_panics() {
    let der = hierarchy().seal.certificate.der().to_vec();
    for length in 0..der.len() {
        assert!(Certificate::from_der(&der[..length]).is_err());
    }
    for at in 0..der.len() {
        let mut altered = der.clone();
        altered[at] ^= 0x55;
        let _ = Certificate::from_der(&altered).map(|certificate| format!("{certificate:?}"));
    }
    assert!(Certificate::from_der(&[&der[..], &[0]].concat()).is_err());
}
