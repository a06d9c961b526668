//! Receipts: anyone proves the act with the log's public key alone; nobody proves what did not happen.

use support::{Appliance, corpus};

use crate::{PLACE, ready, small_pdf};

/// Verifies `receipt` with this appliance's key; the exit code.
fn verify(appliance: &Appliance, receipt: &[u8], key: &str) -> Option<i32> {
    let folder = corpus::scratch();
    let file = folder.path().join("receipt");
    std::fs::write(&file, receipt).unwrap();
    appliance.cli(&["receipt", "verify", &file.display().to_string(), "--log-key", key]).code
}

#[test]
fn every_receipt_verifies_offline_and_no_altered_one_does() {
    let (mut appliance, client) = ready();
    let receipts: Vec<_> = (0..20)
        .map(|_| {
            let leaf = client.seal(PLACE, small_pdf()).is(201).leaf();
            client.get(&format!("/v1/receipts/{leaf}")).is(200).body
        })
        .collect();
    appliance.stop();
    let key = appliance.log_key().display().to_string();
    for receipt in &receipts {
        assert_eq!(verify(&appliance, receipt, &key), Some(0), "{}", String::from_utf8_lossy(receipt));
    }
    let receipt = &receipts[7];
    let mut accepted = Vec::new();
    for at in (0..receipt.len()).step_by(7) {
        let mut altered = receipt.to_vec();
        altered[at] ^= 0x04;
        if altered != *receipt && verify(&appliance, &altered, &key) == Some(0) {
            accepted.push(at);
        }
    }
    assert!(
        accepted.is_empty(),
        "altered at {accepted:?} and still accepted:\n{}",
        String::from_utf8_lossy(receipt)
    );
}

#[test]
fn a_receipt_of_another_log_is_refused() {
    let (first, client) = ready();
    let other = Appliance::init(support::Setup::default());
    let leaf = client.seal(PLACE, small_pdf()).is(201).leaf();
    let receipt = client.get(&format!("/v1/receipts/{leaf}")).is(200).body;
    assert_eq!(verify(&first, &receipt, &first.log_key().display().to_string()), Some(0));
    assert_eq!(verify(&first, &receipt, &other.log_key().display().to_string()), Some(1));
}

#[test]
fn a_receipt_is_for_its_caller_and_not_for_another() {
    let (appliance, client) = ready();
    let other = appliance.approval_system("other");
    let leaf = client.seal(PLACE, small_pdf()).is(201).leaf();
    let refused = other.get(&format!("/v1/receipts/{leaf}"));
    assert!(matches!(refused.status.as_u16(), 403 | 404), "{}", refused.told());
    client.get(&format!("/v1/receipts/{leaf}")).is(200);
}

#[test]
fn checkpoints_and_tiles_are_public_and_entries_are_not() {
    let (appliance, client) = ready();
    client.seal(PLACE, small_pdf()).is(201);
    let fetch = |path: &str| {
        let url = format!("http://127.0.0.1:{}{path}", appliance.public_port);
        support::process::run("curl", ["-sS", "-w", "\n%{http_code}", &url]).ok().stdout
    };
    let checkpoint = fetch("/log/checkpoint");
    assert!(checkpoint.ends_with("200") && checkpoint.contains('\u{2014}'), "{checkpoint}");
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(size > 5);
    assert!(fetch(&format!("/log/tile/0/000.p/{size}")).ends_with("200"));
    assert!(fetch(&format!("/log/tile/entries/000.p/{size}")).ends_with("404"));
}
