//! Orders that cannot be carried out: each is told how to mend it, and nothing of it is half made.

use serde_json::{Value, json};

use super::issue::{issue, order};
use super::*;
use crate::seals::{audited, count, intervene};

const MADE: &str = "SELECT (SELECT COUNT(*) FROM licences) + (SELECT COUNT(*) FROM licence_versions) + \
                    (SELECT COUNT(*) FROM licence_artefacts) + (SELECT COUNT(*) FROM licence_holders) + \
                    (SELECT COUNT(*) FROM licence_events) + (SELECT COUNT(*) FROM licence_statuses) + \
                    (SELECT COUNT(*) FROM seal_uses) AS n";

fn with(name: &str, value: Value) -> Value {
    let mut fields = fields();
    fields.insert(name.to_owned(), value);
    order(fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_told_and_leaves_nothing_half_made() {
    for (office, place) in Office::everywhere().await {
        let mut missing = fields();
        missing.remove("operator");
        for (wanted, pointer) in [
            (with("credit_code", json!("91990000MA0E000187")), "/credit_code"),
            (with("representative_id", json!("990101199003070016")), "/representative_id"),
            (with("permit_number", json!("JY1")), "/permit_number"),
            (with("colour", json!("red")), "/colour"),
            (order(missing), ""),
        ] {
            let answer = issue(&office, &wanted).await;
            assert_eq!((answer.status, answer.problem().as_str()), (422, "licence-unsound"), "{pointer}");
            let errors = answer.json()["errors"].as_array().cloned().unwrap();
            let found = errors.iter().any(|error| {
                error["pointer"].as_str().unwrap().starts_with(pointer)
                    && !error["zh"].as_str().unwrap().is_empty()
                    && !error["en"].as_str().unwrap().is_empty()
            });
            assert!(found, "{pointer}: {errors:?}");
            assert!(!answer.json().to_string().contains("990101199003070016"), "values are not repeated");
        }
        let mut unknown = order(fields());
        unknown["type"] = json!("11990000MB0F00012G999");
        let mut serial = order(fields());
        serial["serial"] = json!("abc");
        let mut late = order(fields());
        late["valid_from"] = json!("2001-01-01");
        let mut key = order(fields());
        key["holder_key"] = json!({ "kty": "RSA" });
        for (wanted, status, problem) in [
            (unknown, 404, "licence-type-unknown"),
            (serial, 422, "invalid-parameter"),
            (late, 422, "invalid-parameter"),
            (key, 422, "invalid-parameter"),
            (json!({ "type": FOOD }), 400, "malformed-request"),
        ] {
            let answer = issue(&office, &wanted).await;
            assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{wanted}");
        }
        // Who does not issue licences, and who does for another organisation.
        let sealer = office.house.machine("sealing", &["sealer"]).await;
        let answer = office.house.connect(&sealer).await.post("/v1/licences", &order(fields())).await;
        assert_eq!(answer.problem(), "forbidden");
        assert_eq!(count(&office.house, MADE).await, 0, "{}", place.kind);

        // A serial is one licence's.
        let mut first = order(fields());
        first["serial"] = json!("A2026001");
        assert_eq!(issue(&office, &first).await.status, 201);
        let again = issue(&office, &first).await;
        assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
        let made = count(&office.house, MADE).await;

        // Retired: nothing more is issued.
        assert_eq!(retire(&office.house, &office.house.officer(1), FOOD).await.status, 200);
        let answer = issue(&office, &order(fields())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "licence-type-retired"));
        assert_eq!(count(&office.house, MADE).await, made);
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_another_node_suspended_seals_no_licence() {
    let office = Office::open().await;
    let node = office.house.node("b").await;
    // Ready at the other node from now on.
    let mut elsewhere = office.house.try_connect_to(node.platform, Some(&office.machine)).await.unwrap();
    assert_eq!(elsewhere.post("/v1/licences", &order(fields())).await.status, 201);
    let answer = intervene(
        &office.house,
        &office.house.officer(1),
        SEAL,
        "suspend",
        &json!({ "ground": "other", "reason": "示例" }),
    )
    .await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let made = count(&office.house, MADE).await;
    for client in [&mut elsewhere, &mut office.house.connect(&office.machine).await] {
        let refused = client.post("/v1/licences", &order(fields())).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (409, "seal-not-usable"),
            "{:?}",
            refused.body
        );
    }
    assert_eq!(count(&office.house, MADE).await, made);
    let answer =
        intervene(&office.house, &office.house.officer(1), SEAL, "resume", &json!({ "reason": "示例" }))
            .await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(elsewhere.post("/v1/licences", &order(fields())).await.status, 201);
    audited(&office.house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_issue_at_once_never_give_one_identifier_twice() {
    for (office, place) in Office::everywhere().await {
        let node = office.house.node("b").await;
        let mut work = tokio::task::JoinSet::new();
        for turn in 0..12 {
            let to = if turn % 2 == 0 { office.house.platform[0] } else { node.platform };
            let mut client = office.house.try_connect_to(to, Some(&office.machine)).await.unwrap();
            work.spawn(async move { client.post("/v1/licences", &order(fields())).await });
        }
        let mut identifiers = std::collections::BTreeSet::new();
        while let Some(answer) = work.join_next().await {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 201, "{} {:?}", place.kind, answer.body);
            assert!(identifiers.insert(answer.json()["identifier"].as_str().unwrap().to_owned()));
        }
        assert_eq!(identifiers.len(), 12);
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_answered_with_the_same_licence() {
    let office = Office::open().await;
    let key = [("idempotency-key", "order-1")];
    let mut client = office.house.connect(&office.machine).await;
    let first = client.post_with("/v1/licences", &order(fields()), &key).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    let made = count(&office.house, MADE).await;
    let again = client.post_with("/v1/licences", &order(fields()), &key).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("cinnabar-leaf"), first.header("cinnabar-leaf"));
    assert_eq!(count(&office.house, MADE).await, made);
    let other = client.post_with("/v1/licences", &with("supervisor", json!("示例区监管二所")), &key).await;
    assert_eq!((other.status, other.problem().as_str()), (422, "idempotency-key-reused"));
    // Two at the same moment are one.
    let (mut left, mut right) =
        (office.house.connect(&office.machine).await, office.house.connect(&office.machine).await);
    let key = [("idempotency-key", "order-2")];
    let wanted = order(fields());
    let (left, right) = tokio::join!(
        left.post_with("/v1/licences", &wanted, &key),
        right.post_with("/v1/licences", &wanted, &key)
    );
    assert_eq!((left.status, right.status), (201, 201), "{:?} {:?}", left.body, right.body);
    assert_eq!(left.json()["id"], right.json()["id"]);
    assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences").await, 2);
}
