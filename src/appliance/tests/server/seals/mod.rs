//! The life of seals over the platform API.

mod both;
mod life;
mod races;
mod trust;
mod walk;

use serde_json::{Value, json};

use crate::house::{Answer, Credential, House};

/// A house with an organisation `bureau` and a machine of it that may apply.
pub async fn office() -> (House, Credential) {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    (house, machine)
}

pub fn picture() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/example/seal.png")).unwrap()
}

/// A picture that is another one.
pub fn another_picture() -> Vec<u8> {
    b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 42 42'><circle cx='21' cy='21' r='20' fill='none' \
      stroke='#e60012' stroke-width='1.2'/></svg>"
        .to_vec()
}

/// An application for a new seal.
pub fn new_seal(id: &str) -> Value {
    json!({ "operation": "make", "seal": id, "organisation": "bureau", "name": "示范市行政审批局", "kind": 6,
        "level": "city", "width_mm": 42, "division": "370300" })
}

/// Has an application approved by the second officer and carried out by the first.
pub async fn carried_out(house: &House, applied: Answer) -> Value {
    assert_eq!(applied.status, 201, "{:?}", applied.body);
    let id = applied.json()["id"].as_str().unwrap().to_owned();
    let approved = house.step(&house.officer(2), &id, "approve").await;
    assert_eq!(approved.status, 200, "{:?}", approved.body);
    let made = house.step(&house.officer(1), &id, "carry-out").await;
    assert_eq!(made.status, 200, "{:?}", made.body);
    made.json()
}

pub async fn seal(house: &House, id: &str) -> Value {
    let answer = house.connect(&house.officer(1)).await.get(&format!("/v1/seals/{id}")).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

pub async fn versions(house: &House, id: &str) -> Vec<Value> {
    let answer = house.connect(&house.officer(1)).await.get(&format!("/v1/seals/{id}/versions")).await;
    answer.json()["versions"].as_array().unwrap().clone()
}

/// `suspend`, `resume` or `stop`, at the version that is read.
pub async fn intervene(house: &House, who: &Credential, id: &str, what: &str, body: &Value) -> Answer {
    let mut client = house.connect(who).await;
    let tag = client.get(&format!("/v1/seals/{id}")).await.headers.get("etag").cloned();
    let tag = tag.as_ref().and_then(|tag| tag.to_str().ok()).unwrap_or("*").to_owned();
    client.post_with(&format!("/v1/seals/{id}/{what}"), body, &[("if-match", &tag)]).await
}

pub async fn certificate_state(house: &House, fingerprint: &Value) -> String {
    let sql = "SELECT state FROM certificates WHERE id = $1";
    let found = house.app.db.fetch_optional(sql, &[fingerprint.as_str().unwrap().into()]).await.unwrap();
    found.unwrap().text("state").unwrap().to_owned()
}

/// How many rows of a table fit.
pub async fn count(house: &House, sql: &'static str) -> i64 {
    house.app.db.fetch_optional(sql, &[]).await.unwrap().unwrap().int("n").unwrap()
}

/// All entries of the log from a leaf on.
pub async fn entries_from(house: &House, mut from: u64) -> Vec<Value> {
    let journal = &house.app.unsealed().unwrap().journal;
    let mut all = Vec::new();
    loop {
        let part = journal.entries(from, 1000).await.unwrap();
        let Some(last) = part.last() else { return all };
        from = last.leaf + 1;
        all.extend(part.into_iter().map(|entry| entry.json));
    }
}

/// The whole log against every row.
pub async fn audited(house: &House) {
    let journal = &house.app.unsealed().unwrap().journal;
    let options = appliance::audit::Options {
        keys: &[journal.verifier_key().clone()],
        checkpoints: &[],
        vault: None,
        progress: &mut |_| {},
    };
    let report = appliance::audit::verify(&house.app.db, options).await.unwrap();
    assert!(report.sound, "{report:#?}");
}
