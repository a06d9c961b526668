//! Reading a backup: all of it is checked once before anything is believed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde::Deserialize;

use super::{
    ArchiveError, FORMAT, Hashing, MANIFEST, MAX_MEMBERS, MAX_SMALL, Manifest, Member, VERSION, check_place,
    reading,
};

/// A backup that was read once from end to end and is what its manifest says.
#[derive(Debug)]
pub struct Archive {
    file: File,
    manifest: Manifest,
    places: BTreeMap<String, u64>,
}

impl Archive {
    /// Opens a backup and checks all of it. `progress` is told the octets read so far.
    ///
    /// # Errors
    /// [`ArchiveError`], for the first thing found wrong.
    pub fn open(path: &Path, progress: &mut dyn FnMut(u64)) -> Result<Self, ArchiveError> {
        Self::check(File::open(path).map_err(reading)?, progress)
    }

    pub(super) fn check(mut file: File, progress: &mut dyn FnMut(u64)) -> Result<Self, ArchiveError> {
        let mut found = Vec::new();
        let mut places = BTreeMap::new();
        let mut manifest = None;
        let mut tar = tar::Archive::new(&file);
        for entry in tar.entries().map_err(ArchiveError::Truncated)?.raw(true) {
            let mut entry = entry.map_err(ArchiveError::Truncated)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if manifest.is_some() {
                return Err(ArchiveError::Stranger { name });
            }
            if entry.header().entry_type() != tar::EntryType::Regular {
                return Err(ArchiveError::NotAFile { name });
            }
            let size = entry.header().entry_size().map_err(ArchiveError::Truncated)?;
            if name == MANIFEST {
                manifest = Some(read_manifest(&mut entry, size)?);
                continue;
            }
            check_place(&name)?;
            if !name.starts_with("database/") && size > MAX_SMALL {
                return Err(ArchiveError::TooLarge(name));
            }
            if places.insert(name.clone(), entry.raw_file_position()).is_some() {
                return Err(ArchiveError::Twice { name });
            }
            if found.len() == MAX_MEMBERS {
                return Err(ArchiveError::TooLarge(format!("more than {MAX_MEMBERS} members")));
            }
            let mut content = Hashing::new(&mut entry);
            io::copy(&mut content, &mut io::sink()).map_err(ArchiveError::Truncated)?;
            let (read, sha256) = content.finish();
            if read != size {
                return Err(ArchiveError::Truncated(io::ErrorKind::UnexpectedEof.into()));
            }
            progress(entry.raw_file_position() + size);
            found.push(Member { name, size, sha256 });
        }
        let manifest = manifest.ok_or(ArchiveError::NoManifest)?;
        only_zeros(&mut file)?;
        compare(&manifest, &found)?;
        Ok(Self { file, manifest, places })
    }

    /// What the backup holds.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A small member's content, checked against the manifest once more.
    ///
    /// # Errors
    /// When there is no such member, or it is no longer what it was when the backup was opened.
    pub fn content(&self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        let mut reader = self.reader(name)?;
        let mut content = Vec::new();
        reader.read_to_end(&mut content).map_err(reading)?;
        reader.finish()?;
        Ok(content)
    }

    /// Whether there is such a member.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Reads a member piece by piece; [`MemberReader::finish`] says whether it may be believed.
    ///
    /// # Errors
    /// When there is no such member.
    pub fn reader(&self, name: &str) -> Result<MemberReader<'_>, ArchiveError> {
        let missing = || ArchiveError::Missing { name: name.into() };
        let offset = *self.places.get(name).ok_or_else(missing)?;
        let member = self.manifest.members.iter().find(|m| m.name == name).ok_or_else(missing)?;
        let span = Span { file: &self.file, offset, left: member.size };
        Ok(MemberReader { member, content: Hashing::new(span) })
    }
}

/// A member being read.
#[derive(Debug)]
pub struct MemberReader<'a> {
    member: &'a Member,
    content: Hashing<Span<'a>>,
}

impl Read for MemberReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

impl MemberReader<'_> {
    /// Reads the rest and compares size and digest with the manifest.
    ///
    /// # Errors
    /// [`ArchiveError::Altered`] when the file changed since it was opened.
    pub fn finish(mut self) -> Result<(), ArchiveError> {
        io::copy(&mut self.content, &mut io::sink()).map_err(reading)?;
        let (read, sha256) = self.content.finish();
        if read == self.member.size && sha256 == self.member.sha256 {
            return Ok(());
        }
        Err(ArchiveError::Altered { name: self.member.name.clone() })
    }
}

#[derive(Debug)]
struct Span<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let (head, _) = buffer.split_at_mut(wanted);
        let read = self.file.read_at(head, self.offset)?;
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

fn read_manifest(entry: &mut impl Read, size: u64) -> Result<Manifest, ArchiveError> {
    if size > MAX_SMALL {
        return Err(ArchiveError::TooLarge("the manifest".into()));
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(ArchiveError::Truncated)?;
    if text.len() as u64 != size {
        return Err(ArchiveError::Truncated(io::ErrorKind::UnexpectedEof.into()));
    }
    // The two words first: a later version may say other things than we can read.
    #[derive(Deserialize)]
    struct Words {
        format: String,
        version: u32,
    }
    let words: Words = serde_json::from_slice(&text).map_err(ArchiveError::Manifest)?;
    if words.format != FORMAT || words.version != VERSION {
        return Err(ArchiveError::Format { format: words.format, version: words.version });
    }
    serde_json::from_slice(&text).map_err(ArchiveError::Manifest)
}

fn compare(manifest: &Manifest, found: &[Member]) -> Result<(), ArchiveError> {
    let mut expected = BTreeMap::new();
    for member in &manifest.members {
        if expected.insert(member.name.as_str(), member).is_some() {
            return Err(ArchiveError::Twice { name: member.name.clone() });
        }
    }
    for member in found {
        match expected.remove(member.name.as_str()) {
            Some(wanted) if wanted == member => {}
            Some(_) => return Err(ArchiveError::Altered { name: member.name.clone() }),
            None => return Err(ArchiveError::Stranger { name: member.name.clone() }),
        }
    }
    match expected.into_keys().next() {
        Some(name) => Err(ArchiveError::Missing { name: name.into() }),
        None => Ok(()),
    }
}

/// Behind the end of a tar only zero blocks may stand.
fn only_zeros(file: &mut File) -> Result<(), ArchiveError> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(reading)?;
        let Some(block) = buffer.get(..read).filter(|block| !block.is_empty()) else { break };
        if block.iter().any(|octet| *octet != 0) {
            return Err(ArchiveError::Trailing);
        }
    }
    file.rewind().map_err(reading)
}
