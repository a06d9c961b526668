//! The configuration file `cinnabar.toml`: what an operator decides for one node.
//!
//! Unknown keys refuse to load, so that a misspelt limit is an error and not a default. Relative paths
//! are relative to the folder of the file. Nothing secret stands here: secrets are files of their own,
//! checked for their permissions by whoever reads them. Read by the command line and handed to
//! everything else as a value; policies, certificates and the key hierarchy are files it points at.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod acme;
mod certificates;
mod documents;
mod enrolment;
mod fetch;
mod levels;
mod licences;
mod pkcs11;
mod portal;
mod recognition;
mod seals;
mod status;
mod timestamps;

pub use acme::Acme;
pub use certificates::Certificates;
pub use documents::Documents;
pub use enrolment::EnrolmentListener;
pub use fetch::Fetch;
pub use levels::Levels;
pub use licences::{FontFile, Licences};
pub use pkcs11::Pkcs11;
pub use portal::PortalListener;
pub use recognition::{Publisher, Recognition};
pub use seals::Seals;
pub use status::{NoncePolicy, Status};
pub use timestamps::{Digest, Oid, Timestamps};

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who this appliance is.
    pub appliance: Appliance,
    /// Where state lives.
    pub database: Database,
    /// Where private keys live.
    pub keystore: KeystoreConfig,
    /// The verifiable log.
    pub log: Log,
    /// What listens where.
    pub listeners: Listeners,
    /// Bounds on everything that comes from outside.
    #[serde(default)]
    pub limits: Limits,
    /// Folders of decisions taken outside the code.
    pub policies: Policies,
    /// Where trusted time comes from.
    #[serde(default)]
    pub time: Time,
    /// Hardening of the process.
    #[serde(default)]
    pub process: Process,
    /// How certificates are issued.
    #[serde(default)]
    pub certificates: Certificates,
    /// ACME for platform servers, on the enrolment listener; off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<Acme>,
    /// What the appliance may fetch from elsewhere; nothing unless it stands here.
    #[serde(default)]
    pub fetch: Fetch,
    /// The token that holds keys, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkcs11: Option<Pkcs11>,
    /// The time-stamping authority; off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<Timestamps>,
    /// Revocation lists and OCSP.
    #[serde(default)]
    pub status: Status,
    /// What sealing shows on documents, and how much one request may ask for.
    #[serde(default)]
    pub documents: Documents,
    /// What applications for seals leave open.
    #[serde(default)]
    pub seals: Seals,
    /// Mutual recognition with other regions.
    #[serde(default)]
    pub recognition: Recognition,
    /// What the pages of licences are set in.
    #[serde(default)]
    pub licences: Licences,
}

/// Who this appliance is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appliance {
    /// The organisation that runs it; stands in the subjects of its authorities.
    pub organisation: String,
    /// Base of the URIs that name callers, for example `urn:cinnabar:demo`.
    pub uri_base: String,
    /// Base URL under which the public listener is reached; CRL addresses in certificates start with it.
    pub public_url: String,
    /// Folder for the node's own small state (last released checkpoint, pending refusals, spill files).
    pub state: PathBuf,
    /// Folder with the certificates of the authorities (`root.pem`, `platform-ca.pem`, …).
    pub certificates: PathBuf,
}

/// Where state lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH` (relative to the file) or `postgres://…`.
    pub url: String,
}

/// Where private keys live.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeystoreConfig {
    /// Folder of the encrypted file keystore.
    pub directory: PathBuf,
    /// The key hierarchy: which keys exist, their suite, custody, usage and validity.
    pub hierarchy: PathBuf,
    /// Whose algorithms seal the keys: `international` (AES-256-GCM, HMAC-SHA-256) or `shangmi` (SM4-GCM, HMAC-SM3). A
    /// keystore keeps the suite it was made with, and when this names another the appliance does not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Credential file for unattended start; by default `$CREDENTIALS_DIRECTORY/cinnabar-kek`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<PathBuf>,
}

/// The verifiable log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Origin line of the checkpoints and name of the log's key (C2SP tlog-checkpoint).
    pub origin: String,
    /// The log's public key (`name+hash+base64`, C2SP signed-note), as written by the ceremony.
    pub verifier_key: PathBuf,
}

