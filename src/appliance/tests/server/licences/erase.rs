//! What is personal of a licence is erased: no trace is left in the database, what may still be said is, and nobody reads it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use appliance::journal::{Act, Unit};
use appliance::licences::verification::{Audience, by_identifier};
use appliance::store::tables::{
    LICENCE_ARTEFACTS, LICENCE_DELEGATIONS, LICENCE_HOLDERS, LICENCE_VERSIONS, LICENCES,
};
use appliance::store::{DatabaseUrl, Row, Value as Cell};
use serde_json::{Value, json};

use super::issue::{issue, order};
use super::*;
use crate::seals::{audited, count, entries_from};

const AGENT: &str = "990101199102030027";
const REASON: &str = "张某某请求删除其个人信息";

/// An office, those who take licences there, and a licence that was used in every way.
struct Scene {
    office: Office,
    platform: Credential,
    inspection: Credential,
    id: String,
    identifier: String,
}

async fn scene(office: Office) -> Scene {
    let platform = office.house.machine("citizens", &["holder-platform"]).await;
    let inspection = office.house.machine("inspection-system", &["verifier"]).await;
    let issued = issue(&office, &order(fields())).await;
    assert_eq!(issued.status, 201, "{:?}", issued.body);
    let text = |name: &str| issued.json()[name].as_str().unwrap().to_owned();
    let (id, identifier) = (text("id"), text("identifier"));
    Scene { office, platform, inspection, id, identifier }
}

fn holder() -> Value {
    json!({ "kind": "001", "number": fields()["credit_code"] })
}

fn erasing() -> Value {
    json!({ "reason": REASON, "basis": "《个人信息保护法》第四十七条", "ground": "retention-over" })
}

impl Scene {
    async fn post(&self, who: &Credential, path: &str, body: &Value) -> Answer {
        self.office.house.connect(who).await.post(path, body).await
    }

    async fn get(&self, who: &Credential, path: &str) -> Answer {
        self.office.house.connect(who).await.get(path).await
    }

    fn until() -> String {
        jiff::Timestamp::from_second(crate::house::now() + 86_400).unwrap().to_string()
    }

    /// A copy, a delegation, a code that was redeemed, one that was not, a query.
    async fn used(&self) -> String {
        let copy = json!({ "holder": holder(), "purpose": "办理贷款", "recipient": "示例银行", "until": Self::until() });
        let path = format!("/v1/licences/{}/annotated-copies", self.id);
        assert_eq!(self.post(&self.platform, &path, &copy).await.status, 201);
        let delegation = json!({ "licence": self.id, "holder": holder(), "until": Self::until(), "count": 3,
            "agent": { "kind": "111", "number": AGENT } });
        let delegated = self.post(&self.platform, "/v1/licence-delegations", &delegation).await;
        assert_eq!(delegated.status, 201, "{:?}", delegated.body);
        let query = json!({ "holder": holder(), "type": FOOD, "item": "000131002000", "case_number": "C-1",
            "purpose": "catering-inspection", "operator": "李办事" });
        assert_eq!(self.post(&self.inspection, "/v1/licence-queries", &query).await.status, 200);
        let mut codes = Vec::new();
        for _ in 0..2 {
            let asked = json!({ "licence": self.id, "holder": holder(), "seconds": 300, "purpose": "张某某就医",
                "fields": ["operator", "representative"] });
            let shown = self.post(&self.platform, "/v1/show-codes", &asked).await;
            assert_eq!(shown.status, 201, "{:?}", shown.body);
            codes.push(shown.json()["code"].as_str().unwrap().to_owned());
        }
        let redeemed = json!({ "code": codes[0], "operator": "王窗口" });
        let redeemed = self.post(&self.inspection, "/v1/show-codes/redeem", &redeemed).await;
        assert_eq!(redeemed.status, 200, "{:?}", redeemed.body);
        codes.remove(1)
    }

    async fn cancel(&self) {
        let path = format!("/v1/licences/{}/cancel", self.id);
        let body = json!({ "reason": "张某某歇业", "basis": "《行政许可法》第七十条", "ground": "holders-request",
            "case_number": "2026-0816" });
        let mut client = self.office.house.connect(&self.office.machine).await;
        let done = client.post_with(&path, &body, &[("if-match", "*")]).await;
        assert_eq!(done.status, 200, "{:?}", done.body);
    }

