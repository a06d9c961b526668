//! `[listeners.portal]`: the public verification pages, for whoever holds a licence or a sealed document.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::PlatformListener;

/// The portal: server TLS, no client certificate, pages and uploads of strangers (decision 34).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalListener {
    /// Addresses, IPv4 and IPv6.
    pub addresses: Vec<SocketAddr>,
    /// How the world reaches it, `https://HOST[:PORT]` without a final slash: what show-codes and QR symbols lead to.
    pub url: String,
    /// Server certificate chain, PEM; the platform listener's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Server key, PKCS#8 PEM, mode 0600; the platform listener's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Open connections in all.
    #[serde(default = "connections")]
    pub connections: usize,
    /// Open connections of one peer address.
    #[serde(default = "connections_per_peer")]
    pub connections_per_peer: usize,
    /// Sustained requests per second of one peer address.
    #[serde(default = "requests_per_second")]
    pub requests_per_second: u32,
    /// Requests that an address may send at once above the sustained rate.
    #[serde(default = "request_burst")]
    pub request_burst: u32,
    /// Verifications per minute of one peer address; pages and files of the page do not count.
    #[serde(default = "verifications_per_minute")]
    pub verifications_per_minute: u32,
    /// Largest file that is taken for verification, in octets.
    #[serde(default = "body")]
    pub body: u64,
    /// Files received or worked on at the same time; each takes up to `body` of memory.
    #[serde(default = "files_at_once")]
    pub files_at_once: usize,
}

impl PortalListener {
    /// A listener on these addresses, everything else as it is by default.
    #[must_use]
    pub fn on(addresses: Vec<SocketAddr>, url: String) -> Self {
        Self {
            addresses,
            url,
            certificate: None,
            key: None,
            connections: connections(),
            connections_per_peer: connections_per_peer(),
            requests_per_second: requests_per_second(),
            request_burst: request_burst(),
            verifications_per_minute: verifications_per_minute(),
            body: body(),
            files_at_once: files_at_once(),
        }
    }

    /// Its certificate file and its key file.
    #[must_use]
    pub fn files<'a>(&'a self, platform: &'a PlatformListener) -> (&'a Path, &'a Path) {
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => (certificate, key),
            _ => (&platform.certificate, &platform.key),
        }
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.certificate.iter_mut().chain(self.key.iter_mut())
    }

    /// The first key whose value cannot be meant, the value, and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        if self.addresses.is_empty() {
            let mend = "name at least one address, or leave the section out";
            return Some(("listeners.portal.addresses", "[]".to_owned(), mend));
        }
        if !is_origin(&self.url) {
            let mend =
                "write what a phone would open, `https://HOST[:PORT]`, without a path or a final slash";
            return Some(("listeners.portal.url", self.url.clone(), mend));
        }
        if self.certificate.is_some() != self.key.is_some() {
            let given = if self.certificate.is_some() { "certificate" } else { "key" };
            let mend = "name `certificate` and `key` together, or neither for those of the platform listener";
            return Some(("listeners.portal", given.to_owned(), mend));
        }
        let small = "too small to work with; leave the line out for the default";
        [
            ("listeners.portal.connections", self.connections as u64, 1),
            ("listeners.portal.connections_per_peer", self.connections_per_peer as u64, 1),
            ("listeners.portal.requests_per_second", u64::from(self.requests_per_second), 1),
            ("listeners.portal.request_burst", u64::from(self.request_burst), 1),
            ("listeners.portal.verifications_per_minute", u64::from(self.verifications_per_minute), 1),
            ("listeners.portal.body", self.body, 65_536),
            ("listeners.portal.files_at_once", self.files_at_once as u64, 1),
        ]
        .into_iter()
        .find(|(_, value, least)| value < least)
        .map(|(key, value, _)| (key, value.to_string(), small))
    }
}

/// `https://HOST[:PORT]`, exactly as a browser writes an origin (RFC 6454 §6.1) but for a port that need not be said.
fn is_origin(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    url.scheme() == "https" && bare && url.fragment().is_none() && url.path() == "/" && !text.ends_with('/')
}

const fn connections() -> usize {
    1024
}

/// Many phones may share one address of their network's.
const fn connections_per_peer() -> usize {
    64
}

const fn requests_per_second() -> u32 {
    20
}

const fn request_burst() -> u32 {
    100
}

const fn verifications_per_minute() -> u32 {
    60
}

const fn body() -> u64 {
    20 * 1024 * 1024
}

const fn files_at_once() -> usize {
    16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Option<&'static str> {
        toml::from_str::<PortalListener>(text).unwrap().wrong().map(|(key, ..)| key)
    }

    #[test]
    fn addresses_and_url_are_enough_and_contradictions_are_named() {
        let one = "addresses = [\"127.0.0.1:8444\"]\nurl = \"https://verify.example.gov.cn\"";
        assert_eq!(wrong(one), None);
        assert_eq!(wrong(&one.replace("\"127.0.0.1:8444\"", "")), Some("listeners.portal.addresses"));
        assert_eq!(wrong(&format!("{one}\nkey = \"a.key\"")), Some("listeners.portal"));
        assert_eq!(wrong(&format!("{one}\nbody = 1")), Some("listeners.portal.body"));
        assert!(toml::from_str::<PortalListener>(&format!("{one}\ntls11 = true")).is_err());
        for url in [
            "http://verify.example",
            "https://verify.example/",
            "https://verify.example/page",
            "https://me@verify.example",
            "https://verify.example#s",
            "verify.example",
        ] {
            let text = one.replace("https://verify.example.gov.cn", url);
            assert_eq!(wrong(&text), Some("listeners.portal.url"), "{url}");
        }
    }

    #[test]
    fn without_files_of_its_own_it_shows_the_platform_certificate() {
        let platform =
            PlatformListener { addresses: Vec::new(), certificate: "p.crt".into(), key: "p.key".into() };
        let mut listener = PortalListener::on(Vec::new(), "https://a.example".into());
        assert_eq!(listener.files(&platform), (Path::new("p.crt"), Path::new("p.key")));
        (listener.certificate, listener.key) = (Some("e.crt".into()), Some("e.key".into()));
        assert_eq!(listener.files(&platform), (Path::new("e.crt"), Path::new("e.key")));
    }
}
