//! What is searched for: parameters of a search, checked and folded, and the cursor of its next page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::names::{COMMON_NAME, NameKind, fold, reversed};
use crate::problem::{Kind, Problem, Result};
use crate::store::Value;

/// Which certificates, at most 200 at a time. All conditions hold together.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Common name, or the whole subject when it holds `=`; a final `*` stands for anything.
    pub subject: Option<String>,
    /// Alternative name, `dns:`, `ip:`, `email:` or `uri:` before it where that is not plain; a final `*` stands for
    /// anything, a `*.` or `.` at the beginning of a DNS name for anything below it.
    pub san: Option<String>,
    /// Serial number, hexadecimal.
    pub serial: Option<String>,
    /// SHA-256 fingerprint or its beginning, hexadecimal.
    pub fingerprint: Option<String>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal.
    pub key: Option<String>,
    /// Name of the profile.
    pub profile: Option<String>,
    /// The organisation it is for.
    pub organisation: Option<String>,
    /// The caller it names or is for.
    pub caller: Option<String>,
    /// Label of the authority that issued it.
    pub issuer: Option<String>,
    /// `good`, `held`, `revoked` or `expired`.
    pub state: Option<String>,
    /// Valid until this moment or longer, RFC 3339.
    pub expires_after: Option<String>,
    /// Valid until before this moment, RFC 3339.
    pub expires_before: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Most items, 1 to 200; 50 when left out. A page may hold fewer although there is a next one.
    pub limit: Option<u32>,
}

/// A checked search.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub name: Option<Pattern>,
    /// Of a search for subject and alternative name at once, the second.
    pub other: Option<Pattern>,
    pub serial: Option<String>,
    pub fingerprint: Option<String>,
    pub key: Option<String>,
    pub profile: Option<String>,
    pub organisation: Option<String>,
    pub caller: Option<String>,
    pub issuer: Option<String>,
    pub state: Option<State>,
    /// Microseconds; the first that counts.
    pub from: Option<i64>,
    /// Microseconds; the first that does not.
    pub to: Option<i64>,
    pub after: Vec<Value>,
    pub limit: u32,
}

/// The state of a certificate as people ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Good,
    Held,
    Revoked,
    Expired,
}

/// Names of one kind: one value, or all from `low` to before `high`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub kind: NameKind,
    pub low: String,
    /// Absent: `low` alone.
    pub high: Option<String>,
}

impl Search {
    /// Checks the parameters. `now` in microseconds, for what has expired.
    pub(super) fn check(self, now: i64) -> Result<Filter> {
        let mut filter = Filter {
            name: self.subject.as_deref().map(subject).transpose()?,
            serial: self.serial.map(|text| hexadecimal("serial", &text, 40)).transpose()?,
            fingerprint: self.fingerprint.map(|text| hexadecimal("fingerprint", &text, 64)).transpose()?,
            key: self.key.map(|text| hexadecimal("key", &text, 64)).transpose()?,
            profile: self.profile,
            organisation: self.organisation,
            caller: self.caller,
            issuer: self.issuer,
            state: self.state.as_deref().map(State::parse).transpose()?,
            from: self.expires_after.map(|text| time("expires_after", &text)).transpose()?,
            to: self.expires_before.map(|text| time("expires_before", &text)).transpose()?,
            limit: self.limit.unwrap_or(50),
            ..Filter::default()
        };
        let san = self.san.as_deref().map(alternative).transpose()?;
        match (filter.name.is_some(), san) {
            (true, san) => filter.other = san,
            (false, san) => filter.name = san,
        }
        // What stands in the register without leading zeros is asked for without.
        filter.serial = filter.serial.map(|serial| {
            let mut serial = serial.as_str();
            while let Some(rest) = serial.strip_prefix("00").filter(|rest| !rest.is_empty()) {
                serial = rest;
            }
            serial.to_owned()
        });
        match filter.state {
            Some(State::Good | State::Held) => filter.from = Some(filter.from.unwrap_or(now).max(now)),
            Some(State::Expired) => filter.to = Some(filter.to.unwrap_or(now).min(now)),
            Some(State::Revoked) | None => {}
        }
        if !(1..=200).contains(&filter.limit) {
            return Err(unusable("limit", "`limit` is 1 to 200."));
        }
        if let Some(after) = self.after.filter(|after| !after.is_empty()) {
            filter.after = open(&after).ok_or_else(|| {
                unusable(
                    "after",
                    "Send as `after` what the page before gave as `next`, with the same search.",
                )
            })?;
        }
        for (name, text) in [
            ("profile", &filter.profile),
            ("organisation", &filter.organisation),
            ("caller", &filter.caller),
            ("issuer", &filter.issuer),
        ] {
            if text.as_ref().is_some_and(|text| text.len() > 256 || text.contains('\0')) {
                return Err(unusable(name, "It is longer than any name, or holds NUL."));
            }
        }
        Ok(filter)
    }
}

