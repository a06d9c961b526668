//! The enrolment listener: who is let in without a certificate, who is told what with one, and its bounds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use rustls_pki_types::ServerName;
use serde_json::json;

use super::house::{Client, Credential, House, now};

const LISTENER: &str = "[listeners.enrolment]\naddresses = [\"127.0.0.1:0\", \"[::1]:0\"]";

async fn house(more: &str) -> House {
    House::with(&format!("{LISTENER}\n{more}")).await
}

async fn visit(house: &House, who: Option<&Credential>) -> Client {
    house.try_connect_to(house.enrolment[0], who).await.unwrap()
}

/// The handshake's protocol version.
async fn shake(
    house: &House,
    to: SocketAddr,
    version: &'static rustls::SupportedProtocolVersion,
) -> Result<rustls::ProtocolVersion, String> {
    let tls = house.tls_of(None, &[version]);
    let stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
    stream.map(|stream| stream.get_ref().1.protocol_version().unwrap()).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_such_listener_unless_configured() {
    assert!(House::open().await.enrolment.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_let_in_and_callers_identified_on_both_families() {
    let house = house("").await;
    for address in house.enrolment.clone() {
        let mut stranger = house.try_connect_to(address, None).await.unwrap();
        let answer = stranger.get("/test/who").await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"nobody"[..]));
        let mut officer = house.try_connect_to(address, Some(&house.officer(1))).await.unwrap();
        assert_eq!(&officer.get("/test/who").await.body[..], b"officer-1");
    }
    let mut stranger = visit(&house, None).await;
    let answer = stranger.get("/v1/callers").await;
    assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"), "no platform API here");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_sealed_it_says_so() {
    let house = House::sealed(LISTENER).await;
    let answer = visit(&house, None).await.get("/test/who").await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "sealed"));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_or_revoked_certificate_is_refused_and_entered_not_taken_as_none() {
    let house = house("").await;
    let expired =
        house.credential("officers-ca", "urn:cinnabar:demo:officer:officer-1", now() - 3 * 86_400, 1);
    let answer = visit(&house, Some(&expired)).await.get("/test/who").await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "certificate-expired"));
    assert_eq!(house.refusals("certificate-expired").await, 1);

    let machine = house.machine("approvals", &["sealer"]).await;
    let mut open = visit(&house, Some(&machine)).await;
    assert_eq!(&open.get("/test/who").await.body[..], b"approvals");
    let mut officer = house.connect(&house.officer(1)).await;
    let fingerprint = hex::encode(machine.certificate.sha256_fingerprint());
    let path = format!("/v1/certificates/{fingerprint}/revoke");
    assert_eq!(officer.post(&path, &json!({ "reason": "keyCompromise" })).await.status, 200);
    let revoked = Instant::now();
    let refused = loop {
        let answer = open.get("/test/who").await;
        if answer.status != 200 {
            break answer;
        }
        assert!(revoked.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((refused.status, refused.problem().as_str()), (403, "certificate-revoked"));
    assert!(open.send(Method::GET, "/test/who", &[], Vec::new()).await.is_err(), "closed after the answer");
    assert!(house.refusals("certificate-revoked").await >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_no_handshake() {
    let house = house("").await;
    let other = House::open().await;
    if let Ok(mut client) = house.try_connect_to(house.enrolment[0], Some(&other.officer(1))).await {
        assert!(client.send(Method::GET, "/test/who", &[], Vec::new()).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_spoken_only_where_configured() {
    use rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};
    use rustls::version::{TLS12, TLS13};
    let strict = house("").await;
    assert_eq!(shake(&strict, strict.enrolment[0], &TLS13).await, Ok(TLSv1_3));
    assert!(shake(&strict, strict.enrolment[0], &TLS12).await.is_err());
    let lenient = house("tls12 = true").await;
    assert_eq!(shake(&lenient, lenient.enrolment[0], &TLS12).await, Ok(TLSv1_2));
    assert_eq!(shake(&lenient, lenient.enrolment[0], &TLS13).await, Ok(TLSv1_3));
    assert!(shake(&lenient, lenient.platform[0], &TLS12).await.is_err(), "the platform API never");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_bounded_by_address_and_callers_are_not_hindered() {
    let house = house("requests_per_second = 1\nrequest_burst = 3\nbody = 4096").await;
    let mut stranger = visit(&house, None).await;
    let answer = stranger.send(Method::POST, "/test/measure", &[], vec![0; 4096]).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"4096"[..]));
    let answer = stranger.send(Method::POST, "/test/measure", &[], vec![0; 4097]).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
    let mut another = visit(&house, None).await;
    let mut last = another.get("/test/who").await;
    for _ in 0..5 {
        last = another.get("/test/who").await;
    }
    assert_eq!((last.status, last.problem().as_str()), (429, "too-many-requests"));
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    let mut officer = visit(&house, Some(&house.officer(1))).await;
    for _ in 0..10 {
        assert_eq!(officer.get("/test/who").await.status, 200);
    }
    assert_eq!(house.refusals("too-many-requests").await, 0, "strangers are counted, not entered");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_address_are_bounded_and_dawdlers_let_go() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let limits = "handshake_seconds = 1\nidle_seconds = 1";
    let house = House::with(&format!("{limits}\n{LISTENER}\nconnections_per_peer = 2")).await;
    let mut silent = tokio::net::TcpStream::connect(house.enrolment[0]).await.unwrap();
    let started = Instant::now();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0, "no handshake within its time");
    assert!(started.elapsed() < Duration::from_secs(5));

    let mut slow = house.raw_to(house.enrolment[0], None).await;
    slow.write_all(b"GET /test/who HTTP/1.1\r\n").await.unwrap();
    let started = Instant::now();
    let _ = slow.read_to_end(&mut Vec::new()).await;
    assert!(started.elapsed() < Duration::from_secs(6), "a head that does not end");

    let held = [visit(&house, None).await, visit(&house, None).await];
    let mut third = tokio::net::TcpStream::connect(house.enrolment[0]).await.unwrap();
    let started = Instant::now();
    assert_eq!(third.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(started.elapsed() < Duration::from_millis(800), "closed at once, not for idling");
    assert_eq!(house.connect(&house.officer(1)).await.get("/v1/callers").await.status, 200);
    drop(held);
    let metrics = house.admin(Method::GET, "/metrics", "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(metrics.contains("cinnabar_connections_refused_total{bound=\"enrolment-peer\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_cannot_use_a_browsers_certificate_or_password_but_need_no_leave_without() {
    let house = house("").await;
    let foreign = ("origin", "https://evil.example");
    let mut stranger = visit(&house, None).await;
    let answer = stranger.send(Method::POST, "/test/who", &[foreign], Vec::new()).await.unwrap();
    assert_eq!(answer.status, 200, "nothing is added by a browser that shows no credential");
    let password = ("authorization", "Basic YTpi");
    let answer = stranger.send(Method::POST, "/test/who", &[foreign, password], Vec::new()).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (403, "foreign-origin"));
    let mut officer = visit(&house, Some(&house.officer(1))).await;
    let answer = officer.send(Method::POST, "/test/who", &[foreign], Vec::new()).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (403, "foreign-origin"));
    assert_eq!(house.refusals("foreign-origin").await, 1, "the officer's is entered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_put_in_force_without_dropping_connections() {
    let own = "certificate = \"tls/enrolment.crt\"\nkey = \"tls/enrolment.key\"";
    let house = House::prepared(&format!("{LISTENER}\n{own}"), |parts| {
        parts.server_certificate_in("enrolment");
    })
    .await;
    house.unseal().await;
    let mut open = visit(&house, None).await;
    assert_eq!(open.get("/test/who").await.status, 200);
    let before = house.shown_by(house.enrolment[0]).await;
    assert_ne!(before, house.shown_by(house.platform[0]).await, "its own certificate");
    let fresh = house.parts().server_certificate_in("enrolment");
    assert_eq!(house.admin(Method::POST, "/reload", "").await.status, 200);
    assert_eq!(house.shown_by(house.enrolment[0]).await, fresh.der());
    assert_eq!(open.get("/test/who").await.status, 200, "the open connection goes on");

    std::fs::write(house.folder.path().join("tls/enrolment.crt"), "nothing").unwrap();
    assert_eq!(house.admin(Method::POST, "/reload", "").await.status, 409);
    assert_eq!(house.shown_by(house.enrolment[0]).await, fresh.der(), "what is in force stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_is_graceful() {
    let house = house("").await;
    let mut open = visit(&house, None).await;
    assert_eq!(open.get("/test/who").await.status, 200);
    house.stop.stop();
    tokio::time::timeout(Duration::from_secs(5), house.running).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_bodies_without_end_are_cut_and_the_listener_lives() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::with(&format!(
        "headers = 8192\nrequest_seconds = 2\nidle_seconds = 2\n{LISTENER}\nbody = 4096"
    ))
    .await;
    let told = |mut stream: tokio_rustls::client::TlsStream<tokio::net::TcpStream>| async move {
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "still open after 15 s");
        String::from_utf8_lossy(&answer).into_owned()
    };
    let begin = |head: String| {
        let house = &house;
        async move {
            let mut stream = house.raw_to(house.enrolment[0], None).await;
            let _ = stream.write_all(head.as_bytes()).await;
            stream
        }
    };
    // A head over the bound, in one line and in many.
    let long = format!("GET /test/who HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(100_000));
    let answer = told(begin(long).await).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many: String = (0..200).map(|at| format!("x-{at}: a\r\n")).collect();
    let answer = told(begin(format!("GET /test/who HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")).await).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");

    // A body without a length that goes over the bound, and one that never comes.
    let head = "POST /test/measure HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 3000, "a".repeat(3000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    assert!(told(begin(chunked).await).await.starts_with("HTTP/1.1 413"));
    let started = Instant::now();
    let dribbled = told(begin(format!("{head}content-length: 100\r\n\r\nabc")).await).await;
    assert!(dribbled.starts_with("HTTP/1.1 408"), "{dribbled}");
    assert!(started.elapsed() < Duration::from_secs(10));

    // Two lengths, or a length and chunks, are how requests are smuggled (RFC 9112 §6.3).
    for both in
        ["content-length: 3\r\ncontent-length: 4\r\n", "content-length: 3\r\ntransfer-encoding: chunked\r\n"]
    {
        let answer = told(begin(format!("{head}{both}\r\n3\r\nabc\r\n0\r\n\r\n")).await).await;
        assert!(!answer.starts_with("HTTP/1.1 200") || !answer.contains("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(visit(&house, None).await.get("/test/who").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_hold_many_bodies_open() {
    use tokio::io::AsyncWriteExt;
    let house = house("connections_per_peer = 60\nrequests_per_second = 1000\nrequest_burst = 1000").await;
    let head = b"POST /test/measure HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc";
    let mut held = Vec::new();
    for _ in 0..32 {
        let mut stream = house.raw_to(house.enrolment[0], None).await;
        stream.write_all(head).await.unwrap();
        held.push(stream);
    }
    let mut client = visit(&house, None).await;
    let mut refused = None;
    for _ in 0..50 {
        let answer = client.send(Method::POST, "/test/measure", &[], vec![0; 10]).await.unwrap();
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(refused.expect("the share of bodies is used up").problem(), "too-many-requests");
    assert_eq!(client.get("/test/who").await.status, 200, "requests without a body go on");
    drop(held);
    for _ in 0..100 {
        if client.send(Method::POST, "/test/measure", &[], vec![0; 10]).await.unwrap().status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("places do not come back");
}
