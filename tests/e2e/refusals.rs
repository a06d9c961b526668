//! Each way to be refused has its own problem type, stands in the log, and changes nothing else.

use std::time::Duration;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use support::{Answer, Appliance, Client, Setup, corpus, process};

use crate::{PLACE, ready, ready_with, small_pdf};

const PDF: (&str, &str) = ("content-type", "application/pdf");

/// Runs `act` and checks that it was answered with this status and problem, that the reason stands in the log, and that no
/// state changed.
#[track_caller]
fn refused(appliance: &Appliance, status: u16, kind: &str, act: impl FnOnce() -> Answer) {
    let (state, refusals) = (appliance.state(), appliance.refusals().len());
    let answer = act().is(status);
    assert_eq!(answer.problem(), kind, "{}", answer.told());
    process::eventually(&format!("the refusal `{kind}` is an entry"), Duration::from_secs(5), || {
        let all = appliance.refusals();
        all[refusals..].iter().any(|(_, reason)| reason == kind).then_some(())
    });
    assert_eq!(appliance.state(), state, "a refused request changed state");
}

#[test]
fn what_is_not_a_fit_document_is_refused_by_its_own_name() {
    let (appliance, client) = ready();
    for (name, kind) in [
        ("garbage", "pdf-unreadable"),
        ("not-a-pdf", "pdf-unreadable"),
        ("garbage-header", "pdf-unreadable"),
        ("truncated", "pdf-truncated"),
        ("encrypted-user", "pdf-encrypted"),
        ("certified-pyhanko-locked", "pdf-forbids"),
    ] {
        refused(&appliance, 422, kind, || client.seal(PLACE, corpus::named(name).read()));
    }
}

#[test]
fn a_place_that_does_not_exist_is_refused() {
    let (appliance, client) = ready();
    for place in ["page=9&x_mm=20&y_mm=20", "page=1&x_mm=500&y_mm=20", "keyword=nowhere-to-be-found"] {
        let query = format!("seal=bureau-seal&{place}");
        refused(&appliance, 422, "placement-invalid", || client.seal(&query, small_pdf()));
    }
}

#[test]
fn wrong_media_type_and_reused_idempotency_key_are_refused() {
    let (appliance, client) = ready();
    let path = format!("/v1/documents/seal?{PLACE}");
    refused(&appliance, 415, "unsupported-media-type", || {
        client.call("POST", &path, &[("content-type", "text/plain"), ("idempotency-key", "a")], small_pdf())
    });
    client.call("POST", &path, &[PDF, ("idempotency-key", "once")], small_pdf()).is(201);
    refused(&appliance, 422, "idempotency-key-reused", || {
        client.call("POST", &path, &[PDF, ("idempotency-key", "once")], corpus::named("form").read())
    });
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let setup = Setup::default();
    let mut appliance = Appliance::init(setup);
    let text = std::fs::read_to_string(appliance.config()).unwrap();
    // Listeners have bounds of their own; this is the one of documents.
    let (_, limits) = text.split_once("[limits]").unwrap();
    let line = limits.lines().find(|line| line.starts_with("body =")).unwrap();
    appliance.configure(line, "body = 1048576");
    appliance.serve();
    appliance.unseal();
    appliance.seal_record("bureau-seal");
    let client = appliance.approval_system("approval");
    client.seal(PLACE, small_pdf()).is(201);
    refused(&appliance, 413, "body-too-large", || client.seal(PLACE, corpus::named("image-1m").read()));
}

#[test]
fn the_wrong_role_is_refused() {
    let (appliance, client) = ready();
    let officer = appliance.client("officer-1");
    refused(&appliance, 403, "forbidden", || officer.seal(PLACE, small_pdf()));
    let body = serde_json::json!({ "id": "mine", "name": "mine", "kind": "bureau" });
    refused(&appliance, 403, "forbidden", || client.post("/v1/organisations", &body));
}

