//! Certificates' status as others see it: OpenSSL asks over HTTP and judges lists and answers.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use http::Method;
use pki::crl::{Crl, Reason};
use pki::ocsp::{BasicResponse, ErrorStatus, IssuerId, RequestBuilder, ResponseError, Status, VerifiedBy};
use serde_json::json;

use super::house::{Answer, Client, Credential, House, now};

fn openssl(folder: &Path, args: &str) -> Output {
    Command::new("openssl").args(args.split(' ')).current_dir(folder).output().expect("openssl is installed")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// A folder with the house's authorities and one certificate, for OpenSSL.
fn desk(house: &House, leaf: &Credential) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for label in ["root", "platform-ca"] {
        std::fs::write(folder.path().join(label), house.authority(label).to_pem()).unwrap();
    }
    std::fs::write(folder.path().join("leaf"), leaf.certificate.to_pem()).unwrap();
    folder
}

async fn ask_openssl(house: &House, folder: &Path, options: &str) -> String {
    let url = format!("http://{}/ocsp/platform-ca", house.public);
    let args =
        format!("ocsp -issuer platform-ca {options} -url {url} -CAfile root -verify_other platform-ca");
    let folder = folder.to_owned();
    let output = tokio::task::spawn_blocking(move || openssl(&folder, &args)).await.unwrap();
    let text = said(&output);
    assert!(output.status.success() && text.contains("Response verify OK"), "{text}");
    text
}

fn fingerprint(credential: &Credential) -> String {
    hex::encode(credential.certificate.sha256_fingerprint())
}

async fn act(officer: &mut Client, who: &Credential, verb: &str, body: &serde_json::Value) -> Answer {
    officer.post(&format!("/v1/certificates/{}/{verb}", fingerprint(who)), body).await
}

/// A request without a nonce, as caches like it.
fn request(house: &House, serial: &[u8]) -> Vec<u8> {
    let id = IssuerId::of(house.authority("platform-ca")).sha1_id(serial);
    RequestBuilder { ids: vec![id], nonce: None }.to_der().unwrap()
}

fn base64(der: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(der)
}

