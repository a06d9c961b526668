//! Sealing over the platform API: parameters, several seals in one act, refusals and repetitions.

use http::Method;
use serde_json::{Value, json};

use crate::house::{Answer, Client, Credential, House};

/// A PDF of `pages` pages with an empty signature field `Approval`, a text field `note`, and `extra` octets of comment.
pub fn pdf(pages: usize, extra: usize) -> Vec<u8> {
    pdf_with(pages, extra, "")
}

/// The same, with `more` in its signature field.
pub fn pdf_with(pages: usize, extra: usize, more: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    out.extend(std::iter::repeat_n(b"%x\n".as_slice(), extra / 3).flatten());
    let kids: Vec<String> = (0..pages).map(|page| format!("{} 0 R", page + 5)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[3 0 R 4 0 R]>>>>".to_owned(),
        format!("<</Type/Pages/Kids[{}]/Count {pages}>>", kids.join(" ")),
        format!("<</FT/Sig/T(Approval)/Type/Annot/Subtype/Widget/Rect[300 100 420 220]/F 4/P 5 0 R{more}>>"),
        "<</FT/Tx/T(note)/Type/Annot/Subtype/Widget/Rect[50 50 150 70]/F 4/P 5 0 R>>".to_owned(),
    ];
    objects.extend((0..pages).map(|page| {
        let fields = if page == 0 { "/Annots[3 0 R 4 0 R]" } else { "" };
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]{fields}>>")
    }));
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).bytes());
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").bytes()));
    let size = objects.len() + 1;
    out.extend(format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}

/// A multipart body of `parts`: name, file name, octets.
pub fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, octets) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend(head.bytes());
        body.extend_from_slice(octets);
        body.extend(b"\r\n");
    }
    body.extend(b"--frontier--\r\n");
    body
}

pub const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=frontier");

/// A house with these seals of the organisation `bureau`, and a machine of it that may use them.
pub async fn furnished(limits: &str, seals: &[&str]) -> (House, Credential) {
    let house = House::with(limits).await;
    let machine = furnish(&house, seals).await;
    (house, machine)
}

/// The same in a house that stands.
pub async fn furnish(house: &House, seals: &[&str]) -> Credential {
    let machine = house.machine("approvals", &["sealer"]).await;
    for seal in seals {
        made(house, seal, "bureau").await;
    }
    machine
}

async fn made(house: &House, seal: &str, organisation: &str) {
    let picture =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/example/seal.png")).unwrap();
    house.seal(seal, organisation, &picture).await;
}

