//! The in-process figures of the README: processor time, not time on the wall, of what costs most.
//!
//!   `cinnabar-measure [NAME…]`    one JSON line per figure: {"name","value","unit"}; without names, all but those among a million, which take minutes
//!
//! Called by `tests/bench`, which adds the end-to-end figures. Each figure is the median of several rounds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measuring program: a failed step ends it, and figures are rounded when printed"
)]

mod inventory;
mod journal;
mod levels;
mod library;
mod licences;
mod pdf;
mod peers;
mod policy;
mod ses;
mod shangmi;

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A figure that can be asked for by its name.
struct Figure {
    name: &'static str,
    unit: &'static str,
    measure: Box<dyn Fn() -> f64>,
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let figures = [
        pdf::figures(),
        levels::figures(),
        peers::figures(),
        journal::figures(),
        policy::figures(),
        ses::figures(),
        shangmi::figures(),
        inventory::figures(),
        library::figures(),
        licences::figures(),
    ];
    let figures: Vec<Figure> = figures.into_iter().flatten().collect();
    if wanted.iter().any(|name| name == "--list") {
        figures.iter().for_each(|figure| println!("{}", figure.name));
        return;
    }
    for figure in figures {
        if (wanted.is_empty() && !takes_minutes(figure.name)) || wanted.iter().any(|name| name == figure.name)
        {
            let value = (figure.measure)();
            println!("{}", serde_json::json!({ "name": figure.name, "value": value, "unit": figure.unit }));
        }
    }
}

/// Figures among a million of something, which need minutes and gigabytes: measured when asked for by name.
fn takes_minutes(name: &str) -> bool {
    name.starts_with("inventory.") || name.contains(".1m.") || name.contains(".10k.")
}

/// Seconds of processor time this process used so far, all threads.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("nanoseconds")).as_secs_f64()
}

/// Median processor time of one call, in seconds: seven rounds of at least 0.3 s each, after one call to warm up.
fn cpu_of(mut call: impl FnMut()) -> f64 {
    call();
    let mut rounds: Vec<f64> = (0..7)
        .map(|_| {
            let (before, began, mut calls) = (cpu(), Instant::now(), 0u32);
            while began.elapsed() < Duration::from_millis(300) {
                call();
                calls += 1;
            }
            (cpu() - before) / f64::from(calls)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
