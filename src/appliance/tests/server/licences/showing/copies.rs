//! Annotated copies: made for whom it is due, marked on the page, sealed, and over when they say.

use appliance::licences::showing::copies;
use appliance::store::tables::LICENCE_COPIES;

use super::*;
use crate::licences::{FOOD, Office, fields};

struct Desk {
    office: Office,
    platform: Credential,
    inspection: Credential,
    identifier: String,
}

async fn desk(office: Office) -> Desk {
    let platform = office.house.machine("citizens", &["holder-platform"]).await;
    let inspection = office.house.machine("inspection-system", &["verifier"]).await;
    let order = json!({ "type": FOOD, "fields": fields() });
    let issued = office.house.connect(&office.machine).await.post("/v1/licences", &order).await;
    assert_eq!(issued.status, 201, "{:?}", issued.body);
    let identifier = issued.json()["identifier"].as_str().unwrap().to_owned();
    Desk { office, platform, inspection, identifier }
}

impl Desk {
    async fn copy(&self, who: &Credential, more: Json) -> Answer {
        let until = jiff::Timestamp::from_second(crate::house::now() + 86_400).unwrap().to_string();
        let mut body = json!({ "purpose": "办理贷款", "recipient": "示例银行", "until": until });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = format!("/v1/licences/{}/annotated-copies", self.identifier);
        self.office.house.connect(who).await.post(&path, &body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_says_for_whom_what_for_and_until_when_and_is_sealed_and_on_record() {
    for (office, _place) in Office::everywhere().await {
        let desk = desk(office).await;
        let holder = json!({ "kind": "001", "number": fields()["credit_code"] });
        let made = desk.copy(&desk.platform, json!({ "holder": holder })).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        assert!(made.body.starts_with(b"%PDF-"));
        assert!(made.body.windows(10).any(|part| part == b"/ByteRange"), "sealed");
        assert!(made.header("content-digest").starts_with("sha-256=:"));
        let mut platform = desk.office.house.connect(&desk.platform).await;
        let told = platform.get(made.header("location")).await;
        assert_eq!(told.status, 200, "{:?}", told.body);
        let told = told.json();
        assert_eq!((&told["number"], &told["over"]), (&json!(1), &json!(false)));
        assert_eq!(told["metadata"]["JZJZZSY"], "办理贷款");
        for key in ["JZJZZSJ", "JZJZZZ", "JZJYXQJZSJ", "ZZBS"] {
            assert!(told["metadata"][key].is_string(), "{key}: {told}");
        }
        // Its file is told as a copy, and as one whose time is over when it is.
        let app = &desk.office.house.app;
        let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(&made.body));
        let (now, later) = (crate::house::now() * 1_000_000, (crate::house::now() + 100_000) * 1_000_000);
        let standing = copies::standing(app, &digest, now).await.unwrap().unwrap();
        assert_eq!((standing.number, standing.over), (1, false));
        assert!(copies::standing(app, &digest, later).await.unwrap().unwrap().over);
        assert_eq!(copies::standing(app, &"00".repeat(32), now).await.unwrap(), None);
        // What it says stands in its text, on every page.
        let file = desk.office.house.folder.path().join("copy.pdf");
        std::fs::write(&file, &made.body).unwrap();
        if let Ok(read) = std::process::Command::new("pdftotext").arg(&file).arg("-").output() {
            let text = String::from_utf8_lossy(&read.stdout).into_owned();
            for part in ["示例银行", "办理贷款", "加注件", "第 1 份"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        // The use of the seal is on record, and the holder sees the copy.
        let uses = crate::seals::count(&desk.office.house, "SELECT count(*) AS n FROM seal_uses").await;
        let asked = json!({ "holder": holder });
        let looked = platform.post("/v1/licence-uses/of-holder", &asked).await.json();
        assert_eq!(looked["items"][0]["kind"], "copy");
        let second = desk.copy(&desk.office.machine, json!({})).await;
        assert_eq!(second.status, 201, "who issued it has copies made too: {:?}", second.body);
        assert!(second.header("location").ends_with("/2"));
        assert_eq!(
            crate::seals::count(&desk.office.house, "SELECT count(*) AS n FROM seal_uses").await,
            uses + 1
        );
        let entries = crate::seals::entries_from(&desk.office.house, 0).await;
        assert!(!entries.iter().any(|entry| entry.to_string().contains("示例银行")));
        crate::seals::audited(&desk.office.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_copies_what_it_took_and_nothing_else() {
    let desk = desk(Office::open().await).await;
    let query = |purpose: &str| {
        json!({ "holder": { "kind": "001", "number": fields()["credit_code"] }, "type": FOOD, "item": "000131002000",
            "case_number": "C-1", "purpose": purpose, "operator": "李办事" })
    };
    let mut inspection = desk.office.house.connect(&desk.inspection).await;
    let taken = inspection.post("/v1/licence-queries", &query("catering-inspection")).await;
    assert_eq!(taken.status, 200, "{:?}", taken.body);
    let id = taken.json()["query"].clone();
    assert_eq!(desk.copy(&desk.inspection, json!({ "query": id })).await.status, 201);
    let fields_only = inspection.post("/v1/licence-queries", &query("paper-free-filing")).await.json();
    let refused = desk.copy(&desk.inspection, json!({ "query": fields_only["query"] })).await;
    assert_eq!(refused.problem(), "licence-query-not-allowed");
    let none = desk.copy(&desk.inspection, json!({ "query": "00000000-0000-7000-8000-000000000000" })).await;
    assert_eq!(none.problem(), "not-found");
    let named = json!({ "holder": { "kind": "001", "number": fields()["credit_code"] } });
    assert_eq!(
        desk.copy(&desk.inspection, named).await.problem(),
        "invalid-parameter",
        "it speaks for no holder"
    );
    assert_eq!(desk.copy(&desk.inspection, json!({})).await.problem(), "invalid-parameter");
    let other = json!({ "holder": { "kind": "001", "number": OTHER_COMPANY } });
    assert_eq!(desk.copy(&desk.platform, other).await.problem(), "licence-not-of-holder");
    for (name, value) in [
        ("until", json!("2020-01-01T00:00:00Z")),
        ("until", json!("2099-01-01T00:00:00Z")),
        ("purpose", json!("")),
        ("recipient", json!("\u{202E}")),
    ] {
        let refused = desk.copy(&desk.office.machine, json!({ name: value })).await;
        assert_eq!(
            (refused.problem(), &refused.json()["parameter"]),
            ("invalid-parameter".into(), &json!(name))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_fetched_again_by_who_had_it_made_while_it_serves_and_each_time_is_entered() {
    for (office, _place) in Office::everywhere().await {
        let desk = desk(office).await;
        let house = &desk.office.house;
        let holder = json!({ "kind": "001", "number": fields()["credit_code"] });
        let made = desk.copy(&desk.platform, json!({ "holder": holder })).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        let base = format!("/v1/licences/{}/annotated-copies", desk.identifier);
        let mut platform = house.connect(&desk.platform).await;
        let listed = platform.get(&base).await;
        assert_eq!(listed.status, 200, "{:?}", listed.body);
        let line = listed.json()["items"][0].clone();
        assert_eq!(
            (&line["number"], &line["over"], &line["caller"]),
            (&json!(1), &json!(false), &json!("citizens"))
        );
        assert!(!line.to_string().contains("示例银行"), "what it was for is not told in a list");
        let fetched = platform.get(line["url"].as_str().unwrap()).await;
        assert_eq!((fetched.status, &fetched.body), (200, &made.body));
        let leaf: u64 = fetched.header("cinnabar-leaf").parse().unwrap();
        let journal = &house.app.unsealed().unwrap().journal;
        let entry = journal.entries(leaf, 1).await.unwrap().remove(0).json;
        assert_eq!((&entry["action"], &entry["facts"]["copy"]), (&json!("licence.copies"), &json!(1)));
        assert!(leaf > listed.header("cinnabar-leaf").parse::<u64>().unwrap());

        // Other machines see nothing of it, those of who issued the licence neither; nor do auditors and security officers.
        for who in [&desk.inspection, &desk.office.machine] {
            let mut other = house.connect(who).await;
            assert_eq!(other.get(&base).await.json()["items"], json!([]));
            assert_eq!(other.get(&format!("{base}/1/document")).await.problem(), "not-found");
        }
        for officer in [1, 8] {
            let mut officer = house.connect(&house.officer(officer)).await;
            assert_eq!(officer.get(&base).await.problem(), "forbidden");
            assert_eq!(officer.get(&format!("{base}/1/document")).await.problem(), "forbidden");
        }
        assert_eq!(platform.get(&format!("{base}/2/document")).await.problem(), "not-found");

        // Its time passes.
        let row = house.app.db.rows_after(&LICENCE_COPIES, "", 1).await.unwrap().remove(0);
        let unit =
            Unit::new(Act::system("test", "time.pass", "copy")).update(row.next_version().with("until", 1));
        house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
        assert_eq!(platform.get(&base).await.json()["items"][0]["over"], true);
        let over = platform.get(&format!("{base}/1/document")).await;
        assert_eq!((over.status, over.problem().as_str()), (410, "licence-copy-over"));
        assert!(over.json()["until"].is_string());
        crate::seals::audited(house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_for_a_copy_is_answered_with_the_same_copy() {
    let desk = desk(Office::open().await).await;
    let house = &desk.office.house;
    let until = jiff::Timestamp::from_second(crate::house::now() + 86_400).unwrap().to_string();
    let body = json!({ "purpose": "办理贷款", "recipient": "示例银行", "until": until });
    let path = format!("/v1/licences/{}/annotated-copies", desk.identifier);
    let post = async |body: &Json| {
        let mut client = house.connect(&desk.office.machine).await;
        client.post_with(&path, body, &[("idempotency-key", "copy-1")]).await
    };
    let (one, two) = tokio::join!(post(&body), post(&body));
    assert_eq!((one.status, two.status), (201, 201), "{:?} {:?}", one.body, two.body);
    let again = post(&body).await;
    for answer in [&two, &again] {
        assert_eq!((answer.status, &answer.body), (201, &one.body));
        assert_eq!(answer.header("location"), one.header("location"));
    }
    let count = "SELECT count(*) AS n FROM licence_copies";
    assert_eq!(crate::seals::count(house, count).await, 1);
    let other = post(&json!({ "purpose": "存档", "recipient": "示例银行", "until": until })).await;
    assert_eq!(other.problem(), "idempotency-key-reused");
    assert_eq!(crate::seals::count(house, count).await, 1);
    crate::seals::audited(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn being_made_to_wait_for_a_copy_tells_nothing_of_licences() {
    let desk = desk(Office::open().await).await;
    let mut platform = desk.office.house.connect(&desk.platform).await;
    let until = jiff::Timestamp::from_second(crate::house::now() + 86_400).unwrap().to_string();
    let body = json!({ "purpose": "办理贷款", "recipient": "示例银行", "until": until,
        "holder": { "kind": "001", "number": OTHER_COMPANY } });
    let path = |identifier: &str| format!("/v1/licences/{identifier}/annotated-copies");
    // Eleven that there are not, once each: none of them has been tried too often.
    for number in 0..11 {
        let answer = platform.post(&path(&identifier(&format!("NOWHERE{number:04}"), 1)), &body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "licence-not-of-holder"), "{number}");
    }
    // One of each, tried as often: both are answered alike, and both wait in the end.
    for name in [&identifier("NOWHERE1000", 1), &desk.identifier] {
        for _ in 0..10 {
            assert_eq!(platform.post(&path(name), &body).await.status, 404);
        }
        assert_eq!(platform.post(&path(name), &body).await.status, 429, "{name}");
    }
}
