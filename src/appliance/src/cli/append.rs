//! Writing a document with what was appended to it: never held in memory, never half there.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

use pdf::syntax::Source;

use super::{Failure, whole};
use crate::documents::FileSource;

/// Writes `input` and `tail` behind it to `output`, which appears whole or not at all. Where the file system can, the
/// original's blocks are shared (`FICLONE`), else copied inside the kernel (`copy_file_range`).
///
/// # Errors
/// What could not be read or written; the input was written to since it was opened; `output` exists and is not to be
/// replaced.
pub fn beside(input: &FileSource, output: &Path, tail: &[u8], replace: bool) -> Result<(), Failure> {
    let cannot = |error: io::Error| format!("cannot write `{}`: {error}", output.display());
    let mut to = tempfile::NamedTempFile::new_in(whole::folder(output)).map_err(cannot)?;
    // The file that was digested, even if its name leads to another one by now.
    write(input, to.as_file_mut(), tail).map_err(cannot)?;
    whole::keep(to, output, replace)
}

fn write(input: &FileSource, to: &mut File, tail: &[u8]) -> io::Result<()> {
    let mut from = input.file();
    to.set_permissions(Permissions::from_mode(from.metadata()?.mode() & 0o777))?;
    if rustix::fs::ioctl_ficlone(&*to, from).is_err() {
        from.rewind()?;
        io::copy(&mut from.take(input.len()), to)?;
    }
    if to.seek(SeekFrom::End(0))? != input.len() || input.has_changed()? {
        return Err(io::Error::other("the input has changed meanwhile; prepare it again"));
    }
    to.write_all(tail)
}

/// Appends `tail` to `path`, which must have `length` octets. What cannot be appended whole is taken back; what an
/// earlier run that was cut off appended of the same octets is made whole.
///
/// # Errors
/// What could not be written.
pub fn in_place(path: &Path, length: u64, tail: &[u8]) -> Result<(), Failure> {
    let cannot = |error: io::Error| format!("cannot append to `{}`: {error}", path.display());
    let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(cannot)?;
    let there = file.metadata().map_err(cannot)?.len();
    if there < length {
        return Err(format!("`{}` has changed meanwhile; prepare it again", path.display()).into());
    }
    if there > length {
        if !is_begun(&file, length, tail).map_err(cannot)? {
            return Err(format!(
                "`{0}` has {1} octets more than expected; if an earlier run was cut off there, truncate it to {length} \
                 octets (`truncate --size {length} FILE`) and try again",
                path.display(),
                there - length
            )
            .into());
        }
        file.set_len(length).map_err(cannot)?;
    }
    let written = file.write_all(tail).and_then(|()| file.sync_all());
    written.or_else(|error| {
        file.set_len(length).map_err(cannot)?;
        Err(cannot(error).into())
    })
}

/// Whether what stands behind `length` is the beginning of `tail`, and not all of it.
///
/// # Errors
/// What could not be read.
pub fn is_begun(file: &File, length: u64, tail: &[u8]) -> io::Result<bool> {
    let behind = file.metadata()?.len().checked_sub(length).and_then(|behind| usize::try_from(behind).ok());
    let Some(begun) = behind.filter(|behind| *behind < tail.len()).and_then(|behind| tail.get(..behind))
    else {
        return Ok(false);
    };
    let mut found = vec![0; begun.len()];
    file.read_exact_at(&mut found, length)?;
    Ok(!begun.is_empty() && found == begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_stays_and_the_result_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, vec![7; 300_000]).unwrap();
        std::fs::set_permissions(&input, Permissions::from_mode(0o600)).unwrap();
        let source = FileSource::open(&input).unwrap();
        beside(&source, &output, b"tail", false).unwrap();
        let written = std::fs::read(&output).unwrap();
        assert_eq!((written.len(), &written[300_000..]), (300_004, b"tail".as_slice()));
        assert_eq!(output.metadata().unwrap().mode() & 0o777, 0o600, "no more open than the original");
        assert!(beside(&source, &output, b"other", false).unwrap_err().to_string().contains("--force"));
        assert_eq!(std::fs::read(&output).unwrap(), written, "nothing is replaced unasked");
        beside(&source, &output, b"other", true).unwrap();
        assert_eq!(std::fs::metadata(&output).unwrap().len(), 300_005);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
        in_place(&input, 300_000, b"tail").unwrap();
        assert_eq!(std::fs::metadata(&input).unwrap().len(), 300_004);
        assert!(in_place(&input, 300_000, b"tail").is_err(), "a file that changed is left alone");
        assert!(beside(&source, &output, b"tail", true).is_err(), "it was written to since it was opened");
        assert_eq!(std::fs::metadata(&output).unwrap().len(), 300_005);
    }

    #[test]
    fn what_is_appended_to_is_the_file_that_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, b"document").unwrap();
        let source = FileSource::open(&input).unwrap();
        std::fs::write(folder.path().join("other"), b"exchange").unwrap();
        std::fs::rename(folder.path().join("other"), &input).unwrap();
        beside(&source, &output, b"tail", false).unwrap();
        assert_eq!(std::fs::read(&output).unwrap(), b"documenttail");
    }

    #[test]
    fn an_append_that_was_cut_off_is_made_whole_and_anything_else_is_told_how_to_undo() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in");
        for cut in 0..4 {
            std::fs::write(&path, [b"document", &b"tail"[..cut]].concat()).unwrap();
            in_place(&path, 8, b"tail").unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"documenttail", "cut off after {cut}");
        }
        for other in ["documentta!", "documenttail", "documenttail and more"] {
            std::fs::write(&path, other).unwrap();
            let told = in_place(&path, 8, b"tail").unwrap_err().to_string();
            assert!(told.contains("truncate it to 8 octets"), "{told}");
            assert_eq!(std::fs::read(&path).unwrap(), other.as_bytes());
        }
    }
}
