//! The register of seals over the platform API: previews, applications of a whole county, filing records.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use pki::cms::{Integrity, Limits, SignedData};
use serde_json::{Value, json};

use super::documents::{FORM, form, sha256};
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

/// An application of the machine as a form of these parts: name, file name, octets.
async fn apply(client: &mut Client, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
    client.send(Method::POST, "/v1/seal-applications", &[FORM], form(parts)).await.unwrap()
}

fn request(seal: &str) -> Vec<u8> {
    let draw = json!({ "purpose": "行政审批专用章" });
    let request = json!({ "operation": "make", "seal": seal, "organisation": "bureau", "kind": 6,
        "name": "示范县行政审批服务局", "level": "county", "draw": draw,
        "holder": { "kind": "organisation", "number": "91350100M000100Y43" } });
    request.to_string().into_bytes()
}

const LETTER: &[u8] = b"%PDF-1.7 an authorisation of somebody";

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_of_authorisation_is_kept_encrypted_and_read_with_an_entry() {
    let house = House::with(FONT).await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut client = house.connect(&machine).await;
    let answer = apply(
        &mut client,
        &[
            ("request", None, &request("bureau-seal")),
            ("authorisation", Some("授权书.pdf"), LETTER),
            ("registration", Some("证书.jpg"), b"\xFF\xD8\xFF\xE0 a certificate"),
        ],
    )
    .await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let application = answer.json();
    assert_eq!(application["wanted"]["width_um"], 38_000, "drawn as a seal of special purpose");
    let path = format!("/v1/seal-applications/{}", application["id"].as_str().unwrap());
    let picture = client.get(&format!("{path}/picture")).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));

    let documents = client.get(&format!("{path}/documents")).await.json()["documents"].clone();
    let kinds: Vec<_> = documents.as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["authorisation", "registration"]);
    assert_eq!(
        (&documents[0]["name"], &documents[0]["media_type"]),
        (&json!("授权书.pdf"), &json!("application/pdf"))
    );
    let entries = house.entries().await;
    let digest = sha256(LETTER);
    assert_eq!(documents[0]["sha256"], digest);
    let entered = |word: &str| entries.iter().filter(|entry| entry.to_string().contains(word)).count();
    assert_eq!(entered(&digest), 1, "its digest stands in the log");
    let rows = house.app.db.fetch_all("SELECT sealed FROM seal_documents", &[]).await.unwrap();
    let stored = format!("{rows:?}");
    assert!(!stored.contains("authorisation of somebody") && !stored.contains(&hex::encode(LETTER)));

    let one = format!("{path}/documents/{}", documents[0]["id"].as_str().unwrap());
    let answer = house.connect(&house.officer(2)).await.get(&one).await;
    assert_eq!((answer.status, answer.body.as_ref()), (200, LETTER));
    assert_eq!(answer.header("content-type"), "application/pdf");
    let read = house.entries().await.len();
    assert_eq!(read, entries.len() + 1, "the reading is an entry");
    let verifier = house.machine("verifiers", &["verifier"]).await;
    assert_eq!(house.connect(&verifier).await.get(&one).await.status, 403);
    let other = client.get(&format!("{path}/documents/{}", application["id"].as_str().unwrap())).await;
    assert_eq!((other.status, other.problem().as_str()), (404, "not-found"));

    for (name, file, octets, status) in [
        ("authorisation", "a.pdf", b"<html>".as_slice(), 422),
        ("authorisation", "a.pdf", b"", 413),
        ("authorisation", "\u{202E}.pdf", LETTER, 422),
        ("letter", "a.pdf", LETTER, 400),
    ] {
        let answer =
            apply(&mut client, &[("request", None, &request("other")), (name, Some(file), octets)]).await;
        assert_eq!(answer.status, status, "{name} {file}: {:?}", answer.body);
    }
}

