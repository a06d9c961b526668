//! Files with secrets in them: read only when nobody else can read them, written so that a crash at any moment leaves
//! either the old or the new content.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use zeroize::Zeroizing;

/// Far above any file of ours.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Who besides the owner may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Nobody.
    OwnerOnly,
    /// systemd grants the unit's user access to a credential with an ACL, which shows as a group-read bit on a
    /// file that root owns.
    SystemdCredential,
}

/// An opened directory that only its owner can enter.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    fd: OwnedFd,
}

impl Directory {
    /// Makes the directory if it is not there (mode 0700), then opens it.
    pub(crate) fn create(path: &Path) -> Result<Self, FileError> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) => {
                if let Some(parent) = path.parent() {
                    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                    sync_directory(parent)?;
                }
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(FileError::io(path, error)),
        }
        Self::open(path)
    }

    /// Opens a directory and checks that only its owner can read, enter or change it.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| FileError::io(path, error))?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| FileError::io(path, error))?;
        check(path, stat.st_mode, stat.st_uid, 0o077, "700")?;
        Ok(Self { path: path.to_owned(), fd })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Names of the files that are complete: temporary ones start with a dot.
    pub(crate) fn names(&self) -> Result<Vec<String>, FileError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(|error| FileError::std(&self.path, error))? {
            let entry = entry.map_err(|error| FileError::std(&self.path, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads a secret file of this directory; `None` when there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
        let path = self.path(name);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => read_checked(&path, fd, Strictness::OwnerOnly).map(Some),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(FileError::io(&path, error)),
        }
    }

    /// Keeps other writers out until the guard is dropped.
    pub(crate) fn lock(&self) -> Result<Locked<'_>, FileError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, ".", flags, Mode::empty())
            .map_err(|error| FileError::io(&self.path, error))?;
        rustix::fs::flock(&fd, FlockOperation::LockExclusive)
            .map_err(|error| FileError::io(&self.path, error))?;
        Ok(Locked { directory: self, _lock: fd })
    }
}

/// A directory that this process alone writes.
pub(crate) struct Locked<'a> {
    directory: &'a Directory,
    _lock: OwnedFd,
}

impl Locked<'_> {
    /// Writes a file that must not exist yet. `false` when it does.
    pub(crate) fn create(&self, name: &str, content: &[u8]) -> Result<bool, FileError> {
        self.stage(content)?.commit(name, RenameFlags::NOREPLACE)
    }

    /// Writes a file, replacing one that exists.
    pub(crate) fn replace(&self, name: &str, content: &[u8]) -> Result<(), FileError> {
        self.stage(content)?.commit(name, RenameFlags::empty()).map(|_| ())
    }

    /// Removes a file. `false` when there is none.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, FileError> {
        match rustix::fs::unlinkat(&self.directory.fd, name, AtFlags::empty()) {
            Ok(()) => self.sync().map(|()| true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(FileError::io(&self.directory.path(name), error)),
        }
    }

    /// Removes what a crashed writer left behind.
    pub(crate) fn sweep(&self) -> Result<(), FileError> {
        let path = &self.directory.path;
        for entry in std::fs::read_dir(path).map_err(|error| FileError::std(path, error))? {
            let name = entry.map_err(|error| FileError::std(path, error))?.file_name();
            if name.to_string_lossy().starts_with(TEMPORARY) {
                self.remove(&name.to_string_lossy())?;
            }
        }
        Ok(())
    }

    /// First half of a write: the content, durable under a temporary name.
    pub(crate) fn stage(&self, content: &[u8]) -> Result<Staged<'_>, FileError> {
        let mut suffix = [0; 8];
        SystemRandom::new().fill(&mut suffix).map_err(|_| FileError::Random)?;
        let name = format!("{TEMPORARY}{}", hex::encode(suffix));
        let path = self.directory.path(&name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = rustix::fs::openat(&self.directory.fd, &name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| FileError::io(&path, error))?;
        let mut file = File::from(fd);
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let staged = Staged { locked: self, name };
        written.map(|()| staged).map_err(|error| FileError::std(&path, error))
    }

    fn sync(&self) -> Result<(), FileError> {
        rustix::fs::fsync(&self.directory.fd).map_err(|error| FileError::io(&self.directory.path, error))
    }
}

/// Content on its way into its place.
pub(crate) struct Staged<'a> {
    locked: &'a Locked<'a>,
    name: String,
}

impl Staged<'_> {
    /// Second half: the rename, made durable.
    fn commit(self, name: &str, flags: RenameFlags) -> Result<bool, FileError> {
        let fd = &self.locked.directory.fd;
        match rustix::fs::renameat_with(fd, &self.name, fd, name, flags) {
            Ok(()) => self.locked.sync().map(|()| true),
            Err(rustix::io::Errno::EXIST) => {
                self.locked.remove(&self.name)?;
                Ok(false)
            }
            Err(error) => Err(FileError::io(&self.locked.directory.path(name), error)),
        }
    }
}

/// Reads a secret file anywhere.
pub(crate) fn read_secret_file(path: &Path, strictness: Strictness) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| FileError::io(path, error))?;
    read_checked(path, fd, strictness)
}