impl State {
    fn parse(word: &str) -> Result<Self> {
        match word {
            "good" => Ok(Self::Good),
            "held" => Ok(Self::Held),
            "revoked" => Ok(Self::Revoked),
            "expired" => Ok(Self::Expired),
            _ => Err(unusable("state", "`state` is one of good, held, revoked, expired.")),
        }
    }
}

/// `bureau`, `bureau*`, `CN=bureau,O=…`, `CN=bureau*`.
fn subject(text: &str) -> Result<Pattern> {
    let folded = checked("subject", text)?;
    let whole = if folded.contains('=') { folded } else { format!("{COMMON_NAME}{}", escaped(&folded)) };
    let common = !text.contains('=');
    Ok(match whole.strip_suffix('*') {
        Some(prefix) => prefix_of(NameKind::Subject, prefix.to_owned()),
        // The common name alone, or with further attributes behind it: `,` and the next character bound both.
        None if common => Pattern { kind: NameKind::Subject, high: Some(format!("{whole}-")), low: whole },
        None => Pattern { kind: NameKind::Subject, low: whole, high: None },
    })
}

/// `www.example.cn`, `www.*`, `*.example.cn`, `.example.cn`, `10.0.0.1`, `uri:urn:…`.
fn alternative(text: &str) -> Result<Pattern> {
    let folded = checked("san", text)?;
    let (kind, value) = match folded.split_once(':') {
        Some(("dns", rest)) => (NameKind::Dns, rest),
        Some(("ip", rest)) => (NameKind::Ip, rest),
        Some(("email", rest)) => (NameKind::Email, rest),
        Some(("uri", rest)) => (NameKind::Uri, rest),
        _ if folded.parse::<std::net::IpAddr>().is_ok() => (NameKind::Ip, folded.as_str()),
        Some(_) => (NameKind::Uri, folded.as_str()),
        None if folded.contains('@') => (NameKind::Email, folded.as_str()),
        None => (NameKind::Dns, folded.as_str()),
    };
    if kind == NameKind::Ip
        && let Ok(address) = value.parse::<std::net::IpAddr>()
    {
        return Ok(Pattern { kind, low: address.to_string(), high: None });
    }
    if kind == NameKind::Dns
        && let Some(domain) = value.strip_prefix("*.").or_else(|| value.strip_prefix('.'))
    {
        if domain.is_empty() || domain.contains('*') {
            return Err(unusable("san", "Write `*.DOMAIN` without further `*`."));
        }
        return Ok(prefix_of(NameKind::Domain, format!("{}.", reversed(domain))));
    }
    match value.strip_suffix('*') {
        Some(prefix) if prefix.contains('*') => {
            Err(unusable("san", "`*` stands at the end, or as `*.` before a domain."))
        }
        Some(prefix) => Ok(prefix_of(kind, prefix.to_owned())),
        None => Ok(Pattern { kind, low: value.to_owned(), high: None }),
    }
}

fn prefix_of(kind: NameKind, prefix: String) -> Pattern {
    // UTF-8 sorts as its code points do, and none is above this one.
    Pattern { kind, high: Some(format!("{prefix}\u{10FFFF}")), low: prefix }
}

fn checked(name: &'static str, text: &str) -> Result<String> {
    let folded = fold(text);
    if folded.is_empty() || folded == "*" || text.chars().count() > 512 || text.contains('\0') {
        return Err(unusable(name, "Write 1 to 512 characters besides `*`."));
    }
    Ok(folded)
}

/// As RFC 4514 writes a value, which is how subjects are kept.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (index, character) in value.chars().enumerate() {
        if matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') || (index == 0 && character == '#') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

fn hexadecimal(name: &'static str, text: &str, most: usize) -> Result<String> {
    let plain: String = text.trim().chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let plain = plain.to_ascii_lowercase();
    if plain.is_empty() || plain.len() > most || !plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(unusable(name, "Write it hexadecimal."));
    }
    Ok(plain)
}

