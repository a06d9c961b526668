//! The catalogue over the command line: the shipped types published by two officers, shown, listed, fetched signed, replaced
//! and retired.

use serde_json::Value;
use support::licences::{FOOD, LICENSING, shipped};
use support::{Appliance, corpus};

#[test]
fn shipped_types_are_published_shown_and_retired_from_the_command_line() {
    let appliance = Appliance::start();
    let mut codes: Vec<String> = ["food-operation-permit", "business-licence", "qualification-certificate"]
        .iter()
        .map(|name| appliance.published_type(name))
        .collect();
    codes.sort();
    assert!(codes.iter().any(|code| code == FOOD));
    let listed = |arguments: &[&str]| -> Vec<String> {
        let all = [&["licence-type", "list", "--json"][..], arguments].concat();
        let found = appliance.cli_as(LICENSING, &all).ok().json();
        let items = found["items"].as_array().unwrap().clone();
        items.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&[]), codes);
    assert_eq!(listed(&["--search", "食品"]), [FOOD]);
    assert_eq!(listed(&["--state", "retired"]), [""; 0]);

    // A version comes back as the files it was made of, and is the next version's beginning.
    let folder = corpus::scratch();
    let files = folder.path().join("files").display().to_string();
    let shown = ["licence-type", "show", FOOD, "1", "--files", &files, "--json"];
    let shown = appliance.cli_as(LICENSING, &shown).ok().json();
    assert_eq!((&shown["state"], shown["faults"].is_null()), (&"published".into(), true), "{shown}");
    let pages = "food-operation-original.svg";
    let read = |name: &str| std::fs::read_to_string(folder.path().join("files").join(name)).unwrap();
    assert_eq!(read(pages), std::fs::read_to_string(shipped().join(pages)).unwrap());
    let draft = format!("{files}/definition.json");
    let drafted = appliance.cli_as(LICENSING, &["licence-type", "draft", &draft, "--json"]).ok().json();
    assert_eq!((&drafted["number"], &drafted["state"]), (&2.into(), &"draft".into()));
    // One officer alone does not publish, and nothing that was not handed in is.
    appliance.cli_as("officer-1", &["licence-type", "submit", FOOD, "2"]).ok();
    let alone = appliance.cli_as("officer-1", &["licence-type", "publish", FOOD, "2"]).exits(1);
    assert!(alone.told().contains("policies"), "{}", alone.told());
    let reason = ["licence-type", "refuse", FOOD, "2", "--reason", "与第一版相同"];
    appliance.cli_as("officer-2", &reason).ok();

    // The published catalogue, signed; the definition's faults in words.
    let jwt = folder.path().join("catalogue.jwt").display().to_string();
    appliance.cli_as(LICENSING, &["licence-type", "catalogue", "--signed", &jwt]).ok();
    let jwt = std::fs::read_to_string(&jwt).unwrap();
    assert_eq!(jwt.split('.').count(), 3, "a compact JWS");
    let told = appliance.cli_as(LICENSING, &["licence-type", "catalogue", "--json"]).ok().json();
    assert_eq!(told["types"].as_array().unwrap().len(), 3);
    let mut wrong: Value = serde_json::from_str(&read("definition.json")).unwrap();
    wrong["number_field"] = "nothing".into();
    std::fs::write(&draft, wrong.to_string()).unwrap();
    let faulty = appliance.cli_as(LICENSING, &["licence-type", "draft", &draft]).exits(1);
    assert!(faulty.told().contains("/number_field"), "{}", faulty.told());

    appliance.cli_as("officer-1", &["licence-type", "retire", FOOD, "--reason", "改为备案管理"]).ok();
    assert_eq!(listed(&["--state", "retired"]), [FOOD]);
    appliance.audit_verify(&[]).ok();
}
