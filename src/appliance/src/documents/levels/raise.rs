//! Levels for documents that are being sealed: everything gathered beforehand, used on a blocking thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crypto::{DigestAlgorithm, Suite};
use pdf::ltv::{Known, Material, Step, TimeStampSource, TimeStamped, append};
use pdf::sign::{CmsSigner, EmbedError, Signed};
use pdf::syntax::{Document, Limits, Source};
use pdf::verify::Level;
use pki::Certificate;
use pki::path::Purpose;
use tokio::runtime::Handle;

use super::stamps::{Stamping, Token};
use super::{LevelError, SLACK, STAMP_ROUNDS, gather, own, stamps};
use crate::app::App;
use crate::documents::{Evidence, sealing};

/// All that raising takes, gathered.
#[derive(Clone)]
pub struct Raising {
    app: Arc<App>,
    level: Level,
    /// Imprints of document time-stamps.
    imprint: DigestAlgorithm,
    gathered: Arc<Mutex<Gathered>>,
    handle: Handle,
}

/// What the store is to hold.
struct Gathered {
    material: Material,
    /// Authorities that it speaks of.
    about: Vec<Certificate>,
    /// Others that stamped since.
    met: Vec<Stamping>,
}

/// Gathers what signatures by these certificates need for `level`: evidence about them and, above B-T, about the time-stamp
/// service. Nothing is verified that this appliance made itself.
///
/// # Errors
/// [`LevelError`] when there is no time-stamp service, or evidence cannot be had.
pub async fn prepare(
    app: &Arc<App>,
    certificates: &[Certificate],
    level: Level,
) -> Result<Raising, LevelError> {
    let (mut material, mut about) = (Material::default(), Vec::new());
    let imprint = stamps::imprint(app, common(certificates));
    if level >= Level::BLT {
        let leaves: Vec<_> =
            certificates.iter().map(|leaf| (leaf.clone(), Purpose::DocumentSigning)).collect();
        material.merge(evidence(app, &leaves, Vec::new()).await?);
        let authority = stamps::authority(app, imprint).await?;
        let authority = match stamping(app, authority.clone()).await {
            Ok(stamping) => {
                material.merge(stamping);
                authority
            }
            // What was remembered of the service may be old: it is met once more.
            Err(LevelError::Path { .. }) => {
                app.levels.service.forget();
                let authority = stamps::authority(app, imprint).await?;
                material.merge(stamping(app, authority.clone()).await?);
                authority
            }
            Err(error) => return Err(error),
        };
        about.push(authority.certificate);
    } else if level == Level::BT {
        stamps::authority(app, imprint).await?;
    }
    let gathered = Arc::new(Mutex::new(Gathered { material, about, met: Vec::new() }));
    Ok(Raising { app: app.clone(), level, imprint, gathered, handle: Handle::current() })
}

/// The digest of the suite that all these keys are of; that of the international one where they differ.
fn common(certificates: &[Certificate]) -> DigestAlgorithm {
    let mut suites = certificates.iter().map(|certificate| Suite::of_key(certificate.spki()));
    let first = suites.next().unwrap_or(&Suite::INTERNATIONAL);
    if suites.all(|suite| suite == first) { first.digest } else { Suite::INTERNATIONAL.digest }
}

/// What validates tokens of an authority.
async fn stamping(app: &Arc<App>, authority: Stamping) -> Result<Material, LevelError> {
    evidence(app, &[(authority.certificate, Purpose::TimeStamping)], authority.carried).await
}

/// What validates certificates: of our own from this process, of others from where they say.
async fn evidence(
    app: &Arc<App>,
    leaves: &[(Certificate, Purpose)],
    carried: Vec<Certificate>,
) -> Result<Material, LevelError> {
    let (mut material, now) = (Material::default(), now(app)?);
    let authorities = own::authorities(app);
    let mut foreign = Vec::new();
    for (leaf, purpose) in leaves {
        match gather::ours(app, &authorities, leaf, now).await? {
            Some(ours) => material.merge(ours),
            None => foreign.push((leaf.clone(), *purpose)),
        }
    }
    if !foreign.is_empty() {
        let mut known = Known::default();
        for certificate in carried.into_iter().chain(authorities.into_iter().map(|one| one.certificate)) {
            known.add_certificate(certificate)?;
        }
        let anchors = Evidence::of(app)?.anchors;
        material.merge(gather::paths(app, &foreign, &anchors, &mut known, now).await?);
    }
    Ok(material)
}

/// Unix seconds by the journal's clock.
pub(super) fn now(app: &App) -> Result<i64, LevelError> {
    let unsealed = app.unsealed().map_err(|_| LevelError::Own(crate::timestamps::Refusal::Sealed))?;
    unsealed.journal.clock().now().map(|micros| micros.div_euclid(1_000_000)).map_err(LevelError::Clock)
}

