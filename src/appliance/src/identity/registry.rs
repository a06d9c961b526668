//! The register of callers as one immutable snapshot, replaced when a generation moves.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::{Caller, CallerKind, Fallen, Peer, Role, Standing};
use crate::store::{Db, StoreError};

/// One caller as registered.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Identifier.
    pub id: String,
    /// What it is.
    pub kind: CallerKind,
    /// The URI its certificates carry.
    pub uri: String,
    /// The organisation it acts for.
    pub organisation: String,
    /// The registered natural person, for officers and operators.
    pub person: Option<String>,
    /// What it has been entrusted with.
    pub roles: Vec<Role>,
    /// Whether both the registration and its organisation are active.
    pub active: bool,
}

/// Everything needed to identify callers, as of one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    by_uri: HashMap<String, Registration>,
    /// Shared by every snapshot: revocation takes effect without reading the register again.
    standing: Arc<Standing>,
}

/// Identifies callers against the newest snapshot.
#[derive(Debug)]
pub struct Identity {
    snapshot: ArcSwap<Snapshot>,
    standing: Arc<Standing>,
    reading: tokio::sync::Mutex<()>,
    origin: Instant,
    /// Milliseconds after `origin` at which the database last answered, plus one; 0 = never.
    answered: AtomicU64,
}

/// Why a certificate names nobody who may act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifyError {
    /// The register could not be confirmed for too long; nobody is identified (decision 14).
    #[error("the register of callers has not been confirmed for {0:?}")]
    Stale(Duration),
    /// Revoked.
    #[error("the certificate is revoked")]
    Revoked,
    /// On hold: nothing of its holder is served until it is released.
    #[error("the certificate is on hold")]
    Held,
    /// Past its validity.
    #[error("the certificate expired at {0} (unix seconds)")]
    Expired(u64),
    /// Before its validity.
    #[error("the certificate is not valid before {0} (unix seconds)")]
    NotYetValid(u64),
    /// Not exactly one URI among its alternative names.
    #[error("the certificate carries {0} URIs, exactly one names a caller")]
    NotOneUri(usize),
    /// Client authentication is not among its usages.
    #[error("the certificate's usages do not include client authentication")]
    NotForClients,
    /// Nobody is registered under its URI.
    #[error("nobody is registered as `{0}`")]
    Unregistered(String),
    /// Its authority may not name that kind of caller.
    #[error("authority `{authority}` may not name {kind} callers")]
    WrongAuthority {
        /// Label of the authority.
        authority: String,
        /// The kind of the registered caller.
        kind: &'static str,
    },
    /// The registration, or its organisation, is not active.
    #[error("the registration `{0}` is not active")]
    Inactive(String),
}

impl Snapshot {
    /// A snapshot of these registrations.
    #[must_use]
    pub fn new(registrations: impl IntoIterator<Item = Registration>) -> Self {
        let by_uri = registrations.into_iter().map(|one| (one.uri.clone(), one)).collect();
        Self { by_uri, ..Self::default() }
    }

    /// The registration a certificate's single URI names, whatever its state: whom an entry about a
    /// refused certificate is filed under.
    #[must_use]
    pub fn claimed(&self, peer: &Peer) -> Option<&Registration> {
        match peer.uris.as_slice() {
            [uri] => self.by_uri.get(uri),
            _ => None,
        }
    }

    /// The registration of that identifier, whatever its state.
    #[must_use]
    pub fn registration(&self, id: &str) -> Option<&Registration> {
        self.by_uri.values().find(|one| one.id == id)
    }

    /// Whom the certificate names.
    ///
    /// # Errors
    /// [`IdentifyError`]; revocation is told before expiry, both before anything about the registration.
    pub fn identify(&self, peer: &Peer, now: u64) -> Result<Arc<Caller>, IdentifyError> {
        self.still_valid(peer, now)?;
        if !peer.client_authentication {
            return Err(IdentifyError::NotForClients);
        }
        let [uri] = peer.uris.as_slice() else {
            return Err(IdentifyError::NotOneUri(peer.uris.len()));
        };
        let registration = self.by_uri.get(uri).ok_or_else(|| IdentifyError::Unregistered(uri.clone()))?;
        if !peer.kinds.contains(&registration.kind) {
            let authority = peer.issuer.clone();
            return Err(IdentifyError::WrongAuthority { authority, kind: registration.kind.as_str() });
        }
        if !registration.active {
            return Err(IdentifyError::Inactive(registration.id.clone()));
        }
        Ok(Caller::new(registration, &peer.fingerprint, &peer.serial))
    }

    /// Whether the certificate itself still stands.
    ///
    /// # Errors
    /// [`IdentifyError::Revoked`], [`IdentifyError::Held`], [`IdentifyError::Expired`] or
    /// [`IdentifyError::NotYetValid`].
    pub fn still_valid(&self, peer: &Peer, now: u64) -> Result<(), IdentifyError> {
        match self.standing.fallen(&peer.fingerprint) {
            Some(Fallen::Revoked) => return Err(IdentifyError::Revoked),
            Some(Fallen::Held) => return Err(IdentifyError::Held),
            None => {}
        }
        if now > peer.not_after {
            return Err(IdentifyError::Expired(peer.not_after));
        }
        if now < peer.not_before {
            return Err(IdentifyError::NotYetValid(peer.not_before));
        }
        Ok(())
    }
}

