//! SD-JWT VC (RFC 9901): what is issued verifies, as much as the holder shows; what was made up, altered or replayed does not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cinnabar_licence::credential::jws::JwsError;
use cinnabar_licence::credential::sd_jwt::{
    Binding, Expected, Holder, Issue, Presentation, SdJwtError, Unbound, Verified, issue, present,
};
use cinnabar_licence::credential::{Issuer, Jwk, Untrusted};
use crypto::{Signer, SoftwareKey};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::world::{DAY, ISSUER, NOW, Party, World, entity, fields, jwk, key, place, random};

const VCT: &str = "http://platform.example/licences/types/11100000MB03271699022";
const AUDIENCE: &str = "https://verify.example";
const SELECTIVE: [&str; 3] = ["person", "number", "items"];

fn issued(world: &World, holder: Option<&Jwk>) -> String {
    issued_by(&world.issuer, holder)
}

fn issued_by(issuer: &Issuer, holder: Option<&Jwk>) -> String {
    let wish = Issue {
        vct: VCT,
        claims: &fields(),
        selective: &SELECTIVE,
        issued_at: NOW,
        not_before: Some(NOW),
        expires: Some(NOW + 30 * DAY),
        status: Some(&place()),
        holder_key: holder,
    };
    issue(&wish, issuer, &mut random).unwrap()
}

fn verify(world: &World, text: &str, expected: Option<&Expected<'_>>) -> Result<Verified, SdJwtError> {
    Presentation::parse(text)?.verify(&world.trust(), NOW + 1, expected)
}

fn expected(nonce: &str) -> Expected<'_> {
    Expected { audience: AUDIENCE, nonce }
}

fn binding<'a>(key: &'a SoftwareKey, nonce: &'a str) -> Binding<'a> {
    Binding { signer: key, audience: AUDIENCE, nonce, issued_at: NOW }
}

#[test]
fn a_holder_shows_what_they_choose_and_proves_that_they_are_the_holder() {
    let (world, holder) = (World::new(), key());
    let credential = issued(&world, Some(&jwk(&holder)));
    let shown = present(&credential, &["person", "unheard of"], Some(&binding(&holder, "n-1"))).unwrap();
    let verified = verify(&world, &shown, Some(&expected("n-1"))).unwrap();
    assert_eq!(verified.holder, Holder::Bound);
    assert_eq!((verified.vct.as_str(), verified.issuer.as_str()), (VCT, ISSUER));
    assert_eq!(verified.status, Some(place()));
    assert_eq!((verified.issued_at, verified.expires), (NOW, Some(NOW + 30 * DAY)));
    assert_eq!(verified.claims["person"], "张三");
    assert_eq!(verified.claims["name"], "示例市好味餐饮店");
    for hidden in ["number", "items", "_sd", "_sd_alg"] {
        assert!(!verified.claims.contains_key(hidden), "{hidden}");
    }
    // What is hidden cannot be read out of the token either.
    assert!(!shown.contains(&URL_SAFE_NO_PAD.encode("11010519491231002X")));
    let whole = verify(&world, &credential, None).unwrap();
    assert_eq!(whole.claims["items"], json!(["热食类食品制售", "冷食类食品制售"]));
    assert_eq!(whole.holder, Holder::Unbound(Unbound::NoProof));
    // A proof that nobody asked for may be a copy.
    assert_eq!(verify(&world, &shown, None).unwrap().holder, Holder::Unbound(Unbound::NotAsked));
    let unnamed = issued(&world, None);
    assert_eq!(verify(&world, &unnamed, None).unwrap().holder, Holder::Unbound(Unbound::NoKey));
    let proof = present(&unnamed, &[], Some(&binding(&holder, "n-1"))).unwrap();
    assert_eq!(verify(&world, &proof, Some(&expected("n-1"))).unwrap_err(), SdJwtError::NoHolderKey);
}

#[test]
fn salts_and_order_tell_nothing() {
    let world = World::new();
    let (one, other) = (issued(&world, None), issued(&world, None));
    let digests = |text: &str| payload(text)["_sd"].as_array().unwrap().clone();
    let (one, other) = (digests(&one), digests(&other));
    assert_eq!(one.len(), 3);
    assert!(one.iter().all(|digest| !other.contains(digest)));
    assert!(one.is_sorted_by_key(|digest| digest.as_str().unwrap().to_owned()));
}

