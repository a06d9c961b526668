//! Show-codes: what they show, to whom, how often, and what they cannot be made to do.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_shows_a_licence_once_and_sees_who_looked() {
    for world in worlds().await {
        let answer = world.show(json!({ "purpose": "给检查员看", "item": "I-1" })).await;
        assert_eq!(answer.status, 201, "{} {:?}", world.kind, answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        let given = answer.json();
        let code = given["code"].as_str().unwrap().to_owned();
        assert_eq!(code.len(), 27, "160 bits");
        assert!(given["qr"].as_str().unwrap().starts_with("<svg "));
        let open =
            ["operator", "credit_code", "premises", "business_form", "items", "permit_number", "supervisor"];
        assert_eq!(given["fields"], json!(open), "what anyone may see, unless more is asked for");

        let answer = world.redeem(&world.inspection, &code).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let shown = answer.json();
        assert_eq!(shown["identifier"], json!(identifier(SHOP, 1)));
        assert_eq!(
            (&shown["state_zh"], &shown["in_force"], &shown["left"]),
            (&json!("有效"), &json!(true), &json!(0))
        );
        assert_eq!(shown["type_name"]["zh"], "食品经营许可证");
        let names: Vec<_> =
            shown["fields"].as_array().unwrap().iter().map(|field| field["name"].clone()).collect();
        assert_eq!(names, ["operator", "credit_code", "premises", "business_form", "items", "permit_number"]);
        assert_eq!(shown["fields"][0]["zh"], "经营者名称");
        assert!(!shown.to_string().contains(NAME), "nothing personal unless the holder says so");
        let leaf: u64 = answer.header("cinnabar-leaf").parse().unwrap();
        assert_eq!(shown["leaf"], json!(leaf));

        let again = world.redeem(&world.inspection, &code).await;
        assert_eq!((again.status, again.problem().as_str()), (404, "show-code-unusable"));
        let looked = world.looked().await;
        assert_eq!(looked.len(), 1, "{looked:?}");
        assert_eq!((&looked[0]["kind"], &looked[0]["organisation"]), (&json!("show"), &json!("inspection")));
        assert_eq!((&looked[0]["item"], &looked[0]["leaf"]), (&json!("I-1"), &json!(leaf)));
        assert_eq!(looked[0]["id"], shown["record"]);
        // The representative finds the company's licence too; others find nothing.
        for (number, many) in [(REPRESENTATIVE, 1), (AGENT, 0)] {
            let asked = json!({ "holder": { "kind": "111", "number": number } });
            let page = world.post(&world.platform, "/v1/licence-uses/of-holder", &asked).await.json();
            assert_eq!(page["items"].as_array().unwrap().len(), many);
        }
        // Who issued it sees it as well; a verifier does not.
        let path = format!("/v1/licences/{}/uses", identifier(SHOP, 1));
        let uses = world.house.connect(&world.bureau).await.get(&path).await;
        assert_eq!(uses.json()["items"], json!(looked));
        let denied = world.house.connect(&world.inspection).await.get(&path).await;
        assert_eq!(denied.problem(), "forbidden");
        world.nowhere(&[&code, NAME, REPRESENTATIVE, AGENT, "给检查员看"]).await;
        crate::seals::audited(&world.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_fields_are_shown_when_the_holder_names_them_and_a_code_is_never_widened() {
    let world = world().await;
    let code = world.code(json!({ "fields": ["representative", "operator"], "uses": 2 })).await;
    let shown = world.redeem(&world.health, &code).await.json();
    let fields: Vec<_> =
        shown["fields"].as_array().unwrap().iter().map(|field| field["value"].clone()).collect();
    assert_eq!(fields, [json!("示例食品SHOP0000001"), json!(NAME)], "in the order of the type");
    // Whoever redeems names nothing.
    for more in ["fields", "licence", "uses"] {
        let mut body = json!({ "code": code });
        body[more] = json!(["residence"]);
        let refused = world.post(&world.health, "/v1/show-codes/redeem", &body).await;
        assert_eq!(refused.status, 422, "{more}: {:?}", refused.body);
    }
    let unknown = world.show(json!({ "fields": ["operator", "bank_account"] })).await;
    assert_eq!(
        (unknown.problem(), &unknown.json()["parameter"]),
        ("invalid-parameter".into(), &json!("fields"))
    );
    for (name, value) in
        [("seconds", json!(301)), ("seconds", json!(1)), ("uses", json!(6)), ("uses", json!(0))]
    {
        let refused = world.show(json!({ name: value })).await;
        assert_eq!(
            (refused.problem(), &refused.json()["parameter"]),
            ("invalid-parameter".into(), &json!(name))
        );
    }
    // What it is bound to cannot be altered in the database without being found.
    assert_eq!(world.redeem(&world.health, &code).await.json()["left"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_platform_of_holders_shows_and_only_for_the_right_number() {
    let world = world().await;
    let body = |licence: &str, number: &str| json!({ "licence": licence, "holder": { "kind": "001", "number": number } });
    let own = body(&identifier(SHOP, 1), COMPANY);
    for who in [&world.bureau, &world.inspection, &world.house.officer(1)] {
        assert_eq!(world.post(who, "/v1/show-codes", &own).await.problem(), "forbidden");
        let asked = json!({ "holder": holder() });
        assert_eq!(world.post(who, "/v1/licence-uses/of-holder", &asked).await.problem(), "forbidden");
    }
    assert_eq!(world.redeem(&world.platform, "x").await.problem(), "forbidden", "who shows does not verify");
    // Another's licence and none at all are the same answer.
    let others = world.post(&world.platform, "/v1/show-codes", &body(&identifier(CANTEEN, 1), COMPANY)).await;
    let none =
        world.post(&world.platform, "/v1/show-codes", &body(&identifier("NOWHERE0001", 1), COMPANY)).await;
    assert_eq!((others.status, others.problem().as_str()), (404, "licence-not-of-holder"));
    assert_eq!(others.json()["detail"], none.json()["detail"]);
    assert_eq!(none.problem(), "licence-not-of-holder");
    // Numbers are not tried out: ten wrong ones, then even the right one waits.
    for number in 0..9 {
        let wrong = body(&identifier(CANTEEN, 1), &format!("9299010100000000{number}X"));
        assert_eq!(world.post(&world.platform, "/v1/show-codes", &wrong).await.status, 404);
    }
    let right = body(&identifier(CANTEEN, 1), OTHER_COMPANY);
    let waits = world.post(&world.platform, "/v1/show-codes", &right).await;
    assert_eq!((waits.status, waits.problem().as_str()), (429, "too-many-requests"));
    assert!(waits.headers.contains_key("retry-after"));
    // Nor does waiting tell whether there is such a licence: one that there is not waits as well, and by itself.
    let nowhere = body(&identifier("NOWHERE0001", 1), COMPANY);
    for _ in 0..9 {
        assert_eq!(world.post(&world.platform, "/v1/show-codes", &nowhere).await.status, 404);
    }
    assert_eq!(world.post(&world.platform, "/v1/show-codes", &nowhere).await.status, 429);
    let another = body(&identifier("NOWHERE0002", 1), COMPANY);
    assert_eq!(world.post(&world.platform, "/v1/show-codes", &another).await.status, 404);
    // Holders of other licences are not hindered.
    assert_eq!(world.post(&world.platform, "/v1/show-codes", &own).await.status, 201);
    assert!(world.house.refusals("licence-not-of-holder").await >= 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_cannot_be_guessed_and_guessing_hinders_nobody_else() {
    let world = world().await;
    let code = world.code(json!({ "uses": 2 })).await;
    let mut guesses: Vec<String> = (0..7).map(|number| format!("{}{number}", &code[..26])).collect();
    guesses.extend(["".to_owned(), "A".repeat(27), code.to_uppercase()]);
    for guess in &guesses {
        let answer = world.redeem(&world.inspection, guess).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "show-code-unusable"), "{guess}");
    }
    let waits = world.redeem(&world.inspection, &code).await;
    assert_eq!((waits.status, waits.problem().as_str()), (429, "too-many-requests"));
    assert!(waits.header("retry-after").parse::<u64>().unwrap() <= 61);
    assert_eq!(world.redeem(&world.health, &code).await.status, 200, "others are not hindered");
    assert_eq!(world.house.refusals("show-code-unusable").await, 10);
    assert_eq!(world.looked().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_ends_with_its_time_its_version_and_its_licence() {
    let world = world().await;
    let over = world.code(json!({})).await;
    world.time_passes().await;
    let unusable = |answer: Answer| (answer.problem(), answer.json()["detail"].clone());
    let first = unusable(world.redeem(&world.health, &over).await);
    assert_eq!(first.0, "show-code-unusable");
    assert_eq!(
        first,
        unusable(world.redeem(&world.health, &"A".repeat(27)).await),
        "unknown is the same answer"
    );
    // A licence that ends soon ends its codes.
    let end = crate::house::now() + 30;
    world.licence("ENDING00001", "92990101MA0TEXT39X", Some(end)).await;
    let body = json!({ "licence": identifier("ENDING00001", 1), "seconds": 300,
        "holder": { "kind": "111", "number": REPRESENTATIVE } });
    let given = world.post(&world.platform, "/v1/show-codes", &body).await.json();
    let expires: jiff::Timestamp = given["expires"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires.as_second(), end + 1);
    // Of a licence that was suspended meanwhile the state is told, and no field.
    let code = world.code(json!({ "fields": ["representative"], "uses": 3 })).await;
    world.change(SHOP, &[("state", "suspended".into())]).await;
    let shown = world.redeem(&world.health, &code).await;
    assert_eq!(shown.status, 200, "{:?}", shown.body);
    let shown = shown.json();
    assert_eq!(
        (&shown["state_zh"], &shown["in_force"], &shown["fields"]),
        (&json!("暂扣"), &json!(false), &json!([]))
    );
    let refused = world.show(json!({})).await;
    assert_eq!(
        (refused.problem(), &refused.json()["state"]),
        ("licence-not-in-force".into(), &json!("suspended"))
    );
    world.change(SHOP, &[("state", "active".into())]).await;
    assert_eq!(world.redeem(&world.health, &code).await.json()["fields"].as_array().unwrap().len(), 1);
    // A new version of the licence is not what the holder agreed to show.
    world.change(SHOP, &[("identifier", identifier(SHOP, 2).into()), ("number", 2.into())]).await;
    assert_eq!(world.redeem(&world.health, &code).await.problem(), "show-code-unusable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_answered_with_the_same_code_although_none_is_kept() {
    for world in worlds().await {
        let body = json!({ "licence": identifier(SHOP, 1), "holder": holder(), "uses": 1 });
        let mut platform = world.house.connect(&world.platform).await;
        let key = [("idempotency-key", "k-1")];
        let first = platform.post_with("/v1/show-codes", &body, &key).await;
        assert_eq!(first.status, 201, "{} {:?}", world.kind, first.body);
        let again = platform.post_with("/v1/show-codes", &body, &key).await;
        assert_eq!(first.json(), again.json());
        let other = json!({ "licence": identifier(SHOP, 1), "holder": holder(), "uses": 2 });
        let reused = platform.post_with("/v1/show-codes", &other, &key).await;
        assert_eq!(reused.problem(), "idempotency-key-reused");
        let fresh = platform.post_with("/v1/show-codes", &body, &[("idempotency-key", "k-2")]).await;
        assert_ne!(fresh.json()["code"], first.json()["code"]);
        let code = first.json()["code"].as_str().unwrap().to_owned();
        assert_eq!(world.redeem(&world.health, &code).await.status, 200);
        // Answered once more, it is the code that was used up.
        let code = platform.post_with("/v1/show-codes", &body, &key).await.json()["code"].clone();
        assert_eq!(world.redeem(&world.health, code.as_str().unwrap()).await.problem(), "show-code-unusable");
        world.nowhere(&[first.json()["code"].as_str().unwrap()]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_redeems_by_address_and_stands_in_the_holders_list() {
    use appliance::licences::showing::model::Redeeming;
    use appliance::licences::showing::redeem::{Viewer, redeem};
    let world = world().await;
    let code = world.code(json!({})).await;
    let app = &world.house.app;
    let stranger = Viewer::stranger("192.0.2.7".parse().unwrap(), "request-1");
    for _ in 0..10 {
        let asked = Redeeming { code: "A".repeat(27), ..Redeeming::default() };
        assert_eq!(redeem(app, &stranger, &asked).await.unwrap_err().kind().name(), "show-code-unusable");
    }
    let asked = Redeeming { code, ..Redeeming::default() };
    assert_eq!(redeem(app, &stranger, &asked).await.unwrap_err().kind().name(), "too-many-requests");
    // One host has all of an IPv6 network.
    let other = Viewer::stranger("2001:db8::1".parse().unwrap(), "request-2");
    let shown = redeem(app, &other, &asked).await.unwrap();
    assert!(shown.in_force);
    let looked = world.looked().await;
    assert_eq!((&looked[0]["viewer"], &looked[0]["organisation"]), (&json!("system:portal"), &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_has_a_code_of_its_own_once_its_answer_is_not_kept_any_more() {
    use sqlx::Connection as _;
    let world = world().await;
    let body = json!({ "licence": identifier(SHOP, 1), "holder": holder(), "uses": 1 });
    let mut platform = world.house.connect(&world.platform).await;
    let key = [("idempotency-key", "k-1")];
    let first = platform.post_with("/v1/show-codes", &body, &key).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    // A day passes: what answers repeated requests goes, the code's row stays.
    let file = world.house.folder.path().join("cinnabar.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut raw = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let gone = sqlx::raw_sql("DELETE FROM idempotency").execute(&mut raw).await.unwrap();
    assert!(gone.rows_affected() > 0);
    raw.close().await.unwrap();
    let later = platform.post_with("/v1/show-codes", &body, &key).await;
    assert_eq!(later.status, 201, "{:?}", later.body);
    assert_ne!(first.json()["code"], later.json()["code"]);
    let code = later.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(world.redeem(&world.health, &code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_over_does_not_answer_the_same_request_as_if_it_were_new() {
    let world = world().await;
    let body = json!({ "licence": identifier(SHOP, 1), "holder": holder() });
    let mut platform = world.house.connect(&world.platform).await;
    let key = [("idempotency-key", "k-1")];
    let first = platform.post_with("/v1/show-codes", &body, &key).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    world.time_passes().await;
    let over = platform.post_with("/v1/show-codes", &body, &key).await;
    assert_eq!((over.status, over.problem().as_str()), (404, "show-code-unusable"), "{:?}", over.body);
    let fresh = platform.post_with("/v1/show-codes", &body, &[("idempotency-key", "k-2")]).await;
    assert_eq!(fresh.status, 201, "{:?}", fresh.body);
}
