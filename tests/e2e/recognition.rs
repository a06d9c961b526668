//! Mutual recognition between two real processes, each with its own root: what the one issues, the other verifies, for as long
//! as a signed list says so and the one who issued it can be asked.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use support::process::{Done, eventually, finish};
use support::{Answer, Appliance, Client, Setup, corpus};

const ISSUER: &str = "11990100MB0F001191";

/// The other region: an appliance that issues food-operation permits.
struct Region {
    appliance: Appliance,
    licensing: Client,
}

impl Region {
    fn new() -> Self {
        let mut appliance = Appliance::init(Setup::default());
        let own = "[recognition]\nregion = \"example\"\nname = \"示例省\"\nname_en = \"Example Province\"\n\
                   divisions = [\"990000\"]";
        appliance.configure("[recognition]", own);
        appliance.serve();
        appliance.unseal();
        appliance.organisation("bureau");
        let out = appliance.directory.join("credentials/licensing").display().to_string();
        appliance
            .cli_as(
                "officer-1",
                &[
                    "caller",
                    "add",
                    "licensing",
                    "--organisation",
                    "bureau",
                    "--role",
                    "licensor",
                    "--out",
                    &out,
                ],
            )
            .ok();
        let licensing = appliance.client("licensing");
        let region = Self { appliance, licensing };
        region.seal();
        region.publish();
        region
    }

    /// The seal of the issuing body, as the one whose code stands in identifiers.
    fn seal(&self) {
        self.appliance.seal_record_with(
            "permits",
            &["--kind", "6", "--level", "city", "--holder", "organisation", "--holder-number", ISSUER],
        );
    }

    fn publish(&self) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/licence-templates");
        let text = std::fs::read_to_string(format!("{folder}/food-operation-permit.json")).unwrap();
        let mut definition: Value = serde_json::from_str(&text).unwrap();
        definition["issuers"] = json!(["bureau"]);
        definition["seals"] = json!({ "bureau": "permits" });
        let mut templates = serde_json::Map::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("food-operation") && !name.ends_with(".json") {
                templates.insert(name, std::fs::read_to_string(&path).unwrap().into());
            }
        }
        let body = json!({ "definition": definition, "templates": templates, "organisation": "bureau" });
        let drafted = self.appliance.client("officer-1").post("/v1/licence-types", &body).is(201).json();
        let path =
            format!("/v1/licence-types/{}/versions/{}", drafted["type"].as_str().unwrap(), drafted["number"]);
        for (officer, what) in [("officer-1", "submit"), ("officer-2", "publish")] {
            self.step(officer, &path, what, &json!({})).is(200);
        }
    }

    fn step(&self, who: &str, path: &str, what: &str, body: &Value) -> Answer {
        let client = self.appliance.client(who);
        step(&client, path, what, body)
    }

    fn issue(&self) -> Value {
        let order = json!({ "type": "11990000MB0F00012G001", "case_number": "2026-0815", "item": "000131002000",
            "fields": {
                "operator": "示例市某某餐饮有限公司",
                "credit_code": "91990000MA0E000186",
                "representative": "张某某",
                "representative_id": "990101199003070015",
                "contact_phone": "13800138000",
                "residence": "示例省示例市示例区一路1号",
                "premises": "示例省示例市示例区一路1号一层",
                "business_form": "餐饮服务经营者",
                "items": ["热食类食品制售", "冷食类食品制售"],
                "permit_number": "JY29901010000017",
                "supervisor": "示例区市场监督管理所",
                "signatory": "李某",
            } });
        self.licensing.post("/v1/licences", &order).is(201).json()
    }

    fn document(&self, licence: &Value, kind: &str) -> Vec<u8> {
        let all = licence["documents"].as_array().unwrap();
        let one =
            all.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {licence:#}"));
        self.licensing.get(one["url"].as_str().unwrap()).is(200).body.to_vec()
    }
}

/// A step of what is at `path`, as it stands.
fn step(client: &Client, path: &str, what: &str, body: &Value) -> Answer {
    let tag = client.get(path).is(200).header("etag").to_owned();
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    client.call("POST", &format!("{path}/{what}"), &headers, body.to_string())
}

/// The platform that recognises the other.
struct Platform {
    appliance: Appliance,
    folder: tempfile::TempDir,
    number: u64,
}

