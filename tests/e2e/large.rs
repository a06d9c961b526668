//! A document of 100 MB: spilled to disk, sealed in bounded memory.

use support::process::{peak_during, usage};
use support::{corpus, judges};

use crate::{PLACE, ready, small_pdf};

/// What is allowed above idle when the body is spilled.
const ALLOWED: u64 = 64 * 1024 * 1024;

#[test]
fn sealing_100_mb_stays_below_64_mib_above_idle() {
    let (appliance, client) = ready();
    let folder = corpus::scratch();
    let entry = corpus::named("image-100m");
    client.seal(PLACE, small_pdf()).is(201); // whatever is allocated once is there now
    let idle = usage(appliance.pid()).resident;
    let pdf = entry.read();
    let (answer, peak) = peak_during(appliance.pid(), || client.seal(PLACE, pdf).is(201));
    let above = peak.saturating_sub(idle);
    println!("100 MB: {} MiB above {} MiB idle", above >> 20, idle >> 20);
    assert!(above <= ALLOWED, "{} MiB above idle", above >> 20);

    let sealed = folder.path().join("sealed.pdf");
    std::fs::write(&sealed, &answer.body).unwrap();
    judges::pdfsig_accepts(&sealed, 1);
    judges::openssl_accepts(&sealed, &appliance.certificate("root"));
    assert!(judges::red_pixels(&sealed, 1) > 200);
}
