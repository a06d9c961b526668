//! What a holder carries: QR symbols and presentations, as issued, altered, of strangers, and shown again.

use std::sync::Arc;

use appliance::ceremony::Role;
use crypto::{KeyKind, Signer, SoftwareKey, Suite};
use licence::credential::qr::{self, Essential};
use licence::credential::{Issuer, Jwk, sd_jwt};
use ring::rand::SystemRandom;
use serde_json::Map;

use super::*;

/// The appliance's own signer of credentials.
fn issuer(world: &World) -> Issuer {
    let app = &world.house.app;
    let delegate = app.signer(Role::CredentialSigner, &Suite::INTERNATIONAL).unwrap();
    let signer = app.unsealed().unwrap().custody.signer(&delegate.label).unwrap();
    Issuer::new(signer, vec![delegate.certificate]).unwrap()
}

fn essential(put: &Put<'_>) -> Essential {
    Essential {
        identifier: Identifier::new(TYPE, ISSUER, put.serial, put.number).unwrap(),
        type_name: "食品经营许可证".into(),
        holder: OPERATOR.into(),
        issuing_body: "示例市市场监督管理局".into(),
        fields: vec![("经营场所".into(), "示例路1号".into())],
        valid_from: put.from,
        valid_to: put.to,
        issued_at: crate::house::now() - 60,
        status: None,
    }
}

