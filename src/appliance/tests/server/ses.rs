//! Seals that sign as GB/T 38540 has it: in PDFs, over digests and beside files.

use appliance::journal::{Act, Unit};
use crypto::{DigestAlgorithm, SignatureScheme};
use eseal::Signature;
use eseal::signature::TimeInfo;
use http::Method;
use pki::Certificate;
use serde_json::{Value, json};

use crate::documents::{FORM, form, furnished, pdf, sha256, uses};
use crate::house::{Answer, Client, Credential, House, now, row_of};

const PDF: (&str, &str) = ("content-type", "application/pdf");

/// A house with these seals, in whose records the seals' maker stands as after a ceremony.
async fn house_with(seals: &[&str]) -> (House, Credential) {
    let (house, machine) = furnished("", seals).await;
    let maker = house.authority("seal-maker");
    let act = Act::system("ceremony", "appliance.init", "appliance");
    let unit = Unit::new(act).insert(row_of(maker, "seals-ca", "seal-maker", None));
    house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
    (house, machine)
}

async fn post(client: &mut Client, path: &str, kind: (&str, &str), body: Vec<u8>) -> Answer {
    client.send(Method::POST, path, &[kind], body).await.unwrap()
}

/// The containers of signatures of a sub-filter with the octets that each is over, in the order of the file.
fn containers(whole: &[u8], sub_filter: &str) -> Vec<(Vec<u8>, [usize; 4], Vec<u8>)> {
    let text: String = whole.iter().map(|&octet| char::from(octet)).collect();
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&format!("/SubFilter/{sub_filter}")) {
        let start = text[..at].rfind(" 0 obj").unwrap();
        let object = &text[start..start + text[start..].find("endobj").unwrap()];
        let between = |from: &str, to: &str| {
            let begin = object.find(from).unwrap() + from.len();
            object[begin..begin + object[begin..].find(to).unwrap()].to_owned()
        };
        let range: Vec<usize> = between("/ByteRange", "]")
            .trim_start_matches([' ', '['])
            .split_ascii_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        let range: [usize; 4] = range.try_into().unwrap();
        let octets = hex::decode(between("/Contents<", ">")).unwrap();
        let covered = [&whole[range[0]..range[0] + range[1]], &whole[range[2]..range[2] + range[3]]].concat();
        found.push((octets, range, covered));
    }
    found
}

/// What an SES_Signature says and is over holds by itself: its value, its digest, its seal and its place in the seal.
fn sound(octets: &[u8], content: &[u8], property: &str) -> Signature {
    let read = Signature::parse(octets).unwrap();
    assert!(read.deviations.is_empty(), "{:?}", read.deviations);
    let signature = read.value;
    let certificate = Certificate::from_der(signature.signer().unwrap()).unwrap();
    let scheme = SignatureScheme::from_oid(signature.algorithm(), certificate.spki()).unwrap();
    crypto::verify(certificate.spki(), scheme, signature.signed_octets(), signature.value()).unwrap();
    assert_eq!(signature.data_hash(), scheme.cms_digest().digest(content));
    assert_eq!(signature.property_info(), property);
    let TimeInfo::Claimed(time) = signature.time_info() else { panic!("{:?}", signature.time_info()) };
    assert!((now() - 600..=now()).contains(time), "{time}");
    signature
}

