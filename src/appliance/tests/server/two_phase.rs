//! The document stays with the caller: prepared, its digest signed, the signature put in.

use std::sync::Arc;

use appliance::documents::Preparation;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::SoftwareKey;
use http::Method;
use pki::cms::sign::CmsSigner;
use serde_json::Value;

use crate::documents::{FORM, form, furnished, pdf, pdf_with, sha256, uses};
use crate::house::{Answer, Client, House};

async fn prepare(client: &mut Client, query: &str, document: &[u8]) -> Answer {
    let path = format!("/v1/documents/prepare?{query}");
    client.send(Method::POST, &path, &[("content-type", "application/pdf")], document.to_vec()).await.unwrap()
}

async fn sign(client: &mut Client, query: &str, more: &[(&str, &str)]) -> Answer {
    client.send(Method::POST, &format!("/v1/documents/sign-digest?{query}"), more, Vec::new()).await.unwrap()
}

async fn embed(client: &mut Client, prepared: &[u8], cms: &[u8]) -> Answer {
    let body = form(&[("prepared", None, prepared), ("cms", None, cms)]);
    client.send(Method::POST, "/v1/documents/embed", &[FORM], body).await.unwrap()
}

async fn verified(client: &mut Client, document: Vec<u8>) -> Value {
    let kind = [("content-type", "application/pdf")];
    client.send(Method::POST, "/v1/documents/verify", &kind, document).await.unwrap().json()
}

