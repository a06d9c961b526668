//! Documents of each level before other people's programs: pyHanko (its own validation with what the file brings, and
//! EN 319 102-1 with archival data), pdfsig, qpdf, mutool; and documents that pyHanko made, raised by us.

use std::path::{Path, PathBuf};

use cinnabar_pdf::sign::{DocMdp, SignatureRequest};
use cinnabar_pdf::verify::{Level, Verdict};
use serde_json::Value;

use super::levels::{judged, lists, raise, service, signed_with_time};
use super::peers::{run, venv};
use super::people::{DAY, NOW, invisible, people, visible};

fn script(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = here.join("tests/signing/pyhanko_levels.py");
    let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&script];
    all.extend(arguments);
    let (status, said) = run(&format!("{}/bin/python", venv()), &all);
    assert_eq!(status, 0, "{said}");
    said
}

/// Everything pyHanko says about `bytes` at `at`, with the root alone at hand.
fn pyhanko(folder: &Path, bytes: &[u8], at: i64) -> Value {
    let (root, file) = (folder.join("root.der"), folder.join("judged.pdf"));
    std::fs::write(&root, people().root.certificate.der()).unwrap();
    std::fs::write(&file, bytes).unwrap();
    let said = script(&[&"judge", &root, &at.to_string(), &file]);
    let told: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    println!("{told:#}");
    told
}

fn assert_archived(told: &Value, signatures: usize, stamps: usize, lta: &str) {
    let list = told["signatures"].as_array().unwrap();
    assert_eq!(list.len(), signatures, "{told:#}");
    for signature in list {
        assert_eq!(signature["lta"], lta, "{told:#}");
        for claim in ["bottom_line", "intact", "trusted", "docmdp_ok"] {
            assert_eq!(signature[claim], true, "{claim}: {told:#}");
        }
    }
    let list = told["timestamps"].as_array().unwrap();
    assert_eq!(list.len(), stamps, "{told:#}");
    for stamp in list {
        assert_eq!((&stamp["intact"], &stamp["trusted"]), (&true.into(), &true.into()), "{told:#}");
    }
    assert_eq!(list.last().unwrap()["coverage"], "ENTIRE_FILE");
    assert_eq!(told["store"]["vri"], 0);
}

/// pdfsig, qpdf and mutool have nothing against the file; poppler knows the kind of signature but does not validate document
/// time-stamps.
fn assert_others(folder: &Path, bytes: &[u8], signatures: usize) {
    let file: PathBuf = folder.join("others.pdf");
    std::fs::write(&file, bytes).unwrap();
    let (_, said) = run("pdfsig", &[&"-nocert", &file]);
    assert_eq!(said.matches("Signature is Valid").count(), signatures, "{said}");
    assert_eq!(said.matches("- Total document signed").count(), 1, "{said}");
    let (status, said) = run("qpdf", &[&"--check", &file]);
    assert_eq!(status, 0, "{said}");
    let (status, said) = run("mutool", &[&"info", &file]);
    assert_eq!(status, 0, "{said}");
    assert!(!said.contains("error") && !said.contains("repair"), "{said}");
}

fn page() -> Vec<u8> {
    super::support::one_page().bytes
}

#[test]
fn every_judge_takes_our_archived_documents_certified_or_not_seen_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let certified = |request: SignatureRequest, level| SignatureRequest { certify: Some(level), ..request };
    for request in [
        invisible(),
        visible(50.0),
        certified(invisible(), DocMdp::NoChanges),
        certified(visible(50.0), DocMdp::NoChanges),
        certified(visible(50.0), DocMdp::FormsAndSignatures),
    ] {
        let signed = signed_with_time(&page(), &request, NOW);
        let lt = raise(&signed, Level::BLT, false, &lists(NOW), &service(NOW)).unwrap().unwrap();

        for from in [&signed, &lt] {
            let file = raise(from, Level::BLTA, false, &lists(NOW), &service(NOW)).unwrap().unwrap();
            assert_archived(&pyhanko(folder.path(), &file, NOW + 60), 1, 1, "OK");
            assert_others(folder.path(), &file, 1);
        }
    }
}

#[test]
fn an_archive_renewed_twice_holds_before_pyhanko_when_its_first_evidence_is_out_of_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = signed_with_time(&page(), &invisible(), NOW);
    for (renewals, at) in [NOW, NOW + 300 * DAY, NOW + 600 * DAY].into_iter().enumerate() {
        file = raise(&file, Level::BLTA, renewals > 0, &lists(at), &service(at)).unwrap().unwrap();
        let told = pyhanko(folder.path(), &file, at + 60);
        assert_eq!(told["signatures"][0]["lta"], "OK", "{renewals}: {told:#}");
        assert_eq!(told["timestamps"].as_array().unwrap().len(), renewals + 1);
    }
    assert_others(folder.path(), &file, 1);
}

#[test]
fn documents_of_pyhanko_are_raised_to_an_archive_that_pyhanko_takes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let people = people();
    std::fs::write(at("plain.pdf"), page()).unwrap();
    for (name, person) in [("ca", &people.ca), ("seal", &people.seal), ("tsa", &people.tsa)] {
        std::fs::write(at(&format!("{name}.der")), person.certificate.der()).unwrap();
        std::fs::write(at(&format!("{name}.key")), &person.pkcs8).unwrap();
    }
    for (kind, stamped) in [("adbe", ""), ("etsi", ""), ("etsi", "stamped"), ("adbe", "stamped")] {
        let time = (NOW - 60).to_string();
        script(&[&"sign", &at("plain.pdf"), &at("signed.pdf"), &folder.path(), &time, &kind, &stamped]);
        let signed = std::fs::read(at("signed.pdf")).unwrap();
        let file = raise(&signed, Level::BLTA, false, &lists(NOW), &service(NOW)).unwrap().unwrap();
        assert!(file.starts_with(&signed));
        let told = pyhanko(folder.path(), &file, NOW + 60);
        // Its validation by EN 319 102-1 asks for a time-stamp inside the CMS, which a file that is signed cannot be given;
        // its other validation takes the document time-stamp for proof.
        let lta = if stamped.is_empty() { "SIG_CONSTRAINTS_FAILURE" } else { "OK" };
        assert_archived(&told, 1, 1, lta);
        assert_eq!(told["signatures"][0]["stamped"], stamped == "stamped");
        assert_others(folder.path(), &file, 1);
        let report = judged(&file, NOW + 60);
        assert_eq!(report.verdict, Verdict::Valid);
        let level = if kind == "etsi" { Level::BLTA } else { Level::None };
        assert_eq!(report.signatures[0].level, level, "only ETSI.CAdES.detached is a baseline signature");
    }
}
