//! From a file's words to a [`Profile`]: every rule that two keys could break together is here.

use std::{collections::BTreeSet, net::IpAddr};

use der::asn1::ObjectIdentifier;

use super::{
    AttributeRule, AuthorityRules, Contradiction, IssuedBy, NameKind, NameRule, NameRules, PolicyRule,
    Profile, ProfileError, Purposes, Revocation, Source, SubjectRules, Validity, Way, file,
};
use crate::{
    extensions::{GeneralName, KeyUsage, NameConstraints},
    key::KeyAlgorithm,
    name::attributes::{self, AttributeType},
    oids,
};

type Checked<T> = Result<T, ProfileError>;

impl Profile {
    /// Parses and checks one profile; `name` is the file's without `.toml`.
    ///
    /// # Errors
    /// [`ProfileError`], naming the key and how to mend it.
    pub fn parse(name: &str, toml: &str) -> Result<Self, ProfileError> {
        let file: file::File = toml::from_str(toml).map_err(Box::new)?;
        if file.version != 1 {
            return wrong("version", Contradiction::Version(file.version));
        }
        let profile = Self {
            name: name.to_owned(),
            description: file.description.trim().to_owned(),
            ask: ask(&file.ask)?,
            issuer: issuer(file.issuer),
            approvals: file.approvals,
            keys: keys(&file.keys)?,
            validity: validity(&file.validity)?,
            subject: subject(file.copy_subject, &file.subject)?,
            names: names(file.names.as_ref())?,
            key_usage: key_usage(&file.key_usage)?,
            purposes: purposes(&file.extended_key_usage, file.extended_key_usage_critical)?,
            authority: file.authority.as_ref().map(authority).transpose()?,
            policies: policies(&file.policies)?,
            revocation: Revocation {
                crl: file.revocation.crl,
                ocsp: file.revocation.ocsp,
                ca_issuers: file.revocation.ca_issuers,
                no_rev_avail: file.revocation.no_rev_avail,
                ocsp_nocheck: file.revocation.ocsp_nocheck,
            },
        };
        if profile.description.is_empty() {
            return wrong("description", Contradiction::Empty);
        }
        profile.usage_fits()?;
        profile.authority_fits()?;
        profile.names_fit()?;
        profile.revocation_fits()?;
        profile.approvals_fit()?;
        Ok(profile)
    }

    fn usage_fits(&self) -> Checked<()> {
        for algorithm in &self.keys {
            let able = algorithm.usable_for();
            if let Some((name, _)) =
                KEY_USAGES.iter().find(|(_, bit)| self.key_usage.contains(*bit) && !able.contains(*bit))
            {
                let contradiction =
                    Contradiction::UsageOfKey { algorithm: algorithm.to_string(), usage: (*name).to_owned() };
                return wrong("key_usage", contradiction);
            }
        }
        for (bit, name) in
            [(KeyUsage::ENCIPHER_ONLY, "encipherOnly"), (KeyUsage::DECIPHER_ONLY, "decipherOnly")]
        {
            if self.key_usage.contains(bit) && !self.key_usage.contains(KeyUsage::KEY_AGREEMENT) {
                return wrong("key_usage", Contradiction::OnlyWithAgreement(name));
            }
        }
        let purposes = &self.purposes;
        if purposes.critical && purposes.oids.is_empty() {
            return wrong("extended_key_usage_critical", Contradiction::CriticalWithoutPurpose);
        }
        if purposes.oids.contains(&oids::TIME_STAMPING) && (!purposes.critical || purposes.oids.len() > 1) {
            return wrong("extended_key_usage", Contradiction::TimeStamping);
        }
        if purposes.critical && purposes.oids.contains(&oids::ANY_EXTENDED_KEY_USAGE) {
            return wrong("extended_key_usage_critical", Contradiction::AnyPurposeCritical);
        }
        Ok(())
    }

    fn authority_fits(&self) -> Checked<()> {
        let signs = self.key_usage.contains(KeyUsage::KEY_CERT_SIGN);
        match &self.authority {
            Some(_) if !signs => return wrong("authority", Contradiction::AuthorityWithoutCertSign),
            None if signs => return wrong("key_usage", Contradiction::CertSignWithoutAuthority),
            None if self.key_usage.contains(KeyUsage::CRL_SIGN) => {
                return wrong("key_usage", Contradiction::CrlSignWithoutAuthority);
            }
            None if self.issuer == IssuedBy::Itself => {
                return wrong("issuer", Contradiction::SelfSignedEndEntity);
            }
            None if self.subject == SubjectRules::Copied => {
                return wrong("copy_subject", Contradiction::CopiedEndEntity);
            }
            _ => {}
        }
        let any = self.policies.iter().any(|policy| policy.oid == oids::ANY_POLICY);
        if any && self.policies.len() > 1 {
            return wrong("policies", Contradiction::AnyPolicyWithOthers);
        }
        if any && !self.is_ca() {
            return wrong("policies", Contradiction::AnyPolicyOfEndEntity);
        }
        if self.is_ca()
            && let Some(way) = self.ask.iter().find(|way| matches!(way, Way::Holder | Way::Est | Way::Acme))
        {
            return wrong("ask", Contradiction::AuthorityByProtocol(way.name()));
        }
        Ok(())
    }

