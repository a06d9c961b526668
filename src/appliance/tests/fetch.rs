//! The guarded client against real servers: what it fetches, and every way in which it must not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use appliance::config::Fetch;
use appliance::fetch::{Client, FetchError};
use bytes::Bytes;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType, rdata};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

type Body = BoxBody<Bytes, Infallible>;

fn full(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed()
}

/// Serves until dropped; counts what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Server {
    async fn at<F>(address: &str, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Response<Body> + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, mut task) = (asked.clone(), JoinSet::new());
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = answer(request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, asked, _task: task }
    }

    async fn new<F>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Response<Body> + Clone + Send + Sync + 'static,
    {
        Self::at("127.0.0.1:0", answer).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Answers each name's questions from a table; anything else does not exist.
struct Dns {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl Dns {
    async fn new(table: Vec<(&'static str, RData)>, cut: bool) -> Self {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = udp.local_addr().unwrap();
        let tcp = TcpListener::bind(address).await.unwrap();
        let mut task = JoinSet::new();
        let over_tcp = table.clone();
        task.spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, peer)) = udp.recv_from(&mut buffer).await {
                let mut answer = answered(&buffer[..length], &table);
                if cut {
                    answer.metadata.truncation = true;
                    answer.answers.clear();
                }
                // First what an attacker might send: another id. It must be passed over.
                let mut forged = answer.clone();
                forged.metadata.id = forged.metadata.id.wrapping_add(1);
                forged.answers.clear();
                udp.send_to(&forged.to_vec().unwrap(), peer).await.unwrap();
                udp.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
            }
        });
        task.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut question = vec![0; length.into()];
                stream.read_exact(&mut question).await.unwrap();
                let answer = answered(&question, &over_tcp).to_vec().unwrap();
                stream.write_u16(answer.len().try_into().unwrap()).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        Self { address, _task: task }
    }
}

