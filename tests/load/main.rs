//! Load from end to end: PDFs sealed over mutual TLS as fast as the appliance answers, beside a bare axum handler over the
//! same TLS. Prints requests per second, processor time per request of the *server's* process, p50 and p99.
//!
//!   `cinnabar-load`                      sets up a throw-away appliance (binary: `CINNABAR_BIN` or the one beside this)
//!   `cinnabar-load --suite shangmi --format ses`   the same with a seal of that suite, in that format
//!   `cinnabar-load --server PORT …`      measures a running one
//!   `cinnabar-load --tsa`                time-stamps over HTTP instead
//!   `cinnabar-load --licences`           licences issued instead
//!   `cinnabar-load --ocsp`               OCSP over HTTP instead
//!   `cinnabar-load --at-size N`          OCSP and searches among N certificates, for latency
//!   `cinnabar-load --batch N`            N licences issued from one file; with `--import`, taken over
//!
//! The client shares the machine with the server, so requests per second are those of both together; the processor time per
//! request is the server's alone, from `/proc/PID/stat`, and is the figure to compare. Called by `tests/bench` and by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measuring program: a failed step ends it, and figures are rounded when printed"
)]

mod bare;
mod batch;
mod driven;
mod licences;
mod ocsp;
mod tsa;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use driven::{Phase, driven};
use support::client::{request, unique};
use support::process::Background;
use support::{Appliance, Client, Identity, Setup};

#[derive(Debug, Parser)]
struct Options {
    /// Seconds to measure, after two of warming up
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections at the same time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// The PDF to have sealed [default: plain-31k of the corpus]
    #[arg(long)]
    pdf: Option<PathBuf>,
    /// Label of the document's size in the figures' names
    #[arg(long, default_value = "31k")]
    label: String,
    /// Port of a running appliance
    #[arg(long, requires_all = ["identity", "pid", "seal"])]
    server: Option<u16>,
    /// Credential folder of a caller that may seal
    #[arg(long)]
    identity: Option<PathBuf>,
    /// Process id of the running appliance
    #[arg(long)]
    pid: Option<u32>,
    /// The seal to use
    #[arg(long)]
    seal: Option<String>,
    /// Suite of the throw-away appliance's seal, `international` or `shangmi`; the latter without the bare server
    #[arg(long, conflicts_with = "server")]
    suite: Option<String>,
    /// What the signatures are: `cms` or `ses`
    #[arg(long, default_value = "cms")]
    format: String,
    /// One JSON line per figure
    #[arg(long)]
    json: bool,
    /// Load the time-stamping authority of a throw-away appliance instead
    #[arg(long, conflicts_with = "server")]
    tsa: bool,
    /// Load the OCSP responder of a throw-away appliance instead
    #[arg(long, conflicts_with_all = ["server", "tsa"])]
    ocsp: bool,
    /// Have a throw-away appliance issue licences instead
    #[arg(long, conflicts_with_all = ["server", "tsa", "ocsp", "at_size"])]
    licences: bool,
    /// Measure latencies of OCSP and searches among so many certificates instead
    #[arg(long, conflicts_with_all = ["server", "tsa", "ocsp"])]
    at_size: Option<u64>,
    /// Have so many licences issued from one file, at most 10,000, instead
    #[arg(long, conflicts_with_all = ["server", "tsa", "ocsp", "at_size"])]
    batch: Option<u64>,
    /// With `--batch`: licences that exist already, to be taken over
    #[arg(long, requires = "batch")]
    import: bool,
    /// Internal: be the bare server on this port, with the TLS files of this appliance folder
    #[arg(long, hide = true, num_args = 2)]
    bare: Option<Vec<String>>,
}

