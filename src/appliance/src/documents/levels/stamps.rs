//! Time-stamps on documents: from our own authority in process, or from the foreign one that the operator names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crypto::DigestAlgorithm;
use pki::Certificate;
use pki::tsp::{Imprint, TimeStampReq};
use ring::rand::{SecureRandom, SystemRandom};

use super::LevelError;
use crate::app::App;
use crate::ceremony::Role;
use crate::timestamps::client::{self, Wanted};
use crate::timestamps::{Asker, stamp};

/// What is remembered of the service.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// Octets of its largest token so far.
    size: AtomicUsize,
    /// A foreign authority's certificate, and what its tokens carry.
    seen: Mutex<Option<(Certificate, Vec<Certificate>)>>,
}

impl Service {
    /// Octets of the largest token so far; 0 before the first.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    fn learn(&self, token: &[u8]) {
        self.size.fetch_max(token.len(), Ordering::Relaxed);
    }
}

/// A token over a SHA-256 digest. Our own is on record before it is answered.
///
/// # Errors
/// [`LevelError`] when there is no service or it does not stamp.
pub async fn token(app: &Arc<App>, digest: &[u8]) -> Result<Vec<u8>, LevelError> {
    let levels = &app.config.documents.levels;
    let token = if let Some(url) = &levels.time_stamp_url {
        let policy = levels.time_stamp_policy.map(|policy| policy.0);
        let wanted = Wanted { algorithm: DigestAlgorithm::Sha256, digest, policy, further: &[] };
        let stamped = client::stamp(&app.fetch, url, wanted).await?;
        let carried = stamped.token.signed_data().certificates().to_vec();
        let mut seen = app.levels.service.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some((stamped.signer, carried));
        stamped.der
    } else {
        let office = app.timestamps.as_ref().ok_or(LevelError::NoService)?;
        let imprint = Imprint::new(DigestAlgorithm::Sha256, digest);
        let imprint = imprint.map_err(|error| LevelError::Request(error.to_string()))?;
        let request = TimeStampReq { imprint, policy: None, nonce: None, certificates: true };
        stamp(app, office, Asker::Anonymous, &request.to_der()).await?.token
    };
    app.levels.service.learn(&token);
    Ok(token)
}

/// The certificate that will sign the next token, and others that may be on its path. A foreign authority that was not met
/// yet is met by a token over random octets, which measures its tokens, too.
///
/// # Errors
/// [`LevelError`] when there is no service or it does not stamp.
pub(super) async fn authority(app: &Arc<App>) -> Result<(Certificate, Vec<Certificate>), LevelError> {
    let known = || app.levels.service.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if app.config.documents.levels.time_stamp_url.is_none() {
        let unit = app.timestamps.as_ref().and_then(|_| app.delegate(Role::TimeStamp, None));
        return unit.map(|unit| (unit.certificate, Vec::new())).ok_or(LevelError::NoService);
    }
    if let Some(known) = known() {
        return Ok(known);
    }
    let mut random = [0; 32];
    let failed = |_| LevelError::Request("the system's random source failed".to_owned());
    SystemRandom::new().fill(&mut random).map_err(failed)?;
    token(app, &random).await?;
    known().ok_or(LevelError::NoService)
}
