//! A client of ACME that does what it is told, also what no honest client does: every part of a signed request can be
//! chosen. And a web server for http-01.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Map, Value, json};

use crate::client::{Answer, Client};
use crate::process::eventually;

/// Base64url without padding.
pub fn b64(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// An account's key: ECDSA on P-256.
pub struct Key {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
}

impl Key {
    pub fn new() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::from_pkcs8(document.expect("key").as_ref())
    }

    pub fn from_pkcs8(pkcs8: &[u8]) -> Self {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new());
        Self { pair: pair.expect("key"), pkcs8: pkcs8.to_vec() }
    }

    pub fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({ "crv": "P-256", "kty": "EC", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
    }

    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let (x, y) = (jwk["x"].as_str().expect("x"), jwk["y"].as_str().expect("y"));
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        b64(digest(&SHA256, text.as_bytes()))
    }

    /// A JWS in the flattened form, of whatever header and payload.
    pub fn sign(&self, header: &Value, payload: &str) -> Value {
        let (header, payload) = (b64(header.to_string()), b64(payload));
        let signature = self.pair.sign(&SystemRandom::new(), format!("{header}.{payload}").as_bytes());
        json!({ "protected": header, "payload": payload, "signature": b64(signature.expect("signature")) })
    }

    /// The same key for certificates.
    pub fn rcgen(&self) -> rcgen::KeyPair {
        rcgen::KeyPair::try_from(self.pkcs8.as_slice()).expect("key")
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

/// One account, or somebody who has none yet.
pub struct Acme {
    client: Client,
    base: String,
    pub key: Key,
    /// The account's address, once it has one.
    pub kid: Option<String>,
    nonce: RefCell<Option<String>>,
}

impl Acme {
    /// Speaks to the enrolment listener behind `client` under the name that it has in its configuration.
    pub fn new(client: Client, base: &str) -> Self {
        Self { client, base: base.to_owned(), key: Key::new(), kid: None, nonce: RefCell::new(None) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/acme{path}", self.base)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.client.get(&format!("/acme{path}"))
    }

    /// A nonce nobody used: that of the last answer, or a new one.
    #[track_caller]
    pub fn nonce(&self) -> String {
        if let Some(nonce) = self.nonce.borrow_mut().take() {
            return nonce;
        }
        let answer = self.client.call("HEAD", "/acme/new-nonce", &[], "").is(200);
        answer.header("replay-nonce").to_owned()
    }

    /// Sends any body to an address of the service.
    #[track_caller]
    pub fn send(&self, url: &str, body: &str) -> Answer {
        let path = url.strip_prefix(&self.base).expect("an address of the service");
        let answer =
            self.client.call("POST", path, &[("content-type", "application/jose+json")], body.to_owned());
        let nonce = answer.header("replay-nonce").to_owned();
        *self.nonce.borrow_mut() = (!nonce.is_empty()).then_some(nonce);
        answer
    }

    /// The protected header of an honest request.
    #[track_caller]
    pub fn header(&self, url: &str) -> Value {
        let mut header = json!({ "alg": "ES256", "nonce": self.nonce(), "url": url });
        match &self.kid {
            Some(kid) => header["kid"] = kid.as_str().into(),
            None => header["jwk"] = self.key.jwk(),
        }
        header
    }

    /// An honest request.
    #[track_caller]
    pub fn post(&self, url: &str, payload: &Value) -> Answer {
        let body = self.key.sign(&self.header(url), &payload.to_string());
        self.send(url, &body.to_string())
    }

    /// POST-as-GET.
    #[track_caller]
    pub fn read(&self, url: &str) -> Answer {
        self.send(url, &self.key.sign(&self.header(url), "").to_string())
    }

    /// The binding of an account's key (RFC 8555 §7.3.4).
    pub fn binding(&self, kid: &str, secret: &str) -> Value {
        let header = json!({ "alg": "HS256", "kid": kid, "url": self.url("/new-account") });
        let (header, payload) = (b64(header.to_string()), b64(self.key.jwk().to_string()));
        let secret = URL_SAFE_NO_PAD.decode(secret).expect("base64url");
        let tag =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), format!("{header}.{payload}").as_bytes());
        json!({ "protected": header, "payload": payload, "signature": b64(tag) })
    }

    /// Makes the account under a binding.
    #[track_caller]
    pub fn register(&mut self, kid: &str, secret: &str) -> Answer {
        let payload = json!({
            "termsOfServiceAgreed": true,
            "contact": ["mailto:ops@acme.test"],
            "externalAccountBinding": self.binding(kid, secret),
        });
        let answer = self.post(&self.url("/new-account"), &payload).is(201);
        self.kid = Some(answer.header("location").to_owned());
        answer
    }

    /// Orders these names; the order's address and object.
    #[track_caller]
    pub fn order(&self, names: &[&str]) -> (String, Value) {
        let answer =
            self.post(&self.url("/new-order"), &json!({ "identifiers": identifiers(names) })).is(201);
        (answer.header("location").to_owned(), answer.json())
    }

    /// The challenge of a kind of an order's authorization.
    #[track_caller]
    pub fn challenge(&self, order: &Value, authorization: usize, kind: &str) -> Value {
        let url = order["authorizations"][authorization].as_str().expect("an authorization");
        let body = self.read(url).is(200).json();
        let challenges = body["challenges"].as_array().expect("challenges");
        let found = challenges.iter().find(|challenge| challenge["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}: {body}")).clone()
    }

    pub fn key_authorization(&self, challenge: &Value) -> String {
        format!("{}.{}", challenge["token"].as_str().expect("a token"), self.key.thumbprint())
    }

    /// What a TXT record must hold.
    pub fn dns_value(&self, challenge: &Value) -> String {
        b64(digest(&SHA256, self.key_authorization(challenge).as_bytes()))
    }

    /// Asks for a challenge's validation and waits until its authorization is decided; the authorization.
    #[track_caller]
    pub fn decided(&self, order: &Value, authorization: usize, challenge: &Value) -> Value {
        let url = challenge["url"].as_str().expect("an address");
        self.post(url, &json!({})).is(200);
        self.settled(order["authorizations"][authorization].as_str().expect("an authorization"))
    }

    /// Reads an address until its object is neither pending nor processing.
    #[track_caller]
    pub fn settled(&self, url: &str) -> Value {
        eventually("a decision", Duration::from_secs(60), || {
            let body = self.read(url).is(200).json();
            let open = ["pending", "processing"].iter().any(|word| body["status"] == *word);
            if open {
                std::thread::sleep(Duration::from_millis(150));
            }
            (!open).then_some(body)
        })
    }

    /// Proves every authorization of an order by a TXT record.
    #[track_caller]
    pub fn prove(&self, order: &Value, dns: &crate::dns::Dns) {
        for at in 0..order["authorizations"].as_array().expect("authorizations").len() {
            let url = order["authorizations"][at].as_str().expect("an authorization");
            let body = self.read(url).is(200).json();
            if body["status"] == "valid" {
                continue;
            }
            let challenge = self.challenge(order, at, "dns-01");
            let name = format!("_acme-challenge.{}", body["identifier"]["value"].as_str().expect("a name"));
            dns.put(&name, &self.dns_value(&challenge));
            let decided = self.decided(order, at, &challenge);
            assert_eq!(decided["status"], "valid", "{decided}");
            dns.clear(&name);
        }
    }

    /// Finalises with a request for these names and a fresh key; the answer and the key.
    #[track_caller]
    pub fn finalize(&self, order: &Value, names: &[&str]) -> (Answer, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate().expect("key");
        (self.finalize_with(order, &csr(names, &key)), key)
    }

    #[track_caller]
    pub fn finalize_with(&self, order: &Value, csr: &[u8]) -> Answer {
        self.post(order["finalize"].as_str().expect("an address"), &json!({ "csr": b64(csr) }))
    }

    /// The whole way to a certificate, by dns-01: its chain in PEM and its key.
    #[track_caller]
    pub fn certificate(
        &self,
        names: &[&str],
        more: Value,
        dns: &crate::dns::Dns,
    ) -> (String, rcgen::KeyPair) {
        let mut payload = json!({ "identifiers": identifiers(names) });
        let members: Map<String, Value> = more.as_object().cloned().unwrap_or_default();
        payload.as_object_mut().expect("an object").extend(members);
        let answer = self.post(&self.url("/new-order"), &payload).is(201);
        let (url, order) = (answer.header("location").to_owned(), answer.json());
        self.prove(&order, dns);
        let (answer, key) = self.finalize(&order, names);
        answer.is(200);
        let done = self.settled(&url);
        assert_eq!(done["status"], "valid", "{done}");
        let chain = self.read(done["certificate"].as_str().expect("an address")).is(200);
        assert_eq!(chain.header("content-type"), "application/pem-certificate-chain");
        (String::from_utf8(chain.body.to_vec()).expect("PEM"), key)
    }
}

