//! The same life on both databases: every query, and numbers that two nodes take at the same time.

use super::*;

/// A house on each database at hand, with the machine that applies.
async fn offices() -> Vec<(House, Credential, crate::support::Place)> {
    let mut all = Vec::new();
    for place in crate::support::places() {
        let url = match &place.url {
            appliance::store::DatabaseUrl::Lite(path) => format!("sqlite:{}", path.display()),
            appliance::store::DatabaseUrl::Postgres(url) => url.clone(),
        };
        let house = House::prepared_on(&url, "", |_| {}).await;
        house.unseal().await;
        let machine = house.machine("approvals", &["sealer"]).await;
        all.push((house, machine, place));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_lives_the_same_life_on_both_databases() {
    for (house, machine, place) in offices().await {
        carried_out(&house, house.apply(&machine, &new_seal("hall"), Some(&picture())).await).await;
        let wanted = json!({ "operation": "change", "seal": "hall", "name": "示范市_数据局%" });
        carried_out(&house, house.apply(&machine, &wanted, None).await).await;
        carried_out(&house, house.apply(&machine, &new_seal("other"), Some(&another_picture())).await).await;
        let wanted = json!({ "operation": "cancel", "seal": "other" });
        carried_out(&house, house.apply(&machine, &wanted, None).await).await;
        let open = house.apply(&machine, &json!({ "operation": "renew", "seal": "hall" }), None).await;
        assert_eq!(open.status, 201, "{} {:?}", place.kind, open.body);
        let twice = house.apply(&machine, &json!({ "operation": "remake", "seal": "hall" }), None).await;
        assert_eq!(twice.problem(), "seal-application-open", "{}", place.kind);
        let mut officer = house.connect(&house.officer(1)).await;
        for (query, found) in [
            ("", json!(["hall", "other"])),
            ("?limit=1", json!(["hall"])),
            ("?after=hall", json!(["other"])),
            ("?state=active", json!(["hall"])),
            ("?state=cancelled&kind=6", json!(["other"])),
            ("?kind=1", json!([])),
            ("?code=37030000000002", json!(["other"])),
            ("?name=%E6%95%B0%E6%8D%AE", json!(["hall"])),
            ("?name=_%E6%95%B0", json!(["hall"])),
            ("?name=__", json!([])),
            ("?organisation=bureau&ends_within_days=3650", json!(["hall"])),
        ] {
            let page = officer.get(&format!("/v1/seals{query}")).await.json();
            let ids: Vec<_> = page["seals"].as_array().unwrap().iter().map(|s| s["id"].clone()).collect();
            assert_eq!(json!(ids), found, "{} {query}", place.kind);
        }
        for (query, many) in [
            ("", 5),
            ("?state=applied", 1),
            ("?state=done&seal=hall", 2),
            ("?organisation=bureau&limit=3", 3),
        ] {
            let page = officer.get(&format!("/v1/seal-applications{query}")).await.json();
            assert_eq!(page["applications"].as_array().unwrap().len(), many, "{} {query}", place.kind);
        }
        audited(&house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_was_retired_gets_no_seal_and_the_application_is_closed() {
    for (house, _, place) in offices().await {
        let mut officer = house.connect(&house.officer(1)).await;
        let other = json!({ "id": "closing", "name": "将撤销单位" });
        assert_eq!(officer.post("/v1/organisations", &other).await.status, 201);
        let mut wanted = new_seal("late");
        wanted["organisation"] = json!("closing");
        let applied = house.apply(&house.officer(9), &wanted, Some(&picture())).await.json();
        let id = applied["id"].as_str().unwrap();
        assert_eq!(house.step(&house.officer(2), id, "approve").await.status, 200);
        let path = "/v1/organisations/closing/retire";
        assert_eq!(officer.post_with(path, &json!({}), &[("if-match", "\"1\"")]).await.status, 200);
        let refused = house.step(&house.officer(1), id, "carry-out").await;
        assert_eq!(
            (refused.problem(), &refused.json()["parameter"]),
            ("invalid-parameter".into(), &json!("organisation"))
        );
        let record = officer.get(&format!("/v1/seal-applications/{id}")).await.json();
        assert_eq!(record["state"], "failed", "{}", place.kind);
        let entries = entries_from(&house, 0).await;
        assert!(
            entries.iter().any(|entry| entry["action"] == "seal.fail" && entry["facts"]["application"] == id)
        );
        assert_eq!(count(&house, "SELECT count(*) AS n FROM seals").await, 0);
        audited(&house).await;
    }
}
