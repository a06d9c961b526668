//! Queries by departments: minimum necessary, by purpose, item and organisation.

use super::*;

fn query(purpose: &str, item: &str, number: &str) -> Json {
    json!({ "holder": { "kind": "001", "number": number }, "type": TYPE, "item": item, "case_number": "C-2026-7",
        "purpose": purpose, "operator": "李办事" })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_types_rules_decide_which_fields_for_purpose_item_and_organisation() {
    for world in worlds().await {
        let table: [(&str, &str, &Credential, Option<&[&str]>); 10] = [
            ("inspection", "I-1", &world.inspection, Some(&["operator", "permit_number", "premises"])),
            ("inspection", "I-9", &world.inspection, Some(&["operator", "permit_number", "premises"])),
            ("inspection", "I-1", &world.health, None),
            ("filing", "I-1", &world.health, Some(&["operator", "representative"])),
            ("filing", "I-2", &world.inspection, Some(&["operator", "representative"])),
            ("filing", "I-3", &world.health, Some(&["operator", "residence"])),
            ("filing", "I-3", &world.inspection, None),
            ("filing", "I-4", &world.health, None),
            ("curiosity", "I-1", &world.health, None),
            ("*", "*", &world.inspection, None),
        ];
        for (purpose, item, who, fields) in table {
            let answer = world.post(who, "/v1/licence-queries", &query(purpose, item, COMPANY)).await;
            match fields {
                None => {
                    assert_eq!(
                        answer.problem(),
                        "licence-query-not-allowed",
                        "{purpose} {item} {}",
                        world.kind
                    );
                }
                Some(fields) => {
                    assert_eq!(answer.status, 200, "{purpose} {item}: {:?}", answer.body);
                    let licences = answer.json()["licences"].clone();
                    assert_eq!(licences.as_array().unwrap().len(), 1);
                    let names: Vec<_> = licences[0]["fields"].as_object().unwrap().keys().cloned().collect();
                    assert_eq!(names, fields, "{purpose} {item}");
                    assert_eq!(licences[0]["document"].is_string(), purpose == "inspection");
                }
            }
        }
        // Refused purposes are entries too.
        assert_eq!(world.house.refusals("licence-query-not-allowed").await, 5);
        let looked = world.looked().await;
        assert_eq!(looked.len(), 5);
        assert_eq!(
            (&looked[0]["purpose"], &looked[0]["case_number"]),
            (&json!("filing"), &json!("C-2026-7"))
        );
        assert!(!json!(looked).to_string().contains("李办事"), "the holder is not told who worked on it");
        let period = "from=2020-01-01T00:00:00Z&to=2020-12-31T00:00:00Z";
        let mut bureau = world.house.connect(&world.bureau).await;
        let none = bureau.get(&format!("/v1/licence-uses/figures?{period}")).await.json();
        assert_eq!(none["items"], json!([]));
        let (from, to) = (crate::house::now() - 3600, crate::house::now() + 3600);
        let [from, to] = [from, to].map(|second| jiff::Timestamp::from_second(second).unwrap().to_string());
        let counted = bureau.get(&format!("/v1/licence-uses/figures?from={from}&to={to}")).await.json();
        let found = counted["items"].as_array().unwrap().iter().map(|one| {
            (
                one["viewer_organisation"].as_str().unwrap(),
                one["item"].as_str().unwrap(),
                one["uses"].as_i64().unwrap(),
            )
        });
        let wanted =
            [("health", "I-1", 1), ("health", "I-3", 1), ("inspection", "I-1", 1), ("inspection", "I-2", 1)];
        let wanted: Vec<_> = wanted.into_iter().chain([("inspection", "I-9", 1)]).collect();
        assert_eq!(found.collect::<Vec<_>>(), wanted);
        let month = counted["items"][0]["month"].as_str().unwrap();
        assert!(month.len() == 7 && month.starts_with("20"), "{month}");
        for (more, uses) in [
            (format!("type={TYPE}"), 5),
            ("type=11990000MB0F00012G999".to_owned(), 0),
            ("viewer_organisation=health".to_owned(), 2),
            (format!("type={TYPE}&viewer_organisation=inspection&item=I-9"), 1),
        ] {
            let path = format!("/v1/licence-uses/figures?from={from}&to={to}&{more}");
            let items = bureau.get(&path).await.json()["items"].as_array().cloned().unwrap();
            assert!(items.iter().all(|one| one["type"] == TYPE), "{more}: {items:?}");
            let sum: i64 = items.iter().map(|one| one["uses"].as_i64().unwrap()).sum();
            assert_eq!(sum, uses, "{more}");
        }
        // Neither leaves nor rows name anybody.
        world.nowhere(&[NAME, REPRESENTATIVE, "李办事"]).await;
        crate::seals::audited(&world.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_an_answer_that_tells_of_nothing_else() {
    let world = world().await;
    let none = query("filing", "I-1", "92990101MA0TEXT39X");
    let answer = world.post(&world.health, "/v1/licence-queries", &none).await;
    assert_eq!((answer.status, &answer.json()["licences"]), (200, &json!([])));
    // A type that there is not is refused as a purpose that no rule knows.
    let mut unknown = query("filing", "I-1", COMPANY);
    unknown["type"] = json!("11990000MB0F00012G999");
    let first = world.post(&world.health, "/v1/licence-queries", &unknown).await;
    let second = world.post(&world.health, "/v1/licence-queries", &query("curiosity", "I-1", COMPANY)).await;
    assert_eq!(first.problem(), "licence-query-not-allowed");
    assert_eq!(first.json()["detail"], second.json()["detail"]);
    // Of a licence that is not in force the state is told, and no field.
    world.change(SHOP, &[("state", "revoked".into())]).await;
    let answer =
        world.post(&world.health, "/v1/licence-queries", &query("filing", "I-1", COMPANY)).await.json();
    assert_eq!(
        (&answer["licences"][0]["state_zh"], &answer["licences"][0]["fields"]),
        (&json!("吊销"), &json!({}))
    );
    for who in [&world.bureau, &world.platform] {
        let refused = world.post(who, "/v1/licence-queries", &query("filing", "I-1", COMPANY)).await;
        assert_eq!(refused.problem(), "forbidden");
    }
    for name in ["item", "case_number", "purpose", "operator"] {
        let mut body = query("filing", "I-1", COMPANY);
        body[name] = json!("");
        let refused = world.post(&world.health, "/v1/licence-queries", &body).await;
        assert_eq!(
            (refused.problem(), &refused.json()["parameter"]),
            ("invalid-parameter".into(), &json!(name))
        );
    }
    // By the number of another whom the type names, in its detail only.
    let mut body = query("filing", "I-1", REPRESENTATIVE);
    body["holder"]["kind"] = json!("111");
    let answer = world.post(&world.health, "/v1/licence-queries", &body).await.json();
    assert_eq!(answer["licences"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_had_by_the_query_that_allows_it_and_by_nobody_else() {
    for world in worlds().await {
        let ask = |purpose: &'static str, who| {
            let world = &world;
            async move { world.post(who, "/v1/licence-queries", &query(purpose, "I-1", COMPANY)).await.json() }
        };
        let answer = ask("inspection", &world.inspection).await;
        let path = answer["licences"][0]["document"].as_str().unwrap().to_owned();
        let mut inspection = world.house.connect(&world.inspection).await;
        let document = inspection.get(&path).await;
        assert_eq!((document.status, document.body.as_ref()), (200, PDF), "{}", world.kind);
        assert_eq!(document.header("content-type"), "application/pdf");
        assert!(document.header("content-digest").starts_with("sha-256=:"));
        let leaf: i64 = document.header("cinnabar-leaf").parse().unwrap();
        let looked = world.looked().await;
        assert_eq!((&looked[0]["kind"], &looked[0]["leaf"]), (&json!("document"), &json!(leaf)));
        // Another caller, another licence, a query without a document.
        assert_eq!(world.house.connect(&world.health).await.get(&path).await.problem(), "not-found");
        let other = path.replace(&identifier(SHOP, 1), &identifier(CANTEEN, 1));
        assert_eq!(inspection.get(&other).await.problem(), "not-found");
        let fields = ask("filing", &world.inspection).await;
        let path = path.replace(answer["query"].as_str().unwrap(), fields["query"].as_str().unwrap());
        assert_eq!(inspection.get(&path).await.problem(), "licence-query-not-allowed");
        crate::seals::audited(&world.house).await;
    }
}
