//! Documents encrypted with an empty user password: read, signed, verified, in every revision of the handler.

use std::path::{Path, PathBuf};

use cinnabar_pdf::ltv::{Material, add_store};
use cinnabar_pdf::sign::{PrepareError, SignError, SignatureRequest, sign};
use cinnabar_pdf::syntax::{Document, Limits, Object, OpenError};

use super::forms::minimal;
use super::peers::{
    assert_ours, assert_pdfsig, at, corpus, keys, pyhanko, qpdf_check, read, request, run, signed,
};
use super::render::{assert_seal, renderings};

/// What qpdf is asked for, one line each.
const KINDS: [(&str, &str); 9] = [
    ("rc4-40", "40 --"),
    ("rc4-128", "128 --use-aes=n --"),
    ("rc4-128-v4", "128 --use-aes=n --force-V4 --"),
    ("aes-128", "128 --use-aes=y --"),
    ("aes-128-clear-metadata", "128 --use-aes=y --cleartext-metadata --"),
    ("aes-256-r5", "256 --force-R5 --"),
    ("aes-256", "256 --"),
    ("aes-256-clear-metadata", "256 --cleartext-metadata --"),
    ("aes-256-print-only", "256 --modify=none --extract=n --"),
];

/// `source` encrypted by qpdf with the empty user password.
fn encrypt(source: &Path, kind: &str, more: &[&str], to: &Path) {
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
        vec![&"--allow-weak-crypto", &"--encrypt", &"", &"owner"];
    let words: Vec<&str> = kind.split(' ').collect();
    arguments.extend(words.iter().map(|word| word as &dyn AsRef<std::ffi::OsStr>));
    arguments.extend(more.iter().map(|word| word as &dyn AsRef<std::ffi::OsStr>));
    arguments.extend([&source as &dyn AsRef<std::ffi::OsStr>, &to]);
    let (status, said) = run("qpdf", &arguments);
    assert_eq!(status, 0, "{said}");
}

/// Signs and asks everybody but pyHanko, which starts slowly; returns the signed file.
fn judged(encrypted: &Path, to: PathBuf, request: &SignatureRequest) -> PathBuf {
    let original = std::fs::read(encrypted).unwrap();
    let (whole, made) = signed(&original, request);
    assert_ours(&whole, 1);
    // Nothing of ours stands in the clear but dates that everybody would guess.
    assert!(!made.tail.windows(12).any(|window| window == b"Example City"));
    std::fs::write(&to, whole).unwrap();
    assert_pdfsig(&to, 1);
    let (status, said) = qpdf_check(&to);
    assert!(status == 0 && !said.iter().any(|line| line.contains("WARNING")), "{said:?}");
    let (status, said) = run("mutool", &[&"info", &to]);
    assert!(status == 0 && !said.contains("error") && !said.contains("warning"), "{said}");
    to
}

#[test]
fn every_revision_is_signed_and_every_judge_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let place = [25.0, 41.0, 30.0, 20.0];
    let visible = request(at(1, place[0], place[1], place[2], place[3]));
    for (name, kind) in KINDS {
        let encrypted = folder.path().join(format!("{name}-plain.pdf"));
        encrypt(&corpus().join("form.pdf"), kind, &["--object-streams=disable"], &encrypted);
        let file = judged(&encrypted, folder.path().join(format!("{name}.pdf")), &visible);
        for (renderer, rendered) in renderings(folder.path(), &file, 1) {
            assert_seal(&rendered, &format!("{name} by {renderer}"), place);
        }
        files.push(file);
        // Objects that come out of object streams are written encrypted by themselves.
        encrypt(&corpus().join("form.pdf"), kind, &["--object-streams=generate"], &encrypted);
        let file = judged(&encrypted, folder.path().join(format!("{name}-streams.pdf")), &visible);
        let (_, said) = run("qpdf", &[&"--json", &"--json-key=acroform", &file]);
        assert!(said.contains("\"Seal1\"") && said.contains("\"applicant\""), "{said}");
        files.push(file);
    }
    // Revision 5 was Adobe's alone for two years; pyHanko does not open it.
    files.retain(|file| !file.to_str().unwrap().contains("-r5"));
    assert_eq!(files.len(), 16);
    let verdicts = pyhanko(&files);
    assert_eq!(verdicts.len(), files.len());
    for verdict in verdicts {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
        assert_eq!(verdict["coverage"], "ENTIRE_FILE", "{verdict}");
        assert_eq!(verdict["field"], "Seal1", "{verdict}");
    }
}

