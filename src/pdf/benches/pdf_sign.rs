//! Signing in process: open, prepare with a visible seal, digest, CMS with a P-256 key, embed.
//!
//! Reads the corpus (`tests/corpus/make`). `cargo bench -p cinnabar-pdf --bench pdf_sign`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench may fail loudly"
)]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use cinnabar_pdf::appearance::{ImageLimits, Placement, SealAppearance, SealImage};
use cinnabar_pdf::sign::{ClaimedTime, SignatureRequest, sign};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crypto::SoftwareKey;
use pki::Certificate;
use pki::cms::sign::CmsSigner;
use rcgen::{CertificateParams, KeyPair};

fn corpus(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("CINNABAR_CORPUS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/cinnabar/corpus"),
        PathBuf::from,
    );
    let file = folder.join(format!("{name}.pdf"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}: run tests/corpus/make", file.display()))
}

fn signer() -> CmsSigner {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    let certificate = Certificate::from_der(certificate.der()).unwrap();
    CmsSigner::new(Arc::new(SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap()), &certificate, &[])
        .unwrap()
}

/// A red ring with a star's worth of edges, 500 x 500 with soft edges: what a 42 mm seal looks like at 300 dpi.
fn png() -> Vec<u8> {
    let side = 500u32;
    let mut pixels = Vec::new();
    for y in 0..side {
        for x in 0..side {
            let (dx, dy) = (f64::from(x) - 250.0, f64::from(y) - 250.0);
            let (radius, angle) = (dx.hypot(dy), dy.atan2(dx));
            let ring = 1.0 - ((radius - 235.0).abs() - 8.0).clamp(0.0, 1.0);
            let star = (60.0 + 30.0 * (angle * 5.0).cos() - radius).clamp(0.0, 1.0);
            let text = ((radius - 180.0).abs() < 25.0) && (angle * 40.0).sin() * (radius * 0.7).sin() > 0.2;
            let opacity = ring.max(star).max(if text { 1.0 } else { 0.0 });
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
            pixels.extend([217, 30, 20, (opacity * 255.0) as u8]);
        }
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    out
}

fn bench(criterion: &mut Criterion) {
    let (signer, png) = (signer(), png());
    let image = Arc::new(SealImage::from_png(&png, &ImageLimits::default()).unwrap());
    let placement = Placement::Page { page: 1, x_mm: 120.0, y_mm: 220.0, width_mm: 42.0, height_mm: 42.0 };
    let request = SignatureRequest {
        signer_name: Some("示例市行政审批局".to_owned()),
        reason: Some("准予行政许可".to_owned()),
        appearance: Some(SealAppearance::new(image, placement)),
        ..SignatureRequest::new(ClaimedTime { unix_seconds: 1_768_181_400, offset_minutes: 480 })
    };
    let mut group = criterion.benchmark_group("pdf_sign");
    for (name, label) in [("plain-31k", "31k"), ("image-1m", "1m"), ("image-20m", "20m")] {
        let data = corpus(name);
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(label, |bencher| {
            bencher.iter(|| sign(black_box(&data), &request, &signer).unwrap());
        });
    }
    let keyword = SignatureRequest {
        appearance: request.appearance.as_ref().map(|appearance| {
            let text = "（盖章）".to_owned();
            let (occurrence, dx_mm, dy_mm, width_mm, height_mm) = (-1, 0.0, 0.0, 42.0, 42.0);
            let placement = Placement::Keyword { text, occurrence, dx_mm, dy_mm, width_mm, height_mm };
            SealAppearance::new(appearance.image.clone(), placement)
        }),
        ..request.clone()
    };
    let data = corpus("chromium");
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("keyword", |bencher| {
        bencher.iter(|| sign(black_box(&data), &keyword, &signer).unwrap());
    });
    group.finish();
    criterion.bench_function("seal_image", |bencher| {
        bencher.iter(|| SealImage::from_png(black_box(&png), &ImageLimits::default()).unwrap());
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
