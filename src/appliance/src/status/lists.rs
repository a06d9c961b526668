//! Revocation lists: per issuer and shard a full one and a delta, shared by all nodes.
//!
//! A list derives from logged state, so it needs no entry of its own (decision 10). Whoever signs one puts it into the
//! cache table `crls` in the place of exactly the version it has read; who comes second takes the winner's. So two
//! nodes never publish different lists under one number. Every node keeps copies in its state folder, and a sealed node
//! goes on serving them.
//!
//! Numbers are microseconds of Unix time, raised where the clock would not increase them: they grow across restarts,
//! nodes and the loss of this cache. Full and delta lists count together (RFC 5280 §5.2.3).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderValue;
use pki::crl::{Crl, CrlBuilder};

use super::index::Shard;
use super::records;
use crate::app::{App, Authority, Unsealed};
use crate::config;
use crate::identity::Caller;
use crate::policy::{Facts, Resource, SignCrl};
use crate::store::{Row, StoreError};

/// One signed list.
#[derive(Debug)]
pub struct List {
    /// Its encoding.
    pub der: Bytes,
    /// cRLNumber.
    pub number: u64,
    /// The full list that a delta adds to.
    pub base: Option<u64>,
    /// thisUpdate, Unix seconds.
    pub this_update: i64,
    /// nextUpdate, Unix seconds.
    pub next_update: i64,
    /// The generation of certificates it takes account of.
    pub revision: i64,
    /// Entity tag.
    pub etag: HeaderValue,
    version: i64,
    crl: OnceLock<Option<Crl>>,
}

/// The newest lists.
#[derive(Debug)]
pub struct Lists {
    folder: PathBuf,
    all: ArcSwap<HashMap<String, Arc<List>>>,
    publishing: tokio::sync::Mutex<()>,
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
    /// Other nodes were first again and again.
    #[error("the lists of `{label}` were changed by other nodes all the time")]
    Contended {
        /// Label of the authority.
        label: String,
    },
    /// A list made elsewhere does not fit.
    #[error("the list does not fit: {0}")]
    Unfit(&'static str),
}

/// Full or delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Full,
    Delta,
}

/// Where a shard's list is found below `/crl/`: `LABEL.crl`, `LABEL-delta.crl`, `LABEL/3.crl`, `LABEL/3-delta.crl`.
fn path((label, shard): &Shard, form: Form) -> String {
    let delta = if form == Form::Delta { "-delta" } else { "" };
    match shard {
        0 => format!("{label}{delta}.crl"),
        shard => format!("{label}/{shard}{delta}.crl"),
    }
}

/// The shard of a path.
fn shard_of(path: &str) -> Option<Shard> {
    let name = path.strip_suffix(".crl")?;
    let name = name.strip_suffix("-delta").unwrap_or(name);
    match name.split_once('/') {
        Some((label, shard)) => Some((label.to_owned(), shard.parse().ok()?)),
        None => Some((name.to_owned(), 0)),
    }
}

/// The row's id: `LABEL:SHARD:full` or `:delta`.
fn id((label, shard): &Shard, form: Form) -> String {
    format!("{label}:{shard}:{}", if form == Form::Delta { "delta" } else { "full" })
}

fn of_id(id: &str) -> Option<(Shard, Form)> {
    let mut parts = id.rsplitn(3, ':');
    let form = match parts.next()? {
        "full" => Form::Full,
        "delta" => Form::Delta,
        _ => return None,
    };
    let shard = parts.next()?.parse().ok()?;
    Some(((parts.next()?.to_owned(), shard), form))
}

impl List {
    fn of(der: Vec<u8>, revision: i64, version: i64) -> Option<Self> {
        let crl = Crl::from_der(&der).ok()?;
        let number =
            crl.number()?.iter().fold(0, |number: u64, octet| number.wrapping_shl(8) | u64::from(*octet));
        let hash = crypto::DigestAlgorithm::Sha256.digest(&der);
        let tag = hex::encode(hash.get(..16).unwrap_or_default());
        Some(Self {
            number,
            base: None,
            this_update: crl.this_update(),
            next_update: crl.next_update()?,
            revision,
            etag: HeaderValue::from_str(&format!("\"{tag}\"")).ok()?,
            version,
            der: der.into(),
            crl: OnceLock::from(Some(crl)),
        })
    }

