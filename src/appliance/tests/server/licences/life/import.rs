//! Taking licences over that exist already.

use appliance::licences::library;

use super::*;

/// A Shandong identifier in general circulation whose check character was made by a wrong algorithm, with a type of our own.
fn wrong_check(serial: &str) -> (String, char) {
    let right = Identifier::new(TYPE, super::super::ISSUER, serial, 1).unwrap();
    let wrong = if right.check_character() == 'M' { 'N' } else { 'M' };
    (format!("{}.001.{wrong}", right.licence_id()), wrong)
}

/// Brings a licence with its document.
async fn form(client: &mut Client, order: &Value, document: &[u8]) -> Answer {
    let mut body = format!(
        "--limit\r\ncontent-disposition: form-data; name=\"request\"\r\n\r\n{order}\r\n--limit\r\n\
         content-disposition: form-data; name=\"document\"; filename=\"old.pdf\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(document);
    body.extend_from_slice(b"\r\n--limit--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=limit")];
    client.send(http::Method::POST, "/v1/licences/import", &headers, body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_comes_with_its_identifier_its_standing_and_its_document() {
    for office in offices().await {
        let mut client = office.client().await;
        let order = old(
            TYPE,
            "20240000001",
            &json!({ "state": "suspended", "ground": "penalty", "source": "旧系统" }),
        );
        let document = b"%PDF-1.4\n% as it was issued then\n%%EOF\n".to_vec();
        let answer = form(&mut client, &order, &document).await;
        assert_eq!(answer.status, 201, "{} {:?}", office.kind, answer.body);
        let standing = answer.json();
        assert_eq!(standing["state"], "suspended");
        assert!(standing.get("warnings").is_none(), "{standing}");
        assert_eq!(
            (&standing["valid_from"], &standing["valid_to"]),
            (&json!("2024-03-01"), &json!("2039-02-28"))
        );
        let id = standing["id"].as_str().unwrap();
        assert_eq!(answer.header("location"), format!("/v1/licences/{id}"));
        // No seal of ours is pretended, and nothing is published of what was never a credential.
        let sql = "SELECT seal, document, state, operation FROM licence_versions WHERE licence = $1";
        let row = office.house.app.db.fetch_optional(sql, &[id.into()]).await.unwrap().unwrap();
        assert!(row.text("seal").is_err(), "no seal");
        assert_eq!(row.text("operation").unwrap(), "import");
        let digest = ring::digest::digest(&ring::digest::SHA256, &document);
        assert_eq!(row.text("document").unwrap(), hex::encode(digest));
        assert!(office.column(id, "status_list").await.as_int().is_none());
        // It is found by its holder, and lives on like any other.
        let found = appliance::licences::library::of_holder(&office.house.app, "001", &credit(), "", 10)
            .await
            .unwrap();
        assert_eq!(found.len(), 1, "{}", office.kind);
        let found = appliance::licences::library::of_holder(&office.house.app, "111", &citizen(), "", 10)
            .await
            .unwrap();
        assert_eq!(found.len(), 1, "{}", office.kind);
        let artefact = appliance::licences::library::document(
            &office.house.app,
            &found[0],
            found[0].identifier(),
            "original",
        );
        assert_eq!(artefact.await.unwrap().octets.as_slice(), document);
        assert_eq!(
            office.act(&office.own, id, Operation::Resume, &said(Operation::Resume)).await.status,
            200
        );
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_is_taken_with_a_warning_that_stays() {
    for office in offices().await {
        let mut client = office.client().await;
        let (identifier, wrong) = wrong_check("20240000001");
        let mut order = old(TYPE, "20240000001", &json!({ "identifier": identifier }));
        order["fields"]["permit_number"] = "旧编号17".into();
        order["fields"]["old_remark"] = "旧系统备注".into();
        let answer = client.post("/v1/licences/import", &order).await;
        assert_eq!(answer.status, 201, "{} {:?}", office.kind, answer.body);
        let standing = answer.json();
        let warnings = standing["warnings"].as_array().unwrap();
        let codes: Vec<_> = warnings.iter().map(|warning| warning["code"].as_str().unwrap()).collect();
        assert_eq!(codes[0], "check-character", "{warnings:?}");
        assert!(warnings[0]["zh"].as_str().unwrap().contains(wrong));
        assert!(codes.iter().filter(|code| **code == "field").count() >= 2, "{warnings:?}");
        assert!(warnings.iter().any(|warning| warning["pointer"] == "/permit_number"), "{warnings:?}");
        assert!(
            !answer.body.windows(9).any(|window| window == "旧编号".as_bytes()),
            "a warning names no value"
        );
        // The identifier stays what stands on the licence, and the warnings stay with it.
        assert_eq!(standing["identifier"], identifier);
        let id = standing["id"].as_str().unwrap();
        let later = office.act(&office.own, id, Operation::Suspend, &said(Operation::Suspend)).await.json();
        assert_eq!(later["warnings"], standing["warnings"], "{}", office.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_a_licence_unusable_is_refused_and_leaves_nothing() {
    let office = office().await;
    let mut client = office.client().await;
    let order = |more: Value| old(TYPE, "20240000001", &more);
    for (order, problem, parameter) in [
        (order(json!({ "identifier": "nonsense" })), "invalid-parameter", "identifier"),
        (order(json!({ "fields": { "operator": "示例" } })), "invalid-parameter", "fields"),
        (order(json!({ "valid_to": "2024-02-28" })), "invalid-parameter", "valid_to"),
        (order(json!({ "state": "expired" })), "invalid-parameter", "state"),
        (order(json!({ "strange": 1 })), "malformed-request", ""),
    ] {
        let answer = client.post("/v1/licences/import", &order).await;
        assert_eq!(answer.problem(), problem, "{order}");
        if !parameter.is_empty() {
            assert_eq!(answer.json()["parameter"], parameter, "{order}");
        }
    }
    let unknown =
        client.post("/v1/licences/import", &old("11990000MB0F00012G009", "20240000001", &json!({}))).await;
    assert_eq!(unknown.status, 404, "{:?}", unknown.body);
    let text = form(&mut client, &order(json!({})), b"GIF89a").await;
    assert_eq!(text.json()["parameter"], "document");
    let stranger =
        office.house.connect(&office.stranger).await.post("/v1/licences/import", &order(json!({}))).await;
    assert_eq!(stranger.problem(), "forbidden");
    assert_eq!(crate::seals::count(&office.house, "SELECT count(*) AS n FROM licences").await, 0);
    assert_eq!(crate::seals::count(&office.house, "SELECT count(*) AS n FROM licence_holders").await, 0);
    // The same serial twice is one licence, whatever version it claims to be.
    assert_eq!(client.post("/v1/licences/import", &order(json!({}))).await.status, 201);
    let identifier = Identifier::new(TYPE, super::super::ISSUER, "20240000001", 2).unwrap().to_string();
    let twice = client.post("/v1/licences/import", &order(json!({ "identifier": identifier }))).await;
    assert_eq!((twice.status, twice.problem().as_str()), (409, "conflict"));
    office.audited().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_end_is_by_the_types_rule_and_no_end_is_said() {
    let office = office().await;
    let mut client = office.client().await;
    let mut order = old(TYPE, "20240000001", &json!({ "valid_from": "2024-03-01" }));
    order.as_object_mut().unwrap().remove("valid_to");
    let five_years = client.post("/v1/licences/import", &order).await.json();
    assert_eq!(five_years["valid_to"], "2029-02-28");
    order["identifier"] =
        Identifier::new(TYPE, super::super::ISSUER, "20240000002", 1).unwrap().to_string().into();
    order["long_term"] = json!(true);
    let endless = client.post("/v1/licences/import", &order).await.json();
    assert!(endless.get("valid_to").is_none(), "{endless}");
}

#[tokio::test(flavor = "multi_thread")]
async fn identifiers_of_another_body_are_not_taken_over() {
    for office in offices().await {
        let mut client = office.client().await;
        // Another body's code, right in form: the type is issued by both.
        let other = completed("1199020000000000", 2, |code| credit_code(code).is_ok());
        let identifier = Identifier::new(TYPE, other.as_str(), "20240000001", 1).unwrap().to_string();
        let order = old(TYPE, "20240000001", &json!({ "identifier": identifier }));
        let refused = client.post("/v1/licences/import", &order).await;
        assert_eq!(refused.problem(), "invalid-parameter", "{} {:?}", office.kind, refused.body);
        assert_eq!(refused.json()["parameter"], "identifier");
        let licences = "SELECT count(*) AS n FROM licences";
        assert_eq!(
            crate::seals::count(&office.house, licences).await,
            0,
            "nor are they taken from that body"
        );
        // What is its own comes in, and whoever verifies is told that it was not made here.
        let id = office.import("20240000001", &json!({})).await;
        let name = office.column(&id, "identifier").await.as_text().unwrap().to_owned();
        let verifier = office.house.machine("verifiers", &["verifier"]).await;
        let asked = json!({ "identifier": name, "field": "operator", "value": fields()["operator"] });
        let verdict = office.house.connect(&verifier).await.post("/v1/licence-verifications", &asked).await;
        assert_eq!(verdict.json()["code"], 0, "{:?}", verdict.body);
        assert_eq!(verdict.json()["reasons"][0]["name"], "taken-over", "{:?}", verdict.body);
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serials_that_came_before_their_turn_are_passed_over() {
    let office = office().await;
    let year = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).year();
    for number in 1..=6 {
        office.import(&format!("{year}{number:09}"), &json!({})).await;
    }
    let order = json!({ "type": TYPE, "fields": fields() });
    let issued = office.client().await.post("/v1/licences", &order).await;
    assert_eq!(issued.status, 201, "{:?}", issued.body);
    assert!(issued.json()["id"].as_str().unwrap().ends_with("000000007"), "{:?}", issued.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_damaged_licence_does_not_keep_the_others_from_new_keys() {
    use appliance::journal::{Act, Unit};
    for office in offices().await {
        let app = &office.house.app;
        let mut ids = Vec::new();
        for number in 1..=4 {
            ids.push(office.import(&format!("2024000000{number}"), &json!({})).await);
        }
        let unsealed = app.unsealed().unwrap();
        let row = app.db.row(&appliance::store::tables::LICENCES, &ids[0]).await.unwrap().unwrap();
        let whole = row.value("data_key").clone();
        let damaged = row.next_version().with("data_key", vec![7_u8; 61]);
        let unit = Unit::new(Act::system("test", "licence.damage", "licence")).update(damaged);
        unsealed.journal.commit(unit).await.unwrap();
        let mut officer = office.house.connect(&office.house.officer(1)).await;
        for generation in 2..=3 {
            let rotated = officer.post("/v1/licence-keys/rotate", &json!({ "keys": "all" })).await;
            assert_eq!(rotated.status, 200, "{} {:?}", office.kind, rotated.body);
            for _ in 0..100 {
                if !library::rotate::keep(app).await.unwrap() {
                    break;
                }
            }
            for (number, id) in ids.iter().enumerate() {
                let by = office.column(id, "wrapped_by").await.as_text().unwrap().to_owned();
                assert_eq!(by == format!("licences-{generation}"), number > 0, "{id} {by}");
            }
            let left = officer.get("/v1/licence-keys").await.json();
            // What does not open is told apart from what is still to be done: the second round sees that nothing is.
            assert_eq!((&left["to_rewrap"], &left["unreadable"]), (&json!(0), &json!(1)), "{left}");
            assert_eq!(left["to_rehash"], 0, "{left}");
            assert!(left["unreadable_holders"].as_i64().unwrap() >= 1, "{left}");
        }
        // Once it is brought back from a backup it follows.
        let row = app.db.row(&appliance::store::tables::LICENCES, &ids[0]).await.unwrap().unwrap();
        let unit = Unit::new(Act::system("test", "licence.restore", "licence"));
        unsealed
            .journal
            .commit(unit.update(row.next_version().with("data_key", whole.clone())))
            .await
            .unwrap();
        for _ in 0..100 {
            if !library::rotate::keep(app).await.unwrap() {
                break;
            }
        }
        let left = officer.get("/v1/licence-keys").await.json();
        assert_eq!((&left["to_rewrap"], &left["unreadable"]), (&json!(0), &json!(0)), "{left}");
        let found = library::of_holder(app, "001", &credit(), "", 10).await.unwrap();
        assert_eq!(found.len(), 4, "all of them are found again, {}", office.kind);
    }
}
