//! Trust lists: what is read, what is refused, who may speak for what.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cinnabar_licence::trust_list::{Entry, List, TrustListError, apart};
use crypto::{KeyKind, Signer, SoftwareKey};
use pki::issue::{IssuerRef, Places, Wish, prepare, serial_from_random};
use pki::profile::builtin;
use pki::{Certificate, Subject};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};

const NOW: i64 = 1_795_000_000;
const TYPE: &str = "11100000000013338W032";

fn certificate(profile: &str, issuer: Option<(&Certificate, &SoftwareKey)>) -> (Certificate, SoftwareKey) {
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
    let key = SoftwareKey::from_pkcs8(&key).unwrap();
    let mut serial = [0; 20];
    SystemRandom::new().fill(&mut serial).unwrap();
    let wish = Wish {
        subject: Subject::default().organization("Demo").named(profile),
        names: Vec::new(),
        public_key: key.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let place = || Some("http://pki.example/crl".to_owned());
    let places = Places { crl: place(), ocsp: place(), ca_issuers: place() };
    let (issuer, signer) = match issuer {
        None => (IssuerRef::SelfSigned, &key),
        Some((certificate, key)) => (IssuerRef::Ca(certificate), key),
    };
    let profile = builtin().get(profile).unwrap();
    let serial = serial_from_random(serial);
    let linted = prepare(profile, &wish, issuer, &places, serial, NOW - 86_400, signer.scheme()).unwrap();
    let certificate = linted.sign(signer).unwrap();
    (certificate, key)
}

fn base64(certificate: &Certificate) -> String {
    STANDARD.encode(certificate.der())
}

/// An entry of a region with keys of its own.
fn entry(id: &str, division: &str) -> Value {
    let (root, root_key) = certificate("root", None);
    let (authority, authority_key) = certificate("issuing-ca", Some((&root, &root_key)));
    let (seal, _) = certificate("seal-organisation", Some((&authority, &authority_key)));
    json!({
        "id": id, "zh": "某省", "en": "A Province", "divisions": [division], "types": [TYPE],
        "roots": [base64(&root)], "authorities": [base64(&authority)], "seal_makers": [], "credentials": [base64(&seal)], "publishers": [],
        "catalogue": format!("https://{id}.example/licences/catalogue"),
        "status_lists": [format!("https://{id}.example/licences/status/")],
    })
}

fn list(regions: Vec<Value>) -> Value {
    json!({ "list": "national", "number": 7, "next_update": NOW + 86_400, "regions": regions })
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn read(value: &Value) -> Result<List, TrustListError> {
    List::read(&members(value))
}

fn refused(value: &Value, at: &str) {
    match read(value) {
        Err(TrustListError::Member { at: found, .. }) => assert_eq!(found, at),
        other => panic!("{at}: {other:?}"),
    }
}

#[test]
fn a_list_is_written_as_it_was_read() {
    let written = list(vec![entry("hunan", "430000"), entry("ningbo", "330200")]);
    let read = read(&written).unwrap();
    assert_eq!(Value::Object(read.members()), written);
    assert_eq!(List::new("national", 7, read.next_update, read.regions.clone()).unwrap(), read);
    assert_eq!(read.region("ningbo").unwrap().scope.divisions, ["330200"]);
    assert!(read.region("beijing").is_none());
    let mut framed = written;
    framed["iss"] = "urn:x".into();
    framed["iat"] = NOW.into();
    assert!(List::read(&members(&framed)).is_ok(), "the frame of the signature is passed over");
}

#[test]
fn a_region_speaks_for_its_own_divisions_types_and_addresses_alone() {
    let hunan = Entry::read(&members(&entry("hunan", "430000")), "").unwrap();
    let changsha = Entry::read(&members(&entry("changsha", "430100")), "").unwrap();
    for (code, province, city) in [
        ("11430000006122244L", true, false),
        ("11430102006122244L", true, true),
        ("430100", true, true),
        ("430200", true, false),
        ("11330105002500287C", false, false),
        ("11100000000013338W", false, false),
        ("43010", false, false),
        ("1143010000612224", false, false),
        ("11M30100006122244L", false, false),
    ] {
        assert_eq!(
            (hunan.scope.covers_issuer(code), changsha.scope.covers_issuer(code)),
            (province, city),
            "{code}"
        );
    }
    assert!(hunan.scope.covers_type(TYPE) && !hunan.scope.covers_type("11100000000013338W033"));
    let at = "https://hunan.example/licences/status/";
    assert!(hunan.covers_status(&format!("{at}12")));
    for other in
        [at.to_owned(), format!("{at}../other"), format!("{at}1/2"), "https://evil.example/1".to_owned()]
    {
        assert!(!hunan.covers_status(&other), "{other}");
    }
}

#[test]
fn what_does_not_belong_into_a_list_is_named() {
    let good = || list(vec![entry("hunan", "430000")]);
    let with = |pointer: &str, value: Value| {
        let mut list = good();
        *list.pointer_mut(pointer).unwrap() = value;
        list
    };
    refused(&with("/list", "a list".into()), "list");
    refused(&with("/number", 0.into()), "number");
    refused(&with("/number", json!(1_u64 << 53)), "number");
    refused(&with("/next_update", "soon".into()), "next_update");
    refused(&with("/regions", json!({})), "regions");
    let mut more = good();
    more["further"] = 1.into();
    refused(&more, "further");
    let mut more = good();
    more["regions"][0]["further"] = 1.into();
    refused(&more, "regions[0]");
    for (pointer, value, at) in [
        ("id", json!("Hunan"), "id"),
        ("zh", json!(" "), "zh"),
        ("en", json!("a\nb"), "en"),
        ("divisions", json!([]), "divisions"),
        ("divisions", json!(["000000"]), "divisions[0]"),
        ("divisions", json!(["43"]), "divisions[0]"),
        ("types", json!([]), "types"),
        ("types", json!(["11100000000013338W"]), "types[0]"),
        ("types", json!(["证照类型证照类型证照类型"]), "types[0]"),
        ("roots", json!([]), "roots"),
        ("roots", json!(["AAAA"]), "roots[0]"),
        ("status_lists", json!(["https://a.example/lists"]), "status_lists[0]"),
        ("status_lists", json!(["ftp://a.example/"]), "status_lists[0]"),
        ("catalogue", json!("https://user@a.example/"), "catalogue"),
        ("catalogue", json!("javascript:alert(1)"), "catalogue"),
    ] {
        refused(&with(&format!("/regions/0/{pointer}"), value), &format!("regions[0].{at}"));
    }
    let root = good()["regions"][0]["roots"][0].clone();
    let signer = good()["regions"][0]["credentials"][0].clone();
    refused(&with("/regions/0/credentials", json!([root])), "regions[0].credentials[0]");
    refused(&with("/regions/0/roots", json!([signer])), "regions[0].roots[0]");
    refused(&with("/regions/0/authorities", json!([signer])), "regions[0].authorities[0]");
    refused(&with("/regions/0/roots", json!([root, root])), "regions[0].roots[1]");
    let many: Vec<Value> = (0..65).map(|number| json!({ "id": number })).collect();
    refused(&list(many), "regions");
}

#[test]
fn no_region_claims_what_another_has() {
    let (one, other) = (entry("hunan", "430000"), entry("changsha", "430100"));
    let clash = read(&list(vec![one.clone(), other])).unwrap_err();
    assert!(matches!(clash, TrustListError::Shared { what: "division", .. }), "{clash}");
    let twice = read(&list(vec![one.clone(), entry("hunan", "330000")])).unwrap_err();
    assert_eq!(twice, TrustListError::Twice("hunan".into()));
    let mut thief = entry("zhejiang", "330000");
    thief["credentials"] = one["credentials"].clone();
    let stolen = read(&list(vec![one.clone(), thief])).unwrap_err();
    assert!(matches!(stolen, TrustListError::Shared { what: "certificate", .. }), "{stolen}");
    let mut above = entry("zhejiang", "330000");
    above["status_lists"] = json!(["https://hunan.example/"]);
    let above = read(&list(vec![one.clone(), above])).unwrap_err();
    assert!(matches!(above, TrustListError::Shared { what: "status list", .. }), "{above}");
    let own = Entry::read(&members(&one), "").unwrap();
    let far = Entry::read(&members(&entry("zhejiang", "330000")), "").unwrap();
    assert!(apart(&own, &far).is_ok());
}

#[test]
fn a_list_follows_only_a_lower_number_and_not_after_its_time() {
    let list = read(&list(vec![])).unwrap();
    assert!(list.follows(None, NOW).is_ok() && list.follows(Some(6), NOW).is_ok());
    for known in [7, 8] {
        assert_eq!(list.follows(Some(known), NOW), Err(TrustListError::Rollback { found: 7, known }));
    }
    assert_eq!(list.follows(Some(6), NOW + 86_400), Err(TrustListError::Outdated(NOW + 86_400)));
}
