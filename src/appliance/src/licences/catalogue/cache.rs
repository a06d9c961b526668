//! Licence types as issuing and verification use them: compiled once, remembered until the catalogue changes.
//!
//! What is remembered may be a second old on another node than the one where the catalogue changed; units of work that rest
//! on a definition guard its type's row ([`Published::guard`]), so that nothing is issued under one that was replaced or
//! retired: whoever meets that conflict calls [`forget`] and asks again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use licence::catalogue::Compiled;

use super::model::TypeState;
use super::records::{self, int, text};
use super::{CatalogueError, checks};
use crate::app::App;
use crate::journal::Unit;
use crate::store::Row;
use crate::store::tables::LICENCE_TYPES;

/// A version of a licence type that was published, ready for use.
#[derive(Debug)]
pub struct Published {
    /// Which version.
    pub number: i64,
    /// Version of the type's row that was read with it: what units guard.
    pub version: i64,
    /// The organisation that keeps the type.
    pub organisation: String,
    /// Where this version stands: published, superseded or retired.
    pub state: TypeState,
    /// The definition.
    pub compiled: Compiled,
    /// The files of its templates, by name.
    pub files: BTreeMap<String, String>,
    /// SHA-256 over definition and templates, hexadecimal.
    pub digest: String,
}

impl Published {
    /// Its type's code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.compiled.definition().code
    }

    /// Binds a unit to the catalogue as it was read.
    #[must_use]
    pub fn guard(&self, unit: Unit) -> Unit {
        unit.guard(&LICENCE_TYPES, self.code(), self.version)
    }
}

/// The types this node has ready.
#[derive(Debug, Default)]
pub struct Known {
    ready: RwLock<Ready>,
}

#[derive(Debug, Default)]
struct Ready {
    /// Counts every forgetting: what was read before one is not remembered after it.
    epoch: u64,
    in_force: HashMap<String, Arc<Published>>,
    by_number: HashMap<(String, i64), Arc<Published>>,
}

impl Known {
    /// Drops everything: the catalogue has changed.
    pub fn forget(&self) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        *ready = Ready { epoch: ready.epoch + 1, ..Ready::default() };
    }

    /// How often it was forgotten.
    pub(super) fn epoch(&self) -> u64 {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).epoch
    }

    fn keep(&self, epoch: u64, put: impl FnOnce(&mut Ready)) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if ready.epoch == epoch {
            if ready.in_force.len() + ready.by_number.len() >= MOST {
                *ready = Ready { epoch, ..Ready::default() };
            }
            put(&mut ready);
        }
    }
}

/// The version of a type that is in force.
///
/// # Errors
/// [`CatalogueError::Unknown`], [`CatalogueError::Retired`].
pub async fn in_force(app: &App, code: &str) -> Result<Arc<Published>, CatalogueError> {
    let known = &app.licences.types;
    let ready = known.ready.read().unwrap_or_else(PoisonError::into_inner).in_force.get(code).cloned();
    if let Some(published) = ready {
        return Ok(published);
    }
    let epoch = known.epoch();
    let unknown = || CatalogueError::Unknown(code.to_owned());
    let row = records::licence_type(&app.db, code).await?.ok_or_else(unknown)?;
    if TypeState::of(&row) == TypeState::Retired {
        return Err(CatalogueError::Retired(code.to_owned()));
    }
    let number = int(&row, "published").ok_or_else(unknown)?;
    let published = Arc::new(read(app, &row, number).await?);
    known.keep(epoch, |ready| {
        ready.in_force.insert(code.to_owned(), published.clone());
    });
    Ok(published)
}

/// A version of a type that was published once: what licences made by it are under, also when it was replaced or retired.
///
/// # Errors
/// [`CatalogueError::NoVersion`], also for one that was never published.
pub async fn at(app: &App, code: &str, number: i64) -> Result<Arc<Published>, CatalogueError> {
    let known = &app.licences.types;
    let key = (code.to_owned(), number);
    let ready = known.ready.read().unwrap_or_else(PoisonError::into_inner).by_number.get(&key).cloned();
    if let Some(published) = ready {
        return Ok(published);
    }
    let epoch = known.epoch();
    let row = records::licence_type(&app.db, code).await?;
    let row = row.ok_or_else(|| CatalogueError::Unknown(code.to_owned()))?;
    let published = Arc::new(read(app, &row, number).await?);
    known.keep(epoch, |ready| {
        ready.by_number.insert(key, published.clone());
    });
    Ok(published)
}

/// Drops what this node remembers, after a conflict about a type's row.
pub fn forget(app: &App) {
    app.licences.types.forget();
}

async fn read(app: &App, row: &Row, number: i64) -> Result<Published, CatalogueError> {
    let code = row.id();
    let none = || CatalogueError::NoVersion { code: code.to_owned(), number };
    let version = records::version(&app.db, code, number).await?.ok_or_else(none)?;
    let state = TypeState::of(&version);
    if !state.is_public() {
        return Err(none());
    }
    let damaged = |error: CatalogueError| CatalogueError::Damaged {
        code: code.to_owned(),
        number,
        reason: error.to_string(),
    };
    Ok(Published {
        number,
        version: row.version(),
        organisation: text(row, "organisation").to_owned(),
        state,
        compiled: checks::compiled(&version).map_err(damaged)?,
        files: checks::files(&version),
        digest: text(&version, "digest").to_owned(),
    })
}

/// Versions remembered at once.
const MOST: usize = 2_000;
