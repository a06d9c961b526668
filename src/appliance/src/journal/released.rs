//! The last checkpoint this node released, kept outside of the database (decision 8).
//!
//! A database that was rolled back, or restored from an older backup, would let the log fork: the same leaf number
//! would be signed twice. So each checkpoint is on this node's own disk before anyone is answered, and on start the
//! database's log must extend it. The file is also the lock of the node's state folder.
//!
//! Form: two slots of [`SLOT`] octets, written in turns, each `MAGIC`, the note's length and SHA-256 in hexadecimal,
//! and the note. The file's size never changes and no slot is written over while it is the only good one, so that a
//! write is one `pwrite` and one `fdatasync`, atomic after any crash, and needs no free space.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use rustix::fs::FlockOperation;
use tlog::SignedCheckpoint;

use super::error::JournalError;

/// The open, locked file.
#[derive(Debug)]
pub(super) struct Released {
    file: File,
    path: PathBuf,
    slot: u64,
}

impl Released {
    /// Opens and locks the file in the state folder; also what it holds. `None` for a new file.
    pub(super) fn open(state: &Path) -> Result<(Self, Option<SignedCheckpoint>), JournalError> {
        let path = state.join(NAME);
        let unusable = |source| JournalError::File { path: path.clone(), source };
        std::fs::create_dir_all(state).map_err(unusable)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| JournalError::Busy(path.clone()))?;
        if file.metadata().map_err(unusable)?.len() == 0 {
            // Allocated now, so that a full disk cannot stop a release later.
            file.write_all_at(&[0; 2 * SLOT], 0).map_err(unusable)?;
            file.sync_all().map_err(unusable)?;
            File::open(state).and_then(|folder| folder.sync_all()).map_err(unusable)?;
            return Ok((Self { file, path, slot: 0 }, None));
        }
        let mut bytes = vec![0; 2 * SLOT];
        file.read_exact_at(&mut bytes, 0).map_err(unusable)?;
        let blank = bytes.iter().all(|byte| *byte == 0);
        let slots = bytes.chunks(SLOT).map(read_slot).zip(0_u64..);
        let newest = slots
            .filter_map(|(checkpoint, slot)| Some((checkpoint?, slot)))
            .max_by_key(|(checkpoint, _)| checkpoint.checkpoint().size);
        match newest {
            Some((checkpoint, slot)) => Ok((Self { file, path, slot: 1 - slot }, Some(checkpoint))),
            None if blank => Ok((Self { file, path, slot: 0 }, None)),
            None => Err(JournalError::Released { path, fault: "neither half of it reads".to_owned() }),
        }
    }

    /// Makes a checkpoint the last released one. On the disk when this returns.
    pub(super) fn write(&mut self, checkpoint: &SignedCheckpoint) -> std::io::Result<()> {
        let note = checkpoint.note();
        let mut slot = format!("{MAGIC}{:08}\n{}\n{note}", note.len(), sha256(note)).into_bytes();
        if slot.len() > SLOT {
            return Err(std::io::Error::other("the checkpoint is too long for its file"));
        }
        slot.resize(SLOT, 0);
        self.file.write_all_at(&slot, self.slot * SLOT as u64)?;
        self.file.sync_data()?;
        self.slot = 1 - self.slot;
        Ok(())
    }

    /// The same, on a file that takes no writes.
    #[cfg(test)]
    pub(super) fn broken(self) -> Self {
        Self { file: File::open(&self.path).unwrap(), ..self }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The last checkpoint released by the node with this state folder, without locking; for the audit and for backups.
///
/// # Errors
/// When the file is there but does not read.
pub fn last_released(state: &Path) -> Result<Option<SignedCheckpoint>, JournalError> {
    let path = state.join(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(JournalError::File { path, source }),
    };
    let newest = bytes.chunks(SLOT).filter_map(read_slot).max_by_key(|c| c.checkpoint().size);
    if newest.is_none() && bytes.iter().any(|byte| *byte != 0) {
        return Err(JournalError::Released { path, fault: "neither half of it reads".to_owned() });
    }
    Ok(newest)
}

fn read_slot(slot: &[u8]) -> Option<SignedCheckpoint> {
    let rest = slot.strip_prefix(MAGIC.as_bytes())?;
    let (length, rest) = rest.split_at_checked(8)?;
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    let (hash, rest) = rest.strip_prefix(b"\n")?.split_at_checked(64)?;
    let note = rest.strip_prefix(b"\n")?.get(..length)?;
    (sha256(std::str::from_utf8(note).ok()?).as_bytes() == hash)
        .then(|| SignedCheckpoint::parse(note).ok())?
}

fn sha256(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

const NAME: &str = "released-checkpoint";
const MAGIC: &str = "cinnabar released checkpoint v1\n";
/// Larger than any checkpoint of ours with its signature lines.
const SLOT: usize = 4096;

#[cfg(test)]
mod tests {
    use tlog::note::SigningKey;
    use tlog::{Checkpoint, VerifierKey};

    use super::*;

    fn checkpoint(size: u64) -> SignedCheckpoint {
        let key = VerifierKey::new("example.org/log", [1; 32]).unwrap();
        let signer = SigningKey::new(key, |_: &[u8]| Ok::<_, std::io::Error>(vec![0; 64]));
        Checkpoint::new("example.org/log", size, [7; 32]).sign(&signer).unwrap()
    }

    #[test]
    fn the_newest_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut released, none) = Released::open(folder.path()).unwrap();
        assert!(none.is_none() && last_released(folder.path()).unwrap().is_none());
        for size in 1..6 {
            released.write(&checkpoint(size)).unwrap();
            assert_eq!(last_released(folder.path()).unwrap().unwrap(), checkpoint(size));
        }
        drop(released);
        assert_eq!(Released::open(folder.path()).unwrap().1.unwrap(), checkpoint(5));
    }

    #[test]
    fn a_torn_write_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (mut released, _) = Released::open(folder.path()).unwrap();
        for size in [1, 2, 3] {
            released.write(&checkpoint(size)).unwrap();
        }
        drop(released);
        let path = folder.path().join(NAME);
        let genuine = std::fs::read(&path).unwrap();
        // Slot 0 holds size 3.
        for length in [0, 10, 50, 120, 200] {
            let mut torn = genuine.clone();
            torn[length..SLOT].fill(0xff);
            std::fs::write(&path, &torn).unwrap();
            let (mut released, found) = Released::open(folder.path()).unwrap();
            assert_eq!(found.unwrap(), checkpoint(2), "{length}");
            released.write(&checkpoint(4)).unwrap();
            drop(released);
            assert_eq!(last_released(folder.path()).unwrap().unwrap(), checkpoint(4));
        }
        std::fs::write(&path, vec![0xff; 2 * SLOT]).unwrap();
        assert!(matches!(Released::open(folder.path()), Err(JournalError::Released { .. })));
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let _held = Released::open(folder.path()).unwrap();
        assert!(matches!(Released::open(folder.path()), Err(JournalError::Busy(_))));
    }
}
