//! What a licence of a running appliance is proved by, judged by libraries of others: its SD-JWT by PyPI's sd-jwt, its QR symbol by
//! cwt and base45, its status list by npm's jwt-status-list and by cwt, before and after it is suspended.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::{KeyKind, Signer, SoftwareKey};
use licence::credential::Jwk;
use licence::credential::sd_jwt::{Binding, present};
use licence::identifier::{Check, Identifier};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use support::process::run;
use support::{Answer, Appliance, Client, corpus};

const TYPE: &str = "11990000MB0F00012G001";
const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/licence-templates");

/// An office that issues food-operation permits.
struct Office {
    appliance: Appliance,
    client: Client,
}

impl Office {
    fn open() -> Self {
        let appliance = Appliance::start();
        appliance.organisation("bureau");
        let out = appliance.directory.join("credentials/licensing").display().to_string();
        let caller = ["caller", "add", "licensing", "--organisation", "bureau", "--role", "licensor"];
        appliance.cli_as("officer-1", &[&caller[..], &["--out", &out]].concat()).ok();
        let holder = ["--holder", "organisation", "--holder-number", "11990100MB0F001191"];
        appliance.seal_record_with("permits", &holder);
        let definition = format!("{TEMPLATES}/food-operation-permit.json");
        let [submitter, reviewer] =
            ["officer-1", "officer-2"].map(|who| appliance.credential(who).0.display().to_string());
        let draft =
            ["licence-type", "draft", &definition, "--templates", TEMPLATES, "--issuer", "bureau=permits"];
        let people = ["--organisation", "bureau", "--submitter", &submitter, "--reviewer", &reviewer];
        appliance.cli_as("officer-1", &[&draft[..], &people].concat()).ok();
        let client = appliance.client("licensing");
        Self { appliance, client }
    }

    fn issue(&self, holder_key: &Jwk) -> String {
        let sample = std::fs::read(format!("{TEMPLATES}/food-operation-permit.sample.json")).unwrap();
        let fields: Value = serde_json::from_slice(&sample).unwrap();
        let order = json!({ "type": TYPE, "fields": fields, "holder_key": holder_key.to_value() });
        let issued = self.client.post("/v1/licences", &order).is(201).json();
        let identifier = Identifier::parse(issued["identifier"].as_str().unwrap()).unwrap();
        assert_eq!(identifier.check, Check::Right);
        identifier.identifier.to_string()
    }

    fn document(&self, identifier: &str, kind: &str) -> String {
        let answer = self.client.get(&format!("/v1/licences/{identifier}/documents/{kind}")).is(200);
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    fn act(&self, identifier: &str, operation: &str, order: &Value) -> Answer {
        let licence = identifier.split('.').take(3).collect::<Vec<_>>().join(".");
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        let path = format!("/v1/licences/{licence}/{operation}");
        self.client.call("POST", &path, &headers, order.to_string()).is(200)
    }

    /// The certificate of the signer of credentials, PEM.
    fn signer(&self) -> String {
        std::fs::read_to_string(self.appliance.certificate("credential-signer")).unwrap()
    }

    /// A status list from the public listener; its address is below the address that the certificate of the CA names, too.
    fn list(&self, uri: &str, accept: &str) -> Vec<u8> {
        let (_, path) = uri.split_once("/licences/").unwrap();
        let url = format!("http://127.0.0.1:{}/licences/{path}", self.appliance.public_port);
        let folder = corpus::scratch();
        let file = folder.path().join("list").display().to_string();
        run("curl", ["-sSf", "-H", &format!("accept: {accept}"), "-o", &file, &url]).ok();
        std::fs::read(file).unwrap()
    }
}

#[test]
fn credential_symbol_and_status_list_of_a_licence_hold_before_libraries_of_others() {
    let office = Office::open();
    let holder = key();
    let identifier = office.issue(&Jwk::from_spki(holder.public_key()).unwrap());
    let certificate = office.signer();

    // The credential, shown in part by its holder.
    let credential = office.document(&identifier, "credential");
    let now = jiff::Timestamp::now().as_second();
    let binding = Binding { signer: &holder, audience: "https://v.example", nonce: "n-1", issued_at: now };
    let shown = present(&credential, &["representative"], Some(&binding)).unwrap();
    let question = |nonce: &str| json!({ "presentation": shown, "certificate": certificate, "audience": "https://v.example", "nonce": nonce });
    let told = answer(&python("verify-sd-jwt", &question("n-1")));
    assert_eq!(told["representative"], "张某某");
    assert_eq!(told["operator"], "示例市好味道餐饮管理有限公司", "what anybody may see is not selective");
    assert!(told.get("representative_id").is_none() && !shown.contains("990101199003070015"));
    assert!(!python("verify-sd-jwt", &question("n-2")).status.success());

    // The symbol.
    let text = office.document(&identifier, "qr");
    let told_by_symbol = answer(&python("read-qr", &json!({ "text": text, "certificate": certificate })));
    assert_eq!(told_by_symbol["2"], identifier.as_str());
    assert_eq!(told_by_symbol["-65537"]["2"], "示例市好味道餐饮管理有限公司");

    // The status list: both refer to the same place; it changes with the licence, within five seconds.
    let place = &told["status"]["status_list"];
    assert_eq!(&told_by_symbol["65535"]["status_list"], place);
    let uri = place["uri"].as_str().unwrap();
    assert_eq!(standing(&office, uri, &place["idx"]), [0, 0]);
    let order = json!({ "reason": "示例", "basis": "示例条例第一条", "ground": "rectification" });
    office.act(&identifier, "suspend", &order);
    becomes(&office, uri, &place["idx"], 2);
    office.act(&identifier, "resume", &json!({ "reason": "示例" }));
    becomes(&office, uri, &place["idx"], 0);
    office.appliance.audit_verify(&[]).ok();
}

fn key() -> SoftwareKey {
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
    SoftwareKey::from_pkcs8(&key).unwrap()
}

fn becomes(office: &Office, uri: &str, place: &Value, value: u8) {
    let began = Instant::now();
    while standing(office, uri, place) != [value, value] {
        assert!(began.elapsed() < Duration::from_secs(10), "the list does not say {value}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What the JWT says of a place, and what the CWT says.
fn standing(office: &Office, uri: &str, place: &Value) -> [u8; 2] {
    let certificate = office.signer();
    let jwt = String::from_utf8(office.list(uri, "application/statuslist+jwt")).unwrap();
    let folder = std::env::var("CINNABAR_NODE").unwrap_or_else(|_| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node");
        run(script, [""; 0]).ok().stdout.lines().last().unwrap_or_default().to_owned()
    });
    let mut command = Command::new("node");
    command.env("CINNABAR_NODE", folder);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/support/judge_status_list.mjs"));
    let question = json!({ "token": jwt, "certificate": certificate, "places": [place] });
    let by_jwt = answer(&asked(command, &question));
    let cwt = STANDARD.encode(office.list(uri, "application/statuslist+cwt"));
    let question = json!({ "token": cwt, "certificate": certificate, "places": [place] });
    let by_cwt = answer(&python("read-status-list", &question));
    assert_eq!(by_cwt["sub"], uri);
    [by_jwt, by_cwt].map(|told| u8::try_from(told["values"][0].as_u64().unwrap()).unwrap())
}

fn python(what: &str, question: &Value) -> Output {
    let mut command = Command::new(corpus::python().join("python"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/support/judge_credentials.py")).arg(what);
    asked(command, question)
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
