//! A list of regions.

use serde_json::{Map, Value};

use super::REGIONS;
use super::entry::{Entry, fault};
use super::error::TrustListError;

/// A list: numbered, with an end, and regions that do not claim each other's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its name, which stays the same from number to number.
    pub name: String,
    /// Counts up with every list of that name.
    pub number: u64,
    /// Until when the next one comes, Unix seconds; the list is not taken afterwards.
    pub next_update: i64,
    /// The regions.
    pub regions: Vec<Entry>,
}

impl List {
    /// Reads a list; members that frame a signed document (`iss`, `iat`, `exp`) are passed over.
    ///
    /// # Errors
    /// [`TrustListError`].
    pub fn read(members: &Map<String, Value>) -> Result<Self, TrustListError> {
        let known = ["list", "number", "next_update", "regions", "iss", "iat", "exp"];
        if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
            let shown: String = unknown.chars().take(64).collect();
            return Err(fault("", &shown, "no member of a trust list; leave it out"));
        }
        let name = members.get("list").and_then(Value::as_str).filter(|name| is_name(name));
        let name = name
            .ok_or_else(|| fault("", "list", "write a name of 1 to 64 letters, digits, dots and hyphens"))?;
        let number =
            members.get("number").and_then(Value::as_u64).filter(|number| (1..=MOST).contains(number));
        let number = number.ok_or_else(|| fault("", "number", "write a whole number from 1"))?;
        let next_update = members.get("next_update").and_then(Value::as_i64).filter(|time| *time > 0);
        let next_update =
            next_update.ok_or_else(|| fault("", "next_update", "write a time, Unix seconds"))?;
        let regions = members.get("regions").and_then(Value::as_array);
        let regions = regions.ok_or_else(|| fault("", "regions", "write a list of regions"))?;
        if regions.len() > REGIONS {
            return Err(fault("", "regions", format!("{} regions where {REGIONS} may stand", regions.len())));
        }
        let region = |(number, value): (usize, &Value)| {
            let at = format!("regions[{number}]");
            let members = value.as_object().ok_or_else(|| fault(&at, "", "write a region's entry"))?;
            Entry::read(members, &at)
        };
        let regions = regions.iter().enumerate().map(region).collect::<Result<Vec<_>, _>>()?;
        let list = Self { name: name.to_owned(), number, next_update, regions };
        list.judge()?;
        Ok(list)
    }

    /// A list of these regions.
    ///
    /// # Errors
    /// As [`List::read`].
    pub fn new(
        name: &str,
        number: u64,
        next_update: i64,
        regions: Vec<Entry>,
    ) -> Result<Self, TrustListError> {
        let list = Self { name: name.to_owned(), number, next_update, regions };
        // Written and read again, so that nothing is signed that is not read.
        Self::read(&list.members())
    }

    /// Its members.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let regions = self.regions.iter().map(|region| Value::Object(region.members())).collect();
        Map::from_iter([
            ("list".to_owned(), self.name.clone().into()),
            ("number".to_owned(), self.number.into()),
            ("next_update".to_owned(), self.next_update.into()),
            ("regions".to_owned(), Value::Array(regions)),
        ])
    }

    /// That it may follow: above `known`, the highest number that was ever in force, and not outdated at `at`, Unix seconds.
    ///
    /// # Errors
    /// [`TrustListError::Rollback`], [`TrustListError::Outdated`].
    pub fn follows(&self, known: Option<u64>, at: i64) -> Result<(), TrustListError> {
        if let Some(known) = known.filter(|known| self.number <= *known) {
            return Err(TrustListError::Rollback { found: self.number, known });
        }
        if self.next_update <= at {
            return Err(TrustListError::Outdated(self.next_update));
        }
        Ok(())
    }

    /// The region of this code.
    #[must_use]
    pub fn region(&self, id: &str) -> Option<&Entry> {
        self.regions.iter().find(|region| region.id == id)
    }

    /// That no region claims what another has.
    fn judge(&self) -> Result<(), TrustListError> {
        for (number, one) in self.regions.iter().enumerate() {
            for other in self.regions.iter().skip(number + 1) {
                apart(one, other)?;
            }
        }
        Ok(())
    }
}

/// That two regions may stand beside each other, in one list or in two that are in force at once, or a region beside this
/// platform itself.
///
/// # Errors
/// [`TrustListError::Twice`], [`TrustListError::Shared`].
pub fn apart(one: &Entry, other: &Entry) -> Result<(), TrustListError> {
    if one.id == other.id {
        return Err(TrustListError::Twice(one.id.clone()));
    }
    let shared = |what, value: String| TrustListError::Shared {
        one: one.id.clone(),
        other: other.id.clone(),
        what,
        value,
    };
    if let Some(division) = one.scope.shared(&other.scope) {
        return Err(shared("division", division.to_owned()));
    }
    // By key: a certificate made anew for another's key would speak as that other.
    let held = |key: &[u8]| other.certificates().any(|its| its.spki() == key);
    let doubled = one.certificates().find(|certificate| held(certificate.spki()));
    if let Some(certificate) = doubled {
        return Err(shared("certificate", hex::encode(certificate.sha256_fingerprint())));
    }
    let status = one.status_lists.iter().find(|own| {
        other.status_lists.iter().any(|its| its.starts_with(own.as_str()) || own.starts_with(its.as_str()))
    });
    match status {
        Some(address) => Err(shared("status list", address.clone())),
        None => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

/// Numbers that every reader of JSON keeps (RFC 8259 §6).
const MOST: u64 = (1 << 53) - 1;
