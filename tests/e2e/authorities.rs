//! The authorities' life: signers rotated, authorities replaced by two officers with an overlap.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use support::process::{Done, eventually, run};
use support::{Appliance, corpus, judges};

use crate::{PLACE, holds, ready, small_pdf};

/// The records of `cinnabar authority list`, by label.
fn authorities(appliance: &Appliance) -> Vec<Value> {
    let told = appliance.cli_as("officer-1", &["authority", "list", "--json"]).ok().json();
    told["items"].as_array().unwrap().clone()
}

fn state(appliance: &Appliance, label: &str) -> String {
    let all = authorities(appliance);
    let one =
        all.iter().find(|one| one["label"] == label).unwrap_or_else(|| panic!("no `{label}` in {all:?}"));
    one["state"].as_str().unwrap().to_owned()
}

fn verify(root: &Path, untrusted: &[&Path], leaf: &Path, more: &[&str]) -> Done {
    let text = |path: &Path| path.display().to_string();
    let mut arguments =
        vec!["verify".to_owned(), "-x509_strict".to_owned(), "-trusted".to_owned(), text(root)];
    arguments.extend(more.iter().map(|more| (*more).to_owned()));
    for path in untrusted {
        arguments.extend(["-untrusted".to_owned(), text(path)]);
    }
    arguments.push(text(leaf));
    run("openssl", arguments)
}

/// Fetches what the public listener serves, as PEM.
fn fetched(appliance: &Appliance, path: &str, kind: &str, folder: &Path) -> std::path::PathBuf {
    let (der, pem) = (folder.join("fetched.der"), folder.join(path.replace('/', "-") + ".pem"));
    let url = format!("http://127.0.0.1:{}{path}", appliance.public_port);
    eventually("the public listener serves it", Duration::from_secs(20), || {
        (run("curl", ["-fsS", "-o", &der.display().to_string(), &url]).code == Some(0)).then_some(())
    });
    let arguments =
        [kind, "-inform", "DER", "-in", &der.display().to_string(), "-out", &pem.display().to_string()];
    run("openssl", arguments).ok();
    pem
}

#[test]
fn a_signers_key_is_rotated_by_command() {
    let (appliance, _) = ready();
    let folder = corpus::scratch();
    assert_eq!(state(&appliance, "ocsp-platform"), "active");
    appliance.cli_as("operator-1", &["key", "rotate", "ocsp-platform"]).exits(1);
    for wrong in ["platform-ca", "log", "nothing"] {
        appliance.cli_as("officer-1", &["key", "rotate", wrong]).exits(1);
    }
    let told = appliance.cli_as("officer-1", &["key", "rotate", "ocsp-platform", "--json"]).ok().json();
    assert_eq!((&told["label"], &told["state"]), (&"ocsp-platform-2".into(), &"active".into()), "{told}");
    assert_eq!(state(&appliance, "ocsp-platform"), "retiring");
    // Its certificate is one like every other: by the authority, on record, judged good by openssl.
    let fingerprint = told["certificate"].as_str().unwrap();
    let pem = folder.path().join("new.pem");
    let der = appliance.sql(&format!("SELECT hex(der) FROM certificates WHERE id = '{fingerprint}'"));
    let der_file = folder.path().join("new.der");
    std::fs::write(&der_file, hex(&der[0])).unwrap();
    let (from, to) = (der_file.display().to_string(), pem.display().to_string());
    run("openssl", ["x509", "-inform", "DER", "-in", &from, "-out", &to]).ok();
    let (root, issuer) = (appliance.certificate("root"), appliance.certificate("platform-ca"));
    verify(&root, &[&issuer], &pem, &["-purpose", "ocsphelper"]).ok();
    for slot in ["time-stamp", "seal-maker", "credential-signer", "publisher"] {
        appliance.cli_as("officer-2", &["key", "rotate", slot]).ok();
        assert_eq!(state(&appliance, &format!("{slot}-2")), "active");
    }
    appliance.audit_verify(&[]).ok();
}