    /// The list, read.
    pub fn crl(&self) -> Option<&Crl> {
        self.crl.get_or_init(|| Crl::from_der(&self.der).ok()).as_ref()
    }

    /// Less than half of its time is left.
    fn half_over(&self, now: i64) -> bool {
        self.next_update - now < (self.next_update - self.this_update) / 2
    }
}

impl Lists {
    /// Reads the lists kept in the node's state folder. One that does not read is as good as none.
    #[must_use]
    pub fn open(state: &Path) -> Self {
        let folder = state.join("crl");
        let mut all = HashMap::new();
        let mut take = |file: &Path| {
            let name = file.strip_prefix(&folder).ok().and_then(Path::to_str).map(ToOwned::to_owned);
            let list = std::fs::read(file).ok().and_then(|der| List::of(der, 0, 0));
            if let (Some(name), Some(list)) = (name.filter(|name| name.ends_with(".crl")), list) {
                all.insert(name, Arc::new(list));
            }
        };
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    let inner = std::fs::read_dir(entry.path()).into_iter().flatten().flatten();
                    inner.for_each(|entry| take(&entry.path()));
                }
                _ => take(&entry.path()),
            }
        }
        Self { folder, all: ArcSwap::from_pointee(all), publishing: tokio::sync::Mutex::new(()) }
    }

    /// The list at a path below `/crl/`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<Arc<List>> {
        self.all.load().get(path).cloned()
    }

    /// Whether lists are being signed or taken over now.
    #[must_use]
    pub fn is_publishing(&self) -> bool {
        self.publishing.try_lock().is_err()
    }

    /// Every full list, for judging certificates of our own authorities.
    #[must_use]
    pub fn full(&self) -> Vec<Crl> {
        let all = self.all.load();
        let lists = all.values().filter_map(|list| list.crl()).filter(|crl| !crl.is_delta());
        lists.cloned().collect()
    }

    fn get(&self, shard: &Shard, form: Form) -> Option<Arc<List>> {
        self.at(&path(shard, form))
    }

    fn put(&self, shard: &Shard, form: Form, list: List) -> std::io::Result<()> {
        let path = path(shard, form);
        let kept = keep(&self.folder.join(&path), &list.der);
        let mut all = HashMap::clone(&self.all.load());
        all.insert(path, Arc::new(list));
        self.all.store(Arc::new(all));
        kept
    }

    /// Takes over what other nodes have published.
    async fn adopt(&self, app: &App) -> Result<BTreeSet<Shard>, RenewError> {
        let mut shards = BTreeSet::new();
        for head in records::list_heads(&app.db).await? {
            let Some((shard, form)) = of_id(head.text("id")?) else { continue };
            let version = head.int("version")?;
            if self.get(&shard, form).is_none_or(|list| list.version != version)
                && let Some(row) = records::list(&app.db, head.text("id")?).await?
                && let Some(list) = read(app, &shard, &row)
            {
                self.put(&shard, form, list).unwrap_or_else(|error| not_kept(&error));
            }
            shards.insert(shard);
        }
        Ok(shards)
    }
}

/// A list from its row; one that its authority has not signed is none.
fn read(app: &App, shard: &Shard, row: &Row) -> Option<List> {
    let int = |column| row.value(column).as_int();
    let list = List::of(row.value("der").as_bytes()?.to_vec(), int("revision")?, row.version())?;
    let authority = app.authority(&shard.0).ok()?;
    let sound = list.crl()?.verify_signature(authority.certificate.spki()).is_ok();
    if !sound {
        tracing::error!(list = row.id(), "a shared revocation list is not signed by its authority");
        return None;
    }
    Some(List { base: int("base").and_then(|base| u64::try_from(base).ok()), ..list })
}