#[test]
fn encrypted_and_linearised_and_signed_three_times() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (kind, more) in
        [("256 --", "--object-streams=generate"), ("128 --use-aes=y --", "--object-streams=disable")]
    {
        let file = folder.path().join(format!("{}.pdf", files.len()));
        encrypt(&corpus().join("chromium.pdf"), kind, &["--linearize", more], &file);
        let mut whole = std::fs::read(&file).unwrap();
        for round in 0..3 {
            whole = signed(&whole, &request(at(1, 20.0 + 40.0 * f64::from(round), 30.0, 30.0, 30.0))).0;
        }
        assert_ours(&whole, 3);
        std::fs::write(&file, &whole).unwrap();
        assert_pdfsig(&file, 3);
        assert_eq!(qpdf_check(&file).0, 0);
        files.push(file);
    }
    let verdicts = pyhanko(&files);
    assert_eq!(verdicts.len(), 6);
    for verdict in verdicts {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
        assert_eq!(verdict["docmdp_ok"], true, "{verdict}");
    }
}

#[test]
fn the_same_request_gives_the_same_octets_and_no_vector_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("encrypted.pdf");
    encrypt(&corpus().join("reportlab-single.pdf"), "256 --", &[], &file);
    let original = std::fs::read(&file).unwrap();
    let tail = || {
        let document = Document::open(&original, &Limits::default()).unwrap();
        let request = request(at(1, 20.0, 20.0, 20.0, 20.0));
        cinnabar_pdf::sign::prepare(&document, &request, 10).unwrap().embed(&[]).unwrap().tail
    };
    let first = tail();
    assert_eq!(first, tail());
    let text: String = first.iter().map(|&byte| char::from(byte)).collect();
    // Strings are hexadecimal: vector, then text. The file identifier is not encrypted and is not a vector.
    let (objects, _) = text.split_once("\nxref\n").unwrap_or((&text, ""));
    let mut vectors: Vec<&str> = objects
        .split('<')
        .filter_map(|part| part.get(..32).filter(|vector| vector.bytes().all(|b| b.is_ascii_hexdigit())))
        .collect();
    assert!(vectors.len() >= 4, "{text}");
    vectors.sort_unstable();
    assert!(vectors.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn text_is_found_and_what_is_read_is_what_was_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.pdf");
    std::fs::write(&plain, minimal("", "/Lang(zh-CN)/Note[(one)<</Deep(two)>>]", "")).unwrap();
    for (name, kind) in KINDS {
        let file = folder.path().join(format!("{name}.pdf"));
        encrypt(&plain, kind, &[], &file);
        let data = std::fs::read(&file).unwrap();
        let document = Document::open(&data, &Limits::default()).unwrap();
        assert!(document.is_encrypted() && document.oddities().is_empty(), "{:?}", document.oddities());
        let (_, catalog) = document.catalog().unwrap();
        assert_eq!(catalog.get(b"Lang").and_then(Object::as_string), Some(&b"zh-CN"[..]), "{name}");
        let note = catalog.get(b"Note").and_then(Object::as_array).unwrap();
        assert_eq!(note[0].as_string(), Some(&b"one"[..]));
        assert_eq!(note[1].as_dictionary().unwrap().get(b"Deep").unwrap().as_string(), Some(&b"two"[..]));
        let page = document.page(0).unwrap();
        let contents = document.entry(&page.dictionary, b"Contents").unwrap();
        let contents = document.stream_data(contents.as_stream().unwrap(), 1_000).unwrap();
        assert!(contents.windows(5).any(|window| window == b"Hello"), "{name}");
    }
}

