//! Names that certificates are found by: what stands in `certificate_names`, and how a search text is folded.
//!
//! One row per name. DNS names stand twice, once read from the end, so that everything below a domain is one range of
//! the index.

use std::net::IpAddr;

use pki::{Certificate, GeneralName};

use super::records::CERTIFICATE_NAMES;
use crate::store::Row;

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// The subject, RFC 4514.
    Subject,
    /// dNSName.
    Dns,
    /// dNSName, its labels from the last to the first: `cn.example.www`.
    Domain,
    /// iPAddress.
    Ip,
    /// rfc822Name.
    Email,
    /// uniformResourceIdentifier.
    Uri,
}

impl NameKind {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Dns => "dns",
            Self::Domain => "domain",
            Self::Ip => "ip",
            Self::Email => "email",
            Self::Uri => "uri",
        }
    }
}

/// The names of a certificate, each once.
#[must_use]
pub fn of(certificate: &Certificate) -> Vec<(NameKind, String)> {
    let mut names = Vec::with_capacity(4);
    let subject = certificate.subject().to_string();
    if !subject.is_empty() {
        let folded = fold(&subject);
        if !folded.starts_with(COMMON_NAME)
            && let Some(name) = certificate.common_name()
        {
            names.push((NameKind::Subject, fold(&format!("{COMMON_NAME}{name}"))));
        }
        names.push((NameKind::Subject, folded));
    }
    for name in certificate.subject_alt_names() {
        match name {
            GeneralName::Dns(text) => {
                let text = fold(text);
                names.push((NameKind::Domain, reversed(&text)));
                names.push((NameKind::Dns, text));
            }
            GeneralName::Ip(octets) => names.extend(ip(octets).map(|text| (NameKind::Ip, text))),
            GeneralName::Email(text) => names.push((NameKind::Email, fold(text))),
            GeneralName::Uri(text) => names.push((NameKind::Uri, fold(text))),
            _ => {}
        }
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names.truncate(MOST);
    names
}

/// The rows of the cache table for a certificate with this fingerprint.
#[must_use]
pub fn rows(fingerprint: &str, certificate: &Certificate) -> Vec<Row> {
    let mut names = of(certificate);
    if names.is_empty() {
        // Every certificate has a row, so that one without can be told from one not yet filled in.
        names.push((NameKind::Subject, String::new()));
    }
    let row = |(number, (kind, value)): (usize, (NameKind, String))| {
        let id = format!("{fingerprint}:{number}");
        Row::new(
            &CERTIFICATE_NAMES,
            vec![id.into(), 1.into(), fingerprint.into(), kind.as_str().into(), value.into()],
        )
    };
    names.into_iter().enumerate().map(row).collect()
}

/// How names are compared: lower case, bounded, without NUL (for which the databases have no room).
#[must_use]
pub fn fold(text: &str) -> String {
    text.trim().to_lowercase().replace('\0', "\u{fffd}").chars().take(LONGEST).collect()
}

/// The labels of a domain name from the last to the first.
#[must_use]
pub fn reversed(name: &str) -> String {
    name.rsplit('.').collect::<Vec<_>>().join(".")
}

pub(super) fn ip(octets: &[u8]) -> Option<String> {
    let address: IpAddr = match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok()?.into(),
        _ => <[u8; 16]>::try_from(octets).ok()?.into(),
    };
    Some(address.to_string())
}

/// How a folded subject begins whose last attribute is the common name (RFC 4514 turns the order round).
pub(super) const COMMON_NAME: &str = "cn=";
/// Longest text that is compared, in characters.
const LONGEST: usize = 512;
/// Most names of one certificate; no profile comes near.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_from_the_end() {
        assert_eq!(reversed("www.example.cn"), "cn.example.www");
        assert_eq!(reversed("*.example.cn"), "cn.example.*");
        assert_eq!(reversed("cn"), "cn");
    }

    #[test]
    fn what_is_compared_has_one_case_and_a_bound() {
        assert_eq!(fold(" WWW.Example.CN "), "www.example.cn");
        assert_eq!(fold("示例"), "示例");
        assert_eq!(fold(&"é".repeat(600)).chars().count(), LONGEST);
        assert!(!fold("a\0b").contains('\0'));
    }

    #[test]
    fn addresses_are_written_as_people_write_them() {
        assert_eq!(ip(&[10, 0, 0, 1]).as_deref(), Some("10.0.0.1"));
        assert_eq!(ip(&[0; 16]).as_deref(), Some("::"));
        assert_eq!(ip(&[1, 2, 3]), None);
    }
}