impl Identity {
    /// Starts from a snapshot just read from the database.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        let identity = Self {
            standing: snapshot.standing.clone(),
            snapshot: ArcSwap::from_pointee(snapshot),
            reading: tokio::sync::Mutex::new(()),
            origin: Instant::now(),
            answered: AtomicU64::new(0),
        };
        identity.confirm();
        identity
    }

    /// Reads the register and puts it in force. One reading at a time: of two, the one begun earlier could
    /// otherwise be put in force last, and a revocation be forgotten until the register changes again.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer; what was in force stays.
    pub async fn read_again(&self, db: &Db) -> Result<(), StoreError> {
        let _one_at_a_time = self.reading.lock().await;
        self.replace(super::records::snapshot(db).await?);
        Ok(())
    }

    /// Puts a new snapshot in force, just read from the database.
    pub fn replace(&self, mut snapshot: Snapshot) {
        snapshot.standing = self.standing.clone();
        self.snapshot.store(Arc::new(snapshot));
        self.confirm();
    }

    /// Which certificates do not stand; `status` keeps it current.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The database answered that nothing changed.
    pub fn confirm(&self) {
        let elapsed = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.answered.store(elapsed + 1, Ordering::Release);
    }

    /// The newest snapshot, if the database has confirmed it lately enough.
    ///
    /// # Errors
    /// [`IdentifyError::Stale`] after [`PATIENCE`] without an answer.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, IdentifyError> {
        let silent = self.silent_for();
        if silent > PATIENCE { Err(IdentifyError::Stale(silent)) } else { Ok(self.snapshot.load_full()) }
    }

    /// How long the database has not answered.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        match self.answered.load(Ordering::Acquire) {
            0 => Duration::MAX,
            at => self.origin.elapsed().saturating_sub(Duration::from_millis(at - 1)),
        }
    }
}

/// How long the last answer of the database holds (decision 14).
pub const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer {
            fingerprint: "ab".repeat(32),
            serial: "1f".into(),
            issuer: "platform-ca".into(),
            kinds: vec![CallerKind::Machine],
            uris: vec!["urn:cinnabar:demo:machine:approvals".into()],
            client_authentication: true,
            not_before: 100,
            not_after: 200,
        }
    }

    fn registration() -> Registration {
        Registration {
            id: "c1".into(),
            kind: CallerKind::Machine,
            uri: "urn:cinnabar:demo:machine:approvals".into(),
            organisation: "o1".into(),
            person: None,
            roles: vec![Role::Sealer],
            active: true,
        }
    }

    #[test]
    fn a_registered_machine_is_identified_with_its_roles() {
        let caller = Snapshot::new([registration()]).identify(&peer(), 150).unwrap();
        assert_eq!(caller.id, "c1");
        assert_eq!(caller.roles, [Role::Sealer]);
        assert_eq!(caller.serial, "1f");
    }

    #[test]
    fn revocation_is_told_before_expiry() {
        let identity = Identity::new(Snapshot::new([registration()]));
        let identify =
            |now| identity.snapshot().unwrap().identify(&peer(), now).map(|caller| caller.id.clone());
        let record = |fallen| identity.standing().record([([0xAB; 32], fallen)]);
        record(Some(Fallen::Revoked));
        assert_eq!(identify(500), Err(IdentifyError::Revoked));
        record(Some(Fallen::Held));
        assert_eq!(identify(150), Err(IdentifyError::Held));
        // What does not stand outlives the snapshot it was recorded beside.
        identity.replace(Snapshot::new([registration()]));
        assert_eq!(identify(150), Err(IdentifyError::Held));
        record(None);
        assert_eq!(identify(150), Ok("c1".to_owned()));
        identity.standing().record([([0xAC; 32], Some(Fallen::Revoked))]);
        assert_eq!(identify(150), Ok("c1".to_owned()));
    }

    #[test]
    fn outside_its_validity_a_certificate_names_nobody() {
        let snapshot = Snapshot::new([registration()]);
        assert_eq!(snapshot.identify(&peer(), 201).unwrap_err(), IdentifyError::Expired(200));
        assert_eq!(snapshot.identify(&peer(), 99).unwrap_err(), IdentifyError::NotYetValid(100));
    }

    #[test]
    fn exactly_one_uri_an_authority_for_the_kind_client_usage_and_an_active_registration() {
        let snapshot = Snapshot::new([registration()]);
        let with = |change: fn(&mut Peer)| {
            let mut peer = peer();
            change(&mut peer);
            snapshot.identify(&peer, 150).unwrap_err()
        };
        assert_eq!(with(|p| p.uris.clear()), IdentifyError::NotOneUri(0));
        assert_eq!(with(|p| p.uris.push("urn:second".into())), IdentifyError::NotOneUri(2));
        assert_eq!(with(|p| p.client_authentication = false), IdentifyError::NotForClients);
        assert_eq!(with(|p| p.uris = vec!["urn:x".into()]), IdentifyError::Unregistered("urn:x".into()));
        assert!(matches!(
            with(|p| p.kinds = vec![CallerKind::Officer]),
            IdentifyError::WrongAuthority { kind: "machine", .. }
        ));
        let inactive = Registration { active: false, ..registration() };
        let refused = Snapshot::new([inactive]).identify(&peer(), 150).unwrap_err();
        assert_eq!(refused, IdentifyError::Inactive("c1".into()));
    }

    #[test]
    fn a_silent_database_identifies_nobody() {
        let identity = Identity::new(Snapshot::default());
        assert!(identity.snapshot().is_ok());
        identity.answered.store(0, Ordering::Release);
        assert!(matches!(identity.snapshot(), Err(IdentifyError::Stale(_))));
    }
}
