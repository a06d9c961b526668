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

    let key = [("idempotency-key", "act-1")];
    let answer = client.post_with("/v1/licences/with-seal", &body(&application, fields()), &key).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!(answer.header("cinnabar-seal"), "company-seal");
    let made = answer.json()["seal"].clone();
    assert_eq!((&made["id"], &made["holder_number"]), (&json!("company-seal"), &json!(HOLDER)), "{made}");
    assert_eq!((keys(house), state(house, &application).await), (before + 1, json!("done")));
    let seal = crate::seals::seal(house, "company-seal").await;
    assert_eq!((&seal["state"], &seal["holder_number"]), (&json!("active"), &json!(HOLDER)));
    assert_eq!((&seal["certificate"], &seal["code"]), (&made["certificate"], &made["code"]));
    // Asked for once more under its key, all of it is told again: the licence, the seal, the receipt.
    let told = client.post_with("/v1/licences/with-seal", &body(&application, fields()), &key).await;
    assert_eq!((told.status, told.json()), (201, answer.json()));
    for header in ["cinnabar-seal", "cinnabar-leaf", "location"] {
        assert_eq!(told.header(header), answer.header(header), "{header}");
    }
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

/// One row as whole numbers.
async fn numbers(house: &House, sql: &'static str, names: &[&str]) -> Vec<i64> {
    let row = house.app.db.fetch_optional(sql, &[]).await.unwrap().unwrap();
    names.iter().map(|name| row.int(name).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_at_the_moment_of_commit_leaves_both_and_the_seal_works() {
    use sqlx::{Connection as _, Executor as _};
    let office = Office::open().await;
    let house = &office.house;
    let window = maker(house).await;
    let path = house.folder.path().join("cinnabar.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let standing = "SELECT (SELECT COUNT(*) FROM intents WHERE state = 'open') AS intents, \
                    (SELECT COUNT(*) FROM licences) AS licences";
    let mut left = 0;
    for round in 0..12 {
        let seal = format!("company-{round}");
        let application = approved(house, &seal, HOLDER).await;
        let mut client = house.connect(&window).await;
        let body = json!({ "licence": order(fields()), "seal": application });
        let before = numbers(house, standing, &["intents", "licences"]).await;
        let asked = tokio::spawn(async move { client.post("/v1/licences/with-seal", &body).await.status });
        // The certificate is being signed: what comes next is the commit, which nobody else may write now.
        let mut lock = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        for _ in 0..20_000 {
            if numbers(house, standing, &["intents", "licences"]).await != before {
                break;
            }
            tokio::task::yield_now().await;
        }
        lock.execute("BEGIN IMMEDIATE").await.unwrap();
        let between = numbers(house, standing, &["licences"]).await[0];
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        // Gone, with the connection; then the database takes what the journal was handed.
        asked.abort();
        let _ = asked.await;
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        lock.execute("ROLLBACK").await.unwrap();
        lock.close().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        let licences = numbers(house, standing, &["licences"]).await[0];
        let both = licences == before[1] + 1;
        assert_eq!(
            state(house, &application).await,
            json!(if both { "done" } else { "approved" }),
            "{round}"
        );
        if !both {
            continue;
        }
        // Whatever is on record has its key: the company seals with it.
        let clerk = clerk(house).await;
        let mut client = house.connect(&clerk).await;
        let kind = [("content-type", "application/pdf")];
        let at = format!("/v1/documents/seal?seal={seal}");
        let sealed = client.send(Method::POST, &at, &kind, crate::documents::pdf(1, 0)).await.unwrap();
        assert_eq!(sealed.status, 201, "{round}: {:?}", sealed.body);
        left += i32::from(between == before[1]);
        if left == 2 {
            audited(house).await;
            return;
        }
    }
    panic!("the database was never held at the moment of commit");
}

/// A machine of the company that seals.
async fn clerk(house: &House) -> Credential {
    let mut officer = house.connect(&house.officer(1)).await;
    let caller = json!({ "id": "clerk", "organisation": "company", "roles": ["sealer"] });
    let answer = officer.post("/v1/callers", &caller).await;
    assert!([201, 409].contains(&answer.status), "{:?}", answer.body);
    let credential = house.certified(&mut officer, "clerk").await;
    house.known(&credential).await;
    credential
}
