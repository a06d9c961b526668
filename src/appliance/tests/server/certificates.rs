//! Certificates over REST in process: what profiles give, approvals, renewal, replays, search.

use appliance::journal::{Act, Unit};
use appliance::store::tables::CERTIFICATES;
use appliance::store::{Row, Value as Stored};
use crypto::{DigestAlgorithm, KeyKind, Signer, SoftwareKey};
use http::Method;
use pki::profile::{BUILTIN, Profiles};
use pki::request::CertificationRequest;
use pki::{Certificate, GeneralName, Subject};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::house::{Answer, Client, House, now};

const PKCS10: (&str, &str) = ("content-type", "application/pkcs10");

fn request(name: &str, names: &[GeneralName]) -> Vec<u8> {
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
    let key = SoftwareKey::from_pkcs8(&key).unwrap();
    CertificationRequest::make(&key, &Subject::common_name(name), names).unwrap()
}

fn dns(name: &str) -> GeneralName {
    GeneralName::Dns(name.into())
}

async fn ask(client: &mut Client, path: &str, csr: &[u8], more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![PKCS10];
    headers.extend_from_slice(more);
    client.send(Method::POST, path, &headers, csr.to_vec()).await.unwrap()
}

fn certificate(answer: &Answer) -> Certificate {
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    Certificate::from_pem(answer.json()["pem"].as_str().unwrap().as_bytes()).unwrap().remove(0)
}

