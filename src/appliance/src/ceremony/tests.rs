//! Ceremonies of the default hierarchy, judged by OpenSSL and pkilint.

use std::path::PathBuf;

use pki::Certificate;

use super::*;
use crate::app::App;
use crate::config::{Config, KeystoreConfig};
use crate::store::{DatabaseUrl, Db};

#[path = "../../../../tests/support/pkilint.rs"]
mod pkilint;

fn plan(directory: PathBuf) -> Plan {
    Plan {
        directory,
        organisation: "示范市政务服务数据管理局".into(),
        keystore_suite: &crypto::Suite::INTERNATIONAL,
        unlock: UnlockPlan::Shares { threshold: 2, shares: 3 },
        hosts: vec!["localhost".into(), "127.0.0.1".into(), "::1".into()],
        port: 8443,
        public_port: 8080,
        portal_port: 8444,
        enrolment_port: None,
        database: None,
        hierarchy: DEFAULT_HIERARCHY.into(),
        pkcs11: None,
        log_origin: None,
        allow_swap: true,
        assume_clock: true,
    }
}

/// How many keys there are, and how many of them with a certificate.
fn counted(hierarchy: &Hierarchy) -> (u64, u64) {
    let certified = hierarchy.keys().iter().filter(|key| key.suite.is_some()).count();
    (hierarchy.keys().len() as u64, certified as u64)
}

#[tokio::test]
async fn an_empty_folder_becomes_an_appliance_with_everything_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path().join("appliance"));
    let mut lines = 0;
    let done = perform(&plan, &mut |_| lines += 1).await.unwrap();
    assert_eq!(lines, plan.steps().unwrap());
    assert_eq!(done.shares.len(), 3);
    // One entry for the beginning, one per key, certificate (hierarchy, server, people) and person.
    let (keys, certified) = counted(&Hierarchy::parse(&plan.hierarchy).unwrap());
    assert_eq!(done.leaves, 1 + keys + (certified + 1 + 3) + 3);
    let config = Config::load(&done.config).unwrap();
    let url: DatabaseUrl = config.database.url.parse().unwrap();
    let db = Db::open(&url).await.unwrap();
    let certificates = db.fetch_all("SELECT id FROM certificates", &[]).await.unwrap();
    assert_eq!(certificates.len() as u64, certified + 1 + 3);
    let transcript = std::fs::read_to_string(&done.transcript).unwrap();
    for share in &done.shares {
        assert!(!transcript.contains(share.as_str()), "a share stands in the transcript");
    }
    assert!(matches!(
        perform(&plan, &mut |_| ()).await,
        Err(CeremonyError::Layout(LayoutError::NotEmpty(_)))
    ));
}

