//! Revocation lists: made from the certificates' rows, signed again at each revocation and before they run
//! out, served by the public listener.
//!
//! A list derives from logged state, so it needs no entry of its own (decision 10). The last ones signed are
//! kept in the node's state folder, so that a sealed node can go on serving them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use pki::crl::{Crl, CrlBuilder, Reason, Revoked};

use crate::app::{App, Authority, Unsealed};
use crate::identity::Caller;
use crate::policy::{Facts, Resource, SignCrl};
use crate::store::StoreError;

/// The newest list of every authority.
#[derive(Debug)]
pub struct Crls {
    folder: PathBuf,
    lists: ArcSwap<HashMap<String, Arc<Crl>>>,
    /// Lists are signed one after the other, so that numbers increase with contents (decision 23).
    signing: Mutex<u64>,
}

/// Why a list was not signed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The policies do not let the renewal sign.
    #[error(transparent)]
    Denied(#[from] crate::policy::Denied),
    /// The authority's certificate or key cannot be used.
    #[error("authority `{label}`: {reason}")]
    Authority {
        /// Its label.
        label: String,
        /// What is wrong.
        reason: String,
    },
}

impl Crls {
    /// Reads the lists kept in the node's state folder. One that does not read is as good as none.
    #[must_use]
    pub fn open(state: &Path, labels: impl IntoIterator<Item = String>) -> Self {
        let folder = state.join("crl");
        let mut lists = HashMap::new();
        let mut last = 0;
        for label in labels {
            let kept = std::fs::read(folder.join(format!("{label}.crl"))).ok();
            if let Some(crl) = kept.and_then(|der| Crl::from_der(&der).ok()) {
                last = last.max(number(&crl));
                lists.insert(label, Arc::new(crl));
            }
        }
        Self { folder, lists: ArcSwap::from_pointee(lists), signing: Mutex::new(last) }
    }

    /// The newest list of an authority.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<Arc<Crl>> {
        self.lists.load().get(label).cloned()
    }

    /// Whether any list is missing or has less than half of its time left.
    #[must_use]
    pub fn are_due(&self, labels: &[String], now: i64) -> bool {
        let lists = self.lists.load();
        labels.iter().any(|label| {
            lists.get(label).and_then(|crl| crl.next_update()).is_none_or(|until| until - now < VALIDITY / 2)
        })
    }

    fn sign(
        &self,
        authority: &Authority,
        revoked: Vec<(Vec<u8>, Revoked)>,
        distribution_point: String,
        unsealed: &Unsealed,
    ) -> Result<(), String> {
        let signer = unsealed.custody.signer(&authority.label).map_err(|error| error.to_string())?;
        let mut last = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = unsealed.journal.clock().wall();
        // Increases on one node by comparison and between nodes by the clock.
        let number = u64::try_from(micros).unwrap_or(0).max(*last + 1);
        let this_update = micros.div_euclid(1_000_000);
        let der = CrlBuilder {
            number,
            this_update,
            next_update: this_update + VALIDITY,
            distribution_point: Some(distribution_point),
            revoked: revoked.into_iter().map(Into::into).collect(),
            ..CrlBuilder::default()
        }
        .build(&authority.certificate, signer.as_ref())
        .map_err(|error| error.to_string())?;
        *last = number;
        let crl = Crl::from_der(&der).map_err(|error| error.to_string())?;
        keep(&self.folder, &authority.label, &der).map_err(|error| error.to_string())?;
        let mut lists = HashMap::clone(&self.lists.load());
        lists.insert(authority.label.clone(), Arc::new(crl));
        self.lists.store(Arc::new(lists));
        Ok(())
    }
}

/// Signs the lists of every authority anew.
///
/// # Errors
/// [`RenewError`]; lists signed until then are in force.
pub async fn renew(app: &App) -> Result<(), RenewError> {
    let Ok(unsealed) = app.unsealed() else { return Ok(()) };
    // The permit is for this renewal; what it signs is logged state, so nothing is entered.
    let _permit = app.policy.decide::<SignCrl>(
        &Caller::system("crl-renewal"),
        Resource::appliance(),
        Facts::default(),
    )?;
    let wrong = |label: &str, reason: String| RenewError::Authority { label: label.to_owned(), reason };
    for authority in app.authorities().map_err(|error| wrong("*", error.to_string()))? {
        let sql =
            "SELECT serial, revoked_at, reason FROM certificates WHERE issuer = $1 AND state = 'revoked'";
        let records = app.db.fetch_all(sql, &[authority.label.as_str().into()]).await?;
        let mut revoked = Vec::with_capacity(records.len());
        for record in &records {
            let serial = hex::decode(record.text("serial")?)
                .map_err(|error| wrong(&authority.label, format!("a serial in the register: {error}")))?;
            let time = record.opt_int("revoked_at")?.unwrap_or_default().div_euclid(1_000_000);
            let reason = record.opt_text("reason")?.and_then(Reason::from_name);
            revoked.push((serial, Revoked { time, reason }));
        }
        let label = authority.label.clone();
        let point = format!("{}/crl/{label}.crl", app.config.appliance.public_url);
        app.crls.sign(&authority, revoked, point, &unsealed).map_err(|reason| wrong(&label, reason))?;
    }
    Ok(())
}

/// As [`renew`], after an act that is durable whatever happens here: a failure is told to the operator, and the
/// watcher tries again.
pub async fn renew_now(app: &App) {
    if let Err(error) = renew(app).await {
        tracing::error!(%error, "revocation lists could not be signed");
    }
}

fn number(crl: &Crl) -> u64 {
    let octets = crl.number().unwrap_or_default();
    octets.iter().fold(0, |number: u64, octet| number.wrapping_shl(8) | u64::from(*octet))
}

fn keep(folder: &Path, label: &str, der: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(der)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(format!("{label}.crl"))).map_err(|error| error.error)?;
    Ok(())
}

/// From thisUpdate to nextUpdate, in seconds. Renewed at half of it, so that a relying party is never without.
const VALIDITY: i64 = 24 * 3600;
