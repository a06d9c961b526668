//! Name constraints (RFC 5280 §4.2.1.10, §6.1.3 (b) and (c)): DNS, e-mail, URI, address and directory names.
//!
//! A constraint on a form this module cannot compare, or one that is malformed, refuses every certificate that carries a
//! name of that form, as §4.2.1.10 asks of implementations.

use super::canonical::CanonicalName;
use crate::{
    certificate::Certificate,
    extensions::{GeneralName, NameConstraints},
    oids,
};

/// Work on names and policies still allowed in one search: names times constraints is quadratic (CVE-2024-0567 and kin),
/// and every path that is completed does it again.
pub(super) struct Work {
    left: usize,
    spent: bool,
}

impl Work {
    pub(super) const fn new() -> Self {
        Self { left: MAX_WORK, spent: false }
    }

    /// Some more for the next subject.
    pub(super) fn renew(&mut self) {
        self.left = MAX_WORK.min(self.left.saturating_add(WORK_EACH));
    }

    /// Takes that many comparisons, if they are left.
    pub(super) fn spend(&mut self, comparisons: usize) -> Result<(), &'static str> {
        let left = self.left.checked_sub(comparisons);
        self.spent |= left.is_none();
        self.left = left.ok_or("too many names, name constraints or policies")?;
        Ok(())
    }

    /// Whether more was ever asked for than was left.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }
}

pub(super) fn check(
    constraints: &NameConstraints,
    certificate: &Certificate,
    work: &mut Work,
) -> Result<(), &'static str> {
    // §4.2.1.10: e-mail addresses in a subject count where no rfc822Name is given.
    let mut extra = Vec::new();
    if !certificate.subject_alt_names().iter().any(|name| matches!(name, GeneralName::Email(_))) {
        let attributes = certificate.subject().attributes().into_iter();
        extra.extend(
            attributes
                .filter(|(kind, _)| *kind == oids::EMAIL_ADDRESS)
                .map(|(_, value)| GeneralName::Email(value)),
        );
    }
    if !certificate.subject().is_empty() {
        extra.push(GeneralName::Directory(certificate.subject().clone()));
    }
    let names: Vec<_> = certificate.subject_alt_names().iter().chain(&extra).collect();
    let bases = constraints.permitted.len() + constraints.excluded.len();
    work.spend(names.len().saturating_mul(bases).saturating_add(bases + names.len()))?;
    let canonical = |base: &GeneralName| match base {
        GeneralName::Directory(name) => Some(CanonicalName::new(name)),
        _ => None,
    };
    let bases = |list: &[GeneralName]| list.iter().map(canonical).collect::<Vec<_>>();
    let (permitted, excluded) = (bases(&constraints.permitted), bases(&constraints.excluded));
    for name in names {
        let own = canonical(name);
        let compare = |base: &GeneralName, base_name: &Option<CanonicalName>, scope| match (&own, base_name) {
            (Some(own), Some(base)) => Some(own.is_within(base)),
            _ => within(name, base, scope),
        };
        for (base, base_name) in constraints.excluded.iter().zip(&excluded) {
            if same_form(name, base) && compare(base, base_name, Scope::Excluded).ok_or(UNSUPPORTED)? {
                return Err("name is excluded by a name constraint");
            }
        }
        let mut asked = false;
        let mut allowed = false;
        for (base, base_name) in constraints.permitted.iter().zip(&permitted) {
            if same_form(name, base) {
                asked = true;
                allowed |= compare(base, base_name, Scope::Permitted).ok_or(UNSUPPORTED)?;
            }
        }
        if asked && !allowed {
            return Err("name is not permitted by a name constraint");
        }
    }
    Ok(())
}

/// What a wildcard is taken for: any name it stands for is excluded, every one must be permitted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Permitted,
    Excluded,
}

fn same_form(left: &GeneralName, right: &GeneralName) -> bool {
    match (left, right) {
        (GeneralName::Other(left), GeneralName::Other(right)) => left == right,
        (GeneralName::OtherName(left), GeneralName::OtherName(right)) => left == right,
        // RFC 9598 §6: an internationalised mailbox is an e-mail address too. Not compared here.
        (GeneralName::OtherName(oids::SMTP_UTF8_MAILBOX), GeneralName::Email(_)) => true,
        _ => std::mem::discriminant(left) == std::mem::discriminant(right),
    }
}

/// `None`: cannot be compared.
fn within(name: &GeneralName, base: &GeneralName, scope: Scope) -> Option<bool> {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_within(name, base, scope),
        (GeneralName::Email(name), GeneralName::Email(base)) => email_within(name, base),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => uri_within(name, base),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => address_within(name, base),
        _ => None,
    }
}

/// Any number of labels to the left may be added. A leading dot is no dNSName (it belongs to URI constraints), nor is a
/// wildcard a constraint.
fn dns_within(name: &str, base: &str, scope: Scope) -> Option<bool> {
    if !base.is_empty() && !is_host(base) {
        return None;
    }
    let below = |name: &str, base: &str| {
        base.is_empty()
            || name.eq_ignore_ascii_case(base)
            || name.len() > base.len()
                && name
                    .split_at_checked(name.len() - base.len())
                    .is_some_and(|(left, right)| left.ends_with('.') && right.eq_ignore_ascii_case(base))
    };
    match name.strip_prefix("*.") {
        Some(parent) if is_host(parent) => Some(
            below(parent, base)
                || scope == Scope::Excluded
                    && base.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        ),
        None if is_host(name) => Some(below(name, base)),
        _ => None,
    }
}

