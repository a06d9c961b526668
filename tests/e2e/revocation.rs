//! A revoked client is cut off within 5 seconds, open connections included, on every way in.

use std::time::{Duration, Instant};

use support::client::{blocking, request};

use crate::{PLACE, ready, small_pdf};

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
