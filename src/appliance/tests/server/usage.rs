//! Rules of use: what they admit, approvals that serve one document once, limits that hold, and what is found of it.
//! Attacked on both databases, with two nodes on one of them.

use std::sync::Arc;

use appliance::journal::{Act, Unit};
use appliance::store::tables::SEALS;
use crypto::{DigestAlgorithm, KeyKind, Signer, SoftwareKey};
use http::Method;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::documents::{FORM, form, furnish, pdf, sha256, uses};
use crate::house::{Answer, Client, Credential, House, Node};
use crate::support::Postgres;

/// A house on each database at hand, with two seals and an approval system that may use them.
pub async fn houses() -> Vec<(House, Credential, Option<Arc<Postgres>>)> {
    let mut houses = Vec::new();
    for place in crate::support::places() {
        let url = match &place.url {
            appliance::store::DatabaseUrl::Lite(_) => "sqlite:cinnabar.db".to_owned(),
            appliance::store::DatabaseUrl::Postgres(url) => url.clone(),
        };
        let house = House::prepared_on(&url, "", |_| {}).await;
        house.unseal().await;
        let machine = furnish(&house, &["first"]).await;
        houses.push((house, machine, place.server));
    }
    houses
}

pub async fn one() -> (House, Credential) {
    crate::documents::furnished("", &["first", "second"]).await
}

/// A third, fourth, … officer: proposed by one, approved by the other.
pub async fn officer(house: &House, id: &str, roles: &[&str]) -> Credential {
    let mut first = house.connect(&house.officer(1)).await;
    let mut second = house.connect(&house.officer(2)).await;
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
    let hash =
        hex::encode(DigestAlgorithm::Sha256.digest(SoftwareKey::from_pkcs8(&key).unwrap().public_key()));
    let new = json!({ "id": id, "kind": "officer", "organisation": "bureau", "person": id, "roles": roles, "key": hash });
    let proposed = first.post("/v1/callers", &new).await;
    assert_eq!(proposed.status, 202, "{:?}", proposed.body);
    let approved = second.post(&format!("{}/approve", proposed.header("location")), &json!({})).await;
    assert_eq!(approved.status, 200, "{:?}", approved.body);
    let credential = house.certification_of(&mut second, id, key).await.unwrap();
    house.known(&credential).await;
    credential
}

