//! Section `[acme]`: certificates for platform servers by ACME (RFC 8555).

use serde::{Deserialize, Serialize};

use crate::acme::identifier::Allowed;
use crate::acme::state::ChallengeKind;

/// How ACME is served. Times are in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// How clients reach the enrolment listener: `https://HOST[:PORT]` without a final slash. Every address that
    /// clients are told begins with it, and what they sign must name it; the directory is at `/acme/directory` below.
    pub url: String,
    /// Whether an account needs a binding given out by an officer (RFC 8555 §7.3.4).
    #[serde(default = "yes")]
    pub external_account_required: bool,
    /// Names and networks that may be ordered at all: `host.example`, `.example` for all below, `10.0.0.0/8`. Empty
    /// leaves it to the bindings; without bindings it must not be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Profile of certificates for accounts without a binding; a binding names its own.
    #[serde(default = "server")]
    pub profile: String,
    /// The challenges offered.
    #[serde(default = "all_challenges")]
    pub challenges: Vec<ChallengeKind>,
    /// Port that http-01 connects to; RFC 8555 §8.3 says 80.
    #[serde(default = "http_port")]
    pub http_port: u16,
    /// Port that tls-alpn-01 connects to; RFC 8737 §3 says 443.
    #[serde(default = "tls_alpn_port")]
    pub tls_alpn_port: u16,
    /// How long an order can be worked on.
    #[serde(default = "order_seconds")]
    pub order_seconds: u64,
    /// How long a proof of control can be used again by the same account.
    #[serde(default = "authorization_seconds")]
    pub authorization_seconds: u64,
    /// How long validation of a challenge is tried again before it has failed.
    #[serde(default = "validation_seconds")]
    pub validation_seconds: u64,
    /// Most unfinished orders of one account.
    #[serde(default = "open_orders")]
    pub open_orders: u32,
    /// Terms of service; accounts must agree when it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// A page about this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// A page that explains an early renewal (RFC 9773 §4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_explanation: Option<String>,
    /// Whether an account must name somebody to write to.
    #[serde(default)]
    pub contact_required: bool,
}

impl Acme {
    /// The first value that cannot be meant: its key, what stands there, and why not.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        let below = self.url.strip_prefix("https://").filter(|host| !host.is_empty() && !host.contains('/'));
        if below.is_none() {
            let reason = "ACME speaks TLS only; write `https://HOST[:PORT]` without a path";
            return Some(("acme.url", self.url.clone(), reason));
        }
        if Allowed::parse(self.names.iter().map(String::as_str)).is_err() {
            let reason = "write names (`host.example`, `.example`) and networks (`10.0.0.0/8`)";
            return Some(("acme.names", self.names.join(", "), reason));
        }
        if !self.external_account_required && self.names.is_empty() {
            let reason = "without bindings anybody orders: say for which names";
            return Some(("acme.names", "[]".into(), reason));
        }
        if self.challenges.is_empty() {
            return Some(("acme.challenges", "[]".into(), "control of a name must be proven somehow"));
        }
        for (key, value, least) in [
            ("acme.order_seconds", self.order_seconds, 60),
            ("acme.authorization_seconds", self.authorization_seconds, 60),
            ("acme.validation_seconds", self.validation_seconds, 1),
            ("acme.open_orders", u64::from(self.open_orders), 1),
        ] {
            if value < least || value > 10 * 365 * 86_400 {
                let reason = "out of reason; leave the line out for the default";
                return Some((key, value.to_string(), reason));
            }
        }
        None
    }
}

const fn yes() -> bool {
    true
}

fn server() -> String {
    "server".into()
}

fn all_challenges() -> Vec<ChallengeKind> {
    vec![ChallengeKind::Http01, ChallengeKind::Dns01, ChallengeKind::TlsAlpn01]
}

const fn http_port() -> u16 {
    80
}

const fn tls_alpn_port() -> u16 {
    443
}

const fn order_seconds() -> u64 {
    24 * 3600
}

const fn authorization_seconds() -> u64 {
    7 * 24 * 3600
}

const fn validation_seconds() -> u64 {
    30
}

const fn open_orders() -> u32 {
    100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Acme {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn one_line_is_enough_and_contradictions_are_named() {
        assert!(parse("url = \"https://acme.example:8445\"").fault().is_none());
        for (text, key) in [
            ("url = \"http://acme.example\"", "acme.url"),
            ("url = \"https://acme.example/\"", "acme.url"),
            ("url = \"https://a.example\"\nexternal_account_required = false", "acme.names"),
            ("url = \"https://a.example\"\nnames = [\"a b\"]", "acme.names"),
            ("url = \"https://a.example\"\nchallenges = []", "acme.challenges"),
            ("url = \"https://a.example\"\norder_seconds = 1", "acme.order_seconds"),
        ] {
            assert_eq!(parse(text).fault().unwrap().0, key, "{text}");
        }
        assert!(toml::from_str::<Acme>("url = \"https://a.example\"\nport = 1").is_err());
        assert!(toml::from_str::<Acme>("url = \"https://a.example\"\nchallenges = [\"dns-02\"]").is_err());
    }
}
