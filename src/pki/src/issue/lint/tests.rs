//! Each lint passes on what the profiles make, and finds the certificate that was made to break it and nothing else.
//!
//! The broken ones are put together octet by octet (`Parts`), since nothing that issues could make them.

use crypto::{KeyKind, Signer, SoftwareKey};
use ring::rand::SystemRandom;

use super::{
    parts::{Parts, critical},
    *,
};
use crate::{
    asn1::{self, BOOLEAN, IA5_STRING, NULL, OCTET_STRING, SEQUENCE, SET, UTF8_STRING},
    extensions::GeneralName,
    issue::{Places, Wish, assemble, prepare},
    key::key_identifier,
    name::Subject,
    oids,
    profile::{BUILTIN, builtin},
    time,
};

const NOW: i64 = 1_795_305_600;
const DAY: i64 = 86_400;

struct World {
    root: Certificate,
    ca: Certificate,
}

fn key() -> SoftwareKey {
    let pkcs8 = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
    SoftwareKey::from_pkcs8(&pkcs8).unwrap()
}

fn places() -> Places {
    let place = |name: &str| Some(format!("http://pki.example/{name}"));
    Places { crl: place("crl"), ocsp: place("ocsp"), ca_issuers: place("ca") }
}

fn wish(names: Vec<GeneralName>, key: &SoftwareKey) -> Wish {
    // Every key's name is its own: no two authorities share one.
    let id = key_identifier(key.public_key()).unwrap();
    let subject = Subject::default().organization("某局").named(format!("某系统 {:02x?}", &id[..8]));
    Wish { subject, names, public_key: key.public_key().to_vec(), not_before: None, not_after: None }
}

fn issue(
    profile: &Profile,
    names: Vec<GeneralName>,
    issuer: Option<(&Certificate, &SoftwareKey)>,
) -> (Certificate, SoftwareKey) {
    let own = key();
    let issuer_ref = issuer.map_or(IssuerRef::SelfSigned, |(certificate, _)| IssuerRef::Ca(certificate));
    let signer = issuer.map_or(&own, |(_, key)| key);
    let linted =
        prepare(profile, &wish(names, &own), issuer_ref, &places(), [0x11; 20], NOW, signer.scheme())
            .unwrap();
    (linted.sign(signer).unwrap(), own)
}

fn uri() -> Vec<GeneralName> {
    vec![GeneralName::Uri("urn:cinnabar:machine:a".into())]
}

fn dns() -> Vec<GeneralName> {
    vec![GeneralName::Dns("a.example".into())]
}

/// A built-in profile with something in it replaced.
fn variant(name: &str, from: &str, to: &str) -> Profile {
    let text = BUILTIN.iter().find(|(known, _)| *known == name).unwrap().1;
    assert!(text.contains(from), "{from}");
    Profile::parse(name, &text.replacen(from, to, 1)).unwrap()
}

/// What is found in a certificate of `profile` after `change`; before it nothing is found.
fn found_by(
    profile: &Profile,
    names: Vec<GeneralName>,
    change: impl FnOnce(&mut Parts, &World),
) -> Vec<Lint> {
    let (root, root_key) = issue(builtin().get("root").unwrap(), vec![], None);
    let wide = variant("issuing-ca", "path_length = 0", "path_length = 2");
    let (ca, ca_key) = issue(&wide, vec![], Some((&root, &root_key)));
    let itself = profile.name() == "root";
    let (made, _) = issue(profile, names, (!itself).then_some((&ca, &ca_key)));
    let world = World { root, ca };
    let issuer = if itself { IssuerRef::SelfSigned } else { IssuerRef::Ca(&world.ca) };
    assert_eq!(lint(&made, profile, issuer), [], "{}", profile.name());
    let mut parts = Parts::of(&made);
    assert_eq!(parts.finish().tbs(), made.tbs(), "taken apart and put together it is the same");
    change(&mut parts, &world);
    let mut lints: Vec<_> =
        lint(&parts.finish(), profile, issuer).into_iter().map(|finding| finding.lint).collect();
    lints.sort_unstable();
    lints.dedup();
    lints
}

#[track_caller]
fn finds(profile: &str, change: impl FnOnce(&mut Parts, &World), expected: &[Lint]) {
    let names = match profile {
        "machine" | "officer" => uri(),
        "server" => dns(),
        _ => vec![],
    };
    assert_eq!(found_by(builtin().get(profile).unwrap(), names, change), expected);
}