pub async fn rule(house: &House, seal: &str, terms: Value) -> String {
    let mut officer = house.connect(&house.officer(1)).await;
    let answer =
        officer.post("/v1/seal-rules", &json!({ "seal": seal, "name": "结果文书", "terms": terms })).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

pub async fn seal(client: &mut Client, query: &str, document: &[u8]) -> Answer {
    seal_with(client, query, document, &[]).await
}

pub async fn seal_with(client: &mut Client, query: &str, document: &[u8], more: &[(&str, &str)]) -> Answer {
    let headers = [&[("content-type", "application/pdf")], more].concat();
    let path = format!("/v1/documents/seal?{query}");
    // A machine under load may not read the register for a while, and says so.
    for _ in 0..20 {
        let answer = client.send(Method::POST, &path, &headers, document.to_vec()).await.unwrap();
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("503 for 10 seconds");
}

pub async fn ask(client: &mut Client, document: &[u8], more: Value) -> String {
    let answer = asked(client, document, more).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

pub async fn asked(client: &mut Client, document: &[u8], more: Value) -> Answer {
    let mut body = json!({ "seal": "first", "document_sha256": sha256(document), "purpose": "施工许可" });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post("/v1/seal-uses/requests", &body).await
}

pub async fn approve(house: &House, who: &Credential, request: &str, document: &[u8]) -> Answer {
    let mut officer = house.connect(who).await;
    let path = format!("/v1/seal-uses/requests/{request}/approve");
    officer.post(&path, &json!({ "document_sha256": sha256(document) })).await
}

pub fn denied(answer: &Answer) -> (u16, String, String) {
    let condition = answer.json()["condition"].as_str().unwrap_or_default().to_owned();
    (answer.status, answer.problem(), condition)
}

pub fn no(status: u16, problem: &str, condition: &str) -> (u16, String, String) {
    (status, problem.to_owned(), condition.to_owned())
}

pub fn two_of(officers: &[&str]) -> Value {
    json!({ "approval": { "needed": 2, "officers": officers } })
}

impl Node {
    pub async fn stop(self) {
        self.stop.stop();
        self.running.await.unwrap();
        if let Ok(unsealed) = self.app.unsealed() {
            unsealed.journal.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_without_rules_is_used_as_before_and_one_with_rules_only_as_they_admit() {
    let (house, machine) = one().await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    let free = seal(&mut client, "seal=first", &document).await;
    assert_eq!(free.status, 201, "{:?}", free.body);
    let id = rule(
        &house,
        "first",
        json!({
            "callers": ["approvals"], "roles": ["sealer"], "organisations": ["bureau"],
            "items": ["370300-001", "370301-*"], "document_kinds": ["permit"],
            "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z",
        }),
    )
    .await;
    let good = "seal=first&item=370301-7&document_kind=permit&case_number=2026-1&purpose=a&operator=b";
    let answer = seal(&mut client, good, &document).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let record = client.get(answer.header("location")).await.json();
    assert_eq!((record["rule"].as_str(), record["document_kind"].as_str()), (Some(&*id), Some("permit")));
    assert_eq!(
        (record["organisation"].as_str(), record["item"].as_str()),
        (Some("bureau"), Some("370301-7"))
    );
    assert!(!record.to_string().contains("operator"), "who works on it is not in the row");
    for (from, to, condition) in [
        ("item=370301-7", "item=9", "item"),
        ("item=370301-7&", "", "item"),
        ("document_kind=permit", "document_kind=notice", "document-kind"),
    ] {
        let answer = seal(&mut client, &good.replacen(from, to, 1), &document).await;
        assert_eq!(denied(&answer), no(403, "seal-use-not-admitted", condition), "{to}");
        let json = answer.json();
        assert!(json["detail_zh"].as_str().unwrap().contains("规则"), "{json}");
        assert_eq!((json["rule"].as_str(), json["seal"].as_str()), (Some(&*id), Some("first")));
    }
    let other = house.machine("other", &["sealer"]).await;
    let answer = seal(&mut house.connect(&other).await, good, &document).await;
    assert_eq!(denied(&answer), no(403, "seal-use-not-admitted", "who"));
    assert_eq!(seal(&mut client, "seal=second", &document).await.status, 201, "another seal has no rules");
    // Several seals in one act: all of them or none.
    let both = json!({ "seals": [{ "seal": "second" }, { "seal": "first", "item": "9" }] }).to_string();
    let body = form(&[("request", None, both.as_bytes()), ("document", Some("a.pdf"), &document)]);
    let before = uses(&house).await;
    let answer = client.send(Method::POST, "/v1/documents/seal", &[FORM], body).await.unwrap();
    assert_eq!(
        (denied(&answer), &answer.json()["index"]),
        (no(403, "seal-use-not-admitted", "item"), &json!(1))
    );
    assert_eq!(uses(&house).await, before);
    assert!(house.refusals("seal-use-not-admitted").await >= 5, "refusals are entered");

    let entries = house.entries().await;
    let entry =
        entries.iter().rfind(|entry| entry.to_string().contains(&*id) && entry["action"] == "document.seal");
    assert_eq!(entry.unwrap()["facts"]["usage"]["rule"], *id);
    assert!(!entry.unwrap().to_string().contains("370301-7"), "the leaf does not say which case");
    let first = entries.iter().find(|entry| entry["action"] == "document.seal").unwrap();
    assert!(first["facts"].get("usage").is_none(), "without rules nothing is said of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_changed_retired_and_lifted_by_security_officers_at_the_version_they_read() {
    let (house, machine) = one().await;
    let (mut client, mut officer) = (house.connect(&machine).await, house.connect(&house.officer(1)).await);
    let document = pdf(1, 0);
    for (terms, parameter) in [
        (json!({ "callers": ["a/b"] }), "callers"),
        (json!({ "approval": { "needed": 1, "officers": ["nobody"] } }), "approval"),
        (json!({ "approval": { "needed": 1, "officers": ["approvals"] } }), "approval"),
        (json!({ "approval": { "needed": 3, "officers": ["officer-1", "officer-2"] } }), "approval"),
        (json!({ "officers": ["approvals"] }), "officers"),
    ] {
        let answer =
            officer.post("/v1/seal-rules", &json!({ "seal": "first", "name": "n", "terms": terms })).await;
        assert_eq!(
            (answer.problem().as_str(), answer.json()["parameter"].as_str()),
            ("invalid-parameter", Some(parameter))
        );
    }
    let new = json!({ "seal": "first", "name": "n", "terms": {} });
    assert_eq!(client.post("/v1/seal-rules", &new).await.problem(), "forbidden");
    let nowhere = json!({ "seal": "nowhere", "name": "n", "terms": {} });
    assert_eq!(officer.post("/v1/seal-rules", &nowhere).await.problem(), "not-found");
    assert_eq!(seal(&mut client, "seal=first", &document).await.status, 201, "nothing was set");
    let id = rule(&house, "first", json!({ "items": ["1"] })).await;
    let at = format!("/v1/seal-rules/{id}");
    let change = json!({ "name": "n", "terms": { "items": ["2"] } }).to_string().into_bytes();
    let put = |tag: &'static str| [("content-type", "application/json"), ("if-match", tag)];
    let stale = officer.send(Method::PUT, &at, &put("\"7\""), change.clone()).await.unwrap();
    assert_eq!(stale.problem(), "precondition-failed");
    let changed = officer.send(Method::PUT, &at, &put("\"1\""), change).await.unwrap();
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(seal(&mut client, "seal=first&item=1", &document).await.status, 403);
    assert_eq!(seal(&mut client, "seal=first&item=2", &document).await.status, 201);
    let lift = "/v1/seals/first/lift-rules";
    assert_eq!(officer.post(lift, &json!({})).await.problem(), "conflict", "a rule is in force");
    let retired = officer.post_with(&format!("{at}/retire"), &json!({}), &[("if-match", "\"2\"")]).await;
    assert_eq!(retired.json()["state"], "retired");
    let answer = seal(&mut client, "seal=first&item=2", &document).await;
    assert_eq!(
        denied(&answer),
        no(403, "seal-use-not-admitted", "no-rule"),
        "governed without a rule is closed"
    );
    assert_eq!(officer.post(lift, &json!({})).await.status, 200);
    assert_eq!(seal(&mut client, "seal=first", &document).await.status, 201);
    let rules = client.get("/v1/seal-rules?seal=first").await.json();
    assert_eq!((rules["items"].as_array().unwrap().len(), &rules["items"][0]["version"]), (1, &json!(3)));
    let entries = house.entries().await;
    for action in ["seal.rule.add", "seal.rule.change", "seal.rule.retire", "seal.rule.lift"] {
        assert!(entries.iter().any(|entry| entry["action"] == action), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_uses_at_once_than_a_limit_allows_exactly_so_many_are_recorded_on_two_nodes() {
    for (house, machine, server) in houses().await {
        rule(&house, "first", json!({ "count": 5, "rate": { "most": 1000, "per": "month" } })).await;
        let node = house.node("b").await;
        let document = pdf(1, 0);
        let attempts = (0..12).map(|at| {
            let (node, machine, document, house) = (&node, &machine, &document, &house);
            async move {
                let to = if at % 2 == 0 { house.platform[0] } else { node.platform };
                let mut client = house.try_connect_to(to, Some(machine)).await.unwrap();
                seal(&mut client, "seal=first", document).await
            }
        });
        let answers = futures_util::future::join_all(attempts).await;
        let sealed = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!((sealed, uses(&house).await), (5, 5));
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(denied(answer), no(429, "seal-use-limit-reached", "count"), "{:?}", answer.body);
        }
        node.stop().await;
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_says_when_to_come_back_and_counts_several_seals_of_one_act() {
    let (house, machine) = one().await;
    rule(&house, "first", json!({ "rate": { "most": 2, "per": "month" } })).await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    let twice =
        json!({ "seals": [{ "seal": "first" }, { "seal": "second" }, { "seal": "first" }] }).to_string();
    let body = form(&[("request", None, twice.as_bytes()), ("document", Some("a.pdf"), &document)]);
    let answer = client.send(Method::POST, "/v1/documents/seal", &[FORM], body).await.unwrap();
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let answer = seal(&mut client, "seal=first", &document).await;
    assert_eq!(denied(&answer), no(429, "seal-use-limit-reached", "rate"));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    // Of a batch each document is a use of its own.
    rule(&house, "second", json!({ "count": 2 })).await;
    let order = json!({ "seal": "second" }).to_string();
    let documents = [pdf(1, 0), pdf(2, 0), pdf(3, 0)];
    let mut parts: Vec<(&str, Option<&str>, &[u8])> = vec![("request", None, order.as_bytes())];
    parts.extend(documents.iter().map(|document| ("document", Some("a.pdf"), document.as_slice())));
    let answer = client.send(Method::POST, "/v1/documents/seal-batch", &[FORM], form(&parts)).await.unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(text.matches("seal-use-limit-reached").count(), 1, "{}", answer.status);
    assert_eq!(uses(&house).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_made_ready_on_another_node_is_refused_there_once_it_is_governed_or_stopped() {
    for (house, machine, server) in houses().await {
        let node = house.node("b").await;
        let mut there = house.try_connect_to(node.platform, Some(&machine)).await.unwrap();
        let document = pdf(1, 0);
        assert_eq!(seal(&mut there, "seal=first", &document).await.status, 201, "ready there");
        let id = rule(&house, "first", json!({ "items": ["1"] })).await;
        assert_ne!(seal(&mut there, "seal=first", &document).await.status, 201, "governed here, and there");
        assert_eq!(denied(&seal(&mut there, "seal=first", &document).await).2, "item");
        assert_eq!(seal(&mut there, "seal=first&item=1", &document).await.status, 201);
        let mut officer = house.connect(&house.officer(1)).await;
        let retire = format!("/v1/seal-rules/{id}/retire");
        assert_eq!(officer.post_with(&retire, &json!({}), &[("if-match", "*")]).await.status, 200);
        let answer = seal(&mut there, "seal=first&item=1", &document).await;
        assert_eq!(denied(&answer).2, "no-rule", "at once, not when some cache ends");
        assert_eq!(officer.post("/v1/seals/first/lift-rules", &json!({})).await.status, 200);
        for _ in 0..2 {
            seal(&mut there, "seal=first", &document).await;
        }
        let before = uses(&house).await;
        assert_eq!(seal(&mut there, "seal=first", &document).await.status, 201);
        // What stopping does to the row, by whatever act.
        let row = house.app.db.row(&SEALS, "first").await.unwrap().unwrap();
        let unit = Unit::new(Act::system("test", "seal.stop", ""))
            .update(row.next_version().with("state", "suspended"));
        house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
        for _ in 0..2 {
            let answer = seal(&mut there, "seal=first", &document).await;
            assert_eq!((answer.status, answer.problem().as_str()), (409, "seal-not-usable"));
        }
        assert_eq!(uses(&house).await, before + 1);
        node.stop().await;
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_are_found_by_what_is_known_of_them_and_counted() {
    for (house, machine, server) in houses().await {
        let mut client = house.connect(&machine).await;
        let documents: Vec<_> = (1..6).map(|pages| pdf(pages, 0)).collect();
        let mut sealed = Vec::new();
        for (at, document) in documents.iter().enumerate() {
            let item = if at < 3 { "370300-1" } else { "370300-2" };
            let query = format!("seal=first&page=1&x_mm=20&y_mm=20&item={item}&case_number=2026-{at}");
            sealed.push(seal(&mut client, &query, document).await);
        }
        let ids: Vec<String> = sealed
            .iter()
            .map(|answer| answer.header("location").rsplit_once('/').unwrap().1.to_owned())
            .collect();
        let found = async |client: &mut Client, query: &str| {
            let page = client.get(&format!("/v1/seal-uses?{query}")).await.json();
            let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
            (
                items.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
                page["next"].clone(),
            )
        };
        let newest: Vec<String> = ids.iter().rev().cloned().collect();
        assert_eq!(found(&mut client, "").await.0, newest);
        let (page, next) = found(&mut client, "limit=2").await;
        assert_eq!(page, newest[..2]);
        let (page, next) = found(&mut client, &format!("limit=2&after={}", next.as_str().unwrap())).await;
        assert_eq!(page, newest[2..4]);
        let (page, next) = found(&mut client, &format!("limit=2&after={}", next.as_str().unwrap())).await;
        assert_eq!((page.as_slice(), next), (&newest[4..], Value::Null));
        for (query, expected) in [
            ("item=370300-2".to_owned(), &newest[..2]),
            ("case_number=2026-0".to_owned(), &newest[4..]),
            ("caller=approvals&seal=first".to_owned(), &newest[..]),
            ("caller=officer-1".to_owned(), &newest[..0]),
            (format!("digest={}", sha256(&documents[4])), &newest[..1]),
            (format!("digest={}", sha256(&sealed[4].body)), &newest[..1]),
            ("from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z".to_owned(), &newest[..]),
            ("to=2020-01-01T00:00:00Z".to_owned(), &newest[..0]),
            ("from=2100-01-01T00:00:00Z".to_owned(), &newest[..0]),
            ("organisation=bureau".to_owned(), &newest[..]),
        ] {
            assert_eq!(found(&mut client, &query).await.0, expected, "{query}");
        }
        for (query, problem) in [
            ("organisation=appliance", "forbidden"),
            ("digest=AB", "invalid-parameter"),
            ("after=x", "invalid-parameter"),
            ("surprise=1", "malformed-request"),
        ] {
            assert_eq!(client.get(&format!("/v1/seal-uses?{query}")).await.problem(), problem, "{query}");
        }
        let mut officer = house.connect(&house.officer(1)).await;
        assert_eq!(found(&mut officer, "").await.0, newest, "officers see all");
        assert_eq!(found(&mut officer, "organisation=appliance").await.0.len(), 0);

        let figures = officer.get("/v1/seal-uses/figures").await.json();
        let counted: Vec<_> = figures["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (one["seal"].as_str().unwrap(), one["item"].as_str().unwrap(), one["uses"].as_i64().unwrap())
            })
            .collect();
        assert_eq!(counted, [("first", "370300-1", 3), ("first", "370300-2", 2)]);
        let month = figures["to"].as_str().unwrap().to_owned();
        let csv = client.get("/v1/seal-uses/figures?format=csv&item=370300-2").await;
        assert!(csv.header("content-type").starts_with("text/csv"));
        let text = String::from_utf8(csv.body.to_vec()).unwrap();
        assert_eq!(text, format!("month,organisation,seal,item,uses\r\n{month},bureau,first,370300-2,2\r\n"));
        let earlier = officer.get("/v1/seal-uses/figures?from=2020-01&to=2020-12").await.json();
        assert_eq!(earlier["items"], json!([]));
        for query in ["from=2020", "from=2010-01", "from=2026-02&to=2026-01"] {
            let answer = officer.get(&format!("/v1/seal-uses/figures?{query}")).await;
            assert_eq!(answer.problem(), "invalid-parameter", "{query}");
        }
        drop(server);
    }
}
