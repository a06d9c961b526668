//! Containers that are no CMS: named, filled, read by others, and their octets judged as before.
//!
//! The container here is made up: a word, the range it is over, and the digest. What a real one proves is its own crate's.

use std::sync::atomic::{AtomicU64, Ordering};

use cinnabar_pdf::sign::{
    CmsSigner, Container, DigestError, PrepareError, Prepared, SignError, SignatureRequest, prepare, sign,
};
use cinnabar_pdf::syntax::{Document, Limits, Source};
use cinnabar_pdf::verify::{
    ContainerError, Context, Coverage, Integrity, Judgement, Kind, OpenContainer, Options,
    SignatureContainer, SignatureReport, verify,
};
use crypto::DigestAlgorithm;

use super::forms::{into, with_fields};
use super::peers::{assert_pdfsig, at, keys, options, pyhanko, qpdf_check, read, request, run};
use super::render::{assert_seal, renderings};

const NAMED: Container = Container::Other { filter: "Example.Lite", sub_filter: "EX.stamp" };
/// An OCTET STRING of 77 octets: where a container ends before its padding is told by its DER header.
const WORD: &[u8] = b"\x04\x4Dexample-stamp";
/// As long as SHA-256, and none that a PDF can name.
const DIGEST: DigestAlgorithm = DigestAlgorithm::Sm3;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Makes the container; its word, the range as eight octets each, the digest.
struct Stamper;

impl CmsSigner for Stamper {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        DIGEST
    }
    fn size_hint(&self) -> usize {
        WORD.len() + 32 + DIGEST.output_len()
    }
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Failure> {
        Err("this one says what it is over".into())
    }
    fn sign_range(&self, digest: &[u8], range: [u64; 4]) -> Result<Vec<u8>, Failure> {
        let numbers: Vec<u8> = range.iter().flat_map(|number| number.to_be_bytes()).collect();
        Ok([WORD, &numbers, digest].concat())
    }
}

/// Knows the container.
struct Stamps;

struct Stamp(Vec<u8>);

impl SignatureContainer for Stamps {
    fn handles(&self, sub_filter: &[u8]) -> bool {
        sub_filter == b"EX.stamp"
    }
    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, ContainerError> {
        let rest = container.strip_prefix(WORD);
        let rest = rest.ok_or_else(|| ContainerError::Malformed("this is no stamp".to_owned()))?;
        Ok(Box::new(Stamp(rest[32..].to_vec())))
    }
}

impl OpenContainer for Stamp {
    fn kind(&self) -> Kind {
        Kind::SesSignature
    }
    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        Some(DIGEST)
    }
    fn judge(&self, digest: Option<&[u8]>, _: &Context<'_>) -> Judgement {
        if digest == Some(self.0.as_slice()) {
            Judgement { integrity: Integrity::Intact, ..Judgement::unknown("nobody vouches for it") }
        } else {
            Judgement::broken("the digest is another one")
        }
    }
}

fn stamped(original: &[u8], request: &SignatureRequest) -> Vec<u8> {
    let request = SignatureRequest { container: NAMED, ..request.clone() };
    [original, &sign(&original, &request, &Stamper).unwrap().tail].concat()
}

fn judged(whole: &[u8]) -> Vec<SignatureReport> {
    let options = Options { containers: &[&Stamps], ..options() };
    verify(&whole, &options, &Limits::default()).unwrap().signatures
}

#[test]
fn another_container_is_named_and_filled_and_its_octets_are_judged() {
    let original = read("plain-31k");
    let whole = stamped(&original, &request(at(1, 20.0, 30.0, 40.0, 40.0)));
    let tail = String::from_utf8_lossy(&whole[original.len()..]);
    for entry in ["/Type/Sig", "/Filter/Example.Lite", "/SubFilter/EX.stamp", "/M(D:20260112093000+08'00')"] {
        assert!(tail.contains(entry), "{entry}: {tail}");
    }
    // The extension that EN 319 142-1 §5.5 has declared belongs to its own encodings.
    assert!(!tail.contains("ESIC"), "{tail}");
    let [judged] = &judged(&whole)[..] else { panic!() };
    assert_eq!((judged.integrity, judged.coverage), (Integrity::Intact, Coverage::File));
    assert_eq!(judged.sub_filter.as_deref(), Some("EX.stamp"));
    assert_eq!(judged.signing_time.as_deref(), Some("2026-01-12T09:30:00+08:00"));
    // The range that the signer was told is the one that stands in the file.
    let range: Vec<u8> =
        judged.byte_range.unwrap().iter().flat_map(|number: &u64| number.to_be_bytes()).collect();
    let told = [WORD, &range].concat().iter().map(|octet| format!("{octet:02X}")).collect::<String>();
    assert!(tail.contains(&told), "{told}");
}

#[test]
fn a_container_that_nobody_knows_is_unknown_and_not_broken() {
    let whole = stamped(&read("chromium"), &request(None));
    let report = verify(&whole.as_slice(), &options(), &Limits::default()).unwrap();
    let [judged] = &report.signatures[..] else { panic!() };
    assert_eq!((judged.integrity, judged.coverage), (Integrity::Unknown, Coverage::File));
    assert!(judged.reasons.iter().any(|reason| reason.contains("EX.stamp")), "{:?}", judged.reasons);
}