#[test]
fn a_password_or_another_handler_is_a_clear_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password.pdf");
    for kind in ["40", "128", "256"] {
        let (status, said) = run(
            "qpdf",
            &[
                &"--allow-weak-crypto",
                &"--encrypt",
                &"secret",
                &"owner",
                &kind,
                &"--",
                &corpus().join("form.pdf"),
                &file,
            ],
        );
        assert_eq!(status, 0, "{said}");
        let refused = sign(&std::fs::read(&file).unwrap(), &request(None), &keys().signer);
        assert!(matches!(refused, Err(SignError::Open(OpenError::Encrypted))), "{refused:?}");
        assert!(refused.unwrap_err().to_string().contains("does not open without a password"));
    }
    assert!(matches!(Document::open(&read("encrypted-user"), &Limits::default()), Err(OpenError::Encrypted)));
    encrypt(&corpus().join("form.pdf"), "256 --", &["--object-streams=disable"], &file);
    let whole = std::fs::read(&file).unwrap();
    let changed = |from: &str, to: &str| {
        let at = memchr::memmem::find(&whole, from.as_bytes()).unwrap();
        let mut changed = whole.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        Document::open(&changed, &Limits::default()).map(|_| ())
    };
    assert!(matches!(changed("/Filter /Standard", "/Filter /Stranger"), Err(OpenError::Encrypted)));
    assert!(matches!(changed("/CFM /AESV3", "/CFM /AESV9"), Err(OpenError::Encrypted)));
    assert!(matches!(changed("/R 6", "/R 7"), Err(OpenError::Encrypted)));
    assert!(matches!(changed("/UE <", "/UX <"), Err(OpenError::Malformed { .. })));
}

#[test]
fn a_security_store_is_encrypted_like_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = pki::Certificate::from_pem(keys().root_pem.as_bytes()).unwrap().remove(0);
    let material = Material { certificates: vec![certificate.der().to_vec()], ..Material::default() };
    let mut files = Vec::new();
    for (name, kind) in
        [("rc4", "128 --use-aes=n --"), ("aes-128", "128 --use-aes=y --"), ("aes-256", "256 --")]
    {
        let file = folder.path().join(format!("{name}.pdf"));
        encrypt(&corpus().join("form.pdf"), kind, &[], &file);
        let (whole, _) = signed(&std::fs::read(&file).unwrap(), &request(None));
        let store = {
            let document = Document::open(&whole, &Limits::default()).unwrap();
            add_store(&document, &material).unwrap().unwrap().tail
        };
        assert!(!store.windows(40).any(|window| window == &certificate.der()[..40]), "in the clear");
        let whole = [whole.as_slice(), &store].concat();
        let document = Document::open(&whole, &Limits::default()).unwrap();
        let (_, catalog) = document.catalog().unwrap();
        let store = document.entry(&catalog, b"DSS").unwrap();
        let listed = document.entry(store.as_dictionary().unwrap(), b"Certs").unwrap();
        let first = document.resolve(&listed.as_array().unwrap()[0]).unwrap();
        assert_eq!(document.stream_data(first.as_stream().unwrap(), 10_000).unwrap(), certificate.der());
        std::fs::write(&file, whole).unwrap();
        assert_eq!(qpdf_check(&file).0, 0);
        files.push(file);
    }
    for verdict in pyhanko(&files) {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
        assert_eq!(verdict["changes"], "LTA_UPDATES", "{verdict}");
    }
}

