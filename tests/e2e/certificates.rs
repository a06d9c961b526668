//! Certificates over the real binary: by command line with openssl's requests, hostile requests, kill -9 in the midst of
//! issuing, and the index of names after an upgrade.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crypto::{KeyKind, SoftwareKey};
use pki::request::CertificationRequest;
use pki::{GeneralName, Subject};
use ring::rand::SystemRandom;
use serde_json::json;
use support::client::{request, unique};
use support::process::{eventually, run};
use support::{Appliance, Client, Setup};

const PKCS10: (&str, &str) = ("content-type", "application/pkcs10");

fn openssl(arguments: &[&str]) -> support::process::Done {
    run("openssl", arguments.iter().copied())
}

/// A fresh key and a request of it, made by openssl.
fn openssl_request(folder: &Path, name: &str, key: &[&str], more: &[&str]) -> PathBuf {
    let (csr, kept) = (folder.join(format!("{name}.csr")), folder.join(format!("{name}.key")));
    let (out, keyout) = (csr.display().to_string(), kept.display().to_string());
    let subject = format!("/CN={name}");
    let mut arguments = vec!["req", "-new", "-nodes", "-subj", &subject, "-keyout", &keyout, "-out", &out];
    arguments.extend_from_slice(key);
    arguments.extend_from_slice(more);
    openssl(&arguments).ok();
    csr
}

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn own_request(name: &str, names: &[GeneralName]) -> Vec<u8> {
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
    CertificationRequest::make(&SoftwareKey::from_pkcs8(&key).unwrap(), &Subject::common_name(name), names)
        .unwrap()
}

#[test]
fn certificates_are_asked_for_approved_renewed_and_found_by_command() {
    let appliance = Appliance::start();
    appliance.organisation("bureau");
    let folder = support::corpus::scratch();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for (name, key) in [
        ("p256", P256),
        ("p384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("rsa", &["-newkey", "rsa:2048"]),
    ] {
        let san = format!("subjectAltName=DNS:{name}.example.cn,IP:10.0.0.1");
        let csr = openssl_request(folder.path(), name, key, &["-addext", &san]).display().to_string();
        let out = at(&format!("{name}.pem"));
        let arguments = ["certificate", "request", &csr, "--profile", "server", "--organisation", "bureau"];
        let done = appliance.cli_as("officer-1", &[&arguments[..], &["--out", &out, "--json"]].concat()).ok();
        assert!(done.json()["receipt"].as_str().unwrap().contains("tlog-proof"), "{}", done.told());
        let root = appliance.certificate("root").display().to_string();
        openssl(&[
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-CAfile",
            &root,
            "-untrusted",
            &out,
            &out,
        ])
        .ok();
    }
    let listed =
        appliance.cli_as("officer-2", &["certificate", "list", "--san", "*.example.cn", "--json"]).ok();
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 3, "{}", listed.told());
    let found =
        appliance.cli_as("officer-2", &["certificate", "list", "--subject", "rsa", "--json"]).ok().json();
    let fingerprint = found["items"][0]["fingerprint"].as_str().unwrap().to_owned();
    let shown = appliance.cli_as("officer-2", &["certificate", "show", &fingerprint, "--pem"]).ok();
    assert_eq!(shown.stdout.matches("BEGIN CERTIFICATE").count(), 2, "{}", shown.told());
    let csr = openssl_request(folder.path(), "rsa", P256, &[]).display().to_string();
    let renewed =
        appliance.cli_as("officer-1", &["certificate", "renew", &fingerprint, &csr, "--json"]).ok().json();
    assert_eq!(renewed["certificate"]["replaces"], fingerprint);

    // A signer outside of the appliance's custody: a second officer looks first.
    let csr = openssl_request(folder.path(), "signer", P256, &[]).display().to_string();
    let arguments =
        ["certificate", "request", &csr, "--profile", "document-signer", "--organisation", "bureau"];
    let pending = appliance.cli_as("officer-1", &[&arguments[..], &["--json"]].concat()).ok().json();
    let (id, digest) = (pending["id"].as_str().unwrap(), pending["csr_digest"].as_str().unwrap());
    let waiting = appliance.cli_as("officer-2", &["certificate", "requests", "--json"]).ok().json();
    assert_eq!(waiting["items"][0]["id"], id);
    let approve = ["certificate", "approve", id, "--csr-digest", digest];
    appliance.cli_as("officer-1", &approve).exits(1);
    appliance.cli_as("officer-2", &["certificate", "approve", id, "--csr-digest", "00"]).exits(1);
    let approved = appliance.cli_as("officer-2", &[&approve[..], &["--json"]].concat()).ok().json();
    assert_eq!(approved["state"], "issued");
    appliance.cli_as("officer-2", &approve).exits(1);
    appliance.cli_as("officer-1", &["certificate", "profiles"]).ok();
    appliance.audit_verify(&[]).ok();
}

