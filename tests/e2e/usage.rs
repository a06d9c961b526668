//! Use management with the real binary: an approval survives a killed process and a change of node, serves once, and a
//! seal that may no longer be used is refused on a node that has it ready.

use std::time::{Duration, Instant};

use support::postgres::Postgres;
use support::{Appliance, Client, Setup};

use crate::{PLACE, ready_with, small_pdf};

/// A rule by which one of both officers approves; the request for `document`, approved on the command line.
fn approved(appliance: &Appliance, document: &std::path::Path) -> String {
    let rule = ["--name", "结果文书", "--needed", "2", "--approver", "officer-1", "--approver", "officer-2"];
    let add = [&["seal-use", "add-rule", "bureau-seal"], &rule[..]].concat();
    appliance.cli_as("officer-1", &add).ok();
    let document = document.display().to_string();
    let ask = ["seal-use", "request", "bureau-seal", &document, "--purpose", "施工许可", "--json"];
    let request = appliance.cli_as("approval", &ask).ok().json()["id"].as_str().unwrap().to_owned();
    for officer in ["officer-1", "officer-2"] {
        appliance.cli_as(officer, &["seal-use", "approve", &request, &document]).ok();
    }
    let shown = appliance.cli_as("officer-1", &["seal-use", "requests", &request, "--json"]).ok().json();
    assert_eq!(shown["state"], "approved", "{shown}");
    request
}

fn used_once(client: &Client, appliance: &Appliance) {
    let answer = client.seal(PLACE, small_pdf()).is(201);
    let again = client.seal(PLACE, small_pdf()).is(403);
    assert_eq!(again.problem(), "seal-use-unapproved");
    let id = answer.header("location").rsplit_once('/').unwrap().1.to_owned();
    let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(&small_pdf()));
    let found =
        appliance.cli_as("officer-2", &["seal-use", "list", "--digest", &digest, "--json"]).ok().json();
    assert_eq!(found["items"][0]["id"], *id, "{found}");
    let figures = appliance.cli_as("officer-2", &["seal-use", "figures", "--json"]).ok().json();
    assert_eq!(
        (&figures["items"][0]["seal"], &figures["items"][0]["uses"]),
        (&"bureau-seal".into(), &1.into())
    );
}

#[test]
fn an_approval_survives_a_killed_process_and_serves_once() {
    let (mut appliance, client) = ready_with(Setup::default());
    let folder = support::corpus::scratch();
    let document = folder.path().join("a.pdf");
    std::fs::write(&document, small_pdf()).unwrap();
    approved(&appliance, &document);
    appliance.kill();
    appliance.serve();
    appliance.unseal();
    used_once(&client, &appliance);
    appliance.stop();
    appliance.audit_verify(&[]).ok();
}

#[test]
fn an_approval_serves_on_another_node_and_a_seal_made_ready_there_stops_within_5_seconds() {
    let server = Postgres::start();
    let url = server.database("cinnabar");
    let (mut first, client) = ready_with(Setup { init: vec!["--database".into(), url], ..Setup::default() });
    let folder = support::corpus::scratch();
    let document = folder.path().join("a.pdf");
    std::fs::write(&document, small_pdf()).unwrap();
    let mut second = first.another_node();
    second.serve();
    second.unseal();
    let there = second.client("approval");
    // The seal is ready on both nodes, and free, before its first rule.
    there.seal(PLACE, small_pdf()).is(201);
    client.seal(PLACE, small_pdf()).is(201);
    approved(&first, &document);
    first.kill();
    there.seal(PLACE, small_pdf()).is(201);
    assert_eq!(there.seal(PLACE, small_pdf()).is(403).problem(), "seal-use-unapproved");
    first.serve();
    first.unseal();
    assert_eq!(client.seal(PLACE, small_pdf()).is(403).problem(), "seal-use-unapproved");

    let rules = first.cli_as("officer-1", &["seal-use", "rules", "bureau-seal", "--json"]).ok().json();
    first.cli_as("officer-1", &["seal-use", "retire-rule", rules["items"][0]["id"].as_str().unwrap()]).ok();
    first.cli_as("officer-1", &["seal-use", "lift-rules", "bureau-seal"]).ok();
    support::process::eventually("the rules are lifted everywhere", Duration::from_secs(5), || {
        (there.seal(PLACE, small_pdf()).status == 201).then_some(())
    });
    // An officer takes the seal out of use on one node; the other has it ready, and refuses it.
    let seal = first.cli_as("officer-1", &["seal-record", "show", "bureau-seal", "--json"]).ok().json();
    let certificate = seal["certificate"].as_str().unwrap();
    first.cli_as("officer-1", &["certificate", "revoke", certificate, "--reason", "keyCompromise"]).ok();
    let stopped = Instant::now();
    let answer = there.seal(PLACE, small_pdf());
    assert!(stopped.elapsed() < Duration::from_secs(5));
    assert_eq!(answer.is(409).problem(), "seal-not-usable");
    second.stop();
    first.stop();
    first.audit_verify(&[]).ok();
}
