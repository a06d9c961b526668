//! RFC 5280, with what RFC 3161, 6960, 9525 and 9608 add for the certificates they speak of.

use crypto::SignatureScheme;
use der::asn1::ObjectIdentifier;

use super::{Lint, Report, raw::Raw};
use crate::{
    asn1::{GENERALIZED_TIME, Reader, Rules, SEQUENCE, SET, UTC_TIME},
    certificate::Certificate,
    extensions::{GeneralName, KeyUsage},
    issue::IssuerRef,
    key::{PublicKey, key_identifier},
    name::{attributes, syntax},
    oids, path,
};

pub(super) fn check(
    certificate: &Certificate,
    raw: &Raw<'_>,
    issuer: IssuerRef<'_>,
    wildcards: bool,
    report: &mut Report,
) {
    head(certificate, raw, issuer, report);
    validity(certificate, raw, issuer, report);
    subject(certificate, raw, report);
    criticality(certificate, raw, report);
    identifiers(certificate, raw, issuer, report);
    usage(certificate, raw, report);
    policies(raw, report);
    names(certificate, raw, wildcards, report);
    constraints(certificate, raw, report);
    places(certificate, raw, report);
    issuer_may(certificate, issuer, report);
}

fn head(certificate: &Certificate, raw: &Raw<'_>, issuer: IssuerRef<'_>, report: &mut Report) {
    report.expect(raw.version == 2, Lint::Version, String::new);
    report.expect(!raw.unique_identifiers, Lint::UniqueIdentifier, String::new);
    let serial = certificate.serial();
    let significant = serial.iter().skip_while(|octet| **octet == 0).count();
    report.expect(significant >= 8, Lint::Serial, || format!("{significant} octets"));
    let (spki, name) = match issuer {
        IssuerRef::SelfSigned => (certificate.spki(), certificate.subject()),
        IssuerRef::Ca(ca) => (ca.spki(), ca.subject()),
    };
    let algorithm = certificate.signature_algorithm();
    match SignatureScheme::from_algorithm(algorithm, spki) {
        Ok(scheme) => {
            let exact = scheme.algorithm_identifier() == algorithm;
            report.expect(exact, Lint::SignatureAlgorithm, || "encoded in another way".into());
        }
        Err(error) => report.say(Lint::SignatureAlgorithm, error.to_string()),
    }
    report.expect(certificate.issuer() == name, Lint::IssuerName, || certificate.issuer().to_string());
}

fn validity(certificate: &Certificate, raw: &Raw<'_>, issuer: IssuerRef<'_>, report: &mut Report) {
    for time in [&raw.not_before, &raw.not_after] {
        let from_2050 = time.time().is_ok_and(|seconds| seconds >= YEAR_2050);
        let fits = time.tag == if from_2050 { GENERALIZED_TIME } else { UTC_TIME };
        report.expect(fits, Lint::ValidityEncoding, || String::from_utf8_lossy(time.content).into_owned());
    }
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    report.expect(begin <= end, Lint::ValidityOrder, String::new);
    if let IssuerRef::Ca(ca) = issuer {
        let inside = begin >= ca.not_before() && end <= ca.not_after();
        report.expect(inside, Lint::OutlivesIssuer, String::new);
    }
}

fn subject(certificate: &Certificate, raw: &Raw<'_>, report: &mut Report) {
    let named = raw.extension(oids::SUBJECT_ALT_NAME).is_some_and(|names| names.critical);
    let empty = certificate.subject().is_empty();
    report.expect(!empty || (named && !certificate.is_ca()), Lint::EmptySubject, String::new);
    let mut seen: Vec<ObjectIdentifier> = Vec::new();
    for rdn in raw.subject.reader().all(64).unwrap_or_default() {
        let attributes = rdn.reader().all(64).unwrap_or_default();
        report.expect(rdn.tag == SET && attributes.len() == 1, Lint::SubjectShape, String::new);
        for attribute in attributes {
            let mut fields = attribute.reader();
            let (Ok(kind), Ok(value)) = (fields.next().and_then(|kind| kind.oid()), fields.next()) else {
                report.say(Lint::SubjectAttribute, "unreadable");
                continue;
            };
            // A domain component is a label: there are several of them.
            let again = seen.contains(&kind) && kind != oids::DC && kind != oids::OU;
            report.expect(!again, Lint::SubjectShape, || kind.to_string());
            seen.push(kind);
            let Some(known) = attributes::by_oid(kind) else {
                report.say(Lint::SubjectAttribute, format!("{kind} is not a type of ours"));
                continue;
            };
            let text = std::str::from_utf8(value.content);
            let fault = match text {
                _ if value.tag != known.string => Some("another string type".to_owned()),
                Ok(text) => known.check(text).err().map(|fault| fault.to_string()),
                Err(_) => Some("not text".to_owned()),
            };
            if let Some(fault) = fault {
                report.say(Lint::SubjectAttribute, format!("{}: {fault}", known.name));
            }
        }
    }
    if let Err(fault) = PublicKey::from_spki(certificate.spki()) {
        report.say(Lint::SubjectKey, fault.to_string());
    }
}

