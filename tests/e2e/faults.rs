//! The disk fills or breaks under the service: the act is refused, never half done, and work goes on when the disk does.

use std::time::Duration;

use support::fault::{Errno, Fault};
use support::{corpus, process};

use crate::{PLACE, ready, small_pdf};

#[test]
fn a_write_fault_refuses_the_act_and_never_half_does_it() {
    let (mut appliance, client) = ready();
    appliance.stop();
    let folder = corpus::scratch();
    let fault = Fault::prepare(folder.path(), &appliance.database());
    appliance.run_with(fault.environment());
    appliance.serve();
    appliance.unseal();
    let mut sealed = 1;
    client.seal(PLACE, small_pdf()).is(201);
    for errno in [Errno::Nospc, Errno::Io, Errno::Nospc] {
        // The house's own upkeep may go on as soon as the disk does; of sealing nothing may be told.
        let told = "SELECT count(*) FROM entries WHERE CAST(body AS TEXT) LIKE '%document.seal%'";
        let (state, acts) = (appliance.state(), appliance.sql(told));
        assert_ne!(acts, ["0"], "the log tells of seals");
        fault.on(errno);
        for _ in 0..3 {
            let answer = client.seal(PLACE, small_pdf());
            assert_eq!(answer.status, 503, "{errno:?}: {}", answer.told());
            assert_eq!(answer.problem(), "store-unavailable");
        }
        fault.off();
        assert_eq!(appliance.state(), state, "{errno:?}: state changed");
        assert_eq!(appliance.sql(told), acts, "{errno:?}: the log tells of a seal");
        process::eventually("work goes on when the disk does", Duration::from_secs(15), || {
            (client.seal(PLACE, small_pdf()).status == 201).then_some(())
        });
        sealed += 1;
    }
    appliance.stop();
    appliance.audit_verify(&[]).ok();
    let uses: usize = appliance.sql("SELECT count(*) FROM seal_uses")[0].parse().unwrap();
    assert_eq!(uses, sealed);
}
