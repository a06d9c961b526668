//! What is done on one node is told on every other within five seconds.

use std::time::{Duration, Instant};

use appliance::licences::status;
use licence::credential::status_list::Token;

use super::*;

/// Waits until a question has the answer, and says how long that took.
async fn within_five_seconds<T: PartialEq + std::fmt::Debug>(wanted: T, ask: impl AsyncFn() -> T) {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if answer == wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{answer:?} after {:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_is_told_on_another_node_within_five_seconds() {
    for office in offices().await {
        let order = json!({ "type": TYPE, "fields": super::super::fields() });
        let issued = office.client().await.post("/v1/licences", &order).await.json();
        let (id, identifier) = (issued["id"].as_str().unwrap(), issued["identifier"].as_str().unwrap());
        let verifier = office.house.machine("verifying", &["verifier"]).await;
        let node = office.house.node("b").await;
        let (list, index) = (
            office.column(id, "status_list").await.as_int(),
            office.column(id, "status_index").await.as_int(),
        );
        let (list, index) = (list.unwrap(), u32::try_from(index.unwrap()).unwrap());
        let listed = async || {
            let published = status::published(&node.app, list).await.unwrap().unwrap();
            let token = Token::parse_jwt(std::str::from_utf8(&published.jwt.body).unwrap()).unwrap();
            crate::licence_status::verified(&office.house, token).list.get(index)
        };
        let verified = async || {
            let question = json!({ "identifier": identifier, "field": "operator",
                "value": super::super::fields()["operator"] });
            let mut client = office.house.try_connect_to(node.platform, Some(&verifier)).await.unwrap();
            let answer = client.post("/v1/licence-verifications", &question).await;
            assert_eq!(answer.status, 200, "{} {:?}", office.kind, answer.body);
            answer.json()["code"].as_u64().unwrap()
        };
        within_five_seconds(0, verified).await;
        within_five_seconds(Some(0), listed).await;
        for (operation, code, value) in
            [(Operation::Suspend, 2, 2), (Operation::Resume, 0, 0), (Operation::Cancel, 3, 1)]
        {
            let done = office.act(&office.own, id, operation, &said(operation)).await;
            assert_eq!(done.status, 200, "{:?}", done.body);
            within_five_seconds(code, verified).await;
            within_five_seconds(Some(value), listed).await;
        }
        node.stop().await;
    }
}
