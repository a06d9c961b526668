//! What a verification reads of a licence: one version's row joined with its licence, kept for a short time.
//!
//! INVARIANT: no answer rests on a record that is older than [`OLDEST`], counted from before it was read; so a suspension is
//! seen by every node within five seconds even where nothing tells it. A record is used beyond [`BRIEF`] only while the
//! generation of licences, polled once a second, has not moved since before it was read. Nothing is cleared when it moves: at
//! a million licences and many changes each record in use is read again, one look by its key, and the others cost nothing.
//! What is not there is remembered in the same way as what is, so that the time an answer takes tells nothing.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use licence::life::State;
use moka::sync::Cache;

use super::known::{self, Hash};
use crate::store::{Db, Record, StoreError};

/// One version of a licence, as far as verifying needs it. Times are Unix seconds.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "files and credentials are compared with the rest")]
pub struct Version {
    /// Its identifier.
    pub identifier: String,
    /// The licence: `TYPE.ISSUER.SERIAL`.
    pub licence: String,
    /// Code of its type.
    pub type_code: String,
    /// Name of its type.
    pub type_name: String,
    /// Version of the type's definition that this version was made by.
    pub type_number: i64,
    /// The issuing organisation.
    pub organisation: String,
    /// Its name.
    pub issuer: String,
    /// Its code, as the identifier has it.
    pub issuer_code: String,
    /// Number of this version.
    pub number: i64,
    /// Identifier of the present version.
    pub present: String,
    /// Whether a newer version has replaced this one.
    pub superseded: bool,
    /// Where the licence stands, expiry left aside.
    pub state: State,
    /// Why, a word.
    pub ground: Option<String>,
    /// From when this version holds.
    pub valid_from: i64,
    /// Until when.
    pub valid_to: Option<i64>,
    /// Fields that no tag protects, JSON.
    pub fields: String,
    /// Keyed hashes of what a verifier may know.
    pub known: Vec<(Box<str>, Hash)>,
    /// Label of the key they are under.
    pub known_by: Option<String>,
    /// SHA-256 of the sealed original, hexadecimal.
    pub document: Option<String>,
    /// Whether it was brought from elsewhere and not made here.
    pub taken_over: bool,
    /// Whether what was personal of it was erased: nothing is left that a verifier may know.
    pub erased: bool,
}

impl Version {
    /// The hash of a field, under the key of that label.
    #[must_use]
    pub fn known(&self, field: &str, key: &str) -> Option<&Hash> {
        let known = self.known.iter().find(|(name, _)| **name == *field).map(|(_, hash)| hash);
        known.filter(|_| self.known_by.as_deref() == Some(key))
    }

    fn weight(&self) -> usize {
        let texts =
            [&self.identifier, &self.licence, &self.type_name, &self.issuer, &self.present, &self.fields];
        let known: usize = self.known.iter().map(|(name, _)| name.len() + 48).sum();
        texts.into_iter().map(String::len).sum::<usize>() + known + 400
    }
}

macro_rules! concat_select {
    ($condition:literal) => {
        concat!(
            "SELECT v.id AS identifier, v.licence, v.number, v.type_number, v.state AS version_state, v.fields, v.known, \
             v.known_by, v.valid_from, v.valid_to, v.document, v.operation, l.wrapped_by, l.type, l.organisation, l.issuer, l.identifier AS present, \
             l.state, l.ground, t.name AS type_name, o.name AS organisation_name FROM licence_versions v \
             JOIN licences l ON l.id = v.licence JOIN licence_types t ON t.id = l.type \
             JOIN organisations o ON o.id = l.organisation WHERE ",
            $condition
        )
    };
}

/// Reads one version by its identifier.
pub(super) const BY_IDENTIFIER: &str = concat_select!("v.id = $1");

