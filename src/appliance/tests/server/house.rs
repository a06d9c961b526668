//! A whole appliance in this process: real keystore, real SQLite, real TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use appliance::app::App;
use appliance::ceremony::{Authority, DEFAULT_HIERARCHY, Hierarchy, Role, Terms, Wanted, certify};
use appliance::config::Config;
use appliance::journal::{self, Act, Journal, Unit};
use appliance::server::listener::Stop;
use appliance::server::{Server, api};
use appliance::store::tables::{CALLERS, CERTIFICATES, ORGANISATIONS};
use appliance::store::{Db, Row, Value};
use bytes::Bytes;
use crypto::{KeyKind, Signer, SoftwareKey};
use custody::{Algorithm, CredentialSource, Custody, Keystore, Secret, Unlock, Usage};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use pki::{Certificate, GeneralName};
use ring::rand::SystemRandom;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::task::JoinHandle;

pub struct House {
    pub folder: tempfile::TempDir,
    pub app: Arc<App>,
    pub platform: Vec<SocketAddr>,
    pub public: SocketAddr,
    pub portal: SocketAddr,
    pub enrolment: Vec<SocketAddr>,
    pub stop: Arc<Stop>,
    pub running: JoinHandle<()>,
    custody: Arc<dyn Custody>,
    authorities: Vec<(String, Certificate)>,
    configuration: String,
}

/// Another node on the same database, with a state of its own.
pub struct Node {
    pub app: Arc<App>,
    pub platform: SocketAddr,
    pub stop: Arc<Stop>,
    pub running: JoinHandle<()>,
}

