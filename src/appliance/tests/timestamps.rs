//! The time-stamping authority in this process: a real ceremony, a real public listener, OpenSSL as judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use appliance::app::App;
use appliance::ceremony::{self, Plan, UnlockPlan};
use appliance::config::{Config, Fetch};
use appliance::fetch::Client;
use appliance::server::listener::Stop;
use appliance::server::{Server, api};
use appliance::store::{DatabaseUrl, Db};
use appliance::timestamps::Proof;
use appliance::timestamps::client::{self, StampError, Wanted};
use bytes::Bytes;
use crypto::DigestAlgorithm;
use custody::{CredentialSource, Secret};
use der::asn1::ObjectIdentifier;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use pki::tsp::{Failure, Imprint, Status, TimeStampReq, TimeStampResp, TokenFault, check_response};
use support::log::MovedClock;
use support::{Place, lite, places, raw};
use tlog::verify::verify_inclusion;
use tokio::task::JoinHandle;

const POLICY: &str = "1.3.6.1.4.1.99999.3";
const TERMS: &str = "[timestamps]\npolicy = \"1.3.6.1.4.1.99999.3\"\npolicies = [\"1.3.6.1.4.1.99999.4\"]\n\
                     digests = [\"sha-256\", \"sha-512\"]\nrequests_per_second = 10000\nrequest_burst = 10000\n";

struct Node {
    app: Arc<App>,
    clock: Arc<MovedClock>,
    public: SocketAddr,
    folder: PathBuf,
    stop: Arc<Stop>,
    running: JoinHandle<()>,
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

/// The ceremony at a place; the configuration's text.
async fn set_up(place: &Place) -> (PathBuf, String) {
    let folder = place.folder.path().join("a");
    let credential = place.folder.path().join("kek");
    let plan = Plan {
        directory: folder.clone(),
        organisation: "示范市政务服务数据管理局".into(),
        keystore_suite: &crypto::Suite::INTERNATIONAL,
        unlock: UnlockPlan::Credential { path: credential },
        hosts: vec!["localhost".into()],
        port: 8443,
        public_port: 8080,
        portal_port: 8444,
        enrolment_port: None,
        pkcs11: None,
        database: match &place.url {
            DatabaseUrl::Lite(_) => None,
            DatabaseUrl::Postgres(url) => Some(url.clone()),
        },
        hierarchy: ceremony::DEFAULT_HIERARCHY.into(),
        log_origin: None,
        allow_swap: true,
        assume_clock: true,
    };
    let done = ceremony::perform(&plan, &mut |_| ()).await.unwrap();
    let text = std::fs::read_to_string(&done.config).unwrap();
    // Every listener of the ceremony: the API, the public page, the public files.
    let text = ["8443", "8444", "8080"].iter().fold(text, |text, port| {
        text.replace(&format!("[::1]:{port}"), "[::1]:0").replace(&format!("127.0.0.1:{port}"), "127.0.0.1:0")
    });
    (folder, text)
}

impl Node {
    async fn start(folder: &Path, text: &str) -> Self {
        let config = Config::parse(text, Path::new("cinnabar.toml"), folder).unwrap();
        let db = Db::open(&config.database.url.parse().unwrap()).await.unwrap();
        let clock = Arc::new(MovedClock::default());
        let app = App::open_with_clock(config, db, clock.clone()).await.unwrap();
        let (router, _) = api(&app, appliance::cli::capabilities());
        let server = Server::bind(app.clone(), router).unwrap();
        let public = server.public_addresses().unwrap();
        let public = *public.iter().find(|address| address.is_ipv4()).unwrap();
        let stop = server.stopper();
        let running = tokio::spawn(server.run());
        Self { app, clock, public, folder: folder.to_owned(), stop, running }
    }

    async fn open(place: &Place, terms: &str) -> Self {
        let (folder, text) = set_up(place).await;
        let node = Self::start(&folder, &format!("{text}\n{terms}")).await;
        node.unseal().await;
        node
    }

    async fn unseal(&self) {
        let path = self.app.config.keystore.credential.clone().unwrap();
        self.app.unseal(Secret::Credential(CredentialSource::File(path))).await.unwrap();
    }

