//! Trust lists: who brings them in and who puts them in force, which are refused, and what a listed region may say.

use std::sync::{Arc, Mutex};

use appliance::ceremony::Role;
use appliance::licences::recognition;
use appliance::licences::verification::Code;
use appliance::server::spill::Spooled;
use crypto::Suite;
use http::Method;
use licence::credential::qr::{self, Essential};
use licence::credential::status_list::{StatusList, Terms, token_jwt};
use licence::credential::{Issuer, StatusReference, sd_jwt, signed};
use licence::identifier::Identifier;
use licence::trust_list::{Entry, LIST, List, Scope};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{Answer, Client, Credential, House, now};

const TYPE: &str = "11100000000013338W032";
const DAY: i64 = 86_400;

fn hand(house: &House, role: Role) -> Issuer {
    let key = house.app.signer(role, &Suite::INTERNATIONAL).unwrap();
    let signer = house.app.unsealed().unwrap().custody.signer(&key.label).unwrap();
    Issuer::new(signer, vec![key.certificate.clone(), house.authority("platform-ca").clone()]).unwrap()
}

/// The entry of the region that this house is.
fn region(house: &House, id: &str, division: &str) -> Entry {
    let certificate = |role| house.app.signer(role, &Suite::INTERNATIONAL).unwrap().certificate.clone();
    Entry {
        id: id.into(),
        zh: "湖南省".into(),
        en: "Hunan".into(),
        scope: Scope { divisions: vec![division.into()], types: vec![TYPE.into()] },
        roots: vec![house.authority("root").clone()],
        authorities: vec![house.authority("platform-ca").clone(), house.authority("seals-ca").clone()],
        seal_makers: house.app.seal_makers(),
        credentials: vec![certificate(Role::CredentialSigner)],
        publishers: vec![certificate(Role::Publisher)],
        catalogue: None,
        status_lists: vec![format!("http://{id}.example/licences/status/")],
        verification: None,
    }
}

fn list(by: &House, number: u64, until: i64, regions: Vec<Entry>) -> String {
    let list = List::new("east", number, until, regions).unwrap();
    signed::sign(&list.members(), LIST, now(), Some(until.max(now() + 1)), &hand(by, Role::Publisher))
        .unwrap()
}

async fn import(client: &mut Client, token: &str) -> Answer {
    client.post("/v1/trust-lists", &json!({ "token": token })).await
}

async fn step(house: &House, who: &Credential, id: &str, step: &str, body: &Value) -> Answer {
    let mut client = house.connect(who).await;
    let read = client.get(&format!("/v1/trust-lists/{id}")).await;
    let tag = read.header("etag").to_owned();
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let path = format!("/v1/trust-lists/{id}/{step}");
    client.send(Method::POST, &path, &headers, body.to_string().into_bytes()).await.unwrap()
}

/// Brought in by one officer and put in force by another.
async fn in_force(house: &House, token: &str) -> String {
    let brought = import(&mut house.connect(&house.officer(1)).await, token).await;
    assert_eq!(brought.status, 201, "{:?}", brought.body);
    let id = brought.json()["id"].as_str().unwrap().to_owned();
    let approved = step(house, &house.officer(2), &id, "approve", &Value::Null).await;
    assert_eq!(approved.status, 200, "{:?}", approved.body);
    id
}

async fn regions(house: &House) -> Vec<String> {
    let answer = house.connect(&house.officer(1)).await.get("/v1/regions").await.json();
    let id = |region: &Value| region["id"].as_str().unwrap().to_owned();
    answer["items"].as_array().unwrap().iter().map(id).collect()
}

