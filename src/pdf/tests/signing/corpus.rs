//! Every file of the corpus: signed, then judged by pdfsig, pyHanko, qpdf and openssl.

use std::sync::atomic::{AtomicU64, Ordering};

use cinnabar_pdf::sign::{PrepareError, SignError, sign};
use cinnabar_pdf::syntax::{Document, Limits, OpenError, Source};

use super::peers::{
    assert_ours, assert_pdfsig, at, corpus, keys, names, pyhanko, qpdf_check, read, request, run, signed,
};

#[test]
fn every_plain_file_is_signed_and_every_judge_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in names("plain").iter().filter(|name| *name != "image-100m") {
        let (whole, _) = signed(&read(name), &request(at(1, 20.0, 30.0, 30.0, 30.0)));
        let file = folder.path().join(format!("{name}.pdf"));
        assert_ours(&whole, 1);
        std::fs::write(&file, whole).unwrap();
        assert_pdfsig(&file, 1);
        let before = qpdf_check(&corpus().join(format!("{name}.pdf")));
        let after = qpdf_check(&file);
        assert_eq!(before.0, after.0, "{name}: {:?}", after.1);
        assert_eq!(before.1.len(), after.1.len(), "{name}: {:?}", after.1);
        // pyHanko reads nothing before which something else stands.
        if name != "leading-junk" {
            files.push(file);
        }
    }
    assert!(files.len() >= 20);
    let verdicts = pyhanko(&files);
    assert_eq!(verdicts.len(), files.len());
    for verdict in verdicts {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
        assert_eq!(verdict["coverage"], "ENTIRE_FILE", "{verdict}");
    }
}

#[test]
fn openssl_verifies_the_embedded_cms_and_its_chain() {
    let (whole, _) = signed(&read("plain-31k"), &request(None));
    let at = memchr::memmem::rfind(&whole, b"/ByteRange[").unwrap() + 11;
    let range = std::str::from_utf8(&whole[at..at + 40]).unwrap().split(']').next().unwrap();
    let range: Vec<usize> = range.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let contents = &whole[range[1] + 1..range[2] - 1];
    let padded = hex::decode(contents).unwrap();
    let length = 4 + (usize::from(padded[2]) << 8 | usize::from(padded[3]));
    assert_eq!(padded[1], 0x82);
    assert!(padded.len() - length <= 3, "the hole fits: {} for {length}", padded.len());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("cms.der"), &padded[..length]).unwrap();
    std::fs::write(path("root.pem"), &keys().root_pem).unwrap();
    std::fs::write(path("content"), [&whole[..range[1]], &whole[range[2]..range[2] + range[3]]].concat())
        .unwrap();
    let (status, said) = run(
        "openssl",
        &[
            &"cms",
            &"-verify",
            &"-binary",
            &"-inform",
            &"DER",
            &"-in",
            &path("cms.der"),
            &"-content",
            &path("content"),
            &"-CAfile",
            &path("root.pem"),
            &"-purpose",
            &"any",
            &"-out",
            &"/dev/null",
        ],
    );
    assert_eq!(status, 0, "{said}");
}

#[test]
fn a_second_signature_leaves_the_first_valid() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in names("signed") {
        if name == "certified-pyhanko-locked" {
            continue;
        }
        let original = read(&name);
        let before = original.windows(10).filter(|window| window == b"/ByteRange").count();
        // What is certified gets no new picture.
        let place = at(1, 100.0, 30.0, 30.0, 30.0).filter(|_| !name.contains("certified"));
        let (whole, _) = signed(&original, &request(place));
        let file = folder.path().join(format!("{name}.pdf"));
        std::fs::write(&file, whole).unwrap();
        assert_pdfsig(&file, before + 1);
        files.push(file);
    }
    for verdict in pyhanko(&files) {
        assert_eq!(verdict["intact"], true, "{verdict}");
        assert_eq!(verdict["valid"], true, "{verdict}");
        assert_eq!(verdict["docmdp_ok"], true, "{verdict}");
    }
    assert!(files.len() >= 4);
}

#[test]
fn three_of_our_own_signatures_stand_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["plain-31k", "qpdf-object-streams", "qpdf-linearised-streams", "leading-junk"] {
        let mut whole = read(name);
        for round in 0..3 {
            whole = signed(&whole, &request(at(1, 20.0 + 40.0 * f64::from(round), 30.0, 30.0, 30.0))).0;
        }
        let file = folder.path().join(format!("{name}.pdf"));
        std::fs::write(&file, &whole).unwrap();
        assert_pdfsig(&file, 3);
        assert_ours(&whole, 3);
        assert_eq!(qpdf_check(&file).0, 0);
        if name == "leading-junk" {
            continue; // pyHanko does not read these
        }
        let verdicts = pyhanko(std::slice::from_ref(&file));
        assert_eq!(verdicts.len(), 3);
        let fields: Vec<_> = verdicts.iter().map(|verdict| verdict["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["Seal1", "Seal2", "Seal3"]);
        for verdict in &verdicts {
            assert_eq!(verdict["bottom_line"], true, "{verdict}");
        }
    }
}

#[test]
fn a_certification_that_allows_nothing_is_respected() {
    let original = read("certified-pyhanko-locked");
    let refused = sign(&original, &request(None), &keys().signer);
    assert!(matches!(refused, Err(SignError::Prepare(PrepareError::Certified { .. }))), "{refused:?}");
}

#[test]
fn encrypted_and_damaged_files_are_refused_with_a_reason() {
    let refused = sign(&read("encrypted-user"), &request(None), &keys().signer);
    assert!(matches!(refused, Err(SignError::Open(OpenError::Encrypted))), "{refused:?}");
    // What opens without a password is signed like any other.
    assert_ours(&signed(&read("encrypted-owner"), &request(None)).0, 1);
    for name in names("damaged") {
        let refused = sign(&read(&name), &request(None), &keys().signer);
        assert!(matches!(refused, Err(SignError::Open(_) | SignError::Prepare(_))), "{name}: {refused:?}");
    }
}

/// A file that counts what is read of it and how much at once.
struct Counting {
    file: std::fs::File,
    length: u64,
    read: AtomicU64,
    largest: AtomicU64,
}

impl Source for Counting {
    fn len(&self) -> u64 {
        self.length
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.largest.fetch_max(buf.len() as u64, Ordering::Relaxed);
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
    }
}

#[test]
fn a_hundred_megabytes_are_read_once_and_never_held() {
    let path = corpus().join("image-100m.pdf");
    let file = std::fs::File::open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    let source = Counting { file, length, read: AtomicU64::new(0), largest: AtomicU64::new(0) };
    let signed = sign(&source, &request(at(3, 20.0, 30.0, 30.0, 30.0)), &keys().signer).unwrap();
    let (read, largest) = (source.read.into_inner(), source.largest.into_inner());
    assert!(read < length + (1 << 20), "read {read} of {length}");
    assert!(largest <= 1 << 20, "{largest} at once");
    assert!(signed.tail.len() < 64 << 10);
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.pdf");
    std::fs::copy(&path, &whole).unwrap();
    let mut append = std::fs::OpenOptions::new().append(true).open(&whole).unwrap();
    std::io::Write::write_all(&mut append, &signed.tail).unwrap();
    assert_pdfsig(&whole, 1);
    let length = append.metadata().unwrap().len();
    let source =
        Counting { file: std::fs::File::open(&whole).unwrap(), length, read: 0.into(), largest: 0.into() };
    assert!(Document::open(&source, &Limits::default()).is_ok());
}