#[test]
fn a_message_authentication_code_is_not_broken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("encrypted.pdf");
    encrypt(&corpus().join("reportlab-single.pdf"), "256 --", &["--object-streams=disable"], &file);
    let mut whole = std::fs::read(&file).unwrap();
    let at = memchr::memmem::rfind(&whole, b"trailer <<").unwrap();
    whole.splice(at + 10..at + 10, *b" /AuthCode << /MACLocation /Standalone >>");
    let refused = sign(&whole, &request(None), &keys().signer);
    assert!(matches!(refused, Err(SignError::Prepare(PrepareError::AuthenticationCode))), "{refused:?}");
}

#[test]
fn an_update_that_drops_the_encryption_is_no_document() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("encrypted.pdf");
    encrypt(
        &corpus().join("reportlab-single.pdf"),
        "128 --use-aes=y --",
        &["--object-streams=disable"],
        &file,
    );
    let mut whole = signed(&std::fs::read(&file).unwrap(), &request(None)).0;
    let at = memchr::memmem::rfind(&whole, b"/Encrypt").unwrap();
    whole[at..at + 8].copy_from_slice(b"/Encrypz");
    let refused = Document::open(&whole, &Limits::default()).map(|_| ());
    assert!(matches!(refused, Err(OpenError::Malformed { what: "an update changes the encryption", .. })));
}

/// An update of `whole` that writes the encryption dictionary again as `rewrite` has it.
fn with_encryption(whole: &[u8], rewrite: impl Fn(&str) -> String) -> Vec<u8> {
    let document = Document::open(&whole, &Limits::default()).unwrap();
    let number = document.trailer().get(b"Encrypt").unwrap().as_reference().unwrap().number;
    let root = document.trailer().get(b"Root").unwrap().as_reference().unwrap().number;
    // Trailer and dictionary as they are spelled, so that the strings stay what they are.
    let start = memchr::memmem::find(whole, format!("\n{number} 0 obj").as_bytes()).unwrap() + 1;
    let end = start + memchr::memmem::find(&whole[start..], b"endobj").unwrap() + 7;
    let old = whole[start..end].iter().map(|&byte| char::from(byte)).collect::<String>();
    let object: Vec<u8> = rewrite(&old).chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let from = memchr::memmem::rfind(whole, b"/ID").unwrap();
    let bracket = from + memchr::memmem::find(&whole[from..], b"]").unwrap();
    let (at, section) = (whole.len(), whole.len() + object.len());
    let head = format!(
        "xref\n{number} 1\n{at:010} 00000 n \ntrailer\n<< /Size {} /Root {root} 0 R /Encrypt {number} 0 R /Info {number} 0 R /Prev {} ",
        document.next_object_number(),
        document.startxref(),
    );
    let tail = format!(" >>\nstartxref\n{section}\n%%EOF\n");
    [whole, &object, head.as_bytes(), &whole[from..=bracket], tail.as_bytes()].concat()
}

#[test]
fn an_update_that_rewrites_the_encryption_is_no_document() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("encrypted.pdf");
    for kind in ["128 --use-aes=y --", "256 --"] {
        encrypt(&corpus().join("reportlab-single.pdf"), kind, &["--object-streams=disable"], &file);
        let whole = signed(&std::fs::read(&file).unwrap(), &request(None)).0;
        let evil = with_encryption(&whole, |old| {
            assert!(old.contains("/StmF /StdCF"), "{old}");
            old.replace("/StmF /StdCF", "/StmF /Identity")
        });
        let refused = Document::open(&evil, &Limits::default()).map(|_| ());
        let what = "an update changes the encryption";
        assert!(matches!(refused, Err(OpenError::Malformed { what: w, .. }) if w == what), "{refused:?}");
        // Written again as it was it is no other document, whatever else its number is said to be.
        let same = with_encryption(&whole, str::to_owned);
        assert!(Document::open(&same, &Limits::default()).unwrap().is_encrypted());
    }
}
