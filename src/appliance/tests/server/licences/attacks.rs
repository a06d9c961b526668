//! Attacks on licences from the side of the house: a keystore that is sealed, hands of another organisation.

use appliance::store::tables;
use serde_json::{Value, json};

use super::issue::{issue, order};
use super::*;
use crate::seals::{audited, count, entries_from};

/// Every row of what is kept of licences, types and trust lists, as text.
async fn kept(house: &House) -> Vec<String> {
    let mut all = Vec::new();
    for table in tables::ALL.iter().filter(|table| {
        table.name.starts_with("licence") || ["trust_lists", "seal_uses", "idempotency"].contains(&table.name)
    }) {
        let rows = house.app.db.rows_after(table, "", 10_000).await.unwrap();
        all.extend(rows.iter().map(|row| format!("{} {row:?}", table.name)));
    }
    all
}

/// Every operation of the platform API that is about licences: method and path, with what stands here in the places.
fn operations(api: &Value, licence: &str) -> Vec<(Method, String)> {
    let about = [
        "licences",
        "licence-types",
        "licence-use",
        "licence-verifications",
        "shared-service",
        "recognition",
    ];
    let mut all = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let tags = operation["tags"].as_array().cloned().unwrap_or_default();
            if !tags.iter().any(|tag| about.contains(&tag.as_str().unwrap_or_default())) {
                continue;
            }
            let id =
                if path.contains("/licences/") { licence } else { "00000000-0000-7000-8000-000000000000" };
            let path = path
                .replace("{code}", FOOD)
                .replace("{number}", "1")
                .replace("{kind}", "original")
                .replace("{identifier}", licence)
                .replace("{id}", id);
            assert!(!path.contains('{'), "{path} has a place that this test does not fill");
            all.push((method.to_ascii_uppercase().parse().unwrap(), path));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_keystore_answers_every_licence_route_alike_and_changes_nothing() {
    for (office, place) in Office::everywhere().await {
        let issued = issue(&office, &order(fields())).await;
        assert_eq!(issued.status, 201, "{:?}", issued.body);
        let licence = issued.json()["id"].as_str().unwrap().to_owned();
        let mut officer = office.house.connect(&office.house.officer(1)).await;
        let api = officer.get("/v1/openapi.json").await.json();
        let node = office.house.sealed_node("b").await;
        let before = kept(&office.house).await;
        let all = operations(&api, &licence);
        assert!(all.len() > 50, "these are not all operations: {all:?}");
        for who in [&office.machine, &office.house.officer(1)] {
            let mut client = office.house.try_connect_to(node.platform, Some(who)).await.unwrap();
            for (method, path) in &all {
                let headers = [
                    ("content-type", "application/json"),
                    ("if-match", "*"),
                    ("idempotency-key", "sealed-1"),
                ];
                let body = match path.as_str() {
                    "/v1/licences" => order(fields()),
                    _ => {
                        json!({ "reason": "示例", "basis": "《示例办法》第一条", "ground": "rectification" })
                    }
                };
                let body = if *method == Method::GET { Vec::new() } else { body.to_string().into_bytes() };
                let answer = client.send(method.clone(), path, &headers, body).await.unwrap();
                assert_eq!(
                    (answer.status, answer.problem().as_str()),
                    (503, "sealed"),
                    "{} {method} {path}: {:?}",
                    place.kind,
                    answer.body
                );
                assert!(answer.headers.contains_key("retry-after"), "{method} {path}");
                let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
                assert!(
                    detail.contains("cinnabar unseal"),
                    "{method} {path} does not say how to mend it: {detail}"
                );
            }
        }
        assert_eq!(kept(&office.house).await, before, "{}", place.kind);
        node.stop.stop();
        let _ = node.running.await;
        // What was refused stays refused: nothing waits to be done after all.
        assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences").await, 1);
        let read = office.house.connect(&office.machine).await.get(&format!("/v1/licences/{licence}")).await;
        assert_eq!(read.json()["state"], "active");
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_keystore_tells_strangers_nothing_and_says_when_to_come_again() {
    let house = House::sealed("").await;
    let mut stranger = house.try_connect_to(house.portal, None).await.unwrap();
    for (kind, body) in [
        ("application/json", json!({ "text": "CNB1:6BF" }).to_string().into_bytes()),
        ("application/json", json!({ "identifier": "A.B.C.001.0", "value": "x" }).to_string().into_bytes()),
        ("application/pdf", crate::documents::pdf(1, 0)),
    ] {
        let headers = [("content-type", kind)];
        let answer = stranger.send(Method::POST, "/api/verify", &headers, body).await.unwrap();
        assert_eq!((answer.status, answer.problem().as_str()), (503, "sealed"), "{kind}");
        assert!(answer.json()["words"]["zh"].is_string());
    }
    for path in ["/licences/status/1", "/licences/catalogue"] {
        let answer = house.public(path).await;
        assert!(answer.status >= 400, "{path}: {:?}", answer.body);
    }
}

const MADE: &str = "SELECT (SELECT COUNT(*) FROM licences) + (SELECT COUNT(*) FROM licence_versions) + \
                    (SELECT COUNT(*) FROM licence_artefacts) + (SELECT COUNT(*) FROM licence_holders) + \
                    (SELECT COUNT(*) FROM licence_events) + (SELECT COUNT(*) FROM licence_statuses) + \
                    (SELECT COUNT(*) FROM licence_jobs) + (SELECT COUNT(*) FROM seal_uses) AS n";

/// A machine of another organisation that may issue licences, of whatever types list it.
async fn other(house: &House) -> Credential {
    let mut officer = house.connect(&house.officer(1)).await;
    let new = json!({ "id": "other", "name": "另一单位" });
    assert_eq!(officer.post("/v1/organisations", &new).await.status, 201);
    let caller = json!({ "id": "stranger", "organisation": "other", "roles": ["licensor"] });
    assert_eq!(officer.post("/v1/callers", &caller).await.status, 201);
    let stranger = house.certified(&mut officer, "stranger").await;
    house.known(&stranger).await;
    stranger
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_listed_as_issuer_issues_nothing_by_any_way() {
    for (office, place) in Office::everywhere().await {
        let stranger = other(&office.house).await;
        let issued = issue(&office, &order(fields())).await.json();
        let licence = issued["id"].as_str().unwrap().to_owned();
        let made = count(&office.house, MADE).await;
        let mut client = office.house.connect(&stranger).await;
        let one = client.post("/v1/licences", &order(fields())).await;
        assert_eq!((one.status, one.problem().as_str()), (403, "forbidden"), "{}", place.kind);
        let lines = json!({ "fields": fields() }).to_string().into_bytes();
        let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "job-1")];
        let path = format!("/v1/licence-jobs?type={FOOD}");
        let many = client.send(Method::POST, &path, &headers, lines).await.unwrap();
        assert_eq!((many.status, many.problem().as_str()), (403, "forbidden"));
        let both =
            json!({ "licence": order(fields()), "application": "00000000-0000-7000-8000-000000000000" });
        assert!(client.post("/v1/licences/with-seal", &both).await.status >= 400);
        // The code of the body that does issue it does not help: neither named in a serial nor taken over.
        let identifier = licence::identifier::Identifier::new(FOOD, ISSUER, "20240000001", 1).unwrap();
        let old = json!({ "identifier": identifier.with_oid(), "valid_from": "2024-03-01",
            "valid_to": "2039-02-28", "fields": fields() });
        assert_eq!(client.post("/v1/licences/import", &old).await.problem(), "forbidden");
        for path in [format!("/v1/licences/{licence}"), format!("/v1/licences/{licence}/documents/original")]
        {
            assert_eq!(client.get(&path).await.problem(), "forbidden", "{path}");
        }
        let listed = client.get(&format!("/v1/licences?type={FOOD}")).await;
        assert!(!String::from_utf8_lossy(&listed.body).contains(&licence), "{:?}", listed.body);
        assert_eq!(count(&office.house, MADE).await, made, "{}", place.kind);
        // Each attempt stands in the log with who made it.
        let refused = entries_from(&office.house, 0).await;
        let refused =
            refused.iter().filter(|entry| entry["action"] == "refusal" && entry["actor"]["id"] == "stranger");
        assert!(refused.count() >= 3);
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_listed_issues_under_its_own_seal_and_code_alone() {
    let house = House::open().await;
    let machine = equipped(&house).await;
    let stranger = other(&house).await;
    // A seal of the other's that names no code of its holder.
    house.seal("nameless", "other", &crate::seals::picture()).await;
    for (number, seals, told) in [
        ("001", json!({ "*": SEAL }), "is not of organisation"),
        ("003", json!({ "bureau": SEAL, "other": "nameless" }), "names no credit code"),
    ] {
        let mut definition = definition();
        let code = format!("11990000MB0F00012G{number}");
        definition["code"] = code.as_str().into();
        definition["issuers"] = json!(["bureau", "other"]);
        definition["seals"] = seals;
        publish(&house, &machine, &definition).await;
        let made = count(&house, MADE).await;
        let mut wanted = order(fields());
        wanted["type"] = code.as_str().into();
        let answer = house.connect(&stranger).await.post("/v1/licences", &wanted).await;
        assert_eq!(answer.problem(), "licence-type-unusable", "{number}: {:?}", answer.body);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{number}: {detail}");
        assert_eq!(count(&house, MADE).await, made, "{number}");
    }
    // That the seal of one body is named as another's own is seen when the type is handed in.
    let mut definition = definition();
    definition["code"] = "11990000MB0F00012G004".into();
    definition["issuers"] = json!(["bureau", "other"]);
    definition["seals"] = json!({ "bureau": SEAL, "other": SEAL });
    let mut without = definition.clone();
    without["seals"] = json!({ "bureau": SEAL });
    let refused = draft(&house, &machine, &without).await;
    assert_eq!(refused.problem(), "licence-type-faulty", "no seal is named for it: {:?}", refused.body);
    assert_eq!(draft(&house, &machine, &definition).await.status, 201);
    let refused = step(&house, &house.officer(1), "11990000MB0F00012G004", 1, "submit").await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    assert!(refused.json().to_string().contains("/seals/other"), "{:?}", refused.body);
    audited(&house).await;
}
