//! ACME's protocol with a client of our own: the rules of RFC 8555, 8737 and 8738 broken one by one.

use std::time::Duration;

use serde_json::{Value, json};
use support::acme::{Acme, Key, Web, b64, csr, identifiers, problem};
use support::process::{eventually, free_port};

use crate::acme_house::{House, leaf};

#[test]
fn requests_outside_of_the_rules_are_refused_and_change_nothing() {
    let house = House::new();
    let directory = house.stranger().get("/directory").is(200).json();
    assert_eq!(directory["newAccount"], house.stranger().url("/new-account"));
    assert_eq!(directory["meta"]["externalAccountRequired"], true);
    assert!(directory["newAuthz"].is_null(), "pre-authorisation is not offered");
    accounts(&house);
    let client = house.account();
    signatures(&house, &client);
    orders(&client);
    finalizing(&house, &client);
    others(&house, &client);
    key_change(&house);
    let audit = house.appliance.audit_verify(&[]).ok();
    assert!(!audit.told().contains("ops@acme.test"));
    // Contacts are personal data: neither in a leaf nor in a column that can be read.
    for file in ["cinnabar.db", "cinnabar.db-wal"] {
        let octets = std::fs::read(house.appliance.directory.join(file)).unwrap_or_default();
        assert!(!octets.windows(13).any(|part| part == b"ops@acme.test"), "{file} holds a contact");
    }
}

fn accounts(house: &House) {
    let mut client = house.stranger();
    let url = client.url("/new-account");
    let only = client.post(&url, &json!({ "onlyReturnExisting": true }));
    assert_eq!(problem(&only), "accountDoesNotExist");
    let terms = client.post(&url, &json!({}));
    assert_eq!(problem(&terms), "userActionRequired");
    assert!(
        terms
            .headers
            .get_all("link")
            .iter()
            .any(|link| { link.to_str().is_ok_and(|link| link.contains("terms-of-service")) })
    );
    let agreed = json!({ "termsOfServiceAgreed": true });
    assert_eq!(problem(&client.post(&url, &agreed)), "externalAccountRequired");
    let (kid, secret) = house.binding();
    let bound = |binding: Value| json!({ "termsOfServiceAgreed": true, "externalAccountBinding": binding });
    let wrong = b64([7; 32]);
    assert_eq!(problem(&client.post(&url, &bound(client.binding(&kid, &wrong)))), "unauthorized");
    assert_eq!(problem(&client.post(&url, &bound(client.binding("unknown", &secret)))), "unauthorized");
    // A binding over another key than the account's.
    let other = house.stranger();
    assert_eq!(problem(&client.post(&url, &bound(other.binding(&kid, &secret)))), "unauthorized");
    let mut contact = bound(client.binding(&kid, &secret));
    contact["contact"] = json!(["tel:+49"]);
    assert_eq!(problem(&client.post(&url, &contact)), "unsupportedContact");
    contact["contact"] = json!(["mailto:a@b.test,c@d.test"]);
    assert_eq!(problem(&client.post(&url, &contact)), "invalidContact");
    let made = client.register(&kid, &secret);
    assert_eq!(made.json()["contact"], json!(["mailto:ops@acme.test"]));
    // The same key again is the same account, and needs no binding.
    let kid_url = client.kid.take().expect("an account");
    let again = client.post(&url, &json!({ "onlyReturnExisting": true })).is(200);
    assert_eq!(again.header("location"), kid_url);
    let second = house.stranger();
    assert_eq!(
        problem(&second.post(&url, &bound(second.binding(&kid, &secret)))),
        "unauthorized",
        "used once"
    );
    client.kid = Some(kid_url.clone());
    let changed = client.post(&kid_url, &json!({ "contact": ["mailto:other@acme.test"] })).is(200);
    assert_eq!(changed.json()["contact"], json!(["mailto:other@acme.test"]));
    assert_eq!(problem(&client.post(&kid_url, &json!({ "status": "valid" }))), "malformed");
    let gone = client.post(&kid_url, &json!({ "status": "deactivated" })).is(200).json();
    assert!(gone["status"] == "deactivated" && gone["contact"].is_null(), "{gone}");
    assert_eq!(problem(&client.read(&kid_url)), "unauthorized");
    client.kid = None;
    assert_eq!(problem(&client.post(&url, &json!({ "onlyReturnExisting": true }))), "unauthorized");
    // Withdrawn, a binding's account stops at once.
    let client = house.account();
    let mine = client.kid.clone().expect("an account");
    let list = house.appliance.cli_as("officer-1", &["acme", "binding", "list", "--json"]).ok().json();
    let last = list["items"].as_array().expect("items").last().expect("a binding")["id"].clone();
    client.read(&mine).is(200);
    house.appliance.cli_as("officer-1", &["acme", "binding", "withdraw", last.as_str().expect("id")]).ok();
    assert_eq!(problem(&client.read(&mine)), "unauthorized");
    // Who audits or operates gives out nothing.
    let arguments = ["acme", "binding", "add", "--caller", "portal", "--name", "a.acme.test"];
    house.appliance.cli_as("operator-1", &arguments).exits(1);
}

