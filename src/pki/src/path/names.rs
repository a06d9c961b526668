//! Name constraints (RFC 5280 §4.2.1.10, §6.1.3 (b) and (c)): DNS, e-mail, URI, address and directory names.
//!
//! A constraint on a form this module cannot compare refuses every certificate that carries a name of that form, as
//! §4.2.1.10 asks of implementations.

use crate::{
    asn1::{Reader, Rules, SEQUENCE},
    certificate::Certificate,
    extensions::{GeneralName, NameConstraints},
    name::Name,
    oids,
};

pub(super) fn check(constraints: &NameConstraints, certificate: &Certificate) -> Result<(), &'static str> {
    let mut names = certificate.subject_alt_names().to_vec();
    if !certificate.subject().is_empty() {
        names.push(GeneralName::Directory(certificate.subject().clone()));
    }
    // §4.2.1.10: e-mail addresses in a subject count where no rfc822Name is given.
    if !names.iter().any(|name| matches!(name, GeneralName::Email(_))) {
        let attributes = certificate.subject().attributes().into_iter();
        names.extend(
            attributes
                .filter(|(kind, _)| *kind == oids::EMAIL_ADDRESS)
                .map(|(_, value)| GeneralName::Email(value)),
        );
    }
    if names.len().saturating_mul(constraints.permitted.len() + constraints.excluded.len()) > MAX_COMPARISONS
    {
        return Err("too many names and name constraints");
    }
    for name in &names {
        for excluded in constraints.excluded.iter().filter(|base| same_form(name, base)) {
            match within(name, excluded) {
                Some(false) => {}
                Some(true) => return Err("name is excluded by a name constraint"),
                None => return Err("name constraint of an unsupported form"),
            }
        }
        let mut permitted = constraints.permitted.iter().filter(|base| same_form(name, base)).peekable();
        if permitted.peek().is_some() && !permitted.any(|base| within(name, base) == Some(true)) {
            return Err("name is not permitted by a name constraint");
        }
    }
    Ok(())
}

fn same_form(left: &GeneralName, right: &GeneralName) -> bool {
    match (left, right) {
        (GeneralName::Other(left), GeneralName::Other(right)) => left == right,
        _ => std::mem::discriminant(left) == std::mem::discriminant(right),
    }
}

/// `None`: cannot be compared.
fn within(name: &GeneralName, base: &GeneralName) -> Option<bool> {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => Some(dns_within(name, base)),
        (GeneralName::Email(name), GeneralName::Email(base)) => {
            let (_, host) = name.rsplit_once('@')?;
            Some(match base.rsplit_once('@') {
                Some((local, wanted)) => {
                    name.rsplit_once('@').is_some_and(|(own, _)| own == local)
                        && host.eq_ignore_ascii_case(wanted)
                }
                None => host_within(host, base),
            })
        }
        (GeneralName::Uri(name), GeneralName::Uri(base)) => {
            // §4.2.1.10: applies to the host part; a URI without one cannot satisfy a constraint.
            let (_, rest) = name.split_once("://")?;
            let authority = rest.split(['/', '?', '#']).next()?;
            let host = authority.rsplit('@').next()?;
            let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
            if host.is_empty() || host.starts_with('[') { None } else { Some(host_within(host, base)) }
        }
        (GeneralName::Ip(name), GeneralName::Ip(base)) => {
            let (network, mask) = base.split_at_checked(base.len() / 2)?;
            if name.len() != network.len() {
                return Some(false);
            }
            Some(
                name.iter().zip(network).zip(mask).all(|((own, network), mask)| own & mask == network & mask),
            )
        }
        (GeneralName::Directory(name), GeneralName::Directory(base)) => Some(directory_within(name, base)),
        _ => None,
    }
}

/// Any number of labels to the left may be added.
fn dns_within(name: &str, base: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let base = base.to_ascii_lowercase();
    let base = base.strip_prefix('.').unwrap_or(&base);
    base.is_empty() || name == base || name.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'))
}

/// `host` exactly, or with a leading dot any host below.
fn host_within(host: &str, base: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let base = base.to_ascii_lowercase();
    if base.starts_with('.') { host.ends_with(&base) && host.len() > base.len() } else { host == base }
}

/// The base's RDNs are a prefix of the name's, byte for byte.
fn directory_within(name: &Name, base: &Name) -> bool {
    let contents =
        |name: &Name| Reader::only(name.der(), Rules::Der, SEQUENCE).map(|tlv| tlv.content.to_vec());
    match (contents(name), contents(base)) {
        (Ok(name), Ok(base)) => name.starts_with(&base),
        _ => false,
    }
}

/// CVE-2024-0567 and kin: names times constraints is quadratic.
const MAX_COMPARISONS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Subject;

    #[test]
    fn dns_constraints_cover_the_name_and_what_lies_below_it() {
        assert!(dns_within("a.example.cn", "example.cn") && dns_within("Example.CN", "example.cn"));
        assert!(!dns_within("badexample.cn", "example.cn") && !dns_within("example.cn.evil", "example.cn"));
        assert!(dns_within("anything", ""));
    }

    #[test]
    fn uri_and_mail_constraints_look_at_the_host() {
        let uri =
            |name: &str, base: &str| within(&GeneralName::Uri(name.into()), &GeneralName::Uri(base.into()));
        assert_eq!(uri("https://u@a.example:1/x", ".example"), Some(true));
        assert_eq!(uri("https://example/", ".example"), Some(false));
        assert_eq!(uri("urn:cinnabar:machine:1", "example"), None);
        let mail = |name: &str, base: &str| {
            within(&GeneralName::Email(name.into()), &GeneralName::Email(base.into()))
        };
        assert_eq!(mail("a@x.cn", "x.cn"), Some(true));
        assert_eq!(mail("a@y.x.cn", "x.cn"), Some(false));
        assert_eq!(mail("b@x.cn", "a@x.cn"), Some(false));
    }

    #[test]
    fn addresses_are_compared_under_the_mask() {
        let ip =
            |name: &[u8], base: &[u8]| within(&GeneralName::Ip(name.into()), &GeneralName::Ip(base.into()));
        assert_eq!(ip(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(true));
        assert_eq!(ip(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(false));
        assert_eq!(ip(&[0; 16], &[10, 0, 0, 0, 255, 0, 0, 0]), Some(false));
    }

    #[test]
    fn directory_constraints_are_prefixes_of_whole_rdns() {
        let base = Subject::default().country("CN").organization("甲").to_name();
        assert!(directory_within(
            &Subject::default().country("CN").organization("甲").named("x").to_name(),
            &base
        ));
        assert!(!directory_within(
            &Subject::default().country("CN").organization("乙").named("x").to_name(),
            &base
        ));
    }
}
