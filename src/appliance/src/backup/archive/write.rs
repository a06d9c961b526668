//! Writing a backup.

use std::io::{self, Read, Write};

use super::{ArchiveError, Hashing, MANIFEST, MAX_SMALL, Manifest, Member, check_place, writing};

/// Writes a backup, member by member.
pub struct Writer<W: Write> {
    pub(super) tar: tar::Builder<W>,
    pub(super) members: Vec<Member>,
    time: u64,
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("members", &self.members).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// Begins a backup; `time` (Unix seconds) is what its members are dated.
    pub fn new(inner: W, time: u64) -> Self {
        Self { tar: tar::Builder::new(inner), members: Vec::new(), time }
    }

    /// Adds a member of `size` octets.
    ///
    /// # Errors
    /// When the name may not stand in a backup, the content has another size, or writing fails.
    pub fn add(&mut self, name: &str, size: u64, content: impl Read) -> Result<(), ArchiveError> {
        check_place(name)?;
        if self.members.iter().any(|member| member.name == name) {
            return Err(ArchiveError::Twice { name: name.into() });
        }
        let mut content = Hashing::new(content.take(size));
        let header = self.header(name, size)?;
        self.tar.append(&header, &mut content).map_err(writing)?;
        let (read, sha256) = content.finish();
        if read != size {
            let short =
                io::Error::new(io::ErrorKind::UnexpectedEof, format!("`{name}` shrank while it was read"));
            return Err(writing(short));
        }
        self.members.push(Member { name: name.into(), size, sha256 });
        Ok(())
    }

    /// Adds a member from memory.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_bytes(&mut self, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
        self.add(name, content.len() as u64, content)
    }

    /// Writes the manifest, whose members are filled in, and the end of the archive.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self, mut manifest: Manifest) -> Result<(W, Manifest), ArchiveError> {
        manifest.members = std::mem::take(&mut self.members);
        let text = serde_json::to_vec_pretty(&manifest).map_err(ArchiveError::Manifest)?;
        if text.len() as u64 > MAX_SMALL {
            return Err(ArchiveError::TooLarge("the manifest".into()));
        }
        let header = self.header(MANIFEST, text.len() as u64)?;
        self.tar.append(&header, text.as_slice()).map_err(writing)?;
        Ok((self.tar.into_inner().map_err(writing)?, manifest))
    }

    fn header(&self, name: &str, size: u64) -> Result<tar::Header, ArchiveError> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).map_err(|_| ArchiveError::Place { name: name.into() })?;
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        Ok(header)
    }
}
