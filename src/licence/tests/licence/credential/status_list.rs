//! Token status lists, as JWT and as CWT.

use cinnabar_licence::credential::jws::{self, JwsError};
use cinnabar_licence::credential::status_list::{
    INVALID, ListError, PlaceError, SUSPENDED, StatusList, Terms, Token, VALID, VerifiedList, token_cwt,
    token_jwt,
};
use cinnabar_licence::credential::{Issuer, Untrusted};
use proptest::prelude::*;
use serde_json::{Map, json};

use super::world::{DAY, ISSUER, LIST, NOW, World};

fn terms() -> Terms {
    Terms { uri: LIST.into(), issued_at: NOW, expires: Some(NOW + DAY), ttl: Some(300) }
}

fn list() -> StatusList {
    let mut list = StatusList::new(1 << 20).unwrap();
    list.set(4711, SUSPENDED).unwrap();
    list.set((1 << 20) - 1, INVALID).unwrap();
    list
}

/// Both forms, read.
fn tokens(list: &StatusList, terms: &Terms, issuer: &Issuer) -> [Token; 2] {
    let octets = list.compressed();
    let jwt = token_jwt(list.bits(), &octets, terms, issuer).unwrap();
    let cwt = token_cwt(list.bits(), &octets, terms, issuer).unwrap();
    [Token::parse_jwt(&jwt).unwrap(), Token::parse_cwt(&cwt).unwrap()]
}

fn verify(world: &World, token: &Token, at: i64) -> Result<VerifiedList, ListError> {
    token.clone().verify(&world.trust(), ISSUER, LIST, at)
}

#[test]
fn both_forms_say_the_same_and_are_small() {
    let world = World::new();
    for token in tokens(&list(), &terms(), &world.issuer) {
        let verified = verify(&world, &token, NOW + 1).unwrap();
        assert_eq!(verified.terms, terms());
        assert_eq!(verified.list, list());
        let at = |place| verified.list.get(place);
        assert_eq!((at(0), at(4711), at((1 << 20) - 1)), (Some(VALID), Some(SUSPENDED), Some(INVALID)));
        assert_eq!((at(1 << 20), at(u32::MAX)), (None, None));
    }
    assert!(list().compressed().len() < 400, "256 KiB of nearly nothing");
}

#[test]
fn the_packing_is_that_of_the_specification() {
    // Token Status List §4.1, the example of two bits: places from the least significant bit on.
    let mut list = StatusList::new(12).unwrap();
    for (place, status) in (0..12).zip([1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]) {
        list.set(place, status).unwrap();
    }
    assert_eq!(hex::encode(list.compressed()), "78da3be9f2130003df0207");
    let read = StatusList::inflate(2, &list.compressed()).unwrap();
    assert_eq!(
        (0..12).map(|place| read.get(place).unwrap()).collect::<Vec<_>>(),
        [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
    );
    // §4.1, one bit: 16 entries in B9 A3.
    let one = StatusList::inflate(1, &hex::decode("78dadbb918000217015d").unwrap()).unwrap();
    let bits: Vec<u8> = (0..16).map(|place| one.get(place).unwrap()).collect();
    assert_eq!(bits, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
    assert_eq!(list.set(12, 1), Err(PlaceError::Place(12)));
    assert_eq!(list.set(0, 4), Err(PlaceError::Value(4)));
    assert_eq!(StatusList::new(u32::MAX), Err(PlaceError::Size(u32::MAX)));
    assert!(StatusList::inflate(3, &list.compressed()).is_none());
}

#[test]
fn a_list_is_good_for_its_address_its_issuer_and_its_time() {
    let world = World::new();
    let [jwt, cwt] = tokens(&list(), &terms(), &world.issuer);
    for token in [jwt, cwt] {
        let elsewhere = "http://platform.example/licences/status/2";
        let error = token.clone().verify(&world.trust(), ISSUER, elsewhere, NOW).unwrap_err();
        assert!(matches!(error, ListError::Subject { .. }));
        let error = token.clone().verify(&world.trust(), "http://other.example/", LIST, NOW).unwrap_err();
        assert!(matches!(error, ListError::Untrusted(Untrusted::Name { .. })), "{error}");
        assert_eq!(verify(&world, &token, NOW + DAY).unwrap_err(), ListError::Expired(NOW + DAY));
        assert_eq!(verify(&world, &token, NOW - 3600).unwrap_err(), ListError::Future);
        for (who, impostor) in world.impostors() {
            for token in tokens(&list(), &terms(), &impostor) {
                let error = verify(&world, &token, NOW).unwrap_err();
                assert!(matches!(error, ListError::Untrusted(_)), "{who}: {error}");
            }
        }
    }
}

#[test]
fn bombs_and_other_tokens_are_refused() {
    let world = World::new();
    let bomb = {
        use std::io::Write as _;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 4 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    let jwt = token_jwt(2, &bomb, &terms(), &world.issuer).unwrap();
    assert_eq!(Token::parse_jwt(&jwt).unwrap_err(), ListError::List);
    let cwt = token_cwt(2, &bomb, &terms(), &world.issuer).unwrap();
    assert_eq!(Token::parse_cwt(&cwt).unwrap_err(), ListError::List);
    let trailing = [list().compressed(), vec![0]].concat();
    let jwt = token_jwt(2, &trailing, &terms(), &world.issuer).unwrap();
    assert_eq!(Token::parse_jwt(&jwt).unwrap_err(), ListError::List);
    let with = |typ: &str, payload: serde_json::Value| {
        let serde_json::Value::Object(payload) = payload else { unreachable!() };
        Token::parse_jwt(&jws::sign(typ, &payload, &world.issuer).unwrap()).unwrap_err()
    };
    let own = json!({ "sub": LIST, "iat": NOW, "status_list": { "bits": 2, "lst": "eNpjAAAAAQAB" } });
    assert!(matches!(with("dc+sd-jwt", own.clone()), ListError::Jws(JwsError::Type { .. })));
    for name in ["sub", "iat", "status_list"] {
        let mut without = own.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(with("statuslist+jwt", without), ListError::Claim(name));
    }
    for (name, value) in [("exp", json!("x")), ("ttl", json!(-1)), ("iat", json!(1e300)), ("sub", json!(1))] {
        let mut wrong = own.clone();
        wrong[name] = value;
        assert_eq!(with("statuslist+jwt", wrong), ListError::Claim(name));
    }
    for bits in [json!(0), json!(3), json!(16), json!("2"), json!(-1)] {
        let mut wrong = own.clone();
        wrong["status_list"]["bits"] = bits;
        assert!(matches!(with("statuslist+jwt", wrong), ListError::List | ListError::Claim("bits")));
    }
    assert!(jws::sign("statuslist+jwt", &Map::new(), &world.issuer).is_ok());
    // A QR symbol's token is a CWT too.
    assert!(Token::parse_cwt(b"").is_err());
    assert_eq!(Token::parse_cwt(&vec![0; 3 << 20]).unwrap_err(), ListError::TooLong(3 << 20));
}

proptest! {
    #[test]
    fn what_is_set_is_got(entries in proptest::collection::vec((0_u32..5000, 0_u8..4), 0..200)) {
        let mut list = StatusList::new(5000).unwrap();
        let mut expected = std::collections::BTreeMap::new();
        for (place, status) in entries {
            list.set(place, status).unwrap();
            expected.insert(place, status);
        }
        let read = StatusList::inflate(2, &list.compressed()).unwrap();
        for place in 0..5000 {
            prop_assert_eq!(read.get(place), Some(expected.get(&place).copied().unwrap_or(VALID)));
        }
    }
}
