//! The table in memory.

use pki::Certificate;

use super::records;
use crate::ceremony::Role;
use crate::store::{Db, Row, StoreError};

/// Every generation there is or was, in the order of slots and generations.
#[derive(Debug, Default)]
pub struct Register {
    all: Vec<Generation>,
}

/// One key and its certificate in one place of the hierarchy; or a cross-certificate for such a key.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Its name: the slot's label for the first, `SLOT-N` for later ones; also the key's label in custody.
    pub id: String,
    /// The place in the hierarchy.
    pub slot: String,
    /// What the key is for.
    pub role: Role,
    /// Its certificate; none while it is pending.
    pub certificate: Option<Certificate>,
    /// Label of the authority generation that signed the certificate; its own for a root.
    pub issuer: Option<String>,
    /// The authority that signed, for a cross-certificate.
    pub crosses: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The row.
    pub row: Row,
}

/// How a generation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Proposed, or waiting for its certificate.
    Pending,
    /// In use for everything.
    Active,
    /// Answers for what it issued, issues nothing more.
    Retiring,
    /// Out of use.
    Retired,
}

impl Standing {
    /// The word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }

    /// Reads the word; one that this version does not know is out of use.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        [Self::Pending, Self::Active, Self::Retiring]
            .into_iter()
            .find(|standing| standing.as_str() == word)
            .unwrap_or(Self::Retired)
    }

    /// Whether the key still signs anything.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Active | Self::Retiring)
    }
}

impl Register {
    /// Reads the table.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer.
    pub async fn read(db: &Db) -> Result<Self, StoreError> {
        let mut all = records::all(db).await?;
        all.sort_by(|a, b| (&a.slot, a.number()).cmp(&(&b.slot, b.number())));
        Ok(Self { all })
    }

    /// Whether nothing was entered yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Generation> {
        self.all.iter()
    }

    /// The generation of this name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Generation> {
        self.all.iter().find(|one| one.id == id)
    }

    /// Those of a slot, oldest first, cross-certificates left out.
    pub fn of_slot<'a>(&'a self, slot: &'a str) -> impl DoubleEndedIterator<Item = &'a Generation> {
        self.all.iter().filter(move |one| one.slot == slot && one.crosses.is_none())
    }

    /// The generation of a slot that is in use.
    #[must_use]
    pub fn current(&self, slot: &str) -> Option<&Generation> {
        let current =
            |one: &&Generation| one.slot == slot && one.crosses.is_none() && one.standing == Standing::Active;
        self.all.iter().rfind(current)
    }

    /// The newest signer with a role that is in use and fits.
    #[must_use]
    pub fn newest(&self, role: Role, fits: impl Fn(&Generation) -> bool) -> Option<&Generation> {
        let fits = |one: &&Generation| one.role == role && one.standing == Standing::Active && fits(one);
        self.all.iter().filter(fits).max_by_key(|one| (one.created(), one.number()))
    }

    /// Cross-certificates for the key of a generation.
    pub fn crosses_for<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Generation> {
        self.all.iter().filter(move |one| one.crosses.is_some() && one.key_label() == id)
    }

    /// The name of the next generation of a slot.
    #[must_use]
    pub fn next(&self, slot: &str) -> String {
        let newest = self.of_slot(slot).map(Generation::number).max().unwrap_or(1);
        format!("{slot}-{}", newest + 1)
    }
}

impl Generation {
    /// 1 for the first generation of its slot.
    #[must_use]
    pub fn number(&self) -> u32 {
        let rest = self.id.strip_prefix(self.slot.as_str()).and_then(|rest| rest.strip_prefix('-'));
        rest.and_then(|number| number.parse().ok()).unwrap_or(1)
    }

    /// Label of the key in custody.
    #[must_use]
    pub fn key_label(&self) -> &str {
        self.row.value("key_label").as_text().unwrap_or(&self.id)
    }

    /// When it was entered, microseconds since the Unix epoch.
    #[must_use]
    pub fn created(&self) -> i64 {
        self.row.value("created").as_int().unwrap_or(0)
    }

    /// Whether it signs certificates.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.crosses.is_none() && matches!(self.role, Role::RootCa | Role::IssuingCa)
    }
}
