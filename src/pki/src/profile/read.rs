//! From a file's words to typed rules, one key at a time; what keys say together is `check`'s.

use std::{collections::BTreeSet, net::IpAddr};

use der::asn1::ObjectIdentifier;

use super::{
    AttributeRule, AuthorityRules, Contradiction, IssuedBy, NameKind, NameRule, NameRules, PolicyRule,
    ProfileError, Purposes, Source, SubjectRules, Validity, Way, file,
};
use crate::{
    extensions::{GeneralName, KeyUsage, NameConstraints},
    key::KeyAlgorithm,
    name::{
        attributes::{self, AttributeType},
        syntax,
    },
    oids,
};

pub(super) type Checked<T> = Result<T, ProfileError>;

pub(super) fn wrong<T>(key: impl Into<String>, contradiction: Contradiction) -> Checked<T> {
    Err(ProfileError::Contradiction { key: key.into(), contradiction })
}

fn unknown<T>(key: &str, found: &str, known: impl Iterator<Item = &'static str>) -> Checked<T> {
    let known = known.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    wrong(key, Contradiction::Unknown { found: found.to_owned(), known })
}

/// Refuses an empty list and repetitions.
fn each_once<T: Ord + Clone>(key: &str, items: &[T], shown: impl Fn(&T) -> String) -> Checked<()> {
    if items.is_empty() {
        return wrong(key, Contradiction::Empty);
    }
    let mut seen = BTreeSet::new();
    match items.iter().find(|item| !seen.insert((*item).clone())) {
        Some(twice) => wrong(key, Contradiction::Twice(shown(twice))),
        None => Ok(()),
    }
}

pub(super) fn ask(words: &[file::Ask]) -> Checked<Vec<Way>> {
    let ways: Vec<Way> = words
        .iter()
        .map(|word| match word {
            file::Ask::Officer => Way::Officer,
            file::Ask::Holder => Way::Holder,
            file::Ask::Est => Way::Est,
            file::Ask::Acme => Way::Acme,
            file::Ask::Appliance => Way::Appliance,
            file::Ask::Ceremony => Way::Ceremony,
        })
        .collect();
    let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
    each_once("ask", &names, |name| (*name).to_owned())?;
    Ok(ways)
}

pub(super) fn issuer(word: file::Issuer) -> IssuedBy {
    match word {
        file::Issuer::Itself => IssuedBy::Itself,
        file::Issuer::Root => IssuedBy::Root,
        file::Issuer::Machine => IssuedBy::Machine,
        file::Issuer::Server => IssuedBy::Server,
        file::Issuer::Seal => IssuedBy::Seal,
        file::Issuer::Officer => IssuedBy::Officer,
        file::Issuer::Named => IssuedBy::Named,
    }
}

pub(super) fn keys(words: &[String]) -> Checked<Vec<KeyAlgorithm>> {
    each_once("keys", words, Clone::clone)?;
    let mut keys = Vec::new();
    for word in words {
        match KeyAlgorithm::by_name(word) {
            Some(algorithm) => keys.push(algorithm),
            None => return unknown("keys", word, KeyAlgorithm::names()),
        }
    }
    Ok(keys)
}

pub(super) fn validity(file: &file::Validity) -> Checked<Validity> {
    for (key, days) in [("validity.days", Some(file.days)), ("validity.longest_days", file.longest_days)] {
        if let Some(days) = days
            && !(1..=36_500).contains(&days)
        {
            return wrong(key, Contradiction::Days(days));
        }
    }
    let longest_days = file.longest_days.unwrap_or(file.days);
    if longest_days < file.days {
        return wrong("validity.longest_days", Contradiction::Longest);
    }
    if file.longest_days.is_some() && !file.negotiable {
        return wrong("validity.longest_days", Contradiction::LongestFixed);
    }
    if file.backdate_seconds > 172_800 {
        return wrong("validity.backdate_seconds", Contradiction::Backdate(file.backdate_seconds));
    }
    Ok(Validity {
        days: file.days,
        longest_days,
        negotiable: file.negotiable,
        backdate: i64::from(file.backdate_seconds),
    })
}

