//! What certificates are ordered for: DNS names (RFC 8555 §9.7.7) and IP addresses (RFC 8738), and what an operator
//! lets be ordered.
//!
//! Parsed into the one form that orders, authorizations and certificates compare: names in lower case, addresses as
//! RFC 5952 writes them. Knows nothing of who may order; [`Allowed`] is asked by the orders' service.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

/// One identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A DNS name in lower case; `*.` in front only in orders and certificates, never in authorizations.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// Why something is not an identifier that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Neither `dns` nor `ip`.
    #[error("identifiers of type `{0}` are not supported")]
    Type(String),
    /// Not an object with the texts `type` and `value`.
    #[error("an identifier has the texts `type` and `value`")]
    Shape,
    /// Not a host name.
    #[error("`{name}` is not a DNS name that can be certified: {reason}")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Not an address in the form of RFC 5952 or of four decimal numbers.
    #[error("`{0}` is not an IP address in its canonical form")]
    Address(String),
}

impl Identifier {
    /// Reads `{"type": …, "value": …}`.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn read(value: &Value) -> Result<Self, IdentifierError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).ok_or(IdentifierError::Shape);
        match text("type")? {
            "dns" => Self::dns(text("value")?),
            "ip" => Self::ip(text("value")?),
            other => Err(IdentifierError::Type(shown(other))),
        }
    }

    /// A DNS name, with or without `*.`.
    ///
    /// # Errors
    /// [`IdentifierError::Name`].
    pub fn dns(name: &str) -> Result<Self, IdentifierError> {
        let wrong = |reason| Err(IdentifierError::Name { name: shown(name), reason });
        let lower = name.to_ascii_lowercase();
        let host = lower.strip_prefix("*.").unwrap_or(&lower);
        if host.is_empty() || host.len() > 253 {
            return wrong("it has 1 to 253 characters");
        }
        if !host.is_ascii() {
            return wrong("write it with A-labels (`xn--…`)");
        }
        if host.ends_with('.') {
            return wrong("it has no dot at its end");
        }
        if host.contains('*') {
            return wrong("a wildcard is its whole first label and stands once");
        }
        for label in host.split('.') {
            let plain = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if label.is_empty()
                || label.len() > 63
                || !plain
                || label.starts_with('-')
                || label.ends_with('-')
            {
                return wrong("labels have 1 to 63 letters, digits and inner hyphens");
            }
            // RFC 5890 §2.3.1: `??--` is reserved, and only `xn--` is in use.
            if label.get(2..4) == Some("--") && !label.starts_with("xn--") {
                return wrong("`--` at the third place is reserved for A-labels");
            }
            if label.starts_with("xn--") && idna::domain_to_unicode(label).1.is_err() {
                return wrong("a label is no valid A-label");
            }
        }
        let last = host.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return wrong("addresses are ordered as identifiers of type `ip`");
        }
        if lower != host && !host.contains('.') {
            return wrong("a wildcard stands below a name of two labels or more");
        }
        Ok(Self::Dns(lower))
    }

    /// An address, in the form that RFC 8738 §3 asks for.
    ///
    /// # Errors
    /// [`IdentifierError::Address`].
    pub fn ip(text: &str) -> Result<Self, IdentifierError> {
        let address: IpAddr = text.parse().map_err(|_| IdentifierError::Address(shown(text)))?;
        // A mapped address is the IPv4 one in another dress.
        let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if mapped || address.to_string() != text {
            return Err(IdentifierError::Address(shown(text)));
        }
        Ok(Self::Ip(address))
    }

    /// The `type` and `value` of RFC 8555.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "type": self.kind(), "value": self.value() })
    }

    /// `dns` or `ip`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
        }
    }

    /// The name or the address.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.clone(),
            Self::Ip(address) => address.to_string(),
        }
    }

    /// Whether it is a wildcard name.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.starts_with("*."))
    }

    /// What has to be proven for it: the name without its wildcard (RFC 8555 §7.1.4).
    #[must_use]
    pub fn base(&self) -> Self {
        match self {
            Self::Dns(name) => Self::Dns(name.strip_prefix("*.").unwrap_or(name).to_owned()),
            Self::Ip(address) => Self::Ip(*address),
        }
    }
}

impl std::fmt::Display for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.value())
    }
}

/// What may be ordered: patterns that an officer gave a binding, or the operator the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    Below(String),
    Network(IpNet),
}

