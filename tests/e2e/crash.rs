//! The process is killed at random moments under load. Every answer that reached a client is in the log afterwards and its
//! receipt verifies; the log re-derives from the rows. `CINNABAR_CRASH_ROUNDS` sets the number of rounds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::client::{request, unique};
use support::{Appliance, Client};

use crate::{PLACE, ready, small_pdf};

/// Never longer than this, whatever the number of rounds.
const PATIENCE: Duration = Duration::from_secs(420);

#[test]
fn every_answer_that_left_survives_kill_9() {
    let rounds: u32 = std::env::var("CINNABAR_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(50);
    let (mut appliance, client) = ready();
    let began = Instant::now();
    // What clients were told: leaf → digest of the sealed document they hold.
    let answered = Arc::new(Mutex::new(HashMap::<u64, u64>::new()));
    let mut done = 0;
    for round in 0..rounds {
        let pause = Duration::from_millis(20 + u64::from(round * 7919 % 180));
        load_until_killed(&mut appliance, &client, &answered, pause);
        appliance.serve();
        appliance.unseal();
        done = round + 1;
        if began.elapsed() > PATIENCE {
            break;
        }
    }
    assert!(done == rounds || done >= 20, "only {done} of {rounds} rounds within {PATIENCE:?}");
    let answered = answered.lock().unwrap().clone();
    assert!(
        answered.len() > usize::try_from(done).unwrap(),
        "hardly any load: {} answers in {done} rounds",
        answered.len()
    );

    // In the log, each exactly once…
    let logged: HashMap<u64, u64> = appliance
        .sql("SELECT leaf, result_length FROM seal_uses ORDER BY leaf")
        .iter()
        .map(|row| row.split_once('|').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).unwrap())
        .collect();
    let lost: Vec<_> = answered.iter().filter(|(leaf, length)| logged.get(leaf) != Some(length)).collect();
    assert!(lost.is_empty(), "answered but not recorded: {lost:?}");
    // …its receipt verifies (a sample; the log as a whole is re-derived below)…
    let key = appliance.log_key().display().to_string();
    let folder = support::corpus::scratch();
    let mut leaves: Vec<u64> = answered.keys().copied().collect();
    leaves.sort_unstable();
    for leaf in leaves.iter().step_by((leaves.len() / 25).max(1)) {
        let file = folder.path().join("receipt");
        std::fs::write(&file, client.get(&format!("/v1/receipts/{leaf}")).is(200).body).unwrap();
        appliance.cli(&["receipt", "verify", &file.display().to_string(), "--log-key", &key]).ok();
    }
    // …and the whole re-derives.
    appliance.audit_verify(&[]).ok();
    println!("{done} rounds, {} answers, {} recorded, {:?}", answered.len(), logged.len(), began.elapsed());
}

/// Four connections seal as fast as they can until the process is killed under them.
fn load_until_killed(
    appliance: &mut Appliance,
    client: &Client,
    answered: &Arc<Mutex<HashMap<u64, u64>>>,
    pause: Duration,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pdf = bytes::Bytes::from(small_pdf());
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (client, pdf, answered) = (client.clone(), pdf.clone(), answered.clone());
            runtime.spawn(async move {
                let Ok(mut connection) = client.connect().await else { return };
                loop {
                    let key = unique();
                    let headers = [("content-type", "application/pdf"), ("idempotency-key", key.as_str())];
                    let path = format!("/v1/documents/seal?{PLACE}");
                    match connection.send(request("POST", &path, &headers, pdf.clone())).await {
                        Ok(answer) if answer.status == 201 => {
                            let before =
                                answered.lock().unwrap().insert(answer.leaf(), answer.body.len() as u64);
                            assert!(before.is_none(), "leaf {} was given twice", answer.leaf());
                        }
                        Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.told()),
                        Err(_killed) => return,
                    }
                }
            })
        })
        .collect();
    // The first answers must have come, or a slow machine would kill an idle process.
    let first = answered.lock().unwrap().len();
    let end = Instant::now() + Duration::from_secs(5);
    while answered.lock().unwrap().len() == first && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(pause);
    appliance.kill();
    runtime.block_on(async {
        for worker in workers {
            worker.await.expect("a worker's own checks");
        }
    });
}
