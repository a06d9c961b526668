//! What other programs sign, `cinnabar verify` accepts, or says why not: pyHanko (through the corpus), PDFBox with
//! BouncyCastle, @signpdf/signpdf, mutool; RSA and P-256; one after the other on one file.

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::tools::{self, Credential};
use support::{corpus, process};

/// The report of `cinnabar verify --json`, which has to end with `code`.
#[track_caller]
fn verified(file: &Path, roots: &[&Path], code: i32) -> Value {
    let mut command = std::process::Command::new(support::appliance::binary());
    command.arg("verify").arg(file).arg("--json");
    for root in roots {
        command.arg("--trust-anchor").arg(root);
    }
    process::finish(command).exits(code).json()
}

fn intact(report: &Value) -> bool {
    report["signatures"].as_array().is_some_and(|all| all.iter().all(|s| s["integrity"] == "intact"))
}

/// Documents of other makers that all the signers can read.
const DOCUMENTS: [&str; 4] = ["plain-31k", "chromium", "debian-libtasn1", "ghostscript"];

fn files() -> impl Iterator<Item = (&'static str, PathBuf)> {
    DOCUMENTS.into_iter().map(|name| (name, corpus::named(name).path()))
}

#[test]
fn what_pdfbox_signs_is_valid() {
    let folder = corpus::scratch();
    let signed = folder.path().join("signed.pdf");
    for kind in ["rsa:2048", "ec:prime256v1"] {
        let credential = Credential::make(folder.path(), kind);
        for (name, plain) in files() {
            tools::sign_with_pdfbox(&plain, &signed, &credential, None);
            let report = verified(&signed, &[&credential.certificate], 0);
            assert_eq!(report["signatures"][0]["coverage"], "file", "{name}, {kind}");
        }
    }
}

#[test]
fn what_pdfbox_certifies_is_valid_and_what_it_signs_afterwards_is_a_signature() {
    let folder = corpus::scratch();
    let credential = Credential::make(folder.path(), "rsa:2048");
    let (certified, twice) = (folder.path().join("certified.pdf"), folder.path().join("twice.pdf"));
    tools::sign_with_pdfbox(&corpus::named("plain-31k").path(), &certified, &credential, Some(2));
    verified(&certified, &[&credential.certificate], 0);
    tools::sign_with_pdfbox(&certified, &twice, &credential, None);
    let report = verified(&twice, &[&credential.certificate], 0);
    assert_eq!(report["signatures"][0]["changes"], serde_json::json!(["signature"]));
    tools::sign_with_pdfbox(&corpus::named("plain-31k").path(), &certified, &credential, Some(1));
    tools::sign_with_pdfbox(&certified, &twice, &credential, None);
    let report = verified(&twice, &[&credential.certificate], 3);
    assert_eq!(report["signatures"][0]["changes_allowed"], false);
}

#[test]
fn what_signpdf_signs_is_valid() {
    let folder = corpus::scratch();
    let credential = Credential::make(folder.path(), "rsa:2048");
    let signed = folder.path().join("signed.pdf");
    tools::sign_with_signpdf(&corpus::named("plain-31k").path(), &signed, &credential);
    let report = verified(&signed, &[&credential.certificate], 0);
    assert_eq!(report["signatures"][0]["sub_filter"], "adbe.pkcs7.detached");
}

/// mupdf 1.21 signs with SHA-1: intact or not is left open, and trusted it is not.
#[test]
fn what_mutool_signs_with_sha_1_is_undecided() {
    let folder = corpus::scratch();
    let credential = Credential::make(folder.path(), "rsa:2048");
    let (empty, signed) = (folder.path().join("empty.pdf"), folder.path().join("signed.pdf"));
    let mut command = std::process::Command::new(corpus::python().join("pyhanko"));
    command.args(["sign", "addfields", "--field", "1/50,50,250,120/Approval"]);
    command.arg(corpus::named("plain-31k").path()).arg(&empty);
    process::finish(command).ok();
    tools::sign_with_mutool(&empty, &signed, &credential);
    assert_eq!(tools::mutool(&signed), tools::Opinion::Accepts);
    let report = verified(&signed, &[&credential.certificate], 4);
    assert_eq!(report["signatures"][0]["integrity"], "unknown");
    let reasons = report["signatures"][0]["reasons"].to_string().to_lowercase();
    assert!(reasons.contains("sha-1") || reasons.contains("sha1"), "{reasons}");
}

#[test]
fn one_signer_after_the_other_leaves_every_signature_intact() {
    let folder = corpus::scratch();
    let rsa = Credential::make(folder.path(), "rsa:2048");
    let other = corpus::scratch();
    let ec = Credential::make(other.path(), "ec:prime256v1");
    let [first, second, third] = ["1.pdf", "2.pdf", "3.pdf"].map(|name| folder.path().join(name));
    tools::sign_with_signpdf(&corpus::named("plain-31k").path(), &first, &rsa);
    tools::sign_with_pdfbox(&first, &second, &ec, None);
    tools::sign_with_pdfbox(&second, &third, &rsa, None);
    let report = verified(&third, &[&rsa.certificate, &ec.certificate], 0);
    assert!(intact(&report));
    let signatures = report["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 3);
    let changes: Vec<_> = signatures.iter().map(|s| s["changes"].to_string()).collect();
    assert_eq!(changes, ["[\"signature\"]", "[\"signature\"]", "[]"]);
}
