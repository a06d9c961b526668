//! Whether a certificate names the peer it is shown for (RFC 9525 for hosts, RFC 5280 §4.2.1.6 for addresses).
//!
//! Only subjectAltName counts; a common name is no host name (RFC 9525 §6.2).

use std::net::IpAddr;

use thiserror::Error;

use super::names::{is_host, mailbox};
use crate::{certificate::Certificate, extensions::GeneralName};

/// The name a peer is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerName {
    /// A host's DNS name, without a trailing dot; compared without case.
    Dns(String),
    /// An address, compared exactly.
    Ip(IpAddr),
    /// A mailbox: local part compared exactly, host without case.
    Email(String),
}

/// Why text is no name of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is neither a DNS name nor an IP address nor an e-mail address")]
pub struct PeerNameError(String);

impl std::str::FromStr for PeerName {
    type Err = PeerNameError;

    fn from_str(text: &str) -> Result<Self, PeerNameError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Ip(address));
        }
        if mailbox(text).is_some() {
            return Ok(Self::Email(text.to_owned()));
        }
        let host = text.strip_suffix('.').unwrap_or(text);
        // RFC 1123 §2.1, WHATWG: a name that ends in a number is a mistyped address.
        let numeric =
            host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if is_host(host) && !numeric {
            Ok(Self::Dns(host.to_owned()))
        } else {
            Err(PeerNameError(text.to_owned()))
        }
    }
}

impl std::fmt::Display for PeerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(name) | Self::Email(name) => f.write_str(name),
            Self::Ip(address) => write!(f, "{address}"),
        }
    }
}

impl PeerName {
    /// Whether one of the certificate's names is this one.
    #[must_use]
    pub fn is_named_by(&self, certificate: &Certificate) -> bool {
        certificate.subject_alt_names().iter().any(|name| match (self, name) {
            (Self::Dns(wanted), GeneralName::Dns(pattern)) => dns_matches(wanted, pattern),
            (Self::Ip(IpAddr::V4(wanted)), GeneralName::Ip(octets)) => wanted.octets() == octets.as_slice(),
            (Self::Ip(IpAddr::V6(wanted)), GeneralName::Ip(octets)) => wanted.octets() == octets.as_slice(),
            (Self::Email(wanted), GeneralName::Email(own)) => match (mailbox(wanted), mailbox(own)) {
                (Some((local, host)), Some((own_local, own_host))) => {
                    local == own_local && host.eq_ignore_ascii_case(own_host)
                }
                _ => false,
            },
            _ => false,
        })
    }
}

/// A wildcard is the whole leftmost label and stands for exactly one (RFC 9525 §6.3).
fn dns_matches(wanted: &str, pattern: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            is_host(parent)
                && wanted.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
        }
        None => is_host(pattern) && wanted.eq_ignore_ascii_case(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_a_whole_leftmost_label() {
        assert!(dns_matches("A.example.cn", "*.Example.cn") && dns_matches("example.cn", "EXAMPLE.cn"));
        for pattern in [
            "*.a.example.cn",
            "f*.example.cn",
            "*",
            "a.*.cn",
            "*.*.cn",
            "example.cn",
            ".example.cn",
            "a.example.cn.",
        ] {
            assert!(!dns_matches("a.example.cn", pattern), "{pattern}");
        }
        assert!(!dns_matches("example.cn", "*.example.cn") && !dns_matches("a.b.example.cn", "*.example.cn"));
    }

    #[test]
    fn text_is_told_apart() {
        let read = |text: &str| text.parse::<PeerName>();
        assert_eq!(read("example.cn."), Ok(PeerName::Dns("example.cn".into())));
        assert_eq!(read("[::1]"), Ok(PeerName::Ip("::1".parse().unwrap())));
        assert_eq!(read("a@x.cn"), Ok(PeerName::Email("a@x.cn".into())));
        for wrong in ["", "a b", "1.2.3", "*.example.cn", "a..b", "例.cn"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