fn rdn(kind: der::asn1::ObjectIdentifier, tag: u8, value: &[u8]) -> Vec<u8> {
    asn1::tlv(SET, &asn1::join(SEQUENCE, &[asn1::oid(kind), asn1::tlv(tag, value)]))
}

#[test]
fn version_serial_algorithm_and_issuer() {
    use Lint as L;
    // Version 3 cannot be left out beside extensions: the parser refuses that.
    for serial in [&[0][..], &[1; 7]] {
        finds("machine", |p, _| p.serial = asn1::unsigned(serial), &[L::Serial]);
    }
    let other = crypto::SignatureScheme::Ed25519.algorithm_identifier();
    finds("machine", |p, _| p.algorithm = other, &[L::SignatureAlgorithm]);
    finds("machine", |p, w| p.issuer = w.root.subject().der().to_vec(), &[L::IssuerName]);
    finds("machine", |p, _| p.unique = asn1::tlv(0x82, &[0, 1]), &[L::UniqueIdentifier]);
}

#[test]
fn a_certificate_of_version_one_is_found() {
    let (root, _) = issue(builtin().get("root").unwrap(), vec![], None);
    let mut parts = Parts::of(&root);
    parts.version = Vec::new();
    let tbs = asn1::join(
        SEQUENCE,
        &[
            &parts.serial,
            &parts.algorithm,
            &parts.issuer,
            &asn1::join(SEQUENCE, &parts.validity),
            &parts.subject,
            &parts.spki,
        ],
    );
    let old = Certificate::from_der(&assemble(&tbs, &parts.algorithm, &[0; 64])).unwrap();
    let findings = lint(&old, builtin().get("root").unwrap(), IssuerRef::SelfSigned);
    assert!(findings.iter().any(|finding| finding.lint == Lint::Version), "{findings:?}");
}

#[test]
fn validity() {
    use Lint as L;
    let general = |text: &str| asn1::tlv(asn1::GENERALIZED_TIME, text.as_bytes());
    finds("machine", |p, _| p.validity[0] = general("20261122000000Z"), &[L::ValidityEncoding]);
    let early = time::encode(NOW + 100).unwrap();
    finds("machine", |p, _| p.validity = [time::encode(NOW + 200).unwrap(), early], &[L::ValidityOrder]);
    let before = time::encode(NOW - DAY).unwrap();
    finds("machine", |p, _| p.validity[0] = before, &[L::OutlivesIssuer, L::ProfileValidity]);
    let later = time::encode(NOW + 398 * DAY).unwrap();
    finds("machine", |p, _| p.validity[1] = later, &[L::ProfileValidity]);
    let after = time::encode(NOW + 4000 * DAY).unwrap();
    finds("machine", |p, _| p.validity[1] = after, &[L::OutlivesIssuer, L::ProfileValidity]);
}

#[test]
fn the_subject_s_attributes_and_shape() {
    use Lint as L;
    let (c, o) = (rdn(oids::C, 0x13, b"CN"), rdn(oids::O, UTF8_STRING, b"o"));
    let of = |rdns: &[&[u8]]| asn1::join(SEQUENCE, rdns);
    let cn = |tag, value: &[u8]| of(&[&c, &o, &rdn(oids::CN, tag, value)]);
    finds("machine", |p, _| p.subject = of(&[]), &[L::EmptySubject, L::Criticality, L::ProfileSubject]);
    for subject in [
        cn(UTF8_STRING, b"a\r\nb"),
        cn(UTF8_STRING, b"a\0b"),
        cn(UTF8_STRING, "a\u{202e}b".as_bytes()),
        cn(UTF8_STRING, "a\u{378}b".as_bytes()),
        cn(UTF8_STRING, b""),
        cn(UTF8_STRING, b" a"),
        cn(UTF8_STRING, "长".repeat(65).as_bytes()),
        cn(UTF8_STRING, b"\xff\xfe"),
        cn(0x13, b"printable"),
        of(&[&rdn(oids::C, UTF8_STRING, b"CN"), &o, &rdn(oids::CN, UTF8_STRING, b"a")]),
    ] {
        finds("machine", |p, _| p.subject = subject, &[L::SubjectAttribute]);
    }
    let foreign = rdn("1.2.3.4".parse().unwrap(), UTF8_STRING, b"x");
    let with = of(&[&c, &o, &rdn(oids::CN, UTF8_STRING, b"a"), &foreign]);
    finds("machine", |p, _| p.subject = with, &[L::SubjectAttribute, L::ProfileSubject]);
    let pair = |kind, value: &[u8]| asn1::join(SEQUENCE, &[asn1::oid(kind), asn1::tlv(UTF8_STRING, value)]);
    let several = asn1::set_of(SET, vec![pair(oids::O, b"o"), pair(oids::CN, b"a")]);
    // In DER order the common name comes first.
    finds("machine", |p, _| p.subject = of(&[&c, &several]), &[L::SubjectShape, L::ProfileSubject]);
    let a = rdn(oids::CN, UTF8_STRING, b"a");
    finds("machine", |p, _| p.subject = of(&[&c, &o, &a, &a]), &[L::SubjectShape]);
    finds("machine", |p, _| p.subject = of(&[&c, &a, &o]), &[L::ProfileSubject]);
    let german = rdn(oids::C, 0x13, b"DE");
    finds("machine", |p, _| p.subject = of(&[&german, &o, &a]), &[L::ProfileSubject]);
    finds("machine", |p, _| p.subject = of(&[&c, &a]), &[L::ProfileSubject]);
}

