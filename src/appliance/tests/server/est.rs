//! EST in process: what strangers are given, secrets and who hands them out.

use appliance::journal::{Act, Unit};
use appliance::store::tables::ENROLMENT_SECRETS;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::{KeyKind, Signer, SoftwareKey};
use http::Method;
use pki::profile::{BUILTIN, Profiles};
use pki::request::CertificationRequest;
use pki::{Certificate, GeneralName, Subject};
use ring::rand::SystemRandom;
use serde_json::json;

use super::house::{Answer, Client, Credential, House};

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

struct Key {
    signer: SoftwareKey,
    pkcs8: Vec<u8>,
}

impl Key {
    fn new() -> Self {
        let pkcs8 = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
        Self { signer: SoftwareKey::from_pkcs8(&pkcs8).unwrap(), pkcs8 }
    }

    /// A request as EST carries it.
    fn request(&self, subject: &Subject, names: &[GeneralName]) -> Vec<u8> {
        STANDARD.encode(CertificationRequest::make(&self.signer, subject, names).unwrap()).into_bytes()
    }
}

async fn secret(officer: &mut Client, id: &str) -> (String, String) {
    let made = officer.post(&format!("/v1/callers/{id}/enrolment-secrets"), &json!({})).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
    (text("secret"), text("id"))
}

async fn enroll(client: &mut Client, who: Option<(&str, &str)>, body: Vec<u8>) -> Answer {
    enroll_at(client, "/.well-known/est/simpleenroll", who, body).await
}

async fn enroll_at(client: &mut Client, path: &str, who: Option<(&str, &str)>, body: Vec<u8>) -> Answer {
    let basic = who.map(|(name, secret)| format!("Basic {}", STANDARD.encode(format!("{name}:{secret}"))));
    let mut headers = vec![("content-type", "application/pkcs10")];
    if let Some(basic) = &basic {
        headers.push(("authorization", basic));
    }
    client.send(Method::POST, path, &headers, body).await.unwrap()
}

/// The single certificate of an answer, for a key.
fn certified(answer: &Answer, key: &Key) -> Certificate {
    let wrapped = der(answer);
    let begin = (0..wrapped.len()).find(|at| Certificate::from_der(&element(&wrapped[*at..])).is_ok());
    let certificate = Certificate::from_der(&element(&wrapped[begin.unwrap()..])).unwrap();
    assert_eq!(certificate.spki(), key.signer.public_key());
    certificate
}

/// The DER element that octets begin with, if it is long.
fn element(octets: &[u8]) -> Vec<u8> {
    let [0x30, 0x82, high, low, ..] = octets else { return Vec::new() };
    octets.get(..4 + usize::from(u16::from_be_bytes([*high, *low]))).unwrap_or_default().to_vec()
}