fn answered(question: &[u8], table: &[(&str, RData)]) -> Message {
    let question = Message::from_vec(question).unwrap();
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    let asked = question.queries[0].clone();
    let name = asked.name().to_ascii();
    let known = table.iter().filter(|(known, _)| *known == name.trim_end_matches('.'));
    let matching: Vec<_> =
        known.clone().filter(|(_, data)| data.record_type() == asked.query_type()).collect();
    if name.starts_with("broken") {
        answer.metadata.response_code = ResponseCode::ServFail;
    } else if known.count() == 0 {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    for (_, data) in matching {
        answer.add_answer(Record::from_rdata(asked.name().clone(), 60, data.clone()));
    }
    answer.add_query(asked);
    answer
}

fn a(address: &str) -> RData {
    match address.parse().unwrap() {
        IpAddr::V4(address) => RData::A(rdata::A(address)),
        IpAddr::V6(address) => RData::AAAA(rdata::AAAA(address)),
    }
}

fn bounds(ports: &[SocketAddr]) -> Fetch {
    Fetch {
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        ports: ports.iter().map(SocketAddr::port).collect(),
        seconds: 5,
        ..Fetch::default()
    }
}

fn client(ports: &[SocketAddr]) -> Client {
    Client::new(&bounds(ports)).unwrap()
}

#[tokio::test]
async fn what_is_allowed_is_fetched() {
    let server = Server::new(|request| {
        assert_eq!(request.headers()["accept"], "text/plain");
        assert!(request.headers()["host"].to_str().unwrap().starts_with("127.0.0.1:"));
        assert_eq!(request.uri().to_string(), "/a?b=c");
        Response::builder().header("content-type", "Text/Plain; charset=utf-8").body(full("found")).unwrap()
    })
    .await;
    let answer = client(&[server.address]).get(&server.url("/a?b=c#d"), 5, "text/plain").await.unwrap();
    assert_eq!(
        (answer.status, answer.media_type.as_str(), answer.body.as_slice()),
        (200, "text/plain", &b"found"[..])
    );
}

#[tokio::test]
async fn what_is_sent_arrives() {
    let server = Server::new(|request| {
        assert_eq!(
            (request.method().as_str(), &request.headers()["content-type"]),
            ("POST", &"a/b".parse::<http::HeaderValue>().unwrap())
        );
        assert_eq!(request.headers()["content-length"], "4");
        Response::new(full("done"))
    })
    .await;
    let answer =
        client(&[server.address]).post(&server.url("/"), "a/b", b"body".to_vec(), 100).await.unwrap();
    assert_eq!(answer.body, b"done");
}

#[tokio::test]
async fn by_default_nothing_is_fetched() {
    let server = Server::new(|_| Response::new(full("secret"))).await;
    let nothing = Client::new(&Fetch::default()).unwrap();
    assert!(matches!(nothing.get(&server.url("/"), 10, "*/*").await, Err(FetchError::Port { .. })));
    let ports_alone = Client::new(&Fetch { networks: vec![], ..bounds(&[server.address]) }).unwrap();
    for host in ["127.0.0.1", "localhost", "LocalHost.", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"] {
        let url = format!("http://{host}:{}/", server.address.port());
        let error = ports_alone.get(&url, 10, "*/*").await.unwrap_err();
        assert!(matches!(error, FetchError::Address { .. }), "{host}: {error}");
        assert!(error.to_string().contains("fetch.networks"));
    }
    assert!(matches!(
        ports_alone.connect("127.0.0.1", server.address.port()).await,
        Err(FetchError::Address { .. })
    ));
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn a_redirect_is_judged_like_the_first_address() {
    let inside = Server::at("127.0.0.2:0", |_| Response::new(full("secret"))).await;
    let whereto = inside.url("/");
    let other = Server::new(|_| Response::new(full("secret"))).await;
    let other_port = other.url("/");
    let server = Server::new(move |request| {
        let location = match request.uri().path() {
            "/inside" => whereto.clone(),
            "/port" => other_port.clone(),
            "/again" => "/again".to_owned(),
            "/relative" => "found?x".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            "/user" => "http://a:b@127.0.0.1/".to_owned(),
            "/none" => return Response::builder().status(302).body(full("")).unwrap(),
            _ => return Response::new(full("found")),
        };
        Response::builder().status(302).header("location", location).body(full("")).unwrap()
    })
    .await;
    let client = client(&[server.address, inside.address]);
    let get = async |path| client.get(&server.url(path), 10, "*/*").await;
    assert!(matches!(get("/inside").await, Err(FetchError::Address { .. })));
    assert!(matches!(get("/port").await, Err(FetchError::Port { .. })));
    assert!(matches!(get("/again").await, Err(FetchError::Redirect { .. })));
    assert!(matches!(get("/none").await, Err(FetchError::Redirect { .. })));
    assert!(matches!(get("/file").await, Err(FetchError::Url { .. })));
    let error = get("/user").await.unwrap_err();
    assert!(matches!(&error, FetchError::Url { .. }) && !error.to_string().contains("a:b"));
    let answer = get("/relative").await.unwrap();
    assert_eq!((answer.body.as_slice(), answer.url), (&b"found"[..], server.url("/found?x")));
    let post = client.post(&server.url("/relative"), "a/b", vec![], 10).await;
    assert!(matches!(post, Err(FetchError::Redirect { .. })), "POST never becomes GET");
    assert_eq!((inside.asked(), other.asked()), (0, 0));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_and_a_mixed_one_connects_to_what_is_allowed() {
    let server = Server::new(|_| Response::new(full("found"))).await;
    let dns = Dns::new(
        vec![
            ("inside.test", a("10.0.0.1")),
            ("mapped.test", a("::ffff:10.0.0.1")),
            ("metadata.test", a("169.254.169.254")),
            ("mixed.test", a("10.0.0.1")),
            ("mixed.test", a("127.0.0.1")),
            ("text.test", RData::TXT(rdata::TXT::new(vec!["a".into(), "b".into()]))),
        ],
        false,
    )
    .await;
    let client = Client::new(&Fetch { dns: Some(dns.address), ..bounds(&[server.address]) }).unwrap();
    let port = server.address.port();
    for name in ["inside.test", "mapped.test", "metadata.test"] {
        let error = client.get(&format!("http://{name}:{port}/"), 10, "*/*").await.unwrap_err();
        assert!(matches!(error, FetchError::Address { .. }), "{name}: {error}");
    }
    for name in ["nobody.test", "text.test", "broken.test"] {
        let error = client.get(&format!("http://{name}:{port}/"), 10, "*/*").await.unwrap_err();
        assert!(matches!(error, FetchError::Name { .. }), "{name}: {error}");
    }
    assert_eq!(server.asked(), 0);
    assert_eq!(client.get(&format!("http://mixed.test:{port}/"), 10, "*/*").await.unwrap().body, b"found");
    assert!(client.connect("mixed.test", port).await.is_ok());
}

#[tokio::test]
async fn text_comes_from_the_configured_server_alone() {
    let text = RData::TXT(rdata::TXT::from_bytes(vec![b"one ", b"two"]));
    let caa = RData::CAA(rdata::CAA::new_issue(true, Some(Name::from_ascii("ca.test").unwrap()), vec![]));
    for cut in [false, true] {
        let table = vec![("text.test", text.clone()), ("text.test", caa.clone())];
        let dns = Dns::new(table, cut).await;
        let client = Client::new(&Fetch { dns: Some(dns.address), ..Fetch::default() }).unwrap();
        assert_eq!(client.resolve_txt("text.test").await.unwrap(), [b"one two"]);
        assert!(client.resolve_txt("nobody.test").await.unwrap().is_empty());
        assert!(matches!(client.resolve_txt("broken.test").await, Err(FetchError::Name { .. })));
        let caa = client.resolve_caa("text.test.").await.unwrap();
        assert_eq!(
            (caa[0].critical, caa[0].tag.as_str(), caa[0].value.as_slice()),
            (true, "issue", &b"ca.test"[..])
        );
        assert_eq!(RecordType::CAA, RData::CAA(rdata::CAA::new_issue(true, None, vec![])).record_type());
    }
    let none = Client::new(&Fetch::default()).unwrap();
    assert!(matches!(none.resolve_txt("text.test").await, Err(FetchError::NoResolver)));
}

#[tokio::test]
async fn an_endless_body_and_a_declared_large_one_are_cut() {
    let server = Server::new(|request| {
        if request.uri().path() == "/declared" {
            return Response::new(full(&"x".repeat(1001)));
        }
        let endless = futures_util::stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[0; 512]))));
        Response::new(StreamBody::new(endless).boxed())
    })
    .await;
    let client = client(&[server.address]);
    for path in ["/declared", "/endless"] {
        let error = client.get(&server.url(path), 1000, "*/*").await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { limit: 1000, .. }), "{error}");
    }
    let small = Client::new(&Fetch { bytes: 100, ..bounds(&[server.address]) }).unwrap();
    let error = small.get(&server.url("/declared"), 5000, "*/*").await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 100, .. }), "the operator's bound wins: {error}");
}

