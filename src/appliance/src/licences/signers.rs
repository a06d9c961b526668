//! Who signs credentials and publications now, and whose signatures on them count here.
//!
//! Both are delegated signers of the hierarchy, replaced like the others before their certificates end. What one of them signed
//! within its validity holds on after it was replaced, unless its certificate was revoked: [`known`] names them all. Called by
//! whoever issues, publishes or verifies.

use std::sync::{Arc, PoisonError, RwLock};

use crypto::Suite;
use licence::credential::Issuer;
use pki::Certificate;

use crate::app::App;
use crate::authorities::Register;
use crate::ceremony::{CustodyKind, Role};
use crate::problem::{Kind, Problem};

/// Signers taken up, until the register of authorities is read again.
#[derive(Debug, Default)]
pub struct Signers {
    ready: RwLock<Vec<(Role, Arc<DocumentSigner>)>>,
}

/// A signer with its certificates, as [`licence::credential`] takes it.
#[derive(Debug)]
pub struct DocumentSigner {
    issuer: Issuer,
    /// SHA-256 of its certificate, hexadecimal.
    fingerprint: String,
    /// Whether its key signs in this process; a device makes its callers wait.
    at_hand: bool,
    /// The register it was taken from.
    register: Arc<Register>,
}

impl DocumentSigner {
    /// SHA-256 of its certificate, hexadecimal: the id of its row.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Does what signs with it, beside the threads that answer requests where a device holds the key.
    ///
    /// # Errors
    /// The `internal` problem when the work broke off.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Issuer) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        if self.at_hand {
            return Ok(work(&self.issuer));
        }
        let signer = self.clone();
        tokio::task::spawn_blocking(move || work(&signer.issuer)).await.map_err(Problem::internal)
    }
}

impl std::ops::Deref for DocumentSigner {
    type Target = Issuer;

    fn deref(&self) -> &Issuer {
        &self.issuer
    }
}

/// The signer of credentials, QR symbols and status lists.
///
/// # Errors
/// A problem: sealed, or the hierarchy has no such key yet, which it says how to add.
pub fn credential(app: &App) -> Result<Arc<DocumentSigner>, Problem> {
    of(app, Role::CredentialSigner)
}

/// The signer of the catalogue and of trust lists.
///
/// # Errors
/// As [`credential`].
pub fn publisher(app: &App) -> Result<Arc<DocumentSigner>, Problem> {
    of(app, Role::Publisher)
}

/// The certificates of everyone who signs or signed in a role here and was not revoked.
#[must_use]
pub fn known(app: &App, role: Role) -> Vec<Certificate> {
    let register = app.register_of_authorities();
    let generations = register.iter().filter(|one| one.role == role);
    let mut known: Vec<Certificate> = generations.filter_map(|one| one.certificate.clone()).collect();
    if known.is_empty() {
        known.extend(app.signer(role, &Suite::INTERNATIONAL).map(|signer| signer.certificate));
    }
    known.retain(|certificate| stands(app, &hex::encode(certificate.sha256_fingerprint())));
    known
}

fn of(app: &App, role: Role) -> Result<Arc<DocumentSigner>, Problem> {
    let signers = &app.licences.signers.ready;
    let register = app.register_of_authorities();
    let known = {
        let ready = signers.read().unwrap_or_else(PoisonError::into_inner);
        ready.iter().find(|(of, _)| *of == role).map(|(_, signer)| signer.clone())
    };
    let signer = match known.filter(|signer| Arc::ptr_eq(&signer.register, &register)) {
        Some(signer) => signer,
        None => {
            let signer = Arc::new(taken_up(app, role, register)?);
            let mut ready = signers.write().unwrap_or_else(PoisonError::into_inner);
            ready.retain(|(of, _)| *of != role);
            ready.push((role, signer.clone()));
            signer
        }
    };
    if !stands(app, &signer.fingerprint) {
        let slot = app.hierarchy.with_role(role).map_or(role.as_str(), |key| key.label.as_str());
        let detail = format!(
            "The certificate of `{slot}` is revoked or on hold; have its key replaced with `cinnabar key rotate {slot}`."
        );
        return Err(Problem::new(Kind::NotReady, detail).with("zh", "签发密钥的证书已吊销或暂停"));
    }
    Ok(signer)
}

fn taken_up(app: &App, role: Role, register: Arc<Register>) -> Result<DocumentSigner, Problem> {
    let unsealed = app.unsealed()?;
    let delegate = app.signer(role, &Suite::INTERNATIONAL).ok_or_else(|| missing(app, role))?;
    let authority = app.authority(&delegate.issuer).map_err(Problem::internal)?;
    let key = unsealed.custody.signer(&delegate.label)?;
    let fingerprint = hex::encode(delegate.certificate.sha256_fingerprint());
    let chain = vec![delegate.certificate, authority.certificate];
    let issuer = Issuer::new(key, chain).map_err(Problem::internal)?;
    let slot = app.slot_of(&delegate.label);
    let at_hand = app.hierarchy.key(&slot).is_none_or(|key| key.custody == CustodyKind::File);
    Ok(DocumentSigner { issuer, fingerprint, at_hand, register })
}

/// Installations from before licences have no such key; the keeper of authorities makes one that the hierarchy names.
fn missing(app: &App, role: Role) -> Problem {
    let name = role.as_str();
    let hierarchy = app.hierarchy.keys().iter().any(|key| key.role == role);
    let detail = if hierarchy {
        format!(
            "The key of `{name}` is being made; try again in a minute. The log says what is in the way if it stays so."
        )
    } else {
        format!(
            "The key hierarchy has no `{name}`: copy `[keys.{name}]` from keys/hierarchy.toml into the appliance's \
             hierarchy.toml and {name}.toml into its certificate profiles, and restart; its key is then made within a minute."
        )
    };
    Problem::new(Kind::NotReady, detail).with("zh", "密钥体系中没有电子证照的签发密钥")
}

fn stands(app: &App, fingerprint: &str) -> bool {
    app.identity.standing().fallen(fingerprint).is_none()
}
