//! The one value that everything in the process hangs on: configuration, database, register, policies and,
//! once unsealed, journal and custody.
//!
//! Made by `cinnabar serve` (and by tests, in process). It begins *sealed*: it identifies callers and answers,
//! but every act is refused until [`App::unseal`] has opened the keystore and the journal (decision 17).
//! Capabilities get it as `State<Arc<App>>`; it holds no rule of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use custody::{Custody, Keystore, KeystoreError, Sealed, Secret};
use pki::profile::Profiles;
use zeroize::Zeroizing;

pub use crate::authorities::Authority;
use crate::authorities::Register;
use crate::ceremony::{Hierarchy, HierarchyError};
use crate::config::Config;
use crate::documents::{Desk, Levels};
use crate::enrolment::strikes::Strikes;
use crate::identity::{Identity, PeerError};
use crate::journal::{
    self, Act, Clock, CommitError, Journal, JournalError, Pending, PendingError, Refusal, Settings,
    SystemClock, Unit,
};
use crate::keepers::{self, Keepers, KeepersError};
use crate::policy::{Policy, PolicyError};
use crate::problem::{Kind as ProblemKind, Problem};
use crate::profiles;
use crate::server::limits::{Places, Rates};
use crate::server::{Visitors, metrics, tls};
use crate::status::{self, Status};
use crate::store::{Db, StoreError};
use crate::timestamps::Office;

/// The process.
pub struct App {
    /// What the operator decided.
    pub config: Arc<Config>,
    /// Which keys exist and what they are for.
    pub hierarchy: Hierarchy,
    /// The database, for reading.
    pub db: Db,
    /// The authorization policies in force.
    pub policy: Policy,
    /// Trust anchors beside the appliance's own authorities.
    pub trust: crate::trust::Trust,
    /// Policies that signatures are verified under, by name.
    pub signature_policies: crate::documents::SignaturePolicies,
    /// The certificate profiles in force.
    pub profiles: profiles::InForce,
    /// The register of callers.
    pub identity: Identity,
    /// The generations of authorities and delegated signers.
    pub(crate) generations: ArcSwap<Register>,
    /// What became of certificates: lists, OCSP.
    pub status: Status,
    /// What ACME keeps besides rows.
    pub acme: crate::acme::Service,
    /// The one client for everything fetched from elsewhere.
    pub fetch: crate::fetch::Client,
    /// Requests per caller.
    pub rates: Rates,
    /// Requests and bodies of those whom no certificate names, per peer address.
    pub visitors: Visitors,
    /// Requests and files of those who verify on the public pages.
    pub portal: crate::portal::Service,
    /// Wrong enrolment secrets, per peer address.
    pub strikes: Strikes,
    /// Request bodies received or held, per caller.
    pub bodies: Arc<Places<String>>,
    /// What licences keep besides rows.
    pub licences: crate::licences::Service,
    /// Seals ready for use, and room to work on documents.
    pub desk: Desk,
    /// What raising documents to higher levels has fetched and learnt.
    pub levels: Levels,
    /// What the key devices said when they were asked last; empty without any.
    pub devices: ArcSwap<Vec<custody::Health>>,
    /// What there is to say about the appliance's own certificates that run out.
    pub expiring: ArcSwap<Vec<String>>,
    /// The time-stamping authority, where there is one.
    pub timestamps: Option<Office>,
    keystore: Sealed,
    unsealed: ArcSwapOption<Unsealed>,
    phase: AtomicU8,
    unsealing: tokio::sync::Mutex<()>,
    pending: Pending,
    clock: Arc<dyn Clock>,
}

/// What an unsealed process has besides.
pub struct Unsealed {
    /// The only way to change anything.
    pub journal: Journal,
    /// The opened keys.
    pub custody: Arc<dyn Custody>,
    /// The token among their keepers, if there is one.
    pub token: Option<custody::pkcs11::Token>,
}