#[test]
fn the_subject_s_key_and_both_key_identifiers() {
    use Lint as L;
    let weak = || {
        let key = asn1::join(SEQUENCE, &[asn1::unsigned(&[0xFF; 128]), asn1::unsigned(&[1, 0, 1])]);
        let algorithm = asn1::join(SEQUENCE, &[asn1::oid(oids::RSA_ENCRYPTION), asn1::tlv(NULL, &[])]);
        asn1::join(SEQUENCE, &[algorithm, asn1::bit_string(&key)])
    };
    let id = asn1::tlv(OCTET_STRING, &key_identifier(&weak()).unwrap());
    finds(
        "machine",
        |p, _| {
            p.spki = weak();
            *p.value(oids::SUBJECT_KEY_IDENTIFIER) = id;
        },
        &[L::SubjectKey],
    );
    finds("machine", |p, _| p.remove(oids::SUBJECT_KEY_IDENTIFIER), &[L::SubjectKeyIdentifier]);
    let wrong = asn1::tlv(OCTET_STRING, &[7; 20]);
    finds("machine", |p, _| *p.value(oids::SUBJECT_KEY_IDENTIFIER) = wrong, &[L::SubjectKeyIdentifier]);
    finds("machine", |p, _| p.remove(oids::AUTHORITY_KEY_IDENTIFIER), &[L::AuthorityKeyIdentifier]);
    let other = asn1::tlv(SEQUENCE, &asn1::tlv(0x80, &[7; 20]));
    finds("machine", |p, _| *p.value(oids::AUTHORITY_KEY_IDENTIFIER) = other, &[L::AuthorityKeyIdentifier]);
    let with_serial = |p: &mut Parts, w: &World| {
        let id = asn1::tlv(0x80, w.ca.subject_key_id().unwrap());
        let issuer = asn1::tlv(0xA1, &asn1::tlv(0xA4, w.root.subject().der()));
        *p.value(oids::AUTHORITY_KEY_IDENTIFIER) = asn1::join(SEQUENCE, &[id, issuer, asn1::tlv(0x82, &[1])]);
    };
    finds("machine", with_serial, &[L::AuthorityKeyIdentifier]);
}

#[test]
fn extensions_and_their_criticality() {
    use Lint as L;
    finds("machine", |p, _| p.flag(oids::KEY_USAGE).clear(), &[L::Criticality]);
    finds("issuing-ca", |p, _| p.flag(oids::BASIC_CONSTRAINTS).clear(), &[L::Criticality]);
    for id in [
        oids::SUBJECT_KEY_IDENTIFIER,
        oids::AUTHORITY_KEY_IDENTIFIER,
        oids::CRL_DISTRIBUTION_POINTS,
        oids::AUTHORITY_INFO_ACCESS,
    ] {
        finds("machine", |p, _| *p.flag(id) = critical(), &[L::Criticality]);
    }
    finds("machine", |p, _| *p.flag(oids::SUBJECT_ALT_NAME) = critical(), &[L::Criticality, L::ProfileNames]);
    finds("machine", |p, _| *p.flag(oids::EXTENDED_KEY_USAGE) = critical(), &[L::ProfilePurposes]);
    let default = asn1::tlv(BOOLEAN, &[0]);
    finds("machine", |p, _| *p.flag(oids::SUBJECT_KEY_IDENTIFIER) = default, &[L::DefaultWritten]);
    let id = "1.2.3.4".parse().unwrap();
    finds("machine", |p, _| p.add(id, vec![], vec![NULL, 0]), &[L::UnknownExtension]);
    let point =
        asn1::tlv(SEQUENCE, &asn1::tlv(SEQUENCE, &super::super::distribution_point("http://a.example/")));
    finds("machine", |p, _| p.add(oids::FRESHEST_CRL, vec![], point), &[L::FreshestCrl]);
}

