//! Levels of PAdES with the real binary: sealed documents raised by the service and by the command line, whose judges have
//! nothing but the root at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::process::{finish, run};
use support::{Answer, Appliance, Client, Setup, corpus};

use crate::{PLACE, small_pdf};

/// An appliance with a time-stamping authority, one seal and one approval system.
fn stamping() -> (Appliance, Client) {
    let mut appliance = Appliance::init(Setup::default());
    appliance.configure_more("[timestamps]\npolicy = \"0.4.0.2023.1.1\"\n");
    appliance.serve();
    appliance.unseal();
    appliance.seal_record("bureau-seal");
    let client = appliance.approval_system("approval");
    (appliance, client)
}

fn augment(client: &Client, query: &str, key: &str, pdf: &[u8]) -> Answer {
    let headers = [("content-type", "application/pdf"), ("idempotency-key", key)];
    client.call("POST", &format!("/v1/documents/augment?{query}"), &headers, pdf.to_vec())
}

fn kept(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What our own verifier says with nothing but the root.
fn verified(appliance: &Appliance, pdf: &Path) -> Value {
    let (pdf, root) = (pdf.display().to_string(), appliance.certificate("root").display().to_string());
    appliance.cli(&["verify", &pdf, "--trust-anchor", &root, "--json"]).ok().json()
}

/// pyHanko's validation of what the file itself brings, hard-fail, and by EN 319 102-1 with archival data.
fn archived_before_pyhanko(appliance: &Appliance, pdf: &Path, lta: &str) {
    let folder = corpus::scratch();
    let root = der(&std::fs::read(appliance.certificate("root")).unwrap());
    let root = kept(folder.path(), "root.der", &root);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/pdf/tests/signing/pyhanko_levels.py");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut command = Command::new(corpus::python().join("python"));
    command.arg(script).arg("judge").arg(root).arg(now.to_string()).arg(pdf);
    let done = finish(command).ok();
    let told = done.json();
    for signature in told["signatures"].as_array().unwrap() {
        assert_eq!(signature["lta"], lta, "{told:#}");
        assert_eq!(
            (&signature["bottom_line"], &signature["trusted"]),
            (&true.into(), &true.into()),
            "{told:#}"
        );
    }
    for stamp in told["timestamps"].as_array().unwrap() {
        assert_eq!((&stamp["intact"], &stamp["trusted"]), (&true.into(), &true.into()), "{told:#}");
    }
}

/// The DER inside one PEM certificate.
fn der(pem: &[u8]) -> Vec<u8> {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    CertificateDer::from_pem_slice(pem).unwrap().to_vec()
}

#[test]
fn a_sealed_document_is_raised_level_by_level_and_proves_itself_without_anyone() {
    let (appliance, client) = stamping();
    let folder = corpus::scratch();
    let sealed = client.seal(PLACE, small_pdf()).is(201).body;
    let mut before = sealed.to_vec();
    for (query, level) in [("level=b-t", None), ("level=b-lt", Some("B-LT")), ("level=b-lta", Some("B-LTA"))]
    {
        let answer = augment(&client, query, query, &before).is(200);
        assert!(answer.body.starts_with(&before), "nothing that was there is changed");
        assert!(answer.body.len() > before.len());
        let again = augment(&client, query, query, &before).is(200);
        assert_eq!(again.body, answer.body, "the same key has the same answer");
        assert_eq!(again.leaf(), answer.leaf());
        let path = kept(folder.path(), "raised.pdf", &answer.body);
        let pdfsig = run("pdfsig", [Path::new("-nocert"), &path]);
        assert_eq!(pdfsig.stdout.matches("Signature is Valid").count(), 1, "{}", pdfsig.told());
        if let Some(level) = level {
            let report = verified(&appliance, &path);
            assert_eq!(report["signatures"][0]["level"], level, "{report:#}");
        }
        before = answer.body.to_vec();
    }
    let raised = kept(folder.path(), "raised.pdf", &before);
    archived_before_pyhanko(&appliance, &raised, "SIG_CONSTRAINTS_FAILURE");

    let same = augment(&client, "level=b-lta", "other", &before).is(200);
    assert_eq!(same.body, before, "what is archived stays as it is");
    let renewed = augment(&client, "level=b-lta&renew=true", "renew", &before).is(200);
    assert!(renewed.body.starts_with(&before) && renewed.body.len() > before.len());
    let path = kept(folder.path(), "renewed.pdf", &renewed.body);
    assert_eq!(verified(&appliance, &path)["signatures"][0]["level"], "B-LTA");

    let entries = appliance.entries();
    let raising: Vec<&Value> = entries.iter().filter(|entry| entry["action"] == "document.augment").collect();
    assert_eq!(raising.len(), 5, "each act once, however often it is asked for");
    let first = &raising[0]["facts"];
    assert_eq!(first["level"], "b-t");
    assert_eq!(first["original"]["octets"], sealed.len());
    assert_ne!(first["original"]["sha256"], first["result"]["sha256"]);
    appliance.audit_verify(&[]).ok();
}

#[test]
fn what_cannot_be_raised_is_refused_with_its_reason() {
    let (_appliance, client) = stamping();
    let sealed = client.seal(PLACE, small_pdf()).is(201).body.to_vec();
    let mut broken = sealed.clone();
    let at = broken.len() / 2;
    broken[100] ^= 1;
    broken[at] ^= 1;
    let refused =
        |query: &str, pdf: &[u8]| augment(&client, query, &support::client::unique(), pdf).problem();
    assert_eq!(refused("level=b-lta", &small_pdf()), "level-unreachable");
    let foreign = corpus::named("signed-pyhanko-twice").read();
    assert!(
        ["level-unreachable", "evidence-unavailable"].contains(&refused("level=b-lta", &foreign).as_str())
    );
    for (query, pdf, problem) in [
        ("level=b-b", &sealed, "invalid-parameter"),
        ("level=b-lt&renew=true", &sealed, "invalid-parameter"),
        ("level=b-lta", &b"no PDF".to_vec(), "pdf-unreadable"),
    ] {
        assert_eq!(refused(query, pdf), problem, "{query}");
    }
    let of_broken = refused("level=b-lta", &broken);
    assert!(["level-unreachable", "pdf-unreadable"].contains(&of_broken.as_str()), "{of_broken}");

    let (_plain, client) = crate::ready();
    let sealed = client.seal(PLACE, small_pdf()).is(201).body;
    assert_eq!(augment(&client, "level=b-lta", "none", &sealed).is(422).problem(), "level-unavailable");
}

#[test]
fn the_command_line_raises_a_file_with_what_it_may_fetch_and_refuses_without() {
    let (appliance, client) = stamping();
    let folder = corpus::scratch();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let sealed = client.seal(PLACE, small_pdf()).is(201).body;
    kept(folder.path(), "sealed.pdf", &sealed);
    let root = appliance.certificate("root").display().to_string();
    let tsa = format!("http://127.0.0.1:{}/tsa", appliance.public_port);
    let (file, out) = (at("sealed.pdf"), at("archived.pdf"));
    let common =
        ["pdf", "augment", &file, "--level", "b-lta", "--tsa", &tsa, "--trust-anchor", &root, "--out", &out];
    let refused = appliance.cli(&common).exits(1).told();
    assert!(refused.contains("--online"), "{refused}");
    let port = appliance.public_port.to_string();
    // What the file names is connected to only where it is public, or named.
    appliance.cli(&[&common[..], &["--online"]].concat()).exits(1);
    let online = ["--online", "--allow-network", "127.0.0.0/8", "--allow-port", &port];
    let told = appliance.cli(&[&common[..], &online, &["--json"]].concat()).ok().json();
    assert_eq!(told["level"], "B-LTA");
    let archived = std::fs::read(&out).unwrap();
    assert!(archived.starts_with(&sealed));
    let report = verified(&appliance, Path::new(&out));
    assert_eq!(report["signatures"][0]["level"], "B-LTA", "{report:#}");
    archived_before_pyhanko(&appliance, Path::new(&out), "SIG_CONSTRAINTS_FAILURE");

    let renew = ["pdf", "augment", &out, "--level", "b-lta", "--renew", "--in-place"];
    appliance.cli(&[&renew[..], &online, &["--tsa", &tsa, "--trust-anchor", &root]].concat()).ok();
    let renewed = std::fs::read(&out).unwrap();
    assert!(renewed.starts_with(&archived) && renewed.len() > archived.len());
    assert_eq!(verified(&appliance, Path::new(&out))["signatures"][0]["level"], "B-LTA");
}
