//! Looking authorities up: by label, by what they issue, as judges of clients.
//!
//! Answers come from memory. Where nothing was entered yet (an installation from before the table, still sealed), the
//! certificate files are read.

use std::sync::Arc;

use crypto::{DigestAlgorithm, Suite};
use pki::Certificate;

use super::register::{Generation, Register, Standing};
use crate::app::{App, StartError};
use crate::ceremony::{Key, Kind, Role};
use crate::identity::{CallerKind, ClientAuthorities, ClientAuthority, PeerError};
use crate::store::StoreError;

/// An authority that signs certificates.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Its label: in custody, and in its CRL's and certificate's addresses.
    pub label: String,
    /// Its certificate.
    pub certificate: Certificate,
    /// Whether new certificates are issued by it; one that is being replaced only answers for what it issued.
    pub issues: bool,
}

/// A signer that an authority delegated something to.
#[derive(Debug, Clone)]
pub struct Delegate {
    /// Label of its key in custody.
    pub label: String,
    /// Its certificate.
    pub certificate: Certificate,
    /// Label of the authority that issued its certificate.
    pub issuer: String,
}

impl App {
    /// The generations as they were read last.
    #[must_use]
    pub fn register_of_authorities(&self) -> Arc<Register> {
        self.generations.load_full()
    }

    /// Reads the generations again.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer; what was known stays.
    pub async fn read_authorities(&self) -> Result<(), StoreError> {
        self.generations.store(Arc::new(Register::read(&self.db).await?));
        Ok(())
    }

    /// The authority that signs certificates of a kind for keys of a suite now.
    ///
    /// # Errors
    /// [`StartError`] when its certificate cannot be read, or is still awaited.
    pub fn issuer_of(&self, kind: Kind, suite: &Suite) -> Result<Option<Authority>, StartError> {
        let Some(key) = self.hierarchy.issuer_of(kind, suite) else { return Ok(None) };
        match self.generations.load().current(&key.label) {
            Some(current) => self.authority(&current.id).map(Some),
            None => self.authority(&key.label).map(Some),
        }
    }

    /// Every authority that signs anything, the root first: those that issue, and those that still answer for what
    /// they issued.
    ///
    /// # Errors
    /// [`StartError`] when a certificate cannot be read.
    pub fn authorities(&self) -> Result<Vec<Authority>, StartError> {
        self.authority_labels().iter().map(|label| self.authority(label)).collect()
    }

    /// Labels of every authority that signs anything, the root first.
    #[must_use]
    pub fn authority_labels(&self) -> Vec<String> {
        let register = self.generations.load();
        let mut labels = Vec::new();
        for key in self.hierarchy.keys().iter().filter(|key| key.role.is_authority()) {
            let mut known = register.of_slot(&key.label).peekable();
            if known.peek().is_none() {
                labels.push(key.label.clone());
            }
            let serving = known.filter(|one| one.standing.serves() && one.certificate.is_some());
            labels.extend(serving.map(|one| one.id.clone()));
        }
        labels
    }

    /// Whether a label is that of an authority, of whatever standing.
    #[must_use]
    pub fn is_authority(&self, label: &str) -> bool {
        self.generations.load().get(label).is_some_and(Generation::is_authority)
            || self.hierarchy.key(label).is_some_and(|key| key.role.is_authority())
    }

    /// The authority with this label.
    ///
    /// # Errors
    /// [`StartError`] when its certificate cannot be read, or is still awaited.
    pub fn authority(&self, label: &str) -> Result<Authority, StartError> {
        let register = self.generations.load();
        let Some(known) = register.get(label) else {
            return Ok(Authority {
                label: label.to_owned(),
                certificate: self.certificate_file(label)?,
                issues: true,
            });
        };
        let certificate = known.certificate.clone();
        let certificate = certificate.ok_or_else(|| StartError::Awaited(label.to_owned()))?;
        let issues = known.standing == Standing::Active;
        Ok(Authority { label: label.to_owned(), certificate, issues })
    }

    /// The OCSP responder that an authority delegated to; RFC 6960 §4.2.2.2 wants its certificate from that very key.
    #[must_use]
    pub fn responder_of(&self, authority: &str) -> Option<Delegate> {
        self.delegate(Role::Ocsp, authority)
    }

    /// The certificates of everyone who makes or made seals here, in every suite; which of them still hold, whoever
    /// verifies finds out.
    #[must_use]
    pub fn seal_makers(&self) -> Vec<Certificate> {
        let register = self.generations.load();
        let slots = self.hierarchy.keys().iter().filter(|key| key.role == Role::SealMaker);
        let of = |key: &crate::ceremony::Key| {
            let known: Vec<_> =
                register.of_slot(&key.label).filter_map(|one| one.certificate.clone()).collect();
            if known.is_empty() {
                self.certificate_file(&key.label).ok().into_iter().collect()
            } else {
                known
            }
        };
        slots.flat_map(of).collect()
    }

