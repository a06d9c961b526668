//! A document in a file, read where it stands: the command line's [`Source`].

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use pdf::syntax::Source;

/// An open file of fixed length. Files of 2 GB are read piece by piece, never as a whole.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    opened: Metadata,
    length: u64,
}

impl FileSource {
    /// Opens `path` for reading.
    ///
    /// # Errors
    /// Whatever the system reports; folders and devices are refused.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let opened = file.metadata()?;
        if !opened.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { file, length: opened.len(), opened })
    }

    /// As much of it as stands before `length`.
    #[must_use]
    pub fn first(self, length: u64) -> Self {
        Self { length: self.length.min(length), ..self }
    }

    /// The file that is read, whatever its name leads to by now.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether it was written to since it was opened, as far as the file system tells.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn has_changed(&self) -> io::Result<bool> {
        let told = |of: &Metadata| (of.len(), of.mtime(), of.mtime_nsec());
        Ok(told(&self.file.metadata()?) != told(&self.opened))
    }

    /// Whether `other` is the same file.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn is(&self, other: &File) -> io::Result<bool> {
        let other = other.metadata()?;
        Ok((other.dev(), other.ino()) == (self.opened.dev(), self.opened.ino()))
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }
}