fn signatures(house: &House, client: &Acme) {
    let url = client.kid.clone().expect("an account");
    let post = |change: &dyn Fn(&mut Value)| {
        let mut header = client.header(&url);
        change(&mut header);
        client.send(&url, &client.key.sign(&header, "").to_string())
    };
    client.read(&url).is(200);
    for (says, change) in [
        ("badNonce", &(|header: &mut Value| header["nonce"] = "AAAA".into()) as &dyn Fn(&mut Value)),
        ("badNonce", &|header| drop(header.as_object_mut().expect("object").remove("nonce"))),
        ("unauthorized", &|header| {
            header["url"] = header["url"].as_str().expect("url").replace("https", "http").into()
        }),
        ("unauthorized", &|header| header["url"] = "https://localhost/acme/new-order".into()),
        ("malformed", &|header| drop(header.as_object_mut().expect("object").remove("url"))),
        ("malformed", &|header| header["jwk"] = json!({ "kty": "EC" })),
        ("malformed", &|header| header["crit"] = json!(["url"])),
        ("badSignatureAlgorithm", &|header| header["alg"] = "none".into()),
        ("badSignatureAlgorithm", &|header| header["alg"] = "HS256".into()),
        ("unauthorized", &|header| header["alg"] = "ES384".into()),
        ("accountDoesNotExist", &|header| header["kid"] = "https://localhost/acme/account/x".into()),
    ] {
        let answer = post(change);
        assert_eq!(problem(&answer), says, "{}", answer.told());
        assert!(!answer.header("replay-nonce").is_empty(), "every answer brings a nonce");
    }
    // `jwk` where an account is asked for, and `kid` where none can be.
    let mut header = client.header(&url);
    header.as_object_mut().expect("object").remove("kid");
    header["jwk"] = client.key.jwk();
    assert_eq!(problem(&client.send(&url, &client.key.sign(&header, "").to_string())), "malformed");
    let new = client.url("/new-account");
    assert_eq!(problem(&client.post(&new, &json!({}))), "malformed");
    // Another's key.
    let header = client.header(&url);
    assert_eq!(problem(&client.send(&url, &Key::new().sign(&header, "").to_string())), "unauthorized");
    // Other forms of JWS.
    let whole = client.key.sign(&client.header(&url), "");
    let mut unprotected = whole.clone();
    unprotected["header"] = json!({ "alg": "none" });
    let general = json!({ "payload": "", "signatures": [whole] });
    let twice = whole.to_string().replacen('{', "{\"payload\":\"\",", 1);
    for body in
        [unprotected.to_string(), general.to_string(), twice, "[]".into(), String::new(), "{".repeat(3000)]
    {
        assert_eq!(problem(&client.send(&url, &body)), "malformed");
    }
    let large = json!({ "protected": "A".repeat(300_000), "payload": "", "signature": "" }).to_string();
    let answer = client.send(&url, &large);
    assert!(answer.status.is_client_error(), "{}", answer.told());
    // A request sent twice counts once, whether it changes something or only reads.
    let body = client.key.sign(&client.header(&url), "").to_string();
    client.send(&url, &body).is(200);
    assert_eq!(problem(&client.send(&url, &body)), "badNonce");
    let orders = client.url("/new-order");
    let payload = json!({ "identifiers": identifiers(&["replay.acme.test"]) }).to_string();
    let body = client.key.sign(&client.header(&orders), &payload).to_string();
    client.send(&orders, &body).is(201);
    assert_eq!(problem(&client.send(&orders, &body)), "badNonce");
    let plain = house.stranger();
    let answer = plain.get("/new-order");
    assert_eq!(answer.status, 405);
}

