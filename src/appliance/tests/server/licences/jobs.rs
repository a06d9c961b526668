//! Batch work: many licences from one file, each once, whatever happens in between.

use serde_json::{Value, json};

use super::*;
use crate::seals::{audited, count};

/// Hands a file in; the job.
async fn begun(office: &Office, media_type: &str, file: Vec<u8>) -> Answer {
    let headers = [("content-type", media_type), ("idempotency-key", "job-1")];
    let path = format!("/v1/licence-jobs?type={FOOD}");
    office.house.connect(&office.machine).await.send(Method::POST, &path, &headers, file).await.unwrap()
}

/// Waits until a job has ended.
pub async fn ended(office: &Office, id: &str) -> Value {
    let mut client = office.house.connect(&office.machine).await;
    for _ in 0..600 {
        let job = client.get(&format!("/v1/licence-jobs/{id}")).await.json();
        if job["state"] == "done" {
            return job;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the job never ended");
}

pub async fn lines(office: &Office, id: &str) -> Vec<Value> {
    let mut client = office.house.connect(&office.machine).await;
    let page = client.get(&format!("/v1/licence-jobs/{id}/lines")).await.json();
    page["lines"].as_array().cloned().unwrap()
}

/// A table as a Chinese spreadsheet writes it; the third row has a wrong check digit, the fourth a cell too few.
fn table() -> Vec<u8> {
    let mut text = String::from(
        "经营者名称,统一社会信用代码,法定代表人（负责人）,住所,经营场所,主体业态,经营项目,许可证编号,签发人,办件编号\r\n",
    );
    for (row, code) in ["91990000MA0E000186", "91990000MA0E000186", "91990000MA0E000187"].iter().enumerate() {
        text.push_str(&format!(
            "示例餐饮{row}店,{code},张某某,示例区一路{row}号,示例区一路{row}号一层,餐饮服务经营者,热食类食品制售；冷食类食品制售,\
             JY2990101000000{row},李某,2026-{row}\r\n"
        ));
    }
    text.push_str("示例,短\r\n");
    encoding_rs::GB18030.encode(&text).0.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_gb_18030_becomes_licences_and_each_wrong_row_says_why() {
    for (office, place) in Office::everywhere().await {
        let answer = begun(&office, "text/csv", table()).await;
        assert_eq!(answer.status, 201, "{} {:?}", place.kind, answer.body);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let again = begun(&office, "text/csv", table()).await;
        assert_eq!(again.json()["id"], id, "the same file under the same key is the same job");
        let job = ended(&office, &id).await;
        assert_eq!((&job["total"], &job["done"], &job["failed"]), (&json!(4), &json!(2), &json!(2)), "{job}");
        let lines = lines(&office, &id).await;
        let states: Vec<_> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["done", "done", "failed", "failed"]);
        assert_eq!(lines[2]["problem"]["type"], "urn:cinnabar:problem:licence-unsound");
        assert_eq!(lines[2]["problem"]["errors"][0]["pointer"], "/credit_code");
        assert_eq!(lines[3]["problem"]["type"], "urn:cinnabar:problem:malformed-request");
        assert!(
            lines.iter().all(|line| line["state"] == "done" || line["problem"]["zh"].is_string()),
            "{lines:?}"
        );
        // What was asked for is gone, and every licence stands once.
        let left =
            count(&office.house, "SELECT COUNT(*) AS n FROM licence_job_rows WHERE sealed IS NOT NULL").await;
        assert_eq!(left, 0);
        assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences").await, 2);
        let entries = office.house.entries().await;
        let issued = entries.iter().filter(|entry| entry["action"] == "licence.issue");
        for entry in issued {
            assert_eq!(entry["actor"]["id"], "licensing", "issued as who asked: {entry}");
        }
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_as_who_asked_and_stops_when_they_may_no_longer() {
    let office = Office::open().await;
    let order = |number: usize| {
        let mut fields = fields();
        fields.insert("permit_number".to_owned(), json!(format!("JY29901010{number:06}")));
        json!({ "fields": fields }).to_string()
    };
    let file = (0..40).map(order).collect::<Vec<_>>().join("\n");
    let id = begun(&office, "application/x-ndjson", file.into_bytes()).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut client = office.house.connect(&office.machine).await;
    let stopped = client.post(&format!("/v1/licence-jobs/{id}/stop"), &json!({})).await;
    assert_eq!(
        (stopped.status, stopped.json()["state"].as_str()),
        (200, Some("stopped")),
        "{:?}",
        stopped.body
    );
    let resumed = client.post(&format!("/v1/licence-jobs/{id}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 200, "{:?}", resumed.body);
    // The role is taken away: the job stops, and the lines that are left keep what they ask for.
    let mut officer = office.house.connect(&office.house.officer(1)).await;
    let roles = async |officer: &mut crate::house::Client, roles: Value| {
        let tag = officer.get("/v1/callers/licensing").await.header("etag").to_owned();
        let answer = officer.patch("/v1/callers/licensing", &json!({ "roles": roles }), &tag).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    };
    roles(&mut officer, json!([])).await;
    let stopped = "SELECT COUNT(*) AS n FROM licence_jobs WHERE state = 'stopped'";
    for _ in 0..600 {
        if count(&office.house, stopped).await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(count(&office.house, stopped).await, 1, "the role was taken away in time");
    let done = count(&office.house, "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'done'").await;
    let waiting = "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'waiting' AND sealed IS NOT NULL";
    assert_eq!((done + count(&office.house, waiting).await, done < 40), (40, true), "no line is lost");
    assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences").await, done);
    let said =
        "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'waiting' AND problem LIKE '%forbidden%'";
    assert!(count(&office.house, said).await > 0, "a line says why it waits");
    audited(&office.house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_can_never_be_recorded_stops_the_job_with_its_reason() {
    for (office, place) in Office::everywhere().await {
        let house = &office.house;
        let first = super::issue::issue(&office, &super::issue::order(fields())).await.json();
        let (licence, version) = (first["id"].as_str().unwrap(), first["identifier"].as_str().unwrap());
        // What a licence of this serial would be made of is on record already.
        let poisoned = licence::identifier::Identifier::new(FOOD, ISSUER, "A2026666", 1).unwrap();
        let columns = appliance::store::tables::LICENCE_ARTEFACTS.columns.len();
        let row = appliance::store::Row::new(
            &appliance::store::tables::LICENCE_ARTEFACTS,
            vec![appliance::store::Value::Null; columns],
        );
        let row = row
            .with("id", format!("{poisoned}:original"))
            .with("version", 1)
            .with("licence", licence)
            .with("identifier", version.strip_prefix("1.2.156.3005.2.").unwrap_or(version))
            .with("kind", "original")
            .with("media_type", "application/pdf")
            .with("length", 1)
            .with("sha256", "00")
            .with("sealed", vec![0_u8])
            .with("made", 1);
        let act = appliance::journal::Act::system("test", "licence.file", "licence");
        let journal = house.app.unsealed().unwrap().journal.clone();
        journal.commit(appliance::journal::Unit::new(act).insert(row)).await.unwrap();

        let serials = ["A2026001", "A2026666", "A2026002"];
        let file =
            serials.map(|serial| json!({ "fields": fields(), "serial": serial }).to_string()).join("\n");
        let answer = begun(&office, "application/x-ndjson", file.into_bytes()).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let mut client = house.connect(&office.machine).await;
        let mut job = json!(null);
        for _ in 0..600 {
            job = client.get(&format!("/v1/licence-jobs/{id}")).await.json();
            if job["state"] == "stopped" {
                break;
            }
            // Whoever had it in hand has let go, and it is taken up at once.
            let now = jiff::Timestamp::now().as_microsecond();
            if job["done"] == 2 {
                house.app.db.take_licence_job(&id, None, now + 3_600_000_000, 1).await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!((&job["state"], &job["done"]), (&json!("stopped"), &json!(2)), "{} {job}", place.kind);
        let lines = lines(&office, &id).await;
        assert_eq!((&lines[1]["state"], &lines[1]["problem"]["attempts"]), (&json!("waiting"), &json!(8)));
        assert!(lines[1]["problem"]["type"].is_string(), "{}", lines[1]);
        let left =
            "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'waiting' AND sealed IS NOT NULL";
        assert_eq!(count(house, left).await, 1, "it keeps what it asks for");
        let halted = house.entries().await;
        assert!(halted.iter().any(|entry| entry["action"] == "licence-job.halt"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_line_that_cannot_be_read_repeats_nothing_of_it() {
    let office = Office::open().await;
    let number = "990101199003070015";
    let file = [
        json!({ "fields": number }).to_string(),
        json!({ "fields": {}, "valid_from": number }).to_string(),
        json!({ "fields": {}, number: 1 }).to_string(),
        json!({ "fields": {}, "type": number }).to_string(),
        format!("\"{number}\""),
        json!({ "fields": { "representative_id": [number] } }).to_string(),
    ];
    let lines_of_file = file.len();
    let answer = begun(&office, "application/x-ndjson", file.join("\n").into_bytes()).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    ended(&office, &id).await;
    let lines = lines(&office, &id).await;
    assert_eq!(lines.len(), lines_of_file);
    for line in &lines {
        assert_eq!(line["state"], "failed", "{line}");
        assert!(!line["problem"].to_string().contains(number), "{line}");
    }
    assert!(lines[1]["problem"]["detail"].as_str().unwrap().contains("valid_from"), "{}", lines[1]);
    let shifted = format!("经营者名称,生效日期\r\n示例,{number}\r\n");
    let headers = [("content-type", "text/csv"), ("idempotency-key", "job-2")];
    let path = format!("/v1/licence-jobs?type={FOOD}");
    let mut client = office.house.connect(&office.machine).await;
    let answer = client.send(Method::POST, &path, &headers, shifted.into_bytes()).await.unwrap();
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let kept = "SELECT COUNT(*) AS n FROM licence_job_rows WHERE problem LIKE '%990101199003070015%'";
    assert_eq!(count(&office.house, kept).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_understood_begin_nothing() {
    let office = Office::open().await;
    for (media_type, file, problem) in [
        ("text/csv", b"colour\nred\n".to_vec(), "malformed-request"),
        ("text/csv", Vec::new(), "malformed-request"),
        ("application/json", b"{}".to_vec(), "unsupported-media-type"),
        ("text/csv", b"\xFF\xFEa".to_vec(), "malformed-request"),
    ] {
        let answer = begun(&office, media_type, file).await;
        assert_eq!(answer.problem(), problem, "{media_type}");
    }
    assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licence_jobs").await, 0);
    let verifier = office.house.machine("verifiers", &["verifier"]).await;
    let headers = [("content-type", "text/csv")];
    let path = format!("/v1/licence-jobs?type={FOOD}");
    let answer =
        office.house.connect(&verifier).await.send(Method::POST, &path, &headers, table()).await.unwrap();
    assert_eq!(answer.problem(), "forbidden");
}
