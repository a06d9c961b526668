//! Issuing: one order becomes identifier, pages, seal, credentials, status entry and index, in one act.

use serde_json::{Value, json};

use super::*;
use crate::seals::{audited, count};

/// An order with these fields.
pub fn order(fields: Map<String, Value>) -> Value {
    json!({ "type": FOOD, "fields": fields, "case_number": "2026-0815", "item": "000131002000" })
}

/// Issues a licence; its answer.
pub async fn issue(office: &Office, order: &Value) -> Answer {
    office.house.connect(&office.machine).await.post("/v1/licences", order).await
}

async fn table(house: &House, sql: &'static str) -> i64 {
    count(house, sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_licence_goes_from_order_to_sealed_page_on_both_databases() {
    for (office, place) in Office::everywhere().await {
        let answer = issue(&office, &order(fields())).await;
        assert_eq!(answer.status, 201, "{} {:?}", place.kind, answer.body);
        let licence = answer.json();
        let identifier = licence["identifier"].as_str().unwrap();
        let parsed = licence::identifier::Identifier::parse(identifier).unwrap();
        assert_eq!(parsed.check, licence::identifier::Check::Right);
        assert_eq!((parsed.identifier.type_code(), parsed.identifier.issuer()), (FOOD, ISSUER));
        assert_eq!((licence["state"].as_str(), licence["state_zh"].as_str()), (Some("active"), Some("有效")));
        assert_eq!(licence["fields"]["operator"], "示例市某某餐饮有限公司");
        assert!(licence["fields"].get("representative").is_none(), "personal fields are not told");
        let leaf: u64 = answer.header("cinnabar-leaf").parse().unwrap();
        let mut client = office.house.connect(&office.machine).await;
        let receipt = client.get(&format!("/v1/receipts/{leaf}")).await;
        assert_eq!(receipt.status, 200, "{:?}", receipt.body);

        // Read by id, by identifier with and without OID; personal fields by an entry of their own.
        let id = licence["id"].as_str().unwrap();
        for name in [id, identifier, &identifier["1.2.156.3005.2.".len()..]] {
            let read = client.get(&format!("/v1/licences/{name}")).await;
            assert_eq!((read.status, &read.json()["identifier"]), (200, &licence["identifier"]), "{name}");
        }
        let all = client.get(&format!("/v1/licences/{id}?fields=all")).await;
        assert_eq!(all.json()["fields"]["representative_id"], "990101199003070015");
        assert!(all.header("cinnabar-leaf").parse::<u64>().unwrap() > leaf);
        let kinds: Vec<&str> = licence["documents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["original", "duplicate", "overprint", "credential", "qr"]);
        for document in licence["documents"].as_array().unwrap() {
            let got = client.get(document["url"].as_str().unwrap()).await;
            assert_eq!(got.status, 200, "{document} {:?}", got.body);
            let digest = crypto::DigestAlgorithm::Sha256.digest(&got.body);
            assert_eq!(document["sha256"], hex::encode(digest));
            assert_eq!(got.header("content-type"), document["media_type"].as_str().unwrap());
        }
        let listed = client.get(&format!("/v1/licences?type={FOOD}&state=active")).await.json();
        assert_eq!(listed["licences"][0]["id"], id);
        // What is personal stands nowhere in the rows.
        let number = table(&office.house, "SELECT COUNT(*) AS n FROM licence_versions WHERE fields LIKE '%990101199003070015%' OR known LIKE '%张某某%'").await;
        assert_eq!(number, 0);
        let persons =
            appliance::licences::library::of_holder(&office.house.app, "111", "990101199003070015", "", 10);
        assert_eq!(persons.await.unwrap()[0].id(), id);
        let holder =
            appliance::licences::library::of_holder(&office.house.app, "001", "91990000ma0e000186", "", 10);
        assert_eq!(holder.await.unwrap().len(), 1);
        audited(&office.house).await;
    }
}
