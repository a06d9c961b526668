//! Showing and taking licences with the real binary: a holder's code, an agent's, a department's query, an annotated copy
//! that other programs read, and who looked; through a killed process.

use serde_json::json;
use support::licences::{FOOD, LICENSING, food_fields};
use support::{Appliance, corpus};

const COMPANY: &str = "001:91990000MA0E000186";
const AGENT: &str = "111:990101199102030027";

#[test]
fn a_holder_shows_a_department_takes_and_everybody_who_looked_is_listed() {
    let mut appliance = Appliance::start();
    appliance.published_type("food-operation-permit");
    appliance.machine("citizens", &["holder-platform"]);
    appliance.machine("inspection", &["verifier"]);
    let folder = corpus::scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("fields.json"), json!(food_fields()).to_string()).unwrap();
    let issue = ["licence", "issue", "--type", FOOD, "--fields", &path("fields.json"), "--json"];
    let issued = appliance.cli_as(LICENSING, &issue).ok().json();
    let licence = issued["identifier"].as_str().unwrap();
    // What is taken is named without the object identifier of the standard.
    let licence = licence.strip_prefix("1.2.156.3005.2.").unwrap_or(licence).to_owned();

    let symbol = path("code.svg");
    let show =
        ["licence", "show-code", &licence, "--holder", COMPANY, "--uses", "2", "--qr", &symbol, "--json"];
    let code = appliance.cli_as("citizens", &show).ok().json()["code"].as_str().unwrap().to_owned();
    assert!(std::fs::read_to_string(&symbol).unwrap().starts_with("<svg "));
    let redeem = ["licence", "redeem", &code, "--case-number", "C-1", "--json"];
    let shown = appliance.cli_as("inspection", &redeem).ok().json();
    assert_eq!((&shown["state_zh"], &shown["left"]), (&json!("有效"), &json!(1)), "{shown}");
    // What was given out outlives the process, and its uses were counted.
    appliance.kill();
    appliance.serve();
    appliance.unseal();
    assert_eq!(appliance.cli_as("inspection", &redeem).ok().json()["left"], 0);
    let spent = appliance.cli_as("inspection", &redeem).exits(1);
    assert!(spent.told().contains("show-code") || spent.told().contains("used up"), "{}", spent.told());

    let delegate = ["licence", "delegate", &licence, "--holder", COMPANY, "--agent", AGENT, "--count", "1"];
    let until = ["--until", "2036-01-01T00:00:00Z", "--json"];
    let late = appliance.cli_as("citizens", &[&delegate[..], &until[..]].concat()).exits(1);
    assert!(late.told().contains("until"), "{}", late.told());
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let soon = soon.to_string();
    let until = ["--until", &soon, "--json"];
    let given = appliance.cli_as("citizens", &[&delegate[..], &until[..]].concat()).ok().json();
    let id = given["id"].as_str().unwrap();
    let by_agent = ["licence", "show-code", &licence, "--holder", AGENT, "--delegation", id, "--json"];
    appliance.cli_as("citizens", &by_agent).ok();
    appliance.cli_as("citizens", &by_agent).exits(1);
    let listed =
        appliance.cli_as("citizens", &["licence", "delegations", "--agent", AGENT, "--json"]).ok().json();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["state"]), (&json!(id), &json!("used")));
    appliance.cli_as("citizens", &["licence", "undelegate", id, "--version", "2", "--holder", COMPANY]).ok();

    let documents = path("documents");
    let query = ["licence", "query", "--type", FOOD, "--holder", COMPANY, "--purpose", "catering-inspection"];
    let case = ["--item", "000131002000", "--case-number", "C-2", "--operator", "李办事"];
    let more = ["--documents", &documents, "--json"];
    let taken = appliance.cli_as("inspection", &[&query[..], &case[..], &more[..]].concat()).ok().json();
    assert_eq!(taken["licences"][0]["identifier"], *licence, "{taken}");
    let file = folder.path().join("documents").join(format!("{licence}.pdf"));
    assert!(std::fs::read(&file).unwrap().starts_with(b"%PDF-"));

    let copy = path("copy.pdf");
    let annotate =
        ["licence", "annotate", &licence, "--holder", COMPANY, "--purpose", "办理贷款", "--recipient"];
    let rest = ["示例银行", "--until", &soon, "--out", &copy];
    appliance.cli_as("citizens", &[&annotate[..], &rest[..]].concat()).ok();
    let read = std::process::Command::new("pdftotext").args([copy.as_str(), "-"]).output().unwrap();
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(text.contains("示例银行") && text.contains("办理贷款"), "{text}");
    let sealed = std::process::Command::new("pdfsig").arg(&copy).output().unwrap();
    let sealed = String::from_utf8_lossy(&sealed.stdout).into_owned();
    assert!(sealed.contains("Signature is Valid"), "{sealed}");

    let uses = appliance.cli_as("citizens", &["licence", "uses", "--holder", COMPANY, "--json"]).ok().json();
    let kinds: Vec<&str> =
        uses["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["copy", "document", "query", "show", "show"]);

    // How often, by whatever one asks; nobody stands in a figure.
    let figures = |more: &[&str]| {
        let all = [&["licence", "figures", "--json"][..], more].concat();
        let told = appliance.cli_as(LICENSING, &all).ok().json();
        assert!(!told.to_string().contains(&licence), "{told}");
        told["items"].as_array().cloned().unwrap()
    };
    assert_eq!(json!(figures(&["--by", "type"])), json!([{ "type": FOOD, "uses": 5 }]));
    let by_item = figures(&["--type", FOOD, "--by", "item,kind"]);
    assert!(by_item.contains(&json!({ "item": "000131002000", "kind": "query", "uses": 1 })), "{by_item:?}");
    assert_eq!(json!(figures(&["--item", "000131002000", "--by", "kind"]))[0]["uses"], 1);
    let shown = figures(&["--department", "bureau", "--by", "department,month"]);
    assert_eq!(shown[0]["viewer_organisation"], "bureau", "{shown:?}");
    assert!(shown[0]["month"].as_str().unwrap().starts_with("20"), "{shown:?}");
    assert_eq!(figures(&["--type", "11990000MB0F00012G999"]), [json!(null); 0]);
    let table = appliance.cli_as(LICENSING, &["licence", "figures", "--by", "type,month"]).ok().stdout;
    assert!(table.contains("month") && table.contains(FOOD), "{table}");
    appliance.cli_as(LICENSING, &["licence", "figures", "--from", "2026-13"]).exits(2);
    // A year is the most.
    let long = ["licence", "figures", "--from", "2024-01", "--to", "2026-01"];
    assert!(appliance.cli_as(LICENSING, &long).exits(1).told().contains("366 days"));

    // The copy once more, for whoever had it made.
    let copies = appliance.cli_as("citizens", &["licence", "copies", &licence, "--json"]).ok().json();
    assert_eq!((&copies["items"][0]["number"], &copies["items"][0]["over"]), (&json!(1), &json!(false)));
    let second = path("again.pdf");
    appliance.cli_as("citizens", &["licence", "copy", &licence, "1", "--out", &second]).ok();
    assert_eq!(std::fs::read(&second).unwrap(), std::fs::read(&copy).unwrap());
    appliance.cli_as("inspection", &["licence", "copy", &licence, "1", "--out", &second]).exits(1);

    // It ends, and what is personal of it is erased: by an officer, and only then.
    let cancel =
        ["licence", "cancel", &licence, "--ground", "holders-request", "--reason", "歇业", "--basis"];
    let cancel = [&cancel[..], &["《行政许可法》第七十条"]].concat();
    let refused = appliance.cli_as(LICENSING, &cancel).exits(1);
    assert!(refused.told().contains("case_number"), "{}", refused.told());
    let erase =
        ["licence", "erase", &licence, "--ground", "retention-over", "--reason", "保存期限届满", "--basis"];
    let erase = [&erase[..], &["《个人信息保护法》第四十七条", "--json"]].concat();
    let early = appliance.cli_as("officer-1", &erase).exits(1);
    assert!(early.told().contains("cancelled first"), "{}", early.told());
    appliance.cli_as(LICENSING, &[&cancel[..], &["--case-number", "2026-0816"]].concat()).ok();
    appliance.cli_as(LICENSING, &erase).exits(1);
    let erased = appliance.cli_as("officer-1", &erase).ok().json();
    assert_eq!((&erased["state"], erased["leaf"].is_u64()), (&json!("cancelled"), true), "{erased}");
    let gone = appliance.cli_as(LICENSING, &["licence", "show", &licence]).exits(1);
    assert!(gone.told().contains("erased"), "{}", gone.told());
    appliance.cli_as("citizens", &["licence", "copy", &licence, "1", "--out", &second]).exits(1);
    appliance.stop();
    appliance.audit_verify(&[]).ok();
}