/// Names and addresses as an order lists them.
pub fn identifiers(names: &[&str]) -> Value {
    let kind = |name: &str| if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
    names.iter().map(|name| json!({ "type": kind(name), "value": name })).collect()
}

/// A PKCS#10 request for these names, DER.
pub fn csr(names: &[&str], key: &rcgen::KeyPair) -> Vec<u8> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).expect("names");
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.serialize_request(key).expect("request").der().to_vec()
}

/// The part of an answer's problem type after `urn:ietf:params:acme:error:`.
#[track_caller]
pub fn problem(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.told());
    let body = answer.json();
    assert_eq!(body["status"], answer.status.as_u16(), "{}", answer.told());
    let kind = body["type"].as_str().unwrap_or_default();
    kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or_else(|| panic!("{}", answer.told())).to_owned()
}

/// A web server on one port that answers as told, until dropped.
#[derive(Debug)]
pub struct Web {
    pages: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    pub fn on(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("port");
        listener.set_nonblocking(true).expect("non-blocking");
        let pages: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (known, count, told) = (pages.clone(), asked.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let Ok((mut stream, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                };
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.set_nonblocking(false);
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let mut lines =
                    BufReader::new(stream.try_clone().expect("stream")).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                // The rest of the head, up to its empty line.
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                let path = first.split(' ').nth(1).unwrap_or_default();
                let answer = known.lock().expect("pages").get(path).cloned().unwrap_or_else(|| {
                    "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
                });
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { pages, asked, stop, thread: Some(thread) }
    }

    /// A page at a path.
    pub fn page(&self, path: &str, body: &str) {
        let length = body.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        self.pages.lock().expect("pages").insert(path.to_owned(), answer);
    }

    /// A redirect at a path.
    pub fn redirect(&self, path: &str, to: &str) {
        let answer =
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        self.pages.lock().expect("pages").insert(path.to_owned(), answer);
    }

    /// How often anybody connected.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
