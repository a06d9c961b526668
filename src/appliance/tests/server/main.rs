//! The listeners end to end in one process: handshakes, refusals, limits, registration, revocation, reload.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests fail loudly"
)]

extern crate eseal as cinnabar_eseal;
extern crate pki as cinnabar_pki;

mod batch;
mod certificates;
mod documents;
mod enrolment;
mod est;
mod files;
#[path = "../../../pki/tests/forge/mod.rs"]
mod forge;
mod house;
mod licence_status;
mod licences;
#[allow(dead_code, reason = "a cast from which each test picks")]
#[path = "../../../eseal/tests/ses/parts.rs"]
mod parts;
mod portal;
mod recognition;
mod registry;
mod seal_files;
mod seal_register;
mod seals;
mod ses;
mod status;
mod two_phase;
mod usage;
mod usage_approvals;

#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "a cast from which each test picks")]
#[path = "../../../eseal/tests/ses/world.rs"]
mod world;

use std::time::{Duration, Instant};

use crypto::{DigestAlgorithm, KeyKind, Signer, SoftwareKey};
use house::{Credential, House, now};
use http::Method;
use ring::rand::SystemRandom;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn sealed_refuses_every_act_says_so_and_enters_the_refusal_after_unsealing() {
    let house = House::sealed("").await;
    let mut officer = house.connect(&house.officer(1)).await;
    let answer = officer.get("/v1/callers").await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "sealed"));
    assert!(answer.headers.contains_key("retry-after"));
    let health = house.admin(Method::GET, "/health", "").await;
    assert_eq!((health.status, health.json()["status"].as_str()), (503, Some("sealed")));
    let wrong = house.admin(Method::POST, "/unseal", r#"{"passphrase":"a wrong passphrase"}"#).await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (403, "unseal-failed"));

    let answer = house.admin(Method::POST, "/unseal", r#"{"credential":true}"#).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.json()["sealed"], false);
    assert_eq!(officer.get("/v1/callers").await.status, 200, "the connection outlives the unsealing");
    let entries = house.entries().await;
    let of = |word: &str| entries.iter().position(|entry| entry.to_string().contains(word));
    let refused = of("\"sealed\"").expect("the refused request is entered");
    let failed = of("\"unseal-failed\"").expect("the failed unseal is entered");
    let unsealed = of("\"appliance.unseal\"").unwrap();
    assert!(refused < failed && unsealed >= failed, "{refused} {failed} {unsealed}");
    let health = house.admin(Method::GET, "/health", "").await.json();
    assert_eq!(health["status"], "degraded", "the clock is only assumed: {health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_unsealing_does_not_leave_it_half_done() {
    let house = House::sealed("").await;
    let asked = house.admin(Method::POST, "/unseal", r#"{"credential":true}"#);
    let _ = tokio::time::timeout(Duration::from_millis(1), asked).await;
    for _ in 0..100 {
        let status = house.admin(Method::GET, "/health", "").await.json()["status"].clone();
        if status != "unsealing" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still unsealing");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_or_under_an_unknown_authority_there_is_no_handshake() {
    let house = House::open().await;
    let mut without = house.try_connect(None).await;
    if let Ok(client) = &mut without {
        // TLS 1.3 clients learn of it with the first answer.
        assert!(client.send(Method::GET, "/v1/callers", &[], Vec::new()).await.is_err());
    }
    let other = House::open().await;
    let stranger = other.officer(1);
    if let Ok(mut client) = house.try_connect(Some(&stranger)).await {
        assert!(client.send(Method::GET, "/v1/callers", &[], Vec::new()).await.is_err());
    }
    let metrics = house.admin(Method::GET, "/metrics", "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(metrics.contains("cinnabar_tls_failures_total{kind=\"no-certificate\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_finishes_the_handshake_and_is_told_once() {
    let house = House::open().await;
    let expired =
        house.credential("officers-ca", "urn:cinnabar:demo:officer:officer-1", now() - 3 * 86_400, 1);
    let mut client = house.connect(&expired).await;
    let answer = client.get("/v1/callers").await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "certificate-expired"));
    assert!(
        client.send(Method::GET, "/v1/callers", &[], Vec::new()).await.is_err(),
        "nothing else is served"
    );
    assert_eq!(house.refusals("certificate-expired").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_name_nobody_are_refused_each_with_its_reason() {
    let house = House::open().await;
    for (issuer, uri, problem) in [
        ("officers-ca", "urn:cinnabar:demo:officer:nobody", "caller-unknown"),
        ("platform-ca", "urn:cinnabar:demo:officer:officer-1", "certificate-unfit"),
    ] {
        let credential = house.credential(issuer, uri, now(), 1);
        let answer = house.connect(&credential).await.get("/v1/callers").await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, problem));
        assert_eq!(house.refusals(problem).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_caller_is_cut_off_within_five_seconds_on_its_open_connection() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut open = house.connect(&machine).await;
    assert_eq!(open.get("/v1/openapi.json").await.status, 200);
    let mut officer = house.connect(&house.officer(1)).await;
    let fingerprint = hex::encode(machine.certificate.sha256_fingerprint());
    let path = format!("/v1/certificates/{fingerprint}/revoke");
    let answer = officer.post(&path, &json!({ "reason": "keyCompromise" })).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.json()["state"], "revoked");
    let revoked = Instant::now();
    let refused = loop {
        let answer = open.get("/v1/openapi.json").await;
        if answer.status != 200 {
            break answer;
        }
        assert!(revoked.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((refused.status, refused.problem().as_str()), (403, "certificate-revoked"));
    assert!(
        open.send(Method::GET, "/v1/openapi.json", &[], Vec::new()).await.is_err(),
        "closed after the answer"
    );
    let again = house.connect(&machine).await.get("/v1/openapi.json").await;
    assert_eq!(again.problem(), "certificate-revoked");
    assert!(house.refusals("certificate-revoked").await >= 1);

    let crl = house.public("/crl/platform-ca.crl").await;
    assert_eq!((crl.status, crl.header("content-type")), (200, "application/pkix-crl"));
    let crl = pki::crl::Crl::from_der(&crl.body).unwrap();
    let revoked = crl.lookup(machine.certificate.serial()).expect("the list names the certificate");
    assert_eq!(revoked.reason, Some(pki::crl::Reason::KeyCompromise));
    let twice = officer.post(&path, &json!({})).await;
    assert_eq!((twice.status, twice.problem().as_str()), (409, "conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_role_is_refused_entered_and_changes_nothing() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let answer =
        house.connect(&machine).await.post("/v1/organisations", &json!({ "id": "x", "name": "x" })).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    let entries = house.entries().await;
    let entry = entries.iter().find(|entry| entry.to_string().contains("\"forbidden\"")).unwrap();
    assert!(entry.to_string().contains("organisation.add"), "{entry}");
    assert!(entry.to_string().contains("approvals"), "{entry}");
    let mut officer = house.connect(&house.officer(1)).await;
    assert_eq!(officer.get("/v1/organisations/x").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_with_the_request_id() {
    let house = House::open().await;
    let mut officer = house.connect(&house.officer(1)).await;
    let id = [("x-request-id", "my-request-1")];
    let answer = officer.send(Method::GET, "/v1/nothing", &id, Vec::new()).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
    assert_eq!(answer.header("x-request-id"), "my-request-1");
    let answer = officer.send(Method::DELETE, "/v1/callers", &[], Vec::new()).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (405, "method-not-allowed"));
    assert!(answer.header("allow").contains("POST"));
    let answer =
        officer.send(Method::POST, "/v1/callers", &[("content-type", "text/plain")], b"x".to_vec()).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (415, "unsupported-media-type"));
    let answer = officer.post("/v1/callers", &json!({ "id": "x", "surprise": 1 })).await;
    assert_eq!(answer.problem(), "invalid-parameter");
    let answer = officer.get("/v1/callers?limit=9999").await;
    assert_eq!(answer.problem(), "invalid-parameter");
    let long = json!({ "id": "x".repeat(2 << 20), "name": "x" });
    let answer = officer.post("/v1/organisations", &long).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
    let mut officer = house.connect(&house.officer(1)).await;
    let foreign = [("origin", "https://evil.example")];
    let answer = officer.post_with("/v1/organisations", &json!({ "id": "y", "name": "y" }), &foreign).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "foreign-origin"));
    assert_eq!(house.refusals("foreign-origin").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_and_callers_are_kept_with_versions_and_pages() {
    let house = House::open().await;
    let mut officer = house.connect(&house.officer(1)).await;
    for id in ["a", "b", "c"] {
        let answer = officer.post("/v1/organisations", &json!({ "id": id, "name": "示范" })).await;
        assert_eq!((answer.status, answer.header("etag")), (201, "\"1\""));
        assert!(answer.header("cinnabar-leaf").parse::<u64>().is_ok());
    }
    assert_eq!(
        officer.post("/v1/organisations", &json!({ "id": "a", "name": "x" })).await.problem(),
        "conflict"
    );
    let bad = officer.post("/v1/organisations", &json!({ "id": "Not An Id", "name": "x" })).await;
    assert_eq!(bad.problem(), "invalid-parameter");
    let page = officer.get("/v1/organisations?limit=2").await.json();
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].as_str()), (2, Some("appliance")));
    let page = officer.get("/v1/organisations?limit=2&after=appliance").await.json();
    assert_eq!((page["items"][1]["id"].as_str(), page["next"].is_null()), (Some("c"), true));

    let change = json!({ "name": "新名" });
    let headers = [("content-type", "application/json")];
    let blind = officer.send(Method::PATCH, "/v1/organisations/a", &headers, change.to_string().into()).await;
    assert_eq!(blind.unwrap().problem(), "precondition-required");
    assert_eq!(officer.patch("/v1/organisations/a", &change, "\"7\"").await.problem(), "precondition-failed");
    let changed = officer.patch("/v1/organisations/a", &change, "\"1\"").await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(officer.get("/v1/organisations/a").await.json()["name"], "新名");
    let wrong =
        officer.post("/v1/callers", &json!({ "id": "m", "organisation": "a", "roles": ["auditor"] })).await;
    assert_eq!(wrong.problem(), "invalid-parameter");
    let nowhere = officer.post("/v1/callers", &json!({ "id": "m", "organisation": "zzz" })).await;
    assert_eq!(nowhere.problem(), "invalid-parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_officer_and_a_further_role_need_a_second_officer() {
    let house = House::open().await;
    let mut first = house.connect(&house.officer(1)).await;
    let mut second = house.connect(&house.officer(2)).await;
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
    let hash =
        hex::encode(DigestAlgorithm::Sha256.digest(SoftwareKey::from_pkcs8(&key).unwrap().public_key()));
    let mut new = json!({ "id": "officer-3", "kind": "officer", "organisation": "appliance", "person": "p3",
                      "roles": ["security-officer"] });
    for wrong in [json!(null), json!("ab"), json!(hash.to_uppercase())] {
        new["key"] = wrong;
        assert_eq!(first.post("/v1/callers", &new).await.problem(), "invalid-parameter");
    }
    new["key"] = hash.clone().into();
    let proposed = first.post("/v1/callers", &new).await;
    assert_eq!((proposed.status, proposed.json()["state"].as_str()), (202, Some("proposed")));
    let approve = format!("{}/approve", proposed.header("location"));
    let own = first.post(&approve, &json!({})).await;
    assert_eq!((own.status, own.problem().as_str()), (403, "forbidden"));
    let approved = second.post(&approve, &json!({})).await;
    assert_eq!((approved.status, approved.json()["state"].as_str()), (200, Some("active")));
    assert_eq!(second.post(&approve, &json!({})).await.problem(), "conflict");
    let proposal = second.get("/v1/proposals").await.json()["items"][0].clone();
    assert_eq!(proposal["key"].as_str(), Some(&*hash), "the second officer sees which key");
    let forbidden = Some((403, "forbidden".to_owned()));
    let refused = house.certification_of(&mut first, "officer-3", key.clone()).await.err();
    assert_eq!(refused, forbidden, "the proposer does not get the certificate");
    let refused = house.certification(&mut second, "officer-3").await.err();
    assert_eq!(refused, forbidden, "the second officer does not get it for a key of their own");
    let third = house.certification_of(&mut second, "officer-3", key).await.unwrap();
    house.known(&third).await;
    let renewed = house.certified(&mut house.connect(&third).await, "officer-3").await;
    assert_ne!(renewed.key, third.key, "the person renews with whatever key");
    for (officer, other) in [(&mut first, "officer-2"), (&mut second, "officer-3")] {
        let refused = house.certification(officer, other).await.err();
        assert_eq!(refused, Some((403, "forbidden".to_owned())), "nobody comes by another person's eyes");
    }
    house.certified(&mut first, "officer-1").await;
    assert_eq!(house.connect(&third).await.get("/v1/callers").await.status, 200);

    house.machine("approvals", &["verifier"]).await;
    let more =
        first.patch("/v1/callers/approvals", &json!({ "roles": ["verifier", "sealer"] }), "\"1\"").await;
    assert_eq!((more.status, more.json()["state"].as_str()), (202, Some("open")));
    assert_eq!(first.get("/v1/callers/approvals").await.json()["roles"], json!(["verifier"]));
    let approve = format!("{}/approve", more.header("location"));
    let approved = second.post(&approve, &json!({})).await;
    assert_eq!(approved.json()["roles"], json!(["sealer", "verifier"]));
    let fewer = first.patch("/v1/callers/approvals", &json!({ "roles": ["sealer"] }), "\"2\"").await;
    assert_eq!((fewer.status, fewer.json()["roles"].clone()), (200, json!(["sealer"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_caller_is_refused_and_its_certificates_are_revoked() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let retired =
        officer.post_with("/v1/callers/approvals/retire", &json!({}), &[("if-match", "\"1\"")]).await;
    assert_eq!((retired.status, retired.json()["state"].as_str()), (200, Some("retired")));
    let certificates = officer.get("/v1/certificates?caller=approvals").await.json();
    assert_eq!(certificates["items"][0]["state"], "revoked");
    for _ in 0..50 {
        let answer = house.connect(&machine).await.get("/v1/openapi.json").await;
        if answer.status == 403 {
            assert_eq!(answer.problem(), "certificate-revoked");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still served");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_while_the_body_arrives_is_refused_at_its_end() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut client = house.connect(&machine).await;
    assert_eq!(client.get("/v1/test/renewed").await.status, 200);
    let under_way = tokio::spawn(async move { client.get("/v1/test/renewed").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let fingerprint = hex::encode(machine.certificate.sha256_fingerprint());
    let path = format!("/v1/certificates/{fingerprint}/revoke");
    assert_eq!(officer.post(&path, &json!({ "reason": "keyCompromise" })).await.status, 200);
    let refused = under_way.await.unwrap();
    assert_eq!((refused.status, refused.problem().as_str()), (403, "certificate-revoked"));
    assert_eq!(house.refusals("certificate-revoked").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsound_certification_request_is_refused() {
    let house = House::open().await;
    house.machine("approvals", &["sealer"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let path = "/v1/callers/approvals/certificates";
    let kind = [("content-type", "application/pkcs10")];
    let answer = officer.send(Method::POST, path, &kind, b"not a request".to_vec()).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (422, "certification-request-unsound"));
    let answer = officer.send(Method::POST, path, &[], Vec::new()).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (415, "unsupported-media-type"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_listener_serves_self_signed_objects_and_nothing_else() {
    let house = House::open().await;
    house.machine("approvals", &["sealer"]).await;
    let checkpoint = house.public("/log/checkpoint").await;
    let text = String::from_utf8(checkpoint.body.to_vec()).unwrap();
    assert!(text.starts_with("demo.example/log\n"), "{text}");
    let size: u64 = text.lines().nth(1).unwrap().parse().unwrap();
    let tile = house.public(&format!("/log/tile/0/000.p/{size}")).await;
    assert_eq!((tile.status, tile.body.len() as u64), (200, size * 32));
    let proof = house.public(&format!("/log/consistency?from=1&to={size}")).await;
    assert_eq!(proof.status, 200, "{:?}", proof.body);
    assert_eq!(house.public("/log/consistency?from=0&to=1").await.problem(), "invalid-parameter");
    let authority = house.public("/ca/platform-ca.cer").await;
    assert_eq!(authority.status, 200);
    assert!(pki::Certificate::from_der(&authority.body).unwrap().is_ca());
    assert_eq!(house.public("/ca/../tls/server.cer").await.status, 404);
    assert_eq!(house.public("/v1/callers").await.problem(), "not-found");
    assert_eq!(house.public("/log/tile/entries/000").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_certificate_is_served_without_dropping_connections() {
    let house = House::open().await;
    let mut open = house.connect(&house.officer(1)).await;
    assert_eq!(open.get("/v1/callers").await.status, 200);
    house.parts().server_certificate();
    let answer = house.admin(Method::POST, "/reload", "").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(open.get("/v1/callers").await.status, 200);
    assert_eq!(house.connect(&house.officer(1)).await.get("/v1/callers").await.status, 200);
    std::fs::write(house.folder.path().join("tls/server.key"), "broken").unwrap();
    let answer = house.admin(Method::POST, "/reload", "").await;
    assert_eq!(answer.status, 409);
    assert!(answer.json()["faults"][0].as_str().unwrap().contains("server.key"));
    assert_eq!(house.connect(&house.officer(1)).await.get("/v1/callers").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_policies_take_effect_and_are_entered() {
    let house = House::open().await;
    let mut officer = house.connect(&house.officer(1)).await;
    let path = house.folder.path().join("policies/house.cedar");
    let text = r#"@id("closed") @reason("x") forbid (principal, action == Cinnabar::Action::"caller.read", resource);"#;
    std::fs::write(&path, text).unwrap();
    assert_eq!(house.admin(Method::POST, "/reload", "").await.status, 200);
    let refused = officer.get("/v1/callers").await;
    assert_eq!(refused.problem(), "forbidden");
    let entries = house.entries().await;
    assert!(entries.iter().any(|entry| entry.to_string().contains("policy.reload")));
    assert!(entries.iter().any(|entry| entry.to_string().contains("\"closed\"")), "the policy is named");
    std::fs::write(&path, "forbid").unwrap();
    assert_eq!(house.admin(Method::POST, "/reload", "").await.status, 409);
    assert_eq!(officer.get("/v1/callers").await.problem(), "forbidden", "what was in force stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_certificate_profiles_take_effect_and_are_entered() {
    let house = House::open().await;
    let before = house.app.profiles().digest().to_owned();
    assert_eq!(
        before,
        pki::profile::builtin().digest(),
        "without a folder those of the program are in force"
    );
    let folder = house.folder.path().join("policies/certificates");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in pki::profile::BUILTIN {
        let text =
            if *name == "machine" { text.replace("days = 397", "days = 90") } else { (*text).to_owned() };
        std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }
    assert_eq!(house.admin(Method::POST, "/reload", "").await.status, 200);
    let profiles = house.app.profiles();
    assert_eq!(profiles.get("machine").unwrap().validity().days, 90);
    let entries = house.entries().await;
    let entered = |digest: &str| {
        entries.iter().any(|entry| {
            let text = entry.to_string();
            text.contains("policy.reload") && text.contains("profiles") && text.contains(digest)
        })
    };
    assert!(entered(&before) && entered(profiles.digest()), "both digests are entered");
    std::fs::write(folder.join("machine.toml"), "version = 1\ncolour = \"red\"").unwrap();
    let answer = house.admin(Method::POST, "/reload", "").await;
    assert_eq!(answer.status, 409);
    assert!(answer.json()["faults"].to_string().contains("machine.toml"), "{}", answer.json());
    assert_eq!(house.app.profiles().digest(), profiles.digest(), "what was in force stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_under_way_are_bounded_per_caller_and_in_all() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::with("bodies_at_once = 2\nbodies_per_caller = 1").await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let taken = async |wanted: usize| {
        for _ in 0..100 {
            if house.app.bodies.taken() == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} bodies are held, not {wanted}", house.app.bodies.taken());
    };
    let begun = async |officer: u8| {
        let mut stream = house.raw(&house.officer(officer)).await;
        let head = "POST /v1/test/echo HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 6\r\n\r\nabc";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        stream
    };
    taken(0).await;
    let mut first = begun(1).await;
    taken(1).await;
    let echo = async |who: Credential| house.connect(&who).await.post("/v1/test/echo", &json!({})).await;
    let answer = echo(house.officer(1)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (429, "too-many-requests"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(house.connect(&house.officer(1)).await.get("/v1/callers").await.status, 200, "without a body");
    assert_eq!(echo(machine.clone()).await.status, 200, "others are not hindered");
    let second = begun(2).await;
    taken(2).await;
    let answer = echo(machine.clone()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "overloaded"));
    assert_eq!(answer.header("retry-after"), "1");
    drop(second);
    taken(1).await;
    first.write_all(b"def").await.unwrap();
    let mut answer = Vec::new();
    let _ = first.read_to_end(&mut answer).await;
    assert!(String::from_utf8_lossy(&answer).ends_with("abcdeftail"), "{answer:?}");
    taken(0).await;
    assert_eq!(echo(house.officer(1)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_over_its_rate_is_told_when_to_come_back() {
    let house = House::with("requests_per_second = 1\nrequest_burst = 3").await;
    let mut officer = house.connect(&house.officer(1)).await;
    let mut last = officer.get("/v1/callers").await;
    for _ in 0..5 {
        last = officer.get("/v1/callers").await;
    }
    assert_eq!((last.status, last.problem().as_str()), (429, "too-many-requests"));
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    let mut other = house.connect(&house.officer(2)).await;
    assert_eq!(other.get("/v1/callers").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_dawdle_are_let_go() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::with("handshake_seconds = 1\nidle_seconds = 1\nconnections_per_peer = 3").await;
    let mut silent = tokio::net::TcpStream::connect(house.platform[0]).await.unwrap();
    let started = Instant::now();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0, "no handshake within its time");
    assert!(started.elapsed() < Duration::from_secs(5));

    let mut slow = tokio::net::TcpStream::connect(house.public).await.unwrap();
    slow.write_all(b"GET /log/checkpoint HTTP/1.1\r\n").await.unwrap();
    let started = Instant::now();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest).await;
    assert!(started.elapsed() < Duration::from_secs(6), "a head that does not end");

    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(tokio::net::TcpStream::connect(house.public).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut fourth = tokio::net::TcpStream::connect(house.public).await.unwrap();
    let started = Instant::now();
    assert_eq!(fourth.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(started.elapsed() < Duration::from_millis(800), "closed at once, not for idling");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_families_are_served_and_stopping_is_graceful() {
    let house = House::open().await;
    for address in house.platform.clone() {
        let mut client = house.try_connect_to(address, Some(&house.officer(1))).await.unwrap();
        assert_eq!(client.get("/v1/callers").await.status, 200, "{address}");
    }
    let document = house.connect(&house.officer(1)).await.get("/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v1/callers/{id}/certificates"]["post"].is_object());
    let open = house.connect(&house.officer(1)).await;
    let started = Instant::now();
    house.stop.stop();
    house.running.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(open);
    assert!(!house.folder.path().join("state/admin.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_handler_is_an_internal_problem_and_the_server_lives() {
    let house = House::with("request_seconds = 1").await;
    let mut officer = house.connect(&house.officer(1)).await;
    let answer = officer.get("/v1/test/panic").await;
    assert_eq!((answer.status, answer.problem().as_str()), (500, "internal"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("on purpose"), "nothing internal leaves");
    let answer = officer.get("/v1/test/slow").await;
    assert_eq!((answer.status, answer.problem().as_str()), (408, "timeout"));
    assert_eq!(officer.get("/v1/callers").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_come_back_whole_and_larger_ones_are_refused() {
    let house = House::with("body = 3000000\nspill_threshold = 65536\nbody_chunk_seconds = 1").await;
    let mut officer = house.connect(&house.officer(1)).await;
    let mut body: Vec<u8> = (0..2_500_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let answer = officer.send(Method::POST, "/v1/test/echo", &[], body.clone()).await.unwrap();
    assert_eq!((answer.status, answer.header("content-length")), (200, "2500004"));
    body.extend_from_slice(b"tail");
    assert!(answer.body == body);
    body.resize(3_000_001, 0);
    let answer = officer.send(Method::POST, "/v1/test/echo", &[], body).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
    assert_eq!(answer.json()["limit"], 3_000_000);
    assert_eq!(house.refusals("body-too-large").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_served_and_cut_off_alike() {
    use http_body_util::{BodyExt, Full};
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut client = house.connect_h2(&machine).await;
    let request = || {
        http::Request::builder()
            .uri("https://localhost/v1/openapi.json")
            .body(Full::new(bytes::Bytes::new()))
            .unwrap()
    };
    let answer = client.send_request(request()).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    answer.into_body().collect().await.unwrap();
    let mut officer = house.connect(&house.officer(1)).await;
    let fingerprint = hex::encode(machine.certificate.sha256_fingerprint());
    officer.post(&format!("/v1/certificates/{fingerprint}/revoke"), &json!({})).await;
    let revoked = Instant::now();
    loop {
        let Ok(answer) = client.send_request(request()).await else { panic!("closed before it was told") };
        if answer.status() == http::StatusCode::FORBIDDEN {
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(String::from_utf8_lossy(&body).contains("certificate-revoked"));
            break;
        }
        assert!(revoked.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(client.send_request(request()).await.is_err(), "closed after the answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_everything_before_it_reads_learns_why_it_was_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::with("body = 100000").await;
    for (path, status) in [("/v1/test/echo", "413"), ("/v1/nothing", "404")] {
        let mut stream = house.raw(&house.officer(1)).await;
        let length = 20_000_000;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let _ = stream.write_all(&vec![b'x'; length]).await;
        let _ = stream.flush().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}