#[test]
fn a_stranger_gets_a_tls_alert_and_is_counted() {
    let (appliance, client) = ready();
    client.seal(PLACE, small_pdf()).is(201);
    let roots = appliance.credential("approval").roots();
    let state = appliance.state();

    let nobody = Client::with(appliance.port, &roots, None);
    let told = nobody.try_call("GET", "/v1/seals", &[], "").expect_err("a client without a certificate");
    assert!(told.contains("alert") || told.contains("Certificate") || told.contains("certificate"), "{told}");

    let stranger = Client::with(appliance.port, &roots, Some(foreign_credential()));
    let told = stranger.try_call("GET", "/v1/seals", &[], "").expect_err("a client of another authority");
    assert!(told.contains("alert") || told.contains("nknown"), "{told}");

    assert_eq!(appliance.state(), state);
    process::eventually("strangers are counted", Duration::from_secs(5), || {
        let metrics = appliance.metrics();
        metrics
            .lines()
            .any(|line| line.starts_with("cinnabar_tls_failures_total") && !line.ends_with(" 0"))
            .then_some(())
    });
    // Anonymous failures are entered in aggregate, at the latest when the service ends.
    let mut appliance = appliance;
    appliance.stop();
    assert!(appliance.entries().iter().any(|entry| entry["action"] == "anonymous.aggregate"));
}

#[test]
fn an_expired_certificate_is_answered_with_its_own_problem() {
    // The service lives two years later than the certificates; its own server certificate is not looked at by this client.
    let (mut appliance, _) = ready();
    appliance.stop();
    let validity = appliance.sql("SELECT max(not_after) FROM certificates WHERE profile LIKE '%machine%'");
    let last: i64 = validity[0].parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let seconds = last / 1_000_000 - i64::try_from(now / 1_000_000).unwrap() + 3600;
    appliance.run_with(support::appliance::later(seconds));
    appliance.serve();
    appliance.unseal();
    let client = appliance.client("approval").trusting_expired_servers();
    refused(&appliance, 403, "certificate-expired", || client.seal(PLACE, small_pdf()));
}

#[test]
fn a_sealed_appliance_refuses_every_act_and_says_why() {
    let (mut appliance, client) = ready();
    let state = appliance.state();
    appliance.stop();
    appliance.serve();
    let answer = client.seal(PLACE, small_pdf()).is(503);
    assert_eq!(answer.problem(), "sealed");
    let wrong = appliance.directory.join("wrong");
    std::fs::write(&wrong, "incorrect horse battery staple\n").unwrap();
    std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let failed = appliance.cli(&["unseal", "--passphrase-file", &wrong.display().to_string()]);
    assert_eq!(failed.code, Some(1), "{}", failed.told());
    assert_eq!(appliance.state(), state);
    appliance.unseal();
    client.seal(PLACE, small_pdf()).is(201);
    let refusals = appliance.refusals();
    assert!(refusals.iter().any(|(_, reason)| reason == "sealed"), "{refusals:?}");
    assert!(refusals.iter().any(|(action, _)| action.contains("unseal")), "{refusals:?}");
}

#[test]
fn nothing_refused_leaves_personal_data_in_the_service_log() {
    let (appliance, client) = ready_with(Setup::default());
    let query =
        format!("{PLACE}&case_number=CASE-4711-0042&reason={}", support::client::encode("张三的许可"));
    client.seal(&query, small_pdf()).is(201);
    client.seal(&query, corpus::named("garbage").read()).is(422);
    let log = appliance.log();
    for personal in ["CASE-4711-0042", "张三"] {
        assert!(!log.contains(personal), "`{personal}` stands in the service's log");
    }
    assert!(
        log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "not JSON lines:\n{log}"
    );
}

/// A client certificate of an authority nobody here knows.
fn foreign_credential() -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let mut client = CertificateParams::new(Vec::new()).unwrap();
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    client.subject_alt_names = vec![rcgen::SanType::URI("urn:cinnabar:machine:approval".try_into().unwrap())];
    let certificate = client.signed_by(&key, &issuer).unwrap();
    (vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}
