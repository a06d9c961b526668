//! Time-stamps on documents: from our own authority in process, or from the foreign one that the operator names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crypto::DigestAlgorithm;
use pdf::ltv::Known;
use pki::Certificate;
use pki::cms::{Limits, TimeStampToken};
use pki::material::Lack;
use pki::path::{Purpose, TrustAnchors};
use pki::tsp::{Imprint, TimeStampReq};
use ring::rand::{SecureRandom, SystemRandom};

use super::gather::Finder;
use super::{LevelError, MAX_ROUNDS, own, raise};
use crate::app::App;
use crate::documents::Evidence;
use crate::timestamps::client::{self, Wanted};
use crate::timestamps::{Asker, stamp};

/// What is remembered of the service.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// Octets of its largest token so far.
    size: AtomicUsize,
    /// The foreign authority that stamped last.
    seen: Mutex<Option<Seen>>,
}

/// A foreign authority whose path held when it was met.
#[derive(Debug, Clone)]
struct Seen {
    authority: Stamping,
    /// Unix seconds; met again after it.
    until: i64,
}

/// Who signs time-stamps.
#[derive(Debug, Clone)]
pub(super) struct Stamping {
    /// Its certificate.
    pub certificate: Certificate,
    /// Others that may be on its path.
    pub carried: Vec<Certificate>,
}

/// A time-stamp, and whose it is.
#[derive(Debug, Clone)]
pub struct Token {
    /// DER ContentInfo.
    pub der: Vec<u8>,
    /// Who signed it; of a foreign authority, its path held.
    pub(super) by: Stamping,
}

impl Service {
    /// Octets of the largest token so far; 0 before the first.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    fn learn(&self, token: &[u8]) {
        self.size.fetch_max(token.len(), Ordering::Relaxed);
    }

    fn remember(&self, authority: &Stamping, now: i64) {
        let seen = Seen { authority: authority.clone(), until: now.saturating_add(REMEMBERED) };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    fn remembered(&self, now: i64) -> Option<Stamping> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.filter(|seen| seen.until > now).map(|seen| seen.authority)
    }

    /// Forgets who stamped: the next asker meets the service anew.
    pub(super) fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Stamping {
    /// Whether the path holds for time-stamping at `at`, and what it lacks to.
    pub(super) fn lacks(
        &self,
        anchors: &TrustAnchors,
        known: &Known,
        at: i64,
    ) -> Result<Vec<Lack>, LevelError> {
        let found = known.material_of(&self.certificate, anchors, at, Purpose::TimeStamping);
        let (_, lacking) = found.map_err(|failure| LevelError::Stranger(Box::new(failure)))?;
        Ok(lacking.into_iter().filter(|lack| matches!(lack, Lack::Issuer { .. })).collect())
    }

    /// Lets nobody stamp whose certificate does not lead to what is trusted here (RFC 3161 §2.3): whoever answers at the
    /// address would prove any time otherwise. Issuers that the token does not carry are looked for where it names them.
    async fn trusted(mut self, app: &Arc<App>, now: i64) -> Result<Self, LevelError> {
        let Evidence { anchors, untrusted, .. } = Evidence::of(app)?;
        let mut known = Known::default();
        let own = own::authorities(app).into_iter().map(|one| one.certificate);
        for certificate in self.carried.iter().cloned().chain(own).chain(untrusted) {
            known.add_certificate(certificate)?;
        }
        let mut finder = Finder::new(app, now);
        for _ in 0..MAX_ROUNDS {
            let lacking = self.lacks(&anchors, &known, now)?;
            if lacking.is_empty() {
                self.carried = known.certificates().to_vec();
                return Ok(self);
            }
            finder.find(&lacking, &mut known).await?;
        }
        Err(finder.exhausted())
    }
}