fn range(range: [usize; 4]) -> String {
    format!("/ByteRange [{} {} {} {}]", range[0], range[1], range[2], range[3])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pdf_is_sealed_with_the_seal_itself_inside() {
    let (house, machine) = house_with(&["first"]).await;
    let mut client = house.connect(&machine).await;
    for document in [pdf(2, 0), pdf(1, 400_000)] {
        let path = "/v1/documents/seal?seal=first&format=ses&page=1&x_mm=20&y_mm=20&reason=x";
        let sealed = post(&mut client, path, PDF, document.clone()).await;
        assert_eq!(sealed.status, 201, "{:?}", sealed.body);
        assert!(sealed.body.starts_with(&document));
        let tail = String::from_utf8_lossy(&sealed.body[document.len()..]);
        assert!(tail.contains("/Filter/Gomain.GMPkiLite") && !tail.contains("ESIC"), "{tail}");
        let [(octets, covers, content)] = &containers(&sealed.body, "GM.sm2seal")[..] else { panic!() };
        assert_eq!(covers[2] + covers[3], sealed.body.len());
        let signature = Signature::parse(octets).unwrap().value;
        assert!(octets.len() - signature.der().len() <= 128, "the hole is computed, not guessed");
        let signature = sound(signature.der(), content, &range(*covers));
        let picture = signature.seal().picture();
        assert_eq!((picture.width_mm, picture.height_mm), (40, 40));
        let record = client.get(sealed.header("location")).await.json();
        assert_eq!(record["format"], "ses", "{record}");
    }
    let entries = house.entries().await;
    let sealed: Vec<_> = entries.iter().filter(|entry| entry["action"] == "document.seal").collect();
    assert!(sealed.len() == 2 && sealed.iter().all(|entry| entry["facts"]["format"] == "ses"), "{sealed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_mix_in_one_request_and_in_a_batch() {
    let (house, machine) = house_with(&["first", "second"]).await;
    let mut client = house.connect(&machine).await;
    let request = json!({ "seals": [
        { "seal": "first", "format": "ses", "page": 1, "x_mm": 20, "y_mm": 20 },
        { "seal": "second", "page": 1, "x_mm": 80, "y_mm": 20 },
        { "seal": "second", "format": "ses", "page": -1, "x_mm": 140, "y_mm": 20 },
    ] });
    let request = request.to_string();
    let document = pdf(2, 0);
    let body = form(&[("request", None, request.as_bytes()), ("document", Some("a.pdf"), &document)]);
    let sealed = post(&mut client, "/v1/documents/seal", FORM, body).await;
    assert_eq!(sealed.status, 201, "{:?}", sealed.body);
    let found = containers(&sealed.body, "GM.sm2seal");
    assert_eq!(found.len(), 2);
    for (octets, covers, content) in &found {
        sound(Signature::parse(octets).unwrap().value.der(), content, &range(*covers));
    }
    let report = post(&mut client, "/v1/documents/verify", PDF, sealed.body.to_vec()).await.json();
    let cms: Vec<&Value> = report["signatures"].as_array().unwrap().iter().collect();
    let cms: Vec<_> = cms.iter().filter(|one| one["sub_filter"] == "ETSI.CAdES.detached").collect();
    assert!(
        cms.len() == 1 && cms[0]["integrity"] == "intact" && cms[0]["changes_allowed"] == true,
        "{report}"
    );

    let one = json!({ "seal": "first", "format": "ses" }).to_string();
    let body = form(&[
        ("request", None, one.as_bytes()),
        ("document", Some("a.pdf"), &document),
        ("document", Some("b.pdf"), b"no PDF"),
        ("document", Some("c.pdf"), &pdf(1, 0)),
    ]);
    let answered = post(&mut client, "/v1/documents/seal-batch", FORM, body).await;
    assert_eq!(containers(&answered.body, "GM.sm2seal").len(), 2, "each by itself");
    assert_eq!(uses(&house).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_signed_and_put_in_where_the_document_never_came() {
    let (house, machine) = house_with(&["first"]).await;
    let mut client = house.connect(&machine).await;
    let document = pdf(1, 0);
    let terms = client.get("/v1/seals/first/two-phase?format=ses").await.json();
    let usual = client.get("/v1/seals/first/two-phase").await.json();
    assert!(terms["reserve"].as_u64() > usual["reserve"].as_u64(), "the seal is in it: {terms} {usual}");
    let path = "/v1/documents/prepare?seal=first&format=ses&page=1&x_mm=20&y_mm=20";
    let prepared = post(&mut client, path, PDF, document.clone()).await;
    let preparation = prepared.json();
    assert_eq!((&preparation["format"], &preparation["algorithm"]), (&"ses".into(), &terms["algorithm"]));
    let numbers: Vec<String> =
        preparation["byte_range"].as_array().unwrap().iter().map(Value::to_string).collect();
    let property = format!("/ByteRange [{}]", numbers.join(" "));
    let asked = format!(
        "seal=first&digest={}&algorithm={}&document_digest={}&document_length={}&reserved={}",
        preparation["digest"].as_str().unwrap(),
        preparation["algorithm"].as_str().unwrap(),
        sha256(&document),
        document.len(),
        preparation["reserved"],
    );
    let encoded = property.replace('/', "%2F").replace(' ', "%20").replace('[', "%5B").replace(']', "%5D");
    let path = format!("/v1/documents/sign-digest?{asked}&format=ses&property_info={encoded}");
    let signed = post(&mut client, &path, PDF, Vec::new()).await;
    assert_eq!((signed.status, signed.header("content-type")), (201, "application/octet-stream"));
    let record = client.get(signed.header("location")).await.json();
    assert_eq!((&record["kind"], &record["format"]), (&"two-phase".into(), &"ses".into()), "{record}");

    let parts = |signature: &[u8]| form(&[("prepared", None, &prepared.body), ("cms", None, signature)]);
    let tail = post(&mut client, "/v1/documents/embed", FORM, parts(&signed.body)).await;
    assert_eq!(tail.status, 200, "{:?}", tail.body);
    let whole = [document.as_slice(), &tail.body].concat();
    let [(octets, covers, content)] = &containers(&whole, "GM.sm2seal")[..] else { panic!() };
    assert_eq!(range(*covers), property);
    sound(Signature::parse(octets).unwrap().value.der(), content, &property);

    // What is none, is over something else, or does not hold is not put in.
    let cms = post(&mut client, &format!("/v1/documents/sign-digest?{asked}"), PDF, Vec::new()).await;
    assert_eq!(cms.header("content-type"), "application/cms");
    let other = asked.replacen(preparation["digest"].as_str().unwrap(), &"ab".repeat(32), 1);
    let other = format!("/v1/documents/sign-digest?{other}&format=ses");
    let other = post(&mut client, &other, PDF, Vec::new()).await;
    assert_eq!(other.status, 201, "{:?}", other.body);
    let mut broken = signed.body.to_vec();
    *broken.last_mut().unwrap() ^= 1;
    let longer = [&signed.body[..], &[0]].concat();
    for signature in [&cms.body[..], &other.body, &broken, &longer, b"nothing"] {
        let refused = post(&mut client, "/v1/documents/embed", FORM, parts(signature)).await;
        assert_eq!(refused.problem(), "signature-unsound", "{:?}", refused.body);
    }
    let tight = asked.rsplit_once("reserved=").unwrap().0;
    let tight = format!("/v1/documents/sign-digest?{tight}reserved=1&format=ses");
    let small = post(&mut client, &tight, PDF, Vec::new()).await;
    assert_eq!(small.problem(), "reserve-too-small", "{:?}", small.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_signed_with_the_seal_beside_it() {
    let (house, machine) = house_with(&["first"]).await;
    let mut client = house.connect(&machine).await;
    let kind = ("content-type", "text/csv");
    let file = b"a,b\r\n1,2\r\n".to_vec();
    let signed = post(&mut client, "/v1/files/sign?seal=first&format=ses", kind, file.clone()).await;
    assert_eq!((signed.status, signed.header("content-type")), (201, "application/octet-stream"));
    sound(&signed.body, &file, &format!("/Length {}", file.len()));
    let path = "/v1/files/sign?seal=first&format=ses&property_info=register.csv";
    let named = post(&mut client, path, kind, file.clone()).await;
    sound(&named.body, &file, "register.csv");
    let record = client.get(named.header("location")).await.json();
    assert_eq!((&record["kind"], &record["format"]), (&"file".into(), &"ses".into()), "{record}");
    let digest = DigestAlgorithm::Sha256.digest(&file);
    assert_eq!(record["signed_digest"], hex::encode(digest));
}