async fn by_qr(world: &World, text: &str) -> Json {
    let answer = world.ask(&json!({ "qr": text })).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symbol_is_believed_by_its_signature_and_its_standing_is_the_records() {
    let world = world().await;
    let put = Put::active("CARRIED001");
    world.put(&put).await;
    let own = issuer(&world);
    let text = qr::encode(&essential(&put), &own).unwrap();
    let verdict = by_qr(&world, &text).await;
    assert_eq!(found(&verdict), (0, vec!["signature"]));
    assert_eq!(verdict["licence"]["fields"][0]["value"], OPERATOR);
    world.turn("CARRIED001", "suspended").await;
    for _ in 0..50 {
        if by_qr(&world, &text).await["code"] == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(found(&by_qr(&world, &text).await), (2, vec!["suspended", "signature"]));

    // Signed, but of a licence that is on nobody's record.
    let stray = qr::encode(&essential(&Put::active("NOTHERE001")), &own).unwrap();
    assert_eq!(found(&by_qr(&world, &stray).await), (5, vec!["not-on-record"]));

    // One character changed: broken somewhere on the way, and never believed.
    for place in [6, text.len() / 2, text.len() - 2] {
        let mut altered = text.clone().into_bytes();
        altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
        let verdict = by_qr(&world, std::str::from_utf8(&altered).unwrap()).await;
        assert!([4, 5, 6].contains(&verdict["code"].as_i64().unwrap()), "{place} {verdict}");
        assert!(verdict["licence"].is_null());
    }
    for (text, code) in [("", 4), ("CNB1:", 4), ("CNB1:%%%%", 4), ("HC1:6BF", 4)] {
        assert_eq!(by_qr(&world, text).await["code"], code, "{text}");
    }

    // The symbol as a picture.
    let modules = qrcode_png(&text);
    let answer = world.sent("image/png", &modules).await;
    assert_eq!((answer.status, &answer.json()["code"]), (200, &2.into()), "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_full_of_finder_patterns_is_refused_before_they_are_tried() {
    let world = world().await;
    let finder = ["#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"];
    // Each could be the corner of a symbol with any two others.
    let side = 1500;
    for scale in [1, 2, 5] {
        let cell = 9 * scale;
        let dark = |x: usize, y: usize| {
            let (column, line) = (x % cell / scale, y % cell / scale);
            finder.get(line).is_some_and(|line| line.as_bytes().get(column) == Some(&b'#'))
        };
        let pixels: Vec<u8> =
            (0..side * side).map(|at| if dark(at % side, at / side) { 0 } else { 255 }).collect();
        let answer = world.sent("image/png", &grey_png(side, &pixels)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid-parameter"), "{scale}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("too much in the picture looks like"), "{scale} {detail}");
    }
    let large = world.sent("image/png", &grey_png(1700, &vec![255; 1700 * 1700])).await;
    assert_eq!((large.status, large.problem().as_str()), (413, "body-too-large"));
}

fn grey_png(side: usize, pixels: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let side = u32::try_from(side).unwrap();
    let mut encoder = png::Encoder::new(&mut octets, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    octets
}

/// A QR symbol as a PNG, four pixels a module, with its margin.
fn qrcode_png(text: &str) -> Vec<u8> {
    let code = licence_qr(text);
    let (side, scale) = (code.len(), 4);
    let width = (side + 8) * scale;
    let mut pixels = vec![255_u8; width * width];
    for (y, line) in code.iter().enumerate() {
        for (x, _) in line.iter().enumerate().filter(|(_, dark)| **dark) {
            for (down, right) in (0..scale).flat_map(|down| (0..scale).map(move |right| (down, right))) {
                pixels[((y + 4) * scale + down) * width + (x + 4) * scale + right] = 0;
            }
        }
    }
    grey_png(width, &pixels)
}

fn licence_qr(text: &str) -> Vec<Vec<bool>> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).unwrap();
    let side = code.width();
    code.to_colors()
        .chunks(side)
        .map(|line| line.iter().map(|color| *color == qrcode::Color::Dark).collect())
        .collect()
}

fn credential(world: &World, put: &Put<'_>, holder: Option<&dyn Signer>, own: &Issuer) -> String {
    let _ = world;
    let mut claims = Map::new();
    claims.insert("operator".into(), OPERATOR.into());
    claims.insert("representative".into(), "张某某".into());
    let name = format!("1.2.156.3005.2.{}", put.name());
    claims.insert("licence".into(), json!({ "identifier": name, "type": TYPE }));
    let key = holder.map(|holder| Jwk::from_spki(holder.public_key()).unwrap());
    let wish = sd_jwt::Issue {
        vct: "urn:cinnabar:licence:test",
        claims: &claims,
        selective: &["representative"],
        issued_at: crate::house::now() - 60,
        not_before: Some(put.from),
        expires: put.to,
        status: None,
        holder_key: key.as_ref(),
    };
    let mut salt = 0_u8;
    let mut salts = || {
        salt += 1;
        [salt; 16]
    };
    sd_jwt::issue(&wish, own, &mut salts).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presentation_is_believed_once_from_its_holder_and_as_a_copy_says_so() {
    let world = world().await;
    let put = Put::active("SHOWN00001");
    world.put(&put).await;
    let own = issuer(&world);
    let holder = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
    let holder = Arc::new(SoftwareKey::from_pkcs8(&holder).unwrap());
    let credential = credential(&world, &put, Some(holder.as_ref()), &own);
    let present = |nonce: &str, audience: &str, disclose: &[&str]| {
        let binding =
            sd_jwt::Binding { signer: holder.as_ref(), audience, nonce, issued_at: crate::house::now() };
        sd_jwt::present(&credential, disclose, Some(&binding)).unwrap()
    };
    let ask = |presentation: String, nonce: &str, audience: &str| json!({ "presentation": presentation, "nonce": nonce, "audience": audience });
    let shown = present("nonce-0001", "https://inspection.example", &["representative"]);
    let first = world.ask(&ask(shown.clone(), "nonce-0001", "https://inspection.example")).await.json();
    assert_eq!(found(&first), (0, vec!["holder-bound"]));
    let fields = first["licence"]["fields"].to_string();
    assert!(fields.contains("张某某") && fields.contains(OPERATOR), "{fields}");
    // Shown again: to the same asker under the same nonce, under another one, and to somebody else.
    for (nonce, audience, reason) in [
        ("nonce-0001", "https://inspection.example", "replayed"),
        ("nonce-0002", "https://inspection.example", "holder-proof"),
        ("nonce-0001", "https://health.example", "holder-proof"),
    ] {
        let again = world.ask(&ask(shown.clone(), nonce, audience)).await.json();
        assert_eq!(found(&again), (6, vec![reason]), "{nonce} {audience}");
        assert!(again["licence"].is_null());
    }
    // What is not disclosed is not told; without a nonce nobody is bound.
    let kept = present("nonce-0003", "https://inspection.example", &[]);
    let unasked = world.ask(&json!({ "presentation": kept })).await.json();
    assert_eq!(found(&unasked), (0, vec!["holder-unbound"]));
    assert!(!unasked.to_string().contains("张某某"));
    // A disclosure exchanged for another.
    let forged = shown.replacen('~', "~WyJzYWx0IiwicmVwcmVzZW50YXRpdmUiLCLmnY7mn5AiXQ~", 1);
    assert_eq!(world.ask(&json!({ "presentation": forged })).await.json()["code"], 6);
    // Of somebody who has a certificate of this house, but issues no licences.
    let machine = Arc::new(SoftwareKey::from_pkcs8(&world.verifier.key).unwrap());
    let machine = Issuer::new(machine, vec![world.verifier.certificate.clone()]).unwrap();
    let pretended = self::credential(&world, &put, None, &machine);
    let verdict = world.ask(&json!({ "presentation": pretended })).await.json();
    assert_eq!(found(&verdict), (5, vec!["issuer-unknown"]));
    assert_eq!(world.ask(&json!({ "presentation": "no.presentation~" })).await.json()["code"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_are_shown_one_proof_at_once_believe_it_once_on_both_databases() {
    for world in worlds().await {
        let put = Put::active("SHOWN00002");
        world.put(&put).await;
        let holder = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
        let holder = Arc::new(SoftwareKey::from_pkcs8(&holder).unwrap());
        let credential = credential(&world, &put, Some(holder.as_ref()), &issuer(&world));
        let node = world.house.node("second").await;
        let audience = "https://inspection.example";
        for turn in 0..6 {
            let nonce = format!("nonce-1{turn:03}");
            let binding = sd_jwt::Binding {
                signer: holder.as_ref(),
                audience,
                nonce: &nonce,
                issued_at: crate::house::now(),
            };
            let shown = sd_jwt::present(&credential, &[], Some(&binding)).unwrap();
            let question = json!({ "presentation": shown, "nonce": nonce, "audience": audience });
            let mut first = world.house.connect(&world.verifier).await;
            let mut second = world.house.try_connect_to(node.platform, Some(&world.verifier)).await.unwrap();
            let (one, two) = tokio::join!(
                first.post("/v1/licence-verifications", &question),
                second.post("/v1/licence-verifications", &question)
            );
            let (one, two) = (one.json(), two.json());
            let mut told = [found(&one), found(&two)];
            told.sort_unstable();
            let expected = [(0, vec!["holder-bound"]), (6, vec!["replayed"])];
            assert_eq!(told, expected, "{} {one} {two}", world.kind);
            let again = second.post("/v1/licence-verifications", &question).await.json();
            assert_eq!(found(&again), (6, vec!["replayed"]), "{}", world.kind);
        }
        node.stop.stop();
        let _ = node.running.await;
        crate::seals::audited(&world.house).await;
    }
}