impl Platform {
    /// It may fetch from `port` of this machine.
    fn new(port: u16) -> Self {
        let mut appliance = Appliance::init(Setup::default());
        appliance.configure("status_seconds = 60", "status_seconds = 1");
        appliance.configure("networks = []", "networks = [\"127.0.0.0/8\", \"::1/128\"]");
        appliance.configure("ports = [80, 443]", &format!("ports = [{port}]"));
        appliance.serve();
        appliance.unseal();
        Self { appliance, folder: corpus::scratch(), number: 0 }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A list of the region's entry, signed here; its file.
    fn list(&self, signer: &Appliance, entries: &[&str], number: u64) -> String {
        let out = self.file(&format!("list-{number}.jwt")).display().to_string();
        let number = number.to_string();
        let mut arguments = vec!["trust-list", "sign"];
        arguments.extend(entries);
        arguments.extend(["--list", "national", "--number", &number, "--out", &out]);
        signer.cli_as("officer-1", &arguments).ok();
        out
    }

    fn import(&self, file: &str) -> Done {
        self.appliance.cli_as("officer-1", &["trust-list", "import", file, "--json"])
    }

    fn approved(&mut self, file: &str) -> String {
        let id = self.import(file).ok().json()["id"].as_str().unwrap().to_owned();
        let own = self.appliance.cli_as("officer-1", &["trust-list", "approve", &id]);
        assert_ne!(own.code, Some(0), "nobody approves what he brought in: {}", own.told());
        self.appliance.cli_as("officer-2", &["trust-list", "approve", &id]).ok();
        self.number += 1;
        id
    }

    /// What a stranger is told on the public page.
    fn told(&self, kind: &str, body: &[u8]) -> Value {
        let file = self.file("asked");
        std::fs::write(&file, body).unwrap();
        let mut command = std::process::Command::new("curl");
        command.args(["-sk", "--max-time", "60", "-H", &format!("content-type: {kind}"), "--data-binary"]);
        command.arg(format!("@{}", file.display()));
        command.arg(format!("https://127.0.0.1:{}/api/verify", self.appliance.portal_port));
        finish(command).ok().json()
    }

    fn text(&self, text: &str) -> Value {
        self.told("application/json", json!({ "text": text }).to_string().as_bytes())
    }
}

#[test]
fn what_a_listed_region_issued_is_verified_here_for_as_long_as_it_holds_there() {
    let region = Region::new();
    let mut platform = Platform::new(region.appliance.public_port);

    let licence = region.issue();
    let [pdf, symbol, credential] =
        ["original", "qr", "credential"].map(|kind| region.document(&licence, kind));
    let symbol = String::from_utf8(symbol).unwrap();
    let credential = String::from_utf8(credential).unwrap();
    let foreign = platform.text(&symbol);
    assert_ne!(foreign["tone"], "good", "an unlisted region is a stranger: {foreign:#}");

    // Its own word, signed into a list here, brought in by one officer and put in force by another.
    let entry = platform.file("entry.jwt").display().to_string();
    region.appliance.cli(&["trust-list", "entry", "--out", &entry]).ok();
    let first = platform.list(&platform.appliance, &[&entry], 1);
    platform.approved(&first);
    let regions = platform.appliance.cli_as("officer-1", &["trust-list", "regions", "--json"]).ok();
    assert!(regions.stdout.contains("Example Province"), "{}", regions.told());

    for (what, told) in [
        ("symbol", platform.text(&symbol)),
        ("credential", platform.text(&credential)),
        ("file", platform.told("application/pdf", &pdf)),
    ] {
        assert_eq!((&told["code"], &told["tone"]), (&json!(0), &json!("good")), "{what}: {told:#}");
        assert_eq!(told["origin"]["zh"], "示例省", "{what}: its origin is named: {told:#}");
    }

    // Suspended over there, seen here.
    let path = format!("/v1/licences/{}", licence["id"].as_str().unwrap());
    let why = json!({ "ground": "rectification", "reason": "限期整改", "basis": "食品安全法第一百二十六条" });
    step(&region.licensing, &path, "suspend", &why).is(200);
    let told = eventually("the suspension is seen here", Duration::from_secs(15), || {
        let told = platform.text(&symbol);
        (told["code"] == 2).then_some(told)
    });
    assert_eq!(told["tone"], "warn", "{told:#}");
    assert_eq!(platform.told("application/pdf", &pdf)["code"], 2);

    // Forged, lower, by a stranger: refused, and what is in force stays.
    let text = std::fs::read_to_string(&first).unwrap();
    let forged = platform.file("forged.jwt");
    std::fs::write(&forged, text.replacen('.', ".A", 1)).unwrap();
    let strangers = platform.list(&region.appliance, &[], 9);
    for file in [forged.display().to_string(), strangers] {
        let refused = platform.import(&file);
        assert_ne!(refused.code, Some(0), "{}", refused.told());
    }
    let second = platform.list(&platform.appliance, &[&entry], 3);
    platform.approved(&second);
    let lower = platform.list(&platform.appliance, &[&entry], 2);
    let refused = platform.import(&lower);
    assert!(refused.code != Some(0) && refused.told().contains("higher"), "{}", refused.told());

    // The other process is gone: what cannot be asked is not said to be in force.
    drop(region);
    let told = eventually("its standing is not known", Duration::from_secs(15), || {
        let told = platform.text(&symbol);
        (told["code"] == 4).then_some(told)
    });
    assert_eq!(told["tone"], "unknown", "{told:#}");

    // Removed by the next number: foreign at once.
    let third = platform.list(&platform.appliance, &[], 4);
    platform.approved(&third);
    let told = platform.text(&symbol);
    assert!(told["tone"] == "bad" || told["tone"] == "unknown", "{told:#}");
    assert!(told.get("origin").is_none(), "{told:#}");
}