#[test]
fn an_authority_is_replaced_by_two_officers_and_the_former_one_answers_on() {
    let (mut appliance, client) = ready();
    let folder = corpus::scratch();
    let told = appliance.cli_as("officer-1", &["authority", "rollover", "platform-ca", "--json"]).ok().json();
    assert_eq!((&told["label"], &told["state"]), (&"platform-ca-2".into(), &"pending".into()), "{told}");
    appliance.cli_as("officer-1", &["authority", "rollover", "platform-ca"]).exits(1);
    // Until another person approves, nothing changes.
    let refused = appliance.cli_as("officer-1", &["authority", "approve", "platform-ca-2"]).exits(1);
    assert!(refused.told().contains("polic"), "{}", refused.told());
    appliance.cli_as("operator-1", &["authority", "approve", "platform-ca-2"]).exits(1);
    assert_eq!(state(&appliance, "platform-ca"), "active");
    appliance.cli_as("officer-2", &["authority", "approve", "platform-ca-2"]).ok();
    assert_eq!(state(&appliance, "platform-ca-2"), "active");
    assert_eq!(state(&appliance, "platform-ca"), "retiring");
    appliance.cli_as("officer-2", &["authority", "approve", "platform-ca-2"]).exits(1);
    let issuers: Vec<String> = authorities(&appliance)
        .iter()
        .filter(|one| one["role"] == "ocsp" && one["state"] == "active")
        .map(|one| one["issuer"].as_str().unwrap().to_owned())
        .collect();
    for label in ["platform-ca", "platform-ca-2"] {
        assert!(issuers.iter().any(|issuer| issuer == label), "a responder for {label}: {issuers:?}");
    }

    // Who had a certificate before is served as before; who comes new has one from the new key and is served, too.
    client.seal(PLACE, small_pdf()).is(201);
    let out = appliance.directory.join("credentials/newcomer");
    let arguments = ["caller", "add", "newcomer", "--organisation", "bureau", "--role", "sealer", "--out"];
    appliance.cli_as("officer-1", &[&arguments[..], &[&out.display().to_string()]].concat()).ok();
    let newcomer = appliance.client("newcomer");
    // The listeners of every node take the new authority within a second; until then there is no handshake.
    eventually("the listener takes the new authority", Duration::from_secs(10), || {
        holds(|| {
            newcomer.seal(PLACE, small_pdf()).is(201);
        })
        .then_some(())
    });
    let (root, leaf) = (appliance.certificate("root"), out.join("certificate.pem"));
    let (former, new) = (appliance.certificate("platform-ca"), appliance.certificate("platform-ca-2"));
    verify(&root, &[&new], &leaf, &[]).ok();
    assert_ne!(verify(&root, &[&former], &leaf, &[]).code, Some(0), "the former key did not sign it");
    // With the former authority as the only trust, the cross-certificate carries it to the new key; and the reverse.
    let cross = appliance.certificate("platform-ca-2-by-platform-ca");
    verify(&former, &[&cross], &leaf, &["-partial_chain"]).ok();
    let earlier = appliance.credential("approval").0.join("certificate.pem");
    let reverse = appliance.certificate("platform-ca-by-platform-ca-2");
    verify(&new, &[&reverse], &earlier, &["-partial_chain"]).ok();

    // Both are served with their lists, each signed with its own key; the former one's says who is revoked.
    for (label, issuer) in [("platform-ca", &former), ("platform-ca-2", &new)] {
        let served = fetched(&appliance, &format!("/ca/{label}.cer"), "x509", folder.path());
        assert_eq!(std::fs::read(&served).unwrap(), std::fs::read(issuer).unwrap(), "{label}");
        let list = fetched(&appliance, &format!("/crl/{label}.crl"), "crl", folder.path());
        let (list, issuer) = (list.display().to_string(), issuer.display().to_string());
        let told = run("openssl", ["crl", "-in", &list, "-CAfile", &issuer, "-noout"]).ok().told();
        assert!(told.contains("verify OK"), "{label}: {told}");
    }
    let all =
        appliance.cli_as("officer-1", &["certificate", "list", "--caller", "approval", "--json"]).ok().json();
    let fingerprint = all["items"][0]["fingerprint"].as_str().unwrap().to_owned();
    appliance.cli_as("officer-1", &["certificate", "revoke", &fingerprint]).ok();
    assert_eq!(client.seal(PLACE, small_pdf()).is(403).problem(), "certificate-revoked");
    let list = fetched(&appliance, "/crl/platform-ca.crl", "crl", folder.path()).display().to_string();
    let text = run("openssl", ["crl", "-in", &list, "-noout", "-text"]).ok().stdout;
    assert!(text.contains("Serial Number:"), "{text}");
    newcomer.seal(PLACE, small_pdf()).is(201);

    // It stays so over a restart, and the record holds.
    appliance.stop();
    appliance.serve();
    appliance.unseal();
    newcomer.seal(PLACE, small_pdf()).is(201);
    assert_eq!(state(&appliance, "platform-ca-2"), "active");
    appliance.audit_verify(&[]).ok();
}