#[test]
fn hostile_certification_requests_each_get_a_clear_problem() {
    let appliance = Appliance::start();
    let folder = support::corpus::scratch();
    let officer = appliance.client("officer-1");
    let file = |name: &str, key: &[&str], more: &[&str]| {
        std::fs::read(openssl_request(folder.path(), name, key, more)).unwrap()
    };
    let san = ["-addext", "subjectAltName=DNS:a.example.cn"];
    let good = own_request("a", &[GeneralName::Dns("a.example.cn".into())]);
    // Another key's signature under a request: the octets of one, the signature of the other.
    let other = own_request("a", &[GeneralName::Dns("a.example.cn".into())]);
    let mut swapped = good[..good.len() - 60].to_vec();
    swapped.extend_from_slice(&other[other.len() - 60..]);
    let mut huge = good.clone();
    huge.resize(3_000_000, 0);
    let mut many = Vec::new();
    for number in 0..800 {
        many.push(GeneralName::Dns(format!("host-{number}.a-rather-long-name.example.cn")));
    }
    let cases: Vec<(&str, Vec<u8>, u16, &[&str])> = vec![
        (
            "a wrong signature",
            swapped,
            422,
            &["certification-request-unproven", "certification-request-unsound"],
        ),
        (
            "RSA of 1024 bits",
            file("weak", &["-newkey", "rsa:1024"], &san),
            422,
            &["certification-request-key"],
        ),
        (
            "a curve that is not ours",
            file("curve", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], &san),
            422,
            &["certification-request-key"],
        ),
        ("an Ed448 key", file("ed448", &["-newkey", "ed448"], &san), 422, &["certification-request-key"]),
        ("SHA-1", file("sha1", &["-newkey", "rsa:2048", "-sha1"], &san), 422, &["certification-request-key"]),
        (
            "a forbidden kind of name",
            file("mail", P256, &["-addext", "subjectAltName=email:a@example.cn"]),
            422,
            &["certification-request-names"],
        ),
        (
            "a directory name",
            file("other", P256, &["-addext", "subjectAltName=RID:1.2.3.4"]),
            422,
            &["certification-request-names"],
        ),
        (
            "CR and LF",
            own_request("a\r\nb", &[GeneralName::Dns("a.example.cn".into())]),
            422,
            &["certification-request-names"],
        ),
        (
            "NUL",
            own_request("a", &[GeneralName::Dns("a.example.cn\0.evil.cn".into())]),
            422,
            &["certification-request-names", "certification-request-unsound"],
        ),
        ("no name", own_request("a", &[]), 422, &["certification-request-names"]),
        (
            "hundreds of names",
            own_request("a", &many),
            422,
            &["certification-request-names", "certification-request-unsound"],
        ),
        ("three megabytes", huge, 413, &["body-too-large"]),
        ("nothing", Vec::new(), 422, &["certification-request-unsound"]),
        (
            "PEM of something else",
            std::fs::read(appliance.certificate("root")).unwrap(),
            422,
            &["certification-request-unsound"],
        ),
    ];
    for (what, csr, status, problems) in cases {
        let answer = officer.call("POST", "/v1/certificates?profile=server", &[PKCS10], csr);
        assert_eq!(answer.status, status, "{what}: {}", answer.told());
        let problem = answer.problem();
        assert!(problems.contains(&problem.as_str()), "{what}: {problem} {}", answer.told());
        assert!(!answer.json()["detail"].as_str().unwrap_or_default().is_empty(), "{what}");
    }
    assert!(appliance.sql("SELECT id FROM intents").is_empty());
    let answer = officer.call("POST", "/v1/certificates?profile=server", &[PKCS10], good);
    assert_eq!(answer.status, 201, "{}", answer.told());
    appliance.audit_verify(&[]).ok();
}

