//! Remote signing by the protocol of the Cloud Signature Consortium: a foreign client unchanged, and whatever could be
//! tried with activation data.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::DigestAlgorithm;
use serde_json::{Value, json};
use support::process::finish;
use support::{Appliance, Client, Setup, corpus, judges};

use crate::small_pdf;

const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";

/// An appliance, a seal whose key signs hashes, one whose key does not, and an approval system.
fn remote() -> (Appliance, Client) {
    let mut appliance = Appliance::init(Setup::default());
    appliance.configure_more("[timestamps]\npolicy = \"0.4.0.2023.1.1\"\n");
    appliance.serve();
    appliance.unseal();
    appliance.seal_record("bureau-seal");
    appliance.seal_record_with("remote-seal", &["--remote-hashes"]);
    let client = appliance.approval_system("approval");
    (appliance, client)
}

fn hash(text: &str) -> String {
    STANDARD.encode(DigestAlgorithm::Sha256.digest(text.as_bytes()))
}

/// Activation data for these hashes.
fn activation(client: &Client, seal: &str, hashes: &[String]) -> String {
    let asked = json!({ "credentialID": seal, "numSignatures": hashes.len(), "hashes": hashes, "hashAlgorithmOID": SHA256 });
    let answer = client.post("/csc/v2/credentials/authorize", &asked).is(200).json();
    assert!(answer["expiresIn"].as_i64().unwrap() <= 300, "{answer}");
    answer["SAD"].as_str().unwrap().to_owned()
}

fn request(seal: &str, activation: &str, hashes: &[String]) -> Value {
    json!({ "credentialID": seal, "SAD": activation, "hashes": hashes, "hashAlgorithmOID": SHA256, "signAlgo": ECDSA_SHA256 })
}

#[test]
fn pyhanko_signs_through_its_own_client() {
    let (appliance, _) = remote();
    let folder = corpus::scratch();
    let (plain, signed) = (folder.path().join("plain.pdf"), folder.path().join("signed.pdf"));
    std::fs::write(&plain, small_pdf()).unwrap();
    let run = |seal: &str, to: &Path| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/support/csc_with_pyhanko.py");
        let mut command = Command::new(corpus::python().join("python"));
        command.arg(script).arg(&plain).arg(to).arg(format!("https://localhost:{}", appliance.port));
        command.arg(appliance.credential("approval").0).arg(seal).arg("again");
        finish(command)
    };
    let told = run("remote-seal", &signed).ok().json();
    assert_eq!(told["mechanisms"], json!(["sha256_ecdsa"]));
    assert_eq!((&told["pinned"], &told["again"]), (&json!(true), &json!("refused")));
    let root = appliance.certificate("root");
    judges::pdfsig_accepts(&signed, 1);
    judges::pyhanko_accepts(&signed, &root);
    judges::openssl_accepts(&signed, &root);
    // The record says that nobody here saw what was signed.
    let entry =
        appliance.entries().into_iter().rfind(|entry| entry["action"] == "document.sign-hash").unwrap();
    assert_eq!(entry["facts"]["blind"], true, "{entry:#}");
    // A seal that was not made for it signs no hashes.
    let refused = run("bureau-seal", &folder.path().join("refused.pdf"));
    assert_ne!(refused.code, Some(0), "{}", refused.told());
}

