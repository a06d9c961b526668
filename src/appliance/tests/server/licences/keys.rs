//! Rotation of the library's keys while licences are issued, read and found.

use serde_json::json;

use super::issue::{issue, order};
use super::*;
use crate::seals::{audited, count};

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_while_licences_are_issued_and_found() {
    for (office, place) in Office::everywhere().await {
        let house = &office.house;
        let before = issue(&office, &order(fields())).await;
        assert_eq!(before.status, 201, "{:?}", before.body);
        let mut officer = house.connect(&house.officer(1)).await;
        let refused = house.connect(&office.machine).await;
        let mut refused = refused;
        let answer = refused.post("/v1/licence-keys/rotate", &json!({ "keys": "all" })).await;
        assert_eq!(answer.problem(), "forbidden");
        let answer = officer.post("/v1/licence-keys/rotate", &json!({ "keys": "all" })).await;
        assert_eq!(answer.status, 200, "{} {:?}", place.kind, answer.body);
        assert_eq!(
            (&answer.json()["wrapping"], &answer.json()["holders"]),
            (&json!("licences-2"), &json!("licence-holders-2"))
        );
        let after = issue(&office, &order(fields())).await;
        assert_eq!(after.status, 201, "{:?}", after.body);
        let find = async || {
            appliance::licences::library::of_holder(&house.app, "111", "990101199003070015", "", 10)
                .await
                .unwrap()
        };
        let mut left = json!(null);
        for _ in 0..200 {
            assert_eq!(find().await.len(), 2, "found at every moment");
            left = officer.get("/v1/licence-keys").await.json();
            if left["to_rewrap"] == 0 && left["to_rehash"] == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!((&left["to_rewrap"], &left["to_rehash"]), (&json!(0), &json!(0)));
        assert_eq!(find().await.len(), 2);
        let former = "SELECT COUNT(*) AS n FROM licences WHERE wrapped_by <> 'licences-2'";
        assert_eq!(count(house, former).await, 0);
        let known = "SELECT COUNT(*) AS n FROM licence_versions WHERE known_by <> 'licence-holders-2'";
        assert_eq!(count(house, known).await, 0);
        // What was under the former keys reads as before.
        for licence in [&before, &after] {
            let id = licence.json()["id"].as_str().unwrap().to_owned();
            let read =
                house.connect(&office.machine).await.get(&format!("/v1/licences/{id}?fields=all")).await;
            assert_eq!(read.json()["fields"]["representative"], "张某某", "{:?}", read.body);
        }
        audited(house).await;
    }
}
