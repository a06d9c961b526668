//! From the ceremony to the second machine: unlocking, permissions, stopping, backup and restore.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use support::appliance::binary;
use support::process::finish;
use support::{Appliance, Client, Setup, corpus};

use crate::{PLACE, ready, small_pdf};

#[test]
fn shares_unlock_when_enough_of_them_come() {
    let init = ["--unlock", "shares", "--shares", "5", "--threshold", "3", "--json"];
    let scratch = corpus::scratch();
    let directory = scratch.path().join("a");
    let ports = [(); 3].map(|()| support::process::free_port().to_string());
    let mut command = Command::new(binary());
    command.arg("init").arg("--dir").arg(&directory).args(init).args(["--assume-clock", "--allow-swap"]);
    command.args(["--port", &ports[0], "--public-port", &ports[1], "--portal-port", &ports[2]]);
    let told = finish(command).ok().json();
    let shares: Vec<&str> =
        told["shares"].as_array().unwrap().iter().map(|share| share.as_str().unwrap()).collect();
    assert_eq!(shares.len(), 5);

    let mut serve = Command::new(binary());
    serve.arg("serve").arg("--config").arg(directory.join("cinnabar.toml"));
    let _server = support::process::Background::start(&serve, &scratch.path().join("log"));
    let cinnabar = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(arguments).arg("--config").arg(directory.join("cinnabar.toml"));
        finish(command)
    };
    support::process::eventually("the service answers", Duration::from_secs(30), || {
        (cinnabar(&["status", "--json"]).code == Some(0)).then_some(())
    });
    let file = |number: usize| {
        let path = scratch.path().join(format!("share-{number}"));
        std::fs::write(&path, shares[number]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let sealed = || cinnabar(&["status", "--json"]).ok().json()["sealed"].clone();
    cinnabar(&["unseal", "--share-file", &file(0), "--share-file", &file(4)]).ok();
    assert_eq!(sealed(), true, "two of three");
    cinnabar(&["unseal", "--share-file", &file(4)]);
    assert_eq!(sealed(), true, "the same share again is not a third one");
    cinnabar(&["unseal", "--share-file", &file(2)]).ok();
    assert_eq!(sealed(), false);
}

#[test]
fn secrets_that_others_can_read_keep_the_service_from_starting() {
    let appliance = Appliance::init(Setup::default());
    let key = appliance.directory.join("tls/server.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = appliance.cli(&["serve"]);
    assert_eq!(told.code, Some(1), "{}", told.told());
    assert!(told.told().contains("server.key") && told.told().contains("chmod"), "{}", told.told());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();

    let keys = appliance.directory.join("keys");
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = appliance.cli(&["serve"]);
    assert_eq!(told.code, Some(1), "{}", told.told());
    assert!(told.told().contains("chmod"), "{}", told.told());
}

#[test]
fn an_unknown_key_in_the_configuration_is_refused_by_name() {
    let appliance = Appliance::init(Setup::default());
    appliance.cli(&["config", "check"]).ok();
    appliance.configure("[appliance]", "[appliance]\nmisspelt = 1");
    for command in [&["config", "check"][..], &["serve"]] {
        let told = appliance.cli(command);
        assert_eq!(told.code, Some(1), "{}", told.told());
        assert!(told.told().contains("misspelt"), "{}", told.told());
    }
}

#[test]
fn no_secret_stands_in_the_transcript_or_the_service_log() {
    let (appliance, client) = ready();
    client.seal(PLACE, small_pdf()).is(201);
    let transcript = std::fs::read_to_string(appliance.directory.join("ceremony.txt")).unwrap();
    for text in [&transcript, &appliance.log()] {
        assert!(!text.contains("PRIVATE KEY") && !text.contains("correct horse"), "{text}");
    }
    // Every private key that lies in the clear belongs to a credential or the TLS listener and is its owner's alone.
    let found =
        support::process::run("grep", ["-rl", "PRIVATE KEY", &appliance.directory.display().to_string()])
            .ok();
    for file in found.stdout.lines() {
        assert!(file.contains("/credentials/") || file.contains("/tls/"), "a key in the clear: {file}");
        let mode = std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{file} has mode {mode:o}");
    }
}

#[test]
fn a_stopping_service_ends_by_itself_and_goes_on_where_it_was() {
    let (mut appliance, client) = ready();
    let leaf = client.seal(PLACE, small_pdf()).is(201).leaf();
    assert_eq!(appliance.stop(), Some(0));
    appliance.serve();
    appliance.unseal();
    assert!(client.seal(PLACE, small_pdf()).is(201).leaf() > leaf);
    client.get(&format!("/v1/receipts/{leaf}")).is(200);
    appliance.audit_verify(&[]).ok();
}

#[test]
fn a_backup_taken_while_serving_is_restored_onto_an_empty_machine() {
    let (mut appliance, client) = ready();
    let leaf = client.seal(PLACE, small_pdf()).is(201).leaf();
    let scratch = corpus::scratch();
    let backup = scratch.path().join("backup").display().to_string();
    appliance.cli(&["backup", "--out", &backup]).ok();
    appliance.stop();
    let identity = appliance.credential("approval");
    let target = scratch.path().join("second");
    let mut command = Command::new(binary());
    command.args(["restore", &backup, "--dir"]).arg(&target);
    finish(command).ok();

    // The second machine answers as the first did.
    appliance.directory = target;
    appliance.serve();
    appliance.unseal();
    let second = Client::new(appliance.port, &identity);
    second.get(&format!("/v1/receipts/{leaf}")).is(200);
    second.seal(PLACE, small_pdf()).is(201);
    appliance.audit_verify(&[]).ok();
}
