//! Renewal information (RFC 9773), which no client of Debian 12 speaks.

use serde_json::{Value, json};
use support::acme::{Acme, b64, identifiers, problem};

use crate::acme_house::{House, leaf};

#[test]
fn renewal_information_says_when_and_what_was_replaced() {
    let house = House::new();
    let client = house.account();
    let id = |chain: &str| {
        let leaf = leaf(chain);
        format!("{}.{}", b64(leaf.authority_key_id().expect("AKI")), b64(leaf.serial()))
    };
    let (first, _) = client.certificate(&["ari.acme.test"], json!({}), &house.dns);
    let anybody = house.stranger();
    let answer = anybody.get(&format!("/renewal-info/{}", id(&first))).is(200);
    assert!(answer.header("retry-after").parse::<u64>().is_ok());
    let body = answer.json();
    assert_eq!(body["explanationURL"], "https://acme.test/renewal");
    let window = |body: &Value| {
        let time = |name: &str| {
            let text = body["suggestedWindow"][name].as_str().expect("a time");
            text.parse::<jiff::Timestamp>().expect("RFC 3339").as_second()
        };
        (time("start"), time("end"))
    };
    let (start, end) = window(&body);
    let leaf_of = leaf(&first);
    assert!(start < end && start > leaf_of.not_before() && end < leaf_of.not_after());
    for unknown in ["AAAA.AAAA", "x", "AAAA", "....", &format!("{}A", id(&first))] {
        let answer = anybody.get(&format!("/renewal-info/{unknown}"));
        assert!(answer.status.is_client_error(), "{}", answer.told());
    }
    // An order says what it replaces; once, of its own account, with a name in common.
    let order = |who: &Acme, names: &[&str], replaces: &str| {
        who.post(&who.url("/new-order"), &json!({ "identifiers": identifiers(names), "replaces": replaces }))
    };
    assert_eq!(problem(&order(&house.account(), &["ari.acme.test"], &id(&first))), "malformed");
    assert_eq!(problem(&order(&client, &["else.acme.test"], &id(&first))), "malformed");
    assert_eq!(problem(&order(&client, &["ari.acme.test"], "AAAA.AAAA")), "malformed");
    let (second, _) = client.certificate(&["ari.acme.test"], json!({ "replaces": id(&first) }), &house.dns);
    let again = order(&client, &["ari.acme.test"], &id(&first));
    assert_eq!((again.status.as_u16(), problem(&again).as_str()), (409, "alreadyReplaced"));
    // Revoked: renew at once.
    let payload = json!({ "certificate": b64(leaf(&second).der()), "reason": 1 });
    client.post(&client.url("/revoke-cert"), &payload).is(200);
    let (start, end) = window(&anybody.get(&format!("/renewal-info/{}", id(&second))).is(200).json());
    let now = jiff::Timestamp::now().as_second();
    assert!(start < end && end < now, "{start} {end} {now}");
    // A client that asks at the window's time renews, and the chain of replacements stands in the register.
    let (third, _) = client.certificate(&["ari.acme.test"], json!({ "replaces": id(&second) }), &house.dns);
    let fingerprint = |chain: &str| {
        leaf(chain).sha256_fingerprint().iter().map(|octet| format!("{octet:02x}")).collect::<String>()
    };
    let sql = format!("SELECT replaces FROM certificates WHERE id = '{}'", fingerprint(&third));
    assert_eq!(house.appliance.sql(&sql), [fingerprint(&second)]);
}
