//! A licence and its holder's seal in one act: both, or neither.

use crypto::{DigestAlgorithm, KeyKind, Signer as _, SoftwareKey};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::issue::order;
use super::*;
use crate::seals::{audited, count, intervene, picture};

/// The credit code of the holder, as in [`fields`].
const HOLDER: &str = "91990000MA0E000186";

/// An officer of the bureau who issues licences and makes seals.
async fn maker(house: &House) -> Credential {
    let mut officer = house.connect(&house.officer(1)).await;
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
    let public = SoftwareKey::from_pkcs8(&key).unwrap().public_key().to_vec();
    let caller = json!({ "id": "window", "kind": "officer", "organisation": "bureau", "person": "window",
        "roles": ["licensor", "security-officer"], "key": hex::encode(DigestAlgorithm::Sha256.digest(&public)) });
    let proposed = officer.post("/v1/callers", &caller).await;
    assert_eq!(proposed.status, 202, "{:?}", proposed.body);
    let at = format!("{}/approve", proposed.header("location"));
    let mut second = house.connect(&house.officer(2)).await;
    let approved = second.post(&at, &json!({})).await;
    assert_eq!(approved.status, 200, "{:?}", approved.body);
    let credential = house.certification_of(&mut second, "window", key).await.unwrap();
    house.known(&credential).await;
    credential
}

/// An application for the company's seal, approved.
async fn approved(house: &House, seal: &str, number: &str) -> String {
    let mut officer = house.connect(&house.officer(1)).await;
    let company = json!({ "id": "company", "name": "示例市某某餐饮有限公司", "kind": "company" });
    let answer = officer.post("/v1/organisations", &company).await;
    assert!([201, 409].contains(&answer.status), "{:?}", answer.body);
    let wanted = json!({ "operation": "make", "seal": seal, "organisation": "company", "name": "示例市某某餐饮有限公司",
        "kind": 1, "level": "other", "width_mm": 40, "division": "990100",
        "holder": { "kind": "organisation", "number": number } });
    let applied = house.apply(&house.officer(9), &wanted, Some(&picture())).await;
    assert_eq!(applied.status, 201, "{:?}", applied.body);
    let id = applied.json()["id"].as_str().unwrap().to_owned();
    let answer = house.step(&house.officer(2), &id, "approve").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    id
}

async fn state(house: &House, application: &str) -> Value {
    let mut officer = house.connect(&house.officer(1)).await;
    officer.get(&format!("/v1/seal-applications/{application}")).await.json()["state"].clone()
}

fn keys(house: &House) -> usize {
    let unsealed = house.app.unsealed().unwrap();
    unsealed.custody.keys().unwrap().iter().filter(|key| key.label.starts_with("seal-")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn licence_and_seal_are_made_in_one_act_or_neither_is() {
    let office = Office::open().await;
    let house = &office.house;
    let window = maker(house).await;
    let mut client = house.connect(&window).await;
    let application = approved(house, "company-seal", HOLDER).await;
    let other = approved(house, "other-seal", ISSUER).await;
    let before = keys(house);
    let none = "SELECT (SELECT COUNT(*) FROM licences) + (SELECT COUNT(*) FROM seals WHERE organisation = 'company') AS n";
    let body = |application: &str, fields: Map<String, Value>| json!({ "licence": order(fields), "seal": application });

    // Fields that do not fit, another holder's seal, an application that is not there, a machine without the permit.
    let mut wrong = fields();
    wrong.insert("credit_code".to_owned(), json!("91990000MA0E000187"));
    for (wanted, status, problem) in [
        (body(&application, wrong), 422, "licence-unsound"),
        (body(&other, fields()), 422, "invalid-parameter"),
        (body("no-such", fields()), 403, "forbidden"),
    ] {
        let answer = client.post("/v1/licences/with-seal", &wanted).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{:?}", answer.body);
    }
    let mut machine = house.connect(&office.machine).await;
    let answer = machine.post("/v1/licences/with-seal", &body(&application, fields())).await;
    assert_eq!(answer.problem(), "forbidden");

    // The bureau's own seal is suspended: neither.
    let ground = json!({ "ground": "other", "reason": "示例" });
    assert_eq!(intervene(house, &house.officer(1), SEAL, "suspend", &ground).await.status, 200);
    let answer = client.post("/v1/licences/with-seal", &body(&application, fields())).await;
    assert_eq!(answer.problem(), "seal-not-usable", "{:?}", answer.body);
    assert_eq!(
        intervene(house, &house.officer(1), SEAL, "resume", &json!({ "reason": "示例" })).await.status,
        200
    );

    // The serial is taken by another licence in the same moment: the seal's key goes again.
    let mut taken = order(fields());
    taken["serial"] = json!("A2026001");
    assert_eq!(machine.post("/v1/licences", &taken).await.status, 201);
    let answer =
        client.post("/v1/licences/with-seal", &json!({ "licence": taken, "seal": application })).await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "conflict"));
    assert_eq!((keys(house), state(house, &application).await), (before, json!("approved")));
    assert_eq!(count(house, none).await, 1, "the other licence alone");

    let answer = client.post("/v1/licences/with-seal", &body(&application, fields())).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!(answer.header("cinnabar-seal"), "company-seal");
    assert_eq!((keys(house), state(house, &application).await), (before + 1, json!("done")));
    let seal = crate::seals::seal(house, "company-seal").await;
    assert_eq!((&seal["state"], &seal["holder_number"]), (&json!("active"), &json!(HOLDER)));
    // One act: licence and seal stand in the entries of one unit, one after the other.
    let leaf: usize = answer.header("cinnabar-leaf").parse().unwrap();
    let entries = house.entries().await;
    let actions: Vec<_> =
        entries[leaf..].iter().take(4).map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions[0], "licence.issue");
    assert!(actions.contains(&"seal.make") && actions.contains(&"document.seal"), "{actions:?}");
    let again = client.post("/v1/licences/with-seal", &body(&application, fields())).await;
    assert_eq!(again.problem(), "seal-application-closed", "{:?}", again.body);
    audited(house).await;
}