fn orders(client: &Acme) {
    let url = client.url("/new-order");
    let refused = |names: &[&str]| problem(&client.post(&url, &json!({ "identifiers": identifiers(names) })));
    for name in [
        "acme.test",
        "other.test",
        "localhost",
        "a.acme.test.",
        "-a.acme.test",
        "a_b.acme.test",
        "münchen.acme.test",
        "a..acme.test",
        "*.*.acme.test",
        "a.*.acme.test",
        "*.acme.test",
        "10.0.0.1",
        "::1",
        "a.acme.test\u{0}",
    ] {
        assert_eq!(refused(&[name]), "rejectedIdentifier", "{name}");
    }
    let email = json!({ "identifiers": [{ "type": "email", "value": "a@acme.test" }] });
    assert_eq!(problem(&client.post(&url, &email)), "unsupportedIdentifier");
    assert_eq!(problem(&client.post(&url, &json!({ "identifiers": [] }))), "malformed");
    assert_eq!(problem(&client.post(&url, &json!({}))), "malformed");
    let mixed = client.post(&url, &json!({ "identifiers": identifiers(&["ok.acme.test", "no.test"]) }));
    assert_eq!(mixed.json()["subproblems"][0]["identifier"]["value"], "no.test", "{}", mixed.told());
    let late = json!({ "identifiers": identifiers(&["a.acme.test"]), "notAfter": "2099-01-01T00:00:00Z" });
    assert_eq!(problem(&client.post(&url, &late)), "malformed");
    // One form: lower case, each once.
    let (order_url, order) = client.order(&["WWW.Acme.Test", "www.acme.test"]);
    assert_eq!(order["identifiers"], identifiers(&["www.acme.test"]));
    assert_eq!(client.read(&order_url).is(200).json()["status"], "pending");
    // Addresses are not proven in the DNS.
    let (_, order) = client.order(&["127.0.0.1"]);
    let authorization = client.read(order["authorizations"][0].as_str().expect("url")).is(200).json();
    let kinds: Vec<&str> = authorization["challenges"]
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|c| c["type"].as_str())
        .collect();
    assert_eq!(kinds, ["http-01", "tls-alpn-01"]);
    // Given up, an authorization takes its order along.
    let (order_url, order) = client.order(&["gone.acme.test"]);
    let authorization = order["authorizations"][0].as_str().expect("url");
    let given_up = client.post(authorization, &json!({ "status": "deactivated" })).is(200).json();
    assert_eq!(given_up["status"], "deactivated");
    assert_eq!(client.read(&order_url).is(200).json()["status"], "invalid");
}

fn finalizing(house: &House, client: &Acme) {
    let (url, order) = client.order(&["one.acme.test", "two.acme.test"]);
    let (early, _) = client.finalize(&order, &["one.acme.test", "two.acme.test"]);
    assert_eq!(problem(&early), "orderNotReady");
    client.prove(&order, &house.dns);
    assert_eq!(client.read(&url).is(200).json()["status"], "ready");
    for names in [
        &["one.acme.test"][..],
        &["one.acme.test", "two.acme.test", "three.acme.test"],
        &["one.acme.test", "two.acme.test", "127.0.0.1"],
        &["two.acme.test", "*.acme.test"],
        &["other.test"],
    ] {
        let (answer, _) = client.finalize(&order, names);
        assert_eq!(problem(&answer), "badCSR", "{names:?}");
    }
    let own = csr(&["one.acme.test", "two.acme.test"], &client.key.rcgen());
    assert_eq!(problem(&client.finalize_with(&order, &own)), "badCSR", "the account's key");
    let mut broken = csr(&["one.acme.test", "two.acme.test"], &rcgen::KeyPair::generate().expect("key"));
    let last = broken.len() - 1;
    broken[last] ^= 1;
    assert_eq!(problem(&client.finalize_with(&order, &broken)), "badCSR", "its own signature");
    assert_eq!(problem(&client.finalize_with(&order, b"no request")), "badCSR");
    assert_eq!(client.read(&url).is(200).json()["status"], "ready", "nothing of that used the order up");
    let (answer, _) = client.finalize(&order, &["TWO.acme.test", "one.acme.test"]);
    assert_eq!(answer.is(200).json()["status"], "valid");
    let done = client.read(&url).is(200).json();
    let chain = client.read(done["certificate"].as_str().expect("url")).is(200);
    let chain = String::from_utf8(chain.body.to_vec()).expect("PEM");
    assert_eq!(leaf(&chain).dns_sans().collect::<Vec<_>>(), ["one.acme.test", "two.acme.test"]);
    house.judged_good(&house.keep(&chain), "two.acme.test");
    // What was proven need not be proven again.
    let (_, order) = client.order(&["one.acme.test"]);
    assert_eq!(order["status"], "ready");
}

