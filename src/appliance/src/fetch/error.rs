//! Why something was not fetched, and how to mend it.

use std::net::IpAddr;
use std::path::PathBuf;

/// Why an outgoing connection was not made, or its answer not taken.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is no URL, or of another scheme than `http` and `https`, or carries a password.
    #[error("`{url}` cannot be fetched: {reason}")]
    Url {
        /// The URL, without any password.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The port may not be connected to.
    #[error("port {port} of `{host}` is not allowed; an operator can add it to `fetch.ports`")]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// None of the host's addresses may be connected to.
    #[error(
        "`{host}` is at {address}, which is not allowed; an operator can add its network to `fetch.networks`"
    )]
    Address {
        /// The host.
        host: String,
        /// The first of its addresses.
        address: IpAddr,
    },
    /// The name does not exist, has no such records, or the resolver did not answer.
    #[error("`{name}` cannot be resolved: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What the resolver said.
        reason: String,
    },
    /// Records other than addresses need a resolver.
    #[error("no DNS server is configured; an operator can set `fetch.dns`")]
    NoResolver,
    /// No connection came about, or it broke.
    #[error("`{host}` does not answer: {source}")]
    Connection {
        /// The host.
        host: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server could not be authenticated.
    #[error("the TLS handshake with `{host}` failed: {source}; its issuer must stand in `fetch.roots`")]
    Tls {
        /// The host.
        host: String,
        /// What rustls said.
        source: std::io::Error,
    },
    /// It does not speak HTTP/1.1, or its head is over the bound.
    #[error("the answer of `{host}` is not HTTP: {source}")]
    Http {
        /// The host.
        host: String,
        /// What was wrong.
        source: hyper::Error,
    },
    /// Another status than 2xx.
    #[error("`{url}` answered with status {status}")]
    Status {
        /// The URL that answered.
        url: String,
        /// The status.
        status: u16,
    },
    /// The body was encoded although nothing but `identity` was accepted.
    #[error("`{url}` answered with content-encoding `{encoding}`, which was not asked for")]
    Encoded {
        /// The URL that answered.
        url: String,
        /// What stands in the header.
        encoding: String,
    },
    /// The body is over the bound.
    #[error("the answer of `{url}` is larger than {limit} octets")]
    TooLarge {
        /// The URL that answered.
        url: String,
        /// The bound.
        limit: u64,
    },
    /// The time was over.
    #[error("`{host}` took more than {seconds} s")]
    TooSlow {
        /// The host of the URL asked for first.
        host: String,
        /// The bound.
        seconds: u64,
    },
    /// A redirect that is not followed.
    #[error("`{url}` redirects: {reason}")]
    Redirect {
        /// The URL that redirected.
        url: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// A file of roots cannot be used.
    #[error("`{path}` of `fetch.roots` cannot be used: {reason}")]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
