//! Judges from elsewhere: PyPI's sd-jwt, cwt and base45, npm's @sd-jwt/jwt-status-list (`tests/peers`).

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cinnabar_licence::credential::qr::{self, Essential};
use cinnabar_licence::credential::sd_jwt::{Binding, Expected, Holder, Issue, Presentation, issue, present};
use cinnabar_licence::credential::status_list::{
    INVALID, SUSPENDED, StatusList, Terms, VALID, token_cwt, token_jwt,
};
use crypto::{KeyKind, SoftwareKey};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::world::{DAY, ISSUER, LIST, NOW, World, entity_of, fields, identifier, jwk, key, place, random};

fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// What a script of `tests/peers` printed last, or the variable that says it already.
fn peer(variable: &str, script: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        let output = Command::new(top().join("tests/peers").join(script)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
    })
}

fn asked(mut command: Command, question: &Value) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn python(what: &str, question: &Value) -> Output {
    let mut command = Command::new(format!("{}/bin/python", peer("CINNABAR_VENV", "python")));
    command.arg(top().join("tests/support/judge_credentials.py")).arg(what);
    asked(command, question)
}

fn certificate(world: &World) -> String {
    world.issuer.certificate().unwrap().to_pem()
}

#[test]
fn sd_jwt_of_pypi_verifies_what_is_issued_and_bound_to_its_holder() {
    let (world, holder) = (World::new(), key());
    let wish = Issue {
        vct: "http://platform.example/licences/types/1",
        claims: &fields(),
        selective: &["person", "number", "items"],
        issued_at: NOW,
        not_before: Some(NOW),
        expires: Some(NOW + DAY),
        status: Some(&place()),
        holder_key: Some(&jwk(&holder)),
    };
    let credential = issue(&wish, &world.issuer, &mut random).unwrap();
    let binding =
        Binding { signer: holder.as_ref(), audience: "https://v.example", nonce: "n-1", issued_at: NOW };
    let presentation = present(&credential, &["person", "items"], Some(&binding)).unwrap();
    let question = |presentation: &str, nonce: &str| {
        json!({ "presentation": presentation, "certificate": certificate(&world),
            "audience": "https://v.example", "nonce": nonce })
    };
    let told = answer(&python("verify-sd-jwt", &question(&presentation, "n-1")));
    assert_eq!(told["person"], "张三");
    assert_eq!(told["items"], fields()["items"]);
    assert_eq!(told["iss"], ISSUER);
    assert_eq!(told["status"]["status_list"], json!({ "idx": 4711, "uri": LIST }));
    assert!(told.get("number").is_none());
    // It judges, and does not only read.
    assert!(!python("verify-sd-jwt", &question(&presentation, "n-2")).status.success());
    let (jwt, rest) = presentation.split_once('~').unwrap();
    let other = key();
    let binding = Binding { signer: other.as_ref(), ..binding };
    let thief = present(&format!("{jwt}~{}~", rest.split('~').next().unwrap()), &["person"], Some(&binding));
    assert!(!python("verify-sd-jwt", &question(&thief.unwrap(), "n-1")).status.success());
}

