//! NIST PKITS, sections 4.1 to 4.16: every test of `pkits/table.txt` against the vectors that the PyPI package
//! `cryptography_vectors` carries. What differs stands in `pkits/divergences.txt` with its reason; an unexpected pass fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::{collections::BTreeMap, path::PathBuf};

use cinnabar_pki::{
    Certificate, Crl,
    path::{PathVerdict, Policy, PolicyInputs, Purpose, Request, RevocationPolicy, TrustAnchors, validate},
};
use der::asn1::ObjectIdentifier;

/// 2026-11-22T00:00:00Z; the vectors are valid from 2010 to 2030.
const AT: i64 = 1_795_305_600;

/// The folder with `certs` and `crls`: `CINNABAR_PKITS`, or inside the virtual environment of the test peers.
fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("CINNABAR_PKITS") {
        return folder.into();
    }
    let inside = "site-packages/cryptography_vectors/x509/PKITS_data";
    let list = |folder: PathBuf, prefix: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path())
            .collect()
    };
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_default();
    let environments = std::env::var_os("CINNABAR_VENV")
        .map_or_else(|| list(cache.join("cinnabar"), "venv-"), |environment| vec![environment.into()]);
    environments
        .into_iter()
        .flat_map(|environment| list(environment.join("lib"), "python3"))
        .map(|library| library.join(inside))
        .find(|folder| folder.join("certs").is_dir())
        .expect(
            "the PKITS vectors are not here: run tests/peers/python and set CINNABAR_VENV to what it prints",
        )
}

struct Vectors {
    folder: PathBuf,
}

impl Vectors {
    fn certificate(&self, name: &str) -> Certificate {
        let path = self.folder.join("certs").join(format!("{name}.crt"));
        let der = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Certificate::from_der(&der).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn crl(&self, name: &str) -> Crl {
        let path = self.folder.join("crls").join(format!("{name}.crl"));
        let der = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Crl::from_der(&der).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split('|').map(str::trim).collect())
}

#[test]
fn every_test_ends_as_the_document_says_or_as_the_list_of_divergences_explains() {
    let vectors = Vectors { folder: folder() };
    let anchors = TrustAnchors::new(vec![vectors.certificate("TrustAnchorRootCertificate")]);
    let mut divergences: BTreeMap<&str, &str> =
        rows(include_str!("pkits/divergences.txt")).map(|row| (row[0], row[1])).collect();
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows(include_str!("pkits/table.txt")) {
        let [test, leaf, certificates, crls, inputs, expected] = row[..] else { panic!("{row:?}") };
        let leaf = vectors.certificate(leaf);
        let untrusted: Vec<_> =
            certificates.split_whitespace().map(|name| vectors.certificate(name)).collect();
        let crls = crls.split_whitespace().chain(["TrustAnchorRootCRL"]);
        let crls: Vec<_> = crls.map(|name| vectors.crl(name)).collect();
        let (flags, set) = inputs.split_once(' ').unwrap();
        let acceptable: Vec<_> = set
            .bytes()
            .filter(u8::is_ascii_digit)
            .map(|digit| ObjectIdentifier::new(&format!("2.16.840.1.101.3.2.1.48.{}", digit - b'0')).unwrap())
            .collect();
        let mut policy = Policy::new(RevocationPolicy::Required);
        policy.later_evidence = false;
        let verdict = validate(&Request {
            untrusted: &untrusted,
            crls: &crls,
            purpose: Purpose::Any,
            policies: PolicyInputs {
                acceptable: &acceptable,
                require_explicit: flags.contains('e'),
                inhibit_mapping: flags.contains('m'),
                inhibit_any: flags.contains('a'),
            },
            policy,
            ..Request::new(&leaf, &anchors, AT)
        });
        count += 1;
        let agrees = matches!(verdict, PathVerdict::Trusted(_)) == (expected == "valid");
        match (agrees, divergences.remove(test)) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(reason)) => wrong.push(format!("{test} agrees and is listed as diverging: {reason}")),
            (false, None) => wrong.push(format!("{test} should be {expected}: {:?}", verdict.failure())),
        }
    }
    assert!(divergences.is_empty(), "divergences of no test: {divergences:?}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 224, "only {count} tests in the table");
}
