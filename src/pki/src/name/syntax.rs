//! Syntax of the texts that certificates carry: host names, addresses of mail and resources, characters.

use std::net::{Ipv4Addr, Ipv6Addr};

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::extensions::GeneralName;

/// Whether an alternative name is of its form's syntax; forms that are never written are not.
pub(crate) fn is_name(name: &GeneralName, wildcard: bool) -> bool {
    match name {
        GeneralName::Dns(text) => is_dns_name(text, wildcard),
        GeneralName::Email(text) => is_mailbox(text),
        GeneralName::Uri(text) => is_uri(text),
        GeneralName::Ip(octets) => matches!(octets.len(), 4 | 16),
        GeneralName::Directory(_) | GeneralName::OtherName(_) | GeneralName::Other(_) => false,
    }
}

/// A preferred-syntax DNS name (RFC 5280 §4.2.1.6, RFC 1034 §3.5 as RFC 1123 §2.1 changed it): letters, digits and
/// hyphens, 63 octets a label, 253 in all, no root dot, not an address; internationalised names as A-labels.
/// With `wildcard`, the leftmost label may be `*` (RFC 9525 §6.3), above at least two others.
pub(crate) fn is_dns_name(text: &str, wildcard: bool) -> bool {
    let body = match text.strip_prefix("*.") {
        Some(rest) if wildcard && rest.contains('.') => rest,
        Some(_) => return false,
        None => text,
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            // RFC 5890 §2.3.1: only A-labels have hyphens there.
            && (label.get(2..4) != Some("--") || label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("xn--")))
    };
    let numeric = body.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= 253 && body.split('.').all(label) && !numeric
}

/// A Mailbox in ASCII (RFC 5321 §4.1.2 `Dot-string @ Domain`, which RFC 5280 §4.2.1.6 asks for).
pub(crate) fn is_mailbox(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(atom) && text.len() <= 254 && is_dns_name(host, false)
}

/// An absolute URI (RFC 3986 §3, RFC 5280 §4.2.1.6): a scheme, something after it, and where there is an authority, a
/// host that is a DNS name or an address, without user information.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // RFC 3986 §2: unreserved, reserved and percent-encoded octets.
    let octets_fit =
        rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte))
            && percent_encoded(rest);
    let host_fits = match rest.strip_prefix("//") {
        Some(rest) => host_of(rest).is_some_and(is_host),
        // RFC 8141 §2: `urn:` needs a namespace and something in it.
        None if scheme.eq_ignore_ascii_case("urn") => rest
            .split_once(':')
            .is_some_and(|(namespace, specific)| (2..=32).contains(&namespace.len()) && !specific.is_empty()),
        None => !rest.is_empty(),
    };
    text.len() <= 2048 && scheme_fits && octets_fit && host_fits
}

/// An http or https URI with a host.
pub(crate) fn is_web_address(text: &str) -> bool {
    is_uri(text) && (text.starts_with("http://") || text.starts_with("https://"))
}

/// `host[:port]` up to path, query or fragment; `None` with user information or a port that is none.
fn host_of(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.contains('@') {
        return None;
    }
    let end = match authority.strip_prefix('[') {
        Some(_) => authority.find(']')? + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let port_fits = match port.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    port_fits.then_some(host)
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok() || is_dns_name(host, false),
    }
}

fn percent_encoded(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.get(..2).is_some_and(|two| two.bytes().all(|b| b.is_ascii_hexdigit())))
}

/// The characters of PrintableString (X.680 §41.4).
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte))
}

/// Characters that make a name look like another or break what shows it: controls, format characters (among them the
/// ones that change the direction of writing: Unicode UAX #9, "Trojan Source", CVE-2021-42574), other invisible ones,
/// private use, unassigned code points, and the replacement character, which says that something was lost.
pub(crate) fn is_treacherous(character: char) -> bool {
    use GeneralCategory as G;
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let category = matches!(
        character.general_category(),
        G::Control
            | G::Format
            | G::LineSeparator
            | G::ParagraphSeparator
            | G::PrivateUse
            | G::Surrogate
            | G::Unassigned
    );
    // Invisible although letters or marks (Default_Ignorable_Code_Point, UAX #44): joiners, fillers, selectors.
    let invisible = matches!(
        u32::from(character),
        0x034F | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x3164 | 0xFE00..=0xFE0F | 0xFFA0
            | 0xE0100..=0xE01EF
    );
    category || invisible || character == char::REPLACEMENT_CHARACTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_letters_digits_and_hyphens() {
        let long = "a".repeat(63);
        for name in ["api.example", "localhost", "xn--fiqs8s.cn", "a-1.b", &long, "1.example"] {
            assert!(is_dns_name(name, false), "{name}");
        }
        for name in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "例子.cn",
            "127.0.0.1",
            "ab--c.cn",
            &format!("{long}a"),
            &vec!["abcdefg"; 40].join("."),
            "a\0b",
            "a\nb",
            "*.example.cn",
        ] {
            assert!(!is_dns_name(name, false), "{name}");
        }
        assert!(is_dns_name("*.example.cn", true));
        for name in ["*", "*.cn", "a.*.cn", "*a.example.cn", "**.example.cn", "*.*.cn"] {
            assert!(!is_dns_name(name, true), "{name}");
        }
    }

    #[test]
    fn mailboxes_and_uris_are_read_to_their_hosts() {
        for text in ["a@example.cn", "a.b+c@example.cn"] {
            assert!(is_mailbox(text), "{text}");
        }
        for text in
            ["a", "@example.cn", "a@", "a..b@example.cn", "a b@example.cn", "a@b@", "<a@example.cn>", "a@-x"]
        {
            assert!(!is_mailbox(text), "{text}");
        }
        for text in [
            "urn:cinnabar:machine:a-1",
            "http://a.example:80/x?y#z",
            "https://[::1]/",
            "http://127.0.0.1:81",
            "tag:x,2026:y",
        ] {
            assert!(is_uri(text), "{text}");
        }
        for text in [
            "a",
            "",
            ":",
            "1a:b",
            "urn:",
            "urn:x",
            "urn:cinnabar:",
            "http://",
            "http:///x",
            "http://a b/",
            "http://a%zz/",
            "http://u@a/",
            "http://a:99999/",
            "http://[::1/",
            "urn:a:b c",
            "urn:机器:b",
            "http://a\r\n.example/",
        ] {
            assert!(!is_uri(text), "{text}");
        }
        assert!(is_web_address("http://a/") && !is_web_address("ldap://a/"));
    }

    #[test]
    fn controls_and_characters_that_turn_the_writing_are_treacherous() {
        for character in [
            '\0',
            '\r',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{feff}',
            '\u{fffd}',
            '\u{e000}',
            '\u{1fffe}',
            '\u{e0001}',
            '\u{378}',
            '\u{2065}',
            '\u{3164}',
            '\u{e0100}',
        ] {
            assert!(is_treacherous(character), "{character:?}");
        }
        for character in ['a', '审', '𠀀', 'ü', '·', '（', ' ', '☆'] {
            assert!(!is_treacherous(character), "{character:?}");
        }
    }
}
