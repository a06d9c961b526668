//! Profile and wish → to-be-signed certificate. What the profile does not give is refused here, by name.

use thiserror::Error;

use super::{IssueError, IssuerRef, Places, Wish, authority_key_identifier, distribution_point, extension};
use crate::{
    asn1::{self, BOOLEAN, IA5_STRING, NULL, OCTET_STRING, SEQUENCE},
    extensions::{GeneralName, NameConstraints},
    key::{KeyFault, PublicKey, key_identifier},
    name::{Name, Subject, ValueFault, attributes, syntax},
    oids,
    profile::{NameKind, Profile, Source, SubjectRules},
    time,
};

/// Why a profile does not give what is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WishError {
    /// The key is not accepted anywhere.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The key is not one the profile takes.
    #[error("a key of `{found}` is not accepted; accepted are {accepted}")]
    KeyAlgorithm {
        /// What was found.
        found: String,
        /// What the profile takes.
        accepted: String,
    },
    /// A subject attribute that the profile does not have.
    #[error("subject attribute `{attribute}` is not allowed")]
    Attribute {
        /// Its name or identifier.
        attribute: String,
    },
    /// A subject attribute twice.
    #[error("subject attribute `{attribute}` stands twice")]
    AttributeTwice {
        /// Its name.
        attribute: String,
    },
    /// A required subject attribute is not there.
    #[error("subject attribute `{attribute}` is missing")]
    AttributeMissing {
        /// Its name.
        attribute: &'static str,
    },
    /// Another value than the profile's.
    #[error("subject attribute `{attribute}` is fixed to `{value}`")]
    AttributeFixed {
        /// Its name.
        attribute: &'static str,
        /// The profile's value.
        value: String,
    },
    /// A value that no certificate can carry.
    #[error("subject attribute `{attribute}`: {fault}")]
    AttributeValue {
        /// Its name.
        attribute: &'static str,
        /// Why.
        fault: ValueFault,
    },
    /// The profile copies the subject of another certificate, and none was given; or the other way round.
    #[error("the subject must be copied from a certificate exactly when the profile says so")]
    SubjectCopied,
    /// An alternative name of a kind that the profile does not allow.
    #[error("alternative names of kind `{kind}` are not allowed")]
    NameKind {
        /// Its kind.
        kind: String,
    },
    /// An alternative name that is not of its kind's syntax.
    #[error("`{name}` is not a name of kind `{kind}`")]
    NameSyntax {
        /// The name.
        name: String,
        /// Its kind.
        kind: NameKind,
    },
    /// A wildcard where none is allowed.
    #[error("`{name}` is a wildcard, which is not allowed")]
    Wildcard {
        /// The name.
        name: String,
    },
    /// The same alternative name twice.
    #[error("`{name}` stands twice among the alternative names")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// Too few or too many alternative names.
    #[error("{found} alternative names of kind `{kind}`; {least} to {most} are allowed")]
    NameCount {
        /// Which; `any` for all together.
        kind: String,
        /// How many.
        found: usize,
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
    /// Another period where none can be asked for.
    #[error("validity cannot be asked for; the profile gives {days} days")]
    ValidityFixed {
        /// What the profile gives.
        days: u32,
    },
    /// A longer period than the profile gives.
    #[error("validity of more than {longest_days} days is not given")]
    TooLong {
        /// What the profile gives at most.
        longest_days: u32,
    },
    /// Validity that would begin before the profile's back-dating, or end before it begins.
    #[error("validity must begin at or after {earliest} and end after it begins (Unix time)")]
    Period {
        /// The first second possible.
        earliest: i64,
    },
    /// The issuer's certificate has ended or not begun.
    #[error("the issuer's certificate is not valid in that period")]
    IssuerEnded,
}

pub(super) fn to_be_signed(
    profile: &Profile,
    wish: &Wish,
    issuer: IssuerRef<'_>,
    places: &Places,
    serial: [u8; 20],
    now: i64,
    algorithm: &[u8],
) -> Result<Vec<u8>, IssueError> {
    key(profile, &wish.public_key)?;
    let subject = subject(profile, &wish.subject)?;
    names(profile, &wish.names)?;
    let (not_before, not_after) = validity(profile, wish, issuer, now)?;
    let validity =
        [time::encode(not_before).ok_or(IssueError::Time)?, time::encode(not_after).ok_or(IssueError::Time)?];
    let (issuer_name, authority) = match issuer {
        IssuerRef::SelfSigned => (&subject, None),
        IssuerRef::Ca(certificate) => (certificate.subject(), authority_key_identifier(certificate)),
    };
    let extensions = extensions(profile, wish, &subject, places, authority.as_deref())?;
    Ok(asn1::join(
        SEQUENCE,
        &[
            asn1::tlv(0xA0, &[0x02, 0x01, 0x02]),
            asn1::unsigned(&serial),
            algorithm.to_vec(),
            issuer_name.der().to_vec(),
            asn1::join(SEQUENCE, &validity),
            subject.der().to_vec(),
            wish.public_key.clone(),
            asn1::tlv(0xA3, &asn1::join(SEQUENCE, &extensions)),
        ],
    ))
}

