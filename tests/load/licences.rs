//! Load of issuing: `POST /v1/licences` over mutual TLS, the food-operation permit that ships, each answer a licence of its own
//! with sealed pages and credentials on record. `licence.issue.cpu_ms` is the processor time of the server's process for one.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use support::client::{request, unique};
use support::licences::{FOOD, LICENSING, food_fields};
use support::{Appliance, Client};

use crate::Figures;
use crate::driven::{Phase, driven};

/// Sets up a throw-away appliance and keeps `connections` busy for `seconds`, after two of warming up.
pub fn measure(connections: usize, seconds: u64) -> Figures {
    let appliance = Appliance::start();
    appliance.published_type("food-operation-permit");
    let client = appliance.client(LICENSING);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    runtime.block_on(load(&client, appliance.pid(), connections, seconds))
}

async fn load(client: &Client, pid: u32, connections: usize, seconds: u64) -> Figures {
    let phase = Phase::default();
    let order = Bytes::from(json!({ "type": FOOD, "fields": food_fields() }).to_string());
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (client, order, phase) = (client.clone(), order.clone(), phase.clone());
            tokio::spawn(async move { worker(&client, &order, &phase).await })
        })
        .collect();
    driven(pid, seconds, &phase, workers).await
}

/// One connection, one licence after the other.
async fn worker(client: &Client, order: &Bytes, phase: &Phase) -> Vec<Duration> {
    let mut connection = client.connect().await.expect("connection");
    let mut times = Vec::new();
    while !phase.stop.load(Ordering::Relaxed) {
        let key = unique();
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let began = Instant::now();
        let answer = connection.send(request("POST", "/v1/licences", &headers, order.clone())).await;
        let answer = answer.expect("answer");
        let took = began.elapsed();
        assert_eq!(answer.status, 201, "{}", answer.told());
        if phase.measuring.load(Ordering::Relaxed) {
            times.push(took);
        }
    }
    times
}

/// Prints the figures, for scripts or for people.
pub fn report(figures: &Figures, connections: usize, seconds: u64, json: bool) {
    let all = [
        ("licence.issue.cpu_ms", figures.cpu_ms, "ms"),
        ("licence.issue.per_s", figures.per_second, "1/s"),
        ("licence.issue.p50_ms", figures.p50_ms, "ms"),
        ("licence.issue.p99_ms", figures.p99_ms, "ms"),
    ];
    if !json {
        println!("licences issued, {connections} connections, {seconds} s, client on the same machine");
    }
    for (name, value, unit) in all {
        if json {
            println!("{}", json!({ "name": name, "value": value, "unit": unit }));
        } else {
            println!("{name:<24}{value:>12.3} {unit}");
        }
    }
}
