//! EST with curl and openssl alone: what a machine's administrator types.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use support::process::{Done, eventually, finish, free_port};
use support::{Appliance, Setup, corpus};

struct Machine {
    appliance: Appliance,
    base: String,
    folder: tempfile::TempDir,
}

impl Machine {
    /// An appliance with an enrolment listener, and `portal` registered without a certificate.
    fn start() -> Self {
        let port = free_port();
        let init = vec!["--enrolment-port".to_owned(), port.to_string()];
        let appliance = Appliance::start_with(Setup { init, ..Setup::default() });
        let machine =
            Self { base: format!("https://localhost:{port}"), appliance, folder: corpus::scratch() };
        machine.register("portal");
        let root = machine.appliance.credential("officer-1").0.join("root.pem");
        std::fs::copy(root, machine.path("root.pem")).unwrap();
        machine
    }

    /// Registers a machine that makes its own key; its first secret.
    fn register(&self, id: &str) -> String {
        self.appliance.organisation("bureau");
        let line = ["caller", "add", id, "--organisation", "bureau", "--role", "sealer", "--enrol", "--json"];
        self.appliance.cli_as("officer-1", &line).ok().json()["secret"].as_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs a shell command line in the machine's folder.
    fn shell(&self, line: &str) -> Done {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", line]).current_dir(self.folder.path());
        finish(command)
    }

    fn secret(&self, id: &str) -> (String, String) {
        let made =
            self.appliance.cli_as("officer-1", &["caller", "enrolment-secret", id, "--json"]).ok().json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("secret"), text("id"))
    }

    /// Sends a file as a request for a certificate; status, and the body in `answer`.
    fn send(&self, operation: &str, more: &str, file: &str) -> u16 {
        let base = &self.base;
        let line = format!(
            "curl -sS --cacert root.pem -o answer -D head -w '%{{http_code}}' {more} \
             -H 'Content-Type: application/pkcs10' --data-binary @{file} {base}/.well-known/est/{operation}"
        );
        self.shell(&line).ok().stdout.parse().unwrap()
    }

    /// The type of the problem that was answered.
    fn problem(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.read("answer")).unwrap();
        body["type"].as_str().unwrap().strip_prefix("urn:cinnabar:problem:").unwrap().to_owned()
    }

    /// The certificate that was answered, as PEM in `name`; judged by openssl under what `/cacerts` gave.
    fn certificate(&self, name: &str) {
        self.shell(&format!(
            "tr -d '\\r' <answer | openssl base64 -d | openssl pkcs7 -inform DER -print_certs -out {name}
             openssl verify -CAfile root.pem -untrusted cacerts.pem -purpose sslclient {name}"
        ))
        .ok();
        assert_eq!(self.read(name).matches("BEGIN CERTIFICATE").count(), 1, "the issued one alone");
    }

    fn authorities(&self) {
        let base = &self.base;
        self.shell(&format!(
            "curl -sS --fail --cacert root.pem {base}/.well-known/est/cacerts | tr -d '\\r' | openssl base64 -d \
             | openssl pkcs7 -inform DER -print_certs -out cacerts.pem"
        ))
        .ok();
    }

    /// A request by openssl, in base64.
    fn request(&self, name: &str, arguments: &str) {
        self.shell(&format!("openssl req -new -nodes -outform DER -out {name}.der {arguments}")).ok();
        self.shell(&format!("openssl base64 -in {name}.der -out {name}.b64")).ok();
    }
}

const EC: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