/// Labels of letters, digits, hyphens and (seen in the wild) underscores.
pub(super) fn is_host(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

/// A mailbox exactly, all mailboxes at a host, or with a leading dot all below a domain.
fn email_within(name: &str, base: &str) -> Option<bool> {
    let (local, host) = mailbox(name)?;
    if base.contains('@') {
        let (wanted_local, wanted_host) = mailbox(base)?;
        return Some(local == wanted_local && host.eq_ignore_ascii_case(wanted_host));
    }
    host_within(host, base)
}

/// Local part and host; quoted local parts, where an at sign may hide, are not taken apart here.
pub(super) fn mailbox(address: &str) -> Option<(&str, &str)> {
    let (local, host) = address.split_once('@')?;
    let plain = !local.is_empty()
        && local.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\(),:;<>[]".contains(&byte));
    (plain && is_host(host)).then_some((local, host))
}

/// §4.2.1.10: applies to the host part; a URI without one, or with an address there, cannot satisfy a constraint.
fn uri_within(name: &str, base: &str) -> Option<bool> {
    let (_, rest) = name.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    if !is_host(host) || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return None;
    }
    host_within(host, base)
}

/// `host` exactly, or with a leading dot any host below.
fn host_within(host: &str, base: &str) -> Option<bool> {
    match base.strip_prefix('.') {
        Some(domain) if is_host(domain) => Some(
            host.len() > base.len()
                && host
                    .split_at_checked(host.len() - base.len())
                    .is_some_and(|(_, end)| end.eq_ignore_ascii_case(base)),
        ),
        None if is_host(base) => Some(host.eq_ignore_ascii_case(base)),
        _ => None,
    }
}

/// Network and mask in one (RFC 4632 style: the mask is a prefix).
fn address_within(name: &[u8], base: &[u8]) -> Option<bool> {
    if !matches!(base.len(), 8 | 32) || !matches!(name.len(), 4 | 16) {
        return None;
    }
    let (network, mask) = base.split_at_checked(base.len() / 2)?;
    let bits = mask.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let width = u32::try_from(mask.len() * 8).ok()?;
    let ones = bits.count_ones();
    if bits.checked_shr(width - ones).is_none_or(|high| high.count_ones() != ones) && ones > 0 {
        return None;
    }
    if name.len() != network.len() {
        return Some(false);
    }
    Some(name.iter().zip(network).zip(mask).all(|((own, network), mask)| own & mask == network & mask))
}

const UNSUPPORTED: &str = "name constraint that is malformed or of an unsupported form";

/// A few thousand of each in the largest real hierarchies.
const MAX_WORK: usize = 500_000;

/// What each further subject of one validation adds.
const WORK_EACH: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_constraints_cover_the_name_and_what_lies_below_it() {
        let within = |name, base| dns_within(name, base, Scope::Permitted);
        assert_eq!(within("a.example.cn", "example.cn"), Some(true));
        assert_eq!(within("Example.CN", "example.cn"), Some(true));
        assert_eq!(within("badexample.cn", "example.cn"), Some(false));
        assert_eq!(within("example.cn.evil", "example.cn"), Some(false));
        assert_eq!(within("anything", ""), Some(true));
        assert_eq!(within("a.example.cn", ".example.cn"), None);
        assert_eq!(within("a.example.cn", "*.example.cn"), None);
        assert_eq!(within("a\0.example.cn", "example.cn"), None);
    }

    #[test]
    fn a_wildcard_is_permitted_whole_and_excluded_in_part() {
        let permitted = |base| dns_within("*.example.cn", base, Scope::Permitted);
        let excluded = |base| dns_within("*.example.cn", base, Scope::Excluded);
        assert_eq!((permitted("example.cn"), excluded("example.cn")), (Some(true), Some(true)));
        assert_eq!((permitted("a.example.cn"), excluded("a.example.cn")), (Some(false), Some(true)));
        assert_eq!((permitted("a.b.example.cn"), excluded("a.b.example.cn")), (Some(false), Some(false)));
        assert_eq!((permitted("cn"), excluded("other.cn")), (Some(true), Some(false)));
    }

    #[test]
    fn uri_and_mail_constraints_look_at_the_host() {
        assert_eq!(uri_within("https://u@a.example:1/x", ".example"), Some(true));
        assert_eq!(uri_within("https://example/", ".example"), Some(false));
        assert_eq!(uri_within("https://127.0.0.1/", "127.0.0.1"), None);
        assert_eq!(uri_within("urn:cinnabar:machine:1", "example"), None);
        assert_eq!(email_within("a@x.cn", "X.cn"), Some(true));
        assert_eq!(email_within("a@y.x.cn", "x.cn"), Some(false));
        assert_eq!(email_within("a@y.x.cn", ".x.cn"), Some(true));
        assert_eq!(email_within("b@x.cn", "a@x.cn"), Some(false));
        for odd in ["a@b@x.cn", "\"a@b\"@x.cn", "x.cn"] {
            assert_eq!(
                (email_within(odd, "x.cn"), email_within("a@x.cn", "a@b@x.cn")),
                (None, None),
                "{odd}"
            );
        }
    }

    #[test]
    fn addresses_are_compared_under_the_mask() {
        assert_eq!(address_within(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(true));
        assert_eq!(address_within(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(false));
        assert_eq!(address_within(&[0; 16], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(false));
        assert_eq!(address_within(&[9, 9, 9, 9], &[0; 8]), Some(true));
        assert_eq!(address_within(&[9; 16], &[0; 32]), Some(true));
        assert_eq!(address_within(&[9, 9, 9, 9], &[9, 9, 9, 9, 255, 255, 255, 255]), Some(true));
        assert_eq!(address_within(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 255, 0]), None);
        assert_eq!(address_within(&[10, 1, 2, 3], &[10, 1, 2, 3]), None);
    }
}
