//! The key hierarchy as configuration (`keys/hierarchy.toml`): parsed, checked, ordered.
//!
//! A hierarchy that loads can be carried out: every issuer exists and is an authority, there is exactly
//! one root in each suite and one log key, and every authority comes before what it signs. Several suites stand
//! side by side, each with a root of its own: no certificate mixes them. Read by the ceremony, which makes the
//! keys, and by the service, which looks up who issues what.

mod rules;

use std::collections::BTreeMap;

use crypto::Suite;
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
    pub suite: Option<&'static Suite>,
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
    /// Signs what licences are proved by: credentials, QR symbols, status lists.
    CredentialSigner,
    /// Signs what the platform publishes: the catalogue of licences, trust lists.
    Publisher,
    /// Signs the log's checkpoints.
    LogCheckpoint,
    /// Encrypts data at rest.
    Data,
}

impl Role {
    const ALL: [Self; 9] = [
        Self::RootCa,
        Self::IssuingCa,
        Self::Ocsp,
        Self::TimeStamp,
        Self::SealMaker,
        Self::CredentialSigner,
        Self::Publisher,
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
            Self::CredentialSigner => "credential-signer",
            Self::Publisher => "publisher",
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

    /// Whether keys with this role sign in the international suite alone: JOSE and COSE have no SM2.
    #[must_use]
    pub const fn is_international(self) -> bool {
        matches!(self, Self::CredentialSigner | Self::Publisher)
    }

    /// By which URI its certificates name a key with this role, below the public address: who reads what it signed compares
    /// it with what calls itself the issuer, so that no other certificate for signing documents will do.
    #[must_use]
    pub const fn address(self) -> Option<&'static str> {
        match self {
            Self::CredentialSigner => Some("licences/credentials"),
            Self::Publisher => Some("licences/publications"),
            _ => None,
        }
    }

    /// The alternative names of its certificates.
    #[must_use]
    pub fn names(self, public_url: &str) -> Vec<pki::GeneralName> {
        let base = public_url.trim_end_matches('/');
        self.address().map(|path| pki::GeneralName::Uri(format!("{base}/{path}"))).into_iter().collect()
    }

    /// Whether keys with this role sign for an authority, and are replaced often.
    #[must_use]
    pub const fn is_delegate(self) -> bool {
        matches!(
            self,
            Self::Ocsp | Self::TimeStamp | Self::SealMaker | Self::CredentialSigner | Self::Publisher
        )
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

impl Kind {
    const ALL: [Self; 4] = [Self::Machine, Self::Server, Self::Seal, Self::Officer];

    /// The word in the hierarchy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Server => "server",
            Self::Seal => "seal",
            Self::Officer => "officer",
        }
    }