fn own() -> Subject {
    Subject::common_name("portal")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_enrols_once_and_the_certificate_renews_itself() {
    let house = house().await;
    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    let (secret, id) = secret(&mut officer, "portal").await;
    let mut stranger = stranger(&house).await;
    let key = Key::new();
    let answer = enroll(&mut stranger, Some(("portal", &secret)), key.request(&own(), &[])).await;
    assert_eq!(answer.header("content-type"), "application/pkcs7-mime; smime-type=certs-only");
    let first = certified(&answer, &key);
    assert_eq!(first.uri_sans().collect::<Vec<_>>(), ["urn:cinnabar:demo:machine:portal"]);
    let listed = officer.get("/v1/callers/portal/enrolment-secrets").await;
    assert_eq!(
        (&listed.json()["items"][0]["id"], &listed.json()["items"][0]["state"]),
        (&json!(id), &json!("used"))
    );
    let again = enroll(&mut stranger, Some(("portal", &secret)), Key::new().request(&own(), &[])).await;
    assert_eq!((again.status, again.problem().as_str()), (401, "credentials-required"));

    // The certificate is one for the platform API, and for its own successor with another key.
    let held = Credential { certificate: first.clone(), key: key.pkcs8.clone() };
    let mut platform = house.connect(&held).await;
    assert_eq!(platform.get("/v1/openapi.json").await.status, 200);
    let next = Key::new();
    let body = next.request(&Subject::copied(first.subject().clone()), first.subject_alt_names());
    let renewed = Credential { certificate: first.clone(), key: next.pkcs8.clone() };
    let mut shown = held;
    for to in [house.enrolment[0], house.platform[0]] {
        let mut client = house.try_connect_to(to, Some(&shown)).await.unwrap();
        let answer = enroll_at(&mut client, "/.well-known/est/simplereenroll", None, body.clone()).await;
        let second = certified(&answer, &next);
        assert_eq!(
            (second.subject(), second.subject_alt_names()),
            (first.subject(), first.subject_alt_names())
        );
        let record = format!("/v1/certificates/{}", hex::encode(second.sha256_fingerprint()));
        assert_eq!(officer.get(&record).await.json()["caller"], "portal");
        for path in ["/.well-known/est/simplereenroll", "/.well-known/est/simpleenroll"] {
            let again = enroll_at(&mut client, path, None, body.clone()).await;
            assert_eq!((again.status, again.problem().as_str()), (409, "certificate-not-renewable"));
        }
        shown = Credential { certificate: second, ..renewed.clone() };
    }
    assert_eq!(platform.get("/v1/openapi.json").await.status, 200, "the old one stays good");
    let entries = house.entries().await;
    let enrolled = entries.iter().filter(|entry| entry["action"] == "certificate.enrol");
    assert_eq!(enrolled.clone().count(), 3, "each enrolment is an entry");
    assert!(enrolled.clone().all(|entry| entry["actor"]["id"] == "portal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_is_for_the_same_names_and_needs_the_certificate() {
    let house = house().await;
    let held = house.machine("approvals", &["sealer"]).await;
    let path = "/.well-known/est/simplereenroll";
    let subject = Subject::copied(held.certificate.subject().clone());
    let names = held.certificate.subject_alt_names();
    let mut client = house.try_connect_to(house.enrolment[0], Some(&held)).await.unwrap();
    let other = [GeneralName::Uri("urn:cinnabar:demo:machine:portal".into())];
    for (subject, names) in [
        (Subject::common_name("approvals"), names),
        (Subject::common_name("portal"), names),
        (subject.clone(), &[][..]),
        (subject.clone(), &other[..]),
    ] {
        let answer = enroll_at(&mut client, path, None, Key::new().request(&subject, names)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "certification-request-names"));
    }
    assert_eq!(house.refusals("certification-request-names").await, 4);
    let mut stranger = stranger(&house).await;
    let answer = enroll_at(&mut stranger, path, None, Key::new().request(&subject, names)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    let officer = house.officer(1);
    let mut officer = house.try_connect_to(house.enrolment[0], Some(&officer)).await.unwrap();
    let answer = enroll_at(&mut officer, path, None, Key::new().request(&subject, names)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "persons renew elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_do_not_fit_are_all_answered_alike_and_counted() {
    let house = house().await;
    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    machine(&house, &mut officer, "other").await;
    let (good, _) = secret(&mut officer, "portal").await;
    let (withdrawn, id) = secret(&mut officer, "portal").await;
    let path = format!("/v1/callers/portal/enrolment-secrets/{id}/withdraw");
    assert_eq!(officer.post(&path, &json!({})).await.status, 200);
    let (expired, id) = secret(&mut officer, "portal").await;
    let row = house.app.db.row(&ENROLMENT_SECRETS, &id).await.unwrap().unwrap();
    let unit =
        Unit::new(Act::system("test", "test.expire", "")).update(row.next_version().with("expires", 1));
    house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();

    let mut stranger = stranger(&house).await;
    let request = Key::new().request(&own(), &[]);
    let without = enroll(&mut stranger, None, request.clone()).await;
    assert_eq!((without.status, without.problem().as_str()), (401, "credentials-required"));
    assert_eq!(without.header("www-authenticate"), "Basic realm=\"cinnabar enrolment\", charset=\"UTF-8\"");
    let mut details = std::collections::HashSet::new();
    for (name, secret) in [
        ("portal", &withdrawn),
        ("portal", &expired),
        ("other", &good),
        ("nobody", &good),
        ("officer-1", &good),
        ("", &good),
    ] {
        let answer = enroll(&mut stranger, Some((name, secret)), request.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "credentials-required"), "{name}");
        assert!(answer.headers.contains_key("www-authenticate"));
        details.insert(answer.json()["detail"].to_string());
    }
    assert_eq!(details.len(), 1, "nothing tells whose or why: {details:?}");
    let mistyped = enroll(&mut stranger, Some(("portal", &good[1..])), request.clone()).await;
    assert!(mistyped.json()["detail"].as_str().unwrap().contains("mistyped"));
    for _ in 0..3 {
        enroll(&mut stranger, Some(("portal", "wrong")), request.clone()).await;
    }
    let limited = enroll(&mut stranger, Some(("portal", &good)), request.clone()).await;
    assert_eq!((limited.status, limited.problem().as_str()), (429, "too-many-requests"));
    assert!(limited.header("retry-after").parse::<u64>().unwrap() > 10);
    assert_eq!(house.refusals("credentials-required").await, 0, "strangers do not make the log grow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_to_nothing_burns_no_secret_and_is_entered() {
    let house = house().await;
    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    machine(&house, &mut officer, "other").await;
    let (secret, _) = secret(&mut officer, "portal").await;
    let mut stranger = stranger(&house).await;
    let key = Key::new();
    let sound = key.request(&own(), &[]);
    let mut altered = STANDARD.decode(&sound).unwrap();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    let names = |names: &[GeneralName]| key.request(&own(), names);
    for (body, status, problem) in [
        (b"%%%".to_vec(), 400, "malformed-request"),
        (Vec::new(), 400, "malformed-request"),
        (b"AAECAw==".to_vec(), 422, "certification-request-unsound"),
        (STANDARD.encode(&altered).into_bytes(), 422, "certification-request-unproven"),
        (STANDARD.encode(&altered[..40]).into_bytes(), 422, "certification-request-unsound"),
        (key.request(&Subject::common_name("other"), &[]), 422, "certification-request-names"),
        (
            names(&[GeneralName::Uri("urn:cinnabar:demo:machine:other".into())]),
            422,
            "certification-request-names",
        ),
        (names(&[GeneralName::Dns("localhost".into())]), 422, "certification-request-names"),
        (vec![b'A'; 120 * 1024], 413, "body-too-large"),
        (vec![b'A'; 200 * 1024], 413, "body-too-large"),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
        let answer = enroll(&mut stranger, Some(("portal", &secret)), body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{shown}");
    }
    let wrong_label = "/.well-known/est/officer/simpleenroll";
    let answer = enroll_at(&mut stranger, wrong_label, Some(("portal", &secret)), sound.clone()).await;
    assert_eq!(answer.status, 404);
    let entries = house.entries().await;
    let of_portal = entries.iter().filter(|entry| {
        entry["action"] == "refusal"
            && entry["actor"]["id"] == "portal"
            && entry["resource"] == "caller:portal"
    });
    assert!(of_portal.count() >= 7, "{entries:#?}");

    let answer = enroll(&mut stranger, Some(("portal", &secret)), sound).await;
    certified(&answer, &key);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_of_one_secret_at_once_one_is_served() {
    let house = house().await;
    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    let (secret, _) = secret(&mut officer, "portal").await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(stranger(&house).await);
    }
    let uses = clients.iter_mut().map(|client| {
        let request = Key::new().request(&own(), &[]);
        enroll(client, Some(("portal", &secret)), request)
    });
    let answers = futures_util::future::join_all(uses).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    let certificates = officer.get("/v1/certificates?caller=portal").await;
    assert_eq!(certificates.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_machine_enrols_with_nothing() {
    let house = house().await;
    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    let (secret, _) = secret(&mut officer, "portal").await;
    let read = officer.get("/v1/callers/portal").await;
    let tag = [("if-match", read.header("etag"))];
    let answer = officer.post_with("/v1/callers/portal/retire", &json!({}), &tag).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let request = Key::new().request(&own(), &[]);
    let answer = enroll(&mut stranger(&house).await, Some(("portal", &secret)), request).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "credentials-required"));
    let made = officer.post("/v1/callers/portal/enrolment-secrets", &json!({})).await;
    assert_eq!((made.status, made.problem().as_str()), (409, "conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_awaits_approval_is_fetched_with_the_secret_that_asked_for_it_and_for_nothing_else() {
    let house = house().await;
    let machine_profile = BUILTIN.iter().find(|(name, _)| *name == "machine").unwrap().1;
    let texts = BUILTIN.iter().map(|(name, text)| (format!("{name}.toml"), (*text).to_owned()));
    let approved = ("machine-approved.toml".to_owned(), format!("approvals = 1\n{machine_profile}"));
    house.app.profiles.replace(Profiles::from_texts(texts.chain([approved])).unwrap());

    let mut officer = house.connect(&house.officer(1)).await;
    machine(&house, &mut officer, "portal").await;
    let body = json!({ "profile": "machine-approved" });
    let made = officer.post("/v1/callers/portal/enrolment-secrets", &body).await.json();
    let secret = made["secret"].as_str().unwrap();
    let mut stranger = stranger(&house).await;
    let elsewhere = "/.well-known/est/machine/simpleenroll";
    let key = Key::new();
    let request = key.request(&own(), &[]);
    let answer = enroll_at(&mut stranger, elsewhere, Some(("portal", secret)), request.clone()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "of one profile alone");
    for path in ["/.well-known/est/simpleenroll", "/.well-known/est/machine-approved/simpleenroll"] {
        let answer = enroll_at(&mut stranger, path, Some(("portal", secret)), request.clone()).await;
        assert_eq!(answer.status, 202, "{:?}", answer.body);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    let other = enroll(&mut stranger, Some(("portal", secret)), Key::new().request(&own(), &[])).await;
    assert_eq!((other.status, other.problem().as_str()), (401, "credentials-required"), "one request");
    let waiting = officer.get("/v1/certificate-requests").await.json();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1, "asked again is asked once: {waiting}");
    let (id, digest) = (waiting["items"][0]["id"].as_str().unwrap(), &waiting["items"][0]["csr_digest"]);
    let approve = format!("/v1/certificate-requests/{id}/approve");
    let answer = officer.post(&approve, &json!({ "csr_digest": digest })).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);

    let answer = enroll(&mut stranger, Some(("portal", secret)), request.clone()).await;
    assert_eq!(certified(&answer, &key).uri_sans().count(), 1);
    let again = enroll(&mut stranger, Some(("portal", secret)), request).await;
    let held = certified(&answer, &key);
    assert_eq!(certified(&again, &key), held, "the answer may have been lost");
    // The certificate enrols for its own profile, and no other.
    let held = Credential { certificate: held, key: key.pkcs8.clone() };
    let mut client = house.try_connect_to(house.enrolment[0], Some(&held)).await.unwrap();
    for (path, status) in [(elsewhere, 403), ("/.well-known/est/simpleenroll", 202)] {
        let answer = enroll_at(&mut client, path, None, Key::new().request(&own(), &[])).await;
        assert_eq!(answer.status, status, "{:?}", answer.body);
    }
}
