//! What the register of seals adds: reports that tell how things stood then and now, and `GET /v1/seal-status`.
//!
//! The rows are entered as the life of a seal writes them; the seals are those of a small world that the house does not
//! trust, so that without the register each verdict would be "undecided".

use appliance::journal::{Act, Unit};
use appliance::seals::standing::pause;
use appliance::store::tables::{CERTIFICATES, SEAL_VERSIONS, SEALS};
use appliance::store::{Row, Table, Value};
use crypto::{DigestAlgorithm, Suite};
use eseal::Seal;
use http::Method;
use serde_json::Value as Json;

use super::documents::{FORM, form};
use super::house::{Client, House};
use super::seal_files::{CMS, Forged, appended, cms_by, sealed};
use super::world::{CONTENT, World, time};

/// How a seal is entered; days as `YYYYMMDD`.
#[derive(Clone, Copy)]
struct Entered<'e> {
    id: &'e str,
    code: &'e str,
    state: &'e str,
    version_state: &'e str,
    ended: Option<&'e str>,
    pauses: &'e [(&'e str, Option<&'e str>)],
    kind: i64,
}

const USUAL: Entered<'static> = Entered {
    id: "usual",
    code: "37030000000001",
    state: "active",
    version_state: "active",
    ended: None,
    pauses: &[],
    kind: 6,
};

fn micros(day: &str) -> i64 {
    time(&format!("{day}000000")) * 1_000_000
}

fn row(table: &'static Table) -> Row {
    Row::new(table, vec![Value::Null; table.columns.len()]).with("version", 1)
}

async fn enter(house: &House, world: &World, seal: &Seal, entered: Entered<'_>) {
    let fingerprint = hex::encode(world.certificate.sha256_fingerprint());
    let certificate = row(&CERTIFICATES)
        .with("id", fingerprint.as_str())
        .with("issuer", "elsewhere")
        .with("serial", fingerprint.as_str())
        .with("subject", world.certificate.subject().to_string())
        .with("profile", "seal-organisation")
        .with("not_before", world.certificate.not_before() * 1_000_000)
        .with("not_after", world.certificate.not_after() * 1_000_000)
        .with("der", world.certificate.der().to_vec())
        .with("state", "good");
    let record = row(&SEALS)
        .with("id", entered.id)
        .with("name", seal.name())
        .with("organisation", "bureau")
        .with("owner", "officer-1")
        .with("picture", seal.picture().data.to_vec())
        .with("width_um", 42_000)
        .with("height_um", 42_000)
        .with("certificate", fingerprint.as_str())
        .with("key_label", entered.id)
        .with("state", entered.state)
        .with("code", entered.code)
        .with("kind", entered.kind)
        .with("number", 1)
        .with("valid_from", seal.valid_from() * 1_000_000)
        .with("valid_to", seal.valid_to() * 1_000_000)
        .with("updated", entered.ended.map(micros));
    let version = row(&SEAL_VERSIONS)
        .with("id", format!("{}.1", entered.id))
        .with("seal", entered.id)
        .with("number", 1)
        .with("name", seal.name())
        .with("picture", seal.picture().data.to_vec())
        .with("picture_type", "image/png")
        .with("width_um", 42_000)
        .with("height_um", 42_000)
        .with("certificate", fingerprint.as_str())
        .with("key_label", entered.id)
        .with("suite", world.suite.name)
        .with("eseal", seal.der().to_vec())
        .with("eseal_digest", hex::encode(DigestAlgorithm::Sha256.digest(seal.der())))
        .with("valid_from", seal.valid_from() * 1_000_000)
        .with("valid_to", seal.valid_to() * 1_000_000)
        .with("state", entered.version_state)
        .with("made_at", seal.created() * 1_000_000)
        .with("ended_at", entered.ended.map(micros));
    let mut unit =
        Unit::new(Act::system("test", "test.enter", "")).insert(certificate).insert(record).insert(version);
    for (since, ended) in entered.pauses {
        let row = pause(entered.id, Some("other"), micros(since));
        unit = unit.insert(row.with("ended", ended.map(micros)));
    }
    house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
}

