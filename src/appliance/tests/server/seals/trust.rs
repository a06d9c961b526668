//! What may still be done with a seal whose key or certificate is not trusted, with another holder; and who sees which seals.

use super::*;
use crate::usage::officer;

async fn made(house: &House, machine: &Credential) -> Value {
    carried_out(house, house.apply(machine, &new_seal("hall"), Some(&picture())).await).await;
    seal(house, "hall").await
}

fn wanted(operation: &str) -> Value {
    let mut wanted = json!({ "operation": operation, "seal": "hall" });
    if operation == "change" {
        wanted["name"] = json!("示范市数据局");
    }
    wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_leads_to_making_anew_with_its_certificate_revoked_and_to_nothing_else() {
    let (house, machine) = office().await;
    let before = made(&house, &machine).await;
    let change = house.apply(&machine, &wanted("change"), None).await;
    let change = change.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(house.step(&house.officer(2), &change, "approve").await.status, 200);
    let stopped = intervene(&house, &house.officer(1), "hall", "stop", &json!({ "ground": "loss" })).await;
    assert_eq!(stopped.status, 200, "{:?}", stopped.body);
    let late = house.step(&house.officer(1), &change, "carry-out").await;
    assert_eq!(late.problem(), "seal-state-forbids", "approved before the loss was known");
    assert!(late.json()["zh"].as_str().unwrap().contains("补制"), "{}", late.json());
    assert_eq!(house.step(&machine, &change, "withdraw").await.status, 200);
    for operation in ["change", "renew"] {
        let answer = house.apply(&machine, &wanted(operation), None).await;
        assert_eq!(answer.problem(), "seal-state-forbids", "{operation}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("`remake`"), "{}", answer.json());
    }
    carried_out(&house, house.apply(&machine, &wanted("remake"), None).await).await;
    assert_eq!(certificate_state(&house, &before["certificate"]).await, "revoked");
    carried_out(&house, house.apply(&machine, &wanted("renew"), None).await).await;
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_on_hold_is_released_before_another_takes_its_place() {
    let (house, machine) = office().await;
    let before = made(&house, &machine).await;
    let first = house.officer(1);
    let held = intervene(&house, &first, "hall", "suspend", &json!({ "hold": true })).await;
    assert_eq!(held.status, 200, "{:?}", held.body);
    for operation in ["change", "renew"] {
        let answer = house.apply(&machine, &wanted(operation), None).await;
        assert_eq!(answer.problem(), "seal-state-forbids", "{operation}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("on hold"), "{}", answer.json());
    }
    assert_eq!(intervene(&house, &first, "hall", "resume", &json!({})).await.status, 200);
    carried_out(&house, house.apply(&machine, &wanted("renew"), None).await).await;
    assert_eq!(certificate_state(&house, &before["certificate"]).await, "good");
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_holder_takes_another_certificate_and_what_was_not_given_stays() {
    let (house, machine) = office().await;
    let before = made(&house, &machine).await;
    let holder = |holder: Value| json!({ "operation": "change", "seal": "hall", "holder": holder });
    let numbered = holder(json!({ "kind": "organisation", "number": CODE }));
    carried_out(&house, house.apply(&machine, &numbered, None).await).await;
    let after = seal(&house, "hall").await;
    assert_eq!(after["holder_number"], CODE);
    assert_ne!(after["certificate"], before["certificate"], "the certificate names the holder's number");
    let mut same = holder(json!({ "kind": "organisation" }));
    same["level"] = json!("county");
    carried_out(&house, house.apply(&machine, &same, None).await).await;
    let kept = seal(&house, "hall").await;
    assert_eq!((&kept["holder_number"], &kept["certificate"]), (&json!(CODE), &after["certificate"]));
    let person = holder(json!({ "kind": "person", "number": "11010519491231002X", "name": "张三" }));
    carried_out(&house, house.apply(&machine, &person, None).await).await;
    let other = seal(&house, "hall").await;
    assert_eq!((&other["holder_kind"], &other["holder_number"]), (&json!("person"), &json!(null)));
    assert_ne!(other["certificate"], after["certificate"]);
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealing_officer_lists_the_seals_of_the_own_organisation_alone() {
    let (house, machine) = office().await;
    made(&house, &machine).await;
    let sealing = officer(&house, "officer-3", &["sealer"]).await;
    let mut security = house.connect(&house.officer(1)).await;
    let company = json!({ "id": "company", "name": "示范有限公司" });
    assert_eq!(security.post("/v1/organisations", &company).await.status, 201);
    let mut foreign = new_seal("foreign");
    foreign["organisation"] = json!("company");
    carried_out(&house, house.apply(&house.officer(9), &foreign, Some(&picture())).await).await;
    let mut sealing = house.connect(&sealing).await;
    for (path, list, key) in [("/v1/seals", "seals", "id"), ("/v1/seal-applications", "applications", "seal")]
    {
        let names = |answer: Answer| -> Vec<Value> {
            answer.json()[list].as_array().unwrap().iter().map(|one| one[key].clone()).collect()
        };
        assert_eq!(names(sealing.get(path).await), ["hall"], "{path}");
        let named = sealing.get(&format!("{path}?organisation=company")).await;
        assert_eq!(named.problem(), "forbidden", "{path}");
        assert_eq!(names(security.get(path).await).len(), 2, "{path}");
        let named = security.get(&format!("{path}?organisation=company")).await;
        assert_eq!(names(named), ["foreign"], "{path}");
    }
}

/// A unified social credit code (GB 32100) whose check character fits.
const CODE: &str = "91350100M000100Y43";
