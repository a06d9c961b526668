//! Files that other programs made: read like hayro-syntax reads them, and judged as pyHanko judges them.

use std::path::PathBuf;

use cinnabar_pdf::syntax::{Document, Entry, Limits, ObjectId, Source};
use cinnabar_pdf::verify::{Coverage, Integrity, Level, Options, Report, Verdict, verify};
use pki::Certificate;
use pki::path::{RevocationPolicy, TrustAnchors};
use serde_json::Value;

pub fn folder() -> PathBuf {
    let folder = std::env::var_os("CINNABAR_CORPUS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/cinnabar/corpus"),
        PathBuf::from,
    );
    assert!(
        folder.join("manifest.json").exists(),
        "no corpus in {}: run tests/corpus/make",
        folder.display()
    );
    folder
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.pdf"))).unwrap()
}

/// Names of one kind.
pub fn names(kind: &str) -> Vec<String> {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder().join("manifest.json")).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap().iter().filter(|file| file["kind"] == kind);
    files.map(|file| file["name"].as_str().unwrap().to_owned()).collect()
}

/// With pyHanko's two roots; it made no revocation lists. The certificates begin when the corpus is made.
fn judged(bytes: &[u8]) -> Report {
    let pem = |name: &str| std::fs::read(folder().join(name)).unwrap();
    let roots = [pem("pyhanko-root.pem"), pem("pyhanko-tsa-root.pem")].concat();
    let anchors = TrustAnchors::new(Certificate::from_pem(&roots).unwrap());
    let at = anchors.certificates()[0].not_before() + 7_200;
    let options = Options {
        revocation: RevocationPolicy::Waived,
        ca_revocation: RevocationPolicy::Waived,
        ..Options::new(&anchors, at)
    };
    verify(&bytes, &options, &Limits::default()).unwrap()
}

#[test]
fn plain_files_hold_no_signature_and_as_many_pages_as_hayro_counts() {
    let names = names("plain");
    assert!(names.len() >= 20);
    for name in names {
        let bytes = read(&name);
        assert_eq!(judged(&bytes).verdict, Verdict::NoSignature, "{name}");
        let document = Document::open(&bytes, &Limits::default()).unwrap();
        let pages = document.page_count().unwrap();
        if bytes.len() < 2 << 20 && document.header_offset() == 0 {
            let second = hayro_syntax::Pdf::new(bytes.clone()).unwrap();
            assert_eq!(pages as usize, second.pages().len(), "{name}");
            for (index, page) in second.pages().iter().enumerate() {
                let (ours, theirs) = (document.page(index as u32).unwrap().media_box, page.media_box());
                assert!(
                    (ours[2] - theirs.x1).abs() < 0.01 && (ours[3] - theirs.y1).abs() < 0.01,
                    "{name} {index}"
                );
            }
        }
        for number in 1..document.next_object_number() {
            let generation = match document.view().locate(number) {
                Some(Entry::Offset { generation, .. }) => generation,
                Some(Entry::Packed { .. }) => 0,
                _ => continue,
            };
            document
                .object(ObjectId { number, generation })
                .unwrap_or_else(|e| panic!("{name} {number}: {e}"));
        }
    }
}

#[test]
fn what_pyhanko_signed_is_valid() {
    let mut seen = 0;
    for name in names("signed") {
        let report = judged(&read(&name));
        if name.ends_with("-pss") && report.signatures[0].integrity == Integrity::Unknown {
            continue; // pyHanko salts with more octets than the digest has, which ring does not verify
        }
        assert_eq!(report.verdict, Verdict::Valid, "{name}: {report:?}");
        assert_eq!(report.signatures.last().unwrap().coverage, Coverage::File, "{name}");
        let level = match name.as_str() {
            "signed-pyhanko-pkcs7" => Level::None,
            "signed-pyhanko-t" => Level::BT,
            _ => Level::BB,
        };
        assert_eq!(report.signatures[0].level, level, "{name}");
        seen += 1;
    }
    assert!(seen >= 6);
}

#[test]
fn what_pyhanko_signed_is_not_valid_with_one_octet_changed() {
    for name in names("signed") {
        let mut bytes = read(&name);
        let [_, start, ..] = judged(&bytes).signatures[0].byte_range.unwrap();
        // In the middle of the first page's content or fonts, far from any structure.
        let at = usize::try_from(start).unwrap() / 3;
        bytes[at] ^= 0x20;
        let options = TrustAnchors::default();
        let result = verify(&bytes, &Options::new(&options, 0), &Limits::default());
        assert!(!matches!(result, Ok(report) if report.verdict != Verdict::Invalid), "{name}");
    }
}