#[derive(Clone)]
pub struct Credential {
    pub certificate: Certificate,
    pub key: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{:?}", self.body))
    }
    pub fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{:?}", self.body);
        let json = self.json();
        assert_eq!(json["status"], self.status);
        assert_eq!(json["request_id"], self.headers["x-request-id"].to_str().unwrap());
        json["type"].as_str().unwrap().strip_prefix("urn:cinnabar:problem:").unwrap().to_owned()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl House {
    /// Set up and serving, sealed.
    pub async fn sealed(limits: &str) -> Self {
        Self::prepared(limits, |_| {}).await
    }

    /// As [`House::sealed`], with further files laid out before it starts.
    pub async fn prepared(limits: &str, prepare: impl FnOnce(&Parts)) -> Self {
        Self::prepared_on("sqlite:cinnabar.db", limits, prepare).await
    }

    /// The same on the database of this URL.
    pub async fn prepared_on(database: &str, limits: &str, prepare: impl FnOnce(&Parts)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let credential = root.join("kek");
        let mut key = [0; 32];
        ring::rand::SecureRandom::fill(&SystemRandom::new(), &mut key).unwrap();
        std::fs::write(&credential, key).unwrap();
        narrow(&credential);
        let unlock = Unlock::Credential(CredentialSource::File(credential));
        let custody: Arc<dyn Custody> =
            Arc::new(Keystore::create(&root.join("keys"), &unlock).unwrap().keystore);
        std::fs::write(root.join("hierarchy.toml"), DEFAULT_HIERARCHY).unwrap();
        let hierarchy = Hierarchy::parse(DEFAULT_HIERARCHY).unwrap();
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/authorization");
        std::fs::create_dir_all(root.join("policies")).unwrap();
        for entry in std::fs::read_dir(policies).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, root.join("policies").join(path.file_name().unwrap())).unwrap();
        }
        let authorities = authorities(root, &hierarchy, &custody);
        let text = format!(
            r#"
            [appliance]
            organisation = "示范市政务服务数据管理局"
            uri_base = "urn:cinnabar:demo"
            public_url = "http://localhost:8080"
            state = "state"
            certificates = "certificates"
            [database]
            url = "{database}"
            [keystore]
            directory = "keys"
            hierarchy = "hierarchy.toml"
            credential = "kek"
            [log]
            origin = "demo.example/log"
            verifier_key = "log.key"
            [listeners.platform]
            addresses = ["127.0.0.1:0", "[::1]:0"]
            certificate = "tls/server.crt"
            key = "tls/server.key"
            [listeners.public]
            addresses = ["127.0.0.1:0"]
            [listeners.portal]
            addresses = ["127.0.0.1:0"]
            url = "https://localhost:8444"
            [listeners.admin]
            socket = "state/admin.sock"
            [policies]
            authorization = "policies"
            [time]
            source = "assumed"
            [limits]
            shutdown_seconds = 2
            {limits}
            "#
        );
        let config = Config::parse(&text, Path::new("cinnabar.toml"), root).unwrap();
        std::fs::create_dir_all(root.join("state")).unwrap();
        let house =
            Parts { root: root.to_owned(), custody: custody.clone(), authorities: authorities.clone() };
        house.server_certificate();
        prepare(&house);
        let db = Db::upgrade(&config.database.url.parse().unwrap()).await.unwrap();
        house.first_people(&db, &config, &hierarchy).await;
        let app = App::open(config, db).await.unwrap();
        let (server, enrolment) = bound(&app);
        let platform = server.platform_addresses().unwrap();
        let public = server.public_addresses().unwrap()[0];
        let portal = server.portal_addresses().unwrap()[0];
        let stop = server.stopper();
        let running = tokio::spawn(server.run());
        let configuration = text;
        Self {
            folder,
            app,
            platform,
            public,
            portal,
            enrolment,
            stop,
            running,
            custody,
            authorities,
            configuration,
        }
    }

    /// Another node on the same database, unsealed: a process of its own but for the process.
    pub async fn node(&self, name: &str) -> Node {
        let node = self.sealed_node(name).await;
        let path = self.folder.path().join("kek");
        node.app.unseal(Secret::Credential(CredentialSource::File(path))).await.unwrap();
        node
    }

    /// The same, still sealed.
    pub async fn sealed_node(&self, name: &str) -> Node {
        let root = self.folder.path();
        let state = format!("state-{name}");
        std::fs::create_dir_all(root.join(&state)).unwrap();
        for entry in std::fs::read_dir(root.join("state")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), root.join(&state).join(entry.file_name())).unwrap();
            }
        }
        let text = self.configuration.replace("\"state\"", &format!("\"{state}\""));
        let text = text.replace("state/admin.sock", &format!("{state}/admin.sock"));
        let config = Config::parse(&text, Path::new("cinnabar.toml"), root).unwrap();
        let db = Db::open(&config.database.url.parse().unwrap()).await.unwrap();
        let app = App::open(config, db).await.unwrap();
        let (server, _) = bound(&app);
        let platform = server.platform_addresses().unwrap()[0];
        let stop = server.stopper();
        let running = tokio::spawn(server.run());
        Node { app, platform, stop, running }
    }

    pub async fn open() -> Self {
        Self::with("").await
    }

    pub async fn with(limits: &str) -> Self {
        let house = Self::sealed(limits).await;
        house.unseal().await;
        house
    }

    pub async fn unseal(&self) {
        let path = self.folder.path().join("kek");
        self.app.unseal(Secret::Credential(CredentialSource::File(path))).await.unwrap();
    }

    pub fn parts(&self) -> Parts {
        Parts {
            root: self.folder.path().to_owned(),
            custody: self.custody.clone(),
            authorities: self.authorities.clone(),
        }
    }

    /// A credential under `issuer`, with this URI and these dates.
    pub fn credential(&self, issuer: &str, uri: &str, from: i64, days: u32) -> Credential {
        self.parts().credential(issuer, uri, from, days)
    }

    pub fn officer(&self, number: u8) -> Credential {
        let folder = self.folder.path().join("credentials").join(format!("officer-{number}"));
        let certificate = Certificate::from_der(&std::fs::read(folder.join("certificate")).unwrap()).unwrap();
        Credential { certificate, key: std::fs::read(folder.join("key")).unwrap() }
    }

    pub fn tls(&self, who: Option<&Credential>) -> rustls::ClientConfig {
        self.tls_of(who, &[&rustls::version::TLS13])
    }

    pub fn tls_of(
        &self,
        who: Option<&Credential>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        let root = self.authorities.iter().find(|(label, _)| label == "root").unwrap();
        roots.add(root.1.der().to_vec().into()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        match who {
            None => builder.with_no_client_auth(),
            Some(who) => {
                let chain = vec![CertificateDer::from(who.certificate.der().to_vec())];
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(who.key.clone()));
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }

    pub async fn try_connect(&self, who: Option<&Credential>) -> Result<Client, String> {
        self.try_connect_to(self.platform[0], who).await
    }

    pub async fn try_connect_to(&self, to: SocketAddr, who: Option<&Credential>) -> Result<Client, String> {
        let stream = tokio::net::TcpStream::connect(to).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(self.tls(who)));
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        tokio::spawn(connection);
        Ok(Client { sender })
    }

    pub async fn raw(&self, who: &Credential) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        self.raw_to(self.platform[0], Some(who)).await
    }

    pub async fn raw_to(
        &self,
        to: SocketAddr,
        who: Option<&Credential>,
    ) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        let stream = tokio::net::TcpStream::connect(to).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(self.tls(who)));
        connector.connect(name, stream).await.unwrap()
    }

    /// The certificate that a listener shows, DER.
    pub async fn shown_by(&self, to: SocketAddr) -> Vec<u8> {
        let stream = self.raw_to(to, Some(&self.officer(1))).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    pub async fn connect_h2(&self, who: &Credential) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
        let mut tls = self.tls(Some(who));
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let stream = tokio::net::TcpStream::connect(self.platform[0]).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub async fn connect(&self, who: &Credential) -> Client {
        self.try_connect(Some(who)).await.unwrap()
    }

    /// The certificate of an authority or another key of the hierarchy.
    pub fn authority(&self, label: &str) -> &Certificate {
        &self.authorities.iter().find(|(known, _)| known == label).unwrap().1
    }

    pub async fn public_client(&self) -> Client {
        let stream = tokio::net::TcpStream::connect(self.public).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender }
    }

    pub async fn public(&self, path: &str) -> Answer {
        let stream = tokio::net::TcpStream::connect(self.public).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender }.get(path).await
    }

    pub async fn admin(&self, method: Method, path: &str, body: &str) -> Answer {
        let socket = self.folder.path().join("state/admin.sock");
        let stream = tokio::net::UnixStream::connect(socket).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender }
            .send(method, path, &[("content-type", "application/json")], body.as_bytes().to_vec())
            .await
            .unwrap()
    }

    /// Entries of the log as JSON.
    pub async fn entries(&self) -> Vec<serde_json::Value> {
        let unsealed = self.app.unsealed().unwrap();
        let entries = unsealed.journal.entries(0, 1000).await.unwrap();
        entries.into_iter().map(|entry| entry.json).collect()
    }

    pub async fn refusals(&self, reason: &str) -> usize {
        let entries = self.entries().await;
        entries.iter().filter(|entry| entry.to_string().contains(&format!("\"{reason}\""))).count()
    }

    /// Registers an organisation and a machine of it, and has a certificate issued.
    pub async fn machine(&self, id: &str, roles: &[&str]) -> Credential {
        let mut officer = self.connect(&self.officer(1)).await;
        let organisation = serde_json::json!({ "id": "bureau", "name": "示范市行政审批局" });
        let answer = officer.post("/v1/organisations", &organisation).await;
        assert!([201, 409].contains(&answer.status), "{:?}", answer.body);
        let caller = serde_json::json!({ "id": id, "organisation": "bureau", "roles": roles });
        let answer = officer.post("/v1/callers", &caller).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        let credential = self.certified(&mut officer, id).await;
        self.known(&credential).await;
        credential
    }

    pub async fn certified(&self, officer: &mut Client, id: &str) -> Credential {
        self.certification(officer, id).await.unwrap()
    }

    /// Has a certificate issued for a fresh key; else status and problem of the refusal.
    pub async fn certification(&self, officer: &mut Client, id: &str) -> Result<Credential, (u16, String)> {
        let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
        self.certification_of(officer, id, key).await
    }

    /// The same for a key that is there already.
    pub async fn certification_of(
        &self,
        officer: &mut Client,
        id: &str,
        key: Vec<u8>,
    ) -> Result<Credential, (u16, String)> {
        let signer = SoftwareKey::from_pkcs8(&key).unwrap();
        let request =
            pki::request::CertificationRequest::make(&signer, &pki::Subject::common_name("ignored"), &[])
                .unwrap();
        let path = format!("/v1/callers/{id}/certificates");
        let kind = [("content-type", "application/pkcs10")];
        let answer = officer.send(Method::POST, &path, &kind, request).await.unwrap();
        if answer.status != 201 {
            return Err((answer.status, answer.problem()));
        }
        let certificate = Certificate::from_pem(&answer.body).unwrap().remove(0);
        Ok(Credential { certificate, key })
    }

    /// A seal 40 mm wide: a third officer applies, the second approves, the first makes it.
    pub async fn seal(&self, id: &str, organisation: &str, picture: &[u8]) {
        let request = serde_json::json!({ "operation": "make", "seal": id, "name": id,
            "organisation": organisation, "width_mm": 40 });
        let applied = self.apply(&self.officer(9), &request, Some(picture)).await;
        assert_eq!(applied.status, 201, "{:?}", applied.body);
        let application = applied.json()["id"].as_str().unwrap().to_owned();
        let approved = self.step(&self.officer(2), &application, "approve").await;
        assert_eq!(approved.status, 200, "{:?}", approved.body);
        let made = self.step(&self.officer(1), &application, "carry-out").await;
        assert_eq!(made.status, 200, "{:?}", made.body);
    }

    /// Applies for a seal.
    pub async fn apply(
        &self,
        who: &Credential,
        request: &serde_json::Value,
        picture: Option<&[u8]>,
    ) -> Answer {
        let mut client = self.connect(who).await;
        let Some(picture) = picture else { return client.post("/v1/seal-applications", request).await };
        let mut body = format!(
            "--b\r\ncontent-disposition: form-data; name=\"request\"\r\n\r\n{request}\r\n\
             --b\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"p\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(picture);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let kind = [("content-type", "multipart/form-data; boundary=b")];
        client.send(Method::POST, "/v1/seal-applications", &kind, body).await.unwrap()
    }

    /// Takes a step of an application as it stands.
    pub async fn step(&self, who: &Credential, application: &str, step: &str) -> Answer {
        let mut client = self.connect(who).await;
        let path = format!("/v1/seal-applications/{application}");
        let tag = client.get(&path).await.headers.get("etag").cloned();
        let tag = tag.as_ref().and_then(|tag| tag.to_str().ok()).unwrap_or("*").to_owned();
        let body = serde_json::json!({ "reason": "示例" });
        client.post_with(&format!("{path}/{step}"), &body, &[("if-match", &tag)]).await
    }

    /// Waits until the register knows of a change.
    pub async fn known(&self, who: &Credential) {
        for _ in 0..100 {
            let mut client = self.connect(who).await;
            if client.get("/v1/openapi.json").await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the register never learnt of it");
    }
}

pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        self.sender.ready().await.map_err(|error| error.to_string())?;
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let answer = self.sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await.unwrap()
    }

    pub async fn post(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub async fn post_with(&mut self, path: &str, body: &serde_json::Value, more: &[(&str, &str)]) -> Answer {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend_from_slice(more);
        self.send(Method::POST, path, &headers, body.to_string().into_bytes()).await.unwrap()
    }

    pub async fn patch(&mut self, path: &str, body: &serde_json::Value, tag: &str) -> Answer {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        self.send(Method::PATCH, path, &headers, body.to_string().into_bytes()).await.unwrap()
    }
}