#[test]
fn curl_and_openssl_enrol_use_and_renew() {
    let machine = Machine::start();
    machine.authorities();
    assert!(machine.read("cacerts.pem").contains(machine.read("root.pem").trim()), "the root is among them");

    // What to ask for, read by openssl and by a decoder of RFC 9908.
    let base = &machine.base;
    machine
        .shell(&format!(
            "curl -sS --fail --cacert root.pem {base}/.well-known/est/csrattrs | tr -d '\\r' | openssl base64 -d >attrs"
        ))
        .ok();
    assert!(machine.shell("openssl asn1parse -inform DER -in attrs").ok().stdout.contains("prime256v1"));
    decoder_agrees(&machine.path("attrs"));

    let (secret, _) = machine.secret("portal");
    machine.request("first", &format!("{EC} -keyout key.pem -subj /CN=portal"));
    assert_eq!(machine.send("simpleenroll", &format!("-u portal:{secret}"), "first.b64"), 200);
    let head = machine.read("head").to_lowercase();
    assert!(head.contains("content-type: application/pkcs7-mime; smime-type=certs-only"), "{head}");
    machine.certificate("certificate.pem");

    // The certificate is one for the platform API.
    let platform = format!("https://localhost:{}/v1/seals", machine.appliance.port);
    let call = |certificate: &str, key: &str| {
        let line = format!(
            "curl -sS --cacert root.pem --cert {certificate} --key {key} -o answer -w '%{{http_code}}' {platform}"
        );
        machine.shell(&line).ok().stdout
    };
    assert_eq!(call("certificate.pem", "key.pem"), "200");

    // Renewed with another key, first over the enrolment listener, then with that over the platform API.
    let renewal = |certificate: &str, key: &str, name: &str| {
        machine.shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out next.pem").ok();
        machine
            .shell(&format!(
                "openssl x509 -x509toreq -in {certificate} -signkey next.pem -copy_extensions copyall -out {name}.pem
                 openssl req -in {name}.pem -outform DER | openssl base64 -out {name}.b64
                 mv next.pem {name}-key.pem"
            ))
            .ok();
        format!("--cert {certificate} --key {key}")
    };
    let shown = renewal("certificate.pem", "key.pem", "second");
    let status = machine.send("simplereenroll", &shown, "second.b64");
    assert_eq!(status, 200, "{}", machine.read("answer"));
    machine.certificate("second.crt");
    assert_eq!(call("second.crt", "second-key.pem"), "200");
    assert_eq!(
        call("certificate.pem", "key.pem"),
        "200",
        "the old one stays good until it is revoked or expires"
    );
    let subject = |name: &str| {
        machine.shell(&format!("openssl x509 -in {name} -noout -subject -ext subjectAltName")).ok().stdout
    };
    assert_eq!(subject("certificate.pem"), subject("second.crt"));
    let shown = renewal("second.crt", "second-key.pem", "third");
    let over_platform = Machine { base: format!("https://localhost:{}", machine.appliance.port), ..machine };
    assert_eq!(over_platform.send("simplereenroll", &shown, "third.b64"), 200);

    // Each is an entry, and the log holds with the rows.
    let entries = over_platform.appliance.entries();
    let enrolled = entries.iter().filter(|entry| entry["action"] == "certificate.enrol");
    assert_eq!(enrolled.count(), 3);
    over_platform.appliance.audit_verify(&[]).ok();
}