/// A file that counts what is read of it and how much at once.
struct Counting {
    file: std::fs::File,
    length: u64,
    read: std::sync::atomic::AtomicU64,
    largest: std::sync::atomic::AtomicU64,
}

impl Source for Counting {
    fn len(&self) -> u64 {
        self.length
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        use std::sync::atomic::Ordering::Relaxed;
        self.read.fetch_add(buf.len() as u64, Relaxed);
        self.largest.fetch_max(buf.len() as u64, Relaxed);
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
    }
}

#[test]
fn a_hundred_megabytes_are_read_once_and_never_held() {
    let original = read("image-100m");
    let signed =
        super::people::signed(&original, &super::people::visible(10.0), &super::people::people().seal);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &signed).unwrap();
    let source = Counting {
        file: file.reopen().unwrap(),
        length: signed.len() as u64,
        read: 0.into(),
        largest: 0.into(),
    };
    drop((original, signed));
    let report = verify(&source, &super::people::options(), &Limits::default()).unwrap();
    assert_eq!(report.verdict, Verdict::Valid);
    let read = source.read.into_inner();
    assert!(read < source.length + (4 << 20), "{read} octets read of {}", source.length);
    assert!(source.largest.into_inner() <= 1 << 20);
}

#[test]
fn every_pdf_on_this_machine_is_read_or_refused_with_a_reason() {
    let mut folders = vec![PathBuf::from("/usr/share")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && entry.path().extension().is_some_and(|e| e == "pdf") => {
                    files.push(entry.path());
                }
                _ => {}
            }
        }
    }
    let anchors = TrustAnchors::default();
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        // No panic, and an answer; which one depends on what is installed.
        let _ = verify(&bytes, &Options::new(&anchors, 0), &Limits::default());
        for cut in [bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(100)] {
            let _ = verify(&&bytes[..cut], &Options::new(&anchors, 0), &Limits::default());
        }
    }
}

#[test]
fn levels_and_later_changes_are_judged_as_pyhanko_judges_them() {
    let folder_made = tempfile::tempdir().unwrap();
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = std::env::var("CINNABAR_VENV").unwrap_or_else(|_| {
        let output = std::process::Command::new(here.join("../../tests/peers/python")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
    });
    let output = std::process::Command::new(format!("{venv}/bin/python"))
        .arg(here.join("tests/verify/pyhanko_make.py"))
        .args([&folder(), folder_made.path()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let anchors = std::fs::read(folder_made.path().join("root.pem")).unwrap();
    let anchors = TrustAnchors::new(Certificate::from_pem(&anchors).unwrap());
    let options = Options {
        revocation: RevocationPolicy::IfAvailable,
        ca_revocation: RevocationPolicy::IfAvailable,
        ..Options::new(&anchors, anchors.certificates()[0].not_before() + 7_200)
    };
    let mut seen = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let theirs: Value = serde_json::from_str(line).unwrap();
        let name = theirs["file"].as_str().unwrap();
        let bytes = std::fs::read(folder_made.path().join(format!("{name}.pdf"))).unwrap();
        let report = verify(&bytes, &options, &Limits::default()).unwrap();
        let (verdict, level) = match name {
            "b-lt" => (Verdict::Valid, Level::BLT),
            "b-lta" | "b-lta-renewed" | "b-lta-signed-again" | "certified-strictly-b-lta" => {
                (Verdict::Valid, Level::BLTA)
            }
            "certified-strictly-filled" | "locked-then-signed" => (Verdict::Invalid, Level::BB),
            "timestamp-only" => (Verdict::TimestampOnly, Level::None),
            _ => (Verdict::Valid, Level::BB),
        };
        assert_eq!(report.verdict, verdict, "{name}: {report:?}");
        super::reports::check_reports(name, &report);
        let first = report.signatures.iter().find(|s| s.kind == cinnabar_pdf::verify::Kind::Signature);
        if let Some(first) = first {
            assert_eq!(first.level, level, "{name}: {report:?}");
            assert_eq!(theirs["docmdp_ok"], first.changes_allowed, "{name}: {theirs}");
            assert_eq!(theirs["coverage"] == "ENTIRE_FILE", first.coverage == Coverage::File, "{name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 15);
}
