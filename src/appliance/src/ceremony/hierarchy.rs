//! The key hierarchy as configuration (`keys/hierarchy.toml`): parsed, checked, ordered.
//!
//! A hierarchy that loads can be carried out: every issuer exists and is an authority, there is exactly
//! one root and one log key, and every authority comes before what it signs. Read by the ceremony, which
//! makes the keys, and by the service, which looks up who issues what.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The checked hierarchy, issuers before what they issue.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    keys: Vec<Key>,
}

/// One key and, where it has one, its certificate.
#[derive(Debug, Clone)]
pub struct Key {
    /// Label of the key in custody, `[keys.LABEL]`.
    pub label: String,
    /// What it is for.
    pub role: Role,
    /// Its suite; absent for the log key and data keys, whose algorithm is fixed.
    pub suite: Option<String>,
    /// Which custody holds it.
    pub custody: CustodyKind,
    /// Label of the authority that signs its certificate.
    pub issuer: Option<String>,
    /// Kinds of certificate an issuing authority may sign.
    pub issues: Vec<Kind>,
    /// Validity of its certificate in days; 0 when it has none.
    pub days: u32,
    /// Common name with `{organisation}` not yet replaced.
    pub name: String,
    /// What a data key may protect.
    pub purpose: Option<String>,
}

/// What a key of the appliance is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Signs issuing authorities and nothing else.
    RootCa,
    /// Signs end-entity certificates.
    IssuingCa,
    /// Signs OCSP responses for its issuer.
    Ocsp,
    /// Signs time-stamps (RFC 3161).
    TimeStamp,
    /// Signs electronic seals (GB/T 38540).
    SealMaker,
    /// Signs the log's checkpoints.
    LogCheckpoint,
    /// Encrypts data at rest.
    Data,
}

impl Role {
    const ALL: [Self; 7] = [
        Self::RootCa,
        Self::IssuingCa,
        Self::Ocsp,
        Self::TimeStamp,
        Self::SealMaker,
        Self::LogCheckpoint,
        Self::Data,
    ];

    /// The word in the hierarchy and in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RootCa => "root-ca",
            Self::IssuingCa => "issuing-ca",
            Self::Ocsp => "ocsp",
            Self::TimeStamp => "time-stamp",
            Self::SealMaker => "seal-maker",
            Self::LogCheckpoint => "log-checkpoint",
            Self::Data => "data",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether keys with this role sign certificates.
    #[must_use]
    pub const fn is_authority(self) -> bool {
        matches!(self, Self::RootCa | Self::IssuingCa)
    }

    /// Whether keys with this role sign for an authority, and are replaced often.
    #[must_use]
    pub const fn is_delegate(self) -> bool {
        matches!(self, Self::Ocsp | Self::TimeStamp | Self::SealMaker)
    }
}

/// Kinds of end-entity certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Client certificate of an approval system.
    Machine,
    /// Server certificate of a platform service.
    Server,
    /// Certificate of an electronic seal.
    Seal,
    /// Client certificate of an officer or operator.
    Officer,
}

/// Which custody holds a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CustodyKind {
    /// The encrypted file keystore.
    File,
    /// The token of the configuration's `[pkcs11]`.
    Pkcs11,
    /// Not here: the root's key is kept elsewhere, requests go out and certificates come in.
    Offline,
}

impl CustodyKind {
    /// The name used in the hierarchy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Pkcs11 => "pkcs11",
            Self::Offline => "offline",
        }
    }
}

