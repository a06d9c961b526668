//! What the robustness run does with one file: reads, verifies and signs it, as it is and damaged.
//!
//! Shared by `tests/robustness` (the example `robustness`) and by the sample that runs with the other tests. Deterministic:
//! the damage depends on the file's octets and its number alone.

#![allow(dead_code, reason = "the test and the program use different parts of it")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cinnabar_pdf::sign::{ClaimedTime, SignError, SignatureRequest, sign};
use cinnabar_pdf::syntax::{Document, Entry, Limits, Object, ObjectId, OpenError};
use cinnabar_pdf::verify::{Coverage, Integrity, Options, verify};
use crypto::SoftwareKey;
use pki::Certificate;
use pki::cms::sign::CmsSigner;
use pki::path::{RevocationPolicy, TrustAnchors};
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Signed, and our verifier calls the new signature intact and of the whole file.
    Signed(Vec<u8>),
    /// Not signed, for a reason.
    Refused(String),
    /// Signed, although the verifier could not read the damaged original to its end either: what is broken there is
    /// touched only by whoever compares revisions.
    Unjudged,
    /// A reader, the verifier or the signer panicked, or the verifier does not take what was signed.
    Wrong(String),
}

/// What one file cost.
#[derive(Debug, Clone)]
pub struct Case {
    pub outcome: Outcome,
    /// The longest of reading, verifying and signing.
    pub longest: Duration,
    /// Whether a budget ended the work.
    pub too_complex: bool,
}

/// Reads, verifies and signs `bytes`.
pub fn case(bytes: &[u8]) -> Case {
    let mut longest = Duration::ZERO;
    let mut too_complex = false;
    let mut timed = |what: &str, work: &mut dyn FnMut() -> Result<(), String>| {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(work));
        longest = longest.max(start.elapsed());
        result.unwrap_or_else(|_| Err(format!("panic while {what}")))
    };
    let result = timed("reading", &mut || {
        read(bytes);
        Ok(())
    })
    .and_then(|()| {
        timed("verifying", &mut || {
            let report = verify(&bytes, &options(), &Limits::default());
            too_complex |= report.is_err_and(|error| error.is_too_complex());
            Ok(())
        })
    });
    let mut outcome = None;
    let result = result.and_then(|()| {
        timed("signing", &mut || {
            outcome = Some(signed(bytes)?);
            Ok(())
        })
    });
    let outcome = match (result, outcome) {
        (Ok(()), Some(outcome)) => outcome,
        (result, _) => Outcome::Wrong(result.err().unwrap_or_default()),
    };
    Case { outcome, longest, too_complex }
}

/// Everything the reader offers, of a bounded number of objects.
fn read(bytes: &[u8]) {
    let Ok(document) = Document::open(&bytes, &Limits::default()) else { return };
    let _ = document.page_count();
    if let Ok(pages) = document.pages(false) {
        let _ = pages.take(200).count();
    }
    for number in 1..document.next_object_number().min(400) {
        let generation = match document.view().locate(number) {
            Some(Entry::Offset { generation, .. }) => generation,
            _ => 0,
        };
        if let Ok(Object::Stream(stream)) = document.object(ObjectId { number, generation }) {
            let _ = document.stream_data(&stream, 4 << 20);
        }
    }
}

fn signed(bytes: &[u8]) -> Result<Outcome, String> {
    let request = SignatureRequest::new(ClaimedTime { unix_seconds: NOW, offset_minutes: 480 });
    let tail = match sign(&bytes, &request, &keys().0) {
        Ok(signed) => signed.tail,
        Err(SignError::Open(OpenError::Encrypted)) => return Ok(Outcome::Refused("password".into())),
        // Places and names differ from file to file; the kind is what is counted.
        Err(error) => return Ok(Outcome::Refused(kind(&error))),
    };
    let whole = [bytes, &tail].concat();
    let report = match verify(&whole, &options(), &Limits::default()) {
        Ok(report) => report,
        Err(_) if verify(&bytes, &options(), &Limits::default()).is_err() => return Ok(Outcome::Unjudged),
        Err(error) => return Err(format!("signed, but not readable: {error}")),
    };
    let last = report
        .signatures
        .iter()
        .filter(|signature| signature.coverage == Coverage::File)
        .find(|signature| signature.integrity == Integrity::Intact && signature.changes_allowed);
    match last {
        Some(_) => Ok(Outcome::Signed(whole)),
        None => Err(format!("signed, but not intact: {:?} {:?}", report.signatures, report.warnings)),
    }
}

fn kind(error: &SignError) -> String {
    let text = error.to_string();
    let end = text.find(" at offset").unwrap_or(text.len());
    let mut quoted = false;
    let kept = text.get(..end).unwrap_or(&text).chars().filter(|c| {
        quoted ^= *c == '`';
        !quoted && !c.is_ascii_digit()
    });
    kept.collect()
}

/// Damage number `number` of a file: octets changed, cut, moved, repeated; numbers changed where they matter.
pub fn damaged(bytes: &[u8], number: u64) -> Vec<u8> {
    let mut random = Random(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ bytes.len() as u64);
    let mut out = bytes.to_vec();
    if out.len() < 64 {
        return out;
    }
    let piece = |random: &mut Random, out: &[u8]| {
        let from = random.below(out.len());
        out[from..(from + 1 + random.below(2_000)).min(out.len())].to_vec()
    };
    match number % 6 {
        0 => {
            for _ in 0..=random.below(16) {
                let at = random.below(out.len());
                out[at] ^= 1 << random.below(8);
            }
        }
        1 => out.truncate(random.below(bytes.len())),
        2 => {
            let (part, at) = (piece(&mut random, &out), random.below(bytes.len()));
            let end = (at + part.len()).min(out.len());
            out.splice(at..end, part);
        }
        3 => {
            let (part, at) = (piece(&mut random, &out), random.below(bytes.len()));
            out.splice(at..at, part);
        }
        4 => {
            // The last section once more, with its trailer, as careless writers leave it.
            let at = memchr::memmem::rfind(&out, b"xref").unwrap_or(out.len() / 2);
            let part = out[at..].to_vec();
            out.extend_from_slice(&part);
        }
        _ => {
            // A digit near the end or anywhere: offsets, lengths, references.
            for _ in 0..=random.below(6) {
                let from = if random.below(2) == 0 { out.len().saturating_sub(2_000) } else { 0 };
                let at = from + random.below(out.len() - from);
                if let Some(digit) = out[at..].iter_mut().find(|octet| octet.is_ascii_digit()) {
                    *digit = b'0' + random.below(10) as u8;
                }
            }
        }
    }
    out
}

/// A small generator, so that every run makes the same damage.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

fn options() -> Options<'static> {
    let mut options = Options::new(&keys().1, NOW);
    (options.revocation, options.ca_revocation) = (RevocationPolicy::Waived, RevocationPolicy::Waived);
    options
}

fn keys() -> &'static (CmsSigner, TrustAnchors) {
    static KEYS: OnceLock<(CmsSigner, TrustAnchors)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Robustness");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        let certificate = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        let signer = Arc::new(SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap());
        let anchors = TrustAnchors::new(vec![certificate.clone()]);
        (CmsSigner::new(signer, &certificate, &[]).unwrap(), anchors)
    })
}

/// 2026-11-22T00:00:00Z.
const NOW: i64 = 1_795_305_600;
