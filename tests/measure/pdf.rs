//! Signing and verifying PDFs of the corpus: everything from the bytes to the appended tail, or from the bytes to the verdict.

use std::hint::black_box;
use std::sync::Arc;

use crypto::KeyKind;
use pdf::appearance::{Font, ImageLimits, Lines, Placement, SealAppearance, SealImage, Side};
use pdf::sign::{self, ClaimedTime, SignatureRequest};
use pdf::syntax::Limits;
use pdf::verify::{Options, Verdict, verify};
use pki::path::TrustAnchors;
use support::cast::Cast;

use crate::{Figure, cpu_of};

/// 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600;
/// Noto Serif CJK of Debian's fonts-noto-cjk, and the number of its simplified Chinese font.
const FONT: &str = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc";
const SIMPLIFIED: u32 = 2;

pub fn figures() -> Vec<Figure> {
    let documents = [
        ("plain-31k", "pdf.sign.31k.cpu_ms"),
        ("image-1m", "pdf.sign.1m.cpu_ms"),
        ("image-20m", "pdf.sign.20m.cpu_ms"),
    ];
    let signing =
        documents.map(|(file, name)| Figure { name, unit: "ms", measure: Box::new(move || signing(file)) });
    let documents = [("plain-31k", "pdf.verify.31k.cpu_ms"), ("image-20m", "pdf.verify.20m.cpu_ms")];
    let verifying = documents.map(|(file, name)| Figure {
        name,
        unit: "ms",
        measure: Box::new(move || judging(file, 1)),
    });
    let three = Figure {
        name: "pdf.verify.3sig.20m.cpu_ms",
        unit: "ms",
        measure: Box::new(|| judging("image-20m", 3)),
    };
    let lines =
        Figure { name: "pdf.sign.visible.31k.cpu_ms", unit: "ms", measure: Box::new(signing_with_lines) };
    signing.into_iter().chain([lines]).chain(verifying).chain([three]).collect()
}

/// A visible P-256 seal: parse, lay out, digest, CMS, embed.
fn signing(file: &str) -> f64 {
    let (bytes, cast, request) = (support::corpus::named(file).read(), cast(), visible());
    1000.0
        * cpu_of(|| {
            let signed = sign::sign(&bytes, &request, &cast.signer).expect("signed");
            black_box(signed.tail);
        })
}

/// As [`signing`] of 31 KB, with lines in an embedded subset of a Chinese font that differ from one document to the next.
fn signing_with_lines() -> f64 {
    let (bytes, cast, mut request) = (support::corpus::named("plain-31k").read(), cast(), visible());
    let file = std::fs::read(FONT).expect("the package fonts-noto-cjk");
    let font = Arc::new(Font::parse(file.into(), SIMPLIFIED).expect("a font"));
    let mut number = 0u32;
    1000.0
        * cpu_of(|| {
            number += 1;
            let text = [
                "示例市行政审批局".to_owned(),
                format!("2026-11-22 09:{:02}:{:02} +08:00", number / 60 % 60, number % 60),
                "准予行政许可（符合法定条件、标准）".to_owned(),
                format!("编号 2026-{number:06}"),
            ];
            let lines = Lines { side: Side::Below, ..Lines::new(text.to_vec(), font.clone()) };
            if let Some(appearance) = &mut request.appearance {
                appearance.lines = Some(lines);
            }
            let signed = sign::sign(&bytes, &request, &cast.signer).expect("signed");
            black_box(signed.tail);
        })
}

/// Visible signatures one after the other: every revision compared, digests, CMS, paths of two certificates with two
/// revocation lists.
fn judging(file: &str, signatures: usize) -> f64 {
    let cast = cast();
    let bytes = signed_by(&cast, file, signatures);
    let anchors = TrustAnchors::new(vec![cast.root]);
    let options = Options { crls: &cast.crls, ..Options::new(&anchors, NOW) };
    1000.0
        * cpu_of(|| {
            let report = verify(&bytes, &options, &Limits::default()).expect("a PDF");
            assert_eq!((report.verdict, report.signatures.len()), (Verdict::Valid, signatures));
            black_box(report);
        })
}

/// A file of the corpus with that many visible signatures, and the root they lead to as PEM.
pub fn signed(file: &str, signatures: usize) -> (Vec<u8>, String) {
    let cast = cast();
    (signed_by(&cast, file, signatures), cast.root.to_pem())
}

fn signed_by(cast: &Cast, file: &str, signatures: usize) -> Vec<u8> {
    let mut bytes = support::corpus::named(file).read();
    for _ in 0..signatures {
        let tail = sign::sign(&bytes, &visible(), &cast.signer).expect("signed").tail;
        bytes.extend(tail);
    }
    bytes
}

/// Everyone, with a seal of P-256.
pub fn cast() -> Cast {
    Cast::new(KeyKind::P256, NOW)
}

pub fn visible() -> SignatureRequest {
    let picture = support::appliance::seal_picture(300);
    let image = Arc::new(SealImage::from_png(&picture, &ImageLimits::default()).expect("a picture"));
    let placement = Placement::Page { page: 1, x_mm: 120.0, y_mm: 220.0, width_mm: 42.0, height_mm: 42.0 };
    let request = SignatureRequest::new(ClaimedTime { unix_seconds: NOW - 60, offset_minutes: 480 });
    SignatureRequest { appearance: Some(SealAppearance::new(image, placement)), ..request }
}