/// The query that has `prepared` signed by `seal`.
fn query(seal: &str, prepared: &Value) -> String {
    format!(
        "seal={seal}&digest={}&algorithm=sha-256&document_digest={}&document_length={}&reserved={}",
        prepared["digest"].as_str().unwrap(),
        prepared["original"]["sha256"].as_str().unwrap(),
        prepared["original"]["octets"],
        prepared["reserved"]
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_signed_recorded_and_put_in_and_the_document_never_came() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let document = pdf(2, 0);
    let terms = client.get("/v1/seals/first/two-phase").await.json();
    assert_eq!((terms["width_mm"].as_f64(), terms["algorithm"].as_str()), (Some(40.0), Some("sha-256")));
    assert_eq!(client.get("/v1/seals/first/picture").await.header("content-type"), "image/png");
    let answer = prepare(&mut client, "seal=first&page=1&x_mm=20&y_mm=20", &document).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let prepared = answer.json();
    assert_eq!(prepared["reserved"], terms["reserve"]);
    assert_eq!(uses(&house).await, 0, "preparing uses no seal");
    let asked = format!("{}&case_number=2026-7", query("first", &prepared));
    let signed = sign(&mut client, &asked, &[("idempotency-key", "k")]).await;
    assert_eq!((signed.status, signed.header("content-type")), (201, "application/cms"), "{:?}", signed.body);
    let again = sign(&mut client, &asked, &[("idempotency-key", "k")]).await;
    assert!(signed.body == again.body, "answered as before");
    assert_eq!((signed.header("cinnabar-leaf"), uses(&house).await), (again.header("cinnabar-leaf"), 1));
    let tail = embed(&mut client, &answer.body, &signed.body).await;
    assert_eq!(tail.status, 200, "{:?}", tail.body);
    let report = verified(&mut client, [document.clone(), tail.body.to_vec()].concat()).await;
    let signature = &report["signatures"][0];
    assert_eq!(
        (signature["integrity"].as_str(), signature["coverage"].as_str()),
        (Some("intact"), Some("file"))
    );
    let record = client.get(signed.header("location")).await.json();
    assert_eq!(record["kind"], "two-phase");
    assert_eq!(
        (&record["result_digest"], &record["original_digest"]),
        (&Value::Null, &sha256(&document).into())
    );
    assert_eq!((&record["signed_digest"], &record["case_number"]), (&prepared["digest"], &"2026-7".into()));
    let entries = house.entries().await;
    let entry = entries.iter().find(|entry| entry["action"] == "document.sign-digest").unwrap().to_string();
    assert!(entry.contains("\"told\"") && entry.contains(prepared["digest"].as_str().unwrap()), "{entry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_signed_is_refused_and_nothing_is_recorded() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let digest = "ab".repeat(32);
    let good =
        format!("seal=first&digest={digest}&algorithm=sha-256&document_digest={digest}&document_length=5");
    for (from, to, problem) in [
        ("algorithm=sha-256", "algorithm=sha-512", "invalid-parameter"),
        ("algorithm=sha-256", "algorithm=md5", "malformed-request"),
        ("seal=first", "seal=nowhere", "not-found"),
        ("digest=abab", "digest=ABab", "invalid-parameter"),
        ("document_length=5", "document_length=5&level=b-lta", "invalid-parameter"),
        ("document_length=5", "document_length=5&level=b-t", "level-unavailable"),
        ("document_length=5", "document_length=5&reserved=100", "reserve-too-small"),
        ("document_length=5", "document_length=-1", "malformed-request"),
    ] {
        let answer = sign(&mut client, &good.replacen(from, to, 1), &[]).await;
        assert_eq!(answer.problem(), problem, "{to}: {:?}", answer.body);
    }
    let small = sign(&mut client, &format!("{good}&reserved=100"), &[]).await.json();
    let needed = small["needed"].as_u64().unwrap();
    let verifier = house.machine("reader", &["verifier"]).await;
    let answer = sign(&mut house.connect(&verifier).await, &good, &[]).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    assert_eq!(uses(&house).await, 0);
    let answer = sign(&mut client, &format!("{good}&reserved={needed}"), &[]).await;
    assert_eq!(answer.status, 201, "what is said to be needed is enough: {:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_forbid_it_for_a_seal_that_a_rule_binds_to_seen_documents() {
    let (house, machine) = furnished("", &["bound", "free"]).await;
    let rule = "@id(\"bound-is-seen\")\n@reason(\"what this seal is set on is approved\")\n\
                forbid (principal, action == Cinnabar::Action::\"document.sign-digest\", \
                resource == Cinnabar::Seal::\"bound\");\n";
    std::fs::write(house.folder.path().join("policies/bound.cedar"), rule).unwrap();
    let answer = house.admin(Method::POST, "/reload", "").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let mut client = house.connect(&machine).await;
    let digest = "cd".repeat(32);
    let asked = |seal: &str| {
        format!("seal={seal}&digest={digest}&algorithm=sha-256&document_digest={digest}&document_length=1")
    };
    let answer = sign(&mut client, &asked("bound"), &[]).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    let entries = house.entries().await;
    assert!(
        entries.iter().any(|entry| entry.to_string().contains("bound-is-seen")),
        "the entry names the policy"
    );
    assert_eq!(sign(&mut client, &asked("free"), &[]).await.status, 201);
    let whole = client
        .send(
            Method::POST,
            "/v1/documents/seal?seal=bound",
            &[("content-type", "application/pdf")],
            pdf(1, 0),
        )
        .await
        .unwrap();
    assert_eq!(whole.status, 201, "shown documents are sealed: {:?}", whole.body);
}

/// A signer that holds its own key, as a client of the service would.
fn own(house: &House) -> CmsSigner {
    let credential = house.credential("officers-ca", "urn:cinnabar:demo:x", crate::house::now() - 60, 1);
    let key = SoftwareKey::from_pkcs8(&credential.key).unwrap();
    CmsSigner::new(Arc::new(key), &credential.certificate, &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_its_own_key_signs_what_was_prepared_and_only_that() {
    let (house, machine) = furnished("", &[]).await;
    let mut client = house.connect(&machine).await;
    let signer = own(&house);
    let document = pdf(1, 50_000);
    let asked = format!("reserve={}&name=x&field=Approval", signer.max_len());
    let answer = prepare(&mut client, &asked, &document).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let preparation = Preparation::read(&answer.body).unwrap();
    let cms = signer.sign(&preparation.digest().unwrap()).unwrap();
    let tail = embed(&mut client, &answer.body, &cms).await;
    assert_eq!(tail.status, 200, "{:?}", tail.body);
    assert_eq!(tail.body.to_vec(), preparation.embed(&cms).unwrap().tail);
    let report = verified(&mut client, [document.clone(), tail.body.to_vec()].concat()).await;
    assert_eq!(report["signatures"][0]["integrity"], "intact", "{report}");

    let other = signer.sign(&[7; 32]).unwrap();
    let mut broken = cms.clone();
    *broken.last_mut().unwrap() ^= 1;
    for (cms, problem) in [
        (other.as_slice(), "signature-unsound"),
        (&broken, "signature-unsound"),
        (b"no CMS", "signature-unsound"),
    ] {
        assert_eq!(embed(&mut client, &answer.body, cms).await.problem(), problem);
    }
    let tight = prepare(&mut client, "reserve=100", &document).await;
    let cms = signer.sign(&Preparation::read(&tight.body).unwrap().digest().unwrap()).unwrap();
    let refused = embed(&mut client, &tight.body, &cms).await;
    assert_eq!(
        (refused.problem().as_str(), refused.json()["needed"].as_u64()),
        ("reserve-too-small", Some(cms.len() as u64))
    );
    let mut altered = answer.json();
    altered["version"] = 2.into();
    assert_eq!(embed(&mut client, altered.to_string().as_bytes(), &cms).await.problem(), "malformed-request");
    altered = answer.json();
    altered["original"]["octets"] = 1.into();
    assert_eq!(embed(&mut client, altered.to_string().as_bytes(), &cms).await.problem(), "invalid-parameter");
    for (asked, problem) in [
        ("name=x", "invalid-parameter"),
        ("reserve=2000000", "invalid-parameter"),
        ("reserve=9000&page=1&x_mm=1&y_mm=1", "invalid-parameter"),
        ("reserve=9000&level=b-lt", "invalid-parameter"),
    ] {
        assert_eq!(prepare(&mut client, asked, &document).await.problem(), problem, "{asked}");
    }
    assert_eq!(uses(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_demands_another_digest_is_said_to_forbid_it() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    // ISO 32000-2 table 237: /Ff bit 7 makes /DigestMethod binding.
    let demanding = pdf_with(1, 0, "/SV<</Type/SV/Ff 64/DigestMethod[(SHA384)]>>");
    for asked in ["seal=first&field=Approval", "reserve=9000&field=Approval"] {
        let refused = prepare(&mut client, asked, &demanding).await;
        assert_eq!(refused.problem(), "pdf-forbids", "{asked}: {:?}", refused.body);
    }
    let kind = [("content-type", "application/pdf")];
    let path = "/v1/documents/seal?seal=first&field=Approval";
    let sealed = client.send(Method::POST, path, &kind, demanding.clone()).await.unwrap();
    assert_eq!(sealed.problem(), "pdf-forbids", "sealing says the same");
    let allowed = prepare(&mut client, "reserve=9000&field=Approval&algorithm=sha-384", &demanding).await;
    assert_eq!(allowed.status, 200, "{:?}", allowed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_embedded_may_be_spilled_on_its_way_in_and_out() {
    let (house, machine) = furnished("spill_threshold = 1024", &[]).await;
    let mut client = house.connect(&machine).await;
    let signer = own(&house);
    let asked = format!("reserve={}", signer.max_len());
    let answer = prepare(&mut client, &asked, &pdf(1, 0)).await;
    let preparation = Preparation::read(&answer.body).unwrap();
    let cms = signer.sign(&preparation.digest().unwrap()).unwrap();
    assert!(answer.body.len() > 1024 && cms.len() > 1024);
    let embedded = preparation.embed(&cms).unwrap();
    for _ in 0..4 {
        let tail = embed(&mut client, &answer.body, &cms).await;
        assert_eq!((tail.status, tail.body.as_ref()), (200, embedded.tail.as_slice()));
        let digest = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, &embedded.tail));
        assert_eq!(tail.header("content-digest"), format!("sha-256=:{digest}:"));
    }
}
