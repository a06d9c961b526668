//! Verification in process: revisions, comparison, digest, CMS, path with revocation lists.
//!
//! Reads the corpus (`tests/corpus/make`). `cargo bench -p cinnabar-pdf --bench pdf_verify`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    reason = "a bench may fail loudly"
)]

#[path = "../tests/verify/people.rs"]
mod people;

use std::hint::black_box;
use std::path::PathBuf;

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Verdict, verify};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn corpus(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("CINNABAR_CORPUS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/cinnabar/corpus"),
        PathBuf::from,
    );
    let file = folder.join(format!("{name}.pdf"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}: run tests/corpus/make", file.display()))
}

fn verifying(c: &mut Criterion) {
    let mut group = c.benchmark_group("pdf_verify");
    group.sample_size(20);
    for (name, signatures) in [("plain-31k", 1), ("image-20m", 1), ("image-20m", 3), ("many-pages", 3)] {
        let mut bytes = corpus(name);
        for round in 0..signatures {
            bytes = people::signed(
                &bytes,
                &people::visible(10.0 + 30.0 * f64::from(round)),
                &people::people().seal,
            );
        }
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("{name}/{signatures}"), |b| {
            b.iter(|| {
                let report = verify(&bytes, &people::options(), &Limits::default()).unwrap();
                assert_eq!(report.verdict, Verdict::Valid);
                black_box(report)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, verifying);
criterion_main!(benches);