/// Takes over what other nodes have published and signs what is missing, outdated or half over.
///
/// # Errors
/// [`RenewError`]; lists signed until then are in force.
pub async fn renew(app: &App) -> Result<(), RenewError> {
    let lists = &app.status.lists;
    let _one_at_a_time = lists.publishing.lock().await;
    let known = lists.adopt(app).await?;
    let Ok(unsealed) = app.unsealed() else { return Ok(()) };
    // The permit is for this renewal; what it signs is logged state, so nothing is entered.
    let caller = Caller::system("crl-renewal");
    let _permit = app.policy.decide::<SignCrl>(&caller, Resource::appliance(), Facts::default())?;
    let authorities = app.authorities().map_err(|error| fault("*", error))?;
    // One authority whose key cannot be used does not keep the others from being heard.
    let mut failed = None;
    for authority in &authorities {
        let mut shards: BTreeSet<i64> = super::Status::shards(app).collect();
        shards.extend(app.status.index.shards(&authority.label));
        shards.extend(known.iter().filter(|(label, _)| *label == authority.label).map(|(_, shard)| *shard));
        // A device is asked only when there is something to sign, and may let wait.
        let micros = unsealed.journal.clock().wall();
        shards.retain(|shard| Plan::of(app, &(authority.label.clone(), *shard), micros).is_some());
        if shards.is_empty() {
            continue;
        }
        let (custody, label) = (unsealed.custody.clone(), authority.label.clone());
        let signer = tokio::task::spawn_blocking(move || custody.signer(&label)).await;
        let signer = match signer.map_err(|error| fault(&authority.label, error))? {
            Ok(signer) => signer,
            // An authority whose key is elsewhere: its lists are imported.
            Err(custody::CustodyError::NoSuchKey { .. }) => continue,
            Err(error) => {
                failed = Some(fault(&authority.label, error));
                continue;
            }
        };
        for shard in shards {
            let shard = (authority.label.clone(), shard);
            if let Err(error) = publish(app, &unsealed, authority, &signer, &shard).await {
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Publishes a shard's lists until this node or another has brought them up to date.
async fn publish(
    app: &App,
    unsealed: &Unsealed,
    authority: &Authority,
    signer: &Arc<dyn crypto::Signer>,
    shard: &Shard,
) -> Result<(), RenewError> {
    let lists = &app.status.lists;
    for _ in 0..ROUNDS {
        // Read before the entries are collected: the list takes account of it at least.
        let revision = app.status.revision();
        let micros = unsealed.journal.clock().wall();
        let Some(plan) = Plan::of(app, shard, micros) else { return Ok(()) };
        let url = format!("{}/crl/", app.config.appliance.public_url);
        let builders = plan.builders(app, authority, shard, &url);
        let (certificate, signer) = (authority.certificate.clone(), signer.clone());
        // A list of a hundred thousand entries takes a tenth of a second.
        let signed = tokio::task::spawn_blocking(move || {
            let sign = |(form, version, builder): (Form, i64, CrlBuilder)| {
                let der = builder.build(&certificate, signer.as_ref()).map_err(|error| error.to_string())?;
                let list = List::of(der, revision, version).ok_or("the list signed does not read back")?;
                Ok((form, List { base: builder.base, ..list }))
            };
            builders.into_iter().map(sign).collect::<Result<Vec<_>, String>>()
        });
        let signed = signed.await.map_err(|error| fault(&shard.0, error))?;
        let signed = signed.map_err(|error| fault(&shard.0, error))?;
        let rows = signed.iter().map(|(form, list)| records::list_row(&id(shard, *form), list.version, list));
        if app.db.cache_swap(rows.collect()).await? {
            for (form, list) in signed {
                lists.put(shard, form, list).unwrap_or_else(|error| not_kept(&error));
            }
            return Ok(());
        }
        lists.adopt(app).await?;
    }
    Err(RenewError::Contended { label: shard.0.clone() })
}

/// Whether any list of an authority whose key is here is missing or half over. Waits for devices that hold keys.
pub fn are_due(app: &App, now: i64) -> bool {
    let Ok(unsealed) = app.unsealed() else { return false };
    let missing = app.authority_labels().into_iter().any(|label| {
        let here = unsealed.custody.key(&label).is_ok();
        here && app.status.lists.get(&(label, 0), Form::Full).is_none()
    });
    let stale = |(path, list): (&String, &Arc<List>)| {
        let touched = shard_of(path).map_or(0, |shard| app.status.index.touched(&shard));
        let here = shard_of(path).is_some_and(|(label, _)| unsealed.custody.key(&label).is_ok());
        here && (list.half_over(now) || (list.base.is_some() && list.revision < touched))
    };
    missing || app.status.lists.all.load().iter().any(stale)
}

/// What is to be signed for a shard now.
#[derive(Debug)]
struct Plan {
    number: u64,
    now: i64,
    full: bool,
    full_version: i64,
    delta_version: i64,
    /// The full list that the delta adds to; `None`: to the full list signed together with it.
    base: Option<u64>,
}

impl Plan {
    fn of(app: &App, shard: &Shard, micros: i64) -> Option<Self> {
        let settings = &app.config.status;
        let now = micros.div_euclid(1_000_000);
        let full = app.status.lists.get(shard, Form::Full);
        let delta = app.status.lists.get(shard, Form::Delta);
        let touched = app.status.index.touched(shard);
        let behind = |list: &Option<Arc<List>>| list.as_ref().is_none_or(|list| list.revision < touched);
        let over = |list: &Option<Arc<List>>| list.as_ref().is_none_or(|list| list.half_over(now));
        let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let short = || app.status.index.entries(shard, since(app, shard, now)).len() <= settings.full_at_once;
        let old = |list: &Arc<List>| now - list.this_update >= seconds(settings.full_seconds);
        // The kept copy of a list that was never shared is not on record: it is replaced by one that is.
        let unshared = |list: &Option<Arc<List>>| list.as_ref().is_none_or(|list| list.version == 0);
        let make_full =
            over(&full) || unshared(&full) || (behind(&full) && (full.as_ref().is_none_or(old) || short()));
        if !make_full && !behind(&delta) && !over(&delta) && !unshared(&delta) {
            return None;
        }
        let last = [&full, &delta].into_iter().flatten().map(|list| list.number).max().unwrap_or_default();
        // Readers keep a full list for as long as it holds: the delta fits every one that has not run out.
        let lives = |number: &u64| {
            i64::try_from(number / 1_000_000).is_ok_and(|at| at + seconds(settings.crl_seconds) > now)
        };
        let base = delta.as_ref().and_then(|delta| delta.base).filter(lives);
        Some(Self {
            number: u64::try_from(micros).unwrap_or_default().max(last + 1),
            now,
            full: make_full,
            full_version: full.as_ref().map_or(0, |list| list.version) + 1,
            delta_version: delta.as_ref().map_or(0, |list| list.version) + 1,
            base: base.or_else(|| full.as_ref().filter(|full| full.version > 0).map(|full| full.number)),
        })
    }

    fn builders(
        &self,
        app: &App,
        authority: &Authority,
        shard: &Shard,
        url: &str,
    ) -> Vec<(Form, i64, CrlBuilder)> {
        let settings = &app.config.status;
        // A root names no distribution point in its own certificate, and has one list, which speaks of all it issued:
        // with a critical distribution point on it, `openssl verify -crl_check_all` finds the root out of its scope.
        let point =
            (!authority.certificate.is_self_issued()).then(|| format!("{url}{}", path(shard, Form::Full)));
        let until = |seconds: u64| self.now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX / 2));
        let mut out = Vec::new();
        if self.full {
            let since = since(app, shard, self.now);
            let builder = CrlBuilder {
                number: self.number,
                this_update: self.now,
                next_update: until(settings.crl_seconds),
                distribution_point: point.clone(),
                freshest: Some(format!("{url}{}", path(shard, Form::Delta))),
                expired_since: settings.keep_expired.then_some(since),
                revoked: app.status.index.entries(shard, since),
                ..CrlBuilder::default()
            };
            out.push((Form::Full, self.full_version, builder));
        }
        // Signed together they say the same under one number; the first delta of all adds nothing to its own full list.
        let (number, base) = match self.base {
            Some(base) => (self.number, base),
            None => (self.number + 1, self.number),
        };
        let revoked = match self.base {
            Some(base) => app.status.index.delta(shard, i64::try_from(base / 1_000_000).unwrap_or_default()),
            None => Vec::new(),
        };
        let builder = CrlBuilder {
            number,
            this_update: self.now,
            next_update: until(settings.delta_seconds),
            distribution_point: point,
            base: Some(base),
            revoked,
            ..CrlBuilder::default()
        };
        out.push((Form::Delta, self.delta_version, builder));
        out
    }
}

/// From when on certificates that ran out are listed.
fn since(app: &App, (label, _): &Shard, now: i64) -> i64 {
    let config::Status { keep_expired, .. } = app.config.status;
    let begin = app.authority(label).map_or(0, |authority| authority.certificate.not_before());
    // RFC 5280 §3.3: an entry stays until it has been on one list after the certificate ran out.
    if keep_expired { begin } else { now - 7 * 86_400 }
}

/// Takes a list that was signed elsewhere: that of an authority whose key is not here (an offline root).
///
/// # Errors
/// [`RenewError::Unfit`] when it is not the authority's, is a delta, or is not newer; [`RenewError::Contended`].
pub async fn import(app: &App, label: &str, der: Vec<u8>, now: i64) -> Result<(), RenewError> {
    let lists = &app.status.lists;
    let _one_at_a_time = lists.publishing.lock().await;
    lists.adopt(app).await?;
    let shard = (label.to_owned(), 0);
    let authority = app.authority(label).map_err(|error| fault(label, error))?;
    let known = lists.get(&shard, Form::Full);
    let version = known.as_ref().map_or(0, |list| list.version) + 1;
    let list = List::of(der, app.status.revision(), version)
        .ok_or(RenewError::Unfit("it is no CRL with a number"))?;
    let crl = list.crl().ok_or(RenewError::Unfit("it is no CRL"))?;
    if crl.issuer() != authority.certificate.subject()
        || crl.verify_signature(authority.certificate.spki()).is_err()
    {
        return Err(RenewError::Unfit("another authority signed it"));
    }
    if crl.is_delta() {
        return Err(RenewError::Unfit("it is a delta"));
    }
    if list.next_update <= now || known.is_some_and(|known| known.number >= list.number) {
        return Err(RenewError::Unfit("it has run out or is not newer than the one in force"));
    }
    if !app.db.cache_swap(vec![records::list_row(&id(&shard, Form::Full), version, &list)]).await? {
        return Err(RenewError::Contended { label: label.to_owned() });
    }
    lists.put(&shard, Form::Full, list).unwrap_or_else(|error| not_kept(&error));
    Ok(())
}

/// How many entries each list has, for the operator.
#[must_use]
pub fn sizes(app: &App) -> BTreeMap<String, usize> {
    let all = app.status.lists.all.load();
    all.iter().map(|(path, list)| (path.clone(), list.crl().map_or(0, Crl::len))).collect()
}

fn fault(label: &str, reason: impl std::fmt::Display) -> RenewError {
    RenewError::Authority { label: label.to_owned(), reason: reason.to_string() }
}

fn not_kept(error: &std::io::Error) {
    tracing::error!(%error, "a revocation list was published but not kept in the state folder");
}

fn keep(file: &Path, der: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut kept = tempfile::NamedTempFile::new_in(folder)?;
    kept.write_all(der)?;
    kept.as_file().sync_all()?;
    kept.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// A node that loses so many races in a row leaves the rest to the next second.
const ROUNDS: usize = 5;
