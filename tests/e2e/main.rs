//! End-to-end suites: the real binary, its real client, foreign programs as judges. `./tests/run` prepares what they need.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests: a failed step is a failed test"
)]

// The makers of the attacks are shared with the tests of the crate, which goes by its full name there.
extern crate pdf as cinnabar_pdf;

mod acme;
mod acme_clients;
mod acme_house;
mod acme_renewal;
mod attacks;
mod authorities;
mod certificates;
mod co_issue;
mod crash;
mod credentials;
mod csc;
mod documents;
mod est;
mod faults;
mod features;
mod foreign;
mod large;
mod levels;
mod licence_attacks;
mod licence_levels;
mod licence_types;
mod licence_use;
mod licence_verification;
mod licences;
mod lifecycle;
mod peers;
mod portal;
mod postgres;
mod receipts;
mod recognition;
mod refusals;
mod reports;
mod revocation;
mod seal_verification;
mod sealing;
mod ses_sealing;
mod shangmi;
mod tampering;
mod timestamps;
mod token;
mod usage;

/// Where suites that do not care put the seal.
const PLACE: &str = "seal=bureau-seal&page=1&x_mm=20&y_mm=30";

/// An appliance with one seal and one approval system `approval`.
fn ready() -> (support::Appliance, support::Client) {
    ready_with(support::Setup::default())
}

fn ready_with(setup: support::Setup) -> (support::Appliance, support::Client) {
    let appliance = support::Appliance::start_with(setup);
    appliance.seal_record("bureau-seal");
    let client = appliance.approval_system("approval");
    (appliance, client)
}

fn small_pdf() -> Vec<u8> {
    support::corpus::named("reportlab-single").read()
}

/// Whether a check passes, for loops that go on after a failure; its message is printed by the panic.
fn holds(check: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_ok()
}