fn others(house: &House, client: &Acme) {
    let stranger = house.account();
    let (url, order) = client.order(&["private.acme.test"]);
    client.prove(&order, &house.dns);
    let challenge_url = order["authorizations"][0].as_str().expect("url").to_owned();
    assert_eq!(problem(&stranger.read(&url)), "malformed");
    assert_eq!(stranger.read(&url).status, 404);
    assert_eq!(stranger.read(&challenge_url).status, 404);
    assert_eq!(stranger.finalize(&order, &["private.acme.test"]).0.status, 404);
    assert_eq!(problem(&stranger.read(client.kid.as_ref().expect("kid"))), "unauthorized");
    let (answer, key) = client.finalize(&order, &["private.acme.test"]);
    let certificate = answer.is(200).json()["certificate"].as_str().expect("url").to_owned();
    assert_eq!(stranger.read(&certificate).status, 404);
    let chain = String::from_utf8(client.read(&certificate).is(200).body.to_vec()).expect("PEM");
    let payload = json!({ "certificate": b64(leaf(&chain).der()), "reason": 4 });
    let revoke = client.url("/revoke-cert");
    assert_eq!(problem(&stranger.post(&revoke, &payload)), "unauthorized");
    let orders = client.read(&format!("{}/orders", client.kid.as_ref().expect("kid"))).is(200).json();
    assert!(orders["orders"].as_array().expect("orders").contains(&json!(url)));
    // Whoever controls all its names now may have it revoked; whoever holds its key, too.
    let mut holder = house.stranger();
    holder.key = Key::from_pkcs8(key.serialized_der());
    let bad = json!({ "certificate": b64(leaf(&chain).der()), "reason": 9 });
    assert_eq!(problem(&holder.post(&revoke, &bad)), "badRevocationReason");
    let foreign = house.stranger();
    assert_eq!(problem(&foreign.post(&revoke, &payload)), "unauthorized");
    holder.post(&revoke, &payload).is(200);
    assert_eq!(problem(&client.post(&revoke, &payload)), "alreadyRevoked");
    let (chain, _) = client.certificate(&["shared.acme.test"], json!({}), &house.dns);
    let payload = json!({ "certificate": b64(leaf(&chain).der()) });
    assert_eq!(problem(&stranger.post(&revoke, &payload)), "unauthorized");
    let (_, order) = stranger.order(&["shared.acme.test"]);
    stranger.prove(&order, &house.dns);
    stranger.post(&revoke, &payload).is(200);
}

fn key_change(house: &House) {
    let (mut client, other) = (house.account(), house.account());
    let (url, kid) = (client.url("/key-change"), client.kid.clone().expect("kid"));
    let inner = |new: &Key, change: &dyn Fn(&mut Value, &mut Value)| {
        let mut header = json!({ "alg": "ES256", "jwk": new.jwk(), "url": url });
        let mut payload = json!({ "account": kid, "oldKey": client.key.jwk() });
        change(&mut header, &mut payload);
        new.sign(&header, &payload.to_string())
    };
    let new = Key::new();
    for change in [
        &(|_: &mut Value, payload: &mut Value| payload["account"] = "x".into())
            as &dyn Fn(&mut Value, &mut Value),
        &|_, payload| payload["oldKey"] = Key::new().jwk(),
        &|header, _| header["nonce"] = "x".into(),
        &|header, _| header["url"] = "x".into(),
    ] {
        let answer = client.post(&url, &inner(&new, change));
        assert!(["malformed", "unauthorized"].contains(&problem(&answer).as_str()), "{}", answer.told());
    }
    let taken = client.post(&url, &inner(&other.key, &|_, _| {}));
    assert_eq!(taken.status, 409);
    assert_eq!(taken.header("location"), other.kid.clone().expect("kid"));
    client.post(&url, &inner(&new, &|_, _| {})).is(200);
    let old = std::mem::replace(&mut client.key, new);
    client.read(&kid).is(200);
    client.key = old;
    assert_eq!(problem(&client.read(&kid)), "unauthorized");
}

