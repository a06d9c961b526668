//! Files of any kind, signed by a seal: the signature stands beside them.

use std::process::Command;

use http::Method;
use serde_json::Value;

use crate::documents::{furnished, revoke, sha256, uses};
use crate::house::{Answer, Client, House};

const KIND: (&str, &str) = ("content-type", "application/octet-stream");

async fn sign(client: &mut Client, query: &str, more: &[(&str, &str)], file: &[u8]) -> Answer {
    let path = format!("/v1/files/sign?{query}");
    client.send(Method::POST, &path, &[&[KIND], more].concat(), file.to_vec()).await.unwrap()
}

/// OpenSSL's word on a detached CMS over `file`: exit status and what it says.
fn openssl(house: &House, file: &[u8], signature: &[u8]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path
    };
    let root = house.authority("root").to_pem();
    let output = Command::new("openssl")
        .args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-out", "/dev/null", "-in"])
        .arg(at("signature.p7s", signature))
        .arg("-content")
        .arg(at("content", file))
        .arg("-CAfile")
        .arg(at("root.pem", root.as_bytes()))
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_any_kind_is_signed_beside_itself_and_openssl_agrees() {
    // Both ways a body is kept: in memory, and spilled.
    let (house, machine) = furnished("spill_threshold = 65536", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let large: Vec<u8> = (0..300_000u32).map(|at| (at % 253) as u8).collect();
    for (at, file) in [b"\x00 no PDF \r\n", large.as_slice()].into_iter().enumerate() {
        let key = format!("k{at}");
        let again = [("idempotency-key", key.as_str())];
        let signed = sign(&mut client, "seal=first&case_number=2026-7&item=X-1", &again, file).await;
        assert_eq!(
            (signed.status, signed.header("content-type")),
            (201, "application/pkcs7-signature"),
            "{:?}",
            signed.body
        );
        let (verified, said) = openssl(&house, file, &signed.body);
        assert!(verified, "{said}");
        assert!(!openssl(&house, &[file, b"x"].concat(), &signed.body).0, "another file");
        let repeated = sign(&mut client, "seal=first&case_number=2026-7&item=X-1", &again, file).await;
        assert!(repeated.body == signed.body && uses(&house).await == at as i64 + 1, "answered as before");
        let record = client.get(signed.header("location")).await.json();
        assert_eq!((&record["kind"], &record["original_digest"]), (&"file".into(), &sha256(file).into()));
        assert_eq!(
            (&record["original_length"], &record["result_digest"]),
            (&file.len().into(), &Value::Null)
        );
        assert_eq!((&record["case_number"], &record["item"]), (&"2026-7".into(), &"X-1".into()));
    }
    let entries = house.entries().await;
    let entry = entries.iter().find(|entry| entry["action"] == "document.sign-file").unwrap().to_string();
    assert!(entry.contains(&sha256(b"\x00 no PDF \r\n")) && entry.contains("\"file\""), "{entry}");
    assert!(!entry.contains("\"told\""), "the file was here: {entry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_signed_is_refused_and_nothing_is_recorded() {
    let (house, machine) = furnished("body = 100000", &["first"]).await;
    let mut client = house.connect(&machine).await;
    for (query, problem) in [
        ("seal=nowhere", "not-found"),
        ("seal=first&level=b-lta", "invalid-parameter"),
        ("seal=first&level=b-t", "level-unavailable"),
        ("seal=first&property_info=x", "invalid-parameter"),
        ("seal=first&format=pdf", "malformed-request"),
        ("seal=first&surprise=1", "malformed-request"),
    ] {
        let answer = sign(&mut client, query, &[], b"file").await;
        assert_eq!(answer.problem(), problem, "{query}: {:?}", answer.body);
    }
    assert_eq!(sign(&mut client, "seal=first", &[], b"").await.problem(), "malformed-request");
    assert_eq!(sign(&mut client, "seal=first", &[], &[0; 100_001]).await.problem(), "body-too-large");
    let wrong = [("content-digest", "sha-256=:AAAA:")];
    assert_eq!(sign(&mut client, "seal=first", &wrong, b"file").await.problem(), "malformed-request");
    let verifier = house.machine("reader", &["verifier"]).await;
    let answer = sign(&mut house.connect(&verifier).await, "seal=first", &[], b"file").await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    revoke(&house, "first").await;
    let answer = sign(&mut client, "seal=first", &[], b"file").await;
    assert_eq!(answer.problem(), "seal-not-usable", "{:?}", answer.body);
    assert_eq!(uses(&house).await, 0);
}
