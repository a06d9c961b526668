//! Load on the time-stamping authority: `POST /tsa` over plain HTTP with kept connections, each answer read and its
//! status and digest looked at. `tsa.per_core_s` is 1 / (processor time of the server's process per token).

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crypto::DigestAlgorithm;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use pki::tsp::{Imprint, QUERY, TimeStampReq, TimeStampResp, check_response};
use support::client::{request, unique};
use support::{Appliance, Setup};

use crate::Figures;
use crate::driven::{Phase, driven};

/// Terms under which one address may send as much as it likes.
const TERMS: &str =
    "[timestamps]\npolicy = \"0.4.0.2023.1.1\"\nrequests_per_second = 1000000\nrequest_burst = 1000000\n";

/// Sets up a throw-away appliance and keeps `connections` busy for `seconds`, after two of warming up.
pub fn measure(connections: usize, seconds: u64) -> Figures {
    let mut appliance = Appliance::init(Setup::default());
    appliance.configure_more(TERMS);
    appliance.serve();
    appliance.unseal();
    let address = SocketAddr::from(([127, 0, 0, 1], appliance.public_port));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    runtime.block_on(load(address, appliance.pid(), connections, seconds))
}

async fn load(address: SocketAddr, pid: u32, connections: usize, seconds: u64) -> Figures {
    let phase = Phase::default();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let phase = phase.clone();
            tokio::spawn(async move { worker(address, &phase).await })
        })
        .collect();
    driven(pid, seconds, &phase, workers).await
}

/// One connection: a digest of its own each time; every hundredth token is verified, of the others the status is read.
async fn worker(address: SocketAddr, phase: &Phase) -> Vec<Duration> {
    let stream = tokio::net::TcpStream::connect(address).await.expect("connection");
    stream.set_nodelay(true).expect("nodelay");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let mut times = Vec::new();
    let mut count = 0_u64;
    while !phase.stop.load(Ordering::Relaxed) {
        count += 1;
        let digest = DigestAlgorithm::Sha256.digest(unique().as_bytes());
        let imprint = Imprint::new(DigestAlgorithm::Sha256, &digest).expect("imprint");
        let asked = TimeStampReq::new(imprint, None, count.to_be_bytes());
        let body = Full::new(Bytes::from(asked.to_der()));
        let request = request("POST", "/tsa", &[("content-type", QUERY)], Bytes::new()).map(|_| body);
        let began = Instant::now();
        sender.ready().await.expect("ready");
        let answer = sender.send_request(request).await.expect("answer");
        let status = answer.status();
        let recorded = answer.headers().contains_key("cinnabar-leaf");
        let body = answer.into_body().collect().await.expect("body").to_bytes();
        let took = began.elapsed();
        assert!(status.is_success() && recorded, "{status}: {:?}", TimeStampResp::parse(&body));
        if count % 100 == 1 {
            check_response(&body, &asked, &[]).expect("a token");
        }
        if phase.measuring.load(Ordering::Relaxed) {
            times.push(took);
        }
    }
    times
}

/// Prints the figures, for scripts or for people.
pub fn report(figures: &Figures, connections: usize, seconds: u64, json: bool) {
    let all = [
        ("tsa.per_core_s", 1000.0 / figures.cpu_ms, "1/s"),
        ("tsa.per_s", figures.per_second, "1/s"),
        ("tsa.p50_ms", figures.p50_ms, "ms"),
        ("tsa.p99_ms", figures.p99_ms, "ms"),
    ];
    if !json {
        println!("time-stamps over HTTP, {connections} connections, {seconds} s, client on the same machine");
    }
    for (name, value, unit) in all {
        if json {
            println!("{}", serde_json::json!({ "name": name, "value": value, "unit": unit }));
        } else {
            println!("{name:<16}{value:>12.1} {unit}");
        }
    }
}
