//! Many at once, and answers that are lost.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use appliance::licences::showing::model::Redeeming;
use appliance::licences::showing::redeem::{Viewer, redeem};

use super::*;
use crate::seals::count;

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_who_redeem_a_code_of_three_uses_three_are_served() {
    for world in worlds().await {
        let code = world.code(json!({ "uses": 3 })).await;
        let node = world.house.node("second").await;
        let tried = (0..20).map(|number| {
            let (world, code, node) = (&world, &code, &node);
            async move {
                let to = if number % 2 == 0 { world.house.platform[0] } else { node.platform };
                let who = if number % 3 == 0 { &world.inspection } else { &world.health };
                let mut client = world.house.try_connect_to(to, Some(who)).await.unwrap();
                client.post("/v1/show-codes/redeem", &json!({ "code": code })).await
            }
        });
        let answers = futures_util::future::join_all(tried).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(
            statuses.iter().filter(|status| **status == 200).count(),
            3,
            "{} {statuses:?}",
            world.kind
        );
        assert!(statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
        let mut left: Vec<_> = answers.iter().filter_map(|answer| answer.json()["left"].as_i64()).collect();
        left.sort_unstable();
        assert_eq!(left, [0, 1, 2]);
        assert_eq!(count(&world.house, "SELECT count(*) AS n FROM licence_uses").await, 3);
        crate::seals::audited(&world.house).await;
        node.stop.stop();
        drop(node.running.await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_made_at_once_under_a_delegation_are_as_many_as_it_allows() {
    for world in worlds().await {
        let until = jiff::Timestamp::from_second(crate::house::now() + 3600).unwrap().to_string();
        let new = json!({ "licence": identifier(SHOP, 1), "holder": holder(), "agent": agent(), "until": until,
            "count": 3 });
        let made = world.post(&world.platform, "/v1/licence-delegations", &new).await;
        let id = made.json()["id"].clone();
        let asked = (0..10).map(|_| world.show(json!({ "holder": agent(), "delegation": id })));
        let answers = futures_util::future::join_all(asked).await;
        let given = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(given, 3, "{} {:?}", world.kind, answers.iter().map(|a| a.status).collect::<Vec<_>>());
        assert_eq!(count(&world.house, "SELECT used AS n FROM licence_delegations").await, 3);
    }
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
async fn a_use_whose_answer_is_lost_was_counted_and_recorded() {
    let world = world().await;
    let app = &world.house.app;
    let viewer = Viewer::stranger("192.0.2.1".parse().unwrap(), "request");
    let mut lost = 0;
    // Broken off after each number of polls in turn: use and record are both there, or neither is.
    for times in 1..60 {
        let code = world.code(json!({})).await;
        let outcome =
            polled(redeem(app, &viewer, &Redeeming { code: code.clone(), ..Redeeming::default() }), times);
        // Whatever was handed to the log before the break has landed when a later act has.
        world.change(SHOP, &[("updated", i64::try_from(times).unwrap().into())]).await;
        let sql = "SELECT (SELECT count(*) FROM licence_uses) AS seen, (SELECT sum(used) FROM licence_show_codes) AS used";
        let found = app.db.fetch_optional(sql, &[]).await.unwrap().unwrap();
        let (seen, used) = (found.int("seen").unwrap(), found.int("used").unwrap());
        assert_eq!(seen, used, "after {times} polls");
        if outcome.is_none() && used > 0 {
            lost += 1;
            let again = redeem(app, &viewer, &Redeeming { code, ..Redeeming::default() }).await;
            assert_eq!(again.unwrap_err().kind().name(), "show-code-unusable", "it is not served twice");
        }
        if outcome.is_some() || lost > 0 {
            break;
        }
        world.time_passes().await;
    }
    crate::seals::audited(&world.house).await;
}
