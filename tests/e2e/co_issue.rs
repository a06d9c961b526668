//! A business licence and its company's seal in one act, by the real binary: both stand before programs of others, and whatever
//! happens at whatever moment, both are on record or neither.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::client::unique;
use support::licences::{SEAL, shipped};
use support::process::run;
use support::{Appliance, appliance::seal_picture, corpus, judges};

use crate::small_pdf;

/// The credit code of the company, as in the shipped sample.
const COMPANY: &str = "91990000MA0E000186";
/// The officer at whose window companies are registered.
const WINDOW: &str = "window";

/// An appliance with the business licence in force, an officer who issues licences and makes seals, and a company with a
/// machine that seals.
struct Registry {
    appliance: Appliance,
    folder: tempfile::TempDir,
    code: String,
    fields: Value,
}

impl Registry {
    fn open() -> Self {
        let appliance = Appliance::start();
        let code = appliance.published_type("business-licence");
        let out = |name: &str| appliance.directory.join("credentials").join(name).display().to_string();
        let proposed = ["caller", "add", WINDOW, "--kind", "officer", "--person", "p-window"];
        let window = out(WINDOW);
        let of = [
            "--organisation",
            "bureau",
            "--role",
            "licensor",
            "--role",
            "security-officer",
            "--out",
            &window,
        ];
        let proposed = appliance.cli_as("officer-1", &[&proposed[..], &of, &["--json"]].concat()).ok().json();
        appliance.cli_as("officer-2", &["caller", "approve", proposed["proposal"].as_str().unwrap()]).ok();
        appliance.cli_as("officer-2", &["caller", "certificate", WINDOW, "--out", &window]).ok();
        let name = "示例市朱砂信息技术有限公司";
        appliance
            .cli_as("officer-1", &["organisation", "add", "company", "--name", name, "--kind", "company"])
            .ok();
        let clerk = [
            "caller",
            "add",
            "clerk",
            "--organisation",
            "company",
            "--role",
            "sealer",
            "--out",
            &out("clerk"),
        ];
        appliance.cli_as("officer-1", &clerk).ok();
        let fields = std::fs::read(shipped().join("business-licence.sample.json")).unwrap();
        let fields: Value = serde_json::from_slice(&fields).unwrap();
        assert_eq!(fields["credit_code"], COMPANY);
        let folder = corpus::scratch();
        std::fs::write(folder.path().join("fields.json"), fields.to_string()).unwrap();
        std::fs::write(folder.path().join("seal.png"), seal_picture(300)).unwrap();
        Self { appliance, folder, code, fields }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// An application for a seal of the company, held under this code and approved.
    fn approved(&self, seal: &str, number: &str) -> String {
        let picture = self.at("seal.png");
        let apply = [
            "seal-record",
            "apply",
            seal,
            "--organisation",
            "company",
            "--name",
            "示例市朱砂信息技术有限公司",
        ];
        let look = ["--picture", &picture, "--width-mm", "40", "--kind", "1", "--holder", "organisation"];
        let apply = [&apply[..], &look, &["--holder-number", number, "--json"]].concat();
        let applied = self.appliance.cli_as("officer-1", &apply).ok().json();
        let id = applied["id"].as_str().unwrap().to_owned();
        self.appliance.cli_as("officer-2", &["seal-record", "approve", &id]).ok();
        id
    }

    fn issue(&self, application: &str, more: &[&str]) -> support::process::Done {
        let fields = self.at("fields.json");
        let order =
            ["licence", "issue-with-seal", "--type", &self.code, "--fields", &fields, "--seal", application];
        self.appliance.cli_as(WINDOW, &[&order[..], more].concat())
    }

    /// What is on record: licences, seals of the company, applications that were carried out, uses of the bureau's seal.
    fn standing(&self) -> [usize; 4] {
        let sql = format!(
            "SELECT (SELECT COUNT(*) FROM licences), (SELECT COUNT(*) FROM seals WHERE organisation = 'company'), \
             (SELECT COUNT(*) FROM seal_applications WHERE organisation = 'company' AND state = 'done'), \
             (SELECT COUNT(*) FROM seal_uses WHERE seal = '{SEAL}')"
        );
        let row = self.appliance.sql(&sql).remove(0);
        let mut numbers = row.split('|').map(|number| number.parse().unwrap());
        [(); 4].map(|()| numbers.next().unwrap())
    }

    /// Has the company seal a document with its seal; other programs judge it.
    fn seals(&self, seal: &str) {
        let (plain, sealed) = (self.at("plain.pdf"), self.path(&format!("{seal}.pdf")));
        std::fs::write(&plain, small_pdf()).unwrap();
        let out = sealed.display().to_string();
        let place = ["--page", "1", "--x-mm", "20", "--y-mm", "30"];
        let arguments = [&["seal", &plain, &out, "--seal", seal][..], &place].concat();
        self.appliance.cli_as("clerk", &arguments).ok();
        judges::pdfsig_accepts(&sealed, 1);
        judges::openssl_accepts(&sealed, &self.appliance.certificate("root"));
    }
}

/// The SHA-256 fingerprint of the first certificate of a file, lower case; OpenSSL's word.
fn fingerprint(pem: &Path) -> String {
    let pem = pem.display().to_string();
    let said = run("openssl", ["x509", "-in", &pem, "-noout", "-fingerprint", "-sha256"]).ok().stdout;
    said.rsplit('=').next().unwrap().trim().replace(':', "").to_lowercase()
}

#[test]
fn a_business_licence_and_its_companys_seal_are_one_act_and_hold_before_programs_of_others() {
    let registry = Registry::open();
    let appliance = &registry.appliance;
    let application = registry.approved("company-seal", COMPANY);
    let other = registry.approved("other-seal", support::licences::ISSUER);
    let nothing = registry.standing();
    assert_eq!(nothing, [0, 0, 0, 0]);

    // What is refused leaves neither: another holder's seal, no such application, one who may not make seals, the bureau's
    // own seal suspended.
    assert!(registry.issue(&other, &[]).exits(1).told().contains("another holder"));
    registry.issue("00000000-0000-7000-8000-000000000000", &[]).exits(1);
    let fields = registry.at("fields.json");
    let order =
        ["licence", "issue-with-seal", "--type", &registry.code, "--fields", &fields, "--seal", &application];
    appliance.cli_as(support::licences::LICENSING, &order).exits(1);
    appliance.cli_as("officer-1", &["seal-record", "suspend", SEAL, "--reason", "示例"]).ok();
    assert!(registry.issue(&application, &[]).exits(1).told().contains("suspended"));
    appliance.cli_as("officer-2", &["seal-record", "resume", SEAL]).ok();
    assert_eq!(registry.standing(), nothing);

    let (licence, certificate) = (registry.path("licence.pdf"), registry.path("seal.pem"));
    let out = [licence.display().to_string(), certificate.display().to_string()];
    let more = ["--original", &out[0], "--certificate", &out[1], "--json"];
    let told = registry.issue(&application, &more).ok().json();
    assert_eq!(registry.standing(), [1, 1, 1, 2], "licence, seal, original and duplicate: {told}");
    assert_eq!(told["seal"]["id"], "company-seal", "{told}");
    assert_eq!(told["seal"]["holder_number"], COMPANY);
    assert_eq!(told["seal"]["certificate"], fingerprint(&certificate).as_str());

    // One receipt for all of it: its entry, and the seal's behind it in the same unit.
    let leaf = told["leaf"].as_u64().unwrap();
    let receipt = registry.at("receipt");
    appliance.cli_as(WINDOW, &["receipt", "get", &leaf.to_string(), "--out", &receipt]).ok();
    let key = appliance.log_key().display().to_string();
    appliance.cli(&["receipt", "verify", &receipt, "--log-key", &key]).ok();
    let entries = appliance.entries();
    let first = usize::try_from(leaf).unwrap();
    assert_eq!(
        (&entries[first]["action"], &entries[first]["facts"]["seal_made"]),
        (&json!("licence.issue"), &json!("company-seal"))
    );
    let of_unit: Vec<_> =
        entries[first..].iter().take(5).map(|entry| entry["action"].as_str().unwrap()).collect();
    for action in ["seal.make", "certificate.issue", "document.seal"] {
        assert!(of_unit.contains(&action), "{of_unit:?}");
    }

    judges::pdfsig_accepts(&licence, 1);
    judges::pyhanko_accepts(&licence, &appliance.certificate("root"));
    judges::openssl_accepts(&licence, &appliance.certificate("root"));
    registry.seals("company-seal");
    // The words for people say the same.
    let application = registry.approved("second-seal", COMPANY);
    let said = registry.issue(&application, &[]).ok().stdout;
    for part in ["seal second-seal", "certificate of the seal", "one receipt for both"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    appliance.audit_verify(&[]).ok();
}

#[test]
fn a_process_killed_at_the_moment_of_commit_leaves_licence_and_seal_or_neither() {
    let mut registry = Registry::open();
    let client = registry.appliance.client(WINDOW);
    let body = |registry: &Registry, application: &str| {
        json!({ "licence": { "type": registry.code, "fields": registry.fields }, "seal": application })
            .to_string()
    };
    let call = |client: &support::Client, key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        client.try_call("POST", "/v1/licences/with-seal", &headers, body.to_owned())
    };
    // How long it takes when nobody disturbs it, the second time: fonts and templates are read then.
    let mut lasts = Duration::ZERO;
    for seal in ["first", "second"] {
        let wanted = body(&registry, &registry.approved(seal, COMPANY));
        let began = Instant::now();
        call(&client, &unique(), &wanted).unwrap().is(201);
        lasts = began.elapsed();
    }
    let mut done = 2;
    // From the beginning to well behind the end, closest where the commit is.
    let moments = [0, 40, 70, 80, 86, 90, 93, 96, 98, 100, 103, 107, 115, 140, 200, 400];
    let (mut both, mut neither) = (0, 0);
    for (round, percent) in moments.into_iter().enumerate() {
        let seal = format!("company-{round}");
        let wanted = body(&registry, &registry.approved(&seal, COMPANY));
        let key = unique();
        let asked = std::thread::spawn({
            let (client, key, wanted) = (client.clone(), key.clone(), wanted.clone());
            move || call(&client, &key, &wanted).is_ok_and(|answer| answer.status == 201)
        });
        std::thread::sleep(lasts * percent / 100);
        registry.appliance.kill();
        let answered = asked.join().unwrap();
        registry.appliance.serve();
        registry.appliance.unseal();
        let [licences, seals, applications, uses] = registry.standing();
        let about = format!("{percent} % of {lasts:?}, answered: {answered}");
        assert_eq!((licences, applications, uses), (seals, seals, 2 * seals), "{about}");
        assert!(seals == done || seals == done + 1, "{about}");
        assert!(seals > done || !answered, "what was answered is on record: {about}");
        if seals > done {
            both += 1
        } else {
            neither += 1
        }
        // Asked for once more, it is there exactly once, and the seal works.
        let told = call(&client, &key, &wanted).unwrap().is(201).json();
        assert_eq!(told["seal"]["id"], seal.as_str(), "{about}");
        done += 1;
        assert_eq!(registry.standing(), [done, done, done, 2 * done], "{about}");
        registry.seals(&seal);
    }
    assert!(both > 0 && neither > 0, "never at the moment: {both} both, {neither} neither in {lasts:?}");
    registry.appliance.audit_verify(&[]).ok();
}