pub(super) fn subject(copied: bool, rules: &[file::Attribute]) -> Checked<SubjectRules> {
    if copied {
        return if rules.is_empty() {
            Ok(SubjectRules::Copied)
        } else {
            wrong("copy_subject", Contradiction::CopiedAndMade)
        };
    }
    let mut out: Vec<AttributeRule> = Vec::new();
    for rule in rules {
        let Some(known) = attributes::by_name(&rule.attribute) else {
            return unknown("subject.attribute", &rule.attribute, attributes::names());
        };
        if out.iter().any(|earlier| earlier.kind == known.oid) {
            return wrong("subject.attribute", Contradiction::Twice(rule.attribute.clone()));
        }
        let from = source(rule, known)?;
        out.push(AttributeRule { kind: known.oid, name: known.name, from, required: rule.required });
    }
    Ok(SubjectRules::Attributes(out))
}

fn source(rule: &file::Attribute, known: &'static AttributeType) -> Checked<Source> {
    match (rule.from, &rule.value) {
        (file::From::Fixed, Some(value)) => match known.check(value) {
            Ok(()) => Ok(Source::Fixed(value.clone())),
            Err(fault) => wrong(
                "subject.value",
                Contradiction::AttributeValue {
                    value: value.clone(),
                    attribute: known.name,
                    reason: fault.to_string(),
                },
            ),
        },
        (file::From::Register, None) => Ok(Source::Register),
        (file::From::Request, None) => Ok(Source::Request),
        _ => wrong("subject.value", Contradiction::Value),
    }
}

pub(super) fn names(file: Option<&file::Names>) -> Checked<NameRules> {
    let Some(file) = file else {
        return Ok(NameRules { critical: false, kinds: Vec::new(), least: 0, wildcards: false });
    };
    let mut kinds = Vec::new();
    for (kind, count) in [
        (NameKind::Dns, file.dns),
        (NameKind::Ip, file.ip),
        (NameKind::Email, file.email),
        (NameKind::Uri, file.uri),
    ] {
        let Some(count) = count else { continue };
        if count.least > count.most || count.most == 0 {
            let contradiction = Contradiction::Count { least: count.least, most: count.most };
            return wrong(format!("names.{kind}"), contradiction);
        }
        kinds.push(NameRule { kind, least: count.least, most: count.most });
    }
    if kinds.is_empty() {
        return wrong("names", Contradiction::NoKinds);
    }
    if file.wildcards && file.dns.is_none() {
        return wrong("names.wildcards", Contradiction::Wildcards);
    }
    Ok(NameRules { critical: file.critical, kinds, least: file.least, wildcards: file.wildcards })
}

pub(super) fn key_usage(words: &[String]) -> Checked<KeyUsage> {
    each_once("key_usage", words, Clone::clone)?;
    let mut usage = KeyUsage::from_bits(0);
    for word in words {
        match KEY_USAGES.iter().find(|(name, _)| name == word) {
            Some((_, bit)) => usage = usage.and(*bit),
            None => return unknown("key_usage", word, KEY_USAGES.iter().map(|(name, _)| *name)),
        }
    }
    Ok(usage)
}

pub(super) fn purposes(words: &[String], critical: bool) -> Checked<Purposes> {
    let mut oids = Vec::new();
    for word in words {
        let oid = match PURPOSES.iter().find(|(name, _)| name == word) {
            Some((_, oid)) => *oid,
            None if word.starts_with(|first: char| first.is_ascii_digit()) => {
                oid("extended_key_usage", word)?
            }
            None => return unknown("extended_key_usage", word, PURPOSES.iter().map(|(name, _)| *name)),
        };
        if oids.contains(&oid) {
            return wrong("extended_key_usage", Contradiction::Twice(word.clone()));
        }
        oids.push(oid);
    }
    Ok(Purposes { oids, critical })
}

fn oid(key: &str, word: &str) -> Checked<ObjectIdentifier> {
    match ObjectIdentifier::new(word) {
        Ok(oid) => Ok(oid),
        Err(_) => wrong(key, Contradiction::Oid(word.to_owned())),
    }
}

pub(super) fn authority(file: &file::Authority) -> Checked<AuthorityRules> {
    let permitted = subtrees("authority.permitted", &file.permitted)?;
    let excluded = subtrees("authority.excluded", &file.excluded)?;
    let constraints =
        (!permitted.is_empty() || !excluded.is_empty()).then_some(NameConstraints { permitted, excluded });
    Ok(AuthorityRules { path_length: file.path_length, constraints })
}

