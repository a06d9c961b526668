//! Taking many licences over from one file: each once, what is odd told with its row, nobody's number left in clear.

use licence::identifier::Identifier;
use licence::life::Operation;
use serde_json::{Value, json};

use super::jobs::{ended, lines};
use super::*;
use crate::seals::{audited, count};

/// Hands a file in under an idempotency key.
async fn begun(office: &Office, key: &str, media_type: &str, file: Vec<u8>) -> Answer {
    let headers = [("content-type", media_type), ("idempotency-key", key)];
    let path = format!("/v1/licence-jobs?type={FOOD}&kind=import");
    office.house.connect(&office.machine).await.send(Method::POST, &path, &headers, file).await.unwrap()
}

/// Hands a file in and waits for its end; the job.
async fn done(office: &Office, key: &str, media_type: &str, file: Vec<u8>) -> Value {
    let answer = begun(office, key, media_type, file).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    ended(office, answer.json()["id"].as_str().unwrap()).await
}

fn identifier(issuer: &str, serial: &str) -> String {
    Identifier::new(FOOD, issuer, serial, 1).unwrap().to_string()
}

/// The same with a check character that a wrong algorithm made.
fn wrong(serial: &str) -> String {
    let right = Identifier::new(FOOD, ISSUER, serial, 1).unwrap();
    let wrong = if right.check_character() == 'M' { 'N' } else { 'M' };
    format!("{}.001.{wrong}", right.licence_id())
}

