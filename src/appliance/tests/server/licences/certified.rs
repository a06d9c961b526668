//! What is issued is finished: its seal certifies it, and nothing may follow but what proves it (ISO 32000-2 §12.8.2.2).

use serde_json::{Value, json};

use super::*;

fn has(octets: &[u8], text: &str) -> bool {
    octets.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_set_on_a_licence_or_a_copy_of_one_once_it_is_sealed() {
    let office = Office::open().await;
    let house = &office.house;
    house.seal("second", "bureau", &crate::seals::picture()).await;
    let sealer = house.machine("sealing", &["sealer"]).await;
    let mut client = house.connect(&office.machine).await;
    let issued = client.post("/v1/licences", &issue::order(fields())).await;
    assert_eq!(issued.status, 201, "{:?}", issued.body);
    let licence = issued.json();
    let document = |kind: &str| {
        let all = licence["documents"].as_array().unwrap();
        let one: &Value = all.iter().find(|one| one["kind"] == kind).unwrap();
        one["url"].as_str().unwrap().to_owned()
    };
    let until = jiff::Timestamp::from_second(crate::house::now() + 86_400).unwrap().to_string();
    let wanted = json!({ "purpose": "办理贷款", "recipient": "示例银行", "until": until });
    let id = licence["id"].as_str().unwrap();
    let copy = client.post(&format!("/v1/licences/{id}/annotated-copies"), &wanted).await;
    assert_eq!(copy.status, 201, "{:?}", copy.body);
    let original = client.get(&document("original")).await.body.to_vec();
    let duplicate = client.get(&document("duplicate")).await.body.to_vec();
    let kind = [("content-type", "application/pdf")];
    let mut sealing = house.connect(&sealer).await;
    let before = crate::seals::count(house, "SELECT COUNT(*) AS n FROM seal_uses").await;
    for (name, octets) in [("original", original), ("duplicate", duplicate), ("copy", copy.body.to_vec())] {
        assert!(has(&octets, "/DocMDP") && has(&octets, "/P 1"), "{name} is certified against any change");
        for place in ["place=invisible", "page=1&x_mm=20&y_mm=20"] {
            let path = format!("/v1/documents/seal?seal=second&{place}");
            let answer = sealing.send(Method::POST, &path, &kind, octets.clone()).await.unwrap();
            assert_eq!((answer.status, answer.problem().as_str()), (422, "pdf-forbids"), "{name} {place}");
        }
    }
    // What is printed on paper that is printed already bears no seal to certify it.
    let overprint = client.get(&document("overprint")).await.body.to_vec();
    assert!(!has(&overprint, "/ByteRange") && !has(&overprint, "/DocMDP"));
    assert_eq!(crate::seals::count(house, "SELECT COUNT(*) AS n FROM seal_uses").await, before);
}
