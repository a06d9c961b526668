//! Both suites in one appliance: what is asked for with an SM2 key comes from the SM2 side, and OpenSSL agrees.
//!
//! OpenSSL 3.0 verifies certificates under the default signer identifier when told to; for lists and OCSP responses it can
//! be told none, so the signed octets and the signature are taken out with `asn1parse` and shown to `pkeyutl`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use pki::Certificate;
use pki::cms::TimeStampToken;
use pki::crl::Crl;
use pki::ocsp::{BasicResponse, Status};
use pki::tsp::TimeStampResp;
use support::process::{Done, eventually, finish, free_port};
use support::{Appliance, Setup, corpus};

const FIVE: Duration = Duration::from_secs(5);

struct World {
    appliance: Appliance,
    folder: tempfile::TempDir,
}

/// An appliance with both suites, a time-stamping authority and a registered organisation.
fn world(more: &[&str]) -> World {
    let mut setup = Setup::both_suites();
    setup.init.extend(more.iter().map(|argument| (*argument).to_owned()));
    let mut appliance = Appliance::init(setup);
    appliance.configure_more("[timestamps]\npolicy = \"0.4.0.2023.1.1\"\n");
    appliance.serve();
    appliance.unseal();
    appliance.organisation("bureau");
    World { appliance, folder: corpus::scratch() }
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Runs a line of bash in the scratch folder; `$D` is the signer identifier as OpenSSL takes it, `$C` the folder of the
    /// ceremony's certificates and `$P` the public listener.
    fn shell(&self, line: &str) -> Done {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", line]).current_dir(self.folder.path());
        command.env("D", "distid:1234567812345678");
        command.env("C", self.appliance.directory.join("certificates"));
        command.env("P", format!("http://127.0.0.1:{}", self.appliance.public_port));
        finish(command)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// A server's request with a new key, made by OpenSSL: `NAME.csr`, `NAME.key`.
    fn request(&self, name: &str, key: &str, sign: &str) {
        self.shell(&format!(
            "openssl genpkey {key} -out {name}.key
             openssl req -new -key {name}.key -subj /CN={name} -addext subjectAltName=DNS:{name}.example.cn {sign} \
             -out {name}.csr"
        ))
        .ok();
    }

    /// The certificate for `NAME.csr`, asked for by an officer: `NAME.pem`, its chain behind it.
    fn certificate(&self, name: &str) -> Certificate {
        let (csr, out) = (self.shown(&format!("{name}.csr")), self.shown(&format!("{name}.pem")));
        let arguments = [
            "certificate",
            "request",
            &csr,
            "--profile",
            "server",
            "--organisation",
            "bureau",
            "--out",
            &out,
        ];
        self.appliance.cli_as("officer-1", &arguments).ok();
        Certificate::from_pem(&std::fs::read(&out).unwrap()).unwrap().remove(0)
    }

    /// What the ceremony made.
    fn authority(&self, label: &str) -> Certificate {
        let pem = std::fs::read(self.appliance.certificate(label)).unwrap();
        Certificate::from_pem(&pem).unwrap().remove(0)
    }

    /// Fetches a revocation list and has OpenSSL judge it as far as it can.
    fn list(&self, name: &str, issuer: &str) -> Crl {
        self.shell(&format!(
            "curl -fsS -o list.der $P/crl/{name}.crl
             openssl crl -inform DER -in list.der -noout -text >list.txt
             openssl x509 -in $C/{issuer}.pem -noout -pubkey >issuer.pub
             at() {{ openssl asn1parse -inform DER -in list.der | sed -nE \"$1\" ; }}
             openssl asn1parse -inform DER -in list.der -noout -strparse $(at '2s/^ *([0-9]+):.*/\\1/p') -out tbs
             openssl asn1parse -inform DER -in list.der -noout -strparse $(at '$s/^ *([0-9]+):.*/\\1/p') -out value
             openssl pkeyutl -verify -pubin -inkey issuer.pub -rawin -digest sm3 -pkeyopt $D -in tbs -sigfile value"
        ))
        .ok();
        let crl = Crl::from_der(&self.read("list.der")).unwrap();
        assert_eq!(crl.verify_signature(self.authority(issuer).spki()), Ok(()));
        crl
    }

    /// What the responder says to OpenSSL's question by SM3.
    fn ocsp(&self, leaf: &str, issuer: &str) -> (Status, String) {
        let told = self
            .shell(&format!(
                "openssl ocsp -issuer $C/{issuer}.pem -sm3 -cert {leaf}.pem -no_nonce -url $P/ocsp/{issuer} -noverify \
                 -respout answer 2>&1"
            ))
            .ok()
            .told();
        let response = BasicResponse::from_response_der(&self.read("answer")).unwrap();
        let now = jiff::Timestamp::now().as_second();
        response.verify(&self.authority(issuer), now).unwrap();
        assert_eq!(response.certificates().len(), 1, "a delegated responder");
        (response.singles()[0].status, told)
    }
}

#[test]
fn an_sm2_key_gets_its_certificate_from_the_sm2_side_which_lists_and_answers_when_it_is_revoked() {
    let world = world(&[]);
    world.request("sm", "-algorithm SM2", "-sm3 -sigopt $D");
    let leaf = world.certificate("sm");
    let issuer = world.authority("sm-platform-ca");
    assert_eq!(leaf.issuer(), issuer.subject());
    let told =
        world.shell("openssl verify -partial_chain -trusted $C/sm-platform-ca.pem -vfyopt $D sm.pem").ok();
    assert!(told.told().contains("sm.pem: OK"), "{}", told.told());
    // Link by link: OpenSSL gives the identifier to the first signature of a path alone.
    world
        .shell("openssl verify -partial_chain -trusted $C/sm-root.pem -vfyopt $D $C/sm-platform-ca.pem")
        .ok();
    for (found, end) in [
        (leaf.crl_distribution_points(), "/crl/sm-platform-ca.crl"),
        (leaf.ocsp_uris(), "/ocsp/sm-platform-ca"),
        (leaf.ca_issuer_uris(), "/ca/sm-platform-ca.cer"),
    ] {
        assert!(found.len() == 1 && found[0].ends_with(end), "{found:?}");
    }
    world.shell("curl -fsS $P/ca/sm-platform-ca.cer | cmp - <(openssl x509 -in $C/sm-platform-ca.pem -outform DER)").ok();

    // The other side is as it was.
    world.request("p", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "");
    let other = world.certificate("p");
    assert_eq!(other.issuer(), world.authority("platform-ca").subject());
    world.shell("openssl verify -x509_strict -CAfile $C/root.pem -untrusted $C/platform-ca.pem p.pem").ok();

    assert_eq!(world.list("sm-platform-ca", "sm-platform-ca").lookup(leaf.serial()), None);
    let (status, told) = world.ocsp("sm", "sm-platform-ca");
    assert_eq!(status, Status::Good, "{told}");
    assert!(told.contains("sm.pem: good"), "{told}");

    let fingerprint: String = leaf.sha256_fingerprint().iter().map(|octet| format!("{octet:02x}")).collect();
    let revoke = ["certificate", "revoke", &fingerprint, "--reason", "keyCompromise"];
    world.appliance.cli_as("officer-1", &revoke).ok();
    eventually("the responder says so", FIVE, || {
        let (status, told) = world.ocsp("sm", "sm-platform-ca");
        matches!(status, Status::Revoked(_)).then(|| assert!(told.contains("keyCompromise"), "{told}"))
    });
    for name in ["sm-platform-ca", "sm-platform-ca-delta"] {
        eventually("the list says so", FIVE, || {
            world.list(name, "sm-platform-ca").lookup(leaf.serial()).is_some().then_some(())
        });
    }
    // Our own command judges the path, without a server, and finds it revoked.
    world
        .shell("curl -fsS -o ca.crl $P/crl/sm-platform-ca.crl; curl -fsS -o root.crl $P/crl/sm-root.crl")
        .ok();
    let (leaf, root) = (world.shown("sm.pem"), world.appliance.certificate("sm-root").display().to_string());
    let between = world.appliance.certificate("sm-platform-ca").display().to_string();
    let lists = [world.shown("ca.crl"), world.shown("root.crl")];
    let arguments = [
        "certificate",
        "verify",
        &leaf,
        "--trust-anchor",
        &root,
        "--untrusted",
        &between,
        "--crl",
        &lists[0],
        "--crl",
        &lists[1],
        "--json",
    ];
    let told = world.appliance.cli(&arguments);
    assert_ne!(told.code, Some(0), "{}", told.told());
    assert!(told.told().contains("revoked"), "{}", told.told());
    world.appliance.audit_verify(&[]).ok();
}

#[test]
fn a_request_under_another_identifier_or_without_an_authority_of_its_suite_is_refused_with_the_reason() {
    let world = world(&[]);
    world.request("empty", "-algorithm SM2", "-sm3");
    let csr = world.shown("empty.csr");
    let ask = ["certificate", "request", &csr, "--profile", "server", "--organisation", "bureau"];
    let told = world.appliance.cli_as("officer-1", &ask).exits(1).told();
    assert!(told.contains("1234567812345678"), "{told}");

    world.request("sm", "-algorithm SM2", "-sm3 -sigopt $D");
    let plain = Appliance::start();
    plain.organisation("bureau");
    let csr = world.shown("sm.csr");
    let ask = ["certificate", "request", &csr, "--profile", "server", "--organisation", "bureau"];
    let told = plain.cli_as("officer-1", &ask).exits(1).told();
    assert!(told.contains("suite `shangmi`") && told.contains("both-suites.toml"), "{told}");
}

#[test]
fn time_stamps_over_sm3_are_signed_with_sm2_and_others_as_ever() {
    let world = world(&[]);
    std::fs::write(world.path("file"), "what is to be proven").unwrap();
    for (digest, unit, shown) in [("sm3", "sm-time-stamp", "sm3"), ("sha256", "time-stamp", "sha256")] {
        world
            .shell(&format!(
                "openssl ts -query -data file -{digest} -cert -out ask
                 curl -fsS -o reply -H 'Content-Type: application/timestamp-query' --data-binary @ask $P/tsa
                 openssl ts -reply -in reply -text >text; grep -q 'Hash Algorithm: {shown}' text"
            ))
            .ok();
        let reply = TimeStampResp::parse(&world.read("reply")).unwrap();
        let token = TimeStampToken::parse(&reply.token.unwrap(), &pki::cms::Limits::default()).unwrap();
        let verified =
            token.verify(&[], |algorithm| Ok::<_, ()>(algorithm.digest(b"what is to be proven"))).unwrap();
        assert!(verified.integrity.is_intact(), "{digest}: {:?}", verified.integrity);
        assert_eq!(verified.signer, Some(world.authority(unit)), "{digest}");
    }
    // By the command line, and verified without a server under the SM2 root.
    let (file, out) = (world.shown("file"), world.shown("own.tsr"));
    let url = format!("http://localhost:{}/tsa", world.appliance.public_port);
    world
        .appliance
        .cli(&["timestamp", "request", &file, "--out", &out, "--tsa", &url, "--digest", "sm3"])
        .ok();
    world.shell("curl -fsS --retry 5 -o crl $P/crl/sm-platform-ca.crl").ok();
    let crl = world.shown("crl");
    let verify = |root: &str| {
        let root = world.appliance.certificate(root).display().to_string();
        world.appliance.cli(&[
            "timestamp",
            "verify",
            &file,
            &out,
            "--trust-anchor",
            &root,
            "--crl",
            &crl,
            "--json",
        ])
    };
    assert_eq!(verify("sm-root").ok().json()["verdict"], "valid");
    verify("root").exits(4);
}

#[test]
fn a_machine_enrols_with_an_sm2_key_and_signers_and_authorities_are_replaced_in_their_suite() {
    let port = free_port();
    let world = world(&["--enrolment-port", &port.to_string()]);
    let line =
        ["caller", "add", "portal", "--organisation", "bureau", "--role", "sealer", "--enrol", "--json"];
    let told = world.appliance.cli_as("officer-1", &line).ok().json();
    let secret = told["secret"].as_str().unwrap();
    let root = world.appliance.certificate("root").display().to_string();
    world
        .shell(&format!(
            "openssl genpkey -algorithm SM2 -out k
             openssl req -new -key k -sm3 -sigopt $D -subj /CN=portal -outform DER | openssl base64 >csr
             curl -sS --fail-with-body --cacert {root} -u portal:{secret} -H 'Content-Type: application/pkcs10' \
             --data-binary @csr https://localhost:{port}/.well-known/est/simpleenroll | tr -d '\\r' | openssl base64 -d \
             | openssl pkcs7 -inform DER -print_certs -out portal.pem
             openssl verify -partial_chain -trusted $C/sm-platform-ca.pem -vfyopt $D portal.pem"
        ))
        .ok();

    let all = || world.appliance.cli_as("officer-1", &["authority", "list", "--json"]).ok().json();
    let rotated =
        world.appliance.cli_as("officer-1", &["key", "rotate", "sm-time-stamp", "--json"]).ok().json();
    assert_eq!(rotated["label"], "sm-time-stamp-2", "{rotated}");
    let state = |label: &str| {
        let all = all();
        let one = all["items"].as_array().unwrap().iter().find(|one| one["label"] == label).unwrap().clone();
        one["state"].as_str().unwrap().to_owned()
    };
    let states = ["sm-time-stamp", "sm-time-stamp-2", "time-stamp"].map(&state);
    assert_eq!(states, ["retiring", "active", "active"]);
    world.appliance.cli_as("officer-1", &["authority", "rollover", "sm-platform-ca"]).ok();
    world.appliance.cli_as("officer-2", &["authority", "approve", "sm-platform-ca-2"]).ok();
    world.request("later", "-algorithm SM2", "-sm3 -sigopt $D");
    world.certificate("later");
    world
        .shell(
            "openssl verify -partial_chain -trusted $C/sm-platform-ca-2.pem -vfyopt $D later.pem
             openssl verify -partial_chain -trusted $C/sm-root.pem -vfyopt $D $C/sm-platform-ca-2.pem",
        )
        .ok();
    assert_eq!(state("platform-ca"), "active");
    world.appliance.audit_verify(&[]).ok();
}

/// Roots elsewhere, in turn: the label, the extensions that the ceremony asks for, the kind of key, and how it signs.
const ELSEWHERE: [(&str, &str, &str, &str); 2] = [
    ("root", "extensions.cnf", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-sha256"),
    ("sm-root", "extensions-sm-root.cnf", "-algorithm SM2", "-sm3 -sigopt $D -vfyopt $D"),
];

#[test]
fn the_roots_of_both_suites_can_be_elsewhere_and_openssl_signs_for_them() {
    let mut setup = Setup::both_suites();
    setup.init.push("--root-offline".to_owned());
    let elsewhere = corpus::scratch();
    let appliance = Appliance::init_beside(setup, |appliance| {
        let requests = appliance.directory.join("requests");
        for (root, extensions, key, sign) in ELSEWHERE {
            let extensions = requests.join(extensions);
            eventually("the requests are there", Duration::from_secs(60), || {
                extensions.exists().then_some(())
            });
            let own = sign.replace(" -vfyopt $D", "");
            let side = root.trim_end_matches("root");
            // Written whole: the ceremony looks every second.
            let line = format!(
                "openssl genpkey {key} -out {root}.key
                 openssl req -x509 -new -key {root}.key {own} -subj /CN={root} -days 8000 -out {root}.pem
                 for ca in platform-ca seals-ca officers-ca; do
                   openssl x509 -req -in $R/{side}$ca.csr -CA {root}.pem -CAkey {root}.key {sign} -days 3650 \\
                     -extfile {extensions} -extensions issuing_ca -out new.pem
                   mv new.pem $R/{side}$ca.pem
                 done
                 cp {root}.pem new.pem; mv new.pem $R/{root}.pem",
                extensions = extensions.display()
            );
            let mut command = Command::new("bash");
            command.args(["-euo", "pipefail", "-c", &line]).current_dir(elsewhere.path());
            command.env("D", "distid:1234567812345678").env("R", &requests);
            finish(command).ok();
        }
    });
    for (root, _, _, sign) in ELSEWHERE {
        assert!(!appliance.directory.join(format!("keys/{root}.key")).exists(), "the root's key is not here");
        let given = std::fs::read(elsewhere.path().join(format!("{root}.pem"))).unwrap();
        let given = Certificate::from_pem(&given).unwrap().remove(0);
        let side = root.trim_end_matches("root");
        for ca in ["platform-ca", "seals-ca", "officers-ca"] {
            let pem = std::fs::read(appliance.certificate(&format!("{side}{ca}"))).unwrap();
            let authority = Certificate::from_pem(&pem).unwrap().remove(0);
            assert_eq!(authority.verify_signature(given.spki()), Ok(()), "{side}{ca} {sign}");
        }
    }
    appliance.audit_verify(&[]).ok();
}