#[test]
fn usages_and_purposes() {
    use Lint as L;
    let bits = |bits: u16| asn1::named_bits(bits);
    finds("machine", |p, _| p.remove(oids::KEY_USAGE), &[L::KeyUsage, L::ProfileKeyUsage]);
    finds("machine", |p, _| *p.value(oids::KEY_USAGE) = bits(0), &[L::KeyUsage, L::ProfileKeyUsage]);
    // keyEncipherment with a P-256 key; encipherOnly without keyAgreement.
    finds("machine", |p, _| *p.value(oids::KEY_USAGE) = bits(1 | 1 << 2), &[L::KeyUsage, L::ProfileKeyUsage]);
    finds("machine", |p, _| *p.value(oids::KEY_USAGE) = bits(1 | 1 << 7), &[L::KeyUsage, L::ProfileKeyUsage]);
    finds("machine", |p, _| *p.value(oids::KEY_USAGE) = bits(0b11), &[L::ProfileKeyUsage]);
    let purposes = |all: &[der::asn1::ObjectIdentifier]| {
        asn1::join(SEQUENCE, &all.iter().map(|oid| asn1::oid(*oid)).collect::<Vec<_>>())
    };
    let expected = [L::ExtendedKeyUsage, L::ProfilePurposes];
    for wrong in [&[][..], &[oids::CLIENT_AUTH; 2], &[oids::TIME_STAMPING]] {
        finds("machine", |p, _| *p.value(oids::EXTENDED_KEY_USAGE) = purposes(wrong), &expected);
    }
    let two = purposes(&[oids::TIME_STAMPING, oids::CLIENT_AUTH]);
    finds("time-stamp", |p, _| *p.value(oids::EXTENDED_KEY_USAGE) = two, &expected);
    finds("time-stamp", |p, _| p.flag(oids::EXTENDED_KEY_USAGE).clear(), &expected);
    let any = purposes(&[oids::ANY_EXTENDED_KEY_USAGE]);
    finds("time-stamp", |p, _| *p.value(oids::EXTENDED_KEY_USAGE) = any, &expected);
    let seal = purposes(&[oids::DOCUMENT_SIGNING]);
    finds("machine", |p, _| *p.value(oids::EXTENDED_KEY_USAGE) = seal, &[L::ProfilePurposes]);
}

#[test]
fn policies() {
    use Lint as L;
    let plain = |oid: &str| asn1::tlv(SEQUENCE, &asn1::oid(oid.parse().unwrap()));
    let qualified = |uri: &[u8]| {
        let cps = asn1::join(SEQUENCE, &[asn1::oid(oids::CPS_QUALIFIER), asn1::tlv(IA5_STRING, uri)]);
        asn1::join(SEQUENCE, &[asn1::oid("1.2.3".parse().unwrap()), asn1::tlv(SEQUENCE, &cps)])
    };
    let notice = {
        let notice = asn1::tlv(SEQUENCE, &asn1::tlv(UTF8_STRING, b"read this"));
        let qualifier = asn1::join(SEQUENCE, &[asn1::oid("1.3.6.1.5.5.7.2.2".parse().unwrap()), notice]);
        asn1::join(SEQUENCE, &[asn1::oid("1.2.3".parse().unwrap()), asn1::tlv(SEQUENCE, &qualifier)])
    };
    let any = "2.5.29.32.0";
    for wrong in [
        vec![],
        vec![plain("1.2.3"), plain("1.2.3")],
        vec![plain(any), plain("1.2.3")],
        vec![qualified(b"ftp://a.example/")],
        vec![qualified(b"http://")],
        vec![notice],
    ] {
        let value = asn1::join(SEQUENCE, &wrong);
        let change = |p: &mut Parts, _: &World| p.add(oids::CERTIFICATE_POLICIES, vec![], value);
        let mut expected = vec![L::Policies, L::ProfilePolicies];
        if wrong.is_empty() {
            expected.pop();
        }
        finds("machine", change, &expected);
    }
    let own = asn1::tlv(SEQUENCE, &plain("1.2.3"));
    finds("machine", |p, _| p.add(oids::CERTIFICATE_POLICIES, vec![], own), &[L::ProfilePolicies]);
    // Another address of the practice statement than the profile's.
    let policies = "[[policies]]\noid = \"1.2.3\"\ncps = \"https://a.example/cps\"\n\n[names]";
    let profile = variant("machine", "[names]", policies);
    let elsewhere = asn1::tlv(SEQUENCE, &qualified(b"https://b.example/cps"));
    let change = |p: &mut Parts, _: &World| *p.value(oids::CERTIFICATE_POLICIES) = elsewhere;
    assert_eq!(found_by(&profile, uri(), change), [L::ProfilePolicies]);
}