/// What listens where.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listeners {
    /// The platform API over mutual TLS 1.3.
    pub platform: PlatformListener,
    /// Public objects that are self-signed (checkpoints, tiles, CRLs), plain HTTP; off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<PublicListener>,
    /// Enrolment over server TLS; off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<EnrolmentListener>,
    /// The public verification pages over server TLS; off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<PortalListener>,
    /// Health, metrics and unsealing, on a Unix socket.
    pub admin: AdminListener,
}

/// The platform API listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformListener {
    /// Addresses, IPv4 and IPv6.
    pub addresses: Vec<SocketAddr>,
    /// Server certificate chain, PEM.
    pub certificate: PathBuf,
    /// Server key, PKCS#8 PEM, mode 0600. Outside the keystore so that a sealed appliance can answer.
    pub key: PathBuf,
}

/// The public plain listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicListener {
    /// Addresses, IPv4 and IPv6.
    pub addresses: Vec<SocketAddr>,
}

/// The local admin listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminListener {
    /// Path of the Unix socket, created with mode 0600.
    pub socket: PathBuf,
}

/// Bounds on everything that comes from outside. Sizes in octets, times in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest request body.
    pub body: u64,
    /// A body longer than this is spilled to an encrypted, unlinked temporary file.
    pub spill_threshold: u64,
    /// Largest request head (request line and headers together).
    pub headers: usize,
    /// Time allowed for a TLS handshake.
    pub handshake_seconds: u64,
    /// A connection without a request for this long is closed.
    pub idle_seconds: u64,
    /// Time allowed between two chunks of a body.
    pub body_chunk_seconds: u64,
    /// Time a request may take before it is answered with a problem.
    pub request_seconds: u64,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one peer address.
    pub connections_per_peer: usize,
    /// Sustained requests per second of one caller.
    pub requests_per_second: u32,
    /// Requests a caller may send at once above the sustained rate.
    pub request_burst: u32,
    /// How long a stopping server waits for requests under way.
    pub shutdown_seconds: u64,
    /// Large documents worked on at the same time (memory and processor bound).
    pub documents_at_once: usize,
    /// Request bodies received or held at the same time, in all. Each takes up to `spill_threshold` of memory; what is
    /// longer takes up to `body` of disk and at most three open files. Beside that, four batches at a time hold 16 MiB
    /// and 64 KiB a document each, with a file for each longer document, and two `embed` requests compute with some
    /// 80 MiB each: 512 MiB, 114 MiB and 160 MiB at the very worst, 1536 and 800 open files, unless told otherwise.
    pub bodies_at_once: usize,
    /// Request bodies of one caller received or held at the same time.
    pub bodies_per_caller: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 256 * 1024 * 1024,
            spill_threshold: 1024 * 1024,
            headers: 32 * 1024,
            handshake_seconds: 10,
            idle_seconds: 75,
            body_chunk_seconds: 20,
            request_seconds: 120,
            connections: 4096,
            connections_per_peer: 1024,
            requests_per_second: 5000,
            request_burst: 10_000,
            shutdown_seconds: 20,
            documents_at_once: 32,
            bodies_at_once: 512,
            bodies_per_caller: 256,
        }
    }
}

/// Folders of decisions taken outside the code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Cedar policies and schema.
    pub authorization: PathBuf,
    /// Certificate profiles; those that come with the program when the folder is not there.
    #[serde(default = "certificate_profiles")]
    pub certificates: PathBuf,
    /// Trust anchors beside this appliance's own, for verifying documents; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<PathBuf>,
    /// Policies that signatures are verified under, beside those that come with the program; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_validation: Option<PathBuf>,
}

/// Where the ceremony writes profiles, and where older configurations that do not name the folder find them.
fn certificate_profiles() -> PathBuf {
    "policies/certificates".into()
}

/// Where trusted time comes from (fail closed: an untrusted clock refuses acts).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// The judge of the clock.
    #[serde(default)]
    pub source: TimeSource,
}

