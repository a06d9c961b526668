//! The generated corpus (`tests/corpus/make`) and other things that lie in the cache.

use std::path::PathBuf;

use serde::Deserialize;

use crate::process;

/// One file of the corpus, as its manifest tells.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    pub name: String,
    pub file: String,
    /// plain, signed, encrypted or damaged.
    pub kind: String,
    pub bytes: u64,
    pub made_by: String,
}

#[derive(Deserialize)]
struct Manifest {
    files: Vec<Entry>,
}

impl Entry {
    pub fn path(&self) -> PathBuf {
        folder().join(&self.file)
    }

    pub fn read(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap_or_else(|e| panic!("{}: {e}", self.path().display()))
    }
}

/// `${XDG_CACHE_HOME:-~/.cache}/cinnabar`
pub fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    base.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cache"))
        .join("cinnabar")
}

/// The folder of the corpus.
pub fn folder() -> PathBuf {
    std::env::var_os("CINNABAR_CORPUS").map_or_else(|| cache().join("corpus"), PathBuf::from)
}

/// Everything in it.
pub fn all() -> Vec<Entry> {
    let path = folder().join("manifest.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; ./tests/run makes the corpus", path.display()));
    serde_json::from_str::<Manifest>(&text).expect("manifest").files
}

/// The files of one kind.
pub fn of_kind(kind: &str) -> Vec<Entry> {
    all().into_iter().filter(|entry| entry.kind == kind).collect()
}

/// One file by its name.
#[track_caller]
pub fn named(name: &str) -> Entry {
    all().into_iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("no `{name}` in the corpus"))
}

/// A folder for a test, emptied with the value. Under `/dev/shm` nothing reaches the disk, and Unix socket paths stay short.
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("cinnabar-").tempdir().expect("temporary folder")
}

/// The interpreter's folder of the environment with pyHanko.
pub fn python() -> PathBuf {
    let venv = std::env::var_os("CINNABAR_VENV").map_or_else(
        || {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/python");
            PathBuf::from(process::run(script, [""; 0]).ok().stdout.trim())
        },
        PathBuf::from,
    );
    venv.join("bin")
}
