//! The register of seals over the platform API: previews, applications of a whole county, filing records.

use http::Method;
use serde_json::{Value, json};

use super::house::{Answer, Client, Credential, House};

const FONT: &str =
    "[documents]\nfont = \"/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc\"\nfont_index = 2";

async fn preview(client: &mut Client, drawing: &Value, accept: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("accept", accept)];
    client.send(Method::POST, "/v1/seals/preview", &headers, drawing.to_string().into_bytes()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_is_looked_at_before_it_is_made() {
    let house = House::with(FONT).await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut client = house.connect(&machine).await;
    let drawing = json!({ "name": "示范县行政审批服务局", "level": "city", "code": "37030000001721" });
    let answer = preview(&mut client, &drawing, "image/png").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"), "{:?}", answer.body);
    // 45 mm at 600 dots to the inch; width and height stand in the first chunk.
    assert_eq!(answer.body[16..24], [0, 0, 4, 39, 0, 0, 4, 39]);
    let answer = preview(&mut client, &drawing, "image/svg+xml").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/svg+xml"));
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert!(answer.body.starts_with(b"<svg ") && !answer.body.windows(5).any(|part| part == b"<text"));
    let entered = house.entries().await.iter().filter(|entry| entry.to_string().contains("preview")).count();
    assert_eq!(entered, 0, "a preview leaves nothing: {:#?}", house.entries().await);

    for (drawing, accept, status, problem) in [
        (json!({ "shape": "oval" }), "*/*", 422, "invalid-parameter"),
        (json!({ "name": "示" }), "*/*", 422, "invalid-parameter"),
        (json!({ "name": "\u{1F600}章" }), "*/*", 422, "invalid-parameter"),
        (drawing, "application/pdf", 406, "not-acceptable"),
    ] {
        let answer = preview(&mut client, &drawing, accept).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{drawing}");
    }
    let verifier: Credential = house.machine("verifiers", &["verifier"]).await;
    let answer = preview(&mut house.connect(&verifier).await, &json!({ "name": "示范县" }), "*/*").await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_font_a_preview_says_how_to_have_one() {
    let house = House::open().await;
    let answer =
        preview(&mut house.connect(&house.officer(1)).await, &json!({ "name": "示范县" }), "*/*").await;
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("documents.font"), "{:?}", answer.body);
}
