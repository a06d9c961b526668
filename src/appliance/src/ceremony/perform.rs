//! The ceremony step by step, with its transcript.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crypto::{KeyKind, Signer, SoftwareKey, Suite};
use custody::{
    Algorithm, CREDENTIAL_LEN, CredentialSource, Custody, Keystore, PassphraseCost, Unlock, Usage,
    write_secret_file,
};
use pki::{Certificate, GeneralName, pem};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::certify::{Authority, Terms, Wanted, certify, hosts, wanted};
use super::configuration::configuration;
use super::error::CeremonyError;
use super::hierarchy::{CustodyKind, Hierarchy, HierarchyError, Key, Kind, Role};
use super::layout::{Layout, Secrecy};
use super::offline;
use super::register::{self, NewCertificate, Person};
use crate::config::{Config, Pkcs11, TimeSource};
use crate::journal::{SystemClock, TrustedClock};
use crate::keepers;

/// What the operator decided before the ceremony.
#[derive(Debug)]
pub struct Plan {
    /// Folder to fill.
    pub directory: PathBuf,
    /// The organisation that runs the appliance.
    pub organisation: String,
    /// Whose algorithms seal the keys in the keystore.
    pub keystore_suite: &'static Suite,
    /// How the keystore is unlocked.
    pub unlock: UnlockPlan,
    /// Host names and addresses of the platform API.
    pub hosts: Vec<String>,
    /// Port of the platform API.
    pub port: u16,
    /// Port of the public listener.
    pub public_port: u16,
    /// Port of the public verification pages.
    pub portal_port: u16,
    /// Port of the enrolment listener; none without.
    pub enrolment_port: Option<u16>,
    /// Database URL; SQLite in the folder when absent.
    pub database: Option<String>,
    /// Text of the key hierarchy.
    pub hierarchy: String,
    /// The token for keys whose custody is `pkcs11`.
    pub pkcs11: Option<Pkcs11>,
    /// Name of the log; a random one below `localhost` when absent.
    pub log_origin: Option<String>,
    /// Work although swap is active.
    pub allow_swap: bool,
    /// Take the machine's clock as right.
    pub assume_clock: bool,
}

/// One unlock method (decision 18).
pub enum UnlockPlan {
    /// A passphrase, by Argon2id.
    Passphrase(Zeroizing<String>),
    /// Shamir shares.
    Shares {
        /// How many unlock.
        threshold: u8,
        /// How many are made.
        shares: u8,
    },
    /// A credential, written to this file.
    Credential {
        /// The file.
        path: PathBuf,
    },
}

impl std::fmt::Debug for UnlockPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl UnlockPlan {
    /// The method's name, for transcript and entry.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::Shares { .. } => "shares",
            Self::Credential { .. } => "credential",
        }
    }
}

/// What a ceremony leaves behind.
#[derive(Debug)]
pub struct Done {
    /// The configuration file.
    pub config: PathBuf,
    /// The transcript.
    pub transcript: PathBuf,
    /// The log's verifier key.
    pub log_key: String,
    /// The shares, if that is how the keystore is unlocked; stored nowhere.
    pub shares: Vec<Zeroizing<String>>,
    /// Entries in the log.
    pub leaves: u64,
}

/// The first people: operator and two officers, since whatever weighs needs two.
const PEOPLE: [(&str, &str, &str); 3] = [
    ("operator-1", "operator", "operator"),
    ("officer-1", "officer", "security-officer"),
    ("officer-2", "officer", "security-officer"),
];

impl Plan {
    /// How many lines the transcript will have, for a progress bar.
    ///
    /// # Errors
    /// [`HierarchyError`].
    pub fn steps(&self) -> Result<u64, HierarchyError> {
        let hierarchy = Hierarchy::parse(&self.hierarchy)?;
        let certified = hierarchy.keys().iter().filter(|k| k.suite.is_some()).count();
        Ok((hierarchy.keys().len() + certified + PEOPLE.len() + 5) as u64)
    }
}