    async fn erase(&self, who: &Credential, body: &Value, more: &[(&str, &str)]) -> Answer {
        let path = format!("/v1/licences/{}/erase", self.id);
        self.office.house.connect(who).await.post_with(&path, body, more).await
    }

    /// Everything that leads to somebody, in clear, hashed or encrypted.
    async fn traces(&self) -> BTreeSet<Vec<u8>> {
        let db = &self.office.house.app.db;
        let mut traces: BTreeSet<Vec<u8>> = BTreeSet::new();
        for (name, value) in fields() {
            // What many have in common tells of nobody, and stands in the type's definition.
            let text = value.as_str().filter(|_| name != "business_form");
            traces.extend(text.map(|text| text.as_bytes().to_vec()));
        }
        traces.extend([AGENT, "示例银行", "王窗口", "李办事"].map(|text| text.as_bytes().to_vec()));
        let licence = db.row(&LICENCES, &self.id).await.unwrap().unwrap();
        traces.insert(octets(licence.value("data_key")));
        for (table, columns) in [
            (&LICENCE_HOLDERS, &["hash"][..]),
            (&LICENCE_VERSIONS, &["sealed"]),
            (&LICENCE_ARTEFACTS, &["sealed"]),
            (&LICENCE_DELEGATIONS, &["agent_hash", "agent_sealed"]),
        ] {
            for row in db.rows_after(table, "", 1000).await.unwrap() {
                traces.extend(columns.iter().map(|column| octets(row.value(column))));
            }
        }
        for version in db.rows_after(&LICENCE_VERSIONS, "", 1000).await.unwrap() {
            let known: Value = serde_json::from_str(version.value("known").as_text().unwrap()).unwrap();
            traces.extend(known.as_object().unwrap().values().map(|hash| hash.as_str().unwrap().into()));
        }
        assert!(traces.len() > 25 && traces.iter().all(|trace| trace.len() >= 6), "{}", traces.len());
        traces
    }

    /// Which of the traces stand in some row, or in a leaf of the log.
    async fn left(&self, traces: &BTreeSet<Vec<u8>>) -> Vec<String> {
        let mut left = Vec::new();
        let mut look = |place: &str, octets: &[u8]| {
            for trace in traces {
                if octets.windows(trace.len()).any(|part| part == trace.as_slice()) {
                    left.push(format!("{place}: {}", String::from_utf8_lossy(&trace[..trace.len().min(40)])));
                }
            }
        };
        for table in appliance::store::tables::ALL {
            for row in self.office.house.app.db.rows_after(table, "", 10_000).await.unwrap() {
                row.values.iter().for_each(|value| look(table.name, &octets(value)));
            }
        }
        for entry in entries_from(&self.office.house, 0).await {
            look("leaf", entry.to_string().as_bytes());
        }
        left
    }
}

