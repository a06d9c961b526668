//! The policies that signatures are verified under, by name: those that come with the program, and those of
//! `policies.signature_validation`.
//!
//! Reads a folder; what a file says is `pki::validation`'s to judge. A file may not take the name of a built-in policy, so
//! that a name means the same in every house. Changes are in force after a restart, which enters the digest of what it
//! read.

use std::path::{Path, PathBuf};

use crypto::DigestAlgorithm;
use pki::validation::{PolicyError, SignaturePolicy};

/// The policies in force.
#[derive(Debug, Clone, Default)]
pub struct SignaturePolicies {
    own: Vec<SignaturePolicy>,
    digest: Option<String>,
}

/// Why policies cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFault {
    /// A file or the folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no policy.
    #[error("signature-validation policy `{path}`: {source}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<PolicyError>,
    },
    /// Two policies with one name.
    #[error(
        "signature-validation policy `{path}`: another policy is named `{name}`; choose a name of its own"
    )]
    Taken {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

impl SignaturePolicies {
    /// Reads every `*.toml` of the folder, in the order of their names.
    ///
    /// # Errors
    /// [`PolicyFault`].
    pub fn load(folder: Option<&Path>) -> Result<Self, PolicyFault> {
        let Some(folder) = folder else { return Ok(Self::default()) };
        let unreadable = |path: &Path, source| PolicyFault::Unreadable { path: path.into(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
            let path = entry.map_err(|e| unreadable(folder, e))?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                files.push(path);
            }
        }
        files.sort();
        let (mut own, mut facts) = (Vec::<SignaturePolicy>::new(), Vec::new());
        for path in files {
            let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?;
            let policy = SignaturePolicy::parse(&text)
                .map_err(|source| PolicyFault::Unfit { path: path.clone(), source: Box::new(source) })?;
            let builtin = SignaturePolicy::builtin(policy.name());
            // A copy of what comes with the program may lie beside others.
            if builtin.is_some_and(|known| known.digest() == policy.digest()) {
                continue;
            }
            if builtin.is_some() || own.iter().any(|other| other.name() == policy.name()) {
                return Err(PolicyFault::Taken { path, name: policy.name().to_owned() });
            }
            facts.extend_from_slice(policy.digest());
            own.push(policy);
        }
        let digest = Some(hex::encode(DigestAlgorithm::Sha256.digest(&facts)));
        Ok(Self { own, digest })
    }

    /// The policy of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&SignaturePolicy> {
        self.own.iter().find(|policy| policy.name() == name).or_else(|| SignaturePolicy::builtin(name))
    }

    /// SHA-256 over each file's digest, hexadecimal; `None` when no folder is configured.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// How many there are beside the built-in ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len()
    }

    /// Whether there are only the built-in ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_adds_policies_and_takes_no_name_that_is_taken() {
        let strict = SignaturePolicy::builtin_texts().iter().find(|(name, _)| *name == "strict").unwrap().1;
        let folder = tempfile::tempdir().unwrap();
        let load = || SignaturePolicies::load(Some(folder.path()));
        std::fs::write(folder.path().join("strict.toml"), strict).unwrap();
        assert!(load().unwrap().is_empty(), "a copy of a built-in one adds nothing");
        let own = strict.replacen("\"strict\"", "\"house\"", 1);
        assert_ne!(own, strict);
        std::fs::write(folder.path().join("house.toml"), &own).unwrap();
        let policies = load().unwrap();
        assert_eq!(policies.len(), 1);
        assert!(policies.named("house").is_some() && policies.named("default").is_some());
        assert!(policies.named("nobody").is_none() && policies.digest().is_some());
        std::fs::write(folder.path().join("again.toml"), &own).unwrap();
        assert!(matches!(load(), Err(PolicyFault::Taken { name, .. }) if name == "house"));
        std::fs::write(folder.path().join("again.toml"), format!("{strict}\n# altered\n")).unwrap();
        assert!(matches!(load(), Err(PolicyFault::Taken { name, .. }) if name == "strict"));
        std::fs::write(folder.path().join("again.toml"), "colour = \"red\"\n").unwrap();
        assert!(matches!(load(), Err(PolicyFault::Unfit { .. })));
        assert!(SignaturePolicies::load(None).unwrap().digest().is_none());
        assert!(SignaturePolicies::load(Some(&folder.path().join("absent"))).is_err());
    }
}