/// Performs the ceremony; `say` is told each step.
///
/// # Errors
/// [`CeremonyError`]; the folder is then unfit for use.
pub async fn perform(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<Done, CeremonyError> {
    let length = plan.organisation.chars().count();
    if !(1..=36).contains(&length) {
        return Err(CeremonyError::Organisation(length));
    }
    let hierarchy = Hierarchy::parse(&plan.hierarchy)?;
    let mut names = hierarchy.keys().iter().filter_map(|key| wanted(key, &plan.organisation, ""));
    if let Some(long) = names.find(|wanted| wanted.name.chars().count() > 64) {
        return Err(CeremonyError::Name(long.name));
    }
    clock_is_trusted(plan)?;
    let layout = Layout::create(&plan.directory)?;
    let mut scene = Scene::new(plan, &hierarchy, layout, say)?;
    scene.keys()?;
    scene.elsewhere().await?;
    scene.certificates()?;
    scene.server()?;
    scene.people()?;
    scene.finish().await
}

/// The clock is judged before anything is made: a ceremony in the wrong year is worth nothing.
fn clock_is_trusted(plan: &Plan) -> Result<(), CeremonyError> {
    let source = if plan.assume_clock { TimeSource::Assumed } else { TimeSource::Kernel };
    let clock = TrustedClock::new(Arc::new(SystemClock::new(source)));
    clock.refresh();
    clock.now().map(|_| ()).map_err(CeremonyError::Clock)
}

struct Scene<'a> {
    plan: &'a Plan,
    hierarchy: &'a Hierarchy,
    layout: Layout,
    say: &'a mut dyn FnMut(&str),
    transcript: String,
    random: SystemRandom,
    terms: Terms,
    config: Config,
    custody: Arc<dyn Custody>,
    shares: Vec<Zeroizing<String>>,
    made: Vec<NewCertificate>,
    people: Vec<Person>,
}