fn criticality(certificate: &Certificate, raw: &Raw<'_>, report: &mut Report) {
    report.expect(!raw.default_written, Lint::DefaultWritten, String::new);
    for extension in &raw.extensions {
        let critical = match extension.id {
            oids::KEY_USAGE | oids::NAME_CONSTRAINTS | oids::BASIC_CONSTRAINTS => true,
            oids::SUBJECT_ALT_NAME => certificate.subject().is_empty(),
            // Either way is conforming; the profile says which.
            oids::EXTENDED_KEY_USAGE => extension.critical,
            oids::AUTHORITY_KEY_IDENTIFIER
            | oids::SUBJECT_KEY_IDENTIFIER
            | oids::CERTIFICATE_POLICIES
            | oids::CRL_DISTRIBUTION_POINTS
            | oids::AUTHORITY_INFO_ACCESS
            | oids::OCSP_NOCHECK
            | oids::NO_REV_AVAIL => false,
            oids::FRESHEST_CRL => {
                report.say(Lint::FreshestCrl, String::new());
                continue;
            }
            id => {
                report.say(Lint::UnknownExtension, id.to_string());
                continue;
            }
        };
        report.expect(extension.critical == critical, Lint::Criticality, || extension.id.to_string());
    }
}

fn identifiers(certificate: &Certificate, raw: &Raw<'_>, issuer: IssuerRef<'_>, report: &mut Report) {
    let own = key_identifier(certificate.spki());
    report.expect(
        own.is_some() && certificate.subject_key_id() == own.as_deref(),
        Lint::SubjectKeyIdentifier,
        String::new,
    );
    let expected = match issuer {
        IssuerRef::SelfSigned => certificate.subject_key_id().map(<[u8]>::to_vec),
        IssuerRef::Ca(ca) => ca.subject_key_id().map(<[u8]>::to_vec).or_else(|| key_identifier(ca.spki())),
    };
    let fits = match (certificate.authority_key_id(), issuer) {
        (None, IssuerRef::SelfSigned) => !raw.has(oids::AUTHORITY_KEY_IDENTIFIER),
        (found, _) => found.is_some() && found == expected.as_deref(),
    };
    // authorityCertIssuer with authorityCertSerialNumber would bind to one certificate of the issuer's, not to its key.
    let alone = raw.sequence(oids::AUTHORITY_KEY_IDENTIFIER).is_ok_and(|fields| fields.len() <= 1);
    report.expect(fits && alone, Lint::AuthorityKeyIdentifier, String::new);
}

fn usage(certificate: &Certificate, raw: &Raw<'_>, report: &mut Report) {
    match certificate.key_usage() {
        None => report.say(Lint::KeyUsage, "missing"),
        Some(usage) => {
            report.expect(usage.bits() != 0, Lint::KeyUsage, || "no bit is set".into());
            if let Ok(key) = PublicKey::from_spki(certificate.spki()) {
                let able = key.algorithm().usable_for().contains(usage);
                report.expect(able, Lint::KeyUsage, || format!("not for a key of `{}`", key.algorithm()));
            }
            let only = KeyUsage::ENCIPHER_ONLY.and(KeyUsage::DECIPHER_ONLY);
            let agrees = !usage.intersects(only) || usage.contains(KeyUsage::KEY_AGREEMENT);
            report.expect(agrees, Lint::KeyUsage, || {
                "encipherOnly or decipherOnly without keyAgreement".into()
            });
        }
    }
    let Some(purposes) = certificate.extended_key_usages() else { return };
    report.expect(!purposes.is_empty(), Lint::ExtendedKeyUsage, || "empty".into());
    let twice = purposes.iter().enumerate().find(|(at, oid)| purposes.iter().take(*at).any(|e| e == *oid));
    report.expect(twice.is_none(), Lint::ExtendedKeyUsage, || "one stands twice".into());
    let critical = raw.extension(oids::EXTENDED_KEY_USAGE).is_some_and(|extension| extension.critical);
    let stamps = purposes.contains(&oids::TIME_STAMPING);
    report.expect(!stamps || (critical && purposes.len() == 1), Lint::ExtendedKeyUsage, || {
        "timeStamping is not alone and critical".into()
    });
    let any = purposes.contains(&oids::ANY_EXTENDED_KEY_USAGE);
    report.expect(!(any && critical), Lint::ExtendedKeyUsage, || "any purpose is critical".into());
}

