//! A revoked client is cut off within 5 seconds, open connections included, on every way in and on every node.

use std::time::{Duration, Instant};

use pki::crl::Crl;
use support::client::{blocking, request};
use support::postgres::Postgres;
use support::process::{eventually, run};
use support::{Appliance, Setup};

use crate::{PLACE, ready, ready_with, small_pdf};

const FIVE: Duration = Duration::from_secs(5);

#[test]
fn a_revoked_client_is_cut_off_within_5_seconds_on_its_open_connection() {
    let (appliance, client) = ready();
    let other = appliance.approval_system("other");
    let row = "SELECT id FROM certificates WHERE caller = 'approval' OR caller LIKE '%:approval'";
    let fingerprint = appliance.sql(row)[0].clone();
    blocking(async {
        let mut kept = client.connect().await.unwrap();
        let list = || request("GET", "/v1/seals", &[], bytes::Bytes::new());
        assert_eq!(kept.send(list()).await.unwrap().status, 200);

        appliance
            .cli_as("officer-1", &["certificate", "revoke", &fingerprint, "--reason", "keyCompromise"])
            .ok();
        let revoked = Instant::now();
        loop {
            match kept.send(list()).await {
                Ok(answer) if answer.status == 200 => {}
                Ok(answer) => {
                    assert_eq!(
                        (answer.status.as_u16(), answer.problem().as_str()),
                        (403, "certificate-revoked")
                    );
                    break;
                }
                Err(_closed) => break,
            }
            assert!(revoked.elapsed() < Duration::from_secs(5), "still served after {:?}", revoked.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let answer = client.seal(PLACE, small_pdf()).is(403);
    assert_eq!(answer.problem(), "certificate-revoked");
    assert!(appliance.refusals().iter().any(|(_, reason)| reason == "certificate-revoked"));
    other.seal(PLACE, small_pdf()).is(201);
}

#[test]
fn a_retired_caller_is_cut_off_within_5_seconds() {
    let (appliance, client) = ready();
    client.seal(PLACE, small_pdf()).is(201);
    appliance.cli_as("officer-1", &["caller", "retire", "approval"]).ok();
    support::process::eventually("the retired caller is refused", Duration::from_secs(5), || {
        let answer = client.get("/v1/seals");
        (answer.status == 403)
            .then(|| assert!(matches!(answer.problem().as_str(), "caller-inactive" | "certificate-revoked")))
    });
}

/// What OpenSSL is told by a node's responder about `who`.
fn ocsp(node: &Appliance, who: &str) -> String {
    let credential = node.credential(who).0;
    let url = format!("http://127.0.0.1:{}/ocsp/platform-ca", node.public_port);
    let path = |name: &str| node.certificate(name).display().to_string();
    let leaf = credential.join("certificate.pem").display().to_string();
    let asked = run(
        "openssl",
        [
            "ocsp",
            "-issuer",
            &path("platform-ca"),
            "-cert",
            &leaf,
            "-url",
            &url,
            "-CAfile",
            &path("root"),
            "-verify_other",
            &path("platform-ca"),
        ],
    );
    let text = asked.told();
    assert!(text.contains("Response verify OK"), "{text}");
    text
}

/// A node's revocation list of the platform's authority.
fn list(node: &Appliance, name: &str) -> Crl {
    let file = node.directory.join("fetched.crl");
    let url = format!("http://127.0.0.1:{}/crl/{name}.crl", node.public_port);
    run("curl", ["-fsS", "-o", &file.display().to_string(), &url]).ok();
    Crl::from_der(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn held_and_revoked_certificates_are_refused_and_shown_by_the_other_node_within_5_seconds_and_released_ones_served()
 {
    let server = Postgres::start();
    let url = server.database("cinnabar");
    let (first, _) = ready_with(Setup { init: vec!["--database".into(), url], ..Setup::default() });
    let mut second = first.another_node();
    second.serve();
    second.unseal();
    let der = first.credential("approval").chain().remove(0);
    let certificate = pki::Certificate::from_der(&der).unwrap();
    let fingerprint: String =
        certificate.sha256_fingerprint().iter().map(|octet| format!("{octet:02x}")).collect();
    // The other node has seen the certificate good, and keeps the response.
    assert_eq!(second.client("approval").get("/v1/seals").status, 200);
    assert!(ocsp(&second, "approval").contains("good"));

    let there = |act: &[&str], state: u16, problem: &str, told: &str, listed: bool| {
        first.cli_as("officer-1", &[&["certificate"], act].concat()).ok();
        let began = Instant::now();
        eventually(&format!("{act:?} takes effect at the other node"), FIVE, || {
            let answer = second.client("approval").get("/v1/seals");
            (answer.status == state).then(|| assert!(state == 200 || answer.problem() == problem))
        });
        eventually("the other node's responder says so", FIVE.saturating_sub(began.elapsed()), || {
            ocsp(&second, "approval").contains(told).then_some(())
        });
        eventually("the other node's lists say so", FIVE.saturating_sub(began.elapsed()), || {
            let (full, delta) = (list(&second, "platform-ca"), list(&second, "platform-ca-delta"));
            let entry = full.lookup(certificate.serial()).is_some();
            (entry == listed && delta.lookup(certificate.serial()).is_some()).then_some(())
        });
        // Both nodes serve the very same lists.
        for name in ["platform-ca", "platform-ca-delta"] {
            eventually("both nodes have one list", FIVE, || {
                (list(&first, name).der() == list(&second, name).der()).then_some(())
            });
        }
    };
    there(&["hold", &fingerprint], 403, "certificate-held", "certificateHold", true);
    there(&["release", &fingerprint], 200, "", ": good", false);
    let revoke =
        ["revoke", &fingerprint, "--reason", "keyCompromise", "--invalid-from", "2026-01-02T03:04:05Z"];
    there(&revoke, 403, "certificate-revoked", "keyCompromise", true);

    // Sealed again, the node goes on serving what it kept.
    second.stop();
    second.serve();
    let kept = list(&second, "platform-ca");
    assert!(kept.lookup(certificate.serial()).is_some());
    assert_eq!(second.client("approval").get("/v1/seals").problem(), "certificate-revoked");
}

#[test]
fn many_certificates_are_counted_and_revoked_from_the_command_line() {
    let (appliance, client) = ready();
    appliance.approval_system("other");
    let many = |more: &[&str]| {
        let arguments = [
            &["certificate", "revoke-many", "--issuer", "platform-ca", "--profile", "machine", "--json"],
            more,
        ];
        appliance.cli_as("officer-1", &arguments.concat())
    };
    let counted = many(&[]).ok().json();
    let count = counted["remaining"].as_u64().unwrap();
    assert!(count >= 2, "{counted}");
    client.get("/v1/seals").is(200);
    assert_ne!(many(&["--expected", "1"]).code, Some(0), "more fit than were expected");
    client.get("/v1/seals").is(200);
    let done = many(&["--expected", &count.to_string(), "--reason", "superseded"]).ok().json();
    assert_eq!((done["revoked"].as_u64(), done["remaining"].as_u64()), (Some(count), Some(0)));
    assert_eq!(client.get("/v1/seals").problem(), "certificate-revoked");
    assert_eq!(many(&[]).ok().json()["remaining"].as_u64(), Some(0));
}