#[test]
fn secrets_serve_once_and_unsound_requests_each_get_their_problem() {
    let machine = Machine::start();
    machine.authorities();
    machine.register("other");
    let (secret, _) = machine.secret("portal");
    let (withdrawn, id) = machine.secret("portal");
    machine.appliance.cli_as("officer-1", &["caller", "enrolment-secret", "portal", "--withdraw", &id]).ok();
    let with = |secret: &str| format!("-u portal:{secret}");
    machine.request("good", &format!("{EC} -keyout key.pem -subj /CN=portal"));

    assert_eq!(machine.send("simpleenroll", "", "good.b64"), 401);
    assert!(
        machine.read("head").to_lowercase().contains("www-authenticate: basic"),
        "{}",
        machine.read("head")
    );
    assert_eq!(machine.send("simpleenroll", &with(&withdrawn), "good.b64"), 401);
    assert_eq!(machine.send("simpleenroll", &format!("-u other:{secret}"), "good.b64"), 401);

    machine.request("other", &format!("{EC} -keyout o.pem -subj /CN=other"));
    machine
        .request("san", &format!("{EC} -keyout s.pem -subj /CN=portal -addext subjectAltName=DNS:localhost"));
    machine.request("weak", "-newkey rsa:1024 -keyout w.pem -subj /CN=portal");
    machine.shell("cat good.der good.der | openssl base64 -out twice.b64").ok();
    machine.shell("head -c 100 good.der | openssl base64 -out cut.b64").ok();
    machine.shell("printf '%%%%%%' >garbage.b64; head -c 300000 /dev/zero | tr '\\0' A >huge.b64").ok();
    for (file, status, problem) in [
        ("other.b64", 422, "certification-request-names"),
        ("san.b64", 422, "certification-request-names"),
        ("weak.b64", 422, "certification-request-key"),
        ("twice.b64", 422, "certification-request-unsound"),
        ("cut.b64", 422, "certification-request-unsound"),
        ("garbage.b64", 400, "malformed-request"),
        ("huge.b64", 413, "body-too-large"),
    ] {
        assert_eq!((file, machine.send("simpleenroll", &with(&secret), file)), (file, status));
        assert_eq!((file, machine.problem().as_str()), (file, problem));
    }
    // None of it used the secret up.
    assert_eq!(machine.send("simpleenroll", &with(&secret), "good.b64"), 200);
    machine.certificate("certificate.pem");
    assert_eq!(machine.send("simpleenroll", &with(&secret), "good.b64"), 401, "once");
    let listed =
        machine.appliance.cli_as("officer-1", &["caller", "enrolment-secret", "portal", "--list"]).ok();
    assert!(listed.stdout.contains("used") && listed.stdout.contains("withdrawn"), "{}", listed.told());
    assert!(!machine.appliance.log().contains(&secret), "no secret in the service's log");
    assert!(
        machine.appliance.sql("SELECT * FROM enrolment_secrets").iter().all(|row| !row.contains(&secret))
    );

    // Revoked, its holder is no stranger on this listener either.
    let row = "SELECT id FROM certificates WHERE caller = 'portal'";
    let fingerprint = machine.appliance.sql(row)[0].clone();
    machine.appliance.cli_as("officer-1", &["certificate", "revoke", &fingerprint]).ok();
    eventually("the revoked one is refused", Duration::from_secs(5), || {
        let status = machine.send("simplereenroll", "--cert certificate.pem --key key.pem", "good.b64");
        (status == 403 && machine.problem() == "certificate-revoked").then_some(())
    });
    machine.appliance.audit_verify(&[]).ok();
}

#[test]
fn after_a_rollover_the_authorities_before_and_after_and_their_crosses_are_given_out() {
    let machine = Machine::start();
    let (secret, _) = machine.secret("portal");
    machine.appliance.cli_as("officer-1", &["authority", "rollover", "platform-ca"]).ok();
    machine.appliance.cli_as("officer-2", &["authority", "approve", "platform-ca-2"]).ok();
    machine.authorities();
    let given = machine.read("cacerts.pem");
    for label in
        ["platform-ca", "platform-ca-2", "platform-ca-2-by-platform-ca", "platform-ca-by-platform-ca-2"]
    {
        let pem = std::fs::read_to_string(machine.appliance.certificate(label)).unwrap();
        assert!(given.contains(pem.trim()), "{label} is not among\n{given}");
    }
    machine.request("first", &format!("{EC} -keyout key.pem -subj /CN=portal"));
    assert_eq!(machine.send("simpleenroll", &format!("-u portal:{secret}"), "first.b64"), 200);
    machine.certificate("certificate.pem");
    let issuer =
        machine.shell("openssl x509 -in certificate.pem -noout -ext authorityKeyIdentifier").ok().stdout;
    let new = machine.appliance.certificate("platform-ca-2").display().to_string();
    let key = machine.shell(&format!("openssl x509 -in {new} -noout -ext subjectKeyIdentifier")).ok().stdout;
    let id = |text: &str| text.lines().last().unwrap_or_default().trim().to_owned();
    assert_eq!(id(&issuer), id(&key), "issued by the new one");
    // The listener knows whom the new authority names.
    machine
        .shell(
            "openssl x509 -x509toreq -in certificate.pem -signkey key.pem -copy_extensions copyall -out again.pem
             openssl req -in again.pem -outform DER | openssl base64 -out again.b64",
        )
        .ok();
    eventually("the new authority's certificates are taken", Duration::from_secs(10), || {
        let line = format!(
            "curl -s --cacert root.pem --cert certificate.pem --key key.pem -o answer -w '%{{http_code}}' \
             -H 'Content-Type: application/pkcs10' --data-binary @again.b64 {}/.well-known/est/simplereenroll",
            machine.base
        );
        (machine.shell(&line).stdout == "200").then_some(())
    });
}

