//! Licences under faults, by the real binary: killed in the middle of their lives, on a disk that fills, encrypted by SM4, signed
//! while the signer of credentials changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::{Value, json};
use support::client::request;
use support::fault::{Errno, Fault};
use support::licences::{FOOD, LICENSING, food_fields};
use support::postgres::Postgres;
use support::process::eventually;
use support::{Appliance, Client, Setup, corpus};

const SECRETS: [&str; 3] = ["990101199003070015", "张某某", "13800138000"];

/// An appliance with the food-operation permit published.
fn office(setup: Setup) -> (Appliance, Client) {
    let appliance = Appliance::start_with(setup);
    appliance.published_type("food-operation-permit");
    let client = appliance.client(LICENSING);
    (appliance, client)
}

fn order(number: usize) -> Value {
    let mut fields = food_fields();
    fields.insert("permit_number".to_owned(), json!(format!("JY29901010{number:06}")));
    json!({ "type": FOOD, "fields": fields, "case_number": format!("2026-{number}") })
}

fn one(appliance: &Appliance, sql: &str) -> String {
    appliance.sql(sql).join("\n")
}

// --- kill -9 ---------------------------------------------------------------------------------------------------------

/// What a client was told of an act: which licence, which act.
type Answered = Arc<Mutex<HashMap<u64, (String, &'static str)>>>;

#[test]
fn every_act_of_a_licences_life_survives_kill_9_and_none_is_half_done() {
    let sql = |appliance: &Appliance, sql: &str| appliance.sql(sql);
    killed_in_the_middle(Setup::default(), &sql);
}

#[test]
fn the_same_on_postgresql() {
    let server = Postgres::start();
    let setup = Setup { init: vec!["--database".into(), server.database("cinnabar")], ..Setup::default() };
    let sql = |_: &Appliance, sql: &str| {
        let done = server.psql("cinnabar", sql).ok();
        done.stdout.lines().map(ToOwned::to_owned).collect()
    };
    killed_in_the_middle(setup, &sql);
}

fn killed_in_the_middle(setup: Setup, sql: &dyn Fn(&Appliance, &str) -> Vec<String>) {
    const LICENCES: usize = 4;
    const ROUNDS: u32 = 8;
    let (mut appliance, client) = office(setup);
    let ids: Vec<String> = (0..LICENCES)
        .map(|number| {
            client.post("/v1/licences", &order(number)).is(201).json()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let answered = Answered::default();
    for round in 0..ROUNDS {
        live_until_killed(
            &mut appliance,
            &client,
            &ids,
            &answered,
            Duration::from_millis(60 + u64::from(round * 7919 % 700)),
        );
        appliance.serve();
        appliance.unseal();
    }
    let answered = answered.lock().unwrap().clone();
    assert!(answered.len() > ROUNDS as usize * 2, "hardly any load: {}", answered.len());

    // Each answered act is an event of its licence, once.
    let mut events: BTreeMap<u64, Vec<(String, String)>> = BTreeMap::new();
    for row in sql(&appliance, "SELECT leaf, licence, operation FROM licence_events ORDER BY id") {
        let mut cells = row.splitn(3, '|');
        let leaf =
            cells.next().unwrap().parse().unwrap_or_else(|_| panic!("an event without its leaf: {row}"));
        let (licence, operation) = (cells.next().unwrap().to_owned(), cells.next().unwrap().to_owned());
        events.entry(leaf).or_default().push((licence, operation));
    }
    for (leaf, (licence, operation)) in &answered {
        let expected = vec![(licence.clone(), (*operation).to_owned())];
        assert_eq!(events.get(leaf), Some(&expected), "answered, and in the log once");
    }
    // Each licence is in one state, the one that its events lead to, with the versions that they made.
    for id in &ids {
        let told = |text: &str| sql(&appliance, &text.replace("ID", &format!("'{id}'"))).join("\n");
        let rows = format!(
            "SELECT operation, coalesce(before, ''), after FROM licence_events WHERE licence = '{id}' ORDER BY id"
        );
        let rows = sql(&appliance, &rows);
        let mut state = String::new();
        for row in &rows {
            let cells: Vec<&str> = row.split('|').collect();
            assert_eq!(cells[1], state, "{id}: {rows:?}");
            cells[2].clone_into(&mut state);
        }
        assert_eq!(told("SELECT state FROM licences WHERE id = ID"), state, "{id}");
        let changes =
            rows.iter().filter(|row| row.starts_with("change|") || row.starts_with("renew|")).count();
        let versions = (changes + 1).to_string();
        for sql in [
            "SELECT number FROM licences WHERE id = ID",
            "SELECT count(*) FROM licence_versions WHERE licence = ID",
            "SELECT count(DISTINCT number) FROM licence_versions WHERE licence = ID",
            "SELECT number FROM licence_versions WHERE licence = ID AND state = 'active'",
            "SELECT v.number FROM licences l JOIN licence_versions v ON v.id = l.identifier WHERE l.id = ID",
        ] {
            assert_eq!(told(sql), versions, "{id}: {sql}");
        }
        let listed = if state == "suspended" { "2" } else { "0" };
        // Each version has a place of its own; those of the superseded ones are void.
        let own = "SELECT s.value FROM licences l JOIN licence_statuses s \
                   ON s.id = CAST(l.status_list AS TEXT) || ':' || CAST(l.status_index AS TEXT) WHERE l.id = ID";
        assert_eq!(told(own), listed, "{id} is {state}");
        let void = "SELECT count(*) FROM licence_statuses WHERE licence = ID AND value = 1";
        assert_eq!(told(void), changes.to_string(), "{id}");
        assert_eq!(
            told(
                "SELECT count(*) FROM licence_artefacts a JOIN licences l ON a.identifier = l.identifier WHERE l.id = ID"
            ),
            "5",
            "{id}"
        );
        // It opens, and goes on living.
        let read = client.get(&format!("/v1/licences/{id}?fields=all")).is(200).json();
        assert_eq!(
            (read["state"].as_str(), &read["fields"]["representative"]),
            (Some(state.as_str()), &json!("张某某"))
        );
        assert!(
            client.get(&format!("/v1/licences/{id}/documents/original")).is(200).body.starts_with(b"%PDF-")
        );
        let next = if state == "suspended" { act("resume", 0) } else { act("suspend", 0) };
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        client.call("POST", &format!("/v1/licences/{id}/{}", next.0), &headers, next.1.to_string()).is(200);
    }
    appliance.stop();
    appliance.audit_verify(&[]).ok();
    println!("{ROUNDS} rounds, {} answers, {} events", answered.len(), events.len());
}

/// An act and what it has to be told.
fn act(operation: &'static str, turn: usize) -> (&'static str, Value) {
    let body = match operation {
        "suspend" => {
            json!({ "ground": "rectification", "reason": "限期整改", "basis": "食品安全法第一百二十六条" })
        }
        "resume" => json!({ "reason": "整改完成" }),
        "renew" => json!({}),
        _ => json!({ "reason": "迁址", "fields": { "premises": format!("示例区一路{turn}号一层") } }),
    };
    (operation, body)
}

/// One connection for each licence carries its life on until the process is killed.
fn live_until_killed(
    appliance: &mut Appliance,
    client: &Client,
    ids: &[String],
    answered: &Answered,
    pause: Duration,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let workers: Vec<_> = ids
        .iter()
        .map(|id| {
            let (client, id, answered) = (client.clone(), id.clone(), answered.clone());
            runtime.spawn(async move {
                let Ok(mut connection) = client.connect().await else { return };
                for turn in 0..10_000 {
                    // Where the killed process left off is not known: what does not fit its state is refused and passed over.
                    let (operation, body) = act(["suspend", "resume", "change", "renew"][turn % 4], turn);
                    let path = format!("/v1/licences/{id}/{operation}");
                    let headers = [("content-type", "application/json"), ("if-match", "*")];
                    match connection
                        .send(request("POST", &path, &headers, Bytes::from(body.to_string())))
                        .await
                    {
                        Ok(answer) if answer.status == 200 => {
                            let told =
                                answered.lock().unwrap().insert(answer.leaf(), (id.clone(), operation));
                            assert!(told.is_none(), "leaf {} was given twice", answer.leaf());
                        }
                        Ok(answer) => {
                            assert!(
                                [409, 422, 503].iter().any(|refused| answer.status == *refused),
                                "{}",
                                answer.told()
                            )
                        }
                        Err(_killed) => return,
                    }
                }
            })
        })
        .collect();
    let first = answered.lock().unwrap().len();
    let end = Instant::now() + Duration::from_secs(20);
    while answered.lock().unwrap().len() < first + 2 && Instant::now() < end {
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

// --- a disk that takes no more ---------------------------------------------------------------------------------------

#[test]
fn a_full_disk_issues_no_half_licence_and_a_batch_waits_for_it() {
    const LINES: usize = 60;
    let (mut appliance, client) = office(Setup::default());
    appliance.stop();
    let folder = corpus::scratch();
    let fault = Fault::prepare(folder.path(), &appliance.database());
    appliance.run_with(fault.environment());
    appliance.serve();
    appliance.unseal();
    client.post("/v1/licences", &order(0)).is(201);
    let made = "SELECT (SELECT count(*) FROM licences), (SELECT count(*) FROM licence_versions), \
                (SELECT count(*) FROM licence_artefacts), (SELECT count(*) FROM licence_holders), \
                (SELECT count(*) FROM licence_events), (SELECT count(*) FROM licence_statuses), \
                (SELECT count(*) FROM seal_uses)";
    for errno in [Errno::Nospc, Errno::Io] {
        let before = one(&appliance, made);
        fault.on(errno);
        for number in 1..4 {
            let answer = client.post("/v1/licences", &order(number));
            assert_eq!(answer.status, 503, "{errno:?}: {}", answer.told());
            assert_eq!(answer.problem(), "store-unavailable");
        }
        fault.off();
        assert_eq!(one(&appliance, made), before, "{errno:?}: half a licence");
        eventually("issuing goes on when the disk does", Duration::from_secs(30), || {
            (client.post("/v1/licences", &order(4)).status == 201).then_some(())
        });
    }
    let before: usize = one(&appliance, "SELECT count(*) FROM licences").parse().unwrap();

    let lines: Vec<String> = (0..LINES)
        .map(|number| {
            let mut line = order(100 + number);
            line.as_object_mut().unwrap().remove("type");
            line.to_string()
        })
        .collect();
    let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "job-1")];
    let path = format!("/v1/licence-jobs?type={FOOD}");
    let job = client.call("POST", &path, &headers, lines.join("\n")).is(201).json();
    let path = format!("/v1/licence-jobs/{}", job["id"].as_str().unwrap());
    let told = || client.get(&path).is(200).json();
    let number = |job: &Value, name: &str| usize::try_from(job[name].as_u64().unwrap()).unwrap();
    eventually("the batch is under way", Duration::from_secs(60), || {
        (number(&told(), "done") > 3).then_some(())
    });
    fault.on(Errno::Nospc);
    std::thread::sleep(Duration::from_secs(3));
    let stuck = number(&told(), "done");
    std::thread::sleep(Duration::from_secs(2));
    let now = told();
    assert_eq!(
        (number(&now, "done"), number(&now, "failed")),
        (stuck, 0),
        "nothing is done, nothing is lost: {now}"
    );
    assert!(stuck < LINES, "the disk filled in the middle: {now}");
    fault.off();
    let done = eventually("the batch goes on when the disk does", Duration::from_secs(180), || {
        let job = told();
        assert_ne!(job["state"], "stopped", "a disk that fills passes: {job}");
        (job["state"] == "done").then_some(job)
    });
    assert_eq!((number(&done, "done"), number(&done, "failed")), (LINES, 0), "{done}");
    let counted = format!("{0}|{0}", before + LINES);
    assert_eq!(one(&appliance, "SELECT count(*), count(DISTINCT identifier) FROM licences"), counted);
    let cases = "SELECT count(DISTINCT case_number) FROM licence_versions WHERE case_number LIKE '2026-1__'";
    assert_eq!(one(&appliance, cases), LINES.to_string(), "each line once");
    appliance.stop();
    appliance.audit_verify(&[]).ok();
}

// --- SM4 at rest -----------------------------------------------------------------------------------------------------

#[test]
fn licences_are_kept_by_sm4_where_the_keystore_is_of_that_suite() {
    let mut setup = Setup::both_suites();
    setup.init.extend(["--keystore-suite".to_owned(), "shangmi".to_owned()]);
    let (mut appliance, client) = office(setup);
    let issued = client.post("/v1/licences", &order(1)).is(201).json();
    let id = issued["id"].as_str().unwrap().to_owned();
    // Octet 0 of what is encrypted names the algorithm: 2 is SM4-GCM, in every table that keeps some.
    let algorithms = |appliance: &Appliance| {
        appliance.sql(
            "SELECT hex(substr(sealed, 1, 1)) FROM licence_versions UNION ALL \
             SELECT hex(substr(sealed, 1, 1)) FROM licence_artefacts UNION ALL \
             SELECT hex(substr(words, 1, 1)) FROM licence_events WHERE words IS NOT NULL UNION ALL \
             SELECT hex(substr(sealed, 1, 1)) FROM licence_job_rows WHERE sealed IS NOT NULL",
        )
    };
    let path = format!("/v1/licences/{id}");
    let headers = [("content-type", "application/json"), ("if-match", "*")];
    for operation in ["suspend", "resume", "change"] {
        let (operation, body) = act(operation, 7);
        client.call("POST", &format!("{path}/{operation}"), &headers, body.to_string()).is(200);
    }
    let found = algorithms(&appliance);
    assert!(found.len() >= 15 && found.iter().all(|algorithm| algorithm == "02"), "{found:?}");
    let read = || {
        let read = client.get(&format!("{path}?fields=all")).is(200).json();
        assert_eq!(read["fields"]["representative_id"], "990101199003070015");
        assert!(client.get(&format!("{path}/documents/original")).is(200).body.starts_with(b"%PDF-"));
    };
    read();
    let wrapped = "SELECT wrapped_by, hex(data_key) FROM licences";
    let before = one(&appliance, wrapped);
    appliance.cli_as("officer-1", &["licence", "keys", "rotate", "all"]).ok();
    eventually("everything is under the new keys", Duration::from_secs(60), || {
        read();
        let keys = appliance.cli_as("officer-1", &["licence", "keys", "show", "--json"]).ok().json();
        (keys["to_rewrap"] == 0 && keys["to_rehash"] == 0).then_some(())
    });
    let after = one(&appliance, wrapped);
    assert!(after.starts_with("licences-2|") && after != before, "{after}");
    // Through a restart, and found by its holder's number under the new key; a thief learns nothing.
    appliance.kill();
    appliance.serve();
    appliance.unseal();
    read();
    client.post("/v1/licences", &order(2)).is(201);
    appliance.machine("inspection", &["verifier"]);
    let query = ["licence", "query", "--type", FOOD, "--holder", "001:91990000MA0E000186", "--purpose"];
    let case = [
        "catering-inspection",
        "--item",
        "000131002000",
        "--case-number",
        "C-2",
        "--operator",
        "李办事",
        "--json",
    ];
    let taken = appliance.cli_as("inspection", &[&query[..], &case[..]].concat()).ok().json();
    assert_eq!(taken["licences"].as_array().map(Vec::len), Some(2), "{taken}");
    assert!(algorithms(&appliance).iter().all(|algorithm| algorithm == "02"));
    let dump = appliance.sql(".dump").join("\n");
    for secret in SECRETS {
        assert!(!dump.contains(secret), "{secret} stands in the database");
        assert!(!dump.to_uppercase().contains(&hex::encode_upper(secret)), "{secret} stands in octets");
    }
    appliance.stop();
    appliance.audit_verify(&[]).ok();
}

// --- the signer of credentials changes -------------------------------------------------------------------------------

/// The certificate that a licence's credential was signed with, base64 of its DER.
fn signed_with(client: &Client, licence: &Value) -> String {
    let path = format!("/v1/licences/{}/documents/credential", licence["id"].as_str().unwrap());
    let credential = String::from_utf8(client.get(&path).is(200).body.to_vec()).unwrap();
    let header = URL_SAFE_NO_PAD.decode(credential.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["x5c"][0].as_str().unwrap().to_owned()
}

#[test]
fn a_new_signer_of_credentials_is_named_to_others_before_it_signs() {
    let mut appliance = Appliance::init(Setup::default());
    let own = "[recognition]\nregion = \"example\"\nname = \"示例省\"\nname_en = \"Example Province\"\n\
               divisions = [\"990000\"]";
    appliance.configure("[recognition]", own);
    appliance.serve();
    appliance.unseal();
    appliance.published_type("food-operation-permit");
    let client = appliance.client(LICENSING);
    let folder = corpus::scratch();
    let certificate = |appliance: &Appliance, label: &str| {
        let sql = format!(
            "SELECT hex(c.der) FROM authorities a JOIN certificates c ON c.id = a.certificate WHERE a.id = '{label}'"
        );
        STANDARD.encode(hex::decode(one(appliance, &sql)).unwrap())
    };
    let first = certificate(&appliance, "credential-signer");
    assert_eq!(signed_with(&client, &client.post("/v1/licences", &order(1)).is(201).json()), first);
    appliance.cli_as("officer-1", &["key", "rotate", "credential-signer"]).ok();
    let second = certificate(&appliance, "credential-signer-2");
    // Named at once, in use not yet: nobody elsewhere knows of it.
    let entry = folder.path().join("entry.jwt");
    appliance.cli(&["trust-list", "entry", "--out", &entry.display().to_string()]).ok();
    let entry = std::fs::read_to_string(&entry).unwrap();
    let entry = URL_SAFE_NO_PAD.decode(entry.trim().split('.').nth(1).unwrap()).unwrap();
    let entry = String::from_utf8(entry).unwrap();
    for known in [&first, &second] {
        assert!(entry.contains(known.as_str()), "the entry does not name {known}: {entry}");
    }
    assert_eq!(signed_with(&client, &client.post("/v1/licences", &order(2)).is(201).json()), first);
    // Once it has been named for long enough, it signs; what the former one signed holds on.
    appliance.stop();
    appliance.configure("successor_hours = 168", "successor_hours = 0");
    appliance.serve();
    appliance.unseal();
    let third = client.post("/v1/licences", &order(3)).is(201).json();
    assert_eq!(signed_with(&client, &third), second);
    appliance.machine("inspection", &["verifier"]);
    for number in [1, 3] {
        let sql = format!("SELECT id FROM licence_versions WHERE case_number = '2026-{number}'");
        let identifier = one(&appliance, &sql);
        let path = format!("/v1/licences/{identifier}/documents/qr");
        let symbol = String::from_utf8(client.get(&path).is(200).body.to_vec()).unwrap();
        let verdict =
            appliance.client("inspection").post("/v1/licence-verifications", &json!({ "qr": symbol }));
        assert_eq!(verdict.is(200).json()["code"], 0, "{number}");
    }
    // A signer whose certificate is revoked waits for nobody.
    appliance.stop();
    appliance.configure("successor_hours = 0", "successor_hours = 168");
    appliance.serve();
    appliance.unseal();
    assert_eq!(signed_with(&client, &client.post("/v1/licences", &order(4)).is(201).json()), first);
    let fingerprint = one(&appliance, "SELECT certificate FROM authorities WHERE id = 'credential-signer'");
    appliance.cli_as("officer-1", &["certificate", "revoke", &fingerprint, "--reason", "keyCompromise"]).ok();
    eventually("the successor signs at once", Duration::from_secs(15), || {
        let licence = client.post("/v1/licences", &order(5)).is(201).json();
        (signed_with(&client, &licence) == second).then_some(())
    });
    appliance.stop();
    appliance.audit_verify(&[]).ok();
}