/// Why a hierarchy was refused.
#[derive(Debug, thiserror::Error)]
pub enum HierarchyError {
    /// Not TOML, or an unknown, missing or ill-typed word.
    #[error("not a valid key hierarchy: {0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// A version this program does not know.
    #[error("hierarchy version {0} is unknown; this program reads version 1")]
    Version(u32),
    /// A key contradicts itself or the others.
    #[error("key `{label}`: {reason}")]
    Key {
        /// The key.
        label: String,
        /// What is wrong and how to mend it.
        reason: String,
    },
    /// A key every appliance needs is missing or there are several.
    #[error("there must be exactly one key with role `{role}`, found {found}")]
    Count {
        /// The role.
        role: &'static str,
        /// How many there are.
        found: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    keys: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    role: Role,
    suite: Option<String>,
    custody: CustodyKind,
    issuer: Option<String>,
    #[serde(default)]
    issues: Vec<Kind>,
    days: Option<u32>,
    name: Option<String>,
    purpose: Option<String>,
}

/// The hierarchy that is used unless another is named.
pub const DEFAULT: &str = include_str!("../../../../keys/hierarchy.toml");

/// The built-in hierarchy with every certified key in the token; log and data keys stay in the file keystore.
#[must_use]
pub fn default_in_token() -> String {
    let sections = DEFAULT.split_inclusive("\n\n").map(|section| {
        let certified = section.contains("\nsuite = ");
        if certified {
            section.replace("custody = \"file\"", "custody = \"pkcs11\"")
        } else {
            section.to_owned()
        }
    });
    sections.collect()
}

/// A hierarchy's text with its root's key elsewhere.
#[must_use]
pub fn with_root_offline(text: &str) -> String {
    let mut root = false;
    let lines = text.split_inclusive('\n').map(|line| {
        root = if line.starts_with('[') { false } else { root || line.starts_with("role = \"root-ca\"") };
        if root && line.starts_with("custody") { "custody = \"offline\"\n" } else { line }
    });
    lines.collect()
}

impl Hierarchy {
    /// Parses and checks a hierarchy file.
    ///
    /// # Errors
    /// [`HierarchyError`], naming the key.
    pub fn parse(text: &str) -> Result<Self, HierarchyError> {
        let file: File = toml::from_str(text).map_err(Box::new)?;
        if file.version != 1 {
            return Err(HierarchyError::Version(file.version));
        }
        let mut keys = Vec::with_capacity(file.keys.len());
        for (label, entry) in file.keys {
            keys.push(check(label, entry)?);
        }
        let hierarchy = Self { keys: order(keys)? };
        for (role, name) in [(Role::RootCa, "root-ca"), (Role::LogCheckpoint, "log-checkpoint")] {
            let found = hierarchy.keys.iter().filter(|k| k.role == role).count();
            if found != 1 {
                return Err(HierarchyError::Count { role: name, found });
            }
        }
        for kind in [Kind::Machine, Kind::Server, Kind::Seal, Kind::Officer] {
            let issuers = hierarchy.keys.iter().filter(|k| k.issues.contains(&kind)).count();
            if issuers != 1 {
                let reason = format!("`{kind:?}` certificates need exactly one issuing-ca, found {issuers}");
                return Err(HierarchyError::Key { label: "issues".into(), reason });
            }
        }
        Ok(hierarchy)
    }

    /// Keys, issuers before what they issue.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key with this label.
    #[must_use]
    pub fn key(&self, label: &str) -> Option<&Key> {
        self.keys.iter().find(|k| k.label == label)
    }

    /// The one key with this role, or the first of several.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Option<&Key> {
        self.keys.iter().find(|k| k.role == role)
    }

    /// The data key for `purpose`.
    #[must_use]
    pub fn data_key(&self, purpose: &str) -> Option<&Key> {
        self.keys.iter().find(|k| k.purpose.as_deref() == Some(purpose))
    }

    /// The key of the hierarchy that `label` is, or is a later generation of: `platform-ca-2` of `platform-ca`.
    #[must_use]
    pub fn slot_of(&self, label: &str) -> Option<&Key> {
        self.key(label).or_else(|| {
            let (slot, generation) = label.rsplit_once('-')?;
            let number: u32 = generation.parse().ok()?;
            (number > 1 && generation == number.to_string()).then(|| self.key(slot))?
        })
    }

    /// Whether any key is kept in the token.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self.keys.iter().any(|key| key.custody == CustodyKind::Pkcs11)
    }

    /// The authority that signs certificates of this kind.
    #[must_use]
    pub fn issuer_of(&self, kind: Kind) -> Option<&Key> {
        self.keys.iter().find(|k| k.issues.contains(&kind))
    }
}

fn check(label: String, entry: Entry) -> Result<Key, HierarchyError> {
    let wrong = |reason: &str| HierarchyError::Key { label: label.clone(), reason: reason.into() };
    let certified = !matches!(entry.role, Role::LogCheckpoint | Role::Data);
    if label.is_empty() || !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(wrong("labels are lower-case letters, digits and hyphens"));
    }
    if certified != (entry.suite.is_some() && entry.days.is_some() && entry.name.is_some()) {
        return Err(wrong("a certified key needs suite, days and name; log and data keys have none of them"));
    }
    if let Some(suite) = entry.suite.as_deref()
        && crypto::Suite::by_name(suite).is_err()
    {
        return Err(wrong("unknown suite; write `international`"));
    }
    if (entry.role == Role::Data) != entry.purpose.is_some() {
        return Err(wrong("a data key, and no other, names its purpose"));
    }
    if (entry.role == Role::IssuingCa) == entry.issues.is_empty() {
        return Err(wrong("an issuing-ca, and no other, says what it issues"));
    }
    let wants_issuer = certified && entry.role != Role::RootCa;
    if wants_issuer != entry.issuer.is_some() {
        return Err(wrong("every certified key but the root names its issuer"));
    }
    if entry.days.is_some_and(|d| d == 0 || d > 36_500) {
        return Err(wrong("validity must be 1 to 36500 days"));
    }
    if entry.role != Role::RootCa && entry.custody == CustodyKind::Offline {
        return Err(wrong("only the root may be offline"));
    }
    if entry.role == Role::LogCheckpoint && entry.custody != CustodyKind::File {
        return Err(wrong(
            "the log's key is kept in the file keystore: the record must not wait for a device",
        ));
    }
    Ok(Key {
        role: entry.role,
        suite: entry.suite,
        custody: entry.custody,
        issuer: entry.issuer,
        issues: entry.issues,
        days: entry.days.unwrap_or(0),
        name: entry.name.unwrap_or_default(),
        purpose: entry.purpose,
        label,
    })
}

