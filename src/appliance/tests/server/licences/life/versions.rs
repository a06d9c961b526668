//! Operations that make a version: the old one is kept, superseded and worth nothing any more.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use appliance::identity::{Caller, CallerKind, Registration, Role};
use appliance::licences::{library, life};
use appliance::policy::{ChangeLicence, Facts, Resource};
use appliance::store::tables::LICENCE_STATUSES;

use super::super::ISSUER;
use super::*;

/// Issues a permit; its id.
async fn issued(office: &Office) -> String {
    let order = json!({ "type": TYPE, "fields": fields() });
    let answer = office.client().await.post("/v1/licences", &order).await;
    assert_eq!(answer.status, 201, "{} {:?}", office.kind, answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn read(office: &Office, name: &str) -> Value {
    let answer = office.client().await.get(&format!("/v1/licences/{name}")).await;
    assert_eq!(answer.status, 200, "{} {:?}", office.kind, answer.body);
    answer.json()
}

/// What the status lists say of each version of a licence, in the order in which they were made.
async fn statuses(office: &Office, id: &str) -> Vec<i64> {
    let sql = "SELECT value FROM licence_statuses WHERE licence = $1 ORDER BY updated, value DESC, id";
    let rows = office.house.app.db.fetch_all(sql, &[id.into()]).await.unwrap();
    rows.iter().map(|row| row.int("value").unwrap()).collect()
}

/// That rows, versions, events and status say the same.
pub async fn consistent(office: &Office, id: &str) {
    let db = &office.house.app.db;
    let licence = library::records::licence(db, id).await.unwrap().unwrap();
    let versions = library::records::versions(db, id).await.unwrap();
    let active: Vec<_> =
        versions.iter().filter(|version| version.row.value("state").as_text() == Some("active")).collect();
    assert_eq!(active.len(), 1, "{} of {id}", active.len());
    assert_eq!(active[0].identifier(), licence.identifier());
    assert_eq!(versions.last().unwrap().identifier(), licence.identifier(), "the present one is the newest");
    let events = office.events(id).await;
    let made = events
        .iter()
        .filter(|event| Operation::parse(event["operation"].as_str().unwrap()).unwrap().makes_version());
    assert_eq!(made.count(), versions.len(), "{events:?}");
    assert_eq!(events.last().unwrap()["after"], licence.stored_state().as_str(), "{events:?}");
    // The present version's entry says how the licence stands, every other one is invalid.
    let present = licence.status().map(|(list, index)| format!("{list}:{index}"));
    let sql = "SELECT id, value FROM licence_statuses WHERE licence = $1";
    for row in db.fetch_all(sql, &[id.into()]).await.unwrap() {
        let (entry, value) = (row.text("id").unwrap(), row.int("value").unwrap());
        let expected = if present.as_deref() == Some(entry) {
            i64::from(licence.stored_state().status_value())
        } else {
            1
        };
        assert_eq!(value, expected, "{entry} of {id}");
    }
    if let Some(present) = present {
        assert!(db.row(&LICENCE_STATUSES, &present).await.unwrap().is_some());
    }
    // One entry of the index for each person, by the present version's number.
    let holders = library::records::holders(db, id).await.unwrap();
    let mut roles: Vec<_> =
        holders.iter().map(|row| row.value("role").as_text().unwrap().to_owned()).collect();
    roles.sort_unstable();
    roles.dedup();
    assert_eq!(roles.len(), holders.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_makes_a_version_and_the_old_one_is_kept_and_superseded() {
    for office in offices().await {
        let id = issued(&office).await;
        let before = read(&office, &id).await;
        let old = before["identifier"].as_str().unwrap();
        let documents = before["documents"].as_array().unwrap();
        let original =
            documents.iter().find(|one| one["kind"] == "original").unwrap()["url"].as_str().unwrap();
        let pdf = office.client().await.get(original).await;
        assert_eq!(statuses(&office, &id).await, [0]);
        let body = json!({ "reason": "经营场所变更", "item": "000131003000", "case_number": "2026-0816",
            "fields": { "premises": "示例市示范区和平路2号一层", "contact_phone": null } });
        let changed = office.act(&office.own, &id, Operation::Change, &body).await;
        assert_eq!(changed.status, 200, "{} {:?}", office.kind, changed.body);
        let standing = changed.json();
        assert_eq!((&standing["number"], &standing["state"]), (&json!(2), &json!("active")));
        let after = read(&office, &id).await;
        assert_eq!(after["fields"]["premises"], "示例市示范区和平路2号一层");
        assert_eq!((&after["operation"], &after["number"]), (&json!("change"), &json!(2)));
        assert_eq!(after["valid_to"], before["valid_to"], "a change keeps the term");
        let new = Identifier::parse(after["identifier"].as_str().unwrap()).unwrap();
        assert_eq!((new.identifier.version(), new.check), (2, licence::identifier::Check::Right));
        assert_eq!(statuses(&office, &id).await.len(), 2);
        consistent(&office, &id).await;
        // The old version and what was made of it are still there for those who may.
        let kept = read(&office, old).await;
        assert_eq!(kept["fields"]["premises"], before["fields"]["premises"]);
        let again = office.client().await.get(original).await;
        assert_eq!(again.body, pdf.body, "{}", office.kind);
        // Whoever verifies the old page is told that a newer one has taken its place.
        let verifier = office.house.machine("verifying", &["verifier"]).await;
        let kind = [("content-type", "application/pdf")];
        let mut client = office.house.connect(&verifier).await;
        let verdict = client
            .send(http::Method::POST, "/v1/licence-verifications", &kind, pdf.body.to_vec())
            .await
            .unwrap();
        assert_eq!(verdict.status, 200, "{:?}", verdict.body);
        assert!(verdict.json().to_string().contains("superseded"), "{:?}", verdict.body);
        assert_ne!(verdict.json()["code"], 0, "{:?}", verdict.body);
        // The use of the seal is of the same act.
        let leaf: u64 = changed.header("cinnabar-leaf").parse().unwrap();
        let journal = &office.house.app.unsealed().unwrap().journal;
        let entries = journal.entries(leaf, 4).await.unwrap();
        assert_eq!(entries[0].json["facts"]["supersedes"], old["1.2.156.3005.2.".len()..]);
        assert_eq!(entries[1].json["action"], "document.seal");
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_it_now_finds_it_and_who_held_it_does_not() {
    let office = office().await;
    let id = issued(&office).await;
    let app = &office.house.app;
    let found = async |number: &str| library::of_holder(app, "001", number, "", 10).await.unwrap().len();
    let (former, later) = (credit(), completed("9199000010000020", 2, |code| credit_code(code).is_ok()));
    assert_eq!((found(&former).await, found(&later).await), (1, 0));
    // Agents, the key of the credential and codes given out are one holder's: another one is issued a licence of their own.
    let fields = json!({ "credit_code": later, "operator": "示例市大馆餐饮有限公司" });
    for operation in [Operation::Change, Operation::Correct] {
        let body = json!({ "reason": "主体变更", "fields": fields });
        let refused = office.act(&office.own, &id, operation, &body).await;
        assert_eq!(refused.problem(), "invalid-parameter", "{:?}", refused.body);
        assert_eq!(refused.json()["parameter"], "fields");
    }
    let renewed = office.act(&office.own, &id, Operation::Renew, &json!({ "fields": fields })).await;
    assert_eq!(renewed.problem(), "invalid-parameter", "{:?}", renewed.body);
    assert_eq!((found(&former).await, found(&later).await), (1, 0));
    // Its name may change, and who stands for it: whoever stood for it finds it no longer.
    let stands = async |number: &str| library::of_holder(app, "111", number, "", 10).await.unwrap().len();
    let successor = completed("99010019900307002", 1, |number| citizen_id(number).is_ok());
    let body = json!({ "reason": "法定代表人变更", "fields": {
        "operator": "示例市大馆餐饮有限公司", "representative": "示例丙", "representative_id": successor } });
    let changed = office.act(&office.own, &id, Operation::Change, &body).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);
    assert_eq!((stands(&citizen()).await, stands(&successor).await, found(&former).await), (0, 1, 1));
    consistent(&office, &id).await;
    office.audited().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_is_renewed_what_was_lost_is_issued_anew() {
    for office in offices().await {
        let id = office
            .import("20190000001", &json!({ "valid_from": "2019-03-01", "valid_to": "2024-02-29" }))
            .await;
        let refused = office.act(&office.own, &id, Operation::Change, &said(Operation::Change)).await;
        assert_eq!(refused.json()["state"], "expired");
        let late = json!({ "valid_from": "2099-01-01" });
        assert_eq!(
            office.act(&office.own, &id, Operation::Renew, &late).await.json()["parameter"],
            "valid_from"
        );
        let early = json!({ "valid_from": "2020-01-01" });
        let over = office.act(&office.own, &id, Operation::Renew, &early).await;
        assert_eq!(over.json()["parameter"], "valid_from", "{:?}", over.body);
        let renewed = office.act(&office.own, &id, Operation::Renew, &json!({})).await;
        assert_eq!(renewed.status, 200, "{} {:?}", office.kind, renewed.body);
        assert_eq!((&renewed.json()["state"], &renewed.json()["number"]), (&json!("active"), &json!(2)));
        assert!(renewed.json()["valid_to"].as_str().unwrap() > "2030");
        // From now on it is one of ours: sealed, with a credential and an entry in the status list.
        assert_eq!(statuses(&office, &id).await, [0]);
        assert_eq!(
            office.act(&office.own, &id, Operation::ReportLoss, &said(Operation::ReportLoss)).await.status,
            200
        );
        assert_eq!(statuses(&office, &id).await, [2]);
        let anew = office.act(&office.own, &id, Operation::Reissue, &said(Operation::Reissue)).await;
        assert_eq!((anew.status, &anew.json()["state"]), (200, &json!("active")), "{:?}", anew.body);
        consistent(&office, &id).await;
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_be_made_leaves_everything_as_it_was() {
    let office = office().await;
    let id = issued(&office).await;
    let act = async |operation: Operation, body: Value| office.act(&office.own, &id, operation, &body).await;
    let unsound = act(Operation::Change, json!({ "reason": "示例", "fields": { "credit_code": "1" } })).await;
    assert_eq!(unsound.problem(), "licence-unsound");
    assert_eq!(unsound.json()["errors"][0]["pointer"], "/credit_code");
    let strange = act(Operation::Change, json!({ "reason": "示例", "fields": { "colour": "红" } })).await;
    assert_eq!(strange.problem(), "licence-unsound");
    let same =
        act(Operation::Change, json!({ "reason": "示例", "fields": { "operator": fields()["operator"] } }))
            .await;
    assert_eq!((same.problem().as_str(), &same.json()["parameter"]), ("invalid-parameter", &json!("fields")));
    let key = json!({ "reason": "示例", "holder_key": { "kty": "EC" } });
    assert_eq!(act(Operation::Reissue, key).await.status, 422);
    // Without its seal nothing new is made; what stops a licence needs no seal.
    let (officer, wish) = (office.house.officer(1), json!({}));
    let stopped =
        crate::seals::intervene(&office.house, &officer, super::super::SEAL, "suspend", &wish).await;
    assert_eq!(stopped.status, 200);
    assert_eq!(act(Operation::Change, said(Operation::Change)).await.problem(), "seal-not-usable");
    let (versions, events) = ("SELECT count(*) AS n FROM licence_versions", office.events(&id).await);
    assert_eq!((crate::seals::count(&office.house, versions).await, events.len()), (1, 1));
    assert_eq!(act(Operation::Suspend, said(Operation::Suspend)).await.status, 200);
    consistent(&office, &id).await;
    office.audited().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_retired_type_nothing_new_is_made_and_what_there_is_may_be_ended() {
    let office = office().await;
    let id = issued(&office).await;
    let retired = super::super::retire(&office.house, &office.house.officer(1), TYPE).await;
    assert_eq!(retired.status, 200, "{:?}", retired.body);
    let changed = office.act(&office.own, &id, Operation::Change, &said(Operation::Change)).await;
    assert!(
        changed.status >= 400 && String::from_utf8_lossy(&changed.body).contains("retired"),
        "{:?}",
        changed.body
    );
    let cancelled = office.act(&office.own, &id, Operation::Cancel, &said(Operation::Cancel)).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    consistent(&office, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_change_one_licence_at_once_lose_nothing() {
    for office in offices().await {
        let id = issued(&office).await;
        for round in 0..4 {
            let tag = office.tag(&id).await;
            let change = async |field: &str| {
                let path = format!("/v1/licences/{id}/change");
                let body =
                    json!({ "reason": "示例", "fields": { field: format!("示例市示范区和平路9{round}号") } });
                office.client().await.post_with(&path, &body, &[("if-match", &tag)]).await
            };
            let (one, two) = tokio::join!(change("premises"), change("residence"));
            let mut statuses = [one.status, two.status];
            statuses.sort_unstable();
            assert_eq!(statuses[0], 200, "{} {:?} {:?}", office.kind, one.body, two.body);
            assert!([409, 412].contains(&statuses[1]), "{} {:?} {:?}", office.kind, one.body, two.body);
            assert_eq!(office.column(&id, "number").await.as_int(), Some(round + 2));
            consistent(&office, &id).await;
        }
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_while_a_version_is_made_holds_and_nothing_is_half_made() {
    for office in offices().await {
        for _ in 0..4 {
            let id = issued(&office).await;
            let (change, suspend) = (said(Operation::Change), said(Operation::Suspend));
            let officer = office.house.officer(1);
            let (changed, suspended) = tokio::join!(
                office.act(&office.own, &id, Operation::Change, &change),
                office.act(&officer, &id, Operation::Suspend, &suspend),
            );
            // Either the version was there first and its licence is suspended, or it was never made.
            let (versions, state) = (office.column(&id, "number").await.as_int(), office.state(&id).await);
            let about = format!("{} {:?} {:?}", office.kind, changed.body, suspended.body);
            match (changed.status, suspended.status) {
                (200, 200) => assert_eq!((versions, state), (Some(2), State::Suspended), "{about}"),
                (409, 200) => assert_eq!((versions, state), (Some(1), State::Suspended), "{about}"),
                (200, 409) => assert_eq!((versions, state), (Some(2), State::Active), "{about}"),
                _ => panic!("{about}"),
            }
            consistent(&office, &id).await;
        }
        office.audited().await;
    }
}

fn licensing(office: &Office) -> std::sync::Arc<Caller> {
    let registration = Registration {
        id: "licensing".into(),
        kind: CallerKind::Machine,
        uri: "urn:cinnabar:demo:machine:licensing".into(),
        organisation: "bureau".into(),
        person: None,
        roles: vec![Role::Licensor],
        active: true,
    };
    let certificate = &office.own.certificate;
    let fingerprint = hex::encode(certificate.sha256_fingerprint());
    Caller::new(&registration, &fingerprint, &hex::encode(certificate.serial()))
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
async fn a_change_that_breaks_off_leaves_the_licence_whole_and_can_be_repeated() {
    let office = office().await;
    let id = issued(&office).await;
    let app = &office.house.app;
    let mut number = 1;
    for times in 1..400 {
        let found = library::found(app, &id).await.unwrap();
        let resource = Resource::licence(found.id(), found.organisation()).at_version(found.version());
        let permit = app
            .policy
            .decide::<ChangeLicence>(&licensing(&office), resource, Facts::of_request("r"))
            .unwrap();
        let order: life::Order = serde_json::from_value(said(Operation::Change)).unwrap();
        let outcome = polled(life::operate(app, &permit, found, order, None), times);
        consistent(&office, &id).await;
        number = office.column(&id, "number").await.as_int().unwrap();
        if number > 1 {
            break;
        }
        assert!(outcome.is_none(), "it ended without a version after {times} polls: {outcome:?}");
    }
    assert_eq!(number, 2, "it never came to the end");
    office.audited().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_licence_gets_a_right_check_character_and_a_seal_with_its_first_change() {
    let office = office().await;
    let right = Identifier::new(TYPE, ISSUER, "20240000001", 1).unwrap();
    let wrong = if right.check_character() == 'M' { 'N' } else { 'M' };
    let identifier = format!("{}.001.{wrong}", right.licence_id());
    let id = office.import("20240000001", &json!({ "identifier": identifier })).await;
    let changed = office.act(&office.own, &id, Operation::Change, &said(Operation::Change)).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);
    let parsed = Identifier::parse(changed.json()["identifier"].as_str().unwrap()).unwrap();
    assert_eq!((parsed.identifier.version(), parsed.check), (2, licence::identifier::Check::Right));
    assert_eq!(
        changed.json()["warnings"][0]["code"],
        "check-character",
        "what it came with stays on its record"
    );
    // A new one of ours never takes a serial that was brought.
    let serial = issued(&office).await;
    assert_ne!(serial, id);
    consistent(&office, &id).await;
    office.audited().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_that_was_brought_is_passed_over_when_it_is_its_turn() {
    let office = office().await;
    let first = issued(&office).await;
    let (stem, number) = first.split_at(first.len() - 9);
    let next = format!("{:09}", number.parse::<u64>().unwrap() + 1);
    let serial = format!("{}{next}", stem.rsplit('.').next().unwrap());
    let brought = office.import(&serial, &json!({})).await;
    let second = issued(&office).await;
    assert!(second != brought && second > brought, "{first} {brought} {second}");
}
