//! Policies as text: what comes with the program, and what is refused.

use cinnabar_pki::{
    path::{Purpose, RevocationPolicy},
    validation::{DigestName, KeyFamily, Reliability, SignaturePolicy, SlideTo},
};

const DEFAULT: &str = include_str!("../../../../policies/signature-validation/default.toml");

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;

#[test]
fn what_comes_with_the_program_is_read_under_the_name_of_its_file() {
    let names: Vec<_> = SignaturePolicy::builtin_texts().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["default", "strict", "archive"]);
    for (name, text) in SignaturePolicy::builtin_texts() {
        let policy = SignaturePolicy::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(policy.name(), *name);
        assert_eq!(SignaturePolicy::builtin(name).unwrap().digest(), policy.digest());
        assert!(!policy.description().is_empty());
    }
    assert!(SignaturePolicy::builtin("none").is_none());
    let default = SignaturePolicy::builtin("default").unwrap();
    assert_eq!(default.revocation().signer, RevocationPolicy::Required);
    assert_eq!(default.revocation().authorities, RevocationPolicy::IfAvailable);
    assert_eq!(default.signature().purpose, Purpose::DocumentSigning);
    assert!(!default.archive_required() && !default.signature().proven_time);
    let strict = SignaturePolicy::builtin("strict").unwrap();
    assert_eq!(strict.revocation().slide_to, SlideTo::ThisUpdate);
    assert!(strict.signature().proven_time && strict.time_stamp_delay() == Some(86_400));
    assert!(SignaturePolicy::builtin("archive").unwrap().archive_required());
}

#[test]
fn algorithms_end_when_ts_119_312_says_so() {
    let cryptography = SignaturePolicy::builtin("default").unwrap().cryptography();
    let digest = |name| cryptography.digest(name).holds_at(NOW);
    assert!(digest(DigestName::Sha256) && digest(DigestName::Sha384) && digest(DigestName::Sha512));
    assert!(digest(DigestName::Sha224) && !digest(DigestName::Sha1) && !digest(DigestName::Md5));
    assert!(cryptography.digest(DigestName::Sha1).holds_at(1_300_000_000), "2011");
    let key = |family, bits| cryptography.key(family, bits);
    assert_eq!(key(KeyFamily::Ecdsa, 256), Reliability::Open);
    assert_eq!(key(KeyFamily::Ecdsa, 521), Reliability::Open);
    assert_eq!(key(KeyFamily::Eddsa, 255), Reliability::Open);
    assert_eq!(key(KeyFamily::RsaPss, 3072), Reliability::Open);
    assert!(!key(KeyFamily::Ecdsa, 224).holds_at(NOW) && key(KeyFamily::Ecdsa, 100) == Reliability::Never);
    // 2029-01-01: legacy until then.
    let legacy = Reliability::Until { until: 1_861_920_000 };
    assert_eq!(key(KeyFamily::RsaPkcs1, 2048), legacy);
    assert_eq!(key(KeyFamily::RsaPkcs1, 4096), legacy);
    assert_eq!(key(KeyFamily::RsaPss, 2048), legacy);
    assert!(legacy.holds_at(1_861_919_999) && !legacy.holds_at(1_861_920_000));
    assert!(
        !key(KeyFamily::RsaPkcs1, 1536).holds_at(NOW) && key(KeyFamily::RsaPkcs1, 512) == Reliability::Never
    );
    assert!(Reliability::Never < legacy && legacy < Reliability::Open);
}