fn octets(value: &Cell) -> Vec<u8> {
    match value {
        Cell::Text(text) => text.as_bytes().to_vec(),
        Cell::Bytes(octets) => octets.clone(),
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_whom_an_erased_licence_was_and_where_it_stands_is_told() {
    for (office, place) in Office::everywhere().await {
        let scene = scene(office).await;
        let house = &scene.office.house;
        let code = scene.used().await;
        let machine = &scene.office.machine;
        let original = scene.get(machine, &format!("/v1/licences/{}/documents/original", scene.id)).await;
        let qr = scene.get(machine, &format!("/v1/licences/{}/documents/qr", scene.id)).await;
        assert_eq!((original.status, qr.status), (200, 200));
        scene.cancel().await;
        let traces = scene.traces().await;
        assert!(!scene.left(&traces).await.is_empty(), "the search finds what is there");
        let uses = "SELECT count(*) AS n FROM details WHERE wrapped_key IS NOT NULL AND leaf IN \
                    (SELECT leaf FROM licence_uses UNION SELECT leaf FROM licence_copies)";
        assert!(count(house, uses).await >= 3);
        let status = "SELECT value AS n FROM licence_statuses WHERE licence <> ''";
        assert_eq!(count(house, status).await, 1);

        let officer = house.officer(1);
        let path = format!("/v1/licences/{}", scene.id);
        let tag = scene.get(&officer, &format!("{path}/events")).await.header("etag").to_owned();
        let headers = [("if-match", tag.as_str()), ("idempotency-key", "erase-1")];
        let erased = scene.erase(&officer, &erasing(), &headers).await;
        assert_eq!(erased.status, 200, "{} {:?}", place.kind, erased.body);
        assert_eq!(erased.json()["state"], "cancelled");
        assert_ne!(erased.header("etag"), tag);
        let again = scene.erase(&officer, &erasing(), &headers).await;
        assert_eq!(
            (again.status, &again.json()["event"]),
            (200, &erased.json()["event"]),
            "the same request"
        );
        assert_eq!(again.header("cinnabar-leaf"), erased.header("cinnabar-leaf"));
        let twice = scene.erase(&officer, &erasing(), &[("if-match", "*")]).await;
        assert_eq!((twice.status, twice.problem().as_str()), (410, "erased"));

        // One entry with its receipt; nothing of the reason in it.
        let leaf: u64 = erased.header("cinnabar-leaf").parse().unwrap();
        let receipt = scene.get(&officer, &format!("/v1/receipts/{leaf}")).await;
        assert_eq!(receipt.status, 200, "{:?}", receipt.body);
        let journal = &house.app.unsealed().unwrap().journal;
        let entry = journal.entries(leaf, 1).await.unwrap().remove(0).json;
        assert_eq!(
            (&entry["action"], &entry["facts"]["ground"]),
            (&json!("licence.erase"), &json!("retention-over"))
        );
        assert!(!entry.to_string().contains("张某某"));

        // No trace in any row, nor in the files of the database.
        let left = scene.left(&traces).await;
        assert!(left.is_empty(), "{} {left:?}", place.kind);
        assert_eq!(count(house, uses).await, 0, "whom entries named in their side records");
        if let DatabaseUrl::Lite(file) = &place.url {
            emptied(file, &traces).await;
        }

        // Reads say that it was erased, when and why.
        for (who, path) in [
            (machine, path.clone()),
            (machine, format!("/v1/licences/{}?fields=all", scene.identifier)),
            (machine, format!("{path}/versions")),
            (machine, format!("{path}/documents/original")),
            (machine, format!("{path}/events?words=true")),
            (machine, format!("{path}/annotated-copies")),
            (&scene.platform, format!("{path}/annotated-copies/1")),
            (&scene.platform, format!("{path}/annotated-copies/1/document")),
        ] {
            let gone = scene.get(who, &path).await;
            assert_eq!((gone.status, gone.problem().as_str()), (410, "erased"), "{path} {:?}", gone.body);
            let gone = gone.json();
            assert_eq!((&gone["state"], &gone["ground"]), (&json!("cancelled"), &json!("retention-over")));
            assert_eq!(gone["basis"], "《个人信息保护法》第四十七条");
            assert!(gone["erased"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
            assert_eq!(gone["leaf"], leaf);
        }
        let events = scene.get(machine, &format!("{path}/events")).await.json();
        let last = events["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["operation"], &last["operation_zh"]), (&json!("erase"), &json!("删除个人信息")));
        assert_eq!(last["ground_zh"], "保存期限已届满");
        let listed = scene.get(machine, &format!("/v1/licences?type={FOOD}&state=cancelled")).await.json();
        assert_eq!(
            (&listed["licences"][0]["id"], &listed["licences"][0]["erased"]),
            (&json!(scene.id), &json!(true))
        );
        assert_eq!(count(house, status).await, 1, "the status list says what it said");

        // Nobody finds or shows it.
        let persons =
            appliance::licences::library::of_holder(&house.app, "111", "990101199003070015", "", 10);
        assert!(persons.await.unwrap().is_empty());
        let query = json!({ "holder": holder(), "type": FOOD, "item": "000131002000", "case_number": "C-1",
            "purpose": "catering-inspection", "operator": "李办事" });
        let taken = scene.post(&scene.inspection, "/v1/licence-queries", &query).await;
        assert_eq!(taken.json()["licences"], json!([]));
        let redeemed = scene.post(&scene.inspection, "/v1/show-codes/redeem", &json!({ "code": code })).await;
        assert_eq!(redeemed.problem(), "show-code-unusable");
        let asked = json!({ "licence": scene.id, "holder": holder() });
        let shown = scene.post(&scene.platform, "/v1/show-codes", &asked).await;
        assert_eq!(shown.problem(), "licence-not-of-holder");

        told(&scene, &original.body, &qr.body).await;
        audited(house).await;
    }
}

/// Verifying tells that it is void and that it was erased, and no field.
async fn told(scene: &Scene, original: &[u8], qr: &[u8]) {
    let mut client = scene.office.house.connect(&scene.inspection).await;
    let question =
        json!({ "identifier": scene.identifier, "field": "operator", "value": fields()["operator"] });
    let by_number = client.post("/v1/licence-verifications", &question).await.json();
    let kind = [("content-type", "application/pdf")];
    let path = "/v1/licence-verifications";
    let by_file = client.send(Method::POST, path, &kind, original.to_vec()).await.unwrap().json();
    let text = String::from_utf8_lossy(qr).into_owned();
    let by_qr = client.post(path, &json!({ "qr": text })).await.json();
    for (how, verdict) in [("number", &by_number), ("file", &by_file), ("qr", &by_qr)] {
        assert_eq!(verdict["code"], 3, "{how} {verdict}");
        let reasons: Vec<_> = verdict["reasons"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert!(reasons.contains(&&json!("erased")), "{how} {verdict}");
        assert_eq!(verdict["licence"]["state"], "cancelled", "{how}");
    }
    for verdict in [&by_number, &by_file] {
        assert!(verdict["licence"].get("fields").is_none(), "{verdict}");
    }
    // A stranger who has nothing but a number learns no more than of any other.
    let audience = Audience::Stranger { address: "192.0.2.1".parse().unwrap(), request: "request-1" };
    let app = &scene.office.house.app;
    let operator = fields()["operator"].as_str().unwrap().to_owned();
    let verdict = by_identifier(app, &audience, &scene.identifier, "operator", &operator).await.unwrap();
    assert_eq!((verdict.code.number(), verdict.licence.is_none()), (6, true));
}

/// That the files of an SQLite database hold none of the traces: free pages are overwritten.
async fn emptied(file: &std::path::Path, traces: &BTreeSet<Vec<u8>>) {
    use sqlx::Connection as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut raw = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let log = file.with_extension("db-wal");
    for _ in 0..100 {
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut raw).await.unwrap();
        if std::fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    raw.close().await.unwrap();
    for path in [file.to_owned(), log] {
        let all = std::fs::read(&path).unwrap_or_default();
        for trace in traces {
            let found = all.windows(trace.len()).any(|part| part == trace.as_slice());
            assert!(!found, "{}: {}", path.display(), String::from_utf8_lossy(&trace[..trace.len().min(40)]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_security_officer_erases_and_only_what_leads_nowhere_any_more() {
    for (office, place) in Office::everywhere().await {
        let scene = scene(office).await;
        let house = &scene.office.house;
        let officer = house.officer(1);
        let any = [("if-match", "*")];
        for who in [&scene.office.machine, &scene.platform, &scene.inspection, &house.officer(8)] {
            assert_eq!(scene.erase(who, &erasing(), &any).await.problem(), "forbidden");
        }
        // In force, suspended, resumed: something may still become of it.
        let refused = scene.erase(&officer, &erasing(), &any).await;
        assert_eq!((refused.status, refused.problem().as_str()), (409, "licence-state-forbids"));
        assert_eq!(
            (&refused.json()["state"], &refused.json()["operation"]),
            (&json!("active"), &json!("change"))
        );
        assert!(refused.json()["detail"].as_str().unwrap().contains("cancelled first"), "{:?}", refused.body);
        scene.cancel().await;
        // What an order must say, and on which version.
        for (name, value) in [("reason", Value::Null), ("basis", json!("\u{202E}")), ("ground", Value::Null)]
        {
            let mut body = erasing();
            body[name] = value;
            let refused = scene.erase(&officer, &body, &any).await;
            assert_eq!(
                (refused.problem().as_str(), &refused.json()["parameter"]),
                ("invalid-parameter", &json!(name))
            );
        }
        assert_eq!(scene.erase(&officer, &erasing(), &[]).await.status, 428);
        assert_eq!(scene.erase(&officer, &erasing(), &[("if-match", "\"1\"")]).await.status, 412);
        assert_eq!(count(house, "SELECT count(*) AS n FROM licences WHERE wrapped_by = ''").await, 0);
        let read = scene.get(&scene.office.machine, &format!("/v1/licences/{}?fields=all", scene.id)).await;
        assert_eq!(read.json()["fields"]["representative"], "张某某", "{} nothing was done", place.kind);

        // Two at once: it is done once.
        let body = erasing();
        let (one, two) = tokio::join!(scene.erase(&officer, &body, &any), scene.erase(&officer, &body, &any));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert!(statuses[0] == 200 && [409, 410].contains(&statuses[1]), "{} {statuses:?}", place.kind);
        assert_eq!(
            count(house, "SELECT count(*) AS n FROM licence_events WHERE operation = 'erase'").await,
            1
        );
        audited(house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_while_a_licence_is_erased_was_entered_before_or_reads_nothing() {
    for (office, place) in Office::everywhere().await {
        let scene = scene(office).await;
        scene.cancel().await;
        let done = Arc::new(AtomicBool::new(false));
        let mut readers = tokio::task::JoinSet::new();
        for turn in 0..6 {
            let mut client = scene.office.house.connect(&scene.office.machine).await;
            let what = if turn % 2 == 0 { "/documents/original" } else { "?fields=all" };
            let path = format!("/v1/licences/{}{what}", scene.id);
            let done = done.clone();
            readers.spawn(async move {
                let mut newest = 0;
                loop {
                    // Asked for after it was erased, it is told as erased.
                    let begun_after = done.load(Ordering::SeqCst);
                    let answer = client.get(&path).await;
                    match answer.status {
                        200 => newest = answer.header("cinnabar-leaf").parse::<u64>().unwrap(),
                        status => {
                            assert_eq!(
                                (status, answer.problem().as_str()),
                                (410, "erased"),
                                "{:?}",
                                answer.body
                            );
                            assert!(answer.json()["basis"].is_string(), "{:?}", answer.body);
                            return newest;
                        }
                    }
                    assert!(!begun_after, "{:?}", answer.body);
                }
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let erased = scene.erase(&scene.office.house.officer(1), &erasing(), &[("if-match", "*")]).await;
        assert_eq!(erased.status, 200, "{} {:?}", place.kind, erased.body);
        done.store(true, Ordering::SeqCst);
        let leaf: u64 = erased.header("cinnabar-leaf").parse().unwrap();
        while let Some(read) = readers.join_next().await {
            let newest = read.unwrap();
            assert!(newest < leaf, "{} what was read at {newest} was erased at {leaf}", place.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_much_as_hangs_on_a_licence_is_erased_in_one_act() {
    let scene = scene(Office::open().await).await;
    let house = &scene.office.house;
    // More agents than an entry has room for.
    for part in 0..3 {
        let mut unit = Unit::new(Act::system("test", "licence.delegate", "licence"));
        for one in 0..130 {
            let row = Row::new(&LICENCE_DELEGATIONS, vec![Cell::Null; LICENCE_DELEGATIONS.columns.len()]);
            let row = row
                .with("id", format!("{part}-{one}"))
                .with("version", 1)
                .with("licence", scene.id.as_str())
                .with("agent_kind", "111")
                .with("agent_key", "licence-holders")
                .with("agent_hash", format!("feed{part:04}{one:04}"))
                .with("agent_sealed", vec![7_u8; 40])
                .with("until", 1)
                .with("granted", 1)
                .with("used", 0)
                .with("state", "active")
                .with("caller", "licensing")
                .with("created", 1);
            unit = unit.insert(row);
        }
        house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
    }
    scene.cancel().await;
    let erased = scene.erase(&house.officer(1), &erasing(), &[("if-match", "*")]).await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    let left = "SELECT count(*) AS n FROM licence_delegations WHERE agent_hash <> '' OR state = 'active'";
    assert_eq!(count(house, left).await, 0);
    let leaf: u64 = erased.header("cinnabar-leaf").parse().unwrap();
    let entries = entries_from(house, leaf).await;
    assert!(entries.len() >= 2, "{}", entries.len());
    assert!(entries.iter().take(2).all(|entry| entry["action"] == "licence.erase"));
    audited(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_issuing_answered_is_not_told_again_once_it_was_erased() {
    let office = Office::open().await;
    let key = [("idempotency-key", "order-1")];
    let mut client = office.house.connect(&office.machine).await;
    let first = client.post_with("/v1/licences", &order(fields()), &key).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    let text = |name: &str| first.json()[name].as_str().unwrap().to_owned();
    let (id, identifier) = (text("id"), text("identifier"));
    let platform = office.machine.clone();
    let scene = Scene { inspection: platform.clone(), platform, office, id, identifier };
    scene.cancel().await;
    let erased = scene.erase(&scene.office.house.officer(1), &erasing(), &[("if-match", "*")]).await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    let again = client.post_with("/v1/licences", &order(fields()), &key).await;
    assert_eq!((again.status, again.problem().as_str()), (410, "erased"));
    assert!(!String::from_utf8_lossy(&again.body).contains("某某餐饮"));
}