/// Issuing is cut off again and again; each time some intents are on record whose certificates are not.
#[test]
fn a_crash_between_intent_and_signature_leaves_nothing_unaccounted() {
    let mut appliance = Appliance::init(Setup::default());
    appliance.configure("abandon_seconds = 600", "abandon_seconds = 5");
    appliance.serve();
    appliance.unseal();
    appliance.approval_system("approval");
    let officer = appliance.client("officer-1");
    let answered = Arc::new(Mutex::new(HashSet::<String>::new()));
    let began = Instant::now();
    let mut left = HashMap::<String, String>::new();
    // A process that is busy is nearly always between some intent and its certificate.
    for round in 0..12 {
        issue_until_killed(&mut appliance, &officer, &answered, Duration::from_millis(60 + 37 * round % 120));
        for row in appliance.sql("SELECT serial, issuer FROM intents WHERE state = 'open'") {
            let (serial, issuer) = row.split_once('|').unwrap();
            left.insert(serial.to_owned(), issuer.to_owned());
        }
        appliance.serve();
        appliance.unseal();
        if (left.len() > 8 && round >= 2) || began.elapsed() > Duration::from_secs(240) {
            break;
        }
    }
    assert!(!left.is_empty(), "never killed between intent and certificate");
    eventually("what was intended is entered as abandoned", Duration::from_secs(60), || {
        appliance.sql("SELECT id FROM intents WHERE state = 'open'").is_empty().then_some(())
    });
    // Nothing that a client holds is missing, nothing that was given up exists.
    let recorded: HashSet<String> = appliance.sql("SELECT id FROM certificates").into_iter().collect();
    let answered = answered.lock().unwrap().clone();
    assert!(answered.len() > 20, "hardly any load: {}", answered.len());
    assert!(answered.is_subset(&recorded), "issued to a client and not on record");
    let serials: HashSet<String> = appliance.sql("SELECT serial FROM certificates").into_iter().collect();
    assert!(left.keys().all(|serial| !serials.contains(serial)), "a given up serial stands in a certificate");
    // Every intent of the log ended one way or the other.
    let mut open = HashSet::new();
    let (mut issued, mut abandoned) = (0, 0);
    for entry in appliance.entries() {
        let serial = entry["facts"]["serial"].as_str().unwrap_or_default().to_owned();
        match entry["action"].as_str().unwrap_or_default() {
            "certificate.intend" => assert!(open.insert(serial), "a serial twice"),
            "certificate.issue" if open.remove(&serial) => issued += 1,
            "certificate.abandon" => {
                assert!(open.remove(&serial), "given up without being intended");
                abandoned += 1;
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "neither issued nor given up: {open:?}");
    assert_eq!(abandoned, left.len());
    println!("{issued} issued, {abandoned} abandoned, {:?}", began.elapsed());
    appliance.audit_verify(&[]).ok();
}

fn issue_until_killed(
    appliance: &mut Appliance,
    officer: &Client,
    answered: &Arc<Mutex<HashSet<String>>>,
    pause: Duration,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let workers: Vec<_> = (0..6)
        .map(|_| {
            let (officer, answered) = (officer.clone(), answered.clone());
            runtime.spawn(async move {
                let Ok(mut connection) = officer.connect().await else { return };
                let csr = Bytes::from(own_request("load", &[]));
                loop {
                    let key = unique();
                    let headers = [PKCS10, ("idempotency-key", key.as_str()), ("accept", "application/json")];
                    let message = request("POST", "/v1/callers/approval/certificates", &headers, csr.clone());
                    match connection.send(message).await {
                        Ok(answer) if answer.status == 201 => {
                            let json = answer.json();
                            let fingerprint = json["certificate"]["fingerprint"].as_str().unwrap().to_owned();
                            assert!(
                                answered.lock().unwrap().insert(fingerprint),
                                "the same certificate twice"
                            );
                        }
                        Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.told()),
                        Err(_killed) => return,
                    }
                }
            })
        })
        .collect();
    let first = answered.lock().unwrap().len();
    let end = Instant::now() + Duration::from_secs(10);
    while answered.lock().unwrap().len() < first + 3 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(pause);
    appliance.kill();
    runtime.block_on(async {
        for worker in workers {
            worker.await.expect("a worker's own checks");
        }
    });
}

#[test]
fn certificates_from_before_the_index_of_names_are_found_after_the_next_start() {
    let mut appliance = Appliance::start();
    appliance.approval_system("approval");
    let officer = appliance.client("officer-1");
    let search = || {
        let found = officer.get("/v1/certificates?subject=approval&san=urn:*").is(200).json();
        found["items"].as_array().unwrap().len()
    };
    assert_eq!(search(), 1);
    appliance.stop();
    appliance.sql("DELETE FROM certificate_names");
    appliance.serve();
    appliance.unseal();
    eventually("the names are filled in", Duration::from_secs(30), || (search() == 1).then_some(()));
    eventually("all of them", Duration::from_secs(30), || {
        let missing =
            "SELECT id FROM certificates WHERE id NOT IN (SELECT certificate FROM certificate_names)";
        appliance.sql(missing).is_empty().then_some(())
    });
    assert_eq!(json!(officer.get("/v1/certificates?state=revoked").is(200).json()["items"]), json!([]));
    appliance.audit_verify(&[]).ok();
}
