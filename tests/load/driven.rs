//! What workers that are kept busy measure together: warmed up, then timed, with the processor time of the server's process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::process::usage;
use tokio::task::JoinHandle;

use crate::Figures;

/// What tells workers when an answer's time counts, and when to end.
#[derive(Debug, Clone, Default)]
pub struct Phase {
    pub measuring: Arc<AtomicBool>,
    pub stop: Arc<AtomicBool>,
}

/// Measures the process `pid` for `seconds`, after two of warming up, while `workers` are busy; they return how long each answer
/// took.
pub async fn driven(
    pid: u32,
    seconds: u64,
    phase: &Phase,
    workers: Vec<JoinHandle<Vec<Duration>>>,
) -> Figures {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, began) = (usage(pid).cpu, Instant::now());
    phase.measuring.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (used, took) = (usage(pid).cpu - before, began.elapsed().as_secs_f64());
    phase.stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await.expect("worker"));
    }
    times.sort_unstable();
    assert!(!times.is_empty(), "no request was answered in {took} s");
    let percentile = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len() - 1);
        times[index].as_secs_f64() * 1000.0
    };
    let count = times.len() as f64;
    Figures {
        per_second: count / took,
        cpu_ms: used * 1000.0 / count,
        p50_ms: percentile(0.5),
        p99_ms: percentile(0.99),
    }
}