fn digest(csr: &[u8]) -> String {
    hex::encode(DigestAlgorithm::Sha256.digest(csr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_certificate_is_issued_with_its_receipt_and_read_in_every_form() {
    let house = House::open().await;
    let mut officer = house.connect(&house.officer(1)).await;
    let csr = request("portal", &[dns("portal.example.cn"), GeneralName::ip([10, 0, 0, 1].into())]);
    let answer = ask(&mut officer, "/v1/certificates?profile=server&days=90", &csr, &[]).await;
    let issued = certificate(&answer);
    assert_eq!(issued.dns_sans().collect::<Vec<_>>(), ["portal.example.cn"]);
    let days = (issued.not_after() - now()) / 86_400;
    assert!((89..=90).contains(&days), "{days}");
    let json = answer.json();
    let leaf = json["leaf"].as_u64().unwrap();
    assert_eq!(answer.header("cinnabar-leaf"), leaf.to_string());
    assert_eq!(json["chain"].as_array().unwrap().len(), 1);
    assert!(json["receipt"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1"));

    let at = answer.header("location").to_owned();
    let read = officer.get(&at).await;
    assert_eq!(read.json()["state"], "good");
    assert_eq!(read.json()["requester"], "officer-1");
    assert_eq!(read.header("cinnabar-leaf"), leaf.to_string());
    for (accept, pem) in [("application/pem-certificate-chain", true), ("application/pkix-cert", false)] {
        let read = officer.send(Method::GET, &at, &[("accept", accept)], Vec::new()).await.unwrap();
        let all = Certificate::from_pem_or_der(&read.body).unwrap();
        assert_eq!((read.header("content-type"), all.len()), (accept, if pem { 2 } else { 1 }));
        assert_eq!(all[0].der(), issued.der());
    }
    let known = officer.send(Method::GET, &at, &[("if-none-match", "\"1\"")], Vec::new()).await.unwrap();
    assert_eq!((known.status, known.body.len()), (304, 0));
    let strange = officer.send(Method::GET, &at, &[("accept", "text/html")], Vec::new()).await.unwrap();
    assert_eq!(strange.problem(), "not-acceptable");

    // The intent is gone with its certificate, and both are in the log.
    let entries = house.entries().await;
    let of = |action: &str| entries.iter().position(|entry| entry["action"] == action).unwrap();
    assert!(of("certificate.intend") < of("certificate.issue"));
    let left = house.app.db.fetch_all("SELECT id FROM intents", &[]).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_unfit_request_has_its_own_problem() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let good = request("portal", &[dns("portal.example.cn")]);
    let mut altered = good.clone();
    *altered.last_mut().unwrap() ^= 1;
    let server = "/v1/certificates?profile=server";
    let mut huge = b"-----BEGIN CERTIFICATE REQUEST-----\n".to_vec();
    huge.resize(200_000, b'A');
    for (path, csr, problem) in [
        (server, altered, "certification-request-unproven"),
        (server, b"junk".to_vec(), "certification-request-unsound"),
        (server, Vec::new(), "certification-request-unsound"),
        (server, huge, "body-too-large"),
        (server, request("a\nb", &[dns("x.example.cn")]), "certification-request-names"),
        (server, request("a\0b", &[dns("x.example.cn")]), "certification-request-names"),
        (server, request("a", &[dns("x\r\n.example.cn")]), "certification-request-names"),
        (server, request("a", &[dns("*.example.cn")]), "certification-request-names"),
        (server, request("a", &[GeneralName::Uri("urn:a:b".into())]), "certification-request-names"),
        (server, request("a", &[]), "certification-request-names"),
        ("/v1/certificates?profile=server&days=9999", good.clone(), "certificate-profile-forbids"),
        ("/v1/certificates?profile=unheard-of", good.clone(), "certificate-profile-forbids"),
        ("/v1/certificates?profile=issuing-ca", good.clone(), "certificate-profile-forbids"),
        ("/v1/certificates?profile=seal-organisation", good.clone(), "certificate-profile-forbids"),
        ("/v1/certificates?profile=machine", good.clone(), "invalid-parameter"),
        ("/v1/certificates?profile=officer&caller=approvals", good.clone(), "invalid-parameter"),
        ("/v1/certificates?profile=server&organisation=nobody", good.clone(), "invalid-parameter"),
        ("/v1/certificates?profile=machine&caller=approvals", good.clone(), "certification-request-names"),
        ("/v1/callers/approvals/certificates", good.clone(), "certification-request-names"),
        ("/v1/certificates?profile=machine&caller=nobody", good.clone(), "not-found"),
        ("/v1/certificates?profil=server", good.clone(), "malformed-request"),
    ] {
        let answer = ask(&mut officer, path, &csr, &[]).await;
        assert!(answer.status >= 400, "{path}");
        assert_eq!(answer.problem(), problem, "{path} {:?}", answer.body);
    }
    let kind = [("content-type", "application/json")];
    let answer = officer.send(Method::POST, server, &kind, good.clone()).await.unwrap();
    assert_eq!(answer.problem(), "unsupported-media-type");
    let mut machine = house.connect(&machine).await;
    assert_eq!(ask(&mut machine, server, &good, &[]).await.problem(), "forbidden");
    let issued = house.app.db.fetch_all("SELECT id FROM intents", &[]).await.unwrap();
    assert!(issued.is_empty(), "what is refused leaves no intent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_has_the_same_certificate_and_another_one_is_refused() {
    let house = House::open().await;
    house.machine("approvals", &["sealer"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let key = ("idempotency-key", "again-and-again");
    let csr = request("portal", &[dns("portal.example.cn")]);
    let path = "/v1/certificates?profile=server";
    let first = ask(&mut officer, path, &csr, &[key]).await;
    let again = ask(&mut officer, path, &csr, &[key]).await;
    assert_eq!(certificate(&first), certificate(&again));
    assert_eq!(first.header("cinnabar-leaf"), again.header("cinnabar-leaf"));
    let other = ask(&mut officer, path, &request("other", &[dns("o.example.cn")]), &[key]).await;
    assert_eq!(other.problem(), "idempotency-key-reused");
    let of_caller = "/v1/callers/approvals/certificates";
    let csr = request("ignored", &[]);
    let first = ask(&mut officer, of_caller, &csr, &[key]).await;
    let again = ask(&mut officer, of_caller, &csr, &[key]).await;
    assert_eq!((first.status, &first.body), (201, &again.body));
    assert_eq!(first.header("content-type"), "application/pem-certificate-chain");
    // At once: one certificate.
    let key = ("idempotency-key", "at-once");
    let csr = request("race", &[dns("race.example.cn")]);
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(house.connect(&house.officer(1)).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for mut client in clients {
        let csr = csr.clone();
        tasks.spawn(async move { ask(&mut client, path, &csr, &[key]).await });
    }
    let mut fingerprints = std::collections::HashSet::new();
    while let Some(answer) = tasks.join_next().await {
        fingerprints.insert(*certificate(&answer.unwrap()).sha256_fingerprint());
    }
    assert_eq!(fingerprints.len(), 1);
    let found = officer.get("/v1/certificates?san=race.example.cn").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_other_peoples_bound_to_what_was_seen_and_issue_once() {
    let house = House::open().await;
    house.machine("approvals", &["sealer"]).await;
    let mut first = house.connect(&house.officer(1)).await;
    let mut second = house.connect(&house.officer(2)).await;
    let path = "/v1/certificates?profile=document-signer&organisation=bureau";
    let csr = request("张三", &[]);
    let pending = ask(&mut first, path, &csr, &[]).await;
    assert_eq!((pending.status, pending.json()["state"].as_str()), (202, Some("pending")));
    assert_eq!(pending.json()["csr_digest"], digest(&csr));
    let at = pending.header("location").to_owned();
    let approval = json!({ "csr_digest": digest(&csr) });
    let again = ask(&mut first, path, &csr, &[]).await;
    assert_eq!((again.status, again.header("location")), (202, at.as_str()), "asked again is asked once");

    let own = first.post(&format!("{at}/approve"), &approval).await;
    assert_eq!((own.status, own.problem().as_str()), (403, "forbidden"));
    let unseen = second.post(&format!("{at}/approve"), &json!({ "csr_digest": "00" })).await;
    assert_eq!(unseen.problem(), "precondition-failed");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mut client = house.connect(&house.officer(2)).await;
        let (at, approval) = (format!("{at}/approve"), approval.clone());
        tasks.spawn(async move { client.post(&at, &approval).await });
    }
    let mut statuses = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        statuses.push(answer.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 409, 412].contains(status)), "{statuses:?}");
    let read = first.get(&at).await.json();
    assert_eq!((&read["state"], &read["decisions"][0]["officer"]), (&json!("issued"), &json!("officer-2")));
    let found = first.get("/v1/certificates?profile=document-signer").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["fingerprint"], read["certificate"]);
    assert_eq!(found["items"][0]["requester"], "officer-1");
    let issued = ask(&mut first, path, &csr, &[]).await;
    assert_eq!(certificate(&issued).common_name().as_deref(), Some("张三"));

    // Refused and taken back requests are over.
    for (deed, body, state) in
        [("refuse", json!({ "reason": "不是本局人员" }), "refused"), ("cancel", json!({}), "cancelled")]
    {
        let csr = request(deed, &[]);
        let pending = ask(&mut first, path, &csr, &[]).await;
        let at = pending.header("location").to_owned();
        let done = second.post(&format!("{at}/{deed}"), &body).await;
        assert_eq!((done.status, done.json()["state"].as_str()), (200, Some(state)), "{:?}", done.body);
        let late = second.post(&format!("{at}/approve"), &json!({ "csr_digest": digest(&csr) })).await;
        assert_eq!(late.problem(), "certificate-request-closed");
    }
    let open = first.get("/v1/certificate-requests").await.json();
    assert_eq!(open["items"], json!([]));
    let all = first.get("/v1/certificate-requests?state=any").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_of_an_officer_who_lost_the_role_counts_no_more() {
    let house = House::open().await;
    house.machine("approvals", &["sealer"]).await;
    let signer = BUILTIN.iter().find(|(name, _)| *name == "document-signer").unwrap().1;
    let twice = ("twice.toml".to_owned(), signer.replace("approvals = 1", "approvals = 2"));
    let texts = BUILTIN.iter().map(|(name, text)| (format!("{name}.toml"), (*text).to_owned()));
    house.app.profiles.replace(Profiles::from_texts(texts.chain([twice])).unwrap());
    let mut first = house.connect(&house.officer(1)).await;
    let mut second = house.connect(&house.officer(2)).await;

    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
    let hash = appliance::certificates::key_hash(SoftwareKey::from_pkcs8(&key).unwrap().public_key());
    let new = json!({ "id": "officer-3", "kind": "officer", "organisation": "appliance", "person": "p3",
                      "roles": ["security-officer"], "key": hash });
    let proposed = first.post("/v1/callers", &new).await;
    let approve = format!("{}/approve", proposed.header("location"));
    assert_eq!(second.post(&approve, &json!({})).await.status, 200);
    let third = house.certification_of(&mut second, "officer-3", key).await.unwrap();
    house.known(&third).await;
    let mut third = house.connect(&third).await;

    let csr = request("张三", &[]);
    let path = "/v1/certificates?profile=twice&organisation=bureau";
    let pending = ask(&mut first, path, &csr, &[]).await;
    assert_eq!(pending.status, 202, "{:?}", pending.body);
    let approve = format!("{}/approve", pending.header("location"));
    let approval = json!({ "csr_digest": digest(&csr) });
    let word = second.post(&approve, &approval).await;
    assert_eq!((word.status, word.json()["state"].as_str()), (200, Some("pending")));
    let fewer = first.patch("/v1/callers/officer-2", &json!({ "roles": [] }), "*").await;
    assert_eq!(fewer.status, 200, "{:?}", fewer.body);
    let word = third.post(&approve, &approval).await;
    assert_eq!((word.status, word.json()["state"].as_str()), (200, Some("pending")), "one word counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_by_officers_at_any_time_and_by_its_holder_when_it_is_due() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let mut holder = house.connect(&machine).await;
    let of = |certificate: &Certificate| {
        format!("/v1/certificates/{}", hex::encode(certificate.sha256_fingerprint()))
    };
    let at = of(&machine.certificate);
    assert_eq!(holder.get(&at).await.status, 200, "a holder reads its own");
    let early = ask(&mut holder, &format!("{at}/renew"), &request("x", &[]), &[]).await;
    assert_eq!((early.status, early.problem().as_str()), (403, "forbidden"));
    let renewed = ask(&mut officer, &format!("{at}/renew?days=1"), &request("x", &[]), &[]).await;
    let short = certificate(&renewed);
    assert_eq!(short.subject_alt_names(), machine.certificate.subject_alt_names());
    assert_eq!(
        renewed.json()["certificate"]["replaces"],
        hex::encode(machine.certificate.sha256_fingerprint())
    );

    let csr = request("a", &[dns("a.example.cn")]);
    let server = certificate(&ask(&mut officer, "/v1/certificates?profile=server", &csr, &[]).await);
    let renewed = ask(&mut officer, &format!("{}/renew", of(&server)), &request("a", &[]), &[]).await;
    assert_eq!(certificate(&renewed).subject_alt_names(), server.subject_alt_names());
    assert_eq!(certificate(&renewed).subject(), server.subject());
    let other = request("a", &[dns("b.example.cn")]);
    let refused = ask(&mut officer, &format!("{}/renew", of(&server)), &other, &[]).await;
    assert_eq!(refused.problem(), "certification-request-names");
    let revoke = format!("{}/revoke", of(&server));
    assert_eq!(officer.post(&revoke, &json!({ "reason": "superseded" })).await.status, 200);
    let refused = ask(&mut officer, &format!("{}/renew", of(&server)), &request("a", &[]), &[]).await;
    assert_eq!(refused.problem(), "certificate-not-renewable");
    let unknown = format!("/v1/certificates/{}/renew", "0".repeat(64));
    assert_eq!(ask(&mut officer, &unknown, &request("a", &[]), &[]).await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_found_by_what_is_known_of_them() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    for name in ["a", "b", "c"] {
        let names = [dns(&format!("{name}.test.example.cn")), dns(&format!("{name}2.test.example.cn"))];
        let path = "/v1/certificates?profile=server&organisation=bureau";
        certificate(&ask(&mut officer, path, &request(name, &names), &[]).await);
    }
    let fingerprint = hex::encode(machine.certificate.sha256_fingerprint());
    let serial = hex::encode(machine.certificate.serial());
    for (query, count) in [
        ("subject=approvals".to_owned(), 1),
        ("subject=APPROV*".to_owned(), 1),
        ("subject=approval".to_owned(), 0),
        ("san=a.test.example.cn".to_owned(), 1),
        ("san=*.test.example.cn".to_owned(), 3),
        ("san=a*".to_owned(), 1),
        ("san=urn:cinnabar:demo:machine:approvals".to_owned(), 1),
        (format!("serial={serial}"), 1),
        (format!("serial={serial}&issuer=officers-ca"), 0),
        (format!("fingerprint={}", &fingerprint[..8]), 1),
        ("caller=approvals".to_owned(), 1),
        ("profile=machine".to_owned(), 1),
        ("profile=server&organisation=bureau".to_owned(), 3),
        ("organisation=bureau".to_owned(), 4),
        ("organisation=bureau&profile=machine&state=good".to_owned(), 1),
        ("state=revoked".to_owned(), 0),
        ("state=expired".to_owned(), 0),
        ("expires_before=2020-01-01T00:00:00Z".to_owned(), 0),
        ("organisation=bureau&expires_after=2020-01-01T00:00:00Z".to_owned(), 4),
        ("subject=a&san=*.test.example.cn".to_owned(), 1),
    ] {
        let found = officer.get(&format!("/v1/certificates?{query}")).await;
        assert_eq!(found.status, 200, "{query} {:?}", found.body);
        assert_eq!(found.json()["items"].as_array().unwrap().len(), count, "{query} {}", found.json());
    }
    for bad in
        ["san=*", "serial=xyz", "state=odd", "limit=0", "after=!", "expires_after=tomorrow", "color=red"]
    {
        let answer = officer.get(&format!("/v1/certificates?{bad}")).await;
        assert!([400, 422].contains(&answer.status), "{bad}");
    }
    // Page by page everything comes once.
    let mut seen = Vec::new();
    let mut after = String::new();
    for _ in 0..20 {
        let page = officer.get(&format!("/v1/certificates?limit=2{after}")).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["fingerprint"].clone()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let all = officer.get("/v1/certificates?limit=200").await.json();
    let all: Vec<Value> =
        all["items"].as_array().unwrap().iter().map(|item| item["fingerprint"].clone()).collect();
    assert!(all.len() > 5);
    assert_eq!(seen, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_without_a_certificate_is_abandoned_and_its_serial_stays_unused() {
    let house = House::with("[certificates]\nabandon_seconds = 5").await;
    let unsealed = house.app.unsealed().unwrap();
    let officer = house.app.identity.snapshot().unwrap();
    drop(officer);
    let csr = CertificationRequest::from_der(&request("lost", &[dns("lost.example.cn")])).unwrap();
    let wish = pki::issue::Wish {
        subject: Subject::common_name("lost"),
        names: csr.subject_alt_names().to_vec(),
        public_key: csr.spki().to_vec(),
        not_before: None,
        not_after: None,
    };
    let order = appliance::certificates::Order::new("server", appliance::certificates::Way::Appliance, wish);
    let system = appliance::identity::Caller::system("test");
    let act = appliance::journal::Act::system("test", "certificate.issue", "test");
    let intended =
        appliance::certificates::intend(&house.app, &unsealed, act, &system, &order).await.unwrap();
    appliance::certificates::keeper::keep(&house.app).await.unwrap();
    let state = async || {
        let rows = house.app.db.fetch_all("SELECT state FROM intents", &[]).await.unwrap();
        rows.iter().map(|row| row.text("state").unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(state().await, ["open"], "it may still be under way");
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    appliance::certificates::keeper::keep(&house.app).await.unwrap();
    assert_eq!(state().await, ["abandoned"]);
    // Signed after all: its unit wants the intent as it was, so the certificate never gets on record.
    let signed = intended.sign(&house.app, &unsealed).await.unwrap();
    assert!(unsealed.journal.commit(signed.unit).await.is_err());
    let entries = house.entries().await;
    let abandoned = entries.iter().find(|entry| entry["action"] == "certificate.abandon").unwrap();
    assert!(abandoned.to_string().contains("never used again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_many_certificates_is_retired_and_an_interrupted_retirement_carries_on() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let own = hex::encode(machine.certificate.sha256_fingerprint());
    let own = house.app.db.row(&CERTIFICATES, &own).await.unwrap().unwrap();
    let held = |number: usize| {
        let mut values: Vec<Stored> =
            CERTIFICATES.columns.iter().map(|column| own.value(column.name).clone()).collect();
        values[0] = hex::encode(DigestAlgorithm::Sha256.digest(&number.to_be_bytes())).into();
        Row::new(&CERTIFICATES, values).with("serial", format!("{number:08x}"))
    };
    let enter = async |rows: Vec<Row>| {
        let unit = Unit::new(Act::system("test", "test.enter", ""));
        let unit = rows.into_iter().fold(unit, Unit::insert);
        house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
    };
    // A leaf holds some 345 of them.
    enter((0..200).map(held).collect()).await;
    enter((200..400).map(held).collect()).await;
    enter(vec![held(400).with("not_after", 1)]).await;
    let standing = async || {
        let sql = "SELECT count(*) AS n FROM certificates WHERE caller = 'approvals' AND state <> 'revoked'";
        house.app.db.fetch_optional(sql, &[]).await.unwrap().unwrap().int("n").unwrap()
    };
    assert_eq!(standing().await, 402);
    let mut officer = house.connect(&house.officer(1)).await;
    let (path, any) = ("/v1/callers/approvals/retire", [("if-match", "*")]);
    let retired = officer.post_with(path, &json!({}), &any).await;
    assert_eq!((retired.status, retired.json()["state"].as_str()), (200, Some("retired")));
    assert_eq!(standing().await, 1, "the expired one needs no revocation");
    let again = officer.post_with(path, &json!({}), &any).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
    // As if the process had ended before its last part.
    enter(vec![held(401)]).await;
    let carried_on = officer.post_with(path, &json!({}), &any).await;
    assert_eq!((carried_on.status, standing().await), (200, 1));
}
