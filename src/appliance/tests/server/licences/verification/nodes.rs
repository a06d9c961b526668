//! What one node does to a licence, every other one knows within five seconds.

use std::time::{Duration, Instant};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_is_seen_on_every_node_within_five_seconds_on_both_databases() {
    for world in worlds().await {
        let put = Put::active("WATCHED001");
        world.put(&put).await;
        let node = world.house.node("second").await;
        let question = json!({ "identifier": put.name(), "field": "operator", "value": OPERATOR });
        let mut first = world.house.connect(&world.verifier).await;
        let mut second = world.house.try_connect_to(node.platform, Some(&world.verifier)).await.unwrap();
        for (state, code) in [("suspended", 2), ("active", 0), ("revoked", 3)] {
            // Long enough for both nodes to rely on what they read.
            for _ in 0..3 {
                for client in [&mut first, &mut second] {
                    assert_eq!(client.post("/v1/licence-verifications", &question).await.status, 200);
                }
                tokio::time::sleep(Duration::from_millis(600)).await;
            }
            world.turn("WATCHED001", state).await;
            let since = Instant::now();
            for client in [&mut first, &mut second] {
                loop {
                    let verdict = client.post("/v1/licence-verifications", &question).await.json();
                    if verdict["code"] == code {
                        break;
                    }
                    assert!(since.elapsed() < Duration::from_secs(5), "{} {state} {verdict}", world.kind);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        node.stop.stop();
        let _ = node.running.await;
    }
}
