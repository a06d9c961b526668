//! Applied for, approved, made; changed, renewed, made anew, stopped, ended.

use http::Method;
use serde_json::json;

use super::*;
use crate::documents::pdf;

async fn sealed(house: &House, machine: &Credential, seal: &str) -> Answer {
    let mut client = house.connect(machine).await;
    let path = format!("/v1/documents/seal?seal={seal}&page=1&x_mm=20&y_mm=20");
    let kind = [("content-type", "application/pdf")];
    client.send(Method::POST, &path, &kind, pdf(1, 2_000)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_persons_make_a_seal_and_everything_is_on_record_in_one_act() {
    let (house, machine) = office().await;
    let applied = house.apply(&machine, &new_seal("hall"), Some(&picture())).await;
    assert_eq!(applied.status, 201, "{:?}", applied.body);
    let (id, state) = (applied.json()["id"].clone(), applied.json()["state"].clone());
    let id = id.as_str().unwrap();
    assert_eq!((state, applied.header("etag")), (json!("applied"), "\"1\""));
    assert!(applied.header("location").ends_with(id));
    // Nobody carries out what is not approved, and the machine decides nothing.
    assert_eq!(house.step(&house.officer(1), id, "carry-out").await.problem(), "seal-application-closed");
    for step in ["approve", "refuse", "carry-out"] {
        assert_eq!(house.step(&machine, id, step).await.problem(), "forbidden", "{step}");
    }
    assert_eq!(house.step(&house.officer(2), id, "approve").await.json()["state"], "approved");
    // The approver does not make it; a third person does.
    assert_eq!(house.step(&house.officer(2), id, "carry-out").await.problem(), "forbidden");
    let made = house.step(&house.officer(1), id, "carry-out").await;
    assert_eq!((made.status, &made.json()["made"]), (200, &json!("hall.1")), "{:?}", made.body);
    // A repeated request of the maker finds what was done.
    assert_eq!(house.step(&house.officer(1), id, "carry-out").await.json()["made"], "hall.1");

    let seal = seal(&house, "hall").await;
    assert_eq!((&seal["state"], &seal["number"], &seal["kind"]), (&json!("active"), &json!(1), &json!(6)));
    assert_eq!(seal["code"], "37030000000001");
    assert!(seal["filing"].as_str().unwrap().ends_with("-00000001"), "{seal}");
    let history = versions(&house, "hall").await;
    assert_eq!((history.len(), &history[0]["application"]), (1, &json!(id)));
    let entries = entries_from(&house, 0).await;
    let made = entries.iter().find(|entry| entry["action"] == "seal.make").unwrap();
    assert_eq!(made["facts"]["certificate"], seal["certificate"]);
    assert_eq!(made["facts"]["eseal"], history[0]["eseal_digest"]);
    assert!(entries.iter().any(|entry| entry["action"] == "seal.intend"));
    assert_eq!(sealed(&house, &machine, "hall").await.status, 201);
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_structure_is_the_standards_and_lists_the_certificate_that_signs() {
    let (house, machine) = office().await;
    carried_out(&house, house.apply(&machine, &new_seal("hall"), Some(&picture())).await).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let der = officer.get("/v1/seals/hall/eseal").await.body;
    let read = eseal::Seal::parse(&der).unwrap();
    assert!(read.deviations.is_empty(), "{:?}", read.deviations);
    let structure = read.value;
    assert_eq!((structure.id(), structure.name()), ("37030000000001", "示范市行政审批局"));
    assert_eq!(structure.maker().unwrap(), house.authority("seal-maker").der());
    let seal = seal(&house, "hall").await;
    let eseal::seal::CertList::Certificates(listed) = structure.cert_list() else { panic!("digests") };
    let listed: Vec<_> = listed.iter().flatten().map(|der| crate::documents::sha256(der)).collect();
    assert_eq!(json!(listed), json!([seal["certificate"]]));
    assert_eq!(versions(&house, "hall").await[0]["eseal_digest"], crate::documents::sha256(&der));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_on_an_application_of_their_own() {
    let (house, _) = office().await;
    let officer = house.officer(1);
    let applied = house.apply(&officer, &new_seal("hall"), Some(&picture())).await.json();
    let id = applied["id"].as_str().unwrap();
    for step in ["approve", "refuse"] {
        assert_eq!(house.step(&officer, id, step).await.problem(), "forbidden", "{step}");
    }
    assert_eq!(house.step(&house.officer(2), id, "approve").await.status, 200);
    assert_eq!(house.step(&officer, id, "carry-out").await.problem(), "forbidden", "the applicant");
    assert_eq!(house.step(&house.officer(9), id, "carry-out").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_makes_a_new_version_and_the_one_before_keeps_verifying() {
    let (house, machine) = office().await;
    carried_out(&house, house.apply(&machine, &new_seal("hall"), Some(&picture())).await).await;
    let before = seal(&house, "hall").await;
    let signed = sealed(&house, &machine, "hall").await;
    // Another picture alone: key and certificate stay.
    let wanted = json!({ "operation": "change", "seal": "hall" });
    carried_out(&house, house.apply(&machine, &wanted, Some(&another_picture())).await).await;
    let repainted = seal(&house, "hall").await;
    assert_eq!((&repainted["certificate"], &repainted["number"]), (&before["certificate"], &json!(2)));
    assert_eq!((&repainted["code"], &repainted["valid_to"]), (&before["code"], &before["valid_to"]));
    assert_ne!(repainted["filing"], before["filing"]);
    // Another name: a key and a certificate of its own; the former certificate is not revoked.
    let wanted = json!({ "operation": "change", "seal": "hall", "name": "示范市数据局" });
    carried_out(&house, house.apply(&machine, &wanted, None).await).await;
    let renamed = seal(&house, "hall").await;
    assert_ne!(renamed["certificate"], before["certificate"]);
    assert_eq!((&renamed["name"], &renamed["code"]), (&json!("示范市数据局"), &before["code"]));
    assert_eq!(certificate_state(&house, &before["certificate"]).await, "good");
    let states: Vec<_> =
        versions(&house, "hall").await.iter().map(|version| version["state"].clone()).collect();
    assert_eq!(json!(states), json!(["superseded", "superseded", "active"]));
    assert_eq!(sealed(&house, &machine, "hall").await.status, 201);
    let mut client = house.connect(&machine).await;
    let kind = [("content-type", "application/pdf")];
    let report =
        client.send(Method::POST, "/v1/documents/verify", &kind, signed.body.to_vec()).await.unwrap();
    assert!(!report.json().to_string().contains("REVOKED"), "{}", report.json());
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_seal_is_of_no_use_and_a_compromised_one_is_made_anew() {
    let (house, machine) = office().await;
    carried_out(&house, house.apply(&machine, &new_seal("hall"), Some(&picture())).await).await;
    let officer = house.officer(1);
    let before = seal(&house, "hall").await;
    assert_eq!(sealed(&house, &machine, "hall").await.status, 201);
    // Suspended with its certificate on hold, and resumed with it.
    let held = intervene(&house, &officer, "hall", "suspend", &json!({ "hold": true })).await;
    assert_eq!((held.status, &held.json()["state"]), (200, &json!("suspended")), "{:?}", held.body);
    assert_eq!(certificate_state(&house, &before["certificate"]).await, "held");
    assert_eq!(sealed(&house, &machine, "hall").await.problem(), "seal-not-usable");
    assert_eq!(intervene(&house, &officer, "hall", "resume", &json!({})).await.json()["state"], "active");
    assert_eq!(certificate_state(&house, &before["certificate"]).await, "good");
    assert_eq!(sealed(&house, &machine, "hall").await.status, 201);
    // Stopped for good: only making it anew helps.
    let body = json!({ "ground": "compromise", "revoke": true, "reason": "密钥外泄" });
    let stopped = intervene(&house, &officer, "hall", "stop", &body).await;
    assert_eq!((stopped.status, &stopped.json()["ground"]), (200, &json!("compromise")));
    assert_eq!(certificate_state(&house, &before["certificate"]).await, "revoked");
    assert_eq!(sealed(&house, &machine, "hall").await.problem(), "seal-not-usable");
    assert_eq!(
        intervene(&house, &officer, "hall", "resume", &json!({})).await.problem(),
        "seal-state-forbids"
    );
    let wanted = json!({ "operation": "remake", "seal": "hall", "ground": "compromise" });
    carried_out(&house, house.apply(&machine, &wanted, None).await).await;
    let after = seal(&house, "hall").await;
    assert_eq!(
        (&after["state"], &after["number"], &after["ground"]),
        (&json!("active"), &json!(2), &json!(null))
    );
    assert_ne!(after["certificate"], before["certificate"]);
    assert_eq!(sealed(&house, &machine, "hall").await.status, 201);
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_seal_ends_with_its_certificate_and_never_comes_back() {
    let (house, machine) = office().await;
    carried_out(&house, house.apply(&machine, &new_seal("hall"), Some(&picture())).await).await;
    let certificate = seal(&house, "hall").await["certificate"].clone();
    let wanted = json!({ "operation": "cancel", "seal": "hall", "ground": "closure" });
    carried_out(&house, house.apply(&machine, &wanted, None).await).await;
    assert_eq!(seal(&house, "hall").await["state"], "cancelled");
    assert_eq!(versions(&house, "hall").await[0]["state"], "cancelled");
    assert_eq!(certificate_state(&house, &certificate).await, "revoked");
    assert_eq!(sealed(&house, &machine, "hall").await.problem(), "seal-not-usable");
    for operation in ["change", "renew", "remake", "cancel"] {
        let wanted = json!({ "operation": operation, "seal": "hall" });
        assert_eq!(house.apply(&machine, &wanted, None).await.problem(), "seal-state-forbids", "{operation}");
    }
    let again = house.apply(&machine, &new_seal("hall"), Some(&picture())).await;
    assert_eq!(again.problem(), "conflict", "names are never reused");
    for what in ["suspend", "resume", "stop"] {
        let answer = intervene(&house, &house.officer(1), "hall", what, &json!({})).await;
        assert_eq!(answer.problem(), "seal-state-forbids", "{what}");
    }
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_past_its_time_is_of_no_use_until_it_is_renewed() {
    let (house, machine) = office().await;
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(4);
    let mut wanted = new_seal("hall");
    wanted["valid_to"] = json!(end.to_string());
    carried_out(&house, house.apply(&machine, &wanted, Some(&picture())).await).await;
    let due = house.connect(&house.officer(1)).await.get("/v1/seals?ends_within_days=1").await.json();
    assert_eq!(due["seals"][0]["id"], "hall");
    for _ in 0..100 {
        if seal(&house, "hall").await["state"] == "expired" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(seal(&house, "hall").await["state"], "expired");
    assert_eq!(sealed(&house, &machine, "hall").await.problem(), "seal-not-usable");
    let wanted = json!({ "operation": "renew", "seal": "hall" });
    carried_out(&house, house.apply(&machine, &wanted, None).await).await;
    assert_eq!(seal(&house, "hall").await["state"], "active");
    assert_eq!(sealed(&house, &machine, "hall").await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_application_at_a_time_and_each_refusal_says_how_to_go_on() {
    let (house, machine) = office().await;
    let first = house.apply(&machine, &new_seal("hall"), Some(&picture())).await.json();
    let second = house.apply(&machine, &new_seal("hall"), Some(&picture())).await;
    assert_eq!(
        (second.problem(), &second.json()["application"]),
        ("seal-application-open".into(), &first["id"])
    );
    assert!(second.json()["zh"].is_string());
    let id = first["id"].as_str().unwrap();
    let refused = house.step(&house.officer(1), id, "refuse").await;
    assert_eq!((&refused.json()["state"], &refused.json()["reason"]), (&json!("refused"), &json!("示例")));
    assert_eq!(house.step(&house.officer(2), id, "approve").await.problem(), "seal-application-closed");
    // A step on what was read before is refused, and so is one without saying what was read.
    let third = house.apply(&machine, &new_seal("hall"), Some(&picture())).await.json();
    let path = format!("/v1/seal-applications/{}", third["id"].as_str().unwrap());
    let mut officer = house.connect(&house.officer(1)).await;
    let without = officer.post(&format!("{path}/approve"), &json!({})).await;
    assert_eq!(without.problem(), "precondition-required");
    let stale = officer.post_with(&format!("{path}/approve"), &json!({}), &[("if-match", "\"7\"")]).await;
    assert_eq!(stale.problem(), "precondition-failed");
    let mut client = house.connect(&machine).await;
    let back = client.post_with(&format!("{path}/withdraw"), &json!({}), &[("if-match", "\"1\"")]).await;
    assert_eq!(back.json()["state"], "withdrawn");
    for (wanted, picture, problem) in [
        (
            json!({ "operation": "make", "seal": "x", "organisation": "bureau", "name": "x", "width_mm": 42 }),
            None,
            "picture",
        ),
        (
            json!({ "operation": "make", "seal": "x", "organisation": "bureau", "name": "x" }),
            Some(picture()),
            "width_mm",
        ),
        (
            json!({ "operation": "make", "seal": "x", "organisation": "bureau", "name": "x", "width_mm": 42 }),
            Some(b"GIF89a".to_vec()),
            "picture",
        ),
    ] {
        let answer = house.apply(&machine, &wanted, picture.as_deref()).await;
        assert_eq!(
            (answer.problem(), &answer.json()["parameter"]),
            ("invalid-parameter".into(), &json!(problem))
        );
    }
    let unknown = json!({ "operation": "renew", "seal": "nowhere" });
    assert_eq!(house.apply(&machine, &unknown, None).await.problem(), "not-found");
    assert_eq!(count(&house, "SELECT count(*) AS n FROM seals").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_application_finds_the_first_and_a_key_serves_one_request() {
    let (house, machine) = office().await;
    let mut client = house.connect(&machine).await;
    carried_out(&house, house.apply(&machine, &new_seal("hall"), Some(&picture())).await).await;
    let wanted = json!({ "operation": "renew", "seal": "hall" });
    let key = [("idempotency-key", "k-1")];
    let first = client.post_with("/v1/seal-applications", &wanted, &key).await;
    let again = client.post_with("/v1/seal-applications", &wanted, &key).await;
    assert_eq!((first.status, again.status, &first.json()["id"]), (201, 201, &again.json()["id"]));
    let other = json!({ "operation": "renew", "seal": "hall", "reason": "另一申请" });
    let answer = client.post_with("/v1/seal-applications", &other, &key).await;
    assert_eq!(answer.problem(), "idempotency-key-reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_number_stands_in_no_row_and_no_leaf() {
    let (house, machine) = office().await;
    let number = "11010519491231002X";
    let mut wanted = new_seal("li");
    wanted["kind"] = json!(5);
    wanted["holder"] = json!({ "kind": "person", "number": number, "name": "李某" });
    let applied = house.apply(&machine, &wanted, Some(&picture())).await;
    let made = carried_out(&house, applied).await;
    assert!(!made.to_string().contains(number));
    let shown = seal(&house, "li").await;
    assert_eq!((&shown["holder_kind"], &shown["holder_number"]), (&json!("person"), &json!(null)));
    for entry in entries_from(&house, 0).await {
        assert!(!entry.to_string().contains(number), "{entry}");
    }
    for name in ["cinnabar.db", "cinnabar.db-wal"] {
        let octets = std::fs::read(house.folder.path().join(name)).unwrap_or_default();
        assert!(!octets.windows(number.len()).any(|part| part == number.as_bytes()), "{name}");
    }
    let kept = count(&house, "SELECT count(*) AS n FROM seals WHERE holder_number_hash IS NOT NULL").await;
    assert_eq!(kept, 1);
    let sql = "SELECT profile FROM certificates WHERE id = $1";
    let row =
        house.app.db.fetch_optional(sql, &[shown["certificate"].as_str().unwrap().into()]).await.unwrap();
    assert_eq!(row.unwrap().text("profile").unwrap(), "seal-person");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_seal_seals_on_and_gets_code_and_structure_when_it_is_renewed() {
    use sqlx::Connection as _;
    let (house, machine) = office().await;
    carried_out(&house, house.apply(&machine, &new_seal("old"), Some(&picture())).await).await;
    // As the fifth schema left it.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.folder.path().join("cinnabar.db"));
    let mut raw = sqlx::SqliteConnection::connect_with(&options.foreign_keys(false)).await.unwrap();
    let sql = "DELETE FROM seal_versions; UPDATE seals SET code = NULL, kind = NULL, level = NULL, holder_kind = NULL, \
               suite = NULL, number = NULL, filing = NULL, valid_from = NULL, valid_to = NULL, updated = NULL;";
    sqlx::raw_sql(sql).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    assert_eq!(seal(&house, "old").await["code"], json!(null));
    assert_eq!(sealed(&house, &machine, "old").await.status, 201);
    let mut officer = house.connect(&house.officer(1)).await;
    assert_eq!(officer.get("/v1/seals/old/eseal").await.problem(), "not-found");
    let wanted = json!({ "operation": "renew", "seal": "old" });
    carried_out(&house, house.apply(&machine, &wanted, None).await).await;
    let renewed = seal(&house, "old").await;
    assert_eq!((&renewed["number"], &renewed["code"]), (&json!(2), &json!("00000000000001")));
    let history = versions(&house, "old").await;
    assert_eq!((history.len(), &history[0]["state"]), (2, &json!("superseded")));
    assert_eq!(officer.get("/v1/seals/old/eseal").await.status, 200);
    assert_eq!(sealed(&house, &machine, "old").await.status, 201);
}