/// The algorithm of imprints for what is signed over `digest`: the same, so that the unit of its suite stamps. A foreign
/// service gets what every service takes, and so does one of our own that does not take that.
#[must_use]
pub fn imprint(app: &App, digest: DigestAlgorithm) -> DigestAlgorithm {
    let accepted = app.config.timestamps.iter().flat_map(|terms| &terms.digests);
    let mut accepted = accepted.map(|accepted| DigestAlgorithm::from(*accepted));
    let own = app.config.documents.levels.time_stamp_url.is_none();
    if own && accepted.any(|accepted| accepted == digest) { digest } else { DigestAlgorithm::Sha256 }
}

/// A token over a digest. Our own is on record before it is answered; a foreign one's authority is trusted here.
///
/// # Errors
/// [`LevelError`] when there is no service, it does not stamp, or nobody trusts it.
pub async fn token(app: &Arc<App>, algorithm: DigestAlgorithm, digest: &[u8]) -> Result<Token, LevelError> {
    let levels = &app.config.documents.levels;
    let token = if let Some(url) = &levels.time_stamp_url {
        let policy = levels.time_stamp_policy.map(|policy| policy.0);
        let wanted = Wanted { algorithm, digest, policy, further: &[] };
        let stamped = client::stamp(&app.fetch, url, wanted).await?;
        let carried = stamped.token.signed_data().certificates().to_vec();
        let now = raise::now(app)?;
        let by = Stamping { certificate: stamped.signer, carried };
        let by = match by.trusted(app, now).await {
            Ok(by) => by,
            Err(error) => {
                app.levels.service.forget();
                return Err(error);
            }
        };
        app.levels.service.remember(&by, now);
        Token { der: stamped.der, by }
    } else {
        let office = app.timestamps.as_ref().ok_or(LevelError::NoService)?;
        let request = |error: &dyn std::fmt::Display| LevelError::Request(error.to_string());
        let imprint = Imprint::new(algorithm, digest).map_err(|error| request(&error))?;
        let asked = TimeStampReq { imprint, policy: None, nonce: None, certificates: true };
        let der = stamp(app, office, Asker::Anonymous, &asked.to_der()).await?.token;
        let read = TimeStampToken::parse(&der, &Limits::default()).map_err(|error| request(&error))?;
        // Ours carry their unit's certificate first among what they carry.
        let carried = read.signed_data().certificates().to_vec();
        let unit = carried.iter().find(|certificate| !certificate.is_ca()).cloned();
        let certificate = unit.ok_or(LevelError::NoService)?;
        Token { der, by: Stamping { certificate, carried } }
    };
    app.levels.service.learn(&token.der);
    Ok(token)
}

/// Who will sign the next token over a digest of that kind. A foreign authority that was not met yet, not for long, or whose path does not hold any
/// more is met by a token over random octets, which measures its tokens, too.
///
/// # Errors
/// [`LevelError`] when there is no service, it does not stamp, or nobody trusts it.
pub(super) async fn authority(app: &Arc<App>, algorithm: DigestAlgorithm) -> Result<Stamping, LevelError> {
    if app.config.documents.levels.time_stamp_url.is_none() {
        let unit = app.timestamps.as_ref().and_then(|_| app.time_stamp_unit(algorithm));
        let unit = unit.map(|unit| Stamping { certificate: unit.certificate, carried: Vec::new() });
        return unit.ok_or(LevelError::NoService);
    }
    let now = raise::now(app)?;
    if let Some(known) = app.levels.service.remembered(now)
        && let Ok(known) = known.trusted(app, now).await
    {
        return Ok(known);
    }
    let mut random = [0; 32];
    let failed = |_| LevelError::Request("the system's random source failed".to_owned());
    SystemRandom::new().fill(&mut random).map_err(failed)?;
    Ok(token(app, DigestAlgorithm::Sha256, &random).await?.by)
}

/// How long a foreign authority is taken for the one that stamps next, in seconds: services change units.
const REMEMBERED: i64 = 3_600;
