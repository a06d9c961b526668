//! The folder that a ceremony fills: which file lies where, with which permissions.
//!
//! Folders are 0700, secrets 0600, everything else 0644. Files are written whole and synced; a folder with
//! anything in it is refused, so that no ceremony runs over another's keys.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The authorization policies that are written unless the operator brings others.
const POLICIES: &[(&str, &str)] = &[
    ("authorities.cedar", include_str!("../../../../policies/authorization/authorities.cedar")),
    ("certificates.cedar", include_str!("../../../../policies/authorization/certificates.cedar")),
    ("cinnabar.cedarschema", include_str!("../../../../policies/authorization/cinnabar.cedarschema")),
    ("documents.cedar", include_str!("../../../../policies/authorization/documents.cedar")),
    ("enrolment.cedar", include_str!("../../../../policies/authorization/enrolment.cedar")),
    ("licence-catalogue.cedar", include_str!("../../../../policies/authorization/licence-catalogue.cedar")),
    ("licence-use.cedar", include_str!("../../../../policies/authorization/licence-use.cedar")),
    ("licences.cedar", include_str!("../../../../policies/authorization/licences.cedar")),
    ("officers.cedar", include_str!("../../../../policies/authorization/officers.cedar")),
    ("recognition.cedar", include_str!("../../../../policies/authorization/recognition.cedar")),
    ("seal-registry.cedar", include_str!("../../../../policies/authorization/seal-registry.cedar")),
    ("seals.cedar", include_str!("../../../../policies/authorization/seals.cedar")),
    ("system.cedar", include_str!("../../../../policies/authorization/system.cedar")),
    ("use.cedar", include_str!("../../../../policies/authorization/use.cedar")),
];

/// A folder being filled.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

/// Why a folder cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The folder has something in it.
    #[error("`{0}` is not empty; name a new folder, or remove this one if its ceremony did not finish")]
    NotEmpty(PathBuf),
    /// Writing failed.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How a further trust anchor is written; no anchor itself.
const TRUST_EXAMPLE: &str = include_str!("../../../../policies/trust/example.toml.txt");

impl Layout {
    /// Takes `root`, which must be empty or not exist yet.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn create(root: &Path) -> Result<Self, LayoutError> {
        let layout = Self { root: std::path::absolute(root).unwrap_or_else(|_| root.into()) };
        if std::fs::read_dir(&layout.root).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(LayoutError::NotEmpty(layout.root));
        }
        layout.folder("")?;
        for folder in [
            "state",
            "tls",
            "certificates",
            "credentials",
            "policies/authorization",
            "policies/certificates",
            "policies/trust",
        ] {
            layout.folder(folder)?;
        }
        for (name, text) in POLICIES {
            layout.write(&format!("policies/authorization/{name}"), text.as_bytes(), Secrecy::Open)?;
        }
        for (name, text) in pki::profile::BUILTIN {
            layout.write(&format!("policies/certificates/{name}.toml"), text.as_bytes(), Secrecy::Open)?;
        }
        layout.write("policies/trust/example.toml.txt", TRUST_EXAMPLE.as_bytes(), Secrecy::Open)?;
        Ok(layout)
    }

    /// The path of `name` below the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }

    /// Makes a folder with mode 0700, its parents included.
    ///
    /// # Errors
    /// [`LayoutError::Write`].
    pub fn folder(&self, name: &str) -> Result<(), LayoutError> {
        let path = self.path(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|source| LayoutError::Write { path, source })
    }

    /// Writes a new file and syncs it; an existing one is an error.
    ///
    /// # Errors
    /// [`LayoutError::Write`].
    pub fn write(&self, name: &str, content: &[u8], secrecy: Secrecy) -> Result<PathBuf, LayoutError> {
        let path = self.path(name);
        write_new(&path, content, secrecy)
            .map_err(|source| LayoutError::Write { path: path.clone(), source })?;
        Ok(path)
    }
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Everybody: 0644.
    Open,
    /// The owner alone: 0600.
    Secret,
}

/// Writes a new file with its permissions from the first moment, and syncs file and folder.
///
/// # Errors
/// Whatever the system reports; `AlreadyExists` if the file is there.
pub fn write_new(path: &Path, content: &[u8], secrecy: Secrecy) -> io::Result<()> {
    let mode = if secrecy == Secrecy::Secret { 0o600 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn every_shipped_policy_is_written_and_nothing_else() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/authorization");
        let mut shipped: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        shipped.sort();
        let written: Vec<_> = POLICIES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(written, shipped);
    }

    #[test]
    fn a_folder_in_use_is_refused_untouched() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("precious"), b"x").unwrap();
        assert!(matches!(Layout::create(folder.path()), Err(LayoutError::NotEmpty(_))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn secrets_are_readable_by_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::create(&folder.path().join("new")).unwrap();
        let path = layout.write("tls/server.key", b"secret", Secrecy::Secret).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(layout.path("state").metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert!(layout.write("tls/server.key", b"other", Secrecy::Secret).is_err());
    }
}