fn policies(raw: &Raw<'_>, report: &mut Report) {
    let Ok(policies) = raw.policies() else {
        report.say(Lint::Policies, "unreadable");
        return;
    };
    if raw.has(oids::CERTIFICATE_POLICIES) {
        report.expect(!policies.is_empty(), Lint::Policies, || "empty".into());
    }
    for (at, policy) in policies.iter().enumerate() {
        let again = policies.iter().take(at).any(|earlier| earlier.oid == policy.oid);
        report.expect(!again, Lint::Policies, || format!("{} stands twice", policy.oid));
        let any = policy.oid == oids::ANY_POLICY && policies.len() > 1;
        report.expect(!any, Lint::Policies, || "the any-policy is not alone".into());
        let web = |cps: &&[u8]| std::str::from_utf8(cps).is_ok_and(syntax::is_web_address);
        let qualified = policy.others == 0 && policy.cps.len() <= 1 && policy.cps.iter().all(web);
        report.expect(qualified, Lint::Policies, || format!("{}: a qualifier does not fit", policy.oid));
    }
}

fn names(certificate: &Certificate, raw: &Raw<'_>, wildcards: bool, report: &mut Report) {
    let names = certificate.subject_alt_names();
    if raw.has(oids::SUBJECT_ALT_NAME) {
        report.expect(!names.is_empty(), Lint::AlternativeName, || "empty".into());
    }
    for (at, name) in names.iter().enumerate() {
        report.expect(syntax::is_name(name, wildcards), Lint::AlternativeName, || {
            format!("{} `{name}`", name.kind())
        });
        let again = names.iter().take(at).any(|earlier| earlier == name);
        report.expect(!again, Lint::AlternativeName, || format!("`{name}` stands twice"));
    }
    let serves = certificate.extended_key_usages().is_some_and(|all| all.contains(&oids::SERVER_AUTH));
    if serves && let Some(common) = certificate.common_name() {
        let looks = common.contains('.') && syntax::is_dns_name(&common, true)
            || common.parse::<std::net::IpAddr>().is_ok();
        let among = names.iter().any(|name| name.to_string().eq_ignore_ascii_case(&common));
        report.expect(!looks || among, Lint::CommonNameHost, || common);
    }
}

fn constraints(certificate: &Certificate, raw: &Raw<'_>, report: &mut Report) {
    let signs = certificate.key_usage().is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    let is_ca = certificate.is_ca();
    report.expect(signs == is_ca, Lint::BasicConstraints, || "keyCertSign and cA differ".into());
    let crl_sign = certificate.key_usage().is_some_and(|usage| usage.contains(KeyUsage::CRL_SIGN));
    report.expect(!crl_sign || is_ca, Lint::BasicConstraints, || "cRLSign without cA".into());
    if let Some(constraints) = certificate.basic_constraints() {
        let fits = constraints.ca || constraints.path_len.is_none();
        report.expect(fits, Lint::BasicConstraints, || "a path length without cA".into());
        // X.690 §11.5: a default value is not written.
        let value = raw.extension(oids::BASIC_CONSTRAINTS).map_or(&[][..], |extension| extension.value);
        let minimal = constraints.ca || value == [SEQUENCE, 0];
        report.expect(minimal, Lint::BasicConstraints, || "cA is written as FALSE".into());
    }
    let Some(limits) = certificate.name_constraints() else { return };
    report.expect(is_ca, Lint::NameConstraints, || "in an end entity's certificate".into());
    let bases = limits.permitted.iter().chain(&limits.excluded);
    report.expect(bases.clone().next().is_some(), Lint::NameConstraints, || "empty".into());
    for base in bases {
        report.expect(is_base(base), Lint::NameConstraints, || format!("{} `{base}`", base.kind()));
    }
    let lists = raw.sequence(oids::NAME_CONSTRAINTS).unwrap_or_default();
    let filled = lists.iter().all(|list| !list.content.is_empty());
    report.expect(filled, Lint::NameConstraints, || "an empty list of subtrees".into());
}

