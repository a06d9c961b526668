//! The description of the platform API, kept as a golden file: a change of the API is a change of this file.
//! Made anew with `CINNABAR_BLESS=1 cargo test -p cinnabar-appliance --test openapi`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests fail loudly")]

use std::path::Path;

#[test]
fn the_description_is_the_golden_one() {
    let description = appliance::server::describe(appliance::cli::capabilities());
    let now = format!("{}\n", description.to_pretty_json().unwrap());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openapi.json");
    if std::env::var_os("CINNABAR_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&golden).unwrap();
    let differs = kept.lines().zip(now.lines()).position(|(kept, now)| kept != now);
    assert!(
        kept == now,
        "the API differs from tests/golden/openapi.json from line {} on; if that is meant, bless it",
        differs.map_or_else(|| kept.lines().count().min(now.lines().count()), |at| at + 1)
    );
}

#[test]
fn every_operation_says_what_it_answers() {
    let description = appliance::server::describe(appliance::cli::capabilities());
    assert_eq!(serde_json::to_value(&description).unwrap()["openapi"], "3.1.0");
    let document = serde_json::to_value(&description).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        }
    }
}
