//! Approvals of uses: bound to one document, one caller, one case; served once; by those who may at that moment.

use appliance::journal::{Act, Unit};
use appliance::store::tables::{CALLERS, SEAL_USE_REQUESTS};
use http::Method;
use serde_json::json;

use crate::documents::{pdf, sha256, uses};
use crate::house::Client;
use crate::usage::{approve, ask, asked, denied, houses, no, officer, one, rule, seal, seal_with, two_of};

#[tokio::test(flavor = "multi_thread")]
async fn approvals_serve_one_document_one_caller_once_on_any_node() {
    for (house, machine, server) in houses().await {
        let third = officer(&house, "officer-3", &["sealer"]).await;
        let id = rule(&house, "first", two_of(&["officer-1", "officer-2", "officer-3"])).await;
        let mut client = house.connect(&machine).await;
        let (document, other) = (pdf(1, 0), pdf(2, 0));
        let query = "seal=first&item=i&case_number=c";
        let answer = seal(&mut client, query, &document).await;
        assert_eq!(denied(&answer), no(403, "seal-use-unapproved", "approval"));
        assert_eq!((&answer.json()["needed"], &answer.json()["given"]), (&json!(2), &json!(0)));
        let request =
            ask(&mut client, &document, json!({ "item": "i", "case_number": "c", "operator": "张三" })).await;
        let again = asked(&mut client, &document, json!({ "item": "i", "case_number": "c" })).await;
        assert_eq!(
            (again.status, again.json()["id"].as_str()),
            (200, Some(&*request)),
            "asked again it is found"
        );

        // One is not enough; another document, a second word of the same person, or a stranger's do not help.
        assert_eq!(approve(&house, &third, &request, &other).await.problem(), "precondition-failed");
        assert_eq!(approve(&house, &third, &request, &document).await.status, 200);
        assert_eq!(approve(&house, &third, &request, &document).await.problem(), "conflict");
        let path = format!("/v1/seal-uses/requests/{request}/approve");
        let own = client.post(&path, &json!({ "document_sha256": sha256(&document) })).await;
        assert_eq!(own.problem(), "forbidden");
        let answer = seal(&mut client, query, &document).await;
        assert_eq!(
            (denied(&answer), &answer.json()["given"]),
            (no(403, "seal-use-unapproved", "approval"), &json!(1))
        );
        let second = approve(&house, &house.officer(2), &request, &document).await;
        assert_eq!(
            (second.status, second.json()["state"].as_str()),
            (200, Some("approved")),
            "{:?}",
            second.body
        );

        // A process that was not there when it was approved: rows are all there is.
        let node = house.node("b").await;
        let mut there = house.try_connect_to(node.platform, Some(&machine)).await.unwrap();
        for (query, document, condition) in [
            (query, &other, "approval"),
            ("seal=first&item=i&case_number=other", &document, "approval"),
            ("seal=first&item=other&case_number=c", &document, "approval"),
            ("seal=first", &document, "approval"),
        ] {
            let answer = seal(&mut there, query, document).await;
            assert_eq!(denied(&answer), no(403, "seal-use-unapproved", condition), "{query}");
        }
        let stranger = house.machine("stranger", &["sealer"]).await;
        let answer = seal(&mut house.connect(&stranger).await, query, &document).await;
        assert_eq!(denied(&answer).1, "seal-use-unapproved", "another caller of the same organisation");
        // At the same moment on both nodes: one of them.
        let before = uses(&house).await;
        let attempts = (0..6).map(|at| {
            let (node, machine, document, house) = (&node, &machine, &document, &house);
            async move {
                let to = if at % 2 == 0 { house.platform[0] } else { node.platform };
                let mut client = house.try_connect_to(to, Some(machine)).await.unwrap();
                seal(&mut client, query, document).await
            }
        });
        let answers = futures_util::future::join_all(attempts).await;
        let sealed: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!((sealed.len(), uses(&house).await), (1, before + 1));
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(denied(answer), no(403, "seal-use-unapproved", "approval"));
        }
        let answer = seal(&mut there, query, &document).await;
        assert!(answer.json()["detail"].as_str().unwrap().contains("serve once"), "{:?}", answer.body);
        let record = client.get(sealed[0].header("location")).await.json();
        assert_eq!((record["rule"].as_str(), record["approval"].as_str()), (Some(&*id), Some(&*request)));
        let read = house
            .connect(&house.officer(1))
            .await
            .get(&format!("/v1/seal-uses/requests/{request}"))
            .await
            .json();
        assert_eq!(
            (read["state"].as_str(), read["seal_use"].as_str()),
            (Some("used"), record["id"].as_str())
        );
        assert_eq!(read["detail"], json!({ "purpose": "施工许可", "operator": "张三" }));
        let approved = approve(&house, &house.officer(1), &request, &document).await;
        assert_eq!(approved.problem(), "seal-use-request-closed");
        let entries = house.entries().await;
        assert!(!entries.iter().any(|entry| entry.to_string().contains("张三")), "no leaf names anybody");
        assert!(entries.iter().any(|entry| entry["action"] == "use.read"), "that it was read is entered");
        node.stop().await;
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_answered_as_before_and_consumes_nothing_twice() {
    let (house, machine) = one().await;
    rule(&house, "first", json!({ "count": 1, "approval": { "needed": 1, "officers": ["officer-1"] } }))
        .await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    let request = ask(&mut client, &document, json!({})).await;
    assert_eq!(approve(&house, &house.officer(1), &request, &document).await.status, 200);
    let key = [("idempotency-key", "k")];
    let attempts = (0..4).map(|_| async {
        let mut client = house.connect(&machine).await;
        seal_with(&mut client, "seal=first", &document, &key).await
    });
    let answers = futures_util::future::join_all(attempts).await;
    for answer in &answers {
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        assert!(answer.body == answers[0].body, "one signature, told to everybody");
    }
    assert_eq!(
        seal_with(&mut client, "seal=first", &document, &key).await.header("location"),
        answers[0].header("location")
    );
    assert_eq!(uses(&house).await, 1);
    assert_eq!(
        seal(&mut client, "seal=first", &document).await.status,
        429,
        "the count stands before the approval"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_approve_is_judged_again_at_the_moment_of_use() {
    for (house, machine, server) in houses().await {
        let third = officer(&house, "officer-3", &["sealer"]).await;
        officer(&house, "officer-4", &["sealer"]).await;
        rule(&house, "first", two_of(&["officer-2", "officer-3"])).await;
        let mut client = house.connect(&machine).await;
        let document = pdf(1, 0);
        let request = ask(&mut client, &document, json!({})).await;
        // Not named: neither approves nor refuses.
        assert_eq!(approve(&house, &house.officer(1), &request, &document).await.problem(), "forbidden");
        for who in [&house.officer(2), &third] {
            assert_eq!(approve(&house, who, &request, &document).await.status, 200);
        }
        let mut security = house.connect(&house.officer(1)).await;
        let retired =
            security.post_with("/v1/callers/officer-3/retire", &json!({}), &[("if-match", "*")]).await;
        assert_eq!(retired.status, 200, "{:?}", retired.body);
        let answer = seal(&mut client, "seal=first", &document).await;
        assert_eq!(
            (denied(&answer), &answer.json()["given"]),
            (no(403, "seal-use-unapproved", "approval"), &json!(1))
        );
        let read = security.get(&format!("/v1/seal-uses/requests/{request}")).await.json();
        assert_eq!(
            (read["state"].as_str(), &read["given"], read["words"].as_array().unwrap().len()),
            (Some("open"), &json!(1), 2)
        );

        // An officer who still is one, but not with a role that approves.
        let rules = security.get("/v1/seal-rules?seal=first").await.json();
        let id = rules["items"][0]["id"].as_str().unwrap().to_owned();
        let change =
            json!({ "name": "n", "terms": two_of(&["officer-2", "officer-4"]) }).to_string().into_bytes();
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        let changed =
            security.send(Method::PUT, &format!("/v1/seal-rules/{id}"), &headers, change).await.unwrap();
        assert_eq!(changed.status, 200, "{:?}", changed.body);
        let unsealed = house.app.unsealed().unwrap();
        let row = house.app.db.row(&CALLERS, "officer-2").await.unwrap().unwrap();
        let without = row.clone().next_version().with("roles", "[\"auditor\"]");
        let act = Act::system("test", "caller.change", "");
        unsealed.journal.commit(Unit::new(act.clone()).update(without.clone())).await.unwrap();
        let answer = seal(&mut client, "seal=first", &document).await;
        assert_eq!(answer.json()["given"], 0, "neither the retired one nor the one without the role counts");
        let back = without.next_version().with("roles", "[\"security-officer\"]");
        unsealed.journal.commit(Unit::new(act).update(back)).await.unwrap();
        let answer = seal(&mut client, "seal=first", &document).await;
        assert_eq!(answer.json()["given"], 1);
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_withdrawn_or_expired_is_not_used() {
    for (house, machine, server) in houses().await {
        rule(&house, "first", json!({ "approval": { "needed": 1, "officers": ["officer-1", "officer-2"] } }))
            .await;
        let mut client = house.connect(&machine).await;
        let document = pdf(1, 0);
        let mut officer = house.connect(&house.officer(1)).await;
        // An officer refuses after another has approved: nobody uses it.
        let refused = ask(&mut client, &document, json!({})).await;
        assert_eq!(approve(&house, &house.officer(2), &refused, &document).await.status, 200);
        let path = format!("/v1/seal-uses/requests/{refused}/refuse");
        assert_eq!(officer.post(&path, &json!({ "reason": "" })).await.problem(), "invalid-parameter");
        let answer = officer.post(&path, &json!({ "reason": "材料不全" })).await;
        assert_eq!(
            (answer.status, answer.json()["state"].as_str()),
            (200, Some("refused")),
            "{:?}",
            answer.body
        );
        let answer = seal(&mut client, "seal=first", &document).await;
        assert!(answer.json()["detail"].as_str().unwrap().contains("refused"), "{:?}", answer.body);
        let read = client.get(&format!("/v1/seal-uses/requests/{refused}")).await.json();
        assert_eq!(read["refusal"]["reason"], "材料不全", "whoever asked reads why");
        assert!(read.get("detail").is_none(), "machines do not read purposes");

        let withdrawn = ask(&mut client, &document, json!({})).await;
        assert_ne!(withdrawn, refused);
        let other = house.machine("other", &["sealer"]).await;
        let path = format!("/v1/seal-uses/requests/{withdrawn}/withdraw");
        assert_eq!(house.connect(&other).await.post(&path, &json!({})).await.problem(), "forbidden");
        assert_eq!(client.post(&path, &json!({})).await.json()["state"], "withdrawn");
        assert_eq!(
            approve(&house, &house.officer(2), &withdrawn, &document).await.problem(),
            "seal-use-request-closed"
        );
        assert_eq!(seal(&mut client, "seal=first", &document).await.status, 403);

        let late = ask(&mut client, &document, json!({})).await;
        assert_eq!(approve(&house, &house.officer(2), &late, &document).await.status, 200);
        let row = house.app.db.row(&SEAL_USE_REQUESTS, &late).await.unwrap().unwrap();
        let unit =
            Unit::new(Act::system("test", "use.expire", "")).update(row.next_version().with("expires", 1));
        house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
        let answer = seal(&mut client, "seal=first", &document).await;
        assert!(answer.json()["detail"].as_str().unwrap().contains("expired"), "{:?}", answer.body);
        assert_eq!(
            approve(&house, &house.officer(1), &late, &document).await.problem(),
            "seal-use-request-closed"
        );
        assert_eq!(uses(&house).await, 0);
        let open = officer.get("/v1/seal-uses/requests?state=any").await.json();
        let states: Vec<_> =
            open["items"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["expired", "withdrawn", "refused"], "newest first");
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_speaks_for_one_officer_until_the_end_and_passes_nothing_on() {
    let (house, machine) = one().await;
    let third = officer(&house, "officer-3", &["sealer"]).await;
    let fourth = officer(&house, "officer-4", &["sealer"]).await;
    let id = rule(&house, "first", two_of(&["officer-1", "officer-2"])).await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    let at = format!("/v1/seal-rules/{id}/delegations");
    let mut first = house.connect(&house.officer(1)).await;
    let until = "2026-12-31T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let until = (until.max(jiff::Timestamp::now()) + jiff::SignedDuration::from_hours(48)).to_string();
    for (delegate, until, parameter) in [
        ("officer-3", "2020-01-01T00:00:00Z", "until"),
        ("officer-3", "2999-01-01T00:00:00Z", "until"),
        ("approvals", &*until, "delegate"),
        ("officer-1", &*until, "delegate"),
        ("officer-2", &*until, "delegate"),
    ] {
        let answer = first.post(&at, &json!({ "delegate": delegate, "until": until })).await;
        assert_eq!(answer.json()["parameter"], parameter, "{delegate} {until}: {:?}", answer.body);
    }
    let given = first.post(&at, &json!({ "delegate": "officer-3", "until": until })).await;
    assert_eq!(given.status, 201, "{:?}", given.body);
    let chain =
        house.connect(&third).await.post(&at, &json!({ "delegate": "officer-4", "until": until })).await;
    assert_eq!(chain.problem(), "forbidden", "no chains");

    let request = ask(&mut client, &document, json!({})).await;
    assert_eq!(approve(&house, &fourth, &request, &document).await.problem(), "forbidden");
    let spoken = approve(&house, &third, &request, &document).await;
    assert_eq!((spoken.status, spoken.json()["words"][0]["in_place_of"].as_str()), (200, Some("officer-1")));
    let twice = approve(&house, &house.officer(1), &request, &document).await;
    assert_eq!(twice.problem(), "conflict", "one seat, one word");
    assert_eq!(seal(&mut client, "seal=first", &document).await.json()["given"], 1);
    assert_eq!(approve(&house, &house.officer(2), &request, &document).await.status, 200);

    let revoke = format!("{}/revoke", given.header("location"));
    assert_eq!(house.connect(&fourth).await.post(&revoke, &json!({})).await.problem(), "forbidden");
    assert_eq!(first.post(&revoke, &json!({})).await.json()["state"], "revoked");
    let answer = seal(&mut client, "seal=first", &document).await;
    assert_eq!(answer.json()["given"], 1, "a word under a delegation that was taken back does not count");

    // The requester's own seat is nobody's, neither by themselves nor by a delegate.
    let own = rule(
        &house,
        "second",
        json!({ "approval": { "needed": 1, "officers": ["officer-3", "officer-1"] } }),
    )
    .await;
    let mut asking = house.connect(&third).await;
    let request = ask(&mut asking, &document, json!({ "seal": "second" })).await;
    assert_eq!(approve(&house, &third, &request, &document).await.problem(), "forbidden");
    let at = format!("/v1/seal-rules/{own}/delegations");
    assert_eq!(asking.post(&at, &json!({ "delegate": "officer-4", "until": until })).await.status, 201);
    assert_eq!(approve(&house, &fourth, &request, &document).await.problem(), "forbidden");
    assert_eq!(approve(&house, &house.officer(1), &request, &document).await.status, 200);
    let answer = seal(&mut asking, "seal=second", &document).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_shown_is_not_signed_where_approvals_bind_the_document() {
    let (house, machine) = one().await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    let digest = sha256(&document);
    let sign = |seal: &str, more: &str| {
        format!(
            "/v1/documents/sign-digest?seal={seal}&digest={digest}&algorithm=sha-256&document_digest={digest}\
             &document_length=9&{more}"
        )
    };
    rule(&house, "first", json!({ "approval": { "needed": 1, "officers": ["officer-1"] } })).await;
    let request = ask(&mut client, &document, json!({})).await;
    assert_eq!(approve(&house, &house.officer(1), &request, &document).await.status, 200);
    let answer = client.send(Method::POST, &sign("first", ""), &[], Vec::new()).await.unwrap();
    assert_eq!(denied(&answer), no(403, "seal-use-blind", "blind"), "even with the approved digest");
    assert_eq!(seal(&mut client, "seal=first", &document).await.status, 201, "shown it is");
    rule(&house, "second", json!({ "items": ["1"], "count": 1 })).await;
    let answer = client.send(Method::POST, &sign("second", "item=2"), &[], Vec::new()).await.unwrap();
    assert_eq!(denied(&answer), no(403, "seal-use-not-admitted", "item"));
    let answer = client.send(Method::POST, &sign("second", "item=1"), &[], Vec::new()).await.unwrap();
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let record = client.get(answer.header("location")).await.json();
    assert!(record["rule"].is_string() && record["kind"] == "two-phase", "{record}");
    let answer = client.send(Method::POST, &sign("second", "item=1"), &[], Vec::new()).await.unwrap();
    assert_eq!(denied(&answer).1, "seal-use-limit-reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_seals_of_gb_38540_are_used_by_the_same_rules() {
    let (house, machine) = one().await;
    let mut client = house.connect(&machine).await;
    let file = b"\x00 no PDF".to_vec();
    rule(&house, "first", json!({ "approval": { "needed": 1, "officers": ["officer-1"] } })).await;
    let sign = async |client: &mut Client, file: &[u8]| {
        let kind = [("content-type", "application/octet-stream")];
        client.send(Method::POST, "/v1/files/sign?seal=first", &kind, file.to_vec()).await.unwrap()
    };
    assert_eq!(denied(&sign(&mut client, &file).await), no(403, "seal-use-unapproved", "approval"));
    let request = ask(&mut client, &file, json!({})).await;
    assert_eq!(approve(&house, &house.officer(1), &request, &file).await.status, 200);
    assert_eq!(denied(&sign(&mut client, b"another").await).1, "seal-use-unapproved");
    let signed = sign(&mut client, &file).await;
    assert_eq!(signed.status, 201, "the file came, so it is not blind: {:?}", signed.body);
    assert_eq!(denied(&sign(&mut client, &file).await).1, "seal-use-unapproved");
    let record = client.get(signed.header("location")).await.json();
    assert_eq!((record["approval"].as_str(), record["kind"].as_str()), (Some(&*request), Some("file")));
}