/// A signer whose signatures are of a level.
pub enum LevelSigner<'s> {
    /// B-B: as it is.
    Plain(&'s dyn CmsSigner),
    /// B-T and above: with a time-stamp inside the CMS.
    Stamped(TimeStamped<'s>),
}

impl CmsSigner for LevelSigner<'_> {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        match self {
            Self::Plain(signer) => signer.digest_algorithm(),
            Self::Stamped(signer) => signer.digest_algorithm(),
        }
    }

    fn size_hint(&self) -> usize {
        match self {
            Self::Plain(signer) => signer.size_hint(),
            Self::Stamped(signer) => signer.size_hint(),
        }
    }

    fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::Plain(signer) => signer.sign(content_digest),
            Self::Stamped(signer) => signer.sign(content_digest),
        }
    }
}

impl TimeStampSource for Raising {
    fn size_hint(&self) -> usize {
        match self.app.levels.service.size() {
            0 => 0,
            size => size + SLACK,
        }
    }

    fn imprint(&self, digest: DigestAlgorithm) -> DigestAlgorithm {
        stamps::imprint(&self.app, digest)
    }

    fn token(
        &self,
        algorithm: DigestAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.stamp(algorithm, digest)?.der)
    }
}

impl Raising {
    /// Whether a thread that uses it may wait for somebody outside this appliance.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.level >= Level::BT && self.app.config.documents.levels.time_stamp_url.is_some()
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// `signer`, its signatures time-stamped from B-T on. It waits for the time-stamp: sign on a blocking thread.
    #[must_use]
    pub fn signer<'s>(&'s self, signer: &'s dyn CmsSigner) -> LevelSigner<'s> {
        if self.level >= Level::BT {
            LevelSigner::Stamped(TimeStamped { signer, source: self })
        } else {
            LevelSigner::Plain(signer)
        }
    }

    /// The revision that completes the level of what was signed: the store for B-LT, and the time-stamp over it for B-LTA.
    /// `None` where there is nothing to add. Waits for the time-stamp: call it on a blocking thread.
    ///
    /// # Errors
    /// [`LevelError`].
    pub fn finish(&self, source: &dyn Source, limits: &Limits) -> Result<Option<Signed>, LevelError> {
        if self.level < Level::BLT {
            return Ok(None);
        }
        let document = Document::open(source, limits).map_err(|error| LevelError::Open {
            truncated: sealing::lacks_end(source),
            error: Arc::new(error),
        })?;
        let mut material = self.material()?;
        if self.level < Level::BLTA {
            return Ok(match append(&document, &material, None)? {
                Step::Tail(signed) => Some(signed),
                Step::Nothing | Step::Stamp(_) => None,
            });
        }
        let mut reserve = TimeStampSource::size_hint(self);
        for _ in 0..STAMP_ROUNDS {
            let Step::Stamp(prepared) = append(&document, &material, Some(reserve))? else {
                return Ok(None);
            };
            let digest = prepared.digest(source, self.imprint)?;
            let token = self.stamp(self.imprint, &digest)?;
            if !self.locked().about.contains(&token.by.certificate) {
                // Somebody else stamped than evidence was gathered about.
                material = self.material()?;
                continue;
            }
            match prepared.embed(&token.der) {
                Ok(signed) => return Ok(Some(signed)),
                Err(EmbedError::TooSmall { needed, .. }) => reserve = needed + SLACK,
                Err(error) => return Err(error.into()),
            }
        }
        Err(LevelError::Growing(STAMP_ROUNDS))
    }

    fn locked(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the store is to hold, about everyone who stamped.
    fn material(&self) -> Result<Material, LevelError> {
        let met = std::mem::take(&mut self.locked().met);
        for authority in met {
            let certificate = authority.certificate.clone();
            let found = self.handle.block_on(stamping(&self.app, authority))?;
            let mut gathered = self.locked();
            gathered.material.merge(found);
            gathered.about.push(certificate);
        }
        Ok(self.locked().material.clone())
    }

    fn stamp(&self, algorithm: DigestAlgorithm, digest: &[u8]) -> Result<Token, LevelError> {
        let token = self.handle.block_on(stamps::token(&self.app, algorithm, digest))?;
        let mut gathered = self.locked();
        let is_it = |known: &Certificate| *known == token.by.certificate;
        if !gathered.about.iter().any(is_it) && !gathered.met.iter().any(|met| is_it(&met.certificate)) {
            gathered.met.push(token.by.clone());
        }
        drop(gathered);
        Ok(token)
    }
}

impl std::fmt::Debug for Raising {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raising").field("level", &self.level).finish_non_exhaustive()
    }
}
