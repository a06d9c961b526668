//! The certificate profiles in force: the files of `policies.certificates`, or those that come with the program when
//! there is no such folder (an installation from before there were profiles).
//!
//! Reads and keeps; what a profile is, is `pki::profile`'s, and putting changed ones in force is an act
//! (`server::reload`). Asked by everything that issues.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use pki::profile::{Profile, Profiles, ProfilesError, builtin};

/// The profiles in force, exchanged whole.
#[derive(Debug)]
pub struct InForce {
    folder: PathBuf,
    current: ArcSwap<Profiles>,
}

/// Why a folder holds no profiles that could be put in force.
#[derive(Debug, thiserror::Error)]
pub enum ProfilesFault {
    /// A file or the folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not fit.
    #[error("`{folder}`: {source}")]
    Unfit {
        /// The folder.
        folder: PathBuf,
        /// Which file, which key, and how to mend it.
        source: Box<ProfilesError>,
    },
}

/// Reads a folder's profiles.
///
/// # Errors
/// [`ProfilesFault`]; a folder that is not there is none.
pub fn load(folder: &Path) -> Result<Profiles, ProfilesFault> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| ProfilesFault::Unreadable { path, source }
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(builtin().clone()),
        Err(error) => return Err(unreadable(folder)(error)),
    };
    let mut texts = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            texts.push((name, std::fs::read_to_string(&path).map_err(unreadable(&path))?));
        }
    }
    Profiles::from_texts(texts)
        .map_err(|source| ProfilesFault::Unfit { folder: folder.into(), source: Box::new(source) })
}

impl InForce {
    /// Reads the folder that the configuration names.
    ///
    /// # Errors
    /// [`ProfilesFault`].
    pub fn load(folder: &Path) -> Result<Self, ProfilesFault> {
        Ok(Self { folder: folder.into(), current: ArcSwap::from_pointee(load(folder)?) })
    }

    /// The profiles now.
    #[must_use]
    pub fn current(&self) -> Arc<Profiles> {
        self.current.load_full()
    }

    /// The profile of that name now, or of the name it had before there were files.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Profile> {
        self.current.load().get(name).cloned()
    }

    /// Where they are read from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts others in force; whoever does has entered it.
    pub fn replace(&self, profiles: Profiles) {
        self.current.store(Arc::new(profiles));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_folder_the_profiles_that_come_with_the_program_are_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("certificates");
        assert_eq!(load(&absent).unwrap().digest(), builtin().digest());
        // A folder that is there is the whole truth.
        assert!(matches!(load(folder.path()), Err(ProfilesFault::Unfit { .. })));
    }

    #[test]
    fn a_folder_s_files_are_in_force_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in pki::profile::BUILTIN {
            std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
        }
        std::fs::write(folder.path().join("README"), "not a profile").unwrap();
        let in_force = InForce::load(folder.path()).unwrap();
        assert_eq!(in_force.current().digest(), builtin().digest());
        std::fs::write(folder.path().join("machine.toml"), "version = 1\ncolour = \"red\"").unwrap();
        let error = load(in_force.folder()).unwrap_err().to_string();
        assert!(error.contains("machine.toml") && error.contains("colour"), "{error}");
    }
}