async fn full_and_delta(house: &House) -> (Crl, Crl) {
    let full = Crl::from_der(&house.public("/crl/platform-ca.crl").await.body).unwrap();
    let delta = Crl::from_der(&house.public("/crl/platform-ca-delta.crl").await.body).unwrap();
    assert!(!full.is_delta() && delta.is_delta());
    (full, delta)
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_asks_about_good_held_revoked_and_unknown_certificates() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let folder = desk(&house, &machine);
    let folder = folder.path();
    let mut officer = house.connect(&house.officer(1)).await;
    for hash in ["-sha1", "-sha256"] {
        let ask = format!("{hash} -cert leaf");
        let good = ask_openssl(&house, folder, &ask).await;
        assert!(good.contains("leaf: good") && !good.contains("WARNING"), "{good}");
        // Twice: signed for the nonce, and from memory without one.
        for nonce in ["", " -no_nonce", " -no_nonce"] {
            assert!(ask_openssl(&house, folder, &format!("{ask}{nonce}")).await.contains("leaf: good"));
        }
    }
    let unknown = ask_openssl(&house, folder, "-serial 0x4711").await;
    assert!(unknown.contains("0x4711: unknown"), "{unknown}");

    assert_eq!(act(&mut officer, &machine, "hold", &json!({})).await.status, 200);
    for nonce in ["", " -no_nonce"] {
        let held = ask_openssl(&house, folder, &format!("-cert leaf{nonce}")).await;
        assert!(held.contains("leaf: revoked") && held.contains("certificateHold"), "{held}");
    }
    assert_eq!(act(&mut officer, &machine, "release", &json!({})).await.json()["state"], "good");
    assert!(ask_openssl(&house, folder, "-cert leaf -no_nonce").await.contains("leaf: good"));

    let since = "2026-01-02T03:04:05Z";
    let why = json!({ "reason": "keyCompromise", "invalid_from": since });
    assert_eq!(act(&mut officer, &machine, "revoke", &why).await.status, 200);
    let revoked = ask_openssl(&house, folder, "-cert leaf -no_nonce").await;
    assert!(revoked.contains("leaf: revoked") && revoked.contains("keyCompromise"), "{revoked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_caller_is_refused_as_held_until_it_is_released() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut open = house.connect(&machine).await;
    assert_eq!(open.get("/v1/openapi.json").await.status, 200);
    let mut officer = house.connect(&house.officer(1)).await;
    let held = act(&mut officer, &machine, "hold", &json!({})).await;
    assert_eq!((held.status, held.json()["state"].as_str()), (200, Some("held")));
    let refused = open.get("/v1/openapi.json").await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "certificate-held"));
    assert_eq!(house.refusals("certificate-held").await, 1);
    let twice = act(&mut officer, &machine, "hold", &json!({})).await;
    assert_eq!(twice.problem(), "conflict");
    assert_eq!(act(&mut officer, &machine, "release", &json!({})).await.status, 200);
    assert_eq!(house.connect(&machine).await.get("/v1/openapi.json").await.status, 200);
    assert_eq!(act(&mut officer, &machine, "release", &json!({})).await.problem(), "conflict");

    // Revoking what is on hold keeps the hold's date: nothing signed in between becomes good by it.
    let held = act(&mut officer, &machine, "hold", &json!({})).await.json();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let revoked = act(&mut officer, &machine, "revoke", &json!({ "reason": "superseded" })).await.json();
    assert_eq!(revoked["revoked_at"], held["revoked_at"]);
    assert_eq!(act(&mut officer, &machine, "release", &json!({})).await.problem(), "conflict");
    let entries = house.entries().await;
    for action in ["certificate.hold", "certificate.release", "certificate.revoke"] {
        assert!(entries.iter().any(|entry| entry["action"] == action), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_deltas_agree_for_openssl_with_and_without_deltas() {
    // Whole lists are made only when they are due: what happens meanwhile stands in deltas alone.
    let house = House::with("[status]\nfull_at_once = 0").await;
    let early = house.machine("early", &["sealer"]).await;
    let late = house.machine("late", &["sealer"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let (base, _) = full_and_delta(&house).await;
    act(&mut officer, &early, "hold", &json!({})).await;
    let (full, delta) = full_and_delta(&house).await;
    assert_eq!(full.number(), base.number(), "not signed again");
    assert_eq!(delta.lookup(early.certificate.serial()).unwrap().reason, Some(Reason::CertificateHold));
    assert!(delta.number() > full.number());
    act(&mut officer, &early, "release", &json!({})).await;
    act(&mut officer, &late, "revoke", &json!({ "reason": "keyCompromise" })).await;
    let (_, delta) = full_and_delta(&house).await;
    assert_eq!(delta.lookup(early.certificate.serial()).unwrap().reason, Some(Reason::RemoveFromCrl));

    let folder = desk(&house, &late);
    let folder = folder.path();
    std::fs::write(folder.join("early"), early.certificate.to_pem()).unwrap();
    let root = Crl::from_der(&house.public("/crl/root.crl").await.body).unwrap();
    std::fs::write(folder.join("full"), root.to_pem() + &base.to_pem()).unwrap();
    std::fs::write(folder.join("both"), root.to_pem() + &base.to_pem() + &delta.to_pem()).unwrap();
    let verify = |lists: &str, more: &str, leaf: &str| {
        let args = format!(
            "verify -crl_check_all -extended_crl{more} -CAfile root -untrusted platform-ca -CRLfile {lists} {leaf}"
        );
        let output = openssl(folder, &args);
        (output.status.success(), said(&output))
    };
    let (accepted, text) = verify("full", "", "leaf");
    assert!(accepted, "not on the full list yet: {text}");
    let (accepted, text) = verify("both", " -use_deltas", "leaf");
    assert!(!accepted && text.contains("certificate revoked"), "{text}");
    let (accepted, text) = verify("both", " -use_deltas", "early");
    assert!(accepted, "{text}");
    let url = "http://localhost:8080/crl/platform-ca.crl";
    for crl in [&base, &delta] {
        assert_eq!(crl.scope().distribution_points.as_deref(), Some(&[url.to_owned()][..]));
        assert!(late.certificate.crl_distribution_points().contains(&url.to_owned()));
        assert_eq!(crl.verify_signature(house.authority("platform-ca").spki()), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_lists_are_published_whole_at_each_revocation_and_numbers_grow() {
    let house = House::open().await;
    let mut officer = house.connect(&house.officer(1)).await;
    let mut last = Vec::new();
    for name in ["one", "two", "three"] {
        let machine = house.machine(name, &["sealer"]).await;
        act(&mut officer, &machine, "revoke", &json!({ "reason": "superseded" })).await;
        let (full, delta) = full_and_delta(&house).await;
        for list in [&full, &delta] {
            let entry = list.lookup(machine.certificate.serial()).expect("on the list");
            assert_eq!(entry.reason, Some(Reason::Superseded));
        }
        // RFC 5280 §5.2.3: made together they carry one number.
        assert_eq!(full.number(), delta.number());
        let number = full.number().unwrap().to_vec();
        assert!(number > last, "{number:?} after {last:?}");
        last = number;
    }
    let others = house.public("/crl/officers-ca.crl").await;
    assert!(Crl::from_der(&others.body).unwrap().is_empty(), "other authorities' lists are left alone");
    assert_eq!(house.public("/crl/platform-ca/7.crl").await.status, 404);
    assert_eq!(house.public("/crl/../certificates/root.pem").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_spread_over_shards_are_on_their_own_list_and_no_other_passes_for_it() {
    let house = House::with("[certificates]\ncrl_shards = 2").await;
    let mut officer = house.connect(&house.officer(1)).await;
    let mut shards = std::collections::BTreeMap::new();
    // Which shard is chance: two of them are met before long.
    for number in 0..64 {
        let machine = house.machine(&format!("m{number}"), &["sealer"]).await;
        let url = machine.certificate.crl_distribution_points()[0].clone();
        shards.entry(url).or_insert(machine);
        if shards.len() == 2 {
            break;
        }
    }
    let base = "http://localhost:8080";
    let lists: Vec<String> = shards.keys().cloned().collect();
    assert_eq!(lists, [format!("{base}/crl/platform-ca/1.crl"), format!("{base}/crl/platform-ca/2.crl")]);
    let [first, second] = shards.values().collect::<Vec<_>>()[..] else { panic!("two shards") };
    act(&mut officer, first, "revoke", &json!({ "reason": "keyCompromise" })).await;
    let mut read = Vec::new();
    for (url, machine) in &shards {
        let path = url.strip_prefix(base).unwrap();
        let list = Crl::from_der(&house.public(path).await.body).unwrap();
        assert_eq!(
            list.scope().distribution_points.as_deref(),
            Some(std::slice::from_ref(url)),
            "byte for byte"
        );
        assert_eq!(list.lookup(first.certificate.serial()).is_some(), std::ptr::eq(machine, first));
        let delta = house.public(&path.replace(".crl", "-delta.crl")).await;
        assert!(Crl::from_der(&delta.body).unwrap().is_delta());
        read.push(list);
    }
    let folder = desk(&house, first);
    let folder = folder.path();
    std::fs::write(folder.join("other"), second.certificate.to_pem()).unwrap();
    std::fs::write(folder.join("own"), read[0].to_pem()).unwrap();
    std::fs::write(folder.join("foreign"), read[1].to_pem()).unwrap();
    let verify = |list: &str, leaf: &str| {
        let args = format!(
            "verify -crl_check -extended_crl -CAfile root -untrusted platform-ca -CRLfile {list} {leaf}"
        );
        said(&openssl(folder, &args))
    };
    assert!(verify("own", "leaf").contains("certificate revoked"));
    assert!(verify("foreign", "leaf").contains("different CRL scope"));
    assert!(verify("foreign", "other").contains("other: OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_answers_are_made_for_http_caches() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let der = request(&house, machine.certificate.serial());
    let plain = base64(&der);
    let escaped: String = plain
        .chars()
        .map(|c| match c {
            '/' => "%2F".to_owned(),
            '+' => "%2B".to_owned(),
            '=' => "%3D".to_owned(),
            c => c.to_string(),
        })
        .collect();
    let mut client = house.public_client().await;
    let mut bodies = Vec::new();
    for (path, kind) in [
        ("/crl/platform-ca.crl".to_owned(), "application/pkix-crl"),
        (format!("/ocsp/platform-ca/{plain}"), "application/ocsp-response"),
        (format!("/ocsp/platform-ca/{escaped}"), "application/ocsp-response"),
        (format!("/ocsp/{plain}"), "application/ocsp-response"),
        (format!("/ocsp/platform-ca/{}", plain.trim_end_matches('=')), "application/ocsp-response"),
    ] {
        let answer = client.get(&path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=60, no-transform, must-revalidate");
        for name in ["expires", "last-modified", "etag"] {
            assert!(answer.headers.contains_key(name), "{name}");
        }
        let tag = answer.header("etag").to_owned();
        let modified = answer.header("last-modified").to_owned();
        for known in [("if-none-match", tag.as_str()), ("if-modified-since", modified.as_str())] {
            let again = client.send(Method::GET, &path, &[known], Vec::new()).await.unwrap();
            assert_eq!((again.status, again.body.len()), (304, 0), "{known:?}");
            assert_eq!(again.header("etag"), tag);
        }
        let other = [("if-none-match", "\"x\""), ("if-modified-since", modified.as_str())];
        assert_eq!(client.send(Method::GET, &path, &other, Vec::new()).await.unwrap().status, 200);
        let head = client.send(Method::HEAD, &path, &[], Vec::new()).await.unwrap();
        assert_eq!((head.status, head.header("etag"), head.body.len()), (200, tag.as_str(), 0));
        assert_eq!(head.header("content-length"), answer.body.len().to_string());
        bodies.push(answer.body);
    }
    assert!(bodies[1..].windows(2).all(|pair| pair[0] == pair[1]), "one stored response for all of them");
    // The same to a POST, which caches leave alone.
    let kind = [("content-type", "application/ocsp-request")];
    let posted = client.send(Method::POST, "/ocsp", &kind, der).await.unwrap();
    assert_eq!((posted.status, posted.header("cache-control")), (200, "no-store"));
    assert_eq!(posted.body, bodies[1]);

    let response = BasicResponse::from_response_der(&posted.body).unwrap();
    let issuer = house.authority("platform-ca");
    assert!(matches!(response.verify(issuer, now()), Ok(VerifiedBy::Delegate(_))));
    let single = response.about(&machine.certificate, issuer).unwrap();
    assert_eq!(single.status, Status::Good);
    assert_eq!(single.cert_hash, Some(*machine.certificate.sha256_fingerprint()));
    assert_eq!(single.archive_cutoff, Some(issuer.not_before()));
    assert!(single.next_update.unwrap() > now());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_told_in_ocsps_own_words() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let serial = machine.certificate.serial();
    let mut client = house.public_client().await;
    let id = |label: &str| IssuerId::of(house.authority(label)).id(serial);
    let ask = |ids: Vec<_>, nonce: usize| {
        RequestBuilder { ids, nonce: (nonce > 0).then(|| vec![1; nonce]) }.to_der().unwrap()
    };
    let stranger = house.credential("officers-ca", "urn:example:x", now(), 1).certificate;
    let foreign = IssuerId::of(&stranger).id(serial);
    let root = IssuerId::of(house.authority("root")).id(house.authority("platform-ca").serial());
    for (path, body, status) in [
        ("/ocsp", b"no request".to_vec(), ErrorStatus::MalformedRequest),
        ("/ocsp", Vec::new(), ErrorStatus::MalformedRequest),
        ("/ocsp", ask(vec![foreign.clone()], 0), ErrorStatus::Unauthorized),
        ("/ocsp/seals-ca", ask(vec![id("platform-ca")], 0), ErrorStatus::Unauthorized),
        ("/ocsp", ask(vec![id("platform-ca"), id("seals-ca")], 0), ErrorStatus::Unauthorized),
        // The root has delegated nobody; its list is all there is.
        ("/ocsp", ask(vec![root], 0), ErrorStatus::Unauthorized),
    ] {
        let kind = [("content-type", "application/ocsp-request")];
        let answer = client.send(Method::POST, path, &kind, body).await.unwrap();
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{path}");
        let refused = BasicResponse::from_response_der(&answer.body).unwrap_err();
        assert_eq!(refused, ResponseError::NotSuccessful(status), "{path}");
    }
    let large = client.send(Method::POST, "/ocsp", &[], vec![0x30; 40_000]).await.unwrap();
    assert_eq!(large.status, 413);
    let bad = client.get("/ocsp/platform-ca/%25%25").await;
    assert_eq!(&bad.body[..], [0x30, 3, 10, 1, 1]);

    // Several questions and a long nonce have their answer.
    let several = ask(vec![id("platform-ca"), IssuerId::of(house.authority("platform-ca")).id(&[5])], 128);
    let answer = client.send(Method::POST, "/ocsp", &[], several).await.unwrap();
    let response = BasicResponse::from_response_der(&answer.body).unwrap();
    assert_eq!(response.nonce(), Some(&[1; 128][..]));
    let states: Vec<_> = response.singles().iter().map(|single| single.status).collect();
    assert_eq!(states, [Status::Good, Status::Unknown]);
    assert_eq!(response.singles()[1].cert_hash, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_requests_never_break_the_responder() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let der = request(&house, machine.certificate.serial());
    let mut client = house.public_client().await;
    for at in 0..der.len() {
        for value in [0x00, 0x80, 0xFF, der[at] ^ 1] {
            let mut altered = der.clone();
            altered[at] = value;
            let answer = client.send(Method::POST, "/ocsp", &[], altered).await.unwrap();
            assert_eq!(answer.status, 200);
            if let Ok(response) = BasicResponse::from_response_der(&answer.body) {
                // An altered serial number is a stranger's.
                let good = response.singles().iter().any(|single| single.status == Status::Good);
                assert!(!good || response.singles()[0].id.serial() == machine.certificate.serial());
            }
        }
        let cut = client.send(Method::POST, "/ocsp", &[], der[..at].to_vec()).await.unwrap();
        assert_eq!(&cut.body[..], [0x30, 3, 10, 1, 1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonces_are_left_out_where_the_operator_says_so_or_the_rate_is_spent() {
    for settings in ["[status]\nnonce = \"ignore\"", "[status]\nfresh_per_second = 1"] {
        let house = House::with(settings).await;
        let machine = house.machine("approvals", &["sealer"]).await;
        let id = IssuerId::of(house.authority("platform-ca")).id(machine.certificate.serial());
        let ask = RequestBuilder { ids: vec![id], nonce: Some(vec![7; 32]) }.to_der().unwrap();
        let mut client = house.public_client().await;
        let mut without = 0;
        for _ in 0..4 {
            let answer = client.send(Method::POST, "/ocsp", &[], ask.clone()).await.unwrap();
            let response = BasicResponse::from_response_der(&answer.body).unwrap();
            assert_eq!(response.singles()[0].status, Status::Good);
            without += usize::from(response.nonce().is_none());
        }
        assert!(without >= 2, "{settings}: {without}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_certificates_are_counted_then_revoked_in_parts_and_twice_does_nothing_more() {
    let house = House::open().await;
    let mut machines = Vec::new();
    for number in 0..3 {
        machines.push(house.machine(&format!("m{number}"), &["sealer"]).await);
    }
    let mut officer = house.connect(&house.officer(1)).await;
    let many = "/v1/certificates/revoke";
    let filter = json!({ "organisation": "bureau", "issuer": "platform-ca" });
    // What the filter goes by stands in the rows of certificates issued now; elder ones have no organisation.
    let by_caller = json!({ "caller": "m0" });
    let count = officer.post(many, &json!({ "filter": by_caller, "dry_run": true })).await;
    assert_eq!((count.status, count.json()["remaining"].as_u64()), (200, Some(1)), "{:?}", count.body);
    for (body, problem) in [
        (json!({ "filter": {}, "dry_run": true }), "invalid-parameter"),
        (json!({ "filter": { "caller": "" }, "dry_run": true }), "invalid-parameter"),
        (json!({ "filter": { "serials": ["01"] }, "dry_run": true }), "invalid-parameter"),
        (json!({ "filter": { "fingerprints": ["01"] }, "dry_run": true }), "invalid-parameter"),
        (json!({ "filter": filter }), "invalid-parameter"),
        (json!({ "filter": by_caller, "expected": 0 }), "conflict"),
        (json!({ "filter": by_caller, "expected": 1, "reason": "certificateHold" }), "invalid-parameter"),
    ] {
        assert_eq!(officer.post(many, &body).await.problem(), problem, "{body}");
    }
    let listed: Vec<String> = machines.iter().map(fingerprint).collect();
    let body =
        json!({ "filter": { "fingerprints": listed }, "expected": 3, "reason": "cessationOfOperation" });
    let done = officer.post(many, &body).await;
    assert_eq!(done.status, 200, "{:?}", done.body);
    let done = done.json();
    assert_eq!((done["revoked"].as_u64(), done["remaining"].as_u64()), (Some(3), Some(0)));
    let leaf = done["leaves"][0].as_u64().unwrap();
    let entries = house.entries().await;
    let entry = &entries[usize::try_from(leaf).unwrap()];
    assert_eq!(entry["facts"]["certificates"], 3, "{entry}");
    assert!(machines.iter().all(|one| entry.to_string().contains(&fingerprint(one))), "its rows stand in it");
    let again = officer.post(many, &body).await.json();
    assert_eq!((again["revoked"].as_u64(), again["remaining"].as_u64()), (Some(0), Some(0)));
    for machine in &machines {
        let refused = house.connect(machine).await.get("/v1/openapi.json").await;
        assert_eq!(refused.problem(), "certificate-revoked");
    }
    let (full, _) = full_and_delta(&house).await;
    assert!(machines.iter().all(|one| full.lookup(one.certificate.serial()).is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_security_officers_hold_release_and_revoke() {
    let house = House::open().await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut itself = house.connect(&machine).await;
    for verb in ["hold", "release", "revoke"] {
        assert_eq!(act(&mut itself, &machine, verb, &json!({})).await.problem(), "forbidden", "{verb}");
    }
    let body = json!({ "filter": { "caller": "approvals" }, "dry_run": true });
    assert_eq!(itself.post("/v1/certificates/revoke", &body).await.problem(), "forbidden");
    assert_eq!(house.refusals("forbidden").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_are_revoked_in_parts_that_each_fit_into_one_leaf() {
    let house = House::open().await;
    let mut officer = house.connect(&house.officer(1)).await;
    let seed = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) \
        INSERT INTO certificates (id, version, issuer, serial, subject, profile, not_before, not_after, der, state) \
        SELECT lower(hex(randomblob(32))), 1, 'seals-ca', printf('%06x', i), 'CN=seeded', 'many', 0, \
        4102444800000000, x'00', 'good' FROM n";
    let done = Command::new("sqlite3")
        .args(["-batch", "-cmd", ".timeout 10000"])
        .arg(house.folder.path().join("cinnabar.db"))
        .arg(seed)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", said(&done));
    let many = "/v1/certificates/revoke";
    let body =
        json!({ "filter": { "profile": "many", "expires_from": "2099-01-01T00:00:00Z" }, "expected": 450 });
    let done = officer.post(many, &body).await;
    assert_eq!(done.status, 200, "{:?}", done.body);
    let done = done.json();
    assert_eq!((done["revoked"].as_u64(), done["remaining"].as_u64()), (Some(450), Some(0)));
    assert_eq!(done["leaves"].as_array().unwrap().len(), 3);
    let list = Crl::from_der(&house.public("/crl/seals-ca.crl").await.body).unwrap();
    assert_eq!(list.len(), 450);
    let listed = json!({ "filter": { "issuer": "seals-ca", "serials": ["000001", "01", "ff:ff:ff"] }, "dry_run": true });
    assert_eq!(officer.post(many, &listed).await.json()["remaining"], 0, "revoked already, or not on record");
}