#[test]
fn there_is_no_enrolment_listener_unless_asked_for() {
    let appliance = Appliance::init(Setup::default());
    let text = std::fs::read_to_string(appliance.config()).unwrap();
    assert!(!text.contains("[listeners.enrolment]"), "{text}");
}

/// pyasn1-alt-modules knows RFC 7030 and RFC 9908: it reads the attributes and writes them again to the same octets.
fn decoder_agrees(attributes: &Path) {
    let script = "
import sys
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1_alt_modules import rfc7030, rfc9908
given = open(sys.argv[1], 'rb').read()
found, rest = decode(given, asn1Spec=rfc7030.CsrAttrs())
assert not rest and encode(found) == given
templates = [a['attribute'] for a in found if a['attribute'][0] == rfc9908.id_aa_certificationRequestInfoTemplate]
assert len(templates) == 1
template, rest = decode(templates[0][1][0], asn1Spec=rfc9908.CertificationRequestInfoTemplate())
assert not rest and encode(template) == bytes(templates[0][1][0])
";
    let mut command = Command::new(corpus::python().join("python"));
    command.args(["-c", script]).arg(attributes);
    finish(command).ok();
}

#[test]
fn tls_1_2_for_old_devices_has_forward_secrecy_aead_and_no_renegotiation() {
    let port = free_port();
    let init = vec!["--enrolment-port".to_owned(), port.to_string()];
    let mut appliance = Appliance::init(Setup { init, ..Setup::default() });
    appliance.configure("[listeners.enrolment]", "[listeners.enrolment]\ntls12 = true");
    appliance.cli(&["config", "check"]).ok();
    appliance.serve();
    appliance.unseal();
    let root = appliance.credential("officer-1").0.join("root.pem").display().to_string();
    let shell = |line: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", line]);
        finish(command)
    };
    let fetch = |port: u16, more: &str| {
        let url = format!("https://localhost:{port}/.well-known/est/cacerts");
        shell(&format!("curl -sS --fail --cacert {root} {more} -o /dev/null -w '%{{http_code}}' {url}"))
    };
    assert_eq!(fetch(port, "--tls-max 1.2").ok().stdout, "200");
    assert_eq!(fetch(port, "--tlsv1.3").ok().stdout, "200");
    assert_ne!(fetch(port, "--tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0").code, Some(0));
    assert_ne!(fetch(appliance.port, "--tls-max 1.2").code, Some(0), "the platform API never");

    let shake = |options: &str, input: &str| {
        let line = format!(
            "{input} | timeout 5 openssl s_client -connect 127.0.0.1:{port} -servername localhost -CAfile {root} {options} 2>&1"
        );
        shell(&line)
    };
    let good = shake("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "printf Q").stdout;
    assert!(good.contains("Verify return code: 0") && good.contains("Extended master secret: yes"), "{good}");
    for weak in ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "AES128-SHA"] {
        let told = shake(&format!("-tls1_2 -cipher {weak}:@SECLEVEL=0"), "printf Q").stdout;
        assert!(told.contains("handshake failure") && told.contains("Cipher is (NONE)"), "{weak}: {told}");
    }
    // `R` asks for renegotiation; a second handshake would show and verify the chain once more.
    let again = shake("-tls1_2", "(sleep 1; echo R; sleep 2)").stdout;
    let (before, after) = again.split_once("RENEGOTIATING").expect("openssl asked for it");
    assert!(before.contains("verify return:1") && !after.contains("verify return:1"), "{again}");
    assert_eq!(fetch(port, "--tls-max 1.2").ok().stdout, "200", "the listener lives");
}