fn key(profile: &Profile, spki: &[u8]) -> Result<(), WishError> {
    let found = PublicKey::from_spki(spki)?.algorithm();
    if profile.keys().iter().any(|wanted| found.meets(*wanted)) {
        return Ok(());
    }
    let accepted = profile.keys().iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    Err(WishError::KeyAlgorithm { found: found.to_string(), accepted })
}

fn subject(profile: &Profile, wish: &Subject) -> Result<Name, WishError> {
    let rules = match (profile.subject(), wish.as_copied()) {
        (SubjectRules::Copied, Some(name)) => return Ok(name.clone()),
        (SubjectRules::Attributes(rules), None) => rules,
        _ => return Err(WishError::SubjectCopied),
    };
    for (index, (kind, _)) in wish.attributes().iter().enumerate() {
        let named =
            || attributes::by_oid(*kind).map_or_else(|| kind.to_string(), |known| known.name.to_owned());
        if !rules.iter().any(|rule| rule.kind == *kind) {
            return Err(WishError::Attribute { attribute: named() });
        }
        if wish.attributes().iter().take(index).any(|(earlier, _)| earlier == kind) {
            return Err(WishError::AttributeTwice { attribute: named() });
        }
    }
    let mut subject = Subject::default();
    for rule in rules {
        let value = match (&rule.from, wish.attribute(rule.kind)) {
            (Source::Fixed(value), Some(asked)) if asked != value => {
                return Err(WishError::AttributeFixed { attribute: rule.name, value: value.clone() });
            }
            (Source::Fixed(value), _) => value,
            (_, Some(value)) => value,
            (_, None) if rule.required => return Err(WishError::AttributeMissing { attribute: rule.name }),
            (_, None) => continue,
        };
        if let Some(known) = attributes::by_oid(rule.kind) {
            known.check(value).map_err(|fault| WishError::AttributeValue { attribute: rule.name, fault })?;
        }
        subject = subject.with(rule.kind, value);
    }
    Ok(subject.to_name())
}

fn names(profile: &Profile, names: &[GeneralName]) -> Result<(), WishError> {
    let rules = profile.names();
    for (index, name) in names.iter().enumerate() {
        let kind = NameKind::of(name).filter(|kind| rules.kinds.iter().any(|rule| rule.kind == *kind));
        let Some(kind) = kind else {
            return Err(WishError::NameKind { kind: name.kind().to_owned() });
        };
        match name {
            GeneralName::Dns(dns) if dns.starts_with("*.") && !rules.wildcards => {
                return Err(WishError::Wildcard { name: dns.clone() });
            }
            _ => {}
        }
        if !syntax::is_name(name, rules.wildcards) {
            return Err(WishError::NameSyntax { name: name.to_string(), kind });
        }
        if names.iter().take(index).any(|earlier| earlier == name) {
            return Err(WishError::NameTwice { name: name.to_string() });
        }
    }
    for rule in &rules.kinds {
        let found = names.iter().filter(|name| NameKind::of(name) == Some(rule.kind)).count();
        if !(rule.least..=rule.most).contains(&found) {
            let kind = rule.kind.to_string();
            return Err(WishError::NameCount { kind, found, least: rule.least, most: rule.most });
        }
    }
    if names.len() < rules.least {
        let most = rules.kinds.iter().map(|rule| rule.most).sum();
        let (found, least) = (names.len(), rules.least);
        return Err(WishError::NameCount { kind: "any".to_owned(), found, least, most });
    }
    Ok(())
}

/// First and last second. No certificate begins before its issuer or outlives it: it is shortened at both ends.
fn validity(
    profile: &Profile,
    wish: &Wish,
    issuer: IssuerRef<'_>,
    now: i64,
) -> Result<(i64, i64), WishError> {
    let rule = profile.validity();
    let days = |days: u32| i64::from(days) * 86_400 - 1;
    let earliest = now - rule.backdate;
    if !rule.negotiable && (wish.not_before.is_some() || wish.not_after.is_some()) {
        return Err(WishError::ValidityFixed { days: rule.days });
    }
    let begin = wish.not_before.unwrap_or(earliest);
    let end = wish.not_after.unwrap_or(begin + days(rule.days));
    if begin < earliest || end <= begin {
        return Err(WishError::Period { earliest });
    }
    if end - begin > days(rule.longest_days) {
        return Err(WishError::TooLong { longest_days: rule.longest_days });
    }
    let (begin, end) = match issuer {
        IssuerRef::SelfSigned => (begin, end),
        IssuerRef::Ca(ca) => (begin.max(ca.not_before()), end.min(ca.not_after())),
    };
    if begin >= end { Err(WishError::IssuerEnded) } else { Ok((begin, end)) }
}

