//! Batch work: thousands of licences from one file, issued or taken over, through the API to the job's end. Nothing is
//! warmed up and nothing left out: the time runs from handing the file in to the last line, as a clerk would wait.

use std::time::{Duration, Instant};

use licence::identifier::Identifier;
use serde_json::{Value, json};
use support::licences::{FOOD, ISSUER, LICENSING, food_fields};
use support::process::usage;
use support::{Appliance, Client};

/// How long a line may take on average before it is given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sets up a throw-away appliance and has `lines` licences issued, or taken over, from one file: name, value and unit.
pub fn measure(lines: u64, import: bool) -> Vec<(&'static str, f64, &'static str)> {
    let appliance = Appliance::start();
    appliance.published_type("food-operation-permit");
    let file: Vec<String> = (0..lines).map(|number| line(number, import).to_string()).collect();
    let client = Client::new(appliance.port, &appliance.credential(LICENSING));
    let path = format!("/v1/licence-jobs?type={FOOD}&kind={}", if import { "import" } else { "issue" });
    let (before, began) = (usage(appliance.pid()).cpu, Instant::now());
    let headers = [("content-type", "application/x-ndjson")];
    let job = client.call("POST", &path, &headers, file.join("\n")).is(201).json();
    let at = format!("/v1/licence-jobs/{}", job["id"].as_str().expect("an id"));
    let patience = PATIENCE * u32::try_from(lines).expect("at most 10,000 lines");
    loop {
        let job = client.get(&at).is(200).json();
        let number = |name: &str| job[name].as_u64().expect("a number");
        eprint!("\r{} of {lines}, {} failed ", number("done"), number("failed"));
        if job["state"] == "done" {
            assert_eq!((number("done"), number("failed")), (lines, 0), "{job}");
            break;
        }
        assert!(began.elapsed() < patience, "the job does not end: {job}");
        std::thread::sleep(Duration::from_millis(200));
    }
    eprintln!();
    let (used, took) = (usage(appliance.pid()).cpu - before, began.elapsed().as_secs_f64());
    let count = lines as f64;
    if import {
        vec![
            ("licence.import.per_s", count / took, "1/s"),
            ("licence.import.cpu_ms", used * 1000.0 / count, "ms"),
        ]
    } else {
        vec![
            ("licence.batch.per_s", count / took, "1/s"),
            ("licence.batch.cpu_ms", used * 1000.0 / count, "ms"),
        ]
    }
}

fn line(number: u64, import: bool) -> Value {
    let mut fields = food_fields();
    fields.insert("permit_number".to_owned(), json!(format!("JY29901010{number:06}")));
    if !import {
        return json!({ "fields": fields, "case_number": format!("2026-{number}") });
    }
    let identifier = Identifier::new(FOOD, ISSUER, format!("2024{number:07}"), 1).expect("an identifier");
    json!({ "identifier": identifier.to_string(), "fields": fields, "valid_from": "2024-03-01" })
}
