//! The catalogue: the whole life of a type, who may do what, and what happens at the same time.

use serde_json::{Value, json};

use super::*;
use crate::seals::audited;

#[tokio::test(flavor = "multi_thread")]
async fn a_type_is_drafted_reviewed_published_replaced_and_retired_on_both_databases() {
    for (house, place) in houses().await {
        let machine = equipped(&house).await;
        let drafted = draft(&house, &machine, &definition()).await;
        assert_eq!(drafted.status, 201, "{} {:?}", place.kind, drafted.body);
        assert_eq!(drafted.header("location"), format!("/v1/licence-types/{FOOD}/versions/1"));
        assert_eq!((drafted.json()["state"].as_str(), drafted.header("etag")), (Some("draft"), "\"1\""));
        assert!(drafted.header("cinnabar-leaf").parse::<u64>().is_ok());
        let unknown =
            house.connect(&machine).await.get(&format!("/v1/licence-types/{FOOD}/versions/7")).await;
        assert_eq!((unknown.status, unknown.problem().as_str()), (404, "licence-type-unknown"));

        // A machine does not hand in, and nothing is published that was not handed in.
        let answer = step(&house, &machine, FOOD, 1, "submit").await;
        assert_eq!(answer.problem(), "forbidden");
        let answer = step(&house, &house.officer(2), FOOD, 1, "publish").await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "licence-type-step"));
        let submitted = step(&house, &house.officer(1), FOOD, 1, "submit").await;
        assert_eq!(submitted.json()["state"], "review", "{:?}", submitted.body);
        // Whoever handed it in does not decide on it.
        for what in ["publish", "refuse"] {
            let answer = step(&house, &house.officer(1), FOOD, 1, what).await;
            assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{what}");
        }
        let published = step(&house, &house.officer(2), FOOD, 1, "publish").await;
        assert_eq!(published.json()["state"], "published", "{:?}", published.body);
        assert_eq!(published.json()["reviewer"], "officer-2");
        let in_force = appliance::licences::catalogue::in_force(&house.app, FOOD).await.unwrap();
        assert_eq!((in_force.number, in_force.organisation.as_str()), (1, "bureau"));

        // The next version: refused once, drafted anew, published.
        let mut next = definition();
        next["name"]["zh"] = json!("食品经营许可证（2026版）");
        assert_eq!(draft(&house, &machine, &next).await.json()["number"], 2);
        step(&house, &house.officer(1), FOOD, 2, "submit").await;
        let refused = step(&house, &house.officer(2), FOOD, 2, "refuse").await;
        assert_eq!(refused.json()["state"], "refused", "{:?}", refused.body);
        assert_eq!(refused.json()["reason"], "示例");
        let again = step(&house, &house.officer(1), FOOD, 2, "submit").await;
        assert_eq!(again.problem(), "licence-type-step");
        assert_eq!(publish(&house, &machine, &next).await, 3);
        let in_force = appliance::licences::catalogue::in_force(&house.app, FOOD).await.unwrap();
        assert_eq!(in_force.number, 3, "what was published is in force at once");
        let older = appliance::licences::catalogue::at(&house.app, FOOD, 1).await.unwrap();
        assert_eq!(older.state.as_str(), "superseded");
        assert_eq!(older.compiled.definition().name.zh, "食品经营许可证");
        let never = appliance::licences::catalogue::at(&house.app, FOOD, 2).await;
        assert!(never.is_err(), "what was never published makes no licences");

        let whole = house.connect(&machine).await.get(&format!("/v1/licence-types/{FOOD}")).await.json();
        let states: Vec<_> =
            whole["versions"].as_array().unwrap().iter().map(|v| v["state"].clone()).collect();
        assert_eq!(json!(states), json!(["published", "refused", "superseded"]));
        assert_eq!((whole["published"].as_i64(), &whole["name"]), (Some(3), &next["name"]["zh"]));

        // Retired for good.
        assert_eq!(retire(&house, &machine, FOOD).await.problem(), "forbidden");
        let retired = retire(&house, &house.officer(1), FOOD).await;
        assert_eq!(retired.json()["state"], "retired", "{:?}", retired.body);
        assert_eq!(retire(&house, &house.officer(1), FOOD).await.problem(), "licence-type-retired");
        let late = draft(&house, &machine, &next).await;
        assert_eq!((late.status, late.problem().as_str()), (409, "licence-type-retired"));
        let gone = appliance::licences::catalogue::in_force(&house.app, FOOD).await.unwrap_err();
        assert!(gone.to_string().contains("is retired"), "{gone}");
        assert_eq!(appliance::licences::catalogue::at(&house.app, FOOD, 3).await.unwrap().number, 3);
        audited(&house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_publishes_alone_and_the_wrong_role_drafts_nothing() {
    let house = House::open().await;
    let machine = equipped(&house).await;
    // One officer drafts and hands in; the same one does not publish, and drafting by another does not help.
    let mut body = json!({ "definition": definition(), "templates": templates(), "organisation": "bureau" });
    let drafted = house.connect(&house.officer(1)).await.post("/v1/licence-types", &body).await;
    assert_eq!(drafted.status, 201, "{:?}", drafted.body);
    assert_eq!(step(&house, &house.officer(2), FOOD, 1, "submit").await.status, 200);
    for officer in [1, 2] {
        let answer = step(&house, &house.officer(officer), FOOD, 1, "publish").await;
        assert_eq!(answer.problem(), "forbidden", "officer {officer}");
    }
    // The machine of another bureau neither drafts for this one nor sees its drafts.
    let mut officer = house.connect(&house.officer(1)).await;
    let other = json!({ "id": "other", "name": "另一单位" });
    assert_eq!(officer.post("/v1/organisations", &other).await.status, 201);
    let caller = json!({ "id": "elsewhere", "organisation": "other", "roles": ["licensor"] });
    assert_eq!(officer.post("/v1/callers", &caller).await.status, 201);
    let elsewhere = house.certified(&mut officer, "elsewhere").await;
    house.known(&elsewhere).await;
    let mut client = house.connect(&elsewhere).await;
    assert_eq!(draft(&house, &elsewhere, &definition()).await.problem(), "forbidden");
    body["organisation"] = json!("other");
    let foreign = client.post("/v1/licence-types", &body).await;
    assert_eq!(foreign.problem(), "forbidden", "whose type it is does not change");
    let seen = client.get(&format!("/v1/licence-types/{FOOD}")).await;
    assert_eq!((seen.status, seen.problem().as_str()), (404, "licence-type-unknown"));
    let seen = client.get(&format!("/v1/licence-types/{FOOD}/versions/1")).await;
    assert_eq!(seen.problem(), "forbidden");
    assert_eq!(client.get("/v1/licence-types").await.json()["licence_types"], json!([]));
    let listed = house.connect(&machine).await.get("/v1/licence-types").await.json();
    assert_eq!(listed["licence_types"][0]["code"], FOOD);
    // Who seals documents drafts no types.
    let sealer = house.machine("sealing", &["sealer"]).await;
    assert_eq!(draft(&house, &sealer, &definition()).await.problem(), "forbidden");
    let entries = house.entries().await;
    assert!(entries.iter().any(|entry| entry.to_string().contains("licence-type.publish")
        && entry.to_string().contains("four-eyes-on-licence-types")));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_by_place_in_both_languages_and_nothing_is_half_made() {
    let house = House::open().await;
    let machine = equipped(&house).await;
    let faults = |answer: Answer| {
        assert_eq!((answer.status, answer.problem().as_str()), (422, "licence-type-faulty"));
        let faults = answer.json()["faults"].as_array().cloned().unwrap();
        for fault in &faults {
            assert!(!fault["zh"].as_str().unwrap().is_empty() && !fault["en"].as_str().unwrap().is_empty());
        }
        faults.iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut wrong = definition();
    wrong["number_field"] = json!("nothing");
    wrong["schema"]["properties"]["representative_id"]["x-qr"] = json!(true);
    let told = faults(draft(&house, &machine, &wrong).await);
    assert_eq!(told, ["/schema/properties/representative_id/x-qr", "/number_field"]);
    let mut wrong = definition();
    wrong["colour"] = json!("red");
    assert_eq!(faults(draft(&house, &machine, &wrong).await), [""]);
    assert_eq!(
        house.connect(&machine).await.get("/v1/licence-types").await.json()["licence_types"],
        json!([])
    );

    // What only the register knows is told when it is handed in, and may be asked for before.
    let mut wrong = definition();
    wrong["issuers"] = json!(["bureau", "nobody"]);
    wrong["seals"] = json!({ "bureau": "no-such-seal", "nobody": SEAL });
    wrong["level"] = json!("b-lta");
    let drafted = draft(&house, &machine, &wrong).await.json();
    assert_eq!(drafted["number"], 1, "{drafted}");
    let expected = ["/issuers/1", "/seals/bureau", "/seals/nobody", "/level"];
    assert_eq!(faults(step(&house, &house.officer(1), FOOD, 1, "submit").await), expected);
    let read =
        house.connect(&machine).await.get(&format!("/v1/licence-types/{FOOD}/versions/1")).await.json();
    assert_eq!(read["state"], "draft");
    assert_eq!(read["faults"].as_array().unwrap().len(), expected.len(), "{read}");

    // Templates: one is missing, one leaves a field out, one has no room.
    let sent =
        |templates: &BTreeMap<String, String>| json!({ "definition": definition(), "templates": templates });
    let mut missing = templates();
    missing.remove("food-operation-overprint.toml");
    let mut silent = templates();
    for settings in silent.values_mut() {
        *settings = settings
            .replace("\"contact_phone\"]", "]")
            .replace("\"representative_id\", ", "\"representative_id\"");
    }
    let mut narrow = templates();
    for text in narrow.values_mut() {
        *text = text.replace(r#"y="20" width="120""#, r#"y="20" width="4""#);
    }
    for (number, (files, at)) in (2..).zip([
        (missing, "/templates/food-operation-overprint"),
        (silent, "/templates/food-operation-duplicate/contact_phone"),
        (narrow, "/templates/food-operation-duplicate/operator"),
    ]) {
        let answer = house.connect(&machine).await.post("/v1/licence-types", &sent(&files)).await;
        assert_eq!(answer.json()["number"], number, "{:?}", answer.body);
        let told = faults(step(&house, &house.officer(1), FOOD, number, "submit").await);
        assert!(told.iter().any(|told| told == at), "{at}: {told:?}");
    }
    let strange = json!({ "definition": definition(), "templates": { "../page.svg": "<svg/>" } });
    let answer = house.connect(&machine).await.post("/v1/licence-types", &strange).await;
    assert_eq!(
        (answer.problem(), &answer.json()["parameter"]),
        ("invalid-parameter".to_owned(), &json!("templates"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officers_who_publish_two_versions_at_once_leave_one_in_force() {
    for (house, place) in houses().await {
        let machine = equipped(&house).await;
        publish(&house, &machine, &definition()).await;
        for number in [2, 3] {
            assert_eq!(draft(&house, &machine, &definition()).await.json()["number"], number);
            assert_eq!(step(&house, &house.officer(1), FOOD, number, "submit").await.status, 200);
        }
        let (second, third) = (house.officer(2), house.officer(9));
        let (one, other) =
            tokio::join!(step(&house, &second, FOOD, 2, "publish"), step(&house, &third, FOOD, 3, "publish"));
        let states = [one.status, other.status];
        // Either one met the other's change, or they came one after the other: the later version stays in force then.
        assert!(
            states.iter().filter(|status| **status == 200).count() >= 1
                && states.iter().all(|status| [200, 409, 412].contains(status)),
            "{} {states:?} {:?} {:?}",
            place.kind,
            one.body,
            other.body
        );
        let whole = house.connect(&machine).await.get(&format!("/v1/licence-types/{FOOD}")).await.json();
        let published: Vec<_> = whole["versions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|version| version["state"] == "published")
            .map(|version| version["number"].clone())
            .collect();
        assert_eq!(published, [whole["published"].clone()], "{} {whole}", place.kind);
        audited(&house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_at_once_have_numbers_of_their_own_and_a_repeated_one_is_the_same() {
    for (house, place) in houses().await {
        let machine = equipped(&house).await;
        let body = json!({ "definition": definition(), "templates": templates() });
        let mut all = Vec::new();
        for _ in 0..4 {
            let mut client = house.connect(&machine).await;
            let body = body.clone();
            all.push(tokio::spawn(async move {
                let key = [("idempotency-key", "the-same-draft")];
                let same = client.post_with("/v1/licence-types", &body, &key).await;
                (same, client.post("/v1/licence-types", &body).await)
            }));
        }
        let (mut same, mut numbers) = (Vec::new(), Vec::new());
        for one in all {
            let (repeated, fresh) = one.await.unwrap();
            assert!([201, 503].contains(&repeated.status), "{} {:?}", place.kind, repeated.body);
            if repeated.status == 201 {
                same.push(repeated.json()["number"].as_i64().unwrap());
            }
            assert!([201, 503].contains(&fresh.status), "{} {:?}", place.kind, fresh.body);
            numbers.extend((fresh.status == 201).then(|| fresh.json()["number"].as_i64().unwrap()));
        }
        same.dedup();
        assert_eq!(same.len(), 1, "{} {same:?}", place.kind);
        numbers.extend(same);
        let made = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), made, "{}", place.kind);
        let mut other = definition();
        other["name"]["en"] = json!("Another name");
        let key = [("idempotency-key", "the-same-draft")];
        let reused = json!({ "definition": other, "templates": templates() });
        let reused = house.connect(&machine).await.post_with("/v1/licence-types", &reused, &key).await;
        assert_eq!(reused.problem(), "idempotency-key-reused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_at_an_older_version_is_refused_and_a_draft_can_be_taken_back() {
    let house = House::open().await;
    let machine = equipped(&house).await;
    assert_eq!(draft(&house, &machine, &definition()).await.status, 201);
    let path = format!("/v1/licence-types/{FOOD}/versions/1");
    let mut officer = house.connect(&house.officer(1)).await;
    let blind = officer.post(&format!("{path}/submit"), &json!({})).await;
    assert_eq!(blind.problem(), "precondition-required");
    let late = officer.post_with(&format!("{path}/submit"), &json!({}), &[("if-match", "\"7\"")]).await;
    assert_eq!((late.status, late.problem().as_str()), (412, "precondition-failed"));
    let silent = officer.post_with(&format!("{path}/refuse"), &json!({}), &[("if-match", "\"1\"")]).await;
    assert_eq!(silent.problem(), "invalid-parameter", "a refusal says why");
    let back = step(&house, &machine, FOOD, 1, "withdraw").await;
    assert_eq!(back.json()["state"], "withdrawn", "{:?}", back.body);
    assert_eq!(step(&house, &machine, FOOD, 1, "withdraw").await.problem(), "licence-type-step");
    let unpublished = appliance::licences::catalogue::in_force(&house.app, FOOD).await.unwrap_err();
    assert!(unpublished.to_string().contains("no published licence type"), "{unpublished}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_comes_as_a_form_with_its_files() {
    let house = House::open().await;
    let machine = equipped(&house).await;
    let mut body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"definition\"\r\n\r\n{}\r\n\
         --b\r\ncontent-disposition: form-data; name=\"organisation\"\r\n\r\nbureau\r\n",
        definition()
    );
    for (name, text) in templates() {
        body.push_str(&format!(
            "--b\r\ncontent-disposition: form-data; name=\"template\"; filename=\"{name}\"\r\n\r\n{text}\r\n"
        ));
    }
    body.push_str("--b--\r\n");
    let kind = [("content-type", "multipart/form-data; boundary=b")];
    let mut client = house.connect(&machine).await;
    let drafted = client.send(Method::POST, "/v1/licence-types", &kind, body.into_bytes()).await.unwrap();
    assert_eq!(drafted.status, 201, "{:?}", drafted.body);
    let read: Value = client.get(&format!("/v1/licence-types/{FOOD}/versions/1")).await.json();
    assert_eq!(read["templates"], json!(templates()));
    assert_eq!(read["definition"]["code"], FOOD);
    assert_eq!(read["faults"], Value::Null, "nothing keeps it from being published: {read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_catalogue_is_signed_cached_and_follows_at_once() {
    use appliance::licences::{catalogue::signed::TYPE, signers};
    use licence::credential::Trust;
    use licence::credential::signed::Document;

    let house = House::open().await;
    let machine = equipped(&house).await;
    let read = async || {
        let answer = house.public("/licences/catalogue").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/jwt"));
        let document = Document::parse(std::str::from_utf8(&answer.body).unwrap(), TYPE).unwrap();
        let known = signers::known(&house.app, appliance::ceremony::Role::Publisher);
        let anchors = pki::path::TrustAnchors::default();
        let trust = Trust::new(&anchors).knowing(&known);
        (answer.header("etag").to_owned(), document.verify(&trust, crate::house::now()).unwrap().members)
    };
    let (empty, members) = read().await;
    assert_eq!(members["types"], json!([]));
    assert_eq!(draft(&house, &machine, &definition()).await.status, 201);
    assert_eq!(read().await.0, empty, "drafts are nobody's business, and the edition is kept");
    assert_eq!(step(&house, &house.officer(1), FOOD, 1, "submit").await.status, 200);
    assert_eq!(step(&house, &house.officer(2), FOOD, 1, "publish").await.status, 200);
    let (published, members) = read().await;
    assert_ne!(published, empty);
    let food = &members["types"][0];
    assert_eq!(
        (&food["code"], &food["state"], &food["version"]),
        (&json!(FOOD), &json!("published"), &json!(1))
    );
    assert_eq!(food["issuers"], json!(["示范市行政审批局"]));
    assert_eq!(food["schema"]["properties"]["operator"]["title"], "经营者名称");
    for kept in ["seals", "queries", "templates"] {
        assert_eq!(food[kept], Value::Null, "{kept} are the house's own");
    }
    let mut public = house.public_client().await;
    let known = [("if-none-match", published.as_str())];
    let same = public.send(Method::GET, "/licences/catalogue", &known, Vec::new()).await.unwrap();
    assert_eq!((same.status, same.body.len()), (304, 0));

    assert_eq!(retire(&house, &house.officer(1), FOOD).await.status, 200);
    assert_eq!(read().await.1["types"][0]["state"], "retired", "its licences can still be read");
    let mut client = house.connect(&machine).await;
    let json = client.get("/v1/licence-catalogue").await;
    assert_eq!(
        (json.header("content-type"), &json.json()["types"][0]["code"]),
        ("application/json", &json!(FOOD))
    );
    let accept = [("accept", "application/jwt")];
    let signed = client.send(Method::GET, "/v1/licence-catalogue", &accept, Vec::new()).await.unwrap();
    assert_eq!(signed.body, house.public("/licences/catalogue").await.body);
}

/// The organisation that keeps a type.
async fn keeper(house: &House, code: &str) -> String {
    let mut officer = house.connect(&house.officer(1)).await;
    officer.get(&format!("/v1/licence-types/{code}")).await.json()["organisation"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// An organisation `other`.
async fn another(house: &House) {
    let mut officer = house.connect(&house.officer(1)).await;
    let other = json!({ "id": "other", "name": "另一单位" });
    assert_eq!(officer.post("/v1/organisations", &other).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_body_takes_an_officer_and_is_free_again_when_nothing_of_it_stands() {
    let house = House::open().await;
    let machine = house.machine("licensing", &["licensor"]).await;
    sealed_as(&house, SEAL, ISSUER).await;
    // The province's code is not the bureau's to take, not even to spoil it for the province.
    let refused = draft(&house, &machine, &definition()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "{:?}", refused.body);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(DEFINING) && detail.contains("security officer"), "{detail}");
    assert!(refused.json()["zh"].as_str().unwrap().contains("安全管理员"));
    assert_eq!(crate::seals::count(&house, "SELECT COUNT(*) AS n FROM licence_types").await, 0);
    assert!(house.entries().await.iter().any(|entry| entry.to_string().contains("licence-type.claim")));
    // Its own is.
    let mut own = definition();
    own["code"] = json!(format!("{ISSUER}001"));
    own["defining_body"]["code"] = json!(ISSUER);
    assert_eq!(draft(&house, &machine, &own).await.status, 201);

    // An officer has the bureau keep the province's; from then on the bureau drafts its versions, and nobody else.
    another(&house).await;
    let asked = |organisation: &str| json!({ "definition": definition(), "templates": templates(), "organisation": organisation });
    let mut officer = house.connect(&house.officer(1)).await;
    let drafted = officer.post("/v1/licence-types", &asked("bureau")).await;
    assert_eq!(drafted.status, 201, "{:?}", drafted.body);
    assert_eq!(draft(&house, &machine, &definition()).await.json()["number"], 2);
    assert_eq!(officer.post("/v1/licence-types", &asked("other")).await.json()["number"], 3);
    assert_eq!(keeper(&house, FOOD).await, "bureau", "whose type it is does not change");
    // Taken back and refused, all of it: the code is free, and who drafts it next keeps it.
    for (number, what) in [(1, "withdraw"), (2, "withdraw"), (3, "submit"), (3, "refuse")] {
        let who = house.officer(if what == "refuse" { 2 } else { 1 });
        let done = step(&house, &who, FOOD, number, what).await;
        assert_eq!(done.status, 200, "{number} {what}: {:?}", done.body);
    }
    assert_eq!(draft(&house, &machine, &definition()).await.problem(), "forbidden");
    let drafted = officer.post("/v1/licence-types", &asked("other")).await;
    assert_eq!((drafted.status, &drafted.json()["number"]), (201, &json!(4)), "{:?}", drafted.body);
    assert_eq!(keeper(&house, FOOD).await, "other");
    assert_eq!(draft(&house, &machine, &definition()).await.problem(), "forbidden");
    audited(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_draft_a_type_at_once_one_keeps_it_and_no_draft_is_entered_for_another() {
    let house = House::open().await;
    equipped(&house).await;
    another(&house).await;
    for number in 11..19 {
        let mut definition = definition();
        let code = format!("{DEFINING}0{number}");
        definition["code"] = json!(code);
        let asked = |organisation: &str| json!({ "definition": definition, "templates": templates(), "organisation": organisation });
        let (mut one, mut two) =
            (house.connect(&house.officer(1)).await, house.connect(&house.officer(2)).await);
        let (bureau, other) = (asked("bureau"), asked("other"));
        let (one, two) =
            tokio::join!(one.post("/v1/licence-types", &bureau), two.post("/v1/licence-types", &other));
        let mut drafted = 0;
        for answer in [one, two] {
            match answer.status {
                201 => drafted += 1,
                _ => assert_eq!(answer.problem(), "conflict", "{:?}", answer.body),
            }
        }
        assert!(drafted >= 1);
        let keeper = format!("organisation:{}", keeper(&house, &code).await);
        let entries = house.entries().await;
        let of = entries.iter().filter(|entry| {
            entry["action"] == "licence-type.draft" && entry["facts"]["type"] == code.as_str()
        });
        let resources: Vec<_> = of.map(|entry| entry["resource"].as_str().unwrap().to_owned()).collect();
        assert_eq!(resources, vec![keeper; drafted], "{code}");
    }
}