#[test]
fn validation_stays_inside_of_what_the_operator_allows() {
    let house = House::new();
    let client = house.account();
    let web = Web::on(house.http_port);
    // Nobody must be reached there: the port is not allowed, although the host is.
    let forbidden_port = free_port();
    let secret = Web::on(forbidden_port);
    let path = |challenge: &Value| {
        format!("/.well-known/acme-challenge/{}", challenge["token"].as_str().expect("token"))
    };
    let judged = |name: &str, kind: &str, prepare: &dyn Fn(&Value)| {
        let (url, order) = client.order(&[name]);
        let challenge = client.challenge(&order, 0, kind);
        prepare(&challenge);
        let authorization = client.decided(&order, 0, &challenge);
        let status = authorization["status"].as_str().expect("status").to_owned();
        let error = authorization["challenges"][0]["error"]["type"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            client.read(&url).is(200).json()["status"],
            if status == "valid" { "ready" } else { "invalid" }
        );
        (status, error.replace("urn:ietf:params:acme:error:", ""))
    };
    let valid = ("valid".to_owned(), String::new());
    let invalid = |kind: &str| ("invalid".to_owned(), kind.to_owned());
    let answer = |challenge: &Value| client.key_authorization(challenge);
    assert_eq!(judged("a.acme.test", "http-01", &|c| web.page(&path(c), &format!("{}\n", answer(c)))), valid);
    assert_eq!(judged("127.0.0.1", "http-01", &|c| web.page(&path(c), &answer(c))), valid);
    assert_eq!(
        judged("b.acme.test", "http-01", &|c| web.page(&path(c), "else")),
        invalid("incorrectResponse")
    );
    let bare = |c: &Value| web.page(&path(c), c["token"].as_str().expect("token"));
    assert_eq!(judged("b.acme.test", "http-01", &bare), invalid("incorrectResponse"));
    assert_eq!(
        judged("b.acme.test", "http-01", &|c| web.page(&path(c), &"x".repeat(5000))),
        invalid("incorrectResponse")
    );
    assert_eq!(judged("b.acme.test", "http-01", &|_| {}), invalid("incorrectResponse"), "404");
    // Redirects: to an allowed port yes, to a forbidden port or network or scheme never.
    let moved = |c: &Value| {
        web.redirect(&path(c), &format!("http://moved.acme.test:{}/there", house.http_port));
        web.page("/there", &answer(c));
    };
    assert_eq!(judged("c.acme.test", "http-01", &moved), valid);
    let there = |c: &Value, to: &str| web.redirect(&path(c), to);
    let port = format!("http://d.acme.test:{forbidden_port}/secret");
    assert_eq!(judged("d.acme.test", "http-01", &|c| there(c, &port)), invalid("connection"));
    let metadata = format!("http://169.254.169.254:{}/latest", house.http_port);
    assert_eq!(judged("d.acme.test", "http-01", &|c| there(c, &metadata)), invalid("connection"));
    assert_eq!(judged("d.acme.test", "http-01", &|c| there(c, "file:///etc/passwd")), invalid("connection"));
    let round = |c: &Value| there(c, &format!("http://d.acme.test:{}{}", house.http_port, path(c)));
    assert_eq!(judged("d.acme.test", "http-01", &round), invalid("connection"));
    assert_eq!(secret.asked(), 0, "a forbidden port was connected to");
    // The DNS: a wrong value, none, and one of several.
    let record = |name: &str, values: &[String]| {
        let name = format!("_acme-challenge.{name}");
        house.dns.clear(&name);
        values.iter().for_each(|value| house.dns.put(&name, value));
    };
    assert_eq!(
        judged("e.acme.test", "dns-01", &|_| record("e.acme.test", &[])),
        invalid("incorrectResponse")
    );
    let wrong = |c: &Value| record("e.acme.test", &[answer(c)]);
    assert_eq!(judged("e.acme.test", "dns-01", &wrong), invalid("incorrectResponse"));
    let several = |c: &Value| record("e.acme.test", &["else".into(), client.dns_value(c)]);
    assert_eq!(judged("e.acme.test", "dns-01", &several), valid);
    // Nobody there: tried again within its time, then given up.
    let elsewhere = judged("f.acme.test", "tls-alpn-01", &|_| {});
    assert_eq!(elsewhere, invalid("connection"));
    drop(web);
    // A node that dies in the middle: another start takes the validation up.
    survives_a_restart(house);
}