async fn import(client: &mut Client, table: &str, accept: &str) -> Answer {
    let headers = [("content-type", "text/csv"), ("accept", accept)];
    let table = table.as_bytes().to_vec();
    client.send(Method::POST, "/v1/seal-applications/batch", &headers, table).await.unwrap()
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body.split(|octet| *octet == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_countys_table_is_applied_for_row_by_row_and_known_when_sent_again() {
    let house = House::with(FONT).await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut client = house.connect(&machine).await;
    let number = "11010519491231002X";
    let table = format!(
        "印章标识,单位标识,印章名称,印章类型,级别,统一社会信用代码,持有人类型,持有人名称\n\
         gov,bureau,示范县人民政府,1,县级,91350100M000100Y43,,\n\
         finance,bureau,示范县财政局财务专用章,财务,县级,,,\n\
         wrong-code,bureau,示范县税务局,,,91350100M000100Y44,,\n\
         nowhere,unknown,示范县水利局,,,,,\n\
         gov,bureau,示范县人民政府,1,县级,,,\n\
         person,bureau,李建国印,0,,{number},自然人,李建国\n\
         too/odd,bureau,示范县林业局,,,,,\n"
    );
    let first = lines(&import(&mut client, &table, "*/*").await);
    let told: Vec<_> =
        first.iter().map(|row| (row["line"].as_u64().unwrap(), row["status"].as_str().unwrap())).collect();
    let wanted = [
        (2, "applied"),
        (3, "applied"),
        (4, "failed"),
        (5, "failed"),
        (6, "failed"),
        (7, "applied"),
        (8, "failed"),
    ];
    assert_eq!(told, wanted, "{first:#?}");
    for row in first.iter().filter(|row| row["status"] == "failed") {
        assert!(row["problem"]["detail"].is_string() && row["problem"]["type"].is_string(), "{row}");
    }
    assert!(first[2]["problem"]["zh"].as_str().unwrap().contains("校验位"), "{}", first[2]);

    // The number of a person stands nowhere in clear.
    let entries = house.entries().await;
    assert!(!entries.iter().any(|entry| entry.to_string().contains(number)));
    let rows = house.app.db.fetch_all("SELECT wanted, holder_number_hash FROM seal_applications", &[]).await;
    let rows = rows.unwrap();
    assert_eq!(rows.len(), 3);
    assert!(!format!("{rows:?}").contains(number));
    let hashes = rows.iter().filter(|row| row.text("holder_number_hash").is_ok_and(|hash| hash.len() == 64));
    assert_eq!(hashes.count(), 1);

    // Sent again with the wrong rows mended: what is there is known.
    let mended =
        table.replace("91350100M000100Y44", "91350100M000100Y43").replace("nowhere,unknown", "water,bureau");
    let (gb, _, _) = encoding_rs::GB18030.encode(&mended);
    let headers = [("content-type", "text/csv"), ("accept", "text/csv")];
    let answer =
        client.send(Method::POST, "/v1/seal-applications/batch", &headers, gb.to_vec()).await.unwrap();
    assert_eq!((answer.status, answer.header("content-type").starts_with("text/csv")), (200, true));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let states: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(3).unwrap().trim_matches('"').to_owned())
        .collect();
    assert_eq!(states, ["known", "known", "applied", "applied", "failed", "known", "failed"], "{text}");

    for (table, told) in [
        ("seal,organisation,name,colour\na,b,c,d\n", "colour"),
        ("seal,name\na,b\n", "organisation"),
        ("", "row"),
    ] {
        let answer = import(&mut client, table, "*/*").await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-parameter"));
        assert!(answer.json()["detail"].as_str().unwrap().contains(told), "{:?}", answer.body);
    }
    let verifier = house.machine("verifiers", &["verifier"]).await;
    let answer = import(&mut house.connect(&verifier).await, &table, "*/*").await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filing_record_is_signed_by_the_seal_maker_and_entered() {
    let house = House::with(FONT).await;
    let machine = house.machine("approvals", &["sealer"]).await;
    let mut client = house.connect(&machine).await;
    let parts =
        [("request", None, request("bureau-seal")), ("authorisation", Some("授权书.pdf"), LETTER.to_vec())];
    let parts: Vec<_> = parts.iter().map(|(name, file, octets)| (*name, *file, octets.as_slice())).collect();
    let application = apply(&mut client, &parts).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(house.step(&house.officer(2), &application, "approve").await.status, 200);
    let made = house.step(&house.officer(1), &application, "carry-out").await;
    assert_eq!(made.status, 200, "{:?}", made.body);

    let answer = house.connect(&house.officer(1)).await.get("/v1/seals/bureau-seal/filing").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let filing = answer.json();
    let text = filing["record"].as_str().unwrap();
    let record: Value = serde_json::from_str(text).unwrap();
    assert_eq!(record["organisation"], json!({ "id": "bureau", "name": "示范市行政审批局" }));
    assert_eq!(record["holder"]["number"], "91350100M000100Y43");
    assert_eq!((&record["kind"]["name"], &record["state_name"]), (&json!("业务专用章"), &json!("正常")));
    assert_eq!(record["documents"][0]["sha256"], sha256(LETTER));
    assert_eq!(record["application"]["id"], application);
    let code = record["code"].as_str().unwrap();
    assert!(code.len() == 14 && record["filing"].is_string(), "{record}");
    let octets = |name: &str| STANDARD.decode(filing[name].as_str().unwrap()).unwrap();
    let eseal = octets("eseal");
    assert_eq!(record["eseal_sha256"], sha256(&eseal));
    assert_eq!(record["picture"]["sha256"], sha256(&octets("picture")));
    // The structure holds a PNG of the drawn picture.
    let seal = eseal::Seal::parse(&eseal).unwrap().value;
    assert_eq!(seal.picture().kind, "PNG");
    assert!(seal.picture().data.starts_with(b"\x89PNG"));

    let maker = pki::Certificate::from_pem(filing["maker"].as_str().unwrap().as_bytes()).unwrap().remove(0);
    let signed = SignedData::parse(&octets("signature"), &Limits::default()).unwrap();
    let check = |record: &str| signed.verify_message(&[], record.as_bytes()).integrity == Integrity::Intact;
    assert_eq!(signed.verify_message(&[], text.as_bytes()).signer.unwrap().der(), maker.der());
    assert!(check(text) && !check(&text.replace("bureau", "other")));
    let entries = house.entries().await;
    assert!(entries.iter().any(|entry| entry.to_string().contains(&sha256(text.as_bytes()))), "entered");
    assert_eq!(client.get("/v1/seals/bureau-seal/filing").await.status, 403);
    let unknown = house.connect(&house.officer(1)).await.get("/v1/seals/nowhere/filing").await;
    assert_eq!((unknown.status, unknown.problem().as_str()), (404, "not-found"));
}
