//! Seals of both suites sign as GB/T 38540 has it and as PAdES has it: in PDFs, over digests, beside files; others agree.
//!
//! No foreign program validates `/GM.sm2seal`. What they can say is said by each: poppler and pyHanko find the field, its
//! octets and that they are all of the file; gmssl verifies the SM2 signatures of signer and maker, the cryptography
//! package those by P-256; OpenSSL digests by SM3, reads the structure and verifies what SM2 signed in a CMS.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::process::{Done, finish, run};
use support::{Appliance, Setup, corpus, judges};

/// An appliance with both suites and a time-stamping authority, a seal of each suite, and an approval system.
struct World {
    appliance: Appliance,
    folder: tempfile::TempDir,
}

/// Each suite's seal, its side's prefix among labels, and its digest as OpenSSL names it.
const SUITES: [(&str, &str, &str); 2] = [("international", "", "sha256"), ("shangmi", "sm-", "sm3")];

fn world() -> World {
    let mut appliance = Appliance::init(Setup::both_suites());
    appliance.configure_more("[timestamps]\npolicy = \"0.4.0.2023.1.1\"\n");
    appliance.serve();
    appliance.unseal();
    appliance.approval_system("approval");
    for (suite, ..) in SUITES {
        appliance.seal_record_with(suite, &["--suite", suite]);
    }
    World { appliance, folder: corpus::scratch() }
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, octets: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), octets).unwrap();
        self.path(name)
    }

    /// The command line as the approval system.
    fn cli(&self, arguments: &[&str]) -> Done {
        self.appliance.cli_as("approval", arguments)
    }

    /// A line of bash in the scratch folder; `$D` is the signer identifier as OpenSSL takes it, `$C` the folder of the
    /// ceremony's certificates.
    fn shell(&self, line: &str) -> Done {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", line]).current_dir(self.folder.path());
        command.env("D", "distid:1234567812345678");
        command.env("C", self.appliance.directory.join("certificates"));
        finish(command)
    }

    /// What gmssl and the cryptography package say about the SES_Signature in `NAME.ses` over `NAME.content`.
    fn ses(&self, name: &str) -> Value {
        let mut command = Command::new(corpus::python().join("python"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/support/judge_ses.py"));
        command.arg(self.path(&format!("{name}.ses"))).arg(self.path(&format!("{name}.content")));
        let said = finish(command).ok().json();
        for claim in ["digest", "signature", "maker", "listed"] {
            assert_eq!(said[claim], true, "not {claim}: {said}");
        }
        assert_eq!(said["version"], 4, "{said}");
        said
    }

    /// Takes the last signature of a sealed PDF apart: `NAME.ses`, `NAME.content`.
    fn apart(&self, name: &str, sealed: &[u8]) {
        let (content, container) = judges::signed_octets(sealed);
        self.write(&format!("{name}.content"), &content);
        self.write(&format!("{name}.ses"), &container);
    }

    /// Our own verdict, offline, with the lists of the suite's authorities.
    fn verdict(&self, file: &Path, prefix: &str, more: &[&str]) -> Value {
        let public = self.appliance.public_port;
        let root = self.appliance.certificate(&format!("{prefix}root")).display().to_string();
        let lists = ["root", "seals-ca", "platform-ca"].map(|authority| {
            let crl = self.shown(&format!("{prefix}{authority}.crl"));
            let url = format!("http://127.0.0.1:{public}/crl/{prefix}{authority}.crl");
            run("curl", ["-fsS", "--retry", "5", "-o", &crl, &url]).ok();
            crl
        });
        let file = file.display().to_string();
        let maker = self.appliance.certificate(&format!("{prefix}seal-maker")).display().to_string();
        let mut arguments = vec!["verify", &file, "--trust-anchor", &root, "--seal-maker", &maker, "--json"];
        lists.iter().for_each(|list| arguments.extend(["--crl", list]));
        arguments.extend(more);
        self.appliance.cli(&arguments).json()
    }
}

/// Poppler and pyHanko find the last signature over all of the file and call none of it broken; qpdf finds nothing new.
fn seen(original: &Path, sealed: &Path, signatures: usize) {
    judges::qpdf_finds_nothing_new(original, sealed);
    let told = run("pdfsig", [Path::new("-nocert"), sealed]).told();
    assert!(told.contains("Unable to validate this type of signature"), "{told}");
    assert_eq!(told.matches("- Total document signed").count(), 1, "{told}");
    assert!(!told.contains("Mismatch") && !told.contains("Invalid"), "{told}");
    let script = "import os, sys\nfrom pyhanko.pdf_utils.reader import PdfFileReader\n\
                  from pyhanko.sign.fields import enumerate_sig_fields\n\
                  r = PdfFileReader(open(sys.argv[1], 'rb'), strict=False)\n\
                  for name, value, _ in enumerate_sig_fields(r, filled_status=True):\n\
                  \x20   value = value.get_object()\n\
                  \x20   print(name, value['/SubFilter'], sum(list(value['/ByteRange'])[2:]) == os.path.getsize(sys.argv[1]))\n\
                  list(r.embedded_signatures)\n";
    let mut command = Command::new(corpus::python().join("python"));
    command.args(["-c", script]).arg(sealed);
    let done = finish(command).ok();
    let found: Vec<&str> = done.stdout.lines().filter(|line| line.contains("/GM.sm2seal")).collect();
    assert_eq!(found.len(), signatures, "pyHanko: {}", done.told());
    assert!(found.iter().any(|line| line.ends_with("True")), "pyHanko: {}", done.told());
    // Not broken: unsupported.
    let unsupported = done.stderr.matches("unsupported SubFilter type").count();
    assert_eq!(unsupported, signatures, "pyHanko: {}", done.told());
}

#[test]
fn a_seal_of_either_suite_goes_into_the_document_and_others_see_it() {
    let world = world();
    let original = corpus::named("chromium").path();
    let input = original.display().to_string();
    for (suite, _, digest) in SUITES {
        let (name, out) = (suite, world.shown(&format!("{suite}.pdf")));
        let place = ["--seal", suite, "--page", "1", "--x-mm", "120", "--y-mm", "220", "--format", "ses"];
        world.cli(&[&["seal", &input, &out], &place[..]].concat()).ok();
        let sealed = world.path(&format!("{suite}.pdf"));
        seen(&original, &sealed, 1);
        assert!(judges::red_pixels(&sealed, 1) > 200, "{suite}: no red seal on the page");
        world.apart(name, &std::fs::read(&sealed).unwrap());
        let said = world.ses(name);
        assert!(said["property"].as_str().unwrap().starts_with("/ByteRange [0 "), "{said}");
        assert_eq!(said["stamped"], false, "{said}");
        // OpenSSL's digest of the octets stands in the structure, field by field.
        world
            .shell(&format!(
                "openssl asn1parse -inform DER -in {name}.ses | grep -q 'IA5STRING *:/ByteRange'
                 digest=$(openssl dgst -{digest} -r {name}.content | cut -d' ' -f1)
                 od -An -v -tx1 {name}.ses | tr -d ' \\n' | grep -q 032100$digest"
            ))
            .ok();
    }
}

#[test]
fn an_sm2_seal_signs_cms_with_the_identifiers_of_its_suite_and_openssl_verifies_what_it_signed() {
    let world = world();
    let original = corpus::named("plain-31k").path();
    let input = original.display().to_string();
    let out = world.shown("cms.pdf");
    world
        .cli(&["seal", &input, &out, "--seal", "shangmi", "--page", "1", "--x-mm", "20", "--y-mm", "20"])
        .ok();
    let sealed = world.path("cms.pdf");
    judges::qpdf_finds_nothing_new(&original, &sealed);
    world.apart("cms", &std::fs::read(&sealed).unwrap());
    let shown = world
        .shell(
            "openssl cms -cmsout -print -inform DER -in cms.ses; openssl asn1parse -inform DER -in cms.ses",
        )
        .ok()
        .told();
    // SM3, and SM2 with SM3 as CMS names it.
    for name in ["sm3", "1.2.156.10197.1.301.1"] {
        assert!(shown.contains(name), "{name}: {shown}");
    }
    // What was signed are the signed attributes under their SET OF tag (RFC 5652 §5.4): taken out by place, and verified
    // with the key of the certificate under the default signer identifier.
    world.write("take.py", TAKE.as_bytes());
    world
        .shell(&format!(
            "{}/python take.py cms.ses cms.content
             openssl x509 -inform DER -in signer.der -noout -pubkey >signer.pub
             openssl pkeyutl -verify -pubin -inkey signer.pub -in attributes.der -sigfile signature.der -rawin \
             -digest sm3 -pkeyopt $D
             test \"$(openssl dgst -sm3 -r cms.content | cut -d' ' -f1)\" = \"$(cat message-digest)\"
             openssl x509 -inform DER -in signer.der -out signer.pem
             openssl verify -partial_chain -trusted $C/sm-seals-ca.pem -vfyopt $D signer.pem",
            corpus::python().display()
        ))
        .ok();
    let report = world.verdict(&sealed, "sm-", &[]);
    let signature = &report["signatures"][0];
    assert_eq!(
        (&signature["integrity"], &signature["trust"], &signature["level"]),
        (&"intact".into(), &"trusted".into(), &"B-B".into()),
        "{report:#}"
    );
}

/// Takes certificate, signed attributes, message digest and signature out of a CMS with one signer.
const TAKE: &str = "
import sys
from asn1crypto import cms
info = cms.ContentInfo.load(open(sys.argv[1], 'rb').read())['content']
[signer] = info['signer_infos']
assert signer['digest_algorithm']['algorithm'].dotted == '1.2.156.10197.1.401'
assert signer['signature_algorithm']['algorithm'].dotted == '1.2.156.10197.1.301.1'
[leaf] = [c.chosen for c in info['certificates'] if c.chosen.serial_number == signer['sid'].chosen['serial_number'].native]
open('signer.der', 'wb').write(leaf.dump())
open('attributes.der', 'wb').write(signer['signed_attrs'].untag().dump())
open('signature.der', 'wb').write(signer['signature'].native)
[digest] = [a['values'][0].native for a in signer['signed_attrs'] if a['type'].native == 'message_digest']
open('message-digest', 'w').write(digest.hex())
";

#[test]
fn formats_and_suites_mix_on_one_document_and_each_sees_the_others_as_revisions() {
    let world = world();
    let original = corpus::named("plain-31k").path();
    let request = r#"{"seals":[
        {"seal":"international","page":1,"x_mm":20,"y_mm":200},
        {"seal":"shangmi","format":"ses","page":1,"x_mm":80,"y_mm":200},
        {"seal":"shangmi","page":1,"x_mm":140,"y_mm":200},
        {"seal":"international","format":"ses","page":1,"x_mm":20,"y_mm":240}]}"#;
    world.write("request.json", request.as_bytes());
    let (input, out, request) =
        (original.display().to_string(), world.shown("mixed.pdf"), world.shown("request.json"));
    let done = world.cli(&["seal", &input, &out, "--request", &request, "--json"]).ok().json();
    assert_eq!(done["records"].as_array().unwrap().len(), 4, "{done}");
    let sealed = world.path("mixed.pdf");
    seen(&original, &sealed, 2);
    world.apart("mixed", &std::fs::read(&sealed).unwrap());
    world.ses("mixed");
    let told = run("pdfsig", [Path::new("-nocert"), &sealed]).told();
    assert!(told.contains("Signature is Valid"), "the CMS by P-256: {told}");
    let report = world.verdict(&sealed, "", &[]);
    let signatures = report["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 4, "{report:#}");
    for signature in signatures {
        assert_eq!(signature["changes_allowed"], true, "{signature:#}");
        assert_ne!(signature["integrity"], "broken", "{signature:#}");
    }
}

#[test]
fn a_digest_alone_and_a_file_beside_itself_are_signed_in_either_format() {
    let world = world();
    let original = corpus::named("plain-31k").path();
    let input = original.display().to_string();
    let file = world.write("file.content", &[b"\x00 no PDF\r\n".as_slice(), &[7; 300_000]].concat());
    for (suite, ..) in SUITES {
        let out = world.shown(&format!("two-phase-{suite}.pdf"));
        let place = ["--seal", suite, "--page", "1", "--x-mm", "20", "--y-mm", "20", "--two-phase"];
        world.cli(&[&["seal", &input, &out, "--format", "ses"], &place[..]].concat()).ok();
        let sealed = world.path(&format!("two-phase-{suite}.pdf"));
        seen(&original, &sealed, 1);
        world.apart("two-phase", &std::fs::read(&sealed).unwrap());
        world.ses("two-phase");

        let (shown, out) = (file.display().to_string(), world.shown("file.ses"));
        let sign = ["sign-file", &shown, "--seal", suite, "--out", &out, "--force", "--format"];
        world.cli(&[&sign[..], &["ses"]].concat()).ok();
        let said = world.ses("file");
        assert_eq!(said["property"], format!("/Length {}", file.metadata().unwrap().len()), "{said}");
        world.cli(&[&sign[..], &["cms"]].concat()).ok();
        let shown = world.shell("openssl cms -cmsout -print -inform DER -in file.ses").ok().told();
        assert!(shown.contains("<ABSENT>"), "the content is detached: {shown}");
    }
    // The last one is by SM2, which OpenSSL 3.0 verifies only by hand; the one by P-256 it verifies itself.
    let shown = file.display().to_string();
    let out = world.shown("file.p7s");
    world.cli(&["sign-file", &shown, "--seal", "international", "--out", &out]).ok();
    world
        .shell(
            "openssl cms -verify -binary -inform DER -in file.p7s -content file.content -purpose any \
             -CAfile $C/root.pem -out /dev/null",
        )
        .ok();
    let refused = world.cli(&["sign-file", &shown, "--seal", "international", "--out", &out]);
    assert!(refused.exits(1).told().contains("--force"));
}

#[test]
fn levels_reach_as_far_as_the_suite_and_time_stamps_are_of_the_same_suite() {
    let world = world();
    let original = corpus::named("plain-31k").path();
    let input = original.display().to_string();
    for (suite, prefix, _) in SUITES {
        for (level, shown) in [("b-t", "B-T"), ("b-lt", "B-LT"), ("b-lta", "B-LTA")] {
            let out = world.shown(&format!("{suite}-{level}.pdf"));
            world.cli(&["seal", &input, &out, "--seal", suite, "--level", level]).ok();
            let report = world.verdict(out.as_ref(), prefix, &[]);
            let signature = &report["signatures"][0];
            assert_eq!(
                (&signature["integrity"], &signature["level"]),
                (&"intact".into(), &shown.into()),
                "{suite} {level}: {report:#}"
            );
        }
        for level in ["b-t", "b-lta"] {
            let out = world.shown(&format!("{suite}-{level}-ses.pdf"));
            world.cli(&["seal", &input, &out, "--seal", suite, "--level", level, "--format", "ses"]).ok();
            let sealed = std::fs::read(&out).unwrap();
            if level == "b-t" {
                world.apart("stamped", &sealed);
                assert_eq!(world.ses("stamped")["stamped"], true);
            }
            let report = world.verdict(out.as_ref(), prefix, &[]);
            assert_ne!(report["signatures"][0]["integrity"], "broken", "{report:#}");
        }
    }
    world.appliance.audit_verify(&[]).ok();
}
