//! The command line's own client: HTTP/1.1 over mutual TLS to the platform API, or over the admin socket.
//!
//! One request per connection; bodies are streamed from files. Certificates of the server are checked
//! against the identity's root, never against the system's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;

/// A caller's credentials: the folder that `cinnabar init` and `cinnabar caller add` write.
#[derive(Debug, Clone)]
pub struct Identity {
    directory: PathBuf,
}

/// Why a request did not bring an answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file of the identity is missing or unreadable.
    #[error("cannot read `{path}`: {reason}; name a credential folder with --identity")]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The server's address is not a usable URL.
    #[error("`{0}` is not a server address; write https://HOST:PORT")]
    Address(String),
    /// Nothing answers there.
    #[error("cannot reach `{address}`: {reason}; is the service running? (`cinnabar status` tells)")]
    Unreachable {
        /// Host and port, or the socket's path.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("no TLS connection with `{address}`: {reason}")]
    Tls {
        /// Host and port.
        address: String,
        /// The alert or the check that failed.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection broke before the answer was complete: {0}")]
    Broken(String),
    /// The service refused (RFC 9457 problem details).
    #[error("{}", problem_text(*.status, .problem))]
    Problem {
        /// HTTP status.
        status: u16,
        /// The problem document.
        problem: Value,
    },
}

/// An answer with its body in memory.
#[derive(Debug)]
pub struct Answer {
    /// Status line and headers.
    pub head: http::response::Parts,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The body as JSON; `null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Talks to one server as one caller.
#[derive(Debug)]
pub struct Client {
    target: Target,
}

#[derive(Debug)]
enum Target {
    Platform { host: String, port: u16, tls: Arc<rustls::ClientConfig> },
    Admin { socket: PathBuf },
}

impl Identity {
    /// The credentials in `directory`: `certificate.pem`, `chain.pem`, `key.pem`, `root.pem`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.into() }
    }

    fn tls(&self) -> Result<rustls::ClientConfig, ClientError> {
        let failed =
            |name: &str, reason: String| ClientError::Identity { path: self.directory.join(name), reason };
        let read = |name: &str| -> Result<Vec<CertificateDer<'static>>, ClientError> {
            CertificateDer::pem_file_iter(self.directory.join(name))
                .and_then(Iterator::collect)
                .map_err(|e| failed(name, e.to_string()))
        };
        let mut roots = rustls::RootCertStore::empty();
        for root in read("root.pem")? {
            roots.add(root).map_err(|e| failed("root.pem", e.to_string()))?;
        }
        let mut chain = read("certificate.pem")?;
        chain.extend(read("chain.pem")?);
        let key = PrivateKeyDer::from_pem_file(self.directory.join("key.pem"))
            .map_err(|e| failed("key.pem", e.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| failed("certificate.pem", e.to_string()))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|e| failed("key.pem", e.to_string()))
    }
}

impl Client {
    /// A client of the platform API at `server` (`https://HOST:PORT`).
    ///
    /// # Errors
    /// [`ClientError::Address`] and [`ClientError::Identity`].
    pub fn platform(server: &str, identity: &Identity) -> Result<Self, ClientError> {
        let uri: Uri = server.parse().map_err(|_| ClientError::Address(server.into()))?;
        let (Some("https"), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(ClientError::Address(server.into()));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(443);
        Ok(Self { target: Target::Platform { host, port, tls: Arc::new(identity.tls()?) } })
    }

    /// A client of the local admin listener.
    #[must_use]
    pub fn admin(socket: &Path) -> Self {
        Self { target: Target::Admin { socket: socket.into() } }
    }

    /// Sends one request and reads the answer; problem details become [`ClientError::Problem`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
        let response = self.stream(method, path, headers, body).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| ClientError::Broken(e.to_string()))?.to_bytes();
        Ok(Answer { head, body })
    }

    /// Sends one request whose body may be long, and hands over the answer as it comes; problem details become
    /// [`ClientError::Problem`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stream(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Outgoing,
    ) -> Result<Response<Incoming>, ClientError> {
        let mut request = Request::builder().method(method).uri(path).header("host", self.host());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).map_err(|e| ClientError::Address(format!("{path}: {e}")))?;
        let response = match &self.target {
            Target::Platform { host, port, tls } => {
                let address = format!("{host}:{port}");
                let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await.map_err(|e| {
                    ClientError::Unreachable { address: address.clone(), reason: e.to_string() }
                })?;
                let _ = stream.set_nodelay(true);
                let name =
                    ServerName::try_from(host.clone()).map_err(|_| ClientError::Address(host.clone()))?;
                let stream = tokio_rustls::TlsConnector::from(tls.clone())
                    .connect(name, stream)
                    .await
                    .map_err(|e| ClientError::Tls { address, reason: e.to_string() })?;
                exchange(TokioIo::new(stream), request).await?
            }
            Target::Admin { socket } => {
                let stream = tokio::net::UnixStream::connect(socket).await.map_err(|e| {
                    ClientError::Unreachable { address: socket.display().to_string(), reason: e.to_string() }
                })?;
                exchange(TokioIo::new(stream), request).await?
            }
        };
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| ClientError::Broken(e.to_string()))?.to_bytes();
        Err(ClientError::Problem { status: status.as_u16(), problem: Answer { head, body }.json() })
    }

    /// `GET path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// `METHOD path` with a JSON body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Result<Answer, ClientError> {
        let key = uuid::Uuid::new_v4().to_string();
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        self.send(method, path, &headers, Bytes::from(body.to_string())).await
    }

    fn host(&self) -> String {
        match &self.target {
            Target::Platform { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Target::Platform { host, port, .. } => format!("{host}:{port}"),
            Target::Admin { .. } => "localhost".into(),
        }
    }
}

/// A request body of any length.
pub type Outgoing = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

async fn exchange<S>(stream: S, request: Request<Outgoing>) -> Result<Response<Incoming>, ClientError>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let broken = |e: hyper::Error| ClientError::Broken(error_chain(&e));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(broken)?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await;
    match response {
        Ok(response) => Ok(response),
        Err(error) => {
            driver.abort();
            Err(broken(error))
        }
    }
}

/// An error with all its causes, for TLS alerts hide below two layers.
fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// A problem in words.
#[must_use]
pub fn problem_text(status: u16, problem: &Value) -> String {
    let field = |name: &str| problem.get(name).and_then(Value::as_str);
    let title = field("title").unwrap_or("the service refused without saying why");
    let mut text = format!("{title} ({status})");
    if let Some(detail) = field("detail") {
        text = format!("{text}: {detail}");
    }
    if let Some(kind) = field("type") {
        text = format!("{text} [{kind}]");
    }
    if let Some(id) = field("request_id") {
        text = format!("{text} request {id}");
    }
    text
}
