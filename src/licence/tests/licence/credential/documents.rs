//! Published documents signed as a whole.

use cinnabar_licence::credential::jws::JwsError;
use cinnabar_licence::credential::signed::{Document, DocumentError, sign};
use serde_json::{Map, Value, json};

use super::world::{DAY, NOW, Party, World, entity};

const TYPE: &str = "cinnabar-catalogue+jwt";
const PUBLISHER: &str = "http://platform.example/licences/publications";

fn publisher(world: &World) -> Party {
    entity("publisher", Some(PUBLISHER), 1000, Some(&world.authority)).issuer(&[&world.authority])
}

fn document() -> Map<String, Value> {
    Map::from_iter([("types".to_owned(), json!([{ "name": "食品经营许可证" }]))])
}

#[test]
fn a_document_is_read_as_it_was_signed() {
    let world = World::new();
    let text = sign(&document(), TYPE, NOW, Some(NOW + DAY), &publisher(&world)).unwrap();
    let read = Document::parse(&format!("{text}\n"), TYPE).unwrap();
    assert_eq!(read.claimed().0, Some(PUBLISHER));
    let verified = read.verify(&world.trust(), NOW + 1).unwrap();
    assert_eq!(verified.members["types"], document()["types"]);
    assert_eq!(
        (verified.issuer.as_str(), verified.issued_at, verified.expires),
        (PUBLISHER, NOW, Some(NOW + DAY))
    );
    assert_eq!(read.verify(&world.trust(), NOW + DAY).unwrap_err(), DocumentError::Expired(NOW + DAY));
    assert_eq!(read.verify(&world.trust(), NOW - 3600).unwrap_err(), DocumentError::Future);
}

#[test]
fn one_kind_of_document_is_not_taken_for_another() {
    let world = World::new();
    let text = sign(&document(), "cinnabar-trust-list+jwt", NOW, None, &publisher(&world)).unwrap();
    let error = Document::parse(&text, TYPE).unwrap_err();
    assert!(matches!(error, DocumentError::Jws(JwsError::Type { .. })), "{error}");
    for name in ["iss", "iat", "exp"] {
        let own = Map::from_iter([(name.to_owned(), json!(1))]);
        assert_eq!(
            sign(&own, TYPE, NOW, None, &publisher(&world)).unwrap_err(),
            DocumentError::Reserved(name)
        );
    }
}

#[test]
fn whoever_may_not_publish_is_not_believed() {
    let world = World::new();
    for (who, impostor) in world.impostors().into_iter().filter(|(who, _)| *who != "another name") {
        let text = sign(&document(), TYPE, NOW, None, &impostor).unwrap();
        let error = Document::parse(&text, TYPE).unwrap().verify(&world.trust(), NOW).unwrap_err();
        assert!(matches!(error, DocumentError::Untrusted(_)), "{who}: {error}");
    }
    // Altered after it was signed.
    let text = sign(&document(), TYPE, NOW, None, &publisher(&world)).unwrap();
    let parts: Vec<&str> = text.split('.').collect();
    let other = sign(&Map::new(), TYPE, NOW, None, &publisher(&world)).unwrap();
    let mixed = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    let error = Document::parse(&mixed, TYPE).unwrap().verify(&world.trust(), NOW).unwrap_err();
    assert_eq!(error, DocumentError::Jws(JwsError::Signature));
}
