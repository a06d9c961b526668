//! A client of the platform API: HTTP/1.1 over TLS 1.3 with a client certificate.
//!
//! [`Client::call`] is for suites: blocking, one connection per request, every answer as it came. [`Client::connect`] is for load:
//! a kept connection. Written apart from the command line's client on purpose: two readings of the same API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde_json::Value;

/// A credential folder: `certificate.pem`, `chain.pem`, `key.pem`, `root.pem`.
#[derive(Debug, Clone)]
pub struct Identity(pub PathBuf);

impl Identity {
    /// The client's own certificate and those below the root, leaf first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let mut chain = certificates(&self.0.join("certificate.pem"));
        chain.extend(certificates(&self.0.join("chain.pem")));
        chain.dedup();
        chain
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(self.0.join("key.pem")).expect("key.pem")
    }

    pub fn roots(&self) -> Vec<CertificateDer<'static>> {
        certificates(&self.0.join("root.pem"))
    }
}

/// The certificates of a PEM file.
pub fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// An answer, its body read.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.told()))
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.told());
        self
    }

    /// The last part of the problem's type; the test ends if it is not an RFC 9457 answer with the members ours always has.
    #[track_caller]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.told());
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16(), "{}", self.told());
        assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{}", self.told());
        let kind = body["type"].as_str().unwrap_or_default();
        kind.strip_prefix("urn:cinnabar:problem:").unwrap_or_else(|| panic!("{}", self.told())).to_owned()
    }

    /// Index of the log leaf that records the act.
    #[track_caller]
    pub fn leaf(&self) -> u64 {
        self.header("cinnabar-leaf").parse().unwrap_or_else(|_| panic!("no leaf: {}", self.told()))
    }

    pub fn told(&self) -> String {
        let shown = String::from_utf8_lossy(&self.body[..self.body.len().min(600)]).into_owned();
        format!("{} {:?}\n{shown}", self.status, self.headers)
    }
}

/// One caller of one server.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

/// A kept connection.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// A client that shows the identity's certificate and trusts its root.
    pub fn new(port: u16, identity: &Identity) -> Self {
        Self::with(port, &identity.roots(), Some((identity.chain(), identity.key())))
    }

    /// A client with any certificate, or none.
    pub fn with(
        port: u16,
        roots: &[CertificateDer<'static>],
        shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Self {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.clone()).expect("root");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(store);
        let tls = match shown {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).expect("client certificate"),
            None => builder.with_no_client_auth(),
        };
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), tls: Arc::new(tls) }
    }

    /// The same client over IPv6.
    #[must_use]
    pub fn ipv6(mut self) -> Self {
        self.address = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], self.address.port()));
        self
    }

    /// The same client, not looking at the server's certificate: for services that live in another year.
    #[must_use]
    pub fn trusting_expired_servers(mut self) -> Self {
        let mut tls = (*self.tls).clone();
        tls.dangerous().set_certificate_verifier(Arc::new(AnyServer));
        self.tls = Arc::new(tls);
        self
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// What the system or TLS said.
    pub async fn connect(&self) -> Result<Connection, String> {
        let stream = tokio::net::TcpStream::connect(self.address).await.map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
        let stream = tokio_rustls::TlsConnector::from(self.tls.clone())
            .connect(name, stream)
            .await
            .map_err(|e| e.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| told(&e))?;
        tokio::spawn(connection);
        Ok(Connection { sender })
    }

    /// One request on a connection of its own.
    ///
    /// # Errors
    /// What went wrong below HTTP: no connection, a TLS alert, a broken connection.
    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let request = request(method, path, headers, body.into());
        blocking(async {
            let work = async { self.connect().await?.send(request).await };
            tokio::time::timeout(Duration::from_secs(180), work)
                .await
                .map_err(|_| "no answer within 180 s".to_owned())?
        })
    }

    /// As [`Client::try_call`], where any answer is expected.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.try_call(method, path, headers, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], Bytes::new())
    }

    /// `POST` of JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let key = unique();
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        self.call("POST", path, &headers, body.to_string())
    }

    /// Has a PDF sealed; `query` names the seal and the place.
    #[track_caller]
    pub fn seal(&self, query: &str, pdf: impl Into<Bytes>) -> Answer {
        let key = unique();
        let headers = [("content-type", "application/pdf"), ("idempotency-key", key.as_str())];
        self.call("POST", &format!("/v1/documents/seal?{query}"), &headers, pdf)
    }
}

/// An answer whose body is read piece by piece.
#[derive(Debug)]
pub struct Streamed(hyper::body::Incoming);

impl Streamed {
    /// The next piece of the body; none at its end, or where it broke off.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.0.frame().await?.ok()?.into_data() {
                Ok(data) => return Some(data),
                Err(_trailers) => {}
            }
        }
    }
}

impl Connection {
    /// Sends one request and hands over the body of its answer as it comes.
    ///
    /// # Errors
    /// What hyper or TLS said, or a status that is none of success.
    pub async fn begin(&mut self, request: Request<Full<Bytes>>) -> Result<Streamed, String> {
        self.sender.ready().await.map_err(|e| told(&e))?;
        let (head, body) = self.sender.send_request(request).await.map_err(|e| told(&e))?.into_parts();
        if head.status.is_success() { Ok(Streamed(body)) } else { Err(head.status.to_string()) }
    }

    /// Sends one request and reads the answer.
    ///
    /// # Errors
    /// What hyper or TLS said.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        self.sender.ready().await.map_err(|e| told(&e))?;
        let (head, body) = self.sender.send_request(request).await.map_err(|e| told(&e))?.into_parts();
        let body = body.collect().await.map_err(|e| told(&e))?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// Accepts any server; the handshake's signature is not looked at either.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ED25519,
            SignatureScheme::RSA_PSS_SHA256,
        ]
    }
}

/// A request to the platform API.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body)).expect("request")
}

/// An idempotency key nobody used before.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("clock").as_nanos();
    format!("{:x}-{:x}-{:x}", std::process::id(), now, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Percent-encodes a query value (RFC 3986 §2.3).
pub fn encode(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Runs a future to its end on this thread.
pub fn blocking<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(future)
}

fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
