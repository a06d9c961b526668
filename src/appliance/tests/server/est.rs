//! EST in process: what strangers are given, secrets and who hands them out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;

use super::house::{Answer, Client, House};

const LISTENER: &str = "[listeners.enrolment]\naddresses = [\"127.0.0.1:0\"]";

async fn house() -> House {
    House::with(LISTENER).await
}

async fn stranger(house: &House) -> Client {
    house.try_connect_to(house.enrolment[0], None).await.unwrap()
}

/// The DER that an answer carries in base64.
fn der(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let text: Vec<u8> = answer.body.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    STANDARD.decode(text).unwrap()
}

fn holds(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

async fn machine(house: &House, officer: &mut Client, id: &str) {
    let organisation = json!({ "id": "bureau", "name": "示范市行政审批局" });
    officer.post("/v1/organisations", &organisation).await;
    let caller = json!({ "id": id, "organisation": "bureau", "roles": ["sealer"] });
    assert_eq!(officer.post("/v1/callers", &caller).await.status, 201);
    // The register is read again with the act that changed it.
    assert!(house.app.identity.snapshot().unwrap().registration(id).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_gets_the_authorities_and_what_to_ask_for() {
    let house = house().await;
    let mut stranger = stranger(&house).await;
    for path in ["/.well-known/est/cacerts", "/.well-known/est/machine/cacerts"] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.header("content-type"), "application/pkcs7-mime");
        let wrapped = der(&answer);
        for authority in house.app.authorities().unwrap() {
            assert!(holds(&wrapped, authority.certificate.der()), "{path}: {}", authority.label);
        }
    }
    let answer = stranger.get("/.well-known/est/csrattrs").await;
    assert_eq!(answer.header("content-type"), "application/csrattrs");
    let plain = der(&answer);

    let approvals = house.machine("approvals", &["sealer"]).await;
    let mut known = house.try_connect_to(house.enrolment[0], Some(&approvals)).await.unwrap();
    let named = der(&known.get("/.well-known/est/csrattrs").await);
    assert!(holds(&named, approvals.certificate.subject().der()));
    assert!(!holds(&plain, b"approvals"));
    let over_platform = house.connect(&approvals).await.get("/.well-known/est/csrattrs").await;
    assert_eq!(der(&over_platform), named, "the same on the platform API");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_profiles_and_what_does_not_exist_says_so() {
    let house = house().await;
    let mut stranger = stranger(&house).await;
    for path in ["/.well-known/est/nonsense/cacerts", "/.well-known/est/officer/csrattrs"] {
        let answer = stranger.get(path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"), "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("machine"));
    }
    for path in ["fullcmc", "serverkeygen"] {
        let path = format!("/.well-known/est/{path}");
        let answer = stranger.send(Method::POST, &path, &[], b"AAAA".to_vec()).await.unwrap();
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"), "{path}");
    }
    let answer = stranger.send(Method::POST, "/.well-known/est/cacerts", &[], Vec::new()).await.unwrap();
    assert_eq!((answer.status, answer.header("allow")), (405, "GET,HEAD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_has_a_secret_made_that_is_shown_once_and_withdrawn() {
    let house = house().await;
    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    let path = "/v1/callers/portal/enrolment-secrets";
    let made = officer.post(path, &json!({ "hours": 48 })).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let (secret, id) = (made.json()["secret"].clone(), made.json()["id"].as_str().unwrap().to_owned());
    assert_eq!(secret.as_str().unwrap().len(), 35);
    assert_eq!(made.header("location"), format!("{path}/{id}"));
    assert_eq!(made.json()["issued"], "officer-1");

    let listed = officer.get(path).await;
    assert_eq!(listed.json()["items"][0]["state"], "open");
    assert!(!String::from_utf8_lossy(&listed.body).contains(secret.as_str().unwrap()), "shown once");
    let log = serde_json::to_string(&house.entries().await).unwrap();
    assert!(log.contains("enrolment.permit") && !log.contains(secret.as_str().unwrap()));

    let withdraw = format!("{path}/{id}/withdraw");
    assert_eq!(officer.post(&withdraw, &json!({})).await.json()["state"], "withdrawn");
    let again = officer.post(&withdraw, &json!({})).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
    let elsewhere = format!("/v1/callers/officer-1/enrolment-secrets/{id}/withdraw");
    assert_eq!(officer.post(&elsewhere, &json!({})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_for_machines_within_bounds_and_handed_out_by_officers_alone() {
    let house = house().await;
    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    let path = "/v1/callers/portal/enrolment-secrets";
    for (body, word) in [
        (json!({ "hours": 0 }), "hours"),
        (json!({ "hours": 169 }), "hours"),
        (json!({ "profile": "officer" }), "machine"),
        (json!({ "profile": "root" }), "machine"),
        (json!({ "minutes": 5 }), "minutes"),
    ] {
        let answer = officer.post(path, &body).await;
        assert!([400, 422].contains(&answer.status), "{body}: {:?}", answer.body);
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{:?}", answer.body);
    }
    let person = officer.post("/v1/callers/officer-2/enrolment-secrets", &json!({})).await;
    assert_eq!((person.status, person.problem().as_str()), (422, "invalid-parameter"));
    assert_eq!(officer.post("/v1/callers/nobody/enrolment-secrets", &json!({})).await.status, 404);

    let approvals = house.machine("approvals", &["sealer"]).await;
    let mut approvals = house.connect(&approvals).await;
    for answer in [
        approvals.post("/v1/callers/approvals/enrolment-secrets", &json!({})).await,
        approvals.get("/v1/callers/approvals/enrolment-secrets").await,
    ] {
        assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    }
    for _ in 0..10 {
        assert_eq!(officer.post(path, &json!({})).await.status, 201);
    }
    let many = officer.post(path, &json!({})).await;
    assert_eq!((many.status, many.problem().as_str()), (409, "conflict"));
}
