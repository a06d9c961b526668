//! Profiles that load, and each contradiction that does not.

use super::*;

/// A built-in profile without its comments.
fn text(name: &str) -> String {
    let (_, text) = BUILTIN.iter().find(|(known, _)| *known == name).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// Profile, what stands there, what shall stand there, the key refused, and why.
type Case = (&'static str, &'static str, &'static str, &'static str, fn(&Contradiction) -> bool);

/// The contradiction of a built-in profile with something in it replaced.
#[track_caller]
fn refused(name: &str, from: &str, to: &str) -> (String, Contradiction) {
    let text = text(name);
    assert!(text.contains(from), "`{from}` is not in {name}");
    match Profile::parse(name, &text.replacen(from, to, 1)) {
        Err(ProfileError::Contradiction { key, contradiction }) => (key, contradiction),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_profiles_that_come_with_the_program_load() {
    let names: Vec<_> = builtin().iter().map(Profile::name).collect();
    assert_eq!(names.len(), BUILTIN.len());
    assert_eq!(builtin().digest().len(), 64);
    assert!(builtin().get("root").unwrap().is_ca() && !builtin().get("machine").unwrap().is_ca());
    for (former, name) in [
        ("root-ca", "root"),
        ("tls-server", "server"),
        ("machine-client", "machine"),
        ("officer-client", "officer"),
        ("seal", "seal-organisation"),
    ] {
        assert_eq!(builtin().get(former).unwrap().name(), name);
    }
    assert!(builtin().get("nobody").is_none());
}

#[test]
fn unknown_and_missing_keys_refuse() {
    for (from, to) in [
        ("version = 1", "version = 1\ncolour = \"red\""),
        ("[validity]", "[validity]\nweeks = 3"),
        ("[revocation]", "[revocation]\nldap = true"),
        ("description = ", "# description = "),
        ("ask = [\"officer\"", "ask = [\"anybody\""),
        ("issuer = \"machine\"", "issuer = \"nobody\""),
    ] {
        let broken = text("machine").replacen(from, to, 1);
        assert_ne!(broken, text("machine"));
        assert!(matches!(Profile::parse("machine", &broken), Err(ProfileError::Syntax(_))), "{to}");
    }
}

#[test]
fn each_contradiction_refuses_and_names_its_key() {
    use Contradiction as C;
    let usage = "key_usage = [\"digitalSignature\"]";
    let ca_usage = "key_usage = [\"keyCertSign\", \"cRLSign\"]";
    let cases: Vec<Case> = vec![
        ("machine", "version = 1", "version = 2", "version", |c| *c == C::Version(2)),
        ("machine", "keys = [\"p256\", ", "keys = [\"rsa-1024\", ", "keys", |c| {
            matches!(c, C::Unknown { .. })
        }),
        ("machine", "keys = [\"p256\", ", "keys = [\"p384\", ", "keys", |c| matches!(c, C::Twice(_))),
        (
            "machine",
            "keys = [\"p256\", \"p384\", \"sm2\", \"ed25519\", \"rsa-2048\"]",
            "keys = []",
            "keys",
            |c| *c == C::Empty,
        ),
        ("machine", usage, "key_usage = [\"keyAgreement\"]", "key_usage", |c| {
            matches!(c, C::UsageOfKey { .. })
        }),
        ("ocsp", usage, "key_usage = [\"keyEncipherment\"]", "key_usage", |c| {
            matches!(c, C::UsageOfKey { .. })
        }),
        ("ocsp", usage, "key_usage = [\"encipherOnly\"]", "key_usage", |c| {
            *c == C::OnlyWithAgreement("encipherOnly")
        }),
        ("machine", usage, "key_usage = [\"signing\"]", "key_usage", |c| matches!(c, C::Unknown { .. })),
        ("machine", usage, "key_usage = [\"keyCertSign\"]", "key_usage", |c| {
            *c == C::CertSignWithoutAuthority
        }),
        ("machine", usage, "key_usage = [\"cRLSign\"]", "key_usage", |c| *c == C::CrlSignWithoutAuthority),
        ("issuing-ca", ca_usage, "key_usage = [\"cRLSign\"]", "authority", |c| {
            *c == C::AuthorityWithoutCertSign
        }),
        ("machine", "[names]", "[authority]\npath_length = 0\n[names]", "authority", |c| {
            *c == C::AuthorityWithoutCertSign
        }),
        ("machine", "issuer = \"machine\"", "issuer = \"self\"", "issuer", |c| *c == C::SelfSignedEndEntity),
        ("issuing-ca", "issuer = \"root\"", "issuer = \"self\"", "revocation.crl", |c| {
            matches!(c, C::SelfSignedWith(_))
        }),
        ("time-stamp", "extended_key_usage_critical = true", "", "extended_key_usage", |c| {
            *c == C::TimeStamping
        }),
        (
            "time-stamp",
            "[\"timeStamping\"]",
            "[\"timeStamping\", \"clientAuth\"]",
            "extended_key_usage",
            |c| *c == C::TimeStamping,
        ),
        ("time-stamp", "extended_key_usage = [\"timeStamping\"]", "", "extended_key_usage_critical", |c| {
            *c == C::CriticalWithoutPurpose
        }),
        (
            "time-stamp",
            "[\"timeStamping\"]",
            "[\"anyExtendedKeyUsage\"]",
            "extended_key_usage_critical",
            |c| *c == C::AnyPurposeCritical,
        ),
        ("machine", "[\"clientAuth\"]", "[\"1.2.x\"]", "extended_key_usage", |c| matches!(c, C::Oid(_))),
        ("machine", "[\"clientAuth\"]", "[\"client\"]", "extended_key_usage", |c| {
            matches!(c, C::Unknown { .. })
        }),
        ("ocsp", "[\"OCSPSigning\"]", "[\"clientAuth\"]", "revocation.ocsp_nocheck", |c| {
            *c == C::NoCheckWithoutOcspSigning
        }),
        ("ocsp", "ocsp_nocheck = true", "ocsp_nocheck = true\nocsp = true", "revocation.ocsp_nocheck", |c| {
            *c == C::NoCheckWith("revocation.ocsp")
        }),
        (
            "machine",
            "crl = true\nocsp = true",
            "crl = true\nno_rev_avail = true",
            "revocation.no_rev_avail",
            |c| *c == C::NoRevAvailWith("revocation.crl"),
        ),
        (
            "machine",
            "crl = true\nocsp = true",
            "ocsp = true\nno_rev_avail = true",
            "revocation.no_rev_avail",
            |c| *c == C::NoRevAvailWith("revocation.ocsp"),
        ),
        ("issuing-ca", "crl = true", "no_rev_avail = true", "revocation.no_rev_avail", |c| {
            *c == C::NoRevAvailAuthority
        }),
        (
            "ocsp",
            "ocsp_nocheck = true",
            "ocsp_nocheck = true\nno_rev_avail = true",
            "revocation.no_rev_avail",
            |c| *c == C::NoRevAvailWith("revocation.ocsp_nocheck"),
        ),
        ("machine", "crl = true\nocsp = true", "", "revocation", |c| *c == C::NoRevocation),
        ("machine", "days = 397", "days = 0", "validity.days", |c| *c == C::Days(0)),
        ("machine", "days = 397", "days = 40000", "validity.days", |c| *c == C::Days(40_000)),
        ("root", "longest_days = 36500", "longest_days = 10", "validity.longest_days", |c| *c == C::Longest),
        ("root", "negotiable = true", "", "validity.longest_days", |c| *c == C::LongestFixed),
        (
            "machine",
            "backdate_seconds = 300",
            "backdate_seconds = 999999",
            "validity.backdate_seconds",
            |c| *c == C::Backdate(999_999),
        ),
        ("machine", "value = \"CN\"", "value = \"cn\"", "subject.value", |c| {
            matches!(c, C::AttributeValue { .. })
        }),
        ("machine", "value = \"CN\"", "", "subject.value", |c| *c == C::Value),
        ("machine", "from = \"register\"", "from = \"register\"\nvalue = \"x\"", "subject.value", |c| {
            *c == C::Value
        }),
        ("machine", "attribute = \"O\"", "attribute = \"X\"", "subject.attribute", |c| {
            matches!(c, C::Unknown { .. })
        }),
        ("machine", "attribute = \"O\"", "attribute = \"CN\"", "subject.attribute", |c| {
            matches!(c, C::Twice(_))
        }),
        ("machine", "keys =", "copy_subject = true\nkeys =", "copy_subject", |c| *c == C::CopiedAndMade),
        ("cross-ca", "[authority]\n", "[names]\ndns = { most = 1 }\n", "key_usage", |c| {
            *c == C::CertSignWithoutAuthority
        }),
        ("machine", "[names]", "[names]\ncritical = true", "names.critical", |c| {
            matches!(c, C::NamesCritical(_))
        }),
        ("machine", "uri = { least = 1, most = 1 }", "", "names", |c| *c == C::NoKinds),
        ("machine", "{ least = 1, most = 1 }", "{ least = 2, most = 1 }", "names.uri", |c| {
            matches!(c, C::Count { least: 2, most: 1 })
        }),
        ("machine", "least = 1\n", "least = 2\n", "names.least", |c| {
            matches!(c, C::Count { least: 2, most: 1 })
        }),
        ("machine", "[names]", "[names]\nwildcards = true", "names.wildcards", |c| *c == C::Wildcards),
        ("issuing-ca", "[[policies]]", "[[policies]]\noid = \"1.2.3\"\n[[policies]]", "policies", |c| {
            *c == C::AnyPolicyWithOthers
        }),
        ("machine", "[names]", "[[policies]]\noid = \"2.5.29.32.0\"\n[names]", "policies", |c| {
            *c == C::AnyPolicyOfEndEntity
        }),
        (
            "machine",
            "[names]",
            "[[policies]]\noid = \"1.2.3\"\n[[policies]]\noid = \"1.2.3\"\n[names]",
            "policies.oid",
            |c| matches!(c, C::Twice(_)),
        ),
        (
            "machine",
            "[names]",
            "[[policies]]\noid = \"1.2.3\"\ncps = \"ftp://x\"\n[names]",
            "policies.cps",
            |c| matches!(c, C::Cps(_)),
        ),
        ("issuing-ca", "path_length = 0", "permitted.dns = [\"*.cn\"]", "authority.permitted.dns", |c| {
            matches!(c, C::Subtree { .. })
        }),
        ("issuing-ca", "path_length = 0", "excluded.ip = [\"10.0.0.1/8\"]", "authority.excluded.ip", |c| {
            matches!(c, C::Subtree { .. })
        }),
        ("issuing-ca", "path_length = 0", "excluded.name = [\"x\"]", "authority.excluded.name", |c| {
            matches!(c, C::Unknown { .. })
        }),
        ("issuing-ca", "\"officer\"]", "\"est\"]", "ask", |c| *c == C::AuthorityByProtocol("est")),
        ("machine", "ask = [", "approvals = 17\nask = [", "approvals", |c| *c == C::Approvals(17)),
        ("seal-person", "ask = [", "approvals = 1\nask = [", "approvals", |c| *c == C::ApprovalsOfNobody),
        ("machine", "\"holder\"", "\"officer\"", "ask", |c| matches!(c, C::Twice(_))),
    ];
    for (name, from, to, key, expected) in cases {
        let (found, contradiction) = refused(name, from, to);
        assert_eq!(found, key, "{name}: {to}: {contradiction}");
        assert!(expected(&contradiction), "{name}: {to}: {contradiction}");
    }
}

#[test]
fn an_authority_needs_a_subject_and_an_end_entity_a_name() {
    let anonymous = |name: &str| {
        let start = text(name).find("[[subject]]").unwrap();
        let end = text(name).rfind("required = true").unwrap() + "required = true".len();
        text(name).replace(&text(name)[start..end], "")
    };
    let contradiction = |name: &str, text: &str| match Profile::parse(name, text) {
        Err(ProfileError::Contradiction { contradiction, .. }) => contradiction,
        other => panic!("{other:?}"),
    };
    assert_eq!(contradiction("root", &anonymous("root")), Contradiction::AuthorityWithoutSubject);
    let machine = anonymous("machine");
    assert!(matches!(contradiction("machine", &machine), Contradiction::NamesCritical(_)));
    let critical = machine.replace("[names]", "[names]\ncritical = true");
    assert!(Profile::parse("machine", &critical).unwrap().names().critical);
    let none = critical.replace("least = 1", "least = 0");
    assert!(matches!(contradiction("machine", &none), Contradiction::NamesCritical(_)));
    let copied = text("machine").replace("keys =", "copy_subject = true\nkeys =");
    let start = copied.find("[[subject]]").unwrap();
    let end = copied.find("[names]").unwrap();
    let copied = copied.replace(&copied[start..end], "");
    assert_eq!(contradiction("machine", &copied), Contradiction::CopiedEndEntity);
}

#[test]
fn name_constraints_are_read_into_the_form_certificates_have() {
    let constrained = text("issuing-ca").replace(
        "path_length = 0",
        "permitted.dns = [\"example.cn\"]\npermitted.ip = [\"10.128.0.0/9\", \"fd00::/8\"]\nexcluded.uri = [\".example.cn\"]",
    );
    let profile = Profile::parse("issuing-ca", &constrained).unwrap();
    let constraints = profile.authority().unwrap().constraints.as_ref().unwrap();
    assert_eq!(constraints.permitted.len(), 3);
    assert!(constraints.permitted.contains(&GeneralName::Ip(vec![10, 128, 0, 0, 255, 128, 0, 0])));
    assert_eq!(constraints.excluded, [GeneralName::Uri(".example.cn".into())]);
}

#[test]
fn a_set_of_files_is_whole_and_its_digest_moves_with_every_text() {
    let files = || BUILTIN.iter().map(|(name, text)| (format!("{name}.toml"), (*text).to_owned()));
    let whole = Profiles::from_texts(files()).unwrap();
    assert_eq!(whole.digest(), builtin().digest());
    let changed = files().map(|(name, text)| {
        let text = if name == "machine.toml" { format!("{text}\n# reviewed\n") } else { text };
        (name, text)
    });
    assert_ne!(Profiles::from_texts(changed).unwrap().digest(), whole.digest());
    let without = |gone: &'static str| Profiles::from_texts(files().filter(move |(name, _)| name != gone));
    assert!(matches!(without("ocsp.toml"), Err(ProfilesError::Missing { name: "ocsp" })));
    assert!(without("document-signer.toml").unwrap().get("document-signer").is_none());
    let twice = files().chain(files().take(1));
    assert!(matches!(Profiles::from_texts(twice), Err(ProfilesError::Twice { .. })));
    for name in ["Machine.toml", "machine.txt", ".toml", "a b.toml", "-a.toml"] {
        let odd = files().chain([(name.to_owned(), String::new())]);
        assert!(matches!(Profiles::from_texts(odd), Err(ProfilesError::Name { .. })), "{name}");
    }
    let own = files().chain([("vpn-2.toml".to_owned(), text("machine").to_owned())]);
    assert_eq!(Profiles::from_texts(own).unwrap().get("vpn-2").unwrap().name(), "vpn-2");
    let broken = files().chain([("vpn.toml".to_owned(), "version = 1".to_owned())]);
    assert!(Profiles::from_texts(broken).unwrap_err().to_string().contains("`vpn.toml`"));
}