#[test]
fn alternative_names() {
    use Lint as L;
    finds(
        "machine",
        |p, _| *p.value(oids::SUBJECT_ALT_NAME) = vec![SEQUENCE, 0],
        &[L::AlternativeName, L::ProfileNames],
    );
    for text in ["urn:a:b c", "urn:cinnabar:a\r\nb", "nothing", "http:///x"] {
        finds("machine", |p, _| p.names(&[GeneralName::Uri(text.into())]), &[L::AlternativeName]);
    }
    for name in ["*.a.example", "a_b.example", "a.example\0", "-a.example", "a..example", "127.0.0.1"] {
        finds("server", |p, _| p.names(&[GeneralName::Dns(name.into())]), &[L::AlternativeName]);
    }
    let twice = [GeneralName::Dns("a.example".into()), GeneralName::Dns("a.example".into())];
    finds("server", |p, _| p.names(&twice), &[L::AlternativeName]);
    let masked = GeneralName::Ip(vec![10, 0, 0, 0, 255, 0, 0, 0]);
    finds("server", |p, _| p.names(std::slice::from_ref(&masked)), &[L::AlternativeName]);
    let mail = GeneralName::Email("a@b.example".into());
    finds("server", |p, _| p.names(std::slice::from_ref(&mail)), &[L::ProfileNames]);
    let host = asn1::join(SEQUENCE, &[rdn(oids::C, 0x13, b"CN"), rdn(oids::CN, UTF8_STRING, b"b.example")]);
    finds("server", |p, _| p.subject = host, &[L::CommonNameHost]);
    let same = asn1::join(SEQUENCE, &[rdn(oids::C, 0x13, b"CN"), rdn(oids::CN, UTF8_STRING, b"A.example")]);
    finds("server", |p, _| p.subject = same, &[]);
    finds("machine", |p, _| p.remove(oids::SUBJECT_ALT_NAME), &[L::ProfileNames]);
}

