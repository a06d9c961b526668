//! The main job on PostgreSQL: the same acts, the same proofs, the same tampering found.

use support::postgres::Postgres;
use support::{Setup, corpus, judges};

use crate::{PLACE, ready_with, small_pdf};

#[test]
fn the_main_job_runs_on_postgresql_and_tampering_is_named() {
    let server = Postgres::start();
    let url = server.database("cinnabar");
    let (mut appliance, client) =
        ready_with(Setup { init: vec!["--database".into(), url], ..Setup::default() });
    let folder = corpus::scratch();
    let sealed = folder.path().join("sealed.pdf");
    let answer = client.seal(PLACE, small_pdf()).is(201);
    std::fs::write(&sealed, &answer.body).unwrap();
    judges::pdfsig_accepts(&sealed, 1);
    judges::pyhanko_accepts(&sealed, &appliance.certificate("root"));
    let receipt = folder.path().join("receipt");
    std::fs::write(&receipt, client.get(&format!("/v1/receipts/{}", answer.leaf())).is(200).body).unwrap();
    let key = appliance.log_key().display().to_string();
    appliance.cli(&["receipt", "verify", &receipt.display().to_string(), "--log-key", &key]).ok();
    appliance.stop();
    appliance.audit_verify(&[]).ok();

    let tamper = |sql: &str, names: &str| {
        server.psql("cinnabar", sql).ok();
        let told = appliance.audit_verify(&[]);
        assert_eq!(told.code, Some(1), "{sql}: {}", told.told());
        assert!(told.told().contains(names), "{sql}: {}", told.told());
    };
    tamper("UPDATE organisations SET name = name || 'x' WHERE id = 'bureau'", "bureau");
    server.psql("cinnabar", "UPDATE organisations SET name = left(name, -1) WHERE id = 'bureau'").ok();
    appliance.audit_verify(&[]).ok();
    tamper("UPDATE seal_uses SET case_number = 'other'", "seal_uses");
}
