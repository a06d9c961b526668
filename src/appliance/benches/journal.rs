//! How fast the log takes entries on SQLite in a real folder, each call durable before it is answered: with one
//! caller (the latency of a commit), 16 and 256 (group commit).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use appliance::journal::{Journal, Unit};
use appliance::store::tables;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use support::log::{act, cached, create, furnish, keys, seal_use};

fn append(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("journal.append");
    group.sample_size(10).measurement_time(Duration::from_secs(6)).throughput(Throughput::Elements(1));
    for callers in [1_u64, 16, 256] {
        for (name, unit) in [("entry", entry as fn(u64) -> Unit), ("seal", seal)] {
            // A log of its own: a seal's rows are two tables and a guard, an entry is nothing but a leaf.
            let place = support::lite();
            let (db, journal) = runtime.block_on(async {
                let (db, journal) = create(&place, &keys()).await;
                journal.commit(furnish()).await.unwrap();
                (db, journal)
            });
            let mut number = 0;
            group.bench_function(format!("{callers}/{name}"), |bencher| {
                bencher.iter_custom(|iterations| {
                    let rounds = iterations.div_ceil(callers);
                    let first = number;
                    number += rounds * callers;
                    let elapsed = runtime.block_on(run(&journal, callers, rounds, first, unit));
                    // Whole rounds only.
                    elapsed.mul_f64(iterations as f64 / (rounds * callers) as f64)
                });
            });
            runtime.block_on(async {
                journal.close().await;
                db.close().await;
            });
        }
    }
    group.finish();
}

async fn run(journal: &Journal, callers: u64, rounds: u64, first: u64, unit: fn(u64) -> Unit) -> Duration {
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let journal = journal.clone();
            tokio::spawn(async move {
                for round in 0..rounds {
                    journal.commit(unit(first + caller * rounds + round)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    started.elapsed()
}

fn entry(number: u64) -> Unit {
    Unit::new(act("bench.entry")).facts(json!({ "number": number, "digest": "00".repeat(32) }))
}

/// What the sealing of a document writes.
fn seal(number: u64) -> Unit {
    let id = format!("{number:032x}");
    Unit::new(act("document.seal"))
        .facts(json!({ "original": "00".repeat(32), "result": "11".repeat(32) }))
        .insert(seal_use(&id, "s", "c"))
        .cache_insert(cached(&id))
        .guard(&tables::SEALS, "s", 1)
        .guard(&tables::CALLERS, "c", 1)
}

criterion_group!(benches, append);
criterion_main!(benches);