/// How far the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// No key is open.
    Sealed,
    /// The keystore is being opened, the log's head compared with the last released checkpoint.
    Unsealing,
    /// Acts are taken.
    Ready,
}

/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The hierarchy file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The font of the text beside seals cannot be used.
    #[error("`documents.font`: `{path}`: {source}; name another, or another `font_index`")]
    Font {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pdf::appearance::FontError,
    },
    /// The configuration names another suite than the keystore's.
    #[error(
        "`keystore.suite` is `{configured}`, but the keystore was made with `{made}`: write that, or leave the line out"
    )]
    KeystoreSuite {
        /// The configuration's.
        configured: String,
        /// The keystore's.
        made: &'static str,
    },
    /// The hierarchy does not load.
    #[error(transparent)]
    Hierarchy(#[from] HierarchyError),
    /// An authority's certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// An authority's certificate cannot be read.
    #[error("certificate of `{label}`: {source}")]
    Certificate {
        /// Label of the authority.
        label: String,
        /// What is wrong with it.
        source: pki::CertificateError,
    },
    /// The authority waits for its certificate.
    #[error(
        "authority `{0}` has no certificate yet: have its request signed and import the certificate \
         (`cinnabar authority request {0}`, `cinnabar authority import {0} FILE`)"
    )]
    Awaited(String),
    /// A client authority cannot be used.
    #[error(transparent)]
    Authority(#[from] PeerError),
    /// The policies do not load.
    #[error("authorization policies: {0}")]
    Policy(#[from] PolicyError),
    /// The trust anchors do not load.
    #[error(transparent)]
    Trust(#[from] crate::trust::TrustFault),
    /// The policies for verifying signatures do not load.
    #[error(transparent)]
    SignaturePolicies(#[from] crate::documents::PolicyFault),
    /// The certificate profiles do not load.
    #[error("certificate profiles: {0}")]
    Profiles(Box<profiles::ProfilesFault>),
    /// The bounds of outgoing requests cannot be used.
    #[error(transparent)]
    Fetch(#[from] crate::fetch::FetchError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keystore cannot be opened, or others could read it.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The table of what was refused while sealed cannot be used.
    #[error(transparent)]
    Pending(#[from] PendingError),
}

/// Why the process stays sealed.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// It is open already.
    #[error("the appliance is unsealed already")]
    Already,
    /// The secret does not fit, or a file of the keystore was altered.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The hierarchy needs a token that cannot even be looked for.
    #[error(transparent)]
    Keepers(#[from] KeepersError),
    /// The log does not open: rolled back, forked, or another one.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The authorities of an older installation could not be entered.
    #[error("the authorities cannot be entered: {0}")]
    Authorities(#[from] crate::authorities::AuthorityError),
    /// What was refused while sealed could not be entered.
    #[error("what was refused while sealed cannot be entered: {0}")]
    Pending(#[from] PendingError),
    /// The first act of the open process could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Out of work under way.
    #[error("the work of unsealing was cut off: {0}")]
    CutOff(String),
}

impl App {
    /// Reads everything that can be read without a secret.
    ///
    /// # Errors
    /// [`StartError`], naming the file and how to mend it.
    pub async fn open(config: Config, db: Db) -> Result<Arc<Self>, StartError> {
        let clock = Arc::new(SystemClock::new(config.time.source));
        Self::open_with_clock(config, db, clock).await
    }

    /// As [`App::open`], with another clock than the system's.
    ///
    /// # Errors
    /// [`StartError`], naming the file and how to mend it.
    pub async fn open_with_clock(
        config: Config,
        db: Db,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        let path = &config.keystore.hierarchy;
        let text = std::fs::read_to_string(path)
            .map_err(|source| StartError::Unreadable { path: path.clone(), source })?;
        let hierarchy = Hierarchy::parse(&text)?;
        let policy = Policy::load(&config.policies.authorization)?;
        let profiles = profiles::InForce::load(&config.policies.certificates)
            .map_err(|fault| StartError::Profiles(Box::new(fault)))?;
        let trust = crate::trust::Trust::load(config.policies.trust.as_deref())?;
        let folder = config.policies.signature_validation.as_deref();
        let signature_policies = crate::documents::SignaturePolicies::load(folder)?;
        let identity = Identity::new(crate::identity::records::snapshot(&db).await?);
        let keystore = Keystore::open(&config.keystore.directory)?;
        if let Some(suite) = config.keystore.suite.as_ref().filter(|suite| *suite != keystore.suite().name) {
            return Err(StartError::KeystoreSuite { configured: suite.clone(), made: keystore.suite().name });
        }
        let pending = Pending::open(&config.appliance.state)?;
        let generations = Register::read(&db).await?;
        let status = Status::open(&config, &db, identity.standing()).await?;
        let fetch = crate::fetch::Client::new(&config.fetch)?;
        metrics::sealed(true);
        Ok(Arc::new(Self {
            fetch,
            acme: crate::acme::Service::new(config.acme.as_ref()),
            devices: ArcSwap::default(),
            generations: ArcSwap::from_pointee(generations),
            levels: Levels::new(&config.documents.levels),
            licences: crate::licences::Service::default(),
            desk: Desk::new(config.limits.documents_at_once, &config.documents)?,
            bodies: Places::new(config.limits.bodies_at_once, config.limits.bodies_per_caller),
            strikes: Strikes::default(),
            visitors: Visitors::new(config.listeners.enrolment.as_ref()),
            portal: crate::portal::Service::new(config.listeners.portal.as_ref()),
            expiring: ArcSwap::default(),
            timestamps: config.timestamps.as_ref().map(Office::new),
            rates: Rates::new(config.limits.requests_per_second, config.limits.request_burst),
            config: Arc::new(config),
            hierarchy,
            db,
            policy,
            profiles,
            trust,
            signature_policies,
            identity,
            status,
            keystore,
            unsealed: ArcSwapOption::empty(),
            phase: AtomicU8::new(0),
            unsealing: tokio::sync::Mutex::new(()),
            pending,
            clock,
        }))
    }

    /// How far the process is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Sealed,
            1 => Phase::Unsealing,
            _ => Phase::Ready,
        }
    }

    /// The certificate profiles in force now.
    #[must_use]
    pub fn profiles(&self) -> Arc<Profiles> {
        self.profiles.current()
    }

    /// The keystore as it can be seen while sealed: how it is unlocked, and whether a share belongs to it.
    #[must_use]
    pub fn keystore(&self) -> &Sealed {
        &self.keystore
    }

    /// Opens the keystore and the journal, and enters first what was refused while sealed (decision 17).
    ///
    /// # Errors
    /// [`UnsealError`]; the process stays sealed. The caller files the failure with [`App::refused`].
    pub async fn unseal(self: &Arc<Self>, secret: Secret) -> Result<(), UnsealError> {
        self.unseal_with(secret, None).await
    }

    /// As [`App::unseal`], with the PIN of the key token where that is not in a file. A token that is away or
    /// refuses the PIN leaves the process unsealed: what needs its keys is refused, and the health report says why.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub async fn unseal_with(
        self: &Arc<Self>,
        secret: Secret,
        pin: Option<Zeroizing<String>>,
    ) -> Result<(), UnsealError> {
        // On a task of its own: whoever asked may hang up, and the work must still end as open or as sealed.
        let app = self.clone();
        let work = tokio::spawn(async move {
            let _one_at_a_time = app.unsealing.lock().await;
            if app.phase() == Phase::Ready {
                return Err(UnsealError::Already);
            }
            app.phase.store(1, Ordering::Release);
            let opened = app.open_all(secret, pin).await;
            app.phase.store(if opened.is_ok() { 2 } else { 0 }, Ordering::Release);
            metrics::sealed(opened.is_err());
            opened
        });
        work.await.map_err(|error| UnsealError::CutOff(error.to_string()))?
    }

    async fn open_all(
        self: &Arc<Self>,
        secret: Secret,
        pin: Option<Zeroizing<String>>,
    ) -> Result<(), UnsealError> {
        let app = self.clone();
        // Argon2id takes a second of a core, and a token may be slow to answer.
        let opened = move || {
            let keystore = Arc::new(app.keystore.unseal(&secret)?);
            let keepers = keepers::open(keystore, &app.hierarchy, app.config.pkcs11.as_ref(), pin)?;
            app.devices.store(Arc::new(keepers.custody.health()));
            Ok::<_, UnsealError>(keepers)
        };
        let opened = tokio::task::spawn_blocking(opened).await;
        let Keepers { custody, token } = opened.map_err(|error| UnsealError::CutOff(error.to_string()))??;
        let settings = Settings { clock: self.clock.clone(), ..journal::settings(&self.config, false) };
        let keys = journal::keys(&self.hierarchy, custody.clone())?;
        let journal = Journal::open(self.db.clone(), settings, keys).await?;
        journal.drain(&self.pending).await?;
        let act = Act::system("start", "appliance.unseal", "appliance:appliance");
        let policies = self.policy.current().digest().to_owned();
        let profiles = self.profiles.current();
        let mut facts = serde_json::json!({ "policies": policies, "profiles": profiles.digest() });
        if let (Some(digest), Some(facts)) = (self.trust.digest(), facts.as_object_mut()) {
            facts.insert("trust".into(), digest.into());
        }
        if let (Some(digest), Some(facts)) = (self.signature_policies.digest(), facts.as_object_mut()) {
            facts.insert("signature_validation".into(), digest.into());
        }
        journal.commit(Unit::new(act).facts(facts)).await?;
        let unsealed = Arc::new(Unsealed { journal, custody, token });
        crate::authorities::from_files(self, &unsealed).await?;
        self.unsealed.store(Some(unsealed));
        status::seat(self).await;
        status::renew_now(self).await;
        Ok(())
    }

    /// Journal and custody of the open process.
    ///
    /// # Errors
    /// The `sealed` problem.
    pub fn unsealed(&self) -> Result<Arc<Unsealed>, Problem> {
        self.unsealed.load_full().ok_or_else(|| {
            Problem::new(ProblemKind::Sealed, "An operator must unseal the appliance with `cinnabar unseal`.")
                .retry_after(30)
        })
    }

    /// That the process is open.
    ///
    /// # Errors
    /// The `sealed` problem.
    pub fn require_unsealed(&self) -> Result<(), Problem> {
        self.unsealed().map(|_| ())
    }

    /// Files the refusal of an identified caller: in the journal, or while sealed in the table that becomes
    /// its first leaves.
    ///
    /// # Errors
    /// A sentence for the operator's log.
    pub async fn refused(self: &Arc<Self>, refusal: Refusal) -> Result<(), String> {
        match self.unsealed.load_full() {
            Some(unsealed) => {
                unsealed.journal.refused(refusal).await.map(|_| ()).map_err(|error| error.to_string())
            }
            None => {
                let app = self.clone();
                let kept = move || app.pending.refused(&refusal, app.clock.as_ref());
                let kept = tokio::task::spawn_blocking(kept).await.map_err(|error| error.to_string())?;
                kept.map(|_| ()).map_err(|error| error.to_string())
            }
        }
    }

    /// Counts a failure that nobody can be named for; the journal enters sums, so that nobody can flood it.
    pub fn anonymous_failure(&self, kind: &'static str) {
        if let Some(unsealed) = self.unsealed.load().as_ref() {
            unsealed.journal.anonymous(kind);
        }
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("phase", &self.phase()).finish_non_exhaustive()
    }
}
