//! The backup's file format: a plain POSIX tar whose last member, `manifest.json`, names every other member with
//! its size and SHA-256.
//!
//! Reading is strict because a backup comes from wherever backups are kept: only plain files with clean relative
//! names, each once, each as the manifest has it, nothing missing, nothing more, nothing behind. Nothing is
//! believed before the whole file has been read once; what is read again later is checked again. The manifest is
//! not signed: what the log says is proven by the log itself, which the restore verifies.

mod read;
mod write;

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use crypto::DigestAlgorithm;
use serde::{Deserialize, Serialize};

pub use read::{Archive, MemberReader};
pub use write::Writer;

use super::rows::TableShape;

/// Word in the manifest that tells a backup from any other tar.
pub const FORMAT: &str = "cinnabar-backup";
/// The only version so far.
pub const VERSION: u32 = 1;
/// Name of the last member.
pub const MANIFEST: &str = "manifest.json";
/// Largest member that is held in memory (everything but tables).
pub const MAX_SMALL: u64 = 16 * 1024 * 1024;
/// Most members of an archive.
const MAX_MEMBERS: usize = 100_000;
/// Folders that a backup may have.
const FOLDERS: [&str; 7] =
    ["configuration/", "keystore/", "certificates/", "policies/", "tls/", "log/", "database/"];

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// When it was taken, RFC 3339.
    pub created: String,
    /// Version of the program that took it.
    pub program: String,
    /// `sqlite` or `postgres`: where the rows came from. They fit both.
    pub engine: String,
    /// Number of the newest migration of the database.
    pub schema: i64,
    /// The log's origin and size at the time.
    pub log: LogState,
    /// Tables, referenced ones first.
    pub tables: Vec<TableShape>,
    /// Every other member of the archive, in its order.
    pub members: Vec<Member>,
}

/// The log as it stood in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    /// First line of its checkpoints.
    pub origin: String,
    /// Number of leaves.
    pub size: i64,
}

/// One file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its path.
    pub name: String,
    /// Octets.
    pub size: u64,
    /// Hexadecimal SHA-256.
    pub sha256: String,
}

/// Why a file is no backup that may be restored.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system could not read or write it.
    #[error("cannot {act} the backup: {source}")]
    Io {
        /// `read` or `write`.
        act: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It ends too early, or holds no readable tar.
    #[error("the backup is truncated or not a tar file: {0}")]
    Truncated(io::Error),
    /// Its manifest is missing: a backup that was cut off, or another tar.
    #[error("the backup holds no `manifest.json` at its end: it was cut off, or is not a backup")]
    NoManifest,
    /// The manifest cannot be read.
    #[error("the backup's manifest cannot be read: {0}")]
    Manifest(serde_json::Error),
    /// Another program's, or a later version's.
    #[error(
        "the backup has format `{format}` version {version}; this program reads {FORMAT} version {VERSION}"
    )]
    Format {
        /// What the manifest says.
        format: String,
        /// What the manifest says.
        version: u32,
    },
    /// A member that is no plain file: a link, a folder, a device, a long-name record.
    #[error("member `{name}` is not a plain file; a backup holds nothing else")]
    NotAFile {
        /// Its name.
        name: String,
    },
    /// A name that is absolute, climbs out, or lies where no member of a backup lies.
    #[error("`{name}` is not a place that a member of a backup may have")]
    Place {
        /// The name.
        name: String,
    },
    /// A name that stands twice.
    #[error("member `{name}` stands in the backup twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// In the archive but not in its manifest.
    #[error("member `{name}` does not stand in the manifest")]
    Stranger {
        /// The name.
        name: String,
    },
    /// In the manifest but not in the archive.
    #[error("member `{name}` of the manifest is missing")]
    Missing {
        /// The name.
        name: String,
    },
    /// Size or digest differ from the manifest.
    #[error("member `{name}` was altered: its size or SHA-256 is not the manifest's")]
    Altered {
        /// The name.
        name: String,
    },
    /// Over a bound.
    #[error("the backup exceeds a bound: {0}")]
    TooLarge(String),
    /// Something follows the end of the archive.
    #[error("something follows the end of the backup")]
    Trailing,
}

fn reading(source: io::Error) -> ArchiveError {
    ArchiveError::Io { act: "read", source }
}

fn writing(source: io::Error) -> ArchiveError {
    ArchiveError::Io { act: "write", source }
}

/// The name is relative, clean and in a folder that a backup has.
fn check_place(name: &str) -> Result<(), ArchiveError> {
    let clean = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.contains(|c: char| c.is_control() || c == '\\')
    };
    let placed = FOLDERS.iter().any(|folder| name.starts_with(folder));
    if placed && name.len() <= 255 && name.split('/').all(clean) {
        return Ok(());
    }
    Err(ArchiveError::Place { name: name.chars().take(120).collect() })
}

/// Passes octets on and hashes them.
struct Hashing<R> {
    inner: R,
    hasher: crypto::Hasher,
    read: u64,
}

impl<R> std::fmt::Debug for Hashing<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hashing").field("read", &self.read).finish_non_exhaustive()
    }
}

impl<R> Hashing<R> {
    fn new(inner: R) -> Self {
        Self { inner, hasher: DigestAlgorithm::Sha256.hasher(), read: 0 }
    }

    fn finish(self) -> (u64, String) {
        (self.read, hex::encode(self.hasher.finish()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.read += read as u64;
        Ok(read)
    }
}
