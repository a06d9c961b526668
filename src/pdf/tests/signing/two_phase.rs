//! Prepare, digest, embed: apart in time and place.

use cinnabar_pdf::sign::{CmsSigner, DigestError, EmbedError, Prepared, prepare, sign};
use cinnabar_pdf::syntax::{Document, Limits};
use crypto::DigestAlgorithm;

use super::peers::{assert_pdfsig, at, keys, read, request, signed};

fn prepared(data: &[u8], reserve: usize) -> Prepared {
    let document = Document::open(&data, &Limits::default()).unwrap();
    prepare(&document, &request(at(1, 20.0, 30.0, 30.0, 30.0)), reserve).unwrap()
}

#[test]
fn a_prepared_signature_survives_being_stored() {
    let data = read("plain-31k");
    let first = prepared(&data, 3_000);
    let stored = serde_json::to_vec(&first).unwrap();
    assert!(stored.len() < 4 * 3_000 + 20_000, "text, not lists of numbers: {}", stored.len());
    let again: Prepared = serde_json::from_slice(&stored).unwrap();
    assert_eq!(first.byte_range(), again.byte_range());
    let digest = again.digest(&data, DigestAlgorithm::Sha256).unwrap();
    assert_eq!(digest, first.digest(&data, DigestAlgorithm::Sha256).unwrap());
    let cms = keys().signer.sign(&digest).unwrap();
    let signed = again.embed(&cms).unwrap();
    assert_eq!(signed.result_sha256, None);
    assert_eq!(signed.tail, first.embed(&cms).unwrap().tail);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two-phase.pdf");
    std::fs::write(&file, [data.as_slice(), &signed.tail].concat()).unwrap();
    assert_pdfsig(&file, 1);
}

#[test]
fn the_digest_covers_everything_but_the_hole() {
    let data = read("qpdf-object-streams");
    let prepared = prepared(&data, 100);
    let signed = prepared.embed(&[0xAB; 100]).unwrap();
    let whole = [data.as_slice(), &signed.tail].concat();
    let [start, before, behind, rest] = prepared.byte_range().map(|n| usize::try_from(n).unwrap());
    assert_eq!((start, behind + rest), (0, whole.len()));
    assert_eq!(&whole[before..behind], format!("<{}>", "AB".repeat(100)).as_bytes());
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        let covered = [&whole[..before], &whole[behind..]].concat();
        assert_eq!(prepared.digest(&data, algorithm).unwrap(), algorithm.digest(&covered));
    }
}

#[test]
fn another_document_is_noticed() {
    let data = read("plain-31k");
    let stored = serde_json::to_vec(&prepared(&data, 3_000)).unwrap();
    let again: Prepared = serde_json::from_slice(&stored).unwrap();
    let mut other = data.clone();
    other[100] ^= 1;
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384] {
        let refused = again.digest(&other, algorithm);
        assert!(matches!(refused, Err(DigestError::DifferentDocument)));
        let refused = again.digest(&&other[1..], algorithm);
        assert!(matches!(refused, Err(DigestError::DifferentDocument)));
    }
}

#[test]
fn a_damaged_prepared_signature_is_an_error() {
    let data = read("plain-31k");
    let value = serde_json::to_value(prepared(&data, 10)).unwrap();
    for (start, end) in [(0, 22), (5, 1), (10, 1_000_000), (usize::MAX, usize::MAX)] {
        let mut value = value.clone();
        value["hole"] = serde_json::json!({ "start": start, "end": end });
        let damaged: Prepared = serde_json::from_value(value).unwrap();
        assert!(damaged.digest(&data, DigestAlgorithm::Sha256).is_err());
        assert!(damaged.embed(&[]).is_err());
        assert_eq!(damaged.byte_range()[0], 0);
    }
}

#[test]
fn what_does_not_fit_says_how_much_it_needs() {
    let prepared = prepared(&read("plain-31k"), 99);
    assert_eq!(prepared.embed(&[1; 100]), Err(EmbedError::TooSmall { needed: 100, reserved: 99 }));
    assert!(prepared.embed(&[1; 99]).is_ok());
}

/// A signer that does not know how long its answers are.
struct Guessing;

impl CmsSigner for Guessing {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Sha256
    }
    fn size_hint(&self) -> usize {
        7
    }
    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        CmsSigner::sign(&keys().signer, digest)
    }
}

#[test]
fn the_hole_grows_by_itself() {
    let data = read("chromium");
    let signed = sign(&data, &request(None), &Guessing).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grown.pdf");
    std::fs::write(&file, [data.as_slice(), &signed.tail].concat()).unwrap();
    assert_pdfsig(&file, 1);
}

#[test]
fn the_same_request_prepares_the_same_octets() {
    let data = read("qpdf-linearised");
    let a = prepared(&data, 50).embed(&[]).unwrap();
    assert_eq!(a, prepared(&data, 50).embed(&[]).unwrap());
    let (b, _) = signed(&data, &request(None));
    assert_ne!(a.tail, b[data.len()..]);
}