pub struct Parts {
    pub root: PathBuf,
    custody: Arc<dyn Custody>,
    authorities: Vec<(String, Certificate)>,
}

impl Parts {
    fn issue(&self, issuer: &str, wanted: &Wanted, spki: &[u8], now: i64) -> Certificate {
        let signer = self.custody.signer(issuer).unwrap();
        let certificate = &self.authorities.iter().find(|(label, _)| label == issuer).unwrap().1;
        let authority = Authority { label: issuer, certificate, signer: signer.as_ref() };
        certify(wanted, spki, Some(authority), signer.as_ref(), &terms(now), &SystemRandom::new()).unwrap()
    }

    pub fn credential(&self, issuer: &str, uri: &str, from: i64, days: u32) -> Credential {
        let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap().to_vec();
        let signer = SoftwareKey::from_pkcs8(&key).unwrap();
        let wanted = Wanted {
            profile: "officer",
            name: "test".into(),
            alternative_names: vec![GeneralName::Uri(uri.into())],
            days: Some(days),
        };
        Credential { certificate: self.issue(issuer, &wanted, signer.public_key(), from), key }
    }

    pub fn server_certificate(&self) -> Certificate {
        self.server_certificate_in("server")
    }

    pub fn server_certificate_in(&self, file: &str) -> Certificate {
        let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
        let signer = SoftwareKey::from_pkcs8(&key).unwrap();
        let wanted = Wanted {
            profile: "server",
            name: "localhost".into(),
            alternative_names: vec![GeneralName::Dns("localhost".into())],
            days: Some(30),
        };
        let certificate = self.issue("platform-ca", &wanted, signer.public_key(), now());
        let tls = self.root.join("tls");
        std::fs::create_dir_all(&tls).unwrap();
        let issuer = &self.authorities.iter().find(|(label, _)| label == "platform-ca").unwrap().1;
        std::fs::write(tls.join(format!("{file}.key")), pki::pem::encode(&key, "PRIVATE KEY")).unwrap();
        narrow(&tls.join(format!("{file}.key")));
        std::fs::write(
            tls.join(format!("{file}.crt")),
            format!("{}{}", certificate.to_pem(), issuer.to_pem()),
        )
        .unwrap();
        certificate
    }

