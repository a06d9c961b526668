//! What clients are told to ask for, read by OpenSSL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use cinnabar_pki::csrattrs::{Known, csr_attributes};
use cinnabar_pki::profile::builtin;
use cinnabar_pki::{GeneralName, Subject};
use common::*;

fn parsed(profile: &str, known: Option<Known<'_>>) -> String {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.der", csr_attributes(builtin().get(profile).unwrap(), known));
    openssl(dir.path(), "asn1parse -inform DER -i -in a.der")
}

#[test]
fn a_stranger_is_asked_for_a_key_and_nothing_that_the_register_knows() {
    let der = csr_attributes(builtin().get("machine").unwrap(), None);
    // CsrAttrs { { ecPublicKey, P-256 }, { template, { v1, [0] { { ecPublicKey, P-256 } },
    //     [1] { { extensionReqTemplate, { { keyUsage, TRUE, digitalSignature } } } } } } }
    let golden = "3069 3015 06072a8648ce3d0201 310a 06082a8648ce3d030107\
        3050 060b2a864886f70d010910023d 3141 303f 020100\
        a015 3013 06072a8648ce3d0201 06082a8648ce3d030107\
        a123 3021 060b2a864886f70d010910023e 3112 3010 300e 0603551d0f 0101ff 0404 03020780";
    assert_eq!(hex(&der), golden.replace(' ', ""), "{}", parsed("machine", None));
}

#[test]
fn whom_the_server_knows_is_told_its_names() {
    let subject =
        Subject::default().country("CN").organization("示例市行政审批局").named("approvals").to_name();
    let names = [GeneralName::Uri("urn:cinnabar:demo:machine:approvals".into())];
    let text = parsed("machine", Some(Known { subject: &subject, names: &names }));
    assert_eq!(text.matches("X509v3 Subject Alternative Name").count(), 2, "list and template: {text}");
    assert!(text.contains("approvals") && text.contains("Extension Request"), "{text}");
    let der =
        csr_attributes(builtin().get("machine").unwrap(), Some(Known { subject: &subject, names: &names }));
    assert!(hex(&der).contains(&hex(subject.der())), "the template has the subject byte for byte");
}

#[test]
fn a_server_names_its_hosts_itself() {
    let text = parsed("server", None);
    assert_eq!(text.matches("X509v3 Subject Alternative Name").count(), 1, "in the template alone: {text}");
    assert!(!text.contains("Extension Request"), "{text}");
}

#[test]
fn a_challenge_password_is_never_asked_for() {
    for profile in builtin().iter() {
        assert!(!parsed(profile.name(), None).contains("challengePassword"), "{}", profile.name());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