#[test]
fn authorities_and_their_constraints() {
    use Lint as L;
    let ca = asn1::tlv(BOOLEAN, &[0xFF]);
    let with = |parts: &[&[u8]]| asn1::join(SEQUENCE, parts);
    finds(
        "issuing-ca",
        |p, _| p.remove(oids::BASIC_CONSTRAINTS),
        &[L::BasicConstraints, L::ProfileAuthority],
    );
    let length = asn1::unsigned(&[1]);
    let one = with(&[&ca, &length]);
    finds("issuing-ca", |p, _| *p.value(oids::BASIC_CONSTRAINTS) = one, &[L::ProfileAuthority]);
    let leaf =
        |value: Vec<u8>| move |p: &mut Parts, _: &World| p.add(oids::BASIC_CONSTRAINTS, critical(), value);
    finds("machine", leaf(with(&[&ca])), &[L::BasicConstraints, L::ProfileAuthority]);
    finds("machine", leaf(with(&[&length])), &[L::BasicConstraints, L::ProfileAuthority]);
    finds("machine", leaf(with(&[&asn1::tlv(BOOLEAN, &[0])])), &[L::BasicConstraints, L::ProfileAuthority]);
    finds("machine", leaf(with(&[])), &[L::ProfileAuthority]);
    finds(
        "issuing-ca",
        |p, _| *p.value(oids::KEY_USAGE) = asn1::named_bits(1 << 6),
        &[L::BasicConstraints, L::ProfileKeyUsage],
    );
    finds(
        "machine",
        |p, _| *p.value(oids::KEY_USAGE) = asn1::named_bits(1 << 6),
        &[L::BasicConstraints, L::ProfileKeyUsage],
    );

    let tree = |tag: u8, name: &GeneralName| {
        asn1::tlv(SEQUENCE, &asn1::tlv(tag, &asn1::tlv(SEQUENCE, &name.encode().unwrap())))
    };
    let add =
        |value: Vec<u8>| move |p: &mut Parts, _: &World| p.add(oids::NAME_CONSTRAINTS, critical(), value);
    let good = GeneralName::Dns("a.example".into());
    finds("machine", add(tree(0xA0, &good)), &[L::NameConstraints, L::ProfileAuthority]);
    finds("issuing-ca", add(tree(0xA0, &good)), &[L::ProfileAuthority]);
    for wrong in [
        GeneralName::Dns("*.a.example".into()),
        GeneralName::Uri("http://a.example".into()),
        GeneralName::Email("a b".into()),
        GeneralName::Ip(vec![10, 0, 0, 1, 255, 0, 0, 0]),
        GeneralName::Ip(vec![10, 0, 0, 0, 255, 0, 255, 0]),
        GeneralName::Ip(vec![10, 0, 0, 0]),
    ] {
        finds("issuing-ca", add(tree(0xA1, &wrong)), &[L::NameConstraints, L::ProfileAuthority]);
    }
    finds("issuing-ca", add(vec![SEQUENCE, 0]), &[L::NameConstraints, L::ProfileAuthority]);
    let hollow = asn1::tlv(SEQUENCE, &asn1::join(0xA0, &[&[0_u8; 0][..]]));
    finds("issuing-ca", add(hollow), &[L::NameConstraints, L::ProfileAuthority]);
}

#[test]
fn where_to_ask_for_revocation() {
    use Lint as L;
    let point = |uri: &str| asn1::tlv(SEQUENCE, &asn1::tlv(SEQUENCE, &super::super::distribution_point(uri)));
    for uri in ["https://a.example/", "ldap://a.example/", "http://", "http://a b/"] {
        let value = point(uri);
        finds("machine", |p, _| *p.value(oids::CRL_DISTRIBUTION_POINTS) = value, &[L::CrlDistributionPoint]);
    }
    let reasons = {
        let name = super::super::distribution_point("http://a.example/");
        asn1::tlv(SEQUENCE, &asn1::join(SEQUENCE, &[name, asn1::tlv(0x81, &[1, 2])]))
    };
    finds("machine", |p, _| *p.value(oids::CRL_DISTRIBUTION_POINTS) = reasons, &[L::CrlDistributionPoint]);
    let none = [L::CrlDistributionPoint, L::ProfileRevocation];
    finds("machine", |p, _| *p.value(oids::CRL_DISTRIBUTION_POINTS) = vec![SEQUENCE, 0], &none);
    finds("machine", |p, _| p.remove(oids::CRL_DISTRIBUTION_POINTS), &[L::ProfileRevocation]);

    let access = |entries: &[(&str, &str)]| {
        let entries: Vec<_> = entries
            .iter()
            .map(|(method, uri)| {
                let method = asn1::oid(method.parse().unwrap());
                asn1::join(SEQUENCE, &[method, asn1::tlv(0x86, uri.as_bytes())])
            })
            .collect();
        asn1::join(SEQUENCE, &entries)
    };
    let (ocsp, issuers) = ("1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2");
    let secure = access(&[(ocsp, "https://a.example/"), (issuers, "http://a.example/")]);
    finds("machine", |p, _| *p.value(oids::AUTHORITY_INFO_ACCESS) = secure, &[L::InformationAccess]);
    let odd = access(&[
        (ocsp, "http://a.example/"),
        (issuers, "http://a.example/"),
        ("1.2.3", "http://a.example/"),
    ]);
    finds("machine", |p, _| *p.value(oids::AUTHORITY_INFO_ACCESS) = odd, &[L::InformationAccess]);
    let less = access(&[(issuers, "http://a.example/")]);
    finds("machine", |p, _| *p.value(oids::AUTHORITY_INFO_ACCESS) = less, &[L::ProfileRevocation]);

    let both = [L::NoRevocation, L::ProfileRevocation];
    for id in [oids::NO_REV_AVAIL, oids::OCSP_NOCHECK] {
        finds("machine", |p, _| p.add(id, vec![], vec![NULL, 0]), &both);
    }
    finds("root", |p, _| p.add(oids::NO_REV_AVAIL, vec![], vec![NULL, 0]), &both);
    finds("ocsp", |p, _| p.remove(oids::OCSP_NOCHECK), &[L::ProfileRevocation]);
}

