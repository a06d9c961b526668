//! Several makers at once, and makers that do not come to the end.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use appliance::identity::{Caller, CallerKind, Registration, Role};
use appliance::policy::{Facts, MakeSeal, Resource};
use appliance::seals::{records, service};

use super::*;

fn officer(id: &str) -> std::sync::Arc<Caller> {
    let registration = Registration {
        id: id.into(),
        kind: CallerKind::Officer,
        uri: format!("urn:cinnabar:demo:officer:{id}"),
        organisation: "appliance".into(),
        person: Some(id.into()),
        roles: vec![Role::SecurityOfficer],
        active: true,
    };
    Caller::new(&registration, &"ab".repeat(32), "1f")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_makers_of_one_application_make_one_seal() {
    let (house, machine) = office().await;
    let applied = house.apply(&machine, &new_seal("hall"), Some(&picture())).await.json();
    let id = applied["id"].as_str().unwrap().to_owned();
    assert_eq!(house.step(&house.officer(2), &id, "approve").await.status, 200);
    let (one, two) = (house.officer(1), house.officer(9));
    let (first, second) =
        tokio::join!(house.step(&one, &id, "carry-out"), house.step(&two, &id, "carry-out"));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200, "{:?} {:?}", first.body, second.body);
    assert!([409, 412].contains(&statuses[1]), "{:?} {:?}", first.body, second.body);
    assert_eq!(count(&house, "SELECT count(*) AS n FROM seals").await, 1);
    assert_eq!(count(&house, "SELECT count(*) AS n FROM seal_versions").await, 1);
    assert_eq!(
        count(&house, "SELECT count(*) AS n FROM certificates WHERE profile = 'seal-organisation'").await,
        1
    );
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_made_at_the_same_time_have_different_codes_and_filing_numbers() {
    let (house, machine) = office().await;
    let mut approved = Vec::new();
    for number in 0..8 {
        let applied = house.apply(&machine, &new_seal(&format!("s{number}")), Some(&picture())).await.json();
        let id = applied["id"].as_str().unwrap().to_owned();
        assert_eq!(house.step(&house.officer(2), &id, "approve").await.status, 200);
        approved.push(id);
    }
    let maker = house.officer(1);
    let made =
        futures_util::future::join_all(approved.iter().map(|id| house.step(&maker, id, "carry-out"))).await;
    assert!(
        made.iter().all(|answer| answer.status == 200),
        "{:?}",
        made.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    let (mut codes, mut filings) = (HashSet::new(), HashSet::new());
    for number in 0..8 {
        let seal = seal(&house, &format!("s{number}")).await;
        codes.insert(seal["code"].as_str().unwrap().to_owned());
        filings.insert(seal["filing"].as_str().unwrap().to_owned());
    }
    assert_eq!((codes.len(), filings.len()), (8, 8));
}

/// Polls a future so many times and drops it.
fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return Some(done);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_making_that_breaks_off_leaves_no_half_made_seal_and_can_be_repeated() {
    let (house, machine) = office().await;
    let applied = house.apply(&machine, &new_seal("hall"), Some(&picture())).await.json();
    let id = applied["id"].as_str().unwrap().to_owned();
    assert_eq!(house.step(&house.officer(2), &id, "approve").await.status, 200);
    let mut done = false;
    for times in 1..400 {
        let row = records::application(&house.app.db, &id).await.unwrap().unwrap();
        let facts = Facts {
            applicant: Some("machine:approvals".into()),
            approver: Some("officer-2".into()),
            ..Facts::of_request("r")
        };
        let resource = Resource::seal_application(&id, "bureau", "approvals").at_version(row.version());
        let permit = house.app.policy.decide::<MakeSeal>(&officer("officer-1"), resource, facts).unwrap();
        let outcome = polled(service::make(&house.app, &permit, row), times);
        // What was committed when the maker broke off is whole, or not there: all counts in one look.
        let sql = "SELECT (SELECT count(*) FROM seals) AS seals, \
                   (SELECT count(*) FROM seal_versions WHERE state = 'active') AS versions, \
                   (SELECT count(*) FROM certificates WHERE profile = 'seal-organisation') AS certificates, \
                   (SELECT count(*) FROM seal_applications WHERE state = 'done') AS finished";
        let found = house.app.db.fetch_optional(sql, &[]).await.unwrap().unwrap();
        let [seals, versions, certificates, finished] =
            ["seals", "versions", "certificates", "finished"].map(|name| found.int(name).unwrap());
        assert_eq!([versions, certificates, finished], [seals; 3], "after {times} polls");
        if seals == 1 {
            // By this attempt, or by one that broke off while it was being committed.
            done = true;
            break;
        }
        assert!(outcome.is_none(), "it ended without a seal after {times} polls: {outcome:?}");
    }
    assert!(done, "it never came to the end");
    // The numbers of what broke off stay used.
    assert_ne!(seal(&house, "hall").await["code"], "37030000000001");
    audited(&house).await;
}