    /// Whether the certificate names somebody in TLS. The TLS of this appliance speaks the international suite alone
    /// (RFC 8998 needs a client of its own), so these are always issued in it, whatever else the hierarchy holds.
    #[must_use]
    const fn names_in_tls(self) -> bool {
        matches!(self, Self::Machine | Self::Server | Self::Officer)
    }
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
    /// Each suite has one root of its own.
    #[error("suite `{suite}` must have exactly one key with role `root-ca`, found {found}")]
    Roots {
        /// The suite.
        suite: &'static str,
        /// How many there are.
        found: usize,
    },
    /// Nobody signs certificates of a kind that every appliance needs.
    #[error(
        "no authority of suite `{suite}` issues `{kind}`; add it to the `issues` of an issuing-ca of that suite"
    )]
    Unissued {
        /// The kind.
        kind: &'static str,
        /// The suite, or suites.
        suite: &'static str,
    },
    /// Which of them would sign is not said.
    #[error("two authorities of suite `{suite}` issue `{kind}`: `{one}` and `{other}`; let one of them")]
    Ambiguous {
        /// The kind.
        kind: &'static str,
        /// The suite.
        suite: &'static str,
        /// One.
        one: String,
        /// And another.
        other: String,
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
            keys.push(rules::check(label, entry)?);
        }
        let hierarchy = Self { keys: rules::order(keys)? };
        rules::complete(&hierarchy)?;
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

    /// The authority that signs certificates of this kind for keys of this suite.
    #[must_use]
    pub fn issuer_of(&self, kind: Kind, suite: &Suite) -> Option<&Key> {
        self.keys.iter().find(|k| k.issues.contains(&kind) && k.suite == Some(suite))
    }

    /// The signer of electronic seals (GB/T 38540, `SESeal.cert`) in this suite.
    #[must_use]
    pub fn seal_maker(&self, suite: &Suite) -> Option<&Key> {
        self.signer(Role::SealMaker, suite)
    }

    /// The key with a role in this suite, or the first of several.
    #[must_use]
    pub fn signer(&self, role: Role, suite: &Suite) -> Option<&Key> {
        self.keys.iter().find(|k| k.role == role && k.suite == Some(suite))
    }

    /// The root above a key; itself for a root, nothing for keys without a certificate.
    #[must_use]
    pub fn root_of(&self, key: &Key) -> Option<&Key> {
        self.signer(Role::RootCa, key.suite?)
    }
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
        assert_eq!(hierarchy.issuer_of(Kind::Officer, &Suite::INTERNATIONAL).unwrap().label, "officers-ca");
        assert_eq!(hierarchy.seal_maker(&Suite::INTERNATIONAL).unwrap().label, "seal-maker");
        assert_eq!(hierarchy.data_key("replay").unwrap().label, "replay");
    }

    #[test]
    fn both_suites_have_an_authority_for_every_kind_and_share_the_log() {
        let hierarchy = Hierarchy::parse(BOTH).unwrap();
        for kind in Kind::ALL {
            let own = hierarchy.issuer_of(kind, &Suite::INTERNATIONAL).unwrap();
            let other = hierarchy.issuer_of(kind, &Suite::SHANGMI).unwrap();
            assert_eq!(other.label, format!("sm-{}", own.label));
            assert_eq!(hierarchy.root_of(other).unwrap().label, "sm-root");
            assert_eq!(hierarchy.root_of(own).unwrap().label, "root");
        }
        assert_eq!(hierarchy.seal_maker(&Suite::SHANGMI).unwrap().label, "sm-seal-maker");
        let units = hierarchy.keys().iter().filter(|key| key.role == Role::TimeStamp);
        assert_eq!(units.filter_map(|key| key.suite).collect::<Vec<_>>().len(), 2);
        assert_eq!(hierarchy.with_role(Role::LogCheckpoint).unwrap().label, "log");
        assert!(Hierarchy::parse(DEFAULT).unwrap().issuer_of(Kind::Seal, &Suite::SHANGMI).is_none());
        // Both roots can be elsewhere.
        let offline = Hierarchy::parse(&with_root_offline(BOTH)).unwrap();
        let elsewhere = offline.keys().iter().filter(|key| key.custody == CustodyKind::Offline);
        assert_eq!(elsewhere.map(|key| key.label.as_str()).collect::<Vec<_>>(), ["root", "sm-root"]);
    }

    #[test]
    fn suites_do_not_mix_and_what_names_callers_stays_international() {
        for (from, to, says) in [
            ("issuer = \"sm-root\"", "issuer = \"root\"", "another suite"),
            (
                "issues = [\"officer\"]",
                "issues = [\"seal\"]",
                "two authorities of suite `international` issue `seal`",
            ),
        ] {
            let text = BOTH.replacen(from, to, 1);
            assert_ne!(text, BOTH, "`{from}` no longer stands in the file");
            let error = Hierarchy::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
        let second = "\n[keys.sm-root-2]\nrole = \"root-ca\"\nsuite = \"shangmi\"\ncustody = \"file\"\ndays = 1\nname = \"x\"\n";
        let error = Hierarchy::parse(&format!("{BOTH}{second}")).unwrap_err().to_string();
        assert!(
            error.contains("suite `shangmi` must have exactly one key with role `root-ca`, found 2"),
            "{error}"
        );
        // JOSE and COSE have no SM2.
        let signer = "role = \"credential-signer\"\nsuite = \"";
        let text = BOTH.replace(&format!("{signer}international"), &format!("{signer}shangmi"));
        let error = Hierarchy::parse(&text).unwrap_err().to_string();
        assert!(error.contains("`credential-signer`") && error.contains("`international` alone"), "{error}");
        // Without the international side nobody could log in.
        let credentials =
            |section: &&str| section.contains("Credentials\"") || section.contains("Publications\"");
        let without: String = DEFAULT.split_inclusive("\n\n").filter(|one| !credentials(one)).collect();
        let alone = without.replace("\"international\"", "\"shangmi\"");
        let error = Hierarchy::parse(&alone).unwrap_err().to_string();
        assert!(error.contains("no authority of suite `international` issues `machine`"), "{error}");
    }

    const BOTH: &str = include_str!("../../../../keys/both-suites.toml");

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
            ("issues = [\"seal\"]", "issues = [\"seal\", \"officer\"]", "two authorities"),
            ("issues = [\"officer\"]", "issues = [\"seal\"]", "two authorities"),
            ("issues = [\"machine\", \"server\"]", "issues = [\"machine\"]", "no authority"),
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