#[test]
fn a_proof_is_good_for_one_verifier_one_request_and_one_selection() {
    let (world, holder) = (World::new(), key());
    let credential = issued(&world, Some(&jwk(&holder)));
    let shown = present(&credential, &["person"], Some(&binding(&holder, "n-1"))).unwrap();
    let told = |text: &str, expected: &Expected<'_>| verify(&world, text, Some(expected)).unwrap_err();
    assert_eq!(told(&shown, &expected("n-2")), SdJwtError::Binding("nonce"));
    let elsewhere = Expected { audience: "https://other.example", nonce: "n-1" };
    assert_eq!(told(&shown, &elsewhere), SdJwtError::Binding("aud"));
    // More or less disclosed than was signed.
    let proof = shown.rsplit_once('~').unwrap().1;
    let more = present(&credential, &["person", "number"], None).unwrap() + proof;
    assert_eq!(told(&more, &expected("n-1")), SdJwtError::Binding("sd_hash"));
    let less = present(&credential, &[], None).unwrap() + proof;
    assert_eq!(told(&less, &expected("n-1")), SdJwtError::Binding("sd_hash"));
    // By another key.
    let thief = present(&credential, &["person"], Some(&binding(&key(), "n-1"))).unwrap();
    assert!(matches!(told(&thief, &expected("n-1")), SdJwtError::Jws { source: JwsError::Signature, .. }));
    // Too old, or of tomorrow.
    for issued_at in [NOW - 400, NOW + 400] {
        let binding = Binding { issued_at, ..binding(&holder, "n-1") };
        let shown = present(&credential, &["person"], Some(&binding)).unwrap();
        assert_eq!(told(&shown, &expected("n-1")), SdJwtError::Binding("iat"));
    }
    // The credential itself is no proof.
    let token = credential.split('~').next().unwrap();
    assert!(Presentation::parse(&format!("{}{token}", present(&credential, &[], None).unwrap())).is_err());
}

#[test]
fn whoever_may_not_issue_is_not_believed() {
    let world = World::new();
    for (who, impostor) in world.impostors() {
        // They call themselves what they are not.
        let text = resigned(&issued(&world, None), &impostor, |_, _| ());
        let error = verify(&world, &text, None).unwrap_err();
        assert!(matches!(error, SdJwtError::Untrusted(_)), "{who}: {error}");
    }
    // The chain of one, the signature of another.
    let other = world.impostors().remove(0).1;
    let text = resigned(&issued(&world, None), &other, |header, _| {
        header["x5c"] = head(&issued(&world, None))["x5c"].clone();
    });
    assert!(matches!(
        verify(&world, &text, None).unwrap_err(),
        SdJwtError::Jws { source: JwsError::Signature, .. }
    ));
    // No certificate, and a chain without its middle.
    let text = resigned(&issued(&world, None), &world.issuer, |header, _| {
        header.as_object_mut().unwrap().remove("x5c");
    });
    assert_eq!(verify(&world, &text, None).unwrap_err(), SdJwtError::Untrusted(Untrusted::Unknown));
    let text = resigned(&issued(&world, None), &world.issuer, |header, _| {
        header["x5c"].as_array_mut().unwrap().truncate(1);
    });
    assert!(matches!(verify(&world, &text, None).unwrap_err(), SdJwtError::Untrusted(Untrusted::Path(_))));
}

#[test]
fn a_signer_that_is_known_is_judged_by_the_day_it_signed() {
    let world = World::new();
    let text = issued(&world, None);
    let late = NOW + 20 * DAY;
    let known = [world.issuer.certificate().unwrap().clone()];
    let nothing = pki::path::TrustAnchors::default();
    let trust = cinnabar_licence::credential::Trust::new(&nothing).knowing(&known);
    assert!(Presentation::parse(&text).unwrap().verify(&trust, late, None).is_ok());
    // A certificate that ended before the credential was issued signs nothing.
    let short = entity("credential-signer", Some(ISSUER), -1, Some(&world.authority));
    let known = [short.certificate.clone()];
    let trust = cinnabar_licence::credential::Trust::new(&world.anchors).knowing(&known);
    let text = issued_by(&short.issuer(&[&world.authority]), None);
    let error = Presentation::parse(&text).unwrap().verify(&trust, NOW + 1, None).unwrap_err();
    assert!(matches!(error, SdJwtError::Untrusted(Untrusted::Validity { .. })), "{error}");
}

