//! Previews: what a type's licences would look like, before anything is drafted.

use http::Method;
use serde_json::{Value, json};

use super::*;

fn wanted(form: &str, values: Option<Value>) -> Value {
    let shipped = |name: &str| {
        let path = format!("{}/../../policies/licence-templates/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let files = [
        "food-operation-original.toml",
        "food-operation-original.svg",
        "food-operation-duplicate.toml",
        "food-operation-duplicate.svg",
        "food-operation-overprint.toml",
    ];
    let files: BTreeMap<&str, String> = files.into_iter().map(|name| (name, shipped(name))).collect();
    let definition: Value = serde_json::from_str(&shipped("food-operation-permit.json")).unwrap();
    json!({ "definition": definition, "templates": files, "form": form, "values": values })
}

async fn preview(house: &House, who: &Credential, body: &Value, accept: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("accept", accept)];
    let mut client = house.connect(who).await;
    client.send(Method::POST, "/v1/licence-types/preview", &headers, body.to_string().into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licensor_sees_every_form_as_a_sample_and_what_is_wrong_with_it() {
    let house = House::open().await;
    let machine = house.machine("licensing", &["licensor"]).await;
    for form in ["original", "duplicate", "overprint"] {
        for values in [Some(Value::Object(fields())), None] {
            let answer = preview(&house, &machine, &wanted(form, values), "application/pdf").await;
            assert_eq!(answer.status, 200, "{form}: {}", answer.problem());
            assert_eq!(answer.header("content-type"), "application/pdf");
            assert!(answer.body.starts_with(b"%PDF-1.7"));
        }
        let told = preview(&house, &machine, &wanted(form, None), "application/json").await.json();
        let findings = told["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| finding["severity"] == "note"), "{findings:?}");
    }

    // A field that stands nowhere is told in both languages; a page that leads out of the file is refused.
    let mut unplaced = wanted("original", None);
    let settings = unplaced["templates"]["food-operation-original.toml"].as_str().unwrap().to_owned();
    unplaced["templates"]["food-operation-original.toml"] =
        json!(settings.replace("\"representative_id\", ", ""));
    let told = preview(&house, &machine, &unplaced, "application/json").await.json();
    let found = &told["findings"][0];
    assert_eq!(
        (found["severity"].as_str(), found["place"].as_str()),
        (Some("error"), Some("representative_id"))
    );
    assert!(found["zh"].as_str().unwrap().contains("left-out"), "{found}");
    let mut outside = wanted("original", None);
    let page = outside["templates"]["food-operation-original.svg"].as_str().unwrap().to_owned();
    let leads = "<image href=\"file:///etc/passwd\"/></svg>";
    outside["templates"]["food-operation-original.svg"] = json!(page.replace("</svg>", leads));
    let answer = preview(&house, &machine, &outside, "application/pdf").await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-parameter"));

    // Values that the schema does not let through, a form the type does not have, no body at all.
    let mut wrong = fields();
    wrong.insert("credit_code".to_owned(), json!("91990000MA0E000187"));
    let answer =
        preview(&house, &machine, &wanted("original", Some(Value::Object(wrong))), "application/pdf").await;
    assert_eq!(answer.problem(), "invalid-parameter");
    assert_eq!(answer.json()["faults"][0]["pointer"], "/credit_code", "{:?}", answer.json());
    let mut formless = wanted("duplicate", None);
    formless["definition"]["templates"].as_object_mut().unwrap().remove("duplicate");
    assert_eq!(preview(&house, &machine, &formless, "application/pdf").await.problem(), "invalid-parameter");
    assert_eq!(preview(&house, &machine, &json!([]), "application/pdf").await.problem(), "malformed-request");

    // Whoever has no business with drafts has none with previews.
    let verifier = house.machine("verifying", &["verifier"]).await;
    let answer = preview(&house, &verifier, &wanted("original", None), "application/pdf").await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
}
