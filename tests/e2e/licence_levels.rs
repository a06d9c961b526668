//! Licences above PAdES B-B: types of each level, issued one by one and by the line, judged by programs of others; and what is
//! certified by its seal stays what it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::licences::{LICENSING, food_fields, shipped};
use support::process::{finish, run};
use support::{Appliance, Setup, corpus, judges};

/// An appliance with a time-stamping authority, and the food-operation permit at each level: level and code.
fn stamping(folder: &Path) -> (Appliance, Vec<(&'static str, String)>) {
    let mut appliance = Appliance::init(Setup::default());
    appliance.configure_more("[timestamps]\npolicy = \"0.4.0.2023.1.1\"\n");
    appliance.serve();
    appliance.unseal();
    let text = std::fs::read_to_string(shipped().join("food-operation-permit.json")).unwrap();
    let types = ["b-b", "b-t", "b-lt", "b-lta"].into_iter().enumerate().map(|(number, level)| {
        let mut definition: Value = serde_json::from_str(&text).unwrap();
        definition["code"] = format!("11990000MB0F00012G90{number}").into();
        definition["vct"] = format!("urn:cinnabar:licence:food-operation-permit-{level}").into();
        definition["level"] = level.into();
        let file = folder.join(format!("{level}.json"));
        std::fs::write(&file, definition.to_string()).unwrap();
        (level, appliance.published_definition(&file))
    });
    let types = types.collect();
    (appliance, types)
}

fn fields(folder: &Path) -> String {
    let path = folder.join("fields.json");
    std::fs::write(&path, json!(food_fields()).to_string()).unwrap();
    path.display().to_string()
}

/// pyHanko's validation of what the file itself brings, at this moment, with nothing but the root.
fn pyhanko(appliance: &Appliance, pdf: &Path) -> Value {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    let folder = corpus::scratch();
    let root = folder.path().join("root.der");
    let pem = std::fs::read(appliance.certificate("root")).unwrap();
    std::fs::write(&root, CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/pdf/tests/signing/pyhanko_levels.py");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut command = Command::new(corpus::python().join("python"));
    command.arg(script).arg("judge").arg(root).arg(now.to_string()).arg(pdf);
    finish(command).ok().json()
}

/// Our own verifier, pdfsig and pyHanko agree that this file is of this level.
fn judged(appliance: &Appliance, pdf: &Path, level: &str) {
    let root = appliance.certificate("root");
    let said = run("pdfsig", [Path::new("-nocert"), pdf]);
    assert_eq!(said.stdout.matches("Signature is Valid").count(), 1, "{level}: {}", said.told());
    let (file, anchor) = (pdf.display().to_string(), root.display().to_string());
    let report = appliance.cli(&["verify", &file, "--trust-anchor", &anchor, "--json"]).json();
    // Offline and without lists a time-stamp is seen, and does not count before the file itself brings what is known of it.
    let reached = if level == "b-t" { "B-B".to_owned() } else { level.to_uppercase() };
    assert_eq!(report["signatures"][0]["level"], reached, "{report:#}");
    let stamps = report["signatures"][0]["timestamps"].as_array().map_or(0, Vec::len);
    assert_eq!(stamps > 0, level != "b-b", "{report:#}");
    // Soft-fail: revocation is asked of nobody.
    let told = judges::pyhanko(pdf, &root).ok().json();
    let one = &told[0];
    assert_eq!(told.as_array().unwrap().len(), 1, "{told:#}");
    for claim in ["intact", "valid", "trusted", "bottom_line", "docmdp_ok"] {
        assert_eq!(one[claim], true, "{level} {claim}: {told:#}");
    }
    assert_eq!(one["stamped"], level != "b-b", "{level}: {told:#}");
    assert_eq!(
        one["modification"],
        if ["b-b", "b-t"].contains(&level) { "NONE" } else { "LTA_UPDATES" },
        "{level}: {told:#}"
    );
    let octets = std::fs::read(pdf).unwrap();
    let has = |text: &str| octets.windows(text.len()).any(|part| part == text.as_bytes());
    if ["b-b", "b-t"].contains(&level) {
        assert!(!has("/DSS") && !has("/DocTimeStamp"), "{level} brings no more than it says");
        return;
    }
    // Hard-fail, with nothing but the root and what the file brings.
    let told = pyhanko(appliance, pdf);
    let kept = |name: &str| told["store"][name].as_u64().unwrap_or_default();
    assert!(kept("certs") > 0 && kept("crls") + kept("ocsps") > 0, "{told:#}");
    let (one, stamps) = (&told["signatures"][0], told["timestamps"].as_array().unwrap());
    for claim in ["bottom_line", "trusted", "stamped", "docmdp_ok"] {
        assert_eq!(one[claim], true, "{level} {claim}: {told:#}");
    }
    assert_eq!(stamps.len(), usize::from(level == "b-lta"), "{told:#}");
    if level == "b-lta" {
        assert_eq!(one["lta"], "OK", "{told:#}");
        assert!(stamps.iter().all(|stamp| stamp["intact"] == true && stamp["trusted"] == true), "{told:#}");
        assert_eq!(stamps[0]["coverage"], "ENTIRE_FILE", "{told:#}");
    }
}

#[test]
fn a_types_level_is_what_each_of_its_licences_reaches_alone_and_by_the_line() {
    let folder = corpus::scratch();
    let (appliance, types) = stamping(folder.path());
    let fields = fields(folder.path());
    let fetched = |identifier: &str, kind: &str| -> PathBuf {
        let out = folder.path().join(format!("{kind}.pdf"));
        let to = out.display().to_string();
        appliance.cli_as(LICENSING, &["licence", "download", identifier, kind, "--out", &to]).ok();
        out
    };
    for (level, code) in &types {
        let issued = ["licence", "issue", "--type", code, "--fields", &fields, "--json"];
        let issued = appliance.cli_as(LICENSING, &issued).ok().json();
        let identifier = issued["identifier"].as_str().unwrap();
        for kind in ["original", "duplicate"] {
            judged(&appliance, &fetched(identifier, kind), level);
        }
    }
    let (level, code) = types.last().unwrap();
    let line = |number: usize| {
        let mut fields = food_fields();
        fields.insert("permit_number".to_owned(), json!(format!("JY29901010{number:06}")));
        json!({ "fields": fields }).to_string()
    };
    let file = folder.path().join("permits.jsonl");
    std::fs::write(&file, [line(1), line(2)].join("\n")).unwrap();
    let file = file.display().to_string();
    let start = ["licence", "batch", "start", &file, "--type", code, "--wait", "--json"];
    let job = appliance.cli_as(LICENSING, &start).ok().json();
    assert_eq!((&job["done"], &job["failed"]), (&json!(2), &json!(0)), "{job}");
    let lines = ["licence", "batch", "lines", job["id"].as_str().unwrap(), "--json"];
    let lines = appliance.cli_as(LICENSING, &lines).ok().json();
    let lines = lines["items"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    for line in lines {
        judged(&appliance, &fetched(line["identifier"].as_str().unwrap(), "original"), level);
    }
    appliance.audit_verify(&[]).ok();
}

#[test]
fn a_further_signature_over_a_licence_is_refused_by_every_verifier_that_looks() {
    let folder = corpus::scratch();
    let (appliance, types) = stamping(folder.path());
    appliance.machine("inspection", &["verifier"]);
    let fields = fields(folder.path());
    let root = appliance.certificate("root");
    for (level, code) in types.iter().filter(|(level, _)| ["b-b", "b-lta"].contains(level)) {
        let original = folder.path().join("permit.pdf");
        let out = original.display().to_string();
        let issue = ["licence", "issue", "--type", code, "--fields", &fields, "--original", &out];
        appliance.cli_as(LICENSING, &issue).ok();
        let before = judges::pyhanko(&original, &root).ok().json();
        assert_eq!(before[0]["bottom_line"], true, "{level}: {before:#}");

        // A picture over the page, in a signature of somebody's: sound in itself, and seen.
        let altered = folder.path().join("altered.pdf");
        judges::sneaked(&original, &altered);
        let file = altered.display().to_string();
        let pdfsig = run("pdfsig", [Path::new("-nocert"), &altered]);
        assert_eq!(pdfsig.stdout.matches("Signature is Valid").count(), 2, "{}", pdfsig.told());
        let told = judges::pyhanko(&altered, &root).ok().json();
        assert_eq!(
            (&told[0]["docmdp_ok"], &told[0]["bottom_line"]),
            (&json!(false), &json!(false)),
            "{level}: {told:#}"
        );
        let anchor = root.display().to_string();
        let report = appliance.cli(&["verify", &file, "--trust-anchor", &anchor, "--json"]).exits(3).json();
        assert_eq!(report["signatures"][0]["changes_allowed"], false, "{level}: {report:#}");
        let reasons = report["signatures"][0]["reasons"].to_string();
        assert!(reasons.contains("further signature") || reasons.contains("visible signature"), "{reasons}");

        // Whoever asks us is told that first of all.
        let verify = ["licence", "verify", "--file", &file, "--json"];
        let verdict = appliance.cli_as("inspection", &verify).exits(3).json();
        assert_eq!((&verdict["code"], &verdict["file"]), (&json!(6), &json!(2)), "{verdict}");
        assert_eq!(verdict["reasons"][0]["name"], "changed", "{verdict}");
        assert!(verdict["licence"].is_null(), "{verdict}");
        let pdf = [("content-type", "application/pdf")];
        let client = appliance.client("inspection");
        let octets = std::fs::read(&altered).unwrap();
        let answer = client.call("POST", "/v1/shared/verify-file", &pdf, octets).is(200).json();
        assert_eq!(answer["code"], 2, "{answer}");
        let page = public(&appliance, &altered);
        assert_eq!(page["tone"], "bad", "{page:#}");
        assert!(page["reasons"][0].to_string().contains("添加或修改"), "{page:#}");
        // The file as it was issued holds there as before.
        assert_eq!(public(&appliance, &original)["tone"], "good");
    }
}

/// What a stranger is told on the public page.
fn public(appliance: &Appliance, pdf: &Path) -> Value {
    let mut command = Command::new("curl");
    command.args(["-sk", "--max-time", "60", "-H", "content-type: application/pdf", "--data-binary"]);
    command.arg(format!("@{}", pdf.display()));
    command.arg(format!("https://127.0.0.1:{}/api/verify", appliance.portal_port));
    finish(command).ok().json()
}