async fn verified(client: &mut Client, file: &[u8]) -> Json {
    let kind = [("content-type", "application/octet-stream")];
    let answer = client.send(Method::POST, "/v1/documents/verify", &kind, file.to_vec()).await.unwrap();
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

fn step<'j>(report: &'j Json, name: &str) -> &'j Json {
    let steps = report["signatures"][0]["seal"]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("{name}: {steps:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_how_things_stood_when_it_was_sealed_and_how_they_stand() {
    let house = House::open().await;
    let checker = house.machine("checker", &["verifier"]).await;
    let mut client = house.connect(&checker).await;
    // Sealed, by the signer's word, on 2026-11-20.
    for (entered, verdict, sub, then, now, outcome) in [
        (USUAL, "undecided", None, "active", "active", "passed"),
        (
            Entered {
                id: "gone",
                code: "37030000000002",
                state: "cancelled",
                version_state: "cancelled",
                ended: Some("20261110"),
                ..USUAL
            },
            "invalid",
            Some("REVOKED"),
            "cancelled",
            "cancelled",
            "failed",
        ),
        (
            Entered {
                id: "left",
                code: "37030000000003",
                state: "cancelled",
                version_state: "cancelled",
                ended: Some("20261121"),
                ..USUAL
            },
            "undecided",
            None,
            "active",
            "cancelled",
            "undecided",
        ),
        (
            Entered {
                id: "paused",
                code: "37030000000004",
                pauses: &[("20261115", Some("20261121"))],
                ..USUAL
            },
            "invalid",
            Some("REVOKED"),
            "suspended",
            "active",
            "failed",
        ),
        (
            Entered {
                id: "stopped",
                code: "37030000000005",
                state: "suspended",
                pauses: &[("20261121", None)],
                ..USUAL
            },
            "undecided",
            None,
            "active",
            "suspended",
            "undecided",
        ),
        (
            Entered {
                id: "replaced",
                code: "37030000000006",
                version_state: "superseded",
                ended: Some("20261121"),
                ..USUAL
            },
            "undecided",
            None,
            "active",
            "superseded",
            "warned",
        ),
    ] {
        let world = World::new(&Suite::SHANGMI);
        let seal = world.seal();
        enter(&house, &world, &seal, entered).await;
        let file = sealed(&Forged::honest(&world, &seal));
        let report = verified(&mut client, &file).await;
        let id = entered.id;
        assert_eq!(report["verdict"], verdict, "{id}: {report}");
        let told = &report["signatures"][0]["seal"];
        assert_eq!(
            (told["then"]["word"].as_str(), told["now"]["word"].as_str()),
            (Some(then), Some(now)),
            "{id}"
        );
        assert_eq!(
            (&told["now"]["told_by"], told["code"].as_str()),
            (&"registry".into(), Some(entered.code)),
            "{id}"
        );
        let register = step(&report, "register");
        assert_eq!(register["outcome"], outcome, "{id}: {register}");
        assert!(register["zh"].as_str().unwrap().starts_with("印章登记："));
        if let Some(sub) = sub {
            assert_eq!(report["signatures"][0]["sub_indication"], sub, "{id}");
        }
        // The seal by itself, and what it signed beside its content, are told alike.
        let report = verified(&mut client, seal.der()).await;
        assert_eq!(
            (&report["file"]["format"], &report["signatures"][0]["seal"]["now"]["word"]),
            (&"seal".into(), &now.into())
        );
        let body = form(&[("document", Some("a.ses"), &world.signed(&seal)), ("content", None, CONTENT)]);
        let answer = client.send(Method::POST, "/v1/documents/verify", &[FORM], body).await.unwrap();
        assert_eq!(answer.json()["signatures"][0]["seal"]["then"]["word"], then, "{id}");
        // A CMS by the seal's certificate carries no seal; the register knows whose it is.
        let report =
            verified(&mut client, &appended(&super::documents::pdf(1, 0), CMS, &cms_by(&world))).await;
        assert_eq!(report["signatures"][0]["kind"], "signature", "{id}");
        assert_eq!(report["signatures"][0]["seal"]["now"]["word"], now, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_only_bears_the_code_of_one_on_record_is_not_taken_for_it() {
    let house = House::open().await;
    let checker = house.machine("checker", &["verifier"]).await;
    let mut client = house.connect(&checker).await;
    let (world, another) = (World::new(&Suite::SHANGMI), World::new(&Suite::SHANGMI));
    let seal = world.seal();
    enter(&house, &world, &seal, Entered { code: "37030000001721", ..USUAL }).await;
    assert_eq!(seal.id(), "37030000001721");
    let copy = another.seal();
    let report = verified(&mut client, &sealed(&Forged::honest(&another, &copy))).await;
    let told = &report["signatures"][0]["seal"];
    assert_eq!(told["remarks"][0]["name"], "code-of-another", "{told}");
    assert_eq!((&told["now"]["told_by"], &told["code"]), (&"seal".into(), &Json::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_seal_for_the_certificate_of_one_on_record_does_not_get_its_standing() {
    let house = House::open().await;
    let checker = house.machine("checker", &["verifier"]).await;
    let mut client = house.connect(&checker).await;
    let world = World::new(&Suite::SHANGMI);
    enter(&house, &world, &world.seal(), USUAL).await;
    let another = world.made(&eseal::NewSeal { name: "示例市人民政府".into(), ..world.new_seal() });
    for file in [sealed(&Forged::honest(&world, &another)), world.signed(&another)] {
        let report = verified(&mut client, &file).await;
        let told = &report["signatures"][0]["seal"];
        assert_eq!((&told["code"], &told["now"]["told_by"]), (&Json::Null, &"seal".into()), "{told}");
        assert_eq!(step(&report, "register")["outcome"], "undecided", "{told}");
        assert_eq!(report["verdict"], "undecided");
        let reasons = report["signatures"][0]["reasons"].to_string();
        assert!(reasons.contains("not on record"), "{reasons}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_verifies_may_ask_how_things_stand_and_is_told_no_more_than_needed() {
    let house = House::open().await;
    let checker = house.machine("checker", &["verifier"]).await;
    let mut client = house.connect(&checker).await;
    let world = World::new(&Suite::INTERNATIONAL);
    let seal = world.seal();
    let pauses = [("20261115", Some("20261116")), ("20261121", None)];
    enter(&house, &world, &seal, Entered { state: "suspended", pauses: &pauses, ..USUAL }).await;
    let person = World::new(&Suite::INTERNATIONAL);
    enter(
        &house,
        &person,
        &person.seal(),
        Entered { id: "person", code: "37030000000009", kind: 0, ..USUAL },
    )
    .await;

    let certificate = hex::encode(world.certificate.sha256_fingerprint());
    let digest = hex::encode(DigestAlgorithm::Sha256.digest(seal.der()));
    for query in
        [format!("code={}", USUAL.code), format!("certificate={certificate}"), format!("seal={digest}")]
    {
        let answer = client.get(&format!("/v1/seal-status?{query}&at=2026-11-15T12:00:00Z")).await;
        assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
        let told = answer.json();
        assert_eq!(told["name"], "示例市行政审批局审批专用章");
        assert_eq!((&told["organisation"], &told["kind"]), (&"示范市行政审批局".into(), &6.into()));
        assert_eq!(
            (&told["now"]["state"], &told["now"]["since"]),
            (&"suspended".into(), &"2026-11-21T00:00:00Z".into())
        );
        assert_eq!(
            (&told["then"]["state"], &told["then"]["state_name"]),
            (&"suspended".into(), &"已停用".into())
        );
        assert_eq!((&told["version"], &told["current"]), (&1.into(), &true.into()));
        for secret in ["key_label", "picture", "holder", "owner", "filing"] {
            assert!(told.get(secret).is_none(), "{secret}");
        }
    }
    let then =
        client.get(&format!("/v1/seal-status?code={}&at=2026-11-18T00:00:00Z", USUAL.code)).await.json();
    assert_eq!(then["then"]["state"], "active", "between the pauses");

    // A person's name is not told to whoever counts codes through, and is to whoever holds the seal.
    let told = client.get("/v1/seal-status?code=37030000000009").await.json();
    assert_eq!((&told["name"], &told["now"]["state"]), (&Json::Null, &"active".into()));
    let certificate = hex::encode(person.certificate.sha256_fingerprint());
    let told = client.get(&format!("/v1/seal-status?certificate={certificate}")).await.json();
    assert!(told["name"].is_string());

    for (path, status) in [
        ("/v1/seal-status?code=37030000000099", 404),
        ("/v1/seal-status?code=1", 422),
        ("/v1/seal-status", 422),
        ("/v1/seal-status?code=37030000000009&at=soon", 422),
        ("/v1/seal-status?name=x", 400),
    ] {
        assert_eq!(client.get(path).await.status, status, "{path}");
    }
    let nobody = house.machine("nobody", &[]).await;
    let answer = house.connect(&nobody).await.get("/v1/seal-status?code=37030000000009").await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"));
}