fn extensions(
    profile: &Profile,
    wish: &Wish,
    subject: &Name,
    places: &Places,
    authority: Option<&[u8]>,
) -> Result<Vec<Vec<u8>>, IssueError> {
    let mut out = Vec::new();
    if let Some(value) = authority {
        out.push(extension(oids::AUTHORITY_KEY_IDENTIFIER, false, value));
    }
    let key_id = key_identifier(&wish.public_key).ok_or(IssueError::MalformedKey)?;
    out.push(extension(oids::SUBJECT_KEY_IDENTIFIER, false, &asn1::tlv(OCTET_STRING, &key_id)));
    out.push(extension(oids::KEY_USAGE, true, &asn1::named_bits(profile.key_usage().bits())));
    if !profile.policies().is_empty() {
        let policies: Vec<_> = profile
            .policies()
            .iter()
            .map(|policy| policy_information(policy.oid, policy.cps.as_deref()))
            .collect();
        out.push(extension(oids::CERTIFICATE_POLICIES, false, &asn1::join(SEQUENCE, &policies)));
    }
    if !wish.names.is_empty() {
        let names = wish.names.iter().map(GeneralName::encode).collect::<Option<Vec<_>>>();
        let names = asn1::join(SEQUENCE, &names.ok_or(IssueError::AlternativeName)?);
        // RFC 5280 §4.2.1.6: critical when the subject is empty, and not otherwise.
        out.push(extension(oids::SUBJECT_ALT_NAME, subject.is_empty(), &names));
    }
    if let Some(rules) = profile.authority() {
        let length =
            rules.path_length.map(|length| asn1::unsigned(&length.to_be_bytes())).unwrap_or_default();
        let constraints = asn1::join(SEQUENCE, &[asn1::tlv(BOOLEAN, &[0xFF]), length]);
        out.push(extension(oids::BASIC_CONSTRAINTS, true, &constraints));
        if let Some(constraints) = &rules.constraints {
            let value = name_constraints(constraints).ok_or(IssueError::AlternativeName)?;
            out.push(extension(oids::NAME_CONSTRAINTS, true, &value));
        }
    }
    let purposes = profile.purposes();
    if !purposes.oids.is_empty() {
        let oids: Vec<_> = purposes.oids.iter().copied().map(asn1::oid).collect();
        out.push(extension(oids::EXTENDED_KEY_USAGE, purposes.critical, &asn1::join(SEQUENCE, &oids)));
    }
    places_extensions(profile, places, &mut out)?;
    Ok(out)
}

fn places_extensions(profile: &Profile, places: &Places, out: &mut Vec<Vec<u8>>) -> Result<(), IssueError> {
    let revocation = profile.revocation();
    let told = |wanted: bool, place: &'static str, uri: &Option<String>| match (wanted, uri) {
        (false, _) => Ok(None),
        (true, Some(uri)) => Ok(Some(uri.clone())),
        (true, None) => Err(IssueError::Place { profile: profile.name().to_owned(), place }),
    };
    if let Some(uri) = told(revocation.crl, "CRL", &places.crl)? {
        let points = asn1::tlv(SEQUENCE, &asn1::tlv(SEQUENCE, &distribution_point(&uri)));
        out.push(extension(oids::CRL_DISTRIBUTION_POINTS, false, &points));
    }
    let mut access = Vec::new();
    for (method, uri) in [
        (oids::OCSP, told(revocation.ocsp, "OCSP responder", &places.ocsp)?),
        (oids::CA_ISSUERS, told(revocation.ca_issuers, "issuer's certificate", &places.ca_issuers)?),
    ] {
        if let Some(uri) = uri {
            access.push(asn1::join(SEQUENCE, &[asn1::oid(method), asn1::tlv(0x86, uri.as_bytes())]));
        }
    }
    if !access.is_empty() {
        out.push(extension(oids::AUTHORITY_INFO_ACCESS, false, &asn1::join(SEQUENCE, &access)));
    }
    for (present, id) in
        [(revocation.ocsp_nocheck, oids::OCSP_NOCHECK), (revocation.no_rev_avail, oids::NO_REV_AVAIL)]
    {
        if present {
            out.push(extension(id, false, &[NULL, 0]));
        }
    }
    Ok(())
}

/// `PolicyInformation` with a CPS pointer (RFC 5280 §4.2.1.4).
fn policy_information(oid: der::asn1::ObjectIdentifier, cps: Option<&str>) -> Vec<u8> {
    let mut parts = vec![asn1::oid(oid)];
    if let Some(cps) = cps {
        let uri = asn1::tlv(IA5_STRING, cps.as_bytes());
        let qualifier = asn1::join(SEQUENCE, &[asn1::oid(oids::CPS_QUALIFIER), uri]);
        parts.push(asn1::tlv(SEQUENCE, &qualifier));
    }
    asn1::join(SEQUENCE, &parts)
}

fn name_constraints(constraints: &NameConstraints) -> Option<Vec<u8>> {
    let mut lists = Vec::new();
    for (tag, bases) in [(0xA0, &constraints.permitted), (0xA1, &constraints.excluded)] {
        if bases.is_empty() {
            continue;
        }
        let subtrees = bases
            .iter()
            .map(|base| base.encode().map(|base| asn1::tlv(SEQUENCE, &base)))
            .collect::<Option<Vec<_>>>()?;
        lists.push(asn1::join(tag, &subtrees));
    }
    Some(asn1::join(SEQUENCE, &lists))
}