    fn names_fit(&self) -> Checked<()> {
        let never_empty = match &self.subject {
            SubjectRules::Copied => true,
            SubjectRules::Attributes(rules) => {
                rules.iter().any(|rule| rule.required || matches!(rule.from, Source::Fixed(_)))
            }
        };
        if self.is_ca() && !never_empty {
            return wrong("subject", Contradiction::AuthorityWithoutSubject);
        }
        let names = &self.names;
        match (never_empty, names.critical) {
            (true, true) => {
                let mend = "the subject has required attributes, so set `critical = false`";
                return wrong("names.critical", Contradiction::NamesCritical(mend));
            }
            (false, false) => {
                let mend = "no attribute is required or fixed, so require one, or set `critical = true`";
                return wrong("names.critical", Contradiction::NamesCritical(mend));
            }
            _ => {}
        }
        let least: usize = names.kinds.iter().map(|rule| rule.least).sum();
        let most: usize = names.kinds.iter().map(|rule| rule.most).sum();
        if (names.least > 0 || names.critical) && names.kinds.is_empty() {
            return wrong("names", Contradiction::NoKinds);
        }
        if names.least > most {
            return wrong("names.least", Contradiction::Count { least: names.least, most });
        }
        if names.critical && names.least.max(least) == 0 {
            let mend = "so that one names the subject, write `least = 1`";
            return wrong("names.least", Contradiction::NamesCritical(mend));
        }
        Ok(())
    }

    fn revocation_fits(&self) -> Checked<()> {
        let revocation = self.revocation;
        let itself = self.issuer == IssuedBy::Itself;
        for (key, told) in
            [("crl", revocation.crl), ("ocsp", revocation.ocsp), ("ca_issuers", revocation.ca_issuers)]
        {
            let key = match key {
                "crl" => "revocation.crl",
                "ocsp" => "revocation.ocsp",
                _ => "revocation.ca_issuers",
            };
            if !told {
                continue;
            }
            if itself {
                return wrong(key, Contradiction::SelfSignedWith(key));
            }
            if key == "revocation.ca_issuers" {
                continue;
            }
            if revocation.no_rev_avail {
                return wrong("revocation.no_rev_avail", Contradiction::NoRevAvailWith(key));
            }
            if revocation.ocsp_nocheck {
                return wrong("revocation.ocsp_nocheck", Contradiction::NoCheckWith(key));
            }
        }
        if revocation.no_rev_avail && self.is_ca() {
            return wrong("revocation.no_rev_avail", Contradiction::NoRevAvailAuthority);
        }
        if revocation.no_rev_avail && revocation.ocsp_nocheck {
            return wrong(
                "revocation.no_rev_avail",
                Contradiction::NoRevAvailWith("revocation.ocsp_nocheck"),
            );
        }
        if revocation.ocsp_nocheck && !self.purposes.oids.contains(&oids::OCSP_SIGNING) {
            return wrong("revocation.ocsp_nocheck", Contradiction::NoCheckWithoutOcspSigning);
        }
        let told = revocation.crl || revocation.ocsp || revocation.no_rev_avail || revocation.ocsp_nocheck;
        if !told && !itself {
            return wrong("revocation", Contradiction::NoRevocation);
        }
        Ok(())
    }

    fn approvals_fit(&self) -> Checked<()> {
        if self.approvals > 16 {
            return wrong("approvals", Contradiction::Approvals(self.approvals));
        }
        let asks = self.ask.iter().any(|way| !matches!(way, Way::Appliance | Way::Ceremony));
        if self.approvals > 0 && !asks {
            return wrong("approvals", Contradiction::ApprovalsOfNobody);
        }
        Ok(())
    }
}

fn wrong<T>(key: impl Into<String>, contradiction: Contradiction) -> Checked<T> {
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

fn ask(words: &[file::Ask]) -> Checked<Vec<Way>> {
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

fn issuer(word: file::Issuer) -> IssuedBy {
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

fn keys(words: &[String]) -> Checked<Vec<KeyAlgorithm>> {
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

fn validity(file: &file::Validity) -> Checked<Validity> {
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

fn subject(copied: bool, rules: &[file::Attribute]) -> Checked<SubjectRules> {
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

fn names(file: Option<&file::Names>) -> Checked<NameRules> {
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

fn key_usage(words: &[String]) -> Checked<KeyUsage> {
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

fn purposes(words: &[String], critical: bool) -> Checked<Purposes> {
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

fn authority(file: &file::Authority) -> Checked<AuthorityRules> {
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
    crate::name::syntax::is_dns_name(text, false)
}

fn policies(file: &[file::Policy]) -> Checked<Vec<PolicyRule>> {
    let mut out: Vec<PolicyRule> = Vec::new();
    for policy in file {
        let oid = oid("policies.oid", &policy.oid)?;
        if out.iter().any(|earlier| earlier.oid == oid) {
            return wrong("policies.oid", Contradiction::Twice(policy.oid.clone()));
        }
        if let Some(cps) = &policy.cps
            && !crate::name::syntax::is_web_address(cps)
        {
            return wrong("policies.cps", Contradiction::Cps(cps.clone()));
        }
        out.push(PolicyRule { oid, cps: policy.cps.clone() });
    }
    Ok(out)
}

/// RFC 5280 §4.2.1.3.
const KEY_USAGES: &[(&str, KeyUsage)] = &[
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