/// What a run of load measured.
#[derive(Debug)]
struct Figures {
    per_second: f64,
    cpu_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn main() {
    let options = Options::parse();
    if let Some([port, folder]) = options.bare.as_deref() {
        bare::serve(port.parse().expect("a port"), folder.as_ref());
        return;
    }
    if options.tsa {
        let figures = tsa::measure(options.connections, options.seconds);
        tsa::report(&figures, options.connections, options.seconds, options.json);
        return;
    }
    if options.licences {
        let figures = licences::measure(options.connections, options.seconds);
        licences::report(&figures, options.connections, options.seconds, options.json);
        return;
    }
    if options.ocsp || options.at_size.is_some() {
        let plan = ocsp::Plan {
            certificates: options.at_size.unwrap_or(10_000),
            connections: options.connections,
            seconds: options.seconds,
        };
        let figures = if options.ocsp { ocsp::measure(plan) } else { ocsp::at_size(plan) };
        told(figures, options.json);
        return;
    }
    if let Some(lines) = options.batch {
        told(batch::measure(lines, options.import), options.json);
        return;
    }
    let pdf = options.pdf.clone().unwrap_or_else(|| support::corpus::named("plain-31k").path());
    let pdf = Bytes::from(std::fs::read(&pdf).unwrap_or_else(|e| panic!("{}: {e}", pdf.display())));

    let own = options.server.is_none().then(|| {
        let appliance = Appliance::start_with(match &options.suite {
            None => Setup::default(),
            Some(_) => Setup::both_suites(),
        });
        let suite = options.suite.iter().flat_map(|suite| ["--suite", suite]);
        appliance.seal_record_with("load", &suite.collect::<Vec<_>>());
        appliance.approval_system("load");
        appliance
    });
    let (port, identity, pid, seal) = match &own {
        Some(appliance) => (appliance.port, appliance.credential("load"), appliance.pid(), "load".to_owned()),
        None => (
            options.server.expect("--server"),
            Identity(options.identity.clone().expect("--identity")),
            options.pid.expect("--pid"),
            options.seal.clone().expect("--seal"),
        ),
    };
    let format = &options.format;
    let path = format!("/v1/documents/seal?seal={seal}&page=1&x_mm=120&y_mm=220&format={format}");
    let ours = load(&Client::new(port, &identity), pid, &path, &pdf, &options, true);

    // The bare server shows the appliance's own server certificate; without its folder there is nothing to compare with.
    let bare = own.as_ref().filter(|_| options.suite.is_none()).map(|appliance| {
        let port = support::process::free_port();
        let mut command = std::process::Command::new(std::env::current_exe().expect("own path"));
        command.args(["--bare", &port.to_string()]).arg(&appliance.directory);
        let server = Background::start(&command, &appliance.directory.join("bare.log"));
        let client = Client::new(port, &identity);
        support::process::eventually("the bare server answers", Duration::from_secs(10), || {
            client.try_call("POST", &path, &[], "x").ok()
        });
        load(&client, server.pid(), &path, &pdf, &options, false)
    });
    report(&options, &ours, bare.as_ref());
}

fn told<N: AsRef<str> + serde::Serialize, U: AsRef<str> + serde::Serialize>(
    figures: impl IntoIterator<Item = (N, f64, U)>,
    json: bool,
) {
    for (name, value, unit) in figures {
        if json {
            println!("{}", serde_json::json!({ "name": name, "value": value, "unit": unit }));
        } else {
            println!("{:<32}{value:>12.3} {}", name.as_ref(), unit.as_ref());
        }
    }
}

/// Keeps `connections` busy for the given time and measures the process `pid` meanwhile.
fn load(client: &Client, pid: u32, path: &str, pdf: &Bytes, options: &Options, sealing: bool) -> Figures {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    runtime.block_on(async {
        let phase = Phase::default();
        let workers: Vec<_> = (0..options.connections)
            .map(|_| {
                let (client, path, pdf) = (client.clone(), path.to_owned(), pdf.clone());
                let phase = phase.clone();
                tokio::spawn(async move {
                    let mut connection = client.connect().await.expect("connection");
                    let mut times = Vec::new();
                    while !phase.stop.load(Ordering::Relaxed) {
                        let key = unique();
                        let headers =
                            [("content-type", "application/pdf"), ("idempotency-key", key.as_str())];
                        let began = Instant::now();
                        let answer = connection
                            .send(request("POST", &path, &headers, pdf.clone()))
                            .await
                            .expect("answer");
                        assert!(answer.status.is_success(), "{}", answer.told());
                        assert!(
                            !sealing || (answer.body.starts_with(&pdf) && answer.leaf() > 0),
                            "{}",
                            answer.told()
                        );
                        if phase.measuring.load(Ordering::Relaxed) {
                            times.push(began.elapsed());
                        }
                    }
                    times
                })
            })
            .collect();
        driven(pid, options.seconds, &phase, workers).await
    })
}

fn report(options: &Options, ours: &Figures, bare: Option<&Figures>) {
    if options.json {
        let line = |name: &str, value: f64, unit: &str| {
            println!(
                "{}",
                serde_json::json!({ "name": format!("seal.e2e.{}.{name}", options.label), "value": value, "unit": unit })
            );
        };
        line("cpu_ms", ours.cpu_ms, "ms");
        line("per_s", ours.per_second, "1/s");
        line("p50_ms", ours.p50_ms, "ms");
        line("p99_ms", ours.p99_ms, "ms");
        if let Some(bare) = bare {
            line("ratio_bare", ours.cpu_ms / bare.cpu_ms, "x");
        }
        return;
    }
    println!("{} connections, {} s, client on the same machine", options.connections, options.seconds);
    println!("{:<14}{:>12}{:>16}{:>10}{:>10}", "", "requests/s", "server CPU ms", "p50 ms", "p99 ms");
    for (name, figures) in [("seal", Some(ours)), ("bare axum", bare)] {
        if let Some(f) = figures {
            println!(
                "{name:<14}{:>12.0}{:>16.3}{:>10.2}{:>10.2}",
                f.per_second, f.cpu_ms, f.p50_ms, f.p99_ms
            );
        }
    }
    if let Some(bare) = bare {
        println!("ratio          {:.1} times the bare handler's CPU per request", ours.cpu_ms / bare.cpu_ms);
    }
}