#[test]
fn activation_data_is_good_once_for_exactly_what_it_was_given_for() {
    let (appliance, client) = remote();
    let other = appliance.approval_system("other-system");
    let (one, two) = (hash("one"), hash("two"));
    let sign = |client: &Client, request: &Value| client.post("/csc/v2/signatures/signHash", request);
    let refused = |answer: support::client::Answer| {
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (400, &json!("invalid_request")),
            "{}",
            answer.told()
        );
    };
    let given = activation(&client, "remote-seal", &[one.clone(), two.clone()]);
    for wrong in [
        request("remote-seal", &given, std::slice::from_ref(&one)),
        request("remote-seal", &given, &[two.clone(), one.clone()]),
        request("remote-seal", &given, &[one.clone(), two.clone(), two.clone()]),
        request("remote-seal", &given[1..], &[one.clone(), two.clone()]),
        request("remote-seal", "", &[one.clone(), two.clone()]),
    ] {
        refused(sign(&client, &wrong));
    }
    let right = request("remote-seal", &given, &[one.clone(), two.clone()]);
    refused(sign(&other, &right));
    let answer = sign(&client, &right).is(200).json();
    assert_eq!(answer["signatures"].as_array().unwrap().len(), 2);
    refused(sign(&client, &right));
    // Each signature verifies over its own hash, by somebody else's hands.
    let certificate = client
        .post("/csc/v2/credentials/info", &json!({ "credentialID": "remote-seal", "certInfo": true }))
        .is(200)
        .json();
    assert_eq!(certificate["cert"]["status"], "valid", "{certificate:#}");
    let folder = corpus::scratch();
    let der = STANDARD.decode(certificate["cert"]["certificates"][0].as_str().unwrap()).unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("certificate.der"), der).unwrap();
    let public = support::process::run(
        "openssl",
        ["x509", "-inform", "DER", "-pubkey", "-noout", "-in", path("certificate.der").to_str().unwrap()],
    )
    .ok();
    std::fs::write(path("public.pem"), public.stdout).unwrap();
    for (at, text) in ["one", "two"].into_iter().enumerate() {
        std::fs::write(
            path("signature"),
            STANDARD.decode(answer["signatures"][at].as_str().unwrap()).unwrap(),
        )
        .unwrap();
        std::fs::write(path("content"), text).unwrap();
        let mut command = Command::new("openssl");
        command.args(["dgst", "-sha256", "-verify"]).arg(path("public.pem"));
        command.arg("-signature").arg(path("signature")).arg(path("content"));
        finish(command).ok();
    }
    // Nor has a seal that was not made for it signed anything.
    let given = activation(&client, "bureau-seal", std::slice::from_ref(&one));
    let answer = sign(&client, &request("bureau-seal", &given, std::slice::from_ref(&one)));
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (403, &json!("access_denied")),
        "{}",
        answer.told()
    );
    let uses = appliance.sql("SELECT count(*) FROM seal_uses");
    assert_eq!(uses, ["2"]);
}

#[test]
fn of_many_requests_with_the_same_activation_data_one_succeeds() {
    let (appliance, client) = remote();
    let one = [hash("one")];
    let given = activation(&client, "remote-seal", &one);
    let wanted = request("remote-seal", &given, &one);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let ask = || client.post("/csc/v2/signatures/signHash", &wanted).status.as_u16();
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(appliance.sql("SELECT count(*) FROM seal_uses"), ["1"]);
}

#[test]
fn documents_are_sealed_and_digests_signed_by_the_second_version() {
    let (appliance, client) = remote();
    let pdf = small_pdf();
    let hashes = [STANDARD.encode(DigestAlgorithm::Sha256.digest(&pdf))];
    let wanted = |level: &str, envelope: &str| {
        json!({
            "credentialID": "bureau-seal",
            "SAD": activation(&client, "bureau-seal", &hashes),
            "documents": [{
                "document": STANDARD.encode(&pdf), "signature_format": "P", "conformance_level": level,
                "signed_envelope_property": envelope, "signAlgo": ECDSA_SHA256,
                "signed_props": [{ "attribute_name": "Reason", "attribute_value": "准予许可" }],
            }],
        })
    };
    let (root, folder) = (appliance.certificate("root"), corpus::scratch());
    for (level, envelope) in [("AdES-B-B", "Revision"), ("Ades-B-T", "Certification")] {
        let answer = client.post("/csc/v2/signatures/signDoc", &wanted(level, envelope)).is(200).json();
        let sealed = STANDARD.decode(answer["DocumentWithSignature"][0].as_str().unwrap()).unwrap();
        assert!(sealed.starts_with(&pdf), "no octet of the original is changed");
        let path = folder.path().join(format!("{level}.pdf"));
        std::fs::write(&path, sealed).unwrap();
        judges::pdfsig_accepts(&path, 1);
        judges::pyhanko_accepts(&path, &root);
    }
    let digest = [hash("the byte range of a prepared document")];
    let asked = json!({
        "credentialID": "bureau-seal",
        "SAD": activation(&client, "bureau-seal", &digest),
        "documentDigests": [{ "hashes": digest, "hashAlgorithmOID": SHA256, "signature_format": "P",
                              "conformance_level": "Ades-B-B", "signAlgo": ECDSA_SHA256 }],
    });
    let answer = client.post("/csc/v2/signatures/signDoc", &asked).is(200).json();
    let cms = STANDARD.decode(answer["SignatureObject"][0].as_str().unwrap()).unwrap();
    assert_eq!(cms.first(), Some(&0x30));
    // The same data a second time, and another document, are refused.
    let answer = client.post("/csc/v2/signatures/signDoc", &asked);
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("invalid_request")));
    let mut other = wanted("Ades-B-B", "Revision");
    other["documents"][0]["document"] = STANDARD.encode([&pdf[..], b"\n"].concat()).into();
    assert_eq!(client.post("/csc/v2/signatures/signDoc", &other).status.as_u16(), 400);
}

