//! Keys change under what holders gave out: codes, delegations and copies work on, and open afterwards.

use super::*;

const ROUNDS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_under_codes_and_delegations_and_nothing_fails() {
    for world in worlds().await {
        let house = &world.house;
        let mut officer = house.connect(&house.officer(1)).await;
        for round in 0..ROUNDS {
            let made = world.delegated(json!({ "count": 5, "fields": ["operator", "representative"] })).await;
            let id = made["id"].clone();
            let codes = [world.code(json!({ "uses": 5 })).await, world.code(json!({ "uses": 5 })).await];
            let by_agent = world.by_agent(&id, json!({ "uses": 2, "fields": ["representative"] })).await;
            assert_eq!(by_agent.status, 201, "{:?}", by_agent.body);
            let by_agent = by_agent.json()["code"].as_str().unwrap().to_owned();

            let answer = officer.post("/v1/licence-keys/rotate", &json!({ "keys": "all" })).await;
            assert_eq!(answer.status, 200, "{} {:?}", world.kind, answer.body);
            let label = answer.json()["holders"].as_str().unwrap().to_owned();
            // At every moment: whoever looks finds, whoever has a code sees, whoever may delegate does.
            let (mut redeemed, mut looks) = (0, 0);
            let mut done = false;
            for _ in 0..300 {
                let listed = json!({ "agent": agent() });
                let listed =
                    world.post(&world.platform, "/v1/licence-delegations/of-holder", &listed).await.json();
                let items = listed["items"].as_array().unwrap();
                assert_eq!(items.len(), round + 1, "{} found at every moment: {listed}", world.kind);
                world.looked().await;
                if redeemed < 5 {
                    for code in &codes {
                        let shown = world.redeem(&world.inspection, code).await;
                        assert_eq!(shown.status, 200, "{} {:?}", world.kind, shown.body);
                        assert_eq!(shown.json()["fields"][0]["value"], "示例食品SHOP0000001");
                    }
                    redeemed += 1;
                }
                let path = format!("/v1/licences/{}?fields=all", identifier(SHOP, 1));
                let read = house.connect(&world.bureau).await.get(&path).await;
                assert_eq!((read.status, &read.json()["fields"]["representative"]), (200, &json!(NAME)));
                looks += 1;
                let left = officer.get("/v1/licence-keys").await.json();
                done = left["to_rewrap"] == 0 && left["to_rehash"] == 0;
                if done && looks > 5 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            assert!(done, "{} the rotation never ended", world.kind);
            // What was given out before opens under the keys that are left.
            let shown = world.redeem(&world.health, &by_agent).await;
            assert_eq!(shown.status, 200, "{} {:?}", world.kind, shown.body);
            assert_eq!(shown.json()["fields"][0]["value"], json!(NAME));
            let given = world.by_agent(&id, json!({ "fields": ["operator"] })).await;
            assert_eq!(given.status, 201, "{} {:?}", world.kind, given.body);
            let rows = house.app.db.rows_after(&appliance::store::tables::LICENCE_DELEGATIONS, "", 100).await;
            for row in rows.unwrap() {
                assert!(format!("{row:?}").contains(&label), "{} under the former key: {row:?}", world.kind);
            }
        }
        let looked = world.looked().await;
        assert!(looked.len() >= 10 * ROUNDS, "{} every look is listed: {}", world.kind, looked.len());
        world.nowhere(&[AGENT, NAME]).await;
        crate::seals::audited(house).await;
    }
}