/// Who says that the clock is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeSource {
    /// The kernel's synchronisation state (`adjtimex`).
    #[default]
    Kernel,
    /// The chrony daemon's tracking report.
    Chrony,
    /// Nobody: taken as right, said in the health report as degraded.
    Assumed,
}

/// Hardening of the process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Start although swap is active. Secrets may then reach the disk.
    #[serde(default)]
    pub allow_swap: bool,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}; name another file with --config or CINNABAR_CONFIG")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not valid TOML, or has an unknown, missing or ill-typed key.
    #[error("`{path}` is not a valid configuration: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// It holds a password and others can read it.
    #[error("`{path}` holds the database's password and others can read it: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A value that parses but cannot be meant.
    #[error("`{key}` in `{path}` is `{value}`: {reason}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Dotted key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong and how to mend it.
        reason: &'static str,
    },
}

impl Config {
    /// Reads, checks and completes a configuration: afterwards every path is absolute or relative to the
    /// working folder, and values are within reason.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file and the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.into(), source })?;
        let base = path.parent().unwrap_or(Path::new("."));
        let config = Self::parse(&text, path, base)?;
        config.keeps_its_password(path)?;
        Ok(config)
    }

    /// A database URL with a password is a secret: then nobody but the owner may read the file.
    fn keeps_its_password(&self, path: &Path) -> Result<(), ConfigError> {
        let authority = self.database.url.split_once("://").map_or("", |(_, rest)| rest);
        let user =
            authority.split('/').next().unwrap_or_default().rsplit_once('@').map_or("", |(user, _)| user);
        let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if (user.contains(':') || authority.contains("password=")) && mode & 0o077 != 0 {
            return Err(ConfigError::Exposed { path: path.into() });
        }
        Ok(())
    }

    /// As [`Config::load`], from text; `base` is what relative paths are relative to.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file and the key.
    pub fn parse(text: &str, path: &Path, base: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text)
            .map_err(|source| ConfigError::Syntax { path: path.into(), source: Box::new(source) })?;
        config.check(path)?;
        config.anchor(base);
        Ok(config)
    }

    fn anchor(&mut self, base: &Path) {
        let paths = [
            &mut self.appliance.state,
            &mut self.appliance.certificates,
            &mut self.keystore.directory,
            &mut self.keystore.hierarchy,
            &mut self.log.verifier_key,
            &mut self.listeners.platform.certificate,
            &mut self.listeners.platform.key,
            &mut self.listeners.admin.socket,
            &mut self.policies.authorization,
            &mut self.policies.certificates,
        ];
        let fetch = self.fetch.roots.iter_mut();
        let enrolment = self.listeners.enrolment.iter_mut().flat_map(EnrolmentListener::paths);
        let portal = self.listeners.portal.iter_mut().flat_map(PortalListener::paths);
        let optional = self.keystore.credential.as_mut().into_iter().chain(fetch).chain(enrolment);
        let optional = optional.chain(portal);
        let optional = optional.chain(self.policies.signature_validation.as_mut());
        let optional = optional.chain(self.policies.trust.as_mut()).chain(self.documents.font.as_mut());
        let optional = optional.chain(self.licences.paths()).chain(self.recognition.paths());
        for path in paths.into_iter().chain(optional) {
            *path = base.join(&*path);
        }
        if let Some(token) = &mut self.pkcs11 {
            token.anchor(base);
        }
        if let Some(file) = self.database.url.strip_prefix("sqlite:") {
            self.database.url = format!("sqlite:{}", base.join(file).display());
        }
    }

    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let wrong = |key, value: &dyn ToString, reason| {
            Err(ConfigError::Value { path: path.into(), key, value: value.to_string(), reason })
        };
        let url = &self.database.url;
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            let shown = url.split(':').next().unwrap_or_default().to_owned();
            return wrong("database.url", &shown, "write `sqlite:FILE` or `postgres://USER@HOST/DATABASE`");
        }
        if !self.appliance.uri_base.starts_with("urn:") {
            return wrong(
                "appliance.uri_base",
                &self.appliance.uri_base,
                "callers are named by URNs; write for example `urn:cinnabar:demo`",
            );
        }
        if !self.appliance.public_url.starts_with("http://") || self.appliance.public_url.ends_with('/') {
            return wrong(
                "appliance.public_url",
                &self.appliance.public_url,
                "CRLs are fetched by plain HTTP; write `http://HOST[:PORT]` without a final slash",
            );
        }
        let origin = &self.log.origin;
        if origin.is_empty() || origin.contains(char::is_whitespace) || origin.contains('+') {
            return wrong(
                "log.origin",
                origin,
                "a log's name is one word without `+` (C2SP signed-note), for example `example.org/log`",
            );
        }
        if let Some((key, value, reason)) = self.acme.as_ref().and_then(Acme::fault) {
            return wrong(key, &value, reason);
        }
        if self.listeners.platform.addresses.is_empty() {
            return wrong("listeners.platform.addresses", &"[]", "name at least one address");
        }
        if let Some((key, value, reason)) =
            self.listeners.enrolment.as_ref().and_then(EnrolmentListener::wrong)
        {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.listeners.portal.as_ref().and_then(PortalListener::wrong) {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.documents.levels.wrong() {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.certificates.wrong() {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.pkcs11.as_ref().and_then(Pkcs11::fault) {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.documents.wrong() {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.seals.wrong() {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.recognition.wrong() {
            return wrong(key, &value, reason);
        }
        if let Some((key, value, reason)) = self.licences.wrong() {
            return wrong(key, &value, reason);
        }
        let limits = &self.limits;
        let stamps =
            |of: fn(&Timestamps) -> u32| self.timestamps.as_ref().map_or(1, |terms| of(terms).into());
        for (key, value, least) in [
            ("limits.body", limits.body, 1024),
            ("limits.spill_threshold", limits.spill_threshold, 1024),
            ("limits.headers", limits.headers as u64, 8192),
            ("limits.handshake_seconds", limits.handshake_seconds, 1),
            ("limits.idle_seconds", limits.idle_seconds, 1),
            ("limits.body_chunk_seconds", limits.body_chunk_seconds, 1),
            ("limits.request_seconds", limits.request_seconds, 1),
            ("limits.connections", limits.connections as u64, 1),
            ("limits.connections_per_peer", limits.connections_per_peer as u64, 1),
            ("limits.requests_per_second", u64::from(limits.requests_per_second), 1),
            ("limits.request_burst", u64::from(limits.request_burst), 1),
            ("limits.documents_at_once", limits.documents_at_once as u64, 1),
            ("limits.bodies_at_once", limits.bodies_at_once as u64, 1),
            ("limits.bodies_per_caller", limits.bodies_per_caller as u64, 1),
            ("documents.seals_per_request", self.documents.seals_per_request as u64, 1),
            ("documents.batch_items", self.documents.batch_items as u64, 1),
            ("documents.batch_bytes", self.documents.batch_bytes, 1024),
            ("licences.render_seconds", self.licences.render_seconds, 1),
            ("fetch.seconds", self.fetch.seconds, 1),
            ("fetch.bytes", self.fetch.bytes, 1024),
            ("timestamps.accuracy_milliseconds", stamps(|terms| terms.accuracy_milliseconds), 1),
            ("timestamps.requests_per_second", stamps(|terms| terms.requests_per_second), 1),
            ("timestamps.request_burst", stamps(|terms| terms.request_burst), 1),
            ("status.crl_seconds", self.status.crl_seconds, 600),
            ("status.delta_seconds", self.status.delta_seconds, 600),
            ("status.ocsp_seconds", self.status.ocsp_seconds, 60),
            ("status.known", self.status.known as u64, 1),
            ("status.responses", self.status.responses as u64, 1),
            ("documents.levels.cache_items", self.documents.levels.cache_items as u64, 1),
            ("documents.levels.largest", self.documents.levels.largest, 1024),
            ("status.fresh_per_second", u64::from(self.status.fresh_per_second), 1),
            ("status.fresh_per_network", u64::from(self.status.fresh_per_network), 1),
        ] {
            if value < least {
                return wrong(key, &value, "too small to work with; leave the line out for the default");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
        [appliance]
        organisation = "示范市政务服务数据管理局"
        uri_base = "urn:cinnabar:demo"
        public_url = "http://localhost:8080"
        state = "state"
        certificates = "certificates"
        [database]
        url = "sqlite:cinnabar.db"
        [keystore]
        directory = "keys"
        hierarchy = "hierarchy.toml"
        [log]
        origin = "demo.example/log"
        verifier_key = "log.key"
        [listeners.platform]
        addresses = ["127.0.0.1:8443", "[::1]:8443"]
        certificate = "tls/server.crt"
        key = "tls/server.key"
        [listeners.admin]
        socket = "state/admin.sock"
        [policies]
        authorization = "policies/authorization"
    "#;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("cinnabar.toml"), Path::new("/srv/c"))
    }

    #[test]
    fn relative_paths_are_relative_to_the_file() {
        let config = parse(EXAMPLE).unwrap();
        assert_eq!(config.listeners.platform.key, Path::new("/srv/c/tls/server.key"));
        assert_eq!(config.database.url, "sqlite:/srv/c/cinnabar.db");
        assert_eq!(config.limits.body, 256 * 1024 * 1024);
        assert_eq!(config.time.source, TimeSource::Kernel);
    }

    #[test]
    fn unknown_keys_refuse_and_are_named() {
        let error = parse(&EXAMPLE.replace("[log]", "[log]\nsize = 1")).unwrap_err().to_string();
        assert!(error.contains("size"), "{error}");
        let error = parse(&format!("{EXAMPLE}\n[limits]\nbodies = 4")).unwrap_err().to_string();
        assert!(error.contains("bodies"), "{error}");
    }

    #[test]
    fn impossible_values_refuse_and_say_how_to_mend() {
        for (from, to, key) in [
            ("sqlite:cinnabar.db", "mysql://x", "database.url"),
            ("urn:cinnabar:demo", "https://demo", "appliance.uri_base"),
            ("http://localhost:8080", "http://localhost:8080/", "appliance.public_url"),
            ("demo.example/log", "demo log", "log.origin"),
            ("[\"127.0.0.1:8443\", \"[::1]:8443\"]", "[]", "listeners.platform.addresses"),
        ] {
            let error = parse(&EXAMPLE.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        for (section, key) in [
            ("[limits]\nbody = 0", "limits.body"),
            ("[seals]\nsuite = \"gost\"", "seals.suite"),
            ("[seals]\ndivision = \"3703\"", "seals.division"),
            ("[documents]\nbatch_items = 0", "documents.batch_items"),
            ("[licences]\nrender_seconds = 0", "licences.render_seconds"),
            ("[licences.fonts.\"a, b\"]\npath = \"a.ttf\"", "licences.fonts"),
            ("[documents]\nverification_url = \"ftp://x/\"", "documents.verification_url"),
            ("[documents]\nverification_url = \"https://x/ y\"", "documents.verification_url"),
        ] {
            let error = parse(&format!("{EXAMPLE}\n{section}")).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn a_password_in_a_database_url_is_never_shown() {
        let error = parse(&EXAMPLE.replace("sqlite:cinnabar.db", "mysql://u:hunter2@h")).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_password_in_a_file_that_others_can_read_refuses_and_says_the_chmod() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cinnabar.toml");
        let load = |url: &str, mode: u32| {
            std::fs::write(&path, EXAMPLE.replace("sqlite:cinnabar.db", url)).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Config::load(&path)
        };
        for url in ["postgres://u:secret@h/d", "postgres://h/d?user=u&password=secret"] {
            let error = load(url, 0o640).unwrap_err().to_string();
            assert!(error.contains("chmod 600") && !error.contains("secret@"), "{error}");
            assert!(load(url, 0o600).is_ok());
        }
        assert!(load("postgres://u@h/d", 0o644).is_ok(), "no password, no secret");
    }

    #[test]
    fn a_written_configuration_reads_back_the_same() {
        let config = parse(EXAMPLE).unwrap();
        let text = toml::to_string(&config).unwrap();
        let again = parse(&text).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), text);
    }
}