fn version(record: &Record) -> Result<Version, StoreError> {
    let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
    Ok(Version {
        identifier: record.text("identifier")?.to_owned(),
        licence: record.text("licence")?.to_owned(),
        type_code: record.text("type")?.to_owned(),
        type_name: record.text("type_name")?.to_owned(),
        type_number: record.int("type_number")?,
        organisation: record.text("organisation")?.to_owned(),
        issuer: record.text("organisation_name")?.to_owned(),
        issuer_code: record.text("issuer")?.to_owned(),
        number: record.int("number")?,
        present: record.text("present")?.to_owned(),
        superseded: record.text("version_state")? != "active",
        state: state(record.text("state")?),
        ground: owned(record.opt_text("ground")?),
        valid_from: record.int("valid_from")?,
        valid_to: record.opt_int("valid_to")?,
        fields: record.text("fields")?.to_owned(),
        known: record.opt_text("known")?.map(known::read).unwrap_or_default(),
        known_by: owned(record.opt_text("known_by")?),
        document: owned(record.opt_text("document")?),
        taken_over: record.text("operation")? == "import",
        erased: record.text("wrapped_by")?.is_empty(),
    })
}

/// A word this program does not know is no word of permission.
fn state(word: &str) -> State {
    State::parse(word).unwrap_or(State::Suspended)
}

/// Reads a version past the cache.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, sql: &'static str, key: &str) -> Result<Option<Version>, StoreError> {
    db.fetch_optional(sql, &[key.into()]).await?.as_ref().map(version).transpose()
}

/// Records that were looked at lately, and the generation of licences.
#[derive(Debug)]
pub struct Records {
    kept: Cache<String, Looked>,
    generation: AtomicI64,
    asked: Mutex<Option<Instant>>,
}

/// What was found under an identifier.
#[derive(Debug, Clone)]
struct Looked {
    version: Option<Arc<Version>>,
    generation: i64,
    since: Instant,
}

impl Default for Records {
    fn default() -> Self {
        let weight = |key: &String, looked: &Looked| {
            let version = looked.version.as_ref().map_or(64, |version| version.weight());
            u32::try_from(key.len() + version).unwrap_or(u32::MAX)
        };
        Self {
            kept: Cache::builder().weigher(weight).max_capacity(MEMORY).time_to_live(LONGEST).build(),
            generation: AtomicI64::new(0),
            asked: Mutex::new(None),
        }
    }
}

impl Records {
    /// Takes note of the generation of licences, asked for at `asked`.
    pub fn confirm(&self, generation: i64, asked: Instant) {
        self.generation.store(generation, Ordering::Release);
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
    }

    /// The version under an identifier, as written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, db: &Db, identifier: &str) -> Result<Option<Arc<Version>>, StoreError> {
        let now = Instant::now();
        if let Some(looked) = self.kept.get(identifier)
            && self.holds(&looked, now)
        {
            return Ok(looked.version);
        }
        let generation = self.generation.load(Ordering::Acquire);
        let version = read(db, BY_IDENTIFIER, identifier).await?.map(Arc::new);
        self.kept.insert(identifier.to_owned(), Looked { version: version.clone(), generation, since: now });
        Ok(version)
    }

    fn holds(&self, looked: &Looked, now: Instant) -> bool {
        let age = now.saturating_duration_since(looked.since);
        if age < BRIEF {
            return true;
        }
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let confirmed = asked.is_some_and(|asked| now.saturating_duration_since(asked) < OLDEST);
        age < LONGEST && confirmed && looked.generation == self.generation.load(Ordering::Acquire)
    }
}

/// A record this old needs no confirmation.
const BRIEF: Duration = Duration::from_secs(1);
/// What is confirmed by an answer of the database this old is not relied on.
const OLDEST: Duration = Duration::from_secs(4);
/// A record is never kept longer, whatever the generation.
const LONGEST: Duration = Duration::from_secs(60);
/// Octets of records kept.
const MEMORY: u64 = 64 << 20;
