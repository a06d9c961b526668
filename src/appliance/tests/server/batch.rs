//! Batches: many documents in one request, each an act of its own.

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::documents::{FORM, form, furnished, pdf, revoke, sha256, uses};
use crate::house::{Answer, Client};

/// One part of a multipart/mixed answer.
struct Part {
    headers: http::HeaderMap,
    body: Vec<u8>,
}

impl Part {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
    fn index(&self) -> usize {
        self.header("cinnabar-index").parse().unwrap()
    }
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

/// The parts in the order of their indices; fails unless the answer is complete.
fn parts(kind: &str, body: &[u8]) -> Vec<Part> {
    let boundary = format!("--{}", kind.strip_prefix("multipart/mixed; boundary=").unwrap());
    let mut parts = Vec::new();
    let mut rest = body;
    loop {
        rest = rest.strip_prefix(boundary.as_bytes()).unwrap();
        if rest == b"--\r\n" {
            break;
        }
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let mut headers = http::HeaderMap::new();
        for line in std::str::from_utf8(&rest[2..end]).unwrap().split("\r\n") {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        let body = rest[end + 4..end + 4 + length].to_vec();
        rest = rest[end + 4 + length..].strip_prefix(b"\r\n").unwrap();
        parts.push(Part { headers, body });
    }
    parts.sort_by_key(Part::index);
    parts
}

async fn batch(client: &mut Client, documents: &[(&str, &[u8])], more: &[(&str, &str)]) -> Answer {
    let request = json!({ "seal": "first", "page": 1, "x_mm": 20, "y_mm": 20 }).to_string();
    let mut sent = vec![("request", None, request.as_bytes())];
    sent.extend(documents.iter().map(|(name, octets)| ("document", Some(*name), *octets)));
    let headers = [&[FORM], more].concat();
    client.send(Method::POST, "/v1/documents/seal-batch", &headers, form(&sent)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_document_in_the_middle_fails_alone() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let whole = pdf(2, 0);
    let large = pdf(1, 3_000_000);
    let documents: [(&str, &[u8]); 5] = [
        ("一.pdf", &whole),
        ("broken.pdf", &whole[..200]),
        ("large.pdf", &large),
        ("empty.pdf", b""),
        ("two.pdf", &whole),
    ];
    let answer = batch(&mut client, &documents, &[]).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let parts = parts(answer.header("content-type"), &answer.body);
    assert_eq!(parts.len(), 5);
    for index in [0, 2, 4] {
        let part = &parts[index];
        assert_eq!(part.header("content-type"), "application/pdf", "{index}");
        assert!(part.body.starts_with(documents[index].1), "{index}");
        let record = client.get(part.header("location")).await.json();
        assert_eq!(record["original_digest"], sha256(documents[index].1));
        assert_eq!(record["result_digest"], sha256(&part.body));
        assert_eq!(record["leaf"].to_string(), part.header("cinnabar-leaf"));
    }
    assert_eq!(
        (parts[1].problem().as_str(), parts[3].problem().as_str()),
        ("pdf-truncated", "malformed-request")
    );
    assert_eq!(parts[0].header("content-disposition"), "attachment; filename*=UTF-8''%E4%B8%80.pdf");
    assert_ne!(parts[0].body, parts[4].body, "the same document twice is two acts");
    assert_eq!(uses(&house).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_under_the_same_key_is_answered_as_before_in_whatever_company() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let (one, two, three) = (pdf(1, 0), pdf(2, 0), pdf(3, 0));
    let key = [("idempotency-key", "batch-1")];
    let first = batch(&mut client, &[("1", &one), ("2", &two), ("2", &two)], &key).await;
    let first = parts(first.header("content-type"), &first.body);
    let again = batch(&mut client, &[("3", &three), ("2", &two), ("1", &one)], &key).await;
    let again = parts(again.header("content-type"), &again.body);
    assert_eq!(again[1].body, first[1].body);
    assert_eq!(again[2].body, first[0].body);
    assert_eq!(again[2].header("cinnabar-leaf"), first[0].header("cinnabar-leaf"));
    assert_ne!(first[1].header("location"), first[2].header("location"));
    assert_eq!(uses(&house).await, 4, "three the first time, one new document the second");
    let other = json!({ "seal": "first" }).to_string();
    let body = form(&[("request", None, other.as_bytes()), ("document", Some("1"), &one)]);
    let headers = [FORM, key[0]];
    let answer = client.send(Method::POST, "/v1/documents/seal-batch", &headers, body).await.unwrap();
    assert_eq!(parts(answer.header("content-type"), &answer.body)[0].problem(), "idempotency-key-reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_beyond_its_bounds_is_refused_before_anything_is_sealed() {
    let bounds = "body = 200000\n[documents]\nbatch_items = 3\nbatch_bytes = 300000";
    let (house, machine) = furnished(bounds, &["first"]).await;
    let mut client = house.connect(&machine).await;
    let (small, large) = (pdf(1, 0), pdf(1, 150_000));
    for documents in [
        vec![("1", &small), ("2", &small), ("3", &small), ("4", &small)],
        vec![("1", &large), ("2", &large), ("3", &small)],
    ] {
        let documents: Vec<(&str, &[u8])> =
            documents.iter().map(|(name, pdf)| (*name, pdf.as_slice())).collect();
        let answer = batch(&mut client, &documents, &[]).await;
        assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
        client = house.connect(&machine).await;
    }
    assert_eq!(batch(&mut client, &[], &[]).await.problem(), "malformed-request");
    let unknown = form(&[("request", None, br#"{"seal":"nowhere"}"#), ("document", Some("1"), &small)]);
    let answer = client.send(Method::POST, "/v1/documents/seal-batch", &[FORM], unknown).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
    assert_eq!(uses(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_is_revoked_is_told_for_each_document() {
    let (house, machine) = furnished("", &["first"]).await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    assert_eq!(batch(&mut client, &[("1", &document)], &[]).await.status, 200);
    revoke(&house, "first").await;
    // While it is still ready in this node's cabinet each document is refused at its commit; once the node has heard of it,
    // the whole batch is.
    let answer = batch(&mut client, &[("1", &document), ("2", &document)], &[]).await;
    if answer.status == 409 {
        assert_eq!(answer.problem(), "seal-not-usable");
        assert_eq!(uses(&house).await, 1);
        return;
    }
    for part in parts(answer.header("content-type"), &answer.body) {
        assert_eq!(part.problem(), "seal-not-usable");
    }
    assert_eq!(uses(&house).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_breaks_off_has_what_was_answered_on_record_and_gives_its_room_back() {
    let (house, machine) = furnished("", &["first"]).await;
    let document = pdf(1, 2_000_000);
    let request = json!({ "seal": "first" }).to_string();
    let mut sent = vec![("request", None, request.as_bytes())];
    sent.extend((0..12).map(|_| ("document", Some("a.pdf"), document.as_slice())));
    let body = form(&sent);
    let mut stream = house.raw(&machine).await;
    let head = format!(
        "POST /v1/documents/seal-batch HTTP/1.1\r\nhost: localhost\r\n{}: {}\r\ncontent-length: {}\r\n\r\n",
        FORM.0,
        FORM.1,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    // The TLS stream keeps what the socket did not take yet.
    stream.flush().await.unwrap();
    let mut answered = Vec::new();
    while answered.len() < 2_500_000 {
        let mut buffer = vec![0; 65_536];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the answer ended early");
        answered.extend_from_slice(&buffer[..count]);
    }
    drop(stream);
    let text = String::from_utf8_lossy(&answered);
    let records: Vec<&str> =
        text.split("cinnabar-records: ").skip(1).filter_map(|rest| rest.get(..36)).collect();
    assert!(!records.is_empty());
    let mut client = house.connect(&machine).await;
    for record in records {
        assert_eq!(client.get(&format!("/v1/seal-uses/{record}")).await.status, 200, "{record}");
    }
    for _ in 0..100 {
        if house.app.bodies.taken() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the batch's room is not given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_two_batches_under_way_and_others_are_not_hindered() {
    let (house, machine) = furnished("", &["first"]).await;
    let other = house.machine("other", &["sealer"]).await;
    let document = pdf(1, 0);
    let taken = async |wanted: usize| {
        for _ in 0..100 {
            if house.app.desk.batches.taken() == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{} batches are under way, not {wanted}", house.app.desk.batches.taken());
    };
    let begun = async || {
        let mut stream = house.raw(&machine).await;
        let part = "--frontier\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"seal\":\"first\"}\r\n--frontier";
        let head = format!(
            "POST /v1/documents/seal-batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: {}\r\ncontent-length: 9999\r\n\r\n{part}",
            FORM.1
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        stream
    };
    let one = begun().await;
    taken(1).await;
    let two = begun().await;
    taken(2).await;
    let refused = batch(&mut house.connect(&machine).await, &[("1", &document)], &[]).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-requests"));
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(batch(&mut house.connect(&other).await, &[("1", &document)], &[]).await.status, 200);
    drop((one, two));
    taken(0).await;
    assert_eq!(batch(&mut house.connect(&machine).await, &[("1", &document)], &[]).await.status, 200);
    taken(0).await;
}
