//! Licences by the real binary: issued, judged by programs of others, kept so that a thief of the database learns nothing, and
//! issued and taken over by hundreds through a kill in the middle.

use std::time::{Duration, Instant};

use licence::identifier::Identifier;
use serde_json::{Value, json};
use support::licences::{FOOD, ISSUER, LICENSING, food_fields};
use support::process::run;
use support::{Appliance, corpus, judges};

#[test]
fn an_issued_licence_holds_before_programs_of_others_and_the_database_says_nothing_of_persons() {
    let appliance = Appliance::start();
    appliance.published_type("food-operation-permit");
    let folder = corpus::scratch();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("fields.json"), json!(food_fields()).to_string()).unwrap();
    let arguments =
        ["licence", "issue", "--type", FOOD, "--fields", &at("fields.json"), "--original", &at("permit.pdf")];
    let issued = appliance.cli_as(LICENSING, &[&arguments[..], &["--json"]].concat()).ok().json();
    let identifier = issued["identifier"].as_str().unwrap().to_owned();
    judges::pdfsig_accepts(&folder.path().join("permit.pdf"), 1);
    judges::pyhanko_accepts(&folder.path().join("permit.pdf"), &appliance.certificate("root"));

    // The symbol on the page says what the record has as its text.
    appliance.cli_as(LICENSING, &["licence", "download", &identifier, "qr", "--out", &at("qr")]).ok();
    run("pdftoppm", ["-r", "300", "-png", &at("permit.pdf"), &at("page")]).ok();
    let page = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path());
    let page = page.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "png")).unwrap();
    let read = run("zbarimg", ["-q", "--raw", &page.display().to_string()]).ok();
    assert_eq!(read.stdout.trim(), std::fs::read_to_string(at("qr")).unwrap());

    // By every name, with and without what is personal; listed.
    let shown = appliance.cli_as(LICENSING, &["licence", "show", &identifier, "--json"]).ok().json();
    assert!(shown["fields"].get("representative").is_none(), "{shown}");
    let all = appliance.cli_as(LICENSING, &["licence", "show", &identifier, "--all", "--json"]).ok().json();
    assert_eq!(all["fields"]["representative_id"], "990101199003070015");
    let listed = appliance.cli_as(LICENSING, &["licence", "list", "--type", FOOD, "--json"]).ok().json();
    assert_eq!(listed["items"][0]["identifier"], identifier.as_str());

    // The whole database, its log included, as a thief would have it.
    let dump = appliance.sql(".dump").join("\n");
    let hexadecimal = |text: &str| hex::encode_upper(text);
    for secret in ["990101199003070015", "张某某", "13800138000", "李某"] {
        assert!(!dump.contains(secret), "{secret} stands in the database");
        assert!(
            !dump.to_uppercase().contains(&hexadecimal(secret)),
            "{secret} stands in octets of the database"
        );
    }
    assert!(dump.contains("示例市某某餐饮有限公司"), "what anyone may see is searchable");
    appliance.audit_verify(&[]).ok();
}