#[tokio::test]
async fn a_slow_body_and_a_silent_server_run_out_of_time() {
    let server = Server::new(|_| {
        let never = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
        Response::new(StreamBody::new(never).boxed())
    })
    .await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_address = silent.local_addr().unwrap();
    let bounds = Fetch { seconds: 1, ..bounds(&[server.address, silent_address]) };
    let client = Client::new(&bounds).unwrap();
    for url in [server.url("/"), format!("http://{silent_address}/")] {
        let error = client.get(&url, 1000, "*/*").await.unwrap_err();
        assert!(matches!(error, FetchError::TooSlow { seconds: 1, .. }), "{error}");
    }
}

#[tokio::test]
async fn only_a_success_without_encoding_is_an_answer() {
    let server = Server::new(|request| match request.uri().path() {
        "/404" => Response::builder().status(404).body(full("")).unwrap(),
        "/304" => Response::builder().status(304).body(full("")).unwrap(),
        _ => Response::builder().header("content-encoding", "gzip").body(full("x")).unwrap(),
    })
    .await;
    let client = client(&[server.address]);
    let get = async |path| client.get(&server.url(path), 10, "*/*").await;
    assert!(matches!(get("/404").await, Err(FetchError::Status { status: 404, .. })));
    assert!(matches!(get("/304").await, Err(FetchError::Redirect { .. })));
    assert!(matches!(get("/gzip").await, Err(FetchError::Encoded { .. })));
    for wrong in ["ftp://127.0.0.1/", "file:///etc/passwd", "nonsense", "http://u:p@127.0.0.1/", "unix:/x"] {
        assert!(matches!(client.get(wrong, 10, "*/*").await, Err(FetchError::Url { .. })), "{wrong}");
    }
    assert!(matches!(
        client.get(&format!("https://{}/", server.address), 10, "*/*").await,
        Err(FetchError::Url { .. })
    ));
}

#[tokio::test]
async fn https_is_judged_by_the_configured_roots() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(full("found"))) });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    });
    let url = format!("https://localhost:{}/", address.port());
    let with = |name: &str, pem: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        Client::new(&Fetch { roots: vec![path], ..bounds(&[address]) })
    };
    let trusted = with("root.pem", made.cert.pem()).unwrap();
    assert_eq!(trusted.get(&url, 10, "*/*").await.unwrap().body, b"found");
    let other = with("other.pem", stranger.cert.pem()).unwrap();
    assert!(matches!(other.get(&url, 10, "*/*").await, Err(FetchError::Tls { .. })));
    assert!(matches!(with("empty.pem", "nothing".to_owned()), Err(FetchError::Roots { .. })));
}