    async fn send(&self, method: &str, kind: &str, body: Vec<u8>) -> Answer {
        let stream = tokio::net::TcpStream::connect(self.public).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri("/tsa").header("host", "localhost");
        let request = request.header("content-type", kind).body(Full::new(Bytes::from(body))).unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    async fn ask(&self, request: &TimeStampReq) -> Answer {
        self.send("POST", "application/timestamp-query", request.to_der()).await
    }

    async fn refused(&self, request: &TimeStampReq) -> (u16, Failure) {
        let answer = self.ask(request).await;
        assert_eq!(answer.headers["content-type"], "application/timestamp-reply");
        assert!(!answer.headers.contains_key("cinnabar-leaf"));
        let response = TimeStampResp::parse(&answer.body).unwrap();
        assert_eq!((response.status, response.token), (Status::Rejection, None));
        (answer.status, response.failures[0])
    }

    async fn entries(&self) -> Vec<serde_json::Value> {
        let entries = self.app.unsealed().unwrap().journal.entries(0, 1000).await.unwrap();
        entries
            .into_iter()
            .map(|entry| entry.json)
            .filter(|json| json["action"] == "timestamp.issue")
            .collect()
    }

    fn certificate(&self, label: &str) -> String {
        self.folder.join(format!("certificates/{label}.pem")).display().to_string()
    }

    async fn end(self) {
        self.stop.stop();
        self.running.await.unwrap();
        if let Ok(unsealed) = self.app.unsealed() {
            unsealed.journal.close().await;
        }
    }
}

fn request(content: &[u8], nonce: u64) -> TimeStampReq {
    let digest = DigestAlgorithm::Sha256.digest(content);
    TimeStampReq::new(Imprint::new(DigestAlgorithm::Sha256, &digest).unwrap(), None, nonce.to_be_bytes())
}

fn openssl(folder: &Path, arguments: &str) -> String {
    let arguments = arguments.split(' ');
    let done = std::process::Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_accepts_what_the_authority_stamps() {
    let place = lite();
    let node = Node::open(&place, TERMS).await;
    let folder = place.folder.path();
    std::fs::write(folder.join("content"), "content").unwrap();
    let (root, chain) = (node.certificate("root"), node.certificate("platform-ca"));
    let both = [&chain, &node.certificate("time-stamp")].map(|path| std::fs::read_to_string(path).unwrap());
    std::fs::write(folder.join("both"), both.concat()).unwrap();
    for query in
        ["-sha256 -cert", "-sha512 -cert -no_nonce", "-sha256", "-sha256 -cert -tspolicy 1.3.6.1.4.1.99999.4"]
    {
        openssl(folder, &format!("ts -query -data content -out query {query}"));
        let answer = node
            .send("POST", "application/timestamp-query", std::fs::read(folder.join("query")).unwrap())
            .await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        std::fs::write(folder.join("reply"), &answer.body).unwrap();
        let untrusted = if query.contains("-cert") { &chain } else { "both" };
        openssl(
            folder,
            &format!("ts -verify -queryfile query -in reply -CAfile {root} -untrusted {untrusted}"),
        );
        openssl(folder, &format!("ts -verify -data content -in reply -CAfile {root} -untrusted {untrusted}"));
        let text = openssl(folder, "ts -reply -in reply -text");
        assert!(text.contains("Accuracy: 0x01 seconds") && text.contains("Ordering: no"), "{text}");
    }
    // What is not accepted: SHA-384 by this configuration, SHA-1 by any.
    for query in ["-sha384", "-sha1"] {
        openssl(folder, &format!("ts -query -data content -out query {query}"));
        let query = TimeStampReq::parse(&std::fs::read(folder.join("query")).unwrap());
        if let Ok(query) = query {
            assert_eq!(node.refused(&query).await, (200, Failure::BadAlgorithm));
        }
    }
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_leave_only_recorded_together_and_each_proves_its_place() {
    for place in places() {
        let node = Arc::new(Node::open(&place, TERMS).await);
        let asking: Vec<_> = (0..100)
            .map(|number: u64| {
                let node = node.clone();
                tokio::spawn(async move { (number, node.ask(&request(b"content", number)).await) })
            })
            .collect();
        let mut serials = HashSet::new();
        let mut answers = Vec::new();
        for answer in asking {
            let (number, answer) = answer.await.unwrap();
            assert_eq!(answer.status, 200);
            let (_, token, _) = check_response(&answer.body, &request(b"content", number), &[]).unwrap();
            assert!(serials.insert(token.info().serial.clone()), "a serial number came twice");
            answers.push((answer, token));
        }
        let journal = &node.app.unsealed().unwrap().journal;
        let entries = node.entries().await;
        assert!(entries.len() < 100, "{} entries for 100 tokens", entries.len());
        let recorded: u64 = entries.iter().map(|entry| entry["facts"]["tokens"].as_u64().unwrap()).sum();
        assert_eq!(recorded, 100);
        for (answer, token) in &answers {
            let leaf: u64 = answer.headers["cinnabar-leaf"].to_str().unwrap().parse().unwrap();
            let entry = journal.entry(leaf).await.unwrap();
            assert_eq!(entry.json["action"], "timestamp.issue");
            let facts = &entry.json["facts"];
            let proof: Proof = answer.headers["cinnabar-batch-proof"].to_str().unwrap().parse().unwrap();
            assert_eq!(facts["tokens"], proof.size);
            let root: [u8; 32] = hex::decode(facts["root"].as_str().unwrap()).unwrap().try_into().unwrap();
            let info = token.signed_data().encapsulated_content().unwrap();
            verify_inclusion(proof.index, proof.size, &tlog::leaf_hash(info), &proof.path, &root).unwrap();
            let other = tlog::leaf_hash(b"another");
            assert!(verify_inclusion(proof.index, proof.size, &other, &proof.path, &root).is_err());
            // The entry is never before the token.
            let time: jiff::Timestamp = entry.json["time"].as_str().unwrap().parse().unwrap();
            assert!(time.as_second() >= token.info().gen_time);
        }
        Arc::into_inner(node).unwrap().end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_said_in_the_protocols_words() {
    let place = lite();
    let node = Node::open(&place, TERMS).await;
    let good = request(b"content", 1);
    let other = TimeStampReq { policy: Some(ObjectIdentifier::new_unwrap("1.2.3")), ..good.clone() };
    assert_eq!(node.refused(&other).await, (200, Failure::UnacceptedPolicy));
    let answer = node.send("POST", "application/timestamp-query", b"nonsense".to_vec()).await;
    let response = TimeStampResp::parse(&answer.body).unwrap();
    assert_eq!((answer.status, response.failures), (200, vec![Failure::BadDataFormat]));
    for (method, kind, body, status) in [
        ("POST", "application/octet-stream", good.to_der(), 415),
        ("POST", "application/timestamp-query", vec![0; 5000], 413),
        ("GET", "application/timestamp-query", vec![], 405),
    ] {
        let answer = node.send(method, kind, body).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert!(node.entries().await.is_empty());
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_clock_stamps_nothing_until_it_is_judged() {
    let place = lite();
    let node = Node::open(&place, TERMS).await;
    let good = request(b"content", 1);
    assert_eq!(node.ask(&good).await.status, 200);
    for jump in [3_600_000_000, -3_600_000_000] {
        node.clock.0.fetch_add(jump, Ordering::SeqCst);
        assert_eq!(node.refused(&good).await, (200, Failure::TimeNotAvailable));
        assert_eq!(node.refused(&good).await, (200, Failure::TimeNotAvailable), "and stays so");
    }
    node.app.unsealed().unwrap().journal.clock().accept();
    check_response(&node.ask(&good).await.body, &good, &[]).unwrap();
    assert_eq!(node.entries().await.len(), 2);
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_authority_says_that_it_cannot_serve_and_serves_when_unsealed() {
    let place = lite();
    let (folder, text) = set_up(&place).await;
    let node = Node::start(&folder, &format!("{text}\n{TERMS}")).await;
    let good = request(b"content", 1);
    let answer = node.ask(&good).await;
    assert_eq!(
        (answer.status, &answer.headers["retry-after"]),
        (503, &"30".parse::<http::HeaderValue>().unwrap())
    );
    assert_eq!(node.refused(&good).await, (503, Failure::SystemFailure));
    node.unseal().await;
    check_response(&node.ask(&good).await.body, &good, &[]).unwrap();
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_stamps_nothing_any_more() {
    let place = lite();
    let node = Node::open(&place, TERMS).await;
    let good = request(b"content", 1);
    check_response(&node.ask(&good).await.body, &good, &[]).unwrap();
    let of_node = Place { url: DatabaseUrl::Lite(node.folder.join("cinnabar.db")), ..lite() };
    let sql = "UPDATE certificates SET state = 'revoked', version = version + 1 WHERE profile = 'time-stamp'";
    assert_eq!(raw(&of_node, sql).await, 1);
    for _ in 0..2 {
        assert_eq!(node.refused(&good).await, (503, Failure::SystemFailure));
    }
    assert_eq!(node.entries().await.len(), 1);
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_have_their_rate_and_no_door_unless_it_is_open() {
    let slow = TERMS.replace("10000", "1");
    let place = lite();
    let node = Node::open(&place, &slow).await;
    assert_eq!(node.ask(&request(b"content", 1)).await.status, 200);
    let answer = node.ask(&request(b"content", 2)).await;
    assert!(answer.status == 429 && answer.headers.contains_key("retry-after"));
    node.end().await;
    for terms in [format!("{TERMS}public = false\n"), String::new()] {
        let place = lite();
        let node = Node::open(&place, &terms).await;
        assert_eq!(node.ask(&request(b"content", 1)).await.status, 404);
        node.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_stamp_into_one_log_and_no_serial_comes_twice() {
    let Some(place) = places().into_iter().find(|place| place.kind == "postgres") else { return };
    let (folder, text) = set_up(&place).await;
    let state = folder.join("state-2");
    std::fs::create_dir(&state).unwrap();
    for entry in std::fs::read_dir(folder.join("state")).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), state.join(entry.file_name())).unwrap();
        }
    }
    let text = format!("{text}\n{TERMS}");
    let second = text
        .replace("state = \"state\"", "state = \"state-2\"")
        .replace("state/admin.sock", "state-2/admin.sock");
    assert_ne!(text, second);
    let nodes = [Node::start(&folder, &text).await, Node::start(&folder, &second).await];
    for node in &nodes {
        node.unseal().await;
    }
    let mut serials = HashSet::new();
    for number in 0..20 {
        let request = request(b"content", number);
        let answers = tokio::join!(nodes[0].ask(&request), nodes[1].ask(&request));
        for answer in [answers.0, answers.1] {
            let (_, token, _) = check_response(&answer.body, &request, &[]).unwrap();
            assert!(serials.insert(token.info().serial.clone()));
        }
    }
    let [one, two] = nodes;
    // A node shows what the other one wrote within a second or two.
    for _ in 0..50 {
        if one.entries().await.len() == 40 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(one.entries().await.len(), 40);
    one.end().await;
    two.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_takes_a_good_token_tries_again_and_finds_every_fault() {
    let place = lite();
    let node = Node::open(&place, TERMS).await;
    let bounds = Fetch {
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        ports: vec![node.public.port()],
        ..Fetch::default()
    };
    let fetch = Client::new(&bounds).unwrap();
    let url = format!("http://{}/tsa", node.public);
    let digest = DigestAlgorithm::Sha256.digest(b"content");
    let wanted = Wanted { algorithm: DigestAlgorithm::Sha256, digest: &digest, policy: None, further: &[] };
    let stamped = client::stamp(&fetch, &url, wanted).await.unwrap();
    assert_eq!(stamped.token.info().policy.to_string(), POLICY);
    let policy = Some(ObjectIdentifier::new_unwrap("1.2.3"));
    let error = client::stamp(&fetch, &url, Wanted { policy, ..wanted }).await.unwrap_err();
    assert!(
        matches!(&error, StampError::Token { fault: TokenFault::Refused { failures, .. }, .. } if failures == &[Failure::UnacceptedPolicy]),
        "{error}"
    );
    let error =
        client::stamp(&fetch, &format!("http://{}/log/checkpoint", node.public), wanted).await.unwrap_err();
    assert!(matches!(error, StampError::Fetch(_)), "{error}");
    let error = client::stamp(&Client::new(&Fetch::default()).unwrap(), &url, wanted).await.unwrap_err();
    assert!(matches!(error, StampError::Fetch(_)), "{error}");
    let short = Wanted { digest: &digest[1..], ..wanted };
    assert!(matches!(client::stamp(&fetch, &url, short).await, Err(StampError::Request(_))));
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_fails_for_a_moment_is_asked_again() {
    use std::sync::atomic::AtomicUsize;
    let place = lite();
    let node = Node::open(&place, TERMS).await;
    // A door before the authority that is closed at first.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap();
    let (count, public) = (Arc::new(AtomicUsize::new(0)), node.public);
    let asked = count.clone();
    let open = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                continue;
            }
            let mut behind = tokio::net::TcpStream::connect(public).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
        }
    });
    let bounds = Fetch {
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        ports: vec![door.port()],
        ..Fetch::default()
    };
    let digest = DigestAlgorithm::Sha256.digest(b"content");
    let wanted = Wanted { algorithm: DigestAlgorithm::Sha256, digest: &digest, policy: None, further: &[] };
    let fetch = Client::new(&bounds).unwrap();
    client::stamp(&fetch, &format!("http://{door}/tsa"), wanted).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2);
    open.abort();
    node.end().await;
}
