//! What each step leaves behind, and how it is answered.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_suspended_resumed_and_cancelled_and_each_step_is_told_and_proven() {
    for office in offices().await {
        let id = office.import("20240000001", &json!({})).await;
        let own = &office.own;
        for (operation, state) in [
            (Operation::Suspend, "suspended"),
            (Operation::Resume, "active"),
            (Operation::ReportLoss, "lost"),
        ] {
            let done = office.act(own, &id, operation, &said(operation)).await;
            assert_eq!(done.status, 200, "{} {:?}", office.kind, done.body);
            assert_eq!(done.json()["state"], state);
            assert!(done.header("cinnabar-leaf").parse::<u64>().is_ok());
        }
        let done = office.act(own, &id, Operation::Cancel, &said(Operation::Cancel)).await.json();
        assert_eq!((&done["state"], &done["state_zh"]), (&json!("cancelled"), &json!("注销")));
        assert_eq!(done["ground_zh"], "有效期届满未延续");
        let events = office.events(&id).await;
        let steps: Vec<_> = events.iter().map(|event| event["operation"].as_str().unwrap()).collect();
        assert_eq!(steps, ["import", "suspend", "resume", "report-loss", "cancel"], "{}", office.kind);
        assert_eq!((&events[4]["before"], &events[4]["after"]), (&json!("lost"), &json!("cancelled")));
        // The leaf says what became of it, and no words.
        let journal = &office.house.app.unsealed().unwrap().journal;
        let leaf = events[1]["leaf"].as_u64().unwrap();
        let entry = journal.entries(leaf, 1).await.unwrap().remove(0).json;
        assert_eq!(
            (&entry["action"], &entry["facts"]["state"]),
            (&json!("licence.suspend"), &json!("suspended"))
        );
        assert!(!entry.to_string().contains("示例"), "{entry}");
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_are_kept_encrypted_and_whoever_reads_them_is_entered() {
    let office = office().await;
    let id = office.import("20240000001", &json!({})).await;
    let body = json!({ "reason": "示例甲的正本遗失" });
    assert_eq!(office.act(&office.own, &id, Operation::ReportLoss, &body).await.status, 200);
    let mut client = office.client().await;
    let plain = client.get(&format!("/v1/licences/{id}/events")).await.json();
    assert!(plain["events"][1].get("words").is_none(), "{plain}");
    let worded = client.get(&format!("/v1/licences/{id}/events?words=true")).await;
    assert_eq!(worded.json()["events"][1]["words"]["reason"], "示例甲的正本遗失");
    let leaf: u64 = worded.header("cinnabar-leaf").parse().unwrap();
    let journal = &office.house.app.unsealed().unwrap().journal;
    let entry = journal.entries(leaf, 1).await.unwrap().remove(0).json;
    assert_eq!((&entry["action"], &entry["facts"]["words"]), (&json!("licence.events"), &json!(true)));
    // Whoever takes the database away learns none of it.
    let file = std::fs::read(office.house.folder.path().join("cinnabar.db")).unwrap();
    let log = std::fs::read(office.house.folder.path().join("cinnabar.db-wal")).unwrap_or_default();
    for secret in ["示例甲", &citizen()] {
        for octets in [&file, &log] {
            assert!(!octets.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_names_the_version_that_was_read() {
    let office = office().await;
    let id = office.import("20240000001", &json!({})).await;
    let (path, body) = (format!("/v1/licences/{id}/suspend"), said(Operation::Suspend));
    let mut client = office.client().await;
    let tag = office.tag(&id).await;
    assert_eq!(client.post(&path, &body).await.problem(), "precondition-required");
    assert_eq!(client.post_with(&path, &body, &[("if-match", &tag)]).await.status, 200);
    let (back, wish) = (format!("/v1/licences/{id}/resume"), said(Operation::Resume));
    let stale = client.post_with(&back, &wish, &[("if-match", &tag)]).await;
    assert_eq!(stale.problem(), "precondition-failed");
    assert_eq!(office.state(&id).await, State::Suspended);
    // By any identifier of it, in either case, with the OID or without.
    let identifier = office.column(&id, "identifier").await.as_text().unwrap().to_lowercase();
    let path = format!("/v1/licences/1.2.156.3005.2.{identifier}/resume");
    assert_eq!(client.post_with(&path, &said(Operation::Resume), &[("if-match", "*")]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_finds_what_the_first_one_did() {
    for office in offices().await {
        let id = office.import("20240000001", &json!({})).await;
        let (path, body) = (format!("/v1/licences/{id}/suspend"), said(Operation::Suspend));
        let headers = [("if-match", "*"), ("idempotency-key", "case-17")];
        let mut client = office.client().await;
        let first = client.post_with(&path, &body, &headers).await;
        let again = client.post_with(&path, &body, &headers).await;
        assert_eq!((first.status, again.status), (200, 200), "{} {:?}", office.kind, again.body);
        assert_eq!(first.json()["event"], again.json()["event"]);
        assert_eq!(first.header("cinnabar-leaf"), again.header("cinnabar-leaf"));
        assert_eq!(office.events(&id).await.len(), 2);
        let other = json!({ "reason": "另一理由", "basis": "《示例办法》第二条", "ground": "other" });
        assert_eq!(client.post_with(&path, &other, &headers).await.problem(), "idempotency-key-reused");
        let taken = old(TYPE, "20240000002", &json!({}));
        let key = [("idempotency-key", "case-18")];
        let first = client.post_with("/v1/licences/import", &taken, &key).await;
        let again = client.post_with("/v1/licences/import", &taken, &key).await;
        assert_eq!((first.status, again.status), (201, 201), "{:?}", again.body);
        assert_eq!(first.json()["event"], again.json()["event"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annual_check_reaches_further_than_the_last_and_not_beyond_the_end() {
    let office = office().await;
    let id = office.import("20240000001", &json!({})).await;
    let check = async |day: &str| {
        let answer = office.act(&office.own, &id, Operation::Check, &json!({ "checked_to": day })).await;
        if answer.status == 200 {
            answer.json()["checked_to"].to_string()
        } else {
            answer.json()["parameter"].to_string()
        }
    };
    assert_eq!(check("2027-06-30").await, "\"2027-06-30\"");
    assert_eq!(check("2028-06-30").await, "\"2028-06-30\"");
    for day in ["2028-06-30", "2027-12-31", "2020-01-01", "2040-01-01"] {
        assert_eq!(check(day).await, "\"checked_to\"", "{day}");
    }
    assert_eq!(office.events(&id).await.len(), 3);
}
