//! A licence issued by the real binary and verified with it: by its number, its file, its symbol and its credential, until it is
//! suspended; and everything that passes itself off as it.

use std::time::Duration;

use serde_json::{Value, json};
use support::appliance::Appliance;
use support::licences::{LICENSING, food_fields};
use support::process::{Done, eventually};

const WHO: &str = "inspection";

/// Verifies as the inspection.
fn verify(appliance: &Appliance, arguments: &[&str]) -> Done {
    appliance.cli_as(WHO, &[&["licence", "verify", "--json"], arguments].concat())
}

/// Code and exit code.
#[track_caller]
fn judged(done: Done, code: u64, exit: i32) -> Value {
    let verdict = done.exits(exit).json();
    assert_eq!(verdict["code"], code, "{verdict}");
    verdict
}

#[test]
fn a_licence_is_verified_by_all_that_is_at_hand_of_it_and_nothing_passes_itself_off_as_it() {
    let appliance = Appliance::start();
    let code = appliance.published_type("food-operation-permit");
    appliance.machine(WHO, &["verifier"]);
    let at = |name: &str| appliance.directory.join(name).display().to_string();
    let (fields, original, symbol, credential) =
        (at("fields.json"), at("permit.pdf"), at("qr.txt"), at("sd-jwt.txt"));
    std::fs::write(&fields, Value::Object(food_fields()).to_string()).unwrap();
    let issue = ["licence", "issue", "--type", &code, "--fields", &fields, "--original", &original, "--json"];
    let issued = appliance.cli_as(LICENSING, &issue).ok().json();
    let identifier = issued["identifier"].as_str().unwrap().to_owned();
    for (kind, out) in [("qr", &symbol), ("credential", &credential)] {
        appliance.cli_as(LICENSING, &["licence", "download", &identifier, kind, "--out", out]).ok();
    }
    let operator = food_fields()["operator"].as_str().unwrap().to_owned();

    // As it is.
    let by_number = judged(verify(&appliance, &[&identifier, "--value", &operator]), 0, 0);
    assert_eq!(by_number["licence"]["state_zh"], "有效");
    let words = appliance
        .cli_as(WHO, &["licence", "verify", &identifier, "--field", "operator", "--value", &operator]);
    assert!(words.ok().stdout.contains("证照有效"));
    let by_file = judged(verify(&appliance, &["--file", &original]), 0, 0);
    assert_eq!(by_file["file"], 0);
    let from_symbol = format!("@{symbol}");
    judged(verify(&appliance, &["--qr", &from_symbol]), 0, 0);
    let presented = judged(verify(&appliance, &["--presentation", &credential]), 0, 0);
    assert!(presented["reasons"].to_string().contains("holder-unbound"), "{presented}");

    // As it is not.
    judged(verify(&appliance, &[&identifier, "--value", "示例市另一家公司"]), 6, 3);
    judged(verify(&appliance, &[&identifier, "--field", "premises", "--value", "x"]), 4, 4);
    let absent = identifier.replace(".001.", ".009.");
    judged(verify(&appliance, &[absent.rsplit_once('.').unwrap().0, "--value", &operator]), 5, 5);
    let octets = std::fs::read(&original).unwrap();
    let altered = at("altered.pdf");
    for (number, change) in [octets.len() / 4, octets.len() / 2].into_iter().enumerate() {
        let mut octets = octets.clone();
        octets[change] ^= 1;
        std::fs::write(&altered, octets).unwrap();
        let done = verify(&appliance, &["--file", &altered]);
        assert!([Some(3), Some(6)].contains(&done.code), "{number} {}", done.told());
    }
    std::fs::write(&altered, [&octets[..], b"\n% and this\n"].concat()).unwrap();
    judged(verify(&appliance, &["--file", &altered]), 6, 3);
    let text = std::fs::read_to_string(&symbol).unwrap();
    let mut forged = text.trim().to_owned().into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let done = verify(&appliance, &["--qr", std::str::from_utf8(&forged).unwrap()]);
    assert!([Some(3), Some(4)].contains(&done.code), "{}", done.told());
    std::fs::write(at("none.pdf"), "no PDF").unwrap();
    verify(&appliance, &["--file", &at("none.pdf")]).exits(6);

    // Suspended: everything says so within five seconds.
    let path = format!("/v1/licences/{identifier}/suspend");
    let body = json!({ "reason": "限期整改", "basis": "《食品经营许可和备案管理办法》第五十条", "ground": "rectification" });
    let headers = [("content-type", "application/json"), ("if-match", "*")];
    appliance.client(LICENSING).call("POST", &path, &headers, body.to_string()).is(200);
    eventually("the suspension is seen", Duration::from_secs(5), || {
        (verify(&appliance, &[&identifier, "--value", &operator]).json()["code"] == 2).then_some(())
    });
    judged(verify(&appliance, &["--file", &original]), 2, 3);
    judged(verify(&appliance, &["--qr", &from_symbol]), 2, 3);
    judged(verify(&appliance, &["--presentation", &credential]), 2, 3);

    // The shared-service interface (GB/T 36906) says the same.
    let client = appliance.client(WHO);
    let information = json!({ "ZZBS": identifier, "CZZT": operator, "CZZTDM": food_fields()["credit_code"] });
    let answer = client.post("/v1/shared/verify-info", &information).is(200).json();
    assert_eq!((&answer["code"], &answer["ZZZT"]), (&2.into(), &"暂扣".into()), "{answer}");
    let pdf = [("content-type", "application/pdf")];
    let answer = client.call("POST", "/v1/shared/verify-file", &pdf, octets.clone()).is(200).json();
    // Genuine, and suspended: there is one code for both.
    assert_eq!((&answer["code"], &answer["ZZZT"]), (&2.into(), &"暂扣".into()), "{answer}");
    let other = format!("/v1/shared/verify-file?ZZBS={absent}");
    let answer = client.call("POST", &other, &pdf, octets).is(200).json();
    assert_eq!(answer["code"], 2, "{answer}");
    appliance.audit_verify(&[]).ok();
}