    /// The signer of electronic seals in a suite now (GB/T 38540, `SESeal.cert`): its key is `custody.signer(&label)`.
    #[must_use]
    pub fn seal_maker(&self, suite: &Suite) -> Option<Delegate> {
        self.signer(Role::SealMaker, suite)
    }

    /// The newest signer with a role in a suite.
    #[must_use]
    pub fn signer(&self, role: Role, suite: &Suite) -> Option<Delegate> {
        let of_suite = |slot: &str| self.hierarchy.key(slot).is_some_and(|key| key.suite == Some(suite));
        self.newest(role, |one| of_suite(&one.slot), |key| key.suite == Some(suite))
    }

    /// The time-stamping unit for imprints by a digest algorithm: that of the suite whose digest it is, so that who asks
    /// for an imprint by SM3 gets a token by SM2; where there is none, the international unit, or the only one.
    #[must_use]
    pub fn time_stamp_unit(&self, digest: DigestAlgorithm) -> Option<Delegate> {
        let suites = || {
            self.hierarchy.keys().iter().filter(|key| key.role == Role::TimeStamp).filter_map(|key| key.suite)
        };
        let own = suites().find(|suite| suite.digest == digest);
        let usual = suites().find(|suite| **suite == Suite::INTERNATIONAL);
        self.signer(Role::TimeStamp, own.or(usual).or_else(|| suites().next())?)
    }

    fn delegate(&self, role: Role, issuer: &str) -> Option<Delegate> {
        let by = |one: &Generation| one.issuer.as_deref() == Some(issuer);
        self.newest(role, by, |key| key.issuer.as_deref() == Some(issuer))
    }

    /// From the register; from the hierarchy and the certificate files where nothing was entered yet.
    fn newest(
        &self,
        role: Role,
        entered: impl Fn(&Generation) -> bool,
        planned: impl Fn(&Key) -> bool,
    ) -> Option<Delegate> {
        let register = self.generations.load();
        if let Some(found) = register.newest(role, entered) {
            return Some(Delegate {
                label: found.id.clone(),
                certificate: found.certificate.clone()?,
                issuer: found.issuer.clone()?,
            });
        }
        let key = self.hierarchy.keys().iter().find(|key| key.role == role && planned(key));
        let key = key.filter(|key| register.get(&key.label).is_none())?;
        let certificate = self.certificate_file(&key.label).ok()?;
        Some(Delegate { label: key.label.clone(), certificate, issuer: key.issuer.clone()? })
    }

    /// The authorities whose certificates name callers, and which kinds of callers (decision 12). One that is being
    /// replaced is accepted beside its successor, as long as it answers for what it issued. Callers name themselves in
    /// TLS, which is spoken in the international suite: authorities of another name nobody here.
    ///
    /// # Errors
    /// [`StartError`] when a certificate cannot be read.
    pub fn client_authorities(&self) -> Result<ClientAuthorities, StartError> {
        let mut all = Vec::new();
        for key in self.hierarchy.keys().iter().filter(|key| key.suite == Some(&Suite::INTERNATIONAL)) {
            let mut kinds = Vec::new();
            if key.issues.contains(&Kind::Machine) {
                kinds.push(CallerKind::Machine);
            }
            if key.issues.contains(&Kind::Officer) {
                kinds.extend([CallerKind::Officer, CallerKind::Operator]);
            }
            if kinds.is_empty() {
                continue;
            }
            for label in self.authority_labels() {
                if self.slot_of(&label) == key.label {
                    let certificate = self.authority(&label)?.certificate.der().to_vec();
                    all.push(ClientAuthority { label, certificate, kinds: kinds.clone() });
                }
            }
        }
        Ok(ClientAuthorities::new(all)?)
    }

    /// The place in the hierarchy that a label stands for.
    #[must_use]
    pub fn slot_of(&self, label: &str) -> String {
        match self.generations.load().get(label) {
            Some(known) => known.slot.clone(),
            None => label.to_owned(),
        }
    }

    pub(super) fn certificate_file(&self, label: &str) -> Result<Certificate, StartError> {
        let path = self.config.appliance.certificates.join(format!("{label}.pem"));
        let text = std::fs::read(&path).map_err(|source| StartError::Unreadable { path, source })?;
        let wrong = |source| StartError::Certificate { label: label.to_owned(), source };
        let certificate = Certificate::from_pem(&text).map_err(wrong)?.into_iter().next();
        Ok(certificate.ok_or_else(|| PeerError::Unreadable(format!("`{label}` is empty")))?)
    }
}