#[test]
fn what_sd_jwt_of_pypi_issues_and_presents_verifies_here() {
    let world = World::new();
    let pem = |der: &[u8]| {
        let body = STANDARD.encode(der);
        let lines: Vec<&str> =
            body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    };
    let fresh = || SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
    let (issuer, holder) = (fresh(), fresh());
    let signer = entity_of(&issuer, "credential-signer", Some(ISSUER), 300, Some(&world.authority));
    let chain = [&signer.certificate, &world.authority.certificate];
    let x5c: Vec<String> = chain.iter().map(|certificate| STANDARD.encode(certificate.der())).collect();
    let mut claims = Value::Object(fields());
    claims["iss"] = ISSUER.into();
    claims["vct"] = "http://platform.example/licences/types/1".into();
    claims["iat"] = NOW.into();
    claims["address"] = json!({ "city": "示例市", "street": "人民路1号" });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let question = json!({ "key": pem(&issuer), "x5c": x5c, "claims": claims,
        "selective": ["person", "number", "address"], "holder": pem(&holder),
        "disclose": { "person": true, "address": true }, "audience": "https://v.example", "nonce": "n-1" });
    let made = answer(&python("make-sd-jwt", &question));
    let presentation = Presentation::parse(made["presentation"].as_str().unwrap()).unwrap();
    let expected = Expected { audience: "https://v.example", nonce: "n-1" };
    // Its proof bears the time of day.
    let at = i64::try_from(now).unwrap().max(NOW);
    let verified = presentation.verify(&world.trust(), at, Some(&expected)).unwrap();
    assert_eq!(verified.holder, Holder::Bound);
    assert_eq!(verified.claims["person"], "张三");
    assert_eq!(verified.claims["address"]["street"], "人民路1号");
    assert!(!verified.claims.contains_key("number"));
}

#[test]
fn cwt_and_base45_of_pypi_read_the_symbol() {
    let world = World::new();
    let essential = Essential {
        identifier: identifier(),
        type_name: "食品经营许可证".into(),
        holder: "示例市好味餐饮店".into(),
        issuing_body: "示例市市场监督管理局".into(),
        fields: vec![("许可证编号".into(), "JY23701020000019".into())],
        // The library judges validity by the time of day.
        valid_from: 1_600_000_000,
        valid_to: Some(4_000_000_000),
        issued_at: 1_600_000_000,
        status: Some(place()),
    };
    let text = qr::encode(&essential, &world.issuer).unwrap();
    let told = answer(&python("read-qr", &json!({ "text": text, "certificate": certificate(&world) })));
    assert_eq!(told["2"], identifier().to_string());
    assert_eq!((&told["4"], &told["5"]), (&json!(4_000_000_001_i64), &json!(1_600_000_000)));
    assert_eq!(told["65535"]["status_list"], json!({ "idx": 4711, "uri": LIST }));
    assert_eq!(told["-65537"]["2"], "示例市好味餐饮店");
    assert_eq!(told["-65537"]["4"]["许可证编号"], "JY23701020000019");
    let other = World::new();
    let wrong = json!({ "text": text, "certificate": certificate(&other) });
    assert!(!python("read-qr", &wrong).status.success());
}

#[test]
fn the_status_list_is_read_by_npm_as_a_jwt_and_by_pypi_as_a_cwt() {
    let world = World::new();
    let mut list = StatusList::new(1 << 20).unwrap();
    list.set(4711, SUSPENDED).unwrap();
    list.set(1_000_000, INVALID).unwrap();
    let terms =
        Terms { uri: LIST.into(), issued_at: 1_600_000_000, expires: Some(4_000_000_000), ttl: Some(60) };
    let places = json!([0, 4711, 1_000_000, (1 << 20) - 1]);
    let values = json!([VALID, SUSPENDED, INVALID, VALID]);
    let jwt = token_jwt(2, &list.compressed(), &terms, &world.issuer).unwrap();
    let mut command = Command::new("node");
    command.env("CINNABAR_NODE", peer("CINNABAR_NODE", "node"));
    command.arg(top().join("tests/support/judge_status_list.mjs"));
    let question = json!({ "token": jwt, "certificate": certificate(&world), "places": places });
    assert_eq!(answer(&asked(command, &question))["values"], values);
    let cwt = STANDARD.encode(token_cwt(2, &list.compressed(), &terms, &world.issuer).unwrap());
    let question = json!({ "token": cwt, "certificate": certificate(&world), "places": places });
    let told = answer(&python("read-status-list", &question));
    assert_eq!((&told["sub"], &told["ttl"]), (&LIST.into(), &60.into()));
    assert_eq!(told["values"], values);
}