#[test]
fn seals_of_both_generations_of_their_authority_are_good() {
    let (appliance, client) = ready();
    appliance.cli_as("officer-2", &["authority", "rollover", "seals-ca"]).ok();
    appliance.cli_as("officer-1", &["authority", "approve", "seals-ca-2"]).ok();
    appliance.seal_record("second-seal");
    let folder = corpus::scratch();
    for seal in ["bureau-seal", "second-seal"] {
        let sealed = folder.path().join(format!("{seal}.pdf"));
        let place = PLACE.replace("bureau-seal", seal);
        std::fs::write(&sealed, client.seal(&place, small_pdf()).is(201).body).unwrap();
        judges::pdfsig_accepts(&sealed, 1);
        judges::openssl_accepts(&sealed, &appliance.certificate("root"));
        judges::pyhanko_accepts(&sealed, &appliance.certificate("root"));
    }
    // Officers' authority, too: those of before and those of after are let in.
    appliance.cli_as("officer-1", &["authority", "rollover", "officers-ca"]).ok();
    appliance.cli_as("officer-2", &["authority", "approve", "officers-ca-2"]).ok();
    assert_eq!(state(&appliance, "officers-ca-2"), "active");
}

/// A root of openssl's, as one would have it on a machine without a network.
struct OfflineRoot {
    folder: tempfile::TempDir,
}

impl OfflineRoot {
    fn new() -> Self {
        let root = Self { folder: corpus::scratch() };
        let (key, certificate) = (root.file("root.key"), root.file("root.pem"));
        let subject = "/C=CN/O=Elsewhere/CN=Offline Root";
        let request = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "7300",
        ];
        let more = [
            "-keyout",
            &key,
            "-out",
            &certificate,
            "-subj",
            subject,
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ];
        run("openssl", [&request[..], &more[..]].concat()).ok();
        std::fs::write(root.file("index.txt"), "").unwrap();
        std::fs::write(root.file("crlnumber"), "01\n").unwrap();
        let text = format!(
            "[ca]\ndefault_ca = root\n[root]\ndatabase = {}\ncrlnumber = {}\ndefault_md = sha256\n\
             crl_extensions = list\n[list]\nauthorityKeyIdentifier = keyid\nissuingDistributionPoint = critical,@point\n\
             [point]\nfullname = URI:http://localhost/crl/root.crl\n",
            root.file("index.txt"),
            root.file("crlnumber")
        );
        std::fs::write(root.file("ca.cnf"), text).unwrap();
        root
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Signs a request with these extensions.
    fn sign(&self, request: &Path, extensions: &Path, out: &Path) {
        let text = |path: &Path| path.display().to_string();
        let (key, certificate) = (self.file("root.key"), self.file("root.pem"));
        let arguments =
            ["x509", "-req", "-in", &text(request), "-CA", &certificate, "-CAkey", &key, "-days", "3650"];
        // Written whole: the ceremony looks every second.
        let fresh = out.with_extension("new");
        let more = ["-extfile", &text(extensions), "-extensions", "issuing_ca", "-out", &text(&fresh)];
        run("openssl", [&arguments[..], &more[..]].concat()).ok();
        std::fs::rename(fresh, out).unwrap();
    }

    fn crl(&self) -> std::path::PathBuf {
        let out = self.file("root.crl");
        let (conf, key, certificate) = (self.file("ca.cnf"), self.file("root.key"), self.file("root.pem"));
        let arguments =
            ["ca", "-gencrl", "-config", &conf, "-keyfile", &key, "-cert", &certificate, "-crldays", "30"];
        run("openssl", [&arguments[..], &["-out", &out]].concat()).ok();
        out.into()
    }
}

