//! `[listeners.enrolment]`: the listener for those who have no client certificate yet (EST, ACME).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::PlatformListener;

/// The enrolment listener: server TLS, a client certificate asked for but not demanded (decision 34).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentListener {
    /// Addresses, IPv4 and IPv6.
    pub addresses: Vec<SocketAddr>,
    /// Server certificate chain, PEM; the platform listener's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Server key, PKCS#8 PEM, mode 0600; the platform listener's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Takes TLS 1.2 besides 1.3, with forward secrecy, AEAD and the extended master secret only. Off, because
    /// curl, certbot and lego speak 1.3; RFC 7030 §3.3 names 1.1 and 1.2, and small devices know nothing newer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls12: bool,
    /// Open connections in all.
    #[serde(default = "connections")]
    pub connections: usize,
    /// Open connections of one peer address.
    #[serde(default = "connections_per_peer")]
    pub connections_per_peer: usize,
    /// Sustained requests per second of one peer address without a client certificate.
    #[serde(default = "requests_per_second")]
    pub requests_per_second: u32,
    /// Requests such a peer may send at once above the sustained rate.
    #[serde(default = "request_burst")]
    pub request_burst: u32,
    /// Largest request body, in octets. Requests for certificates are small.
    #[serde(default = "body")]
    pub body: u64,
}

impl EnrolmentListener {
    /// A listener on these addresses, everything else as it is by default.
    #[must_use]
    pub fn on(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            certificate: None,
            key: None,
            tls12: false,
            connections: connections(),
            connections_per_peer: connections_per_peer(),
            requests_per_second: requests_per_second(),
            request_burst: request_burst(),
            body: body(),
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
            return Some(("listeners.enrolment.addresses", "[]".to_owned(), mend));
        }
        if self.certificate.is_some() != self.key.is_some() {
            let given = if self.certificate.is_some() { "certificate" } else { "key" };
            let mend = "name `certificate` and `key` together, or neither for those of the platform listener";
            return Some(("listeners.enrolment", given.to_owned(), mend));
        }
        let small = "too small to work with; leave the line out for the default";
        [
            ("listeners.enrolment.connections", self.connections as u64, 1),
            ("listeners.enrolment.connections_per_peer", self.connections_per_peer as u64, 1),
            ("listeners.enrolment.requests_per_second", u64::from(self.requests_per_second), 1),
            ("listeners.enrolment.request_burst", u64::from(self.request_burst), 1),
            ("listeners.enrolment.body", self.body, 4096),
        ]
        .into_iter()
        .find(|(_, value, least)| value < least)
        .map(|(key, value, _)| (key, value.to_string(), small))
    }
}

const fn connections() -> usize {
    1024
}

const fn connections_per_peer() -> usize {
    64
}

const fn requests_per_second() -> u32 {
    20
}

const fn request_burst() -> u32 {
    100
}

/// A request of the size that `pki` reads (64 KiB), in base64 with line breaks.
const fn body() -> u64 {
    128 * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Option<&'static str> {
        toml::from_str::<EnrolmentListener>(text).unwrap().wrong().map(|(key, ..)| key)
    }

    #[test]
    fn addresses_are_enough_and_contradictions_are_named() {
        let one = r#"addresses = ["127.0.0.1:8444"]"#;
        assert_eq!(wrong(one), None);
        assert_eq!(wrong("addresses = []"), Some("listeners.enrolment.addresses"));
        assert_eq!(wrong(&format!("{one}\ncertificate = \"a.crt\"")), Some("listeners.enrolment"));
        assert_eq!(wrong(&format!("{one}\nkey = \"a.key\"")), Some("listeners.enrolment"));
        assert_eq!(wrong(&format!("{one}\nbody = 1")), Some("listeners.enrolment.body"));
        assert!(toml::from_str::<EnrolmentListener>(&format!("{one}\ntls11 = true")).is_err());
    }

    #[test]
    fn without_files_of_its_own_it_shows_the_platform_certificate() {
        let platform =
            PlatformListener { addresses: Vec::new(), certificate: "p.crt".into(), key: "p.key".into() };
        let mut listener = EnrolmentListener::on(Vec::new());
        assert_eq!(listener.files(&platform), (Path::new("p.crt"), Path::new("p.key")));
        (listener.certificate, listener.key) = (Some("e.crt".into()), Some("e.key".into()));
        assert_eq!(listener.files(&platform), (Path::new("e.crt"), Path::new("e.key")));
    }
}
