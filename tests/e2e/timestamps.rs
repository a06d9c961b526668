//! Time-stamps with the real binary: over HTTP and mutual TLS, by the command line, judged by OpenSSL and pyHanko.

use std::path::Path;
use std::process::Command;

use support::process::{finish, run};
use support::{Appliance, Client, Setup, corpus};

use crate::small_pdf;

const TERMS: &str = "[timestamps]\npolicy = \"0.4.0.2023.1.1\"\n";

/// An appliance with a time-stamping authority and one approval system `approval`.
fn stamping() -> (Appliance, Client) {
    let mut appliance = Appliance::init(Setup::default());
    appliance.configure_more(TERMS);
    appliance.serve();
    appliance.unseal();
    let client = appliance.approval_system("approval");
    (appliance, client)
}

fn shown(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

#[test]
fn pyhanko_signs_with_our_time_stamps_and_validates_them() {
    let (appliance, _) = stamping();
    let folder = corpus::scratch();
    let (plain, signed) = (folder.path().join("plain.pdf"), folder.path().join("signed.pdf"));
    std::fs::write(&plain, small_pdf()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/support/timestamp_with_pyhanko.py");
    let mut command = Command::new(corpus::python().join("python"));
    command.arg(script).arg(&plain).arg(&signed);
    command.arg(format!("http://127.0.0.1:{}/tsa", appliance.public_port)).arg(appliance.certificate("root"));
    let done = finish(command).ok();
    let told = done.json();
    for claim in ["/signature", "/timestamp/intact", "/timestamp/valid", "/timestamp/trusted"] {
        assert_eq!(told.pointer(claim), Some(&true.into()), "{claim}: {}", done.told());
    }
    for claim in ["/document/intact", "/document/valid", "/document/trusted"] {
        assert_eq!(told.pointer(claim), Some(&true.into()), "{claim}: {}", done.told());
    }
    // Our own verifier takes the same tokens for proof of the time.
    let root = shown(appliance.certificate("root"));
    let crl = shown(folder.path().join("crl"));
    fetch_crl(&appliance, &crl);
    let arguments = ["verify", &shown(&signed), "--trust-anchor", &root, "--crl", &crl, "--json"];
    let report = appliance.cli(&arguments).json();
    let stamp = &report["signatures"][1];
    assert_eq!(stamp["kind"], "document-timestamp", "{report:#}");
    assert_eq!((&stamp["integrity"], &stamp["trust"]), (&"intact".into(), &"trusted".into()), "{report:#}");
    assert!(!report.to_string().contains("does not count"), "{report:#}");
}

/// The revocation list of the authority above the time-stamping unit, as anybody gets it.
fn fetch_crl(appliance: &Appliance, to: &str) {
    let url = format!("http://localhost:{}/crl/platform-ca.crl", appliance.public_port);
    run("curl", ["-fsS", "--retry", "5", "-o", to, &url]).ok();
}

#[test]
fn the_command_line_has_a_file_stamped_and_verifies_it_without_a_server() {
    let (mut appliance, _) = stamping();
    let folder = corpus::scratch();
    let at = |name: &str| shown(folder.path().join(name));
    std::fs::write(at("file"), "what is to be proven").unwrap();
    std::fs::write(at("other"), "something else").unwrap();
    let arguments =
        ["timestamp", "request", &at("file"), "--out", &at("own.tsr"), "--receipt", &at("receipt"), "--json"];
    let told = appliance.cli_as("approval", &arguments).ok().json();
    assert_eq!(told["policy"], "0.4.0.2023.1.1");
    appliance.cli(&["receipt", "verify", &at("receipt"), "--log-key", &shown(appliance.log_key())]).ok();
    let url = format!("http://localhost:{}/tsa", appliance.public_port);
    let arguments =
        ["timestamp", "request", &at("file"), "--out", &at("far.tsr"), "--tsa", &url, "--digest", "sha-512"];
    appliance.cli(&arguments).ok();
    appliance.cli(&arguments).exits(1);
    fetch_crl(&appliance, &at("crl"));
    appliance.stop();

    let root = shown(appliance.certificate("root"));
    let verify = |file: &str, token: &str, more: &[&str]| {
        let (file, token) = (at(file), at(token));
        let fixed = ["timestamp", "verify", &file, &token, "--json", "--trust-anchor", &root];
        let done = appliance.cli(&[&fixed, more].concat());
        (done.code, done.json()["verdict"].as_str().unwrap_or_default().to_owned())
    };
    let crl = at("crl");
    let with_crl = ["--crl", crl.as_str()];
    for token in ["own.tsr", "far.tsr"] {
        assert_eq!(verify("file", token, &with_crl), (Some(0), "valid".into()));
        assert_eq!(verify("other", token, &with_crl), (Some(3), "invalid".into()));
        assert_eq!(verify("file", token, &[]), (Some(4), "undecided".into()), "no revocation information");
    }
    run("openssl", ["ts", "-reply", "-in", &at("own.tsr"), "-token_out", "-out", &at("token")]).ok();
    assert_eq!(verify("file", "token", &with_crl), (Some(0), "valid".into()), "a bare token");
    assert_eq!(verify("file", "file", &with_crl), (Some(6), "unreadable".into()));
    let platform = shown(appliance.certificate("officers-ca"));
    let no_trust =
        ["timestamp", "verify", &at("file"), &at("own.tsr"), "--trust-anchor", &platform, "--json"];
    appliance.cli(&no_trust).exits(4);
    appliance.cli(&["timestamp", "verify", &at("nothing"), &at("own.tsr"), "--trust-anchor", &root]).exits(2);
    // Altered by one octet in the signature.
    let mut altered = std::fs::read(at("own.tsr")).unwrap();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(at("altered"), altered).unwrap();
    assert_eq!(verify("file", "altered", &with_crl), (Some(3), "invalid".into()));
    let untrusted = shown(appliance.certificate("platform-ca"));
    let accepted = run(
        "openssl",
        [
            "ts",
            "-verify",
            "-data",
            &at("file"),
            "-in",
            &at("far.tsr"),
            "-CAfile",
            &root,
            "-untrusted",
            &untrusted,
        ],
    );
    assert!(accepted.ok().told().contains("Verification: OK"));
}

#[test]
fn registered_callers_ask_over_mutual_tls_and_their_batch_is_theirs_to_prove() {
    let (appliance, client) = stamping();
    let folder = corpus::scratch();
    let at = |name: &str| shown(folder.path().join(name));
    std::fs::write(at("file"), "content").unwrap();
    run("openssl", ["ts", "-query", "-data", &at("file"), "-sha256", "-cert", "-out", &at("query")]).ok();
    let query = std::fs::read(at("query")).unwrap();
    let headers = [("content-type", "application/timestamp-query")];
    let answer = client.call("POST", "/v1/timestamps", &headers, query.clone()).is(200);
    assert_eq!(answer.header("content-type"), "application/timestamp-reply");
    let entry = &appliance.entries()[usize::try_from(answer.leaf()).unwrap()];
    assert_eq!(entry["action"], "timestamp.issue");
    assert_eq!(entry["facts"]["callers"]["approval"], 1);
    client.get(&format!("/v1/receipts/{}", answer.leaf())).is(200);
    // Nobody's token is in somebody's receipt: a batch without the caller is not theirs.
    let url = format!("http://localhost:{}/tsa", appliance.public_port);
    let media = "content-type: application/timestamp-query";
    let head = run(
        "curl",
        [
            "-fsS",
            "-D",
            "-",
            "-o",
            &at("reply"),
            "-H",
            media,
            "--data-binary",
            &format!("@{}", at("query")),
            &url,
        ],
    );
    let head = head.ok().stdout.to_lowercase();
    let leaf =
        head.lines().find_map(|line| line.strip_prefix("cinnabar-leaf: ")).expect("a leaf").trim().to_owned();
    assert_eq!(client.get(&format!("/v1/receipts/{leaf}")).is(403).problem(), "forbidden");
    // An operator may not have digests stamped.
    let operator = appliance.client("operator-1");
    let refused = operator.call("POST", "/v1/timestamps", &headers, query);
    assert_eq!(refused.is(403).problem(), "forbidden");
    assert!(appliance.refusals().contains(&("timestamp.issue".to_owned(), "forbidden".to_owned())));
    assert_eq!(client.call("POST", "/v1/timestamps", &[], "x").is(415).problem(), "unsupported-media-type");
    appliance.audit_verify(&[]).ok();
}
