//! The one client for everything the appliance fetches from elsewhere (decision 35).
//!
//! ACME validation, foreign time-stamps, CRLs, OCSP and trust lists all go through [`Client`], because each of them
//! takes an address from somebody who may mean harm (server-side request forgery). So: where it may connect to is the
//! operator's decision and by default nowhere; names are resolved once, each address is judged, and a judged address is
//! what is connected to, on every redirect again; sizes, times and redirects are bounded while they happen; no proxy
//! and no setting comes from the environment, no cookie or credential is kept. It is no general HTTP client: HTTP/1.1,
//! one request a connection, and only 2xx is an answer.

mod error;
mod exchange;
mod guard;
mod resolve;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use error::FetchError;
pub use resolve::Caa;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::config::Fetch;
use guard::Guard;
use resolve::Resolver;

/// The client. Cheap to clone; holds no connection.
#[derive(Clone)]
pub struct Client {
    guard: Arc<Guard>,
    resolver: Resolver,
    tls: Option<TlsConnector>,
    time: Duration,
    bytes: u64,
    redirects: u8,
}

/// An answer with a 2xx status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status, 200 to 299.
    pub status: u16,
    /// The media type without parameters, lower case; empty when none was said.
    pub media_type: String,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
    /// Where it came from in the end.
    pub url: String,
}

impl Client {
    /// A client within the operator's bounds.
    ///
    /// # Errors
    /// [`FetchError::Roots`] when a file of roots cannot be used.
    pub fn new(config: &Fetch) -> Result<Self, FetchError> {
        Ok(Self {
            guard: Arc::new(Guard::new(&config.networks, &config.ports)),
            resolver: config.dns.map_or(Resolver::System, Resolver::Server),
            tls: exchange::connector(&config.roots)?,
            time: Duration::from_secs(config.seconds.max(1)),
            bytes: config.bytes,
            redirects: config.redirects,
        })
    }

    /// A client that may connect to the very host and port of `url`, because a person typed it: its addresses as they
    /// are now, no others by redirect. For the command line; `config` gives the other bounds.
    ///
    /// # Errors
    /// [`FetchError`] when the URL cannot be used or its name not resolved.
    pub async fn to_host_of(url: &str, config: &Fetch) -> Result<Self, FetchError> {
        let typed = checked(url)?;
        let mut client = Self::new(config)?;
        let host = bare(typed.host_str().unwrap_or_default());
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => client.resolver.addresses(host).await?,
        };
        let networks: Vec<ipnet::IpNet> = addresses.into_iter().map(ipnet::IpNet::from).collect();
        client.guard = Arc::new(Guard::new(&networks, &[typed.port_or_known_default().unwrap_or(0)]));
        Ok(client)
    }

    /// Fetches `url` with GET: at most `max` octets (and at most the configured bound), `accept` as Accept header.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &str, max: u64, accept: &str) -> Result<Answer, FetchError> {
        let request = exchange::Ask { max: max.min(self.bytes), accept, body: None };
        self.bounded(url, self.follow(url, request)).await
    }

    /// Sends `body` to `url` with POST and fetches the answer, of at most `max` octets. Redirects that keep the
    /// method are followed (307 and 308, RFC 9110 §15.4); any other is an error.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
        max: u64,
    ) -> Result<Answer, FetchError> {
        let body = Some((content_type, body.into()));
        let request = exchange::Ask { max: max.min(self.bytes), accept: "*/*", body };
        self.bounded(url, self.follow(url, request)).await
    }

    /// A TCP connection to a host (a name or an address) that may be connected to.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, FetchError> {
        self.bounded(host, self.open(host, port)).await
    }

    /// Text of a name's TXT records, the character strings of each joined; empty when it has none. From the
    /// configured DNS server, never from a cache of ours.
    ///
    /// # Errors
    /// [`FetchError::NoResolver`] without `fetch.dns`; [`FetchError::Name`] when the server fails.
    pub async fn resolve_txt(&self, name: &str) -> Result<Vec<Vec<u8>>, FetchError> {
        self.bounded(name, self.resolver.txt(name)).await
    }

    /// A name's CAA records (RFC 8659), of this name alone: climbing the tree is the issuer's.
    ///
    /// # Errors
    /// As [`Client::resolve_txt`].
    pub async fn resolve_caa(&self, name: &str) -> Result<Vec<Caa>, FetchError> {
        self.bounded(name, self.resolver.caa(name)).await
    }

    async fn bounded<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        match tokio::time::timeout(self.time, work).await {
            Ok(done) => done,
            Err(_) => {
                let host = Url::parse(what).ok().and_then(|url| url.host_str().map(str::to_owned));
                let host = host.unwrap_or_else(|| what.to_owned());
                Err(FetchError::TooSlow { host, seconds: self.time.as_secs() })
            }
        }
    }

    async fn follow(&self, url: &str, ask: exchange::Ask<'_>) -> Result<Answer, FetchError> {
        let mut url = checked(url)?;
        let mut left = self.redirects;
        loop {
            let host = url.host_str().unwrap_or_default().to_owned();
            let port = url.port_or_known_default().unwrap_or(0);
            let stream = self.open(&host, port).await?;
            let reply = exchange::send(self.tls.as_ref(), stream, &url, &ask).await?;
            let status = reply.response.status();
            if !status.is_redirection() {
                return exchange::read(reply, url, ask.max).await;
            }
            let refuse = |reason| FetchError::Redirect { url: url.to_string(), reason };
            match status.as_u16() {
                307 | 308 => {}
                301..=303 if ask.body.is_none() => {}
                301..=303 => return Err(refuse("it would turn POST into GET")),
                _ => return Err(refuse("with a status that is not followed")),
            }
            left = left.checked_sub(1).ok_or_else(|| refuse("more often than `fetch.redirects` allows"))?;
            let location =
                reply.response.headers().get(http::header::LOCATION).map(http::HeaderValue::to_str);
            let Some(Ok(location)) = location else { return Err(refuse("without saying whereto")) };
            let next = url.join(location).map_err(|_| refuse("to what is no URL"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(refuse("from https to a scheme without protection"));
            }
            url = checked(next.as_str())?;
        }
    }

    async fn open(&self, host: &str, port: u16) -> Result<TcpStream, FetchError> {
        if !self.guard.port(port) {
            return Err(FetchError::Port { host: host.to_owned(), port });
        }
        let bare = bare(host);
        let addresses = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.addresses(bare).await?,
        };
        let first = addresses.first().copied().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        // INVARIANT: what was judged is what is connected to; there is no second resolution.
        let mut failed = FetchError::Address { host: host.to_owned(), address: first };
        for address in addresses.into_iter().filter(|address| self.guard.address(*address)) {
            match TcpStream::connect(SocketAddr::new(address, port)).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(source) => failed = FetchError::Connection { host: host.to_owned(), source },
            }
        }
        Err(failed)
    }
}

/// An IPv6 address without the brackets that it has in a URL.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// `http` or `https`, with a host, without user information and fragment.
fn checked(text: &str) -> Result<Url, FetchError> {
    let wrong = |url: &str, reason| Err(FetchError::Url { url: url.to_owned(), reason });
    let Ok(mut url) = Url::parse(text) else { return wrong(text, "it is not a URL") };
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it may hold a password.
        return wrong(url.host_str().unwrap_or_default(), "it carries a user name or password");
    }
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return wrong(text, "only `http://HOST/…` and `https://HOST/…` are fetched");
    }
    url.set_fragment(None);
    Ok(url)
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("guard", &self.guard).finish_non_exhaustive()
    }
}
