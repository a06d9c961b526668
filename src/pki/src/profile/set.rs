//! All profiles of one appliance.

use std::{collections::BTreeMap, sync::LazyLock};

use crypto::DigestAlgorithm;

use super::{Profile, ProfilesError};

/// The profiles of one appliance, by name.
// INVARIANT: holds every profile the appliance itself issues by.
#[derive(Clone, Debug)]
pub struct Profiles {
    by_name: BTreeMap<String, Profile>,
    digest: String,
}

impl Profiles {
    /// Reads a set of files, each with its name (`machine.toml`) and text.
    ///
    /// # Errors
    /// [`ProfilesError`] for the first that does not fit.
    pub fn from_texts<N: AsRef<str>, T: AsRef<str>>(
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, ProfilesError> {
        let mut texts = BTreeMap::new();
        for (file, text) in files {
            let (file, text) = (file.as_ref(), text.as_ref());
            let name = file.strip_suffix(".toml").filter(|name| is_name(name));
            let name = name.ok_or_else(|| ProfilesError::Name { file: file.to_owned() })?;
            if texts.insert(name.to_owned(), text.to_owned()).is_some() {
                return Err(ProfilesError::Twice { name: name.to_owned() });
            }
        }
        // Length-prefixed, so that no two sets share their octets.
        let mut octets = Vec::new();
        let mut by_name = BTreeMap::new();
        for (name, text) in texts {
            for part in [&name, &text] {
                octets.extend((part.len() as u64).to_be_bytes());
                octets.extend(part.as_bytes());
            }
            let profile = Profile::parse(&name, &text)
                .map_err(|source| ProfilesError::File { file: format!("{name}.toml"), source })?;
            by_name.insert(name, profile);
        }
        for (name, _) in BUILTIN.iter().filter(|(name, _)| !OPTIONAL.contains(name)) {
            if !by_name.contains_key(*name) {
                return Err(ProfilesError::Missing { name });
            }
        }
        let digest = DigestAlgorithm::Sha256.digest(&octets);
        let digest = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        Ok(Self { by_name, digest })
    }

    /// The profile of that name, or of the name it had before there were files.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Profile> {
        let former = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, name)| *name);
        self.by_name.get(name).or_else(|| self.by_name.get(former?))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_name.values()
    }

    /// SHA-256 over names and texts, hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// The profiles that come with the program: the ceremony issues by them and writes them out.
///
/// # Panics
/// Never: a test loads them.
#[must_use]
pub fn builtin() -> &'static Profiles {
    static SET: LazyLock<Profiles> = LazyLock::new(|| {
        #[expect(
            clippy::expect_used,
            reason = "constants; `the_profiles_that_come_with_the_program_load` reads them"
        )]
        Profiles::from_texts(BUILTIN.iter().map(|(name, text)| (format!("{name}.toml"), *text)))
            .expect("the profiles that come with the program load")
    });
    &SET
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../policies/certificates/", $name, ".toml")))),*]
    };
}

/// Name and text of each profile that comes with the program.
pub const BUILTIN: &[(&str, &str)] = files![
    "root",
    "issuing-ca",
    "cross-ca",
    "machine",
    "server",
    "officer",
    "seal-organisation",
    "seal-person",
    "document-signer",
    "ocsp",
    "time-stamp",
    "seal-maker",
    "credential-signer",
    "publisher",
];

/// Those an operator may do without.
const OPTIONAL: &[&str] = &["seal-person", "document-signer", "credential-signer", "publisher"];

/// Names that certificates were recorded under before there were files.
const ALIASES: &[(&str, &str)] = &[
    ("root-ca", "root"),
    ("tls-server", "server"),
    ("machine-client", "machine"),
    ("officer-client", "officer"),
    ("seal", "seal-organisation"),
];

fn is_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=48).contains(&name.len()) && name.bytes().all(word) && !name.starts_with('-')
}
