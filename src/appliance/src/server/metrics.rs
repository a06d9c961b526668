//! Figures for the operator, in Prometheus' text format on the admin listener.
//!
//! Labels are few and never personal: routes are patterns, callers are not labels at all.

use std::sync::OnceLock;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::listener::DoorKind;

/// The process's one recorder.
///
/// # Errors
/// A sentence when another recorder was installed first.
pub fn install() -> Result<PrometheusHandle, String> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let handle = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
                .and_then(PrometheusBuilder::install_recorder)
                .map_err(|error| error.to_string())?;
            describe();
            Ok(handle)
        })
        .clone()
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("cinnabar_requests_total", "Answered requests by listener route, method and status.");
    describe_histogram!("cinnabar_request_seconds", "Time from request head to answer head.");
    describe_counter!("cinnabar_refusals_total", "Refused requests of identified callers, by reason.");
    describe_counter!("cinnabar_tls_failures_total", "Handshakes that failed, by kind.");
    describe_counter!(
        "cinnabar_connections_refused_total",
        "Connections closed for want of a place, by bound."
    );
    describe_gauge!("cinnabar_connections", "Open connections of the platform listener.");
    describe_gauge!("cinnabar_enrolment_connections", "Open connections of the enrolment listener.");
    describe_gauge!("cinnabar_portal_connections", "Open connections of the public verification pages.");
    describe_counter!(
        "cinnabar_portal_verifications_total",
        "Verifications on the public pages, by way and code."
    );
    describe_gauge!("cinnabar_key_device_available", "1 while the device that holds keys answers.");
    describe_counter!(
        "cinnabar_enrolments_total",
        "Certificates asked for by EST, by credential and outcome."
    );
    describe_gauge!(
        "cinnabar_certificates_expiring",
        "Good certificates of the register that run out within a time, by profile."
    );
    describe_gauge!(
        "cinnabar_licences_expiring",
        "Licences that have not ended and run out within a time, by type."
    );
    describe_gauge!(
        "cinnabar_own_certificate_expires_seconds",
        "When each certificate of the appliance's own runs out, Unix time."
    );
    describe_counter!("cinnabar_timestamps_total", "Time-stamp requests by result.");
    describe_histogram!("cinnabar_timestamps_batch_tokens", "Time-stamps recorded with one entry.");
    describe_gauge!("cinnabar_sealed", "1 while the keystore is sealed.");
    describe_gauge!("cinnabar_journal_size", "Leaves in the log.");
    describe_counter!("cinnabar_reloads_total", "Reloads by what was reloaded and outcome.");
}

/// One answered request.
pub fn request(method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
    let method = if KNOWN.contains(method) { method.to_string() } else { "other".to_owned() };
    let status = status.as_u16().to_string();
    counter!("cinnabar_requests_total", "method" => method, "route" => route.to_owned(), "status" => status)
        .increment(1);
    histogram!("cinnabar_request_seconds", "route" => route.to_owned()).record(elapsed.as_secs_f64());
}

/// One failed handshake.
pub fn tls_failure(kind: &'static str) {
    counter!("cinnabar_tls_failures_total", "kind" => kind).increment(1);
}

/// One connection closed for want of a place.
pub fn connection_refused(bound: &'static str) {
    counter!("cinnabar_connections_refused_total", "bound" => bound).increment(1);
}

/// Open connections of a listener now.
#[expect(clippy::cast_precision_loss, reason = "a gauge of a few thousand connections")]
pub fn connections(door: DoorKind, open: usize) {
    match door {
        DoorKind::Platform => gauge!("cinnabar_connections"),
        DoorKind::Enrolment => gauge!("cinnabar_enrolment_connections"),
        DoorKind::Portal => gauge!("cinnabar_portal_connections"),
    }
    .set(open as f64);
}

/// Whether a device that holds keys answers.
pub fn key_device(device: &str, available: bool) {
    let gauge = gauge!("cinnabar_key_device_available", "device" => device.to_owned());
    gauge.set(if available { 1.0 } else { 0.0 });
}

/// One certificate asked for by EST, with a `secret` or a `certificate`.
pub fn enrolment(by: &'static str, outcome: &'static str) {
    counter!("cinnabar_enrolments_total", "by" => by, "outcome" => outcome).increment(1);
}

/// Whether the keystore is sealed.
pub fn sealed(sealed: bool) {
    gauge!("cinnabar_sealed").set(if sealed { 1.0 } else { 0.0 });
}

/// Leaves in the log.
#[expect(clippy::cast_precision_loss, reason = "exact to 2^53 leaves")]
pub fn journal_size(leaves: u64) {
    gauge!("cinnabar_journal_size").set(leaves as f64);
}

/// One reload of certificates, policies or the register.
pub fn reload(what: &'static str, outcome: &'static str) {
    counter!("cinnabar_reloads_total", "what" => what, "outcome" => outcome).increment(1);
}

const KNOWN: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

const SECONDS: [f64; 13] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