impl Allowed {
    /// Reads patterns: `host.example` is that name, `.example` any name below it (wildcards too), `192.0.2.1` and
    /// `192.0.2.0/24` addresses.
    ///
    /// # Errors
    /// [`IdentifierError`] of the first that is none of these.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, IdentifierError> {
        let mut all = Vec::new();
        for text in patterns {
            all.push(if let Ok(address) = text.parse::<IpAddr>() {
                Pattern::Network(address.into())
            } else if text.contains('/') {
                let network: IpNet = text.parse().map_err(|_| IdentifierError::Address(shown(text)))?;
                Pattern::Network(network.trunc())
            } else if let Some(parent) = text.strip_prefix('.') {
                Pattern::Below(Identifier::dns(parent)?.value())
            } else {
                Pattern::Exact(Identifier::dns(text)?.value())
            });
        }
        Ok(Self(all))
    }

    /// Whether any pattern covers an identifier.
    #[must_use]
    pub fn covers(&self, identifier: &Identifier) -> bool {
        self.0.iter().any(|pattern| match (pattern, identifier) {
            (Pattern::Exact(name), Identifier::Dns(wanted)) => name == wanted,
            (Pattern::Below(parent), Identifier::Dns(wanted)) => wanted
                .strip_suffix(parent.as_str())
                .is_some_and(|front| front.ends_with('.') && front.len() > 1),
            (Pattern::Network(network), Identifier::Ip(address)) => network.contains(address),
            _ => false,
        })
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_to_lower_case_and_nothing_else_is_mended() {
        assert_eq!(Identifier::dns("WWW.Example.org").unwrap(), Identifier::Dns("www.example.org".into()));
        assert_eq!(Identifier::dns("localhost").unwrap().value(), "localhost");
        assert!(Identifier::dns("*.a.example").unwrap().is_wildcard());
        assert_eq!(Identifier::dns("*.a.example").unwrap().base(), Identifier::Dns("a.example".into()));
        assert!(Identifier::dns("xn--fiqs8s.example").is_ok());
        let long = format!("{}.example", "a".repeat(64));
        let longer = "a.".repeat(130) + "a";
        for name in [
            "",
            ".",
            "a.",
            "a..b",
            ".a",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a b.c",
            "münchen.example",
            "中国.example",
            "a.*.b",
            "**.a.b",
            "*a.b.c",
            "*.*.b",
            "*.example",
            "*",
            "1.2.3.4",
            "a.123",
            "ab--c.example",
            "xn--a.example",
            "a\r\nb.example",
            "a\0.example",
            &long,
            &longer,
        ] {
            assert!(matches!(Identifier::dns(name), Err(IdentifierError::Name { .. })), "{name:?}");
        }
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(Identifier::ip("2001:db8::1").unwrap().kind(), "ip");
        for text in
            ["2001:DB8::1", "2001:db8:0::1", "::ffff:1.2.3.4", "1.2.3", "01.2.3.4", "[::1]", "1.2.3.4/8"]
        {
            assert!(Identifier::ip(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_types_are_named() {
        let email = json!({ "type": "email", "value": "a@b.example" });
        assert_eq!(Identifier::read(&email), Err(IdentifierError::Type("email".into())));
        assert_eq!(Identifier::read(&json!({ "type": "dns" })), Err(IdentifierError::Shape));
        let dns = json!({ "type": "dns", "value": "a.example" });
        assert_eq!(Identifier::read(&dns).unwrap().to_json(), dns);
    }

    #[test]
    fn patterns_cover_what_they_say_and_no_more() {
        let allowed = Allowed::parse(["host.example", ".Sub.example", "10.0.0.0/8", "2001:db8::1"]).unwrap();
        let dns = |name: &str| allowed.covers(&Identifier::dns(name).unwrap());
        assert!(dns("host.example") && dns("HOST.example"));
        assert!(dns("a.sub.example") && dns("*.sub.example") && dns("b.a.sub.example"));
        assert!(
            !dns("sub.example") && !dns("a.host.example") && !dns("*.host.example") && !dns("asub.example")
        );
        let ip = |text: &str| allowed.covers(&Identifier::ip(text).unwrap());
        assert!(ip("10.1.2.3") && ip("2001:db8::1"));
        assert!(!ip("11.0.0.1") && !ip("2001:db8::2"));
        for wrong in ["*", "10.0.0.0/33", "..", "a b"] {
            assert!(Allowed::parse([wrong]).is_err(), "{wrong}");
        }
    }
}