#[test]
fn a_credential_holds_from_its_beginning_to_its_end() {
    let world = World::new();
    let at = |at: i64| Presentation::parse(&issued(&world, None)).unwrap().verify(&world.trust(), at, None);
    assert!(at(NOW).is_ok() && at(NOW + 30 * DAY - 1).is_ok());
    assert_eq!(at(NOW + 30 * DAY).unwrap_err(), SdJwtError::Expired(NOW + 30 * DAY));
    assert_eq!(at(NOW - 30).unwrap_err(), SdJwtError::NotYet(NOW));
    assert_eq!(at(NOW - 3600).unwrap_err(), SdJwtError::Future);
}

#[test]
fn other_algorithms_types_and_keys_of_the_sender_are_refused() {
    let world = World::new();
    let text = issued(&world, None);
    let with = |name: &'static str, value: Value| {
        let text = resigned(&text, &world.issuer, |header, _| header[name] = value);
        match Presentation::parse(&text).unwrap_err() {
            SdJwtError::Jws { source, .. } => source,
            other => panic!("{other}"),
        }
    };
    for alg in ["none", "HS256", "ES384", "es256", ""] {
        assert_eq!(with("alg", alg.into()), JwsError::Algorithm { found: alg.into() });
    }
    assert_eq!(with("alg", Value::Null), JwsError::Algorithm { found: String::new() });
    for typ in ["JWT", "kb+jwt", "statuslist+jwt", ""] {
        assert!(matches!(with("typ", typ.into()), JwsError::Type { .. }), "{typ}");
    }
    for name in ["crit", "b64", "jwk", "jku", "x5u", "zip"] {
        assert_eq!(with(name, json!({})), JwsError::Parameter { name });
    }
    for x5c in [json!([]), json!("MII"), json!([1]), json!(["!"]), json!(vec!["MIIB"; 7])] {
        assert_eq!(with("x5c", x5c), JwsError::Certificates);
    }
    // The former name, and the full media type, are read.
    for typ in ["vc+sd-jwt", "application/dc+sd-jwt", "DC+SD-JWT"] {
        let text = resigned(&text, &world.issuer, |header, _| header["typ"] = typ.into());
        assert!(verify(&world, &text, None).is_ok(), "{typ}");
    }
    // Signature stripped, and one of zeros.
    let (token, rest) = text.split_once('~').unwrap();
    let (input, _) = token.rsplit_once('.').unwrap();
    for signature in [String::new(), URL_SAFE_NO_PAD.encode([0; 64]), URL_SAFE_NO_PAD.encode([1; 63])] {
        let error = verify(&world, &format!("{input}.{signature}~{rest}"), None).unwrap_err();
        assert!(matches!(error, SdJwtError::Jws { source: JwsError::Signature, .. }), "{error}");
    }
}

#[test]
fn digests_and_disclosures_must_fit_one_another() {
    let world = World::new();
    let text = issued(&world, None);
    let parts: Vec<&str> = text.split('~').collect();
    let told = |text: &str| verify(&world, text, None).unwrap_err();
    let disclosure = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = |change: &dyn Fn(&mut Value)| resigned(&text, &world.issuer, |_, payload| change(payload));
    // Twice the same disclosure; one that nothing refers to; one that is none.
    assert_eq!(told(&format!("{text}{}~", parts[1])), SdJwtError::DigestTwice);
    assert_eq!(told(&format!("{text}{}~", disclosure(json!(["s", "x", 1])))), SdJwtError::Unreferenced);
    for wrong in
        [json!({}), json!([]), json!(["s", 1, 2]), json!(["s", "n", 1, 2]), json!([1, "n", 1]), json!("x")]
    {
        assert_eq!(told(&format!("{text}{}~", disclosure(wrong))), SdJwtError::Disclosure);
    }
    for wrong in ["", "=", "AB", "e30="] {
        assert_eq!(told(&format!("{text}{wrong}~")), SdJwtError::Disclosure, "{wrong}");
    }
    // A digest twice in the payload, on one level or two.
    let digest = payload(&text)["_sd"][0].clone();
    let twice = signed(&|payload| payload["_sd"].as_array_mut().unwrap().push(digest.clone()));
    assert_eq!(told(&twice), SdJwtError::DigestTwice);
    let deeper = signed(&|payload| payload["deeper"] = json!({ "_sd": [digest] }));
    assert_eq!(told(&deeper), SdJwtError::DigestTwice);
    // Malformed structures, and another digest algorithm.
    for wrong in [json!("x"), json!([1]), json!({})] {
        assert_eq!(told(&signed(&|payload| payload["_sd"] = wrong.clone())), SdJwtError::Structure);
    }
    assert_eq!(told(&signed(&|payload| payload["..."] = json!("x"))), SdJwtError::Structure);
    assert_eq!(
        told(&signed(&|payload| payload["x"] = json!([{ "...": "x", "y": 1 }]))),
        SdJwtError::Structure
    );
    assert_eq!(told(&signed(&|payload| payload["x"] = json!([{ "...": 1 }]))), SdJwtError::Structure);
    let md5 = signed(&|payload| payload["_sd_alg"] = "md5".into());
    assert_eq!(told(&md5), SdJwtError::Digest("\"md5\"".into()));
}