fn time(name: &'static str, text: &str) -> Result<i64> {
    let time: std::result::Result<Timestamp, _> = text.parse();
    time.map(|time| time.as_microsecond())
        .map_err(|_| unusable(name, "Write a moment as RFC 3339 does, for example 2027-01-31T00:00:00Z."))
}

fn unusable(name: &'static str, detail: &'static str) -> Problem {
    Problem::new(Kind::InvalidParameter, detail).with("parameter", name)
}

/// Where the next page begins: the key of the index that drives the search.
pub(super) fn seal(key: &[Value]) -> String {
    let values: Vec<serde_json::Value> = key
        .iter()
        .map(|value| match value {
            Value::Int(number) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
            _ => serde_json::Value::Null,
        })
        .collect();
    URL_SAFE_NO_PAD.encode(serde_json::Value::from(values).to_string())
}

fn open(text: &str) -> Option<Vec<Value>> {
    let octets = URL_SAFE_NO_PAD.decode(text.get(..text.len().min(4096))?).ok()?;
    let values: Vec<serde_json::Value> = serde_json::from_slice(&octets).ok()?;
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Number(number) => number.as_i64().map(Value::Int),
        serde_json::Value::String(text) if !text.contains('\0') => Some(Value::Text(text.clone())),
        _ => None,
    };
    values.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(kind: NameKind, low: &str, high: Option<&str>) -> Pattern {
        Pattern { kind, low: low.into(), high: high.map(Into::into) }
    }

    #[test]
    fn names_are_searched_whole_by_beginning_and_by_domain() {
        let of = |text: &str| alternative(text).unwrap();
        assert_eq!(of("WWW.Example.CN"), pattern(NameKind::Dns, "www.example.cn", None));
        assert_eq!(of("www.*"), pattern(NameKind::Dns, "www.", Some("www.\u{10FFFF}")));
        assert_eq!(
            of("*.example.cn"),
            pattern(NameKind::Domain, "cn.example.", Some("cn.example.\u{10FFFF}"))
        );
        assert_eq!(of(".example.cn"), of("*.example.cn"));
        assert_eq!(of("::1"), pattern(NameKind::Ip, "::1", None));
        assert_eq!(of("ip:10.0.0.1"), pattern(NameKind::Ip, "10.0.0.1", None));
        assert_eq!(of("urn:cinnabar:machine:m"), pattern(NameKind::Uri, "urn:cinnabar:machine:m", None));
        assert_eq!(of("a@b.cn").kind, NameKind::Email);
        for bad in ["", "*", "*.", "a*b*", "*.a*", "a\0"] {
            assert!(alternative(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subject_is_a_common_name_unless_it_is_written_out() {
        assert_eq!(subject("Bureau").unwrap(), pattern(NameKind::Subject, "cn=bureau", Some("cn=bureau-")));
        assert_eq!(subject("a,b").unwrap().low, "cn=a\\,b");
        assert_eq!(subject("bur*").unwrap(), pattern(NameKind::Subject, "cn=bur", Some("cn=bur\u{10FFFF}")));
        assert_eq!(subject("CN=x,O=y").unwrap(), pattern(NameKind::Subject, "cn=x,o=y", None));
    }

    #[test]
    fn a_state_narrows_the_window_of_expiry() {
        let filter =
            |state: &str| Search { state: Some(state.into()), ..Search::default() }.check(100).unwrap();
        assert_eq!((filter("good").from, filter("good").to), (Some(100), None));
        assert_eq!((filter("expired").from, filter("expired").to), (None, Some(100)));
        assert_eq!((filter("revoked").from, filter("revoked").to), (None, None));
        assert!(Search { state: Some("odd".into()), ..Search::default() }.check(0).is_err());
        assert!(Search { limit: Some(201), ..Search::default() }.check(0).is_err());
        assert!(Search { serial: Some("xyz".into()), ..Search::default() }.check(0).is_err());
        let serial = Search { serial: Some("00:0A:1b".into()), ..Search::default() }.check(0).unwrap().serial;
        assert_eq!(serial.as_deref(), Some("0a1b"));
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_and_no_other_is_taken() {
        let key = vec![Value::Int(5), Value::Text("ab".into())];
        assert_eq!(open(&seal(&key)), Some(key));
        assert_eq!(open("!"), None);
        assert!(Search { after: Some("x".into()), ..Search::default() }.check(0).is_err());
    }
}
