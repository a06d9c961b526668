//! An appliance whose authorities, signers and seals have their keys in a PKCS#11 token (SoftHSM 2).

use std::time::Duration;

use support::process::{eventually, run};
use support::softhsm::SoftHsm;
use support::{Appliance, Setup, corpus, judges};

use crate::{PLACE, ready_with, small_pdf};

fn setup(hsm: &SoftHsm) -> Setup {
    Setup { init: hsm.init(), environment: hsm.environment() }
}

#[test]
fn keys_in_a_token_seal_vanish_and_come_back() {
    let hsm = SoftHsm::new();
    let (mut appliance, client) = ready_with(setup(&hsm));
    // The log's key and those of data (records, answers, licences) are files, every other key is in the token.
    let files: Vec<String> = std::fs::read_dir(appliance.directory.join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".key"))
        .collect();
    assert_eq!(files.len(), 4, "{files:?}");
    let status = appliance.status();
    assert_eq!(status["devices"][0]["available"], true, "{status}");

    let (scratch, root) = (corpus::scratch(), appliance.certificate("root"));
    let sealed = scratch.path().join("sealed.pdf");
    std::fs::write(&sealed, client.seal(PLACE, small_pdf()).is(201).body).unwrap();
    judges::pdfsig_accepts(&sealed, 1);
    judges::openssl_accepts(&sealed, &root);

    hsm.pull();
    let answer = client.seal(PLACE, small_pdf()).is(503);
    assert_eq!(answer.problem(), "custody-unavailable");
    eventually("the health report says it", Duration::from_secs(20), || {
        let status = appliance.status();
        let told = status["reasons"].to_string().contains("key device `pkcs11:cinnabar` is not available");
        (status["status"] == "degraded" && told).then_some(())
    });
    assert!(appliance.metrics().contains("cinnabar_key_device_available{device=\"pkcs11:cinnabar\"} 0"));
    let told = appliance.cli_as(
        "officer-1",
        &[
            "caller",
            "add",
            "another",
            "--organisation",
            "bureau",
            "--role",
            "sealer",
            "--out",
            "/nonexistent",
        ],
    );
    assert_ne!(told.code, Some(0));
    // What needs no key of the token goes on.
    let leaf = appliance.refusals().iter().filter(|refusal| refusal.1 == "custody-unavailable").count();
    assert!(leaf > 0, "the refusals are on record");

    hsm.put_back();
    eventually("the token is used again", Duration::from_secs(60), || {
        (client.seal(PLACE, small_pdf()).status == 201).then_some(())
    });
    eventually("the health report is content", Duration::from_secs(20), || {
        (appliance.status()["devices"][0]["available"] == true).then_some(())
    });
    assert!(appliance.metrics().contains("cinnabar_key_device_available{device=\"pkcs11:cinnabar\"} 1"));

    // A start without the token unseals, says so, and needs no second start when it comes.
    appliance.stop();
    hsm.pull();
    appliance.serve();
    appliance.unseal();
    assert_eq!(appliance.status()["devices"][0]["available"], false);
    assert_eq!(client.seal(PLACE, small_pdf()).is(503).problem(), "custody-unavailable");
    hsm.put_back();
    eventually("the token is used", Duration::from_secs(60), || {
        (client.seal(PLACE, small_pdf()).status == 201).then_some(())
    });
    let crl = format!("http://127.0.0.1:{}/crl/seals-ca.crl", appliance.public_port);
    eventually("a revocation list is signed", Duration::from_secs(20), || {
        (run("curl", ["-fsS", "-o", "/dev/null", &crl]).code == Some(0)).then_some(())
    });
    appliance.audit_verify(&[]).ok();
}

#[test]
fn a_wrong_pin_is_told_and_the_right_one_entered_without_a_restart() {
    let hsm = SoftHsm::new();
    let mut appliance = Appliance::init(setup(&hsm));
    let pin = hsm.pin_file().display().to_string();
    appliance.configure(&format!("pin_file = \"{pin}\"\n"), "");
    appliance.serve();
    appliance.unseal();
    let told = appliance.status()["devices"][0]["detail"].to_string();
    assert!(told.contains("no PIN was entered"), "{told}");
    let wrong = hsm.pin_file().with_file_name("wrong");
    std::fs::write(&wrong, "000000\n").unwrap();
    std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let refused = appliance.cli(&["unseal", "--pin-file", &wrong.display().to_string()]).exits(1).told();
    assert!(refused.contains("refused the PIN"), "{refused}");
    appliance.cli(&["unseal", "--pin-file", &pin]).ok();
    assert_eq!(appliance.status()["devices"][0]["available"], true);
    appliance.organisation("bureau");
    appliance.seal_record("bureau-seal");
    assert!(!appliance.log().contains("4711-0815"), "a PIN in the log");
    let configuration = std::fs::read_to_string(appliance.config()).unwrap();
    assert!(!configuration.contains("4711"), "a PIN in the configuration");
}