#[test]
fn a_batch_goes_on_after_a_kill_and_issues_nothing_twice() {
    const LINES: usize = 120;
    let mut appliance = Appliance::start();
    appliance.published_type("food-operation-permit");
    let folder = corpus::scratch();
    let line = |number: usize| {
        let mut fields = food_fields();
        fields.insert("permit_number".to_owned(), json!(format!("JY29901010{number:06}")));
        json!({ "fields": fields, "case_number": format!("2026-{number}") }).to_string()
    };
    let file = folder.path().join("permits.jsonl");
    std::fs::write(&file, (0..LINES).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let file = file.display().to_string();
    let begun = appliance.cli_as(LICENSING, &["licence", "batch", "start", &file, "--type", FOOD, "--json"]);
    let id = begun.ok().json()["id"].as_str().unwrap().to_owned();
    let job = |appliance: &Appliance| -> Value {
        appliance.cli_as(LICENSING, &["licence", "batch", "show", &id, "--json"]).ok().json()
    };
    let number = |job: &Value, name: &str| usize::try_from(job[name].as_u64().unwrap()).unwrap();
    let mut kills = 0;
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(300), "the batch never ended");
        let now = job(&appliance);
        if now["state"] == "done" {
            assert_eq!((number(&now, "done"), number(&now, "failed")), (LINES, 0), "{now}");
            break;
        }
        // In the middle of the work, twice.
        if kills < 2 && number(&now, "done") > kills * LINES / 3 {
            kills += 1;
            appliance.kill();
            appliance.serve();
            appliance.unseal();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(kills, 2, "it was killed in the middle");
    assert_eq!(appliance.sql("SELECT COUNT(*), COUNT(DISTINCT identifier) FROM licences"), ["120|120"]);
    assert_eq!(appliance.sql("SELECT COUNT(DISTINCT case_number) FROM licence_versions"), ["120"]);
    assert_eq!(appliance.sql("SELECT COUNT(*) FROM licence_job_rows WHERE sealed IS NOT NULL"), ["0"]);
    appliance.audit_verify(&[]).ok();
}

#[test]
fn taking_over_goes_on_after_a_kill_and_takes_nothing_over_twice() {
    const LINES: usize = 600;
    let mut appliance = Appliance::start();
    appliance.published_type("food-operation-permit");
    let folder = corpus::scratch();
    let line = |number: usize| {
        let mut fields = food_fields();
        fields.insert("permit_number".to_owned(), json!(format!("JY29901010{number:06}")));
        let identifier = Identifier::new(FOOD, ISSUER, format!("2024{number:07}"), 1).unwrap().to_string();
        // Every tenth came from a system with a wrong algorithm.
        let (rest, right) = identifier.split_at(identifier.len() - 1);
        let wrong = if right == "M" { "N" } else { "M" };
        let identifier =
            if number.is_multiple_of(10) { format!("{rest}{wrong}") } else { identifier.clone() };
        json!({ "identifier": identifier, "fields": fields, "valid_from": "2024-03-01", "valid_to": "2039-02-28" })
            .to_string()
    };
    let path = folder.path().join("old.jsonl");
    std::fs::write(&path, (0..LINES).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let file = path.display().to_string();
    let start = ["licence", "batch", "start", &file, "--import", "--type", FOOD];
    let begun = appliance.cli_as(LICENSING, &[&start[..], &["--json"]].concat());
    let id = begun.ok().json()["id"].as_str().unwrap().to_owned();
    let job = |appliance: &Appliance| -> Value {
        appliance.cli_as(LICENSING, &["licence", "batch", "show", &id, "--json"]).ok().json()
    };
    let number = |job: &Value, name: &str| usize::try_from(job[name].as_u64().unwrap()).unwrap();
    let mut killed_at = None;
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(300), "the job never ended");
        let now = job(&appliance);
        if now["state"] == "done" {
            let told = ["done", "warned", "failed"].map(|name| number(&now, name));
            assert_eq!(told, [LINES, LINES / 10, 0], "{now}");
            break;
        }
        if killed_at.is_none() && number(&now, "done") > 0 {
            appliance.kill();
            appliance.serve();
            appliance.unseal();
            killed_at = Some(number(&job(&appliance), "done"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed_at = killed_at.expect("it was killed");
    assert!(killed_at < LINES, "it was killed in the middle: {killed_at}");
    let licences =
        "SELECT COUNT(*), COUNT(DISTINCT identifier), COUNT(warnings) FROM licences WHERE imported = 1";
    assert_eq!(appliance.sql(licences), [format!("{LINES}|{LINES}|{}", LINES / 10)]);
    assert_eq!(
        appliance.sql("SELECT COUNT(*) FROM licence_events WHERE operation = 'import'"),
        [LINES.to_string()]
    );
    assert_eq!(appliance.sql("SELECT COUNT(*) FROM licence_job_rows WHERE sealed IS NOT NULL"), ["0"]);
    // The whole file once more: each line is told, nothing is doubled; the command follows it to its end.
    let again = appliance.cli_as(LICENSING, &[&start[..], &["--wait"]].concat()).ok();
    let said = format!("{LINES} of {LINES} taken over, 0 failed, 0 waiting");
    assert!(again.stdout.contains(&said) && again.stdout.contains("--state warned"), "{}", again.stdout);
    assert_eq!(appliance.sql(licences), [format!("{LINES}|{LINES}|{}", LINES / 10)]);
    let listed =
        appliance.cli_as(LICENSING, &["licence", "list", "--ends-within", "30", "--json"]).ok().json();
    assert_eq!(listed["items"], json!([]), "they end in 2039");
    appliance.audit_verify(&[]).ok();
}
