//! Appending batches: leaf hashing, tree, root and every receipt's proof.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tlog::{Batch, CompactRange, leaf_hash};

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch_append_with_proofs");
    // An awkward size: twenty million leaves, half of the bits set.
    let old = CompactRange::new(0x0133_7a5b, vec![[7; 32]; 0x0133_7a5b_u64.count_ones() as usize]).unwrap();
    for count in [1_u64, 16, 256] {
        let leaves: Vec<Vec<u8>> = (0..count).map(|i| format!("{i:0600}").into_bytes()).collect();
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter_batched(
                || leaves.clone(),
                |leaves| {
                    let hashes = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
                    let batch = Batch::append(&old, hashes).unwrap();
                    for index in batch.first()..batch.size() {
                        black_box(batch.inclusion_proof(index));
                    }
                    black_box((batch.tile_runs(), batch))
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
