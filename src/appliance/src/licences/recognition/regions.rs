//! The regions in force, in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use licence::credential::Trust;
use licence::trust_list::{Entry, apart};
use pki::Certificate;
use pki::path::TrustAnchors;

use super::error::RecognitionError;
use super::records::{self, text};
use super::{lists, status};
use crate::app::App;
use crate::problem::{Kind, Problem};

/// What a node keeps of other regions: those in force, and which status lists it saw last.
#[derive(Debug, Default)]
pub struct Regions {
    current: ArcSwap<Vec<Arc<Region>>>,
    pub(super) newest: status::Newest,
    verified: AtomicU64,
}

/// A region that is recognised.
#[derive(Debug)]
pub struct Region {
    /// What it is and may speak for.
    pub entry: Entry,
    /// Name of the list that names it.
    pub list: String,
    /// Until when that list is taken, Unix seconds.
    pub until: i64,
    /// What was fetched of it; gone with this reading of the list, by whose signers it was judged.
    pub(super) kept: status::Kept,
}

impl Region {
    /// Trust in exactly the signers that the list names: a further one, certified by the same authorities, speaks only once a
    /// list says so.
    pub(super) fn signers<'a>(&'a self, nobody: &'a TrustAnchors) -> Trust<'a> {
        Trust::new(nobody).knowing(&self.entry.credentials)
    }
}

impl Regions {
    /// Regions whose lists are taken at `at`, Unix seconds.
    ///
    /// # Errors
    /// The problem to answer where the database has not answered for so long that a region may have been removed
    /// (decision 14).
    pub fn in_force(&self, app: &App, at: i64) -> Result<Vec<Arc<Region>>, Problem> {
        // INVARIANT: the watch of generations reads regions before it confirms the register, so a register that is not
        // stale means that these are not.
        app.identity.snapshot().map_err(|stale| {
            Problem::new(Kind::StoreUnavailable, "Recognised regions cannot be told; try again shortly.")
                .log(stale)
        })?;
        Ok(self.current.load().iter().filter(|region| at < region.until).cloned().collect())
    }

    /// How many documents were verified under a region's trust.
    #[must_use]
    pub fn verifications(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }

    pub(super) fn count_verification(&self) {
        self.verified.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("cinnabar_recognition_verifications_total").increment(1);
    }

    /// The region whose list names this certificate as a signer of credentials.
    ///
    /// # Errors
    /// As [`Regions::in_force`].
    pub fn of_signer(
        &self,
        app: &App,
        at: i64,
        is: impl Fn(&Certificate) -> bool,
    ) -> Result<Option<Arc<Region>>, Problem> {
        let names = |region: &Arc<Region>| region.entry.credentials.iter().any(&is);
        Ok(self.in_force(app, at)?.into_iter().find(names))
    }
}

/// Reads the regions in force again.
///
/// # Errors
/// When the database does not answer; what was in force stays until it does, or the register is stale.
pub async fn refresh(app: &App) -> Result<(), RecognitionError> {
    let at = jiff::Timestamp::now().as_second();
    let regions = read(app, at).await?;
    app.licences.regions.current.store(Arc::new(regions));
    Ok(())
}

/// The regions of the lists in force on record. A list that is not believed any more (its signer is revoked, its time over) is
/// left out and said so; so is one that claims what is this platform's, or an earlier list's.
pub(super) async fn read(app: &App, at: i64) -> Result<Vec<Arc<Region>>, RecognitionError> {
    let mut regions: Vec<Arc<Region>> = Vec::new();
    for row in records::active(&app.db).await? {
        let believed = lists::believed(app, text(&row, "token"), at).and_then(|believed| {
            lists::beside_own(app, &believed.list)?;
            for region in &believed.list.regions {
                regions.iter().try_for_each(|other| apart(region, &other.entry))?;
            }
            Ok(believed)
        });
        match believed {
            Ok(believed) => {
                let (list, until) = (believed.list, believed.until);
                let region = |entry| {
                    Arc::new(Region { entry, list: list.name.clone(), until, kept: status::Kept::default() })
                };
                regions.extend(list.regions.into_iter().map(region));
            }
            Err(error) => tracing::warn!(list = row.id(), %error, "a trust list is not taken any more"),
        }
    }
    Ok(regions)
}