fn is_base(base: &GeneralName) -> bool {
    let host = |text: &str| syntax::is_dns_name(text.strip_prefix('.').unwrap_or(text), false);
    match base {
        GeneralName::Dns(text) => syntax::is_dns_name(text, false),
        GeneralName::Uri(text) => host(text),
        GeneralName::Email(text) => syntax::is_mailbox(text) || host(text),
        GeneralName::Directory(_) => true,
        GeneralName::Ip(octets) => {
            let (address, mask) = octets.split_at(octets.len() / 2);
            let ones: String = mask.iter().map(|octet| format!("{octet:08b}")).collect();
            matches!(octets.len(), 8 | 32)
                && !ones.contains("01")
                && address.iter().zip(mask).all(|(octet, mask)| octet & !mask == 0)
        }
        GeneralName::OtherName(_) | GeneralName::Other(_) => false,
    }
}

fn places(certificate: &Certificate, raw: &Raw<'_>, report: &mut Report) {
    if raw.has(oids::CRL_DISTRIBUTION_POINTS) {
        let points = raw.sequence(oids::CRL_DISTRIBUTION_POINTS).unwrap_or_default();
        report.expect(!points.is_empty(), Lint::CrlDistributionPoint, || "empty".into());
        for point in points {
            // DistributionPoint { [0] { [0] fullName { [6] URI } } } and nothing else.
            let uri = || {
                let name = Reader::only(point.content, Rules::Der, 0xA0).ok()?;
                let full = Reader::only(name.content, Rules::Der, 0xA0).ok()?;
                let uri = Reader::only(full.content, Rules::Der, 0x86).ok()?;
                std::str::from_utf8(uri.content).ok()
            };
            let fits = uri().is_some_and(is_http);
            report.expect(fits, Lint::CrlDistributionPoint, || uri().unwrap_or("unusual form").to_owned());
        }
    }
    if raw.has(oids::AUTHORITY_INFO_ACCESS) {
        let descriptions = raw.sequence(oids::AUTHORITY_INFO_ACCESS).unwrap_or_default();
        let uris: Vec<_> = certificate.ocsp_uris().iter().chain(certificate.ca_issuer_uris()).collect();
        let all = !descriptions.is_empty() && descriptions.len() == uris.len();
        report.expect(all, Lint::InformationAccess, || "empty, or another method or form".into());
        for uri in uris {
            report.expect(is_http(uri), Lint::InformationAccess, || uri.clone());
        }
    }
    let told = raw.has(oids::CRL_DISTRIBUTION_POINTS) || !certificate.ocsp_uris().is_empty();
    let nothing = raw.has(oids::NO_REV_AVAIL) || raw.has(oids::OCSP_NOCHECK);
    report.expect(!(told && nothing), Lint::NoRevocation, || "both".into());
    let never = raw.has(oids::NO_REV_AVAIL) && certificate.is_ca();
    report.expect(!never, Lint::NoRevocation, || "noRevAvail of a CA".into());
    let answers = certificate.extended_key_usages().is_some_and(|all| all.contains(&oids::OCSP_SIGNING));
    let checked = !raw.has(oids::OCSP_NOCHECK) || answers;
    report.expect(checked, Lint::NoRevocation, || "ocsp-nocheck without OCSPSigning".into());
}

fn issuer_may(certificate: &Certificate, issuer: IssuerRef<'_>, report: &mut Report) {
    let IssuerRef::Ca(ca) = issuer else { return };
    let signs = ca.key_usage().is_none_or(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    report.expect(signs && ca.is_ca(), Lint::IssuerNotAllowed, || "it is no authority".into());
    if let Some(limits) = ca.name_constraints()
        && let Err(fault) = path::names_lie_within(limits, certificate)
    {
        report.say(Lint::OutsideConstraints, fault);
    }
    // An issuer without policies is entitled to none, and needs none: whoever asks for one finds no path.
    let entitled = ca.policies();
    if !entitled.is_empty() && !entitled.contains(&oids::ANY_POLICY) {
        for policy in certificate.policies().iter().filter(|policy| !entitled.contains(policy)) {
            report.say(Lint::OutsidePolicies, policy.to_string());
        }
    }
    if certificate.is_ca() {
        // RFC 5280 §4.2.1.9: how many intermediate certificates that are not self-issued may follow.
        let room = ca.basic_constraints().and_then(|constraints| constraints.path_len);
        let own = certificate.basic_constraints().and_then(|constraints| constraints.path_len);
        let fits = match (room, own) {
            (None, _) => true,
            (Some(room), _) if certificate.is_self_issued() => room > 0 || own.is_none_or(|own| own <= room),
            (Some(room), Some(own)) => own < room,
            (Some(room), None) => room > 0,
        };
        report.expect(fits, Lint::IssuerNotAllowed, || "its path length leaves no room".into());
    }
}

fn is_http(uri: &str) -> bool {
    uri.starts_with("http://") && syntax::is_uri(uri)
}

/// 2050-01-01T00:00:00Z.
const YEAR_2050: i64 = 2_524_608_000;
