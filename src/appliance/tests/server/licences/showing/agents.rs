//! Delegations: an agent shows within limits, and not beyond them.

use super::*;

fn delegation(more: Json) -> Json {
    let until = jiff::Timestamp::from_second(crate::house::now() + 3600).unwrap();
    let mut body = json!({ "licence": identifier(SHOP, 1), "holder": holder(), "agent": agent(),
        "until": until.to_string(), "count": 3 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

impl World {
    pub(super) async fn delegated(&self, more: Json) -> Json {
        let made = self.post(&self.platform, "/v1/licence-delegations", &delegation(more)).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        made.json()
    }

    pub(super) async fn by_agent(&self, id: &Json, more: Json) -> Answer {
        let mut body = json!({ "holder": agent(), "delegation": id });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.show(body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_shows_what_the_holder_allows_and_nothing_beyond() {
    for world in worlds().await {
        let limits = json!({ "fields": ["operator", "representative"], "items": ["I-1"] });
        let made = world.delegated(limits).await;
        let id = &made["id"];
        assert_eq!((&made["state"], &made["used"]), (&json!("active"), &json!(0)));
        assert!(!made.to_string().contains(AGENT));
        let beyond = |answer: Answer| (answer.problem(), answer.json()["beyond"].clone());
        let forbidden = |what: &str| ("licence-delegation-forbids".to_owned(), json!(what));
        assert_eq!(beyond(world.by_agent(id, json!({})).await), forbidden("items"), "no item named");
        assert_eq!(beyond(world.by_agent(id, json!({ "item": "I-2" })).await), forbidden("items"));
        let wider = json!({ "item": "I-1", "fields": ["operator", "residence"] });
        assert_eq!(beyond(world.by_agent(id, wider).await), forbidden("fields"));
        let often = json!({ "item": "I-1", "uses": 4 });
        assert_eq!(beyond(world.by_agent(id, often).await), forbidden("count"));
        // Of the open fields those that the delegation allows.
        let given = world.by_agent(id, json!({ "item": "I-1" })).await;
        assert_eq!(given.status, 201, "{} {:?}", world.kind, given.body);
        assert_eq!(given.json()["fields"], json!(["operator"]));
        let code = given.json()["code"].as_str().unwrap().to_owned();
        let shown = world.redeem(&world.health, &code).await.json();
        assert_eq!(shown["by_agent"], true);
        let looked = world.looked().await;
        assert_eq!((&looked[0]["delegation"], &looked[0]["item"]), (id, &json!("I-1")));
        // Two of three are left.
        let two = json!({ "item": "I-1", "uses": 2, "fields": ["representative"] });
        let two = world.by_agent(id, two).await.json()["code"].as_str().unwrap().to_owned();
        assert_eq!(beyond(world.by_agent(id, json!({ "item": "I-1" })).await), forbidden("count"));
        // The holder takes it back: codes made under it show nothing any more.
        assert_eq!(world.redeem(&world.health, &two).await.status, 200);
        let path = format!("/v1/licence-delegations/{}/revoke", id.as_str().unwrap());
        let mut platform = world.house.connect(&world.platform).await;
        let by = json!({ "holder": holder() });
        assert_eq!(platform.post(&path, &by).await.problem(), "precondition-required");
        let stranger = json!({ "holder": { "kind": "001", "number": OTHER_COMPANY } });
        let stale = [("if-match", "\"1\"")];
        assert_eq!(platform.post_with(&path, &by, &stale).await.problem(), "precondition-failed");
        let now = [("if-match", "\"3\"")];
        assert_eq!(platform.post_with(&path, &stranger, &now).await.problem(), "licence-not-of-holder");
        let taken = platform.post_with(&path, &by, &now).await;
        assert_eq!((taken.status, &taken.json()["state"]), (200, &json!("revoked")), "{:?}", taken.body);
        assert_eq!(world.redeem(&world.health, &two).await.problem(), "show-code-unusable");
        assert_eq!(beyond(world.by_agent(id, json!({ "item": "I-1" })).await), forbidden("state"));
        // Both find it, and nobody else.
        for (asked, many) in [
            (json!({ "holder": holder() }), 1),
            (json!({ "agent": agent() }), 1),
            (json!({ "holder": agent() }), 0),
            (json!({ "agent": holder() }), 0),
        ] {
            let page = platform.post("/v1/licence-delegations/of-holder", &asked).await.json();
            assert_eq!(page["items"].as_array().unwrap().len(), many, "{asked}");
        }
        world.nowhere(&[AGENT, NAME]).await;
        crate::seals::audited(&world.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_agent_shows_and_only_the_holder_delegates() {
    let world = world().await;
    let id = world.delegated(json!({})).await["id"].clone();
    let other = json!({ "holder": { "kind": "111", "number": "990101197003030030" }, "delegation": id });
    assert_eq!(world.show(other).await.problem(), "licence-not-of-holder");
    let canteen = json!({ "holder": agent(), "delegation": id, "licence": identifier(CANTEEN, 1) });
    assert_eq!(world.show(canteen).await.problem(), "licence-not-of-holder", "of another licence");
    let none = json!({ "holder": agent(), "delegation": "00000000-0000-7000-8000-000000000000" });
    assert_eq!(world.show(none).await.problem(), "licence-not-of-holder");
    let none = json!({ "holder": agent(), "delegation": "\u{0}" });
    assert_eq!(world.show(none).await.problem(), "invalid-parameter");
    // The agent does not pass it on.
    let on =
        delegation(json!({ "holder": agent(), "agent": { "kind": "111", "number": "990101197003030030" } }));
    let refused = world.post(&world.platform, "/v1/licence-delegations", &on).await;
    assert_eq!(refused.problem(), "licence-not-of-holder");
    for (name, value) in [
        ("count", json!(0)),
        ("until", json!("2020-01-01T00:00:00Z")),
        ("until", json!("2099-01-01T00:00:00Z")),
        ("agent", holder()),
        ("fields", json!(["no-such-field"])),
        ("fields", json!([])),
    ] {
        let refused =
            world.post(&world.platform, "/v1/licence-delegations", &delegation(json!({ name: value }))).await;
        assert_eq!(
            (refused.problem(), &refused.json()["parameter"]),
            ("invalid-parameter".into(), &json!(name))
        );
    }
    for who in [&world.bureau, &world.inspection] {
        let refused = world.post(who, "/v1/licence-delegations", &delegation(json!({}))).await;
        assert_eq!(refused.problem(), "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_for_a_delegation_makes_one() {
    for world in worlds().await {
        let body = delegation(json!({}));
        let post = async |body: &Json| {
            let mut platform = world.house.connect(&world.platform).await;
            platform.post_with("/v1/licence-delegations", body, &[("idempotency-key", "agent-1")]).await
        };
        let (one, two) = tokio::join!(post(&body), post(&body));
        assert_eq!((one.status, two.status), (201, 201), "{} {:?} {:?}", world.kind, one.body, two.body);
        let again = post(&body).await;
        assert_eq!((&two.json()["id"], &again.json()["id"]), (&one.json()["id"], &one.json()["id"]));
        assert_eq!(again.header("cinnabar-leaf"), one.header("cinnabar-leaf"));
        let count = "SELECT count(*) AS n FROM licence_delegations";
        assert_eq!(crate::seals::count(&world.house, count).await, 1, "{}", world.kind);
        let other = post(&delegation(json!({ "count": 4 }))).await;
        assert_eq!((other.status, other.problem().as_str()), (422, "idempotency-key-reused"));
        // Another request makes another; nothing of the agent stands openly anywhere.
        let made = world.post(&world.platform, "/v1/licence-delegations", &body).await;
        assert_ne!(made.json()["id"], one.json()["id"]);
        world.nowhere(&[AGENT]).await;
        crate::seals::audited(&world.house).await;
    }
}