#[test]
fn a_root_elsewhere_signs_what_the_ceremony_asks_for_and_later_generations() {
    let elsewhere = OfflineRoot::new();
    let labels = ["platform-ca", "seals-ca", "officers-ca"];
    let setup = support::Setup { init: vec!["--root-offline".to_owned()], ..support::Setup::default() };
    let mut appliance = Appliance::init_beside(setup, |appliance| {
        let requests = appliance.directory.join("requests");
        let extensions = requests.join("extensions.cnf");
        eventually("the requests are there", Duration::from_secs(60), || extensions.exists().then_some(()));
        // A certificate for another key, or against the profile, is not taken: the ceremony goes on waiting.
        std::fs::copy(elsewhere.file("root.pem"), requests.join("root.pem")).unwrap();
        std::fs::copy(elsewhere.file("root.pem"), requests.join("seals-ca.pem")).unwrap();
        let wrong = requests.join("wrong.cnf");
        let text = std::fs::read_to_string(&extensions).unwrap();
        std::fs::write(&wrong, text.replace("pathlen:0", "pathlen:3")).unwrap();
        elsewhere.sign(&requests.join("platform-ca.csr"), &wrong, &requests.join("platform-ca.pem"));
        elsewhere.sign(&requests.join("officers-ca.csr"), &extensions, &requests.join("officers-ca.pem"));
        std::thread::sleep(Duration::from_secs(3));
        assert!(!appliance.config().exists(), "the ceremony took what does not fit");
        for label in labels {
            let (request, out) =
                (requests.join(format!("{label}.csr")), requests.join(format!("{label}.pem")));
            elsewhere.sign(&request, &extensions, &out);
        }
    });
    assert!(!appliance.directory.join("keys/root.key").exists(), "the root's key is not here");
    appliance.serve();
    appliance.unseal();
    appliance.seal_record("bureau-seal");
    let client = appliance.approval_system("approval");
    let (folder, root) = (corpus::scratch(), std::path::PathBuf::from(elsewhere.file("root.pem")));
    let sealed = folder.path().join("sealed.pdf");
    std::fs::write(&sealed, client.seal(PLACE, small_pdf()).is(201).body).unwrap();
    judges::pdfsig_accepts(&sealed, 1);
    judges::openssl_accepts(&sealed, &root);

    // A later generation: proposed, signed elsewhere, imported by another officer.
    appliance.cli_as("officer-1", &["authority", "rollover", "platform-ca"]).ok();
    appliance.cli_as("officer-2", &["authority", "approve", "platform-ca-2"]).exits(1);
    let (request, signed) = (folder.path().join("2.csr"), folder.path().join("2.pem"));
    let text = |path: &Path| path.display().to_string();
    appliance.cli_as("officer-2", &["authority", "request", "platform-ca-2", "--out", &text(&request)]).ok();
    elsewhere.sign(&request, &appliance.directory.join("requests/extensions.cnf"), &signed);
    let other = text(&appliance.certificate("seals-ca"));
    let refused =
        appliance.cli_as("officer-2", &["authority", "import", "platform-ca-2", &other]).exits(1).told();
    assert!(refused.contains("another key"), "{refused}");
    appliance.cli_as("officer-1", &["authority", "import", "platform-ca-2", &text(&signed)]).exits(1);
    assert_eq!(state(&appliance, "platform-ca-2"), "pending");
    appliance.cli_as("officer-2", &["authority", "import", "platform-ca-2", &text(&signed)]).ok();
    assert_eq!(state(&appliance, "platform-ca-2"), "active");
    assert_eq!(state(&appliance, "platform-ca"), "retiring");

    // The root's list is brought and served.
    let list = elsewhere.crl();
    appliance.cli_as("officer-1", &["authority", "import-crl", "root", &text(&list)]).ok();
    let served = fetched(&appliance, "/crl/root.crl", "crl", folder.path());
    assert_eq!(std::fs::read(&served).unwrap(), std::fs::read(&list).unwrap());
    appliance.cli_as("officer-1", &["authority", "import-crl", "root", &text(&list)]).exits(1);
    client.seal(PLACE, small_pdf()).is(201);
    appliance.audit_verify(&[]).ok();
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}
