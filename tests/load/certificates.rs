//! Certificates issued as fast as the appliance can, each with its full evidence (proof of possession checked, linted,
//! intent and certificate in the log, receipt), and full mutual TLS handshakes; over the real binary.
//!
//!   `cinnabar-load-certificates [--seconds N] [--json]`    sets up a throw-away appliance (`CINNABAR_BIN`)
//!
//! What counts is the processor time of the *server's* process: `per_core_s` is how many it does with one core to itself.
//! Certification requests are all different and made before the clock starts. Called by `tests/bench` and by hand.
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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use crypto::{KeyKind, SoftwareKey};
use pki::Subject;
use pki::request::CertificationRequest;
use ring::rand::SystemRandom;
use support::client::{request, unique};
use support::process::usage;
use support::{Appliance, Client, Identity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(Debug, Parser)]
struct Options {
    /// Seconds to measure each figure, after two of warming up
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections at the same time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Certification requests made beforehand
    #[arg(long, default_value_t = 60_000)]
    requests: usize,
    /// One JSON line per figure
    #[arg(long)]
    json: bool,
}

/// What was done, and what it cost the server.
#[derive(Debug, Clone, Copy)]
struct Figures {
    count: usize,
    seconds: f64,
    cpu: f64,
    p99_ms: f64,
}

fn main() {
    let options = Options::parse();
    let appliance = Appliance::start();
    appliance.approval_system("load");
    let requests = requests(options.requests);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    let officer = appliance.client("officer-1");
    let issuing = runtime.block_on(issue(&officer, &appliance, requests, &options));
    let shaking = runtime.block_on(shake_hands(&appliance, &options));
    let per = |figures: Figures| figures.cpu * 1000.0 / figures.count as f64;
    let figures = [
        ("cert.issue.per_core_s", issuing.count as f64 / issuing.cpu, "1/s"),
        ("cert.issue.cpu_ms", per(issuing), "ms"),
        ("cert.issue.per_s", issuing.count as f64 / issuing.seconds, "1/s"),
        ("cert.issue.p99_ms", issuing.p99_ms, "ms"),
        ("tls.handshake.cpu_ms", per(shaking), "ms"),
    ];
    for (name, value, unit) in figures {
        if options.json {
            println!("{}", serde_json::json!({ "name": name, "value": value, "unit": unit }));
        } else {
            println!("{name:<24}{value:>12.3} {unit}");
        }
    }
}

/// As many requests, each of a key of its own.
fn requests(count: usize) -> Arc<Vec<Bytes>> {
    let random = SystemRandom::new();
    let one = |_| {
        let key = SoftwareKey::generate(KeyKind::P256, &random).expect("key");
        let key = SoftwareKey::from_pkcs8(&key).expect("key");
        Bytes::from(CertificationRequest::make(&key, &Subject::common_name("load"), &[]).expect("request"))
    };
    Arc::new((0..count).map(one).collect())
}

async fn issue(
    officer: &Client,
    appliance: &Appliance,
    requests: Arc<Vec<Bytes>>,
    options: &Options,
) -> Figures {
    let next = Arc::new(AtomicUsize::new(0));
    let (measuring, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..options.connections {
        let (officer, requests, next) = (officer.clone(), requests.clone(), next.clone());
        let (measuring, stop) = (measuring.clone(), stop.clone());
        workers.spawn(async move {
            let mut connection = officer.connect().await.expect("connection");
            let mut times = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                // Should they ever run out, the first come again: the appliance keeps no index of them.
                let csr = requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()].clone();
                let key = unique();
                let headers = [("content-type", "application/pkcs10"), ("idempotency-key", key.as_str())];
                let began = Instant::now();
                let message = request("POST", "/v1/callers/load/certificates", &headers, csr);
                let answer = connection.send(message).await.expect("answer");
                assert!(answer.status == 201 && answer.leaf() > 0, "{}", answer.told());
                if measuring.load(Ordering::Relaxed) {
                    times.push(began.elapsed());
                }
            }
            times
        });
    }
    measured(appliance, options, workers, &measuring, &stop).await
}

/// Full handshakes: no session is ever resumed. The server's close at the end says that it has done its part.
async fn shake_hands(appliance: &Appliance, options: &Options) -> Figures {
    let config = Arc::new(tls(&appliance.credential("load")));
    let (measuring, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..options.connections {
        let (config, port) = (config.clone(), appliance.port);
        let (measuring, stop) = (measuring.clone(), stop.clone());
        workers.spawn(async move {
            let connector = tokio_rustls::TlsConnector::from(config);
            let mut times = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("connection");
                stream.set_nodelay(true).expect("option");
                let name = "localhost".try_into().expect("name");
                let mut stream = connector.connect(name, stream).await.expect("handshake");
                stream.shutdown().await.expect("close");
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                if measuring.load(Ordering::Relaxed) {
                    times.push(began.elapsed());
                }
            }
            times
        });
    }
    measured(appliance, options, workers, &measuring, &stop).await
}

fn tls(identity: &Identity) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    for root in identity.roots() {
        roots.add(root).expect("root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_client_auth_cert(identity.chain(), identity.key())
        .expect("credential");
    config.resumption = rustls::client::Resumption::disabled();
    config
}

async fn measured(
    appliance: &Appliance,
    options: &Options,
    mut workers: tokio::task::JoinSet<Vec<Duration>>,
    measuring: &AtomicBool,
    stop: &AtomicBool,
) -> Figures {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let pid = appliance.pid();
    let (before, began) = (usage(pid).cpu, Instant::now());
    measuring.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let (cpu, seconds) = (usage(pid).cpu - before, began.elapsed().as_secs_f64());
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    while let Some(worker) = workers.join_next().await {
        times.extend(worker.expect("worker"));
    }
    times.sort_unstable();
    assert!(!times.is_empty(), "nothing was done in {seconds} s");
    let worst = ((times.len() as f64 * 0.99) as usize).min(times.len() - 1);
    Figures { count: times.len(), seconds, cpu, p99_ms: times[worst].as_secs_f64() * 1000.0 }
}