impl<'a> Scene<'a> {
    fn new(
        plan: &'a Plan,
        hierarchy: &'a Hierarchy,
        layout: Layout,
        say: &'a mut dyn FnMut(&str),
    ) -> Result<Self, CeremonyError> {
        let random = SystemRandom::new();
        let (keystore, shares) = make_keystore(plan, &layout)?;
        let custody = keepers::open(keystore, hierarchy, plan.pkcs11.as_ref(), None)?.custody;
        // Half a hierarchy in a token is a nuisance to clean up: the token answers, or nothing is made.
        if let Some(trouble) = keepers::troubles(&custody.health()).into_iter().next() {
            return Err(CeremonyError::Token(trouble));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let config = configuration(plan, &random)?;
        let terms = Terms {
            organisation: plan.organisation.clone(),
            public_url: config.appliance.public_url.clone(),
            now: i64::try_from(now).unwrap_or(i64::MAX),
        };
        let mut scene = Self {
            plan,
            hierarchy,
            layout,
            say,
            transcript: String::new(),
            random,
            terms,
            config,
            custody,
            shares,
            made: Vec::new(),
            people: Vec::new(),
        };
        let when = jiff::Timestamp::now();
        scene.tell(&format!("ceremony of `{}` at {when:.0}", plan.organisation));
        scene.tell(&format!(
            "keystore made, suite {}, unlocked by {}",
            plan.keystore_suite.name,
            plan.unlock.name()
        ));
        Ok(scene)
    }

    fn tell(&mut self, line: &str) {
        (self.say)(line);
        self.transcript.push_str(line);
        self.transcript.push('\n');
    }

    fn keys(&mut self) -> Result<(), CeremonyError> {
        for key in self.hierarchy.keys().iter().filter(|key| key.custody != CustodyKind::Offline) {
            let (algorithm, usage) = match key.role {
                Role::LogCheckpoint => (Algorithm::Ed25519, Usage::Sign),
                // A token has what PKCS #11 defines.
                Role::Data if key.custody == CustodyKind::File => {
                    (Algorithm::sealing_in(self.plan.keystore_suite), Usage::Seal)
                }
                Role::Data => (Algorithm::Aes256, Usage::Seal),
                _ => (Algorithm::of_suite(key.suite.unwrap_or(&Suite::INTERNATIONAL)), Usage::Sign),
            };
            let info = self.custody.generate(&key.label, algorithm, usage)?;
            let public = info.public_key.map_or_else(String::new, |spki| {
                format!(", SHA-256 of its public key {}", hex::encode(digest(&SHA256, &spki)))
            });
            self.tell(&format!(
                "key `{}` made: {}, for {}, custody {}{public}",
                key.label,
                algorithm.name(),
                usage.name(),
                key.custody.name()
            ));
        }
        Ok(())
    }

    /// The certificates of authorities under roots whose keys are elsewhere, one root after the other.
    async fn elsewhere(&mut self) -> Result<(), CeremonyError> {
        let hierarchy = self.hierarchy;
        let offline = |key: &&Key| key.custody == CustodyKind::Offline;
        for root in hierarchy.keys().iter().filter(offline) {
            self.layout.folder("requests")?;
            self.below(root).await?;
        }
        Ok(())
    }

    async fn below(&mut self, root: &'a Key) -> Result<(), CeremonyError> {
        let folder = self.layout.path("requests");
        let mut requests = Vec::new();
        let of_root = |key: &&Key| key.issuer.as_ref() == Some(&root.label);
        for key in self.hierarchy.keys().iter().filter(of_root) {
            let Some(wanted) = wanted(key, &self.plan.organisation, &self.terms.public_url) else { continue };
            let signer = self.custody.signer(&key.label)?;
            let request = offline::request(key, &wanted, signer.as_ref(), &self.terms)?;
            let file = format!("requests/{}.csr", key.label);
            self.layout.write(&file, request.request.to_pem().as_bytes(), Secrecy::Open)?;
            requests.push(request);
        }
        let text = offline::extensions(&root.label, &self.terms);
        let file = if root.suite == Some(&Suite::INTERNATIONAL) {
            "requests/extensions.cnf".to_owned()
        } else {
            format!("requests/extensions-{}.cnf", root.label)
        };
        self.layout.write(&file, text.as_bytes(), Secrecy::Open)?;
        self.tell(&format!(
            "requests in {}: have the root sign them with the extensions beside them; put its certificate there as \
             {}.pem and theirs as LABEL.pem; waiting",
            folder.display(),
            root.label
        ));
        let (certificate, mut signed) = offline::wait(&folder, &root.label, &requests, self.say).await?;
        // Hours may have passed.
        self.terms.now = offline::now();
        let file = format!("certificates/{}.pem", root.label);
        self.layout.write(&file, certificate.to_pem().as_bytes(), Secrecy::Open)?;
        self.enter(root.label.clone(), "root", certificate, None);
        for request in &requests {
            let label = &request.key.label;
            let certificate = signed.remove(label).ok_or(CeremonyError::NoAuthority("issuing-ca"))?;
            let file = format!("certificates/{label}.pem");
            self.layout.write(&file, certificate.to_pem().as_bytes(), Secrecy::Open)?;
            self.enter(root.label.clone(), "issuing-ca", certificate, None);
        }
        Ok(())
    }

    fn certificates(&mut self) -> Result<(), CeremonyError> {
        let hierarchy = self.hierarchy;
        // Those of authorities under such a root came from there.
        let came = |key: &&Key| {
            let root = hierarchy.root_of(key).map(|root| root.custody);
            key.role.is_authority() && root == Some(CustodyKind::Offline)
        };
        for key in hierarchy.keys().iter().filter(|key| !came(key)) {
            let Some(wanted) = wanted(key, &self.plan.organisation, &self.terms.public_url) else { continue };
            let own = self.custody.signer(&key.label)?;
            let certificate = match &key.issuer {
                Some(issuer) => self.issue(&wanted, own.public_key(), issuer)?,
                None => certify(&wanted, own.public_key(), None, own.as_ref(), &self.terms, &self.random)?,
            };
            self.layout.write(
                &format!("certificates/{}.pem", key.label),
                certificate.to_pem().as_bytes(),
                Secrecy::Open,
            )?;
            self.enter(key.issuer.as_ref().unwrap_or(&key.label).clone(), wanted.profile, certificate, None);
        }
        Ok(())
    }

    /// Issues a certificate under the authority with this label.
    fn issue(&self, wanted: &Wanted, public_key: &[u8], issuer: &str) -> Result<Certificate, CeremonyError> {
        let signer = self.custody.signer(issuer)?;
        let of_issuer = |c: &&NewCertificate| c.certificate.spki() == signer.public_key();
        let certificate = self
            .made
            .iter()
            .find(of_issuer)
            .ok_or(CeremonyError::NoAuthority("its"))
            .map(|m| &m.certificate)?;
        let authority = Authority { label: issuer, certificate, signer: signer.as_ref() };
        Ok(certify(wanted, public_key, Some(authority), signer.as_ref(), &self.terms, &self.random)?)
    }

    fn enter(
        &mut self,
        issuer: String,
        profile: &'static str,
        certificate: Certificate,
        caller: Option<&'static str>,
    ) {
        let line = format!(
            "certificate of `{}` made by `{issuer}`, SHA-256 {}",
            certificate.common_name().unwrap_or_default(),
            hex::encode(certificate.sha256_fingerprint()),
        );
        self.tell(&line);
        self.made.push(NewCertificate { issuer, profile, certificate, caller });
    }

    /// Who signs certificates that name somebody in TLS.
    fn authority(&self, kind: Kind, word: &'static str) -> Result<&'a Key, CeremonyError> {
        self.hierarchy.issuer_of(kind, &Suite::INTERNATIONAL).ok_or(CeremonyError::NoAuthority(word))
    }

    /// The server's key lives outside of the sealed keystore (decision 17).
    fn server(&mut self) -> Result<(), CeremonyError> {
        let issuer = self.authority(Kind::Server, "server")?;
        let key = SoftwareKey::generate(KeyKind::P256, &self.random)?;
        let own = SoftwareKey::from_pkcs8(&key)?;
        let wanted = Wanted {
            profile: "server",
            name: self.plan.hosts.first().cloned().unwrap_or_else(|| "localhost".into()),
            alternative_names: hosts(&self.plan.hosts),
            days: None,
        };
        let certificate = self.issue(&wanted, own.public_key(), &issuer.label)?;
        let chain = self.with_chain(&certificate, &issuer.label);
        self.layout.write("tls/server.crt", chain.as_bytes(), Secrecy::Open)?;
        let secret = Zeroizing::new(pem::encode(&key, "PRIVATE KEY"));
        self.layout.write("tls/server.key", secret.as_bytes(), Secrecy::Secret)?;
        self.enter(issuer.label.clone(), "server", certificate, None);
        Ok(())
    }

    fn people(&mut self) -> Result<(), CeremonyError> {
        let issuer = self.authority(Kind::Officer, "officer")?;
        for (id, kind, role) in PEOPLE {
            let key = SoftwareKey::generate(KeyKind::P256, &self.random)?;
            let own = SoftwareKey::from_pkcs8(&key)?;
            let uri = format!("{}:{kind}:{id}", self.config.appliance.uri_base);
            let wanted = Wanted {
                profile: "officer",
                name: id.to_owned(),
                alternative_names: vec![GeneralName::Uri(uri.clone())],
                days: None,
            };
            let certificate = self.issue(&wanted, own.public_key(), &issuer.label)?;
            let folder = format!("credentials/{id}");
            self.layout.folder(&folder)?;
            let secret = Zeroizing::new(pem::encode(&key, "PRIVATE KEY"));
            let issuer_pem = self.pem_of(&issuer.label);
            let root = self.hierarchy.root_of(issuer).map(|k| self.pem_of(&k.label)).unwrap_or_default();
            for (name, text, secrecy) in [
                ("certificate.pem", certificate.to_pem().as_str(), Secrecy::Open),
                ("chain.pem", issuer_pem.as_str(), Secrecy::Open),
                ("root.pem", root.as_str(), Secrecy::Open),
                ("key.pem", secret.as_str(), Secrecy::Secret),
            ] {
                self.layout.write(&format!("{folder}/{name}"), text.as_bytes(), secrecy)?;
            }
            self.enter(issuer.label.clone(), "officer", certificate, Some(id));
            self.people.push(Person { id, kind, uri, role });
        }
        Ok(())
    }

    /// PEM of an authority's certificate.
    fn pem_of(&self, label: &str) -> String {
        let info = self.custody.key(label).ok();
        let own = |c: &&NewCertificate| match &info {
            Some(info) => Some(c.certificate.spki()) == info.public_key.as_deref(),
            // A root whose key is elsewhere.
            None => c.profile == "root" && c.issuer == label,
        };
        self.made.iter().find(own).map(|c| c.certificate.to_pem()).unwrap_or_default()
    }

    fn with_chain(&self, certificate: &Certificate, issuer: &str) -> String {
        format!("{}{}", certificate.to_pem(), self.pem_of(issuer))
    }

    async fn finish(mut self) -> Result<Done, CeremonyError> {
        let config_text = toml::to_string(&self.config)?;
        let header =
            "# Configuration of one Cinnabar node. Paths are relative to this file; unknown keys refuse.\n\n";
        let text = format!("{header}{config_text}");
        let config = self.layout.write("cinnabar.toml", text.as_bytes(), Secrecy::Secret)?;
        self.layout.write("hierarchy.toml", self.plan.hierarchy.as_bytes(), Secrecy::Open)?;
        let loaded = Config::load(&config)?;
        let entered = register::enter(
            &loaded,
            self.hierarchy,
            &self.custody,
            &self.made,
            &self.people,
            self.plan.unlock.name(),
        )
        .await?;
        self.layout.write("log.key", format!("{}\n", entered.log_key).as_bytes(), Secrecy::Open)?;
        self.tell(&format!("log `{}` begun, key {}", self.config.log.origin, entered.log_key));
        self.tell(&format!("everything above entered: {} leaves", entered.leaves));
        let transcript = self.layout.write("ceremony.txt", self.transcript.as_bytes(), Secrecy::Open)?;
        Ok(Done { config, transcript, log_key: entered.log_key, shares: self.shares, leaves: entered.leaves })
    }
}

/// Shares as they are handed out.
type Shares = Vec<Zeroizing<String>>;

/// Makes the keystore, and the credential first when that unlocks it.
fn make_keystore(plan: &Plan, layout: &Layout) -> Result<(Arc<dyn Custody>, Shares), CeremonyError> {
    let unlock = match &plan.unlock {
        UnlockPlan::Passphrase(passphrase) => {
            Unlock::Passphrase { passphrase: passphrase.clone(), cost: PassphraseCost::default() }
        }
        UnlockPlan::Shares { threshold, shares } => Unlock::Shares { threshold: *threshold, count: *shares },
        UnlockPlan::Credential { path } => {
            let mut secret = Zeroizing::new([0; CREDENTIAL_LEN]);
            SystemRandom::new().fill(secret.as_mut_slice()).map_err(|_| CeremonyError::Random)?;
            write_secret_file(path, secret.as_slice())?;
            Unlock::Credential(CredentialSource::File(path.clone()))
        }
    };
    let created = Keystore::create_in(&layout.path("keys"), &unlock, plan.keystore_suite)?;
    let shares = created.shares.iter().map(custody::Share::to_text).collect();
    Ok((Arc::new(created.keystore), shares))
}