#[test]
fn unknown_words_and_contradictions_are_refused_with_how_to_mend_them() {
    let changed = |from: &str, to: &str| {
        let text = DEFAULT.replacen(from, to, 1);
        assert_ne!(text, DEFAULT, "{from}");
        SignaturePolicy::parse(&text).map(|policy| policy.name().to_owned()).unwrap_err().to_string()
    };
    for (from, to, expected) in [
        ("\norder = true", "\norder = true\nstrict = true", "unknown field `strict`"),
        ("\norder = true", "", "missing field `order`"),
        ("signer = \"required\"", "signer = \"maybe\"", "unknown variant `maybe`"),
        ("name = \"default\"", "name = \"De fault\"", "is no name for a policy"),
        ("purpose = \"documentSigning\"", "purpose = \"sealing\"", "`sealing` is no purpose"),
        (
            "signature-policies = \"ignored\"",
            "signature-policies = \"ignored\"\nattributes = [\"a\"]",
            "`a` is no object identifier",
        ),
        ("sha224 = 2029-01-01", "sha42 = 2029-01-01", "`sha42` is no algorithm; known are md5, sha1"),
        ("rsa-pss = [", "rsa = [", "`rsa` is no algorithm; known are rsa-pkcs1"),
        ("sha224 = 2029-01-01", "sha224 = \"soon\"", "`sha224` ends neither on a day"),
        ("sha224 = 2029-01-01", "sha224 = 2029-01-01T00:00:00Z", "`sha224` ends neither on a day"),
        (
            "{ bits = 3000, until = \"open\" }",
            "{ bits = 3000, until = 2020-01-01 }",
            "no longer key end before",
        ),
        (
            "{ bits = 3000, until = \"open\" }",
            "{ bits = 1900, until = \"open\" }",
            "`rsa-pss`: list keys by growing size",
        ),
        ("eddsa = [{ bits = 255, until = \"open\" }]", "eddsa = []", "`eddsa`: list keys"),
        ("signatures = 256", "signatures = 0", "`limits.signatures` must be"),
        ("path = 8", "path = 1", "`limits.path` must be"),
        ("\norder = true", "\norder = true\ndelay = -1", "`time-stamps.delay` must be"),
        ("slide-to", "freshness = -1\nslide-to", "`revocation.freshness` must be"),
        ("signer = \"required\"", "signer = \"waived\"", "waived for a certificate must be waived"),
        ("time-stamps = \"required\"", "time-stamps = \"waived\"", "waived for a certificate must be waived"),
    ] {
        let found = changed(from, to);
        assert!(found.contains(expected), "expected `{expected}`: {found}");
    }
    let with = |more: &str| {
        let text = format!("{DEFAULT}\n{more}");
        SignaturePolicy::parse(&text).map(|_| ()).map_err(|error| error.to_string())
    };
    let listed = format!("[[signature-policy]]\nid = \"1.2.3\"\nsha256 = \"{}\"", "0a".repeat(32));
    assert!(with(&listed).unwrap_err().contains("although signature.signature-policies"));
    let known = DEFAULT.replace("signature-policies = \"ignored\"", "signature-policies = \"known\"");
    let with =
        |more: &str| SignaturePolicy::parse(&format!("{known}\n{more}")).map_err(|error| error.to_string());
    let policies = with(&listed).unwrap().signature().signature_policies.clone().unwrap();
    assert_eq!(policies.into_iter().next().unwrap().1, [10; 32]);
    assert!(with(&format!("{listed}\n{listed}")).unwrap_err().contains("listed twice"));
    assert!(with(&listed.replace("0a0a", "0a")).unwrap_err().contains("no SHA-256"));
    let archive = include_str!("../../../../policies/signature-validation/archive.toml");
    let waived = archive.replace("= \"required\"", "= \"waived\"");
    assert!(SignaturePolicy::parse(&waived).unwrap_err().to_string().contains("archive.required wants"));
}

#[test]
fn other_demands_on_revocation_change_nothing_else() {
    let default = SignaturePolicy::builtin("default").unwrap();
    let waived = default.with_revocation(RevocationPolicy::Waived, RevocationPolicy::Waived);
    assert_eq!(waived.revocation().signer, RevocationPolicy::Waived);
    assert_eq!(waived.revocation().time_stamps, RevocationPolicy::Waived);
    assert_eq!((waived.name(), waived.digest()), (default.name(), default.digest()));
    assert_eq!(waived.limits(), default.limits());
}
