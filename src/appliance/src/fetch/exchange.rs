//! One HTTP/1.1 exchange over a connection that was judged already.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::Url;

use super::{Answer, FetchError};

/// What is asked of each URL on the way.
pub(super) struct Ask<'a> {
    pub max: u64,
    pub accept: &'a str,
    /// Media type and octets of a POST.
    pub body: Option<(&'a str, Bytes)>,
}

/// The head of an answer, and the task that drives its connection: both end together.
pub(super) struct Reply {
    pub response: Response<Incoming>,
    _connection: JoinSet<()>,
}

/// Sends the request; the head of the answer.
pub(super) async fn send(
    tls: Option<&TlsConnector>,
    stream: TcpStream,
    url: &Url,
    ask: &Ask<'_>,
) -> Result<Reply, FetchError> {
    if url.scheme() != "https" {
        return over(stream, url, ask).await;
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let reason = "`https:` needs the roots of its servers in `fetch.roots`";
    let tls = tls.ok_or_else(|| FetchError::Url { url: url.to_string(), reason })?;
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare);
    let name = name
        .map_err(|_| FetchError::Url { url: url.to_string(), reason: "its host cannot be authenticated" })?;
    let stream = tls.connect(name, stream).await.map_err(|source| FetchError::Tls { host, source })?;
    over(stream, url, ask).await
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    url: &Url,
    ask: &Ask<'_>,
) -> Result<Reply, FetchError> {
    let failed = |source| FetchError::Http { host: url.host_str().unwrap_or_default().to_owned(), source };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD).max_headers(HEADERS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        let _ = connection.await;
    });
    let response = sender.send_request(request(url, ask)?).await.map_err(failed)?;
    Ok(Reply { response, _connection: driver })
}

fn request(url: &Url, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, FetchError> {
    let wrong = || FetchError::Url { url: url.to_string(), reason: "it does not fit a request" };
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = Request::builder()
        .uri(target)
        .header(header::HOST, host)
        .header(header::USER_AGENT, AGENT)
        .header(header::ACCEPT, ask.accept)
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .header(header::CONNECTION, HeaderValue::from_static("close"));
    let body = match &ask.body {
        None => Bytes::new(),
        Some((media_type, body)) => {
            request = request.method(Method::POST).header(header::CONTENT_TYPE, *media_type);
            body.clone()
        }
    };
    request.body(Full::new(body)).map_err(|_| wrong())
}

/// Reads the body, never more than `max` octets of it.
pub(super) async fn read(reply: Reply, url: Url, max: u64) -> Result<Answer, FetchError> {
    let Reply { response, _connection } = reply;
    let (head, mut body) = response.into_parts();
    let url: String = url.into();
    if !head.status.is_success() {
        return Err(FetchError::Status { url, status: head.status.as_u16() });
    }
    let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(encoding) = text(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        return Err(FetchError::Encoded { url, encoding: encoding.to_owned() });
    }
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if body.size_hint().lower() > max {
        return Err(FetchError::TooLarge { url, limit: max });
    }
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        let host = || Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let frame = frame.map_err(|source| FetchError::Http { host: host().unwrap_or_default(), source })?;
        let Ok(data) = frame.into_data() else { continue };
        if (octets.len() + data.len()) as u64 > max {
            return Err(FetchError::TooLarge { url, limit: max });
        }
        octets.extend_from_slice(&data);
    }
    Ok(Answer { status: head.status.as_u16(), media_type, headers: head.headers, body: octets, url })
}

/// TLS 1.2 or 1.3 judged by these roots; nothing without roots.
pub(super) fn connector(roots: &[PathBuf]) -> Result<Option<TlsConnector>, FetchError> {
    if roots.is_empty() {
        return Ok(None);
    }
    let mut store = RootCertStore::empty();
    for path in roots {
        let wrong = |reason: String| FetchError::Roots { path: path.clone(), reason };
        let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let certificates = pki::Certificate::from_pem(&text).map_err(|error| wrong(error.to_string()))?;
        if certificates.is_empty() {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        for certificate in certificates {
            store.add(certificate.der().to_vec().into()).map_err(|error| wrong(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config =
        config.map_err(|error| FetchError::Roots { path: PathBuf::new(), reason: error.to_string() })?;
    let config = config.with_root_certificates(store).with_no_client_auth();
    Ok(Some(TlsConnector::from(Arc::new(config))))
}

const AGENT: &str = concat!("Cinnabar/", env!("CARGO_PKG_VERSION"));
/// Largest head of an answer.
const HEAD: usize = 32 * 1024;
/// Most headers of an answer.
const HEADERS: usize = 64;