    async fn first_people(&self, db: &Db, config: &Config, hierarchy: &Hierarchy) {
        let keys = journal::keys(hierarchy, self.custody.clone()).unwrap();
        Journal::create(db, &config.log.origin, &keys.log).await.unwrap();
        let journal = Journal::open(db.clone(), journal::settings(config, true), keys).await.unwrap();
        let own: Vec<Value> =
            vec!["appliance".into(), 1.into(), "own".into(), "operator".into(), "active".into()];
        let mut unit = Unit::new(Act::system("ceremony", "appliance.init", "appliance"))
            .insert(Row::new(&ORGANISATIONS, own));
        for number in [1, 2, 8, 9] {
            let roles = if number == 8 { "[\"auditor\"]" } else { "[\"security-officer\"]" };
            let id = format!("officer-{number}");
            let uri = format!("urn:cinnabar:demo:officer:{id}");
            let credential = self.credential("officers-ca", &uri, now(), 30);
            let folder = self.root.join("credentials").join(&id);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("certificate"), credential.certificate.der()).unwrap();
            std::fs::write(folder.join("key"), &credential.key).unwrap();
            let caller: Vec<Value> = vec![
                id.as_str().into(),
                1.into(),
                "officer".into(),
                uri.into(),
                "appliance".into(),
                id.as_str().into(),
                roles.into(),
                "active".into(),
                1.into(),
            ];
            unit =
                unit.insert(Row::new(&CALLERS, caller)).insert(certificate_row(&credential.certificate, &id));
        }
        journal.commit(unit).await.unwrap();
        journal.close().await;
    }
}