/// Name constraints by kind of name; also those a trust anchor is narrowed by.
pub(crate) fn subtrees(key: &str, file: &file::Subtrees) -> Checked<Vec<GeneralName>> {
    let mut out = Vec::new();
    for (kind, bases) in file {
        let key = format!("{key}.{kind}");
        each_once(&key, bases, Clone::clone)?;
        for base in bases {
            let (name, form) = match kind.as_str() {
                "dns" => (
                    is_host(base).then(|| GeneralName::Dns(base.clone())),
                    "`example.cn`, which covers every host below",
                ),
                "email" => {
                    let host = base.rsplit_once('@').map_or(base.as_str(), |(_, host)| host);
                    let host = host.strip_prefix('.').unwrap_or(host);
                    (
                        is_host(host).then(|| GeneralName::Email(base.clone())),
                        "`example.cn`, `.example.cn` or `a@example.cn`",
                    )
                }
                "uri" => {
                    let host = base.strip_prefix('.').unwrap_or(base);
                    (
                        is_host(host).then(|| GeneralName::Uri(base.clone())),
                        "a host: `example.cn` or `.example.cn`",
                    )
                }
                "ip" => (network(base).map(GeneralName::Ip), "`10.0.0.0/8` or `fd00::/8`, host bits zero"),
                _ => return unknown(&key, kind, ["dns", "ip", "email", "uri"].into_iter()),
            };
            match name {
                Some(name) => out.push(name),
                None => {
                    let contradiction =
                        Contradiction::Subtree { kind: kind.clone(), base: base.clone(), form };
                    return wrong(key, contradiction);
                }
            }
        }
    }
    Ok(out)
}

/// `10.0.0.0/8` → address and mask (RFC 5280 §4.2.1.10).
fn network(text: &str) -> Option<Vec<u8>> {
    let (address, length) = text.split_once('/')?;
    let address = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let length: usize = length.parse().ok()?;
    if length > address.len() * 8 {
        return None;
    }
    let mask: Vec<u8> = (0..address.len())
        .map(|index| {
            let ones = length.saturating_sub(index * 8).min(8);
            u8::try_from(0xFF00_u32 >> ones & 0xFF).unwrap_or(0xFF)
        })
        .collect();
    let clean = address.iter().zip(&mask).all(|(octet, mask)| octet & !mask == 0);
    clean.then(|| [address, mask].concat())
}

fn is_host(text: &str) -> bool {
    syntax::is_dns_name(text, false)
}

pub(super) fn policies(file: &[file::Policy]) -> Checked<Vec<PolicyRule>> {
    let mut out: Vec<PolicyRule> = Vec::new();
    for policy in file {
        let oid = oid("policies.oid", &policy.oid)?;
        if out.iter().any(|earlier| earlier.oid == oid) {
            return wrong("policies.oid", Contradiction::Twice(policy.oid.clone()));
        }
        if let Some(cps) = &policy.cps
            && !syntax::is_web_address(cps)
        {
            return wrong("policies.cps", Contradiction::Cps(cps.clone()));
        }
        out.push(PolicyRule { oid, cps: policy.cps.clone() });
    }
    Ok(out)
}

/// RFC 5280 §4.2.1.3.
pub(super) const KEY_USAGES: &[(&str, KeyUsage)] = &[
    ("digitalSignature", KeyUsage::DIGITAL_SIGNATURE),
    ("nonRepudiation", KeyUsage::NON_REPUDIATION),
    ("keyEncipherment", KeyUsage::KEY_ENCIPHERMENT),
    ("dataEncipherment", KeyUsage::DATA_ENCIPHERMENT),
    ("keyAgreement", KeyUsage::KEY_AGREEMENT),
    ("keyCertSign", KeyUsage::KEY_CERT_SIGN),
    ("cRLSign", KeyUsage::CRL_SIGN),
    ("encipherOnly", KeyUsage::ENCIPHER_ONLY),
    ("decipherOnly", KeyUsage::DECIPHER_ONLY),
];

/// RFC 5280 §4.2.1.12, RFC 9336; others by number.
const PURPOSES: &[(&str, ObjectIdentifier)] = &[
    ("serverAuth", oids::SERVER_AUTH),
    ("clientAuth", oids::CLIENT_AUTH),
    ("codeSigning", oids::CODE_SIGNING),
    ("emailProtection", oids::EMAIL_PROTECTION),
    ("timeStamping", oids::TIME_STAMPING),
    ("OCSPSigning", oids::OCSP_SIGNING),
    ("documentSigning", oids::DOCUMENT_SIGNING),
    ("anyExtendedKeyUsage", oids::ANY_EXTENDED_KEY_USAGE),
];