fn symbol(by: &House, issuer: &str, type_code: &str, status: Option<&str>) -> String {
    let essential = Essential {
        identifier: Identifier::new(type_code, issuer, "20260001", 1).unwrap(),
        type_name: "食品经营许可证".into(),
        holder: "示例餐饮有限公司".into(),
        issuing_body: "某市市场监督管理局".into(),
        fields: Vec::new(),
        valid_from: now() - DAY,
        valid_to: Some(now() + DAY),
        issued_at: now() - 60,
        status: status.map(|uri| StatusReference { uri: uri.into(), index: 7 }),
    };
    qr::encode(&essential, &hand(by, Role::CredentialSigner)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_officer_brings_a_list_in_and_another_puts_it_in_force() {
    let (house, other) = (House::open().await, House::open().await);
    let token = list(&house, 7, now() + 30 * DAY, vec![region(&other, "hunan", "430000")]);
    let mut first = house.connect(&house.officer(1)).await;
    let brought = import(&mut first, &token).await;
    assert_eq!((brought.status, &brought.json()["state"]), (201, &json!("review")), "{:?}", brought.body);
    assert!(brought.headers.contains_key("cinnabar-leaf"));
    let id = brought.json()["id"].as_str().unwrap().to_owned();
    let again = import(&mut first, &token).await;
    assert_eq!((again.status, &again.json()["id"]), (200, &json!(id)), "the same list is on record once");
    assert!(regions(&house).await.is_empty(), "what waits is not in force");
    let own = step(&house, &house.officer(1), &id, "approve", &Value::Null).await;
    assert_eq!(
        (own.status, own.problem().as_str()),
        (403, "forbidden"),
        "nobody approves what he brought in"
    );
    let mut second = house.connect(&house.officer(2)).await;
    let without = second.post(&format!("/v1/trust-lists/{id}/approve"), &Value::Null).await;
    assert_eq!(without.problem(), "precondition-required");
    let approved = step(&house, &house.officer(2), &id, "approve", &Value::Null).await;
    assert_eq!((approved.status, &approved.json()["state"]), (200, &json!("active")), "{:?}", approved.body);
    assert_eq!(regions(&house).await, ["hunan"]);
    let twice = step(&house, &house.officer(2), &id, "approve", &Value::Null).await;
    assert_eq!(twice.problem(), "conflict");

    // The next number without the region: foreign at once.
    let next = in_force(&house, &list(&house, 8, now() + 30 * DAY, Vec::new())).await;
    assert!(regions(&house).await.is_empty());
    let read = house.connect(&house.officer(1)).await.get(&format!("/v1/trust-lists/{id}")).await.json();
    assert_eq!((&read["state"], &read["names"][0]["zh"]), (&json!("superseded"), &json!("湖南省")));
    let gone = step(&house, &house.officer(1), &next, "withdraw", &json!({ "reason": "试验结束" })).await;
    assert_eq!((gone.status, &gone.json()["state"]), (200, &json!("withdrawn")), "{:?}", gone.body);
    let machine = house.machine("approvals", &["sealer"]).await;
    let refused = import(&mut house.connect(&machine).await, &token).await;
    assert_eq!(refused.problem(), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_outdated_lower_and_strange_lists_are_refused() {
    let (house, other) = (House::open().await, House::open().await);
    let hunan = || vec![region(&other, "hunan", "430000")];
    in_force(&house, &list(&house, 7, now() + 30 * DAY, hunan())).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let good = list(&house, 9, now() + 30 * DAY, hunan());
    let mut parts: Vec<String> = good.split('.').map(ToOwned::to_owned).collect();
    let half = parts[1].len() / 2;
    let changed = if parts[1].as_bytes()[half] == b'A' { "B" } else { "A" };
    parts[1].replace_range(half..=half, changed);
    for (what, token) in [
        ("forged", parts.join(".")),
        ("outdated", list(&house, 9, now() - 1, hunan())),
        ("the same number", list(&house, 7, now() + 31 * DAY, hunan())),
        ("a lower number", list(&house, 6, now() + 30 * DAY, hunan())),
        ("a stranger's", list(&other, 9, now() + 30 * DAY, hunan())),
        (
            "with this platform's own keys",
            list(&house, 9, now() + 30 * DAY, vec![region(&house, "own", "370000")]),
        ),
        (
            "an entry, no list",
            signed::sign(
                &region(&other, "hunan", "430000").members(),
                licence::trust_list::ENTRY,
                now(),
                None,
                &hand(&house, Role::Publisher),
            )
            .unwrap(),
        ),
        ("no list at all", "a.b.c".to_owned()),
        ("signed by another key of this platform", {
            let list = List::new("east", 9, now() + DAY, Vec::new()).unwrap();
            signed::sign(&list.members(), LIST, now(), None, &hand(&house, Role::CredentialSigner)).unwrap()
        }),
    ] {
        let answer = import(&mut officer, &token).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "trust-list-refused"), "{what}");
    }
    assert_eq!(regions(&house).await, ["hunan"], "what was in force is");
    assert_eq!(import(&mut officer, &good).await.status, 201, "and the next number is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_speaks_within_its_bounds_and_nothing_is_valid_that_cannot_be_asked() {
    let (house, other) = (House::open().await, House::open().await);
    let at = now() * 1_000_000;
    let status = "http://hunan.example/licences/status/1";
    let text = symbol(&other, "11430000006122244L", TYPE, Some(status));
    assert!(
        recognition::by_qr(&house.app, &text, at).await.unwrap().is_none(),
        "an unlisted region is a stranger"
    );
    let id =
        in_force(&house, &list(&house, 7, now() + 30 * DAY, vec![region(&other, "hunan", "430000")])).await;
    let told = async |text: String| recognition::by_qr(&house.app, &text, at).await.unwrap().unwrap();
    let unknown = told(text.clone()).await;
    assert_eq!((unknown.code, unknown.reasons[0].name.as_str()), (Code::Incomplete, "state-unknown"));
    let origin = unknown.origin.clone().unwrap();
    assert_eq!(
        (origin.region.as_deref(), origin.zh.as_str()),
        (Some("hunan"), "湖南省"),
        "its origin is named"
    );
    assert_eq!(unknown.licence.unwrap().issuer.as_deref(), Some("某市市场监督管理局"));
    for (issuer, type_code, status, what) in [
        ("11330105002500287C", TYPE, Some(status), "another province's body"),
        ("11430000006122244L", "11100000000013338W033", Some(status), "a type that is not its own"),
        (
            "11430000006122244L",
            TYPE,
            Some("http://evil.example/licences/status/1"),
            "a list that is not its own",
        ),
    ] {
        let verdict = told(symbol(&other, issuer, type_code, status)).await;
        assert_eq!(
            (verdict.code, verdict.reasons[0].name.as_str()),
            (Code::Mismatch, "beyond-region"),
            "{what}"
        );
    }
    let without = told(symbol(&other, "11430000006122244L", TYPE, None)).await;
    assert_eq!(without.code, Code::Incomplete, "where nobody can be asked, nothing is in force");
    let third = House::open().await;
    let foreign = symbol(&third, "11430000006122244L", TYPE, Some(status));
    assert!(
        recognition::by_qr(&house.app, &foreign, at).await.unwrap().is_none(),
        "another root is a stranger"
    );
    let gone = step(&house, &house.officer(1), &id, "withdraw", &json!({ "reason": "互认终止" })).await;
    assert_eq!(gone.status, 200);
    assert!(
        recognition::by_qr(&house.app, &text, at).await.unwrap().is_none(),
        "withdrawn, it is a stranger at once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_document_of_a_region_is_told_with_its_origin_and_of_nobody_else() {
    let house = House::open().await;
    let (other, machine) = crate::documents::furnished("", &["bureau-seal"]).await;
    let mut sealer = other.connect(&machine).await;
    let kind = [("content-type", "application/pdf")];
    let path = "/v1/documents/seal?seal=bureau-seal&page=1&x_mm=20&y_mm=30";
    let sealed = sealer.send(Method::POST, path, &kind, crate::documents::pdf(1, 0)).await.unwrap();
    assert_eq!(sealed.status, 201);
    let ask = async || {
        let mut stranger = house.try_connect_to(house.portal, None).await.unwrap();
        let answer = stranger.send(Method::POST, "/api/verify", &kind, sealed.body.to_vec()).await.unwrap();
        assert_eq!(answer.status, 200);
        answer.json()
    };
    let told = ask().await;
    assert!(told.get("origin").is_none() && told["tone"] != "good", "a stranger's seal: {told}");
    in_force(&house, &list(&house, 1, now() + 30 * DAY, vec![region(&other, "hunan", "430000")])).await;
    let told = ask().await;
    // The region's revocation lists are out of reach here, so its seal is not good yet; it is not taken for one of ours either.
    assert!(told["tone"] != "good", "{told}");
}

fn certificate(house: &House, role: Role) -> pki::Certificate {
    house.app.signer(role, &Suite::INTERNATIONAL).unwrap().certificate.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_speaks_for_this_platform_itself() {
    let own = "[recognition]\nregion = \"shandong\"\nname = \"山东省\"\nname_en = \"Shandong\"\n\
               divisions = [\"370000\"]";
    let (house, other) = (House::with(own).await, House::open().await);
    let hunan = || region(&other, "hunan", "430000");
    let addresses = |address: &str| Entry { status_lists: vec![address.to_owned()], ..hunan() };
    let mut officer = house.connect(&house.officer(1)).await;
    for (what, entry) in [
        ("a division of ours", region(&other, "hunan", "370300")),
        ("our code", region(&other, "shandong", "430000")),
        ("our status lists", addresses("http://localhost:8080/licences/status/")),
        ("an address above them", addresses("http://localhost:8080/")),
        (
            "our signer of credentials",
            Entry { credentials: vec![certificate(&house, Role::CredentialSigner)], ..hunan() },
        ),
        ("our publisher", Entry { publishers: vec![certificate(&house, Role::Publisher)], ..hunan() }),
    ] {
        let answer = import(&mut officer, &list(&house, 1, now() + DAY, vec![entry])).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "trust-list-refused"), "{what}");
    }
    in_force(&house, &list(&house, 1, now() + DAY, vec![hunan()])).await;
    assert_eq!(regions(&house).await, ["hunan"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_lists_that_claim_the_same_one_is_put_in_force_even_at_the_same_moment() {
    let (house, other, third) = (House::open().await, House::open().await, House::open().await);
    let named = |name: &str, entry: Entry| {
        let list = List::new(name, 1, now() + DAY, vec![entry]).unwrap();
        signed::sign(&list.members(), LIST, now(), None, &hand(&house, Role::Publisher)).unwrap()
    };
    let mut ids = Vec::new();
    for token in [
        named("north", region(&other, "hunan", "430000")),
        named("south", region(&third, "changsha", "430100")),
    ] {
        let brought = import(&mut house.connect(&house.officer(1)).await, &token).await;
        assert_eq!(brought.status, 201, "neither is in force yet: {:?}", brought.body);
        ids.push(brought.json()["id"].as_str().unwrap().to_owned());
    }
    let officer = house.officer(2);
    let approve = |id: &str| {
        let (house, officer, id) = (&house, officer.clone(), id.to_owned());
        async move { step(house, &officer, &id, "approve", &Value::Null).await.status }
    };
    let (one, two) = tokio::join!(approve(&ids[0]), approve(&ids[1]));
    assert!((one == 200) != (two == 200), "exactly one is approved: {one}, {two}");
    assert_eq!(regions(&house).await.len(), 1);
}

fn timed(by: &House, issuer: &str, from: i64, to: i64) -> (String, String) {
    let identifier = Identifier::new(TYPE, issuer, "20260001", 1).unwrap();
    let status = StatusReference { uri: "http://hunan.example/licences/status/1".into(), index: 7 };
    let essential = Essential {
        identifier: identifier.clone(),
        type_name: "食品经营许可证".into(),
        holder: "示例餐饮有限公司".into(),
        issuing_body: "某市市场监督管理局".into(),
        fields: Vec::new(),
        valid_from: from,
        valid_to: Some(to),
        issued_at: now() - 60,
        status: Some(status.clone()),
    };
    let claims = json!({ "licence": { "identifier": identifier.to_string(), "name": "食品经营许可证" } });
    let wish = sd_jwt::Issue {
        vct: "urn:example:licence",
        claims: claims.as_object().unwrap(),
        selective: &[],
        issued_at: now() - 60,
        not_before: Some(from),
        // The first second in which it holds no more.
        expires: Some(to + 1),
        status: Some(&status),
        holder_key: None,
    };
    let signer = hand(by, Role::CredentialSigner);
    (
        qr::encode(&essential, &signer).unwrap(),
        sd_jwt::issue(&wish, &signer, &mut || unreachable!("nothing is kept back")).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn early_and_late_a_region_speaks_within_its_bounds_alone() {
    let (house, other) = (House::open().await, House::open().await);
    in_force(&house, &list(&house, 7, now() + 30 * DAY, vec![region(&other, "hunan", "430000")])).await;
    let (own, foreign) = ("11430000006122244L", "11330105002500287C");
    // The one is asked about when it is over, the other before it begins.
    let past = (now() - DAY, now() + 60, now() + DAY);
    let soon = (now() + DAY, now() + 2 * DAY, now());
    for (issuer, (from, to, at), code, reason) in [
        (own, past, Code::Void, "expired"),
        (own, soon, Code::Incomplete, "state-unknown"),
        (foreign, past, Code::Mismatch, "beyond-region"),
        (foreign, soon, Code::Mismatch, "beyond-region"),
    ] {
        let (symbol, credential) = timed(&other, issuer, from, to);
        let at = at * 1_000_000;
        let by_qr = recognition::by_qr(&house.app, &symbol, at).await.unwrap().unwrap();
        let by_jwt = recognition::by_presentation(&house.app, &credential, None, at).await.unwrap().unwrap();
        for verdict in [&by_qr, &by_jwt] {
            assert_eq!((verdict.code, verdict.reasons[0].name.as_str()), (code, reason), "{verdict:?}");
            assert_eq!(verdict.licence.is_some(), issuer == own, "{verdict:?}");
        }
        let last = |verdict: &appliance::licences::verification::Verdict| {
            verdict.licence.as_ref().map(|licence| licence.valid_to.clone())
        };
        assert_eq!(last(&by_qr), last(&by_jwt), "one licence has one last day");
    }
}

/// Answers every request on loopback with what `body` holds.
async fn serving(body: Arc<Mutex<String>>) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let running = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") && asked.len() < 16 * 1024 {
                let mut octets = [0; 1024];
                match stream.read(&mut octets).await {
                    Ok(count) if count > 0 => asked.extend_from_slice(&octets[..count]),
                    _ => break,
                }
            }
            let body = body.lock().unwrap().clone();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/statuslist+jwt\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    (port, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_older_status_list_and_none_without_an_end_is_played_back() {
    let body = Arc::new(Mutex::new(String::new()));
    let (port, running) = serving(body.clone()).await;
    let settings =
        format!("[fetch]\nnetworks = [\"127.0.0.0/8\"]\nports = [{port}]\n[recognition]\nstatus_seconds = 0");
    let (house, other) = (House::with(&settings).await, House::open().await);
    let address = format!("http://127.0.0.1:{port}/licences/status/");
    let entry = Entry { status_lists: vec![address.clone()], ..region(&other, "hunan", "430000") };
    in_force(&house, &list(&house, 1, now() + 30 * DAY, vec![entry])).await;
    let token = |name: &str, value: u8, issued_at: i64, expires: Option<i64>| {
        let mut list = StatusList::new(16).unwrap();
        list.set(7, value).unwrap();
        let terms = Terms { uri: format!("{address}{name}"), issued_at, expires, ttl: None };
        let signer = hand(&other, Role::CredentialSigner);
        token_jwt(list.bits(), &list.compressed(), &terms, &signer).unwrap()
    };
    let told = async |name: &str, token: &str, at: i64| {
        *body.lock().unwrap() = token.to_owned();
        let text = symbol(&other, "11430000006122244L", TYPE, Some(&format!("{address}{name}")));
        recognition::by_qr(&house.app, &text, at * 1_000_000).await.unwrap().unwrap().code
    };
    let start = now();
    let good = token("1", 0, start - 40, Some(start + DAY));
    let revoked = token("1", 1, start - 20, Some(start + DAY));
    assert_eq!(told("1", &good, start).await, Code::Valid);
    assert_eq!(told("1", &revoked, start).await, Code::Void);
    assert_eq!(told("1", &good, start).await, Code::Void, "the older list is not gone back to");
    let endless = token("2", 0, start - 40, None);
    assert_eq!(told("2", &endless, start).await, Code::Valid);
    assert_eq!(told("2", &endless, start + DAY - 45).await, Code::Valid);
    assert_eq!(told("2", &endless, start + DAY - 30).await, Code::Incomplete, "a list without an end ages");
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_a_licence_only_under_the_seal_of_the_body_that_issued_it() {
    use crate::licences::{ISSUER, SEAL, equipped};
    let house = House::open().await;
    equipped(&house).await;
    let machine = crate::documents::furnish(&house, &["company-seal"]).await;
    let mut sealer = house.connect(&machine).await;
    let mut sealed = async |seal: &str, document: Vec<u8>| {
        let kind = [("content-type", "application/pdf")];
        let path = format!("/v1/documents/seal?seal={seal}");
        let answer = sealer.send(Method::POST, &path, &kind, document).await.unwrap();
        assert!(matches!(answer.status, 200 | 201), "{:?}", answer.body);
        answer.body.to_vec()
    };
    let own = sealed(SEAL, crate::documents::pdf(1, 0)).await;
    let company = sealed("company-seal", crate::documents::pdf(1, 0)).await;
    let covered = sealed("company-seal", own.clone()).await;
    for (what, document, code, is) in [
        ("sealed by the body", &own, ISSUER, true),
        ("of another body", &own, "11430000006122244L", false),
        ("sealed by somebody else of the region", &company, ISSUER, false),
        ("somebody else's seal over it", &covered, ISSUER, false),
    ] {
        let file = Arc::new(Spooled::from_memory(document.clone()));
        let (report, _) = appliance::documents::verify_whole(&house.app, file).await.unwrap();
        assert_eq!(report.verdict, pdf::verify::Verdict::Valid, "{what}: {:?}", report.signatures);
        assert_eq!(recognition::is_sealed_by(document, &report, code), is, "{what}");
    }
}

/// A publisher that is neither of this platform nor of its authorities: its certificate and its hand.
fn publisher(ca: &crate::forge::Party, uri: &str) -> (pki::Certificate, Issuer) {
    use crate::forge::{Party, purposes, san, uri as uri_name, usage};
    let party = Party::new("East Publications");
    // digitalSignature; documentSigning (RFC 9336).
    let extensions = [usage(0x80), purposes(&["1.3.6.1.5.5.7.3.36"]), san(&[uri_name(uri)])];
    let certificate = ca.certify(&party, &extensions);
    let issuer = Issuer::new(party.key.clone(), vec![certificate.clone()]).unwrap();
    (certificate, issuer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_elsewhere_is_known_by_its_certificate_and_not_by_its_name() {
    use crate::forge::{Party, ca};
    const EAST: &str = "https://east.example/publisher";
    let (authority, rogue) = (Party::new("East CA"), Party::new("Rogue CA"));
    let (pinned, own) = publisher(&authority, EAST);
    let (_, sibling) = publisher(&authority, EAST);
    let (_, impostor) = publisher(&rogue, EAST);
    let root = rogue.certify(&rogue, &[ca(None), crate::forge::usage(0x06)]);
    let settings = format!("[[recognition.publishers]]\nuri = \"{EAST}\"\ncertificates = [\"east.pem\"]\n");
    let house = House::prepared(&settings, |parts| {
        std::fs::write(parts.root.join("east.pem"), pinned.to_pem()).unwrap();
    })
    .await;
    house.unseal().await;
    let other = House::open().await;
    let mut officer = house.connect(&house.officer(1)).await;
    let signed_by = |number: u64, hand: &Issuer| {
        let regions = vec![region(&other, "hunan", "430000")];
        let list = List::new("east", number, now() + DAY, regions).unwrap();
        signed::sign(&list.members(), LIST, now(), None, hand).unwrap()
    };
    for (what, hand) in [("of the same authority", &sibling), ("of another", &impostor)] {
        let refused = import(&mut officer, &signed_by(1, hand)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (422, "trust-list-refused"), "{what}");
    }
    in_force(&house, &signed_by(2, &own)).await;
    assert_eq!(regions(&house).await, ["hunan"]);
    // Its authority instead, as a file of both forms: whom that certifies under the name.
    std::fs::write(house.folder.path().join("east.pem"), root.to_pem()).unwrap();
    let refused = import(&mut officer, &signed_by(3, &own)).await;
    assert_eq!(refused.problem(), "trust-list-refused", "what is not named any more is not taken");
    assert_eq!(
        import(&mut officer, &signed_by(4, &impostor)).await.status,
        201,
        "the authority is named now"
    );
    std::fs::remove_file(house.folder.path().join("east.pem")).unwrap();
    assert_eq!(import(&mut officer, &signed_by(5, &impostor)).await.status, 503, "nobody without the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_verified_under_the_one_region_that_its_certificates_name() {
    let house = House::open().await;
    let (other, machine) = crate::documents::furnished("", &["bureau-seal"]).await;
    let (third, stranger) = (House::open().await, crate::documents::furnished("", &["bureau-seal"]).await);
    let kind = [("content-type", "application/pdf")];
    let path = "/v1/documents/seal?seal=bureau-seal&page=1&x_mm=20&y_mm=30";
    let sealed = async |house: &House, machine: &Credential| {
        let mut sealer = house.connect(machine).await;
        let sealed = sealer.send(Method::POST, path, &kind, crate::documents::pdf(1, 0)).await.unwrap();
        assert_eq!(sealed.status, 201);
        sealed.body.to_vec()
    };
    let (listed, foreign) = (sealed(&other, &machine).await, sealed(&stranger.0, &stranger.1).await);
    let regions = vec![region(&third, "anhui", "340000"), region(&other, "hunan", "430000")];
    in_force(&house, &list(&house, 1, now() + 30 * DAY, regions)).await;
    let verified = || house.app.licences.regions.verifications();
    let ask = async |document: &[u8]| {
        let mut stranger = house.try_connect_to(house.portal, None).await.unwrap();
        let answer = stranger.send(Method::POST, "/api/verify", &kind, document.to_vec()).await.unwrap();
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()
    };
    ask(&foreign).await;
    assert_eq!(verified(), 0, "nobody's that is listed");
    ask(&listed).await;
    assert_eq!(verified(), 1, "once, whatever the number of regions and of those who ask");
    // A certificate of the region's in a file that somebody else sealed costs no more.
    ask(&[&listed[..], b"\n%more\n"].concat()).await;
    assert_eq!(verified(), 2);
}