/// Puts issuers first; an issuer must be the root (for authorities) or an issuing authority, and must
/// outlive what it signs.
fn order(mut pending: Vec<Key>) -> Result<Vec<Key>, HierarchyError> {
    let mut done: Vec<Key> = Vec::with_capacity(pending.len());
    while !pending.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) = pending
            .into_iter()
            .partition(|key| key.issuer.as_ref().is_none_or(|i| done.iter().any(|d| d.label == *i)));
        if ready.is_empty() {
            let key = later.first().map(|k| k.label.clone()).unwrap_or_default();
            let reason = "its issuer does not exist, or issuers form a circle".into();
            return Err(HierarchyError::Key { label: key, reason });
        }
        for key in &ready {
            let issuer = key.issuer.as_ref().and_then(|i| done.iter().find(|d| d.label == *i));
            let Some(issuer) = issuer else { continue };
            let wanted = if key.role == Role::IssuingCa { Role::RootCa } else { Role::IssuingCa };
            let reason = if issuer.role != wanted {
                "the root signs issuing authorities and only them"
            } else if issuer.days < key.days {
                "it would outlive its issuer; lower its days or raise the issuer's"
            } else {
                continue;
            };
            return Err(HierarchyError::Key { label: key.label.clone(), reason: reason.into() });
        }
        done.extend(ready);
        pending = later;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_hierarchy_loads_with_issuers_first() {
        let hierarchy = Hierarchy::parse(DEFAULT).unwrap();
        let position = |label| hierarchy.keys().iter().position(|k| k.label == label).unwrap();
        assert!(position("root") < position("seals-ca"));
        assert!(position("seals-ca") < position("seal-maker"));
        assert_eq!(hierarchy.issuer_of(Kind::Officer).unwrap().label, "officers-ca");
        assert_eq!(hierarchy.data_key("replay").unwrap().label, "replay");
    }

    #[test]
    fn with_a_token_every_certified_key_is_in_it() {
        let hierarchy = Hierarchy::parse(&default_in_token()).unwrap();
        for key in hierarchy.keys() {
            let certified = key.suite.is_some();
            assert_eq!(key.custody == CustodyKind::Pkcs11, certified, "{}", key.label);
        }
        assert!(hierarchy.needs_token() && !Hierarchy::parse(DEFAULT).unwrap().needs_token());
    }

    #[test]
    fn the_root_and_no_other_key_may_be_elsewhere() {
        for text in [DEFAULT.to_owned(), default_in_token()] {
            let hierarchy = Hierarchy::parse(&with_root_offline(&text)).unwrap();
            let offline = hierarchy.keys().iter().filter(|key| key.custody == CustodyKind::Offline);
            assert_eq!(offline.map(|key| key.label.as_str()).collect::<Vec<_>>(), ["root"]);
        }
        let wrong = DEFAULT.replacen("custody = \"file\"\nissuer", "custody = \"offline\"\nissuer", 1);
        assert!(Hierarchy::parse(&wrong).unwrap_err().to_string().contains("only the root"));
    }

    #[test]
    fn later_generations_belong_to_their_slot() {
        let hierarchy = Hierarchy::parse(DEFAULT).unwrap();
        let slot = |label| hierarchy.slot_of(label).map(|key| key.label.as_str());
        assert_eq!(slot("platform-ca"), Some("platform-ca"));
        assert_eq!(slot("platform-ca-2"), Some("platform-ca"));
        for none in
            ["platform-ca-1", "platform-ca-02", "platform-ca-", "other-2", "platform-ca-2-2", "seal-3"]
        {
            assert_eq!(slot(none), None, "{none}");
        }
    }

    #[test]
    fn each_contradiction_refuses() {
        for (from, to, says) in [
            ("issuer = \"seals-ca\"\ndays = 90", "issuer = \"nobody\"\ndays = 90", "does not exist"),
            ("issuer = \"seals-ca\"\ndays = 90", "issuer = \"root\"\ndays = 90", "only them"),
            ("issuer = \"seals-ca\"\ndays = 90", "issuer = \"seals-ca\"\ndays = 9000", "outlive"),
            ("role = \"log-checkpoint\"", "role = \"data\"", "purpose"),
            ("issues = [\"seal\"]\n", "", "says what it issues"),
            ("issues = [\"seal\"]", "issues = [\"seal\", \"officer\"]", "exactly one"),
            ("suite = \"international\"", "suite = \"martian\"", "unknown suite"),
            ("version = 1", "version = 2", "version 2"),
            ("[keys.log]", "[keys.log]\ncolour = 1", "colour"),
            ("days = 3650", "days = 0", "36500"),
            (
                "[keys.log]\nrole = \"log-checkpoint\"\ncustody = \"file\"",
                "[keys.log]\nrole = \"log-checkpoint\"\ncustody = \"pkcs11\"",
                "file keystore",
            ),
        ] {
            let text = DEFAULT.replacen(from, to, 1);
            assert_ne!(text, DEFAULT, "`{from}` no longer stands in the file");
            let error = Hierarchy::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}