#[test]
fn what_is_changed_or_added_is_seen_as_with_any_signature() {
    let original = read("plain-31k");
    let whole = stamped(&original, &request(None));
    let mut changed = whole.clone();
    changed[1_000] ^= 1;
    assert_eq!(judged(&changed)[0].integrity, Integrity::Broken);
    let added = [whole.as_slice(), b"\n% more"].concat();
    let [covered] = &judged(&added)[..] else { panic!() };
    assert_eq!((covered.coverage, covered.changes_allowed), (Coverage::Revision, false));
    // A further signature is a revision on top that the first one allows.
    let more = stamped(&whole, &request(None));
    let [first, second] = &judged(&more)[..] else { panic!() };
    assert_eq!((first.coverage, second.coverage), (Coverage::Revision, Coverage::File));
    assert!(first.changes_allowed && first.integrity == Integrity::Intact);
}

#[test]
fn containers_mix_in_one_document_and_others_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mixed.pdf");
    let original = read("plain-31k");
    let first = sign(&original.as_slice(), &request(at(1, 20.0, 30.0, 30.0, 30.0)), &keys().signer).unwrap();
    let first = [original.as_slice(), &first.tail].concat();
    let second = stamped(&first, &request(at(1, 80.0, 30.0, 30.0, 30.0)));
    let third = sign(&second.as_slice(), &request(at(1, 140.0, 30.0, 30.0, 30.0)), &keys().signer).unwrap();
    std::fs::write(&file, [second.as_slice(), &third.tail].concat()).unwrap();
    let found: Vec<_> = judged(&std::fs::read(&file).unwrap());
    assert!(found.iter().all(|one| one.integrity == Integrity::Intact && one.changes_allowed), "{found:#?}");
    assert_eq!(qpdf_check(&file).0, 0);
    assert_pdfsig(&file, 2);
    let (_, said) = run("pdfsig", &[&"-nocert", &file]);
    // Poppler finds the field and its ranges, and says that it cannot tell rather than that it does not hold.
    for word in ["Signature Type: unknown", "Unable to validate this type of signature"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("Mismatch") && said.matches("Total document signed").count() == 1, "{said}");
    // pyHanko validates the CMS and sees the other as a revision that they allow.
    let cms: Vec<_> =
        pyhanko(std::slice::from_ref(&file)).into_iter().filter(|one| one["unsupported"].is_null()).collect();
    assert!(cms.len() == 2 && cms.iter().all(|one| one["bottom_line"] == true), "{cms:?}");
    for (program, rendered) in renderings(folder.path(), &file, 1) {
        for left in [20.0, 80.0, 140.0] {
            assert_seal(&rendered, program, [left, 30.0, 30.0, 30.0]);
        }
    }
}

/// Counts the octets that are read.
struct Counted<'a>(&'a [u8], AtomicU64);

impl Source for Counted<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.1.fetch_add(buf.len() as u64, Ordering::Relaxed);
        Source::read_at(&self.0, offset, buf)
    }
}

#[test]
fn a_digest_other_than_the_usual_takes_no_further_pass_over_the_file() {
    let original = read("plain-31k");
    let usual = Counted(&original, AtomicU64::new(0));
    sign(&usual, &request(None), &keys().signer).unwrap();
    let other = Counted(&original, AtomicU64::new(0));
    sign(&other, &SignatureRequest { container: NAMED, ..request(None) }, &Stamper).unwrap();
    assert_eq!(usual.1.load(Ordering::Relaxed), other.1.load(Ordering::Relaxed));
}

#[test]
fn preparing_and_embedding_may_be_apart() {
    let original = read("plain-31k");
    let wanted = SignatureRequest { container: NAMED, digest: DIGEST, ..request(None) };
    let counted = Counted(&original, AtomicU64::new(0));
    let limits = Limits::default();
    let document = Document::open(&counted, &limits).unwrap();
    let prepared = prepare(&document, &wanted, Stamper.size_hint()).unwrap();
    let read = counted.1.load(Ordering::Relaxed);
    let digest = prepared.digest(&counted, DIGEST).unwrap();
    assert_eq!(counted.1.load(Ordering::Relaxed), read, "the digest that was asked for is there");
    let stored: Prepared = serde_json::from_slice(&serde_json::to_vec(&prepared).unwrap()).unwrap();
    assert_eq!(stored.digest(&original.as_slice(), DIGEST).unwrap(), digest);
    let container = Stamper.sign_range(&digest, stored.byte_range()).unwrap();
    let signed = stored.embed(&container).unwrap();
    let whole = [original.as_slice(), &signed.tail].concat();
    assert_eq!(whole, stamped(&original, &request(None)), "as in one go");
}

#[test]
fn a_field_that_demands_an_encoding_or_a_digest_is_obeyed() {
    let seeded = |seed: &str| with_fields(&format!("/SV<</Type/SV{seed}>>"));
    let asked = SignatureRequest { container: NAMED, ..into("Approval", None) };
    stamped(&seeded("/Ff 3/Filter/Example.Lite/SubFilter[/x/EX.stamp]"), &asked);
    for (seed, word) in [
        ("/Ff 1/Filter/Adobe.PPKLite", "handler"),
        ("/Ff 2/SubFilter[/ETSI.CAdES.detached]", "encoding"),
        ("/Ff 64/DigestMethod[(SHA256)]", "digest"),
    ] {
        match sign(&seeded(seed).as_slice(), &asked, &Stamper) {
            Err(SignError::Prepare(PrepareError::SeedValue { demand, .. })) => {
                assert!(demand.contains(word), "{seed}: {demand}");
            }
            other => panic!("{seed}: {other:?}"),
        }
    }
    let demanding = seeded("/Ff 64/DigestMethod[(SHA256)]");
    let source = demanding.as_slice();
    let limits = Limits::default();
    let document = Document::open(&source, &limits).unwrap();
    let prepared = prepare(&document, &asked, 100).unwrap();
    assert!(prepared.digest(&source, DigestAlgorithm::Sha256).is_ok());
    assert!(matches!(prepared.digest(&source, DIGEST), Err(DigestError::NotAllowed { .. })));
}
