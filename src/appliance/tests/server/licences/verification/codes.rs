//! Every result code of GB/T 36906, by identifier and a known field, on both databases.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn each_state_of_a_licence_has_its_code_on_both_databases() {
    for world in worlds().await {
        let now = crate::house::now();
        let cases = [
            ("INFORCE001", "active", -DAY, None, 0, "active"),
            ("INFORCE002", "active", -DAY, Some(DAY), 0, "active"),
            ("FUTURE0001", "active", DAY, None, 1, "active"),
            ("SUSPEND001", "suspended", -DAY, None, 2, "suspended"),
            ("LOST000001", "lost", -DAY, None, 2, "lost"),
            ("CANCELED01", "cancelled", -DAY, None, 3, "cancelled"),
            ("REVOKED001", "revoked", -DAY, None, 3, "revoked"),
            ("WITHDRAW01", "withdrawn", -DAY, None, 3, "withdrawn"),
            ("MOVED00001", "transferred", -DAY, None, 3, "transferred"),
            ("EXPIRED001", "active", -2 * DAY, Some(-DAY), 3, "expired"),
            ("SUSPEND002", "suspended", -2 * DAY, Some(-DAY), 3, "suspended"),
        ];
        for (serial, state, from, to, code, shown) in cases {
            let put = Put { state, from: now + from, to: to.map(|to| now + to), ..Put::active(serial) };
            world.put(&put).await;
            let verdict = world.verdict(&put.name()).await;
            assert_eq!(verdict["code"], code, "{} {serial} {verdict}", world.kind);
            assert_eq!(verdict["licence"]["state"], shown, "{serial}");
            assert_eq!(verdict["licence"]["type_name"], "食品经营许可证");
            assert_eq!(verdict["reasons"].as_array().unwrap().is_empty(), code == 0, "{serial} {verdict}");
        }
        let put = Put { state: "suspended", ground: Some("rectification"), ..Put::active("GROUND0001") };
        world.put(&put).await;
        let verdict = world.verdict(&put.name()).await;
        assert!(verdict["reasons"][0]["zh"].as_str().unwrap().contains("限期整改"), "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_replaced_is_void_and_names_the_present_one_on_both_databases() {
    for world in worlds().await {
        let first = Put::active("CHANGED001");
        world.put(&first).await;
        assert_eq!(world.verdict(&first.name()).await["code"], 0);
        let second = Put { number: 2, ..first.clone() };
        world.replace(&second).await;
        assert_eq!(world.verdict(&second.name()).await["code"], 0, "{}", world.kind);
        // Looked at before: at most five seconds until it is known.
        for _ in 0..50 {
            let verdict = world.verdict(&first.name()).await;
            if verdict["code"] == 3 {
                assert_eq!(found(&verdict), (3, vec!["superseded"]));
                assert_eq!(verdict["licence"]["present"], second.name());
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(world.verdict(&first.name()).await["code"], 3, "{}", world.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_is_read_in_every_form_and_a_wrong_check_character_is_told() {
    let world = world().await;
    let put = Put::active("2430599001");
    world.put(&put).await;
    let name = put.name();
    let (bare, check) = name.rsplit_once('.').unwrap();
    let with_oid = format!("1.2.156.3005.2.{name}");
    for form in [name.as_str(), &with_oid, bare, &name.to_lowercase(), &format!("  {name} ")] {
        assert_eq!(world.verdict(form).await["code"], 0, "{form}");
    }
    // Not on record as such: a mistyped character most likely.
    let wrong = format!("{bare}.{}", if check == "A" { 'B' } else { 'A' });
    let verdict = world.verdict(&wrong).await;
    assert_eq!(found(&verdict), (5, vec!["check-character"]));
    assert!(verdict["reasons"][0]["en"].as_str().unwrap().contains(check), "{verdict}");
    // Taken over with the wrong one that stands on the paper.
    let other = identifier("IMPORTED01", 1);
    let (bare, check) = other.rsplit_once('.').unwrap();
    let wrong = format!("{bare}.{}", if check == "A" { 'B' } else { 'A' });
    world.put(&Put { identifier: Some(wrong.clone()), ..Put::active("IMPORTED01") }).await;
    assert_eq!(found(&world.verdict(&wrong).await), (0, vec!["check-character"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_wrong_or_unknown_has_a_code_of_its_own_for_verifiers() {
    let world = world().await;
    let put = Put::active("2430599002");
    world.put(&put).await;
    let name = put.name();
    let asked = |identifier: &str, field: &str, value: &str| json!({ "identifier": identifier, "field": field, "value": value });
    for (question, code, reason) in [
        (asked("no identifier", "operator", OPERATOR), 4, Some("identifier")),
        (asked("", "operator", OPERATOR), 4, Some("identifier")),
        (json!({ "value": OPERATOR }), 4, Some("identifier")),
        (asked(&name, "operator", " "), 4, Some("value")),
        (json!({ "identifier": name }), 4, Some("value")),
        (asked(&name, "operator", &"长".repeat(2000)), 4, Some("value")),
        // A field that is on the licence, but nobody is asked to know.
        (asked(&name, "premises", "示例路1号"), 4, Some("field")),
        (asked(&name, "no_such_field", "x"), 4, Some("field")),
        (asked(&identifier("NOTHERE001", 1), "operator", OPERATOR), 5, None),
        (asked(&name, "operator", "示例市另一家餐饮有限公司"), 6, None),
        (asked(&name, "credit_code", OPERATOR), 6, None),
        (asked(&name, "credit_code", "91990000ma0e000186"), 0, None),
        // As it is typed: full width, spaces, half-width brackets.
        (asked(&name, "operator", " 示例市某某餐饮(中心) 有限公司"), 0, None),
        // Whichever field it is.
        (asked(&name, "", OPERATOR), 0, None),
        (asked(&name, "", "９１９９００００MA0E000186"), 0, None),
        (asked(&name, "", "示例路1号"), 6, None),
    ] {
        let answer = world.ask(&question).await;
        assert_eq!(answer.status, 200, "{question} {:?}", answer.body);
        let verdict = answer.json();
        assert_eq!(found(&verdict), (code, reason.into_iter().collect()), "{question}");
        assert_eq!(verdict["licence"].is_null(), code >= 4, "{question}");
    }
    let verdict = world.verdict(&name).await;
    let fields = verdict["licence"]["fields"].as_array().unwrap();
    let operator = fields.iter().find(|field| field["name"] == "operator").unwrap();
    assert_eq!(operator["value"], OPERATOR);
    assert!(operator["zh"].as_str().unwrap() != "operator", "titles are the definition's: {operator}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_are_none_and_callers_who_may_not_are_refused() {
    let world = world().await;
    let name = identifier("2430599003", 1);
    for (question, status, problem) in [
        (
            json!({ "identifier": name, "value": "x", "code": "Abcdefghijklmnopqrstuv" }),
            422,
            "invalid-parameter",
        ),
        (json!({}), 422, "invalid-parameter"),
        (json!({ "presentation": "a~", "nonce": "n" }), 422, "invalid-parameter"),
        (json!({ "qr": "CNB1:", "nonce": "n", "audience": "a" }), 422, "invalid-parameter"),
        (json!({ "identifier": name, "strange": 1 }), 400, "malformed-request"),
        (json!([]), 422, "invalid-parameter"),
        (json!("text"), 400, "malformed-request"),
    ] {
        let answer = world.ask(&question).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{question}");
    }
    assert_eq!(world.sent("text/plain", b"x").await.problem(), "unsupported-media-type");
    assert_eq!(world.sent("application/json", &vec![b' '; 300_000]).await.problem(), "body-too-large");
    assert_eq!(world.sent("application/pdf", b"no PDF").await.problem(), "pdf-unreadable");
    let sealer = world.house.machine("sealing-only", &["sealer"]).await;
    let question = json!({ "identifier": name, "field": "operator", "value": OPERATOR });
    let answer = world.house.connect(&sealer).await.post("/v1/licence-verifications", &question).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn verifications_are_counted_by_caller_and_no_entry_names_a_licence_or_a_value() {
    let world = world().await;
    let put = Put::active("COUNTED001");
    world.put(&put).await;
    for _ in 0..3 {
        world.verdict(&put.name()).await;
    }
    world.verdict(&identifier("NOTHERE001", 1)).await;
    appliance::licences::verification::close(&world.house.app).await;
    let entries = world.house.entries().await;
    let counted: Vec<&Json> = entries.iter().filter(|entry| entry["action"] == "licence.verify").collect();
    let sum = |word: &str| -> i64 {
        counted.iter().filter_map(|entry| entry["facts"]["results"][word].as_i64()).sum()
    };
    assert_eq!((sum("valid"), sum("not-found")), (3, 1), "{counted:?}");
    for entry in counted {
        assert_eq!(entry["actor"]["id"], "inspection");
        let text = entry.to_string();
        assert!(!text.contains("COUNTED001") && !text.contains("某某餐饮"), "{text}");
    }
}
