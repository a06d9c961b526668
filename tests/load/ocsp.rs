//! Load on the OCSP responder and on the search for certificates, among as many certificates as told.
//!
//! Most certificates are rows written into the database of a throw-away appliance before it starts, behind its back: to
//! issue a million takes longer than to ask about them. They are good, spread over names and days, and as long as real
//! ones; nothing that is measured looks into their encoding.
//!
//! `cached`: GET, no nonce, a thousand certificates over and over. `fresh`: POST with a nonce of 32 octets, any
//! certificate. `cold`: the first question about each certificate. Per core: answers per second of processor time of
//! the server's process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use pki::Certificate;
use pki::ocsp::{BasicResponse, IssuerId, RequestBuilder, Status};
use support::client::request;
use support::process::usage;
use support::{Appliance, Client, Setup};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cached,
    Fresh,
    Cold,
}

/// What a run measured.
#[derive(Debug, Clone, Copy)]
struct Figures {
    per_core: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// How to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Certificates on record.
    pub certificates: u64,
    /// Connections at the same time.
    pub connections: usize,
    /// Seconds of each run.
    pub seconds: u64,
}

/// A figure's name, value and unit.
pub type Figure = (String, f64, &'static str);

/// Sets up a throw-away appliance and measures the responder: processor time and, under that load, latency.
pub fn measure(plan: Plan) -> Vec<Figure> {
    let house = House::with(plan.certificates);
    let mut out = Vec::new();
    for (kind, name) in [(Kind::Cached, "cached"), (Kind::Fresh, "fresh")] {
        let figures = house.load(kind, plan);
        out.push((format!("ocsp.{name}.per_core_s"), figures.per_core, "1/s"));
        out.push((format!("ocsp.{name}.p50_ms"), figures.p50_ms, "ms"));
        out.push((format!("ocsp.{name}.p99_ms"), figures.p99_ms, "ms"));
    }
    out
}

/// Sets up a throw-away appliance of that size and measures latencies, with few connections: how they grow with the
/// number of certificates, not with the load.
pub fn at_size(plan: Plan) -> Vec<Figure> {
    let house = House::with(plan.certificates);
    let size = size(plan.certificates);
    let mut out = Vec::new();
    for (kind, name) in [(Kind::Cold, "cold"), (Kind::Fresh, "fresh"), (Kind::Cached, "cached")] {
        let figures = house.load(kind, plan);
        out.push((format!("ocsp.{name}.{size}.p50_ms"), figures.p50_ms, "ms"));
        out.push((format!("ocsp.{name}.{size}.p99_ms"), figures.p99_ms, "ms"));
    }
    for (name, times) in house.search(plan) {
        out.push((format!("search.{name}.{size}.p99_ms"), percentile(&times, 0.99), "ms"));
    }
    out
}

fn size(certificates: u64) -> String {
    match certificates {
        many if many % 1_000_000 == 0 => format!("{}m", many / 1_000_000),
        many if many % 1000 == 0 => format!("{}k", many / 1000),
        few => few.to_string(),
    }
}

struct House {
    appliance: Appliance,
    issuer: IssuerId,
    certificate: Certificate,
    address: SocketAddr,
    certificates: u64,
    auditor: Client,
}

impl House {
    fn with(certificates: u64) -> Self {
        let mut appliance = Appliance::init(Setup::default());
        appliance.configure("fresh_per_second = 20000", "fresh_per_second = 1000000");
        appliance.configure("fresh_per_network = 1000", "fresh_per_network = 1000000");
        appliance.sql(&seed(certificates));
        appliance.serve();
        appliance.unseal();
        let pem = std::fs::read(appliance.certificate("platform-ca")).expect("the authority's certificate");
        let certificate = Certificate::from_pem(&pem).expect("PEM").remove(0);
        let address = SocketAddr::from(([127, 0, 0, 1], appliance.public_port));
        let auditor = appliance.client("officer-1");
        Self { issuer: IssuerId::of(&certificate), certificate, address, certificates, auditor, appliance }
    }

    fn load(&self, kind: Kind, plan: Plan) -> Figures {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("runtime");
        let next = Arc::new(AtomicU64::new(0));
        runtime.block_on(async {
            let (measuring, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let workers: Vec<_> = (0..plan.connections)
                .map(|worker| {
                    let (measuring, stop, next) = (measuring.clone(), stop.clone(), next.clone());
                    let asker = Asker {
                        kind,
                        issuer: self.issuer.clone(),
                        certificate: self.certificate.clone(),
                        certificates: self.certificates,
                        next,
                        // Any odd number: each worker walks another way.
                        state: 0x9E37_79B9_7F4A_7C15 ^ (((worker as u64) << 17) | 1),
                    };
                    let address = self.address;
                    tokio::spawn(async move { asker.run(address, &measuring, &stop).await })
                })
                .collect();
            // The first answers are the ones to look at where nothing is known yet.
            if kind != Kind::Cold {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            let (before, began) = (usage(self.appliance.pid()).cpu, Instant::now());
            measuring.store(true, Ordering::Relaxed);
            while began.elapsed() < Duration::from_secs(plan.seconds)
                && !exhausted(kind, &next, self.certificates)
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let used = usage(self.appliance.pid()).cpu - before;
            stop.store(true, Ordering::Relaxed);
            let mut times = Vec::new();
            for worker in workers {
                times.extend(worker.await.expect("worker"));
            }
            times.sort_unstable();
            assert!(!times.is_empty(), "no question was answered");
            Figures {
                per_core: times.len() as f64 / used,
                p50_ms: percentile(&times, 0.5),
                p99_ms: percentile(&times, 0.99),
            }
        })
    }

    /// Searches of the platform API as an officer makes them: by serial number, by name, and a page of what is good.
    fn search(&self, plan: Plan) -> Vec<(&'static str, Vec<Duration>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let mut connection = self.auditor.connect().await.expect("connection");
            let mut out = Vec::new();
            for name in ["serial", "subject", "state"] {
                let mut times = Vec::new();
                let mut number = 0x2545_F491_4F6C_DD1D_u64;
                for _ in 0..plan.seconds * 100 {
                    number = step(number);
                    let one = number % self.certificates + 1;
                    let path = match name {
                        "serial" => format!("/v1/certificates?serial={}", hexadecimal(one)),
                        "subject" => format!("/v1/certificates?subject=seeded-{one}&limit=20"),
                        _ => "/v1/certificates?state=good&limit=50".to_owned(),
                    };
                    let began = Instant::now();
                    let answer =
                        connection.send(request("GET", &path, &[], Bytes::new())).await.expect("answer");
                    assert!(answer.status.is_success(), "{path}: {}", answer.told());
                    times.push(began.elapsed());
                }
                times.sort_unstable();
                out.push((name, times));
            }
            out
        })
    }
}

fn exhausted(kind: Kind, next: &AtomicU64, certificates: u64) -> bool {
    kind == Kind::Cold && next.load(Ordering::Relaxed) >= certificates
}

/// One connection's questions.
struct Asker {
    kind: Kind,
    issuer: IssuerId,
    certificate: Certificate,
    certificates: u64,
    next: Arc<AtomicU64>,
    state: u64,
}

impl Asker {
    async fn run(mut self, address: SocketAddr, measuring: &AtomicBool, stop: &AtomicBool) -> Vec<Duration> {
        let stream = tokio::net::TcpStream::connect(address).await.expect("connection");
        stream.set_nodelay(true).expect("nodelay");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        let mut times = Vec::new();
        let mut count = 0_u64;
        while !stop.load(Ordering::Relaxed) {
            count += 1;
            self.state = step(self.state);
            let which = match self.kind {
                Kind::Cached => self.state % self.certificates.min(HOT) + 1,
                Kind::Fresh => self.state % self.certificates + 1,
                Kind::Cold => {
                    let next = self.next.fetch_add(1, Ordering::Relaxed) + 1;
                    if next > self.certificates {
                        break;
                    }
                    next
                }
            };
            let nonce = (self.kind != Kind::Cached).then(|| {
                let words = [self.state, count, which, self.state.rotate_left(13)];
                words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
            });
            let id = self.issuer.sha1_id(&serial(which));
            let der = RequestBuilder { ids: vec![id], nonce: nonce.clone() }.to_der().expect("a request");
            let asked = if nonce.is_some() {
                let kind = [("content-type", "application/ocsp-request")];
                request("POST", "/ocsp/platform-ca", &kind, Bytes::new()).map(|_| Full::new(Bytes::from(der)))
            } else {
                let path = format!("/ocsp/platform-ca/{}", escaped(&der));
                request("GET", &path, &[], Bytes::new()).map(|_| Full::new(Bytes::new()))
            };
            let began = Instant::now();
            let body = answered(&mut sender, asked).await;
            let took = began.elapsed();
            if count % 500 == 1 {
                self.check(&body, nonce.as_deref(), which);
            }
            if measuring.load(Ordering::Relaxed) {
                times.push(took);
            }
        }
        times
    }

    fn check(&self, body: &[u8], nonce: Option<&[u8]>, which: u64) {
        let response = BasicResponse::from_response_der(body).expect("an answer");
        let single = &response.singles()[0];
        assert_eq!((single.status, single.id.serial()), (Status::Good, &serial(which)[..]));
        assert_eq!(response.nonce(), nonce);
        response.verify(&self.certificate, response.produced_at()).expect("signed");
    }
}

async fn answered(sender: &mut SendRequest<Full<Bytes>>, asked: http::Request<Full<Bytes>>) -> Bytes {
    sender.ready().await.expect("ready");
    let answer = sender.send_request(asked).await.expect("answer");
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("body").to_bytes();
    assert!(status.is_success() && body.len() > 200, "{status}: {body:?}");
    body
}

/// xorshift64: the questions of one run are those of the next.
fn step(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}

/// The serial number of the n-th seeded certificate: 20 octets, beginning with 0x7f.
fn serial(number: u64) -> [u8; 20] {
    let mut octets = [0; 20];
    octets[0] = 0x7F;
    octets[12..].copy_from_slice(&number.to_be_bytes());
    octets
}

fn hexadecimal(number: u64) -> String {
    serial(number).iter().map(|octet| format!("{octet:02x}")).collect()
}

fn escaped(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for part in der.chunks(3) {
        let word = part
            .iter()
            .chain([0; 2].iter())
            .take(3)
            .fold(0_usize, |word, octet| (word << 8) | usize::from(*octet));
        for place in 0..4 {
            if place > part.len() {
                out.push_str("%3D");
                continue;
            }
            match ALPHABET[(word >> (18 - 6 * place)) & 63] {
                b'+' => out.push_str("%2B"),
                b'/' => out.push_str("%2F"),
                plain => out.push(char::from(plain)),
            }
        }
    }
    out
}

/// Rows of so many good certificates of `platform-ca`.
fn seed(certificates: u64) -> String {
    let columns =
        "id, version, issuer, serial, subject, profile, not_before, not_after, der, state, key, shard";
    let day = 86_400_000_000_u64;
    let begin = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000";
    format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {certificates}) \
         INSERT INTO certificates ({columns}) SELECT lower(hex(randomblob(32))), 1, 'platform-ca', \
         '7f' || printf('%038x', i), 'CN=seeded-' || i || ',O=Seeded', 'machine', {begin} - (i % 300) * {day}, \
         {begin} + (30 + i % 300) * {day}, randomblob(640), 'good', lower(hex(randomblob(32))), 0 FROM n; \
         INSERT INTO certificate_names (id, version, certificate, kind, value) \
         SELECT id || ':0', 1, id, 'subject', lower(substr(subject, 4, instr(subject, ',') - 4)) FROM certificates \
         WHERE subject LIKE 'CN=seeded-%'; COMMIT;"
    )
}

fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() as f64 * share) as usize).min(sorted.len() - 1);
    sorted[index].as_secs_f64() * 1000.0
}

/// Certificates that most questions are about.
const HOT: u64 = 1000;