#[tokio::test]
async fn a_keystore_of_the_shangmi_suite_is_made_and_named_in_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let keystore_suite = &crypto::Suite::SHANGMI;
    let plan = Plan { keystore_suite, ..plan(folder.path().join("appliance")) };
    let done = perform(&plan, &mut |_| ()).await.unwrap();
    let config = Config::load(&done.config).unwrap();
    assert_eq!(config.keystore.suite.as_deref(), Some("shangmi"));
    let sealed = custody::Keystore::open(&config.keystore.directory).unwrap();
    assert_eq!(sealed.suite(), keystore_suite);
    // The keys that seal data are of that suite; the authorities' are of theirs.
    let keys = sealed.keys().unwrap();
    let data = keys.iter().filter(|key| key.usage == custody::Usage::Seal).map(|key| key.algorithm);
    let data: Vec<_> = data.collect();
    assert!(
        !data.is_empty() && data.iter().all(|algorithm| *algorithm == custody::Algorithm::Sm4),
        "{data:?}"
    );
    assert!(keys.iter().any(|key| key.algorithm == custody::Algorithm::P256));
    // The appliance does not start with a keystore of another suite than its configuration names.
    let url: DatabaseUrl = config.database.url.parse().unwrap();
    let other = Some("international".to_owned());
    let wrong =
        Config { keystore: KeystoreConfig { suite: other, ..config.keystore.clone() }, ..config.clone() };
    let refused = App::open(wrong, Db::open(&url).await.unwrap()).await.err().unwrap().to_string();
    assert!(refused.starts_with("`keystore.suite` is `international`"), "{refused}");
    App::open(config, Db::open(&url).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn openssl_verifies_every_certificate_of_a_ceremony() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path().join("appliance"));
    perform(&plan, &mut |_| ()).await.unwrap();
    let at = |name: &str| plan.directory.join(name);
    let root = at("certificates/root.pem");
    for (leaf, issuer) in [
        ("certificates/seals-ca.pem", "certificates/root.pem"),
        ("certificates/seal-maker.pem", "certificates/seals-ca.pem"),
        ("certificates/credential-signer.pem", "certificates/platform-ca.pem"),
        ("certificates/publisher.pem", "certificates/platform-ca.pem"),
        ("certificates/time-stamp.pem", "certificates/platform-ca.pem"),
        ("certificates/ocsp-officers.pem", "certificates/officers-ca.pem"),
        ("tls/server.crt", "certificates/platform-ca.pem"),
        ("credentials/officer-2/certificate.pem", "certificates/officers-ca.pem"),
    ] {
        let output = std::process::Command::new("openssl")
            .args(["verify", "-x509_strict", "-CAfile"])
            .arg(&root)
            .arg("-untrusted")
            .arg(at(issuer))
            .arg(at(leaf))
            .output()
            .expect("openssl is installed by the test set-up");
        assert!(output.status.success(), "{leaf}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn both_suites_stand_side_by_side_and_openssl_verifies_each_certificate_by_its_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let hierarchy = include_str!("../../../../keys/both-suites.toml").to_owned();
    let plan = Plan { hierarchy, ..plan(folder.path().join("appliance")) };
    let done = perform(&plan, &mut |_| ()).await.unwrap();
    // One entry for the beginning, one per key, certificate (two sides, server, people) and person.
    let hierarchy = Hierarchy::parse(&plan.hierarchy).unwrap();
    let (keys, certified) = counted(&hierarchy);
    assert_eq!(done.leaves, 1 + keys + (certified + 1 + 3) + 3);
    for key in hierarchy.keys().iter().filter(|key| key.suite.is_some()) {
        let path = |label: &str| plan.directory.join(format!("certificates/{label}.pem"));
        // OpenSSL takes the signer's identifier where there is one, and nowhere else.
        let identifier = ["-vfyopt", "distid:1234567812345678"];
        let sm2 = key.suite == Some(&crypto::Suite::SHANGMI);
        let output = std::process::Command::new("openssl")
            .args(["verify", "-x509_strict", "-partial_chain"])
            .args(identifier.iter().filter(|_| sm2))
            .arg("-trusted")
            .arg(path(key.issuer.as_ref().unwrap_or(&key.label)))
            .arg(path(&key.label))
            .output()
            .expect("openssl is installed by the test set-up");
        assert!(output.status.success(), "{}: {}", key.label, String::from_utf8_lossy(&output.stderr));
        let pem = std::fs::read(path(&key.label)).unwrap();
        let certificate = Certificate::from_pem(&pem).unwrap().remove(0);
        assert_eq!(Some(crypto::Suite::of_key(certificate.spki())), key.suite);
    }
    // What names people and servers in TLS is of the international side.
    let root = std::fs::read_to_string(plan.directory.join("certificates/root.pem")).unwrap();
    let shown = std::fs::read_to_string(plan.directory.join("credentials/officer-1/root.pem")).unwrap();
    assert_eq!(shown, root);
}

#[tokio::test]
async fn a_name_too_long_for_certificates_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { organisation: "名".repeat(37), ..plan(folder.path().join("appliance")) };
    assert!(matches!(perform(&plan, &mut |_| ()).await, Err(CeremonyError::Organisation(37))));
    // What the hierarchy adds to it counts, too: " Platform Services OCSP Responder".
    let plan = Plan { organisation: "名".repeat(32), ..plan };
    assert!(matches!(perform(&plan, &mut |_| ()).await, Err(CeremonyError::Name(_))));
    assert!(!plan.directory.exists());
}

#[tokio::test]
async fn pkilint_finds_no_fault_in_any_certificate_of_a_ceremony() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path().join("appliance"));
    let done = perform(&plan, &mut |_| ()).await.unwrap();
    let config = Config::load(&done.config).unwrap();
    let db = Db::open(&config.database.url.parse::<DatabaseUrl>().unwrap()).await.unwrap();
    let rows = db.fetch_all("SELECT der FROM certificates ORDER BY id", &[]).await.unwrap();
    let all: Vec<Certificate> =
        rows.iter().map(|row| Certificate::from_der(row.bytes("der").unwrap()).unwrap()).collect();
    let (_, certified) = counted(&Hierarchy::parse(&plan.hierarchy).unwrap());
    assert_eq!(all.len() as u64, certified + 1 + 3);
    for certificate in all.iter().filter(|certificate| !certificate.is_ca()) {
        let unchecked = certificate.has_no_rev_avail();
        let found = certificate.ocsp_uris();
        assert_eq!(found.len(), usize::from(!unchecked), "{certificate:?}");
        assert!(found.iter().all(|uri| uri.starts_with("http://localhost:8080/ocsp/")), "{found:?}");
    }
    let names: Vec<_> = (0..all.len()).map(|index| format!("{index}.cer")).collect();
    let batch = pkilint::assert_clean(names.iter().map(String::as_str).zip(all.iter().map(Certificate::der)));
    assert_eq!(batch.judged, 2 * all.len() - 1, "each below the root with its issuer too");
}