fn certificate_row(certificate: &Certificate, caller: &str) -> Row {
    row_of(certificate, "officers-ca", "officer", Some(caller))
}

/// The row that records a certificate of that profile.
pub fn row_of(certificate: &Certificate, authority: &str, profile: &str, caller: Option<&str>) -> Row {
    let mut values: Vec<Value> = vec![
        hex::encode(certificate.sha256_fingerprint()).into(),
        1.into(),
        authority.into(),
        hex::encode(certificate.serial()).into(),
        "CN=test".into(),
        profile.into(),
        caller.map_or(Value::Null, Value::from),
        (certificate.not_before() * 1_000_000).into(),
        (certificate.not_after() * 1_000_000).into(),
        certificate.der().to_vec().into(),
        "good".into(),
    ];
    values.resize(CERTIFICATES.columns.len(), Value::Null);
    Row::new(&CERTIFICATES, values)
}

fn authorities(root: &Path, hierarchy: &Hierarchy, custody: &Arc<dyn Custody>) -> Vec<(String, Certificate)> {
    let folder = root.join("certificates");
    std::fs::create_dir_all(&folder).unwrap();
    let mut made: Vec<(String, Certificate)> = Vec::new();
    for key in hierarchy.keys() {
        let (algorithm, usage) = match key.role {
            Role::LogCheckpoint => (Algorithm::Ed25519, Usage::Sign),
            Role::Data => (Algorithm::Aes256, Usage::Seal),
            _ => (Algorithm::P256, Usage::Sign),
        };
        custody.generate(&key.label, algorithm, usage).unwrap();
        if !matches!(
            key.role,
            Role::RootCa
                | Role::IssuingCa
                | Role::Ocsp
                | Role::SealMaker
                | Role::CredentialSigner
                | Role::Publisher
        ) {
            continue;
        }
        let profile = match key.role {
            Role::RootCa => "root",
            Role::Ocsp => "ocsp",
            Role::SealMaker => "seal-maker",
            Role::CredentialSigner => "credential-signer",
            Role::Publisher => "publisher",
            _ => "issuing-ca",
        };
        let alternative_names = key.role.names(&terms(0).public_url);
        let wanted = Wanted { profile, name: key.label.clone(), alternative_names, days: Some(key.days) };
        let own = custody.signer(&key.label).unwrap();
        let random = SystemRandom::new();
        let certificate = match &key.issuer {
            None => {
                certify(&wanted, own.public_key(), None, own.as_ref(), &terms(now() - 10 * 86_400), &random)
                    .unwrap()
            }
            Some(issuer) => {
                let signer = custody.signer(issuer).unwrap();
                let certificate = &made.iter().find(|(label, _)| label == issuer).unwrap().1;
                let authority = Authority { label: issuer, certificate, signer: signer.as_ref() };
                certify(
                    &wanted,
                    own.public_key(),
                    Some(authority),
                    own.as_ref(),
                    &terms(now() - 10 * 86_400),
                    &random,
                )
                .unwrap()
            }
        };
        std::fs::write(folder.join(format!("{}.pem", key.label)), certificate.to_pem()).unwrap();
        made.push((key.label.clone(), certificate));
    }
    made
}