fn survives_a_restart(mut house: House) {
    let client = house.account();
    let (_, order) = client.order(&["late.acme.test"]);
    let challenge = client.challenge(&order, 0, "dns-01");
    client.post(challenge["url"].as_str().expect("url"), &json!({})).is(200);
    house.appliance.kill();
    house.dns.put("_acme-challenge.late.acme.test", &client.dns_value(&challenge));
    house.appliance.serve();
    house.appliance.unseal();
    let url = order["authorizations"][0].as_str().expect("url");
    eventually("the validation is taken up", Duration::from_secs(90), || {
        let body = client.read(url).is(200).json();
        assert_ne!(body["status"], "invalid", "{body}");
        std::thread::sleep(Duration::from_millis(500));
        (body["status"] == "valid").then_some(())
    });
    house.appliance.audit_verify(&[]).ok();
}

#[test]
fn validations_beyond_an_accounts_places_wait_their_turn_and_stand_in_nobodys_way() {
    let house = House::new();
    let (many, other) = (house.account(), house.account());
    let names: Vec<String> = (0..12).map(|n| format!("n{n}.acme.test")).collect();
    let (_, order) = many.order(&names.iter().map(String::as_str).collect::<Vec<_>>());
    // No record anywhere: each validation keeps its place for its whole time. The last finds its record there.
    let challenges: Vec<Value> = (0..names.len()).map(|at| many.challenge(&order, at, "dns-01")).collect();
    let last = names.len() - 1;
    let name = many.read(order["authorizations"][last].as_str().expect("url")).is(200).json();
    let name = name["identifier"]["value"].as_str().expect("name").to_owned();
    house.dns.put(&format!("_acme-challenge.{name}"), &many.dns_value(&challenges[last]));
    for challenge in &challenges {
        let begun = many.post(challenge["url"].as_str().expect("url"), &json!({})).is(200).json();
        assert_eq!(begun["status"], "processing", "{begun}");
    }
    let (_, quick) = other.order(&["quick.acme.test"]);
    other.prove(&quick, &house.dns);
    for at in 0..names.len() {
        let url = order["authorizations"][at].as_str().expect("url");
        let expected = if at == last { "valid" } else { "invalid" };
        assert_eq!(many.settled(url)["status"], expected, "{at}");
    }
    house.appliance.audit_verify(&[]).ok();
}

#[test]
fn orders_that_officers_must_approve_wait_for_them() {
    let house = House::with(|appliance| {
        let path = appliance.directory.join("policies/certificates/server.toml");
        let text = std::fs::read_to_string(&path).expect("profile");
        let changed = text.replace("version = 1\n", "version = 1\napprovals = 1\n");
        let changed = changed.replace("wildcards = false", "wildcards = true");
        assert_ne!(changed, text);
        std::fs::write(path, changed).expect("profile");
    });
    let client = house.account();
    let officer = house.appliance.client("officer-1");
    let requested = |names: &[&str]| {
        let (url, order) = client.order(names);
        client.prove(&order, &house.dns);
        let (answer, _) = client.finalize(&order, names);
        let answer = answer.is(200);
        assert_eq!(answer.json()["status"], "processing", "{}", answer.told());
        assert!(!answer.header("retry-after").is_empty());
        let requests = officer.get("/v1/certificate-requests?state=pending").is(200).json();
        let request = requests["items"].as_array().expect("requests").last().expect("a request").clone();
        (url, request)
    };
    let decide = |request: &Value, word: &str, body: &Value| {
        let path = format!("/v1/certificate-requests/{}/{word}", request["id"].as_str().expect("id"));
        officer.post(&path, body)
    };
    // A wildcard and the name above it are proven one after the other at the same record.
    let (url, request) = requested(&["*.wild.acme.test", "wild.acme.test"]);
    assert_eq!(client.read(&url).is(200).json()["status"], "processing");
    decide(&request, "approve", &json!({ "csr_digest": request["csr_digest"] })).is(200);
    let done = client.settled(&url);
    assert_eq!(done["status"], "valid", "{done}");
    let chain = client.read(done["certificate"].as_str().expect("url")).is(200);
    let chain = String::from_utf8(chain.body.to_vec()).expect("PEM");
    house.judged_good(&house.keep(&chain), "any.wild.acme.test");
    // Refused, the order ends with the reason.
    let (url, request) = requested(&["no.acme.test"]);
    decide(&request, "refuse", &json!({ "reason": "not this one" })).is(200);
    let done = client.settled(&url);
    assert_eq!((done["status"].as_str(), done["certificate"].as_str()), (Some("invalid"), None), "{done}");
    house.appliance.audit_verify(&[]).ok();
}
