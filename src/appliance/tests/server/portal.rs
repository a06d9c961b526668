//! The public verification pages: who may ask, what is answered, what a browser is told.

use http::Method;
use serde_json::{Value, json};

use crate::documents::pdf;
use crate::house::{Answer, Client, House};

const JSON: (&str, &str) = ("content-type", "application/json");
const PDF: (&str, &str) = ("content-type", "application/pdf");

async fn stranger(house: &House) -> Client {
    house.try_connect_to(house.portal, None).await.unwrap()
}

async fn ask(client: &mut Client, kind: (&str, &str), body: impl Into<Vec<u8>>) -> Answer {
    client.send(Method::POST, "/api/verify", &[kind], body.into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_without_a_certificate_in_the_language_asked_for_and_holds_the_browser_to_itself() {
    let house = House::open().await;
    let mut client = stranger(&house).await;
    let page = client.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let chinese = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(chinese.contains("lang=\"zh-CN\"") && chinese.contains("输入证照标识"), "{chinese}");
    assert!(chinese.contains("示范市政务服务数据管理局"), "who runs it is said");
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert!(page.header("permissions-policy").contains("camera=(self)"));
    assert_eq!(page.header("cache-control"), "no-store");

    let english =
        client.send(Method::GET, "/", &[("accept-language", "en-GB, zh;q=0.5")], Vec::new()).await.unwrap();
    let english = String::from_utf8(english.body.to_vec()).unwrap();
    assert!(english.contains("lang=\"en\"") && english.contains("Enter the licence number"), "{english}");
    let named = client.get("/?lang=en").await;
    assert!(String::from_utf8(named.body.to_vec()).unwrap().contains("lang=\"en\""));

    for file in ["portal.", "words.", "mark."] {
        let (_, rest) = chinese.split_once(&format!("/assets/{file}")).unwrap();
        let path = format!("/assets/{file}{}", rest.split('"').next().unwrap());
        let asset = client.get(&path).await;
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.header("cache-control").contains("immutable"), "{path}");
        assert!(asset.headers.contains_key("content-security-policy"), "{path}");
    }
    assert_eq!(client.get("/assets/portal.0000000000000000.js").await.problem(), "not-found");
    assert_eq!(client.get("/v1/callers").await.problem(), "not-found", "nothing of the platform API is here");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_phones_speak_tls_1_2_and_nobody_is_asked_for_a_certificate() {
    let house = House::open().await;
    let tls = house.tls_of(None, &[&rustls::version::TLS12]);
    let stream = tokio::net::TcpStream::connect(house.portal).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let stream =
        tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls)).connect(name, stream).await.unwrap();
    let (_, connection) = stream.get_ref();
    assert_eq!(connection.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_judged_and_told_in_both_languages() {
    let house = House::open().await;
    let mut client = stranger(&house).await;
    let plain = ask(&mut client, PDF, pdf(1, 0)).await;
    assert_eq!(plain.status, 200, "{:?}", plain.body);
    let told = plain.json();
    assert_eq!(told["tone"], "warn", "nothing is sealed: {told}");
    for language in ["zh", "en"] {
        assert!(!told["verdict"][language].as_str().unwrap().is_empty(), "{told}");
    }
    assert!(told["at"].as_str().unwrap().starts_with("20"), "{told}");

    let broken = ask(&mut client, PDF, b"no document at all".as_slice()).await;
    assert_eq!((broken.status, broken.problem().as_str()), (422, "pdf-unreadable"));
    let words = broken.json()["words"].clone();
    assert!(words["zh"].as_str().unwrap().contains("文件") && words["en"].is_string(), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_told_plainly_and_nothing_is_guessed() {
    let house = House::open().await;
    let mut client = stranger(&house).await;
    for (kind, body, problem) in [
        (JSON, b"{".to_vec(), "malformed-request"),
        (JSON, json!({ "identifier": "A.B" }).to_string().into_bytes(), "invalid-parameter"),
        (JSON, json!({ "text": "https://elsewhere.example/" }).to_string().into_bytes(), "invalid-parameter"),
        (JSON, vec![b' '; 70_000], "body-too-large"),
        (("content-type", "image/png"), b"\x89PNG\r\n\x1a\n".to_vec(), "unsupported-media-type"),
        (("content-type", "text/plain"), b"x".to_vec(), "unsupported-media-type"),
    ] {
        let answer = ask(&mut client, kind, body).await;
        assert_eq!(answer.problem(), problem);
        let words = answer.json()["words"].clone();
        assert!(words["zh"].is_string() && words["en"].is_string(), "{problem}: {words}");
    }
    let identifier = "11100000000013338W032.11220000013544541J.2430599.001.F";
    let half = ask(&mut client, JSON, json!({ "text": identifier }).to_string()).await;
    assert_eq!(half.json(), json!({ "wanted": identifier }), "one entry of the licence is still to be said");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_script_is_answered_with_a_page_and_not_for_other_pages() {
    let house = House::open().await;
    let mut client = stranger(&house).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = b"lang=en&identifier=%3Cb%3E&value=x".to_vec();
    let page = client.send(Method::POST, "/", &[form, ("origin", "null")], body.clone()).await.unwrap();
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(page.header("content-type").starts_with("text/html"), "{text}");
    assert!(text.contains("id=\"verdict\"") && text.contains("&lt;b&gt;") && !text.contains("<b>"), "{text}");
    let foreign = [form, ("origin", "https://elsewhere.example")];
    let refused = client.send(Method::POST, "/", &foreign, body.clone()).await.unwrap();
    assert_eq!(refused.problem(), "foreign-origin");
    let cross = [form, ("sec-fetch-site", "cross-site")];
    assert_eq!(client.send(Method::POST, "/", &cross, body).await.unwrap().problem(), "foreign-origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_verifies_so_often_and_files_have_a_bound() {
    let house = House::sealed("").await;
    let text = std::fs::read_to_string(house.folder.path().join("hierarchy.toml")).unwrap();
    assert!(!text.is_empty());
    let mut client = stranger(&house).await;
    assert_eq!(client.get("/").await.status, 200, "the page is there while sealed");
    assert_eq!(ask(&mut client, PDF, pdf(1, 0)).await.problem(), "sealed");
    house.unseal().await;
    let mut refused: Option<Value> = None;
    for _ in 0..70 {
        let answer = ask(&mut client, JSON, json!({ "text": "nothing" }).to_string()).await;
        if answer.status == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            refused = Some(answer.json());
            break;
        }
        assert_eq!(answer.problem(), "invalid-parameter");
    }
    let refused = refused.expect("sixty a minute are answered, no more");
    assert!(refused["words"]["zh"].as_str().unwrap().contains("频繁"), "{refused}");
    assert_eq!(client.get("/").await.status, 200, "the page itself is not refused");
}
