//! What anybody may learn: nothing but what they know already, and not by trying.

use std::net::IpAddr;

use appliance::licences::verification::{Audience, Verdict, by_identifier};
use appliance::problem::{Kind, Problem};

use super::*;

async fn asked(world: &World, address: &str, identifier: &str, value: &str) -> Result<Verdict, Problem> {
    let address: IpAddr = address.parse().unwrap();
    let audience = Audience::Stranger { address, request: "request-1" };
    by_identifier(&world.house.app, &audience, identifier, "operator", value).await
}

/// The answer as a stranger sees it, without the time.
fn seen(verdict: Verdict) -> Json {
    let mut verdict = serde_json::to_value(verdict).unwrap();
    verdict.as_object_mut().unwrap().remove("verified");
    verdict
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_tell_a_licence_that_is_not_there_from_one_that_does_not_match_on_both_databases() {
    for world in worlds().await {
        let put = Put::active("SECRET0001");
        world.put(&put).await;
        let wrong = |name: &str| {
            let (bare, check) = name.rsplit_once('.').unwrap();
            format!("{bare}.{}", if check == "A" { 'B' } else { 'A' })
        };
        let absent = identifier("NOTHERE001", 1);
        for _ in 0..2 {
            // The second time from what was looked at before.
            let mismatch = seen(asked(&world, "192.0.2.1", &put.name(), "某某").await.unwrap());
            let missing = seen(asked(&world, "192.0.2.1", &absent, "某某").await.unwrap());
            assert_eq!(mismatch, missing, "{}", world.kind);
            assert_eq!(mismatch["code"], 6);
            assert!(mismatch.get("licence").is_none());
        }
        let told = |verdict: Json| (verdict["code"].clone(), verdict["reasons"][0]["name"].clone());
        let mismatch = told(seen(asked(&world, "192.0.2.1", &wrong(&put.name()), "某某").await.unwrap()));
        let missing = told(seen(asked(&world, "192.0.2.1", &wrong(&absent), "某某").await.unwrap()));
        assert_eq!(mismatch, missing);
        let right = asked(&world, "192.0.2.1", &put.name(), OPERATOR).await.unwrap();
        assert_eq!(right.code.number(), 0);
        let shown = serde_json::to_string(&right).unwrap();
        assert!(!shown.contains("91990000MA0E000186"), "a field that was not given and is not open: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_limited_by_network_whether_the_licence_is_there_or_not_and_hinder_nobody_else() {
    let world = world().await;
    let put = Put::active("GUESSED001");
    world.put(&put).await;
    let absent = identifier("NOTHERE00001", 1);
    for name in [put.name(), absent] {
        let mut refused = 0;
        let address = format!("198.51.100.{}", name.len());
        for guess in 0..15 {
            match asked(&world, &address, &name, &format!("猜测{guess}")).await {
                Ok(verdict) => assert_eq!((verdict.code.number(), refused), (6, 0), "{guess}"),
                Err(problem) => {
                    assert_eq!(problem.kind(), Kind::TooManyRequests);
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 5, "10 guesses an hour");
        let right = asked(&world, &address, &name, OPERATOR).await.unwrap_err();
        assert_eq!(right.kind(), Kind::TooManyRequests, "who guesses right too late does not learn it");
        // Nobody locks a licence up for others, from however many addresses.
        for guess in 0..40 {
            let verdict = asked(&world, &format!("192.0.2.{guess}"), &name, &format!("猜测{guess}")).await;
            assert_eq!(verdict.unwrap().code.number(), 6, "{guess}");
        }
        let right = asked(&world, "203.0.113.9", &name, OPERATOR).await.unwrap();
        assert_eq!(right.code.number(), if name == put.name() { 0 } else { 6 });
    }
    // A registered verifier, and another licence, are not hindered.
    assert_eq!(world.verdict(&put.name()).await["code"], 0);
    let other = Put::active("POPULAR001");
    world.put(&other).await;
    for visitor in 0..60 {
        let verdict = asked(&world, &format!("203.0.113.{visitor}"), &other.name(), OPERATOR).await.unwrap();
        assert_eq!(verdict.code.number(), 0, "a licence that many look at");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_limited_whatever_it_asks_for_and_a_network_is_one_address() {
    let world = world().await;
    let mut admitted = 0;
    for number in 0..60_u32 {
        let address = format!("2001:db8::{number:x}");
        let name = identifier(&format!("WALKED{number:04}"), 1);
        admitted += u32::from(asked(&world, &address, &name, "某某").await.is_ok());
    }
    assert!((20..=35).contains(&admitted), "{admitted} of 60 from one network");
    assert!(asked(&world, "192.0.2.77", &identifier("WALKED9999", 1), "某某").await.is_ok());
}