#[test]
fn credentials_are_the_seals_of_the_callers_organisation() {
    let (appliance, client) = remote();
    let info = client.post("/csc/v2/info", &json!({})).is(200).json();
    assert_eq!((&info["specs"], &info["authType"]), (&json!("2.0.0.2"), &json!(["TLS"])));
    for method in info["methods"].as_array().unwrap() {
        let path = format!("/csc/v2/{}", method.as_str().unwrap());
        let answer = client.post(&path, &json!({}));
        assert_ne!(answer.status.as_u16(), 404, "{path}: {}", answer.told());
    }
    let asked = json!({ "maxResults": 1, "credentialInfo": true, "certInfo": true, "certificates": "chain", "authInfo": true });
    let first = client.post("/csc/v2/credentials/list", &asked).is(200).json();
    assert_eq!(first["credentialIDs"], json!(["bureau-seal"]), "{first:#}");
    let told = &first["credentialInfos"][0];
    assert_eq!(
        (&told["SCAL"], &told["key"]["algo"], &told["auth"]["mode"]),
        (&json!("2"), &json!([ECDSA_SHA256]), &json!("implicit"))
    );
    assert_eq!(
        told["cert"]["certificates"].as_array().unwrap().len(),
        2,
        "the authority's certificate comes along"
    );
    assert!(told["cert"]["validTo"].as_str().unwrap().ends_with('Z'));
    let next = client
        .post("/csc/v2/credentials/list", &json!({ "pageToken": first["nextPageToken"] }))
        .is(200)
        .json();
    assert_eq!(next["credentialIDs"], json!(["remote-seal"]));
    // Somebody of another house sees none, and learns of none.
    appliance.cli_as("officer-1", &["organisation", "add", "elsewhere", "--name", "别处"]).ok();
    let folder = appliance.directory.join("credentials/stranger").display().to_string();
    let arguments =
        ["caller", "add", "stranger", "--organisation", "elsewhere", "--role", "sealer", "--out", &folder];
    appliance.cli_as("officer-1", &arguments).ok();
    let stranger = appliance.client("stranger");
    let none = stranger.post("/csc/v2/credentials/list", &json!({})).is(200).json();
    assert_eq!(none["credentialIDs"], json!([]));
    let told = stranger.post("/csc/v2/credentials/info", &json!({ "credentialID": "bureau-seal" }));
    assert_eq!((told.status.as_u16(), &told.json()["error"]), (403, &json!("access_denied")));
    let asked = json!({ "credentialID": "bureau-seal", "numSignatures": 1, "hashes": [hash("x")] });
    assert_eq!(stranger.post("/csc/v2/credentials/authorize", &asked).status.as_u16(), 403);
    // Nor does it learn that a seal of theirs is stopped.
    appliance.cli_as("officer-1", &["seal-record", "stop", "bureau-seal", "--reason", "印章遗失"]).ok();
    let told = stranger.post("/csc/v2/credentials/authorize", &asked);
    assert!(!told.told().contains("suspended"), "{}", told.told());
    let own =
        client.post("/csc/v2/credentials/info", &json!({ "credentialID": "bureau-seal" })).is(200).json();
    assert_eq!(own["key"]["status"], "disabled", "{own:#}");
}