#[test]
fn what_is_disclosed_cannot_stand_in_for_what_is_signed() {
    let world = World::new();
    let text = issued(&world, None);
    let with = |name: &str, value: Value| {
        let disclosure = URL_SAFE_NO_PAD.encode(json!(["salt", name, value]).to_string());
        let digest = ring::digest::digest(&ring::digest::SHA256, disclosure.as_bytes());
        let digest = URL_SAFE_NO_PAD.encode(digest.as_ref());
        let text = resigned(&text, &world.issuer, |_, payload| {
            payload["_sd"].as_array_mut().unwrap().push(digest.into());
        });
        verify(&world, &format!("{text}{disclosure}~"), None)
    };
    for name in ["iss", "exp", "nbf", "cnf", "vct", "status", "_sd", "_sd_alg", "...", "name", "iat"] {
        let error = with(name, json!("x")).unwrap_err();
        assert_eq!(error, SdJwtError::Claim(name.into()));
    }
    assert_eq!(with("further", json!({ "a": [1] })).unwrap().claims["further"], json!({ "a": [1] }));
}

#[test]
fn digests_within_disclosures_and_arrays_are_followed() {
    let world = World::new();
    let hidden = |value: Value| {
        let text = URL_SAFE_NO_PAD.encode(value.to_string());
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        (text, URL_SAFE_NO_PAD.encode(digest.as_ref()))
    };
    let (street, street_digest) = hidden(json!(["s1", "street", "人民路1号"]));
    let (address, address_digest) =
        hidden(json!(["s2", "address", { "city": "示例市", "_sd": [street_digest] }]));
    let (item, item_digest) = hidden(json!(["s3", "热食类"]));
    let change = |payload: &mut Value| {
        payload["_sd"] = json!([address_digest]);
        payload["list"] = json!([{ "...": item_digest }, { "...": "unknown" }, "冷食类"]);
    };
    let token = resigned(&issued(&world, None), &world.issuer, |_, payload| change(payload));
    let token = token.split('~').next().unwrap();
    let all = verify(&world, &format!("{token}~{address}~{item}~{street}~"), None).unwrap().claims;
    assert_eq!(all["address"], json!({ "city": "示例市", "street": "人民路1号" }));
    assert_eq!(all["list"], json!(["热食类", "冷食类"]));
    let some = verify(&world, &format!("{token}~{address}~"), None).unwrap().claims;
    assert_eq!((&some["address"], &some["list"]), (&json!({ "city": "示例市" }), &json!(["冷食类"])));
    // A street without the address it stands in.
    assert_eq!(verify(&world, &format!("{token}~{street}~"), None).unwrap_err(), SdJwtError::Unreferenced);
}

#[test]
fn what_is_too_long_too_deep_or_ambiguous_is_refused() {
    let world = World::new();
    let text = issued(&world, None);
    assert_eq!(Presentation::parse(&"~".repeat(10_000)).unwrap_err(), SdJwtError::TooLong);
    assert_eq!(Presentation::parse(&"A".repeat(600_000)).unwrap_err(), SdJwtError::TooLong);
    for wrong in ["", "~", "a.b.c~", "x", text.split('~').next().unwrap()] {
        assert!(Presentation::parse(wrong).is_err(), "{wrong}");
    }
    let (header, rest) = text.split_once('.').unwrap();
    // A member twice in the header, another spelling of the same octets, padding.
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let twice = URL_SAFE_NO_PAD.encode(plain.replacen('{', "{\"alg\":\"none\",", 1));
    for header in [twice, format!("{header}="), format!("{header}\n")] {
        assert!(matches!(Presentation::parse(&format!("{header}.{rest}")), Err(SdJwtError::Jws { .. })));
    }
    let deep = (0..20).fold(json!(1), |within, _| json!([within]));
    let deep = resigned(&text, &world.issuer, |_, payload| payload["deep"] = deep);
    assert!(matches!(Presentation::parse(&deep), Err(SdJwtError::Jws { .. })));
    // Disclosures that nest one another without end.
    let mut disclosures = String::new();
    let mut inner = json!("end");
    let mut digest = String::new();
    for level in 0..20 {
        let disclosure = URL_SAFE_NO_PAD.encode(json!([level.to_string(), "x", inner]).to_string());
        let sha = ring::digest::digest(&ring::digest::SHA256, disclosure.as_bytes());
        digest = URL_SAFE_NO_PAD.encode(sha.as_ref());
        inner = json!({ "_sd": [digest] });
        disclosures += &format!("{disclosure}~");
    }
    let deep = resigned(&text, &world.issuer, |_, payload| payload["_sd"] = json!([digest]));
    let token = deep.split('~').next().unwrap();
    assert_eq!(verify(&world, &format!("{token}~{disclosures}"), None).unwrap_err(), SdJwtError::Depth);
}