#[test]
fn an_issuer_that_may_not() {
    let (root, root_key) = issue(builtin().get("root").unwrap(), vec![], None);
    let machine = builtin().get("machine").unwrap();
    let lints = |made: &Certificate, profile: &Profile, issuer: &Certificate| -> Vec<Lint> {
        lint(made, profile, IssuerRef::Ca(issuer)).into_iter().map(|finding| finding.lint).collect()
    };
    let refused = |profile: &Profile, names, issuer: &Certificate, key: &SoftwareKey| {
        let wish = wish(names, &self::key());
        match prepare(profile, &wish, IssuerRef::Ca(issuer), &places(), [0x11; 20], NOW, key.scheme()) {
            Err(crate::issue::IssueError::Lint { findings }) => {
                findings.into_iter().map(|finding| finding.lint).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    // A leaf issues nothing, an authority of path length 0 no authority.
    let (leaf, leaf_key) = issue(machine, uri(), Some((&root, &root_key)));
    assert_eq!(refused(machine, uri(), &leaf, &leaf_key), [Lint::IssuerNotAllowed]);
    let issuing = builtin().get("issuing-ca").unwrap();
    let (ca, ca_key) = issue(issuing, vec![], Some((&root, &root_key)));
    assert_eq!(refused(issuing, vec![], &ca, &ca_key), [Lint::IssuerNotAllowed]);
    let (made, _) = issue(machine, uri(), Some((&ca, &ca_key)));
    assert_eq!(lints(&made, machine, &ca), []);
    // A root's profile under another authority.
    let own = key();
    let root_profile = builtin().get("root").unwrap();
    let under = prepare(
        root_profile,
        &wish(vec![], &own),
        IssuerRef::Ca(&root),
        &places(),
        [0x11; 20],
        NOW,
        root_key.scheme(),
    );
    assert!(
        matches!(under, Err(crate::issue::IssueError::Lint { findings }) if findings.iter().any(|f| f.lint == Lint::ProfileIssuer))
    );

    let constrained =
        variant("issuing-ca", "path_length = 0", "path_length = 0\npermitted.dns = [\"b.example\"]");
    let (narrow, narrow_key) = issue(&constrained, vec![], Some((&root, &root_key)));
    let server = builtin().get("server").unwrap();
    assert_eq!(refused(server, dns(), &narrow, &narrow_key), [Lint::OutsideConstraints]);
    let within = vec![GeneralName::Dns("a.b.example".into())];
    let (made, _) = issue(server, within, Some((&narrow, &narrow_key)));
    assert_eq!(lints(&made, server, &narrow), []);

    let entitled = variant("issuing-ca", "2.5.29.32.0", "1.2.3");
    let (limited, limited_key) = issue(&entitled, vec![], Some((&root, &root_key)));
    let under =
        |oid: &str| variant("machine", "[names]", &format!("[[policies]]\noid = \"{oid}\"\n\n[names]"));
    assert_eq!(refused(&under("1.2.4"), uri(), &limited, &limited_key), [Lint::OutsidePolicies]);
    let (made, _) = issue(&under("1.2.3"), uri(), Some((&limited, &limited_key)));
    assert_eq!(lints(&made, &under("1.2.3"), &limited), []);
}

#[test]
fn a_key_the_profile_does_not_take_is_found_in_the_certificate_too() {
    let profile = variant("machine", "\"p256\", \"p384\", ", "");
    let (root, root_key) = issue(builtin().get("root").unwrap(), vec![], None);
    let (made, _) = issue(builtin().get("machine").unwrap(), uri(), Some((&root, &root_key)));
    let found: Vec<_> =
        lint(&made, &profile, IssuerRef::Ca(&root)).into_iter().map(|finding| finding.lint).collect();
    assert_eq!(found, [Lint::ProfileKey]);
}