pub async fn revoke(house: &House, seal: &str) {
    let mut officer = house.connect(&house.officer(1)).await;
    let certificate = officer.get(&format!("/v1/seals/{seal}")).await.json()["certificate"].clone();
    let path = format!("/v1/certificates/{}/revoke", certificate.as_str().unwrap());
    let answer = officer.post(&path, &json!({ "reason": "cessationOfOperation" })).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

async fn several(client: &mut Client, request: &Value, document: &[u8], more: &[(&str, &str)]) -> Answer {
    let body =
        form(&[("request", None, request.to_string().as_bytes()), ("document", Some("a.pdf"), document)]);
    let headers = [&[FORM], more].concat();
    client.send(Method::POST, "/v1/documents/seal", &headers, body).await.unwrap()
}

async fn single(client: &mut Client, query: &str, document: Vec<u8>) -> Answer {
    let kind = [("content-type", "application/pdf")];
    client.send(Method::POST, &format!("/v1/documents/seal?{query}"), &kind, document).await.unwrap()
}

pub async fn uses(house: &House) -> i64 {
    house
        .app
        .db
        .fetch_optional("SELECT count(*) AS n FROM seal_uses", &[])
        .await
        .unwrap()
        .unwrap()
        .int("n")
        .unwrap()
}

pub fn sha256(octets: &[u8]) -> String {
    hex::encode(crypto::DigestAlgorithm::Sha256.digest(octets))
}

#[tokio::test(flavor = "multi_thread")]
async fn several_seals_are_one_act_and_each_has_its_own_revision_and_record() {
    let (house, machine) = furnished("", &["first", "second", "third"]).await;
    let mut client = house.connect(&machine).await;
    let document = pdf(2, 300_000);
    let request = json!({ "seals": [
        { "seal": "first", "page": 1, "x_mm": 20, "y_mm": 20, "case_number": "2026-1", "reason": "批准" },
        { "seal": "second", "page": -1, "x_mm": 20, "y_mm": 20 },
        { "seal": "third", "field": "Approval", "place": "field" },
    ]});
    let answer = several(&mut client, &request, &document, &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, "application/pdf"), "{:?}", answer.body);
    assert!(answer.body.starts_with(&document), "the original is not rewritten");
    let split = |name: &str| answer.header(name).split(", ").map(str::to_owned).collect::<Vec<_>>();
    let (records, leaves) = (split("cinnabar-records"), split("cinnabar-leaves"));
    assert_eq!((records.len(), leaves.len()), (3, 3));
    assert_eq!(answer.header("location"), format!("/v1/seal-uses/{}", records[0]));
    assert_eq!(answer.header("cinnabar-leaf"), leaves[0]);
    let mut before = sha256(&document);
    for (record, leaf) in records.iter().zip(&leaves) {
        let record = client.get(&format!("/v1/seal-uses/{record}")).await.json();
        assert_eq!(record["original_digest"], before, "each seal stands on what the one before left");
        assert_eq!(record["leaf"].to_string(), *leaf);
        let length = usize::try_from(record["result_length"].as_i64().unwrap()).unwrap();
        before = sha256(&answer.body[..length]);
        assert_eq!(record["result_digest"], before);
    }
    assert_eq!(before, sha256(&answer.body), "the last record is of the whole answer");
    let entries = house.entries().await;
    let sequences: Vec<_> = entries.iter().filter(|e| e.to_string().contains("\"sequence\"")).collect();
    assert_eq!(sequences.len(), 3);
    assert!(sequences.iter().all(|entry| entry["action"] == "document.seal"));
    let report = client
        .send(
            Method::POST,
            "/v1/documents/verify",
            &[("content-type", "application/pdf")],
            answer.body.to_vec(),
        )
        .await
        .unwrap()
        .json();
    let signatures = report["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 3);
    for signature in signatures {
        assert_eq!(signature["integrity"], "intact", "{signature}");
        assert_eq!(signature["changes_allowed"], true, "{signature}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_seal_among_several_is_named_and_none_is_set() {
    let (house, machine) = furnished("", &["first", "second", "third"]).await;
    let mut client = house.connect(&machine).await;
    let request = json!({ "seals": [{ "seal": "first" }, { "seal": "second" }, { "seal": "third" }] });
    let answer = several(&mut client, &request, &pdf(1, 0), &[]).await;
    assert_eq!(answer.status, 201, "all of them are ready: {:?}", answer.body);
    let before = uses(&house).await;
    revoke(&house, "second").await;
    // Known as ready, refused at the commit; then known as revoked.
    for _ in 0..2 {
        let answer = several(&mut client, &request, &pdf(1, 0), &[]).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "seal-not-usable"));
        assert_eq!(
            (answer.json()["seal"].as_str(), answer.json()["index"].as_u64()),
            (Some("second"), Some(1))
        );
        assert_eq!(uses(&house).await, before, "nothing is recorded");
    }
    let rest = json!({ "seals": [{ "seal": "first" }, { "seal": "third" }] });
    assert_eq!(several(&mut client, &rest, &pdf(1, 0), &[]).await.status, 201, "the others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_of_another_house_among_several_is_refused_before_the_document_is_taken() {
    let (house, machine) = furnished("", &["own"]).await;
    let mut officer = house.connect(&house.officer(1)).await;
    officer.post("/v1/organisations", &json!({ "id": "other", "name": "其他" })).await;
    made(&house, "foreign", "other").await;
    let mut client = house.connect(&machine).await;
    let request = json!({ "seals": [{ "seal": "own" }, { "seal": "foreign" }] });
    let answer = several(&mut client, &request, &pdf(1, 0), &[]).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
    assert_eq!((answer.json()["seal"].as_str(), answer.json()["index"].as_u64()), (Some("foreign"), Some(1)));
    assert_eq!((uses(&house).await, house.refusals("forbidden").await), (0, 1));
    let unknown = json!({ "seals": [{ "seal": "own" }, { "seal": "nowhere" }] });
    let answer = several(&mut client, &unknown, &pdf(1, 0), &[]).await;
    assert_eq!((answer.status, answer.json()["index"].as_u64()), (404, Some(1)));
    let verifier = house.machine("reader", &["verifier"]).await;
    let answer = single(&mut house.connect(&verifier).await, "seal=own", pdf(1, 0)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_forbids_a_later_seal_and_says_which() {
    let (house, machine) = furnished("", &["first", "second"]).await;
    let mut client = house.connect(&machine).await;
    let request = json!({ "seals": [{ "seal": "first", "certify": 1 }, { "seal": "second" }] });
    let answer = several(&mut client, &request, &pdf(1, 0), &[]).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "pdf-forbids"));
    assert_eq!((answer.json()["seal"].as_str(), answer.json()["index"].as_u64()), (Some("second"), Some(1)));
    assert_eq!(uses(&house).await, 0);
    let far =
        json!({ "seals": [{ "seal": "first" }, { "seal": "second", "page": 9, "x_mm": 1, "y_mm": 1 }] });
    let answer = several(&mut client, &far, &pdf(1, 0), &[]).await;
    assert_eq!((answer.problem().as_str(), answer.json()["index"].as_u64()), ("placement-invalid", Some(1)));
    assert_eq!(uses(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn certification_locks_and_fields_stand_in_the_signature() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let has = |answer: &Answer, text: &str| answer.body.windows(text.len()).any(|w| w == text.as_bytes());
    let answer =
        single(&mut client, "seal=first&certify=2&lock=include&lock_fields=note&field=Named", pdf(1, 0))
            .await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    for text in ["/DocMDP", "/FieldMDP", "/Include", "(Named)"] {
        assert!(has(&answer, text), "{text}");
    }
    for (query, problem) in [
        ("seal=first&certify=4", "invalid-parameter"),
        ("seal=first&lock=include&lock_fields=nowhere", "invalid-parameter"),
        ("seal=first&field=note", "invalid-parameter"),
        ("seal=first&place=field&field=New", "placement-invalid"),
        ("seal=first&surprise=1", "malformed-request"),
    ] {
        assert_eq!(single(&mut client, query, pdf(1, 0)).await.problem(), problem, "{query}");
    }
    let signed = single(&mut client, "seal=first&field=Approval", pdf(1, 0)).await.body.to_vec();
    let again = single(&mut client, "seal=first&field=Approval", signed).await;
    assert_eq!((again.status, again.problem().as_str()), (422, "pdf-forbids"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_order_of_several_seals_is_answered_the_same_and_another_body_is_not() {
    let (house, machine) = furnished("", &["first", "second"]).await;
    let mut client = house.connect(&machine).await;
    let request = json!({ "seals": [{ "seal": "first" }, { "seal": "second" }] });
    let key = [("idempotency-key", "order-1")];
    let first = several(&mut client, &request, &pdf(1, 0), &key).await;
    let again = several(&mut client, &request, &pdf(1, 0), &key).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert!(first.body == again.body);
    for name in ["cinnabar-records", "cinnabar-leaves", "location", "content-digest"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    assert_eq!(uses(&house).await, 2);
    let other = several(&mut client, &request, &pdf(2, 0), &key).await;
    assert_eq!(other.problem(), "idempotency-key-reused");
    let turned = json!({ "seals": [{ "seal": "second" }, { "seal": "first" }] });
    assert_eq!(several(&mut client, &turned, &pdf(1, 0), &key).await.problem(), "idempotency-key-reused");
    assert_eq!(uses(&house).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_requests_at_the_same_time_seal_once() {
    let (house, machine) = furnished("", &["first", "second"]).await;
    let request = json!({ "seals": [{ "seal": "first" }, { "seal": "second" }] });
    let mut running = Vec::new();
    for _ in 0..6 {
        let (mut client, request) = (house.connect(&machine).await, request.clone());
        running.push(tokio::spawn(async move {
            several(&mut client, &request, &pdf(1, 0), &[("idempotency-key", "same")]).await
        }));
    }
    let mut bodies = Vec::new();
    for one in running {
        let answer = one.await.unwrap();
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "the loser gets the winner's answer");
    assert_eq!(uses(&house).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_not_as_described_is_refused_with_the_reason() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    let request = br#"{"seal":"first"}"#.as_slice();
    for (parts, problem) in [
        (vec![], "malformed-request"),
        (vec![("document", None, document.as_slice()), ("request", None, request)], "malformed-request"),
        (vec![("request", None, request)], "malformed-request"),
        (vec![("request", None, b"{".as_slice()), ("document", None, &document)], "malformed-request"),
        (
            vec![("request", None, br#"{"seals":[]}"#.as_slice()), ("document", None, &document)],
            "invalid-parameter",
        ),
        (vec![("request", None, request), ("document", None, b"".as_slice())], "malformed-request"),
        (vec![("request", None, request), ("document", None, b"no PDF".as_slice())], "pdf-unreadable"),
        (
            vec![("request", None, request), ("document", None, &document), ("document", None, &document)],
            "malformed-request",
        ),
    ] {
        let answer = client.send(Method::POST, "/v1/documents/seal", &[FORM], form(&parts)).await.unwrap();
        assert_eq!(answer.problem(), problem, "{:?}", answer.body);
    }
    let many: Vec<_> = (0..17).map(|_| json!({ "seal": "first" })).collect();
    let answer = several(&mut client, &json!({ "seals": many }), &document, &[]).await;
    assert_eq!((answer.problem().as_str(), answer.json()["limit"].as_u64()), ("invalid-parameter", Some(16)));
    let body = form(&[("request", None, request), ("document", None, &document)]);
    let answer = client.send(Method::POST, "/v1/documents/seal?seal=first", &[FORM], body).await.unwrap();
    assert_eq!(answer.problem(), "malformed-request");
    assert_eq!(uses(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_and_links_beside_a_seal_need_what_the_operator_configures() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let place = "seal=first&page=1&x_mm=20&y_mm=20";
    for wish in ["lines=signer,time", "qr=true"] {
        let answer = single(&mut client, &format!("{place}&{wish}"), pdf(1, 0)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "looks-unavailable"), "{wish}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("[documents]"), "says how to mend it");
    }
    assert_eq!(uses(&house).await, 0);
    let font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
    let more = format!("[documents]\nfont = \"{font}\"\nverification_url = \"https://verify.example/r/\"");
    let (house, machine) = furnished(&more, &["first"]).await;
    let mut client = house.connect(&machine).await;
    let asked =
        format!("{place}&lines=signer,time,record&lines_language=en&qr=true&qr_side=left&paging=right");
    let answer = single(&mut client, &asked, pdf(3, 0)).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let record = client.get(answer.header("location")).await.json();
    assert_eq!(record["placement"]["paging"]["edge"], "right", "{record}");
    let chinese = single(&mut client, &format!("{place}&lines=signer&lines_language=zh"), pdf(1, 0)).await;
    assert_eq!(chinese.problem(), "placement-invalid", "the font lacks the letters: {:?}", chinese.body);
    let one = single(&mut client, "seal=first&paging=right", pdf(1, 0)).await;
    assert_eq!(one.problem(), "placement-invalid", "one page has no other to share a seal with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_font_that_is_none_keeps_the_service_from_starting() {
    for (font, said) in [("/nowhere.ttf", "cannot read"), ("/etc/hostname", "documents.font")] {
        let more = format!("[documents]\nfont = \"{font}\"");
        let started = tokio::spawn(async move { House::sealed(&more).await.app.phase() });
        let failed = started.await.unwrap_err().into_panic();
        let text = failed.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(text.contains("Font") || text.contains("Unreadable"), "{said}: {text}");
    }
}