#[test]
fn a_credential_that_contradicts_itself_is_not_issued() {
    let world = World::new();
    let of = |claims: &Map<String, Value>, selective: &[&str]| {
        let wish = Issue {
            vct: VCT,
            claims,
            selective,
            issued_at: NOW,
            not_before: None,
            expires: None,
            status: None,
            holder_key: None,
        };
        issue(&wish, &world.issuer, &mut random)
    };
    for name in ["iss", "vct", "cnf", "exp", "_sd", "...", "status"] {
        let claims = Map::from_iter([(name.to_owned(), json!(1))]);
        assert_eq!(of(&claims, &[]).unwrap_err(), SdJwtError::Reserved(name.into()));
    }
    assert_eq!(of(&fields(), &["nobody"]).unwrap_err(), SdJwtError::NoClaim("nobody".into()));
}

#[test]
fn holders_keys_are_read_strictly() {
    let good = jwk(&key()).to_value();
    assert!(Jwk::parse(&good).is_ok());
    for (name, value) in [
        ("kty", json!("RSA")),
        ("crv", json!("P-384")),
        ("d", json!("AAAA")),
        ("x", json!("AAAA")),
        ("y", good["x"].clone()),
        ("alg", json!("ES384")),
        ("use", json!("enc")),
    ] {
        let mut wrong = good.clone();
        wrong[name] = value;
        assert!(Jwk::parse(&wrong).is_err(), "{name}");
    }
    let p384 = SoftwareKey::generate(crypto::KeyKind::P384, &ring::rand::SystemRandom::new()).unwrap();
    let p384 = SoftwareKey::from_pkcs8(&p384).unwrap();
    assert!(Jwk::from_spki(p384.public_key()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_selection_verifies_and_shows_just_that(chosen in proptest::sample::subsequence(SELECTIVE.to_vec(), 0..=3)) {
        let world = World::new();
        let shown = present(&issued(&world, None), &chosen, None).unwrap();
        let claims = verify(&world, &shown, None).unwrap().claims;
        for name in SELECTIVE {
            prop_assert_eq!(claims.contains_key(name), chosen.contains(&name));
        }
    }

    #[test]
    fn no_altered_octet_verifies(at in 0_usize..10_000, bit in 0_u8..7) {
        let world = World::new();
        let text = present(&issued(&world, None), &["person"], None).unwrap();
        let mut octets = text.clone().into_bytes();
        let at = at % octets.len();
        octets[at] ^= 1 << bit;
        if let Ok(altered) = String::from_utf8(octets)
            && altered.trim_ascii() != text
        {
            prop_assert!(verify(&world, &altered, None).is_err());
        }
    }

    #[test]
    fn any_text_is_answered(text in "[A-Za-z0-9_.~{}-]{0,300}") {
        prop_assert!(Presentation::parse(&text).is_err());
    }
}

fn part(text: &str, at: usize) -> Value {
    let token = text.split('~').next().unwrap();
    let octets = URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap();
    serde_json::from_slice(&octets).unwrap()
}

fn head(text: &str) -> Value {
    part(text, 0)
}

fn payload(text: &str) -> Value {
    part(text, 1)
}

/// The same text with its JWT changed and signed anew, with the certificates of who signs.
fn resigned(text: &str, issuer: &Party, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut payload) = (head(text), payload(text));
    let chain = issuer.chain().iter();
    let encode =
        |certificate: &pki::Certificate| base64::engine::general_purpose::STANDARD.encode(certificate.der());
    header["x5c"] = chain.map(encode).collect();
    change(&mut header, &mut payload);
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(&header), encode(&payload));
    let signature = issuer.sign(input.as_bytes());
    let rest = text.split_once('~').unwrap().1;
    format!("{input}.{}~{rest}", URL_SAFE_NO_PAD.encode(signature))
}