/// A licence as one object a line brings it.
fn old(serial: &str, more: &Value) -> Value {
    let mut line = json!({
        "identifier": identifier(ISSUER, serial),
        "valid_from": "2024-03-01",
        "valid_to": "2039-02-28",
        "fields": fields(),
        "source": "旧系统",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        line[name] = value.clone();
    }
    line
}

fn file(lines: &[Value]) -> Vec<u8> {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n").into_bytes()
}

/// A table as an office's spreadsheet writes it, in GB 18030.
fn table() -> Vec<u8> {
    let mut text = String::from(
        "证照标识,有效期起,有效期止,证照状态,状态原因,来源,经营者名称,统一社会信用代码,法定代表人（负责人）,\
         法定代表人（负责人）身份证号码,住所,经营场所,主体业态,经营项目,许可证编号,签发人\r\n",
    );
    let holder = "张某某,990101199003070015,示例区一路1号,示例区一路1号一层,餐饮服务经营者,热食类食品制售；冷食类食品制售";
    let right = identifier(ISSUER, "20240000001");
    let rows = [
        format!(
            "{right},2024-03-01,2039-02-28,,,旧系统,示例一店,91990000MA0E000186,{holder},JY29901010000017,李某"
        ),
        format!(
            "{},2024/3/1,长期,有效,,旧系统,示例二店,91990000MA0E000186,{holder},旧编号17,李某",
            wrong("20240000002")
        ),
        format!(
            "{},2024年3月1日,2039年2月28日,暂扣,行政处罚,,示例三店,91990000MA0E000186,{holder},JY29901010000033,李某",
            identifier(ISSUER, "20240000003")
        ),
        // Another body's, one that is no identifier at all, one without its holder, one that is there twice.
        format!(
            "{},2024-03-01,,,,,示例四店,91990000MA0E000186,{holder},JY29901010000041,李某",
            identifier("11990200MB0F00129T", "20240000004")
        ),
        format!(
            "990101199003070015,2024-03-01,,,,,示例五店,91990000MA0E000186,{holder},JY29901010000050,李某"
        ),
        format!(
            "{},2024-03-01,,,,,示例六店,,{holder},JY29901010000068,李某",
            identifier(ISSUER, "20240000006")
        ),
        format!(
            "{right},2024-03-01,2039-02-28,,,旧系统,示例一店,91990000MA0E000186,{holder},JY29901010000017,李某"
        ),
    ];
    for row in rows {
        text.push_str(&row);
        text.push_str("\r\n");
    }
    encoding_rs::GB18030.encode(&text).0.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_old_licences_comes_in_and_each_row_says_what_is_odd_about_it() {
    for (office, place) in Office::everywhere().await {
        let job = done(&office, "old-1", "text/csv", table()).await;
        let said = |name: &str| job[name].as_i64().unwrap();
        assert_eq!(
            (job["kind"].as_str(), said("total"), said("done"), said("warned"), said("failed")),
            (Some("import"), 7, 4, 2, 3),
            "{} {job}",
            place.kind
        );
        let lines = lines(&office, job["id"].as_str().unwrap()).await;
        let codes = |line: &Value| -> Vec<String> {
            let warnings = line["warnings"].as_array().into_iter().flatten();
            warnings.map(|one| one["code"].as_str().unwrap().to_owned()).collect()
        };
        // Which of the two that are alike comes first is chance.
        let (first, last) = (codes(&lines[0]), codes(&lines[6]));
        let mut alike = [first.concat(), last.concat()];
        alike.sort();
        assert_eq!(alike, ["", "repeated"], "{lines:?}");
        assert_eq!(lines[1]["identifier"], wrong("20240000002"), "as it stands on the licence");
        assert_eq!(codes(&lines[1])[0], "check-character", "{}", lines[1]);
        assert!(codes(&lines[1]).contains(&"field".to_owned()), "the old number: {}", lines[1]);
        assert_eq!((lines[2]["state"].as_str(), codes(&lines[2]).len()), (Some("done"), 0), "{}", lines[2]);
        for (line, parameter) in [(3, "identifier"), (4, "identifier"), (5, "fields")] {
            let problem = &lines[line]["problem"];
            assert_eq!(
                (lines[line]["state"].as_str(), problem["parameter"].as_str()),
                (Some("failed"), Some(parameter))
            );
            assert!(problem["zh"].is_string(), "{problem}");
        }
        // They stand as they were brought, once, with their warnings and findable.
        assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences WHERE imported = 1").await, 3);
        let endless = "SELECT COUNT(*) AS n FROM licences WHERE valid_to IS NULL AND warnings IS NOT NULL";
        assert_eq!(count(&office.house, endless).await, 1);
        let suspended = "SELECT COUNT(*) AS n FROM licences WHERE state = 'suspended' AND ground = 'penalty'";
        assert_eq!(count(&office.house, suspended).await, 1);
        let of =
            appliance::licences::library::of_holder(&office.house.app, "001", "91990000MA0E000186", "", 10);
        assert_eq!(of.await.unwrap().len(), 3);
        // By state of the row, warned ones too.
        let mut client = office.house.connect(&office.machine).await;
        let path = format!("/v1/licence-jobs/{}/lines?state=warned", job["id"].as_str().unwrap());
        assert_eq!(client.get(&path).await.json()["lines"].as_array().unwrap().len(), 2);
        // Nothing of what was asked for is left, and nobody's number stands in clear.
        let left = "SELECT COUNT(*) AS n FROM licence_job_rows WHERE sealed IS NOT NULL";
        assert_eq!(count(&office.house, left).await, 0);
        let kept = "SELECT COUNT(*) AS n FROM licence_job_rows WHERE problem LIKE '%990101199003070015%' \
                    OR warnings LIKE '%990101199003070015%' OR warnings LIKE '%旧编号17%'";
        assert_eq!(count(&office.house, kept).await, 0);
        for entry in office.house.entries().await.iter().filter(|entry| entry["action"] == "licence.import") {
            assert_eq!(entry["actor"]["id"], "licensing", "taken over as who asked: {entry}");
        }
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_handed_in_once_more_doubles_nothing_and_what_differs_is_told() {
    for (office, place) in Office::everywhere().await {
        let all: Vec<Value> = (1..=6).map(|number| old(&format!("2024000000{number}"), &json!({}))).collect();
        let first = done(&office, "once", "application/x-ndjson", file(&all)).await;
        assert_eq!((&first["done"], &first["warned"]), (&json!(6), &json!(0)), "{} {first}", place.kind);
        // The same request finds the same job; a new one with the same file is told row by row.
        let again = begun(&office, "once", "application/x-ndjson", file(&all)).await;
        assert_eq!(again.json()["id"], first["id"]);
        // Meanwhile one was suspended: it is what was brought all the same.
        let id = Identifier::new(FOOD, ISSUER, "20240000001", 1).unwrap().licence_id();
        let body = json!({ "reason": "示例", "basis": "《示例办法》第一条", "ground": "penalty" });
        let path = format!("/v1/licences/{id}/{}", Operation::Suspend.as_str());
        let mut client = office.house.connect(&office.machine).await;
        assert_eq!(client.post_with(&path, &body, &[("if-match", "*")]).await.status, 200);
        let mut changed = all.clone();
        changed[1]["fields"]["premises"] = "示例省示例市示例区二路2号".into();
        changed[2]["valid_to"] = "2040-02-28".into();
        changed[3]["identifier"] = wrong("20240000004").into();
        changed[4]["source"] = "另一系统".into();
        let second = done(&office, "twice", "application/x-ndjson", file(&changed)).await;
        let lines = lines(&office, second["id"].as_str().unwrap()).await;
        let states: Vec<_> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
        assert_eq!(
            states,
            ["done", "failed", "failed", "failed", "failed", "done"],
            "{} {lines:?}",
            place.kind
        );
        for line in &lines {
            if line["state"] == "done" {
                assert_eq!(line["warnings"][0]["code"], "repeated", "{line}");
            } else {
                assert_eq!(line["problem"]["type"], "urn:cinnabar:problem:conflict", "{line}");
            }
        }
        assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences").await, 6);
        assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licence_versions").await, 6);
        let events = "SELECT COUNT(*) AS n FROM licence_events WHERE operation = 'import'";
        assert_eq!(count(&office.house, events).await, 6);
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_over_stops_goes_on_and_stops_for_good_when_the_role_is_gone() {
    for (office, place) in Office::everywhere().await {
        let all: Vec<Value> = (1..=80).map(|number| old(&format!("2024{number:07}"), &json!({}))).collect();
        let begun = begun(&office, "many", "application/x-ndjson", file(&all)).await.json();
        let id = begun["id"].as_str().unwrap();
        let mut client = office.house.connect(&office.machine).await;
        let stopped = client.post(&format!("/v1/licence-jobs/{id}/stop"), &json!({})).await;
        assert_eq!(stopped.json()["state"], "stopped", "{} {:?}", place.kind, stopped.body);
        let resumed = client.post(&format!("/v1/licence-jobs/{id}/resume"), &json!({})).await;
        assert_eq!(resumed.status, 200, "{:?}", resumed.body);
        let mut officer = office.house.connect(&office.house.officer(1)).await;
        let tag = officer.get("/v1/callers/licensing").await.header("etag").to_owned();
        let taken = officer.patch("/v1/callers/licensing", &json!({ "roles": [] }), &tag).await;
        assert_eq!(taken.status, 200, "{:?}", taken.body);
        let halted = "SELECT COUNT(*) AS n FROM licence_jobs WHERE state = 'stopped'";
        for _ in 0..600 {
            if count(&office.house, halted).await == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(count(&office.house, halted).await, 1, "the role was taken away in time");
        let failed = "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'failed'";
        assert_eq!(count(&office.house, failed).await, 0, "no line is burned");
        let done =
            count(&office.house, "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'done'").await;
        let waiting =
            "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'waiting' AND sealed IS NOT NULL";
        assert_eq!((done + count(&office.house, waiting).await, done < 80), (80, true), "no line is lost");
        assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences").await, done);
        // Mended, it goes on to its end.
        let tag = officer.get("/v1/callers/licensing").await.header("etag").to_owned();
        let back = officer.patch("/v1/callers/licensing", &json!({ "roles": ["licensor"] }), &tag).await;
        assert_eq!(back.status, 202, "more rights take a second officer: {:?}", back.body);
        let approve = format!("/v1/proposals/{}/approve", back.json()["id"].as_str().unwrap());
        let approved = office.house.connect(&office.house.officer(2)).await.post(&approve, &json!({})).await;
        assert_eq!(approved.status, 200, "{:?}", approved.body);
        let mut client = office.house.connect(&office.machine).await;
        assert_eq!(client.post(&format!("/v1/licence-jobs/{id}/resume"), &json!({})).await.status, 200);
        let job = ended(&office, id).await;
        assert_eq!(
            (&job["done"], &job["failed"], &job["warned"]),
            (&json!(80), &json!(0), &json!(0)),
            "{job}"
        );
        assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licences").await, 80);
        audited(&office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_takes_nothing_over_stops_the_job_and_strangers_begin_none() {
    let house = crate::house::House::open().await;
    let mut definition = definition();
    definition["operations"] = json!(["change", "suspend", "resume", "cancel"]);
    let office = Office::in_house(house, &definition).await;
    let begun_ =
        begun(&office, "none", "application/x-ndjson", file(&[old("20240000001", &json!({}))])).await;
    assert_eq!(begun_.status, 201, "{:?}", begun_.body);
    let halted = "SELECT COUNT(*) AS n FROM licence_jobs WHERE state = 'stopped'";
    for _ in 0..600 {
        if count(&office.house, halted).await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(count(&office.house, halted).await, 1);
    let waits = "SELECT COUNT(*) AS n FROM licence_job_rows WHERE state = 'waiting' AND sealed IS NOT NULL \
                 AND problem LIKE '%licence-type-forbids%'";
    assert_eq!(count(&office.house, waits).await, 1, "the line waits, and says why");
    // What is no file of licences, and who may not, begin nothing.
    let path = format!("/v1/licence-jobs?type={FOOD}&kind=import");
    let headers = [("content-type", "text/csv")];
    let mut client = office.house.connect(&office.machine).await;
    let without = "经营者名称,有效期起\n示例,2024-03-01\n".as_bytes().to_vec();
    let refused = client.send(Method::POST, &path, &headers, without).await.unwrap();
    assert_eq!(refused.problem(), "malformed-request");
    assert!(refused.json()["detail"].as_str().unwrap().contains("`identifier`"), "{:?}", refused.body);
    let strange = format!("/v1/licence-jobs?type={FOOD}&kind=erase");
    assert_eq!(client.send(Method::POST, &strange, &headers, table()).await.unwrap().status, 400);
    let verifier = office.house.machine("verifiers", &["verifier"]).await;
    let answer = office.house.connect(&verifier).await.send(Method::POST, &path, &headers, table()).await;
    assert_eq!(answer.unwrap().problem(), "forbidden");
    assert_eq!(count(&office.house, "SELECT COUNT(*) AS n FROM licence_jobs").await, 1);
}