/// Writes a new file that only its owner can read (mode 0600), durably; its directory's mode is not looked at.
///
/// # Errors
/// When the file exists, or the file system fails.
pub fn write_secret_file(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd =
        rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| FileError::io(path, error))?;
    let mut file = File::from(fd);
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| FileError::std(path, error))?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    }
}

fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| FileError::std(path, error))
}

/// Checks the opened file, not the path, so that nobody can swap it in between.
fn read_checked(path: &Path, fd: OwnedFd, strictness: Strictness) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let mut file = File::from(fd);
    let metadata = file.metadata().map_err(|error| FileError::std(path, error))?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let by_systemd = strictness == Strictness::SystemdCredential && metadata.uid() == 0;
    let forbidden = if by_systemd { 0o037 } else { 0o077 };
    check(path, metadata.mode(), metadata.uid(), forbidden, "600")?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { path: path.to_owned(), limit: MAX_FILE_BYTES });
    }
    // Room for the whole file, so that no growing vector leaves copies of secrets behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    let read = (&mut file).take(MAX_FILE_BYTES + 1).read_to_end(&mut content);
    match read {
        Ok(length) if length as u64 > MAX_FILE_BYTES => {
            Err(FileError::TooLarge { path: path.to_owned(), limit: MAX_FILE_BYTES })
        }
        Ok(_) => Ok(content),
        Err(error) => Err(FileError::std(path, error)),
    }
}

fn check(path: &Path, mode: u32, owner: u32, forbidden: u32, remedy: &'static str) -> Result<(), FileError> {
    let us = rustix::process::geteuid().as_raw();
    if owner != us && owner != 0 {
        return Err(FileError::Owner { path: path.to_owned(), owner, us });
    }
    if mode & forbidden == 0 {
        Ok(())
    } else {
        Err(FileError::Exposed { path: path.to_owned(), mode: mode & 0o7777, remedy })
    }
}

const TEMPORARY: &str = ".new-";

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Others can read or change it.
    #[error("{} is accessible to others (mode {mode:04o}); mend it with: chmod {remedy} {}", path.display(), shell(path))]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The mode it should have.
        remedy: &'static str,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to user {owner}, not to the user of this process; mend it with: chown {us} {}", path.display(), shell(path))]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// The number of this process's user.
        us: u32,
    },
    /// A directory, device or pipe.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What is not one.
        path: PathBuf,
    },
    /// Over the limit.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// The operating system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No randomness for a temporary name.
    #[error("the system's random source failed")]
    Random,
}

impl FileError {
    fn io(path: &Path, error: rustix::io::Errno) -> Self {
        Self::std(path, error.into())
    }

    fn std(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// A path as a shell takes it.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn directory() -> (tempfile::TempDir, Directory) {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::create(&temp.path().join("keys")).unwrap();
        (temp, directory)
    }

    #[test]
    fn a_write_that_stops_before_its_rename_leaves_the_old_content() {
        let (_temp, directory) = directory();
        let locked = directory.lock().unwrap();
        locked.replace("a", b"old").unwrap();
        let staged = locked.stage(b"new").unwrap();
        let temporary = directory.path(&staged.name);
        drop(staged);
        assert_eq!(directory.read("a").unwrap().unwrap().as_slice(), b"old");
        assert_eq!(directory.names().unwrap(), ["a"]);
        assert!(temporary.exists());
        locked.sweep().unwrap();
        assert!(!temporary.exists());
        assert_eq!(directory.read("a").unwrap().unwrap().as_slice(), b"old");
    }

    #[test]
    fn creating_over_an_existing_file_changes_nothing() {
        let (_temp, directory) = directory();
        let locked = directory.lock().unwrap();
        assert!(locked.create("a", b"old").unwrap());
        assert!(!locked.create("a", b"new").unwrap());
        assert_eq!(directory.read("a").unwrap().unwrap().as_slice(), b"old");
        assert_eq!(std::fs::read_dir(&directory.path).unwrap().count(), 1);
    }

    #[test]
    fn modes_that_let_others_in_are_refused_with_the_remedy() {
        let (_temp, directory) = directory();
        directory.lock().unwrap().replace("a b", b"x").unwrap();
        let path = directory.path("a b");
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let error = directory.read("a b").unwrap_err().to_string();
            assert!(error.contains(&format!("mode {mode:04o}")), "{error}");
            assert!(error.ends_with(&format!("chmod 600 '{}'", path.display())), "{error}");
        }
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert!(directory.read("a b").is_ok());
        }
        std::fs::set_permissions(&directory.path, PermissionsExt::from_mode(0o750)).unwrap();
        let error = Directory::open(&directory.path).unwrap_err().to_string();
        assert!(error.ends_with(&format!("chmod 700 {}", directory.path.display())), "{error}");
    }

    #[test]
    fn links_and_other_things_are_not_read() {
        let (temp, directory) = directory();
        std::os::unix::fs::symlink("/etc/hostname", directory.path("link")).unwrap();
        assert!(directory.read("link").is_err());
        std::fs::create_dir(directory.path("folder")).unwrap();
        assert!(matches!(directory.read("folder"), Err(FileError::NotAFile { .. })));
        let large = temp.path().join("large");
        write_secret_file(&large, &vec![0; 70_000]).unwrap();
        assert!(matches!(read_secret_file(&large, Strictness::OwnerOnly), Err(FileError::TooLarge { .. })));
        assert!(write_secret_file(&large, b"again").is_err());
    }
}
