//! Verification in every form with the real binary: plain CMS and time-stamps made by OpenSSL, reports for people and for
//! programs, what `--online` fetches and what it does not.

use std::path::PathBuf;

use support::process::{Done, run};
use support::{appliance, corpus};
use tempfile::TempDir;

use crate::{PLACE, ready, small_pdf};

/// An authority of OpenSSL's with one signer, one time-stamping unit and a revocation list.
struct House {
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        let house = Self { folder: corpus::scratch() };
        house.write("content", "the content\n");
        house.write("other", "another content\n");
        house.write("index.txt", "");
        house.write("crlnumber", "01\n");
        house.write("serial", "0A\n");
        house.write(
            "ext.cnf",
            "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
             [leaf]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\nsubjectKeyIdentifier=hash\n\
             authorityKeyIdentifier=keyid\n\
             [stamp]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n\
             [authority]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\n\
             [tsa]\ndefault_tsa=unit\n[unit]\nserial=serial\ndefault_policy=1.2.3.4.1\ndigests=sha256\nordering=no\n\
             tsa_name=no\ness_cert_id_chain=no\ness_cert_id_alg=sha256\nsigner_digest=sha256\n",
        );
        let key = "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out";
        house.openssl(&format!("{key} root.key"));
        house.openssl("req -new -key root.key -subj /CN=Foreign-Root -out root.csr");
        house.openssl(
            "x509 -req -in root.csr -signkey root.key -days 30 -extfile ext.cnf -extensions ca -out root.pem",
        );
        for (name, profile) in [("signer", "leaf"), ("unit", "stamp")] {
            house.openssl(&format!("{key} {name}.key"));
            house.openssl(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
            house.openssl(&format!(
                "x509 -req -in {name}.csr -CA root.pem -CAkey root.key -CAcreateserial -days 20 \
                 -extfile ext.cnf -extensions {profile} -out {name}.pem"
            ));
        }
        house.openssl(
            "ca -gencrl -config ext.cnf -name own -keyfile root.key -cert root.pem -crldays 20 -out root.crl",
        );
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    #[track_caller]
    fn openssl(&self, arguments: &str) {
        let mut command = std::process::Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        support::process::finish(command).ok();
    }

    /// `cinnabar verify` with this house's root and revocation list.
    fn verify(&self, file: &str, more: &[&str]) -> Done {
        let (file, root, crl) = (self.shown(file), self.shown("root.pem"), self.shown("root.crl"));
        let mut arguments = vec!["verify", &file, "--trust-anchor", &root, "--crl", &crl];
        arguments.extend(more);
        run(appliance::binary(), arguments)
    }
}

#[test]
fn what_openssl_signs_outside_of_pdfs_is_verified_with_the_same_exit_codes() {
    let house = House::new();
    let (content, other) = (house.shown("content"), house.shown("other"));
    let sign = "cms -sign -binary -in content -signer signer.pem -inkey signer.key -out";
    house.openssl(&format!("{sign} detached.pdf -outform DER -cades"));
    house.openssl(&format!("{sign} detached.pem -outform PEM"));
    house.openssl(&format!("{sign} attached.p7m -outform DER -nodetach -stream"));
    for (file, content_given) in [("detached.pdf", true), ("detached.pem", true), ("attached.p7m", false)] {
        let beside: &[&str] = if content_given { &["--content", &content] } else { &[] };
        let report = house.verify(file, &[beside, &["--json"]].concat()).exits(0).json();
        assert_eq!(report["verdict"], "valid", "{file}: {report:#}");
        assert_eq!(report["file"]["format"], "cms", "by its octets, not by its name");
        assert_eq!(report["signatures"][0]["kind"], "cms");
        house.verify(file, &["--content", &other]).exits(3);
    }
    let report = house.verify("detached.pdf", &["--json"]).exits(4).json();
    assert_eq!(report["signatures"][0]["sub_indication"], "SIGNED_DATA_NOT_FOUND");
    let (file, root) = (house.shown("attached.p7m"), house.shown("root.pem"));
    run(appliance::binary(), ["verify", &file, "--trust-anchor", &root]).exits(4);
    run(appliance::binary(), ["verify", &file]).exits(4);
}

#[test]
fn what_openssl_stamps_is_verified_over_its_content_alone() {
    let house = House::new();
    house.openssl("ts -query -data content -sha256 -cert -out query");
    let reply =
        "ts -reply -config ext.cnf -section unit -queryfile query -signer unit.pem -inkey unit.key -out";
    house.openssl(&format!("{reply} stamp.tsr"));
    house.openssl(&format!("{reply} stamp.tst -token_out"));
    house.openssl("ts -verify -in stamp.tsr -data content -CAfile root.pem");
    for file in ["stamp.tsr", "stamp.tst"] {
        let report = house.verify(file, &["--content", &house.shown("content"), "--json"]).exits(0).json();
        assert_eq!((&report["verdict"], &report["file"]["format"]), (&"valid".into(), &"timestamp".into()));
        assert_eq!(report["signatures"][0]["kind"], "timestamp");
        house.verify(file, &["--content", &house.shown("other")]).exits(3);
        house.verify(file, &[]).exits(4);
    }
}

#[test]
fn a_report_is_printed_or_written_in_each_form() {
    let house = House::new();
    let content = house.shown("content");
    house.openssl(
        "cms -sign -binary -in content -signer signer.pem -inkey signer.key -out signed -outform DER",
    );
    let report = |more: &[&str]| {
        let done = house.verify("signed", &[&["--content", &content], more].concat()).exits(0);
        done.stdout.clone()
    };
    let chinese = report(&["--report", "simple", "--lang", "zh"]);
    assert!(chinese.starts_with("有效：") && !chinese.contains("Valid"), "{chinese}");
    let english = report(&["--report", "simple", "--lang", "en"]);
    assert!(english.starts_with("Valid:") && english.contains("Sealed by: signer"), "{english}");
    let etsi = report(&["--report", "etsi", "--policy", "default"]);
    assert!(
        etsi.starts_with("<?xml") && etsi.contains("urn:etsi:019102:mainindication:total-passed"),
        "{etsi}"
    );
    let out = house.shown("report.html");
    report(&["--report", "html", "--out", &out]);
    let page = std::fs::read_to_string(&out).unwrap();
    assert!(page.contains("文件核验报告") && page.ends_with("</html>\n"));
    house.verify("signed", &["--content", &content, "--report", "html", "--out", &out]).exits(2);
    house.verify("signed", &["--content", &content, "--policy", "no-such-policy"]).exits(2);
}

#[test]
fn what_lacks_is_fetched_when_asked_and_from_allowed_networks_alone() {
    let (appliance, client) = ready();
    let folder = corpus::scratch();
    let sealed = folder.path().join("sealed.pdf");
    std::fs::write(&sealed, client.seal(PLACE, small_pdf()).is(201).body).unwrap();
    let (file, root) = (sealed.display().to_string(), appliance.certificate("root").display().to_string());
    let port = appliance.public_port.to_string();
    let verify = ["verify", &file, "--trust-anchor", &root];
    appliance.cli(&verify).exits(4);
    // This machine itself is no public address.
    appliance.cli(&[&verify[..], &["--online", "--allow-port", &port]].concat()).exits(4);
    let allowed = ["--online", "--allow-port", &port, "--allow-network", "127.0.0.0/8", "::1/128"];
    appliance.cli(&[&verify[..], &allowed].concat()).exits(0);
}

#[test]
fn the_service_answers_with_the_report_that_is_asked_for() {
    let (_appliance, client) = ready();
    let sealed = client.seal(PLACE, small_pdf()).is(201).body;
    let ask = |query: &str, accept: &str| {
        let headers = [("content-type", "application/pdf"), ("accept", accept)];
        client.call("POST", &format!("/v1/documents/verify{query}"), &headers, sealed.clone())
    };
    assert_eq!(ask("", "*/*").is(200).json()["verdict"], "valid");
    assert_eq!(
        ask("?policy=strict", "*/*").is(200).json()["signatures"][0]["validation"]["policy"],
        "strict"
    );
    for (query, accept, kind, holds) in [
        ("?report=simple&lang=zh", "*/*", "text/plain; charset=utf-8", "有效："),
        ("?lang=en", "text/plain", "text/plain; charset=utf-8", "Valid:"),
        ("", "text/html", "text/html; charset=utf-8", "文件核验报告"),
        ("?report=etsi", "*/*", "application/xml", "mainindication:total-passed"),
    ] {
        let answer = ask(query, accept).is(200);
        assert_eq!(answer.header("content-type"), kind);
        assert!(String::from_utf8_lossy(&answer.body).contains(holds), "{query}: {}", answer.told());
    }
    assert_eq!(ask("?report=novel", "*/*").is(422).problem(), "invalid-parameter");
    assert_eq!(ask("?policy=nobody", "*/*").is(422).problem(), "invalid-parameter");
    assert_eq!(ask("", "image/png").is(406).problem(), "not-acceptable");

    let house = House::new();
    house.openssl(
        "cms -sign -binary -in content -signer signer.pem -inkey signer.key -out signed -outform DER",
    );
    let form = |content: &str| {
        let mut body =
            b"--b\r\nContent-Disposition: form-data; name=\"document\"; filename=\"a.p7s\"\r\n\r\n".to_vec();
        body.extend(std::fs::read(house.path("signed")).unwrap());
        body.extend(b"\r\n--b\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\n");
        body.extend(std::fs::read(house.path(content)).unwrap());
        body.extend(b"\r\n--b--\r\n");
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        client.call("POST", "/v1/documents/verify", &headers, body).is(200).json()
    };
    let report = form("content");
    assert_eq!(
        (&report["verdict"], &report["signatures"][0]["integrity"]),
        (&"undecided".into(), &"intact".into())
    );
    assert_eq!(form("other")["verdict"], "invalid");
    let whole = [("content-type", "application/pkcs7-signature")];
    let signed = std::fs::read(house.path("signed")).unwrap();
    let report = client.call("POST", "/v1/documents/verify", &whole, signed).is(200).json();
    assert_eq!(report["signatures"][0]["sub_indication"], "SIGNED_DATA_NOT_FOUND");
}