/// A server of every capability that these tests know, with its enrolment addresses.
fn bound(app: &Arc<App>) -> (Server, Vec<SocketAddr>) {
    let capabilities = [
        appliance::callers::routes(),
        appliance::certificates::routes(),
        appliance::status::routes(),
        appliance::enrolment::routes(),
        appliance::documents::http::routes(),
        appliance::seals::http::routes(),
        appliance::seals::standing::http::routes(),
        appliance::seals::usage::routes(),
        appliance::audit::http::routes(),
        appliance::licences::routes(),
        extra(),
    ];
    let (router, _) = api(app, capabilities);
    let server = Server::bind(app.clone(), router)
        .unwrap()
        .with_enrolment([strangers(), appliance::enrolment::est::routes()]);
    let enrolment = server.enrolment_addresses().unwrap();
    (server, enrolment)
}

fn terms(now: i64) -> Terms {
    Terms { organisation: "Demo".into(), public_url: "http://localhost:8080".into(), now }
}

fn narrow(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Routes that only tests have.
fn extra() -> utoipa_axum::router::OpenApiRouter<Arc<App>> {
    use appliance::server::spill::{SpooledBody, Terms as SpillTerms};
    use axum::extract::State;
    async fn echo(
        State(app): State<Arc<App>>,
        session: appliance::server::Session,
        body: axum::body::Body,
    ) -> appliance::problem::Result<axum::body::Body> {
        let limits = &app.config.limits;
        let terms = SpillTerms {
            limit: limits.body,
            threshold: limits.spill_threshold,
            folder: &app.config.appliance.state,
            pause: Duration::from_secs(limits.body_chunk_seconds),
        };
        let body = SpooledBody::collect(body, terms).await?.keeping(session.body_place());
        Ok(Arc::new(body).into_body("tail"))
    }
    async fn renewed(session: appliance::server::Session) -> appliance::problem::Result<&'static str> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.renewed()?;
        Ok("the same caller")
    }
    utoipa_axum::router::OpenApiRouter::new()
        .route("/v1/test/echo", axum::routing::post(echo))
        .route("/v1/test/panic", axum::routing::get(|| async { panic!("on purpose") as &'static str }))
        .route("/v1/test/renewed", axum::routing::get(renewed))
        .route(
            "/v1/test/slow",
            axum::routing::get(|| async {
                tokio::time::sleep(Duration::from_secs(60)).await;
                "late"
            }),
        )
}

/// Routes that only tests have, on the enrolment listener.
fn strangers() -> axum::Router<Arc<App>> {
    use appliance::server::Visit;
    let who = |visit: Visit| async move {
        visit.session().map_or_else(|| "nobody".to_owned(), |session| session.caller().id.clone())
    };
    let measure = |body: Bytes| async move { body.len().to_string() };
    axum::Router::new()
        .route("/test/who", axum::routing::get(who).post(who))
        .route("/test/measure", axum::routing::post(measure))
}
